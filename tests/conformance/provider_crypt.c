/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what others encrypt for a token's key, or agree on with it, its owner
 * opens and agrees on with the default provider's calls and parameters; and nobody
 * learns from an answer how a ciphertext was padded.
 */
#include "tests/conformance/provider.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define OURS "provider=hufu"

/* -- contexts ---------------------------------------------------------------------------------- */

typedef int (*init_fn)(EVP_PKEY_CTX *, const OSSL_PARAM[]);
typedef int (*crypt_fn)(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);

/* On the token's side by ours, on the other by what there is. */
static EVP_PKEY_CTX *context_of(EVP_PKEY *key, bool ours)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(ours ? with_hufu : without_hufu, key, ours ? OURS : NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
	return ctx;
}

/* The length; -1: refused. */
static int crypt(EVP_PKEY *key, bool ours, bool encrypts, const OSSL_PARAM *params, const uint8_t *in, size_t len,
                 uint8_t out[1024])
{
	EVP_PKEY_CTX *ctx = context_of(key, ours);
	init_fn init = encrypts ? EVP_PKEY_encrypt_init_ex : EVP_PKEY_decrypt_init_ex;
	crypt_fn run = encrypts ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
	size_t asked = 0, n = 1024;
	bool good = init(ctx, params) == 1 && run(ctx, NULL, &asked, in, len) == 1 && run(ctx, out, &n, in, len) == 1;

	CU_ASSERT(!good || n <= asked);
	EVP_PKEY_CTX_free(ctx);
	return good ? (int)n : -1;
}

static OSSL_PARAM text_param(const char *name, const char *value)
{
	return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)value, 0);
}

/* -- RSA: there and back -------------------------------------------------------------------------- */

/* Encrypted by the default provider, and by ours with the public half of the key; opened by the token. */
static void there_and_back(const OSSL_PARAM *params, const uint8_t *text, size_t len)
{
	EVP_PKEY *private = provider_private("rsa"), *public = provider_public("rsa");
	uint8_t sealed[1024], opened[1024];

	for (int ours = 0; ours < 2; ours++) {
		int n = crypt(ours ? private : public, ours, true, params, text, len, sealed);
		CU_ASSERT_EQUAL(n, 256);
		int m = crypt(private, true, false, params, sealed, (size_t)n, opened);
		GOOD(m == (int)len && memcmp(opened, text, len) == 0);
	}
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
}

static void test_rsa_paddings(void)
{
	static const char *const hashes[] = {"SHA1", "SHA2-256", "SHA384", "SHA-512"};
	uint8_t text[256] = {0}, label[] = "a label";

	RAND_bytes(text + 1, 255);
	there_and_back((OSSL_PARAM[]){text_param("pad-mode", "pkcs1"), OSSL_PARAM_construct_end()}, text, 245);
	there_and_back((OSSL_PARAM[]){text_param("pad-mode", "none"), OSSL_PARAM_construct_end()}, text, 256);
	there_and_back((OSSL_PARAM[]){text_param("pad-mode", "oaep"), OSSL_PARAM_construct_end()}, text, 214);
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			there_and_back((OSSL_PARAM[]){text_param("pad-mode", "oaep"), text_param("digest", hashes[i]),
			                              text_param("mgf1-digest", hashes[j]),
			                              OSSL_PARAM_construct_octet_string("oaep-label", label, j * 2),
			                              OSSL_PARAM_construct_end()},
			               text, 100);
}

/* As a program has it that knows of no provider: the default one is asked first, has no such key, and ours does it. */
static void test_rsa_without_a_query(void)
{
	EVP_PKEY *private = provider_private("rsa"), *public = provider_public("rsa");
	EVP_PKEY_CTX *there = context_of(public, false), *back = EVP_PKEY_CTX_new_from_pkey(with_hufu, private, NULL);
	uint8_t sealed[256], opened[256];
	size_t n = sizeof sealed, m = sizeof opened;

	GOOD(EVP_PKEY_encrypt_init(there));
	GOOD(EVP_PKEY_CTX_set_rsa_padding(there, RSA_PKCS1_OAEP_PADDING));
	GOOD(EVP_PKEY_CTX_set_rsa_oaep_md_name(there, "SHA256", NULL));
	GOOD(EVP_PKEY_encrypt(there, sealed, &n, (const uint8_t *)"premaster", 9));
	GOOD(EVP_PKEY_decrypt_init(back));
	GOOD(EVP_PKEY_CTX_set_rsa_padding(back, RSA_PKCS1_OAEP_PADDING));
	GOOD(EVP_PKEY_CTX_set_rsa_oaep_md_name(back, "SHA256", NULL));
	GOOD(EVP_PKEY_decrypt(back, opened, &m, sealed, n));
	CU_ASSERT(m == 9 && memcmp(opened, "premaster", 9) == 0);
	EVP_PKEY_CTX_free(there);
	EVP_PKEY_CTX_free(back);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
}

