/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GM/T 0018 face: each function of hufu/sdf.h under a name of our own, with
 * its parameters, structs and return codes, so that other shapes of the
 * interface can be built over it. entry.c gives them the standard's names.
 *
 * Handles are numbers in a table and are never followed as pointers: one that is
 * unknown, closed or of another kind is SDR_INARGERR. One call at a time runs on
 * a session; calls on different sessions run side by side. A pointer that must
 * not be NULL and is: SDR_INARGERR for input, SDR_OUTARGERR for output.
 */
#ifndef SDF_FACE_H
#define SDF_FACE_H

#include "hufu/sdf.h"

/* 6.2, devices */
/* conf_path NULL: HUFU_SDF_CONF (not in set-uid programs), else where the module looks, too (base/conf.h). */
int sdf_face_open_device(void **device, const char *conf_path);
int sdf_face_close_device(void *device);
int sdf_face_open_session(void *device, void **session);
int sdf_face_close_session(void *session);
int sdf_face_get_device_info(void *session, DEVICEINFO *info);
int sdf_face_generate_random(void *session, unsigned int len, unsigned char *out);
int sdf_face_get_private_key_access_right(void *session, unsigned int index, unsigned char *password,
                                          unsigned int password_len);
int sdf_face_release_private_key_access_right(void *session, unsigned int index);

/* 6.3, keys */
int sdf_face_export_sign_public_key_rsa(void *session, unsigned int index, RSArefPublicKey *public_key);
int sdf_face_export_enc_public_key_rsa(void *session, unsigned int index, RSArefPublicKey *public_key);
int sdf_face_generate_key_with_ipk_rsa(void *session, unsigned int index, unsigned int nbits, unsigned char *key,
                                       unsigned int *key_len, void **handle);
int sdf_face_generate_key_with_epk_rsa(void *session, unsigned int nbits, RSArefPublicKey *public_key,
                                       unsigned char *key, unsigned int *key_len, void **handle);
int sdf_face_import_key_with_isk_rsa(void *session, unsigned int index, unsigned char *key, unsigned int key_len,
                                     void **handle);
int sdf_face_export_sign_public_key_ecc(void *session, unsigned int index, ECCrefPublicKey *public_key);
int sdf_face_export_enc_public_key_ecc(void *session, unsigned int index, ECCrefPublicKey *public_key);
int sdf_face_generate_key_with_ipk_ecc(void *session, unsigned int index, unsigned int nbits, ECCCipher *key,
                                       void **handle);
int sdf_face_generate_key_with_epk_ecc(void *session, unsigned int nbits, unsigned int alg, ECCrefPublicKey *public_key,
                                       ECCCipher *key, void **handle);
int sdf_face_import_key_with_isk_ecc(void *session, unsigned int index, ECCCipher *key, void **handle);
int sdf_face_generate_agreement_data_with_ecc(void *session, unsigned int index, unsigned int nbits,
                                              unsigned char *sponsor_id, unsigned int sponsor_id_len,
                                              ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp, void **agreement);
int sdf_face_generate_key_with_ecc(void *session, unsigned char *response_id, unsigned int response_id_len,
                                   ECCrefPublicKey *response, ECCrefPublicKey *response_tmp, void *agreement,
                                   void **handle);
int sdf_face_generate_agreement_data_and_key_with_ecc(void *session, unsigned int index, unsigned int nbits,
                                                      unsigned char *response_id, unsigned int response_id_len,
                                                      unsigned char *sponsor_id, unsigned int sponsor_id_len,
                                                      ECCrefPublicKey *sponsor, ECCrefPublicKey *sponsor_tmp,
                                                      ECCrefPublicKey *response, ECCrefPublicKey *response_tmp,
                                                      void **handle);
int sdf_face_generate_key_with_kek(void *session, unsigned int nbits, unsigned int alg, unsigned int index,
                                   unsigned char *key, unsigned int *key_len, void **handle);
