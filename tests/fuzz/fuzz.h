/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz main: define fuzz_one and include this. It reads all of stdin and
 * feeds it, for replay.sh and for fuzzers that start a process an input; with
 * -DFUZZ_IN_PROCESS and clang's -fsanitize=fuzzer the same file is an
 * in-process fuzzer. fuzz_one ends the process (abort) when a claim is broken;
 * bad input is no such thing.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_INPUT_MAX ((size_t)2 << 20)

/* data is len bytes of exactly that allocation, so that a sanitizer sees the end. */
static void fuzz_one(const uint8_t *data, size_t len);

#ifdef FUZZ_IN_PROCESS
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	fuzz_one(data, len);
	return 0;
}
#else
int main(void)
{
	uint8_t *room = malloc(FUZZ_INPUT_MAX);
	size_t len = room ? fread(room, 1, FUZZ_INPUT_MAX, stdin) : 0;
	uint8_t *data = room ? realloc(room, len ? len : 1) : NULL;
	if (!data)
		return 99;
	fuzz_one(data, len);
	free(data);
	return 0;
}
#endif

#endif
