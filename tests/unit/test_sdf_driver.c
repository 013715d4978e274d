/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: what driver/sdf offers follows from what the library can; keys, rights
 * and handles live and die as hufu/driver.h and GM/T 0018 say; what it composes of a card's ECB is
 * what the kernels and the standards' vectors say; what a card refuses or
 * forgets is met as promised.
 */
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"
#include "sdf_card.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/secret.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#define ROOM 2048

/* -- the host: its clock and its log are the test's ------------------------------------------ */

static uint64_t now_ns = NS_PER_S;
static unsigned errors_logged;
static char last_log[512];

static uint64_t test_now_ns(void)
{
	return now_ns;
}

__attribute__((format(printf, 3, 4)))
static void test_log(enum hufu_level level, const char *device_name, const char *fmt, ...)
{
	va_list args;

	(void)device_name;
	errors_logged += level == HUFU_LOG_ERROR;
	va_start(args, fmt);
	vsnprintf(last_log, sizeof(last_log), fmt, args);
	va_end(args);
}

static const struct hufu_host *host(void)
{
	static struct hufu_host h;

	h = *driver_host();
	h.now_ns = test_now_ns;
	h.log = test_log;
	return &h;
}

/* -- a device, its leases, ops ------------------------------------------------------------------ */

static const char *const *options;

static const char *option(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (const char *const *o = options; o && *o; o += 2)
		if (strcmp(*o, key) == 0)
			return o[1];
	return NULL;
}

/* What a card of this name was refused, it is not told again: each test has one of its own. */
static char card_name[16] = "card0";

static enum hufu_err try_open(const char *const *with, struct hufu_device **device)
{
	const struct hufu_conf conf = {.size = sizeof(conf), .name = card_name, .get = option};

	options = with;
	return driver_sdf.open(host(), &conf, 0, device);
}

static const char *const usual[] = {"library", "/lib/card.so", "indexes", "1-5", "isk_index", "1", "kek_index", "2", NULL};
static const char *const opted_in[] = {"library", "/lib/card.so", "indexes", "1-5", "isk_index", "1", "kek_index", "2",
                                       "opt_in", "gcm, cmac", NULL};
static struct hufu_device *device;
static struct hufu_lease *lease;

static void start(const char *const *with)
{
	CU_ASSERT_FATAL(try_open(with, &device) == HUFU_OK);
	CU_ASSERT_FATAL(driver_sdf.lease(device, 0, &lease) == HUFU_OK);
}

static void stop(void)
{
	driver_sdf.release(lease);
	driver_sdf.close(device, 0);
	CU_ASSERT_EQUAL(fake_open_sessions(), 0);
}

/* Pairs at 1 (both) and 3 (to sign), the KEK at 2. */
static void insert_card(void)
{
	static unsigned n;

	snprintf(card_name, sizeof(card_name), "card%u", n++);
	fake_reset();
	fake_make_pair(&fake.sign[1], 0x11);
	fake_make_pair(&fake.encrypt[1], 0x21);
	fake_make_pair(&fake.sign[3], 0x13);
	fake.kek[2] = true;
}

static enum hufu_err run_on(struct hufu_lease *on, struct hufu_op *op)
{
	op->size = sizeof(*op);
	op->outcome = HUFU_ERR_BUG;
	driver_sdf.run(on, &op, 1);
	return op->outcome;
}

static enum hufu_err run(struct hufu_op *op)
{
	return run_on(lease, op);
}

static void evict(struct hufu_key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = key};

	CU_ASSERT_EQUAL(run(&op), HUFU_OK);
	CU_ASSERT_PTR_NULL(key->loaded);
}

/* Each has a place of its own. */
static struct hufu_key made_key(const struct hufu_op *op, enum hufu_key_type type)
{
	static uint8_t copies[64][ROOM];
	static size_t n;
	uint8_t *copy = copies[n++ % 64];

	memcpy(copy, op->out, op->out_len);
	return (struct hufu_key){.size = sizeof(struct hufu_key), .type = type, .copy_kind = op->copy_kind, .blob = copy,
	                         .blob_len = op->out_len};
}

static struct hufu_key import(enum hufu_key_type type, const uint8_t *clear, size_t len)
{
	uint8_t out[ROOM], pub[HUFU_PUB_MAX];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len, .out = out,
	                     .out_cap = sizeof(out),
	                     .pub = pub, .copy_kind = HUFU_COPY_BLOB};

	CU_ASSERT_FATAL(run(&op) == HUFU_OK);
	return made_key(&op, type);
}

static const uint8_t standard_key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32,
                                         0x10};

static struct hufu_key import_sm4(void)
{
	return import(HUFU_KEY_SM4, standard_key, sizeof(standard_key));
}

/* The resident key of that label, or a key of no copy. */
static struct hufu_key find_resident(const char *label, struct hufu_resident *resident)
{
	for (uint32_t nth = 0; nth < 100; nth++) {
		const struct hufu_param_find param = {.nth = nth};
		uint8_t pub[HUFU_PUB_MAX];
		struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)resident,
		                     .out_cap = sizeof(*resident),
		                     .pub = pub};

		if (run(&op) != HUFU_OK)
			break;
		if (strcmp(resident->label, label) == 0)
			return (struct hufu_key){.size = sizeof(struct hufu_key), .type = resident->type,
			                         .copy_kind = HUFU_COPY_INDEX, .blob = resident->copy,
			                         .blob_len = resident->copy_len};
	}
	return (struct hufu_key){.size = sizeof(struct hufu_key)};
}

static const uint8_t digest[32] = "thirty-two bytes that are signed";

static enum hufu_err sign_on(struct hufu_lease *on, struct hufu_key *key, const struct fake_pair *pair)
{
	uint8_t sig[64];
	struct sm2_public public;
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = key, .in = digest, .in_len = 32, .out = sig,
	                     .out_cap = sizeof(sig)};
	enum hufu_err err = run_on(on, &op);

	if (err == HUFU_OK)
		CU_ASSERT(sm2_public_init(&public, pair->key.point) == SM2_OK && sm2_verify(&public, digest, sig) == SM2_OK);
	return err;
}

static enum hufu_err ecb_on(struct hufu_lease *on, struct hufu_key *key)
{
	static const uint8_t want[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42,
	                                 0x46};
	uint8_t out[16];
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = key, .in = standard_key, .in_len = 16,
	                     .out = out, .out_cap = sizeof(out)};
	enum hufu_err err = run_on(on, &op);

	if (err == HUFU_OK)
		CU_ASSERT(memcmp(out, want, sizeof(want)) == 0); /* GB/T 32907-2016 A.1 */
	return err;
}

/* -- settings, capabilities ------------------------------------------------------------------------ */

static void refuse_settings(const char *key, const char *value, const char *says)
{
	const char *const with[] = {"library", "/lib/card.so", key, value, NULL};
	struct hufu_device *none = NULL;

	errors_logged = 0;
	CU_ASSERT_EQUAL(try_open(with, &none), HUFU_ERR_CONFIG);
	CU_ASSERT(errors_logged == 1 && strstr(last_log, says) != NULL && !none);
}

