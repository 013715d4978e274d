/* SPDX-License-Identifier: Apache-2.0 */
/* What a parameter holds. libcrypto's own functions of OpenSSL 3.0 read numbers through a pointer that may be NULL. */
#ifndef OSSL_PARAM_H
#define OSSL_PARAM_H

#include <openssl/params.h>
#include <stdbool.h>

static inline bool param_int(const OSSL_PARAM *p, int *value)
{
	return p->data && OSSL_PARAM_get_int(p, value);
}

static inline bool param_uint(const OSSL_PARAM *p, unsigned *value)
{
	return p->data && OSSL_PARAM_get_uint(p, value);
}

static inline bool param_size(const OSSL_PARAM *p, size_t *value)
{
	return p->data && OSSL_PARAM_get_size_t(p, value);
}

/* Into room bytes, ended by a zero. False: no text, or a longer one. */
static inline bool param_text(const OSSL_PARAM *p, char *text, size_t room)
{
	return p->data && OSSL_PARAM_get_utf8_string(p, &text, room);
}

#endif
