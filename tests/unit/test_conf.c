/* SPDX-License-Identifier: Apache-2.0 */
/* hufu.conf: what is accepted, what is refused, and in which words. */
#include "base/conf.h"

#include "unit.h"

#include <confuse.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char told[65536];

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
	if (err != HUFU_OK)
		CU_ASSERT_EQUAL(err, HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(err == HUFU_OK, told[0] == '\0');
	return err == HUFU_OK ? conf : NULL;
}

/* The text is refused, in exactly these words. */
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

#define POOL_KEYS "attempts, attempt_min_ms, attempt_max_ms, generate_deadline_ms, retry_percent, retry_floor, hedge, " \
	"hedge_percent, eject_soft_errors, backoff_min_ms, backoff_max_ms, slow_start_ms, slow_start_percent, deep_probe_s, " \
	"verify_after, generate, hardware_only, software_fallback, local_below, keyless"
#define SECTIONS "log, defaults, token, device, sdf, sdf_key, sdf_kek, machine, identity and audit"
#define DEVICE_KEYS "driver, domain, weight, priority, isolation, sessions, share, queue, connects_per_s, hung_max, token"
#define STORE "store = \"sqlite:/s.db\" "

static const char full[] =
	"# a comment, \"with a quote\n"
	"token_dir = \"/var/lib/hufu\"\n"
	"log { to = \"file:/var/log/hufu.log\" level = debug } // another\n"
	"/* one\n"
	"   more */ device \"card1\" {\n"
	"\tdriver = \"/usr/lib/hufu/card.so\"\n"
	"\tdomain = \"cards\"\n"
	"\tweight = 250\n"
	"\taddress = \"10.0.0.1:8080\"\n"
	"\tpassword_file = '/etc/a b\\'c'\n"
	"}\n"
	"device flaky { driver = fault script = \"lost 3\" wraps = soft }\r\n"
	"defaults { pin_min = 6 host_secret = \"file:/etc/hufu/host.key\" devices = {card1} deadline_ms = 900 }\n"
	"token \"a\" { store = \"sqlite:/var/lib/hufu/a.db\" }\n"
	"token \"b.2\" {\n"
	"\tstore = 'sqlite:/var/lib/hufu/b \"x\" ${y}.db'\n"
	"\tdevices = { \"flaky\", card1 }\n"
	"\tsm2_key_type = ec\n"
	"\tdes3 = read policy = strict alias = westone\n"
	"\tallow_short_pin = yes\n"
	"\tpin_min = 4 user_tries = 3 pin_iterations = 200000 deadline_ms = 600000\n"
	"}\n";

static void check_full(const struct conf *conf)
{
	CU_ASSERT_STRING_EQUAL(conf->token_dir, "/var/lib/hufu");
	CU_ASSERT_STRING_EQUAL(conf->log_to, "file:/var/log/hufu.log");
	CU_ASSERT_EQUAL(conf->log_level, HUFU_LOG_DEBUG);
	CU_ASSERT_EQUAL_FATAL(conf->ndevices, 2);
	CU_ASSERT_STRING_EQUAL(conf->devices[0].name, "card1");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].driver, "/usr/lib/hufu/card.so");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].domain, "cards");
	CU_ASSERT_EQUAL(conf->devices[0].weight, 250);
	CU_ASSERT_STRING_EQUAL(conf->devices[0].options[0], "address");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].options[1], "10.0.0.1:8080");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].options[2], "password_file");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].options[3], "/etc/a b'c");
	CU_ASSERT_PTR_NULL(conf->devices[0].options[4]);
	CU_ASSERT_STRING_EQUAL(conf->devices[1].domain, "flaky");
	CU_ASSERT_STRING_EQUAL(conf->devices[1].options[1], "lost 3");
	CU_ASSERT_EQUAL_FATAL(conf->ntokens, 2);
	const struct conf_token *a = &conf->tokens[0], *b = &conf->tokens[1];
	CU_ASSERT_STRING_EQUAL(a->name, "a");
	CU_ASSERT_STRING_EQUAL(a->store, "/var/lib/hufu/a.db");
	CU_ASSERT_STRING_EQUAL(a->host_secret, "/etc/hufu/host.key");
	CU_ASSERT_EQUAL(a->pin_min, 6);
	CU_ASSERT_EQUAL(a->user_tries, 10);
	CU_ASSERT_EQUAL(a->pin_iterations, 100000);
	CU_ASSERT_EQUAL(a->deadline_ms, 900);
	CU_ASSERT_EQUAL(a->sm2_view, CONF_SM2_VENDOR);
	CU_ASSERT_EQUAL(a->des3, CONF_DES3_OFF);
	CU_ASSERT_EQUAL(a->alias, CONF_ALIAS_NONE);
	CU_ASSERT_EQUAL(a->policy, CONF_POLICY_STANDARD);
	CU_ASSERT_FALSE(a->allow_short_pin);
	CU_ASSERT_EQUAL_FATAL(a->ndevices, 1);
	CU_ASSERT_EQUAL(a->devices[0], 0);
	CU_ASSERT_STRING_EQUAL(b->name, "b.2");
	CU_ASSERT_STRING_EQUAL(b->store, "/var/lib/hufu/b \"x\" ${y}.db");
	CU_ASSERT_EQUAL_FATAL(b->ndevices, 2);
	CU_ASSERT_EQUAL(b->devices[0], 1);
	CU_ASSERT_EQUAL(b->devices[1], 0);
	CU_ASSERT_EQUAL(b->sm2_view, CONF_SM2_EC);
	CU_ASSERT_EQUAL(b->des3, CONF_DES3_READ);
	CU_ASSERT_EQUAL(b->alias, 4);
	CU_ASSERT_EQUAL(b->policy, CONF_POLICY_STRICT);
	CU_ASSERT_TRUE(b->allow_short_pin);
	CU_ASSERT_EQUAL(b->pin_min, 4);
	CU_ASSERT_EQUAL(b->user_tries, 3);
	CU_ASSERT_EQUAL(b->pin_iterations, 200000);
	CU_ASSERT_EQUAL(b->deadline_ms, 600000);
}

