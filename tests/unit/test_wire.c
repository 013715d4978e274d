/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and messages, both ways, and what a hostile side makes of them. */
#include "unit.h"

#include <stdint.h>

#include "base/secret.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"
#include "wire/op.h"

#define MAX_BODY WIRE_BODY_DEFAULT

/* -- what is compared ------------------------------------------------------------ */

static bool same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0);
}

static const uint8_t bytes[] = "The quick brown fox jumps over the lazy dog, and over the frame that it was put into: 0123456789abcdef"
			       "The quick brown fox jumps over the lazy dog, and over the frame that it was put into: 0123456789abcdef";

static struct hufu_key key_of(uint8_t n, enum hufu_key_type type)
{
	struct hufu_key key = {.size = sizeof(key), .version = 7u + n, .type = type, .copy_kind = HUFU_COPY_BLOB, .blob = bytes + n,
	                       .blob_len = 100, .hardware_only = n % 2};

	memset(key.uuid, n, sizeof(key.uuid));
	return key;
}

static void check_key(const struct hufu_key *sent, bool has, const struct hufu_key *got)
{
	CU_ASSERT_EQUAL_FATAL(sent != NULL, has);
	if (!sent)
		return;
	CU_ASSERT(same(sent->uuid, 16, got->uuid, 16));
	CU_ASSERT_EQUAL(sent->version, got->version);
	CU_ASSERT_EQUAL(sent->type, got->type);
	CU_ASSERT_EQUAL(sent->hardware_only, got->hardware_only);
	CU_ASSERT_PTR_NULL(got->loaded);
	CU_ASSERT(same(sent->blob, sent->blob_len, got->blob, got->blob_len));
}

/* -- ops of each kind ----------------------------------------------------------------- */

static struct hufu_param_iv iv = {.iv = "sixteen bytes iv", .counter_bits = 32};
static struct hufu_param_gcm gcm = {bytes, 12, bytes + 20, 33, 16};
static struct hufu_param_ccm ccm = {bytes, 13, bytes + 20, 33, 10};
static struct hufu_param_zuc zuc = {0x1234, 5, 1, 255};
static struct hufu_param_mac mac = {.mac_len = 12};
static struct hufu_param_rsa_gen rsa_gen = {2048, (const uint8_t *)"\1\0\1", 3};
static struct hufu_param_rsa_gen rsa_gen_default = {3072, NULL, 0};
static struct hufu_param_curve curve = {(const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10};
static struct hufu_param_pss pss = {CKM_SHA256, CKM_SHA384, 20};
static struct hufu_param_oaep oaep = {CKM_SHA256, CKM_SHA_1, bytes, 9};
static struct hufu_param_agree agree = {bytes, 65, true};
static struct hufu_param_sm2_agree sm2_agree = {true, bytes, bytes + 9, 8, 16, "own", "own e", "peer", "peer e", 48};
static struct hufu_param_find find = {.nth = 3};

enum { KEY = 1, SUBJECT = 2, PUB = 4, STATE_IN = 8, STATE_OUT = 16, IN2 = 32 };

static const struct kind {
	enum hufu_verb verb;
	uint64_t mechanism;
	enum hufu_phase phase;
	const void *param;
	enum hufu_key_type key_type, new_type;
	unsigned brings;
	size_t in_len, out_cap;
} kinds[] = {
	{HUFU_VERB_RANDOM, 0, 0, NULL, 0, 0, 0, 0, 64},
	{HUFU_VERB_GENERATE, CKM_HUFU_SM2_KEY_PAIR_GEN, 0, NULL, 0, HUFU_KEY_SM2_PRIVATE, PUB, 0, 200},
	{HUFU_VERB_GENERATE, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, &rsa_gen, 0, HUFU_KEY_RSA_PRIVATE, PUB, 0, 4000},
	{HUFU_VERB_GENERATE, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, &rsa_gen_default, 0, HUFU_KEY_RSA_PRIVATE, PUB, 0, 4000},
	{HUFU_VERB_GENERATE, CKM_EC_KEY_PAIR_GEN, 0, &curve, 0, HUFU_KEY_EC_PRIVATE, PUB, 0, 400},
	{HUFU_VERB_IMPORT, 0, 0, NULL, 0, HUFU_KEY_SM4, PUB, 16, 200},
	{HUFU_VERB_EXPORT, 0, 0, NULL, HUFU_KEY_SM4, 0, KEY, 0, 16},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, 0, NULL, HUFU_KEY_SM4, 0, KEY, 64, 64},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CTR, 0, &iv, HUFU_KEY_SM4, 0, KEY, 60, 60},
	{HUFU_VERB_DECRYPT, CKM_AES_CBC, 0, &iv, HUFU_KEY_AES, 0, KEY, 64, 64},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, 0, &gcm, HUFU_KEY_SM4, 0, KEY, 60, 76},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, HUFU_PHASE_FIRST, &gcm, HUFU_KEY_SM4, 0, KEY | STATE_OUT, 60, 76},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, HUFU_PHASE_NEXT, NULL, HUFU_KEY_SM4, 0, KEY | STATE_IN | STATE_OUT, 60, 76},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, HUFU_PHASE_LAST, NULL, HUFU_KEY_SM4, 0, KEY | STATE_IN, 60, 76},
	{HUFU_VERB_DECRYPT, CKM_AES_CCM, 0, &ccm, HUFU_KEY_AES, 0, KEY, 60, 76},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, 0, &zuc, HUFU_KEY_ZUC, 0, KEY, 60, 60},
	{HUFU_VERB_SIGN, CKM_HUFU_SM2, 0, NULL, HUFU_KEY_SM2_PRIVATE, 0, KEY, 32, 64},
	{HUFU_VERB_SIGN, CKM_SHA256_HMAC, 0, &mac, HUFU_KEY_SECRET, 0, KEY, 60, 32},
	{HUFU_VERB_SIGN, CKM_HUFU_SM4_CMAC, 0, NULL, HUFU_KEY_SM4, 0, KEY, 60, 16},
	{HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, 0, &pss, HUFU_KEY_RSA_PRIVATE, 0, KEY, 32, 512},
	{HUFU_VERB_VERIFY, CKM_ECDSA, 0, NULL, HUFU_KEY_EC_PUBLIC, 0, KEY | IN2, 32, 0},
	{HUFU_VERB_WRAP, CKM_HUFU_SM2_C1C3C2, 0, NULL, HUFU_KEY_SM2_PUBLIC, 0, KEY | SUBJECT, 0, 200},
	{HUFU_VERB_UNWRAP, CKM_RSA_PKCS_OAEP, 0, &oaep, HUFU_KEY_RSA_PRIVATE, HUFU_KEY_AES, KEY | PUB, 128, 200},
	{HUFU_VERB_DERIVE, CKM_ECDH1_DERIVE, 0, &agree, HUFU_KEY_EC_PRIVATE, 0, KEY, 0, 66},
	{HUFU_VERB_DERIVE, CKM_HUFU_SM2_KEY_AGREEMENT, 0, &sm2_agree, HUFU_KEY_SM2_PRIVATE, 0, KEY | SUBJECT, 0, 112},
	{HUFU_VERB_EVICT, 0, 0, NULL, HUFU_KEY_SM4, 0, KEY, 0, 0},
	{HUFU_VERB_FIND, 0, 0, &find, 0, 0, PUB, 0, sizeof(struct hufu_resident)},
	{HUFU_VERB_LOGIN, 0, 0, NULL, 0, 0, IN2, 8, 0},
	{HUFU_VERB_LOGOUT, 0, 0, NULL, 0, 0, 0, 0, 0},
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

