/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/soft/rsa_der.h"

#include "base/buf.h"
#include "crypto/context.h"

#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_OCTET_STRING 0x04
#define TAG_SEQUENCE 0x30

/* AlgorithmIdentifier of rsaEncryption, whose parameters are NULL (RFC 8017 A.1). */
static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
/* Of PrivateKeyInfo and of RSAPrivateKey: no public key attached, two primes. */
static const uint8_t version[] = {0x02, 0x01, 0x00};

/* -- numbers ------------------------------------------------------------------ */

enum hufu_err rsa_numbers_init(struct rsa_numbers *numbers, size_t nparts)
{
	*numbers = (struct rsa_numbers){.nparts = nparts, .ctx = BN_CTX_new_ex(libcrypto_context())};
	bool complete = numbers->ctx;

	for (size_t i = 0; i < nparts; i++) {
		numbers->part[i] = BN_new();
		if (numbers->part[i])
			BN_set_flags(numbers->part[i], BN_FLG_CONSTTIME);
		else
			complete = false;
	}
	return complete ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

void rsa_numbers_clear(struct rsa_numbers *numbers)
{
	for (size_t i = 0; i < RSA_NPARTS; i++)
		BN_clear_free(numbers->part[i]);
	BN_CTX_free(numbers->ctx);
	*numbers = (struct rsa_numbers){0};
}

/* -- reading ------------------------------------------------------------------ */

/* Definite, in the fewest bytes (X.690 10.1); no key takes more than two. */
static size_t read_len(struct reader *r)
{
	size_t len = read_u8(r), least = 0;

	if (len == 0x81) {
		len = read_u8(r);
		least = 0x80;
	} else if (len == 0x82) {
		len = read_u16(r);
		least = 0x100;
	} else if (len >= 0x80) {
		r->bad = true;
	}
	r->bad |= len < least;
	return len;
}

static struct reader read_element(struct reader *r, uint8_t tag)
{
	r->bad |= read_u8(r) != tag;
	size_t len = read_len(r);
	const uint8_t *content = r->bad ? NULL : read_bytes(r, len);
	struct reader inner = reader_of(content, content ? len : 0);

	inner.bad = !content;
	return inner;
}

static void read_constant(struct reader *r, const uint8_t *bytes, size_t len)
{
	const uint8_t *found = read_bytes(r, len);

	r->bad |= !found || memcmp(found, bytes, len) != 0;
}

/* Not negative, in the fewest bytes (X.690 8.3.2). */
static enum hufu_err read_number(struct reader *r, BIGNUM *number)
{
	struct reader content = read_element(r, TAG_INTEGER);
	const uint8_t *p = content.p;
	size_t len = content.left;

	r->bad |= len == 0 || p[0] >= 0x80 || (len > 1 && p[0] == 0 && p[1] < 0x80);
	if (r->bad)
		return HUFU_ERR_KEY_VALUE;
	return BN_bin2bn(p, (int)len, number) ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static enum hufu_err read_numbers(struct reader *r, struct rsa_numbers *numbers)
{
	enum hufu_err err = HUFU_OK;

	for (size_t i = 0; i < numbers->nparts && err == HUFU_OK; i++)
		err = read_number(r, numbers->part[i]);
	return err == HUFU_OK && !reader_done(r) ? HUFU_ERR_KEY_VALUE : err;
}

enum hufu_err rsa_numbers_read(struct rsa_numbers *numbers, const uint8_t *der, size_t len)
{
	bool private = numbers->nparts == RSA_NPARTS;
	struct reader all = reader_of(der, len);
	struct reader info = read_element(&all, TAG_SEQUENCE);

