/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: a PKCS#11 module that nobody here wrote (SoftHSM) serves as a device: what it has of standard mechanisms gives
 * the answers of the standards and of our own emulator; the keys on it are found and used; keys that are made leave it
 * wrapped, and come back on any token with the same wrapping key; lost sessions, logins and initialisations heal.
 */
#include "softhsm.h"
#include "unit.h"

#include <sys/wait.h>

#include "base/secret.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"

/* SoftHSM 2.6 loses the name of the curve whenever it uses an Edwards key. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable() (void)0
#define __lsan_enable() (void)0
#endif

#define NEED(call) CU_ASSERT_EQUAL_FATAL((call), HUFU_OK)
#define IS(call, want) CU_ASSERT_EQUAL((call), (want))
#define VERB(name) (1u << HUFU_VERB_##name)

static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t kek[32] = "the wrapping key of the domain..", data_key[32] = "a secret key that stays where is";

/* -- a device --------------------------------------------------------------------------- */

/* Names and values. */
static const char *options[16];

static const char *get(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (size_t i = 0; options[i]; i += 2)
		if (strcmp(options[i], key) == 0)
			return options[i + 1];
	return NULL;
}

static enum hufu_err open_with(const char *const *more, struct hufu_device **device)
{
	struct hufu_conf conf = {.size = sizeof conf, .name = "hsm", .get = get};
	size_t n = 0;
	while (more[n]) {
		options[n] = more[n];
		n++;
	}
	options[n] = NULL;
	return driver_p11.open(driver_host(), &conf, 0, device);
}

static void make_tokens(void)
{
	char path[256];
	static bool made;
	if (made)
		return;
	softhsm_start();
	for (int i = 0; i < 2; i++) {
		softhsm_token(i ? "second" : "first", path);
		CK_SESSION_HANDLE s = softhsm_session(i ? "second" : "first");
		softhsm_aes(s, "kek", 1, kek);
		softhsm_aes(s, "data", 2, data_key);
		if (i == 0) {
			softhsm_ec(s, "signer", 3, p256, sizeof p256);
			softhsm_rsa(s, "opener", 4);
			softhsm_edwards(s, "edwards", 6, ed25519, sizeof ed25519);
			softhsm_aes(s, "twin", 5, data_key);
			softhsm_aes(s, "twin", 5, data_key);
		}
	}
	softhsm_stop();
	made = true;
}

static struct hufu_device *open_token(const char *label)
{
	struct hufu_device *device = NULL;
	make_tokens();
	const char *const settings[] = {"module", softhsm_module(), "label", label, "wrap_key", "kek", NULL};
	NEED(open_with(settings, &device));
	return device;
}

static struct hufu_lease *lease_of(struct hufu_device *device)
{
	struct hufu_lease *lease = NULL;
	NEED(driver_p11.lease(device, 0, &lease));
	return lease;
}

static enum hufu_err run(struct hufu_lease *lease, struct hufu_op *op)
{
	op->size = sizeof *op;
	op->outcome = HUFU_ERR_BUG;
	driver_p11.run(lease, &op, 1);
	return op->outcome;
}

static enum hufu_err login(struct hufu_lease *lease, const char *pin)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in = (const uint8_t *)pin, .in_len = strlen(pin), .in2 = (const uint8_t *)"user",
	                     .in2_len = 4};
	return run(lease, &op);
}

/* A device and a lease of it, logged in. */
struct bench {
	struct hufu_device *device;
	struct hufu_lease *lease;
};

static struct bench begin(const char *label)
{
	struct bench b = {.device = open_token(label)};
	b.lease = lease_of(b.device);
	NEED(login(b.lease, SOFTHSM_PIN));
	return b;
}

static void end(struct bench *b)
{
	driver_p11.release(b->lease);
	driver_p11.close(b->device, 0);
}

/* -- keys ---------------------------------------------------------------------------------- */

struct key {
	struct hufu_key key;
	uint8_t copy[4096], pub[HUFU_PUB_MAX];
	size_t pub_len;
};

static void take(struct key *key, const struct hufu_op *op, enum hufu_key_type type)
{
	key->pub_len = op->pub_len;
	key->key = (struct hufu_key){.size = sizeof key->key, .type = type, .copy_kind = HUFU_COPY_BLOB, .blob = key->copy,
	                             .blob_len = op->out_len};
}

static enum hufu_err generate(struct hufu_lease *lease, uint64_t mechanism, enum hufu_key_type type, size_t len, const void *param,
                              struct key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = mechanism, .new_type = type, .new_len = len, .param = param,
	                     .out = key->copy, .out_cap = sizeof key->copy, .pub = key->pub, .copy_kind = HUFU_COPY_BLOB};
	enum hufu_err err = run(lease, &op);
	take(key, &op, type);
	return err;
}

