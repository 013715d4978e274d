/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a private directory with copies of the libraries of this folder
 * under names of their own, and the files beside each that configure it. What
 * fails here ends the program. Run in the build directory.
 */
#ifndef CARDS_RIG_H
#define CARDS_RIG_H

#include <stdbool.h>
#include <stddef.h>

#define RIG_PATH 160

/* Makes the directory, once; it goes when the program ends, unless KEEP is set. */
const char *rig_dir(void);
/* DIR/NAME.so, a copy of the built library KIND: "careless", "card_standard", ... */
void rig_library(const char *kind, const char *name, char path[RIG_PATH]);
/* Replaces the file beside the library, so that it never sees half of it. */
void rig_beside(const char *library, const char *suffix, const char *text);
void rig_faults(const char *library, const char *script);
/* Until a call hangs in an emulated card (sign:hang and its kind), once for each that does. False: none did in a minute. */
bool rig_wait_for_hang(const char *library);

/* -- emulated cards -------------------------------------------------------------------- */

#define RIG_PASSWORD "card password"

/*
 * By make_card: SM2 pairs at the indexes 1 to npairs, of which the last nlocked want RIG_PASSWORD, and a KEK at 1, for all
 * cards that are made from now on: they are one domain. rsa: a pair of that at 1, too.
 */
void rig_keys(unsigned npairs, unsigned nlocked, bool rsa);
/* rig_library, with those keys. */
void rig_card(const char *kind, const char *name, char path[RIG_PATH]);
/* The path of the kind's profile. */
void rig_profile(const char *kind, char path[RIG_PATH]);

#endif
