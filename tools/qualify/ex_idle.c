/* SPDX-License-Identifier: Apache-2.0 */
/* Does a session that nobody uses live on? */
#include "base/clock.h"
#include "tools/qualify/examine.h"

#include <time.h>

static uint32_t use(struct card *card, void *session)
{
	uint8_t out[16];

	return card_random(card, session, out, sizeof out);
}

static void wait_s(uint32_t s)
{
	uint64_t begun = clock_now_ns(), end = begun + s * NS_PER_S, now = begun;

	for (; now < end; now = clock_now_ns()) {
		nanosleep(&(struct timespec){0, 200000000}, NULL);
		tell_at((now - begun) / NS_PER_S, s);
	}
}

/* Sessions are left for 1/8, 1/4, 1/2 and all of the time, each its own; together they take no longer than the last. */
void examine_idle(struct card *card)
{
	enum { SESSIONS = 4 };
	uint32_t total = card->request->idle_s, waited = 0, last_alive = 0, profile = card->profile->idle_s;
	void *sessions[SESSIONS];

	for (int i = 0; i < SESSIONS; i++)
		if (!(sessions[i] = card_ready(card, "session")) ||
		    !tell_code(card, "before", "a session is used", use(card, sessions[i])))
			return;
	for (int i = 0; i < SESSIONS; i++) {
		uint32_t until = total >> (SESSIONS - 1 - i);
		wait_s(until - waited);
		waited = until;
		uint32_t code = use(card, sessions[i]);
		if (code == SDR_OK) {
			last_alive = until;
			continue;
		}
		bool told = profile && profile <= until;
		tell(told ? RESULT_quirk : RESULT_fault, "idle", "a session left for %u s is of no use any more: %s%s", until,
		     code_text(card, code), told ? "; the profile opens it anew before" : "; the profile does not say so");
		if (!told)
			tell_number("idle_s", last_alive ? last_alive : 1);
		return;
	}
	tell(RESULT_pass, "idle", "a session left for %u s still serves", total);
}
