/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/state.h"

const char *pool_state_name(enum pool_state state)
{
	switch (state) {
	case POOL_JOINING:
		return "joining";
	case POOL_UP:
		return "up";
	case POOL_SUSPECT:
		return "suspect";
	case POOL_EJECTED:
		return "ejected";
	case POOL_PROBING:
		return "probing";
	case POOL_SLOW_START:
		return "slow start";
	case POOL_QUARANTINED:
		return "quarantined";
	}
	return "unknown";
}

const char *pool_admin_name(enum pool_admin admin)
{
	switch (admin) {
	case POOL_ENABLED:
		return "enabled";
	case POOL_DRAINING:
		return "draining";
	case POOL_MAINTENANCE:
		return "maintenance";
	case POOL_REMOVED:
		return "removed";
	}
	return "unknown";
}

static void configure_locked(struct health *h, const struct conf_pool *conf)
{
	atomic_store(&h->ramp_ns, conf->slow_start_ms * NS_PER_MS);
	atomic_store(&h->ramp_percent, conf->slow_start_percent);
	h->soft_max = conf->eject_soft_errors;
	h->backoff_min_ns = conf->backoff_min_ms * NS_PER_MS;
	h->backoff_max_ns = conf->backoff_max_ms * NS_PER_MS;
}

void health_init(struct health *h, const struct conf_pool *conf, uint64_t seed)
{
	*h = (struct health){.jitter = seed};
	atomic_init(&h->state, POOL_JOINING);
	configure_locked(h, conf);
	pthread_mutex_init(&h->lock, NULL);
}

void health_clear(struct health *h)
{
	pthread_mutex_destroy(&h->lock);
}

void health_configure(struct health *h, const struct conf_pool *conf)
{
	pthread_mutex_lock(&h->lock);
	configure_locked(h, conf);
	pthread_mutex_unlock(&h->lock);
}

void health_after_fork(struct health *h)
{
	pthread_mutex_init(&h->lock, NULL);
	if (atomic_load(&h->state) == POOL_PROBING)
		atomic_store(&h->state, h->was_ejected ? POOL_EJECTED : POOL_SUSPECT);
}

/* xorshift64: spreads the returns of many clients, no more. */
static uint64_t next_random(struct health *h)
{
	h->jitter = h->jitter ? h->jitter : 0x9e3779b97f4a7c15u;
	h->jitter ^= h->jitter << 13;
	h->jitter ^= h->jitter >> 7;
	h->jitter ^= h->jitter << 17;
	return h->jitter;
}

/* Doubles with each ejection in a row, 20 % more or less. */
static uint64_t backoff_locked(struct health *h)
{
	uint64_t ns = h->backoff_min_ns;

	for (uint32_t i = 1; i < h->ejections && ns < h->backoff_max_ns; i++)
		ns *= 2;
	if (ns > h->backoff_max_ns)
		ns = h->backoff_max_ns;
	uint64_t spread = 2 * ns * HEALTH_JITTER_PERCENT / 100;
	return ns - spread / 2 + next_random(h) % (spread + 1);
}

static void eject_locked(struct health *h, uint64_t now_ns)
{
	h->ejections++;
	atomic_store(&h->until_ns, now_ns + backoff_locked(h));
	atomic_store(&h->state, POOL_EJECTED);
}

static void slow_start_locked(struct health *h, uint64_t now_ns)
{
	atomic_store(&h->soft_errors, 0);
	atomic_store(&h->until_ns, now_ns + atomic_load(&h->ramp_ns));
	atomic_store(&h->state, POOL_SLOW_START);
}

static void join_locked(struct health *h)
{
	h->returns = true;
	h->ejections = 0;
	atomic_store(&h->soft_errors, 0);
	atomic_store(&h->until_ns, 0);
	atomic_store(&h->state, POOL_JOINING);
}

/* Of slow start or a suspicion that befell it: up once it was lived through. until_ns is past where there was none. */
static void settle_locked(struct health *h, uint64_t now_ns)
{
	if (now_ns < atomic_load(&h->until_ns)) {
		atomic_store(&h->state, POOL_SLOW_START);
		return;
	}
	h->ejections = 0;
	atomic_store(&h->state, POOL_UP);
}

static void served_locked(struct health *h, enum pool_state state, uint64_t now_ns)
{
	atomic_store(&h->soft_errors, 0);
	if (state == POOL_SUSPECT || state == POOL_SLOW_START)
		settle_locked(h, now_ns);
	if (state == POOL_EJECTED)
		slow_start_locked(h, now_ns);
}

