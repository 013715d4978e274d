/* SPDX-License-Identifier: Apache-2.0 */
/* The standard's names: all that is seen of libhufu-sdf.so. */
#include "sdf/face.h"

#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int SDF_OpenDevice(void **device)
{
	return sdf_face_open_device(device, NULL);
}

/* In no edition: vendors have it, to say which configuration is meant. reserved is not looked at. */
EXPORT int SDF_OpenDeviceEx(void **device, char *path, void *reserved)
{
	(void)reserved;
	return path ? sdf_face_open_device(device, path) : SDR_INARGERR;
}

EXPORT int SDF_CloseDevice(void *device)
{
	return sdf_face_close_device(device);
}

EXPORT int SDF_OpenSession(void *device, void **session)
{
	return sdf_face_open_session(device, session);
}

EXPORT int SDF_CloseSession(void *session)
{
	return sdf_face_close_session(session);
}

EXPORT int SDF_GetDeviceInfo(void *session, DEVICEINFO *info)
{
	return sdf_face_get_device_info(session, info);
}

EXPORT int SDF_GenerateRandom(void *session, unsigned int len, unsigned char *out)
{
	return sdf_face_generate_random(session, len, out);
}

EXPORT int SDF_GetPrivateKeyAccessRight(void *session, unsigned int index, unsigned char *password,
                                        unsigned int password_len)
{
	return sdf_face_get_private_key_access_right(session, index, password, password_len);
}

EXPORT int SDF_ReleasePrivateKeyAccessRight(void *session, unsigned int index)
{
	return sdf_face_release_private_key_access_right(session, index);
}

EXPORT int SDF_ExportSignPublicKey_ECC(void *session, unsigned int index, ECCrefPublicKey *public_key)
{
	return sdf_face_export_sign_public_key_ecc(session, index, public_key);
}

EXPORT int SDF_ExportEncPublicKey_ECC(void *session, unsigned int index, ECCrefPublicKey *public_key)
{
	return sdf_face_export_enc_public_key_ecc(session, index, public_key);
}

EXPORT int SDF_DestroyKey(void *session, void *handle)
{
	return sdf_face_destroy_key(session, handle);
}

EXPORT int SDF_ExternalVerify_ECC(void *session, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *in,
                                  unsigned int in_len, ECCSignature *signature)
{
	return sdf_face_external_verify_ecc(session, alg, public_key, in, in_len, signature);
}

EXPORT int SDF_InternalSign_ECC(void *session, unsigned int index, unsigned char *data, unsigned int data_len,
                                ECCSignature *signature)
{
	return sdf_face_internal_sign_ecc(session, index, data, data_len, signature);
}

EXPORT int SDF_InternalVerify_ECC(void *session, unsigned int index, unsigned char *data, unsigned int data_len,
                                  ECCSignature *signature)
{
	return sdf_face_internal_verify_ecc(session, index, data, data_len, signature);
}

EXPORT int SDF_ExternalEncrypt_ECC(void *session, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *data,
                                   unsigned int data_len, ECCCipher *encrypted)
{
	return sdf_face_external_encrypt_ecc(session, alg, public_key, data, data_len, encrypted);
}

EXPORT int SDF_HashInit(void *session, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *id,
                        unsigned int id_len)
{
	return sdf_face_hash_init(session, alg, public_key, id, id_len);
}

EXPORT int SDF_HashUpdate(void *session, unsigned char *data, unsigned int data_len)
{
	return sdf_face_hash_update(session, data, data_len);
}

EXPORT int SDF_HashFinal(void *session, unsigned char *hash, unsigned int *hash_len)
{
	return sdf_face_hash_final(session, hash, hash_len);
}

EXPORT int SDF_ImportKey(void *session, unsigned char *key, unsigned int key_len, void **handle)
{
	return sdf_face_import_key(session, key, key_len, handle);
}

EXPORT int SDF_InternalEncrypt_ECC(void *session, unsigned int index, unsigned int alg, unsigned char *data,
                                   unsigned int data_len, ECCCipher *encrypted)
{
	return sdf_face_internal_encrypt_ecc(session, index, alg, data, data_len, encrypted);
}

EXPORT int SDF_InternalDecrypt_ECC(void *session, unsigned int index, unsigned int alg, ECCCipher *encrypted,
                                   unsigned char *data, unsigned int *data_len)
{
	return sdf_face_internal_decrypt_ecc(session, index, alg, encrypted, data, data_len);
}