static enum hufu_err import(struct hufu_lease *lease, enum hufu_key_type type, const void *clear, size_t len, struct key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len, .out = key->copy,
	                     .out_cap = sizeof key->copy, .pub = key->pub, .copy_kind = HUFU_COPY_BLOB};
	enum hufu_err err = run(lease, &op);
	take(key, &op, type);
	return err;
}

static struct key public_of(const struct key *pair, enum hufu_key_type type)
{
	struct key pub = {.pub_len = 0};
	memcpy(pub.copy, pair->pub, pair->pub_len);
	pub.key = (struct hufu_key){.size = sizeof pub.key, .type = type, .copy_kind = HUFU_COPY_BLOB, .blob_len = pair->pub_len};
	return pub;
}

static void evict(struct hufu_lease *lease, struct key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = &key->key};
	NEED(run(lease, &op));
	CU_ASSERT_PTR_NULL(key->key.loaded);
}

static enum hufu_err use_key(struct hufu_lease *lease, enum hufu_verb verb, uint64_t mechanism, struct key *key, const void *param,
                           const void *in, size_t in_len, uint8_t *out, size_t cap, size_t *len)
{
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .key = &key->key, .param = param, .in = in, .in_len = in_len,
	                     .out = out, .out_cap = cap};
	key->key.blob = key->copy;
	enum hufu_err err = run(lease, &op);
	*len = op.out_len;
	return err;
}

static enum hufu_err verify(struct hufu_lease *lease, uint64_t mechanism, struct key *key, const void *param, const void *in,
                            size_t in_len, const uint8_t *sig, size_t sig_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .key = &key->key, .param = param, .in = in,
	                     .in_len = in_len, .in2 = sig, .in2_len = sig_len};
	key->key.blob = key->copy;
	return run(lease, &op);
}

/* The emulator, on public keys as they are. */
static enum hufu_err soft_run(struct hufu_op *op)
{
	static struct hufu_device *device;
	static struct hufu_lease *lease;
	struct hufu_conf conf = {.size = sizeof conf, .name = "soft", .get = get};
	if (!device) {
		NEED(driver_soft.open(driver_host(), &conf, 0, &device));
		NEED(driver_soft.lease(device, 0, &lease));
	}
	op->size = sizeof *op;
	driver_soft.run(lease, &op, 1);
	return op->outcome;
}

static enum hufu_err soft_verify(uint64_t mechanism, struct key *key, const void *param, const void *in, size_t in_len,
                                 const uint8_t *sig, size_t sig_len)
{
	struct hufu_key view = {.size = sizeof view, .type = key->key.type, .copy_kind = HUFU_COPY_BLOB, .blob = key->copy,
	                        .blob_len = key->key.blob_len};
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .key = &view, .param = param, .in = in, .in_len = in_len,
	                     .in2 = sig, .in2_len = sig_len};
	enum hufu_err err = soft_run(&op);
	struct hufu_op forget = {.verb = HUFU_VERB_EVICT, .key = &view};
	NEED(soft_run(&forget));
	return err;
}

/* -- what it says of itself ------------------------------------------------------------------ */

static uint32_t verbs_offered(const struct hufu_device_info *info, uint64_t mechanism)
{
	uint32_t verbs = 0;
	for (size_t i = 0; i < info->ncaps; i++)
		if (info->caps[i].mechanism == mechanism)
			verbs |= info->caps[i].verbs;
	return verbs;
}

static void test_info(void)
{
	struct hufu_device *device = open_token("first");
	struct hufu_device_info info = {.size = sizeof info};
	NEED(driver_p11.info(device, &info));
	CU_ASSERT_STRING_EQUAL(info.vendor, "SoftHSM project");
	CU_ASSERT(strlen(info.serial) == 16);
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_AES_GCM), VERB(ENCRYPT) | VERB(DECRYPT));
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_ECDSA), VERB(SIGN) | VERB(VERIFY));
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_SHA256_HMAC), VERB(SIGN) | VERB(VERIFY));
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_AES_KEY_GEN), VERB(GENERATE));
	CU_ASSERT(verbs_offered(&info, 0) & VERB(FIND) && verbs_offered(&info, 0) & VERB(LOGIN));
	CU_ASSERT(!(verbs_offered(&info, 0) & VERB(EXPORT)));
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_HUFU_SM2), 0);
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_HUFU_SM4_CBC), 0);
	IS(driver_p11.probe(device, 0), HUFU_OK);
	CU_ASSERT(driver_p11.flags == 0);
	driver_p11.close(device, 0);
}

