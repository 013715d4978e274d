/* SPDX-License-Identifier: Apache-2.0 */
/* Tries a device of a configuration in this very process, through a pool of its own. */
#ifndef TOOLS_PROBE_H
#define TOOLS_PROBE_H

#include "pool/pool.h"
#include "tools/tool.h"

#define PROBE_WHY 256

struct probe {
	enum hufu_err err;        /* HUFU_OK: it is well */
	char why[PROBE_WHY];      /* else: what is wrong, or "" */
	uint64_t took_ns;
	bool open;                /* what follows is known */
	char vendor[64], model[64], serial[64], firmware[64];
	bool software;
	uint32_t sessions_max;
	size_t ncaps;
};

/* device: of the configuration. ST_OK also where the device is not well: see err. */
enum status probe_device(const struct conf *, size_t device, bool deep, unsigned long seconds, struct probe *) MUST_USE;
/* The exit code of a probe. After a message where it is not ST_OK. */
enum status probe_status(const char *name, const struct probe *) MUST_USE;

#endif
