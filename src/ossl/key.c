/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/key.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/context.h"
#include "token/object.h"

/* -- kinds ------------------------------------------------------------------------------- */

static const struct kind {
	const char *name;
	CK_KEY_TYPE type;
	size_t nbits;                   /* of the field; 0: any */
} kinds[KEY_KINDS] = {
	[KEY_RSA] = {"RSA", CKK_RSA, 0},
	[KEY_EC] = {"EC", CKK_EC, 0},
	[KEY_SM2] = {"SM2", CKK_HUFU_SM2, 0},
	[KEY_ED25519] = {"ED25519", CKK_EC_EDWARDS, 255},
	[KEY_ED448] = {"ED448", CKK_EC_EDWARDS, 448},
	[KEY_X25519] = {"X25519", CKK_EC_MONTGOMERY, 255},
	[KEY_X448] = {"X448", CKK_EC_MONTGOMERY, 448},
};

const char *key_kind_name(enum key_kind kind)
{
	return kinds[kind].name;
}

static bool kind_fits(enum key_kind kind, const struct key_form *form)
{
	return kinds[kind].type == form->type && (!kinds[kind].nbits || kinds[kind].nbits == form->curve->nbits);
}

enum key_kind key_kind_of(const struct key_form *form)
{
	enum key_kind kind = KEY_RSA;

	while (kind < KEY_KINDS && !kind_fits(kind, form))
		kind++;
	return kind;
}

/* -- curves --------------------------------------------------------------------------------- */

/* Names that libcrypto's groups have, the one that it gives itself first (openssl ecparam -list_curves). */
static const struct {
	const char *group, *others[2];
} groups[] = {
	{"prime256v1", {"P-256", "secp256r1"}},
	{"secp384r1", {"P-384", NULL}},
	{"secp521r1", {"P-521", NULL}},
	{"SM2", {"sm2p256v1", NULL}},
};

static bool has_name(const struct curve *curve, const char *name)
{
	for (size_t i = 0; i < sizeof curve->names / sizeof *curve->names && curve->names[i]; i++)
		if (strcasecmp(curve->names[i], name) == 0)
			return true;
	return false;
}

const char *curve_group(const struct curve *curve)
{
	for (size_t i = 0; curve && i < sizeof groups / sizeof *groups; i++)
		if (has_name(curve, groups[i].group))
			return groups[i].group;
	return NULL;
}

static const struct curve *curve_of_name(const char *name)
{
	uint8_t params[2 + 32] = {DER_PRINTABLE_STRING, (uint8_t)strlen(name)};
	const struct curve *curve;

	memcpy(params + 2, name, strlen(name));
	return curve_of_params(params, 2 + strlen(name), &curve) == CKR_OK ? curve : NULL;
}

const struct curve *curve_of_group(const char *name)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		const char *const *others = groups[i].others;
		if (strcasecmp(groups[i].group, name) == 0 || strcasecmp(others[0], name) == 0 ||
		    (others[1] && strcasecmp(others[1], name) == 0))
			return curve_of_name(groups[i].group);
	}
	return NULL;
}

const struct curve *key_kind_curve(enum key_kind kind)
{
	static const char *const names[KEY_KINDS] = {
		[KEY_SM2] = "SM2", [KEY_ED25519] = "edwards25519", [KEY_ED448] = "edwards448", [KEY_X25519] = "curve25519",
		[KEY_X448] = "curve448",
	};

	return names[kind] ? curve_of_name(names[kind]) : NULL;
}

/* -- life ---------------------------------------------------------------------------------- */

struct key *key_new(const struct provider *provider, enum key_kind kind)
{
	struct key *key = calloc(1, sizeof *key);

	if (!key)
		return fail(provider, REASON_INTERNAL, "no memory"), NULL;
	key->refs = 1;
	key->provider = provider;
	key->kind = kind;
	return key;
}

int key_set_public(struct key *key, const uint8_t *spki, size_t len)
{
	key->spki = malloc(len);
	if (!key->spki)
		return fail(key->provider, REASON_INTERNAL, "no memory");
	memcpy(key->spki, spki, len);
	key->spki_len = len;
	if (key_form_read_public(key->spki, len, &key->form) && kind_fits(key->kind, &key->form))
		return 1;
	free(key->spki);
	key->spki = NULL;
	return fail(key->provider, REASON_KEY_TYPE, "this is no public key of type %s that tokens can have", key_kind_name(key->kind));
}

