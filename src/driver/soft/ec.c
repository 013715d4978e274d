/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA (FIPS 186-5 6) and ECDH (SP 800-56A 5.7.1.2) on P-256, P-384 and P-521.
 *
 * With libcrypto's EC_KEY, not its EVP layer: an EC_KEY that is not changed may
 * be used by any number of threads at once, so that signing needs no context of
 * its own, and its results are numbers, where EVP's are DER to be taken apart.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "driver/soft/curve.h"

#include <limits.h>
#include <openssl/ec.h>

#include "crypto/context.h"

struct ec {
	uint32_t epoch;
	const struct curve *curve;
	EC_KEY *key;
};

/* -- keys -------------------------------------------------------------------------- */

/* d < n, in constant time: the borrow of d - n. */
static bool below(const uint8_t *d, const uint8_t *n, size_t len)
{
	unsigned borrow = 0;

	while (len--)
		borrow = ((unsigned)d[len] - n[len] - borrow) >> (CHAR_BIT * sizeof(borrow) - 1);
	return borrow;
}

/* SP 800-56A 5.6.2.1.2: d lies in [1, n-1]. */
static enum hufu_err check_scalar(const struct ec *ec, const uint8_t d[CURVE_LEN_MAX])
{
	static const uint8_t zero[CURVE_LEN_MAX];
	uint8_t n[CURVE_LEN_MAX];
	size_t len = ec->curve->len;

	if (BN_bn2binpad(EC_GROUP_get0_order(EC_KEY_get0_group(ec->key)), n, (int)len) != (int)len)
		return HUFU_ERR_BUG;
	return below(d, n, len) && !secret_equal(d, zero, len) ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* 04 || x || y, or 02 or 03 || x; SP 800-56A 5.6.2.3.4: a point of the curve, which has prime order. */
static enum hufu_err read_point(const struct ec *ec, const uint8_t *bytes, size_t len, BN_CTX *ctx, EC_POINT *point)
{
	bool compressed = len == 1 + ec->curve->len && (bytes[0] == 0x02 || bytes[0] == 0x03);
	bool uncompressed = len == 1 + 2 * ec->curve->len && bytes[0] == 0x04;

	if (!compressed && !uncompressed)
		return HUFU_ERR_KEY_VALUE;
	return EC_POINT_oct2point(EC_KEY_get0_group(ec->key), point, bytes, len, ctx) == 1 ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* libcrypto keeps d fixed in length and marked for constant time. */
static enum hufu_err set_scalar(struct ec *ec, const struct curve_key *key)
{
	uint8_t d[CURVE_LEN_MAX] = {0};
	size_t len = ec->curve->len;

	memcpy(d + len - key->secret_len, key->secret, key->secret_len);
	enum hufu_err err = check_scalar(ec, d);
	BIGNUM *scalar = err == HUFU_OK ? BN_bin2bn(d, (int)len, NULL) : NULL;
	if (err == HUFU_OK && (!scalar || EC_KEY_set_private_key(ec->key, scalar) != 1))
		err = HUFU_ERR_NO_MEMORY;
	BN_clear_free(scalar);
	secret_wipe(d, sizeof(d));
	return err;
}

/* The point is computed from d, always: one that came with it must be the same. */
static enum hufu_err load_private(struct ec *ec, const struct curve_key *key, BN_CTX *ctx, EC_POINT *point)
{
	const EC_GROUP *group = EC_KEY_get0_group(ec->key);
	enum hufu_err err = set_scalar(ec, key);

