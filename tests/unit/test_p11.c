/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: the driver for PKCS#11 modules believes no length and asks no question twice: lost sessions are had again once an op,
 * a refused PIN is never presented again, each answer of the module is put into its group, and SM2 goes by the numbers and in
 * the form of the vendor. Over a module of our own that misbehaves as told (p11_fake.c).
 */
#include "unit.h"

#include <dlfcn.h>
#include <pthread.h>

#include "base/log.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "p11_fake.h"

#define NEED(call) CU_ASSERT_EQUAL_FATAL((call), HUFU_OK)
#define IS(call, want) CU_ASSERT_EQUAL((call), (want))

static struct p11_fake *fake;
static char path[4096];
static const char *options[16];

static const char *get(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (size_t i = 0; options[i]; i += 2)
		if (strcmp(options[i], key) == 0)
			return options[i + 1];
	return NULL;
}

/* The copy that the driver will load. */
static void find_fake(void)
{
	const char *build = getenv("top_builddir");
	char relative[512];
	p11_fake_fn fn;
	snprintf(relative, sizeof relative, "%s/tests/unit/.libs/p11_fake.so", build ? build : ".");
	CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(relative, path));
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(library);
	void *symbol = dlsym(library, "p11_fake");
	CU_ASSERT_PTR_NOT_NULL_FATAL(symbol);
	memcpy(&fn, &symbol, sizeof fn);
	fake = fn();
}

/* As new; what is set before open stays. */
static void reset(void)
{
	static const char *const defaults[] = {"module", path, "wrap_key", "kek", "locking", "none", NULL};
	if (!fake)
		find_fake();
	memset(fake, 0, sizeof *fake);
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		options[i] = defaults[i];
}

static void set(const char *key, const char *value)
{
	size_t n = 0;
	while (options[n])
		n += 2;
	options[n] = key;
	options[n + 1] = value;
	options[n + 2] = NULL;
}

static void tell(enum fake_call call, CK_RV rv, unsigned times, bool lie)
{
	fake->next[call].rv = rv;
	fake->next[call].times = times;
	fake->next[call].lie = lie;
}

struct bench {
	struct hufu_device *device;
	struct hufu_lease *lease;
};

static struct hufu_device *open_device(void)
{
	struct hufu_conf conf = {.size = sizeof conf, .name = "fake", .get = get};
	struct hufu_device *device = NULL;
	NEED(driver_p11.open(driver_host(), &conf, 0, &device));
	return device;
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

static struct bench begin(void)
{
	struct bench b = {.device = open_device()};
	NEED(driver_p11.lease(b.device, 0, &b.lease));
	NEED(login(b.lease, FAKE_PIN));
	return b;
}

/* Nothing is left open. */
static void end(struct bench *b)
{
	driver_p11.release(b->lease);
	driver_p11.close(b->device, 0);
	CU_ASSERT_EQUAL(fake->sessions, 0);
	CU_ASSERT_EQUAL(fake->initialised, fake->finalised);
}

struct key {
	struct hufu_key key;
	uint8_t copy[300], pub[HUFU_PUB_MAX];
	size_t pub_len;
};

static enum hufu_err generate(struct hufu_lease *lease, uint64_t mechanism, enum hufu_key_type type, struct key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = mechanism, .new_type = type, .new_len = type == HUFU_KEY_AES ? 16 : 0,
	                     .out = key->copy, .out_cap = sizeof key->copy, .pub = key->pub, .copy_kind = HUFU_COPY_BLOB};
	enum hufu_err err = run(lease, &op);
	key->pub_len = op.pub_len;
	key->key = (struct hufu_key){.size = sizeof key->key, .type = type, .copy_kind = HUFU_COPY_BLOB, .blob = key->copy,
	                             .blob_len = op.out_len};
	return err;
}

static struct key aes_key(struct hufu_lease *lease)
{
	struct key key;
	NEED(generate(lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &key));
	return key;
}

