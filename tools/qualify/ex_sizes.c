/* SPDX-License-Identifier: Apache-2.0 */
/* How many sessions and key handles there may be, and how much one call may take. */
#include "sm/sm4.h"
#include "tools/qualify/examine.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS_TRIED 4096
#define HANDLES_TRIED 1024
#define RANDOM_TRIED SDF_RANDOM_MAX
#define DATA_TRIED SDF_DATA_MAX

static uint32_t open_many(struct card *card, void **sessions, uint32_t *code)
{
	uint32_t n = 0;

	while (n < SESSIONS_TRIED && (*code = card_session(card, card->device, &sessions[n])) == SDR_OK) {
		n++;
		tell_at(n, SESSIONS_TRIED);
	}
	return n;
}

static void judge_sessions(const struct card *card, uint32_t n, uint32_t code)
{
	uint32_t profile = card->profile->sessions_max;

	if (n == SESSIONS_TRIED) {
		tell(RESULT_pass, "sessions", "%u sessions are open at a time", n);
		return;
	}
	tell(n < profile ? RESULT_fault
	     : profile   ? RESULT_pass
	                 : RESULT_quirk,
	     "sessions", "%u sessions are open at a time, then: %s%s", n, code_text(card, code),
	     n < profile ? "; the profile promises more"
	     : profile   ? ""
	                 : "; the profile does not say so");
	if (n && n != profile)
		tell_number("sessions_max", n);
	if (!sdf_code_name(card->profile, code))
		tell(RESULT_fault, "sessions-code", "%s, in neither the standard nor the profile, is how the limit is told",
		     code_text(card, code));
}

static void try_sessions(struct card *card)
{
	void **sessions = calloc(SESSIONS_TRIED, sizeof *sessions), *again;
	uint32_t code = SDR_OK;

	if (!sessions)
		return;
	uint32_t n = open_many(card, sessions, &code);
	judge_sessions(card, n, code);
	if (n && n < SESSIONS_TRIED) {
		card_close_session(card, sessions[--n]);
		code = card_session(card, card->device, &again);
		(void)tell_code(card, "freed", "a session is closed, and another opened in its place", code);
		card_close_session(card, code == SDR_OK ? again : NULL);
	}
	while (n)
		card_close_session(card, sessions[--n]);
	free(sessions);
}

static void try_handles(struct card *card, void *session)
{
	void **handles = calloc(HANDLES_TRIED, sizeof *handles);
	uint32_t n = 0, code = SDR_OK, most = card->profile->handles_max;
	uint8_t key[16] = {1};

	if (!handles || !card_can_import(card))
		return free(handles);
	while (n < HANDLES_TRIED && code == SDR_OK) {
		code = card_import(card, session, key, sizeof key, &handles[n]);
		n += code == SDR_OK;
		tell_at(n, HANDLES_TRIED);
	}
	tell(n >= most ? RESULT_pass : RESULT_fault, "handles", "%u keys are loaded in one session%s%s", n,
	     n < HANDLES_TRIED ? ", then: " : "", n < HANDLES_TRIED ? code_text(card, code) : "");
	if (n && n < most)
		tell_number("handles_max", n);
	while (n)
		card_destroy(card, session, handles[--n]);
	free(handles);
}

static bool draws(struct card *card, void *session, uint32_t len)
{
	uint8_t *out = room(len);

	if (CALL(card, GenerateRandom, session, len, out) != SDR_OK)
		return false;
	/* A library that gives less than it was asked for leaves the pattern. */
	return room_written(out, len, 0xa5) + 8 > len;
}

static void judge_size(const char *key, const char *what, uint32_t largest, uint32_t profile, uint32_t tried)
{
	if (largest >= profile)
		tell(RESULT_pass, key, "%s: %u bytes in one call%s", what, largest,
		     largest == tried ? ", and more was not tried" : "");
	else
		tell(RESULT_fault, key, "%s: %u bytes in one call, the profile promises %u", what, largest, profile);
	if (largest && largest < profile)
		tell_number(key, largest);
}

static void try_random(struct card *card, void *session)
{
	uint32_t largest = 0;

	for (uint32_t len = 16; len <= RANDOM_TRIED && draws(card, session, len); len *= 2)
		largest = len;
	judge_size("random_max", "random numbers", largest, card->profile->random_max, RANDOM_TRIED);
}

static bool encrypts(struct card *card, void *session, const struct known_key *key, uint32_t len)
{
	uint8_t *in = calloc(1, len), *out = calloc(1, len), *right = calloc(1, len);
	struct sm4_key sm4;
	bool good = in && out && right;

	sm4_key_init(&sm4, key->value);
	if (good) {
		sm4_ecb_encrypt(&sm4, in, right, len / 16);
		good = card_crypt(card, session, key->handle, card->profile->alg[SDF_ALG_SM4_ECB], true, NULL, in, len, out) ==
		               SDR_OK &&
		       !memcmp(out, right, len);
	}
	free(in);
	free(out);
	free(right);
	return good;
}

static void try_data(struct card *card, void *session)
{
	struct known_key key;
	uint32_t largest = 0;

	if (!card->profile->alg[SDF_ALG_SM4_ECB] || !known_key_load(card, session, "known-key", &key))
		return;
	for (uint32_t len = 16; len <= DATA_TRIED && encrypts(card, session, &key, len); len *= 2)
		largest = len;
	judge_size("data_max", "SM4-ECB", largest, card->profile->data_max, DATA_TRIED);
	card_destroy(card, session, key.handle);
}

void examine_sizes(struct card *card)
{
	void *session = card_ready(card, "session");

	if (!session)
		return;
	try_handles(card, session);
	try_random(card, session);
	try_data(card, session);
	card_close_session(card, session);
	try_sessions(card);
}
