/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert request: PKCS#10 (RFC 2986) of one key, or of the pair that GM/T 0015 has for signing and for encryption. */
#include "tools/cert/fields.h"
#include "tools/cert/signer.h"
#include "tools/io.h"
#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

const struct opt cert_request_opts[] = {
	OPTS_FIELDS,
	{"pair", 0, NULL, "SM2: the key is the one that signs, of the pair of GM/T 0015"},
	{"encryption-key", 0, "KEY", "with --pair: the key that is encrypted to, if it was made here"},
	{"encryption-out", 0, "FILE", "with --encryption-key: where its request goes, in place of --out, behind the other"},
	OPTS_SIGNER,
	{"der", 0, NULL, "DER, in place of PEM"},
	{0},
};

/* GM/T 0015-2012 5.2.4.2.4: what the two certificates of a holder are for. */
#define SIGNING_USAGE "digitalSignature,nonRepudiation"
#define ENCRYPTION_USAGE "keyEncipherment,dataEncipherment,keyAgreement"

struct request {
	const struct signer_key *key;
	const char *usage, *out;
	unsigned char *bytes;   /* PEM, or DER */
	size_t len;
};

/* -- one request ---------------------------------------------------------------------- */

static X509_REQ *build(const struct signer *signer, const struct fields *fields, EVP_PKEY *pkey)
{
	X509_REQ *req = X509_REQ_new_ex(signer->ossl.context, NULL);

	if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) && X509_REQ_set_subject_name(req, fields->subject) &&
	    X509_REQ_set_pubkey(req, pkey) && (!fields->extensions || X509_REQ_add_extensions(req, fields->extensions)))
		return req;
	X509_REQ_free(req);
	return NULL;
}

/* A device that gives a wrong signature is found out here, and not by the authority. */
static bool holds(X509_REQ *req, const struct sm2_id *id)
{
	return request_set_sm2_id(req, id) && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1;
}

static enum status write_request(const struct args *args, X509_REQ *req, struct request *r)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;

	if (!bio || !(arg_has(args, "der") ? i2d_X509_REQ_bio(bio, req) : PEM_write_bio_X509_REQ(bio, req))) {
		BIO_free(bio);
		return fail_memory();
	}
	r->len = (size_t)BIO_get_mem_data(bio, &data);
	r->bytes = OPENSSL_memdup(data, r->len);
	BIO_free(bio);
	return r->bytes ? ST_OK : fail_memory();
}

static enum status sign(struct signer *signer, const struct fields *fields, struct request *r, EVP_PKEY *pkey)
{
	EVP_MD_CTX *md;
	enum status status = signer_begin(signer, r->key, pkey, &md);
	X509_REQ *req = status == ST_OK ? build(signer, fields, pkey) : NULL;

	if (status == ST_OK && (!req || X509_REQ_sign_ctx(req, md) <= 0))
		status = ossl_fail(ST_UNAVAILABLE, NULL, "making a request for the key \"%s\"", r->key->label);
	if (status == ST_OK && !holds(req, &signer->sm2_id))
		status = ossl_fail(ST_INTEGRITY, "hufu key test tells whether the device or the pair is at fault.",
		                   "the signature of the key \"%s\" does not verify", r->key->label);
	if (status == ST_OK)
		status = write_request(signer->args, req, r);
	X509_REQ_free(req);
	EVP_MD_CTX_free(md);
	return status;
}

static enum status make(struct signer *signer, struct request *r)
{
	struct fields fields;
	EVP_PKEY *pkey = NULL;
	enum status status = fields_init(signer->args, r->usage, &fields);

	if (status == ST_OK)
		status = signer_load(signer, r->key, &pkey);
	if (status == ST_OK)
		status = sign(signer, &fields, r, pkey);
	EVP_PKEY_free(pkey);
	fields_clear(&fields);
	return status;
}

/* -- the pair -------------------------------------------------------------------------- */

static enum status check_options(const struct args *args)
{
	bool pair = arg_has(args, "pair"), key = arg_has(args, "encryption-key"), out = arg_has(args, "encryption-out");