/* Set, read and copied as the default provider's. */
static void test_rsa_parameters(void)
{
	EVP_PKEY *private = provider_private("rsa"), *public = provider_public("rsa");

	for (int ours = 0; ours < 2; ours++) {
		EVP_PKEY_CTX *ctx = context_of(ours ? private : public, ours), *copy;
		char oaep[32], mgf[32];
		uint8_t *label;
		int padding = 0;
		GOOD(EVP_PKEY_encrypt_init(ctx));
		GOOD(EVP_PKEY_CTX_get_rsa_padding(ctx, &padding) > 0);
		CU_ASSERT_EQUAL(padding, RSA_PKCS1_PADDING);
		GOOD(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING));
		GOOD(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA384", NULL));
		GOOD(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup("four"), 4));
		copy = EVP_PKEY_CTX_dup(ctx);
		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		EVP_PKEY_CTX_free(ctx);
		GOOD(EVP_PKEY_CTX_get_rsa_padding(copy, &padding) > 0);
		CU_ASSERT_EQUAL(padding, RSA_PKCS1_OAEP_PADDING);
		GOOD(EVP_PKEY_CTX_get_rsa_oaep_md_name(copy, oaep, sizeof oaep));
		GOOD(EVP_PKEY_CTX_get_rsa_mgf1_md_name(copy, mgf, sizeof mgf));
		CU_ASSERT_STRING_EQUAL(oaep, "SHA2-384");
		CU_ASSERT_STRING_EQUAL(mgf, "SHA2-384");
		if (ours)               /* OpenSSL 3.0's own copy has no label */
			CU_ASSERT(EVP_PKEY_CTX_get0_rsa_oaep_label(copy, &label) == 4 && memcmp(label, "four", 4) == 0);
		EVP_PKEY_CTX_free(copy);
	}
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
}

/* -- RSA: what is refused, and what is not ----------------------------------------------------------- */

static const char *tls_key = "rsa";     /* that secrets are sealed for */

/* The block as it is, by the public half. */
static void seal_block(const uint8_t block[256], uint8_t sealed[1024])
{
	const OSSL_PARAM params[] = {text_param("pad-mode", "none"), OSSL_PARAM_construct_end()};
	EVP_PKEY *public = provider_public(tls_key);

	CU_ASSERT_EQUAL(crypt(public, false, true, params, block, 256, sealed), 256);
	EVP_PKEY_free(public);
}

/* 00 02, a padding without zeros, 00, and the end of it. */
static void pad(uint8_t block[256], const uint8_t *text, size_t len)
{
	memset(block, 0x5a, 256);
	block[0] = 0;
	block[1] = 2;
	block[255 - len] = 0;
	memcpy(block + 256 - len, text, len);
}

static int open_tls(const uint8_t *sealed, size_t len, unsigned client, unsigned negotiated, uint8_t out[1024])
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int("pad-mode", &(int){RSA_PKCS1_WITH_TLS_PADDING}),
		OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client),
		OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &negotiated),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *private = provider_private(tls_key);
	int n = crypt(private, true, false, params, sealed, len, out);

	EVP_PKEY_free(private);
	return n;
}

static const uint8_t premaster[48] = {3, 3, 'p', 'r', 'e', 'm', 'a', 's', 't', 'e', 'r'};

/* RFC 5246 7.4.7.1: another secret, another each time, and no error. */
static void other_secrets(const uint8_t block[256])
{
	uint8_t sealed[1024], first[1024], second[1024];

	seal_block(block, sealed);
	CU_ASSERT_EQUAL(open_tls(sealed, 256, 0x0303, 0, first), 48);
	CU_ASSERT_EQUAL(open_tls(sealed, 256, 0x0303, 0, second), 48);
	CU_ASSERT(memcmp(first, premaster, 48) != 0 && memcmp(first, second, 48) != 0);
}

