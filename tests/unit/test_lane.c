/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whoever waits for a driver on a lane can stop waiting at any moment, and
 * nothing that the driver does later reaches anybody; lanes are ordered, bounded, replaced and gone.
 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "pool/internal.h"
#include "vclock.h"

#define PATIENCE_S 30 /* what only a failure waits for */

/* -- a driver that hangs when it is told ------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed;                     /* what is to hang, hangs */
	bool cancel_hangs, release_hangs;
	unsigned inside;                 /* calls that hang now */
	unsigned leases, releases, cancels, strangers;
	char order[64];                  /* the first byte of the input of each op that ran */
	unsigned nran;
	unsigned refuse_threads;         /* pthread_create fails so many times */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct hufu_device {
	int nothing;
};

struct hufu_lease {
	pthread_t owner;
	bool cancelled;
};

static void gate_set(bool *what, bool to)
{
	pthread_mutex_lock(&gate.lock);
	*what = to;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static unsigned gate_read(const unsigned *what)
{
	pthread_mutex_lock(&gate.lock);
	unsigned n = *what;
	pthread_mutex_unlock(&gate.lock);
	return n;
}

static bool gate_await(const unsigned *what, unsigned n)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&gate.lock);
	while (*what != n && err == 0)
		err = pthread_cond_timedwait(&gate.changed, &gate.lock, &until);
	bool there = *what == n;
	pthread_mutex_unlock(&gate.lock);
	return there;
}

static void gate_add(unsigned *what, int n)
{
	pthread_mutex_lock(&gate.lock);
	*what += (unsigned)n;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

/* Until the gate opens, really; or until the lease is cancelled. */
static void hang(const bool *closed, const struct hufu_lease *lease)
{
	pthread_mutex_lock(&gate.lock);
	gate.inside++;
	pthread_cond_broadcast(&gate.changed);
	while (*closed && !(lease && lease->cancelled))
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.inside--;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static enum hufu_err gate_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                               struct hufu_device **out)
{
	(void)host;
	(void)conf;
	(void)deadline_ns;
	*out = calloc(1, sizeof(**out));
	return *out ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static void gate_close(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)deadline_ns;
	free(device);
}

static enum hufu_err gate_info(struct hufu_device *device, struct hufu_device_info *info)
{
	static const struct hufu_capability caps[] = {{.mechanism = CKM_HUFU_SM4_ECB, .verbs = 1u << HUFU_VERB_ENCRYPT}};

	(void)device;
	info->caps = caps;
	info->ncaps = 1;
	info->max_leases = 8;
	return HUFU_OK;
}

static enum hufu_err gate_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)device;
	(void)deadline_ns;
	return HUFU_OK;
}

static enum hufu_err gate_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	(void)device;
	(void)deadline_ns;
	struct hufu_lease *lease = calloc(1, sizeof(*lease));
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	lease->owner = pthread_self();
	gate_add(&gate.leases, 1);
	*out = lease;
	return HUFU_OK;
}

static void note_stranger(const struct hufu_lease *lease)
{
	if (!pthread_equal(lease->owner, pthread_self()))
		gate_add(&gate.strangers, 1);
}

static void gate_release(struct hufu_lease *lease)
{
	note_stranger(lease);
	hang(&gate.release_hangs, NULL);
	free(lease);
	gate_add(&gate.releases, 1);
}

static bool is_cancelled(const struct hufu_lease *lease)
{
	pthread_mutex_lock(&gate.lock);
	bool cancelled = lease->cancelled;
	pthread_mutex_unlock(&gate.lock);
	return cancelled;
}

/* 'h': hangs, then writes all it can. 'l': says it wrote more than there is room for. Else: echoes. */
static void gate_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];

		note_stranger(lease);
		pthread_mutex_lock(&gate.lock);
		gate.order[gate.nran++ % sizeof(gate.order)] = (char)op->in[0];
		pthread_mutex_unlock(&gate.lock);
		if (op->in[0] == 'h')
			hang(&gate.closed, lease);
		memset(op->out, op->in[0], op->out_cap);
		op->out_len = op->in[0] == 'l' ? op->out_cap + 1 : op->out_cap;
		op->outcome = is_cancelled(lease) ? HUFU_ERR_LOST : HUFU_OK;
	}
}

