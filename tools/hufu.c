/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/postgres/register.h"
#include "tools/report.h"
#include "tools/tool.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

const struct command commands[] = {
	{"status", NULL, NULL, 0, 0, "show module, tokens, configuration and log", OPTS_TOKEN, NULL, cmd_status},
	{"token", "list", NULL, 0, 0, "list slots and their tokens", OPTS_TOKEN, NULL, cmd_token_list},
	{"token", "show", "[TOKEN]", 0, 1, "show all about a token", OPTS_TOKEN, NULL, cmd_token_show},
	{"token", "init", "[TOKEN]", 0, 1, "make a token on the spare slot, or empty TOKEN and begin anew",
	 OPTS_TOKEN | OPTS_SO_PIN | OPTS_NEW_PIN, token_init_opts, cmd_token_init},
	{"pin", "set", "[TOKEN]", 0, 1, "change the user's PIN (--so: the security officer's)",
	 OPTS_TOKEN | OPTS_PIN | OPTS_SO_PIN | OPTS_NEW_PIN, pin_set_opts, cmd_pin_set},
	{"pin", "unlock", "[TOKEN]", 0, 1, "set the user's PIN as the security officer", OPTS_TOKEN | OPTS_SO_PIN | OPTS_NEW_PIN,
	 NULL, cmd_pin_unlock},
	{"key", "list", "[TOKEN]", 0, 1, "list keys", OPTS_TOKEN | OPTS_PIN, NULL, cmd_key_list},
	{"key", "show", "KEY", 1, 1, "show a key's attributes", OPTS_TOKEN | OPTS_PIN, NULL, cmd_key_show},
	{"key", "generate", "[TOKEN]", 0, 1, "make a key or key pair on the token", OPTS_TOKEN | OPTS_PIN, key_generate_opts,
	 cmd_key_generate},
	{"key", "import", "[TOKEN] FILE", 1, 2, "import a PKCS#8, SPKI or secret key file", OPTS_TOKEN | OPTS_PIN, key_import_opts,
	 cmd_key_import},
	{"key", "export-public", "KEY", 1, 1, "write the public key (SubjectPublicKeyInfo)", OPTS_TOKEN | OPTS_PIN | OPTS_OUT,
	 key_export_opts, cmd_key_export},
	{"key", "destroy", "KEY", 1, 1, "destroy keys, both halves of a pair", OPTS_TOKEN | OPTS_PIN, key_destroy_opts,
	 cmd_key_destroy},
	{"key", "test", "KEY", 1, 1, "use the key both ways and check the result with libcrypto", OPTS_TOKEN | OPTS_PIN, NULL,
	 cmd_key_test},
	{"cert", "request", "KEY", 1, 1, "make a certificate request (PKCS#10), signed by the token's key", OPTS_TOKEN | OPTS_PIN | OPTS_OUT,
	 cert_request_opts, cmd_cert_request},
	{"cert", "self-signed", "KEY", 1, 1, "make a certificate that the token's key signs for itself", OPTS_TOKEN | OPTS_PIN | OPTS_OUT,
	 cert_self_signed_opts, cmd_cert_self_signed},
	{"cert", "import", "[TOKEN] FILE", 1, 2, "import the certificate of a key, and those that lead up from it", OPTS_TOKEN | OPTS_PIN,
	 cert_import_opts, cmd_cert_import},
	{"cert", "import-enveloped", "KEY FILE", 2, 2, "import the encryption key that an authority sent for the signing key KEY",
	 OPTS_TOKEN | OPTS_PIN, cert_import_enveloped_opts, cmd_cert_import_enveloped},
	{"cert", "verify", "CERT", 1, 1, "verify a certificate's chain, of a file or a token", OPTS_TOKEN | OPTS_PIN, cert_verify_opts,
	 cmd_cert_verify},
	{"cert", "list", "[TOKEN]", 0, 1, "list certificates, and what expires", OPTS_TOKEN | OPTS_PIN, cert_list_opts, cmd_cert_list},
	{"cert", "export", "CERT", 1, 1, "write a certificate", OPTS_TOKEN | OPTS_PIN | OPTS_OUT, cert_export_opts, cmd_cert_export},
	{"cert", "destroy", "CERT", 1, 1, "destroy certificates", OPTS_TOKEN | OPTS_PIN, key_destroy_opts, cmd_key_destroy},
	{"sign", NULL, "KEY [FILE]", 1, 2, "sign a file", OPTS_TOKEN | OPTS_PIN | OPTS_OUT | OPTS_PROGRESS, sign_opts, cmd_sign},
	{"verify", NULL, "KEY [FILE]", 1, 2, "verify the signature of a file", OPTS_TOKEN | OPTS_PIN | OPTS_PROGRESS, verify_opts,
	 cmd_verify},
	{"encrypt", NULL, "KEY [FILE]", 1, 2, "encrypt a file", OPTS_TOKEN | OPTS_PIN | OPTS_OUT | OPTS_PROGRESS, crypt_opts,
	 cmd_encrypt},
	{"decrypt", NULL, "KEY [FILE]", 1, 2, "decrypt a file", OPTS_TOKEN | OPTS_PIN | OPTS_OUT | OPTS_PROGRESS, crypt_opts,
	 cmd_decrypt},
	{"digest", NULL, "[FILE]", 0, 1, "digest a file, with SM3 unless -m names another", OPTS_TOKEN | OPTS_PIN | OPTS_PROGRESS,
	 digest_opts, cmd_digest},
	{"mac", NULL, "KEY [FILE]", 1, 2, "make or check a file's MAC", OPTS_TOKEN | OPTS_PIN | OPTS_PROGRESS, mac_opts, cmd_mac},
	{"random", NULL, "BYTES", 1, 1, "draw random bytes from the token", OPTS_TOKEN | OPTS_PIN | OPTS_OUT | OPTS_PROGRESS,
	 random_opts, cmd_random},
	{"mech", "list", "[TOKEN]", 0, 1, "list the mechanisms that a token offers", OPTS_TOKEN, NULL, cmd_mech_list},
	{"selftest", NULL, "[TOKEN]", 0, 1, "compare known answers with what the token computes", OPTS_TOKEN | OPTS_PIN, NULL,
	 cmd_selftest},
	{"store", "backup", "[TOKEN] FILE", 1, 2, "copy a token's store, also while it is in use", 0, store_opts, cmd_store_backup},
	{"store", "verify", "[TOKEN]", 0, 1, "check every MAC and seal of a token's store", OPTS_PIN, store_opts, cmd_store_verify},
	{"store", "migrate", "[TOKEN] ENGINE:WHERE", 1, 2, "copy a token's store to another engine, as it is", 0, store_opts,
	 cmd_store_migrate},
	{"store", "status", "[TOKEN]", 0, 1, "tell where a token's store is, and how new", 0, store_opts, cmd_store_status},
	{"store", "accept-head", "[TOKEN]", 0, 1, "say, as security officer, that an older state is wanted", OPTS_SO_PIN, store_opts,
	 cmd_store_accept_head},
	{"device", "list", NULL, 0, 0, "list devices, their states and what they did", 0, NULL, cmd_device_list},
	{"device", "show", "DEVICE", 1, 1, "show all about a device, a line a running program", 0, NULL, cmd_device_show},
	{"device", "explain", "DEVICE", 1, 1, "say why a device is in its state, and what to do", 0, NULL, cmd_device_explain},
	{"device", "add", "DEVICE KEY=VALUE...", 2, ARGS_MAX, "check, try and print a new device's section", 0, device_add_opts,
	 cmd_device_add},
	{"device", "remove", "DEVICE", 1, 1, "give a device up, and say what to delete in the configuration", 0, wish_opts,
	 cmd_device_remove},
	{"device", "drain", "DEVICE", 1, 1, "give a device no new work", 0, wish_opts, cmd_device_drain},
	{"device", "undrain", "DEVICE", 1, 1, "give a device work again", 0, wish_opts, cmd_device_undrain},
	{"device", "maintain", "DEVICE", 1, 1, "drain a device, close it and leave it alone", 0, wish_opts, cmd_device_maintain},
	{"device", "probe", "DEVICE", 1, 1, "try a device in this process", 0, probe_opts, cmd_device_probe},
	{"device", "password", "set|list|remove [TOKEN] [DOMAIN]", 1, 3, "keep what a domain's devices want to be told before they serve",
	 OPTS_PIN | OPTS_SO_PIN, device_password_opts, cmd_device_password},
	{"device", "keys", "[TOKEN]", 0, 1, "list the keys that devices keep, and make them objects of the token", OPTS_TOKEN | OPTS_PIN,
	 device_keys_opts, cmd_device_keys},
	{"driver", "qualify", "LIBRARY", 1, 1, "examine a vendor's GM/T 0018 library, or a driver, and write its report and profile",
	 OPTS_PROGRESS, qualify_opts, cmd_driver_qualify},
	{"pool", "status", "[TOKEN]", 0, 1, "show tokens: devices and domains that are up, states, sums", OPTS_LIVE,
	 pool_status_opts, cmd_pool_status},
	{"domain", "list", "[TOKEN]", 0, 1, "list a token's domains: enrolled, devices, copies", OPTS_PIN, NULL, cmd_domain_list},
	{"domain", "enroll", "[TOKEN]", 0, 1, "enroll the configured domains, as the security officer", OPTS_TOKEN | OPTS_SO_PIN,
	 NULL, cmd_domain_enroll},
	{"domain", "verify", "[TOKEN]", 0, 1, "have each device prove that it belongs to its domain", OPTS_PIN, domain_verify_opts,
	 cmd_domain_verify},
	{"sdf", "password", NULL, 0, 0, "make the verifier of an index's password for the configuration", OPTS_NEW_PIN, sdf_password_opts,
	 cmd_sdf_password},
	{"gateway", "check", "[URI|FILE]...", 0, ARGS_MAX, "try a TLS server's road: provider, keys, certificates, a handshake with itself",
	 OPTS_TOKEN | OPTS_PIN, gateway_check_opts, cmd_gateway_check},
	{"machine", "init", "DIR", 1, 1, "make what a cipher machine begins with: keys, certificate, configuration", 0, machine_init_opts,
	 cmd_machine_init},
	{"machine", "client", "DIR NAME", 2, 2, "make a client's certificate and configuration", 0, machine_client_opts,
	 cmd_machine_client},
	{"demo", "cluster", NULL, 0, 0, "two cipher machines serve one token, while they go away in turn", OPTS_TOKEN, demo_cluster_opts,
	 cmd_demo_cluster},
	{"audit", "tail", "FILE", 1, 1, "show the newest records of a machine's audit trail", 0, audit_tail_opts, cmd_audit_tail},
	{"audit", "search", "FILE...", 1, ARGS_MAX, "show the records of an audit trail that fit", 0, audit_search_opts, cmd_audit_search},
	{"audit", "verify", "FILE...", 1, ARGS_MAX, "find whatever was changed, cut or reordered in an audit trail", 0, audit_verify_opts,
	 cmd_audit_verify},
	{"audit", "export", "FILE...", 1, ARGS_MAX, "verify an audit trail and write it as JSON or CSV", 0, audit_export_opts,
	 cmd_audit_export},
	{"top", NULL, NULL, 0, 0, "watch devices work, and drain or undrain them", OPTS_LIVE, NULL, cmd_top},
	{"bench", "failover", NULL, 0, 0, "show what callers notice when a device fails and returns", OPTS_PROGRESS, bench_failover_opts,
	 cmd_bench_failover},
	{"bench", "gateway", NULL, 0, 0, "measure a TLS server's work with keys in tokens, beside keys in files", OPTS_PROGRESS,
	 bench_gateway_opts, cmd_bench_gateway},
	{"bench", "pool", NULL, 0, 0, "measure what the pool and its lanes add, and how devices add up", OPTS_PROGRESS, bench_pool_opts,
	 cmd_bench_pool},
	{"bench", "net", NULL, 0, 0, "measure a cipher machine on the loopback, and what the wire to it costs", 0, bench_net_opts,
	 cmd_bench_net},
	{"bench", "sdf", "LIBRARY", 1, 1, "measure a vendor's GM/T 0018 library, straight and through the driver", OPTS_PROGRESS,
	 bench_sdf_opts, cmd_bench_sdf},
	{"bench", NULL, NULL, 0, 0, "measure a module beside libcrypto, hufu's kernels and other modules",
	 OPTS_TOKEN | OPTS_PIN | OPTS_PROGRESS, bench_opts, cmd_bench},
	{"config", "check", "[FILE]", 0, 1, "print what is wrong in the configuration", 0, NULL, cmd_config_check},
	{"config", "show", "[FILE]", 0, 1, "print the configuration in force", 0, NULL, cmd_config_show},
	{"version", NULL, NULL, 0, 0, "print the version", 0, NULL, cmd_version},
	{"help", NULL, "[NOUN [VERB]]", 0, 2, "list the commands, or explain one", 0, help_opts, cmd_help},
	{0},
};

