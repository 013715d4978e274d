/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018 6.2.7, 6.2.8: the access right to a private key. Only where a password was given; it is never guessed. */
#include "tools/qualify/examine.h"

#include <string.h>

static bool can_sign(struct card *card, void *session)
{
	uint32_t code = SDR_OK;

	return round_sign(card, session, 0, &code);
}

static void release(struct card *card, void *session)
{
	(void)CALL(card, ReleasePrivateKeyAccessRight, session, card->sign_index);
}

/*
 * What the profile does not prepare hufu for is a fault. Where it prepares for
 * more than there is, hufu takes and releases once too often, which harms nothing.
 */
static void compare(const char *id, const char *what, bool seen, bool profile, const char *key)
{
	tell(seen == profile ? RESULT_pass : seen ? RESULT_fault : RESULT_quirk, id, "%s%s", what,
	     seen == profile ? ", as the profile says" : "; the profile says otherwise");
	tell_flag(key, seen);
}

static void per_session(struct card *card)
{
	void *other;

	if (card_session(card, card->device, &other) != SDR_OK)
		return;
	bool seen = !can_sign(card, other);
	compare("per-session", seen ? "a right counts for its session alone" : "a right counts for all sessions of the device",
	        seen, card->profile->right_per_session, "right_per_session");
	card_close_session(card, other);
}

static void stacks(struct card *card, void *session)
{
	if (card_right(card, session, card->sign_index) != SDR_OK)
		return;
	release(card, session);
	bool seen = can_sign(card, session);
	compare("stacks", seen ? "a right taken twice wants two releases" : "one release ends a right taken twice", seen,
	        card->profile->right_stacks, "right_stacks");
	if (seen)
		release(card, session);
}

void examine_rights(struct card *card)
{
	void *session;

	if (!card->request->password || !card->sign_index) {
		tell(RESULT_skipped, "password", "no password was given for a key (--index, --password-file)");
		return;
	}
	if (card_session(card, card->device, &session) != SDR_OK)
		return;
	bool free_for_all = can_sign(card, session);
	tell(RESULT_info, "needed", "without the right the key at index %u %s", card->sign_index,
	     free_for_all ? "signs: it has no password" : "does not sign");
	if (tell_code(card, "get", "the right is taken", card_right(card, session, card->sign_index)) && !free_for_all) {
		tell(can_sign(card, session) ? RESULT_pass : RESULT_fault, "sign", "with the right it signs");
		per_session(card);
		stacks(card, session);
		tell(can_sign(card, session) ? RESULT_fault : RESULT_pass, "released", "released, it signs no more");
	}
	card_close_session(card, session);
}
