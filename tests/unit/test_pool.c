/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: failover is what the table of error groups says, and nothing of a failure is ever seen. */
#include "pool_util.h"

#include "base/secret.h"
#include "driver/driver.h"

#define REQUEST(...) (struct pool_request){.op = {.repeatable = true, __VA_ARGS__}}

/* Two devices, both always drawn; a's weight makes it the first. */
static struct pool *pair(const char *script_a, const char *script_b)
{
	return lab_pool((struct lab_device[]){{"a", script_a, NULL, NULL, 1000}, {"b", script_b, NULL, NULL, 1}, {0}});
}

static struct pool *single(const char *script)
{
	return lab_pool((struct lab_device[]){{"a", script, NULL, NULL, 0}, {0}});
}

/* -- the table ------------------------------------------------------------- */

static void test_groups(void)
{
	static const struct {
		const char *script;
		enum hufu_err err;      /* of the call */
		uint32_t attempts;
		uint64_t ran_a, ran_b;  /* ops that were carried out */
		enum pool_state a;
	} rows[] = {
		{"", HUFU_OK, 1, 1, 0, POOL_UP},
		{"sign:argument", HUFU_ERR_ARGUMENT, 1, 0, 0, POOL_UP},
		{"sign:unsupported", HUFU_OK, 2, 0, 1, POOL_UP},
		{"sign:no-key", HUFU_OK, 2, 0, 1, POOL_UP},
		{"sign:denied", HUFU_OK, 2, 0, 1, POOL_QUARANTINED},
		{"sign:expired@1", HUFU_OK, 2, 1, 0, POOL_UP},
		{"sign:expired", HUFU_OK, 3, 0, 1, POOL_UP},
		{"sign:busy", HUFU_OK, 2, 0, 1, POOL_UP},
		{"sign:gone", HUFU_OK, 2, 0, 1, POOL_EJECTED},
		{"sign:lost", HUFU_OK, 2, 1, 1, POOL_SUSPECT},
		{"sign:corrupt", HUFU_OK, 2, 1, 1, POOL_SUSPECT},
		{"sign:host", HUFU_ERR_NO_MEMORY, 1, 0, 0, POOL_UP},
		{"sign:bug", HUFU_ERR_BUG, 1, 0, 0, POOL_UP},
		{"sign:flip-out", HUFU_OK, 2, 1, 1, POOL_SUSPECT},
		{"sign:wrong", HUFU_OK, 2, 1, 1, POOL_SUSPECT},
		{"sign:overlong", HUFU_OK, 2, 1, 1, POOL_SUSPECT},
		{"lease:gone", HUFU_OK, 1, 0, 1, POOL_EJECTED},
		{"lease:busy", HUFU_OK, 1, 0, 1, POOL_JOINING}, /* not admitted yet */
		{"lease:denied", HUFU_OK, 1, 0, 1, POOL_QUARANTINED},
		{"lease:lost", HUFU_OK, 1, 0, 1, POOL_EJECTED},
		{"open:gone", HUFU_OK, 1, 0, 1, POOL_EJECTED},
		{"open:busy", HUFU_OK, 1, 0, 1, POOL_JOINING},
		{"open:denied", HUFU_OK, 1, 0, 1, POOL_QUARANTINED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pool *pool = pair(rows[i].script, "");
		struct pool_key *key = lab_private(pool);
		struct pool_request req = REQUEST();
		enum hufu_err err = lab_sign(pool, key, &req);

		if (err != rows[i].err || req.attempts != rows[i].attempts)
			printf("# %s: error %x after %u attempts\n", rows[i].script, err, req.attempts);
		CU_ASSERT(err == rows[i].err);
		CU_ASSERT(req.attempts == rows[i].attempts);
		CU_ASSERT(lab_ops("a", HUFU_VERB_SIGN) == rows[i].ran_a);
		CU_ASSERT(lab_ops("b", HUFU_VERB_SIGN) == rows[i].ran_b);
		CU_ASSERT(lab_state(pool, "a") == rows[i].a);
		CU_ASSERT(lab_state(pool, "b") == (rows[i].ran_b ? POOL_UP : POOL_JOINING));
		if (err == HUFU_OK)
			CU_ASSERT(strcmp(req.served_by, rows[i].ran_b ? "b" : "a") == 0);
		lab_script("a", "");
		pool_key_rele(key);
		lab_free(pool);
	}
}

static void test_not_repeatable(void)
{
	static const struct {
		const char *script;
		enum hufu_err err;
		uint64_t ran;            /* in all */
	} rows[] = {
		{"generate:lost", HUFU_ERR_LOST, 1},
		{"generate:corrupt", HUFU_ERR_CORRUPT, 1},
		{"generate:overlong", HUFU_ERR_CORRUPT, 1},
		{"generate:flip-pub", HUFU_ERR_CORRUPT, 1},
		/* Nothing was done: it may go elsewhere. */
		{"generate:gone", HUFU_OK, 1},
		{"generate:busy", HUFU_OK, 1},
		{"generate:unsupported", HUFU_OK, 1},
		{"lease:lost", HUFU_OK, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pool *pool = pair(rows[i].script, "");
		uint8_t d[32] = {0}, pub[HUFU_PUB_MAX] = {0}, none[HUFU_PUB_MAX] = {0};
		struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE,
		                                  .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
		                                  .new_type = HUFU_KEY_SM2_PRIVATE,
		                                  .out = d,
		                                  .out_cap = sizeof(d),
		                                  .pub = pub}};

		CU_ASSERT(pool_run(pool, &req) == rows[i].err);
		CU_ASSERT(lab_ops("a", HUFU_VERB_GENERATE) + lab_ops("b", HUFU_VERB_GENERATE) == rows[i].ran);
		if (rows[i].err != HUFU_OK)
			CU_ASSERT(req.op.out_len == 0 && req.op.pub_len == 0 && memcmp(d, none, 32) == 0 &&
			          memcmp(pub, none, sizeof(none)) == 0);
		lab_free(pool);
	}
}

