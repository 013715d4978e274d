/* SPDX-License-Identifier: Apache-2.0 */
/* EdDSA on edwards25519 and edwards448 (RFC 8032, FIPS 186-5 7), pure, with an empty context. */
#include "driver/soft/curve.h"

#include <openssl/bn.h>

#include "crypto/context.h"

#define SIGNATURE_MAX 114 /* Ed448 */

/* -- is it a point? --------------------------------------------------------------- */

/*
 * x^2 + y^2 = 1 + d x^2 y^2 on edwards448, -x^2 + y^2 = ... on edwards25519,
 * with d = dn / dd: solved for x^2, a fraction u / v.
 */
static const struct equation {
	size_t len;
	const char *p, *dn, *dd;
	bool minus;                    /* -x^2 */
} equations[] = {
	{32, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed", "-1DB41", "1DB42", true},
	{57, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	 "-98A9", "1", false},
};

static const struct equation *equation_of(const struct curve *curve)
{
	return curve->len == equations[0].len ? &equations[0] : &equations[1];
}

/* u = dd (y^2 - 1), v = dn y^2 - dd, or + dd with -x^2. v is never 0: dd / dn is no square. */
static bool solve(const struct equation *e, const BIGNUM *p, const BIGNUM *y, BIGNUM *u, BIGNUM *v, BN_CTX *ctx)
{
	BIGNUM *dn = NULL, *dd = NULL;
	bool good = BN_hex2bn(&dn, e->dn) && BN_hex2bn(&dd, e->dd) && BN_mod_sqr(u, y, p, ctx) && BN_mod_mul(v, u, dn, p, ctx) &&
	            (e->minus ? BN_mod_add(v, v, dd, p, ctx) : BN_mod_sub(v, v, dd, p, ctx)) && BN_sub_word(u, 1) &&
	            BN_mod_mul(u, u, dd, p, ctx);

	BN_free(dn);
	BN_free(dd);
	return good;
}

/* RFC 8032 5.1.3, 5.2.3: y is below p, u / v a square, and 0 has no negative. */
static enum hufu_err check_y(const struct equation *e, const BIGNUM *y, bool negative, BN_CTX *ctx)
{
	BIGNUM *p = NULL, *u = BN_CTX_get(ctx), *v = BN_CTX_get(ctx);
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (v && BN_hex2bn(&p, e->p) && solve(e, p, y, u, v, ctx)) {
		bool zero = BN_is_zero(u);
		if (BN_cmp(y, p) >= 0 || (zero && negative))
			err = HUFU_ERR_KEY_VALUE;
		else if (BN_mod_mul(u, u, v, p, ctx))
			err = zero || BN_kronecker(u, p, ctx) == 1 ? HUFU_OK : HUFU_ERR_KEY_VALUE;
	}
	BN_free(p);
	return err;
}

/* libcrypto takes any bytes for a public key; nothing could ever be verified with most of them. */
enum hufu_err edwards_check_point(const struct curve *curve, const uint8_t *point)
{
	uint8_t bytes[CURVE_LEN_MAX];
	BN_CTX *ctx = BN_CTX_new_ex(libcrypto_context());
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (!ctx)
		return err;
	BN_CTX_start(ctx);
	memcpy(bytes, point, curve->len);
	bytes[curve->len - 1] &= 0x7f;
	BIGNUM *y = BN_CTX_get(ctx);
	if (y && BN_lebin2bn(bytes, (int)curve->len, y))
		err = check_y(equation_of(curve), y, point[curve->len - 1] >> 7, ctx);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return err;
}

/* -- signatures --------------------------------------------------------------------- */

static size_t signature_len(const struct raw_key *k)
{
	return 2 * k->curve->len;
}

/* A context for each operation: beside the work on the curve, its making cannot be measured. */
static enum hufu_err verify_with(const struct raw_key *k, const uint8_t *in, size_t in_len, const uint8_t *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, libcrypto_context(), NULL, k->evp.pkey, NULL) == 1)
		err = EVP_DigestVerify(ctx, signature, signature_len(k), in, in_len) == 1 ? HUFU_OK : HUFU_ERR_SIGNATURE;
	EVP_MD_CTX_free(ctx);
	return err;
}