struct key *key_of_spki(const struct provider *provider, enum key_kind kind, const uint8_t *spki, size_t len)
{
	struct key *key = key_new(provider, kind);

	if (key && key_set_public(key, spki, len))
		return key;
	key_rele(key);
	return NULL;
}

struct key *key_hold(struct key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

void key_rele(struct key *key)
{
	if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (key->owner)
		session_close(key->owner);
	uri_rele(key->uri);
	free(key->name);
	free(key->label);
	free(key->spki);
	free(key);
}

/* -- the public half of a private object ----------------------------------------------------- */

size_t key_spki_of(const struct object *object, uint8_t spki[HUFU_PUB_MAX])
{
	const CK_ATTRIBUTE *info = attrs_get(&object->attrs, CKA_PUBLIC_KEY_INFO);
	struct key_form form;

	if (info && info->ulValueLen && info->ulValueLen <= HUFU_PUB_MAX && key_form_read_public(info->pValue, info->ulValueLen, &form)) {
		memcpy(spki, info->pValue, info->ulValueLen);
		return info->ulValueLen;
	}
	if (key_form_of_attrs(object->key_type, &object->attrs, NULL, &form) != CKR_OK)
		return 0;
	return key_form_write_public(&form, spki);
}

static size_t spki_of_certificate(const struct object *object, uint8_t spki[HUFU_PUB_MAX])
{
	const CK_ATTRIBUTE *value = attrs_get(&object->attrs, CKA_VALUE);
	const uint8_t *p = value ? value->pValue : NULL;
	X509 *parsed = X509_new_ex(libcrypto_context(), NULL); /* what it fetches while it reads is not the application's */
	uint8_t *der = NULL;
	struct key_form form;
	bool read = parsed && p && d2i_X509(&parsed, &p, (long)value->ulValueLen);
	int len = read ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed), &der) : 0;

	X509_free(parsed);
	if (len > 0 && len <= HUFU_PUB_MAX && key_form_read_public(der, (size_t)len, &form))
		memcpy(spki, der, (size_t)len);
	else
		len = 0;
	OPENSSL_free(der);
	return (size_t)len;
}

/* The first object of the class with this CKA_ID. A reference, or NULL. */
static struct object *find_companion(struct session *session, CK_OBJECT_CLASS object_class, const CK_ATTRIBUTE *id)
{
	CK_ATTRIBUTE templ[] = {{CKA_CLASS, &object_class, sizeof object_class}, *id};
	CK_OBJECT_HANDLE handle;
	CK_ULONG n = 0;
	struct object *object = NULL;

	if (find_init(session, templ, 2) != CKR_OK)
		return NULL;
	if (find_next(session, &handle, 1, &n) == CKR_OK && n == 1 &&
	    object_find(session, handle, CKR_OBJECT_HANDLE_INVALID, &object) != CKR_OK)
		object = NULL;
	find_final(session);
	return object;
}

static size_t spki_of_companions(struct session *session, const struct object *key, uint8_t spki[HUFU_PUB_MAX])
{
	const CK_ATTRIBUTE *id = attrs_get(&key->attrs, CKA_ID);
	size_t len = 0;

	if (!id || !id->ulValueLen)
		return 0;
	struct object *public = find_companion(session, CKO_PUBLIC_KEY, id);
	if (public && public->key_type == key->key_type)
		len = key_spki_of(public, spki);
	if (public)
		object_rele(public);
	struct object *certificate = len ? NULL : find_companion(session, CKO_CERTIFICATE, id);
	if (certificate) {
		len = spki_of_certificate(certificate, spki);
		object_rele(certificate);
	}
	return len;
}

static size_t public_half(struct session *session, const struct object *key, uint8_t spki[HUFU_PUB_MAX])
{
	size_t len = key_spki_of(key, spki);

	return len ? len : spki_of_companions(session, key, spki);
}

/* -- the private half ------------------------------------------------------------------------- */

static char *label_of(const struct object *object)
{
	const CK_ATTRIBUTE *label = attrs_get(&object->attrs, CKA_LABEL);

	return label ? strndup(label->pValue, label->ulValueLen) : strdup("");
}

