/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(const char *text, size_t text_len, unsigned char *out, size_t cap, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < text_len; i++) {
		if (isspace((unsigned char)text[i]) || text[i] == ':')
			continue;
		if (i + 1 == text_len || digit(text[i]) < 0 || digit(text[i + 1]) < 0 || *len == cap)
			return false;
		out[(*len)++] = (unsigned char)(digit(text[i]) << 4 | digit(text[i + 1]));
		i++;
	}
	return true;
}

char *hex_string(const unsigned char *data, size_t len)
{
	char *hex = malloc(2 * len + 1);

	for (size_t i = 0; hex && i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", data[i]);
	if (hex)
		hex[2 * len] = 0;
	return hex;
}
