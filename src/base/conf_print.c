/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_edit.h"
#include "base/conf_internal.h"

#include "base/log.h"

#include <string.h>

/* As conf_outline.c reads it: ${ is refused in double quotes. */
void conf_print_string(FILE *out, const char *text)
{
	char quote = strstr(text, "${") ? '\'' : '"';
	putc(quote, out);
	for (; *text; text++) {
		if (*text == quote || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc(quote, out);
}

static void print_setting(FILE *out, const char *indent, const char *key, const char *prefix, const char *value)
{
	char text[8192];
	if (!value)
		return;
	snprintf(text, sizeof(text), "%s%s", prefix, value);
	fprintf(out, "%s%s = ", indent, key);
	conf_print_string(out, text);
	putc('\n', out);
}

static const char *level_name(enum hufu_level level)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	return names[level];
}

static void print_choice(FILE *out, const char *key, const char *const choices[], unsigned value)
{
	fprintf(out, "\t%s = %s\n", key, choices[value]);
}

static const char *yes_no(bool value)
{
	return value ? "true" : "false";
}

static void print_pool(const struct conf_pool *pool, FILE *out)
{
	static const char *const hedge[] = {"off", "suspect"}, *const verify[] = {"always", "sample", "never", "auto"};
	static const char *const generate[] = {"device", "host"}, *const hardware[] = {"auto", "yes", "no"};
	static const char *const keyless[] = {"local", "device"};
	fprintf(out, "\tattempts = %u\n\tattempt_min_ms = %u\n\tattempt_max_ms = %u\n\tgenerate_deadline_ms = %u\n",
	        pool->attempts, pool->attempt_min_ms, pool->attempt_max_ms, pool->generate_deadline_ms);
	fprintf(out, "\tretry_percent = %u\n\tretry_floor = %u\n", pool->retry_percent, pool->retry_floor);
	print_choice(out, "hedge", hedge, pool->hedge);
	fprintf(out, "\thedge_percent = %u\n\teject_soft_errors = %u\n\tbackoff_min_ms = %u\n\tbackoff_max_ms = %u\n",
	        pool->hedge_percent, pool->eject_soft_errors, pool->backoff_min_ms, pool->backoff_max_ms);
	fprintf(out, "\tslow_start_ms = %u\n\tslow_start_percent = %u\n\tdeep_probe_s = %u\n", pool->slow_start_ms,
	        pool->slow_start_percent, pool->deep_probe_s);
	print_choice(out, "verify_after", verify, pool->verify_after);
	print_choice(out, "generate", generate, pool->generate);
	print_choice(out, "hardware_only", hardware, pool->hardware_only);
	fprintf(out, "\tsoftware_fallback = %s\n\tlocal_below = %u\n", yes_no(pool->software_fallback), pool->local_below);
	print_choice(out, "keyless", keyless, pool->keyless);
}

static void print_device_settings(const struct conf_device *device, FILE *out)
{
	static const char *const isolation[] = {"auto", "direct", "thread", "process"};
	fprintf(out, "\tweight = %u\n", device->weight);
	if (device->priority != CONF_PRIORITY_AUTO)
		fprintf(out, "\tpriority = %u\n", device->priority);
	print_choice(out, "isolation", isolation, device->isolation);
	fprintf(out, "\tsessions = %u\n\tshare = %u\n\tqueue = %u\n\tconnects_per_s = %u\n\thung_max = %u\n",
	        device->sessions, device->share, device->queue, device->connects_per_s, device->hung_max);
	print_setting(out, "\t", "token", "", device->token);
}

static void print_token_settings(const struct conf *conf, const struct conf_token *token, FILE *out)
{
	static const char *const alias[] = {"none", "sansec", "tass", "koal", "westone", "ibm", "luna", "xipki"};
	const char *comma = "";
	if (token->ndevices) {
		fprintf(out, "\tdevices = {");
		for (size_t i = 0; i < token->ndevices; i++) {
			fprintf(out, "%s", comma);
			conf_print_string(out, conf->devices[token->devices[i]].name);
			comma = ", ";
		}
		fprintf(out, "}\n");
	}
	fprintf(out, "\tsm2_key_type = %s\n", token->sm2_view == CONF_SM2_EC ? "ec" : "vendor");
	print_choice(out, "alias", alias, token->alias);
	fprintf(out, "\tpolicy = %s\n", token->policy == CONF_POLICY_STRICT ? "strict" : "standard");
	fprintf(out, "\tdes3 = %s\n", token->des3 == CONF_DES3_READ ? "read" : "off");
	print_setting(out, "\t", "host_secret", "file:", token->host_secret);
	fprintf(out, "\tallow_short_pin = %s\n", yes_no(token->allow_short_pin));
	fprintf(out, "\tpin_min = %u\n\tuser_tries = %u\n\tpin_iterations = %u\n\tdeadline_ms = %u\n", token->pin_min,
	        token->user_tries, token->pin_iterations, token->deadline_ms);
	print_pool(&token->pool, out);
}

static void print_sdf(const struct conf_sdf *sdf, FILE *out)
{
	static const char *const lengths[] = {"checked", "written"};
	if (!sdf->line && !sdf->nkeys && !sdf->nkeks)
		return;
	fprintf(out, "\nsdf {\n");
	print_setting(out, "\t", "token", "", sdf->token);
	print_setting(out, "\t", "login", "file:", sdf->login);
	print_setting(out, "\t", "files", "", sdf->files);
	print_setting(out, "\t", "vendor", "", sdf->vendor);
	print_setting(out, "\t", "model", "", sdf->model);
	print_setting(out, "\t", "serial", "", sdf->serial);
	print_choice(out, "lengths", lengths, sdf->lengths);
	fprintf(out, "\tdebug = %s\n}\n", yes_no(sdf->debug));
	for (size_t i = 0; i < sdf->nkeys; i++) {
		const struct conf_sdf_key *key = &sdf->keys[i];
		fprintf(out, "\nsdf_key \"%u\" {\n", key->index);
		print_setting(out, "\t", "sign", "", key->sign);
		print_setting(out, "\t", "encrypt", "", key->encrypt);
		print_setting(out, "\t", "rsa_sign", "", key->rsa_sign);
		print_setting(out, "\t", "rsa_encrypt", "", key->rsa_encrypt);
		print_setting(out, "\t", "password", "", key->password);
		fprintf(out, "}\n");
	}
	for (size_t i = 0; i < sdf->nkeks; i++) {
		fprintf(out, "\nsdf_kek \"%u\" {\n", sdf->keks[i].index);
		print_setting(out, "\t", "key", "", sdf->keks[i].key);
		fprintf(out, "}\n");
	}
}

static void print_list(FILE *out, const char *key, char *const *list)
{
	const char *comma = "";
	if (!list)
		return;
	fprintf(out, "\t%s = {", key);
	for (; *list; list++, comma = ", ") {
		fprintf(out, "%s", comma);
		conf_print_string(out, *list);
	}
	fprintf(out, "}\n");
}

static void print_machine(const struct conf_machine *m, FILE *out)
{
	fprintf(out, "\nmachine {\n");
	print_setting(out, "\t", "name", "", m->name);
	print_list(out, "listen", m->listen);
	print_setting(out, "\t", "profile", "", m->profile);
	print_setting(out, "\t", "ca", "", m->ca);
	print_setting(out, "\t", "cert", "", m->cert);
	print_setting(out, "\t", "key", "", m->key);
	print_setting(out, "\t", "crl", "", m->crl);
	print_setting(out, "\t", "enc_cert", "", m->enc_cert);
	print_setting(out, "\t", "enc_key", "", m->enc_key);
	print_setting(out, "\t", "master", "", m->master);
	print_setting(out, "\t", "http", "", m->http);
	print_setting(out, "\t", "host_dir", "", m->host_dir);
	print_setting(out, "\t", "state_dir", "", m->state_dir);
	fprintf(out, "\tworkers = %u\n\tlanes = %u\n\tconnections_max = %u\n\thandshakes_per_s = %u\n", m->workers, m->lanes,
	        m->connections_max, m->handshakes_per_s);
	fprintf(out, "\thello_ms = %u\n\tframe_ms = %u\n\tidle_s = %u\n\tdrain_ms = %u\n\tticket_s = %u\n", m->hello_ms, m->frame_ms,
	        m->idle_s, m->drain_ms, m->ticket_s);
	fprintf(out, "\tmax_body = %u\n\twindow = %u\n\tstale_s = %u\n}\n", m->max_body, m->window, m->stale_s);
}

static void print_identity(const struct conf_identity *identity, FILE *out)
{
	fprintf(out, "\nidentity \"%s\" {\n", identity->name);
	print_setting(out, "\t", "subject", "", identity->subject);
	print_setting(out, "\t", "certificate", "", identity->certificate);
	print_setting(out, "\t", "dns", "", identity->dns);
	print_setting(out, "\t", "user", "", identity->user);
	print_list(out, "tokens", identity->tokens);
	print_list(out, "roles", identity->roles);
	print_list(out, "allow", identity->allow);
	print_list(out, "deny", identity->deny);
	fprintf(out, "\trate = %u\n\tburst = %u\n\tconnections = %u\n\tin_flight = %u\n}\n", identity->rate, identity->burst,
	        identity->connections, identity->in_flight);
}

static void print_audit(const struct conf_audit *audit, FILE *out)
{
	static const char *const when_full[] = {"closed", "buffer", "open"};
	fprintf(out, "\naudit {\n");
	print_setting(out, "\t", "file", "", audit->file);
	fprintf(out, "\tsyslog = %s\n\toperations = %s\n", yes_no(audit->syslog), yes_no(audit->operations));
	print_choice(out, "when_full", when_full, audit->when_full);
	fprintf(out, "\tbuffer = %u\n\tbuffer_ms = %u\n\tcheckpoint_s = %u\n\tcheckpoint_records = %u\n\trotate_mb = %u\n", audit->buffer,
	        audit->buffer_ms, audit->checkpoint_s, audit->checkpoint_records, audit->rotate_mb);
	print_setting(out, "\t", "key", "", audit->key);
	fprintf(out, "}\n");
}

static void print_store(const struct conf_token *token, FILE *out)
{
	switch (token->engine) {
	case CONF_STORE_SQLITE:
		print_setting(out, "\t", "store", "sqlite:", token->store);
		break;
	case CONF_STORE_POSTGRES:
		print_setting(out, "\t", "store", strncmp(token->store, "postgres://", 11) == 0 ? "" : "postgres:", token->store);
		break;
	case CONF_STORE_NET:
		print_setting(out, "\t", "store", "", "net");
		break;
	}
}

void conf_print(const struct conf *conf, FILE *out)
{
	fprintf(out, "# %s\n", conf->path ? conf->path : "no file: the embedded default");
	print_setting(out, "", "token_dir", "", conf->token_dir);
	print_setting(out, "", "run_dir", "", conf->run_dir);
	print_setting(out, "", "states", "", conf->states);
	fprintf(out, "\nlog {\n");
	print_setting(out, "\t", "to", "", conf->log_to);
	fprintf(out, "\tlevel = %s\n}\n", level_name(conf->log_level));
	for (size_t i = 0; i < conf->ndevices; i++) {
		const struct conf_device *device = &conf->devices[i];
		fprintf(out, "\ndevice \"%s\" {\n", device->name);
		print_setting(out, "\t", "driver", "", device->driver);
		print_setting(out, "\t", "domain", "", device->domain);
		print_device_settings(device, out);
		for (char **option = device->options; *option; option += 2)
			print_setting(out, "\t", option[0], "", option[1]);
		fprintf(out, "}\n");
	}
	fprintf(out, "\ndefaults {\n");
	print_token_settings(conf, &conf->defaults, out);
	fprintf(out, "}\n");
	for (size_t i = 0; i < conf->ntokens; i++) {
		fprintf(out, "\ntoken \"%s\" {\n", conf->tokens[i].name);
		print_store(&conf->tokens[i], out);
		print_token_settings(conf, &conf->tokens[i], out);
		fprintf(out, "}\n");
	}
	print_sdf(&conf->sdf, out);
	if (conf->machine.given)
		print_machine(&conf->machine, out);
	for (size_t i = 0; i < conf->nidentities; i++)
		print_identity(&conf->identities[i], out);
	if (conf->audit.given)
		print_audit(&conf->audit, out);
}
