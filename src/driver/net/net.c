/* SPDX-License-Identifier: Apache-2.0 */
/* The driver itself: devices, leases, and the way of an op to its machine. */
#include "driver/net/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "driver/driver.h"

#define NS_PER_S 1000000000ull
#define OPEN_NS (5 * NS_PER_S)         /* where the caller has no deadline */
#define NO_DEADLINE_NS (60 * NS_PER_S)
#define BULK_MIN 65536u               /* small requests do not wait behind such */
#define TICKET_NAME "ticket"

/* -- one request without a body ------------------------------------------------------- */

/* A link wants an end. */
static uint64_t end_of(const struct hufu_device *device, uint64_t deadline_ns)
{
	return deadline_ns ? deadline_ns : device->host->now_ns() + NO_DEADLINE_NS;
}

/* call->err is that of the way; what the answer says is the caller's to read. link_call_clear. The link writes what is left of time. */
static enum hufu_err ask(struct hufu_device *device, uint16_t what, uint64_t deadline_ns, struct link_call *call)
{
	*call = (struct link_call){.deadline_ns = end_of(device, deadline_ns)};
	writer_init(&call->frame, false);
	enum hufu_err err = wire_request_put(&call->frame, 0, what, 0);
	if (err != HUFU_OK)
		return err;
	link_run(device->link, call, 1);
	return call->err;
}

/* -- devices ----------------------------------------------------------------------------- */

static void free_device(struct hufu_device *device)
{
	link_free(device->link);
	pthread_rwlock_destroy(&device->ticket_lock);
	secret_free(device->ticket);
	free(device->caps);
	free(device->rows);
	free(device);
}

static struct hufu_device *new_device(const struct hufu_host *host, const char *name)
{
	struct hufu_device *device = calloc(1, sizeof(*device) + strlen(name) + 1);

	if (!device)
		return NULL;
	if (pthread_rwlock_init(&device->ticket_lock, NULL) != 0) {
		free(device);
		return NULL;
	}
	device->host = host;
	memcpy(device->name, name, strlen(name) + 1);
	return device;
}

/* What this side does itself: in the role TOKEN it takes a login's ticket. */
static void offer_login(struct hufu_device *device)
{
	for (size_t i = 0; i < device->info.ncaps && device->role == WIRE_TOKEN; i++)
		if (device->caps[i].mechanism == 0 && device->caps[i].verbs & 1u << HUFU_VERB_RANDOM)
			device->caps[i].verbs |= 1u << HUFU_VERB_LOGIN;
}

static enum hufu_err keep_rows(struct hufu_device *device)
{
	offer_login(device);
	device->rows = calloc(device->info.ncaps + 1, sizeof(*device->rows));
	if (!device->rows)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < device->info.ncaps; i++)
		device->rows[i] = (struct net_row){.mechanism = device->caps[i].mechanism, .max_in = device->caps[i].max_in,
		                                   .verbs = device->caps[i].verbs, .multi_part = device->caps[i].multi_part};
	net_limit_capabilities(device);
	return HUFU_OK;
}

/* What was proven counts, not what is told: only where the machine is this host (HOST) has it the domain that it names. */
static void take_domain(struct hufu_device *device, const struct link_state *state)
{
	if (device->role != WIRE_HOST)
		memcpy(device->info.domain_id, state->domain_id, sizeof(state->domain_id));
}

static enum hufu_err ask_info(struct hufu_device *device, uint64_t deadline_ns)
{
	struct link_call call;
	struct link_state state;
	uint32_t flags = 0;
	enum hufu_err err = ask(device, WIRE_OP_INFO, deadline_ns, &call);

	if (err == HUFU_OK)
		err = wire_info_get_reply(call.body, call.len, &device->info, &device->caps, &flags, NULL);
	link_call_clear(&call);
	if (err != HUFU_OK)
		return err;
	link_state(device->link, &state);
	device->max_body = state.max_body;
	take_domain(device, &state);
	device->host->log(HUFU_LOG_INFO, device->name, "machine %s serves token %s over %s%s", state.machine, state.token, state.profile,
	                  flags & HUFU_DRIVER_SOFTWARE ? ", by software" : "");
	return keep_rows(device);
}

static enum hufu_err net_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                              struct hufu_device **out)
{
	struct link_conf link_conf;
	struct hufu_device *device = new_device(host, conf->name);