	if (pair && arg_has(args, "key-usage"))
		return fail(ST_USAGE, "Leave one of them out.", "--pair says what the keys are for, and so does --key-usage");
	if (key && !pair)
		return fail(ST_USAGE, "Add --pair.", "--encryption-key is one of a pair");
	if (out && !key)
		return fail(ST_USAGE, "Name the key with --encryption-key.",
		            "--encryption-out is for the request of an encryption key");
	if (key && !out && arg_has(args, "der"))
		return fail(ST_USAGE, "Give --encryption-out, too.", "two requests in DER need a file each");
	return ST_OK;
}

/* Not an SM2 pair, or a key that cannot take in what the authority will send: said before the request is out. */
static enum status check_pair(const struct signer *signer)
{
	const struct signer_key *other = &signer->other;

	if (!arg_has(signer->args, "pair"))
		return ST_OK;
	if (!signer->key.sm2 || (other->uri && !other->sm2))
		return fail(ST_USAGE, "Leave --pair out, or name SM2 keys.",
		            "the pair of GM/T 0015 is one of SM2 keys, and \"%s\" is none",
		            signer->key.sm2 ? other->label : signer->key.label);
	if (other->uri && !strcmp(other->uri, signer->key.uri))
		return fail(ST_USAGE, "Name two keys.", "\"%s\" cannot be both keys of a pair", signer->key.label);
	if (!other->uri && !signer->key.may_unwrap)
		note("the key \"%s\" must not unwrap (CKA_UNWRAP is false): when the authority sends the encryption key, hufu cert "
		     "import-enveloped needs --allow-unwrap", signer->key.label);
	return ST_OK;
}

static enum status print_json(const struct request *requests, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s*,s:o}", "key", requests[i].key->uri, "key_usage", requests[i].usage,
		                                      "pem", json_text(requests[i].bytes, requests[i].len)));
	return out_json(json_pack("{s:s,s:o}", "schema", "hufu-cert-request/1", "requests", list));
}

static enum status join(const struct request *a, const struct request *b, const char *out)
{
	unsigned char *both = OPENSSL_malloc(a->len + b->len);

	if (!both)
		return fail_memory();
	memcpy(both, a->bytes, a->len);
	memcpy(both + a->len, b->bytes, b->len);
	enum status status = output_all_to(out, false, both, a->len + b->len);
	OPENSSL_free(both);
	return status;
}

static enum status put_out(const struct args *args, const struct request *requests, size_t n)
{
	bool der = arg_has(args, "der");
	enum status status = ST_OK;

	if (args->json && !der && !arg_has(args, "out"))
		return print_json(requests, n);
	if (n == 2 && !requests[1].out)
		return join(&requests[0], &requests[1], requests[0].out);
	for (size_t i = 0; status == ST_OK && i < n; i++)
		status = output_all_to(requests[i].out, der, requests[i].bytes, requests[i].len);
	return status;
}

static enum status make_all(struct signer *signer)
{
	const struct args *args = signer->args;
	bool pair = arg_has(args, "pair"), second = signer->other.uri && signer->other.may_sign;
	struct request requests[2] = {
		{.key = &signer->key, .usage = pair ? SIGNING_USAGE : NULL, .out = arg_get(args, "out")},
		{.key = &signer->other, .usage = ENCRYPTION_USAGE, .out = arg_get(args, "encryption-out")},
	};
	enum status status = make(signer, &requests[0]);

	if (status == ST_OK && second)
		status = make(signer, &requests[1]);
	if (status == ST_OK)
		status = put_out(args, requests, second ? 2 : 1);
	OPENSSL_free(requests[0].bytes);
	OPENSSL_free(requests[1].bytes);
	if (status || !signer->other.uri || second)
		return status;
	note("the key \"%s\" must not sign, so it has no request: the authority of an SM2 pair takes the signing key's, and sends "
	     "an encryption key (hufu cert import-enveloped)", signer->other.label);
	return ST_PARTIAL;
}

enum status cmd_cert_request(const struct args *args)
{
	struct signer signer = {0};
	struct fields fields = {0};
	enum status status = check_options(args);

	if (status == ST_OK)
		status = fields_init(args, NULL, &fields); /* mistakes in them are told before anybody is asked for a PIN */
	fields_clear(&fields);
	if (status == ST_OK)
		status = signer_open(args, arg_get(args, "encryption-key"), &signer);
	if (status == ST_OK)
		status = check_pair(&signer);
	if (status == ST_OK)
		status = signer_may_sign(&signer.key);
	if (status == ST_OK)
		status = make_all(&signer);
	signer_clear(&signer);
	return status;
}
