/* SPDX-License-Identifier: Apache-2.0 */
/* hufu bench net: what a cipher machine on the loopback does, and what the wire to it costs. */
#include "base/clock.h"
#include "tools/bench/bed.h"
#include "tools/bench/bench.h"
#include "tools/bench/failover.h"
#include "tools/bench/net.h"
#include "tools/report.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const struct opt bench_net_opts[] = {
	{"seconds", 0, "N", "about N seconds, and what the idle connections take; default 30"},
	{"connections", 0, "N", "that do nothing, for the memory of one; default 10000"},
	{"module", 0, "PATH", "for the comparison with p11-kit server, default hufu's own"},
	{0},
};

#define MEASUREMENTS 108 /* windows, threads, both ways, both operations, three rounds */
#define WARM_MS 50
#define LEAST_MS 20
#define P11_THREADS 8
#define START_NS (10 * NS_PER_S)
#define LOOK_NS (20 * NS_PER_MS)

struct bed {
	const struct args *args;
	char *dir;
	struct machine machines[2];  /* one is started */
	const char *module;
	unsigned ms;                 /* a measurement */
	unsigned long connections;
	pid_t server;                /* p11-kit's */
};

/* -- the machine ------------------------------------------------------------------------- */

static enum status make_clients(const struct bed *bed)
{
	const char *d = bed->dir;
	enum status status = bed_write(d, "local.conf",
	                               "log { to = \"file:%s/local.log\" level = warning }\ntoken bench { store = \"sqlite:%s/local.db\" "
	                               "devices = { soft } allow_short_pin = true }\ndevice soft { driver = soft }\n", d, d);

	return status ? status :
	       bed_write(d, "net.conf",
	                 "log { to = \"file:%s/net.log\" level = warning }\ntoken bench { store = net devices = { m } allow_short_pin = true }\n"
	                 "device m { driver = net address = \"127.0.0.1:%u\" tenant = remote ca = \"%s/ca.pem\" cert = \"%s/client.pem\" "
	                 "key = \"%s/client.key\" }\n", d, bed->machines[0].port, d, d, d);
}

static enum status bed_begin(struct bed *bed)
{
	bed->dir = place_make(place_fast());
	if (!bed->dir)
		return ST_UNAVAILABLE;
	enum status status = bed_start_machine(bed->dir, bed->machines);
	return status ? status : make_clients(bed);
}

static void bed_end(struct bed *bed)
{
	machine_stop(&bed->machines[0]);
	if (bed->dir)
		place_remove(bed->dir);
	free(bed->dir);
}

/* -- the wire ------------------------------------------------------------------------------ */

static json_t *run_lab(const char *verb, char **words, int n, bool good)
{
	const char *argv[LAB_WORDS_MAX + 1] = {0};

	for (int i = 0; i < n; i++)
		argv[i] = words[i];
	json_t *doc = good ? lab_run(place_fast(), verb, argv) : NULL;
	for (int i = 0; i < n; i++)
		free(words[i]);
	return doc;
}

static json_t *measure_wire(const struct bed *bed)
{
	char *words[LAB_WORDS_MAX] = {0};
	int n = 0;
	const bool good = asprintf(&words[n++], "address=127.0.0.1:%u", bed->machines[0].port) > 0 &&
	                  asprintf(&words[n++], "ca=%s/ca.pem", bed->dir) > 0 && asprintf(&words[n++], "cert=%s/client.pem", bed->dir) > 0 &&
	                  asprintf(&words[n++], "key=%s/client.key", bed->dir) > 0 && asprintf(&words[n++], "token=bench") > 0 &&
	                  asprintf(&words[n++], "pid=%ld", (long)bed->machines[0].pid) > 0 && asprintf(&words[n++], "ms=%u", bed->ms) > 0 &&
	                  asprintf(&words[n++], "connections=%lu", bed->connections) > 0;

	return run_lab("net", words, n, good);
}

/* -- p11-kit's server ------------------------------------------------------------------------ */

static bool find_library(const char *name, char path[PATH_MAX])
{
	static const char *const dirs[] = {"/usr/lib/x86_64-linux-gnu/pkcs11", "/usr/lib/aarch64-linux-gnu/pkcs11", "/usr/lib64/pkcs11",
	                                   "/usr/lib/pkcs11", "/usr/local/lib/pkcs11"};

	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (snprintf(path, PATH_MAX, "%s/%s", dirs[i], name) > 0 && access(path, R_OK) == 0)
			return true;
	return false;
}