static void test_settings(void)
{
	static const char *const nothing[] = {NULL}, *const elsewhere[] = {"library", "/lib/other.so", NULL};
	struct hufu_device *none = NULL;

	insert_card();
	CU_ASSERT(try_open(nothing, &none) == HUFU_ERR_CONFIG && strstr(last_log, "library is not set"));
	CU_ASSERT(try_open(elsewhere, &none) == HUFU_ERR_CONFIG && strstr(last_log, "no such library"));
	refuse_settings("profile", "acme", "no such profile");
	refuse_settings("open_config", "card.ini", "absolute path");
	refuse_settings("kek_index", "0", "kek_index = \"0\"");
	refuse_settings("isk_index", "3x", "number from 1 to 1023");
	static const char *const bad[] = {"0", "1-", "-1", "5-4", "1,,2", "1,", "1024", "99999999999", "a", "1 2"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse_settings("indexes", bad[i], "list of indexes");
	refuse_settings("keks", "x", "list of indexes");
	refuse_settings("rsa_indexes", "1--2", "list of indexes");
	refuse_settings("opt_in", "gcm ccm", "gcm, cmac");
}

static bool offers(uint64_t mechanism, enum hufu_verb verb)
{
	struct hufu_device_info info = {.size = sizeof(info)};

	CU_ASSERT_FATAL(driver_sdf.info(device, &info) == HUFU_OK);
	for (size_t i = 0; i < info.ncaps; i++)
		if (info.caps[i].mechanism == mechanism && info.caps[i].verbs & 1u << verb)
			return true;
	return false;
}

static void lack(enum sdf_call call, uint64_t mechanism, enum hufu_verb verb)
{
	insert_card();
	start(opted_in);
	CU_ASSERT(offers(mechanism, verb));
	stop();
	fake.lacks[call] = true;
	start(opted_in);
	CU_ASSERT(!offers(mechanism, verb));
	CU_ASSERT(offers(0, HUFU_VERB_EVICT));
	stop();
}

static void test_capabilities(void)
{
	struct hufu_device_info info = {.size = sizeof(info)};

	lack(SDF_CAN_RANDOM, 0, HUFU_VERB_RANDOM);
	lack(SDF_CAN_SIGN_ECC, CKM_HUFU_SM2, HUFU_VERB_SIGN);
	lack(SDF_CAN_VERIFY_ECC, CKM_HUFU_SM2, HUFU_VERB_VERIFY);
	lack(SDF_CAN_ENCRYPT_ECC, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_ENCRYPT);
	lack(SDF_CAN_DECRYPT_ECC, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_DECRYPT);
	lack(SDF_CAN_IMPORT_ISK, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_UNWRAP);
	lack(SDF_CAN_IMPORT_KEK, CKM_HUFU_SM4_ECB, HUFU_VERB_UNWRAP);
	insert_card();
	fake.profile.alg[SDF_ALG_KEK] = fake.profile.alg[SDF_ALG_SM4_CBC];
	start(usual);
	CU_ASSERT(!offers(CKM_HUFU_SM4_ECB, HUFU_VERB_UNWRAP));
	stop();
	lack(SDF_CAN_CRYPT, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT);
	lack(SDF_CAN_CRYPT, CKM_HUFU_SM4_CMAC, HUFU_VERB_SIGN);
	lack(SDF_CAN_HMAC, CKM_HUFU_SM3_HMAC, HUFU_VERB_SIGN);
	lack(SDF_CAN_AUTH, CKM_HUFU_SM4_CCM, HUFU_VERB_ENCRYPT);
	lack(SDF_CAN_RSA, CKM_RSA_PKCS, HUFU_VERB_SIGN);
	lack(SDF_CAN_RIGHTS, 0, HUFU_VERB_LOGIN);

	insert_card();
	fake.profile.sessions_max = 8;
	start(usual);
	CU_ASSERT(driver_sdf.info(device, &info) == HUFU_OK);
	CU_ASSERT(info.max_leases == 7 && info.key_cache == 4 && strcmp(info.serial, "2026010100100001") == 0);
	CU_ASSERT_STRING_EQUAL(info.vendor, "a vendor of a name that has 40 ");
	stop();
	fake.lacks[SDF_CAN_AUTH] = true;
	start(usual);
	CU_ASSERT(!offers(CKM_HUFU_SM4_GCM, HUFU_VERB_ENCRYPT) && !offers(CKM_HUFU_SM4_CMAC, HUFU_VERB_SIGN));
	stop();
	start(opted_in);
	CU_ASSERT(offers(CKM_HUFU_SM4_GCM, HUFU_VERB_ENCRYPT) && offers(CKM_HUFU_SM4_CMAC, HUFU_VERB_SIGN));
	stop();
}

/* -- sessions ----------------------------------------------------------------------------------------- */

static void test_sessions(void)
{
	struct hufu_device *none = NULL;

	insert_card();
	fake.failures[FAKE_OPEN_DEVICE] = 1;
	fake.failure[FAKE_OPEN_DEVICE] = HUFU_ERR_GONE;
	CU_ASSERT(try_open(usual, &none) == HUFU_ERR_GONE && !none);

	fake.profile.idle_s = 60;
	start(usual);
	struct hufu_key key = import_sm4();
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_OK);
	/* One that the device kills ends its op; the next has another. */
	fake.failures[FAKE_CRYPT] = 1;
	fake.failure[FAKE_CRYPT] = HUFU_ERR_LOST;
	fake.failure_kills[FAKE_CRYPT] = true;
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_OK);
	unsigned opened = fake.calls[FAKE_OPEN_SESSION], imported = fake.calls[FAKE_IMPORT_ISK];
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_OK);
	CU_ASSERT(fake.calls[FAKE_OPEN_SESSION] == opened && fake.calls[FAKE_IMPORT_ISK] == imported);
	/* Idle for too long: opened anew before it is used, and the key imported anew. */
	now_ns += 60 * NS_PER_S;
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_OK);
	CU_ASSERT(fake.calls[FAKE_OPEN_SESSION] == opened + 1 && fake.calls[FAKE_IMPORT_ISK] == imported + 1);
	/* No session to be had: what the library says. */
	fake.sessions[0].dead = fake.sessions[1].dead = true;
	fake.failures[FAKE_OPEN_SESSION] = 1;
	fake.failure[FAKE_OPEN_SESSION] = HUFU_ERR_BUSY;
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_OK);
	evict(&key);
	stop();
}

static void test_probe(void)
{
	insert_card();
	start(usual);
	CU_ASSERT_EQUAL(driver_sdf.probe(device, 0), HUFU_OK);
	unsigned opened = fake.calls[FAKE_OPEN_SESSION];
	CU_ASSERT_EQUAL(driver_sdf.probe(device, 0), HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_OPEN_SESSION], opened);
	/* The kept session has died, the device has not. */
	fake.failures[FAKE_INFO] = 1;
	fake.failure[FAKE_INFO] = HUFU_ERR_LOST;
	CU_ASSERT_EQUAL(driver_sdf.probe(device, 0), HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_OPEN_SESSION], opened + 1);
	fake.failures[FAKE_INFO] = 2;
	CU_ASSERT_EQUAL(driver_sdf.probe(device, 0), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(fake_open_sessions(), 1);
	stop();
}

/* -- index keys ------------------------------------------------------------------------------------------ */

static void test_find(void)
{
	struct hufu_resident resident;
	uint8_t want[32];

	insert_card();
	start(usual);
	struct hufu_key key = find_resident("sign 3", &resident);
	sm3(fake.sign[3].key.point, 64, want);
	CU_ASSERT(key.type == HUFU_KEY_SM2_PRIVATE && resident.verbs == 1u << HUFU_VERB_SIGN);
	CU_ASSERT(resident.id_len == 20 && memcmp(resident.id, want, 20) == 0);
	key = find_resident("encrypt 1", &resident);
	CU_ASSERT(resident.verbs == (1u << HUFU_VERB_DECRYPT | 1u << HUFU_VERB_UNWRAP));
	key = find_resident("kek 2", &resident);
	CU_ASSERT(key.type == HUFU_KEY_SM4 && resident.verbs == 1u << HUFU_VERB_UNWRAP);
	CU_ASSERT_EQUAL(fake_live_handles(), 0);
	/* A search asks the device once. */
	unsigned asked = fake.calls[FAKE_EXPORT];
	key = find_resident("no such key", &resident);
	CU_ASSERT(!key.blob && fake.calls[FAKE_EXPORT] == asked + 10);
	/* A device that fails half way has not been looked at. */
	fake.failures[FAKE_EXPORT] = 1;
	fake.failure[FAKE_EXPORT] = HUFU_ERR_LOST;
	struct hufu_param_find param = {0};
	struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)&resident, .out_cap = sizeof(resident)};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_LOST);
	op.out_cap = 10;
	CU_ASSERT(run(&op) == HUFU_ERR_BUFFER && op.out_len == sizeof(resident));
	op.param = NULL;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_PARAM);
	stop();
}

static void test_index_keys(void)
{
	struct hufu_resident resident;
	uint8_t sealed[160], out[64];

	insert_card();
	start(usual);
	struct hufu_key key = find_resident("sign 3", &resident);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	unsigned asked = fake.calls[FAKE_EXPORT];
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_EXPORT], asked);
	evict(&key);

	struct hufu_resident encrypting;
	struct hufu_key enc = find_resident("encrypt 1", &encrypting);
	CU_ASSERT_EQUAL(sign_on(lease, &enc, NULL), HUFU_ERR_NO_KEY); /* a pair does what its place is for */
	struct hufu_key public = import(HUFU_KEY_SM2_PUBLIC, fake.encrypt[1].key.point, 64);
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM2_C1C3C2, .key = &public, .in = digest,
	                     .in_len = 32,
	                     .out = sealed, .out_cap = sizeof(sealed)};
	CU_ASSERT(run(&op) == HUFU_OK && op.out_len == 32 + 97 && sealed[0] == 4);
	op = (struct hufu_op){.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM2_C1C3C2, .key = &enc, .in = sealed, .in_len = 129,
	                      .out = out, .out_cap = sizeof(out)};
	CU_ASSERT(run(&op) == HUFU_OK && op.out_len == 32 && memcmp(out, digest, 32) == 0);
	sealed[0] = 2;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_CIPHERTEXT);
	op.in_len = 97;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_CIPHERTEXT_LEN);
	evict(&enc);
	stop();
}

