/* SPDX-License-Identifier: Apache-2.0 */
/* hufu driver qualify: what a vendor's library does, chapter by chapter, in a process of its own. */
#include "tools/qualify/judge.h"
#include "tools/report.h"

#include "config.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const struct opt qualify_opts[] = {
	{"profile", 0, "PROFILE", "how the library is known to differ from GM/T 0018: a name, or a file's path"},
	{"chapters", 0, "LIST", "only these, with commas between; help: list them"},
	{"quick", 'q', NULL, "about half a minute: the default"},
	{"full", 0, NULL, "up to an hour: more random numbers, calls and threads, and sessions left idle"},
	{"report", 0, "DIR", "where the report and the profile go, default qualify-NAME"},
	{"index", 0, "N", "index of the key pairs to work with, default the first that is there"},
	{"password-fd", 0, "FD", "read the password of these pairs, or a driver's of its user, from this descriptor"},
	{"password-file", 0, "FILE", "read it from this file"},
	{"kek", 0, "N", "index of a key encryption key to work with"},
	{"open-config", 0, "PATH", "hand this to the open call of the profile (SDF_OpenDeviceEx and kin)"},
	{"set", 0, "KEY=VALUE", "a setting for a driver of hufu's; may be given several times"},
	{"threads", 0, "N", "threads at once, default 8 (--full: 16)"},
	{"idle", 0, "SECONDS", "how long sessions are left idle, default 660"},
	{"timeout", 0, "SECONDS", "how long a call may take, default 30"},
	{"user", 0, "USER", "as whom the library runs where root starts this, default nobody"},
	{0},
};

/* -- what is examined --------------------------------------------------------------------- */

