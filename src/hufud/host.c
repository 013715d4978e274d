/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role HOST: one driver, as it is, for processes of this host. What a request
 * brings goes to the driver and what the driver says goes back: copies, resident keys, logins, codes.
 */
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "hufud/host_internal.h"

static struct host the;            /* services have no argument; a process hosts one device */

/* A request that is served; in secret memory. */
struct hosted {
	struct request *req;
	struct wire_op *wire;
	struct client *client;
	struct host_key *key, *subject;
	struct watch watch;
};

void host_load(struct wire_load *load)
{
	uint32_t queued, running, threads;

	tenant_lanes_load(the.lanes, &queued, &running, &threads);
	*load = (struct wire_load){.in_flight = queued + running, .queue = queued, .capacity = threads};
}

static void answer(struct request *req, struct wire_status status)
{
	struct wire_load load;

	req->outcome = status;
	host_load(&load);
	writer_init(&req->reply, true);
	if (wire_put_status(&req->reply, req->id, req->op, &status, &load) != HUFU_OK)
		writer_clear(&req->reply);
	request_answer(req);
}

static struct client *client_of(const struct request *req)
{
	return client_find(&the, req->session->peer->uid, req->session->process);
}

/* -- ops ------------------------------------------------------------------------------ */

static enum hufu_err get_keys(struct hosted *hosted)
{
	struct wire_op *wire = hosted->wire;
	enum hufu_err err = HUFU_OK;

	if (wire->has_key && (err = client_key(hosted->client, &wire->key, &hosted->key)) == HUFU_OK)
		wire->op.key = &hosted->key->key;
	if (err == HUFU_OK && wire->has_subject && (err = client_key(hosted->client, &wire->subject, &hosted->subject)) == HUFU_OK)
		wire->op.subject = &hosted->subject->key;
	return err;
}

static void run_leased(struct hosted *hosted, struct attachment *attachment)
{
	struct hufu_op *op = &hosted->wire->op;
	struct hufu_lease *lease;
	enum hufu_err err = attachment_lease(attachment, op->deadline_ns, &lease);

	if (err != HUFU_OK) {
		op->outcome = err;
		return;
	}
	watch_lease(&the.watcher, &hosted->watch, lease);
	the.driver->run(lease, &op, 1);
	watch_lease(&the.watcher, &hosted->watch, NULL);
	attachment_return(attachment, lease, op->outcome);
}

static void run_driver(struct hosted *hosted)
{
	struct hufu_op *op = &hosted->wire->op;
	struct attachment *attachment;
	enum hufu_err err = client_attachment(hosted->client, &attachment);

	op->deadline_ns = hosted->req->deadline_ns;
	op->outcome = err;
	if (err != HUFU_OK)
		return;
	op->outcome = get_keys(hosted);
	if (op->outcome == HUFU_OK)
		run_leased(hosted, attachment);
	attachment_rele(attachment);
}

/* As hufu/driver.h has it. A driver that says more than there was room for is not believed: nothing goes out that lies beyond. */
static void settle(struct hufu_op *op)
{
	if (op->outcome == HUFU_OK && op->out_len <= op->out_cap && op->pub_len <= (op->pub ? HUFU_PUB_MAX : 0) &&
	    op->state_out_len <= (op->state_out ? HUFU_STATE_MAX : 0))
		return;
	if (op->outcome == HUFU_OK)
		op->outcome = HUFU_ERR_CORRUPT;
	op->pub_len = op->state_out_len = 0;
	if (op->outcome != HUFU_ERR_BUFFER)
		op->out_len = 0;
}

static void reply(struct hosted *hosted)
{
	struct request *req = hosted->req;
	struct wire_load load;

	settle(&hosted->wire->op);
	req->outcome = wire_status_of(hosted->wire->op.outcome);
	host_load(&load);
	writer_init(&req->reply, true);
	const uint64_t served_us = (clock_now_ns() - req->arrived_ns) / 1000;
	enum hufu_err err = wire_op_put_reply(&req->reply, req->id, &hosted->wire->op, &req->outcome, &load, served_us);
	if (err == HUFU_OK)
		return;
	writer_clear(&req->reply);
	req->outcome = wire_status_of(err); /* what the driver found is no key, or memory is out */
}

static void run_op(struct hosted *hosted)
{
	if (hosted->wire->op.verb == HUFU_VERB_EVICT) {
		client_evict(hosted->client, &hosted->wire->key);
		hosted->wire->op.outcome = HUFU_OK;
	} else {
		run_driver(hosted);
	}
	reply(hosted);
}