/*
 * A pair that stays in its device is made once: where nobody knows whether it was made no other device is asked, though the op
 * may be repeated. Of a key whose copy is all there is, another is made.
 */
static void test_permanent(void)
{
	static const struct {
		const char *script;
		enum hufu_err err;
		uint64_t ran;
		bool pair;
	} rows[] = {
		{"generate:lost", HUFU_ERR_LOST, 1, true},   {"generate:corrupt", HUFU_ERR_CORRUPT, 1, true},
		{"generate:overlong", HUFU_ERR_CORRUPT, 1, true}, {"generate:delay=20s", HUFU_ERR_LOST, 0, true},
		{"generate:gone", HUFU_OK, 1, true},         {"generate:busy", HUFU_OK, 1, true},
		{"import:lost", HUFU_ERR_LOST, 1, true},     {"import:gone", HUFU_OK, 1, true},
		{"generate:lost", HUFU_OK, 2, false},        {"import:lost", HUFU_OK, 2, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct lab_device both[] = {{.name = "a", .script = rows[i].script, .permanent = true},
		                                  {.name = "b", .permanent = true, .weight = 1}, {0}};
		struct pool *pool = lab_pool(both);
		uint8_t out[256], pub[HUFU_PUB_MAX], in[32] = {1};
		bool import = strncmp(rows[i].script, "import", 6) == 0;
		struct pool_request req = {.op = {.verb = import ? HUFU_VERB_IMPORT : HUFU_VERB_GENERATE,
		                                  .mechanism = import ? 0 : rows[i].pair ? CKM_HUFU_SM2_KEY_PAIR_GEN : CKM_HUFU_SM4_KEY_GEN,
		                                  .new_type = rows[i].pair ? HUFU_KEY_SM2_PRIVATE : HUFU_KEY_SM4,
		                                  .in = import ? in : NULL,
		                                  .in_len = !import ? 0 : rows[i].pair ? 32 : 16,
		                                  .out = out,
		                                  .out_cap = sizeof(out),
		                                  .pub = pub,
		                                  .repeatable = true}};

		enum hufu_err err = pool_run(pool, &req);
		uint64_t ran = lab_ops("a", req.op.verb) + lab_ops("b", req.op.verb);
		if (err != rows[i].err || ran != rows[i].ran)
			printf("# %s: error %x, made %u times\n", rows[i].script, err, (unsigned)ran);
		CU_ASSERT(err == rows[i].err && ran == rows[i].ran);
		lab_script("a", "");
		lab_free(pool);
	}
}

static void test_attempts_cap(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "sign:lost", NULL, NULL, 0},
	                                                   {"b", "sign:corrupt", NULL, NULL, 0},
	                                                   {"c", "sign:lost", NULL, NULL, 0},
	                                                   {"d", "sign:lost", NULL, NULL, 0},
	                                                   {0}});
	struct pool_key *key = lab_private(pool);
	struct pool_request req = REQUEST();
	enum hufu_err err = lab_sign(pool, key, &req);

	CU_ASSERT(err == HUFU_ERR_LOST || err == HUFU_ERR_CORRUPT);
	CU_ASSERT(req.attempts == conf_pool_defaults().attempts);
	for (const char *name = "abcd"; *name; name++) {
		char device[] = {*name, 0};

		CU_ASSERT(lab_ops(device, HUFU_VERB_SIGN) <= 1); /* each elsewhere */
	}
	pool_key_rele(key);
	lab_free(pool);
}

/* GONE and BUSY are free: they reach the one device that works, however many do not. */
static void test_free_of_charge(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "run:gone", NULL, NULL, 0}, {"b", "run:busy", NULL, NULL, 0},
	                                                   {"c", "open:gone", NULL, NULL, 0}, {"d", "lease:gone", NULL, NULL, 0},
	                                                   {"e", "run:gone", NULL, NULL, 0}, {"f", "", NULL, NULL, 0}, {0}});
	uint64_t start = atomic_load(&lab_now_ns);

	for (int i = 0; i < 20; i++) {
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_random(pool, &req) == HUFU_OK);
	}
	CU_ASSERT(lab_ops("f", HUFU_VERB_RANDOM) == 20);
	CU_ASSERT(atomic_load(&lab_now_ns) == start); /* no call waited */
	lab_free(pool);
}

static void test_capability_is_corrected(void)
{
	struct pool *pool = pair("sign:unsupported", "");
	struct pool_key *key = lab_private(pool);

	CU_ASSERT(pool_can(pool, CKM_HUFU_SM2, HUFU_VERB_SIGN));
	for (uint32_t i = 0; i < 5; i++) {
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK && req.attempts == (i ? 1 : 2));
	}
	CU_ASSERT(lab_asked("a", HUFU_VERB_SIGN) == 1);
	/* Other verbs and mechanisms of the device stay. */
	struct pool_request req = REQUEST();
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "a") == 0);
	/* Nobody is left: that is the answer, also to the question. */
	lab_script("b", "sign:unsupported");
	req = REQUEST();
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_ERR_UNSUPPORTED);
	CU_ASSERT(!pool_can(pool, CKM_HUFU_SM2, HUFU_VERB_SIGN));
	CU_ASSERT(pool_can(pool, CKM_HUFU_SM2, HUFU_VERB_VERIFY));
	req = REQUEST();
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_ERR_UNSUPPORTED && req.attempts == 0);
	pool_key_rele(key);
	lab_free(pool);
}

