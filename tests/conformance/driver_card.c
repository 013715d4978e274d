/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the sdf driver makes of a vendor's card a device that keeps the contract
 * of hufu/driver.h: the suite's cases where the card has what they are about, and
 * the keys that are kept in the card. CARD says which of the emulated ones.
 */
#include "driver_suite.h"

#include "driver/driver.h"
#include "rig.h"
#include "sm/sm2.h"

#define LOCKED 3u /* the last of the pairs wants its password */
#define NPAIRS 3u

static char library[RIG_PATH], profile[RIG_PATH], open_config[RIG_PATH + 16];

/* -- the subject: keys come in by IMPORT --------------------------------------------------- */

static bool offers(uint64_t mechanism, enum hufu_verb verb)
{
	struct hufu_device_info info = {.size = sizeof(info)};

	if (subject->driver->info(subject->device(), &info) != HUFU_OK)
		return false;
	for (size_t i = 0; i < info.ncaps; i++)
		if (info.caps[i].mechanism == mechanism && info.caps[i].verbs & 1u << verb)
			return true;
	return false;
}

static struct kit_key *import(enum hufu_key_type type, const uint8_t *clear, size_t len)
{
	struct output out;
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len, .out = out.bytes,
	                     .out_cap = sizeof(out.bytes), .pub = out.pub, .copy_kind = HUFU_COPY_BLOB};

	if (type == HUFU_KEY_SM2_PUBLIC || subject->run(&op, NULL) != HUFU_OK)
		return direct_key(type, HUFU_COPY_BLOB, clear, len);
	CU_ASSERT(len < 16 || op.out_len > len || memcmp(out.bytes, clear, len) != 0); /* never in the clear */
	return direct_key(type, op.copy_kind, out.bytes, op.out_len);
}

/* -- the suite's cases, where they apply ----------------------------------------------------- */

#define WHERE_OFFERED(name, mechanism, verb) \
	static void if_##name(void) \
	{ \
		if (!offers(mechanism, HUFU_VERB_##verb)) \
			UNIT_SKIP("the card has it not"); \
		suite_##name(); \
	}
WHERE_OFFERED(hmac_known, CKM_HUFU_SM3_HMAC, SIGN)
WHERE_OFFERED(gcm_known, CKM_HUFU_SM4_GCM, ENCRYPT)

/* -- keys that are kept in the card ------------------------------------------------------------ */

struct pair {
	struct hufu_resident about;
	uint8_t point[64];
};

/* The pair at the index that does this. */
static bool find(uint32_t index, enum hufu_verb does, struct pair *pair)
{
	char ending[16];

	snprintf(ending, sizeof(ending), " %u", index);
	for (uint32_t nth = 0;; nth++) {
		struct hufu_param_find param = {.nth = nth};
		struct output out;
		struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)&pair->about,
		                     .out_cap = sizeof(pair->about), .pub = out.pub};

		if (subject->run(&op, NULL) != HUFU_OK)
			return false;
		size_t len = strlen(pair->about.label), skip = len - strlen(ending);
		if (pair->about.type != HUFU_KEY_SM2_PRIVATE || !(pair->about.verbs & 1u << does) ||
		    len < strlen(ending) || strcmp(pair->about.label + skip, ending) != 0)
			continue;
		CU_ASSERT_FATAL(op.pub_len == 64);
		memcpy(pair->point, out.pub, 64);
		return true;
	}
}

static struct kit_key *key_of(const struct pair *pair)
{
	return direct_key(pair->about.type, HUFU_COPY_INDEX, pair->about.copy, pair->about.copy_len);
}

static const uint8_t e[32] = "thirty-two bytes of some digest";

static enum hufu_err sign(struct kit_key *key, uint8_t sig[64])
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in = e, .in_len = 32, .out = sig, .out_cap = 64};

	return subject->run(&op, key);
}

static bool holds(const uint8_t point[64], const uint8_t sig[64])
{
	struct sm2_public key;

	return sm2_public_init(&key, point) == SM2_OK && sm2_verify(&key, e, sig) == SM2_OK;
}

static void test_sign(void)
{
	struct pair pair, other;
	uint8_t sig[64];

	CU_ASSERT_FATAL(find(1, HUFU_VERB_SIGN, &pair) && find(2, HUFU_VERB_SIGN, &other));
	struct kit_key *key = key_of(&pair);
	CU_ASSERT(sign(key, sig) == HUFU_OK && holds(pair.point, sig) && !holds(other.point, sig));
	subject->key_free(key);
}

