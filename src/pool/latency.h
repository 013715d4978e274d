/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long ops take on a device, by class: verb and mechanism.
 *
 * What was long ago counts less and less: histograms are halved every so many samples, and
 * an average halves with every second without one, so that a device that was
 * slow once is tried again. Lock-free; a class is made at its first sample and
 * lives as long as the device.
 */
#ifndef POOL_LATENCY_H
#define POOL_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

#include "stats/stats.h"

#define LATENCY_CLASSES 128        /* of a device; those beyond are not measured */
#define LATENCY_TRUSTED 100        /* samples, before a percentile is believed */
#define LATENCY_NS_PER_BYTE 100    /* what every device is allowed for the size of an op */

struct latency {
	uint64_t op_class;
	_Atomic uint64_t average_ns;   /* moving */
	_Atomic uint64_t measured_ns;  /* when */
	_Atomic uint64_t p99_ns;       /* of the recent ones, less what their size allows; 0: too few */
	_Atomic uint32_t samples;      /* all */
	_Atomic uint32_t buckets[STATS_BUCKETS];
};

struct latencies {
	_Atomic(struct latency *) classes[LATENCY_CLASSES];
};

/* Never 0. */
static inline uint64_t latency_class(uint64_t mechanism, unsigned verb)
{
	return mechanism << 5 | verb;
}
/* What the size of an op adds to its time. */
static inline uint64_t latency_allowance_ns(uint64_t bytes)
{
	return bytes > UINT64_MAX / LATENCY_NS_PER_BYTE / 2 ? UINT64_MAX / 2 : bytes * LATENCY_NS_PER_BYTE;
}
void latency_note(struct latencies *, uint64_t op_class, uint64_t ns, uint64_t bytes, uint64_t now_ns);
/* 0: never measured, or so long ago that it says nothing. */
uint64_t latency_average_ns(const struct latencies *, uint64_t op_class, uint64_t now_ns);
/* 0: not known well enough. */
uint64_t latency_p99_ns(const struct latencies *, uint64_t op_class);
/* Nobody notes any more. */
void latency_clear(struct latencies *);

#endif
