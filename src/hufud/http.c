/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "hufud/http.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"

#define SILENT_NS (5 * NS_PER_S)   /* a loop that has not come round for so long hangs */
#define TIMEOUT_S 5
#define HEADERS_MAX 8192

struct http {
	struct evhttp *server;
	struct machine *machine;
	struct server *machine_server;
	uint64_t started_ns;
	_Atomic int64_t self_test_s;
};

/* -- answers -------------------------------------------------------------------------------- */

static void answer(struct evhttp_request *req, int code, const char *type, const char *text)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", type);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control", "no-store");
	evbuffer_add(body, text, strlen(text));
	evhttp_send_reply(req, code, NULL, NULL);
}

static bool is_alive(struct http *http, struct server_state *state)
{
	server_state(http->machine_server, state);
	return state->slowest_beat_ns < SILENT_NS;
}

static void on_livez(struct evhttp_request *req, void *arg)
{
	struct server_state state;
	if (is_alive(arg, &state))
		answer(req, HTTP_OK, "text/plain", "ok\n");
	else
		answer(req, HTTP_SERVUNAVAIL, "text/plain", "a loop of the server hangs\n");
}

static bool is_ready(struct http *http, char *why, size_t why_len)
{
	struct server_state state;
	bool alive = is_alive(http, &state);
	if (alive && !state.draining)
		return machine_ready(http->machine, why, why_len);
	snprintf(why, why_len, alive ? "draining" : "a loop of the server hangs");
	return false;
}

static void on_readyz(struct evhttp_request *req, void *arg)
{
	char why[256], text[260];
	bool ready = is_ready(arg, why, sizeof(why));
	snprintf(text, sizeof(text), "%s\n", why);
	answer(req, ready ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain", text);
}

/* -- health ------------------------------------------------------------------------------------- */

static json_t *device_json(const struct pool_device_status *device)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f}", "name", device->name, "driver", device->driver, "domain",
	                 device->domain, "state", pool_state_name(device->state), "admin", pool_admin_name(device->admin), "in_flight",
	                 (json_int_t)device->in_flight, "ops", (json_int_t)device->ops, "errors", (json_int_t)device->errors,
	                 "latency_us", (double)device->latency_ns / 1e3);
}

static json_t *tenant_json(struct tenant *tenant)
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	struct wire_load load = {0};
	size_t n = pool_status(tenant_pool(tenant), status, POOL_DEVICES_MAX);
	json_t *devices = json_array();
	for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++)
		json_array_append_new(devices, device_json(&status[i]));
	tenant_load(tenant, &load);
	return json_pack("{s:s, s:i, s:i, s:i, s:o}", "name", tenant_name(tenant), "in_flight", (int)load.in_flight, "queue",
	                 (int)load.queue, "capacity", (int)load.capacity, "devices", devices);
}

static bool wants_verbose(struct evhttp_request *req)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	return query && (strcmp(query, "verbose") == 0 || strncmp(query, "verbose=", 8) == 0 || strncmp(query, "verbose&", 8) == 0);
}

/* A machine that lacks devices answers 200 and says that it is degraded: to restart it would not bring them back. */
static void on_healthz(struct evhttp_request *req, void *arg)
{
	struct http *http = arg;
	struct server_state state;
	char why[256];
	bool alive = is_alive(http, &state), ready = is_ready(http, why, sizeof(why));
	json_t *root = json_pack("{s:s, s:b, s:s, s:s, s:s, s:I, s:b, s:i, s:i, s:i}", "status", alive ? "ok" : "failed", "degraded",
	                         !ready, "why", why, "name", machine_conf(http->machine)->machine.name, "version", PACKAGE_VERSION,
	                         "uptime_s", (json_int_t)((clock_now_ns() - http->started_ns) / NS_PER_S), "draining", state.draining,
	                         "connections", (int)state.connections, "in_flight", (int)state.in_flight, "workers",
	                         (int)state.workers);
	if (root && wants_verbose(req)) {
		json_t *tokens = json_array();
		for (size_t i = 0; i < machine_ntenants(http->machine); i++)
			json_array_append_new(tokens, tenant_json(machine_tenant(http->machine, i)));
		json_object_set_new(root, "tokens", tokens);
	}
	char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	answer(req, alive && text ? HTTP_OK : HTTP_SERVUNAVAIL, "application/json", text ? text : "{}");
	free(text);
	json_decref(root);
}

