/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access passwords of private keys (GM/T 0018 6.2: GetPrivateKeyAccessRight).
 * Devices lock an index after a few wrong ones: what was refused is not
 * presented there again before another is given.
 */
#include "driver/sdf/sdf.h"

#include <stdlib.h>

#include "base/clock.h"

/* -- what there is ------------------------------------------------------------------ */

static struct credential *find_locked(struct hufu_device *device, uint32_t index)
{
	for (size_t i = 0; i < device->ncredentials; i++)
		if (device->credentials[i].index == index)
			return &device->credentials[i];
	return NULL;
}

enum password { PASSWORD_NONE, PASSWORD_REFUSED, PASSWORD_SHOWN, PASSWORD_GOOD };

/* One that was not taken yet is shown by one lease at a time: as many as there are would be as many tries. */
static enum password show_locked(struct hufu_device *device, uint32_t index, const struct credential *credential)
{
	if (index_in(&device->refused, index))
		return PASSWORD_REFUSED;
	if (index_in(&device->taken, index))
		return PASSWORD_GOOD;
	if (refusal_known(device, index, credential->value, credential->len))
		return PASSWORD_REFUSED;
	if (index_in(&device->showing, index))
		return PASSWORD_SHOWN;
	index_add(&device->showing, index);
	return PASSWORD_GOOD;
}

/* Until its deadline it waits for whoever shows it for the first time. */
static enum password wait_to_show_locked(struct hufu_lease *lease, uint32_t index, const struct credential **credential)
{
	struct hufu_device *device = lease->device;
	uint64_t until = lease->session->deadline_ns ? lease->session->deadline_ns : CLOCK_NEVER;
	bool in_time = true;

	for (;;) {
		*credential = find_locked(device, index); /* another may come meanwhile */
		if (!*credential)
			*credential = find_locked(device, 0);
		enum password found = *credential ? show_locked(device, index, *credential) : PASSWORD_NONE;
		if (found != PASSWORD_SHOWN || !in_time)
			return found;
		in_time = clock_wait(&device->shown, &device->lock, until);
	}
}

/* Into the lease's scratch memory; *login is the login that it belongs to. */
static enum password password_for(struct hufu_lease *lease, uint32_t index, size_t *len, uint64_t *login)
{
	struct hufu_device *device = lease->device;
	const struct credential *credential;

	pthread_mutex_lock(&device->lock);
	enum password found = wait_to_show_locked(lease, index, &credential);
	*login = atomic_load(&device->logins);
	if (credential) {
		*len = credential->len;
		memcpy(lease->scratch, credential->value, credential->len);
	}
	pthread_mutex_unlock(&device->lock);
	return found;
}

/* A password that came since is not the one that was refused, or taken. */
static void remember(struct hufu_device *device, struct index_set *set, uint32_t index, uint64_t login)
{
	pthread_mutex_lock(&device->lock);
	if (login == atomic_load(&device->logins))
		index_add(set, index);
	pthread_mutex_unlock(&device->lock);
}

static void has_shown(struct hufu_device *device, uint32_t index)
{
	pthread_mutex_lock(&device->lock);
	index_drop(&device->showing, index);
	pthread_cond_broadcast(&device->shown);
	pthread_mutex_unlock(&device->lock);
}

static void clear_credential(const struct hufu_device *device, struct credential *credential)
{
	device->host->secret_free(credential->value);
	*credential = (struct credential){0};
}

static void forget_all_locked(struct hufu_device *device)
{
	for (size_t i = 0; i < device->ncredentials; i++)
		clear_credential(device, &device->credentials[i]);
	free(device->credentials);
	device->credentials = NULL;
	device->ncredentials = 0;
	memset(&device->refused, 0, sizeof(device->refused));
	memset(&device->taken, 0, sizeof(device->taken));
}

void rights_forget(struct hufu_device *device)
{
	pthread_mutex_lock(&device->lock);
	forget_all_locked(device);
	pthread_mutex_unlock(&device->lock);
}

/* -- taking them ------------------------------------------------------------------------ */

static bool wants_right(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_EXPIRED || hufu_err_group(err) == HUFU_GROUP_DENIED;
}

/*
 * Vendors answer a wrong password with codes of all sorts (PRKRERR, INARGERR,
 * codes of their own, of the operation that the password decrypts the key with). One that nobody knows counts as refused:
 * to ask again costs a try.
 */
