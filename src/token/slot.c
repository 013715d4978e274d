/* SPDX-License-Identifier: Apache-2.0 */
#include "token/slot_impl.h"
#include "config.h"
#include "base/log.h"
#include "base/secret.h"
#include "sm/sm3.h"
#include "token/core.h"
#include "token/domains.h"
#include "token/mech.h"
#include "token/rv.h"
#include "token/token.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARE_PREFIX "token-"
#define STORE_SUFFIX ".db"

struct slots slots = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* -- making slots ------------------------------------------------------------- */

static bool id_taken(CK_SLOT_ID id)
{
	for (size_t i = 0; i < atomic_load(&slots.n); i++)
		if (slots.slot[i]->id == id)
			return true;
	return false;
}

/* 31 bits, for Java's sake; not 0, which careless clients take for "the first". */
static CK_SLOT_ID id_of(const char *name)
{
	uint8_t digest[SM3_DIGEST_LEN];
	sm3(name, strlen(name), digest);
	CK_SLOT_ID id = ((CK_SLOT_ID)(digest[0] & 0x7f) << 24) | (CK_SLOT_ID)digest[1] << 16 | (CK_SLOT_ID)digest[2] << 8 | digest[3];
	while (id == 0 || id_taken(id))
		id = (id + 1) & 0x7fffffff;
	return id;
}

static struct slot *slot_named(const char *name)
{
	for (size_t i = 0; i < atomic_load(&slots.n); i++)
		if (strcmp(slots.slot[i]->name, name) == 0)
			return slots.slot[i];
	return NULL;
}

/* own_store is taken over. */
static CK_RV add_slot(const struct conf_token *conf, const char *name, char *own_store)
{
	size_t n = atomic_load(&slots.n);
	struct slot *slot = n < SLOTS_MAX ? calloc(1, sizeof *slot) : NULL;
	if (!slot) {
		free(own_store);
		return n < SLOTS_MAX ? CKR_HOST_MEMORY : CKR_GENERAL_ERROR;
	}
	slot->id = id_of(name);
	snprintf(slot->name, sizeof slot->name, "%s", name);
	slot->conf = *conf;
	slot->conf.name = slot->name;
	slot->own_store = own_store;
	if (own_store)
		slot->conf.store = own_store;
	pthread_mutex_init(&slot->lock, NULL);
	slot_event_begin(slot);
	slots.slot[n] = slot;
	atomic_store(&slots.n, n + 1);
	return CKR_OK;
}

static char *store_path(const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s" STORE_SUFFIX, slots.conf->token_dir, name) < 0 ? NULL : path;
}

static CK_RV add_from_dir(const char *name)
{
	if (slot_named(name))
		return CKR_OK;
	char *path = store_path(name);
	return path ? add_slot(&slots.conf->defaults, name, path) : CKR_HOST_MEMORY;
}

