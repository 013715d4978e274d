/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device that served: the provider's core counts, in this process as in every
 * other, and publishes what it counts (stats.h). Whose count has grown has served.
 */
#include "tools/gateway/gateway.h"

#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum status served_init(struct served *s)
{
	*s = (struct served){0};
	return fleet_load(&s->fleet);
}

void served_clear(struct served *s)
{
	free(s->before);
	fleet_clear(&s->fleet);
	*s = (struct served){0};
}

/* Reads the counters of this process, summed up by device; the rest of the fleet's reports is not asked for. */
static void look(struct served *s, void (*each)(struct served *, const char *device, uint64_t ops, void *), void *arg)
{
	s->known = false;
	if (fleet_refresh(&s->fleet))
		return;
	for (size_t i = 0; i < s->fleet.nmembers; i++) {
		const struct member *m = &s->fleet.members[i];
		uint64_t ops = 0;
		bool ours = false;
		for (size_t k = 0; k < m->nviews; k++) {
			if (m->views[k]->pid != getpid())
				continue;
			ops += m->views[k]->ops;
			ours = true;
		}
		s->known |= ours;
		if (ours)
			each(s, m->name, ops, arg);
	}
}

static void remember(struct served *s, const char *device, uint64_t ops, void *arg)
{
	struct count *more = reallocarray(s->before, s->n + 1, sizeof *more);

	(void)arg;
	if (!more)
		return;
	s->before = more;
	snprintf(more[s->n].device, sizeof more[s->n].device, "%s", device);
	more[s->n++].ops = ops;
}

void served_begin(struct served *s)
{
	s->n = 0;
	look(s, remember, NULL);
}

static uint64_t ops_before(const struct served *s, const char *device)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->before[i].device, device))
			return s->before[i].ops;
	return 0;
}

struct names {
	char *out;
	size_t len, used;
};

static void name_grown(struct served *s, const char *device, uint64_t ops, void *arg)
{
	struct names *names = arg;

	if (ops == ops_before(s, device) || names->used >= names->len)
		return;
	int n = snprintf(names->out + names->used, names->len - names->used, "%s%s", names->used ? ", " : "", device);
	names->used += n > 0 ? (size_t)n : 0;
}

char *served_end(struct served *s, char *out, size_t out_len)
{
	struct names names = {.out = out, .len = out_len};

	out[0] = 0;
	look(s, name_grown, &names);
	if (!out[0])
		snprintf(out, out_len, "-");
	return out;
}
