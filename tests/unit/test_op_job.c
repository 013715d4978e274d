/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: what a driver is given for an attempt is a copy of all that the op points to, and shares no byte with the caller. */
#include "pool_util.h"

#include <stddef.h>

#include "base/log.h"
#include "base/secret.h"
#include "pool/internal.h"
#include "token/mech.h"
#include "token/param.h"

static struct pool *pool;
static uint8_t bytes[3][32];

static void set_up(void)
{
	lab_start();
	pool = lab_pool((struct lab_device[]){{"s", NULL, NULL, "soft", 0}, {0}});
	for (unsigned i = 0; i < sizeof(bytes); i++)
		((uint8_t *)bytes)[i] = (uint8_t)(i + 1);
}

static void tear_down(void)
{
	lab_free(pool);
}

static enum hufu_verb verb_of(uint64_t mechanism)
{
	return mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN ? HUFU_VERB_GENERATE : HUFU_VERB_ENCRYPT;
}

static enum hufu_err make(const struct pool_request *req, struct op_job **job)
{
	return op_job_new(pool->devices[0], req, 2, NS_PER_MS, 5 * NS_PER_S, job);
}

/* -- parameters ------------------------------------------------------------ */

#define NONE SIZE_MAX
#define PARAM_MAX sizeof(struct hufu_param_sm2_agree) /* the longest */
#define AT(param, member) offsetof(struct param, member)

static const struct {
	uint64_t mechanism;
	size_t size;
	size_t pointers[2], lens[2];
} shapes[] = {
	{CKM_HUFU_SM4_GCM, sizeof(struct hufu_param_gcm), {AT(hufu_param_gcm, iv), AT(hufu_param_gcm, aad)},
	 {AT(hufu_param_gcm, iv_len), AT(hufu_param_gcm, aad_len)}},
	{CKM_AES_CCM, sizeof(struct hufu_param_ccm), {AT(hufu_param_ccm, nonce), AT(hufu_param_ccm, aad)},
	 {AT(hufu_param_ccm, nonce_len), AT(hufu_param_ccm, aad_len)}},
	{CKM_HUFU_SM4_CCM, sizeof(struct hufu_param_ccm), {AT(hufu_param_ccm, nonce), AT(hufu_param_ccm, aad)},
	 {AT(hufu_param_ccm, nonce_len), AT(hufu_param_ccm, aad_len)}},
	{CKM_HUFU_SM2_KEY_AGREEMENT, sizeof(struct hufu_param_sm2_agree),
	 {AT(hufu_param_sm2_agree, own_id), AT(hufu_param_sm2_agree, peer_id)},
	 {AT(hufu_param_sm2_agree, own_id_len), AT(hufu_param_sm2_agree, peer_id_len)}},
	{CKM_RSA_PKCS_OAEP, sizeof(struct hufu_param_oaep), {AT(hufu_param_oaep, label), NONE}, {AT(hufu_param_oaep, label_len), NONE}},
	{CKM_ECDH1_DERIVE, sizeof(struct hufu_param_agree), {AT(hufu_param_agree, peer), NONE}, {AT(hufu_param_agree, peer_len), NONE}},
	{CKM_EC_KEY_PAIR_GEN, sizeof(struct hufu_param_curve), {AT(hufu_param_curve, oid), NONE}, {AT(hufu_param_curve, oid_len), NONE}},
	{CKM_RSA_PKCS_KEY_PAIR_GEN, sizeof(struct hufu_param_rsa_gen), {AT(hufu_param_rsa_gen, public_exponent), NONE},
	 {AT(hufu_param_rsa_gen, public_exponent_len), NONE}},
	{CKM_HUFU_SM4_CBC, sizeof(struct hufu_param_iv), {NONE, NONE}, {NONE, NONE}},
	{CKM_RSA_PKCS_PSS, sizeof(struct hufu_param_pss), {NONE, NONE}, {NONE, NONE}},
	{CKM_HUFU_ZUC_EIA3, sizeof(struct hufu_param_zuc), {NONE, NONE}, {NONE, NONE}},
	{CKM_HUFU_SM3_HMAC, sizeof(struct hufu_param_mac), {NONE, NONE}, {NONE, NONE}},
	{CKM_HUFU_SM4_CMAC, sizeof(struct hufu_param_mac), {NONE, NONE}, {NONE, NONE}},
	{CKM_HUFU_SM4_CBC_MAC, sizeof(struct hufu_param_mac), {NONE, NONE}, {NONE, NONE}},
	{CKM_SHA512_HMAC, sizeof(struct hufu_param_mac), {NONE, NONE}, {NONE, NONE}},
};

