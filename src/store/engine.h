/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sealed store asks of the database under it. An engine keeps rows and
 * knows nothing of keys: what it hands out is checked above, what it is given is
 * sealed and MACed already.
 *
 * One engine is one connection, used by one thread at a time. Writers come one
 * after another: what a transaction for writing has read stays so until its end.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/row.h"
#include "store/store.h"

enum tx { TX_READ, TX_WRITE };

/* What can be asked; what goes in and what comes out stands in ask_shapes. */
enum ask {
	ASK_HEAD,                  /* the last of the journal */
	ASK_JOURNAL_NEXT,          /* after a revision, in order */
	ASK_JOURNAL_WRITE,
	ASK_JOURNAL_TRIM,          /* up to a revision, that included */
	ASK_CHANGES,               /* a number that differs when another connection has committed */
	ASK_TOKEN_READ,
	ASK_TOKEN_WRITE,
	ASK_ROLE_READ,
	ASK_ROLE_WRITE,
	ASK_OBJECT_READ,
	ASK_OBJECT_NEXT,           /* all, oldest first */
	ASK_OBJECT_VERSION,
	ASK_OBJECT_OF_OP,          /* uuids from one to another, ends included */
	ASK_OBJECT_INSERT,         /* gives its seq; a uuid that is there is HUFU_ERR_STORE_CORRUPT: it was looked for */
	ASK_OBJECT_PUT,            /* a whole row from elsewhere, at its seq */
	ASK_OBJECT_UPDATE,         /* of a row with the version before; HUFU_ERR_CONFLICT where the engine looks */
	ASK_OBJECT_DELETE,
	ASK_LOOKUP_INSERT,
	ASK_LOOKUP_DELETE,
	ASK_LOOKUP_PROBE,
	ASK_LOOKUP_COUNT,
	ASK_FIND,                  /* objects with the public or the private hash; none for one that is left out */
	ASK_FIND_ALL,              /* public, or with 1 private ones too */
	ASK_CLEAR_OBJECTS,
	ASK_CLEAR_LOOKUP,
	ASK_CLEAR_JOURNAL,
	ASK_DOMAIN_NEXT,
	ASK_DOMAIN_WRITE,
	ASK_CLEAR_DOMAINS,
	ASK_CREDENTIAL_NEXT,
	ASK_CREDENTIAL_WRITE,
	ASK_CREDENTIAL_DELETE,     /* gives 1 where there was one */
	ASK_CLEAR_CREDENTIALS,
	ASK_JOURNAL_NAMES,         /* gives 1 where a change of this object stands in the journal */
	ASK_COUNT
};

#define ASK_CELLS_MAX 10

/* A letter a cell: i a number, b bytes. */
struct ask_shape {
	const char *args, *columns;
};
extern const struct ask_shape ask_shapes[ASK_COUNT];

enum cell_type { CELL_NONE, CELL_NUMBER, CELL_BYTES, CELL_OTHER };

/* An argument, or a column as the database has it, which need not be what was put there. */
struct cell {
	enum cell_type type;
	int64_t number;            /* 0 unless CELL_NUMBER */
	struct view bytes;
};

static inline struct cell cell_number(int64_t n)
{
	return (struct cell){.type = CELL_NUMBER, .number = n};
}

static inline struct cell cell_bytes(const void *p, size_t len)
{
	return (struct cell){.type = CELL_BYTES, .bytes = {p, len}};
}

static inline struct cell cell_view(struct view v)
{
	return (struct cell){.type = CELL_BYTES, .bytes = v};
}

/* Bytes, min..max of them; false when the cell holds anything else. */
static inline bool cell_is(const struct cell *c, size_t min, size_t max, struct view *v)
{
	*v = c->bytes;
	return c->type == CELL_BYTES && v->len >= min && v->len <= max && (v->p || !v->len);
}

