/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of derived keys. Key agreement is a device's, and so is encrypting
 * data; the rest is computed on this host from a value that a device exports.
 */
#include "base/secret.h"
#include "crypto/kdf.h"
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "token/derive_impl.h"
#include "token/point.h"
#include "token/policy.h"
#include "token/rv.h"

#include <string.h>

#define BLOCK 16
#define POINT_MAX 136            /* P-521's, in an OCTET STRING */
#define AGREED_MAX 80
#define PBKDF2_ITERATIONS_MAX 100000000u

/* The parameter, out of memory that may be aligned in any way. */
static CK_RV take(const struct derivation *d, void *to, size_t size)
{
	if (!d->m->pParameter || d->m->ulParameterLen != size)
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(to, d->m->pParameter, size);
	return CKR_OK;
}

static bool is_view(const void *data, CK_ULONG len)
{
	return len <= DERIVE_MAX && (data || !len);
}

static struct bytes_view view(const void *data, size_t len)
{
	return (struct bytes_view){.data = data, .len = len};
}

static CK_RV rv_of_kdf(enum hufu_err err)
{
	return err == HUFU_ERR_PARAM || err == HUFU_ERR_UNSUPPORTED ? CKR_MECHANISM_PARAM_INVALID : rv_of(err);
}

/* The leading bytes of what is there, unless all are wanted. */
static CK_RV cut(struct derivation *d, size_t have)
{
	d->len = d->wanted ? d->wanted : have;
	return d->len <= have ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

/* Length of what a key derivation function shall give. */
static CK_RV set_len(struct derivation *d, size_t otherwise)
{
	d->len = d->wanted ? d->wanted : otherwise;
	return d->len && d->len <= DERIVE_MAX ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

/* -- key agreement (6.3.17 to 6.3.20) ---------------------------------------------- */

enum kdf_form { KDF_NONE, KDF_X963, KDF_SP800 };

/* False: no function of ours. */
static bool kdf_of(CK_ULONG kdf, enum kdf_form *form, enum hash_id *hash)
{
	static const struct {
		CK_ULONG kdf;
		enum kdf_form form;
		enum hash_id hash;
	} rows[] = {
		{CKD_NULL, KDF_NONE, HASH_NONE},
		{CKD_SHA1_KDF, KDF_X963, HASH_SHA1}, {CKD_SHA224_KDF, KDF_X963, HASH_SHA224},
		{CKD_SHA256_KDF, KDF_X963, HASH_SHA256}, {CKD_SHA384_KDF, KDF_X963, HASH_SHA384},
		{CKD_SHA512_KDF, KDF_X963, HASH_SHA512}, {CKD_SHA3_224_KDF, KDF_X963, HASH_SHA3_224},
		{CKD_SHA3_256_KDF, KDF_X963, HASH_SHA3_256}, {CKD_SHA3_384_KDF, KDF_X963, HASH_SHA3_384},
		{CKD_SHA3_512_KDF, KDF_X963, HASH_SHA3_512},
		{CKD_SHA1_KDF_SP800, KDF_SP800, HASH_SHA1}, {CKD_SHA224_KDF_SP800, KDF_SP800, HASH_SHA224},
		{CKD_SHA256_KDF_SP800, KDF_SP800, HASH_SHA256}, {CKD_SHA384_KDF_SP800, KDF_SP800, HASH_SHA384},
		{CKD_SHA512_KDF_SP800, KDF_SP800, HASH_SHA512}, {CKD_SHA3_224_KDF_SP800, KDF_SP800, HASH_SHA3_224},
		{CKD_SHA3_256_KDF_SP800, KDF_SP800, HASH_SHA3_256}, {CKD_SHA3_384_KDF_SP800, KDF_SP800, HASH_SHA3_384},
		{CKD_SHA3_512_KDF_SP800, KDF_SP800, HASH_SHA3_512},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].kdf == kdf) {
			*form = rows[i].form;
			*hash = rows[i].hash;
			return true;
		}
	return false;
}

/*
 * 6.3.17: the other's point as a string of octets; "a token MUST be able to
 * accept this value encoded as a raw octet string", and clients send the OCTET
 * STRING of CKA_EC_POINT as well. No raw point is of the lengths that an OCTET
 * STRING of one has.
 */
static struct bytes_view peer_of(const uint8_t *p, size_t len)
{
	static const size_t points[] = {65, 97, 133, 32, 56};
	size_t head = len > 2 && p[1] == 0x81 ? 3 : 2;
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		if (len == points[i] + head && p[0] == 0x04 && p[head - 1] == points[i] && (len <= 58 || p[head] == 0x04))
			return view(p + head, points[i]);
	return view(p, len);
}

static CK_RV agree(struct derivation *d, struct bytes_view peer, uint8_t z[AGREED_MAX], size_t *len)
{
	struct hufu_param_agree param = {.peer = peer.data, .peer_len = peer.len,
	                                 .cofactor = d->mech->type == CKM_ECDH1_COFACTOR_DERIVE};
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_DERIVE, .mechanism = d->mech->device_mechanism, .param = &param, .out = z,
		       .out_cap = AGREED_MAX, .repeatable = true},
		.key = d->base->key,
		.may_park = true,
	};
	enum hufu_err err = pool_run(d->session->token->pool, &req);
	*len = req.op.out_len;
	return err == HUFU_ERR_KEY_VALUE ? CKR_MECHANISM_PARAM_INVALID : rv_of_kdf(err);
}

