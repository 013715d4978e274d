/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes as openssl s_time makes them, without anything of hufu's client; and many connections that do nothing. */
#include "tools/lab/net.h"

#include "crypto/context.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SPARE_FDS 64
#define SETTLE_NS (200 * NS_PER_MS)
#define WAIT_MS 10000

/* -- handshakes -------------------------------------------------------------------------- */

struct timing {
	const struct net_place *place;
	SSL_CTX *context;
	SSL_SESSION *session;       /* the last one that the machine gave */
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct timing *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(t->session);
	t->session = session;
	return 1; /* ours now */
}

static bool make_context(struct timing *t)
{
	const struct net_place *p = t->place;

	t->context = SSL_CTX_new_ex(libcrypto_context(), NULL, TLS_client_method());
	if (!t->context || !SSL_CTX_load_verify_file(t->context, p->ca) || SSL_CTX_use_certificate_chain_file(t->context, p->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(t->context, p->key, SSL_FILETYPE_PEM) != 1)
		return lab_fail("libssl does not take %s", p->cert);
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_app_data(t->context, t);
	SSL_CTX_sess_set_new_cb(t->context, keep_session);
	return true;
}

static bool progress(SSL *ssl, int rc, int fd)
{
	const int error = SSL_get_error(ssl, rc);
	struct pollfd p = {fd, error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, 0};

	return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) && poll(&p, 1, WAIT_MS) == 1;
}

/* Until the machine's session has come, which it sends once it has accepted the client: the handshake's real end. */
static bool shake_hands(struct timing *t, SSL *ssl, int fd)
{
	char byte;
	int rc;

	while ((rc = SSL_connect(ssl)) != 1)
		if (!progress(ssl, rc, fd))
			return lab_fail("no handshake");
	while ((rc = SSL_read(ssl, &byte, 1)) <= 0 && !t->session)
		if (!progress(ssl, rc, fd))
			return lab_fail("the machine sends no session");
	return true;
}

static bool connect_once(struct timing *t, bool resume)
{
	char why[256];
	int fd;

	if (channel_dial(t->place->address, clock_now_ns() + WAIT_MS * NS_PER_MS, &fd, why, sizeof why) != HUFU_OK)
		return lab_fail("%s", why);
	SSL *ssl = SSL_new(t->context);
	bool good = ssl && SSL_set_fd(ssl, fd) == 1 && (!resume || SSL_set_session(ssl, t->session) == 1);
	SSL_SESSION_free(t->session);
	t->session = NULL;
	good = good && shake_hands(t, ssl, fd);
	if (good && (SSL_session_reused(ssl) == 1) != resume)
		good = lab_fail(resume ? "the machine does not resume" : "a session was resumed that should not be");
	if (good)
		SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
	return good;
}

static bool measure(struct timing *t, bool resume, double *per_s)
{
	const uint64_t from = clock_now_ns();
	uint64_t now = from, n = 0;

	for (; now < from + 2 * t->place->ns; now = clock_now_ns(), n++)
		if (!connect_once(t, resume))
			return false;
	*per_s = (double)n * 1e9 / (double)(now - from);
	return true;
}

json_t *net_handshakes(const struct net_place *place)
{
	struct timing t = {.place = place};
	double full = 0, resumed = 0;
	const bool good = make_context(&t) && connect_once(&t, false) && measure(&t, false, &full) && measure(&t, true, &resumed);

	SSL_SESSION_free(t.session);
	SSL_CTX_free(t.context);
	return good ? json_pack("{s:f,s:f}", "full_per_s", full, "resumed_per_s", resumed) : NULL;
}

/* -- connections that do nothing ------------------------------------------------------------- */

static long resident(pid_t pid)
{
	char path[64];
	long total, pages = 0;

	snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%ld %ld", &total, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static unsigned allowed(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted + SPARE_FDS)
		return wanted;
	return limit.rlim_cur > SPARE_FDS ? (unsigned)limit.rlim_cur - SPARE_FDS : 0;
}

static unsigned open_all(const struct net_place *place, struct net_remote **all, unsigned n)
{
	struct channel_context *context = remote_context(place);
	unsigned opened = 0;

	while (context && opened < n && (all[opened] = remote_open(place, context)))
		opened++;
	channel_context_free(context);
	return opened;
}

json_t *net_idle(const struct net_place *place, unsigned connections)
{
	const unsigned n = allowed(connections);
	struct net_remote **all = calloc(n + 1, sizeof *all);
	json_t *doc = NULL;

	if (!all)
		return NULL;
	const long before = resident(place->pid), own_before = resident(getpid());
	const uint64_t from = clock_now_ns();
	const unsigned opened = open_all(place, all, n);
	const uint64_t to = clock_now_ns();
	clock_sleep_ns(SETTLE_NS);
	if (opened == n && n)
		doc = json_pack("{s:i,s:i,s:f,s:f,s:f}", "connections", (int)n, "wanted", (int)connections, "machine_bytes",
		                (double)(resident(place->pid) - before) / n, "client_bytes", (double)(resident(getpid()) - own_before) / n,
		                "connects_per_s", (double)n * 1e9 / (double)(to - from));
	for (unsigned i = 0; i < opened; i++)
		remote_close(all[i]);
	free(all);
	return doc;
}
