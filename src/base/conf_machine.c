/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CERTIFICATE_DIGITS 64 /* SHA-256 */

/* -- what holds where nothing is written --------------------------------------------- */

bool conf_machine_defaults(struct conf *conf)
{
	conf->machine = (struct conf_machine){
		.profile = strdup("tls13"), .host_dir = strdup("/run/hufud/devices"),
		.state_dir = strdup("/var/lib/hufu/state"),
		.lanes = 64, .connections_max = 12000, .handshakes_per_s = 2000, .hello_ms = 5000, .frame_ms = 10000, .idle_s = 900,
		.drain_ms = 10000, .ticket_s = 28800, .max_body = 2u << 20, .window = 256, .stale_s = 86400,
	};
	conf->audit = (struct conf_audit){
		.operations = true, .when_full = CONF_AUDIT_BUFFER, .buffer = 100000, .buffer_ms = 30000, .checkpoint_s = 60,
		.checkpoint_records = 1000, .rotate_mb = 256,
	};
	return conf->machine.profile && conf->machine.host_dir && conf->machine.state_dir;
}

struct conf_identity *conf_machine_add_identity(struct conf *conf, const char *title, int line)
{
	struct conf_identity *identities = reallocarray(conf->identities, conf->nidentities + 1, sizeof(*identities));
	if (!identities)
		return NULL;
	conf->identities = identities;
	struct conf_identity *identity = &identities[conf->nidentities++];
	*identity = (struct conf_identity){.name = strdup(title), .connections = 256, .in_flight = 1024, .line = line};
	return identity->name ? identity : NULL;
}

static void list_free(char **list)
{
	for (char **text = list; text && *text; text++)
		free(*text);
	free(list);
}

void conf_machine_clear(struct conf *conf)
{
	struct conf_machine *m = &conf->machine;
	char *texts[] = {m->name, m->profile, m->ca, m->cert, m->key, m->crl, m->enc_cert, m->enc_key, m->master, m->http,
	                 m->host_dir, m->state_dir, conf->audit.file, conf->audit.key};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	list_free(m->listen);
	for (size_t i = 0; i < conf->nidentities; i++) {
		struct conf_identity *identity = &conf->identities[i];
		free(identity->name);
		free(identity->subject);
		free(identity->certificate);
		free(identity->dns);
		free(identity->user);
		list_free(identity->tokens);
		list_free(identity->roles);
		list_free(identity->allow);
		list_free(identity->deny);
	}
	free(conf->identities);
}

/* -- values --------------------------------------------------------------------------- */

static bool is_word(const char *text, size_t len, const char *const words[])
{
	for (; *words; words++)
		if (strlen(*words) == len && strncmp(text, *words, len) == 0)
			return true;
	return false;
}

/* 1 to 65535, without signs, spaces or leading zeros. */
static bool port_is_good(const char *port)
{
	size_t len = strspn(port, "0123456789");
	return len && len <= 5 && !port[len] && port[0] != '0' && atoi(port) <= 65535;
}

/* The host of "host:port" or "[v6]:port", without brackets. */
static bool split_address(const char *text, char *host, size_t cap, bool *v6)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	*v6 = text[0] == '[' && len > 2 && text[len - 1] == ']';
	if (!len || len >= cap || !port_is_good(colon + 1))
		return false;
	memcpy(host, *v6 ? text + 1 : text, *v6 ? len - 2 : len);
	host[*v6 ? len - 2 : len] = '\0';
	return *v6 || !strpbrk(host, ":[]");
}

bool conf_check_listen(const char *text, char *why, size_t why_len)
{
	char host[256];
	struct sockaddr_un un;
	struct in6_addr in6;
	bool v6;
	if (strncmp(text, "unix:/", 6) == 0 && strlen(text + 5) < sizeof(un.sun_path))
		return true;
	if (split_address(text, host, sizeof(host), &v6) && (!v6 || inet_pton(AF_INET6, host, &in6) == 1))
		return true;
	snprintf(why, why_len, "listen = \"%s\" is no address. Write \"address:port\", \"[v6]:port\" or \"unix:/path\" (at most %zu "
	         "bytes of path)", text, sizeof(un.sun_path) - 1);
	return false;
}

