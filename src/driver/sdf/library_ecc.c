/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018-2023 6.3 and 6.4: SM2 with keys at indexes, and calls that make such keys. */
#include "driver/sdf/library_internal.h"

#include <string.h>

/* -- public keys --------------------------------------------------------------------------------- */

/* An index out of range (SDR_INARGERR), one with a key of RSA (SDR_KEYTYPEERR), or empty (SDR_KEYERR): no key for us. */
static enum hufu_err nothing_there(enum hufu_err err)
{
	bool none = err == HUFU_ERR_ARGUMENT || err == HUFU_ERR_KEY_TYPE || err == HUFU_ERR_KEY_VALUE;
	return none ? HUFU_ERR_NO_KEY : err;
}

enum hufu_err sdf_export_ecc(struct sdf_session *s, uint32_t index, enum sdf_usage usage, uint8_t point[64])
{
	const struct sdf_profile *p = profile_of(s);
	void *key = room_out(s, SDF_REGION_OUT, public_size(p));
	enum hufu_err err = usage == SDF_USAGE_SIGN ? SDF_CALL(s, ExportSignPublicKey_ECC, index, key) :
	                                              SDF_CALL(s, ExportEncPublicKey_ECC, index, key);
	if (err != HUFU_OK)
		return nothing_there(err);
	if (all_zero((const uint8_t *)key + 4, public_size(p) - 4))
		return HUFU_ERR_NO_KEY; /* some say SDR_OK of an empty index */
	return public_get(p, key, point) ? HUFU_OK : HUFU_ERR_CORRUPT;
}

/* -- signatures ------------------------------------------------------------------------------------ */

enum hufu_err sdf_sign(struct sdf_session *s, uint32_t index, const uint8_t e[32], uint8_t sig[64])
{
	const struct sdf_profile *p = profile_of(s);
	room_in(s);
	unsigned char *digest = room_put(s, 0, e, 32);
	void *out = room_out(s, SDF_REGION_OUT, signature_size(p));
	enum hufu_err err = SDF_CALL(s, InternalSign_ECC, index, digest, 32, out);
	if (err == HUFU_ERR_SIGNATURE)
		return HUFU_ERR_CORRUPT; /* SDR_SIGNERR of signing: nobody gave it a bad signature */
	if (err != HUFU_OK)
		return err;
	return signature_get(p, out, sig) && !all_zero(sig, 32) && !all_zero(sig + 32, 32) ? HUFU_OK : HUFU_ERR_CORRUPT;
}

/* The structs that verification reads: the key, the digest, the signature. */
#define VERIFY_KEY_AT 0
#define VERIFY_DIGEST_AT 256
#define VERIFY_SIG_AT 512

static void put_signature(struct sdf_session *s, const uint8_t e[32], const uint8_t sig[64])
{
	uint8_t *in = room_in(s);
	memcpy(in + VERIFY_DIGEST_AT, e, 32);
	signature_put(profile_of(s), in + VERIFY_SIG_AT, sig);
}

enum hufu_err sdf_verify_internal(struct sdf_session *s, uint32_t index, const uint8_t e[32], const uint8_t sig[64])
{
	put_signature(s, e, sig);
	return SDF_CALL(s, InternalVerify_ECC, index, room_put(s, VERIFY_DIGEST_AT, NULL, 0), 32,
	                room_put(s, VERIFY_SIG_AT, NULL, 0));
}

enum hufu_err sdf_verify(struct sdf_session *s, const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64])
{
	uint32_t alg = alg_of(s, SDF_ALG_SM2_SIGN);
	if (!alg)
		return HUFU_ERR_UNSUPPORTED;
	if (!point_is_good(point))
		return HUFU_ERR_KEY_VALUE;
	put_signature(s, e, sig);
	void *key = room_put(s, VERIFY_KEY_AT, NULL, 0);
	public_put(profile_of(s), key, point);
	return SDF_CALL(s, ExternalVerify_ECC, alg, key, room_put(s, VERIFY_DIGEST_AT, NULL, 0), 32,
	                room_put(s, VERIFY_SIG_AT, NULL, 0));
}

/* -- encryption ---------------------------------------------------------------------------------------- */

/* 0: longer than the layout or our room takes. */
static size_t cipher_fits(const struct sdf_profile *p, size_t len)
{
	return len && len <= SDF_SM2_MAX ? cipher_size(p, len) : 0;
}

#define ENCRYPT_DATA_AT 256

