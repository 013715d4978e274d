/* SPDX-License-Identifier: Apache-2.0 */
/* By hand, since every signature leaves a record: a general library takes as long for it as for the chain. */
#include "audit/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/chain.h"
#include "base/clock.h"

#define REPLACEMENT 0xfffdu

static const char *const class_names[] = {"admin", "login", "key", "op"};

static void put(struct writer *w, const char *text)
{
	write_bytes(w, text, strlen(text));
}

/* RFC 3629; *c: the character, or U+FFFD for one byte that begins none. How many bytes it takes. */
static size_t utf8_get(const unsigned char *p, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const size_t n = p[0] >= 0xf0 && p[0] < 0xf8 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc0 && p[0] < 0xe0 ? 2 : 1;
	uint32_t value = p[0] & (n == 1 ? 0x7fu : 0x7fu >> n);
	size_t i = 1;

	for (; i < n && (p[i] & 0xc0) == 0x80; i++)
		value = value << 6 | (p[i] & 0x3fu);
	const bool good = i == n && (n > 1 || p[0] < 0x80) && value >= least[n] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
	*c = good ? value : REPLACEMENT;
	return good ? n : 1;
}

/* RFC 8259 7: beyond the first plane as a surrogate pair. */
static void put_escaped(struct writer *w, uint32_t c)
{
	char text[16];

	if (c == '"' || c == '\\')
		snprintf(text, sizeof(text), "\\%c", (char)c);
	else if (c > 0xffff)
		snprintf(text, sizeof(text), "\\u%04x\\u%04x", (unsigned)(0xd800 + ((c - 0x10000) >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
	else
		snprintf(text, sizeof(text), "\\u%04x", (unsigned)c);
	put(w, text);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* ,"name":"text"; nothing where text is NULL. */
static void put_text(struct writer *w, const char *name, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (!text)
		return;
	put(w, ",\"");
	put(w, name);
	put(w, "\":\"");
	while (*p) {
		size_t n = 0;
		uint32_t c;
		while (is_plain(p[n]))
			n++;
		write_bytes(w, p, n);
		p += n;
		if (!*p)
			break;
		p += utf8_get(p, &c);
		put_escaped(w, c);
	}
	put(w, "\"");
}

static void put_id(struct writer *w, const char *name, const uint8_t *id)
{
	char text[33];

	if (!id)
		return;
	chain_hex(id, 16, text);
	put_text(w, name, text);
}

static void put_number(struct writer *w, const char *name, uint64_t value)
{
	char text[64];

	snprintf(text, sizeof(text), ",\"%s\":%" PRIu64, name, value);
	put(w, text);
}

/* RFC 3339, UTC, microseconds; the first of all members. */
static void put_time(struct writer *w)
{
	char text[48];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(text, 32, "\"ts\":\"%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%06ldZ\"", now.tv_nsec / 1000);
	put(w, text);
}

void members_put(struct writer *w, const struct audit_record *record)
{
	char mechanism[24];

	snprintf(mechanism, sizeof(mechanism), "0x%" PRIx64, record->mechanism);
	put_time(w);
	put_number(w, "mono", clock_now_ns());
	put_text(w, "class", class_names[record->class]);
	put_text(w, "event", record->event);
	put_text(w, "identity", record->identity);
	put_text(w, "peer", record->peer);
	put_text(w, "token", record->token);
	put_id(w, "key", record->key_uuid);
	put_id(w, "op_id", record->op_id);
	put_text(w, "mech", record->mechanism ? mechanism : NULL);
	put_text(w, "result", err_name(record->result));
	put_number(w, "attempts", record->attempts);
	put_text(w, "device", record->device);
	put_number(w, "us", record->served_us);
	put_text(w, "detail", record->detail);
	write_u8(w, 0);
}
