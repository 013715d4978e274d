/* SPDX-License-Identifier: Apache-2.0 */
/* Why a device is in the state it is in, and what to do about it. */
#include "tools/fleet_text.h"

#include <stdarg.h>
#include <string.h>

struct reason {
	enum hufu_group group;
	const char *what, *next;
};

/* Nothing is sent to a quarantined device: someone must look at it. OK stands for every other group. */
static const struct reason quarantined[] = {
	{HUFU_GROUP_CORRUPT,
	 "What it computed is wrong: a known answer did not come out, or a signature did not verify under the public key of its "
	 "domain, so that it belongs to another domain or holds another key at an index.",
	 "Check what the last event names: the domain in its section, its key-encryption key and indexes, its firmware."},
	{HUFU_GROUP_DENIED, "It refused hufu's credential, which is presented to it no more, lest the device lock.",
	 "Correct the credential in its section."},
	{HUFU_GROUP_HOST, "It cannot be opened as it is configured.",
	 "hufu device probe says what is wrong; correct its section, or the file that it names."},
	{HUFU_GROUP_OK, "It was found unfit, and gets no work until an administrator has looked at it.",
	 "The last event and the log say why."},
};

static const struct reason ejected[] = {
	{HUFU_GROUP_GONE, "It cannot be reached: it refuses, or the connection was cut.",
	 "Check that it is switched on, plugged in and reachable from this host."},
	{HUFU_GROUP_LOST, "It did not answer in time, or broke off: what it was doing is not known.",
	 "Check its load and the way to it."},
	{HUFU_GROUP_CORRUPT, "It gave answers that are wrong.",
	 "Check the device: it may be failing. hufu device probe --deep tries it."},
	{HUFU_GROUP_BUSY, "It has no session left.", "Give it fewer (sessions, share), or find out who else uses it."},
	{HUFU_GROUP_OK, "It failed.", "The last event and the log say how."},
};

static const struct reason *reason_of(const struct reason *reasons, uint32_t err)
{
	enum hufu_group group = hufu_err_group((enum hufu_err)err);

	while (reasons->group != group && reasons->group != HUFU_GROUP_OK)
		reasons++;
	return reasons;
}

/* The error that led to the present state: of the latest event that has one. */
static uint32_t cause(const struct stats_view *v)
{
	for (uint32_t i = v->nevents; i-- > 0;)
		if (v->events[i].err)
			return v->events[i].err;
	return HUFU_OK;
}

