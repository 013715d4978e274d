/* SPDX-License-Identifier: Apache-2.0 */
#include "hufud/access_internal.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"

struct rules {
	struct identity **identities;
	size_t n;
};

struct access {
	pthread_mutex_t lock;          /* of rules; held for a look */
	struct rules *rules;
};

/* -- identities --------------------------------------------------------------------------- */

static void list_free(char **list)
{
	for (char **text = list; text && *text; text++)
		free(*text);
	free(list);
}

/* NULL of NULL; *ok false: memory is out. */
static char **list_copy(char *const *list, bool *ok)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	char **copy = list ? calloc(n + 1, sizeof(*copy)) : NULL;
	for (size_t i = 0; copy && i < n; i++)
		*ok &= (copy[i] = strdup(list[i])) != NULL;
	*ok &= !list || copy;
	return copy;
}

static char *text_copy(const char *text, bool *ok)
{
	char *copy = text ? strdup(text) : NULL;
	*ok &= !text || copy;
	return copy;
}

static bool list_has(char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static void usage_rele(struct usage *usage)
{
	if (usage && atomic_fetch_sub(&usage->refs, 1) == 1)
		free(usage);
}

static void identity_rele(struct identity *identity)
{
	if (!identity || atomic_fetch_sub(&identity->refs, 1) != 1)
		return;
	free(identity->name);
	free(identity->subject);
	free(identity->dns);
	list_free(identity->tokens);
	list_free(identity->allow);
	list_free(identity->deny);
	usage_rele(identity->usage);
	free(identity);
}

static uint32_t roles_of(char *const *words)
{
	static const struct {
		const char *word;
		enum access_role role;
	} roles[] = {{"devices", ACCESS_DEVICES}, {"user", ACCESS_USER}, {"so", ACCESS_SO}, {"operator", ACCESS_OPERATOR},
	             {"auditor", ACCESS_AUDITOR}};
	uint32_t mask = 0;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (list_has(words, roles[i].word))
			mask |= roles[i].role;
	return mask;
}

static bool user_of(const char *text, uid_t *uid)
{
	char space[4096], *end;
	struct passwd entry, *found = NULL;
	errno = 0;
	unsigned long number = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && number < UINT32_MAX) {
		*uid = (uid_t)number;
		return true;
	}
	if (getpwnam_r(text, &entry, space, sizeof(space), &found) != 0 || !found)
		return false;
	*uid = entry.pw_uid;
	return true;
}

