/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: in the role devices each op comes through its frames as it went in, new keys are usable by their sealed copies
 * alone, another tenant's or a damaged copy is no key, hardware-only keys stay in hardware, and a request is answered
 * exactly once, in time, whatever it is. No server: requests are made by hand.
 */
#include "request_util.h"
#include "tenant_util.h"

#include "base/clock.h"
#include "base/log.h"
#include "driver/fault/fault.h"
#include "hufu/pkcs11.h"
#include "sm/sm4.h"

#define SOFT TENANT_CONF("soft", "device \"soft\" { driver = \"soft\" }\n")
#define MIXED TENANT_CONF("cards, soft", "device \"soft\" { driver = \"soft\" }\n" \
	"device \"cards\" { driver = \"fault\" wraps = \"soft\" }\n")

/* -- requests ------------------------------------------------------------------------ */

static struct session session_of(struct tenant *tenant)
{
	return (struct session){.peer = &request_peer, .tenant = tenant, .max_body = REQUEST_BODY_MAX};
}

static uint64_t soon(void)
{
	return clock_now_ns() + 30 * NS_PER_S;
}

static enum hufu_err call_until(struct tenant *tenant, struct hufu_op *op, bool hardware_only, uint64_t deadline_ns)
{
	struct session session = session_of(tenant);

	return ask_op(&service_devices, &session, op, hardware_only, deadline_ns);
}

static enum hufu_err call(struct tenant *tenant, struct hufu_op *op)
{
	return call_until(tenant, op, false, soon());
}

/* -- a tenant and its keys ------------------------------------------------------------------ */

struct bed {
	struct conf *conf;
	struct tenant *tenant;
};

static struct bed bed_of(const char *text)
{
	struct bed bed = {.conf = tenant_conf_of(text)};

	bed.tenant = tenant_of(bed.conf, "bank", tenant_master);
	return bed;
}

static void bed_free(struct bed *bed)
{
	tenant_free(bed->tenant);
	conf_free(bed->conf);
}

/* A key as a client's driver keeps it. */
struct kept {
	struct hufu_key key;
	uint8_t copy[8192], pub[HUFU_PUB_MAX];
	size_t pub_len;
};

static enum hufu_err make(struct tenant *tenant, struct hufu_op op, bool hardware_only, struct kept *kept)
{
	static uint8_t n;

	op.out = kept->copy;
	op.out_cap = sizeof(kept->copy);
	op.pub = kept->pub;
	op.copy_kind = HUFU_COPY_BLOB;
	enum hufu_err err = call_until(tenant, &op, hardware_only, soon());
	kept->key = (struct hufu_key){.size = sizeof(kept->key), .uuid = {++n}, .version = 1, .type = op.new_type,
	                              .copy_kind = op.copy_kind, .blob = kept->copy, .blob_len = op.out_len,
	                              .hardware_only = hardware_only};
	kept->pub_len = op.pub_len;
	return err;
}

static enum hufu_err generate_sm2(struct tenant *tenant, bool hardware_only, struct kept *kept)
{
	return make(tenant, (struct hufu_op){.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                                     .new_type = HUFU_KEY_SM2_PRIVATE}, hardware_only, kept);
}

static enum hufu_err import(struct tenant *tenant, enum hufu_key_type type, const void *value, size_t len, struct kept *kept)
{
	return make(tenant, (struct hufu_op){.verb = HUFU_VERB_IMPORT, .new_type = type, .in = value, .in_len = len}, false, kept);
}

static enum hufu_err run(struct tenant *tenant, enum hufu_verb verb, uint64_t mechanism, struct hufu_key *key, const void *in,
                         size_t in_len, uint8_t *out, size_t *out_len)
{
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .key = key, .in = in, .in_len = in_len, .out = out,
	                     .out_cap = *out_len};
	enum hufu_err err = call(tenant, &op);

	*out_len = op.out_len;
	return err;
}

static bool signs(struct tenant *tenant, struct kept *kept)
{
	uint8_t e[32] = {1, 2, 3}, sig[64];
	size_t len = sizeof(sig);
	struct sm2_public public;

	return run(tenant, HUFU_VERB_SIGN, CKM_HUFU_SM2, &kept->key, e, 32, sig, &len) == HUFU_OK && len == 64 &&
	       sm2_public_init(&public, kept->pub) == SM2_OK && sm2_verify(&public, e, sig) == SM2_OK;
}