/* Without a function, "the truncation removes bytes from the leading end of the secret value". */
static CK_RV cut_trailing(struct derivation *d, const uint8_t *z, size_t z_len)
{
	CK_RV rv = cut(d, z_len);
	if (rv == CKR_OK)
		memcpy(d->value, z + z_len - d->len, d->len);
	return rv;
}

static CK_RV expand_agreed(struct derivation *d, const CK_ECDH1_DERIVE_PARAMS *p, const uint8_t *z, size_t z_len)
{
	enum kdf_form form;
	enum hash_id hash;
	if (!kdf_of(p->kdf, &form, &hash) || (form == KDF_NONE && p->ulSharedDataLen))
		return CKR_MECHANISM_PARAM_INVALID;
	if (form == KDF_NONE)
		return cut_trailing(d, z, z_len);
	struct bytes_view shared = view(p->pSharedData, p->ulSharedDataLen);
	CK_RV rv = set_len(d, hash_len(hash));
	if (rv != CKR_OK)
		return rv;
	return rv_of_kdf(form == KDF_X963 ? kdf_x963(hash, view(z, z_len), shared, d->value, d->len) :
	                                   kdf_single_step(hash, view(z, z_len), shared, d->value, d->len));
}

static CK_RV derive_agreed(struct derivation *d)
{
	CK_ECDH1_DERIVE_PARAMS p;
	uint8_t z[AGREED_MAX];
	size_t z_len;
	CK_RV rv = take(d, &p, sizeof p);
	if (rv != CKR_OK)
		return rv;
	if (!is_view(p.pSharedData, p.ulSharedDataLen) || !p.pPublicData || !p.ulPublicDataLen || p.ulPublicDataLen > POINT_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	rv = agree(d, peer_of(p.pPublicData, p.ulPublicDataLen), z, &z_len);
	if (rv == CKR_OK)
		rv = expand_agreed(d, &p, z, z_len);
	secret_wipe(z, sizeof z);
	return rv;
}

/* -- SM2 key exchange (GB/T 32918.3) ------------------------------------------------- */

/* The peer's: checked here, before a device sees it. */
static bool read_point(const CK_BYTE *p, CK_ULONG len, uint8_t point[SM2_POINT_LEN])
{
	return p && point_decode(p, len, point) && point_on_curve(point);
}

static bool own_point(const struct object *key, uint8_t point[SM2_POINT_LEN])
{
	const CK_ATTRIBUTE *attr = attrs_get(&key->attrs, CKA_EC_POINT);
	return attr && point_decode(attr->pValue, attr->ulValueLen, point);
}

static bool is_id(const CK_BYTE *id, CK_ULONG len)
{
	return len <= SM2_ID_MAX && (id || !len);
}

static CK_RV read_agreement(struct derivation *d, const CK_HUFU_SM2_KEY_AGREEMENT_PARAMS *p, struct hufu_param_sm2_agree *a)
{
	if (p->ulRole > HUFU_SM2_RESPONDER || !is_id(p->pOwnId, p->ulOwnIdLen) || !is_id(p->pPeerId, p->ulPeerIdLen) ||
	    !read_point(p->pPeerStatic, p->ulPeerStaticLen, a->peer_static) ||
	    !read_point(p->pPeerEphemeral, p->ulPeerEphemeralLen, a->peer_ephemeral))
		return CKR_MECHANISM_PARAM_INVALID;
	a->initiator = p->ulRole == HUFU_SM2_INITIATOR;
	a->own_id = p->pOwnId;
	a->own_id_len = p->ulOwnIdLen;
	a->peer_id = p->pPeerId;
	a->peer_id_len = p->ulPeerIdLen;
	a->key_len = d->len;
	CK_RV rv = derive_second_private(d, p->hOwnEphemeral);
	if (rv == CKR_OK && (!own_point(d->base, a->own_static) || !own_point(d->second, a->own_ephemeral)))
		rv = CKR_KEY_TYPE_INCONSISTENT;
	return rv;
}

/* K || S1 || S2 */
static CK_RV run_agreement(struct derivation *d, const struct hufu_param_sm2_agree *a, uint8_t *out, size_t len)
{
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_DERIVE, .mechanism = d->mech->device_mechanism, .param = a, .out = out, .out_cap = len,
		       .repeatable = true},
		.key = d->base->key,
		.subject = d->second->key,
		.may_park = true,
	};
	enum hufu_err err = pool_run(d->session->token->pool, &req);
	if (err == HUFU_ERR_KEY_VALUE)
		return CKR_MECHANISM_PARAM_INVALID;
	return err == HUFU_OK && req.op.out_len != len ? CKR_DEVICE_ERROR : rv_of_kdf(err);
}

