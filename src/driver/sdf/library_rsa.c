/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018-2023 6.3 and 6.4: RSA with keys at indexes. */
#include "driver/sdf/library_internal.h"

#include "driver/soft/rsa_der.h"

#include <string.h>

#define RSA_BITS_MIN 1024
/* Of the form with a usage: those of Sansec's header. */
#define USAGE_RSA_SIGN 0x00010100
#define USAGE_RSA_ENC 0x00010200

static bool read_numbers(const struct sdf_profile *p, const uint8_t *key, struct rsa_numbers *numbers)
{
	uint32_t bits;
	int width = (int)p->rsa_bytes;
	memcpy(&bits, key, sizeof(bits));
	if (bits < RSA_BITS_MIN || bits > 8 * p->rsa_bytes)
		return false;
	return BN_bin2bn(key + 4, width, numbers->part[RSA_N]) && BN_bin2bn(key + 4 + width, width, numbers->part[RSA_E]) &&
	       (uint32_t)BN_num_bits(numbers->part[RSA_N]) == bits;
}

static enum hufu_err write_spki(const struct sdf_profile *p, const uint8_t *key, uint8_t *spki, size_t *len)
{
	struct rsa_numbers numbers;
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPUBLIC);
	if (err == HUFU_OK && (!read_numbers(p, key, &numbers) || rsa_numbers_check(&numbers) != HUFU_OK))
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK && rsa_spki_len(&numbers) > HUFU_PUB_MAX)
		err = HUFU_ERR_UNSUPPORTED;
	if (err == HUFU_OK) {
		*len = rsa_spki_len(&numbers);
		rsa_spki_write(&numbers, spki);
	}
	rsa_numbers_clear(&numbers);
	return err;
}

enum hufu_err sdf_export_rsa(struct sdf_session *s, uint32_t index, enum sdf_usage usage, uint8_t *spki, size_t *len)
{
	const struct sdf_profile *p = profile_of(s);
	void *key = room_out(s, SDF_REGION_OUT, rsa_public_size(p));
	enum hufu_err err = usage == SDF_USAGE_SIGN ? SDF_CALL(s, ExportSignPublicKey_RSA, index, key) :
	                                              SDF_CALL(s, ExportEncPublicKey_RSA, index, key);
	if (err == HUFU_ERR_ARGUMENT || err == HUFU_ERR_KEY_TYPE || err == HUFU_ERR_KEY_VALUE)
		return HUFU_ERR_NO_KEY; /* as sdf_export_ecc */
	if (err != HUFU_OK)
		return err;
	if (all_zero(key, rsa_public_size(p)))
		return HUFU_ERR_NO_KEY;
	return write_spki(p, key, spki, len);
}

/* The standard's form does not say which of an index's pairs it means: taken to be the one for signatures. */
static enum hufu_err call_private(struct sdf_session *s, uint32_t index, enum sdf_usage usage, unsigned char *in, size_t len,
                                  unsigned char *out, unsigned *out_len)
{
	if (profile_of(s)->rsa_args == 7)
		return SDF_CALL(s, InternalPrivateKeyOperation_RSA_7, index, usage == SDF_USAGE_SIGN ? USAGE_RSA_SIGN : USAGE_RSA_ENC,
		                in, (unsigned)len, out, out_len);
	if (usage != SDF_USAGE_SIGN)
		return HUFU_ERR_UNSUPPORTED;
	return SDF_CALL(s, InternalPrivateKeyOperation_RSA, index, in, (unsigned)len, out, out_len);
}

enum hufu_err sdf_rsa_private(struct sdf_session *s, uint32_t index, enum sdf_usage usage, const uint8_t *in, size_t len,
                              uint8_t *out)
{
	if (len > profile_of(s)->rsa_bytes)
		return HUFU_ERR_UNSUPPORTED;
	room_in(s);
	unsigned char *data = room_put(s, 0, in, len), *answer = room_out(s, SDF_REGION_OUT, len);
	room_mark(s, answer, len);
	unsigned *answer_len = room_len_out(s, SDF_REGION_LEN, (uint32_t)len);
	enum hufu_err err = call_private(s, index, usage, data, len, answer, answer_len);
	if (err == HUFU_ERR_SIGNATURE)
		err = HUFU_ERR_CORRUPT; /* as sdf_sign */
	if (err == HUFU_OK && (room_len(s, SDF_REGION_LEN) != len || room_is_unwritten(s, answer, len)))
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK)
		memcpy(out, answer, len);
	room_wipe(s);
	return err;
}
