/* SPDX-License-Identifier: Apache-2.0 */
/* hufu device show, hufu device explain: all about one. */
#include "tools/fleet_text.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdlib.h>
#include <string.h>

static enum status json_one(const struct fleet *fleet, const struct member *m)
{
	json_t *device = member_json(fleet, m), *processes = json_array(), *options = json_object();

	for (size_t i = 0; i < m->nviews; i++)
		json_array_append_new(processes, view_json(m->views[i]));
	for (char **option = m->conf ? m->conf->options : NULL; option && *option; option += 2)
		json_object_set_new(options, option[0], json_text(option[1], strlen(option[1])));
	json_object_set_new(device, "options", options);
	json_object_set_new(device, "processes", processes);
	if (m->conf)
		json_object_set_new(device, "line", json_integer(m->conf->line));
	return out_json(json_pack("{s:s,s:s?,s:o}", "schema", "hufu-device/1", "path", fleet->conf->path, "device", device));
}

static void show_settings(const struct conf_device *conf)
{
	field("Weight", "%u", conf->weight);
	if (conf->sessions)
		field("Sessions", "at most %u a program", conf->sessions);
	else
		field("Sessions", "%u %% of the device's a program", conf->share);
	field("Queue", "at most %u", conf->queue);
	field("Connections", "at most %u new ones a second", conf->connects_per_s);
	field("Hung calls", "at most %u", conf->hung_max);
	for (char **option = conf->options; *option; option += 2)
		field(option == conf->options ? "Options" : "", "%s = %s", option[0], option[1]);
}

static enum status print_views(const struct member *m)
{
	static const char *const titles[] = {"PROCESS", "PROGRAM", "TOKEN", "STATE", "TOLD", "IN FLIGHT", "QUEUED", "SESSIONS",
	                                     "OPS", "ERRORS", "LATENCY", NULL};
	char n[6][24], latency[32];
	struct table table;

	table_init(&table, titles);
	for (size_t i = 0; i < m->nviews; i++) {
		const struct stats_view *v = m->views[i];
		const uint64_t numbers[6] = {(uint64_t)v->pid, v->in_flight, v->queued, v->leases, v->ops, v->errors};
		for (size_t k = 0; k < 6; k++)
			snprintf(n[k], sizeof n[k], "%llu", (unsigned long long)numbers[k]);
		table_row(&table, (const char *const[]){n[0], v->program, v->token, pool_state_name((enum pool_state)v->state),
		                                        pool_admin_name((enum pool_admin)v->admin), n[1], n[2], n[3], n[4], n[5],
		                                        duration_text(v->latency_ns, latency, sizeof latency)});
	}
	putchar('\n');
	enum status status = table_print(&table, stdout, "No running program has it open.");
	table_clear(&table);
	return status;
}

static enum status print_one(const struct fleet *fleet, const struct member *m)
{
	char text[512], p99[32];

	field("Device", "%s", m->name);
	field("Driver", "%s", member_driver(m));
	field("Domain", "%s", member_domain(m));
	field("Tokens", "%s", member_tokens(fleet, m, text, sizeof text));
	field("Priority", "%s", member_priority(m, text, sizeof text));
	field("Isolation", "%s", member_isolation(m));
	if (m->conf)
		show_settings(m->conf);
	else
		field("Section", "none: the configuration does not have it any more");
	field("Wish", "%s", wish_text(m, text, sizeof text));
	field("State", "%s", states_text(&m->tally, text, sizeof text));
	field("Operations", "%llu, %llu of them failed, %llu in flight, %llu queued", (unsigned long long)m->tally.ops,
	      (unsigned long long)m->tally.errors, (unsigned long long)m->tally.in_flight, (unsigned long long)m->tally.queued);
	field("Latency", "p50 %s, p99 %s", duration_text(m->tally.p50_ns, text, sizeof text),
	      duration_text(m->tally.p99_ns, p99, sizeof p99));
	for (unsigned i = 0; i < STATS_COUNTS; i++)
		if (m->tally.counts[i])
			field(stats_count_name((enum stats_count)i), "%llu", (unsigned long long)m->tally.counts[i]);
	return print_views(m);
}

enum status cmd_device_show(const struct args *args)
{
	const struct member *m = NULL;
	struct fleet fleet;
	enum status status = fleet_load(&fleet);

	if (status == ST_OK)
		status = fleet_need(&fleet, arg_target(args, 0), &m);
	if (status == ST_OK)
		status = args->json ? json_one(&fleet, m) : print_one(&fleet, m);
	fleet_clear(&fleet);
	return status;
}

static enum status json_explained(const struct fleet *fleet, const struct member *m)
{
	char *text = NULL;
	size_t len;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return fail_memory();
	explain_member(fleet, m, memory);
	fclose(memory);
	json_t *processes = json_array();
	for (size_t i = 0; i < m->nviews; i++)
		json_array_append_new(processes, view_json(m->views[i]));
	enum status status = out_json(json_pack("{s:s,s:o,s:o,s:o}", "schema", "hufu-device-explain/1", "device",
	                                        member_json(fleet, m), "processes", processes, "text", json_text(text, len)));
	free(text);
	return status;
}

enum status cmd_device_explain(const struct args *args)
{
	const struct member *m = NULL;
	struct fleet fleet;
	enum status status = fleet_load(&fleet);

	if (status == ST_OK)
		status = fleet_need(&fleet, arg_target(args, 0), &m);
	if (status == ST_OK && args->json)
		status = json_explained(&fleet, m);
	else if (status == ST_OK)
		explain_member(&fleet, m, stdout);
	fleet_clear(&fleet);
	return status;
}
