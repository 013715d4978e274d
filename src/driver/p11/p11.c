/* SPDX-License-Identifier: Apache-2.0 */
/* The driver itself: which slot, devices, leases, and the way of an op to its function and once again after a loss. */
#include "driver/p11/p11.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"

#define SLOTS_MAX 256

/* -- which slot ----------------------------------------------------------------------- */

/* What the configuration says of it; NULL: any. */
struct wanted {
	const char *slot, *label, *serial;
};

/* Blank-padded, as PKCS#11 has its strings (PKCS#11 3.1 3.1). */
static bool is_text(const CK_UTF8CHAR *padded, size_t len, const char *text)
{
	size_t n = strlen(text);

	if (n > len || memcmp(padded, text, n) != 0)
		return false;
	while (n < len && padded[n] == ' ')
		n++;
	return n == len;
}

static bool is_slot(CK_SLOT_ID slot, const char *text)
{
	char *end;

	errno = 0;
	unsigned long number = strtoul(text, &end, 0);
	return errno == 0 && end != text && *end == 0 && number == slot;
}

static bool fits(struct p11_module *module, CK_SLOT_ID slot, const struct wanted *wanted, CK_TOKEN_INFO *info)
{
	if (wanted->slot && !is_slot(slot, wanted->slot))
		return false;
	if (P11_CALL(module, C_GetTokenInfo, slot, info) != CKR_OK || !(info->flags & CKF_TOKEN_INITIALIZED))
		return false;
	if (is_text(info->manufacturerID, sizeof(info->manufacturerID), "hufu"))
		return false; /* ours, through somebody else's proxy: a token that is its own device */
	return (!wanted->label || is_text(info->label, sizeof(info->label), wanted->label)) &&
	       (!wanted->serial || is_text(info->serialNumber, sizeof(info->serialNumber), wanted->serial));
}

/* Exactly one. That there is none may pass: HUFU_ERR_GONE. */
static enum hufu_err choose_slot(struct hufu_device *device, const struct wanted *wanted)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	size_t found = 0;
	CK_RV rv = P11_CALL(device->module, C_GetSlotList, CK_TRUE, slots, &n);

	if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && n > SLOTS_MAX)) {
		device->host->log(HUFU_LOG_ERROR, device->name, "the module has more than %d slots with a token", SLOTS_MAX);
		return HUFU_ERR_CONFIG;
	}
	if (rv != CKR_OK)
		return p11_err(rv) == HUFU_ERR_NO_MEMORY ? HUFU_ERR_NO_MEMORY : HUFU_ERR_GONE;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info = {0};
		if (!fits(device->module, slots[i], wanted, &info))
			continue;
		if (found++ == 0) {
			device->slot = slots[i];
			device->token = info;
		}
	}
	if (found == 1)
		return HUFU_OK;
	const char *slot = wanted->slot, *label = wanted->label, *serial = wanted->serial;
	device->host->log(HUFU_LOG_ERROR, device->name,
	                  "%zu of the module's %lu tokens fit slot = \"%s\", label = \"%s\", serial = \"%s\"%s", found, n,
	                  slot ? slot : "", label ? label : "", serial ? serial : "", found ? ". Say which one" : "");
	return found ? HUFU_ERR_CONFIG : HUFU_ERR_GONE;
}

/* -- configuration ------------------------------------------------------------------------ */

static enum hufu_err refuse(const struct hufu_device *device, const char *key, const char *value, const char *what)
{
	device->host->log(HUFU_LOG_ERROR, device->name, "%s = \"%s\" %s", key, value ? value : "", what);
	return HUFU_ERR_CONFIG;
}

static enum hufu_err read_alias(struct hufu_device *device, const char *name)
{
	char known[128] = "";
	const struct alias_profile *profile;

	if (!name || strcmp(name, "none") == 0)
		return HUFU_OK;
	device->alias = alias_find(name);
	if (device->alias)
		return HUFU_OK;
	for (size_t i = 0, len = 0; (profile = alias_at(i)) != NULL && len < sizeof(known); i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, ", %s", profile->name);
	device->host->log(HUFU_LOG_ERROR, device->name, "alias = \"%s\" is unknown. Write none%s", name, known);
	return HUFU_ERR_CONFIG;
}

