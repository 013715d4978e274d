/* SPDX-License-Identifier: Apache-2.0 */
/* A record's members as JSON. */
#ifndef AUDIT_MEMBERS_H
#define AUDIT_MEMBERS_H

#include "audit/audit.h"
#include "base/buf.h"

/*
 * Appends those of one object, without its braces, and a zero byte; "ts" and "mono" are now. In ASCII: all else is escaped, and
 * bytes that are no UTF-8 stand as U+FFFD, for what somebody calls himself must not keep what he did from being recorded.
 */
void members_put(struct writer *, const struct audit_record *);

#endif
