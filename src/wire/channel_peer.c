/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end of a TLS channel, and what both agreed on: looked at once the handshake is done. */
#include "wire/channel_internal.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "sm/sm3.h"

#define RSA_BITS_MIN 2048

__attribute__((format(printf, 2, 3))) static enum hufu_err deny(struct channel *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, args);
	va_end(args);
	return HUFU_ERR_DENIED;
}

/* Cut short it could pass for another's: it is refused instead. */
static enum hufu_err note_subject(struct channel *c, X509 *cert)
{
	char *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());

	/* As UTF-8: RFC 4514 2.4 escapes no more of it than its special characters. */
	const int len = bio ? X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) : -1;
	const long held = len >= 0 ? BIO_get_mem_data(bio, &text) : -1;
	const bool fits = held >= 0 && (size_t)held < sizeof(c->peer.subject) && (held == 0 || !memchr(text, '\0', (size_t)held));
	if (fits && held > 0)
		memcpy(c->peer.subject, text, (size_t)held);
	BIO_free(bio);
	return fits ? HUFU_OK : deny(c, "the peer's certificate has a subject that is too long to be compared (over %zu bytes)",
	                             sizeof(c->peer.subject) - 1);
}

static bool dns_text(const GENERAL_NAME *name, char *out, size_t cap)
{
	const ASN1_IA5STRING *text = name->d.dNSName;
	const int len = ASN1_STRING_length(text);
	const unsigned char *data = ASN1_STRING_get0_data(text);

	/* A zero in the middle made "bank.example\0.evil.example" pass for the bank once. */
	if (len <= 0 || (size_t)len >= cap || memchr(data, '\0', (size_t)len))
		return false;
	memcpy(out, data, (size_t)len);
	out[len] = '\0';
	return true;
}

static bool ip_text(const GENERAL_NAME *name, char *out, size_t cap)
{
	const int len = ASN1_STRING_length(name->d.iPAddress);

	if (len != 4 && len != 16)
		return false;
	return inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), out, (socklen_t)cap) != NULL;
}

/* What does not fit is left out: a name that is missing lets nobody in. */
static void note_names(struct channel_peer *p, X509 *cert)
{
	const size_t max = sizeof(p->names) / sizeof(p->names[0]);
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && p->nnames < max; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char *out = p->names[p->nnames];
		if ((name->type == GEN_DNS && dns_text(name, out, sizeof(p->names[0]))) ||
		    (name->type == GEN_IPADD && ip_text(name, out, sizeof(p->names[0]))))
			p->nnames++;
	}
	GENERAL_NAMES_free(names);
}

static bool note_digests(struct channel *c, X509 *cert)
{
	unsigned len = 0;
	uint8_t *der = NULL;

	if (X509_digest(cert, c->context->sha256, c->peer.fingerprint, &len) != 1 || len != sizeof(c->peer.fingerprint))
		return false;
	const int der_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (der_len <= 0)
		return false;
	sm3(der, (size_t)der_len, c->peer.key_id);
	OPENSSL_free(der);
	return true;
}

/* A name for the key where it is one that the profile allows. */
static bool key_allowed(const struct channel *c, EVP_PKEY *key, char *name, size_t cap)
{
	char curve[64] = "";
	size_t len;
	const int bits = EVP_PKEY_get_bits(key);

	if (EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "SM2"))
		(void)EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len);
	if (c->context->profile->sm) {
		snprintf(name, cap, "SM2");
		return EVP_PKEY_is_a(key, "SM2") || strcmp(curve, SN_sm2) == 0;
	}
	if (strcmp(curve, SN_X9_62_prime256v1) == 0 || strcmp(curve, SN_secp384r1) == 0 || strcmp(curve, SN_secp521r1) == 0) {
		snprintf(name, cap, "ECDSA-P%d", bits);
		return true;
	}
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")) {
		snprintf(name, cap, "%s", EVP_PKEY_get0_type_name(key));
		return true;
	}
	snprintf(name, cap, "RSA-%d", bits);
	return (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) && bits >= RSA_BITS_MIN;
}

static enum hufu_err note_profile(struct channel *c, X509 *cert)
{
	char key_name[32];
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const SSL_CIPHER *suite = SSL_get_current_cipher(c->ssl);
	const char *group = c->context->profile->version == TLS1_3_VERSION ? OBJ_nid2sn((int)SSL_get_negotiated_group(c->ssl)) : "SM2";