static void become_server(const struct bed *bed, const char *socket)
{
	char conf[PATH_MAX];

	snprintf(conf, sizeof conf, "%s/local.conf", bed->dir);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setenv("HUFU_CONF", conf, 1);
	if (freopen("/dev/null", "w", stdout))
		execlp("p11-kit", "p11-kit", "server", "--foreground", "--provider", bed->module, "--name", socket, "pkcs11:", (char *)NULL);
	_exit(127);
}

static bool start_server(struct bed *bed, char socket[PATH_MAX])
{
	const uint64_t until = clock_now_ns() + START_NS;

	snprintf(socket, PATH_MAX, "%s/p11-kit.sock", bed->dir);
	fflush(NULL);
	bed->server = fork();
	if (bed->server == 0)
		become_server(bed, socket);
	while (bed->server > 0 && clock_now_ns() < until) {
		if (access(socket, F_OK) == 0)
			return true;
		if (waitpid(bed->server, NULL, WNOHANG) == bed->server)
			break;
		clock_sleep_ns(LOOK_NS);
	}
	return false;
}

static void stop_server(struct bed *bed)
{
	if (bed->server <= 0)
		return;
	kill(bed->server, SIGTERM);
	waitpid(bed->server, NULL, 0);
}

/* conf of our directory, or server, or neither. */
static json_t *measure_module(const struct bed *bed, const char *module, const char *conf, const char *server)
{
	char *words[LAB_WORDS_MAX] = {0};
	int n = 0;
	const bool good = asprintf(&words[n++], "module=%s", module) > 0 && asprintf(&words[n++], "threads=%d", P11_THREADS) > 0 &&
	                  asprintf(&words[n++], "ms=%u", 3 * bed->ms) > 0 &&
	                  (!conf || asprintf(&words[n++], "conf=%s/%s", bed->dir, conf) > 0) &&
	                  (!server || asprintf(&words[n++], "server=unix:path=%s", server) > 0);

	return run_lab("net-p11", words, n, good);
}

static json_t *measure_server(struct bed *bed)
{
	char client[PATH_MAX], socket[PATH_MAX];
	json_t *doc = NULL;

	if (!find_library("p11-kit-client.so", client))
		note("p11-kit's client module is not here (Debian: p11-kit-modules): no comparison with its server");
	else if (!start_server(bed, socket))
		note("p11-kit server does not start: no comparison with it");
	else
		doc = measure_module(bed, client, NULL, socket);
	stop_server(bed);
	return doc;
}

/* The token is made in this process's way first: the server finds it made. */
static json_t *measure_modules(struct bed *bed)
{
	if (access(bed->module, R_OK) != 0) {
		note("%s is not there: no comparison by PKCS#11. Name hufu's module with --module", bed->module);
		return NULL;
	}
	json_t *here = measure_module(bed, bed->module, "local.conf", NULL), *wire = measure_module(bed, bed->module, "net.conf", NULL);
	json_t *server = here ? measure_server(bed) : NULL;

	return json_pack("{s:i,s:o*,s:o*,s:o*}", "threads", P11_THREADS, "in_process", here, "machine", wire, "p11_kit_server", server);
}

/* -- the command -------------------------------------------------------------------------------- */

static enum status measure(struct bed *bed)
{
	note("measuring; this takes a while");
	json_t *wire = measure_wire(bed);
	json_t *modules = wire ? measure_modules(bed) : NULL;

	if (!wire)
		return fail(ST_UNAVAILABLE, "Look at the messages above.", "nothing could be measured");
	json_object_set_new(wire, "pkcs11", modules ? modules : json_null());
	return net_report(bed->args, wire);
}

enum status cmd_bench_net(const struct args *args)
{
	struct bed bed = {.args = args, .module = arg_get(args, "module") ? arg_get(args, "module") : HUFU_MODULE_PATH};
	unsigned long seconds;
	enum status status = arg_number(args, "seconds", 1, 3600, 30, &seconds);

	if (status == ST_OK)
		status = arg_number(args, "connections", 1, 100000, 10000, &bed.connections);
	if (status != ST_OK)
		return status;
	const unsigned long each = seconds * 1000 / MEASUREMENTS;
	bed.ms = each > WARM_MS + LEAST_MS ? (unsigned)each - WARM_MS : LEAST_MS;
	status = bed_begin(&bed);
	if (status == ST_OK)
		status = measure(&bed);
	bed_end(&bed);
	return status;
}
