/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's device in its host: opened for it alone, so that its logins are its
 * own, as they were if the library were in the process itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "hufud/host_internal.h"

#define TAKES_ONE_LEASE(driver) ((driver)->flags & HUFU_DRIVER_THREAD_AFFINE)

struct parked {
	struct parked *next;
	struct hufu_lease *lease;
};

struct attachment {
	struct client *client;
	struct hufu_device *handle;
	uint32_t refs;                 /* the client's own is one */
	uint32_t leases;               /* there are, parked ones too */
	struct parked *parked;
};

struct client {
	struct client *next;
	struct host *host;
	uid_t uid;
	uint64_t process;
	uint32_t sessions;             /* under host->lock */
	struct key_cache *keys;
	pthread_mutex_t open_lock;     /* held while it is opened */
	pthread_mutex_t lock;          /* all below, and what its attachments have */
	pthread_cond_t freed;          /* a lease was parked, or made possible */
	struct attachment *attachment;       /* NULL: not open */
};

/* -- attachments ------------------------------------------------------------------------- */

struct hufu_device *attachment_device(const struct attachment *attachment)
{
	return attachment->handle;
}

/* The last one has gone: nobody else sees it. */
static void close_attachment(struct attachment *attachment)
{
	struct host *host = attachment->client->host;
	struct watch watch = {.what = "close", .deadline_ns = clock_now_ns() + HOST_CARE_NS};
	struct parked *next;

	watch_begin(&host->watcher, &watch);
	for (struct parked *parked = attachment->parked; parked; parked = next) {
		next = parked->next;
		host->driver->release(parked->lease);
		free(parked);
	}
	host->driver->close(attachment->handle, watch.deadline_ns);
	watch_end(&host->watcher, &watch);
	free(attachment);
}

void attachment_rele(struct attachment *attachment)
{
	struct client *client = attachment->client;

	pthread_mutex_lock(&client->lock);
	bool last = --attachment->refs == 0;
	pthread_mutex_unlock(&client->lock);
	if (last)
		close_attachment(attachment);
}

/* No op begins on it from now on. */
static void leave_attachment(struct client *client, struct attachment *attachment)
{
	pthread_mutex_lock(&client->lock);
	bool was_in = client->attachment == attachment;
	if (was_in)
		client->attachment = NULL;
	pthread_cond_broadcast(&client->freed);
	pthread_mutex_unlock(&client->lock);
	if (was_in)
		attachment_rele(attachment);
}

enum hufu_err client_attachment(struct client *client, struct attachment **out)
{
	pthread_mutex_lock(&client->lock);
	*out = client->attachment;
	if (*out)
		(*out)->refs++;
	pthread_mutex_unlock(&client->lock);
	return *out ? HUFU_OK : HUFU_ERR_GONE;
}

static enum hufu_err open_now(struct client *client, uint64_t deadline_ns, struct attachment **out)
{
	struct host *host = client->host;
	const struct hufu_conf conf = driver_conf(host->conf);
	struct attachment *attachment = calloc(1, sizeof(*attachment));

	if (!attachment)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = host->driver->open(driver_host(), &conf, deadline_ns, &attachment->handle);
	if (err != HUFU_OK) {
		free(attachment);
		return err;
	}
	attachment->client = client;
	attachment->refs = 2; /* the client's, and the caller's */
	pthread_mutex_lock(&client->lock);
	client->attachment = attachment;
	pthread_mutex_unlock(&client->lock);
	*out = attachment;
	return HUFU_OK;
}

enum hufu_err client_open(struct client *client, uint64_t deadline_ns, struct attachment **out)
{
	pthread_mutex_lock(&client->open_lock);
	enum hufu_err err = client_attachment(client, out);
	if (err != HUFU_OK)
		err = open_now(client, deadline_ns, out);
	pthread_mutex_unlock(&client->open_lock);
	return err;
}

/* -- leases ------------------------------------------------------------------------------ */

static struct hufu_lease *take_parked_locked(struct attachment *attachment)
{
	struct parked *parked = attachment->parked;

	if (!parked)
		return NULL;
	struct hufu_lease *lease = parked->lease;
	attachment->parked = parked->next;
	free(parked);
	return lease;
}

