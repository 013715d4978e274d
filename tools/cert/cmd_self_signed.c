/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert self-signed (RFC 5280). */
#include "tools/cert/fields.h"
#include "tools/cert/signer.h"
#include "tools/io.h"
#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define DAYS 365
#define DAYS_MAX 36525
#define SERIAL_BITS 127 /* RFC 5280 4.1.2.2: positive, at most 20 bytes; CA/B 7.1: unguessable */
#define BACKDATE_S 300  /* clocks of hosts differ */

const struct opt cert_self_signed_opts[] = {
	OPTS_FIELDS,
	{"days", 'd', "N", "valid for so long, default 365"},
	{"ca", 0, NULL, "an authority's: it may sign certificates and revocation lists"},
	OPTS_SIGNER,
	{"der", 0, NULL, "DER, in place of PEM"},
	{0},
};

static bool set_serial(X509 *cert)
{
	BIGNUM *serial = BN_new();
	bool good = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	            BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));

	BN_free(serial);
	return good;
}

static bool add_key_identifier(X509 *cert)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier, "hash");
	bool good = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return good;
}

static X509 *build(const struct signer *signer, const struct fields *fields, unsigned long days, EVP_PKEY *pkey)
{
	X509 *cert = X509_new_ex(signer->ossl.context, NULL);
	bool good = cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	            X509_set_subject_name(cert, fields->subject) && X509_set_issuer_name(cert, fields->subject) &&
	            X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_S) &&
	            X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) &&
	            X509_set_pubkey(cert, pkey) && add_key_identifier(cert);

	for (int i = 0; good && i < sk_X509_EXTENSION_num(fields->extensions); i++)
		good = X509_add_ext(cert, sk_X509_EXTENSION_value(fields->extensions, i), -1);
	if (good)
		return cert;
	X509_free(cert);
	return NULL;
}

static enum status print_json(const struct signer *signer, X509 *cert, const unsigned char *pem, size_t len)
{
	char *serial = serial_text(cert), *end = time_text(X509_get0_notAfter(cert));
	json_t *doc = json_pack("{s:s,s:s,s:s*,s:s*,s:o}", "schema", "hufu-cert-self-signed/1", "key", signer->key.uri, "serial",
	                        serial, "not_after", end, "pem", json_text(pem, len));

	free(serial);
	free(end);
	return out_json(doc);
}

static enum status put_out(const struct signer *signer, X509 *cert)
{
	const struct args *args = signer->args;
	bool der = arg_has(args, "der");
	STACK_OF(X509) *one = sk_X509_new_null();
	unsigned char *bytes = NULL;
	size_t len = 0;
	enum status status = ST_OK;

	if (one && sk_X509_push(one, cert) > 0)
		bytes = certs_write(one, der, &len);
	if (!bytes)
		status = fail_memory();
	else if (args->json && !der && !arg_has(args, "out"))
		status = print_json(signer, cert, bytes, len);
	else
		status = output_all(args, der, bytes, len);
	OPENSSL_free(bytes);
	sk_X509_free(one);
	return status;
}

static enum status sign(struct signer *signer, const struct fields *fields, unsigned long days, EVP_PKEY *pkey)
{
	EVP_MD_CTX *md;
	enum status status = signer_begin(signer, &signer->key, pkey, &md);
	X509 *cert = status == ST_OK ? build(signer, fields, days, pkey) : NULL;

	if (status == ST_OK && (!cert || X509_sign_ctx(cert, md) <= 0 || !cert_set_sm2_id(cert, &signer->sm2_id)))
		status = ossl_fail(ST_UNAVAILABLE, NULL, "making a certificate for the key \"%s\"", signer->key.label);
	/* A device that gives a wrong signature is found out here. */
	if (status == ST_OK && X509_verify(cert, X509_get0_pubkey(cert)) != 1)
		status = ossl_fail(ST_INTEGRITY, "hufu key test tells whether the device or the pair is at fault.",
		                   "the signature of the key \"%s\" does not verify", signer->key.label);
	if (status == ST_OK)
		status = put_out(signer, cert);
	X509_free(cert);
	EVP_MD_CTX_free(md);
	return status;
}

enum status cmd_cert_self_signed(const struct args *args)
{
	bool ca = arg_has(args, "ca");
	struct signer signer = {0};
	struct fields fields = {0};
	EVP_PKEY *pkey = NULL;
	unsigned long days = DAYS;
	enum status status = arg_number(args, "days", 1, DAYS_MAX, DAYS, &days);

	if (status == ST_OK)
		status = fields_init(args, ca ? "keyCertSign,cRLSign" : "digitalSignature", &fields);
	if (status == ST_OK)
		status = fields_add(&fields, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (status == ST_OK)
		status = signer_open(args, NULL, &signer);
	if (status == ST_OK)
		status = signer_may_sign(&signer.key);
	if (status == ST_OK)
		status = signer_load(&signer, &signer.key, &pkey);
	if (status == ST_OK)
		status = sign(&signer, &fields, days, pkey);
	EVP_PKEY_free(pkey);
	fields_clear(&fields);
	signer_clear(&signer);
	return status;
}
