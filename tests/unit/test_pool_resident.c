/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: keys that devices keep are found and used as soon as the device has
 * taken its credential, which it is told beside the ops, again when it is opened
 * anew, never twice when it refused it, and forgets when it is taken back; and devices
 * prove by such keys, and by secret ones, that they hold what their domain holds.
 * On real time: what a test waits for is waited for as long as 20 s, and comes at once.
 */
#include "unit.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"
#include "sm/sm2.h"

#define PATIENCE_NS (60 * NS_PER_S)

#define DEVICE(name, driver, more) "device " name " { driver = \"" driver "\" domain = d resident = 3 " more " }\n"
#define LOCKED(name) DEVICE(name, "fault", "password = sesame")
#define TOKEN(devices) \
	"token t { store = \"sqlite:/nowhere/t.db\" devices = {" devices "} backoff_min_ms = 10 backoff_max_ms = 20 deadline_ms = 3000 }\n"

static struct conf *conf;
static struct pool *pool;
static size_t secret_before;

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

static void up(const char *text)
{
	fault_reset();
	CU_ASSERT_FATAL(fault_register() == HUFU_OK);
	CU_ASSERT_FATAL(conf_parse(text, "test", report, NULL, &conf) == HUFU_OK);
	CU_ASSERT_FATAL(pool_new(conf, &conf->tokens[0], &pool) == HUFU_OK);
	CU_ASSERT(pool_can(pool, 0, HUFU_VERB_RANDOM));
}

static void down(void)
{
	pool_free(pool);
	conf_free(conf);
}

static void script(const char *device, const char *text)
{
	char err[200];

	CU_ASSERT_FATAL(fault_script(device, text, err, sizeof(err)) == HUFU_OK);
}

static enum pool_state state_of(const char *device)
{
	struct pool_device_status status[4];
	size_t n = pool_status(pool, status, 4);

	for (size_t i = 0; i < n; i++)
		if (strcmp(status[i].name, device) == 0)
			return status[i].state;
	abort();
}

static enum hufu_err draw(void)
{
	uint8_t out[8];
	struct pool_request req = {.op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out), .repeatable = true}};

	return pool_run(pool, &req);
}

/* By an op now and then: a pool of one device is kept by its callers. */
static bool becomes(const char *device, enum pool_state state)
{
	for (uint64_t until = clock_now_ns() + PATIENCE_NS; clock_now_ns() < until; usleep(2000)) {
		(void)!draw();
		if (state_of(device) == state)
			return true;
	}
	return false;
}

static bool is_asked(const char *device, enum hufu_verb verb, uint64_t times)
{
	for (uint64_t until = clock_now_ns() + PATIENCE_NS; clock_now_ns() < until; usleep(2000)) {
		(void)!draw();
		if (fault_counts(device).asked[verb] >= times)
			return fault_counts(device).asked[verb] == times;
	}
	return false;
}

static enum hufu_err give(const char *password)
{
	return pool_add_credential(pool, "d", "user", 1, (const uint8_t *)password, strlen(password));
}

/* -- keys -------------------------------------------------------------------------- */

struct kept {
	struct hufu_resident resident;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
};

static enum hufu_err find(uint32_t nth, struct kept *kept)
{
	return pool_resident(pool, "d", nth, clock_now_ns() + 2 * NS_PER_S, &kept->resident, kept->pub, &kept->pub_len);
}

static struct pool_copy copy_of(const struct kept *kept)
{
	return (struct pool_copy){.kind = HUFU_COPY_INDEX, .domain = "d", .data = kept->resident.copy, .len = kept->resident.copy_len};
}

static enum hufu_err sign(const struct kept *kept)
{
	static const uint8_t e[32] = {1}, uuid[16] = {2};
	struct pool_copy copy = copy_of(kept);
	struct pool_key *key;
	uint8_t sig[64];
	struct pool_request req = {.op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in = e, .in_len = sizeof(e), .out = sig,
	                                  .out_cap = sizeof(sig), .repeatable = true}};

	CU_ASSERT_FATAL(pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PRIVATE, &copy, 1, &key) == HUFU_OK);
	CU_ASSERT_FATAL(pool_key_set_point(key, kept->pub) == HUFU_OK);
	req.key = key;
	enum hufu_err err = pool_run(pool, &req);
	pool_key_rele(key);
	return err;
}

/* As the devices have them by these options: of a pool of one without a password. */
static void look_ahead(struct kept kept[3])
{
	up(DEVICE("ahead", "fault", "") TOKEN("ahead"));
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_FATAL(find(i, &kept[i]) == HUFU_OK);
	down();
}

/* -- found --------------------------------------------------------------------------- */

