/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a tenant's keys follow from the master and its name and from nothing else; what it sealed is opened by it alone,
 * whole or not at all; its cache gives nobody a key whose sealed copy he does not have; its lanes are its own and bounded.
 */
#include "tenant_util.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "rand/rand.h"

#define SOFT TENANT_CONF("soft", "device \"soft\" { driver = \"soft\" }\n")

/* -- keys ---------------------------------------------------------------------------- */

static void same_everywhere(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *here = tenant_of(conf, "bank", tenant_master), *there = tenant_of(conf, "bank", tenant_master);
	uint8_t a[64], b[64];

	tenant_key(here, "tickets", a);
	tenant_key(there, "tickets", b);
	CU_ASSERT_EQUAL(memcmp(a, b, 32), 0);
	tenant_key(here, "copies", b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, 32), 0);
	tenant_domain_point(here, a);
	tenant_domain_point(there, b);
	CU_ASSERT_EQUAL(memcmp(a, b, 64), 0);
	tenant_free(here);
	tenant_free(there);
	conf_free(conf);
}

static void others_are_others(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	uint8_t master[MASTER_LEN] = {1}, a[64], b[64];
	struct tenant *bank = tenant_of(conf, "bank", tenant_master);
	struct tenant *others[] = {tenant_of(conf, "mint", tenant_master), tenant_of(conf, "bank", master)};

	for (size_t i = 0; i < 2; i++) {
		tenant_key(bank, "copies", a);
		tenant_key(others[i], "copies", b);
		CU_ASSERT_NOT_EQUAL(memcmp(a, b, 32), 0);
		tenant_domain_point(bank, a);
		tenant_domain_point(others[i], b);
		CU_ASSERT_NOT_EQUAL(memcmp(a, b, 64), 0);
		tenant_free(others[i]);
	}
	tenant_free(bank);
	conf_free(conf);
}

static void domain_signs(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master);
	uint8_t point[64], e[32] = {7}, signature[64];
	struct sm2_public public;

	tenant_domain_point(bank, point);
	CU_ASSERT_EQUAL(sm2_public_init(&public, point), SM2_OK);
	CU_ASSERT_EQUAL(tenant_domain_sign(bank, e, signature), HUFU_OK);
	CU_ASSERT_EQUAL(sm2_verify(&public, e, signature), SM2_OK);
	e[0] ^= 1;
	CU_ASSERT_EQUAL(sm2_verify(&public, e, signature), SM2_BAD_SIGNATURE);
	tenant_free(bank);
	conf_free(conf);
}

/* -- the master key -------------------------------------------------------------------- */

static char *write_file(const char *name, const void *data, size_t len, mode_t mode)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/hufu-test-master-%d-%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || fchmod(fd, mode) != 0)
		abort();
	close(fd);
	return path;
}

static enum hufu_err load(const char *scheme, const char *path, uint8_t master[MASTER_LEN])
{
	char where[300];

	snprintf(where, sizeof(where), "%s%s", scheme, path);
	return master_load(where, master);
}

static void master_files(void)
{
	uint8_t master[MASTER_LEN], bytes[33];

	memset(bytes, 0x5a, sizeof(bytes));
	char *path = write_file("a", bytes, 32, 0600);
	CU_ASSERT_EQUAL(load("file:", path, master), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(master, bytes, 32), 0);
	CU_ASSERT_EQUAL(load("", path, master), HUFU_ERR_CONFIG);
	chmod(path, 0640);
	CU_ASSERT_EQUAL(load("file:", path, master), HUFU_ERR_CONFIG);
	chmod(path, 0604);
	CU_ASSERT_EQUAL(load("file:", path, master), HUFU_ERR_CONFIG);
	unlink(path);
	CU_ASSERT_EQUAL(load("file:", path, master), HUFU_ERR_CONFIG);
	for (size_t len = 0; len <= 33; len += len ? 2 : 31) {
		path = write_file("b", bytes, len, 0600);
		CU_ASSERT_EQUAL(load("file:", path, master), HUFU_ERR_CONFIG);
		unlink(path);
	}
}