int sdf_face_import_key_with_kek(void *session, unsigned int alg, unsigned int index, unsigned char *key,
                                 unsigned int key_len, void **handle);
int sdf_face_destroy_key(void *session, void *handle);

/* 6.4, asymmetric operations */
int sdf_face_external_public_key_operation_rsa(void *session, RSArefPublicKey *public_key, unsigned char *in,
                                               unsigned int in_len, unsigned char *out, unsigned int *out_len);
int sdf_face_internal_public_key_operation_rsa(void *session, unsigned int index, unsigned char *in,
                                               unsigned int in_len, unsigned char *out, unsigned int *out_len);
int sdf_face_internal_private_key_operation_rsa(void *session, unsigned int index, unsigned char *in,
                                                unsigned int in_len, unsigned char *out, unsigned int *out_len);
int sdf_face_external_verify_ecc(void *session, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *in,
                                 unsigned int in_len, ECCSignature *signature);
int sdf_face_internal_sign_ecc(void *session, unsigned int index, unsigned char *data, unsigned int data_len,
                               ECCSignature *signature);
int sdf_face_internal_verify_ecc(void *session, unsigned int index, unsigned char *data, unsigned int data_len,
                                 ECCSignature *signature);
int sdf_face_external_encrypt_ecc(void *session, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *data,
                                  unsigned int data_len, ECCCipher *encrypted);

/* 6.5, symmetric operations */
int sdf_face_encrypt(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *data,
                     unsigned int data_len, unsigned char *encrypted, unsigned int *encrypted_len);
int sdf_face_decrypt(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *encrypted,
                     unsigned int encrypted_len, unsigned char *data, unsigned int *data_len);
int sdf_face_calculate_mac(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned char *data,
                           unsigned int data_len, unsigned char *mac, unsigned int *mac_len);
int sdf_face_auth_enc(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                      unsigned char *aad, unsigned int aad_len, unsigned char *data, unsigned int data_len,
                      unsigned char *encrypted, unsigned int *encrypted_len, unsigned char *tag, unsigned int *tag_len);
int sdf_face_auth_dec(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                      unsigned char *aad, unsigned int aad_len, unsigned char *tag, unsigned int *tag_len,
                      unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data, unsigned int *data_len);
int sdf_face_encrypt_init(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len);
int sdf_face_encrypt_update(void *session, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                            unsigned int *encrypted_len);
int sdf_face_encrypt_final(void *session, unsigned char *out, unsigned int *out_len);
int sdf_face_decrypt_init(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len);
int sdf_face_decrypt_update(void *session, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                            unsigned int *data_len);
int sdf_face_decrypt_final(void *session, unsigned char *out, unsigned int *out_len);
int sdf_face_calculate_mac_init(void *session, void *handle, unsigned int alg, unsigned char *iv, unsigned int iv_len);
int sdf_face_calculate_mac_update(void *session, unsigned char *data, unsigned int data_len);
int sdf_face_calculate_mac_final(void *session, unsigned char *mac, unsigned int *mac_len);
int sdf_face_auth_enc_init(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                           unsigned char *aad, unsigned int aad_len, unsigned int data_len);
int sdf_face_auth_enc_update(void *session, unsigned char *data, unsigned int data_len, unsigned char *encrypted,
                             unsigned int *encrypted_len);
int sdf_face_auth_enc_final(void *session, unsigned char *out, unsigned int *out_len, unsigned char *tag,
                            unsigned int *tag_len);
int sdf_face_auth_dec_init(void *session, void *handle, unsigned int alg, unsigned char *nonce, unsigned int nonce_len,
                           unsigned char *aad, unsigned int aad_len, unsigned char *tag, unsigned int tag_len,
                           unsigned int data_len);
int sdf_face_auth_dec_update(void *session, unsigned char *encrypted, unsigned int encrypted_len, unsigned char *data,
                             unsigned int *data_len);
int sdf_face_auth_dec_final(void *session, unsigned char *out, unsigned int *out_len);