/* Another card has been put in: its key is not used, whatever the index says. */
static void test_alien(void)
{
	struct hufu_resident resident;

	insert_card();
	start(usual);
	struct hufu_key key = find_resident("sign 3", &resident);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	stop();
	fake_make_pair(&fake.sign[3], 0x77);
	start(usual);
	unsigned signs = fake.calls[FAKE_SIGN];
	errors_logged = 0;
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT(errors_logged == 1 && strstr(last_log, "ALARM") && fake.calls[FAKE_SIGN] == signs);
	stop();
	fake_make_pair(&fake.sign[3], 0x13);
	start(usual);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK); /* the right card again */
	evict(&key);
	fake.sign[3].there = false;
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	evict(&key);
	/* No copy of ours. */
	uint8_t garbled[HUFU_RESIDENT_COPY_MAX];
	memcpy(garbled, key.blob, key.blob_len);
	key.blob = garbled;
	for (size_t len = 0; len < key.blob_len; len++) {
		struct hufu_key cut = key;

		cut.blob_len = len;
		CU_ASSERT_EQUAL(sign_on(lease, &cut, NULL), HUFU_ERR_NO_KEY);
	}
	garbled[0] = 9;
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	garbled[0] = 1;
	key.copy_kind = HUFU_COPY_BLOB;
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	stop();
}

/* -- rights -------------------------------------------------------------------------------------------------- */

static enum hufu_err login(const char *name, const char *password)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in = (const uint8_t *)password, .in_len = strlen(password),
	                     .in2 = (const uint8_t *)name, .in2_len = strlen(name)};

	return run(&op);
}

static void logout(void)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGOUT};

	CU_ASSERT_EQUAL(run(&op), HUFU_OK);
}

static void test_password(void)
{
	struct hufu_resident resident;

	insert_card();
	fake.password = "right password";
	start(usual);
	struct hufu_key key = find_resident("sign 3", &resident);
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_log, "wants its access password"));
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], 0);
	/* Refused once, and never presented again before another comes. */
	CU_ASSERT_EQUAL(login("sign:3", "wrong password"), HUFU_ERR_DENIED);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], 1);
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(login("3", "wrong password"), HUFU_ERR_DENIED);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], 1);
	CU_ASSERT_EQUAL(login("3", "right password"), HUFU_OK);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], 2);
	/* Names and lengths. */
	CU_ASSERT(login("", "right password") == HUFU_ERR_PARAM && login("0", "right password") == HUFU_ERR_PARAM);
	CU_ASSERT(login("sign:", "right password") == HUFU_ERR_PARAM && login("1024", "right password") == HUFU_ERR_PARAM);
	CU_ASSERT_EQUAL(login("3", "seven77"), HUFU_ERR_PIN_LEN);
	evict(&key);
	stop();
	CU_ASSERT_EQUAL(fake.calls[FAKE_RELEASE], 0); /* the session's end is enough, the profile says */
}

/* A right of a session's is taken on each that needs it, renewed once where the device has forgotten it. */
static void test_rights_of_sessions(void)
{
	struct hufu_resident resident;
	struct hufu_lease *second;

	insert_card();
	fake.password = "right password";
	start(usual);
	CU_ASSERT_FATAL(driver_sdf.lease(device, 0, &second) == HUFU_OK);
	CU_ASSERT_EQUAL(login("*", "right password"), HUFU_OK);
	struct hufu_key key = find_resident("sign 3", &resident);
	CU_ASSERT(sign_on(lease, &key, &fake.sign[3]) == HUFU_OK && sign_on(second, &key, &fake.sign[3]) == HUFU_OK);
	unsigned gets = fake.calls[FAKE_RIGHT];
	CU_ASSERT_EQUAL(sign_on(second, &key, &fake.sign[3]), HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], gets);
	memset(fake.rights, 0, sizeof(fake.rights));
	CU_ASSERT_EQUAL(sign_on(second, &key, &fake.sign[3]), HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], gets + 1);
	/* The password was changed on the device: refused once, then left alone. */
	memset(fake.rights, 0, sizeof(fake.rights));
	fake.password = "another password";
	CU_ASSERT_EQUAL(sign_on(second, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_log, "was refused"));
	CU_ASSERT_EQUAL(sign_on(second, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], gets + 2);
	evict(&key);
	driver_sdf.release(second);
	stop();
}

/* A code that nobody knows may be a lost try: it is not asked again. One of the transport is not the password's fault. */
static void test_refusals(void)
{
	insert_card();
	fake.password = "right password";
	start(usual);
	fake.failures[FAKE_RIGHT] = 1;
	fake.failure[FAKE_RIGHT] = HUFU_ERR_LOST;
	CU_ASSERT_EQUAL(login("1", "right password"), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(login("1", "right password"), HUFU_OK);
	fake.failures[FAKE_RIGHT] = 1;
	fake.failure[FAKE_RIGHT] = HUFU_ERR_ARGUMENT;
	CU_ASSERT_EQUAL(login("3", "right password"), HUFU_ERR_DENIED);
	CU_ASSERT_EQUAL(login("3", "right password"), HUFU_ERR_DENIED);
	stop();
}

static struct hufu_lease *beside;
static struct hufu_key *beside_key;
static enum hufu_err beside_gave;

static void sign_beside(void)
{
	uint8_t sig[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = beside_key, .in = digest, .in_len = 32,
	                     .out = sig, .out_cap = sizeof(sig), .deadline_ns = 1}; /* it has passed: nobody waits */

	fake.in_right = NULL;
	beside_gave = run_on(beside, &op);
}

/*
 * Cards lock after a few tries. One password is one try an index: whoever opens the device anew, and however many leases want
 * the key at once; and one key that cannot be had takes no other away.
 */
static void test_one_try(void)
{
	struct hufu_resident resident;
	struct hufu_lease *second;

	insert_card();
	fake.password = "right password";
	start(usual);
	CU_ASSERT_EQUAL(login("*", "right password"), HUFU_OK);
	fake.password = "another password";
	unsigned gets = fake.calls[FAKE_RIGHT];
	struct hufu_key key = find_resident("sign 3", &resident);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), HUFU_ERR_NO_KEY);
		evict(&key);
		stop();
		start(usual);
		(void)!login("3", "right password");
	}
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], gets + 1);
	CU_ASSERT_EQUAL(login("3", "another password"), HUFU_OK);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	evict(&key);
	stop();

	/* While one lease shows it for the first time, others wait to hear. */
	insert_card();
	fake.password = "right password";
	start(usual);
	CU_ASSERT_FATAL(driver_sdf.lease(device, 0, &second) == HUFU_OK);
	CU_ASSERT_EQUAL(login("*", "right password"), HUFU_OK);
	key = find_resident("sign 3", &resident);
	beside = second;
	beside_key = &key;
	fake.in_right = sign_beside;
	gets = fake.calls[FAKE_RIGHT];
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	CU_ASSERT(beside_gave == HUFU_ERR_BUSY && fake.calls[FAKE_RIGHT] == gets + 1);
	fake.in_right = NULL;
	CU_ASSERT_EQUAL(sign_on(second, &key, &fake.sign[3]), HUFU_OK);
	evict(&key);
	driver_sdf.release(second);
	stop();
}

/* A password of a key that is yet to be made is kept; a library that knows no rights takes none away. */
static void test_password_of_nothing(void)
{
	struct hufu_resident resident;

	insert_card();
	fake.password = "right password";
	start(usual);
	fake.failures[FAKE_RIGHT] = 1;
	fake.failure[FAKE_RIGHT] = HUFU_ERR_NO_KEY;
	CU_ASSERT_EQUAL(login("3", "right password"), HUFU_OK);
	struct hufu_key key = find_resident("sign 3", &resident);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	evict(&key);
	stop();
	insert_card();
	start(usual);
	fake.failures[FAKE_RIGHT] = 1000;
	fake.failure[FAKE_RIGHT] = HUFU_ERR_UNSUPPORTED;
	(void)!login("*", "right password");
	key = find_resident("sign 3", &resident);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[3]), HUFU_OK);
	evict(&key);
	stop();
}

