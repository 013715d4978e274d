/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that another implementation of Protocol Buffers (Google's, protoc --encode, 3.21) wrote from the text beside them,
 * and what others may write: unknown fields, fields in any order, and what may not be.
 */
#include "unit.h"

#include <stdint.h>

#include "base/secret.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"
#include "wire/body.h"
#include "wire/hufu.pb-c.h"
#include "wire/op.h"

#define MAX_BODY WIRE_BODY_DEFAULT

static uint8_t body[1024];

static bool is_body(const struct writer *w, const char *hex)
{
	size_t len = unit_hex(hex, body);

	return w->len == WIRE_HEADER_LEN + len && memcmp(w->data + WIRE_HEADER_LEN, body, len) == 0;
}

static struct hufu_key key_of(enum hufu_key_type type, enum hufu_copy_kind kind, const char *copy, size_t len)
{
	struct hufu_key key = {.size = sizeof(key), .type = type, .copy_kind = kind, .blob = (const uint8_t *)copy, .blob_len = len};

	memcpy(key.uuid, "0123456789abcdef", 16);
	return key;
}

/*
 * mechanism: 3360507394
 * key { uuid: "0123456789abcdef" version: 300 type: 1 copy_kind: 1 copy: "sealed" hardware_only: true }
 * in: "a digest of thirty-two bytes ..." out_cap: 64 op_id: "fedcba9876543210" attempt: 2 repeatable: true
 * traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
 */
static const char sign_request[] =
	"08828cd5c20c1a230a103031323334353637383961626364656610ac02180120012a067365616c6564300142206120646967657374206f66207468697274"
	"792d74776f206279746573202e2e2e5040721066656463626139383736353433323130780280010192013730302d30616637363531393136636434336464"
	"383434386562323131633830333139632d623761643662373136393230333333312d3031";

static void test_sign_request(void)
{
	static const struct wire_extra extra = {.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"};
	struct hufu_key key = key_of(HUFU_KEY_SM2_PRIVATE, HUFU_COPY_BLOB, "sealed", 6);
	uint8_t out[64];
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &key,
	                     .in = (const uint8_t *)"a digest of thirty-two bytes ...", .in_len = 32, .out = out, .out_cap = 64,
	                     .attempt = 2, .repeatable = true};
	struct wire_op *got;
	struct writer w;

	key.version = 300;
	key.hardware_only = true;
	memcpy(op.op_id, "fedcba9876543210", 16);
	writer_init(&w, true);
	CU_ASSERT_EQUAL(wire_op_put(&w, 1, 0, MAX_BODY, &op, &extra), HUFU_OK);
	CU_ASSERT(is_body(&w, sign_request));
	writer_clear(&w);
	size_t len = unit_hex(sign_request, body);
	CU_ASSERT_EQUAL_FATAL(wire_op_take(WIRE_OP_VERB + HUFU_VERB_SIGN, body, len, MAX_BODY, &got), HUFU_OK);
	CU_ASSERT(got->key.version == 300 && got->key.hardware_only && got->key.blob_len == 6 && got->op.in_len == 32);
	CU_ASSERT_STRING_EQUAL(got->extra.traceparent, extra.traceparent);
	wire_op_free(got);
}

/*
 * mechanism: 4231 phase: 1 key { uuid: "0123456789abcdef" type: 6 copy_kind: 2 copy: "\000\003" }
 * param { iv: "twelve bytes" aad: "header" tag_len: 16 } in: "first part" out_cap: 10 want_state: true
 */
static const char gcm_request[] =
	"08872110011a1a0a1030313233343536373839616263646566180620022a0200033a180a0c7477656c76652062797465731a066865616465722010420a66"
	"697273742070617274500a6001";

static void test_gcm_request(void)
{
	struct hufu_key key = key_of(HUFU_KEY_AES, HUFU_COPY_INDEX, "\0\3", 2);
	struct hufu_param_gcm gcm = {(const uint8_t *)"twelve bytes", 12, (const uint8_t *)"header", 6, 16};
	uint8_t out[10], state[HUFU_STATE_MAX];
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_AES_GCM, .phase = HUFU_PHASE_FIRST,
	                     .key = &key, .param = &gcm, .in = (const uint8_t *)"first part", .in_len = 10, .out = out, .out_cap = 10,
	                     .state_out = state};
	struct wire_op *got;
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL(wire_op_put(&w, 1, 0, MAX_BODY, &op, NULL), HUFU_OK);
	CU_ASSERT(is_body(&w, gcm_request));
	writer_clear(&w);
	size_t len = unit_hex(gcm_request, body);
	CU_ASSERT_EQUAL_FATAL(wire_op_take(WIRE_OP_VERB + HUFU_VERB_ENCRYPT, body, len, MAX_BODY, &got), HUFU_OK);
	const struct hufu_param_gcm *param = got->op.param;
	CU_ASSERT(param->iv_len == 12 && memcmp(param->aad, "header", 6) == 0 && param->tag_len == 16 && got->op.state_out);
	wire_op_free(got);
}