static enum hufu_err read_sessions(struct hufu_device *device, const char *text)
{
	char *end;
	unsigned long number = text ? strtoul(text, &end, 10) : 0;

	if (text && (end == text || *end || number < 1 || number > 100000))
		return refuse(device, "sessions_max", text, "is no number from 1 to 100000");
	device->max_leases = (uint32_t)number;
	return HUFU_OK;
}

static enum hufu_err read_locking(struct hufu_device *device, const char *text, bool *serial)
{
	*serial = text && strcmp(text, "none") == 0;
	if (!text || *serial || strcmp(text, "os") == 0)
		return HUFU_OK;
	return refuse(device, "locking", text, "is unknown. Write os, or none (one call at a time)");
}

static enum hufu_err configure(struct hufu_device *device, const struct hufu_conf *conf)
{
	const struct wanted wanted = {conf->get(conf, "slot"), conf->get(conf, "label"), conf->get(conf, "serial")};
	const char *path = conf->get(conf, "module"), *wrap_key = conf->get(conf, "wrap_key");
	bool serial = false;

	if (!path || path[0] != '/')
		return refuse(device, "module", path, "is not the absolute path of a PKCS#11 module");
	if (wrap_key && !(device->wrap_key = strdup(wrap_key)))
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = read_alias(device, conf->get(conf, "alias"));
	if (err == HUFU_OK)
		err = read_sessions(device, conf->get(conf, "sessions_max"));
	if (err == HUFU_OK)
		err = read_locking(device, conf->get(conf, "locking"), &serial);
	if (err == HUFU_OK)
		err = p11_module_open(device->host, device->name, path, serial, &device->module);
	return err == HUFU_OK ? choose_slot(device, &wanted) : err;
}

/* -- devices -------------------------------------------------------------------------------- */

/* One of the token's sessions is the keeper. */
static void limit_sessions(struct hufu_device *device)
{
	CK_ULONG most = device->token.ulMaxSessionCount;

	if (most == CK_EFFECTIVELY_INFINITE || most == CK_UNAVAILABLE_INFORMATION || most > UINT32_MAX)
		return;
	uint32_t left = most > 1 ? (uint32_t)most - 1 : 1;
	if (!device->max_leases || device->max_leases > left)
		device->max_leases = left;
}

static const char *no_setting(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	(void)key;
	return NULL;
}

static enum hufu_err open_soft(struct hufu_device *device, uint64_t deadline_ns)
{
	static const struct hufu_conf conf = {.size = sizeof(conf), .name = "soft", .get = no_setting};
	const struct hufu_driver *soft = device->host->driver("soft");

	if (!soft)
		return HUFU_OK;
	enum hufu_err err = soft->open(device->host, &conf, deadline_ns, &device->soft_device);
	if (err == HUFU_OK)
		device->soft = soft;
	return err;
}

static void p11_close(struct hufu_device *device, uint64_t deadline_ns)
{
	if (device->module) {
		p11_disconnect(device);
		p11_module_close(device->module);
	}
	if (device->soft)
		device->soft->close(device->soft_device, deadline_ns);
	pthread_mutex_destroy(&device->lock);
	free(device->offers);
	free(device->caps);
	free(device->wrap_key);
	free(device->name);
	free(device);
}

static enum hufu_err start(struct hufu_device *device, const struct hufu_conf *conf, uint64_t deadline_ns)
{
	enum hufu_err err = device->name ? configure(device, conf) : HUFU_ERR_NO_MEMORY;

	if (err != HUFU_OK)
		return err;
	limit_sessions(device);
	err = open_soft(device, deadline_ns);
	if (err == HUFU_OK)
		err = p11_offer_all(device);
	return err == HUFU_OK ? p11_connect(device) : err;
}

static enum hufu_err p11_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                              struct hufu_device **out)
{
	struct hufu_device *device = calloc(1, sizeof(*device));

	if (!device)
		return HUFU_ERR_NO_MEMORY;
	device->host = host;
	device->name = strdup(conf->name);
	pthread_mutex_init(&device->lock, NULL);
	enum hufu_err err = start(device, conf, deadline_ns);
	if (err != HUFU_OK) {
		p11_close(device, deadline_ns);
		return err;
	}
	*out = device;
	return HUFU_OK;
}