static void test_denied_latches(void)
{
	struct pool *pool = pair("random:denied@1", "");

	for (int i = 0; i < 10; i++) {
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "b") == 0);
		atomic_fetch_add(&lab_now_ns, 100 * NS_PER_S);
	}
	CU_ASSERT(lab_asked("a", HUFU_VERB_RANDOM) == 1);
	CU_ASSERT(fault_counts("a").leases == 1 && fault_counts("a").releases == 1);
	lab_free(pool);
	/* With no other: a clean error, at once. */
	pool = single("random:denied");
	struct pool_request req = REQUEST();
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DENIED);
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_NO_DEVICE && req.attempts == 0);
	lab_free(pool);
}

static void test_expired_renews_lease(void)
{
	struct pool *pool = single("random:expired%2");
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && fault_counts("a").leases == 1);
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && req.attempts == 2);
	CU_ASSERT(fault_counts("a").leases == 2 && fault_counts("a").releases == 1);
	lab_script("a", "random:expired");
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_EXPIRED && req.attempts == 2);
	lab_free(pool);
}

/* -- outputs --------------------------------------------------------------- */

static bool all_are(const uint8_t *bytes, size_t len, uint8_t value)
{
	while (len && bytes[len - 1] == value)
		len--;
	return len == 0;
}

/* lost leaves half of an answer in the output: with several devices it never gets to the caller's memory. */
static void test_failed_output_is_unseen(void)
{
	struct pool *pool = pair("run:lost", "run:corrupt");
	struct pool_key *key = lab_sm4(pool, "soft");
	uint8_t in[4000] = {1}, out[4000], state[HUFU_STATE_MAX];
	struct hufu_param_gcm gcm = {.iv = in, .iv_len = 12, .tag_len = 16};

	memset(out, 0x33, sizeof(out));
	memset(state, 0x33, sizeof(state));
	struct pool_request req = {.key = key,
	                           .op = {.verb = HUFU_VERB_ENCRYPT,
	                                  .mechanism = CKM_HUFU_SM4_GCM,
	                                  .phase = HUFU_PHASE_FIRST,
	                                  .param = &gcm,
	                                  .in = in,
	                                  .in_len = sizeof(in),
	                                  .out = out,
	                                  .out_cap = sizeof(out),
	                                  .state_out = state,
	                                  .repeatable = true}};
	CU_ASSERT(hufu_err_group(pool_run(pool, &req)) >= HUFU_GROUP_LOST);
	CU_ASSERT(lab_ops("a", HUFU_VERB_ENCRYPT) == 1 && lab_ops("b", HUFU_VERB_ENCRYPT) == 1);
	CU_ASSERT(all_are(out, sizeof(out), 0x33) && all_are(state, sizeof(state), 0x33));
	CU_ASSERT(req.op.out == out && req.op.out_cap == sizeof(out) && req.op.state_out == state);
	CU_ASSERT(req.op.out_len == 0 && req.op.state_out_len == 0);
	/* The winner's is there whole. */
	lab_script("b", "");
	CU_ASSERT(pool_run(pool, &req) == HUFU_OK && req.op.out_len == sizeof(in) && req.op.state_out_len > 0);
	CU_ASSERT(!all_are(out + 3000, 1000, 0x33) && !all_are(state, req.op.state_out_len, 0x33));
	pool_key_rele(key);
	lab_free(pool);
}

/* One device writes straight to the caller: what it left behind is wiped. */
static void test_failed_output_is_wiped(void)
{
	struct pool *pool = single("run:lost");
	struct pool_key *key = lab_sm4(pool, "soft");
	uint8_t in[64] = {1}, out[100];

	memset(out, 0x33, sizeof(out));
	struct pool_request req = {.key = key,
	                           .op = {.verb = HUFU_VERB_ENCRYPT,
	                                  .mechanism = CKM_HUFU_SM4_ECB,
	                                  .in = in,
	                                  .in_len = sizeof(in),
	                                  .out = out,
	                                  .out_cap = sizeof(out)}};
	CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_LOST);
	CU_ASSERT(all_are(out, sizeof(out), 0) && req.op.out_len == 0);
	pool_key_rele(key);
	lab_free(pool);
}

static void test_overlap(void)
{
	struct pool *pool = single("");
	struct pool_key *key = lab_sm4(pool, "soft");
	uint8_t clear[3000], want[3000], work[3100];
	struct pool_request req = {.key = key,
	                           .op = {.verb = HUFU_VERB_ENCRYPT,
	                                  .mechanism = CKM_HUFU_SM4_ECB,
	                                  .in = clear,
	                                  .in_len = 2992,
	                                  .out = want,
	                                  .out_cap = sizeof(want),
	                                  .repeatable = true}};

	for (size_t i = 0; i < sizeof(clear); i++)
		clear[i] = (uint8_t)(i * 7);
	CU_ASSERT(pool_run(pool, &req) == HUFU_OK);
	for (size_t shift = 0; shift <= 64; shift += 16) {
		memcpy(work, clear, sizeof(clear));
		req.op.in = work;
		req.op.out = work + shift;
		req.op.out_cap = 2992;
		CU_ASSERT(pool_run(pool, &req) == HUFU_OK && req.op.out_len == 2992);
		CU_ASSERT(memcmp(work + shift, want, 2992) == 0);
	}
	/* The input of a call that failed is as it was. */
	lab_script("a", "run:lost");
	memcpy(work, clear, sizeof(clear));
	req.op.out = work;
	CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_LOST);
	CU_ASSERT(memcmp(work, clear, sizeof(clear)) == 0);
	pool_key_rele(key);
	lab_free(pool);
}