static void gate_cancel(struct hufu_lease *lease)
{
	hang(&gate.cancel_hangs, NULL);
	pthread_mutex_lock(&gate.lock);
	lease->cancelled = true;
	gate.cancels++;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static struct hufu_driver gate_driver = {.size = sizeof(gate_driver), .abi = HUFU_DRIVER_ABI, .name = "gate",
	.flags = HUFU_DRIVER_FORK_SAFE | HUFU_DRIVER_THREAD_AFFINE, .open = gate_open, .close = gate_close, .info = gate_info,
	.probe = gate_probe, .lease = gate_lease, .release = gate_release, .run = gate_run};
static struct hufu_driver cancel_driver;

/* Threads are refused by test: of the limits that make the real one fail some do not hold for root. */
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	pthread_mutex_lock(&gate.lock);
	bool refused = gate.refuse_threads && gate.refuse_threads--;
	pthread_mutex_unlock(&gate.lock);
	return refused ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

/* -- a device with lanes --------------------------------------------------- */

static struct {
	struct conf conf;
	struct conf_device device_conf;
	struct conf_token token;
	struct pool *pool;
	struct device *device;
	struct lanes *lanes;
	size_t secret_before;
	unsigned threads_before, hung_before;
	unsigned last_calls;
} lab;

static unsigned count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* A thread that has been joined stands in /proc for a moment yet. */
static bool await_threads(unsigned n)
{
	for (unsigned i = 0; i < PATIENCE_S * 1000 && count_threads() != n; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return count_threads() == n;
}

static void set_up_driver(const char *driver, uint32_t lanes_max, uint32_t queue, uint32_t hung_max)
{
	static size_t index;
	static char *no_options[] = {NULL};

	gate.closed = gate.cancel_hangs = gate.release_hangs = false;
	gate.inside = gate.leases = gate.releases = gate.cancels = gate.strangers = gate.nran = gate.refuse_threads = 0;
	lab.last_calls = 0;
	lab.secret_before = secret_in_use();
	lab.hung_before = lanes_hung_ever();
	lab.device_conf = conf_device_defaults();
	lab.device_conf.name = (char *)(uintptr_t)"card-with-a-long-name";
	lab.device_conf.driver = (char *)(uintptr_t)driver;
	lab.device_conf.domain = (char *)(uintptr_t)"gates";
	lab.device_conf.options = no_options;
	lab.device_conf.connects_per_s = 1000;
	lab.conf = (struct conf){.devices = &lab.device_conf, .ndevices = 1};
	lab.token = (struct conf_token){.devices = &index, .ndevices = 1, .deadline_ms = 5000, .pool = conf_pool_defaults()};
	CU_ASSERT_EQUAL_FATAL(pool_new(&lab.conf, &lab.token, &lab.pool), HUFU_OK);
	lab.device = lab.pool->devices[0];
	CU_ASSERT_EQUAL_FATAL(device_open_here(lab.device, clock_now_ns() + NS_PER_S), HUFU_OK);
	lab.lanes = lanes_new(lab.device, lanes_max, queue, hung_max);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab.lanes);
}

static void set_up(uint32_t lanes_max, uint32_t queue, uint32_t hung_max)
{
	set_up_driver("gate", lanes_max, queue, hung_max);
}

static void last(struct device *device)
{
	CU_ASSERT_PTR_EQUAL(device, lab.device);
	gate_add(&lab.last_calls, 1);
}

/* Nothing is left: no thread, no lease, no memory. */
static void tear_down_pool(void)
{
	CU_ASSERT_EQUAL(gate_read(&gate.leases), gate_read(&gate.releases));
	CU_ASSERT_EQUAL(gate_read(&gate.strangers), 0);
	CU_ASSERT_EQUAL(atomic_load(&lab.device->nleases), 0);
	CU_ASSERT_EQUAL(lanes_hung_ever(), lab.hung_before);
	pool_free(lab.pool);
	CU_ASSERT_EQUAL(secret_in_use(), lab.secret_before);
}

static void tear_down(void)
{
	CU_ASSERT_TRUE(lanes_stop(lab.lanes, clock_now_ns() + PATIENCE_S * NS_PER_S, last));
	CU_ASSERT_EQUAL(gate_read(&lab.last_calls), 0);
	CU_ASSERT_TRUE(await_threads(lab.threads_before));
	tear_down_pool();
}

/* -- jobs ------------------------------------------------------------------ */

struct test_job {
	struct job job;
	char name;
	bool hangs;
	char thread_name[16];
	bool signals_blocked;
};

static unsigned over_calls, destroyed;

static void test_work(struct job *job, struct lane *lane)
{
	struct test_job *t = (struct test_job *)job;
	sigset_t now;

	(void)lane;
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	t->signals_blocked = sigismember(&now, SIGTERM) && sigismember(&now, SIGSEGV) && sigismember(&now, SIGUSR1);
	pthread_getname_np(pthread_self(), t->thread_name, sizeof(t->thread_name));
	pthread_mutex_lock(&gate.lock);
	gate.order[gate.nran++ % sizeof(gate.order)] = t->name;
	pthread_mutex_unlock(&gate.lock);
	if (t->hangs)
		hang(&gate.closed, NULL);
	job->err = HUFU_ERR_EXISTS;
}

static void note_over(struct job *job)
{
	(void)job;
	gate_add(&over_calls, 1);
}

static void test_destroy(struct job *job)
{
	free(job);
	gate_add(&destroyed, 1);
}

static struct test_job *job_new(char name, uint64_t deadline_ns, bool hangs)
{
	struct test_job *t = calloc(1, sizeof(*t));

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	t->job = (struct job){.work = test_work, .destroy = test_destroy, .deadline_ns = deadline_ns};
	t->name = name;
	t->hangs = hangs;
	job_init(&t->job);
	return t;
}

static uint64_t soon(void)
{
	return clock_now_ns() + PATIENCE_S * NS_PER_S;
}

static void submit(struct test_job *t)
{
	CU_ASSERT_EQUAL_FATAL(lanes_submit(lab.lanes, &t->job), HUFU_OK);
}

static void finish(struct test_job *t, enum hufu_err err)
{
	CU_ASSERT_TRUE(job_wait(lab.lanes, &t->job, soon()));
	CU_ASSERT_EQUAL(t->job.err, err);
	job_rele(&t->job);
}

/* A job that hangs on a lane, by now. */
static struct test_job *hanging(char name)
{
	struct test_job *t = job_new(name, 0, true);
	unsigned n = gate_read(&gate.inside);

	gate_set(&gate.closed, true);
	submit(t);
	CU_ASSERT_TRUE_FATAL(gate_await(&gate.inside, n + 1));
	return t;
}

static void give_up(struct test_job *t)
{
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &t->job));
	job_rele(&t->job);
}

