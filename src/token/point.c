/* SPDX-License-Identifier: Apache-2.0 */
#include "token/point.h"
#include "sm/sm2.h"

#include <string.h>

/* OCTET STRING, 65 bytes, uncompressed. */
static const uint8_t der_head[] = {0x04, 0x41, 0x04};

bool point_decode(const uint8_t *value, size_t len, uint8_t point[64])
{
	if (len == POINT_DER_LEN && memcmp(value, der_head, sizeof der_head) == 0)
		value += sizeof der_head;
	else if (len == 1 + SM2_POINT_LEN && value[0] == 0x04)
		value += 1;
	else
		return false;
	memcpy(point, value, SM2_POINT_LEN);
	return true;
}

void point_encode(const uint8_t point[64], uint8_t der[POINT_DER_LEN])
{
	memcpy(der, der_head, sizeof der_head);
	memcpy(der + sizeof der_head, point, SM2_POINT_LEN);
}

bool point_on_curve(const uint8_t point[64])
{
	struct sm2_public key;
	return sm2_public_init(&key, point) == SM2_OK;
}
