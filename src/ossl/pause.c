/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/pause.h"

#include <openssl/async.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "ossl/stack.h"

#define LOOK_NS NS_PER_MS

/* What becomes readable: one an ASYNC_WAIT_CTX, which keeps it for the job's next wait. A semaphore: each wait takes one post. */
struct bell {
	_Atomic unsigned refs;                  /* the ASYNC_WAIT_CTX, and waits that will be posted */
	int fd;
};

struct wait {
	struct park park;                       /* first */
	_Atomic unsigned refs;                  /* the job, or the list of the lost; whoever posts */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool posted;
	struct bell *bell;                      /* NULL: no descriptor was to be had */
	struct stack *stack;
	struct session *session;
	CK_SESSION_HANDLE handle;               /* the session's */
	struct wait *next, **at;                /* of the paused, then of the lost */
};

/* Jobs that wait; those of them whose ASYNC_WAIT_CTX was freed, so that they will never go on. */
static struct {
	pthread_mutex_t lock;
	struct wait *paused, *lost;
	_Atomic unsigned nlost;
	pthread_once_t once;
} jobs = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static const char key;                          /* its address is our name in an ASYNC_WAIT_CTX */

/* -- bells --------------------------------------------------------------------------- */

static void bell_rele(struct bell *bell)
{
	if (!bell || atomic_fetch_sub(&bell->refs, 1) != 1)
		return;
	close(bell->fd);
	free(bell);
}

static void lose_waits_of(const struct bell *);

static void on_wait_ctx_free(ASYNC_WAIT_CTX *ctx, const void *name, OSSL_ASYNC_FD fd, void *arg)
{
	(void)ctx;
	(void)name;
	(void)fd;
	lose_waits_of(arg);
	bell_rele(arg);
}

static struct bell *bell_new(ASYNC_WAIT_CTX *ctx)
{
	struct bell *bell = malloc(sizeof *bell);

	if (!bell)
		return NULL;
	atomic_init(&bell->refs, 1);
	bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (bell->fd >= 0 && ASYNC_WAIT_CTX_set_wait_fd(ctx, &key, bell->fd, bell, on_wait_ctx_free) == 1)
		return bell;
	if (bell->fd >= 0)
		close(bell->fd);
	free(bell);
	return NULL;
}

static struct bell *bell_of(ASYNC_WAIT_CTX *ctx)
{
	void *found = NULL;
	OSSL_ASYNC_FD fd;
	struct bell *bell = ASYNC_WAIT_CTX_get_fd(ctx, &key, &fd, &found) == 1 ? found : bell_new(ctx);

	if (bell)
		atomic_fetch_add(&bell->refs, 1);
	return bell;
}

/* eventfd(2): cannot fail before 2^64 - 1 posts. */
static void bell_ring(struct bell *bell)
{
	if (bell && eventfd_write(bell->fd, 1) != 0)
		return;
}

static void bell_take_one(struct bell *bell)
{
	eventfd_t one;

	if (bell && eventfd_read(bell->fd, &one) != 0)
		return; /* the application has read it, which is its right */
}

/* -- waits ---------------------------------------------------------------------------- */

static void wait_rele(struct wait *wait)
{
	if (atomic_fetch_sub(&wait->refs, 1) != 1)
		return;
	bell_rele(wait->bell);
	pthread_cond_destroy(&wait->cond);
	pthread_mutex_destroy(&wait->lock);
	free(wait);
}

static void enlist_locked(struct wait **list, struct wait *wait)
{
	wait->next = *list;
	if (wait->next)
		wait->next->at = &wait->next;
	wait->at = list;
	*list = wait;
}

static void delist_locked(struct wait *wait)
{
	*wait->at = wait->next;
	if (wait->next)
		wait->next->at = wait->at;
}

static void post(struct park *park)
{
	struct wait *wait = (struct wait *)park;

	pthread_mutex_lock(&wait->lock);
	wait->posted = true;
	pthread_cond_signal(&wait->cond);
	pthread_mutex_unlock(&wait->lock);
	bell_ring(wait->bell);
	wait_rele(wait);
}

static bool is_posted(struct wait *wait)
{
	pthread_mutex_lock(&wait->lock);
	bool posted = wait->posted;
	pthread_mutex_unlock(&wait->lock);
	return posted;
}

/* With the thread. */
static void wait_here(struct wait *wait, uint64_t until_ns)
{
	pthread_mutex_lock(&wait->lock);
	while (!wait->posted && clock_wait(&wait->cond, &wait->lock, until_ns))
		;
	pthread_mutex_unlock(&wait->lock);
}

