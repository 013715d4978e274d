/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and what is reported of them in words, and as JSON. */
#ifndef FLEET_TEXT_H
#define FLEET_TEXT_H

#include "tools/fleet.h"

#include <jansson.h>
#include <stdio.h>

/* Each gives out. */
char *duration_text(uint64_t ns, char *out, size_t out_len);     /* "1.25 ms", "-" for 0 */
char *since_text(uint64_t wall_ms, char *out, size_t out_len);   /* "2026-11-21 15:30:00, 12 s ago" in local time */
char *clock_text(uint64_t wall_ms, char *out, size_t out_len);   /* "15:30:00.250" in local time */
char *states_text(const struct tally *, char *out, size_t out_len); /* "up", "2 up, 1 ejected", "not in use" */
/* "drain by alice at 2026-11-21T15:30:00Z: battery", or "none". */
char *wish_text(const struct member *, char *out, size_t out_len);
const char *isolation_name(enum conf_isolation);
/* As the programs run it, or as it is configured. */
const char *member_isolation(const struct member *);
char *member_priority(const struct member *, char *out, size_t out_len);
const char *member_driver(const struct member *);
const char *member_domain(const struct member *);
uint64_t wall_now_ms(void);

json_t *time_json(uint64_t wall_ms); /* ISO 8601 in UTC; null for 0 */
json_t *tally_json(const struct tally *);
json_t *member_json(const struct fleet *, const struct member *);
json_t *view_json(const struct stats_view *);

/* hufu device explain, also for the screen of hufu top (fleet_explain.c). */
void explain_member(const struct fleet *, const struct member *, FILE *);

#endif
