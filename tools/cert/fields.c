/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cert/fields.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* -- the subject --------------------------------------------------------------------- */

/* Up to the next of the ends that no backslash takes its meaning from, backslashes removed; the rest of the text. */
static const char *unescape(const char *text, const char *ends, char *out)
{
	while (*text && !strchr(ends, *text)) {
		if (*text == '\\' && text[1])
			text++;
		*out++ = *text++;
	}
	*out = '\0';
	return text;
}

static enum status bad_subject(const char *text, const char *what, const char *where)
{
	return fail(ST_USAGE, "It looks like /C=CN/O=Example/CN=gateway.example.com; \\ stands before a / or + within a value.",
	            "the subject \"%s\": %s \"%s\"", text, what, where);
}

/* As openssl-req(1) has it: /type=value, several of one RDN with + between. */
static enum status parse_subject(const char *text, X509_NAME *name, char *type, char *value)
{
	const char *p = text;

	if (*p != '/' || !p[1])
		return bad_subject(text, "it does not begin with", "/TYPE=VALUE");
	while (*p) {
		int set = *p == '+' ? -1 : 0;
		p = unescape(p + 1, "=/+", type);
		if (*p != '=')
			return bad_subject(text, "there is no = behind", type);
		p = unescape(p + 1, "/+", value);
		if (!value[0])
			return bad_subject(text, "there is nothing behind", type);
		ERR_clear_error();
		if (!X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, set)) {
			ERR_clear_error();
			return bad_subject(text, "not a type, or not a value of its length and alphabet:", type);
		}
	}
	return ST_OK;
}

static enum status subject_of(const char *text, X509_NAME **name)
{
	size_t room = text ? strlen(text) + 1 : 1;
	char *type = malloc(room), *value = malloc(room);
	enum status status;

	*name = X509_NAME_new();
	if (!text)
		status = fail(ST_USAGE, "--subject /C=CN/O=Example/CN=gateway.example.com",
		              "--subject is missing: whom is it for?");
	else
		status = *name && type && value ? parse_subject(text, *name, type, value) : fail_memory();
	free(type);
	free(value);
	return status;
}

/* -- subjectAltName ------------------------------------------------------------------- */

static const struct {
	const char *prefix;
	int type;
} alternatives[] = {{"dns:", GEN_DNS}, {"ip:", GEN_IPADD}, {"email:", GEN_EMAIL}, {"uri:", GEN_URI}};
#define NALTERNATIVES (sizeof alternatives / sizeof *alternatives)

/* RFC 5280 4.2.1.6: IA5String; a blank in one is a mistake of the command line. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

static GENERAL_NAME *alternative(const char *text)
{
	for (size_t i = 0; i < NALTERNATIVES; i++) {
		size_t len = strlen(alternatives[i].prefix);
		if (strncasecmp(text, alternatives[i].prefix, len))
			continue;
		text += len;
		return text[0] && is_plain(text) ? a2i_GENERAL_NAME(NULL, NULL, NULL, alternatives[i].type, text, 0) : NULL;
	}
	return NULL;
}

static enum status add_alternatives(const char *list, GENERAL_NAMES *names)
{
	char *copy = strdup(list), *rest = copy, *word;
	enum status status = copy ? ST_OK : fail_memory();

	while (status == ST_OK && (word = strsep(&rest, ","))) {
		GENERAL_NAME *name = alternative(word);
		if (name && sk_GENERAL_NAME_push(names, name) > 0)
			continue;
		GENERAL_NAME_free(name);
		status = fail(ST_USAGE,
		              "--san dns:www.example.com,ip:10.0.0.7; also email: and uri:. Names beyond ASCII stand as A-labels.",
		              "--san \"%s\" cannot be understood", word);
	}
	free(copy);
	ERR_clear_error();
	return status;
}

static enum status push(struct fields *f, X509_EXTENSION *extension)
{
	if (extension && X509v3_add_ext(&f->extensions, extension, -1)) {
		X509_EXTENSION_free(extension);
		return ST_OK;
	}
	X509_EXTENSION_free(extension);
	return fail_memory();
}

static enum status add_san(const struct args *args, struct fields *f)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	enum status status = names ? ST_OK : fail_memory();
	const char *list;

	for (int i = 0; status == ST_OK && (list = arg_nth(args, "san", i)); i++)
		status = add_alternatives(list, names);
	if (status == ST_OK && sk_GENERAL_NAME_num(names) > 0)
		status = push(f, X509V3_EXT_i2d(NID_subject_alt_name, 0, names));
	GENERAL_NAMES_free(names);
	return status;
}

/* -- usages ---------------------------------------------------------------------------- */

enum status fields_add(struct fields *f, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
	ERR_clear_error();
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (extension)
		return push(f, extension);
	return fail(ST_USAGE, "x509v3_config(5) lists them.", "%s cannot be \"%s\": %s", OBJ_nid2ln(nid), value, libcrypto_error());
}

/* Names and OIDs: nothing else of what x509v3_config(5) would read. */
static enum status add_list(struct fields *f, int nid, const char *list)
{
	char *value = NULL;
	enum status status;

	if (!list)
		return ST_OK;
	if (!list[0] || strspn(list, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,") != strlen(list))
		return fail(ST_USAGE, "x509v3_config(5) lists them.", "%s is a list of names with commas between, not \"%s\"",
		            OBJ_nid2ln(nid), list);
	if (asprintf(&value, "%s%s", nid == NID_key_usage ? "critical," : "", list) < 0)
		return fail_memory();
	status = fields_add(f, nid, value);
	free(value);
	return status;
}

enum status fields_init(const struct args *args, const char *usage, struct fields *f)
{
	const char *given = arg_get(args, "key-usage");

	*f = (struct fields){0};
	enum status status = subject_of(arg_get(args, "subject"), &f->subject);
	if (status == ST_OK)
		status = add_list(f, NID_key_usage, given ? given : usage);
	if (status == ST_OK)
		status = add_list(f, NID_ext_key_usage, arg_get(args, "ext-key-usage"));
	return status ? status : add_san(args, f);
}

void fields_clear(struct fields *f)
{
	X509_NAME_free(f->subject);
	sk_X509_EXTENSION_pop_free(f->extensions, X509_EXTENSION_free);
	*f = (struct fields){0};
}
