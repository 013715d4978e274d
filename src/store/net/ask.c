/* SPDX-License-Identifier: Apache-2.0 */
/* One request, and the machines that may answer it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/net/net.h"

/* A machine that does not answer is not waited for to the end where another may be asked: but PINs are stretched there. */
#define ATTEMPT_NS (1 * NS_PER_S)
#define ATTEMPT_PIN_NS (3 * NS_PER_S)
/* Between two rounds, once all machines were asked. */
#define PAUSE_MIN_NS (10 * NS_PER_MS)
#define PAUSE_MAX_NS (200 * NS_PER_MS)

struct asking {
	struct net *net;
	const struct wire_store *request;
	uint64_t deadline_ns;
	enum hufu_err err;             /* of the last attempt; LOST where one is in doubt and may not be repeated */
	bool in_doubt;                 /* one attempt may have had its effect */
	struct wire_store_reply *reply;
};

static bool stretches_pin(uint16_t op)
{
	return op == WIRE_STORE_LOGIN || op == WIRE_STORE_INIT || op == WIRE_STORE_INIT_PIN || op == WIRE_STORE_SET_PIN;
}

/* The last machine of a token may take all the time that is left. */
static uint64_t attempt_deadline(const struct asking *a)
{
	uint64_t most = clock_now_ns() + (stretches_pin(a->request->op) ? ATTEMPT_PIN_NS : ATTEMPT_NS);

	return a->net->nlinks > 1 && wire_store_repeatable(a->request->op) && most < a->deadline_ns ? most : a->deadline_ns;
}

static uint32_t ms_until(uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), left = deadline_ns > now ? (deadline_ns - now) / NS_PER_MS : 0;

	return left ? (uint32_t)left : 1;
}

static uint32_t max_body(struct link *link)
{
	struct link_state state;

	link_state(link, &state);
	return state.max_body ? state.max_body : WIRE_BODY_DEFAULT;
}

/* What the machine said; its own trouble (BUSY, GONE, ...) is a reason to ask another. */
static enum hufu_err take_reply(struct asking *a, const struct link_call *call)
{
	enum hufu_err err = wire_store_get_reply(a->request->op, call->body, call->len, &a->reply);

	if (err != HUFU_OK)
		return err;
	err = a->reply->status.err;
	if (err == HUFU_OK)
		return HUFU_OK;
	if (a->reply->status.text && a->reply->status.text[0])
		log_info("a machine answers: %s", a->reply->status.text);
	wire_store_reply_free(a->reply);
	a->reply = NULL;
	return err;
}

static enum hufu_err ask_one(struct asking *a, struct link *link)
{
	struct link_call call = {.deadline_ns = attempt_deadline(a), .bulk = a->request->op == WIRE_STORE_FIND};

	writer_init(&call.frame, true);
	enum hufu_err err = wire_store_put(&call.frame, 0, ms_until(call.deadline_ns), max_body(link), a->request);
	if (err == HUFU_OK) {
		link_run(link, &call, 1);
		err = call.err;
	}
	if (err == HUFU_OK)
		err = take_reply(a, &call);
	writer_clear(&call.frame);
	link_call_clear(&call);
	return err;
}

/* Is it for another machine? And has this one perhaps done it already? */
static bool goes_on(struct asking *a, enum hufu_err err)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_DENIED:
		return true;
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
		a->in_doubt = true;
		return wire_store_repeatable(a->request->op);
	case HUFU_GROUP_HOST:
		if (err == HUFU_ERR_STORE_IO)
			a->in_doubt = true;
		return (err == HUFU_ERR_STORE_IO || err == HUFU_ERR_STORE_BUSY) && wire_store_repeatable(a->request->op);
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_BUG:
		break;
	}
	return false;
}

/* Each machine once, beginning with the one that answered last. False: that was the answer. */
static bool ask_round(struct asking *a, struct net_asked *asked)
{
	unsigned first = atomic_load(&a->net->preferred), n = (unsigned)a->net->nlinks;

	for (unsigned i = 0; i < n && clock_now_ns() < a->deadline_ns; i++) {
		unsigned at = (first + i) % n;
		a->err = ask_one(a, a->net->links[at]);
		if (goes_on(a, a->err))
			continue;
		if (hufu_err_group(a->err) != HUFU_GROUP_LOST && hufu_err_group(a->err) != HUFU_GROUP_CORRUPT)
			atomic_store(&a->net->preferred, at);
		*asked = (struct net_asked){.machine = at, .in_doubt = a->in_doubt};
		return false;
	}
	return true;
}

static enum hufu_err failure(const struct asking *a)
{
	if (a->in_doubt)
		return HUFU_ERR_LOST;
	return hufu_err_group(a->err) == HUFU_GROUP_HOST ? a->err : HUFU_ERR_NO_DEVICE;
}

uint64_t net_deadline(const struct net *net)
{
	return clock_now_ns() + net->deadline_ms * NS_PER_MS;
}

enum hufu_err net_ask(struct net *net, const struct wire_store *r, uint64_t deadline_ns, struct wire_store_reply **reply,
                      struct net_asked *asked)
{
	struct asking a = {.net = net, .request = r, .deadline_ns = deadline_ns, .err = HUFU_ERR_GONE};
	struct net_asked unasked;

	*reply = NULL;
	asked = asked ? asked : &unasked;
	for (uint64_t pause = PAUSE_MIN_NS; ask_round(&a, asked); pause = pause < PAUSE_MAX_NS / 2 ? pause * 2 : PAUSE_MAX_NS) {
		if (clock_now_ns() + pause >= a.deadline_ns)
			return failure(&a);
		clock_sleep_ns(pause);
	}
	*reply = a.reply;
	return a.err;
}

enum hufu_err net_ask_as(struct net *net, struct wire_store *r, struct wire_store_reply **reply, struct net_asked *asked)
{
	uint8_t *ticket = secret_alloc(WIRE_TICKET_MAX);

	*reply = NULL;
	if (!ticket)
		return HUFU_ERR_NO_MEMORY;
	r->ticket = ticket;
	net_ticket(net, ticket, &r->ticket_len);
	enum hufu_err err = net_ask(net, r, net_deadline(net), reply, asked);
	if (err == HUFU_ERR_EXPIRED) {
		/* The login ended meanwhile, or there is another by now: what needs none goes on. */
		const bool in_doubt = asked && asked->in_doubt;
		net_drop_ticket(net, ticket, r->ticket_len);
		net_ticket(net, ticket, &r->ticket_len);
		err = net_ask(net, r, net_deadline(net), reply, asked);
		if (in_doubt)
			asked->in_doubt = true;
	}
	secret_free(ticket);
	r->ticket = NULL;
	return err == HUFU_ERR_EXPIRED ? HUFU_ERR_LOCKED : err;
}

enum hufu_err net_tell(struct net *net, struct wire_store *r)
{
	struct wire_store_reply *reply;
	enum hufu_err err = net_ask_as(net, r, &reply, NULL);

	wire_store_reply_free(reply);
	return err;
}
