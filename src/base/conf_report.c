/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_internal.h"

#include <stdarg.h>
#include <stdlib.h>

/* More than anybody reads: a file of another kind must not flood the log. */
#define MAX_PROBLEMS 100

void conf_problem(struct conf_reporter *reporter, int line, const char *fmt, ...)
{
	reporter->found = true;
	if (reporter->n == MAX_PROBLEMS)
		return;
	struct conf_problem *problems = reallocarray(reporter->problems, reporter->n + 1, sizeof(*problems));
	if (!problems)
		return;
	reporter->problems = problems;
	struct conf_problem problem = {.line = line, .seq = reporter->n};
	va_list ap;
	va_start(ap, fmt);
	bool good = vasprintf(&problem.what, fmt, ap) >= 0;
	va_end(ap);
	if (good)
		problems[reporter->n++] = problem;
}

static int by_line(const void *a, const void *b)
{
	const struct conf_problem *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void tell(const struct conf_reporter *reporter, const struct conf_problem *problem, conf_report_fn report, void *arg)
{
	char *message = NULL;
	int n;
	if (problem->line == CONF_LINE_NONE)
		n = asprintf(&message, "%s", problem->what);
	else if (problem->line)
		n = asprintf(&message, "%s:%d: %s", reporter->name, problem->line, problem->what);
	else
		n = asprintf(&message, "%s: %s", reporter->name, problem->what);
	if (n >= 0)
		report(arg, message);
	free(message);
}

bool conf_problems_tell(struct conf_reporter *reporter, conf_report_fn report, void *arg)
{
	if (reporter->n)
		qsort(reporter->problems, reporter->n, sizeof(*reporter->problems), by_line);
	for (size_t i = 0; i < reporter->n; i++) {
		if (report)
			tell(reporter, &reporter->problems[i], report, arg);
		free(reporter->problems[i].what);
	}
	free(reporter->problems);
	bool none = !reporter->found;
	*reporter = (struct conf_reporter){.name = reporter->name};
	return none;
}
