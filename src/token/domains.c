/* SPDX-License-Identifier: Apache-2.0 */
#include "token/domains.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "token/rv.h"

#include <string.h>

#define PROOF_MAX 8192
#define CHALLENGE_LEN 32

static const char *name_of(const struct token *token)
{
	return token->conf->name ? token->conf->name : "";
}

/* -- what is enrolled ------------------------------------------------------------------ */

/* Its identity; NULL: it is not among them. */
static const uint8_t *find_enrolled(const struct enrolled *enrolled, const char *name)
{
	for (size_t i = 0; i < enrolled->n; i++)
		if (strcmp(enrolled->names[i], name) == 0)
			return enrolled->identities[i];
	return NULL;
}

static bool same_enrolled(const struct enrolled *a, const struct enrolled *b)
{
	return a->n == b->n && memcmp(a->names, b->names, sizeof a->names) == 0 &&
	       memcmp(a->identities, b->identities, sizeof a->identities) == 0;
}

static void note_enrolled(struct token *token, const struct store_domain *list, size_t n, uint64_t epoch)
{
	struct enrolled now = {.known = true, .epoch = epoch, .n = n};
	for (size_t i = 0; i < n; i++) {
		memcpy(now.names[i], list[i].name, sizeof now.names[i]);
		memcpy(now.identities[i], list[i].identity, sizeof now.identities[i]);
	}
	pthread_mutex_lock(&token->lock);
	if (!token->enrolled.known || !same_enrolled(&now, &token->enrolled))
		atomic_fetch_add(&token->domains_generation, 1);
	token->enrolled = now;
	pthread_mutex_unlock(&token->lock);
}

static enum hufu_err read_enrolled(struct token *token, struct store_domain **list, size_t *n)
{
	uint64_t epoch = atomic_load(&token->epoch);
	enum hufu_err err = store_domains(token->store, list, n);
	if (err == HUFU_OK)
		note_enrolled(token, *list, *n, epoch);
	return err;
}

/* As the store has it now, or had it when it last changed. */
static enum hufu_err get_enrolled(struct token *token, struct enrolled *enrolled)
{
	struct store_domain *list;
	size_t n;
	pthread_mutex_lock(&token->lock);
	*enrolled = token->enrolled;
	pthread_mutex_unlock(&token->lock);
	if (enrolled->known && enrolled->epoch == atomic_load(&token->epoch))
		return HUFU_OK;
	enum hufu_err err = read_enrolled(token, &list, &n);
	if (err != HUFU_OK)
		return err;
	store_domains_free(list, n);
	pthread_mutex_lock(&token->lock);
	*enrolled = token->enrolled;
	pthread_mutex_unlock(&token->lock);
	return HUFU_OK;
}

size_t domains_names(struct token *token, char (*names)[STORE_DOMAIN_MAX + 1])
{
	struct enrolled enrolled;
	if (get_enrolled(token, &enrolled) != HUFU_OK)
		return 0;
	memcpy(names, enrolled.names, sizeof enrolled.names);
	return enrolled.n;
}

uint64_t domains_generation(const struct token *token)
{
	return atomic_load_explicit(&((struct token *)(uintptr_t)token)->domains_generation, memory_order_relaxed);
}

/* -- enrolling ---------------------------------------------------------------------------- */

/* What the devices of a domain say that they share. False: they contradict each other. */
static bool identity_of(struct token *token, const char *domain, uint8_t identity[16])
{
	static const uint8_t unknown[16];
	struct pool_device_status status[POOL_DEVICES_MAX];
	size_t n = pool_status(token->pool, status, POOL_DEVICES_MAX);
	memset(identity, 0, 16);
	for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++) {
		const uint8_t *id = status[i].info.domain_id;
		if (!status[i].domain || strcmp(status[i].domain, domain) != 0 || memcmp(id, unknown, 16) == 0)
			continue;
		if (memcmp(identity, unknown, 16) != 0 && memcmp(identity, id, 16) != 0)
			return false;
		memcpy(identity, id, 16);
	}
	return true;
}

