/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendors' numbers for mechanisms and key types (alias/alias.h) at the token's
 * door: what an application says is put into our own numbers when it comes in,
 * and what it is shown into the vendor's. Inside, and in the store, there are
 * our own only.
 */
#ifndef TOKEN_VENDOR_H
#define TOKEN_VENDOR_H

#include "alias/alias.h"
#include "base/conf.h"
#include "token/attr.h"

/* NULL where the configuration names no vendor. */
const struct alias_profile *vendor_of(const struct conf_token *);

/* A mechanism in our own numbers, its parameter in our own form. May not be moved: it points into itself. */
struct own_mechanism {
	CK_MECHANISM m;
	CK_HUFU_SM2_SM3_PARAMS id;
};
/* As row says. CKR_MECHANISM_PARAM_INVALID. */
CK_RV vendor_take_mechanism(const struct alias_mech *row, const CK_MECHANISM *said, struct own_mechanism *);

/* A template in our own numbers: the application's, or a copy. */
struct own_template {
	const CK_ATTRIBUTE *list;
	CK_ULONG n;
	struct attrs copy;
};
/* Checks it as template_check does. CKR_HOST_MEMORY. */
CK_RV vendor_take_template(const struct conf_token *, const CK_ATTRIBUTE *templ, CK_ULONG n, struct own_template *);
void own_template_clear(struct own_template *);

/* An attribute as the application is shown it: *a, or its copy in shown, which the caller clears either way. CKR_HOST_MEMORY. */
CK_RV vendor_show(const struct conf_token *, CK_ATTRIBUTE *a, struct attrs *shown);

#endif
