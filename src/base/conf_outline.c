/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outline of a configuration: what libconfuse (3.3) does not tell, and what
 * its lexer must not see.
 *
 * libconfuse gives no line of a key or section, counts a comment as two more
 * lines, stops at the first mistake, keeps the last of two equal sections, and
 * expands environment variables. Its lexer is one global per process: a string
 * or escape that ends badly leaves it, for every later caller, inside that
 * string. So the text is walked here first; libconfuse gets what is sound.
 */
#include "base/conf_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SECTIONS 1024
#define MAX_KEYS 8192

enum token { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_EQUALS, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA, TOKEN_BAD };

struct scan {
	char *text;
	size_t at;
	int line;
	struct conf_reporter *reporter;
	struct outline *out;
	/* the token just read */
	enum token token;
	size_t from, to;           /* of its text, without quotes */
	int token_line;
	size_t sound;              /* up to here the text is complete */
	bool no_memory;
};

bool conf_name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return len >= 1 && len <= CONF_NAME_MAX && !name[len];
}

void outline_blank(char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (text[i] != '\n')
			text[i] = ' ';
}

/* -- tokens ------------------------------------------------------------------ */

static enum token bad(struct scan *s, const char *what)
{
	conf_problem(s->reporter, s->line, "%s", what);
	return TOKEN_BAD;
}

static void skip_comment(struct scan *s, size_t len)
{
	outline_blank(s->text, s->at, s->at + len);
	s->at += len;
}

static bool skip_long_comment(struct scan *s)
{
	const char *end = strstr(s->text + s->at + 2, "*/");
	if (!end)
		return false;
	size_t to = (size_t)(end - s->text) + 2;
	for (size_t i = s->at; i < to; i++)
		s->line += s->text[i] == '\n';
	outline_blank(s->text, s->at, to);
	s->at = to;
	return true;
}

/* False when a comment has no end. */
static bool skip_space(struct scan *s)
{
	for (;;) {
		const char *p = s->text + s->at;
		if (*p == '\n')
			s->line++;
		if (*p && strchr(" \t\r\n", *p)) {
			s->at++;
		} else if (p[0] == '#' || (p[0] == '/' && p[1] == '/')) {
			skip_comment(s, strcspn(p, "\n"));
		} else if (p[0] == '/' && p[1] == '*') {
			if (!skip_long_comment(s))
				return false;
		} else {
			return true;
		}
	}
}

/* Only escapes that libconfuse reads without an error of its lexer. */
static enum token scan_quoted(struct scan *s, char quote)
{
	s->from = ++s->at;
	for (;; s->at++) {
		const char *p = s->text + s->at;
		if (*p == quote)
			break;
		if (!*p || *p == '\n' || *p == '\r')
			return bad(s, "the string does not end on this line. Close it with the quote it began with");
		if (*p == '\t')
			return bad(s, "a tab cannot stand in a string. Write spaces"); /* nor in a message */
		if (quote == '"' && p[0] == '$' && p[1] == '{')
			return bad(s, "environment variables are not expanded. Write the value itself, or ${ in single quotes");
		if (*p != '\\')
			continue;
		if (quote == '"' && p[1] != '"' && p[1] != '\\')
			return bad(s, "only \\\" and \\\\ stand for something in a string. Double the backslash");
		if (p[1] == quote || p[1] == '\\')
			s->at++;
	}
	s->to = s->at++;
	return TOKEN_QUOTED;
}

static enum token scan_word(struct scan *s)
{
	s->from = s->at;
	s->at += strcspn(s->text + s->at, " #\"'\t\n\r={}()+,*");
	s->to = s->at;
	if (s->to == s->from)
		return bad(s, "this character means nothing here. Put values with special characters in double quotes");
	if (s->text[s->to - 1] == '$' && s->text[s->to] == '{')
		return bad(s, "environment variables are not expanded. Write the value itself");
	return TOKEN_WORD;
}

