/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/fault/fault.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "driver/fault/script.h"

#define SUBJECTS_MAX 32

/* What is known of a device, open or not. */
struct subject {
	char name[80];
	struct script script;
	bool by_test;              /* fault_script's, not the configuration's */
	struct fault_counts counts;
};

static struct {
	pthread_mutex_t lock;
	struct subject subjects[SUBJECTS_MAX];
	size_t n;
} lab = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct hufu_device {
	const struct hufu_host *host;
	const struct hufu_driver *driver; /* the wrapped one */
	struct hufu_device *inner;
	struct subject *subject;
};

struct hufu_lease {
	struct hufu_device *device;
	struct hufu_lease *inner;
};

/* NULL: more devices than the lab holds. */
static struct subject *subject_locked(const char *name)
{
	for (size_t i = 0; i < lab.n; i++)
		if (strcmp(lab.subjects[i].name, name) == 0)
			return &lab.subjects[i];
	if (lab.n == SUBJECTS_MAX || strlen(name) >= sizeof(lab.subjects[0].name))
		return NULL;
	struct subject *subject = &lab.subjects[lab.n++];
	*subject = (struct subject){0};
	memcpy(subject->name, name, strlen(name) + 1);
	return subject;
}

static void count(uint64_t *counter)
{
	pthread_mutex_lock(&lab.lock);
	++*counter;
	pthread_mutex_unlock(&lab.lock);
}

/* What the script has for this call: a copy, since a test may change the script meanwhile. False: nothing but the delay. */
static bool step(struct subject *subject, unsigned place, uint64_t *delay_ns, struct fault *out)
{
	const struct fault *fault;

	pthread_mutex_lock(&lab.lock);
	script_step(&subject->script, place, delay_ns, &fault);
	if (fault)
		*out = *fault;
	pthread_mutex_unlock(&lab.lock);
	return fault != NULL;
}

/* False: the deadline came first. */
static bool wait(uint64_t delay_ns, uint64_t deadline_ns)
{
	uint64_t now = delay_ns ? clock_now_ns() : 0;

	if (!delay_ns)
		return true;
	if (deadline_ns && now + delay_ns > deadline_ns) {
		if (deadline_ns > now)
			clock_sleep_ns(deadline_ns - now);
		return false;
	}
	clock_sleep_ns(delay_ns);
	return true;
}

/* open, lease, probe: delayed, refused, or let through. */
static enum hufu_err call(struct subject *subject, unsigned place, uint64_t deadline_ns)
{
	uint64_t delay_ns;
	struct fault fault;
	bool faulty = step(subject, place, &delay_ns, &fault);

	if (!wait(delay_ns, deadline_ns))
		return HUFU_ERR_LOST;
	return faulty && fault.what == WHAT_ERROR ? fault.err : HUFU_OK;
}

/* -- the driver ------------------------------------------------------------ */

static enum hufu_err set_up(const struct hufu_host *host, const struct hufu_conf *conf, struct subject **out)
{
	const char *text = conf->get(conf, "script");
	struct script script;
	char why[256];

	if (script_parse(text ? text : "", &script, why, sizeof(why)) != HUFU_OK) {
		host->log(HUFU_LOG_ERROR, conf->name, "%s", why);
		return HUFU_ERR_CONFIG;
	}
	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(conf->name);
	if (subject && !subject->by_test && subject->script.n == 0)
		subject->script = script;
	pthread_mutex_unlock(&lab.lock);
	*out = subject;
	return subject ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static const struct hufu_driver *wrapped(const struct hufu_host *host, const struct hufu_conf *conf)
{
	const char *name = conf->get(conf, "wraps");

	if (name && strcmp(name, "fault") == 0) {
		host->log(HUFU_LOG_ERROR, conf->name, "wraps = \"fault\" would wrap itself. Name another driver");
		return NULL;
	}
	return host->driver(name ? name : "soft");
}

static enum hufu_err fault_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                                struct hufu_device **out)
{
	const struct hufu_driver *driver = wrapped(host, conf);
	struct subject *subject;
	enum hufu_err err = driver ? set_up(host, conf, &subject) : HUFU_ERR_CONFIG;

	if (err == HUFU_OK)
		err = call(subject, PLACE_OPEN, deadline_ns);
	if (err != HUFU_OK)
		return err;
	struct hufu_device *device = malloc(sizeof(*device));
	if (!device)
		return HUFU_ERR_NO_MEMORY;
	*device = (struct hufu_device){.host = host, .driver = driver, .subject = subject};
	err = driver->open(host, conf, deadline_ns, &device->inner);
	if (err != HUFU_OK) {
		free(device);
		return err;
	}
	count(&subject->counts.opens);
	*out = device;
	return HUFU_OK;
}

static void fault_close(struct hufu_device *device, uint64_t deadline_ns)
{
	device->driver->close(device->inner, deadline_ns);
	count(&device->subject->counts.closes);
	free(device);
}

static enum hufu_err fault_info(struct hufu_device *device, struct hufu_device_info *info)
{
	return device->driver->info(device->inner, info);
}

static enum hufu_err fault_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	enum hufu_err err = call(device->subject, PLACE_PROBE, deadline_ns);

	if (err == HUFU_OK)
		err = device->driver->probe(device->inner, deadline_ns);
	if (err == HUFU_OK)
		count(&device->subject->counts.probes);
	return err;
}

