/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold a user's PIN, for faces whose callers bring none of their own. */
#ifndef TOKEN_PIN_FILE_H
#define TOKEN_PIN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIN_FILE_MAX 512u

enum pin_file {
	PIN_FILE_OWN,           /* of root or of the user of the process; nobody else may read it */
	PIN_FILE_CREDENTIAL     /* systemd.exec(5): the manager has seen to who may read it */
};

/*
 * pin: secret memory of PIN_FILE_MAX bytes. One line end at its end does not count. False: why says what is wrong with the
 * file and what to do; a PIN that was read is no PIN then.
 */
bool pin_file_read(const char *path, enum pin_file, uint8_t *pin, size_t *len, char *why, size_t why_len);

#endif
