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

/* Untried: fewer than two threads got what they need. */
enum outcome { UNTRIED, GOOD, BAD };

static enum outcome judge(const struct card *card, const struct crew *crew, size_t work, double seconds)
{
	uint64_t wrong = atomic_load(&crew->wrong), errors = atomic_load(&crew->errors), done = atomic_load(&crew->done);
	const char *each = crew->own_device ? "a device each" : "a session each", *id = works[work].id, *what = works[work].what;

	if (errors)
		tell(RESULT_fault, id, "%u threads, %s: of %llu %s %llu failed (%s), %llu were wrong", crew->threads, each,
		     (unsigned long long)done, what, (unsigned long long)errors, code_text(card, atomic_load(&crew->code)),
		     (unsigned long long)wrong);
	else if (wrong)
		tell(RESULT_fault, id, "%u threads, %s: %llu %s, %llu wrong", crew->threads, each, (unsigned long long)done, what,
		     (unsigned long long)wrong);
	else if (crew->threads < 2)
		tell(RESULT_skipped, id, "%s at the same time: not tried, since fewer than two threads can have %s", what, each);
	else
		tell(RESULT_pass, id, "%u threads, %s: %llu %s, none wrong, %.0f/s", crew->threads, each, (unsigned long long)done,
		     what, (double)done / seconds);
	return errors || wrong ? BAD : crew->threads < 2 ? UNTRIED : GOOD;
}

static enum outcome work_together(struct card *card, size_t work, bool own_device)
{
	struct crew crew = {.card = card, .threads = card->request->threads, .own_device = own_device, .round = works[work].round,
	                    .rounds = card->request->full ? ROUNDS_FULL : ROUNDS};
	double seconds = crew_run(&crew);

	return judge(card, &crew, work, seconds);
}

/* The worst of them. */
static enum outcome all_works(struct card *card, bool own_device)
{
	enum outcome all = UNTRIED;

	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		enum outcome one = offered(card, i) ? work_together(card, i, own_device) : UNTRIED;
		all = one > all ? one : all;
	}
	return all;
}

/*
 * The profile is told the worst before, and better after: a library that ends
 * the process or stands still leaves no time to say so.
 */
void examine_threads(struct card *card)
{
	if (card->profile->concurrency != SDF_CONCURRENT_SESSIONS) {
		tell(RESULT_skipped, "profile", "the profile says that sessions are not to be used at the same time");
		return;
	}
	tell_number("concurrency", SDF_CONCURRENT_NONE);
	if (all_works(card, false) != BAD)
		tell_number("concurrency", SDF_CONCURRENT_SESSIONS);
}

void examine_threads_devices(struct card *card)
{
	enum sdf_concurrency before = card->profile->concurrency;

	tell_number("concurrency", SDF_CONCURRENT_NONE);
	enum outcome outcome = all_works(card, true);
	if (outcome != BAD)
		tell_number("concurrency", outcome == GOOD && before == SDF_CONCURRENT_NONE ? SDF_CONCURRENT_DEVICES : before);
}