/* An SM2 key of the domain's. Not one that would take up a place in the devices for good. */
static enum hufu_err make_pair(struct token *token, uint64_t deadline_ns, struct store_domain *domain)
{
	uint8_t pub[HUFU_PUB_MAX];
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE,
		       .out = domain->proof, .out_cap = PROOF_MAX, .pub = pub, .deadline_ns = deadline_ns, .repeatable = true},
		.domain = domain->name,
	};
	if (pool_makes_for_good(token->pool, domain->name, CKM_HUFU_SM2_KEY_PAIR_GEN))
		return HUFU_ERR_UNSUPPORTED;
	enum hufu_err err = pool_run(token->pool, &req);
	if (err != HUFU_OK)
		return err;
	if (req.op.pub_len != sizeof domain->point)
		return HUFU_ERR_CORRUPT;
	memcpy(domain->point, pub, sizeof domain->point);
	domain->proof_kind = req.op.copy_kind;
	domain->proof_len = req.op.out_len;
	return HUFU_OK;
}

static enum hufu_err key_of_proof(struct token *token, const struct store_domain *domain, struct pool_key **key)
{
	uint8_t uuid[16];
	struct pool_copy copy = {.kind = (enum hufu_copy_kind)domain->proof_kind, .domain = domain->name, .data = domain->proof,
	                         .len = domain->proof_len};
	enum hufu_err err = rand_bytes(uuid, sizeof uuid);
	if (err != HUFU_OK)
		return err;
	return pool_key_new(token->pool, uuid, 1, domain->secret ? (enum hufu_key_type)domain->secret_type : HUFU_KEY_SM2_PRIVATE,
	                    &copy, 1, key);
}

/* Devices that cannot use the key they made prove nothing with it. */
static enum hufu_err try_pair(struct token *token, uint64_t deadline_ns, const struct store_domain *domain)
{
	uint8_t challenge[CHALLENGE_LEN], sig[128];
	struct pool_key *key;
	enum hufu_err err = rand_bytes(challenge, sizeof challenge);
	if (err == HUFU_OK)
		err = key_of_proof(token, domain, &key);
	if (err != HUFU_OK)
		return err;
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .in = challenge, .in_len = sizeof challenge, .out = sig,
		       .out_cap = sizeof sig, .deadline_ns = deadline_ns, .repeatable = true},
		.key = key, .domain = domain->name,
	};
	err = pool_key_set_point(key, domain->point);
	if (err == HUFU_OK)
		err = pool_run(token->pool, &req);
	pool_key_rele(key);
	return err;
}

/* Devices that make no SM2 pairs share a KEK all the same: a secret key of theirs shows it. */
static const struct secret_kind {
	enum hufu_key_type type;
	uint64_t make, ask;
	size_t len;
} secret_kinds[] = {{HUFU_KEY_SM4, CKM_HUFU_SM4_KEY_GEN, CKM_HUFU_SM4_ECB, 0}, {HUFU_KEY_AES, CKM_AES_KEY_GEN, CKM_AES_ECB, 32}};

static enum hufu_err make_secret(struct token *token, uint64_t deadline_ns, const struct secret_kind *kind, struct store_domain *domain)
{
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_GENERATE, .mechanism = kind->make, .new_type = kind->type, .new_len = kind->len,
		       .out = domain->proof, .out_cap = PROOF_MAX, .deadline_ns = deadline_ns, .repeatable = true},
		.domain = domain->name,
	};
	if (pool_makes_for_good(token->pool, domain->name, kind->make))
		return HUFU_ERR_UNSUPPORTED;
	enum hufu_err err = pool_run(token->pool, &req);
	if (err != HUFU_OK)
		return err;
	domain->secret = true;
	domain->secret_type = kind->type;
	domain->proof_kind = req.op.copy_kind;
	domain->proof_len = req.op.out_len;
	return rand_bytes(domain->challenge, sizeof domain->challenge);
}

static enum hufu_err ask_secret(struct token *token, uint64_t deadline_ns, const struct secret_kind *kind, struct store_domain *domain)
{
	struct pool_key *key;
	enum hufu_err err = key_of_proof(token, domain, &key);
	if (err != HUFU_OK)
		return err;
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = kind->ask, .in = domain->challenge,
		       .in_len = sizeof domain->challenge, .out = domain->answer, .out_cap = sizeof domain->answer,
		       .deadline_ns = deadline_ns, .repeatable = true},
		.key = key, .domain = domain->name,
	};
	err = pool_run(token->pool, &req);
	pool_key_rele(key);
	return err == HUFU_OK && req.op.out_len != sizeof domain->answer ? HUFU_ERR_CORRUPT : err;
}