static void test_premaster(void)
{
	uint8_t block[256], sealed[1024], out[1024];

	pad(block, premaster, 48);
	seal_block(block, sealed);
	CU_ASSERT_EQUAL(open_tls(sealed, 256, 0x0303, 0, out), 48);
	CU_ASSERT(memcmp(out, premaster, 48) == 0);
	/* a client that writes what was negotiated, where that is allowed */
	CU_ASSERT_EQUAL(open_tls(sealed, 256, 0x0304, 0x0303, out), 48);
	CU_ASSERT(memcmp(out, premaster, 48) == 0);
	CU_ASSERT_EQUAL(open_tls(sealed, 256, 0x0304, 0, out), 48);
	CU_ASSERT(memcmp(out, premaster, 48) != 0);
	FAILS(open_tls(sealed, 256, 0, 0, out) > 0, REASON_PARAMETER);
	FAILS(open_tls(sealed, 255, 0x0303, 0, out) > 0, REASON_DECRYPTION);
}

static void test_premaster_is_no_oracle(void)
{
	static const size_t places[] = {0, 1, 2, 9, 100, 206, 207, 208, 209};
	uint8_t block[256];

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		pad(block, premaster, 48);
		block[places[i]] = places[i] == 0 || places[i] == 207 ? 1 : 0;
		other_secrets(block);
	}
	pad(block, premaster, 47);
	other_secrets(block);
	pad(block, premaster, 0);
	other_secrets(block);
}

/* A key that may decrypt by v1.5 alone: the token looks at the padding, and rejects implicitly. */
static void test_premaster_without_raw(void)
{
	tls_key = "pkcs1";
	test_premaster();
	test_premaster_is_no_oracle();
	tls_key = "rsa";
}

/* What a token decrypts by v1.5 it always gives, and the same of the same: nobody tells good paddings from bad. */
static void test_implicit_rejection(void)
{
	const OSSL_PARAM params[] = {text_param("pad-mode", "pkcs1"), OSSL_PARAM_construct_end()};
	EVP_PKEY *private = provider_private("rsa");
	uint8_t block[256], sealed[1024], first[1024], second[1024];

	for (unsigned i = 0; i < 4; i++) {
		memset(block, 0x11 + (int)i, sizeof block);
		block[0] = 0;
		seal_block(block, sealed);
		int n = crypt(private, true, false, params, sealed, 256, first);
		int m = crypt(private, true, false, params, sealed, 256, second);
		GOOD(n >= 0 && n == m && memcmp(first, second, (size_t)n) == 0);
	}
	EVP_PKEY_free(private);
}

static int open_with(const char *name, const char *value, const uint8_t sealed[256])
{
	const OSSL_PARAM params[] = {text_param("pad-mode", "oaep"), text_param(name, value), OSSL_PARAM_construct_end()};
	EVP_PKEY *private = provider_private("rsa");
	uint8_t out[1024];
	int n = crypt(private, true, false, params, sealed, 256, out);

	EVP_PKEY_free(private);
	return n > 0;
}

static void test_rsa_refusals(void)
{
	EVP_PKEY *private = provider_private("rsa"), *public = provider_public("rsa");
	uint8_t sealed[1024], out[1024] = {0};
	unsigned none = 0;

	CU_ASSERT_EQUAL(crypt(public, false, true, (OSSL_PARAM[]){text_param("pad-mode", "oaep"), OSSL_PARAM_construct_end()}, out,
	                      100, sealed), 256);
	GOOD(open_with("digest", "SHA1", sealed));
	FAILS(open_with("digest", "SHA256", sealed), REASON_DECRYPTION);
	FAILS(open_with("mgf1-digest", "SHA256", sealed), REASON_DECRYPTION);
	FAILS(open_with("digest", "MD5", sealed), REASON_PARAMETER);
	FAILS(open_with("mgf1-digest", "SM3", sealed), REASON_PARAMETER);
	FAILS(crypt(private, true, false, (OSSL_PARAM[]){text_param("pad-mode", "pss"), OSSL_PARAM_construct_end()}, sealed, 256,
	            out) > 0,
	      REASON_PARAMETER);
	FAILS(crypt(private, true, false, (OSSL_PARAM[]){OSSL_PARAM_construct_uint("implicit-rejection", &none),
	                                                 OSSL_PARAM_construct_end()},
	            sealed, 256, out) > 0, REASON_PARAMETER);
	FAILS(crypt(private, true, true, NULL, out, 246, sealed) > 0, REASON_INPUT);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
}

