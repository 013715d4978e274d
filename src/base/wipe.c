/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/secret.h"

/*
 * A store that nobody reads afterwards may be dropped by the optimiser. The
 * barrier claims to read the memory, so the store has to stay.
 */
void secret_wipe(void *p, size_t len)
{
	if (!p || !len)
		return;
	memset(p, 0, len);
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* Every byte is looked at; only the verdict depends on what they hold. */
bool secret_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}