	if (err == HUFU_OK && key->public)
		err = read_point(ec, key->public, key->public_len, ctx, point);
	if (err != HUFU_OK)
		return err;
	EC_POINT *computed = EC_POINT_new(group);
	if (!computed || EC_POINT_mul(group, computed, EC_KEY_get0_private_key(ec->key), NULL, NULL, ctx) != 1)
		err = HUFU_ERR_NO_MEMORY;
	else if (key->public && EC_POINT_cmp(group, computed, point, ctx) != 0)
		err = HUFU_ERR_KEY_VALUE;
	else if (EC_KEY_set_public_key(ec->key, computed) != 1)
		err = HUFU_ERR_NO_MEMORY;
	EC_POINT_free(computed);
	return err;
}

static enum hufu_err load_public(struct ec *ec, const struct curve_key *key, BN_CTX *ctx, EC_POINT *point)
{
	enum hufu_err err = read_point(ec, key->public, key->public_len, ctx, point);

	if (err == HUFU_OK && EC_KEY_set_public_key(ec->key, point) != 1)
		err = HUFU_ERR_NO_MEMORY;
	return err;
}

/* With libcrypto's own method, whatever engine the application has made the default one. NULL: out of memory. */
static EC_KEY *key_new(OSSL_LIB_CTX *lib, const struct curve *curve)
{
	EC_KEY *key = EC_KEY_new_by_curve_name_ex(lib, NULL, curve->nid);

	if (key && EC_KEY_set_method(key, EC_KEY_OpenSSL()) == 1)
		return key;
	EC_KEY_free(key);
	return NULL;
}

/* *ec is zero. What is made is freed by forget, even after an error. */
static enum hufu_err load(const struct curve_key *key, struct ec *ec)
{
	OSSL_LIB_CTX *lib = libcrypto_context();
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (!lib)
		return err;
	ec->epoch = libcrypto_epoch();
	ec->curve = key->curve;
	soft_evp_begin();
	ec->key = key_new(lib, key->curve);
	BN_CTX *ctx = BN_CTX_secure_new_ex(lib);
	EC_POINT *point = ec->key ? EC_POINT_new(EC_KEY_get0_group(ec->key)) : NULL;
	if (ctx && point)
		err = key->secret ? load_private(ec, key, ctx, point) : load_public(ec, key, ctx, point);
	EC_POINT_free(point);
	BN_CTX_free(ctx);
	return soft_evp_end(err);
}

static void forget(void *loaded)
{
	EC_KEY_free(((struct ec *)loaded)->key);
}

static enum hufu_err expand(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	struct curve_key read;
	enum hufu_err err = curve_read(kind->type, key->blob, key->blob_len, &read);

	return err == HUFU_OK ? load(&read, loaded) : err;
}

/* The scalar in its full length, the point uncompressed. */
static enum hufu_err give(struct hufu_op *op, const struct ec *ec)
{
	uint8_t d[CURVE_LEN_MAX], point[CURVE_POINT_MAX];
	const BIGNUM *scalar = EC_KEY_get0_private_key(ec->key);
	struct curve_key key = {ec->curve, scalar ? d : NULL, ec->curve->len, point, 1 + 2 * ec->curve->len};
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	soft_evp_begin();
	if (EC_POINT_point2oct(EC_KEY_get0_group(ec->key), EC_KEY_get0_public_key(ec->key), POINT_CONVERSION_UNCOMPRESSED, point,
	                       key.public_len, NULL) == key.public_len &&
	    (!scalar || BN_bn2binpad(scalar, d, (int)key.secret_len) > 0))
		err = curve_give(op, &key);
	secret_wipe(d, sizeof(d));
	return soft_evp_end(err);
}

static enum hufu_err import(const struct hufu_host *host, struct hufu_op *op)
{
	struct curve_key key;
	struct ec ec = {0};
	enum hufu_err err = curve_read(op->new_type, op->in, op->in_len, &key);

	(void)host;
	if (err == HUFU_OK)
		err = load(&key, &ec);
	if (err == HUFU_OK)
		err = give(op, &ec);
	forget(&ec);
	return err;
}

/* -- ECDSA --------------------------------------------------------------------------- */

/* r || s, each as long as the order. k is drawn by libcrypto from its generator, the digest and the key. */
static enum hufu_err sign_with(const struct ec *ec, const uint8_t *digest, size_t len, uint8_t *signature)
{
	int half = (int)ec->curve->len;

