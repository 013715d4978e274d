/* SPDX-License-Identifier: Apache-2.0 */
/* hufu store status, hufu store accept-head: how new a store is, and the officer's word that it may be older. */
#include "store/store.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/storefile.h"

#include <stdio.h>
#include <time.h>

static void hex(const uint8_t *p, size_t len, char *text)
{
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
}

static void date_of(uint64_t seconds, char text[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!seconds || !gmtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(text, 32, "-");
}

static const char *health(const struct store_status *s)
{
	if (s->rolled_back)
		return "rolled back";
	if (s->cached)
		return "unreachable";
	return s->read_only ? "read-only" : "ok";
}

struct servers {
	json_t *list;               /* NULL: for people */
};

static void server(void *arg, const char *line)
{
	struct servers *servers = arg;

	if (servers->list)
		json_array_append_new(servers->list, json_string(line));
	else
		printf("server      %s\n", line);
}

static enum status show(const struct args *args, const struct storefile *file, const struct store_status *s)
{
	char id[33], chain[65], date[32];
	struct servers servers = {.list = args->json ? json_array() : NULL};

	hex(s->id, sizeof s->id, id);
	hex(s->chain, sizeof s->chain, chain);
	date_of(s->changed_s, date);
	if (args->json)
		store_servers(&file->conf, server, &servers);
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:b,s:b,s:b,s:I,s:o}", "schema", "hufu-store-status/1",
		                          "store", storefile_name(file), "engine", s->engine, "place", s->place, "state", health(s),
		                          "id", id, "revision", (json_int_t)s->revision, "chain", chain, "changed", date, "remembered",
		                          (json_int_t)s->remembered, "rolled_back", s->rolled_back, "read_only", s->read_only,
		                          "cached", s->cached, "cache_age_s", (json_int_t)s->cache_age_s, "servers", servers.list));
	printf("store       %s\nengine      %s%s%s\nstate       %s\nid          %s\nrevision    %llu\nhead        %s\n", storefile_name(file),
	       s->engine, s->place[0] ? ", " : "", s->place, health(s), id, (unsigned long long)s->revision, chain);
	printf("changed     %s\nremembered  %llu\n", date, (unsigned long long)s->remembered);
	if (s->cached)
		printf("cache       %llu s old\n", (unsigned long long)s->cache_age_s);
	store_servers(&file->conf, server, &servers);
	return ST_OK;
}

/* An older state is damage until somebody says otherwise. */
static enum status verdict(const struct store_status *s)
{
	if (s->rolled_back)
		return fail(ST_INTEGRITY, "Find out who put it there. If it was restored on purpose: hufu store accept-head.",
		            "an older state of the store stands in its place: revision %llu, and %llu was seen here",
		            (unsigned long long)s->revision, (unsigned long long)s->remembered);
	return ST_OK;
}

enum status cmd_store_status(const struct args *args)
{
	struct storefile file = {0};
	struct store_status s;
	enum status status = storefile_open(args, arg_target(args, 0), true, &file);

	/* Why it cannot be opened shows best in how its servers are doing. */
	if (status == ST_UNAVAILABLE && file.conf.conninfo && !args->json)
		store_servers(&file.conf, server, &(struct servers){NULL});

	if (status == ST_OK) {
		enum hufu_err err = store_status(file.store, &s);
		status = err ? fail_err(err, "asking %s", storefile_name(&file)) : show(args, &file, &s);
		if (status == ST_OK)
			status = verdict(&s);
	}
	storefile_clear(&file);
	return status;
}

static enum status accept_head(const struct args *args, struct storefile *file)
{
	struct pin_wish wish = {.what = "so-pin", .prompt = "security officer's PIN"};
	struct store_status s;
	struct pin pin;
	enum hufu_err err = store_status(file->store, &s);

	if (err)
		return fail_err(err, "asking %s", storefile_name(file));
	if (!s.rolled_back) {
		note("nothing to accept: the store is as new as it was known to be");
		return ST_OK;
	}
	note("revision %llu stands where %llu was seen: what was made, changed and destroyed since is undone",
	     (unsigned long long)s.revision, (unsigned long long)s.remembered);
	enum status status = pin_read(args, &wish, &pin);
	if (status)
		return status;
	err = store_accept_head(file->store, pin.bytes, pin.len);
	pin_clear(&pin);
	return err ? fail_err(err, "accepting the state of %s", storefile_name(file)) : ST_OK;
}

enum status cmd_store_accept_head(const struct args *args)
{
	struct storefile file = {0};
	enum status status = storefile_open(args, arg_target(args, 0), true, &file);

	if (status == ST_OK)
		status = accept_head(args, &file);
	storefile_clear(&file);
	return status;
}
