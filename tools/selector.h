/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which token, which object: a label, or an RFC 7512 URI. Both become a URI,
 * matched by p11-kit.
 */
#ifndef SELECTOR_H
#define SELECTOR_H

#include "hufu/pkcs11-sm.h"
#include "tools/module.h"

#include <p11-kit/uri.h>

struct selector {
	P11KitUri *token;           /* of --token, or NULL */
	P11KitUri *target;          /* of the target, or NULL */
	char *pin_source;           /* path from a URI's pin-source=file:, or NULL */
};

enum selector_kind { SELECT_TOKEN, SELECT_OBJECT };

/*
 * From --token and the target (NULL: none given). A plain word is a token's or
 * an object's label, by kind. pin-value is refused: it would stand in argv.
 */
enum status selector_init(const struct args *, const char *target, enum selector_kind, struct selector *) MUST_USE;
void selector_clear(struct selector *);

bool selector_match_slot(const struct selector *, const struct module *, const struct slot *);
/* True when --token or the target says anything about a token. */
bool selector_names_token(const struct selector *);
/* Attributes to find the object by, owned by the selector; n = 0: any. */
CK_ATTRIBUTE *selector_attributes(const struct selector *, CK_ULONG *n);

/* URIs for people to paste; the caller frees them. NULL: out of memory. */
char *uri_of_token(const CK_TOKEN_INFO *);
char *uri_of_object(const CK_TOKEN_INFO *, const CK_ATTRIBUTE *attrs, CK_ULONG n);

#endif