static enum hufu_err use(struct hufu_lease *lease, enum hufu_verb verb, uint64_t mechanism, struct key *key, uint8_t *out, size_t cap,
                         size_t *len)
{
	static const uint8_t in[32] = {4, 5, 6};
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .key = &key->key, .in = in, .in_len = 32, .out = out, .out_cap = cap};
	key->key.blob = key->copy;
	enum hufu_err err = run(lease, &op);
	*len = op.out_len;
	return err;
}

static enum hufu_err encrypt(struct bench *b, struct key *key)
{
	uint8_t out[32];
	size_t len;
	enum hufu_err err = use(b->lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, key, out, sizeof out, &len);
	if (err == HUFU_OK)
		CU_ASSERT(len == 32 && out[0] == 5 && out[3] == 1);
	return err;
}

static void evict(struct hufu_lease *lease, struct key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = &key->key};
	NEED(run(lease, &op));
	CU_ASSERT_PTR_NULL(key->key.loaded);
}

/* -- lengths ------------------------------------------------------------------------------ */

static void test_lies(void)
{
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease), mac = key, other = key;
	uint8_t out[64];
	size_t len;
	mac.key.type = HUFU_KEY_SECRET;
	tell(FAKE_ENCRYPT, CKR_OK, 1, true);
	IS(encrypt(&b, &key), HUFU_ERR_CORRUPT);
	tell(FAKE_DECRYPT, CKR_OK, 1, true);
	IS(use(b.lease, HUFU_VERB_DECRYPT, CKM_AES_ECB, &key, out, 32, &len), HUFU_ERR_CORRUPT);
	fake->cut = true;
	IS(encrypt(&b, &key), HUFU_ERR_CORRUPT);
	IS(use(b.lease, HUFU_VERB_DECRYPT, CKM_AES_ECB, &key, out, 32, &len), HUFU_ERR_CORRUPT);
	fake->cut = false;
	tell(FAKE_SIGN, CKR_OK, 1, true);
	IS(use(b.lease, HUFU_VERB_SIGN, CKM_SHA256_HMAC, &mac, out, 64, &len), HUFU_ERR_CORRUPT);
	tell(FAKE_WRAP, CKR_OK, 1, true);
	IS(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &other), HUFU_ERR_CORRUPT);
	evict(b.lease, &key);
	evict(b.lease, &mac);
	end(&b);
}

/* The session has an operation left then, which 2.40 cannot end. */
static void test_too_small(void)
{
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease);
	uint8_t out[64];
	size_t len;
	IS(use(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, out, 31, &len), HUFU_ERR_BUFFER);
	CU_ASSERT_EQUAL(len, 32);
	CU_ASSERT_EQUAL(fake->sessions, 1); /* the keeper's */
	IS(encrypt(&b, &key), HUFU_OK);
	tell(FAKE_ENCRYPT, CKR_OK, 1, true); /* too small, it says, for nothing at all */
	IS(use(b.lease, HUFU_VERB_ENCRYPT, CKM_AES_ECB, &key, out, 31, &len), HUFU_ERR_CORRUPT);
	IS(encrypt(&b, &key), HUFU_OK);
	evict(b.lease, &key);
	end(&b);
}

/* -- losses --------------------------------------------------------------------------------- */

static const CK_RV losses[] = {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_REMOVED,
                               CKR_TOKEN_NOT_PRESENT, CKR_KEY_HANDLE_INVALID, CKR_OPERATION_ACTIVE, CKR_CRYPTOKI_NOT_INITIALIZED};

static void test_loss(void)
{
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease);
	for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
		unsigned opened = fake->asked[FAKE_OPEN];
		tell(FAKE_ENCRYPT, losses[i], 1, false);
		IS(encrypt(&b, &key), HUFU_OK);
		CU_ASSERT_EQUAL(fake->asked[FAKE_OPEN], opened + 2); /* the keeper and the lease, no more */
		opened = fake->asked[FAKE_OPEN];
		tell(FAKE_ENCRYPT, losses[i], 2, false);
		enum hufu_err err = encrypt(&b, &key);
		CU_ASSERT(err == HUFU_ERR_GONE || err == HUFU_ERR_NO_KEY);
		CU_ASSERT_EQUAL(fake->asked[FAKE_OPEN], opened + 2);
		IS(encrypt(&b, &key), HUFU_OK);
	}
	CU_ASSERT_EQUAL(fake->sessions, 2);
	evict(b.lease, &key);
	end(&b);
}

