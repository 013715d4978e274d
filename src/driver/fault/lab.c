/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "driver/fault/internal.h"

#define SUBJECTS_MAX 32

/* What is known of a device, open or not. */
struct subject {
	char name[80];
	struct script script;
	uint64_t begun_ns;         /* the script; 0: not yet */
	bool by_test;              /* fault_script's, not the configuration's */
	uint64_t life;             /* ends when it goes away, with all its sessions */
	bool away;
	uint64_t away_until_ns;    /* 0: see away_calls */
	uint64_t away_calls;       /* opens and probes that still fail; 0: for good */
	struct fault_counts counts;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t released;
	struct subject subjects[SUBJECTS_MAX];
	size_t n;
	/* By subject, and not forgotten with it: threads outlive fault_reset. */
	uint64_t releases[SUBJECTS_MAX];
	uint32_t hung[SUBJECTS_MAX];
} lab = {.lock = PTHREAD_MUTEX_INITIALIZER, .released = PTHREAD_COND_INITIALIZER};

/* -- fork: the driver promises to be safe ---------------------------------------- */

/*
 * Whoever hung, or held the lock, is not here. Nobody waits for the lock before a
 * fork: handlers of that kind run last in, first out, and the module's, which was
 * there before, waits for operations that need this lock to end. What another
 * thread was counting may come out one short.
 */
static void after_fork_child(void)
{
	memset(lab.hung, 0, sizeof(lab.hung));
	pthread_cond_init(&lab.released, NULL);
	pthread_mutex_init(&lab.lock, NULL);
}

static void watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, after_fork_child);
}

/* -- subjects ---------------------------------------------------------------------- */

static struct subject *subject_locked(const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	for (size_t i = 0; i < lab.n; i++)
		if (strcmp(lab.subjects[i].name, name) == 0)
			return &lab.subjects[i];
	if (lab.n == SUBJECTS_MAX || strlen(name) >= sizeof(lab.subjects[0].name))
		return NULL;
	struct subject *subject = &lab.subjects[lab.n++];
	*subject = (struct subject){0};
	memcpy(subject->name, name, strlen(name) + 1);
	return subject;
}

static void set_script_locked(struct subject *subject, const struct script *script)
{
	subject->script = *script;
	subject->begun_ns = clock_now_ns();
	subject->away = false;
}

struct subject *lab_subject(const char *name, const struct script *script)
{
	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(name);
	if (subject && !subject->by_test && !subject->begun_ns)
		set_script_locked(subject, script);
	pthread_mutex_unlock(&lab.lock);
	return subject;
}

void lab_count(struct subject *subject, enum lab_count what)
{
	uint64_t *const counters[] = {&subject->counts.opens, &subject->counts.closes, &subject->counts.leases,
	                              &subject->counts.releases, &subject->counts.probes};

	pthread_mutex_lock(&lab.lock);
	++*counters[what];
	pthread_mutex_unlock(&lab.lock);
}

void lab_count_op(struct subject *subject, enum hufu_verb verb, bool ran)
{
	pthread_mutex_lock(&lab.lock);
	++*(ran ? &subject->counts.ops[verb & 15] : &subject->counts.asked[verb & 15]);
	pthread_mutex_unlock(&lab.lock);
}

uint64_t lab_life(struct subject *subject)
{
	pthread_mutex_lock(&lab.lock);
	uint64_t life = subject->life;
	pthread_mutex_unlock(&lab.lock);
	return life;
}

/* -- what happens ------------------------------------------------------------------ */

static void go_away_locked(struct subject *subject, uint64_t now_ns, uint64_t time_ns, uint64_t calls)
{
	subject->away = true;
	subject->life++;
	subject->away_until_ns = time_ns ? now_ns + time_ns : 0;
	subject->away_calls = calls;
}

static bool is_away_locked(struct subject *subject, unsigned place, uint64_t now_ns)
{
	bool knocks = place == PLACE_OPEN || place == PLACE_PROBE;

	if (!subject->away)
		return false;
	if (subject->away_until_ns)
		subject->away = now_ns < subject->away_until_ns;
	else if (knocks && subject->away_calls && --subject->away_calls == 0)
		subject->away = false; /* this one fails yet */
	else
		return true;
	return subject->away || !subject->away_until_ns;
}

static struct strike error(enum hufu_err err)
{
	return (struct strike){.slow = 1, .fault = {.what = WHAT_ERROR, .err = err}};
}

