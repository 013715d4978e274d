/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_states.h"
#include "base/conf_edit.h"
#include "base/conf_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WHY_MAX 200           /* characters: one line of a table, or two */
#define LOCK_TRIES 50         /* a tenth of a second each */

static const char *const wish_names[] = {"enabled", "draining", "maintenance", "removed"};

const char *conf_wish_name(enum conf_wish wish)
{
	return (unsigned)wish < sizeof(wish_names) / sizeof(wish_names[0]) ? wish_names[wish] : "?";
}

/* -- reading --------------------------------------------------------------------- */

static const struct conf_key device_keys[] = {
	{"wish", CONF_CHOICE, offsetof(struct conf_state, wish), .choices = {"enabled", "draining", "maintenance", "removed"}},
	{"by", CONF_TEXT, offsetof(struct conf_state, by)},
	{"at", CONF_TEXT, offsetof(struct conf_state, at)},
	{"why", CONF_TEXT, offsetof(struct conf_state, why)},
};

static const struct conf_section sections[] = {
	{"", false, NULL, 0},
	{"device", true, device_keys, sizeof(device_keys) / sizeof(device_keys[0])},
};

static const struct conf_form states_form = {
	.sections = sections, .nsections = sizeof(sections) / sizeof(sections[0]), .names = "device, and no other",
};

struct read {
	const struct conf *conf;     /* NULL: any device will do */
	struct conf_reporter reporter;
	conf_report_fn report;
	void *arg;
	struct outline outline;
	struct cfg_t *values;
	struct conf_states *states;
	bool no_memory;
};

static void state_clear(struct conf_state *state)
{
	free(state->device);
	free(state->by);
	free(state->at);
	free(state->why);
}

void conf_states_clear(struct conf_states *states)
{
	for (size_t i = 0; i < states->n; i++)
		state_clear(&states->states[i]);
	free(states->states);
	*states = (struct conf_states){0};
}

static bool has_device(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ndevices; i++)
		if (strcmp(conf->devices[i].name, name) == 0)
			return true;
	return false;
}

/* Not a mistake of this file: the configuration may have lost the device since. */
static void tell_unknown(struct read *r, const struct outline_section *at)
{
	char *message = NULL;
	if (!r->report)
		return;
	if (asprintf(&message, "%s:%d: there is no device \"%s\" in the configuration. What is wished for it does nothing",
	             r->reporter.name, at->line, at->title) >= 0)
		r->report(r->arg, message);
	free(message);
}

static void fill(struct read *r, size_t section, struct conf_state *state)
{
	for (size_t i = 0; i < sections[1].nkeys; i++) {
		const struct conf_key *key = &sections[1].keys[i];
		const struct outline_key *at = outline_find(&r->outline, section, key->name);
		const char *text = at ? values_get(r->values, &r->outline, at, 0) : NULL;
		char why[PATH_MAX + 256];
		if (text && !conf_convert(key, text, state, why, sizeof(why)))
			conf_problem(&r->reporter, at->line, "%s", why);
	}
}

static void add_state(struct read *r, size_t section)
{
	const struct outline_section *at = &r->outline.sections[section];
	struct conf_state state = {.device = strdup(at->title)};
	struct conf_state *states = reallocarray(r->states->states, r->states->n + 1, sizeof(*states));
	if (states)
		r->states->states = states;
	if (!states || !state.device) {
		free(state.device);
		r->no_memory = true;
		return;
	}
	fill(r, section, &state);
	if (!outline_find(&r->outline, section, "wish") && !r->outline.cut)
		conf_problem(&r->reporter, at->line, "device \"%s\" has no wish. Add wish = draining, maintenance, removed or enabled",
		             at->title);
	states[r->states->n++] = state;
}

static void add_states(struct read *r)
{
	for (size_t i = 0; i < r->outline.nsections && !r->no_memory; i++) {
		const struct outline_section *at = &r->outline.sections[i];
		if (at->dropped)
			continue;
		if (!r->conf || has_device(r->conf, at->title))
			add_state(r, i);
		else
			tell_unknown(r, at);
	}
}

/* text is used up; NULL: the reporter knows why. */
static enum hufu_err read_states(struct read *r, char *text)
{
	if (text)
		r->no_memory = !outline_read(text, &states_form, &r->reporter, &r->outline);
	if (text && !r->no_memory) {
		outline_vet(&r->outline, text, &r->reporter);
		r->values = values_read(&r->outline, text, &r->reporter);
	}
	if (r->values)
		add_states(r);
	values_free(r->values);
	outline_clear(&r->outline);
	free(text);
	bool good = conf_problems_tell(&r->reporter, r->report, r->arg);
	if (r->no_memory || !good)
		conf_states_clear(r->states);
	return r->no_memory ? HUFU_ERR_NO_MEMORY : good ? HUFU_OK : HUFU_ERR_CONFIG;
}

