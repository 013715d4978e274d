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
	{"wrap", HUFU_VERB_WRAP}, {"unwrap", HUFU_VERB_UNWRAP}, {"derive", HUFU_VERB_DERIVE}, {NULL, 0},
};

static const struct word errors[] = {
	{"argument", HUFU_ERR_ARGUMENT}, {"unsupported", HUFU_ERR_UNSUPPORTED}, {"no-key", HUFU_ERR_NO_KEY},
	{"denied", HUFU_ERR_DENIED}, {"expired", HUFU_ERR_EXPIRED}, {"busy", HUFU_ERR_BUSY}, {"gone", HUFU_ERR_GONE},
	{"lost", HUFU_ERR_LOST}, {"corrupt", HUFU_ERR_CORRUPT}, {"host", HUFU_ERR_NO_MEMORY}, {"bug", HUFU_ERR_BUG}, {NULL, 0},
};

static const struct word answers[] = {
	{"flip-out", WHAT_FLIP_OUT}, {"flip-pub", WHAT_FLIP_PUB}, {"flip-state", WHAT_FLIP_STATE}, {"wrong", WHAT_WRONG},
	{"overlong", WHAT_OVERLONG}, {"delay", WHAT_DELAY}, {NULL, 0},
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

static bool parse_delay(struct parser *parser, struct fault *fault)
{
	if (!take(parser, '='))
		return wrong(parser, parser->p, "delay has no time. Write delay=20ms");
	if (!number(parser, &fault->delay_ns))
		return false;
	const struct word *unit = word(parser, units);
	if (!unit)
		return wrong(parser, parser->p, "the time has no unit. Write us, ms or s behind the number");
	fault->delay_ns *= unit->value;
	return true;
}

static bool parse_what(struct parser *parser, struct fault *fault)
{
	const struct word *found = word(parser, errors);

	if (found) {
		fault->what = WHAT_ERROR;
		fault->err = (enum hufu_err)found->value;
		return true;
	}
	found = word(parser, answers);
	if (!found)
		return wrong(parser, parser->p,
		             "this is no fault. Write an error (argument, unsupported, no-key, denied, expired, busy, gone, "
		             "lost, corrupt, host, bug), flip-out, flip-pub, flip-state, wrong, overlong or delay=TIME");
	fault->what = (enum fault_what)found->value;
	return fault->what != WHAT_DELAY || parse_delay(parser, fault);
}

/* Calls have no output that could be falsified. */
static bool check_pair(struct parser *parser, const char *at, const struct fault *fault)
{
	bool call = fault->place == PLACE_OPEN || fault->place == PLACE_LEASE || fault->place == PLACE_PROBE;

	if (call && fault->what != WHAT_ERROR && fault->what != WHAT_DELAY)
		return wrong(parser, at, "open, lease and probe give no output to falsify. Write an error or delay=TIME");
	return true;
}

static bool parse_when(struct parser *parser, struct fault *fault)
{
	static const struct {
		char sign;
		enum fault_when when;
	} whens[] = {{'@', WHEN_AT}, {'%', WHEN_EVERY}, {'*', WHEN_FIRST}};

	for (size_t i = 0; i < sizeof(whens) / sizeof(whens[0]); i++)
		if (take(parser, whens[i].sign)) {
			fault->when = whens[i].when;
			return number(parser, &fault->n);
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

static bool due(struct fault *fault)
{
	fault->seen++;
	switch (fault->when) {
	case WHEN_ALWAYS:
		return true;
	case WHEN_AT:
		return fault->seen == fault->n;
	case WHEN_EVERY:
		return fault->seen % fault->n == 0;
	case WHEN_FIRST:
		return fault->seen <= fault->n;
	}
	return false;
}

void script_step(struct script *script, unsigned place, uint64_t *delay_ns, const struct fault **out)
{
	*delay_ns = 0;
	*out = NULL;
	for (size_t i = 0; i < script->n; i++) {
		struct fault *fault = &script->faults[i];

		if (!covers(fault, place) || !due(fault))
			continue;
		if (fault->what == WHAT_DELAY)
			*delay_ns += fault->delay_ns;
		else if (!*out)
			*out = fault;
	}
}