/* GB/T 32907-2016 A.1. */
static const uint8_t sm4_key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t sm4_out[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};

static bool encrypts(struct tenant *tenant, struct kept *kept)
{
	uint8_t out[16];
	size_t len = sizeof(out);

	return run(tenant, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, &kept->key, sm4_key, 16, out, &len) == HUFU_OK && len == 16 &&
	       memcmp(out, sm4_out, 16) == 0;
}

/* -- round trips ------------------------------------------------------------------------------- */

static void signatures(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept pair, rsa;
	uint8_t sig[256];
	size_t len = sizeof(sig);

	CU_ASSERT_EQUAL_FATAL(generate_sm2(bed.tenant, false, &pair), HUFU_OK);
	CU_ASSERT_EQUAL(pair.pub_len, 64);
	CU_ASSERT_TRUE(signs(bed.tenant, &pair));
	struct hufu_param_rsa_gen gen = {.nbits = 2048};
	CU_ASSERT_EQUAL_FATAL(make(bed.tenant, (struct hufu_op){.verb = HUFU_VERB_GENERATE, .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN,
	                           .new_type = HUFU_KEY_RSA_PRIVATE, .param = &gen}, false, &rsa), HUFU_OK);
	CU_ASSERT_EQUAL(run(bed.tenant, HUFU_VERB_SIGN, CKM_RSA_PKCS, &rsa.key, "digest", 6, sig, &len), HUFU_OK);
	struct hufu_key public = {.size = sizeof(public), .uuid = {200}, .type = HUFU_KEY_RSA_PUBLIC, .copy_kind = HUFU_COPY_BLOB,
	                          .blob = rsa.pub, .blob_len = rsa.pub_len};
	struct hufu_op verify = {.verb = HUFU_VERB_VERIFY, .mechanism = CKM_RSA_PKCS, .key = &public, .in = (const uint8_t *)"digest",
	                         .in_len = 6, .in2 = sig, .in2_len = len};
	CU_ASSERT_EQUAL(call(bed.tenant, &verify), HUFU_OK);
	sig[9] ^= 1;
	CU_ASSERT_EQUAL(call(bed.tenant, &verify), HUFU_ERR_SIGNATURE);
	bed_free(&bed);
}

static void ciphers(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept kept;
	uint8_t text[100] = {7}, tag[16], sealed[116], expect[100], back[100];
	struct hufu_param_gcm gcm = {.iv = text, .iv_len = 12, .aad = text, .aad_len = 5, .tag_len = 16};
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_GCM, .key = &kept.key, .param = &gcm, .in = text,
	                     .in_len = 100, .out = sealed, .out_cap = sizeof(sealed)};
	struct sm4_key key;

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &kept), HUFU_OK);
	CU_ASSERT_TRUE(encrypts(bed.tenant, &kept));
	CU_ASSERT_EQUAL(call(bed.tenant, &op), HUFU_OK);
	sm4_key_init(&key, sm4_key);
	sm4_gcm_seal(&key, text, 12, text, 5, text, 100, expect, tag, 16);
	CU_ASSERT(op.out_len == 116 && memcmp(sealed, expect, 100) == 0 && memcmp(sealed + 100, tag, 16) == 0);
	op = (struct hufu_op){.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM4_GCM, .key = &kept.key, .param = &gcm, .in = sealed,
	                      .in_len = 116, .out = back, .out_cap = sizeof(back)};
	CU_ASSERT(call(bed.tenant, &op) == HUFU_OK && op.out_len == 100 && memcmp(back, text, 100) == 0);
	sealed[3] ^= 1;
	CU_ASSERT_EQUAL(call(bed.tenant, &op), HUFU_ERR_CIPHERTEXT);
	bed_free(&bed);
}