enum hufu_err conf_states_parse(const struct conf *conf, const char *text, const char *name, conf_report_fn report, void *arg,
                                struct conf_states *states)
{
	struct read r = {.conf = conf, .reporter = {.name = name}, .report = report, .arg = arg, .states = states};
	*states = (struct conf_states){0};
	char *copy = strlen(text) <= CONF_MAX_BYTES ? strdup(text) : NULL;
	if (!copy)
		conf_problem(&r.reporter, 0, "the text is larger than 1 MiB, or memory is out");
	return read_states(&r, copy);
}

static enum hufu_err load(const char *path, const struct conf *conf, conf_report_fn report, void *arg, struct conf_states *states)
{
	struct read r = {.conf = conf, .reporter = {.name = path}, .report = report, .arg = arg, .states = states};
	*states = (struct conf_states){0};
	if (!path || (access(path, F_OK) != 0 && errno == ENOENT))
		return HUFU_OK;
	return read_states(&r, conf_read_text(path, &r.reporter));
}

enum hufu_err conf_states_load(const struct conf *conf, conf_report_fn report, void *arg, struct conf_states *states)
{
	return load(conf->states, conf, report, arg, states);
}

enum hufu_err conf_states_load_file(const char *path, conf_report_fn report, void *arg, struct conf_states *states)
{
	return load(path, NULL, report, arg, states);
}

static struct conf_state *find(const struct conf_states *states, const char *device)
{
	for (size_t i = 0; i < states->n; i++)
		if (strcmp(states->states[i].device, device) == 0)
			return &states->states[i];
	return NULL;
}

enum conf_wish conf_states_wish(const struct conf_states *states, const char *device)
{
	const struct conf_state *state = find(states, device);
	return state ? state->wish : CONF_WISH_ENABLED;
}

/* -- changing --------------------------------------------------------------------- */

struct change {
	const struct conf *conf;
	const char *device;
	enum conf_wish wish;
	const char *why;
	char *err;
	size_t err_len;
};

static enum hufu_err refuse(const struct change *c, enum hufu_err err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static enum hufu_err refuse(const struct change *c, enum hufu_err err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->err, c->err_len, fmt, ap);
	va_end(ap);
	return err;
}

static bool why_is_good(const char *why)
{
	size_t len = why ? strlen(why) : 0;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)why[i] < 0x20 || why[i] == 0x7f)
			return false;
	return len <= WHY_MAX;
}

static enum hufu_err check_change(const struct change *c)
{
	if (!c->conf->states)
		return refuse(c, HUFU_ERR_CONFIG, "there is no configuration file, so there is nowhere to keep wishes for devices. "
		              "Create %s/hufu/hufu.conf", HUFU_SYSCONFDIR);
	if (!has_device(c->conf, c->device))
		return refuse(c, HUFU_ERR_ARGUMENT, "there is no device \"%s\" in %s. See hufu device list", c->device, c->conf->path);
	if (!why_is_good(c->why))
		return refuse(c, HUFU_ERR_ARGUMENT, "the reason is no line of at most %d characters. Shorten it", WHY_MAX);
	return HUFU_OK;
}

/* The name of who runs us, freed by the caller. */
static char *user_name(void)
{
	char text[4096], *name = NULL;
	struct passwd entry, *found = NULL;
	if (getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 && found)
		return strdup(found->pw_name);
	return asprintf(&name, "user %u", (unsigned)getuid()) < 0 ? NULL : name;
}

static char *time_now(void)
{
	char text[32];
	struct tm tm;
	time_t now = time(NULL);
	return gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) ? strdup(text) : NULL;
}

static struct conf_state *find_or_add(struct conf_states *states, const char *device)
{
	struct conf_state *state = find(states, device);
	struct conf_state *more = state ? NULL : reallocarray(states->states, states->n + 1, sizeof(*more));
	if (!more)
		return state;
	states->states = more;
	more[states->n] = (struct conf_state){.device = strdup(device)};
	return more[states->n].device ? &more[states->n++] : NULL;
}

static enum hufu_err apply(const struct change *c, struct conf_states *states)
{
	struct conf_state *state = find_or_add(states, c->device);
	if (!state)
		return refuse(c, HUFU_ERR_NO_MEMORY, "memory is out");
	struct conf_state made = {
		.device = state->device, .wish = c->wish, .by = user_name(), .at = time_now(), .why = c->why ? strdup(c->why) : NULL,
	};
	state->device = NULL; /* passed on */
	state_clear(state);
	*state = made;
	return made.by && made.at && !made.why == !c->why ? HUFU_OK : refuse(c, HUFU_ERR_NO_MEMORY, "memory is out");
}

static void print_text(FILE *out, const char *key, const char *text)
{
	if (!text)
		return;
	fprintf(out, "  %s = ", key);
	conf_print_string(out, text);
}

