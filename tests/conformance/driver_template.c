/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: the example of a driver (examples/driver/complete.c) keeps what docs/DRIVERS.md says of the contract: answers of the
 * standards; copies that its own group of cards opens and nobody else; keys loaded by many threads at once, on one
 * connection and on the next; too little room and wrong calls have no effect.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "sm/sm2.h"

#define COPY_MAX 256
#define THREADS 8
#define ROUNDS 50
#define NEED(call) CU_ASSERT_EQUAL_FATAL((call), HUFU_OK)
#define IS(call, want) CU_ASSERT_EQUAL((call), (want))

const struct hufu_driver *hufu_driver_entry(void);

static const struct hufu_driver *driver;
static char secrets[2][64]; /* paths */
static struct hufu_device *device;

static const uint8_t sm4_key[16] = { /* GB/T 32907-2016 A.1: the key and the plaintext */
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t sm4_cipher[16] = {
	0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};

struct made {
	struct hufu_key key;
	uint8_t copy[COPY_MAX], pub[HUFU_PUB_MAX];
	size_t pub_len;
};

/* -- devices and ops ---------------------------------------------------------------------- */

static const char *get(const struct hufu_conf *conf, const char *key)
{
	return strcmp(key, "key_file") == 0 ? conf->priv : NULL;
}

static enum hufu_err open_with(const char *secret, struct hufu_device **out)
{
	struct hufu_conf conf = {.size = sizeof(conf), .name = "card", .get = get, .priv = secret};

	return driver->open(driver_host(), &conf, 0, out);
}

static void make_secret(char path[64])
{
	uint8_t bytes[32];

	snprintf(path, 64, "/tmp/hufu-template.XXXXXX");
	int fd = mkstemp(path);
	if (fd < 0 || driver_host()->random(bytes, sizeof(bytes)) != HUFU_OK || write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		abort();
	close(fd);
}

static void setup(void)
{
	driver = hufu_driver_entry();
	make_secret(secrets[0]);
	make_secret(secrets[1]);
	if (open_with(secrets[0], &device) != HUFU_OK)
		abort();
}

static void teardown(void)
{
	driver->close(device, 0);
	unlink(secrets[0]);
	unlink(secrets[1]);
}

static enum hufu_err run_on(struct hufu_device *on, struct hufu_op *op)
{
	struct hufu_lease *lease;
	enum hufu_err err = driver->lease(on, 0, &lease);

	if (err != HUFU_OK)
		return err;
	op->size = sizeof(*op);
	op->outcome = HUFU_ERR_BUG;
	driver->run(lease, &op, 1);
	driver->release(lease);
	return op->outcome;
}

static struct hufu_op to_generate(enum hufu_key_type type)
{
	bool pair = type == HUFU_KEY_SM2_PRIVATE;

	return (struct hufu_op){.verb = HUFU_VERB_GENERATE, .new_type = type,
	                        .mechanism = pair ? CKM_HUFU_SM2_KEY_PAIR_GEN : CKM_HUFU_SM4_KEY_GEN};
}

static enum hufu_err make(struct hufu_op op, struct made *made)
{
	memset(made, 0, sizeof(*made));
	op.out = made->copy;
	op.out_cap = sizeof(made->copy);
	op.pub = made->pub;
	op.copy_kind = HUFU_COPY_BLOB;
	enum hufu_err err = run_on(device, &op);
	made->pub_len = op.pub_len;
	made->key = (struct hufu_key){.size = sizeof(made->key), .type = op.new_type, .copy_kind = op.copy_kind, .blob = made->copy,
	                              .blob_len = op.out_len};
	return err;
}

static void make_sm4(struct made *made)
{
	NEED(make((struct hufu_op){.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM4, .in = sm4_key, .in_len = sizeof(sm4_key)}, made));
}

static enum hufu_err encrypt_on(struct hufu_device *on, struct made *made, uint8_t out[16])
{
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &made->key, .in = sm4_key, .in_len = 16,
	                     .out = out, .out_cap = 16};

	return run_on(on, &op);
}

static bool encrypts_on(struct hufu_device *on, struct made *made)
{
	uint8_t out[16] = {0};

	return encrypt_on(on, made, out) == HUFU_OK && memcmp(out, sm4_cipher, sizeof(out)) == 0;
}

static void evict(struct made *made)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = &made->key};

	IS(run_on(device, &op), HUFU_OK);
	CU_ASSERT_PTR_NULL(made->key.loaded);
}

