/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: the fault driver's script means what fault.h says, and anything else is refused with its column. */
#include "unit.h"

#include "base/clock.h"
#include "driver/fault/script.h"

static struct script script;

static void parse(const char *text)
{
	char why[256] = "";

	if (script_parse(text, &script, why, sizeof(why)) != HUFU_OK)
		printf("# %s: %s\n", text, why);
	CU_ASSERT_FATAL(why[0] == 0);
}

static void test_parts(void)
{
	parse("sign:lost@3; any:busy%10;run:delay=20ms ; open : gone * 2;");
	CU_ASSERT_FATAL(script.n == 4);
	CU_ASSERT(script.faults[0].place == HUFU_VERB_SIGN && script.faults[0].err == HUFU_ERR_LOST);
	CU_ASSERT(script.faults[0].when == WHEN_AT && script.faults[0].n == 3);
	CU_ASSERT(script.faults[1].place == PLACE_ANY && script.faults[1].err == HUFU_ERR_BUSY &&
	          script.faults[1].when == WHEN_EVERY);
	CU_ASSERT(script.faults[2].place == PLACE_RUN && script.faults[2].what == WHAT_DELAY &&
	          script.faults[2].delay_ns == 20 * NS_PER_MS);
	CU_ASSERT(script.faults[2].when == WHEN_ALWAYS);
	CU_ASSERT(script.faults[3].place == PLACE_OPEN && script.faults[3].when == WHEN_FIRST && script.faults[3].n == 2);
	parse("");
	CU_ASSERT(script.n == 0);
	parse(" \t\n ");
	CU_ASSERT(script.n == 0);
	parse("probe:delay=5s;lease:delay=300us;generate:flip-pub;derive:overlong;unwrap:wrong;wrap:flip-state;verify:flip-out");
	CU_ASSERT(script.n == 7 && script.faults[0].delay_ns == 5 * NS_PER_S && script.faults[1].delay_ns == 300000);
}

static void test_every_error(void)
{
	static const struct {
		const char *text;
		enum hufu_group group;
	} errors[] = {
		{"run:argument", HUFU_GROUP_CALLER}, {"run:unsupported", HUFU_GROUP_UNSUPPORTED},
		{"run:no-key", HUFU_GROUP_NO_KEY},   {"run:denied", HUFU_GROUP_DENIED},
		{"run:expired", HUFU_GROUP_EXPIRED}, {"run:busy", HUFU_GROUP_BUSY},
		{"run:gone", HUFU_GROUP_GONE},       {"run:lost", HUFU_GROUP_LOST},
		{"run:corrupt", HUFU_GROUP_CORRUPT}, {"run:host", HUFU_GROUP_HOST},
		{"run:bug", HUFU_GROUP_BUG},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		parse(errors[i].text);
		CU_ASSERT(hufu_err_group(script.faults[0].err) == errors[i].group);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *text, *column;
	} bad[] = {
		{"signn:lost", "column 1:"},
		{"sign", "column 5:"},
		{"sign lost", "column 6:"},
		{"sign:", "column 6:"},
		{"sign:lostt", "column 6:"},
		{"sign:lost@", "column 11:"},
		{"sign:lost@0", "column 11:"},
		{"sign:lost@-1", "column 11:"},
		{"sign:lost@x", "column 11:"},
		{"sign:lost@9999999999", "column 11:"},
		{"sign:lost@99999999999999999999999", "column 11:"},
		{"sign:lost%", "column 11:"},
		{"sign:lost@3 any:busy", "column 13:"},
		{"sign:lost@3@4", "column 12:"},
		{"run:delay", "column 10:"},
		{"run:delay=", "column 11:"},
		{"run:delay=20", "column 13:"},
		{"run:delay=20min", "column 13:"},
		{"run:delay=0ms", "column 11:"},
		{"evict:lost", "column 1:"},
		{"open:flip-out", "column 6:"},
		{"lease:wrong", "column 7:"},
		{"probe:overlong", "column 7:"},
		{";", "column 1:"},
		{"sign:lost;;", "column 11:"},
		{"SIGN:lost", "column 1:"},
		{"\xff", "column 1:"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char why[512] = "";
		bool refused = script_parse(bad[i].text, &script, why, sizeof(why)) == HUFU_ERR_CONFIG;

		if (!refused || !strstr(why, bad[i].column))
			printf("# \"%s\" gave \"%s\"\n", bad[i].text, why);
		CU_ASSERT(refused && strstr(why, bad[i].column));
	}
}

static void test_many(void)
{
	char text[33 * 10 + 1] = "", why[256];

	for (int i = 0; i < 33; i++)
		memcpy(text + 10 * i, "sign:lost;", 11);
	CU_ASSERT(script_parse(text, &script, why, sizeof(why)) == HUFU_ERR_CONFIG);
	text[320] = 0;
	CU_ASSERT(script_parse(text, &script, why, sizeof(why)) == HUFU_OK && script.n == 32);
}

/* When each of n calls of a place is struck: '#'. */
static void expect(unsigned place, const char *pattern)
{
	for (; *pattern; pattern++) {
		const struct fault *fault;
		uint64_t delay_ns;

		script_step(&script, place, &delay_ns, &fault);
		CU_ASSERT((fault || delay_ns) == (*pattern == '#'));
	}
}

static void test_when(void)
{
	parse("sign:lost@3");
	expect(HUFU_VERB_SIGN, "..#....");
	parse("sign:lost%3");
	expect(HUFU_VERB_SIGN, "..#..#..#");
	parse("sign:lost*3");
	expect(HUFU_VERB_SIGN, "###....");
	parse("sign:lost");
	expect(HUFU_VERB_SIGN, "#####");
	/* Other places are not counted. */
	parse("sign:lost@2");
	expect(HUFU_VERB_SIGN, ".");
	expect(HUFU_VERB_VERIFY, "....");
	expect(PLACE_OPEN, "..");
	expect(HUFU_VERB_SIGN, "#.");
	/* run is any op, any is anything; each fault counts for itself. */
	parse("run:lost@2");
	expect(PLACE_LEASE, "...");
	expect(HUFU_VERB_RANDOM, ".");
	expect(HUFU_VERB_SIGN, "#");
	parse("any:lost%2");
	expect(PLACE_PROBE, ".#");
	expect(HUFU_VERB_DECRYPT, ".#");
}

static void test_together(void)
{
	const struct fault *fault;
	uint64_t delay_ns;

	parse("sign:delay=1ms; run:delay=2ms; sign:lost@2; run:gone; any:busy");
	script_step(&script, HUFU_VERB_SIGN, &delay_ns, &fault);
	CU_ASSERT(delay_ns == 3 * NS_PER_MS && fault && fault->err == HUFU_ERR_GONE);
	script_step(&script, HUFU_VERB_SIGN, &delay_ns, &fault);
	CU_ASSERT(delay_ns == 3 * NS_PER_MS && fault && fault->err == HUFU_ERR_LOST);
	script_step(&script, PLACE_OPEN, &delay_ns, &fault);
	CU_ASSERT(delay_ns == 0 && fault && fault->err == HUFU_ERR_BUSY);
}

static const struct unit_case cases[] = {
	{"places, faults, times and counts are read", test_parts},
	{"every error group can be had", test_every_error},
	{"what is no script is refused, with its column", test_refused},
	{"there is room for 32 faults", test_many},
	{"faults strike when they should", test_when},
	{"delays add up, of the others the first one counts", test_together},
	{0},
};

UNIT_MAIN("fault script", cases)
