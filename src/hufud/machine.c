/* SPDX-License-Identifier: Apache-2.0 */
#include "hufud/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf_states.h"
#include "base/log.h"
#include "base/secret.h"
#include "hufud/record.h"
#include "hufud/token.h"

struct tally {
	_Atomic uint64_t answered[SERVER_OPS][SERVER_RESULTS];
};

struct machine {
	struct conf *start;            /* its tokens are the machine's to the end */
	struct conf *conf;             /* as it is in force: start, or the last that was read; the owner's thread's */
	struct access *access;
	struct audit *audit;           /* NULL: none is kept */
	struct tenant **tenants;       /* in the order of conf->tokens */
	struct tally *tallies;         /* a tenant each */
	size_t ntenants;
	struct session *sessions;      /* the machine's own, with a tenant each */
	struct channel_peer self;      /* who is behind them */
};

static const struct service *service_of(enum wire_role role)
{
	switch (role) {
	case WIRE_DEVICES:
		return &service_devices;
	case WIRE_TOKEN:
		return &service_token;
	case WIRE_HOST:
		break;
	}
	return NULL;
}

/* -- rules ------------------------------------------------------------------------------- */

static struct tenant *find_tenant(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->ntenants; i++)
		if (strcmp(tenant_name(machine->tenants[i]), name) == 0)
			return machine->tenants[i];
	return NULL;
}

static bool has_role(const struct identity *identity, enum wire_role role)
{
	uint32_t roles = access_roles(identity);
	return role == WIRE_DEVICES ? roles & ACCESS_DEVICES : role == WIRE_TOKEN && roles & (ACCESS_USER | ACCESS_SO);
}

/* The service, once the identity is known and counted; NULL after why. */
static const struct service *choose(struct machine *machine, struct session *session, const struct wire_hello *hello,
                                    struct wire_hello_ok *ok, char *why, size_t why_len)
{
	const struct service *service = service_of(hello->role);
	const char *token = access_token(session->identity, machine->start, hello->token, why, why_len);

	if (!token)
		return NULL;
	if (!service) {
		ok->status = wire_status_of(HUFU_ERR_UNSUPPORTED);
		snprintf(why, why_len, "this machine does not serve the role");
		return NULL;
	}
	if (!has_role(session->identity, hello->role)) {
		snprintf(why, why_len, "identity %s does not have the role %s", access_name(session->identity), service->name);
		return NULL;
	}
	session->tenant = find_tenant(machine, token);
	snprintf(ok->token, sizeof(ok->token), "%s", token);
	enum hufu_err err = session->tenant ? service->hello(session, hello, ok) : log_bug();
	if (err == HUFU_OK)
		return service;
	ok->status = wire_status_of(err);
	snprintf(why, why_len, err == HUFU_ERR_UNSUPPORTED ? "token %s has no store on this machine" : "token %s cannot be served now",
	         token);
	return NULL;
}

static const struct service *admit(void *arg, struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok,
                                   char *why, size_t why_len)
{
	struct machine *machine = arg;
	const struct identity *identity = access_identify(machine->access, session->peer, why, why_len);

	if (!identity) {
		record_refusal(machine->audit, session, why);
		return NULL;
	}
	if (!access_connect(identity)) {
		ok->status = wire_status_of(HUFU_ERR_BUSY);
		snprintf(why, why_len, "identity %s has as many connections as it may", access_name(identity));
		access_rele(machine->access, identity);
		return NULL;
	}
	session->identity = identity;
	const struct service *service = choose(machine, session, hello, ok, why, why_len);
	if (service)
		log_info("connection %llu: %s, token %s, role %s, %s, client %s", (unsigned long long)session->id, access_name(identity),
		         ok->token, service->name, session->peer->profile, hello->client);
	else {
		record_refusal(machine->audit, session, why);
		access_disconnect(identity);
		access_rele(machine->access, identity);
		session->identity = NULL;
		ok->status.text = why;
	}
	return service;
}