/* -- answers --------------------------------------------------------------------------------- */

static void test_sm4(void)
{
	struct made made;

	make_sm4(&made);
	CU_ASSERT(made.key.blob_len > 16 && !memmem(made.copy, made.key.blob_len, sm4_key, sizeof(sm4_key)));
	CU_ASSERT(encrypts_on(device, &made));
	evict(&made);
}

/* More than the card takes at a time: as one chain, and back. */
static void test_cbc_is_one_chain(void)
{
	enum { LEN = 3 * 65536 + 16 };
	static uint8_t plain[LEN], cipher[LEN], back[LEN];
	static const struct hufu_param_iv iv = {.iv = {1, 2, 3}};
	struct made made;
	uint8_t block[16];

	make_sm4(&made);
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_CBC, .key = &made.key, .param = &iv, .in = plain,
	                     .in_len = LEN, .out = cipher, .out_cap = LEN};
	NEED(run_on(device, &op));
	for (size_t at = 65536; at < LEN; at += 65536) { /* C_i = E(P_i xor C_i-1) with P = 0 */
		struct hufu_op one = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &made.key, .in = cipher + at - 16,
		                      .in_len = 16, .out = block, .out_cap = 16};
		NEED(run_on(device, &one));
		CU_ASSERT(memcmp(block, cipher + at, 16) == 0);
	}
	op.verb = HUFU_VERB_DECRYPT;
	op.in = cipher;
	op.out = back;
	NEED(run_on(device, &op));
	CU_ASSERT(memcmp(back, plain, LEN) == 0);
	evict(&made);
}

static bool signs(struct made *pair)
{
	static const uint8_t e[32] = {9, 8, 7};
	struct sm2_public point;
	uint8_t sig[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &pair->key, .in = e, .in_len = 32, .out = sig,
	                     .out_cap = 64};

	return run_on(device, &op) == HUFU_OK && op.out_len == 64 && pair->pub_len == 64 &&
	       sm2_public_init(&point, pair->pub) == SM2_OK && sm2_verify(&point, e, sig) == SM2_OK;
}

static void test_sm2(void)
{
	static const uint8_t one[32] = {[31] = 1}, zero[32];
	struct hufu_op import = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM2_PRIVATE, .in = one, .in_len = 32};
	uint8_t n[32], generator[64];
	struct made pair;

	for (int i = 0; i < 20; i++) {
		NEED(make(to_generate(HUFU_KEY_SM2_PRIVATE), &pair));
		CU_ASSERT(signs(&pair));
		evict(&pair);
	}
	/* GB/T 32918.5: d = 1 is G's; 0 and n - 1 are no keys (GB/T 32918.1 6.1). */
	unit_hex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
	         "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0", generator);
	NEED(make(import, &pair));
	CU_ASSERT(memcmp(pair.pub, generator, 64) == 0 && signs(&pair));
	evict(&pair);
	import.in = zero;
	IS(make(import, &pair), HUFU_ERR_KEY_VALUE);
	unit_hex("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122", n);
	import.in = n;
	IS(make(import, &pair), HUFU_ERR_KEY_VALUE);
}

/* -- copies ------------------------------------------------------------------------------------ */

static void test_copies_of_others(void)
{
	struct hufu_device *stranger, *twin;
	struct hufu_device_info infos[3];
	uint8_t out[16];
	struct made made;

	NEED(open_with(secrets[0], &twin));
	NEED(open_with(secrets[1], &stranger));
	struct hufu_device *all[] = {device, twin, stranger};
	for (int i = 0; i < 3; i++) {
		infos[i] = (struct hufu_device_info){.size = sizeof(infos[i])};
		NEED(driver->info(all[i], &infos[i]));
	}
	CU_ASSERT(memcmp(infos[0].domain_id, infos[1].domain_id, 16) == 0);
	CU_ASSERT(memcmp(infos[0].domain_id, infos[2].domain_id, 16) != 0);
	make_sm4(&made);
	IS(encrypt_on(stranger, &made, out), HUFU_ERR_NO_KEY);
	CU_ASSERT(encrypts_on(twin, &made));
	struct hufu_op forget = {.verb = HUFU_VERB_EVICT, .key = &made.key};
	IS(run_on(twin, &forget), HUFU_OK);
	driver->close(twin, 0);
	driver->close(stranger, 0);
}

