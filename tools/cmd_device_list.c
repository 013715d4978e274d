/* SPDX-License-Identifier: Apache-2.0 */
/* hufu device list: what is, from the configuration, the wishes and the programs that run. */
#include "tools/fleet_text.h"
#include "tools/report.h"
#include "tools/table.h"

#include <string.h>

static void add_row(struct table *table, const struct fleet *fleet, const struct member *m)
{
	char priority[16], states[128], in_flight[24], ops[24], errors[24], p50[32], p99[32], tokens[512];
	const struct tally *t = &m->tally;
	const char *driver = member_driver(m), *slash = strrchr(driver, '/');

	snprintf(in_flight, sizeof in_flight, "%llu", (unsigned long long)t->in_flight);
	snprintf(ops, sizeof ops, "%llu", (unsigned long long)t->ops);
	snprintf(errors, sizeof errors, "%llu", (unsigned long long)t->errors);
	table_row(table, (const char *const[]){
		m->name, slash ? slash + 1 : driver, member_domain(m), member_tokens(fleet, m, tokens, sizeof tokens),
		member_priority(m, priority, sizeof priority), member_isolation(m),
		m->conf ? conf_wish_name(m->wish) : "not configured", states_text(t, states, sizeof states), in_flight, ops, errors,
		duration_text(t->p50_ns, p50, sizeof p50),
		duration_text(t->p99_ns, p99, sizeof p99),
	});
}

static enum status print_table(const struct fleet *fleet)
{
	static const char *const titles[] = {"DEVICE", "DRIVER", "DOMAIN", "TOKENS", "PRIORITY", "ISOLATION", "WISH", "STATE",
	                                     "IN FLIGHT", "OPS", "ERRORS", "P50", "P99", NULL};
	struct table table;

	table_init(&table, titles);
	for (size_t i = 0; i < fleet->nmembers; i++)
		add_row(&table, fleet, &fleet->members[i]);
	enum status status = table_print(&table, stdout, "The configuration has no device.");
	table_clear(&table);
	return status;
}

enum status cmd_device_list(const struct args *args)
{
	struct fleet fleet;
	enum status status = fleet_load(&fleet);

	if (status == ST_OK && !args->json)
		status = print_table(&fleet);
	else if (status == ST_OK) {
		json_t *devices = json_array();
		for (size_t i = 0; i < fleet.nmembers; i++)
			json_array_append_new(devices, member_json(&fleet, &fleet.members[i]));
		status = out_json(json_pack("{s:s,s:s?,s:o}", "schema", "hufu-device-list/1", "path", fleet.conf->path, "devices",
		                            devices));
	}
	fleet_clear(&fleet);
	return status;
}
