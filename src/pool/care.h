/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device needs though no op asks for it: to be opened, probed, admitted,
 * emptied, closed. One errand a device at a time, on a lane that the device has
 * for nothing else, so that one that hangs delays nobody's; or in the thread that
 * asks, where the pool has no keeper.
 *
 * An errand works on what is its own: a connection is the device's only when it
 * was opened, gave known answers and proved its domain. One that is given up may come back at
 * any time, and then cleans up behind itself.
 */
#ifndef POOL_CARE_H
#define POOL_CARE_H

#include "pool/internal.h"

#define CARE_LANES 2 /* a device's, for ops and for errands */

/* The most urgent need of the device now, begun. Never blocks. urgent: somebody waits and nothing is fit. */
void care_begin_due(struct device *, bool urgent, uint64_t now_ns);
/* The same, done within the deadline in the calling thread. For direct devices. */
void care_do_due(struct device *, bool urgent, uint64_t now_ns, uint64_t deadline_ns);
bool care_is_under_way(struct device *);
/* An errand whose time is over is given up. */
void care_check(struct device *, uint64_t now_ns);
/* Opens it in the calling thread, if it is not open and nobody else is opening it. */
enum hufu_err care_open(struct device *, uint64_t deadline_ns) MUST_CHECK;
/*
 * Until this time at most: its errand ends, keys are evicted, connections are
 * closed, lanes end. Lanes that hang are given up, so many as the result says: for each of them
 * last is called when its last thread has come back, perhaps before this returns.
 */
unsigned care_end(struct device *, uint64_t deadline_ns, void (*last)(struct device *)) MUST_CHECK;
/* The last thread that hung in it is back: closes what is still open. */
void care_last(struct device *);
/* Waits until some errand of any device is over, or until then. */
void care_wait(uint64_t until_ns);
/* After fork, in the child. */
void care_after_fork(void);
void care_forget(struct device *);

#endif