static void test_changed_copies(void)
{
	uint8_t out[16];
	struct made made;

	make_sm4(&made);
	for (size_t i = 0; i < made.key.blob_len; i++) {
		made.copy[i] ^= 0x10;
		IS(encrypt_on(device, &made, out), HUFU_ERR_NO_KEY);
		made.copy[i] ^= 0x10;
	}
	for (made.key.blob_len--; made.key.blob_len; made.key.blob_len--)
		IS(encrypt_on(device, &made, out), HUFU_ERR_NO_KEY);
	made.key.copy_kind = HUFU_COPY_INDEX;
	IS(encrypt_on(device, &made, out), HUFU_ERR_NO_KEY);
	CU_ASSERT_PTR_NULL(made.key.loaded);
	NEED(make(to_generate(HUFU_KEY_SM2_PRIVATE), &made));
	made.key.type = HUFU_KEY_SM4; /* a copy says itself what it is */
	IS(encrypt_on(device, &made, out), HUFU_ERR_NO_KEY);
}

/* -- key->loaded ---------------------------------------------------------------------------------- */

struct shared {
	struct made *made;
	pthread_barrier_t start;
	_Atomic int wrong;
};

static void *use(void *arg)
{
	struct shared *shared = arg;

	pthread_barrier_wait(&shared->start);
	for (int i = 0; i < ROUNDS / 10; i++)
		shared->wrong += !encrypts_on(device, shared->made);
	return NULL;
}

static void use_from_all(struct made *made)
{
	struct shared shared = {.made = made};
	pthread_t threads[THREADS];

	pthread_barrier_init(&shared.start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, use, &shared) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&shared.start);
	CU_ASSERT_EQUAL(shared.wrong, 0);
}

static void test_loaded_by_all_at_once(void)
{
	struct made made;

	make_sm4(&made);
	for (int i = 0; i < ROUNDS; i++) {
		use_from_all(&made);
		evict(&made);
	}
}

/* What was loaded is the device's, and handles were the connection's. */
static void test_opened_anew(void)
{
	struct made made, idle;

	make_sm4(&made);
	make_sm4(&idle);
	CU_ASSERT(encrypts_on(device, &idle));
	for (int i = 0; i < 5; i++) {
		use_from_all(&made);
		driver->close(device, 0);
		NEED(open_with(secrets[0], &device));
	}
	use_from_all(&made);
	evict(&made);
	evict(&idle); /* not used since */
	CU_ASSERT(encrypts_on(device, &idle));
	driver->close(device, 0);
	driver->forget(&idle.key); /* no device comes back */
	CU_ASSERT_PTR_NULL(idle.key.loaded);
	NEED(open_with(secrets[0], &device));
}

/* The child has no thread of the parent's: it opens the device anew, and leaves what is open as it is. */
static int in_child(struct made *made)
{
	struct hufu_device *own;

	made->key.loaded = NULL;
	return open_with(secrets[0], &own) == HUFU_OK && encrypts_on(own, made) ? 0 : 1;
}

static void test_forked(void)
{
	struct made made;
	int status = -1;

	UNIT_FORKS();
	make_sm4(&made);
	CU_ASSERT(encrypts_on(device, &made));
	pid_t child = fork();
	if (child == 0)
		_exit(in_child(&made));
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT(encrypts_on(device, &made));
	evict(&made);
}

/* -- refused --------------------------------------------------------------------------------------- */

static void test_too_little_room(void)
{
	const enum hufu_key_type types[] = {HUFU_KEY_SM4, HUFU_KEY_SM2_PRIVATE};
	uint8_t out[COPY_MAX], pub[HUFU_PUB_MAX];
	struct made made;

	for (int i = 0; i < 2; i++) {
		struct hufu_op op = to_generate(types[i]);
		NEED(make(op, &made));
		memset(out, 0x5c, sizeof(out));
		op.out = out;
		op.pub = pub;
		op.out_cap = made.key.blob_len - 1;
		IS(run_on(device, &op), HUFU_ERR_BUFFER);
		CU_ASSERT(op.out_len == made.key.blob_len && op.pub_len == 0 && out[0] == 0x5c && out[op.out_cap] == 0x5c);
	}
	IS(encrypt_on(device, &made, out), HUFU_ERR_KEY_TYPE);
}