/*
 * Verified before it is released: the nonce depends on key and message alone, so
 * that of two signatures, one of them computed with a fault, the key follows.
 */
static enum hufu_err sign_with(const struct raw_key *k, const uint8_t *in, size_t in_len, uint8_t signature[SIGNATURE_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = signature_len(k);
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, libcrypto_context(), NULL, k->evp.pkey, NULL) == 1 &&
	    EVP_DigestSign(ctx, signature, &len, in, in_len) == 1)
		err = verify_with(k, in, in_len, signature);
	EVP_MD_CTX_free(ctx);
	return err == HUFU_ERR_SIGNATURE ? HUFU_ERR_CORRUPT : err;
}

/* An empty message is one, too; libcrypto asks for a pointer. */
static enum hufu_err message_of(const struct hufu_op *op, const uint8_t **message)
{
	static const uint8_t empty[1];

	*message = op->in ? op->in : empty;
	return op->in || !op->in_len ? HUFU_OK : HUFU_ERR_DATA_LEN;
}

static enum hufu_err sign(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t signature[SIGNATURE_MAX];
	const uint8_t *message;
	const void *loaded;
	enum hufu_err err = message_of(op, &message);

	if (err == HUFU_OK)
		err = soft_load(host, op->key, &loaded);
	if (err == HUFU_OK)
		err = soft_room(op, signature_len(loaded));
	if (err != HUFU_OK)
		return err;
	soft_evp_begin();
	err = soft_evp_end(sign_with(loaded, message, op->in_len, signature));
	if (err == HUFU_OK)
		memcpy(op->out, signature, op->out_len);
	secret_wipe(signature, sizeof(signature));
	return err;
}

static enum hufu_err verify(const struct hufu_host *host, struct hufu_op *op)
{
	const uint8_t *message;
	const void *loaded;
	enum hufu_err err = message_of(op, &message);

	if (err == HUFU_OK)
		err = soft_load(host, op->key, &loaded);
	if (err != HUFU_OK)
		return err;
	if (!op->in2 || op->in2_len != signature_len(loaded))
		return HUFU_ERR_SIGNATURE_LEN;
	soft_evp_begin();
	return soft_evp_end(verify_with(loaded, message, op->in_len, op->in2));
}

/* -- keys ------------------------------------------------------------------------------- */

/* FIPS 140-3 IG 10.3.A: a new pair signs and verifies. */
static enum hufu_err check_pair(const struct raw_key *k)
{
	static const uint8_t message[32];
	uint8_t signature[SIGNATURE_MAX];

	soft_evp_begin();
	enum hufu_err err = soft_evp_end(sign_with(k, message, sizeof(message), signature));
	secret_wipe(signature, sizeof(signature));
	return err;
}

static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op)
{
	return raw_key_generate(host, op, HUFU_KEY_EDWARDS_PRIVATE, check_pair);
}

#define KIND(type) \
	{type, CURVE_FORM_MIN, CURVE_FORM_MAX, sizeof(struct raw_key), raw_key_expand, raw_key_forget, raw_key_import, true}

const struct soft_kind soft_edwards_kinds[] = {
	KIND(HUFU_KEY_EDWARDS_PRIVATE),
	KIND(HUFU_KEY_EDWARDS_PUBLIC),
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

const struct soft_row soft_edwards_rows[] = {
	{CKM_EC_EDWARDS_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, false, generate, 255, 448},
	{CKM_EDDSA, HUFU_VERB_SIGN, HUFU_KEY_EDWARDS_PRIVATE, false, sign, 255, 448},
	{CKM_EDDSA, HUFU_VERB_VERIFY, HUFU_KEY_EDWARDS_PUBLIC, false, verify, 255, 448},
	{0, 0, 0, false, NULL, 0, 0},
};
