/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices as an administrator sees them: what the configuration says, what
 * was wished, and what the running programs report of them.
 *
 * Reports are those of programs of this user, or of all for root. The reader of
 * stats.h has checked them: enums are in range, texts are fit for a terminal.
 */
#ifndef FLEET_H
#define FLEET_H

#include "base/conf_states.h"
#include "pool/pool.h"
#include "stats/stats.h"
#include "tools/tool.h"

#define FLEET_STATES (POOL_QUARANTINED + 1)

/* What several reports come to. */
struct tally {
	unsigned reports;
	unsigned states[FLEET_STATES];  /* how many report which */
	enum pool_state worst;          /* of them; means nothing without reports */
	uint64_t in_flight, queued, ops, errors, bytes;
	uint64_t counts[STATS_COUNTS];
	uint32_t histogram[STATS_BUCKETS];
	uint64_t p50_ns, p99_ns;        /* 0: nothing was timed */
};

/* A device: of the configuration, or one that programs still have though the configuration has it no more. */
struct member {
	const char *name;
	const struct conf_device *conf;   /* NULL: not in the configuration */
	const struct conf_state *state;   /* who wished what, and why; NULL: nobody anything */
	enum conf_wish wish;
	struct stats_view **views;        /* a program and token each */
	size_t nviews;
	struct tally tally;
};

struct fleet {
	struct conf *conf;
	struct conf_states states;
	struct stats_view *views;
	size_t nviews, views_cap;
	struct member *members;           /* in the order of the configuration */
	size_t nmembers;
	bool no_memory;
	bool quiet;                       /* problems of the configuration were told already */
};

/* Reads all of it. After a message. fleet_clear in both cases. */
enum status fleet_load(struct fleet *) MUST_USE;
/* Reads wishes and reports again: pointers to members and views are void. */
enum status fleet_refresh(struct fleet *) MUST_USE;
/* The same, and the configuration too where its file was changed. */
enum status fleet_reload(struct fleet *) MUST_USE;
void fleet_clear(struct fleet *);

/* NULL: there is none. */
const struct member *fleet_find(const struct fleet *, const char *name);
/* The same; ST_NOT_FOUND after a message. */
enum status fleet_need(const struct fleet *, const char *name, const struct member **) MUST_USE;

void tally_add(struct tally *, const struct stats_view *);
/* The percentiles, when all are in. */
void tally_close(struct tally *);
/* How bad a state is, for the worst of several. */
unsigned state_rank(enum pool_state);

/* Does the token serve itself of the device? */
bool token_uses(const struct fleet *, const struct conf_token *, const struct conf_device *);
/* "trading, payroll"; "*" stands for the tokens in token_dir. Gives out. */
char *member_tokens(const struct fleet *, const struct member *, char *out, size_t out_len);

#endif
