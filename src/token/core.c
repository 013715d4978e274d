/* SPDX-License-Identifier: Apache-2.0 */
#include "token/core.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "pool/pool.h"
#include "rand/rand.h"
#include "stats/stats.h"
#include "token/handle.h"
#include "token/operation.h"
#include "token/reload.h"
#include "token/rv.h"
#include "token/session.h"
#include "token/slot.h"

#include <pthread.h>
#include <stdatomic.h>

enum state { STOPPED, STARTING, RUNNING, STOPPING };

/* PKCS#11 3.1 5.5.4: nothing tells us of a file that goes away, so somebody who waits for it looks this often. */
#define EVENT_LOOK_NS (200 * NS_PER_MS)

/* Threads that open one session after the other would keep a fork or C_Finalize waiting for ever. Nobody holds it twice. */
#define WRITERS_FIRST PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP

static struct {
	pthread_mutex_t lock;       /* state, and who changes it */
	pthread_cond_t changed;
	pthread_cond_t stopped;     /* by the monotonic clock; made with the fork handlers */
	pthread_t changer;
	_Atomic int state;
	bool forked;                /* inherited from the parent: the next C_Initialize is answered OK */
	bool threads_forbidden;
	uint64_t stops;             /* C_WaitForSlotEvent watches it */
	pthread_rwlock_t hold;      /* conf and slots */
	struct conf *conf;
} core = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.hold = WRITERS_FIRST,
};

bool core_running(void)
{
	return atomic_load_explicit(&core.state, memory_order_acquire) == RUNNING;
}

bool core_threads_forbidden(void)
{
	return core.threads_forbidden;
}

const struct conf *core_conf(void)
{
	return core.conf;
}

/* Waits out another thread's start or stop; a recursive call does not wait for itself. Gives the state found. */
static enum state settled_locked(void)
{
	for (;;) {
		enum state now = (enum state)atomic_load(&core.state);
		if (now == STOPPED || now == RUNNING || pthread_equal(core.changer, pthread_self()))
			return now;
		pthread_cond_wait(&core.changed, &core.lock);
	}
}

/* -- fork ------------------------------------------------------------------------ */

static void before_fork(void)
{
	pthread_mutex_lock(&core.lock);
	settled_locked(); /* a child would wait for ever for a start or stop that another thread was in */
	pthread_rwlock_wrlock(&core.hold);
	session_before_fork();
	slots_before_fork();
	handle_before_fork();
	slots_before_fork_close();
	stats_before_fork();
	reload_before_fork();
	log_before_fork();
	secret_before_fork();
}

static void after_fork_parent(void)
{
	secret_after_fork_parent();
	log_after_fork();
	reload_after_fork_parent();
	stats_after_fork_parent();
	slots_after_fork_parent();
	handle_after_fork_parent();
	session_after_fork_parent();
	pthread_rwlock_unlock(&core.hold);
	pthread_mutex_unlock(&core.lock);
}

static void after_fork_child(void)
{
	core.hold = (pthread_rwlock_t)WRITERS_FIRST;
	pthread_cond_init(&core.changed, NULL);
	clock_cond_init(&core.stopped);
	pthread_mutex_init(&core.lock, NULL);
	secret_after_fork_child();
	log_after_fork();
	reload_after_fork_child();
	stats_after_fork_child();
	slots_after_fork_child();
	handle_after_fork_child();
	session_after_fork_child();
	core.forked = atomic_load(&core.state) == RUNNING;
}

/* Never taken back: the module stays loaded (-z nodelete). */
static void prepare_once(void)
{
	clock_cond_init(&core.stopped);
	if (pthread_atfork(before_fork, after_fork_parent, after_fork_child) != 0)
		log_warning("no memory for fork handlers: do not fork while tokens are in use");
}

/* -- start and stop ---------------------------------------------------------------- */

static void report(void *arg, const char *message)
{
	(void)arg;
	log_error("%s", message);
}

/* PKCS#11 3.1 5.4.1: CKF_LIBRARY_CANT_CREATE_OS_THREADS. One device that runs in the callers' threads is enough for a token. */
static bool runs_without_threads(const struct conf *conf)
{
	bool runs = true;
	for (size_t i = 0; i < conf->ntokens; i++) {
		if (!pool_needs_threads_for(conf, &conf->tokens[i]))
			continue;
		log_error("token \"%s\" has no device that runs without threads, which the application forbids "
		          "(CKF_LIBRARY_CANT_CREATE_OS_THREADS). Give it one with isolation = direct, or let the application allow them",
		          conf->tokens[i].name);
		runs = false;
	}
	return runs;
}

/* What is to be looked after now and then while the library works. */
static void tick(void)
{
	stats_publish();
	reload_tick();
}

