/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu bench gateway: signatures and handshakes of a TLS server, one thread, with keys of the OpenSSL provider beside the
 * same keys of the default provider.
 */
#ifndef BENCH_GATEWAY_H
#define BENCH_GATEWAY_H

#include "tools/bench/bench.h"
#include "tools/bench/bed.h"
#include "tools/ossl.h"

#include <openssl/ssl.h>

enum gateway_key { GATEWAY_RSA, GATEWAY_P256, GATEWAY_SM2, GATEWAY_ED25519, GATEWAY_KEYS };

/* Where the private half works: "file" is the default provider; "kernel" is hufu's SM2 without any provider. */
enum gateway_device { GATEWAY_FILE, GATEWAY_SOFT, GATEWAY_LANE, GATEWAY_NET, GATEWAY_SLOW, GATEWAY_KERNEL, GATEWAY_DEVICES };

#define GATEWAY_SLOW_MS 5         /* what each operation of the slow device takes */
#define GATEWAY_SLOW_SESSIONS 64  /* how many it does at once */

extern const char *const gateway_key_names[GATEWAY_KEYS], *const gateway_device_names[GATEWAY_DEVICES];

/* -- gateway_place.c: tokens with these keys, and the contexts that use them ----------------- */

struct gateway_place {
	char *dir;
	struct machine machines[2];     /* one is started */
	OSSL_LIB_CTX *plain;            /* with the default provider alone: files' keys, clients */
	struct ossl ossl;               /* beside hufu's */
	EVP_PKEY *keys[GATEWAY_DEVICES][GATEWAY_KEYS]; /* NULL: there is none */
	SSL_CTX *servers[GATEWAY_DEVICES][GATEWAY_KEYS], *client; /* servers: RSA and P-256 */
	void *kernel;                   /* bench_kernel's thread */
	void *kernel_state;
};

bool gateway_has_slow(void);
/* gateway_end after success and failure alike. */
enum status gateway_begin(struct gateway_place *, const char *module) MUST_USE;
void gateway_end(struct gateway_place *);

/* -- gateway_flight.c: some in flight at once, by this thread --------------------------------- */

enum gateway_work { GATEWAY_SIGN, GATEWAY_TLS13, GATEWAY_TLS12, GATEWAY_WORKS };
extern const char *const gateway_work_names[GATEWAY_WORKS];

struct gateway_task {
	const struct gateway_place *place;
	enum gateway_work work;
	enum gateway_key key;
	enum gateway_device device;
	unsigned jobs;                  /* ASYNC_JOBs in flight; 0: none, one after the other */
};
#define GATEWAY_JOBS_MAX 64

struct gateway_rate {
	double per_s;                   /* 0: it failed */
	double busy_us;                 /* of this thread's processor time, for one; of a handshake, the server's end of it */
};

/* About so long. What fails is said. */
struct gateway_rate gateway_fly(const struct gateway_task *, uint64_t target_ns);

/* -- gateway_report.c ------------------------------------------------------------------------ */

struct gateway_row {
	struct gateway_task task;
	struct gateway_rate rate;       /* medians */
	/* To the file's key, round by round, the medians; more than 1: it is faster. 0: there is none. */
	double ratio, busy_ratio;
};

enum status gateway_report(const struct args *, const struct gateway_row *, size_t n, unsigned rounds, double seconds) MUST_USE;

#endif