static CK_RV derive_sm2_agreed(struct derivation *d)
{
	CK_HUFU_SM2_KEY_AGREEMENT_PARAMS p;
	struct hufu_param_sm2_agree a;
	CK_RV rv = take(d, &p, sizeof p);
	if (rv == CKR_OK)
		rv = set_len(d, SM3_DIGEST_LEN);
	if (rv == CKR_OK)
		rv = read_agreement(d, &p, &a);
	if (rv != CKR_OK)
		return rv;
	size_t len = d->len + 2 * SM3_DIGEST_LEN;
	uint8_t *out = secret_alloc(len);
	if (!out)
		return CKR_HOST_MEMORY;
	rv = run_agreement(d, &a, out, len);
	if (rv == CKR_OK)
		memcpy(d->value, out, d->len);
	if (rv == CKR_OK && p.pS1)
		memcpy(p.pS1, out + d->len, SM3_DIGEST_LEN);
	if (rv == CKR_OK && p.pS2)
		memcpy(p.pS2, out + d->len + SM3_DIGEST_LEN, SM3_DIGEST_LEN);
	secret_free(out);
	return rv;
}

/* -- encrypted data (6.15) ------------------------------------------------------------- */

static CK_RV encrypt_data(struct derivation *d, const uint8_t *data, size_t len, const struct hufu_param_iv *iv)
{
	if (!data || len < BLOCK || len % BLOCK || len > DERIVE_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = d->mech->device_mechanism, .param = iv, .in = data, .in_len = len,
		       .out = d->value, .out_cap = DERIVE_MAX, .repeatable = true},
		.key = d->base->key,
	};
	CK_RV rv = policy_use(d->session, d->mech, d->base, CKF_ENCRYPT);
	if (rv == CKR_OK)
		rv = rv_of(pool_run(d->session->token->pool, &req));
	if (rv == CKR_OK && req.op.out_len != len)
		rv = CKR_DEVICE_ERROR;
	return rv == CKR_OK ? cut(d, len) : rv;
}

