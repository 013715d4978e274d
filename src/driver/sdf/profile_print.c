/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/sdf/profile_internal.h"
#include "base/conf_edit.h"

#include <string.h>

static void print_value(const struct conf_key *key, const struct sdf_profile *profile, FILE *out)
{
	const uint8_t *member = (const uint8_t *)profile + key->offset;
	uint32_t number;
	const char *text;
	if (key->type == CONF_BOOL) {
		fputs(*(const bool *)member ? "true" : "false", out);
	} else if (key->type == CONF_NAME || key->type == CONF_TEXT) {
		memcpy(&text, member, sizeof(text));
		conf_print_string(out, text ? text : PROFILE_NO_CALL);
	} else {
		memcpy(&number, member, sizeof(number));
		if (key->type == CONF_CHOICE)
			fputs(key->choices[number], out);
		else
			fprintf(out, key->type == CONF_CODE ? "0x%08x" : "%u", number);
	}
}

static void print_section(const struct conf_section *section, const struct sdf_profile *profile, FILE *out)
{
	const char *indent = *section->kind ? "\t" : "";
	if (*section->kind)
		fprintf(out, "%s {\n", section->kind);
	for (size_t i = 0; i < section->nkeys; i++) {
		if (strcmp(section->keys[i].name, "base") == 0)
			continue;
		fprintf(out, "%s%s = ", indent, section->keys[i].name);
		print_value(&section->keys[i], profile, out);
		putc('\n', out);
	}
	if (*section->kind)
		fputs("}\n", out);
}

static const char *meaning(enum hufu_err err)
{
	for (size_t i = 0; i < PROFILE_MEANINGS; i++)
		if (profile_meanings[i].err == err)
			return profile_meanings[i].word;
	return "lost";
}

/* Every profile ends with the standard's codes, and every base has them. */
void sdf_profile_print(const struct sdf_profile *profile, FILE *out)
{
	fprintf(out, "# Profile %s; see hufu-profile(5).\nbase = \"" PROFILE_DEFAULT_BASE "\"\n", profile->name);
	for (size_t i = 0; i < PROFILE_ERROR; i++)
		print_section(&profile_form.sections[i], profile, out);
	for (size_t i = 0; i + profile_nstandard_errors < profile->nerrors; i++) {
		const struct sdf_error *row = &profile->errors[i];
		fprintf(out, "error \"%s\" { first = 0x%08x last = 0x%08x means = %s session = %s }\n", row->name, row->first, row->last,
		        meaning(row->err), row->session_dead ? "dead" : "keep");
	}
}
