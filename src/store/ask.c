/* SPDX-License-Identifier: Apache-2.0 */
/* What a sealed store asks of its engine, and waiting. */
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"

const struct ask_shape ask_shapes[ASK_COUNT] = {
	[ASK_HEAD] = {"", "ibibbbb"},                  /* revision, id, time, digest, changed, chain, mac */
	[ASK_JOURNAL_NEXT] = {"i", "ibibbbb"},
	[ASK_JOURNAL_WRITE] = {"ibibbbb", ""},
	[ASK_JOURNAL_TRIM] = {"i", ""},
	[ASK_CHANGES] = {"", "i"},
	[ASK_TOKEN_READ] = {"", "bbb"},                /* id, label, mac */
	[ASK_TOKEN_WRITE] = {"bbb", ""},
	[ASK_ROLE_READ] = {"i", "iiiiibbb"},           /* role: epoch, tries, settled, failed_ns, iterations, salt, wrapped, mac */
	[ASK_ROLE_WRITE] = {"iiiiiibbb", ""},
	[ASK_OBJECT_READ] = {"b", "ibiiibbbbb"},       /* uuid: seq, uuid, private, version, material, host_mac, token_mac, */
	[ASK_OBJECT_NEXT] = {"", "ibiiibbbbb"},        /*       lookup, copies, body */
	[ASK_OBJECT_VERSION] = {"b", "i"},
	[ASK_OBJECT_OF_OP] = {"bb", "b"},
	[ASK_OBJECT_INSERT] = {"biiibbbbb", "i"},      /* uuid, private, version, ... */
	[ASK_OBJECT_PUT] = {"ibiiibbbbb", ""},
	[ASK_OBJECT_UPDATE] = {"biiibbbbb", ""},
	[ASK_OBJECT_DELETE] = {"b", ""},
	[ASK_LOOKUP_INSERT] = {"bi", ""},              /* hash, seq */
	[ASK_LOOKUP_DELETE] = {"bi", ""},
	[ASK_LOOKUP_PROBE] = {"bi", "i"},
	[ASK_LOOKUP_COUNT] = {"", "i"},
	[ASK_FIND] = {"bb", "iib"},                    /* seq, private, uuid */
	[ASK_FIND_ALL] = {"i", "b"},
	[ASK_CLEAR_OBJECTS] = {"", ""},
	[ASK_CLEAR_LOOKUP] = {"", ""},
	[ASK_CLEAR_JOURNAL] = {"", ""},
	[ASK_DOMAIN_NEXT] = {"", "bbibbbb"},           /* name, identity, enrolled, point, proof, host_mac, token_mac */
	[ASK_DOMAIN_WRITE] = {"bbibbbb", ""},
	[ASK_CLEAR_DOMAINS] = {"", ""},
	[ASK_CREDENTIAL_NEXT] = {"", "bbiibbb"},       /* domain, name, changed, refused, sealed, host_mac, token_mac */
	[ASK_CREDENTIAL_WRITE] = {"bbiibbb", ""},
	[ASK_CREDENTIAL_DELETE] = {"bb", "i"},
	[ASK_CLEAR_CREDENTIALS] = {"", ""},
	[ASK_JOURNAL_NAMES] = {"b", "i"},
};

enum hufu_err db_ask(struct sealed *s, enum ask ask, const struct cell *args)
{
	change_note(s, ask, args);
	return s->engine->kind->ask(s->engine, ask, args);
}

enum hufu_err db_next(struct sealed *s, enum ask ask, struct cell *columns, bool *found)
{
	return s->engine->kind->next(s->engine, ask, columns, found);
}

enum hufu_err db_row(struct sealed *s, enum ask ask, const struct cell *args, struct cell *columns, bool *found)
{
	enum hufu_err err = db_ask(s, ask, args);

	return err ? err : db_next(s, ask, columns, found);
}

enum hufu_err db_run(struct sealed *s, enum ask ask, const struct cell *args)
{
	struct cell columns[ASK_CELLS_MAX];
	bool found;
	enum hufu_err err = db_row(s, ask, args, columns, &found);

	return !err && found ? log_bug() : err;
}

/* -- waiting -------------------------------------------------------------------- */

struct deadline deadline_in(uint32_t ms)
{
	return (struct deadline){.at_ns = clock_now_ns() + ms * NS_PER_MS, .left_ms = ms};
}

bool deadline_pause(struct deadline *d, uint32_t ms)
{
	struct timespec ts;

	if (!d->left_ms || clock_now_ns() >= d->at_ns)
		return false;
	if (ms > d->left_ms)
		ms = d->left_ms;
	d->left_ms -= ms;
	/* 1/2 to 3/2 of it, by the clock's last bits: as random as this needs to be. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	clock_sleep_ns(ms * NS_PER_MS / 2 + ms * NS_PER_MS / 1024 * ((uint64_t)ts.tv_nsec & 1023));
	return true;
}