static void leave(void *arg, struct session *session)
{
	struct machine *machine = arg;
	log_debug("connection %llu: ended", (unsigned long long)session->id);
	access_disconnect(session->identity);
	access_rele(machine->access, session->identity);
}

static void load(void *arg, const struct session *session, struct wire_load *out)
{
	(void)arg;
	if (session->tenant)
		tenant_load(session->tenant, out);
}

/* The client's, or the token's; and no client keeps a lane for longer than the longest work there is. */
static void set_deadline(struct request *request, const struct conf_token *token)
{
	uint64_t longest = request->arrived_ns + token->pool.generate_deadline_ms * NS_PER_MS;
	if (!request->deadline_ns)
		request->deadline_ns = request->arrived_ns + token->deadline_ms * NS_PER_MS;
	if (request->deadline_ns > longest)
		request->deadline_ns = longest;
}

static void count_answer(struct machine *machine, const struct request *request)
{
	size_t op = server_op_index(request->op), result = hufu_err_group(request->outcome.err);
	for (size_t i = 0; i < machine->ntenants; i++)
		if (machine->tenants[i] == request->session->tenant && result < SERVER_RESULTS)
			atomic_fetch_add_explicit(&machine->tallies[i].answered[op][result], 1, memory_order_relaxed);
}

static bool begin(void *arg, struct request *request)
{
	struct machine *machine = arg;
	const struct session *session = request->session;
	uint32_t retry_ms;
	set_deadline(request, tenant_conf(session->tenant));
	enum hufu_err err = access_begin(session->identity, request->arrived_ns, &retry_ms);
	if (err == HUFU_OK && record_may(machine->audit, request))
		return true;
	if (err == HUFU_OK)
		access_end(session->identity);
	else {
		request->outcome = wire_status_of(err);
		request->outcome.retry_ms = retry_ms;
	}
	count_answer(arg, request);
	return false;
}

static void end(void *arg, struct request *request)
{
	count_answer(arg, request);
	access_end(request->session->identity);
}

static void answer(void *arg, struct request *request, bool may_wait)
{
	struct machine *machine = arg;
	record_request(machine->audit, request, may_wait);
}

static bool stands(void *arg, const struct session *session)
{
	struct machine *machine = arg;
	return access_stands(machine->access, session->peer, session->identity, tenant_name(session->tenant));
}

struct server_rules machine_rules(struct machine *machine)
{
	return (struct server_rules){.admit = admit, .leave = leave, .begin = begin, .end = end, .answer = answer, .stands = stands, .load = load,
	                             .arg = machine};
}

/* -- beginning and end ----------------------------------------------------------------------- */

static enum hufu_err add_tenants(struct machine *machine, const uint8_t master[MASTER_LEN])
{
	const struct conf *conf = machine->conf;
	enum hufu_err err = HUFU_OK;
	machine->tenants = calloc(conf->ntokens + 1, sizeof(struct tenant *));
	machine->tallies = calloc(conf->ntokens + 1, sizeof(struct tally));
	machine->sessions = calloc(conf->ntokens + 1, sizeof(struct session));
	if (!machine->tenants || !machine->tallies || !machine->sessions)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < conf->ntokens && err == HUFU_OK; i++) {
		err = tenant_new(conf, &conf->tokens[i], master, &machine->tenants[i]);
		machine->ntenants += err == HUFU_OK;
		machine->sessions[i] = (struct session){.peer = &machine->self, .tenant = machine->tenants[i], .role = WIRE_DEVICES,
		                                        .max_body = WIRE_BODY_DEFAULT};
	}
	return err;
}

static void reconfigure_tenants(struct machine *machine);

static enum hufu_err load_tenants(struct machine *machine)
{
	const char *where = machine->conf->machine.master;
	if (!machine->conf->ntokens)
		return HUFU_OK;
	uint8_t *master = secret_alloc(MASTER_LEN);
	enum hufu_err err = master ? master_load(where, master) : HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = add_tenants(machine, master);
	secret_free(master);
	return err;
}