static void values(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept pair, secret, unwrapped;
	uint8_t out[200];
	size_t len = sizeof(out);

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &secret), HUFU_OK);
	CU_ASSERT_EQUAL(run(bed.tenant, HUFU_VERB_EXPORT, 0, &secret.key, NULL, 0, out, &len), HUFU_OK);
	CU_ASSERT(len == 16 && memcmp(out, sm4_key, 16) == 0);
	CU_ASSERT_EQUAL_FATAL(generate_sm2(bed.tenant, false, &pair), HUFU_OK);
	struct hufu_key public = {.size = sizeof(public), .uuid = {201}, .type = HUFU_KEY_SM2_PUBLIC, .copy_kind = HUFU_COPY_BLOB,
	                          .blob = pair.pub, .blob_len = 64};
	struct hufu_op wrap = {.verb = HUFU_VERB_WRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .key = &public, .subject = &secret.key,
	                       .out = out, .out_cap = sizeof(out)};
	CU_ASSERT_EQUAL(call(bed.tenant, &wrap), HUFU_OK);
	CU_ASSERT_EQUAL(make(bed.tenant, (struct hufu_op){.verb = HUFU_VERB_UNWRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .key = &pair.key,
	                     .new_type = HUFU_KEY_SM4, .in = out, .in_len = wrap.out_len}, false, &unwrapped), HUFU_OK);
	CU_ASSERT_TRUE(encrypts(bed.tenant, &unwrapped));
	bed_free(&bed);
}

/* RFC 7748 6.1; the form of the key: RFC 8410 7. */
static void agreement(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept alice;
	uint8_t pkcs8[48], bob[32], shared[32], out[32];
	struct hufu_param_agree param = {.peer = bob, .peer_len = sizeof(bob)};
	struct hufu_op op = {.verb = HUFU_VERB_DERIVE, .mechanism = CKM_ECDH1_DERIVE, .key = &alice.key, .param = &param, .out = out,
	                     .out_cap = sizeof(out)};

	size_t len = unit_hex("302e020100300506032b656e04220420"
	                      "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", pkcs8);
	unit_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", bob);
	unit_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", shared);
	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_MONTGOMERY_PRIVATE, pkcs8, len, &alice), HUFU_OK);
	CU_ASSERT(call(bed.tenant, &op) == HUFU_OK && op.out_len == 32 && memcmp(out, shared, 32) == 0);
	bed_free(&bed);
}

static void random_bytes(void)
{
	struct bed bed = bed_of(SOFT);
	uint8_t a[64], b[64];
	size_t len = sizeof(a);

	CU_ASSERT(run(bed.tenant, HUFU_VERB_RANDOM, 0, NULL, NULL, 0, a, &len) == HUFU_OK && len == 64);
	CU_ASSERT(run(bed.tenant, HUFU_VERB_RANDOM, 0, NULL, NULL, 0, b, &len) == HUFU_OK && memcmp(a, b, 64) != 0);
	uint8_t *much = malloc(WIRE_RANDOM_MAX);
	len = WIRE_RANDOM_MAX;
	CU_ASSERT(run(bed.tenant, HUFU_VERB_RANDOM, 0, NULL, NULL, 0, much, &len) == HUFU_OK && len == WIRE_RANDOM_MAX);
	free(much);
	bed_free(&bed);
}

/* In parts: what goes out between them is sealed, and nobody else's. */
static void parts(void)
{
	struct bed bed = bed_of(SOFT);
	struct tenant *mint = tenant_of(bed.conf, "mint", tenant_master);
	struct kept kept, other;
	uint8_t text[200] = {3}, first[HUFU_STATE_MAX], next[HUFU_STATE_MAX], mac[32], expect[32];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .phase = HUFU_PHASE_FIRST, .key = &kept.key,
	                     .in = text, .in_len = 90, .state_out = first};
	struct sm3_hmac_key key;

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SECRET, sm4_key, 16, &kept), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(import(mint, HUFU_KEY_SECRET, sm4_key, 16, &other), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(call(bed.tenant, &op), HUFU_OK);
	size_t len = op.state_out_len;
	op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .phase = HUFU_PHASE_NEXT, .key = &kept.key,
	                      .in = text + 90, .in_len = 60, .state_in = first, .state_in_len = len, .state_out = next};
	CU_ASSERT_EQUAL_FATAL(call(bed.tenant, &op), HUFU_OK);
	len = op.state_out_len;
	op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .phase = HUFU_PHASE_LAST, .key = &kept.key,
	                      .in = text + 150, .in_len = 50, .state_in = next, .state_in_len = len, .out = mac, .out_cap = 32};
	CU_ASSERT_EQUAL(call(bed.tenant, &op), HUFU_OK);
	sm3_hmac_key_init(&key, sm4_key, 16);
	sm3_hmac(&key, text, 200, expect);
	CU_ASSERT(op.out_len == 32 && memcmp(mac, expect, 32) == 0);
	op.key = &other.key;
	CU_ASSERT_EQUAL(call(mint, &op), HUFU_ERR_ARGUMENT);
	op.key = &kept.key;
	next[len / 2] ^= 0x10;
	CU_ASSERT_EQUAL(call(bed.tenant, &op), HUFU_ERR_ARGUMENT);
	tenant_free(mint);
	bed_free(&bed);
}

