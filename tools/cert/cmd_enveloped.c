/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert import-enveloped: the encryption key that an authority sends, unwrapped by the signing key within the token. */
#include "tools/cert/certs.h"
#include "tools/cert/envelope.h"
#include "tools/report.h"
#include "tools/template.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

const struct opt cert_import_enveloped_opts[] = {
	OPTS_KEY_WISH,
	{"certificate", 'c', "FILE", "the encryption certificate, which is imported with the key's id"},
	{"allow-unwrap", 0, NULL, "let the signing key unwrap this once, if it was made without that use"},
	{0},
};

struct answer {
	const struct args *args;
	struct session s;
	struct object signer;
	struct envelope envelope;
	STACK_OF(X509) *certs;          /* NULL: no certificate is given */
	CK_OBJECT_HANDLE made[3];       /* private, public, certificate */
	size_t n;
};

/* -- do they belong together? ------------------------------------------------------------- */

static bool has_point(X509 *cert, const unsigned char point[ENVELOPE_POINT_LEN])
{
	unsigned char own[ENVELOPE_POINT_LEN];
	size_t len = 0;
	EVP_PKEY *key = X509_get_pubkey(cert);
	bool same = key && EVP_PKEY_is_a(key, "SM2") &&
	            EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, own, sizeof own, &len) && len == sizeof own &&
	            !memcmp(own, point, len);

	EVP_PKEY_free(key);
	ERR_clear_error();
	return same;
}

static enum status read_certificate(struct answer *a)
{
	const char *path = arg_get(a->args, "certificate");

	if (!path)
		return ST_OK;
	a->certs = sk_X509_new_null();
	enum status status = a->certs ? certs_read(path, a->certs) : fail_memory();
	if (status || has_point(sk_X509_value(a->certs, 0), a->envelope.point))
		return status;
	return fail(ST_INTEGRITY, "Authorities send two certificates: --certificate is for the encryption key's.",
	            "the first certificate in %s is not of the key in %s", path, arg_target(a->args, 1));
}

static enum status check_signer(const struct answer *a)
{
	const struct object *o = &a->signer;
	int may = object_flag(&a->s, o->handle, CKA_UNWRAP);

	if (!o->kind || o->kind->type != CKK_HUFU_SM2)
		return fail(ST_USAGE, "Name the SM2 key whose request the authority answered.", "\"%s\" is no SM2 key",
		            arg_target(a->args, 0));
	if (may == 1 || arg_has(a->args, "allow-unwrap"))
		return ST_OK;
	return fail(ST_POLICY,
	            "--allow-unwrap lets it this once; a key made with --use sign,verify,unwrap needs no such leave.",
	            "the key \"%s\" must not unwrap (CKA_UNWRAP is false)", arg_target(a->args, 0));
}

static void point_attribute(const struct answer *a, unsigned char der[2 + ENVELOPE_POINT_LEN])
{
	der[0] = V_ASN1_OCTET_STRING;
	der[1] = ENVELOPE_POINT_LEN;
	memcpy(der + 2, a->envelope.point, ENVELOPE_POINT_LEN);
}

static enum status check_new(const struct answer *a)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	unsigned char point[2 + ENVELOPE_POINT_LEN];
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_EC_POINT, point, sizeof point}};
	CK_OBJECT_HANDLE *found;
	CK_ULONG n;

	point_attribute(a, point);
	enum status status = objects_find(&a->s, wanted, 2, &found, &n);
	free(found);
	if (status == ST_OK && n)
		status = fail(ST_POLICY, "hufu key list shows it.", "the key in %s is on token \"%s\" already",
		              arg_target(a->args, 1), a->s.label);
	return status;
}

/* -- making the objects --------------------------------------------------------------------- */

static CK_RV set_unwrap(const struct answer *a, CK_BBOOL on)
{
	CK_ATTRIBUTE attr = {CKA_UNWRAP, &on, sizeof on};

	return a->s.f->C_SetAttributeValue(a->s.handle, a->signer.handle, &attr, 1);
}

static enum status unwrap_with(struct answer *a, struct template *t)
{
	CK_MECHANISM mech = {CKM_HUFU_SM2_ENVELOPED_KEY, NULL, 0};
	CK_RV rv = a->s.f->C_UnwrapKey(a->s.handle, &mech, a->signer.handle, a->envelope.der, a->envelope.der_len, t->attrs, t->n,
	                               &a->made[0]);

	a->n = rv == CKR_OK;
	return rv == CKR_OK ? ST_OK : fail_rv(rv, "unwrapping %s with the key \"%s\" of token \"%s\"", arg_target(a->args, 1),
	                                      arg_target(a->args, 0), a->s.label);
}

