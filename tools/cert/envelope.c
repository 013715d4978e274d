/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cert/envelope.h"
#include "base/secret.h"
#include "tools/cert/armor.h"
#include "tools/io.h"
#include "tools/report.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_LEN ((size_t)1 << 20)
#define SCALAR_LEN 32
#define NESTING_MAX 8
#define NODES_MAX 4096          /* of a file that is searched */

/* -- the values ------------------------------------------------------------------------ */

/* SM2Cipher ::= SEQUENCE { XCoordinate INTEGER, YCoordinate INTEGER, HASH OCTET STRING, CipherText OCTET STRING } */
typedef struct {
	ASN1_INTEGER *x, *y;
	ASN1_OCTET_STRING *hash, *text;
} SM2_CIPHER;

/*
 * SM2EnvelopedKey ::= SEQUENCE { symAlgID AlgorithmIdentifier, symEncryptedKey SM2Cipher, Sm2PublicKey BIT STRING,
 *                                Sm2EncryptedPrivateKey BIT STRING }
 */
typedef struct {
	X509_ALGOR *cipher;
	SM2_CIPHER *key;
	ASN1_BIT_STRING *point, *encrypted;
} SM2_ENVELOPE;

ASN1_SEQUENCE(SM2_CIPHER) = {
	ASN1_SIMPLE(SM2_CIPHER, x, ASN1_INTEGER),
	ASN1_SIMPLE(SM2_CIPHER, y, ASN1_INTEGER),
	ASN1_SIMPLE(SM2_CIPHER, hash, ASN1_OCTET_STRING),
	ASN1_SIMPLE(SM2_CIPHER, text, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(SM2_CIPHER)

ASN1_SEQUENCE(SM2_ENVELOPE) = {
	ASN1_SIMPLE(SM2_ENVELOPE, cipher, X509_ALGOR),
	ASN1_SIMPLE(SM2_ENVELOPE, key, SM2_CIPHER),
	ASN1_SIMPLE(SM2_ENVELOPE, point, ASN1_BIT_STRING),
	ASN1_SIMPLE(SM2_ENVELOPE, encrypted, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(SM2_ENVELOPE)

static SM2_ENVELOPE *envelope_new(void)
{
	return (SM2_ENVELOPE *)ASN1_item_new(ASN1_ITEM_rptr(SM2_ENVELOPE));
}

static void envelope_free(SM2_ENVELOPE *e)
{
	ASN1_item_free((ASN1_VALUE *)e, ASN1_ITEM_rptr(SM2_ENVELOPE));
}

/* By its encoding: one that is set byte by byte loses its last zero bits (X.690 11.2.2 is of named bits alone). */
static bool set_bits(ASN1_BIT_STRING **bits, const unsigned char *bytes, size_t len)
{
	unsigned char der[3 + ENVELOPE_POINT_LEN] = {V_ASN1_BIT_STRING, (unsigned char)(len + 1), 0};
	const unsigned char *p = der;

	memcpy(der + 3, bytes, len);
	return d2i_ASN1_BIT_STRING(bits, &p, (long)len + 3) != NULL;
}

/*
 * Senders that fill the 64 bytes of GM/T 0016 here encrypt zeros before the key, or let them stand; ECB's blocks are
 * apart, so the last two are the key's either way.
 */
static bool trim_scalar(SM2_ENVELOPE *e)
{
	unsigned char scalar[SCALAR_LEN];
	const unsigned char *bytes = ASN1_STRING_get0_data(e->encrypted);
	size_t len = (size_t)ASN1_STRING_length(e->encrypted);

	if (len != SCALAR_LEN && len != 2 * SCALAR_LEN)
		return false;
	memcpy(scalar, bytes + len - SCALAR_LEN, SCALAR_LEN);
	return set_bits(&e->encrypted, scalar, SCALAR_LEN);
}

static bool is_whole(const SM2_ENVELOPE *e)
{
	return ASN1_STRING_length(e->point) == ENVELOPE_POINT_LEN && ASN1_STRING_get0_data(e->point)[0] == 0x04;
}

/* -- within other values ------------------------------------------------------------------- */

static SM2_ENVELOPE *decode(const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	SM2_ENVELOPE *e = (SM2_ENVELOPE *)ASN1_item_d2i(NULL, &p, (long)len, ASN1_ITEM_rptr(SM2_ENVELOPE));

	if (e && p == der + len && is_whole(e) && trim_scalar(e))
		return e;
	envelope_free(e);
	return NULL;
}

/* Values one behind the other, and what is in them, be they constructed or OCTET STRINGs. */
static SM2_ENVELOPE *search(const unsigned char *der, size_t len, int nesting, int *nodes)
{
	const unsigned char *p = der, *end = der + len;
	SM2_ENVELOPE *e = NULL;

	while (!e && p < end && ++*nodes < NODES_MAX) {
		const unsigned char *content = p;
		long content_len;
		int tag, class;
		int form = ASN1_get_object(&content, &content_len, &tag, &class, end - p);
		if (form & 0x81 || content_len < 0) /* malformed, or of no definite length */
			break;
		bool opens = (form & V_ASN1_CONSTRUCTED) || (class == V_ASN1_UNIVERSAL && tag == V_ASN1_OCTET_STRING);
		const unsigned char *next = content + content_len;
		e = decode(p, (size_t)(next - p));
		if (!e && opens && nesting < NESTING_MAX)
			e = search(content, (size_t)content_len, nesting + 1, nodes);
		p = next;
	}
	return e;
}

/* -- GM/T 0016 ------------------------------------------------------------------------------ */

/* Little-endian; x, y and the key fill 64 bytes from behind. */
struct blob {
	unsigned char version[4], cipher[4], nbits[4];
	unsigned char encrypted[64];
	struct {
		unsigned char nbits[4], x[64], y[64];
	} public;
	struct {
		unsigned char x[64], y[64], hash[32], len[4], text[16];
	} key;
};
#define SGD_SM4_ECB 0x401u      /* GM/T 0006-2012 5.2.1 */

static unsigned number(const unsigned char bytes[4])
{
	return bytes[0] | (unsigned)bytes[1] << 8 | (unsigned)bytes[2] << 16 | (unsigned)bytes[3] << 24;
}

static bool set_integer(ASN1_INTEGER *out, const unsigned char field[64])
{
	BIGNUM *n = BN_bin2bn(field, 64, NULL);
	bool good = n && BN_num_bits(n) <= 256 && BN_to_ASN1_INTEGER(n, out);

	BN_free(n);
	return good;
}

static bool fill(SM2_ENVELOPE *e, const struct blob *b)
{
	unsigned char point[ENVELOPE_POINT_LEN] = {0x04};

	memcpy(point + 1, b->public.x + SCALAR_LEN, SCALAR_LEN);
	memcpy(point + 1 + SCALAR_LEN, b->public.y + SCALAR_LEN, SCALAR_LEN);
	return X509_ALGOR_set0(e->cipher, OBJ_nid2obj(NID_sm4_ecb), V_ASN1_NULL, NULL) && set_integer(e->key->x, b->key.x) &&
	       set_integer(e->key->y, b->key.y) && ASN1_OCTET_STRING_set(e->key->hash, b->key.hash, sizeof b->key.hash) &&
	       ASN1_OCTET_STRING_set(e->key->text, b->key.text, sizeof b->key.text) && set_bits(&e->point, point, sizeof point) &&
	       set_bits(&e->encrypted, b->encrypted + sizeof b->encrypted - SCALAR_LEN, SCALAR_LEN);
}

static bool is_blob(const struct blob *b)
{
	return number(b->version) == 1 && number(b->cipher) == SGD_SM4_ECB && number(b->nbits) == 256 &&
	       number(b->public.nbits) == 256 && number(b->key.len) == sizeof b->key.text;
}

static SM2_ENVELOPE *of_blob(const unsigned char *bytes, size_t len)
{
	struct blob b;

	if (len != sizeof b)
		return NULL;
	memcpy(&b, bytes, sizeof b);
	SM2_ENVELOPE *e = is_blob(&b) ? envelope_new() : NULL;
	if (e && fill(e, &b))
		return e;
	envelope_free(e);
	return NULL;
}

/* -- the file --------------------------------------------------------------------------------- */

static enum status check_cipher(const char *path, const SM2_ENVELOPE *e)
{
	char oid[80];
	const ASN1_OBJECT *cipher;

	X509_ALGOR_get0(&cipher, NULL, NULL, e->cipher);
	OBJ_obj2txt(oid, sizeof oid, cipher, 1);
	/* GM/T 0006: SM4 in ECB, or SM4 without a mode, which for two blocks is the same. */
	if (!strcmp(oid, "1.2.156.10197.1.104.1") || !strcmp(oid, "1.2.156.10197.1.104"))
		return ST_OK;
	return fail(ST_USAGE, "Ask the authority for one under SM4 (GM/T 0006: 1.2.156.10197.1.104.1).",
	            "the key in %s is encrypted by a cipher that tokens do not have, %s", path, oid);
}

static enum status take(const char *path, const SM2_ENVELOPE *e, struct envelope *out)
{
	enum status status = check_cipher(path, e);

	if (status)
		return status;
	int len = ASN1_item_i2d((const ASN1_VALUE *)e, &out->der, ASN1_ITEM_rptr(SM2_ENVELOPE));
	if (len <= 0)
		return fail_memory();
	out->der_len = (size_t)len;
	memcpy(out->point, ASN1_STRING_get0_data(e->point), ENVELOPE_POINT_LEN);
	return ST_OK;
}

enum status envelope_decode(const char *path, const unsigned char *file, size_t file_len, struct envelope *out)
{
	size_t len;
	int nodes = 0;
	unsigned char *bytes = armor_decode(file, file_len, &len);
	SM2_ENVELOPE *e = bytes ? of_blob(bytes, len) : NULL;

	*out = (struct envelope){0};
	if (bytes && !e)
		e = search(bytes, len, 0, &nodes);
	ERR_clear_error();
	enum status status = bytes ? ST_OK : fail_memory();
	if (bytes)
		status = e ? take(path, e, out)
		           : fail(ST_USAGE, "It must be SM2EnvelopedKey of GB/T 35276, also within other ASN.1, or "
		                  "ENVELOPEDKEYBLOB of GM/T 0016; DER, base64 or PEM.", "%s holds no enveloped key", path);
	envelope_free(e);
	free(bytes);
	return status;
}

enum status envelope_read(const char *path, struct envelope *out)
{
	unsigned char *file;
	size_t len;
	enum status status = input_all(path, FILE_MAX_LEN, &file, &len);

	*out = (struct envelope){0};
	if (status == ST_OK)
		status = envelope_decode(path, file, len, out);
	secret_free(file);
	return status;
}

void envelope_clear(struct envelope *e)
{
	OPENSSL_free(e->der);
	*e = (struct envelope){0};
}