/* A device that has no key to make another with cannot make one, so far: it may want a credential first. */
static enum hufu_err made(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_NO_KEY ? HUFU_ERR_UNSUPPORTED : err;
}

static enum hufu_err prove_by_pair(struct token *token, uint64_t deadline_ns, struct store_domain *domain)
{
	enum hufu_err err = made(make_pair(token, deadline_ns, domain));
	return err == HUFU_OK ? try_pair(token, deadline_ns, domain) : err;
}

static enum hufu_err prove_by_secret(struct token *token, uint64_t deadline_ns, struct store_domain *domain)
{
	enum hufu_err err = HUFU_ERR_UNSUPPORTED;
	for (size_t i = 0; i < sizeof secret_kinds / sizeof secret_kinds[0] && hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED; i++) {
		err = made(make_secret(token, deadline_ns, &secret_kinds[i], domain));
		if (err == HUFU_OK)
			err = ask_secret(token, deadline_ns, &secret_kinds[i], domain);
	}
	return err;
}

/* HUFU_OK without a proof: its devices cannot make one. */
static enum hufu_err prove(struct token *token, uint64_t deadline_ns, struct store_domain *domain)
{
	domain->proof = secret_alloc(PROOF_MAX);
	if (!domain->proof)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = prove_by_pair(token, deadline_ns, domain);
	if (hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED)
		err = prove_by_secret(token, deadline_ns, domain);
	domain->has_proof = err == HUFU_OK;
	return hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED ? HUFU_OK : err;
}

static void enrol(struct token *token, const char *name, uint64_t deadline_ns)
{
	struct store_domain domain = {.enrolled_s = (uint64_t)clock_wall_s()};
	strncpy(domain.name, name, sizeof domain.name - 1);
	if (!identity_of(token, name, domain.identity)) {
		log_error("token \"%s\": domain \"%s\" is not enrolled: its devices say that they share no keys. Give each its own "
		          "domain, or bring the same master key into all", name_of(token), name);
		return;
	}
	enum hufu_err err = prove(token, deadline_ns, &domain);
	if (err != HUFU_OK) {
		log_warning("token \"%s\": domain \"%s\" is not enrolled, for its devices did not serve (%s). It will be at the next login "
		            "of the security officer", name_of(token), name, err_text(err));
	} else {
		err = store_domain_add(token->store, &domain);
		if (err == HUFU_OK)
			log_notice("token \"%s\": domain \"%s\" is enrolled%s", name_of(token), name, domain.has_proof ? "" :
			           ", without a proof: its devices make no keys by which they could show it, so a wrong one is not "
			           "noticed by itself");
		else if (err != HUFU_ERR_EXISTS) /* another process was faster */
			log_error("token \"%s\": domain \"%s\" cannot be enrolled: %s", name_of(token), name, err_text(err));
	}
	secret_free(domain.proof);
}

/* Enrolled without a proof, for want of one then: of what was told (a password), its devices may make one now. */
static void prove_later(struct token *token, const struct store_domain *enrolled, uint64_t deadline_ns)
{
	struct store_domain domain = *enrolled;
	enum hufu_err err = prove(token, deadline_ns, &domain);
	if (err == HUFU_OK && domain.has_proof)
		err = store_domain_prove(token->store, &domain);
	if (err == HUFU_OK && domain.has_proof)
		log_notice("token \"%s\": domain \"%s\" has a proof now", name_of(token), domain.name);
	else if (err != HUFU_OK && err != HUFU_ERR_EXISTS)
		log_info("token \"%s\": domain \"%s\" has no proof still: %s", name_of(token), domain.name, err_text(err));
	secret_free(domain.proof);
}

static void prove_missing(struct token *token, const struct store_domain *list, size_t n)
{
	struct pool_domain domains[POOL_DEVICES_MAX];
	uint64_t deadline_ns = clock_now_ns() + token->conf->deadline_ms * NS_PER_MS;
	size_t ndomains = pool_domains(token->pool, domains, POOL_DEVICES_MAX);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ndomains && k < POOL_DEVICES_MAX && !list[i].has_proof; k++)
			if (domains[k].up && strcmp(domains[k].name, list[i].name) == 0)
				prove_later(token, &list[i], deadline_ns);
}

/* What a token without any may take for enrolled: the domains of its keys, as far as they are configured. */
struct former {
	char names[STORE_DOMAINS_MAX][STORE_DOMAIN_MAX + 1];
	size_t n;
};

