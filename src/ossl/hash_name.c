/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/hash_name.h"
#include "ossl/param.h"

#include <strings.h>

/* The default provider's first. */
#define NAMES_MAX 4
static const char *const names[HASH_COUNT][NAMES_MAX] = {
	[HASH_SM3] = {"SM3", "1.2.156.10197.1.401"},
	[HASH_SHA1] = {"SHA1", "SHA-1", "SSL3-SHA1", "1.3.14.3.2.26"},
	[HASH_SHA224] = {"SHA2-224", "SHA-224", "SHA224", "2.16.840.1.101.3.4.2.4"},
	[HASH_SHA256] = {"SHA2-256", "SHA-256", "SHA256", "2.16.840.1.101.3.4.2.1"},
	[HASH_SHA384] = {"SHA2-384", "SHA-384", "SHA384", "2.16.840.1.101.3.4.2.2"},
	[HASH_SHA512] = {"SHA2-512", "SHA-512", "SHA512", "2.16.840.1.101.3.4.2.3"},
	[HASH_SHA512_224] = {"SHA2-512/224", "SHA-512/224", "SHA512-224", "2.16.840.1.101.3.4.2.5"},
	[HASH_SHA512_256] = {"SHA2-512/256", "SHA-512/256", "SHA512-256", "2.16.840.1.101.3.4.2.6"},
	[HASH_SHA3_224] = {"SHA3-224", "2.16.840.1.101.3.4.2.7"},
	[HASH_SHA3_256] = {"SHA3-256", "2.16.840.1.101.3.4.2.8"},
	[HASH_SHA3_384] = {"SHA3-384", "2.16.840.1.101.3.4.2.9"},
	[HASH_SHA3_512] = {"SHA3-512", "2.16.840.1.101.3.4.2.10"},
};

enum hash_id hash_of_name(const char *name)
{
	for (enum hash_id id = HASH_NONE + 1; id < HASH_COUNT; id++)
		for (size_t i = 0; i < NAMES_MAX && names[id][i]; i++)
			if (strcasecmp(name, names[id][i]) == 0)
				return id;
	return HASH_NONE;
}

const char *hash_provider_name(enum hash_id id)
{
	return names[id][0] ? names[id][0] : "";
}

int hash_param(const struct provider *provider, const OSSL_PARAM params[], const char *name, enum hash_id *id)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	char text[64];

	if (!p)
		return 1;
	if (!param_text(p, text, sizeof text))
		return fail(provider, REASON_PARAMETER, "%s: the name of a hash function is wanted", name);
	enum hash_id found = hash_of_name(text);
	if (found == HASH_NONE)
		return fail(provider, REASON_PARAMETER, "%s: no hash function \"%s\" here", name, text);
	*id = found;
	return 1;
}
