/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of any size, in constant memory. An output file appears under its name
 * only when it is whole: until then it is a temporary file beside it.
 */
#ifndef IO_H
#define IO_H

#include "tools/tool.h"

#include <stdint.h>

#define IO_CHUNK (256u << 10)

struct progress {
	const char *what;
	uint64_t done, total;       /* total 0: unknown */
	uint64_t start_ns, shown_ns;
	bool wanted, shown, bars;
};

/* Shown on stderr once a second has passed: on a terminal, or anywhere with --progress. */
void progress_begin(struct progress *, const struct args *, const char *what, uint64_t total);
void progress_add(struct progress *, uint64_t n);
void progress_end(struct progress *);

struct input {
	int fd;
	const char *name;
	struct progress progress;
};

/* NULL or "-": standard input. what: "encrypting", for the progress bar. */
enum status input_open(const struct args *, const char *path, const char *what, struct input *) MUST_USE;
/* Fills buf unless the end comes first. */
enum status input_read(struct input *, void *buf, size_t cap, size_t *got) MUST_USE;
void input_close(struct input *);
/* All of it, at most max bytes, into secret memory (secret_free); ST_USAGE when it is longer. */
enum status input_all(const char *path, size_t max, unsigned char **data, size_t *len) MUST_USE;

struct output {
	int fd;
	const char *path;           /* NULL: standard output */
	char *target;               /* what path stands for: links resolved */
	char *temp;                 /* NULL: written directly (a device, a pipe) */
};

/* --out, or standard output; binary: not to a terminal. */
enum status output_open(const struct args *, bool binary, struct output *) MUST_USE;
enum status output_write(struct output *, const void *, size_t len) MUST_USE;
/* The file is whole: it takes its name. */
enum status output_commit(struct output *) MUST_USE;
/* Removes what was not committed. */
void output_close(struct output *);
/* All at once. */
enum status output_all(const struct args *, bool binary, const void *, size_t len) MUST_USE;
/* The same, to path in place of --out; NULL or "-": standard output. */
enum status output_all_to(const char *path, bool binary, const void *, size_t len) MUST_USE;

#endif
