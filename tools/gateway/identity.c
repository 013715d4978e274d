/* SPDX-License-Identifier: Apache-2.0 */
/* A key as the server finds it, through the provider, and the certificate that goes with it. */
#include "tools/gateway/gateway.h"

#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509v3.h>
#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SM2_GROUP "SM2"
#define ENCRYPTS (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT)

/* -- what all need ---------------------------------------------------------------------- */

static enum status certificates_read(const char *file, STACK_OF(X509) *list)
{
	BIO *in = BIO_new_file(file, "r");
	X509 *certificate;
	int before = sk_X509_num(list);

	while (in && (certificate = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		if (!sk_X509_push(list, certificate))
			X509_free(certificate);
	BIO_free(in);
	if (sk_X509_num(list) == before)
		return ossl_fail(ST_NOT_FOUND, "--cert takes PEM, as the server does.", "reading a certificate from %s", file);
	ERR_clear_error(); /* the end of the file is one */
	return ST_OK;
}

/* The PIN, where nothing that the server has says it: of an option, or of whoever sits here. */
static int ask_pin(char *buf, int size, int verify, void *arg)
{
	struct finder *finder = arg;
	struct pin_wish wish = {.what = "pin", .prompt = "user's PIN of the token"};
	struct pin pin;

	(void)verify;
	finder->asked = true;
	if (!pin_given(finder->args, &wish) && !isatty(STDIN_FILENO))
		return -1;
	if (pin_read(finder->args, &wish, &pin))
		return -1;
	int len = pin.len <= (size_t)size ? (int)pin.len : -1;
	if (len > 0)
		memcpy(buf, pin.bytes, pin.len);
	pin_clear(&pin);
	return len;
}

enum status finder_init(struct finder *f, const struct args *args, struct road *road, struct remarks *remarks)
{
	enum status status = ST_OK;
	const char *file;

	*f = (struct finder){.args = args, .road = road, .remarks = remarks, .given = sk_X509_new_null(),
	                     .ui = UI_UTIL_wrap_read_pem_callback(ask_pin, 0)};
	if (!f->given || !f->ui)
		return fail_memory();
	for (int i = 0; status == ST_OK && (file = arg_nth(args, "cert", i)); i++)
		status = certificates_read(file, f->given);
	return status;
}

void finder_clear(struct finder *f)
{
	sk_X509_pop_free(f->given, X509_free);
	UI_destroy_method(f->ui);
	*f = (struct finder){0};
}

/* -- by URI --------------------------------------------------------------------------------- */

/* Calls each with what the URI, or file, holds of this type, until it is false. */
static void store_each(struct finder *f, const char *uri, int type, bool (*each)(OSSL_STORE_INFO *, void *), void *arg)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, f->road->context, NULL, f->ui, f, NULL, NULL, NULL);
	bool more = store && OSSL_STORE_expect(store, type);

	while (more && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		more = info ? each(info, arg) : !OSSL_STORE_error(store);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
}

static bool take_key(OSSL_STORE_INFO *info, void *arg)
{
	EVP_PKEY **key = arg;

	*key = OSSL_STORE_INFO_get1_PKEY(info);
	return false;
}

static bool take_certificate(OSSL_STORE_INFO *info, void *arg)
{
	STACK_OF(X509) *list = arg;
	X509 *certificate = OSSL_STORE_INFO_get1_CERT(info);

	if (certificate && !sk_X509_push(list, certificate))
		X509_free(certificate);
	return true;
}

/* The URI of certificates: that go by the same names as the key, or any of its token. malloc; NULL: it is a file's name. */
static char *certificate_uri(const char *name, bool any)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE type = {CKA_CLASS, &class, sizeof class};
	P11KitUri *uri = p11_kit_uri_new();
	char *text = NULL;

	if (uri && p11_kit_uri_parse(name, P11_KIT_URI_FOR_ANY, uri) == P11_KIT_URI_OK) {
		if (any)
			p11_kit_uri_clear_attributes(uri);
		if (p11_kit_uri_set_attribute(uri, &type) || p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text))
			text = NULL;
	}
	p11_kit_uri_free(uri);
	return text;
}

/* -- the certificate --------------------------------------------------------------------------- */

/* Of those that fit, the one that is valid longest. */
static X509 *best(const STACK_OF(X509) *list, EVP_PKEY *key)
{
	X509 *found = NULL;

	for (int i = 0; i < sk_X509_num(list); i++) {
		X509 *c = sk_X509_value(list, i);
		int days = 0, seconds = 0;
		if (EVP_PKEY_eq(X509_get0_pubkey(c), key) != 1)
			continue;
		if (!found || (ASN1_TIME_diff(&days, &seconds, X509_get0_notAfter(found), X509_get0_notAfter(c)) && (days > 0 || seconds > 0)))
			found = c;
	}
	return found;
}

