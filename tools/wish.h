/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's wish for a device, set by a command or by a key in hufu top. */
#ifndef WISH_H
#define WISH_H

#include "tools/fleet.h"

/* ST_POLICY where the caller may not; after a message. */
enum status wish_set(const struct fleet *, const char *name, enum conf_wish, const char *why) MUST_USE;

#endif
