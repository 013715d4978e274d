/* SPDX-License-Identifier: Apache-2.0 */
/* The suite: what concerns every verb, and the list of cases. */
#include "driver_suite.h"

#include <pthread.h>

#include "base/secret.h"

#define CANARY 0x5c

const struct subject *subject;

void fill_pattern(uint8_t *out, size_t len, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;

	while (len--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		*out++ = (uint8_t)(x >> 40);
	}
}

struct kit_key *key_of_hex(enum hufu_key_type type, const char *hex)
{
	uint8_t clear[128];
	size_t len = unit_hex(hex, clear);

	return subject->key_new(type, clear, len);
}

static bool untouched(const uint8_t *bytes, size_t len)
{
	while (len && bytes[len - 1] == CANARY)
		len--;
	return len == 0;
}

static void run_short(const struct hufu_op *given, struct kit_key *key, size_t needed)
{
	struct hufu_op op = *given;
	uint8_t out[sizeof(((struct output *)0)->bytes)], pub[HUFU_PUB_MAX];

	memset(out, CANARY, sizeof(out));
	op.out = out;
	op.out_cap = needed - 1;
	op.pub = pub;
	CU_ASSERT(subject->run(&op, key) == HUFU_ERR_BUFFER);
	CU_ASSERT(op.out_len == needed);
	CU_ASSERT(untouched(out + needed - 1, sizeof(out) - needed + 1));
}

enum hufu_err run_checked(struct hufu_op *op, struct kit_key *key, struct output *out)
{
	memset(out->bytes, CANARY, sizeof(out->bytes));
	op->out = out->bytes;
	op->out_cap = sizeof(out->bytes) / 2;
	op->pub = out->pub;
	enum hufu_err err = subject->run(op, key);
	CU_ASSERT(untouched(out->bytes + op->out_cap, sizeof(out->bytes) - op->out_cap));
	if (err != HUFU_OK)
		CU_ASSERT(op->out_len == 0 && op->pub_len == 0 && op->state_out_len == 0);
	if (err == HUFU_OK && op->out_len && op->verb != HUFU_VERB_RANDOM)
		run_short(op, key, op->out_len);
	return err;
}

enum hufu_err run_parts(struct hufu_op *op, struct kit_key *key, struct output *out, size_t a, size_t b)
{
	static const enum hufu_phase phases[] = {HUFU_PHASE_FIRST, HUFU_PHASE_NEXT, HUFU_PHASE_LAST};
	const size_t cuts[] = {0, a, b, op->in_len};
	uint8_t states[2][HUFU_STATE_MAX];
	struct hufu_op part = *op;
	size_t done = 0;

	for (size_t i = 0; i < 3; i++) {
		part.phase = phases[i];
		part.in = op->in + cuts[i];
		part.in_len = cuts[i + 1] - cuts[i];
		part.param = i ? NULL : op->param;
		part.state_in = i ? states[(i - 1) % 2] : NULL;
		part.state_in_len = i ? part.state_out_len : 0;
		part.state_out = i < 2 ? states[i % 2] : NULL;
		part.out = out->bytes + done;
		part.out_cap = sizeof(out->bytes) - done;
		enum hufu_err err = subject->run(&part, key);
		if (err != HUFU_OK)
			return err;
		done += part.out_len;
	}
	op->out_len = done;
	return HUFU_OK;
}

/* -- what it says of itself ------------------------------------------------ */

/* What the suite tries: a driver that can more needs more tests. */
static const struct tried sm_tried[] = {
	{0, VERB(RANDOM) | VERB(IMPORT) | VERB(EXPORT) | VERB(EVICT)},
	{CKM_HUFU_SM2_KEY_PAIR_GEN, VERB(GENERATE)}, {CKM_HUFU_SM3_KEY_GEN, VERB(GENERATE)},
	{CKM_HUFU_SM4_KEY_GEN, VERB(GENERATE)}, {CKM_HUFU_ZUC_KEY_GEN, VERB(GENERATE)},
	{CKM_HUFU_SM2, VERB(SIGN) | VERB(VERIFY)}, {CKM_HUFU_SM2_C1C3C2, VERB(ENCRYPT) | VERB(DECRYPT) | VERB(WRAP) | VERB(UNWRAP)},
	{CKM_HUFU_ZUC_EIA3, VERB(SIGN) | VERB(VERIFY)},
	{CKM_HUFU_SM4_ECB, VERB(ENCRYPT) | VERB(DECRYPT)}, {CKM_HUFU_SM4_CBC, VERB(ENCRYPT) | VERB(DECRYPT)},
	{CKM_HUFU_SM4_CTR, VERB(ENCRYPT) | VERB(DECRYPT)}, {CKM_HUFU_SM4_CFB128, VERB(ENCRYPT) | VERB(DECRYPT)},
	{CKM_HUFU_SM4_OFB, VERB(ENCRYPT) | VERB(DECRYPT)}, {CKM_HUFU_SM4_GCM, VERB(ENCRYPT) | VERB(DECRYPT)},
	{CKM_HUFU_ZUC_EEA3, VERB(ENCRYPT) | VERB(DECRYPT)},
	{0, 0},
};

