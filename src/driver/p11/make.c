/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New keys: made as session objects that may leave, wrapped, and destroyed. The
 * token keeps none of them; which of its domain loads the copy later is all one.
 */
#include "driver/p11/p11.h"

#include <string.h>

#include "driver/soft/curve.h"
#include "driver/soft/rsa_der.h"

static void destroy(struct hufu_lease *lease, CK_OBJECT_HANDLE object)
{
	(void)P11_CALL(lease->device->module, C_DestroyObject, lease->session, object);
}

/* -- generated ------------------------------------------------------------------------ */

enum hufu_err p11_generate_secret(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	CK_MECHANISM m = {offer->type, NULL, 0};
	struct p11_template t = {.n = 0};
	CK_OBJECT_HANDLE object;
	enum hufu_err err = p11_add_key(&t, lease->device, op->new_type, true);

	if (err != HUFU_OK)
		return err;
	if (op->new_len)
		p11_add_number(&t, CKA_VALUE_LEN, op->new_len);
	err = p11_answer(lease, P11_CALL(lease->device->module, C_GenerateKey, lease->session, &m, t.list, t.n, &object));
	if (err != HUFU_OK)
		return err;
	err = p11_wrap(lease, object, op);
	destroy(lease, object);
	return err;
}

static enum hufu_key_type public_type(enum hufu_key_type private_type)
{
	return (enum hufu_key_type)(private_type + 1);
}

static enum hufu_err add_what(struct p11_template *pub, const struct hufu_op *op)
{
	static const uint8_t f4[] = {0x01, 0x00, 0x01};
	const struct hufu_param_rsa_gen *rsa = op->param;
	const struct hufu_param_curve *curve = op->param;

	if (op->new_type == HUFU_KEY_SM2_PRIVATE) {
		p11_add(pub, CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN);
		return HUFU_OK;
	}
	if (!op->param)
		return HUFU_ERR_PARAM;
	if (op->new_type != HUFU_KEY_RSA_PRIVATE) {
		p11_add(pub, CKA_EC_PARAMS, curve->oid, curve->oid_len);
		return HUFU_OK;
	}
	bool given = rsa->public_exponent != NULL;
	p11_add_number(pub, CKA_MODULUS_BITS, rsa->nbits);
	p11_add(pub, CKA_PUBLIC_EXPONENT, given ? rsa->public_exponent : f4, given ? rsa->public_exponent_len : sizeof(f4));
	return HUFU_OK;
}

enum hufu_err p11_generate_pair(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	CK_MECHANISM m = {offer->type, NULL, 0};
	struct p11_template of_pub = {.n = 0}, of_priv = {.n = 0};
	CK_OBJECT_HANDLE pub, priv;

	if (op->new_type != offer->row->key)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = op->pub ? p11_add_key(&of_pub, device, public_type(op->new_type), true) : HUFU_ERR_ARGUMENT;
	if (err == HUFU_OK)
		err = add_what(&of_pub, op);
	if (err == HUFU_OK)
		err = p11_add_key(&of_priv, device, op->new_type, true);
	if (err == HUFU_OK)
		err = p11_answer(lease, P11_CALL(device->module, C_GenerateKeyPair, lease->session, &m, of_pub.list, of_pub.n,
		                                 of_priv.list, of_priv.n, &pub, &priv));
	if (err != HUFU_OK)
		return err;
	err = p11_public_of(device, lease->session, pub, op->new_type, op->pub, &op->pub_len);
	if (err == HUFU_OK)
		err = p11_wrap(lease, priv, op);
	destroy(lease, pub);
	destroy(lease, priv);
	return err;
}

/* -- taken in ------------------------------------------------------------------------------- */

/* Checked and completed by the emulator, in secret memory: a key in the clear is read in one place only. */
static enum hufu_err read_clear(struct hufu_device *device, const struct hufu_op *op, uint8_t *clear, size_t cap, size_t *len,
                                uint8_t pub[HUFU_PUB_MAX], size_t *pub_len)
{
	struct hufu_op inner = {.size = sizeof(inner), .verb = HUFU_VERB_IMPORT, .new_type = op->new_type, .in = op->in,
	                        .in_len = op->in_len, .out = clear, .out_cap = cap, .pub = pub, .copy_kind = HUFU_COPY_BLOB, .attempt = 1};
	struct hufu_op *ops[] = {&inner};
	struct hufu_lease *lease;
	enum hufu_err err = device->soft->lease(device->soft_device, op->deadline_ns, &lease);

	if (err != HUFU_OK)
		return err;
	device->soft->run(lease, ops, 1);
	device->soft->release(lease);
	*len = inner.out_len;
	*pub_len = inner.pub_len;
	return inner.outcome;
}

#define RSA_BYTES 1024
struct rsa_bytes {
	uint8_t part[RSA_NPARTS][RSA_BYTES];
};

