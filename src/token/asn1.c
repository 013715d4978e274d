/* SPDX-License-Identifier: Apache-2.0 */
#include "token/asn1.h"
#include "token/der.h"

#include <string.h>

#define SCALAR_LEN 32
#define POINT_LEN 64

/* AlgorithmIdentifier { id-ecPublicKey, the SM2 curve 1.2.156.10197.1.301 }, its content. */
static const uint8_t sm2_algorithm[] = {
	0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
};
#define CURVE_OID (sm2_algorithm + 9)
#define CURVE_OID_LEN 10

/* -- reading ----------------------------------------------------------------- */

/* Ours fit 256 bits. */
static void read_scalar(struct reader *r, uint8_t out[SCALAR_LEN])
{
	struct der_view number = der_read_integer(r);
	memset(out, 0, SCALAR_LEN);
	if (number.len > SCALAR_LEN)
		r->bad = true;
	else if (number.len)
		memcpy(out + SCALAR_LEN - number.len, number.p, number.len);
}

static void read_octets(struct reader *r, uint8_t *out, size_t len)
{
	struct reader in = der_enter(r, DER_OCTET_STRING);
	read_copy(&in, out, len);
	der_leave(r, &in);
}

static void read_algorithm(struct reader *r)
{
	struct reader in = der_enter(r, DER_SEQUENCE);
	der_expect(&in, sm2_algorithm, sizeof sm2_algorithm);
	der_leave(r, &in);
}

/* BIT STRING of an uncompressed point. */
static void read_point(struct reader *r, uint8_t point[POINT_LEN])
{
	static const uint8_t uncompressed[] = {0x00, 0x04};
	struct reader in = der_enter(r, DER_BIT_STRING);
	der_expect(&in, uncompressed, sizeof uncompressed);
	read_copy(&in, point, POINT_LEN);
	der_leave(r, &in);
}

/* -- writing: all lengths are known before --------------------------------------- */

/* Signatures and points are public: their leading zeros may be looked at. */
static struct der_view number_of(const uint8_t scalar[SCALAR_LEN])
{
	size_t zeros = 0;
	while (zeros < SCALAR_LEN && scalar[zeros] == 0)
		zeros++;
	return (struct der_view){scalar + zeros, SCALAR_LEN - zeros};
}

static size_t scalar_len(const uint8_t scalar[SCALAR_LEN])
{
	return der_integer_len(number_of(scalar));
}

static uint8_t *put_scalar(uint8_t *p, const uint8_t scalar[SCALAR_LEN])
{
	return der_put_integer(p, number_of(scalar));
}

/* -- signatures ---------------------------------------------------------------- */

size_t asn1_sig_encode(const uint8_t sig[64], uint8_t der[ASN1_SIG_MAX])
{
	uint8_t *p = der_put_header(der, DER_SEQUENCE, scalar_len(sig) + scalar_len(sig + SCALAR_LEN));
	p = put_scalar(p, sig);
	p = put_scalar(p, sig + SCALAR_LEN);
	return (size_t)(p - der);
}

bool asn1_sig_decode(const uint8_t *der, size_t len, uint8_t sig[64])
{
	struct reader r = reader_of(der, len);
	struct reader seq = der_enter(&r, DER_SEQUENCE);
	read_scalar(&seq, sig);
	read_scalar(&seq, sig + SCALAR_LEN);
	der_leave(&r, &seq);
	return reader_done(&r);
}

/* -- SM2Cipher ------------------------------------------------------------------- */

/* 04 || x || y || C3 || C2 */
#define RAW_X 1
#define RAW_Y (RAW_X + SCALAR_LEN)
#define RAW_C3 (RAW_Y + SCALAR_LEN)
#define RAW_C2 ASN1_CIPHER_RAW_OVERHEAD
#define C3_LEN 32

size_t asn1_cipher_max(size_t text_len)
{
	return der_element_len(2 * der_element_len(SCALAR_LEN + 1) + der_element_len(C3_LEN) + der_element_len(text_len));
}

size_t asn1_cipher_encode(const uint8_t *raw, size_t raw_len, uint8_t *der)
{
	size_t text_len = raw_len - RAW_C2;
	size_t content = scalar_len(raw + RAW_X) + scalar_len(raw + RAW_Y) + der_element_len(C3_LEN) + der_element_len(text_len);
	uint8_t *p = der_put_header(der, DER_SEQUENCE, content);
	p = put_scalar(p, raw + RAW_X);
	p = put_scalar(p, raw + RAW_Y);
	p = der_put(der_put_header(p, DER_OCTET_STRING, C3_LEN), raw + RAW_C3, C3_LEN);
	p = der_put(der_put_header(p, DER_OCTET_STRING, text_len), raw + RAW_C2, text_len);
	return (size_t)(p - der);
}