static void test_short_buffers(void)
{
	EVP_PKEY *private = provider_private("rsa");
	EVP_PKEY_CTX *ctx = context_of(private, true);
	uint8_t out[256];
	size_t n = 255;

	GOOD(EVP_PKEY_encrypt_init(ctx));
	FAILS(EVP_PKEY_encrypt(ctx, out, &n, (const uint8_t *)"x", 1) == 1, REASON_BUFFER);
	GOOD(EVP_PKEY_decrypt_init(ctx));
	n = 255;
	FAILS(EVP_PKEY_decrypt(ctx, out, &n, out, 256) == 1, REASON_BUFFER);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(private);
}

/* -- SM2 ---------------------------------------------------------------------------------------------- */

static void test_sm2(void)
{
	EVP_PKEY *private = provider_private("sm2"), *public = provider_public("sm2");
	uint8_t text[500], sealed[1024], opened[1024];

	RAND_bytes(text, sizeof text);
	for (size_t len = 1; len < sizeof text; len += 83)
		for (int ours = 0; ours < 2; ours++) {
			int n = crypt(ours ? private : public, ours, true, NULL, text, len, sealed);
			CU_ASSERT_FATAL(n > (int)len);
			int m = crypt(private, true, false, NULL, sealed, (size_t)n, opened);
			GOOD(m == (int)len && memcmp(opened, text, len) == 0);
			sealed[n - 1] ^= 1;
			FAILS(crypt(private, true, false, NULL, sealed, (size_t)n, opened) > 0, REASON_DECRYPTION);
		}
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
}

/* Ours encrypts, for a key that is the default provider's alone, and it decrypts. */
static void test_sm2_for_others(void)
{
	EVP_PKEY *theirs = EVP_PKEY_Q_keygen(without_hufu, NULL, "SM2");
	uint8_t *der = NULL, sealed[1024], opened[1024];
	int len = i2d_PUBKEY(theirs, &der);
	const uint8_t *p = der;
	EVP_PKEY *public = d2i_PUBKEY_ex(NULL, &p, len, with_hufu, NULL);

	int n = crypt(public, true, true, NULL, (const uint8_t *)"for you alone", 13, sealed);
	CU_ASSERT_FATAL(n > 0);
	int m = crypt(theirs, false, false, NULL, sealed, (size_t)n, opened);
	GOOD(m == 13 && memcmp(opened, "for you alone", 13) == 0);
	OPENSSL_free(der);
	EVP_PKEY_free(public);
	EVP_PKEY_free(theirs);
}

static void test_sm2_refusals(void)
{
	const OSSL_PARAM params[] = {text_param("digest", "SHA256"), OSSL_PARAM_construct_end()};
	EVP_PKEY *private = provider_private("sm2");
	uint8_t sealed[1024], out[1024];

	FAILS(crypt(private, true, true, params, (const uint8_t *)"x", 1, sealed) > 0, REASON_PARAMETER);
	FAILS(crypt(private, true, true, NULL, (const uint8_t *)"", 0, sealed) > 0, REASON_INPUT);
	FAILS(crypt(private, true, false, NULL, (const uint8_t *)"no DER", 6, out) > 0, REASON_DECRYPTION);
	EVP_PKEY_free(private);
}

/* -- ECDH, X25519, X448 --------------------------------------------------------------------------------- */

/* A pair of the default provider's on the curve of this key; its public half for the other side. */
static EVP_PKEY *fellow_of(const char *label, EVP_PKEY **public)
{
	EVP_PKEY *like = provider_public(label), *fellow = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(without_hufu, like, NULL);
	uint8_t *der = NULL;

	GOOD(EVP_PKEY_keygen_init(ctx));
	GOOD(EVP_PKEY_keygen(ctx, &fellow));
	int len = i2d_PUBKEY(fellow, &der);
	const uint8_t *p = der;
	*public = d2i_PUBKEY_ex(NULL, &p, len, with_hufu, NULL);
	CU_ASSERT_FATAL(fellow && *public);
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(like);
	return fellow;
}

