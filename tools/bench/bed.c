/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/bed.h"
#include "rand/rand.h"
#include "tools/machine/pki.h"
#include "tools/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MASTER_LEN 32

enum status bed_write(const char *dir, const char *name, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	const int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		return fail_memory();
	const enum status status = pki_write(dir, name, text, (size_t)len);
	free(text);
	return status;
}

static enum status make_secrets(const char *dir)
{
	const struct pki_subject machine = {.name = "machine", .server = true, .hosts = {"127.0.0.1"}, .nhosts = 1, .days = 1};
	const struct pki_subject client = {.name = "client", .days = 1};
	uint8_t master[MASTER_LEN];
	bool made;
	enum hufu_err err = rand_bytes(master, sizeof master);
	enum status status = err ? fail_err(err, "drawing a master key") : pki_write(dir, "master.key", master, sizeof master);

	if (status == ST_OK)
		status = pki_make_ca(dir, &made);
	if (status == ST_OK)
		status = pki_issue(dir, &machine);
	return status ? status : pki_issue(dir, &client);
}

/* A token without a store for what the wire costs, one with a store for those who come with PKCS#11; limits out of the way. */
static enum status make_machine(const char *d, const struct machine *machine)
{
	return bed_write(d, "machine.conf",
	                 "log { to = \"file:%s/machine.log\" level = warning }\n"
	                 "machine {\n\tname = bench\n\tlisten = { \"127.0.0.1:%u\" }\n\tca = \"%s/ca.pem\"\n\tcert = \"%s/machine.pem\"\n"
	                 "\tkey = \"%s/machine.key\"\n\tmaster = \"file:%s/master.key\"\n\tconnections_max = 200000\n"
	                 "\thandshakes_per_s = 1000000\n\tidle_s = 86400\n\tdrain_ms = 1000\n}\n"
	                 "device soft { driver = soft }\ntoken bench { devices = { soft } }\n"
	                 "token remote { store = \"sqlite:%s/remote.db\" devices = { soft } allow_short_pin = true }\n"
	                 "identity client { subject = \"CN=client\" tokens = { bench, remote } roles = { devices, user, so } connections = 200000 "
	                 "in_flight = 100000 }\n", d, machine->port, d, d, d, d, d);
}

enum status bed_start_machine(const char *dir, struct machine machines[2])
{
	machines[0].name = "machine";
	enum status status = free_ports(machines);
	if (status == ST_OK)
		status = make_secrets(dir);
	if (status == ST_OK)
		status = make_machine(dir, &machines[0]);
	return status ? status : machine_start(dir, &machines[0]);
}
