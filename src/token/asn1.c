/* SPDX-License-Identifier: Apache-2.0 */
#include "token/asn1.h"
#include "base/buf.h"

#include <string.h>

enum {
	TAG_INTEGER = 0x02,
	TAG_BIT_STRING = 0x03,
	TAG_OCTET_STRING = 0x04,
	TAG_SEQUENCE = 0x30,
	TAG_CONTEXT_0 = 0xa0,
	TAG_CONTEXT_1 = 0xa1
};

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

/* X.690 10.1: the definite form, in the fewest octets. Four of them are plenty. */
static size_t read_length(struct reader *r)
{
	uint8_t first = read_u8(r);
	if (first < 0x80)
		return first;
	unsigned n = first & 0x7f;
	size_t len = 0;
	if (n == 0 || n > 4) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		len = len << 8 | read_u8(r);
	if (len < 0x80 || len >> 8 * (n - 1) == 0)
		r->bad = true;
	return len;
}

/* The content of the element that must come next; an empty, bad reader otherwise. */
static struct reader enter(struct reader *r, uint8_t tag)
{
	if (read_u8(r) != tag)
		r->bad = true;
	size_t len = read_length(r);
	struct reader in = reader_of(read_bytes(r, len), len);
	if (r->bad)
		in = (struct reader){.bad = true};
	return in;
}

static bool next_is(const struct reader *r, uint8_t tag)
{
	return !r->bad && r->left > 0 && r->p[0] == tag;
}

/* What was entered must have been used up. */
static void leave(struct reader *r, const struct reader *in)
{
	if (!reader_done(in))
		r->bad = true;
}

/* X.690 8.3.2: no more octets than needed; ours are not negative and fit 256 bits. */
static void read_scalar(struct reader *r, uint8_t out[SCALAR_LEN])
{
	struct reader in = enter(r, TAG_INTEGER);
	memset(out, 0, SCALAR_LEN);
	if (in.bad || in.left == 0 || in.p[0] & 0x80)
		goto bad;
	if (in.left > 1 && in.p[0] == 0) {
		if (!(in.p[1] & 0x80))
			goto bad;
		(void)read_u8(&in);
	}
	if (in.left > SCALAR_LEN)
		goto bad;
	memcpy(out + SCALAR_LEN - in.left, in.p, in.left);
	return;
bad:
	r->bad = true;
}

static void read_small_integer(struct reader *r, uint8_t value)
{
	struct reader in = enter(r, TAG_INTEGER);
	if (read_u8(&in) != value)
		r->bad = true;
	leave(r, &in);
}

static void read_octets(struct reader *r, uint8_t *out, size_t len)
{
	struct reader in = enter(r, TAG_OCTET_STRING);
	read_copy(&in, out, len);
	leave(r, &in);
}

static void expect(struct reader *r, const uint8_t *bytes, size_t len)
{
	const uint8_t *p = read_bytes(r, len);
	if (!p || memcmp(p, bytes, len) != 0)
		r->bad = true;
}

static void read_algorithm(struct reader *r)
{
	struct reader in = enter(r, TAG_SEQUENCE);
	expect(&in, sm2_algorithm, sizeof sm2_algorithm);
	leave(r, &in);
}

/* BIT STRING of an uncompressed point. */
static void read_point(struct reader *r, uint8_t point[POINT_LEN])
{
	static const uint8_t uncompressed[] = {0x00, 0x04};
	struct reader in = enter(r, TAG_BIT_STRING);
	expect(&in, uncompressed, sizeof uncompressed);
	read_copy(&in, point, POINT_LEN);
	leave(r, &in);
}

/* -- writing: all lengths are known before --------------------------------------- */

static size_t length_len(size_t len)
{
	return len < 0x80 ? 1 : len < 0x100 ? 2 : len < 0x10000 ? 3 : len < 0x1000000 ? 4 : 5;
}

static size_t element_len(size_t content)
{
	return 1 + length_len(content) + content;
}

static uint8_t *put_header(uint8_t *p, uint8_t tag, size_t len)
{
	size_t n = length_len(len) - 1;
	*p++ = tag;
	if (n == 0)
		*p++ = (uint8_t)len;
	else
		*p++ = (uint8_t)(0x80 | n);
	for (; n > 0; n--)
		*p++ = (uint8_t)(len >> 8 * (n - 1));
	return p;
}

