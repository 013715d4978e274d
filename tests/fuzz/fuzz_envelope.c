/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever file is given for an authority's enveloped key is refused, or brought into one form, which
 * stays as it is when it is read again.
 */
#include "tools/cert/envelope.h"
#include "tools/report.h"

#include "fuzz.h"

#include <openssl/crypto.h>
#include <string.h>

static void fuzz_one(const uint8_t *data, size_t len)
{
	static FILE *nowhere;
	struct envelope first, again;

	if (!nowhere && !(nowhere = fopen("/dev/null", "we")))
		abort();
	report_to(nowhere);
	if (envelope_decode("the file", data, len, &first))
		return;
	if (first.point[0] != 0x04 || envelope_decode("what was made of it", first.der, first.der_len, &again))
		abort();
	if (again.der_len != first.der_len || memcmp(again.der, first.der, first.der_len) != 0 ||
	    memcmp(again.point, first.point, sizeof first.point) != 0)
		abort();
	envelope_clear(&first);
	envelope_clear(&again);
}
