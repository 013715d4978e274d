/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's enrolled domains: listed without a login, added under one, refused
 * when somebody else wrote them; stores of before have none; an op id stands
 * for one request.
 */
#include "store_util.h"
#include "unit.h"

#include <sys/stat.h>

static uint8_t proof[40] = "a key that only its domain can use";

static struct store_domain domain(const char *name, bool with_proof)
{
	struct store_domain d = {.identity = "card-kek-7", .enrolled_s = 1800000000, .has_proof = with_proof};

	snprintf(d.name, sizeof(d.name), "%s", name);
	memset(d.point, 0x5a, with_proof ? sizeof(d.point) : 0);
	if (with_proof) {
		d.proof_kind = HUFU_COPY_BLOB;
		d.proof = proof;
		d.proof_len = sizeof(proof);
	}
	return d;
}

static enum hufu_err add(struct place *p, const char *name, bool with_proof)
{
	struct store_domain d = domain(name, with_proof);

	return store_domain_add(p->store, &d);
}

/* How many there are. */
static size_t count(struct place *p)
{
	struct store_domain *list;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(store_domains(p->store, &list, &n), HUFU_OK);
	store_domains_free(list, n);
	return n;
}

static void test_listed(void)
{
	struct place p;
	struct store_domain *list;
	size_t n;

	place_init(&p);
	CU_ASSERT_EQUAL(count(&p), 0);
	CU_ASSERT_EQUAL(add(&p, "cards", true), HUFU_ERR_LOCKED);
	place_login(&p);
	CU_ASSERT_EQUAL(add(&p, "soft", false), HUFU_OK);
	CU_ASSERT_EQUAL(add(&p, "cards", true), HUFU_OK);
	CU_ASSERT_EQUAL(add(&p, "cards", false), HUFU_ERR_EXISTS);
	place_reopen(&p);
	CU_ASSERT_EQUAL_FATAL(store_domains(p.store, &list, &n), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_STRING_EQUAL(list[0].name, "cards");
	CU_ASSERT_TRUE(list[0].has_proof && !list[0].proof && list[0].enrolled_s == 1800000000);
	CU_ASSERT_EQUAL(memcmp(list[0].identity, "card-kek-7", 10), 0);
	CU_ASSERT_STRING_EQUAL(list[1].name, "soft");
	CU_ASSERT_FALSE(list[1].has_proof);
	store_domains_free(list, n);
	place_login(&p);
	CU_ASSERT_EQUAL_FATAL(store_domains(p.store, &list, &n), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_TRUE(list[0].proof_kind == HUFU_COPY_BLOB && list[0].proof_len == sizeof(proof));
	CU_ASSERT_EQUAL(memcmp(list[0].proof, proof, sizeof(proof)), 0);
	CU_ASSERT_EQUAL(list[0].point[63], 0x5a);
	store_domains_free(list, n);
	place_clear(&p);
}

/* Challenge and answer come with the key, under a login. */
static void test_secret_proof(void)
{
	struct place p;
	struct store_domain *list, d = domain("cards", true);
	size_t n;

	d.secret = true;
	memset(d.point, 0, sizeof(d.point));
	d.secret_type = 3;
	memset(d.challenge, 0x11, sizeof(d.challenge));
	memset(d.answer, 0x22, sizeof(d.answer));
	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_domain_add(p.store, &d), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(store_domains(p.store, &list, &n), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT(list[0].has_proof && list[0].secret && list[0].proof_len == sizeof(proof));
	CU_ASSERT(memcmp(list[0].proof, proof, sizeof(proof)) == 0 && list[0].secret_type == 3);
	CU_ASSERT(list[0].challenge[15] == 0x11 && list[0].answer[0] == 0x22);
	store_domains_free(list, n);
	place_reopen(&p);
	CU_ASSERT_EQUAL_FATAL(store_domains(p.store, &list, &n), HUFU_OK);
	CU_ASSERT(n == 1 && list[0].has_proof && list[0].secret && !list[0].proof && list[0].challenge[15] == 0);
	store_domains_free(list, n);
	place_clear(&p);
}

/* Once; what else its row says stays. */
static void test_proven_later(void)
{
	struct place p;
	struct store_domain *list, d = domain("cards", true);
	size_t n;

	place_init(&p);
	CU_ASSERT_EQUAL(store_domain_prove(p.store, &d), HUFU_ERR_LOCKED);
	place_login(&p);
	CU_ASSERT_EQUAL(store_domain_prove(p.store, &d), HUFU_ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(add(&p, "cards", false), HUFU_OK);
	CU_ASSERT_EQUAL(add(&p, "soft", false), HUFU_OK);
	memset(d.identity, 0, sizeof(d.identity));
	d.enrolled_s = 1;
	CU_ASSERT_EQUAL(store_domain_prove(p.store, &d), HUFU_OK);
	CU_ASSERT_EQUAL(store_domain_prove(p.store, &d), HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL_FATAL(store_domains(p.store, &list, &n), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT(list[0].has_proof && list[0].proof_len == sizeof(proof) && list[0].enrolled_s == 1800000000);
	CU_ASSERT(memcmp(list[0].identity, "card-kek-7", 10) == 0 && !list[1].has_proof);
	store_domains_free(list, n);
	d.has_proof = false;
	CU_ASSERT_EQUAL(store_domain_prove(p.store, &d), HUFU_ERR_ARGUMENT);
	place_clear(&p);
}

static void test_bounds(void)
{
	struct place p;
	char name[STORE_DOMAIN_MAX + 1];
	struct store_domain d = domain("", true);

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_domain_add(p.store, &d), HUFU_ERR_ARGUMENT);
	memset(d.name, 'n', sizeof(d.name)); /* no end */
	CU_ASSERT_EQUAL(store_domain_add(p.store, &d), HUFU_ERR_ARGUMENT);
	d = domain("cards", true);
	d.proof = NULL;
	CU_ASSERT_EQUAL(store_domain_add(p.store, &d), HUFU_ERR_ARGUMENT);
	memset(name, 'n', STORE_DOMAIN_MAX);
	name[STORE_DOMAIN_MAX] = '\0';
	CU_ASSERT_EQUAL(add(&p, name, true), HUFU_OK);
	for (unsigned i = 1; i < STORE_DOMAINS_MAX; i++) {
		snprintf(name, sizeof(name), "domain %u", i);
		CU_ASSERT_EQUAL(add(&p, name, i % 2), HUFU_OK);
	}
	CU_ASSERT_EQUAL(add(&p, "one more", false), HUFU_ERR_STORE_FULL);
	CU_ASSERT_EQUAL(count(&p), STORE_DOMAINS_MAX);
	place_clear(&p);
}

static void test_tampered(void)
{
	ON_FILES_ONLY();
	static const char *const changes[] = {
		"UPDATE domain SET name = CAST('soft' AS BLOB)", "UPDATE domain SET identity = zeroblob(16)",
		"UPDATE domain SET enrolled = 1", "UPDATE domain SET point = zeroblob(64)",
		"UPDATE domain SET proof = zeroblob(length(proof))", "UPDATE domain SET point = x'', proof = x''",
		"UPDATE domain SET host_mac = zeroblob(32)", "UPDATE domain SET token_mac = zeroblob(32)",
		"UPDATE domain SET identity = x'00'",
	};
	struct place p;
	struct store_report r;

	place_init(&p);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
		CU_ASSERT_EQUAL(add(&p, "cards", true), HUFU_OK);
		CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
		CU_ASSERT_EQUAL(r.domains, 1);
		tamper(p.path, changes[i]);
		CU_ASSERT_EQUAL(count(&p), 0);
		CU_ASSERT_TRUE(log_has(&p, "fails its check and is refused"));
		CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_ERR_STORE_CORRUPT);
		CU_ASSERT_EQUAL(r.domains_bad, 1);
		/* Its place is free for the officer. */
		CU_ASSERT_EQUAL(add(&p, i ? "cards" : "soft", true), HUFU_OK);
		CU_ASSERT_EQUAL(count(&p), 1);
		store_logout(p.store);
	}
	place_clear(&p);
}

static void test_renewed(void)
{
	struct place p;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(add(&p, "cards", true), HUFU_OK);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(count(&p), 0);
	place_clear(&p);
}

/* -- from before --------------------------------------------------------------- */

static void test_migrated(void)
{
	ON_FILES_ONLY();
	struct place p;
	struct stat st;
	char copy[256], names[4][STORE_DOMAIN_MAX + 1];
	uint8_t private_uuid[16], public_uuid[16];
	size_t n;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, private_uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, false, public_uuid), HUFU_OK);
	store_close(p.store);
	p.store = NULL;
	tamper(p.path, "DROP TABLE domain; DROP TABLE credential; DROP TABLE journal;"
	       "PRAGMA user_version = 1"); /* all that version 1 had */
	forget_head(&p);
	CU_ASSERT_EQUAL(store_open(&p.conf, &p.store), HUFU_OK);
	CU_ASSERT_EQUAL(ask(p.path, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
	snprintf(copy, sizeof(copy), "%s.v1", p.path);
	CU_ASSERT_EQUAL(stat(copy, &st), 0);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, private_uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, false, public_uuid), HUFU_OK);
	CU_ASSERT_EQUAL(count(&p), 0);
	CU_ASSERT_EQUAL(store_copy_domains(p.store, names, 4, &n), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	CU_ASSERT_TRUE(!strcmp(names[0], "soft") && !strcmp(names[1], "cards"));
	CU_ASSERT_EQUAL(add(&p, names[1], true), HUFU_OK);
	CU_ASSERT_EQUAL(count(&p), 1);
	place_clear(&p);
}

/* -- op ids --------------------------------------------------------------------- */

static void test_op_id_is_of_one_request(void)
{
	struct place p;
	struct sample a, b;
	uint8_t first[16], again[16], pair[2][16];

	place_init(&p);
	place_login(&p);
	sample_init(&a, 1, 0, true);
	memset(a.draft.request, 1, sizeof(a.draft.request));
	CU_ASSERT_EQUAL(store_insert(p.store, &a.draft, first), HUFU_OK);
	a.draft.ncopies = 1; /* another answer of the same request */
	CU_ASSERT_EQUAL(store_insert(p.store, &a.draft, again), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(first, again, sizeof(first)), 0);
	a.draft.request[31] ^= 1;
	CU_ASSERT_EQUAL(store_insert(p.store, &a.draft, again), HUFU_ERR_CONFLICT);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), 1);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, first), HUFU_OK);

	/* Two rows, of which the second cannot be: none. */
	sample_init(&b, 2, 0, false);
	struct store_draft drafts[] = {b.draft, a.draft};
	CU_ASSERT_EQUAL(store_insert_all(p.store, drafts, 2, pair), HUFU_ERR_CONFLICT);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), 1);
	sample_init(&a, 3, 0, true);
	drafts[1] = a.draft;
	CU_ASSERT_EQUAL(store_insert_all(p.store, drafts, 2, pair), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, false, pair[0]), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 3, 0, true, pair[1]), HUFU_OK);
	place_clear(&p);
}

static void test_delete_by_version(void)
{
	struct place p;
	uint8_t uuid[16];

	place_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 2), HUFU_ERR_CONFLICT);
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 1), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 1), HUFU_ERR_NOT_FOUND);
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"an enrolled domain is listed without a login, and its proof comes with one", test_listed},
	{"a proof by a secret key keeps its question and answer sealed", test_secret_proof},
	{"one that was enrolled without gets its proof later", test_proven_later},
	{"names, proofs and their number are bounded", test_bounds},
	{"a row that somebody else changed is no enrolment", test_tampered},
	{"a renewed token has none", test_renewed},
	{"a store of schema 1 is brought to this one, and its copies name their domains", test_migrated},
	{"an op id makes one object for one request, and two rows come both or not at all", test_op_id_is_of_one_request},
	{"what has changed is not deleted by its old version", test_delete_by_version},
	{0},
};

UNIT_MAIN("store-domains", cases)