static void test_refused(void)
{
	struct hufu_device *device;
	make_tokens();
	const char *hsm = softhsm_module();
	const char *const bad[][9] = {
		{"label", "first", NULL},                                     /* no module */
		{"module", "libsofthsm2.so", NULL},                           /* not absolute */
		{"module", "/nowhere/libnone.so", NULL},
		{"module", "/bin/sh", NULL},                                  /* no module at all */
		{"module", hsm, "label", "first", "alias", "acme", NULL},
		{"module", hsm, "label", "first", "sessions_max", "0", NULL},
		{"module", hsm, "label", "first", "locking", "perhaps", NULL},
		{"module", hsm, NULL},                                        /* which of the two? */
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		IS(open_with(bad[i], &device), HUFU_ERR_CONFIG);
	const char *const nobody[] = {"module", hsm, "label", "nobody", NULL};
	IS(open_with(nobody, &device), HUFU_ERR_GONE);
	const char *build = getenv("top_builddir");
	char self[512], real[4096];
	snprintf(self, sizeof self, "%s/.libs/hufu-pkcs11.so", build ? build : ".");
	if (!realpath(self, real))
		UNIT_SKIP("the module is not built");
	const char *const us[] = {"module", real, NULL};
	IS(open_with(us, &device), HUFU_ERR_CONFIG);
}

static void test_sessions(void)
{
	struct hufu_device *device;
	struct hufu_device_info info = {.size = sizeof info};
	make_tokens();
	const char *const settings[] = {"module", softhsm_module(), "label", "first", "sessions_max", "7", NULL};
	NEED(open_with(settings, &device));
	NEED(driver_p11.info(device, &info));
	CU_ASSERT_EQUAL(info.max_leases, 7);
	CU_ASSERT_EQUAL(verbs_offered(&info, CKM_AES_KEY_GEN), 0); /* no wrap_key, nowhere to put it */
	CU_ASSERT(!(verbs_offered(&info, 0) & VERB(IMPORT)));
	struct hufu_lease *lease = lease_of(device);
	uint8_t bytes[2][32] = {{0}};
	for (int i = 0; i < 2; i++) {
		struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = bytes[i], .out_cap = 32};
		IS(run(lease, &op), HUFU_OK);
		CU_ASSERT_EQUAL(op.out_len, 32);
	}
	CU_ASSERT(memcmp(bytes[0], bytes[1], 32) != 0);
	driver_p11.release(lease);
	driver_p11.close(device, 0);
}

/* -- the login ----------------------------------------------------------------------------------- */

static void test_login(void)
{
	struct hufu_device *device = open_token("first");
	struct hufu_lease *lease = lease_of(device);
	struct key key;
	IS(generate(lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, &key), HUFU_ERR_NO_KEY);
	IS(login(lease, "not the pin"), HUFU_ERR_DENIED);
	IS(generate(lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, &key), HUFU_ERR_NO_KEY);
	struct hufu_op other = {.verb = HUFU_VERB_LOGIN, .in = (const uint8_t *)"x", .in_len = 1, .in2 = (const uint8_t *)"sign:3",
	                        .in2_len = 6};
	IS(run(lease, &other), HUFU_ERR_UNSUPPORTED);
	IS(login(lease, SOFTHSM_PIN), HUFU_OK);
	IS(generate(lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, &key), HUFU_OK);
	struct hufu_op out = {.verb = HUFU_VERB_LOGOUT};
	IS(run(lease, &out), HUFU_OK);
	uint8_t in[16] = {0}, to[16];
	size_t len;
	IS(use_key(lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, to, 16, &len), HUFU_ERR_NO_KEY);
	IS(login(lease, SOFTHSM_PIN), HUFU_OK);
	IS(use_key(lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, to, 16, &len), HUFU_OK);
	evict(lease, &key);
	driver_p11.release(lease);
	driver_p11.close(device, 0);
}

/* -- known answers ------------------------------------------------------------------------------- */

