/* SPDX-License-Identifier: Apache-2.0 */
#include "token/digest_info.h"

#include <string.h>

/*
 * SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }. The OIDs of SHA-2 and SHA-3
 * are nistAlgorithm.2.n (2.16.840.1.101.3.4.2.n, RFC 8017 B.1, FIPS 202), SHA-1's
 * is older.
 */
static const uint8_t sha1_prefix[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
static const uint8_t nist_prefix[] = {0x30, 0x11, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x00, 0x05, 0x00, 0x04, 0x00};
#define AT_LEN 1
#define AT_OID 14
#define AT_DIGEST_LEN 18

static uint8_t nist_number(enum hash_id hash)
{
	static const uint8_t numbers[HASH_COUNT] = {
		[HASH_SHA256] = 1, [HASH_SHA384] = 2, [HASH_SHA512] = 3, [HASH_SHA224] = 4, [HASH_SHA512_224] = 5,
		[HASH_SHA512_256] = 6, [HASH_SHA3_224] = 7, [HASH_SHA3_256] = 8, [HASH_SHA3_384] = 9, [HASH_SHA3_512] = 10,
	};
	return numbers[hash];
}

size_t digest_info_prefix(enum hash_id hash, uint8_t *prefix)
{
	if (hash == HASH_SHA1) {
		memcpy(prefix, sha1_prefix, sizeof sha1_prefix);
		return sizeof sha1_prefix;
	}
	if (!nist_number(hash))
		return 0;
	memcpy(prefix, nist_prefix, sizeof nist_prefix);
	prefix[AT_LEN] = (uint8_t)(prefix[AT_LEN] + hash_len(hash));
	prefix[AT_OID] = nist_number(hash);
	prefix[AT_DIGEST_LEN] = (uint8_t)hash_len(hash);
	return sizeof nist_prefix;
}