static bool await_hung(unsigned n)
{
	for (unsigned i = 0; i < PATIENCE_S * 1000 && lanes_hung(lab.lanes) != n; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return lanes_hung(lab.lanes) == n;
}

static bool await_secret(size_t n)
{
	for (unsigned i = 0; i < PATIENCE_S * 1000 && secret_in_use() != n; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return secret_in_use() == n;
}

/* -- an op as a job -------------------------------------------------------- */

struct request {
	struct pool_request req;
	struct pool_key *key;
	uint8_t in[64], out[64];
};

static void request_init(struct request *r, char what)
{
	static const uint8_t uuid[16], secret[16] = {1};
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "gates", .data = secret, .len = sizeof(secret)};

	*r = (struct request){0};
	CU_ASSERT_EQUAL_FATAL(pool_key_new(lab.pool, uuid, 1, HUFU_KEY_SM4, &copy, 1, &r->key), HUFU_OK);
	r->in[0] = (uint8_t)what;
	r->req = (struct pool_request){.key = r->key, .op = {.size = sizeof(r->req.op), .verb = HUFU_VERB_ENCRYPT,
		.mechanism = CKM_HUFU_SM4_ECB, .in = r->in, .in_len = sizeof(r->in), .out = r->out, .out_cap = sizeof(r->out)}};
}

static struct op_job *op_submit(struct request *r, uint64_t limit_ns, uint64_t deadline_ns)
{
	struct op_job *job;

	CU_ASSERT_EQUAL_FATAL(op_job_new(lab.device, &r->req, 1, limit_ns, deadline_ns, &job), HUFU_OK);
	pool_key_rele(r->key); /* the job has its own */
	CU_ASSERT_EQUAL_FATAL(lanes_submit(lab.lanes, &job->job), HUFU_OK);
	return job;
}

static enum hufu_err op_finish(struct op_job *job, struct request *r)
{
	CU_ASSERT_TRUE(job_wait(lab.lanes, &job->job, soon()));
	enum hufu_err err = job->job.err;
	if (err == HUFU_OK) {
		op_job_collect(job, &r->req.op);
		err = r->req.op.outcome;
	}
	job_rele(&job->job);
	return err;
}

static enum hufu_err run_op(struct request *r, char what)
{
	request_init(r, what);
	return op_finish(op_submit(r, NS_PER_S, soon()), r);
}

/* -- the tests ------------------------------------------------------------- */

static void test_one_job(void)
{
	set_up(2, 8, 2);
	struct test_job *t = job_new('a', soon(), false);
	submit(t);
	CU_ASSERT_TRUE(job_wait(lab.lanes, &t->job, soon()));
	CU_ASSERT_STRING_EQUAL(t->thread_name, "hufu-card-with-");
	CU_ASSERT_TRUE(t->signals_blocked);
	CU_ASSERT_FALSE(job_give_up(lab.lanes, &t->job));
	finish(t, HUFU_ERR_EXISTS);
	tear_down();
}

static void test_over_is_called(void)
{
	set_up(1, 8, 2);
	over_calls = destroyed = 0;
	for (unsigned i = 0; i < 5; i++) {
		struct test_job *t = job_new('a', soon(), false);

		t->job.over = note_over;
		submit(t);
		job_rele(&t->job);
	}
	CU_ASSERT_TRUE(gate_await(&over_calls, 5));
	CU_ASSERT_TRUE(gate_await(&destroyed, 5));
	tear_down();
}

static void test_order(void)
{
	set_up(1, 8, 2);
	struct test_job *first = hanging('0');
	uint64_t at = soon();
	struct test_job *never = job_new('n', 0, false), *late = job_new('3', at + 3, false), *early = job_new('1', at + 1, false),
	                *middle = job_new('2', at + 2, false);
	submit(never);
	submit(late);
	submit(early);
	submit(middle);
	CU_ASSERT_EQUAL(lanes_waiting(lab.lanes), 4);
	gate_set(&gate.closed, false);
	finish(first, HUFU_ERR_EXISTS);
	finish(never, HUFU_ERR_EXISTS);
	finish(late, HUFU_ERR_EXISTS);
	finish(early, HUFU_ERR_EXISTS);
	finish(middle, HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL(memcmp(gate.order, "0123n", 5), 0);
	CU_ASSERT_EQUAL(lanes_waiting(lab.lanes), 0);
	tear_down();
}

static void test_queue_bound(void)
{
	set_up(1, 2, 2);
	struct test_job *t[] = {hanging('a'), job_new('b', soon(), false), job_new('c', soon(), false), job_new('d', soon(), false)};
	destroyed = 0;
	submit(t[1]);
	submit(t[2]);
	CU_ASSERT_EQUAL(lanes_submit(lab.lanes, &t[3]->job), HUFU_ERR_BUSY);
	job_rele(&t[3]->job);
	CU_ASSERT_EQUAL(gate_read(&destroyed), 1); /* nobody else holds it */
	give_up(t[1]);                             /* one that waits makes room */
	CU_ASSERT_EQUAL(gate_read(&destroyed), 2);
	CU_ASSERT_EQUAL(lanes_hung(lab.lanes), 0);
	t[3] = job_new('d', soon(), false);
	submit(t[3]);
	gate_set(&gate.closed, false);
	finish(t[0], HUFU_ERR_EXISTS);
	finish(t[2], HUFU_ERR_EXISTS);
	finish(t[3], HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL(gate_read(&gate.nran), 3);
	tear_down();
}

static void test_deadline(void)
{
	vclock_start(NS_PER_S);
	set_up(1, 2, 2);
	struct test_job *first = hanging('a'), *late = job_new('b', 2 * NS_PER_S, false), *in_time = job_new('c', 3 * NS_PER_S, false);
	submit(late);
	submit(in_time);
	vclock_advance(NS_PER_S);
	struct test_job *more = job_new('d', 4 * NS_PER_S, false);
	submit(more); /* the queue was full of one that is over */
	CU_ASSERT_EQUAL(late->job.err, HUFU_ERR_DEADLINE);
	finish(late, HUFU_ERR_DEADLINE);
	vclock_advance(NS_PER_S);
	gate_set(&gate.closed, false);
	finish(first, HUFU_ERR_EXISTS);
	finish(in_time, HUFU_ERR_DEADLINE);
	finish(more, HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL(memcmp(gate.order, "ad", 2), 0);
	CU_ASSERT_EQUAL(gate_read(&gate.nran), 2);
	tear_down();
	vclock_stop();
}

static void *give_up_later(void *arg)
{
	struct test_job *t = arg;

	return job_wait(lab.lanes, &t->job, 2 * NS_PER_S) ? NULL : t;
}

static void test_wait_ends(void)
{
	pthread_t thread;
	void *answer;

	vclock_start(NS_PER_S);
	set_up(1, 2, 2);
	struct test_job *t = hanging('a');
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, give_up_later, t), 0);
	CU_ASSERT_TRUE(vclock_await(2 * NS_PER_S));
	vclock_advance(NS_PER_S);
	pthread_join(thread, &answer);
	CU_ASSERT_PTR_EQUAL(answer, t);
	gate_set(&gate.closed, false);
	finish(t, HUFU_ERR_EXISTS);
	tear_down();
	vclock_stop();
}

static void test_hung(void)
{
	set_up(1, 8, 2);
	destroyed = 0;
	struct test_job *a = hanging('a'), *waits = job_new('b', soon(), false);
	submit(waits);
	give_up(a);
	finish(waits, HUFU_ERR_EXISTS); /* on the lane that took the place */
	CU_ASSERT_EQUAL(lanes_hung(lab.lanes), 1);
	CU_ASSERT_EQUAL(lanes_hung_ever(), lab.hung_before + 1);
	CU_ASSERT_TRUE(gate_await(&destroyed, 1));

	struct test_job *c = hanging('c'), *d = job_new('d', soon(), false), *e = job_new('e', soon(), false);
	submit(d);
	give_up(c); /* now as many hang as may: nobody will ever do d */
	finish(d, HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(lanes_submit(lab.lanes, &e->job), HUFU_ERR_BUSY);
	job_rele(&e->job);
	CU_ASSERT_EQUAL(lanes_hung(lab.lanes), 2);
	CU_ASSERT_TRUE(gate_await(&destroyed, 3)); /* all but the two that a driver has */

	gate_set(&gate.closed, false);
	CU_ASSERT_TRUE(await_hung(0));
	CU_ASSERT_TRUE(gate_await(&destroyed, 5));
	struct test_job *f = job_new('f', soon(), false);
	submit(f);
	finish(f, HUFU_ERR_EXISTS);
	tear_down();
}

static void lease_late(struct job *job, struct lane *lane)
{
	struct hufu_lease *lease;

	CU_ASSERT_EQUAL(lane_ready(lane, 0), HUFU_OK);
	hang(&gate.closed, NULL);
	CU_ASSERT_EQUAL(lane_lease(lane, 0, &lease), HUFU_OK);
	CU_ASSERT_TRUE(lane_is_given_up(lane));
	job->err = HUFU_OK;
}

/* On a lease that the lane had, and on one that it would have to make. */
static void test_not_begun(void)
{
	struct request r;

	set_up(1, 8, 2);
	CU_ASSERT_EQUAL(run_op(&r, 'a'), HUFU_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct test_job *t = job_new('a', 0, true);

		t->job.work = lease_late;
		gate_set(&gate.closed, true);
		submit(t);
		CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
		give_up(t);
		gate_set(&gate.closed, false);
		CU_ASSERT_TRUE(await_hung(0));
	}
	tear_down();
}

/* AddressSanitizer watches: the request is freed while the driver still has it, and the driver writes all it was given. */
static void test_late_write(void)
{
	set_up(1, 8, 2);
	gate.closed = true;
	struct request *r = calloc(1, sizeof(*r));
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	request_init(r, 'h');
	struct op_job *job = op_submit(r, NS_PER_S, soon());
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	CU_ASSERT_NOT_EQUAL(atomic_load(&job->begun_ns), 0);
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &job->job));
	job_rele(&job->job);
	CU_ASSERT_EQUAL(r->out[0], 0);
	free(r);
	size_t held = secret_in_use();
	CU_ASSERT_TRUE(held > lab.secret_before + 128); /* the job and its key: the driver has them */
	struct request other;
	CU_ASSERT_EQUAL(run_op(&other, 'e'), HUFU_OK);
	CU_ASSERT_TRUE(await_secret(held)); /* the other's is gone, this one's is not */
	CU_ASSERT_EQUAL(other.out[63], 'e');
	gate_set(&gate.closed, false);
	CU_ASSERT_TRUE(await_hung(0));
	CU_ASSERT_TRUE(await_secret(lab.secret_before));
	tear_down();
}

static void test_stop_with_hung(void)
{
	set_up(2, 8, 2);
	gate.closed = true;
	destroyed = 0;
	struct request r;
	request_init(&r, 'h');
	struct op_job *job = op_submit(&r, NS_PER_S, soon());
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &job->job));
	job_rele(&job->job);
	struct test_job *busy = hanging('b');
	job_rele(&busy->job); /* nobody waits for it, and it is not given up */
	CU_ASSERT_FALSE(lanes_stop(lab.lanes, 0, last));
	CU_ASSERT_EQUAL(lanes_hung_ever(), lab.hung_before + 2);
	CU_ASSERT_EQUAL(gate_read(&lab.last_calls), 0);
	CU_ASSERT_EQUAL(gate_read(&destroyed), 0);
	gate_set(&gate.closed, false);
	CU_ASSERT_TRUE(gate_await(&lab.last_calls, 1));
	CU_ASSERT_EQUAL(gate_read(&destroyed), 1);
	CU_ASSERT_TRUE(await_threads(lab.threads_before));
	tear_down_pool();
}

