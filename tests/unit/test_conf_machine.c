/* SPDX-License-Identifier: Apache-2.0 */
/* hufud.conf: the sections machine, identity and audit; what is accepted, what is refused, and in which words. */
#include "base/conf.h"

#include "unit.h"

static char told[8192];

static void tell(void *arg, const char *message)
{
	size_t len = strlen(told);
	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%s\n", message);
}

static struct conf *parse(const char *text)
{
	struct conf *conf = NULL;
	told[0] = '\0';
	enum hufu_err err = conf_parse(text, "t.conf", tell, NULL, &conf);
	CU_ASSERT(err == HUFU_OK || err == HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(err == HUFU_OK, told[0] == '\0');
	return err == HUFU_OK ? conf : NULL;
}

static void refused(const char *text, const char *words)
{
	struct conf *conf = parse(text);
	CU_ASSERT_PTR_NULL(conf);
	if (strcmp(told, words) != 0) {
		CU_FAIL("other words were expected");
		printf("# text:     %s\n# told:     %s# expected: %s", text, told, words);
	}
	conf_free(conf);
}

#define LOCAL "machine { listen = \"unix:/run/hufu/hufud.sock\" master = \"file:/etc/hufu/master.key\" }\n"
#define BANK "token bank { }\n"
#define ROOT "identity root { user = root tokens = \"*\" roles = operator }\n"

static const char full[] =
	"machine {\n"
	"\tname = north-1\n"
	"\tlisten = { \"0.0.0.0:5696\", \"[::]:5696\", \"unix:/run/hufu/hufud.sock\" }\n"
	"\tprofile = tlcp ca = /c/ca.pem cert = /c/m.pem key = /c/m.key crl = /c/crl.pem enc_cert = /c/e.pem enc_key = /c/e.key\n"
	"\tmaster = \"credential:hufu.master\" http = \"127.0.0.1:9465\" host_dir = /run/x\n"
	"\tworkers = 3 lanes = 5 connections_max = 77 handshakes_per_s = 11 hello_ms = 101 frame_ms = 102 idle_s = 103\n"
	"\tdrain_ms = 104 ticket_s = 105 max_body = 65537 window = 9 stale_s = 106\n"
	"}\n"
	"identity payments {\n"
	"\tsubject = \"CN=pay,O=Bank\" tokens = { bank, cards } roles = { devices, user }\n"
	"\tallow = { sign, \"verify:old key\" } deny = \"export\" rate = 100 in_flight = 3 connections = 2\n"
	"}\n"
	"identity watch { dns = watch.example tokens = \"*\" roles = auditor rate = 5 burst = 50 }\n"
	"audit {\n"
	"\tfile = /var/log/hufu/audit syslog = yes operations = no when_full = closed buffer = 200 buffer_ms = 7\n"
	"\tcheckpoint_s = 8 checkpoint_records = 9 rotate_mb = 10\n"
	"}\n"
	"token bank { }\n"
	"token cards { store = \"sqlite:/var/lib/hufu/cards.db\" }\n";

static void check_full(const struct conf *conf)
{
	const struct conf_machine *m = &conf->machine;
	CU_ASSERT_TRUE(m->given);
	CU_ASSERT_STRING_EQUAL(m->name, "north-1");
	CU_ASSERT_STRING_EQUAL(m->listen[0], "0.0.0.0:5696");
	CU_ASSERT_STRING_EQUAL(m->listen[2], "unix:/run/hufu/hufud.sock");
	CU_ASSERT_PTR_NULL(m->listen[3]);
	CU_ASSERT_STRING_EQUAL(m->profile, "tlcp");
	CU_ASSERT_STRING_EQUAL(m->enc_key, "/c/e.key");
	CU_ASSERT_STRING_EQUAL(m->master, "credential:hufu.master");
	CU_ASSERT_STRING_EQUAL(m->http, "127.0.0.1:9465");
	CU_ASSERT(m->workers == 3 && m->lanes == 5 && m->connections_max == 77 && m->handshakes_per_s == 11);
	CU_ASSERT(m->hello_ms == 101 && m->frame_ms == 102 && m->idle_s == 103 && m->drain_ms == 104 && m->ticket_s == 105);
	CU_ASSERT(m->max_body == 65537 && m->window == 9 && m->stale_s == 106);
	CU_ASSERT_EQUAL_FATAL(conf->nidentities, 2);
	const struct conf_identity *pay = &conf->identities[0], *watch = &conf->identities[1];
	CU_ASSERT_STRING_EQUAL(pay->subject, "CN=pay,O=Bank");
	CU_ASSERT_STRING_EQUAL(pay->tokens[1], "cards");
	CU_ASSERT_STRING_EQUAL(pay->roles[0], "devices");
	CU_ASSERT_STRING_EQUAL(pay->allow[1], "verify:old key");
	CU_ASSERT_STRING_EQUAL(pay->deny[0], "export");
	CU_ASSERT(pay->rate == 100 && pay->burst == 100 && pay->connections == 2 && pay->in_flight == 3);
	CU_ASSERT(watch->rate == 5 && watch->burst == 50 && watch->connections == 256 && watch->in_flight == 1024);
	CU_ASSERT(conf->audit.given && conf->audit.syslog && !conf->audit.operations && conf->audit.when_full == CONF_AUDIT_CLOSED);
	CU_ASSERT(conf->audit.checkpoint_s == 8 && conf->audit.checkpoint_records == 9 && conf->audit.rotate_mb == 10);
	CU_ASSERT_STRING_EQUAL(conf->audit.key, "/var/log/hufu/audit.key");
	CU_ASSERT_PTR_NULL(conf->tokens[0].store);
	CU_ASSERT_STRING_EQUAL(conf->tokens[1].store, "/var/lib/hufu/cards.db");
}

static void test_full(void)
{
	struct conf *conf = parse(full);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	check_full(conf);
	conf_free(conf);
}

static void test_defaults(void)
{
	struct conf *conf = parse(LOCAL BANK ROOT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	const struct conf_machine *m = &conf->machine;
	CU_ASSERT(m->name && m->name[0]);
	CU_ASSERT_STRING_EQUAL(m->profile, "tls13");
	CU_ASSERT_STRING_EQUAL(m->host_dir, "/run/hufud/devices");
	CU_ASSERT(!m->http && !m->ca && m->workers == 0 && m->lanes == 64 && m->connections_max == 12000);
	CU_ASSERT(m->handshakes_per_s == 2000 && m->hello_ms == 5000 && m->frame_ms == 10000 && m->idle_s == 900);
	CU_ASSERT(m->drain_ms == 10000 && m->ticket_s == 28800 && m->max_body == 2u << 20 && m->window == 256);
	CU_ASSERT(m->stale_s == 86400 && !conf->audit.given && !conf->identities[0].allow);
	conf_free(conf);
	conf = parse("");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_FALSE(conf->machine.given);
	conf_free(conf);
}

static char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	if (f) {
		conf_print(conf, f);
		fclose(f);
	}
	return text;
}

static void test_print(void)
{
	struct conf *conf = parse(full);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	char *first = printed(conf);
	conf_free(conf);
	conf = parse(first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	check_full(conf);
	char *second = printed(conf);
	CU_ASSERT_STRING_EQUAL(first, second);
	conf_free(conf);
	free(first);
	free(second);
}

static void listen_refused(const char *address)
{
	char text[512], words[512];
	snprintf(text, sizeof(text), "machine { listen = \"%s\" ca = /a cert = /b key = /c }", address);
	snprintf(words, sizeof(words), "t.conf:1: listen = \"%s\" is no address. Write \"address:port\", \"[v6]:port\" or \"unix:/path\" "
	         "(at most 107 bytes of path)\n"
	         "t.conf:1: the machine listens nowhere. Add listen = { \"0.0.0.0:5696\" } or a \"unix:/path\"\n", address);
	refused(text, words);
}

static void test_addresses_refused(void)
{
	static const char *const wrong[] = {"", ":1", "host", "host:", "host:0", "host:65536", "host:1x", "host:-1", "host: 1",
	                                    "::1:5696", "[::1]", "[]:1", "[host]:1", "[::1:5696", "unix:run", "unix:"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		listen_refused(wrong[i]);
	static const char *const outside[] = {"0.0.0.0:80", "10.0.0.1:80", "[::]:80", "localhost:80", "127.0.0.1", "128.0.0.1:1"};
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		char text[512], words[512];
		snprintf(text, sizeof(text), "machine { listen = \"unix:/a\" http = \"%s\" }", outside[i]);
		snprintf(words, sizeof(words), "t.conf:1: http = \"%s\" is no address of this host alone. Write \"127.0.0.1:port\" or "
		         "\"[::1]:port\"\n", outside[i]);
		refused(text, words);
	}
}

static void test_values_refused(void)
{
	refused("machine { listen = \"unix:/a\"\nmaster = \"/etc/key\" }",
	        "t.conf:2: master = \"/etc/key\" names no key. Write \"file:/path\", or \"credential:NAME\" for one of systemd's\n");
	refused("machine { listen = \"unix:/a\" master = \"credential:../x\" }",
	        "t.conf:1: master = \"credential:../x\" names no key. Write \"file:/path\", or \"credential:NAME\" for one of "
	        "systemd's\n");
	refused("machine { listen = \"unix:/a\" profile = ssl3 }",
	        "t.conf:1: profile = \"ssl3\" is unknown. Write tls13, tls13-sm (RFC 8998) or tlcp (GB/T 38636)\n");
	refused("machine { listen = \"unix:/a\" max_body = 1000 }",
	        "t.conf:1: max_body = \"1000\" is out of range. Give a whole number from 65536 to 16777216\n");
	refused("machine { listen = \"unix:/a\" name = {a, b} }",
	        "t.conf:1: name takes one value, not a list. Write name = value\n");
	refused(LOCAL BANK "identity a { certificate = \"AB:CD\" user = x tokens = bank roles = user }",
	        "t.conf:3: certificate = \"AB:CD\" is no fingerprint. Write the 64 hexadecimal digits of its SHA-256, without colons\n");
	refused(LOCAL BANK "identity a { user = x tokens = bank\nroles = { user, king } }",
	        "t.conf:4: there is no role \"king\". Write devices, user, so, operator or auditor\n");
	refused(LOCAL BANK "identity a { user = x tokens = bank roles = user deny = { \"sign:\" } }",
	        "t.conf:3: there is no operation \"sign:\". Write sign, verify, encrypt, decrypt, wrap, unwrap, derive, generate, "
	        "import, export, random, store or *, with a key: \"sign:LABEL\"\n");
	refused(LOCAL BANK "identity a { user = root tokens = bank roles = user deny = \"generate:k\" }",
	        "t.conf:3: \"generate:k\" would fit nothing: a key that is not stored yet has no label. Write \"store:LABEL\"\n");
	refused(LOCAL BANK "identity a { user = root tokens = bank roles = { user, devices } deny = { export, \"sign:k\" } }",
	        "t.conf:3: identity \"a\": deny \"sign:k\" cannot hold in the role devices, where keys have no labels. Deny the operation "
	        "altogether, or take the role away\n");
	refused(LOCAL BANK ROOT "audit { syslog = 2 key = /k }",
	        "t.conf:4: syslog = \"2\" is neither true nor false. Write true or false\n"
	        "t.conf:4: the audit trail goes nowhere. Add file = \"/path\" or syslog = true\n");
}

static void test_relations_refused(void)
{
	refused("machine { }", "t.conf:1: the machine listens nowhere. Add listen = { \"0.0.0.0:5696\" } or a \"unix:/path\"\n");
	refused("machine { listen = \"a:1\" ca = /c }",
	        "t.conf:1: TLS takes certificates of both sides. Add ca, cert and key = \"/path\"\n");
	refused("machine { listen = \"a:1\" ca = /c cert = /c key = /k profile = tlcp }",
	        "t.conf:1: tlcp takes a second pair, for encryption (GB/T 38636). Add enc_cert and enc_key = \"/path\"\n");
	refused("machine { listen = \"unix:/a\" }\n" BANK ROOT,
	        "t.conf:1: there is no master key. Add master = \"file:/path\": 32 random bytes, the same on all machines of a domain\n");
	refused(ROOT, "t.conf:1: identities and audit trails are those of a machine. Add machine { ... }\n");
	refused("audit { syslog = true key = /k }",
	        "t.conf:1: identities and audit trails are those of a machine. Add machine { ... }\n");
	refused(LOCAL BANK "identity a { tokens = bank roles = user }",
	        "t.conf:3: identity \"a\" says nowhere who it is. Give one of subject, certificate, dns and user\n");
	refused(LOCAL BANK "identity a { user = x dns = y tokens = bank roles = user }",
	        "t.conf:3: identity \"a\" says in several ways who it is. Give one of subject, certificate, dns and user\n");
	refused(LOCAL BANK "identity a { user = x tokens = { bank, banc } roles = user }",
	        "t.conf:3: there is no token \"banc\". Add token \"banc\" { ... }, or name another\n");
	refused(LOCAL BANK "identity a { user = x }",
	        "t.conf:3: identity \"a\" may use no token. Add tokens = { \"name\" }, or { \"*\" } for all\n"
	        "t.conf:3: identity \"a\" has no role. Add roles = { devices }, or of user, so, operator and auditor those that it "
	        "needs\n");
	refused(LOCAL BANK "identity a { user = x tokens = \"*\" roles = { auditor, so } }",
	        "t.conf:3: identity \"a\" is auditor and more. Give the other roles to another identity\n");
	refused(LOCAL BANK ROOT "audit { syslog = true }",
	        "t.conf:4: checkpoints have no key to be signed with. Add key = \"/path\", or file\n");
}

static const struct unit_case cases[] = {
	{"every key of machine, identity and audit is read", test_full},
	{"what is left out has the default of hufud.conf(5)", test_defaults},
	{"what is in force, printed, is read back as the same", test_print},
	{"what is no address is refused, and an HTTP port that others reach", test_addresses_refused},
	{"values of no meaning are refused with line and remedy", test_values_refused},
	{"what does not fit together is refused with line and remedy", test_relations_refused},
	{0},
};
UNIT_MAIN("conf_machine", cases)