/* What the device remembers of this. */
static void settle_locked(struct subject *subject, struct hufu_lease *lease, struct strike *strike, uint64_t now_ns)
{
	const struct fault fault = strike->fault;

	if (fault.what == WHAT_SESSION_LOST && lease)
		lease->lost = true;
	if (fault.what == WHAT_DEVICE_GONE)
		go_away_locked(subject, now_ns, fault.time_ns, fault.amount);
	if (fault.what == WHAT_CRASH)
		go_away_locked(subject, now_ns, 0, 1);
	if (fault.what == WHAT_SESSION_LOST)
		*strike = error(HUFU_ERR_EXPIRED);
	if (fault.what == WHAT_DEVICE_GONE || fault.what == WHAT_FLAP)
		*strike = error(HUFU_ERR_GONE);
}

struct strike lab_strike(struct subject *subject, unsigned place, struct hufu_lease *lease)
{
	uint64_t now_ns = clock_now_ns();
	struct strike strike;

	pthread_mutex_lock(&lab.lock);
	if (is_away_locked(subject, place, now_ns) || (lease && lease->life != subject->life)) {
		strike = error(HUFU_ERR_GONE);
	} else if (lease && lease->lost) {
		strike = error(HUFU_ERR_EXPIRED);
	} else {
		strike = script_step(&subject->script, place, now_ns - subject->begun_ns);
		settle_locked(subject, lease, &strike, now_ns);
	}
	pthread_mutex_unlock(&lab.lock);
	return strike;
}

void lab_hang(struct subject *subject, uint64_t ns)
{
	size_t i = (size_t)(subject - lab.subjects);

	pthread_mutex_lock(&lab.lock);
	lab.hung[i]++;
	uint64_t releases = lab.releases[i];
	if (ns) {
		pthread_mutex_unlock(&lab.lock);
		clock_sleep_ns(ns);
		pthread_mutex_lock(&lab.lock);
	} else {
		while (lab.releases[i] == releases)
			pthread_cond_wait(&lab.released, &lab.lock);
	}
	lab.hung[i]--;
	pthread_mutex_unlock(&lab.lock);
}

bool lab_wait(uint64_t delay_ns, uint64_t deadline_ns)
{
	uint64_t now = delay_ns ? clock_now_ns() : 0;

	if (!delay_ns)
		return true;
	if (deadline_ns && now + delay_ns > deadline_ns) {
		if (deadline_ns > now)
			clock_sleep_ns(deadline_ns - now);
		return false;
	}
	clock_sleep_ns(delay_ns);
	return true;
}

enum hufu_err lab_call(struct subject *subject, unsigned place, uint64_t deadline_ns)
{
	struct strike strike = lab_strike(subject, place, NULL);

	if (!lab_wait(strike.delay_ns, deadline_ns))
		return HUFU_ERR_LOST;
	if (strike.fault.what == WHAT_HANG || strike.fault.what == WHAT_CRASH) {
		lab_hang(subject, strike.fault.time_ns);
		return HUFU_ERR_LOST;
	}
	return strike.fault.what == WHAT_ERROR ? strike.fault.err : HUFU_OK;
}

/* -- for tests ----------------------------------------------------------------------- */

enum hufu_err fault_script(const char *device, const char *text, char *err, size_t err_len)
{
	struct script script;

	if (script_parse(text ? text : "", &script, err, err_len) != HUFU_OK)
		return HUFU_ERR_CONFIG;
	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(device);
	if (subject) {
		set_script_locked(subject, &script);
		subject->by_test = text != NULL;
		if (!text)
			subject->begun_ns = 0;
	}
	pthread_mutex_unlock(&lab.lock);
	return subject ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

void fault_release(const char *device)
{
	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(device);
	if (subject) {
		lab.releases[subject - lab.subjects]++;
		subject->away = false;
	}
	pthread_cond_broadcast(&lab.released);
	pthread_mutex_unlock(&lab.lock);
}

uint32_t fault_hung(const char *device)
{
	uint32_t hung = 0;

	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(device);
	if (subject)
		hung = lab.hung[subject - lab.subjects];
	pthread_mutex_unlock(&lab.lock);
	return hung;
}

struct fault_counts fault_counts(const char *device)
{
	struct fault_counts counts = {0};

	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(device);
	if (subject)
		counts = subject->counts;
	pthread_mutex_unlock(&lab.lock);
	return counts;
}

void fault_reset(void)
{
	pthread_mutex_lock(&lab.lock);
	memset(&lab.subjects, 0, sizeof(lab.subjects));
	lab.n = 0;
	for (size_t i = 0; i < SUBJECTS_MAX; i++)
		lab.releases[i]++;
	pthread_cond_broadcast(&lab.released);
	pthread_mutex_unlock(&lab.lock);
	shelf_clear_all();
}