static void master_credentials(void)
{
	uint8_t master[MASTER_LEN], bytes[32] = {3};
	char *path = write_file("cred", bytes, 32, 0400), *name = strrchr(path, '/');

	*name = '\0';
	setenv("CREDENTIALS_DIRECTORY", path, 1);
	CU_ASSERT_EQUAL(load("credential:", name + 1, master), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(master, bytes, 32), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
	CU_ASSERT_EQUAL(load("credential:", name + 1, master), HUFU_ERR_CONFIG);
	*name = '/';
	unlink(path);
}

/* -- sealed copies ------------------------------------------------------------------------ */

static const uint8_t sm4_value[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};

static struct writer sealed_by(struct tenant *tenant, bool hardware_only)
{
	const struct pool_copy copies[] = {
		{.kind = HUFU_COPY_BLOB, .domain = "soft", .data = sm4_value, .len = 16},
		{.kind = HUFU_COPY_INDEX, .domain = "cards", .data = (const uint8_t *)"\0\0\0\7", .len = 4},
	};
	struct writer out;

	writer_init(&out, false);
	if (tenant_seal_copy(tenant, HUFU_KEY_SM4, hardware_only, copies, 2, (const uint8_t *)"pub", 3, &out) != HUFU_OK)
		abort();
	return out;
}

static void copy_comes_back(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *here = tenant_of(conf, "bank", tenant_master), *there = tenant_of(conf, "bank", tenant_master);
	struct writer sealed = sealed_by(here, true);
	struct tenant_copy *copy;

	CU_ASSERT_EQUAL_FATAL(tenant_open_copy(there, sealed.data, sealed.len, &copy), HUFU_OK);
	CU_ASSERT(copy->type == HUFU_KEY_SM4 && copy->hardware_only && copy->n == 2 && copy->pub_len == 3);
	CU_ASSERT(copy->copies[0].len == 16 && memcmp(copy->copies[0].data, sm4_value, 16) == 0);
	CU_ASSERT_STRING_EQUAL(copy->copies[1].domain, "cards");
	CU_ASSERT(copy->copies[1].kind == HUFU_COPY_INDEX && copy->copies[1].data[3] == 7);
	tenant_copy_free(copy);
	writer_clear(&sealed);
	tenant_free(here);
	tenant_free(there);
	conf_free(conf);
}

static void every_bit_counts(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master);
	struct writer sealed = sealed_by(bank, false);
	struct tenant_copy *copy;

	for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
		sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(tenant_open_copy(bank, sealed.data, sealed.len, &copy), HUFU_ERR_NO_KEY);
		sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < sealed.len; len++)
		CU_ASSERT_EQUAL(tenant_open_copy(bank, sealed.data, len, &copy), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL_FATAL(tenant_open_copy(bank, sealed.data, sealed.len, &copy), HUFU_OK);
	tenant_copy_free(copy);
	writer_clear(&sealed);
	tenant_free(bank);
	conf_free(conf);
}

static void foreign_copies(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	uint8_t master[MASTER_LEN] = {1};
	struct tenant *bank = tenant_of(conf, "bank", tenant_master), *mint = tenant_of(conf, "mint", tenant_master);
	struct tenant *elsewhere = tenant_of(conf, "bank", master);
	struct writer sealed = sealed_by(bank, false);
	struct tenant_copy *copy;

	CU_ASSERT_EQUAL(tenant_open_copy(mint, sealed.data, sealed.len, &copy), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(tenant_open_copy(elsewhere, sealed.data, sealed.len, &copy), HUFU_ERR_NO_KEY);
	writer_clear(&sealed);
	tenant_free(bank);
	tenant_free(mint);
	tenant_free(elsewhere);
	conf_free(conf);
}

static void states(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master), *mint = tenant_of(conf, "mint", tenant_master);
	const struct pool_domain names[] = {{.name = "cards"}, {.name = "soft"}};
	struct hufu_key key = {.size = sizeof(key), .uuid = {9}, .version = 2};
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .key = &key};
	uint8_t sealed[HUFU_STATE_MAX], back[HUFU_STATE_MAX], plain[HUFU_STATE_MAX] = {1, 2, 3};
	const char *domain;
	size_t len, n;

	CU_ASSERT_EQUAL(tenant_seal_state(bank, &op, "soft", plain, 200, sealed, &len), HUFU_OK);
	op.state_in = sealed;
	op.state_in_len = len;
	CU_ASSERT_EQUAL(tenant_open_state(bank, &op, names, 2, &domain, back, &n), HUFU_OK);
	CU_ASSERT(n == 200 && memcmp(back, plain, n) == 0);
	CU_ASSERT_STRING_EQUAL(domain, "soft");
	CU_ASSERT(tenant_open_state(bank, &op, names, 1, &domain, back, &n) == HUFU_OK && !domain);
	CU_ASSERT_EQUAL(tenant_open_state(mint, &op, names, 2, &domain, back, &n), HUFU_ERR_ARGUMENT);
	op.verb = HUFU_VERB_VERIFY;
	CU_ASSERT_EQUAL(tenant_open_state(bank, &op, names, 2, &domain, back, &n), HUFU_ERR_ARGUMENT);
	op.verb = HUFU_VERB_SIGN;
	key.version++;
	CU_ASSERT_EQUAL(tenant_open_state(bank, &op, names, 2, &domain, back, &n), HUFU_ERR_ARGUMENT);
	key.version--;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(tenant_open_state(bank, &op, names, 2, &domain, back, &n), HUFU_ERR_ARGUMENT);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	CU_ASSERT_EQUAL(tenant_seal_state(bank, &op, "soft", plain, HUFU_STATE_MAX, sealed, &len), HUFU_ERR_UNSUPPORTED);
	tenant_free(bank);
	tenant_free(mint);
	conf_free(conf);
}

