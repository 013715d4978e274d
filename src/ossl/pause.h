/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASYNC_JOBs (ASYNC_start_job(3)): what waits for a device does not keep the
 * thread, but pauses the job; the job's descriptor becomes readable when the answer
 * is there, or the time is up.
 *
 * The wait itself is in base/park.h: between pause_begin and pause_end the
 * calling thread parks that way. Outside a job, and where nothing has to be waited for, nothing changes.
 */
#ifndef OSSL_PAUSE_H
#define OSSL_PAUSE_H

#include "base/park.h"

/* In a job: parks by pausing it. Else nothing. What it gives goes to pause_end. */
const struct park_way *pause_begin(void);
void pause_end(const struct park_way *before);

#endif
