/* SPDX-License-Identifier: Apache-2.0 */
/* URIs of RFC 7512, read by p11-kit: which objects they mean, and where the PIN is. */
#ifndef OSSL_URI_H
#define OSSL_URI_H

#include "ossl/desk.h"

#define URI_MAX 4096

struct uri;

/* NULL after an error, which says where the text is wrong. uri_text is for messages: without pin-source and pin-value. */
struct uri *uri_parse(const struct provider *, const char *text);
/* Counted by reference, and immutable. */
struct uri *uri_hold(struct uri *);
void uri_rele(struct uri *);
const char *uri_text(const struct uri *);
/* The URI that names this object: token, serial, object, id, type. free it; NULL: no memory, or it is no more. */
char *uri_of_object(struct session *, CK_OBJECT_HANDLE);
/* The same with the other's pin-source, if it has one. free it; NULL: no memory. */
char *uri_with_pin_source(const char *text, const struct uri *);

/* Does it mean the token in this slot, and objects of this class (CKO_...; type= may be absent)? */
bool uri_matches_token(const struct uri *, CK_SLOT_ID, const CK_TOKEN_INFO *);
bool uri_wants_class(const struct uri *, CK_OBJECT_CLASS);
/* Does it say which tokens (token, serial, slot-id, ...), and which objects (object, id)? */
bool uri_names_token(const struct uri *);
bool uri_names_object(const struct uri *);
/* The attributes that it names beside the class (label, id), for a search; views that live as long as the URI. */
#define URI_TEMPLATE_MAX 2
size_t uri_template(const struct uri *, CK_ATTRIBUTE templ[URI_TEMPLATE_MAX]);

/* pin-source and pin-value; NULL where it has none. The latter lies in secret memory. */
const char *uri_pin_source(const struct uri *);
const char *uri_pin_value(const struct uri *);

#endif
