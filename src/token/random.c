/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers (PKCS#11 3.1 5.19): a device's, in pieces that no deadline is too short for. */
#include "base/secret.h"
#include "rand/rand.h"
#include "token/operation.h"
#include "token/rv.h"

#define PIECE ((size_t)1 << 20)

CK_RV random_fill(struct session *s, CK_BYTE *out, CK_ULONG len)
{
	enum hufu_err err = HUFU_OK;
	for (size_t at = 0; at < len && err == HUFU_OK;) {
		size_t n = len - at < PIECE ? len - at : PIECE;
		struct pool_request req = {.op = {.verb = HUFU_VERB_RANDOM, .out = out + at, .out_cap = n, .repeatable = true},
		                           .may_park = true};
		err = pool_run(s->token->pool, &req);
		if (err == HUFU_OK && req.op.out_len != n)
			err = HUFU_ERR_CORRUPT;
		at += n;
	}
	if (err != HUFU_OK)
		secret_wipe(out, len); /* nobody shall take what came so far for all of it */
	return rv_of(err);
}

/* Mixed in, never counted as entropy. */
CK_RV random_seed(struct session *s, const CK_BYTE *seed, CK_ULONG len)
{
	(void)s;
	return rv_of(rand_mix(seed, len));
}