/* An op with all that it points to. */
struct sample {
	struct hufu_op op;
	struct hufu_key key, subject;
	_Alignas(16) uint8_t out[8192];
	uint8_t pub[HUFU_PUB_MAX], state[HUFU_STATE_MAX];
};

static void fill(struct sample *s, const struct kind *kind)
{
	memset(s, 0, sizeof(*s));
	s->key = key_of(1, kind->key_type);
	s->subject = key_of(2, HUFU_KEY_SM2_PRIVATE);
	s->op = (struct hufu_op){.size = sizeof(s->op), .verb = kind->verb, .mechanism = kind->mechanism, .phase = kind->phase,
	                         .key = kind->brings & KEY ? &s->key : NULL, .subject = kind->brings & SUBJECT ? &s->subject : NULL,
	                         .new_type = kind->new_type, .new_len = kind->new_type == HUFU_KEY_AES ? 32 : 0, .param = kind->param,
	                         .in = bytes, .in_len = kind->in_len, .in2 = kind->brings & IN2 ? bytes + 7 : NULL,
	                         .in2_len = kind->brings & IN2 ? 64 : 0, .out = kind->out_cap ? s->out : NULL, .out_cap = kind->out_cap,
	                         .pub = kind->brings & PUB ? s->pub : NULL, .copy_kind = HUFU_COPY_BLOB,
	                         .state_in = kind->brings & STATE_IN ? bytes + 3 : NULL, .state_in_len = kind->brings & STATE_IN ? 77 : 0,
	                         .state_out = kind->brings & STATE_OUT ? s->state : NULL, .op_id = "0123456789abcde", .attempt = 2,
	                         .repeatable = kind->verb != HUFU_VERB_LOGIN, .outcome = HUFU_ERR_BUG};
}

static struct writer request_of(const struct sample *s, const struct wire_extra *extra)
{
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL_FATAL(wire_op_put(&w, 9, 250, MAX_BODY, &s->op, extra), HUFU_OK);
	return w;
}

static enum hufu_err take(const struct writer *w, struct wire_op **op)
{
	struct wire_header header;

	*op = NULL;
	CU_ASSERT_EQUAL_FATAL(wire_header_get(w->data, MAX_BODY, &header), HUFU_OK);
	CU_ASSERT_EQUAL(header.type, WIRE_REQUEST);
	CU_ASSERT_EQUAL(header.id, 9);
	CU_ASSERT_EQUAL(header.deadline_ms, 250);
	CU_ASSERT_EQUAL(header.body_len, w->len - WIRE_HEADER_LEN);
	return wire_op_take(header.op, w->data + WIRE_HEADER_LEN, header.body_len, MAX_BODY, op);
}

static void check_refs(const void *a, size_t a_len, const void *b, size_t b_len)
{
	CU_ASSERT(same(a, a_len, b, b_len));
	CU_ASSERT(!a_len || a != b); /* the machine's own */
}