static int agree(EVP_PKEY *own, bool ours, EVP_PKEY *peer, const OSSL_PARAM *params, uint8_t *out, size_t room)
{
	EVP_PKEY_CTX *ctx = context_of(own, ours);
	size_t n = room;
	bool good = EVP_PKEY_derive_init_ex(ctx, params) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	            EVP_PKEY_derive(ctx, out, &n) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good ? (int)n : -1;
}

static void same_secret(const char *label, const OSSL_PARAM *params, size_t room)
{
	EVP_PKEY *private = provider_private(label), *public = provider_public(label), *fellow, *fellow_public;
	uint8_t got[256] = {0}, want[256] = {0};

	fellow = fellow_of(label, &fellow_public);
	int n = agree(fellow, false, public, params, want, room);
	CU_ASSERT(n > 0);
	GOOD(agree(private, true, fellow_public, params, got, room) == n && memcmp(got, want, sizeof got) == 0);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
	EVP_PKEY_free(fellow);
	EVP_PKEY_free(fellow_public);
}

static void test_ecdh(void)
{
	static const char *const curves[] = {"p256", "p384", "p521"};
	uint8_t ukm[] = "user keying material";
	size_t len = 100;

	for (size_t i = 0; i < 3; i++) {
		same_secret(curves[i], NULL, 256);
		same_secret(curves[i], NULL, 10);
		same_secret(curves[i], (OSSL_PARAM[]){OSSL_PARAM_construct_int("ecdh-cofactor-mode", &(int){1}),
		                                      OSSL_PARAM_construct_end()}, 256);
		same_secret(curves[i], (OSSL_PARAM[]){text_param("kdf-type", "X963KDF"), text_param("kdf-digest", "SHA256"),
		                                     OSSL_PARAM_construct_size_t("kdf-outlen", &len),
		                                     OSSL_PARAM_construct_octet_string("kdf-ukm", ukm, sizeof ukm),
		                                     OSSL_PARAM_construct_end()}, 256);
	}
	same_secret("x25519", NULL, 32);
	same_secret("x448", NULL, 56);
}

static void test_ecdh_refusals(void)
{
	EVP_PKEY *private = provider_private("p256"), *edwards = provider_private("ed25519"), *x25519 = provider_private("x25519");
	EVP_PKEY *peer, *x_peer;
	EVP_PKEY *fellow = fellow_of("p384", &peer), *x_fellow = fellow_of("x25519", &x_peer);
	uint8_t out[256];

	CU_ASSERT_EQUAL(agree(private, true, peer, NULL, out, sizeof out), -1);
	ERR_clear_error();
	CU_ASSERT_EQUAL(agree(edwards, true, peer, NULL, out, sizeof out), -1);
	ERR_clear_error();
	FAILS(agree(x25519, true, x_peer, NULL, out, 31) > 0, REASON_BUFFER);
	FAILS(agree(private, true, peer, (OSSL_PARAM[]){text_param("kdf-type", "HKDF"), OSSL_PARAM_construct_end()}, out, 256) > 0,
	      REASON_PARAMETER);
	EVP_PKEY_free(private);
	EVP_PKEY_free(edwards);
	EVP_PKEY_free(x25519);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(x_peer);
	EVP_PKEY_free(fellow);
	EVP_PKEY_free(x_fellow);
}

/* -- SM2 key agreement ------------------------------------------------------------------------------------ */

struct side {
	EVP_PKEY *key, *public;
	EVP_PKEY_CTX *ctx;
	uint8_t point[65], secret[48], s1[32], s2[32];
};

static void side_up(struct side *side, const char *label, int initiator, const char *own, const char *other)
{
	size_t len = sizeof side->secret;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int("sm2-initiator", &initiator),
		OSSL_PARAM_construct_octet_string("self-id", (void *)(uintptr_t)own, strlen(own)),
		OSSL_PARAM_construct_octet_string("peer-id", (void *)(uintptr_t)other, strlen(other)),
		OSSL_PARAM_construct_size_t("outlen", &len), text_param("digest", "SM3"), OSSL_PARAM_construct_end(),
	};
	OSSL_PARAM wanted[] = {OSSL_PARAM_construct_octet_string("self-ephemeral", side->point, sizeof side->point),
	                       OSSL_PARAM_construct_end()};

	side->key = provider_private(label);
	side->public = provider_key_at(provider_uri(label, "public"), OSSL_STORE_INFO_PUBKEY);
	side->ctx = context_of(side->key, true);
	GOOD(EVP_PKEY_derive_init_ex(side->ctx, params));
	GOOD(EVP_PKEY_CTX_get_params(side->ctx, wanted));
}

