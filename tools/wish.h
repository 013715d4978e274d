/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's wish for a device, set by a command or by a key in hufu top. */
#ifndef WISH_H
#define WISH_H

#include "tools/fleet.h"

/* ST_POLICY where the caller may not; after a message. */
enum status wish_set(const struct fleet *, const char *name, enum conf_wish, const char *why) MUST_USE;
/* Does this program still have to act on it? */
bool wish_is_behind(enum conf_wish, const struct stats_view *);
/* Looks again and again until none is behind, or the time is over; *behind: how many are. */
enum status wish_wait(struct fleet *, const char *name, enum conf_wish, unsigned long seconds, size_t *behind) MUST_USE;

#endif
