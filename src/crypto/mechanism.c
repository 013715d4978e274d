/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/mechanism.h"

#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

#define NO_MGF UINT64_MAX /* 0 is no generator of the specification, but a caller may pass it */

static const struct row {
	uint64_t digest, hmac, hmac_general, mgf;
} rows[HASH_COUNT] = {
	[HASH_SM3] = {CKM_HUFU_SM3, CKM_HUFU_SM3_HMAC, CKM_HUFU_SM3_HMAC_GENERAL, NO_MGF},
	[HASH_SHA1] = {CKM_SHA_1, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, CKG_MGF1_SHA1},
	[HASH_SHA224] = {CKM_SHA224, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, CKG_MGF1_SHA224},
	[HASH_SHA256] = {CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, CKG_MGF1_SHA256},
	[HASH_SHA384] = {CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, CKG_MGF1_SHA384},
	[HASH_SHA512] = {CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, CKG_MGF1_SHA512},
	[HASH_SHA512_224] = {CKM_SHA512_224, CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, NO_MGF},
	[HASH_SHA512_256] = {CKM_SHA512_256, CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, NO_MGF},
	[HASH_SHA3_224] = {CKM_SHA3_224, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, CKG_MGF1_SHA3_224},
	[HASH_SHA3_256] = {CKM_SHA3_256, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, CKG_MGF1_SHA3_256},
	[HASH_SHA3_384] = {CKM_SHA3_384, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, CKG_MGF1_SHA3_384},
	[HASH_SHA3_512] = {CKM_SHA3_512, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, CKG_MGF1_SHA3_512},
};

enum hash_id hash_of_digest(uint64_t mechanism)
{
	for (enum hash_id id = HASH_NONE + 1; id < HASH_COUNT; id++)
		if (rows[id].digest == mechanism)
			return id;
	return HASH_NONE;
}

enum hash_id hash_of_hmac(uint64_t mechanism)
{
	for (enum hash_id id = HASH_NONE + 1; id < HASH_COUNT; id++)
		if (rows[id].hmac == mechanism || rows[id].hmac_general == mechanism)
			return id;
	return HASH_NONE;
}

enum hash_id hash_of_mgf(uint64_t mgf)
{
	for (enum hash_id id = HASH_NONE + 1; id < HASH_COUNT && mgf != NO_MGF; id++)
		if (rows[id].mgf == mgf)
			return id;
	return HASH_NONE;
}

uint64_t hash_mechanism(enum hash_id id)
{
	return rows[id].digest;
}

uint64_t hash_hmac_mechanism(enum hash_id id)
{
	return rows[id].hmac;
}

uint64_t hash_mgf(enum hash_id id)
{
	return rows[id].mgf == NO_MGF ? 0 : rows[id].mgf;
}