static void test_decrypt(void)
{
	uint8_t sealed[SM2_CIPHER_OVERHEAD + 32], out[64];
	struct hufu_op op = {.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM2_C1C3C2, .in = sealed, .in_len = sizeof(sealed),
	                     .out = out, .out_cap = sizeof(out)};
	struct sm2_public public;
	struct pair pair;
	uint8_t k[32] = {0x11, 0x22};

	CU_ASSERT_FATAL(find(2, HUFU_VERB_DECRYPT, &pair) && sm2_public_init(&public, pair.point) == SM2_OK);
	CU_ASSERT_FATAL(sm2_encrypt_with_k(&public, e, sizeof(e), k, sealed) == SM2_OK);
	struct kit_key *key = key_of(&pair);
	CU_ASSERT(subject->run(&op, key) == HUFU_OK && op.out_len == sizeof(e) && memcmp(out, e, sizeof(e)) == 0);
	sealed[SM2_CIPHER_OVERHEAD - 1] ^= 1;
	CU_ASSERT(subject->run(&op, key) != HUFU_OK);
	sealed[5] ^= 1; /* no point of the curve any more */
	CU_ASSERT(hufu_err_group(subject->run(&op, key)) == HUFU_GROUP_CALLER);
	subject->key_free(key);
}

static enum hufu_err log_in(const char *password)
{
	static const char name[] = "sign:3";
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in2 = (const uint8_t *)name, .in2_len = sizeof(name) - 1,
	                     .in = (const uint8_t *)password, .in_len = strlen(password)};

	return subject->run(&op, NULL);
}

static void test_password(void)
{
	struct hufu_op log_out = {.verb = HUFU_VERB_LOGOUT};
	struct pair pair;
	uint8_t sig[64];

	CU_ASSERT(log_in("card passw0rd") == HUFU_ERR_DENIED);
	CU_ASSERT(log_in(RIG_PASSWORD) == HUFU_OK);
	CU_ASSERT_FATAL(find(LOCKED, HUFU_VERB_SIGN, &pair));
	struct kit_key *key = key_of(&pair);
	CU_ASSERT(sign(key, sig) == HUFU_OK && holds(pair.point, sig));
	CU_ASSERT(subject->run(&log_out, NULL) == HUFU_OK);
	CU_ASSERT(sign(key, sig) != HUFU_OK);
	subject->key_free(key);
}

/* What went with a session is there again in the next, and nobody notices. */
static void test_sessions_lost(void)
{
	struct kit_key *sm4 = key_of_hex(HUFU_KEY_SM4, "0123456789abcdeffedcba9876543210");
	struct pair pair;
	uint8_t in[16] = {0}, sig[64], first[16], out[16];
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = in, .in_len = 16, .out = first,
	                     .out_cap = 16};

	CU_ASSERT_FATAL(find(1, HUFU_VERB_SIGN, &pair));
	struct kit_key *key = key_of(&pair);
	CU_ASSERT(subject->run(&op, sm4) == HUFU_OK);
	op.out = out;
	for (unsigned i = 0; i < 20; i++) {
		rig_faults(library, i % 2 ? "run:session-lost@1" : "");
		enum hufu_err err = sign(key, sig);
		CU_ASSERT(err == HUFU_OK ? holds(pair.point, sig) : hufu_err_group(err) == HUFU_GROUP_LOST ||
		                                                    hufu_err_group(err) == HUFU_GROUP_GONE);
		rig_faults(library, "");
		CU_ASSERT(subject->run(&op, sm4) == HUFU_OK && memcmp(out, first, 16) == 0);
	}
	subject->key_free(key);
	subject->key_free(sm4);
}

/* Codes decide what is tried next. */
static void test_errors(void)
{
	static const struct {
		const char *script;
		enum hufu_group group;
	} faults[] = {
		{"sign:gone", HUFU_GROUP_GONE}, {"sign:lost", HUFU_GROUP_LOST}, {"sign:busy", HUFU_GROUP_BUSY},
		{"sign:no-key", HUFU_GROUP_NO_KEY}, {"sign:unsupported", HUFU_GROUP_UNSUPPORTED}, {"sign:code=0xf3ff", HUFU_GROUP_LOST},
	};
	struct pair pair;
	uint8_t sig[64];

	CU_ASSERT_FATAL(find(1, HUFU_VERB_SIGN, &pair));
	struct kit_key *key = key_of(&pair);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		rig_faults(library, faults[i].script);
		CU_ASSERT(hufu_err_group(sign(key, sig)) == faults[i].group);
	}
	rig_faults(library, "");
	CU_ASSERT(sign(key, sig) == HUFU_OK);
	subject->key_free(key);
}