static void test_found(void)
{
	struct kept kept[3], more;

	up(DEVICE("a", "fault", "") DEVICE("b", "fault", "") TOKEN("a, b"));
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_FATAL(find(i, &kept[i]) == HUFU_OK);
		CU_ASSERT(kept[i].resident.type == HUFU_KEY_SM2_PRIVATE && kept[i].pub_len == 64 && sign(&kept[i]) == HUFU_OK);
	}
	CU_ASSERT(memcmp(kept[0].pub, kept[1].pub, 64) != 0);
	CU_ASSERT(find(3, &more) == HUFU_ERR_NO_KEY);
	CU_ASSERT(pool_resident(pool, "other", 0, 0, &more.resident, more.pub, &more.pub_len) == HUFU_ERR_UNSUPPORTED);
	script("a", "any:gone");
	CU_ASSERT(find(2, &more) != HUFU_OK || memcmp(more.pub, kept[2].pub, 64) == 0);
	down();
	up("device s { driver = soft domain = d }\n" TOKEN("s"));
	CU_ASSERT(find(0, &more) == HUFU_ERR_UNSUPPORTED);
	down();
}

/* What a device tells is looked at as all that comes from outside. */
static void test_lies(void)
{
	struct kept kept;

	up(DEVICE("a", "fault", "") TOKEN("a"));
	script("a", "find:flip-pub");
	CU_ASSERT(find(0, &kept) == HUFU_ERR_KEY_VALUE);
	script("a", "find:overlong");
	CU_ASSERT(find(0, &kept) == HUFU_ERR_CORRUPT);
	script("a", "");
	CU_ASSERT(find(0, &kept) == HUFU_OK);
	down();
}

static void test_hung(void)
{
	struct kept kept;

	up(DEVICE("a", "fault-hang", "") TOKEN("a"));
	script("a", "find:hang");
	uint64_t begun = clock_now_ns();
	CU_ASSERT(pool_resident(pool, "d", 0, begun + NS_PER_S / 2, &kept.resident, kept.pub, &kept.pub_len) != HUFU_OK);
	CU_ASSERT(clock_now_ns() - begun < PATIENCE_NS);
	fault_release("a");
	down();
}

/* -- credentials ------------------------------------------------------------------------ */

static void try_password(const char *text, const char *const *devices, size_t n)
{
	struct kept kept[3];

	look_ahead(kept);
	up(text);
	CU_ASSERT(sign(&kept[0]) == HUFU_ERR_NO_KEY);
	CU_ASSERT(give("sesame") == HUFU_OK && sign(&kept[0]) == HUFU_OK && sign(&kept[2]) == HUFU_OK);
	CU_ASSERT(give("sesame") == HUFU_OK && sign(&kept[1]) == HUFU_OK); /* no news */
	for (size_t i = 0; i < n; i++)
		CU_ASSERT(is_asked(devices[i], HUFU_VERB_LOGIN, 1));
	pool_drop_credentials(pool);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT(is_asked(devices[i], HUFU_VERB_LOGOUT, 1));
	CU_ASSERT(sign(&kept[0]) == HUFU_ERR_NO_KEY && draw() == HUFU_OK);
	CU_ASSERT(give("sesame") == HUFU_OK && sign(&kept[0]) == HUFU_OK);
	down();
}

static void test_password(void)
{
	static const char *const both[] = {"a", "b"};

	try_password(LOCKED("a") TOKEN("a"), both, 1);
	try_password(LOCKED("a") LOCKED("b") TOKEN("a, b"), both, 2);
	try_password(DEVICE("a", "fault-hang", "password = sesame") TOKEN("a"), both, 1);
}

/* Nobody's fault but the password's: the other device serves, this one waits for the right one. */
static void try_refused(const char *text)
{
	struct kept kept[3];

	look_ahead(kept);
	up(text);
	CU_ASSERT(give("open") == HUFU_OK && becomes("a", POOL_QUARANTINED));
	CU_ASSERT(fault_counts("a").asked[HUFU_VERB_LOGIN] == 1);
	pool_drop_credentials(pool);
	CU_ASSERT(give("open") == HUFU_OK);
	usleep(100000);
	(void)!draw();
	CU_ASSERT(state_of("a") == POOL_QUARANTINED && fault_counts("a").asked[HUFU_VERB_LOGIN] == 1);
	/* The same, set anew: it says that it is the right one now. */
	CU_ASSERT(pool_add_credential(pool, "d", "user", 2, (const uint8_t *)"open", 4) == HUFU_OK);
	CU_ASSERT(is_asked("a", HUFU_VERB_LOGIN, 2) && becomes("a", POOL_QUARANTINED));
	CU_ASSERT(give("sesame") == HUFU_OK && sign(&kept[0]) == HUFU_OK);
	CU_ASSERT(state_of("a") != POOL_QUARANTINED && is_asked("a", HUFU_VERB_LOGIN, 3));
	down();
}

