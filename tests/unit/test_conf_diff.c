/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: of two configurations the log names what waits for a restart, and nothing else. */
#include "token/conf_diff.h"

#include "unit.h"

#define STORE "store = \"sqlite:/s.db\" "
#define HOST "host_secret = \"file:/h\" "

static char text[1024];

static void tell(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

static struct conf *parse(const char *from)
{
	struct conf *conf = NULL;
	if (conf_parse(from, "t.conf", tell, NULL, &conf) != HUFU_OK)
		abort();
	return conf;
}

static void differs(const char *before, const char *now, const char *words)
{
	struct conf *a = parse(before), *b = parse(now);
	CU_ASSERT_EQUAL(conf_diff(a, b, text, sizeof text), *words != 0);
	CU_ASSERT_STRING_EQUAL(text, words);
	conf_free(a);
	conf_free(b);
}

static void test_live(void)
{
	differs("token \"a\" { " STORE "}", "token \"a\" { " STORE "}", "");
	differs("token \"a\" { " STORE "}", "log { level = debug to = stderr } states = \"/x\"\n"
	        "token \"a\" { " STORE "devices = { x, y } attempts = 5 retry_floor = 3 hedge = suspect }\n"
	        "device \"x\" { driver = soft weight = 7 } device \"y\" { driver = soft }", "");
}

static void test_waits(void)
{
	differs("token \"a\" { " STORE "}", "token \"a\" { store = \"sqlite:/t.db\" policy = strict }", "token a: store, policy");
	differs("token \"a\" { " STORE "}", "token \"a\" { " STORE HOST "pin_min = 8 }", "token a: host_secret, pin_min");
	differs("token \"a\" { " STORE "}", "token \"b\" { " STORE "}", "token a is gone; token b is new");
	differs("token \"a\" { " STORE "}", "token_dir = \"/d\" run_dir = \"/r\" token \"a\" { " STORE "des3 = read deadline_ms = 77 }",
	        "token_dir; run_dir; token a: des3, deadline_ms");
	differs("token_dir = \"/d\" defaults { user_tries = 3 }", "token_dir = \"/d\" defaults { user_tries = 4 sm2_key_type = ec alias = tass }",
	        "defaults: sm2_key_type, alias, user_tries");
	differs("token \"a\" { " STORE "}", "token \"a\" { " STORE "software_fallback = no hardware_only = no generate = host pin_iterations = 200000 }",
	        "token a: pin_iterations, generate, hardware_only, software_fallback");
}

/* However many tokens there are, the line ends. */
static void test_short_line(void)
{
	char line[32];
	struct conf *a = parse("token \"a\" { " STORE "}"), *b = parse("token \"a-name-that-is-rather-long\" { " STORE "}");
	CU_ASSERT(conf_diff(a, b, line, sizeof line));
	CU_ASSERT_STRING_EQUAL(line, "token a is gone; token a-name-t");
	conf_free(a);
	conf_free(b);
}

static const struct unit_case cases[] = {
	{"devices, how they work together, the log and the wishes wait for nothing", test_live},
	{"a token's store, secrets and rules, and tokens that come or go, are named", test_waits},
	{"a line that is too long is cut, and ends", test_short_line},
	{0},
};
UNIT_MAIN("conf_diff", cases)