static void line(FILE *out, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void line(FILE *out, const char *name, const char *fmt, ...)
{
	va_list ap;

	fprintf(out, "  %-10s ", name);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	putc('\n', out);
}

static void say_state(const struct stats_view *v, FILE *out)
{
	const struct reason *r;
	char until[80];

	since_text(v->until_wall_ms, until, sizeof until);
	switch ((enum pool_state)v->state) {
	case POOL_JOINING:
		line(out, "Meaning", "It is being opened and admitted: known answers, and proof of its domain.");
		line(out, "Next", "If it stays so: hufu device probe %s --deep.", v->device);
		break;
	case POOL_UP:
		line(out, "Meaning", "It serves.");
		break;
	case POOL_SUSPECT:
		line(out, "Meaning", "Some of its answers were lost or wrong. It is ejected if that goes on, and up again if not.");
		break;
	case POOL_EJECTED:
		r = reason_of(ejected, cause(v));
		line(out, "Meaning", "%s It gets no work; others serve.", r->what);
		line(out, "Next", "%s It is probed again by itself: %s.", r->next, until);
		break;
	case POOL_PROBING:
		line(out, "Meaning", "It is being asked whether it is well again.");
		break;
	case POOL_SLOW_START:
		line(out, "Meaning", "It is back, and gets more and more of its share until %s.", until);
		break;
	case POOL_QUARANTINED:
		r = reason_of(quarantined, cause(v));
		line(out, "Meaning", "%s", r->what);
		line(out, "Next", "%s Then hufu device maintain %s; hufu device undrain %s.", r->next, v->device, v->device);
		break;
	}
}

static void say_admin(const struct member *m, const struct stats_view *v, FILE *out)
{
	static const enum pool_admin of_wish[] = {
		[CONF_WISH_ENABLED] = POOL_ENABLED, [CONF_WISH_DRAINING] = POOL_DRAINING,
		[CONF_WISH_MAINTENANCE] = POOL_MAINTENANCE, [CONF_WISH_REMOVED] = POOL_REMOVED,
	};
	bool idle = v->in_flight == 0;

	if (v->admin != of_wish[m->wish])
		line(out, "Meaning", "The program has not seen the wish yet: it looks again while it works.");
	else if (v->admin == POOL_ENABLED)
		say_state(v, out);
	else if (!idle)
		line(out, "Meaning", "It gets no new work; %u operations still run on it.", v->in_flight);
	else
		line(out, "Meaning", "It gets no new work and nothing runs on it%s.",
		     v->admin == POOL_DRAINING ? "" : ", and it is closed: it may be taken away");
	if (v->admin == POOL_DRAINING || v->admin == POOL_MAINTENANCE)
		line(out, "Next", "hufu device undrain %s brings it back.", m->name);
}

static void say_counters(const struct stats_view *v, FILE *out)
{
	const char *comma = "";

	fprintf(out, "  %-10s ", "Counters");
	for (unsigned i = 0; i < STATS_COUNTS; i++)
		if (v->counts[i]) {
			fprintf(out, "%s%s %llu", comma, stats_count_name((enum stats_count)i), (unsigned long long)v->counts[i]);
			comma = ", ";
		}
	fputs(*comma ? "\n" : "all zero\n", out);
}

static const char *state_word(uint32_t state)
{
	return state < FLEET_STATES ? pool_state_name((enum pool_state)state) : "?";
}

static void say_events(const struct stats_view *v, FILE *out)
{
	char at[32];

	for (uint32_t i = 0; i < v->nevents; i++) {
		const struct stats_event *e = &v->events[i];
		fprintf(out, "  %-10s %s  ", i ? "" : "Events", clock_text(e->wall_ms, at, sizeof at));
		if (e->from != e->to)
			fprintf(out, "%s -> %s", state_word(e->from), state_word(e->to));
		else
			fputs(state_word(e->to), out);
		if (e->err)
			fprintf(out, ", %s", err_name((enum hufu_err)e->err));
		fprintf(out, "%s%s\n", e->text[0] ? ": " : "", e->text);
	}
}

static void say_view(const struct member *m, const struct stats_view *v, FILE *out)
{
	char since[80], p50[32], p99[32];
	struct tally one = {0};

	tally_add(&one, v);
	tally_close(&one);
	fprintf(out, "\nIn %s (process %lld), token %s\n", v->program[0] ? v->program : "?", (long long)v->pid,
	        v->token[0] ? v->token : "?");
	line(out, "State", "%s since %s", state_word(v->state), since_text(v->since_wall_ms, since, sizeof since));
	line(out, "Told", "%s", pool_admin_name((enum pool_admin)v->admin));
	line(out, "Now", "%u in flight, %u queued, %u sessions%s", v->in_flight, v->queued, v->leases,
	     v->leases_max && v->leases >= v->leases_max ? ", which is all that it may have" : "");
	line(out, "So far", "%llu operations, %llu errors, p50 %s, p99 %s", (unsigned long long)v->ops,
	     (unsigned long long)v->errors, duration_text(one.p50_ns, p50, sizeof p50), duration_text(one.p99_ns, p99, sizeof p99));
	say_counters(v, out);
	say_events(v, out);
	say_admin(m, v, out);
}

void explain_member(const struct fleet *fleet, const struct member *m, FILE *out)
{
	char states[128], wish[512], tokens[512];

	fprintf(out, "%s: %s\n\n", m->name, states_text(&m->tally, states, sizeof states));
	line(out, "Driver", "%s, domain %s", member_driver(m), member_domain(m));
	if (m->conf)
		line(out, "Section", "%s, line %d, for tokens %s", fleet->conf->path ? fleet->conf->path : "hufu's defaults",
		     m->conf->line, member_tokens(fleet, m, tokens, sizeof tokens));
	else
		line(out, "Section", "none: the configuration does not have it any more");
	line(out, "Wish", "%s", wish_text(m, wish, sizeof wish));
	for (size_t i = 0; i < m->nviews; i++)
		say_view(m, m->views[i], out);
	if (m->nviews == 0)
		fprintf(out,
		        "\n  No running program of yours has it open: a device is opened with the first operation that needs it.\n"
		        "  %s\n",
		        m->wish == CONF_WISH_ENABLED ? "hufu device probe tries it now."
		                                     : "And none will use it: see the wish. hufu device undrain takes that back.");
}
