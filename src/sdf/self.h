/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SDF_SELF_H
#define SDF_SELF_H

#include "sdf/internal.h"

/*
 * A device of the token whose library is this very one would ask itself for
 * ever. False after a message that names it.
 */
bool self_is_no_device(const struct conf *, CK_SLOT_ID);

#endif
