/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that hold the URI of a key (uri_form.h), read as keys (provider-decoder(7)): PEM to DER, and DER to a key, by a decoder for
 * each type of key. What is none of ours is passed over without an error: libcrypto offers each file to each decoder.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "ossl/pause.h"
#include "ossl/search.h"
#include "ossl/uri_form.h"

#define CARRY_ON 1
#define LINE_LEN 1024                   /* PEM has 64 characters a line; others write the whole in one */

struct decoder {
	const struct provider *provider;
	enum key_kind kind;
};

static struct decoder *new_decoder(void *provider, enum key_kind kind)
{
	struct decoder *decoder = calloc(1, sizeof *decoder);

	if (!decoder)
		return fail(provider, REASON_INTERNAL, "no memory"), NULL;
	decoder->provider = provider;
	decoder->kind = kind;
	return decoder;
}

static void *new_pem(void *provider)
{
	return new_decoder(provider, KEY_KINDS);
}

#define NEW(name, kind, names)                                                  \
	static void *new_##name(void *provider)                                 \
	{                                                                       \
		return new_decoder(provider, kind);                             \
	}
KEY_KINDS_EACH(NEW)

static void free_decoder(void *context)
{
	free(context);
}

/* -- PEM ------------------------------------------------------------------------------- */

static bool is_line(const char *line, const char *begin)
{
	size_t len = strlen(begin);

	return strncmp(line, begin, len) == 0 && strspn(line + len, " \r\n") == strlen(line + len);
}

/* The first block, if it is ours. No byte behind it is read: there may be another, which is somebody else's. */
static bool read_block(const struct provider *provider, OSSL_CORE_BIO *in, struct writer *block)
{
	char line[LINE_LEN];
	size_t n;

	while ((n = bio_gets(provider, in, line, sizeof line)) && strncmp(line, "-----BEGIN ", 11) != 0)
		;
	if (!n || !is_line(line, "-----BEGIN " URI_FORM_LABEL "-----"))
		return false;
	do {
		write_bytes(block, line, n);
		if (is_line(line, "-----END " URI_FORM_LABEL "-----"))
			return !block->bad;
	} while (block->len < 2 * URI_FORM_MAX && (n = bio_gets(provider, in, line, sizeof line)));
	return false;
}

static int hand_over_der(uint8_t *der, size_t len, OSSL_CALLBACK *take, void *take_arg)
{
	int type = OSSL_OBJECT_PKEY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)(uintptr_t)URI_FORM_STRUCTURE, 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, len),
		OSSL_PARAM_construct_end(),
	};

	return take(params, take_arg);
}

static int decode_pem(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *take, void *take_arg,
                      OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	const struct decoder *decoder = context;
	struct writer block;
	char *label = NULL, *header = NULL;
	uint8_t *der = NULL;
	long len = 0;
	int result = CARRY_ON;

	(void)selection, (void)ask, (void)ask_arg;
	writer_init(&block, false);
	BIO *text = read_block(decoder->provider, in, &block) ? BIO_new_mem_buf(block.data, (int)block.len) : NULL;
	if (text && PEM_read_bio(text, &label, &header, &der, &len) && len > 0)
		result = hand_over_der(der, (size_t)len, take, take_arg);
	BIO_free(text);
	writer_clear(&block);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	return result;
}

/* -- DER ------------------------------------------------------------------------------- */

static int hand_over(struct key *key, OSSL_CALLBACK *take, void *take_arg)
{
	int type = OSSL_OBJECT_PKEY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)key_kind_name(key->kind), 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof key),
		OSSL_PARAM_construct_end(),
	};
	int taken = take(params, take_arg);

	key_rele(key); /* NULL, if keymgmt_load has taken it */
	return taken;
}

/* Who wants the public half of what the URI calls a private key gets that of the private key. */
static struct key *public_only(struct search *search)
{
	bool by_private = !uri_wants_class(search->uri, CKO_PUBLIC_KEY);
	struct key *key = search_only(search, by_private ? SEARCH_PRIVATE : SEARCH_PUBLIC);

	if (!key || !by_private)
		return key;
	struct key *public = key_of_spki(key->provider, key->kind, key->spki, key->spki_len);
	key_rele(key);
	return public;
}

struct finder {
	struct search search;
	bool wants_public;
	struct key *key;
};

static void find_on_stack(void *arg)
{
	struct finder *finder = arg;

	if (finder->wants_public || !uri_wants_class(finder->search.uri, CKO_PRIVATE_KEY))
		finder->key = public_only(&finder->search);
	else
		finder->key = search_only(&finder->search, SEARCH_PRIVATE);
}

/* NULL after an error. */
static struct key *find(const struct decoder *decoder, const char *text, int selection, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	struct finder finder = {
		.search = {.provider = decoder->provider, .uri = uri_parse(decoder->provider, text), .ask = ask, .ask_arg = ask_arg},
		.wants_public = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY),
	};
	struct pause pause;

	if (!finder.search.uri)
		return NULL;
	if (!pause_run(&pause, find_on_stack, &finder))
		fail(decoder->provider, REASON_INTERNAL, "no memory");
	search_clear(&finder.search);
	uri_rele(finder.search.uri);
	return finder.key;
}

/* One that cannot be found ends it: the decoders for other types would find no more, and ask for the PIN again. */
static int decode_der(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *take, void *take_arg,
                      OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	const struct decoder *decoder = context;
	uint8_t der[URI_FORM_MAX];
	char text[URI_MAX + 1];
	size_t len = bio_read(decoder->provider, in, der, sizeof der);

	if (!uri_form_read(der, len, text))
		return CARRY_ON;
	struct key *key = find(decoder, text, selection, ask, ask_arg);
	if (!key)
		return 0;
	if (key->kind == decoder->kind)
		return hand_over(key, take, take_arg);
	key_rele(key);
	return CARRY_ON;
}

/* To another provider's key management. */
static int export_object(void *context, const void *reference, size_t len, OSSL_CALLBACK *take, void *take_arg)
{
	const struct decoder *decoder = context;

	(void)reference, (void)len, (void)take, (void)take_arg;
	return fail(decoder->provider, REASON_NOT_EXPORTABLE, "the private half stays in the token: fetch with %s", PROVIDER_PROPERTIES);
}

#define FUNCTIONS(make, decode)                                                 \
	FUNCTION(OSSL_FUNC_DECODER_NEWCTX, make),                               \
	FUNCTION(OSSL_FUNC_DECODER_FREECTX, free_decoder),                      \
	FUNCTION(OSSL_FUNC_DECODER_DECODE, decode),                             \
	FUNCTION(OSSL_FUNC_DECODER_EXPORT_OBJECT, export_object),               \
	END_OF_FUNCTIONS

static const OSSL_DISPATCH pem[] = {FUNCTIONS(new_pem, decode_pem)};
#define TABLE(name, kind, names) static const OSSL_DISPATCH name##_der[] = {FUNCTIONS(new_##name, decode_der)};
KEY_KINDS_EACH(TABLE)

#define ROW(name, kind, names)                                                  \
	{(names), PROVIDER_PROPERTIES ",input=der,structure=" URI_FORM_STRUCTURE, name##_der, "keys by the URI in a file"},
const OSSL_ALGORITHM decoder_algorithms[] = {
	{"DER", PROVIDER_PROPERTIES ",input=pem", pem, "PEM that holds a URI"},
	KEY_KINDS_EACH(ROW)
	{NULL, NULL, NULL, NULL},
};