static void test_leases(void)
{
	struct request r;

	set_up(1, 8, 2);
	CU_ASSERT_EQUAL(run_op(&r, 'a'), HUFU_OK);
	CU_ASSERT_EQUAL(run_op(&r, 'b'), HUFU_OK);
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 1); /* one a lane */
	CU_ASSERT_EQUAL(atomic_load(&lab.device->nleases), 1);
	atomic_fetch_add(&lab.device->generation, 1);
	lanes_refresh(lab.lanes);
	CU_ASSERT_TRUE(gate_await(&gate.releases, 1));
	CU_ASSERT_EQUAL(run_op(&r, 'c'), HUFU_OK);
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 2);
	atomic_fetch_add(&lab.device->generation, 1); /* nobody tells the lanes: they see it before the next op */
	CU_ASSERT_EQUAL(run_op(&r, 'd'), HUFU_OK);
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 3);
	CU_ASSERT_EQUAL(gate_read(&gate.releases), 2);
	tear_down();
}

static void test_idle_end(void)
{
	struct request r;

	vclock_start(NS_PER_S);
	set_up(1, 8, 2);
	CU_ASSERT_EQUAL(run_op(&r, 'a'), HUFU_OK);
	CU_ASSERT_TRUE(vclock_await(11 * NS_PER_S));
	vclock_advance(5 * NS_PER_S);
	CU_ASSERT_EQUAL(run_op(&r, 'b'), HUFU_OK);
	CU_ASSERT_TRUE(vclock_await(16 * NS_PER_S)); /* ten seconds from the last work on */
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 1);
	vclock_advance(10 * NS_PER_S);
	CU_ASSERT_TRUE(gate_await(&gate.releases, 1));
	CU_ASSERT_EQUAL(run_op(&r, 'c'), HUFU_OK);
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 2);
	tear_down();
	vclock_stop();
}

