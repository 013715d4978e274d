/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lab/lab.h"

#include "driver/fault/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

const char *lab_text(const struct lab_args *args, const char *name, const char *otherwise)
{
	size_t len = strlen(name);

	for (int i = 0; i < args->n; i++)
		if (!strncmp(args->words[i], name, len) && args->words[i][len] == '=')
			return args->words[i] + len + 1;
	return otherwise;
}

unsigned long lab_number(const struct lab_args *args, const char *name, unsigned long min, unsigned long max,
                         unsigned long otherwise)
{
	const char *text = lab_text(args, name, NULL);
	char *end;

	if (!text)
		return otherwise;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max) {
		lab_fail("%s=%s is no number from %lu to %lu", name, text, min, max);
		exit(1);
	}
	return n;
}

bool lab_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("hufu-lab: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

bool lab_ok(CK_RV rv, const char *what)
{
	return rv == CKR_OK || lab_fail("%s: 0x%lx", what, rv);
}

static const struct {
	const char *name;
	json_t *(*run)(const struct lab_args *);
} verbs[] = {
	{"card", lab_card},
	{"failover", lab_failover},
	{"net", lab_net},
	{"net-p11", lab_net_p11},
	{"overhead", lab_overhead},
	{"scaling", lab_scaling},
};

int main(int argc, char **argv)
{
	struct lab_args args = {argv + 2, argc - 2};
	json_t *doc = NULL;

	/* Whoever asked for a case has gone: nobody waits for its end. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Threads sleep until a time: by default the kernel wakes them up to 50 us late. */
	prctl(PR_SET_TIMERSLACK, 1);
	/* Where the user may: what else the machine does is not what is measured. */
	(void)setpriority(PRIO_PROCESS, 0, -10);
	if (fault_register() != HUFU_OK)
		return lab_fail("the driver fault does not fit this build"), 1;
	for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(argv[1], verbs[i].name))
			doc = verbs[i].run(&args);
	bool good = doc && json_dumpf(doc, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12)) == 0 && fflush(stdout) == 0;
	if (argc < 2)
		lab_fail("run by hufu bench");
	/* Calls that were made to hang for ever hang in threads of this process: there is nothing to wait for. */
	_exit(good ? 0 : 1);
}
