/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles found, read over what they build on, and checked as a whole. */
#include "driver/sdf/profile_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_PROFILES HUFU_SYSCONFDIR "/hufu/profiles"
#define SHIPPED_PROFILES HUFU_PKGDATADIR "/profiles"
#define BASES_MAX 4           /* a profile on a profile on ...: more is a circle */

struct read {
	struct conf_reporter reporter;
	conf_report_fn report;
	void *arg;
	bool files;               /* may bases be files? */
	unsigned depth;
	struct outline outline;
	struct cfg_t *values;
	struct sdf_profile *profile;
	bool no_memory;
};

/* -- profiles as values --------------------------------------------------------------- */

void sdf_profile_free(struct sdf_profile *profile)
{
	if (!profile)
		return;
	free(profile->name);
	free(profile->vendor);
	for (size_t i = 0; i < SDF_EXTRAS; i++)
		free(profile->extra[i]);
	free(profile->errors);
	free(profile);
}

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static bool copy_errors(struct sdf_profile *to, const struct sdf_error *errors, size_t n)
{
	to->errors = reallocarray(NULL, n, sizeof(*errors));
	if (!to->errors)
		return false;
	memcpy(to->errors, errors, n * sizeof(*errors));
	to->nerrors = n;
	return true;
}

/* errors: those of from, or the standard's. NULL when memory is out. */
static struct sdf_profile *copy_with(const struct sdf_profile *from, const struct sdf_error *errors, size_t nerrors)
{
	struct sdf_profile *to = malloc(sizeof(*to));
	if (!to)
		return NULL;
	*to = *from;
	to->errors = NULL;
	bool good = copy_text(&to->name, from->name);
	good &= copy_text(&to->vendor, from->vendor); /* all of them are tried: none may stay from's, for sdf_profile_free */
	for (size_t i = 0; i < SDF_EXTRAS; i++)
		good &= copy_text(&to->extra[i], from->extra[i]);
	if (good && copy_errors(to, errors, nerrors))
		return to;
	sdf_profile_free(to);
	return NULL;
}

