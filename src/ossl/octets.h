/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that a context keeps of a parameter. */
#ifndef OSSL_OCTETS_H
#define OSSL_OCTETS_H

#include <openssl/params.h>

#include "ossl/error.h"

struct octets {
	uint8_t *data;                  /* NULL: of no length */
	size_t len;
};

/* The parameter of this name, where it is among them, of at most max bytes. 0 after an error. */
int octets_param(const struct provider *, const OSSL_PARAM params[], const char *name, size_t max, struct octets *);
/* False: no memory; *to is empty then. */
bool octets_copy(struct octets *to, const struct octets *from);
/* Wipes. */
void octets_clear(struct octets *);

#endif