static void test_refused(void)
{
	try_refused(LOCKED("a") TOKEN("a"));
	try_refused(LOCKED("a") DEVICE("b", "fault", "domain_id = 00000000000000000000000000000001") TOKEN("a, b"));
}

/* Taken at first, and refused when a key was to be used: nobody knows which it was, so none is told again. */
static void test_denied_at_use(void)
{
	struct kept kept[3];

	look_ahead(kept);
	up(LOCKED("a") TOKEN("a"));
	CU_ASSERT(give("sesame") == HUFU_OK && sign(&kept[0]) == HUFU_OK);
	CU_ASSERT(!pool_refused_credential(pool, NULL, NULL, 0, NULL, 0));
	script("a", "sign:denied@1");
	CU_ASSERT(sign(&kept[0]) != HUFU_OK && becomes("a", POOL_QUARANTINED));
	CU_ASSERT(pool_refused_credential(pool, "d", "user", 1, (const uint8_t *)"sesame", 6));
	CU_ASSERT(!pool_refused_credential(pool, "d", "user", 1, (const uint8_t *)"sesame", 5));
	pool_drop_credentials(pool);
	CU_ASSERT(give("sesame") == HUFU_OK);
	(void)!draw();
	CU_ASSERT(state_of("a") == POOL_QUARANTINED && fault_counts("a").asked[HUFU_VERB_LOGIN] == 1);
	CU_ASSERT(give("another") == HUFU_OK && becomes("a", POOL_QUARANTINED) && is_asked("a", HUFU_VERB_LOGIN, 2));
	down();
}

static void test_opened_anew(void)
{
	struct kept kept[3];

	look_ahead(kept);
	up(LOCKED("a") TOKEN("a"));
	CU_ASSERT(give("sesame") == HUFU_OK && sign(&kept[0]) == HUFU_OK);
	script("a", "random:device-gone=1@1");
	(void)!draw();
	CU_ASSERT(sign(&kept[0]) == HUFU_OK || (becomes("a", POOL_UP) && sign(&kept[0]) == HUFU_OK));
	CU_ASSERT(fault_counts("a").opens == 2 && fault_counts("a").asked[HUFU_VERB_LOGIN] == 2);
	down();
}

/* The lane that cares for a device hangs; whoever brings the credential does not, nor who wants the other device. */
static void test_login_hangs(void)
{
	struct kept kept[3];

	look_ahead(kept);
	up(DEVICE("a", "fault-hang", "password = sesame") LOCKED("b") TOKEN("a, b"));
	script("a", "login:hang");
	uint64_t begun = clock_now_ns();
	CU_ASSERT(give("sesame") == HUFU_OK && clock_now_ns() - begun < PATIENCE_NS);
	CU_ASSERT(sign(&kept[0]) == HUFU_OK);
	fault_release("a");
	script("a", "");
	CU_ASSERT(becomes("a", POOL_UP) || state_of("a") == POOL_SLOW_START);
	down();
}

/* It may have taken the credential, for all that is known: it is told to forget it. */
static void test_logout_after_hang(void)
{
	up(DEVICE("a", "fault-hang", "password = sesame") TOKEN("a"));
	CU_ASSERT(draw() == HUFU_OK);
	script("a", "login:hang");
	CU_ASSERT(give("sesame") == HUFU_OK && is_asked("a", HUFU_VERB_LOGIN, 1));
	for (unsigned tries = 0; tries < 2000 && state_of("a") == POOL_UP; tries++)
		usleep(5000);
	CU_ASSERT(state_of("a") != POOL_UP);
	pool_drop_credentials(pool);
	fault_release("a");
	script("a", "");
	CU_ASSERT(is_asked("a", HUFU_VERB_LOGOUT, 1));
	down();
}

static void test_bounds(void)
{
	static const uint8_t long_value[4097];
	char long_name[66];

	memset(long_name, 'n', sizeof(long_name));
	long_name[65] = 0;
	up(LOCKED("a") TOKEN("a"));
	CU_ASSERT(pool_add_credential(pool, "d", "", 0, long_value, 1) == HUFU_ERR_ARGUMENT);
	CU_ASSERT(pool_add_credential(pool, "d", long_name, 0, long_value, 1) == HUFU_ERR_ARGUMENT);
	CU_ASSERT(pool_add_credential(pool, "d", "user", 0, long_value, 0) == HUFU_ERR_ARGUMENT);
	CU_ASSERT(pool_add_credential(pool, "d", "user", 0, long_value, sizeof(long_value)) == HUFU_ERR_ARGUMENT);
	CU_ASSERT(pool_add_credential(pool, "nobody's", "user", 0, long_value, 8) == HUFU_OK);
	CU_ASSERT(fault_counts("a").asked[HUFU_VERB_LOGIN] == 0);
	down();
}

