/* SPDX-License-Identifier: Apache-2.0 */
/* Where records go: a file, syslog; each on a thread of its own, so that one that hangs holds up neither callers nor the other. */
#ifndef AUDIT_SINK_H
#define AUDIT_SINK_H

#include <pthread.h>

#include "audit/audit.h"
#include "audit/trail.h"

#define SINKS_MAX 2

/* A record on its way, in secret memory; freed when every sink has had it. */
struct entry {
	struct entry *next;
	uint32_t sinks_left;
	struct chain after;
	size_t len;
	char line[];               /* with its line end */
};

struct sink {
	const char *name;
	struct audit *audit;
	struct entry *first;       /* the next to write; NULL: all was */
	uint64_t done;             /* seq of the last that is durable here */
	uint64_t failing_since_ns; /* 0: it works */
	pthread_t thread;
	/* Outside the audit's lock; false: it is tried again. */
	bool (*write)(struct sink *, const struct writer *lines, const struct chain *after);
	struct trail trail;
};

struct audit {
	struct conf_audit conf;
	pthread_mutex_t lock;      /* all below */
	pthread_cond_t work;       /* for sinks: there is an entry, or the end */
	pthread_cond_t progress;   /* for callers: a sink has written, or failed */
	struct chain *chain, *next; /* secret memory; next: while a record is made */
	struct sm2_private *signer; /* secret memory */
	struct entry *last;
	uint64_t queued, records, failures, refused;
	uint64_t since_checkpoint; /* records */
	uint64_t checkpoint_due_ns;
	int64_t last_checkpoint;
	bool ending;
	struct sink sinks[SINKS_MAX];
	size_t nsinks;
};

bool sink_file_write(struct sink *, const struct writer *lines, const struct chain *after);
bool sink_syslog_write(struct sink *, const struct writer *lines, const struct chain *after);
/* The thread of a sink: writes until the end, and then what is left, for at most a second. */
void *sink_main(void *sink);
/* For the first sink's thread: one is made when its time has come. */
void audit_checkpoint_if_due(struct audit *);

#endif