struct sdf_profile *profile_copy(const struct sdf_profile *from)
{
	return copy_with(from, from->errors, from->nerrors);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_errors(const struct sdf_profile *a, const struct sdf_profile *b)
{
	if (a->nerrors != b->nerrors)
		return false;
	for (size_t i = 0; i < a->nerrors; i++) {
		const struct sdf_error *x = &a->errors[i], *y = &b->errors[i];
		if (x->first != y->first || x->last != y->last || x->err != y->err || x->session_dead != y->session_dead)
			return false;
	}
	return true;
}

bool profile_equal(const struct sdf_profile *a, const struct sdf_profile *b)
{
	for (size_t i = 0; i < SDF_EXTRAS; i++)
		if (!same_text(a->extra[i], b->extra[i]))
			return false;
	bool structs = a->width == b->width && a->cipher == b->cipher && a->cipher_room == b->cipher_room &&
	               a->envelope_max == b->envelope_max && a->rsa_bytes == b->rsa_bytes;
	bool calls = a->edition == b->edition && memcmp(a->alg, b->alg, sizeof(a->alg)) == 0 && a->encrypt_args == b->encrypt_args &&
	             a->decrypt_args == b->decrypt_args && a->rsa_args == b->rsa_args;
	bool limits = a->sessions_max == b->sessions_max && a->handles_max == b->handles_max && a->devices_max == b->devices_max &&
	              a->random_max == b->random_max && a->data_max == b->data_max && a->idle_s == b->idle_s;
	bool behaviour = a->concurrency == b->concurrency && a->open_exclusive == b->open_exclusive &&
	                 a->right_per_session == b->right_per_session && a->right_stacks == b->right_stacks &&
	                 a->iv_is_updated == b->iv_is_updated && a->macs_in_device == b->macs_in_device &&
	                 a->late_writes == b->late_writes;
	return structs && calls && limits && behaviour && same_errors(a, b);
}

static enum hufu_err standard_profile(const char *name, struct sdf_profile **out)
{
	const struct sdf_profile *standard = profile_standard(name);
	if (!standard)
		return HUFU_ERR_NOT_FOUND;
	*out = copy_with(standard, profile_standard_errors, profile_nstandard_errors);
	return *out ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

/* -- one file -------------------------------------------------------------------------- */

static enum hufu_err load_named(const char *name, unsigned depth, conf_report_fn, void *arg, struct sdf_profile **);

static int line_of(const struct read *r, const char *section, const char *key)
{
	for (size_t i = 0; i < r->outline.nkeys; i++) {
		const struct outline_key *at = &r->outline.keys[i];
		const struct conf_section *in = outline_section_of(&r->outline, at->section);
		if (!at->dropped && strcmp(at->name, key) == 0 && (!section || strcmp(in->kind, section) == 0))
			return at->line;
	}
	return 0;
}

/* The members of object that the keys of this section stand for. */
static void fill(struct read *r, size_t section, void *object)
{
	const struct conf_section *known = outline_section_of(&r->outline, section);
	for (size_t i = 0; i < known->nkeys; i++) {
		const struct conf_key *key = &known->keys[i];
		const struct outline_key *at = outline_find(&r->outline, section, key->name);
		const char *text = at ? values_get(r->values, &r->outline, at, 0) : NULL;
		char why[512];
		if (!text || strcmp(key->name, "base") == 0)
			continue;
		if (!conf_convert(key, text, object, why, sizeof(why)))
			conf_problem(&r->reporter, at->line, "%s", why);
	}
}

/* What the file does not say. */
static void start_from_base(struct read *r)
{
	const struct outline_key *at = outline_find(&r->outline, OUTLINE_TOP, "base");
	const char *name = at ? values_get(r->values, &r->outline, at, 0) : NULL;
	enum hufu_err err;
	if (!name)
		err = standard_profile(PROFILE_DEFAULT_BASE, &r->profile);
	else if (r->files && r->depth < BASES_MAX)
		err = load_named(name, r->depth + 1, r->report, r->arg, &r->profile);
	else
		err = standard_profile(name, &r->profile);
	r->no_memory |= err == HUFU_ERR_NO_MEMORY;
	if (err != HUFU_OK && !r->no_memory)
		conf_problem(&r->reporter, at ? at->line : 0, "base = \"%s\" gives no profile to start from. Name one that is there, and "
		             "see that no profile is its own base", name ? name : PROFILE_DEFAULT_BASE);
}

/* Rows of this file go before those that it was given: the first that fits holds. */
static void add_error(struct read *r, const struct sdf_error *row, size_t at)
{
	struct sdf_profile *profile = r->profile;
	struct sdf_error *errors = reallocarray(profile->errors, profile->nerrors + 1, sizeof(*errors));
	if (!errors) {
		r->no_memory = true;
		return;
	}
	profile->errors = errors;
	memmove(&errors[at + 1], &errors[at], (profile->nerrors - at) * sizeof(*errors));
	errors[at] = *row;
	profile->nerrors++;
}

static bool read_error(struct read *r, size_t section, struct sdf_error *row)
{
	const struct outline_section *at = &r->outline.sections[section];
	struct profile_error_text text = {.means = PROFILE_MEANINGS};
	fill(r, section, &text);
	if (!outline_find(&r->outline, section, "first") || !outline_find(&r->outline, section, "means")) {
		if (!r->outline.cut)
			conf_problem(&r->reporter, at->line, "error \"%s\" needs first = CODE and means = WORD. Add them", at->title);
		return false;
	}
	if (!outline_find(&r->outline, section, "last"))
		text.last = text.first;
	if (text.first == 0 || text.first > text.last)
		conf_problem(&r->reporter, at->line, "error \"%s\" has the codes 0x%08x to 0x%08x. Write the smaller first; 0 is no error",
		             at->title, text.first, text.last);
	if (strlen(at->title) >= SDF_CODE_NAME_MAX)
		conf_problem(&r->reporter, at->line, "the name of error \"%s\" is too long. It may have %d characters", at->title,
		             SDF_CODE_NAME_MAX - 1);
	if (r->reporter.found || text.means == PROFILE_MEANINGS)
		return false;
	*row = (struct sdf_error){.first = text.first, .last = text.last, .err = profile_meanings[text.means].err,
	                          .session_dead = text.session == 1};
	memcpy(row->name, at->title, strlen(at->title) + 1);
	return true;
}

static void read_sections(struct read *r)
{
	size_t nerrors = 0;
	fill(r, OUTLINE_TOP, r->profile);
	for (size_t i = 0; i < r->outline.nsections && !r->no_memory; i++) {
		struct sdf_error row;
		if (r->outline.sections[i].dropped)
			continue;
		if (strcmp(r->outline.sections[i].kind, "error") != 0)
			fill(r, i, r->profile);
		else if (read_error(r, i, &row))
			add_error(r, &row, nerrors++);
	}
}

static void take_calls_away(struct sdf_profile *profile)
{
	for (size_t i = 0; i < SDF_EXTRAS; i++) {
		if (profile->extra[i] && strcmp(profile->extra[i], PROFILE_NO_CALL) == 0) {
			free(profile->extra[i]);
			profile->extra[i] = NULL;
		}
	}
}

/* -- the whole --------------------------------------------------------------------------- */

static void list_values(const struct profile_values *values, char *out, size_t cap)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; values->values[i] != UINT32_MAX && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%u", !i ? "" : values->values[i + 1] == UINT32_MAX ? " or " : ", ",
		                        values->values[i]);
}

