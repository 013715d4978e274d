/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/gateway/gateway.h"

#include "tools/report.h"

#include <stdarg.h>

bool remarks_init(struct remarks *r)
{
	*r = (struct remarks){.list = json_array()};
	return r->list != NULL;
}

void remarks_clear(struct remarks *r)
{
	json_decref(r->list);
	*r = (struct remarks){0};
}

__attribute__((format(printf, 4, 0)))
static void add(struct remarks *r, bool is_problem, const char *next, const char *fmt, va_list ap)
{
	char text[1536];
	int len = vsnprintf(text, sizeof text, fmt, ap);

	json_array_append_new(r->list, json_pack("{s:b,s:o,s:s*}", "problem", is_problem, "text",
	                                         json_text(text, len < (int)sizeof text ? (size_t)len : sizeof text - 1), "next", next));
}

void advise(struct remarks *r, const char *next, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, false, next, fmt, ap);
	va_end(ap);
}

void problem(struct remarks *r, enum status status, const char *next, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, true, next, fmt, ap);
	va_end(ap);
	r->status = r->status == ST_OK || r->status == status ? status : ST_PARTIAL;
}

void remarks_print(const struct remarks *r)
{
	size_t i;
	json_t *remark;

	json_array_foreach (r->list, i, remark) {
		const char *text = json_string_value(json_object_get(remark, "text"));
		const char *next = json_string_value(json_object_get(remark, "next"));
		printf("%s: %s.\n", json_is_true(json_object_get(remark, "problem")) ? "problem" : "note", text ? text : "");
		if (next)
			printf("      %s\n", next);
	}
}