static int side_agree(struct side *side, const struct side *other)
{
	const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string("peer-ephemeral", (void *)(uintptr_t)other->point, 65),
	                             OSSL_PARAM_construct_end()};
	size_t n = sizeof side->secret;

	return EVP_PKEY_CTX_set_params(side->ctx, params) == 1 && EVP_PKEY_derive_set_peer(side->ctx, other->public) == 1 &&
	       EVP_PKEY_derive(side->ctx, side->secret, &n) == 1 && n == sizeof side->secret;
}

static void side_confirm(struct side *side)
{
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string("sm2-s1", side->s1, 32),
	                       OSSL_PARAM_construct_octet_string("sm2-s2", side->s2, 32),
	                       OSSL_PARAM_construct_end()};

	GOOD(EVP_PKEY_CTX_get_params(side->ctx, params));
}

static void side_down(struct side *side)
{
	EVP_PKEY_CTX_free(side->ctx);
	EVP_PKEY_free(side->key);
	EVP_PKEY_free(side->public);
}

/* The agreement itself is held against GB/T 32918.5 in test_agree.c. */
static void test_sm2_agreement(void)
{
	struct side a = {0}, b = {0};

	side_up(&a, "sm2", 1, "ALICE123@YAHOO.COM", "BILL456@YAHOO.COM");
	side_up(&b, "other", 0, "BILL456@YAHOO.COM", "ALICE123@YAHOO.COM");
	CU_ASSERT(a.point[0] == 4 && b.point[0] == 4 && memcmp(a.point, b.point, 65) != 0);
	CU_ASSERT_PTR_NULL(EVP_PKEY_CTX_dup(a.ctx));
	ERR_clear_error();
	GOOD(side_agree(&a, &b));
	GOOD(side_agree(&b, &a));
	side_confirm(&a);
	side_confirm(&b);
	CU_ASSERT(memcmp(a.secret, b.secret, sizeof a.secret) == 0 && memcmp(a.s1, b.s1, 32) == 0 && memcmp(a.s2, b.s2, 32) == 0);
	CU_ASSERT(memcmp(a.s1, a.s2, 32) != 0);
	/* one pair, one derivation */
	FAILS(side_agree(&a, &b), REASON_PARAMETER);
	side_down(&a);
	side_down(&b);
}

static void test_sm2_other_ids(void)
{
	struct side a = {0}, b = {0};

	side_up(&a, "sm2", 1, "alice", "bob");
	side_up(&b, "other", 0, "bob", "mallory");
	GOOD(side_agree(&a, &b));
	GOOD(side_agree(&b, &a));
	CU_ASSERT(memcmp(a.secret, b.secret, sizeof a.secret) != 0);
	side_down(&a);
	side_down(&b);
}

static void test_sm2_bad_points(void)
{
	struct side a = {0}, b = {0};

	side_up(&a, "sm2", 1, "alice", "bob");
	side_up(&b, "other", 0, "bob", "alice");
	b.point[64] ^= 1;
	FAILS(side_agree(&a, &b), REASON_PARAMETER);
	FAILS(EVP_PKEY_CTX_set_params(a.ctx, (OSSL_PARAM[]){OSSL_PARAM_construct_octet_ptr("self-enc-key", NULL, 0),
	                                                    OSSL_PARAM_construct_end()}) == 1,
	      REASON_PARAMETER);
	side_down(&a);
	side_down(&b);
}

/* -- parameters of any kind ---------------------------------------------------------------------------- */

/* In each type that it has not, and empty: refused or not, nothing breaks. */
static void set_everything(EVP_PKEY_CTX *ctx)
{
	static const unsigned types[] = {OSSL_PARAM_INTEGER, OSSL_PARAM_UNSIGNED_INTEGER, OSSL_PARAM_REAL, OSSL_PARAM_UTF8_STRING,
	                                 OSSL_PARAM_OCTET_STRING, 77};
	static const size_t sizes[] = {0, 1, 3, 4, 8, 64};
	uint8_t data[65];

	for (const OSSL_PARAM *p = EVP_PKEY_CTX_settable_params(ctx); p && p->key; p++)
		for (size_t i = 0; i < sizeof types / sizeof *types; i++)
			for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
				memset(data, 0xee, sizeof data);
				data[sizes[j]] = 0;
				EVP_PKEY_CTX_set_params(ctx, (OSSL_PARAM[]){{p->key, types[i], data, sizes[j], 0}, OSSL_PARAM_END});
				EVP_PKEY_CTX_set_params(ctx, (OSSL_PARAM[]){{p->key, types[i], NULL, sizes[j], 0}, OSSL_PARAM_END});
			}
	ERR_clear_error();
}