static void test_away(void)
{
	reset();
	struct bench b = begin();
	struct hufu_lease *other;
	struct key key = aes_key(b.lease);
	tell(FAKE_ENCRYPT, CKR_DEVICE_REMOVED, 1, false);
	tell(FAKE_OPEN, CKR_DEVICE_REMOVED, 3, false);
	IS(encrypt(&b, &key), HUFU_ERR_GONE);
	IS(encrypt(&b, &key), HUFU_ERR_GONE);
	IS(driver_p11.lease(b.device, 0, &other), HUFU_ERR_GONE);
	tell(FAKE_OPEN, CKR_OK, 0, false);
	IS(encrypt(&b, &key), HUFU_OK);
	CU_ASSERT(fake->logged_in);
	evict(b.lease, &key);
	end(&b);
}

/* Its PIN may be another, its keys are. */
static void test_another_token(void)
{
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease);
	unsigned asked = fake->asked[FAKE_LOGIN];
	fake->another_token = true;
	fake->logged_in = false;
	tell(FAKE_ENCRYPT, CKR_SESSION_HANDLE_INVALID, 1, false);
	IS(encrypt(&b, &key), HUFU_ERR_GONE);
	IS(encrypt(&b, &key), HUFU_ERR_GONE);
	IS(driver_p11.probe(b.device, 0), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(fake->asked[FAKE_LOGIN], asked);
	fake->another_token = false;
	IS(encrypt(&b, &key), HUFU_OK);
	evict(b.lease, &key);
	end(&b);
}

static struct bench beside;
static struct key key_beside;

/* Another op loses its session; connected anew, its key has the handle that was the first one's. */
static void lose_beside(void)
{
	tell(FAKE_ENCRYPT, CKR_SESSION_CLOSED, 1, false);
	IS(encrypt(&beside, &key_beside), HUFU_OK);
}

/* Whoever was between Init and the rest must not go on: it may be with another key. */
static void test_loss_between(void)
{
	reset();
	options[5] = "os"; /* calls side by side */
	struct bench b = begin();
	beside = (struct bench){.device = b.device};
	NEED(driver_p11.lease(b.device, 0, &beside.lease));
	struct key key = aes_key(b.lease);
	key_beside = aes_key(b.lease);
	IS(encrypt(&b, &key), HUFU_OK);
	fake->after_init = lose_beside;
	unsigned encrypted = fake->asked[FAKE_ENCRYPT], opened = fake->asked[FAKE_OPEN];
	IS(encrypt(&b, &key), HUFU_OK);
	CU_ASSERT_EQUAL(fake->asked[FAKE_ENCRYPT], encrypted + 3); /* twice beside, and once here, */
	CU_ASSERT_EQUAL(fake->asked[FAKE_OPEN], opened + 3);       /* on a session of the new connection */
	evict(b.lease, &key);
	evict(b.lease, &key_beside);
	driver_p11.release(beside.lease);
	end(&b);
}

static void test_session_limit(void)
{
	struct hufu_device_info info = {.size = sizeof info};
	struct hufu_lease *other;
	reset();
	fake->sessions_max = 5;
	struct bench b = begin();
	NEED(driver_p11.info(b.device, &info));
	CU_ASSERT_EQUAL(info.max_leases, 4);
	tell(FAKE_OPEN, CKR_SESSION_COUNT, 1, false);
	IS(driver_p11.lease(b.device, 0, &other), HUFU_ERR_BUSY);
	NEED(driver_p11.lease(b.device, 0, &other));
	driver_p11.release(other);
	end(&b);
}

/* -- the login -------------------------------------------------------------------------------- */