static void test_connects(void)
{
	vclock_start(1000 * NS_PER_S);
	set_up(3, 8, 2);
	atomic_store(&lab.device->connects_per_s, 1);
	gate.closed = true;
	struct request r[3];
	for (unsigned i = 0; i < 3; i++)
		request_init(&r[i], 'h');
	struct op_job *first = op_submit(&r[0], NS_PER_S, 1009 * NS_PER_S);
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	struct op_job *second = op_submit(&r[1], NS_PER_S, 1009 * NS_PER_S);
	CU_ASSERT_TRUE(vclock_await(1001 * NS_PER_S));
	struct op_job *hasty = op_submit(&r[2], NS_PER_S, 1000 * NS_PER_S + NS_PER_S / 2);
	CU_ASSERT_EQUAL(op_finish(hasty, &r[2]), HUFU_ERR_BUSY); /* its turn would come too late */
	CU_ASSERT_EQUAL(atomic_load(&second->begun_ns), 0);      /* the attempt's clock does not run yet */
	vclock_advance(NS_PER_S);
	CU_ASSERT_TRUE(gate_await(&gate.inside, 2));
	CU_ASSERT_EQUAL(atomic_load(&second->begun_ns), 1001 * NS_PER_S);
	CU_ASSERT_EQUAL(second->op.deadline_ns, 1002 * NS_PER_S);
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 2);
	gate_set(&gate.closed, false);
	CU_ASSERT_EQUAL(op_finish(first, &r[0]), HUFU_OK);
	CU_ASSERT_EQUAL(op_finish(second, &r[1]), HUFU_OK);

	/* One that waits for its turn is in no driver's hands: it comes back as soon as it is given up. */
	atomic_fetch_add(&lab.device->generation, 1);
	lanes_refresh(lab.lanes);
	CU_ASSERT_TRUE(gate_await(&gate.releases, 2));
	struct request impatient;
	request_init(&impatient, 'e');
	struct op_job *waits = op_submit(&impatient, NS_PER_S, 1009 * NS_PER_S);
	CU_ASSERT_TRUE(vclock_await(1002 * NS_PER_S));
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &waits->job));
	job_rele(&waits->job);
	CU_ASSERT_TRUE(await_hung(0));
	CU_ASSERT_EQUAL(gate_read(&gate.leases), 2);
	tear_down();
	vclock_stop();
}