/* The device has no more, and others of this attachment are at work: one of theirs. False: it is not to be had. */
static bool wait_for_parked(struct attachment *attachment, uint64_t deadline_ns)
{
	struct client *client = attachment->client;

	pthread_mutex_lock(&client->lock);
	bool wait = attachment->leases > 0 && client->attachment == attachment;
	if (wait && !attachment->parked)
		wait = clock_wait(&client->freed, &client->lock, deadline_ns);
	pthread_mutex_unlock(&client->lock);
	return wait;
}

static enum hufu_err make_lease(struct attachment *attachment, uint64_t deadline_ns, struct hufu_lease **lease)
{
	struct client *client = attachment->client;

	pthread_mutex_lock(&client->lock);
	*lease = take_parked_locked(attachment);
	attachment->leases += !*lease;
	pthread_mutex_unlock(&client->lock);
	if (*lease)
		return HUFU_OK;
	enum hufu_err err = client->host->driver->lease(attachment->handle, deadline_ns, lease);
	if (err != HUFU_OK) {
		pthread_mutex_lock(&client->lock);
		attachment->leases--;
		pthread_mutex_unlock(&client->lock);
	}
	return err;
}

enum hufu_err attachment_lease(struct attachment *attachment, uint64_t deadline_ns, struct hufu_lease **lease)
{
	enum hufu_err err;

	do
		err = make_lease(attachment, deadline_ns, lease);
	while (err == HUFU_ERR_BUSY && wait_for_parked(attachment, deadline_ns));
	return err;
}

/* hufu/driver.h: after these the lease is released, and what the next op needs is a new one's. */
static bool spoils_lease(enum hufu_err outcome)
{
	switch (hufu_err_group(outcome)) {
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_BUG:
		return true;
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_HOST:
		break;
	}
	return false;
}

/* False: it has to be released. One that stays on its thread is not kept: the next op may be another's. */
static bool park(struct attachment *attachment, struct hufu_lease *lease)
{
	struct client *client = attachment->client;
	struct parked *parked = TAKES_ONE_LEASE(client->host->driver) ? NULL : malloc(sizeof(*parked));

	if (!parked)
		return false;
	*parked = (struct parked){.lease = lease};
	pthread_mutex_lock(&client->lock);
	bool is_current = client->attachment == attachment;
	if (is_current) {
		parked->next = attachment->parked;
		attachment->parked = parked;
		pthread_cond_signal(&client->freed);
	}
	pthread_mutex_unlock(&client->lock);
	if (!is_current)
		free(parked);
	return is_current;
}

void attachment_return(struct attachment *attachment, struct hufu_lease *lease, enum hufu_err outcome)
{
	struct client *client = attachment->client;

	if (!spoils_lease(outcome) && park(attachment, lease))
		return;
	client->host->driver->release(lease);
	pthread_mutex_lock(&client->lock);
	attachment->leases--;
	pthread_cond_signal(&client->freed);
	pthread_mutex_unlock(&client->lock);
	if (hufu_err_group(outcome) == HUFU_GROUP_GONE)
		leave_attachment(client, attachment);
}

/* -- keys --------------------------------------------------------------------------------- */

static enum hufu_err open_key(void *arg, const struct hufu_key *from, void **value)
{
	struct host_key *key = calloc(1, sizeof(*key));
	uint8_t *blob = secret_alloc(from->blob_len + 1);

	if (!key || !blob) {
		free(key);
		secret_free(blob);
		return HUFU_ERR_NO_MEMORY;
	}
	atomic_init(&key->refs, 1);
	key->client = arg;
	key->key = *from;
	key->key.blob = blob;
	key->key.loaded = NULL;
	if (from->blob_len)
		memcpy(blob, from->blob, from->blob_len);
	*value = key;
	return HUFU_OK;
}

static void hold_key(void *value)
{
	struct host_key *key = value;

	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
}

static void run_evict(struct host_key *key, struct attachment *attachment, uint64_t deadline_ns)
{
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_EVICT, .key = &key->key, .deadline_ns = deadline_ns};
	struct hufu_op *ops = &op;
	struct hufu_lease *lease;

	if (attachment_lease(attachment, deadline_ns, &lease) != HUFU_OK)
		return;
	key->client->host->driver->run(lease, &ops, 1);
	attachment_return(attachment, lease, HUFU_OK);
}

