/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf/login.h"
#include "base/log.h"
#include "base/secret.h"
#include "token/pin_file.h"

static bool refuse(const char *path, const char *why)
{
	log_error("the PIN of the section sdf, %s: %s", path, why);
	return false;
}

static bool read_pin(const char *path, uint8_t *pin, size_t *len)
{
	char why[512];
	return pin_file_read(path, PIN_FILE_OWN, pin, len, why, sizeof why) || refuse(path, why);
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
