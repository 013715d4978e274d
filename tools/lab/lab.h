/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu-lab: what hufu bench failover, net, pool and sdf run, a process a case.
 *
 * The whole of hufu, from the PKCS#11 face to the soft driver, is linked in, with
 * the driver fault beside it, which the module of a normal build does not have:
 * what is measured is the code that applications load, and devices fail when
 * the lab wants it. A program apart from hufu(1), since the tool and the core have
 * functions of the same names.
 *
 * hufu-lab VERB [NAME=VALUE]... prints one JSON object; what goes wrong is said
 * on standard error, and the exit status is 1. Not for people: no promise is made of
 * its arguments and its output but to the hufu(1) of the same build.
 */
#ifndef LAB_H
#define LAB_H

#include "base/clock.h"
#include "hufu/pkcs11-sm.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_DEVICES_MAX 16

/* -- arguments ------------------------------------------------------------------ */

struct lab_args {
	char **words;               /* NAME=VALUE */
	int n;
};
/* otherwise where it was not given. */
const char *lab_text(const struct lab_args *, const char *name, const char *otherwise);
/* Ends the program, after a message, where it is no number of the range. */
unsigned long lab_number(const struct lab_args *, const char *name, unsigned long min, unsigned long max, unsigned long otherwise);

/* False, after a message with what was done, unless it is CKR_OK. */
bool lab_ok(CK_RV, const char *what);
bool lab_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* -- a token over devices that fail (bed.c) --------------------------------------- */

struct bed_plan {
	const char *dir;            /* empty, ours */
	unsigned devices;           /* "d1", "d2", ... of one domain */
	bool threads;               /* isolation */
	unsigned service_us;        /* of an op on a device, whatever the machine */
	unsigned sessions;          /* of a device */
	unsigned deadline_ms;       /* of a call, one that makes a key too */
};

struct bed {
	const struct bed_plan *plan;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;  /* the user is logged in */
	CK_OBJECT_HANDLE sign_key, cipher_key; /* SM2, SM4: of the session */
	uint8_t point[65];          /* 04 || x || y */
	uint8_t cipher_value[16];
};

bool bed_make(const struct bed_plan *, struct bed *);
/* A session of its own for a thread. */
bool bed_session(const struct bed *, CK_SESSION_HANDLE *);
CK_RV bed_sign(const struct bed *, CK_SESSION_HANDLE, const uint8_t e[32], uint8_t sig[64]);
CK_RV bed_encrypt(const struct bed *, CK_SESSION_HANDLE, const uint8_t *in, size_t len, uint8_t *out);
/* A key on the token, private, of this label: SM4, or a pair of SM2. */
CK_RV bed_make_key(const struct bed *, CK_SESSION_HANDLE, bool pair, const char *label);
/* How many keys have it, not counting public ones. -1: the token does not say. */
long bed_count_keys(const struct bed *, const char *label);

/* The device's script from now on (driver/fault/fault.h). */
bool bed_break(unsigned device, const char *faults);
/* It is well again; what hung returns, late. */
bool bed_mend(unsigned device);
/* Ops that the device has done. */
uint64_t bed_served(unsigned device);

/* -- an opinion of another library (judge.c) ---------------------------------------- */

struct judge;
struct judge *judge_new(const struct bed *);
void judge_free(struct judge *);
bool judge_signature(const struct judge *, const uint8_t e[32], const uint8_t sig[64]);
bool judge_ciphertext(const struct judge *, const uint8_t *in, size_t len, const uint8_t *out);

/* -- verbs ------------------------------------------------------------------------------ */

/* Each gives its object, or NULL after a message. */
json_t *lab_card(const struct lab_args *);
json_t *lab_failover(const struct lab_args *);
json_t *lab_net(const struct lab_args *);
json_t *lab_net_p11(const struct lab_args *);
json_t *lab_overhead(const struct lab_args *);
json_t *lab_scaling(const struct lab_args *);

#endif