	soft_evp_begin();
	ECDSA_SIG *sig = ECDSA_do_sign(digest, (int)len, ec->key);
	bool good = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, half) == half &&
	            BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + half, half) == half;
	ECDSA_SIG_free(sig);
	return soft_evp_end(good ? HUFU_OK : HUFU_ERR_NO_MEMORY);
}

static enum hufu_err verify_with(const struct ec *ec, const uint8_t *digest, size_t len, const uint8_t *signature)
{
	int half = (int)ec->curve->len;
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	soft_evp_begin();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, half, NULL), *s = BN_bin2bn(signature + half, half, NULL);
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* sig's now */
		/* -1, an error to libcrypto, is also its answer where step 6 of FIPS 186-5 6.4.2 ends at the identity. */
		err = ECDSA_do_verify(digest, (int)len, sig, ec->key) == 1 ? HUFU_OK : HUFU_ERR_SIGNATURE;
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return soft_evp_end(err);
}

/* Of any length: what is longer than the order, libcrypto truncates by FIPS 186-5 6.4.1. */
static enum hufu_err check_digest(const struct hufu_op *op)
{
	return op->in && op->in_len && op->in_len <= INT_MAX ? HUFU_OK : HUFU_ERR_DATA_LEN;
}

static enum hufu_err sign(const struct hufu_host *host, struct hufu_op *op)
{
	const void *loaded;
	enum hufu_err err = check_digest(op);

	if (err == HUFU_OK)
		err = soft_load(host, op->key, &loaded);
	if (err == HUFU_OK)
		err = soft_room(op, 2 * ((const struct ec *)loaded)->curve->len);
	return err == HUFU_OK ? sign_with(loaded, op->in, op->in_len, op->out) : err;
}

static enum hufu_err verify(const struct hufu_host *host, struct hufu_op *op)
{
	const void *loaded;
	enum hufu_err err = check_digest(op);

	if (err == HUFU_OK)
		err = soft_load(host, op->key, &loaded);
	if (err != HUFU_OK)
		return err;
	if (!op->in2 || op->in2_len != 2 * ((const struct ec *)loaded)->curve->len)
		return HUFU_ERR_SIGNATURE_LEN;
	return verify_with(loaded, op->in, op->in_len, op->in2);
}

/* -- key pairs ------------------------------------------------------------------------- */

/*
 * FIPS 186-5 A.2.2, testing candidates: the result is not biased. Of P-256 one
 * in 2^32 is refused, of the others fewer: a second failure is the generator's.
 */
static enum hufu_err draw(const struct hufu_host *host, const struct curve *curve, uint8_t d[CURVE_LEN_MAX], struct ec *ec)
{
	const struct curve_key key = {.curve = curve, .secret = d, .secret_len = curve->len};

	for (int tries = 0; tries < 2; tries++) {
		enum hufu_err err = host->random(d, curve->len);
		if (err != HUFU_OK)
			return err;
		if (curve->len == CURVE_LEN_MAX)
			d[0] &= 1; /* 521 bits */
		err = load(&key, ec);
		if (err != HUFU_ERR_KEY_VALUE)
			return err;
		forget(ec);
		*ec = (struct ec){0};
	}
	return HUFU_ERR_RANDOM;
}

/* FIPS 140-3 IG 10.3.A: a new pair signs and verifies. */
static enum hufu_err check_pair(const struct ec *ec)
{
	static const uint8_t digest[32] = {1};
	uint8_t signature[2 * CURVE_LEN_MAX];
	enum hufu_err err = sign_with(ec, digest, sizeof(digest), signature);

	if (err == HUFU_OK)
		err = verify_with(ec, digest, sizeof(digest), signature);
	return err == HUFU_ERR_SIGNATURE ? HUFU_ERR_CORRUPT : err;
}

