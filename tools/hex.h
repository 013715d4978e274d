/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEX_H
#define HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Hexadecimal digits, blanks and colons between bytes allowed. False: something else, or more than cap bytes. */
bool hex_decode(const char *text, size_t text_len, unsigned char *out, size_t cap, size_t *len);
/* Lower case; malloc. */
char *hex_string(const unsigned char *, size_t len);

#endif
