/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who belongs to a pool, by configuration and by the administrator's wishes; the
 * pool's own copies of both, since the caller's may be replaced while the pool works.
 */
#include "pool/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* What was in force before; others may still read it. */
struct retired {
	struct retired *next;
	const struct conf_token *token;
};

/* -- copies of sections ------------------------------------------------------- */

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static size_t count_texts(char *const *texts)
{
	size_t n = 0;

	while (texts && texts[n])
		n++;
	return n;
}

static bool copy_options(struct conf_device *to, char *const *from)
{
	size_t n = count_texts(from);

	to->options = from ? calloc(n + 1, sizeof(*to->options)) : NULL;
	if (from && !to->options)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!copy_text(&to->options[i], from[i]))
			return false;
	return true;
}

void member_conf_free(const struct conf_device *conf)
{
	struct conf_device *own = (struct conf_device *)(uintptr_t)conf; /* made below, by nobody else */

	if (!own)
		return;
	for (char **option = own->options; option && *option; option++)
		free(*option);
	free(own->options);
	free(own->name);
	free(own->driver);
	free(own->domain);
	free(own->token);
	free(own->host_dir);
	free(own);
}

const struct conf_device *member_conf_copy(const struct conf_device *from)
{
	struct conf_device *to = malloc(sizeof(*to));

	if (!to)
		return NULL;
	*to = *from;
	to->name = to->driver = to->domain = to->token = to->host_dir = NULL;
	to->options = NULL;
	if (copy_text(&to->name, from->name) && copy_text(&to->driver, from->driver) && copy_text(&to->domain, from->domain) &&
	    copy_text(&to->token, from->token) && copy_text(&to->host_dir, from->host_dir) && copy_options(to, from->options))
		return to;
	member_conf_free(to);
	return NULL;
}

static void token_free(const struct conf_token *token)
{
	struct conf_token *own = (struct conf_token *)(uintptr_t)token;

	if (own)
		free(own->name);
	free(own);
}

/* Its name and its numbers: files and the list of devices are others' matter. */
static struct conf_token *token_copy(const struct conf_token *from)
{
	struct conf_token *to = malloc(sizeof(*to));

	if (!to)
		return NULL;
	*to = *from;
	to->store = to->host_secret = NULL;
	to->devices = NULL;
	to->ndevices = 0;
	if (!copy_text(&to->name, from->name)) {
		free(to);
		return NULL;
	}
	return to;
}

/* -- the token's settings ------------------------------------------------------ */

static bool same_settings(const struct conf_token *a, const struct conf_token *b)
{
	return a->deadline_ms == b->deadline_ms && memcmp(&a->pool, &b->pool, sizeof(a->pool)) == 0;
}

enum hufu_err members_set_token(struct pool *pool, const struct conf_token *conf)
{
	if (atomic_load(&pool->token) && same_settings(atomic_load(&pool->token), conf))
		return HUFU_OK;
	struct conf_token *token = token_copy(conf);
	const struct conf_token *before = atomic_load(&pool->token);
	struct retired *retired = before ? malloc(sizeof(*retired)) : NULL;

	if (!token || (before && !retired)) {
		token_free(token);
		free(retired);
		return HUFU_ERR_NO_MEMORY;
	}
	if (retired) {
		*retired = (struct retired){.next = pool->retired, .token = before};
		pool->retired = retired;
	}
	atomic_store(&pool->deadline_ns, token->deadline_ms * NS_PER_MS);
	atomic_store(&pool->token, token);
	return HUFU_OK;
}

void members_free_settings(struct pool *pool)
{
	struct retired *next;

	for (struct retired *retired = pool->retired; retired; retired = next) {
		next = retired->next;
		token_free(retired->token);
		free(retired);
	}
	token_free(atomic_load(&pool->token));
}

/* -- who belongs to it ----------------------------------------------------------- */

/* Removed, and nothing of it is open or under way: its place is another's if there is one. */
static bool is_stone(struct device *device)
{
	return atomic_load(&device->admin) == POOL_REMOVED && device_is_idle(device) && device_is_closed(device);
}

enum hufu_err members_add(struct pool *pool, const struct conf_device *conf, enum pool_admin admin)
{
	struct device *device = device_new(pool, conf);
	unsigned index = 0;