static bool take_private(struct key *key, struct desk *desk, struct session *session, const struct object *object)
{
	key->desk = desk;
	key->handle = object->handle;
	key->always_authenticate = attrs_bool(&object->attrs, CKA_ALWAYS_AUTHENTICATE, false);
	if (!object->session)
		key->name = uri_of_object(session, object->handle);
	key->label = label_of(object);
	return ((key->name || object->session) && key->label) || fail(key->provider, REASON_INTERNAL, "no memory");
}

static struct key *fail_private(const struct provider *provider, enum reason reason, const struct object *object,
                                const struct desk *desk, const char *what)
{
	const CK_ATTRIBUTE *label = attrs_get(&object->attrs, CKA_LABEL);
	CK_ULONG len = label ? label->ulValueLen : 0;

	fail(provider, reason, "the private key \"%.*s\" of the token \"%s\" %s", (int)(len < 80 ? len : 80),
	     len ? (const char *)label->pValue : "", desk_token(desk), what);
	return NULL;
}

static struct key *make(const struct provider *provider, struct desk *desk, struct session *session, const struct object *object)
{
	uint8_t spki[HUFU_PUB_MAX];
	struct key_form form;
	size_t len = public_half(session, object, spki);

	if (!len || !key_form_read_public(spki, len, &form))
		return fail_private(provider, REASON_NO_OBJECT, object, desk, "has no public half, neither in its attributes, nor as a "
		                    "public key or certificate of the same CKA_ID: import one");
	if (form.type != object->key_type)
		return fail_private(provider, REASON_KEY_MISMATCH, object, desk, "and what has the same CKA_ID are not of one type: give the "
		                    "pair a CKA_ID of its own");
	if (key_kind_of(&form) == KEY_KINDS)
		return fail_private(provider, REASON_KEY_TYPE, object, desk, "is of a type that OpenSSL does not have");
	struct key *key = key_of_spki(provider, key_kind_of(&form), spki, len);
	if (key && take_private(key, desk, session, object))
		return key;
	key_rele(key);
	return NULL;
}

struct key *key_of_object(const struct provider *provider, struct desk *desk, struct session *session, CK_OBJECT_HANDLE handle,
                          struct uri *uri)
{
	struct object *object;
	struct key *key = NULL;
	CK_RV rv = object_find(session, handle, CKR_OBJECT_HANDLE_INVALID, &object);

	if (rv == CKR_OK) {
		key = make(provider, desk, session, object);
		object_rele(object);
	} else {
		fail_rv(provider, rv, "read a private key of the token \"%s\"", desk_token(desk));
	}
	if (key)
		key->uri = uri ? uri_hold(uri) : NULL;
	return key;
}

/* -- what it is ---------------------------------------------------------------------------------- */

unsigned key_size_nbits(const struct key *key)
{
	if (key->kind == KEY_RSA)
		return (unsigned)key_form_nbits(key->form.modulus);
	if (key->kind == KEY_ED448) /* as the default provider has it: of the encoding */
		return 456;
	if (key->kind == KEY_ED25519)
		return 256;
	if (key->kind == KEY_X25519)
		return 253;
	return (unsigned)key->form.curve->nbits;
}

/* SP 800-57 part 1, 5.6.1.1, table 2; SP 800-56B rev. 2, table 4; RFC 8032 8.5, RFC 7748 1. */
unsigned key_security_nbits(const struct key *key)
{
	static const struct {
		unsigned modulus, security;
	} rsa[] = {{8192, 200}, {7680, 192}, {6144, 176}, {4096, 152}, {3072, 128}, {2048, 112}, {0, 80}};
	size_t i = 0;

	if (key->kind == KEY_ED448 || key->kind == KEY_X448)
		return 224;
	if (key->kind != KEY_RSA)
		return (unsigned)(key->form.curve->nbits + 1) / 2 < 256 ? (unsigned)(key->form.curve->nbits + 1) / 2 : 256;
	while (key_size_nbits(key) < rsa[i].modulus)
		i++;
	return rsa[i].security;
}

size_t key_octets(const struct key *key)
{
	return key->kind == KEY_RSA ? key->form.modulus.len : key->form.curve->scalar_len;
}