static enum hufu_err fault_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	enum hufu_err err = call(device->subject, PLACE_LEASE, deadline_ns);
	if (err != HUFU_OK)
		return err;
	struct hufu_lease *lease = malloc(sizeof(*lease));
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	lease->device = device;
	err = device->driver->lease(device->inner, deadline_ns, &lease->inner);
	if (err != HUFU_OK) {
		free(lease);
		return err;
	}
	count(&device->subject->counts.leases);
	*out = lease;
	return HUFU_OK;
}

static void fault_release(struct hufu_lease *lease)
{
	lease->device->driver->release(lease->inner);
	count(&lease->device->subject->counts.releases);
	free(lease);
}

/* -- ops ------------------------------------------------------------------- */

static void run_inner(struct hufu_lease *lease, struct hufu_op *op)
{
	count(&lease->device->subject->counts.ops[op->verb & 15]);
	lease->device->driver->run(lease->inner, &op, 1);
}

static void fail(struct hufu_op *op, enum hufu_err err)
{
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->outcome = err;
}

/* The device did it, and then the answer went astray: half of the output stands where it was going. */
static void run_and_lose(struct hufu_lease *lease, struct hufu_op *op, enum hufu_err err)
{
	run_inner(lease, op);
	if (op->outcome == HUFU_OK && op->out_len)
		memset(op->out + op->out_len / 2, 0xa5, op->out_len - op->out_len / 2);
	op->outcome = err;
}

/* The answer to an input with one bit turned over, or bytes without chance where there is no input. */
static void run_wrong(struct hufu_lease *lease, struct hufu_op *op)
{
	const uint8_t *in = op->in;
	uint8_t *other = op->in_len ? malloc(op->in_len) : NULL;

	if (other) {
		memcpy(other, in, op->in_len);
		other[0] ^= 1;
		op->in = other;
	}
	run_inner(lease, op);
	op->in = in;
	if (!other && op->outcome == HUFU_OK && op->out_len)
		memset(op->out, 0x42, op->out_len);
	free(other);
}

static void flip(uint8_t *bytes, size_t len)
{
	if (bytes && len)
		bytes[len / 2] ^= 0x10;
}

static void run_and_falsify(struct hufu_lease *lease, struct hufu_op *op, enum fault_what what)
{
	run_inner(lease, op);
	if (op->outcome != HUFU_OK)
		return;
	if (what == WHAT_FLIP_OUT)
		flip(op->out, op->out_len);
	if (what == WHAT_FLIP_PUB)
		flip(op->pub, op->pub_len);
	if (what == WHAT_FLIP_STATE)
		flip(op->state_out, op->state_out_len);
	if (what == WHAT_OVERLONG)
		op->out_len = op->out_cap + 1;
}

static bool has_effect(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_LOST || hufu_err_group(err) == HUFU_GROUP_CORRUPT;
}

static void misbehave(struct hufu_lease *lease, struct hufu_op *op, const struct fault *fault)
{
	if (fault->what == WHAT_WRONG)
		run_wrong(lease, op);
	else if (fault->what != WHAT_ERROR)
		run_and_falsify(lease, op, fault->what);
	else if (has_effect(fault->err))
		run_and_lose(lease, op, fault->err);
	else
		fail(op, fault->err);
}

static void run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	struct subject *subject = lease->device->subject;
	uint64_t delay_ns;
	struct fault fault;

	count(&subject->counts.asked[op->verb & 15]);
	if (op->verb == HUFU_VERB_EVICT) {
		run_inner(lease, op);
		return;
	}
	bool faulty = step(subject, (unsigned)op->verb, &delay_ns, &fault);
	if (!wait(delay_ns, op->deadline_ns))
		fail(op, HUFU_ERR_LOST);
	else if (faulty)
		misbehave(lease, op, &fault);
	else
		run_inner(lease, op);
}

static void fault_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_one(lease, ops[i]);
}

const struct hufu_driver driver_fault = {
	.size = sizeof(driver_fault),
	.abi = HUFU_DRIVER_ABI,
	.name = "fault",
	.flags = HUFU_DRIVER_RETURNS_BY_DEADLINE | HUFU_DRIVER_FORK_SAFE,
	.open = fault_open,
	.close = fault_close,
	.info = fault_info,
	.probe = fault_probe,
	.lease = fault_lease,
	.release = fault_release,
	.run = fault_run,
};

/* -- for tests ------------------------------------------------------------- */

enum hufu_err fault_script(const char *device, const char *text, char *err, size_t err_len)
{
	struct script script;

	if (script_parse(text ? text : "", &script, err, err_len) != HUFU_OK)
		return HUFU_ERR_CONFIG;
	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(device);
	if (subject) {
		subject->script = script;
		subject->by_test = text != NULL;
	}
	pthread_mutex_unlock(&lab.lock);
	return subject ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

struct fault_counts fault_counts(const char *device)
{
	struct fault_counts counts = {0};

	pthread_mutex_lock(&lab.lock);
	struct subject *subject = subject_locked(device);
	if (subject)
		counts = subject->counts;
	pthread_mutex_unlock(&lab.lock);
	return counts;
}

void fault_reset(void)
{
	pthread_mutex_lock(&lab.lock);
	memset(&lab.subjects, 0, sizeof(lab.subjects));
	lab.n = 0;
	pthread_mutex_unlock(&lab.lock);
}
