/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: two SoftHSM tokens with the same wrapping key are one domain: what one made both use, and when one of them is
 * taken away in the middle no caller notices; beside software in one token a key is served by whoever has a copy, and
 * threads that call into the module do not disturb one another.
 */
#include "softhsm.h"
#include "unit.h"

#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"

#define NEED(call) CU_ASSERT_EQUAL_FATAL((call), HUFU_OK)
#define PATIENCE_NS (60 * NS_PER_S)

static const uint8_t kek[32] = "the wrapping key of the domain..", p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static char dirs[2][256];
static struct conf *conf;
static struct pool *pool;

static void make_tokens(void)
{
	static const char *const labels[] = {"first", "second"};
	if (dirs[0][0])
		return;
	softhsm_start();
	for (int i = 0; i < 2; i++) {
		softhsm_token(labels[i], dirs[i]);
		softhsm_aes(softhsm_session(labels[i]), "kek", 1, kek);
	}
	softhsm_stop();
}

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

static void up(const char *devices)
{
	char text[2048];
	make_tokens();
	snprintf(text, sizeof text,
	         "device \"a\" { driver = \"p11\" module = \"%s\" label = \"first\" wrap_key = \"kek\" domain = \"hsm\" }\n"
	         "device \"b\" { driver = \"p11\" module = \"%s\" label = \"second\" wrap_key = \"kek\" domain = \"hsm\" }\n"
	         "device \"soft0\" { driver = \"soft\" domain = \"soft\" }\n"
	         "token \"t\" { store = \"sqlite:/nowhere/t.db\" devices = {%s} backoff_min_ms = 10 backoff_max_ms = 50 }\n",
	         softhsm_module(), softhsm_module(), devices);
	CU_ASSERT_EQUAL_FATAL(conf_parse(text, "test", report, NULL, &conf), HUFU_OK);
	NEED(pool_new(conf, &conf->tokens[0], &pool));
	NEED(pool_add_credential(pool, "hsm", "user", 0, (const uint8_t *)SOFTHSM_PIN, sizeof SOFTHSM_PIN - 1));
}

static void down(void)
{
	pool_free(pool);
	conf_free(conf);
}

/* -- keys ------------------------------------------------------------------------------ */

struct made {
	uint8_t copy[4096], pub[HUFU_PUB_MAX];
	size_t len, pub_len;
	char domain[16];
};

static enum hufu_err generate(uint64_t mechanism, enum hufu_key_type type, size_t len, const void *param, const char *domain,
                              struct made *made)
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = mechanism, .new_type = type, .new_len = len,
	                                  .param = param, .out = made->copy, .out_cap = sizeof made->copy, .pub = made->pub,
	                                  .repeatable = true}, .domain = domain};
	enum hufu_err err = pool_run(pool, &req);
	made->len = req.op.out_len;
	made->pub_len = req.op.pub_len;
	if (err == HUFU_OK)
		snprintf(made->domain, sizeof made->domain, "%s", req.served_domain);
	return err;
}

static struct pool_key *key_of(const struct made *made, enum hufu_key_type type)
{
	static uint8_t uuid[16];
	struct pool_copy copy = {HUFU_COPY_BLOB, made->domain, made->copy, made->len};
	struct pool_key *key = NULL;
	uuid[0]++;
	NEED(pool_key_new(pool, uuid, 1, type, &copy, 1, &key));
	if (made->pub_len)
		NEED(pool_key_set_public(key, made->pub, made->pub_len));
	return key;
}

static enum hufu_err encrypt(struct pool_key *key, uint8_t out[16], const char **by)
{
	static const uint8_t in[16] = {1, 2, 3};
	struct pool_request req = {.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_AES_ECB, .in = in, .in_len = 16, .out = out,
	                                  .out_cap = 16, .repeatable = true}, .key = key};
	enum hufu_err err = pool_run(pool, &req);
	*by = err == HUFU_OK ? req.served_by : "nobody";
	return err;
}

static bool serves(const char *name)
{
	struct pool_device_status status[4];
	size_t n = pool_status(pool, status, 4);
	for (size_t i = 0; i < n; i++)
		if (strcmp(status[i].name, name) == 0)
			return status[i].state == POOL_UP || status[i].state == POOL_SLOW_START;
	return false;
}

/* Until the device serves: it is opened, has taken its PIN and shown what it can. */
static bool comes_up(const char *name)
{
	for (uint64_t until = clock_now_ns() + PATIENCE_NS; clock_now_ns() < until && !serves(name); usleep(5000))
		(void)pool_can(pool, CKM_AES_ECB, HUFU_VERB_ENCRYPT);
	return serves(name);
}

static struct pool_key *new_key(struct made *made)
{
	enum hufu_err err = HUFU_ERR_NO_KEY;
	/* While its PIN is on the way there is no wrapping key. */
	for (uint64_t until = clock_now_ns() + PATIENCE_NS; err != HUFU_OK && clock_now_ns() < until; usleep(5000))
		err = generate(CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, "hsm", made);
	NEED(err);
	return key_of(made, HUFU_KEY_AES);
}

/* -- two tokens --------------------------------------------------------------------------- */

/* By one alone, then by the other alone: together, a key stays where it is loaded. */
static void test_both_serve(void)
{
	struct made made;
	uint8_t want[16], out[16];
	const char *by;
	up("\"a\"");
	struct pool_key *key = new_key(&made);
	NEED(encrypt(key, want, &by));
	CU_ASSERT_STRING_EQUAL(by, "a");
	pool_key_rele(key);
	down();
	up("\"b\"");
	struct made other;
	pool_key_rele(new_key(&other)); /* its PIN has come */
	snprintf(made.domain, sizeof made.domain, "hsm");
	key = key_of(&made, HUFU_KEY_AES);
	NEED(encrypt(key, out, &by));
	CU_ASSERT_STRING_EQUAL(by, "b");
	CU_ASSERT_EQUAL(memcmp(out, want, 16), 0);
	pool_key_rele(key);
	down();
}

