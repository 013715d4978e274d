/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a second by threads, and bytes a second by their number. Never a fault: whether it is enough, only its user knows. */
#include "base/clock.h"
#include "tools/qualify/examine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POINT_MS 150
#define POINT_FULL_MS 2000

static bool do_sign(struct card *card, void *session, uint32_t thread, uint32_t *code)
{
	uint8_t e[32] = {1}, sig[64];

	(void)thread;
	*code = card_sign(card, session, card->sign_index, e, sig);
	return true;
}

static bool do_verify(struct card *card, void *session, uint32_t thread, uint32_t *code)
{
	uint8_t e[32] = {1}, sig[64];

	(void)thread;
	memset(sig, 1, sizeof sig);
	/* A wrong signature takes as long as a right one, and needs no key. */
	(void)card_verify(card, session, card->sign_point, e, sig);
	*code = SDR_OK;
	return true;
}

static bool do_random(struct card *card, void *session, uint32_t thread, uint32_t *code)
{
	uint8_t out[32];

	(void)thread;
	*code = card_random(card, session, out, sizeof out);
	return true;
}

static void pause_ms(uint32_t ms)
{
	nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

/* Calls a second; less than 0: it failed. */
static double rate(struct card *card, uint32_t threads, bool (*round)(struct card *, void *, uint32_t, uint32_t *))
{
	struct crew crew = {.card = card, .threads = threads, .rounds = UINT32_MAX, .round = round};
	struct crew_run *run = crew_start(&crew);

	pause_ms(card->request->full ? POINT_FULL_MS : POINT_MS);
	atomic_store(&crew.stop, true);
	double seconds = crew_end(run);
	return crew.threads < threads || atomic_load(&crew.errors) ? -1 : (double)atomic_load(&crew.done) / seconds;
}

static const struct {
	const char *what;
	bool (*round)(struct card *, void *, uint32_t, uint32_t *);
} calls[] = {{"SM2 sign", do_sign}, {"SM2 verify", do_verify}, {"random, 32 bytes", do_random}};

static bool offered(const struct card *card, size_t i)
{
	return calls[i].round == do_random   ? card->GenerateRandom != NULL
	       : calls[i].round == do_verify ? card->ExternalVerify_ECC && card->sign_index
	                                     : card->InternalSign_ECC && card->sign_index;
}

static uint32_t most_threads(const struct card *card)
{
	return card->profile->concurrency == SDF_CONCURRENT_SESSIONS ? card->request->threads : 1;
}

/* The worst is told before, as in ex_threads.c. */
static double rate_together(struct card *card, uint32_t threads, size_t i)
{
	tell_number("concurrency", SDF_CONCURRENT_NONE);
	double r = rate(card, threads, calls[i].round);
	tell_number("concurrency", SDF_CONCURRENT_SESSIONS);
	return r;
}

static void by_threads(struct card *card, size_t i)
{
	char one[24] = "-", many[24] = "-", text[24] = "-";
	uint32_t most = most_threads(card), measured = 0;

	for (uint32_t threads = 1; threads <= most; threads *= 2) {
		double r = threads == 1 ? rate(card, 1, calls[i].round) : rate_together(card, threads, i);
		if (r < 0)
			break;
		tell_point("Calls a second, by threads", calls[i].what, threads, r);
		snprintf(threads == 1 ? one : many, sizeof one, "%.0f", r);
		measured = threads;
	}
	if (measured > 1)
		snprintf(text, sizeof text, "%u", measured);
	tell_row("Calls a second", calls[i].what, one, many, text, NULL);
	if (!measured)
		tell(RESULT_info, "calls", "%s: not measured, since it fails", calls[i].what);
	else if (measured == 1)
		tell(RESULT_info, "calls", "%s: %s/s by one thread", calls[i].what, one);
	else
		tell(RESULT_info, "calls", "%s: %s/s by one thread, %s/s by %u", calls[i].what, one, many, measured);
}

struct bulk {
	struct card *card;
	void *session, *handle;
	uint8_t *in, *out;
	enum sdf_alg alg;           /* SDF_ALG_SM3: the hash */
};

static uint32_t bulk_call(const struct bulk *b, unsigned len)
{
	uint8_t *iv = room(16), digest[32];
	unsigned got = len;

	if (b->alg == SDF_ALG_SM3)
		return card_hash(b->card, b->session, NULL, NULL, 0, b->in, len, digest);
	return CALL(b->card, Encrypt, b->session, b->handle, b->card->profile->alg[b->alg], b->alg == SDF_ALG_SM4_ECB ? NULL : iv,
	            b->in, len, b->out, &got);
}

/* MB a second; less than 0: it failed. */
static double bulk_rate(const struct bulk *b, unsigned len)
{
	uint64_t begun = clock_now_ns(), limit = (b->card->request->full ? POINT_FULL_MS : POINT_MS) * NS_PER_MS, now = begun;
	uint64_t n = 0;

	for (; now - begun < limit; n++, now = clock_now_ns())
		if (bulk_call(b, len) != SDR_OK)
			return -1;
	return (double)n * len / ((double)(now - begun) / 1e9) / 1e6;
}

static void by_size(struct bulk *b, enum sdf_alg alg, const char *what)
{
	unsigned most = b->card->profile->data_max ? b->card->profile->data_max : 16384;

	b->alg = alg;
	for (unsigned len = 16; len <= most && b->card->profile->alg[alg]; len *= 4) {
		double r = bulk_rate(b, len);
		if (r < 0)
			return;
		tell_point("MB a second, by bytes of a call", what, len, r);
		tell_at(len, most);
	}
}

static void bulk(struct card *card)
{
	struct bulk b = {.card = card, .session = card_ready(card, "session"), .in = calloc(1, SDF_DATA_MAX),
	                 .out = calloc(2, SDF_DATA_MAX)};
	struct known_key key;

	if (!b.session || !b.in || !b.out)
		return;
	if (card->HashInit)
		by_size(&b, SDF_ALG_SM3, "SM3");
	if (known_key_load(card, b.session, "known-key", &key)) {
		b.handle = key.handle;
		by_size(&b, SDF_ALG_SM4_ECB, "SM4-ECB");
		by_size(&b, SDF_ALG_SM4_CBC, "SM4-CBC");
		card_destroy(card, b.session, key.handle);
	}
	card_close_session(card, b.session);
}

void examine_performance(struct card *card)
{
	tell_row("Calls a second", "What", "One thread", "Several", "Threads", NULL);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (offered(card, i))
			by_threads(card, i);
	bulk(card);
}