/* A device that is enabled is not named: that is what is not said of it. */
static void print_states(FILE *out, const struct conf_states *states)
{
	fputs("# Written by \"hufu device\": what is wished for the devices of the configuration.\n", out);
	for (size_t i = 0; i < states->n; i++) {
		const struct conf_state *state = &states->states[i];
		if (state->wish == CONF_WISH_ENABLED)
			continue;
		fprintf(out, "device \"%s\" { wish = %s", state->device, conf_wish_name(state->wish));
		print_text(out, "by", state->by);
		print_text(out, "at", state->at);
		print_text(out, "why", state->why);
		fputs(" }\n", out);
	}
}

/* Like the configuration's, within mask. What root cannot give away stays root's, who is trusted as well. */
static bool take_mode(int fd, const char *conf_path, mode_t mask)
{
	struct stat st;
	if (stat(conf_path, &st) != 0)
		return false;
	if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0 && errno != EPERM)
		return false;
	return fchmod(fd, (st.st_mode & mask) | 0600) == 0;
}

/* Into fd, which is closed; errno says why not. */
static bool write_file(int fd, const struct conf *conf, const struct conf_states *states)
{
	FILE *out = take_mode(fd, conf->path, 0644) ? fdopen(fd, "w") : NULL;
	if (!out) {
		close(fd);
		return false;
	}
	print_states(out, states);
	bool good = fflush(out) == 0 && fsync(fd) == 0;
	return fclose(out) == 0 && good;
}

static enum hufu_err replace(const struct change *c, const struct conf_states *states)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s.new", c->conf->states);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(c, HUFU_ERR_CONFIG, "%s: the path is too long. Shorten it", c->conf->states);
	(void)unlink(path); /* of one that died while it wrote: we hold the lock */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool written = fd >= 0 && write_file(fd, c->conf, states);
	/* One that nobody would trust would hide every wish that stands. */
	if (written && conf_check_file(path, c->err, c->err_len) != HUFU_OK) {
		(void)unlink(path);
		return HUFU_ERR_CONFIG;
	}
	if (written && rename(path, c->conf->states) == 0) {
		conf_sync_directory_of(path);
		return HUFU_OK;
	}
	int err = errno;
	if (fd >= 0)
		(void)unlink(path);
	return refuse(c, HUFU_ERR_CONFIG, "%s cannot be written: %s. Check the directory and its disk", c->conf->states,
	              strerrordesc_np(err));
}

/* No second name of a file that somebody else put there: its owner and mode would change with the lock's. */
static bool is_own_file(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/* The lock file stays: taking it away would let two administrators hold different ones. Only they may hold it: 0600. */
static enum hufu_err take_lock(const struct change *c, int *fd)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s.lock", c->conf->states);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(c, HUFU_ERR_CONFIG, "%s: the path is too long. Shorten it", c->conf->states);
	*fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return refuse(c, errno == EACCES || errno == EPERM || errno == EROFS ? HUFU_ERR_STORE_READ_ONLY : HUFU_ERR_STORE_IO,
		              "%s: %s. Who changes the state of devices must be able to write there", path, strerrordesc_np(errno));
	if (!is_own_file(*fd)) {
		close(*fd);
		return refuse(c, HUFU_ERR_CONFIG, "%s is no file of its own, but another name of one. Delete it", path);
	}
	(void)!take_mode(*fd, c->conf->path, 0600);
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
			return HUFU_OK;
		usleep(100000);
	}
	close(*fd);
	return refuse(c, HUFU_ERR_BUSY, "%s: another program holds the lock. Try again when it has ended", path);
}

/* The first mistake is enough for one line. */
static void keep_first(void *arg, const char *message)
{
	const struct change *c = arg;
	if (!c->err[0])
		snprintf(c->err, c->err_len, "%s", message);
}

static enum hufu_err change_locked(struct change *c)
{
	struct conf_states states;
	c->err[0] = '\0';
	enum hufu_err err = conf_states_load(c->conf, keep_first, c, &states);
	if (err == HUFU_OK) {
		c->err[0] = '\0'; /* wishes for devices that are gone end here */
		err = apply(c, &states);
		if (err == HUFU_OK)
			err = replace(c, &states);
		conf_states_clear(&states);
	}
	return err;
}

enum hufu_err conf_states_set(const struct conf *conf, const char *device, enum conf_wish wish, const char *why, char *err_text,
                              size_t err_len)
{
	struct change c = {.conf = conf, .device = device, .wish = wish, .why = why, .err = err_text, .err_len = err_len};
	enum hufu_err err = check_change(&c);
	if (err != HUFU_OK)
		return err;
	int lock;
	err = take_lock(&c, &lock);
	if (err != HUFU_OK)
		return err;
	err = change_locked(&c);
	close(lock);
	return err;
}
