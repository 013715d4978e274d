/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right to use the private keys of an index (GM/T 0018-2023 6.2.7, 6.2.8).
 *
 * Who knows the password of an index has it for one session. The configuration
 * holds a verifier of the password (PBKDF2-HMAC-SM3, by hufu sdf password), or
 * nothing: then the password is the token's user PIN, whose tries the store counts
 * and which logs the user in. Wrong passwords are counted for each index, and from
 * the fourth on the next is refused, unlooked at, for a time that doubles up to a
 * minute. Programs ask again for each session: a password that was right is known
 * again by its MAC under a key of this process, until the last device is closed.
 * So whoever knows it need not wait for somebody who guesses; but this does not
 * make guessing cheap, for after a few guesses more it is waited for all the same.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "sdf/internal.h"
#include "sm/sm3.h"

#include <pthread.h>
#include <string.h>

#define PASSWORD_MIN 8u      /* 6.2.7 */
#define PASSWORD_MAX 512u
#define FREE_TRIES 3u
#define DELAY_MAX_S 60u
#define KNOWN_TRIES 16u      /* while there are no more wrong ones, what is known does not wait */

#define TAG_LEN SM3_DIGEST_LEN

struct gate {
	uint32_t wrong;          /* passwords in a row */
	uint64_t next_ns;        /* before then none is looked at */
	bool known;              /* tag is that of a password that was right */
	uint8_t tag[TAG_LEN];
};

/* One password is stretched at a time: threads at once are not more tries than one after the other. */
static struct {
	pthread_mutex_t lock;
	struct gate *gates;      /* one for each of the configuration's keys; secret memory */
	bool has_key;
	struct sm3_hmac_key *key;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool right_start(void)
{
	state.gates = secret_alloc((face_conf()->nkeys + 1) * sizeof *state.gates);
	state.key = secret_alloc(sizeof *state.key);
	state.has_key = false;
	return state.gates && state.key;
}

void right_stop(void)
{
	secret_free(state.gates);
	secret_free(state.key);
	state.gates = NULL;
	state.key = NULL;
}

void right_before_fork(void)
{
	pthread_mutex_lock(&state.lock);
}

void right_after_fork_parent(void)
{
	pthread_mutex_unlock(&state.lock);
}

void right_after_fork_child(void)
{
	pthread_mutex_init(&state.lock, NULL);
}

/* -- tries ------------------------------------------------------------------------------ */

static bool may_try(const struct gate *g)
{
	return clock_now_ns() >= g->next_ns;
}

static void count_wrong(struct gate *g)
{
	if (++g->wrong <= FREE_TRIES)
		return;
	uint32_t doublings = g->wrong - FREE_TRIES - 1;
	uint64_t seconds = doublings < 6 ? UINT64_C(1) << doublings : DELAY_MAX_S;
	g->next_ns = clock_now_ns() + seconds * NS_PER_S;
}

static bool tag_of(struct session *s, const uint8_t *password, size_t len, uint8_t tag[TAG_LEN])
{
	uint8_t seed[32];
	if (!state.has_key && random_fill(s, seed, sizeof seed) == CKR_OK) {
		sm3_hmac_key_init(state.key, seed, sizeof seed);
		secret_wipe(seed, sizeof seed);
		state.has_key = true;
	}
	if (state.has_key)
		sm3_hmac(state.key, password, len, tag);
	return state.has_key;
}

/* -- passwords ------------------------------------------------------------------------------ */

static bool password_is_right(const struct conf_sdf_verifier *v, const uint8_t *password, size_t len)
{
	uint8_t hash[sizeof v->hash];
	sm3_pbkdf2(password, len, v->salt, sizeof v->salt, v->iterations, hash, sizeof hash);
	bool right = secret_equal(hash, v->hash, sizeof hash);
	secret_wipe(hash, sizeof hash);
	return right;
}

/* Whoever asks while the user is logged in is held to the same PIN. */
static CK_RV check_pin(struct session *s, const uint8_t *pin, size_t len)
{
	CK_RV rv = session_login(s, CKU_USER, pin, len, NULL, 0);
	return rv == CKR_USER_ALREADY_LOGGED_IN ? session_check_user_pin(s, pin, len) : rv;
}

static int look_at(struct session *s, const struct conf_sdf_key *key, const uint8_t *password, size_t len)
{
	if (key->access == CONF_SDF_ACCESS_PIN)
		return sdr_of(check_pin(s, password, len), SDR_PRKRERR);
	return password_is_right(&key->verifier, password, len) ? SDR_OK : SDR_PRKRERR;
}

static int check_locked(struct session *s, size_t at, const uint8_t *password, size_t len)
{
	const struct conf_sdf_key *key = &face_conf()->keys[at];
	struct gate *g = &state.gates[at];
	uint8_t tag[TAG_LEN];
	bool tagged = tag_of(s, password, len, tag);
	bool logged_in = key->access != CONF_SDF_ACCESS_PIN || token_login(s->token) == LOGIN_USER;
	bool compared = tagged && g->known && logged_in && g->wrong <= KNOWN_TRIES;
	if (compared && secret_equal(tag, g->tag, sizeof tag))
		return SDR_OK;
	if (!may_try(g)) {
		g->wrong += compared; /* it was looked at, after all */
		log_warning("index %u: too many wrong passwords, the next is looked at in a while", key->index);
		return SDR_PRKRERR;
	}
	int result = look_at(s, key, password, len);
	if (result != SDR_OK) {
		if (result == SDR_PRKRERR) /* and not that a device was away */
			count_wrong(g);
		log_notice("index %u: access refused", key->index);
		return result;
	}
	*g = (struct gate){.known = tagged};
	memcpy(g->tag, tag, sizeof tag);
	return SDR_OK;
}

static int check_password(struct session *s, size_t at, const uint8_t *password, size_t len)
{
	if (face_conf()->keys[at].access == CONF_SDF_ACCESS_OPEN)
		return SDR_OK;
	pthread_mutex_lock(&state.lock);
	int result = check_locked(s, at, password, len);
	pthread_mutex_unlock(&state.lock);
	return result;
}

/* -- rights ----------------------------------------------------------------------------------- */

bool right_held(const struct face_session *session, size_t at)
{
	return face_conf()->keys[at].access == CONF_SDF_ACCESS_OPEN || session->rights[at / 8] >> at % 8 & 1;
}

int right_check(const struct face_session *session, uint32_t index, size_t *at)
{
	int result = index_find(index, at);
	if (result != SDR_OK)
		return result;
	return right_held(session, *at) ? SDR_OK : SDR_PARDENY;
}

static int get_right(struct face_session *session, struct session *s, uint32_t index, const uint8_t *password, size_t len)
{
	size_t at;
	if (!password || len < PASSWORD_MIN || len > PASSWORD_MAX)
		return SDR_INARGERR;
	int result = index_find(index, &at);
	if (result == SDR_OK)
		result = check_password(s, at, password, len);
	if (result == SDR_OK)
		session->rights[at / 8] |= (uint8_t)(1u << at % 8);
	return result;
}

int sdf_face_get_private_key_access_right(void *handle, unsigned int index, unsigned char *password, unsigned int password_len)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, get_right(session, s, index, password, password_len));
}

/* To release what one has not got is no error: it is gone in either case. */
int sdf_face_release_private_key_access_right(void *handle, unsigned int index)
{
	size_t at;
	struct face_session *session;
	int result = face_enter(handle, &session);
	if (result != SDR_OK)
		return result;
	result = index_find(index, &at);
	if (result == SDR_OK)
		session->rights[at / 8] &= (uint8_t)~(1u << at % 8);
	return face_leave(session, result);
}
