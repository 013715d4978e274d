/* SPDX-License-Identifier: Apache-2.0 */
#include "token/der.h"

#include <string.h>

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

struct reader der_enter(struct reader *r, enum der_tag tag)
{
	if (read_u8(r) != tag)
		r->bad = true;
	size_t len = read_length(r);
	struct reader in = reader_of(read_bytes(r, len), len);
	if (r->bad)
		in = (struct reader){.bad = true};
	return in;
}

bool der_next_is(const struct reader *r, enum der_tag tag)
{
	return !r->bad && r->left > 0 && r->p[0] == tag;
}

void der_leave(struct reader *r, const struct reader *in)
{
	if (!reader_done(in))
		r->bad = true;
}

void der_expect(struct reader *r, const uint8_t *bytes, size_t len)
{
	const uint8_t *p = read_bytes(r, len);
	if (!p || memcmp(p, bytes, len) != 0)
		r->bad = true;
}

/* X.690 8.3.2: no more octets than needed. */
struct der_view der_read_integer(struct reader *r)
{
	struct reader in = der_enter(r, DER_INTEGER);
	if (in.bad || in.left == 0 || in.p[0] & 0x80 || (in.left > 1 && in.p[0] == 0 && !(in.p[1] & 0x80))) {
		r->bad = true;
		return (struct der_view){0};
	}
	if (in.p[0] == 0)
		(void)read_u8(&in);
	return (struct der_view){in.p, in.left};
}

void der_read_small_integer(struct reader *r, uint8_t value)
{
	struct der_view number = der_read_integer(r);
	if (value == 0 ? number.len != 0 : number.len != 1 || number.p[0] != value)
		r->bad = true;
}

/* -- writing ------------------------------------------------------------------- */

static size_t length_len(size_t len)
{
	return len < 0x80 ? 1 : len < 0x100 ? 2 : len < 0x10000 ? 3 : len < 0x1000000 ? 4 : 5;
}

size_t der_element_len(size_t content)
{
	return 1 + length_len(content) + content;
}

uint8_t *der_put_header(uint8_t *p, enum der_tag tag, size_t len)
{
	size_t n = length_len(len) - 1;
	*p++ = (uint8_t)tag;
	if (n == 0)
		*p++ = (uint8_t)len;
	else
		*p++ = (uint8_t)(0x80 | n);
	for (; n > 0; n--)
		*p++ = (uint8_t)(len >> 8 * (n - 1));
	return p;
}

uint8_t *der_put(uint8_t *p, const uint8_t *bytes, size_t len)
{
	if (len)
		memcpy(p, bytes, len);
	return p + len;
}

/* A zero before a first octet that would make it negative, and for 0 itself. */
static size_t sign_len(struct der_view number)
{
	return number.len == 0 ? 1 : number.p[0] >> 7;
}

size_t der_integer_len(struct der_view number)
{
	return der_element_len(sign_len(number) + number.len);
}

uint8_t *der_put_integer(uint8_t *p, struct der_view number)
{
	p = der_put_header(p, DER_INTEGER, sign_len(number) + number.len);
	if (sign_len(number))
		*p++ = 0;
	return der_put(p, number.p, number.len);
}
