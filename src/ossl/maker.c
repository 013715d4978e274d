/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/maker.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/secret.h"
#include "ossl/param.h"
#include "ossl/pause.h"
#include "ossl/search.h"
#include "token/operation.h"

#define RSA_DEFAULT_NBITS 2048          /* as the default provider */
#define ID_LEN 16
#define TEMPLATE_MAX 12
#define USAGE_MAX 256

enum use { SIGN = 1, DECRYPT = 2, UNWRAP = 4, DERIVE = 8 };

static const struct {
	CK_MECHANISM_TYPE mechanism;
	unsigned uses;
} kinds[KEY_KINDS] = {
	[KEY_RSA] = {CKM_RSA_PKCS_KEY_PAIR_GEN, SIGN | DECRYPT | UNWRAP},
	[KEY_EC] = {CKM_EC_KEY_PAIR_GEN, SIGN | DERIVE},
	[KEY_SM2] = {CKM_HUFU_SM2_KEY_PAIR_GEN, SIGN | DECRYPT | UNWRAP | DERIVE},
	[KEY_ED25519] = {CKM_EC_EDWARDS_KEY_PAIR_GEN, SIGN},
	[KEY_ED448] = {CKM_EC_EDWARDS_KEY_PAIR_GEN, SIGN},
	[KEY_X25519] = {CKM_EC_MONTGOMERY_KEY_PAIR_GEN, DERIVE},
	[KEY_X448] = {CKM_EC_MONTGOMERY_KEY_PAIR_GEN, DERIVE},
};

struct maker {
	const struct provider *provider;
	enum key_kind kind;
	int selection;
	struct uri *uri;                /* NULL: no token object */
	unsigned uses;
	const struct curve *curve;
	size_t nbits;
	uint8_t e[KEY_FORM_EXPONENT_MAX];
	size_t e_len;
};

/* -- parameters ---------------------------------------------------------------------------- */

struct maker *maker_new(const struct provider *provider, enum key_kind kind, int selection, const OSSL_PARAM params[])
{
	struct maker *maker = calloc(1, sizeof *maker);

	if (!maker)
		return fail(provider, REASON_INTERNAL, "no memory"), NULL;
	*maker = (struct maker){.provider = provider, .kind = kind, .selection = selection, .uses = kinds[kind].uses,
	                        .curve = key_kind_curve(kind), .nbits = RSA_DEFAULT_NBITS, .e = {1, 0, 1}, .e_len = 3};
	if (maker_set_params(maker, params))
		return maker;
	maker_free(maker);
	return NULL;
}

void maker_free(void *context)
{
	struct maker *maker = context;

	if (maker)
		uri_rele(maker->uri);
	free(maker);
}

int maker_set_template(void *context, void *data)
{
	struct maker *maker = context;
	const struct key *key = data;

	if (!key || key->kind != maker->kind || !key->form.curve)
		return fail(maker->provider, REASON_KEY_TYPE, "the parameters are not those of a key of type %s", key_kind_name(maker->kind));
	maker->curve = key->form.curve;
	return 1;
}

static int set_uri(struct maker *maker, const OSSL_PARAM *p)
{
	char text[URI_MAX + 1];

	if (!p)
		return 1;
	if (!param_text(p, text, sizeof text))
		return fail(maker->provider, REASON_PARAMETER, "pkcs11_uri is no text of at most %d bytes", URI_MAX);
	uri_rele(maker->uri);
	maker->uri = uri_parse(maker->provider, text);
	secret_wipe(text, sizeof text); /* a pin-value may be in it */
	return maker->uri != NULL;
}

static unsigned use_of(const char *name, size_t len)
{
	static const struct {
		const char *name;
		unsigned uses;
	} usages[] = {
		{"digitalSignature", SIGN},
		{"dataEncipherment", DECRYPT},
		{"keyEncipherment", DECRYPT | UNWRAP}, /* TLS decrypts what X.509 calls so */
		{"keyAgreement", DERIVE},
	};

	for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
		if (strlen(usages[i].name) == len && memcmp(usages[i].name, name, len) == 0)
			return usages[i].uses;
	return 0;
}

