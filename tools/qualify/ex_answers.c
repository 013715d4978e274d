/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers of the standards; and by which algorithm ids the library gives them. */
#include "sm/sm3.h"
#include "sm/sm4.h"
#include "tools/hex.h"
#include "tools/qualify/examine.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 128
#define SM4_KEY "0123456789abcdeffedcba9876543210"
#define IV "000102030405060708090a0b0c0d0e0f"
#define TEXT "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb"
#define CTR_TEXT \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffff" \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"
#define AEAD_TEXT \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffff" \
	"eeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
#define AEAD_IV "00001234567800000000abcd"
#define AEAD_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"

static size_t bytes(const char *hex, uint8_t out[TEXT_MAX])
{
	size_t len = 0;

	return hex && hex_decode(hex, strlen(hex), out, TEXT_MAX, &len) ? len : 0;
}

enum answer { RIGHT, WRONG, REFUSED };

struct known;
static enum answer ask_hmac(struct card *, void *, const struct known *, uint32_t *);

/* -- ids ---------------------------------------------------------------------------------- */

/* One known answer, tried with the id that the profile has for it at the moment. */
struct known {
	const char *id, *name;
	enum sdf_alg alg;
	enum answer (*ask)(struct card *, void *session, const struct known *, uint32_t *code);
	const char *key, *iv, *aad, *in, *out, *tag;
};

static void tell_id(const struct card *card, const struct known *k, uint32_t given)
{
	uint32_t id = card->profile->alg[k->alg];

	if (id == given) {
		tell(RESULT_pass, k->id, "%s, id %#x", k->name, id);
		return;
	}
	tell(given ? RESULT_fault : RESULT_info, k->id, "%s: right by id %#x, where the profile has %s", k->name, id,
	     given ? "another" : "none");
	tell_alg(k->alg, id);
}

/* Nothing that is offered is right: the profile that is written does not offer it. */
static void tell_none(struct card *card, const struct known *k, uint32_t given, bool wrong, uint32_t code)
{
	/* Whoever lacks HMAC may have the hash. */
	bool lost = given && k->ask != ask_hmac;

	card->profile->alg[k->alg] = lost ? 0 : given;
	if (lost)
		tell_alg(k->alg, 0);
	if (wrong && given)
		tell(RESULT_fault, k->id, "%s: the answer is wrong", k->name);
	else
		tell(RESULT_skipped, k->id, "%s: not offered (%s)", k->name, code_text(card, code));
}

/* The profile's id stays where none is better. */
static void try_known(struct card *card, void *session, const struct known *k)
{
	uint32_t given = card->profile->alg[k->alg], first = CARD_MISSING, code, id;
	bool wrong = false;

	for (unsigned i = 0; (id = id_to_try(k->alg, given, i)); i++) {
		card->profile->alg[k->alg] = id;
		enum answer answer = k->ask(card, session, k, &code);
		if (answer == RIGHT) {
			tell_id(card, k, given);
			return;
		}
		first = i ? first : code;
		wrong |= i == 0 && answer == WRONG;
	}
	tell_none(card, k, given, wrong, first);
}

/* -- hash and signature --------------------------------------------------------------------- */

static enum answer compare(const uint8_t *got, const char *want)
{
	uint8_t right[TEXT_MAX];
	size_t len = bytes(want, right);

	return memcmp(got, right, len) ? WRONG : RIGHT;
}

static enum answer ask_hash(struct card *card, void *session, const struct known *k, uint32_t *code)
{
	uint8_t in[TEXT_MAX], digest[32];
	size_t len = bytes(k->in, in);

	*code = card_hash(card, session, NULL, NULL, 0, in, len, digest);
	return *code == SDR_OK ? compare(digest, k->out) : REFUSED;
}

static enum answer ask_verify(struct card *card, void *session, const struct known *k, uint32_t *code)
{
	uint8_t point[TEXT_MAX], e[TEXT_MAX], sig[TEXT_MAX];

	bytes(k->key, point);
	bytes(k->in, e);
	bytes(k->out, sig);
	*code = card_verify(card, session, point, e, sig);
	return *code == SDR_OK ? RIGHT : REFUSED;
}