static void check_param(const struct hufu_op *sent, const struct hufu_op *got)
{
	const void *p = sent->param, *q = got->param;

	CU_ASSERT_EQUAL_FATAL(p != NULL, q != NULL);
	if (p == &gcm) {
		const struct hufu_param_gcm *g = q;
		check_refs(gcm.iv, gcm.iv_len, g->iv, g->iv_len);
		check_refs(gcm.aad, gcm.aad_len, g->aad, g->aad_len);
		CU_ASSERT_EQUAL(gcm.tag_len, g->tag_len);
	} else if (p == &ccm) {
		const struct hufu_param_ccm *c = q;
		check_refs(ccm.nonce, ccm.nonce_len, c->nonce, c->nonce_len);
		check_refs(ccm.aad, ccm.aad_len, c->aad, c->aad_len);
		CU_ASSERT_EQUAL(ccm.tag_len, c->tag_len);
	} else if (p == &rsa_gen || p == &rsa_gen_default) {
		const struct hufu_param_rsa_gen *r = p, *g = q;
		CU_ASSERT_EQUAL(r->nbits, g->nbits);
		check_refs(r->public_exponent, r->public_exponent_len, g->public_exponent, g->public_exponent_len);
		CU_ASSERT(g->public_exponent_len || !g->public_exponent);
	} else if (p == &curve) {
		const struct hufu_param_curve *c = q;
		check_refs(curve.oid, curve.oid_len, c->oid, c->oid_len);
	} else if (p == &oaep) {
		const struct hufu_param_oaep *o = q;
		check_refs(oaep.label, oaep.label_len, o->label, o->label_len);
		CU_ASSERT(oaep.hash == o->hash && oaep.mgf_hash == o->mgf_hash);
	} else if (p == &agree) {
		const struct hufu_param_agree *a = q;
		check_refs(agree.peer, agree.peer_len, a->peer, a->peer_len);
		CU_ASSERT_EQUAL(agree.cofactor, a->cofactor);
	} else if (p == &sm2_agree) {
		const struct hufu_param_sm2_agree *a = q;
		check_refs(sm2_agree.own_id, sm2_agree.own_id_len, a->own_id, a->own_id_len);
		check_refs(sm2_agree.peer_id, sm2_agree.peer_id_len, a->peer_id, a->peer_id_len);
		CU_ASSERT(same(sm2_agree.own_static, 4 * 64, a->own_static, 4 * 64));
		CU_ASSERT(sm2_agree.initiator == a->initiator && sm2_agree.key_len == a->key_len);
	} else if (p == &iv) {
		CU_ASSERT(same(p, sizeof(iv), q, sizeof(iv)));
	} else if (p == &zuc) {
		CU_ASSERT(same(p, sizeof(zuc), q, sizeof(zuc)));
	} else if (p == &mac) {
		CU_ASSERT(same(p, sizeof(mac), q, sizeof(mac)));
	} else if (p == &pss) {
		CU_ASSERT(same(p, sizeof(pss), q, sizeof(pss)));
	} else if (p) {
		CU_ASSERT(same(p, sizeof(find), q, sizeof(find)));
	}
}

static void check_request(const struct sample *s, const struct wire_op *got)
{
	const struct hufu_op *a = &s->op, *b = &got->op;

	CU_ASSERT_EQUAL(b->size, sizeof(*b));
	CU_ASSERT_EQUAL(a->verb, b->verb);
	CU_ASSERT_EQUAL(a->mechanism, b->mechanism);
	CU_ASSERT_EQUAL(a->phase, b->phase);
	CU_ASSERT_EQUAL(a->new_type, b->new_type);
	CU_ASSERT_EQUAL(a->new_len, b->new_len);
	CU_ASSERT_EQUAL(a->attempt, b->attempt);
	CU_ASSERT_EQUAL(a->repeatable, b->repeatable);
	CU_ASSERT(same(a->op_id, 16, b->op_id, 16));
	check_refs(a->in, a->in_len, b->in, b->in_len);
	check_refs(a->in2, a->in2_len, b->in2, b->in2_len);
	check_refs(a->state_in, a->state_in_len, b->state_in, b->state_in_len);
	CU_ASSERT_EQUAL(a->out_cap, b->out_cap);
	CU_ASSERT_EQUAL(a->out != NULL, b->out != NULL);
	CU_ASSERT(!a->pub || b->pub);
	CU_ASSERT_EQUAL(a->state_out != NULL, b->state_out != NULL);
	CU_ASSERT_PTR_NULL(b->key);
	CU_ASSERT_PTR_NULL(b->subject);
	check_key(a->key, got->has_key, &got->key);
	check_key(a->subject, got->has_subject, &got->subject);
	check_param(a, b);
}

/* -- requests --------------------------------------------------------------------------- */

static void test_request_round_trip(void)
{
	static const struct wire_extra extra = {.ticket = bytes, .ticket_len = 40,
	                                        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	                                        .hardware_only = true};
	static struct sample s;
	size_t in_use = secret_in_use();

	for (unsigned i = 0; i < 2 * NKINDS; i++) {
		struct wire_op *op;

		fill(&s, &kinds[i % NKINDS]);
		struct writer w = request_of(&s, i < NKINDS ? NULL : &extra);
		enum hufu_err err = take(&w, &op);
		CU_ASSERT_EQUAL(err, HUFU_OK);
		writer_clear(&w); /* what was taken does not lie in the frame */
		if (err != HUFU_OK)
			continue;
		check_request(&s, op);
		CU_ASSERT(same(op->extra.ticket, op->extra.ticket_len, bytes, i < NKINDS ? 0 : 40));
		CU_ASSERT_EQUAL(op->extra.hardware_only, i >= NKINDS);
		CU_ASSERT(i < NKINDS ? !op->extra.traceparent : strcmp(op->extra.traceparent, extra.traceparent) == 0);
		wire_op_free(op);
	}
	CU_ASSERT_EQUAL(secret_in_use(), in_use);
}

