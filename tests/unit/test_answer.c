/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: no wrong signature of a device that is not software is released, of
 * whatever algorithm, where verify_after says so (RSA and EdDSA: always); a
 * right one is; and a pair whose public half is no point is refused.
 */
#include "pool_util.h"

#include <string.h>

#include "hufu/pkcs11.h"
#include "pool/internal.h"
#include "driver/driver.h"

struct family {
	const char *name;
	enum hufu_key_type type;
	uint64_t make, sign;
	size_t in_len;
	const void *make_param, *sign_param;
	bool always;               /* checked even with verify_after = never */
};

static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const struct hufu_param_rsa_gen rsa_2048 = {.nbits = 2048};
static const struct hufu_param_curve on_p256 = {p256, sizeof(p256)}, on_ed25519 = {ed25519, sizeof(ed25519)};
static const struct hufu_param_pss pss = {CKM_SHA256, CKM_SHA256, 32};

static const struct family families[] = {
	{"SM2", HUFU_KEY_SM2_PRIVATE, CKM_HUFU_SM2_KEY_PAIR_GEN, CKM_HUFU_SM2, 32, NULL, NULL, false},
	{"ECDSA", HUFU_KEY_EC_PRIVATE, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, 32, &on_p256, NULL, false},
	{"EdDSA", HUFU_KEY_EDWARDS_PRIVATE, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA, 100, &on_ed25519, NULL, true},
	{"RSA PSS", HUFU_KEY_RSA_PRIVATE, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS_PSS, 32, &rsa_2048, &pss, true},
	{"RSA PKCS #1 v1.5", HUFU_KEY_RSA_PRIVATE, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, 51, &rsa_2048, NULL, true},
};
#define NFAMILIES (sizeof(families) / sizeof(families[0]))

static struct conf *conf;

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

/* A device that misbehaves as scripted, and perhaps a good one behind it. */
static struct pool *open_pool(const char *verify_after, const char *script, bool second)
{
	char text[512];
	struct pool *pool;

	fault_reset();
	snprintf(text, sizeof(text),
	         "device a { driver = fault domain = d priority = 1 }\ndevice b { driver = fault domain = d priority = 2 }\n"
	         "token t { store = \"sqlite:/nowhere/t.db\" devices = {a%s} verify_after = %s }", second ? ", b" : "", verify_after);
	CU_ASSERT_FATAL(conf_parse(text, "test", report, NULL, &conf) == HUFU_OK);
	CU_ASSERT_FATAL(pool_new(conf, &conf->tokens[0], &pool) == HUFU_OK);
	(void)!pool_can(pool, 0, HUFU_VERB_RANDOM); /* it is admitted before it misbehaves */
	lab_script("a", script);
	return pool;
}

static void close_pool(struct pool *pool)
{
	pool_free(pool);
	conf_free(conf);
}

struct pair {
	uint8_t copy[4096], pub[HUFU_PUB_MAX];
	size_t copy_len, pub_len;
};

/* Made by software: no script touches it. */
static void make_pair(const struct family *family, struct pair *pair)
{
	static const struct lab_device soft[] = {{"s", NULL, NULL, "soft", 0}, {0}};
	struct pool *pool = lab_pool(soft);
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = family->make, .new_type = family->type,
	                                  .param = family->make_param, .out = pair->copy, .out_cap = sizeof(pair->copy),
	                                  .pub = pair->pub}};

	CU_ASSERT_FATAL(pool_run(pool, &req) == HUFU_OK);
	pair->copy_len = req.op.out_len;
	pair->pub_len = req.op.pub_len;
	lab_free(pool);
}

static struct pool_key *load(struct pool *pool, const struct family *family, const struct pair *pair)
{
	static const uint8_t uuid[16] = {9};
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = pair->copy, .len = pair->copy_len};
	struct pool_key *key;

	CU_ASSERT_FATAL(pool_key_new(pool, uuid, 1, family->type, &copy, 1, &key) == HUFU_OK);
	if (family->type == HUFU_KEY_SM2_PRIVATE)
		CU_ASSERT_FATAL(pool_key_set_point(key, pair->pub) == HUFU_OK);
	if (family->type != HUFU_KEY_SM2_PRIVATE)
		CU_ASSERT_FATAL(pool_key_set_public(key, pair->pub, pair->pub_len) == HUFU_OK);
	return key;
}