/* The command of argv[1] and argv[2]; *words: how many of them are its name. */
static const struct command *command_find(int argc, char **argv, int *words)
{
	for (const struct command *c = commands; c->noun; c++) {
		if (argc < 2 || strcmp(c->noun, argv[1]))
			continue;
		if (!c->verb || (argc > 2 && !strcmp(c->verb, argv[2]))) {
			*words = c->verb ? 2 : 1;
			return c;
		}
	}
	return NULL;
}

static enum status no_command(int argc, char **argv)
{
	bool noun = false;

	for (const struct command *c = commands; argc > 1 && c->noun; c++)
		noun |= !strcmp(c->noun, argv[1]);
	if (argc < 2)
		return fail(ST_USAGE, "hufu help lists them.", "no command given");
	if (argv[1][0] == '-')
		return fail(ST_USAGE, "hufu NOUN VERB [TARGET]... [OPTION]...", "options come behind the command: \"%s\"", argv[1]);
	if (noun)
		return fail(ST_USAGE, "hufu help NOUN lists its verbs.", "\"%s\" needs a verb%s%s", argv[1],
		            argc > 2 ? ", and has no " : "", argc > 2 ? argv[2] : "");
	return fail(ST_USAGE, "hufu help lists them.", "there is no command \"%s\"", argv[1]);
}

static enum status help_for(const struct command *command)
{
	char *words[] = {(char *)(size_t)command->noun, (char *)(size_t)command->verb};

	return cmd_help(&(struct args){.command = command, .targets = words, .ntargets = command->verb ? 2 : 1});
}

int main(int argc, char **argv)
{
	static char help_word[] = "help", version_word[] = "version";
	struct args args;
	bool help;
	int words;

	setlocale(LC_CTYPE, "");
#ifdef HAVE_POSTGRES
	store_postgres_register();
#endif
	/* PINs and keys pass through this process: no core dump, no ptrace by others of the same user. */
	prctl(PR_SET_DUMPABLE, 0);
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		argv[1] = help_word;
	if (argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		argv[1] = version_word;
	const struct command *command = command_find(argc, argv, &words);
	if (!command)
		return no_command(argc, argv);
	enum status status = args_parse(command, argc - words, argv + words, &args, &help);
	if (status)
		return status;
	status = help ? help_for(command) : command->run(&args);
	/* A result that did not get out is no result, whether its end or an earlier part was lost. */
	if ((fflush(stdout) || ferror(stdout)) && status == ST_OK)
		return fail_errno(NULL, "writing the result");
	return status;
}
