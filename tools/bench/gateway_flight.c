/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As an event loop of one thread does it: what waits for a device is left alone
 * until its descriptor is readable, and the others go on.
 */
#include "base/clock.h"
#include "tools/bench/gateway.h"
#include "tools/report.h"

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_LEN 130         /* what CertificateVerify of TLS 1.3 signs: RFC 8446 4.4.3, with SHA-256 */
#define SIGNATURE_MAX 512
#define PIPE_LEN (32u << 10)    /* more than any flight of a handshake */
#define TURNS_MAX 16            /* of the two ends; a handshake has five */
#define PATIENCE_MS 60000       /* for descriptors, which only a real failure reaches */

const char *const gateway_work_names[GATEWAY_WORKS] = {"sign", "tls1.3", "tls1.2"};

enum step { DONE, PAUSED, FAILED };

struct seat {
	const struct gateway_task *task;
	bool paused;
	/* a signature */
	ASYNC_WAIT_CTX *wait;
	ASYNC_JOB *job;
	/* a handshake */
	SSL *server, *client;
	uint64_t busy_ns;               /* the server's end */
};

/* Of this thread alone: what it is on a busy machine, too. */
static uint64_t busy_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* -- signatures ---------------------------------------------------------------------------- */

static const char *digest_of(enum gateway_key key)
{
	return key == GATEWAY_ED25519 ? NULL : key == GATEWAY_SM2 ? "SM3" : "SHA256";
}

/* GB/T 35276: the signer's identifier where no other was agreed on. */
static bool set_id(EVP_PKEY_CTX *ctx)
{
	static char id[] = "1234567812345678";
	const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID, id, sizeof id - 1), OSSL_PARAM_construct_end()};

	return EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