/*
 * status { } load { in_flight: 5 queue: 1 capacity: 64 draining: true } out: "a signature" state: "a state" served_us: 123456789
 */
static const char op_reply[] = "0a00120808051001184020011a0b61207369676e617475726532076120737461746540959aef3a";

static void test_op_reply(void)
{
	const struct wire_load load = {.in_flight = 5, .queue = 1, .capacity = 64, .draining = true};
	const struct wire_status done = wire_status_of(HUFU_OK);
	uint8_t out[64], state[HUFU_STATE_MAX];
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_ENCRYPT, .out = out, .out_cap = 64, .state_out = state};
	struct wire_load told;
	struct writer w;

	wire_op_get_reply(&op, body, unit_hex(op_reply, body), &told);
	CU_ASSERT(op.outcome == HUFU_OK && op.out_len == 11 && memcmp(out, "a signature", 11) == 0);
	CU_ASSERT(op.state_out_len == 7 && memcmp(state, "a state", 7) == 0);
	CU_ASSERT(told.in_flight == 5 && told.queue == 1 && told.capacity == 64 && told.draining);
	writer_init(&w, true);
	CU_ASSERT_EQUAL(wire_op_put_reply(&w, 1, &op, &done, &load, 123456789), HUFU_OK);
	CU_ASSERT(is_body(&w, op_reply));
	writer_clear(&w);
}

/* status { error: 1537 certainty: NOT_EXECUTED scope: MACHINE text: "no device \303\274" retry_ms: 250 } */
static void test_refusal(void)
{
	static const char refusal[] = "0a1808810c10011802220c6e6f2064657669636520c3bc30fa01";
	struct wire_status status = {.err = HUFU_ERR_BUSY, .certainty = 1, .scope = 2, .text = "no device \303\274", .retry_ms = 250};
	struct wire_load load;
	struct writer w;

	CU_ASSERT_EQUAL(wire_get_status(body, unit_hex(refusal, body), &load), HUFU_ERR_BUSY);
	writer_init(&w, false);
	CU_ASSERT_EQUAL(HUFU_ERR_BUSY, 1537);
	CU_ASSERT_EQUAL(wire_put_status(&w, 1, WIRE_OP_PROBE, &status, NULL), HUFU_OK);
	CU_ASSERT(is_body(&w, refusal));
	writer_clear(&w);
}

/* As protoc read the texts in test_hello and test_info's names. */
static const char hello[] = "08011007180320808080012801320774726164696e673a203031323334353637383961626364656630313233343536373839616263"
			    "64656642096f7468657220302e3148ffffffffffffffffff01";
static const char hello_ok[] =
	"0a0010011801208080800128800232026d313a0774726164696e67404d4a2066656463626139383736353433323130666564636261393837363534333231"
	"3052403031323334353637383961626364656630313233343536373839616263646566303132333435363738396162636465663031323334353637383961"
	"6263646566"
	"5a40666564636261393837363534333231306665646362613938373635343332313066656463626139383736353433323130666564636261393837363534"
	"333231306204756e6978";

