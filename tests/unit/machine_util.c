/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_util.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_CAP (1u << 20)
#define NEED(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); abort(); } } while (0)

static int fill_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	return RAND_bytes(out, (int)len) == 1 ? 0 : -1;
}
static const struct sm2_random random_source = {.fill = fill_random};

static bool wait_for(struct served *s, enum channel_want want)
{
	struct pollfd p = {.fd = channel_fd(s->channel), .events = want == CHANNEL_READ ? POLLIN : POLLOUT};

	return poll(&p, 1, MACHINE_WAIT_MS) > 0;
}

/* -- bytes ------------------------------------------------------------------------------ */

static bool receive(struct served *s)
{
	for (;;) {
		enum channel_want want;
		size_t n = 0;
		if (s->in_at > 0) {
			memmove(s->in, s->in + s->in_at, s->in_len - s->in_at);
			s->in_len -= s->in_at;
			s->in_at = 0;
		}
		NEED(s->in_len < IN_CAP);
		if (channel_read(s->channel, s->in + s->in_len, IN_CAP - s->in_len, &n, &want) != HUFU_OK || (n == 0 && want == CHANNEL_READY))
			return false;
		s->in_len += n;
		s->reads += n > 0;
		if (n > 0)
			return true;
		if (!wait_for(s, CHANNEL_READ))
			return false;
	}
}

bool served_take(struct served *s, struct wire_header *header, const uint8_t **body)
{
	while (s->in_len - s->in_at < WIRE_HEADER_LEN)
		if (!receive(s))
			return false;
	NEED(wire_header_get(s->in + s->in_at, IN_CAP / 2, header) == HUFU_OK);
	while (s->in_len - s->in_at < WIRE_HEADER_LEN + header->body_len)
		if (!receive(s))
			return false;
	*body = s->in + s->in_at + WIRE_HEADER_LEN;
	s->in_at += WIRE_HEADER_LEN + header->body_len;
	return true;
}

bool served_take_type(struct served *s, enum wire_type type, struct wire_header *header, const uint8_t **body)
{
	while (served_take(s, header, body)) {
		if (header->type == (uint8_t)type)
			return true;
		if (header->type == WIRE_PING && !served_frame(s, WIRE_PONG, header->id, NULL, 0))
			return false;
	}
	return false;
}

bool served_send(struct served *s, const void *data, size_t len)
{
	while (len > 0) {
		enum channel_want want;
		size_t n;
		if (channel_write(s->channel, data, len, &n, &want) != HUFU_OK || (n == 0 && !wait_for(s, want)))
			return false;
		data = (const uint8_t *)data + n;
		len -= n;
	}
	return true;
}

bool served_frame(struct served *s, enum wire_type type, uint64_t id, const void *body, size_t len)
{
	const struct wire_header header = {.type = (uint8_t)type, .id = id, .body_len = (uint32_t)len};
	uint8_t *frame = malloc(WIRE_HEADER_LEN + len);

	NEED(frame);
	wire_header_put(&header, frame);
	if (len)
		memcpy(frame + WIRE_HEADER_LEN, body, len);
	const bool sent = served_send(s, frame, WIRE_HEADER_LEN + len);
	free(frame);
	return sent;
}

bool served_put(struct served *s, struct writer *out)
{
	const bool sent = served_send(s, out->data, out->len);

	writer_clear(out);
	return sent;
}

void serve_echo(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take_type(s, WIRE_REQUEST, &header, &body))
		if (!served_frame(s, WIRE_REPLY, header.id, body, header.body_len))
			return;
}

void serve_mute(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take_type(s, WIRE_GOAWAY, &header, &body))
		;
}

/* -- the machine ------------------------------------------------------------------------- */