static void test_denied(void)
{
	static const CK_RV refusals[] = {CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_EXPIRED, CKR_USER_PIN_NOT_INITIALIZED};
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		reset();
		struct bench b = {.device = open_device()};
		NEED(driver_p11.lease(b.device, 0, &b.lease));
		tell(FAKE_LOGIN, refusals[i], 1, false);
		IS(login(b.lease, FAKE_PIN), HUFU_ERR_DENIED);
		CU_ASSERT_EQUAL(fake->asked[FAKE_LOGIN], 1);
		struct key key;
		IS(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &key), HUFU_ERR_NO_KEY);
		tell(FAKE_RANDOM, CKR_SESSION_CLOSED, 1, false);
		uint8_t out[8];
		struct hufu_op random = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = 8};
		IS(run(b.lease, &random), HUFU_OK);
		CU_ASSERT_EQUAL(fake->asked[FAKE_LOGIN], 1);
		end(&b);
	}
}

/* One that was good, and is no longer: what follows the loss is denied, once. */
static void test_denied_later(void)
{
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease);
	tell(FAKE_ENCRYPT, CKR_SESSION_CLOSED, 1, false);
	tell(FAKE_LOGIN, CKR_PIN_INCORRECT, 1, false);
	fake->logged_in = false;
	IS(encrypt(&b, &key), HUFU_ERR_DENIED);
	unsigned asked = fake->asked[FAKE_LOGIN];
	fake->logged_in = false;
	IS(encrypt(&b, &key), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(fake->asked[FAKE_LOGIN], asked);
	NEED(login(b.lease, FAKE_PIN));
	IS(encrypt(&b, &key), HUFU_OK);
	evict(b.lease, &key);
	end(&b);
}

/* -- answers -------------------------------------------------------------------------------------- */

static void test_groups(void)
{
	static const struct {
		CK_RV rv;
		enum hufu_err encrypt, decrypt;
	} answers[] = {
		{CKR_DATA_LEN_RANGE, HUFU_ERR_DATA_LEN, HUFU_ERR_DATA_LEN}, {CKR_DATA_INVALID, HUFU_ERR_DATA, HUFU_ERR_CIPHERTEXT},
		{CKR_ENCRYPTED_DATA_LEN_RANGE, HUFU_ERR_CIPHERTEXT_LEN, HUFU_ERR_CIPHERTEXT_LEN},
		{CKR_MECHANISM_PARAM_INVALID, HUFU_ERR_PARAM, HUFU_ERR_PARAM}, {CKR_MECHANISM_INVALID, HUFU_ERR_UNSUPPORTED, HUFU_ERR_UNSUPPORTED},
		{CKR_FUNCTION_NOT_SUPPORTED, HUFU_ERR_UNSUPPORTED, HUFU_ERR_UNSUPPORTED}, {CKR_KEY_SIZE_RANGE, HUFU_ERR_KEY_SIZE, HUFU_ERR_KEY_SIZE},
		{CKR_KEY_FUNCTION_NOT_PERMITTED, HUFU_ERR_NO_KEY, HUFU_ERR_NO_KEY}, {CKR_DEVICE_MEMORY, HUFU_ERR_BUSY, HUFU_ERR_BUSY},
		{CKR_HOST_MEMORY, HUFU_ERR_NO_MEMORY, HUFU_ERR_NO_MEMORY}, {CKR_DEVICE_ERROR, HUFU_ERR_LOST, HUFU_ERR_LOST},
		{CKR_GENERAL_ERROR, HUFU_ERR_LOST, HUFU_ERR_CIPHERTEXT}, {CKR_FUNCTION_FAILED, HUFU_ERR_LOST, HUFU_ERR_CIPHERTEXT},
		{CKR_VENDOR_DEFINED + 17, HUFU_ERR_LOST, HUFU_ERR_LOST},
	};
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease);
	unsigned opened = fake->asked[FAKE_OPEN];
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		uint8_t out[32];
		size_t len;
		tell(FAKE_ENCRYPT, answers[i].rv, 1, false);
		IS(encrypt(&b, &key), answers[i].encrypt);
		tell(FAKE_DECRYPT, answers[i].rv, 1, false);
		IS(use(b.lease, HUFU_VERB_DECRYPT, CKM_AES_ECB, &key, out, 32, &len), answers[i].decrypt);
		CU_ASSERT_EQUAL(len, 0);
	}
	CU_ASSERT_EQUAL(fake->asked[FAKE_OPEN], opened); /* none of them is a loss */
	evict(b.lease, &key);
	end(&b);
}

