/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the audit trail is told: who asked for what, and what came of it. Without a trail (NULL) nothing.
 *
 * Logins, keys' lives and administration are answered when their record is durable, on the lanes that such requests run on;
 * a loop never waits, and answers of these nothing but refusals, whose records follow.
 */
#ifndef HUFUD_RECORD_H
#define HUFUD_RECORD_H

#include "audit/audit.h"
#include "hufud/service.h"

/* May it begin? False: its record could not be written; the outcome says so, and the client may ask another machine. */
bool record_may(struct audit *, struct request *);
/* Before its answer goes out, which is another if there is no record of it. may_wait: this thread is no loop's. */
void record_request(struct audit *, struct request *, bool may_wait);
/* A client that proved who it is and is not let in. */
void record_refusal(struct audit *, const struct session *, const char *why);
/* Of the machine itself: "start", "reload", "drain", "stop". Waits until it is durable. */
enum hufu_err record_event(struct audit *, const char *event, enum hufu_err result, const char *detail) MUST_CHECK;
/* The same, and does not wait: what is done in any case. */
void record_note(struct audit *, const char *event, enum hufu_err result, const char *detail);

#endif
