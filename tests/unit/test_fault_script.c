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
	          script.faults[2].time_ns == 20 * NS_PER_MS);
	CU_ASSERT(script.faults[2].when == WHEN_ALWAYS);
	CU_ASSERT(script.faults[3].place == PLACE_OPEN && script.faults[3].when == WHEN_FIRST && script.faults[3].n == 2);
	parse("");
	CU_ASSERT(script.n == 0);
	parse(" \t\n ");
	CU_ASSERT(script.n == 0);
	parse("probe:delay=5s;lease:delay=300us;generate:flip-pub;derive:overlong;unwrap:wrong;wrap:flip-state;verify:flip-out");
	CU_ASSERT(script.n == 7 && script.faults[0].time_ns == 5 * NS_PER_S && script.faults[1].time_ns == 300000);
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
		{"run:code", "column 9:"},
		{"run:code=701", "column 10:"},
		{"run:code=0x", "column 10:"},
		{"run:code=0x0", "column 10:"},
		{"run:code=0x10000", "column 10:"},
		{"run:slow", "column 9:"},
		{"run:slow=0", "column 10:"},
		{"run:flap=1s", "column 12:"},
		{"run:flap=1/2", "column 11:"},
		{"run:hang=5", "column 11:"},
		{"run:crash=5s", "column 10:"},
		{"probe:device-gone=", "column 19:"},
		{"open:session-lost", "column 6:"},
		{"run:gone@1s", "column 12:"},
		{"run:gone@1s+", "column 13:"},
		{"run:gone@1s+5", "column 14:"},
		{"run:gone~101/1", "column 10:"},
		{"run:gone~10", "column 12:"},
		{"run:gone~10/0", "column 13:"},
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

static bool struck(unsigned place, uint64_t age_ns)
{
	struct strike strike = script_step(&script, place, age_ns);

	return strike.fault.what != WHAT_NONE || strike.delay_ns || strike.slow > 1;
}

/* When each of n calls of a place is struck: '#'. */
static void expect(unsigned place, const char *pattern)
{
	for (; *pattern; pattern++)
		CU_ASSERT(struck(place, 0) == (*pattern == '#'));
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

static void test_windows(void)
{
	parse("sign:gone@2s+500ms");
	CU_ASSERT(!struck(HUFU_VERB_SIGN, 0) && !struck(HUFU_VERB_SIGN, 2 * NS_PER_S - 1));
	CU_ASSERT(struck(HUFU_VERB_SIGN, 2 * NS_PER_S) && struck(HUFU_VERB_SIGN, 2500 * NS_PER_MS - 1));
	CU_ASSERT(!struck(HUFU_VERB_SIGN, 2500 * NS_PER_MS) && !struck(HUFU_VERB_SIGN, UINT64_MAX));
	parse("any:flap=3s/1s");
	for (uint64_t round = 0; round < 3; round++) {
		CU_ASSERT(!struck(PLACE_PROBE, round * 4 * NS_PER_S) && !struck(PLACE_PROBE, (round * 4 + 3) * NS_PER_S - 1));
		CU_ASSERT(struck(PLACE_PROBE, (round * 4 + 3) * NS_PER_S) && struck(PLACE_PROBE, (round * 4 + 4) * NS_PER_S - 1));
	}
}

static unsigned draw(const char *text, char pattern[1000])
{
	unsigned n = 0;

	parse(text);
	for (int i = 0; i < 1000; i++)
		n += (unsigned)(pattern[i] = struck(HUFU_VERB_SIGN, 0));
	return n;
}

static void test_chance(void)
{
	char first[1000], again[1000], other[1000];

	unsigned n = draw("sign:gone~20/7", first);
	CU_ASSERT(n > 140 && n < 260);
	CU_ASSERT(draw("sign:gone~20/7", again) == n && memcmp(first, again, sizeof(first)) == 0);
	(void)draw("sign:gone~20/8", other);
	CU_ASSERT(memcmp(first, other, sizeof(first)) != 0);
	CU_ASSERT(draw("sign:gone~100/1", first) == 1000);
}

static void test_values(void)
{
	parse("run:code=0x07ff@2; run:slow=10; probe:device-gone; open:device-gone=3s; lease:device-gone=4; "
	      "sign:hang; sign:hang=70s; verify:crash; run:session-lost%9");
	CU_ASSERT_FATAL(script.n == 9);
	CU_ASSERT(script.faults[0].what == WHAT_ERROR && (unsigned)script.faults[0].err == 0x7ff);
	CU_ASSERT(script.faults[1].what == WHAT_SLOW && script.faults[1].amount == 10);
	CU_ASSERT(script.faults[2].what == WHAT_DEVICE_GONE && !script.faults[2].amount && !script.faults[2].time_ns);
	CU_ASSERT(!script.faults[3].amount && script.faults[3].time_ns == 3 * NS_PER_S);
	CU_ASSERT(script.faults[4].amount == 4 && !script.faults[4].time_ns);
	CU_ASSERT(script.faults[5].what == WHAT_HANG && !script.faults[5].time_ns);
	CU_ASSERT(script.faults[6].time_ns == 70 * NS_PER_S);
	CU_ASSERT(script.faults[7].what == WHAT_CRASH && script.faults[8].what == WHAT_SESSION_LOST);
}

static void test_together(void)
{
	parse("sign:delay=1ms; run:delay=2ms; sign:lost@2; run:gone; any:busy; run:slow=3; run:slow=2");
	struct strike strike = script_step(&script, HUFU_VERB_SIGN, 0);
	CU_ASSERT(strike.delay_ns == 3 * NS_PER_MS && strike.fault.err == HUFU_ERR_GONE && strike.slow == 3);
	strike = script_step(&script, HUFU_VERB_SIGN, 0);
	CU_ASSERT(strike.delay_ns == 3 * NS_PER_MS && strike.fault.err == HUFU_ERR_LOST);
	strike = script_step(&script, PLACE_OPEN, 0);
	CU_ASSERT(strike.delay_ns == 0 && strike.fault.err == HUFU_ERR_BUSY && strike.slow == 1);
}

static const struct unit_case cases[] = {
	{"places, faults, times and counts are read", test_parts},
	{"every error group can be had", test_every_error},
	{"what is no script is refused, with its column", test_refused},
	{"there is room for 32 faults", test_many},
	{"faults strike when they should", test_when},
	{"windows of time and flapping go by the script's age", test_windows},
	{"chance is the same for the same seed", test_chance},
	{"values are read", test_values},
	{"delays add up, of the others the first one counts", test_together},
	{0},
};

UNIT_MAIN("fault script", cases)
