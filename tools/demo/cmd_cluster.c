/* SPDX-License-Identifier: Apache-2.0 */
/* hufu demo cluster: an application signs; its machines are killed under it, one after the other, and come back. */
#include "tools/demo/demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "tools/bench/bench.h"
#include "tools/machine/pki.h"
#include "tools/report.h"

#define PIN_DIGITS 12
#define WORDS_MAX 32
#define ACTS 5

const struct opt demo_cluster_opts[] = {
	{"seconds", 0, "SECONDS", "how long the application works, default 15"},
	{"threads", 0, "NUMBER", "of the application, default 4"},
	{"keep", 0, NULL, "leave the directory, with configurations and certificates, to look at"},
	{0},
};

struct demo {
	const struct args *args;
	char *dir;
	struct machine machines[2];
	struct module module;
	struct load load;
	char pin[PIN_DIGITS + 1];
	unsigned long seconds, threads;
};

static enum status make_dir(struct demo *demo)
{
	const char *parent = getenv("TMPDIR");
	char *dir;

	if (asprintf(&dir, "%s/hufu-demo.XXXXXX", parent ? parent : "/tmp") < 0)
		return fail_memory();
	if (!mkdtemp(dir)) {
		const enum status status = fail_errno("Name another place with TMPDIR.", "making %s", dir);
		free(dir);
		return status;
	}
	demo->dir = dir;
	return ST_OK;
}

static enum status make_pin(struct demo *demo)
{
	uint8_t bytes[PIN_DIGITS];
	enum hufu_err err = rand_bytes(bytes, sizeof bytes);

	if (err)
		return fail_err(err, "drawing a PIN");
	for (int i = 0; i < PIN_DIGITS; i++)
		demo->pin[i] = (char)('a' + bytes[i] % 26);
	enum status status = pki_write(demo->dir, "user.pin", demo->pin, PIN_DIGITS);
	return status ? status : pki_write(demo->dir, "so.pin", demo->pin, PIN_DIGITS);
}

/* Words with the demonstration's directory in place of a leading '$', and ports in place of %1 and %2. */
static enum status run(struct demo *demo, bool uses_module, const char *line)
{
	const char *module = arg_get(demo->args, "module");
	char text[2048], *words[WORDS_MAX + 1] = {0}, *rest = text, *word;
	const char *in = line;
	size_t n = 0, len = 0;

	for (; *in && len + strlen(demo->dir) + 8 < sizeof text; in++)
		if (*in == '$')
			len += (size_t)snprintf(text + len, sizeof text - len, "%s", demo->dir);
		else if (*in == '%')
			len += (size_t)snprintf(text + len, sizeof text - len, "%u", demo->machines[*++in - '1'].port);
		else
			text[len++] = *in;
	text[len] = 0;
	while ((word = strsep(&rest, " ")) && n < WORDS_MAX - 2)
		words[n++] = word;
	if (uses_module && module) {
		words[n++] = "--module";
		words[n++] = (char *)module;
	}
	return demo_run(true, (const char *const *)words);
}

static enum status build_domain(struct demo *demo)
{
	static const char *const lines[] = {
		"machine init $ --name machine1 --port %1 --token demo --store sqlite:$/demo.db",
		"machine init $ --name machine2 --port %2 --token demo --store sqlite:$/demo.db",
		"machine client $ app --token demo --machine machine1=127.0.0.1:%1 --machine machine2=127.0.0.1:%2 "
		"--grant $/machine1.conf --grant $/machine2.conf",
	};
	enum status status = ST_OK;

	printf("A domain of two machines on this host, and a client that may use it:\n\n");
	for (size_t i = 0; status == ST_OK && i < sizeof lines / sizeof lines[0]; i++)
		status = run(demo, false, lines[i]);
	for (int i = 0; status == ST_OK && i < 2; i++) {
		printf("$ hufud --config %s/%s.conf &\n", demo->dir, demo->machines[i].name);
		fflush(stdout);
		status = machine_start(demo->dir, &demo->machines[i]);
	}
	return status;
}

static enum status build_token(struct demo *demo)
{
	char conf[4096];

	snprintf(conf, sizeof conf, "%s/app.conf", demo->dir);
	if (setenv("HUFU_CONF", conf, 1))
		return fail_memory();
	printf("\nA token that lives on them, and a key:\n\n");
	enum status status = run(demo, true, "token init --label demo --so-pin-file $/so.pin --new-pin-file $/user.pin");
	return status ? status : run(demo, true, "key generate pkcs11:token=demo --type sm2 --label signer --id 01 --pin-file $/user.pin");
}

static enum status open_token(struct demo *demo)
{
	struct slot *slots = NULL;
	CK_SESSION_HANDLE session;
	CK_ULONG n = 0;
	enum status status = module_open(demo->args, &demo->module);

