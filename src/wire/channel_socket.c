/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket under a channel. libssl's socket BIO writes with write(), which
 * raises SIGPIPE when the peer has gone: in somebody else's process that would
 * be the end of it. Ours sends with MSG_NOSIGNAL.
 */
#include "wire/channel_internal.h"

#include <errno.h>
#include <sys/socket.h>

/* What the last call's errno means to the caller. */
static void note_failure(struct channel *c, enum channel_want later, enum channel_want *want)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		*want = later;
	else if (c->error == 0)
		c->error = errno;
}

ssize_t channel_recv(struct channel *c, void *buf, size_t cap, enum channel_want *want)
{
	ssize_t n;

	*want = CHANNEL_READY;
	do
		n = recv(c->fd, buf, cap, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		note_failure(c, CHANNEL_READ, want);
	c->eof |= n == 0;
	return n;
}

ssize_t channel_send(struct channel *c, const void *buf, size_t len, enum channel_want *want)
{
	ssize_t n;

	*want = CHANNEL_READY;
	do
		n = send(c->fd, buf, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		note_failure(c, CHANNEL_WRITE, want);
	return n;
}

static int bio_read(BIO *bio, char *buf, int cap)
{
	enum channel_want want;
	const ssize_t n = channel_recv(BIO_get_data(bio), buf, (size_t)cap, &want);

	BIO_clear_retry_flags(bio);
	if (want != CHANNEL_READY)
		BIO_set_retry_read(bio);
	return (int)n;
}

static int bio_write(BIO *bio, const char *buf, int len)
{
	enum channel_want want;
	const ssize_t n = channel_send(BIO_get_data(bio), buf, (size_t)len, &want);

	BIO_clear_retry_flags(bio);
	if (want != CHANNEL_READY)
		BIO_set_retry_write(bio);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *arg)
{
	(void)number;
	(void)arg;
	if (command == BIO_CTRL_EOF)
		return ((const struct channel *)BIO_get_data(bio))->eof;
	return command == BIO_CTRL_FLUSH; /* nothing is kept back */
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

/* Kept until the process ends: channels of a forked child use it as well. */
static void method_make(void)
{
	BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hufu socket");

	if (made && BIO_meth_set_read(made, bio_read) && BIO_meth_set_write(made, bio_write) && BIO_meth_set_ctrl(made, bio_ctrl))
		method = made;
	else
		BIO_meth_free(made);
}

BIO *channel_bio(struct channel *c)
{
	pthread_once(&method_once, method_make);
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, c);
	BIO_set_init(bio, 1);
	return bio;
}
