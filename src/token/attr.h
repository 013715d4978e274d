/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes: lists of them, and what is known of each.
 *
 * A struct attrs owns deep copies, in secret memory when it was made so.
 */
#ifndef TOKEN_ATTR_H
#define TOKEN_ATTR_H

#include "base/err.h"
#include "base/buf.h"
#include "hufu/pkcs11-sm.h"

enum attr_kind { ATTR_BOOL, ATTR_ULONG, ATTR_BYTES, ATTR_DATE, ATTR_ULONGS, ATTR_TEMPLATE };

/* The kind of a standard attribute; ATTR_BYTES, known = false, for one that the specification does not have. */
enum attr_kind attr_kind(CK_ATTRIBUTE_TYPE, bool *known);
/* Found through the store's index (class, label, id, ...). */
bool attr_indexed(CK_ATTRIBUTE_TYPE);
/* Lower is rarer: the order in which a find asks. */
unsigned attr_rarity(CK_ATTRIBUTE_TYPE);

struct attrs {
	CK_ATTRIBUTE *list;
	size_t n, cap;
	bool secret;
};

void attrs_init(struct attrs *, bool secret);
void attrs_clear(struct attrs *);
const CK_ATTRIBUTE *attrs_get(const struct attrs *, CK_ATTRIBUTE_TYPE);
bool attrs_bool(const struct attrs *, CK_ATTRIBUTE_TYPE, bool otherwise);
CK_ULONG attrs_ulong(const struct attrs *, CK_ATTRIBUTE_TYPE, CK_ULONG otherwise);
/* Replaces or adds a copy. False: out of memory. Nested templates are copied whole. */
bool attrs_set(struct attrs *, CK_ATTRIBUTE_TYPE, const void *value, size_t len) MUST_CHECK;
bool attrs_set_bool(struct attrs *, CK_ATTRIBUTE_TYPE, bool) MUST_CHECK;
bool attrs_set_ulong(struct attrs *, CK_ATTRIBUTE_TYPE, CK_ULONG) MUST_CHECK;
void attrs_remove(struct attrs *, CK_ATTRIBUTE_TYPE);
bool attrs_copy(struct attrs *to, const struct attrs *from) MUST_CHECK;
/* Same type, length and bytes (constant time). */
bool attr_equal(const CK_ATTRIBUTE *, const CK_ATTRIBUTE *);

/*
 * What an application handed in: NULL where there must be a value, impossible
 * lengths, wrong sizes for the kind, a type given twice with different values,
 * more than STORE_ATTRS_MAX entries. CKR_ARGUMENTS_BAD, ATTRIBUTE_VALUE_INVALID,
 * TEMPLATE_INCONSISTENT.
 */
CK_RV template_check(const CK_ATTRIBUTE *templ, CK_ULONG n);

/*
 * One attribute's value in the store's portable form: CK_ULONGs as 64-bit
 * big-endian, templates nested with counts. Decoding bounds everything.
 */
bool attr_encode(const CK_ATTRIBUTE *, struct writer *) MUST_CHECK;
bool attr_decode(CK_ATTRIBUTE_TYPE, const uint8_t *value, size_t len, struct attrs *into) MUST_CHECK;

#endif
