/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any bytes are frames or refused; a header that is taken writes the same bytes; small frames and any reply's status are read or refused. */
#include "wire/op.h"

#include "fuzz.h"

#include <string.h>

static void fuzz_header(const uint8_t *data)
{
	uint8_t again[WIRE_HEADER_LEN];
	struct wire_header header;

	if (wire_header_get(data, WIRE_BODY_MAX, &header) != HUFU_OK)
		return;
	wire_header_put(&header, again);
	if (header.body_len > WIRE_BODY_MAX || memcmp(again, data, sizeof(again)) != 0)
		abort();
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct wire_load load;
	uint64_t last;
	uint32_t n;

	if (len >= WIRE_HEADER_LEN)
		fuzz_header(data);
	(void)!wire_goaway_get(data, len, &last, &n);
	(void)!wire_progress_get(data, len, &n);
	(void)!wire_credit_get(data, len, &n);
	if (wire_get_status(data, len, &load) == HUFU_ERR_BUG)
		abort(); /* a machine's fault is none of ours */
}
