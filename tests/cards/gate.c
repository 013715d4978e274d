/* SPDX-License-Identifier: Apache-2.0 */
/* What every call goes through: the script of faults, and the sessions that it kills. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "beside.h"
#include "card.h"

#define SESSIONS_MAX 4096
#define SCRIPT_MAX 4096
#define NAP_NS 5000000
#define NAME "card"

struct session {
	void *face;               /* NULL: free */
	struct hufu_lease lease;  /* what the lab knows it by */
};

static struct {
	pthread_mutex_t lock;
	struct beside file;
	char text[SCRIPT_MAX];
	uint64_t scripts;         /* that there were */
	struct subject *subject;
	struct session sessions[SESSIONS_MAX];
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* -- the script ------------------------------------------------------------------------ */

/* Nobody reads a card's log: a script that is wrong ends the program that wrote it. */
static void adopt_locked(void)
{
	char why[256];

	if (fault_script(NAME, gate.text, why, sizeof(why)) != HUFU_OK) {
		fprintf(stderr, "card: %s: %s\n", gate.text, why);
		abort();
	}
	fault_release(NAME);
	gate.scripts++;
}

static struct subject *look_locked(void)
{
	static const struct script none;

	if (!gate.subject)
		gate.subject = lab_subject(NAME, &none);
	if (beside_changed(&gate.file, ".faults", gate.text, sizeof(gate.text)))
		adopt_locked();
	return gate.subject;
}

/* scripts: how many there were by now. */
static struct subject *look(uint64_t *scripts)
{
	pthread_mutex_lock(&gate.lock);
	struct subject *subject = look_locked();
	*scripts = gate.scripts;
	pthread_mutex_unlock(&gate.lock);
	return subject;
}

/*
 * Until there is another script: which somebody has to look for, so all who hang do. A test that has to know
 * of it waits for the file (rig_wait_for_hang).
 */
static void hang(uint64_t time_ns)
{
	uint64_t began, scripts, until_ns = time_ns ? clock_now_ns() + time_ns : CLOCK_NEVER;

	(void)beside_make(".hangs");
	for (look(&began), scripts = began; scripts == began && clock_now_ns() < until_ns; look(&scripts))
		clock_sleep_ns(NAP_NS);
}

/* -- sessions --------------------------------------------------------------------------- */

static struct session *session_locked(void *handle)
{
	struct session *session = handle;

	if (session < gate.sessions || session >= gate.sessions + SESSIONS_MAX || !session->face)
		return NULL;
	return session;
}

void *card_session_new(void *face)
{
	struct session *session = NULL;

	pthread_mutex_lock(&gate.lock);
	for (size_t i = 0; i < SESSIONS_MAX && !session; i++)
		if (!gate.sessions[i].face)
			session = &gate.sessions[i];
	if (session)
		*session = (struct session){.face = face, .lease = {.life = lab_life(look_locked())}};
	pthread_mutex_unlock(&gate.lock);
	return session;
}

void *card_session_end(void *handle)
{
	void *face = NULL;

	pthread_mutex_lock(&gate.lock);
	struct session *session = session_locked(handle);
	if (session) {
		face = session->face;
		session->face = NULL;
	}
	pthread_mutex_unlock(&gate.lock);
	return face;
}

/* -- calls -------------------------------------------------------------------------------- */

static bool refuse(struct call *call, int code)
{
	call->code = code;
	return false;
}

static bool has_effect(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_LOST || hufu_err_group(err) == HUFU_GROUP_CORRUPT;
}

/* What stops a call before anything is done. */
static bool pass(struct call *call)
{
	const struct fault *fault = &call->strike.fault;

	if (call->strike.delay_ns)
		clock_sleep_ns(call->strike.delay_ns);
	if (fault->what == WHAT_CRASH)
		abort();
	if (fault->what == WHAT_HANG) {
		hang(fault->time_ns);
		return refuse(call, card_code_of_fault(HUFU_ERR_LOST));
	}
	if (fault->what == WHAT_ERROR && !has_effect(fault->err))
		return refuse(call, card_code_of_fault(fault->err));
	return true;
}

bool card_enter(struct call *call, unsigned place, void *handle)
{
	struct session *session = NULL;

	*call = (struct call){.begun_ns = clock_now_ns()};
	pthread_mutex_lock(&gate.lock);
	struct subject *subject = look_locked();
	if (handle)
		session = session_locked(handle);
	if (session)
		call->face = session->face;
	if (!handle || session)
		call->strike = lab_strike(subject, place, session ? &session->lease : NULL);
	pthread_mutex_unlock(&gate.lock);
	if (handle && !session)
		return refuse(call, card_code(SDR_INARGERR));
	return pass(call);
}

/* Turned over in the middle, where numbers that stand to the right of a field are not zero. */
static void flip(unsigned char *out, size_t len)
{
	if (out && len)
		out[len - 1 - len / 8] ^= 0x10;
}

int card_leave(struct call *call, int code, void *out, size_t len, unsigned int *out_len)
{
	const struct fault *fault = &call->strike.fault;

	if (call->strike.slow > 1)
		clock_sleep_ns((call->strike.slow - 1) * (clock_now_ns() - call->begun_ns));
	if (code != SDR_OK)
		return card_code(code);
	if (fault->what == WHAT_FLIP_OUT || fault->what == WHAT_FLIP_PUB || fault->what == WHAT_WRONG)
		flip(out, len);
	if (fault->what == WHAT_OVERLONG && out_len)
		*out_len += 1u << 20;
	if (fault->what != WHAT_ERROR)
		return SDR_OK;
	flip(out, len);
	return card_code_of_fault(fault->err);
}
