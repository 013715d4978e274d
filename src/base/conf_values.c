/* SPDX-License-Identifier: Apache-2.0 */
/* libconfuse, and what it takes to use it in somebody else's process. */
#include "base/conf_internal.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Different keys of drivers' own in one file: libconfuse copies every name into every device. */
#define MAX_OPTIONS 64
#define MAX_KEYS_OF_SECTION 48

struct schema {
	cfg_opt_t sub[CONF_FORM_SECTIONS][MAX_KEYS_OF_SECTION + MAX_OPTIONS + 1];
	cfg_opt_t top[MAX_KEYS_OF_SECTION + CONF_FORM_SECTIONS + 1];
};

/* libconfuse's lexer is global; so is the reporter, since its error function has no argument of ours. */
static pthread_mutex_t confuse_lock = PTHREAD_MUTEX_INITIALIZER;
static struct conf_reporter *confuse_reporter;

static size_t schema_keys(const struct conf_section *section, cfg_opt_t *opts)
{
	for (size_t i = 0; i < section->nkeys; i++)
		opts[i] = section->keys[i].type == CONF_DEVICES || section->keys[i].type == CONF_TEXTS ?
		                  (cfg_opt_t)CFG_STR_LIST(section->keys[i].name, NULL, CFGF_NODEFAULT) :
		                  (cfg_opt_t)CFG_STR(section->keys[i].name, NULL, CFGF_NODEFAULT);
	return section->nkeys;
}

/* Drivers' own keys: the names are those that the file itself uses. False when there are too many. */
static bool schema_options(const struct outline *outline, struct conf_reporter *reporter, cfg_opt_t *opts, size_t n)
{
	size_t most = n + MAX_OPTIONS;
	for (size_t i = 0; i < outline->nkeys; i++) {
		const struct outline_key *key = &outline->keys[i];
		if (key->dropped || outline_section_of(outline, key->section) != outline->form->open)
			continue;
		size_t at = 0;
		while (at < n && strcmp(opts[at].name, key->name) != 0)
			at++;
		if (at == most) {
			conf_problem(reporter, key->line, "there are more than %d different driver keys. Take some away",
			             MAX_OPTIONS);
			return false;
		}
		if (at == n)
			opts[n++] = (cfg_opt_t)CFG_STR(key->name, NULL, CFGF_NODEFAULT);
	}
	return true;
}

/* Arrays are zero, and so end as CFG_END would end them. */
static bool schema_build(struct schema *schema, const struct outline *outline, struct conf_reporter *reporter)
{
	const struct conf_section *sections = outline->form->sections;
	size_t n = schema_keys(&sections[0], schema->top);
	for (size_t i = 1; i < outline->form->nsections; i++) {
		size_t nkeys = schema_keys(&sections[i], schema->sub[i]);
		if (&sections[i] == outline->form->open && !schema_options(outline, reporter, schema->sub[i], nkeys))
			return false;
		schema->top[n++] = (cfg_opt_t)CFG_SEC(sections[i].kind, schema->sub[i],
		                                      sections[i].titled ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
	}
	return true;
}

/* The outline lets nothing through that libconfuse minds; should they ever differ, the file is refused. */
static void __attribute__((format(printf, 2, 0))) on_confuse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char what[256];
	vsnprintf(what, sizeof(what), fmt, ap);
	if (confuse_reporter)
		conf_problem(confuse_reporter, cfg->line, "%s. Compare with hufu.conf(5)", what);
}

/*
 * A tree whose cfg_free leaves the global lexer alone. Freeing one that is
 * called "root" destroys it, also for an application that is in the middle of
 * its own file and calls us from one of libconfuse's callbacks.
 */
static cfg_t *confuse_init(cfg_opt_t *opts)
{
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		return NULL;
	memcpy(cfg->name, "hufu", sizeof("hufu"));
	cfg_set_error_function(cfg, on_confuse_error);
	return cfg;
}

/*
 * Another user of libconfuse in this process may have left the lexer inside a
 * string or comment. To a lexer that is not, each of these lines is a comment;
 * to one that is, one of them is the end of it.
 */
static void confuse_recover(void)
{
	static const char *const ends[] = {"#\"\n", "#'\n", "#*/\n"};
	cfg_opt_t none[] = {CFG_END()};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		cfg_t *cfg = confuse_init(none);
		if (!cfg)
			return;
		(void)cfg_parse_buf(cfg, ends[i]);
		cfg_free(cfg);
	}
}

/*
 * Another copy of hufu in this process (libhufu-sdf as the library of one of the module's devices) has the same lexer, and a
 * mutex of its own: copies meet at a lock on a file that every process has for itself. -1, without /proc: they do not meet.
 */
static int lock_out_copies(void)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
		;
	return fd;
}

/* A child that was forked meanwhile has the descriptor, too: closing ours alone would not unlock. */
static void let_copies_in(int fd)
{
	if (fd < 0)
		return;
	flock(fd, LOCK_UN);
	close(fd);
}

static cfg_t *confuse_parse(struct schema *schema, const char *text, struct conf_reporter *reporter)
{
	pthread_mutex_lock(&confuse_lock);
	int copies = lock_out_copies();
	confuse_recover();
	cfg_t *cfg = confuse_init(schema->top);
	if (cfg) {
		confuse_reporter = reporter;
		int parsed = cfg_parse_buf(cfg, text);
		confuse_reporter = NULL;
		if (parsed != CFG_SUCCESS) {
			conf_problem(reporter, 0, "the file could not be read. Compare with hufu.conf(5)");
			cfg_free(cfg);
			cfg = NULL;
		}
	}
	let_copies_in(copies);
	pthread_mutex_unlock(&confuse_lock);
	return cfg;
}

struct cfg_t *values_read(const struct outline *outline, const char *text, struct conf_reporter *reporter)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	cfg_t *cfg = NULL;
	if (!schema)
		conf_problem(reporter, 0, "memory is out");
	else if (schema_build(schema, outline, reporter))
		cfg = confuse_parse(schema, text, reporter);
	free(schema);
	return cfg;
}

void values_free(struct cfg_t *cfg)
{
	if (cfg)
		cfg_free(cfg);
}

static cfg_t *values_section(struct cfg_t *cfg, const struct outline *outline, size_t section)
{
	if (section == OUTLINE_TOP)
		return cfg;
	const struct outline_section *at = &outline->sections[section];
	return at->title ? cfg_gettsec(cfg, at->kind, at->title) : cfg_getsec(cfg, at->kind);
}

unsigned values_count(struct cfg_t *cfg, const struct outline *outline, const struct outline_key *key)
{
	return cfg_size(values_section(cfg, outline, key->section), key->name);
}

const char *values_get(struct cfg_t *cfg, const struct outline *outline, const struct outline_key *key, unsigned index)
{
	return cfg_getnstr(values_section(cfg, outline, key->section), key->name, index);
}

/* -- fork: files are read outside of the lock, so the wait is for one parse at most ---- */

void conf_before_fork(void)
{
	pthread_mutex_lock(&confuse_lock);
}

void conf_after_fork_parent(void)
{
	pthread_mutex_unlock(&confuse_lock);
}

void conf_after_fork_child(void)
{
	pthread_mutex_init(&confuse_lock, NULL);
}
