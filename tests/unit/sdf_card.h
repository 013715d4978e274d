/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card for tests of driver/sdf: the functions of library.h themselves, with
 * keys in memory and the kernels of src/sm. What it has, what it forgets and
 * how it fails, a test sets; what it was asked, it counts.
 */
#ifndef SDF_CARD_H
#define SDF_CARD_H

#include "driver/sdf/library.h"
#include "sm/sm2.h"

#define FAKE_PAIRS 8   /* indexes 1 to 7 */
#define FAKE_SESSIONS 16
#define FAKE_HANDLES 256

enum fake_call {
	FAKE_NONE, FAKE_OPEN_DEVICE, FAKE_OPEN_SESSION, FAKE_INFO, FAKE_RIGHT, FAKE_RELEASE, FAKE_EXPORT, FAKE_SIGN, FAKE_DECRYPT,
	FAKE_GENERATE, FAKE_IMPORT_KEK, FAKE_IMPORT_ISK, FAKE_DESTROY, FAKE_CRYPT, FAKE_MAC, FAKE_AUTH, FAKE_HMAC, FAKE_RSA,
	FAKE_MAKE_PAIR, FAKE_IMPORT_PAIR, FAKE_RANDOM, FAKE_CLOSE_SESSION,
	FAKE_CALLS
};

struct fake_pair {
	bool there;
	struct sm2_private key;
};

struct fake_handle {
	bool alive;
	struct sdf_session *session;
	uint8_t key[1024];
	size_t len;
};

extern struct fake {
	bool lacks[SDF_CAN_GENERATE_PAIR + 1];
	struct sdf_profile profile;
	struct fake_pair sign[FAKE_PAIRS], encrypt[FAKE_PAIRS];
	const char *password;                /* of every index; NULL: none is wanted */
	bool kek[FAKE_PAIRS];                /* under which all is wrapped by XOR with its index */
	struct sdf_session sessions[FAKE_SESSIONS];
	bool open[FAKE_SESSIONS], rights[FAKE_SESSIONS][FAKE_PAIRS];
	void (*in_right)(void);              /* called in the middle of sdf_right_get */
	uint32_t odd_index;                  /* with a key that is none of SM2; 0: none */
	bool one_handle;                     /* it gives out the same handle for every key */
	struct fake_handle handles[FAKE_HANDLES];
	unsigned calls[FAKE_CALLS];
	/* The next calls of this kind fail so often, with this. */
	unsigned failures[FAKE_CALLS];
	enum hufu_err failure[FAKE_CALLS];
	bool failure_kills[FAKE_CALLS];
	bool failure_is_late[FAKE_CALLS];    /* of pairs: the call has its effect all the same */
	bool refuses_to_import[SDF_USAGE_ENCRYPT + 1];
	void *rsa;                           /* EVP_PKEY at index 1, or NULL */
} fake;

/* A profile of 2012, an empty card that can all. */
void fake_reset(void);
void fake_make_pair(struct fake_pair *, uint8_t seed);
unsigned fake_open_sessions(void);
unsigned fake_live_handles(void);
unsigned fake_rights(void);

#endif
