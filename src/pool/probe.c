/* SPDX-License-Identifier: Apache-2.0 */
/* A device tried for an administrator, in his own thread whatever its isolation: he can interrupt it. */
#include "pool/internal.h"

#include <stdio.h>
#include <string.h>

static struct device *find(struct pool *pool, const char *name)
{
	for (size_t i = 0; i < atomic_load(&pool->ndevices); i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		if (device && !strcmp(device->conf->name, name))
			return device;
	}
	return NULL;
}

static enum hufu_err ask(struct device *device, uint64_t deadline_ns)
{
	struct opening *opening = opening_hold(device);

	if (!opening)
		return HUFU_ERR_GONE;
	enum hufu_err err = device->driver->probe(opening->handle, deadline_ns);
	opening_rele(opening);
	return err;
}

/* On its open connection, with a session for as long as it takes. */
static enum hufu_err examine(struct device *device, enum hufu_err (*what)(struct admission *), uint64_t deadline_ns, char *why,
                             size_t why_len)
{
	struct opening *opening = opening_hold(device);

	if (!opening)
		return HUFU_ERR_GONE;
	struct admission admission = {
		.device = device, .handle = atomic_load(&opening->handle), .caps = atomic_load(&device->caps),
		.deadline_ns = deadline_ns, .why = why, .why_len = why_len,
	};
	enum hufu_err err = what(&admission);
	if (admission.lease)
		device->driver->release(admission.lease);
	opening_rele(opening);
	return err;
}

enum hufu_err pool_probe(struct pool *pool, const char *name, bool deep, uint64_t deadline_ns, char *why, size_t why_len)
{
	struct device *device = find(pool, name);

	why[0] = 0;
	if (!device)
		return HUFU_ERR_NOT_FOUND;
	enum hufu_err err = device_open_here(device, deadline_ns);
	if (err != HUFU_OK)
		snprintf(why, why_len, "it cannot be opened");
	if (err == HUFU_OK && (err = ask(device, deadline_ns)) != HUFU_OK)
		snprintf(why, why_len, "it does not answer its probe");
	return err == HUFU_OK && deep ? examine(device, admit_known_answers, deadline_ns, why, why_len) : err;
}

/* -- domains ------------------------------------------------------------------ */

static enum hufu_err proofs(struct admission *admission)
{
	uint32_t given;

	return admit_prove(admission, &given);
}

static enum hufu_err verify(struct device *device)
{
	uint64_t deadline_ns = clock_now_ns() + OPEN_TIME_NS;
	char why[160] = "";

	enum hufu_err err = device_open_here(device, deadline_ns);
	return err == HUFU_OK ? examine(device, proofs, deadline_ns, why, sizeof(why)) : err;
}

enum hufu_err pool_verify_domain(struct pool *pool, const char *domain,
                                 void (*each)(const char *device, const char *domain, enum hufu_err, void *arg), void *arg)
{
	enum hufu_err worst = HUFU_OK;

	for (size_t i = 0; i < atomic_load(&pool->ndevices); i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		if (domain && strcmp(device->conf->domain, domain) != 0)
			continue;
		enum hufu_err err = verify(device);
		each(device->conf->name, device->conf->domain, err, arg);
		if (err != HUFU_OK && worst != HUFU_ERR_CORRUPT)
			worst = err;
	}
	return worst;
}
