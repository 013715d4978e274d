/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018-2023 5.4 to 5.8: numbers stand big-endian at the right end of their fields. */
#include "base/secret.h"
#include "sdf/internal.h"

#include <string.h>

#define CURVE_BITS 256
#define NUMBER_LEN 32
#define HASH_LEN 32
#define POINT_FORM 0x04

bool field_read(const unsigned char *field, size_t field_len, uint8_t *out, size_t len)
{
	uint8_t above = 0;
	for (size_t i = 0; i < field_len - len; i++)
		above |= field[i];
	memcpy(out, field + field_len - len, len);
	return above == 0;
}

void field_write(unsigned char *field, size_t field_len, const uint8_t *in, size_t len)
{
	memset(field, 0, field_len - len);
	memcpy(field + field_len - len, in, len);
}

int point_read(const ECCrefPublicKey *key, uint8_t point[64])
{
	if (key->bits != CURVE_BITS || !field_read(key->x, sizeof key->x, point, NUMBER_LEN) ||
	    !field_read(key->y, sizeof key->y, point + NUMBER_LEN, NUMBER_LEN))
		return SDR_INARGERR;
	return SDR_OK;
}

void point_write(ECCrefPublicKey *key, const uint8_t point[64])
{
	key->bits = CURVE_BITS;
	field_write(key->x, sizeof key->x, point, NUMBER_LEN);
	field_write(key->y, sizeof key->y, point + NUMBER_LEN, NUMBER_LEN);
}

int cipher_read(const ECCCipher *cipher, uint8_t **bytes, size_t *len)
{
	uint8_t point[2 * NUMBER_LEN];
	if (cipher->L == 0 || cipher->L > CIPHER_MAX || !field_read(cipher->x, sizeof cipher->x, point, NUMBER_LEN) ||
	    !field_read(cipher->y, sizeof cipher->y, point + NUMBER_LEN, NUMBER_LEN))
		return SDR_ENCDATAERR;
	*len = 1 + sizeof point + HASH_LEN + cipher->L;
	uint8_t *p = secret_alloc(*len);
	if (!p)
		return SDR_NOBUFFER;
	p[0] = POINT_FORM;
	memcpy(p + 1, point, sizeof point);
	memcpy(p + 1 + sizeof point, cipher->M, HASH_LEN);
	memcpy(p + 1 + sizeof point + HASH_LEN, cipher->C, cipher->L);
	*bytes = p;
	return SDR_OK;
}

void cipher_write(ECCCipher *cipher, const uint8_t *bytes, size_t len)
{
	size_t before = 1 + 2 * NUMBER_LEN + HASH_LEN;
	field_write(cipher->x, sizeof cipher->x, bytes + 1, NUMBER_LEN);
	field_write(cipher->y, sizeof cipher->y, bytes + 1 + NUMBER_LEN, NUMBER_LEN);
	memcpy(cipher->M, bytes + 1 + 2 * NUMBER_LEN, HASH_LEN);
	cipher->L = (unsigned int)(len - before);
	memcpy(cipher->C, bytes + before, len - before);
}
