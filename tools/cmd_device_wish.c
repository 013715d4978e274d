/* SPDX-License-Identifier: Apache-2.0 */
/* hufu device drain, undrain, maintain, remove: the administrator's wishes, and waiting until they are heeded. */
#include "base/conf_edit.h"
#include "tools/fleet_text.h"
#include "tools/report.h"
#include "tools/wish.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_S 30
#define PLACES 16

const struct opt wish_opts[] = {
	{"why", 0, "TEXT", "the reason, for whoever asks later"},
	{"wait", 0, NULL, "wait until every running program has done so"},
	{"timeout", 0, "SECONDS", "how long to wait, default 30"},
	{0},
};

static json_t *behind_json(const struct member *m, enum conf_wish wish)
{
	json_t *list = json_array();

	for (size_t i = 0; m && i < m->nviews; i++) {
		const struct stats_view *v = m->views[i];
		if (wish_is_behind(wish, v))
			json_array_append_new(list, json_pack("{s:I,s:s,s:s,s:s,s:I}", "pid", (json_int_t)v->pid, "program",
			                                      v->program, "token", v->token, "told",
			                                      pool_admin_name((enum pool_admin)v->admin), "in_flight",
			                                      (json_int_t)v->in_flight));
	}
	return list;
}

static void tell_behind(const struct member *m, enum conf_wish wish)
{
	for (size_t i = 0; m && i < m->nviews; i++) {
		const struct stats_view *v = m->views[i];
		if (!wish_is_behind(wish, v))
			continue;
		if (v->in_flight && wish != CONF_WISH_ENABLED)
			note("%s (process %lld), token %s: %u operations still in flight", v->program, (long long)v->pid, v->token,
			     v->in_flight);
		else
			note("%s (process %lld), token %s: has it as %s; a program looks while it works", v->program,
			     (long long)v->pid, v->token, pool_admin_name((enum pool_admin)v->admin));
	}
}

/* What to delete in the configuration, so that the device is gone for good. */
static void tell_places(const struct fleet *fleet, const char *name)
{
	struct conf_place places[PLACES];
	char *text = conf_text(fleet->conf, NULL, NULL);
	size_t n = text ? conf_device_places(text, name, places, PLACES) : 0;

	if (n)
		printf("To make it last, in %s:\n", fleet->conf->path);
	for (size_t i = 0; i < n && i < PLACES; i++) {
		printf(places[i].first == places[i].last ? "  line %d: " : "  lines %d to %d: ", places[i].first, places[i].last);
		if (places[i].section)
			printf("delete the section device \"%s\"\n", name);
		else
			printf("take \"%s\" out of devices\n", name);
	}
	free(text);
}

static json_t *places_json(const struct fleet *fleet, const char *name)
{
	struct conf_place places[PLACES];
	char *text = conf_text(fleet->conf, NULL, NULL);
	size_t n = text ? conf_device_places(text, name, places, PLACES) : 0;
	json_t *list = json_array();

	for (size_t i = 0; i < n && i < PLACES; i++)
		json_array_append_new(list, json_pack("{s:i,s:i,s:s}", "first_line", places[i].first, "last_line", places[i].last,
		                                      "delete", places[i].section ? "section" : "name in devices"));
	free(text);
	return list;
}

static enum status print_json(const struct fleet *fleet, const char *name, enum conf_wish wish, bool waited)
{
	const struct member *m = fleet_find(fleet, name);
	json_t *doc = json_pack("{s:s,s:s,s:s,s:s,s:b,s:i,s:o}", "schema", "hufu-device-wish/1", "device", name, "wish",
	                        conf_wish_name(wish), "states", fleet->conf->states, "waited", waited, "programs",
	                        m ? (int)m->nviews : 0, "behind", behind_json(m, wish));

	if (wish == CONF_WISH_REMOVED)
		json_object_set_new(doc, "configuration", places_json(fleet, name));
	return out_json(doc);
}