/* -- the cache -------------------------------------------------------------------------------- */

static struct hufu_key key_of(const struct writer *sealed, uint8_t n)
{
	return (struct hufu_key){.size = sizeof(struct hufu_key), .uuid = {n}, .version = 1, .type = HUFU_KEY_SM4,
	                         .copy_kind = HUFU_COPY_BLOB, .blob = sealed->data, .blob_len = sealed->len};
}

static void cache_gives_the_same(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master);
	struct writer sealed = sealed_by(bank, false);
	struct hufu_key key = key_of(&sealed, 1);
	struct tenant_key *first, *second;

	CU_ASSERT_EQUAL_FATAL(tenant_key_get(bank, &key, &first), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(tenant_key_get(bank, &key, &second), HUFU_OK);
	CU_ASSERT_PTR_EQUAL(first, second);
	tenant_key_rele(second);
	key_cache_drop(bank->keys, &key);
	CU_ASSERT_EQUAL_FATAL(tenant_key_get(bank, &key, &second), HUFU_OK);
	CU_ASSERT_PTR_NOT_EQUAL(first, second); /* an op may still use the first */
	tenant_key_rele(first);
	tenant_key_rele(second);
	writer_clear(&sealed);
	tenant_free(bank);
	conf_free(conf);
}

/* Whoever knows a key's name, but not its sealed copy, does not get it. */
static void cache_tells_by_all_bytes(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master);
	struct writer sealed = sealed_by(bank, false), other = sealed_by(bank, false);
	struct hufu_key key = key_of(&sealed, 1), wrong = key_of(&sealed, 1);
	struct tenant_key *first, *second;

	CU_ASSERT_EQUAL_FATAL(tenant_key_get(bank, &key, &first), HUFU_OK);
	sealed.data[sealed.len - 1] ^= 1;
	CU_ASSERT_EQUAL(tenant_key_get(bank, &wrong, &second), HUFU_ERR_NO_KEY);
	sealed.data[sealed.len - 1] ^= 1;
	wrong.type = HUFU_KEY_ZUC;
	CU_ASSERT_EQUAL(tenant_key_get(bank, &wrong, &second), HUFU_ERR_NO_KEY);
	wrong.type = HUFU_KEY_SM4;
	wrong.blob_len--;
	CU_ASSERT_EQUAL(tenant_key_get(bank, &wrong, &second), HUFU_ERR_NO_KEY);
	wrong = key_of(&other, 1);
	CU_ASSERT_EQUAL_FATAL(tenant_key_get(bank, &wrong, &second), HUFU_OK);
	CU_ASSERT_PTR_NOT_EQUAL(first, second);
	tenant_key_rele(first);
	tenant_key_rele(second);
	writer_clear(&sealed);
	writer_clear(&other);
	tenant_free(bank);
	conf_free(conf);
}