/*
 * ASYNC_pause_job returns at once, and does not say so, where pausing is blocked (ASYNC_block_pause); and the application may
 * resume a job before its time. So after the first such return the thread waits a moment, too: neither case becomes a busy loop.
 */
static void wait_by_pausing(struct wait *wait)
{
	for (unsigned n = 0; !is_posted(wait); n++) {
		if (n > 1)
			wait_here(wait, clock_now_ns() + LOOK_NS);
		if (ASYNC_pause_job() != 1)
			wait_here(wait, CLOCK_NEVER);
	}
}

/* While it is paused the thread has no way to park, for what it does meanwhile is not this job's. */
static void wait_for_post(struct park *park)
{
	struct wait *wait = (struct wait *)park;
	const struct park_way *way = park_set_way(NULL);

	pthread_mutex_lock(&jobs.lock);
	enlist_locked(&jobs.paused, wait);
	pthread_mutex_unlock(&jobs.lock);
	session_park(wait->session);
	if (wait->bell)
		wait_by_pausing(wait);
	else
		wait_here(wait, CLOCK_NEVER);
	session_unpark(wait->session);
	pthread_mutex_lock(&jobs.lock);
	delist_locked(wait);
	pthread_mutex_unlock(&jobs.lock);
	bell_take_one(wait->bell);
	wait_rele(wait);
	park_set_way(way);
}

static struct park *take(const struct park_way *way)
{
	const struct pause *pause = (const struct pause *)way;
	struct wait *wait = calloc(1, sizeof *wait);

	if (!wait)
		return NULL;
	wait->park = (struct park){.post = post, .wait = wait_for_post};
	atomic_init(&wait->refs, 2);
	pthread_mutex_init(&wait->lock, NULL);
	clock_cond_init(&wait->cond);
	wait->bell = bell_of(ASYNC_get_wait_ctx(ASYNC_get_current_job()));
	wait->stack = pause->stack;
	wait->session = pause->session;
	wait->handle = pause->session->handle;
	return &wait->park;
}

/* -- jobs that are not resumed ---------------------------------------------------------- */

static void lose_waits_of(const struct bell *bell)
{
	pthread_mutex_lock(&jobs.lock);
	for (struct wait *wait = jobs.paused, *next; wait; wait = next) {
		next = wait->next;
		if (wait->bell != bell)
			continue;
		delist_locked(wait);
		enlist_locked(&jobs.lost, wait);
		atomic_fetch_add(&jobs.nlost, 1);
	}
	pthread_mutex_unlock(&jobs.lock);
}

/* One whose operation is over. */
static struct wait *next_lost(void)
{
	pthread_mutex_lock(&jobs.lock);
	struct wait *wait = jobs.lost;
	while (wait && !is_posted(wait))
		wait = wait->next;
	if (wait) {
		delist_locked(wait);
		atomic_fetch_sub(&jobs.nlost, 1);
	}
	pthread_mutex_unlock(&jobs.lock);
	return wait;
}

/* By whoever comes by next, since who posts must not block. */
static void bury_the_lost(void)
{
	struct wait *wait;

	while (atomic_load(&jobs.nlost) > 0 && (wait = next_lost())) {
		session_unpark(wait->session);
		session_leave(wait->session);
		(void)session_close(wait->handle);
		stack_give_up(wait->stack);
		wait_rele(wait);
	}
}

/* What is paused is the parent's; so are those who hold the lock. */
static void after_fork_child(void)
{
	stacks_after_fork_child();
	pthread_mutex_init(&jobs.lock, NULL);
	jobs.paused = jobs.lost = NULL;
	atomic_store(&jobs.nlost, 0);
}

static void watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, after_fork_child);
}

bool pause_any(void)
{
	bury_the_lost();
	return sessions_parked() > 0;
}

/* -- an operation ------------------------------------------------------------------------- */

static bool can_pause(void)
{
	ASYNC_JOB *job = ASYNC_get_current_job();

	return job && ASYNC_get_wait_ctx(job);
}

bool pause_run(struct pause *pause, void (*run)(void *), void *arg)
{
	*pause = (struct pause){.way = {.take = take}};
	if (!can_pause()) {
		run(arg);
		return true;
	}
	pthread_once(&jobs.once, watch_forks);
	bury_the_lost();
	pause->stack = stack_take();
	if (!pause->stack)
		return false;
	stack_run(pause->stack, run, arg);
	stack_give(pause->stack);
	return true;
}

void pause_begin(struct pause *pause, struct session *session)
{
	pause->session = session;
	if (pause->stack)
		pause->before = park_set_way(&pause->way);
}

void pause_end(struct pause *pause)
{
	if (pause->stack)
		park_set_way(pause->before);
}
