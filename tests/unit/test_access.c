/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: denied is denied, limits hold to the nanosecond, and a reload takes away what it should and nothing else. */
#include "hufud/access.h"

#include "base/clock.h"
#include "base/conf.h"
#include "wire/store_op.h"

#include "unit.h"

#define SIGN (WIRE_OP_VERB + HUFU_VERB_SIGN)
#define VERIFY (WIRE_OP_VERB + HUFU_VERB_VERIFY)
#define RANDOM (WIRE_OP_VERB + HUFU_VERB_RANDOM)
#define EXPORT (WIRE_OP_VERB + HUFU_VERB_EXPORT)

#define HEAD "machine { listen = \"unix:/run/hufu/hufud.sock\" master = \"file:/etc/hufu/master.key\" }\n" \
	"token bank { }\ntoken cards { }\n"
#define GATE(rest) HEAD "identity gate { subject = \"CN=gate\" tokens = bank roles = user " rest " }\n"

static const struct channel_peer gate_peer = {.subject = "CN=gate", .names = {"gate.example"}, .nnames = 1};

static struct conf *parse(const char *text)
{
	struct conf *conf = NULL;

	CU_ASSERT_EQUAL_FATAL(conf_parse(text, "t.conf", NULL, NULL, &conf), HUFU_OK);
	return conf;
}

static struct access *make(const char *text)
{
	struct conf *conf = parse(text);
	struct access *access = NULL;

	CU_ASSERT_EQUAL_FATAL(access_new(conf, &access), HUFU_OK);
	conf_free(conf);
	return access;
}

static enum hufu_err reload(struct access *access, const char *text)
{
	struct conf *conf = parse(text);
	enum hufu_err err = access_reload(access, conf);

	conf_free(conf);
	return err;
}

static const struct identity *identify(struct access *access, const struct channel_peer *peer)
{
	char why[128] = "";
	const struct identity *identity = access_identify(access, peer, why, sizeof(why));

	CU_ASSERT_EQUAL(identity == NULL, why[0] != '\0');
	return identity;
}

static const struct identity *gate_of(struct access *access)
{
	const struct identity *identity = identify(access, &gate_peer);

	CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
	return identity;
}

/* -- who ----------------------------------------------------------------------------- */

static void test_who(void)
{
	struct access *access = make(HEAD
		"identity one { subject = \"CN=one\" tokens = bank roles = user }\n"
		"identity two { dns = two.example tokens = \"*\" roles = user }\n"
		"identity three { certificate = 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20 tokens = bank roles = user }\n"
		"identity four { user = 4242 tokens = bank roles = user }\n");
	const struct {
		struct channel_peer peer;
		const char *name;
	} rows[] = {
		{{.subject = "CN=one"}, "one"}, {{.subject = "CN=one,O=x"}, NULL}, {{.subject = "cn=one"}, NULL}, {{.subject = "CN=x", .names = {"TWO.example"}, .nnames = 1}, "two"},
		{{.subject = "two.example"}, NULL},
		{{.subject = "", .fingerprint = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
		                                 27, 28, 29, 30, 31, 32}}, "three"},
		{{.subject = "", .fingerprint = {1, 2, 3}}, NULL}, {{.local = true, .uid = 4242}, "four"}, {{.local = true, .uid = 0}, NULL},
		{{.local = true, .uid = 1, .subject = "CN=one"}, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct identity *identity = identify(access, &rows[i].peer);
		CU_ASSERT_EQUAL(identity != NULL, rows[i].name != NULL);
		if (identity && rows[i].name)
			CU_ASSERT_STRING_EQUAL(access_name(identity), rows[i].name);
		access_rele(access, identity);
	}
	access_free(access);
}

/* -- what ---------------------------------------------------------------------------- */

