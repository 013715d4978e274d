/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0005-2021 on what the device calls random, as GM/T 0062 has it for devices of class E. */
#include "randomness/randomness.h"
#include "tools/qualify/examine.h"
#include "tools/qualify/randomness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBITS 1000000
#define NBYTES (NBITS / 8)
#define GROUPS 20               /* GM/T 0062: at power-on */
#define GROUPS_FULL 50          /* on delivery */
#define ROWS_MAX 32
#define PERIOD_MAX 256
#define PERIOD_LOOKED_AT 1024
#define TRIES 3                 /* a good generator fails a test now and then, but not again and again */

/* What one row of the suite saw over all groups. */
struct row {
	size_t passed, bad;     /* bad: no value */
	double q[GROUPS_FULL];
};

struct sample {
	random_source *draw;
	void *arg;
	uint8_t *bytes, *bits;
	size_t groups;
	struct row rows[ROWS_MAX];
};

static bool wanted(const bool failed[ROWS_MAX], size_t row, bool first)
{
	return first || failed[row];
}

/* One group through all rows that are wanted. */
static void test_group(struct sample *s, size_t group, const bool failed[ROWS_MAX], bool first)
{
	const struct randomness_test *tests = randomness_tests(NBITS);

	randomness_unpack(s->bytes, NBYTES, s->bits);
	for (size_t i = 0; tests[i].number; i++) {
		if (!wanted(failed, i, first))
			continue;
		struct randomness_value v = tests[i].run(s->bits, NBITS, tests[i].parameter);
		s->rows[i].passed += v.p >= RANDOMNESS_ALPHA;
		s->rows[i].bad += isnan(v.p) || isnan(v.q);
		s->rows[i].q[group] = v.q;
		tell_at(group * ROWS_MAX + i, s->groups * ROWS_MAX);
	}
}

static bool draw_all(struct sample *s, const bool failed[ROWS_MAX], bool first)
{
	memset(s->rows, 0, sizeof s->rows);
	for (size_t g = 0; g < s->groups; g++) {
		if (!s->draw(s->arg, s->bytes, NBYTES))
			return false;
		test_group(s, g, failed, first);
	}
	return true;
}

static bool passes(const struct sample *s, const struct row *r)
{
	return !r->bad && r->passed >= randomness_passes_needed(s->groups) &&
	       randomness_uniformity(r->q, s->groups) >= RANDOMNESS_ALPHA_T;
}

static void name_row(const struct randomness_test *t, char *name, size_t len)
{
	snprintf(name, len, t->parameter ? "%s, %u" : "%s", t->name, t->parameter);
}

static void tell_row_of(const struct sample *s, const struct randomness_test *t, const struct row *r)
{
	char name[80], passed[24], spread[24];

	name_row(t, name, sizeof name);
	snprintf(passed, sizeof passed, "%zu of %zu", r->passed, s->groups);
	snprintf(spread, sizeof spread, "%.6f", randomness_uniformity(r->q, s->groups));
	tell_row("Tests", name, passed, spread, NULL);
}

/* The shortest period, or 0. A generator that repeats itself is best told so in plain words. */
static size_t period(const uint8_t *bytes, size_t len)
{
	for (size_t p = 1; p <= PERIOD_MAX; p++)
		if (!memcmp(bytes, bytes + p, len - p))
			return p;
	return 0;
}

static bool tell_period(const uint8_t *bytes)
{
	size_t repeats = period(bytes, PERIOD_LOOKED_AT);

	if (repeats)
		tell(RESULT_fault, "repeats", "the numbers repeat every %zu bytes", repeats);
	return repeats;
}

static void tell_verdict(const struct sample *s, const bool failed[ROWS_MAX])
{
	const struct randomness_test *tests = randomness_tests(NBITS);
	char names[800] = "", name[80];
	size_t bad = 0, n = 0, used = 0;

	for (; tests[n].number; n++) {
		if (!failed[n])
			continue;
		name_row(&tests[n], name, sizeof name);
		bad++;
		if (used + strlen(name) + 3 < sizeof names)
			used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? "; " : "", name);
	}
	if (bad)
		tell(RESULT_fault, "gmt0005",
		     "%zu of %zu rows of the 15 tests fail, %d times in a row, on %zu groups of 10^6 bits: %s", bad, n, TRIES,
		     s->groups, names);
	else
		tell(RESULT_pass, "gmt0005", "all %zu rows of the 15 tests pass, on %zu groups of 10^6 bits", n, s->groups);
}

/* A test that fails is repeated on fresh numbers; what fails every time is the device's. */
static bool repeat_failed(struct sample *s, bool failed[ROWS_MAX])
{
	const struct randomness_test *tests = randomness_tests(NBITS);
	size_t n = 0;

	for (size_t i = 0; tests[i].number; i++) {
		failed[i] = failed[i] && !passes(s, &s->rows[i]);
		n += failed[i];
	}
	return n;
}

static bool run(struct sample *s)
{
	const struct randomness_test *tests = randomness_tests(NBITS);
	bool failed[ROWS_MAX];
	struct sample first;

	if (!s->draw(s->arg, s->bytes, PERIOD_LOOKED_AT))
		return false;
	if (tell_period(s->bytes)) {
		tell(RESULT_skipped, "gmt0005", "the 15 tests are of numbers that do not repeat");
		return true;
	}
	memset(failed, true, sizeof failed);
	for (int try = 0; try < TRIES; try++) {
		if (!draw_all(s, failed, try == 0))
			return false;
		if (try == 0)
			first = *s;
		if (!repeat_failed(s, failed))
			break;
	}
	for (size_t i = 0; tests[i].number; i++)
		tell_row_of(&first, &tests[i], &first.rows[i]);
	tell_period(s->bytes);
	tell_verdict(s, failed);
	return true;
}

void examine_randomness(random_source *draw, void *arg, bool full)
{
	static struct sample s;

	s = (struct sample){.draw = draw, .arg = arg, .bytes = malloc(NBYTES), .bits = malloc(NBITS),
	                    .groups = full ? GROUPS_FULL : GROUPS};
	tell_row("Tests", "Test, parameter", "Groups that pass", "Spread of Q", NULL);
	if (!s.bytes || !s.bits || !run(&s))
		tell(RESULT_fault, "draw", "the device gives no more random numbers");
	free(s.bytes);
	free(s.bits);
}

/* -- the device's ---------------------------------------------------------------------------- */

struct source {
	struct card *card;
	void *session;
	uint32_t code;
};

static bool draw(void *arg, uint8_t *out, size_t len)
{
	struct source *s = arg;

	s->code = card_random(s->card, s->session, out, len);
	tell_at(0, 1);
	return s->code == SDR_OK;
}

void examine_random(struct card *card)
{
	struct source s = {card, card_ready(card, "session"), SDR_OK};

	if (!s.session)
		return;
	if (!card->GenerateRandom)
		tell(RESULT_skipped, "draw", "SDF_GenerateRandom is not there, or hung before");
	else
		examine_randomness(draw, &s, card->request->full);
	if (s.code != SDR_OK)
		tell(RESULT_fault, "code", "SDF_GenerateRandom: %s", code_text(card, s.code));
	card_close_session(card, s.session);
}
