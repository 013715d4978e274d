/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lab/net.h"

#include "hufu/mechanisms.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64
#define SAMPLES_MAX 400000
#define WARM_NS (50 * NS_PER_MS)
#define ROUNDS 3 /* of which the middle one counts */
#define DOMAIN "machines"

static const unsigned windows[] = {1, 8, 64};
static const unsigned threads[] = {1, 2, 4, 8, 16, 32};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* -- pools: over the machine, and over a soft device of this process's ------------------------- */

static void say(void *arg, const char *message)
{
	(void)arg;
	lab_fail("%s", message);
}

static struct conf *configure(const struct net_place *place, bool wire)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct conf *conf = NULL;

	if (!f)
		return NULL;
	fprintf(f, "log { to = stderr level = warning }\ntoken \"lab\" { store = \"sqlite:/nowhere\" devices = { d } }\n");
	if (wire)
		fprintf(f, "device d { driver = net domain = " DOMAIN " address = \"%s\" tenant = \"%s\" ca = \"%s\" cert = \"%s\" key = \"%s\" "
		           "connections = 1 }\n", place->address, place->token, place->ca, place->cert, place->key);
	else
		fputs("device d { driver = soft domain = " DOMAIN " }\n", f);
	if (fclose(f) == 0 && conf_parse(text, "lab", say, NULL, &conf) != HUFU_OK)
		conf = NULL;
	free(text);
	return conf;
}

/* The same scalar in both. */
static bool import_key(struct net_key *k)
{
	static const uint8_t uuid[16] = {1};
	uint8_t scalar[32] = "a scalar of the lab; all know it", pub[HUFU_PUB_MAX];
	struct pool_request req = {.domain = DOMAIN,
	                           .op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM2_PRIVATE, .in = scalar, .in_len = sizeof scalar,
	                                  .out = k->copy, .out_cap = sizeof k->copy, .pub = pub, .copy_kind = HUFU_COPY_BLOB}};
	enum hufu_err err = pool_run(k->pool, &req);

	if (err != HUFU_OK)
		return lab_fail("the key could not be taken in: %s", err_text(err));
	k->copy_len = req.op.out_len;
	memcpy(k->point, pub, sizeof k->point);
	const struct pool_copy copy = {HUFU_COPY_BLOB, DOMAIN, k->copy, k->copy_len};
	return pool_key_new(k->pool, uuid, 1, HUFU_KEY_SM2_PRIVATE, &copy, 1, &k->key) == HUFU_OK &&
	       pool_key_set_point(k->key, k->point) == HUFU_OK;
}

/* The configuration is looked at as long as the pool lives: to the end of the process. */
static bool make_key(const struct net_place *place, bool wire, struct net_key *k)
{
	struct conf *conf = configure(place, wire);

	return (conf && pool_new(conf, &conf->tokens[0], &k->pool) == HUFU_OK && import_key(k)) || lab_fail("no pool to be had");
}

/* -- threads: each calls again at once ------------------------------------------------------------ */

struct caller {
	pthread_t thread;
	const struct net_key *key;
	enum net_op op;
	struct net_samples *samples;
	enum hufu_err err;
};

static enum hufu_err call(const struct net_key *key, enum net_op op)
{
	static const uint8_t e[32] = "the digest of some message, say";
	uint8_t out[64];
	struct pool_request req = {.op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = NET_RANDOM_LEN, .repeatable = true}};

	if (op == NET_SIGN) {
		req.key = key->key;
		req.op.verb = HUFU_VERB_SIGN;
		req.op.out_cap = sizeof out;
		req.op.mechanism = CKM_HUFU_SM2;
		req.op.in = e;
		req.op.in_len = sizeof e;
	}
	return pool_run(key->pool, &req);
}

static void *keep_calling(void *arg)
{
	struct caller *c = arg;
	uint64_t now = clock_now_ns();

	while ((now < c->samples->to_ns || !c->samples->done) && c->err == HUFU_OK) {
		const uint64_t begun = now;
		c->err = call(c->key, c->op);
		now = clock_now_ns();
		samples_add(c->samples, begun, now);
	}
	return NULL;
}

static json_t *run_threads(const struct net_place *place, const struct net_key *key, enum net_op op, unsigned n)
{
	struct caller callers[THREADS_MAX];
	struct net_samples samples[THREADS_MAX];
	const uint64_t from = clock_now_ns() + WARM_NS;
	enum hufu_err err = HUFU_OK;

	for (unsigned i = 0; i < n; i++)
		if (!samples_make(&samples[i], from, from + place->ns, SAMPLES_MAX / n))
			return NULL;
	const struct net_cost before = cost_now(place->pid);
	for (unsigned i = 0; i < n; i++) {
		callers[i] = (struct caller){.key = key, .op = op, .samples = &samples[i]};
		if (pthread_create(&callers[i].thread, NULL, keep_calling, &callers[i]))
			return lab_fail("no thread"), NULL;
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(callers[i].thread, NULL);
		err = callers[i].err ? callers[i].err : err;
	}
	const struct net_cost after = cost_now(place->pid);
	if (err != HUFU_OK)
		return lab_fail("%s: %s", net_op_names[op], err_text(err)), NULL;
	return samples_report(samples, n, &before, &after);
}