static void copy_text(char *to, size_t cap, const CK_UTF8CHAR *padded, size_t len)
{
	while (len && (padded[len - 1] == ' ' || padded[len - 1] == 0))
		len--;
	if (len >= cap)
		len = cap - 1;
	memcpy(to, padded, len);
	to[len] = 0;
}

static enum hufu_err p11_info(struct hufu_device *device, struct hufu_device_info *info)
{
	const CK_TOKEN_INFO *token = &device->token;

	if (info->size < sizeof(*info))
		return HUFU_ERR_ARGUMENT;
	*info = (struct hufu_device_info){.size = sizeof(*info), .max_leases = device->max_leases, .caps = device->caps,
	                                  .ncaps = device->ncaps};
	copy_text(info->vendor, sizeof(info->vendor), token->manufacturerID, sizeof(token->manufacturerID));
	copy_text(info->model, sizeof(info->model), token->model, sizeof(token->model));
	copy_text(info->serial, sizeof(info->serial), token->serialNumber, sizeof(token->serialNumber));
	snprintf(info->firmware, sizeof(info->firmware), "%u.%u", token->firmwareVersion.major, token->firmwareVersion.minor);
	return HUFU_OK;
}

static enum hufu_err p11_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)deadline_ns;
	return p11_same_token(device);
}

/* -- leases ------------------------------------------------------------------------------------ */

static enum hufu_err p11_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = calloc(1, sizeof(*lease));

	(void)deadline_ns;
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	lease->device = device;
	enum hufu_err err = p11_refresh(lease);
	uint64_t connection = atomic_load(&device->connection);
	/* A connection that gives no session may be a dead one; that there is none has just been tried. */
	if (err == HUFU_ERR_GONE && connection != 0 && p11_reconnect(device, connection) == HUFU_OK)
		err = p11_refresh(lease);
	if (err != HUFU_OK) {
		free(lease);
		return err;
	}
	*out = lease;
	return HUFU_OK;
}

static void p11_release(struct hufu_lease *lease)
{
	if (lease->connection != 0)
		p11_close_session(lease->device, lease->session);
	free(lease);
}

static enum hufu_err check(const struct p11_offer *offer, const struct hufu_op *op)
{
	if (op->phase != HUFU_PHASE_WHOLE)
		return HUFU_ERR_ARGUMENT;
	if (op->verb == HUFU_VERB_GENERATE || !offer->row->key)
		return HUFU_OK;
	if (!op->key || op->key->size < sizeof(*op->key))
		return HUFU_ERR_ARGUMENT;
	return op->key->type == offer->row->key ? HUFU_OK : HUFU_ERR_KEY_TYPE;
}

/* EVICT needs no session, and does not fail for the want of one. */
static enum hufu_err try_once(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	enum hufu_err err = op->verb == HUFU_VERB_EVICT ? HUFU_OK : p11_refresh(lease);

	lease->lost = false;
	return err == HUFU_OK ? offer->row->run(lease, offer, op) : err;
}

static enum hufu_err run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	const struct p11_offer *offer = p11_offer_find(lease->device, op->mechanism, op->verb);
	enum hufu_err err = offer ? check(offer, op) : HUFU_ERR_UNSUPPORTED;

	if (err != HUFU_OK)
		return err;
	err = try_once(lease, offer, op);
	if (!lease->lost || op->verb == HUFU_VERB_EVICT)
		return err;
	uint64_t connection = lease->connection ? lease->connection : atomic_load(&lease->device->connection);
	enum hufu_err again = p11_reconnect(lease->device, connection);
	return again == HUFU_OK ? try_once(lease, offer, op) : again;
}

static void p11_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];

		if (op->size < sizeof(*op)) {
			op->outcome = HUFU_ERR_ARGUMENT;
			continue;
		}
		op->out_len = op->pub_len = op->state_out_len = 0;
		op->outcome = run_one(lease, op);
		if (op->outcome == HUFU_OK)
			continue;
		op->pub_len = 0;
		if (op->outcome != HUFU_ERR_BUFFER)
			op->out_len = 0;
	}
}

const struct hufu_driver driver_p11 = {
	.size = sizeof(driver_p11),
	.abi = HUFU_DRIVER_ABI,
	.name = "p11",
	.open = p11_open,
	.close = p11_close,
	.info = p11_info,
	.probe = p11_probe,
	.lease = p11_lease,
	.release = p11_release,
	.run = p11_run,
	.forget = p11_forget,
};
