/* SPDX-License-Identifier: Apache-2.0 */
/* Threads at once. Two threads on one session are not tried: no standard promises that, and hufu never does it. */
#include "sm/sm3.h"
#include "tools/qualify/examine.h"

#include <string.h>

#define ROUNDS 100
#define ROUNDS_FULL 5000

static bool round_hash(struct card *card, void *session, uint32_t thread, uint32_t *code)
{
	uint8_t text[200], digest[32], right[32];

	(void)thread;
	host_fill(text, sizeof text);
	sm3(text, sizeof text, right);
	*code = card_hash(card, session, NULL, NULL, 0, text, sizeof text, digest);
	return *code == SDR_OK && !memcmp(digest, right, sizeof digest);
}

static const struct {
	const char *id, *what;
	bool (*round)(struct card *, void *, uint32_t, uint32_t *);
} works[] = {
	{"sign", "SM2 signatures", round_sign}, {"hash", "SM3 digests", round_hash}, {"random", "random numbers", round_random}};

static bool offered(const struct card *card, size_t work)
{
	return works[work].round == round_sign   ? card->sign_index && card->InternalSign_ECC
	       : works[work].round == round_hash ? card->HashInit && card->profile->alg[SDF_ALG_SM3]
	                                         : card->GenerateRandom != NULL;
}

/* True: nothing went wrong. */
static bool work_together(struct card *card, size_t work, bool own_device)
{
	struct crew crew = {.card = card, .threads = card->request->threads, .own_device = own_device, .round = works[work].round,
	                    .rounds = card->request->full ? ROUNDS_FULL : ROUNDS};
	double seconds = crew_run(&crew);
	uint64_t wrong = atomic_load(&crew.wrong), errors = atomic_load(&crew.errors), done = atomic_load(&crew.done);
	const char *each = own_device ? "a device each" : "a session each";

	if (errors)
		tell(RESULT_fault, works[work].id, "%u threads, %s: of %llu %s %llu failed (%s), %llu were wrong", crew.threads,
		     each, (unsigned long long)done, works[work].what, (unsigned long long)errors,
		     code_text(card, atomic_load(&crew.code)), (unsigned long long)wrong);
	else
		tell(wrong ? RESULT_fault : RESULT_pass, works[work].id, "%u threads, %s: %llu %s, %llu wrong, %.0f/s",
		     crew.threads, each, (unsigned long long)done, works[work].what, (unsigned long long)wrong,
		     (double)done / seconds);
	return !wrong && !errors;
}

static bool all_works(struct card *card, bool own_device)
{
	bool good = true;

	for (size_t i = 0; i < sizeof works / sizeof *works; i++)
		if (offered(card, i))
			good &= work_together(card, i, own_device);
	return good;
}

void examine_threads(struct card *card)
{
	if (card->profile->concurrency != SDF_CONCURRENT_SESSIONS) {
		tell(RESULT_skipped, "profile", "the profile says that sessions are not to be used at the same time");
		return;
	}
	if (!all_works(card, false))
		tell_number("concurrency", SDF_CONCURRENT_NONE); /* until the next chapter shows better */
}

void examine_threads_devices(struct card *card)
{
	if (all_works(card, true))
		tell_number("concurrency", SDF_CONCURRENT_DEVICES);
}