static void test_no_wrapping(void)
{
	reset();
	struct bench b = begin();
	struct key key;
	tell(FAKE_WRAP, CKR_KEY_NOT_WRAPPABLE, 1, false);
	IS(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &key), HUFU_ERR_UNSUPPORTED);
	tell(FAKE_CREATE, CKR_TEMPLATE_INCONSISTENT, 1, false);
	IS(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &key), HUFU_ERR_NO_KEY);
	tell(FAKE_WRAP, CKR_WRAPPING_KEY_HANDLE_INVALID, 1, false);
	IS(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &key), HUFU_OK); /* looked for again */
	fake->twice = true;
	tell(FAKE_WRAP, CKR_WRAPPING_KEY_HANDLE_INVALID, 1, false);
	IS(generate(b.lease, CKM_AES_KEY_GEN, HUFU_KEY_AES, &key), HUFU_ERR_GONE); /* two of that name: neither */
	end(&b);
}

/* More keys than the token holds at once: each is destroyed when it is not needed. */
static void test_many(void)
{
	reset();
	struct bench b = begin();
	for (int i = 0; i < 200; i++) {
		struct key key = aes_key(b.lease);
		IS(encrypt(&b, &key), HUFU_OK);
		evict(b.lease, &key);
	}
	end(&b);
}

/* -- by a vendor's numbers -------------------------------------------------------------------------- */

static void test_alias(void)
{
	reset();
	fake->sm = true;
	struct hufu_device *plain = open_device();
	struct hufu_device_info info = {.size = sizeof info};
	NEED(driver_p11.info(plain, &info));
	for (size_t i = 0; i < info.ncaps; i++)
		CU_ASSERT((info.caps[i].mechanism & ~0xffULL) != HUFU_VENDOR || info.caps[i].mechanism == CKM_HUFU_SM3_KEY_GEN);
	driver_p11.close(plain, 0);

	set("alias", "sansec");
	struct bench b = begin();
	struct key pair, sm4, pub;
	uint8_t sig[64], want[64] = {0}, out[32];
	size_t len;
	memset(want + 1, 0x11, 31);
	memset(want + 33, 0x22, 31);
	NEED(generate(b.lease, CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_KEY_SM2_PRIVATE, &pair));
	CU_ASSERT_EQUAL(pair.pub_len, 64);
	IS(use(b.lease, HUFU_VERB_SIGN, CKM_HUFU_SM2, &pair, sig, 64, &len), HUFU_OK);
	CU_ASSERT(len == 64 && memcmp(sig, want, 64) == 0); /* DER at the vendor's */
	IS(use(b.lease, HUFU_VERB_SIGN, CKM_HUFU_SM2, &pair, sig, 63, &len), HUFU_ERR_BUFFER);
	CU_ASSERT_EQUAL(len, 64);
	tell(FAKE_SIGN, CKR_OK, 1, true);
	IS(use(b.lease, HUFU_VERB_SIGN, CKM_HUFU_SM2, &pair, sig, 64, &len), HUFU_ERR_CORRUPT);
	pub = pair;
	memcpy(pub.copy, pair.pub, 64);
	pub.key = (struct hufu_key){.size = sizeof pub.key, .type = HUFU_KEY_SM2_PUBLIC, .copy_kind = HUFU_COPY_BLOB, .blob = pub.copy,
	                            .blob_len = 64};
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = CKM_HUFU_SM2, .key = &pub.key, .in = want, .in_len = 32, .in2 = want,
	                     .in2_len = 64};
	IS(run(b.lease, &op), HUFU_OK);
	op.in2_len = 63;
	IS(run(b.lease, &op), HUFU_ERR_SIGNATURE_LEN);
	NEED(generate(b.lease, CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, &sm4));
	IS(use(b.lease, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, &sm4, out, 32, &len), HUFU_OK);
	evict(b.lease, &pair);
	evict(b.lease, &pub);
	evict(b.lease, &sm4);
	end(&b);
}