/* -- whose key it is --------------------------------------------------------------------------------- */

static void foreign_keys(void)
{
	struct bed bed = bed_of(SOFT);
	struct tenant *mint = tenant_of(bed.conf, "mint", tenant_master), *there = tenant_of(bed.conf, "bank", tenant_master);
	struct kept kept;

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &kept), HUFU_OK);
	CU_ASSERT_TRUE(encrypts(there, &kept)); /* another machine of the domain */
	uint8_t out[16];
	size_t len = sizeof(out);
	CU_ASSERT_EQUAL(run(mint, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, &kept.key, sm4_key, 16, out, &len), HUFU_ERR_NO_KEY);
	len = sizeof(out);
	CU_ASSERT_EQUAL(run(mint, HUFU_VERB_EXPORT, 0, &kept.key, NULL, 0, out, &len), HUFU_ERR_NO_KEY);
	/* The clear value, which a device of the emulator would take for a copy, is none. */
	struct hufu_key clear = kept.key;
	clear.blob = sm4_key;
	clear.blob_len = 16;
	len = sizeof(out);
	CU_ASSERT_EQUAL(run(bed.tenant, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, &clear, sm4_key, 16, out, &len), HUFU_ERR_NO_KEY);
	tenant_free(mint);
	tenant_free(there);
	bed_free(&bed);
}

static void damaged_keys(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept kept;
	uint8_t out[16];

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &kept), HUFU_OK);
	CU_ASSERT_TRUE(encrypts(bed.tenant, &kept)); /* it is cached from here on */
	for (size_t bit = 0; bit < 8 * kept.key.blob_len; bit++) {
		size_t len = sizeof(out);

		kept.copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CU_ASSERT_EQUAL(run(bed.tenant, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, &kept.key, sm4_key, 16, out, &len), HUFU_ERR_NO_KEY);
		kept.copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	CU_ASSERT_TRUE(encrypts(bed.tenant, &kept));
	bed_free(&bed);
}

static void evicted(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept kept;

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &kept), HUFU_OK);
	size_t before = secret_in_use();
	CU_ASSERT_TRUE(encrypts(bed.tenant, &kept));
	CU_ASSERT(secret_in_use() > before);
	struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &kept.key};
	CU_ASSERT_EQUAL(call(bed.tenant, &evict), HUFU_OK);
	CU_ASSERT_EQUAL(secret_in_use(), before);
	CU_ASSERT_TRUE(encrypts(bed.tenant, &kept));
	bed_free(&bed);
}

/* -- hardware and software ------------------------------------------------------------------------------ */

static void several_domains(void)
{
	struct bed bed = bed_of(MIXED);
	struct kept kept;
	struct tenant_copy *copy;

	CU_ASSERT_EQUAL_FATAL(generate_sm2(bed.tenant, false, &kept), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(tenant_open_copy(bed.tenant, kept.copy, kept.key.blob_len, &copy), HUFU_OK);
	CU_ASSERT_EQUAL(copy->n, 2);
	CU_ASSERT_STRING_EQUAL(copy->copies[0].domain, "cards");
	tenant_copy_free(copy);
	CU_ASSERT_TRUE(signs(bed.tenant, &kept));
	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &kept), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(tenant_open_copy(bed.tenant, kept.copy, kept.key.blob_len, &copy), HUFU_OK);
	CU_ASSERT_EQUAL(copy->n, 2);
	tenant_copy_free(copy);
	bed_free(&bed);
	fault_reset();
}