static const void *pointer_at(const void *param, size_t offset)
{
	const void *pointer;

	memcpy(&pointer, (const uint8_t *)param + offset, sizeof(pointer));
	return pointer;
}

/* The copy's pointer is another, what it points to is the same, and so is all the rest. */
static void check_param(unsigned s, const uint8_t *given, const uint8_t *copy)
{
	uint8_t rest[2][PARAM_MAX];

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	CU_ASSERT_PTR_NOT_EQUAL(given, copy);
	memcpy(rest[0], given, shapes[s].size);
	memcpy(rest[1], copy, shapes[s].size);
	for (unsigned i = 0; i < 2 && shapes[s].pointers[i] != NONE; i++) {
		const void *pointer = pointer_at(copy, shapes[s].pointers[i]);

		CU_ASSERT_PTR_NOT_EQUAL(pointer, bytes[i]);
		CU_ASSERT_EQUAL(memcmp(pointer, bytes[i], 20 + i), 0);
		memset(rest[0] + shapes[s].pointers[i], 0, sizeof(pointer));
		memset(rest[1] + shapes[s].pointers[i], 0, sizeof(pointer));
	}
	CU_ASSERT_EQUAL(memcmp(rest[0], rest[1], shapes[s].size), 0);
}

static void test_params(void)
{
	set_up();
	for (unsigned s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		_Alignas(16) uint8_t param[PARAM_MAX];
		struct pool_request req = {.op = {.verb = verb_of(shapes[s].mechanism), .mechanism = shapes[s].mechanism,
		                           .param = param}};
		struct op_job *job;

		memset(param, 0x5a, sizeof(param));
		for (unsigned i = 0; i < 2 && shapes[s].pointers[i] != NONE; i++) {
			memcpy(param + shapes[s].pointers[i], &(const void *){bytes[i]}, sizeof(void *));
			memcpy(param + shapes[s].lens[i], &(size_t){20 + i}, sizeof(size_t));
		}
		CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
		check_param(s, param, job->op.param);
		job_rele(&job->job);
	}
	tear_down();
}

/* A part that is not there is not there in the copy: no exponent is 65537. */
static void test_absent(void)
{
	struct hufu_param_rsa_gen param = {.nbits = 2048};
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .param = &param}};
	struct op_job *job;

	set_up();
	CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
	CU_ASSERT_PTR_NULL(((const struct hufu_param_rsa_gen *)job->op.param)->public_exponent);
	CU_ASSERT_PTR_NULL(job->op.in);
	CU_ASSERT_PTR_NULL(job->op.in2);
	CU_ASSERT_PTR_NULL(job->op.out);
	CU_ASSERT_PTR_NULL(job->op.pub);
	CU_ASSERT_PTR_NULL(job->op.state_in);
	CU_ASSERT_PTR_NULL(job->op.state_out);
	job_rele(&job->job);
	tear_down();
}

static bool gives_param(const struct mech *mech)
{
	CK_RV (*const parsers[])(const CK_MECHANISM *, struct param *) = {param_iv, param_iv8, param_ctr, param_gcm, param_zuc,
		param_mac, param_mac_general, param_ccm, param_pss, param_oaep, param_rsa_aes};

	for (unsigned i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++)
		if (mech->parse == parsers[i])
			return true;
	return mech->device_mechanism == CKM_ECDH1_DERIVE || mech->device_mechanism == CKM_ECDH1_COFACTOR_DERIVE ||
	       mech->device_mechanism == CKM_HUFU_SM2_KEY_AGREEMENT;
}

static void test_all_mechanisms(void)
{
	static const struct hufu_param_sm2_agree zero; /* the longest */
	size_t n, known = 0;
	const struct mech *table = mech_table(&n);

	set_up();
	for (size_t i = 0; i < n; i++) {
		struct pool_request req = {.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = table[i].device_mechanism, .param = &zero}};
		struct op_job *job;

		if (table[i].device_mechanism == ON_HOST || table[i].shape == SHAPE_DIGEST)
			continue;
		enum hufu_err err = make(&req, &job);
		if (err != HUFU_OK)
			printf("# %s\n", table[i].name);
		CU_ASSERT_EQUAL_FATAL(err, HUFU_OK);
		job_rele(&job->job);
		known += gives_param(&table[i]);
	}
	CU_ASSERT_TRUE(known > 40);
	tear_down();
}