/* "trading.db" -> "trading"; false: not the name of a store of ours. */
static bool store_name(const char *file, char name[SLOT_NAME_MAX + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(file), suffix = strlen(STORE_SUFFIX);
	if (len <= suffix || len - suffix > SLOT_NAME_MAX || strcmp(file + len - suffix, STORE_SUFFIX) != 0 || file[0] == '.')
		return false;
	memcpy(name, file, len - suffix);
	name[len - suffix] = 0;
	return strspn(name, allowed) == len - suffix;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The stores that lie in token_dir: made on the spare slot, by this process or another. */
static CK_RV add_stores(void)
{
	struct dirent **list = NULL;
	CK_RV rv = CKR_OK;
	int n = scandir(slots.conf->token_dir, &list, NULL, by_name);
	for (int i = 0; i < n; i++) {
		char name[SLOT_NAME_MAX + 1];
		if (rv == CKR_OK && store_name(list[i]->d_name, name))
			rv = add_from_dir(name);
		free(list[i]);
	}
	free(list);
	return rv;
}

bool slot_store_exists(const struct slot *slot)
{
	return slot->conf.engine != CONF_STORE_SQLITE || access(slot->conf.store, F_OK) == 0;
}

/* One slot on which nothing lies yet: "token-1", or the first number that is free. */
static CK_RV add_spare(void)
{
	for (unsigned i = 1; i <= SLOTS_MAX; i++) {
		char name[SLOT_NAME_MAX + 1];
		snprintf(name, sizeof name, SPARE_PREFIX "%u", i);
		struct slot *slot = slot_named(name);
		if (!slot)
			return add_from_dir(name);
		if (slot->own_store && !slot_store_exists(slot))
			return CKR_OK;
	}
	return CKR_OK;
}

static CK_RV look_for_tokens(void)
{
	if (!slots.conf->token_dir)
		return CKR_OK;
	pthread_mutex_lock(&slots.lock);
	CK_RV rv = add_stores();
	if (rv == CKR_OK)
		rv = add_spare();
	pthread_mutex_unlock(&slots.lock);
	return rv;
}

CK_RV slots_start(const struct conf *conf)
{
	CK_RV rv = CKR_OK;
	slots.conf = conf;
	slot_conf_start();
	for (size_t i = 0; i < conf->ntokens && rv == CKR_OK; i++)
		rv = add_slot(&conf->tokens[i], conf->tokens[i].name, NULL);
	if (rv == CKR_OK)
		rv = look_for_tokens();
	if (rv != CKR_OK)
		slots_stop();
	return rv;
}

void slots_stop(void)
{
	size_t n = atomic_exchange(&slots.n, 0);
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = slots.slot[i];
		token_close(slot->token);
		if (slot->pool)
			pool_free(slot->pool);
		free(slot->own_store);
		pthread_mutex_destroy(&slot->lock);
		free(slot);
	}
	slot_conf_stop();
	slots.conf = NULL;
}

/* -- what a slot holds --------------------------------------------------------- */

static struct slot *slot_find(CK_SLOT_ID id)
{
	for (size_t i = 0; i < atomic_load(&slots.n); i++)
		if (slots.slot[i]->id == id)
			return slots.slot[i];
	return NULL;
}

/* With the machines that keep the token's objects, if they live there: the token's devices of driver net. */
struct slot_store {
	struct store_conf conf;
	const struct conf_device *machines[POOL_DEVICES_MAX];
};

static void slot_store_init(const struct slot *slot, struct slot_store *store)
{
	*store = (struct slot_store){.conf = store_conf_of(&slot->conf)};
	store->conf.machines = store->machines;
	for (size_t i = 0; i < slot->conf.ndevices && store->conf.nmachines < POOL_DEVICES_MAX; i++) {
		const struct conf_device *device = &slots.conf->devices[slot->conf.devices[i]];
		if (strcmp(device->driver, "net") == 0)
			store->machines[store->conf.nmachines++] = device;
	}
}

/* Caller holds slot->lock, or the core exclusively. */
static CK_RV open_pool(struct slot *slot)
{
	return slot->pool ? CKR_OK : rv_of(slot_new_pool(slot));
}

static CK_RV open_token(struct slot *slot)
{
	if (!slot_present(slot))
		return CKR_TOKEN_NOT_PRESENT;
	if (slot->token)
		return CKR_OK;
	struct slot_store store;
	slot_store_init(slot, &store);
	CK_RV rv = slot_store_exists(slot) ? open_pool(slot) : CKR_TOKEN_NOT_RECOGNIZED;
	return rv == CKR_OK ? token_open(slot->id, &slot->conf, &store.conf, slot->pool, &slot->token) : rv;
}

CK_RV slot_token(CK_SLOT_ID id, struct token **token)
{
	struct slot *slot = slot_find(id);
	if (!slot)
		return CKR_SLOT_ID_INVALID;
	pthread_mutex_lock(&slot->lock);
	CK_RV rv = open_token(slot);
	*token = slot->token;
	pthread_mutex_unlock(&slot->lock);
	return rv;
}

CK_RV slot_by_name(const char *name, CK_SLOT_ID *id)
{
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	rv = look_for_tokens();
	const struct slot *slot = rv == CKR_OK ? slot_named(name) : NULL;
	if (slot)
		*id = slot->id;
	core_rele();
	return rv == CKR_OK && !slot ? CKR_SLOT_ID_INVALID : rv;
}

const struct conf_token *slot_section(CK_SLOT_ID id)
{
	const struct slot *slot = slot_find(id);
	return slot ? &slot->conf : NULL;
}

/* -- lists and infos ------------------------------------------------------------ */

/* PKCS#11's strings: blank-padded, no NUL. */
static void pad(CK_UTF8CHAR *field, size_t len, const char *text)
{
	size_t n = strnlen(text, len);
	memcpy(field, text, n);
	memset(field + n, ' ', len - n);
}

static CK_RV copy_ids(bool token_present, CK_SLOT_ID *ids, CK_ULONG *n)
{
	CK_ULONG room = ids ? *n : 0, have = 0;
	for (size_t i = 0; i < atomic_load(&slots.n); i++) {
		if (token_present && !slot_present(slots.slot[i]))
			continue;
		if (have < room)
			ids[have] = slots.slot[i]->id;
		have++;
	}
	*n = have;
	return ids && room < have ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV slot_list(bool token_present, CK_SLOT_ID *ids, CK_ULONG *n)
{
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	if (!ids)
		rv = look_for_tokens();
	if (rv == CKR_OK)
		rv = copy_ids(token_present, ids, n);
	core_rele();
	return rv;
}

static const CK_VERSION version = {HUFU_VERSION_MAJOR, HUFU_VERSION_MINOR};

CK_RV slot_info(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	struct slot *slot = slot_find(id);
	if (slot) {
		char text[80]; /* a name has up to 64 characters */
		snprintf(text, sizeof text, "hufu: %s", slot->name);
		memset(info, 0, sizeof *info);
		pad(info->slotDescription, sizeof info->slotDescription, text);
		pad(info->manufacturerID, sizeof info->manufacturerID, "hufu");
		info->flags = slot_present(slot) ? CKF_TOKEN_PRESENT : 0;
		info->hardwareVersion = info->firmwareVersion = version;
	}
	core_rele();
	return slot ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static CK_FLAGS user_pin_flags(const struct store_role_info *user)
{
	CK_FLAGS flags = user->pin_set ? CKF_USER_PIN_INITIALIZED : 0;
	if (!user->pin_set)
		return flags;
	if (user->tries_left == 0)
		return flags | CKF_USER_PIN_LOCKED;
	if (user->tries_left < user->tries_max)
		flags |= CKF_USER_PIN_COUNT_LOW;
	if (user->tries_left == 1)
		flags |= CKF_USER_PIN_FINAL_TRY;
	return flags;
}

/* The SO is never locked, but waits longer each time. */
static CK_FLAGS so_pin_flags(const struct store_role_info *so)
{
	return so->delay_s ? CKF_SO_PIN_COUNT_LOW : 0;
}

CK_RV slot_describe_token(const struct token *token, CK_TOKEN_INFO *info)
{
	struct store_token st;
	enum hufu_err err = store_token(token->store, &st);
	if (err != HUFU_OK)
		return rv_of(err);
	char serial[17];
	for (int i = 0; i < 8; i++)
		snprintf(serial + 2 * i, 3, "%02x", st.id[i]);
	memcpy(info->label, st.label, sizeof info->label);
	pad(info->serialNumber, sizeof info->serialNumber, serial);
	info->flags |= CKF_TOKEN_INITIALIZED | user_pin_flags(&st.roles[STORE_USER]) | so_pin_flags(&st.roles[STORE_SO]);
	if (st.read_only)
		info->flags |= CKF_WRITE_PROTECTED;
	return CKR_OK;
}

static void describe_any(const struct slot *slot, CK_TOKEN_INFO *info)
{
	char serial[17];
	snprintf(serial, sizeof serial, "%08lx", slot->id);
	memset(info, 0, sizeof *info);
	pad(info->label, sizeof info->label, "");
	pad(info->manufacturerID, sizeof info->manufacturerID, "hufu");
	pad(info->model, sizeof info->model, "hufu");
	pad(info->serialNumber, sizeof info->serialNumber, serial);
	pad(info->utcTime, sizeof info->utcTime, "");
	info->flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS;
	info->ulMaxSessionCount = info->ulMaxRwSessionCount = SESSIONS_MAX;
	info->ulMinPinLen = slot->conf.pin_min;
	info->ulMaxPinLen = STORE_PIN_MAX;
	info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	info->hardwareVersion = info->firmwareVersion = version;
}

static CK_RV token_info_of(struct slot *slot, CK_TOKEN_INFO *info)
{
	describe_any(slot, info);
	pthread_mutex_lock(&slot->lock);
	CK_RV rv = open_token(slot);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&slot->token->lock);
		info->ulSessionCount = slot->token->sessions;
		info->ulRwSessionCount = slot->token->rw_sessions;
		pthread_mutex_unlock(&slot->token->lock);
		rv = slot_describe_token(slot->token, info);
	} else if (rv == CKR_TOKEN_NOT_RECOGNIZED && (!slot_store_exists(slot) || slot->conf.engine == CONF_STORE_NET)) {
		rv = CKR_OK; /* not initialised yet: its flags say so */
	}
	pthread_mutex_unlock(&slot->lock);
	return rv;
}

CK_RV slot_token_info(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	struct slot *slot = slot_find(id);
	rv = slot ? token_info_of(slot, info) : CKR_SLOT_ID_INVALID;
	core_rele();
	return rv;
}

/* -- mechanisms ------------------------------------------------------------------- */

static CK_RV with_pool(CK_SLOT_ID id, struct slot **out)
{
	struct slot *slot = slot_find(id);
	if (!slot)
		return CKR_SLOT_ID_INVALID;
	pthread_mutex_lock(&slot->lock);
	CK_RV rv = open_pool(slot);
	*out = slot;
	pthread_mutex_unlock(&slot->lock);
	return rv;
}

struct mech_list {
	CK_MECHANISM_TYPE *types;        /* NULL: none need be there yet (PKCS#11 3.1 5.5.5) */
	CK_ULONG room, n;
};

static void list_add(struct mech_list *list, CK_MECHANISM_TYPE type)
{
	if (list->types && list->n < list->room)
		list->types[list->n] = type;
	list->n++;
}

/* A number with two meanings is listed at the first. */
static void list_vendors(const struct slot *slot, struct mech_list *list)
{
	const struct alias_profile *vendor = vendor_of(&slot->conf);
	for (size_t i = 0; vendor && i < vendor->nmechs; i++) {
		const struct alias_mech *row = &vendor->mechs[i];
		const struct mech *mech = mech_find(row->own);
		if (alias_mech_next(vendor, row->vendor, NULL) == row && mech && mech_offered(&slot->conf, slot->pool, mech))
			list_add(list, row->vendor);
	}
}

static CK_RV list_offered(const struct slot *slot, CK_MECHANISM_TYPE *types, CK_ULONG *n)
{
	size_t rows;
	const struct mech *table = mech_table(&rows);
	struct mech_list list = {.types = types, .room = *n};
	for (size_t i = 0; i < rows; i++)
		if (mech_offered(&slot->conf, slot->pool, &table[i]))
			list_add(&list, table[i].type);
	list_vendors(slot, &list);
	bool short_of_room = types && list.room < list.n;
	*n = list.n;
	return short_of_room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV slot_mechanisms(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	struct slot *slot;
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	rv = with_pool(id, &slot);
	if (rv == CKR_OK)
		rv = list_offered(slot, list, n);
	core_rele();
	return rv;
}

static CK_RV info_of(const struct slot *slot, const struct mech *mech, CK_MECHANISM_INFO *info)
{
	if (!mech || !mech_offered(&slot->conf, slot->pool, mech))
		return CKR_MECHANISM_INVALID;
	mech_info(mech, !pool_is_software(slot->pool), info);
	return CKR_OK;
}

/* A vendor's number does all that its meanings do. */
static CK_RV info_of_number(const struct slot *slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	const struct alias_profile *vendor = vendor_of(&slot->conf);
	const struct alias_mech *row = alias_mech_next(vendor, type, NULL);
	CK_RV rv = info_of(slot, mech_find(row ? row->own : type), info);
	while (rv == CKR_OK && row && (row = alias_mech_next(vendor, type, row)) != NULL) {
		CK_MECHANISM_INFO more;
		if (info_of(slot, mech_find(row->own), &more) == CKR_OK)
			info->flags |= more.flags;
	}
	return rv;
}

CK_RV slot_mechanism_info(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct slot *slot;
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	rv = with_pool(id, &slot);
	if (rv == CKR_OK)
		rv = info_of_number(slot, type, info);
	core_rele();
	return rv;
}

/* -- C_InitToken -------------------------------------------------------------------- */

/*
 * The embedded default's place, ~/.local/share/hufu, on its first use: made with
 * all that leads to it, 0700, as the XDG base directory specification has it.
 * What cannot be made, store_init reports.
 */
static void make_default_dir(void)
{
	char path[PATH_MAX];
	if (slots.conf->path || !slots.conf->token_dir || strlen(slots.conf->token_dir) >= sizeof path)
		return;
	snprintf(path, sizeof path, "%s", slots.conf->token_dir);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)mkdir(path, 0700);
		*slash = '/';
	}
}

