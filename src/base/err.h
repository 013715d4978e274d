/* SPDX-License-Identifier: Apache-2.0 */
/* Names of error codes, for the log and the tool. The codes: hufu/driver.h. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "hufu/driver.h"

const char *err_name(enum hufu_err);     /* "caller/argument" */
/* In words, for people: "the store is full". */
const char *err_text(enum hufu_err);

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