/* A session that held a right never serves another login: idle ones are closed at once. */
static void test_logout(void)
{
	struct hufu_resident resident;
	struct hufu_lease *second;

	insert_card();
	fake.password = "right password";
	fake.profile.right_stacks = true;
	start(usual);
	CU_ASSERT_FATAL(driver_sdf.lease(device, 0, &second) == HUFU_OK);
	CU_ASSERT_EQUAL(login("*", "right password"), HUFU_OK);
	struct hufu_key key = find_resident("sign 3", &resident);
	CU_ASSERT(sign_on(lease, &key, &fake.sign[3]) == HUFU_OK && sign_on(second, &key, &fake.sign[3]) == HUFU_OK);
	CU_ASSERT(fake_rights() >= 2 && fake_open_sessions() == 2);
	logout();
	CU_ASSERT(fake_rights() == 0 && fake_open_sessions() == 0);
	CU_ASSERT(fake.calls[FAKE_RELEASE] >= 2);
	unsigned gets = fake.calls[FAKE_RIGHT];
	CU_ASSERT_EQUAL(sign_on(second, &key, NULL), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(fake.calls[FAKE_RIGHT], gets);
	/* Another password under the same name ends what the first one opened. */
	CU_ASSERT_EQUAL(login("3", "right password"), HUFU_OK);
	CU_ASSERT_EQUAL(sign_on(second, &key, &fake.sign[3]), HUFU_OK);
	CU_ASSERT_EQUAL(login("3", "wrong password"), HUFU_ERR_DENIED);
	CU_ASSERT_EQUAL(fake_rights(), 0);
	evict(&key);
	driver_sdf.release(second);
	stop();
}

/* -- symmetric keys -------------------------------------------------------------------------------------------- */

static struct hufu_key generate(uint64_t mechanism, enum hufu_key_type type, size_t len)
{
	uint8_t out[ROOM];
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = mechanism, .new_type = type, .new_len = len, .out = out,
	                     .out_cap = sizeof(out), .copy_kind = HUFU_COPY_BLOB};

	CU_ASSERT_FATAL(run(&op) == HUFU_OK);
	CU_ASSERT_EQUAL(op.copy_kind, HUFU_COPY_BLOB);
	op.out_cap = op.out_len - 1;
	CU_ASSERT(run(&op) == HUFU_ERR_BUFFER && op.out_len == op.out_cap + 1);
	op.out_cap = sizeof(out);
	CU_ASSERT_FATAL(run(&op) == HUFU_OK);
	return made_key(&op, type);
}

static enum hufu_err hmac(struct hufu_key *key, uint8_t mac[32])
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .key = key, .in = digest, .in_len = 32,
	                     .out = mac,
	                     .out_cap = 32};

	return run(&op);
}

static void test_generate(void)
{
	uint8_t a[32], b[32], out[64];

	insert_card();
	start(usual);
	struct hufu_key sm4 = generate(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, 0), secret = generate(CKM_HUFU_SM3_KEY_GEN,
	                                                                                         HUFU_KEY_SECRET, 40);
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &sm4, .in = digest, .in_len = 32,
	                     .out = out, .out_cap = sizeof(out)};
	CU_ASSERT(run(&op) == HUFU_OK && op.out_len == 32);
	CU_ASSERT_EQUAL(hmac(&secret, a), HUFU_OK);
	evict(&secret);
	CU_ASSERT(hmac(&secret, b) == HUFU_OK && memcmp(a, b, 32) == 0);
	evict(&sm4);
	evict(&secret);
	CU_ASSERT_EQUAL(fake_live_handles(), 0);
	struct hufu_op bad = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN, .new_type = HUFU_KEY_ZUC, .out = out,
	                      .out_cap = 64};
	CU_ASSERT_EQUAL(run(&bad), HUFU_ERR_KEY_TYPE);
	bad.new_type = HUFU_KEY_SM4;
	bad.new_len = 15;
	CU_ASSERT_EQUAL(run(&bad), HUFU_ERR_KEY_SIZE);
	stop();
	/* Without a KEK under the encryption pair. */
	static const char *const no_kek[] = {"library", "/lib/card.so", "isk_index", "1", NULL};
	start(no_kek);
	secret = generate(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, 32);
	CU_ASSERT_EQUAL(hmac(&secret, a), HUFU_OK);
	evict(&secret);
	stop();
	static const char *const neither[] = {"library", "/lib/card.so", NULL};
	start(neither);
	CU_ASSERT(!offers(CKM_HUFU_SM4_KEY_GEN, HUFU_VERB_GENERATE));
	stop();
}

static void test_import(void)
{
	uint8_t out[ROOM];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM4, .in = digest, .in_len = 15, .out = out,
	                     .out_cap = ROOM};

	insert_card();
	start(usual);
	struct hufu_key key = import_sm4();
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_OK);
	for (size_t i = 0; i + sizeof(standard_key) <= key.blob_len; i++)
		CU_ASSERT(memcmp(key.blob + i, standard_key, sizeof(standard_key)) != 0);
	evict(&key);
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_KEY_SIZE);
	op.new_type = HUFU_KEY_ZUC;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_UNSUPPORTED);
	op = (struct hufu_op){.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM2_PUBLIC, .in = fake.sign[1].key.d, .in_len = 64,
	                      .out = out,
	                      .out_cap = ROOM};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_KEY_VALUE);
	/* A copy that another card's pair opens is no key here. */
	key = import_sm4();
	fake_make_pair(&fake.encrypt[1], 0x55);
	CU_ASSERT_EQUAL(ecb_on(lease, &key), HUFU_ERR_NO_KEY);
	evict(&key);
	stop();
	/* No pair at isk_index: said, and the rest goes on. */
	fake.encrypt[1].there = false;
	errors_logged = 0;
	start(usual);
	CU_ASSERT(errors_logged == 1 && strstr(last_log, "isk_index = 1") && offers(CKM_HUFU_SM2, HUFU_VERB_SIGN));
	op = (struct hufu_op){.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM4, .in = digest, .in_len = 16, .out = out,
	                      .out_cap = ROOM};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_UNSUPPORTED);
	stop();
}

/* -- handles -------------------------------------------------------------------------------------------------------- */

static void test_handles(void)
{
	struct hufu_key keys[6];

	insert_card();
	start(usual);
	for (int i = 0; i < 6; i++) {
		keys[i] = import_sm4();
		CU_ASSERT_EQUAL(ecb_on(lease, &keys[i]), HUFU_OK);
	}
	CU_ASSERT_EQUAL(fake_live_handles(), 4); /* handles_max */
	unsigned imports = fake.calls[FAKE_IMPORT_ISK];
	CU_ASSERT(ecb_on(lease, &keys[5]) == HUFU_OK && ecb_on(lease, &keys[2]) == HUFU_OK);
	CU_ASSERT_EQUAL(fake.calls[FAKE_IMPORT_ISK], imports);
	CU_ASSERT_EQUAL(ecb_on(lease, &keys[0]), HUFU_OK); /* in the place of 3, which was not used for longest */
	CU_ASSERT_EQUAL(fake.calls[FAKE_IMPORT_ISK], imports + 1);
	CU_ASSERT(ecb_on(lease, &keys[2]) == HUFU_OK && fake.calls[FAKE_IMPORT_ISK] == imports + 1);
	CU_ASSERT(ecb_on(lease, &keys[3]) == HUFU_OK && fake.calls[FAKE_IMPORT_ISK] == imports + 2);
	/* A handle that the device has forgotten: once more, silently; a device that knows none is not asked for ever. */
	memset(fake.handles, 0, sizeof(fake.handles));
	CU_ASSERT_EQUAL(ecb_on(lease, &keys[3]), HUFU_OK);
	fake.failures[FAKE_CRYPT] = 2;
	fake.failure[FAKE_CRYPT] = HUFU_ERR_NO_KEY;
	CU_ASSERT_EQUAL(ecb_on(lease, &keys[3]), HUFU_ERR_NO_KEY);
	for (int i = 0; i < 6; i++)
		evict(&keys[i]);
	CU_ASSERT_EQUAL(fake_live_handles(), 0);
	stop();
}

/* A session is full of handles when it holds handles_max: keys that are only made or tried have a place in it all the same. */
static void test_full_session(void)
{
	struct hufu_key keys[4], made;
	struct hufu_resident resident;

	insert_card();
	start(usual);
	for (int i = 0; i < 4; i++) {
		keys[i] = import_sm4();
		CU_ASSERT_EQUAL(ecb_on(lease, &keys[i]), HUFU_OK);
	}
	CU_ASSERT_EQUAL(fake_live_handles(), fake.profile.handles_max);
	made = generate(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, 0);
	CU_ASSERT(made.blob_len > 0 && fake_live_handles() < fake.profile.handles_max);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(ecb_on(lease, &keys[i]), HUFU_OK);
	CU_ASSERT_EQUAL(find_resident("kek 2", &resident).type, HUFU_KEY_SM4);
	for (int i = 0; i < 4; i++)
		evict(&keys[i]);
	evict(&made);
	CU_ASSERT_EQUAL(fake_live_handles(), 0);
	stop();
}

