/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert verify: RFC 5280 6 by libcrypto, without a token's help; of SM2, under GM/T 0009's identifier. */
#include "tools/cert/certs.h"
#include "crypto/context.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt cert_verify_opts[] = {
	{"ca", 'C', "FILE", "authorities that are trusted; more than once, if need be"},
	{"untrusted", 0, "FILE", "authorities that may stand between; what follows the certificate in its own file may, too"},
	{"crl", 0, "FILE", "revocation list of the certificate's authority"},
	{"crl-all", 0, NULL, "with --crl: every certificate of the chain must have its list"},
	{"purpose", 'p', "NAME", "any (default), server, client, email, ocsp, timestamp"},
	{"host", 0, "NAME", "the certificate must be of this host: a name, or an address in figures"},
	OPT_SM2_ID,
	{0},
};

struct verification {
	const struct args *args;
	STACK_OF(X509) *given, *roots, *between;
	STACK_OF(X509_CRL) *crls;
	struct sm2_id sm2_id;
	int purpose;            /* X509_PURPOSE_..., 0: any */
};

/* -- what is asked ----------------------------------------------------------------------- */

static const struct {
	const char *name;
	int purpose;
} purposes[] = {
	{"any", 0}, {"server", X509_PURPOSE_SSL_SERVER}, {"client", X509_PURPOSE_SSL_CLIENT}, {"email", X509_PURPOSE_SMIME_SIGN},
	{"ocsp", X509_PURPOSE_OCSP_HELPER}, {"timestamp", X509_PURPOSE_TIMESTAMP_SIGN},
};

static enum status purpose_of(const char *name, int *purpose)
{
	*purpose = 0;
	for (size_t i = 0; name && i < sizeof purposes / sizeof *purposes; i++)
		if (!strcmp(name, purposes[i].name)) {
			*purpose = purposes[i].purpose;
			return ST_OK;
		}
	if (!name)
		return ST_OK;
	return fail(ST_USAGE, "It is one of any, server, client, email, ocsp and timestamp.", "there is no purpose \"%s\"", name);
}

static enum status add_certs(const struct args *args, const char *option, STACK_OF(X509) *all)
{
	enum status status = ST_OK;
	const char *path;

	for (int i = 0; status == ST_OK && (path = arg_nth(args, option, i)); i++)
		status = certs_read(path, all);
	return status;
}

static enum status add_crls(const struct args *args, STACK_OF(X509_CRL) *all)
{
	enum status status = ST_OK;
	const char *path;

	for (int i = 0; status == ST_OK && (path = arg_nth(args, "crl", i)); i++)
		status = crls_read(path, all);
	return status;
}

/* A URI, a file, or a label on the token. */
static enum status read_target(struct verification *v)
{
	const char *target = arg_target(v->args, 0);
	struct session s = {0};
	struct token_certs found = {0};

	if (strncmp(target, "pkcs11:", 7) && access(target, F_OK) == 0)
		return certs_read(target, v->given);
	enum status status = session_open(v->args, target, SELECT_OBJECT, false, LOGIN_WISH, &s);
	if (status == ST_OK)
		status = token_cert_find_one(&s, target, &found);
	if (status == ST_OK && (!X509_up_ref(found.certs[0]) || sk_X509_push(v->given, found.certs[0]) <= 0))
		status = fail_memory();
	if (status == ST_NOT_FOUND && strncmp(target, "pkcs11:", 7))
		note("nor is there a file %s", target);
	token_certs_clear(&found);
	session_close(&s);
	return status;
}

static enum status set_sm2_ids(const struct verification *v, const STACK_OF(X509) *certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (!cert_set_sm2_id(sk_X509_value(certs, i), &v->sm2_id))
			return fail_memory();
	return ST_OK;
}

