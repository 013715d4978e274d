/* SPDX-License-Identifier: Apache-2.0 */
#include "token/residents.h"
#include "base/clock.h"
#include "base/log.h"
#include "token/domains.h"
#include "token/object.h"
#include "token/resident_object.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_NS NS_PER_S                /* a login's patience */
#define LOOK_EVERY_NS (10 * NS_PER_S)   /* of searches, while some domain could not be asked */
#define RESIDENTS_MAX 4096              /* of a domain; what a device tells beyond is not looked at */
#define PROOFS_MAX 8                    /* of a domain: each is a signature at every admission */
#define LOG_EVERY_NS (10 * NS_PER_S)

static const char *name_of(const struct token *token)
{
	return token->conf->name ? token->conf->name : "";
}

/* -- what the store has of a domain ---------------------------------------------------- */

enum fate { FATE_UNSEEN, FATE_FOUND, FATE_CHANGED };

/* A row that was made of a resident key. */
struct known {
	uint8_t uuid[16];
	uint8_t copy[HUFU_RESIDENT_COPY_MAX];
	size_t copy_len;
	uint8_t info[HUFU_PUB_MAX];     /* CKA_PUBLIC_KEY_INFO */
	size_t info_len;
	CK_KEY_TYPE key_type;
	bool signs_sm2;
	bool made_here;                 /* by this token's own GENERATE, which may name it otherwise than FIND does */
	char label[64];                 /* for people */
	enum fate fate;
};

struct inventory {
	const char *domain;
	struct known *list;
	size_t n;
	bool complete;                  /* the device told all that it has */
	bool alone;                     /* and no other device of the domain could keep what it does not */
	bool store_failed;              /* told of once */
};

static void take_label(const CK_ATTRIBUTE *label, char out[64])
{
	size_t len = !label ? 0 : label->ulValueLen < 63 ? label->ulValueLen : 63;
	memcpy(out, len ? label->pValue : "", len);
	out[len] = 0;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			out[i] = '?';
}

/* False: it is none, or not one that could have been made of a resident key. */
static bool take_row(const struct store_row *row, const char *domain, struct known *known)
{
	struct attrs attrs;
	bool ok = row->ncopies == 1 && row->copies[0].kind == HUFU_COPY_INDEX && strcmp(row->copies[0].domain, domain) == 0 &&
	          row->copies[0].len <= sizeof known->copy;
	if (!ok)
		return false;
	memcpy(known->uuid, row->uuid, sizeof known->uuid);
	memcpy(known->copy, row->copies[0].data, known->copy_len = row->copies[0].len);
	attrs_init(&attrs, true);
	for (size_t i = 0; i < row->nattrs && ok; i++)
		ok = attr_decode((CK_ATTRIBUTE_TYPE)row->attrs[i].type, row->attrs[i].value, row->attrs[i].len, &attrs);
	const CK_ATTRIBUTE *info = attrs_get(&attrs, CKA_PUBLIC_KEY_INFO);
	ok = ok && (!info || info->ulValueLen <= sizeof known->info);
	if (ok) {
		known->info_len = info ? info->ulValueLen : 0;
		memcpy(known->info, info ? info->pValue : "", known->info_len);
		known->key_type = row->key_type;
		known->made_here = attrs_bool(&attrs, CKA_LOCAL, false);
		known->signs_sm2 = row->key_type == CKK_HUFU_SM2 && attrs_bool(&attrs, CKA_SIGN, false);
		take_label(attrs_get(&attrs, CKA_LABEL), known->label);
	}
	attrs_clear(&attrs);
	return ok;
}

