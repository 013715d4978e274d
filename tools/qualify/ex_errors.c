/* SPDX-License-Identifier: Apache-2.0 */
/* What the library says when it is asked for what cannot be. Groups decide failover, so codes have to tell them apart. */
#include "tools/qualify/examine.h"

#include <stdio.h>
#include <string.h>

#define NOT_THERE 4999u         /* an index that no device has */
#define NO_ALGORITHM 0x7fffffffu

typedef uint32_t ask_fn(struct card *, void *session);

static uint32_t export_missing(struct card *card, void *session)
{
	uint8_t point[64];

	return card_export(card, session, NOT_THERE, true, point);
}

static uint32_t sign_missing(struct card *card, void *session)
{
	uint8_t e[32] = {1}, sig[64];

	return card_sign(card, session, NOT_THERE, e, sig);
}

static uint32_t kek_missing(struct card *card, void *session)
{
	uint8_t *wrapped = room(16);
	void *handle;

	memset(wrapped, 1, 16);
	return CALL(card, ImportKeyWithKEK, session, card->profile->alg[SDF_ALG_KEK], NOT_THERE, wrapped, 16, &handle);
}

static bool make_signature(uint8_t point[64], uint8_t e[32], uint8_t sig[64])
{
	struct sm2_private pair;
	uint8_t d[32];

	host_fill(e, 32);
	return !sm2_generate(&host_random, d, point) && !sm2_private_init(&pair, d) && !sm2_sign(&pair, e, &host_random, sig);
}

static uint32_t wrong_signature(struct card *card, void *session)
{
	uint8_t point[64], e[32], sig[64];

	if (!make_signature(point, e, sig))
		return CARD_MISSING;
	e[0] ^= 1;
	return card_verify(card, session, point, e, sig);
}

static uint32_t wrong_algorithm(struct card *card, void *session)
{
	uint8_t block[16] = {0}, out[16];
	void *handle;

	if (!card_can_import(card) || card_import(card, session, block, sizeof block, &handle) != SDR_OK)
		return CARD_MISSING;
	uint32_t code = card_crypt(card, session, handle, NO_ALGORITHM, true, NULL, block, sizeof block, out);
	card_destroy(card, session, handle);
	return code;
}

static uint32_t partial_block(struct card *card, void *session)
{
	uint8_t block[16] = {0}, out[32];
	void *handle;

	if (!card_can_import(card) || card_import(card, session, block, sizeof block, &handle) != SDR_OK)
		return CARD_MISSING;
	uint32_t code = card_crypt(card, session, handle, card->profile->alg[SDF_ALG_SM4_ECB], true, NULL, block, 15, out);
	card_destroy(card, session, handle);
	return code;
}

/* On the curve, C3 wrong. */
static uint32_t damaged_envelope(struct card *card, void *session)
{
	uint8_t key[16] = {0}, whole[SM2_CIPHER_OVERHEAD + 16], *cipher = room(card_cipher_len(card, sizeof key));
	struct sm2_public to;
	void *handle;

	if (!card->encrypt_index || sm2_public_init(&to, card->encrypt_point) ||
	    sm2_encrypt(&to, key, sizeof key, &host_random, whole))
		return CARD_MISSING;
	whole[70] ^= 1;
	card_put_cipher(card, whole + 1, sizeof key, cipher);
	return CALL(card, ImportKeyWithISK_ECC, session, card->encrypt_index, (ECCCipher *)(void *)cipher, &handle);
}

static uint32_t off_the_curve(struct card *card, void *session)
{
	uint8_t point[64], out[96 + 16], text[16] = {0};

	memset(point, 0x11, sizeof point);
	return card_encrypt_ecc(card, session, point, text, sizeof text, out);
}

/* Once, for devices lock after some; the right one follows at once. */
static uint32_t wrong_password(struct card *card, void *session)
{
	uint8_t *password = room(16);

	if (!card->request->password || !card->sign_index)
		return CARD_MISSING;
	memcpy(password, "not-the-password", 16);
	uint32_t code = CALL(card, GetPrivateKeyAccessRight, session, card->sign_index, password, 16);
	(void)card_right(card, session, card->sign_index);
	return code;
}

#define IN(group) (1u << HUFU_GROUP_##group)

