/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices are cipher machines: three processes of hufud, reached by TLS over lines that
 * break what passes. In each phase something befalls one of them, another one each time, while the one before is
 * whole again but perhaps not yet known to be; the third one is well.
 */
#include "chaos.h"

#include <signal.h>

#include "cluster.h"

#define MACHINES 3
#define PING_MS 300            /* how long a silent machine is waited for: it is silent often here */
#define OFFSET_MAX 30000       /* bytes: of a handshake, and of many requests */

size_t plan_ndevices;

static const char *const tokens[] = {"chaos", "other"};

/* AT stands for a number of bytes. */
struct trouble {
	const char *commands[2];   /* to the line */
	int signal;                /* to the machine, 0 none */
};

static const struct trouble lines[] = {
	{.commands = {"refuse", "kill"}},
	{.commands = {"mute", "kill"}},
	{.commands = {"kill"}},
	{.commands = {"reset up AT"}},
	{.commands = {"reset down AT"}},
	{.commands = {"close up AT"}},
	{.commands = {"close down AT"}},
	{.commands = {"hole up AT"}},
	{.commands = {"hole down AT"}},
	{.commands = {"hole up 0", "hole down 0"}},
	{.commands = {"stall up AT"}},
	{.commands = {"stall down AT"}},
	{.commands = {"flip up AT 3"}},
	{.commands = {"flip down AT 5"}},
	{.commands = {"cut up AT 1"}},
	{.commands = {"cut down AT 700"}},
	{.commands = {"insert up AT 3"}},
	{.commands = {"insert down AT 30000"}},
	{.commands = {"delay both 20"}},
	{.commands = {"trickle up 20"}},
	{.commands = {"trickle down 20", "delay up 5"}},
}, deaths[] = {
	{.signal = SIGKILL},
	{.signal = SIGSTOP},
	{.signal = SIGTERM},
}, drains[] = {
	{.signal = SIGTERM},
};

static struct {
	const struct profile *profile;
	struct {
		const struct trouble *trouble; /* NULL: it is well */
		char told[2][40];
	} machine[MACHINES];
	bool well_ended;
} plan;

/* -- what there is --------------------------------------------------------------------------- */

bool plan_begin(void)
{
	plan_ndevices = MACHINES;
	return cluster_begin(life_dir, MACHINES);
}

/* Fresh ones, with stores of this seed. */
void plan_draw(const struct profile *profile, uint64_t seed)
{
	char sections[1024];
	size_t len = 0;

	plan.profile = profile;
	plan.well_ended = true;
	for (size_t i = 0; i < COUNT(tokens); i++) {
		len += (size_t)snprintf(sections + len, sizeof(sections) - len, "token \"%s\" { devices = { soft } ", tokens[i]);
		if (profile->there)
			len += (size_t)snprintf(sections + len, sizeof(sections) - len, "store = \"sqlite:%s/%s-%s-%llu.db\" ", life_dir,
			                        profile->name, tokens[i], (unsigned long long)seed);
		len += (size_t)snprintf(sections + len, sizeof(sections) - len, "}\n");
	}
	snprintf(sections + len, sizeof(sections) - len, "identity client { dns = client tokens = \"*\" roles = { %s } }\n",
	         profile->there ? "user, so" : "devices");
	cluster_conf("", sections);
	cluster_start_all();
}

void plan_devices(FILE *conf, size_t without, unsigned weight)
{
	char name[32], more[80];

	snprintf(more, sizeof(more), "ping_ms = %d weight = %u %s", PING_MS, weight, plan.profile->there ? "" : "domain = machines");
	for (size_t t = 0; t < COUNT(tokens); t++)
		for (size_t i = 0; i < MACHINES; i++)
			if (i != without) {
				snprintf(name, sizeof(name), "%s-%zu", tokens[t], i);
				cluster_device(conf, i, name, tokens[t], more);
			}
}

void plan_token(FILE *conf, const char *token, uint64_t seed, size_t without)
{
	const char *comma = "";

	if (plan.profile->there)
		fprintf(conf, "hardware_only = no  store = \"net\"  devices = {");
	else
		fprintf(conf, "hardware_only = no  store = \"sqlite:%s/%s-%llu.db\"  devices = {", life_dir, token, (unsigned long long)seed);
	for (size_t i = 0; i < MACHINES; i++)
		if (i != without) {
			fprintf(conf, "%s \"%s-%zu\"", comma, token, i);
			comma = ",";
		}
	fprintf(conf, " }");
}

