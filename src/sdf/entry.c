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

EXPORT int SDF_ExportSignPublicKey_RSA(void *session, unsigned int index, RSArefPublicKey *public_key)
{
	return sdf_face_export_sign_public_key_rsa(session, index, public_key);
}

EXPORT int SDF_ExportEncPublicKey_RSA(void *session, unsigned int index, RSArefPublicKey *public_key)
{
	return sdf_face_export_enc_public_key_rsa(session, index, public_key);
}

EXPORT int SDF_GenerateKeyWithIPK_RSA(void *session, unsigned int index, unsigned int nbits, unsigned char *key,
                                      unsigned int *key_len, void **handle)
{
	return sdf_face_generate_key_with_ipk_rsa(session, index, nbits, key, key_len, handle);
}

EXPORT int SDF_GenerateKeyWithEPK_RSA(void *session, unsigned int nbits, RSArefPublicKey *public_key,
                                      unsigned char *key, unsigned int *key_len, void **handle)
{
	return sdf_face_generate_key_with_epk_rsa(session, nbits, public_key, key, key_len, handle);
}

EXPORT int SDF_ImportKeyWithISK_RSA(void *session, unsigned int index, unsigned char *key, unsigned int key_len,
                                    void **handle)
{
	return sdf_face_import_key_with_isk_rsa(session, index, key, key_len, handle);
}

EXPORT int SDF_ExportSignPublicKey_ECC(void *session, unsigned int index, ECCrefPublicKey *public_key)
{
	return sdf_face_export_sign_public_key_ecc(session, index, public_key);
}

EXPORT int SDF_ExportEncPublicKey_ECC(void *session, unsigned int index, ECCrefPublicKey *public_key)
{
	return sdf_face_export_enc_public_key_ecc(session, index, public_key);
}

EXPORT int SDF_GenerateKeyWithIPK_ECC(void *session, unsigned int index, unsigned int nbits, ECCCipher *key,
                                      void **handle)
{
	return sdf_face_generate_key_with_ipk_ecc(session, index, nbits, key, handle);
}

EXPORT int SDF_GenerateKeyWithEPK_ECC(void *session, unsigned int nbits, unsigned int alg, ECCrefPublicKey *public_key,
                                      ECCCipher *key, void **handle)
{
	return sdf_face_generate_key_with_epk_ecc(session, nbits, alg, public_key, key, handle);
}

EXPORT int SDF_ImportKeyWithISK_ECC(void *session, unsigned int index, ECCCipher *key, void **handle)
{
	return sdf_face_import_key_with_isk_ecc(session, index, key, handle);
}

EXPORT int SDF_GenerateAgreementDataWithECC(void *session, unsigned int index, unsigned int nbits,
                                            unsigned char *sponsor_id, unsigned int sponsor_id_len,
                                            ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp, void **agreement)
{
	return sdf_face_generate_agreement_data_with_ecc(session, index, nbits, sponsor_id, sponsor_id_len, sponsor,
	                                                 sponsor_tmp, agreement);
}

EXPORT int SDF_GenerateKeyWithECC(void *session, unsigned char *response_id, unsigned int response_id_len,
                                  ECCrefPublicKey *response, ECCrefPublicKey *response_tmp, void *agreement,
                                  void **handle)
{
	return sdf_face_generate_key_with_ecc(session, response_id, response_id_len, response, response_tmp, agreement,
	                                      handle);
}

EXPORT int SDF_GenerateAgreementDataAndKeyWithECC(void *session, unsigned int index, unsigned int nbits,
                                                  unsigned char *response_id, unsigned int response_id_len,
                                                  unsigned char *sponsor_id, unsigned int sponsor_id_len,
                                                  ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp,
                                                  ECCrefPublicKey *response, ECCrefPublicKey *response_tmp,
                                                  void **handle)
{
	return sdf_face_generate_agreement_data_and_key_with_ecc(session, index, nbits, response_id, response_id_len,
	                                                         sponsor_id, sponsor_id_len, sponsor, sponsor_tmp,
	                                                         response, response_tmp, handle);
}

EXPORT int SDF_GenerateKeyWithKEK(void *session, unsigned int nbits, unsigned int alg, unsigned int index,
                                  unsigned char *key, unsigned int *key_len, void **handle)
{
	return sdf_face_generate_key_with_kek(session, nbits, alg, index, key, key_len, handle);
}

EXPORT int SDF_ImportKeyWithKEK(void *session, unsigned int alg, unsigned int index, unsigned char *key,
                                unsigned int key_len, void **handle)
{
	return sdf_face_import_key_with_kek(session, alg, index, key, key_len, handle);
}

EXPORT int SDF_DestroyKey(void *session, void *handle)
{
	return sdf_face_destroy_key(session, handle);
}

EXPORT int SDF_ExternalPublicKeyOperation_RSA(void *session, RSArefPublicKey *public_key, unsigned char *in,
                                              unsigned int in_len, unsigned char *out, unsigned int *out_len)
{
	return sdf_face_external_public_key_operation_rsa(session, public_key, in, in_len, out, out_len);
}

