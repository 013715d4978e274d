/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018 6.7: files. */
#include "card.h"

CARD(CreateFile, void *session, unsigned char *name, unsigned int name_len, unsigned int size)
{
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	return card_leave(&call, sdf_face_create_file(call.face, name, name_len, size), NULL, 0, NULL);
}

CARD(ReadFile, void *session, unsigned char *name, unsigned int name_len, unsigned int offset, unsigned int *len,
     unsigned char *buffer)
{
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	return card_leave(&call, sdf_face_read_file(call.face, name, name_len, offset, len, buffer), NULL, 0, NULL);
}

CARD(WriteFile, void *session, unsigned char *name, unsigned int name_len, unsigned int offset, unsigned int len,
     unsigned char *buffer)
{
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	return card_leave(&call, sdf_face_write_file(call.face, name, name_len, offset, len, buffer), NULL, 0, NULL);
}

CARD(DeleteFile, void *session, unsigned char *name, unsigned int name_len)
{
	struct call call;

	if (!card_enter(&call, PLACE_RUN, session))
		return call.code;
	return card_leave(&call, sdf_face_delete_file(call.face, name, name_len), NULL, 0, NULL);
}