static enum hufu_err read_known(struct token *token, struct inventory *inv)
{
	struct store_attr wanted = {.type = CKA_HUFU_RESIDENT, .value = (const uint8_t *)inv->domain, .len = strlen(inv->domain),
	                            .indexed = true};
	uint8_t (*uuids)[16];
	size_t n;
	if (!store_unlocked(token->store)) /* logged out meanwhile */
		return HUFU_ERR_LOCKED;
	enum hufu_err err = store_find(token->store, &wanted, 1, true, &uuids, &n);
	if (err != HUFU_OK)
		return err;
	inv->list = calloc(n + 1, sizeof *inv->list);
	for (size_t i = 0; i < n && inv->list; i++) {
		struct store_row *row;
		if (store_get(token->store, uuids[i], &row) != HUFU_OK) /* reported, or gone meanwhile */
			continue;
		inv->n += take_row(row, inv->domain, &inv->list[inv->n]);
		store_row_free(row);
	}
	free(uuids);
	return inv->list ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

/* -- what the devices have ------------------------------------------------------------------ */

static bool is_named(const struct known *k, const struct resident *r)
{
	return k->copy_len == r->told.copy_len && memcmp(k->copy, r->told.copy, k->copy_len) == 0;
}

/* Is it there as it was? What stands in its place is another key, however alike. */
static bool compare(struct inventory *inv, const struct resident *r)
{
	uint8_t info[HUFU_PUB_MAX];
	size_t len = resident_public_info(r, info);
	bool there = false;
	for (size_t i = 0; i < inv->n; i++) {
		struct known *k = &inv->list[i];
		bool same = k->info_len == len && memcmp(k->info, info, len) == 0 && k->key_type == resident_key_type(r);
		if (!is_named(k, r) && !(k->made_here && len && same))
			continue;
		k->fate = same ? FATE_FOUND : FATE_CHANGED;
		there |= same;
	}
	return there;
}

static void take_in(struct token *token, struct inventory *inv, const struct resident *r)
{
	enum hufu_err err = resident_store(token, r);
	if (err == HUFU_OK)
		log_notice("token \"%s\": found key \"%s\" in domain \"%s\"", name_of(token), r->told.label, r->domain);
	else
		log_msg(inv->store_failed ? HUFU_LOG_DEBUG : HUFU_LOG_WARNING,
		        "token \"%s\": key \"%s\" that domain \"%s\" keeps is not shown: %s", name_of(token), r->told.label,
		        r->domain, err_text(err));
	inv->store_failed |= err != HUFU_OK;
}

/* Devices of the domain; of this driver, where it is not NULL. */
static size_t count_devices(struct token *token, const char *domain, const char *driver)
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	size_t n = pool_status(token->pool, status, POOL_DEVICES_MAX), found = 0;
	for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++)
		found += strcmp(status[i].domain, domain) == 0 && (!driver || strcmp(status[i].driver, driver) == 0);
	return found;
}

/* A label that a PKCS#11 module gives was chosen by people, and must be found by it. */
static bool has_own_labels(struct token *token, const char *domain)
{
	return count_devices(token, domain, "p11") != 0;
}

/* What cannot be used is told of, and hides nothing that comes after it. */
static void tell_unseen(struct token *token, const char *domain, uint32_t nonsense, bool too_many)
{
	if (nonsense)
		log_warning("token \"%s\": %u keys that domain \"%s\" keeps are not shown, for what its device tells of them makes no "
		            "sense. Ask its vendor", name_of(token), nonsense, domain);
	if (too_many)
		log_warning("token \"%s\": domain \"%s\" keeps more than %d keys, of which no more are looked at", name_of(token), domain,
		            RESIDENTS_MAX);
}