static enum status prepare(struct verification *v)
{
	v->given = sk_X509_new_null();
	v->roots = sk_X509_new_null();
	v->between = sk_X509_new_null();
	v->crls = sk_X509_CRL_new_null();
	if (!v->given || !v->roots || !v->between || !v->crls)
		return fail_memory();
	enum status status = purpose_of(arg_get(v->args, "purpose"), &v->purpose);
	if (status == ST_OK && !arg_has(v->args, "ca"))
		status = fail(ST_USAGE, "--ca FILE names the authorities that you trust.", "nobody is trusted");
	if (status == ST_OK && arg_has(v->args, "crl-all") && !arg_has(v->args, "crl"))
		status = fail(ST_USAGE, "--crl FILE names the lists.", "--crl-all without --crl");
	if (status == ST_OK)
		status = sm2_id_get(v->args, &v->sm2_id);
	if (status == ST_OK)
		status = add_certs(v->args, "ca", v->roots);
	if (status == ST_OK)
		status = add_certs(v->args, "untrusted", v->between);
	if (status == ST_OK)
		status = add_crls(v->args, v->crls);
	return status ? status : read_target(v);
}

/* -- revocation lists of SM2 --------------------------------------------------------------- */

static bool crl_holds(X509_CRL *crl, X509 *issuer, const struct sm2_id *id)
{
	const ASN1_BIT_STRING *signature;
	unsigned char *tbs = NULL;
	int len = i2d_re_X509_CRL_tbs(crl, &tbs);

	X509_CRL_get0_signature(crl, &signature, NULL);
	bool good = len > 0 && X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) == 0 &&
	            EVP_PKEY_is_a(X509_get0_pubkey(issuer), "SM2") &&
	            pubkey_verify(X509_get0_pubkey(issuer), "SM3", id->bytes, id->len, ASN1_STRING_get0_data(signature),
	                          (size_t)ASN1_STRING_length(signature), tbs, (size_t)len) == 1;
	OPENSSL_free(tbs);
	return good;
}

/* X509_CRL has no place for the signer's identifier, so libcrypto takes the empty one: what it refuses is tried again with ours. */
static int look_again(int good, X509_STORE_CTX *ctx)
{
	const struct verification *v = X509_STORE_CTX_get_app_data(ctx);
	X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	if (good || !crl || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CRL_SIGNATURE_FAILURE ||
	    X509_CRL_get_signature_nid(crl) != NID_SM2_with_SM3)
		return good;
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (crl_holds(crl, sk_X509_value(chain, i), &v->sm2_id)) {
			X509_STORE_CTX_set_error(ctx, X509_V_OK);
			return 1;
		}
	return 0;
}

/* -- the verification ------------------------------------------------------------------------ */

static bool set_param(const struct verification *v, X509_VERIFY_PARAM *param)
{
	const char *host = arg_get(v->args, "host");
	unsigned long flags = 0;

	if (sk_X509_CRL_num(v->crls) > 0)
		flags |= X509_V_FLAG_CRL_CHECK;
	if (arg_has(v->args, "crl-all"))
		flags |= X509_V_FLAG_CRL_CHECK_ALL;
	if (!X509_VERIFY_PARAM_set_flags(param, flags))
		return false;
	if (v->purpose && !X509_VERIFY_PARAM_set_purpose(param, v->purpose))
		return false;
	return !host || X509_VERIFY_PARAM_set1_ip_asc(param, host) || X509_VERIFY_PARAM_set1_host(param, host, 0);
}

static bool fill(const struct verification *v, X509_STORE *store)
{
	for (int i = 0; i < sk_X509_num(v->roots); i++)
		if (!X509_STORE_add_cert(store, sk_X509_value(v->roots, i)))
			return false;
	for (int i = 0; i < sk_X509_CRL_num(v->crls); i++)
		if (!X509_STORE_add_crl(store, sk_X509_CRL_value(v->crls, i)))
			return false;
	X509_STORE_set_verify_cb(store, look_again);
	return set_param(v, X509_STORE_get0_param(store));
}

