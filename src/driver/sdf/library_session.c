/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018-2023 6.2: what a device is, its random numbers, access rights to its private keys. */
#include "driver/sdf/library_internal.h"

#include <string.h>

/* Fields of fixed width, ended by their width, zeros or spaces. */
static void copy_text(char *to, const unsigned char *from, size_t width)
{
	memcpy(to, from, width);
	to[width] = '\0';
	size_t len = strlen(to);
	while (len && to[len - 1] == ' ')
		to[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)to[i] < 0x20 || (unsigned char)to[i] >= 0x7f)
			to[i] = '?'; /* GB 18030 or rubbish: no text for our messages */
}

enum hufu_err sdf_info(struct sdf_session *s, struct sdf_device_info *info)
{
	DEVICEINFO raw;
	DEVICEINFO *out = room_out(s, SDF_REGION_OUT, sizeof(*out));
	enum hufu_err err = SDF_CALL(s, GetDeviceInfo, out);
	if (err != HUFU_OK)
		return err;
	memcpy(&raw, out, sizeof(raw));
	*info = (struct sdf_device_info){
		.device_version = raw.DeviceVersion, .standard_version = raw.StandardVersion,
		.asymmetric = {raw.AsymAlgAbility[0], raw.AsymAlgAbility[1]}, .symmetric = raw.SymAlgAbility,
		.hash = raw.HashAlgAbility, .buffer_size = raw.BufferSize,
	};
	copy_text(info->vendor, raw.IssuerName, sizeof(raw.IssuerName));
	copy_text(info->model, raw.DeviceName, sizeof(raw.DeviceName));
	copy_text(info->serial, raw.DeviceSerial, sizeof(raw.DeviceSerial));
	return HUFU_OK;
}

enum hufu_err sdf_random(struct sdf_session *s, uint8_t *out, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t most = profile_of(s)->random_max, piece = len - done < most ? len - done : most;
		uint8_t *from = room_out(s, SDF_REGION_OUT, piece);
		room_mark(s, from, piece);
		enum hufu_err err = SDF_CALL(s, GenerateRandom, (unsigned)piece, from);
		if (err != HUFU_OK)
			return err;
		if (room_is_unwritten(s, from, piece))
			return HUFU_ERR_CORRUPT;
		memcpy(out + done, from, piece);
		done += piece;
	}
	return HUFU_OK;
}

/*
 * Whatever is wrong here is the password: index and length are good. A code that elsewhere asks for the right
 * (SDR_PARDENY, SDR_PRKRERR) would have us show it again, until the card locks.
 */
static enum hufu_err refused_right(enum hufu_err err)
{
	bool password = err == HUFU_ERR_EXPIRED || err == HUFU_ERR_ARGUMENT || err == HUFU_ERR_KEY_VALUE || err == HUFU_ERR_DATA;
	return password ? HUFU_ERR_DENIED : err;
}

enum hufu_err sdf_right_get(struct sdf_session *s, uint32_t index, const uint8_t *password, size_t len)
{
	room_in(s);
	unsigned char *copy = len <= SDF_SM2_MAX ? room_put(s, 0, password, len) : NULL;
	if (!copy)
		return HUFU_ERR_DENIED;
	enum hufu_err err = SDF_CALL(s, GetPrivateKeyAccessRight, index, copy, (unsigned)len);
	room_wipe(s);
	return refused_right(err);
}

enum hufu_err sdf_right_release(struct sdf_session *s, uint32_t index)
{
	return SDF_CALL(s, ReleasePrivateKeyAccessRight, index);
}
