/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys written (provider-encoder(7)): the public half as SubjectPublicKeyInfo, and as text; what stands for the
 * private half where one is written to a file is the URI that finds it again (uri_form.h).
 */
#include <openssl/bio.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "ossl/key.h"
#include "ossl/uri_form.h"

static void *new_context(void *provider)
{
	return provider;
}

static void free_context(void *provider)
{
	(void)provider;
}

static int does_public(void *provider, int selection)
{
	(void)provider;
	return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY);
}

static int does_private(void *provider, int selection)
{
	(void)provider;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int does_both(void *provider, int selection)
{
	(void)provider;
	return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
}

static int write_bio(const struct provider *provider, OSSL_CORE_BIO *out, BIO *from)
{
	char *data;
	long len = BIO_get_mem_data(from, &data);

	return len > 0 && bio_write(provider, out, data, (size_t)len);
}

static int write_pem(const struct provider *provider, OSSL_CORE_BIO *out, const char *label, const uint8_t *der, size_t len)
{
	BIO *text = BIO_new(BIO_s_mem());
	int done = text && PEM_write_bio(text, label, "", der, (long)len) > 0 && write_bio(provider, out, text);

	BIO_free(text);
	return done || fail(provider, REASON_FORMAT, "the key cannot be written");
}

static int encode_public_der(void *context, OSSL_CORE_BIO *out, const void *data, const OSSL_PARAM abstract[], int selection,
                             OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	const struct key *key = data;

	(void)selection, (void)ask, (void)ask_arg;
	return key && key->spki && !abstract && bio_write(context, out, key->spki, key->spki_len);
}

static int encode_public_pem(void *context, OSSL_CORE_BIO *out, const void *data, const OSSL_PARAM abstract[], int selection,
                             OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	const struct key *key = data;

	(void)selection, (void)ask, (void)ask_arg;
	return key && key->spki && !abstract && write_pem(context, out, PEM_STRING_PUBLIC, key->spki, key->spki_len);
}

/* With where the PIN comes from, so that the file serves as the URI did; never with the PIN. */
static int encode_private_pem(void *context, OSSL_CORE_BIO *out, const void *data, const OSSL_PARAM abstract[], int selection,
                              OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	const struct key *key = data;
	uint8_t der[URI_FORM_MAX];

	(void)selection, (void)ask, (void)ask_arg;
	if (!key || abstract)
		return 0;
	if (!key_is_private(key) || !key->name)
		return fail(context, REASON_NO_OBJECT, "a key that is not kept in a token has no URI to be written");
	char *uri = uri_with_pin_source(key->name, key->uri);
	size_t len = uri ? uri_form_write(uri, der) : 0;
	int done = len ? write_pem(context, out, URI_FORM_LABEL, der, len) : fail(context, REASON_FORMAT, "the key cannot be written");
	free(uri);
	return done;
}

static bool print(BIO *text, const struct key *key, int selection)
{
	EVP_PKEY *public = key_public(key);
	bool private = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && key_is_private(key);
	bool done = public && (!private || BIO_printf(text, "Private key in the token \"%s\"\nURI: %s\n", desk_token(key->desk),
	                                              key->name ? key->name : "none, it ends with this process") > 0);

	done = done && EVP_PKEY_print_public(text, public, 0, NULL) > 0;
	EVP_PKEY_free(public);
	return done;
}

static int encode_text(void *context, OSSL_CORE_BIO *out, const void *data, const OSSL_PARAM abstract[], int selection,
                       OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	const struct key *key = data;

	(void)ask, (void)ask_arg;
	if (!key || !key->spki || abstract)
		return 0;
	BIO *text = BIO_new(BIO_s_mem());
	int done = text && print(text, key, selection) && write_bio(context, out, text);
	BIO_free(text);
	return done;
}

#define FUNCTIONS(does, encode)                                                 \
	FUNCTION(OSSL_FUNC_ENCODER_NEWCTX, new_context),                        \
	FUNCTION(OSSL_FUNC_ENCODER_FREECTX, free_context),                      \
	FUNCTION(OSSL_FUNC_ENCODER_DOES_SELECTION, does),                       \
	FUNCTION(OSSL_FUNC_ENCODER_ENCODE, encode),                             \
	END_OF_FUNCTIONS

static const OSSL_DISPATCH public_der[] = {FUNCTIONS(does_public, encode_public_der)};
static const OSSL_DISPATCH public_pem[] = {FUNCTIONS(does_public, encode_public_pem)};
static const OSSL_DISPATCH private_pem[] = {FUNCTIONS(does_private, encode_private_pem)};
static const OSSL_DISPATCH text[] = {FUNCTIONS(does_both, encode_text)};

/* "type-specific" is what openssl-rsa(1) and openssl-ec(1) ask for. */
#define ROW(names, output, functions, what) {(names), PROVIDER_PROPERTIES "," output, (functions), (what)},
#define ROWS(name, kind, names)                                                                             \
	ROW(names, "output=der,structure=SubjectPublicKeyInfo", public_der, "public keys")                 \
	ROW(names, "output=pem,structure=SubjectPublicKeyInfo", public_pem, "public keys")                 \
	ROW(names, "output=pem,structure=PrivateKeyInfo", private_pem, "URIs of private keys")             \
	ROW(names, "output=pem,structure=type-specific", private_pem, "URIs of private keys")              \
	ROW(names, "output=text", text, "keys for people to read")
const OSSL_ALGORITHM encoder_algorithms[] = {KEY_KINDS_EACH(ROWS){NULL, NULL, NULL, NULL}};