	if (status == ST_OK)
		status = module_slots(&demo->module, &slots, &n);
	if (status == ST_OK && (n == 0 || !slots[0].present))
		status = fail(ST_NOT_FOUND, NULL, "the token demo is not there");
	if (status == ST_OK) {
		CK_FUNCTION_LIST *f = demo->module.f;
		CK_RV rv;
		demo->load.slot = slots[0].id;
		demo->load.module = &demo->module;
		rv = f->C_OpenSession(slots[0].id, CKF_SERIAL_SESSION, NULL, NULL, &session);
		if (rv == CKR_OK)
			rv = f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)demo->pin, PIN_DIGITS);
		status = rv == CKR_OK ? ST_OK : fail_rv(rv, "logging in to the token demo");
	}
	free(slots);
	return status;
}

/* -- the acts ------------------------------------------------------------------------- */

static void tell(const struct demo *demo, uint64_t from_ns, const char *what)
{
	struct load *load = (struct load *)&demo->load;
	const uint64_t slowest = atomic_exchange(&load->slowest_ns, 0);

	printf("%5.1f s  %-42s %9" PRIu64 " signatures, %" PRIu64 " failed, slowest of late %.1f ms\n",
	       (double)(clock_now_ns() - from_ns) / 1e9, what, atomic_load(&load->calls), atomic_load(&load->failed), (double)slowest / 1e6);
	fflush(stdout);
}

static enum status act(struct demo *demo, int number, uint64_t from_ns)
{
	enum status status = ST_OK;

	switch (number) {
	case 1:
		machine_kill(&demo->machines[0]);
		tell(demo, from_ns, "machine1 is killed (kill -9)");
		break;
	case 2:
		status = machine_start(demo->dir, &demo->machines[0]);
		tell(demo, from_ns, "machine1 is started again");
		break;
	case 3:
		machine_kill(&demo->machines[1]);
		tell(demo, from_ns, "machine2 is killed (kill -9)");
		break;
	case 4:
		status = machine_start(demo->dir, &demo->machines[1]);
		tell(demo, from_ns, "machine2 is started again");
		break;
	default:
		tell(demo, from_ns, number ? "the end" : "both machines serve");
	}
	return status;
}

static enum status play(struct demo *demo)
{
	const uint64_t share_ns = demo->seconds * NS_PER_S / ACTS, from_ns = clock_now_ns();
	enum status status;

	printf("\nAn application with %lu threads signs with that key:\n\n", demo->threads);
	status = load_start(&demo->load, demo->threads);
	for (int i = 0; status == ST_OK && i <= ACTS; i++) {
		clock_sleep_ns(i ? share_ns : share_ns / 4);
		status = act(demo, i, from_ns);
	}
	load_stop(&demo->load);
	return status;
}

static enum status tell_result(struct demo *demo)
{
	const uint64_t calls = atomic_load(&demo->load.calls), failed = atomic_load(&demo->load.failed);

	printf("\n%" PRIu64 " signatures, %" PRIu64 " failed.\n", calls, failed);
	if (failed)
		return fail_rv(atomic_load(&demo->load.first_failure), "signing while a machine was down");
	return calls ? ST_OK : fail(ST_UNAVAILABLE, NULL, "nothing was signed");
}

static void demo_end(struct demo *demo)
{
	module_close(&demo->module);
	for (int i = 0; i < 2; i++)
		machine_stop(&demo->machines[i]);
	if (demo->dir && !arg_has(demo->args, "keep"))
		place_remove(demo->dir);
	else if (demo->dir)
		printf("Left: %s\n", demo->dir);
	secret_wipe(demo->pin, sizeof demo->pin);
	free(demo->dir);
}

enum status cmd_demo_cluster(const struct args *args)
{
	struct demo demo = {.args = args, .machines = {{.name = "machine1"}, {.name = "machine2"}}};
	enum status status = arg_number(args, "seconds", 1, 3600, 15, &demo.seconds);

	if (status == ST_OK)
		status = arg_number(args, "threads", 1, 64, 4, &demo.threads);
	if (status != ST_OK)
		return status;
	demo.load.pin = demo.pin;
	status = make_dir(&demo);
	if (status == ST_OK)
		status = make_pin(&demo);
	if (status == ST_OK)
		status = free_ports(demo.machines);
	if (status == ST_OK)
		status = build_domain(&demo);
	if (status == ST_OK)
		status = build_token(&demo);
	if (status == ST_OK)
		status = open_token(&demo);
	if (status == ST_OK)
		status = play(&demo);
	if (status == ST_OK)
		status = tell_result(&demo);
	demo_end(&demo);
	return status;
}
