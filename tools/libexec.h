/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of hufu's that hufu(1) starts. */
#ifndef LIBEXEC_H
#define LIBEXEC_H

#include <stdbool.h>
#include <stddef.h>

/* Beside this program, as it was built; else where it was installed. False after a message. */
bool libexec_find(const char *name, char *path, size_t len);
/* The same of a program that stands in sbin. */
bool program_find(const char *name, char *path, size_t len);

#endif