/* -- metrics -------------------------------------------------------------------------------------- */

static void head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void plain(struct evbuffer *out, const char *name, const char *type, const char *help, double value)
{
	head(out, name, type, help);
	evbuffer_add_printf(out, "%s %.17g\n", name, value);
}

static void put_ops_of(struct http *http, struct evbuffer *out, size_t tenant, size_t op)
{
	const char *token = tenant_name(machine_tenant(http->machine, tenant));
	for (size_t result = 0; server_result_name(result); result++) {
		uint64_t n = machine_answered(http->machine, tenant, op, result);
		if (n)
			evbuffer_add_printf(out, "hufu_ops_total{token=\"%s\",op=\"%s\",result=\"%s\"} %llu\n", token,
			                    server_op_name(op), server_result_name(result), (unsigned long long)n);
	}
}

static void put_ops(struct http *http, struct evbuffer *out)
{
	head(out, "hufu_ops_total", "counter", "Requests of clients that were answered, by what came of them.");
	for (size_t t = 0; t < machine_ntenants(http->machine); t++)
		for (size_t op = 0; op < SERVER_OPS; op++)
			put_ops_of(http, out, t, op);
}

static void put_duration(struct evbuffer *out, const struct server_counts *counts, size_t op)
{
	const char *name = server_op_name(op);
	uint64_t sum = 0;
	for (size_t i = 0; i < SERVER_BUCKETS; i++) {
		sum += counts->duration[op][i];
		if (i < SERVER_BUCKETS - 1)
			evbuffer_add_printf(out, "hufu_op_duration_seconds_bucket{op=\"%s\",le=\"%g\"} %llu\n", name, server_bucket_s[i],
			                    (unsigned long long)sum);
	}
	evbuffer_add_printf(out, "hufu_op_duration_seconds_bucket{op=\"%s\",le=\"+Inf\"} %llu\n", name, (unsigned long long)sum);
	evbuffer_add_printf(out, "hufu_op_duration_seconds_sum{op=\"%s\"} %.9g\n", name, (double)counts->duration_ns[op] / 1e9);
	evbuffer_add_printf(out, "hufu_op_duration_seconds_count{op=\"%s\"} %llu\n", name, (unsigned long long)sum);
}

static void put_durations(struct evbuffer *out, const struct server_counts *counts)
{
	head(out, "hufu_op_duration_seconds", "histogram", "From a request's arrival to its answer.");
	for (size_t op = 0; op < SERVER_OPS; op++)
		for (size_t i = 0; i < SERVER_BUCKETS; i++)
			if (counts->duration[op][i]) {
				put_duration(out, counts, op);
				break;
			}
}

static void put_audit(struct http *http, struct evbuffer *out)
{
	struct audit_state trail;
	if (!machine_audit(http->machine))
		return;
	audit_state(machine_audit(http->machine), &trail);
	plain(out, "hufu_audit_writable", "gauge", "Whether records are being written.", trail.writable);
	plain(out, "hufu_audit_records_total", "counter", "Records that were made.", (double)trail.records);
	plain(out, "hufu_audit_queued", "gauge", "Records that are not written everywhere yet.", (double)trail.queued);
	plain(out, "hufu_audit_failures_total", "counter", "Failed attempts to write records.", (double)trail.failures);
	plain(out, "hufu_audit_refused_total", "counter", "Requests and records for which there was no room.", (double)trail.refused);
	plain(out, "hufu_audit_last_checkpoint_timestamp_seconds", "gauge", "When the trail was last signed.", (double)trail.last_checkpoint);
}

static void put_refused(void *arg, const struct access_use *use)
{
	evbuffer_add_printf(arg, "hufu_access_refused_total{identity=\"%s\"} %llu\n", use->name, (unsigned long long)use->refused);
}

static void put_limited(void *arg, const struct access_use *use)
{
	evbuffer_add_printf(arg, "hufu_access_limited_total{identity=\"%s\"} %llu\n", use->name, (unsigned long long)use->limited);
}

