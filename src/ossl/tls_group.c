/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libssl believes of a group only the provider whose keys it would make for it: the
 * first one with such keys. Where that is this provider, groups that it did not
 * tell of would be gone from TLS. Their ephemeral pairs are then a token's.
 */
#include "ossl/tls_group.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/prov_ssl.h>
#include <string.h>

static const struct group {
	const char *name, *curve, *algorithm;
	unsigned id, security_nbits;    /* IANA's number, RFC 8422 5.1.1 */
} groups[] = {
	{"secp256r1", "prime256v1", "EC", 23, 128}, {"P-256", "prime256v1", "EC", 23, 128},
	{"secp384r1", "secp384r1", "EC", 24, 192}, {"P-384", "secp384r1", "EC", 24, 192},
	{"secp521r1", "secp521r1", "EC", 25, 256}, {"P-521", "secp521r1", "EC", 25, 256},
	{"x25519", "X25519", "X25519", 29, 128}, {"x448", "X448", "X448", 30, 224},
};

static OSSL_PARAM text(const char *key, const char *value)
{
	return OSSL_PARAM_construct_utf8_string(key, (char *)(uintptr_t)value, 0);
}

static int tell(const struct group *group, OSSL_CALLBACK *each, void *arg)
{
	unsigned id = group->id, security = group->security_nbits, kem = 0;
	int min_tls = TLS1_VERSION, min_dtls = DTLS1_VERSION, any = 0;
	const OSSL_PARAM params[] = {
		text(OSSL_CAPABILITY_TLS_GROUP_NAME, group->name),
		text(OSSL_CAPABILITY_TLS_GROUP_NAME_INTERNAL, group->curve),
		text(OSSL_CAPABILITY_TLS_GROUP_ALG, group->algorithm),
		OSSL_PARAM_construct_uint(OSSL_CAPABILITY_TLS_GROUP_ID, &id),
		OSSL_PARAM_construct_uint(OSSL_CAPABILITY_TLS_GROUP_SECURITY_BITS, &security),
		OSSL_PARAM_construct_uint(OSSL_CAPABILITY_TLS_GROUP_IS_KEM, &kem),
		OSSL_PARAM_construct_int(OSSL_CAPABILITY_TLS_GROUP_MIN_TLS, &min_tls),
		OSSL_PARAM_construct_int(OSSL_CAPABILITY_TLS_GROUP_MAX_TLS, &any),
		OSSL_PARAM_construct_int(OSSL_CAPABILITY_TLS_GROUP_MIN_DTLS, &min_dtls),
		OSSL_PARAM_construct_int(OSSL_CAPABILITY_TLS_GROUP_MAX_DTLS, &any),
		OSSL_PARAM_construct_end(),
	};

	return each(params, arg);
}

int tls_group_list(void *provider, const char *capability, OSSL_CALLBACK *each, void *arg)
{
	(void)provider;
	if (strcmp(capability, "TLS-GROUP") != 0)
		return 0;               /* none of that kind */
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (!tell(&groups[i], each, arg))
			return 0;
	return 1;
}