/* A table a family: everything a device offers, and nothing else, stands in one of them. */
static const struct tried *const families[] = {
	sm_tried, suite_sm4_tried, suite_agree_tried, suite_hmac_tried,
	suite_aes_tried,
	suite_rsa_tried,
	suite_ec_tried,
};

/* Of all families: 0 is the number of making RSA keys, too. */
static uint32_t verbs_tried(uint64_t mechanism)
{
	uint32_t verbs = 0;

	for (size_t f = 0; f < ARRAY_LEN(families); f++)
		for (const struct tried *t = families[f]; t->verbs; t++)
			if (t->mechanism == mechanism)
				verbs |= t->verbs;
	return verbs;
}

static uint32_t verbs_offered(const struct hufu_device_info *info, uint64_t mechanism)
{
	uint32_t verbs = 0;

	for (size_t i = 0; i < info->ncaps; i++)
		if (info->caps[i].mechanism == mechanism)
			verbs |= info->caps[i].verbs;
	return verbs;
}

static void suite_info(void)
{
	struct hufu_device_info info = {.size = sizeof(info)};

	if (!subject->driver)
		UNIT_SKIP("a pool has no info of its own");
	CU_ASSERT_FATAL(subject->driver->info(subject->device(), &info) == HUFU_OK);
	CU_ASSERT(memchr(info.vendor, 0, sizeof(info.vendor)) && memchr(info.model, 0, sizeof(info.model)));
	CU_ASSERT(memchr(info.serial, 0, sizeof(info.serial)) && memchr(info.firmware, 0, sizeof(info.firmware)));
	CU_ASSERT(subject->driver->probe(subject->device(), 0) == HUFU_OK);
	for (size_t i = 0; i < info.ncaps; i++) {
		CU_ASSERT(info.caps[i].verbs != 0 && info.caps[i].min_nbits <= info.caps[i].max_nbits);
		CU_ASSERT((info.caps[i].verbs & ~verbs_tried(info.caps[i].mechanism)) == 0);
	}
	for (size_t f = 0; f < ARRAY_LEN(families); f++)
		for (const struct tried *t = families[f]; t->verbs; t++)
			CU_ASSERT(verbs_offered(&info, t->mechanism) == verbs_tried(t->mechanism));
	info = (struct hufu_device_info){.size = 8};
	CU_ASSERT(subject->driver->info(subject->device(), &info) != HUFU_OK);
}

/* -- what it cannot do ----------------------------------------------------- */

static bool has_no_mechanism(unsigned verb)
{
	return verb == HUFU_VERB_RANDOM || verb == HUFU_VERB_IMPORT || verb == HUFU_VERB_EXPORT || verb == HUFU_VERB_EVICT ||
	       verb == HUFU_VERB_FIND || verb == HUFU_VERB_LOGIN || verb == HUFU_VERB_LOGOUT;
}

void suite_unknown(void)
{
	static const uint64_t mechanisms[] = {CKM_DSA, CKM_HUFU_SM3, HUFU_VENDOR, HUFU_VENDOR + 0x3f, HUFU_VENDOR + 0x40,
	                                      UINT64_MAX - 1, UINT64_MAX};
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, "00112233445566778899aabbccddeeff");
	uint8_t in[16] = {0};
	struct output out;

	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = mechanisms[i], .in = in, .in_len = 16};

		CU_ASSERT(run_checked(&op, key, &out) == HUFU_ERR_UNSUPPORTED);
	}
	for (unsigned verb = 0; verb < 300; verb++) {
		struct hufu_op op = {.verb = (enum hufu_verb)verb, .mechanism = CKM_HUFU_SM4_ECB, .in = in, .in_len = 16};

		if (verb == HUFU_VERB_ENCRYPT || verb == HUFU_VERB_DECRYPT || has_no_mechanism(verb))
			continue;
		enum hufu_err err = run_checked(&op, key, &out);
		CU_ASSERT(err == HUFU_ERR_UNSUPPORTED || err == HUFU_ERR_ARGUMENT);
	}
	subject->key_free(key);
}

