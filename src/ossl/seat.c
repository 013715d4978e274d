/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/seat.h"

void seat_keep(struct seat *seat, struct desk *desk, struct session *session)
{
	*seat = (struct seat){.desk = desk, .session = session->handle};
	session_leave(session);
}

struct session *seat_enter(const struct seat *seat, CK_RV *rv)
{
	struct session *session;

	*rv = session_enter(seat->session, &session);
	return *rv == CKR_OK ? session : NULL;
}

/* The token may have been closed, or the core ended: then there is nothing to give back. */
void seat_give(struct seat *seat)
{
	CK_RV rv;
	struct session *session = seat_is_kept(seat) ? seat_enter(seat, &rv) : NULL;

	if (session)
		desk_give(seat->desk, session);
	seat->session = 0;
}