static void put_identities(struct http *http, struct evbuffer *out)
{
	head(out, "hufu_access_refused_total", "counter", "Requests that an identity's rules deny.");
	machine_each_identity(http->machine, put_refused, out);
	head(out, "hufu_access_limited_total", "counter", "Requests beyond an identity's rate, or beyond what it may have under way.");
	machine_each_identity(http->machine, put_limited, out);
}

static void put_server(struct http *http, struct evbuffer *out)
{
	struct server_counts counts;
	struct server_state state;
	server_counts(http->machine_server, &counts);
	server_state(http->machine_server, &state);
	head(out, "hufu_build_info", "gauge", "The version.");
	evbuffer_add_printf(out, "hufu_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	plain(out, "hufu_connections", "gauge", "Connections now.", state.connections);
	plain(out, "hufu_inflight", "gauge", "Requests under way.", state.in_flight);
	plain(out, "hufu_draining", "gauge", "Whether the machine is being stopped.", state.draining);
	plain(out, "hufu_connections_total", "counter", "Connections that were accepted.", (double)counts.accepted);
	plain(out, "hufu_handshakes_refused_total", "counter", "Connections without a handshake.", (double)counts.refused_handshakes);
	plain(out, "hufu_hellos_refused_total", "counter", "Clients that may not be here.", (double)counts.refused_hellos);
	plain(out, "hufu_protocol_errors_total", "counter", "Connections ended for what the client sent.", (double)counts.protocol_errors);
	plain(out, "hufu_timeouts_total", "counter", "Connections ended for what did not come in time.", (double)counts.timeouts);
	plain(out, "hufu_revoked_total", "counter", "Connections ended by a change of the configuration.", (double)counts.revoked);
	plain(out, "hufu_received_bytes_total", "counter", "Bytes of frames.", (double)counts.bytes_in);
	plain(out, "hufu_sent_bytes_total", "counter", "Bytes of frames.", (double)counts.bytes_out);
	plain(out, "hufu_progress_total", "counter", "PROGRESS frames.", (double)counts.progress);
	plain(out, "hufu_selftest_last_success_timestamp_seconds", "gauge", "The machine's last operation of its own.",
	      (double)atomic_load(&http->self_test_s));
	if (server_tls_not_after(http->machine_server)) {
		plain(out, "hufu_cert_not_after_timestamp_seconds", "gauge", "When the machine's certificate ends.",
		      (double)server_tls_not_after(http->machine_server));
		head(out, "hufu_tls_profile_info", "gauge", "The profile of channels.");
		evbuffer_add_printf(out, "hufu_tls_profile_info{profile=\"%s\"} 1\n", machine_conf(http->machine)->machine.profile);
	}
	put_ops(http, out);
	put_durations(out, &counts);
}

/* One family of metrics over all devices of all tokens. */
static void put_members(struct http *http, struct evbuffer *out, const char *name, const char *type, const char *help,
                        uint64_t (*value)(const struct pool_device_status *))
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	head(out, name, type, help);
	for (size_t t = 0; t < machine_ntenants(http->machine); t++) {
		struct tenant *tenant = machine_tenant(http->machine, t);
		size_t n = pool_status(tenant_pool(tenant), status, POOL_DEVICES_MAX);
		for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++)
			evbuffer_add_printf(out, "%s{token=\"%s\",member=\"%s\",domain=\"%s\"} %llu\n", name, tenant_name(tenant),
			                    status[i].name, status[i].domain, (unsigned long long)value(&status[i]));
	}
}

static uint64_t in_flight_of(const struct pool_device_status *status)
{
	return status->in_flight;
}

static uint64_t ops_of(const struct pool_device_status *status)
{
	return status->ops;
}

static uint64_t errors_of(const struct pool_device_status *status)
{
	return status->errors;
}

static void put_states(struct http *http, struct evbuffer *out)
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	head(out, "hufu_member_state", "gauge", "1 for the state that a device is in.");
	for (size_t t = 0; t < machine_ntenants(http->machine); t++) {
		struct tenant *tenant = machine_tenant(http->machine, t);
		size_t n = pool_status(tenant_pool(tenant), status, POOL_DEVICES_MAX);
		for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++)
			for (enum pool_state s = POOL_JOINING; s <= POOL_QUARANTINED; s++)
				evbuffer_add_printf(out, "hufu_member_state{token=\"%s\",member=\"%s\",state=\"%s\"} %d\n",
				                    tenant_name(tenant), status[i].name, pool_state_name(s), status[i].state == s);
	}
}