	if (!device)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = link_conf_of(conf, &link_conf);
	if (err == HUFU_OK)
		err = link_new(&link_conf, &device->link);
	if (err == HUFU_OK) {
		device->role = link_conf.role;
		err = ask_info(device, deadline_ns ? deadline_ns : host->now_ns() + OPEN_NS);
	}
	if (err != HUFU_OK) {
		free_device(device);
		return err;
	}
	*out = device;
	return HUFU_OK;
}

static void net_close(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)deadline_ns;
	free_device(device);
}

static enum hufu_err net_info(struct hufu_device *device, struct hufu_device_info *info)
{
	if (info->size < sizeof(*info))
		return HUFU_ERR_ARGUMENT;
	*info = device->info;
	return HUFU_OK;
}

/* Not whether the machine lives alone: whether what is behind it can serve. */
static enum hufu_err net_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	struct link_call call;
	enum hufu_err err = ask(device, WIRE_OP_PROBE, deadline_ns, &call);

	if (err == HUFU_OK)
		err = wire_get_status(call.body, call.len, NULL);
	link_call_clear(&call);
	return err;
}

/* -- leases --------------------------------------------------------------------------------- */

static enum hufu_err net_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = calloc(1, sizeof(*lease));

	(void)deadline_ns;
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	if (pthread_mutex_init(&lease->lock, NULL) != 0) {
		free(lease);
		return HUFU_ERR_NO_MEMORY;
	}
	lease->device = device;
	*out = lease;
	return HUFU_OK;
}

static void net_release(struct hufu_lease *lease)
{
	pthread_mutex_destroy(&lease->lock);
	free(lease);
}

static void net_cancel(struct hufu_lease *lease)
{
	pthread_mutex_lock(&lease->lock);
	if (lease->n)
		link_cancel(lease->device->link, lease->calls, lease->n);
	pthread_mutex_unlock(&lease->lock);
}

static void set_running(struct hufu_lease *lease, size_t n)
{
	pthread_mutex_lock(&lease->lock);
	lease->n = n;
	pthread_mutex_unlock(&lease->lock);
}

/* -- requests ---------------------------------------------------------------------------------- */

/* The ticket goes along with every key: which of them are private the machine knows. */
static enum hufu_err put_request(struct hufu_device *device, const struct hufu_op *op, struct writer *frame)
{
	struct wire_extra extra = {.hardware_only = op->hardware_only};

	pthread_rwlock_rdlock(&device->ticket_lock);
	if (op->key || op->subject) {
		extra.ticket = device->ticket;
		extra.ticket_len = device->ticket_len;
	}
	enum hufu_err err = wire_op_put(frame, 0, 0, device->max_body, op, &extra);
	pthread_rwlock_unlock(&device->ticket_lock);
	return err;
}

static void conclude(struct link_call *call, struct hufu_op *op)
{
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->outcome = call->err;
	if (call->err == HUFU_OK)
		wire_op_get_reply(op, call->body, call->len, NULL);
	link_call_clear(call);
}

