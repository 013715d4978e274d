/* SPDX-License-Identifier: Apache-2.0 */
/* Entropy sources. A table, so that tests can put failing ones in their place. */
#ifndef RAND_SOURCE_H
#define RAND_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCES_MAX 4
#define SOURCE_SEED_MAX 64 /* bytes of one source in one seeding */

struct rand_source {
	const char *name;
	/* Does this machine have it? Asked once. */
	bool (*available)(void);
	/* Raw samples, a byte each. False: none to be had now. Thread-safe; len <= SOURCE_SEED_MAX. */
	bool (*gather)(uint8_t *out, size_t len);
	size_t seed_len;           /* samples that go into one seeding */
	/* Gives the 256 bits of a seeding alone; without it there is no output. The others come on top. */
	bool required;
};

/* At most SOURCES_MAX, ended by one without a name. */
extern const struct rand_source rand_system_sources[];

/* For tests, between rand_stop and rand_start: other sources, and a failure forgotten. NULL: the system's again. */
void rand_replace_sources(const struct rand_source *);

#endif
