/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions (GM/T 0018-2023 6.2.3, 6.2.4), and random numbers (6.2.6). */
#include "sdf/internal.h"

#include <stdlib.h>

/* -- entering ------------------------------------------------------------------------- */

int face_enter(void *handle, struct face_session **session)
{
	*session = table_enter(HANDLE_SESSION, handle);
	return *session ? SDR_OK : SDR_INARGERR;
}

int face_leave(struct face_session *session, int result)
{
	table_leave(HANDLE_SESSION, session->handle);
	return result;
}

CK_RV lane_enter(struct face_session *session, enum lane lane, struct session **s)
{
	if (!session->core[lane]) {
		CK_RV rv = session_open(session->device->slot, CKF_SERIAL_SESSION, &session->core[lane]);
		if (rv != CKR_OK)
			return rv;
	}
	return session_enter(session->core[lane], s);
}

int face_begin(void *handle, enum lane lane, struct face_session **session, struct session **s)
{
	int result = face_enter(handle, session);
	if (result != SDR_OK)
		return result;
	CK_RV rv = lane_enter(*session, lane, s);
	return rv == CKR_OK ? SDR_OK : face_leave(*session, sdr_of(rv, SDR_OPENSESSION));
}

int face_end(struct face_session *session, struct session *s, int result)
{
	session_leave(s);
	return face_leave(session, result);
}

/* -- opening and closing ----------------------------------------------------------------- */

static void session_free(struct face_session *session)
{
	keys_drop(session);
	for (int lane = 0; lane < LANES; lane++)
		if (session->core[lane])
			session_close(session->core[lane]);
	free(session->rights);
	free(session);
}

static int session_new(const struct device *device, void **handle)
{
	struct session *s;
	struct face_session *session = calloc(1, sizeof *session);
	if (!session)
		return SDR_NOBUFFER;
	session->device = device;
	session->rights = calloc(face_conf()->nkeys / 8 + 1, 1);
	CK_RV rv = session->rights ? lane_enter(session, LANE_ONCE, &s) : CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		session_leave(s);
		session->handle = table_new(HANDLE_SESSION, session);
	}
	if (!session->handle) {
		session_free(session);
		return sdr_of(rv == CKR_OK ? CKR_SESSION_COUNT : rv, SDR_OPENSESSION);
	}
	*handle = session->handle;
	return SDR_OK;
}

int sdf_face_open_session(void *device, void **session)
{
	if (!session)
		return SDR_OUTARGERR;
	const struct device *d = table_enter(HANDLE_DEVICE, device);
	if (!d)
		return SDR_INARGERR;
	int result = session_new(d, session);
	table_leave(HANDLE_DEVICE, device);
	return result;
}

int sdf_face_close_session(void *handle)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	if (result != SDR_OK)
		return result;
	session_free(session); /* before the handle dies: who closes the device waits for this, and stops the core only then */
	table_close(HANDLE_SESSION, handle);
	return SDR_OK;
}

static bool close_one(void *object, void *device)
{
	struct face_session *session = object;
	if (session->device != device)
		return false;
	session_free(session);
	return true;
}

void sessions_close_of(const struct device *device)
{
	table_each(HANDLE_SESSION, close_one, (void *)(uintptr_t)device);
}

/* -- random numbers ------------------------------------------------------------------------- */

int sdf_face_generate_random(void *handle, unsigned int len, unsigned char *out)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	result = out ? sdr_of(random_fill(s, out, len), SDR_RANDERR) : SDR_OUTARGERR;
	return face_end(session, s, result);
}
