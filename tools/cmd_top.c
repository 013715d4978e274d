/* SPDX-License-Identifier: Apache-2.0 */
/* hufu top: a screen where there is a terminal, else a table or lines of JSON an interval. */
#include "tools/fleet_text.h"
#include "tools/report.h"
#include "tools/table.h"
#include "tools/top.h"

#include <unistd.h>

static enum status print_lines(const struct top *top)
{
	enum status status = ST_OK;

	for (size_t i = 0; status == ST_OK && i < top->nrows; i++) {
		const struct top_row *r = &top->rows[i];
		json_t *line = json_pack("{s:s,s:o,s:f}", "schema", "hufu-top/1", "at", time_json(wall_now_ms()), "seconds",
		                         top->seconds);
		json_t *device = member_json(&top->fleet, r->member);
		json_t *rates = json_pack("{s:f,s:f,s:I,s:I}", "ops_per_s", r->ops_per_s, "errors_per_s", r->errors_per_s, "p50_ns",
		                          (json_int_t)r->p50_ns, "p99_ns", (json_int_t)r->p99_ns);
		json_object_update(line, device);
		json_object_update(line, rates);
		json_decref(device);
		json_decref(rates);
		status = out_line(line);
	}
	return status;
}

static enum status print_table(const struct top *top)
{
	static const char *const titles[] = {"DEVICE", "STATE", "WISH", "OPS/S", "ERRORS/S", "P50", "P99", "IN FLIGHT", "QUEUED",
	                                     NULL};
	char at[32], states[128], ops[32], errors[32], p50[32], p99[32], in_flight[24], queued[24];
	struct table table;

	printf("%s\n", clock_text(wall_now_ms(), at, sizeof at));
	table_init(&table, titles);
	for (size_t i = 0; i < top->nrows; i++) {
		const struct top_row *r = &top->rows[i];
		snprintf(ops, sizeof ops, "%.0f", r->ops_per_s);
		snprintf(errors, sizeof errors, "%.1f", r->errors_per_s);
		snprintf(in_flight, sizeof in_flight, "%llu", (unsigned long long)r->member->tally.in_flight);
		snprintf(queued, sizeof queued, "%llu", (unsigned long long)r->member->tally.queued);
		table_row(&table, (const char *const[]){r->name, states_text(&r->member->tally, states, sizeof states),
		                                        conf_wish_name(r->member->wish), ops, errors,
		                                        duration_text(r->p50_ns, p50, sizeof p50),
		                                        duration_text(r->p99_ns, p99, sizeof p99), in_flight, queued});
	}
	enum status status = table_print(&table, stdout, "The configuration has no device.");
	table_clear(&table);
	putchar('\n');
	return status;
}

static enum status print_on(const struct args *args, struct top *top, struct live *live)
{
	enum status status = ST_OK;

	for (unsigned long i = 0; status == ST_OK && (!live->count || i < live->count); i++) {
		live_sleep(live);
		status = top_sample(top);
		if (status == ST_OK)
			status = args->json ? print_lines(top) : print_table(top);
	}
	return status;
}

enum status cmd_top(const struct args *args)
{
	struct top top = {0};
	struct live live;
	bool shown = false;
	enum status status = live_parse(args, &live);

	if (status == ST_OK)
		status = top_sample(&top);
	if (status == ST_OK && !args->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		status = top_screen(&top, &live, &shown);
		if (!shown)
			note("no screen here: this terminal cannot have one (TERM), or hufu was built without ncurses");
	}
	if (status == ST_OK && !shown)
		status = print_on(args, &top, &live);
	top_clear(&top);
	return status;
}
