/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: any bytes are a key of RSA or of a curve, or refused; a key that was read is written so that it reads the
 * same. The same bytes as CKA_EC_PARAMS and as CKA_EC_POINT: a curve of ours with a length that it has, or refused.
 */
#include "token/key_form.h"

#include "base/secret.h"
#include "fuzz.h"

#include <string.h>

static const CK_ATTRIBUTE_TYPE parts[] = {CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2,
                                          CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT};

static bool same(struct der_view a, struct der_view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static void check_same(const struct key_form *a, const struct key_form *b, size_t nparts)
{
	if (a->type != b->type || a->curve != b->curve)
		abort();
	for (size_t i = 0; i < nparts; i++) {
		struct der_view x, y;
		if (key_form_part(a, parts[i], &x) != key_form_part(b, parts[i], &y) || !same(x, y))
			abort();
	}
}

static void fuzz_private(const uint8_t *data, size_t len)
{
	struct key_form form, again;
	size_t n;
	if (!key_form_read_private(data, len, &form))
		return;
	uint8_t *der = key_form_write_private(&form, &n);
	if (!der || !key_form_read_private(der, n, &again))
		abort();
	check_same(&form, &again, sizeof parts / sizeof parts[0]);
	if (form.curve) { /* as many bytes as the field has, after it was written */
		size_t zeros = again.scalar.len - form.scalar.len;
		if (form.scalar.len && memcmp(again.scalar.p + zeros, form.scalar.p, form.scalar.len) != 0)
			abort();
	}
	secret_free(der);
}

static void fuzz_public(const uint8_t *data, size_t len)
{
	struct key_form form, again;
	uint8_t spki[HUFU_PUB_MAX];
	if (!key_form_read_public(data, len, &form))
		return;
	size_t n = key_form_write_public(&form, spki);
	if (n == 0 || !key_form_read_public(spki, n, &again) || !same(form.point, again.point))
		abort();
	check_same(&form, &again, 2);
}

static void fuzz_point(const struct curve *curve, const uint8_t *data, size_t len)
{
	struct der_view point, again;
	uint8_t der[CURVE_POINT_DER_MAX];
	if (!curve_point_decode(curve, data, len, &point))
		return;
	size_t n = curve_point_encode(point, der);
	if (point.len != curve->point_len || !curve_point_decode(curve, der, n, &again) || !same(point, again))
		abort();
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	static const char *const names[] = {"\x13\x05P-256", "\x13\x05P-384", "\x13\x05P-521",
	                                    ("\x13\x07" "Ed25519"), "\x13\x04X448"};
	const struct curve *curve;
	fuzz_private(data, len);
	fuzz_public(data, len);
	if (curve_of_params(data, len, &curve) == CKR_OK && curve_of_oid(curve->oid) != curve)
		abort();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (curve_of_params((const uint8_t *)names[i], strlen(names[i]), &curve) != CKR_OK)
			abort();
		fuzz_point(curve, data, len);
	}
}
