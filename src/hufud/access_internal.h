/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of access.h share. */
#ifndef HUFUD_ACCESS_INTERNAL_H
#define HUFUD_ACCESS_INTERNAL_H

#include <stdatomic.h>

#include "hufud/access.h"

/* What an identity uses, and may use; the same for all of its forms: a reload forgets nothing, and its limits hold for all sessions. */
struct usage {
	_Atomic uint32_t refs, connections, in_flight;
	_Atomic uint64_t paid_until_ns; /* rate: requests so far have taken up the time to here */
	_Atomic uint32_t rate, burst, connections_max, in_flight_max;
	_Atomic uint64_t limited, refused; /* requests: over a limit; by its rules */
};

/* As one configuration has it; those that a session holds outlive it. */
struct identity {
	_Atomic uint32_t refs;
	char *name, *subject, *dns;    /* NULL: not known by this */
	bool by_certificate, by_user;
	uint8_t certificate[32];
	uid_t user;
	char **tokens, **allow, **deny;
	uint32_t roles;
	struct usage *usage;
};

#endif