/* NIST SP 800-38A F.2.1, F.5.1; FIPS 197 C.1; SP 800-38B D.1 (RFC 4493); the GCM specification's test case 4. */
static void test_known(void)
{
	struct bench b = begin("first");
	struct key key, fips, gcm_key, mac_key;
	uint8_t k[64], in[64], want[64], out[128], iv[16];
	size_t len, n;
	NEED(import(b.lease, HUFU_KEY_AES, k, unit_hex("2b7e151628aed2a6abf7158809cf4f3c", k), &key));
	NEED(import(b.lease, HUFU_KEY_AES, k, unit_hex("000102030405060708090a0b0c0d0e0f", k), &fips));
	CU_ASSERT(memcmp(key.copy, "P11\1", 4) == 0);

	unit_hex("00112233445566778899aabbccddeeff", in);
	unit_hex("69c4e0d86a7b0430d8cdb78070b4c55a", want);
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &fips, NULL, in, 16, out, 16, &len));
	CU_ASSERT(len == 16 && memcmp(out, want, 16) == 0);
	struct hufu_param_iv p = {.counter_bits = 128};
	unit_hex("000102030405060708090a0b0c0d0e0f", p.iv);
	n = unit_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", in);
	unit_hex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2", want);
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_CBC, &key, &p, in, n, out, sizeof out, &len));
	CU_ASSERT(len == n && memcmp(out, want, n) == 0);
	NEED(use_key(b.lease, HUFU_VERB_DECRYPT, CKM_AES_CBC, &key, &p, want, n, out, n, &len));
	CU_ASSERT(len == n && memcmp(out, in, n) == 0);
	unit_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", p.iv);
	unit_hex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff", want);
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_CTR, &key, &p, in, n, out, n, &len));
	CU_ASSERT(len == n && memcmp(out, want, n) == 0);

	unit_hex("070a16b46b4d4144f79bdd9dd04a287c", want);
	NEED(use_key(b.lease, HUFU_VERB_SIGN, CKM_AES_CMAC, &key, NULL, in, 16, out, 16, &len));
	CU_ASSERT(len == 16 && memcmp(out, want, 16) == 0);
	IS(verify(b.lease, CKM_AES_CMAC, &key, NULL, in, 16, want, 16), HUFU_OK);
	struct hufu_param_mac cut = {.mac_len = 8};
	NEED(use_key(b.lease, HUFU_VERB_SIGN, CKM_AES_CMAC, &key, &cut, in, 16, out, 16, &len));
	CU_ASSERT(len == 8 && memcmp(out, want, 8) == 0);
	IS(verify(b.lease, CKM_AES_CMAC, &key, &cut, in, 16, want, 8), HUFU_OK);
	want[7] ^= 1;
	IS(verify(b.lease, CKM_AES_CMAC, &key, &cut, in, 16, want, 8), HUFU_ERR_SIGNATURE);
	IS(verify(b.lease, CKM_AES_CMAC, &key, NULL, in, 16, want, 16), HUFU_ERR_SIGNATURE);
	IS(verify(b.lease, CKM_AES_CMAC, &key, NULL, in, 16, want, 15), HUFU_ERR_SIGNATURE_LEN);

	uint8_t aad[20];
	NEED(import(b.lease, HUFU_KEY_AES, k, unit_hex("feffe9928665731c6d6a8f9467308308", k), &gcm_key));
	n = unit_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	             "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", in);
	uint8_t sealed[76];
	unit_hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	         "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47", sealed);
	unit_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
	unit_hex("cafebabefacedbaddecaf888", iv);
	struct hufu_param_gcm gcm = {.iv = iv, .iv_len = 12, .aad = aad, .aad_len = 20, .tag_len = 16};
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_GCM, &gcm_key, &gcm, in, n, out, sizeof out, &len));
	CU_ASSERT(len == 76 && memcmp(out, sealed, 76) == 0);
	NEED(use_key(b.lease, HUFU_VERB_DECRYPT, CKM_AES_GCM, &gcm_key, &gcm, sealed, 76, out, sizeof out, &len));
	CU_ASSERT(len == n && memcmp(out, in, n) == 0);
	sealed[75] ^= 1;
	IS(use_key(b.lease, HUFU_VERB_DECRYPT, CKM_AES_GCM, &gcm_key, &gcm, sealed, 76, out, sizeof out, &len), HUFU_ERR_CIPHERTEXT);

	memset(k, 0x0b, 32); /* shorter keys SoftHSM does not take, so none of RFC 4231: test_hmac_cross */
	NEED(import(b.lease, HUFU_KEY_SECRET, k, 32, &mac_key));
	NEED(use_key(b.lease, HUFU_VERB_SIGN, CKM_SHA256_HMAC, &mac_key, NULL, "Hi There", 8, out, sizeof out, &len));
	CU_ASSERT(len == 32);
	IS(verify(b.lease, CKM_SHA256_HMAC, &mac_key, NULL, "Hi There", 8, out, 32), HUFU_OK);
	IS(verify(b.lease, CKM_SHA256_HMAC, &mac_key, NULL, "Hi there", 8, out, 32), HUFU_ERR_SIGNATURE);
	evict(b.lease, &key);
	evict(b.lease, &fips);
	evict(b.lease, &gcm_key);
	evict(b.lease, &mac_key);
	end(&b);
}