static void test_buffer_too_small(void)
{
	const char *const scripts[] = {"", NULL};

	for (size_t i = 0; i < 2; i++) {
		struct pool *pool = scripts[i] ? single(scripts[i]) : pair("", "");
		struct pool_key *key = lab_sm4(pool, "soft");
		uint8_t in[64] = {0}, out[64];
		struct pool_request req = {.key = key,
		                           .op = {.verb = HUFU_VERB_ENCRYPT,
		                                  .mechanism = CKM_HUFU_SM4_ECB,
		                                  .in = in,
		                                  .in_len = 64,
		                                  .out = out,
		                                  .out_cap = 63}};

		CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_BUFFER && req.op.out_len == 64 && req.attempts == 1);
		req.op.out = NULL;
		req.op.out_cap = 0;
		CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_BUFFER && req.op.out_len == 64);
		pool_key_rele(key);
		lab_free(pool);
	}
}

/* A driver says so much more than was asked: the space the pool lends it is no smaller than the caller's where it counts. */
static void test_large_space(void)
{
	struct pool *pool = pair("", "");
	static uint8_t out[300000];
	struct pool_request req = REQUEST(.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out));

	CU_ASSERT(pool_run(pool, &req) == HUFU_OK && req.op.out_len == sizeof(out));
	CU_ASSERT(!all_are(out + sizeof(out) - 1000, 1000, 0));
	lab_free(pool);
}

static void test_malformed(void)
{
	struct pool *pool = single("");
	uint8_t byte = 0;
	struct pool_request bad[] = {
		REQUEST(.verb = (enum hufu_verb)0),
		REQUEST(.verb = (enum hufu_verb)99),
		REQUEST(.verb = HUFU_VERB_RANDOM, .out_cap = 1),
		REQUEST(.verb = HUFU_VERB_IMPORT, .in_len = 1),
		REQUEST(.verb = HUFU_VERB_VERIFY, .in = &byte, .in2_len = 1),
		REQUEST(.verb = HUFU_VERB_SIGN, .state_in_len = 1),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(pool_run(pool, &bad[i]) == HUFU_ERR_ARGUMENT && bad[i].attempts == 0);
	lab_free(pool);
}

/* A verb without a mechanism has none, whatever was left in the request. */
static void test_stray_mechanism(void)
{
	struct pool *pool = single("");
	struct pool_request req = REQUEST(.mechanism = CKM_HUFU_SM4_ECB);

	CU_ASSERT(lab_random(pool, &req) == HUFU_OK);
	CU_ASSERT(pool_can(pool, CKM_HUFU_SM4_ECB, HUFU_VERB_RANDOM));
	lab_free(pool);
}

static void finished(struct pool_request *req, void *arg)
{
	CU_ASSERT(req->err == HUFU_OK);
	++*(int *)arg;
}

static void test_submit(void)
{
	struct pool *pool = single("");
	uint8_t out[16];
	int n = 0;
	struct pool_request req = REQUEST(.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out));

	req.done = finished;
	req.arg = &n;
	pool_submit(pool, &req);
	CU_ASSERT(n == 1);
	lab_free(pool);
}

/* -- time ------------------------------------------------------------------ */

static void test_deadline(void)
{
	struct pool *pool = single("random:busy");
	uint64_t start = atomic_load(&lab_now_ns);
	struct pool_request req = REQUEST();

	/* The token's deadline, 5 s, to the nanosecond; waits grow, so it is not many attempts. */
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DEADLINE);
	CU_ASSERT(atomic_load(&lab_now_ns) == start + 5 * NS_PER_S);
	CU_ASSERT(req.attempts > 10 && req.attempts < 120);
	CU_ASSERT(req.op.deadline_ns == 0); /* the request can be used again */
	/* The caller's own. */
	start = atomic_load(&lab_now_ns);
	req.op.deadline_ns = start + 20 * NS_PER_MS;
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DEADLINE);
	CU_ASSERT(atomic_load(&lab_now_ns) == start + 20 * NS_PER_MS);
	/* Past: nobody is asked. */
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DEADLINE && req.attempts == 0);
	lab_free(pool);
}

static void test_busy_passes(void)
{
	struct pool *pool = single("random:busy*3");
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && req.attempts == 4);
	CU_ASSERT(lab_state(pool, "a") == POOL_UP);
	lab_free(pool);
}

static void test_slow_device(void)
{
	struct pool *pool = pair("sign:delay=9s", "");
	struct pool_key *key = lab_private(pool);
	uint64_t start = atomic_load(&lab_now_ns);
	struct pool_request req = REQUEST(.deadline_ns = start + NS_PER_S);

	/* It gives up at the deadline; then there is no time for another. */
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_ERR_DEADLINE);
	CU_ASSERT(atomic_load(&lab_now_ns) == start + NS_PER_S);
	CU_ASSERT(lab_state(pool, "a") == POOL_SUSPECT);
	/* Slow, but in time: measured, and from then on the last choice. */
	lab_script("a", "random:delay=300ms");
	req = REQUEST();
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "a") == 0);
	req = REQUEST();
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "b") == 0);
	pool_key_rele(key);
	lab_free(pool);
}

