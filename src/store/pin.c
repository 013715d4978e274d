/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PINs. A role's row holds the token key sealed under
 * HMAC-SM3(host secret, PBKDF2-HMAC-SM3(PIN, salt, iterations)).
 *
 * A try is counted, durably, before the PIN is looked at: whoever kills us in
 * between has used it up. The stretching takes a tenth of a second and holds
 * nothing. A right PIN then clears the count, unless the PIN was changed
 * meanwhile. Clearing also forgives tries that others have in flight: that is
 * as if they had come before us.
 *
 * Tries in flight are counted, so a burst of right logins can reach the limit
 * by itself. tries > settled tells that apart from a locked role: whoever finds
 * the limit reached that way waits for the others to finish.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "store/internal.h"

#define SO_FREE_TRIES 3u
#define SO_DELAY_MAX_S 900u
#define IN_FLIGHT_PAUSE_MS 20u
#define CLOCKS_APART_NS (24 * 3600 * NS_PER_S) /* at most, of machines that check certificates */

static const char *role_name(enum store_role role)
{
	return role == STORE_SO ? "security officer" : "user";
}

/* The least is in characters, so that a UTF-8 PIN is not as long as its bytes; the most is in bytes. */
enum hufu_err pin_check_len(const struct store_conf *conf, const uint8_t *pin, size_t len)
{
	size_t characters = 0;

	if (len && !pin)
		return HUFU_ERR_ARGUMENT;
	for (size_t i = 0; i < len && len <= STORE_PIN_MAX; i++)
		characters += (pin[i] & 0xc0) != 0x80;
	return characters && characters >= conf->pin_min ? HUFU_OK : HUFU_ERR_PIN_LEN;
}

/* -- the key that a PIN stands for ---------------------------------------------------- */

static void wrapping_key(const struct keys *keys, const uint8_t *pin, size_t len, const struct role_row *r,
                         struct sm3_hmac_key *out)
{
	uint8_t stretched[SM3_DIGEST_LEN], key[SM3_DIGEST_LEN];
	struct sm3_hmac_key host;

	sm3_pbkdf2(pin, len, r->salt, sizeof(r->salt), r->iterations, stretched, sizeof(stretched));
	sm3_hmac_key_init(&host, keys->host_secret, keys->host_secret_len);
	sm3_hmac(&host, stretched, sizeof(stretched), key);
	sm3_hmac_key_init(out, key, sizeof(key));
	secret_wipe(stretched, sizeof(stretched));
	secret_wipe(key, sizeof(key));
	secret_wipe(&host, sizeof(host));
}

#define WRAP_AAD_LEN (1 + TOKEN_ID_LEN + 1)

static void wrap_aad(uint8_t aad[WRAP_AAD_LEN], const uint8_t token_id[TOKEN_ID_LEN], enum store_role role)
{
	aad[0] = USE_PIN;
	memcpy(aad + 1, token_id, TOKEN_ID_LEN);
	aad[1 + TOKEN_ID_LEN] = (uint8_t)role;
}

enum hufu_err pin_wrap(const struct store_conf *conf, const struct keys *keys, const uint8_t token_id[TOKEN_ID_LEN],
                       enum store_role role, const uint8_t *pin, size_t len, const uint8_t token_key[TOKEN_KEY_LEN],
                       struct role_row *r)
{
	struct sm3_hmac_key key;
	uint8_t aad[WRAP_AAD_LEN];

	*r = (struct role_row){.pin_set = true, .iterations = conf->pin_iterations};
	if (r->iterations < PIN_ITERATIONS_MIN || r->iterations > PIN_ITERATIONS_MAX)
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = rand_bytes(r->salt, sizeof(r->salt));
	if (err)
		return err;
	wrapping_key(keys, pin, len, r, &key);
	wrap_aad(aad, token_id, role);
	err = seal_close(&key, aad, sizeof(aad), token_key, TOKEN_KEY_LEN, r->wrapped);
	secret_wipe(&key, sizeof(key));
	return err;
}

static bool pin_opens(const struct keys *keys, enum store_role role, const uint8_t *pin, size_t len, struct pin_proof *proof)
{
	struct sm3_hmac_key key;
	uint8_t aad[WRAP_AAD_LEN];

	wrapping_key(keys, pin, len, &proof->row, &key);
	wrap_aad(aad, proof->token_id, role);
	bool ok = seal_open(&key, aad, sizeof(aad), proof->row.wrapped, sizeof(proof->row.wrapped), proof->token_key);
	secret_wipe(&key, sizeof(key));
	return ok;
}

/* -- counting ---------------------------------------------------------------------------- */

/*
 * The clock of the last count. On one host the monotonic one, which nobody can set; it begins anew with a boot, and then not
 * more time than since that boot has passed for sure. Machines that share a database have begun theirs at different times,
 * so that the next try at another machine would always be at once: of those it is the time of day.
 */