/* The emulator's answer to the same. */
static void test_hmac_cross(void)
{
	struct bench b = begin("first");
	struct key key;
	uint8_t clear[40], mac[64], want[64];
	size_t len;
	static const uint64_t mechanisms[] = {CKM_SHA_1_HMAC, CKM_SHA256_HMAC};
	memset(clear, 7, sizeof clear);
	NEED(import(b.lease, HUFU_KEY_SECRET, clear, sizeof clear, &key));
	for (size_t i = 0; i < 2; i++) {
		struct hufu_key view = {.size = sizeof view, .type = HUFU_KEY_SECRET, .copy_kind = HUFU_COPY_BLOB, .blob = clear,
		                        .blob_len = sizeof clear};
		struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanisms[i], .key = &view, .in = clear, .in_len = 11, .out = want,
		                     .out_cap = sizeof want};
		struct hufu_op forget = {.verb = HUFU_VERB_EVICT, .key = &view};
		NEED(soft_run(&op));
		NEED(soft_run(&forget));
		NEED(use_key(b.lease, HUFU_VERB_SIGN, mechanisms[i], &key, NULL, clear, 11, mac, sizeof mac, &len));
		CU_ASSERT(len == op.out_len && memcmp(mac, want, len) == 0);
	}
	evict(b.lease, &key);
	end(&b);
}

static void test_short_room(void)
{
	struct bench b = begin("first");
	struct key key;
	uint8_t in[32] = {1}, out[32];
	size_t len;
	NEED(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 32, NULL, &key));
	memset(out, 0x5c, sizeof out);
	IS(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 32, out, 31, &len), HUFU_ERR_BUFFER);
	CU_ASSERT_EQUAL(len, 32);
	CU_ASSERT_EQUAL(out[31], 0x5c);
	IS(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 32, out, 32, &len), HUFU_OK);
	IS(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 31, out, 32, &len), HUFU_ERR_DATA_LEN);
	IS(use_key(b.lease, HUFU_VERB_SIGN, CKM_SHA256_HMAC, &key, NULL, in, 31, out, 32, &len), HUFU_ERR_KEY_TYPE);
	IS(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, &key, NULL, in, 32, out, 32, &len), HUFU_ERR_UNSUPPORTED);
	evict(b.lease, &key);
	end(&b);
}

/* -- pairs ------------------------------------------------------------------------------------------ */

static void signs_and_verifies(struct hufu_lease *lease, struct key *priv, struct key *pub, uint64_t mechanism, const void *param,
                               const void *in, size_t in_len)
{
	uint8_t sig[512];
	size_t len;
	NEED(use_key(lease, HUFU_VERB_SIGN, mechanism, priv, param, in, in_len, sig, sizeof sig, &len));
	IS(soft_verify(mechanism, pub, param, in, in_len, sig, len), HUFU_OK);
	IS(verify(lease, mechanism, pub, param, in, in_len, sig, len), HUFU_OK);
	sig[len / 2] ^= 1;
	IS(verify(lease, mechanism, pub, param, in, in_len, sig, len), HUFU_ERR_SIGNATURE);
}

static void test_ec(void)
{
	struct bench b = begin("first");
	struct hufu_param_curve curve = {p256, sizeof p256};
	struct key priv, pub;
	NEED(generate(b.lease, CKM_EC_KEY_PAIR_GEN, HUFU_KEY_EC_PRIVATE, 0, &curve, &priv));
	CU_ASSERT_EQUAL(priv.pub_len, 91); /* RFC 5480 */
	pub = public_of(&priv, HUFU_KEY_EC_PUBLIC);
	signs_and_verifies(b.lease, &priv, &pub, CKM_ECDSA, NULL, kek, 32);
	evict(b.lease, &priv);
	evict(b.lease, &pub);
	end(&b);
}

/* SoftHSM wraps no Edwards key, and it is told so once: its own serve, test_find. */
static void test_edwards(void)
{
	struct bench b = begin("first");
	struct hufu_param_curve curve = {ed25519, sizeof ed25519};
	struct key priv;
	IS(generate(b.lease, CKM_EC_EDWARDS_KEY_PAIR_GEN, HUFU_KEY_EDWARDS_PRIVATE, 0, &curve, &priv), HUFU_ERR_UNSUPPORTED);
	end(&b);
}

static void test_rsa_sign(struct hufu_lease *lease, struct key *priv, struct key *pub)
{
	struct hufu_param_pss pss = {.hash = CKM_SHA256, .mgf_hash = CKM_SHA256, .salt_len = 32};
	signs_and_verifies(lease, priv, pub, CKM_RSA_PKCS, NULL, kek, 32);
	signs_and_verifies(lease, priv, pub, CKM_RSA_PKCS_PSS, &pss, kek, 32);
}