/* -- SM4 ---------------------------------------------------------------------------------------- */

static void *known_handle(struct card *card, void *session, const char *key, uint32_t *code)
{
	uint8_t value[TEXT_MAX];
	size_t len = bytes(key, value);
	void *handle;

	*code = card_import(card, session, value, len, &handle);
	return *code == SDR_OK ? handle : NULL;
}

/* Both ways. */
static enum answer ask_cipher(struct card *card, void *session, const struct known *k, uint32_t *code)
{
	uint8_t iv[TEXT_MAX] = {0}, in[TEXT_MAX], out[TEXT_MAX], back[TEXT_MAX];
	uint32_t id = card->profile->alg[k->alg];
	size_t len = bytes(k->in, in);
	void *handle = known_handle(card, session, k->key, code);

	if (!handle)
		return REFUSED;
	bytes(k->iv, iv);
	*code = card_crypt(card, session, handle, id, true, k->iv ? iv : NULL, in, len, out);
	enum answer answer = *code == SDR_OK ? compare(out, k->out) : REFUSED;
	bytes(k->iv, iv);
	if (answer == RIGHT) {
		*code = card_crypt(card, session, handle, id, false, k->iv ? iv : NULL, out, len, back);
		answer = *code == SDR_OK && !memcmp(back, in, len) ? RIGHT : WRONG;
	}
	card_destroy(card, session, handle);
	return answer;
}

/* CBC-MAC of GB/T 15852.1 over whole blocks, from a chain of zeros. */
static enum answer ask_mac(struct card *card, void *session, const struct known *k, uint32_t *code)
{
	uint8_t key[TEXT_MAX], in[TEXT_MAX], mac[16], iv[16] = {0}, right[16] = {0};
	size_t len = bytes(k->in, in);
	struct sm4_key sm4;
	void *handle = known_handle(card, session, k->key, code);

	if (!handle)
		return REFUSED;
	bytes(k->key, key);
	sm4_key_init(&sm4, key);
	sm4_cbc_mac(&sm4, right, in, len / 16);
	*code = card_mac(card, session, handle, card->profile->alg[k->alg], iv, in, len, mac);
	card_destroy(card, session, handle);
	return *code != SDR_OK ? REFUSED : memcmp(mac, right, 16) ? WRONG : RIGHT;
}

/* What is sealed with a known answer, in memory of the library's side. */
struct sealed {
	uint8_t *iv, *aad, *in, *out, *tag;
	unsigned iv_len, aad_len, len;
};

static uint32_t seal(struct card *card, void *session, void *handle, uint32_t alg, struct sealed *s, bool *right_lengths)
{
	unsigned out_len = TEXT_MAX, tag_len = 16;
	uint32_t code = CALL(card, AuthEnc, session, handle, alg, s->iv, s->iv_len, s->aad, s->aad_len, s->in, s->len, s->out,
	                     &out_len, s->tag, &tag_len);

	*right_lengths = out_len == s->len && tag_len == 16;
	return code;
}

/* The code; *back: the text came back. */
static uint32_t unseal(struct card *card, void *session, void *handle, uint32_t alg, const struct sealed *s, bool *back)
{
	unsigned len = TEXT_MAX, tag_len = 16;
	uint8_t *text = room(TEXT_MAX);
	uint32_t code = CALL(card, AuthDec, session, handle, alg, s->iv, s->iv_len, s->aad, s->aad_len, s->tag, &tag_len, s->out,
	                     s->len, text, &len);

	*back = !memcmp(text, s->in, s->len) && (code != SDR_OK || len == s->len);
	return code;
}

/* A tag is there to be looked at: with a bit of it flipped nothing may come back, GB/T 36624. */
static enum answer open_sealed(struct card *card, void *session, const struct known *k, void *handle, const struct sealed *s)
{
	uint32_t alg = card->profile->alg[k->alg];
	bool back, leaked;
	uint32_t code = unseal(card, session, handle, alg, s, &back);