static void opened_locked(struct health *h, enum pool_state state, uint64_t now_ns)
{
	if (state != POOL_JOINING)
		return;
	if (h->returns)
		slow_start_locked(h, now_ns);
	else
		atomic_store(&h->state, POOL_UP);
}

static void soft_error_locked(struct health *h, enum pool_state state, uint64_t now_ns)
{
	uint32_t errors = atomic_load(&h->soft_errors) + 1;

	atomic_store(&h->soft_errors, errors);
	if (state == POOL_EJECTED || state == POOL_PROBING)
		return;
	if (errors >= h->soft_max || state == POOL_JOINING)
		eject_locked(h, now_ns);
	else
		atomic_store(&h->state, POOL_SUSPECT);
}

static void probed_locked(struct health *h, enum pool_state state, bool ok, uint64_t now_ns)
{
	if (state != POOL_PROBING)
		return;
	/* What was in flight meanwhile may have added the errors that were wanting. */
	if (!ok || (!h->was_ejected && atomic_load(&h->soft_errors) >= h->soft_max))
		eject_locked(h, now_ns);
	else if (h->was_ejected)
		slow_start_locked(h, now_ns);
	else
		settle_locked(h, now_ns);
}

static void enabled_locked(struct health *h, enum pool_state state, uint64_t now_ns)
{
	if (state == POOL_QUARANTINED)
		join_locked(h);
	if (state == POOL_EJECTED)
		atomic_store(&h->until_ns, now_ns);
	if (state == POOL_UP)
		slow_start_locked(h, now_ns);
}

static void note_locked(struct health *h, enum health_event event, enum pool_state state, uint64_t now_ns)
{
	switch (event) {
	case HEALTH_OPENED:
		opened_locked(h, state, now_ns);
		return;
	case HEALTH_SERVED:
		served_locked(h, state, now_ns);
		return;
	case HEALTH_SOFT_ERROR:
	case HEALTH_TIMEOUT:
		soft_error_locked(h, state, now_ns);
		return;
	case HEALTH_HARD_ERROR:
		if (state != POOL_EJECTED && state != POOL_PROBING)
			eject_locked(h, now_ns);
		return;
	case HEALTH_PROBE_OK:
		probed_locked(h, state, true, now_ns);
		return;
	case HEALTH_PROBE_FAILED:
		probed_locked(h, state, false, now_ns);
		return;
	case HEALTH_REFUSED:
		atomic_store(&h->state, POOL_QUARANTINED);
		return;
	case HEALTH_CLOSED:
		join_locked(h);
		return;
	case HEALTH_ENABLED:
		enabled_locked(h, state, now_ns);
		return;
	case HEALTH_TIME:
		if (state == POOL_SLOW_START)
			settle_locked(h, now_ns);
		return;
	}
}

struct health_change health_note(struct health *h, enum health_event event, uint64_t now_ns)
{
	struct health_change change;

	pthread_mutex_lock(&h->lock);
	change.from = atomic_load(&h->state);
	if (change.from != POOL_QUARANTINED || event == HEALTH_ENABLED)
		note_locked(h, event, change.from, now_ns);
	change.to = atomic_load(&h->state);
	pthread_mutex_unlock(&h->lock);
	return change;
}

bool health_begin_probe(struct health *h, bool urgent, uint64_t now_ns)
{
	enum pool_state state = health_state(h);
	bool mine = false;

	if (state != POOL_SUSPECT && state != POOL_EJECTED)
		return false;
	pthread_mutex_lock(&h->lock);
	state = atomic_load(&h->state);
	if (state == POOL_SUSPECT || (state == POOL_EJECTED && (urgent || now_ns >= atomic_load(&h->until_ns)))) {
		h->was_ejected = state == POOL_EJECTED;
		atomic_store(&h->state, POOL_PROBING);
		mine = true;
	}
	pthread_mutex_unlock(&h->lock);
	return mine;
}

uint32_t health_share_percent(const struct health *h, uint64_t now_ns)
{
	uint64_t until = atomic_load_explicit(&h->until_ns, memory_order_relaxed);
	uint64_t ramp = atomic_load_explicit(&h->ramp_ns, memory_order_relaxed);
	uint32_t first = atomic_load_explicit(&h->ramp_percent, memory_order_relaxed);

	if (health_state(h) != POOL_SLOW_START || now_ns >= until || !ramp) /* 0: whoever is back is back */
		return 100;
	uint64_t left = until - now_ns < ramp ? until - now_ns : ramp;
	return 100 - (uint32_t)((100 - first) * left / ramp);
}
