/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration says of hufud: the sections machine, identity and audit
 * of hufud.conf(5). The same file has the sections token (a virtual machine
 * each), device and log of hufu.conf(5).
 */
#ifndef BASE_CONF_MACHINE_H
#define BASE_CONF_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_RULE_LABEL_MAX 127 /* bytes of a key's label in a rule */

enum conf_audit_full { CONF_AUDIT_CLOSED, CONF_AUDIT_BUFFER, CONF_AUDIT_OPEN };

struct conf_machine {
	bool given;                /* the section stands in the file */
	char *name;                /* for people, and HELLO_OK; default: the host's */
	char **listen;             /* "0.0.0.0:5696", "[::]:5696", "unix:/run/hufud/hufud.sock"; NULL-terminated */
	char *profile;             /* "tls13" (default), "tls13-sm", "tlcp" */
	char *ca, *cert, *key, *crl, *enc_cert, *enc_key; /* absolute paths */
	char *master;              /* "file:/path" or "credential:NAME": the key of 32 bytes that machines of a domain share */
	char *http;                /* "127.0.0.1:9465", local addresses only; NULL: none */
	char *host_dir;            /* sockets of devices with isolation = process; default /run/hufud/devices */
	char *state_dir;           /* copies of stores in databases, and how new they were; default /var/lib/hufu/state */
	uint32_t workers;          /* threads with a loop, 0: one a core */
	uint32_t lanes;            /* threads a token that wait for devices, default 64 */
	uint32_t connections_max;  /* default 12000 */
	uint32_t handshakes_per_s; /* default 2000; beyond it connections wait to be accepted */
	uint32_t hello_ms;         /* for the handshake and HELLO, default 5000 */
	uint32_t frame_ms;         /* for the rest of a frame that has begun, default 10000 */
	uint32_t idle_s;           /* a connection without a frame, default 900 */
	uint32_t drain_ms;         /* at most, for what is under way at the end, default 10000 */
	uint32_t ticket_s;         /* of a login, default 28800 */
	uint32_t max_body;         /* bytes, default 2 MiB */
	uint32_t window;           /* default 256 */
	uint32_t stale_s;          /* how old the cache of a store that is down may get, default 86400 */
	int line;
};

/* Who may do what. */
struct conf_identity {
	char *name;                /* the section's title */
	char *subject;             /* of the certificate, RFC 4514, exactly; or */
	char *certificate;         /* SHA-256 of it, 64 hex digits; or */
	char *dns;                 /* a name of it; or */
	char *user;                /* of a Unix socket: name or uid */
	char **tokens;             /* NULL-terminated; "*" all */
	char **roles;              /* devices, user, so, operator, auditor */
	char **allow, **deny;      /* operations: sign, verify, encrypt, decrypt, wrap, unwrap, derive, generate, import, export, random, store, "*";
	                              with a key: "sign:LABEL". deny wins; default allow: all that the roles have */
	uint32_t rate;             /* requests a second, 0 no limit */
	uint32_t burst;            /* default: rate */
	uint32_t connections;      /* at once, default 256 */
	uint32_t in_flight;        /* requests at once over all its connections, default 1024 */
	int line;
};

struct conf_audit {
	bool given;
	char *file;                /* absolute; default: none */
	bool syslog;
	bool operations;           /* crypto operations too, not administration, login and keys' lives alone; default true */
	enum conf_audit_full when_full; /* of crypto operations; all else is refused when it cannot be written. Default buffer */
	uint32_t buffer;           /* records, default 100000 */
	uint32_t buffer_ms;        /* default 30000 */
	uint32_t checkpoint_s, checkpoint_records; /* 60, 1000 */
	uint32_t rotate_mb;        /* 0 never, default 256 */
	char *key;                 /* absolute path of the SM2 key (32 bytes, raw) that signs checkpoints; made if missing; default: FILE.key */
	int line;
};

#endif