static uint64_t count_clock(const struct sealed *s)
{
	return s->conf.engine == CONF_STORE_POSTGRES ? (uint64_t)clock_wall_s() * NS_PER_S : clock_now_ns();
}

static uint64_t passed_ns(const struct sealed *s, const struct role_row *r)
{
	const uint64_t now = count_clock(s);

	if (now >= r->failed_ns)
		return now - r->failed_ns;
	if (s->conf.engine != CONF_STORE_POSTGRES)
		return now;
	return r->failed_ns - now < CLOCKS_APART_NS ? 0 : now; /* counted by a clock that was wrong: it does not lock for years */
}

/* 1, 2, 4, ... seconds once the free tries are used up. */
uint32_t pin_delay_s(const struct sealed *s, const struct role_row *r)
{
	if (r->tries < SO_FREE_TRIES)
		return 0;
	uint32_t over = r->tries - SO_FREE_TRIES;
	uint64_t delay = (over < 10 ? 1u << over : SO_DELAY_MAX_S) * NS_PER_S, passed = passed_ns(s, r);
	return passed >= delay ? 0 : (uint32_t)((delay - passed + NS_PER_S - 1) / NS_PER_S);
}

static bool role_blocked(const struct sealed *s, enum store_role role, const struct role_row *r)
{
	return role == STORE_SO ? pin_delay_s(s, r) > 0 : r->tries >= s->conf.user_tries;
}

/* Would a wrong one lock the role? Not the first of all, where there is but one: somebody must be able to log in. */
static bool is_last_try(const struct sealed *s, enum store_role role, const struct role_row *r)
{
	return role == STORE_USER && r->tries > 0 && r->tries + 1 >= s->conf.user_tries;
}

/* Within a transaction. HUFU_ERR_PIN_LOCKED or PIN_LAST with *in_flight: worth another look. */
static enum hufu_err count_in_tx(struct sealed *s, enum store_role role, struct pin_proof *proof, bool *in_flight)
{
	struct role_row *r = &proof->row;
	enum hufu_err err = role_read(s, role, r);
	if (err)
		return err;
	if (!r->pin_set)
		return HUFU_ERR_PIN_UNSET;
	memcpy(proof->token_id, s->token_id, TOKEN_ID_LEN);
	*in_flight = r->tries > r->settled;
	if (role_blocked(s, role, r))
		return HUFU_ERR_PIN_LOCKED;
	if (proof->sparing && is_last_try(s, role, r))
		return HUFU_ERR_PIN_LAST;
	r->tries += r->tries < UINT32_MAX;
	r->failed_ns = count_clock(s);
	return role_write(s, role, r);
}

static enum hufu_err count_once(struct sealed *s, enum store_role role, struct pin_proof *proof, bool *in_flight)
{
	enum hufu_err err = sealed_enter(s, TX_WRITE);

	*in_flight = false;
	return err ? err : sealed_leave(s, TX_WRITE, count_in_tx(s, role, proof, in_flight));
}

typedef void (*role_change)(struct role_row *);

/* Changes the role's count, unless the PIN or the token is another by now. */
static enum hufu_err role_adjust(struct sealed *s, enum store_role role, const struct pin_proof *proof, role_change change)
{
	struct role_row r;
	enum hufu_err err = sealed_enter(s, TX_WRITE);
	if (err)
		return err;
	err = role_read(s, role, &r);
	if (!err && (r.epoch != proof->row.epoch || memcmp(s->token_id, proof->token_id, TOKEN_ID_LEN) != 0))
		err = HUFU_ERR_PIN;
	if (!err) {
		change(&r);
		err = role_write(s, role, &r);
	}
	return sealed_leave(s, TX_WRITE, err);
}

static void settle_right(struct role_row *r)
{
	r->tries = r->settled = 0;
	r->failed_ns = 0;
}

static void settle_wrong(struct role_row *r)
{
	r->settled += r->settled < r->tries;
}

/* Whoever had these in flight is dead. */
static void settle_lost(struct role_row *r)
{
	r->settled = r->tries;
}

static enum hufu_err report_blocked(struct sealed *s, enum store_role role, const struct role_row *r)
{
	if (!role_blocked(s, role, r)) {
		log_warning("store %s: one try is left before the user's PIN is locked, and was not spent on one that nobody typed. Log "
		            "in once by hand", s->engine->name);
		return HUFU_ERR_PIN_LAST;
	}
	if (role == STORE_SO)
		log_warning("store %s: the security officer's next try is looked at in %u s, after %u wrong ones", s->engine->name,
		            pin_delay_s(s, r), r->tries);
	else
		log_warning("store %s: the user's PIN is locked after %u wrong tries. The security officer can set a new one",
		            s->engine->name, r->tries);
	return HUFU_ERR_PIN_LOCKED;
}

