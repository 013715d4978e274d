/* SPDX-License-Identifier: Apache-2.0 */
/* The report, looked up and counted. */
#include "tools/qualify/judge.h"

#include <string.h>

json_t *report_chapter(const json_t *report, const char *id)
{
	json_t *chapter;
	size_t i;

	json_array_foreach(json_object_get(report, "chapters"), i, chapter)
		if (!strcmp(json_string_value(json_object_get(chapter, "id")), id))
			return chapter;
	return NULL;
}

size_t chapter_count(const json_t *chapter, enum result result)
{
	json_t *check;
	size_t i, n = 0;

	json_array_foreach(json_object_get(chapter, "checks"), i, check)
		n += !strcmp(json_string_value(json_object_get(check, "result")), result_name(result));
	return n;
}
