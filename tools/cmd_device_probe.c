/* SPDX-License-Identifier: Apache-2.0 */
/* hufu device probe: is it there, does it compute what it should? In this process, beside the programs that use it. */
#include "tools/fleet_text.h"
#include "tools/probe.h"
#include "tools/report.h"
#include "tools/table.h"

#include <string.h>

const struct opt probe_opts[] = {
	{"deep", 0, NULL, "compare known answers, too"},
	{"timeout", 0, "SECONDS", "how long it may take, default 10"},
	{0},
};

static enum status print_json(const char *name, bool deep, const struct probe *p)
{
	json_t *device = p->open ? json_pack("{s:s,s:s,s:s,s:s,s:b,s:I,s:I}", "vendor", p->vendor, "model", p->model, "serial",
	                                     p->serial, "firmware", p->firmware, "software", p->software, "sessions_max",
	                                     (json_int_t)p->sessions_max, "capabilities", (json_int_t)p->ncaps)
	                         : json_null();

	return out_json(json_pack("{s:s,s:s,s:b,s:b,s:s?,s:o,s:I,s:o}", "schema", "hufu-device-probe/1", "device", name, "well",
	                          true, "deep", deep, "error", NULL, "why", json_text("", 0), "took_ns", (json_int_t)p->took_ns, "info", device));
}

static void print_text(const char *name, bool deep, const struct probe *p)
{
	char took[32], sessions[24];

	field("Device", "%s", name);
	if (p->open) {
		field("Made by", "%s, %s, firmware %s, serial number %s", p->vendor[0] ? p->vendor : "?",
		      p->model[0] ? p->model : "?", p->firmware[0] ? p->firmware : "?", p->serial[0] ? p->serial : "?");
		snprintf(sessions, sizeof sessions, "at most %u", p->sessions_max);
		field("Sessions", "%s", p->sessions_max ? sessions : "no limit");
		field("Keys", "%s", p->software ? "in this host's memory: it is software" : "in the device");
		field("Can", "%zu kinds of operation", p->ncaps);
	}
	field("Result", "well%s, after %s", deep ? ", known answers included" : "",
	      duration_text(p->took_ns, took, sizeof took));
}

static enum status find(const struct conf *conf, const char *name, size_t *device)
{
	for (*device = 0; *device < conf->ndevices; ++*device)
		if (!strcmp(conf->devices[*device].name, name))
			return ST_OK;
	return fail(ST_NOT_FOUND, "hufu device list names them.", "there is no device \"%s\" in %s", name,
	            conf->path ? conf->path : "hufu's default configuration");
}

static void problem(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

enum status cmd_device_probe(const struct args *args)
{
	const char *name = arg_target(args, 0);
	bool deep = arg_has(args, "deep");
	struct conf *conf = NULL;
	struct probe probe;
	unsigned long seconds;
	size_t device;
	enum status status = arg_number(args, "timeout", 1, 3600, 10, &seconds);
	enum hufu_err err = status ? HUFU_OK : conf_load(problem, NULL, &conf);

	if (status == ST_OK && err)
		status = fail_err(err, "reading the configuration");
	if (status == ST_OK)
		status = find(conf, name, &device);
	if (status == ST_OK)
		status = probe_device(conf, device, deep, seconds, &probe);
	if (status == ST_OK)
		status = probe_status(name, &probe);
	if (status == ST_OK && args->json)
		status = print_json(name, deep, &probe);
	else if (status == ST_OK)
		print_text(name, deep, &probe);
	conf_free(conf);
	return status;
}
