/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: what several programs report of a device is summed up truly, and said in words that fit. */
#include "tools/fleet_text.h"

#include "base/clock.h"

#include "unit.h"

static struct stats_view *view_in(enum pool_state state)
{
	struct stats_view *v = calloc(1, sizeof *v);

	if (!v)
		abort();
	v->state = (uint32_t)state;
	snprintf(v->device, sizeof v->device, "card1");
	snprintf(v->token, sizeof v->token, "demo");
	snprintf(v->program, sizeof v->program, "signd");
	v->pid = 4711;
	return v;
}

static void test_duration(void)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} known[] = {
		{0, "-"}, {7, "7 ns"}, {950, "950 ns"}, {1000, "1.00 us"}, {1250000, "1.25 ms"}, {45678901, "45.7 ms"},
		{999000000, "999 ms"}, {1500000000, "1.50 s"}, {3600ull * NS_PER_S, "3600 s"},
	};
	char text[32];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		CU_ASSERT_STRING_EQUAL(duration_text(known[i].ns, text, sizeof text), known[i].text);
}

static void test_states(void)
{
	struct tally t = {0};
	char text[128];

	CU_ASSERT_STRING_EQUAL(states_text(&t, text, sizeof text), "not in use");
	for (int i = 0; i < 3; i++) {
		struct stats_view *v = view_in(i == 1 ? POOL_QUARANTINED : POOL_UP);
		tally_add(&t, v);
		free(v);
		if (i == 0)
			CU_ASSERT_STRING_EQUAL(states_text(&t, text, sizeof text), "up");
	}
	CU_ASSERT_STRING_EQUAL(states_text(&t, text, sizeof text), "2 up, 1 quarantined");
	CU_ASSERT_EQUAL(t.worst, POOL_QUARANTINED);
	states_text(&t, text, 6); /* cut, not overrun */
	CU_ASSERT_STRING_EQUAL(text, "2 up,");
}

/* Nearly all ops took a millisecond in one program, a few a second in another: the median is the first's, p99.9 the second's. */
static void test_sums(void)
{
	struct stats_view *fast = view_in(POOL_UP), *slow = view_in(POOL_SUSPECT);
	struct tally t = {0};

	fast->ops = 1000;
	fast->histogram[HUFU_VERB_SIGN][stats_bucket(NS_PER_MS)] = 600;
	fast->histogram[HUFU_VERB_DECRYPT][stats_bucket(NS_PER_MS)] = 400;
	slow->ops = 20;
	slow->errors = 3;
	slow->in_flight = 2;
	slow->counts[STATS_HUNG] = 1;
	slow->histogram[HUFU_VERB_SIGN][stats_bucket(NS_PER_S)] = 20;
	tally_add(&t, fast);
	tally_add(&t, slow);
	tally_close(&t);
	CU_ASSERT_EQUAL(t.ops, 1020);
	CU_ASSERT_EQUAL(t.errors, 3);
	CU_ASSERT_EQUAL(t.in_flight, 2);
	CU_ASSERT_EQUAL(t.counts[STATS_HUNG], 1);
	CU_ASSERT(t.p50_ns >= NS_PER_MS && t.p50_ns < 2 * NS_PER_MS);
	CU_ASSERT(t.p99_ns >= NS_PER_S && t.p99_ns < 2 * NS_PER_S);
	free(fast);
	free(slow);
}

/* Two liars must not wrap the sum around. */
static void test_full_buckets(void)
{
	struct stats_view *v = view_in(POOL_UP);
	struct tally t = {0};

	for (size_t i = 0; i < STATS_BUCKETS; i++)
		v->histogram[HUFU_VERB_SIGN][i] = UINT32_MAX;
	tally_add(&t, v);
	tally_add(&t, v);
	tally_close(&t);
	for (size_t i = 0; i < STATS_BUCKETS; i++)
		CU_ASSERT_EQUAL(t.histogram[i], UINT32_MAX);
	CU_ASSERT(t.p99_ns >= t.p50_ns && t.p50_ns > 0);
	free(v);
}

static char *explained(struct stats_view *v, enum conf_wish wish)
{
	static char text[8192];
	struct conf conf = {0};
	struct fleet fleet = {.conf = &conf, .views = v, .nviews = 1};
	struct member m = {.name = "card1", .wish = wish, .views = &v, .nviews = 1};
	FILE *out = fmemopen(text, sizeof text, "w");

	if (!out)
		abort();
	tally_add(&m.tally, v);
	explain_member(&fleet, &m, out);
	fclose(out);
	return text;
}

static void add_event(struct stats_view *v, enum pool_state to, enum hufu_err err, const char *text)
{
	struct stats_event *e = &v->events[v->nevents++];

	e->wall_ms = 1;
	e->to = (uint32_t)to;
	e->err = (uint32_t)err;
	snprintf(e->text, sizeof e->text, "%s", text);
}

static void test_explained(void)
{
	struct stats_view *v = view_in(POOL_QUARANTINED);

	add_event(v, POOL_QUARANTINED, HUFU_ERR_CORRUPT, "wrong SM3");
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "wrong SM3"));
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "belongs to another domain"));
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "In signd (process 4711), token demo"));
	v->events[0].err = HUFU_ERR_DENIED;
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "refused hufu's credential"));
	v->events[0].err = 0xffffffff; /* of a later version */
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "hufu device undrain card1"));
	v->state = POOL_EJECTED;
	v->events[0].err = HUFU_ERR_GONE;
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "cannot be reached"));
	v->admin = POOL_DRAINING;
	v->in_flight = 3;
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_DRAINING), "3 operations still run"));
	CU_ASSERT_PTR_NOT_NULL(strstr(explained(v, CONF_WISH_ENABLED), "has not seen the wish yet"));
	free(v);
}

static const struct unit_case cases[] = {
	{"times have three digits and a unit", test_duration},
	{"states of several programs are counted, and the worst is known", test_states},
	{"operations, errors and times add up", test_sums},
	{"counts stop at their largest value", test_full_buckets},
	{"a state is explained by the error that led to it, a wish by what the program made of it", test_explained},
	{0},
};
UNIT_MAIN("tool_fleet", cases)
