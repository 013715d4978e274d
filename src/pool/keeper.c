/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/care.h"

#include <signal.h>
#include <string.h>

#include "base/log.h"

#define ROUND_NS (100 * NS_PER_MS)  /* between looks at everything; news come at once */
#define WANTED_NS NS_PER_S          /* an op that waits says so again within this */
#define STACK (256u << 10)

static struct {
	pthread_mutex_t life;      /* start and stop; before lock */
	pthread_mutex_t lock;
	pthread_once_t once;
	pthread_cond_t wake, idle; /* for the keeper; from it: a visit or a timer is over */
	pthread_t thread;
	bool runs, stopping, poked;
	bool starved;              /* it could not be started, which was logged */
	struct pool *pools;
	struct pool *visiting;
	struct timer *timers;      /* the earliest first */
	struct timer *firing;
	unsigned forks;            /* handlers of pools that have been called and not undone */
} keeper = {.life = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static _Atomic(void (*)(void)) tick_fn;
static _Atomic uint64_t tick_due_ns;

static void make_conds(void)
{
	clock_cond_init(&keeper.wake);
	clock_cond_init(&keeper.idle);
}

/* -- the tick ------------------------------------------------------------------- */

void pool_on_tick(void (*fn)(void))
{
	atomic_store(&tick_due_ns, 0);
	atomic_store(&tick_fn, fn);
}

/* Of those who come by at the time one runs it. */
static void tick(uint64_t now_ns)
{
	void (*fn)(void) = atomic_load_explicit(&tick_fn, memory_order_relaxed);
	uint64_t due = atomic_load_explicit(&tick_due_ns, memory_order_relaxed);

	if (fn && now_ns >= due && atomic_compare_exchange_strong(&tick_due_ns, &due, now_ns + ROUND_NS))
		fn();
}

/* -- timers ---------------------------------------------------------------------- */

static void unset_locked(struct timer *timer)
{
	struct timer **link = &keeper.timers;

	while (*link != timer)
		link = &(*link)->next;
	*link = timer->next;
	timer->set = false;
}

bool timer_set(struct timer *timer, uint64_t at_ns, void (*fn)(struct timer *))
{
	struct timer **link = &keeper.timers;

	pthread_mutex_lock(&keeper.lock);
	bool runs = keeper.runs && !keeper.stopping;
	if (runs) {
		while (*link && (*link)->at_ns <= at_ns)
			link = &(*link)->next;
		*timer = (struct timer){.at_ns = at_ns, .fn = fn, .next = *link, .set = true};
		*link = timer;
		if (keeper.timers == timer)
			pthread_cond_signal(&keeper.wake);
	}
	pthread_mutex_unlock(&keeper.lock);
	return runs;
}

/* From fn itself it takes back what fn has set anew. */
void timer_cancel(struct timer *timer)
{
	pthread_mutex_lock(&keeper.lock);
	if (timer->set)
		unset_locked(timer);
	while (keeper.firing == timer && !pthread_equal(keeper.thread, pthread_self()))
		clock_wait(&keeper.idle, &keeper.lock, CLOCK_NEVER);
	pthread_mutex_unlock(&keeper.lock);
}

/* fn may free the timer: it is not looked at afterwards. */
static void fire_due_locked(uint64_t now_ns)
{
	while (keeper.timers && keeper.timers->at_ns <= now_ns) {
		struct timer *timer = keeper.timers;

		unset_locked(timer);
		keeper.firing = timer;
		pthread_mutex_unlock(&keeper.lock);
		timer->fn(timer);
		pthread_mutex_lock(&keeper.lock);
		keeper.firing = NULL;
		pthread_cond_broadcast(&keeper.idle);
	}
}

/* -- rounds ---------------------------------------------------------------------- */

static bool is_urgent(const struct device *device, uint64_t now_ns)
{
	uint64_t wanted = atomic_load(&device->wanted_ns);

	return wanted && now_ns < wanted + WANTED_NS;
}

static void visit(struct pool *pool, uint64_t now_ns)
{
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		care_check(device, now_ns);
		care_begin_due(device, is_urgent(device, now_ns), now_ns);
	}
}