EXPORT int SDF_InternalPublicKeyOperation_RSA(void *session, unsigned int index, unsigned char *in, unsigned int in_len,
                                              unsigned char *out, unsigned int *out_len)
{
	return sdf_face_internal_public_key_operation_rsa(session, index, in, in_len, out, out_len);
}

EXPORT int SDF_InternalPrivateKeyOperation_RSA(void *session, unsigned int index, unsigned char *in,
                                               unsigned int in_len, unsigned char *out, unsigned int *out_len)
{
	return sdf_face_internal_private_key_operation_rsa(session, index, in, in_len, out, out_len);
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

EXPORT int SDF_Encrypt(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *data,
                       unsigned int data_len, unsigned char *encrypted, unsigned int *encrypted_len)
{
	return sdf_face_encrypt(session, handle, alg, iv, data, data_len, encrypted, encrypted_len);
}

EXPORT int SDF_Decrypt(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *encrypted,
                       unsigned int encrypted_len, unsigned char *data, unsigned int *data_len)
{
	return sdf_face_decrypt(session, handle, alg, iv, encrypted, encrypted_len, data, data_len);
}

EXPORT int SDF_CalculateMAC(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *data,
                            unsigned int data_len, unsigned char *mac, unsigned int *mac_len)
{
	return sdf_face_calculate_mac(session, handle, alg, iv, data, data_len, mac, mac_len);
}

EXPORT int SDF_AuthEnc(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                       unsigned char *aad, unsigned int aad_len, unsigned char *data, unsigned int data_len,
                       unsigned char *encrypted, unsigned int *encrypted_len, unsigned char *tag, unsigned int *tag_len)
{
	return sdf_face_auth_enc(session, handle, alg, nonce, nonce_len, aad, aad_len, data, data_len, encrypted,
	                         encrypted_len, tag, tag_len);
}

EXPORT int SDF_AuthDec(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                       unsigned char *aad, unsigned int aad_len, unsigned char *tag, unsigned int *tag_len,
                       unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                       unsigned int *data_len)
{
	return sdf_face_auth_dec(session, handle, alg, nonce, nonce_len, aad, aad_len, tag, tag_len, encrypted,
	                         encrypted_len, data, data_len);
}

EXPORT int SDF_EncryptInit(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return sdf_face_encrypt_init(session, handle, alg, iv, iv_len);
}

EXPORT int SDF_EncryptUpdate(void *session, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                             unsigned int *encrypted_len)
{
	return sdf_face_encrypt_update(session, data, data_len, encrypted, encrypted_len);
}

EXPORT int SDF_EncryptFinal(void *session, unsigned char *out, unsigned int *out_len)
{
	return sdf_face_encrypt_final(session, out, out_len);
}

EXPORT int SDF_DecryptInit(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return sdf_face_decrypt_init(session, handle, alg, iv, iv_len);
}

EXPORT int SDF_DecryptUpdate(void *session, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                             unsigned int *data_len)
{
	return sdf_face_decrypt_update(session, encrypted, encrypted_len, data, data_len);
}

EXPORT int SDF_DecryptFinal(void *session, unsigned char *out, unsigned int *out_len)
{
	return sdf_face_decrypt_final(session, out, out_len);
}

EXPORT int SDF_CalculateMACInit(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len)
{
	return sdf_face_calculate_mac_init(session, handle, alg, iv, iv_len);
}

EXPORT int SDF_CalculateMACUpdate(void *session, unsigned char *data, unsigned int data_len)
{
	return sdf_face_calculate_mac_update(session, data, data_len);
}

EXPORT int SDF_CalculateMACFinal(void *session, unsigned char *mac, unsigned int *mac_len)
{
	return sdf_face_calculate_mac_final(session, mac, mac_len);
}

EXPORT int SDF_AuthEncInit(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                           unsigned char *aad, unsigned int aad_len, unsigned int data_len)
{
	return sdf_face_auth_enc_init(session, handle, alg, nonce, nonce_len, aad, aad_len, data_len);
}

EXPORT int SDF_AuthEncUpdate(void *session, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                             unsigned int *encrypted_len)
{
	return sdf_face_auth_enc_update(session, data, data_len, encrypted, encrypted_len);
}

EXPORT int SDF_AuthEncFinal(void *session, unsigned char *out, unsigned int *out_len, unsigned char *tag,
                            unsigned int *tag_len)
{
	return sdf_face_auth_enc_final(session, out, out_len, tag, tag_len);
}

EXPORT int SDF_AuthDecInit(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                           unsigned char *aad, unsigned int aad_len, unsigned char *tag, unsigned int tag_len,
                           unsigned int data_len)
{
	return sdf_face_auth_dec_init(session, handle, alg, nonce, nonce_len, aad, aad_len, tag, tag_len, data_len);
}

EXPORT int SDF_AuthDecUpdate(void *session, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                             unsigned int *data_len)
{
	return sdf_face_auth_dec_update(session, encrypted, encrypted_len, data, data_len);
}

EXPORT int SDF_AuthDecFinal(void *session, unsigned char *out, unsigned int *out_len)
{
	return sdf_face_auth_dec_final(session, out, out_len);
}

EXPORT int SDF_HMACInit(void *session, void *handle, unsigned int alg)
{
	return sdf_face_hmac_init(session, handle, alg);
}

EXPORT int SDF_HMACUpdate(void *session, unsigned char *data, unsigned int data_len)
{
	return sdf_face_hmac_update(session, data, data_len);
}

EXPORT int SDF_HMACFinal(void *session, unsigned char *mac, unsigned int *mac_len)
{
	return sdf_face_hmac_final(session, mac, mac_len);
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

EXPORT int SDF_CreateFile(void *session, unsigned char *name, unsigned int name_len, unsigned int size)
{
	return sdf_face_create_file(session, name, name_len, size);
}

EXPORT int SDF_ReadFile(void *session, unsigned char *name, unsigned int name_len, unsigned int offset,
                        unsigned int *len, unsigned char *buffer)
{
	return sdf_face_read_file(session, name, name_len, offset, len, buffer);
}

EXPORT int SDF_WriteFile(void *session, unsigned char *name, unsigned int name_len, unsigned int offset,
                         unsigned int len, unsigned char *buffer)
{
	return sdf_face_write_file(session, name, name_len, offset, len, buffer);
}

EXPORT int SDF_DeleteFile(void *session, unsigned char *name, unsigned int name_len)
{
	return sdf_face_delete_file(session, name, name_len);
}

EXPORT int SDF_GenerateKeyPair_RSA(void *session, unsigned int nbits, RSArefPublicKey *public_key,
                                   RSArefPrivateKey *private_key)
{
	return sdf_face_generate_key_pair_rsa(session, nbits, public_key, private_key);
}

EXPORT int SDF_GenerateKeyPair_ECC(void *session, unsigned int alg, unsigned int nbits, ECCrefPublicKey *public_key,
                                   ECCrefPrivateKey *private_key)
{
	return sdf_face_generate_key_pair_ecc(session, alg, nbits, public_key, private_key);
}

EXPORT int SDF_ExternalPrivateKeyOperation_RSA(void *session, RSArefPrivateKey *private_key, unsigned char *in,
                                               unsigned int in_len, unsigned char *out, unsigned int *out_len)
{
	return sdf_face_external_private_key_operation_rsa(session, private_key, in, in_len, out, out_len);
}

EXPORT int SDF_ExternalSign_ECC(void *session, unsigned int alg, ECCrefPrivateKey *private_key, unsigned char *in,
                                unsigned int in_len, ECCSignature *signature)
{
	return sdf_face_external_sign_ecc(session, alg, private_key, in, in_len, signature);
}

EXPORT int SDF_ExternalDecrypt_ECC(void *session, unsigned int alg, ECCrefPrivateKey *private_key, ECCCipher *encrypted,
                                   unsigned char *data, unsigned int *data_len)
{
	return sdf_face_external_decrypt_ecc(session, alg, private_key, encrypted, data, data_len);
}

EXPORT int SDF_ExternalKeyEncrypt(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                  unsigned char *iv, unsigned int iv_len, unsigned char *data, unsigned int data_len,
                                  unsigned char *encrypted, unsigned int *encrypted_len)
{
	return sdf_face_external_key_encrypt(session, alg, key, key_len, iv, iv_len, data, data_len, encrypted,
	                                     encrypted_len);
}

EXPORT int SDF_ExternalKeyDecrypt(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                  unsigned char *iv, unsigned int iv_len, unsigned char *encrypted,
                                  unsigned int encrypted_len, unsigned char *data, unsigned int *data_len)
{
	return sdf_face_external_key_decrypt(session, alg, key, key_len, iv, iv_len, encrypted, encrypted_len, data,
	                                     data_len);
}

EXPORT int SDF_ExternalKeyEncryptInit(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                      unsigned char *iv, unsigned int iv_len)
{
	return sdf_face_external_key_encrypt_init(session, alg, key, key_len, iv, iv_len);
}

EXPORT int SDF_ExternalKeyDecryptInit(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                      unsigned char *iv, unsigned int iv_len)
{
	return sdf_face_external_key_decrypt_init(session, alg, key, key_len, iv, iv_len);
}

EXPORT int SDF_ExternalKeyHMACInit(void *session, unsigned int alg, unsigned char *key, unsigned int key_len)
{
	return sdf_face_external_key_hmac_init(session, alg, key, key_len);
}

EXPORT int SDF_ExchangeDigitEnvelopeBaseOnRSA(void *session, unsigned int index, RSArefPublicKey *public_key,
                                              unsigned char *in, unsigned int in_len, unsigned char *out,
                                              unsigned int *out_len)
{
	return sdf_face_exchange_digit_envelope_base_on_rsa(session, index, public_key, in, in_len, out, out_len);
}

EXPORT int SDF_ExchangeDigitEnvelopeBaseOnECC(void *session, unsigned int index, unsigned int alg,
                                              ECCrefPublicKey *public_key, ECCCipher *in, ECCCipher *out)
{
	return sdf_face_exchange_digit_envelope_base_on_ecc(session, index, alg, public_key, in, out);
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
