/* SPDX-License-Identifier: Apache-2.0 */
#include "token/key_size.h"
#include "token/curve.h"

static const struct curve *curve_of(const struct object *key)
{
	const CK_ATTRIBUTE *params = attrs_get(&key->attrs, CKA_EC_PARAMS);
	return params ? curve_of_oid((struct der_view){params->pValue, params->ulValueLen}) : NULL;
}

static size_t curve_nbits(const struct object *key)
{
	const struct curve *curve = curve_of(key);
	return curve ? curve->nbits : 0;
}

/* Of a big integer, which may begin with zeros. */
static size_t modulus_nbits(const struct object *key)
{
	const CK_ATTRIBUTE *modulus = attrs_get(&key->attrs, CKA_MODULUS);
	const uint8_t *p = modulus ? modulus->pValue : NULL;
	size_t len = modulus ? modulus->ulValueLen : 0;
	while (len && *p == 0) {
		p++;
		len--;
	}
	return len ? 8 * len - (size_t)(__builtin_clz(*p) - 24) : 0;
}

size_t key_nbits(const struct object *key)
{
	switch (key->key_type) {
	case CKK_RSA: return modulus_nbits(key);
	case CKK_EC:
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY: return curve_nbits(key);
	default: return 8 * attrs_ulong(&key->attrs, CKA_VALUE_LEN, 0);
	}
}

size_t key_modulus_len(const struct object *key)
{
	return key->key_type == CKK_RSA ? (modulus_nbits(key) + 7) / 8 : 0;
}

size_t key_curve_sig_len(const struct object *key)
{
	const struct curve *curve = curve_of(key);
	if (key->key_type == CKK_EC && curve)
		return 2 * curve->scalar_len;
	/* R is a point: y, and a bit for the sign of x. */
	return key->key_type == CKK_EC_EDWARDS && curve ? 2 * curve->point_len : 0;
}