/* How long a call may still wait. Counted in sleeps too: tests may hold the clock. */
struct deadline {
	uint64_t at_ns;
	uint32_t left_ms;
	bool once;                  /* begin: whoever asks comes again where another is writing; the answer is there soon, and not logged */
};

struct deadline deadline_in(uint32_t ms);
/* Sleeps about ms, with jitter so that processes do not wake together. False: there is no time left. */
bool deadline_pause(struct deadline *, uint32_t ms);

struct engine {
	const struct engine_kind *kind;
	const char *name;          /* for the log */
	bool read_only;            /* after begin: nothing can be changed */
	bool cached;               /* after begin: this is a copy of before, since the database does not answer */
	char place[256];           /* where it is connected to: "host:port", empty for a file */
	uint64_t listening;        /* the connection by which wait is told */
	uint64_t connected;        /* counts connections: whatever happened between two of them */
};

/* Writes a new store's first rows, within a transaction. */
typedef enum hufu_err (*engine_fill_fn)(void *arg, struct engine *);

struct engine_kind {
	/* Connects to nothing yet. conf outlives the engine. */
	enum hufu_err (*open)(const struct store_conf *, struct engine **);
	/* NULL is fine. */
	void (*close)(struct engine *);
	/* Is there a store? HUFU_ERR_STORE_MISSING. */
	enum hufu_err (*there)(struct engine *);
	/* An empty store with what fill writes: all of it durable, or nothing. HUFU_ERR_EXISTS: there is one. */
	enum hufu_err (*create)(struct engine *, engine_fill_fn, void *arg);
	/* Gives the connection up, as before a fork; the next begin makes another. */
	void (*disconnect)(struct engine *);
	/* Connects where that is needed. STORE_BUSY after the deadline, which holds to the end of the transaction. */
	enum hufu_err (*begin)(struct engine *, enum tx, struct deadline);
	/* args as in the shape. What was asked the same before, and its columns, is over. */
	enum hufu_err (*ask)(struct engine *, enum ask, const struct cell *args);
	/* The next row of what was asked: its columns are good until the same is asked again or the transaction ends. */
	enum hufu_err (*next)(struct engine *, enum ask, struct cell *columns, bool *found);
	/* Durable when it answers HUFU_OK. */
	enum hufu_err (*commit)(struct engine *, enum tx);
	/* Of what begin began, or failed to. */
	void (*rollback)(struct engine *);
	/* The answer to ASK_HEAD, outside of a transaction; connects where that is needed. Of engines elsewhere. */
	enum hufu_err (*glance)(struct engine *, struct cell *columns, bool *found);
	/* Until another machine has committed, wake_fd can be read, or ms are over. Of engines elsewhere. */
	enum hufu_err (*wait)(struct engine *, int wake_fd, uint32_t ms);
	/* What it knows of itself, within a transaction; NULL: nothing beside what the store knows. */
	void (*status)(struct engine *, struct store_status *);
	/* From now on fn(arg) is called, by a thread of the engine's own, after the database has changed; NULL: by nobody. */
	void (*tell)(struct engine *, void (*fn)(void *arg), void *arg);
	/* How each of the servers that conf names is doing, asked now; NULL: there are none. */
	void (*servers)(const struct store_conf *, store_report_fn, void *arg);
	/* The database's own look at itself, within a transaction; NULL: it has none. */
	enum hufu_err (*check)(struct engine *, store_report_fn, void *arg);
	/* Copies all to a new file, within a transaction; NULL: row by row. */
	enum hufu_err (*backup)(struct engine *, const char *path);
	/* What was deleted leaves the disk, if nobody reads it any more; NULL: that needs nothing. */
	void (*tidy)(struct engine *);
};

extern const struct engine_kind engine_sqlite;

/* The one for conf, with a cache where conf has a place for it. HUFU_ERR_CONFIG after a message: this program has no such engine. */
enum hufu_err engine_open(const struct store_conf *, struct engine **) MUST_CHECK;
/* Makes PostgreSQL known: postgres/register.h. */
void store_engine_register(const struct engine_kind *);

#endif
