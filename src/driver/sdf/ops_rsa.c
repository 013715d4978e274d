/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA with index keys: the device raises to d, all else is done here. No
 * CKM_RSA_PKCS to decrypt: implicit rejection wants a secret of the key that
 * only the device has, and without it every caller is a padding oracle.
 */
#include "driver/sdf/sdf.h"

#include "crypto/context.h"
#include "driver/soft/rsa.h"
#include "driver/soft/rsa_der.h"

static bool offers_rsa(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_RSA) && device_can(device, SDF_CAN_EXPORT_RSA);
}


enum hufu_err rsa_modulus(const uint8_t *spki, size_t len, struct rsa_key *key)
{
	struct rsa_numbers numbers;

	if (!libcrypto_context())
		return HUFU_ERR_NO_MEMORY;
	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPUBLIC);
	if (err == HUFU_OK)
		err = rsa_numbers_read(&numbers, spki, len);
	if (err == HUFU_OK)
		err = rsa_numbers_check(&numbers);
	if (err == HUFU_OK) {
		key->nbits = (uint32_t)BN_num_bits(numbers.part[RSA_N]);
		key->len = (key->nbits + 7) / 8;
		(void)BN_bn2binpad(numbers.part[RSA_N], key->n, (int)key->len);
	}
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

/* -- x^d mod n ---------------------------------------------------------------------------- */

struct power {
	enum sdf_usage usage;
	const uint8_t *in;
	size_t len;
	uint8_t *out;
};

static enum hufu_err power_with(struct hufu_lease *lease, uint32_t index, void *arg)
{
	const struct power *power = arg;

	return sdf_rsa_private(lease->session, index, power->usage, power->in, power->len, power->out);
}

static enum hufu_err find_key(struct hufu_lease *lease, struct hufu_op *op, enum copy_form form, struct copy *copy,
                              const struct rsa_key **key)
{
	enum hufu_err err = index_rsa_key(lease, op, copy, key);

	return err == HUFU_OK && copy->form != form ? HUFU_ERR_NO_KEY : err;
}

/* -- signatures: the pool verifies each RSA signature before it lets it go ------------------- */

static enum hufu_err pad(const struct hufu_host *host, const struct rsa_key *key, const struct hufu_op *op, uint8_t *em)
{
	if (op->mechanism == CKM_RSA_X_509)
		return rsa_pad_raw(key, op->in, op->in_len, em);
	if (op->mechanism == CKM_RSA_PKCS)
		return rsa_pad_sign(key, op->in, op->in_len, em);
	return rsa_pad_pss(host, key, op->param, op->in, op->in_len, em);
}

static enum hufu_err sign(struct hufu_lease *lease, struct hufu_op *op)
{
	uint8_t em[RSA_MAX_LEN];
	const struct rsa_key *key;
	struct copy copy;
	enum hufu_err err = find_key(lease, op, COPY_RSA_SIGN, &copy, &key);

	if (err == HUFU_OK)
		err = pad(lease->device->host, key, op, em);
	if (err == HUFU_OK)
		err = soft_room(op, key->len);
	if (err == HUFU_OK) {
		struct power power = {SDF_USAGE_SIGN, em, key->len, op->out};

		err = rights_run(lease, copy.index, power_with, &power);
	}
	secret_wipe(em, sizeof(em));
	return err;
}

/* -- decryption --------------------------------------------------------------------------------- */

static enum hufu_err open_with(struct hufu_lease *lease, struct hufu_op *op, uint32_t index, const struct rsa_key *key, uint8_t *em)
{
	struct power power = {SDF_USAGE_ENCRYPT, op->in, key->len, em};
	size_t start = 0;
	enum hufu_err err = rights_run(lease, index, power_with, &power);

	if (err == HUFU_OK && op->mechanism == CKM_RSA_PKCS_OAEP)
		err = rsa_unpad_oaep(key, op->param, em, &start);
	if (err == HUFU_OK)
		err = soft_room(op, key->len - start);
	if (err == HUFU_OK)
		memcpy(op->out, em + start, op->out_len);
	return err;
}

static enum hufu_err decrypt(struct hufu_lease *lease, struct hufu_op *op)
{
	uint8_t em[RSA_MAX_LEN];
	const struct rsa_key *key;
	struct copy copy;
	enum hufu_err err = find_key(lease, op, COPY_RSA_ENCRYPT, &copy, &key);

	if (err != HUFU_OK)
		return err;
	if (op->in_len != key->len)
		return HUFU_ERR_CIPHERTEXT_LEN;
	if (!rsa_in_range(key, op->in))
		return HUFU_ERR_CIPHERTEXT;
	err = open_with(lease, op, copy.index, key, em);
	secret_wipe(em, sizeof(em));
	return err;
}

#define USE(mechanism, verb, run) \
	{mechanism, HUFU_VERB_##verb, HUFU_KEY_RSA_PRIVATE, offers_rsa, run, RSA_MIN_NBITS, RSA_MAX_NBITS, NULL, NULL}

const struct sdf_row sdf_rsa_rows[] = {
	USE(CKM_RSA_PKCS, SIGN, sign),
	USE(CKM_RSA_X_509, SIGN, sign),
	USE(CKM_RSA_PKCS_PSS, SIGN, sign),
	USE(CKM_RSA_X_509, DECRYPT, decrypt),
	USE(CKM_RSA_PKCS_OAEP, DECRYPT, decrypt),
	{0, 0, 0, NULL, NULL, 0, 0, NULL, NULL},
};
