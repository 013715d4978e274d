/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of GM/T 0005 on any source, told as findings. */
#ifndef QUALIFY_RANDOMNESS_H
#define QUALIFY_RANDOMNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: there is no more. */
typedef bool random_source(void *arg, uint8_t *out, size_t len);

void examine_randomness(random_source *, void *arg, bool full);

#endif