/* What the token has by the URI; *named: it has certificates of the key's name, whether or not they fit. */
static X509 *in_token(struct finder *f, const char *name, EVP_PKEY *key, bool any, bool *named)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	char *uri = certificate_uri(name, any);
	X509 *found = NULL;

	if (list && uri) {
		store_each(f, uri, OSSL_STORE_INFO_CERT, take_certificate, list);
		found = best(list, key);
		*named |= !any && sk_X509_num(list) > 0;
	}
	if (found)
		X509_up_ref(found);
	sk_X509_pop_free(list, X509_free);
	free(uri);
	return found;
}

static bool find_certificate(struct finder *f, struct identity *id)
{
	bool named = false;

	id->certificate = best(f->given, id->key);
	if (id->certificate)
		X509_up_ref(id->certificate);
	else
		id->certificate = in_token(f, id->name, id->key, false, &named);
	if (!id->certificate)
		id->certificate = in_token(f, id->name, id->key, true, &named);
	ERR_clear_error();
	if (id->certificate)
		return true;
	if (named || sk_X509_num(f->given) > 0)
		problem(f->remarks, ST_INTEGRITY, "A server refuses them too. Look whose key the certificate has (openssl x509 -pubkey), or have one issued.",
		        "the key %s and the certificate %s do not belong together", id->name, named ? "that goes by its name" : "given with --cert");
	else
		problem(f->remarks, ST_NOT_FOUND, "Name the server's file with --cert, or bring it into the token: hufu cert import.",
		        "there is no certificate for %s", id->name);
	return false;
}

static void look_at_dates(struct finder *f, const struct identity *id)
{
	int days = 0, seconds = 0;
	unsigned long warn_days;

	if (arg_number(f->args, "days", 0, 36500, 30, &warn_days) || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(id->certificate)))
		return;
	if (days < 0 || seconds < 0)
		problem(f->remarks, ST_PARTIAL, "Clients refuse it: have a new one issued (hufu cert request).", "the certificate of %s has expired", id->name);
	else if ((unsigned long)days < warn_days)
		advise(f->remarks, "Have a new one issued: hufu cert request.", "the certificate of %s expires in %d day%s", id->name, days,
		       days == 1 ? "" : "s");
	if (X509_cmp_current_time(X509_get0_notBefore(id->certificate)) > 0)
		problem(f->remarks, ST_PARTIAL, "Look at the clocks of this machine and of the authority.",
		        "the certificate of %s is not valid yet", id->name);
}

/* -- the key -------------------------------------------------------------------------------------- */

static enum status status_of(enum reason reason)
{
	if (reason == REASON_PIN_SOURCE || reason == REASON_PIN_WRONG || reason == REASON_PIN_LOCKED || reason == REASON_LOGIN)
		return ST_AUTH;
	if (reason == REASON_URI || reason == REASON_SEVERAL_OBJECTS)
		return ST_USAGE;
	return reason == REASON_NO_TOKEN || reason == REASON_NO_OBJECT ? ST_NOT_FOUND : ST_UNAVAILABLE;
}

static bool find_key(struct finder *f, bool quiet, struct identity *id)
{
	char why[1024];
	enum reason reason;

	ERR_clear_error();
	store_each(f, id->name, OSSL_STORE_INFO_PKEY, take_key, &id->key);
	ossl_why(why, sizeof why, &reason);
	if (!id->key && !(quiet && reason == REASON_NO_OBJECT))
		problem(f->remarks, status_of(reason), "hufu key list shows the keys of a token; hufu-provider(7) says where the PIN comes from.",
		        "no private key by %s: %s", id->name, why);
	return id->key != NULL;
}

static void look_at_provider(struct finder *f, const struct identity *id)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(id->key);
	const char *name = provider ? OSSL_PROVIDER_get0_name(provider) : "an engine";

	if (strcmp(name, "hufu") != 0)
		advise(f->remarks, "A file for a token's key: openssl pkey -in URI -out FILE.",
		       "the key in %s is no token's: it lies open in the file, and the provider \"%s\" works with it", id->name, name);
}

bool identity_find(struct finder *f, const char *name, bool quiet, struct identity *id)
{
	*id = (struct identity){.name = strdup(name)};
	if (!id->name || !find_key(f, quiet, id) || !find_certificate(f, id)) {
		identity_clear(id);
		return false;
	}
	look_at_provider(f, id);
	look_at_dates(f, id);
	return true;
}

void identity_clear(struct identity *id)
{
	free(id->name);
	EVP_PKEY_free(id->key);
	X509_free(id->certificate);
	*id = (struct identity){0};
}

/* Keys of SM2 on the wire are EC keys on its curve: so some libraries call them, and others SM2. */
bool identity_is_sm2(const struct identity *id)
{
	char group[32] = "";

	return EVP_PKEY_is_a(id->key, "SM2") || (EVP_PKEY_get_group_name(id->key, group, sizeof group, NULL) && !strcmp(group, SM2_GROUP));
}

bool identity_signs(const struct identity *id)
{
	return X509_get_key_usage(id->certificate) & KU_DIGITAL_SIGNATURE;
}

bool identity_encrypts(const struct identity *id)
{
	return X509_get_key_usage(id->certificate) & ENCRYPTS;
}
