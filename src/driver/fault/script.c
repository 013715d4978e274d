/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/fault/script.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define NUMBER_MAX 1000000000u

struct parser {
	const char *text, *p;
	char *err;
	size_t err_len;
};

struct word {
	const char *name;
	unsigned value;
};

static const struct word places[] = {
	{"open", PLACE_OPEN}, {"lease", PLACE_LEASE}, {"probe", PLACE_PROBE}, {"run", PLACE_RUN}, {"any", PLACE_ANY},
	{"random", HUFU_VERB_RANDOM}, {"generate", HUFU_VERB_GENERATE}, {"import", HUFU_VERB_IMPORT}, {"export", HUFU_VERB_EXPORT},
	{"encrypt", HUFU_VERB_ENCRYPT}, {"decrypt", HUFU_VERB_DECRYPT}, {"sign", HUFU_VERB_SIGN}, {"verify", HUFU_VERB_VERIFY},
	{"wrap", HUFU_VERB_WRAP}, {"unwrap", HUFU_VERB_UNWRAP}, {"derive", HUFU_VERB_DERIVE}, {"find", HUFU_VERB_FIND},
	{"login", HUFU_VERB_LOGIN}, {NULL, 0},
};

static const struct word errors[] = {
	{"argument", HUFU_ERR_ARGUMENT}, {"unsupported", HUFU_ERR_UNSUPPORTED}, {"no-key", HUFU_ERR_NO_KEY},
	{"denied", HUFU_ERR_DENIED}, {"expired", HUFU_ERR_EXPIRED}, {"busy", HUFU_ERR_BUSY}, {"gone", HUFU_ERR_GONE},
	{"lost", HUFU_ERR_LOST}, {"corrupt", HUFU_ERR_CORRUPT}, {"host", HUFU_ERR_NO_MEMORY}, {"bug", HUFU_ERR_BUG}, {NULL, 0},
};

static const struct word others[] = {
	{"flip-out", WHAT_FLIP_OUT}, {"flip-pub", WHAT_FLIP_PUB}, {"flip-state", WHAT_FLIP_STATE}, {"wrong", WHAT_WRONG},
	{"overlong", WHAT_OVERLONG}, {"copy-live", WHAT_COPY_LIVE},
	{"session-lost", WHAT_SESSION_LOST}, {"device-gone", WHAT_DEVICE_GONE},
	{"flap", WHAT_FLAP}, {"hang", WHAT_HANG}, {"crash", WHAT_CRASH}, {"code", WHAT_ERROR}, {"delay", WHAT_DELAY},
	{"slow", WHAT_SLOW}, {NULL, 0},
};

static const struct word units[] = {{"us", 1000}, {"ms", NS_PER_MS}, {"s", NS_PER_S}, {NULL, 0}};

static bool wrong(struct parser *parser, const char *at, const char *what)
{
	snprintf(parser->err, parser->err_len, "script, column %zu: %s", (size_t)(at - parser->text) + 1, what);
	return false;
}

static void blanks(struct parser *parser)
{
	parser->p += strspn(parser->p, " \t\n");
}

static bool take(struct parser *parser, char c)
{
	blanks(parser);
	if (*parser->p != c)
		return false;
	parser->p++;
	blanks(parser);
	return true;
}

/* The word that stands here, looked up; it moves on only when the word is known. */
static const struct word *word(struct parser *parser, const struct word *words)
{
	size_t len = strspn(parser->p, "abcdefghijklmnopqrstuvwxyz-");

	for (; words->name; words++)
		if (strlen(words->name) == len && memcmp(words->name, parser->p, len) == 0) {
			parser->p += len;
			return words;
		}
	return NULL;
}

static bool number(struct parser *parser, uint64_t *n)
{
	const char *at = parser->p;

	for (*n = 0; *parser->p >= '0' && *parser->p <= '9' && *n <= NUMBER_MAX; parser->p++)
		*n = 10 * *n + (uint64_t)(*parser->p - '0');
	if (parser->p == at || *n == 0 || *n > NUMBER_MAX)
		return wrong(parser, at, "a number is wanted here. Write 1 to 1000000000");
	return true;
}

static bool parse_time(struct parser *parser, uint64_t *ns)
{
	if (!number(parser, ns))
		return false;
	const struct word *unit = word(parser, units);
	if (!unit)
		return wrong(parser, parser->p, "the time has no unit. Write us, ms or s behind the number");
	*ns *= unit->value;
	return true;
}