static void test_rsa_crypt(struct hufu_lease *lease, struct key *priv, struct key *pub)
{
	struct hufu_param_oaep oaep = {.hash = CKM_SHA_1, .mgf_hash = CKM_SHA_1}, other = {.hash = CKM_SHA256, .mgf_hash = CKM_SHA256};
	uint8_t sealed[512], out[512];
	size_t len, n;
	NEED(use_key(lease, HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, pub, &oaep, "hello", 5, sealed, sizeof sealed, &len));
	NEED(use_key(lease, HUFU_VERB_DECRYPT, CKM_RSA_PKCS_OAEP, priv, &oaep, sealed, len, out, sizeof out, &n));
	CU_ASSERT(n == 5 && memcmp(out, "hello", 5) == 0);
	sealed[100] ^= 1;
	IS(use_key(lease, HUFU_VERB_DECRYPT, CKM_RSA_PKCS_OAEP, priv, &oaep, sealed, len, out, sizeof out, &n), HUFU_ERR_CIPHERTEXT);
	/* SoftHSM has no other hash here: the parameter is wrong, not the device. */
	IS(use_key(lease, HUFU_VERB_ENCRYPT, CKM_RSA_PKCS_OAEP, pub, &other, "hello", 5, sealed, sizeof sealed, &len), HUFU_ERR_PARAM);
}

/* Padded badly it opens to something, the same every time, as the emulator's does. */
static void test_pkcs1_decrypt(struct hufu_lease *lease, struct key *priv, struct key *pub)
{
	uint8_t sealed[512], out[2][512];
	size_t len, n[2];
	NEED(use_key(lease, HUFU_VERB_ENCRYPT, CKM_RSA_PKCS, pub, NULL, "hello", 5, sealed, sizeof sealed, &len));
	NEED(use_key(lease, HUFU_VERB_DECRYPT, CKM_RSA_PKCS, priv, NULL, sealed, len, out[0], 512, &n[0]));
	CU_ASSERT(n[0] == 5 && memcmp(out[0], "hello", 5) == 0);
	sealed[100] ^= 1;
	for (int i = 0; i < 2; i++)
		IS(use_key(lease, HUFU_VERB_DECRYPT, CKM_RSA_PKCS, priv, NULL, sealed, len, out[i], 512, &n[i]), HUFU_OK);
	CU_ASSERT(n[0] == n[1] && memcmp(out[0], out[1], n[0]) == 0);
	IS(use_key(lease, HUFU_VERB_DECRYPT, CKM_RSA_PKCS, priv, NULL, sealed, 100, out[0], 512, &n[0]), HUFU_ERR_CIPHERTEXT_LEN);
}

static void test_rsa(void)
{
	struct bench b = begin("first");
	struct hufu_param_rsa_gen gen = {.nbits = 2048};
	struct key priv, pub;
	NEED(generate(b.lease, CKM_RSA_PKCS_KEY_PAIR_GEN, HUFU_KEY_RSA_PRIVATE, 0, &gen, &priv));
	CU_ASSERT_EQUAL(priv.pub_len, 294); /* RFC 8017 A.1.1, 2048 bits */
	pub = public_of(&priv, HUFU_KEY_RSA_PUBLIC);
	test_rsa_sign(b.lease, &priv, &pub);
	test_rsa_crypt(b.lease, &priv, &pub);
	test_pkcs1_decrypt(b.lease, &priv, &pub);
	evict(b.lease, &priv);
	evict(b.lease, &pub);
	end(&b);
}

/* Keys that the emulator made, taken in. */
static void import_pair(struct hufu_lease *lease, uint64_t how, enum hufu_key_type type, const void *param, uint64_t signs, size_t len)
{
	uint8_t clear[4096], pub_bytes[HUFU_PUB_MAX];
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = how, .new_type = type, .param = param, .out = clear,
	                     .out_cap = sizeof clear, .pub = pub_bytes};
	struct key priv, pub;
	NEED(soft_run(&op));
	NEED(import(lease, type, clear, op.out_len, &priv));
	CU_ASSERT(priv.pub_len == op.pub_len && memcmp(priv.pub, pub_bytes, op.pub_len) == 0);
	pub = public_of(&priv, (enum hufu_key_type)(type + 1));
	signs_and_verifies(lease, &priv, &pub, signs, NULL, kek, len);
	evict(lease, &priv);
	evict(lease, &pub);
}

static void test_import(void)
{
	struct bench b = begin("first");
	struct hufu_param_rsa_gen rsa = {.nbits = 2048};
	struct hufu_param_curve curve = {p256, sizeof p256};
	struct key key;
	import_pair(b.lease, CKM_RSA_PKCS_KEY_PAIR_GEN, HUFU_KEY_RSA_PRIVATE, &rsa, CKM_RSA_PKCS, 32);
	import_pair(b.lease, CKM_EC_KEY_PAIR_GEN, HUFU_KEY_EC_PRIVATE, &curve, CKM_ECDSA, 32);
	uint8_t clear[64] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"; /* RFC 8410 7 */
	memcpy(clear + 16, kek, 32);
	IS(import(b.lease, HUFU_KEY_EDWARDS_PRIVATE, clear, 48, &key), HUFU_ERR_NO_KEY);
	IS(import(b.lease, HUFU_KEY_SM4, kek, 16, &key), HUFU_ERR_NO_KEY);
	IS(import(b.lease, HUFU_KEY_AES, kek, 15, &key), HUFU_ERR_KEY_SIZE);
	IS(import(b.lease, HUFU_KEY_RSA_PRIVATE, kek, 32, &key), HUFU_ERR_KEY_VALUE);
	end(&b);
}

