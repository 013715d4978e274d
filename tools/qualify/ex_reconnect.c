/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and devices opened and closed by several threads at once, and while others work. */
#include "tools/qualify/examine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPENINGS 50
#define OPENINGS_FULL 1000

struct openers {
	struct card *card;
	uint32_t n, rounds;
	pthread_barrier_t barrier;
	void **sessions;
	_Atomic uint64_t same, errors, wrong;
	_Atomic uint32_t code;
};

struct opener {
	struct openers *all;
	uint32_t number;
	pthread_t thread;
};

static uint64_t count_same(void *const *sessions, uint32_t n)
{
	uint64_t same = 0;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < i; k++)
			same += sessions[i] && sessions[i] == sessions[k];
	return same;
}

/* All open at the same time, look, work, close at the same time. */
static void *open_at_once(void *arg)
{
	struct opener *o = arg;
	struct openers *all = o->all;

	for (uint32_t i = 0; i < all->rounds; i++) {
		pthread_barrier_wait(&all->barrier);
		uint32_t code = card_session(all->card, all->card->device, &all->sessions[o->number]);
		if (code != SDR_OK) {
			all->sessions[o->number] = NULL;
			atomic_fetch_add(&all->errors, 1);
			atomic_store(&all->code, code);
		}
		if (pthread_barrier_wait(&all->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			atomic_fetch_add(&all->same, count_same(all->sessions, all->n));
		if (all->sessions[o->number] && !round_random(all->card, all->sessions[o->number], o->number, &code))
			atomic_fetch_add(&all->wrong, 1);
		pthread_barrier_wait(&all->barrier);
		card_close_session(all->card, all->sessions[o->number]);
		tell_at(i, all->rounds);
	}
	board_quit();
	return NULL;
}

/* As many as there are sessions for, where the profile knows a limit. */
static uint32_t threads_for(const struct card *card, uint32_t wanted)
{
	uint32_t most = card->profile->sessions_max;

	return most && most < wanted ? most : wanted;
}

/* True: all went well. */
static bool try_openers(struct card *card)
{
	struct openers all = {.card = card, .n = threads_for(card, card->request->threads),
	                      .rounds = card->request->full ? OPENINGS_FULL : OPENINGS};
	struct opener *o = calloc(all.n, sizeof *o);

	all.sessions = calloc(all.n, sizeof *all.sessions);
	if (!o || !all.sessions || pthread_barrier_init(&all.barrier, NULL, all.n))
		_exit(1);
	for (uint32_t i = 0; i < all.n; i++) {
		o[i] = (struct opener){.all = &all, .number = i};
		if (pthread_create(&o[i].thread, NULL, open_at_once, &o[i]))
			_exit(1);
	}
	for (uint32_t i = 0; i < all.n; i++)
		pthread_join(o[i].thread, NULL);
	uint64_t same = atomic_load(&all.same), errors = atomic_load(&all.errors), wrong = atomic_load(&all.wrong);
	if (same || errors || wrong) {
		tell(RESULT_fault, "at-once",
		     "%u threads open sessions at the same time, %u times: one handle was given to two %llu times, "
		     "%llu openings failed (%s), %llu sessions did not work",
		     all.n, all.rounds, (unsigned long long)same, (unsigned long long)errors,
		     errors ? code_text(card, atomic_load(&all.code)) : "-", (unsigned long long)wrong);
	} else {
		tell(RESULT_pass, "at-once", "%u threads open sessions at the same time, %u times: all different, all work", all.n,
		     all.rounds);
	}
	free(all.sessions);
	free(o);
	return !same && !errors && !wrong;
}

/* Until the rounds are over, and each of the others has done something meanwhile. */
static uint32_t open_and_close(struct card *card, struct crew *crew, bool devices)
{
	uint32_t rounds = card->request->full ? OPENINGS_FULL : OPENINGS, code = SDR_OK;

	for (uint32_t i = 0; code == SDR_OK && (i < rounds || atomic_load(&crew->done) < crew->threads); i++) {
		void *device = card->device, *session = NULL;
		if (devices)
			code = card_open(card, &device);
		if (code == SDR_OK)
			code = card_session(card, device, &session);
		card_close_session(card, session);
		if (devices && code == SDR_OK)
			code = CALL(card, CloseDevice, device);
		tell_at(i, rounds);
	}
	return code;
}

/* Others work meanwhile, and must not notice. One session is left for who opens. True: all went well. */
static bool open_under_load(struct card *card, const char *id, const char *what, bool devices)
{
	struct crew crew = {.card = card, .threads = threads_for(card, card->request->threads / 2 + 1) - 1, .rounds = UINT32_MAX / 2,
	                    .round = card->sign_index && card->InternalSign_ECC ? round_sign : round_random};
	struct crew_run *run = crew_start(&crew);
	uint32_t code = crew.threads ? open_and_close(card, &crew, devices) : SDR_OK;

	atomic_store(&crew.stop, true);
	crew_end(run);
	uint64_t bad = atomic_load(&crew.wrong) + atomic_load(&crew.errors);
	if (bad || code != SDR_OK)
		tell(RESULT_fault, id, "%s while %u threads work: %s; %llu of %llu calls of the others went wrong (%s)", what,
		     crew.threads, code_text(card, code), (unsigned long long)bad, (unsigned long long)atomic_load(&crew.done),
		     atomic_load(&crew.errors) ? code_text(card, atomic_load(&crew.code)) : "wrong answers");
	else if (!crew.threads)
		tell(RESULT_skipped, id, "%s while others work: not tried, since no other thread can have a session", what);
	else
		tell(RESULT_pass, id, "%s while %u threads work: %llu calls, none disturbed", what, crew.threads,
		     (unsigned long long)atomic_load(&crew.done));
	return !bad && code == SDR_OK;
}

/* The worst is told before, and taken back after: a library may end the process, or stand still. */
void examine_reconnect(struct card *card)
{
	if (card->profile->open_exclusive || card->profile->concurrency != SDF_CONCURRENT_SESSIONS) {
		tell(RESULT_skipped, "profile", "the profile says that nothing is to be opened beside other calls");
		return;
	}
	if (threads_for(card, 2) < 2) {
		tell(RESULT_skipped, "sessions", "there is one session at a time: nothing is opened beside others");
		return;
	}
	tell_flag("open_exclusive", true);
	bool good = try_openers(card);
	good &= open_under_load(card, "sessions", "sessions are opened and closed", false);
	if (card->profile->devices_max != 1)
		good &= open_under_load(card, "devices", "devices are opened and closed", true);
	if (good)
		tell_flag("open_exclusive", false);
}
