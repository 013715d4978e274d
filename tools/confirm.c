/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/confirm.h"
#include "tools/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status confirm(const struct args *args, const char *fmt, ...)
{
	char answer[16] = "";
	va_list ap;

	if (arg_has(args, "yes"))
		return ST_OK;
	FILE *tty = fopen("/dev/tty", "r+e");
	if (!tty)
		return fail(ST_POLICY, "Give --yes to go on without a question.", "there is no terminal to ask on");
	va_start(ap, fmt);
	vfprintf(tty, fmt, ap);
	va_end(ap);
	fputs(" Type yes to go on: ", tty);
	fflush(tty);
	bool yes = fgets(answer, sizeof answer, tty) && !strcmp(answer, "yes\n");
	fclose(tty);
	return yes ? ST_OK : fail(ST_POLICY, "Nothing was changed.", "not confirmed");
}
