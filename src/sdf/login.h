/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SDF_LOGIN_H
#define SDF_LOGIN_H

#include "sdf/internal.h"

/*
 * The user logs in with the PIN that this file holds: a file of root or of the
 * user of the process, which nobody else may read. One line end at its end does
 * not count.
 */
CK_RV login_from_file(struct session *, const char *path);

#endif