/* "/opt/vendor/lib/libswsds.so.2" -> "swsds". */
static char *stem(const char *path)
{
	const char *base = strrchr(path, '/') + 1;

	base += !strncmp(base, "lib", 3) && base[3] && base[3] != '.' ? 3 : 0;
	char *name = strndup(base, strcspn(base, "."));
	for (char *c = name; c && *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
			*c = '-';
	return name;
}

/* It is not loaded here: its file is looked at for the one name that a driver exports. */
static enum status look_at(struct judge *j)
{
	int fd = open(j->library, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		enum status status = fail_errno(NULL, "%s", j->library);
		if (fd >= 0)
			close(fd);
		return status;
	}
	void *bytes = S_ISREG(st.st_mode) && st.st_size > SELFMAG ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
	                                                          : MAP_FAILED;
	bool elf = bytes != MAP_FAILED && !memcmp(bytes, ELFMAG, SELFMAG);
	j->driver = elf && elf_exports(bytes, (size_t)st.st_size, HUFU_DRIVER_ENTRY);
	if (bytes != MAP_FAILED)
		munmap(bytes, (size_t)st.st_size);
	close(fd);
	return elf ? ST_OK
	           : fail(ST_USAGE, "Give the path of a GM/T 0018 library, or of a driver for hufu.", "%s is no shared library",
	                  j->library);
}

/* An option that counts for nothing would be taken for one that did. */
static enum status check_options(const struct judge *j)
{
	static const char *const of_libraries[] = {"profile", "index", "kek", "open-config", "idle", NULL}, *const of_drivers[] = {"set", NULL};

	for (const char *const *name = j->driver ? of_libraries : of_drivers; *name; name++)
		if (arg_has(j->args, *name))
			return fail(ST_USAGE, j->driver ? "--set KEY=VALUE gives what its device's section would." : NULL,
			            "--%s is not for %s", *name, j->driver ? "a driver of hufu's" : "a GM/T 0018 library");
	return ST_OK;
}

static void problem(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

/* A path may be relative here: it is the user's own, not a configuration's. */
static enum status load_profile(struct judge *j)
{
	const char *name = arg_get(j->args, "profile");
	char path[PATH_MAX];

	if (j->driver)
		return ST_OK;
	if (name && strchr(name, '/') && realpath(name, path))
		name = path;
	enum hufu_err err = sdf_profile_load(name ? name : "gmt0018-2023", problem, NULL, &j->profile);
	return err ? fail_err(err, "reading the profile %s", name ? name : "gmt0018-2023") : ST_OK;
}

static enum status find_user(struct judge *j)
{
	const char *name = arg_get(j->args, "user");

	if (geteuid() != 0)
		return name ? fail(ST_USAGE, NULL, "only root can run the library as another user") : ST_OK;
	struct passwd *user = getpwnam(name ? name : "nobody");
	if (!user)
		return fail(ST_NOT_FOUND, "--user names another.", "there is no user %s", name ? name : "nobody");
	j->uid = user->pw_uid;
	j->gid = user->pw_gid;
	j->change_user = true;
	return ST_OK;
}

static enum status read_password(struct judge *j)
{
	const char *file = arg_get(j->args, "password-file");
	unsigned long fd;

	if (file)
		return pin_from_file(file, &j->password);
	if (!arg_has(j->args, "password-fd"))
		return ST_OK;
	enum status status = arg_number(j->args, "password-fd", 0, INT_MAX, 0, &fd);
	return status ? status : pin_from_fd((int)fd, "--password-fd", &j->password);
}

static json_t *driver_settings(const struct args *args)
{
	json_t *settings = json_object();
	const char *word;

	for (int i = 0; (word = arg_nth(args, "set", i)); i++) {
		size_t len = strcspn(word, "=");
		char *key = strndup(word, len);
		json_object_set_new(settings, key, json_string(word[len] ? word + len + 1 : ""));
		free(key);
	}
	return settings;
}

static enum status settings(struct judge *j)
{
	bool full = arg_has(j->args, "full");
	unsigned long index, kek, threads, idle;
	enum status status = arg_number(j->args, "index", 1, 65535, 0, &index);

	if (status == ST_OK)
		status = arg_number(j->args, "kek", 1, 65535, 0, &kek);
	if (status == ST_OK)
		status = arg_number(j->args, "threads", 2, 64, full ? 16 : 8, &threads);
	if (status == ST_OK)
		status = arg_number(j->args, "idle", 1, 86400, 660, &idle);
	if (status == ST_OK)
		status = arg_number(j->args, "timeout", 1, 3600, 30, &j->timeout_s);
	if (status == ST_OK && full && arg_has(j->args, "quick"))
		status = fail(ST_USAGE, NULL, "--quick and --full exclude each other");
	if (status)
		return status;
	j->settings = json_pack("{s:I,s:I,s:I,s:I,s:b,s:s?,s:o}", "index", (json_int_t)index, "kek", (json_int_t)kek, "threads",
	                        (json_int_t)threads, "idle_s", (json_int_t)idle, "full", full, "open_config",
	                        arg_get(j->args, "open-config"), "conf", driver_settings(j->args));
	return ST_OK;
}

/* The report is handed on, and a driver's setting may be anything: a password, too. Of those the names are told. */
static json_t *settings_to_tell(const struct judge *j)
{
	json_t *told = json_copy(j->settings), *names = json_array();
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(j->settings, "conf"), name, value)
		json_array_append_new(names, json_string(name));
	json_object_set_new(told, "conf", names);
	return told;
}

static enum status begin(struct judge *j)
{
	enum status status;

	j->library = realpath(arg_target(j->args, 0), NULL);
	if (!j->library)
		return fail_errno(NULL, "%s", arg_target(j->args, 0));
	j->name = stem(j->library);
	status = look_at(j);
	if (status == ST_OK)
		status = check_options(j);
	if (status == ST_OK)
		status = load_profile(j);
	if (status == ST_OK)
		status = find_user(j);
	if (status == ST_OK)
		status = settings(j);
	if (status == ST_OK)
		status = read_password(j);
	if (status)
		return status;
	char date[32];
	time_t now = time(NULL);
	struct tm tm;
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	j->avoid = json_array();
	j->report = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:[]}", "schema", "hufu-qualify/1", "library", j->library, "name",
	                      j->name, "kind", j->driver ? "driver" : "GM/T 0018", "profile", j->profile ? j->profile->name : "",
	                      "hufu", PACKAGE_VERSION, "date", date, "settings", settings_to_tell(j), "chapters");
	return ST_OK;
}

/* -- which chapters -------------------------------------------------------------------------- */

static unsigned kind(const struct judge *j)
{
	return j->driver ? CHAPTER_DRIVER : CHAPTER_SDF;
}

/* "a,b" has b. */
static bool listed(const char *list, const char *id)
{
	size_t len = strlen(id);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == len && !strncmp(list, id, len))
			return true;
	return false;
}

