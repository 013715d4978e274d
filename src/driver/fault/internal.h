/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fault driver share. */
#ifndef DRIVER_FAULT_INTERNAL_H
#define DRIVER_FAULT_INTERNAL_H

#include <stdatomic.h>

#include "driver/fault/fault.h"
#include "driver/fault/script.h"

/* -- the lab: what is known of devices by their names, open or not (lab.c) --- */

struct subject;
struct shelf;
struct resident;

struct hufu_device {
	const struct hufu_host *host;
	const struct hufu_driver *driver; /* the wrapped one */
	struct hufu_device *inner;
	struct subject *subject;
	uint8_t domain_id[16];
	bool has_domain_id;
	uint32_t sessions;                /* 0: no limit of ours */
	_Atomic uint32_t in_use;
	uint64_t service_ns;
	bool split, permanent;
	struct shelf *shelf;              /* NULL: copies are blobs */
	uint32_t nresidents;
	char seed[64], password[64];
	struct resident *residents;       /* nresidents of them */
	struct hufu_capability *caps;     /* NULL: the wrapped driver's */
	size_t ncaps;
	_Atomic bool logged_in;
};

struct hufu_lease {
	struct hufu_device *device;
	struct hufu_lease *inner;
	uint64_t life;                    /* the device's, when it was made: going away ends it */
	bool lost;                        /* session-lost */
};

/* NULL: more devices than the lab holds. The script is the configuration's, unless a test gave one. */
struct subject *lab_subject(const char *name, const struct script *);
/*
 * Something comes by: what is to happen to it. GONE and session-lost are
 * settled here: as an error. lease NULL: a call.
 */
struct strike lab_strike(struct subject *, unsigned place, struct hufu_lease *);
uint64_t lab_life(struct subject *);
/* Until fault_release, or for this long on the injected clock. */
void lab_hang(struct subject *, uint64_t ns);

enum lab_count { LAB_OPENS, LAB_CLOSES, LAB_LEASES, LAB_RELEASES, LAB_PROBES };
void lab_count(struct subject *, enum lab_count);
void lab_count_op(struct subject *, enum hufu_verb, bool ran);

/* A call of the driver: delayed, refused, hung, or let through. */
enum hufu_err lab_call(struct subject *, unsigned place, uint64_t deadline_ns);
/* False: the deadline came first. */
bool lab_wait(uint64_t delay_ns, uint64_t deadline_ns);

/* -- ops (ops.c) --------------------------------------------------------------- */

void fault_run(struct hufu_lease *, struct hufu_op *const *ops, size_t n);

/* -- copies that are no blobs of the wrapped driver (copies.c) ------------------ */

/* The memory of a set of devices that hold the same keys at the same indexes. NULL: no room. */
struct shelf *shelf_named(const char *name);
void shelf_clear_all(void);
bool copies_are_own(const struct hufu_device *);
/* Runs op on the wrapped driver, its keys and copies translated. */
void copies_run(struct hufu_lease *, struct hufu_op *);


/* -- keys that are kept in the device (residents.c) ------------------------------ */

/* By its options, with the wrapped driver open. */
enum hufu_err residents_open(struct hufu_device *, uint64_t deadline_ns);
void residents_close(struct hufu_device *);
/* Is it the copy of such a key? */
bool residents_name(const struct hufu_key *);
/* The copy as the wrapped driver knows it; NULL: there is no such key, or it wants a login. secret_free(). */
uint8_t *residents_blob(const struct hufu_device *, const struct hufu_key *, size_t *len);
/* FIND, LOGIN, LOGOUT. False: another verb. */
bool residents_run(struct hufu_device *, struct hufu_op *);

#endif