static CK_RV derive_ecb_data(struct derivation *d)
{
	CK_KEY_DERIVATION_STRING_DATA p;
	CK_RV rv = take(d, &p, sizeof p);
	return rv == CKR_OK ? encrypt_data(d, p.pData, p.ulLen, NULL) : rv;
}

static CK_RV derive_cbc_data(struct derivation *d)
{
	CK_AES_CBC_ENCRYPT_DATA_PARAMS p;
	struct hufu_param_iv iv = {0};
	CK_RV rv = take(d, &p, sizeof p);
	if (rv != CKR_OK)
		return rv;
	memcpy(iv.iv, p.iv, sizeof iv.iv);
	return encrypt_data(d, p.pData, p.length, &iv);
}

/* -- from the value of a key -------------------------------------------------------------- */

/* As many bytes as may follow what is already there. */
static CK_RV append(struct derivation *d, size_t *at, const void *data, size_t len)
{
	if (len > DERIVE_MAX - *at)
		return CKR_KEY_SIZE_RANGE;
	if (len)
		memcpy(d->value + *at, data, len);
	*at += len;
	return CKR_OK;
}

static CK_RV append_key(struct derivation *d, size_t *at, struct object *key)
{
	uint8_t *value;
	size_t len;
	CK_RV rv = key_export(key, &value, &len);
	if (rv != CKR_OK)
		return rv == CKR_KEY_UNEXTRACTABLE ? CKR_KEY_FUNCTION_NOT_PERMITTED : rv;
	rv = append(d, at, value, len);
	secret_free(value);
	return rv;
}

/*
 * DESIGN 3: a derivation that takes a key to pieces, or puts chosen bytes beside
 * or over it, tells the key byte by byte (a new key of one byte has 256 values).
 * So it takes only keys whose value may be read anyway.
 */
static bool may_be_taken_apart(const struct object *key)
{
	return !attrs_bool(&key->attrs, CKA_SENSITIVE, true) && attrs_bool(&key->attrs, CKA_EXTRACTABLE, false);
}

/* 6.43.2 to 6.43.4: base, data and second key in the mechanism's order. */
static CK_RV derive_concatenated_key(struct derivation *d)
{
	CK_OBJECT_HANDLE handle;
	size_t len = 0;
	CK_RV rv = take(d, &handle, sizeof handle);
	if (rv == CKR_OK)
		rv = derive_second(d, handle);
	if (rv == CKR_OK && (!may_be_taken_apart(d->base) || !may_be_taken_apart(d->second)))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK)
		rv = append_key(d, &len, d->base);
	if (rv == CKR_OK)
		rv = append_key(d, &len, d->second);
	return rv == CKR_OK ? cut(d, len) : rv;
}

static CK_RV take_data(const struct derivation *d, struct bytes_view *data)
{
	CK_KEY_DERIVATION_STRING_DATA p;
	CK_RV rv = take(d, &p, sizeof p);
	if (rv != CKR_OK)
		return rv;
	if (!p.pData || !p.ulLen || !is_view(p.pData, p.ulLen))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!may_be_taken_apart(d->base))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	*data = view(p.pData, p.ulLen);
	return CKR_OK;
}

static CK_RV derive_base_and_data(struct derivation *d)
{
	struct bytes_view data;
	size_t len = 0;
	CK_RV rv = take_data(d, &data);
	if (rv == CKR_OK)
		rv = append_key(d, &len, d->base);
	if (rv == CKR_OK)
		rv = append(d, &len, data.data, data.len);
	return rv == CKR_OK ? cut(d, len) : rv;
}

static CK_RV derive_data_and_base(struct derivation *d)
{
	struct bytes_view data;
	size_t len = 0;
	CK_RV rv = take_data(d, &data);
	if (rv == CKR_OK)
		rv = append(d, &len, data.data, data.len);
	if (rv == CKR_OK)
		rv = append_key(d, &len, d->base);
	return rv == CKR_OK ? cut(d, len) : rv;
}

