/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/octets.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

int octets_param(const struct provider *provider, const OSSL_PARAM params[], const char *name, size_t max, struct octets *octets)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	struct octets new = {0};

	if (!p)
		return 1;
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size > max || (p->data_size && !p->data))
		return fail(provider, REASON_PARAMETER, "%s: at most %zu bytes are wanted", name, max);
	if (!octets_copy(&new, &(struct octets){p->data, p->data_size}))
		return fail(provider, REASON_INTERNAL, "no memory");
	octets_clear(octets);
	*octets = new;
	return 1;
}

bool octets_copy(struct octets *to, const struct octets *from)
{
	*to = (struct octets){0};
	if (!from->len)
		return true;
	to->data = malloc(from->len);
	if (!to->data)
		return false;
	memcpy(to->data, from->data, from->len);
	to->len = from->len;
	return true;
}

void octets_clear(struct octets *octets)
{
	if (octets->len)
		secret_wipe(octets->data, octets->len);
	free(octets->data);
	*octets = (struct octets){0};
}
