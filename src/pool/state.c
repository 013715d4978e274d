/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/state.h"

#include "base/log.h"

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

void health_init(struct health *h, const char *name, uint64_t seed)
{
	*h = (struct health){.name = name, .jitter = seed};
	atomic_init(&h->state, POOL_JOINING);
	pthread_mutex_init(&h->lock, NULL);
}

void health_clear(struct health *h)
{
	pthread_mutex_destroy(&h->lock);
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
	uint64_t ns = HEALTH_BACKOFF_MIN_NS;

	for (uint32_t i = 1; i < h->ejections && ns < HEALTH_BACKOFF_MAX_NS; i++)
		ns *= 2;
	if (ns > HEALTH_BACKOFF_MAX_NS)
		ns = HEALTH_BACKOFF_MAX_NS;
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
	atomic_store(&h->until_ns, now_ns + HEALTH_RAMP_NS);
	atomic_store(&h->state, POOL_SLOW_START);
}

static void served_locked(struct health *h, enum pool_state state, uint64_t now_ns)
{
	atomic_store(&h->soft_errors, 0);
	if (state == POOL_SUSPECT || state == POOL_JOINING)
		atomic_store(&h->state, POOL_UP);
	if (state == POOL_EJECTED)
		slow_start_locked(h, now_ns);
	if (state == POOL_SLOW_START && now_ns >= atomic_load(&h->until_ns)) {
		h->ejections = 0;
		atomic_store(&h->state, POOL_UP);
	}
}

static void soft_error_locked(struct health *h, enum pool_state state, uint64_t now_ns)
{
	uint32_t errors = atomic_load(&h->soft_errors) + 1;

	atomic_store(&h->soft_errors, errors);
	if (state == POOL_EJECTED || state == POOL_PROBING)
		return;
	if (errors >= HEALTH_SOFT_MAX)
		eject_locked(h, now_ns);
	else
		atomic_store(&h->state, POOL_SUSPECT);
}

static void note_locked(struct health *h, enum health_event event, enum pool_state state, uint64_t now_ns)
{
	switch (event) {
	case HEALTH_OPENED:
		if (state == POOL_JOINING)
			atomic_store(&h->state, POOL_UP);
		return;
	case HEALTH_SERVED:
		served_locked(h, state, now_ns);
		return;
	case HEALTH_SOFT_ERROR:
		soft_error_locked(h, state, now_ns);
		return;
	case HEALTH_HARD_ERROR:
		if (state != POOL_EJECTED && state != POOL_PROBING)
			eject_locked(h, now_ns);
		return;
	case HEALTH_PROBE_OK:
		if (state == POOL_PROBING && h->was_ejected)
			slow_start_locked(h, now_ns);
		else if (state == POOL_PROBING)
			atomic_store(&h->state, POOL_UP);
		return;
	case HEALTH_PROBE_FAILED:
		if (state == POOL_PROBING)
			eject_locked(h, now_ns);
		return;
	case HEALTH_REFUSED:
		atomic_store(&h->state, POOL_QUARANTINED);
		return;
	}
}

/* Once a change, outside the lock. */
static void report(const struct health *h, enum pool_state from, enum pool_state to)
{
	if (from == to)
		return;
	if (to == POOL_QUARANTINED)
		log_device(HUFU_LOG_ERROR, h->name, "%s -> quarantined: it refused our credential or our configuration. "
		           "Nothing is sent to it until this is mended and the program started again", pool_state_name(from));
	else
		log_device(to == POOL_EJECTED ? HUFU_LOG_WARNING : to == POOL_SLOW_START ? HUFU_LOG_NOTICE : HUFU_LOG_INFO, h->name,
		           "%s -> %s", pool_state_name(from), pool_state_name(to));
}

void health_note(struct health *h, enum health_event event, uint64_t now_ns)
{
	pthread_mutex_lock(&h->lock);
	enum pool_state from = atomic_load(&h->state);
	if (from != POOL_QUARANTINED)
		note_locked(h, event, from, now_ns);
	enum pool_state to = atomic_load(&h->state);
	pthread_mutex_unlock(&h->lock);
	report(h, from, to);
}

bool health_begin_probe(struct health *h, uint64_t now_ns)
{
	enum pool_state state = health_state(h);
	bool mine = false;

	if (state != POOL_SUSPECT && state != POOL_EJECTED)
		return false;
	pthread_mutex_lock(&h->lock);
	state = atomic_load(&h->state);
	if (state == POOL_SUSPECT || (state == POOL_EJECTED && now_ns >= atomic_load(&h->until_ns))) {
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

	if (health_state(h) != POOL_SLOW_START || now_ns >= until)
		return 100;
	uint64_t left = until - now_ns < HEALTH_RAMP_NS ? until - now_ns : HEALTH_RAMP_NS;
	return 100 - (uint32_t)((100 - HEALTH_RAMP_PERCENT) * left / HEALTH_RAMP_NS);
}
