/* SPDX-License-Identifier: Apache-2.0 */
/* Hash functions by the numbers that PKCS#11 knows them by. HASH_NONE: none of ours. */
#ifndef CRYPTO_MECHANISM_H
#define CRYPTO_MECHANISM_H

#include "crypto/hash.h"

/* CKM_SHA256, CKM_HUFU_SM3 */
enum hash_id hash_of_digest(uint64_t mechanism);
/* CKM_SHA256_HMAC, CKM_HUFU_SM3_HMAC; the general-length ones too */
enum hash_id hash_of_hmac(uint64_t mechanism);
/* CKG_MGF1_SHA256 */
enum hash_id hash_of_mgf(uint64_t mgf);
/* The CKM_ of the hash function alone; 0 for HASH_NONE. */
uint64_t hash_mechanism(enum hash_id);
/* The CKM_ of its HMAC, of full length, and the CKG_ of MGF1 with it; 0: there is none. */
uint64_t hash_hmac_mechanism(enum hash_id);
uint64_t hash_mgf(enum hash_id);

#endif