static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t d[CURVE_LEN_MAX];
	const struct curve *curve;
	struct ec ec = {0};

	if (op->new_type != HUFU_KEY_EC_PRIVATE)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = op->new_len ? HUFU_ERR_KEY_SIZE : curve_of_param(op, HUFU_KEY_EC_PRIVATE, &curve);
	if (err != HUFU_OK)
		return err;
	err = draw(host, curve, d, &ec);
	if (err == HUFU_OK)
		err = check_pair(&ec);
	if (err == HUFU_OK)
		err = give(op, &ec);
	forget(&ec);
	secret_wipe(d, sizeof(d));
	return err;
}

/* -- ECDH ---------------------------------------------------------------------------------- */

/* The cofactor of these curves is 1: with it and without it the result is one. */
static enum hufu_err agree_with(const struct ec *ec, const struct hufu_param_agree *param, uint8_t *out)
{
	size_t len = ec->curve->len;
	EC_POINT *peer = EC_POINT_new(EC_KEY_get0_group(ec->key));
	enum hufu_err err = peer ? read_point(ec, param->peer, param->peer_len, NULL, peer) : HUFU_ERR_NO_MEMORY;

	if (err == HUFU_OK && ECDH_compute_key(out, len, peer, ec->key, NULL) != (int)len)
		err = HUFU_ERR_NO_MEMORY;
	EC_POINT_free(peer);
	return err == HUFU_ERR_KEY_VALUE ? HUFU_ERR_PARAM : err;
}

static enum hufu_err ec_agree(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_agree *param = op->param;
	const void *loaded;
	enum hufu_err err = soft_load(host, op->key, &loaded);

	if (err != HUFU_OK)
		return err;
	const struct ec *ec = loaded;
	if (!param || !param->peer || param->peer_len != 1 + 2 * ec->curve->len)
		return HUFU_ERR_PARAM;
	err = soft_room(op, ec->curve->len);
	if (err != HUFU_OK)
		return err;
	soft_evp_begin();
	return soft_evp_end(agree_with(ec, param, op->out));
}

/* PKCS#11 3.1 2.3.15: one mechanism for both families of curves. */
static enum hufu_err agree(const struct hufu_host *host, struct hufu_op *op)
{
	if (!op->key || op->key->size < sizeof(*op->key))
		return HUFU_ERR_ARGUMENT;
	if (op->key->type == HUFU_KEY_EC_PRIVATE)
		return ec_agree(host, op);
	return op->key->type == HUFU_KEY_MONTGOMERY_PRIVATE ? montgomery_agree(host, op) : HUFU_ERR_KEY_TYPE;
}

const struct soft_kind soft_ec_kinds[] = {
	{HUFU_KEY_EC_PRIVATE, CURVE_FORM_MIN, CURVE_FORM_MAX, sizeof(struct ec), expand, forget, import, true},
	{HUFU_KEY_EC_PUBLIC, CURVE_FORM_MIN, CURVE_FORM_MAX, sizeof(struct ec), expand, forget, import, true},
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

const struct soft_row soft_ec_rows[] = {
	{CKM_EC_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, false, generate, 256, 521},
	{CKM_ECDSA, HUFU_VERB_SIGN, HUFU_KEY_EC_PRIVATE, false, sign, 256, 521},
	{CKM_ECDSA, HUFU_VERB_VERIFY, HUFU_KEY_EC_PUBLIC, false, verify, 256, 521},
	{CKM_ECDH1_DERIVE, HUFU_VERB_DERIVE, 0, false, agree, 255, 521},
	{CKM_ECDH1_COFACTOR_DERIVE, HUFU_VERB_DERIVE, HUFU_KEY_EC_PRIVATE, false, ec_agree, 256, 521},
	{0, 0, 0, false, NULL, 0, 0},
};