static enum hufu_err find(struct hufu_lease *lease, uint32_t nth, struct hufu_resident *r, size_t *pub_len)
{
	uint8_t pub[HUFU_PUB_MAX];
	struct hufu_param_find param = {nth};
	struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)r, .out_cap = sizeof *r, .pub = pub};
	enum hufu_err err = run(lease, &op);
	*pub_len = op.pub_len;
	return err;
}

static void test_find(void)
{
	reset();
	set("alias", "sansec");
	struct bench b = begin();
	struct hufu_resident r;
	size_t pub_len;
	for (int i = 0; i < 4; i++) {
		fake->public_missing = i & 1;
		fake->point_bare = i & 2;
		IS(find(b.lease, 0, &r, &pub_len), HUFU_OK);
		CU_ASSERT(r.type == HUFU_KEY_SM2_PRIVATE && strcmp(r.label, "signer") == 0 && pub_len == 64);
		IS(find(b.lease, 1, &r, &pub_len), HUFU_OK);
		CU_ASSERT(r.type == HUFU_KEY_AES && strcmp(r.label, "data") == 0 && pub_len == 0);
		IS(find(b.lease, 2, &r, &pub_len), HUFU_ERR_NO_KEY);
	}
	tell(FAKE_ATTRIBUTE, CKR_OK, 1000, true); /* every length a lie: nothing can be said of any */
	IS(find(b.lease, 0, &r, &pub_len), HUFU_ERR_NO_KEY);
	tell(FAKE_ATTRIBUTE, CKR_OK, 0, false);
	fake->for_persons = true;
	IS(find(b.lease, 0, &r, &pub_len), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(r.label, "data");
	fake->for_persons = false;
	fake->twice = true; /* nothing tells them apart */
	IS(find(b.lease, 0, &r, &pub_len), HUFU_ERR_NO_KEY);
	fake->twice = false;
	tell(FAKE_FIND, CKR_SESSION_CLOSED, 1, false);
	IS(find(b.lease, 0, &r, &pub_len), HUFU_OK);
	end(&b);
}

/* PKCS#11 counts the text alone, and the tag apart. */
/* A key that was put in the place of one that was found is not taken for it. */
static void test_replaced(void)
{
	reset();
	set("alias", "sansec");
	fake->sm = true;
	struct bench b = begin();
	struct hufu_resident r;
	uint8_t sig[64];
	size_t len;
	NEED(find(b.lease, 0, &r, &len));
	struct key key = {.key = {.size = sizeof key.key, .type = r.type, .copy_kind = HUFU_COPY_INDEX, .blob_len = r.copy_len}};
	memcpy(key.copy, r.copy, r.copy_len);
	IS(use(b.lease, HUFU_VERB_SIGN, CKM_HUFU_SM2, &key, sig, sizeof sig, &len), HUFU_OK);
	for (int missing = 0; missing < 2; missing++) {
		fake->public_missing = missing;
		fake->another_signer = true;
		tell(FAKE_SIGN, CKR_KEY_HANDLE_INVALID, 1, false);
		IS(use(b.lease, HUFU_VERB_SIGN, CKM_HUFU_SM2, &key, sig, sizeof sig, &len), HUFU_ERR_NO_KEY);
		fake->another_signer = false;
		tell(FAKE_SIGN, CKR_OK, 0, false);
		IS(use(b.lease, HUFU_VERB_SIGN, CKM_HUFU_SM2, &key, sig, sizeof sig, &len), HUFU_OK);
	}
	evict(b.lease, &key);
	end(&b);
}

static void test_ccm(void)
{
	reset();
	struct bench b = begin();
	struct key key = aes_key(b.lease);
	uint8_t in[40] = {0}, out[64];
	const struct hufu_param_ccm ccm = {.nonce = (const uint8_t *)"0123456789ab", .nonce_len = 12, .tag_len = 8};
	struct hufu_op op = {.mechanism = CKM_AES_CCM, .key = &key.key, .param = &ccm, .in = in, .in_len = 40, .out = out, .out_cap = 64};
	key.key.blob = key.copy;
	op.verb = HUFU_VERB_ENCRYPT;
	IS(run(b.lease, &op), HUFU_OK);
	CU_ASSERT(fake->ccm.ulDataLen == 40 && fake->ccm.ulMACLen == 8 && fake->ccm.ulNonceLen == 12);
	op.verb = HUFU_VERB_DECRYPT;
	IS(run(b.lease, &op), HUFU_OK);
	CU_ASSERT_EQUAL(fake->ccm.ulDataLen, 32);
	op.in_len = 7;
	IS(run(b.lease, &op), HUFU_ERR_CIPHERTEXT_LEN);
	evict(b.lease, &key);
	end(&b);
}

/* The application's own login outlives ours. */
static void test_logout(void)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGOUT};
	reset();
	struct bench b = begin();
	IS(run(b.lease, &op), HUFU_OK);
	CU_ASSERT(!fake->logged_in);
	fake->logged_in = true;
	NEED(login(b.lease, FAKE_PIN));
	IS(run(b.lease, &op), HUFU_OK);
	CU_ASSERT(fake->logged_in);
	end(&b);
}

