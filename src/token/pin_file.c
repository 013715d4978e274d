/* SPDX-License-Identifier: Apache-2.0 */
#include "token/pin_file.h"
#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reason {
	char *text;
	size_t len;
};

static bool refuse(struct reason why, const char *text)
{
	snprintf(why.text, why.len, "%s", text);
	return false;
}

/* conf_check_file has looked at the owner and at who may write; this is about who may read. */
static bool is_private(const char *path, int fd, struct reason why)
{
	struct stat st;
	if (conf_check_file(path, why.text, why.len) != HUFU_OK)
		return false;
	if (fstat(fd, &st) != 0)
		return refuse(why, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return refuse(why, "it is not a file of root or of this user. Give it to this one (chown)");
	if (st.st_mode & 077)
		return refuse(why, "others may read or write it. Take their rights away (chmod 600), and change the PIN");
	return true;
}

static bool read_all(int fd, uint8_t *pin, size_t *len, struct reason why)
{
	ssize_t n = read(fd, pin, PIN_FILE_MAX);
	if (n < 0)
		return refuse(why, strerrordesc_np(errno));
	if (n > 0 && pin[n - 1] == '\n')
		n--;
	if (n == 0 || n == (ssize_t)PIN_FILE_MAX)
		return refuse(why, "it holds no PIN. Write the user PIN into it");
	*len = (size_t)n;
	return true;
}

bool pin_file_read(const char *path, enum pin_file kind, uint8_t *pin, size_t *len, char *why, size_t why_len)
{
	struct reason reason = {why, why_len};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse(reason, strerrordesc_np(errno));
	bool good = (kind == PIN_FILE_CREDENTIAL || is_private(path, fd, reason)) && read_all(fd, pin, len, reason);
	close(fd);
	return good;
}
