/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks for what the core does in an ASYNC_JOB. libcrypto gives a job 32 KiB of the
 * heap, with nothing below that would catch an overflow, and libssl has had some of them
 * when a key is asked for. A key whose row must be read anew takes SQLite along, and a
 * message for the log as much again: so that all runs on a stack of the size that lanes
 * have, above a page that nobody can touch.
 */
#ifndef OSSL_STACK_H
#define OSSL_STACK_H

#include <stdbool.h>
#include <stddef.h>

#define STACK_SIZE ((size_t)256 << 10)

struct stack;

/* One that nobody uses, or a new one; NULL: no memory. */
struct stack *stack_take(void);
/* Nothing runs on it. */
void stack_give(struct stack *);
/* What runs on it will never go on. */
void stack_give_up(struct stack *);
/* run(arg) on it, and back. It may be left and come back to meanwhile, as ASYNC_pause_job does. */
void stack_run(struct stack *, void (*run)(void *), void *arg);
/* In the child the list is not held by a thread that is not here. */
void stacks_after_fork_child(void);

#endif