static void test_deny_wins(void)
{
	struct access *access = make(GATE("allow = { sign, \"verify:old\", \"*:own\" } deny = { \"sign:root\", \"*:secret\" }"));
	const struct identity *gate = gate_of(access);

	CU_ASSERT_TRUE(access_allows(gate, SIGN, NULL));
	CU_ASSERT_TRUE(access_allows(gate, SIGN, "other"));
	CU_ASSERT_FALSE(access_allows(gate, SIGN, "root"));
	CU_ASSERT_TRUE(access_allows(gate, SIGN, "root2"));
	CU_ASSERT_FALSE(access_allows(gate, SIGN, "secret"));
	CU_ASSERT_TRUE(access_allows(gate, VERIFY, "old"));
	CU_ASSERT_FALSE(access_allows(gate, VERIFY, NULL));
	CU_ASSERT_FALSE(access_allows(gate, VERIFY, "new"));
	CU_ASSERT_FALSE(access_allows(gate, RANDOM, NULL));
	CU_ASSERT_TRUE(access_allows(gate, EXPORT, "own"));
	access_rele(access, gate);
	access_free(access);
}

static void test_operations(void)
{
	struct access *access = make(GATE("allow = sign"));
	const struct identity *gate = gate_of(access);
	static const uint16_t free_to_all[] = {WIRE_OP_INFO, WIRE_OP_PROBE, WIRE_OP_VERB + HUFU_VERB_EVICT, WIRE_STORE_TOKEN, WIRE_STORE_LOGIN,
	                                       WIRE_STORE_GET, WIRE_STORE_FIND, WIRE_STORE_CHANGES, WIRE_STORE_LOGOUT};
	static const uint16_t changes[] = {WIRE_STORE_INSERT, WIRE_STORE_UPDATE, WIRE_STORE_DELETE};

	for (size_t i = 0; i < sizeof(free_to_all) / sizeof(free_to_all[0]); i++)
		CU_ASSERT_TRUE(access_allows(gate, free_to_all[i], NULL));
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		CU_ASSERT_FALSE(access_allows(gate, changes[i], NULL));
	for (uint16_t verb = HUFU_VERB_RANDOM; verb <= HUFU_VERB_DERIVE; verb++)
		CU_ASSERT_EQUAL(access_allows(gate, (uint16_t)(WIRE_OP_VERB + verb), NULL), verb == HUFU_VERB_SIGN);
	CU_ASSERT_TRUE(access_allows(NULL, RANDOM, NULL)); /* the machine itself */
	access_rele(access, gate);
	access_free(access);
}

/* A rule that names a key cannot be shaken off by another name for the key. */
static void test_names_stay(void)
{
	struct access *access = make(GATE("deny = { \"sign:root\", \"store:fixed\" }"));
	const struct identity *gate = gate_of(access);

	CU_ASSERT_FALSE(access_keeps(gate, "root", "mine"));
	CU_ASSERT_FALSE(access_keeps(gate, "root", ""));
	CU_ASSERT_TRUE(access_keeps(gate, "root", "root"));
	CU_ASSERT_TRUE(access_keeps(gate, "mine", "yours"));
	CU_ASSERT_TRUE(access_keeps(gate, "mine", "root"));
	CU_ASSERT_FALSE(access_keeps(gate, "fixed", "fixed"));
	CU_ASSERT_FALSE(access_keeps(gate, "mine", "fixed"));
	access_rele(access, gate);
	access_free(access);

	access = make(GATE("allow = { store, \"sign:mine\" }"));
	gate = gate_of(access);
	CU_ASSERT_FALSE(access_keeps(gate, "yours", "mine"));
	CU_ASSERT_TRUE(access_keeps(gate, "mine", "yours"));
	access_rele(access, gate);
	access_free(access);
}

/* -- how much -------------------------------------------------------------------------- */

static enum hufu_err once(const struct identity *identity, uint64_t now, uint32_t *retry_ms)
{
	enum hufu_err err = access_begin(identity, now, retry_ms);

	if (err == HUFU_OK)
		access_end(identity);
	return err;
}