/* What is cut or flipped may be taken for another op, and never for one that a driver cannot rely on. */
static void check_harmless(uint16_t number, const uint8_t *body, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees the end */
	struct wire_op *op;

	if (!exact)
		return;
	memcpy(exact, body, len);
	enum hufu_err err = wire_op_take(number, exact, len, MAX_BODY, &op);
	CU_ASSERT_EQUAL(err == HUFU_OK, op != NULL);
	if (op) {
		CU_ASSERT(op->op.phase <= HUFU_PHASE_LAST);
		CU_ASSERT(op->op.state_in_len <= HUFU_STATE_MAX);
		CU_ASSERT(op->op.out_cap <= MAX_BODY);
		memset(op->op.out ? op->op.out : exact, 0, op->op.out ? op->op.out_cap : 0);
		memset(op->op.pub ? op->op.pub : exact, 0, op->op.pub ? HUFU_PUB_MAX : 0);
		memset(op->op.state_out ? op->op.state_out : exact, 0, op->op.state_out ? HUFU_STATE_MAX : 0);
		wire_op_free(op);
	}
	free(exact);
}

static void test_request_damaged(void)
{
	static struct sample s;
	size_t in_use = secret_in_use();

	for (unsigned i = 0; i < NKINDS; i++) {
		fill(&s, &kinds[i]);
		struct writer w = request_of(&s, NULL);
		uint8_t *body = w.data + WIRE_HEADER_LEN;
		size_t len = w.len - WIRE_HEADER_LEN;
		uint16_t number = (uint16_t)(WIRE_OP_VERB + kinds[i].verb);

		for (size_t cut = 0; cut < len; cut++)
			check_harmless(number, body, cut);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			body[bit / 8] ^= (uint8_t)(1u << bit % 8);
			check_harmless(number, body, len);
			body[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (uint16_t other = 0; other < 0x120; other++)
			check_harmless(other, body, len);
		writer_clear(&w);
	}
	CU_ASSERT_EQUAL(secret_in_use(), in_use);
}

static void test_request_too_long(void)
{
	static uint8_t data[100000];
	struct writer w;
	struct sample *s = calloc(1, sizeof(*s));

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	fill(s, &kinds[7]);
	s->op.in = data;
	s->op.in_len = sizeof(data);
	writer_init(&w, true);
	CU_ASSERT_EQUAL(wire_op_put(&w, 1, 0, sizeof(data), &s->op, NULL), HUFU_ERR_DATA_LEN);
	CU_ASSERT_EQUAL(w.len, 0);
	CU_ASSERT_EQUAL(wire_op_put(&w, 1, 0, sizeof(data) + WIRE_ROOM, &s->op, NULL), HUFU_OK);
	writer_clear(&w);
	free(s);
}

/* -- values that hufu/driver.h rules out ---------------------------------------------------- */

static enum hufu_err refusal(const struct sample *s)
{
	struct writer w = request_of(s, NULL);
	struct wire_op *op;
	enum hufu_err err = take(&w, &op);

	wire_op_free(op);
	writer_clear(&w);
	return err;
}

static const struct kind *kind_of(enum hufu_verb verb, uint64_t mechanism)
{
	for (unsigned i = 0; i < NKINDS; i++)
		if (kinds[i].verb == verb && kinds[i].mechanism == mechanism)
			return &kinds[i];
	return NULL;
}

#define REFUSED(verb, mechanism, change, err) do { \
		fill(&s, kind_of(verb, mechanism)); \
		change; \
		CU_ASSERT_EQUAL(refusal(&s), err); \
	} while (0)

static void test_params_refused(void)
{
	static struct sample s;
	struct hufu_param_gcm g;
	struct hufu_param_ccm c;
	struct hufu_param_zuc z;
	struct hufu_param_iv i;
	struct hufu_param_mac m;
	struct hufu_param_pss p;
	struct hufu_param_sm2_agree *a = malloc(sizeof(*a));

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, (g = gcm, g.iv_len = 0, s.op.param = &g), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, (g = gcm, g.tag_len = 5, s.op.param = &g), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, (g = gcm, g.tag_len = (size_t)1 << 40, s.op.param = &g), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, s.op.param = NULL, HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_DECRYPT, CKM_AES_CCM, (c = ccm, c.nonce_len = 14, s.op.param = &c), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_DECRYPT, CKM_AES_CCM, (c = ccm, c.tag_len = 7, s.op.param = &c), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, (z = zuc, z.bearer = 32, s.op.param = &z), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, (z = zuc, z.direction = 2, s.op.param = &z), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, (z = zuc, z.nbits = (uint64_t)1 << 32, s.op.param = &z), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CTR, (i = iv, i.counter_bits = 129, s.op.param = &i), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_SIGN, CKM_SHA256_HMAC, (m.mac_len = 33, s.op.param = &m), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_SIGN, CKM_SHA256_HMAC, (m.mac_len = 0, s.op.param = &m), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_SIGN, CKM_RSA_PKCS_PSS, (p = pss, p.hash = CKM_AES_CBC, s.op.param = &p), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_DERIVE, CKM_HUFU_SM2_KEY_AGREEMENT, (*a = sm2_agree, a->key_len = 4097, s.op.param = a), HUFU_ERR_PARAM);
	REFUSED(HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, s.op.mechanism = 0x7fffffff, HUFU_ERR_UNSUPPORTED);
	free(a);
}

