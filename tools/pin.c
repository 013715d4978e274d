/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/pin.h"
#include "base/secret.h"
#include "tools/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pin_clear(struct pin *pin)
{
	secret_free(pin->bytes);
	*pin = (struct pin){0};
}

/* Byte by byte, so that nothing after the line is taken from a pipe. */
enum status pin_from_fd(int fd, const char *name, struct pin *pin)
{
	ssize_t got = 0;

	*pin = (struct pin){.bytes = secret_alloc(PIN_MAX + 1)};
	if (!pin->bytes)
		return fail_memory();
	while (pin->len <= PIN_MAX) {
		got = read(fd, pin->bytes + pin->len, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || pin->bytes[pin->len] == '\n')
			break;
		pin->len++;
	}
	if (got < 0)
		return fail(ST_AUTH, NULL, "cannot read the PIN from %s: %s", name, strerror(errno));
	if (pin->len > PIN_MAX)
		return fail(ST_AUTH, NULL, "the PIN in %s is longer than %d bytes", name, PIN_MAX);
	if (pin->len && pin->bytes[pin->len - 1] == '\r')
		pin->len--;
	if (pin->len == 0)
		return fail(ST_AUTH, "The PIN stands alone on one line.", "%s holds no PIN", name);
	return ST_OK;
}

static enum status check_mode(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(ST_AUTH, NULL, "cannot look at the PIN file %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(ST_AUTH, "For a pipe use --pin-fd.", "the PIN file %s is no regular file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return fail(ST_AUTH, "Make a PIN file of your own.", "the PIN file %s belongs to another user", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return fail(ST_AUTH, "Close it (chmod 600), and change the PIN if others may have read it.",
		            "the PIN file %s is open to others (mode %03o)", path, (unsigned)st.st_mode & 0777);
	return ST_OK;
}

static enum status read_file(const char *path, bool check, struct pin *pin)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return fail(ST_AUTH, NULL, "cannot open the PIN file %s: %s", path, strerror(errno));
	enum status status = check ? check_mode(fd, path) : ST_OK;
	if (status == ST_OK)
		status = pin_from_fd(fd, path, pin);
	close(fd);
	return status;
}

enum status pin_from_file(const char *path, struct pin *pin)
{
	return read_file(path, true, pin);
}

/* systemd.exec(5): the manager made the directory for this unit alone, whatever the files' group bits (an ACL's mask) say. */
static enum status from_credential(const char *name, struct pin *pin)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];

	if (!dir || dir[0] != '/')
		return fail(ST_AUTH, "Use LoadCredential= or LoadCredentialEncrypted= in the unit.",
		            "there are no systemd credentials here");
	if (!name[0] || strchr(name, '/') || (size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
		return fail(ST_USAGE, NULL, "\"%s\" is no credential's name", name);
	return read_file(path, false, pin);
}

static const char *option(const struct args *args, const char *what, const char *where)
{
	char name[48];

	snprintf(name, sizeof name, "%s-%s", what, where);
	return arg_get(args, name);
}

bool pin_given(const struct args *args, const struct pin_wish *wish)
{
	return option(args, wish->what, "file") || option(args, wish->what, "fd") || option(args, wish->what, "credential") ||
	       wish->uri_file;
}

static enum status from_fd_option(const char *text, struct pin *pin)
{
	char *end, name[32];
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > 65535)
		return fail(ST_USAGE, "Open one: hufu ... --pin-fd 3 3< FILE.", "\"%s\" is no file descriptor", text);
	snprintf(name, sizeof name, "descriptor %ld", fd);
	return pin_from_fd((int)fd, name, pin);
}

enum status pin_read(const struct args *args, const struct pin_wish *wish, struct pin *pin)
{
	const char *file = option(args, wish->what, "file");
	const char *fd = option(args, wish->what, "fd");
	const char *credential = option(args, wish->what, "credential");

	*pin = (struct pin){0};
	if (!!file + !!fd + !!credential > 1)
		return fail(ST_USAGE, NULL, "give one of --%s-file, --%s-fd and --%s-credential", wish->what, wish->what,
		            wish->what);
	enum status status = file             ? pin_from_file(file, pin)
	                     : fd             ? from_fd_option(fd, pin)
	                     : credential     ? from_credential(credential, pin)
	                     : wish->uri_file ? pin_from_file(wish->uri_file, pin)
	                                      : pin_prompt(wish->prompt, wish->twice, pin);
	if (status)
		pin_clear(pin);
	return status;
}
