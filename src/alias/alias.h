/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vendors' numbers for the SM mechanisms and key types, and what they mean in
 * hufu's own (<hufu/mechanisms.h>).
 *
 * No version of PKCS#11 numbers them, so every vendor did. The PKCS#11 face
 * reads the tables from a vendor's number to ours, for applications that were
 * written to that vendor's header; the driver for PKCS#11 modules reads them
 * the other way.
 *
 * Only what means the same has a row. What we do not have (SM1, SSF33, SM9,
 * padded ECB and OFB), or know under a number only, has none.
 */
#ifndef ALIAS_ALIAS_H
#define ALIAS_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the mechanism's parameter is. */
enum alias_param {
	ALIAS_PARAM_SAME = 0, /* as our own mechanism's */
	ALIAS_PARAM_ID,       /* the signer's identifier, its bytes alone; without one the default of GM/T 0009 */
	ALIAS_PARAM_NEED_ID   /* likewise, and never without */
};

struct alias_mech {
	uint64_t vendor, own;  /* CKM_ numbers */
	enum alias_param param;
};

struct alias_key_type {
	uint64_t vendor, own;  /* CKK_ numbers */
};

/*
 * A vendor's number may stand in two rows, where its mechanism does what two of
 * ours do; the use (to sign, to encrypt) tells them apart. Two of a vendor's
 * numbers may mean one of ours: the first is the one to present.
 */
struct alias_profile {
	const char *name;      /* as in alias = "..." */
	const struct alias_mech *mechs;
	size_t nmechs;
	const struct alias_key_type *types;
	size_t ntypes;
};

/* NULL: there is none of this name, or no further one. */
const struct alias_profile *alias_find(const char *name);
const struct alias_profile *alias_at(size_t i);

/* The rows of a vendor's number, one by one: after NULL the first. NULL: no more, or no profile. */
const struct alias_mech *alias_mech_next(const struct alias_profile *, uint64_t vendor, const struct alias_mech *after);
/* The row to present for one of ours. NULL: the vendor has no number for it, or no profile. */
const struct alias_mech *alias_mech_of_own(const struct alias_profile *, uint64_t own);

/* The other number; the same one where there is no row, or no profile. */
uint64_t alias_key_type_own(const struct alias_profile *, uint64_t vendor);
uint64_t alias_key_type_vendor(const struct alias_profile *, uint64_t own);

#endif
