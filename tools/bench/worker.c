/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tools/bench/bench.h"
#include "tools/report.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum verb { PREPARE, MEASURE, QUIT };

struct request {
	enum verb verb;
	size_t cell;
	uint64_t target_ns;
};

struct reply {
	bool good;
	double ns;
};

static bool read_all(int fd, void *buf, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t n = read(fd, (char *)buf + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/* A pipe's buffer takes our small messages whole. */
static bool write_all(int fd, const void *buf, size_t len)
{
	return write(fd, buf, len) == (ssize_t)len;
}

/* -- in the child ---------------------------------------------------------------- */

struct lane {
	pthread_t thread;
	const struct bench_impl *impl;
	const struct bench_cell *cell;
	void *context;
	pthread_barrier_t *start;
	uint64_t n, aside_ns, end_ns;
	bool good;
};

static void *lane_run(void *arg)
{
	struct lane *lane = arg;

	pthread_barrier_wait(lane->start);
	lane->good = lane->impl->run(lane->context, lane->cell, lane->n, &lane->aside_ns);
	lane->end_ns = clock_now_ns();
	return NULL;
}

#define THREADS_MAX 8

/* n operations in each thread; the wall clock from the common start to the last end. 0: failed. */
static uint64_t run(const struct bench_impl *impl, void *state, const struct bench_cell *cell, uint64_t n)
{
	struct lane lanes[THREADS_MAX] = {0};
	pthread_barrier_t start;
	uint64_t begin = 0, end = 0;
	unsigned opened = 0;
	bool good = true;

	pthread_barrier_init(&start, NULL, cell->threads + 1);
	for (; good && opened < cell->threads; opened++) {
		lanes[opened] = (struct lane){
			.impl = impl, .cell = cell, .start = &start, .n = n, .context = impl->thread_open(state, cell)};
		good = lanes[opened].context != NULL;
	}
	if (good) {
		for (unsigned i = 0; i < cell->threads; i++)
			if (pthread_create(&lanes[i].thread, NULL, lane_run, &lanes[i]))
				abort(); /* the others wait at the barrier: there is no way back */
		begin = clock_now_ns();
		pthread_barrier_wait(&start);
		for (unsigned i = 0; i < cell->threads; i++) {
			pthread_join(lanes[i].thread, NULL);
			good = good && lanes[i].good;
			end = lanes[i].end_ns > end ? lanes[i].end_ns : end;
		}
		end -= lanes[0].aside_ns;
	}
	for (unsigned i = 0; i < opened; i++)
		if (lanes[i].context)
			impl->thread_close(lanes[i].context);
	pthread_barrier_destroy(&start);
	return !good ? 0 : end > begin ? end - begin : 1;
}

/* How often fits the time asked for: found once per cell, then kept, so that all rounds do the same. */
static double measure(const struct bench_impl *impl, void *state, const struct bench_cell *cell, uint64_t target_ns, uint64_t *n)
{
	uint64_t ns;

	while (*n == 0 || (*n & 1ull << 63)) {
		uint64_t count = *n ? *n & ~(1ull << 63) : 1;
		ns = run(impl, state, cell, count);
		if (ns == 0)
			return 0;
		if (ns >= target_ns / 4) {
			uint64_t fit = (uint64_t)((double)count * (double)target_ns / (double)ns);
			*n = fit ? fit : 1;
		} else {
			*n = (count * (ns < target_ns / 64 ? 8 : 2)) | 1ull << 63;
		}
	}
	ns = run(impl, state, cell, *n);
	return (double)ns / (double)(*n * cell->threads);
}

static bool belongs(const struct bench_worker *w, const struct bench_cell *cell)
{
	bool objects = cell->op == BENCH_FIND || cell->op == BENCH_INITIALIZE;

	return objects == w->objects && (!objects || cell->size <= w->objects_max);
}

static void serve(const struct bench_worker *w, const struct bench_cell *cells, size_t ncells, int in, int out)
{
	void *state = w->impl->open(&w->place);
	uint64_t counts[BENCH_CELLS_MAX] = {0};
	bool offers[BENCH_CELLS_MAX] = {0};
	struct request request;

	if (!state)
		return;
	for (size_t i = 0; i < ncells; i++)
		offers[i] = belongs(w, &cells[i]) && w->impl->offers(state, &cells[i]);
	if (!write_all(out, offers, sizeof offers))
		return;
	while (read_all(in, &request, sizeof request) && request.verb != QUIT) {
		const struct bench_cell *cell = &cells[request.cell];
		struct reply reply = {0};
		if (request.verb == PREPARE)
			reply.good = !w->impl->prepare || w->impl->prepare(state, cell);
		else
			reply.ns = measure(w->impl, state, cell, request.target_ns, &counts[request.cell]);
		reply.good = reply.good || reply.ns > 0;
		if (!write_all(out, &reply, sizeof reply))
			break;
	}
	w->impl->close(state);
}

/* -- in the parent --------------------------------------------------------------- */

bool worker_start(struct bench_worker *w, const struct bench_cell *cells, size_t ncells)
{
	int down[2], up[2];

	fflush(NULL);
	if (pipe(down) || pipe(up))
		return fail_errno(NULL, "making a pipe"), false;
	w->pid = fork();
	if (w->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_IGN); /* the parent decides */
		signal(SIGTERM, SIG_DFL);
		close(down[1]);
		close(up[0]);
		/* The module and whatever it loads may print; results belong to the parent alone. */
		if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			_exit(1);
		serve(w, cells, ncells, down[0], up[1]);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	w->to = down[1];
	w->from = up[0];
	if (w->pid > 0 && read_all(w->from, w->offers, sizeof w->offers))
		return true;
	worker_stop(w);
	return false;
}

static bool ask(struct bench_worker *w, struct request request, struct reply *reply)
{
	if (!w->pid)
		return false;
	if (write_all(w->to, &request, sizeof request) && read_all(w->from, reply, sizeof *reply) && reply->good)
		return true;
	note("%s fails here and is left out from now on", w->name);
	worker_stop(w);
	return false;
}

bool worker_prepare(struct bench_worker *w, size_t cell)
{
	struct reply reply;

	return ask(w, (struct request){PREPARE, cell, 0}, &reply);
}

double worker_measure(struct bench_worker *w, size_t cell, uint64_t target_ns)
{
	struct reply reply;

	return ask(w, (struct request){MEASURE, cell, target_ns}, &reply) ? reply.ns : 0;
}

void worker_stop(struct bench_worker *w)
{
	const struct request quit = {QUIT, 0, 0};

	if (!w->pid)
		return;
	/* Closing the pipe would not do: workers started later hold its end too. */
	write_all(w->to, &quit, sizeof quit);
	close(w->to);
	close(w->from);
	if (w->pid > 0)
		waitpid(w->pid, NULL, 0);
	w->pid = 0;
}