static json_t *chain_json(X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	json_t *list = json_array();

	for (int i = 0; i < sk_X509_num(chain); i++) {
		char *subject = name_text(X509_get_subject_name(sk_X509_value(chain, i)));
		json_array_append_new(list, json_string(subject ? subject : ""));
		free(subject);
	}
	return list;
}

static enum status tell_good(const struct verification *v, X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	char *end = time_text(X509_get0_notAfter(sk_X509_value(chain, 0)));
	int days = days_left(sk_X509_value(chain, 0));

	if (v->args->json) {
		json_t *doc = json_pack("{s:s,s:b,s:o,s:s*,s:i}", "schema", "hufu-cert-verify/1", "valid", 1, "chain",
		                        chain_json(ctx), "not_after", end, "days_left", days);
		free(end);
		return out_json(doc);
	}
	for (int i = 0; i < sk_X509_num(chain); i++) {
		char *subject = name_text(X509_get_subject_name(sk_X509_value(chain, i)));
		printf("%*s%s\n", 2 * i, "", subject ? subject : "");
		free(subject);
	}
	printf("The certificate is good until %s, %d days.\n", end ? end : "?", days);
	free(end);
	return ST_OK;
}

static const char *next_step(int error, const X509 *cert)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return "Get a new one from its authority (hufu cert request).";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return "Name its authority with --ca, and those between with --untrusted.";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return "Name the list of its authority with --crl; --crl-all wants one of every authority.";
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
		if (cert && X509_get_signature_nid(cert) == NID_SM2_with_SM3)
			return "It was changed, is another authority's, or SM2 signed it under another identifier: OpenSSL takes "
			       "the empty one where it is told none (--sm2-id \"\").";
		return "It was changed, or is another authority's of the same name.";
	default:
		return NULL;
	}
}

static enum status tell_bad(X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	char *subject = cert ? name_text(X509_get_subject_name(cert)) : NULL;
	enum status status =
		fail(ST_INTEGRITY, next_step(error, cert), "the certificate of \"%s\" does not verify, at depth %d: %s",
	             subject ? subject : "?", X509_STORE_CTX_get_error_depth(ctx), X509_verify_cert_error_string(error));

	free(subject);
	return status;
}

static enum status verify(struct verification *v)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(libcrypto_context(), NULL);
	X509 *leaf = sk_X509_value(v->given, 0);
	enum status status = ST_OK;

	for (int i = 1; status == ST_OK && i < sk_X509_num(v->given); i++)
		if (!X509_up_ref(sk_X509_value(v->given, i)) || sk_X509_push(v->between, sk_X509_value(v->given, i)) <= 0)
			status = fail_memory();
	if (status == ST_OK && (!store || !ctx || !fill(v, store) || !X509_STORE_CTX_init(ctx, store, leaf, v->between) ||
	                        !X509_STORE_CTX_set_app_data(ctx, v)))
		status = fail(ST_UNAVAILABLE, NULL, "libcrypto cannot verify: %s", libcrypto_error());
	if (status == ST_OK)
		status = X509_verify_cert(ctx) == 1 ? tell_good(v, ctx) : tell_bad(ctx);
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return status;
}

enum status cmd_cert_verify(const struct args *args)
{
	struct verification v = {.args = args};
	enum status status = prepare(&v);

	if (status == ST_OK)
		status = set_sm2_ids(&v, v.given);
	if (status == ST_OK)
		status = set_sm2_ids(&v, v.roots);
	if (status == ST_OK)
		status = set_sm2_ids(&v, v.between);
	if (status == ST_OK)
		status = verify(&v);
	sk_X509_pop_free(v.given, X509_free);
	sk_X509_pop_free(v.roots, X509_free);
	sk_X509_pop_free(v.between, X509_free);
	sk_X509_CRL_pop_free(v.crls, X509_CRL_free);
	return status;
}
