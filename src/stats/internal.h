/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a file of counters, and where such files lie. */
#ifndef STATS_INTERNAL_H
#define STATS_INTERNAL_H

#include "stats/stats.h"

#include <stddef.h>
#include <sys/types.h>

#define STATS_MAGIC "hufustat"
#define STATS_SUFFIX ".stats"
#define STATS_SYSTEM_DIR "/run/hufu" /* in it a directory a user, named by its number */

/* The first bytes of a file; the blocks begin at STATS_HEADER_SPACE. All in this machine's own form: it never travels. */
struct stats_header {
	char magic[8];
	uint32_t version;
	uint32_t block_len;      /* sizeof(struct stats_device) */
	int64_t pid;
	uint64_t started_wall_ms;
	char program[64];
};

#define STATS_HEADER_SPACE ((size_t)4096)
#define STATS_FILE_MAX (STATS_HEADER_SPACE + STATS_DEVICES_MAX * sizeof(struct stats_device))

/*
 * The directory for this process's own file, made if need be; -1: there is none.
 * path: where it is. run_dir: the configuration's, or NULL.
 */
int stats_dir_make(const char *run_dir, char *path, size_t path_len) MUST_CHECK;
/* Calls each with every directory that may hold files this user may read; owner: whose they must be. */
void stats_dirs(const char *run_dir, void (*each)(int dir, uid_t owner, void *arg), void *arg);

/* Takes away files of this user's dead processes. */
void stats_reclaim(int dir);

/* One file's bytes: calls each for every block of it that holds a device and is sound. False: it is no such file. */
bool stats_parse(const uint8_t *bytes, size_t len, void (*each)(const struct stats_view *, void *arg), void *arg) MUST_CHECK;

#endif
