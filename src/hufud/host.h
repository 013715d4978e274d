/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices in processes of their own, isolation = process: a vendor's library
 * that crashes or hangs takes its host with it, and nobody else.
 *
 * The supervisor, in hufud, holds a Unix socket a device and starts a host for each (hufud --host NAME), anew
 * when it ends. The host lends the driver as it is (role HOST) to processes of this host: each has a device of its own there, with
 * its leases, its keys and its logins, from its first connection to its last.
 */
#ifndef HUFUD_HOST_H
#define HUFUD_HOST_H

#include "base/conf.h"

struct event_base;

/* -- the host (host.c, host_main.c) -------------------------------------------------- */

#define HOST_FD 3                  /* where its listening socket is, given by the supervisor */
#define HOST_EXIT_HUNG 70          /* EX_SOFTWARE of sysexits(3): a call did not come back */
#define HOST_EXIT_CONFIG 78        /* EX_CONFIG: it is not started again before the configuration changed */

/* The whole life of a host: what main returns. */
int host_main(struct conf *, const char *device);

/* -- the supervisor (supervisor.c) ----------------------------------------------------- */

struct supervisor;

/* Has the configuration devices that may run in processes of their own (conf_device_is_hosted)? */
bool supervisor_is_wanted(const struct conf *);
/* Are there users, besides this one and root, who may use them? */
bool supervisor_has_guests(const struct conf *);
/* Makes the sockets and starts the hosts: from then on devices can be opened, which waits for their hosts. path: of conf. */
enum hufu_err supervisor_new(struct event_base *, const struct conf *, const char *path, struct supervisor **) MUST_CHECK;
/* Hosts of new devices start, those of changed ones anew; those of devices that are gone end. */
void supervisor_reconfigure(struct supervisor *, const struct conf *);
/* Ends all hosts. NULL is ignored. */
void supervisor_free(struct supervisor *);
/* hufud with a plain hufu.conf: devices of this host's applications, and no machine. What main returns. */
int supervisor_main(struct conf *, const char *path);

#endif
