/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of devices, which may change while the library runs
 * (reload.c); that of tokens stays as it was at C_Initialize. Pools copy what
 * they keep, so a configuration that was replaced is freed at once.
 */
#include "base/log.h"
#include "token/slot_impl.h"

#include <string.h>

static struct {
	pthread_mutex_t lock;            /* replacing it, and making a pool of it */
	struct conf *conf;               /* NULL: slots.conf still holds */
	struct conf_states states;
} live = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void report(void *arg, const char *message)
{
	(void)arg;
	log_error("%s", message);
}

/* Wishes with mistakes do not keep anybody from working: all devices are enabled then, and the log says why. */
void slot_conf_start(void)
{
	if (conf_states_load(slots.conf, report, NULL, &live.states) != HUFU_OK)
		log_error("%s: no wish of it is in force until it is repaired", slots.conf->states);
}

void slot_conf_stop(void)
{
	conf_free(live.conf);
	live.conf = NULL;
	conf_states_clear(&live.states);
}

/* The slot's section, as conf has it; a view. False: it has none any more. */
static bool section_of(const struct conf *conf, const struct slot *slot, struct conf_token *section)
{
	if (slot->own_store) {
		*section = conf->defaults;
		section->name = slot->conf.name;
		section->store = slot->conf.store;
		return conf->defaults.ndevices > 0;
	}
	for (size_t i = 0; i < conf->ntokens; i++) {
		if (strcmp(conf->tokens[i].name, slot->name) == 0) {
			*section = conf->tokens[i];
			return true;
		}
	}
	return false;
}

static enum hufu_err new_pool_locked(const struct slot *slot, struct pool **pool)
{
	const struct conf *conf = live.conf ? live.conf : slots.conf;
	struct conf_token section;
	if (!section_of(conf, slot, &section)) {
		conf = slots.conf; /* the token lives on until the program starts again */
		section = slot->conf;
	}
	enum hufu_err err = pool_new(conf, &section, pool);
	if (err == HUFU_OK && live.states.n)
		err = pool_reconfigure(*pool, conf, &section, &live.states);
	if (err != HUFU_OK && *pool) {
		pool_free(*pool);
		*pool = NULL;
	}
	return err;
}

enum hufu_err slot_new_pool(struct slot *slot)
{
	struct pool *pool = NULL;
	pthread_mutex_lock(&live.lock);
	enum hufu_err err = new_pool_locked(slot, &pool);
	atomic_store(&slot->pool, pool); /* under the lock: whoever replaces the configuration sees it */
	pthread_mutex_unlock(&live.lock);
	return err;
}

static void reconfigure(const struct slot *slot)
{
	struct pool *pool = atomic_load(&slot->pool);
	struct conf_token section;
	const struct conf *conf = live.conf ? live.conf : slots.conf;
	if (!pool || !section_of(conf, slot, &section))
		return;
	if (pool_reconfigure(pool, conf, &section, &live.states) != HUFU_OK)
		log_error("token \"%s\": its devices could not all be changed. See the messages before this one", slot->name);
}

/* live is replaced by one caller at a time, who may therefore read it without the lock. */
void slots_reconfigure(struct conf *conf, struct conf_states *states)
{
	struct conf *old_conf = NULL;
	pthread_mutex_lock(&live.lock);
	if (conf) {
		old_conf = live.conf;
		live.conf = conf;
	}
	if (states) {
		conf_states_clear(&live.states);
		live.states = *states;
		*states = (struct conf_states){0}; /* passed on */
	}
	pthread_mutex_unlock(&live.lock);
	for (size_t i = 0; i < atomic_load(&slots.n); i++)
		reconfigure(slots.slot[i]);
	conf_free(old_conf);
}

void slot_conf_before_fork(void)
{
	pthread_mutex_lock(&live.lock);
}

void slot_conf_after_fork_parent(void)
{
	pthread_mutex_unlock(&live.lock);
}

void slot_conf_after_fork_child(void)
{
	pthread_mutex_init(&live.lock, NULL);
}
