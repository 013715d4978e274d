/* SPDX-License-Identifier: Apache-2.0 */
#include "token/conf_diff.h"

#include <stdarg.h>
#include <string.h>

struct line {
	char *text;
	size_t len, cap;
};

static void add(struct line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line->text + line->len, line->cap - line->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		line->len += (size_t)n < line->cap - line->len ? (size_t)n : line->cap - line->len - 1;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const struct conf_token *token_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ntokens; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return &conf->tokens[i];
	return NULL;
}

/* The keys of a section that its slot keeps from C_Initialize on. */
static void diff_section(struct line *line, const char *what, const char *name, const struct conf_token *a, const struct conf_token *b)
{
	const struct {
		const char *key;
		bool same;
	} keys[] = {
		{"store", a->engine == b->engine && same(a->store, b->store)},
		{"sm2_key_type", a->sm2_view == b->sm2_view},
		{"alias", a->alias == b->alias},
		{"policy", a->policy == b->policy},
		{"des3", a->des3 == b->des3},
		{"host_secret", same(a->host_secret, b->host_secret)},
		{"allow_short_pin", a->allow_short_pin == b->allow_short_pin},
		{"pin_min", a->pin_min == b->pin_min},
		{"user_tries", a->user_tries == b->user_tries},
		{"pin_iterations", a->pin_iterations == b->pin_iterations},
		{"generate_deadline_ms", a->pool.generate_deadline_ms == b->pool.generate_deadline_ms},
		{"deadline_ms", a->deadline_ms == b->deadline_ms},
		{"generate", a->pool.generate == b->pool.generate},
		{"hardware_only", a->pool.hardware_only == b->pool.hardware_only},
		{"software_fallback", a->pool.software_fallback == b->pool.software_fallback},
	};
	bool begun = false;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (keys[i].same)
			continue;
		if (begun)
			add(line, ", %s", keys[i].key);
		else
			add(line, "%s%s%s%s: %s", line->len ? "; " : "", what, *name ? " " : "", name, keys[i].key);
		begun = true;
	}
}

static void diff_path(struct line *line, const char *key, const char *a, const char *b)
{
	if (!same(a, b))
		add(line, "%s%s", line->len ? "; " : "", key);
}

bool conf_diff(const struct conf *before, const struct conf *now, char *text, size_t len)
{
	struct line line = {.text = text, .cap = len};
	text[0] = 0;
	diff_path(&line, "token_dir", before->token_dir, now->token_dir);
	diff_path(&line, "run_dir", before->run_dir, now->run_dir);
	if (before->token_dir)
		diff_section(&line, "defaults", "", &before->defaults, &now->defaults);
	for (size_t i = 0; i < before->ntokens; i++) {
		const struct conf_token *a = &before->tokens[i], *b = token_named(now, a->name);
		if (b)
			diff_section(&line, "token", a->name, a, b);
		else
			add(&line, "%stoken %s is gone", line.len ? "; " : "", a->name);
	}
	for (size_t i = 0; i < now->ntokens; i++)
		if (!token_named(before, now->tokens[i].name))
			add(&line, "%stoken %s is new", line.len ? "; " : "", now->tokens[i].name);
	return line.len > 0;
}