static void test_values_refused(void)
{
	static struct sample s;

	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.op.key = NULL, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.op.subject = &s.subject, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.key.type = 99, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.key.copy_kind = 5, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.op.phase = 4, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.op.phase = HUFU_PHASE_NEXT, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_SIGN, CKM_HUFU_SM2, s.op.new_type = HUFU_KEY_SM4, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_GENERATE, CKM_HUFU_SM2_KEY_PAIR_GEN, s.op.new_type = 0, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_GENERATE, CKM_HUFU_SM2_KEY_PAIR_GEN, s.op.new_len = 4097, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_WRAP, CKM_HUFU_SM2_C1C3C2, s.op.subject = NULL, HUFU_ERR_ARGUMENT);
	REFUSED(HUFU_VERB_RANDOM, 0, s.op.out_cap = WIRE_RANDOM_MAX + 1, HUFU_ERR_DATA_LEN);
}

/* An output space that no answer fills is not made. */
static void test_space_is_bounded(void)
{
	static struct sample s;
	struct wire_op *op;

	fill(&s, kind_of(HUFU_VERB_SIGN, CKM_HUFU_SM2));
	s.op.out_cap = SIZE_MAX;
	struct writer w = request_of(&s, NULL);
	CU_ASSERT_EQUAL_FATAL(take(&w, &op), HUFU_OK);
	CU_ASSERT_EQUAL(op->op.out_cap, 32 + 65536);
	wire_op_free(op);
	writer_clear(&w);
}

/* -- answers ---------------------------------------------------------------------------------- */

static struct writer reply_of(const struct hufu_op *op, const struct wire_status *status)
{
	static const struct wire_load load = {.in_flight = 3, .queue = 4, .capacity = 5, .draining = true};
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL_FATAL(wire_op_put_reply(&w, 9, op, status, &load, 123), HUFU_OK);
	return w;
}

/* What a driver does with the op: all that it may write is full. */
static void serve(struct hufu_op *op)
{
	bool makes = op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT || op->verb == HUFU_VERB_UNWRAP;

	op->outcome = HUFU_OK;
	op->out_len = op->out_cap;
	memset(op->out ? op->out : op->op_id, 0x5a, op->out_len);
	if (op->verb == HUFU_VERB_FIND) {
		struct hufu_resident *resident = (void *)op->out;

		*resident = (struct hufu_resident){.size = sizeof(*resident), .type = HUFU_KEY_SM2_PRIVATE, .verbs = 1 << HUFU_VERB_SIGN,
		                                   .label = "sign 3", .id = "\1\2\3", .id_len = 3, .copy = "\0\3", .copy_len = 2};
	}
	if (op->pub) {
		op->pub_len = 64;
		memset(op->pub, 0x5b, op->pub_len);
	}
	if (op->state_out) {
		op->state_out_len = 300;
		memset(op->state_out, 0x5c, op->state_out_len);
	}
	op->copy_kind = makes ? HUFU_COPY_RECIPE : HUFU_COPY_BLOB;
}

static void check_reply(const struct sample *sent, const struct hufu_op *served, const struct wire_load *load)
{
	const struct hufu_op *got = &sent->op;

	CU_ASSERT_EQUAL_FATAL(got->outcome, HUFU_OK);
	CU_ASSERT(same(got->out, got->out_len, served->out, served->out_len));
	if (got->pub)
		CU_ASSERT(same(got->pub, got->pub_len, served->pub, served->pub_len));
	CU_ASSERT(same(got->state_out, got->state_out_len, served->state_out, served->state_out_len));
	CU_ASSERT_EQUAL(got->copy_kind, served->copy_kind);
	CU_ASSERT(load->in_flight == 3 && load->queue == 4 && load->capacity == 5 && load->draining);
}

static void test_reply_round_trip(void)
{
	static struct sample s;
	size_t in_use = secret_in_use();
	const struct wire_status done = wire_status_of(HUFU_OK);

	for (unsigned i = 0; i < NKINDS; i++) {
		struct wire_load load;
		struct wire_op *op;

		fill(&s, &kinds[i]);
		struct writer request = request_of(&s, NULL);
		CU_ASSERT_EQUAL_FATAL(take(&request, &op), HUFU_OK);
		serve(&op->op);
		struct writer reply = reply_of(&op->op, &done);
		wire_op_get_reply(&s.op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, &load);
		check_reply(&s, &op->op, &load);
		CU_ASSERT_EQUAL(wire_get_status(reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, &load), HUFU_OK);
		CU_ASSERT_EQUAL(load.queue, 4);
		wire_op_free(op);
		writer_clear(&request);
		writer_clear(&reply);
	}
	CU_ASSERT_EQUAL(secret_in_use(), in_use);
}

static void test_reply_damaged(void)
{
	static struct sample s;
	const struct wire_status done = wire_status_of(HUFU_OK);

	for (unsigned i = 0; i < NKINDS; i++) {
		struct wire_op *op;

		fill(&s, &kinds[i]);
		s.op.out_cap = s.op.verb == HUFU_VERB_FIND ? s.op.out_cap : s.op.out_cap < 64 ? s.op.out_cap : 64;
		struct writer request = request_of(&s, NULL);
		CU_ASSERT_EQUAL_FATAL(take(&request, &op), HUFU_OK);
		serve(&op->op);
		struct writer reply = reply_of(&op->op, &done);
		uint8_t *body = reply.data + WIRE_HEADER_LEN;
		size_t len = reply.len - WIRE_HEADER_LEN;

		for (size_t at = 0; at < 9 * len; at++) {
			bool cut = at >= 8 * len;
			size_t where = cut ? 0 : at / 8;
			uint8_t flip = (uint8_t)(cut ? 0u : 1u << at % 8);

			body[where] ^= flip;
			wire_op_get_reply(&s.op, body, cut ? at - 8 * len : len, NULL);
			body[where] ^= flip;
			CU_ASSERT(s.op.out_len <= s.op.out_cap || s.op.outcome == HUFU_ERR_BUFFER);
			CU_ASSERT(s.op.pub_len <= HUFU_PUB_MAX && s.op.state_out_len <= HUFU_STATE_MAX);
			CU_ASSERT(s.op.outcome == HUFU_OK || s.op.outcome == HUFU_ERR_BUFFER ||
			          (!s.op.out_len && !s.op.pub_len && !s.op.state_out_len));
		}
		wire_op_free(op);
		writer_clear(&request);
		writer_clear(&reply);
	}
}

