/* SPDX-License-Identifier: Apache-2.0 */
/* hufu key import: PKCS#8, SPKI, or the value of a secret key. */
#include "base/secret.h"
#include "tools/hex.h"
#include "tools/io.h"
#include "tools/keyfile.h"
#include "tools/object.h"
#include "tools/report.h"
#include "tools/template.h"

#include <string.h>

#define FILE_MAX_LEN (64u << 10)

const struct opt key_import_opts[] = {
	{"type", 'T', "TYPE", "for a secret value: sm4, zuc, hmac-sm3, aes, generic, hmac-sha256, ...; others say so"},
	OPTS_KEY_WISH,
	{"raw", 0, NULL, "the file is the secret value itself, not in hexadecimal"},
	{"passphrase-file", 0, "FILE", "read the passphrase of an encrypted PKCS#8 file from FILE"},
	{"passphrase-fd", 0, "N", "read it from descriptor N"},
	{"passphrase-credential", 0, "NAME", "read it from systemd credential NAME"},
	{0},
};

static enum status import_secret(const struct args *args, struct session *s, const struct key_kind *kind, const unsigned char *file,
                                 size_t len)
{
	struct key_wish wish;
	struct template t;
	CK_OBJECT_HANDLE h;
	unsigned char *value = secret_alloc(len + 1);
	size_t value_len = len;
	enum status status = value ? key_wish_init(args, kind, &wish) : fail_memory();

	if (status == ST_OK && arg_has(args, "raw"))
		memcpy(value, file, len);
	else if (status == ST_OK && (!hex_decode((const char *)file, len, value, len, &value_len) || value_len == 0))
		status = fail(ST_USAGE, "With --raw the file's bytes are the value; PKCS#8 and SPKI files need no --type.",
		              "%s is not in hexadecimal", arg_target(args, args->ntargets - 1));
	if (status == ST_OK) {
		template_of(&t, &wish, CKO_SECRET_KEY, kind);
		template_add(&t, CKA_VALUE, value, value_len);
		CK_RV rv = s->f->C_CreateObject(s->handle, t.attrs, t.n, &h);
		status = rv == CKR_OK ? objects_report(args, s, "hufu-key-import/1", &h, 1)
		                      : fail_rv(rv, "importing a key of type %s into token \"%s\"", kind->name, s->label);
	}
	secret_free(value);
	return status;
}

static CK_RV create(struct session *s, const struct key_wish *wish, CK_OBJECT_CLASS class, const struct keyfile *key,
                    CK_OBJECT_HANDLE *h)
{
	struct template t;

	template_of(&t, wish, class, key->kind);
	keyfile_attributes(key, class, &t);
	return s->f->C_CreateObject(s->handle, t.attrs, t.n, h);
}

/* The private key first: without it the public one would be of little use. */
static enum status import_pair(const struct args *args, struct session *s, const struct keyfile *key)
{
	struct key_wish wish;
	CK_OBJECT_HANDLE handles[2];
	size_t n = 0;
	enum status status = key_wish_init(args, key->kind, &wish);

	if (status)
		return status;
	CK_RV rv = key->has_private ? create(s, &wish, CKO_PRIVATE_KEY, key, &handles[n++]) : CKR_OK;
	if (rv == CKR_OK)
		rv = create(s, &wish, CKO_PUBLIC_KEY, key, &handles[n++]);
	if (rv == CKR_OK)
		return objects_report(args, s, "hufu-key-import/1", handles, n);
	status = fail_rv(rv, "importing the %s key into token \"%s\"", n == 1 && key->has_private ? "private" : "public", s->label);
	if (n == 2 && s->f->C_DestroyObject(s->handle, handles[0]) != CKR_OK) {
		note("the private key was imported and stays; hufu key destroy removes it");
		return ST_PARTIAL;
	}
	return status;
}

static enum status import(const struct args *args, struct session *s, const struct key_kind *kind, const char *path,
                          const unsigned char *file, size_t len)
{
	struct keyfile key = {0};

	if (kind && !kind->pair)
		return import_secret(args, s, kind, file, len);
	enum status status = keyfile_read(args, path, file, len, &key);
	if (status == ST_OK && kind && kind != key.kind)
		status = fail(ST_USAGE, "Leave --type out.", "%s holds a key of type %s, not %s", path, key.kind->name, kind->name);
	if (status == ST_OK)
		status = import_pair(args, s, &key);
	keyfile_clear(&key);
	return status;
}

enum status cmd_key_import(const struct args *args)
{
	const char *path = arg_target(args, args->ntargets - 1), *token = args->ntargets == 2 ? arg_target(args, 0) : NULL;
	const char *type = arg_get(args, "type"), *size = NULL;
	const struct key_kind *kind = type ? key_kind_parse(type, &size) : NULL;
	char names[KEY_KIND_NAMES_MAX];
	unsigned char *file = NULL;
	size_t len = 0;
	struct session s = {0};

	if (type && !kind)
		return fail(ST_USAGE, key_kind_names(names), "unknown key type \"%s\"", type);
	if (size)
		return fail(ST_USAGE, "Leave out what follows the colon.", "the size or curve is the file's to say: \"%s\"", type);
	enum status status = input_all(path, FILE_MAX_LEN, &file, &len);
	if (status == ST_OK)
		status = session_open(args, token, SELECT_TOKEN, true, LOGIN_USER, &s);
	if (status == ST_OK)
		status = import(args, &s, kind, path, file, len);
	secret_free(file);
	session_close(&s);
	return status;
}