static void suite_wrong_key(void)
{
	static const struct {
		enum hufu_verb verb;
		uint64_t mechanism;
	} ops[] = {
		{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB},    {HUFU_VERB_SIGN, CKM_HUFU_SM3_HMAC},
		{HUFU_VERB_ENCRYPT, CKM_HUFU_SM2_C1C3C2}, {HUFU_VERB_VERIFY, CKM_HUFU_SM2},
		{HUFU_VERB_DECRYPT, CKM_HUFU_SM2_C1C3C2},
	};
	struct kit_key *key = key_of_hex(HUFU_KEY_ZUC, "00112233445566778899aabbccddeeff");
	struct kit_key *bad = key_of_hex(HUFU_KEY_SM4, "0011");
	uint8_t in[32] = {0};
	struct output out;

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		struct hufu_op op = {.verb = ops[i].verb, .mechanism = ops[i].mechanism, .in = in, .in_len = 32};

		CU_ASSERT(run_checked(&op, key, &out) == HUFU_ERR_KEY_TYPE);
		CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_ERR_ARGUMENT);
	}
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = in, .in_len = 32};
	CU_ASSERT(run_checked(&op, bad, &out) == HUFU_ERR_KEY_SIZE);
	subject->key_free(key);
	subject->key_free(bad);
}

void suite_phases(void)
{
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, "00112233445566778899aabbccddeeff");
	uint8_t in[16] = {0}, state[HUFU_STATE_MAX];
	struct output out;

	for (int phase = HUFU_PHASE_FIRST; phase <= HUFU_PHASE_LAST + 5; phase++) {
		struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT,
		                     .mechanism = CKM_HUFU_SM4_ECB,
		                     .phase = (enum hufu_phase)phase,
		                     .in = in,
		                     .in_len = 16,
		                     .state_out = state};

		CU_ASSERT(run_checked(&op, key, &out) != HUFU_OK);
	}
	subject->key_free(key);
}

/* -- random numbers, keys -------------------------------------------------- */

void suite_random(void)
{
	uint8_t a[1000], b[1000];
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = a, .out_cap = sizeof(a)};
	unsigned ones = 0;

	CU_ASSERT(subject->run(&op, NULL) == HUFU_OK && op.out_len == sizeof(a));
	op = (struct hufu_op){.verb = HUFU_VERB_RANDOM, .out = b, .out_cap = sizeof(b)};
	CU_ASSERT(subject->run(&op, NULL) == HUFU_OK && op.out_len == sizeof(b));
	CU_ASSERT(memcmp(a, b, sizeof(a)) != 0);
	for (size_t i = 0; i < sizeof(a); i++)
		ones += (unsigned)__builtin_popcount(a[i]);
	CU_ASSERT(ones > 3600 && ones < 4400); /* eight standard deviations */
	op = (struct hufu_op){.verb = HUFU_VERB_RANDOM};
	CU_ASSERT(subject->run(&op, NULL) == HUFU_OK && op.out_len == 0);
}

static void generate(uint64_t mechanism, enum hufu_key_type type, size_t new_len, size_t len)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = mechanism, .new_type = type, .new_len = new_len};
	struct output a, b;

	CU_ASSERT(run_checked(&op, NULL, &a) == HUFU_OK && op.out_len == len && op.pub_len == 0);
	CU_ASSERT(run_checked(&op, NULL, &b) == HUFU_OK && op.out_len == len);
	CU_ASSERT(len < 8 || memcmp(a.bytes, b.bytes, len) != 0);
}

static enum hufu_err generate_refused(uint64_t mechanism, enum hufu_key_type type, size_t new_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = mechanism, .new_type = type, .new_len = new_len};
	struct output out;

	return run_checked(&op, NULL, &out);
}