/* A library that gives out one handle for every key: no key is ever used for another. */
static void test_handle_again(void)
{
	uint8_t other[16] = {1}, out[16], want[16];
	struct sm4_key sm4;

	insert_card();
	fake.one_handle = true;
	start(usual);
	struct hufu_key first = import_sm4(), second = import(HUFU_KEY_SM4, other, sizeof(other)), made;
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &second, .in = standard_key,
	                     .in_len = 16, .out = out, .out_cap = sizeof(out)};

	sm4_key_init(&sm4, other);
	sm4_ecb_encrypt(&sm4, standard_key, want, 1);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(ecb_on(lease, &first), HUFU_OK);
		CU_ASSERT(run(&op) == HUFU_OK && memcmp(out, want, 16) == 0);
	}
	/* Nor after one that was made, and not kept. */
	made = generate(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, 0);
	CU_ASSERT(run(&op) == HUFU_OK && memcmp(out, want, 16) == 0);
	evict(&first);
	evict(&second);
	evict(&made);
	stop();
}

/* What is evicted on one lease is destroyed on each at its next op, were it hundreds later. */
static void test_evict(void)
{
	struct hufu_lease *second;
	struct hufu_key keys[3];

	insert_card();
	start(usual);
	CU_ASSERT_FATAL(driver_sdf.lease(device, 0, &second) == HUFU_OK);
	for (int i = 0; i < 3; i++) {
		keys[i] = import_sm4();
		CU_ASSERT(ecb_on(lease, &keys[i]) == HUFU_OK && ecb_on(second, &keys[i]) == HUFU_OK);
	}
	CU_ASSERT_EQUAL(fake_live_handles(), 6);
	evict(&keys[0]);
	CU_ASSERT_EQUAL(fake_live_handles(), 5);
	CU_ASSERT_EQUAL(ecb_on(second, &keys[1]), HUFU_OK);
	CU_ASSERT_EQUAL(fake_live_handles(), 4);
	evict(&keys[2]);
	for (int i = 0; i < 300; i++) {
		struct hufu_key other = keys[0];

		CU_ASSERT_FATAL(ecb_on(lease, &other) == HUFU_OK);
		evict(&other);
	}
	CU_ASSERT_EQUAL(ecb_on(second, &keys[1]), HUFU_OK);
	CU_ASSERT_EQUAL(fake_live_handles(), 2);
	/* A key of before is one still after the device was opened anew; its handles are not. */
	driver_sdf.release(second);
	stop();
	start(usual);
	CU_ASSERT_EQUAL(ecb_on(lease, &keys[1]), HUFU_OK);
	stop();
	/* Where no device comes back it takes none; the sanitizer looks at what is left. */
	driver_sdf.forget(&keys[1]);
	CU_ASSERT_PTR_NULL(keys[1].loaded);
	driver_sdf.forget(&keys[1]);
}

/* -- modes: what is composed is what the kernels say ------------------------------------------------------------------ */

static void crypt_both_ways(struct hufu_key *key, uint64_t mechanism, const struct hufu_param_iv *param, size_t len)
{
	uint8_t in[5000], want[5000], out[5000], iv[16];
	struct sm4_key kernel;
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = mechanism, .key = key, .param = param, .in = in,
	                     .in_len = len, .out = out,
	                     .out_cap = len};

	for (size_t i = 0; i < len; i++)
		in[i] = (uint8_t)(i * 7 + len);
	memcpy(iv, param->iv, 16);
	sm4_key_init(&kernel, standard_key);
	if (mechanism == CKM_HUFU_SM4_CFB128)
		sm4_cfb128_encrypt(&kernel, iv, in, want, len);
	else if (mechanism == CKM_HUFU_SM4_OFB)
		sm4_ofb(&kernel, iv, in, want, len);
	else
		sm4_ctr(&kernel, iv, param->counter_bits, in, want, len);
	CU_ASSERT(run(&op) == HUFU_OK && op.out_len == len && memcmp(out, want, len) == 0);
	op.verb = HUFU_VERB_DECRYPT;
	op.in = want;
	CU_ASSERT(run(&op) == HUFU_OK && memcmp(out, in, len) == 0);
}

static void all_modes(struct hufu_key *key)
{
	static const size_t lens[] = {1, 15, 16, 17, 64, 2047, 2048, 2049, 4096, 5000};
	struct hufu_param_iv param = {.iv = {1, 2, 3}, .counter_bits = 128};

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		crypt_both_ways(key, CKM_HUFU_SM4_CFB128, &param, lens[i]);
		crypt_both_ways(key, CKM_HUFU_SM4_OFB, &param, lens[i]);
		crypt_both_ways(key, CKM_HUFU_SM4_CTR, &param, lens[i]);
	}
	/* Counters that leave the low 32 bits, on a card that counts in these only. */
	memset(param.iv, 0xff, sizeof(param.iv));
	static const uint32_t bits[] = {128, 64, 33, 32, 31, 9, 8, 7, 1};
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		param.counter_bits = bits[i];
		crypt_both_ways(key, CKM_HUFU_SM4_CTR, &param, 70);
	}
}

static void test_modes(void)
{
	insert_card();
	start(usual);
	struct hufu_key key = import_sm4();
	all_modes(&key);
	evict(&key);
	stop();
	fake.profile.alg[SDF_ALG_SM4_CFB] = fake.profile.alg[SDF_ALG_SM4_OFB] = fake.profile.alg[SDF_ALG_SM4_CTR] = 0;
	start(usual);
	key = import_sm4();
	all_modes(&key);
	evict(&key);
	/* A call a block takes time: it ends with the deadline. */
	static uint8_t in[16 * 1024], out[16 * 1024];
	const struct hufu_param_iv zero = {.counter_bits = 128};
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_OFB, .key = &key, .param = &zero, .in = in,
	                     .in_len = sizeof(in), .out = out, .out_cap = sizeof(out), .deadline_ns = now_ns};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_DEADLINE);
	op.deadline_ns++;
	CU_ASSERT_EQUAL(run(&op), HUFU_OK);
	evict(&key);
	op = (struct hufu_op){.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_CTR, .key = &key, .in = digest, .in_len = 32};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_PARAM);
	op.mechanism = CKM_HUFU_SM4_CBC;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_PARAM);
	op.mechanism = CKM_HUFU_SM4_ECB;
	op.in_len = 17;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_DATA_LEN);
	op.verb = HUFU_VERB_DECRYPT;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_CIPHERTEXT_LEN);
	stop();
}

/* -- MACs ----------------------------------------------------------------------------------------------------------------- */

static enum hufu_err mac(uint64_t mechanism, struct hufu_key *key, const uint8_t *in, size_t len, uint8_t out[16])
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .key = key, .in = in, .in_len = len, .out = out,
	                     .out_cap = 16};
	enum hufu_err err = run(&op);

	if (err != HUFU_OK)
		return err;
	struct hufu_op verify = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .key = key, .in = in, .in_len = len, .in2 = out,
	                         .in2_len = 16};
	CU_ASSERT(op.out_len == 16 && run(&verify) == HUFU_OK);
	out[3] ^= 1;
	CU_ASSERT_EQUAL(run(&verify), HUFU_ERR_SIGNATURE);
	out[3] ^= 1;
	verify.in2_len = 15;
	CU_ASSERT_EQUAL(run(&verify), HUFU_ERR_SIGNATURE_LEN);
	return HUFU_OK;
}

/* The kernel's CBC is the oracle. */
static void check_macs(struct hufu_key *key)
{
	uint8_t in[96], chain[16] = {0}, blocks[96], got[16];
	struct sm4_key kernel;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(3 * i);
	sm4_key_init(&kernel, standard_key);
	sm4_cbc_encrypt(&kernel, chain, in, blocks, 6);
	CU_ASSERT(mac(CKM_HUFU_SM4_CBC_MAC, key, in, 96, got) == HUFU_OK && memcmp(got, chain, 16) == 0);
	CU_ASSERT_EQUAL(mac(CKM_HUFU_SM4_CBC_MAC, key, in, 0, got), HUFU_ERR_DATA_LEN);
	CU_ASSERT_EQUAL(mac(CKM_HUFU_SM4_CBC_MAC, key, in, 17, got), HUFU_ERR_DATA_LEN);
}

static void test_macs(void)
{
	insert_card();
	for (int own = 0; own < 2; own++) {
		fake.profile.macs_in_device = own;
		start(opted_in);
		struct hufu_key key = import_sm4();
		check_macs(&key);
		CU_ASSERT_EQUAL(fake.calls[FAKE_MAC] != 0, own);
		evict(&key);
		stop();
	}
}

