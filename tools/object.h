/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a token, as the tool shows and finds them. */
#ifndef OBJECT_H
#define OBJECT_H

#include "tools/hex.h"
#include "tools/keykind.h"
#include "tools/session.h"

#include <jansson.h>

struct object {
	CK_OBJECT_HANDLE handle;
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type;
	const struct key_kind *kind;   /* NULL: a type the tool only lists */
	CK_ULONG nbits;                /* 0: unknown */
	const char *curve;             /* of kind ec: its name, NULL: unknown */
	unsigned char *label, *id;     /* malloc; NULL when empty */
	CK_ULONG label_len, id_len;
};

/* One attribute, malloc. NULL with *len 0: the object does not have it, or does not give it. */
unsigned char *object_attribute(const struct session *, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE, CK_ULONG *len);
/* CKA_ of one CK_BBOOL: 1, 0, or -1 when not given. */
int object_flag(const struct session *, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE);

/* Handles of all objects that fit, malloc. */
enum status objects_find(const struct session *, const CK_ATTRIBUTE *, CK_ULONG n, CK_OBJECT_HANDLE **, CK_ULONG *found) MUST_USE;
enum status object_load(const struct session *, CK_OBJECT_HANDLE, struct object *) MUST_USE;
void object_clear(struct object *);

/*
 * Keys that the selector means, of these classes (bit 1 << CKO_); all of the
 * token's for no target. At least one is not asked for.
 */
#define WANT_CERTIFICATES (1u << CKO_CERTIFICATE)
#define WANT_PUBLIC  (1u << CKO_PUBLIC_KEY)
#define WANT_PRIVATE (1u << CKO_PRIVATE_KEY)
#define WANT_SECRET  (1u << CKO_SECRET_KEY)
#define WANT_KEYS    (WANT_PUBLIC | WANT_PRIVATE | WANT_SECRET)
enum status keys_find(const struct session *, unsigned want, struct object **, CK_ULONG *n) MUST_USE;
void keys_free(struct object *, CK_ULONG n);
/* Exactly one, or ST_NOT_FOUND, or ST_USAGE for several. target: as the user wrote it. */
enum status key_find_one(const struct session *, unsigned want, const char *target, struct object *) MUST_USE;
/*
 * Opens a read-only session for the key that the first target names. A public
 * object needs no PIN: the login comes when no fitting key is visible without
 * (never for WANT_PUBLIC alone, which logins do not hide), or by option.
 */
enum status key_open(const struct args *, unsigned want, struct session *, struct object *) MUST_USE;

/* "sm2", "sm4", "rsa" or CKK_'s name; "x509" for a certificate. */
const char *object_type(const struct object *, char buf[NAME_LEN]);
/* RFC 7512, malloc; NULL: out of memory. */
char *object_uri(const struct session *, const struct object *);
/* The label for people; malloc. */
char *object_label(const struct object *);
/* {"class","type","label","id","uri"} */
json_t *object_json(const struct session *, const struct object *);
/* The result of a command that made these: their URIs, a line each, or {"schema","objects":[...]}. */
enum status objects_report(const struct args *, const struct session *, const char *schema, const CK_OBJECT_HANDLE *,
                           size_t n) MUST_USE;

#endif
