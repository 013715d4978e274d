/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption with a key pair (provider-asym_cipher(7)). The public half works on
 * this host, the private one in its token.
 */
#ifndef OSSL_ASYM_CIPHER_H
#define OSSL_ASYM_CIPHER_H

#include "ossl/work.h"

extern const OSSL_DISPATCH rsa_asym_cipher_functions[], sm2_asym_cipher_functions[];

/* -- TLS's premaster secret (RFC 5246 7.4.7.1) --------------------------------------- */

#define PREMASTER_LEN 48

struct premaster_versions {
	unsigned client;                /* what the ClientHello said: must be in the secret */
	unsigned negotiated;            /* what stands there instead, in those of clients with an old error; 0: is not allowed */
};
/*
 * The secret that a private key has opened, or a random one where it is none: in constant time, and without a
 * difference that whoever sent it could see. em: the whole block of k >= PREMASTER_LEN + 11 bytes, padding and all; or
 * text: what a token that looks at the padding itself has given, in a buffer of PREMASTER_LEN bytes at least.
 * 0: no random numbers.
 */
int premaster_of_block(const uint8_t *em, size_t k, const struct premaster_versions *, uint8_t secret[PREMASTER_LEN]);
int premaster_of_text(const uint8_t *text, size_t len, const struct premaster_versions *, uint8_t secret[PREMASTER_LEN]);

#endif
