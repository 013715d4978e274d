/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies, four buckets an octave: a percentile is off by less than a quarter. */
#include "stats/stats.h"

#define FIRST_OCTAVE 8 /* 256 ns */

unsigned stats_bucket(uint64_t ns)
{
	if (ns < 1u << FIRST_OCTAVE)
		return 0;
	unsigned octave = 63u - (unsigned)__builtin_clzll(ns);
	unsigned quarter = (unsigned)(ns >> (octave - 2)) & 3;
	unsigned bucket = (octave - FIRST_OCTAVE) * 4 + quarter;
	return bucket < STATS_BUCKETS ? bucket : STATS_BUCKETS - 1;
}

uint64_t stats_bucket_end_ns(unsigned bucket)
{
	if (bucket >= STATS_BUCKETS)
		bucket = STATS_BUCKETS - 1;
	return (uint64_t)(5 + bucket % 4) << (FIRST_OCTAVE - 2 + bucket / 4);
}

uint64_t stats_percentile_ns(const uint32_t histogram[STATS_BUCKETS], unsigned per_mille)
{
	uint64_t total = 0, seen = 0;
	for (unsigned i = 0; i < STATS_BUCKETS; i++)
		total += histogram[i];
	if (!total)
		return 0;
	if (per_mille > 1000)
		per_mille = 1000;
	uint64_t wanted = (total * per_mille + 999) / 1000;
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		seen += histogram[i];
		if (seen && seen >= wanted)
			return stats_bucket_end_ns(i);
	}
	return stats_bucket_end_ns(STATS_BUCKETS - 1);
}

const char *stats_count_name(enum stats_count count)
{
	switch (count) {
	case STATS_RETRIES: return "retries";
	case STATS_TIMEOUTS: return "timeouts";
	case STATS_LATE: return "late";
	case STATS_HEDGES: return "hedges";
	case STATS_BUSY: return "busy";
	case STATS_EJECTIONS: return "ejections";
	case STATS_PROBES: return "probes";
	case STATS_PROBES_FAILED: return "probes_failed";
	case STATS_OPENS: return "opens";
	case STATS_WRONG_ANSWERS: return "wrong_answers";
	case STATS_FALLBACKS: return "fallbacks";
	case STATS_HUNG: return "hung";
	case STATS_COUNTS: break;
	}
	return "?";
}