enum hufu_err sdf_encrypt_ecc(struct sdf_session *s, const uint8_t point[64], const uint8_t *in, size_t len, uint8_t *out)
{
	const struct sdf_profile *p = profile_of(s);
	size_t size = cipher_fits(p, len);
	uint32_t alg = alg_of(s, SDF_ALG_SM2_ENCRYPT);
	if (!size || !alg)
		return HUFU_ERR_UNSUPPORTED;
	if (!point_is_good(point))
		return HUFU_ERR_KEY_VALUE;
	void *key = room_in(s);
	public_put(p, key, point);
	unsigned char *data = room_put(s, ENCRYPT_DATA_AT, in, len);
	void *cipher = room_out(s, SDF_REGION_OUT, size);
	enum hufu_err err = SDF_CALL(s, ExternalEncrypt_ECC, alg, key, data, (unsigned)len, cipher);
	if (err == HUFU_OK && !cipher_get(p, cipher, len, out))
		err = HUFU_ERR_CORRUPT;
	room_wipe(s);
	return err;
}

/* An operation that fails over somebody's ciphertext (SDR_SKOPERR, SDR_PKOPERR, SDR_INARGERR) says nothing against the device. */
static enum hufu_err refused_ciphertext(enum hufu_err err)
{
	bool data = err == HUFU_ERR_CORRUPT || err == HUFU_ERR_DATA || err == HUFU_ERR_SIGNATURE || err == HUFU_ERR_ARGUMENT;
	return data ? HUFU_ERR_CIPHERTEXT : err;
}

static enum hufu_err call_decrypt(struct sdf_session *s, uint32_t index, void *cipher, unsigned char *out, unsigned *len)
{
	if (profile_of(s)->decrypt_args == 5)
		return SDF_CALL(s, InternalDecrypt_ECC_5, index, cipher, out, len);
	return SDF_CALL(s, InternalDecrypt_ECC, index, alg_of(s, SDF_ALG_SM2_ENCRYPT), cipher, out, len);
}

enum hufu_err sdf_decrypt_ecc(struct sdf_session *s, uint32_t index, const uint8_t *in, size_t len, uint8_t *out)
{
	const struct sdf_profile *p = profile_of(s);
	if (len <= 96)
		return HUFU_ERR_CIPHERTEXT_LEN;
	size_t plain = len - 96;
	if (!cipher_fits(p, plain))
		return HUFU_ERR_UNSUPPORTED;
	if (!point_is_good(in))
		return HUFU_ERR_CIPHERTEXT;
	void *cipher = room_in(s);
	cipher_put(p, cipher, in, plain);
	unsigned char *data = room_out(s, SDF_REGION_OUT, plain);
	room_mark(s, data, plain);
	unsigned *data_len = room_len_out(s, SDF_REGION_LEN, (uint32_t)plain);
	enum hufu_err err = refused_ciphertext(call_decrypt(s, index, cipher, data, data_len));
	if (err == HUFU_OK && (room_len(s, SDF_REGION_LEN) != plain || room_is_unwritten(s, data, plain)))
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK)
		memcpy(out, data, plain);
	room_wipe(s);
	return err;
}

/* -- pairs made in the device ---------------------------------------------------------------------------- */

enum hufu_err sdf_make_pair(struct sdf_session *s, uint32_t index, enum sdf_usage usage, uint8_t point[64])
{
	const struct sdf_profile *p = profile_of(s);
	void *key = room_out(s, SDF_REGION_OUT, public_size(p));
	enum hufu_err err = SDF_CALL(s, make_pair, index, (unsigned)usage, key);
	if (err != HUFU_OK)
		return err;
	return public_get(p, key, point) ? HUFU_OK : HUFU_ERR_CORRUPT;
}

enum hufu_err sdf_import_pair(struct sdf_session *s, uint32_t index, enum sdf_usage usage, const uint8_t d[32])
{
	void *key = room_in(s);
	private_put(profile_of(s), key, d);
	enum hufu_err err = SDF_CALL(s, import_pair, index, (unsigned)usage, key);
	room_wipe(s);
	return err;
}

enum hufu_err sdf_generate_pair(struct sdf_session *s, enum sdf_usage usage, uint8_t d[32], uint8_t point[64])
{
	const struct sdf_profile *p = profile_of(s);
	uint32_t alg = alg_of(s, usage == SDF_USAGE_SIGN ? SDF_ALG_SM2_SIGN : SDF_ALG_SM2_ENCRYPT);
	void *key = room_out(s, SDF_REGION_OUT, public_size(p));
	void *private = room_out(s, SDF_REGION_OUT2, private_size(p));
	enum hufu_err err = SDF_CALL(s, generate_pair, alg, 256, key, private);
	if (err == HUFU_OK && !(public_get(p, key, point) && private_get(p, private, d)))
		err = HUFU_ERR_CORRUPT;
	room_wipe(s);
	return err;
}