static void suite_generate(void)
{
	generate(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, 0, 16);
	generate(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, 16, 16);
	generate(CKM_HUFU_ZUC_KEY_GEN, HUFU_KEY_ZUC, 0, 16);
	generate(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, 1, 1);
	generate(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, 32, 32);
	generate(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, 4096, 4096);
	CU_ASSERT(generate_refused(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_SM4, 17) == HUFU_ERR_KEY_SIZE);
	CU_ASSERT(generate_refused(CKM_HUFU_SM4_KEY_GEN, HUFU_KEY_ZUC, 16) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(generate_refused(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, 0) == HUFU_ERR_KEY_SIZE);
	CU_ASSERT(generate_refused(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, 4097) == HUFU_ERR_KEY_SIZE);
	CU_ASSERT(generate_refused(CKM_HUFU_SM3_KEY_GEN, HUFU_KEY_SECRET, SIZE_MAX) == HUFU_ERR_KEY_SIZE);
}

static void suite_import_export(void)
{
	static const struct {
		enum hufu_key_type type;
		size_t len;
		enum hufu_err err;
	} imports[] = {
		{HUFU_KEY_SM4, 16, HUFU_OK},
		{HUFU_KEY_SM4, 15, HUFU_ERR_KEY_SIZE},
		{HUFU_KEY_SM4, 17, HUFU_ERR_KEY_SIZE},
		{HUFU_KEY_ZUC, 16, HUFU_OK},
		{HUFU_KEY_ZUC, 0, HUFU_ERR_ARGUMENT},
		{HUFU_KEY_SECRET, 1, HUFU_OK},
		{HUFU_KEY_SECRET, 4096, HUFU_OK},
		{HUFU_KEY_SECRET, 4097, HUFU_ERR_KEY_SIZE},
		{(enum hufu_key_type)77, 16, HUFU_ERR_KEY_TYPE},
	};
	uint8_t clear[4097];
	struct output out;

	fill_pattern(clear, sizeof(clear), 3);
	for (size_t i = 0; i < ARRAY_LEN(imports); i++) {
		struct hufu_op op = {.verb = HUFU_VERB_IMPORT,
		                     .new_type = imports[i].type,
		                     .in = imports[i].len ? clear : NULL,
		                     .in_len = imports[i].len};

		CU_ASSERT(run_checked(&op, NULL, &out) == imports[i].err);
		if (imports[i].err != HUFU_OK)
			continue;
		struct kit_key *key = subject->key_new(imports[i].type, out.bytes, op.out_len);
		op = (struct hufu_op){.verb = HUFU_VERB_EXPORT};
		CU_ASSERT(run_checked(&op, key, &out) == HUFU_OK && op.out_len == imports[i].len);
		ASSERT_SAME(out.bytes, clear, imports[i].len);
		subject->key_free(key);
	}
}

/* -- states ---------------------------------------------------------------- */

struct multi_part {
	enum hufu_verb verb;
	uint64_t mechanism;
	enum hufu_key_type type;
	const void *param;
};

static const uint8_t some_iv[12] = {1};
static const struct hufu_param_gcm some_gcm = {.iv = some_iv, .iv_len = 12, .tag_len = 16};
static const struct hufu_param_zuc some_zuc = {.count = 1};
static const struct multi_part multi_parts[] = {
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, HUFU_KEY_SM4, &some_gcm},
	{HUFU_VERB_SIGN, CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET, NULL},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, HUFU_KEY_ZUC, &some_zuc},
	{HUFU_VERB_DECRYPT, CKM_HUFU_ZUC_EEA3, HUFU_KEY_ZUC, &some_zuc},
	{HUFU_VERB_SIGN, CKM_HUFU_ZUC_EIA3, HUFU_KEY_ZUC, &some_zuc},
	{HUFU_VERB_VERIFY, CKM_HUFU_ZUC_EIA3, HUFU_KEY_ZUC, &some_zuc},
	{HUFU_VERB_ENCRYPT, CKM_AES_GCM, HUFU_KEY_AES, &some_gcm},
	{HUFU_VERB_SIGN, CKM_AES_CMAC, HUFU_KEY_AES, NULL},
	{HUFU_VERB_VERIFY, CKM_AES_CMAC, HUFU_KEY_AES, NULL},
	{HUFU_VERB_SIGN, CKM_HUFU_SM4_CMAC, HUFU_KEY_SM4, NULL},
	{HUFU_VERB_VERIFY, CKM_HUFU_SM4_CMAC, HUFU_KEY_SM4, NULL},
	{HUFU_VERB_SIGN, CKM_HUFU_SM4_CBC_MAC, HUFU_KEY_SM4, NULL},
};

static size_t make_state(const struct multi_part *m, struct kit_key *key, uint8_t state[HUFU_STATE_MAX])
{
	static const uint8_t in[21] = {7};
	struct output out;
	struct hufu_op op = {.verb = m->verb,
	                     .mechanism = m->mechanism,
	                     .phase = HUFU_PHASE_FIRST,
	                     .param = m->param,
	                     .in = in,
	                     .in_len = sizeof(in),
	                     .state_out = state,
	                     .out = out.bytes,
	                     .out_cap = sizeof(out.bytes)};

	CU_ASSERT_FATAL(subject->run(&op, key) == HUFU_OK);
	CU_ASSERT_FATAL(op.state_out_len > 0 && op.state_out_len <= HUFU_STATE_MAX);
	return op.state_out_len;
}

