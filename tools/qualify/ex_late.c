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
	const char *function;
	uint8_t *at;
	uint8_t was[SPACE];
};

static struct watched watch(const char *function, uint8_t *at)
{
	struct watched w = {function, at, {0}};

	memcpy(w.was, at, SPACE);
	return w;
}

static uint8_t *call_sign(struct card *card, void *session)
{
	uint8_t *e = room(32), *out = room(SPACE);

	(void)CALL(card, InternalSign_ECC, session, card->sign_index, e, 32, (ECCSignature *)(void *)out);
	return out;
}

static uint8_t *call_random(struct card *card, void *session)
{
	uint8_t *out = room(SPACE);

	(void)CALL(card, GenerateRandom, session, 64, out);
	return out;
}

static uint8_t *call_encrypt(struct card *card, void *session)
{
	uint8_t *out = room(SPACE), *key = room(card_point_len(card)), *text = room(16);

	card_put_point(card, card->encrypt_point, key);
	(void)CALL(card, ExternalEncrypt_ECC, session, card->profile->alg[SDF_ALG_SM2_ENCRYPT], (ECCrefPublicKey *)(void *)key,
	           text, 16, (ECCCipher *)(void *)out);
	return out;
}

static const struct {
	const char *function;
	uint8_t *(*call)(struct card *, void *session);
} calls[] = {{"SDF_InternalSign_ECC", call_sign}, {"SDF_GenerateRandom", call_random}, {"SDF_ExternalEncrypt_ECC", call_encrypt}};

#define KINDS (sizeof calls / sizeof *calls)

static void wait_ms(uint32_t ms)
{
	for (uint32_t t = 0; t < ms; t += 100) {
		nanosleep(&(struct timespec){0, 100000000}, NULL);
		tell_at(t, ms);
	}
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
			watched[k][i] = watch(calls[k].function, calls[k].call(card, session));
	wait_ms(ms);
	for (size_t k = 0; k < KINDS; k++) {
		unsigned changed = 0;
		for (size_t i = 0; i < CALLS; i++)
			changed += memcmp(watched[k][i].was, watched[k][i].at, SPACE) != 0;
		late |= changed > 0;
		tell(changed ? RESULT_fault : RESULT_pass, "late",
		     "%s: %u of %d results were written to again within %u ms after the call had "
		     "returned",
		     calls[k].function, changed, CALLS, ms);
	}
	if (late)
		tell_flag("late_writes", true);
	card_close_session(card, session);
}