static enum hufu_err add_rsa(struct p11_template *t, const uint8_t *der, size_t len, struct rsa_bytes *bytes)
{
	static const CK_ATTRIBUTE_TYPE types[RSA_NPARTS] = {
		[RSA_N] = CKA_MODULUS, [RSA_E] = CKA_PUBLIC_EXPONENT, [RSA_D] = CKA_PRIVATE_EXPONENT, [RSA_P] = CKA_PRIME_1,
		[RSA_Q] = CKA_PRIME_2, [RSA_DP] = CKA_EXPONENT_1, [RSA_DQ] = CKA_EXPONENT_2, [RSA_QINV] = CKA_COEFFICIENT,
	};
	struct rsa_numbers numbers = {.nparts = 0};

	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPARTS);
	if (err == HUFU_OK)
		err = rsa_numbers_read(&numbers, der, len);
	for (size_t i = 0; i < RSA_NPARTS && err == HUFU_OK; i++) {
		int n = BN_num_bytes(numbers.part[i]);
		if (n > RSA_BYTES)
			err = HUFU_ERR_KEY_SIZE;
		else
			p11_add(t, types[i], bytes->part[i], (size_t)BN_bn2bin(numbers.part[i], bytes->part[i]));
	}
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

static enum hufu_err add_curve(struct p11_template *t, enum hufu_key_type type, const uint8_t *der, size_t len)
{
	struct curve_key key;
	enum hufu_err err = curve_read(type, der, len, &key);

	if (err != HUFU_OK)
		return err;
	p11_add(t, CKA_EC_PARAMS, key.curve->algorithm + key.curve->algorithm_len - key.curve->oid_len, key.curve->oid_len);
	p11_add(t, CKA_VALUE, key.secret, key.secret_len);
	return HUFU_OK;
}

/* bytes: where RSA's numbers are written to. */
static enum hufu_err add_value(struct p11_template *t, enum hufu_key_type type, const uint8_t *clear, size_t len,
                               struct rsa_bytes *bytes)
{
	if (type == HUFU_KEY_RSA_PRIVATE)
		return add_rsa(t, clear, len, bytes);
	if (type == HUFU_KEY_EC_PRIVATE || type == HUFU_KEY_EDWARDS_PRIVATE)
		return add_curve(t, type, clear, len);
	if (type == HUFU_KEY_SM2_PRIVATE)
		p11_add(t, CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN);
	p11_add(t, CKA_VALUE, clear, len);
	return HUFU_OK;
}

static enum hufu_err give_public(struct hufu_op *op, const uint8_t *clear, size_t len)
{
	op->out_len = len;
	if (len > op->out_cap)
		return HUFU_ERR_BUFFER;
	memcpy(op->out, clear, len);
	return HUFU_OK;
}

static enum hufu_err take_in(struct hufu_lease *lease, struct hufu_op *op, const uint8_t *clear, size_t len,
                             struct rsa_bytes *bytes)
{
	struct p11_template t = {.n = 0};
	CK_OBJECT_HANDLE object;
	enum hufu_err err = p11_add_key(&t, lease->device, op->new_type, true);

	if (err == HUFU_OK)
		err = add_value(&t, op->new_type, clear, len, bytes);
	if (err == HUFU_OK)
		err = p11_answer(lease, P11_CALL(lease->device->module, C_CreateObject, lease->session, t.list, t.n, &object));
	if (err != HUFU_OK)
		return err;
	err = p11_wrap(lease, object, op);
	destroy(lease, object);
	return err;
}

#define CLEAR_MAX 8192

enum hufu_err p11_import(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;
	uint8_t pub[HUFU_PUB_MAX];
	size_t len = 0, pub_len = 0;

	(void)offer;
	if (!p11_key_kind(device, op->new_type, &object_class, &key_type))
		return HUFU_ERR_NO_KEY; /* a kind that this token does not keep; others may */
	uint8_t *clear = device->host->secret_alloc(CLEAR_MAX + sizeof(struct rsa_bytes));
	if (!clear)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = read_clear(device, op, clear, CLEAR_MAX, &len, pub, &pub_len);
	if (err == HUFU_OK && object_class == CKO_PUBLIC_KEY)
		err = give_public(op, clear, len);
	else if (err == HUFU_OK)
		err = take_in(lease, op, clear, len, (struct rsa_bytes *)(clear + CLEAR_MAX));
	device->host->secret_free(clear);
	if (err == HUFU_ERR_UNSUPPORTED) /* keys of other kinds are taken in */
		err = HUFU_ERR_NO_KEY;
	if (err == HUFU_OK && op->pub && pub_len <= HUFU_PUB_MAX)
		memcpy(op->pub, pub, op->pub_len = pub_len);
	return err;
}