static bool is_refused(const struct hufu_lease *lease, enum hufu_err err)
{
	return wants_right(err) || hufu_err_group(err) == HUFU_GROUP_CALLER || hufu_err_group(err) == HUFU_GROUP_CORRUPT ||
	       (hufu_err_group(err) == HUFU_GROUP_LOST && !sdf_code_name(lease->device->profile, lease->session->code));
}

static enum hufu_err refused(struct hufu_lease *lease, uint32_t index, uint64_t login)
{
	struct hufu_device *device = lease->device;

	remember(device, &device->refused, index, login);
	device->host->log(HUFU_LOG_ERROR, device->name, "the access password of index %u was refused (0x%08x), "
	                  "and is not presented again. Give the right one", (unsigned)index, (unsigned)lease->session->code);
	return HUFU_ERR_DENIED;
}

static enum hufu_err show(struct hufu_lease *lease, uint32_t index, size_t len, uint64_t login)
{
	struct hufu_device *device = lease->device;
	enum hufu_err err = sdf_right_get(lease->session, index, lease->scratch, len);
	bool no = err != HUFU_OK && err != HUFU_ERR_UNSUPPORTED && is_refused(lease, err);

	if (no)
		refusal_note(device, index, lease->scratch, len);
	secret_wipe(lease->scratch, len);
	if (err == HUFU_ERR_UNSUPPORTED)
		return HUFU_OK; /* it has no rights: what the key's own call says holds */
	if (err != HUFU_OK)
		return no ? refused(lease, index, login) : err;
	remember(device, &device->taken, index, login);
	if (!lease->has_rights)
		lease->login = login;
	lease->has_rights = true;
	index_add(&lease->rights, index);
	return HUFU_OK;
}

/* HUFU_ERR_DENIED: refused, now or before. */
static enum hufu_err take(struct hufu_lease *lease, uint32_t index)
{
	enum hufu_err err = HUFU_ERR_DENIED;
	uint64_t login;
	size_t len = 0;

	if (index_in(&lease->rights, index) || !atomic_load(&lease->device->ncredentials))
		return HUFU_OK;
	switch (password_for(lease, index, &len, &login)) {
	case PASSWORD_NONE:
		return HUFU_OK; /* perhaps it wants none */
	case PASSWORD_REFUSED:
		break;
	case PASSWORD_SHOWN:
		err = HUFU_ERR_BUSY; /* whoever shows it hangs */
		break;
	case PASSWORD_GOOD:
		err = show(lease, index, len, login);
		has_shown(lease->device, index);
		return err;
	}
	secret_wipe(lease->scratch, len);
	return err;
}

static enum hufu_err say_password_wanted(struct hufu_device *device, uint32_t index)
{
	if (!atomic_exchange(&device->said_password, true))
		device->host->log(HUFU_LOG_WARNING, device->name, "the key at index %u wants its access password, "
		                  "and there is none. Give the device the credential \"%u\", or \"*\" for all indexes", (unsigned)index,
		                  (unsigned)index);
	return HUFU_ERR_NO_KEY;
}

/* It takes one key away. The device, which serves others, stays. */
static enum hufu_err key_is_lost(enum hufu_err err)
{
	return err == HUFU_ERR_DENIED ? HUFU_ERR_NO_KEY : err;
}

enum hufu_err rights_run(struct hufu_lease *lease, uint32_t index, index_fn call, void *arg)
{
	enum hufu_err err = take(lease, index);

	if (err != HUFU_OK)
		return key_is_lost(err);
	err = call(lease, index, arg);
	if (!wants_right(err) || lease->session->dead)
		return key_is_lost(err);
	index_drop(&lease->rights, index);
	err = take(lease, index);
	if (err != HUFU_OK)
		return key_is_lost(err);
	if (!index_in(&lease->rights, index))
		return say_password_wanted(lease->device, index);
	err = call(lease, index, arg);
	return wants_right(err) ? key_is_lost(refused(lease, index, lease->login)) : err;
}

/* -- LOGIN, LOGOUT ------------------------------------------------------------------------ */

/* "*", "3", "sign:3", "encrypt:3", "rsa:3": a right is one for all keys at an index. */
static bool read_name(const uint8_t *name, size_t len, uint32_t *index)
{
	static const char *const prefixes[] = {"sign:", "encrypt:", "rsa:"};
	uint32_t x = 0;

	*index = 0;
	if (len == 1 && name[0] == '*')
		return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (len > n && memcmp(name, prefixes[i], n) == 0) {
			name += n;
			len -= n;
			break;
		}
	}
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		x = 10 * x + (uint32_t)(name[i] - '0');
		if (x > SDF_INDEX_MAX)
			return false;
	}
	*index = x;
	return x != 0;
}