static void test_all_down(void)
{
	struct pool *pool = pair("open:gone", "open:gone");
	uint64_t start = atomic_load(&lab_now_ns);
	struct pool_request req = REQUEST();

	CU_ASSERT(!pool_can(pool, CKM_HUFU_SM2, HUFU_VERB_SIGN));
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DEADLINE);
	CU_ASSERT(atomic_load(&lab_now_ns) == start + 5 * NS_PER_S);
	/* The first that returns serves a call that is waiting; nothing has to be started again. */
	start = atomic_load(&lab_now_ns);
	lab_script("b", "open:gone*5");
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "b") == 0);
	CU_ASSERT(atomic_load(&lab_now_ns) - start < 1500 * NS_PER_MS);
	/* A question alone brings a device back as well, once its backoff is over. */
	lab_script("a", "");
	atomic_fetch_add(&lab_now_ns, 20 * NS_PER_S);
	CU_ASSERT(pool_can(pool, CKM_HUFU_SM2, HUFU_VERB_SIGN) && lab_state(pool, "a") != POOL_EJECTED);
	lab_free(pool);
}

static void test_ejected_comes_back(void)
{
	struct pool *pool = pair("random:gone@1", "");
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "b") == 0 && lab_state(pool, "a") == POOL_EJECTED);
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && lab_asked("a", HUFU_VERB_RANDOM) == 1); /* left alone */
	lab_script("a", "open:gone*2");
	for (int i = 0; i < 2; i++) { /* it is asked in vain twice, by being opened anew: its connection was dead */
		atomic_fetch_add(&lab_now_ns, 20 * NS_PER_S);
		CU_ASSERT(lab_random(pool, &req) == HUFU_OK && lab_state(pool, "a") == POOL_EJECTED);
	}
	atomic_fetch_add(&lab_now_ns, 20 * NS_PER_S);
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && lab_state(pool, "a") == POOL_SLOW_START);
	atomic_fetch_add(&lab_now_ns, 20 * NS_PER_S);
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "a") == 0 && lab_state(pool, "a") == POOL_UP);
	CU_ASSERT(fault_counts("a").leases == 2 && fault_counts("a").releases == 1); /* the lease of before was not used again */
	lab_free(pool);
}

static unsigned served_by_a(struct pool *pool, unsigned n)
{
	uint64_t before = lab_ops("a", HUFU_VERB_RANDOM);

	for (unsigned i = 0; i < n; i++) {
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_random(pool, &req) == HUFU_OK);
	}
	return (unsigned)(lab_ops("a", HUFU_VERB_RANDOM) - before);
}

/* a would serve all: its weight is a thousand times b's. */
static void test_slow_start_is_a_ramp(void)
{
	struct pool *pool = pair("random:gone@1", "");
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && lab_state(pool, "a") == POOL_EJECTED);
	atomic_fetch_add(&lab_now_ns, 20 * NS_PER_S);
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && lab_state(pool, "a") == POOL_SLOW_START);
	unsigned tenth = served_by_a(pool, 1000);
	CU_ASSERT(tenth > 50 && tenth < 200);
	atomic_fetch_add(&lab_now_ns, 5 * NS_PER_S);
	unsigned half = served_by_a(pool, 1000);
	CU_ASSERT(half > 450 && half < 650);
	atomic_fetch_add(&lab_now_ns, 20 * NS_PER_S);
	CU_ASSERT_EQUAL(served_by_a(pool, 1000), 1000);
	lab_free(pool);
}

/* -- what a call is given -------------------------------------------------- */

static void test_op_id_and_attempts(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){
		{"a", "run:lost", NULL, "spy", 1000}, {"b", "run:busy", NULL, "spy", 30}, {"c", "", NULL, "spy", 1}, {0}});
	uint8_t out[16], none[16] = {0}, first[16], given[16] = {9, 8, 7};
	struct pool_request req = REQUEST(.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN, .new_type = HUFU_KEY_SM4,
	                                  .out = out, .out_cap = 16);

	lab_spied = (struct spied){0};
	CU_ASSERT(pool_run(pool, &req) == HUFU_OK && lab_spied.n == req.attempts);
	CU_ASSERT(lab_spied.same_id && memcmp(lab_spied.op_id, none, 16) != 0);
	CU_ASSERT(lab_spied.deadline_ns == atomic_load(&lab_now_ns) + 60 * NS_PER_S);
	for (uint32_t i = 0; i < lab_spied.n; i++)
		CU_ASSERT(lab_spied.attempts[i] == i + 1);
	memcpy(first, lab_spied.op_id, 16);
	req = REQUEST(.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN, .new_type = HUFU_KEY_SM4, .out = out,
	              .out_cap = 16);
	lab_spied = (struct spied){0};
	CU_ASSERT(pool_run(pool, &req) == HUFU_OK && memcmp(lab_spied.op_id, first, 16) != 0);
	memcpy(req.op.op_id, given, 16);
	lab_spied = (struct spied){0};
	CU_ASSERT(pool_run(pool, &req) == HUFU_OK && memcmp(lab_spied.op_id, given, 16) == 0);
	lab_free(pool);
}

