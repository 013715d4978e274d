/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu(1): one table of commands, a file each.
 *
 * The process runs one command and ends. Every function that can fail in the
 * user's eyes reports it at once (report.h) and gives the exit code; its caller
 * only passes the code on.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes, documented in hufu(1): scripts rely on them. */
enum status {
	ST_OK = 0,
	ST_USAGE = 1,       /* the command line is wrong */
	ST_NOT_FOUND = 2,   /* no such module, token, object or file */
	ST_AUTH = 3,        /* PIN wrong, locked, missing or not readable */
	ST_UNAVAILABLE = 4, /* the module, device, store or system cannot do it now, or at all */
	ST_PARTIAL = 5,     /* some of it was done */
	ST_INTEGRITY = 6,   /* bad signature, bad tag, damaged store, failed self-test */
	ST_POLICY = 7,      /* refused: the key, the token or the user does not allow it */
	ST_EXPIRING = 8     /* hufu cert list --expiring found some */
};

#define MUST_USE __attribute__((warn_unused_result))

/* One option. arg NULL: a flag. A table ends with {0}. */
struct opt {
	const char *name;
	char letter;        /* 0: no short form */
	const char *arg;    /* "FILE", for help */
	const char *help;
};

/* Options that several commands share, by group. */
enum opt_group {
	OPTS_TOKEN = 1,     /* --module, --token */
	OPTS_PIN = 2,       /* --login, --pin-fd, --pin-file, --pin-credential */
	OPTS_SO_PIN = 4,    /* the same for the security officer */
	OPTS_NEW_PIN = 8,   /* the same for the PIN to be set */
	OPTS_OUT = 16,      /* --out */
	OPTS_PROGRESS = 32, /* --progress */
	OPTS_LIVE = 64      /* --interval, --count, and -o ndjson */
};

struct args;

struct command {
	const char *noun, *verb;    /* verb NULL: the noun stands alone */
	const char *targets;        /* "KEY [FILE]", for help; NULL: none */
	int min_targets, max_targets;
	const char *summary;
	unsigned groups;            /* enum opt_group */
	const struct opt *opts;     /* its own, or NULL */
	enum status (*run)(const struct args *);
};

#define ARGS_MAX 64

/* The parsed command line. */
struct args {
	const struct command *command;
	struct {
		const struct opt *opt;
		const char *value;  /* "" for a flag */
	} given[ARGS_MAX];
	int ngiven;
	char **targets;
	int ntargets;
	bool json;
	bool lines;         /* json, one object a line */
};

/* The value given last, "" for a flag, NULL when the option is absent. */
const char *arg_get(const struct args *, const char *name);
/* The nth time it was given (from 0), or NULL. */
const char *arg_nth(const struct args *, const char *name, int n);
static inline bool arg_has(const struct args *args, const char *name)
{
	return arg_get(args, name) != NULL;
}
/* The nth target, or NULL. */
const char *arg_target(const struct args *, int n);
/* A number of the range, otherwise when absent. ST_USAGE after a message. */
enum status arg_number(const struct args *, const char *name, unsigned long min, unsigned long max, unsigned long otherwise,
                       unsigned long *value) MUST_USE;

/* Splits argv after the command's words. ST_USAGE after a message. help is set when -h was given. */
enum status args_parse(const struct command *, int argc, char **argv, struct args *, bool *help) MUST_USE;

/* Every option a command takes, one call each; f false ends. */
void opts_each(const struct command *, bool (*f)(const struct opt *, void *), void *arg);

/* The table, ending with noun NULL. */
extern const struct command commands[];

