/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration file, changed by a program: what a person wrote stays as it
 * is, byte for byte, and a file that would not load never takes its place.
 */
#ifndef BASE_CONF_EDIT_H
#define BASE_CONF_EDIT_H

#include "base/conf.h"

/*
 * Adds text at the end of the file, which must load afterwards (each problem is reported). The new file has the old one's
 * owner, group and mode, is synced and renamed over it; two at once do not lose each other's text. What stands before
 * is what is there then, not what conf was made of. HUFU_ERR_CONFIG: it would not load, or may not be trusted;
 * HUFU_ERR_STORE_READ_ONLY, HUFU_ERR_STORE_FULL, HUFU_ERR_STORE_BUSY, HUFU_ERR_STORE_IO: in err, with what to do.
 */
enum hufu_err conf_append(const struct conf *, const char *text, conf_report_fn, void *arg, char *err, size_t err_len) MUST_CHECK;

/* A place in the file that speaks of a device. */
struct conf_place {
	int first, last;  /* lines, from 1 */
	bool section;     /* its own; else a list of devices that names it */
};
/* Finds at most cap places of the device in text; gives how many there are. */
size_t conf_device_places(const char *text, const char *device, struct conf_place *, size_t cap);
/* The file's text, freed by the caller; NULL after a report, or where there is no file. */
char *conf_text(const struct conf *, conf_report_fn, void *arg);

/* A value as the file takes it, in the quotes that fit. Control characters have no such form: conf_parse refuses them. */
void conf_print_string(FILE *, const char *);

#endif
