/* SPDX-License-Identifier: Apache-2.0 */
/* Where the configuration is, and what holds when there is none. */
#include "base/conf_edit.h"
#include "base/conf_internal.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define SYSTEM_CONF HUFU_SYSCONFDIR "/hufu/hufu.conf"

static void tell_one(conf_report_fn report, void *arg, const char *message)
{
	if (report)
		report(arg, message);
}

/* The user's home, from the account where HOME does not say; NULL: none. Freed by the caller. */
static char *home_dir(void)
{
	const char *home = secure_getenv("HOME");
	char text[4096];
	struct passwd entry, *found = NULL;
	if ((!home || home[0] != '/') && getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) == 0 && found)
		home = found->pw_dir;
	return home && home[0] == '/' ? strdup(home) : NULL;
}

/* XDG Base Directory Specification: relative paths in the variables count as unset. */
static char *data_dir(void)
{
	const char *data = secure_getenv("XDG_DATA_HOME");
	char *path = NULL;
	if (data && data[0] == '/')
		return asprintf(&path, "%s/hufu", data) < 0 ? NULL : path;
	char *home = home_dir();
	if (home && asprintf(&path, "%s/.local/share/hufu", home) < 0)
		path = NULL;
	free(home);
	return path;
}

static enum hufu_err conf_embedded(conf_report_fn report, void *arg, struct conf **out)
{
	struct conf *conf = conf_new(NULL);
	size_t soft = conf ? conf_soft_device(conf) : SIZE_MAX;
	if (soft == SIZE_MAX)
		goto no_memory;
	conf->token_dir = data_dir();
	if (!conf->token_dir) {
		tell_one(report, arg, "no home directory is known, so there is no place for tokens. Set HOME, XDG_DATA_HOME or "
		         "HUFU_CONF");
		conf_free(conf);
		return HUFU_ERR_CONFIG;
	}
	conf->defaults.devices = malloc(sizeof(*conf->defaults.devices));
	if (!conf->defaults.devices || asprintf(&conf->defaults.host_secret, "%s/host.key", conf->token_dir) < 0)
		goto no_memory;
	conf->defaults.devices[0] = soft;
	conf->defaults.ndevices = 1;
	*out = conf;
	return HUFU_OK;

no_memory:
	conf_free(conf);
	return HUFU_ERR_NO_MEMORY;
}

enum hufu_err conf_load(conf_report_fn report, void *arg, struct conf **conf)
{
	const char *path = secure_getenv("HUFU_CONF");
	if (path && *path)
		return conf_load_file(path, report, arg, conf);
	/* Whatever else is wrong with it is said, not passed over. */
	if (access(SYSTEM_CONF, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return conf_load_file(SYSTEM_CONF, report, arg, conf);
	if (!getauxval(AT_SECURE))
		return conf_embedded(report, arg, conf);
	tell_one(report, arg, SYSTEM_CONF " is missing, and a set-uid program reads no other. Create it");
	return HUFU_ERR_CONFIG;
}

static bool read_all(int fd, char *text, size_t cap, size_t *len)
{
	ssize_t n;
	*len = 0;
	while (*len < cap && (n = read(fd, text + *len, cap - *len)) != 0) {
		if (n < 0 && errno != EINTR)
			return false;
		*len += n > 0 ? (size_t)n : 0;
	}
	return true;
}

char *conf_read_text(const char *path, struct conf_reporter *reporter)
{
	char err[PATH_MAX + 256];
	size_t len = 0;
	int fd = conf_open_checked(path, err, sizeof(err));
	if (fd < 0) {
		conf_problem(reporter, CONF_LINE_NONE, "%s", err);
		return NULL;
	}
	char *text = malloc(CONF_MAX_BYTES + 2);
	bool good = text && read_all(fd, text, CONF_MAX_BYTES + 1, &len);
	close(fd);
	if (!good)
		conf_problem(reporter, 0, "the file could not be read: %s. Check the disk", strerrordesc_np(errno));
	else if (len > CONF_MAX_BYTES)
		conf_problem(reporter, 0, "the file is larger than 1 MiB. Is this a configuration?");
	else if (memchr(text, '\0', len))
		conf_problem(reporter, 0, "the file holds a zero byte. Is this a text file?");
	else {
		text[len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

/* Tells what was wrong; hands the configuration over, or frees it. */
static enum hufu_err finish(enum hufu_err err, struct conf *conf, struct conf_reporter *reporter, conf_report_fn report, void *arg,
                            struct conf **out)
{
	if (!conf_problems_tell(reporter, report, arg) && err == HUFU_OK)
		err = HUFU_ERR_CONFIG;
	if (err == HUFU_OK)
		*out = conf;
	else
		conf_free(conf);
	return err;
}

enum hufu_err conf_load_file(const char *path, conf_report_fn report, void *arg, struct conf **out)
{
	struct conf_reporter reporter = {.name = path};
	struct conf *conf = NULL;
	char *text = conf_read_text(path, &reporter);
	enum hufu_err err = text ? conf_read(text, path, &reporter, &conf) : HUFU_ERR_CONFIG;
	free(text);
	if (conf && !reporter.found && !conf->ntokens && !conf->token_dir)
		conf_problem(&reporter, 0, "there is neither a token nor token_dir, so there is no slot. Add token_dir = "
		             "\"/path\" or a token");
	return finish(err, conf, &reporter, report, arg, out);
}

char *conf_text(const struct conf *conf, conf_report_fn report, void *arg)
{
	struct conf_reporter reporter = {.name = conf->path};
	char *text = conf->path ? conf_read_text(conf->path, &reporter) : NULL;
	if (conf_problems_tell(&reporter, report, arg))
		return text;
	free(text);
	return NULL;
}

enum hufu_err conf_parse(const char *text, const char *name, conf_report_fn report, void *arg, struct conf **out)
{
	struct conf_reporter reporter = {.name = name};
	struct conf *conf = NULL;
	char *copy = strlen(text) <= CONF_MAX_BYTES ? strdup(text) : NULL;
	if (!copy)
		conf_problem(&reporter, 0, "the text is larger than 1 MiB, or memory is out");
	enum hufu_err err = copy ? conf_read(copy, NULL, &reporter, &conf) : HUFU_ERR_CONFIG;
	free(copy);
	return finish(err, conf, &reporter, report, arg, out);
}
