/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fleet.h"
#include "tools/report.h"

#include <stdlib.h>
#include <string.h>

static void problem(void *arg, const char *message)
{
	const struct fleet *fleet = arg;

	if (!fleet->quiet)
		note("%s", message);
}

/* -- reports ------------------------------------------------------------------ */

_Static_assert(FLEET_STATES == STATS_STATES && POOL_REMOVED + 1 == STATS_ADMINS, "the reader lets no others through");

static void keep(const struct stats_view *view, void *arg)
{
	struct fleet *fleet = arg;

	/* Given up, closed and idle: the program has it no more, but for its numbers. */
	if (view->admin == POOL_REMOVED && view->state == POOL_JOINING && view->in_flight == 0)
		return;
	if (fleet->nviews == fleet->views_cap) {
		size_t cap = fleet->views_cap ? 2 * fleet->views_cap : 16;
		struct stats_view *views = reallocarray(fleet->views, cap, sizeof *views);
		if (!views) {
			fleet->no_memory = true;
			return;
		}
		fleet->views = views;
		fleet->views_cap = cap;
	}
	fleet->views[fleet->nviews++] = *view;
}

unsigned state_rank(enum pool_state state)
{
	static const unsigned rank[FLEET_STATES] = {
		[POOL_UP] = 0, [POOL_SLOW_START] = 1, [POOL_JOINING] = 2, [POOL_SUSPECT] = 3,
		[POOL_PROBING] = 4, [POOL_EJECTED] = 5, [POOL_QUARANTINED] = 6,
	};

	return rank[state];
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void tally_add(struct tally *t, const struct stats_view *view)
{
	enum pool_state state = (enum pool_state)view->state;

	if (t->reports++ == 0 || state_rank(state) > state_rank(t->worst))
		t->worst = state;
	t->states[state]++;
	t->in_flight += view->in_flight;
	t->queued += view->queued;
	t->ops += view->ops;
	t->errors += view->errors;
	t->bytes += view->bytes;
	for (size_t i = 0; i < STATS_COUNTS; i++)
		t->counts[i] += view->counts[i];
	for (size_t verb = 0; verb < STATS_VERBS; verb++)
		for (size_t i = 0; i < STATS_BUCKETS; i++)
			t->histogram[i] = sum(t->histogram[i], view->histogram[verb][i]);
}

void tally_close(struct tally *t)
{
	t->p50_ns = stats_percentile_ns(t->histogram, 500);
	t->p99_ns = stats_percentile_ns(t->histogram, 990);
}

/* -- members ------------------------------------------------------------------ */

static const struct conf_state *state_of(const struct conf_states *states, const char *device)
{
	for (size_t i = 0; i < states->n; i++)
		if (!strcmp(states->states[i].device, device))
			return &states->states[i];
	return NULL;
}

static struct member *find(struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->nmembers; i++)
		if (!strcmp(fleet->members[i].name, name))
			return &fleet->members[i];
	return NULL;
}

static struct member *member_add(struct fleet *fleet, const char *name, const struct conf_device *conf)
{
	struct member *m = &fleet->members[fleet->nmembers++];

	*m = (struct member){.name = name, .conf = conf, .state = state_of(&fleet->states, name),
	                     .wish = conf_states_wish(&fleet->states, name)};
	return m;
}

static bool give_view(struct member *m, struct stats_view *view)
{
	struct stats_view **views = reallocarray(m->views, m->nviews + 1, sizeof(struct stats_view *));

	if (!views)
		return false;
	m->views = views;
	views[m->nviews++] = view;
	tally_add(&m->tally, view);
	return true;
}

static void members_clear(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->nmembers; i++)
		free(fleet->members[i].views);
	free(fleet->members);
	fleet->members = NULL;
	fleet->nmembers = 0;
}

static enum status members_make(struct fleet *fleet)
{
	members_clear(fleet);
	fleet->members = calloc(fleet->conf->ndevices + fleet->nviews + 1, sizeof *fleet->members);
	if (!fleet->members)
		return fail_memory();
	for (size_t i = 0; i < fleet->conf->ndevices; i++)
		member_add(fleet, fleet->conf->devices[i].name, &fleet->conf->devices[i]);
	for (size_t i = 0; i < fleet->nviews; i++) {
		struct member *m = find(fleet, fleet->views[i].device);
		if (!m)
			m = member_add(fleet, fleet->views[i].device, NULL);
		if (!give_view(m, &fleet->views[i]))
			return fail_memory();
	}
	for (size_t i = 0; i < fleet->nmembers; i++)
		tally_close(&fleet->members[i].tally);
	return ST_OK;
}

/* -- all ---------------------------------------------------------------------- */

enum status fleet_refresh(struct fleet *fleet)
{
	conf_states_clear(&fleet->states);
	enum hufu_err err = conf_states_load(fleet->conf, problem, fleet, &fleet->states);
	if (err)
		return fail(ST_UNAVAILABLE, "Correct it, or delete it: then all devices are wished to serve.",
		            "the wishes for devices in %s cannot be read", fleet->conf->states ? fleet->conf->states : "");
	fleet->nviews = 0;
	err = stats_read_all(fleet->conf, keep, fleet);
	if (err)
		return fail_err(err, "reading what running programs report");
	fleet->quiet = true;
	return fleet->no_memory ? fail_memory() : members_make(fleet);
}

enum status fleet_load(struct fleet *fleet)
{
	*fleet = (struct fleet){0};
	enum hufu_err err = conf_load(problem, fleet, &fleet->conf);
	return err ? fail_err(err, "reading the configuration") : fleet_refresh(fleet);
}

/* One that is being written, or is wrong just now, changes nothing: running programs keep the last good one, too. */
enum status fleet_reload(struct fleet *fleet)
{
	struct conf *conf;

	if (conf_load(problem, fleet, &conf) == HUFU_OK) {
		members_clear(fleet);
		conf_free(fleet->conf);
		fleet->conf = conf;
	}
	return fleet_refresh(fleet);
}

void fleet_clear(struct fleet *fleet)
{
	members_clear(fleet);
	free(fleet->views);
	conf_states_clear(&fleet->states);
	conf_free(fleet->conf);
	*fleet = (struct fleet){0};
}

const struct member *fleet_find(const struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->nmembers; i++)
		if (!strcmp(fleet->members[i].name, name))
			return &fleet->members[i];
	return NULL;
}

enum status fleet_need(const struct fleet *fleet, const char *name, const struct member **member)
{
	*member = fleet_find(fleet, name);
	return *member ? ST_OK
	               : fail(ST_NOT_FOUND, "hufu device list names them.", "there is no device \"%s\" in %s", name,
	                      fleet->conf->path ? fleet->conf->path : "hufu's default configuration");
}

bool token_uses(const struct fleet *fleet, const struct conf_token *token, const struct conf_device *device)
{
	for (size_t i = 0; i < token->ndevices; i++)
		if (&fleet->conf->devices[token->devices[i]] == device)
			return true;
	return false;
}

char *member_tokens(const struct fleet *fleet, const struct member *m, char *out, size_t out_len)
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; m->conf && i <= fleet->conf->ntokens; i++) {
		bool defaults = i == fleet->conf->ntokens;
		const struct conf_token *token = defaults ? &fleet->conf->defaults : &fleet->conf->tokens[i];
		if ((defaults && !fleet->conf->token_dir) || !token_uses(fleet, token, m->conf) || used >= out_len)
			continue;
		int n = snprintf(out + used, out_len - used, "%s%s", used ? "," : "", defaults ? "*" : token->name);
		used += n > 0 ? (size_t)n : 0;
	}
	return out;
}