static enum hufu_err sign(struct pool *pool, struct pool_key *key, const struct family *family)
{
	uint8_t in[100] = {1, 2, 3}, out[512];
	struct pool_request req = {.op = {.verb = HUFU_VERB_SIGN, .mechanism = family->sign, .param = family->sign_param, .in = in,
	                                  .in_len = family->in_len, .out = out, .out_cap = sizeof(out), .repeatable = true},
	                           .key = key};

	return pool_run(pool, &req);
}

static enum hufu_err sign_once(const struct family *family, const struct pair *pair, const char *verify_after, const char *script,
                               bool second)
{
	struct pool *pool = open_pool(verify_after, script, second);
	struct pool_key *key = load(pool, family, pair);
	enum hufu_err err = sign(pool, key, family);

	pool_key_rele(key);
	close_pool(pool);
	return err;
}

static void test_signatures(void)
{
	for (size_t i = 0; i < NFAMILIES; i++) {
		const struct family *f = &families[i];
		struct pair pair;

		make_pair(f, &pair);
		CU_ASSERT(sign_once(f, &pair, "always", "", false) == HUFU_OK);
		CU_ASSERT(sign_once(f, &pair, "always", "sign:flip-out", false) == HUFU_ERR_CORRUPT);
		CU_ASSERT(sign_once(f, &pair, "always", "sign:wrong", false) == HUFU_ERR_CORRUPT);
		CU_ASSERT(sign_once(f, &pair, "always", "sign:wrong", true) == HUFU_OK);
		CU_ASSERT(sign_once(f, &pair, "never", "sign:wrong", false) == (f->always ? HUFU_ERR_CORRUPT : HUFU_OK));
		CU_ASSERT(sign_once(f, &pair, "auto", "sign:wrong", false) == HUFU_ERR_CORRUPT);
	}
}

/* One in 16, whichever: 64 lies are told, four are found. */
static void test_sample(void)
{
	struct pair pair;

	make_pair(&families[1], &pair);
	struct pool *pool = open_pool("sample", "sign:wrong", false);
	struct pool_key *key = load(pool, &families[1], &pair);
	unsigned found = 0;

	for (unsigned i = 0; i < 64; i++)
		found += sign(pool, key, &families[1]) == HUFU_ERR_CORRUPT;
	CU_ASSERT_EQUAL(found, 4);
	pool_key_rele(key);
	close_pool(pool);
}

/* Without the public key nobody can check: such a device does not sign. */
static void test_unknown_public(void)
{
	const struct family *f = &families[1];
	struct pair pair;

	make_pair(f, &pair);
	struct pool *pool = open_pool("always", "", false);
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = pair.copy, .len = pair.copy_len};
	struct pool_key *key;
	CU_ASSERT_FATAL(pool_key_new(pool, (const uint8_t[16]){1}, 1, f->type, &copy, 1, &key) == HUFU_OK);
	CU_ASSERT(sign(pool, key, f) == HUFU_ERR_UNSUPPORTED);
	CU_ASSERT(pool_key_set_public(key, pair.pub, 0) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(pool_key_set_public(key, pair.pub, HUFU_PUB_MAX + 1) == HUFU_ERR_KEY_VALUE);
	pool_key_rele(key);
	close_pool(pool);
}

static enum hufu_err generate(const struct family *family, const char *script)
{
	struct pool *pool = open_pool("never", script, false);
	uint8_t out[4096], pub[HUFU_PUB_MAX];
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = family->make, .new_type = family->type,
	                                  .param = family->make_param, .out = out, .out_cap = sizeof(out), .pub = pub}};
	enum hufu_err err = pool_run(pool, &req);

	CU_ASSERT(err == HUFU_OK || req.op.pub_len == 0);
	close_pool(pool);
	return err;
}

/* One bit of a point turned over: off the curve. */
static void test_new_pairs(void)
{
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT(generate(&families[i], "") == HUFU_OK);
		CU_ASSERT(generate(&families[i], "generate:flip-pub") == HUFU_ERR_CORRUPT);
	}
}

/* -- states ------------------------------------------------------------------- */

/* A device that says it wrote a state where none was asked for. */
static void tell_of_a_state(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	driver_fault.run(lease, ops, n);
	for (size_t i = 0; i < n; i++)
		if (ops[i]->verb == HUFU_VERB_ENCRYPT)
			ops[i]->state_out_len = HUFU_STATE_MAX;
}