static void test_wrong_calls(void)
{
	static const uint8_t in[33];
	uint8_t out[64];
	struct made key, pair;
	struct hufu_op ops[] = {
		{.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_GCM, .key = &key.key, .in = in, .in_len = 16},
		{.verb = (enum hufu_verb)200, .in = in, .in_len = 16},
		{.verb = HUFU_VERB_GENERATE, .new_type = HUFU_KEY_RSA_PRIVATE},
		{.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_ZUC, .in = in, .in_len = 16},
		{.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM4, .in = in, .in_len = 17},
		{.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key.key, .in = in, .in_len = 17},
		{.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key.key, .in = in, .in_len = 17},
		{.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_CBC, .key = &key.key, .in = in, .in_len = 16},
		{.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = in, .in_len = 16},
		{.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key.key, .in_len = 16},
		{.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &pair.key, .in = in, .in_len = 33},
		{.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &key.key, .in = in, .in_len = 32},
		{.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key.key, .in = in, .in_len = 16, .deadline_ns = 1},
	};
	static const enum hufu_err want[] = {
		HUFU_ERR_UNSUPPORTED, HUFU_ERR_UNSUPPORTED, HUFU_ERR_UNSUPPORTED, HUFU_ERR_UNSUPPORTED, HUFU_ERR_KEY_SIZE,
		HUFU_ERR_DATA_LEN, HUFU_ERR_CIPHERTEXT_LEN, HUFU_ERR_PARAM, HUFU_ERR_ARGUMENT, HUFU_ERR_ARGUMENT, HUFU_ERR_DATA_LEN,
		HUFU_ERR_KEY_TYPE, HUFU_ERR_BUSY,
	};

	make_sm4(&key);
	NEED(make(to_generate(HUFU_KEY_SM2_PRIVATE), &pair));
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		ops[i].out = out;
		ops[i].out_cap = sizeof(out);
		IS(run_on(device, &ops[i]), want[i]);
		CU_ASSERT(ops[i].out_len == 0 && ops[i].pub_len == 0);
	}
	CU_ASSERT(!key.key.loaded && !pair.key.loaded);
}

static void test_sessions_end(void)
{
	struct hufu_device_info info = {.size = sizeof(info)};
	struct hufu_lease *leases[64];
	uint32_t n = 0;

	NEED(driver->info(device, &info));
	CU_ASSERT_FATAL(info.max_leases < 64);
	while (n < info.max_leases)
		NEED(driver->lease(device, 0, &leases[n++]));
	IS(driver->probe(device, 0), HUFU_OK);
	NEED(driver->lease(device, 0, &leases[n++]));
	struct hufu_lease *more;
	IS(driver->lease(device, 0, &more), HUFU_ERR_BUSY);
	while (n)
		driver->release(leases[--n]);
	IS(driver->probe(device, 0), HUFU_OK);
}

static void test_settings(void)
{
	struct hufu_device *none;

	IS(open_with(NULL, &none), HUFU_ERR_CONFIG);
	IS(open_with("/nowhere/secret", &none), HUFU_ERR_CONFIG);
	IS(open_with("/dev/null", &none), HUFU_ERR_CONFIG);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"SM4 is that of GB/T 32907, and no copy holds the key", test_sm4},
		{"CBC is one chain, whatever the card takes at a time", test_cbc_is_one_chain},
		{"pairs sign, and are those of their private keys", test_sm2},
		{"copies are for the cards of the same secret", test_copies_of_others},
		{"changed copies are no key", test_changed_copies},
		{"threads load a key at once, and it is forgotten", test_loaded_by_all_at_once},
		{"keys outlive a connection", test_opened_anew},
		{"a forked child opens the device anew", test_forked},
		{"an op with too little room has no effect", test_too_little_room},
		{"wrong calls get the group that they should", test_wrong_calls},
		{"sessions end, and a probe has its own", test_sessions_end},
		{"settings that cannot be are refused", test_settings},
		{0},
	};

	setup();
	int status = unit_main("example of a driver", cases);
	teardown();
	return status;
}