static void print_text(const struct fleet *fleet, const char *name, enum conf_wish wish, bool done)
{
	static const char *const wished[] = {
		[CONF_WISH_ENABLED] = "is to serve again", [CONF_WISH_DRAINING] = "is to get no new work",
		[CONF_WISH_MAINTENANCE] = "is to be drained, closed and left alone", [CONF_WISH_REMOVED] = "is to be given up",
	};
	static const char *const did[] = {
		[CONF_WISH_ENABLED] = "has it back", [CONF_WISH_DRAINING] = "has drained it",
		[CONF_WISH_MAINTENANCE] = "has drained and closed it", [CONF_WISH_REMOVED] = "has given it up",
	};

	const struct member *m = fleet_find(fleet, name);

	printf("Device \"%s\" %s.", name, wished[wish]);
	if (done && m && m->nviews)
		printf(" Every running program of yours %s.", did[wish]);
	else if (done)
		printf(" No running program of yours has it open.");
	putchar('\n');
	if (wish == CONF_WISH_REMOVED)
		tell_places(fleet, name);
}

/* As the wishes were before this one, which takes name away. */
static bool others_serve(const struct fleet *fleet, const struct conf_token *token, const char *name)
{
	for (size_t i = 0; i < token->ndevices; i++) {
		const char *other = fleet->conf->devices[token->devices[i]].name;
		if (strcmp(other, name) && conf_states_wish(&fleet->states, other) == CONF_WISH_ENABLED)
			return true;
	}
	return false;
}

/* Whose programs fail from now on: nobody may have meant that. */
static void warn_of_last(const struct fleet *fleet, const struct member *m)
{
	for (size_t i = 0; i < fleet->conf->ntokens; i++) {
		const struct conf_token *token = &fleet->conf->tokens[i];
		if (token_uses(fleet, token, m->conf) && !others_serve(fleet, token, m->name))
			note("token \"%s\" has no device left to serve it; hufu device undrain %s brings this one back", token->name,
			     m->name);
	}
}

static enum status run(const struct args *args, struct fleet *fleet, enum conf_wish wish)
{
	const char *name = arg_target(args, 0);
	const struct member *m;
	unsigned long seconds;
	size_t behind = 0;
	bool wait = arg_has(args, "wait");
	enum status status = arg_number(args, "timeout", 0, 86400, WAIT_S, &seconds);

	if (status == ST_OK)
		status = fleet_load(fleet);
	if (status == ST_OK)
		status = fleet_need(fleet, name, &m);
	if (status == ST_OK && !m->conf)
		return fail(ST_NOT_FOUND, "Programs give it up by themselves.", "device \"%s\" is not in the configuration", name);
	if (status == ST_OK)
		status = wish_set(fleet, name, wish, arg_get(args, "why"));
	if (status == ST_OK && wish != CONF_WISH_ENABLED)
		warn_of_last(fleet, m);
	if (status == ST_OK && wait)
		status = wish_wait(fleet, name, wish, seconds, &behind);
	if (status)
		return status;
	if (args->json)
		status = print_json(fleet, name, wish, wait);
	else
		print_text(fleet, name, wish, wait && behind == 0);
	if (status || behind == 0)
		return status;
	tell_behind(fleet_find(fleet, name), wish);
	note("the time is over; the wish stands, and programs heed it as soon as they can");
	return ST_PARTIAL;
}

static enum status with_fleet(const struct args *args, enum conf_wish wish)
{
	struct fleet fleet = {0};
	enum status status = run(args, &fleet, wish);

	fleet_clear(&fleet);
	return status;
}

enum status cmd_device_drain(const struct args *args)
{
	return with_fleet(args, CONF_WISH_DRAINING);
}

enum status cmd_device_undrain(const struct args *args)
{
	return with_fleet(args, CONF_WISH_ENABLED);
}

enum status cmd_device_maintain(const struct args *args)
{
	return with_fleet(args, CONF_WISH_MAINTENANCE);
}

enum status cmd_device_remove(const struct args *args)
{
	return with_fleet(args, CONF_WISH_REMOVED);
}