static struct credential *place_locked(struct hufu_device *device, uint32_t index)
{
	struct credential *found = find_locked(device, index);

	if (found)
		return found;
	struct credential *more = reallocarray(device->credentials, device->ncredentials + 1, sizeof(*more));
	if (!more)
		return NULL;
	device->credentials = more;
	more[device->ncredentials] = (struct credential){.index = index};
	return &more[device->ncredentials++];
}

/* What another password was refused for is open to this one; "*" does not stand for an index with a password of its own. */
static void unrefuse_locked(struct hufu_device *device, uint32_t index)
{
	if (index) {
		index_drop(&device->refused, index);
		return;
	}
	for (uint32_t i = 1; i <= SDF_INDEX_MAX; i++)
		if (index_in(&device->refused, i) && !find_locked(device, i))
			index_drop(&device->refused, i);
}

/* Adopts value. *others: sessions may have rights by another password of that name. */
static bool keep(struct hufu_device *device, uint32_t index, uint8_t *value, size_t len, bool *others)
{
	pthread_mutex_lock(&device->lock);
	struct credential *credential = place_locked(device, index);
	if (credential) {
		bool same = credential->value && credential->len == len && secret_equal(credential->value, value, len);

		*others = credential->value && !same;
		if (*others)
			atomic_fetch_add(&device->logins, 1);
		device->host->secret_free(credential->value);
		credential->value = value;
		credential->len = len;
		if (!same) {
			unrefuse_locked(device, index);
			memset(&device->taken, 0, sizeof(device->taken));
		}
	}
	pthread_mutex_unlock(&device->lock);
	return credential;
}

/* Any index with a key, to try a password for all of them on; 0: there is none. */
static uint32_t first_key(struct hufu_lease *lease)
{
	const struct settings *s = &lease->device->settings;
	uint8_t point[SDF_POINT_LEN], spki[HUFU_PUB_MAX];
	size_t len;

	for (uint32_t i = 1; i <= SDF_INDEX_MAX && !lease->session->dead; i++) {
		if (index_in(&s->indexes, i) && (sdf_export_ecc(lease->session, i, SDF_USAGE_SIGN, point) == HUFU_OK ||
		                                 sdf_export_ecc(lease->session, i, SDF_USAGE_ENCRYPT, point) == HUFU_OK))
			return i;
		if (index_in(&s->rsa_indexes, i) && sdf_export_rsa(lease->session, i, SDF_USAGE_SIGN, spki, &len) == HUFU_OK)
			return i;
	}
	return 0;
}

/* A right that this session has already says nothing of this password. */
static enum hufu_err try_now(struct hufu_lease *lease, uint32_t index)
{
	uint32_t at = index ? index : first_key(lease);

	if (!at)
		return HUFU_OK;
	if (index_in(&lease->rights, at) && lease->device->profile->right_stacks)
		(void)!sdf_right_release(lease->session, at); /* it is taken anew at once */
	index_drop(&lease->rights, at);
	return take(lease, at);
}

enum hufu_err rights_login(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	bool others = false;
	uint32_t index;

	if (!op->in2 || !read_name(op->in2, op->in2_len, &index)) {
		device->host->log(HUFU_LOG_ERROR, device->name,
		                  "a credential has a name that says no index. Name it \"3\" for index 3, "
		                  "or \"*\" for all");
		return HUFU_ERR_PARAM;
	}
	if (!op->in || op->in_len < SDF_PASSWORD_MIN || op->in_len > SDF_PASSWORD_MAX)
		return HUFU_ERR_PIN_LEN;
	uint8_t *value = device->host->secret_alloc(op->in_len);
	if (!value)
		return HUFU_ERR_NO_MEMORY;
	memcpy(value, op->in, op->in_len);
	if (!keep(device, index, value, op->in_len, &others)) {
		device->host->secret_free(value);
		return HUFU_ERR_NO_MEMORY;
	}
	if (others)
		leases_drop_rights(device);
	enum hufu_err err = try_now(lease, index);
	return err == HUFU_ERR_NO_KEY ? HUFU_OK : err; /* of a key that is not there yet */
}

enum hufu_err rights_logout(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;

	(void)op;
	pthread_mutex_lock(&device->lock);
	forget_all_locked(device);
	atomic_fetch_add(&device->logins, 1);
	pthread_mutex_unlock(&device->lock);
	leases_drop_rights(device);
	return HUFU_OK;
}
