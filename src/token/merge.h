/* SPDX-License-Identifier: Apache-2.0 */
/* What a key demands of the keys that are made with it: CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE (PKCS#11 3.1 4.9, 4.10). */
#ifndef TOKEN_MERGE_H
#define TOKEN_MERGE_H

#include "token/object.h"
#include "token/vendor.h"

/* The caller's template and what the key adds to it: views of both. */
struct merged {
	CK_ATTRIBUTE *list;
	CK_ULONG n;
	struct own_template own;
};

/*
 * 5.18.4: "If any attribute conflict occurs ... CKR_TEMPLATE_INCONSISTENT". Checks templ as template_check
 * does. CKR_HOST_MEMORY.
 */
CK_RV merge_template(const struct object *key, CK_ATTRIBUTE_TYPE which, const CK_ATTRIBUTE *templ, CK_ULONG n, struct merged *);
void merged_clear(struct merged *);

#endif
