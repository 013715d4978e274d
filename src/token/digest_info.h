/* SPDX-License-Identifier: Apache-2.0 */
/* DigestInfo of RFC 8017 9.2: what stands before the digest in a signature of PKCS #1 v1.5. */
#ifndef TOKEN_DIGEST_INFO_H
#define TOKEN_DIGEST_INFO_H

#include "crypto/hash.h"

#define DIGEST_INFO_PREFIX_MAX 19
#define DIGEST_INFO_MAX (DIGEST_INFO_PREFIX_MAX + HASH_LEN_MAX)

/* The bytes before the digest, DIGEST_INFO_PREFIX_MAX at most; their number. 0: the hash has no OID there. */
size_t digest_info_prefix(enum hash_id, uint8_t *prefix);

#endif
