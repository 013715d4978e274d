/* SPDX-License-Identifier: Apache-2.0 */
/* SM2: private keys by their index, public keys as they are. */
#include "driver/sdf/sdf.h"

#include "sm/sm2.h"

#define DIGEST_LEN 32

static bool offers_sign(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_SIGN_ECC);
}

static bool offers_verify(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_VERIFY_ECC);
}

static bool offers_encrypt(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_ENCRYPT_ECC);
}

static bool offers_decrypt(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_DECRYPT_ECC);
}

static uint64_t encrypt_max(const struct hufu_device *device)
{
	return device_cipher_max(device);
}

static uint64_t decrypt_max(const struct hufu_device *device)
{
	return encrypt_max(device) + SM2_CIPHER_OVERHEAD;
}

/* -- private ------------------------------------------------------------------------- */

static enum hufu_err sign_with(struct hufu_lease *lease, uint32_t index, void *arg)
{
	struct hufu_op *op = arg;
	enum hufu_err err = sdf_sign(lease->session, index, op->in, op->out);

	/* SIGNERR: the device failed; there is no signature that could be wrong. */
	return err == HUFU_ERR_SIGNATURE ? HUFU_ERR_CORRUPT : err;
}

static enum hufu_err sign(struct hufu_lease *lease, struct hufu_op *op)
{
	struct copy copy;

	if (op->in_len != DIGEST_LEN)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_room(op, SM2_SIG_LEN);
	if (err == HUFU_OK)
		err = index_key(lease, op, &copy);
	if (err == HUFU_OK && copy.form != COPY_SIGN && copy.form != COPY_PAIR)
		err = HUFU_ERR_NO_KEY;
	return err == HUFU_OK ? rights_run(lease, copy.index, sign_with, op) : err;
}

static enum hufu_err decrypt_with(struct hufu_lease *lease, uint32_t index, void *arg)
{
	struct hufu_op *op = arg;

	return sdf_decrypt_ecc(lease->session, index, op->in + 1, op->in_len - 1, op->out);
}

static enum hufu_err decrypt(struct hufu_lease *lease, struct hufu_op *op)
{
	struct copy copy;

	if (op->in_len <= SM2_CIPHER_OVERHEAD)
		return HUFU_ERR_CIPHERTEXT_LEN;
	if (op->in[0] != 4)
		return HUFU_ERR_CIPHERTEXT;
	enum hufu_err err = soft_room(op, op->in_len - SM2_CIPHER_OVERHEAD);
	if (err == HUFU_OK)
		err = index_key(lease, op, &copy);
	if (err == HUFU_OK && copy.form != COPY_ENCRYPT && copy.form != COPY_PAIR)
		err = HUFU_ERR_NO_KEY;
	return err == HUFU_OK ? rights_run(lease, copy.index, decrypt_with, op) : err;
}

/* -- public: the copy of a public key is the key ---------------------------------------- */

static enum hufu_err public_point(const struct hufu_op *op)
{
	const struct hufu_key *key = op->key;

	if (key->copy_kind != HUFU_COPY_BLOB || !key->blob)
		return HUFU_ERR_NO_KEY;
	return key->blob_len == SDF_POINT_LEN ? HUFU_OK : HUFU_ERR_KEY_SIZE;
}

static enum hufu_err verify(struct hufu_lease *lease, struct hufu_op *op)
{
	if (op->in_len != DIGEST_LEN)
		return HUFU_ERR_DATA_LEN;
	if (!op->in2 || op->in2_len != SM2_SIG_LEN)
		return HUFU_ERR_SIGNATURE_LEN;
	enum hufu_err err = public_point(op);
	return err == HUFU_OK ? sdf_verify(lease->session, op->key->blob, op->in, op->in2) : err;
}

/* GB/T 32918.4 6.1: a message has at least one bit, so C2 is never empty. */
static enum hufu_err encrypt(struct hufu_lease *lease, struct hufu_op *op)
{
	if (op->in_len == 0 || op->in_len > SIZE_MAX - SM2_CIPHER_OVERHEAD)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_room(op, op->in_len + SM2_CIPHER_OVERHEAD);
	if (err == HUFU_OK)
		err = public_point(op);
	if (err != HUFU_OK)
		return err;
	op->out[0] = 4;
	return sdf_encrypt_ecc(lease->session, op->key->blob, op->in, op->in_len, op->out + 1);
}

const struct sdf_row sdf_sm2_rows[] = {
	{CKM_HUFU_SM2, HUFU_VERB_SIGN, HUFU_KEY_SM2_PRIVATE, offers_sign, sign, 256, 256, NULL, NULL},
	{CKM_HUFU_SM2, HUFU_VERB_VERIFY, HUFU_KEY_SM2_PUBLIC, offers_verify, verify, 256, 256, NULL, NULL},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_ENCRYPT, HUFU_KEY_SM2_PUBLIC, offers_encrypt, encrypt, 256, 256, encrypt_max, NULL},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_DECRYPT, HUFU_KEY_SM2_PRIVATE, offers_decrypt, decrypt, 256, 256, decrypt_max, NULL},
	{0, 0, 0, NULL, NULL, 0, 0, NULL, NULL},
};