static CK_RV init_exclusive(CK_SLOT_ID id, const CK_BYTE *pin, CK_ULONG pin_len, const CK_BYTE label[32])
{
	struct slot *slot = slot_find(id);
	if (!slot)
		return CKR_SLOT_ID_INVALID;
	if (slot->token && token_in_use(slot->token))
		return CKR_SESSION_EXISTS;
	token_close(slot->token);
	slot->token = NULL;
	struct slot_store store;
	slot_store_init(slot, &store);
	make_default_dir();
	CK_RV rv = rv_of(store_init(&store.conf, pin, pin_len, (const char *)label));
	if (rv == CKR_OK && open_token(slot) == CKR_OK) /* what keeps it from being used, its first use tells */
		domains_init(slot->token, pin, pin_len);
	if (rv == CKR_OK)
		rv = look_for_tokens(); /* a spare slot that was used wants a successor */
	return rv;
}

CK_RV slot_init_token(CK_SLOT_ID id, const CK_BYTE *pin, CK_ULONG pin_len, const CK_BYTE label[32])
{
	CK_RV rv = core_hold_exclusive();
	if (rv != CKR_OK)
		return rv;
	rv = init_exclusive(id, pin, pin_len, label);
	core_rele();
	return rv;
}

/* -- fork ------------------------------------------------------------------------------ */

