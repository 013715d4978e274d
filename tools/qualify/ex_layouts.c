/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes a library writes tells how its structs look. Everything is done
 * twice, over memory filled with two different patterns, so that a byte which
 * happens to equal one of them is seen as well.
 */
#include "tools/qualify/examine.h"

#include <stdio.h>
#include <string.h>

#define SPACE 4096
#define PATTERN_A 0xa5
#define PATTERN_B 0x5a
#define OVERSIZE_FIX 64         /* a struct may be padded to its alignment, and no more */

struct seen {
	uint8_t bytes[SPACE];       /* of the second time */
	size_t extent;              /* the last byte written, plus one */
	uint32_t code;
};

static void note_written(struct seen *seen, const uint8_t *p, uint8_t pattern)
{
	size_t n = room_written(p, SPACE, pattern);

	seen->extent = n > seen->extent ? n : seen->extent;
	memcpy(seen->bytes, p, SPACE);
}

/* -- public keys --------------------------------------------------------------------------- */

static struct seen see_point(struct card *card, void *session)
{
	static const uint8_t patterns[] = {PATTERN_A, PATTERN_B};
	struct seen seen = {.code = SDR_OK};

	for (int i = 0; i < 2 && seen.code == SDR_OK; i++) {
		uint8_t *p = room_filled(SPACE, patterns[i]);
		ECCrefPublicKey *key = (ECCrefPublicKey *)(void *)p;
		seen.code = card->sign_index ? CALL(card, ExportSignPublicKey_ECC, session, card->sign_index, key)
		                             : CALL(card, ExportEncPublicKey_ECC, session, card->encrypt_index, key);
		note_written(&seen, p, patterns[i]);
	}
	return seen;
}

/* The width at which a point of the curve stands there. 0: at none. */
static uint32_t width_of(struct card *card, const struct seen *seen)
{
	static const uint32_t widths[] = {64, 32};
	uint32_t given = card->profile->width, found = 0;
	uint8_t point[64];

	for (size_t i = 0; i < 2 && !found; i++) {
		card->profile->width = widths[i];
		found = card_get_point(card, seen->bytes, point) ? widths[i] : 0;
	}
	card->profile->width = given;
	return found;
}

static void tell_beyond(const char *what, size_t extent, size_t len)
{
	if (extent > len)
		tell(RESULT_fault, "beyond", "%s: %zu bytes are written, %zu more than the struct has", what, extent, extent - len);
}

/* What differs from the profile is a fault: a program that goes by it has its memory spoilt. What differs from the standard is not.
 */
static bool look_at_point(struct card *card, void *session)
{
	struct seen seen = see_point(card, session);
	uint32_t width, given = card->profile->width;

	if (!tell_code(card, "point", "a public key is exported", seen.code))
		return false;
	width = width_of(card, &seen);
	if (!width) {
		tell(RESULT_fault, "width",
		     "ECCrefPublicKey: the %zu bytes written hold no point of sm2p256v1 in fields of 64 or 32 bytes", seen.extent);
		return false;
	}
	card->profile->width = width;
	tell_number("width", width);
	tell(width != given ? RESULT_fault : width == 64 ? RESULT_pass : RESULT_quirk, "width",
	     "ECCrefPublicKey has fields of %u bytes%s", width,
	     width != given ? ", the profile says otherwise" : width != 64 ? ", as the profile says; the standard has 64" : "");
	tell_beyond("ECCrefPublicKey", seen.extent, card_point_len(card));
	if (card->sign_index)
		(void)card_get_point(card, seen.bytes, card->sign_point);
	return !card->encrypt_index || card_export(card, session, card->encrypt_index, false, card->encrypt_point) == SDR_OK;
}

/* -- signatures ------------------------------------------------------------------------------ */

static void look_at_signature(struct card *card, void *session)
{
	uint8_t e[32], sig[64], *in = room(sizeof e), *out = room_filled(SPACE, PATTERN_A);
	struct sm2_public key;

	if (!card->sign_index) {
		tell(RESULT_skipped, "signature", "no index has a signing pair");
		return;
	}
	host_fill(e, sizeof e);
	memcpy(in, e, sizeof e);
	uint32_t code = CALL(card, InternalSign_ECC, session, card->sign_index, in, sizeof e, (ECCSignature *)(void *)out);
	if (code != SDR_OK) {
		(void)tell_code(card, "signature", "a signature is made", code);
		return;
	}
	card_get_signature(card, out, sig);
	bool good = sm2_public_init(&key, card->sign_point) == SM2_OK && sm2_verify(&key, e, sig) == SM2_OK;
	tell(good ? RESULT_pass : RESULT_fault, "signature", "ECCSignature has fields of %u bytes%s", card->profile->width,
	     good ? "" : ", or so its points have: what stands there is no signature by the exported key");
	tell_beyond("ECCSignature", room_written(out, SPACE, PATTERN_A), card_signature_len(card));
}

