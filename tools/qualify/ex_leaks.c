/* SPDX-License-Identifier: Apache-2.0 */
/* What grows with every call. */
#include "tools/qualify/examine.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 500
#define ROUNDS_FULL 20000
#define STAGES 4
#define DESCRIPTORS_MAX 4096
#define BYTES_A_ROUND 64        /* less is not told from chance */

struct usage {
	size_t heap, resident, descriptors, threads;
};

static size_t threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* /proc/self/fd is closed to a process that gave up root. */
static size_t descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static size_t resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct usage usage(void)
{
	struct mallinfo2 heap = mallinfo2();

	return (struct usage){heap.uordblks + heap.hblkhd, resident(), descriptors(), threads()};
}

/* A round: the code of what it is about. CARD_MISSING: cannot be tried here. */
static uint32_t sessions(struct card *card, void *session)
{
	void *other;

	(void)session;
	uint32_t code = card_session(card, card->device, &other);
	card_close_session(card, other);
	return code;
}

static uint32_t signatures(struct card *card, void *session)
{
	uint8_t e[32] = {1}, sig[64];

	return card->sign_index ? card_sign(card, session, card->sign_index, e, sig) : CARD_MISSING;
}

static uint32_t keys(struct card *card, void *session)
{
	uint8_t key[16] = {1};
	void *handle = NULL;

	if (!card_can_import(card))
		return CARD_MISSING;
	uint32_t code = card_import(card, session, key, sizeof key, &handle);
	card_destroy(card, session, handle);
	return code;
}

/* Its failure is what is wanted. */
static uint32_t failures(struct card *card, void *session)
{
	uint8_t point[64];
	uint32_t code = card_export(card, session, 4999, true, point);

	return code == CARD_MISSING ? code : code == SDR_OK ? CARD_STRANGE : SDR_OK;
}

static uint32_t devices(struct card *card, void *session)
{
	void *device;

	(void)session;
	if (card->profile->devices_max == 1)
		return CARD_MISSING;
	uint32_t code = card_open(card, &device);
	return code == SDR_OK ? CALL(card, CloseDevice, device) : code;
}

static const struct {
	const char *id, *what;
	uint32_t (*round)(struct card *, void *session);
	uint32_t share;         /* of the rounds */
} kinds[] = {
	{"sessions", "sessions opened and closed", sessions, 1},
	{"signatures", "signatures", signatures, 1},
	{"keys", "keys loaded and destroyed", keys, 1},
	{"failures", "calls that fail", failures, 1},
	{"devices", "devices opened and closed", devices, 5},
};

/* Growth in every stage after the first, which fills caches: what grows once is no leak. */
static size_t least_growth(const struct usage u[STAGES + 1], size_t member)
{
	size_t least = SIZE_MAX;

	for (int i = 1; i < STAGES; i++) {
		size_t before, after;
		memcpy(&before, (const char *)&u[i] + member, sizeof before);
		memcpy(&after, (const char *)&u[i + 1] + member, sizeof after);
		size_t growth = after > before ? after - before : 0;
		least = growth < least ? growth : least;
	}
	return least;
}

static void judge(const char *id, const char *what, const struct usage u[STAGES + 1], uint32_t rounds)
{
	size_t heap = least_growth(u, offsetof(struct usage, heap)) / rounds,
	       pages = least_growth(u, offsetof(struct usage, resident)) / rounds;
	size_t bytes = heap > pages ? heap : pages;
	size_t files = least_growth(u, offsetof(struct usage, descriptors)),
	       lanes = least_growth(u, offsetof(struct usage, threads));

	if (files || lanes)
		tell(RESULT_fault, id, "%s: %zu descriptors and %zu threads more after each %u", what, files, lanes, rounds);
	if (bytes >= BYTES_A_ROUND)
		tell(RESULT_fault, id, "%s: %zu bytes more after each", what, bytes);
	if (!files && !lanes && bytes < BYTES_A_ROUND)
		tell(RESULT_pass, id, "%s: nothing grows", what);
}

/* The code of the first that fails; *done: those before it. */
static uint32_t repeat(struct card *card, void *session, size_t kind, uint32_t rounds, uint32_t *done)
{
	uint32_t code = SDR_OK;

	for (*done = 0; *done < rounds && code == SDR_OK; *done += code == SDR_OK) {
		code = kinds[kind].round(card, session);
		tell_at(*done, rounds);
	}
	return code;
}

static void run(struct card *card, void *session, size_t kind)
{
	uint32_t rounds = (card->request->full ? ROUNDS_FULL : ROUNDS) / kinds[kind].share, done;
	const char *id = kinds[kind].id, *what = kinds[kind].what;
	uint32_t code = kinds[kind].round(card, session);
	struct usage u[STAGES + 1];

	if (code != SDR_OK) {
		tell(RESULT_skipped, id, "%s: not tried, %s%s", what,
		     code == CARD_MISSING ? "the library, its keys or the profile have no such thing" : "since the first failed: ",
		     code == CARD_MISSING ? "" : code_text(card, code));
		return;
	}
	u[0] = usage();
	for (uint32_t stage = 1; stage <= STAGES; stage++) {
		code = repeat(card, session, kind, rounds, &done);
		if (code != SDR_OK) {
			tell(RESULT_fault, id, "%s: after %u of them no more (%s)", what, (stage - 1) * rounds + done + 1,
			     code_text(card, code));
			return;
		}
		u[stage] = usage();
		tell_point("KiB more, by calls", what, stage * rounds, ((double)u[stage].resident - (double)u[0].resident) / 1024);
	}
	judge(id, what, u, rounds);
}

void examine_leaks(struct card *card)
{
	void *session = card_ready(card, "session");

	if (dlsym(RTLD_DEFAULT, "__asan_init")) {
		tell(RESULT_skipped, "sanitizer", "under a sanitizer memory that was given back is kept on purpose");
		return;
	}
	if (!session)
		return;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		run(card, session, i);
	card_close_session(card, session);
}
