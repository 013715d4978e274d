/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever comes as a key to the soft driver is taken or refused as the
 * caller's mistake; what is made of it is taken again as it is, works as a key
 * that is loaded, and fits the room for it. Input: a byte that picks the key
 * type, the key.
 */
#include "driver/driver.h"
#include "hufu/pkcs11.h"

#include "fuzz.h"

#include <string.h>

#define ROOM 8192

static const struct {
	enum hufu_key_type type;
	enum hufu_verb verb;
	uint64_t mechanism;
	enum hufu_err answer;  /* of a key that is loaded: nothing is brought to verify, and no peer to agree with */
} picks[] = {
	{HUFU_KEY_RSA_PRIVATE, HUFU_VERB_SIGN, CKM_RSA_PKCS, HUFU_OK},
	{HUFU_KEY_RSA_PUBLIC, HUFU_VERB_ENCRYPT, CKM_RSA_PKCS, HUFU_OK},
	{HUFU_KEY_EC_PRIVATE, HUFU_VERB_SIGN, CKM_ECDSA, HUFU_OK},
	{HUFU_KEY_EC_PUBLIC, HUFU_VERB_VERIFY, CKM_ECDSA, HUFU_ERR_SIGNATURE_LEN},
	{HUFU_KEY_EDWARDS_PRIVATE, HUFU_VERB_SIGN, CKM_EDDSA, HUFU_OK},
	{HUFU_KEY_EDWARDS_PUBLIC, HUFU_VERB_VERIFY, CKM_EDDSA, HUFU_ERR_SIGNATURE_LEN},
	{HUFU_KEY_MONTGOMERY_PRIVATE, HUFU_VERB_DERIVE, CKM_ECDH1_DERIVE, HUFU_ERR_PARAM},
};

static enum hufu_err run(struct hufu_op *op)
{
	static struct hufu_device *device;
	static struct hufu_lease *lease;
	struct hufu_conf conf = {.size = sizeof(conf), .name = "fuzz"};

	if (!device &&
	    (driver_soft.open(driver_host(), &conf, 0, &device) != HUFU_OK || driver_soft.lease(device, 0, &lease) != HUFU_OK))
		abort();
	op->size = sizeof(*op);
	driver_soft.run(lease, &op, 1);
	if (op->out_len > op->out_cap || op->pub_len > HUFU_PUB_MAX)
		abort();
	return op->outcome;
}

static enum hufu_err import(enum hufu_key_type type, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
	uint8_t pub[HUFU_PUB_MAX];
	struct hufu_op op = {
		.verb = HUFU_VERB_IMPORT, .new_type = type, .in = in, .in_len = len, .out = out, .out_cap = ROOM, .pub = pub};
	enum hufu_err err = run(&op);

	*out_len = op.out_len;
	return err;
}

static enum hufu_err use(size_t pick, const uint8_t *copy, size_t len)
{
	struct hufu_key key = {
		.size = sizeof(key), .type = picks[pick].type, .copy_kind = HUFU_COPY_BLOB, .blob = copy, .blob_len = len};
	uint8_t out[ROOM];
	struct hufu_op op = {.verb = picks[pick].verb, .mechanism = picks[pick].mechanism, .key = &key,
	                     .in = (const uint8_t *)"hufu", .in_len = 4, .out = out, .out_cap = sizeof(out)};
	struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &key};
	enum hufu_err err = run(&op);

	(void)run(&evict);
	return err;
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	static uint8_t copy[ROOM], again[ROOM];
	size_t copy_len, again_len;

	if (len < 2)
		return;
	size_t pick = data[0] % (sizeof(picks) / sizeof(picks[0]));
	/* Copies are loaded as they are found, too: nothing but OK or an error may come of it. */
	(void)use(pick, data + 1, len - 1);
	enum hufu_err err = import(picks[pick].type, data + 1, len - 1, copy, &copy_len);
	if (err != HUFU_OK) {
		if (hufu_err_group(err) != HUFU_GROUP_CALLER)
			abort();
		return;
	}
	if (import(picks[pick].type, copy, copy_len, again, &again_len) != HUFU_OK || again_len != copy_len ||
	    memcmp(again, copy, copy_len) != 0 || use(pick, copy, copy_len) != picks[pick].answer)
		abort();
}