static void check_values(struct read *r, const struct profile_values *values)
{
	char list[64];
	uint32_t value;
	memcpy(&value, (const uint8_t *)r->profile + values->offset, sizeof(value));
	for (size_t i = 0; values->values[i] != UINT32_MAX; i++)
		if (values->values[i] == value)
			return;
	list_values(values, list, sizeof(list));
	conf_problem(&r->reporter, line_of(r, NULL, values->key), "%s = %u is not possible. Write %s", values->key, value, list);
}

static void check(struct read *r)
{
	const struct sdf_profile *p = r->profile;
	for (size_t i = 0; i < profile_nvalues; i++)
		check_values(r, &profile_values[i]);
	if (p->data_max % 16)
		conf_problem(&r->reporter, line_of(r, "limits", "data_max"), "data_max = %u is no multiple of 16, a block of SM4. "
		             "Write one", p->data_max);
	if (p->cipher == SDF_CIPHER_STANDARD && p->cipher_room)
		conf_problem(&r->reporter, line_of(r, "structs", "cipher_room"), "cipher_room goes with cipher = length-first: the "
		             "standard's struct ends with C. Take it away");
	if (p->cipher == SDF_CIPHER_LENGTH_FIRST && p->cipher_room < 16)
		conf_problem(&r->reporter, line_of(r, "structs", "cipher"), "cipher = length-first needs cipher_room, the bytes of C in "
		             "the vendor's struct, 16 or more");
	if (p->cipher == SDF_CIPHER_LENGTH_FIRST && p->envelope_max)
		conf_problem(&r->reporter, line_of(r, "structs", "envelope_max"), "envelope_max goes with cipher = standard. Take it "
		             "away");
}

/* "/usr/share/hufu/profiles/sansec.conf" is sansec. */
static bool set_name(struct sdf_profile *profile, const char *source)
{
	const char *slash = strrchr(source, '/'), *from = slash ? slash + 1 : source;
	size_t len = strlen(from);
	if (len > 5 && strcmp(from + len - 5, ".conf") == 0)
		len -= 5;
	char *name = strndup(from, len);
	if (!name)
		return false;
	free(profile->name);
	profile->name = name;
	return true;
}

static void read_profile(struct read *r, char *text)
{
	if (!outline_read(text, &profile_form, &r->reporter, &r->outline)) {
		r->no_memory = true;
		return;
	}
	outline_vet(&r->outline, text, &r->reporter);
	r->values = values_read(&r->outline, text, &r->reporter);
	if (!r->values)
		return;
	start_from_base(r);
	if (!r->profile)
		return;
	read_sections(r);
	take_calls_away(r->profile);
	check(r);
	r->no_memory |= !set_name(r->profile, r->reporter.name);
}

