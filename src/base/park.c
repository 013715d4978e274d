/* SPDX-License-Identifier: Apache-2.0 */
#include "base/park.h"

static _Thread_local const struct park_way *current;

/*
 * A wait may end in another thread than it began in, so callers must not keep the variable's address: it is known in these two
 * functions alone.
 */
__attribute__((noinline)) const struct park_way *park_way(void)
{
	return current;
}

__attribute__((noinline)) const struct park_way *park_set_way(const struct park_way *way)
{
	const struct park_way *former = current;

	current = way;
	return former;
}
