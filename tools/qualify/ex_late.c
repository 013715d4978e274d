/* SPDX-License-Identifier: Apache-2.0 */
/* Does the library write to what it was given after it has returned? */
#include "tools/qualify/examine.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CALLS 32
#define SPACE 1024
#define WAIT_MS 500
#define WAIT_FULL_MS 5000

/* Memory that a call was given, as it was when the call returned. */
struct watched {
	uint8_t *at;
	uint8_t was[SPACE];
	uint32_t code;
};

static uint32_t call_sign(struct card *card, void *session, uint8_t *out)
{
	uint8_t *e = room(32);

	if (!card->sign_index)
		return CARD_MISSING;
	return CALL(card, InternalSign_ECC, session, card->sign_index, e, 32, (ECCSignature *)(void *)out);
}

static uint32_t call_random(struct card *card, void *session, uint8_t *out)
{
	return CALL(card, GenerateRandom, session, 64, out);
}

static uint32_t call_encrypt(struct card *card, void *session, uint8_t *out)
{
	uint8_t *key = room(card_point_len(card)), *text = room(16);

	if (!card->encrypt_index)
		return CARD_MISSING;
	card_put_point(card, card->encrypt_point, key);
	return CALL(card, ExternalEncrypt_ECC, session, card->profile->alg[SDF_ALG_SM2_ENCRYPT], (ECCrefPublicKey *)(void *)key,
	            text, 16, (ECCCipher *)(void *)out);
}

static const struct {
	const char *function;
	uint32_t (*call)(struct card *, void *session, uint8_t *out);
} calls[] = {{"SDF_InternalSign_ECC", call_sign}, {"SDF_GenerateRandom", call_random}, {"SDF_ExternalEncrypt_ECC", call_encrypt}};

#define KINDS (sizeof calls / sizeof *calls)

static void wait_ms(uint32_t ms)
{
	for (uint32_t t = 0; t < ms; t += 100) {
		nanosleep(&(struct timespec){0, 100000000}, NULL);
		tell_at(t, ms);
	}
}

static void watch(struct card *card, void *session, size_t kind, struct watched *w)
{
	w->at = room(SPACE);
	w->code = calls[kind].call(card, session, w->at);
	memcpy(w->was, w->at, SPACE);
}

/* Of those that succeeded: where none did, nothing was examined. True: it writes late. */
static bool judge(const struct card *card, size_t kind, const struct watched watched[CALLS], uint32_t ms)
{
	const char *function = calls[kind].function;
	unsigned changed = 0, good = 0;

	for (size_t i = 0; i < CALLS; i++) {
		good += watched[i].code == SDR_OK;
		changed += memcmp(watched[i].was, watched[i].at, SPACE) != 0;
	}
	if (!good && !changed)
		tell(RESULT_skipped, "late", "%s: no call of it succeeded (%s)", function, code_text(card, watched[0].code));
	else
		tell(changed ? RESULT_fault : RESULT_pass, "late",
		     "%s: %u of %d results were written to again within %u ms after the call had returned", function, changed, CALLS,
		     ms);
	return changed > 0;
}

void examine_late(struct card *card)
{
	static struct watched watched[KINDS][CALLS];
	void *session = card_ready(card, "session");
	uint32_t ms = card->request->full ? WAIT_FULL_MS : WAIT_MS;
	bool late = false;

	if (!session)
		return;
	for (size_t i = 0; i < CALLS; i++)
		for (size_t k = 0; k < KINDS; k++)
			watch(card, session, k, &watched[k][i]);
	wait_ms(ms);
	for (size_t k = 0; k < KINDS; k++)
		late |= judge(card, k, watched[k], ms);
	if (late)
		tell_flag("late_writes", true);
	card_close_session(card, session);
}
