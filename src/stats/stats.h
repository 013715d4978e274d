/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each process knows of its devices, published for the administrator:
 * counters, latencies, states, the last events.
 *
 * One file a process, DIR/PID-NONCE.stats, mode 0600, all of it allocated when it is
 * made (a full disk must not become SIGBUS), mapped shared and locked by flock
 * for as long as the process lives. Whoever finds one that nobody locks removes it. DIR is
 * conf->run_dir, else /run/hufu/UID, else $XDG_RUNTIME_DIR/hufu (never in a
 * set-uid program); it must belong to this user and be closed to others. Where
 * there is none, or no room, the counters are private memory and nothing is
 * published: no call ever fails for want of it.
 *
 * The writer is the process itself, with relaxed atomics: a reader sees numbers
 * that belong together only roughly. The reader copies with pread and believes
 * nothing: counts, lengths, texts and enums are checked before use.
 *
 * Made with the first device that a pool opens, never by listing slots; gone with the last.
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include <stdatomic.h>

#include "base/conf.h"
#include "base/err.h"

#define STATS_VERSION 1u
#define STATS_DEVICES_MAX 64       /* of one process; those beyond are counted privately */
#define STATS_SLOTS 64             /* threads count in lines of their own */
#define STATS_VERBS 16             /* enum hufu_verb */
#define STATS_BUCKETS 128          /* see stats_bucket */
#define STATS_EVENTS 32            /* the last ones of a device */
#define STATS_NAME 68              /* names have up to 64 characters */
#define STATS_STATES 7             /* enum pool_state: a reader shows nothing beyond */
#define STATS_ADMINS 4             /* enum pool_admin */

/* One line a thread. Work in flight is started - ended, over all slots. */
struct stats_slot {
	_Alignas(64) _Atomic uint64_t started;  /* attempts given to the device */
	_Atomic uint64_t ended;
	_Atomic uint64_t errors;                /* of them, neither OK nor the caller's mistake */
	_Atomic uint64_t bytes;                 /* in and out */
};

/* Rare things, one counter each. The names are those of the tool's output. */
enum stats_count {
	STATS_RETRIES,             /* attempts elsewhere after this device failed */
	STATS_TIMEOUTS,            /* attempts that were given up */
	STATS_LATE,                /* answers that came after that */
	STATS_HEDGES,              /* second attempts beside one of this device */
	STATS_BUSY,                /* refused for want of a session */
	STATS_EJECTIONS,
	STATS_PROBES,
	STATS_PROBES_FAILED,
	STATS_OPENS,
	STATS_WRONG_ANSWERS,       /* failed a check before release */
	STATS_FALLBACKS,           /* served by this device, software, because hardware was out */
	STATS_HUNG,                /* lanes given up and not come back: a level, not a sum */
	STATS_COUNTS
};
const char *stats_count_name(enum stats_count);

/* What happened to a device. text: one short line, for people. */
struct stats_event {
	uint64_t wall_ms;          /* since 1970 */
	uint32_t from, to;         /* enum pool_state */
	uint32_t err;              /* enum hufu_err, or 0 */
	char text[84];
};

struct stats_device {
	char token[STATS_NAME], device[STATS_NAME], driver[STATS_NAME], domain[STATS_NAME];
	_Atomic uint32_t in_use;   /* the block has a device */
	_Atomic uint32_t state;    /* enum pool_state */
	_Atomic uint32_t admin;    /* enum pool_admin */
	_Atomic uint32_t isolation; /* enum conf_isolation: direct or thread */
	_Atomic uint32_t priority, weight;
	_Atomic uint32_t leases, leases_max; /* max 0: no limit */
	_Atomic uint32_t queued;
	_Atomic uint32_t software;
	_Atomic uint64_t since_wall_ms; /* in this state */
	_Atomic uint64_t until_wall_ms; /* EJECTED: probed then; SLOW_START: over then; 0 none */
	_Atomic uint64_t latency_ns;    /* moving average */
	_Atomic uint64_t counts[STATS_COUNTS];
	_Atomic uint32_t histogram[STATS_VERBS][STATS_BUCKETS]; /* of attempts that were timed */
	_Atomic uint32_t nevents;  /* so far; event i is in events[i % STATS_EVENTS] */
	struct stats_event events[STATS_EVENTS];
	struct stats_slot slots[STATS_SLOTS];
};

/* -- the writer ------------------------------------------------------------ */

/* Where to publish from the next file on; what it needs is copied. NULL: nowhere, as before the first call. Makes nothing yet. */
void stats_configure(const struct conf *);
/* A block for this device, in the file or in private memory; NULL: no memory at all. Thread-safe. */
struct stats_device *stats_device_new(const char *token, const struct conf_device *);
/* Gives it back; with the last one the file goes. NULL is ignored. */
void stats_device_free(struct stats_device *);
void stats_event(struct stats_device *, uint32_t from, uint32_t to, enum hufu_err, const char *text);
/*
 * In a forked child: the file is the parent's. Blocks stay where they are and go on as private
 * memory, counters at 0, until the child works itself: then stats_publish, which costs nothing
 * where there is nothing to do, puts them into a file of its own.
 */
void stats_before_fork(void);
void stats_after_fork_parent(void);
void stats_after_fork_child(void);
void stats_publish(void);

static inline void stats_add(struct stats_device *s, enum stats_count count, uint64_t n)
{
	atomic_fetch_add_explicit(&s->counts[count], n, memory_order_relaxed);
}

/* Four buckets an octave from 256 ns on: bucket i ends at stats_bucket_end_ns(i); the last takes all beyond. */
unsigned stats_bucket(uint64_t ns);
uint64_t stats_bucket_end_ns(unsigned bucket);
/* The latency that this share of the histogram stays under, 0 where it is empty. per_mille 0..1000. */
uint64_t stats_percentile_ns(const uint32_t histogram[STATS_BUCKETS], unsigned per_mille);

/* -- the reader ------------------------------------------------------------ */

/* A device of a process, checked and summed up: plain values. */
struct stats_view {
	int64_t pid;
	char program[64];          /* /proc/PID/comm when the file was made */
	uint64_t started_wall_ms;
	char token[STATS_NAME], device[STATS_NAME], driver[STATS_NAME], domain[STATS_NAME];
	uint32_t state, admin, isolation, priority, weight, leases, leases_max, queued, in_flight;
	bool software;
	uint64_t since_wall_ms, until_wall_ms, latency_ns;
	uint64_t ops, errors, bytes;
	uint64_t counts[STATS_COUNTS];
	uint32_t histogram[STATS_VERBS][STATS_BUCKETS];
	uint32_t nevents;          /* in events, oldest first */
	struct stats_event events[STATS_EVENTS];
};

/*
 * Every live process of this user (of every user, for root, where the directory is /run/hufu).
 * The view is valid until each returns. Files of the dead are removed on the way.
 */
enum hufu_err stats_read_all(const struct conf *, void (*each)(const struct stats_view *, void *arg), void *arg) MUST_CHECK;

#endif
