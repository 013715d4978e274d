/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any text is a script of at most 32 faults, or is refused with a message that names a column. */
#include "base/clock.h"
#include "driver/fault/script.h"

#include "fuzz.h"

#include <string.h>

static void fuzz_one(const uint8_t *data, size_t len)
{
	static struct script script;
	char why[256] = "", *text = strndup((const char *)data, len);

	if (!text)
		return;
	enum hufu_err err = script_parse(text, &script, why, sizeof(why));
	if (err == HUFU_OK ? why[0] != 0 : !strstr(why, "column "))
		abort();
	for (unsigned place = 0; err == HUFU_OK && place <= PLACE_ANY; place++)
		if (script_step(&script, place, len * NS_PER_MS).slow == 0)
			abort();
	if (script.n > SCRIPT_FAULTS_MAX)
		abort();
	free(text);
}
