/* SPDX-License-Identifier: Apache-2.0 */
/* Handles that are none. hufu never hands them in; a library that falls over them is told of, and no more. */
#include "tools/qualify/examine.h"

static void judge(const struct card *card, const char *what, uint32_t code)
{
	if (code != CARD_MISSING)
		tell(code == SDR_OK ? RESULT_quirk : RESULT_pass, "null", "%s: %s", what, code_text(card, code));
}

void examine_misuse(struct card *card)
{
	void *session;

	judge(card, "a session is opened on no device", card_session(card, NULL, &session));
	judge(card, "random numbers are drawn on no session", CALL(card, GenerateRandom, NULL, 16, room(16)));
	judge(card, "no session is closed", CALL(card, CloseSession, NULL));
	judge(card, "no device is closed", CALL(card, CloseDevice, NULL));
}