static void test_state_unasked(void)
{
	static const struct lab_device devices[] = {{"a", "", NULL, "boaster", 0}, {"b", "", NULL, "boaster", 0}, {0}};
	static struct hufu_driver boaster;
	struct pool_request req = {.op = {.repeatable = true}};

	boaster = driver_fault;
	boaster.name = "boaster";
	boaster.run = tell_of_a_state;
	CU_ASSERT_FATAL(driver_register(&boaster) == HUFU_OK);
	struct pool *pool = lab_pool(devices);
	struct pool_key *key = lab_sm4(pool, "soft");
	CU_ASSERT(lab_encrypt(pool, key, &req) == HUFU_ERR_CORRUPT);
	pool_key_rele(key);
	lab_free(pool);
}

/* -- lengths -------------------------------------------------------------------- */

static void cut_agreements(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	driver_fault.run(lease, ops, n);
	for (size_t i = 0; i < n; i++)
		if (ops[i]->verb == HUFU_VERB_DERIVE && ops[i]->out_len)
			ops[i]->out_len--;
}

/* An exchange of one key pair with itself. */
static enum hufu_err agree(const struct lab_device *devices)
{
	struct pool *pool = lab_pool(devices);
	struct pool_key *key = lab_private(pool);
	struct hufu_param_sm2_agree param = {.initiator = true, .key_len = 16};
	uint8_t out[16 + 64];
	struct pool_request req = {.op = {.verb = HUFU_VERB_DERIVE, .mechanism = CKM_HUFU_SM2_KEY_AGREEMENT, .param = &param,
	                                  .out = out, .out_cap = sizeof(out), .repeatable = true},
	                           .key = key, .subject = key};

	memcpy(param.own_static, key->point->point, SM2_POINT_LEN);
	memcpy(param.own_ephemeral, key->point->point, SM2_POINT_LEN);
	memcpy(param.peer_static, key->point->point, SM2_POINT_LEN);
	memcpy(param.peer_ephemeral, key->point->point, SM2_POINT_LEN);
	enum hufu_err err = pool_run(pool, &req);
	CU_ASSERT(err != HUFU_OK || req.op.out_len == sizeof(out));
	pool_key_rele(key);
	lab_free(pool);
	return err;
}

static void test_agreement_cut(void)
{
	static const struct lab_device alone[] = {{"a", "", NULL, "miser", 0}, {0}};
	static const struct lab_device with_another[] = {{"a", "", NULL, "miser", 0}, {"b", "", NULL, "sound", 0}, {0}};
	static struct hufu_driver miser;

	miser = driver_fault;
	miser.name = "miser";
	miser.run = cut_agreements;
	CU_ASSERT_FATAL(driver_register(&miser) == HUFU_OK);
	CU_ASSERT(agree(alone) == HUFU_ERR_CORRUPT);
	for (int i = 0; i < 8; i++)
		CU_ASSERT(agree(with_another) == HUFU_OK);
}

/* The kind of a new copy is what the device says, and one that its lease takes along is no copy. */
static void test_copy_kind(void)
{
	uint8_t out[256], pub[HUFU_PUB_MAX];
	struct pool *pool = open_pool("always", "", false);
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                                  .new_type = HUFU_KEY_SM2_PRIVATE, .out = out, .out_cap = sizeof(out), .pub = pub,
	                                  .copy_kind = HUFU_COPY_LIVE}};

	CU_ASSERT(pool_run(pool, &req) == HUFU_OK && req.op.copy_kind == HUFU_COPY_BLOB);
	lab_script("a", "generate:copy-live");
	CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_CORRUPT && req.op.out_len == 0);
	close_pool(pool);
}

static const struct unit_case cases[] = {
	{"wrong signatures are not released, right ones are", test_signatures},
	{"verify_after = sample looks at one in 16", test_sample},
	{"where nobody can check, such a device does not sign", test_unknown_public},
	{"a public key that is none makes no pair", test_new_pairs},
	{"a state that nobody asked for is a lie, and written nowhere", test_state_unasked},
	{"an agreed key that came short is a lie, and another device is asked", test_agreement_cut},
	{"what a new copy is the device says, and one of a lease is none", test_copy_kind},
	{0},
};

int main(void)
{
	lab_start();
	return unit_main("answer", cases);
}