/* HUFU_OK: all were asked for, or there is nobody to ask. */
static enum hufu_err enumerate(struct token *token, uint64_t deadline_ns, struct inventory *inv)
{
	struct resident r = {.domain = inv->domain, .own_label = has_own_labels(token, inv->domain)};
	enum hufu_err err = HUFU_OK;
	uint32_t nonsense = 0;
	for (uint32_t nth = 0; nth < RESIDENTS_MAX && (err == HUFU_OK || err == HUFU_ERR_KEY_VALUE); nth++) {
		err = pool_resident(token->pool, inv->domain, nth, deadline_ns, &r.told, r.pub, &r.pub_len);
		nonsense += err == HUFU_ERR_KEY_VALUE;
		if (err == HUFU_OK && !compare(inv, &r))
			take_in(token, inv, &r);
	}
	bool too_many = err == HUFU_OK || err == HUFU_ERR_KEY_VALUE;
	tell_unseen(token, inv->domain, nonsense, too_many);
	inv->complete = err == HUFU_ERR_NO_KEY && !nonsense;
	return too_many || err == HUFU_ERR_NO_KEY || hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED ? HUFU_OK : err;
}

/* -- what follows ---------------------------------------------------------------------------- */

static void note_lost_locked(struct token *token, const struct known *known, bool alone)
{
	struct lost_resident *more = realloc(token->lost, (token->nlost + 1) * sizeof *more);
	if (!more)
		return; /* its use fails all the same, without a good reason */
	token->lost = more;
	memcpy(more[token->nlost].uuid, known->uuid, sizeof known->uuid);
	more[token->nlost].changed = known->fate == FATE_CHANGED;
	more[token->nlost++].refused = known->fate == FATE_CHANGED || alone;
}

static void forget_lost_locked(struct token *token, const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n; i++)
		for (size_t k = token->nlost; k-- > 0;)
			if (memcmp(token->lost[k].uuid, inv->list[i].uuid, 16) == 0)
				token->lost[k] = token->lost[--token->nlost];
}

/* What a device makes for callers it need not tell of. */
static bool is_missing(const struct inventory *inv, const struct known *known)
{
	return known->fate == FATE_UNSEEN && inv->complete && !known->made_here;
}

/* As this look has it, and no earlier one. */
static void note_lost(struct token *token, const struct inventory *inv)
{
	pthread_mutex_lock(&token->lock);
	forget_lost_locked(token, inv);
	for (size_t i = 0; i < inv->n; i++)
		if (inv->list[i].fate == FATE_CHANGED || is_missing(inv, &inv->list[i]))
			note_lost_locked(token, &inv->list[i], inv->alone);
	pthread_mutex_unlock(&token->lock);
}

static void tell(struct token *token, const struct inventory *inv)
{
	for (size_t i = 0; i < inv->n; i++) {
		const struct known *k = &inv->list[i];
		if (k->fate == FATE_CHANGED)
			log_error("token \"%s\": ALARM: where domain \"%s\" kept key \"%s\" there is another key now. The old one is "
			          "refused, the new one is an object of its own. If nobody changed it on purpose, take the device out "
			          "of service", name_of(token), inv->domain, k->label);
		else if (k->fate == FATE_UNSEEN && inv->complete)
			log_warning("token \"%s\": domain \"%s\" does not keep key \"%s\" any more", name_of(token), inv->domain,
			            k->label);
	}
}

/* Whoever joins the domain must keep the same keys. New ones prove nothing yet: one device told of them. */
static void lend_proofs(struct token *token, const struct inventory *inv)
{
	size_t given = 0;
	for (size_t i = 0; i < inv->n && given < PROOFS_MAX; i++) {
		const struct known *k = &inv->list[i];
		struct pool_copy copy = {.kind = HUFU_COPY_INDEX, .domain = inv->domain, .data = k->copy, .len = k->copy_len};
		if (k->fate != FATE_FOUND || !k->signs_sm2 || k->info_len < 64)
			continue;
		/* The point ends the SubjectPublicKeyInfo. */
		enum hufu_err err = pool_add_resident_proof(token->pool, &copy, k->info + k->info_len - 64);
		given += err == HUFU_OK;
		if (err != HUFU_OK)
			log_error("token \"%s\": key \"%s\" of domain \"%s\" proves nothing: %s", name_of(token), k->label, inv->domain,
			          err_text(err));
	}
}