/* -- resident keys ------------------------------------------------------------------------------------ */

static enum hufu_err find(struct hufu_lease *lease, uint32_t nth, struct hufu_resident *r, uint8_t *pub, size_t *pub_len)
{
	struct hufu_param_find param = {nth};
	struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)r, .out_cap = sizeof *r, .pub = pub};
	enum hufu_err err = run(lease, &op);
	*pub_len = op.pub_len;
	return err;
}

static uint64_t signs_with(enum hufu_key_type type)
{
	if (type == HUFU_KEY_EDWARDS_PRIVATE)
		return CKM_EDDSA;
	return type == HUFU_KEY_RSA_PRIVATE ? CKM_RSA_PKCS : CKM_ECDSA;
}

static void use_resident(struct hufu_lease *lease, const struct hufu_resident *r, const uint8_t *pub, size_t pub_len)
{
	struct key key = {.pub_len = pub_len}, pub_key;
	uint8_t out[32];
	size_t len;
	memcpy(key.copy, r->copy, r->copy_len);
	memcpy(key.pub, pub, pub_len);
	key.key = (struct hufu_key){.size = sizeof key.key, .type = r->type, .copy_kind = HUFU_COPY_INDEX, .blob_len = r->copy_len};
	if (r->type == HUFU_KEY_AES) {
		IS(use_key(lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, kek, 32, out, 32, &len), HUFU_OK);
	} else {
		pub_key = public_of(&key, (enum hufu_key_type)(r->type + 1));
		__lsan_disable();
		signs_and_verifies(lease, &key, &pub_key, signs_with(r->type), NULL, kek, 32);
		__lsan_enable();
		evict(lease, &pub_key);
	}
	evict(lease, &key);
	key.copy[r->copy_len - 1] ^= 1; /* nobody's */
	IS(use_key(lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, kek, 32, out, 32, &len),
	   r->type == HUFU_KEY_AES ? HUFU_ERR_NO_KEY : HUFU_ERR_KEY_TYPE);
	evict(lease, &key);
}

/* The wrapping key is not shown, nor are two keys that nothing tells apart. */
static void test_find(void)
{
	struct bench b = begin("first");
	struct hufu_resident r;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len, seen[4] = {0};
	uint32_t n = 0;
	for (; find(b.lease, n, &r, pub, &pub_len) == HUFU_OK && n < 20; n++) {
		CU_ASSERT(r.size == sizeof r && r.id_len == 1);
		seen[0] += strcmp(r.label, "signer") == 0 && r.type == HUFU_KEY_EC_PRIVATE && r.id[0] == 3 && pub_len == 91;
		seen[1] += strcmp(r.label, "opener") == 0 && r.type == HUFU_KEY_RSA_PRIVATE && r.nbits == 2048 && pub_len == 294;
		seen[2] += strcmp(r.label, "data") == 0 && r.type == HUFU_KEY_AES && pub_len == 0 && r.verbs & VERB(ENCRYPT);
		seen[3] += strcmp(r.label, "edwards") == 0 && r.type == HUFU_KEY_EDWARDS_PRIVATE && pub_len == 44;
		use_resident(b.lease, &r, pub, pub_len);
	}
	CU_ASSERT_EQUAL(n, 4);
	CU_ASSERT(seen[0] == 1 && seen[1] == 1 && seen[2] == 1 && seen[3] == 1);
	IS(find(b.lease, n, &r, pub, &pub_len), HUFU_ERR_NO_KEY);
	end(&b);
}

/* -- two tokens ------------------------------------------------------------------------------------------ */

static void test_domain(void)
{
	struct bench a = begin("first"), b = begin("second");
	struct key key, pair, pub;
	struct hufu_param_curve curve = {p256, sizeof p256};
	uint8_t in[16] = {5}, one[16], two[16], sig[64];
	size_t len;
	NEED(generate(a.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 32, NULL, &key));
	NEED(use_key(a.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, one, 16, &len));
	evict(a.lease, &key);
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, two, 16, &len));
	CU_ASSERT_EQUAL(memcmp(one, two, 16), 0);
	evict(b.lease, &key);
	NEED(generate(a.lease, CKM_EC_KEY_PAIR_GEN, HUFU_KEY_EC_PRIVATE, 0, &curve, &pair));
	NEED(use_key(b.lease, HUFU_VERB_SIGN, CKM_ECDSA, &pair, NULL, kek, 32, sig, 64, &len));
	pub = public_of(&pair, HUFU_KEY_EC_PUBLIC);
	IS(soft_verify(CKM_ECDSA, &pub, NULL, kek, 32, sig, len), HUFU_OK);
	evict(b.lease, &pair);
	key.copy[key.key.blob_len - 1] ^= 1; /* RFC 5649 shows that it is not what left */
	CU_ASSERT_NOT_EQUAL(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, two, 16, &len), HUFU_OK);
	key.copy[0] ^= 1;
	IS(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, two, 16, &len), HUFU_ERR_NO_KEY);
	evict(b.lease, &key);
	end(&a);
	end(&b);
}

