/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lab/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- the plan ---------------------------------------------------------------------- */

/* splitmix64: the same load for the same seed. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void make_input(uint64_t seed, uint8_t in[LOAD_INPUT])
{
	for (size_t i = 0; i < LOAD_INPUT; i += sizeof seed) {
		uint64_t word = draw(&seed);
		memcpy(in + i, &word, sizeof word);
	}
}

bool load_plan(struct load *load, bool keys, uint64_t begin_ns, uint64_t end_ns, unsigned rate, uint64_t *seed)
{
	uint64_t interval = NS_PER_S / rate, n = (end_ns - begin_ns) / interval;
	struct load_call *calls = reallocarray(load->calls, load->n + n + 1, sizeof *calls);

	if (!calls)
		return lab_fail("out of memory");
	load->calls = calls;
	for (uint64_t i = 0; i < n; i++) {
		struct load_call *call = &load->calls[load->n++];
		*call = (struct load_call){.class = keys ? LOAD_MAKE_KEY : i % 2 ? LOAD_ENCRYPT : LOAD_SIGN,
		                           .due_ns = begin_ns + i * interval + draw(seed) % interval, .seed = draw(seed)};
	}
	return true;
}

/* -- clients ------------------------------------------------------------------------ */

static void sleep_until(uint64_t ns)
{
	struct timespec at = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void key_label(const struct load_call *call, char label[32])
{
	snprintf(label, 32, "key %016llx", (unsigned long long)call->seed);
}

static bool is_pair(const struct load_call *call)
{
	return call->seed & 1;
}

static CK_RV make_call(const struct bed *bed, CK_SESSION_HANDLE session, struct load_call *call)
{
	uint8_t in[LOAD_INPUT];
	char label[32];

	if (call->class == LOAD_MAKE_KEY) {
		key_label(call, label);
		return bed_make_key(bed, session, is_pair(call), label);
	}
	make_input(call->seed, in);
	return call->class == LOAD_SIGN ? bed_sign(bed, session, in, call->out)
	                                : bed_encrypt(bed, session, in, sizeof in, call->out);
}

struct client {
	struct load *load;
	CK_SESSION_HANDLE session;
};

static void *client_run(void *arg)
{
	struct client client = *(struct client *)arg;
	struct load *load = client.load;
	size_t i;

	free(arg);
	while ((i = atomic_fetch_add(&load->next, 1)) < load->n) {
		struct load_call *call = &load->calls[i];
		call->taken_ns = clock_now_ns();
		sleep_until(call->due_ns);
		call->begun_ns = clock_now_ns();
		call->rv = make_call(load->bed, client.session, call);
		atomic_store(&call->ended_ns, clock_now_ns());
	}
	atomic_fetch_sub(&load->running, 1);
	return NULL;
}

bool load_start(struct load *load, const struct bed *bed, unsigned nclients)
{
	load->bed = bed;
	for (unsigned i = 0; i < nclients; i++) {
		struct client *client = malloc(sizeof *client);
		if (!client || !bed_session(bed, &load->sessions[i])) {
			free(client);
			return false;
		}
		*client = (struct client){load, load->sessions[i]};
		atomic_fetch_add(&load->running, 1);
		int err = pthread_create(&load->clients[i], NULL, client_run, client);
		if (err) {
			free(client);
			return lab_fail("client %u: %s", i, strerror(err));
		}
		load->nclients++;
	}
	return true;
}

bool load_wait(struct load *load, uint64_t until_ns)
{
	while (atomic_load(&load->running) && clock_now_ns() < until_ns)
		sleep_until(clock_now_ns() + 5 * NS_PER_MS);
	if (atomic_load(&load->running))
		return false;
	for (unsigned i = 0; i < load->nclients; i++)
		pthread_join(load->clients[i], NULL);
	load->nclients = 0;
	return true;
}

/* -- the answers ---------------------------------------------------------------------- */

/* A key whose call failed must not be there: the caller will make another. */
static enum load_verdict judge_key(const struct bed *bed, const struct load_call *call)
{
	char label[32];

	key_label(call, label);
	long found = bed_count_keys(bed, label), wanted = call->rv == CKR_OK;
	return found < wanted ? LOAD_MISSING : found > wanted ? LOAD_DOUBLE : wanted ? LOAD_GOOD : LOAD_UNJUDGED;
}

static enum load_verdict judge_call(const struct judge *judge, const struct load_call *call)
{
	uint8_t in[LOAD_INPUT];

	if (call->rv != CKR_OK)
		return LOAD_UNJUDGED;
	make_input(call->seed, in);
	bool good = call->class == LOAD_SIGN ? judge_signature(judge, in, call->out)
	                                     : judge_ciphertext(judge, in, sizeof in, call->out);
	return good ? LOAD_GOOD : LOAD_WRONG;
}

bool load_judge(struct load *load)
{
	struct judge *judge = judge_new(load->bed);

	for (size_t i = 0; judge && i < load->n; i++) {
		struct load_call *call = &load->calls[i];
		if (atomic_load(&call->ended_ns))
			call->verdict = call->class == LOAD_MAKE_KEY ? judge_key(load->bed, call) : judge_call(judge, call);
	}
	judge_free(judge);
	return judge != NULL;
}

static json_int_t since(uint64_t ns, uint64_t begin_ns)
{
	return ((json_int_t)ns - (json_int_t)begin_ns) / 1000;
}

json_t *load_json(const struct load *load, uint64_t begin_ns)
{
	json_t *calls = json_array();

	for (size_t i = 0; i < load->n; i++) {
		const struct load_call *call = &load->calls[i];
		uint64_t ended = atomic_load(&call->ended_ns);
		bool waited = call->taken_ns < call->due_ns;
		json_t *row = json_pack("[i,I,o,I,i,I]", (int)call->class, since(waited ? call->begun_ns : call->due_ns, begin_ns),
		                        ended ? json_integer(since(ended, begin_ns)) : json_null(),
		                        ended ? (json_int_t)call->rv : 0, (int)call->verdict,
		                        waited ? since(call->begun_ns, call->due_ns) : 0);
		if (json_array_append_new(calls, row))
			return json_decref(calls), NULL;
	}
	return calls;
}

void load_clear(struct load *load)
{
	free(load->calls);
	*load = (struct load){0};
}