void slots_before_fork(void)
{
	pthread_mutex_lock(&slots.lock);
	for (size_t i = 0; i < atomic_load(&slots.n); i++) {
		struct slot *slot = slots.slot[i];
		pthread_mutex_lock(&slot->lock);
		if (slot->token)
			pthread_mutex_lock(&slot->token->lock);
	}
	slot_conf_before_fork();
	slot_event_before_fork();
}

/* Once every token is at rest: the stores and pools. */
void slots_before_fork_close(void)
{
	for (size_t i = 0; i < atomic_load(&slots.n); i++) {
		struct slot *slot = slots.slot[i];
		if (slot->token)
			store_before_fork(slot->token->store);
		if (slot->pool)
			pool_before_fork(slot->pool);
	}
}

void slots_after_fork_parent(void)
{
	slot_event_after_fork_parent();
	slot_conf_after_fork_parent();
	for (size_t i = 0; i < atomic_load(&slots.n); i++) {
		struct slot *slot = slots.slot[i];
		if (slot->pool)
			pool_after_fork_parent(slot->pool);
		if (slot->token) {
			store_after_fork_parent(slot->token->store);
			pthread_mutex_unlock(&slot->token->lock);
		}
		pthread_mutex_unlock(&slot->lock);
	}
	pthread_mutex_unlock(&slots.lock);
}

void slots_after_fork_child(void)
{
	slot_event_after_fork_child();
	slot_conf_after_fork_child();
	for (size_t i = 0; i < atomic_load(&slots.n); i++) {
		struct slot *slot = slots.slot[i];
		if (slot->pool)
			pool_after_fork_child(slot->pool);
		if (slot->token) {
			store_after_fork_child(slot->token->store);
			pthread_mutex_init(&slot->token->lock, NULL);
		}
		pthread_mutex_init(&slot->lock, NULL);
	}
	pthread_mutex_init(&slots.lock, NULL);
}
