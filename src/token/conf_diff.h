/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two configurations and cannot change while the library runs. */
#ifndef TOKEN_CONF_DIFF_H
#define TOKEN_CONF_DIFF_H

#include "base/conf.h"

/* One line for the log: token "a": store, policy; token "b" is new. False: nothing, text is empty. */
bool conf_diff(const struct conf *before, const struct conf *now, char *text, size_t len);

#endif
