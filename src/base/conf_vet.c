/* SPDX-License-Identifier: Apache-2.0 */
/* The outline of a file, held against the sections and keys there are. */
#include "base/conf_internal.h"

#include <string.h>

const struct conf_section *outline_section_of(const struct outline *outline, size_t section)
{
	const struct conf_form *form = outline->form;
	return section == OUTLINE_TOP ? &form->sections[0] : conf_section_find(form, outline->sections[section].kind);
}

static bool same_title(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What is wrong with a section as a whole, if anything. */
static bool section_is_good(struct outline *outline, struct conf_reporter *reporter, size_t at)
{
	const struct outline_section *section = &outline->sections[at];
	const struct conf_section *known = conf_section_find(outline->form, section->kind);
	if (!known) {
		conf_problem(reporter, section->line, "unknown section \"%s\". The sections are %s", section->kind,
		             outline->form->names);
		return false;
	}
	if (known->titled != (section->title != NULL)) {
		conf_problem(reporter, section->line,
		             known->titled ? "the section %s has no name. Write %s \"name\" { ... }" :
		                             "the section %s takes no name. Write %s { ... }", section->kind, section->kind);
		return false;
	}
	if (section->title && !conf_name_valid(section->title)) {
		conf_problem(reporter, section->line, "\"%s\" is no name for a %s. Use 1 to %d letters, digits, dots, dashes or "
		             "underscores", section->title, section->kind, CONF_NAME_MAX);
		return false;
	}
	for (size_t i = 0; i < at; i++) {
		const struct outline_section *first = &outline->sections[i];
		if (strcmp(first->kind, section->kind) != 0 || !same_title(first->title, section->title))
			continue;
		if (section->title)
			conf_problem(reporter, section->line, "%s \"%s\" stands in line %d already. Merge the two, or rename one",
			             section->kind, section->title, first->line);
		else
			conf_problem(reporter, section->line, "%s stands in line %d already. Merge the two", section->kind,
			             first->line);
		return false;
	}
	return true;
}

/* A driver's own keys are judged with the driver, once that is known. */
static bool key_is_good(struct outline *outline, struct conf_reporter *reporter, size_t at)
{
	const struct outline_key *key = &outline->keys[at];
	const struct conf_section *section = outline_section_of(outline, key->section);
	const struct conf_key *known = conf_key_find(section, key->name);
	bool option = !known && section == outline->form->open && conf_name_valid(key->name);
	if (!known && !option && !section->nkeys) {
		conf_problem(reporter, key->line, "the key \"%s\" stands in no section. Write %s \"name\" { ... } around it", key->name,
		             outline->form->sections[1].kind);
		return false;
	}
	if (!known && !option) {
		char list[1024];
		conf_key_list(section, list, sizeof(list));
		conf_problem(reporter, key->line, "unknown key \"%s\". The keys %s%s are %s", key->name,
		             *section->kind ? "of a section " : "outside of sections", section->kind, list);
		return false;
	}
	if (key->list && (option || (known->type != CONF_DEVICES && known->type != CONF_TEXTS))) {
		conf_problem(reporter, key->line, "%s takes one value, not a list. Write %s = value", key->name, key->name);
		return false;
	}
	for (size_t i = 0; i < at; i++) {
		const struct outline_key *first = &outline->keys[i];
		if (first->section != key->section || strcmp(first->name, key->name) != 0)
			continue;
		conf_problem(reporter, key->line, "%s is set in line %d already. Take one of the two away", key->name, first->line);
		return false;
	}
	return true;
}

void outline_vet(struct outline *outline, char *text, struct conf_reporter *reporter)
{
	for (size_t i = 0; i < outline->nsections; i++) {
		struct outline_section *section = &outline->sections[i];
		section->dropped = !section_is_good(outline, reporter, i);
		if (section->dropped)
			outline_blank(text, section->from, section->to);
	}
	for (size_t i = 0; i < outline->nkeys; i++) {
		struct outline_key *key = &outline->keys[i];
		bool with_section = key->section != OUTLINE_TOP && outline->sections[key->section].dropped;
		key->dropped = with_section || !key_is_good(outline, reporter, i);
		if (key->dropped)
			outline_blank(text, key->from, key->to);
	}
}

const struct outline_key *outline_find(const struct outline *outline, size_t section, const char *name)
{
	for (size_t i = 0; i < outline->nkeys; i++) {
		const struct outline_key *key = &outline->keys[i];
		if (key->section == section && !key->dropped && strcmp(key->name, name) == 0)
			return key;
	}
	return NULL;
}
