/* SPDX-License-Identifier: Apache-2.0 */
/* Where channels lead: "host:port", "[v6]:port", "unix:/path". */
#include "wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define HOST_MAX 256
#define BACKLOG 4096 /* thousands of clients come back at once; the kernel cuts it to net.core.somaxconn */
/* A peer that has died without a word is known after about 45 s when idle, after 20 s when bytes wait for it. */
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 3
#define UNACKNOWLEDGED_MS 20000

struct place {
	const char *path;      /* NULL: TCP */
	char host[HOST_MAX];
	char port[6];
};

static bool port_parse(const char *text, struct place *place)
{
	const size_t len = strlen(text);

	if (len == 0 || len >= sizeof(place->port) || strspn(text, "0123456789") != len || strtoul(text, NULL, 10) > 65535)
		return false;
	memcpy(place->port, text, len + 1);
	return true;
}

static bool host_parse(const char *text, size_t len, struct place *place)
{
	if (len == 0 || len >= sizeof(place->host))
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '[' || text[i] == ']' || text[i] == '/')
			return false;
	memcpy(place->host, text, len);
	place->host[len] = '\0';
	return true;
}

/* Port 0 is understood: "any", for channel_listen. */
static bool place_parse(const char *address, struct place *place)
{
	struct sockaddr_un un;

	*place = (struct place){0};
	if (strncmp(address, "unix:", 5) == 0) {
		place->path = address + 5;
		return place->path[0] == '/' && strlen(place->path) < sizeof(un.sun_path);
	}
	const char *colon = strrchr(address, ':');
	if (!colon || !port_parse(colon + 1, place))
		return false;
	if (address[0] == '[')
		return colon > address + 1 && colon[-1] == ']' && host_parse(address + 1, (size_t)(colon - address) - 2, place) &&
		       strchr(place->host, ':');
	/* An IPv6 address needs its brackets: otherwise its last group would pass for the port. */
	return host_parse(address, (size_t)(colon - address), place) && !strchr(place->host, ':');
}

bool channel_address_valid(const char *address, const char **unix_path)
{
	struct place place;

	if (!place_parse(address, &place) || (!place.path && strtoul(place.port, NULL, 10) == 0))
		return false;
	if (unix_path)
		*unix_path = place.path;
	return true;
}

bool channel_address_host(const char *address, char *host, size_t cap)
{
	struct place place;

	if (!place_parse(address, &place) || place.path || strlen(place.host) >= cap)
		return false;
	memcpy(host, place.host, strlen(place.host) + 1);
	return true;
}

bool channel_peer_address(int fd, char *out, size_t cap)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	char host[HOST_MAX], port[8];

	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 || peer.ss_family == AF_UNIX ||
	    getnameinfo((const struct sockaddr *)&peer, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return false;
	const int n = snprintf(out, cap, peer.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return n > 0 && (size_t)n < cap;
}

static bool is_tcp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain != AF_UNIX;
}

static void set_int(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value)); /* each is for speed or for a sooner end; without it all still works */
}

void channel_tune(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (!is_tcp(fd))
		return;
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	memcpy(un.sun_path, path, strlen(path) + 1); /* place_parse saw to its length */
	return un;
}

/* 0, or an errno. Of what a signal of the application's interrupts, the rest is waited for. */
static int wait_connected(int fd, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	for (;;) {
		const uint64_t now = clock_now_ns();
		if (now >= deadline_ns)
			return ETIMEDOUT;
		const uint64_t left_ms = (deadline_ns - now) / NS_PER_MS + 1;
		const int n = poll(&p, 1, left_ms > 60000 ? 60000 : (int)left_ms);
		if (n > 0)
			break;
		if (n < 0 && errno != EINTR)
			return errno;
	}
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* 0 and the socket, or an errno. */
static int connect_to(int family, const void *address, socklen_t len, uint64_t deadline_ns, int *out)
{
	const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return errno;
	channel_tune(fd);
	if (connect(fd, address, len) != 0)
		error = errno == EINPROGRESS || errno == EINTR ? wait_connected(fd, deadline_ns) : errno;
	if (error) {
		close(fd);
		return error;
	}
	*out = fd;
	return 0;
}

/* An address that needs no look-up is not looked up: the resolver has time limits of its own, which no deadline shortens. */
static int resolve(const struct place *place, int flags, struct addrinfo **list)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};

	hints.ai_flags |= AI_NUMERICHOST;
	if (getaddrinfo(place->host, place->port, &hints, list) == 0)
		return 0;
	hints.ai_flags &= ~AI_NUMERICHOST;
	hints.ai_flags |= AI_ADDRCONFIG;
	return getaddrinfo(place->host, place->port, &hints, list);
}

