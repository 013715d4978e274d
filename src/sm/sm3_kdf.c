/* SPDX-License-Identifier: Apache-2.0 */
/* Keys from passwords and from shared secrets. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/sm3.h"

/* F of RFC 8018 5.2: block i of the derived key, U_1 ^ U_2 ^ ... ^ U_count. */
static void pbkdf2_block(const struct sm3_hmac_key *pin, const void *salt, size_t salt_len, uint32_t count, uint32_t i,
                         uint8_t t[SM3_DIGEST_LEN])
{
	uint8_t u[SM3_DIGEST_LEN], index[4];
	struct sm3_hmac mac;

	store_be32(index, i);
	sm3_hmac_init(&mac, pin);
	sm3_hmac_update(&mac, salt, salt_len);
	sm3_hmac_update(&mac, index, sizeof(index));
	sm3_hmac_final(&mac, u);
	memcpy(t, u, sizeof(u));
	while (--count) {
		sm3_hmac(pin, u, sizeof(u), u);
		xor_bytes(t, t, u, sizeof(u));
	}
	secret_wipe(u, sizeof(u));
}

void sm3_pbkdf2(const void *pin, size_t pin_len, const void *salt, size_t salt_len, uint32_t count, uint8_t *dk, size_t dk_len)
{
	struct sm3_hmac_key key;
	uint8_t t[SM3_DIGEST_LEN];

	sm3_hmac_key_init(&key, pin, pin_len);
	for (uint32_t i = 1; dk_len; i++) {
		size_t n = dk_len < sizeof(t) ? dk_len : sizeof(t);

		pbkdf2_block(&key, salt, salt_len, count, i, t);
		memcpy(dk, t, n);
		dk += n;
		dk_len -= n;
	}
	secret_wipe(t, sizeof(t));
	secret_wipe(&key, sizeof(key));
}

void sm3_kdf(const void *z, size_t z_len, uint8_t *out, size_t len)
{
	struct sm3 absorbed, s;
	uint8_t counter[4], block[SM3_DIGEST_LEN];

	sm3_init(&absorbed);
	sm3_update(&absorbed, z, z_len);
	for (uint32_t ct = 1; len; ct++) {
		size_t n = len < sizeof(block) ? len : sizeof(block);

		s = absorbed;
		store_be32(counter, ct);
		sm3_update(&s, counter, sizeof(counter));
		sm3_final(&s, block);
		memcpy(out, block, n);
		out += n;
		len -= n;
	}
	secret_wipe(block, sizeof(block));
	secret_wipe(&absorbed, sizeof(absorbed));
}
