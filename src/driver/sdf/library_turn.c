/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/sdf/library_internal.h"

#include "base/clock.h"

void turn_init(struct turn *turn)
{
	*turn = (struct turn){0};
	pthread_mutex_init(&turn->lock, NULL);
	clock_cond_init(&turn->for_shared);
	clock_cond_init(&turn->for_exclusive);
}

/* A call that hangs keeps those who want it alone waiting for ever; those who share do so no longer than this. */
#define PRECEDENCE_NS (NS_PER_S / 2)

static uint64_t precedence_ends_ns(const struct turn *turn)
{
	return turn->waits_since_ns + PRECEDENCE_NS;
}

static bool free_locked(const struct turn *turn, enum turn_mode mode)
{
	if (turn->held)
		return false;
	if (mode == TURN_SHARED)
		return !turn->waiting || clock_now_ns() >= precedence_ends_ns(turn);
	return !turn->sharing;
}

/* To one that wants it alone, if there is one, else to all that share. */
static void pass_on_locked(struct turn *turn)
{
	if (turn->waiting)
		pthread_cond_signal(&turn->for_exclusive);
	else
		pthread_cond_broadcast(&turn->for_shared);
}

/* Whoever is woken at his deadline looks once more: he would take the wake-up with him otherwise. */
static bool wait_locked(struct turn *turn, enum turn_mode mode, uint64_t until)
{
	pthread_cond_t *cond = mode == TURN_SHARED ? &turn->for_shared : &turn->for_exclusive;
	bool in_time = true;
	while (!free_locked(turn, mode) && in_time) {
		bool precedes = mode == TURN_SHARED && !turn->held && precedence_ends_ns(turn) < until;
		in_time = clock_wait(cond, &turn->lock, precedes ? precedence_ends_ns(turn) : until) || precedes;
	}
	return free_locked(turn, mode);
}

static void join_exclusive_locked(struct turn *turn)
{
	if (!turn->waiting++)
		turn->waits_since_ns = clock_now_ns();
}

bool turn_take(struct turn *turn, enum turn_mode mode, uint64_t deadline_ns)
{
	if (mode == TURN_NONE)
		return true;
	pthread_mutex_lock(&turn->lock);
	if (mode == TURN_EXCLUSIVE)
		join_exclusive_locked(turn);
	bool had = wait_locked(turn, mode, deadline_ns ? deadline_ns : CLOCK_NEVER);
	turn->waiting -= mode == TURN_EXCLUSIVE;
	if (had && mode == TURN_SHARED)
		turn->sharing++;
	else if (had)
		turn->held = true;
	else
		pass_on_locked(turn); /* those who share waited for us */
	pthread_mutex_unlock(&turn->lock);
	return had;
}

void turn_give(struct turn *turn, enum turn_mode mode)
{
	if (mode == TURN_NONE)
		return;
	pthread_mutex_lock(&turn->lock);
	if (mode == TURN_SHARED)
		turn->sharing--;
	else
		turn->held = false;
	if (!turn->sharing)
		pass_on_locked(turn);
	pthread_mutex_unlock(&turn->lock);
}