static enum token scan_token(struct scan *s)
{
	if (!skip_space(s))
		return bad(s, "the comment does not end. Close it with */");
	s->token_line = s->line;
	char c = s->text[s->at];
	switch (c) {
	case '\0':
		return TOKEN_END;
	case '"':
	case '\'':
		return scan_quoted(s, c);
	case '=':
		s->at++;
		return TOKEN_EQUALS;
	case '{':
		s->at++;
		return TOKEN_OPEN;
	case '}':
		s->at++;
		return TOKEN_CLOSE;
	case ',':
		s->at++;
		return TOKEN_COMMA;
	case '+':
		return bad(s, "+= means nothing here. Use = with the whole list");
	case '(':
	case ')':
		return bad(s, "parentheses mean nothing here: there are no functions, and other files cannot be included");
	default:
		return scan_word(s);
	}
}

static enum token next(struct scan *s)
{
	s->token = scan_token(s);
	return s->token;
}

static char *token_text(struct scan *s)
{
	char *text = strndup(s->text + s->from, s->to - s->from);
	s->no_memory |= !text;
	return text;
}

/* -- grammar: each gives false after a mistake that it cannot step over ------ */

static bool expected(struct scan *s, int line, const char *what)
{
	if (s->token != TOKEN_BAD && !s->no_memory)
		conf_problem(s->reporter, line, "%s. Nothing after this line was read", what);
	return false;
}

/* The '{' was read. */
static bool scan_list(struct scan *s)
{
	next(s);
	if (s->token == TOKEN_CLOSE)
		return true;
	for (;;) {
		if (s->token != TOKEN_WORD && s->token != TOKEN_QUOTED)
			return expected(s, s->token_line, "a value is missing in the list. Write it as { a, b }");
		next(s);
		if (s->token == TOKEN_CLOSE)
			return true;
		if (s->token != TOKEN_COMMA)
			return expected(s, s->token_line, "a comma or closing brace is missing in the list. Write it as { a, b }");
		next(s);
	}
}

static bool add_key(struct scan *s, const struct outline_key *key)
{
	struct outline *out = s->out;
	if (out->nkeys == MAX_KEYS) {
		conf_problem(s->reporter, key->line, "there are more than %d settings. Make the file shorter", MAX_KEYS);
		return false;
	}
	struct outline_key *keys = reallocarray(out->keys, out->nkeys + 1, sizeof(*keys));
	if (!keys) {
		s->no_memory = true;
		return false;
	}
	out->keys = keys;
	keys[out->nkeys++] = *key;
	return true;
}

/* The name was read, and the '=' is the token. */
static bool scan_setting(struct scan *s, struct outline_key *key)
{
	next(s);
	key->list = s->token == TOKEN_OPEN;
	if (key->list ? !scan_list(s) : s->token != TOKEN_WORD && s->token != TOKEN_QUOTED)
		return key->list ? false : expected(s, s->token_line, "a value is missing after =. Write it as key = value");
	key->to = s->at;
	if (!add_key(s, key))
		return false;
	key->name = NULL; /* passed on */
	return true;
}

static bool add_section(struct scan *s, struct outline_section *section)
{
	struct outline *out = s->out;
	if (out->nsections == MAX_SECTIONS) {
		conf_problem(s->reporter, section->line, "there are more than %d sections. Make the file shorter", MAX_SECTIONS);
		return false;
	}
	struct outline_section *sections = reallocarray(out->sections, out->nsections + 1, sizeof(*sections));
	if (!sections) {
		s->no_memory = true;
		return false;
	}
	out->sections = sections;
	sections[out->nsections++] = *section;
	section->kind = section->title = NULL; /* passed on */
	return true;
}