enum status cmd_status(const struct args *);
enum status cmd_token_list(const struct args *);
enum status cmd_token_show(const struct args *);
enum status cmd_token_init(const struct args *);
enum status cmd_pin_set(const struct args *);
enum status cmd_pin_unlock(const struct args *);
enum status cmd_key_list(const struct args *);
enum status cmd_key_show(const struct args *);
enum status cmd_key_generate(const struct args *);
enum status cmd_key_import(const struct args *);
enum status cmd_key_export(const struct args *);
enum status cmd_key_destroy(const struct args *);
enum status cmd_key_test(const struct args *);
enum status cmd_cert_request(const struct args *);
enum status cmd_cert_self_signed(const struct args *);
enum status cmd_cert_import(const struct args *);
enum status cmd_cert_import_enveloped(const struct args *);
enum status cmd_cert_verify(const struct args *);
enum status cmd_cert_list(const struct args *);
enum status cmd_cert_export(const struct args *);
enum status cmd_sign(const struct args *);
enum status cmd_verify(const struct args *);
enum status cmd_encrypt(const struct args *);
enum status cmd_decrypt(const struct args *);
enum status cmd_digest(const struct args *);
enum status cmd_mac(const struct args *);
enum status cmd_random(const struct args *);
enum status cmd_mech_list(const struct args *);
enum status cmd_config_check(const struct args *);
enum status cmd_config_show(const struct args *);
enum status cmd_selftest(const struct args *);
enum status cmd_store_backup(const struct args *);
enum status cmd_store_verify(const struct args *);
enum status cmd_store_migrate(const struct args *);
enum status cmd_store_status(const struct args *);
enum status cmd_store_accept_head(const struct args *);
enum status cmd_device_list(const struct args *);
enum status cmd_device_show(const struct args *);
enum status cmd_device_explain(const struct args *);
enum status cmd_device_add(const struct args *);
enum status cmd_device_remove(const struct args *);
enum status cmd_device_drain(const struct args *);
enum status cmd_device_undrain(const struct args *);
enum status cmd_device_maintain(const struct args *);
enum status cmd_device_probe(const struct args *);
enum status cmd_device_password(const struct args *);
enum status cmd_device_keys(const struct args *);
enum status cmd_driver_qualify(const struct args *);
enum status cmd_pool_status(const struct args *);
enum status cmd_domain_list(const struct args *);
enum status cmd_domain_enroll(const struct args *);
enum status cmd_domain_verify(const struct args *);
enum status cmd_sdf_password(const struct args *);
enum status cmd_gateway_check(const struct args *);
enum status cmd_machine_init(const struct args *);
enum status cmd_machine_client(const struct args *);
enum status cmd_demo_cluster(const struct args *);
enum status cmd_audit_tail(const struct args *);
enum status cmd_audit_search(const struct args *);
enum status cmd_audit_verify(const struct args *);
enum status cmd_audit_export(const struct args *);
enum status cmd_top(const struct args *);
enum status cmd_bench(const struct args *);
enum status cmd_bench_failover(const struct args *);
enum status cmd_bench_gateway(const struct args *);
enum status cmd_bench_pool(const struct args *);
enum status cmd_bench_net(const struct args *);
enum status cmd_bench_sdf(const struct args *);
enum status cmd_help(const struct args *);
enum status cmd_version(const struct args *);

extern const struct opt token_init_opts[];
extern const struct opt pin_set_opts[];
extern const struct opt key_generate_opts[];
extern const struct opt key_import_opts[];
extern const struct opt key_export_opts[];
extern const struct opt key_destroy_opts[];
extern const struct opt cert_request_opts[];
extern const struct opt cert_self_signed_opts[];
extern const struct opt cert_import_opts[];
extern const struct opt cert_import_enveloped_opts[];
extern const struct opt cert_verify_opts[];
extern const struct opt cert_list_opts[];
extern const struct opt cert_export_opts[];
extern const struct opt sign_opts[];
extern const struct opt verify_opts[];
extern const struct opt crypt_opts[];
extern const struct opt digest_opts[];
extern const struct opt mac_opts[];
extern const struct opt random_opts[];
extern const struct opt store_opts[];
extern const struct opt device_add_opts[];
extern const struct opt wish_opts[];
extern const struct opt probe_opts[];
extern const struct opt device_password_opts[];
extern const struct opt device_keys_opts[];
extern const struct opt qualify_opts[];
extern const struct opt pool_status_opts[];
extern const struct opt domain_verify_opts[];
extern const struct opt sdf_password_opts[];
extern const struct opt gateway_check_opts[];
extern const struct opt machine_init_opts[];
extern const struct opt machine_client_opts[];
extern const struct opt demo_cluster_opts[];
extern const struct opt audit_tail_opts[];
extern const struct opt audit_search_opts[];
extern const struct opt audit_verify_opts[];
extern const struct opt audit_export_opts[];
extern const struct opt bench_opts[];
extern const struct opt bench_failover_opts[];
extern const struct opt bench_gateway_opts[];
extern const struct opt bench_pool_opts[];
extern const struct opt bench_net_opts[];
extern const struct opt bench_sdf_opts[];
extern const struct opt help_opts[];

#endif
