/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/probe.h"
#include "base/clock.h"
#include "base/log.h"
#include "driver/driver.h"
#include "tools/report.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define GRACE_S 2

static void copy(char out[64], const char *text, size_t len)
{
	text_clean(text, strnlen(text, len), out, 64);
}

static void keep_info(struct pool *pool, struct probe *probe)
{
	struct pool_device_status status;

	if (pool_status(pool, &status, 1) != 1 || !status.info.size)
		return;
	const struct hufu_device_info *info = &status.info;
	probe->open = true;
	copy(probe->vendor, info->vendor, sizeof info->vendor);
	copy(probe->model, info->model, sizeof info->model);
	copy(probe->serial, info->serial, sizeof info->serial);
	copy(probe->firmware, info->firmware, sizeof info->firmware);
	probe->software = pool_is_software(pool);
	probe->sessions_max = info->max_leases;
	probe->ncaps = info->ncaps;
}

/* A driver that does not return by its deadline: there is nothing left to wait for. */
static void on_alarm(int sig)
{
	static const char text[] = "hufu: the device's driver does not return; the device hangs, or its library does.\n"
	                           "      Set isolation = thread in its section, so that programs do not hang with it.\n";

	(void)sig;
	(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(ST_UNAVAILABLE);
}

enum status probe_device(const struct conf *conf, size_t device, bool deep, unsigned long seconds, struct probe *probe)
{
	const char *name = conf->devices[device].name;
	struct conf_token token = conf->defaults;
	static char nobody[] = "";
	struct pool *pool;
	char why[256];

	*probe = (struct probe){0};
	/* What the driver has to say belongs to whoever sits here; HUFU_LOG still overrides. */
	if (log_configure("stderr", HUFU_LOG_WARNING, why, sizeof why))
		note("%s", why);
	token.name = nobody;
	token.devices = &device;
	token.ndevices = 1;
	token.deadline_ms = (uint32_t)seconds * 1000;
	enum hufu_err err = pool_new(conf, &token, &pool);
	if (err)
		return fail_err(err, "making a pool for device \"%s\"", name);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	alarm((unsigned)seconds + GRACE_S);
	uint64_t begun = clock_now_ns();
	probe->err = pool_probe(pool, name, deep, begun + seconds * NS_PER_S, probe->why, sizeof probe->why);
	probe->took_ns = clock_now_ns() - begun;
	keep_info(pool, probe);
	pool_free(pool);
	alarm(0);
	return ST_OK;
}

enum status probe_status(const char *name, const struct probe *probe)
{
	static const struct {
		enum hufu_group group;
		enum status status;
		const char *next;
	} ends[] = {
		{HUFU_GROUP_OK, ST_OK, NULL},
		{HUFU_GROUP_DENIED, ST_AUTH, "Correct the credential in its section; trying again may lock the device."},
		{HUFU_GROUP_CORRUPT, ST_INTEGRITY, "Do not use it until its maker has looked at it."},
		{HUFU_GROUP_GONE, ST_UNAVAILABLE, "Check that it is switched on, plugged in and reachable from this host."},
		{HUFU_GROUP_BUSY, ST_UNAVAILABLE, "All its sessions are taken: try again, or see who uses it."},
		{HUFU_GROUP_HOST, ST_UNAVAILABLE,
		 "What is written above says what to correct; hufu.conf(5) lists the keys of its section."},
	};
	size_t i = 0, n = sizeof ends / sizeof *ends;

	while (i < n && ends[i].group != hufu_err_group(probe->err))
		i++;
	if (i < n && ends[i].status == ST_OK)
		return ST_OK;
	return fail(i < n ? ends[i].status : ST_UNAVAILABLE, i < n ? ends[i].next : NULL, "device \"%s\" is not well: %s%s%s", name,
	            err_text(probe->err), probe->why[0] ? ": " : "", probe->why);
}
