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

#include "base/conf_machine.h"
#include "base/conf_sdf.h"
#include "base/conf_store.h"
#include "base/err.h"

#include <stdio.h>

enum conf_sm2_view { CONF_SM2_VENDOR, CONF_SM2_EC };
enum conf_des3 { CONF_DES3_OFF, CONF_DES3_READ };
/* The place of a vendor's profile among those of alias/alias.h, counted from 1. */
enum { CONF_ALIAS_NONE };
enum conf_policy { CONF_POLICY_STANDARD, CONF_POLICY_STRICT };
enum conf_isolation { CONF_ISOLATION_AUTO, CONF_ISOLATION_DIRECT, CONF_ISOLATION_THREAD, CONF_ISOLATION_PROCESS };
enum conf_verify { CONF_VERIFY_ALWAYS, CONF_VERIFY_SAMPLE, CONF_VERIFY_NEVER, CONF_VERIFY_AUTO };
enum conf_hedge { CONF_HEDGE_OFF, CONF_HEDGE_SUSPECT };
enum conf_generate { CONF_GENERATE_DEVICE, CONF_GENERATE_HOST };
enum conf_hardware { CONF_HARDWARE_AUTO, CONF_HARDWARE_YES, CONF_HARDWARE_NO };
enum conf_keyless { CONF_KEYLESS_LOCAL, CONF_KEYLESS_DEVICE };

#define CONF_PRIORITY_AUTO UINT32_MAX /* by driver: hardware 10, software 30 */

struct conf_device {
	char *name;
	char *driver;             /* "soft", "fault", or an absolute path of a driver's .so */
	char *domain;             /* default: the device's name */
	uint32_t weight;          /* 1..1000, default 100; among devices of one priority */
	uint32_t priority;        /* 0..99: devices of the lowest number that are fit serve; default CONF_PRIORITY_AUTO */
	enum conf_isolation isolation; /* auto: direct where the driver returns by its deadline, else as hufud hosts it or not */
	uint32_t sessions;        /* leases that this process may have at once; 0, the default: share of what the device has */
	uint32_t share;           /* percent of the device's sessions, default 100 */
	uint32_t queue;           /* ops that may wait for a lease, default 1024; beyond it the device is busy */
	uint32_t connects_per_s;  /* new leases and opens, default 20 (the first sessions come at once: a burst as large) */
	uint32_t hung_max;        /* lanes that may be given up before the device is, default 8 */
	char *token;              /* serves this token beside those that it names; NULL: none */
	char *host_dir;           /* where its host listens, as the rest of the file has it; NULL: where hufud does by default */
	/* The driver's own keys, name and value, NULL-terminated pairs; all else is refused. */
	char **options;
	int line;
};

/* How the devices of a token work together. */
struct conf_pool {
	uint32_t attempts;             /* with an effect, of one op: default 3 */
	uint32_t attempt_min_ms;       /* bounds of 8 x p99 of that op on that device; default 50 */
	uint32_t attempt_max_ms;       /* default 1000 */
	uint32_t generate_deadline_ms; /* of a call that makes a key, default 60000 */
	uint32_t retry_percent;        /* of ops, default 20 */
	uint32_t retry_floor;          /* retries a second that are always allowed, default 10 */
	enum conf_hedge hedge;         /* suspect: a second attempt while a device is slow; default off */
	uint32_t hedge_percent;        /* of ops, default 2 */
	uint32_t eject_soft_errors;    /* in a row, default 3 */
	uint32_t backoff_min_ms;       /* default 500 */
	uint32_t backoff_max_ms;       /* default 15000 */
	uint32_t slow_start_ms;        /* default 10000 */
	uint32_t slow_start_percent;   /* where it begins, default 10 */
	uint32_t deep_probe_s;         /* known answers again, of a device that is up; 0 never; default 60 */
	enum conf_verify verify_after; /* SM2 and ECDSA signatures of devices that are not software; auto (default): never of machines that verify */
	enum conf_generate generate;   /* where keys are made; default device */
	enum conf_hardware hardware_only; /* of new keys; auto: yes where the token has a device that is no software */
	bool software_fallback;        /* may software serve keys that hardware has, while all hardware is out? default true */
	uint32_t local_below;          /* an op of fewer bytes, whose key software may use, does not travel; default 0: all do */
	enum conf_keyless keyless;     /* ops with public keys: in software if there is any; default local */
};

struct conf_token {
	char *name;               /* the section's title: [a-zA-Z0-9._-], 1..64 */
	enum conf_store_engine engine;
	char *store;              /* SQLITE: absolute path of the file; POSTGRES: keywords or URI, without a password; NET: NULL; of a machine NULL, too: devices alone */
	size_t *devices;          /* indexes into conf.devices; where none is named, that of the device "soft" */
	size_t ndevices;
	enum conf_sm2_view sm2_view;
	unsigned alias;           /* whose numbers for SM mechanisms are understood beside our own; default CONF_ALIAS_NONE */
	enum conf_policy policy;  /* how keys that wrap are kept apart from keys that encrypt; default standard */
	enum conf_des3 des3;      /* may keys of triple DES be taken in, to open what is old? default off */
	char *host_secret;        /* absolute path, from host_secret = "file:/path"; NULL: none */
	bool allow_short_pin;     /* PINs under 12 characters without a host secret */
	uint32_t pin_min;         /* characters, default 4; without host secret 12 unless allow_short_pin */
	uint32_t user_tries;      /* before the user's role locks, default 10 */
	uint32_t pin_iterations;  /* PBKDF2, default 100000 */
	uint32_t deadline_ms;     /* of a call, default 5000 */
	struct conf_pool pool;
	int line;
};

struct conf {
	char *path;               /* NULL: the embedded default */
	char *log_to;
	enum hufu_level log_level;
	char *token_dir;          /* where tokens made on the spare slot live; NULL: no spare slot */
	char *run_dir;            /* where processes publish their counters; NULL: /run/hufu or XDG_RUNTIME_DIR, if there */
	char *states;             /* the administrator's wishes for devices; never NULL once loaded from a file: PATH.states */
	struct conf_token *tokens;
	size_t ntokens;
	struct conf_device *devices;
	size_t ndevices;
	/* The section "defaults": for what token sections leave out, and for tokens in token_dir. name and store NULL. */
	struct conf_token defaults;
	struct conf_sdf sdf;
	struct conf_machine machine;
	struct conf_identity *identities;
	size_t nidentities;
	struct conf_audit audit;
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
/* No thread is inside the parser, which has one lock, when the process forks. */
void conf_before_fork(void);
void conf_after_fork_parent(void);
void conf_after_fork_child(void);

/* What a section has that sets nothing; its texts NULL. */
struct conf_pool conf_pool_defaults(void);
struct conf_device conf_device_defaults(void);

/*
 * Does hufud host this device, in a process of its own: one with isolation = process, or a vendor's library (driver sdf
 * or p11, or a .so) that leaves it open?
 */
bool conf_device_is_hosted(const struct conf_device *);
/*
 * The socket of its host. Without host_dir in /run/hufu/devices, or hufu/devices in XDG_RUNTIME_DIR for users where it is
 * not there. False: too long.
 */
bool conf_host_socket(const struct conf_device *, char *path, size_t len);

/* What is in force, as a configuration file. */
void conf_print(const struct conf *, FILE *);

/* Shared rule for anything the configuration names: owner root or us, nobody else may write. */
enum hufu_err conf_check_file(const char *path, char *err, size_t err_len) MUST_CHECK;

#endif
