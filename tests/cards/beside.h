/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies beside a library under test: files of its own name and a suffix. A
 * copy of the library under another name has files of its own, so that several are
 * configured apart from the process that loads them, and from each other.
 */
#ifndef CARDS_BESIDE_H
#define CARDS_BESIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* "/path/of/card.so" and suffix. False: it does not fit. */
bool beside_path(const char *suffix, char *path, size_t cap);

/* Makes it, empty, for somebody who waits for it. False: it cannot. */
bool beside_make(const char *suffix);

/* A file that may change at any time, and need not be there. */
struct beside {
	struct stat seen;
};
/* True: it is not what it was at the last call; text (cap bytes at most, NUL-terminated) is what it says now, "" without a file. */
bool beside_changed(struct beside *, const char *suffix, char *text, size_t cap);

#endif
