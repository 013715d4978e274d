/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handshake of this process with itself: two connections whose ends are two
 * ends of a pair of BIOs in memory. The client trusts whatever it gets: whether others
 * trust the certificate is for those to say who hold their roots.
 */
#include "config.h"

#include "tools/gateway/gateway.h"

#include "base/clock.h"

#include <openssl/err.h>
#include <string.h>

#define ROUNDS_MAX 64 /* of flights; a handshake has a few */

const struct protocol protocols[] = {
	{"TLS 1.3", TLS1_3_VERSION, NULL, false},
	{"TLS 1.2", TLS1_2_VERSION, NULL, false},
	{"RFC 8998", TLS1_3_VERSION, "TLS_SM4_GCM_SM3", true},
	{"TLCP", 0, "ECC-SM2-SM4-GCM-SM3", true},
	{"TLCP", 0, "ECC-SM2-SM4-CBC-SM3", true},
	{0},
};

static bool is_tlcp(const struct protocol *p)
{
	return p->version == 0;
}

/* RSA encryption keys and those for key agreement sign nothing. */
static bool can_sign(const struct identity *id)
{
	return !EVP_PKEY_is_a(id->key, "X25519") && !EVP_PKEY_is_a(id->key, "X448") && identity_signs(id);
}

bool handshake_suits(const struct road *road, const struct protocol *p, const struct identity *id)
{
	if (p->sm2 != identity_is_sm2(id) || !can_sign(id))
		return false;
	if (is_tlcp(p))
		return library_has_tlcp();
	return !p->sm2 || library_has_rfc8998(road);
}

/* -- both ends ---------------------------------------------------------------------------- */

static const SSL_METHOD *method_of(const struct protocol *p, bool server)
{
#ifdef HAVE_NTLS
	if (is_tlcp(p))
		return server ? NTLS_server_method() : NTLS_client_method();
#endif
	(void)p;
	return server ? TLS_server_method() : TLS_client_method();
}

static bool set_tlcp(SSL_CTX *ssl, const struct protocol *p)
{
#ifdef HAVE_NTLS
	SSL_CTX_enable_ntls(ssl);
#endif
	return SSL_CTX_set_cipher_list(ssl, p->suites);
}

static bool set_rfc8998(SSL_CTX *ssl, const struct protocol *p)
{
#ifdef HAVE_SSL_CTX_ENABLE_SM_TLS13_STRICT
	SSL_CTX_enable_sm_tls13_strict(ssl);
#endif
	return SSL_CTX_set_ciphersuites(ssl, p->suites) &&
	       (SSL_CTX_set1_groups_list(ssl, "curveSM2") || SSL_CTX_set1_groups_list(ssl, "SM2"));
}

static bool set_protocol(SSL_CTX *ssl, const struct protocol *p)
{
	if (is_tlcp(p))
		return set_tlcp(ssl, p);
	return SSL_CTX_set_min_proto_version(ssl, p->version) && SSL_CTX_set_max_proto_version(ssl, p->version) &&
	       (!p->sm2 || set_rfc8998(ssl, p));
}

static bool set_identities(SSL_CTX *ssl, const struct handshake *h)
{
#ifdef HAVE_NTLS
	if (is_tlcp(h->protocol))
		return SSL_CTX_use_sign_certificate(ssl, h->identity->certificate) && SSL_CTX_use_sign_PrivateKey(ssl, h->identity->key) &&
		       SSL_CTX_use_enc_certificate(ssl, h->encryption->certificate) && SSL_CTX_use_enc_PrivateKey(ssl, h->encryption->key);
#endif
	return SSL_CTX_use_certificate(ssl, h->identity->certificate) && SSL_CTX_use_PrivateKey(ssl, h->identity->key) &&
	       SSL_CTX_check_private_key(ssl);
}

static SSL *end_new(const struct road *road, const struct handshake *h, bool server, BIO *bio)
{
	SSL_CTX *context = SSL_CTX_new_ex(road->context, NULL, method_of(h->protocol, server));
	SSL *ssl = NULL;

	if (context && set_protocol(context, h->protocol) && (!server || set_identities(context, h)))
		ssl = SSL_new(context);
	SSL_CTX_free(context); /* ssl holds it */
	if (!ssl) {
		BIO_free(bio);
		return NULL;
	}
	SSL_set_bio(ssl, bio, bio);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* -- the two of them ------------------------------------------------------------------------ */

/* One step of one end. False: it failed for good. */
static bool step(SSL *ssl, bool *done)
{
	int result = SSL_do_handshake(ssl);

	*done = result == 1;
	return *done || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ || SSL_get_error(ssl, result) == SSL_ERROR_WANT_WRITE;
}

/* What one end writes the other reads: only then the last flight has been looked at, too. */
static bool passes(SSL *from, SSL *to)
{
	static const char sent[] = "tally";
	char got[sizeof sent];

	return SSL_write(from, sent, sizeof sent) == sizeof sent && SSL_read(to, got, sizeof got) == sizeof got &&
	       memcmp(sent, got, sizeof sent) == 0;
}

static bool shake(SSL *client, SSL *server)
{
	bool client_done = false, server_done = false;

	for (int i = 0; i < ROUNDS_MAX && !(client_done && server_done); i++)
		if (!step(client, &client_done) || !step(server, &server_done))
			return false;
	return client_done && server_done && passes(client, server) && passes(server, client);
}

static bool connect_both(const struct road *road, const struct handshake *h, SSL **client, SSL **server)
{
	BIO *one, *other;

	*client = *server = NULL;
	if (!BIO_new_bio_pair(&one, 0, &other, 0))
		return false;
	*client = end_new(road, h, false, one);
	*server = end_new(road, h, true, other);
	return *client && *server;
}

static enum status status_of(enum reason reason)
{
	if (reason == REASON_PIN_SOURCE || reason == REASON_PIN_WRONG || reason == REASON_PIN_LOCKED || reason == REASON_LOGIN)
		return ST_AUTH;
	if (reason == REASON_KEY_USE)
		return ST_POLICY;
	return reason == REASON_SIGNATURE ? ST_INTEGRITY : ST_UNAVAILABLE;
}

void handshake_run(const struct road *road, struct handshake *h)
{
	SSL *client, *server;
	enum reason reason;

	ERR_clear_error();
	bool ready = connect_both(road, h, &client, &server);
	uint64_t begin_ns = clock_now_ns();
	if (ready && shake(client, server)) {
		h->ns = clock_now_ns() - begin_ns;
		snprintf(h->suite, sizeof h->suite, "%s", SSL_get_cipher_name(server));
		h->status = ST_OK;
	} else {
		ossl_why(h->error, sizeof h->error, &reason);
		h->status = status_of(reason);
	}
	SSL_free(client);
	SSL_free(server);
}