static enum hufu_err count_try(struct sealed *s, enum store_role role, struct pin_proof *proof)
{
	struct deadline deadline = deadline_in(s->conf.deadline_ms);
	bool in_flight;
	enum hufu_err err;

	do
		err = count_once(s, role, proof, &in_flight);
	while ((err == HUFU_ERR_PIN_LOCKED || err == HUFU_ERR_PIN_LAST) && in_flight && deadline_pause(&deadline, IN_FLIGHT_PAUSE_MS));
	if (err != HUFU_ERR_PIN_LOCKED && err != HUFU_ERR_PIN_LAST)
		return err;
	if (in_flight) {
		err = role_adjust(s, role, proof, settle_lost);
		if (err && err != HUFU_ERR_PIN)
			return err;
	}
	return report_blocked(s, role, &proof->row);
}

/* -- the check ------------------------------------------------------------------------------ */

static enum hufu_err report_wrong(struct sealed *s, enum store_role role, const struct pin_proof *proof)
{
	/* The try is counted already: that this fails changes nothing but who waits for whom. */
	enum hufu_err ignored = role_adjust(s, role, proof, settle_wrong);

	(void)ignored;
	log_notice("store %s: wrong PIN for the %s, %u in a row", s->engine->name, role_name(role), proof->row.tries);
	return HUFU_ERR_PIN;
}

enum hufu_err pin_prove(struct sealed *s, enum store_role role, const uint8_t *pin, size_t len, struct pin_proof *proof)
{
	if ((role != STORE_SO && role != STORE_USER) || (len && !pin))
		return HUFU_ERR_ARGUMENT;
	if (len > STORE_PIN_MAX)
		return HUFU_ERR_PIN_LEN; /* cannot be right, says nothing: not counted */
	enum hufu_err err = count_try(s, role, proof);
	if (err)
		return err;
	if (!pin_opens(s->keys, role, pin, len, proof))
		return report_wrong(s, role, proof);
	return role_adjust(s, role, proof, settle_right);
}

/* -- setting --------------------------------------------------------------------------------- */

/* The role's new row: slowly made, then put there in one transaction. same_epoch: nobody may have changed the PIN meanwhile. */
static enum hufu_err pin_replace(struct sealed *s, enum store_role role, const uint8_t *pin, size_t len,
                                 const struct pin_proof *proof, bool same_epoch)
{
	struct role_row fresh, old;
	enum hufu_err err = pin_wrap(&s->conf, s->keys, proof->token_id, role, pin, len, proof->token_key, &fresh);
	if (!err)
		err = sealed_enter(s, TX_WRITE);
	if (err)
		return err;
	err = role_read(s, role, &old);
	if (!err && memcmp(s->token_id, proof->token_id, TOKEN_ID_LEN) != 0)
		err = HUFU_ERR_LOCKED;
	if (!err && same_epoch && old.epoch != proof->row.epoch)
		err = HUFU_ERR_PIN;
	if (!err) {
		fresh.epoch = old.epoch + 1;
		err = role_write(s, role, &fresh);
	}
	return sealed_leave(s, TX_WRITE, err);
}

/* The token key at hand, copied out so that nothing is held while the PIN is stretched. */
static enum hufu_err proof_of_login(struct sealed *s, struct pin_proof *proof)
{
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	if (!s->keys->unlocked)
		err = HUFU_ERR_LOCKED;
	memcpy(proof->token_id, s->token_id, TOKEN_ID_LEN);
	memcpy(proof->token_key, s->keys->token_key, TOKEN_KEY_LEN);
	return sealed_leave(s, TX_READ, err);
}

enum hufu_err sealed_init_pin(struct store *base, const uint8_t *pin, size_t pin_len)
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = pin_check_len(&s->conf, pin, pin_len);
	if (err)
		return err;
	struct pin_proof *proof = secret_alloc(sizeof(*proof));
	if (!proof)
		return HUFU_ERR_NO_MEMORY;
	err = proof_of_login(s, proof);
	if (!err)
		err = pin_replace(s, STORE_USER, pin, pin_len, proof, false);
	secret_free(proof);
	return err;
}

enum hufu_err sealed_set_pin(struct store *base, enum store_role role, const uint8_t *old, size_t old_len, const uint8_t *pin,
                            size_t pin_len)
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = pin_check_len(&s->conf, pin, pin_len);
	if (err)
		return err;
	struct pin_proof *proof = secret_alloc(sizeof(*proof));
	if (!proof)
		return HUFU_ERR_NO_MEMORY;
	err = pin_prove(s, role, old, old_len, proof);
	if (!err)
		err = pin_replace(s, role, pin, pin_len, proof, true);
	secret_free(proof);
	return err;
}
