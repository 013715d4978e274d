/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any HELLO and HELLO_OK is read or refused; what was read, written again, reads the same. */
#include "wire/op.h"

#include "fuzz.h"

#include <string.h>

static void fuzz_hello(const uint8_t *data, size_t len)
{
	struct wire_hello hello, again;
	struct writer w;

	if (wire_hello_get(data, len, &hello) != HUFU_OK)
		return;
	writer_init(&w, false);
	if (wire_hello_put(&w, &hello) != HUFU_OK ||
	    wire_hello_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &again) != HUFU_OK ||
	    memcmp(&hello, &again, sizeof(hello)) != 0)
		abort();
	writer_clear(&w);
}

static void fuzz_hello_ok(const uint8_t *data, size_t len)
{
	struct wire_hello_ok ok, again;
	struct writer w;

	if (wire_hello_ok_get(data, len, &ok) != HUFU_OK)
		return;
	if (ok.status.err != HUFU_OK)
		return; /* its text is the reader's alone */
	ok.status.text = NULL;
	writer_init(&w, false);
	if (wire_hello_ok_put(&w, &ok) != HUFU_OK ||
	    wire_hello_ok_get(w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &again) != HUFU_OK)
		abort();
	if (again.version != ok.version || again.start != ok.start || strcmp(again.token, ok.token) != 0 ||
	    memcmp(again.nonce, ok.nonce, sizeof(ok.nonce)) != 0)
		abort();
	writer_clear(&w);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	fuzz_hello(data, len);
	fuzz_hello_ok(data, len);
}
