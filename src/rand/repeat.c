/* SPDX-License-Identifier: Apache-2.0 */
#include "rand/repeat.h"

#include "base/secret.h"

#include <string.h>

bool repeat_test_feed(struct repeat_test *test, const uint8_t block[DRBG_OUT_MAX])
{
	uint64_t word[DRBG_OUT_MAX / sizeof(uint64_t)];
	memcpy(word, block, sizeof(word));
	uint64_t fold = word[0] ^ word[1] ^ word[2] ^ word[3];
	bool is_new = !test->begun || fold != test->fold;
	test->fold = fold;
	test->begun = true;
	secret_wipe(word, sizeof(word));
	return is_new;
}