static void take_away(char moved[300])
{
	snprintf(moved, 300, "%.240s.away", dirs[0]);
	CU_ASSERT_EQUAL_FATAL(rename(dirs[0], moved), 0);
}

/* Old keys and new ones, before, while and after. */
static void test_one_is_taken_away(void)
{
	up("\"a\", \"b\"");
	struct made made[30];
	struct pool_key *keys[30];
	char moved[300];
	uint8_t out[16];
	unsigned failed = 0, by_a = 0;
	const char *by;
	for (int i = 0; i < 10; i++)
		keys[i] = new_key(&made[i]);
	CU_ASSERT(comes_up("a") && comes_up("b"));
	take_away(moved);
	for (int i = 10; i < 30; i++) {
		failed += generate(CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, "hsm", &made[i]) != HUFU_OK;
		keys[i] = key_of(&made[i], HUFU_KEY_AES);
	}
	for (int i = 0; i < 300; i++) {
		failed += encrypt(keys[i % 30], out, &by) != HUFU_OK;
		by_a += strcmp(by, "a") == 0;
	}
	CU_ASSERT_EQUAL(failed, 0);
	CU_ASSERT_EQUAL(by_a, 0);
	CU_ASSERT(!serves("a"));
	for (int i = 0; i < 30; i++)
		pool_key_rele(keys[i]);
	down();
	/* SoftHSM looks again when it is initialised again, and that is when nobody uses it. */
	CU_ASSERT_EQUAL(rename(moved, dirs[0]), 0);
	up("\"a\"");
	pool_key_rele(new_key(&made[0]));
	CU_ASSERT(serves("a"));
	down();
}

/* -- beside software ------------------------------------------------------------------------- */

static void test_mixed(void)
{
	up("\"a\", \"soft0\"");
	struct made hard, soft;
	struct pool_key *key = new_key(&hard);
	struct hufu_param_curve curve = {p256, sizeof p256};
	uint8_t out[16];
	const char *by;
	NEED(encrypt(key, out, &by));
	CU_ASSERT_STRING_EQUAL(by, "a");
	pool_key_rele(key);
	NEED(generate(CKM_AES_KEY_GEN, HUFU_KEY_AES, 16, NULL, "soft", &soft));
	key = key_of(&soft, HUFU_KEY_AES);
	NEED(encrypt(key, out, &by));
	CU_ASSERT_STRING_EQUAL(by, "soft0");
	pool_key_rele(key);
	NEED(generate(CKM_EC_KEY_PAIR_GEN, HUFU_KEY_EC_PRIVATE, 0, &curve, "hsm", &hard));
	key = key_of(&hard, HUFU_KEY_EC_PRIVATE);
	uint8_t sig[64];
	struct pool_request req = {.op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_ECDSA, .in = kek, .in_len = 32, .out = sig, .out_cap = 64,
	                                  .repeatable = true}, .key = key};
	CU_ASSERT_EQUAL(pool_run(pool, &req), HUFU_OK); /* verified here before it is let go */
	pool_key_rele(key);
	/* What the module does not have, software does. */
	CU_ASSERT(pool_can(pool, CKM_HUFU_SM2, HUFU_VERB_SIGN) && pool_can(pool, CKM_AES_CCM, HUFU_VERB_ENCRYPT));
	down();
}

static struct pool_key *shared_key;

static void *encrypt_often(void *arg)
{
	uint8_t want[16], out[16];
	const char *by;
	unsigned *failed = arg;
	*failed += encrypt(shared_key, want, &by) != HUFU_OK;
	for (int i = 0; i < 100; i++) {
		*failed += encrypt(shared_key, out, &by) != HUFU_OK;
		*failed += memcmp(out, want, 16) != 0;
	}
	return NULL;
}

static void test_threads(void)
{
	up("\"a\", \"b\", \"soft0\"");
	struct made made;
	pthread_t threads[8];
	unsigned failed[8] = {0};
	shared_key = new_key(&made);
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, encrypt_often, &failed[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(failed[i], 0);
	}
	pool_key_rele(shared_key);
	down();
}

static void test_refused_pin(void)
{
	up("\"a\"");
	NEED(pool_add_credential(pool, "hsm", "user", 0, (const uint8_t *)"wrong", 5));
	struct pool_device_status status;
	bool latched = false;
	for (uint64_t until = clock_now_ns() + PATIENCE_NS; !latched && clock_now_ns() < until; usleep(5000)) {
		(void)pool_can(pool, CKM_AES_ECB, HUFU_VERB_ENCRYPT);
		latched = pool_status(pool, &status, 1) == 1 && status.state == POOL_QUARANTINED;
	}
	down();
	/* One of two may have come first; either way the token is not locked. */
	up("\"a\"");
	struct made made;
	pool_key_rele(new_key(&made));
	down();
}

static void test_missing(void)
{
	UNIT_SKIP("SoftHSM is not installed");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"two tokens with one wrapping key serve the same keys", test_both_serve},
		{"one of them is taken away, and nobody notices", test_one_is_taken_away},
		{"beside software, each key is served where it has a copy", test_mixed},
		{"eight threads use one key on three devices", test_threads},
		{"a wrong PIN does not lock the token", test_refused_pin},
		{0},
	};
	static const struct unit_case none[] = {{"two SoftHSM tokens are a domain", test_missing}, {0}};
	return unit_main("p11 in pools", softhsm_module() ? cases : none);
}