/* -- ciphertexts ------------------------------------------------------------------------------- */

struct own_pair {
	struct sm2_private key;
};

static bool make_pair(struct own_pair *pair)
{
	uint8_t d[32], point[64];

	return sm2_generate(&host_random, d, point) == SM2_OK && sm2_private_init(&pair->key, d) == SM2_OK;
}

static struct seen see_cipher(struct card *card, void *session, const struct own_pair *pair, const uint8_t *text, size_t len)
{
	static const uint8_t patterns[] = {PATTERN_A, PATTERN_B};
	struct seen seen = {.code = SDR_OK};

	for (int i = 0; i < 2 && seen.code == SDR_OK; i++) {
		uint8_t *p = room_filled(SPACE, patterns[i]), *key = room(card_point_len(card)), *in = room(len);
		card_put_point(card, pair->key.point, key);
		memcpy(in, text, len);
		seen.code = CALL(card, ExternalEncrypt_ECC, session, card->profile->alg[SDF_ALG_SM2_ENCRYPT],
		                 (ECCrefPublicKey *)(void *)key, in, (unsigned)len, (ECCCipher *)(void *)p);
		note_written(&seen, p, patterns[i]);
	}
	return seen;
}

static bool opens(const struct card *card, const struct own_pair *pair, const struct seen *seen, const uint8_t *text, size_t len)
{
	uint8_t cipher[1 + 96 + 64] = {4}, out[64];

	return card_get_cipher(card, seen->bytes, len, cipher + 1) &&
	       sm2_decrypt(&pair->key, cipher, 97 + len, out) == SM2_OK && !memcmp(out, text, len);
}

/* Tries the layouts until one gives the plaintext back: a length first, its text's room counted from what was written. */
static bool find_layout(struct card *card, const struct own_pair *pair, const struct seen *seen, const uint8_t *text, size_t len)
{
	struct sdf_profile *p = card->profile;
	enum sdf_cipher_layout cipher = p->cipher;
	uint32_t given_room = p->cipher_room;

	p->cipher = SDF_CIPHER_STANDARD;
	p->cipher_room = 0;
	if (opens(card, pair, seen, text, len))
		return true;
	p->cipher = SDF_CIPHER_LENGTH_FIRST;
	for (p->cipher_room = (uint32_t)len; p->cipher_room <= 1024; p->cipher_room++)
		if (opens(card, pair, seen, text, len))
			return true;
	p->cipher = cipher;
	p->cipher_room = given_room;
	return false;
}

static void tell_layout(const struct card *card, enum sdf_cipher_layout cipher, uint32_t given_room)
{
	const struct sdf_profile *p = card->profile;
	bool same = p->cipher == cipher && p->cipher_room == given_room;
	char text[128];

	if (p->cipher == SDF_CIPHER_STANDARD)
		snprintf(text, sizeof text, "x, y, M, L, C: the standard's");
	else
		snprintf(text, sizeof text, "clength, x, y, C[%u], M", p->cipher_room);
	tell_number("cipher", p->cipher);
	tell_number("cipher_room", p->cipher_room);
	tell(!same                              ? RESULT_fault
	     : p->cipher == SDF_CIPHER_STANDARD ? RESULT_pass
	                                        : RESULT_quirk,
	     "cipher", "ECCCipher is %s%s", text, same ? "" : "; the profile says otherwise");
}