/* Through NEXT and LAST: the state comes from outside. */
static enum hufu_err use_state(const struct multi_part *m, struct kit_key *key, const uint8_t *state, size_t len)
{
	static const uint8_t in[37] = {9}, mac[4];
	uint8_t next[HUFU_STATE_MAX];
	struct output out;
	struct hufu_op op = {.verb = m->verb,
	                     .mechanism = m->mechanism,
	                     .phase = HUFU_PHASE_NEXT,
	                     .in = in,
	                     .in_len = sizeof(in),
	                     .state_in = state,
	                     .state_in_len = len,
	                     .state_out = next,
	                     .out = out.bytes,
	                     .out_cap = sizeof(out.bytes),
	                     .in2 = mac,
	                     .in2_len = 4};
	enum hufu_err err = subject->run(&op, key);

	if (err != HUFU_OK)
		return err;
	CU_ASSERT(op.state_out_len <= HUFU_STATE_MAX);
	op.phase = HUFU_PHASE_LAST;
	op.state_in = next;
	op.state_in_len = op.state_out_len;
	op.state_out = NULL;
	return subject->run(&op, key);
}

static void garble_state(const struct multi_part *m, struct kit_key *key)
{
	static const uint8_t turns[] = {0x01, 0x80, 0xff};
	uint8_t state[HUFU_STATE_MAX + 1] = {0};
	size_t len = make_state(m, key, state);

	for (size_t n = 0; n < len; n++)
		CU_ASSERT(hufu_err_group(use_state(m, key, state, n)) == HUFU_GROUP_CALLER);
	CU_ASSERT(hufu_err_group(use_state(m, key, state, len + 1)) == HUFU_GROUP_CALLER);
	CU_ASSERT(hufu_err_group(use_state(m, key, NULL, 0)) == HUFU_GROUP_CALLER);
	for (size_t i = 0; i < len; i++)
		for (size_t t = 0; t < ARRAY_LEN(turns); t++) {
			state[i] ^= turns[t];
			enum hufu_group group = hufu_err_group(use_state(m, key, state, len));
			CU_ASSERT(group == HUFU_GROUP_OK || group == HUFU_GROUP_CALLER);
			state[i] ^= turns[t];
		}
}

static struct kit_key *some_key(enum hufu_key_type type)
{
	return key_of_hex(type, "00112233445566778899aabbccddeeff");
}

static void suite_states(void)
{
	uint8_t state[HUFU_STATE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(multi_parts); i++) {
		struct kit_key *key = some_key(multi_parts[i].type);
		size_t len = make_state(&multi_parts[i], key, state);

		garble_state(&multi_parts[i], key);
		/* A state belongs to its mechanism and verb. */
		for (size_t j = 0; j < ARRAY_LEN(multi_parts); j++) {
			struct kit_key *other = some_key(multi_parts[j].type);

			if (j != i)
				CU_ASSERT(hufu_err_group(use_state(&multi_parts[j], other, state, len)) == HUFU_GROUP_CALLER);
			subject->key_free(other);
		}
		subject->key_free(key);
	}
}

/* -- leases, batches, eviction --------------------------------------------- */

struct worker {
	pthread_t thread;
	struct kit_key *key;
	unsigned wrong;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	uint8_t in[16], want[16], out[16];

	unit_hex("0123456789abcdeffedcba9876543210", in);
	unit_hex("681edf34d206965e86b3e94f536e4246", want);
	for (int i = 0; i < 300; i++) {
		struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT,
		                     .mechanism = CKM_HUFU_SM4_ECB,
		                     .in = in,
		                     .in_len = 16,
		                     .out = out,
		                     .out_cap = 16};

		worker->wrong += subject->run(&op, worker->key) != HUFU_OK || memcmp(out, want, 16) != 0;
	}
	return NULL;
}

void suite_threads(void)
{
	struct worker workers[4] = {0};

	for (int round = 0; round < 5; round++) {
		struct kit_key *key = key_of_hex(HUFU_KEY_SM4, "0123456789abcdeffedcba9876543210");

		for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
			workers[i].key = key;
			CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
		}
		for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
			pthread_join(workers[i].thread, NULL);
			CU_ASSERT(workers[i].wrong == 0);
		}
		subject->key_free(key);
	}
}

