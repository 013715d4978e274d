/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS server in one thread that keeps many handshakes in flight: while a card or a
 * machine signs for one connection, it goes on with the others. Tried with OpenSSL 3.0 of Debian 12.
 *
 *	cc -o server server.c -lssl -lcrypto
 *	OPENSSL_CONF=/etc/hufu/openssl.cnf ./server 8443 rsa.crt "pkcs11:token=gateway;object=rsa;type=private" ...
 *
 * More pairs of certificate and key may follow; libssl takes the one that suits the client. It answers every request with the
 * number of handshakes that were waiting for their keys just then, and ends on SIGTERM when its last connection has ended.
 *
 * With SSL_MODE_ASYNC libssl runs each handshake in a job. Where the provider has to wait for a device, the job pauses, and libssl
 * answers SSL_ERROR_WANT_ASYNC: the connection then waits for the job's descriptor and not for its socket. With
 * software keys, or in a server without that mode, the same code never sees it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include <errno.h>
#include <netinet/in.h>
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 256
#define ASYNC_FDS_MAX 8
#define REQUEST_MAX 4096

struct connection {
	struct server *server;
	int fd;
	SSL *ssl;
	int (*step)(struct connection *);   /* what it is doing: > 0 when that is done; NULL: nothing any more */
	bool in_job;                        /* paused: its socket is not watched */
	uint32_t events;                    /* for which its socket is */
	size_t len;
	char request[REQUEST_MAX], answer[128];
	struct connection *next_over;
};

struct server {
	SSL_CTX *tls;
	int epoll, listener;
	size_t connections, in_jobs, most_in_jobs, served, failed;
	struct connection *over;            /* freed after the events of a round, which may still name them */
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "server: %s: %s\n", what, errno ? strerror(errno) : "failed");
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* -- what a connection waits for ---------------------------------------------------------------- */

static void watch(struct connection *c, int op, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = c};

	if (epoll_ctl(c->server->epoll, op, fd, &event))
		die("epoll_ctl");
}

/* 0: for nothing, not even for its end, which epoll reports unasked. */
static void watch_socket(struct connection *c, uint32_t events)
{
	if (c->events == events)
		return;
	watch(c, c->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, c->fd, events);
	c->events = events;
}

/*
 * The descriptors of its job: those that came since it was last paused, and those that went. Only a paused job is asked: one that
 * went on without a pause has the same changes to tell at each call. What nobody waits for any more stays, and is not readable.
 */
static void watch_job(struct connection *c)
{
	OSSL_ASYNC_FD added[ASYNC_FDS_MAX], gone[ASYNC_FDS_MAX];
	size_t nadded = 0, ngone = 0;

	if (!SSL_get_changed_async_fds(c->ssl, NULL, &nadded, NULL, &ngone) || nadded > ASYNC_FDS_MAX || ngone > ASYNC_FDS_MAX ||
	    !SSL_get_changed_async_fds(c->ssl, added, &nadded, gone, &ngone))
		die("the descriptors of a job");
	for (size_t i = 0; i < ngone; i++)
		epoll_ctl(c->server->epoll, EPOLL_CTL_DEL, gone[i], NULL); /* it may be closed, and so be gone from there, too */
	for (size_t i = 0; i < nadded; i++)
		watch(c, EPOLL_CTL_ADD, added[i], EPOLLIN);
}

static void set_in_job(struct connection *c, bool in_job)
{
	struct server *s = c->server;

	if (c->in_job == in_job)
		return;
	c->in_job = in_job;
	s->in_jobs += in_job ? 1 : (size_t)-1;
	if (s->in_jobs > s->most_in_jobs)
		s->most_in_jobs = s->in_jobs;
}

/* -- what a connection does ------------------------------------------------------------------------ */

static int bid_farewell(struct connection *c)
{
	int result = SSL_shutdown(c->ssl);

	c->step = NULL;
	return result < 0 ? result : 1; /* our own half is enough */
}

static int answer(struct connection *c)
{
	int result = SSL_write(c->ssl, c->answer, (int)strlen(c->answer));

	if (result > 0)
		c->step = bid_farewell;
	return result;
}

/* Up to the empty line, of which only the end is looked at. */
static int receive(struct connection *c)
{
	int result = SSL_read(c->ssl, c->request + c->len, (int)(sizeof c->request - 1 - c->len));

	if (result <= 0)
		return result;
	c->len += (size_t)result;
	c->request[c->len] = '\0';
	if (strstr(c->request, "\r\n\r\n") || c->len == sizeof c->request - 1) {
		snprintf(c->answer, sizeof c->answer, "HTTP/1.0 200 OK\r\n\r\nworker server, %zu in jobs\n", c->server->in_jobs);
		c->step = answer;
	}
	return result;
}