/* -- losses ------------------------------------------------------------------------------------------------ */

static CK_SLOT_ID slot_of_first(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = 8;
	CU_ASSERT_EQUAL_FATAL(softhsm->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;
		if (softhsm->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "first ", 6) == 0)
			return slots[i];
	}
	CU_FAIL_FATAL("no such slot");
	return 0;
}

static void log_out(void)
{
	CK_SESSION_HANDLE s;
	CU_ASSERT_EQUAL_FATAL(softhsm->C_OpenSession(slot_of_first(), CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
	CU_ASSERT_EQUAL(softhsm->C_Logout(s), CKR_OK);
	CU_ASSERT_EQUAL(softhsm->C_CloseSession(s), CKR_OK);
}

static void close_all(void)
{
	CU_ASSERT_EQUAL(softhsm->C_CloseAllSessions(slot_of_first()), CKR_OK);
}

static void finalise(void)
{
	CU_ASSERT_EQUAL(softhsm->C_Finalize(NULL), CKR_OK);
}

/* What the application does with the same module in the same process. */
static void test_losses(void)
{
	static void (*const losses[])(void) = {log_out, close_all, finalise, close_all, log_out};
	struct bench b = begin("first");
	struct hufu_lease *other = lease_of(b.device);
	struct key key, resident = {.pub_len = 0};
	struct hufu_resident r;
	uint8_t in[16] = {9}, want[16], out[16], pub[HUFU_PUB_MAX];
	size_t len, pub_len;
	NEED(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, &key));
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, want, 16, &len));
	for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
		losses[i]();
		IS(use_key(i % 2 ? other : b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, out, 16, &len), HUFU_OK);
		CU_ASSERT_EQUAL(memcmp(out, want, 16), 0);
		IS(use_key(i % 2 ? b.lease : other, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, out, 16, &len), HUFU_OK);
		CU_ASSERT_EQUAL(memcmp(out, want, 16), 0);
		losses[i]();
		IS(find(b.lease, 0, &r, pub, &pub_len), HUFU_OK);
		losses[i]();
		IS(generate(other, CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, &resident), HUFU_OK);
	}
	evict(b.lease, &key);
	driver_p11.release(other);
	end(&b);
}

/* In the child the module is initialised again, and nothing of the parent's is used or closed. */
static void test_fork(void)
{
	UNIT_FORKS();
	struct bench b = begin("first");
	struct key key;
	uint8_t in[16] = {9}, want[16], out[16];
	size_t len;
	int status = -1;
	NEED(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, &key));
	NEED(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, want, 16, &len));
	pid_t child = fork();
	if (child == 0) {
		struct bench c = begin("first");
		bool same = use_key(c.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, out, 16, &len) == HUFU_OK &&
		            memcmp(out, want, 16) == 0;
		end(&c);
		_exit(same ? 0 : 1);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	IS(use_key(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, NULL, in, 16, out, 16, &len), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(out, want, 16), 0);
	evict(b.lease, &key);
	end(&b);
}

static void test_end(void)
{
	options[0] = NULL;
}

static void test_missing(void)
{
	UNIT_SKIP("SoftHSM is not installed");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"says what the token has of what we translate, and no more", test_info},
		{"what is no module, no token or no setting is refused", test_refused},
		{"sessions are limited, and random numbers are drawn", test_sessions},
		{"without the PIN there is nothing private; a wrong one is denied", test_login},
		{"AES gives the answers of the standards", test_known},
		{"HMAC gives the emulator's", test_hmac_cross},
		{"what is too short, or of the wrong kind, is said to be so", test_short_room},
		{"EC pairs are made, and sign what the emulator verifies", test_ec},
		{"what the token does not wrap is not made", test_edwards},
		{"so are RSA pairs; they open OAEP, and v1.5 without a word on its padding", test_rsa},
		{"keys in the clear are taken in", test_import},
		{"the token's keys are found, and used by their names", test_find},
		{"a key made on one token is used on another with the same wrapping key", test_domain},
		{"sessions, the login and the initialisation come back after a loss", test_losses},
		{"a forked child opens its own", test_fork},
		{"the test is over", test_end},
		{0},
	};
	static const struct unit_case none[] = {{"SoftHSM serves as a device", test_missing}, {0}};
	return unit_main("p11 over SoftHSM", softhsm_module() ? cases : none);
}
