/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what runs on a stack of the provider's may leave it and come back, beside others and within others;
 * one that was given up begins anew; what overflows one is stopped, and spoils nothing.
 */
#include "unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "ossl/stack.h"

#define N 8

static struct visit {
	struct stack *stack;
	ucontext_t here, away;
	int steps;
	bool leaves;
} visits[N];

/* As ASYNC_pause_job does. */
static void run(void *arg)
{
	struct visit *visit = arg;

	visit->steps++;
	if (visit->leaves)
		swapcontext(&visit->here, &visit->away);
	visit->steps++;
}

static struct visit *starting;

static void start(void)
{
	stack_run(starting->stack, run, starting);
	setcontext(&starting->away);
}

/* Until it leaves, on a stack of the caller's as libcrypto gives a job. */
static void begin(struct visit *visit, char *own, size_t len)
{
	ucontext_t job;

	visit->stack = stack_take();
	visit->leaves = true;
	visit->steps = 0;
	CU_ASSERT_FATAL(visit->stack != NULL && getcontext(&job) == 0);
	job.uc_stack.ss_sp = own;
	job.uc_stack.ss_size = len;
	job.uc_link = NULL;
	makecontext(&job, start, 0);
	starting = visit;
	swapcontext(&visit->away, &job);
}

static char own_stacks[N][64 << 10];

static void test_leave(void)
{
	for (int i = 0; i < N; i++)
		begin(&visits[i], own_stacks[i], sizeof own_stacks[i]);
	for (int i = 0; i < N; i++)
		CU_ASSERT_EQUAL(visits[i].steps, 1);
	for (int i = N; i-- > 0;) { /* in another order */
		starting = &visits[i];
		swapcontext(&visits[i].away, &visits[i].here);
		CU_ASSERT_EQUAL(visits[i].steps, 2);
		stack_give(visits[i].stack);
	}
}

static void test_given_up(void)
{
	struct visit visit = {.leaves = false};

	for (int round = 0; round < 3; round++) {
		begin(&visits[0], own_stacks[0], sizeof own_stacks[0]);
		struct stack *stack = visits[0].stack;
		stack_give_up(stack);
		visit.stack = stack_take();
		CU_ASSERT_PTR_EQUAL(visit.stack, stack);
		visit.steps = 0;
		stack_run(visit.stack, run, &visit);
		CU_ASSERT_EQUAL(visit.steps, 2);
		CU_ASSERT_EQUAL(visits[0].steps, 1);
		stack_give(visit.stack);
	}
}

static void run_within(void *arg)
{
	struct visit *visit = arg;

	visit->steps++;
	if (visit + 1 == visits + N)
		return;
	visit[1].stack = stack_take();
	visit[1].steps = 0;
	stack_run(visit[1].stack, run_within, visit + 1);
	stack_give(visit[1].stack);
	visit->steps++;
}

static void test_within(void)
{
	visits[0].stack = stack_take();
	visits[0].steps = 0;
	stack_run(visits[0].stack, run_within, visits);
	stack_give(visits[0].stack);
	for (int i = 0; i < N; i++)
		CU_ASSERT_EQUAL(visits[i].steps, i + 1 < N ? 2 : 1);
}

static volatile int depth;

/* Not an endless recursion, should nothing stop it. */
__attribute__((noinline)) static void overflow(void *arg)
{
	volatile char room[4096];

	room[0] = (char)depth++;
	if (depth < (int)(4 * STACK_SIZE / sizeof room))
		overflow(arg);
	room[1] = room[0];
}

static void test_overflow(void)
{
	UNIT_FORKS();
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL); /* not for a sanitizer to report */
		stack_run(stack_take(), overflow, NULL);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static const struct unit_case cases[] = {
	{"what runs on 8 of them leaves and comes back", test_leave},
	{"one that was given up begins anew", test_given_up},
	{"one within the other", test_within},
	{"an overflow ends at the guard", test_overflow},
	{0},
};

int main(void)
{
#ifdef __SANITIZE_THREAD__
	printf("1..0 # SKIP ThreadSanitizer cannot follow from stack to stack\n");
	return 0;
#endif
	return unit_main("stack", cases);
}
