/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key as OpenSSL holds it (the provider side of an EVP_PKEY): a public half
 * as bytes, and, unless it is a public key only, the name of a private object in a token.
 * Immutable once made, but for the handle, which is looked up again when the
 * core no longer knows it; counted by reference; thread-safe.
 */
#ifndef OSSL_KEY_H
#define OSSL_KEY_H

#include <openssl/types.h>
#include <stdatomic.h>

#include "ossl/login.h"
#include "token/key_form.h"
#include "token/object.h"

enum key_kind { KEY_RSA, KEY_EC, KEY_SM2, KEY_ED25519, KEY_ED448, KEY_X25519, KEY_X448, KEY_KINDS };

/* KIND(name, kind, names): a row each; names and object identifiers as the default provider has them. */
#define KEY_KINDS_EACH(KIND)                                                    \
	KIND(rsa, KEY_RSA, "RSA:rsaEncryption:1.2.840.113549.1.1.1")            \
	KIND(ec, KEY_EC, "EC:id-ecPublicKey:1.2.840.10045.2.1")                 \
	KIND(sm2, KEY_SM2, "SM2:1.2.156.10197.1.301")                           \
	KIND(ed25519, KEY_ED25519, "ED25519:1.3.101.112")                       \
	KIND(ed448, KEY_ED448, "ED448:1.3.101.113")                             \
	KIND(x25519, KEY_X25519, "X25519:1.3.101.110")                          \
	KIND(x448, KEY_X448, "X448:1.3.101.111")

struct key {
	_Atomic uint32_t refs;
	const struct provider *provider;
	enum key_kind kind;
	/* the public half: SubjectPublicKeyInfo (DER), and views into it; NULL: parameters only, a curve */
	uint8_t *spki;
	size_t spki_len;
	struct key_form form;
	/* the private one; desk NULL: there is none */
	struct desk *desk;
	struct uri *uri;                /* how it was asked for: the login's source, too; or NULL */
	char *name;                     /* its own URI (uri_of_object); NULL: it is a session object, and has none */
	char *label;                    /* for messages; "" where it has none */
	CK_SESSION_HANDLE owner;        /* of a session object: closed with the key; else 0 */
	_Atomic CK_OBJECT_HANDLE handle;
	bool always_authenticate;
};

const char *key_kind_name(enum key_kind);       /* "RSA", "EC", "SM2", "ED25519", ... as EVP_PKEY_get0_type_name */
/* The curve of which there is but one; NULL: RSA and EC. */
const struct curve *key_kind_curve(enum key_kind);
/* KEY_KINDS: none of them. */
enum key_kind key_kind_of(const struct key_form *);
/* What the attributes of a key, public or private, say of its public half; the length, 0: nothing. */
size_t key_spki_of(const struct object *, uint8_t spki[HUFU_PUB_MAX]);
/* Nothing of it is known yet. NULL: no memory. */
struct key *key_new(const struct provider *, enum key_kind);
/* Its public half, copied; at most once, before anybody else has the key. 0 after an error: not such a key. */
int key_set_public(struct key *, const uint8_t *spki, size_t len);
/* Both. NULL after an error. */
struct key *key_of_spki(const struct provider *, enum key_kind, const uint8_t *spki, size_t len);
/*
 * Of a private object, whose public half is found in its attributes, in the public object of the same CKA_ID, or in a
 * certificate of that CKA_ID. NULL after an error. The uri (or NULL) is held.
 */
struct key *key_of_object(const struct provider *, struct desk *, struct session *, CK_OBJECT_HANDLE, struct uri *);
struct key *key_hold(struct key *);
void key_rele(struct key *);

static inline bool key_is_private(const struct key *key)
{
	return key->desk != NULL;
}
/* Bits of the modulus or the field; security bits (SP 800-57); bytes of the longest signature, ciphertext or secret. */
unsigned key_size_nbits(const struct key *);
unsigned key_security_nbits(const struct key *);
size_t key_max_size(const struct key *);
/* SM2 and ECDSA: octets of a field element; RSA: of the modulus. */
size_t key_octets(const struct key *);
/* "prime256v1", "SM2", ..., as the default provider names them; NULL: not on a curve of which there are several. */
const char *key_group(const struct key *);
const char *curve_group(const struct curve *);
/* The curve of that name, or of another by which the default provider knows it. NULL: none of ours. */
const struct curve *curve_of_group(const char *name);
/* The same public half? */
bool key_public_equal(const struct key *, const struct key *);
/*
 * The public half as libcrypto's key, in our own context (crypto/context.h), for what is done with it on this host: made
 * anew by each call, since a forked child must not use what its parent's threads may have locked. EVP_PKEY_free it. NULL after an error.
 */
EVP_PKEY *key_public(const struct key *);

/* -- the private half at work ------------------------------------------------------ */

/*
 * A session and the key's handle on it, for one operation: looked up again if it is stale, logged in again if the login
 * has ended. NULL after an error. Give it back with desk_give(key->desk, ...).
 */
struct session *key_enter(struct key *, CK_OBJECT_HANDLE *);
/* What to say of it in fail_rv: "the key \"tls\" of the token \"gateway\"". Written into text, which it gives. */
const char *key_title(const struct key *, char text[160]);

/* One call of the core with the private half: see work.h. */

#endif