static void suite_batch(void)
{
	uint8_t key_bytes[16], out[3][16], in[16] = {0}, random[16];
	struct hufu_key key = {
		.size = sizeof(key), .type = HUFU_KEY_SM4, .copy_kind = HUFU_COPY_BLOB, .blob = key_bytes, .blob_len = 16};
	struct hufu_op ops[4] = {
		{.verb = HUFU_VERB_ENCRYPT,
	         .mechanism = CKM_HUFU_SM4_ECB,
	         .key = &key,
	         .in = in,
	         .in_len = 16,
	         .out = out[0],
	         .out_cap = 16},
		{.verb = HUFU_VERB_ENCRYPT,
	         .mechanism = CKM_HUFU_SM4_ECB,
	         .key = &key,
	         .in = in,
	         .in_len = 15,
	         .out = out[1],
	         .out_cap = 16},
		{.verb = HUFU_VERB_RANDOM, .out = random, .out_cap = 16},
		{.verb = HUFU_VERB_EVICT, .key = &key},
	};
	struct hufu_op *list[] = {&ops[0], &ops[1], &ops[2], &ops[3]};
	struct hufu_lease *lease;

	if (!subject->driver)
		UNIT_SKIP("a pool takes one op at a time");
	fill_pattern(key_bytes, 16, 9);
	for (size_t i = 0; i < 4; i++)
		ops[i].size = sizeof(ops[i]);
	CU_ASSERT_FATAL(subject->driver->lease(subject->device(), 0, &lease) == HUFU_OK);
	subject->driver->run(lease, list, 4);
	CU_ASSERT(ops[0].outcome == HUFU_OK && ops[1].outcome == HUFU_ERR_DATA_LEN);
	CU_ASSERT(ops[2].outcome == HUFU_OK && ops[3].outcome == HUFU_OK && !key.loaded);
	subject->driver->run(lease, list, 0);
	/* An op of an older ABI is not looked into. */
	ops[0].size = 16;
	subject->driver->run(lease, list, 1);
	CU_ASSERT(ops[0].outcome == HUFU_ERR_ARGUMENT);
	subject->driver->release(lease);
}

/* Every type of key: loaded by use, all memory back after eviction, loaded again by the next use. */
static void suite_evict(void)
{
	static const struct {
		enum hufu_key_type type;
		enum hufu_verb verb;
		uint64_t mechanism;
		const char *hex;
	} uses[] = {
		{HUFU_KEY_SM4, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, "00112233445566778899aabbccddeeff"},
		{HUFU_KEY_ZUC, HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, "00112233445566778899aabbccddeeff"},
		{HUFU_KEY_SECRET, HUFU_VERB_SIGN, CKM_HUFU_SM3_HMAC, "0011"},
		{HUFU_KEY_AES, HUFU_VERB_ENCRYPT, CKM_AES_ECB, "00112233445566778899aabbccddeeff"},
		{HUFU_KEY_DES3, HUFU_VERB_DECRYPT, CKM_DES3_ECB, "00112233445566778899aabbccddeeff0011223344556677"},
		{HUFU_KEY_SM2_PRIVATE, HUFU_VERB_SIGN, CKM_HUFU_SM2,
	         "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"},
	};
	uint8_t in[32] = {0};
	struct output out;

	if (!subject->driver)
		UNIT_SKIP("a device that gives no lease is evicted from later");
	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		size_t before = secret_in_use();
		struct kit_key *key = key_of_hex(uses[i].type, uses[i].hex);
		const void *param = uses[i].type == HUFU_KEY_ZUC ? &some_zuc : NULL;

		for (int round = 0; round < 2; round++) {
			struct hufu_op op = {
				.verb = uses[i].verb, .mechanism = uses[i].mechanism, .param = param, .in = in, .in_len = 32};
			struct hufu_op evict = {.verb = HUFU_VERB_EVICT};

			CU_ASSERT(run_checked(&op, key, &out) == HUFU_OK);
			CU_ASSERT(subject->run(&evict, key) == HUFU_OK);
			CU_ASSERT(subject->run(&evict, key) == HUFU_OK);
		}
		subject->key_free(key);
		CU_ASSERT(secret_in_use() == before);
	}
}