enum hufu_err machine_new(struct conf *conf, struct machine **out)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	if (!machine) {
		conf_free(conf);
		return HUFU_ERR_NO_MEMORY;
	}
	machine->conf = machine->start = conf;
	machine->self = (struct channel_peer){.local = true, .profile = "self"};
	enum hufu_err err = access_new(conf, &machine->access);
	if (err == HUFU_OK)
		err = audit_open(&conf->audit, &machine->audit);
	if (err == HUFU_OK)
		err = load_tenants(machine);
	if (err != HUFU_OK) {
		machine_free(machine);
		return err;
	}
	reconfigure_tenants(machine);
	*out = machine;
	return HUFU_OK;
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	for (size_t i = 0; i < machine->ntenants; i++)
		tenant_free(machine->tenants[i]);
	free(machine->tenants);
	free(machine->tallies);
	free(machine->sessions);
	access_free(machine->access);
	audit_close(machine->audit);
	if (machine->conf != machine->start)
		conf_free(machine->conf);
	conf_free(machine->start);
	free(machine);
}

enum hufu_err machine_check(const struct conf *conf)
{
	struct access *access = NULL;
	uint8_t *master = secret_alloc(MASTER_LEN);
	enum hufu_err err = master ? access_new(conf, &access) : HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK && conf->ntokens)
		err = master_load(conf->machine.master, master);
	access_free(access);
	secret_free(master);
	return err;
}

struct audit *machine_audit(struct machine *machine)
{
	return machine->audit;
}

const struct conf *machine_conf(const struct machine *machine)
{
	return machine->conf;
}

/* -- reload ------------------------------------------------------------------------------------ */

static const struct conf_token *find_token(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ntokens; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return &conf->tokens[i];
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(char *const *a, char *const *b)
{
	for (; a && b && *a && *b && strcmp(*a, *b) == 0; a++, b++)
		;
	return a && b ? !*a && !*b : a == b;
}

static bool same_trail(const struct conf_audit *a, const struct conf_audit *b)
{
	return a->given == b->given && same(a->file, b->file) && same(a->key, b->key) && a->syslog == b->syslog &&
	       a->operations == b->operations && a->when_full == b->when_full && a->buffer == b->buffer && a->buffer_ms == b->buffer_ms &&
	       a->checkpoint_s == b->checkpoint_s && a->checkpoint_records == b->checkpoint_records && a->rotate_mb == b->rotate_mb;
}

static void tell_what_waits(const struct conf *old, const struct conf *new)
{
	const struct conf_machine *a = &old->machine, *b = &new->machine;
	const struct {
		const char *key;
		bool same;
	} keys[] = {{"name", same(a->name, b->name)}, {"listen", same_list(a->listen, b->listen)}, {"http", same(a->http, b->http)},
	            {"workers", a->workers == b->workers}, {"lanes", a->lanes == b->lanes}, {"master", same(a->master, b->master)},
	            {"host_dir", same(a->host_dir, b->host_dir)}, {"state_dir", same(a->state_dir, b->state_dir)}};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!keys[i].same)
			log_warning("%s of the machine changed: that waits for a restart", keys[i].key);
	if (!same_trail(&old->audit, &new->audit))
		log_warning("the section audit changed: that waits for a restart");
	for (size_t i = 0; i < new->ntokens; i++)
		if (!find_token(old, new->tokens[i].name))
			log_warning("token %s is new: it waits for a restart", new->tokens[i].name);
}

static void report(void *arg, const char *message)
{
	(void)arg;
	log_error("%s", message);
}

