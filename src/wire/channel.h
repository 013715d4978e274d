/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What frames travel on: TLS by libssl on a socket of ours, or a Unix socket
 * whose peer the kernel names. Both non-blocking, both ends.
 *
 * TLS: mutual certificates, always. Profile "tls13": TLS 1.3 with any OpenSSL;
 * "tls13-sm": RFC 8998, "tlcp": GB/T 38636, where the library has them (HUFU_ERR_CONFIG after a message where
 * it has not). What was negotiated is checked, not assumed: version, suite, group, the peer's key. Resumption
 * yes, early data no. libssl runs in a context of ours (OSSL_LIB_CTX): the application's configuration is not seen.
 *
 * A context is shared by threads; a channel is used by one at a time.
 */
#ifndef WIRE_CHANNEL_H
#define WIRE_CHANNEL_H

#include <sys/types.h>

#include "base/err.h"

struct channel_context;
struct channel;

struct channel_conf {
	bool server;
	const char *profile;       /* "tls13" (NULL too), "tls13-sm", "tlcp" */
	const char *ca, *cert, *key; /* absolute paths, PEM; conf_check_file's rule, the key readable by nobody else */
	const char *crl;           /* or NULL; checked for the whole chain; one that has expired refuses everybody */
	const char *enc_cert, *enc_key; /* tlcp: the pair for encryption */
};

/* Reads everything anew; the former context lives as long as its channels. HUFU_ERR_CONFIG after a logged message: what, where, what to do. */
enum hufu_err channel_context_new(const struct channel_conf *, struct channel_context **) MUST_CHECK;
void channel_context_free(struct channel_context *);
/* Of the own certificate, seconds since 1970. */
int64_t channel_context_not_after(const struct channel_context *);
/* Does this build's library know the profile? */
bool channel_profile_known(const char *profile);

/* Whom we talk to, once channel_handshake said HUFU_OK. */
struct channel_peer {
	bool local;                /* a Unix socket: uid, gid and pid are the kernel's word */
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char subject[256];         /* RFC 4514 */
	char names[8][256];        /* DNS and IP of subjectAltName */
	size_t nnames;
	uint8_t fingerprint[32];   /* SHA-256 of the certificate */
	uint8_t key_id[32];        /* SM3 of its SubjectPublicKeyInfo: what tickets are bound to; of uids: SM3 of "uid:N" */
	int64_t not_after;
	char profile[129];         /* "TLSv1.3 TLS_AES_256_GCM_SHA384 X25519 ECDSA-P256", "unix" */
	uint8_t binding[32];       /* TLS exporter, label "EXPORTER-hufu-channel"; zero on Unix sockets */
	bool resumed;
};

/*
 * fd is non-blocking and becomes the channel's (after an error it still is the caller's). name: the client's: what the server's
 * certificate must be for (DNS name or address), or NULL; pin: SHA-256 of its certificate, or NULL; one of them at
 * least. A server's are NULL. context NULL: a Unix socket. HUFU_ERR_GONE: the context is the parent's of this forked child; make a
 * new one.
 */
enum hufu_err channel_new(struct channel_context *, int fd, const char *name, const uint8_t pin[32], struct channel **) MUST_CHECK;
void channel_free(struct channel *); /* closes fd; says good-bye where that does not block */
int channel_fd(const struct channel *);

enum channel_want { CHANNEL_READY = 0, CHANNEL_READ = 1, CHANNEL_WRITE = 2 };
/*
 * HUFU_OK with *want READY: done; else call again when fd is ready for it. HUFU_ERR_GONE: it ended; DENIED: the peer's certificate
 * was refused, or ours by the peer, why in channel_why (one line).
 */
enum hufu_err channel_handshake(struct channel *, enum channel_want *want) MUST_CHECK;
const char *channel_why(const struct channel *);
const struct channel_peer *channel_peer(const struct channel *);
/*
 * *n bytes went; 0 with *want: later (writing: with the same bytes at its beginning). HUFU_ERR_GONE: the connection is over.
 * channel_read: *n 0 with want READY: the peer ended it in good order; DENIED: it refused our certificate, which in TLS 1.3 a client
 * learns here only.
 */
enum hufu_err channel_read(struct channel *, void *buf, size_t cap, size_t *n, enum channel_want *want) MUST_CHECK;
enum hufu_err channel_write(struct channel *, const void *buf, size_t len, size_t *n, enum channel_want *want) MUST_CHECK;
/* Bytes that TLS has read and decrypted already, for which no poll will wake. */
bool channel_pending(const struct channel *);

/* -- addresses ---------------------------------------------------------------- */

/*
 * "host:port", "[v6]:port", "unix:/path". Sockets are non-blocking, CLOEXEC, TCP_NODELAY, with keepalive and TCP_USER_TIMEOUT.
 * channel_dial: connects until the deadline, one resolved address after another. GONE: refused, unreachable; CONFIG: no address;
 * why. Names are looked up by the system's resolver, which has time limits of its own and keeps no deadline.
 * channel_listen: port 0 is any that is free. A Unix socket's mode is the umask's; a stale one is taken away.
 */
enum hufu_err channel_dial(const char *address, uint64_t deadline_ns, int *fd, char *why, size_t why_len) MUST_CHECK;
enum hufu_err channel_listen(const char *address, int *fd, char *why, size_t why_len) MUST_CHECK;
/* The options of a socket that was accepted or given. */
void channel_tune(int fd);
/* Where a TCP socket leads, as a numeric address of the above. False: it is a Unix socket, or out is too short. */
bool channel_peer_address(int fd, char *out, size_t cap);
/* The host of a TCP address, as certificates name it. False: it is a Unix socket, malformed, or longer than cap. */
bool channel_address_host(const char *address, char *host, size_t cap);
/* Is it well-formed? For the configuration. *unix_path NULL: TCP. */
bool channel_address_valid(const char *address, const char **unix_path);

#endif
