/* SPDX-License-Identifier: Apache-2.0 */
/* hufu domain list, hufu domain enroll: sets of devices that can use the same copies of keys. */
#include "driver/driver.h"
#include "tools/domains.h"
#include "tools/fleet_text.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/table.h"

#include <string.h>

static const struct conf_device *device_of(const struct domains *d, size_t i)
{
	return &d->file.config->devices[d->file.token->devices[i]];
}

static const struct store_domain *enrolled(const struct domains *d, const char *name)
{
	for (size_t i = 0; i < d->nenrolled; i++)
		if (!strcmp(d->enrolled[i].name, name))
			return &d->enrolled[i];
	return NULL;
}

static bool has_copies(const struct domains *d, const char *name)
{
	for (size_t i = 0; i < d->ncopies && i < STORE_DOMAINS_MAX; i++)
		if (!strcmp(d->copies[i], name))
			return true;
	return false;
}

/* Where the keys of its devices are: "software", "hardware", "mixed", or "?" where a driver cannot be had. */
static const char *kind_of(const struct domains *d, const char *name)
{
	bool software = false, hardware = false;
	char why[512];

	for (size_t i = 0; i < d->file.token->ndevices; i++) {
		if (strcmp(device_of(d, i)->domain, name))
			continue;
		const struct hufu_driver *driver = driver_find(device_of(d, i)->driver, why, sizeof why);
		if (!driver)
			return "?";
		software |= (driver->flags & HUFU_DRIVER_SOFTWARE) != 0;
		hardware |= !(driver->flags & HUFU_DRIVER_SOFTWARE);
	}
	return software && hardware ? "mixed" : software ? "software" : hardware ? "hardware" : "-";
}

/* -- list ------------------------------------------------------------------------ */

static void show_domain(const struct domains *d, const char *name, struct table *table, json_t *list)
{
	const struct store_domain *e = enrolled(d, name);
	json_t *devices = json_array();
	char names[512] = "", since[80] = "no";
	size_t used = 0;

	for (size_t i = 0; i < d->file.token->ndevices; i++) {
		if (strcmp(device_of(d, i)->domain, name))
			continue;
		json_array_append_new(devices, json_string(device_of(d, i)->name));
		if (used < sizeof names)
			used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? "," : "", device_of(d, i)->name);
	}
	if (e)
		since_text(e->enrolled_s * 1000, since, sizeof since);
	const char *copies = !d->copies_known ? "?" : has_copies(d, name) ? "yes" : "no";
	table_row(table, (const char *const[]){name, since, !e ? "-" : e->has_proof ? "yes" : "no", kind_of(d, name), copies,
	                                       used ? names : "none configured"});
	json_array_append_new(list, json_pack("{s:o,s:b,s:o,s:b,s:s,s:o,s:o}", "domain", json_text(name, strlen(name)), "enrolled",
	                                      e != NULL, "enrolled_at", time_json(e ? e->enrolled_s * 1000 : 0), "proof",
	                                      e && e->has_proof, "keys", kind_of(d, name), "copies",
	                                      d->copies_known ? json_boolean(has_copies(d, name)) : json_null(), "devices",
	                                      devices));
}

/* Those that are configured, in that order, then those that are only enrolled. */
static void show_domains(const struct domains *d, struct table *table, json_t *list)
{
	const struct conf_token *token = d->file.token;

	for (size_t i = 0; i < token->ndevices; i++) {
		size_t first = 0;
		while (strcmp(device_of(d, first)->domain, device_of(d, i)->domain))
			first++;
		if (first == i)
			show_domain(d, device_of(d, i)->domain, table, list);
	}
	for (size_t i = 0; i < d->nenrolled; i++) {
		bool configured = false;
		for (size_t k = 0; k < token->ndevices; k++)
			configured |= !strcmp(device_of(d, k)->domain, d->enrolled[i].name);
		if (!configured)
			show_domain(d, d->enrolled[i].name, table, list);
	}
}

static enum status print(const struct args *args, const struct domains *d)
{
	static const char *const titles[] = {"DOMAIN", "ENROLLED", "PROOF", "KEYS IN", "COPIES", "DEVICES", NULL};
	json_t *list = json_array();
	struct table table;
	enum status status;

	table_init(&table, titles);
	show_domains(d, &table, list);
	if (args->json)
		status = out_json(json_pack("{s:s,s:s,s:O}", "schema", "hufu-domain-list/1", "store", d->file.conf.path, "domains",
		                            list));
	else
		status = table_print(&table, stdout, "The token has no domain.");
	table_clear(&table);
	json_decref(list);
	return status;
}

enum status cmd_domain_list(const struct args *args)
{
	struct domains d = {0};
	enum status status = domains_load(arg_target(args, 0), &d);

	if (status == ST_OK && (arg_has(args, "login") || pin_given(args, &(struct pin_wish){.what = "pin"})))
		status = domains_login(args, &d);
	if (status == ST_OK)
		status = print(args, &d);
	domains_clear(&d);
	return status;
}

/* -- enroll ---------------------------------------------------------------------- */

static enum status all_enrolled(const struct domains *d)
{
	for (size_t i = 0; i < d->file.token->ndevices; i++)
		if (!enrolled(d, device_of(d, i)->domain)) {
			note("domain \"%s\" is not enrolled. The log says why; hufu device probe tries a device.",
			     device_of(d, i)->domain);
			return ST_PARTIAL;
		}
	return ST_OK;
}

/* The security officer's login does it: the module enrolls what it can reach. */
enum status cmd_domain_enroll(const struct args *args)
{
	struct domains d = {0};
	struct session s;
	enum status status = session_open(args, arg_target(args, 0), SELECT_TOKEN, true, LOGIN_SO, &s);
	char label[sizeof s.label];

	memcpy(label, s.label, sizeof label);
	session_close(&s);
	if (status == ST_OK)
		status = domains_load(label, &d);
	if (status == ST_OK)
		status = print(args, &d);
	if (status == ST_OK)
		status = all_enrolled(&d);
	domains_clear(&d);
	return status;
}