static const struct situation {
	const char *id, *what;
	ask_fn *ask;
	unsigned groups;        /* those that tell hufu what to do */
	enum hufu_err means;    /* what a code of the vendor's own is taken for */
	bool must_fail;         /* else a quirk when it does not */
} situations[] = {
	{"missing-export", "a public key that is not there is exported", export_missing, IN(NO_KEY), HUFU_ERR_NO_KEY, true},
	{"missing-sign", "a key that is not there signs", sign_missing, IN(NO_KEY), HUFU_ERR_NO_KEY, true},
	{"missing-kek", "a KEK that is not there opens a key", kek_missing, IN(NO_KEY) | IN(CALLER), HUFU_ERR_NO_KEY, true},
	{"wrong-signature", "a wrong signature is verified", wrong_signature, IN(CALLER), HUFU_ERR_SIGNATURE, true},
	{"wrong-algorithm", "an algorithm that nobody has", wrong_algorithm, IN(UNSUPPORTED) | IN(CALLER), HUFU_ERR_UNSUPPORTED,
	 false},
	{"partial-block", "15 bytes are encrypted by ECB", partial_block, IN(CALLER), HUFU_ERR_DATA_LEN, false},
	{"damaged-envelope", "a key in a damaged envelope is loaded", damaged_envelope, IN(CALLER) | IN(NO_KEY),
	 HUFU_ERR_CIPHERTEXT, true},
	{"off-curve", "a text is encrypted for a point off the curve", off_the_curve, IN(CALLER), HUFU_ERR_KEY_VALUE, true},
	{"wrong-password", "a right is taken with a wrong password", wrong_password, IN(DENIED) | IN(CALLER) | IN(EXPIRED),
	 HUFU_ERR_DENIED, true},
};

#define SITUATIONS (sizeof situations / sizeof *situations)

static const char *group_name(enum hufu_group group)
{
	static const char *const names[] = {"ok",   "caller", "unsupported", "no-key",  "denied", "expired",
	                                    "busy", "gone",   "lost",        "corrupt", "host",   "bug"};

	return (unsigned)group < sizeof names / sizeof *names ? names[group] : "?";
}

/* A code that the standard or the profile knows. */
static void judge_known(const struct card *card, const struct situation *s, uint32_t code)
{
	enum hufu_group group = hufu_err_group(sdf_profile_error(card->profile, code)->err);

	if (s->groups & 1u << group)
		tell(RESULT_pass, s->id, "%s: %s", s->what, code_text(card, code));
	else
		tell(RESULT_quirk, s->id, "%s: %s, which is of the group \"%s\": hufu takes it for that", s->what,
		     code_text(card, code), group_name(group));
}

/* True: a code that nobody knows. */
static bool judge(const struct card *card, const struct situation *s, uint32_t code)
{
	if (code == CARD_MISSING)
		return false;
	tell_row("Codes", s->what, code_text(card, code), NULL);
	if (code == SDR_OK) {
		tell(s->must_fail ? RESULT_fault : RESULT_quirk, s->id, "%s: SDR_OK, where there should be an error", s->what);
		return false;
	}
	if (sdf_code_name(card->profile, code)) {
		judge_known(card, s, code);
		return false;
	}
	return true;
}

/* All situations of one unknown code in one finding; a row of the profile where they agree on what it means. */
static void judge_unknown(const struct card *card, const uint32_t codes[SITUATIONS], size_t first)
{
	char where[700] = "";
	size_t used = 0, n = 0;
	bool agree = true;

	for (size_t i = first; i < SITUATIONS; i++) {
		if (codes[i] != codes[first])
			continue;
		used += (size_t)snprintf(where + used, sizeof where - used, "%s%s", n++ ? "; " : "", situations[i].what);
		agree &= hufu_err_group(situations[i].means) == hufu_err_group(situations[first].means);
	}
	if (!agree) {
		tell(RESULT_fault, "one-code",
		     "%s for all of: %s. Nothing tells a caller's mistake from a device's: hufu has to take every "
		     "one for a lost device",
		     code_text(card, codes[first]), where);
		return;
	}
	tell(RESULT_fault, "unknown-code", "%s is in neither the standard nor the profile (%s)", code_text(card, codes[first]),
	     where);
	tell_fact("code", json_pack("{s:I,s:I}", "code", (json_int_t)codes[first], "means", (json_int_t)situations[first].means));
}

void examine_errors(struct card *card)
{
	void *session = card_ready(card, "session");
	uint32_t codes[SITUATIONS] = {0};

	if (!session)
		return;
	tell_row("Codes", "When", "Code", NULL);
	for (size_t i = 0; i < SITUATIONS; i++) {
		uint32_t code = situations[i].ask(card, session);
		codes[i] = judge(card, &situations[i], code) ? code : SDR_OK;
	}
	for (size_t i = 0; i < SITUATIONS; i++) {
		bool told = codes[i] == SDR_OK;
		for (size_t k = 0; k < i; k++)
			told |= codes[k] == codes[i];
		if (!told)
			judge_unknown(card, codes, i);
	}
	card_close_session(card, session);
}
