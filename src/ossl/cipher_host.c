/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES with a key's bytes, by libcrypto's cipher of the same name: a context in our
 * own library context does it all, parameters and TLS's records too. A cipher's
 * context takes no lock once it is made, so a forked child goes on with it.
 */
#include <limits.h>

#include "crypto/context.h"
#include "ossl/cipher.h"

static int failed(const struct cipher *c)
{
	return fail(c->provider, REASON_INTERNAL, "%s: libcrypto's cipher refused", c->kind->name);
}

int cipher_host_open(struct cipher *c)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(libcrypto_context(), c->kind->name, NULL);
	EVP_CIPHER_CTX *host = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (host && EVP_CipherInit_ex2(host, cipher, NULL, NULL, c->encrypts, NULL))
		c->host = host;
	else
		EVP_CIPHER_CTX_free(host);
	EVP_CIPHER_free(cipher);
	return c->host ? 1 : failed(c);
}

void cipher_host_close(struct cipher *c)
{
	EVP_CIPHER_CTX_free(c->host);
	c->host = NULL;
}

int cipher_host_copy(struct cipher *to, const struct cipher *from)
{
	to->host = EVP_CIPHER_CTX_new();
	if (to->host && EVP_CIPHER_CTX_copy(to->host, from->host))
		return 1;
	cipher_host_close(to);
	return 0;
}

int cipher_host_init(struct cipher *c, const uint8_t *key, const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[])
{
	if (iv && iv_len != (size_t)EVP_CIPHER_CTX_get_iv_length(c->host))
		return fail(c->provider, REASON_PARAMETER, "%s: an IV of %zu bytes", c->kind->name, iv_len);
	return EVP_CipherInit_ex2(c->host, NULL, key, iv, c->encrypts, params) ? 1 : failed(c);
}

int cipher_host_update(struct cipher *c, uint8_t *out, size_t *out_len, const uint8_t *in, size_t len)
{
	int n = 0;

	if (len > INT_MAX || !EVP_CipherUpdate(c->host, out, &n, in, (int)len) || n < 0)
		return failed(c);
	*out_len = (size_t)n;
	return 1;
}

int cipher_host_final(struct cipher *c, uint8_t *out, size_t *out_len)
{
	int n = 0;

	/* A wrong tag is no error of anybody's: TLS tries records with more than one key. */
	if (!EVP_CipherFinal_ex(c->host, out, &n) || n < 0)
		return 0;
	*out_len = (size_t)n;
	return 1;
}

/* EVP_Cipher: one call that begins and ends where it does, with no padding. */
int cipher_host_once(struct cipher *c, uint8_t *out, size_t *out_len, const uint8_t *in, size_t len)
{
	int n = len > UINT_MAX ? -1 : EVP_Cipher(c->host, out, in, (unsigned)len);

	if (n < 0)
		return 0;
	*out_len = (size_t)n;
	return 1;
}