/* The last op with it has ended. Without a device what it loaded in this process is freed, where the driver knows how. */
static void evict(struct host_key *key)
{
	struct host *host = key->client->host;
	struct watch watch = {.what = "EVICT", .deadline_ns = clock_now_ns() + HOST_CARE_NS};
	struct attachment *attachment;

	watch_begin(&host->watcher, &watch);
	if (client_attachment(key->client, &attachment) == HUFU_OK) {
		run_evict(key, attachment, watch.deadline_ns);
		attachment_rele(attachment);
	}
	if (key->key.loaded && host->driver->forget)
		host->driver->forget(&key->key);
	watch_end(&host->watcher, &watch);
}

void host_key_rele(struct host_key *key)
{
	if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (key->key.loaded)
		evict(key);
	secret_free((void *)(uintptr_t)key->key.blob);
	free(key);
}

static void rele_key(void *value)
{
	host_key_rele(value);
}

static const struct key_cache_ops key_ops = {.open = open_key, .hold = hold_key, .rele = rele_key, .secret = true};

enum hufu_err client_key(struct client *client, const struct hufu_key *key, struct host_key **out)
{
	void *value = NULL;
	enum hufu_err err = key_cache_get(client->keys, key, &value);

	*out = value;
	return err;
}

void client_evict(struct client *client, const struct hufu_key *key)
{
	key_cache_drop(client->keys, key);
}

/* -- clients ---------------------------------------------------------------------------------- */

static struct client *find_locked(const struct host *host, uid_t uid, uint64_t process)
{
	struct client *client = host->clients;

	while (client && (client->uid != uid || client->process != process))
		client = client->next;
	return client;
}

struct client *client_find(struct host *host, uid_t uid, uint64_t process)
{
	pthread_mutex_lock(&host->lock);
	struct client *client = find_locked(host, uid, process);
	pthread_mutex_unlock(&host->lock);
	return client;
}

static struct client *client_new(struct host *host, uid_t uid, uint64_t process)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	*client = (struct client){.host = host, .uid = uid, .process = process, .next = host->clients};
	if (key_cache_new(&key_ops, client, KEY_CACHE_MAX, &client->keys) != HUFU_OK) {
		free(client);
		return NULL;
	}
	pthread_mutex_init(&client->open_lock, NULL);
	pthread_mutex_init(&client->lock, NULL);
	clock_cond_init(&client->freed);
	return client;
}

struct client *client_join(struct host *host, uid_t uid, uint64_t process)
{
	pthread_mutex_lock(&host->lock);
	struct client *client = find_locked(host, uid, process);
	if (!client && (client = client_new(host, uid, process)))
		host->clients = client;
	if (client)
		client->sessions++;
	pthread_mutex_unlock(&host->lock);
	return client;
}

static void *end_client(void *arg)
{
	struct client *client = arg;
	struct host *host = client->host;

	key_cache_free(client->keys);
	if (client->attachment)
		leave_attachment(client, client->attachment);
	pthread_cond_destroy(&client->freed);
	pthread_mutex_destroy(&client->lock);
	pthread_mutex_destroy(&client->open_lock);
	free(client);
	pthread_mutex_lock(&host->lock);
	host->ending--;
	pthread_cond_broadcast(&host->gone);
	pthread_mutex_unlock(&host->lock);
	return NULL;
}

/* In this thread only where there is no other to be had. */
static void end_elsewhere(struct client *client)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_client, client) == 0)
		pthread_detach(thread);
	else
		(void)end_client(client);
}

void client_leave(struct host *host, uid_t uid, uint64_t process)
{
	struct client *last = NULL;

	pthread_mutex_lock(&host->lock);
	for (struct client **at = &host->clients; *at && !last; at = &(*at)->next)
		if ((*at)->uid == uid && (*at)->process == process && --(*at)->sessions == 0) {
			last = *at;
			*at = last->next;
			host->ending++;
			break;
		}
	pthread_mutex_unlock(&host->lock);
	if (last)
		end_elsewhere(last);
}