static void put_domains_of(struct evbuffer *out, struct tenant *tenant)
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	size_t n = pool_status(tenant_pool(tenant), status, POOL_DEVICES_MAX);
	n = n < POOL_DEVICES_MAX ? n : POOL_DEVICES_MAX;
	for (size_t i = 0; i < n; i++) {
		unsigned healthy = 0;
		bool told = false;
		for (size_t other = 0; other < n; other++) {
			bool same = strcmp(status[other].domain, status[i].domain) == 0;
			told |= same && other < i;
			healthy += same && machine_device_works(&status[other]);
		}
		if (!told)
			evbuffer_add_printf(out, "hufu_domain_healthy_members{token=\"%s\",domain=\"%s\"} %u\n", tenant_name(tenant),
			                    status[i].domain, healthy);
	}
}

static void put_domains(struct http *http, struct evbuffer *out)
{
	head(out, "hufu_domain_healthy_members", "gauge", "Devices of a domain that can be used.");
	for (size_t t = 0; t < machine_ntenants(http->machine); t++)
		put_domains_of(out, machine_tenant(http->machine, t));
}

static void put_load(struct http *http, struct evbuffer *out)
{
	head(out, "hufu_token_queue", "gauge", "Requests of a token that wait for one of its lanes.");
	for (size_t t = 0; t < machine_ntenants(http->machine); t++) {
		struct tenant *tenant = machine_tenant(http->machine, t);
		struct wire_load load = {0};
		tenant_load(tenant, &load);
		evbuffer_add_printf(out, "hufu_token_queue{token=\"%s\"} %u\n", tenant_name(tenant), load.queue);
	}
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
	struct http *http = arg;
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	put_server(http, out);
	put_states(http, out);
	put_members(http, out, "hufu_member_inflight", "gauge", "Operations that a device works on.", in_flight_of);
	put_members(http, out, "hufu_member_ops_total", "counter", "Operations of a device.", ops_of);
	put_members(http, out, "hufu_member_errors_total", "counter", "Operations that a device failed.", errors_of);
	put_domains(http, out);
	put_load(http, out);
	put_identities(http, out);
	put_audit(http, out);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
	evhttp_send_reply(req, HTTP_OK, NULL, NULL);
}

/* -- the port ------------------------------------------------------------------------------------------ */

/* "127.0.0.1:9465" or "[::1]:9465": the configuration has seen to that. */
static bool bind_to(struct evhttp *server, const char *address)
{
	char host[64];
	const char *colon = strrchr(address, ':');
	size_t from = address[0] == '[', len = colon ? (size_t)(colon - address) - 2 * from : 0;
	if (!colon || len >= sizeof(host))
		return false;
	memcpy(host, address + from, len);
	host[len] = '\0';
	return evhttp_bind_socket_with_handle(server, host, (uint16_t)atoi(colon + 1)) != NULL;
}

enum hufu_err http_new(struct event_base *base, const char *address, struct machine *machine, struct server *server,
                       struct http **out)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http || !(http->server = evhttp_new(base))) {
		free(http);
		return HUFU_ERR_NO_MEMORY;
	}
	http->machine = machine;
	http->machine_server = server;
	http->started_ns = clock_now_ns();
	evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(http->server, HEADERS_MAX);
	evhttp_set_max_body_size(http->server, 0);
	evhttp_set_timeout(http->server, TIMEOUT_S);
	evhttp_set_cb(http->server, "/livez", on_livez, http);
	evhttp_set_cb(http->server, "/readyz", on_readyz, http);
	evhttp_set_cb(http->server, "/healthz", on_healthz, http);
	evhttp_set_cb(http->server, "/metrics", on_metrics, http);
	if (!bind_to(http->server, address)) {
		log_error("the HTTP port %s cannot be listened on. Name one that is free (machine, http)", address);
		http_free(http);
		return HUFU_ERR_CONFIG;
	}
	*out = http;
	return HUFU_OK;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	evhttp_free(http->server);
	free(http);
}

void http_note_self_test(struct http *http, int64_t wall_s)
{
	atomic_store(&http->self_test_s, wall_s);
}
