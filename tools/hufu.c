/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report.h"
#include "tools/tool.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

const struct command commands[] = {
	{"token", "list", NULL, 0, 0, "list slots and their tokens", OPTS_TOKEN, NULL, cmd_token_list},
	{"token", "show", "[TOKEN]", 0, 1, "show all about a token", OPTS_TOKEN, NULL, cmd_token_show},
	{"token", "init", "[TOKEN]", 0, 1, "make a token on the spare slot, or empty TOKEN and begin anew", OPTS_TOKEN | OPTS_SO_PIN | OPTS_NEW_PIN,
	 token_init_opts, cmd_token_init},
	{"pin", "set", "[TOKEN]", 0, 1, "change the user's PIN (--so: the security officer's)", OPTS_TOKEN | OPTS_PIN | OPTS_SO_PIN | OPTS_NEW_PIN,
	 pin_set_opts, cmd_pin_set},
	{"pin", "unlock", "[TOKEN]", 0, 1, "set the user's PIN as the security officer", OPTS_TOKEN | OPTS_SO_PIN | OPTS_NEW_PIN, NULL,
	 cmd_pin_unlock},
	{"key", "list", "[TOKEN]", 0, 1, "list keys", OPTS_TOKEN | OPTS_PIN, NULL, cmd_key_list},
	{"key", "show", "KEY", 1, 1, "show a key's attributes", OPTS_TOKEN | OPTS_PIN, NULL, cmd_key_show},
	{"version", NULL, NULL, 0, 0, "print the version", 0, NULL, cmd_version},
	{"help", NULL, "[NOUN [VERB]]", 0, 2, "list the commands, or explain one", 0, help_opts, cmd_help},
	{0},
};

/* The command of argv[1] and argv[2]; *words: how many of them are its name. */
static const struct command *command_find(int argc, char **argv, int *words)
{
	for (const struct command *c = commands; c->noun; c++) {
		if (argc < 2 || strcmp(c->noun, argv[1]))
			continue;
		if (!c->verb || (argc > 2 && !strcmp(c->verb, argv[2]))) {
			*words = c->verb ? 2 : 1;
			return c;
		}
	}
	return NULL;
}

static enum status no_command(int argc, char **argv)
{
	bool noun = false;

	for (const struct command *c = commands; argc > 1 && c->noun; c++)
		noun |= !strcmp(c->noun, argv[1]);
	if (argc < 2)
		return fail(ST_USAGE, "hufu help lists them.", "no command given");
	if (noun)
		return fail(ST_USAGE, "hufu help NOUN lists its verbs.", "\"%s\" needs a verb%s%s", argv[1], argc > 2 ? ", and has no " : "",
		            argc > 2 ? argv[2] : "");
	return fail(ST_USAGE, "hufu help lists them.", "there is no command \"%s\"", argv[1]);
}

static enum status help_for(const struct command *command)
{
	char *words[] = {(char *)(size_t)command->noun, (char *)(size_t)command->verb};

	return cmd_help(&(struct args){.command = command, .targets = words, .ntargets = command->verb ? 2 : 1});
}

int main(int argc, char **argv)
{
	static char help_word[] = "help", version_word[] = "version";
	struct args args;
	bool help;
	int words;

	setlocale(LC_CTYPE, "");
	/* PINs and keys pass through this process: no core dump, no ptrace by others of the same user. */
	prctl(PR_SET_DUMPABLE, 0);
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		argv[1] = help_word;
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		argv[1] = version_word;
	const struct command *command = command_find(argc, argv, &words);
	if (!command)
		return no_command(argc, argv);
	enum status status = args_parse(command, argc - words, argv + words, &args, &help);
	if (status)
		return status;
	return help ? help_for(command) : command->run(&args);
}