static void visit_all_locked(uint64_t now_ns)
{
	struct pool *next;

	for (struct pool *pool = keeper.pools; pool; pool = next) {
		keeper.visiting = pool;
		pthread_mutex_unlock(&keeper.lock);
		visit(pool, now_ns);
		pthread_mutex_lock(&keeper.lock);
		next = pool->next_kept;
		keeper.visiting = NULL;
		pthread_cond_broadcast(&keeper.idle);
	}
}

static void *keep(void *arg)
{
	uint64_t next_round = 0;

	(void)arg;
	pthread_setname_np(pthread_self(), "hufu-keeper");
	pthread_mutex_lock(&keeper.lock);
	while (!keeper.stopping) {
		uint64_t now = clock_now_ns();

		fire_due_locked(now);
		if (keeper.poked || now >= next_round) {
			keeper.poked = false;
			next_round = now + ROUND_NS;
			visit_all_locked(now);
			pthread_mutex_unlock(&keeper.lock);
			tick(now);
			pthread_mutex_lock(&keeper.lock);
		}
		uint64_t until = keeper.timers && keeper.timers->at_ns < next_round ? keeper.timers->at_ns : next_round;
		if (!keeper.poked && !keeper.stopping)
			clock_wait(&keeper.wake, &keeper.lock, until);
	}
	pthread_mutex_unlock(&keeper.lock);
	return NULL;
}

void keeper_poke(void)
{
	pthread_mutex_lock(&keeper.lock);
	if (keeper.runs && !keeper.poked) {
		keeper.poked = true;
		pthread_cond_signal(&keeper.wake);
	}
	pthread_mutex_unlock(&keeper.lock);
}

/* -- its life -------------------------------------------------------------------- */

