/* SPDX-License-Identifier: Apache-2.0 */
#include "token/reload.h"
#include "base/clock.h"
#include "base/conf_states.h"
#include "base/log.h"
#include "token/conf_diff.h"
#include "token/core.h"
#include "token/slot.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define INLINE_NS (100 * NS_PER_MS)
#define THREAD_NS (200 * NS_PER_MS)
#define STOP_NS NS_PER_S        /* longer than that a file hangs, and so does its watcher */
#define RACY_S 2                /* a file this young may change again within one tick of its clock */
#define STACK_SIZE ((size_t)256 << 10)

/* What tells that a file is another one. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct file {
	char *path;                     /* NULL: there is none */
	struct stamp loaded;            /* as it was when it was last read, well or not */
	struct stamp seen;              /* at the last look: who writes it may not be done */
	bool doubtful;                  /* so young when it was read that it may have changed since and look the same */
};

struct watch {
	_Atomic unsigned refs;          /* the library's, and the thread's, which may hang and outlive it */
	const struct conf *start;       /* as at C_Initialize; only while the core is held and the watch is not stopped */
	pthread_mutex_t lock;           /* what follows; never held while a file is touched */
	pthread_cond_t wake;
	uint64_t next_ns;
	bool busy;                      /* somebody looks */
	bool stopped;
	bool wants_thread, has_thread;
	pthread_t thread;
	struct file conf, states;       /* busy's */
	char *log_to;                   /* busy's: as last applied */
	enum hufu_level log_level;
};

static _Atomic(struct watch *) current;

/* -- stamps ------------------------------------------------------------------- */

