/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that one of libcrypto's contexts keeps between two calls, since an
 * operation or an object of its own lives in it. It is left meanwhile: the next call may
 * come from another thread. One call at a time, as contexts are used.
 */
#ifndef OSSL_SEAT_H
#define OSSL_SEAT_H

#include "ossl/desk.h"

struct seat {
	struct desk *desk;
	CK_SESSION_HANDLE session;      /* 0: none is kept */
};

static inline bool seat_is_kept(const struct seat *seat)
{
	return seat->session != 0;
}
/* Of a session that was taken at the desk: leaves it. */
void seat_keep(struct seat *, struct desk *, struct session *);
/* NULL with the reason in *rv; leave it with session_leave. */
struct session *seat_enter(const struct seat *, CK_RV *rv);
/* Gives it back, operations ended; nothing where none is kept. */
void seat_give(struct seat *);

#endif