static bool is_former(const struct former *former, const char *name)
{
	for (size_t i = 0; i < former->n && i < STORE_DOMAINS_MAX; i++)
		if (strcmp(former->names[i], name) == 0)
			return true;
	return former->n == 0;
}

static void enrol_missing(struct token *token, enum login login, const struct enrolled *enrolled)
{
	struct pool_domain domains[POOL_DEVICES_MAX];
	struct former former = {.n = 0};
	uint64_t deadline_ns = clock_now_ns() + token->conf->deadline_ms * NS_PER_MS;
	if (login != LOGIN_SO && store_copy_domains(token->store, former.names, STORE_DOMAINS_MAX, &former.n) != HUFU_OK)
		return;
	size_t n = pool_domains(token->pool, domains, POOL_DEVICES_MAX);
	for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++) {
		if (find_enrolled(enrolled, domains[i].name) || !is_former(&former, domains[i].name))
			continue;
		if (domains[i].up)
			enrol(token, domains[i].name, deadline_ns);
		else
			log_warning("token \"%s\": domain \"%s\" is not enrolled, for none of its devices can be reached. It will be at the "
			            "next login of the security officer", name_of(token), domains[i].name);
	}
}

/* -- logins ------------------------------------------------------------------------------- */

static void lend_proofs(struct token *token, const struct store_domain *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct store_domain *d = &list[i];
		struct pool_copy copy = {.kind = (enum hufu_copy_kind)d->proof_kind, .domain = d->name, .data = d->proof,
		                         .len = d->proof_len};
		enum hufu_err err = HUFU_OK;
		if (d->proof)
			err = !d->secret ? pool_add_proof(token->pool, &copy, d->point) :
			                   pool_add_secret_proof(token->pool, (enum hufu_key_type)d->secret_type, &copy, d->challenge,
			                                         d->answer);
		if (err != HUFU_OK)
			log_error("token \"%s\": the proof of domain \"%s\" is of no use: %s", name_of(token), d->name, err_text(err));
	}
}

/* What a device refused is presented to none again, by whichever process. With the token ring still at hand. */
static void note_refusals(struct token *token)
{
	struct store_credential *list;
	size_t n;
	if (!pool_refused_credential(token->pool, NULL, NULL, 0, NULL, 0) || store_credentials(token->store, &list, &n) != HUFU_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct store_credential *c = &list[i];
		if (c->refused || !c->value ||
		    !pool_refused_credential(token->pool, c->domain, c->name, c->set_s, c->value, c->len))
			continue;
		enum hufu_err err = store_credential_refuse(token->store, c);
		if (err != HUFU_OK && err != HUFU_ERR_CONFLICT && err != HUFU_ERR_NOT_FOUND)
			log_warning("token \"%s\": that credential \"%s\" of domain \"%s\" was refused cannot be noted, so another process "
			            "may present it again: %s", name_of(token), c->name, c->domain, err_text(err));
	}
	store_credentials_free(list, n);
}

static void lend_credentials(struct token *token)
{
	struct store_credential *list;
	size_t n;
	if (store_credentials(token->store, &list, &n) != HUFU_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct store_credential *c = &list[i];
		enum hufu_err err = HUFU_OK;
		if (c->refused)
			log_error("token \"%s\": credential \"%s\" of domain \"%s\" is not presented: a device refused it. Set the "
			          "right one (hufu device password set)", name_of(token), c->name, c->domain);
		else if (c->value)
			err = pool_add_credential(token->pool, c->domain, c->name, c->set_s, c->value, c->len);
		if (err != HUFU_OK)
			log_error("token \"%s\": credential \"%s\" of domain \"%s\" is of no use: %s", name_of(token), c->name, c->domain,
			          err_text(err));
	}
	store_credentials_free(list, n);
}

void domains_login(struct token *token, enum login login)
{
	struct store_domain *list;
	size_t n;
	note_refusals(token);
	lend_credentials(token); /* before keys are made for proofs */
	if (read_enrolled(token, &list, &n) != HUFU_OK)
		return;
	if (login == LOGIN_SO)
		prove_missing(token, list, n);
	if (login == LOGIN_SO || n == 0) {
		struct enrolled enrolled;
		store_domains_free(list, n);
		if (get_enrolled(token, &enrolled) != HUFU_OK)
			return;
		enrol_missing(token, login, &enrolled);
		if (read_enrolled(token, &list, &n) != HUFU_OK)
			return;
	}
	pool_drop_proofs(token->pool); /* of this login alone: it may be the second try of one */
	lend_proofs(token, list, n);
	store_domains_free(list, n);
}