static void serve_op(struct request *req)
{
	struct hosted *hosted = secret_alloc(sizeof(*hosted));
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (hosted)
		err = wire_op_take(req->op, req->body, req->len, req->session->max_body, &hosted->wire);
	if (err != HUFU_OK) {
		secret_free(hosted);
		answer(req, wire_status_of(err));
		return;
	}
	hosted->req = req;
	hosted->client = client_of(req);
	hosted->watch = (struct watch){.what = "an operation", .deadline_ns = req->deadline_ns, .req = req};
	watch_begin(&the.watcher, &hosted->watch);
	run_op(hosted);
	host_key_rele(hosted->key);
	host_key_rele(hosted->subject);
	watch_end(&the.watcher, &hosted->watch);
	wire_op_free(hosted->wire);
	secret_free(hosted);
	request_answer(req);
}

/* -- the device ------------------------------------------------------------------------ */

static enum hufu_err ask_info(struct request *req, struct hufu_device_info *info)
{
	struct attachment *attachment;
	struct wire_load load;
	enum hufu_err err = client_open(client_of(req), req->deadline_ns, &attachment);

	if (err != HUFU_OK)
		return err;
	err = the.driver->info(attachment_device(attachment), info);
	if (err == HUFU_OK) {
		req->outcome = wire_status_of(HUFU_OK);
		host_load(&load);
		writer_init(&req->reply, true);
		err = wire_info_put_reply(&req->reply, req->id, info, the.driver->flags & HUFU_DRIVER_SOFTWARE, &load);
	}
	attachment_rele(attachment);
	return err;
}

static void serve_info(struct request *req)
{
	struct watch watch = {.what = "open", .deadline_ns = req->deadline_ns};
	struct hufu_device_info info = {.size = sizeof(info)};

	watch_begin(&the.watcher, &watch);
	enum hufu_err err = ask_info(req, &info);
	watch_end(&the.watcher, &watch);
	if (err == HUFU_OK) {
		request_answer(req);
		return;
	}
	writer_clear(&req->reply);
	answer(req, wire_status_of(err));
}

static void serve_probe(struct request *req)
{
	struct watch watch = {.what = "probe", .deadline_ns = req->deadline_ns};
	struct attachment *attachment;

	watch_begin(&the.watcher, &watch);
	enum hufu_err err = client_attachment(client_of(req), &attachment);
	if (err == HUFU_OK) {
		err = the.driver->probe(attachment_device(attachment), req->deadline_ns);
		attachment_rele(attachment);
	}
	watch_end(&the.watcher, &watch);
	answer(req, wire_status_of(err));
}

/* Nothing has reached the device. */
static void serve(struct request *req)
{
	if (atomic_load(&req->cancelled) || clock_now_ns() >= req->deadline_ns)
		answer(req, wire_status_of(HUFU_ERR_BUSY));
	else if (req->op == WIRE_OP_INFO)
		serve_info(req);
	else if (req->op == WIRE_OP_PROBE)
		serve_probe(req);
	else
		serve_op(req);
}

/* -- the service ------------------------------------------------------------------------- */

static void run(struct request *req)
{
	bool is_verb = req->op > WIRE_OP_VERB && req->op <= WIRE_OP_VERB + HUFU_VERB_LOGOUT;

	if (!is_verb && req->op != WIRE_OP_INFO && req->op != WIRE_OP_PROBE)
		answer(req, wire_status_of(HUFU_ERR_UNSUPPORTED));
	else if (!tenant_lanes_add(the.lanes, req, serve))
		answer(req, wire_status_of(HUFU_ERR_BUSY));
}

/* It has no domain of its own: what belongs together says the driver. */
static enum hufu_err hello(struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok)
{
	(void)ok;
	return client_join(&the, session->peer->uid, hello->process) ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static void bye(struct session *session)
{
	client_leave(&the, session->peer->uid, session->process);
}

const struct service service_host = {.name = "host", .run = run, .hello = hello, .bye = bye};

/* -- beginning and end --------------------------------------------------------------------- */

enum hufu_err host_start(const struct conf_device *conf, const struct hufu_driver *driver, uint64_t grace_ns,
                         void (*hung)(const char *device, const char *what))
{
	the = (struct host){.conf = conf, .driver = driver};
	the.watcher = (struct watcher){.driver = driver, .device = conf->name, .grace_ns = grace_ns, .hung = hung};
	pthread_mutex_init(&the.lock, NULL);
	pthread_cond_init(&the.gone, NULL);
	enum hufu_err err = tenant_lanes_new(conf->name, HOST_LANES, HOST_QUEUE, &the.lanes);
	if (err != HUFU_OK)
		return err;
	err = watcher_start(&the.watcher);
	if (err != HUFU_OK)
		tenant_lanes_free(the.lanes);
	return err;
}

void host_stop(void)
{
	tenant_lanes_free(the.lanes);
	pthread_mutex_lock(&the.lock);
	while (the.ending)
		pthread_cond_wait(&the.gone, &the.lock);
	pthread_mutex_unlock(&the.lock);
	watcher_stop(&the.watcher);
	pthread_cond_destroy(&the.gone);
	pthread_mutex_destroy(&the.lock);
}
