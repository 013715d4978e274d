/* SPDX-License-Identifier: Apache-2.0 */
/* What a request or a certificate is to say, from the options. */
#ifndef FIELDS_H
#define FIELDS_H

#include "tools/tool.h"

#include <openssl/x509.h>

#define OPTS_FIELDS \
	{"subject", 's', "NAME", "whom it is for: /C=CN/O=Example/CN=gateway.example.com"}, \
	{"san", 0, "LIST", "subjectAltName: dns:NAME, ip:ADDRESS, email:ADDRESS, uri:URI, with commas between"}, \
	{"key-usage", 0, "LIST", "keyUsage: digitalSignature, keyEncipherment, keyAgreement, ..., with commas between"}, \
	{"ext-key-usage", 0, "LIST", "extendedKeyUsage: serverAuth, clientAuth, ... or OIDs, with commas between"}

struct fields {
	X509_NAME *subject;
	STACK_OF(X509_EXTENSION) *extensions;
};

/* usage: for --key-usage that is not given, or NULL. Clear it after success and failure alike. */
enum status fields_init(const struct args *, const char *usage, struct fields *) MUST_USE;
/* One more, by its value in x509v3_config(5). */
enum status fields_add(struct fields *, int nid, const char *value) MUST_USE;
void fields_clear(struct fields *);

#endif
