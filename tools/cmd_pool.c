/* SPDX-License-Identifier: Apache-2.0 */
/* hufu pool status: a line a token. */
#include "tools/fleet_text.h"
#include "tools/live.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WISHES (CONF_WISH_REMOVED + 1)

const struct opt pool_status_opts[] = {
	{"watch", 'w', NULL, "again and again"},
	{0},
};

struct pool_row {
	const char *token;
	unsigned devices, up, domains, domains_up, wishes[WISHES];
	struct tally tally;
};

/* In every program that has it for this token, and nobody wishes otherwise. */
static bool serves(const struct member *m, const char *token)
{
	bool seen = false;

	for (size_t i = 0; i < m->nviews; i++) {
		const struct stats_view *v = m->views[i];
		if (strcmp(v->token, token))
			continue;
		if (v->admin != POOL_ENABLED || state_rank((enum pool_state)v->state) > state_rank(POOL_SLOW_START))
			return false;
		seen = true;
	}
	return seen && m->wish == CONF_WISH_ENABLED;
}

static const struct member *device_of(const struct fleet *fleet, const struct conf_token *token, size_t i)
{
	return fleet_find(fleet, fleet->conf->devices[token->devices[i]].name);
}

/* Once a domain: at its first device. */
static void count_domain(struct pool_row *row, const struct fleet *fleet, const struct conf_token *token, size_t first)
{
	const char *domain = member_domain(device_of(fleet, token, first));
	bool up = false;

	for (size_t i = 0; i < token->ndevices; i++) {
		const struct member *m = device_of(fleet, token, i);
		if (strcmp(member_domain(m), domain))
			continue;
		if (i < first)
			return;
		up |= serves(m, row->token);
	}
	row->domains++;
	row->domains_up += up;
}

static struct pool_row row_of(const struct fleet *fleet, const struct conf_token *token, const char *name)
{
	struct pool_row row = {.token = name, .devices = (unsigned)token->ndevices};

	for (size_t i = 0; i < token->ndevices; i++) {
		const struct member *m = device_of(fleet, token, i);
		row.up += serves(m, name);
		row.wishes[m->wish]++;
		count_domain(&row, fleet, token, i);
	}
	for (size_t i = 0; i < fleet->nviews; i++)
		if (!strcmp(fleet->views[i].token, name))
			tally_add(&row.tally, &fleet->views[i]);
	tally_close(&row.tally);
	return row;
}

/* Tokens in token_dir have no section: those that programs use now are known by what they report. */
static bool is_news(const struct fleet *fleet, size_t view)
{
	const char *token = fleet->views[view].token;

	for (size_t i = 0; i < fleet->conf->ntokens; i++)
		if (!strcmp(fleet->conf->tokens[i].name, token))
			return false;
	for (size_t i = 0; i < view; i++)
		if (!strcmp(fleet->views[i].token, token))
			return false;
	return true;
}

static size_t rows_make(const struct fleet *fleet, const char *wanted, struct pool_row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < fleet->conf->ntokens; i++)
		if (!wanted || !strcmp(fleet->conf->tokens[i].name, wanted))
			rows[n++] = row_of(fleet, &fleet->conf->tokens[i], fleet->conf->tokens[i].name);
	for (size_t i = 0; i < fleet->nviews; i++)
		if (is_news(fleet, i) && (!wanted || !strcmp(fleet->views[i].token, wanted)))
			rows[n++] = row_of(fleet, &fleet->conf->defaults, fleet->views[i].token);
	return n;
}

static void wishes_text(const struct pool_row *row, char *out, size_t out_len)
{
	size_t used = 0;

	snprintf(out, out_len, "none");
	for (unsigned i = CONF_WISH_ENABLED + 1; i < WISHES && used < out_len; i++)
		if (row->wishes[i]) {
			int n = snprintf(out + used, out_len - used, "%s%u %s", used ? ", " : "", row->wishes[i],
			                 conf_wish_name((enum conf_wish)i));
			used += n > 0 ? (size_t)n : 0;
		}
}