static int set_usage(struct maker *maker, const OSSL_PARAM *p)
{
	char usage[USAGE_MAX];
	const char *text = usage;
	unsigned uses = 0;

	if (!p)
		return 1;
	if (!param_text(p, usage, sizeof usage))
		return fail(maker->provider, REASON_PARAMETER, "pkcs11_key_usage is no text of less than %d bytes", USAGE_MAX);
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		unsigned use = use_of(text, len) & kinds[maker->kind].uses;
		if (!use)
			return fail(maker->provider, REASON_KEY_USE, "pkcs11_key_usage: keys of type %s have no use \"%.*s\"",
			            key_kind_name(maker->kind), (int)len, text);
		uses |= use;
		text += len;
	}
	maker->uses = uses;
	return uses || fail(maker->provider, REASON_KEY_USE, "pkcs11_key_usage names no use");
}

static int set_group(struct maker *maker, const OSSL_PARAM *p)
{
	char name[64] = "";
	bool sm2 = maker->kind == KEY_SM2;

	if (!p || (maker->kind != KEY_EC && !sm2))
		return 1;
	maker->curve = param_text(p, name, sizeof name) ? curve_of_group(name) : NULL;
	if (maker->curve && (maker->curve->key_type == CKK_HUFU_SM2) == sm2)
		return 1;
	if (maker->curve)
		return fail(maker->provider, REASON_PARAMETER, "keys on the curve %s are of type %s", curve_group(maker->curve),
		            sm2 ? "EC" : "SM2");
	return fail(maker->provider, REASON_PARAMETER, "tokens have no keys on the curve \"%s\"", name);
}

static int set_exponent(struct maker *maker, const OSSL_PARAM *p)
{
	BIGNUM *e = NULL;

	if (!p)
		return 1;
	int len = p->data && OSSL_PARAM_get_BN(p, &e) ? BN_num_bytes(e) : 0;
	bool fits = len > 0 && (size_t)len <= sizeof maker->e;
	if (fits)
		maker->e_len = (size_t)BN_bn2bin(e, maker->e);
	BN_free(e);
	return fits || fail(maker->provider, REASON_PARAMETER, "the public exponent has at most %d octets", KEY_FORM_EXPONENT_MAX);
}

static int set_rsa(struct maker *maker, const OSSL_PARAM params[])
{
	const OSSL_PARAM *bits = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_BITS);
	const OSSL_PARAM *primes = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_PRIMES);
	size_t nprimes = 2;

	if (maker->kind != KEY_RSA)
		return 1;
	if (bits && !param_size(bits, &maker->nbits))
		return fail(maker->provider, REASON_PARAMETER, "the number of bits is no number");
	if ((primes && !param_size(primes, &nprimes)) || nprimes != 2)
		return fail(maker->provider, REASON_PARAMETER, "RSA keys in tokens have two primes");
	return set_exponent(maker, OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_E));
}

int maker_set_params(void *context, const OSSL_PARAM params[])
{
	struct maker *maker = context;

	return !params || (set_uri(maker, OSSL_PARAM_locate_const(params, "pkcs11_uri")) &&
	                   set_usage(maker, OSSL_PARAM_locate_const(params, "pkcs11_key_usage")) &&
	                   set_group(maker, OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME)) && set_rsa(maker, params));
}

#define COMMON                                                                  \
	OSSL_PARAM_utf8_string("pkcs11_uri", NULL, 0),                          \
	OSSL_PARAM_utf8_string("pkcs11_key_usage", NULL, 0)

const OSSL_PARAM *maker_settable_rsa(void *maker, void *provider)
{
	static const OSSL_PARAM params[] = {
		COMMON, OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, NULL), OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, NULL),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_END,
	};
	(void)maker, (void)provider;
	return params;
}