/* Role HOST: the other process holds the key loaded from now on, and EVICT is to reach it. */
static void note_loaded(struct hufu_key *key)
{
	static const char loaded;
	void *none = NULL;

	if (key)
		__atomic_compare_exchange_n(&key->loaded, &none, (void *)(uintptr_t)&loaded, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

/* The process that held it, or the connection to it, is gone. */
static void net_forget(struct hufu_key *key)
{
	__atomic_store_n(&key->loaded, NULL, __ATOMIC_RELEASE);
}

void net_run_requests(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	struct hufu_op *sent[NET_BATCH];
	size_t nsent = 0;

	for (size_t i = 0; i < n; i++) {
		struct link_call *call = &lease->calls[nsent];

		*call = (struct link_call){.deadline_ns = end_of(lease->device, ops[i]->deadline_ns)};
		writer_init(&call->frame, true);
		ops[i]->out_len = ops[i]->pub_len = ops[i]->state_out_len = 0;
		ops[i]->outcome = put_request(lease->device, ops[i], &call->frame);
		if (ops[i]->outcome != HUFU_OK) {
			writer_clear(&call->frame);
			continue;
		}
		call->bulk = call->frame.len >= BULK_MIN;
		sent[nsent++] = ops[i];
	}
	if (!nsent)
		return;
	set_running(lease, nsent);
	link_run(lease->device->link, lease->calls, nsent);
	set_running(lease, 0);
	for (size_t i = 0; i < nsent; i++) {
		conclude(&lease->calls[i], sent[i]);
		if (lease->device->role == WIRE_HOST && sent[i]->verb != HUFU_VERB_EVICT) {
			note_loaded(sent[i]->key);
			note_loaded(sent[i]->subject);
		}
	}
}

/* -- ops -------------------------------------------------------------------------------------------- */

static enum hufu_err set_ticket(struct hufu_device *device, const uint8_t *ticket, size_t len)
{
	uint8_t *mine = len ? secret_alloc(len) : NULL;

	if (len && !mine)
		return HUFU_ERR_NO_MEMORY;
	if (len)
		memcpy(mine, ticket, len);
	pthread_rwlock_wrlock(&device->ticket_lock);
	uint8_t *former = device->ticket;
	device->ticket = mine;
	device->ticket_len = len;
	pthread_rwlock_unlock(&device->ticket_lock);
	secret_free(former);
	return HUFU_OK;
}

static bool is_ticket(const struct hufu_op *op)
{
	return op->in2_len == strlen(TICKET_NAME) && memcmp(op->in2, TICKET_NAME, op->in2_len) == 0;
}

/* True: it is answered here. Only a driver in another process keeps anything for a key, or a login, that is not in the request. */
static bool answer_here(struct hufu_device *device, struct hufu_op *op)
{
	op->outcome = HUFU_OK;
	switch (op->verb) {
	case HUFU_VERB_EVICT:
		net_forget(op->key);
		return device->role != WIRE_HOST;
	case HUFU_VERB_LOGIN:
		if (device->role == WIRE_HOST)
			return false;
		op->outcome = device->role == WIRE_TOKEN && is_ticket(op) ? set_ticket(device, op->in, op->in_len) : HUFU_ERR_UNSUPPORTED;
		return true;
	case HUFU_VERB_LOGOUT:
		op->outcome = set_ticket(device, NULL, 0);
		return device->role != WIRE_HOST;
	case HUFU_VERB_RANDOM:
	case HUFU_VERB_GENERATE:
	case HUFU_VERB_IMPORT:
	case HUFU_VERB_EXPORT:
	case HUFU_VERB_ENCRYPT:
	case HUFU_VERB_DECRYPT:
	case HUFU_VERB_SIGN:
	case HUFU_VERB_VERIFY:
	case HUFU_VERB_WRAP:
	case HUFU_VERB_UNWRAP:
	case HUFU_VERB_DERIVE:
	case HUFU_VERB_FIND:
		return false;
	}
	op->outcome = HUFU_ERR_UNSUPPORTED;
	return true;
}

/* Neither can fail: what the other process could not be told it forgets when the connection ends. */
static void cannot_fail(struct hufu_op *op)
{
	if (op->verb == HUFU_VERB_EVICT || op->verb == HUFU_VERB_LOGOUT)
		op->outcome = HUFU_OK;
}

static void run_batch(struct hufu_lease *lease, struct hufu_op **batch, size_t *n)
{
	if (*n)
		net_run_requests(lease, batch, *n);
	for (size_t i = 0; i < *n; i++)
		cannot_fail(batch[i]);
	*n = 0;
}

static void net_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	struct hufu_op *batch[NET_BATCH];
	size_t nbatch = 0;

	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];

		if (op->size < sizeof(*op)) {
			op->outcome = HUFU_ERR_ARGUMENT;
			continue;
		}
		op->out_len = op->pub_len = op->state_out_len = 0;
		if (answer_here(lease->device, op))
			continue;
		if (net_must_split(lease->device, op)) {
			net_run_split(lease, op);
			continue;
		}
		batch[nbatch++] = op;
		if (nbatch == NET_BATCH)
			run_batch(lease, batch, &nbatch);
	}
	run_batch(lease, batch, &nbatch);
}

const struct hufu_driver driver_net = {
	.size = sizeof(driver_net),
	.abi = HUFU_DRIVER_ABI,
	.name = "net",
	.flags = HUFU_DRIVER_RETURNS_BY_DEADLINE,
	.open = net_open,
	.close = net_close,
	.info = net_info,
	.probe = net_probe,
	.lease = net_lease,
	.release = net_release,
	.run = net_run,
	.cancel = net_cancel,
	.forget = net_forget,
};