static struct stamp stamp_of(const char *path)
{
	struct stamp stamp;
	struct stat st;
	memset(&stamp, 0, sizeof stamp); /* compared whole */
	if (!path || stat(path, &st) != 0)
		return stamp;
	stamp.dev = st.st_dev;
	stamp.ino = st.st_ino;
	stamp.size = st.st_size;
	stamp.mtime = st.st_mtim;
	stamp.ctime = st.st_ctim;
	return stamp;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* It was read before this. */
static struct file file_known(const char *path)
{
	struct file file = {.path = path ? strdup(path) : NULL, .loaded = stamp_of(path)};
	file.doubtful = file.loaded.ino && time(NULL) - file.loaded.ctime.tv_sec < RACY_S;
	return file;
}

/* Changed since it was read, and not any more since the last look. */
static bool file_settled(struct file *file, struct stamp *now)
{
	*now = stamp_of(file->path);
	bool settled = same(now, &file->seen);
	file->seen = *now;
	return settled;
}

/* -- reading and applying --------------------------------------------------------- */

/* What was read: conf NULL, states not there: as before. */
struct news {
	bool expected;                  /* it was read again only to be sure */
	struct conf *conf;
	bool has_states;
	struct conf_states states;
};

static void report(void *arg, const char *message)
{
	*(bool *)arg = true;
	log_error("%s", message);
}

static void read_conf(struct watch *w, struct news *news)
{
	bool told = false;
	if (conf_load_file(w->conf.path, report, &told, &news->conf) == HUFU_OK)
		return;
	news->conf = NULL;
	log_error("%s was changed and has mistakes: what was in force before stays in force", w->conf.path);
}

static void read_states(struct watch *w, struct news *news)
{
	const char *path = news->conf ? news->conf->states : w->states.path;
	bool told = false;
	news->has_states = conf_states_load_file(path, report, &told, &news->states) == HUFU_OK;
	if (!news->has_states)
		log_error("%s was changed and has mistakes: the wishes of before stay in force", path);
}

/* The log's own settings may change at any time. */
static void apply_log(struct watch *w, const struct conf *conf)
{
	char why[256], *to = strdup(conf->log_to);
	if (!to || (strcmp(w->log_to, to) == 0 && w->log_level == conf->log_level)) {
		free(to);
		return;
	}
	if (log_configure(to, conf->log_level, why, sizeof why) != HUFU_OK)
		log_error("%s: %s", conf->path, why);
	free(w->log_to);
	w->log_to = to;
	w->log_level = conf->log_level;
}

/* More than one device, or one that may run on lanes: then the pool has threads as well. */
static bool wants_thread(const struct conf *conf)
{
	if (core_threads_forbidden())
		return false;
	for (size_t i = 0; i < conf->ntokens; i++)
		if (conf->tokens[i].ndevices > 1)
			return true;
	for (size_t i = 0; i < conf->ndevices; i++)
		if (conf->devices[i].isolation == CONF_ISOLATION_THREAD || strcmp(conf->devices[i].driver, "soft") != 0)
			return true;
	return conf->defaults.ndevices > 1;
}

static void set_states_path(struct watch *w, const char *path)
{
	char *copy = strdup(path);
	if (!copy)
		return;
	free(w->states.path);
	w->states.path = copy;
}

/* The core is held, so the slots stay; news is used up. */
static void apply(struct watch *w, struct news *news)
{
	char waits[1024];
	if (news->conf) {
		apply_log(w, news->conf);
		set_states_path(w, news->conf->states);
		pthread_mutex_lock(&w->lock);
		w->wants_thread = wants_thread(news->conf);
		pthread_mutex_unlock(&w->lock);
		if (!news->expected)
			log_notice("%s was changed and is in force", w->conf.path);
		if (conf_diff(w->start, news->conf, waits, sizeof waits))
			log_warning("%s: %s: this takes effect when the program starts again", w->conf.path, waits);
	} else if (news->has_states && !news->expected) {
		log_notice("%s was changed and is in force", w->states.path);
	}
	slots_reconfigure(news->conf, news->has_states ? &news->states : NULL);
	news->conf = NULL;
}

/* False: the library is being started or stopped, or forks. Another look will find the same news. */
static bool apply_if_running(struct watch *w, struct news *news)
{
	if (!core_try_hold())
		return false;
	pthread_mutex_lock(&w->lock);
	bool ours = !w->stopped;
	pthread_mutex_unlock(&w->lock);
	if (ours && (news->conf || news->has_states))
		apply(w, news);
	core_rele();
	return ours;
}

static void look(struct watch *w)
{
	struct stamp conf, states;
	bool settled = file_settled(&w->conf, &conf);
	settled = file_settled(&w->states, &states) && settled;
	bool conf_changed = !same(&conf, &w->conf.loaded), states_changed = !same(&states, &w->states.loaded);
	struct news news = {.expected = !conf_changed && !states_changed};
	if (!settled || (news.expected && !w->conf.doubtful && !w->states.doubtful))
		return;
	if (conf_changed || w->conf.doubtful)
		read_conf(w, &news);
	if (states_changed || w->states.doubtful || news.conf)
		read_states(w, &news);
	if (apply_if_running(w, &news)) {
		w->conf.loaded = conf;
		w->states.loaded = states;
		w->conf.doubtful = w->states.doubtful = false;
	}
	conf_free(news.conf);
	conf_states_clear(&news.states);
}

/* -- whose turn it is ----------------------------------------------------------------- */

static bool begin_look(struct watch *w)
{
	uint64_t now = clock_now_ns();
	pthread_mutex_lock(&w->lock);
	bool mine = !w->stopped && !w->busy && now >= w->next_ns;
	if (mine) {
		w->busy = true;
		w->next_ns = now + INLINE_NS;
	}
	pthread_mutex_unlock(&w->lock);
	return mine;
}

static void end_look(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	w->busy = false;
	pthread_mutex_unlock(&w->lock);
}

static void watch_rele(struct watch *w)
{
	if (atomic_fetch_sub(&w->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w->conf.path);
	free(w->states.path);
	free(w->log_to);
	free(w);
}

static bool wait_for_turn(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	if (!w->stopped)
		(void)clock_wait(&w->wake, &w->lock, clock_now_ns() + THREAD_NS);
	bool go_on = !w->stopped;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	while (wait_for_turn(w)) {
		if (!begin_look(w))
			continue;
		look(w);
		end_look(w);
	}
	pthread_mutex_lock(&w->lock);
	w->has_thread = false;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	watch_rele(w);
	return NULL;
}

/* The application's signals are for its own threads. */
static int create_quiet_thread(pthread_t *thread, struct watch *w)
{
	pthread_attr_t attr;
	sigset_t all, before;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int err = pthread_create(thread, &attr, watch_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (err == 0)
		pthread_setname_np(*thread, "hufu-watch");
	return err;
}

/* False: callers look themselves. */
static bool thread_looks(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->wants_thread && !w->has_thread && !w->stopped && !w->busy) {
		atomic_fetch_add(&w->refs, 1);
		w->has_thread = create_quiet_thread(&w->thread, w) == 0;
		if (!w->has_thread)
			atomic_fetch_sub(&w->refs, 1);
	}
	bool looks = w->has_thread;
	pthread_mutex_unlock(&w->lock);
	return looks;
}

void reload_tick(void)
{
	struct watch *w = atomic_load_explicit(&current, memory_order_acquire);
	if (!w || thread_looks(w) || !begin_look(w))
		return;
	look(w);
	end_look(w);
}

/* -- start and stop ----------------------------------------------------------------------- */

void reload_start(const struct conf *conf)
{
	struct watch *w = conf->path ? calloc(1, sizeof *w) : NULL;
	if (!w)
		return;
	atomic_init(&w->refs, 1);
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->wake);
	w->start = conf;
	w->conf = file_known(conf->path);
	w->states = file_known(conf->states);
	w->log_to = strdup(conf->log_to);
	w->log_level = conf->log_level;
	w->wants_thread = wants_thread(conf);
	if (!w->conf.path || !w->states.path || !w->log_to) {
		watch_rele(w);
		return;
	}
	atomic_store(&current, w);
}

/* Waits for the thread, but not for a file that hangs: then the thread ends when the file answers, and touches nothing. */
static void stop_thread(struct watch *w)
{
	uint64_t until = clock_now_ns() + STOP_NS;
	pthread_mutex_lock(&w->lock);
	bool had_thread = w->has_thread;
	w->stopped = true;
	pthread_cond_broadcast(&w->wake);
	while (w->has_thread && clock_wait(&w->wake, &w->lock, until))
		;
	bool hangs = w->has_thread;
	pthread_mutex_unlock(&w->lock);
	if (!had_thread)
		return;
	if (!hangs) {
		pthread_join(w->thread, NULL);
		return;
	}
	log_warning("%s does not answer: the thread that reads it is left behind", w->conf.path);
	pthread_detach(w->thread);
}

void reload_stop(void)
{
	struct watch *w = atomic_exchange(&current, NULL);
	if (!w)
		return;
	stop_thread(w);
	watch_rele(w);
}

/* -- fork: the core is held exclusively, so nobody is applying anything --------------------- */

void reload_before_fork(void)
{
	struct watch *w = atomic_load(&current);
	if (w)
		pthread_mutex_lock(&w->lock);
	conf_before_fork();
}

void reload_after_fork_parent(void)
{
	struct watch *w = atomic_load(&current);
	conf_after_fork_parent();
	if (w)
		pthread_mutex_unlock(&w->lock);
}

/* The thread is not here; what it was reading is read again. */
void reload_after_fork_child(void)
{
	struct watch *w = atomic_load(&current);
	conf_after_fork_child();
	if (!w)
		return;
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->wake);
	w->busy = w->has_thread = false;
	atomic_store(&w->refs, 1);
}
