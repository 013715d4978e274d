/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIRM_H
#define CONFIRM_H

#include "tools/tool.h"

/* Asks on the terminal, unless --yes. ST_POLICY: no, or nobody to ask. */
enum status confirm(const struct args *, const char *fmt, ...) __attribute__((format(printf, 2, 3))) MUST_USE;

#define OPT_YES {"yes", 'y', NULL, "do not ask"}

#endif
