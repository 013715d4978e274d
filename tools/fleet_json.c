/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fleet_text.h"
#include "tools/report.h"

#include <string.h>
#include <time.h>

json_t *time_json(uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char stamp[40];
	struct tm tm;

	if (!wall_ms || wall_ms / 1000 >= (uint64_t)1 << 40 || !gmtime_r(&seconds, &tm))
		return json_null();
	size_t n = strftime(stamp, sizeof stamp, "%FT%T", &tm);
	snprintf(stamp + n, sizeof stamp - n, ".%03uZ", (unsigned)(wall_ms % 1000));
	return json_string(stamp);
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *counters(const uint64_t counts[STATS_COUNTS])
{
	json_t *object = json_object();

	for (unsigned i = 0; i < STATS_COUNTS; i++)
		json_object_set_new(object, stats_count_name((enum stats_count)i), number(counts[i]));
	return object;
}

json_t *tally_json(const struct tally *t)
{
	json_t *states = json_object();

	for (unsigned i = 0; i < FLEET_STATES; i++)
		if (t->states[i])
			json_object_set_new(states, pool_state_name((enum pool_state)i), json_integer(t->states[i]));
	return json_pack("{s:s?,s:o,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "state", t->reports ? pool_state_name(t->worst) : NULL,
	                 "states", states, "reports", (int)t->reports, "in_flight", number(t->in_flight), "queued",
	                 number(t->queued), "ops", number(t->ops), "errors", number(t->errors), "bytes", number(t->bytes), "p50_ns",
	                 number(t->p50_ns), "p99_ns", number(t->p99_ns), "counters", counters(t->counts));
}

static json_t *text(const char *s)
{
	return s ? json_text(s, strlen(s)) : json_null();
}

static json_t *tokens_json(const struct fleet *fleet, const struct member *m)
{
	json_t *tokens = json_array();

	for (size_t i = 0; m->conf && i < fleet->conf->ntokens; i++)
		if (token_uses(fleet, &fleet->conf->tokens[i], m->conf))
			json_array_append_new(tokens, text(fleet->conf->tokens[i].name));
	if (m->conf && fleet->conf->token_dir && token_uses(fleet, &fleet->conf->defaults, m->conf))
		json_array_append_new(tokens, json_string("*"));
	return tokens;
}

json_t *member_json(const struct fleet *fleet, const struct member *m)
{
	const struct conf_state *s = m->state;
	char priority[16];
	json_t *object = json_pack(
		"{s:o,s:b,s:o,s:o,s:o,s:s,s:s,s:s,s:o,s:o,s:o}", "device", text(m->name), "configured", m->conf != NULL, "driver",
		text(member_driver(m)), "domain", text(member_domain(m)), "tokens", tokens_json(fleet, m), "priority",
		member_priority(m, priority, sizeof priority), "isolation", member_isolation(m), "wish",
		conf_wish_name(m->wish), "wish_by", text(s ? s->by : NULL), "wish_at", text(s ? s->at : NULL), "wish_why",
		text(s ? s->why : NULL));
	json_t *sums = tally_json(&m->tally);

	if (m->conf)
		json_object_set_new(object, "weight", json_integer(m->conf->weight));
	json_object_update(object, sums);
	json_decref(sums);
	return object;
}

static json_t *events_json(const struct stats_view *v)
{
	json_t *events = json_array();

	for (uint32_t i = 0; i < v->nevents; i++) {
		const struct stats_event *e = &v->events[i];
		json_array_append_new(
			events, json_pack("{s:o,s:s?,s:s?,s:s?,s:o}", "at", time_json(e->wall_ms), "from",
		                          e->from < FLEET_STATES ? pool_state_name((enum pool_state)e->from) : NULL, "to",
		                          e->to < FLEET_STATES ? pool_state_name((enum pool_state)e->to) : NULL, "error",
		                          e->err ? err_name((enum hufu_err)e->err) : NULL, "text", text(e->text)));
	}
	return events;
}

json_t *view_json(const struct stats_view *v)
{
	struct tally one = {0};

	tally_add(&one, v);
	tally_close(&one);
	return json_pack("{s:I,s:o,s:o,s:o,s:s,s:s,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "pid",
	                 (json_int_t)v->pid, "program", text(v->program), "started", time_json(v->started_wall_ms), "token",
	                 text(v->token), "state", pool_state_name((enum pool_state)v->state), "admin",
	                 pool_admin_name((enum pool_admin)v->admin), "since", time_json(v->since_wall_ms), "until",
	                 time_json(v->until_wall_ms), "isolation", isolation_name((enum conf_isolation)v->isolation), "priority",
	                 number(v->priority), "weight", number(v->weight), "leases", number(v->leases), "leases_max",
	                 number(v->leases_max), "in_flight", number(v->in_flight), "queued", number(v->queued),
	                 "software", (int)v->software, "ops",
	                 number(v->ops), "errors", number(v->errors), "bytes", number(v->bytes), "latency_ns",
	                 number(v->latency_ns), "p50_ns", number(one.p50_ns), "p99_ns", number(one.p99_ns), "counters",
	                 counters(v->counts), "events", events_json(v));
}
