/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: whatever a DER form is taken from is that form to the byte: encoding what was decoded gives the input again. */
#include "token/asn1.h"

#include "fuzz.h"

#include <string.h>

static void check(const uint8_t *data, size_t len, const uint8_t *again, size_t again_len)
{
	if (len != again_len || memcmp(data, again, len) != 0)
		abort();
}

static void check_cipher(const uint8_t *data, size_t len)
{
	size_t text_len, raw_len;
	if (!asn1_cipher_text_len(data, len, &text_len))
		return;
	uint8_t *raw = malloc(text_len + ASN1_CIPHER_RAW_OVERHEAD), *der = malloc(asn1_cipher_max(text_len));
	if (!asn1_cipher_decode(data, len, raw, &raw_len) || raw_len != text_len + ASN1_CIPHER_RAW_OVERHEAD)
		abort();
	check(data, len, der, asn1_cipher_encode(raw, raw_len, der));
	free(raw);
	free(der);
}

/* OID and parameter have forms beside the one that we write: what is in it comes back all the same. */
static void check_enveloped(const uint8_t *data, size_t len)
{
	struct asn1_enveloped e, again;
	uint8_t der[ASN1_ENVELOPED_MAX];
	if (!asn1_enveloped_decode(data, len, &e))
		return;
	size_t der_len = asn1_enveloped_encode(&e, der);
	if (der_len > sizeof der || !asn1_enveloped_decode(der, der_len, &again))
		abort();
	check(e.cipher, e.cipher_len, again.cipher, again.cipher_len);
	check(e.point, sizeof e.point, again.point, sizeof again.point);
	check(e.encrypted, sizeof e.encrypted, again.encrypted, sizeof again.encrypted);
	if (len == der_len)
		check(data, len, der, der_len);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	uint8_t sig[64], d[32], point[64], der[256];
	bool have_point;
	if (asn1_sig_decode(data, len, sig))
		check(data, len, der, asn1_sig_encode(sig, der));
	if (asn1_spki_decode(data, len, point)) {
		asn1_spki_encode(point, der);
		check(data, len, der, ASN1_SPKI_LEN);
	}
	/* PKCS#8 has optional fields: only the form that we write comes back as it was. */
	if (asn1_pkcs8_decode(data, len, d, point, &have_point) && have_point && len == ASN1_PKCS8_LEN) {
		asn1_pkcs8_encode(d, point, der);
		check(data, len, der, ASN1_PKCS8_LEN);
	}
	check_cipher(data, len);
	check_enveloped(data, len);
}