/* A library may always write the whole of a struct with room for the longest text, whatever the caller's has. */
static void look_for_oversize(struct card *card, const struct seen *seen, size_t len)
{
	size_t should = card_cipher_len(card, len), given = card_cipher_len(card, card->profile->envelope_max);

	if (card->profile->cipher == SDF_CIPHER_LENGTH_FIRST || seen->extent <= should + OVERSIZE_FIX) {
		tell_beyond("ECCCipher", seen->extent, card->profile->cipher == SDF_CIPHER_LENGTH_FIRST ? should : should + 3);
		return;
	}
	uint32_t most = (uint32_t)(seen->extent - card_cipher_len(card, 0));
	bool told = card->profile->envelope_max && seen->extent <= given;
	tell(told ? RESULT_quirk : RESULT_fault, "oversize",
	     "%zu bytes are written to an ECCCipher of %zu, with a text of %zu bytes: "
	     "whoever gives it a struct of the text's size has its memory spoilt%s",
	     seen->extent, should, len, told ? "; the profile knows" : "");
	if (!told)
		tell_number("envelope_max", most > 1024 ? 1024 : most);
}

/* With the ids that vendors are known to use, until one gives a ciphertext that opens. */
static struct seen see_with_ids(struct card *card, void *session, const struct own_pair *pair, const uint8_t *text, size_t len,
				bool *found)
{
	uint32_t *id = &card->profile->alg[SDF_ALG_SM2_ENCRYPT], given = *id, try;
	struct seen seen = {.code = CARD_MISSING}, first = seen;

	*found = false;
	for (unsigned i = 0; !*found && (try = id_to_try(SDF_ALG_SM2_ENCRYPT, given, i)); i++) {
		*id = try;
		seen = see_cipher(card, session, pair, text, len);
		*found = seen.code == SDR_OK && find_layout(card, pair, &seen, text, len);
		first = i ? first : seen;
	}
	*id = *found ? *id : given;
	if (*found && *id != given) {
		tell(RESULT_fault, "id", "SM2 encryption goes by id %#x, the profile says otherwise", *id);
		tell_alg(SDF_ALG_SM2_ENCRYPT, *id);
	}
	return *found ? seen : first;
}

static void look_at_cipher(struct card *card, void *session)
{
	enum sdf_cipher_layout cipher = card->profile->cipher;
	uint32_t given_room = card->profile->cipher_room;
	struct own_pair pair;
	uint8_t text[16];
	bool found;

	host_fill(text, sizeof text);
	if (!make_pair(&pair))
		return;
	struct seen seen = see_with_ids(card, session, &pair, text, sizeof text, &found);
	if (found) {
		tell_layout(card, cipher, given_room);
		look_for_oversize(card, &seen, sizeof text);
	} else if (seen.code == CARD_MISSING) {
		tell(RESULT_skipped, "cipher", "SDF_ExternalEncrypt_ECC is not there: the layout is the profile's");
	} else if (seen.code != SDR_OK) {
		(void)tell_code(card, "cipher", "a text is encrypted for our key", seen.code);
	} else {
		tell(RESULT_fault, "cipher", "ECCCipher: the %zu bytes written are no ciphertext for our key in any layout known",
		     seen.extent);
	}
}

/* -- RSA ------------------------------------------------------------------------------------------ */

/* bits, then the modulus to the right of its field. */
static void look_at_rsa(struct card *card, void *session)
{
	uint32_t bits, index = card->request->index ? card->request->index : 1;
	uint8_t *p = room_filled(SPACE, PATTERN_A);
	uint32_t code = CALL(card, ExportSignPublicKey_RSA, session, index, (RSArefPublicKey *)(void *)p);

	if (code != SDR_OK) {
		tell(RESULT_skipped, "rsa", "no RSA pair at index %u: %s", index, code_text(card, code));
		return;
	}
	memcpy(&bits, p, sizeof bits);
	size_t extent = room_written(p, SPACE, PATTERN_A);
	uint32_t bytes = extent > 4 + 2 * 256 ? 512 : 256, given = card->profile->rsa_bytes;
	tell_number("rsa_bytes", bytes);
	tell(bytes == given ? RESULT_pass : RESULT_fault, "rsa", "RSArefPublicKey of %u bits has fields of %u bytes%s", bits, bytes,
	     bytes == given ? "" : "; the profile says otherwise");
}

void examine_layouts(struct card *card)
{
	void *session;

	if (!card->sign_index && !card->encrypt_index) {
		tell(RESULT_skipped, "point",
		     "no index up to 64 has a pair: make one with the vendor's tool, or say which by --index");
		return;
	}
	session = card_ready(card, "session");
	if (!session)
		return;
	if (look_at_point(card, session)) {
		look_at_signature(card, session);
		look_at_cipher(card, session);
	}
	look_at_rsa(card, session);
	card_close_session(card, session);
}