static CK_RV start(const char *conf_path)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char why[256];

	pthread_once(&once, prepare_once);
	enum hufu_err err = conf_path ? conf_load_file(conf_path, report, NULL, &core.conf) : conf_load(report, NULL, &core.conf);
	if (err != HUFU_OK)
		return rv_of(err);
	err = log_configure(core.conf->log_to, core.conf->log_level, why, sizeof why);
	if (err != HUFU_OK) {
		log_error("%s", why);
		return rv_of(err);
	}
	if (core.threads_forbidden && !runs_without_threads(core.conf))
		return CKR_NEED_TO_CREATE_THREADS;
	stats_configure(core.conf);
	pool_allow_threads(!core.threads_forbidden);
	pool_on_tick(tick);
	CK_RV rv = slots_start(core.conf);
	if (rv == CKR_OK)
		reload_start(core.conf);
	return rv;
}

static void forget(void)
{
	slots_stop(); /* the pools' keeper, which calls tick, ends with them */
	pool_on_tick(NULL);
	reload_stop();
	stats_configure(NULL);
	state_forget();
	conf_free(core.conf);
	core.conf = NULL;
	rand_stop();
	log_close();
}

static void set_state(enum state to)
{
	pthread_mutex_lock(&core.lock);
	atomic_store(&core.state, to);
	if (to == STOPPED)
		core.stops++;
	pthread_cond_broadcast(&core.changed);
	if (to == STOPPED)
		pthread_cond_broadcast(&core.stopped);
	pthread_mutex_unlock(&core.lock);
}

CK_RV core_start(bool threads_forbidden)
{
	return core_start_with(NULL, threads_forbidden);
}

CK_RV core_start_with(const char *conf_path, bool threads_forbidden)
{
	pthread_mutex_lock(&core.lock);
	bool inherited = core.forked;
	enum state found = settled_locked();
	if (found == STOPPED) {
		core.changer = pthread_self();
		core.threads_forbidden = threads_forbidden;
		atomic_store(&core.state, STARTING);
	}
	core.forked = false;
	pthread_mutex_unlock(&core.lock);
	if (found != STOPPED)
		return inherited ? CKR_OK : CKR_CRYPTOKI_ALREADY_INITIALIZED;

	pthread_rwlock_wrlock(&core.hold);
	CK_RV rv = start(conf_path);
	if (rv != CKR_OK)
		forget();
	pthread_rwlock_unlock(&core.hold);
	set_state(rv == CKR_OK ? RUNNING : STOPPED);
	return rv;
}

CK_RV core_stop(void)
{
	pthread_mutex_lock(&core.lock);
	enum state found = settled_locked();
	if (found == RUNNING) {
		core.changer = pthread_self();
		core.forked = false;
		atomic_store(&core.state, STOPPING);
	}
	pthread_mutex_unlock(&core.lock);
	if (found != RUNNING)
		return CKR_CRYPTOKI_NOT_INITIALIZED;

	pthread_rwlock_wrlock(&core.hold); /* a C_OpenSession that began before is through, another cannot begin */
	session_close_everything();
	forget();
	pthread_rwlock_unlock(&core.hold);
	set_state(STOPPED);
	return CKR_OK;
}

/* -- holding ------------------------------------------------------------------------- */

static CK_RV held(void)
{
	if (core_running())
		return CKR_OK;
	pthread_rwlock_unlock(&core.hold);
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV core_hold(void)
{
	pthread_rwlock_rdlock(&core.hold);
	return held();
}

CK_RV core_hold_exclusive(void)
{
	pthread_rwlock_wrlock(&core.hold);
	return held();
}

bool core_try_hold(void)
{
	return pthread_rwlock_tryrdlock(&core.hold) == 0 && held() == CKR_OK;
}

void core_rele(void)
{
	pthread_rwlock_unlock(&core.hold);
}

/* -- events ---------------------------------------------------------------------------- */

static uint64_t stops_now(void)
{
	pthread_mutex_lock(&core.lock);
	uint64_t stops = core.stops;
	pthread_mutex_unlock(&core.lock);
	return stops;
}

/* False: the library was stopped meanwhile, perhaps started again. */
static bool wait_a_while(uint64_t stops)
{
	uint64_t until = clock_now_ns() + EVENT_LOOK_NS;
	pthread_mutex_lock(&core.lock);
	while (core_running() && core.stops == stops && clock_wait(&core.stopped, &core.lock, until))
		;
	bool running = core_running() && core.stops == stops;
	pthread_mutex_unlock(&core.lock);
	return running;
}

CK_RV core_wait_event(bool block, CK_SLOT_ID *slot)
{
	uint64_t stops = stops_now();
	CK_RV rv = slot_event(slot);
	while (block && rv == CKR_NO_EVENT)
		rv = wait_a_while(stops) ? slot_event(slot) : CKR_CRYPTOKI_NOT_INITIALIZED;
	return rv;
}