void domains_renew(struct token *token)
{
	lend_credentials(token);
}

void domains_keep_refusals(struct token *token)
{
	note_refusals(token);
}

void domains_logout(struct token *token)
{
	pool_drop_proofs(token->pool);
	pool_drop_credentials(token->pool);
}

void domains_init(struct token *token, const CK_BYTE *pin, CK_ULONG pin_len)
{
	enum hufu_err err = store_login(token->store, STORE_SO, pin, pin_len);
	if (err != HUFU_OK) {
		log_warning("token \"%s\": no domain is enrolled yet: %s. The next login will do it", name_of(token), err_text(err));
		return;
	}
	domains_login(token, LOGIN_SO);
	domains_logout(token);
	store_logout(token->store);
}

/* -- where copies go ------------------------------------------------------------------------ */

static unsigned rank_of(const struct pool_domain *domain)
{
	return (domain->up ? 0u : 2u) + (domain->exposed ? 1u : 0u);
}

/* A domain of this name that says that it is another than was enrolled gets no copies. */
static bool is_the_enrolled(struct token *token, const struct enrolled *enrolled, const char *name)
{
	static const uint8_t unknown[16];
	uint8_t is[16];
	const uint8_t *was = find_enrolled(enrolled, name);
	if (!was)
		return false;
	if (identity_of(token, name, is) && (memcmp(is, unknown, 16) == 0 || memcmp(was, unknown, 16) == 0 || memcmp(is, was, 16) == 0))
		return true;
	log_error("token \"%s\": domain \"%s\" gets no copies: its devices share other keys than when it was enrolled. Look at what was "
	          "changed in them; another set of devices is another domain, by another name", name_of(token), name);
	return false;
}

static void take_targets(struct token *token, const struct pool_domain *domains, size_t n, const struct enrolled *enrolled,
                         bool hardware_only, struct targets *targets)
{
	targets->n = 0;
	for (unsigned rank = 0; rank < 4; rank++)
		for (size_t i = 0; i < n && i < POOL_DEVICES_MAX && targets->n < STORE_DOMAINS_MAX; i++) {
			const struct pool_domain *d = &domains[i];
			if (rank_of(d) != rank || (hardware_only && d->exposed) || !is_the_enrolled(token, enrolled, d->name))
				continue;
			struct target *target = &targets->list[targets->n++];
			*target = (struct target){.exposed = d->exposed, .up = d->up};
			strncpy(target->name, d->name, sizeof target->name - 1);
		}
}

static CK_RV no_target(const struct token *token, const struct enrolled *enrolled, bool hardware_only)
{
	if (enrolled->n == 0) {
		log_error("token \"%s\": no domain is enrolled, so no key can be made. Log in: the next login enrols what it can reach",
		          name_of(token));
		return token_login(token) == LOGIN_NONE ? CKR_USER_NOT_LOGGED_IN : CKR_DEVICE_ERROR;
	}
	log_error("token \"%s\": no key is made: %s. Log in as security officer to enrol what is configured%s", name_of(token),
	          hardware_only ? "it is to be hardware-only, and no enrolled domain is hardware alone" :
	                          "none of the enrolled domains is configured",
	          hardware_only ? ", or set hardware_only = no (hufu.conf), CKA_HUFU_HARDWARE_ONLY to false" : "");
	return CKR_DEVICE_ERROR;
}

CK_RV domains_targets(struct token *token, bool hardware_only, struct targets *targets)
{
	struct enrolled enrolled;
	struct pool_domain domains[POOL_DEVICES_MAX];
	CK_RV rv = rv_of(get_enrolled(token, &enrolled));
	if (rv == CKR_OK && enrolled.n == 0 && token_login(token) != LOGIN_NONE) {
		domains_login(token, token_login(token));
		rv = rv_of(get_enrolled(token, &enrolled));
	}
	if (rv != CKR_OK)
		return rv;
	size_t n = pool_domains(token->pool, domains, POOL_DEVICES_MAX);
	take_targets(token, domains, n, &enrolled, hardware_only, targets);
	return targets->n ? CKR_OK : no_target(token, &enrolled, hardware_only);
}
