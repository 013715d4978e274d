/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wish.h"
#include "base/clock.h"
#include "tools/report.h"

#include <time.h>

#define LOOK_EVERY_NS (50 * NS_PER_MS)

enum status wish_set(const struct fleet *fleet, const char *name, enum conf_wish wish, const char *why)
{
	char what[1024] = "";

	if (!fleet->conf->path || !fleet->conf->states)
		return fail(ST_UNAVAILABLE, "hufu config show prints one to begin with; HUFU_CONF names it.",
		            "there is no configuration file, and wishes for devices stand beside it");
	enum hufu_err err = conf_states_set(fleet->conf, name, wish, why, what, sizeof what);
	if (err == HUFU_OK)
		return ST_OK;
	if (!what[0])
		return fail_err(err, "writing %s", fleet->conf->states);
	return fail(err == HUFU_ERR_ARGUMENT                                        ? ST_USAGE
	            : err == HUFU_ERR_CONFIG || err == HUFU_ERR_STORE_READ_ONLY ? ST_POLICY
	                                                                            : ST_UNAVAILABLE,
	            NULL, "%s", what);
}

bool wish_is_behind(enum conf_wish wish, const struct stats_view *v)
{
	switch (wish) {
	case CONF_WISH_ENABLED:
		return v->admin != POOL_ENABLED;
	case CONF_WISH_DRAINING:
		return v->admin == POOL_ENABLED || v->in_flight;
	case CONF_WISH_MAINTENANCE: /* what was closed is as if it had not been opened yet */
		return v->admin == POOL_ENABLED || v->admin == POOL_DRAINING || v->state != POOL_JOINING || v->in_flight;
	case CONF_WISH_REMOVED: /* then it reports it no more */
		return true;
	}
	return false;
}

static size_t count_behind(const struct member *m, enum conf_wish wish)
{
	size_t n = 0;

	for (size_t i = 0; m && i < m->nviews; i++)
		n += wish_is_behind(wish, m->views[i]);
	return n;
}

enum status wish_wait(struct fleet *fleet, const char *name, enum conf_wish wish, unsigned long seconds, size_t *behind)
{
	uint64_t until = clock_now_ns() + seconds * NS_PER_S;
	enum status status;

	do {
		status = fleet_refresh(fleet);
		*behind = status ? 0 : count_behind(fleet_find(fleet, name), wish);
		if (*behind == 0 || clock_now_ns() >= until)
			return status;
		nanosleep(&(struct timespec){.tv_nsec = (long)LOOK_EVERY_NS}, NULL);
	} while (status == ST_OK);
	return status;
}