/* The leave is taken back whatever came of it. */
static enum status unwrap(struct answer *a, struct template *t)
{
	bool leave = object_flag(&a->s, a->signer.handle, CKA_UNWRAP) != 1;
	CK_RV rv = leave ? set_unwrap(a, CK_TRUE) : CKR_OK;

	if (rv != CKR_OK)
		return fail_rv(rv, "letting the key \"%s\" unwrap", arg_target(a->args, 0));
	enum status status = unwrap_with(a, t);
	rv = leave ? set_unwrap(a, CK_FALSE) : CKR_OK;
	if (rv == CKR_OK)
		return status;
	enum status taken = fail_rv(rv, "keeping the key \"%s\" from unwrapping again", arg_target(a->args, 0));
	return status ? status : taken;
}

static enum status make_public(struct answer *a, const struct key_wish *wish)
{
	unsigned char point[2 + ENVELOPE_POINT_LEN];
	struct template t;

	point_attribute(a, point);
	template_of(&t, wish, CKO_PUBLIC_KEY, a->signer.kind);
	template_add(&t, CKA_EC_PARAMS, sm2_curve_oid, sizeof sm2_curve_oid);
	template_add(&t, CKA_EC_POINT, point, sizeof point);
	CK_RV rv = a->s.f->C_CreateObject(a->s.handle, t.attrs, t.n, &a->made[a->n]);
	a->n += rv == CKR_OK;
	return rv == CKR_OK ? ST_OK : fail_rv(rv, "making the public key on token \"%s\"", a->s.label);
}

static enum status store_certificate(struct answer *a, const struct key_wish *wish)
{
	bool there;
	const char *label = wish->label ? wish->label : "";
	enum status status = token_cert_store(&a->s, sk_X509_value(a->certs, 0), label, strlen(label), wish->id, wish->id_len,
	                                      &a->made[a->n], &there);

	a->n += status == ST_OK;
	return status;
}

/* A certificate that came first, with --any, has an id already, which is what programs go by. */
static enum status take_id_of_certificate(const struct answer *a, struct key_wish *wish)
{
	CK_OBJECT_HANDLE handle;
	struct object there = {0};
	bool found = false;
	enum status status = a->certs ? token_cert_find(&a->s, sk_X509_value(a->certs, 0), &handle, &found) : ST_OK;

	if (status == ST_OK && found)
		status = object_load(&a->s, handle, &there);
	if (status == ST_OK && found && !arg_has(a->args, "id") && there.id_len && there.id_len <= sizeof wish->id) {
		wish->id_len = there.id_len;
		memcpy(wish->id, there.id, there.id_len);
	}
	object_clear(&there);
	return status;
}

static enum status wish_for(const struct answer *a, struct key_wish *wish)
{
	enum status status = key_wish_init(a->args, a->signer.kind, wish);

	/* GM/T 0015: it is encrypted to, and agrees upon keys; it does not sign. */
	if (!arg_has(a->args, "use"))
		wish->uses = CKF_ENCRYPT | CKF_DECRYPT | CKF_DERIVE;
	return status ? status : take_id_of_certificate(a, wish);
}

static enum status undo(struct answer *a, enum status status)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->s.f->C_DestroyObject(a->s.handle, a->made[i]) != CKR_OK) {
			note("the private key was imported and stays; hufu key destroy removes it");
			return ST_PARTIAL;
		}
	return status;
}

static enum status make(struct answer *a)
{
	struct key_wish wish;
	struct template t;
	enum status status = wish_for(a, &wish);

	if (status)
		return status;
	template_of(&t, &wish, CKO_PRIVATE_KEY, a->signer.kind);
	status = unwrap(a, &t);
	if (status == ST_OK)
		status = make_public(a, &wish);
	if (status == ST_OK && a->certs)
		status = store_certificate(a, &wish);
	return status ? undo(a, status) : objects_report(a->args, &a->s, "hufu-cert-import-enveloped/1", a->made, a->n);
}

enum status cmd_cert_import_enveloped(const struct args *args)
{
	const char *target = arg_target(args, 0);
	struct answer a = {.args = args};
	enum status status = envelope_read(arg_target(args, 1), &a.envelope);

	if (status == ST_OK)
		status = read_certificate(&a);
	if (status == ST_OK)
		status = session_open(args, target, SELECT_OBJECT, true, LOGIN_USER, &a.s);
	if (status == ST_OK)
		status = key_find_one(&a.s, WANT_PRIVATE, target, &a.signer);
	if (status == ST_OK)
		status = check_signer(&a);
	if (status == ST_OK)
		status = check_new(&a);
	if (status == ST_OK)
		status = make(&a);
	sk_X509_pop_free(a.certs, X509_free);
	envelope_clear(&a.envelope);
	object_clear(&a.signer);
	session_close(&a.s);
	return status;
}