#define CROWD 6
#define ROUNDS 60

/* Some wait to the end, some give up at once, some let go. */
static void *crowd_main(void *arg)
{
	unsigned *failed = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct request r;

		request_init(&r, 'e');
		struct op_job *job = op_submit(&r, NS_PER_S, soon());
		if (i % 3 == 1 && job_give_up(lab.lanes, &job->job)) {
			job_rele(&job->job);
			continue;
		}
		enum hufu_err err = op_finish(job, &r);
		*failed += err != HUFU_OK || r.out[63] != 'e';
	}
	return NULL;
}

static void test_crowd(void)
{
	pthread_t threads[CROWD];
	unsigned failed[CROWD] = {0};

	set_up(4, 64, 1000);
	atomic_store(&lab.device->connects_per_s, 100000);
	for (unsigned i = 0; i < CROWD; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, crowd_main, &failed[i]), 0);
	for (unsigned i = 0; i < CROWD; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(failed[i], 0);
	}
	tear_down();
}

static void test_cancel(void)
{
	struct request r;

	set_up_driver("gate-cancel", 1, 8, 3);
	gate.closed = true;
	request_init(&r, 'h');
	struct op_job *job = op_submit(&r, NS_PER_S, soon());
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &job->job));
	job_rele(&job->job);
	CU_ASSERT_TRUE(gate_await(&gate.cancels, 1));
	CU_ASSERT_TRUE(await_hung(0)); /* it returned though the gate is closed */

	/* A cancel that hangs holds up neither who gives up nor the other lanes. */
	gate.cancel_hangs = true;
	request_init(&r, 'h');
	job = op_submit(&r, NS_PER_S, soon());
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &job->job));
	job_rele(&job->job);
	CU_ASSERT_TRUE(gate_await(&gate.inside, 2));
	CU_ASSERT_EQUAL(run_op(&r, 'e'), HUFU_OK);
	gate_set(&gate.closed, false);
	gate_set(&gate.cancel_hangs, false);
	CU_ASSERT_TRUE(await_hung(0));
	CU_ASSERT_EQUAL(gate_read(&gate.cancels), 2);
	tear_down();
}