/* As libssl signs: a context of its own each time. */
static bool sign(const struct gateway_task *task)
{
	static const unsigned char message[MESSAGE_LEN];
	const struct gateway_place *place = task->place;
	unsigned char sig[SIGNATURE_MAX];
	size_t len = sizeof sig;
	EVP_PKEY_CTX *inner;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const bool good =
		ctx &&
		EVP_DigestSignInit_ex(ctx, &inner, digest_of(task->key), task->device == GATEWAY_FILE ? place->plain : place->ossl.context, NULL,
	                              place->keys[task->device][task->key], NULL) == 1 &&
		(task->key != GATEWAY_SM2 || set_id(inner)) && EVP_DigestSign(ctx, sig, &len, message, sizeof message) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static int sign_job(void *arg)
{
	const struct gateway_task *const *task = arg;

	return sign(*task);
}

static enum step step_signature(struct seat *seat)
{
	int good = 0;

	if (seat->task->jobs == 0)
		return sign(seat->task) ? DONE : FAILED;
	switch (ASYNC_start_job(&seat->job, seat->wait, &good, sign_job, &seat->task, sizeof seat->task)) {
	case ASYNC_PAUSE:
		return PAUSED;
	case ASYNC_FINISH:
		return good ? DONE : FAILED;
	default:
		return FAILED;
	}
}

static enum step step_kernel(const struct gateway_task *task)
{
	static const struct bench_cell cell = {.op = BENCH_SM2_SIGN, .name = "sm2-sign", .threads = 1};
	uint64_t aside_ns = 0;

	return bench_kernel.run(task->place->kernel, &cell, 1, &aside_ns) ? DONE : FAILED;
}

/* -- handshakes ------------------------------------------------------------------------------ */

static bool connect_ends(struct seat *seat)
{
	BIO *left = NULL, *right = NULL;

	if (!BIO_new_bio_pair(&left, PIPE_LEN, &right, PIPE_LEN))
		return false;
	SSL_set_bio(seat->server, left, left);
	SSL_set_bio(seat->client, right, right);
	SSL_set_accept_state(seat->server);
	SSL_set_connect_state(seat->client);
	return true;
}

static bool begin_handshake(struct seat *seat)
{
	const struct gateway_task *task = seat->task;
	const int version = task->work == GATEWAY_TLS13 ? TLS1_3_VERSION : TLS1_2_VERSION;
	const uint64_t from_ns = busy_now_ns();

	seat->server = SSL_new(task->place->servers[task->device][task->key]);
	if (seat->server && task->jobs)
		SSL_set_mode(seat->server, SSL_MODE_ASYNC);
	seat->busy_ns += busy_now_ns() - from_ns;
	seat->client = SSL_new(task->place->client);
	return seat->server && seat->client && SSL_set_min_proto_version(seat->client, version) &&
	       SSL_set_max_proto_version(seat->client, version) && connect_ends(seat);
}

static void end_handshake(struct seat *seat)
{
	const uint64_t from_ns = busy_now_ns();

	SSL_free(seat->server);
	seat->busy_ns += busy_now_ns() - from_ns;
	SSL_free(seat->client);
	seat->server = seat->client = NULL;
}

/* Does it want more from the other end? */
static bool turn(SSL *end, bool *finished)
{
	const int rc = SSL_do_handshake(end);

	*finished = rc == 1;
	return *finished || SSL_get_error(end, rc) == SSL_ERROR_WANT_READ;
}

static bool turn_server(struct seat *seat, bool *finished)
{
	const uint64_t from_ns = busy_now_ns();
	const bool good = turn(seat->server, finished);

	seat->busy_ns += busy_now_ns() - from_ns;
	return good;
}

static enum step step_handshake(struct seat *seat)
{
	bool server = false, client = false, resumed = seat->paused;

	if (!seat->server && !begin_handshake(seat))
		return FAILED;
	for (int i = 0; i < TURNS_MAX && !(server && client); i++) {
		if (!resumed && !turn(seat->client, &client))
			return FAILED;
		resumed = false;
		if (!turn_server(seat, &server))
			return SSL_waiting_for_async(seat->server) ? PAUSED : FAILED;
	}
	if (!server || !client)
		return FAILED;
	end_handshake(seat);
	return DONE;
}

/* -- in flight ------------------------------------------------------------------------------- */

static enum step step(struct seat *seat)
{
	const enum step step = seat->task->device == GATEWAY_KERNEL       ? step_kernel(seat->task)
	                       : seat->task->work == GATEWAY_SIGN ? step_signature(seat)
	                                                          : step_handshake(seat);

	seat->paused = step == PAUSED;
	return step;
}

static bool descriptor(struct seat *seat, int *fd)
{
	size_t n = 0;

	if (seat->server)
		return SSL_get_all_async_fds(seat->server, NULL, &n) && n == 1 && SSL_get_all_async_fds(seat->server, fd, &n);
	return ASYNC_WAIT_CTX_get_all_fds(seat->wait, NULL, &n) && n == 1 && ASYNC_WAIT_CTX_get_all_fds(seat->wait, fd, &n);
}

struct flight {
	const struct gateway_task *task;
	unsigned n, paused;
	struct seat seats[GATEWAY_JOBS_MAX];
	bool ready[GATEWAY_JOBS_MAX];
	uint64_t done, from_ns, last_ns; /* from_ns 0: not all have come round once: nothing is counted */
	uint64_t busy_from_ns;
};

/* Which of those that wait can go on. idle: there is nothing else to do than to wait for one. */
static bool look(struct flight *f, bool idle)
{
	struct pollfd fds[GATEWAY_JOBS_MAX];
	nfds_t n = 0;

	memset(f->ready, 0, sizeof f->ready);
	if (f->paused == 0)
		return true;
	for (unsigned i = 0; i < f->n; i++)
		if (f->seats[i].paused) {
			fds[n].events = POLLIN;
			if (!descriptor(&f->seats[i], &fds[n++].fd))
				return false;
		}
	if (poll(fds, n, idle ? PATIENCE_MS : 0) <= 0 && idle)
		return false;
	n = 0;
	for (unsigned i = 0; i < f->n; i++)
		f->ready[i] = f->seats[i].paused && fds[n++].revents;
	return true;
}

static void count(struct flight *f)
{
	f->done++;
	f->last_ns = clock_now_ns();
	if (f->from_ns || f->done < f->n)
		return;
	f->from_ns = f->last_ns;
	f->busy_from_ns = busy_now_ns();
	f->done = 0;
	for (unsigned i = 0; i < f->n; i++)
		f->seats[i].busy_ns = 0;
}

/* Each that can, one step. again: what is done begins anew. */
static bool advance(struct flight *f, bool again)
{
	if (!look(f, !again || f->paused == f->n))
		return false;
	for (unsigned i = 0; i < f->n; i++) {
		struct seat *seat = &f->seats[i];
		const bool was_paused = seat->paused;
		if (was_paused ? !f->ready[i] : !again)
			continue;
		const enum step now = step(seat);
		if (now == FAILED)
			return false;
		f->paused += seat->paused;
		f->paused -= was_paused;
		if (now == DONE && again)
			count(f);
	}
	return true;
}

static bool keep(struct flight *f, uint64_t target_ns)
{
	while (!f->from_ns || f->last_ns < f->from_ns + target_ns || f->done < f->n)
		if (!advance(f, true))
			return false;
	return true;
}

/* What still waits comes to its end: nothing may be given up in a pause. */
static bool land(struct flight *f)
{
	while (f->paused)
		if (!advance(f, false))
			return false;
	return true;
}

static bool take_off(struct flight *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		f->seats[i].task = f->task;
		f->seats[i].wait = ASYNC_WAIT_CTX_new();
		if (!f->seats[i].wait)
			return false;
	}
	return true;
}

static struct gateway_rate rate_of(const struct flight *f)
{
	uint64_t busy_ns = f->task->work == GATEWAY_SIGN ? busy_now_ns() - f->busy_from_ns : 0;

	for (unsigned i = 0; i < f->n; i++)
		busy_ns += f->seats[i].busy_ns;
	return (struct gateway_rate){(double)f->done * 1e9 / (double)(f->last_ns - f->from_ns), (double)busy_ns / 1e3 / (double)f->done};
}

struct gateway_rate gateway_fly(const struct gateway_task *task, uint64_t target_ns)
{
	struct gateway_rate rate = {0};
	struct flight *f = calloc(1, sizeof *f);

	if (!f)
		return rate;
	f->task = task;
	f->n = task->jobs ? task->jobs : 1;
	ERR_clear_error();
	bool good = take_off(f) && keep(f, target_ns);
	if (good)
		rate = rate_of(f);
	good = good && land(f);
	for (unsigned i = 0; i < f->n; i++) {
		SSL_free(f->seats[i].server);
		SSL_free(f->seats[i].client);
		ASYNC_WAIT_CTX_free(f->seats[i].wait);
	}
	free(f);
	if (good)
		return rate;
	(void)ossl_fail(ST_UNAVAILABLE, NULL, "%s with the %s key of %s", gateway_work_names[task->work], gateway_key_names[task->key],
	                gateway_device_names[task->device]);
	return (struct gateway_rate){0};
}