/* Whoever reaches it sees the machine's state: nothing from outside this host may. */
bool conf_check_local(const char *text, char *why, size_t why_len)
{
	char host[256];
	struct in_addr in;
	struct in6_addr in6;
	bool v6, local = false;
	if (split_address(text, host, sizeof(host), &v6))
		local = v6 ? inet_pton(AF_INET6, host, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6) :
		             inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127;
	if (!local)
		snprintf(why, why_len, "http = \"%s\" is no address of this host alone. Write \"127.0.0.1:port\" or \"[::1]:port\"", text);
	return local;
}

bool conf_check_master(const char *text, char *why, size_t why_len)
{
	if (strncmp(text, "file:/", 6) == 0 || (strncmp(text, "credential:", 11) == 0 && conf_name_valid(text + 11)))
		return true;
	snprintf(why, why_len, "master = \"%s\" names no key. Write \"file:/path\", or \"credential:NAME\" for one of systemd's", text);
	return false;
}

bool conf_check_profile(const char *text, char *why, size_t why_len)
{
	static const char *const profiles[] = {"tls13", "tls13-sm", "tlcp", NULL};
	if (is_word(text, strlen(text), profiles))
		return true;
	snprintf(why, why_len, "profile = \"%s\" is unknown. Write tls13, tls13-sm (RFC 8998) or tlcp (GB/T 38636)", text);
	return false;
}

bool conf_check_certificate(const char *text, char *why, size_t why_len)
{
	if (strlen(text) == CERTIFICATE_DIGITS && strspn(text, "0123456789abcdefABCDEF") == CERTIFICATE_DIGITS)
		return true;
	snprintf(why, why_len, "certificate = \"%s\" is no fingerprint. Write the %d hexadecimal digits of its SHA-256, without colons",
	         text, CERTIFICATE_DIGITS);
	return false;
}

bool conf_check_role(const char *text, char *why, size_t why_len)
{
	static const char *const roles[] = {"devices", "user", "so", "operator", "auditor", NULL};
	if (is_word(text, strlen(text), roles))
		return true;
	snprintf(why, why_len, "there is no role \"%s\". Write devices, user, so, operator or auditor", text);
	return false;
}

bool conf_check_operation(const char *text, char *why, size_t why_len)
{
	static const char *const operations[] = {"sign", "verify", "encrypt", "decrypt", "wrap", "unwrap", "derive", "generate",
	                                         "import", "export", "random", "store", "*", NULL};
	static const char *const keyless[] = {"generate", "import", "random", NULL};
	size_t len = strcspn(text, ":"), label = text[len] ? strlen(text + len + 1) : 0;
	if (!is_word(text, len, operations) || (text[len] && !label))
		snprintf(why, why_len, "there is no operation \"%s\". Write sign, verify, encrypt, decrypt, wrap, unwrap, derive, generate, "
		         "import, export, random, store or *, with a key: \"sign:LABEL\"", text);
	else if (label && is_word(text, len, keyless))
		snprintf(why, why_len, "\"%s\" would fit nothing: a key that is not stored yet has no label. Write \"store:LABEL\"", text);
	else if (label > CONF_RULE_LABEL_MAX)
		snprintf(why, why_len, "the label in \"%.16s...\" is too long. Rules name keys of up to %d bytes", text, CONF_RULE_LABEL_MAX);
	else
		return true;
	return false;
}

/* -- what must fit together ------------------------------------------------------------ */

