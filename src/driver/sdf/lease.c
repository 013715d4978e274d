/* SPDX-License-Identifier: Apache-2.0 */
/* Leases are sessions: opened, looked after, and closed with what they held. */
#include "driver/sdf/sdf.h"

#include <stdlib.h>

#include "base/clock.h"

static bool idled_out(const struct hufu_device *device, uint64_t used_ns)
{
	uint64_t idle_ns = device->profile->idle_s * NS_PER_S;

	return idle_ns && device->host->now_ns() - used_ns >= idle_ns;
}

static enum hufu_err open_session(struct hufu_device *device, uint64_t deadline_ns, struct sdf_session **out)
{
	uint32_t code = 0;
	enum hufu_err err = sdf_session_open(device->device, deadline_ns, out, &code);
	const char *name = sdf_code_name(device->profile, code);

	if (err != HUFU_OK)
		device->host->log(HUFU_LOG_INFO, device->name, "no session: the library says 0x%08x%s%s", (unsigned)code,
		                  name ? ", " : "", name ? name : "");
	return err;
}

/* -- rights that outlived their login -------------------------------------------- */

static bool has_stale_rights(const struct hufu_lease *lease)
{
	return lease->has_rights && lease->login != atomic_load(&lease->device->logins);
}

/*
 * A right that counts for the device is left to the other sessions while its
 * login lasts; one that stacks is given back by whoever took it.
 */
static void release_rights(struct hufu_lease *lease)
{
	const struct sdf_profile *profile = lease->device->profile;

	if (!profile->right_stacks && (profile->right_per_session || !has_stale_rights(lease)))
		return;
	for (uint32_t i = 1; i <= SDF_INDEX_MAX && !lease->session->dead; i++)
		if (index_in(&lease->rights, i))
			(void)!sdf_right_release(lease->session, i); /* the session ends in any case */
}

static void close_session(struct hufu_lease *lease)
{
	struct sdf_session *session = lease->session;

	if (!session)
		return;
	handles_forget_all(lease);
	if (lease->has_rights)
		release_rights(lease);
	memset(&lease->rights, 0, sizeof(lease->rights));
	lease->has_rights = false;
	lease->session = NULL;
	sdf_session_close(session);
}

void lease_drop_rights_if_stale(struct hufu_lease *lease)
{
	if (pthread_mutex_trylock(&lease->lock) != 0)
		return; /* whoever has it does the same */
	if (has_stale_rights(lease))
		close_session(lease);
	pthread_mutex_unlock(&lease->lock);
}

static struct hufu_lease *lock_next_stale(struct hufu_device *device)
{
	struct hufu_lease *lease;

	pthread_mutex_lock(&device->lock);
	for (lease = device->leases; lease; lease = lease->next) {
		if (pthread_mutex_trylock(&lease->lock) != 0)
			continue; /* at work: it looks when it is done */
		if (has_stale_rights(lease))
			break;
		pthread_mutex_unlock(&lease->lock);
	}
	pthread_mutex_unlock(&device->lock);
	return lease;
}

void leases_drop_rights(struct hufu_device *device)
{
	struct hufu_lease *lease;

	while ((lease = lock_next_stale(device))) {
		close_session(lease);
		pthread_mutex_unlock(&lease->lock);
	}
}

/* -- leases ------------------------------------------------------------------------ */

static void link_lease(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;

	pthread_mutex_lock(&device->lock);
	lease->next = device->leases;
	if (lease->next)
		lease->next->prev = lease;
	device->leases = lease;
	lease->evictions = atomic_load(&device->evictions.n);
	pthread_mutex_unlock(&device->lock);
}

static void unlink_lease(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;

	pthread_mutex_lock(&device->lock);
	*(lease->prev ? &lease->prev->next : &device->leases) = lease->next;
	if (lease->next)
		lease->next->prev = lease->prev;
	pthread_mutex_unlock(&device->lock);
}

static void free_memory(struct hufu_lease *lease)
{
	if (!lease)
		return;
	lease->device->host->secret_free(lease->scratch);
	free(lease->held);
	free(lease);
}

static struct hufu_lease *make(struct hufu_device *device)
{
	struct hufu_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->device = device;
	lease->held = calloc(device->profile->handles_max, sizeof(*lease->held));
	lease->scratch = device->host->secret_alloc(SDF_SCRATCH_LEN);
	if (lease->held && lease->scratch)
		return lease;
	free_memory(lease);
	return NULL;
}

enum hufu_err lease_new(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = make(device);

	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = open_session(device, deadline_ns, &lease->session);
	if (err != HUFU_OK) {
		free_memory(lease);
		return err;
	}
	lease->used_ns = device->host->now_ns();
	pthread_mutex_init(&lease->lock, NULL);
	link_lease(lease);
	*out = lease;
	return HUFU_OK;
}

/* Off the list first; then it waits for a logout that may be closing its session. */
void lease_free(struct hufu_lease *lease)
{
	unlink_lease(lease);
	pthread_mutex_lock(&lease->lock);
	close_session(lease);
	pthread_mutex_unlock(&lease->lock);
	pthread_mutex_destroy(&lease->lock);
	free_memory(lease);
}

enum hufu_err lease_ready(struct hufu_lease *lease, uint64_t deadline_ns)
{
	if (lease->session && (lease->session->dead || has_stale_rights(lease) || idled_out(lease->device, lease->used_ns)))
		close_session(lease);
	if (!lease->session) {
		enum hufu_err err = open_session(lease->device, deadline_ns, &lease->session);
		if (err != HUFU_OK)
			return err;
	}
	lease->session->deadline_ns = deadline_ns;
	lease->session->code = 0; /* what is there when the op ends is of the op */
	lease->used_ns = lease->device->host->now_ns();
	handles_evict(lease);
	return HUFU_OK;
}

/* -- the probe's session -------------------------------------------------------------- */

/* A device of one session has none to spare. */
static void keep_spare(struct hufu_device *device, struct sdf_session *session)
{
	struct sdf_session *none = NULL;

	atomic_store(&device->spare_used_ns, device->host->now_ns());
	if (device->profile->sessions_max == 1 || !atomic_compare_exchange_strong(&device->spare, &none, session))
		sdf_session_close(session);
}

static enum hufu_err ask(struct hufu_device *device, struct sdf_session *session, uint64_t deadline_ns)
{
	struct sdf_device_info info;

	session->deadline_ns = deadline_ns;
	enum hufu_err err = sdf_info(session, &info);
	if (err == HUFU_OK)
		keep_spare(device, session);
	else
		sdf_session_close(session);
	return err;
}

/* A session that was kept may have died of age where the device has not. */
enum hufu_err device_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	struct sdf_session *session = atomic_exchange(&device->spare, NULL);

	if (session && idled_out(device, atomic_load(&device->spare_used_ns))) {
		sdf_session_close(session);
		session = NULL;
	}
	if (session && ask(device, session, deadline_ns) == HUFU_OK)
		return HUFU_OK;
	enum hufu_err err = open_session(device, deadline_ns, &session);
	return err == HUFU_OK ? ask(device, session, deadline_ns) : err;
}
