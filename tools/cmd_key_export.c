/* SPDX-License-Identifier: Apache-2.0 */
/* hufu key export-public: SubjectPublicKeyInfo, PEM or DER. */
#include "tools/io.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

const struct opt key_export_opts[] = {
	{"der", 0, NULL, "DER, in place of PEM"},
	{0},
};

static enum status write_key(const struct args *args, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool der = arg_has(args, "der");
	char *data = NULL;

	if (!bio || (der ? i2d_PUBKEY_bio(bio, key) : PEM_write_bio_PUBKEY(bio, key)) != 1) {
		BIO_free(bio);
		return fail(ST_UNAVAILABLE, NULL, "writing the public key: %s", libcrypto_error());
	}
	long len = BIO_get_mem_data(bio, &data);
	enum status status = output_all(args, der, data, (size_t)len);
	BIO_free(bio);
	return status;
}

enum status cmd_key_export(const struct args *args)
{
	const char *target = arg_target(args, 0);
	struct session s;
	struct object *keys = NULL;
	CK_ULONG n = 0;
	EVP_PKEY *key = NULL;
	enum status status = session_open(args, target, SELECT_OBJECT, false, LOGIN_WISH, &s);

	/* Either half will do, if both belong to the same pair. */
	if (status == ST_OK)
		status = keys_find(&s, WANT_PUBLIC | WANT_PRIVATE, &keys, &n);
	if (status == ST_OK && n == 0)
		status = fail(ST_NOT_FOUND, "hufu key list shows the keys.", "there is no public key \"%s\" on token \"%s\"",
		              target, s.label);
	bool pair = n == 2 && keys[0].class != keys[1].class && keys[0].id_len == keys[1].id_len &&
	            (keys[0].id_len == 0 || !memcmp(keys[0].id, keys[1].id, keys[0].id_len));
	if (status == ST_OK && n > 1 && !pair)
		status = fail(ST_USAGE, "Name one by its URI (id=, type=); hufu key list shows them.",
		              "%lu keys fit \"%s\" on token \"%s\"", n, target, s.label);
	if (status == ST_OK)
		status = pubkey_of_object(&s, pair && keys[1].class == CKO_PUBLIC_KEY ? &keys[1] : &keys[0], &key);
	if (status == ST_OK)
		status = write_key(args, key);
	EVP_PKEY_free(key);
	keys_free(keys, n);
	session_close(&s);
	return status;
}
