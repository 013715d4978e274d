/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys between a token's attributes and libcrypto. */
#ifndef PUBKEY_H
#define PUBKEY_H

#include "tools/object.h"

#include <openssl/evp.h>

/* The public half of a public or private key object; EVP_PKEY_free it. ST_UNAVAILABLE: not a type the tool can express. */
enum status pubkey_of_object(const struct session *, const struct object *, EVP_PKEY **) MUST_USE;
/* ECDSA and SM2 signatures, r || s <-> SEQUENCE { r, s }: malloc. NULL: malformed. */
unsigned char *signature_to_der(const unsigned char *raw, size_t len, size_t *der_len);
unsigned char *signature_to_raw(const unsigned char *der, size_t len, size_t half, size_t *raw_len);
/* What libcrypto last complained of, for messages. */
const char *libcrypto_error(void);
/*
 * libcrypto on its own: does the signature (DER) of the data hold? SM2 takes
 * the signer's ID, EdDSA no digest. -1: libcrypto cannot say.
 */
int pubkey_verify(EVP_PKEY *, const char *digest, const unsigned char *id, size_t id_len, const unsigned char *sig, size_t sig_len,
                  const unsigned char *data, size_t len);

#endif
