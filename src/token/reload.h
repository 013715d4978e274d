/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the configuration and the administrator's wishes for devices while
 * the library runs: devices come, go, drain and change without a restart of the
 * application. A file with mistakes is reported once, with all of them, and what
 * was in force stays in force. What cannot change while sessions are open (a
 * token's store, its policy, new tokens) is named in the log.
 *
 * Files may hang (NFS). So where the pool has threads of ours anyway they are
 * looked at by a thread that nobody waits for; where it has none, by the callers, at most every 100 ms.
 * The embedded default has no file, and is not watched.
 */
#ifndef TOKEN_RELOAD_H
#define TOKEN_RELOAD_H

#include "base/conf.h"

/* For core.c, which holds its lock for writing. conf outlives the watch. */
void reload_start(const struct conf *);
void reload_stop(void);
/* Now and then, by the pool's keeper or a caller (pool_on_tick). */
void reload_tick(void);

void reload_before_fork(void);
void reload_after_fork_parent(void);
void reload_after_fork_child(void);

#endif
