/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parameter holds, and what is put into one. libcrypto's own functions of OpenSSL 3.0 read and write numbers through a
 * pointer that may be NULL.
 */
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

/* Who gives no room asks how much it takes, as of strings. */
static inline bool param_is_asked(OSSL_PARAM *p, size_t size)
{
	if (p->data)
		return false;
	p->return_size = size;
	return true;
}

static inline bool param_set_int(OSSL_PARAM *p, int value)
{
	return param_is_asked(p, sizeof value) || OSSL_PARAM_set_int(p, value);
}

static inline bool param_set_uint(OSSL_PARAM *p, unsigned value)
{
	return param_is_asked(p, sizeof value) || OSSL_PARAM_set_uint(p, value);
}

static inline bool param_set_size(OSSL_PARAM *p, size_t value)
{
	return param_is_asked(p, sizeof value) || OSSL_PARAM_set_size_t(p, value);
}

#endif
