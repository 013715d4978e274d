/* SPDX-License-Identifier: Apache-2.0 */
/* URIs of RFC 7512, read by p11-kit: which objects they mean, and where the PIN is. */
#ifndef OSSL_URI_H
#define OSSL_URI_H

#include "ossl/desk.h"

#define URI_MAX 4096

struct uri;

/* NULL after an error. Its text is kept, less pin-value. */
struct uri *uri_parse(const struct provider *, const char *text);
void uri_free(struct uri *);
const char *uri_text(const struct uri *);
/* The URI that names this object and no other: token, serial, object, id, type. free it; NULL: no memory. */
char *uri_of_object(struct session *, struct desk *, CK_OBJECT_HANDLE);

/* Does it mean tokens of this kind, and objects of this class (CKO_...; type= may be absent)? */
bool uri_matches_token(const struct uri *, const CK_TOKEN_INFO *);
bool uri_wants_class(const struct uri *, CK_OBJECT_CLASS);
/* The attributes that it names (label, id, class), for a search; views that live as long as the URI. At most 4. */
size_t uri_template(const struct uri *, CK_ATTRIBUTE templ[4]);

/* pin-source and pin-value; NULL where it has none. */
const char *uri_pin_source(const struct uri *);
const char *uri_pin_value(const struct uri *);

#endif