static void test_hello(void)
{
	struct wire_hello h;
	struct wire_hello_ok ok;
	struct writer w;

	CU_ASSERT_EQUAL_FATAL(wire_hello_get(body, unit_hex(hello, body), &h), HUFU_OK);
	CU_ASSERT(h.version_min == 1 && h.version_max == 7 && h.features == 3 && h.max_body == 2097152 && h.role == WIRE_TOKEN);
	CU_ASSERT(h.process == UINT64_MAX && strcmp(h.client, "other 0.1") == 0 && h.nonce[31] == 'f');
	writer_init(&w, false);
	CU_ASSERT(wire_hello_put(&w, &h) == HUFU_OK && is_body(&w, hello));
	writer_clear(&w);
	CU_ASSERT_EQUAL_FATAL(wire_hello_ok_get(body, unit_hex(hello_ok, body), &ok), HUFU_OK);
	CU_ASSERT(ok.window == 256 && ok.start == 77 && strcmp(ok.machine, "m1") == 0 && ok.domain_proof[63] == '0');
	CU_ASSERT(wire_hello_ok_put(&w, &ok) == HUFU_OK && is_body(&w, hello_ok));
	writer_clear(&w);
}

static void test_info(void)
{
	static const char info_hex[] = "0a00120218081a017622016d2a01733201313a103031323334353637383961626364656640034a13088721106018800120"
				       "800228013880804040074a041002300150095808";
	struct hufu_device_info info;
	struct hufu_capability *caps;
	struct wire_load load;
	uint32_t flags;

	CU_ASSERT_EQUAL_FATAL(wire_info_get_reply(body, unit_hex(info_hex, body), &info, &caps, &flags, &load), HUFU_OK);
	CU_ASSERT(info.ncaps == 2 && caps[0].mechanism == CKM_AES_GCM && caps[0].verbs == 96 && caps[0].max_in == 1048576);
	CU_ASSERT(caps[0].multi_part && !caps[0].permanent && caps[1].permanent && caps[1].verbs == 2);
	CU_ASSERT(flags == HUFU_DRIVER_SOFTWARE && load.capacity == 8 && info.key_cache == 9 && info.max_leases == 3);
	free(caps);
}

static void test_small(void)
{
	uint64_t last;
	uint32_t n;

	CU_ASSERT_EQUAL(wire_goaway_get(body, unit_hex("08ac0210041a04676f6e65", body), &last, &n), HUFU_OK);
	CU_ASSERT(last == 300 && n == WIRE_GOAWAY_REVOKED);
	CU_ASSERT(wire_progress_get(body, unit_hex("08d00f", body), &n) == HUFU_OK && n == 2000);
	CU_ASSERT(wire_credit_get(body, unit_hex("08ac02", body), &n) == HUFU_OK && n == 300);
}

/* -- what others may write, and what they may not ------------------------------------- */

static enum hufu_err credit_of(const char *hex, uint32_t *window)
{
	*window = 0;
	return wire_credit_get(body, unit_hex(hex, body), window);
}

static void test_lenient(void)
{
	uint32_t n;

	CU_ASSERT(credit_of("08ac02 1002 1a0161 25 01020304 29 0102030405060708", &n) == HUFU_OK && n == 300); /* fields of later versions */
	CU_ASSERT(credit_of("1a0161 08ac02", &n) == HUFU_OK && n == 300);                                      /* before ours */
	CU_ASSERT(credit_of("088080808000", &n) == HUFU_OK && n == 0);                                         /* a number not at its shortest */
	CU_ASSERT(credit_of("", &n) == HUFU_OK && n == 0);
}

