/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert import: a certificate, or one with those that lead up from it. */
#include "tools/cert/certs.h"
#include "tools/report.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

const struct opt cert_import_opts[] = {
	{"label", 'L', "LABEL", "the certificate's label, in place of its key's"},
	{"id", 'i', "HEX", "of several same keys the one with this id; with --any the id of what has no key here"},
	{"any", 0, NULL, "also certificates that neither have their key on the token nor lead up from one that has"},
	{0},
};

struct entry {
	X509 *cert;
	struct object key;
	bool holder;            /* its key is on the token */
	bool wanted;            /* or it leads up from one whose is */
};

struct import {
	const struct args *args;
	const char *path;
	struct session s;
	struct id id;
	STACK_OF(X509) *certs;
	struct entry *entries;
	size_t n;
};

/* -- which of them -------------------------------------------------------------------- */

static enum status check_id(const struct import *im, const struct entry *e)
{
	char *id = hex_string(e->key.id, e->key.id_len);
	enum status status = ST_OK;

	if (im->id.len && (e->key.id_len != im->id.len || memcmp(e->key.id, im->id.bytes, im->id.len)))
		status = fail(ST_USAGE, "Leave --id out: programs find the key of a certificate by an id that both have.",
		              "the key of the certificate in %s has the id %s", im->path, id ? id : "");
	free(id);
	return status;
}

static enum status find_keys(struct import *im, size_t *holders)
{
	enum status status = ST_OK;

	*holders = 0;
	for (size_t i = 0; status == ST_OK && i < im->n; i++) {
		struct entry *e = &im->entries[i];
		e->cert = sk_X509_value(im->certs, (int)i);
		status = token_key_of_cert(&im->s, e->cert, &im->id, &e->key, &e->holder);
		e->wanted = e->holder;
		*holders += e->holder;
		if (status == ST_OK && e->holder)
			status = check_id(im, e);
	}
	return status;
}

static bool has_issued_wanted(const struct import *im, X509 *cert)
{
	for (size_t i = 0; i < im->n; i++)
		if (im->entries[i].wanted && X509_check_issued(cert, im->entries[i].cert) == X509_V_OK)
			return true;
	return false;
}

/* Whoever issued one that is wanted is wanted, until nothing changes. */
static void want_issuers(struct import *im)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < im->n; i++)
			if (!im->entries[i].wanted && has_issued_wanted(im, im->entries[i].cert))
				more = im->entries[i].wanted = true;
	}
	ERR_clear_error();
}

static enum status refuse(const struct import *im, const struct entry *e)
{
	char *subject = name_text(X509_get_subject_name(e->cert));
	enum status status =
		fail(ST_NOT_FOUND, "hufu cert list and hufu key list show what is there; --any imports it all the same.",
	             "the key of \"%s\" in %s is not on token \"%s\"", subject ? subject : "", im->path, im->s.label);

	free(subject);
	return status;
}

static enum status choose(struct import *im)
{
	size_t holders;
	enum status status = find_keys(im, &holders);

	if (status)
		return status;
	if (holders > 1 && arg_has(im->args, "label"))
		return fail(ST_USAGE, "Leave --label out, or import a file for each.",
		            "%s has %zu certificates for keys of token \"%s\"", im->path, holders, im->s.label);
	want_issuers(im);
	for (size_t i = 0; i < im->n && !arg_has(im->args, "any"); i++)
		if (!im->entries[i].wanted)
			return refuse(im, &im->entries[i]);
	return ST_OK;
}

/* -- bringing them in -------------------------------------------------------------------- */

/* Imported all the same: an old certificate still verifies old signatures. */
static void note_validity(const struct entry *e)
{
	bool over = X509_cmp_current_time(X509_get0_notAfter(e->cert)) < 0;
	bool early = X509_cmp_current_time(X509_get0_notBefore(e->cert)) > 0;
	char *subject = name_text(X509_get_subject_name(e->cert));
	char *when = time_text(over ? X509_get0_notAfter(e->cert) : X509_get0_notBefore(e->cert));

	if (over || early)
		note("the certificate of \"%s\" %s %s", subject ? subject : "", over ? "has expired, at" : "is not valid before",
		     when ? when : "");
	free(subject);
	free(when);
}

