/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: an engine that the application has made its default one, as nginx's
 * ssl_engine and default_algorithms of openssl.cnf do, takes no part in what the
 * soft driver makes of keys; the search for primes ends with its deadline; and
 * libcrypto is left alone once it has torn itself down, as it does at exit.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "driver/driver.h"
#include "hufu/pkcs11.h"

#include "unit.h"

#include <openssl/evp.h>
#ifndef OPENSSL_NO_ENGINE
#include <openssl/engine.h>
#endif

#define ROOM 4096

static struct hufu_device *device;

static enum hufu_err run(struct hufu_op *op)
{
	struct hufu_lease *lease = NULL;

	op->size = sizeof(*op);
	if (driver_soft.lease(device, 0, &lease) != HUFU_OK)
		abort();
	driver_soft.run(lease, &op, 1);
	driver_soft.release(lease);
	return op->outcome;
}

#ifndef OPENSSL_NO_ENGINE

static const int *engine_nids(int *n)
{
	static const int nids[] = {EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519, EVP_PKEY_ED448, EVP_PKEY_X25519, EVP_PKEY_X448};

	*n = (int)(sizeof(nids) / sizeof(nids[0]));
	return nids;
}

/* That of libp11 would fall back to libcrypto's own, after it has looked at the key. */
static int refuse(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *out_len, const unsigned char *in, size_t in_len)
{
	(void)ctx, (void)out, (void)out_len, (void)in, (void)in_len;
	return 0;
}

/* libcrypto's own, which computes nothing with a key. The engine frees it. */
static EVP_PKEY_METHOD *rsa_method(void)
{
	static EVP_PKEY_METHOD *method;

	if (!method && (method = EVP_PKEY_meth_new(EVP_PKEY_RSA, 0)) != NULL) {
		EVP_PKEY_meth_copy(method, EVP_PKEY_meth_find(EVP_PKEY_RSA));
		EVP_PKEY_meth_set_encrypt(method, NULL, refuse);
		EVP_PKEY_meth_set_decrypt(method, NULL, refuse);
	}
	return method;
}

static int engine_methods(ENGINE *engine, EVP_PKEY_METHOD **method, const int **nids, int nid)
{
	int n;

	(void)engine;
	if (!method) {
		*nids = engine_nids(&n);
		return n;
	}
	*method = nid == EVP_PKEY_RSA ? rsa_method() : (EVP_PKEY_METHOD *)(uintptr_t)EVP_PKEY_meth_find(nid);
	return *method != NULL;
}

static bool make_default(ENGINE *engine)
{
	return engine && ENGINE_set_id(engine, "hufu-test") && ENGINE_set_name(engine, "a token's") &&
	       ENGINE_set_pkey_meths(engine, engine_methods) && ENGINE_set_default_pkey_meths(engine);
}

/* A pair is made, and its private key signs, or agrees where it cannot sign. */
static void make_and_use(uint64_t generates, enum hufu_key_type type, const void *param, uint64_t uses)
{
	static const uint8_t x25519_base[32] = {9};
	const struct hufu_param_agree agree = {.peer = x25519_base, .peer_len = sizeof(x25519_base)};
	static uint8_t copy[ROOM], pub[HUFU_PUB_MAX], out[ROOM];
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = generates, .new_type = type, .param = param, .out = copy,
	                       .out_cap = sizeof(copy), .pub = pub};

	CU_ASSERT_EQUAL(run(&make), HUFU_OK);
	struct hufu_key key = {.size = sizeof(key), .type = type, .copy_kind = HUFU_COPY_BLOB, .blob = copy, .blob_len = make.out_len};
	struct hufu_op use = {.verb = uses == CKM_ECDH1_DERIVE ? HUFU_VERB_DERIVE : HUFU_VERB_SIGN, .mechanism = uses, .key = &key,
	                      .param = uses == CKM_ECDH1_DERIVE ? &agree : NULL, .in = (const uint8_t *)"hufu", .in_len = 4,
	                      .out = out, .out_cap = sizeof(out)};
	CU_ASSERT_EQUAL(run(&use), HUFU_OK);
	struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &key};
	CU_ASSERT_EQUAL(run(&evict), HUFU_OK);
}

