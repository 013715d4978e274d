/* SPDX-License-Identifier: Apache-2.0 */
/* SM3 (GB/T 32905), of src/sm: no token is asked. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "base/secret.h"
#include "ossl/error.h"
#include "ossl/param.h"
#include "sm/sm3.h"

/* -- its life ---------------------------------------------------------------------- */

static void *new_context(void *provider)
{
	(void)provider;
	return calloc(1, sizeof(struct sm3));
}

static void free_context(void *ctx)
{
	if (ctx)
		secret_wipe(ctx, sizeof(struct sm3));
	free(ctx);
}

static void *copy_context(void *from)
{
	struct sm3 *to = malloc(sizeof *to);

	if (to)
		*to = *(struct sm3 *)from;
	return to;
}

/* -- at work ------------------------------------------------------------------------- */

static int begin(void *ctx, const OSSL_PARAM params[])
{
	(void)params;                   /* there are none */
	sm3_init(ctx);
	return 1;
}

static int update(void *ctx, const unsigned char *in, size_t len)
{
	if (len)
		sm3_update(ctx, in, len);
	return 1;
}

static int final(void *ctx, unsigned char *out, size_t *out_len, size_t room)
{
	if (room < SM3_DIGEST_LEN)
		return 0;
	sm3_final(ctx, out);
	*out_len = SM3_DIGEST_LEN;
	return 1;
}

static int once(void *provider, const unsigned char *in, size_t len, unsigned char *out, size_t *out_len, size_t room)
{
	if (room < SM3_DIGEST_LEN)
		return fail(provider, REASON_BUFFER, "SM3: 32 bytes are wanted for the digest");
	sm3(in, len, out);
	*out_len = SM3_DIGEST_LEN;
	return 1;
}

static int get_params(OSSL_PARAM params[])
{
	OSSL_PARAM *block = OSSL_PARAM_locate(params, OSSL_DIGEST_PARAM_BLOCK_SIZE);
	OSSL_PARAM *size = OSSL_PARAM_locate(params, OSSL_DIGEST_PARAM_SIZE);
	OSSL_PARAM *xof = OSSL_PARAM_locate(params, OSSL_DIGEST_PARAM_XOF);
	OSSL_PARAM *absent = OSSL_PARAM_locate(params, OSSL_DIGEST_PARAM_ALGID_ABSENT);

	return (!block || param_set_size(block, SM3_BLOCK_LEN)) && (!size || param_set_size(size, SM3_DIGEST_LEN)) &&
	       (!xof || param_set_int(xof, 0)) && (!absent || param_set_int(absent, 0));
}

static const OSSL_PARAM *gettable_params(void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_size_t(OSSL_DIGEST_PARAM_BLOCK_SIZE, NULL),
		OSSL_PARAM_size_t(OSSL_DIGEST_PARAM_SIZE, NULL),
		OSSL_PARAM_int(OSSL_DIGEST_PARAM_XOF, NULL),
		OSSL_PARAM_int(OSSL_DIGEST_PARAM_ALGID_ABSENT, NULL),
		OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

static const OSSL_DISPATCH sm3_functions[] = {
	FUNCTION(OSSL_FUNC_DIGEST_NEWCTX, new_context),
	FUNCTION(OSSL_FUNC_DIGEST_FREECTX, free_context),
	FUNCTION(OSSL_FUNC_DIGEST_DUPCTX, copy_context),
	FUNCTION(OSSL_FUNC_DIGEST_INIT, begin),
	FUNCTION(OSSL_FUNC_DIGEST_UPDATE, update),
	FUNCTION(OSSL_FUNC_DIGEST_FINAL, final),
	FUNCTION(OSSL_FUNC_DIGEST_DIGEST, once),
	FUNCTION(OSSL_FUNC_DIGEST_GET_PARAMS, get_params),
	FUNCTION(OSSL_FUNC_DIGEST_GETTABLE_PARAMS, gettable_params),
	END_OF_FUNCTIONS,
};

const OSSL_ALGORITHM digest_algorithms[] = {
	ALGORITHM("SM3:1.2.156.10197.1.401", sm3_functions, "SM3, on this host"),
	{NULL, NULL, NULL, NULL},
};