static bool wanted(const struct judge *j, const struct chapter *c)
{
	const char *list = arg_get(j->args, "chapters");
	json_t *threads = report_chapter(j->report, "threads");

	if (!(c->flags & kind(j)))
		return false;
	if (list)
		return listed(list, c->id);
	/* A device each is only tried where a session each went wrong. */
	if (!strcmp(c->id, "threads-devices"))
		return chapter_count(threads, RESULT_fault) || (j->profile && j->profile->concurrency == SDF_CONCURRENT_DEVICES);
	return !(c->flags & CHAPTER_FULL) || arg_has(j->args, "full");
}

static enum status check_list(const struct judge *j)
{
	const char *list = arg_get(j->args, "chapters");

	for (; list && *list; list += strcspn(list, ","), list += *list == ',') {
		const struct chapter *c = chapters;
		size_t len = strcspn(list, ",");
		while (c->id && (strlen(c->id) != len || strncmp(c->id, list, len) != 0 || !(c->flags & kind(j))))
			c++;
		if (!c->id)
			return fail(ST_USAGE, "--chapters help lists them.", "there is no chapter \"%.*s\"", (int)len, list);
	}
	return ST_OK;
}

static enum status list_chapters(const struct judge *j)
{
	for (const struct chapter *c = chapters; c->id; c++)
		if (c->flags & kind(j))
			printf("%-16s %s%s\n", c->id, c->title, c->flags & CHAPTER_FULL ? " (with --full, or when asked for)" : "");
	return ST_OK;
}

/* -- all of it ---------------------------------------------------------------------------------- */

/* Whatever else there was to examine is no more to be had. */
static bool loaded(const struct judge *j)
{
	json_t *list = json_object_get(j->report, "chapters"), *check;
	size_t i;

	json_array_foreach(json_object_get(json_array_get(list, 0), "checks"), i, check)
		if (!strcmp(json_string_value(json_object_get(check, "id")), "load"))
			return false;
	return true;
}

static enum status examine(struct judge *j)
{
	enum status status = ST_OK;

	for (const struct chapter *c = chapters; c->id && status == ST_OK && !j->stopped && loaded(j); c++) {
		if (!wanted(j, c))
			continue;
		if (isatty(STDERR_FILENO) || arg_has(j->args, "progress"))
			note("%s", c->title);
		status = judge_chapter(j, c);
	}
	return status;
}

static void count(struct judge *j)
{
	json_t *counts = json_object(), *chapter;
	size_t i;

	for (int r = 0; r < RESULTS_COUNT; r++) {
		size_t n = 0;
		json_array_foreach(json_object_get(j->report, "chapters"), i, chapter)
			n += chapter_count(chapter, (enum result)r);
		json_object_set_new(counts, result_name((enum result)r), json_integer((json_int_t)n));
	}
	json_object_set_new(j->report, "counts", counts);
}

static enum status verdict(const struct judge *j)
{
	json_int_t faults = json_integer_value(json_object_get(json_object_get(j->report, "counts"), "fault"));

	if (j->stopped)
		return fail(ST_PARTIAL, NULL, "stopped; the report holds what was done until then");
	return faults ? fail(ST_INTEGRITY, "The report says what each of them means.", "%lld fault%s found", (long long)faults,
	                     faults == 1 ? "" : "s")
	              : ST_OK;
}

static enum status run(struct judge *j)
{
	const char *dir = arg_get(j->args, "report");
	char other[PATH_MAX];
	enum status status = check_list(j);

	snprintf(other, sizeof other, "qualify-%s", j->name);
	if (status == ST_OK)
		status = examine(j);
	if (status)
		return status;
	count(j);
	status = write_report(j, dir ? dir : other);
	if (status == ST_OK)
		status = print_report(j);
	return status ? status : verdict(j);
}

enum status cmd_driver_qualify(const struct args *args)
{
	struct judge j = {.args = args};
	enum status status = begin(&j);

	if (status == ST_OK)
		status = arg_has(args, "chapters") && !strcmp(arg_get(args, "chapters"), "help") ? list_chapters(&j) : run(&j);
	sdf_profile_free(j.profile);
	pin_clear(&j.password);
	json_decref(j.avoid);
	json_decref(j.settings);
	json_decref(j.report);
	free(j.library);
	free(j.name);
	return status;
}
