/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/stack.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define KEEP_MAX 64                     /* that nobody uses; the rest is given back */

/* At its own upper end. */
struct stack {
	_Alignas(16) struct stack *next;
	ucontext_t own, caller;
	void (*run)(void *);
	void *arg;
};

static struct {
	pthread_mutex_t lock;
	struct stack *idle;
	unsigned nidle;
} stacks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t guard_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static uint8_t *bottom_of(struct stack *stack)
{
	return (uint8_t *)(stack + 1) - STACK_SIZE;
}

/* makecontext(3) passes ints. */
static void loop(unsigned high, unsigned low)
{
	struct stack *stack = (struct stack *)((uintptr_t)high << 32 | low);

	for (;;) {
		stack->run(stack->arg);
		swapcontext(&stack->own, &stack->caller);
	}
}

/* So that the next switch to it begins at its top. */
static bool make_context(struct stack *stack)
{
	if (getcontext(&stack->own) != 0)
		return false;
	stack->own.uc_stack.ss_sp = bottom_of(stack);
	stack->own.uc_stack.ss_size = STACK_SIZE - sizeof *stack;
	stack->own.uc_link = NULL;
	makecontext(&stack->own, (void (*)(void))loop, 2, (unsigned)((uintptr_t)stack >> 32), (unsigned)(uintptr_t)stack);
	return true;
}

static void unmap(struct stack *stack)
{
	munmap(bottom_of(stack) - guard_size(), guard_size() + STACK_SIZE);
}

static struct stack *stack_new(void)
{
	size_t guard = guard_size();
	uint8_t *mapped = mmap(NULL, guard + STACK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (mapped == MAP_FAILED)
		return NULL;
	struct stack *stack = (struct stack *)(void *)(mapped + guard + STACK_SIZE) - 1;
	if (mprotect(mapped + guard, STACK_SIZE, PROT_READ | PROT_WRITE) == 0 && make_context(stack))
		return stack;
	unmap(stack);
	return NULL;
}

struct stack *stack_take(void)
{
	pthread_mutex_lock(&stacks.lock);
	struct stack *stack = stacks.idle;
	if (stack) {
		stacks.idle = stack->next;
		stacks.nidle--;
	}
	pthread_mutex_unlock(&stacks.lock);
	return stack ? stack : stack_new();
}

void stack_give(struct stack *stack)
{
	pthread_mutex_lock(&stacks.lock);
	bool keep = stacks.nidle < KEEP_MAX;
	if (keep) {
		stack->next = stacks.idle;
		stacks.idle = stack;
		stacks.nidle++;
	}
	pthread_mutex_unlock(&stacks.lock);
	if (!keep)
		unmap(stack);
}

/* What was saved of its loop may be overwritten by what ran after it. */
void stack_give_up(struct stack *stack)
{
	if (make_context(stack))
		stack_give(stack);
	else
		unmap(stack);
}

void stack_run(struct stack *stack, void (*run)(void *), void *arg)
{
	stack->run = run;
	stack->arg = arg;
	swapcontext(&stack->caller, &stack->own);
}

void stacks_after_fork_child(void)
{
	pthread_mutex_init(&stacks.lock, NULL);
}
