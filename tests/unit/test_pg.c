/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a store in PostgreSQL loses nothing that it acknowledged, and a machine's copy serves while the database is away. */
#include "unit.h"

static const struct unit_case cases[] = {{0}};

UNIT_MAIN("pg", cases)