bool script_time(const char *text, uint64_t *ns)
{
	struct parser parser = {.text = text, .p = text};

	return parse_time(&parser, ns) && !*parser.p;
}

/* Of any driver, in any state: a code that nobody defined is the point. */
static bool parse_code(struct parser *parser, struct fault *fault)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = parser->p, *digit;
	unsigned code = 0;

	if (strncmp(at, "0x", 2) != 0)
		return wrong(parser, at, "the code is no hexadecimal number. Write code=0x0701");
	for (parser->p += 2; *parser->p && (digit = strchr(digits, *parser->p)) != NULL && code <= 0xffff; parser->p++)
		code = 16 * code + (unsigned)(digit - digits);
	if (parser->p == at + 2 || code == 0 || code > 0xffff)
		return wrong(parser, at, "the code is out of range. Write 0x1 to 0xffff");
	fault->err = (enum hufu_err)code;
	return true;
}

/* For a time, or for so many opens and probes. */
static bool parse_gone(struct parser *parser, struct fault *fault)
{
	if (!number(parser, &fault->amount))
		return false;
	const struct word *unit = word(parser, units);
	if (unit) {
		fault->time_ns = fault->amount * unit->value;
		fault->amount = 0;
	}
	return true;
}

static bool parse_flap(struct parser *parser, struct fault *fault)
{
	if (!parse_time(parser, &fault->time_ns))
		return false;
	if (!take(parser, '/'))
		return wrong(parser, parser->p, "the time that it is down is missing. Write flap=UP/DOWN");
	return parse_time(parser, &fault->down_ns);
}

/* What stands behind the equals sign. */
static bool parse_value(struct parser *parser, struct fault *fault)
{
	bool needed = fault->what == WHAT_DELAY || fault->what == WHAT_SLOW || fault->what == WHAT_ERROR || fault->what == WHAT_FLAP;
	bool allowed = needed || fault->what == WHAT_HANG || fault->what == WHAT_DEVICE_GONE;

	if (!allowed)
		return true;
	if (!take(parser, '='))
		return !needed || wrong(parser, parser->p, "this fault wants a value. Write delay=20ms, slow=10, flap=2s/500ms, code=0x0701");
	if (fault->what == WHAT_ERROR)
		return parse_code(parser, fault);
	if (fault->what == WHAT_SLOW)
		return number(parser, &fault->amount);
	if (fault->what == WHAT_FLAP)
		return parse_flap(parser, fault);
	if (fault->what == WHAT_DEVICE_GONE)
		return parse_gone(parser, fault);
	return parse_time(parser, &fault->time_ns);
}

static bool parse_what(struct parser *parser, struct fault *fault)
{
	const struct word *found = word(parser, errors);

	if (found) {
		fault->what = WHAT_ERROR;
		fault->err = (enum hufu_err)found->value;
		return true;
	}
	found = word(parser, others);
	if (!found)
		return wrong(parser, parser->p,
		             "this is no fault. Write an error (argument, unsupported, no-key, denied, expired, busy, gone, "
		             "lost, corrupt, host, bug, code=0xN), flip-out, flip-pub, flip-state, wrong, overlong, session-lost, "
		             "device-gone, flap=UP/DOWN, hang, crash, delay=TIME or slow=N");
	fault->what = (enum fault_what)found->value;
	return parse_value(parser, fault);
}

/* Calls have no output that could be falsified. */
static bool check_pair(struct parser *parser, const char *at, const struct fault *fault)
{
	bool call = fault->place == PLACE_OPEN || fault->place == PLACE_LEASE || fault->place == PLACE_PROBE;

	if (call && fault->what >= WHAT_FLIP_OUT && fault->what <= WHAT_SESSION_LOST)
		return wrong(parser, at, "open, lease and probe have no output and no session. Write an error, delay=TIME, hang or device-gone");
	return true;
}

/* Behind a number: a unit makes it the start of a window. */
static bool parse_at(struct parser *parser, struct fault *fault)
{
	if (!number(parser, &fault->n))
		return false;
	const struct word *unit = word(parser, units);
	if (!unit)
		return true;
	fault->when = WHEN_WINDOW;
	fault->n *= unit->value;
	if (!take(parser, '+'))
		return wrong(parser, parser->p, "the window has no length. Write @FROM+LENGTH, as in @2s+500ms");
	return parse_time(parser, &fault->window_ns);
}

