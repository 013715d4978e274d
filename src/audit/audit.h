/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail: JSON lines, each with the SM3 of the one before and an
 * HMAC-SM3 under a key that evolves with every record (the former key is
 * gone: who takes the machine later can forge nothing that was), and
 * checkpoints signed with SM2. docs/AUDIT.md.
 *
 * Sinks run on threads of their own. Thread-safe.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "base/conf_machine.h"
#include "base/err.h"

struct audit;

enum audit_class {
	AUDIT_ADMIN,  /* start, stop, configuration, drain */
	AUDIT_LOGIN,
	AUDIT_KEY,    /* made, changed, destroyed, wrapped, unwrapped */
	AUDIT_OP      /* use of a key, and all that needs none */
};

struct audit_record {
	enum audit_class class;
	const char *event;         /* "sign", "login", "start": fixed words, never what a client wrote */
	const char *identity, *peer; /* name of the identity; subject or "uid:N pid:N" */
	const char *token;
	const uint8_t *key_uuid;   /* 16 bytes or NULL */
	const uint8_t *op_id;      /* 16 bytes or NULL */
	uint64_t mechanism;
	enum hufu_err result;
	uint32_t attempts;
	const char *device;        /* or NULL */
	uint64_t served_us;
	const char *detail;        /* or NULL */
};

/* HUFU_ERR_CONFIG after a message: the file cannot be written, or is not as it was left. Without a section audit *audit is NULL. */
enum hufu_err audit_open(const struct conf_audit *, struct audit **) MUST_CHECK;
/* Writes all, and a last checkpoint. */
void audit_close(struct audit *);
/*
 * May this be answered? ADMIN, LOGIN, KEY: waits until it is durable in one sink, at most until the deadline;
 * HUFU_ERR_STORE_IO otherwise, and the caller answers with that. OP: does not wait; as conf_audit.when_full says. audit NULL: HUFU_OK.
 */
enum hufu_err audit_write(struct audit *, const struct audit_record *, uint64_t deadline_ns) MUST_CHECK;
/*
 * For what is answered without waiting, and tells nobody of success: refusals, the end. Of any class; HUFU_ERR_STORE_IO: there is no room.
 */
enum hufu_err audit_post(struct audit *, const struct audit_record *) MUST_CHECK;
/* Before something is begun: would its record be written, as far as can be told? Never waits. audit NULL: it may. */
bool audit_may(struct audit *, enum audit_class);
struct audit_state {
	uint64_t records, queued, failures;
	uint64_t refused;          /* records that there was no room for, and what was refused for want of it */
	int64_t last_checkpoint;   /* seconds since 1970, 0 none yet */
	bool writable;
};
void audit_state(struct audit *, struct audit_state *);

/*
 * For hufu audit verify: files, oldest first, to which the state beside the last one is held as well. point: of the key of
 * checkpoints, 64 bytes, or NULL: not looked at; seed: what FILE.seed held, 32 bytes, or NULL: MACs are not looked at.
 * finding: "file:line: what". HUFU_ERR_CORRUPT if there is any; NOT_FOUND, STORE_IO: a file could not be read.
 */
struct audit_verdict {
	uint64_t records, checkpoints, findings;
	char head[65];             /* SM3 of the last line, hex: for an administrator to keep elsewhere */
};
enum hufu_err audit_verify(const char *const *files, size_t n, const uint8_t *point, const uint8_t *seed,
                           void (*finding)(void *arg, const char *message), void *arg, struct audit_verdict *) MUST_CHECK;

#endif