/* More than there is space for, or than the op can give, is no answer at all. */
static void test_reply_unfit(void)
{
	static struct sample small, big;
	const struct wire_status done = wire_status_of(HUFU_OK);

	fill(&big, kind_of(HUFU_VERB_SIGN, CKM_HUFU_SM2));
	serve(&big.op);
	struct writer reply = reply_of(&big.op, &done);
	fill(&small, kind_of(HUFU_VERB_SIGN, CKM_HUFU_SM2));
	small.op.out_cap = 63;
	wire_op_get_reply(&small.op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, NULL);
	CU_ASSERT_EQUAL(small.op.outcome, HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(small.op.out_len, 0);
	CU_ASSERT_EQUAL(small.out[0], 0);
	fill(&small, kind_of(HUFU_VERB_VERIFY, CKM_ECDSA));
	wire_op_get_reply(&small.op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, NULL);
	CU_ASSERT_EQUAL(small.op.outcome, HUFU_ERR_CORRUPT);
	wire_op_get_reply(&small.op, NULL, 0, NULL); /* no status is no "done" */
	CU_ASSERT_EQUAL(small.op.outcome, HUFU_ERR_CORRUPT);
	writer_clear(&reply);
}

static void test_reply_errors(void)
{
	static struct sample s;
	struct wire_status status = wire_status_of(HUFU_ERR_BUFFER);

	fill(&s, kind_of(HUFU_VERB_EXPORT, 0));
	s.op.out_len = 99;
	struct writer reply = reply_of(&s.op, &status);
	wire_op_get_reply(&s.op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, NULL);
	CU_ASSERT_EQUAL(s.op.outcome, HUFU_ERR_BUFFER);
	CU_ASSERT_EQUAL(s.op.out_len, 99);
	writer_clear(&reply);
	status = wire_status_of(HUFU_ERR_SIGNATURE);
	status.text = "no";
	s.op.out_len = 16;
	s.op.pub_len = s.op.state_out_len = 0;
	reply = reply_of(&s.op, &status);
	CU_ASSERT_PTR_NULL(memmem(reply.data, reply.len, s.out, 16)); /* what a driver left there stays there */
	wire_op_get_reply(&s.op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, NULL);
	CU_ASSERT_EQUAL(s.op.outcome, HUFU_ERR_SIGNATURE);
	CU_ASSERT_EQUAL(s.op.out_len, 0);
	writer_clear(&reply);
}

enum { EXECUTED, NOT_EXECUTED, UNKNOWN };

static void test_codes(void)
{
	static const struct {
		uint32_t code;
		uint8_t certainty;
		enum hufu_err err;
	} rows[] = {
		{0, EXECUTED, HUFU_OK}, {0, NOT_EXECUTED, HUFU_ERR_CORRUPT}, {0, UNKNOWN, HUFU_ERR_CORRUPT},
		{HUFU_ERR_SIGNATURE, NOT_EXECUTED, HUFU_ERR_SIGNATURE}, {HUFU_ERR_SIGNATURE, EXECUTED, HUFU_ERR_SIGNATURE},
		{HUFU_ERR(CALLER, 200), NOT_EXECUTED, HUFU_ERR_ARGUMENT}, {HUFU_ERR(NO_KEY, 9), NOT_EXECUTED, HUFU_ERR_NO_KEY},
		{HUFU_ERR_GONE, NOT_EXECUTED, HUFU_ERR_GONE}, {HUFU_ERR_GONE, UNKNOWN, HUFU_ERR_LOST},
		{HUFU_ERR_BUSY, UNKNOWN, HUFU_ERR_LOST}, {HUFU_ERR_LOST, UNKNOWN, HUFU_ERR_LOST},
		{HUFU_ERR_LOST, NOT_EXECUTED, HUFU_ERR_BUSY}, {HUFU_ERR_CORRUPT, UNKNOWN, HUFU_ERR_CORRUPT},
		{HUFU_ERR_DEADLINE, NOT_EXECUTED, HUFU_ERR_BUSY}, {HUFU_ERR_STORE_IO, UNKNOWN, HUFU_ERR_LOST},
		{HUFU_ERR_BUG, UNKNOWN, HUFU_ERR_LOST}, {HUFU_ERR_BUG, NOT_EXECUTED, HUFU_ERR_LOST},
		{0xffffffff, NOT_EXECUTED, HUFU_ERR_BUSY}, {0xffffffff, UNKNOWN, HUFU_ERR_LOST}, {5, NOT_EXECUTED, HUFU_ERR_BUSY},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(wire_err_in(rows[i].code, rows[i].certainty), rows[i].err);
	CU_ASSERT_EQUAL(wire_status_of(HUFU_ERR_LOST).certainty, UNKNOWN);
	CU_ASSERT_EQUAL(wire_status_of(HUFU_ERR_GONE).certainty, NOT_EXECUTED);
	CU_ASSERT_EQUAL(wire_status_of(HUFU_ERR_DATA).certainty, NOT_EXECUTED);
	CU_ASSERT_EQUAL(wire_status_of(HUFU_OK).certainty, EXECUTED);
}

/* -- INFO ---------------------------------------------------------------------------------- */

static void test_info(void)
{
	static struct hufu_capability rows[1025];
	struct hufu_device_info info = {.size = sizeof(info), .vendor = "v", .model = "m", .serial = "s", .firmware = "1.0",
	                                .domain_id = "0123456789abcde", .max_leases = 5, .key_cache = 6, .caps = rows, .ncaps = 1024};
	struct hufu_device_info got;
	struct hufu_capability *caps;
	struct wire_load load;
	struct writer w;
	uint32_t flags;

	for (unsigned i = 0; i < 1025; i++)
		rows[i] = (struct hufu_capability){.mechanism = 0x80000000u + i, .verbs = 0x4a2, .min_nbits = 128, .max_nbits = 256,
		                                   .multi_part = 1, .permanent = 1, .max_in = UINT64_MAX - i, .cost_us = 300 + i};
	writer_init(&w, false);
	CU_ASSERT_EQUAL_FATAL(wire_info_put_reply(&w, 1, &info, ~0u, &(struct wire_load){.queue = 2}), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(wire_info_get_reply(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &got, &caps, &flags, &load),
	                      HUFU_OK);
	CU_ASSERT_EQUAL(flags, HUFU_DRIVER_SOFTWARE);
	CU_ASSERT_EQUAL(load.queue, 2);
	CU_ASSERT_EQUAL(got.ncaps, 1024);
	CU_ASSERT(got.caps == caps && memcmp(caps, rows, 1024 * sizeof(rows[0])) == 0);
	CU_ASSERT(strcmp(got.firmware, "1.0") == 0 && same(got.domain_id, 16, info.domain_id, 16));
	CU_ASSERT(got.max_leases == 5 && got.key_cache == 6);
	free(caps);
	for (size_t cut = 0; cut < w.len - WIRE_HEADER_LEN; cut += cut < 200 ? 1 : 97)
		if (wire_info_get_reply(w.data + WIRE_HEADER_LEN, cut, &got, &caps, &flags, &load) == HUFU_OK)
			free(caps);
	writer_clear(&w);
	info.ncaps = 1025;
	CU_ASSERT_EQUAL(wire_info_put_reply(&w, 1, &info, 0, NULL), HUFU_ERR_DATA_LEN);
	writer_clear(&w);
}

/* -- HELLO ----------------------------------------------------------------------------------- */

static const struct wire_hello hello = {.version_min = 1, .version_max = 3, .max_body = 70000, .features = 5, .process = 77,
                                        .role = WIRE_TOKEN, .token = "trading", .client = "test 1", .nonce = "nonce of a client"};
static const struct wire_hello_ok hello_ok = {.version = 1, .max_body = 70000, .window = 256, .features = 1, .start = 9,
                                              .machine = "m1", .token = "trading", .profile = "unix", .nonce = "of a machine",
                                              .domain_point = "point", .domain_proof = "proof"};

static void test_hello(void)
{
	struct wire_hello got;
	struct wire_hello_ok got_ok;
	struct writer w;

	writer_init(&w, false);
	CU_ASSERT_EQUAL(wire_hello_put(&w, &hello), HUFU_OK);
	CU_ASSERT_EQUAL(wire_hello_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &got), HUFU_OK);
	CU_ASSERT(memcmp(&got, &hello, sizeof(got)) == 0);
	for (size_t bit = 0; bit < 8 * (w.len - WIRE_HEADER_LEN); bit++) {
		w.data[WIRE_HEADER_LEN + bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (wire_hello_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &got) == HUFU_OK)
			CU_ASSERT(strlen(got.token) <= 64 && got.version_min <= got.version_max && got.role <= WIRE_HOST);
		w.data[WIRE_HEADER_LEN + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	writer_clear(&w);
	CU_ASSERT_EQUAL(wire_hello_ok_put(&w, &hello_ok), HUFU_OK);
	CU_ASSERT_EQUAL(wire_hello_ok_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &got_ok), HUFU_OK);
	CU_ASSERT(memcmp(&got_ok, &hello_ok, sizeof(got_ok)) == 0);
	writer_clear(&w);
}

static void test_hello_refusal(void)
{
	struct wire_hello_ok no = {.status = wire_status_of(HUFU_ERR_DENIED)}, got;
	struct writer w;
	char text[200];

	memset(text, 'a', sizeof(text));
	memcpy(text + 127, "\xc3\xa9", 3); /* a character across the end of what is kept */
	no.status.text = text;
	no.status.retry_ms = 12;
	writer_init(&w, false);
	CU_ASSERT_EQUAL(wire_hello_ok_put(&w, &no), HUFU_OK);
	CU_ASSERT_EQUAL(wire_hello_ok_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &got), HUFU_OK);
	CU_ASSERT_EQUAL(got.status.err, HUFU_ERR_DENIED);
	CU_ASSERT_EQUAL(got.status.retry_ms, 12);
	CU_ASSERT_EQUAL(strlen(got.why), 127);
	CU_ASSERT_PTR_NULL(got.status.text);
	writer_clear(&w);
}

/* Whatever of both sides, the channel or the token is another, the proof is for something else. */
static void test_domain_digest(void)
{
	uint8_t binding[32] = {1}, first[32], e[32];
	struct wire_hello h = hello;
	struct wire_hello_ok ok = hello_ok;

	wire_domain_digest(binding, &h, &ok, first);
	wire_domain_digest(binding, &h, &ok, e);
	CU_ASSERT(memcmp(first, e, 32) == 0);
	binding[31] = 1;
	wire_domain_digest(binding, &h, &ok, e);
	CU_ASSERT(memcmp(first, e, 32) != 0);
	binding[31] = 0;
	h.nonce[31] = 1;
	wire_domain_digest(binding, &h, &ok, e);
	CU_ASSERT(memcmp(first, e, 32) != 0);
	h = hello;
	ok.nonce[31] = 1;
	wire_domain_digest(binding, &h, &ok, e);
	CU_ASSERT(memcmp(first, e, 32) != 0);
	ok = hello_ok;
	h.role = WIRE_DEVICES;
	wire_domain_digest(binding, &h, &ok, e);
	CU_ASSERT(memcmp(first, e, 32) != 0);
	h = hello;
	ok.token[0] = 'T';
	wire_domain_digest(binding, &h, &ok, e);
	CU_ASSERT(memcmp(first, e, 32) != 0);
}

/* -- small frames, headers ---------------------------------------------------------------------- */

static void test_small_frames(void)
{
	struct wire_header header;
	struct writer w;
	uint64_t last;
	uint32_t n;

	writer_init(&w, false);
	CU_ASSERT_EQUAL(wire_goaway_put(&w, 1234567890123, WIRE_GOAWAY_REVOKED, "why"), HUFU_OK);
	CU_ASSERT_EQUAL(wire_goaway_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &last, &n), HUFU_OK);
	CU_ASSERT(last == 1234567890123 && n == WIRE_GOAWAY_REVOKED);
	writer_clear(&w);
	CU_ASSERT_EQUAL(wire_progress_put(&w, 5, 2000), HUFU_OK);
	CU_ASSERT_EQUAL(wire_progress_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &n), HUFU_OK);
	CU_ASSERT_EQUAL(n, 2000);
	writer_clear(&w);
	CU_ASSERT_EQUAL(wire_credit_put(&w, 64), HUFU_OK);
	CU_ASSERT_EQUAL(wire_credit_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &n), HUFU_OK);
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT_EQUAL(wire_credit_get((const uint8_t *)"\x08", 1, &n), HUFU_ERR_CORRUPT);
	writer_clear(&w);
	CU_ASSERT_EQUAL(wire_plain_put(&w, WIRE_PING, 8), HUFU_OK);
	CU_ASSERT_EQUAL(wire_request_put(&w, 9, WIRE_OP_INFO, 100), HUFU_OK);
	CU_ASSERT_EQUAL(w.len, 2 * WIRE_HEADER_LEN);
	CU_ASSERT_EQUAL(wire_header_get(w.data + WIRE_HEADER_LEN, 0, &header), HUFU_OK);
	CU_ASSERT(header.type == WIRE_REQUEST && header.id == 9 && header.op == WIRE_OP_INFO && header.deadline_ms == 100);
	writer_clear(&w);
}

