/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that only says that it works: it publishes, for each device of the
 * first token, counters that grow by 100 ops a turn, of 1 ms each, and heeds the
 * administrator's wishes. For what the tool shows; argv: seconds at most, then
 * any of "DEVICE=ejected", "DEVICE=quarantined", "DEVICE=busy" (keeps 3 in flight).
 */
#include "base/clock.h"
#include "base/conf_states.h"
#include "pool/pool.h"
#include "stats/stats.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TURN_NS (20 * NS_PER_MS)

static const char *role_of(const char *device, int argc, char **argv)
{
	size_t len = strlen(device);

	for (int i = 2; i < argc; i++)
		if (strncmp(argv[i], device, len) == 0 && argv[i][len] == '=')
			return argv[i] + len + 1;
	return "up";
}

static void begin(struct stats_device *s, const char *role)
{
	enum pool_state state = POOL_UP;

	stats_event(s, POOL_JOINING, POOL_UP, HUFU_OK, "opened");
	if (!strcmp(role, "ejected")) {
		state = POOL_EJECTED;
		stats_event(s, POOL_UP, state, HUFU_ERR_GONE, "connection refused \033[31mred");
	} else if (!strcmp(role, "quarantined")) {
		state = POOL_QUARANTINED;
		stats_event(s, POOL_UP, state, HUFU_ERR_CORRUPT, "its signature did not verify");
	} else if (!strcmp(role, "busy")) {
		atomic_store(&s->slots[0].started, 3);
	}
	atomic_store(&s->state, state);
}

static void work(struct stats_device *s, enum conf_wish wish)
{
	atomic_store(&s->admin, (uint32_t)wish); /* both enums say the same */
	if (wish != CONF_WISH_ENABLED || atomic_load(&s->state) != POOL_UP)
		return;
	atomic_fetch_add(&s->slots[0].started, 100);
	atomic_fetch_add(&s->slots[0].ended, 100);
	atomic_fetch_add(&s->histogram[HUFU_VERB_SIGN][stats_bucket(NS_PER_MS)], 100);
}

int main(int argc, char **argv)
{
	struct stats_device *devices[STATS_DEVICES_MAX] = {NULL};
	uint64_t until = clock_now_ns() + strtoul(argc > 1 ? argv[1] : "1", NULL, 10) * NS_PER_S;
	struct conf *conf;

	if (conf_load(NULL, NULL, &conf) != HUFU_OK || !conf->ntokens)
		return 1;
	const struct conf_token *token = &conf->tokens[0];
	stats_configure(conf);
	for (size_t i = 0; i < token->ndevices && i < STATS_DEVICES_MAX; i++) {
		const struct conf_device *device = &conf->devices[token->devices[i]];
		devices[i] = stats_device_new(token->name, device);
		if (!devices[i])
			return 1;
		begin(devices[i], role_of(device->name, argc, argv));
	}
	while (clock_now_ns() < until) {
		struct conf_states states;
		if (conf_states_load(conf, NULL, NULL, &states) == HUFU_OK) {
			for (size_t i = 0; i < token->ndevices && i < STATS_DEVICES_MAX; i++)
				work(devices[i], conf_states_wish(&states, conf->devices[token->devices[i]].name));
			conf_states_clear(&states);
		}
		nanosleep(&(struct timespec){.tv_nsec = (long)TURN_NS}, NULL);
	}
	for (size_t i = 0; i < token->ndevices && i < STATS_DEVICES_MAX; i++)
		stats_device_free(devices[i]);
	conf_free(conf);
	return 0;
}
