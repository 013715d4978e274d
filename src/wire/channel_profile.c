/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS profiles: what both ends insist on. "tls13": RFC 8446 with any OpenSSL.
 * "tls13-sm": RFC 8998, TLS 1.3 with SM2, SM3 and SM4; "tlcp": GB/T 38636, with
 * a pair of keys to sign and a pair to encrypt. The latter two are tried, not
 * assumed: OpenSSL 3 has neither, Tongsuo both, later OpenSSL the former.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "wire/channel_internal.h"

#include <openssl/err.h>
#include <string.h>

#include "crypto/context.h"

static SSL_CTX *tls_ctx(OSSL_LIB_CTX *lib, bool server)
{
	return SSL_CTX_new_ex(lib, NULL, server ? TLS_server_method() : TLS_client_method());
}

/* Only what gives forward secrecy and an AEAD exists in TLS 1.3; of it what RFC 8446 9.1 names. */
static bool tls13_tune(SSL_CTX *ctx)
{
	return SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256") == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

/* The curve has two names: RFC 8998's, and Tongsuo's. */
static bool tls13_sm_tune(SSL_CTX *ctx)
{
#ifdef HAVE_SSL_CTX_ENABLE_SM_TLS13_STRICT
	SSL_CTX_enable_sm_tls13_strict(ctx);
#endif
	return SSL_CTX_set_ciphersuites(ctx, "TLS_SM4_GCM_SM3") == 1 && SSL_CTX_set1_sigalgs_list(ctx, "sm2sig_sm3") == 1 &&
	       (SSL_CTX_set1_groups_list(ctx, "curveSM2") == 1 || SSL_CTX_set1_groups_list(ctx, "SM2") == 1);
}

#ifdef HAVE_NTLS
#define TLCP_VERSION NTLS_VERSION

static SSL_CTX *tlcp_ctx(OSSL_LIB_CTX *lib, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(lib, NULL, server ? NTLS_server_method() : NTLS_client_method());

	if (ctx)
		SSL_CTX_enable_ntls(ctx);
	return ctx;
}

/* Its version, 1.1 of its own counting, passes for less than SSL 3 at level 2; what else the level would refuse is not offered. */
static bool tlcp_tune(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, 1);
	return SSL_CTX_set_cipher_list(ctx, "ECDHE-SM2-SM4-GCM-SM3:ECC-SM2-SM4-GCM-SM3") == 1;
}

/* The first pair signs (GB/T 38636 6.4.5.3): its place is another than TLS's. It is fetched first: "the" pair changes. */
static bool tlcp_second_pair(SSL_CTX *ctx, X509 *cert, EVP_PKEY *key)
{
	X509 *sign_cert = SSL_CTX_get0_certificate(ctx);
	EVP_PKEY *sign_key = SSL_CTX_get0_privatekey(ctx);

	return SSL_CTX_use_sign_certificate(ctx, sign_cert) == 1 && SSL_CTX_use_sign_PrivateKey(ctx, sign_key) == 1 &&
	       SSL_CTX_use_enc_certificate(ctx, cert) == 1 && SSL_CTX_use_enc_PrivateKey(ctx, key) == 1;
}
#else
#define TLCP_VERSION 0
#define tlcp_ctx NULL
#define tlcp_tune NULL
#define tlcp_second_pair NULL
#endif

static const struct channel_profile profiles[] = {
	{
		.name = "tls13", .version = TLS1_3_VERSION, .new_ctx = tls_ctx, .tune = tls13_tune,
		.missing = "OpenSSL 3.0 or later",
	},
	{
		.name = "tls13-sm", .version = TLS1_3_VERSION, .new_ctx = tls_ctx, .tune = tls13_sm_tune, .sm = true,
		.missing = "build hufu --with-openssl=PREFIX of Tongsuo 8.3, or of an OpenSSL that has RFC 8998",
	},
	{
		.name = "tlcp", .version = TLCP_VERSION, .new_ctx = tlcp_ctx, .tune = tlcp_tune, .second_pair = tlcp_second_pair, .sm = true,
		.missing = "build hufu --with-openssl=PREFIX of a Tongsuo that was configured with enable-ntls",
	},
};

const struct channel_profile *channel_profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

/* libssl ignores some of what it does not know: only what is there in the end tells. */
static bool has_suites(SSL_CTX *ctx)
{
	SSL *ssl = SSL_new(ctx);
	const bool some = ssl && sk_SSL_CIPHER_num(SSL_get_ciphers(ssl)) > 0;

	SSL_free(ssl);
	return some;
}

bool channel_profile_known(const char *name)
{
	const struct channel_profile *p = channel_profile_find(name);
	OSSL_LIB_CTX *lib = libcrypto_context();

	if (!p || !p->new_ctx || !lib)
		return false;
	ERR_set_mark();
	SSL_CTX *ctx = p->new_ctx(lib, true);
	const bool known = ctx && p->tune(ctx) && has_suites(ctx);
	SSL_CTX_free(ctx);
	ERR_pop_to_mark();
	return known;
}

static bool group_agreed(const struct channel_profile *p, const SSL *ssl)
{
	if (p->version != TLS1_3_VERSION)
		return true; /* TLCP knows one curve, and its suites name it */
	/* libssl takes a pointer that is not const for what it only reads. */
	const int nid = (int)SSL_get_negotiated_group((SSL *)(uintptr_t)ssl);
	if (p->sm)
		return nid == NID_sm2;
	return nid == NID_X25519 || nid == NID_X9_62_prime256v1 || nid == NID_secp384r1;
}

static bool suite_agreed(const struct channel_profile *p, const SSL *ssl)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
	const char *name = suite ? SSL_CIPHER_get_name(suite) : "";

	if (p->sm)
		return strstr(name, "SM4") != NULL && strstr(name, "SM3") != NULL && strstr(name, "GCM") != NULL;
	return strcmp(name, "TLS_AES_256_GCM_SHA384") == 0 || strcmp(name, "TLS_CHACHA20_POLY1305_SHA256") == 0 ||
	       strcmp(name, "TLS_AES_128_GCM_SHA256") == 0;
}

bool channel_profile_agreed(const struct channel_profile *p, const SSL *ssl)
{
	return SSL_version(ssl) == p->version && suite_agreed(p, ssl) && group_agreed(p, ssl);
}