static bool has(char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static bool has_token(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ntokens; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return true;
	return false;
}

static bool has_tcp(char *const *listen)
{
	for (; listen && *listen; listen++)
		if (strncmp(*listen, "unix:", 5) != 0)
			return true;
	return false;
}

static void check_machine(const struct conf *conf, struct conf_reporter *reporter)
{
	const struct conf_machine *m = &conf->machine;
	bool tlcp = strcmp(m->profile, "tlcp") == 0;
	if (!m->listen || !m->listen[0])
		conf_problem(reporter, m->line, "the machine listens nowhere. Add listen = { \"0.0.0.0:5696\" } or a "
		             "\"unix:/path\"");
	if (has_tcp(m->listen) && (!m->ca || !m->cert || !m->key))
		conf_problem(reporter, m->line, "TLS takes certificates of both sides. Add ca, cert and key = \"/path\"");
	if (has_tcp(m->listen) && tlcp && (!m->enc_cert || !m->enc_key))
		conf_problem(reporter, m->line, "tlcp takes a second pair, for encryption (GB/T 38636). Add enc_cert and enc_key = "
		             "\"/path\"");
	if (conf->ntokens && !m->master)
		conf_problem(reporter, m->line, "there is no master key. Add master = \"file:/path\": 32 random bytes, the same on all "
		             "machines of a domain");
}

/* In the role devices keys have no labels: the client holds them, and calls them what it likes. */
static void check_key_rules(const struct conf_identity *identity, struct conf_reporter *reporter)
{
	for (char **rule = identity->deny; has(identity->roles, "devices") && rule && *rule; rule++)
		if (strchr(*rule, ':'))
			conf_problem(reporter, identity->line, "identity \"%s\": deny \"%s\" cannot hold in the role devices, where keys have no "
			             "labels. Deny the operation altogether, or take the role away", identity->name, *rule);
}

static void check_identity(const struct conf *conf, const struct conf_identity *identity, bool cut, struct conf_reporter *reporter)
{
	int n = !!identity->subject + !!identity->certificate + !!identity->dns + !!identity->user;
	if (n != 1)
		conf_problem(reporter, identity->line, "identity \"%s\" says %s who it is. Give one of subject, certificate, dns and user",
		             identity->name, n ? "in several ways" : "nowhere");
	if (!identity->tokens || !identity->tokens[0])
		conf_problem(reporter, identity->line, "identity \"%s\" may use no token. Add tokens = { \"name\" }, or { \"*\" } for all",
		             identity->name);
	for (char **token = identity->tokens; token && *token; token++)
		if (strcmp(*token, "*") != 0 && !cut && !has_token(conf, *token))
			conf_problem(reporter, identity->line, "there is no token \"%s\". Add token \"%s\" { ... }, or name another",
			             *token, *token);
	if (!identity->roles || !identity->roles[0])
		conf_problem(reporter, identity->line, "identity \"%s\" has no role. Add roles = { devices }, or of user, so, operator and "
		             "auditor those that it needs", identity->name);
	check_key_rules(identity, reporter);
	/* GB/T 39786-2021: who audits holds no other post. */
	if (has(identity->roles, "auditor") && identity->roles[1])
		conf_problem(reporter, identity->line, "identity \"%s\" is auditor and more. Give the other roles to another identity",
		             identity->name);
}

static void check_audit(const struct conf_audit *audit, struct conf_reporter *reporter)
{
	if (!audit->file && !audit->syslog)
		conf_problem(reporter, audit->line, "the audit trail goes nowhere. Add file = \"/path\" or syslog = true");
	if (!audit->file && !audit->key)
		conf_problem(reporter, audit->line, "checkpoints have no key to be signed with. Add key = \"/path\", or file");
}

static bool settle_name(struct conf_machine *machine)
{
	char name[65] = "";
	if (machine->name)
		return true;
	if (gethostname(name, sizeof(name) - 1) != 0 || !name[0])
		snprintf(name, sizeof(name), "hufud");
	machine->name = strdup(name);
	return machine->name;
}

static bool settle_audit_key(struct conf_audit *audit)
{
	if (audit->key || !audit->file)
		return true;
	if (asprintf(&audit->key, "%s.key", audit->file) >= 0)
		return true;
	audit->key = NULL;
	return false;
}

/* Of hufu.conf(5) hufud hosts devices, for users that identities name. */
static bool is_for_hosts(const struct conf *conf)
{
	bool hosts = false;
	for (size_t i = 0; i < conf->ndevices; i++)
		hosts |= conf_device_is_hosted(&conf->devices[i]);
	return hosts && !conf->audit.given;
}

bool conf_machine_settle(struct conf *conf, bool cut, struct conf_reporter *reporter)
{
	int line = conf->nidentities ? conf->identities[0].line : conf->audit.line;
	if (conf->machine.given)
		check_machine(conf, reporter);
	else if ((conf->nidentities || conf->audit.given) && !is_for_hosts(conf) && !cut)
		conf_problem(reporter, line, "identities and audit trails are those of a machine. Add machine { ... }");
	for (size_t i = 0; i < conf->nidentities; i++)
		check_identity(conf, &conf->identities[i], cut, reporter);
	if (conf->audit.given)
		check_audit(&conf->audit, reporter);
	return !conf->machine.given || (settle_name(&conf->machine) && settle_audit_key(&conf->audit));
}
