/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: an attribute's portable form decodes to what template_check accepts
 * and what encodes to the same bytes, or is refused. Input: the type, 8 bytes,
 * then the value.
 */
#include "token/attr.h"

#include "fuzz.h"

#include <string.h>

static void check(const struct attrs *attrs, const struct reader *r)
{
	struct writer w;
	if (attrs->n != 1 || template_check(attrs->list, 1) != CKR_OK)
		abort();
	writer_init(&w, attrs->secret);
	if (!attr_encode(&attrs->list[0], &w) || w.len != r->left || (w.len && memcmp(w.data, r->p, w.len) != 0))
		abort();
	writer_clear(&w);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct attrs attrs;
	struct reader r = reader_of(data, len);
	CK_ATTRIBUTE_TYPE type = (CK_ATTRIBUTE_TYPE)read_u64(&r);
	if (r.bad)
		return;
	attrs_init(&attrs, len % 2);
	if (attr_decode(type, r.p, r.left, &attrs))
		check(&attrs, &r);
	attrs_clear(&attrs);
}