static void test_release_hangs(void)
{
	struct request r;

	vclock_start(NS_PER_S);
	set_up(1, 8, 2);
	CU_ASSERT_EQUAL(run_op(&r, 'a'), HUFU_OK);
	gate.release_hangs = true;
	atomic_fetch_add(&lab.device->generation, 1);
	lanes_refresh(lab.lanes);
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	struct test_job *early = job_new('b', 0, false), *late = job_new('c', 0, false);
	submit(early); /* it waits: the lane may come back */
	CU_ASSERT_EQUAL(lanes_waiting(lab.lanes), 1);
	vclock_advance(NS_PER_S);
	submit(late);
	finish(early, HUFU_ERR_EXISTS);
	finish(late, HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL(lanes_hung(lab.lanes), 1);
	gate_set(&gate.release_hangs, false);
	CU_ASSERT_TRUE(await_hung(0));
	tear_down();
	vclock_stop();
}

/* As an eviction does: who gave the key up is gone. */
static void test_unattended(void)
{
	vclock_start(NS_PER_S);
	set_up(1, 8, 2);
	struct test_job *alone = job_new('a', 2 * NS_PER_S, true), *early = job_new('b', 0, false), *late = job_new('c', 0, false);
	destroyed = 0;
	alone->job.unattended = true;
	gate_set(&gate.closed, true);
	submit(alone);
	job_rele(&alone->job);
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	submit(early); /* it waits: there is time yet */
	CU_ASSERT_EQUAL(lanes_waiting(lab.lanes), 1);
	vclock_advance(NS_PER_S);
	submit(late);
	finish(early, HUFU_ERR_EXISTS);
	finish(late, HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL(lanes_hung(lab.lanes), 1);
	gate_set(&gate.closed, false);
	CU_ASSERT_TRUE(await_hung(0) && gate_await(&destroyed, 3));
	tear_down();
	vclock_stop();
}

static void test_no_thread(void)
{
	set_up(2, 8, 2);
	gate.refuse_threads = 1;
	struct test_job *refused = job_new('a', soon(), false);
	CU_ASSERT_EQUAL(lanes_submit(lab.lanes, &refused->job), HUFU_ERR_NO_MEMORY);
	job_rele(&refused->job);
	struct test_job *first = hanging('b'), *second = job_new('c', soon(), false);
	gate.refuse_threads = 1;
	submit(second); /* there is one lane, and that one will do it */
	CU_ASSERT_EQUAL(lanes_waiting(lab.lanes), 1);
	gate_set(&gate.closed, false);
	finish(first, HUFU_ERR_EXISTS);
	finish(second, HUFU_ERR_EXISTS);
	tear_down();
}

static void test_overlong(void)
{
	struct request r;

	set_up(1, 8, 2);
	CU_ASSERT_EQUAL(run_op(&r, 'l'), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(r.out[0], 0);
	CU_ASSERT_EQUAL(r.req.op.out_len, 0);
	tear_down();
}

static void test_limit(void)
{
	set_up(1, 8, 2);
	struct test_job *t[] = {hanging('a'), job_new('b', soon(), true)};
	submit(t[1]);
	lanes_limit(lab.lanes, 2, 8, 2);
	CU_ASSERT_TRUE(gate_await(&gate.inside, 2)); /* what waited found a lane */
	lanes_limit(lab.lanes, 1, 8, 2);
	gate_set(&gate.closed, false);
	finish(t[0], HUFU_ERR_EXISTS);
	finish(t[1], HUFU_ERR_EXISTS);
	CU_ASSERT_TRUE(await_threads(lab.threads_before + 1));
	tear_down();
}

/* -- direct devices have the same limits ----------------------------------- */

static void test_direct_limits(void)
{
	struct lease *leases[9];

	set_up(1, 8, 2);
	CU_ASSERT_EQUAL(device_lease_limit(lab.device), 8);
	atomic_store(&lab.device->share, 50);
	CU_ASSERT_EQUAL(device_lease_limit(lab.device), 4);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(lease_take(lab.device, soon(), &leases[i]), HUFU_OK);
	CU_ASSERT_EQUAL(lease_take(lab.device, soon(), &leases[4]), HUFU_ERR_BUSY);
	atomic_store(&lab.device->sessions, 5);
	CU_ASSERT_EQUAL(lease_take(lab.device, soon(), &leases[4]), HUFU_OK);
	CU_ASSERT_EQUAL(lease_take(lab.device, soon(), &leases[5]), HUFU_ERR_BUSY);
	lease_put(lab.device, leases[4]);
	CU_ASSERT_EQUAL(lease_take(lab.device, soon(), &leases[4]), HUFU_OK);
	for (unsigned i = 0; i < 5; i++)
		lease_discard(lab.device, leases[i]);
	CU_ASSERT_EQUAL(atomic_load(&lab.device->nleases), 0);
	atomic_store(&lab.device->sessions, 0);
	atomic_store(&lab.device->share, 1);
	CU_ASSERT_EQUAL(device_lease_limit(lab.device), 1); /* a share of something is something */
	tear_down();
}

static void test_direct_connects(void)
{
	struct lease *leases[3];

	vclock_start(1000 * NS_PER_S);
	set_up(1, 8, 2);
	atomic_store(&lab.device->connects_per_s, 2);
	CU_ASSERT_EQUAL(lease_take(lab.device, 0, &leases[0]), HUFU_OK);
	CU_ASSERT_EQUAL(lease_take(lab.device, 0, &leases[1]), HUFU_OK);
	CU_ASSERT_EQUAL(lease_take(lab.device, 0, &leases[2]), HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(atomic_load(&lab.device->nleases), 2);
	vclock_advance(NS_PER_S / 2);
	CU_ASSERT_EQUAL(lease_take(lab.device, 0, &leases[2]), HUFU_OK);
	lease_put(lab.device, leases[2]);
	CU_ASSERT_EQUAL(lease_take(lab.device, 0, &leases[2]), HUFU_OK); /* a parked one connects no more */
	for (unsigned i = 0; i < 3; i++)
		lease_discard(lab.device, leases[i]);
	tear_down();
	vclock_stop();
}

/* -- fork ------------------------------------------------------------------ */

static int child(void)
{
	struct request r;

	lanes_after_fork_child(lab.lanes);
	bool forgot = lanes_hung(lab.lanes) == 0 && lanes_hung_ever() == 0 && atomic_load(&lab.device->nleases) == 0;
	bool works = run_op(&r, 'c') == HUFU_OK && r.out[0] == 'c' && atomic_load(&lab.device->nleases) == 1;
	bool stops = lanes_stop(lab.lanes, soon(), last);
	return !(forgot && works && stops);
}

static void test_fork(void)
{
	UNIT_FORKS();
	struct request r;
	int status;

	set_up(4, 8, 2);
	CU_ASSERT_EQUAL(run_op(&r, 'a'), HUFU_OK);
	gate.closed = true;
	request_init(&r, 'h');
	struct op_job *job = op_submit(&r, NS_PER_S, soon());
	CU_ASSERT_TRUE(gate_await(&gate.inside, 1));
	CU_ASSERT_TRUE(job_give_up(lab.lanes, &job->job));
	job_rele(&job->job);
	secret_before_fork();
	lanes_before_fork(lab.lanes);
	pid_t pid = fork();
	if (pid == 0) {
		secret_after_fork_child();
		_exit(child());
	}
	lanes_after_fork_parent(lab.lanes);
	secret_after_fork_parent();
	CU_ASSERT_TRUE_FATAL(pid > 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(run_op(&r, 'p'), HUFU_OK);
	gate_set(&gate.closed, false);
	CU_ASSERT_TRUE(await_hung(0));
	tear_down();
}

static const struct unit_case cases[] = {
	{"a job runs on a thread of the device's name, all signals blocked", test_one_job},
	{"over is called once a job, and the last who held it frees it", test_over_is_called},
	{"waiting jobs run in the order of their deadlines", test_order},
	{"the queue is bounded, and who gives up leaves it", test_queue_bound},
	{"a job whose deadline passed in the queue is ended, nothing done", test_deadline},
	{"who waits for a job waits no longer than he wants", test_wait_ends},
	{"a hung lane is replaced; with as many as may hang the device is busy, until they are back", test_hung},
	{"a job that is given up before it has its lease is not begun", test_not_begun},
	{"what a driver writes after it was given up goes nowhere, into memory that nobody else has", test_late_write},
	{"lanes stop in time though some hang, which are counted and free the rest when they are back", test_stop_with_hung},
	{"a lane has one lease, of the device's current generation", test_leases},
	{"a lane ends after ten seconds without work, and its lease with it", test_idle_end},
	{"lanes wait for their turn to connect, no longer than their job", test_connects},
	{"leases are made, used and released by their own lanes, whoever gives up when", test_crowd},
	{"a call that is given up is cancelled, and a cancel that hangs harms nobody", test_cancel},
	{"a release that hangs costs no lane", test_release_hangs},
	{"a job that nobody waits for costs none, either", test_unattended},
	{"where no thread is to be had, the lanes there are do the work, or it is refused", test_no_thread},
	{"an answer longer than its space is corrupt and read nowhere", test_overlong},
	{"limits can be changed at work", test_limit},
	{"direct devices lend as many leases as configured, or their share", test_direct_limits},
	{"direct devices are busy when they would connect too often", test_direct_connects},
	{"a forked child starts its own lanes and the parent's go on", test_fork},
	{0},
};

static void *nothing(void *arg)
{
	return arg;
}

/* The first thread brings those of a sanitizer along, which are not counted. */
int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
	lab.threads_before = count_threads();
	for (int i = 0; i < 100; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		if (count_threads() < lab.threads_before)
			lab.threads_before = count_threads();
	}
	cancel_driver = gate_driver;
	cancel_driver.name = "gate-cancel";
	cancel_driver.cancel = gate_cancel;
	if (driver_register(&gate_driver) != HUFU_OK || driver_register(&cancel_driver) != HUFU_OK)
		return 99;
	return unit_main("lane", cases);
}
