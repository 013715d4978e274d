/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tables of PKCS#11 section 4 say of each attribute, as data: one
 * table a group, one set of groups a kind of object. Everything that makes or
 * changes an object asks here.
 *
 * The flags are the footnotes of the specification's "common footnotes for
 * object attribute tables" (3.1 4.2), by their numbers; 9 ("default is
 * token-specific") is what the column of defaults answers.
 */
#ifndef TOKEN_RULES_H
#define TOKEN_RULES_H

#include "token/attr.h"
#include "token/object.h"

#define F1 0x0002u  /* must be given to C_CreateObject */
#define F2 0x0004u  /* must not be given to C_CreateObject */
#define F3 0x0008u  /* must be given when generating */
#define F4 0x0010u  /* must not be given when generating */
#define F5 0x0020u  /* must be given when unwrapping */
#define F6 0x0040u  /* must not be given when unwrapping */
#define F7 0x0080u  /* not revealed when sensitive or unextractable: the key's material */
#define F8 0x0100u  /* may be changed, and while copying */
#define F10 0x0400u /* only the SO sets it to true */
#define F11 0x0800u /* read-only once it is true */
#define F12 0x1000u /* read-only once it is false */
#define COPY 0x8000u /* may be changed while copying only (4.4, 5.7.2) */

enum fallback {
	DEFAULT_NONE,   /* the object does not have it unless it was given */
	DEFAULT_EMPTY,  /* of no length; not stored */
	DEFAULT_FALSE,
	DEFAULT_TRUE,
	DEFAULT_ZERO,   /* CK_ULONG 0 */
	DEFAULT_CURVE,  /* HUFU_SM2_CURVE_OID */
	DEFAULT_LATER   /* object_plan or object_commit says */
};

struct rule {
	CK_ATTRIBUTE_TYPE type;
	uint32_t flags;
	enum fallback fallback;
};

#define RULE_GROUPS_MAX 4
struct rule_group {
	const struct rule *rules;
	size_t n;
};

/* Groups from the most special to the most general: the first rule for an attribute holds. */
struct rule_set {
	CK_OBJECT_CLASS object_class;
	CK_ULONG kind;                  /* key type, certificate type, or CK_UNAVAILABLE_INFORMATION */
	size_t value_min, value_max;    /* bytes of CKA_VALUE, or of each part of a private key: keys; else 0 */
	struct rule_group groups[RULE_GROUPS_MAX];
	size_t value_step;              /* between the lengths that may be; 0: all between */
};

/* NULL: objects of this class and kind are not made here. */
const struct rule_set *rules_find(CK_OBJECT_CLASS, CK_ULONG kind);
/* Those of an object that exists; NULL for what the token itself shows. */
const struct rule_set *rules_of(const struct object *);
/* May the material of such a key have this length? */
bool rules_value_fits(const struct rule_set *, size_t len);
/* Are there objects of this class, of whatever kind? */
bool rules_know_class(CK_OBJECT_CLASS);
/* NULL: such objects do not have this attribute. */
const struct rule *rules_get(const struct rule_set *, CK_ATTRIBUTE_TYPE);
/* All rules, special ones first; NULL at the end. One that an earlier one overrides comes too: rules_get tells. */
const struct rule *rules_at(const struct rule_set *, size_t i);

/*
 * 4.1.1: is every attribute of the template allowed at this origin, and is
 * what must be given there? CKR_ATTRIBUTE_TYPE_INVALID (nobody knows it),
 * TEMPLATE_INCONSISTENT (not of this class), ATTRIBUTE_READ_ONLY,
 * TEMPLATE_INCOMPLETE.
 */
CK_RV rules_check_new(const struct rule_set *, enum origin, enum login, const CK_ATTRIBUTE *, CK_ULONG n);
/*
 * 4.1.2, 4.1.3: may these attributes of an object become so? A one-way
 * attribute may be given the value it has. Codes as above, and
 * CKR_TEMPLATE_INCONSISTENT for a copy less private than its original.
 */
CK_RV rules_check_change(const struct rule_set *, const struct attrs *now, bool copying, enum login, const CK_ATTRIBUTE *,
                         CK_ULONG n);

#endif