/* text is used up; NULL: the reporter knows why. */
static enum hufu_err finish(struct read *r, char *text, struct sdf_profile **out)
{
	if (text)
		read_profile(r, text);
	values_free(r->values);
	outline_clear(&r->outline);
	free(text);
	bool good = conf_problems_tell(&r->reporter, r->report, r->arg) && r->profile && !r->no_memory;
	if (good)
		*out = r->profile;
	else
		sdf_profile_free(r->profile);
	return r->no_memory ? HUFU_ERR_NO_MEMORY : good ? HUFU_OK : HUFU_ERR_CONFIG;
}

enum hufu_err sdf_profile_parse(const char *text, const char *name, conf_report_fn report, void *arg, struct sdf_profile **out)
{
	struct read r = {.reporter = {.name = name}, .report = report, .arg = arg};
	char *copy = strlen(text) <= CONF_MAX_BYTES ? strdup(text) : NULL;
	if (!copy)
		conf_problem(&r.reporter, 0, "the text is larger than 1 MiB, or memory is out");
	return finish(&r, copy, out);
}

/* -- where profiles are -------------------------------------------------------------------- */

static enum hufu_err load_path(const char *path, unsigned depth, conf_report_fn report, void *arg, struct sdf_profile **out)
{
	struct read r = {.reporter = {.name = path}, .report = report, .arg = arg, .files = true, .depth = depth};
	return finish(&r, conf_read_text(path, &r.reporter), out);
}

/* A file that is there and cannot be used is said, not passed over: HUFU_ERR_NOT_FOUND is one that is not there. */
static enum hufu_err load_from(const char *dir, const char *name, unsigned depth, conf_report_fn report, void *arg,
                               struct sdf_profile **out)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s.conf", dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return HUFU_ERR_NOT_FOUND;
	if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return HUFU_ERR_NOT_FOUND;
	return load_path(path, depth, report, arg, out);
}

static void __attribute__((format(printf, 3, 4))) tell(conf_report_fn report, void *arg, const char *fmt, ...)
{
	char message[PATH_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (report)
		report(arg, message);
}

static enum hufu_err load_named(const char *name, unsigned depth, conf_report_fn report, void *arg, struct sdf_profile **out)
{
	if (name[0] == '/')
		return load_path(name, depth, report, arg, out);
	if (!conf_name_valid(name)) {
		tell(report, arg, "profile \"%s\" is no name. Use letters, digits, dots, dashes or underscores, or an absolute path", name);
		return HUFU_ERR_CONFIG;
	}
	enum hufu_err err = load_from(SYSTEM_PROFILES, name, depth, report, arg, out);
	if (err == HUFU_ERR_NOT_FOUND)
		err = load_from(SHIPPED_PROFILES, name, depth, report, arg, out);
	if (err == HUFU_ERR_NOT_FOUND)
		err = standard_profile(name, out);
	if (err != HUFU_ERR_NOT_FOUND)
		return err;
	tell(report, arg, "there is no profile \"%s\" in " SYSTEM_PROFILES " or " SHIPPED_PROFILES ". Write one, or name a file by its "
	     "absolute path", name);
	return HUFU_ERR_CONFIG;
}

enum hufu_err sdf_profile_load(const char *name, conf_report_fn report, void *arg, struct sdf_profile **out)
{
	return load_named(name, 0, report, arg, out);
}

/* -- codes --------------------------------------------------------------------------------- */

static const struct sdf_error *find_error(const struct sdf_profile *profile, uint32_t code)
{
	for (size_t i = 0; i < profile->nerrors; i++)
		if (code >= profile->errors[i].first && code <= profile->errors[i].last)
			return &profile->errors[i];
	return NULL;
}

const struct sdf_error *sdf_profile_error(const struct sdf_profile *profile, uint32_t code)
{
	static const struct sdf_error good = {0, 0, HUFU_OK, false, "SDR_OK"};
	static const struct sdf_error unknown = {1, UINT32_MAX, HUFU_ERR_LOST, true, "unknown"};
	const struct sdf_error *found = code ? find_error(profile, code) : &good;
	return found ? found : &unknown;
}

const char *sdf_code_name(const struct sdf_profile *profile, uint32_t code)
{
	const struct sdf_error *found = code ? find_error(profile, code) : sdf_profile_error(profile, 0);
	return found ? found->name : NULL;
}