static void test_rate(void)
{
	struct access *access = make(GATE("rate = 10 burst = 3"));
	const struct identity *gate = gate_of(access);
	uint64_t now = 5 * NS_PER_S;
	uint32_t retry_ms;

	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(once(gate, now, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(once(gate, now, &retry_ms), HUFU_ERR_BUSY);
	CU_ASSERT(retry_ms >= 100 && retry_ms <= 101);
	CU_ASSERT_EQUAL(once(gate, now + 99 * NS_PER_MS, &retry_ms), HUFU_ERR_BUSY);
	CU_ASSERT(retry_ms >= 1 && retry_ms <= 2);
	CU_ASSERT_EQUAL(once(gate, now + 100 * NS_PER_MS, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(once(gate, now + 100 * NS_PER_MS, &retry_ms), HUFU_ERR_BUSY);
	/* After a pause the burst is whole again, and no more than that however long it was. */
	now += 3600 * NS_PER_S;
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(once(gate, now, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(once(gate, now, &retry_ms), HUFU_ERR_BUSY);
	access_rele(access, gate);
	access_free(access);
}

/* Over ten seconds of a client that asks every millisecond, as many as the rate says, and the burst once. */
static void test_rate_in_the_long_run(void)
{
	struct access *access = make(GATE("rate = 250 burst = 10"));
	const struct identity *gate = gate_of(access);
	uint32_t retry_ms;
	int passed = 0;

	for (uint64_t ms = 0; ms < 10000; ms++)
		passed += once(gate, NS_PER_S + ms * NS_PER_MS, &retry_ms) == HUFU_OK;
	CU_ASSERT(passed >= 2500 && passed <= 2510);
	access_rele(access, gate);
	access_free(access);
}

static void test_in_flight(void)
{
	struct access *access = make(GATE("in_flight = 2 connections = 1"));
	const struct identity *gate = gate_of(access), *again = gate_of(access);
	uint32_t retry_ms;

	CU_ASSERT_EQUAL(access_begin(gate, 1, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(access_begin(again, 1, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(access_begin(gate, 1, &retry_ms), HUFU_ERR_BUSY);
	access_end(again);
	CU_ASSERT_EQUAL(access_begin(gate, 1, &retry_ms), HUFU_OK);
	access_end(gate);
	access_end(gate);
	CU_ASSERT_TRUE(access_connect(gate));
	CU_ASSERT_FALSE(access_connect(again));
	access_disconnect(gate);
	CU_ASSERT_TRUE(access_connect(again));
	access_disconnect(again);
	access_rele(access, gate);
	access_rele(access, again);
	access_free(access);
}

static void keep_use(void *arg, const struct access_use *use)
{
	struct access_use *kept = arg;

	*kept = *use;
	kept->name = NULL;
}

static void test_refusals_are_counted(void)
{
	struct access *access = make(GATE("deny = sign in_flight = 1"));
	const struct identity *gate = gate_of(access);
	struct access_use use = {0};
	uint32_t retry_ms;

	CU_ASSERT_FALSE(access_allows(gate, SIGN, NULL));
	CU_ASSERT_FALSE(access_allows(gate, SIGN, "k"));
	CU_ASSERT_TRUE(access_connect(gate));
	CU_ASSERT_EQUAL(access_begin(gate, 1, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(access_begin(gate, 1, &retry_ms), HUFU_ERR_BUSY);
	access_each(access, keep_use, &use);
	CU_ASSERT_EQUAL(use.refused, 2);
	CU_ASSERT_EQUAL(use.limited, 1);
	CU_ASSERT_EQUAL(use.connections, 1);
	CU_ASSERT_EQUAL(use.in_flight, 1);
	access_end(gate);
	access_disconnect(gate);
	access_rele(access, gate);
	access_free(access);
}

/* -- reload ------------------------------------------------------------------------------ */

static void test_who_stands(void)
{
	struct access *access = make(GATE("rate = 10"));
	static const struct {
		const char *text;
		bool stands;
	} rows[] = {
		{GATE("rate = 10"), true}, {GATE("rate = 1 burst = 1 in_flight = 7 connections = 9"), true},
		{GATE("deny = sign"), false}, {GATE("allow = sign"), false}, {HEAD, false},
		{HEAD "identity gate { subject = \"CN=gate\" tokens = cards roles = user }\n", false},
		{HEAD "identity gate { subject = \"CN=gate\" tokens = { cards, bank } roles = user }\n", true},
		{HEAD "identity gate { subject = \"CN=gate\" tokens = \"*\" roles = user }\n", true},
		{HEAD "identity gate { subject = \"CN=gate\" tokens = bank roles = { user, so } }\n", false},
		{HEAD "identity gate { subject = \"CN=other\" tokens = bank roles = user }\n", false},
		{HEAD "identity other { subject = \"CN=gate\" tokens = bank roles = user }\n", false},
		{HEAD "identity one { dns = gate.example tokens = bank roles = user deny = sign }\n"
		 "identity gate { subject = \"CN=gate\" tokens = bank roles = user }\n", false}, /* whose rules come first now */
		{HEAD "identity gate { subject = \"CN=gate\" tokens = bank roles = user }\n"
		 "identity one { dns = gate.example tokens = bank roles = user deny = sign }\n", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct identity *gate = gate_of(access);
		CU_ASSERT_TRUE(access_stands(access, &gate_peer, gate, "bank"));
		CU_ASSERT_EQUAL(reload(access, rows[i].text), HUFU_OK);
		CU_ASSERT_EQUAL(access_stands(access, &gate_peer, gate, "bank"), rows[i].stands);
		CU_ASSERT_STRING_EQUAL(access_name(gate), "gate"); /* who is held is there, whatever the rules say now */
		access_rele(access, gate);
		CU_ASSERT_EQUAL(reload(access, GATE("rate = 10")), HUFU_OK);
	}
	access_free(access);
}

/* Neither a way to a fresh burst, nor to more requests at once; and new limits hold for who is there. */
static void test_reload_keeps_use(void)
{
	struct access *access = make(GATE("rate = 1 burst = 1 in_flight = 1"));
	const struct identity *before = gate_of(access);
	uint32_t retry_ms;

	CU_ASSERT_EQUAL(access_begin(before, NS_PER_S, &retry_ms), HUFU_OK);
	CU_ASSERT_EQUAL(reload(access, GATE("rate = 1 burst = 1 in_flight = 1")), HUFU_OK);
	const struct identity *after = gate_of(access);
	CU_ASSERT_EQUAL(access_begin(after, NS_PER_S, &retry_ms), HUFU_ERR_BUSY);
	access_end(before);
	CU_ASSERT_EQUAL(access_begin(after, NS_PER_S, &retry_ms), HUFU_ERR_BUSY);
	CU_ASSERT(retry_ms >= 1000 && retry_ms <= 1001);
	CU_ASSERT_EQUAL(reload(access, GATE("")), HUFU_OK);
	CU_ASSERT_EQUAL(once(before, NS_PER_S, &retry_ms), HUFU_OK);
	access_rele(access, before);
	access_rele(access, after);
	access_free(access);
}

static void test_bad_reload_changes_nothing(void)
{
	struct access *access = make(GATE("deny = sign"));

	CU_ASSERT_EQUAL(reload(access, HEAD "identity gate { user = \"no-such-user-here\" tokens = bank roles = user }\n"), HUFU_ERR_CONFIG);
	const struct identity *gate = gate_of(access);
	CU_ASSERT_FALSE(access_allows(gate, SIGN, NULL));
	CU_ASSERT_TRUE(access_stands(access, &gate_peer, gate, "bank"));
	access_rele(access, gate);
	access_free(access);
}

static const struct unit_case cases[] = {
	{"a peer is the identity that says so exactly, and no other", test_who},
	{"what is denied is denied, whatever is allowed", test_deny_wins},
	{"rules are about operations, not about logging in and looking", test_operations},
	{"a key cannot be taken from under a rule by another name", test_names_stay},
	{"a rate has its burst, and says when to come again", test_rate},
	{"a rate is held in the long run", test_rate_in_the_long_run},
	{"requests and connections at once are bounded over all sessions", test_in_flight},
	{"what was refused is counted", test_refusals_are_counted},
	{"after a reload a session stands if its rights are what they were", test_who_stands},
	{"a reload gives nobody anything back", test_reload_keeps_use},
	{"a reload that cannot be is none", test_bad_reload_changes_nothing},
	{0},
};

int main(void)
{
	return unit_main("access", cases);
}