static void test_engine(void)
{
	static const uint8_t p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, ed25519[] = {6, 3, 0x2b, 0x65, 0x70},
	                     x25519[] = {6, 3, 0x2b, 0x65, 0x6e};
	const struct hufu_param_rsa_gen rsa = {.nbits = 2048};
	ENGINE *engine = ENGINE_new();

	CU_ASSERT_FATAL(make_default(engine));
	make_and_use(CKM_RSA_PKCS_KEY_PAIR_GEN, HUFU_KEY_RSA_PRIVATE, &rsa, CKM_RSA_PKCS);
	make_and_use(CKM_EC_KEY_PAIR_GEN, HUFU_KEY_EC_PRIVATE, &(struct hufu_param_curve){p256, sizeof(p256)}, CKM_ECDSA);
	make_and_use(CKM_EC_EDWARDS_KEY_PAIR_GEN, HUFU_KEY_EDWARDS_PRIVATE, &(struct hufu_param_curve){ed25519, sizeof(ed25519)},
	             CKM_EDDSA);
	make_and_use(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, HUFU_KEY_MONTGOMERY_PRIVATE,
	             &(struct hufu_param_curve){x25519, sizeof(x25519)}, CKM_ECDH1_DERIVE);
	ENGINE_unregister_pkey_meths(engine);
	ENGINE_free(engine);
}

#else

static void test_engine(void)
{
	UNIT_SKIP("this libcrypto knows no engines");
}

#endif

/* The clock is long past the first nanosecond: no candidate but the first is looked at. */
static void test_deadline(void)
{
	static uint8_t copy[ROOM], pub[HUFU_PUB_MAX];
	const struct hufu_param_rsa_gen rsa = {.nbits = 4096};
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .new_type = HUFU_KEY_RSA_PRIVATE,
	                       .param = &rsa, .out = copy, .out_cap = sizeof(copy), .pub = pub, .deadline_ns = 1};

	CU_ASSERT_EQUAL(run(&make), HUFU_ERR_DEADLINE);
	CU_ASSERT_EQUAL(make.out_len, 0);
}

/* The last case: after it there is no libcrypto. */
static void test_torn_down(void)
{
	static const uint8_t p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
	const struct hufu_param_curve param = {p256, sizeof(p256)};
	static uint8_t copy[ROOM], again[ROOM], pub[HUFU_PUB_MAX], out[ROOM];
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_EC_KEY_PAIR_GEN, .new_type = HUFU_KEY_EC_PRIVATE,
	                       .param = &param, .out = copy, .out_cap = sizeof(copy), .pub = pub};

	CU_ASSERT_FATAL(run(&make) == HUFU_OK);
	struct hufu_key key = {
		.size = sizeof(key), .type = HUFU_KEY_EC_PRIVATE, .copy_kind = HUFU_COPY_BLOB, .blob = copy, .blob_len = make.out_len};
	struct hufu_op sign = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_ECDSA, .key = &key, .in = (const uint8_t *)"hufu",
	                       .in_len = 4, .out = out, .out_cap = sizeof(out)};
	CU_ASSERT_EQUAL(run(&sign), HUFU_OK);
	OPENSSL_cleanup();
	CU_ASSERT_EQUAL(run(&sign), HUFU_ERR_NO_MEMORY);
	make.out = again;
	CU_ASSERT_EQUAL(run(&make), HUFU_ERR_NO_MEMORY);
	struct hufu_op import = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_EC_PRIVATE, .in = copy, .in_len = key.blob_len,
	                         .out = again, .out_cap = sizeof(again), .pub = pub};
	CU_ASSERT_EQUAL(run(&import), HUFU_ERR_NO_MEMORY);
	struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &key};
	CU_ASSERT_EQUAL(run(&evict), HUFU_OK);
	CU_ASSERT_PTR_NULL(key.loaded);
}

static const struct unit_case cases[] = {
	{"keys are made and used beside a default engine", test_engine},
	{"the search for primes ends with its deadline", test_deadline},
	{"libcrypto is left alone once it has torn itself down", test_torn_down},
	{0},
};

int main(void)
{
	struct hufu_conf conf = {.size = sizeof(conf), .name = "test"};

	if (driver_soft.open(driver_host(), &conf, 0, &device) != HUFU_OK)
		return 99;
	int status = unit_main("soft", cases);
	driver_soft.close(device, 0);
	return status;
}
