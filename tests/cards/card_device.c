/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018 6.2: devices, sessions, random numbers, access rights. */
#include "beside.h"
#include "card.h"

#define PATH_ROOM 512

static int open_device(void **device, const char *conf_path)
{
	char path[PATH_ROOM];
	struct call call;

	if (!card_enter(&call, PLACE_OPEN, NULL))
		return call.code;
	if (!conf_path && !beside_path(".conf", path, sizeof(path)))
		return card_code(SDR_OPENDEVICE);
	return card_leave(&call, sdf_face_open_device(device, conf_path ? conf_path : path), NULL, 0, NULL);
}

CARD(OpenDevice, void **device)
{
	return open_device(device, NULL);
}

#ifdef CARD_NARROW
CARD(OpenDeviceEx, void **device, char *path, void *reserved)
{
	(void)reserved;
	return open_device(device, path);
}
#endif

CARD(CloseDevice, void *device)
{
	return card_code(sdf_face_close_device(device));
}

CARD(OpenSession, void *device, void **session)
{
	struct call call;
	void *face = NULL;

	if (!card_enter(&call, PLACE_LEASE, NULL))
		return call.code;
	int code = sdf_face_open_session(device, &face);
	if (code == SDR_OK && !(*session = card_session_new(face))) {
		(void)sdf_face_close_session(face);
		code = SDR_OPENSESSION;
	}
	return card_leave(&call, code, NULL, 0, NULL);
}

CARD(CloseSession, void *session)
{
	void *face = card_session_end(session);

	return card_code(face ? sdf_face_close_session(face) : SDR_INARGERR);
}

CARD(GetDeviceInfo, void *session, DEVICEINFO *info)
{
	struct call call;

	if (!card_enter(&call, PLACE_PROBE, session))
		return call.code;
	return card_leave(&call, sdf_face_get_device_info(call.face, info), NULL, 0, NULL);
}

CARD(GenerateRandom, void *session, unsigned int len, unsigned char *out)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_RANDOM, session))
		return call.code;
	return card_leave(&call, sdf_face_generate_random(call.face, len, out), out, len, NULL);
}

CARD(GetPrivateKeyAccessRight, void *session, unsigned int index, unsigned char *password, unsigned int len)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_LOGIN, session))
		return call.code;
	return card_leave(&call, sdf_face_get_private_key_access_right(call.face, index, password, len), NULL, 0, NULL);
}

CARD(ReleasePrivateKeyAccessRight, void *session, unsigned int index)
{
	struct call call;

	if (!card_enter(&call, HUFU_VERB_LOGOUT, session))
		return call.code;
	return card_leave(&call, sdf_face_release_private_key_access_right(call.face, index), NULL, 0, NULL);
}
