/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

/* Big enough for most rows and messages, so that they grow once or never. */
#define WRITER_FIRST_CAP 256

const uint8_t *read_bytes(struct reader *r, size_t len)
{
	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p += len;
	r->left -= len;
	return p;
}

void read_copy(struct reader *r, void *out, size_t len)
{
	const uint8_t *p = read_bytes(r, len);
	if (!len)
		return;
	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len); /* nobody acts on what was there before */
}

static uint64_t read_uint(struct reader *r, size_t len)
{
	const uint8_t *p = read_bytes(r, len);
	uint64_t value = 0;
	for (size_t i = 0; p && i < len; i++)
		value = value << 8 | p[i];
	return value;
}

uint8_t read_u8(struct reader *r)
{
	return (uint8_t)read_uint(r, 1);
}

uint16_t read_u16(struct reader *r)
{
	return (uint16_t)read_uint(r, 2);
}

uint32_t read_u32(struct reader *r)
{
	return (uint32_t)read_uint(r, 4);
}

uint64_t read_u64(struct reader *r)
{
	return read_uint(r, 8);
}

bool reader_done(const struct reader *r)
{
	return !r->bad && r->left == 0;
}

void writer_init(struct writer *w, bool secret)
{
	*w = (struct writer){.secret = secret};
}

static void writer_free(const struct writer *w)
{
	if (w->secret)
		secret_free(w->data);
	else
		free(w->data);
}

/* Makes room for len more bytes; false and bad when that cannot be. */
static bool writer_reserve(struct writer *w, size_t len)
{
	if (w->bad)
		return false;
	if (len <= w->cap - w->len)
		return true;
	size_t cap = w->cap ? w->cap : WRITER_FIRST_CAP;
	while (cap - w->len < len && cap <= SIZE_MAX / 2)
		cap *= 2;
	uint8_t *data = NULL;
	if (cap - w->len >= len)
		data = w->secret ? secret_alloc(cap) : malloc(cap);
	if (!data) {
		w->bad = true;
		return false;
	}
	if (w->len)
		memcpy(data, w->data, w->len);
	writer_free(w);
	w->data = data;
	w->cap = cap;
	return true;
}

uint8_t *write_space(struct writer *w, size_t len)
{
	if (!writer_reserve(w, len))
		return NULL;
	w->len += len;
	return w->data + w->len - len;
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	uint8_t *space = len ? write_space(w, len) : NULL;

	if (space)
		memcpy(space, data, len);
}

static void write_uint(struct writer *w, uint64_t value, size_t len)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> 8 * (len - 1 - i));
	write_bytes(w, bytes, len);
	if (w->secret)
		secret_wipe(bytes, sizeof(bytes));
}

void write_u8(struct writer *w, uint8_t value)
{
	write_uint(w, value, 1);
}

void write_u16(struct writer *w, uint16_t value)
{
	write_uint(w, value, 2);
}

void write_u32(struct writer *w, uint32_t value)
{
	write_uint(w, value, 4);
}

void write_u64(struct writer *w, uint64_t value)
{
	write_uint(w, value, 8);
}

uint8_t *writer_take(struct writer *w, size_t *len)
{
	if (w->bad || !w->len) {
		writer_clear(w);
		*len = 0;
		return NULL;
	}
	uint8_t *data = w->data;
	*len = w->len;
	writer_init(w, w->secret);
	return data;
}

void writer_clear(struct writer *w)
{
	writer_free(w);
	writer_init(w, w->secret);
}
