/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARMOR_H
#define ARMOR_H

#include <stddef.h>

/* A file's bytes, or what they stand for: base64, between the lines of PEM or without any; malloc. NULL: out of memory. */
unsigned char *armor_decode(const unsigned char *file, size_t len, size_t *out_len);

#endif
