/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: hufu.conf(5), read by libconfuse.
 *
 * Where it is: HUFU_CONF (secure_getenv), else $sysconfdir/hufu/hufu.conf, else
 * the embedded default: no file, a token directory in the user's data
 * directory. In set-uid programs only $sysconfdir/hufu. A file must be
 * absolute, a regular file, owned by root or the user, writable by nobody else
 * (nor its directory, unless sticky).
 *
 * Every mistake is reported with file, line, what was wrong and what to do:
 * all of them, not only the first.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/err.h"

#include <stdio.h>

enum conf_sm2_view { CONF_SM2_VENDOR, CONF_SM2_EC };
enum conf_des3 { CONF_DES3_OFF, CONF_DES3_READ };
enum conf_policy { CONF_POLICY_STANDARD, CONF_POLICY_STRICT };

struct conf_device {
	char *name;
	char *driver;             /* "soft", "fault", or an absolute path of a driver's .so */
	char *domain;             /* default: the device's name */
	uint32_t weight;          /* 1..1000, default 100 */
	/* The driver's own keys, name and value, NULL-terminated pairs; all else is refused. */
	char **options;
	int line;
};

struct conf_token {
	char *name;               /* the section's title: [a-zA-Z0-9._-], 1..64 */
	char *store;              /* absolute path of the SQLite file, from store = "sqlite:/path" */
	size_t *devices;          /* indexes into conf.devices; where none is named, that of the device "soft" */
	size_t ndevices;
	enum conf_sm2_view sm2_view;
	enum conf_policy policy;  /* how keys that wrap are kept apart from keys that encrypt; default standard */
	enum conf_des3 des3;      /* may keys of triple DES be taken in, to open what is old? default off */
	char *host_secret;        /* absolute path, from host_secret = "file:/path"; NULL: none */
	bool allow_short_pin;     /* PINs under 12 characters without a host secret */
	uint32_t pin_min;         /* characters, default 4; without host secret 12 unless allow_short_pin */
	uint32_t user_tries;      /* before the user's role locks, default 10 */
	uint32_t pin_iterations;  /* PBKDF2, default 100000 */
	uint32_t deadline_ms;     /* of a call, default 5000 */
	int line;
};

struct conf {
	char *path;               /* NULL: the embedded default */
	char *log_to;
	enum hufu_level log_level;
	char *token_dir;          /* where tokens made on the spare slot live; NULL: no spare slot */
	struct conf_token *tokens;
	size_t ntokens;
	struct conf_device *devices;
	size_t ndevices;
	/* The section "defaults": for what token sections leave out, and for tokens in token_dir. name and store NULL. */
	struct conf_token defaults;
};

/* Each problem found: "path:line: what. what to do". */
typedef void (*conf_report_fn)(void *arg, const char *message);

/* Finds and reads. On HUFU_OK *conf is the caller's, freed by conf_free. Makes no file. */
enum hufu_err conf_load(conf_report_fn, void *arg, struct conf **conf) MUST_CHECK;
/* From this file, whose owner and mode are checked. */
enum hufu_err conf_load_file(const char *path, conf_report_fn, void *arg, struct conf **conf) MUST_CHECK;
/* From text, nothing checked on disk: for tests and the fuzzer. */
enum hufu_err conf_parse(const char *text, const char *name, conf_report_fn, void *arg, struct conf **conf) MUST_CHECK;
void conf_free(struct conf *);

/* What is in force, as a configuration file. */
void conf_print(const struct conf *, FILE *);

/* Shared rule for anything the configuration names: owner root or us, nobody else may write. */
enum hufu_err conf_check_file(const char *path, char *err, size_t err_len) MUST_CHECK;

#endif