static enum status print_table(const struct pool_row *rows, size_t n)
{
	static const char *const titles[] = {"TOKEN", "DEVICES UP", "DOMAINS UP", "STATES", "WISHES", "IN FLIGHT", "QUEUED",
	                                     "OPS", "ERRORS", "P50", "P99", NULL};
	char up[32], domains[32], states[128], wishes[96], numbers[4][24], p50[32], p99[32];
	struct table table;

	table_init(&table, titles);
	for (size_t i = 0; i < n; i++) {
		const struct tally *t = &rows[i].tally;
		const uint64_t values[4] = {t->in_flight, t->queued, t->ops, t->errors};
		snprintf(up, sizeof up, "%u of %u", rows[i].up, rows[i].devices);
		snprintf(domains, sizeof domains, "%u of %u", rows[i].domains_up, rows[i].domains);
		wishes_text(&rows[i], wishes, sizeof wishes);
		for (size_t k = 0; k < 4; k++)
			snprintf(numbers[k], sizeof numbers[k], "%llu", (unsigned long long)values[k]);
		table_row(&table, (const char *const[]){
			rows[i].token, t->reports ? up : "-", t->reports ? domains : "-", states_text(t, states, sizeof states),
			wishes, numbers[0], numbers[1], numbers[2], numbers[3], duration_text(t->p50_ns, p50, sizeof p50),
			duration_text(t->p99_ns, p99, sizeof p99),
		});
	}
	enum status status = table_print(&table, stdout, "There is no token in the configuration, and none in use.");
	table_clear(&table);
	return status;
}

static json_t *rows_json(const struct pool_row *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *row = json_pack("{s:s,s:b,s:i,s:i,s:i,s:i}", "token", rows[i].token, "in_use", rows[i].tally.reports > 0,
		                        "devices", (int)rows[i].devices, "devices_up", (int)rows[i].up, "domains",
		                        (int)rows[i].domains, "domains_up", (int)rows[i].domains_up);
		json_t *wishes = json_object(), *sums = tally_json(&rows[i].tally);
		for (unsigned w = 0; w < WISHES; w++)
			json_object_set_new(wishes, conf_wish_name((enum conf_wish)w), json_integer(rows[i].wishes[w]));
		json_object_set_new(row, "wishes", wishes);
		json_object_update(row, sums);
		json_decref(sums);
		json_array_append_new(list, row);
	}
	return json_pack("{s:s,s:o,s:o}", "schema", "hufu-pool-status/1", "at", time_json(wall_now_ms()), "tokens", list);
}

static enum status show(const struct args *args, const struct fleet *fleet)
{
	const char *wanted = arg_target(args, 0);
	struct pool_row *rows = calloc(fleet->conf->ntokens + fleet->nviews + 1, sizeof *rows);
	size_t n = rows ? rows_make(fleet, wanted, rows) : 0;
	enum status status;

	if (!rows)
		status = fail_memory();
	else if (wanted && n == 0)
		status = fail(ST_NOT_FOUND, "Tokens in token_dir are known only while a program uses them.",
		              "there is no token \"%s\" in the configuration, and none in use", wanted);
	else if (args->lines)
		status = out_line(rows_json(rows, n));
	else
		status = args->json ? out_json(rows_json(rows, n)) : print_table(rows, n);
	free(rows);
	return status;
}

enum status cmd_pool_status(const struct args *args)
{
	struct fleet fleet = {0};
	struct live live;
	enum status status = live_parse(args, &live);
	bool watch = arg_has(args, "watch") || live.count;

	if (status == ST_OK)
		status = fleet_load(&fleet);
	if (status == ST_OK)
		status = show(args, &fleet);
	for (unsigned long i = 1; status == ST_OK && watch && (!live.count || i < live.count); i++) {
		live_sleep(&live);
		status = fleet_reload(&fleet);
		if (status == ST_OK && !args->json && !args->lines)
			fputs(isatty(STDOUT_FILENO) ? "\033[H\033[J" : "\n", stdout);
		if (status == ST_OK)
			status = show(args, &fleet);
	}
	fleet_clear(&fleet);
	return status;
}
