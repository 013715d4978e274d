/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever a machine sends, in whatever pieces, a link's connection takes
 * it or ends; each call has one outcome at most, an answer only of the length
 * that came, and the window never counts more than was asked.
 *
 * The first byte: how many bytes come at a time.
 */
#include "fuzz.h"

#include <string.h>

#include "base/secret.h"
#include "link/link_internal.h"

#define NCALLS 3

static struct link link_of_nothing = {.conf = {.device = "fuzz", .window = 8, .ping_ms = 1000}};

/* Three requests are out, ids 1 to 3, as conn_submit leaves them. */
static void ask_three(struct link_conn *c, struct link_waiter *w, struct link_call calls[NCALLS])
{
	waiter_init(w);
	for (unsigned i = 0; i < NCALLS; i++) {
		const uint64_t id = ++c->last_id;
		calls[i] = (struct link_call){.id = id, .waiter = w};
		c->calls[id % LINK_BUCKETS] = &calls[i];
		w->remaining++;
		c->pending++;
		c->in_flight++;
	}
	waiter_enter_locked(c, w);
}

static void check(const struct link_conn *c, const struct link_waiter *w, const struct link_call calls[NCALLS])
{
	unsigned waiting = 0;

	for (unsigned i = 0; i < NCALLS; i++) {
		waiting += calls[i].waiter != NULL;
		if ((calls[i].waiter || calls[i].err) && calls[i].body)
			abort();
		if (calls[i].body && calls[i].len > FUZZ_INPUT_MAX)
			abort();
	}
	if (waiting != w->remaining || waiting != c->pending || c->in_flight > NCALLS || atomic_load(&w->done) != (waiting == 0))
		abort();
	if (c->dead && waiting)
		abort();
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct link_conn c = {.link = &link_of_nothing, .fd = -1, .window = 4};
	struct link_call calls[NCALLS];
	struct link_waiter w;
	const size_t piece = len ? data[0] + 1u : 1;

	c.in = secret_alloc(LINK_IN_CAP);
	if (!c.in)
		exit(99);
	writer_init(&c.queue, true);
	writer_init(&c.sending, true);
	ask_three(&c, &w, calls);
	for (size_t at = 1; at < len && !c.dead;) {
		const size_t room = LINK_IN_CAP - c.in_len, left = len - at;
		size_t n = left < piece ? left : piece;
		if (room == 0)
			abort(); /* a reader that can take no more would turn in circles */
		n = n < room ? n : room;
		memcpy(c.in + c.in_len, data + at, n);
		c.in_len += n;
		at += n;
		(void)frames_take_locked(&c);
		check(&c, &w, calls);
	}
	for (unsigned i = 0; i < NCALLS; i++)
		link_call_clear(&calls[i]);
	secret_free(c.frame.body);
	secret_free(c.in);
	writer_clear(&c.queue);
	if (secret_in_use() != 0)
		abort();
}