	if (code == CARD_MISSING) {
		tell(RESULT_skipped, k->id, "%s, opened: the library has no SDF_AuthDec", k->name);
		return RIGHT;
	}
	if (code != SDR_OK || !back) {
		tell(RESULT_fault, k->id, "%s, opened: %s%s", k->name, code_text(card, code), code ? "" : ", but another text");
		return WRONG;
	}
	s->tag[15] ^= 1;
	code = unseal(card, session, handle, alg, s, &leaked);
	if (code == SDR_OK) {
		tell(RESULT_fault, k->id, "%s, opened with a tag that is wrong in a bit: it is accepted", k->name);
		return WRONG;
	}
	tell(leaked ? RESULT_quirk : RESULT_pass, k->id, "%s, opened with its tag, and refused with one that is wrong in a bit: %s%s",
	     k->name, code_text(card, code), leaked ? "; but the text is written nonetheless" : "");
	return RIGHT;
}

static enum answer ask_aead(struct card *card, void *session, const struct known *k, uint32_t *code)
{
	struct sealed s = {room(TEXT_MAX), room(TEXT_MAX), room(TEXT_MAX), room(TEXT_MAX), room(16), 0, 0, 0};
	void *handle = known_handle(card, session, k->key, code);
	bool right;

	if (!handle)
		return REFUSED;
	s.iv_len = (unsigned)bytes(k->iv, s.iv);
	s.aad_len = (unsigned)bytes(k->aad, s.aad);
	s.len = (unsigned)bytes(k->in, s.in);
	*code = seal(card, session, handle, card->profile->alg[k->alg], &s, &right);
	enum answer answer = *code != SDR_OK ? REFUSED : right && compare(s.out, k->out) == RIGHT ? compare(s.tag, k->tag) : WRONG;
	if (answer == RIGHT)
		answer = open_sealed(card, session, k, handle, &s);
	card_destroy(card, session, handle);
	return answer;
}

static enum answer ask_hmac(struct card *card, void *session, const struct known *k, uint32_t *code)
{
	uint8_t in[TEXT_MAX], mac[32];
	size_t len = bytes(k->in, in);
	void *handle = known_handle(card, session, k->key, code);

	if (!handle)
		return REFUSED;
	*code = card_hmac(card, session, handle, in, len, mac);
	card_destroy(card, session, handle);
	return *code == SDR_OK ? compare(mac, k->out) : REFUSED;
}

#define SM2_POINT \
	"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" \
	"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
#define SM2_E "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
#define SM2_SIG \
	"f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" \
	"b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"

