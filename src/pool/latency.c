/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/latency.h"

#include <stdlib.h>

#include "base/clock.h"

#define PLACES 8               /* where a class may be, one after the other */
#define REVIEW_EVERY 64        /* samples: the percentile is found anew */
#define HALVE_EVERY 2048       /* samples: what was before counts half */
#define HALF_LIFE_NS NS_PER_S  /* of an average without a sample */

static size_t home_of(uint64_t op_class)
{
	return (size_t)(op_class * 0x9e3779b97f4a7c15u >> 32) % LATENCY_CLASSES;
}

static struct latency *find(const struct latencies *all, uint64_t op_class)
{
	size_t home = home_of(op_class);

	for (size_t i = 0; i < PLACES; i++) {
		struct latency *latency = atomic_load_explicit(&all->classes[(home + i) % LATENCY_CLASSES], memory_order_acquire);

		if (!latency || latency->op_class == op_class)
			return latency;
	}
	return NULL;
}

/* NULL: no memory, or too many classes share its places. */
static struct latency *find_or_make(struct latencies *all, uint64_t op_class)
{
	struct latency *latency = find(all, op_class), *made;
	size_t home = home_of(op_class);

	if (latency)
		return latency;
	made = calloc(1, sizeof(*made));
	if (!made)
		return NULL;
	made->op_class = op_class;
	for (size_t i = 0; i < PLACES; i++) {
		struct latency *there = NULL;

		if (atomic_compare_exchange_strong(&all->classes[(home + i) % LATENCY_CLASSES], &there, made))
			return made;
		if (there->op_class == op_class) {
			latency = there;
			break;
		}
	}
	free(made);
	return latency;
}

/* By whoever brought the sample that makes it due; others note meanwhile, and a few samples more or less mean nothing. */
static void review(struct latency *latency, uint32_t samples)
{
	uint32_t histogram[STATS_BUCKETS];
	bool halve = samples % HALVE_EVERY == 0;

	for (size_t i = 0; i < STATS_BUCKETS; i++) {
		histogram[i] = atomic_load_explicit(&latency->buckets[i], memory_order_relaxed);
		if (halve && histogram[i])
			atomic_fetch_sub_explicit(&latency->buckets[i], histogram[i] / 2, memory_order_relaxed);
	}
	atomic_store_explicit(&latency->p99_ns, stats_percentile_ns(histogram, 990), memory_order_relaxed);
}

static uint64_t aged(const struct latency *latency, uint64_t now_ns)
{
	uint64_t average = atomic_load_explicit(&latency->average_ns, memory_order_relaxed);
	uint64_t measured = atomic_load_explicit(&latency->measured_ns, memory_order_relaxed);
	uint64_t halves = now_ns > measured ? (now_ns - measured) / HALF_LIFE_NS : 0;

	return halves < 64 ? average >> halves : 0;
}

void latency_note(struct latencies *all, uint64_t op_class, uint64_t ns, uint64_t bytes, uint64_t now_ns)
{
	struct latency *latency = find_or_make(all, op_class);
	uint64_t allowance = latency_allowance_ns(bytes);

	if (!latency)
		return;
	uint64_t average = aged(latency, now_ns);
	average = average ? average - average / 8 + ns / 8 : ns;
	atomic_store_explicit(&latency->average_ns, average ? average : 1, memory_order_relaxed);
	atomic_store_explicit(&latency->measured_ns, now_ns, memory_order_relaxed);
	atomic_fetch_add_explicit(&latency->buckets[stats_bucket(ns > allowance ? ns - allowance : 0)], 1, memory_order_relaxed);
	uint32_t samples = 1 + atomic_fetch_add_explicit(&latency->samples, 1, memory_order_relaxed);
	if (samples == LATENCY_TRUSTED || (samples > LATENCY_TRUSTED && samples % REVIEW_EVERY == 0))
		review(latency, samples);
}

uint64_t latency_average_ns(const struct latencies *all, uint64_t op_class, uint64_t now_ns)
{
	const struct latency *latency = find(all, op_class);

	return latency ? aged(latency, now_ns) : 0;
}

uint64_t latency_p99_ns(const struct latencies *all, uint64_t op_class)
{
	const struct latency *latency = find(all, op_class);

	return latency ? atomic_load_explicit(&latency->p99_ns, memory_order_relaxed) : 0;
}

void latency_clear(struct latencies *all)
{
	for (size_t i = 0; i < LATENCY_CLASSES; i++)
		free(atomic_exchange(&all->classes[i], NULL));
}