/* GB/T 15852.1-2020 appendix B; and a key that is to stay in hardware. */
static void test_cmac(void)
{
	static const char text[] = "This is the test message for mac";
	static const struct {
		size_t len;
		const char *mac;
	} rows[] = {{32, "692c437100f3b5ee2b8abcef373d990c"}, {25, "4738a6c760b280fc0c8a8af3886e9f5d"},
	            {0, "29e154322e5c7bd8ee6a25ba549b24bc"}};
	uint8_t got[16], want[16];

	insert_card();
	start(opted_in);
	struct hufu_key key = import_sm4();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_hex(rows[i].mac, want);
		CU_ASSERT(mac(CKM_HUFU_SM4_CMAC, &key, (const uint8_t *)text, rows[i].len, got) == HUFU_OK && memcmp(got, want,
		                                                                                                     16) == 0);
	}
	key.hardware_only = true;
	CU_ASSERT_EQUAL(mac(CKM_HUFU_SM4_CMAC, &key, NULL, 0, got), HUFU_ERR_NO_KEY);
	evict(&key);
	stop();
}

/* -- AEAD: RFC 8998 A.1 ------------------------------------------------------------------------------------------------------ */

static enum hufu_err gcm(enum hufu_verb verb, struct hufu_key *key, const struct hufu_param_gcm *param, const uint8_t *in,
                         size_t len,
                         uint8_t *out)
{
	struct hufu_op op = {.verb = verb, .mechanism = CKM_HUFU_SM4_GCM, .key = key, .param = param, .in = in, .in_len = len,
	                     .out = out,
	                     .out_cap = 96};

	return run(&op);
}

static void test_gcm(void)
{
	uint8_t iv[12], aad[20], text[64], sealed[80], out[96];
	struct hufu_param_gcm param = {.iv = iv, .iv_len = 12, .aad = aad, .aad_len = 20, .tag_len = 16};

	unit_hex("00001234567800000000abcd", iv);
	unit_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
	unit_hex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
	         "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa", text);
	unit_hex("17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
	         "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d83de3541e4c2b58177e065a9bf7b62ec", sealed);
	for (int own = 0; own < 2; own++) {
		insert_card();
		fake.lacks[SDF_CAN_AUTH] = !own;
		start(opted_in);
		struct hufu_key key = import_sm4();
		CU_ASSERT(gcm(HUFU_VERB_ENCRYPT, &key, &param, text, 64, out) == HUFU_OK && memcmp(out, sealed, 80) == 0);
		CU_ASSERT(gcm(HUFU_VERB_DECRYPT, &key, &param, sealed, 80, out) == HUFU_OK && memcmp(out, text, 64) == 0);
		/* Nothing is let go before its tag agrees. */
		memset(out, 0, sizeof(out));
		sealed[79] ^= 1;
		CU_ASSERT_EQUAL(gcm(HUFU_VERB_DECRYPT, &key, &param, sealed, 80, out), HUFU_ERR_CIPHERTEXT);
		sealed[79] ^= 1;
		for (int i = 0; i < 96; i++)
			CU_ASSERT(out[i] == 0);
		CU_ASSERT_EQUAL(gcm(HUFU_VERB_DECRYPT, &key, &param, sealed, 15, out), HUFU_ERR_CIPHERTEXT_LEN);
		param.tag_len = 11;
		CU_ASSERT_EQUAL(gcm(HUFU_VERB_ENCRYPT, &key, &param, text, 64, out), HUFU_ERR_PARAM);
		param.tag_len = 16;
		key.hardware_only = true;
		CU_ASSERT_EQUAL(gcm(HUFU_VERB_ENCRYPT, &key, &param, text, 64, out), own ? HUFU_OK : HUFU_ERR_NO_KEY);
		evict(&key);
		stop();
	}
}

/* Other IVs than twelve bytes are hashed; the kernel is the oracle. */
static void test_gcm_ivs(void)
{
	uint8_t iv[64], text[33], want[49], out[96];
	struct sm4_key kernel;

	insert_card();
	fake.lacks[SDF_CAN_AUTH] = true;
	start(opted_in);
	struct hufu_key key = import_sm4();
	sm4_key_init(&kernel, standard_key);
	memset(text, 0x42, sizeof(text));
	for (size_t n = 1; n <= sizeof(iv); n++) {
		struct hufu_param_gcm param = {.iv = iv, .iv_len = n, .tag_len = 16};

		memset(iv, (int)n, sizeof(iv));
		CU_ASSERT(sm4_gcm_seal(&kernel, iv, n, NULL, 0, text, 33, want, want + 33, 16));
		CU_ASSERT(gcm(HUFU_VERB_ENCRYPT, &key, &param, text, 33, out) == HUFU_OK && memcmp(out, want, 49) == 0);
	}
	evict(&key);
	stop();
}

/* -- keys that others have wrapped ------------------------------------------------------------------------------------------------ */

static enum hufu_err unwrap(uint64_t mechanism, struct hufu_key *with, enum hufu_key_type type, const uint8_t *in, size_t len,
                            struct hufu_key *made)
{
	uint8_t out[ROOM];
	struct hufu_op op = {.verb = HUFU_VERB_UNWRAP, .mechanism = mechanism, .key = with, .new_type = type, .in = in,
	                     .in_len = len,
	                     .out = out, .out_cap = sizeof(out), .copy_kind = HUFU_COPY_BLOB};
	enum hufu_err err = run(&op);

	if (err == HUFU_OK)
		*made = made_key(&op, type);
	return err;
}

static void test_unwrap(void)
{
	struct hufu_resident resident, kek_resident;
	struct hufu_key made = {0};
	uint8_t sealed[16 + 97], wrapped[16], sig[64];
	struct hufu_op seal = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM2_C1C3C2, .in = standard_key, .in_len = 16,
	                       .out = sealed,
	                       .out_cap = sizeof(sealed)};

	insert_card();
	fake.password = "right password";
	start(usual);
	CU_ASSERT_EQUAL(login("*", "right password"), HUFU_OK);
	struct hufu_key public = import(HUFU_KEY_SM2_PUBLIC, fake.encrypt[1].key.point, 64), pair = find_resident("encrypt 1",
	                                                                                                          &resident);
	seal.key = &public;
	CU_ASSERT_EQUAL(run(&seal), HUFU_OK);
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM2_C1C3C2, &pair, HUFU_KEY_SM4, sealed, sizeof(sealed), &made), HUFU_OK);
	CU_ASSERT(made.copy_kind == HUFU_COPY_RECIPE && fake_live_handles() == 0);
	CU_ASSERT_EQUAL(ecb_on(lease, &made), HUFU_OK);
	evict(&made);
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM2_C1C3C2, &pair, HUFU_KEY_SM4, sealed, sizeof(sealed) - 1, &made), HUFU_ERR_KEY_SIZE);
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM2_C1C3C2, &pair, HUFU_KEY_SM4, sealed, 97, &made), HUFU_ERR_CIPHERTEXT_LEN);
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM2_C1C3C2, &pair, HUFU_KEY_SM2_PRIVATE, sealed, sizeof(sealed), &made),
	                HUFU_ERR_UNSUPPORTED);
	sealed[100] ^= 1;
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM2_C1C3C2, &pair, HUFU_KEY_SM4, sealed, sizeof(sealed), &made), HUFU_ERR_CIPHERTEXT);
	/* A point of no use to anybody but who is after the key: the card never sees it. */
	unsigned imports = fake.calls[FAKE_IMPORT_ISK];
	sealed[40] ^= 1;
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM2_C1C3C2, &pair, HUFU_KEY_SM4, sealed, sizeof(sealed), &made), HUFU_ERR_CIPHERTEXT);
	CU_ASSERT_EQUAL(fake.calls[FAKE_IMPORT_ISK], imports);

	struct hufu_key kek = find_resident("kek 2", &kek_resident);
	for (int i = 0; i < 16; i++)
		wrapped[i] = standard_key[i] ^ 2;
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM4_ECB, &kek, HUFU_KEY_SM4, wrapped, 16, &made), HUFU_OK);
	CU_ASSERT_EQUAL(made.copy_kind, HUFU_COPY_BLOB);
	CU_ASSERT_EQUAL(ecb_on(lease, &made), HUFU_OK);
	evict(&made);
	CU_ASSERT_EQUAL(unwrap(CKM_HUFU_SM4_ECB, &kek, HUFU_KEY_SM4, wrapped, 15, &made), HUFU_ERR_CIPHERTEXT_LEN);
	/* A KEK wraps and does nothing else. */
	CU_ASSERT_EQUAL(ecb_on(lease, &kek), HUFU_ERR_NO_KEY);
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &kek, .in = digest, .in_len = 32,
	                     .out = sig, .out_cap = 64};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_KEY_TYPE);
	evict(&kek);
	evict(&pair);
	stop();
}

/* -- pairs ------------------------------------------------------------------------------------------------------------------------- */

