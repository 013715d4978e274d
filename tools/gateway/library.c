/* SPDX-License-Identifier: Apache-2.0 */
/* What the libssl that this program runs with can do for SM2 keys. */
#include "config.h"

#include "tools/gateway/gateway.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/opensslv.h>

#define TLS_SM4_GCM_SM3_ID 0x030000c6u /* RFC 8998 2, with libssl's prefix for TLS */

const char *library_name(void)
{
#ifdef TONGSUO_VERSION_TEXT
	return TONGSUO_VERSION_TEXT; /* whose OpenSSL_version tells the version of OpenSSL it began with */
#else
	return OpenSSL_version(OPENSSL_VERSION);
#endif
}

bool library_has_tlcp(void)
{
#ifdef HAVE_NTLS
	return true;
#else
	return false;
#endif
}

bool library_has_rfc8998(const struct road *road)
{
	SSL_CTX *ssl = SSL_CTX_new_ex(road->context, NULL, TLS_method());
	bool has = false;

	if (ssl && SSL_CTX_set_ciphersuites(ssl, "TLS_SM4_GCM_SM3") == 1) {
		const STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(ssl);
		for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++)
			has |= SSL_CIPHER_get_id(sk_SSL_CIPHER_value(suites, i)) == TLS_SM4_GCM_SM3_ID;
	}
	SSL_CTX_free(ssl);
	ERR_clear_error();
	return has;
}

void library_limits(const struct road *road, struct remarks *remarks)
{
	const char *name = library_name();

	if (!library_has_rfc8998(road))
		advise(remarks, "Tongsuo 8.4 and OpenSSL 4 have it.", "%s has no TLS 1.3 with SM2, SM3 and SM4 (RFC 8998)", name);
	if (!library_has_tlcp())
		advise(remarks, "Tongsuo 8.4 has it: configure hufu with --with-openssl=PREFIX, and build the server with it.",
		       "%s has no TLCP (GB/T 38636), the protocol with two certificates", name);
	else
		advise(remarks, "Offer ECC-SM2-SM4-GCM-SM3 and ECC-SM2-SM4-CBC-SM3.",
		       "%s computes ECDHE-SM2 suites of TLCP with the private encryption key in its own memory, so with a key in a token it has the "
		       "ECC-SM2 suites only", name);
}
