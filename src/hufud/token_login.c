/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins of the last minute, in a ring: a client that lost the answer asks again within seconds. What tells two tries
 * apart is the op id, the client and a keyed digest of role and PIN: nothing here tells a PIN to whoever reads this memory. And
 * what they were tried for: of a PIN that was changed meanwhile the former answer says nothing.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "hufud/token_internal.h"
#include "rand/rand.h"

#define TRIES 256u
#define RETIRED 1024u
#define KEPT_NS (60 * NS_PER_S)

struct try {
	uint8_t op_id[16], client[32], digest[SM3_DIGEST_LEN];
	uint64_t begun_ns;             /* 0: none */
	bool answered;
	enum hufu_err err;
};

struct login_memory {
	pthread_mutex_t lock;
	struct sm3_hmac_key *key;      /* secret memory */
	unsigned next, next_retired;
	struct try tries[TRIES];
	struct {
		uint8_t digest[SM3_DIGEST_LEN];
		int64_t ends;              /* 0: none */
	} retired[RETIRED];
};

enum hufu_err login_memory_new(struct login_memory **out)
{
	struct login_memory *memory = calloc(1, sizeof(*memory));
	uint8_t key[32];

	if (!memory)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_init(&memory->lock, NULL);
	memory->key = secret_alloc(sizeof(*memory->key));
	enum hufu_err err = memory->key ? rand_bytes(key, sizeof(key)) : HUFU_ERR_NO_MEMORY;
	if (err != HUFU_OK) {
		login_memory_free(memory);
		return err;
	}
	sm3_hmac_key_init(memory->key, key, sizeof(key));
	secret_wipe(key, sizeof(key));
	*out = memory;
	return HUFU_OK;
}

void login_memory_free(struct login_memory *memory)
{
	if (!memory)
		return;
	pthread_mutex_destroy(&memory->lock);
	secret_free(memory->key);
	free(memory);
}

/* -- tries -------------------------------------------------------------------------- */

static void digest_of(const struct login_memory *memory, const struct login_target *target, const struct wire_store *r,
                      uint8_t digest[SM3_DIGEST_LEN])
{
	const uint8_t role = (uint8_t)r->role;
	struct sm3_hmac h;

	sm3_hmac_init(&h, memory->key);
	sm3_hmac_update(&h, target->token_id, sizeof(target->token_id));
	sm3_hmac_update(&h, &target->epoch, sizeof(target->epoch));
	sm3_hmac_update(&h, &role, 1);
	sm3_hmac_update(&h, r->pin, r->pin_len);
	sm3_hmac_final(&h, digest);
}

static struct try *find_locked(struct login_memory *memory, const struct channel_peer *peer, const struct login_target *target,
                               const struct wire_store *r, uint64_t now)
{
	uint8_t digest[SM3_DIGEST_LEN];

	digest_of(memory, target, r, digest);
	for (unsigned i = 0; i < TRIES; i++) {
		struct try *t = &memory->tries[i];
		if (t->begun_ns && now - t->begun_ns < KEPT_NS && memcmp(t->op_id, r->op_id, sizeof(t->op_id)) == 0 &&
		    memcmp(t->client, peer->key_id, sizeof(t->client)) == 0 && secret_equal(t->digest, digest, sizeof(digest)))
			return t;
	}
	return NULL;
}

enum login_state login_begin(struct login_memory *memory, const struct channel_peer *peer, const struct login_target *target,
                             const struct wire_store *r, enum hufu_err *err)
{
	uint64_t now = clock_now_ns();

	pthread_mutex_lock(&memory->lock);
	struct try *t = find_locked(memory, peer, target, r, now);
	enum login_state state = !t ? LOGIN_NEW : t->answered ? LOGIN_ANSWERED : LOGIN_UNDER_WAY;
	if (t) {
		*err = t->err;
	} else {
		t = &memory->tries[memory->next++ % TRIES];
		*t = (struct try){.begun_ns = now};
		memcpy(t->op_id, r->op_id, sizeof(t->op_id));
		memcpy(t->client, peer->key_id, sizeof(t->client));
		digest_of(memory, target, r, t->digest);
	}
	pthread_mutex_unlock(&memory->lock);
	return state;
}

/* What says nothing of the PIN was no try: the next one begins anew. */
static bool is_verdict(enum hufu_err err)
{
	return err == HUFU_OK || err == HUFU_ERR_PIN || err == HUFU_ERR_PIN_LOCKED;
}

void login_answer(struct login_memory *memory, const struct channel_peer *peer, const struct login_target *target,
                  const struct wire_store *r, enum hufu_err err)
{
	pthread_mutex_lock(&memory->lock);
	struct try *t = find_locked(memory, peer, target, r, clock_now_ns());
	if (t) {
		t->answered = true;
		t->err = err;
		if (!is_verdict(err))
			t->begun_ns = 0;
	}
	pthread_mutex_unlock(&memory->lock);
}

/* -- tickets that were given back ------------------------------------------------------ */

void login_retire(struct login_memory *memory, const uint8_t *ticket, size_t len, int64_t ends)
{
	pthread_mutex_lock(&memory->lock);
	unsigned at = memory->next_retired++ % RETIRED;
	sm3(ticket, len, memory->retired[at].digest);
	memory->retired[at].ends = ends;
	pthread_mutex_unlock(&memory->lock);
}

bool login_is_retired(struct login_memory *memory, const uint8_t *ticket, size_t len)
{
	uint8_t digest[SM3_DIGEST_LEN];
	bool found = false;

	pthread_mutex_lock(&memory->lock);
	unsigned n = memory->next_retired < RETIRED ? memory->next_retired : RETIRED;
	if (n)
		sm3(ticket, len, digest);
	for (unsigned i = 0; i < n && !found; i++)
		found = memory->retired[i].ends && memcmp(memory->retired[i].digest, digest, sizeof(digest)) == 0;
	pthread_mutex_unlock(&memory->lock);
	return found;
}
