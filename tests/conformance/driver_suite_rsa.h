/* SPDX-License-Identifier: Apache-2.0 */
/* What the two parts of the RSA suite share. */
#ifndef DRIVER_SUITE_RSA_H
#define DRIVER_SUITE_RSA_H

#include "driver_suite.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_DER_MAX 4800

/* One key, as the subject has it and as libcrypto's default context does. */
struct rsa_pair {
	EVP_PKEY *pkey;
	struct kit_key *private, *public;
	size_t len; /* of the modulus */
};

struct rsa_pair rsa_pair_of_der(const uint8_t *pkcs8, size_t len);
/* A new one, of libcrypto's. */
struct rsa_pair rsa_pair_of_bits(size_t nbits);
void rsa_pair_free(struct rsa_pair *);
size_t rsa_pkcs8(const EVP_PKEY *, uint8_t der[RSA_DER_MAX]);

#endif
