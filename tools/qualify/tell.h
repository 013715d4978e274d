/* SPDX-License-Identifier: Apache-2.0 */
/* The examiner's lines (qualify.h). Any thread may tell; a judge who is gone ends the process. */
#ifndef QUALIFY_TELL_H
#define QUALIFY_TELL_H

#include "tools/qualify/qualify.h"

#include <jansson.h>
#include <stdbool.h>

/* On this descriptor from now on. */
void tell_to(int fd);

/* One finding. id: within the chapter. */
void tell(enum result, const char *id, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Takes over the value. */
void tell_fact(const char *key, json_t *value);
void tell_number(const char *key, uint32_t value);
void tell_flag(const char *key, bool value);
/* Cells end with NULL. */
void tell_row(const char *table, ...) __attribute__((sentinel));
void tell_point(const char *plot, const char *series, double x, double y);
/* Alive. At most ten a second leave the process. */
void tell_at(uint64_t done, uint64_t of);
/* After a dlopen that failed: nothing else can be examined. */
void tell_not_loaded(const char *path);
void tell_end(void);

#endif
