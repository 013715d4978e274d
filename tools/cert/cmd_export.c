/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert export: PEM or DER, alone or with what leads up from it. */
#include "tools/cert/certs.h"
#include "tools/io.h"
#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

const struct opt cert_export_opts[] = {
	{"der", 0, NULL, "DER, in place of PEM"},
	{"chain", 0, NULL, "with the authorities' certificates on the token, but for the root's, as TLS servers want it"},
	{0},
};

/* The certificates of the token, whatever the target names. */
static enum status all_of_token(const struct session *s, struct token_certs *found)
{
	struct session any = *s;

	any.selector = (struct selector){0};
	return token_certs_find(&any, found);
}

static X509 *issuer_of(const struct token_certs *found, X509 *cert)
{
	for (CK_ULONG i = 0; i < found->n; i++)
		if (!is_self_issued(found->certs[i]) && X509_check_issued(found->certs[i], cert) == X509_V_OK)
			return found->certs[i];
	return NULL;
}

/* No longer than there are certificates: they may have certified each other in a ring. */
static enum status add_issuers(const struct session *s, STACK_OF(X509) *chain)
{
	struct token_certs found;
	enum status status = all_of_token(s, &found);
	X509 *issuer = sk_X509_value(chain, 0);

	for (CK_ULONG i = 0; status == ST_OK && i < found.n && !is_self_issued(issuer); i++) {
		issuer = issuer_of(&found, issuer);
		if (!issuer)
			break;
		if (!X509_up_ref(issuer) || sk_X509_push(chain, issuer) <= 0)
			status = fail_memory();
	}
	ERR_clear_error();
	token_certs_clear(&found);
	return status;
}

static enum status write_all(const struct args *args, const STACK_OF(X509) *chain)
{
	bool der = arg_has(args, "der");
	size_t len;
	unsigned char *bytes = certs_write(chain, der, &len);
	enum status status = bytes ? output_all(args, der, bytes, len) : fail_memory();

	OPENSSL_free(bytes);
	return status;
}

enum status cmd_cert_export(const struct args *args)
{
	const char *target = arg_target(args, 0);
	struct session s = {0};
	struct token_certs found = {0};
	STACK_OF(X509) *chain = sk_X509_new_null();
	enum status status = chain ? ST_OK : fail_memory();

	if (arg_has(args, "der") && arg_has(args, "chain"))
		status = fail(ST_USAGE, "Leave --der out.", "a chain is in PEM");
	if (status == ST_OK)
		status = session_open(args, target, SELECT_OBJECT, false, LOGIN_WISH, &s);
	if (status == ST_OK)
		status = token_cert_find_one(&s, target, &found);
	if (status == ST_OK && (!X509_up_ref(found.certs[0]) || sk_X509_push(chain, found.certs[0]) <= 0))
		status = fail_memory();
	if (status == ST_OK && arg_has(args, "chain"))
		status = add_issuers(&s, chain);
	if (status == ST_OK)
		status = write_all(args, chain);
	sk_X509_pop_free(chain, X509_free);
	token_certs_clear(&found);
	session_close(&s);
	return status;
}