static void test_pairs(void)
{
	uint8_t out[ROOM], pub[HUFU_PUB_MAX], d[32];
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                       .new_type = HUFU_KEY_SM2_PRIVATE, .out = out,
	                       .out_cap = ROOM, .pub = pub};

	insert_card();
	start(usual);
	CU_ASSERT_EQUAL(run(&make), HUFU_OK);
	CU_ASSERT(make.copy_kind == HUFU_COPY_INDEX && make.pub_len == 64 && fake.sign[2].there && !fake.encrypt[2].there);
	struct hufu_key key = made_key(&make, HUFU_KEY_SM2_PRIVATE);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[2]), HUFU_OK);
	evict(&key);

	memset(d, 0x66, sizeof(d));
	struct hufu_op import_op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM2_PRIVATE, .in = d, .in_len = 32, .out = out,
	                            .out_cap = ROOM,
	                            .pub = pub};
	CU_ASSERT_EQUAL(run(&import_op), HUFU_OK);
	CU_ASSERT(fake.sign[4].there && fake.encrypt[4].there && memcmp(pub, fake.sign[4].key.point, 64) == 0);
	key = made_key(&import_op, HUFU_KEY_SM2_PRIVATE);
	CU_ASSERT_EQUAL(sign_on(lease, &key, &fake.sign[4]), HUFU_OK);
	evict(&key);
	memset(d, 0xff, sizeof(d));
	CU_ASSERT_EQUAL(run(&import_op), HUFU_ERR_KEY_VALUE);
	/* None is made for a caller who has no room for its copy. */
	make.out_cap = 5;
	unsigned made = fake.calls[FAKE_MAKE_PAIR];
	CU_ASSERT(run(&make) == HUFU_ERR_BUFFER && fake.calls[FAKE_MAKE_PAIR] == made);
	make.out_cap = ROOM;
	/* The device refuses, and the index is free for the next. */
	fake.failures[FAKE_MAKE_PAIR] = 1;
	fake.failure[FAKE_MAKE_PAIR] = HUFU_ERR_UNSUPPORTED;
	CU_ASSERT_EQUAL(run(&make), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT(run(&make) == HUFU_OK && fake.sign[5].there);
	CU_ASSERT_EQUAL(run(&make), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_log, "all of the configured indexes are taken"));
	stop();
	fake.lacks[SDF_CAN_MAKE_PAIR] = fake.lacks[SDF_CAN_IMPORT_PAIR] = true;
	start(usual);
	CU_ASSERT_EQUAL(run(&make), HUFU_ERR_UNSUPPORTED); /* it is not offered */
	memset(d, 0x66, sizeof(d));
	CU_ASSERT_EQUAL(run(&import_op), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_log, "vendor's management tool"));
	last_log[0] = '\0';
	CU_ASSERT_EQUAL(run(&import_op), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_STRING_EQUAL(last_log, ""); /* told once */
	stop();
}

/*
 * A pair stays where it was made: after an answer that was lost the index says whether there is one. What was made is given;
 * where nothing was, others may be asked; where nobody knows, nobody is.
 */
static void test_pairs_unknown(void)
{
	static const struct {
		enum hufu_err fails;
		bool kills, made, blind;
		enum hufu_err gives;
		unsigned index;              /* of the pair that is given */
	} rows[] = {
		{HUFU_ERR_LOST, true, true, false, HUFU_OK, 2},
		{HUFU_ERR_CORRUPT, false, true, false, HUFU_OK, 2},
		{HUFU_ERR_LOST, true, false, false, HUFU_ERR_GONE, 0},
		{HUFU_ERR_CORRUPT, false, false, false, HUFU_ERR_NO_KEY, 0},
		{HUFU_ERR_LOST, true, true, true, HUFU_ERR_LOST, 0},
		{HUFU_ERR_LOST, true, false, true, HUFU_ERR_LOST, 0},
		/* Another process was quicker: the next index is as good. */
		{HUFU_ERR_ARGUMENT, false, false, false, HUFU_OK, 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int import = 0; import < 2; import++) {
			uint8_t out[ROOM], pub[HUFU_PUB_MAX], d[32];
			enum fake_call call = import ? FAKE_IMPORT_PAIR : FAKE_MAKE_PAIR;
			struct hufu_op op = {.verb = import ? HUFU_VERB_IMPORT : HUFU_VERB_GENERATE,
			                     .mechanism = import ? 0 : CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE,
			                     .in = import ? d : NULL, .in_len = import ? 32 : 0, .out = out, .out_cap = ROOM, .pub = pub};

			memset(d, 0x66, sizeof(d));
			insert_card();
			start(usual);
			fake.failures[call] = 1;
			fake.failure[call] = rows[i].fails;
			fake.failure_kills[call] = rows[i].kills;
			fake.failure_is_late[call] = rows[i].made;
			fake.failures[FAKE_OPEN_SESSION] = rows[i].blind;
			fake.failure[FAKE_OPEN_SESSION] = HUFU_ERR_GONE;
			CU_ASSERT_EQUAL(run(&op), rows[i].gives);
			if (rows[i].gives == HUFU_OK) {
				struct hufu_key key = made_key(&op, HUFU_KEY_SM2_PRIVATE);
				const struct fake_pair *pair = &fake.sign[rows[i].index];

				CU_ASSERT(pair->there && memcmp(pub, pair->key.point, 64) == 0);
				CU_ASSERT_EQUAL(sign_on(lease, &key, pair), HUFU_OK);
				evict(&key);
			}
			stop();
		}
}

/* Half of a pair that is taken in stays: nobody is asked to take it in elsewhere. */
static void test_pair_by_half(void)
{
	uint8_t out[ROOM], pub[HUFU_PUB_MAX], d[32];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM2_PRIVATE, .in = d, .in_len = 32, .out = out,
	                     .out_cap = ROOM, .pub = pub};

	memset(d, 0x66, sizeof(d));
	insert_card();
	start(usual);
	fake.refuses_to_import[SDF_USAGE_ENCRYPT] = true;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_LOST);
	CU_ASSERT(fake.sign[2].there && !fake.encrypt[2].there && !fake.sign[4].there);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_log, "by half"));
	stop();
}

/* -- whose mistake it is -------------------------------------------------------------------------------------------------- */

/*
 * What an op brings was checked before it came to the card: no code of the card's makes a caller answer for it, or puts the
 * card out of service for all; but a ciphertext is the caller's.
 */
static void test_blame(void)
{
	static const enum hufu_err says[] = {HUFU_ERR_ARGUMENT, HUFU_ERR_KEY_VALUE, HUFU_ERR_KEY_TYPE, HUFU_ERR_DATA,
	                                     HUFU_ERR_CIPHERTEXT, HUFU_ERR_SIGNATURE, HUFU_ERR_DENIED};
	uint8_t out[64], in[128] = {4};
	struct hufu_resident sign, encrypt;

	insert_card();
	start(usual);
	struct hufu_key key = find_resident("sign 3", &sign), opens = find_resident("encrypt 1", &encrypt), sm4 = import_sm4();
	memcpy(in + 1, fake.sign[1].key.point, 64);
	struct hufu_op op = {.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM2_C1C3C2, .key = &opens, .in = in,
	                     .in_len = sizeof(in), .out = out, .out_cap = sizeof(out)};
	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++) {
		fake.failures[FAKE_SIGN] = fake.failures[FAKE_CRYPT] = fake.failures[FAKE_DECRYPT] = 2;
		fake.failure[FAKE_SIGN] = fake.failure[FAKE_CRYPT] = fake.failure[FAKE_DECRYPT] = says[i];
		/* SIGNERR is what a card says that could not make one. */
		CU_ASSERT_EQUAL(sign_on(lease, &key, NULL), says[i] == HUFU_ERR_SIGNATURE ? HUFU_ERR_CORRUPT : HUFU_ERR_NO_KEY);
		CU_ASSERT_EQUAL(ecb_on(lease, &sm4), HUFU_ERR_NO_KEY);
		CU_ASSERT_EQUAL(run(&op), says[i] == HUFU_ERR_CIPHERTEXT ? says[i] : HUFU_ERR_NO_KEY);
	}
	fake.failures[FAKE_SIGN] = fake.failures[FAKE_CRYPT] = fake.failures[FAKE_DECRYPT] = 0;
	CU_ASSERT(sign_on(lease, &key, &fake.sign[3]) == HUFU_OK && ecb_on(lease, &sm4) == HUFU_OK);
	/* What is the caller's stays so, whatever the card said in an op before. */
	op.in = digest, op.in_len = 32;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_CIPHERTEXT_LEN);
	evict(&key);
	evict(&opens);
	evict(&sm4);
	stop();
}