/* SEQUENCE { r INTEGER, s INTEGER }, each with a zero before it where its first octet may be above 127 (RFC 3279 2.2.3). */
static size_t dsa_max_size(const struct curve *curve)
{
	return der_element_len(2 * der_element_len(curve->scalar_len + (curve->nbits % 8 == 0)));
}

size_t key_max_size(const struct key *key)
{
	if (key->kind == KEY_EC || key->kind == KEY_SM2)
		return dsa_max_size(key->form.curve);
	return key->kind == KEY_ED25519 || key->kind == KEY_ED448 ? 2 * key_octets(key) : key_octets(key);
}

const char *key_group(const struct key *key)
{
	return curve_group(key->form.curve);
}

bool key_public_equal(const struct key *a, const struct key *b)
{
	return a->kind == b->kind && a->spki && b->spki && a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0;
}

EVP_PKEY *key_public(const struct key *key)
{
	const uint8_t *p = key->spki;
	EVP_PKEY *pkey = p ? d2i_PUBKEY_ex(NULL, &p, (long)key->spki_len, libcrypto_context(), NULL) : NULL;

	if (!pkey)
		fail(key->provider, REASON_KEY_TYPE, "libcrypto does not take the public half of %s", key->name ? key->name : "this key");
	return pkey;
}

const char *key_title(const struct key *key, char text[160])
{
	if (key->desk)
		snprintf(text, 160, "the key \"%.80s\" of the token \"%s\"", key->label, desk_token(key->desk));
	else
		snprintf(text, 160, "a public key");
	return text;
}

/* -- the private half at work --------------------------------------------------------------------- */

static CK_RV look_up(struct session *session, CK_OBJECT_HANDLE handle)
{
	struct object *object;
	CK_RV rv = object_find(session, handle, CKR_KEY_HANDLE_INVALID, &object);

	if (rv == CKR_OK)
		object_rele(object);
	return rv;
}

/* Another key of that name would sign what nobody's certificate vouches for. */
static bool is_same(struct session *session, const struct key *key, CK_OBJECT_HANDLE handle)
{
	uint8_t spki[HUFU_PUB_MAX];
	struct object *object;

	if (object_find(session, handle, CKR_KEY_HANDLE_INVALID, &object) != CKR_OK)
		return false;
	size_t len = public_half(session, object, spki);
	object_rele(object);
	return len == key->spki_len && memcmp(spki, key->spki, len) == 0;
}

/* By its own URI, which names one object; that of the user may name several by now. */
static int look_up_again(struct session *session, struct key *key)
{
	static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE templ[URI_TEMPLATE_MAX + 1] = {{CKA_CLASS, (void *)(uintptr_t)&object_class, sizeof object_class}};
	struct uri *uri = uri_parse(key->provider, key->name);
	CK_OBJECT_HANDLE handles[2];
	CK_ULONG n = 0;
	char title[160];

	if (!uri)
		return 0;
	CK_RV rv = find_init(session, templ, 1 + uri_template(uri, templ + 1));
	if (rv == CKR_OK) {
		rv = find_next(session, handles, 2, &n);
		find_final(session);
	}
	uri_rele(uri);
	if (rv != CKR_OK || n != 1)
		return fail_rv(key->provider, rv == CKR_OK ? CKR_KEY_HANDLE_INVALID : rv, "find %s again", key_title(key, title));
	if (!is_same(session, key, handles[0]))
		return fail(key->provider, REASON_KEY_MISMATCH, "%s is another than it was: load it anew", key_title(key, title));
	atomic_store(&key->handle, handles[0]);
	return 1;
}

static bool renew(struct key *key, struct session *session)
{
	const struct login_from from = {.uri = key->uri};
	char title[160];

	if (!key->name)
		return fail_rv(key->provider, CKR_KEY_HANDLE_INVALID, "find %s again", key_title(key, title));
	return login_user(key->provider, key->desk, session, &from) && look_up_again(session, key);
}

struct session *key_enter(struct key *key, CK_OBJECT_HANDLE *handle)
{
	char title[160];
	CK_RV rv;
	struct session *session = desk_take(key->desk, &rv);

	if (!session)
		return fail_rv(key->provider, rv, "open a session for %s", key_title(key, title)), NULL;
	if (look_up(session, key->handle) != CKR_OK && !renew(key, session)) {
		desk_give(key->desk, session);
		return NULL;
	}
	*handle = key->handle;
	return session;
}
