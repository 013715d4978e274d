/* SPDX-License-Identifier: Apache-2.0 */
/* What a device says of itself (GM/T 0018-2023 6.2.5): what the token's devices can do, no more. */
#include "config.h"
#include "sdf/internal.h"
#include "token/slot.h"

#include <string.h>

#define STANDARD_2023 2u
#define SM2_BITS 256u

struct ability {
	CK_MECHANISM_TYPE mechanism;
	unsigned int ids;
};

static const struct ability asymmetric[] = {
	{CKM_HUFU_SM2, SGD_SM2_1}, {CKM_HUFU_SM2_C1C3C2, SGD_SM2_3}, {CKM_HUFU_SM2_KEY_AGREEMENT, SGD_SM2_2},
	{CKM_RSA_X_509, SGD_RSA},
};
static const struct ability symmetric[] = {
	{CKM_HUFU_SM4_ECB, SGD_SM4_ECB}, {CKM_HUFU_SM4_CBC, SGD_SM4_CBC}, {CKM_HUFU_SM4_CFB128, SGD_SM4_CFB},
	{CKM_HUFU_SM4_OFB, SGD_SM4_OFB}, {CKM_HUFU_SM4_CTR, SGD_SM4_CTR}, {CKM_HUFU_SM4_CBC_MAC_GENERAL, SGD_SM4_MAC},
	{CKM_HUFU_SM4_GCM, SGD_SM4_GCM}, {CKM_HUFU_SM4_CCM, SGD_SM4_CCM}, {CKM_HUFU_ZUC_EEA3, SGD_ZUC_EEA3},
	{CKM_HUFU_ZUC_EIA3, SGD_ZUC_EIA3},
};
static const struct ability hashes[] = {{CKM_HUFU_SM3, SGD_SM3}, {CKM_SHA_1, SGD_SHA1}, {CKM_SHA256, SGD_SHA256}};

static bool can(CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism)
{
	CK_MECHANISM_INFO info;
	return slot_mechanism_info(slot, mechanism, &info) == CKR_OK;
}

static unsigned int ids_of(CK_SLOT_ID slot, const struct ability *list, size_t n)
{
	unsigned int ids = 0;
	for (size_t i = 0; i < n; i++)
		if (can(slot, list[i].mechanism))
			ids |= list[i].ids;
	return ids;
}

/* 5.3: the key lengths or-ed, those that there are of RSA's struct. */
static unsigned int lengths_of(unsigned int ids)
{
	unsigned int sm2 = ids & (SGD_SM2_1 | SGD_SM2_2 | SGD_SM2_3) ? SM2_BITS : 0;
	return sm2 | (ids & SGD_RSA ? 1024u | RSAref_MAX_BITS : 0);
}

static void put(unsigned char *field, size_t len, const char *text)
{
	memcpy(field, text, strnlen(text, len));
}

static void fill(CK_SLOT_ID slot, DEVICEINFO *info)
{
	const struct conf_sdf *conf = face_conf();
	CK_TOKEN_INFO token;
	memset(info, 0, sizeof *info);
	put(info->IssuerName, sizeof info->IssuerName, conf->vendor ? conf->vendor : "hufu");
	put(info->DeviceName, sizeof info->DeviceName, conf->model ? conf->model : "hufu");
	if (conf->serial)
		put(info->DeviceSerial, sizeof info->DeviceSerial, conf->serial);
	else if (slot_token_info(slot, &token) == CKR_OK)
		memcpy(info->DeviceSerial, token.serialNumber, sizeof token.serialNumber);
	info->DeviceVersion = HUFU_VERSION_MAJOR << 16 | HUFU_VERSION_MINOR;
	info->StandardVersion = STANDARD_2023;
	info->AsymAlgAbility[0] = ids_of(slot, asymmetric, COUNT(asymmetric));
	info->AsymAlgAbility[1] = lengths_of(info->AsymAlgAbility[0]);
	info->SymAlgAbility = ids_of(slot, symmetric, COUNT(symmetric));
	info->HashAlgAbility = ids_of(slot, hashes, COUNT(hashes));
	info->BufferSize = conf->files ? FILES_MAX : 0;
}

int sdf_face_get_device_info(void *handle, DEVICEINFO *info)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	if (result != SDR_OK)
		return result;
	if (info)
		fill(session->device->slot, info);
	return face_leave(session, info ? SDR_OK : SDR_OUTARGERR);
}