static void test_strict(void)
{
	static const char *const malformed[] = {
		"08",                       /* no number */
		"0880",                     /* one that goes on */
		"08ffffffffffffffffffff01", /* more than 64 bits */
		"08ac02 08ac02",            /* twice */
		"0a00",                     /* text where a number belongs */
		"1b 1c", "0c",              /* groups */
		"00",                       /* field 0 */
		"1205 61",                  /* longer than the body */
		"12ffffffffffffffff7f",     /* longer than memory */
		"0f",                       /* encoding 7 */
	};
	uint32_t n;

	for (unsigned i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		CU_ASSERT_EQUAL(credit_of(malformed[i], &n), HUFU_ERR_CORRUPT);
}

static void test_text(void)
{
	static const struct {
		const char *hex;
		bool good;
	} rows[] = {
		{"1a0161", true}, {"1a02c3bc", true}, {"1a03e382a2", true}, {"1a04f0908080", true}, {"1a04f48fbfbf", true}, {"1a00", true},
		{"1a0100", false}, {"1a0180", false}, {"1a02c0af", false}, {"1a03eda080", false}, {"1a04f4908080", false},
		{"1a03e08080", false}, {"1a01c3", false}, {"1a0161 61", false}, {"1a01ff", false}, {"1a04f0808080", false},
	};
	uint64_t last;
	uint32_t n;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(wire_goaway_get(body, unit_hex(rows[i].hex, body), &last, &n) == HUFU_OK, rows[i].good);
}

/* -- what unpacking takes --------------------------------------------------------------------- */

static size_t taken_by(const ProtobufCMessageDescriptor *descriptor, const uint8_t *in, size_t len, enum hufu_err *err)
{
	size_t before = secret_in_use();
	ProtobufCMessage *message;

	*err = wire_unpack(descriptor, in, len, &message);
	size_t taken = secret_in_use() - before;
	wire_free(message);
	CU_ASSERT_EQUAL(secret_in_use(), before);
	return taken;
}

/* A flood of whatever is short on the wire and long in memory. */
static void test_bounded(void)
{
	static const struct {
		const char *unit;
		bool taken;
	} floods[] = {
		{"4a00", true},     /* capabilities */
		{"4a021000", true}, /* with a field */
		{"7a00", false},    /* fields nobody knows */
		{"78 00", false},
		{"1a00", false},    /* a text again and again */
	};
	const size_t len = 65536;
	uint8_t *in = malloc(len), unit[8];

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	for (unsigned i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		size_t unit_len = unit_hex(floods[i].unit, unit);
		enum hufu_err err;

		for (size_t n = unit_len; n <= len; n *= 2) {
			for (size_t at = 0; at + unit_len <= n; at += unit_len)
				memcpy(in + at, unit, unit_len);
			size_t used = n / unit_len * unit_len, taken = taken_by(&hufu__wire__info_reply__descriptor, in, used, &err);

			CU_ASSERT(taken <= (WIRE_UNPACK_FACTOR + 16) * used + 16384);
			CU_ASSERT(err == HUFU_OK || err == HUFU_ERR_CORRUPT);
			CU_ASSERT(floods[i].taken || used <= 64 * unit_len || err == HUFU_ERR_CORRUPT);
		}
	}
	free(in);
}

/* Much data takes its own length and little more. */
static void test_frugal(void)
{
	static uint8_t data[1 << 20];
	struct hufu_key key = key_of(HUFU_KEY_SM4, HUFU_COPY_BLOB, "sealed", 6);
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key, .in = data,
	                     .in_len = sizeof(data)};
	struct writer w;
	enum hufu_err err;

	writer_init(&w, true);
	CU_ASSERT_EQUAL_FATAL(wire_op_put(&w, 1, 0, MAX_BODY, &op, NULL), HUFU_OK);
	size_t taken = taken_by(&hufu__wire__op__descriptor, w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &err);
	CU_ASSERT_EQUAL(err, HUFU_OK);
	CU_ASSERT(taken >= sizeof(data) && taken <= sizeof(data) + 16384);
	writer_clear(&w);
}

static const struct unit_case cases[] = {
	{"a signature's request is, byte for byte, what another implementation writes", test_sign_request},
	{"so is a part of an encryption with parameter and state", test_gcm_request},
	{"so is an answer", test_op_reply},
	{"so is a refusal", test_refusal},
	{"so are HELLO and HELLO_OK", test_hello},
	{"a description by another implementation is read", test_info},
	{"so are GOAWAY, PROGRESS and CREDIT", test_small},
	{"unknown fields are passed over, wherever they stand", test_lenient},
	{"what is malformed, or given twice, is refused", test_strict},
	{"text is UTF-8 without NUL", test_text},
	{"no flood of small fields takes more than a small multiple of its length", test_bounded},
	{"much data takes its own length and little more", test_frugal},
	{0},
};
UNIT_MAIN("wire interop", cases)
