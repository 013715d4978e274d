/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elements of DER (X.690): what asn1.c and key_form.c read and write with.
 *
 * Reading takes DER and nothing else: lengths and integers in the fewest
 * octets. Errors stick to the reader. Nothing is allocated.
 */
#ifndef TOKEN_DER_H
#define TOKEN_DER_H

#include "base/buf.h"

enum der_tag {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_VISIBLE_STRING = 0x1a,
	DER_SEQUENCE = 0x30,
	DER_IMPLICIT_1 = 0x81,
	DER_CONTEXT_0 = 0xa0,
	DER_CONTEXT_1 = 0xa1
};

/* A part of somebody else's bytes. */
struct der_view {
	const uint8_t *p;
	size_t len;
};

/* -- reading ----------------------------------------------------------------- */

/* The content of the element that must come next; an empty, bad reader otherwise. */
struct reader der_enter(struct reader *, enum der_tag);
bool der_next_is(const struct reader *, enum der_tag);
/* What was entered must have been used up. */
void der_leave(struct reader *, const struct reader *in);
/* These bytes must come next. */
void der_expect(struct reader *, const uint8_t *bytes, size_t len);
/* An INTEGER that is not negative, without the zero before its first octet; 0 is of no length. */
struct der_view der_read_integer(struct reader *);
void der_read_small_integer(struct reader *, uint8_t value);

/* -- writing: all lengths are known before --------------------------------------- */

size_t der_element_len(size_t content);
uint8_t *der_put_header(uint8_t *p, enum der_tag, size_t len);
uint8_t *der_put(uint8_t *p, const uint8_t *bytes, size_t len);
/* Of a number without leading zeros; of no length, it is 0. */
size_t der_integer_len(struct der_view);
uint8_t *der_put_integer(uint8_t *p, struct der_view);

#endif