/* 6.43.5: as long as the shorter of the two. */
static CK_RV derive_xored(struct derivation *d)
{
	struct bytes_view data;
	size_t len = 0;
	CK_RV rv = take_data(d, &data);
	if (rv == CKR_OK)
		rv = append_key(d, &len, d->base);
	if (rv != CKR_OK)
		return rv;
	if (len > data.len)
		len = data.len;
	for (size_t i = 0; i < len; i++)
		d->value[i] ^= data.data[i];
	return cut(d, len);
}

/* 6.43.6: from a bit on, counted from the first byte's highest; it wraps around at the end of the key. */
static CK_RV derive_extracted(struct derivation *d)
{
	CK_EXTRACT_PARAMS first;
	uint8_t *key;
	size_t len;
	CK_RV rv = take(d, &first, sizeof first);
	if (rv == CKR_OK && !may_be_taken_apart(d->base))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK && !d->wanted)
		rv = CKR_TEMPLATE_INCOMPLETE;
	if (rv == CKR_OK)
		rv = key_export(d->base, &key, &len);
	if (rv != CKR_OK)
		return rv;
	if (first / 8 >= len)
		rv = CKR_MECHANISM_PARAM_INVALID;
	else
		rv = cut(d, len);
	for (size_t i = 0; rv == CKR_OK && i < d->len; i++) {
		unsigned high = key[(first / 8 + i) % len], low = key[(first / 8 + i + 1) % len];
		d->value[i] = (uint8_t)((high << 8 | low) >> (8 - first % 8));
	}
	secret_free(key);
	return rv;
}

/* -- HKDF (6.62) ------------------------------------------------------------------------------ */

struct salt {
	struct bytes_view bytes;
	uint8_t *of_key;                /* secret */
};

static CK_RV take_salt(struct derivation *d, const CK_HKDF_PARAMS *p, struct salt *salt)
{
	size_t len;
	switch (p->ulSaltType) {
	case CKF_HKDF_SALT_NULL:
		return CKR_OK;
	case CKF_HKDF_SALT_DATA:
		salt->bytes = view(p->pSalt, p->ulSaltLen);
		return is_view(p->pSalt, p->ulSaltLen) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
	case CKF_HKDF_SALT_KEY:
		break;
	default:
		return CKR_MECHANISM_PARAM_INVALID;
	}
	CK_RV rv = derive_second(d, p->hSaltKey);
	if (rv == CKR_OK && !attrs_bool(&d->second->attrs, CKA_DERIVE, false))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK)
		rv = key_export(d->second, &salt->of_key, &len);
	if (rv == CKR_OK)
		salt->bytes = view(salt->of_key, len);
	return rv == CKR_KEY_UNEXTRACTABLE ? CKR_KEY_FUNCTION_NOT_PERMITTED : rv;
}

static CK_RV hkdf(struct derivation *d, const CK_HKDF_PARAMS *p, enum hash_id hash, struct bytes_view salt)
{
	enum hkdf_mode mode = !p->bExpand ? HKDF_EXTRACT_ONLY : p->bExtract ? HKDF_EXTRACT_AND_EXPAND : HKDF_EXPAND_ONLY;
	uint8_t *key;
	size_t len;
	CK_RV rv = set_len(d, hash_len(hash));
	if (rv != CKR_OK || (mode == HKDF_EXTRACT_ONLY && d->len != hash_len(hash)) || d->len > 255 * hash_len(hash))
		return CKR_KEY_SIZE_RANGE;
	rv = key_export(d->base, &key, &len);
	if (rv != CKR_OK)
		return rv == CKR_KEY_UNEXTRACTABLE ? CKR_KEY_FUNCTION_NOT_PERMITTED : rv;
	rv = rv_of_kdf(kdf_hkdf(hash, mode, view(key, len), salt, view(p->pInfo, p->ulInfoLen), d->value, d->len));
	secret_free(key);
	return rv;
}

static CK_RV derive_hkdf(struct derivation *d)
{
	CK_HKDF_PARAMS p;
	struct salt salt = {.of_key = NULL};
	CK_RV rv = take(d, &p, sizeof p);
	if (rv != CKR_OK)
		return rv;
	enum hash_id hash = hash_of_digest(p.prfHashMechanism);
	if (hash == HASH_NONE || (!p.bExtract && !p.bExpand) || !is_view(p.pInfo, p.ulInfoLen))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p.bExtract)
		rv = take_salt(d, &p, &salt);
	if (rv == CKR_OK)
		rv = hkdf(d, &p, hash, salt.bytes);
	secret_free(salt.of_key);
	return rv;
}