/* A driver may refuse one where none belongs; what is in it nobody knows. */
static void test_none(void)
{
	static const uint64_t mechanisms[] = {CKM_HUFU_SM4_ECB, CKM_RSA_PKCS, 0};

	set_up();
	for (unsigned i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		struct pool_request req = {.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = mechanisms[i], .param = bytes}};
		struct op_job *job;

		CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
		CU_ASSERT_PTR_NOT_NULL_FATAL(job->op.param);
		CU_ASSERT_NOT_EQUAL(job->op.param, (const void *)bytes);
		CU_ASSERT_EQUAL(((const uint8_t *)job->op.param)[0], 0);
		job_rele(&job->job);
	}
	tear_down();
}

static void test_absurd(void)
{
	struct hufu_param_gcm param = {.iv = bytes[0], .iv_len = 12, .aad = bytes[1], .aad_len = SIZE_MAX};
	struct pool_request req = {.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_GCM, .param = &param}};
	struct op_job *job;

	set_up();
	CU_ASSERT_EQUAL(make(&req, &job), HUFU_ERR_PARAM);
	param.aad_len = (1u << 26) + 1;
	CU_ASSERT_EQUAL(make(&req, &job), HUFU_ERR_PARAM);
	tear_down();
}

static void test_unknown(void)
{
	static const uint64_t mechanisms[] = {CKM_SHA256, 0xC0000001u, UINT64_MAX};
	char why[64];

	set_up();
	CU_ASSERT_EQUAL(log_configure("none", HUFU_LOG_ERROR, why, sizeof(why)), HUFU_OK);
	for (unsigned i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		struct pool_request req = {.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = mechanisms[i], .param = bytes}};
		struct op_job *job;

		CU_ASSERT_EQUAL(make(&req, &job), HUFU_ERR_BUG);
	}
	tear_down();
}

/* -- inputs and outputs ---------------------------------------------------- */

static bool apart(const void *a, size_t a_len, const void *b, size_t b_len)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return x + a_len <= y || y + b_len <= x;
}

static void check_copies(size_t len, enum hufu_verb verb)
{
	uint8_t *data = malloc(len + 16), state[HUFU_STATE_MAX] = {7}, pub[HUFU_PUB_MAX];
	struct pool_request req = {.op = {.verb = verb, .phase = HUFU_PHASE_NEXT, .in = data, .in_len = len, .in2 = bytes[0],
		.in2_len = 32, .out = data + 8, .out_cap = len + 8, .state_in = state, .state_in_len = sizeof(state),
		.state_out = state, .pub = pub}};
	struct op_job *job;

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memset(data, 0x33, len + 16);
	CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
	struct hufu_op *op = &job->op;
	CU_ASSERT_EQUAL(memcmp(op->in, data, len), 0);
	CU_ASSERT_EQUAL(memcmp(op->in2, bytes[0], 32), 0);
	CU_ASSERT_EQUAL(memcmp(op->state_in, state, sizeof(state)), 0);
	CU_ASSERT_TRUE(apart(op->in, len, op->out, op->out_cap)); /* the caller's overlap */
	CU_ASSERT_TRUE(apart(op->state_in, HUFU_STATE_MAX, op->state_out, HUFU_STATE_MAX));
	CU_ASSERT_TRUE(apart(op->in, len, data, len + 16) && apart(op->out, op->out_cap, data, len + 16));
	CU_ASSERT_EQUAL(op->attempt, 2);
	memset(op->out, 0x44, op->out_cap); /* AddressSanitizer looks at the ends */
	memset(op->pub, 0x55, HUFU_PUB_MAX);
	memset(op->state_out, 0x66, HUFU_STATE_MAX);
	op->out_len = len;
	op->pub_len = HUFU_PUB_MAX;
	op->state_out_len = HUFU_STATE_MAX;
	op->outcome = HUFU_OK;
	op->out = op->pub = op->state_out = NULL; /* of a driver that moves them on while it writes */
	op_job_collect(job, &req.op);
	job_rele(&job->job);
	CU_ASSERT_EQUAL(req.op.outcome, HUFU_OK);
	CU_ASSERT_TRUE(req.op.out_len == len && data[8] == 0x44 && data[len + 7] == 0x44 && data[len + 8] == 0x33 && data[7] == 0x33);
	CU_ASSERT_TRUE(pub[HUFU_PUB_MAX - 1] == 0x55 && state[HUFU_STATE_MAX - 1] == 0x66);
	free(data);
}