/* -- proofs -------------------------------------------------------------------------------- */

static void test_resident_proof(void)
{
	struct kept kept[3];

	look_ahead(kept);
	up(DEVICE("a", "fault", "") DEVICE("b", "fault", "seed = other") LOCKED("c") TOKEN("a, b, c"));
	struct pool_copy copy = copy_of(&kept[1]);
	CU_ASSERT(pool_add_resident_proof(pool, &copy, kept[1].pub) == HUFU_OK);
	CU_ASSERT(sign(&kept[0]) == HUFU_OK);
	CU_ASSERT(becomes("b", POOL_QUARANTINED));
	CU_ASSERT(state_of("a") == POOL_UP && state_of("c") == POOL_UP); /* c does not let it be used, which proves nothing */
	memset(kept[1].pub, 1, 64);
	CU_ASSERT(pool_add_resident_proof(pool, &copy, kept[1].pub) == HUFU_ERR_KEY_VALUE);
	down();
}

static void test_secret_proof(void)
{
	static const uint8_t in[16] = "a fixed question";
	uint8_t blob[256], out[16];
	struct pool_key *key;
	static const uint8_t uuid[16] = {3};

	up(DEVICE("a", "fault", "") DEVICE("b", "fault", "split = yes") TOKEN("a, b"));
	struct pool_request make = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN, .new_type = HUFU_KEY_SM4,
	                                   .out = blob, .out_cap = sizeof(blob), .repeatable = true}, .device = "a"};
	CU_ASSERT_FATAL(pool_run(pool, &make) == HUFU_OK);
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = blob, .len = make.op.out_len};
	CU_ASSERT_FATAL(pool_key_new(pool, uuid, 1, HUFU_KEY_SM4, &copy, 1, &key) == HUFU_OK);
	struct pool_request ask = {.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = in, .in_len = 16, .out = out,
	                                  .out_cap = 16, .repeatable = true}, .key = key, .device = "a"};
	CU_ASSERT_FATAL(pool_run(pool, &ask) == HUFU_OK && strcmp(ask.served_by, "a") == 0);
	CU_ASSERT(pool_add_secret_proof(pool, HUFU_KEY_SM4, &copy, in, out) == HUFU_OK);
	CU_ASSERT(becomes("b", POOL_QUARANTINED));
	ask.device = NULL;
	CU_ASSERT(pool_run(pool, &ask) == HUFU_OK && state_of("a") == POOL_UP);
	CU_ASSERT(pool_add_secret_proof(pool, HUFU_KEY_ZUC, &copy, in, out) == HUFU_ERR_KEY_TYPE);
	out[0] ^= 1;
	CU_ASSERT(pool_add_secret_proof(pool, HUFU_KEY_SM4, &copy, in, out) == HUFU_OK);
	CU_ASSERT(becomes("a", POOL_QUARANTINED));
	pool_key_rele(key);
	down();
}

static void test_start(void)
{
	char err[200];

	CU_ASSERT(log_configure("stderr", HUFU_LOG_ERROR, err, sizeof(err)) == HUFU_OK);
	secret_before = secret_in_use();
}

static void test_end(void)
{
	fault_reset();
	CU_ASSERT_EQUAL(secret_in_use(), secret_before);
}

static const struct unit_case cases[] = {
	{"the log goes to stderr", test_start},
	{"keys that devices keep are found, one after another, and used", test_found},
	{"what a device tells of them is checked", test_lies},
	{"one that hangs is waited for until the deadline", test_hung},
	{"devices take a credential, and forget it", test_password},
	{"what a device refused it is not told again; another value is another chance", test_refused},
	{"what it refused when a key wanted it counts as refused, too", test_denied_at_use},
	{"a device opened anew is told again", test_opened_anew},
	{"a device that hangs in its login holds up nobody", test_login_hangs},
	{"one that hung in its login is told to forget what it may have taken", test_logout_after_hang},
	{"credentials have bounds, and a domain", test_bounds},
	{"a device that keeps another key than its domain does not serve", test_resident_proof},
	{"a device with another KEK does not serve where a secret key tells it", test_secret_proof},
	{"nothing is left behind", test_end},
	{0},
};

int main(void)
{
	return unit_main("pool_resident", cases);
}