static bool greet(struct served *s)
{
	struct machine *m = s->machine;
	struct wire_hello_ok ok = {.version = WIRE_VERSION, .max_body = WIRE_BODY_DEFAULT, .window = m->window ? m->window : 256,
	                           .start = m->start, .machine = "scripted"};
	struct wire_header header;
	struct writer out;
	const uint8_t *body;
	uint8_t e[32];

	if (!served_take(s, &header, &body))
		return false;
	NEED(header.type == WIRE_HELLO && wire_hello_get(body, header.body_len, &s->hello) == HUFU_OK);
	memcpy(ok.token, s->hello.token, sizeof(ok.token));
	RAND_bytes(ok.nonce, sizeof(ok.nonce));
	memcpy(ok.domain_point, m->key.point, sizeof(ok.domain_point));
	wire_domain_digest(channel_peer(s->channel)->binding, &s->hello, &ok, e);
	NEED(sm2_sign(&m->key, e, &random_source, ok.domain_proof) == SM2_OK);
	if (m->greet && !m->greet(s, &ok))
		return false;
	writer_init(&out, false);
	NEED(wire_hello_ok_put(&out, &ok) == HUFU_OK);
	return served_put(s, &out);
}

static bool shake(struct served *s)
{
	enum channel_want want = CHANNEL_READ;

	while (channel_handshake(s->channel, &want) == HUFU_OK)
		if (want == CHANNEL_READY || !wait_for(s, want))
			return want == CHANNEL_READY;
	return false;
}

static void *serve_one(void *arg)
{
	struct served *s = arg;

	s->in = malloc(IN_CAP);
	NEED(s->in);
	if (shake(s) && greet(s))
		s->machine->serve(s);
	channel_free(s->channel);
	free(s->in);
	atomic_fetch_sub(&s->machine->running, 1);
	free(s);
	return NULL;
}

static void begin(struct machine *m, int fd)
{
	struct served *s = calloc(1, sizeof(*s));
	pthread_t thread;

	NEED(s);
	channel_tune(fd);
	s->machine = m;
	s->nth = atomic_fetch_add(&m->accepted, 1);
	NEED(channel_new(m->context, fd, NULL, NULL, &s->channel) == HUFU_OK);
	atomic_fetch_add(&m->running, 1);
	NEED(pthread_create(&thread, NULL, serve_one, s) == 0);
	pthread_detach(thread);
}

static void *accept_all(void *arg)
{
	struct machine *m = arg;
	struct pollfd p = {.fd = m->listener, .events = POLLIN};

	while (!atomic_load(&m->stop)) {
		if (poll(&p, 1, 20) <= 0)
			continue;
		const int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			begin(m, fd);
	}
	return NULL;
}

static void name_port(struct machine *m)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	NEED(getsockname(m->listener, (struct sockaddr *)&in, &len) == 0);
	snprintf(m->address, sizeof(m->address), "127.0.0.1:%u", ntohs(in.sin_port));
}

void machine_start(struct machine *m, struct channel_context *context)
{
	char why[200];
	uint8_t d[SM2_SCALAR_LEN], point[SM2_POINT_LEN];

	m->context = context;
	snprintf(m->dir, sizeof(m->dir), "/tmp/hufu-machine.XXXXXX");
	NEED(mkdtemp(m->dir));
	if (context)
		snprintf(m->address, sizeof(m->address), "127.0.0.1:0");
	else
		snprintf(m->address, sizeof(m->address), "unix:%s/socket", m->dir);
	NEED(channel_listen(m->address, &m->listener, why, sizeof(why)) == HUFU_OK);
	if (context)
		name_port(m);
	RAND_bytes((uint8_t *)&m->start, sizeof(m->start));
	NEED(sm2_generate(&random_source, d, point) == SM2_OK && sm2_private_init(&m->key, d) == SM2_OK);
	NEED(pthread_create(&m->thread, NULL, accept_all, m) == 0);
}

void machine_deafen(struct machine *m)
{
	if (atomic_exchange(&m->stop, true))
		return;
	pthread_join(m->thread, NULL);
	close(m->listener);
}

void machine_stop(struct machine *m)
{
	machine_deafen(m);
	for (int i = 0; atomic_load(&m->running) > 0; i++) {
		NEED(i < MACHINE_WAIT_MS);
		usleep(1000);
	}
	if (!m->context)
		(void)unlink(m->address + strlen("unix:"));
	(void)rmdir(m->dir);
}