static void hardware_only(void)
{
	struct bed bed = bed_of(MIXED);
	struct kept kept;
	struct tenant_copy *copy;
	uint8_t out[64];
	size_t len = sizeof(out);
	char why[128];

	CU_ASSERT_EQUAL_FATAL(generate_sm2(bed.tenant, true, &kept), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(tenant_open_copy(bed.tenant, kept.copy, kept.key.blob_len, &copy), HUFU_OK);
	CU_ASSERT(copy->n == 1 && copy->hardware_only);
	CU_ASSERT_STRING_EQUAL(copy->copies[0].domain, "cards");
	tenant_copy_free(copy);
	CU_ASSERT_TRUE(signs(bed.tenant, &kept));
	CU_ASSERT_EQUAL(run(bed.tenant, HUFU_VERB_EXPORT, 0, &kept.key, NULL, 0, out, &len), HUFU_ERR_KEY_USE);
	kept.key.hardware_only = false; /* what the client says of it changes nothing */
	len = sizeof(out);
	CU_ASSERT_EQUAL(run(bed.tenant, HUFU_VERB_EXPORT, 0, &kept.key, NULL, 0, out, &len), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(fault_script("cards", "any:gone", why, sizeof(why)), HUFU_OK);
	CU_ASSERT_FALSE(signs(bed.tenant, &kept)); /* nor does software step in */
	bed_free(&bed);
	fault_reset();
}

/* From card to card it travels wrapped, and so may a key that is never in software. */
static void between_cards(void)
{
	struct bed bed = bed_of(TENANT_CONF("a, b, soft", "device \"soft\" { driver = \"soft\" }\n"
		"device \"a\" { driver = \"fault\" wraps = \"soft\" script = \"export:unsupported\" }\n"
		"device \"b\" { driver = \"fault\" wraps = \"soft\" script = \"export:unsupported\" }\n"));
	struct kept kept;
	struct tenant_copy *copy;
	char why[128];

	CU_ASSERT_EQUAL_FATAL(generate_sm2(bed.tenant, true, &kept), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(tenant_open_copy(bed.tenant, kept.copy, kept.key.blob_len, &copy), HUFU_OK);
	CU_ASSERT(copy->n == 2 && strcmp(copy->copies[0].domain, "soft") != 0 && strcmp(copy->copies[1].domain, "soft") != 0);
	tenant_copy_free(copy);
	CU_ASSERT_TRUE(signs(bed.tenant, &kept));
	CU_ASSERT_EQUAL(fault_script("a", "any:gone", why, sizeof(why)), HUFU_OK);
	CU_ASSERT_TRUE(signs(bed.tenant, &kept)); /* by the other card's copy */
	bed_free(&bed);
	fault_reset();
}

static void no_hardware(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept kept;
	struct pool_request wanted = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN, .new_type = HUFU_KEY_SM4,
	                                     .out = kept.copy, .out_cap = sizeof(kept.copy)}};

	CU_ASSERT_EQUAL_FATAL(generate_sm2(bed.tenant, true, &kept), HUFU_OK);
	CU_ASSERT_TRUE(kept.key.hardware_only);
	CU_ASSERT_TRUE(signs(bed.tenant, &kept));
	CU_ASSERT_EQUAL(tenant_make(bed.tenant, &wanted, true), HUFU_ERR_NO_DEVICE); /* for others it is what it is */
	bed_free(&bed);
}

/* -- what it is, and is not ------------------------------------------------------------------------------- */

static void info(void)
{
	struct bed bed = bed_of(SOFT);
	struct session session = session_of(bed.tenant);
	struct asked asked;
	struct hufu_device_info device;
	struct hufu_capability *caps;
	struct wire_load load;
	uint8_t point[64], digest[32];
	uint32_t flags, verbs = 0;
	const uint8_t *body;
	size_t len;

	ask(&asked, &service_devices, &session, WIRE_OP_INFO, NULL, 0, soon());
	await(&asked, &body, &len);
	device.size = sizeof(device);
	CU_ASSERT_EQUAL_FATAL(wire_info_get_reply(body, len, &device, &caps, &flags, &load), HUFU_OK);
	CU_ASSERT_EQUAL(flags, HUFU_DRIVER_SOFTWARE);
	for (size_t i = 0; i < device.ncaps; i++) {
		verbs |= device.caps[i].verbs;
		CU_ASSERT(device.caps[i].max_in > 0 && device.caps[i].max_in < REQUEST_BODY_MAX);
	}
	CU_ASSERT(verbs & 1u << HUFU_VERB_SIGN && verbs & 1u << HUFU_VERB_RANDOM);
	CU_ASSERT_FALSE(verbs & (1u << HUFU_VERB_FIND | 1u << HUFU_VERB_LOGIN | 1u << HUFU_VERB_LOGOUT));
	tenant_domain_point(bed.tenant, point);
	sm3(point, 64, digest);
	CU_ASSERT_EQUAL(memcmp(device.domain_id, digest, 16), 0);
	free(caps);
	writer_clear(&asked.reply);
	bed_free(&bed);
}

static enum hufu_err plain(struct tenant *tenant, uint16_t op, const uint8_t *in, size_t in_len, uint64_t deadline_ns)
{
	struct session session = session_of(tenant);
	struct asked asked;
	struct wire_load load;
	const uint8_t *body;
	size_t len;

	ask(&asked, &service_devices, &session, op, in, in_len, deadline_ns);
	await(&asked, &body, &len);
	enum hufu_err err = wire_get_status(body, len, &load);
	writer_clear(&asked.reply);
	return err;
}

static void probe(void)
{
	struct bed bed = bed_of(TENANT_CONF("cards", "device \"cards\" { driver = \"fault\" wraps = \"soft\" }\n"));
	char why[128];

	CU_ASSERT_EQUAL(plain(bed.tenant, WIRE_OP_PROBE, NULL, 0, soon()), HUFU_OK);
	bed_free(&bed);
	bed = bed_of(TENANT_CONF("cards", "device \"cards\" { driver = \"fault\" wraps = \"soft\" }\n"));
	CU_ASSERT_EQUAL(fault_script("cards", "any:gone", why, sizeof(why)), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(plain(bed.tenant, WIRE_OP_PROBE, NULL, 0, soon()), HUFU_OK);
	bed_free(&bed);
	fault_reset();
}

static void not_offered(void)
{
	static const uint16_t ops[] = {0, 3, 0xff, WIRE_OP_VERB, WIRE_OP_VERB + HUFU_VERB_FIND, WIRE_OP_VERB + HUFU_VERB_LOGIN,
	                               WIRE_OP_VERB + HUFU_VERB_LOGOUT, WIRE_OP_VERB + 31, WIRE_OP_VERB + 32, WIRE_OP_VERB + 64,
	                               WIRE_OP_STORE, WIRE_OP_STORE + 1, 0xffff};
	struct bed bed = bed_of(SOFT);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		CU_ASSERT_EQUAL(plain(bed.tenant, ops[i], NULL, 0, soon()), HUFU_ERR_UNSUPPORTED);
	bed_free(&bed);
}

static void nonsense(void)
{
	struct bed bed = bed_of(SOFT);
	uint8_t body[300];

	for (unsigned i = 0; i < 2000; i++) {
		for (size_t j = 0; j < sizeof(body); j++)
			body[j] = (uint8_t)((i * 2654435761u + j * 40503u) >> (j % 13));
		enum hufu_err err = plain(bed.tenant, (uint16_t)(WIRE_OP_VERB + 1 + i % HUFU_VERB_EVICT), body, i % sizeof(body), soon());
		CU_ASSERT_NOT_EQUAL(hufu_err_group(err), HUFU_GROUP_BUG);
	}
	bed_free(&bed);
}

static void greeting(void)
{
	struct bed bed = bed_of(SOFT);
	struct session session = session_of(bed.tenant);
	struct wire_hello hello = {.role = WIRE_DEVICES, .nonce = {1}};
	struct wire_hello_ok ok = {.nonce = {2}, .token = "bank"};
	struct sm2_public public;
	uint8_t point[64], e[32], other[32] = {6};

	CU_ASSERT_EQUAL(service_devices.hello(&session, &hello, &ok), HUFU_OK);
	tenant_domain_point(bed.tenant, point);
	CU_ASSERT_EQUAL(memcmp(ok.domain_point, point, 64), 0);
	CU_ASSERT_EQUAL(sm2_public_init(&public, point), SM2_OK);
	wire_domain_digest(request_peer.binding, &hello, &ok, e);
	CU_ASSERT_EQUAL(sm2_verify(&public, e, ok.domain_proof), SM2_OK);
	wire_domain_digest(other, &hello, &ok, e); /* on another channel it proves nothing */
	CU_ASSERT_NOT_EQUAL(sm2_verify(&public, e, ok.domain_proof), SM2_OK);
	bed_free(&bed);
}

/* -- in time, and once -------------------------------------------------------------------------------------- */

static void too_late(void)
{
	struct bed bed = bed_of(SOFT);
	struct kept kept;
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE,
	                     .out = kept.copy, .out_cap = sizeof(kept.copy), .pub = kept.pub};

	CU_ASSERT_EQUAL(call_until(bed.tenant, &op, false, clock_now_ns() - 1), HUFU_ERR_BUSY);
	bed_free(&bed);
}

struct gate {
	struct request req;            /* first */
	_Atomic bool *open;
};

static void wait_at_gate(struct request *req)
{
	while (!atomic_load(((struct gate *)(void *)req)->open))
		clock_sleep_ns(NS_PER_MS);
}

/* Until each lane stands at the gate: one that has only just begun would take from a queue that was full. */
static void fill_queue(struct tenant *tenant, struct request *req)
{
	struct wire_load load;

	do {
		while (tenant_later(tenant, req, wait_at_gate))
			;
		tenant_load(tenant, &load);
	} while (load.in_flight - load.queue < load.capacity);
	while (tenant_later(tenant, req, wait_at_gate))
		;
}

static void full_queue(void)
{
	struct bed bed = bed_of(SOFT);
	struct tenant *mint = tenant_of(bed.conf, "mint", tenant_master);
	struct kept kept;
	_Atomic bool open = false;
	struct gate gate = {.open = &open};

	fill_queue(bed.tenant, &gate.req);
	CU_ASSERT_EQUAL(generate_sm2(bed.tenant, false, &kept), HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(generate_sm2(mint, false, &kept), HUFU_OK);
	CU_ASSERT_TRUE(signs(mint, &kept)); /* and what is done on the loop is done */
	atomic_store(&open, true);
	tenant_free(mint);
	bed_free(&bed);
}

struct client {
	struct tenant *tenant;
	struct kept *shared;
	unsigned failures;
};

static void *work(void *arg)
{
	struct client *client = arg;
	struct kept own;

	for (unsigned i = 0; i < 20; i++) {
		client->failures += import(client->tenant, HUFU_KEY_SM4, sm4_key, 16, &own) != HUFU_OK;
		client->failures += !encrypts(client->tenant, &own);
		client->failures += !encrypts(client->tenant, client->shared);
		struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &client->shared->key};
		client->failures += call(client->tenant, &evict) != HUFU_OK;
	}
	return NULL;
}

static void many_clients(void)
{
	struct bed bed = bed_of(MIXED);
	struct kept shared;
	struct client clients[6];
	pthread_t threads[6];

	CU_ASSERT_EQUAL_FATAL(import(bed.tenant, HUFU_KEY_SM4, sm4_key, 16, &shared), HUFU_OK);
	for (size_t i = 0; i < 6; i++) {
		clients[i] = (struct client){.tenant = bed.tenant, .shared = &shared};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, work, &clients[i]), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(clients[i].failures, 0);
	}
	bed_free(&bed);
	fault_reset();
}

