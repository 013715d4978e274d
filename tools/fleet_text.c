/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/fleet_text.h"
#include "base/clock.h"

#include <string.h>
#include <time.h>

uint64_t wall_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

char *duration_text(uint64_t ns, char *out, size_t out_len)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {1000, "us"}, {1, "ns"}};
	size_t u = 0;

	while (u < 3 && ns < units[u].ns)
		u++;
	double value = (double)ns / (double)units[u].ns;
	if (ns == 0)
		snprintf(out, out_len, "-");
	else
		snprintf(out, out_len, "%.*f %s", value < 10 && u < 3 ? 2 : value < 100 && u < 3 ? 1 : 0, value, units[u].unit);
	return out;
}

static bool broken_down(uint64_t wall_ms, bool utc, struct tm *tm)
{
	time_t seconds = (time_t)(wall_ms / 1000);

	return wall_ms / 1000 < (uint64_t)1 << 40 && (utc ? gmtime_r(&seconds, tm) : localtime_r(&seconds, tm));
}

char *since_text(uint64_t wall_ms, char *out, size_t out_len)
{
	uint64_t now = wall_now_ms(), gap = (now > wall_ms ? now - wall_ms : wall_ms - now) / 1000;
	char stamp[32];
	struct tm tm;

	if (!wall_ms || !broken_down(wall_ms, false, &tm)) {
		snprintf(out, out_len, "-");
		return out;
	}
	strftime(stamp, sizeof stamp, "%F %T", &tm);
	unsigned long long n = gap < 120 ? gap : gap < 7200 ? gap / 60 : gap < 172800 ? gap / 3600 : gap / 86400;
	const char *unit = gap < 120 ? "s" : gap < 7200 ? "min" : gap < 172800 ? "h" : "days";
	snprintf(out, out_len, now >= wall_ms ? "%s, %llu %s ago" : "%s, in %llu %s", stamp, n, unit);
	return out;
}

char *clock_text(uint64_t wall_ms, char *out, size_t out_len)
{
	char stamp[16] = "-";
	struct tm tm;

	if (broken_down(wall_ms, false, &tm))
		strftime(stamp, sizeof stamp, "%T", &tm);
	snprintf(out, out_len, "%s.%03u", stamp, (unsigned)(wall_ms % 1000));
	return out;
}

char *states_text(const struct tally *t, char *out, size_t out_len)
{
	size_t used = 0;

	snprintf(out, out_len, "%s", t->reports ? pool_state_name(t->worst) : "not in use");
	if (t->reports == 0 || t->states[t->worst] == t->reports)
		return out;
	for (size_t i = 0; i < FLEET_STATES && used < out_len; i++)
		if (t->states[i]) {
			int n = snprintf(out + used, out_len - used, "%s%u %s", used ? ", " : "", t->states[i],
			                 pool_state_name((enum pool_state)i));
			used += n > 0 ? (size_t)n : 0;
		}
	return out;
}

char *wish_text(const struct member *m, char *out, size_t out_len)
{
	const struct conf_state *s = m->state;

	snprintf(out, out_len, "%s%s%s%s%s%s%s", conf_wish_name(m->wish), s && s->by ? " by " : "", s && s->by ? s->by : "",
	         s && s->at ? " at " : "", s && s->at ? s->at : "", s && s->why ? ": " : "", s && s->why ? s->why : "");
	return out;
}

const char *isolation_name(enum conf_isolation isolation)
{
	switch (isolation) {
	case CONF_ISOLATION_AUTO:
		return "auto";
	case CONF_ISOLATION_DIRECT:
		return "direct";
	case CONF_ISOLATION_THREAD:
		return "thread";
	case CONF_ISOLATION_PROCESS:
		return "process";
	}
	return "unknown";
}

const char *member_isolation(const struct member *m)
{
	return isolation_name(m->nviews ? (enum conf_isolation)m->views[0]->isolation
	                      : m->conf ? m->conf->isolation
	                                : CONF_ISOLATION_AUTO);
}

char *member_priority(const struct member *m, char *out, size_t out_len)
{
	uint32_t priority = m->nviews ? m->views[0]->priority : m->conf ? m->conf->priority : CONF_PRIORITY_AUTO;

	if (priority == CONF_PRIORITY_AUTO)
		snprintf(out, out_len, "auto");
	else
		snprintf(out, out_len, "%u", priority);
	return out;
}

const char *member_driver(const struct member *m)
{
	return m->conf && m->conf->driver ? m->conf->driver : m->nviews ? m->views[0]->driver : "-";
}

const char *member_domain(const struct member *m)
{
	return m->conf && m->conf->domain ? m->conf->domain : m->nviews ? m->views[0]->domain : "-";
}