/* The bytes as docs/PROTOCOL.md draws them. */
static void test_header(void)
{
	static const uint8_t drawn[WIRE_HEADER_LEN] = {'H', 'F', 1, 3, 0, 1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0x01, 0x07, 0, 0, 0, 0, 1, 44};
	const struct wire_header header = {.type = WIRE_REQUEST, .body_len = 0x10203, .id = 0x102030405060708, .op = 0x107,
	                                   .deadline_ms = 300};
	struct wire_header got;
	uint8_t out[WIRE_HEADER_LEN];

	wire_header_put(&header, out);
	CU_ASSERT(memcmp(out, drawn, sizeof(out)) == 0);
	CU_ASSERT_EQUAL(wire_header_get(drawn, 0x10203, &got), HUFU_OK);
	CU_ASSERT_EQUAL(wire_header_get(drawn, 0x10202, &got), HUFU_ERR_CORRUPT);
	for (unsigned at = 0; at < 4; at++) {
		memcpy(out, drawn, sizeof(out));
		out[at] = 0xff;
		CU_ASSERT_EQUAL(wire_header_get(out, UINT32_MAX, &got), HUFU_ERR_CORRUPT);
	}
}

static const struct unit_case cases[] = {
	{"a header is the 24 bytes of the protocol, and another magic, version or type is refused", test_header},
	{"a request of each kind arrives as it was sent, in memory of its own", test_request_round_trip},
	{"a request that is cut, has a bit flipped or names another operation is refused or harmless", test_request_damaged},
	{"a request longer than the other side takes is not written", test_request_too_long},
	{"parameters that no driver may see are refused", test_params_refused},
	{"keys, phases and lengths that no driver may see are refused", test_values_refused},
	{"no more space is made than an answer can fill", test_space_is_bounded},
	{"the answer to each kind arrives as it was given", test_reply_round_trip},
	{"an answer that is cut or has a bit flipped claims no more than there is space for", test_reply_damaged},
	{"an answer that does not fit its request is none", test_reply_unfit},
	{"an error brings its code and nothing else", test_reply_errors},
	{"codes keep their group, and what is uncertain is never free of charge", test_codes},
	{"a device's description arrives whole, 1,024 rows and no more", test_info},
	{"HELLO and HELLO_OK arrive as they were sent", test_hello},
	{"a refusal brings its reason, cut at a character", test_hello_refusal},
	{"a domain's proof is for one channel, both nonces, one role and one token", test_domain_digest},
	{"GOAWAY, PROGRESS, CREDIT, PING and requests without a body", test_small_frames},
	{0},
};
UNIT_MAIN("wire", cases)
