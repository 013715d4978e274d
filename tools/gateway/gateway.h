/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu gateway check: what a TLS server finds that takes its keys through hufu's
 * OpenSSL provider, tried in this process.
 *
 *	road        libcrypto as the server's openssl.cnf sets it up
 *	identity    a key by URI, and its certificate
 *	handshake   one connection of this process with itself, in memory
 *	served      which device did the work meanwhile
 *
 * What is wrong with a key or the set-up, but ends nothing, becomes a remark: the rest is tried all the same.
 */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "tools/fleet.h"
#include "tools/ossl.h"
#include "tools/tool.h"

#include <jansson.h>
#include <openssl/ssl.h>

/* -- remarks ----------------------------------------------------------------------------- */

/* What the user is to know: advice leaves the exit code alone, a problem does not. */
struct remarks {
	json_t *list;               /* {"problem": bool, "text", "next"} */
	enum status status;         /* of the problems: that of all, or ST_PARTIAL where they differ */
};

/* False: out of memory. remarks_clear in both cases. */
bool remarks_init(struct remarks *) MUST_USE;
void remarks_clear(struct remarks *);
void advise(struct remarks *, const char *next, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void problem(struct remarks *, enum status, const char *next, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void remarks_print(const struct remarks *);

/* -- the road ------------------------------------------------------------------------------ */

struct road {
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *base, *hufu; /* loaded because of --provider-path; else openssl.cnf has done it */
	char *config;               /* the openssl.cnf read; NULL: none */
	char version[64];           /* of the provider */
};

/* As --config, OPENSSL_CONF or libcrypto's own default say, and --provider-path. Close it after success and failure alike. */
enum status road_open(const struct args *, struct road *, struct remarks *) MUST_USE;
void road_close(struct road *);

/* -- what this libssl can ------------------------------------------------------------------- */

const char *library_name(void);
bool library_has_tlcp(void);
/* TLS_SM4_GCM_SM3 over curveSM2. */
bool library_has_rfc8998(const struct road *);
/* What it cannot do with keys of SM2, and which one can. */
void library_limits(const struct road *, struct remarks *);

/* -- identities ------------------------------------------------------------------------------ */

struct identity {
	char *name;                 /* its URI, or file, as given or found */
	EVP_PKEY *key;
	X509 *certificate;
};

/* What all of them need. */
struct finder {
	const struct args *args;
	struct road *road;
	struct remarks *remarks;
	STACK_OF(X509) *given;      /* of --cert */
	UI_METHOD *ui;
	bool asked;                 /* for a PIN, which no server can */
};

enum status finder_init(struct finder *, const struct args *, struct road *, struct remarks *) MUST_USE;
void finder_clear(struct finder *);
/* URIs of the private keys that have a certificate, on the tokens that --token means; malloc, each and all. */
enum status keys_with_certificate(const struct args *, char ***uris, size_t *n) MUST_USE;
/* False, with a remark: there is no such key, or no certificate for it. quiet: a key that is not there makes none. */
bool identity_find(struct finder *, const char *name, bool quiet, struct identity *) MUST_USE;
void identity_clear(struct identity *);
bool identity_is_sm2(const struct identity *);
/* By its certificate's key usage; without that, for both (GB/T 20518, RFC 5280 4.2.1.3). */
bool identity_signs(const struct identity *);
bool identity_encrypts(const struct identity *);

/* -- handshakes ------------------------------------------------------------------------------ */

struct protocol {
	const char *name;
	int version;                /* TLS1_3_VERSION, ...; 0: TLCP */
	const char *suites;         /* NULL: those that libssl prefers */
	bool sm2;
};
/* Ends with a name of NULL. */
extern const struct protocol protocols[];

struct handshake {
	const struct protocol *protocol;
	const struct identity *identity;
	const struct identity *encryption; /* of TLCP; else NULL */
	char suite[64];
	uint64_t ns;
	enum status status;
	char error[1024];
};

/* Can this library try the protocol with the key? */
bool handshake_suits(const struct road *, const struct protocol *, const struct identity *);
void handshake_run(const struct road *, struct handshake *);

/* -- who served --------------------------------------------------------------------------------- */

struct served {
	struct fleet fleet;
	struct count {
		char device[STATS_NAME];
		uint64_t ops;
	} *before;
	size_t n;
	bool known;                 /* the counters of this process can be read */
};

/* After a message where the configuration cannot be read. served_clear in both cases. */
enum status served_init(struct served *) MUST_USE;
void served_clear(struct served *);
void served_begin(struct served *);
/* "card0, card1", or "-". Gives out. */
char *served_end(struct served *, char *out, size_t out_len);

#endif