	if (private)
		read_constant(&info, version, sizeof(version));
	read_constant(&info, algorithm, sizeof(algorithm));
	struct reader string = read_element(&info, private ? TAG_OCTET_STRING : TAG_BIT_STRING);
	if (!private)
		string.bad |= read_u8(&string) != 0; /* unused bits */
	struct reader key = read_element(&string, TAG_SEQUENCE);
	if (private)
		read_constant(&key, version, sizeof(version));
	if (!reader_done(&all) || !reader_done(&info) || !reader_done(&string))
		return HUFU_ERR_KEY_VALUE;
	return read_numbers(&key, numbers);
}

/* -- writing ------------------------------------------------------------------ */

static size_t head_len(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

static size_t element_len(size_t len)
{
	return head_len(len) + len;
}

/* With a zero in front where the highest bit is set. */
static size_t number_len(const BIGNUM *number)
{
	return (size_t)BN_num_bits(number) / 8 + 1;
}

static size_t numbers_len(const struct rsa_numbers *numbers, size_t nparts)
{
	size_t len = nparts == RSA_NPARTS ? sizeof(version) : 0;

	for (size_t i = 0; i < nparts; i++)
		len += element_len(number_len(numbers->part[i]));
	return len;
}

static size_t pkcs8_content(size_t numbers)
{
	return sizeof(version) + sizeof(algorithm) + element_len(element_len(numbers));
}

static size_t spki_content(size_t numbers)
{
	return sizeof(algorithm) + element_len(1 + element_len(numbers));
}

size_t rsa_pkcs8_len(const struct rsa_numbers *numbers)
{
	return element_len(pkcs8_content(numbers_len(numbers, RSA_NPARTS)));
}

size_t rsa_spki_len(const struct rsa_numbers *numbers)
{
	return element_len(spki_content(numbers_len(numbers, RSA_NPUBLIC)));
}

size_t rsa_pkcs8_max(size_t n_len, size_t e_len)
{
	size_t half = (n_len + 1) / 2;

	return element_len(pkcs8_content(sizeof(version) + 2 * element_len(n_len + 1) + element_len(e_len + 1) +
	                                 5 * element_len(half + 1)));
}

static uint8_t *put_head(uint8_t *p, uint8_t tag, size_t len)
{
	*p++ = tag;
	if (len >= 0x100) {
		*p++ = 0x82;
		*p++ = (uint8_t)(len >> 8);
	} else if (len >= 0x80) {
		*p++ = 0x81;
	}
	*p++ = (uint8_t)len;
	return p;
}

static uint8_t *put_constant(uint8_t *p, const uint8_t *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

static uint8_t *put_numbers(uint8_t *p, const struct rsa_numbers *numbers, size_t nparts)
{
	for (size_t i = 0; i < nparts; i++) {
		size_t len = number_len(numbers->part[i]);

		p = put_head(p, TAG_INTEGER, len);
		(void)BN_bn2binpad(numbers->part[i], p, (int)len);
		p += len;
	}
	return p;
}

void rsa_pkcs8_write(const struct rsa_numbers *numbers, uint8_t *out)
{
	size_t len = numbers_len(numbers, RSA_NPARTS);
	uint8_t *p = put_head(out, TAG_SEQUENCE, pkcs8_content(len));

	p = put_constant(p, version, sizeof(version));
	p = put_constant(p, algorithm, sizeof(algorithm));
	p = put_head(p, TAG_OCTET_STRING, element_len(len));
	p = put_head(p, TAG_SEQUENCE, len);
	p = put_constant(p, version, sizeof(version));
	(void)put_numbers(p, numbers, RSA_NPARTS);
}

void rsa_spki_write(const struct rsa_numbers *numbers, uint8_t *out)
{
	size_t len = numbers_len(numbers, RSA_NPUBLIC);
	uint8_t *p = put_head(out, TAG_SEQUENCE, spki_content(len));

	p = put_constant(p, algorithm, sizeof(algorithm));
	p = put_head(p, TAG_BIT_STRING, 1 + element_len(len));
	*p++ = 0; /* unused bits */
	p = put_head(p, TAG_SEQUENCE, len);
	(void)put_numbers(p, numbers, RSA_NPUBLIC);
}