/* A key of another curve at an index hides none of the others, and is in nobody's way. */
static void test_odd_key(void)
{
	uint8_t out[ROOM], pub[HUFU_PUB_MAX];
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                       .new_type = HUFU_KEY_SM2_PRIVATE, .out = out, .out_cap = ROOM, .pub = pub};
	struct hufu_resident resident;

	insert_card();
	start(usual);
	fake.odd_index = 2;
	CU_ASSERT_EQUAL(find_resident("sign 3", &resident).type, HUFU_KEY_SM2_PRIVATE);
	CU_ASSERT_EQUAL(find_resident("sign 2", &resident).type, 0);
	CU_ASSERT(run(&make) == HUFU_OK && fake.sign[4].there && !fake.sign[2].there);
	stop();
}

/* A card whose way of counting is not known, and that has no ECB to count with: it counts where all ways are one. */
static void test_ctr_alone(void)
{
	uint8_t out[64], want[64], in[64] = {7};
	struct hufu_param_iv iv = {.counter_bits = 128};
	struct sm4_key sm4;

	insert_card();
	fake.profile.alg[SDF_ALG_SM4_ECB] = 0;
	start(usual);
	struct hufu_key key = import_sm4();
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_CTR, .key = &key, .param = &iv, .in = in,
	                     .in_len = sizeof(in), .out = out, .out_cap = sizeof(out)};
	uint8_t counter[16] = {0};

	sm4_key_init(&sm4, standard_key);
	sm4_ctr(&sm4, counter, 128, in, want, sizeof(in));
	CU_ASSERT(run(&op) == HUFU_OK && memcmp(out, want, sizeof(want)) == 0);
	memset(iv.iv + 12, 0xff, 4);
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_NO_KEY);
	memset(iv.iv + 12, 0, 4);
	iv.counter_bits = 16;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_NO_KEY);
	evict(&key);
	stop();
}

/* -- RSA: libcrypto is the oracle -------------------------------------------------------------------------------------------------------- */

static bool rsa_verifies(const uint8_t *sig, size_t len, int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(fake.rsa, NULL);
	bool good = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1 &&
	            (padding != RSA_PKCS1_PSS_PADDING || (EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	                                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1)) &&
	            EVP_PKEY_verify(ctx, sig, len, digest, 32) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static size_t rsa_encrypt_oaep(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(fake.rsa, NULL);
	bool good = EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	            EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_encrypt(ctx, out, &cap, in, len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good ? cap : 0;
}

static void test_rsa(void)
{
	static const char *const with_rsa[] = {"library", "/lib/card.so", "rsa_indexes", "1-2", NULL};
	const struct hufu_param_pss pss = {.hash = CKM_SHA256, .mgf_hash = CKM_SHA256, .salt_len = 32};
	const struct hufu_param_oaep oaep = {.hash = CKM_SHA256, .mgf_hash = CKM_SHA256};
	struct hufu_resident resident, encrypting;
	uint8_t sig[256], sealed[256], opened[256];

	insert_card();
	fake.rsa = EVP_RSA_gen(2048);
	CU_ASSERT_FATAL(fake.rsa != NULL);
	start(with_rsa);
	struct hufu_key key = find_resident("rsa sign 1", &resident), enc = find_resident("rsa encrypt 1", &encrypting);
	CU_ASSERT(key.type == HUFU_KEY_RSA_PRIVATE && resident.nbits == 2048 && resident.verbs == 1u << HUFU_VERB_SIGN);
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_RSA_PKCS, .key = &key, .in = digest, .in_len = 32,
	                     .out = sig, .out_cap = 256};
	CU_ASSERT(run(&op) == HUFU_OK && op.out_len == 256 && rsa_verifies(sig, 256, RSA_PKCS1_PADDING));
	op.mechanism = CKM_RSA_PKCS_PSS;
	op.param = &pss;
	CU_ASSERT(run(&op) == HUFU_OK && rsa_verifies(sig, 256, RSA_PKCS1_PSS_PADDING));
	op.key = &enc;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_NO_KEY);
	op.key = &key;
	op.out_cap = 255;
	CU_ASSERT(run(&op) == HUFU_ERR_BUFFER && op.out_len == 256);

	CU_ASSERT_EQUAL(rsa_encrypt_oaep(digest, 32, sealed, sizeof(sealed)), 256);
	struct hufu_op open = {.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_RSA_PKCS_OAEP, .key = &enc, .param = &oaep,
	                       .in = sealed, .in_len = 256,
	                       .out = opened, .out_cap = sizeof(opened)};
	CU_ASSERT(run(&open) == HUFU_OK && open.out_len == 32 && memcmp(opened, digest, 32) == 0);
	sealed[9] ^= 1;
	CU_ASSERT_EQUAL(run(&open), HUFU_ERR_CIPHERTEXT);
	open.mechanism = CKM_RSA_PKCS;
	CU_ASSERT_EQUAL(run(&open), HUFU_ERR_UNSUPPORTED);
	/* Another key at that index. */
	evict(&key);
	EVP_PKEY_free(fake.rsa);
	fake.rsa = EVP_RSA_gen(2048);
	op.out_cap = 256;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_NO_KEY);
	evict(&key);
	evict(&enc);
	stop();
	EVP_PKEY_free(fake.rsa);
}

/* -- malformed calls -------------------------------------------------------------------------------------------------------------------------- */

static void test_malformed(void)
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in_len = 32}, *ops = &op;
	uint8_t out[64];

	insert_card();
	start(usual);
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_ARGUMENT);
	op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in = digest, .in_len = 32};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_ARGUMENT);
	struct hufu_key key = import_sm4();
	op.key = &key;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_KEY_TYPE);
	op.mechanism = CKM_HUFU_SM4_ECB;
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_UNSUPPORTED);
	op = (struct hufu_op){.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .phase = HUFU_PHASE_FIRST, .key = &key,
	                      .in = digest,
	                      .in_len = 32, .out = out, .out_cap = sizeof(out)};
	CU_ASSERT_EQUAL(run(&op), HUFU_ERR_ARGUMENT);
	op.phase = HUFU_PHASE_WHOLE;
	op.out_cap = 31;
	CU_ASSERT(run(&op) == HUFU_ERR_BUFFER && op.out_len == 32);
	op.size = 8;
	driver_sdf.run(lease, &ops, 1);
	CU_ASSERT_EQUAL(op.outcome, HUFU_ERR_ARGUMENT);
	evict(&key);
	stop();
	CU_ASSERT_EQUAL(secret_in_use(), 0);
}

static const struct unit_case cases[] = {
	{"settings: each mistake is named with what to do", test_settings},
	{"capabilities follow from what the library can, the profile has, and the opt-ins", test_capabilities},
	{"a session that died or idled for too long is opened anew, and its keys are imported anew", test_sessions},
	{"a probe keeps one session, and tells one that died from a device that did", test_probe},
	{"FIND shows pairs and KEKs at the configured indexes, asked for once a search", test_find},
	{"index keys sign and decrypt, each in its own place", test_index_keys},
	{"another key at the index is caught, told of once, and never used", test_alien},
	{"a refused access password is not presented again before another is given", test_password},
	{"rights are taken on each session and renewed once", test_rights_of_sessions},
	{"refusals in unknown words count, failures of transport do not", test_refusals},
	{"a wrong password is one try, and takes away no other key", test_one_try},
	{"a password waits for its key, and libraries without rights want none", test_password_of_nothing},
	{"no session that held a right outlives the logout", test_logout},
	{"symmetric keys are generated under a KEK or the encryption pair", test_generate},
	{"clear keys leave the host only encrypted to the device's pair", test_import},
	{"leases hold as many handles as the profile allows, and get over forgotten ones", test_handles},
	{"an evicted key's handles go from every lease", test_evict},
	{"a session that is full of keys makes and finds others", test_full_session},
	{"a handle that is given out again means the new key", test_handle_again},
	{"CFB, OFB and CTR are the same by the card and composed of ECB", test_modes},
	{"CBC-MAC is the same by the card and composed of CBC", test_macs},
	{"CMAC composed of the card's ciphers gives the answers of GB/T 15852.1", test_cmac},
	{"GCM is the same by the card and composed, and lets nothing go before its tag", test_gcm},
	{"composed GCM hashes IVs of other lengths", test_gcm_ivs},
	{"keys wrapped elsewhere become copies; KEKs do nothing else", test_unwrap},
	{"pairs are made at the first free index where a vendor's call can, else it is said who makes them", test_pairs},
	{"whether a pair was made, its index says", test_pairs_unknown},
	{"half a pair is not taken in elsewhere", test_pair_by_half},
	{"no code of a card's blames a caller for what is not his", test_blame},
	{"a key of another curve hides none of the others", test_odd_key},
	{"a counter that devices count differently is left to others", test_ctr_alone},
	{"RSA: padded here, raised to d by the card", test_rsa},
	{"malformed calls are refused, and no secret is left behind", test_malformed},
	{0},
};

UNIT_MAIN("sdf driver", cases)
