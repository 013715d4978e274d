/* SPDX-License-Identifier: Apache-2.0 */
/* Channels: what TLS and Unix sockets have in common, and all of the latter. */
#include "wire/channel_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "sm/sm3.h"

enum hufu_err channel_new(struct channel_context *context, int fd, const char *name, const uint8_t pin[32], struct channel **out)
{
	/* A client that checks neither would talk to whoever has a certificate of the same authority. */
	if (context && !context->server && !name && !pin)
		return log_bug();
	struct channel *c = calloc(1, sizeof(*c));
	if (!c)
		return HUFU_ERR_NO_MEMORY;
	c->fd = -1;
	c->context = context;
	if (name && (size_t)snprintf(c->name, sizeof(c->name), "%s", name) >= sizeof(c->name)) {
		free(c);
		return HUFU_ERR_CONFIG;
	}
	if (pin) {
		c->pinned = true;
		memcpy(c->pin, pin, sizeof(c->pin));
	}
	if (context) {
		enum hufu_err err = channel_tls_new(c);
		if (err) {
			free(c);
			return err;
		}
		channel_context_hold(context);
	}
	c->fd = fd; /* the channel's from here on; in case of an error it remains the caller's */
	*out = c;
	return HUFU_OK;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	if (c->context) {
		channel_tls_free(c);
		channel_context_free(c->context);
	}
	close(c->fd);
	free(c);
}

int channel_fd(const struct channel *c)
{
	return c->fd;
}

const char *channel_why(const struct channel *c)
{
	return c->why;
}

const struct channel_peer *channel_peer(const struct channel *c)
{
	return c->established ? &c->peer : NULL;
}

/* The kernel's word on who is at the other end: of a client's socket, who listens there. */
static enum hufu_err unix_handshake(struct channel *c)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0 || who.uid == (uid_t)-1) {
		snprintf(c->why, sizeof(c->why), "the kernel does not say who the peer is: this is no Unix socket");
		return HUFU_ERR_DENIED;
	}
	struct channel_peer *p = &c->peer;
	p->local = true;
	p->uid = who.uid;
	p->gid = who.gid;
	p->pid = who.pid;
	p->not_after = INT64_MAX;
	snprintf(p->subject, sizeof(p->subject), "uid:%u", who.uid);
	snprintf(p->profile, sizeof(p->profile), "unix");
	sm3(p->subject, strlen(p->subject), p->key_id);
	c->established = true;
	return HUFU_OK;
}

enum hufu_err channel_handshake(struct channel *c, enum channel_want *want)
{
	*want = CHANNEL_READY;
	if (c->established)
		return HUFU_OK;
	if (c->ended)
		return HUFU_ERR_GONE;
	return c->context ? channel_tls_handshake(c, want) : unix_handshake(c);
}

static enum hufu_err unix_ended(struct channel *c)
{
	c->ended = true;
	snprintf(c->why, sizeof(c->why), "%s", strerrordesc_np(c->error));
	return HUFU_ERR_GONE;
}

static enum hufu_err unix_read(struct channel *c, void *buf, size_t cap, size_t *n, enum channel_want *want)
{
	const ssize_t got = channel_recv(c, buf, cap, want);

	if (got < 0)
		return *want == CHANNEL_READY ? unix_ended(c) : HUFU_OK;
	*n = (size_t)got;
	return HUFU_OK;
}

static enum hufu_err unix_write(struct channel *c, const void *buf, size_t len, size_t *n, enum channel_want *want)
{
	const ssize_t sent = channel_send(c, buf, len, want);

	if (sent < 0)
		return *want == CHANNEL_READY ? unix_ended(c) : HUFU_OK;
	*n = (size_t)sent;
	return HUFU_OK;
}

enum hufu_err channel_read(struct channel *c, void *buf, size_t cap, size_t *n, enum channel_want *want)
{
	*n = 0;
	*want = CHANNEL_READY;
	if (c->ended || !c->established)
		return HUFU_ERR_GONE;
	return c->context ? channel_tls_read(c, buf, cap, n, want) : unix_read(c, buf, cap, n, want);
}

enum hufu_err channel_write(struct channel *c, const void *buf, size_t len, size_t *n, enum channel_want *want)
{
	*n = 0;
	*want = CHANNEL_READY;
	if (c->ended || !c->established)
		return HUFU_ERR_GONE;
	if (len == 0)
		return HUFU_OK;
	return c->context ? channel_tls_write(c, buf, len, n, want) : unix_write(c, buf, len, n, want);
}

bool channel_pending(const struct channel *c)
{
	return c->ssl && c->established && !c->ended && !c->starved && SSL_has_pending(c->ssl);
}