static void test_copies(void)
{
	set_up();
	check_copies(16, HUFU_VERB_ENCRYPT);
	check_copies(12000, HUFU_VERB_ENCRYPT);
	check_copies(1 << 20, HUFU_VERB_ENCRYPT);
	check_copies(1 << 17, HUFU_VERB_IMPORT); /* what may be a key is in secret memory, however long */
	tear_down();
}

static void test_space(void)
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_ENCRYPT, .in = bytes[0], .in_len = 32, .out = bytes[1], .out_cap = SIZE_MAX}};
	struct op_job *job;

	set_up();
	CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
	CU_ASSERT_EQUAL(job->op.out_cap, 32 + 65536); /* hufu/driver.h: no verb gives more */
	job_rele(&job->job);
	req.op.verb = HUFU_VERB_RANDOM;
	CU_ASSERT_EQUAL(make(&req, &job), HUFU_ERR_NO_MEMORY);
	req.op.verb = HUFU_VERB_ENCRYPT;
	req.op.in_len = SIZE_MAX - 8;
	CU_ASSERT_EQUAL(make(&req, &job), HUFU_ERR_NO_MEMORY);
	tear_down();
}

static void test_collect(void)
{
	static const struct {
		enum hufu_err said, taken;
		size_t out_len, pub_len, state_len, taken_len;
	} cases[] = {
		{HUFU_OK, HUFU_OK, 8, 0, 0, 8},
		{HUFU_OK, HUFU_ERR_CORRUPT, 33, 0, 0, 0},
		{HUFU_OK, HUFU_ERR_CORRUPT, SIZE_MAX, 0, 0, 0},
		{HUFU_OK, HUFU_ERR_CORRUPT, 8, 1, 0, 0}, /* nobody asked for a public part, nor for a state */
		{HUFU_OK, HUFU_ERR_CORRUPT, 8, 0, 1, 0},
		{HUFU_ERR_BUFFER, HUFU_ERR_BUFFER, 100, 0, 0, 100},
		{HUFU_ERR_LOST, HUFU_ERR_LOST, 8, 0, 0, 0},
	};

	set_up();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t out[32] = {0};
		struct pool_request req = {.op = {.verb = HUFU_VERB_SIGN, .in = bytes[0], .in_len = 32, .out = out, .out_cap = 32}};
		struct op_job *job;

		CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
		CU_ASSERT_EQUAL(job->op.outcome, HUFU_ERR_BUG);
		memset(job->op.out, 0x77, 32);
		job->op.out_len = cases[i].out_len;
		job->op.pub_len = cases[i].pub_len;
		job->op.state_out_len = cases[i].state_len;
		job->op.outcome = cases[i].said;
		op_job_collect(job, &req.op);
		CU_ASSERT_EQUAL(req.op.outcome, cases[i].taken);
		CU_ASSERT_EQUAL(req.op.out_len, cases[i].taken_len);
		CU_ASSERT_EQUAL(out[0], cases[i].taken == HUFU_OK ? 0x77 : 0);
		job_rele(&job->job);
	}
	tear_down();
}

/* The driver uses the key for as long as it likes: also when its owner has let it go. */
static void test_keys(void)
{
	set_up();
	struct pool_key *key = lab_sm4(pool, "soft");
	struct pool_request req = {.key = key, .op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB}};
	struct op_job *job;
	CU_ASSERT_EQUAL_FATAL(make(&req, &job), HUFU_OK);
	size_t with_both = secret_in_use();
	pool_key_rele(key);
	CU_ASSERT_EQUAL(secret_in_use(), with_both);
	CU_ASSERT_PTR_NOT_NULL_FATAL(job->op.key);
	CU_ASSERT_EQUAL(job->op.key->blob_len, 16);
	job_rele(&job->job);
	tear_down();
}

static const struct unit_case cases[] = {
	{"a parameter is copied with all it points to", test_params},
	{"what is absent stays absent", test_absent},
	{"the parameters of every mechanism of the table are known", test_all_mechanisms},
	{"a mechanism that takes no parameter sees that it was given one, and nothing of it", test_none},
	{"a length that no parameter has is refused, and nothing read", test_absurd},
	{"a parameter whose size nobody knows goes to no driver", test_unknown},
	{"inputs, outputs and states are the job's own, and overlap nowhere", test_copies},
	{"space is bounded by what an op can give, and sizes do not overflow", test_space},
	{"an answer is taken once, whole, and no longer than its space", test_collect},
	{"a job holds its keys", test_keys},
	{0},
};
UNIT_MAIN("op_job", cases)
