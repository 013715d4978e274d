/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any bytes are decoded or refused as a row's body and as its copies; what is decoded encodes to the same bytes. */
#include "store/row.h"

#include "fuzz.h"

#include <string.h>

static void check_same(struct writer *w, const uint8_t *data, size_t len)
{
	if (w->bad || w->len != len || (len && memcmp(w->data, data, len) != 0))
		abort();
	writer_clear(w);
}

static void fuzz_body(const uint8_t *data, size_t len)
{
	static struct store_attr attrs[STORE_ATTRS_MAX];
	struct row_head head;
	struct writer w;
	size_t n;

	if (!row_decode_body((struct view){data, len}, &head, attrs, STORE_ATTRS_MAX, &n))
		return;
	struct store_draft draft = {.object_class = head.object_class, .key_type = head.key_type, .policy = head.policy,
	                            .attrs = attrs, .nattrs = n};
	if (row_check(&draft) != HUFU_OK)
		abort();
	writer_init(&w, false);
	row_encode_body(&w, &draft);
	check_same(&w, data, len);
	/* One place less, and it is refused rather than overrun. */
	if (n && row_decode_body((struct view){data, len}, &head, attrs, n - 1, &n))
		abort();
}

static void fuzz_copies(const uint8_t *data, size_t len)
{
	struct sealed_copy copies[STORE_COPIES_MAX];
	struct writer w;
	size_t n;

	if (!row_decode_copies((struct view){data, len}, copies, &n))
		return;
	writer_init(&w, false);
	row_encode_copies(&w, copies, n);
	check_same(&w, data, len);
}

/* The first byte says which. */
static void fuzz_one(const uint8_t *data, size_t len)
{
	if (!len)
		return;
	/* A copy of its own, so that a read past the end is seen. */
	uint8_t *input = malloc(len > 1 ? len - 1 : 1);
	if (!input)
		return;
	memcpy(input, data + 1, len - 1);
	if (data[0] & 1)
		fuzz_copies(input, len - 1);
	else
		fuzz_body(input, len - 1);
	free(input);
}