static void test_domains(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "", "north", NULL, 1000}, {"b", "", "south", NULL, 1}, {0}});
	struct pool_key *north = lab_sm4(pool, "north"), *both = lab_sm4(pool, "south north"), *neither = lab_sm4(pool, "west");
	struct pool_key *public = lab_public(pool);
	struct pool_request req = REQUEST();
	const struct pool_copy *copies;
	uint8_t out[16];

	CU_ASSERT(lab_encrypt(pool, north, &req) == HUFU_OK && strcmp(req.served_domain, "north") == 0);
	lab_script("a", "run:gone");
	CU_ASSERT(lab_encrypt(pool, both, &req) == HUFU_OK && strcmp(req.served_domain, "south") == 0);
	CU_ASSERT(lab_encrypt(pool, north, &req) == HUFU_ERR_DEADLINE); /* its only device is gone */
	lab_script("a", "");
	CU_ASSERT(lab_encrypt(pool, neither, &req) == HUFU_ERR_NO_KEY && req.attempts == 0);
	CU_ASSERT(pool_key_copies(both, &copies) == 2 && strcmp(copies[0].domain, "south") == 0 && copies[1].len == 16);
	CU_ASSERT(pool_key_type(public) == HUFU_KEY_SM2_PUBLIC && pool_key_copies(public, &copies) == 1 && !copies[0].domain);
	/* Where a new key is to live. */
	struct pool_request generate = REQUEST(.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN,
	                                       .new_type = HUFU_KEY_SM4, .out = out, .out_cap = 16);
	generate.domain = "south";
	CU_ASSERT(pool_run(pool, &generate) == HUFU_OK && strcmp(generate.served_by, "b") == 0);
	generate.domain = "west";
	CU_ASSERT(pool_run(pool, &generate) == HUFU_ERR_NO_DEVICE);
	pool_key_rele(north);
	pool_key_rele(both);
	pool_key_rele(neither);
	pool_key_rele(public);
	lab_free(pool);
}

static void test_point(void)
{
	struct pool *pool = single("");
	uint8_t d[32] = {1}, point[64] = {1};
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "soft", .data = d, .len = 32};
	struct pool_key *key, *sm4 = lab_sm4(pool, "soft");
	struct pool_request req = REQUEST();

	CU_ASSERT_FATAL(pool_key_new(pool, d, 1, HUFU_KEY_SM2_PRIVATE, &copy, 1, &key) == HUFU_OK);
	CU_ASSERT(pool_key_set_point(key, point) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(pool_key_set_point(sm4, point) == HUFU_ERR_KEY_VALUE);
	/* A device that may lie does not sign where nobody can check it. */
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_ERR_UNSUPPORTED && req.attempts == 0);
	CU_ASSERT(lab_asked("a", HUFU_VERB_SIGN) == 0);
	pool_key_rele(key);
	pool_key_rele(sm4);
	lab_free(pool);
	/* Software does. */
	pool = lab_pool((struct lab_device[]){{"s", NULL, NULL, "soft", 0}, {0}});
	CU_ASSERT_FATAL(pool_key_new(pool, d, 1, HUFU_KEY_SM2_PRIVATE, &copy, 1, &key) == HUFU_OK);
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_ERR_CORRUPT && req.err == HUFU_OK); /* by another key than lab_sign's */
	pool_key_rele(key);
	lab_free(pool);
}

/* A lie of the only device is an error, not a signature. */
static void test_lies_are_caught(void)
{
	static const char *const scripts[] = {"sign:flip-out", "sign:wrong", "sign:overlong"};

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct pool *pool = single(scripts[i]);
		struct pool_key *key = lab_private(pool);
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_sign(pool, key, &req) == HUFU_ERR_CORRUPT && req.err == HUFU_ERR_CORRUPT && req.attempts == 1);
		pool_key_rele(key);
		lab_free(pool);
	}
}

/* -- devices --------------------------------------------------------------- */

static void test_opens_lazily(void)
{
	struct pool *pool = pair("", "");
	struct pool_device_status status[2];
	struct pool_request req = REQUEST();

	CU_ASSERT(!pool_is_software(pool));
	CU_ASSERT(fault_counts("a").opens == 0 && fault_counts("b").opens == 0);
	CU_ASSERT(pool_status(pool, status, 1) == 2 && status[0].state == POOL_JOINING && status[0].info.ncaps == 0);
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK);
	CU_ASSERT(fault_counts("a").opens == 1 && fault_counts("b").opens == 0);
	CU_ASSERT(pool_can(pool, 0, HUFU_VERB_RANDOM));
	CU_ASSERT(!pool_can(pool, UINT64_MAX, HUFU_VERB_ENCRYPT)); /* asks all */
	CU_ASSERT(fault_counts("b").opens == 1);
	CU_ASSERT(pool_status(pool, status, 2) == 2 && strcmp(status[0].name, "a") == 0 && strcmp(status[0].driver, "sound") == 0);
	CU_ASSERT(status[0].ops == 1 && status[0].errors == 0 && status[0].in_flight == 0 && status[0].info.ncaps > 0);
	CU_ASSERT(strcmp(pool_state_name(status[0].state), "up") == 0);
	lab_free(pool);
}

static void test_unfit_drivers(void)
{
	static const char *const drivers[] = {"slow", "affine", "nothing", "/nowhere/driver.so"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		struct pool *pool = lab_pool((struct lab_device[]){{"a", "", NULL, drivers[i], 0}, {0}});
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_CONFIG);
		/* Reported once. The first two would run on threads of ours. */
		CU_ASSERT(lab_random(pool, &req) == (i < 2 ? HUFU_ERR_NEED_THREADS : HUFU_ERR_NO_DEVICE));
		CU_ASSERT(lab_state(pool, "a") == POOL_QUARANTINED && !pool_is_software(pool) &&
		          !pool_can(pool, 0, HUFU_VERB_RANDOM));
		lab_free(pool);
	}
	/* The other device of the token serves. */
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "", NULL, "slow", 1000}, {"b", "", NULL, NULL, 1}, {0}});
	struct pool_request req = REQUEST();
	CU_ASSERT(lab_random(pool, &req) == HUFU_OK && strcmp(req.served_by, "b") == 0);
	lab_free(pool);
}