static enum hufu_err look(struct token *token, const char *domain, uint64_t deadline_ns)
{
	struct inventory inv = {.domain = domain, .alone = count_devices(token, domain, NULL) == 1};
	enum hufu_err err = read_known(token, &inv);
	if (err == HUFU_OK)
		err = enumerate(token, deadline_ns, &inv);
	if (inv.list && (inv.complete || err == HUFU_OK)) {
		tell(token, &inv);
		note_lost(token, &inv);
		lend_proofs(token, &inv);
	}
	free(inv.list);
	return err;
}

/* -- when ------------------------------------------------------------------------------------------ */

/* Under residents_lock. A domain that was asked is not asked again under this login. */
static void look_locked(struct token *token)
{
	char names[STORE_DOMAINS_MAX][STORE_DOMAIN_MAX + 1];
	size_t n = domains_names(token, names);
	uint64_t deadline_ns = clock_now_ns() + LOOK_NS, generation = domains_generation(token);
	bool all = true;
	token->looked = token->looked_of == generation ? token->looked : 0;
	token->looked_of = generation;
	for (size_t i = 0; i < n; i++) {
		if (token->looked >> i & 1)
			continue;
		enum hufu_err err = look(token, names[i], deadline_ns);
		if (err == HUFU_OK)
			token->looked |= UINT64_C(1) << i;
		else
			log_info("token \"%s\": what keys domain \"%s\" keeps could not be asked: %s", name_of(token), names[i],
			         err_text(err));
		all &= err == HUFU_OK;
	}
	atomic_store(&token->residents_due_ns, all ? CLOCK_NEVER : clock_now_ns() + LOOK_EVERY_NS);
}

void residents_login(struct token *token)
{
	pthread_mutex_lock(&token->residents_lock);
	token->looked = 0;
	look_locked(token);
	pthread_mutex_unlock(&token->residents_lock);
}

void residents_look_again(struct token *token)
{
	if (token_login(token) != LOGIN_USER || clock_now_ns() < atomic_load_explicit(&token->residents_due_ns, memory_order_relaxed) ||
	    pthread_mutex_trylock(&token->residents_lock) != 0)
		return;
	look_locked(token);
	pthread_mutex_unlock(&token->residents_lock);
}

void residents_logout(struct token *token)
{
	free(token->lost);
	token->lost = NULL;
	token->nlost = 0;
	atomic_store(&token->residents_due_ns, CLOCK_NEVER);
}

/* -- used ------------------------------------------------------------------------------------------- */

static bool find_lost(const struct object *o, struct lost_resident *found)
{
	struct token *token = o->token;
	bool lost = false;
	if (o->session || !attrs_get(&o->attrs, CKA_HUFU_RESIDENT))
		return false;
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; i < token->nlost && !lost; i++) {
		lost = memcmp(token->lost[i].uuid, o->uuid, sizeof o->uuid) == 0;
		*found = token->lost[i];
	}
	pthread_mutex_unlock(&token->lock);
	return lost;
}

bool residents_is_lost(const struct object *o)
{
	struct lost_resident lost;
	return find_lost(o, &lost);
}

CK_RV residents_check(const struct object *o)
{
	char label[64];
	struct lost_resident lost;
	if (!find_lost(o, &lost) || !lost.refused)
		return CKR_OK;
	take_label(attrs_get(&o->attrs, CKA_LABEL), label);
	uint64_t now = clock_now_ns(), due = atomic_load_explicit(&o->token->lost_log_ns, memory_order_relaxed);
	bool is_due = now >= due && atomic_compare_exchange_strong(&o->token->lost_log_ns, &due, now + LOG_EVERY_NS);
	log_msg(is_due ? HUFU_LOG_ERROR : HUFU_LOG_DEBUG, "token \"%s\": key \"%s\" is refused: %s. Look for it with the vendor's "
	        "tools, or destroy the object", name_of(o->token), label,
	        lost.changed ? "another key stands in its place in the device" : "the device does not keep it any more");
	return CKR_DEVICE_ERROR;
}