	snprintf(c->peer.profile, sizeof(c->peer.profile), "%s %s %s", SSL_get_version(c->ssl), suite ? SSL_CIPHER_get_name(suite) : "-",
	         group ? group : "-");
	if (!channel_profile_agreed(c->context->profile, c->ssl))
		return deny(c, "what was negotiated (%s) is not what the profile %s allows", c->peer.profile, c->context->profile->name);
	if (!key || !key_allowed(c, key, key_name, sizeof(key_name)))
		return deny(c, "the peer's key is of a kind that the profile %s does not allow", c->context->profile->name);
	const size_t len = strlen(c->peer.profile);
	snprintf(c->peer.profile + len, sizeof(c->peer.profile) - len, " %s", key_name);
	return HUFU_OK;
}

/*
 * A session that is resumed was verified when it began. The lists of revoked certificates are those of then, since a context reads
 * none anew; what may have happened since is that the certificate, or a list, has run out.
 */
static enum hufu_err check_times(struct channel *c)
{
	const int64_t now = clock_wall_s();

	if (c->peer.not_after < now)
		return deny(c, "the certificate of %s has expired. Have it renewed", c->peer.subject);
	if (c->context->crl_until < now)
		return deny(c, "a revocation list in %s has expired. Fetch a new one and reload", c->context->crl);
	return HUFU_OK;
}

static int64_t not_after_of(X509 *cert)
{
	struct tm tm;

	return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

#define LABEL "EXPORTER-hufu-channel"

/*
 * TLCP's library has no exporter. As RFC 5705's from the master secret and both randoms, and from both certificates: without the
 * extended master secret (RFC 7627), which TLCP has not, two channels to a third party could be brought to the same secret.
 */
static bool bind_tlcp(struct channel *c)
{
	uint8_t secret[SSL_MAX_MASTER_KEY_LENGTH], client[32], server[32], own[32];
	unsigned len = 0;
	X509 *cert = SSL_get_certificate(c->ssl);
	const size_t secret_len = SSL_SESSION_get_master_key(SSL_get0_session(c->ssl), secret, sizeof(secret));
	const bool good = secret_len > 0 && SSL_get_client_random(c->ssl, client, sizeof(client)) == sizeof(client) &&
	                  SSL_get_server_random(c->ssl, server, sizeof(server)) == sizeof(server) && cert &&
	                  X509_digest(cert, c->context->sha256, own, &len) == 1 && len == sizeof(own);
	struct sm3_hmac_key key;
	struct sm3_hmac mac;

	sm3_hmac_key_init(&key, secret, secret_len);
	sm3_hmac_init(&mac, &key);
	sm3_hmac_update(&mac, LABEL, sizeof(LABEL) - 1);
	sm3_hmac_update(&mac, client, sizeof(client));
	sm3_hmac_update(&mac, server, sizeof(server));
	sm3_hmac_update(&mac, c->context->server ? c->peer.fingerprint : own, sizeof(own));
	sm3_hmac_update(&mac, c->context->server ? own : c->peer.fingerprint, sizeof(own));
	sm3_hmac_final(&mac, c->peer.binding);
	secret_wipe(secret, sizeof(secret));
	secret_wipe(&key, sizeof(key));
	return good;
}

static bool bind_channel(struct channel *c)
{
	if (c->context->profile->version != TLS1_3_VERSION)
		return bind_tlcp(c);
	return SSL_export_keying_material(c->ssl, c->peer.binding, sizeof(c->peer.binding), LABEL, sizeof(LABEL) - 1, NULL, 0, 0) == 1;
}

enum hufu_err channel_peer_of_tls(struct channel *c)
{
	enum hufu_err err;
	X509 *cert = SSL_get0_peer_certificate(c->ssl);

	if (!cert || SSL_get_verify_result(c->ssl) != X509_V_OK)
		return deny(c, "the peer has shown no certificate that was verified");
	if ((err = note_subject(c, cert)) || (err = note_profile(c, cert)))
		return err;
	note_names(&c->peer, cert);
	c->peer.not_after = not_after_of(cert);
	c->peer.resumed = SSL_session_reused(c->ssl) == 1;
	if (!note_digests(c, cert))
		return deny(c, "the certificate of %s cannot be digested", c->peer.subject);
	if (c->pinned && !secret_equal(c->peer.fingerprint, c->pin, sizeof(c->pin)))
		return deny(c, "the certificate of %s is not the one whose SHA-256 is configured (pin)", c->peer.subject);
	if (!bind_channel(c))
		return deny(c, "the TLS library exports no keying material (RFC 8446 7.5)");
	return check_times(c);
}
