/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For operators and their tools, on a loopback address: /livez, /readyz, /healthz
 * (JSON; ?verbose: devices, too) and /metrics (Prometheus). hufud(8).
 */
#ifndef HUFUD_HTTP_H
#define HUFUD_HTTP_H

#include "hufud/machine.h"

struct http;
struct event_base;

/* Everything runs in the base's loop. address: conf_machine.http. HUFU_ERR_CONFIG after a message. */
enum hufu_err http_new(struct event_base *, const char *address, struct machine *, struct server *, struct http **) MUST_CHECK;
void http_free(struct http *);
/* When the machine last did an operation of its own, seconds since 1970; from any thread. */
void http_note_self_test(struct http *, int64_t wall_s);

#endif