/* RFC 8998 A.2. Tags that are shorter than a card makes them are for another device. */
static void test_ccm(void)
{
	static const uint8_t fills[] = {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xee, 0xaa};
	struct hufu_param_ccm param = {.nonce_len = 12, .aad_len = 20, .tag_len = 16};
	uint8_t nonce[12], aad[20], text[64], tag[16], sealed[80], back[64];
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_CCM, .param = &param, .in = text, .in_len = 64,
	                     .out = sealed, .out_cap = sizeof(sealed)};

	if (!offers(CKM_HUFU_SM4_CCM, HUFU_VERB_ENCRYPT))
		UNIT_SKIP("the card has it not");
	unit_hex("00001234567800000000abcd", nonce);
	unit_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
	unit_hex("16842d4fa186f56ab33256971fa110f4", tag);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = fills[i / 8];
	param.nonce = nonce;
	param.aad = aad;
	struct kit_key *key = key_of_hex(HUFU_KEY_SM4, "0123456789abcdeffedcba9876543210");
	CU_ASSERT(subject->run(&op, key) == HUFU_OK && op.out_len == 80 && memcmp(sealed + 64, tag, 16) == 0);
	struct hufu_op open = {.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_HUFU_SM4_CCM, .param = &param, .in = sealed, .in_len = 80,
	                       .out = back, .out_cap = sizeof(back)};
	CU_ASSERT(subject->run(&open, key) == HUFU_OK && open.out_len == 64 && memcmp(back, text, 64) == 0);
	sealed[70] ^= 1;
	CU_ASSERT(subject->run(&open, key) == HUFU_ERR_CIPHERTEXT);
	param.tag_len = 4;
	CU_ASSERT(subject->run(&op, key) == HUFU_ERR_NO_KEY);
	subject->key_free(key);
}

static void test_generate(void)
{
	uint8_t in[32] = {3}, first[32], second[32];
	struct output out;
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM4_KEY_GEN, .new_type = HUFU_KEY_SM4,
	                       .out = out.bytes, .out_cap = sizeof(out.bytes), .pub = out.pub, .copy_kind = HUFU_COPY_BLOB};
	struct hufu_op use = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = in, .in_len = 32, .out = first,
	                      .out_cap = 32};

	CU_ASSERT_FATAL(subject->run(&make, NULL) == HUFU_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct kit_key *key = direct_key(HUFU_KEY_SM4, make.copy_kind, out.bytes, make.out_len);
		use.out = i ? second : first;
		CU_ASSERT(subject->run(&use, key) == HUFU_OK);
		subject->key_free(key);
	}
	CU_ASSERT(memcmp(first, second, sizeof(first)) == 0 && memcmp(first, in, sizeof(in)) != 0);
}

/* By the one vendor's own call; there is room for one. */
static void test_make_pair(void)
{
	struct output out;
	struct hufu_op make = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE,
	                       .out = out.bytes, .out_cap = sizeof(out.bytes), .pub = out.pub, .copy_kind = HUFU_COPY_BLOB};
	uint8_t sig[64];

	if (strcmp(CARD, "card_narrow") != 0) {
		CU_ASSERT(subject->run(&make, NULL) == HUFU_ERR_UNSUPPORTED);
		return;
	}
	CU_ASSERT_FATAL(subject->run(&make, NULL) == HUFU_OK && make.copy_kind == HUFU_COPY_INDEX && make.pub_len == 64);
	struct kit_key *key = direct_key(HUFU_KEY_SM2_PRIVATE, make.copy_kind, out.bytes, make.out_len);
	CU_ASSERT(sign(key, sig) == HUFU_OK && holds(out.pub, sig));
	subject->key_free(key);
	CU_ASSERT(subject->run(&make, NULL) != HUFU_OK);
}

static const struct unit_case cases[] = {
	{"what it cannot is unsupported, whatever the number", suite_unknown},
	{"a mechanism without parts takes none", suite_phases},
	{"random numbers fill what is asked for, and differ", suite_random},
	{"SM4-ECB gives the block of GB/T 32907 A.1", suite_sm4_known},
	{"SM4's modes agree with libcrypto, both ways", suite_sm4_random},
	{"SM4's modes refuse broken blocks and missing parameters", suite_sm4_lengths},
	{"HMAC-SM3 gives the values of GM/T 0042 D.3, in any length", if_hmac_known},
	{"SM4-GCM gives the values of RFC 8998 A.1", if_gcm_known},
	{"SM4-CCM gives the values of RFC 8998 A.2, and releases nothing of what was tampered with", test_ccm},
	{"several leases share a key", suite_threads},
	{"a pair at an index signs", test_sign},
	{"a pair at an index decrypts, and nothing that is no point", test_decrypt},
	{"an index wants its password, and wants it again after a logout", test_password},
	{"a key made by the card is used again from its copy", test_generate},
	{"a pair is made where none is, by the vendor's call if there is one", test_make_pair},
	{"sessions are lost, keys are not", test_sessions_lost},
	{"the vendor's codes are the contract's errors", test_errors},
	{0},
};

int main(void)
{
	static const char *options[] = {"library", library, "profile", profile, "indexes", "1-4", "kek_index", "1", "isk_index", "1",
	                                NULL, open_config, NULL};
	struct subject card = direct_subject;

	rig_keys(NPAIRS, 1, false);
	rig_card(CARD, "card", library);
	rig_profile(CARD, profile);
	snprintf(open_config, sizeof(open_config), "%s.conf", library);
	if (strcmp(CARD, "card_narrow") == 0)
		options[10] = "open_config";
	card.driver = &driver_sdf;
	card.key_new = import;
	direct_use(&driver_sdf, options);
	return driver_suite_of(CARD, &card, cases);
}
