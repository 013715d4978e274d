/* SPDX-License-Identifier: Apache-2.0 */
/* Domains: the devices of a token by the copies that they can use. */
#include <string.h>

#include "pool/internal.h"

/* Can new work begin on it now, as far as is known? */
static bool is_up(struct device *device)
{
	uint64_t now = clock_now_ns();

	if (!device_is_known(device) || atomic_load(&device->admin) != POOL_ENABLED)
		return false;
	device_probe_if_due(device, now, now + PROBE_TIME_NS);
	switch (health_state(&device->health)) {
	case POOL_UP:
	case POOL_SUSPECT:
	case POOL_SLOW_START:
		return true;
	case POOL_JOINING:
	case POOL_EJECTED:
	case POOL_PROBING:
	case POOL_QUARANTINED:
		break;
	}
	return false;
}

/* Where it stands among those found so far; n: nowhere. */
static size_t find(const struct pool_domain *domains, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(domains[i].name, name) != 0)
		i++;
	return i;
}

bool pool_makes_for_good(struct pool *pool, const char *domain, uint64_t mechanism)
{
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = pool->devices[i];
		struct capability *cap = strcmp(device->conf->domain, domain) == 0 ?
			device_capability(device, mechanism, HUFU_VERB_GENERATE, false) : NULL;
		if (cap && cap->permanent)
			return true;
	}
	return false;
}

bool pool_opens(struct pool *pool, const char *domain, struct pool_key *key, uint64_t mechanism)
{
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = pool->devices[i];

		if (strcmp(device->conf->domain, domain) == 0 && !device_is_software(device) && device_is_known(device) &&
		    key_view(key, device) && device_capability(device, mechanism, HUFU_VERB_UNWRAP, false))
			return true;
	}
	return false;
}

size_t pool_domains(struct pool *pool, struct pool_domain *domains, size_t cap)
{
	struct pool_domain all[POOL_DEVICES_MAX];
	size_t n = 0;

	pool_open_all(pool);
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = pool->devices[i];
		if (atomic_load(&device->admin) == POOL_REMOVED)
			continue;
		bool software = device_is_software(device);
		size_t at = find(all, n, device->conf->domain);
		if (at == n)
			all[n++] = (struct pool_domain){.name = device->conf->domain, .software = true};
		all[at].software &= software;
		all[at].exposed |= software;
		all[at].up |= is_up(device);
		all[at].proof = proof_is_given_for(pool, device->conf->domain);
	}
	if (n && cap)
		memcpy(domains, all, (n < cap ? n : cap) * sizeof(*domains));
	return n;
}
