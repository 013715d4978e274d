/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SQLite VFS over the default one that records what reaches the disk, so
 * that every state a power loss can leave behind may be made again; and that
 * fails on demand.
 *
 * The disk it models: a write, truncation, creation or deletion is certain to
 * be there only after a sync of its file (a deletion: of its directory). Until
 * then each may be there or not, in any order, and a write by 512-byte sectors.
 * Shared memory (-shm) never survives.
 */
#ifndef POWERLOSS_VFS_H
#define POWERLOSS_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POWERLOSS_VFS "hufu-powerloss"

/* Once. */
void powerloss_register(void);

/* -- recording ------------------------------------------------------------------- */

/* From here on, for files whose paths begin with this; what they hold now is the base. */
void powerloss_start(const char *prefix);
void powerloss_stop(void);
/* How many things have happened so far: a point in time. */
size_t powerloss_now(void);

enum powerloss_fate {
	POWERLOSS_LOST,   /* nothing unsynced is there */
	POWERLOSS_KEPT,   /* all of it is */
	POWERLOSS_RANDOM, /* some */
	POWERLOSS_TORN    /* some, by sectors */
};

/* Writes the files as they are after a power loss at that point; to takes prefix's place in their names. */
void powerloss_replay(size_t at, enum powerloss_fate, uint32_t seed, const char *to);

/* -- failing ----------------------------------------------------------------------- */

enum powerloss_fault {
	POWERLOSS_NO_FAULT,
	POWERLOSS_FULL,      /* writes: SQLITE_FULL */
	POWERLOSS_IO_ERROR,  /* writes: SQLITE_IOERR_WRITE */
	POWERLOSS_BAD_SYNC,  /* syncs: SQLITE_IOERR_FSYNC */
	POWERLOSS_BAD_READ,  /* reads: SQLITE_IOERR_READ */
	POWERLOSS_READ_ONLY  /* opened from now on: nothing can be written or made */
};

/* All calls of that kind after the next n fail, until NO_FAULT. */
void powerloss_fail(enum powerloss_fault, unsigned after);
/* Has the fault been met? */
bool powerloss_failed(void);

#endif
