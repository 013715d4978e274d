/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "hufud/notify.h"

#include <time.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

static void notify(const char *state)
{
	(void)sd_notify(0, state);
}

void notify_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

/* Type=notify-reload matches the time against its own request's. */
void notify_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
	                 (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

void notify_status(const char *status)
{
	(void)sd_notifyf(0, "STATUS=%s", status);
}

bool notify_watchdog_wanted(uint64_t *interval_us)
{
	return sd_watchdog_enabled(0, interval_us) > 0 && *interval_us;
}

size_t notify_sockets(int *first)
{
	int n = sd_listen_fds(1);
	*first = SD_LISTEN_FDS_START;
	return n > 0 ? (size_t)n : 0;
}

#else

static void notify(const char *state)
{
	(void)state;
}

void notify_ready(const char *status)
{
	notify(status);
}

void notify_reloading(void)
{
}

void notify_status(const char *status)
{
	notify(status);
}

bool notify_watchdog_wanted(uint64_t *interval_us)
{
	(void)interval_us;
	return false;
}

size_t notify_sockets(int *first)
{
	*first = -1;
	return 0;
}

#endif

void notify_stopping(void)
{
	notify("STOPPING=1");
}

void notify_watchdog(void)
{
	notify("WATCHDOG=1");
}