static int shake_hands(struct connection *c)
{
	int result = SSL_accept(c->ssl);

	if (result > 0)
		c->step = receive;
	return result;
}

static void end(struct connection *c, bool well)
{
	struct server *s = c->server;

	if (!well) {
		s->failed++;
		ERR_print_errors_fp(stderr);
	} else {
		s->served++;
	}
	set_in_job(c, false);
	watch_socket(c, 0);
	c->step = NULL;
	c->next_over = s->over;
	s->over = c;
}

/* Goes as far as it can, and says what it waits for. */
static void advance(struct connection *c)
{
	int result = 1;

	ERR_clear_error();
	while (c->step && (result = c->step(c)) > 0)
		;
	int why = result > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, result);
	set_in_job(c, why == SSL_ERROR_WANT_ASYNC);
	switch (why) {
	case SSL_ERROR_WANT_ASYNC: watch_job(c), watch_socket(c, 0); break;
	case SSL_ERROR_WANT_READ: watch_socket(c, EPOLLIN); break;
	case SSL_ERROR_WANT_WRITE: watch_socket(c, EPOLLOUT); break;
	case SSL_ERROR_NONE: end(c, true); break;
	default: end(c, false);
	}
}

/* -- connections come and go ---------------------------------------------------------------------- */

static void welcome(struct server *s, int fd)
{
	struct connection *c = calloc(1, sizeof *c);

	if (c)
		c->ssl = SSL_new(s->tls);
	if (!c || !c->ssl || !SSL_set_fd(c->ssl, fd)) {
		SSL_free(c ? c->ssl : NULL);
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->step = shake_hands;
	s->connections++;
	advance(c);
}

static void welcome_all(struct server *s)
{
	int fd;

	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		welcome(s, fd);
}

static void free_over(struct server *s)
{
	while (s->over) {
		struct connection *c = s->over;
		s->over = c->next_over;
		SSL_free(c->ssl);
		close(c->fd);
		free(c);
		s->connections--;
	}
}

/* Until it is told to end, and has no connection left. */
static void serve(struct server *s)
{
	struct epoll_event events[EVENTS_MAX], listening = {.events = EPOLLIN};
	sigset_t none;

	sigemptyset(&none);
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &listening))
		die("epoll_ctl");
	while (!stopped || s->connections) {
		if (stopped && s->listener >= 0) {
			close(s->listener);
			s->listener = -1;
		}
		int n = epoll_pwait(s->epoll, events, EVENTS_MAX, -1, &none); /* signals come here and nowhere else */
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (!c)
				welcome_all(s);
			else if (c->step)
				advance(c);
		}
		free_over(s);
	}
}

/* -- the beginning ---------------------------------------------------------------------------------- */

/* By URI or file: what finds a key of a token is the provider that openssl.cnf names. */
static EVP_PKEY *private_key(const char *uri)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
	OSSL_STORE_INFO *info = NULL;
	EVP_PKEY *key = NULL;

	if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
		while (!info && !OSSL_STORE_eof(store))
			info = OSSL_STORE_load(store);
	if (info)
		key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(store);
	return key;
}

static SSL_CTX *tls_new(char **pairs)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION))
		die("libssl");
	SSL_CTX_set_mode(tls, SSL_MODE_ASYNC);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	for (; pairs[0] && pairs[1]; pairs += 2) {
		EVP_PKEY *key = private_key(pairs[1]);
		if (!key || SSL_CTX_use_certificate_chain_file(tls, pairs[0]) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
			die(pairs[1]);
		EVP_PKEY_free(key);
	}
	return tls;
}

static int listen_at(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, (struct sockaddr *)&at, sizeof at) ||
	    listen(fd, SOMAXCONN))
		die("listening");
	return fd;
}

static void await_signals(void)
{
	struct sigaction action = {.sa_handler = stop};
	sigset_t mask;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) || sigaction(SIGTERM, &action, NULL) || sigaction(SIGINT, &action, NULL))
		die("signals");
}

int main(int argc, char **argv)
{
	struct server s = {.epoll = epoll_create1(EPOLL_CLOEXEC)};

	if (argc < 4 || argc % 2) {
		fputs("usage: server PORT CERTIFICATE KEY [CERTIFICATE KEY]...\n", stderr);
		return 2;
	}
	await_signals();
	s.tls = tls_new(argv + 2);
	s.listener = listen_at(argv[1]);
	serve(&s);
	printf("served %zu, failed %zu, at most %zu in jobs at once\n", s.served, s.failed, s.most_in_jobs);
	close(s.epoll);
	SSL_CTX_free(s.tls);
	return 0;
}