static bool parse_chance(struct parser *parser, struct fault *fault)
{
	const char *at = parser->p;

	if (!number(parser, &fault->n))
		return false;
	if (fault->n > 100)
		return wrong(parser, at, "more than 100 percent. Write ~1/SEED to ~100/SEED");
	if (!take(parser, '/'))
		return wrong(parser, parser->p, "chance has no seed. Write ~PERCENT/SEED");
	return number(parser, &fault->seed);
}

static bool parse_when(struct parser *parser, struct fault *fault)
{
	static const struct {
		char sign;
		enum fault_when when;
	} whens[] = {{'@', WHEN_AT}, {'%', WHEN_EVERY}, {'*', WHEN_FIRST}, {'~', WHEN_CHANCE}};

	for (size_t i = 0; i < sizeof(whens) / sizeof(whens[0]); i++) {
		if (!take(parser, whens[i].sign))
			continue;
		fault->when = whens[i].when;
		if (fault->when == WHEN_AT)
			return parse_at(parser, fault);
		return fault->when == WHEN_CHANCE ? parse_chance(parser, fault) : number(parser, &fault->n);
	}
	fault->when = WHEN_ALWAYS;
	return true;
}

static bool parse_fault(struct parser *parser, struct fault *fault)
{
	const char *at = parser->p;
	const struct word *place = word(parser, places);

	if (!place)
		return wrong(parser, at,
		             "this is no place. Write open, lease, probe, run, any, or a verb: random, generate, import, export, "
		             "encrypt, decrypt, sign, verify, wrap, unwrap, derive");
	fault->place = place->value;
	if (!take(parser, ':'))
		return wrong(parser, parser->p, "a colon is missing behind the place. Write PLACE:WHAT");
	at = parser->p;
	return parse_what(parser, fault) && check_pair(parser, at, fault) && parse_when(parser, fault);
}

enum hufu_err script_parse(const char *text, struct script *script, char *err, size_t err_len)
{
	struct parser parser = {.text = text, .p = text, .err = err, .err_len = err_len};

	memset(script, 0, sizeof(*script));
	blanks(&parser);
	while (*parser.p) {
		if (script->n == SCRIPT_FAULTS_MAX) {
			(void)wrong(&parser, parser.p, "there are more than 32 faults. Take some away");
			return HUFU_ERR_CONFIG;
		}
		if (!parse_fault(&parser, &script->faults[script->n++]))
			return HUFU_ERR_CONFIG;
		if (!take(&parser, ';') && *parser.p) {
			(void)wrong(&parser, parser.p, "something follows the fault. Put a semicolon between two faults");
			return HUFU_ERR_CONFIG;
		}
	}
	return HUFU_OK;
}

static bool covers(const struct fault *fault, unsigned place)
{
	return fault->place == place || fault->place == PLACE_ANY || (fault->place == PLACE_RUN && place < PLACE_OPEN);
}

/* The same for the same seed and count, on every machine (splitmix64). */
static bool chance(uint64_t percent, uint64_t seed, uint64_t seen)
{
	uint64_t x = seed + seen * 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) % 100 < percent;
}

static bool due(struct fault *fault, uint64_t age_ns)
{
	fault->seen++;
	if (fault->what == WHAT_FLAP && age_ns % (fault->time_ns + fault->down_ns) < fault->time_ns)
		return false;
	switch (fault->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_AT:
		return fault->seen == fault->n;
	case WHEN_EVERY:
		return fault->seen % fault->n == 0;
	case WHEN_FIRST:
		return fault->seen <= fault->n;
	case WHEN_WINDOW:
		return age_ns >= fault->n && age_ns - fault->n < fault->window_ns;
	case WHEN_CHANCE:
		return chance(fault->n, fault->seed, fault->seen);
	}
	return false;
}

struct strike script_step(struct script *script, unsigned place, uint64_t age_ns)
{
	struct strike strike = {.slow = 1};

	for (size_t i = 0; i < script->n; i++) {
		struct fault *fault = &script->faults[i];

		if (!covers(fault, place) || !due(fault, age_ns))
			continue;
		if (fault->what == WHAT_DELAY)
			strike.delay_ns += fault->time_ns;
		else if (fault->what == WHAT_SLOW)
			strike.slow = strike.slow < fault->amount ? fault->amount : strike.slow;
		else if (!strike.fault.what)
			strike.fault = *fault;
	}
	return strike;
}
