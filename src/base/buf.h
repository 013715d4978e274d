/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte readers and writers with a sticky error: a decoder reads on and asks
 * once, at the end. Integers are big-endian.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct reader reader_of(const void *data, size_t len)
{
	return (struct reader){.p = data, .left = len};
}
uint8_t read_u8(struct reader *);
uint16_t read_u16(struct reader *);
uint32_t read_u32(struct reader *);
uint64_t read_u64(struct reader *);
/* A view into the input; NULL and bad when there is not as much. */
const uint8_t *read_bytes(struct reader *, size_t len);
void read_copy(struct reader *, void *out, size_t len);
/* True when all was read, nothing is left and nothing went wrong. */
bool reader_done(const struct reader *);

/*
 * A growing buffer in secret or ordinary memory. A failed allocation makes it
 * bad; writing goes on as a no-op.
 */
struct writer {
	uint8_t *data;
	size_t len, cap;
	bool secret; /* memory from secret_alloc */
	bool bad;
};

void writer_init(struct writer *, bool secret);
void write_u8(struct writer *, uint8_t);
void write_u16(struct writer *, uint16_t);
void write_u32(struct writer *, uint32_t);
void write_u64(struct writer *, uint64_t);
void write_bytes(struct writer *, const void *, size_t len);
/* len bytes for the caller to fill, until the next write; NULL when that cannot be. */
uint8_t *write_space(struct writer *, size_t len);
/* Hands the bytes over (freed by free() or secret_free()) and empties the writer; NULL when bad or empty. */
uint8_t *writer_take(struct writer *, size_t *len);
void writer_clear(struct writer *);

#endif