/* -- one module ---------------------------------------------------------------------------------------- */

static void test_shared(void)
{
	reset();
	struct bench a = begin();
	struct hufu_device *second = open_device();
	CU_ASSERT_EQUAL(fake->initialised, 1);
	driver_p11.close(second, 0);
	CU_ASSERT_EQUAL(fake->finalised, 0);
	struct hufu_conf conf = {.size = sizeof conf, .name = "other", .get = get};
	options[5] = "os"; /* of one module, one locking */
	IS(driver_p11.open(driver_host(), &conf, 0, &second), HUFU_ERR_CONFIG);
	options[5] = "none";
	end(&a);
	CU_ASSERT_EQUAL(fake->finalised, 1);
	fake->initialised++; /* the application's: it is its to finalise */
	second = open_device();
	driver_p11.close(second, 0);
	CU_ASSERT_EQUAL(fake->finalised, 1);
}

static void *encrypt_often(void *arg)
{
	struct hufu_device *device = arg;
	struct bench b = {.device = device};
	uint8_t bytes[8];
	NEED(driver_p11.lease(device, 0, &b.lease));
	struct key key = aes_key(b.lease);
	for (int i = 0; i < 100; i++) {
		struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = bytes, .out_cap = 8};
		IS(encrypt(&b, &key), HUFU_OK);
		IS(run(b.lease, &op), HUFU_OK);
	}
	evict(b.lease, &key);
	driver_p11.release(b.lease);
	return NULL;
}

static void test_locking(void)
{
	CU_ASSERT_EQUAL(fake->overlaps, 0);
	reset();
	struct bench b = begin();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, encrypt_often, b.device), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(fake->overlaps, 0);
	end(&b);
}

static void test_first(void)
{
	reset();
	struct bench b = begin();
	end(&b);
}

static const struct unit_case cases[] = {
	{"the module is opened, and closed with nothing left behind", test_first},
	{"a length that cannot be is a wrong answer", test_lies},
	{"too little room is said, and the session used no more", test_too_small},
	{"what is lost is had again, once an op", test_loss},
	{"a token that is away is gone, and serves when it is back", test_away},
	{"another token in the slot is not this one, and sees no PIN", test_another_token},
	{"no handle of a connection that has ended is used", test_loss_between},
	{"the token's limit of sessions is kept, one of them being the driver's", test_session_limit},
	{"a PIN that is refused is not presented again", test_denied},
	{"neither is one that is refused later", test_denied_later},
	{"each answer has its group", test_groups},
	{"keys that cannot be wrapped are not made", test_no_wrapping},
	{"keys that are done with leave the token", test_many},
	{"SM2 and SM4 go by the vendor's numbers, signatures in its form", test_alias},
	{"keys are found, whichever way their public halves are shown", test_find},
	{"a key in the place of one that was found is not taken for it", test_replaced},
	{"CCM says how long the text is", test_ccm},
	{"a logout ends the driver's own login only", test_logout},
	{"a module is initialised once, and finalised by the last", test_shared},
	{"a module that takes one call at a time gets one", test_locking},
	{0},
};
UNIT_MAIN("p11", cases)
