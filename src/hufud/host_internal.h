/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a device's host share. */
#ifndef HUFUD_HOST_INTERNAL_H
#define HUFUD_HOST_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "driver/driver.h"
#include "hufud/host.h"
#include "hufud/key_cache.h"
#include "hufud/tenant_internal.h"

#define HOST_LANES 64u
#define HOST_QUEUE 4096u
#define HOST_GRACE_NS (5 * NS_PER_S)  /* beyond its deadline, then a call hangs */
#define HOST_CARE_NS NS_PER_S         /* for what nobody waits for: close, release, EVICT */

/* -- host_watch.c: calls that do not come back ------------------------------------------- */

/* A call of the driver under way; on its caller's stack. */
struct watch {
	struct watch *next, **link;
	const char *what;
	uint64_t deadline_ns;
	struct request *req;           /* NULL: nobody can cancel it */
	struct hufu_lease *lease;      /* what cancel is for; NULL: not yet, or no more */
	bool cancelling;
};

struct watcher {
	const struct hufu_driver *driver;
	const char *device;
	uint64_t grace_ns;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct watch *all;
	bool ending;
	pthread_t hang_thread, cancel_thread;
	void (*hung)(const char *device, const char *what); /* does not return */
};

enum hufu_err watcher_start(struct watcher *) MUST_CHECK;
void watcher_stop(struct watcher *);
void watch_begin(struct watcher *, struct watch *);
void watch_end(struct watcher *, struct watch *);
/* The driver works with this lease from now on; NULL: no more, and it is not being cancelled any more either. */
void watch_lease(struct watcher *, struct watch *, struct hufu_lease *);

/* -- host_client.c: a process's device ---------------------------------------------------- */

struct host {
	const struct conf_device *conf;
	const struct hufu_driver *driver;
	struct tenant_lanes *lanes;
	struct watcher watcher;
	pthread_mutex_t lock;          /* of clients */
	pthread_cond_t gone;
	struct client *clients;
	unsigned ending;               /* clients whose devices are being closed */
};

struct client;

/* The process's, held; made at its first connection. NULL: no memory. */
struct client *client_join(struct host *, uid_t, uint64_t process);
/* After its last connection its device is closed, on a thread of its own. */
void client_leave(struct host *, uid_t, uint64_t process);
/* Of a session that lives. */
struct client *client_find(struct host *, uid_t, uint64_t process);

/* One connection to the device; until attachment_rele. */
struct attachment;
/* Opens it where it is not; who comes meanwhile waits. */
enum hufu_err client_open(struct client *, uint64_t deadline_ns, struct attachment **) MUST_CHECK;
/* HUFU_ERR_GONE: it is not open, since nobody opened it or what was open is gone. INFO opens it. */
enum hufu_err client_attachment(struct client *, struct attachment **) MUST_CHECK;
void attachment_rele(struct attachment *);
struct hufu_device *attachment_device(const struct attachment *);
/* A lease for one op; waits for one where the device has no more. */
enum hufu_err attachment_lease(struct attachment *, uint64_t deadline_ns, struct hufu_lease **) MUST_CHECK;
/* outcome: whether it may serve again; GONE: nothing of the attachment may. */
void attachment_return(struct attachment *, struct hufu_lease *, enum hufu_err outcome);

/* A key as the driver knows it: the client's to the end of the last op with it, then EVICT. */
struct host_key {
	_Atomic uint32_t refs;
	struct client *client;
	struct hufu_key key;           /* blob in secret memory */
};
enum hufu_err client_key(struct client *, const struct hufu_key *, struct host_key **) MUST_CHECK;
void host_key_rele(struct host_key *); /* NULL is ignored */
void client_evict(struct client *, const struct hufu_key *);

/* -- host.c: the service --------------------------------------------------------------------- */

/* One a process: services have no argument. The driver and conf outlive it. */
enum hufu_err host_start(const struct conf_device *, const struct hufu_driver *, uint64_t grace_ns,
                         void (*hung)(const char *device, const char *what)) MUST_CHECK;
/* No connection is left. Waits until all devices are closed. */
void host_stop(void);
void host_load(struct wire_load *);

#endif