static const struct unit_case cases[] = {
	{"it says what it can, and that is what is tried here", suite_info},
	{"what it cannot is unsupported, whatever the number", suite_unknown},
	{"a key of another type, of a wrong size, or none, is refused", suite_wrong_key},
	{"a mechanism without parts takes none", suite_phases},
	{"random numbers fill what is asked for, and differ", suite_random},
	{"keys are made in the lengths that exist", suite_generate},
	{"import takes what export gives back, and no wrong length", suite_import_export},
	{"SM4-ECB gives the block of GB/T 32907 A.1", suite_sm4_known},
	{"SM4's modes agree with libcrypto, both ways", suite_sm4_random},
	{"SM4's modes refuse broken blocks and missing parameters", suite_sm4_lengths},
	{"SM4-GCM gives the values of RFC 8998 A.1", suite_gcm_known},
	{"SM4-GCM in parts gives what it gives whole, wherever it is cut", suite_gcm_parts},
	{"SM4-GCM releases nothing of what was tampered with", suite_gcm_refuses},
	{"SM4-CCM gives the values of RFC 8998 A.2, with nonces, AAD and tags of every kind", suite_sm4_ccm_known},
	{"SM4-CCM releases nothing of what was tampered with", suite_sm4_ccm_refuses},
	{"SM4's CMAC and CBC-MAC give the values of GB/T 15852.1, whole and wherever they are cut", suite_sm4_macs_known},
	{"SM4's CMAC and CBC-MAC refuse what was tampered with, and lengths that they have not", suite_sm4_macs_refuse},
	{"SM4's CCM and CMAC agree with libgcrypt over lengths", suite_sm4_tags_cross},
	{"EEA3 gives the values of GM/T 0001.2, to the bit", suite_eea3},
	{"EEA3 in parts gives what it gives whole, wherever it is cut", suite_eea3_parts},
	{"HMAC-SM3 gives the values of GM/T 0042 D.3, in any length", suite_hmac_known},
	{"HMAC in parts gives what it gives whole, with every hash", suite_hmac_parts},
	{"HMAC agrees with libcrypto over hashes, lengths of key and of text", suite_hmac_lengths},
	{"EIA3 gives the values of GM/T 0001.3, to the bit", suite_eia3},
	{"EIA3 in parts gives what it gives whole, wherever it is cut", suite_eia3_parts},
	{"a MAC with a bit turned over is refused", suite_mac_verify},
	{"SM2 verifies and decrypts the values of GB/T 32918.5 Annex A", suite_sm2_known},
	{"SM2 signatures verify in libcrypto, and differ", suite_sm2_sign},
	{"SM2 refuses signatures that are not", suite_sm2_verify_refuses},
	{"SM2 ciphertexts open in libcrypto", suite_sm2_encrypt},
	{"SM2 refuses ciphertexts that are not", suite_sm2_decrypt_refuses},
	{"SM2 wraps a key as it would encrypt it, and unwraps none that is garbled", suite_sm2_wrap},
	{"SM2 pairs belong together", suite_sm2_generate},
	{"SM2 key exchange gives the values of GB/T 32918.5 B.2 to both sides", suite_agree_known},
	{"SM2 key exchange gives keys of 1 to 4096 bytes", suite_agree_lengths},
	{"SM2 key exchange refuses points that are none, and what would be infinite", suite_agree_refuses_points},
	{"SM2 key exchange refuses keys and identifiers that do not fit", suite_agree_refuses},
	{"SM2 import refuses scalars and points that are none", suite_sm2_import},
	{"AES gives the values of SP 800-38A, in every size", suite_aes_known},
	{"AES's modes agree with libgcrypt over lengths and alignments", suite_aes_cross},
	{"AES's modes refuse broken blocks and missing parameters", suite_aes_lengths},
	{"AES keys have 16, 24 or 32 bytes", suite_aes_keys},
	{"AES-GCM gives the values of its specification", suite_aes_gcm_known},
	{"AES-GCM in parts gives what it gives whole, wherever it is cut", suite_aes_gcm_parts},
	{"AES-GCM counts in 32 bits, whole and in parts", suite_aes_gcm_wrap},
	{"AES-GCM releases nothing of what was tampered with", suite_aes_gcm_refuses},
	{"AES-CCM gives the values of SP 800-38C", suite_aes_ccm_known},
	{"AES-CCM releases nothing of what was tampered with", suite_aes_ccm_refuses},
	{"AES-GCM and AES-CCM agree with libgcrypt over lengths, IVs and tags", suite_aes_aead_cross},
	{"AES-CMAC gives the values of SP 800-38B, whole and wherever it is cut", suite_aes_cmac_known},
	{"AES-CMAC refuses what was tampered with, and lengths that it has not", suite_aes_cmac_refuses},
	{"AES-CMAC agrees with libgcrypt over lengths", suite_aes_cmac_cross},
	{"AES wraps keys to the values of RFC 3394", suite_aes_kw},
	{"AES wraps keys of any length to the values of RFC 5649", suite_aes_kwp},
	{"AES key wrapping agrees with libgcrypt over lengths", suite_aes_wrap_cross},
	{"AES unwraps nothing that was tampered with", suite_aes_wrap_refuses},
	{"DES3 decrypts the value of SP 800-67 B.1, and encrypts nothing", suite_des3},
	{"AES keys loaded before a fork work on both sides of it", suite_aes_fork},
	{"AES keys loaded before a fork are evicted from a child", suite_aes_fork_evict},
	{"a failure leaves the application's queue of errors alone", suite_aes_error_queue},
	{"more leases than a key keeps contexts for share it", suite_aes_threads},
	{"RSA gives what Python's integers give, under every padding", suite_rsa_known},
	{"RSA v1.5 opens what is padded badly to the draft's messages", suite_rsa_rejection},
	{"RSA agrees with libcrypto, both ways, at odd sizes too", suite_rsa_libcrypto},
	{"RSA refuses signatures that are not", suite_rsa_verify_refuses},
	{"RSA refuses data, parameters and keys that do not fit", suite_rsa_refuses},
	{"OAEP says the same of whatever is wrong", suite_rsa_oaep_refuses},
	{"RSA keys are shared by more leases than they keep contexts", suite_rsa_threads},
	{"RSA keys loaded before a fork serve the child, and the parent", suite_rsa_fork},
	{"RSA leaves the application's errors of libcrypto as they were", suite_rsa_errors},
	{"RSA lets nothing go that its public half does not undo", suite_rsa_fault},
	{"RSA import finds what was left out", suite_rsa_import_completes},
	{"RSA import takes the largest key from n, e and d", suite_rsa_import_largest},
	{"RSA import refuses what is no key, to the byte", suite_rsa_import_refuses},
	{"RSA import holds public keys to their ranges", suite_rsa_import_public},
	{"RSA pairs are made as asked, or refused", suite_rsa_generate},
	{"ECDSA verifies the signatures of RFC 6979 A.2, and none with a bit turned over", suite_ecdsa_known},
	{"ECDSA signatures verify in libcrypto, and libcrypto's here", suite_ecdsa_sign},
	{"ECDSA refuses values out of range, wrong lengths and wrong keys", suite_ecdsa_refuses},
	{"EdDSA gives the values of RFC 8032 7", suite_eddsa_known},
	{"EdDSA signs long messages as libcrypto does", suite_eddsa_long},
	{"ECDH, X25519 and X448 give the values of CAVP and RFC 7748", suite_ecdh_known},
	{"ECDH refuses what is no point of the curve", suite_ecdh_refuses},
	{"X25519 and X448 refuse points of small order", suite_montgomery_refuses},
	{"pairs on every curve belong together, in libcrypto's form", suite_ec_generate},
	{"pairs are made on no other curve", suite_ec_generate_refuses},
	{"import completes keys on curves, and takes none that is cut or goes on", suite_ec_import},
	{"import refuses garbled keys on curves", suite_ec_import_garbled},
	{"import takes scalars from 1 to n - 1", suite_ec_import_scalars},
	{"import reads PKCS#8 strictly", suite_ec_import_forms},
	{"import refuses curves that are spelled out", suite_ec_import_explicit},
	{"import takes points of the curve, compressed or not", suite_ec_import_points},
	{"import takes Edwards public keys that are points", suite_edwards_points},
	{"several leases share a key on a curve", suite_ec_threads},
	{"a forked child uses the keys of its parent", suite_ec_fork},
	{"eviction gives back all that a key on a curve took", suite_ec_evict},
	{"the application's error queue is left as it was", suite_ec_errors},
	{"states are taken back only whole, and do no harm garbled", suite_states},
	{"several leases share a key", suite_threads},
	{"a batch has an outcome for each op", suite_batch},
	{"eviction gives back all that was loaded", suite_evict},
	{0},
};

int driver_suite(const char *name, const struct subject *s)
{
	return driver_suite_of(name, s, cases);
}

int driver_suite_of(const char *name, const struct subject *s, const struct unit_case *some)
{
	size_t before = secret_in_use();

	subject = s;
	subject->open();
	int status = unit_main(name, some);
	subject->close();
	if (secret_in_use() != before) {
		printf("# %zu bytes of secret memory are left\n", secret_in_use() - before);
		status = 1;
	}
	return status;
}
