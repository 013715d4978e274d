/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's wishes for devices, kept in a file beside the
 * configuration (conf->states) so that they outlive every program. It names
 * devices of the configuration and says nothing else about them: who may write
 * it can take a device away, never bring one in. Same rules of owner and mode as
 * the configuration; a device it does not name is enabled. libconfuse reads it:
 *
 *	device "card1" { wish = draining  by = "alice"  at = "2026-11-21T15:30:00Z"  why = "battery" }
 */
#ifndef BASE_CONF_STATES_H
#define BASE_CONF_STATES_H

#include "base/conf.h"

enum conf_wish {
	CONF_WISH_ENABLED,
	CONF_WISH_DRAINING,    /* no new work; what runs ends */
	CONF_WISH_MAINTENANCE, /* drained, closed, and not probed */
	CONF_WISH_REMOVED      /* as if the configuration did not have it */
};

struct conf_state {
	char *device;
	enum conf_wish wish;
	char *by, *at, *why;   /* for people; why may be NULL */
};

struct conf_states {
	struct conf_state *states;
	size_t n;
};

/*
 * A file that is not there holds none. Devices that conf has not are reported and left out;
 * any other mistake makes the whole file HUFU_ERR_CONFIG, and states hold nothing.
 */
enum hufu_err conf_states_load(const struct conf *, conf_report_fn, void *arg, struct conf_states *) MUST_CHECK;
/* The same of the file at path, devices of any name: for who holds them against a configuration later. */
enum hufu_err conf_states_load_file(const char *path, conf_report_fn, void *arg, struct conf_states *) MUST_CHECK;
void conf_states_clear(struct conf_states *);
/* From text, for tests and the fuzzer. */
enum hufu_err conf_states_parse(const struct conf *, const char *text, const char *name, conf_report_fn, void *arg,
                                struct conf_states *) MUST_CHECK;
enum conf_wish conf_states_wish(const struct conf_states *, const char *device);
/*
 * Sets one and writes the file: a new one, synced, renamed over the old one, under
 * a lock, so that two administrators lose nothing. by is the caller's user name.
 */
enum hufu_err conf_states_set(const struct conf *, const char *device, enum conf_wish, const char *why, char *err,
                              size_t err_len) MUST_CHECK;
const char *conf_wish_name(enum conf_wish);

#endif