static const struct unit_case cases[] = {
	{"pairs are made and sign, and public keys verify", signatures},
	{"keys are taken in, and encrypt and decrypt as the standard and the kernels say", ciphers},
	{"keys come out in the clear and wrapped, and wrapped ones go in", values},
	{"a key agrees with a peer as RFC 7748 has it", agreement},
	{"random bytes come, few and many", random_bytes},
	{"an operation goes on in parts, with states that are sealed for this key of this tenant", parts},
	{"a sealed copy works at each machine of the domain, at no other tenant, and a clear value is none", foreign_keys},
	{"a copy with any bit turned over is no key, though the right one is cached", damaged_keys},
	{"what a client has evicted is gone from memory, and comes back with its copy", evicted},
	{"a new key has a copy for each domain of the tenant's devices, hardware first", several_domains},
	{"a hardware-only key has no copy for software, is never exported, and software does not step in", hardware_only},
	{"a key goes from card to card wrapped, and has a copy for each", between_cards},
	{"to clients a machine of software alone is their hardware, and to nobody else", no_hardware},
	{"it tells of what its devices do, less what it does not carry", info},
	{"a probe fails when all devices are out", probe},
	{"what the role does not offer is refused, and not executed", not_offered},
	{"nonsense is answered", nonsense},
	{"a greeting proves the domain, on this channel", greeting},
	{"a request that comes too late does not begin", too_late},
	{"beyond a full queue a machine is busy; another tenant's is not", full_queue},
	{"many clients at once make, share and evict keys", many_clients},
	{0},
};

int main(void)
{
	char why[128];

	if (log_configure("none", HUFU_LOG_ERROR, why, sizeof(why)) != HUFU_OK || fault_register() != HUFU_OK)
		return 99;
	return unit_main("devices", cases);
}
