/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a channel share: channel.c, channel_context.c, channel_tls.c, channel_socket.c. */
#ifndef WIRE_CHANNEL_INTERNAL_H
#define WIRE_CHANNEL_INTERNAL_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "wire/channel.h"

#define CHANNEL_WHY_LEN 512

struct channel {
	int fd;
	bool established, starved; /* starved: what was read from the socket is used up */
	bool ended;                /* nothing more may be done to it but to close it */
	int error;                 /* errno of the socket's first failure */
	bool eof;                  /* the peer sends no more: before that failure, if there was one */
	char why[CHANNEL_WHY_LEN];
	struct channel_peer peer;
	/* TLS */
	struct channel_context *context; /* NULL: a Unix socket */
	SSL *ssl;
	char name[256];            /* the client's: what the server is to be; "" none */
	bool pinned;
	uint8_t pin[32];
};

/* -- channel_context.c ---------------------------------------------------------- */

/* A session that a server's ticket lets us resume; used once (RFC 8446 C.4). */
#define CHANNEL_SESSIONS 8
struct channel_kept {
	SSL_SESSION *session;
	char name[256];
};

/* Keys that seal the server's tickets: the current one, and the one before, whose tickets are still good. */
#define CHANNEL_TICKET_KEYS 2
struct channel_ticket_key {
	uint8_t name[16], aes[32], hmac[32];
	uint64_t made_ns;
};

struct channel_context {
	_Atomic unsigned holders;
	bool server;
	const struct channel_profile *profile;
	uint32_t epoch;            /* of libcrypto's context: what was made in a parent is not touched in its child */
	SSL_CTX *ctx;
	EVP_MD *sha256;
	int64_t not_after;
	int64_t crl_until;         /* when the first of the revocation lists is due; INT64_MAX: there is none */
	char *crl;                 /* its path, for messages */
	pthread_mutex_t lock;      /* kept, ticket_keys */
	struct channel_kept kept[CHANNEL_SESSIONS];
	size_t nkept;
	struct channel_ticket_key *ticket_keys; /* secret memory */
};

/* Can the context's objects be used in this process? */
bool channel_context_alive(const struct channel_context *);
void channel_context_hold(struct channel_context *);
/* One session for this name, the caller's; NULL: none is kept. */
SSL_SESSION *channel_session_take(struct channel_context *, const char *name);

/* -- channel_profile.c ------------------------------------------------------------ */

/* What a profile allows, of versions, suites, groups and keys. */
struct channel_profile {
	const char *name;
	int version;               /* that both ends must have agreed on */
	const char *missing;       /* what to build with where the library does not know it */
	bool sm;                   /* SM2 keys, in place of all others */
	SSL_CTX *(*new_ctx)(OSSL_LIB_CTX *, bool server);
	bool (*tune)(SSL_CTX *);   /* suites, and what else it needs; false: the library does not know it */
	bool (*second_pair)(SSL_CTX *, X509 *, EVP_PKEY *); /* for encryption, beside the one that signs; NULL: there is none */
};
const struct channel_profile *channel_profile_find(const char *name); /* NULL: there is none of this name */
/* Its version, suite and group are what was agreed on. */
bool channel_profile_agreed(const struct channel_profile *, const SSL *);

/* -- channel_tls.c ---------------------------------------------------------------- */

int channel_verify_seen(int ok, X509_STORE_CTX *);
enum hufu_err channel_tls_new(struct channel *);
void channel_tls_free(struct channel *);
enum hufu_err channel_tls_handshake(struct channel *, enum channel_want *);
enum hufu_err channel_tls_read(struct channel *, void *, size_t cap, size_t *n, enum channel_want *);
enum hufu_err channel_tls_write(struct channel *, const void *, size_t len, size_t *n, enum channel_want *);

/* -- channel_peer.c ---------------------------------------------------------------- */

/* Who the peer is and what was agreed on; DENIED with why where that is not what the profile allows. */
enum hufu_err channel_peer_of_tls(struct channel *);

/* -- channel_socket.c ------------------------------------------------------------- */

/* libssl's way to the socket: its own raises SIGPIPE in the application. NULL: no memory. */
BIO *channel_bio(struct channel *);
/* As recv and send on a non-blocking socket, no signal, EINTR seen to; -1 with *want, or with channel.error set. */
ssize_t channel_recv(struct channel *, void *, size_t cap, enum channel_want *);
ssize_t channel_send(struct channel *, const void *, size_t len, enum channel_want *);

#endif