static void test_full(void)
{
	struct conf *conf = parse(full);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	check_full(conf);
	CU_ASSERT_EQUAL(conf->devices[0].line, 5);
	CU_ASSERT_EQUAL(conf->tokens[1].line, 15);
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

static void test_pool_keys(void)
{
	struct conf *conf = parse("device c { driver = /c.so priority = 5 isolation = thread sessions = 9 share = 50 queue = 7\n"
	                          "connects_per_s = 3 hung_max = 2 token = u }\n"
	                          "defaults { hedge = suspect attempts = 2 verify_after = sample }\n"
	                          "token t { " STORE " software_fallback = no hardware_only = yes generate = host }\n"
	                          "token u { store = \"sqlite:/u.db\" attempts = 4 keyless = device local_below = 64 }\n"
	                          "run_dir = /run/x states = /etc/x.states\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	const struct conf_device *c = &conf->devices[0];
	const struct conf_pool *t = &conf->tokens[0].pool, *u = &conf->tokens[1].pool;
	CU_ASSERT(c->priority == 5 && c->isolation == CONF_ISOLATION_THREAD && c->sessions == 9 && c->share == 50);
	CU_ASSERT(c->queue == 7 && c->connects_per_s == 3 && c->hung_max == 2);
	CU_ASSERT(t->hedge == CONF_HEDGE_SUSPECT && t->attempts == 2 && t->verify_after == CONF_VERIFY_SAMPLE);
	CU_ASSERT(!t->software_fallback && t->hardware_only == CONF_HARDWARE_YES && t->generate == CONF_GENERATE_HOST);
	CU_ASSERT(u->attempts == 4 && u->keyless == CONF_KEYLESS_DEVICE && u->local_below == 64 && u->software_fallback);
	CU_ASSERT(conf->tokens[0].ndevices == 1 && conf->tokens[0].devices[0] == 1);
	CU_ASSERT(conf->tokens[1].ndevices == 1 && conf->tokens[1].devices[0] == 0);
	CU_ASSERT_STRING_EQUAL(conf->run_dir, "/run/x");
	CU_ASSERT_STRING_EQUAL(conf->states, "/etc/x.states");
	conf_free(conf);
	refused("device c { driver = soft\ntoken = t }",
	        "t.conf:2: there is no token \"t\". Add token \"t\" { ... }, or name another\n");
	refused("device c { driver = soft\nisolation = jail }",
	        "t.conf:2: isolation = \"jail\" is unknown. Write auto, direct, thread or process\n");
	refused("defaults { keyless = no }", "t.conf:1: keyless = \"no\" is unknown. Write local or device\n");
	refused("defaults {\nattempt_max_ms = 10 }", "t.conf:2: attempt_max_ms = 10 is less than attempt_min_ms = 50. Give the larger "
	        "of the two to attempt_max_ms\n");
	refused("token t { " STORE "\nbackoff_max_ms = 10 }", "t.conf:2: backoff_max_ms = 10 is less than backoff_min_ms = 500. Give "
	        "the larger of the two to backoff_max_ms\n");
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

static void test_defaults(void)
{
	struct conf *conf = parse("token t { " STORE "}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	const struct conf_token *t = &conf->tokens[0];
	CU_ASSERT_PTR_NULL(conf->token_dir);
	CU_ASSERT_STRING_EQUAL(conf->log_to, "syslog");
	CU_ASSERT_EQUAL(conf->log_level, HUFU_LOG_NOTICE);
	CU_ASSERT_EQUAL_FATAL(conf->ndevices, 1);
	CU_ASSERT_STRING_EQUAL(conf->devices[0].name, "soft");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].driver, "soft");
	CU_ASSERT_STRING_EQUAL(conf->devices[0].domain, "soft");
	CU_ASSERT_EQUAL(conf->devices[0].weight, 100);
	CU_ASSERT_PTR_NULL(conf->devices[0].options[0]);
	CU_ASSERT_EQUAL_FATAL(t->ndevices, 1);
	CU_ASSERT_EQUAL(t->devices[0], 0);
	CU_ASSERT_PTR_NULL(t->host_secret);
	CU_ASSERT_EQUAL(t->pin_min, 12);
	CU_ASSERT_EQUAL(t->user_tries, 10);
	CU_ASSERT_EQUAL(t->pin_iterations, 100000);
	CU_ASSERT_EQUAL(t->deadline_ms, 5000);
	CU_ASSERT_EQUAL(t->sm2_view, CONF_SM2_VENDOR);
	CU_ASSERT_EQUAL(t->des3, CONF_DES3_OFF);
	conf_free(conf);

	conf = parse("");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_EQUAL(conf->ndevices + conf->ntokens, 0);
	conf_free(conf);

	conf = parse("token_dir = /d\n device other { driver = soft }");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_EQUAL_FATAL(conf->defaults.ndevices, 1);
	CU_ASSERT_STRING_EQUAL(conf->devices[conf->defaults.devices[0]].name, "soft");
	CU_ASSERT_EQUAL(conf->defaults.pin_min, 12);
	conf_free(conf);

	conf = parse("token t { " STORE " allow_short_pin = true } device soft { driver = soft weight = 7 }");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_EQUAL(conf->ndevices, 1);
	CU_ASSERT_EQUAL(conf->tokens[0].pin_min, 4);
	conf_free(conf);
}

/* Engines of stores, and the same again from what conf_print writes. */
static void test_stores(void)
{
	static const struct {
		const char *said;
		enum conf_store_engine engine;
		const char *store;
	} cases[] = {
		{"sqlite:/a/t.db", CONF_STORE_SQLITE, "/a/t.db"},
		{"postgres:host=a,b dbname=hufu passfile=/p", CONF_STORE_POSTGRES, "host=a,b dbname=hufu passfile=/p"},
		{"postgres://hufu@a,b/keys?sslmode=verify-full", CONF_STORE_POSTGRES, "postgres://hufu@a,b/keys?sslmode=verify-full"},
		{"net", CONF_STORE_NET, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[160];
		snprintf(text, sizeof(text), "token t { store = \"%s\" devices = m } device m { driver = net address = \"h:1\" }",
		         cases[i].said);
		struct conf *conf = parse(text);
		CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
		char *again = printed(conf);
		conf_free(conf);
		conf = parse(again);
		free(again);
		CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
		CU_ASSERT_EQUAL(conf->tokens[0].engine, cases[i].engine);
		if (cases[i].store)
			CU_ASSERT_STRING_EQUAL_FATAL(conf->tokens[0].store, cases[i].store);
		CU_ASSERT_TRUE(cases[i].store || !conf->tokens[0].store);
		conf_free(conf);
	}
}

static const char *option(const struct conf_device *device, const char *name)
{
	for (char **o = device->options; *o; o += 2)
		if (strcmp(*o, name) == 0)
			return o[1];
	return NULL;
}

/* The machines that keep a token are asked for that, and are one domain. */
static void test_net_store(void)
{
	struct conf *conf = parse("token t { store = net devices = { a, b, s } } device a { driver = net address = \"h:1\" }"
	                          "device b { driver = net address = \"h:2\" role = token } device s { driver = soft }");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	for (size_t i = 0; i < 2; i++) {
		const char *role = option(&conf->devices[i], "role");
		CU_ASSERT_PTR_NOT_NULL_FATAL(role);
		CU_ASSERT_STRING_EQUAL(role, "token");
		CU_ASSERT_STRING_EQUAL(conf->devices[i].domain, "t");
	}
	CU_ASSERT_PTR_NULL(option(&conf->devices[2], "role"));
	CU_ASSERT_STRING_EQUAL(conf->devices[2].domain, "s");
	conf_free(conf);

	refused("token t { store = net devices = s }\ndevice s { driver = soft }",
	        "t.conf:1: token \"t\" is to live on machines (store = \"net\"), but none of its devices is of driver net. Add device "
	        "\"a\" { driver = net  address = \"host:port\" ... } to its devices\n");
	refused("token t { store = net devices = { a, b } }\ndevice a { driver = net domain = x }\ndevice b { driver = net }",
	        "t.conf:3: device \"b\" is of domain \"t\", another machine of token \"t\" of \"x\". Machines with one token are "
	        "one domain\n");
	refused("token t { store = net devices = a }\ntoken u { " STORE "devices = a }\ndevice a { driver = net }",
	        "t.conf:3: device \"a\" serves token \"u\" too, but keeps the objects of token \"t\". Write a section device for "
	        "each\n");
}

static void test_values_refused(void)
{
	refused("token t { store = \"postgres:\" }",
	        "t.conf:1: store = \"postgres:\" names no database. Write postgres:host=... dbname=...\n");
	refused("token t { store = \"postgres:host=a password=x\" }",
	        "t.conf:1: store holds a password. Keep that in a file of its own: passfile=/path, or certificates\n");
	refused("token t { store = \"postgres://u:x@a/db\" }",
	        "t.conf:1: store holds a password. Keep that in a file of its own: passfile=/path, or certificates\n");
	refused("token t {\n store = /a.db\n}",
	        "t.conf:2: store = \"/a.db\" does not begin with sqlite:/. Write store = \"sqlite:/path\"\n");
	refused("token_dir = \"var/lib\"",
	        "t.conf:1: token_dir = \"var/lib\" does not begin with /. Write token_dir = \"/path\"\n");
	refused("token t { " STORE "host_secret = file:key }",
	        "t.conf:1: host_secret = \"file:key\" does not begin with file:/. Write host_secret = \"file:/path\"\n");
	refused("device a { driver = soft\nweight = 1001 }",
	        "t.conf:2: weight = \"1001\" is out of range. Give a whole number from 1 to 1000\n");
	refused("device a { driver = soft weight = 0 }",
	        "t.conf:1: weight = \"0\" is out of range. Give a whole number from 1 to 1000\n");
	refused("device a { driver = soft weight = -1 }",
	        "t.conf:1: weight = \"-1\" is out of range. Give a whole number from 1 to 1000\n");
	refused("device a { driver = soft weight = 18446744073709551617 }",
	        "t.conf:1: weight = \"18446744073709551617\" is out of range. Give a whole number from 1 to 1000\n");
	refused("token t { " STORE "pin_iterations = 99999 }",
	        "t.conf:1: pin_iterations = \"99999\" is out of range. Give a whole number from 100000 to 10000000\n");
	refused("token t { " STORE "deadline_ms = 1e3 }",
	        "t.conf:1: deadline_ms = \"1e3\" is out of range. Give a whole number from 10 to 600000\n");
	refused("token t { " STORE "allow_short_pin = maybe }",
	        "t.conf:1: allow_short_pin = \"maybe\" is neither true nor false. Write true or false\n");
	refused("token t { " STORE "sm2_key_type = rsa }",
	        "t.conf:1: sm2_key_type = \"rsa\" is unknown. Write vendor (CKK_HUFU_SM2) or ec (CKK_EC with the SM2 curve)\n");
	refused("token t { " STORE "policy = lax }",
	        "t.conf:1: policy = \"lax\" is unknown. Write standard, or strict (a key that wraps never decrypts)\n");
	refused("token t { " STORE "alias = acme }",
	        "t.conf:1: alias = \"acme\" is unknown. Write none, sansec, tass, koal, westone, ibm, luna or xipki\n");
	refused("token t { " STORE "des3 = write }",
	        "t.conf:1: des3 = \"write\" is unknown. Write off, or read (keys are taken in, and decrypt)\n");
	refused("log { level = loud }", "t.conf:1: level = \"loud\" is unknown. Write error, warning, notice, info or debug\n");
	refused("log { to = \"file:log\" }",
	        "t.conf:1: to = \"file:log\" is no place for the log. Write syslog, stderr, none or file:/absolute/path\n");
	refused("device a { driver = hard }",
	        "t.conf:1: driver = \"hard\" is unknown. Write soft, sdf, p11, net, fault or the absolute path of a driver's .so\n");
	refused("device a { driver = soft domain = \"a b\" }",
	        "t.conf:1: domain = \"a b\" is no name. Use 1 to 64 letters, digits, dots, dashes or underscores\n");
	refused("device a { driver = fault wraps = fault }",
	        "t.conf:1: wraps = \"fault\" cannot be wrapped. Write soft or the absolute path of a driver's .so\n");
}

static void test_relations_refused(void)
{
	refused("token t {\n" STORE "\n devices = {one, two}\n}\ndevice two { driver = soft }",
	        "t.conf:3: there is no device \"one\". Add device \"one\" { ... }, or name another\n");
	refused("token t { " STORE "devices = {soft, soft} } device soft { driver = soft }",
	        "t.conf:1: device \"soft\" is named twice. Take one away\n");
	refused("token t { " STORE "devices = {} }",
	        "t.conf:1: devices names none. Name one, or take the line away to use the device soft\n");
	refused("token t { }", "t.conf:1: token \"t\" has no store. Add store = \"sqlite:/path/of/t.db\"\n");
	refused("token t { " STORE "}\ntoken u { " STORE "}",
	        "t.conf:2: the store is that of token \"t\" already. Give each token a store of its own\n");
	refused("device a { }",
	        "t.conf:1: device \"a\" has no driver. Add driver = soft, or the absolute path of a driver's .so\n");
	refused("device soft { driver = fault }",
	        "t.conf:1: the name \"soft\" is kept for a device of driver soft. Give this device another name\n");
	refused("token t { " STORE "pin_min = 6 }",
	        "t.conf:1: pin_min = 6 needs a host secret. Add host_secret = \"file:/path\" or "
	        "allow_short_pin = true, or make it 12\n");
	refused("defaults { pin_min = 6 }\ntoken t { " STORE "}",
	        "t.conf:2: pin_min = 6 needs a host secret. Add host_secret = \"file:/path\" or "
	        "allow_short_pin = true, or make it 12\n");
}

static void test_keys_refused(void)
{
	refused("tokendir = /a", "t.conf:1: unknown key \"tokendir\". The keys outside of sections are token_dir, run_dir, states\n");
	refused("token t { " STORE "\npin_tries = 3 }",
	        "t.conf:2: unknown key \"pin_tries\". The keys of a section token are store, devices, sm2_key_type, alias, policy, des3, "
	        "host_secret, allow_short_pin, pin_min, user_tries, pin_iterations, deadline_ms, " POOL_KEYS "\n");
	refused("log { facility = auth }", "t.conf:1: unknown key \"facility\". The keys of a section log are to, level\n");
	refused("device a { driver = soft\n path = x }",
	        "t.conf:2: driver \"soft\" has no key \"path\". The keys of a section device are " DEVICE_KEYS "\n");
	refused("device a { driver = fault path = x }",
	        "t.conf:1: driver \"fault\" has no key \"path\". The keys of a section device are " DEVICE_KEYS ", "
	        "wraps, script, sessions_max, service, domain_id, split, permanent, shelf, resident, seed, password\n");
	refused("pool { size = 3 }\n",
	        "t.conf:1: unknown section \"pool\". The sections are " SECTIONS "\n");
	refused("token { }", "t.conf:1: the section token has no name. Write token \"name\" { ... }\n");
	refused("log x { }", "t.conf:1: the section log takes no name. Write log { ... }\n");
	refused("token \"a b\" { }",
	        "t.conf:1: \"a b\" is no name for a token. Use 1 to 64 letters, digits, dots, dashes or underscores\n");
	refused("device a { driver = soft }\ndevice b { driver = soft }\ndevice \"a\" { driver = soft }",
	        "t.conf:3: device \"a\" stands in line 1 already. Merge the two, or rename one\n");
	refused("log { }\nlog { }", "t.conf:2: log stands in line 1 already. Merge the two\n");
	refused("device a { driver = soft\n driver = soft }",
	        "t.conf:2: driver is set in line 1 already. Take one of the two away\n");
	refused("device a { driver = {soft} }", "t.conf:1: driver takes one value, not a list. Write driver = value\n"
	        "t.conf:1: device \"a\" has no driver. Add driver = soft, or the absolute path of a driver's .so\n");
}

#define SDF_LOGIN "sdf { login = \"file:/pin\" }\n"
#define ZEROS "00000000000000000000000000000000"

static void test_sdf(void)
{
	struct conf *conf = parse("token t { " STORE "}\n"
	                          "sdf_key 3 { sign = a encrypt = \"id=0aFF\"\n"
	                          "password = \"pbkdf2-sm3:20000:" ZEROS ":" ZEROS ZEROS "\" }\n"
	                          "sdf_key 0 { rsa_sign = b password = open }\nsdf_key 4 { sign = a }\nsdf_kek 65535 { key = c }\n"
	                          "sdf { token = t login = \"file:/pin\" lengths = written debug = true serial = \"0123456789abcdef\" }");
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	const struct conf_sdf *sdf = &conf->sdf;
	CU_ASSERT_TRUE(sdf->debug && sdf->lengths == CONF_SDF_LENGTHS_WRITTEN && sdf->nkeys == 3 && sdf->nkeks == 1);
	CU_ASSERT_STRING_EQUAL(sdf->login, "/pin");
	CU_ASSERT_TRUE(sdf->keys[0].index == 3 && sdf->keys[0].access == CONF_SDF_ACCESS_PASSWORD);
	CU_ASSERT_EQUAL(sdf->keys[0].verifier.iterations, 20000);
	CU_ASSERT_TRUE(sdf->keys[1].index == 0 && sdf->keys[1].access == CONF_SDF_ACCESS_OPEN);
	CU_ASSERT_TRUE(sdf->keys[2].access == CONF_SDF_ACCESS_PIN && sdf->keks[0].index == 65535);
	char *first = printed(conf);
	conf_free(conf);
	conf = parse(first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	char *second = printed(conf);
	CU_ASSERT_STRING_EQUAL(first, second);
	conf_free(conf);
	free(first);
	free(second);
}

static void test_sdf_refused(void)
{
	refused("sdf_key 01 { sign = a }", "t.conf:1: sdf_key \"01\" is no index. Give a number from 0 to 65535\n");
	refused("sdf_key 65536 { sign = a }", "t.conf:1: sdf_key \"65536\" is no index. Give a number from 0 to 65535\n");
	refused("sdf_kek 0 { key = a }", "t.conf:1: sdf_kek \"0\" is no index. Give a number from 1 to 65535\n");
	refused("sdf_kek 1 { }", "t.conf:1: sdf_kek \"1\" has no key. Add key = \"label\"\n");
	refused("sdf_key 1 { }", "t.conf:1: sdf_key \"1\" has no key. Add sign, encrypt, rsa_sign or rsa_encrypt = \"label\"\n");
	refused("sdf_key 1 { sign = \"id=123\" }",
	        "t.conf:1: sign = \"id=123\" is no identifier. Write id= and an even number of hexadecimal digits\n");
	refused(SDF_LOGIN "sdf_key 1 { sign = a password = \"in the clear\" }",
	        "t.conf:2: the password of sdf_key \"1\" is no verifier. Write open, or what hufu sdf password prints\n");
	refused(SDF_LOGIN "sdf_key 1 { sign = a password = \"pbkdf2-sm3:9999:" ZEROS ":" ZEROS ZEROS "\" }",
	        "t.conf:2: the password of sdf_key \"1\" is no verifier. Write open, or what hufu sdf password prints\n");
	refused("sdf_key 1 { sign = a password = \"pbkdf2-sm3:10000:" ZEROS ":" ZEROS ZEROS "\" }",
	        "t.conf:1: sdf_key \"1\" has a password of its own, and nobody logs in. Add login = \"file:/path\" to the section sdf\n");
	refused("sdf { token = t }", "t.conf:1: there is no token \"t\". Add token \"t\" { ... }, or name another\n");
	refused("sdf { model = \"seventeen letters\" }",
	        "t.conf:1: model = \"seventeen letters\" is too long. GM/T 0018 has room for 16 bytes\n");
}

static void test_syntax_refused(void)
{
	refused("token t { " STORE "\n", "t.conf:1: the section that begins here does not end. Close it with }\n");
	refused("token_dir /a\n", "t.conf:1: = or { is missing. Write key = value, or section \"name\" { ... }. Nothing after "
	        "this line was read\n");
	refused("token_dir =\n\n}", "t.conf:3: a value is missing after =. Write it as key = value. Nothing after this line was "
	        "read\n");
	refused("token_dir = \"/a\n", "t.conf:1: the string does not end on this line. Close it with the quote it began with\n");
	refused("token_dir = '/a\n'", "t.conf:1: the string does not end on this line. Close it with the quote it began with\n");
	refused("token_dir = \"/a\tb\"", "t.conf:1: a tab cannot stand in a string. Write spaces\n");
	refused("/* no end", "t.conf:1: the comment does not end. Close it with */\n");
	refused("log { to = \"\\x41\" }", "t.conf:1: only \\\" and \\\\ stand for something in a string. Double the backslash\n");
	refused("log { to = \"${HOME}\" }",
	        "t.conf:1: environment variables are not expanded. Write the value itself, or ${ in single quotes\n");
	refused("log { to = ${HOME} }", "t.conf:1: environment variables are not expanded. Write the value itself\n");
	refused("\ninclude(\"/etc/passwd\")",
	        "t.conf:2: parentheses mean nothing here: there are no functions, and other files cannot be included\n");
	refused("token t { device a { } }",
	        "t.conf:1: = is missing after a key. Write key = value; a section cannot stand in another. "
	        "Nothing after this line was read\n");
	refused("}", "t.conf:1: there is no section to close. Take the } away. Nothing after this line was read\n");
	refused("token t { devices = {a b} }",
	        "t.conf:1: a comma or closing brace is missing in the list. Write it as { a, b }. "
	        "Nothing after this line was read\n");
	refused("token t { devices += {a} }", "t.conf:1: += means nothing here. Use = with the whole list\n");
	refused("\"token_dir\" = /a",
	        "t.conf:1: a key or section is expected here, without quotes. Nothing after this line was read\n");
	refused("a\001b", "t.conf:1: the control character 0x01 is not allowed. Is this a text file?\n");
	refused("a * b", "t.conf:1: this character means nothing here. Put values with special characters in double quotes\n");
}

static void test_all_told(void)
{
	refused("log { level = loud }\n"
	        "# between\n"
	        "pool { a = b }\n"
	        "token t {\n"
	        "\tstore = /a\n"
	        "\tuser_tries = 0\n"
	        "\tcolour = red\n"
	        "}\n"
	        "device d { driver = soft speed = 9 }\n"
	        "token_dir = \"/x\n"
	        "token u { }\n",
	        "t.conf:1: level = \"loud\" is unknown. Write error, warning, notice, info or debug\n"
	        "t.conf:3: unknown section \"pool\". The sections are " SECTIONS "\n"
	        "t.conf:5: store = \"/a\" does not begin with sqlite:/. Write store = \"sqlite:/path\"\n"
	        "t.conf:6: user_tries = \"0\" is out of range. Give a whole number from 1 to 100\n"
	        "t.conf:7: unknown key \"colour\". The keys of a section token are store, devices, sm2_key_type, alias, policy, des3, "
	        "host_secret, allow_short_pin, pin_min, user_tries, pin_iterations, deadline_ms, " POOL_KEYS "\n"
	        "t.conf:9: driver \"soft\" has no key \"speed\". The keys of a section device are " DEVICE_KEYS "\n"
	        "t.conf:10: the string does not end on this line. Close it with the quote it began with\n");
}

static void test_bounds(void)
{
	size_t len = (1u << 20) + 1;
	char *text = malloc(len + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, '{', len);
	text[len] = '\0';
	refused(text, "t.conf: the text is larger than 1 MiB, or memory is out\n");
	text[len - 1] = '\0';
	refused(text, "t.conf:1: a key or section is expected here, without quotes. Nothing after this line was read\n");
	/* As many unknown keys as fit. */
	for (size_t i = 0; i + 4 < len; i += 4)
		memcpy(text + i, "a=b ", 5);
	CU_ASSERT_PTR_NULL(parse(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(told, "unknown key \"a\""));
	free(text);
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	(void)cfg, (void)fmt, (void)ap;
}

/* Each leaves libconfuse's global lexer inside a string or comment. */
static void test_dirty_lexer(void)
{
	static const char *const unfinished[] = {"a = \"b", "a = 'b", "/* b", "a = \"\\777 b\""};
	for (size_t i = 0; i < sizeof(unfinished) / sizeof(unfinished[0]); i++) {
		cfg_opt_t opts[] = {CFG_STR("a", NULL, CFGF_NODEFAULT), CFG_END()};
		cfg_t *cfg = cfg_init(opts, CFGF_NONE);
		cfg_set_error_function(cfg, on_error);
		CU_ASSERT_TRUE(cfg_parse_buf(cfg, unfinished[i]) == CFG_PARSE_ERROR || i == 2);
		struct conf *conf = parse(full);
		CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
		check_full(conf);
		conf_free(conf);
		cfg_free(cfg);
	}
}

static int parse_within(cfg_t *cfg, cfg_opt_t *opt)
{
	(void)cfg, (void)opt;
	struct conf *conf = parse(full);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	check_full(conf);
	conf_free(conf);
	conf_free(parse("log { to = \"\\x\" }"));
	return 0;
}

static void test_nested_use(void)
{
	cfg_opt_t opts[] = {CFG_STR("a", NULL, CFGF_NODEFAULT), CFG_STR("b", NULL, CFGF_NODEFAULT), CFG_END()};
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);
	cfg_set_validate_func(cfg, "a", parse_within);
	CU_ASSERT_EQUAL(cfg_parse_buf(cfg, "a = \"one\"\nb = \"two\"\n"), CFG_SUCCESS);
	CU_ASSERT_STRING_EQUAL(cfg_getstr(cfg, "a"), "one");
	CU_ASSERT_STRING_EQUAL(cfg_getstr(cfg, "b"), "two");
	cfg_free(cfg);
}

/* -- files ---------------------------------------------------------------------- */

static char dir[] = "/tmp/hufu-test-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text, size_t len, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, len), (ssize_t)len);
	CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
	close(fd);
}

static enum hufu_err load(const char *path)
{
	struct conf *conf = NULL;
	told[0] = '\0';
	enum hufu_err err = conf_load_file(path, tell, NULL, &conf);
	if (err == HUFU_OK) {
		CU_ASSERT_STRING_EQUAL(conf->path, path);
		conf_free(conf);
	}
	return err;
}

static bool told_has(const char *words)
{
	return strstr(told, words) != NULL;
}

static void test_files(void)
{
	static const char text[] = "token_dir = /t\n";
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	write_file("good.conf", text, strlen(text), 0644);
	CU_ASSERT_EQUAL(load(in_dir("good.conf")), HUFU_OK);
	CU_ASSERT_EQUAL(chmod(in_dir("good.conf"), 0664), 0);
	CU_ASSERT_EQUAL(load(in_dir("good.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("good.conf may be written by others than its owner. Run chmod go-w "));
	CU_ASSERT_EQUAL(chmod(in_dir("good.conf"), 0600), 0);

	CU_ASSERT_EQUAL(load("good.conf"), HUFU_ERR_CONFIG);
	CU_ASSERT_STRING_EQUAL(told, "good.conf is not an absolute path. Begin it with /\n");
	CU_ASSERT_EQUAL(load(in_dir("none.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("none.conf cannot be opened: No such file or directory. Check the path and its mode"));
	CU_ASSERT_EQUAL(load(dir), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has(" is not a regular file. Name one"));
	CU_ASSERT_EQUAL(mkfifo(in_dir("fifo"), 0600), 0);
	CU_ASSERT_EQUAL(load(in_dir("fifo")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("fifo is not a regular file. Name one"));
	write_file("zero.conf", "a\0b", 3, 0600);
	CU_ASSERT_EQUAL(load(in_dir("zero.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("zero.conf: the file holds a zero byte. Is this a text file?"));
	write_file("empty.conf", "", 0, 0600);
	CU_ASSERT_EQUAL(load(in_dir("empty.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("empty.conf: there is neither a token nor token_dir, so there is no slot."));
	CU_ASSERT_EQUAL(truncate(in_dir("empty.conf"), (1 << 20) + 1), 0);
	CU_ASSERT_EQUAL(load(in_dir("empty.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("the file is larger than 1 MiB."));

	CU_ASSERT_EQUAL(symlink("good.conf", in_dir("link.conf")), 0);
	CU_ASSERT_EQUAL(load(in_dir("link.conf")), HUFU_OK);
	CU_ASSERT_EQUAL(chmod(dir, 0777), 0);
	CU_ASSERT_EQUAL(load(in_dir("good.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has(" may be written by others than its owner. Run chmod go-w "));
	CU_ASSERT_EQUAL(chmod(dir, 01777), 0);
	CU_ASSERT_EQUAL(load(in_dir("good.conf")), HUFU_OK);
	CU_ASSERT_EQUAL(chmod(dir, 0700), 0);
}

static void test_owner(void)
{
	if (geteuid() != 0)
		UNIT_SKIP("only root can give a file away");
	CU_ASSERT_EQUAL(chown(in_dir("good.conf"), 12345, 0), 0);
	CU_ASSERT_EQUAL(load(in_dir("good.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has("good.conf belongs to user 12345. Make it belong to root or to user 0"));
	CU_ASSERT_EQUAL(chown(in_dir("good.conf"), 0, 0), 0);
	CU_ASSERT_EQUAL(chown(dir, 12345, 0), 0);
	CU_ASSERT_EQUAL(load(in_dir("good.conf")), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(told_has(" belongs to user 12345. Make it belong to root or to user 0"));
	CU_ASSERT_EQUAL(chown(dir, 0, 0), 0);
}

static void test_find(void)
{
	struct conf *conf = NULL;
	char expected[300];
	told[0] = '\0';
	setenv("HUFU_CONF", in_dir("good.conf"), 1);
	CU_ASSERT_EQUAL_FATAL(conf_load(tell, NULL, &conf), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(conf->path, in_dir("good.conf"));
	conf_free(conf);
	setenv("HUFU_CONF", in_dir("none.conf"), 1);
	CU_ASSERT_EQUAL(conf_load(tell, NULL, &conf), HUFU_ERR_CONFIG);
	unsetenv("HUFU_CONF");
	if (access(HUFU_SYSCONFDIR "/hufu/hufu.conf", F_OK) == 0)
		UNIT_SKIP("this machine has a hufu.conf");

	setenv("XDG_DATA_HOME", in_dir("data"), 1);
	CU_ASSERT_EQUAL_FATAL(conf_load(tell, NULL, &conf), HUFU_OK);
	CU_ASSERT_PTR_NULL(conf->path);
	snprintf(expected, sizeof(expected), "%s/hufu", in_dir("data"));
	CU_ASSERT_STRING_EQUAL(conf->token_dir, expected);
	snprintf(expected, sizeof(expected), "%s/hufu/host.key", in_dir("data"));
	CU_ASSERT_STRING_EQUAL(conf->defaults.host_secret, expected);
	CU_ASSERT_EQUAL(conf->defaults.pin_min, 4);
	CU_ASSERT_STRING_EQUAL(conf->devices[conf->defaults.devices[0]].driver, "soft");
	CU_ASSERT_EQUAL(access(in_dir("data"), F_OK), -1); /* nothing is made */
	char *text = printed(conf);
	conf_free(conf);
	conf = parse(text);
	CU_ASSERT_PTR_NOT_NULL(conf);
	conf_free(conf);
	free(text);

	setenv("XDG_DATA_HOME", "relative", 1);
	setenv("HOME", "/home/somebody", 1);
	CU_ASSERT_EQUAL_FATAL(conf_load(tell, NULL, &conf), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(conf->token_dir, "/home/somebody/.local/share/hufu");
	conf_free(conf);
	unsetenv("HOME");
	CU_ASSERT_EQUAL_FATAL(conf_load(tell, NULL, &conf), HUFU_OK);
	CU_ASSERT_EQUAL(conf->token_dir[0], '/');
	conf_free(conf);
}

static bool copy_file(const char *from, const char *to, mode_t mode)
{
	char bytes[65536];
	ssize_t n = 0;
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	bool good = in >= 0 && out >= 0;
	while (good && (n = read(in, bytes, sizeof(bytes))) > 0)
		good = write(out, bytes, (size_t)n) == n;
	good = good && n == 0 && fchmod(out, mode) == 0;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return good;
}

static void run_as_nobody(const char *program)
{
	char spec[300];
	setenv("HUFU_CONF", in_dir("good.conf"), 1);
	snprintf(spec, sizeof(spec), "file:%s,debug", in_dir("forged.log"));
	setenv("HUFU_LOG", spec, 1);
	if (setgid(65534) == 0 && setuid(65534) == 0)
		execl(program, program, (char *)NULL);
	_exit(99);
}

static void test_set_uid(void)
{
	char program[300];
	int status = -1;
	if (geteuid() != 0)
		UNIT_SKIP("only root can make a set-uid program");
	snprintf(program, sizeof(program), "%s", in_dir("show_conf"));
	CU_ASSERT_TRUE_FATAL(copy_file("tests/unit/show_conf", program, 04755));
	CU_ASSERT_EQUAL(chmod(in_dir("good.conf"), 0644), 0);
	CU_ASSERT_EQUAL(chmod(dir, 0755), 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		run_as_nobody(program);
	waitpid(pid, &status, 0);
	unlink(program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		UNIT_SKIP("set-uid programs do not work on this file system");
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_clean_up(void)
{
	static const char *const names[] = {"good.conf", "zero.conf", "empty.conf", "link.conf", "fifo"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_EQUAL(unlink(in_dir(names[i])), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static const struct unit_case cases[] = {
	{"every key is read, in every form the syntax has", test_full},
	{"the keys of the pool, and devices that join a token by themselves", test_pool_keys},
	{"what is printed reads back as the same", test_print},
	{"keys that are left out have their documented defaults", test_defaults},
	{"each engine of a store is read, and prints as it was", test_stores},
	{"the machines of a token with store = net are of one domain, and asked for that", test_net_store},
	{"a bad value is refused with file, line, what and what to do", test_values_refused},
	{"what contradicts another setting is refused", test_relations_refused},
	{"unknown and repeated keys and sections are refused", test_keys_refused},
	{"indexes of GM/T 0018 stand for objects, and print as they were", test_sdf},
	{"what no index can be is refused", test_sdf_refused},
	{"broken syntax, includes and environment variables are refused", test_syntax_refused},
	{"all mistakes of a file are told, in the order of the file", test_all_told},
	{"size and nesting are bounded", test_bounds},
	{"a lexer that another user of libconfuse left unfinished does no harm", test_dirty_lexer},
	{"an application may load us from a callback of its own use of libconfuse", test_nested_use},
	{"a file that others may write or replace, or that is none, is refused", test_files},
	{"a file or directory of another user is refused", test_owner},
	{"HUFU_CONF comes first, the embedded default last, and nothing is created", test_find},
	{"a set-uid program heeds neither HUFU_CONF nor HUFU_LOG", test_set_uid},
	{"the test's files are gone", test_clean_up},
	{0},
};
UNIT_MAIN("conf", cases)