/* -- PBKDF2 (6.40) ------------------------------------------------------------------------------ */

static enum hash_id hash_of_prf(CK_ULONG prf)
{
	switch (prf) {
	case CKP_PKCS5_PBKD2_HMAC_SHA1: return HASH_SHA1;
	case CKP_PKCS5_PBKD2_HMAC_SHA224: return HASH_SHA224;
	case CKP_PKCS5_PBKD2_HMAC_SHA256: return HASH_SHA256;
	case CKP_PKCS5_PBKD2_HMAC_SHA384: return HASH_SHA384;
	case CKP_PKCS5_PBKD2_HMAC_SHA512: return HASH_SHA512;
	case CKP_PKCS5_PBKD2_HMAC_SHA512_224: return HASH_SHA512_224;
	case CKP_PKCS5_PBKD2_HMAC_SHA512_256: return HASH_SHA512_256;
	default: return HASH_NONE;
	}
}

/*
 * The older CK_PKCS5_PBKD2_PARAMS, of the same size, has a pointer to the length in the place of the length; errata 01 of
 * PKCS#11 2.40 made PARAMS2 of it. NSS passes the older. No password is 4 GiB long, and no stack is below that.
 */
static CK_ULONG password_len(const CK_PKCS5_PBKD2_PARAMS2 *p)
{
	uintptr_t address = p->ulPasswordLen;
	CK_ULONG len = p->ulPasswordLen;
	if (address > UINT32_MAX && address % sizeof len == 0)
		memcpy(&len, (const void *)address, sizeof len);
	return len;
}

CK_RV derive_from_password(struct derivation *d)
{
	CK_PKCS5_PBKD2_PARAMS2 p;
	CK_RV rv = take(d, &p, sizeof p);
	if (rv != CKR_OK)
		return rv;
	p.ulPasswordLen = password_len(&p);
	enum hash_id hash = hash_of_prf(p.prf);
	if (hash == HASH_NONE || p.saltSource != CKZ_SALT_SPECIFIED || p.ulPrfDataLen || p.iterations < 1 ||
	    p.iterations > PBKDF2_ITERATIONS_MAX || !is_view(p.pSaltSourceData, p.ulSaltSourceDataLen) ||
	    !is_view(p.pPassword, p.ulPasswordLen))
		return CKR_MECHANISM_PARAM_INVALID;
	rv = set_len(d, 0);
	if (rv != CKR_OK)
		return rv;
	return rv_of_kdf(kdf_pbkdf2(hash, view(p.pPassword, p.ulPasswordLen), view(p.pSaltSourceData, p.ulSaltSourceDataLen),
	                            p.iterations, d->value, d->len));
}

/* -- which ------------------------------------------------------------------------------------------ */

CK_RV derive_value(struct derivation *d)
{
	switch (d->mech->type) {
	case CKM_ECDH1_DERIVE:
	case CKM_ECDH1_COFACTOR_DERIVE: return derive_agreed(d);
	case CKM_HUFU_SM2_KEY_AGREEMENT: return derive_sm2_agreed(d);
	case CKM_AES_ECB_ENCRYPT_DATA: return derive_ecb_data(d);
	case CKM_AES_CBC_ENCRYPT_DATA: return derive_cbc_data(d);
	case CKM_CONCATENATE_BASE_AND_KEY: return derive_concatenated_key(d);
	case CKM_CONCATENATE_BASE_AND_DATA: return derive_base_and_data(d);
	case CKM_CONCATENATE_DATA_AND_BASE: return derive_data_and_base(d);
	case CKM_XOR_BASE_AND_DATA: return derive_xored(d);
	case CKM_EXTRACT_KEY_FROM_KEY: return derive_extracted(d);
	case CKM_HKDF_DERIVE: return derive_hkdf(d);
	default: return CKR_MECHANISM_INVALID;
	}
}