/* Each address in turn, with its share of the time: one that swallows everything leaves some for the next. */
static int connect_any(const struct addrinfo *list, uint64_t deadline_ns, int *fd)
{
	unsigned left = 0;
	int error = EHOSTUNREACH;

	for (const struct addrinfo *a = list; a; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = list; a; a = a->ai_next, left--) {
		const uint64_t now = clock_now_ns();
		if (now >= deadline_ns)
			return ETIMEDOUT;
		const uint64_t until = deadline_ns == CLOCK_NEVER ? CLOCK_NEVER : now + (deadline_ns - now) / left;
		error = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, until, fd);
		if (error == 0)
			return 0;
	}
	return error;
}

static enum hufu_err dial_tcp(const struct place *place, uint64_t deadline_ns, int *fd, char *why, size_t why_len)
{
	struct addrinfo *list = NULL;
	const int unknown = resolve(place, 0, &list);

	if (unknown) {
		snprintf(why, why_len, "the name %s has no address: %s", place->host, gai_strerror(unknown));
		return HUFU_ERR_GONE;
	}
	const int error = connect_any(list, deadline_ns, fd);
	freeaddrinfo(list);
	if (error == 0)
		return HUFU_OK;
	snprintf(why, why_len, "%s port %s: %s", place->host, place->port, strerrordesc_np(error));
	return HUFU_ERR_GONE;
}

enum hufu_err channel_dial(const char *address, uint64_t deadline_ns, int *fd, char *why, size_t why_len)
{
	struct place place;

	if (!place_parse(address, &place)) {
		snprintf(why, why_len, "\"%s\" is no address: write host:port, [v6]:port or unix:/path", address);
		return HUFU_ERR_CONFIG;
	}
	if (!place.path)
		return dial_tcp(&place, deadline_ns, fd, why, why_len);
	const struct sockaddr_un un = unix_address(place.path);
	const int error = connect_to(AF_UNIX, &un, sizeof(un), deadline_ns, fd);
	if (error == 0)
		return HUFU_OK;
	/* EAGAIN: the backlog of a Unix socket is full. */
	snprintf(why, why_len, "%s: %s", place.path, error == EAGAIN ? "too many wait to be accepted" : strerrordesc_np(error));
	return HUFU_ERR_GONE;
}

/* A socket that a process left behind when it was killed is in the way of the next; one that answers is somebody's. */
static bool unix_is_stale(const char *path)
{
	const struct sockaddr_un un = unix_address(path);
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	const bool refused = connect(fd, (const struct sockaddr *)&un, sizeof(un)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_and_listen(int family, const void *address, socklen_t len, int *out)
{
	const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (family != AF_UNIX)
		set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1); /* a restart does not wait for the former's connections to time out */
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); /* [::] and 0.0.0.0 may both be listed */
	if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0) {
		*out = fd;
		return 0;
	}
	const int error = errno;
	close(fd);
	return error;
}

static int listen_unix(const char *path, int *fd)
{
	const struct sockaddr_un un = unix_address(path);
	int error = bind_and_listen(AF_UNIX, &un, sizeof(un), fd);

	if (error == EADDRINUSE && unix_is_stale(path) && unlink(path) == 0)
		error = bind_and_listen(AF_UNIX, &un, sizeof(un), fd);
	return error;
}

enum hufu_err channel_listen(const char *address, int *fd, char *why, size_t why_len)
{
	struct addrinfo *list = NULL;
	struct place place;
	int error;

	if (!place_parse(address, &place)) {
		snprintf(why, why_len, "\"%s\" is no address: write host:port, [v6]:port or unix:/path", address);
		return HUFU_ERR_CONFIG;
	}
	if (place.path) {
		error = listen_unix(place.path, fd);
	} else {
		const int unknown = resolve(&place, AI_PASSIVE, &list);
		if (unknown) {
			snprintf(why, why_len, "the name %s has no address: %s", place.host, gai_strerror(unknown));
			return HUFU_ERR_CONFIG;
		}
		error = bind_and_listen(list->ai_family, list->ai_addr, list->ai_addrlen, fd);
		freeaddrinfo(list);
	}
	if (error == 0)
		return HUFU_OK;
	snprintf(why, why_len, "cannot listen on %s: %s", address, strerrordesc_np(error));
	return HUFU_ERR_CONFIG;
}