static void test_hostile_parameters(void)
{
	static const char *const derives[] = {"p256", "x25519", "sm2"}, *const decrypts[] = {"rsa", "sm2"};

	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *key = provider_private(derives[i]);
		EVP_PKEY_CTX *ctx = context_of(key, true);
		GOOD(EVP_PKEY_derive_init(ctx));
		set_everything(ctx);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(key);
	}
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = provider_private(decrypts[i]);
		EVP_PKEY_CTX *ctx = context_of(key, true);
		GOOD(EVP_PKEY_decrypt_init(ctx));
		set_everything(ctx);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(key);
	}
}

/* A second SM2 pair for the other side, and an RSA pair that knows one mechanism. */
static void make_pkcs1(CK_SESSION_HANDLE s)
{
	CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_MECHANISM_TYPE allowed = CKM_RSA_PKCS;
	CK_OBJECT_HANDLE pub, priv;
	CK_ULONG nbits = 2048;
	char label[] = "pkcs1";
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, 5), BYTES(CKA_ID, label, 5),
	                            ATTR(CKA_MODULUS_BITS, nbits)};
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, 5), BYTES(CKA_ID, label, 5),
	                             ATTR(CKA_DECRYPT, yes),
	                             ATTR(CKA_ALLOWED_MECHANISMS, allowed)};

	NEED(p11->C_GenerateKeyPair(s, &mechanism, pub_templ, 4, priv_templ, 5, &pub, &priv));
}

static void make_other(void)
{
	CK_MECHANISM mechanism = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	char label[] = "other";
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, 5), BYTES(CKA_ID, label, 5)};
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, 5), BYTES(CKA_ID, label, 5),
	                             ATTR(CKA_DERIVE, yes)};

	NEED(p11->C_GenerateKeyPair(s, &mechanism, pub_templ, 3, priv_templ, 4, &pub, &priv));
	make_pkcs1(s);
	face_stop();
}

static const struct unit_case cases[] = {
	{"the provider is loaded, over a token with keys of all kinds", provider_up},
	{"and an SM2 pair and an RSA pair more", make_other},
	{"RSA: what was padded by pkcs1, oaep with any parameters, or not at all comes back", test_rsa_paddings},
	{"RSA: a program that states no property gets ours for the private half", test_rsa_without_a_query},
	{"RSA: parameters are set, read and copied as the default provider's", test_rsa_parameters},
	{"RSA: TLS's premaster secret comes back when its version is right", test_premaster},
	{"RSA: a premaster secret that is none becomes a random one, wherever it was wrong", test_premaster_is_no_oracle},
	{"RSA: so it is with a key that the token opens by v1.5 alone", test_premaster_without_raw},
	{"RSA: v1.5 decryption rejects implicitly", test_implicit_rejection},
	{"RSA: what does not fit is refused with a reason", test_rsa_refusals},
	{"RSA: short buffers are refused", test_short_buffers},
	{"SM2: what the default provider and ours encrypt comes back, and nothing that was changed", test_sm2},
	{"SM2: ours encrypts what the default provider decrypts", test_sm2_for_others},
	{"SM2: what does not fit is refused with a reason", test_sm2_refusals},
	{"ECDH, X25519 and X448 agree with the default provider, plain, cut short and by X9.63", test_ecdh},
	{"ECDH: keys that do not fit are refused", test_ecdh_refusals},
	{"SM2 key agreement gives both sides one key and each other's confirmations", test_sm2_agreement},
	{"SM2 key agreement binds the identifiers", test_sm2_other_ids},
	{"SM2 key agreement refuses what is no point, and pairs from elsewhere", test_sm2_bad_points},
	{"parameters of wrong types and sizes break nothing", test_hostile_parameters},
	{"it is unloaded", provider_down},
	{0},
};
UNIT_MAIN("provider encryption", cases)
