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

static void sessions(struct card *card, void *session)
{
	void *other;

	(void)session;
	if (card_session(card, card->device, &other) == SDR_OK)
		card_close_session(card, other);
}

static void signatures(struct card *card, void *session)
{
	uint8_t e[32] = {1}, sig[64];

	(void)card_sign(card, session, card->sign_index, e, sig);
}

static void keys(struct card *card, void *session)
{
	uint8_t key[16] = {1};
	void *handle;

	if (card_import(card, session, key, sizeof key, &handle) == SDR_OK)
		card_destroy(card, session, handle);
}

static void failures(struct card *card, void *session)
{
	uint8_t point[64];

	(void)card_export(card, session, 4999, true, point);
}

static void devices(struct card *card, void *session)
{
	void *device;

	(void)session;
	if (card->profile->devices_max != 1 && card_open(card, &device) == SDR_OK)
		(void)CALL(card, CloseDevice, device);
}

static const struct {
	const char *id, *what;
	void (*round)(struct card *, void *session);
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

static void run(struct card *card, void *session, size_t kind)
{
	uint32_t rounds = (card->request->full ? ROUNDS_FULL : ROUNDS) / kinds[kind].share;
	struct usage u[STAGES + 1];
	char series[64];

	u[0] = usage();
	for (uint32_t stage = 1; stage <= STAGES; stage++) {
		for (uint32_t i = 0; i < rounds; i++) {
			kinds[kind].round(card, session);
			tell_at(i, rounds);
		}
		u[stage] = usage();
		snprintf(series, sizeof series, "%s", kinds[kind].what);
		tell_point("KiB more, by calls", series, stage * rounds,
		           ((double)u[stage].resident - (double)u[0].resident) / 1024);
	}
	judge(kinds[kind].id, kinds[kind].what, u, rounds);
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