static void test_no_devices(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){{0}});
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_NO_DEVICE);
	CU_ASSERT(!pool_can(pool, 0, HUFU_VERB_RANDOM) && pool_status(pool, NULL, 0) == 0);
	lab_free(pool);
}

static void test_one_lease_serves_many(void)
{
	struct pool *pool = single("");

	for (int i = 0; i < 100; i++) {
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_random(pool, &req) == HUFU_OK);
	}
	CU_ASSERT(fault_counts("a").leases == 1);
	lab_free(pool);
}

static void test_load_is_shared(void)
{
	struct pool *pool = lab_pool(
		(struct lab_device[]){{"a", "", NULL, NULL, 0}, {"b", "", NULL, NULL, 0}, {"c", "", NULL, NULL, 0}, {0}});

	for (int i = 0; i < 300; i++) {
		struct pool_request req = REQUEST();

		CU_ASSERT(lab_random(pool, &req) == HUFU_OK);
	}
	/* Equal loads: the first drawn wins. No device stays out. */
	for (const char *name = "abc"; *name; name++) {
		char device[] = {*name, 0};

		CU_ASSERT(lab_ops(device, HUFU_VERB_RANDOM) > 30);
	}
	lab_free(pool);
}

/* -- keys ------------------------------------------------------------------ */

static void test_eviction(void)
{
	struct pool *pool = pair("sign:lost%2", "");
	size_t before = secret_in_use();

	for (int i = 0; i < 5; i++) {
		struct pool_key *key = lab_private(pool), *again = pool_key_hold(key);
		struct pool_request req = REQUEST();

		atomic_fetch_add(&lab_now_ns, NS_PER_S); /* for the budget of retries */
		for (int j = 0; j < 4; j++)
			CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK);
		pool_key_rele(key);
		CU_ASSERT(lab_sign(pool, again, &req) == HUFU_OK);
		pool_key_rele(again);
		CU_ASSERT(secret_in_use() == before);
	}
	CU_ASSERT(lab_ops("a", HUFU_VERB_EVICT) == 5 && lab_ops("b", HUFU_VERB_EVICT) == 5);
	/* A key that nobody used is not evicted. */
	pool_key_rele(lab_private(pool));
	CU_ASSERT(lab_ops("a", HUFU_VERB_EVICT) == 5);
	pool_key_rele(NULL);
	lab_free(pool);
}

static void test_eviction_waits(void)
{
	struct pool *pool = single("");
	struct pool_key *key = lab_private(pool);
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK);
	/* The device falls, its leases with it, and gives no other. */
	lab_script("a", "random:gone; lease:gone*4");
	req = REQUEST(.deadline_ns = atomic_load(&lab_now_ns) + NS_PER_MS);
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DEADLINE);
	pool_key_rele(key);
	CU_ASSERT(lab_ops("a", HUFU_VERB_EVICT) == 0);
	lab_script("a", "");
	lab_free(pool); /* by now */
	CU_ASSERT(lab_ops("a", HUFU_VERB_EVICT) == 1);
}

static unsigned forgotten;

/* What the fault driver keeps in a key is soft's. */
static void forget_as_soft(struct hufu_key *key)
{
	static const struct hufu_conf conf = {.size = sizeof(conf), .name = "soft"};
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_EVICT, .key = key}, *ops = &op;
	struct hufu_device *device;
	struct hufu_lease *lease;

	forgotten++;
	CU_ASSERT_FATAL(driver_soft.open(driver_host(), &conf, 0, &device) == HUFU_OK);
	CU_ASSERT_FATAL(driver_soft.lease(device, 0, &lease) == HUFU_OK);
	driver_soft.run(lease, &ops, 1);
	driver_soft.release(lease);
	driver_soft.close(device, 0);
}

/* driver.h, forget: lab_free finds nothing left in secret memory. */
static void test_eviction_never(void)
{
	static struct hufu_driver forgetful;

	forgetful = driver_fault;
	forgetful.name = "forgetful";
	forgetful.forget = forget_as_soft;
	CU_ASSERT_FATAL(driver_register(&forgetful) == HUFU_OK);
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "", NULL, "forgetful", 0}, {0}});
	struct pool_key *key = lab_private(pool), *unused = lab_private(pool);
	struct pool_request req = REQUEST();

	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK);
	lab_script("a", "random:gone; lease:gone; open:gone");
	req = REQUEST(.deadline_ns = atomic_load(&lab_now_ns) + NS_PER_MS);
	CU_ASSERT(lab_random(pool, &req) == HUFU_ERR_DEADLINE);
	pool_key_rele(key);
	pool_key_rele(unused);
	CU_ASSERT_EQUAL(forgotten, 0);
	lab_free(pool);
	CU_ASSERT_EQUAL(forgotten, 1);
}

/* The subject under SM2. */
static enum hufu_err wrap(struct pool *pool, struct pool_key *subject, struct pool_request *req)
{
	struct pool_key *public = lab_public(pool);
	uint8_t out[16 + 97];

	*req = REQUEST(.verb = HUFU_VERB_WRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .out = out, .out_cap = sizeof(out));
	req->key = public;
	req->subject = subject;
	enum hufu_err err = pool_run(pool, req);
	pool_key_rele(public);
	return err;
}

