/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cipher machine: its tenants, who may use them, and which service serves
 * which role. What the server asks of it is machine_rules.
 */
#ifndef HUFUD_MACHINE_H
#define HUFUD_MACHINE_H

#include "hufud/access.h"
#include "hufud/server.h"
#include "hufud/tenant.h"

struct machine;

/* Takes conf over in any case. Waits for nothing. HUFU_ERR_CONFIG after a message. */
enum hufu_err machine_new(struct conf *conf, struct machine **) MUST_CHECK;
/* The server has ended. */
void machine_free(struct machine *);
/* As machine_new would make one, and nothing is kept: for --check-config. */
enum hufu_err machine_check(const struct conf *) MUST_CHECK;
struct server_rules machine_rules(struct machine *);
/* As it is in force. */
const struct conf *machine_conf(const struct machine *);
/* NULL: none is kept. */
struct audit *machine_audit(struct machine *);
/*
 * Identities, limits, devices; what waits for a restart is told to the log. Takes conf over, which is machine_conf from now
 * on; on an error nothing has changed and it is the caller's still.
 */
enum hufu_err machine_reload(struct machine *, struct conf *) MUST_CHECK;
/* The file of wishes for devices (conf->states) changed: what it says now holds. */
void machine_reload_wishes(struct machine *);

/* From time to time; waits for nothing: what has ended by itself is put away. */
void machine_tend(struct machine *);
/* Opens the devices, as far as that can be done in a time that is bounded. */
void machine_warm_up(struct machine *);
void machine_each_identity(struct machine *, void (*)(void *arg, const struct access_use *), void *arg);
size_t machine_ntenants(const struct machine *);
struct tenant *machine_tenant(const struct machine *, size_t);
/* Requests of a tenant that were answered, by op and result (server.h). */
uint64_t machine_answered(const struct machine *, size_t tenant, size_t op, size_t result);
/* The machine's own session with a tenant, and its service: for server_ask. */
struct session *machine_session(struct machine *, size_t tenant, const struct service **);
/* Can it be used now? */
bool machine_device_works(const struct pool_device_status *);
/* Can the audit trail be written, and does every domain of every tenant have a device that can be used? why: the first that is not so. */
bool machine_ready(struct machine *, char *why, size_t why_len);

#endif
