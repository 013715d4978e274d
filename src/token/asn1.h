/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few DER forms that SM2 keys and results travel in (GM/T 0009, RFC 5280,
 * RFC 5208, RFC 5915).
 *
 * Decoding takes DER and nothing else: minimal lengths and integers, nothing
 * behind the end, no field that the form does not have. Nothing is allocated;
 * keys stay in the caller's memory, which is why no library's decoder, with its
 * own heap copies, stands here. Every function is a pure one.
 */
#ifndef TOKEN_ASN1_H
#define TOKEN_ASN1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SEQUENCE { r INTEGER, s INTEGER } <-> r || s, 64 bytes. */
#define ASN1_SIG_MAX 72
size_t asn1_sig_encode(const uint8_t sig[64], uint8_t der[ASN1_SIG_MAX]);
bool asn1_sig_decode(const uint8_t *der, size_t len, uint8_t sig[64]);

/*
 * SM2Cipher ::= SEQUENCE { x INTEGER, y INTEGER, C3 OCTET STRING (32), C2 OCTET STRING }
 * <-> 04 || x || y || C3 || C2, 97 bytes and the text.
 */
#define ASN1_CIPHER_RAW_OVERHEAD 97
/* What a text of this length takes at most. text_len < 2^31. */
size_t asn1_cipher_max(size_t text_len);
/* raw_len >= 97; der holds asn1_cipher_max(raw_len - 97). Gives the length. */
size_t asn1_cipher_encode(const uint8_t *raw, size_t raw_len, uint8_t *der);
/* The length of C2. */
bool asn1_cipher_text_len(const uint8_t *der, size_t len, size_t *text_len);
/* raw holds C2's length and 97 more. */
bool asn1_cipher_decode(const uint8_t *der, size_t len, uint8_t *raw, size_t *raw_len);

/* PrivateKeyInfo with an ECPrivateKey on the SM2 curve, public key included. */
#define ASN1_PKCS8_LEN 138
void asn1_pkcs8_encode(const uint8_t d[32], const uint8_t point[64], uint8_t der[ASN1_PKCS8_LEN]);
/* *have_point: it told the public key too. Whether d and the point belong together is not checked here. */
bool asn1_pkcs8_decode(const uint8_t *der, size_t len, uint8_t d[32], uint8_t point[64], bool *have_point);

/* SubjectPublicKeyInfo of an SM2 key, uncompressed. */
#define ASN1_SPKI_LEN 91
void asn1_spki_encode(const uint8_t point[64], uint8_t der[ASN1_SPKI_LEN]);
bool asn1_spki_decode(const uint8_t *der, size_t len, uint8_t point[64]);

/*
 * SM2EnvelopedKey of GB/T 35276: SEQUENCE { symAlgID, SM2Cipher, SM2PublicKey
 * BIT STRING, BIT STRING }. The algorithm is SM4, OID 1.2.156.10197.1.104, or SM4
 * in ECB mode, .104.1, with a parameter of NULL or none; the latter is written,
 * with NULL. SM2Cipher carries the SM4 key, so its text has 16 bytes.
 */
#define ASN1_SCALAR_LEN 32
#define ASN1_ENVELOPED_CIPHER_MAX 124
#define ASN1_ENVELOPED_MAX 244
struct asn1_enveloped {
	uint8_t cipher[ASN1_ENVELOPED_CIPHER_MAX]; /* SM2Cipher, DER */
	size_t cipher_len;
	uint8_t point[64];
	uint8_t encrypted[ASN1_SCALAR_LEN];        /* d */
};
size_t asn1_enveloped_encode(const struct asn1_enveloped *, uint8_t der[ASN1_ENVELOPED_MAX]);
bool asn1_enveloped_decode(const uint8_t *der, size_t len, struct asn1_enveloped *);

#endif