static void cache_is_bounded(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master);
	struct writer sealed = sealed_by(bank, false);
	struct key_cache *cache;
	struct hufu_key key = key_of(&sealed, 0);
	void *kept, *again;
	size_t before = secret_in_use();

	CU_ASSERT_EQUAL_FATAL(key_cache_new(&tenant_key_ops, bank, 8, &cache), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(key_cache_get(cache, &key, &kept), HUFU_OK);
	size_t one = secret_in_use() - before;
	for (uint8_t i = 1; i < 100; i++) {
		key.uuid[0] = i;
		CU_ASSERT_EQUAL_FATAL(key_cache_get(cache, &key, &again), HUFU_OK);
		tenant_key_rele(again);
		key.uuid[0] = 0; /* it is used now and then: it stays */
		CU_ASSERT_EQUAL_FATAL(key_cache_get(cache, &key, &again), HUFU_OK);
		CU_ASSERT_PTR_EQUAL(again, kept);
		tenant_key_rele(again);
	}
	CU_ASSERT(secret_in_use() - before <= 8 * one);
	tenant_key_rele(kept);
	key_cache_free(cache);
	CU_ASSERT_EQUAL(secret_in_use(), before);
	writer_clear(&sealed);
	tenant_free(bank);
	conf_free(conf);
}

/* -- lanes ---------------------------------------------------------------------------------------- */

struct gate {
	struct request req;            /* first */
	_Atomic bool *open;
	_Atomic uint32_t *running, *done;
};

static void wait_at_gate(struct request *req)
{
	struct gate *gate = (struct gate *)(void *)req;

	atomic_fetch_add(gate->running, 1);
	while (!atomic_load(gate->open))
		clock_sleep_ns(NS_PER_MS);
	atomic_fetch_add(gate->done, 1);
}

static void wait_for(_Atomic uint32_t *n, uint32_t want)
{
	for (unsigned i = 0; atomic_load(n) < want && i < 20000; i++)
		clock_sleep_ns(NS_PER_MS);
	CU_ASSERT_EQUAL(atomic_load(n), want);
}

static void full_queue(void)
{
	struct conf *conf = tenant_conf_of(SOFT);
	struct tenant *bank = tenant_of(conf, "bank", tenant_master), *mint = tenant_of(conf, "mint", tenant_master);
	_Atomic bool shut = false, opened = true;
	_Atomic uint32_t running = 0, done = 0, others = 0;
	struct gate gates[4 + 64 + 1], other = {.open = &opened, .running = &others, .done = &others};
	struct wire_load load;

	for (size_t i = 0; i < 69; i++)
		gates[i] = (struct gate){.open = &shut, .running = &running, .done = &done};
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_TRUE_FATAL(tenant_later(bank, &gates[i].req, wait_at_gate));
	wait_for(&running, 4);
	for (size_t i = 4; i < 68; i++)
		CU_ASSERT_TRUE_FATAL(tenant_later(bank, &gates[i].req, wait_at_gate));
	CU_ASSERT_FALSE(tenant_later(bank, &gates[68].req, wait_at_gate));
	tenant_load(bank, &load);
	CU_ASSERT(load.queue == 64 && load.in_flight == 68 && load.capacity == 4 && !load.draining);
	CU_ASSERT_TRUE(tenant_later(mint, &other.req, wait_at_gate));
	wait_for(&others, 2);
	atomic_store(&shut, true);
	tenant_free(bank); /* what was taken is done before */
	CU_ASSERT_EQUAL(atomic_load(&done), 68);
	tenant_free(mint);
	conf_free(conf);
}

static const struct unit_case cases[] = {
	{"the same master and name give the same keys and the same domain on every machine", same_everywhere},
	{"another name, or another master, gives others", others_are_others},
	{"the domain's key signs, and its point verifies", domain_signs},
	{"the master is 32 bytes of a file that nobody else may read, and anything else is refused", master_files},
	{"the master may be a credential of systemd's", master_credentials},
	{"a sealed copy is opened on another machine of the domain, with all that it held", copy_comes_back},
	{"a sealed copy with any one bit turned, or cut anywhere, is none", every_bit_counts},
	{"a sealed copy is none to another tenant, nor under another master", foreign_copies},
	{"a state is bound to tenant, key, version, verb, and to every bit of it, and names its domain", states},
	{"a copy that was opened is not opened again, until it is dropped", cache_gives_the_same},
	{"the name of a key that is cached gives nothing to whoever lacks one byte of its copy", cache_tells_by_all_bytes},
	{"the cache holds as many keys as it may, those used last, and gives all back", cache_is_bounded},
	{"a queue is bounded, and one tenant's full one does not hold up another", full_queue},
	{0},
};

int main(void)
{
	char why[128];

	return log_configure("none", HUFU_LOG_ERROR, why, sizeof(why)) != HUFU_OK ? 99 : unit_main("tenant", cases);
}