/* head: x || y || C3; *text views C2. */
static bool parse_cipher(const uint8_t *der, size_t len, uint8_t head[RAW_C2 - 1], const uint8_t **text, size_t *text_len)
{
	struct reader r = reader_of(der, len);
	struct reader seq = der_enter(&r, DER_SEQUENCE);
	read_scalar(&seq, head);
	read_scalar(&seq, head + SCALAR_LEN);
	read_octets(&seq, head + POINT_LEN, C3_LEN);
	struct reader c2 = der_enter(&seq, DER_OCTET_STRING);
	der_leave(&r, &seq);
	*text = c2.p;
	*text_len = c2.left;
	return reader_done(&r);
}

bool asn1_cipher_text_len(const uint8_t *der, size_t len, size_t *text_len)
{
	uint8_t head[RAW_C2 - 1];
	const uint8_t *text;
	return parse_cipher(der, len, head, &text, text_len);
}

bool asn1_cipher_decode(const uint8_t *der, size_t len, uint8_t *raw, size_t *raw_len)
{
	uint8_t head[RAW_C2 - 1];
	const uint8_t *text;
	size_t text_len;
	if (!parse_cipher(der, len, head, &text, &text_len))
		return false;
	raw[0] = 0x04;
	memcpy(raw + RAW_X, head, sizeof head);
	if (text_len)
		memcpy(raw + RAW_C2, text, text_len);
	*raw_len = RAW_C2 + text_len;
	return true;
}

/* -- keys: their forms are all fixed bytes but for the key itself ----------------- */

static const uint8_t pkcs8_head[] = {
	0x30, 0x81, 0x87,                    /* PrivateKeyInfo */
	0x02, 0x01, 0x00,                    /* version 0 */
	0x30, 0x13,                          /* algorithm */
	0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
	0x04, 0x6d, 0x30, 0x6b,              /* privateKey: ECPrivateKey */
	0x02, 0x01, 0x01,                    /* version 1 */
	0x04, 0x20,                          /* d follows */
};
static const uint8_t pkcs8_point[] = {
	0xa1, 0x44, 0x03, 0x42, 0x00, 0x04,  /* publicKey: x || y follow */
};
_Static_assert(sizeof pkcs8_head + SCALAR_LEN + sizeof pkcs8_point + POINT_LEN == ASN1_PKCS8_LEN, "PKCS#8 of an SM2 key");

void asn1_pkcs8_encode(const uint8_t d[32], const uint8_t point[64], uint8_t der[ASN1_PKCS8_LEN])
{
	uint8_t *p = der_put(der, pkcs8_head, sizeof pkcs8_head);
	p = der_put(p, d, SCALAR_LEN);
	p = der_put(p, pkcs8_point, sizeof pkcs8_point);
	der_put(p, point, POINT_LEN);
}

/* ECPrivateKey of RFC 5915: version 1, d in exactly 32 octets, the curve again and the public key if they like. */
static void read_ec_private_key(struct reader *r, uint8_t d[32], uint8_t point[64], bool *have_point)
{
	struct reader key = der_enter(r, DER_SEQUENCE);
	der_read_small_integer(&key, 1);
	read_octets(&key, d, SCALAR_LEN);
	if (der_next_is(&key, DER_CONTEXT_0)) {
		struct reader curve = der_enter(&key, DER_CONTEXT_0);
		der_expect(&curve, CURVE_OID, CURVE_OID_LEN);
		der_leave(&key, &curve);
	}
	*have_point = der_next_is(&key, DER_CONTEXT_1);
	if (*have_point) {
		struct reader public = der_enter(&key, DER_CONTEXT_1);
		read_point(&public, point);
		der_leave(&key, &public);
	}
	der_leave(r, &key);
}

bool asn1_pkcs8_decode(const uint8_t *der, size_t len, uint8_t d[32], uint8_t point[64], bool *have_point)
{
	struct reader r = reader_of(der, len);
	struct reader info = der_enter(&r, DER_SEQUENCE);
	der_read_small_integer(&info, 0);
	read_algorithm(&info);
	struct reader wrapped = der_enter(&info, DER_OCTET_STRING);
	read_ec_private_key(&wrapped, d, point, have_point);
	der_leave(&info, &wrapped);
	if (der_next_is(&info, DER_CONTEXT_0)) /* RFC 5208 attributes say nothing about the key itself */
		(void)der_enter(&info, DER_CONTEXT_0);
	der_leave(&r, &info);
	return reader_done(&r);
}