/* -- a window on one connection --------------------------------------------------------------------- */

static json_t *run_window(const struct net_place *place, struct net_remote *remote, const struct net_key *key, enum net_op op, unsigned window)
{
	struct net_samples samples, warm;
	const uint64_t from = clock_now_ns() + WARM_NS;

	if (!samples_make(&warm, from - WARM_NS, from, 1))
		return NULL;
	bool good = remote_run(remote, key, op, window, &warm);
	free(warm.ns);
	const uint64_t now = clock_now_ns();
	if (!good || !samples_make(&samples, now, now + place->ns, SAMPLES_MAX))
		return NULL;
	const struct net_cost before = cost_now(place->pid);
	good = remote_run(remote, key, op, window, &samples);
	const struct net_cost after = cost_now(place->pid);
	return good ? samples_report(&samples, 1, &before, &after) : NULL;
}

/* -- all of it ------------------------------------------------------------------------------------------- */

struct bench {
	struct net_place place;
	struct net_key wire, here;
	struct net_remote *remote;
};

enum way { WINDOW, THREADS, HERE };

static json_t *run_once(struct bench *b, enum way way, enum net_op op, unsigned n)
{
	switch (way) {
	case WINDOW:
		return run_window(&b->place, b->remote, &b->wire, op, n);
	case THREADS:
		return run_threads(&b->place, &b->wire, op, n);
	case HERE:
		break;
	}
	return run_threads(&b->place, &b->here, op, n);
}

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of each figure by itself; what else the host does strikes rates and times at different rounds. Takes the rounds. */
static json_t *medians(json_t *rounds[ROUNDS])
{
	json_t *doc = json_object(), *value;
	const char *key;

	json_object_foreach(rounds[0], key, value) {
		double figures[ROUNDS];
		for (int i = 0; i < ROUNDS; i++)
			figures[i] = json_real_value(json_object_get(rounds[i], key));
		qsort(figures, ROUNDS, sizeof *figures, by_size);
		json_object_set_new(doc, key, json_real(figures[ROUNDS / 2]));
	}
	for (int i = 0; i < ROUNDS; i++)
		json_decref(rounds[i]);
	return doc;
}

/* The wire and what is without it take turns, so that what else the machine does befalls both. */
static json_t *run_pair(struct bench *b, enum way way, enum net_op op, unsigned n)
{
	json_t *wire[ROUNDS], *here[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		wire[i] = run_once(b, way, op, n);
		here[i] = run_once(b, HERE, op, n);
		if (!wire[i] || !here[i])
			return lab_fail("%s, %u %s: could not be measured", net_op_names[op], n, way == WINDOW ? "in flight" : "threads"), NULL;
	}
	json_t *far = medians(wire), *near = medians(here);
	return json_pack("{s:s,s:i,s:f,s:o,s:o}", "op", net_op_names[op], way == WINDOW ? "in_flight" : "threads", (int)n, "ratio",
	                 json_real_value(json_object_get(far, "per_s")) / json_real_value(json_object_get(near, "per_s")), "wire", far,
	                 "in_process", near);
}

static json_t *run_all(struct bench *b, enum way way, const unsigned *numbers, size_t n)
{
	json_t *list = json_array();

	for (int op = 0; op < NET_OPS; op++)
		for (size_t i = 0; i < n; i++)
			if (json_array_append_new(list, run_pair(b, way, (enum net_op)op, numbers[i])))
				return NULL;
	return list;
}

static bool open_remote(struct bench *b)
{
	struct channel_context *context = remote_context(&b->place);

	b->remote = context ? remote_open(&b->place, context) : NULL;
	channel_context_free(context);
	return b->remote;
}

json_t *lab_net(const struct lab_args *args)
{
	struct bench b = {.place = {.address = lab_text(args, "address", ""), .ca = lab_text(args, "ca", ""), .cert = lab_text(args, "cert", ""),
	                            .key = lab_text(args, "key", ""), .token = lab_text(args, "token", ""),
	                            .pid = (pid_t)lab_number(args, "pid", 1, 4194304, 1),
	                            .ns = lab_number(args, "ms", 10, 60000, 200) * NS_PER_MS}};
	const unsigned connections = (unsigned)lab_number(args, "connections", 1, 100000, 10000);
	size_t request, answer;

	if (!make_key(&b.place, true, &b.wire) || !make_key(&b.place, false, &b.here) || !open_remote(&b))
		return NULL;
	json_t *in_flight = run_all(&b, WINDOW, windows, COUNT(windows)), *callers = run_all(&b, THREADS, threads, COUNT(threads));
	remote_frames(b.remote, &request, &answer);
	remote_close(b.remote);
	json_t *handshakes = net_handshakes(&b.place), *idle = net_idle(&b.place, connections);
	if (!in_flight || !callers || !handshakes || !idle)
		return NULL;
	return json_pack("{s:o,s:o,s:o,s:o,s:i,s:i}", "in_flight", in_flight, "threads", callers, "handshakes", handshakes, "idle", idle,
	                 "request_bytes", (int)request, "answer_bytes", (int)answer);
}