const OSSL_PARAM *maker_settable_ec(void *maker, void *provider)
{
	static const OSSL_PARAM params[] = {
		COMMON, OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		/* taken, since the command sets them; there is one form */
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0), OSSL_PARAM_END,
	};
	(void)maker, (void)provider;
	return params;
}

const OSSL_PARAM *maker_settable_other(void *maker, void *provider)
{
	static const OSSL_PARAM params[] = {COMMON, OSSL_PARAM_END};

	(void)maker, (void)provider;
	return params;
}

/* -- making ----------------------------------------------------------------------------------- */

struct template {
	CK_ATTRIBUTE list[TEMPLATE_MAX];
	CK_ULONG n;
};

static const CK_BBOOL ck_true = CK_TRUE, ck_false = CK_FALSE;

static void put(struct template *templ, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	templ->list[templ->n++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

static void put_flag(struct template *templ, CK_ATTRIBUTE_TYPE type, bool value)
{
	put(templ, type, value ? &ck_true : &ck_false, sizeof ck_true);
}

/* What both halves have: where they live, and what they are called. Without an id in the URI a random one joins them. */
static void put_common(const struct maker *maker, const uint8_t id[ID_LEN], struct template *templ)
{
	CK_ATTRIBUTE named[URI_TEMPLATE_MAX];
	size_t n = maker->uri ? uri_template(maker->uri, named) : 0;
	bool has_id = false;

	put_flag(templ, CKA_TOKEN, maker->uri != NULL);
	for (size_t i = 0; i < n; i++) {
		templ->list[templ->n++] = named[i];
		has_id |= named[i].type == CKA_ID;
	}
	if (!has_id)
		put(templ, CKA_ID, id, ID_LEN);
}

static void put_public(const struct maker *maker, const CK_ULONG *nbits, struct template *templ)
{
	if (kinds[maker->kind].uses & SIGN)
		put_flag(templ, CKA_VERIFY, maker->uses & SIGN);
	if (kinds[maker->kind].uses & DECRYPT)
		put_flag(templ, CKA_ENCRYPT, maker->uses & DECRYPT);
	if (kinds[maker->kind].uses & UNWRAP)
		put_flag(templ, CKA_WRAP, maker->uses & UNWRAP);
	if (maker->kind == KEY_RSA) {
		put(templ, CKA_MODULUS_BITS, nbits, sizeof *nbits);
		put(templ, CKA_PUBLIC_EXPONENT, maker->e, maker->e_len);
	} else {
		put(templ, CKA_EC_PARAMS, maker->curve->oid.p, maker->curve->oid.len);
	}
}

static void put_private(const struct maker *maker, struct template *templ)
{
	put_flag(templ, CKA_PRIVATE, maker->uri != NULL);
	put_flag(templ, CKA_SENSITIVE, true);
	put_flag(templ, CKA_EXTRACTABLE, false);
	if (kinds[maker->kind].uses & SIGN)
		put_flag(templ, CKA_SIGN, maker->uses & SIGN);
	if (kinds[maker->kind].uses & DECRYPT)
		put_flag(templ, CKA_DECRYPT, maker->uses & DECRYPT);
	if (kinds[maker->kind].uses & UNWRAP)
		put_flag(templ, CKA_UNWRAP, maker->uses & UNWRAP);
	if (kinds[maker->kind].uses & DERIVE)
		put_flag(templ, CKA_DERIVE, maker->uses & DERIVE);
}

static CK_RV generate(const struct maker *maker, struct session *session, CK_OBJECT_HANDLE *private)
{
	CK_MECHANISM mechanism = {.mechanism = kinds[maker->kind].mechanism};
	struct template pub = {.n = 0}, priv = {.n = 0};
	CK_ULONG nbits = maker->nbits;
	CK_OBJECT_HANDLE public;
	uint8_t id[ID_LEN];

	if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id)
		return CKR_GENERAL_ERROR;
	put_common(maker, id, &pub);
	put_common(maker, id, &priv);
	put_public(maker, &nbits, &pub);
	put_private(maker, &priv);
	return key_generate_pair(session, &mechanism, pub.list, pub.n, priv.list, priv.n, &public, private);
}

/* A second key of this name would make the URI mean two. */
static int is_free(const struct maker *maker, const struct desk *desk, struct session *session)
{
	static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE templ[1 + URI_TEMPLATE_MAX] = {{CKA_CLASS, (void *)(uintptr_t)&object_class, sizeof object_class}};
	CK_OBJECT_HANDLE found;
	CK_ULONG n = 0;

	if (!uri_names_object(maker->uri))
		return 1;
	CK_RV rv = find_init(session, templ, 1 + uri_template(maker->uri, templ + 1));
	if (rv == CKR_OK) {
		rv = find_next(session, &found, 1, &n);
		find_final(session);
	}
	if (rv != CKR_OK)
		return fail_rv(maker->provider, rv, "look for %s", uri_text(maker->uri));
	return n == 0 || fail(maker->provider, REASON_SEVERAL_OBJECTS, "the token \"%s\" has a private key %s already: choose another object "
	                      "or id", desk_token(desk), uri_text(maker->uri));
}

static struct key *make_in(const struct maker *maker, struct desk *desk, struct session *session)
{
	CK_OBJECT_HANDLE private;
	CK_RV rv = generate(maker, session, &private);

	if (rv == CKR_OK)
		return key_of_object(maker->provider, desk, session, private, maker->uri);
	return fail_rv(maker->provider, rv, "make a key of type %s in the token \"%s\"", key_kind_name(maker->kind), desk_token(desk)), NULL;
}

static struct key *make_token_key(const struct maker *maker, struct desk *desk)
{
	const struct login_from from = {.uri = maker->uri};
	CK_RV rv;
	struct session *session = desk_take(desk, &rv);
	struct key *key = NULL;

	if (!session)
		return fail_rv(maker->provider, rv, "open a session on the token \"%s\"", desk_token(desk)), NULL;
	if (login_user(maker->provider, desk, session, &from) && is_free(maker, desk, session))
		key = make_in(maker, desk, session);
	desk_give(desk, session);
	return key;
}

/* In a session of its own, which ends with the key, and the key with it. */
static struct key *make_session_key(const struct maker *maker, struct desk *desk)
{
	CK_SESSION_HANDLE owner;
	struct session *session;
	struct key *key = NULL;
	CK_RV rv = session_open(desk_slot(desk), CKF_SERIAL_SESSION, &owner);

	if (rv != CKR_OK)
		return fail_rv(maker->provider, rv, "open a session on the token \"%s\"", desk_token(desk)), NULL;
	rv = session_enter(owner, &session);
	if (rv == CKR_OK) {
		key = make_in(maker, desk, session);
		session_leave(session);
	} else {
		fail_rv(maker->provider, rv, "enter a session on the token \"%s\"", desk_token(desk));
	}
	if (key)
		key->owner = owner;
	else
		session_close(owner);
	return key;
}

struct making {
	const struct maker *maker;
	struct key *key;
};

static void make(void *arg)
{
	struct making *making = arg;
	const struct maker *maker = making->maker;
	struct desk *desk = search_token(maker->provider, maker->uri);

	if (desk)
		making->key = maker->uri ? make_token_key(maker, desk) : make_session_key(maker, desk);
}

void *maker_make(void *context, OSSL_CALLBACK *progress, void *progress_arg)
{
	const struct maker *maker = context;
	struct making making = {.maker = maker};
	struct pause pause;
	struct key *key;

	(void)progress, (void)progress_arg;
	if (maker->kind != KEY_RSA && !maker->curve)
		return fail(maker->provider, REASON_PARAMETER, "which curve? Give it as group"), NULL;
	if (!(maker->selection & OSSL_KEYMGMT_SELECT_KEYPAIR)) {
		key = key_new(maker->provider, maker->kind);
		if (key)
			key->form.curve = maker->curve;
		return key;
	}
	if (!pause_run(&pause, make, &making))
		fail(maker->provider, REASON_INTERNAL, "no memory");
	return making.key;
}