/* One "key = value"; the name is the token. */
static bool scan_key(struct scan *s, size_t section)
{
	if (s->token != TOKEN_WORD)
		return expected(s, s->token_line, "a key is expected here, without quotes. Write it as key = value");
	struct outline_key key = {.name = token_text(s), .section = section, .line = s->token_line, .from = s->from};
	bool done = false;
	if (next(s) == TOKEN_EQUALS)
		done = key.name && scan_setting(s, &key);
	else
		expected(s, key.line, "= is missing after a key. Write key = value; a section cannot stand in another");
	free(key.name);
	return done;
}

/* The '{' was read. */
static bool scan_body(struct scan *s, size_t section)
{
	while (next(s) != TOKEN_CLOSE) {
		if (s->token == TOKEN_END) {
			conf_problem(s->reporter, s->out->sections[section].line, "the section that begins here does not end. "
			             "Close it with }");
			return false;
		}
		if (!scan_key(s, section))
			return false;
	}
	s->out->sections[section].to = s->at;
	return true;
}

/* The title or '{' is the token. */
static bool scan_section(struct scan *s, struct outline_section *section)
{
	if (s->token == TOKEN_WORD || s->token == TOKEN_QUOTED) {
		section->title = token_text(s);
		next(s);
	}
	if (s->token != TOKEN_OPEN)
		return expected(s, section->line, "= or { is missing. Write key = value, or section \"name\" { ... }");
	return !s->no_memory && add_section(s, section) && scan_body(s, s->out->nsections - 1);
}

/* One setting or section at the top; its first word is the token. */
static bool scan_item(struct scan *s)
{
	if (s->token != TOKEN_WORD)
		return expected(s, s->token_line, s->token == TOKEN_CLOSE ? "there is no section to close. Take the } away" :
		                                             "a key or section is expected here, without quotes");
	char *word = token_text(s);
	size_t from = s->from;
	int line = s->token_line;
	struct outline_key key = {.name = word, .section = OUTLINE_TOP, .line = line, .from = from};
	struct outline_section section = {.kind = word, .line = line, .from = from};
	bool done = false;
	if (next(s) == TOKEN_EQUALS) {
		done = word && scan_setting(s, &key);
		free(key.name);
	} else {
		done = word && scan_section(s, &section);
		free(section.kind);
		free(section.title);
	}
	return done;
}

/* A control character could forge a message, or end the text early. */
static bool check_bytes(const char *text, struct conf_reporter *reporter)
{
	int line = 1;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		line += *p == '\n';
		if ((*p < 0x20 && !strchr("\t\n\r", *p)) || *p == 0x7f) {
			conf_problem(reporter, line, "the control character 0x%02x is not allowed. Is this a text file?", *p);
			return false;
		}
	}
	return true;
}

bool outline_read(char *text, const struct conf_form *form, struct conf_reporter *reporter, struct outline *out)
{
	struct scan s = {.text = text, .line = 1, .reporter = reporter, .out = out};
	*out = (struct outline){.form = form};
	bool good = check_bytes(text, reporter);
	while (good && next(&s) != TOKEN_END) {
		good = scan_item(&s);
		if (good)
			s.sound = s.at;
	}
	if (good)
		return true;
	/* What came before the mistake is complete and is still checked. */
	text[s.sound] = '\0';
	out->cut = true;
	while (out->nsections && out->sections[out->nsections - 1].from >= s.sound) {
		out->nsections--;
		free(out->sections[out->nsections].kind);
		free(out->sections[out->nsections].title);
	}
	while (out->nkeys && out->keys[out->nkeys - 1].from >= s.sound)
		free(out->keys[--out->nkeys].name);
	return !s.no_memory;
}

void outline_clear(struct outline *out)
{
	for (size_t i = 0; i < out->nsections; i++) {
		free(out->sections[i].kind);
		free(out->sections[i].title);
	}
	for (size_t i = 0; i < out->nkeys; i++)
		free(out->keys[i].name);
	free(out->sections);
	free(out->keys);
	*out = (struct outline){0};
}
