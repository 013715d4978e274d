/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018 6.5: the IV's buffer goes in and out, so that the next call goes on where this one ended. */
#include "tools/qualify/examine.h"

#include <string.h>

#define LEN 64
#define HALF 32

enum seen { UPDATED, KEPT, ELSE };

/* One call over both halves, then a call each: what the second needs is in the IV, or is not. */
static uint32_t chain(struct card *card, void *session, void *handle, uint32_t alg, bool encrypt, enum seen *seen)
{
	uint8_t start[16], iv[16], text[LEN], whole[LEN], parts[LEN];

	host_fill(start, sizeof start);
	host_fill(text, sizeof text);
	memcpy(iv, start, sizeof iv);
	uint32_t code = card_crypt(card, session, handle, alg, encrypt, iv, text, LEN, whole);
	memcpy(iv, start, sizeof iv);
	if (code == SDR_OK)
		code = card_crypt(card, session, handle, alg, encrypt, iv, text, HALF, parts);
	*seen = memcmp(iv, start, sizeof iv) ? ELSE : KEPT;
	if (code == SDR_OK)
		code = card_crypt(card, session, handle, alg, encrypt, iv, text + HALF, LEN - HALF, parts + HALF);
	if (code == SDR_OK && !memcmp(whole, parts, LEN))
		*seen = UPDATED;
	return code;
}

static void look_at(struct card *card, void *session, void *handle, enum sdf_alg alg, const char *name, bool *all_updated)
{
	uint32_t id = card->profile->alg[alg];
	bool told = !card->profile->iv_is_updated;

	for (int encrypt = 1; id && encrypt >= 0; encrypt--) {
		enum seen seen;
		const char *way = encrypt ? "encryption" : "decryption";
		uint32_t code = chain(card, session, handle, id, encrypt, &seen);
		if (code != SDR_OK) {
			bool refused = code == CARD_MISSING || sdf_profile_error(card->profile, code)->err == HUFU_ERR_UNSUPPORTED;
			tell(refused ? RESULT_skipped : RESULT_fault, name, "SM4-%s %s in two calls: %s", name, way,
			     code_text(card, code));
			continue;
		}
		*all_updated &= seen == UPDATED;
		if (seen == UPDATED)
			tell(RESULT_pass, name, "SM4-%s %s: the IV is updated, two calls go on as one", name, way);
		else
			tell(told ? RESULT_quirk : RESULT_fault, name, "SM4-%s %s: the IV %s%s", name, way,
			     seen == KEPT ? "is not updated: a second call begins anew" : "is changed, but not to what goes on",
			     told ? "; the profile knows" : "");
	}
}

void examine_chaining(struct card *card)
{
	static const struct {
		enum sdf_alg alg;
		const char *name;
	} modes[] = {{SDF_ALG_SM4_CBC, "CBC"}, {SDF_ALG_SM4_CFB, "CFB"}, {SDF_ALG_SM4_OFB, "OFB"}, {SDF_ALG_SM4_CTR, "CTR"}};
	void *session = card_ready(card, "session");
	struct known_key key;
	bool all_updated = true;

	if (session && known_key_load(card, session, "known-key", &key)) {
		for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
			look_at(card, session, key.handle, modes[i].alg, modes[i].name, &all_updated);
		tell_flag("iv_is_updated", all_updated);
		card_destroy(card, session, key.handle);
	}
	card_close_session(card, session);
}