static const struct known without_key[] = {
	{"sm3", "SM3, GB/T 32905 A.1", SDF_ALG_SM3, ask_hash, .in = "616263",
	 .out = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
	{"sm2-verify", "SM2 verification, GB/T 32918.5 A.2", SDF_ALG_SM2_SIGN, ask_verify, .key = SM2_POINT, .in = SM2_E,
	 .out = SM2_SIG},
};

static const struct known with_key[] = {
	{"sm4-ecb", "SM4, GB/T 32907 A.1", SDF_ALG_SM4_ECB, ask_cipher, SM4_KEY, .in = SM4_KEY,
	 .out = "681edf34d206965e86b3e94f536e4246"},
	{"sm4-cbc", "SM4-CBC, draft-ribose-cfrg-sm4 A.2", SDF_ALG_SM4_CBC, ask_cipher, SM4_KEY, IV, .in = TEXT,
	 .out = "78ebb11cc40b0a48312aaeb2040244cb4cb7016951909226979b0d15dc6a8f6d"},
	{"sm4-cfb", "SM4-CFB128, draft-ribose-cfrg-sm4 A.2", SDF_ALG_SM4_CFB, ask_cipher, SM4_KEY, IV, .in = TEXT,
	 .out = "ac3236cb861dd316e6413b4e3c7524b769d4c54ed433b9a0346009beb37b2b3f"},
	{"sm4-ofb", "SM4-OFB, draft-ribose-cfrg-sm4 A.2", SDF_ALG_SM4_OFB, ask_cipher, SM4_KEY, IV, .in = TEXT,
	 .out = "ac3236cb861dd316e6413b4e3c7524b71d01aca2487ca582cbf5463e6698539b"},
	{"sm4-ctr", "SM4-CTR, draft-ribose-cfrg-sm4 A.2", SDF_ALG_SM4_CTR, ask_cipher, SM4_KEY, IV, .in = CTR_TEXT,
	 .out = "ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7f234bc0e24c11980fd1286310ce37b92"
		"6e02fcd0faa0baf38b2933851d824514"},
	{"sm4-mac", "SM4 CBC-MAC, GB/T 15852.1, beside software", SDF_ALG_SM4_MAC, ask_mac, SM4_KEY, .in = TEXT},
	{"sm4-gcm", "SM4-GCM, RFC 8998 A.1", SDF_ALG_SM4_GCM, ask_aead, SM4_KEY, AEAD_IV, AEAD_AAD, AEAD_TEXT,
	 "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15"
	 "a56834cbcf98c397b4024a2691233b8d",
	 "83de3541e4c2b58177e065a9bf7b62ec"},
	{"sm4-ccm", "SM4-CCM, RFC 8998 A.2", SDF_ALG_SM4_CCM, ask_aead, SM4_KEY, AEAD_IV, AEAD_AAD, AEAD_TEXT,
	 "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094fd12e518ce062c98acee28d95df4416b"
	 "ed31a2f04476c18bb40c84a74b97dc5b",
	 "16842d4fa186f56ab33256971fa110f4"},
	{"hmac-sm3", "HMAC-SM3, GM/T 0042 D.3", SDF_ALG_SM3, ask_hmac,
	 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
	 .in = "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071"
	       "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
	 .out = "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"},
};

/* A signature of which a bit is another must be refused. */
static void refuse_signature(struct card *card, void *session)
{
	uint8_t point[TEXT_MAX], e[TEXT_MAX], sig[TEXT_MAX];

	bytes(SM2_POINT, point);
	bytes(SM2_E, e);
	bytes(SM2_SIG, sig);
	sig[63] ^= 1;
	uint32_t code = card_verify(card, session, point, e, sig);
	if (code != CARD_MISSING)
		tell(code == SDR_OK ? RESULT_fault : RESULT_pass, "sm2-refuse", "a signature that is wrong in a bit: %s",
		     code_text(card, code));
}

/* Z of GB/T 32918.2 5.5 is hashed where an identifier is given: GM/T 0018-2023 6.6.4. */
static void try_z(struct card *card, void *session)
{
	uint8_t point[TEXT_MAX], z[32], digest[32], right[32];
	struct sm3 sm3;

	bytes(SM2_POINT, point);
	sm2_z(point, (const uint8_t *)SM2_DEFAULT_ID, SM2_DEFAULT_ID_LEN, z);
	sm3_init(&sm3);
	sm3_update(&sm3, z, sizeof z);
	sm3_update(&sm3, "abc", 3);
	sm3_final(&sm3, right);
	uint32_t code = card_hash(card, session, point, SM2_DEFAULT_ID, SM2_DEFAULT_ID_LEN, (const uint8_t *)"abc", 3, digest);
	if (code == SDR_OK)
		tell(memcmp(digest, right, 32) ? RESULT_fault : RESULT_pass, "sm3-z",
		     "SM3 with a public key and an identifier: Z goes first");
	else
		tell(RESULT_skipped, "sm3-z", "SM3 with Z: %s", code_text(card, code));
}

void examine_answers(struct card *card)
{
	void *session = card_ready(card, "session");
	struct known_key key;

	if (!session)
		return;
	for (size_t i = 0; i < sizeof without_key / sizeof *without_key; i++)
		try_known(card, session, &without_key[i]);
	refuse_signature(card, session);
	try_z(card, session);
	if (known_key_load(card, session, "known-key", &key)) {
		card_destroy(card, session, key.handle);
		for (size_t i = 0; i < sizeof with_key / sizeof *with_key; i++)
			try_known(card, session, &with_key[i]);
		tell_flag("macs_in_device", card->profile->alg[SDF_ALG_SM4_MAC] != 0);
	}
	card_close_session(card, session);
}
