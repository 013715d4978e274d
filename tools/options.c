/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: getopt_long over the options of the table. */
#include "tools/report.h"
#include "tools/tool.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct opt always[] = {
	{"output", 'o', "FORMAT", "table (default), or json for programs"},
	{"help", 'h', NULL, "explain this command"},
	{0},
};
static const struct opt token_opts[] = {
	{"module", 0, "PATH", "PKCS#11 module to load, default hufu's own"},
	{"token", 't', "TOKEN", "label or RFC 7512 URI of the token"},
	{0},
};
static const struct opt pin_opts[] = {
	{"login", 'l', NULL, "log in as the user, asking for the PIN if no option gives it"},
	{"pin-file", 0, "FILE", "read the user's PIN from FILE (first line; mode 0600)"},
	{"pin-fd", 0, "N", "read the user's PIN from descriptor N (one line)"},
	{"pin-credential", 0, "NAME", "read the user's PIN from systemd credential NAME"},
	{0},
};
static const struct opt so_pin_opts[] = {
	{"so-pin-file", 0, "FILE", "read the security officer's PIN from FILE"},
	{"so-pin-fd", 0, "N", "read the security officer's PIN from descriptor N"},
	{"so-pin-credential", 0, "NAME", "read the security officer's PIN from systemd credential NAME"},
	{0},
};
static const struct opt new_pin_opts[] = {
	{"new-pin-file", 0, "FILE", "read the new PIN from FILE"},
	{"new-pin-fd", 0, "N", "read the new PIN from descriptor N"},
	{"new-pin-credential", 0, "NAME", "read the new PIN from systemd credential NAME"},
	{0},
};
static const struct opt out_opts[] = {
	{"out", 0, "FILE", "write there, in place of standard output"},
	{0},
};
static const struct opt progress_opts[] = {
	{"progress", 0, NULL, "show progress even when standard error is no terminal"},
	{0},
};

static const struct opt live_opts[] = {
	{"interval", 'i', "SECONDS", "how often to look, 0.1 to 3600, default 1"},
	{"count", 'n', "N", "end after N intervals"},
	{0},
};

static const struct {
	unsigned group;
	const struct opt *opts;
} groups[] = {
	{OPTS_TOKEN, token_opts}, {OPTS_PIN, pin_opts}, {OPTS_SO_PIN, so_pin_opts},
	{OPTS_NEW_PIN, new_pin_opts}, {OPTS_OUT, out_opts}, {OPTS_PROGRESS, progress_opts},
	{OPTS_LIVE, live_opts},
};

static bool each(const struct opt *opts, bool (*f)(const struct opt *, void *), void *arg)
{
	for (; opts && opts->name; opts++)
		if (!f(opts, arg))
			return false;
	return true;
}

void opts_each(const struct command *command, bool (*f)(const struct opt *, void *), void *arg)
{
	if (!each(command->opts, f, arg))
		return;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if ((command->groups & groups[i].group) && !each(groups[i].opts, f, arg))
			return;
	each(always, f, arg);
}

/* What getopt_long wants, made of the table. val is 256 + index, or the letter. */
struct getopt_tables {
	const struct opt *opts[ARGS_MAX];
	struct option longs[ARGS_MAX + 1];
	char shorts[2 * ARGS_MAX + 2];
	int n;
	size_t nshort;
};

static bool add(const struct opt *opt, void *arg)
{
	struct getopt_tables *t = arg;

	if (t->n == ARGS_MAX)
		return false;
	t->opts[t->n] = opt;
	t->longs[t->n] = (struct option){opt->name, opt->arg ? required_argument : no_argument, NULL, 256 + t->n};
	if (opt->letter) {
		t->shorts[t->nshort++] = opt->letter;
		if (opt->arg)
			t->shorts[t->nshort++] = ':';
	}
	t->n++;
	return true;
}

