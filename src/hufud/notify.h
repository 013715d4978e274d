/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told (sd_notify(3)); without libsystemd, or another manager, nothing. */
#ifndef HUFUD_NOTIFY_H
#define HUFUD_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_status(const char *status);
void notify_watchdog(void);
/* How often the watchdog wants to hear of us; false: it does not. */
bool notify_watchdog_wanted(uint64_t *interval_us);
/* Sockets that were handed over (sd_listen_fds(3)): how many, the first of them. */
size_t notify_sockets(int *first);

#endif
