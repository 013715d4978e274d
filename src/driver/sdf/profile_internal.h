/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the profile reader share. */
#ifndef DRIVER_SDF_PROFILE_INTERNAL_H
#define DRIVER_SDF_PROFILE_INTERNAL_H

#include "base/conf_internal.h"
#include "driver/sdf/profile.h"

/* -- profile_keys.c: the sections of a profile, and the words in it ------------- */

enum profile_section { PROFILE_TOP, PROFILE_STRUCTS, PROFILE_ALGORITHMS, PROFILE_CALLS, PROFILE_LIMITS, PROFILE_BEHAVIOUR,
                       PROFILE_ERROR, PROFILE_SECTIONS };

extern const struct conf_form profile_form;
/* Members of struct sdf_profile that take a few values only, and not a range of them. */
struct profile_values {
	const char *key;
	size_t offset;
	uint32_t values[4];       /* ended by UINT32_MAX */
};
extern const struct profile_values profile_values[];
extern const size_t profile_nvalues;

/* An error section as it is written. */
struct profile_error_text {
	uint32_t first, last;
	unsigned means;           /* a place in profile_meanings */
	unsigned session;         /* 0 keep, 1 dead */
};
#define PROFILE_MEANINGS 15
struct profile_meaning {
	const char *word;
	enum hufu_err err;
};
extern const struct profile_meaning profile_meanings[PROFILE_MEANINGS];
/* The keyword in the section "calls"; no symbol. */
#define PROFILE_NO_CALL "none"

/* -- profile.c ---------------------------------------------------------------------------- */

struct sdf_profile *profile_copy(const struct sdf_profile *) MUST_CHECK;
/* Does the one say what the other says? Their names do not count. */
bool profile_equal(const struct sdf_profile *, const struct sdf_profile *) MUST_CHECK;

/* -- profile_standard.c: what is built in ------------------------------------------ */

/* Static, its own members too; NULL: none of this name. */
const struct sdf_profile *profile_standard(const char *name);
#define PROFILE_DEFAULT_BASE "gmt0018-2012"
extern const struct sdf_error profile_standard_errors[];
extern const size_t profile_nstandard_errors;

#endif