/* Without a file that can be read all devices are as the configuration has them. */
static void reconfigure_tenants(struct machine *machine)
{
	const struct conf *conf = machine->conf;
	struct conf_states states = {0};
	bool wishes = conf_states_load(conf, report, NULL, &states) == HUFU_OK;
	for (size_t i = 0; i < machine->ntenants; i++) {
		const char *name = tenant_name(machine->tenants[i]);
		const struct conf_token *token = find_token(conf, name);
		if (!token)
			log_warning("token %s is gone from the configuration: it is served until a restart", name);
		else if (tenant_reconfigure(machine->tenants[i], conf, token, wishes ? &states : NULL) != HUFU_OK)
			log_error("token %s keeps its former settings: the new ones could not be taken over", name);
	}
	conf_states_clear(&states);
}

enum hufu_err machine_reload(struct machine *machine, struct conf *conf)
{
	enum hufu_err err = record_event(machine->audit, "reload", HUFU_OK, NULL);
	if (err == HUFU_OK)
		err = access_reload(machine->access, conf);
	if (err != HUFU_OK)
		return err;
	tell_what_waits(machine->start, conf);
	if (machine->conf != machine->start)
		conf_free(machine->conf);
	machine->conf = conf;
	reconfigure_tenants(machine);
	return HUFU_OK;
}

void machine_reload_wishes(struct machine *machine)
{
	record_note(machine->audit, "reload", HUFU_OK, "wishes for devices");
	reconfigure_tenants(machine);
}

void machine_tend(struct machine *machine)
{
	for (size_t i = 0; i < machine->ntenants; i++)
		token_side_tend(tenant_token(machine->tenants[i]));
}

/* -- how it is -------------------------------------------------------------------------------------- */

void machine_warm_up(struct machine *machine)
{
	struct pool_domain domains[POOL_DEVICES_MAX];
	for (size_t i = 0; i < machine->ntenants; i++)
		(void)pool_domains(tenant_pool(machine->tenants[i]), domains, POOL_DEVICES_MAX);
}

void machine_each_identity(struct machine *machine, void (*fn)(void *arg, const struct access_use *), void *arg)
{
	access_each(machine->access, fn, arg);
}

size_t machine_ntenants(const struct machine *machine)
{
	return machine->ntenants;
}

struct tenant *machine_tenant(const struct machine *machine, size_t i)
{
	return machine->tenants[i];
}

uint64_t machine_answered(const struct machine *machine, size_t tenant, size_t op, size_t result)
{
	return atomic_load_explicit(&machine->tallies[tenant].answered[op][result], memory_order_relaxed);
}

struct session *machine_session(struct machine *machine, size_t tenant, const struct service **service)
{
	*service = service_of(WIRE_DEVICES);
	return &machine->sessions[tenant];
}

bool machine_device_works(const struct pool_device_status *device)
{
	return device->admin == POOL_ENABLED && (device->state == POOL_UP || device->state == POOL_SUSPECT ||
	                                         device->state == POOL_SLOW_START);
}

static bool domain_is_ready(const struct pool_device_status *devices, size_t n, const char *domain)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(devices[i].domain, domain) == 0 && machine_device_works(&devices[i]))
			return true;
	return false;
}

bool machine_ready(struct machine *machine, char *why, size_t why_len)
{
	struct pool_device_status devices[POOL_DEVICES_MAX];
	struct audit_state trail;
	audit_state(machine->audit, &trail);
	if (!trail.writable) {
		snprintf(why, why_len, "the audit trail cannot be written");
		return false;
	}
	for (size_t i = 0; i < machine->ntenants; i++) {
		struct tenant *tenant = machine->tenants[i];
		size_t n = pool_status(tenant_pool(tenant), devices, POOL_DEVICES_MAX);
		for (size_t d = 0; d < n && d < POOL_DEVICES_MAX; d++) {
			if (domain_is_ready(devices, n, devices[d].domain))
				continue;
			snprintf(why, why_len, "token %s: no device of domain %s can be used", tenant_name(tenant), devices[d].domain);
			return false;
		}
	}
	snprintf(why, why_len, "ready");
	return true;
}
