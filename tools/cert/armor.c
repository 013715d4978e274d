/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cert/armor.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_base64(const char *text, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr(alphabet, text[i]))
			return false;
	return len > 0 && len % 4 == 0;
}

/* The text between the first pair of PEM's lines; all of it where there are none. */
static void find_armor(const char **text, size_t *len)
{
	const char *end = *text + *len, *begin = memmem(*text, *len, "-----BEGIN ", 11);
	const char *line = begin ? memchr(begin, '\n', (size_t)(end - begin)) : NULL;
	const char *last = line ? memmem(line, (size_t)(end - line), "-----END ", 9) : NULL;

	if (last) {
		*text = line;
		*len = (size_t)(last - line);
	}
}

unsigned char *armor_decode(const unsigned char *file, size_t len, size_t *out_len)
{
	const char *text = (const char *)file;
	size_t text_len = len, n = 0;
	char *packed = malloc(len + 1);
	unsigned char *out = malloc(len + 1);

	*out_len = len;
	if (packed && out) {
		memcpy(out, file, len);
		find_armor(&text, &text_len);
		for (size_t i = 0; i < text_len; i++)
			if (!strchr(" \t\r\n", text[i]) || !text[i])
				packed[n++] = text[i];
		int decoded = is_base64(packed, n) ? EVP_DecodeBlock(out, (const unsigned char *)packed, (int)n) : -1;
		if (decoded >= 0) /* what fills up the last group decodes to zeros */
			*out_len = (size_t)decoded - (packed[n - 1] == '=') - (packed[n - 2] == '=');
	} else {
		free(out);
		out = NULL;
	}
	free(packed);
	return out;
}