static const struct opt *find(const struct getopt_tables *t, int val)
{
	if (val >= 256 && val < 256 + t->n)
		return t->opts[val - 256];
	for (int i = 0; i < t->n; i++)
		if (t->opts[i]->letter == val)
			return t->opts[i];
	return NULL;
}

static enum status bad_option(const struct command *command, const struct getopt_tables *t, int c, char *const *argv)
{
	const struct opt *opt = find(t, optopt);
	const char *word = argv[optind - 1];
	char short_form[] = {'-', (char)optopt, 0};

	if (c == ':' && opt)
		return fail(ST_USAGE, NULL, "--%s needs a value: --%s %s", opt->name, opt->name, opt->arg);
	return fail(ST_USAGE, "hufu help NOUN VERB lists a command's options.", "%s%s%s has no option %s", command->noun,
	            command->verb ? " " : "", command->verb ? command->verb : "", optopt > 0 && optopt < 256 ? short_form : word);
}

static enum status output_format(struct args *args)
{
	const char *format = arg_get(args, "output");

	if (!format || !strcmp(format, "table"))
		return ST_OK;
	args->lines = (args->command->groups & OPTS_LIVE) && !strcmp(format, "ndjson");
	if (strcmp(format, "json") && !args->lines)
		return fail(ST_USAGE, "Use -o table or -o json; -o ndjson where a command goes on and on.",
		            "unknown output format \"%s\"", format);
	args->json = true;
	report_json(true);
	return ST_OK;
}

static enum status target_count(const struct args *args)
{
	const struct command *c = args->command;

	if (args->ntargets < c->min_targets)
		return fail(ST_USAGE, "hufu help NOUN VERB explains the command.", "something is missing: hufu %s%s%s %s", c->noun,
		            c->verb ? " " : "", c->verb ? c->verb : "", c->targets);
	if (args->ntargets > c->max_targets)
		return fail(ST_USAGE, "hufu help NOUN VERB explains the command.", "one word too many: \"%s\"",
		            args->targets[c->max_targets]);
	return ST_OK;
}

enum status args_parse(const struct command *command, int argc, char **argv, struct args *args, bool *help)
{
	struct getopt_tables t = {.shorts = ":", .nshort = 1};
	int c;

	*args = (struct args){.command = command};
	*help = false;
	opts_each(command, add, &t);
	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		const struct opt *opt = find(&t, c);
		if (!opt)
			return bad_option(command, &t, c, argv);
		if (args->ngiven == ARGS_MAX)
			return fail(ST_USAGE, NULL, "too many options");
		args->given[args->ngiven].opt = opt;
		args->given[args->ngiven++].value = opt->arg ? optarg : "";
		if (opt->letter == 'h')
			*help = true;
	}
	args->targets = argv + optind;
	args->ntargets = argc - optind;
	if (*help)
		return ST_OK;
	enum status status = output_format(args);
	return status ? status : target_count(args);
}

const char *arg_nth(const struct args *args, const char *name, int n)
{
	for (int i = 0; i < args->ngiven; i++)
		if (!strcmp(args->given[i].opt->name, name) && n-- == 0)
			return args->given[i].value;
	return NULL;
}

const char *arg_get(const struct args *args, const char *name)
{
	for (int i = args->ngiven; i-- > 0;)
		if (!strcmp(args->given[i].opt->name, name))
			return args->given[i].value;
	return NULL;
}

const char *arg_target(const struct args *args, int n)
{
	return n < args->ntargets ? args->targets[n] : NULL;
}

enum status arg_number(const struct args *args, const char *name, unsigned long min, unsigned long max, unsigned long otherwise,
                       unsigned long *value)
{
	const char *text = arg_get(args, name);
	char *end;

	*value = otherwise;
	if (!text)
		return ST_OK;
	errno = 0;
	unsigned long n = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)text[0]) || *end || errno || n < min || n > max)
		return fail(ST_USAGE, NULL, "--%s takes a number from %lu to %lu, not \"%s\"", name, min, max, text);
	*value = n;
	return ST_OK;
}
