/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf/login.h"
#include "base/log.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIN_FILE_MAX 512u

static bool refuse(const char *path, const char *why)
{
	log_error("the PIN of the section sdf, %s: %s", path, why);
	return false;
}

/* conf_check_file has looked at the owner and at who may write; this is about who may read. */
static bool is_private(const char *path, int fd)
{
	struct stat st;
	char why[512];
	if (conf_check_file(path, why, sizeof why) != HUFU_OK)
		return refuse(path, why);
	if (fstat(fd, &st) != 0)
		return refuse(path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return refuse(path, "it is not a file of root or of this user. Give it to this one (chown)");
	if (st.st_mode & 077)
		return refuse(path, "others may read or write it. Take their rights away (chmod 600), and change the PIN");
	return true;
}

static bool read_pin(const char *path, uint8_t *pin, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse(path, strerrordesc_np(errno));
	ssize_t n = is_private(path, fd) ? read(fd, pin, PIN_FILE_MAX) : -1;
	close(fd);
	if (n <= 0 || n == (ssize_t)PIN_FILE_MAX)
		return n < 0 ? false : refuse(path, "it holds no PIN. Write the user PIN into it");
	*len = (size_t)n - (pin[n - 1] == '\n');
	return true;
}

CK_RV login_from_file(struct session *s, const char *path)
{
	size_t len = 0;
	uint8_t *pin = secret_alloc(PIN_FILE_MAX);
	if (!pin)
		return CKR_HOST_MEMORY;
	CK_RV rv = read_pin(path, pin, &len) ? session_login(s, CKU_USER, pin, len, NULL, 0) : CKR_PIN_INCORRECT;
	if (rv == CKR_PIN_LOCKED)
		refuse(path, "the user PIN is locked. Let the security officer set it anew");
	else if (rv != CKR_OK && len)
		refuse(path, "the user cannot log in with it. Is it the PIN of this token?");
	secret_free(pin);
	return rv;
}