static uint8_t *put(uint8_t *p, const uint8_t *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

/* Signatures and points are public: their leading zeros may be looked at. */
static size_t scalar_content(const uint8_t scalar[SCALAR_LEN], size_t *zeros)
{
	size_t n = 0;
	while (n < SCALAR_LEN - 1 && scalar[n] == 0)
		n++;
	*zeros = n;
	return SCALAR_LEN - n + (scalar[n] >> 7);
}

static size_t scalar_len(const uint8_t scalar[SCALAR_LEN])
{
	size_t zeros;
	return element_len(scalar_content(scalar, &zeros));
}

static uint8_t *put_scalar(uint8_t *p, const uint8_t scalar[SCALAR_LEN])
{
	size_t zeros, len = scalar_content(scalar, &zeros);
	p = put_header(p, TAG_INTEGER, len);
	if (len > SCALAR_LEN - zeros)
		*p++ = 0;
	return put(p, scalar + zeros, SCALAR_LEN - zeros);
}

/* -- signatures ---------------------------------------------------------------- */

size_t asn1_sig_encode(const uint8_t sig[64], uint8_t der[ASN1_SIG_MAX])
{
	uint8_t *p = put_header(der, TAG_SEQUENCE, scalar_len(sig) + scalar_len(sig + SCALAR_LEN));
	p = put_scalar(p, sig);
	p = put_scalar(p, sig + SCALAR_LEN);
	return (size_t)(p - der);
}

bool asn1_sig_decode(const uint8_t *der, size_t len, uint8_t sig[64])
{
	struct reader r = reader_of(der, len);
	struct reader seq = enter(&r, TAG_SEQUENCE);
	read_scalar(&seq, sig);
	read_scalar(&seq, sig + SCALAR_LEN);
	leave(&r, &seq);
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
	return element_len(2 * element_len(SCALAR_LEN + 1) + element_len(C3_LEN) + element_len(text_len));
}

size_t asn1_cipher_encode(const uint8_t *raw, size_t raw_len, uint8_t *der)
{
	size_t text_len = raw_len - RAW_C2;
	uint8_t *p = put_header(der, TAG_SEQUENCE,
	                        scalar_len(raw + RAW_X) + scalar_len(raw + RAW_Y) + element_len(C3_LEN) + element_len(text_len));
	p = put_scalar(p, raw + RAW_X);
	p = put_scalar(p, raw + RAW_Y);
	p = put(put_header(p, TAG_OCTET_STRING, C3_LEN), raw + RAW_C3, C3_LEN);
	p = put(put_header(p, TAG_OCTET_STRING, text_len), raw + RAW_C2, text_len);
	return (size_t)(p - der);
}

/* head: x || y || C3; *text views C2. */
static bool parse_cipher(const uint8_t *der, size_t len, uint8_t head[RAW_C2 - 1], const uint8_t **text, size_t *text_len)
{
	struct reader r = reader_of(der, len);
	struct reader seq = enter(&r, TAG_SEQUENCE);
	read_scalar(&seq, head);
	read_scalar(&seq, head + SCALAR_LEN);
	read_octets(&seq, head + POINT_LEN, C3_LEN);
	struct reader c2 = enter(&seq, TAG_OCTET_STRING);
	leave(&r, &seq);
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
	uint8_t *p = put(der, pkcs8_head, sizeof pkcs8_head);
	p = put(p, d, SCALAR_LEN);
	p = put(p, pkcs8_point, sizeof pkcs8_point);
	put(p, point, POINT_LEN);
}

/* ECPrivateKey of RFC 5915: version 1, d in exactly 32 octets, the curve again and the public key if they like. */
static void read_ec_private_key(struct reader *r, uint8_t d[32], uint8_t point[64], bool *have_point)
{
	struct reader key = enter(r, TAG_SEQUENCE);
	read_small_integer(&key, 1);
	read_octets(&key, d, SCALAR_LEN);
	if (next_is(&key, TAG_CONTEXT_0)) {
		struct reader curve = enter(&key, TAG_CONTEXT_0);
		expect(&curve, CURVE_OID, CURVE_OID_LEN);
		leave(&key, &curve);
	}
	*have_point = next_is(&key, TAG_CONTEXT_1);
	if (*have_point) {
		struct reader public = enter(&key, TAG_CONTEXT_1);
		read_point(&public, point);
		leave(&key, &public);
	}
	leave(r, &key);
}

bool asn1_pkcs8_decode(const uint8_t *der, size_t len, uint8_t d[32], uint8_t point[64], bool *have_point)
{
	struct reader r = reader_of(der, len);
	struct reader info = enter(&r, TAG_SEQUENCE);
	read_small_integer(&info, 0);
	read_algorithm(&info);
	struct reader wrapped = enter(&info, TAG_OCTET_STRING);
	read_ec_private_key(&wrapped, d, point, have_point);
	leave(&info, &wrapped);
	if (next_is(&info, TAG_CONTEXT_0)) /* RFC 5208 attributes say nothing about the key itself */
		(void)enter(&info, TAG_CONTEXT_0);
	leave(&r, &info);
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
	put(put(der, spki_head, sizeof spki_head), point, POINT_LEN);
}

bool asn1_spki_decode(const uint8_t *der, size_t len, uint8_t point[64])
{
	struct reader r = reader_of(der, len);
	struct reader info = enter(&r, TAG_SEQUENCE);
	read_algorithm(&info);
	read_point(&info, point);
	leave(&r, &info);
	return reader_done(&r);
}