void plan_enable_all(void)
{
}

void plan_release(void)
{
}

uint32_t plan_hung(void)
{
	return 0;
}

bool plan_is_closed(size_t device)
{
	(void)device;
	return true;
}

/* -- what befalls them --------------------------------------------------------------------------- */

static void tell(size_t i, size_t nth, const char *command, struct chance *c)
{
	const char *at = strstr(command, "AT");
	char *told = plan.machine[i].told[nth];

	if (at)
		snprintf(told, sizeof(plan.machine[i].told[nth]), "%.*s%zu%s", (int)(at - command), command, chance_below(c, OFFSET_MAX), at + 2);
	else
		snprintf(told, sizeof(plan.machine[i].told[nth]), "%s", command);
	cluster_tell(i, told);
}

static void heal(size_t i)
{
	const struct trouble *trouble = plan.machine[i].trouble;

	if (!trouble)
		return;
	plan.machine[i].trouble = NULL;
	if (trouble->signal == SIGSTOP)
		cluster_signal(i, SIGCONT);
	if (trouble->signal == SIGKILL || trouble->signal == SIGTERM) {
		const bool well = cluster_wait(i);
		plan.well_ended &= well || trouble->signal == SIGKILL;
		cluster_start(i);
	}
	cluster_tell(i, "pass");
	cluster_tell(i, "listen");
}

static void harm(size_t i, const struct trouble *trouble, struct chance *c)
{
	plan.machine[i].trouble = trouble;
	memset(plan.machine[i].told, 0, sizeof(plan.machine[i].told));
	if (trouble->signal == SIGSTOP)
		cluster_freeze(i);
	else if (trouble->signal)
		cluster_signal(i, trouble->signal);
	for (size_t k = 0; k < COUNT(trouble->commands) && trouble->commands[k]; k++)
		tell(i, k, trouble->commands[k], c);
}

void plan_all_well(void)
{
	for (size_t i = 0; i < MACHINES; i++)
		heal(i);
}

bool plan_end(void)
{
	return cluster_stop_all() && plan.well_ended;
}

static void befall(uint64_t seed, unsigned phase, const struct trouble *troubles, size_t n)
{
	struct chance c = chance_of(seed, 1000 + phase), turn = chance_of(seed, 2);

	plan_all_well();
	harm((chance_below(&turn, MACHINES) + phase) % MACHINES, &troubles[chance_below(&c, n)], &c);
}

/* Of the sixteen phases of a seed each has its own. */
static void bad_lines(uint64_t seed, unsigned phase)
{
	befall(seed, phase, lines, COUNT(lines));
}

static void dying(uint64_t seed, unsigned phase)
{
	befall(seed, phase, deaths, COUNT(deaths));
}

static void rolling(uint64_t seed, unsigned phase)
{
	befall(seed, phase, drains, COUNT(drains));
}

void plan_show(FILE *to)
{
	for (size_t i = 0; i < MACHINES; i++) {
		const struct trouble *trouble = plan.machine[i].trouble;
		fprintf(to, "#   machine %zu: %s%s %s\n", i, !trouble ? "well" : trouble->signal ? strsignal(trouble->signal) : "",
		        trouble ? plan.machine[i].told[0] : "", trouble ? plan.machine[i].told[1] : "");
	}
}

const struct profile profiles[] = {
	{.name = "lines", works_mixed, bad_lines, "nobody notices bad lines to machines", .ops = 640, .seeds = 2},
	{.name = "lines-token", works_mixed, bad_lines, "nor does a token that lives on the machines", .ops = 640, .seeds = 2, .there = true},
	{.name = "deaths", works_mixed, dying, "nobody notices machines that are killed, stopped and drained", .ops = 640, .seeds = 1},
	{.name = "deaths-token", works_mixed, dying, "nor does a token that lives on them", .ops = 640, .seeds = 1, .there = true},
	{.name = "rolling", works_mixed, rolling, "all machines are restarted in turn under load", .ops = 640, .seeds = 1},
	{.name = "rolling-token", works_mixed, rolling, "and nothing of a token on them is lost", .ops = 640, .seeds = 1, .there = true},
	{.name = NULL},
};
