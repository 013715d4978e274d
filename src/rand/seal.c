/* SPDX-License-Identifier: Apache-2.0 */
#include "rand/seal.h"

#include <string.h>

#include "base/secret.h"
#include "rand/rand.h"
#include "sm/sm4.h"

#define IV_LEN 12

struct one_time {
	struct sm4_key key;
	uint8_t iv[IV_LEN];
};

static void one_time_init(struct one_time *o, const struct sm3_hmac_key *sealing, const uint8_t salt[SEAL_SALT_LEN])
{
	uint8_t okm[SM3_DIGEST_LEN];

	sm3_hmac(sealing, salt, SEAL_SALT_LEN, okm);
	sm4_key_init(&o->key, okm);
	memcpy(o->iv, okm + SM4_KEY_LEN, IV_LEN);
	secret_wipe(okm, sizeof(okm));
}

enum hufu_err seal_close(const struct sm3_hmac_key *sealing, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                         uint8_t *out)
{
	uint8_t *salt = out + 1, *text = salt + SEAL_SALT_LEN;
	struct one_time o;

	out[0] = SEAL_FORMAT;
	enum hufu_err err = rand_bytes(salt, SEAL_SALT_LEN);
	if (err)
		return err;
	one_time_init(&o, sealing, salt);
	sm4_gcm_seal(&o.key, o.iv, IV_LEN, aad, aad_len, in, len, text, text + len, SEAL_TAG_LEN);
	secret_wipe(&o, sizeof(o));
	return HUFU_OK;
}

bool seal_open(const struct sm3_hmac_key *sealing, const uint8_t *aad, size_t aad_len, const uint8_t *sealed, size_t sealed_len,
               uint8_t *out)
{
	struct one_time o;

	if (sealed_len < SEAL_OVERHEAD || sealed[0] != SEAL_FORMAT)
		return false;
	size_t len = sealed_len - SEAL_OVERHEAD;
	const uint8_t *salt = sealed + 1, *text = salt + SEAL_SALT_LEN;
	one_time_init(&o, sealing, salt);
	bool ok = sm4_gcm_open(&o.key, o.iv, IV_LEN, aad, aad_len, text, len, out, text + len, SEAL_TAG_LEN);
	secret_wipe(&o, sizeof(o));
	return ok;
}
