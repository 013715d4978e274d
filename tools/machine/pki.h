/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate authority in a directory, as small as a domain of cipher
 * machines needs: ca.pem and ca.key, and pairs of machines and clients. ECDSA
 * P-256, RFC 5280. Whoever has a real one uses that.
 */
#ifndef PKI_H
#define PKI_H

#include "tools/tool.h"

#define PKI_HOSTS_MAX 16

struct pki_subject {
	const char *name;          /* CN; the files are NAME.pem and NAME.key */
	bool server;               /* else client */
	const char *hosts[PKI_HOSTS_MAX]; /* server: DNS names and addresses of subjectAltName */
	int nhosts;
	unsigned long days;
};

/* Makes ca.pem and ca.key in dir where neither is; *made says so. All report what fails. */
enum status pki_make_ca(const char *dir, bool *made) MUST_USE;
/* Makes NAME.pem and NAME.key, which must not be there. */
enum status pki_issue(const char *dir, const struct pki_subject *) MUST_USE;
/* A file that was not there, 0600, whole and durable or not at all. */
enum status pki_write(const char *dir, const char *name, const void *, size_t len) MUST_USE;
bool pki_is_address(const char *host); /* IPv4 or IPv6, in figures */
bool pki_has(const char *dir, const char *name);

#endif