/* The application's signals are for its own threads. */
static bool start(void)
{
	pthread_attr_t attr;
	sigset_t all, before;

	if (pthread_attr_init(&attr) != 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_attr_setstacksize(&attr, STACK) == 0 && pthread_create(&keeper.thread, &attr, keep, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!started && !keeper.starved)
		log_error("no thread to be had for the keeper of the devices. Raise the limit of threads or memory");
	keeper.starved = !started;
	return started;
}

/* One direct device needs none: its only caller finds out as soon as anybody. */
static bool is_for_keeper(struct pool *pool, bool threaded)
{
	return pool_may_have_threads() && (threaded || pool->ndevices > 1 || atomic_load(&pool->has_parking));
}

static bool has_threaded(struct pool *pool)
{
	bool threaded = false;

	for (size_t i = 0; i < pool->ndevices; i++)
		if (device_driver(pool->devices[i]))
			threaded |= pool->devices[i]->threaded;
	return threaded;
}

static bool start_if_needed(void)
{
	pthread_once(&keeper.once, make_conds);
	if (keeper.runs)
		return true;
	keeper.stopping = keeper.poked = false;
	pthread_mutex_lock(&keeper.lock);
	keeper.runs = start();
	pthread_mutex_unlock(&keeper.lock);
	return keeper.runs;
}

static void add_locked(struct pool *pool)
{
	pthread_mutex_lock(&keeper.lock);
	pool->next_kept = keeper.pools;
	keeper.pools = pool;
	keeper.poked = true;
	pthread_cond_signal(&keeper.wake);
	pthread_mutex_unlock(&keeper.lock);
}

void keeper_add(struct pool *pool)
{
	if (atomic_load_explicit(&pool->keeping, memory_order_acquire) == KEEPING_BY_KEEPER)
		return;
	if (atomic_load(&pool->keeping) == KEEPING_BY_CALLERS)
		return;
	bool threaded = has_threaded(pool), wanted = is_for_keeper(pool, threaded);
	pthread_mutex_lock(&keeper.life);
	if (atomic_load(&pool->keeping) < KEEPING_BY_KEEPER) {
		bool kept = wanted && start_if_needed();
		if (kept)
			add_locked(pool);
		if (kept || !threaded) /* else there may be a thread later: what may hang is not for callers */
			atomic_store(&pool->keeping, kept ? KEEPING_BY_KEEPER : KEEPING_BY_CALLERS);
	}
	pthread_mutex_unlock(&keeper.life);
}

void keeper_add_for_parking(struct pool *pool)
{
	enum keeping callers = KEEPING_BY_CALLERS;

	if (!atomic_load(&pool->has_parking) && !atomic_exchange(&pool->has_parking, true))
		atomic_compare_exchange_strong(&pool->keeping, &callers, KEEPING_ANEW);
	keeper_add(pool);
}

static bool remove_locked(struct pool *pool)
{
	struct pool **link = &keeper.pools;

	pthread_mutex_lock(&keeper.lock);
	while (keeper.visiting == pool)
		clock_wait(&keeper.idle, &keeper.lock, CLOCK_NEVER);
	while (*link && *link != pool)
		link = &(*link)->next_kept;
	if (*link)
		*link = pool->next_kept;
	bool last = keeper.runs && !keeper.pools;
	if (last) {
		keeper.stopping = true;
		pthread_cond_signal(&keeper.wake);
	}
	pthread_mutex_unlock(&keeper.lock);
	return last;
}

void keeper_remove(struct pool *pool)
{
	pthread_mutex_lock(&keeper.life);
	if (remove_locked(pool)) {
		pthread_join(keeper.thread, NULL);
		pthread_mutex_lock(&keeper.lock);
		keeper.runs = false;
		pthread_mutex_unlock(&keeper.lock);
	}
	pthread_mutex_unlock(&keeper.life);
}

/* -- without it ------------------------------------------------------------------- */

/* A device that nobody asked for yet is opened by whoever wants it. */
static void visit_inline(struct device *device, uint64_t now_ns, uint64_t deadline_ns)
{
	enum pool_admin admin = atomic_load(&device->admin);

	if (health_state(&device->health) != POOL_JOINING || admin == POOL_MAINTENANCE || admin == POOL_REMOVED)
		care_do_due(device, false, now_ns, deadline_ns);
}

void keeper_inline(struct pool *pool, uint64_t now_ns, uint64_t deadline_ns)
{
	uint64_t due = atomic_load_explicit(&pool->inline_due_ns, memory_order_relaxed);

	if (atomic_load_explicit(&pool->keeping, memory_order_relaxed) == KEEPING_ANEW)
		keeper_add(pool);
	if (atomic_load_explicit(&pool->keeping, memory_order_relaxed) == KEEPING_BY_KEEPER)
		return;
	tick(now_ns);
	if (now_ns < due || !atomic_compare_exchange_strong(&pool->inline_due_ns, &due, now_ns + ROUND_NS))
		return;
	if (deadline_ns > now_ns + PROBE_TIME_NS)
		deadline_ns = now_ns + PROBE_TIME_NS;
	for (size_t i = 0; i < pool->ndevices; i++)
		visit_inline(atomic_load(&pool->devices[i]), now_ns, deadline_ns);
}

bool device_wanted(struct device *device, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns();

	keeper_add(device->pool);
	if (atomic_load(&device->handle))
		return true;
	if (atomic_load(&device->admin) == POOL_MAINTENANCE || atomic_load(&device->admin) == POOL_REMOVED)
		return false;
	if (atomic_load(&device->pool->keeping) == KEEPING_BY_KEEPER) {
		atomic_store(&device->wanted_ns, now);
		keeper_poke();
	} else if (health_state(&device->health) == POOL_JOINING) {
		return device_driver(device) && !device->threaded && care_open(device, deadline_ns) == HUFU_OK;
	} else {
		care_do_due(device, true, now, deadline_ns < now + PROBE_TIME_NS ? deadline_ns : now + PROBE_TIME_NS);
	}
	return atomic_load(&device->handle);
}

/* -- fork --------------------------------------------------------------------------- */

void keeper_before_fork(void)
{
	if (keeper.forks++ == 0) {
		pthread_mutex_lock(&keeper.life);
		pthread_mutex_lock(&keeper.lock);
	}
}

void keeper_after_fork_parent(void)
{
	if (--keeper.forks == 0) {
		pthread_mutex_unlock(&keeper.lock);
		pthread_mutex_unlock(&keeper.life);
	}
}

/* Pools are given to a keeper again by their next op. */
void keeper_after_fork_child(void)
{
	if (keeper.forks == 0)
		return;
	memset(&keeper, 0, sizeof(keeper));
	pthread_mutex_init(&keeper.life, NULL);
	pthread_mutex_init(&keeper.lock, NULL);
	keeper.once = (pthread_once_t)PTHREAD_ONCE_INIT;
	care_after_fork();
}