static const uint8_t spki_head[] = {
	0x30, 0x59,                          /* SubjectPublicKeyInfo */
	0x30, 0x13,                          /* algorithm */
	0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
	0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d,
	0x03, 0x42, 0x00, 0x04,              /* subjectPublicKey: x || y follow */
};
_Static_assert(sizeof spki_head + POINT_LEN == ASN1_SPKI_LEN, "SPKI of an SM2 key");

void asn1_spki_encode(const uint8_t point[64], uint8_t der[ASN1_SPKI_LEN])
{
	der_put(der_put(der, spki_head, sizeof spki_head), point, POINT_LEN);
}

bool asn1_spki_decode(const uint8_t *der, size_t len, uint8_t point[64])
{
	struct reader r = reader_of(der, len);
	struct reader info = der_enter(&r, DER_SEQUENCE);
	read_algorithm(&info);
	read_point(&info, point);
	der_leave(&r, &info);
	return reader_done(&r);
}

/* -- SM2EnvelopedKey --------------------------------------------------------------- */

/* 1.2.156.10197.1.104 and 1.2.156.10197.1.104.1 */
static const uint8_t sm4_oid[] = {0x06, 0x07, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x68};
static const uint8_t sm4_ecb_oid[] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x68, 0x01};
static const uint8_t null_parameter[] = {0x05, 0x00};
#define SM4_KEY_LEN 16
#define POINT_BITS_LEN (2 + POINT_LEN)      /* unused bits, 04 */
#define SCALAR_BITS_LEN (1 + SCALAR_LEN)

size_t asn1_enveloped_encode(const struct asn1_enveloped *e, uint8_t der[ASN1_ENVELOPED_MAX])
{
	static const uint8_t point_head[] = {0x00, 0x04}, scalar_head[] = {0x00};
	size_t algorithm = sizeof sm4_ecb_oid + sizeof null_parameter;
	size_t bits = der_element_len(POINT_BITS_LEN) + der_element_len(SCALAR_BITS_LEN);
	size_t content = der_element_len(algorithm) + e->cipher_len + bits;
	uint8_t *p = der_put_header(der, DER_SEQUENCE, content);
	p = der_put_header(p, DER_SEQUENCE, algorithm);
	p = der_put(der_put(p, sm4_ecb_oid, sizeof sm4_ecb_oid), null_parameter, sizeof null_parameter);
	p = der_put(p, e->cipher, e->cipher_len);
	p = der_put(der_put_header(p, DER_BIT_STRING, POINT_BITS_LEN), point_head, sizeof point_head);
	p = der_put(p, e->point, POINT_LEN);
	p = der_put(der_put_header(p, DER_BIT_STRING, SCALAR_BITS_LEN), scalar_head, sizeof scalar_head);
	p = der_put(p, e->encrypted, SCALAR_LEN);
	return (size_t)(p - der);
}

static void read_sm4_algorithm(struct reader *r)
{
	struct reader in = der_enter(r, DER_SEQUENCE);
	bool ecb = in.left > 1 && in.p[1] == sm4_ecb_oid[1];
	der_expect(&in, ecb ? sm4_ecb_oid : sm4_oid, ecb ? sizeof sm4_ecb_oid : sizeof sm4_oid);
	if (in.left)
		der_expect(&in, null_parameter, sizeof null_parameter);
	der_leave(r, &in);
}

/* The element as it stands, header and all: what is in it is checked as any SM2Cipher is. */
static void read_key_cipher(struct reader *r, struct asn1_enveloped *e)
{
	const uint8_t *from = r->p;
	size_t text_len;
	(void)der_enter(r, DER_SEQUENCE);
	e->cipher_len = r->bad ? 0 : (size_t)(r->p - from);
	if (e->cipher_len > sizeof e->cipher || !asn1_cipher_text_len(from, e->cipher_len, &text_len) || text_len != SM4_KEY_LEN)
		r->bad = true;
	else
		memcpy(e->cipher, from, e->cipher_len);
}

static void read_scalar_bits(struct reader *r, uint8_t out[SCALAR_LEN])
{
	static const uint8_t no_unused_bits[] = {0x00};
	struct reader in = der_enter(r, DER_BIT_STRING);
	der_expect(&in, no_unused_bits, sizeof no_unused_bits);
	read_copy(&in, out, SCALAR_LEN);
	der_leave(r, &in);
}

bool asn1_enveloped_decode(const uint8_t *der, size_t len, struct asn1_enveloped *e)
{
	struct reader r = reader_of(der, len);
	struct reader seq = der_enter(&r, DER_SEQUENCE);
	read_sm4_algorithm(&seq);
	read_key_cipher(&seq, e);
	read_point(&seq, e->point);
	read_scalar_bits(&seq, e->encrypted);
	der_leave(&r, &seq);
	return reader_done(&r);
}