/* The configuration has made sure that these are 64 hexadecimal digits. */
static void read_fingerprint(const char *text, uint8_t out[32])
{
	for (size_t i = 0; i < 32; i++) {
		char byte[3] = {text[2 * i], text[2 * i + 1], 0};
		out[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

static struct usage *usage_new(void)
{
	struct usage *usage = calloc(1, sizeof(*usage));
	if (usage)
		atomic_store(&usage->refs, 1);
	return usage;
}

static struct usage *usage_hold(struct usage *usage)
{
	atomic_fetch_add(&usage->refs, 1);
	return usage;
}

static enum hufu_err identity_new(const struct conf_identity *conf, const struct identity *former, struct identity **out)
{
	struct identity *identity = calloc(1, sizeof(*identity));
	bool ok = identity != NULL;
	if (!ok)
		return HUFU_ERR_NO_MEMORY;
	*identity = (struct identity){
		.refs = 1, .roles = roles_of(conf->roles), .by_certificate = conf->certificate, .by_user = conf->user,
		.name = text_copy(conf->name, &ok), .subject = text_copy(conf->subject, &ok), .dns = text_copy(conf->dns, &ok),
		.tokens = list_copy(conf->tokens, &ok), .allow = list_copy(conf->allow, &ok), .deny = list_copy(conf->deny, &ok),
		.usage = former ? usage_hold(former->usage) : usage_new(),
	};
	if (conf->certificate)
		read_fingerprint(conf->certificate, identity->certificate);
	if (!ok || !identity->usage) {
		identity_rele(identity);
		return HUFU_ERR_NO_MEMORY;
	}
	if (conf->user && !user_of(conf->user, &identity->user)) {
		log_error("identity \"%s\": there is no user \"%s\" on this host. Name one that is, or its number", conf->name, conf->user);
		identity_rele(identity);
		return HUFU_ERR_CONFIG;
	}
	*out = identity;
	return HUFU_OK;
}

static void set_limits(struct usage *usage, const struct conf_identity *conf)
{
	atomic_store(&usage->rate, conf->rate);
	atomic_store(&usage->burst, conf->burst);
	atomic_store(&usage->connections_max, conf->connections);
	atomic_store(&usage->in_flight_max, conf->in_flight);
}

/* -- rules ---------------------------------------------------------------------------------- */

static void rules_free(struct rules *rules)
{
	for (size_t i = 0; rules && i < rules->n; i++)
		identity_rele(rules->identities[i]);
	if (rules)
		free(rules->identities);
	free(rules);
}

static struct identity *rules_find(const struct rules *rules, const char *name)
{
	for (size_t i = 0; rules && i < rules->n; i++)
		if (strcmp(rules->identities[i]->name, name) == 0)
			return rules->identities[i];
	return NULL;
}

static enum hufu_err rules_new(const struct conf *conf, const struct rules *former, struct rules **out)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	enum hufu_err err = rules && (rules->identities = calloc(conf->nidentities + 1, sizeof(struct identity *))) ?
	                            HUFU_OK : HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; err == HUFU_OK && i < conf->nidentities; i++) {
		const struct conf_identity *from = &conf->identities[i];
		err = identity_new(from, rules_find(former, from->name), &rules->identities[i]);
		rules->n += err == HUFU_OK;
	}
	if (err != HUFU_OK) {
		rules_free(rules);
		return err;
	}
	for (size_t i = 0; i < rules->n; i++)
		set_limits(rules->identities[i]->usage, &conf->identities[i]);
	*out = rules;
	return HUFU_OK;
}

enum hufu_err access_new(const struct conf *conf, struct access **out)
{
	struct access *access = calloc(1, sizeof(*access));
	enum hufu_err err = access ? rules_new(conf, NULL, &access->rules) : HUFU_ERR_NO_MEMORY;
	if (err != HUFU_OK) {
		free(access);
		return err;
	}
	pthread_mutex_init(&access->lock, NULL);
	*out = access;
	return HUFU_OK;
}

void access_free(struct access *access)
{
	if (!access)
		return;
	rules_free(access->rules);
	pthread_mutex_destroy(&access->lock);
	free(access);
}

enum hufu_err access_reload(struct access *access, const struct conf *conf)
{
	struct rules *rules = NULL;
	enum hufu_err err = rules_new(conf, access->rules, &rules); /* one thread reloads */
	if (err != HUFU_OK)
		return err;
	pthread_mutex_lock(&access->lock);
	struct rules *former = access->rules;
	access->rules = rules;
	pthread_mutex_unlock(&access->lock);
	rules_free(former);
	return HUFU_OK;
}

/* -- who it is ---------------------------------------------------------------------------------- */

static bool has_name(const struct channel_peer *peer, const char *dns)
{
	for (size_t i = 0; i < peer->nnames; i++)
		if (strcasecmp(peer->names[i], dns) == 0)
			return true;
	return false;
}

static bool fits(const struct identity *identity, const struct channel_peer *peer)
{
	if (peer->local)
		return identity->by_user && identity->user == peer->uid;
	if (identity->subject)
		return strcmp(identity->subject, peer->subject) == 0;
	if (identity->by_certificate)
		return memcmp(identity->certificate, peer->fingerprint, sizeof(identity->certificate)) == 0;
	return identity->dns && has_name(peer, identity->dns);
}

/* The first whose peer it is. */
static struct identity *find_locked(const struct access *access, const struct channel_peer *peer)
{
	for (size_t i = 0; i < access->rules->n; i++)
		if (fits(access->rules->identities[i], peer))
			return access->rules->identities[i];
	return NULL;
}

const struct identity *access_identify(struct access *access, const struct channel_peer *peer, char *why, size_t why_len)
{
	pthread_mutex_lock(&access->lock);
	struct identity *found = find_locked(access, peer);
	if (found)
		atomic_fetch_add(&found->refs, 1);
	pthread_mutex_unlock(&access->lock);
	if (!found && peer->local)
		snprintf(why, why_len, "no identity is of user %u", (unsigned)peer->uid);
	else if (!found)
		snprintf(why, why_len, "no identity is of the certificate %s", peer->subject);
	return found;
}

void access_rele(struct access *access, const struct identity *identity)
{
	(void)access;
	identity_rele((struct identity *)(uintptr_t)identity);
}

const char *access_name(const struct identity *identity)
{
	return identity->name;
}

uint32_t access_roles(const struct identity *identity)
{
	return identity->roles;
}

static bool may_use(const struct identity *identity, const char *token)
{
	return list_has(identity->tokens, "*") || list_has(identity->tokens, token);
}

const char *access_token(const struct identity *identity, const struct conf *conf, const char *wanted, char *why, size_t why_len)
{
	const char *found = NULL;
	size_t n = 0;
	for (size_t i = 0; i < conf->ntokens; i++) {
		const char *name = conf->tokens[i].name;
		if (!may_use(identity, name) || (*wanted && strcmp(name, wanted) != 0))
			continue;
		found = name;
		n++;
	}
	if (n == 1)
		return found;
	/* Of one that it may not use it does not learn whether it is there. */
	if (*wanted)
		snprintf(why, why_len, "identity %s has no token \"%s\"", identity->name, wanted);
	else
		snprintf(why, why_len, n ? "identity %s has several tokens: the client must name one" : "identity %s has no token",
		         identity->name);
	return NULL;
}

static bool same_list(char *const *a, char *const *b)
{
	for (; a && b && *a && *b && strcmp(*a, *b) == 0; a++, b++)
		;
	return a && b ? !*a && !*b : a == b;
}

bool access_stands(struct access *access, const struct channel_peer *peer, const struct identity *identity, const char *token)
{
	pthread_mutex_lock(&access->lock);
	const struct identity *now = find_locked(access, peer);
	bool stands = now && strcmp(now->name, identity->name) == 0 && may_use(now, token) && now->roles == identity->roles &&
	              same_list(now->allow, identity->allow) && same_list(now->deny, identity->deny);
	pthread_mutex_unlock(&access->lock);
	return stands;
}

/* -- how much ------------------------------------------------------------------------------------- */

static bool take_place(_Atomic uint32_t *used, uint32_t most)
{
	if (atomic_fetch_add_explicit(used, 1, memory_order_relaxed) < most)
		return true;
	atomic_fetch_sub_explicit(used, 1, memory_order_relaxed);
	return false;
}

bool access_connect(const struct identity *identity)
{
	return take_place(&identity->usage->connections, atomic_load(&identity->usage->connections_max));
}

void access_disconnect(const struct identity *identity)
{
	atomic_fetch_sub_explicit(&identity->usage->connections, 1, memory_order_relaxed);
}

/* Each request takes up 1/rate of a second; what is taken may run ahead of the clock by burst of them. 0: it may be; else after so long. */
static uint64_t wait_of_rate(struct usage *usage, uint32_t rate, uint64_t now)
{
	uint32_t burst = atomic_load_explicit(&usage->burst, memory_order_relaxed);
	uint64_t each = NS_PER_S / rate, ahead = each * (burst ? burst : 1);
	uint64_t paid = atomic_load_explicit(&usage->paid_until_ns, memory_order_relaxed), next;
	do {
		next = (paid > now ? paid : now) + each;
		if (next > now + ahead)
			return next - now - ahead;
	} while (!atomic_compare_exchange_weak_explicit(&usage->paid_until_ns, &paid, next, memory_order_relaxed,
	                                                memory_order_relaxed));
	return 0;
}

enum hufu_err access_begin(const struct identity *identity, uint64_t now_ns, uint32_t *retry_ms)
{
	struct usage *usage = identity->usage;
	uint32_t rate = atomic_load_explicit(&usage->rate, memory_order_relaxed);
	*retry_ms = 0;
	bool placed = take_place(&usage->in_flight, atomic_load_explicit(&usage->in_flight_max, memory_order_relaxed));
	uint64_t wait = placed && rate ? wait_of_rate(usage, rate, now_ns) : 0;
	if (placed && !wait)
		return HUFU_OK;
	if (placed) {
		access_end(identity);
		*retry_ms = (uint32_t)(wait / NS_PER_MS) + 1;
	}
	atomic_fetch_add_explicit(&usage->limited, 1, memory_order_relaxed);
	return HUFU_ERR_BUSY;
}

void access_end(const struct identity *identity)
{
	atomic_fetch_sub_explicit(&identity->usage->in_flight, 1, memory_order_relaxed);
}

void access_each(struct access *access, void (*fn)(void *arg, const struct access_use *), void *arg)
{
	pthread_mutex_lock(&access->lock);
	for (size_t i = 0; i < access->rules->n; i++) {
		const struct identity *identity = access->rules->identities[i];
		const struct usage *usage = identity->usage;
		fn(arg, &(struct access_use){.name = identity->name, .connections = atomic_load(&usage->connections),
		                             .in_flight = atomic_load(&usage->in_flight), .limited = atomic_load(&usage->limited),
		                             .refused = atomic_load(&usage->refused)});
	}
	pthread_mutex_unlock(&access->lock);
}
