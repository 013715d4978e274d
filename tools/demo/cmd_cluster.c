/* SPDX-License-Identifier: Apache-2.0 */
/* hufu demo cluster: an application signs; of its machines one is killed, the other stopped as for an upgrade, and both come back. */
#include "tools/demo/demo.h"

#include <inttypes.h>
#include <signal.h>
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
#define LINE_WIDTH 50
#define PAUSE_NS (20 * NS_PER_MS)

const struct opt demo_cluster_opts[] = {
	{"seconds", 0, "SECONDS", "how long the application works, default 10"},
	{"threads", 0, "NUMBER", "of the application, default 4"},
	{"keep", 0, NULL, "leave the directory, with configurations and certificates, to look at"},
	{0},
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	stopped = number;
}

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

/* With the demonstration's directory in place of $DIR, and ports in place of $P1 and $P2. */
static bool expand(const struct demo *demo, const char *in, FILE *out)
{
	for (; *in; in++)
		if (!strncmp(in, "$DIR", 4)) {
			fputs(demo->dir, out);
			in += 3;
		} else if (!strncmp(in, "$P", 2)) {
			in += 2;
			fprintf(out, "%u", demo->machines[*in - '1'].port);
		} else {
			fputc(*in, out);
		}
	return fclose(out) == 0;
}

static enum status run_words(struct demo *demo, bool uses_module, char *text)
{
	const char *module = arg_get(demo->args, "module");
	char *words[WORDS_MAX + 1] = {0}, *word;
	size_t n = 0;

	while ((word = strsep(&text, " ")) && n < WORDS_MAX - 2)
		words[n++] = word;
	if (uses_module && module) {
		words[n++] = "--module";
		words[n++] = (char *)(size_t)module;
	}
	return demo_run((const char *const *)words);
}

/* What is shown can be typed: $DIR and ports were said, and a module that was named is the user's own affair. */
static enum status run(struct demo *demo, bool uses_module, const char *line)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out || !expand(demo, line, out)) {
		free(text);
		return fail_memory();
	}
	printf("  $ hufu %s\n", line);
	fflush(stdout);
	enum status status = run_words(demo, uses_module, text);
	free(text);
	return status;
}

static enum status build_domain(struct demo *demo)
{
	static const char *const lines[] = {
		"machine init $DIR --name machine1 --port $P1 --token demo --store sqlite:$DIR/demo.db",
		"machine init $DIR --name machine2 --port $P2 --token demo --store sqlite:$DIR/demo.db",
		("machine client $DIR app --token demo --machine machine1=127.0.0.1:$P1 --machine machine2=127.0.0.1:$P2 "
		 "--grant $DIR/machine1.conf --grant $DIR/machine2.conf"),
	};
	enum status status = ST_OK;

	printf("Two cipher machines on this host serve one token over mutual TLS, while they go away in turn.\n"
	       "\n  $ DIR=%s P1=%u P2=%u\n\nA domain of two machines, and a client that may use it:\n\n",
	       demo->dir, demo->machines[0].port, demo->machines[1].port);
	for (size_t i = 0; status == ST_OK && i < sizeof lines / sizeof lines[0]; i++)
		status = run(demo, false, lines[i]);
	for (int i = 0; status == ST_OK && i < 2; i++) {
		printf("  $ hufud --config $DIR/%s.conf &\n", demo->machines[i].name);
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
	printf("\nA token that lives on them, and a key:\n\n  $ export HUFU_CONF=$DIR/app.conf\n");
	enum status status = run(demo, true, "token init --label demo --so-pin-file $DIR/so.pin --new-pin-file $DIR/user.pin");
	return status ? status : run(demo, true, "key generate pkcs11:token=demo --type sm2 --label signer --id 01 --pin-file $DIR/user.pin");
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

struct tally {
	uint64_t from_ns, calls, failed;
};

static struct tally tally_now(struct load *load)
{
	return (struct tally){clock_now_ns(), atomic_load(&load->calls), atomic_load(&load->failed)};
}

/* The line begins when it happens, and ends with what came of it. */
static void tell_act(const char *what, uint64_t since_ns)
{
	printf("%5.1f s  %-*s", (double)(clock_now_ns() - since_ns) / 1e9, LINE_WIDTH, what);
	fflush(stdout);
}

static void tell_outcome(struct load *load, const struct tally *before)
{
	const struct tally now = tally_now(load);
	const uint64_t slowest_ns = atomic_exchange(&load->slowest_ns, 0);

	printf("%7.0f signatures/s  slowest %6.1f ms  failed %" PRIu64 "\n",
	       (double)(now.calls - before->calls) * 1e9 / (double)(now.from_ns - before->from_ns), (double)slowest_ns / 1e6,
	       now.failed - before->failed);
	fflush(stdout);
}

static enum status act(struct demo *demo, int number)
{
	switch (number) {
	case 1:
		machine_kill(&demo->machines[0]);
		return ST_OK;
	case 2:
		return machine_start(demo->dir, &demo->machines[0]);
	case 3:
		machine_stop(&demo->machines[1]);
		return ST_OK;
	case 4:
		return machine_start(demo->dir, &demo->machines[1]);
	default:
		return ST_OK;
	}
}

static void pause_for(uint64_t ns)
{
	const uint64_t until = clock_now_ns() + ns;

	while (!stopped && clock_now_ns() < until)
		clock_sleep_ns(PAUSE_NS);
}

static enum status play(struct demo *demo)
{
	static const char *const acts[ACTS] = {
		"both machines serve", "machine1 is killed (kill -9)", "machine1 is started again",
		"machine2 is stopped, as for an upgrade (SIGTERM)", "machine2 is started again",
	};
	const uint64_t since_ns = clock_now_ns();
	enum status status;

	printf("\nAn application signs with that key, %lu threads of it; it knows the token, and no machine:\n\n", demo->threads);
	status = load_start(&demo->load, demo->threads);
	for (int i = 0; status == ST_OK && i < ACTS && !stopped; i++) {
		const struct tally before = tally_now(&demo->load);
		tell_act(acts[i], since_ns);
		status = act(demo, i);
		pause_for(demo->seconds * NS_PER_S / ACTS);
		tell_outcome(&demo->load, &before);
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
	enum status status = arg_number(args, "seconds", 1, 3600, 10, &demo.seconds);

	if (status == ST_OK)
		status = arg_number(args, "threads", 1, 64, 4, &demo.threads);
	if (status != ST_OK)
		return status;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
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