	if (!device)
		return HUFU_ERR_NO_MEMORY;
	atomic_store(&device->admin, admin);
	while (index < pool->ndevices && !is_stone(atomic_load(&pool->devices[index])))
		index++;
	struct device *stone = index < pool->ndevices ? atomic_load(&pool->devices[index]) : NULL;
	enum hufu_err err = index < POOL_DEVICES_MAX ? key_join(device, index) : HUFU_ERR_CONFIG;
	if (err != HUFU_OK) {
		device_free(device);
		return err;
	}
	if (stone) {
		stone->next_stone = pool->stones;
		pool->stones = stone;
	}
	return HUFU_OK;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_options(char *const *a, char *const *b)
{
	size_t n = count_texts(a);

	if (n != count_texts(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

/* What else there is may change while it works. */
static bool same_device(const struct conf_device *a, const struct conf_device *b)
{
	return same_text(a->driver, b->driver) && same_text(a->domain, b->domain) && a->isolation == b->isolation &&
	       same_text(a->host_dir, b->host_dir) && same_options(a->options, b->options);
}

static enum pool_admin admin_of(enum conf_wish wish)
{
	switch (wish) {
	case CONF_WISH_ENABLED:
		return POOL_ENABLED;
	case CONF_WISH_DRAINING:
		return POOL_DRAINING;
	case CONF_WISH_MAINTENANCE:
		return POOL_MAINTENANCE;
	case CONF_WISH_REMOVED:
		return POOL_REMOVED;
	}
	return POOL_ENABLED;
}

static enum pool_admin wish_for(const struct conf_states *states, const char *name)
{
	return states ? admin_of(conf_states_wish(states, name)) : POOL_ENABLED;
}

/* The section of this name among the token's; NULL: none. */
static const struct conf_device *find_conf(const struct conf *conf, const struct conf_token *token, const char *name)
{
	for (size_t i = 0; i < token->ndevices; i++)
		if (strcmp(conf->devices[token->devices[i]].name, name) == 0)
			return &conf->devices[token->devices[i]];
	return NULL;
}

/* The device that this section describes already; NULL: it is new, or changed. */
static struct device *find_device(struct pool *pool, const struct conf_device *conf)
{
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		if (atomic_load(&device->admin) != POOL_REMOVED && strcmp(device->conf->name, conf->name) == 0 &&
		    same_device(device->conf, conf))
			return device;
	}
	return NULL;
}

static enum hufu_err add_or_update(struct pool *pool, const struct conf_device *conf, const struct conf_states *states)
{
	struct device *device = find_device(pool, conf);
	enum pool_admin wish = wish_for(states, conf->name);

	if (device)
		device_set_limits(device, conf);
	if (device || wish == POOL_REMOVED)
		return HUFU_OK;
	log_device(HUFU_LOG_NOTICE, conf->name, "joins token \"%s\"", atomic_load(&pool->token)->name);
	return members_add(pool, conf, wish);
}

/* What is to become of the devices that there were. */
struct wishes {
	struct device *devices[POOL_DEVICES_MAX];
	enum pool_admin admins[POOL_DEVICES_MAX];
	size_t n;
};

/* What has no section any more, or another one, goes. */
static void add_wish(struct wishes *wishes, struct device *device, const struct conf_device *conf, const struct conf_states *states)
{
	bool stays = conf && same_device(device->conf, conf);

	wishes->devices[wishes->n] = device;
	wishes->admins[wishes->n++] = stays ? wish_for(states, conf->name) : POOL_REMOVED;
}

/* New ones come before old ones go: there is always somebody to wait for. */
static enum hufu_err reconfigure_locked(struct pool *pool, const struct conf *conf, const struct conf_token *token,
                                        const struct conf_states *states, struct wishes *wishes)
{
	enum hufu_err err = members_set_token(pool, token);

	for (size_t i = 0; i < token->ndevices && err == HUFU_OK; i++)
		err = add_or_update(pool, &conf->devices[token->devices[i]], states);
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		health_configure(&device->health, &token->pool);
		if (atomic_load(&device->admin) != POOL_REMOVED)
			add_wish(wishes, device, find_conf(conf, token, device->conf->name), states);
	}
	return err;
}

enum hufu_err pool_reconfigure(struct pool *pool, const struct conf *conf, const struct conf_token *token,
                               const struct conf_states *states)
{
	struct wishes wishes = {.n = 0};

	if (token->ndevices > POOL_DEVICES_MAX)
		return HUFU_ERR_CONFIG;
	pthread_mutex_lock(&pool->members_lock);
	enum hufu_err err = reconfigure_locked(pool, conf, token, states, &wishes);
	/* A second device, or the first on lanes, wants the keeper: the next op asks again. */
	enum keeping callers = KEEPING_BY_CALLERS;
	atomic_compare_exchange_strong(&pool->keeping, &callers, KEEPING_ANEW);
	pthread_mutex_unlock(&pool->members_lock);
	/* News go to the keeper, whose lock a fork takes before this one. */
	for (size_t i = 0; i < wishes.n; i++)
		device_set_admin(wishes.devices[i], wishes.admins[i]);
	atomic_store(&pool->inline_due_ns, 0);
	pool_changed(pool);
	keeper_poke();
	return err;
}
