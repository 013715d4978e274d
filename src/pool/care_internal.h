/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a device's care share: which errand is due, the errand itself, what follows from it. */
#ifndef POOL_CARE_INTERNAL_H
#define POOL_CARE_INTERNAL_H

#include "pool/care.h"

#define CARE_RETRY_NS (NS_PER_S / 20)  /* of what was busy, or had no memory */

enum care_kind { CARE_OPEN, CARE_PROBE, CARE_PING, CARE_ANSWERS, CARE_PROOFS, CARE_EMPTY, CARE_CLOSE };

struct care {
	struct job job;
	struct device *device;
	enum care_kind kind;
	bool probing;                  /* PROBE_OK or PROBE_FAILED follows */
	bool admits;                   /* PROBE: of one that was out of service */
	bool here;                     /* in the thread that asked: it cannot be given up */
	bool asked_proofs, proven, login_refused;
	struct device_login login;     /* as it is after it */
	struct opening *opening;       /* held */
	struct hufu_device *handle;    /* of OPEN, until it is the device's */
	struct hufu_lease *lease;      /* on it, likewise */
	struct hufu_device_info info;
	struct capabilities *caps;
	uint32_t proofs;               /* as there were when they were asked for */
	uint64_t begun_ns;
	char why[120];                 /* what is wrong, for people */
};

/* -- which (care_due.c). Of a device that the caller has claimed. ------------------- */

/* probing: the device is probing from now on, and PROBE_OK or PROBE_FAILED must follow. */
bool care_due(struct device *, bool urgent, uint64_t now_ns, enum care_kind *, bool *probing);
uint64_t care_time_for(const struct device *, enum care_kind);
/* Drained: what it did is done, its sessions are given back; it stays open and is looked after. */
void care_give_back_sessions(struct device *);

/* -- the errand itself, which may hang (care_errand.c) -------------------------------- */

void care_work(struct job *, struct lane *);
/* A place for a new connection, held; NULL: all are in use. */
struct opening *care_reserve_opening(struct device *);
bool care_has_free(struct device *);
/* Connections that the device has left, and that are still open. */
bool care_has_left(struct device *);
void care_close_left(struct device *, bool evict, uint64_t deadline_ns);

/* -- what follows from it (care_outcome.c) --------------------------------------------- */

void care_conclude(struct care *, uint64_t now_ns);
/* It was given up. */
void care_conclude_hung(const struct care *, uint64_t now_ns);

#endif
