/* SPDX-License-Identifier: Apache-2.0 */
/* hufu random */
#include "base/secret.h"
#include "tools/hex.h"
#include "tools/io.h"
#include "tools/report.h"
#include "tools/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART 4096

const struct opt random_opts[] = {
	{"raw", 0, NULL, "the bytes themselves, in place of hexadecimal digits"},
	{0},
};

static enum status emit(struct output *out, bool raw, const unsigned char *bytes, size_t len)
{
	if (raw)
		return output_write(out, bytes, len);
	char *hex = hex_string(bytes, len);
	enum status status = hex ? output_write(out, hex, 2 * len) : fail_memory();
	if (hex)
		secret_wipe(hex, 2 * len);
	free(hex);
	return status;
}

static enum status generate(const struct args *args, struct session *s, unsigned long count, struct output *out)
{
	unsigned char part[PART];
	bool raw = arg_has(args, "raw");
	struct progress progress;
	enum status status = ST_OK;

	progress_begin(&progress, args, "random", count);
	while (status == ST_OK && count) {
		size_t len = count < PART ? count : PART;
		CK_RV rv = s->f->C_GenerateRandom(s->handle, part, len);
		status = rv == CKR_OK ? emit(out, raw, part, len) : fail_rv(rv, "drawing random bytes from token \"%s\"", s->label);
		count -= len;
		progress_add(&progress, len);
	}
	progress_end(&progress);
	secret_wipe(part, sizeof part);
	if (status == ST_OK && !raw)
		status = output_write(out, "\n", 1);
	return status;
}

enum status cmd_random(const struct args *args)
{
	const char *text = arg_target(args, 0);
	struct output out = {.fd = -1};
	struct session s;
	char *end;

	errno = 0;
	unsigned long count = strtoul(text, &end, 10);
	if (*end || errno || text[0] < '0' || text[0] > '9')
		return fail(ST_USAGE, "hufu random 32", "\"%s\" is no number of bytes", text);
	enum status status = session_open(args, NULL, SELECT_TOKEN, false, LOGIN_WISH, &s);
	if (status == ST_OK)
		status = output_open(args, arg_has(args, "raw"), &out);
	if (status == ST_OK)
		status = generate(args, &s, count, &out);
	if (status == ST_OK)
		status = output_commit(&out);
	output_close(&out);
	session_close(&s);
	return status;
}