/* 6.6, HMAC and hash functions */
int sdf_face_hmac_init(void *session, void *handle, unsigned int alg);
int sdf_face_hmac_update(void *session, unsigned char *data, unsigned int data_len);
int sdf_face_hmac_final(void *session, unsigned char *mac, unsigned int *mac_len);
int sdf_face_hash_init(void *session, unsigned int alg, ECCrefPublicKey *public_key, unsigned char *id,
                       unsigned int id_len);
int sdf_face_hash_update(void *session, unsigned char *data, unsigned int data_len);
int sdf_face_hash_final(void *session, unsigned char *hash, unsigned int *hash_len);

/* 6.7, files */
int sdf_face_create_file(void *session, unsigned char *name, unsigned int name_len, unsigned int size);
int sdf_face_read_file(void *session, unsigned char *name, unsigned int name_len, unsigned int offset,
                       unsigned int *len, unsigned char *buffer);
int sdf_face_write_file(void *session, unsigned char *name, unsigned int name_len, unsigned int offset,
                        unsigned int len, unsigned char *buffer);
int sdf_face_delete_file(void *session, unsigned char *name, unsigned int name_len);

/* 6.8, for debugging and tests: SDR_NOTSUPPORT unless the configuration says debug = true */
int sdf_face_generate_key_pair_rsa(void *session, unsigned int nbits, RSArefPublicKey *public_key,
                                   RSArefPrivateKey *private_key);
int sdf_face_generate_key_pair_ecc(void *session, unsigned int alg, unsigned int nbits, ECCrefPublicKey *public_key,
                                   ECCrefPrivateKey *private_key);
int sdf_face_external_private_key_operation_rsa(void *session, RSArefPrivateKey *private_key, unsigned char *in,
                                                unsigned int in_len, unsigned char *out, unsigned int *out_len);
int sdf_face_external_sign_ecc(void *session, unsigned int alg, ECCrefPrivateKey *private_key, unsigned char *in,
                               unsigned int in_len, ECCSignature *signature);
int sdf_face_external_decrypt_ecc(void *session, unsigned int alg, ECCrefPrivateKey *private_key, ECCCipher *encrypted,
                                  unsigned char *data, unsigned int *data_len);
int sdf_face_external_key_encrypt(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                  unsigned char *iv, unsigned int iv_len, unsigned char *data, unsigned int data_len,
                                  unsigned char *encrypted, unsigned int *encrypted_len);
int sdf_face_external_key_decrypt(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                  unsigned char *iv, unsigned int iv_len, unsigned char *encrypted,
                                  unsigned int encrypted_len, unsigned char *data, unsigned int *data_len);
int sdf_face_external_key_encrypt_init(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                       unsigned char *iv, unsigned int iv_len);
int sdf_face_external_key_decrypt_init(void *session, unsigned int alg, unsigned char *key, unsigned int key_len,
                                       unsigned char *iv, unsigned int iv_len);
int sdf_face_external_key_hmac_init(void *session, unsigned int alg, unsigned char *key, unsigned int key_len);

/* GM/T 0018-2012, gone in 2023; the last two in no edition */
int sdf_face_exchange_digit_envelope_base_on_rsa(void *session, unsigned int index, RSArefPublicKey *public_key,
                                                 unsigned char *in, unsigned int in_len, unsigned char *out,
                                                 unsigned int *out_len);
int sdf_face_exchange_digit_envelope_base_on_ecc(void *session, unsigned int index, unsigned int alg,
                                                 ECCrefPublicKey *public_key, ECCCipher *in, ECCCipher *out);
int sdf_face_import_key(void *session, unsigned char *key, unsigned int key_len, void **handle);
int sdf_face_internal_encrypt_ecc(void *session, unsigned int index, unsigned int alg, unsigned char *data,
                                  unsigned int data_len, ECCCipher *encrypted);
int sdf_face_internal_decrypt_ecc(void *session, unsigned int index, unsigned int alg, ECCCipher *encrypted,
                                  unsigned char *data, unsigned int *data_len);

#endif
