/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of an audit trail, all 0600 and beside each other:
 *
 *   FILE        the lines
 *   FILE.state  where the chain stands and the key for the record to come: two
 *               places, written in turn; the older is wiped when the newer is durable
 *   FILE.seed   the first key: for the auditor, who takes it away
 *   FILE.key    the SM2 key of checkpoints (or conf_audit.key), and FILE.key.pub its point in hex
 *   FILE.N      lines of former times, from record N on
 *
 * A process that died between lines and state left lines that the state's key
 * still proves: they are followed. Half a line was told to nobody, and is cut off.
 */
#ifndef AUDIT_TRAIL_H
#define AUDIT_TRAIL_H

#include "audit/chain.h"
#include "base/conf_machine.h"

struct trail {
	char *path;
	int fd, state_fd;
	uint64_t size;             /* of FILE */
	uint64_t first;            /* seq of the first record in FILE */
	uint64_t generation;       /* of FILE.state */
	uint64_t rotate;           /* bytes, 0 never */
	uint64_t put_off;          /* beyond that, since it failed */
};

/* *chain: where it goes on. HUFU_ERR_CONFIG after a logged message. */
enum hufu_err trail_open(const struct conf_audit *, struct trail *, struct chain *) MUST_CHECK;
/* The signer of checkpoints, made if missing. HUFU_ERR_CONFIG after a message. */
enum hufu_err trail_signer(const struct conf_audit *, struct sm2_private *) MUST_CHECK;
/* Durably; after: where the chain stands behind lines. False: nothing of it counts, and it may be tried again. */
bool trail_write(struct trail *, const char *lines, size_t len, const struct chain *after) MUST_CHECK;
void trail_close(struct trail *);
/* Where the trail whose newest file this is stood when its state was last written; false: there is no state, or it cannot be read. */
bool trail_state(const char *file, struct chain *) MUST_CHECK;

#endif