/* RFC 5280 4.2.1.2: the authority's own identifier of the key, or its SHA-1. */
static void id_of_cert(X509 *cert, struct id *id)
{
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(cert);
	unsigned len = 0;

	if (own && (size_t)ASN1_STRING_length(own) <= sizeof id->bytes) {
		id->len = (size_t)ASN1_STRING_length(own);
		memcpy(id->bytes, ASN1_STRING_get0_data(own), id->len);
	} else if (X509_pubkey_digest(cert, EVP_sha1(), id->bytes, &len)) {
		id->len = len;
	}
}

/* The common name, else all of the subject; malloc. */
static char *label_of_cert(X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	char *label = NULL;

	if (at >= 0 && ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) >= 0)
		label = strdup((const char *)utf8);
	OPENSSL_free(utf8);
	return label ? label : name_text(name);
}

static enum status store_holder(const struct import *im, const struct entry *e, CK_OBJECT_HANDLE *handle, bool *there)
{
	const char *label = arg_get(im->args, "label");

	if (label)
		return token_cert_store(&im->s, e->cert, label, strlen(label), e->key.id, e->key.id_len, handle, there);
	return token_cert_store(&im->s, e->cert, e->key.label, e->key.label_len, e->key.id, e->key.id_len, handle, there);
}

/* --label and --id are for the first, which is what the user means, unless that is a holder of a key among them. */
static enum status store_other(const struct import *im, const struct entry *e, CK_OBJECT_HANDLE *handle, bool *there)
{
	bool first = e == im->entries;
	struct id id = {0};
	const char *given = first ? arg_get(im->args, "label") : NULL;
	char *label = given ? strdup(given) : label_of_cert(e->cert);

	if (first && im->id.len)
		id = im->id;
	else
		id_of_cert(e->cert, &id);
	enum status status = label ? token_cert_store(&im->s, e->cert, label, strlen(label), id.bytes, id.len, handle, there)
	                           : fail_memory();
	free(label);
	return status;
}

static enum status store_all(const struct import *im)
{
	CK_OBJECT_HANDLE *handles = calloc(im->n, sizeof *handles);
	enum status status = handles ? ST_OK : fail_memory();
	size_t done = 0;
	bool there;

	while (status == ST_OK && done < im->n) {
		const struct entry *e = &im->entries[done];
		note_validity(e);
		status = (e->holder ? store_holder : store_other)(im, e, &handles[done], &there);
		if (status == ST_OK && there)
			note("certificate %zu of %s was on the token already", done + 1, im->path);
		done += status == ST_OK;
	}
	enum status told = done ? objects_report(im->args, &im->s, "hufu-cert-import/1", handles, done) : ST_OK;
	free(handles);
	if (status && done)
		return ST_PARTIAL;
	return status ? status : told;
}

static enum status prepare(struct import *im)
{
	im->n = (size_t)sk_X509_num(im->certs);
	im->entries = calloc(im->n, sizeof *im->entries);
	return im->entries ? ST_OK : fail_memory();
}

static void import_clear(struct import *im)
{
	for (size_t i = 0; im->entries && i < im->n; i++)
		object_clear(&im->entries[i].key);
	free(im->entries);
	sk_X509_pop_free(im->certs, X509_free);
	session_close(&im->s);
}

enum status cmd_cert_import(const struct args *args)
{
	const char *token = args->ntargets == 2 ? arg_target(args, 0) : NULL;
	struct import im = {.args = args, .path = arg_target(args, args->ntargets - 1), .certs = sk_X509_new_null()};
	enum status status = im.certs ? id_option(args, &im.id) : fail_memory();

	if (status == ST_OK)
		status = certs_read(im.path, im.certs);
	if (status == ST_OK)
		status = prepare(&im);
	if (status == ST_OK)
		status = session_open(args, token, SELECT_TOKEN, true, LOGIN_USER, &im.s);
	if (status == ST_OK)
		status = choose(&im);
	if (status == ST_OK)
		status = store_all(&im);
	import_clear(&im);
	return status;
}