static struct pool_key *private_in(struct pool *pool, const char *domain)
{
	static const uint8_t uuid[16] = {9}, d[32] = {[31] = 7};
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = domain, .data = d, .len = sizeof(d)};
	struct pool_key *key;

	CU_ASSERT_FATAL(pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PRIVATE, &copy, 1, &key) == HUFU_OK);
	return key;
}

/* An op of two keys runs where both are, or nowhere. */
static void test_two_keys(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){
		{"a", "", "north", NULL, 1000}, {"b", "", "south", NULL, 1}, {0}});
	struct pool_key *south = lab_sm4(pool, "south"), *west = lab_sm4(pool, "west");
	struct pool_key *one = private_in(pool, "north"), *other = private_in(pool, "south");
	struct hufu_param_sm2_agree param = {.key_len = 16};
	struct pool_request req;
	uint8_t out[80];

	for (int i = 0; i < 8; i++)
		CU_ASSERT(wrap(pool, south, &req) == HUFU_OK && strcmp(req.served_domain, "south") == 0 && req.attempts == 1);
	CU_ASSERT(wrap(pool, west, &req) == HUFU_ERR_NO_KEY && req.attempts == 0);
	req = REQUEST(.verb = HUFU_VERB_DERIVE, .mechanism = CKM_HUFU_SM2_KEY_AGREEMENT, .param = &param, .out = out,
	              .out_cap = sizeof(out));
	req.key = one;
	req.subject = other;
	CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_NO_KEY && req.attempts == 0);
	lab_script("b", "wrap:no-key");
	CU_ASSERT(wrap(pool, south, &req) == HUFU_ERR_NO_KEY && req.attempts == 1);
	CU_ASSERT_EQUAL(lab_asked("a", HUFU_VERB_WRAP) + lab_asked("a", HUFU_VERB_DERIVE), 0);
	pool_key_rele(south);
	pool_key_rele(west);
	pool_key_rele(one);
	pool_key_rele(other);
	lab_free(pool);
}

static void test_domain_list(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){
		{"a", "", "cards", NULL, 0}, {"b", "open:gone", "cards", NULL, 0}, {"c", "", "mixed", NULL, 0}, {"d", "", "mixed", "soft", 0},
		{"e", "open:gone", "away", NULL, 0}, {"f", "", "soft", "soft", 0}, {0}});
	struct pool_domain d[6];

	CU_ASSERT_EQUAL_FATAL(pool_domains(pool, d, 6), 4);
	CU_ASSERT(strcmp(d[0].name, "cards") == 0 && d[0].up && !d[0].software && !d[0].exposed);
	CU_ASSERT(strcmp(d[1].name, "mixed") == 0 && d[1].up && !d[1].software && d[1].exposed);
	CU_ASSERT(strcmp(d[2].name, "away") == 0 && !d[2].up && !d[2].software && !d[2].exposed);
	CU_ASSERT(strcmp(d[3].name, "soft") == 0 && d[3].up && d[3].software && d[3].exposed);
	CU_ASSERT_EQUAL(pool_domains(pool, d, 1), 4);
	CU_ASSERT_EQUAL(pool_domains(pool, NULL, 0), 4);
	lab_free(pool);
}

static const struct unit_case cases[] = {
	{"a domain is up if one of its devices is, and exposed if one is software", test_domain_list},
	{"each error group leads where the table says", test_groups},
	{"what may not be repeated is done once, whatever happens", test_not_repeatable},
	{"what stays in a device is made once", test_permanent},
	{"three attempts are made, each elsewhere", test_attempts_cap},
	{"refusals and dead devices cost no attempt", test_free_of_charge},
	{"unsupported corrects what a device is believed to do", test_capability_is_corrected},
	{"a device that refuses our credential is never asked again", test_denied_latches},
	{"a right that ran out is renewed once", test_expired_renews_lease},
	{"output of a failed attempt never reaches the caller", test_failed_output_is_unseen},
	{"output of the only device's failure is wiped", test_failed_output_is_wiped},
	{"input and output may overlap", test_overlap},
	{"too small a buffer says how large it should be", test_buffer_too_small},
	{"large outputs pass through", test_large_space},
	{"malformed requests reach no device", test_malformed},
	{"random numbers need no mechanism and mind none", test_stray_mechanism},
	{"submit calls back exactly once", test_submit},
	{"a call ends at its deadline", test_deadline},
	{"busy passes within the deadline", test_busy_passes},
	{"a slow device is left at the deadline, and avoided", test_slow_device},
	{"all down is a clean error, and the first to return serves", test_all_down},
	{"an ejected device is probed, and comes back slowly", test_ejected_comes_back},
	{"a slow start is a tenth, then half, then all", test_slow_start_is_a_ramp},
	{"attempts share an op id", test_op_id_and_attempts},
	{"a key goes where it has a copy, a new one where it is wanted", test_domains},
	{"an op of two keys goes where both are, or nowhere", test_two_keys},
	{"nobody signs unchecked but software", test_point},
	{"a device's lies are caught", test_lies_are_caught},
	{"devices are opened when they are needed", test_opens_lazily},
	{"drivers that cannot run in the caller's thread are refused", test_unfit_drivers},
	{"a token without devices has clean errors", test_no_devices},
	{"a lease is used again", test_one_lease_serves_many},
	{"load is shared", test_load_is_shared},
	{"the last reference evicts the key where it was loaded", test_eviction},
	{"a device that gives no lease is evicted from later", test_eviction_waits},
	{"what a device that stays gone had loaded is forgotten at the pool's end", test_eviction_never},
	{0},
};

int main(void)
{
	lab_start();
	return unit_main("pool", cases);
}
