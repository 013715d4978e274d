/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers of a token's devices (provider-rand(7)), for "random = HUFU-RAND"
 * and "seed = HUFU-RAND" in openssl.cnf, where the section of the provider names
 * the token. Nothing is asked of it before bytes are wanted: libcrypto makes its
 * generators while it holds locks, and while it reads its configuration.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ossl/param.h"
#include "ossl/pause.h"
#include "ossl/search.h"
#include "rand/rand.h"
#include "token/operation.h"
#include "token/slot.h"

#define SLOTS_MAX 256
#define STRENGTH 256
#define REQUEST_MAX 65536
#define SEED_MAX 65536

struct generator {
	const struct provider *provider;
	_Atomic(struct desk *) desk;    /* NULL: nobody has asked yet */
	_Atomic int state;
};

/* -- which token? -------------------------------------------------------------------- */

/* Initialised, and of the label that was asked for, if one was. */
static bool is_wanted(const struct provider *provider, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;

	return slot_token_info(slot, &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) &&
	       search_token_has_label(&info, provider->settings.token);
}

static int refuse(const struct provider *provider, size_t n)
{
	const char *label = provider->settings.token;

	if (n && label)
		return fail(provider, REASON_NO_TOKEN, "random bytes: %zu tokens are called \"%s\": give one of them another label", n,
		            label);
	if (n)
		return fail(provider, REASON_NO_TOKEN, "random bytes: there are %zu tokens: say which with \"token\" in the provider's "
		            "section of openssl.cnf", n);
	return fail(provider, REASON_NO_TOKEN, "random bytes: there is no token%s%s; see \"hufu token list\"", label ? " called " : "",
	            label ? label : "");
}

static struct desk *find_desk(const struct provider *provider)
{
	CK_SLOT_ID slots[SLOTS_MAX], wanted = 0;
	CK_ULONG nslots = SLOTS_MAX;
	size_t n = 0;

	if (!desks_start(provider))
		return NULL;
	CK_RV rv = slot_list(true, slots, &nslots);
	if (rv != CKR_OK)
		return fail_rv(provider, rv, "look for a token that gives random bytes"), NULL;
	for (CK_ULONG i = 0; i < nslots; i++)
		if (is_wanted(provider, slots[i])) {
			wanted = slots[i];
			n++;
		}
	return n == 1 ? desk_of(provider, wanted) : (refuse(provider, n), NULL);
}

/* Any number of threads may come first: they find the same. */
static struct desk *desk_for(struct generator *generator)
{
	struct desk *desk = atomic_load(&generator->desk);

	if (desk)
		return desk;
	desk = find_desk(generator->provider);
	atomic_store(&generator->desk, desk);
	return desk;
}

struct filling {
	struct generator *generator;
	uint8_t *out;
	size_t len;
	int good;
};

static void fill_from_desk(void *arg)
{
	struct filling *filling = arg;
	struct desk *desk = desk_for(filling->generator);
	CK_RV rv;

	if (!desk)
		return;
	struct session *session = desk_take(desk, &rv);
	if (session) {
		rv = random_fill(session, filling->out, filling->len);
		desk_give(desk, session);
	}
	filling->good = rv == CKR_OK ? 1 : fail_rv(filling->generator->provider, rv, "draw random bytes from the token \"%s\"",
	                                           desk_token(desk));
}

/* In an ASYNC_JOB on a stack of ours, but it is not paused: libcrypto may hold the lock of a generator that asks for its seed. */
static int fill(struct generator *generator, uint8_t *out, size_t len)
{
	struct filling filling = {generator, out, len, 0};
	struct pause pause;

	return pause_run(&pause, fill_from_desk, &filling) ? filling.good : fail(generator->provider, REASON_INTERNAL, "no memory");
}

/* -- its life ---------------------------------------------------------------------- */

/* What a parent would give, the token has. */
static void *new_context(void *provider, void *parent, const OSSL_DISPATCH *parent_functions)
{
	struct generator *generator = calloc(1, sizeof *generator);

	(void)parent;
	(void)parent_functions;
	if (generator) {
		generator->provider = provider;
		atomic_init(&generator->state, EVP_RAND_STATE_UNINITIALISED);
	}
	return generator;
}

static void free_context(void *generator)
{
	free(generator);
}

static int instantiate(void *arg, unsigned strength, int prediction_resistance, const unsigned char *personal, size_t len,
                       const OSSL_PARAM params[])
{
	struct generator *generator = arg;

	(void)prediction_resistance;
	(void)personal;
	(void)len;
	(void)params;                   /* a DRBG's: its cipher, when it is seeded anew */
	if (strength > STRENGTH)
		return fail(generator->provider, REASON_PARAMETER, "random bytes: a strength of %u bits, where there are %d",
		            strength, STRENGTH);
	atomic_store(&generator->state, EVP_RAND_STATE_READY);
	return 1;
}

static int uninstantiate(void *arg)
{
	struct generator *generator = arg;

	atomic_store(&generator->state, EVP_RAND_STATE_UNINITIALISED);
	return 1;
}

/* -- at work ------------------------------------------------------------------------- */

static int mix(struct generator *generator, const unsigned char *bytes, size_t len)
{
	if (len && rand_mix(bytes, len) != HUFU_OK)
		return fail(generator->provider, REASON_INTERNAL, "random bytes: what was to be mixed in was not");
	return 1;
}

static int generate(void *arg, unsigned char *out, size_t len, unsigned strength, int prediction_resistance,
                    const unsigned char *more, size_t more_len)
{
	struct generator *generator = arg;

	(void)prediction_resistance;    /* every answer is a device's own */
	if (atomic_load(&generator->state) != EVP_RAND_STATE_READY || strength > STRENGTH)
		return fail(generator->provider, REASON_PARAMETER,
		            "random bytes: %u bits of strength of a generator that has %d, or was not instantiated",
		            strength, STRENGTH);
	return mix(generator, more, more_len) && fill(generator, out, len);
}

/* The devices see to their own entropy. */
static int reseed(void *arg, int prediction_resistance, const unsigned char *entropy, size_t entropy_len, const unsigned char *more,
                  size_t more_len)
{
	(void)prediction_resistance;
	return mix(arg, entropy, entropy_len) && mix(arg, more, more_len);
}

/* As the parent of a DRBG. libcrypto's memory: it may free it without us. */
static size_t get_seed(void *generator, unsigned char **out, int entropy, size_t min_len, size_t max_len, int prediction_resistance,
                       const unsigned char *more, size_t more_len)
{
	size_t len = entropy > 0 ? ((size_t)entropy + 7) / 8 : 0;

	(void)prediction_resistance;
	len = len < min_len ? min_len : len;
	if (!len || len > max_len || len > SEED_MAX)
		return 0;
	unsigned char *seed = OPENSSL_secure_malloc(len);
	if (!seed)
		return 0;
	if (!mix(generator, more, more_len) || !fill(generator, seed, len)) {
		OPENSSL_secure_clear_free(seed, len);
		return 0;
	}
	*out = seed;
	return len;
}

static void clear_seed(void *generator, unsigned char *seed, size_t len)
{
	(void)generator;
	OPENSSL_secure_clear_free(seed, len);
}

static int verify_zeroization(void *generator)
{
	(void)generator;                /* no state of a generator is here */
	return 1;
}

/* Threads share nothing but which desk, and that is atomic; desks are for any number of them. */
static int enable_locking(void *generator)
{
	(void)generator;
	return 1;
}

static int lock(void *generator)
{
	(void)generator;
	return 1;
}

static void unlock(void *generator)
{
	(void)generator;
}

static int get_params(void *arg, OSSL_PARAM params[])
{
	struct generator *generator = arg;
	OSSL_PARAM *state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
	OSSL_PARAM *strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
	OSSL_PARAM *max = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);

	return (!state || param_set_int(state, atomic_load(&generator->state))) &&
	       (!strength || param_set_uint(strength, STRENGTH)) && (!max || param_set_size(max, REQUEST_MAX));
}

static const OSSL_PARAM *gettable_params(void *generator, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, NULL),
		OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, NULL),
		OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, NULL),
		OSSL_PARAM_END,
	};
	(void)generator;
	(void)provider;
	return params;
}

static const OSSL_DISPATCH functions[] = {
	FUNCTION(OSSL_FUNC_RAND_NEWCTX, new_context),
	FUNCTION(OSSL_FUNC_RAND_FREECTX, free_context),
	FUNCTION(OSSL_FUNC_RAND_INSTANTIATE, instantiate),
	FUNCTION(OSSL_FUNC_RAND_UNINSTANTIATE, uninstantiate),
	FUNCTION(OSSL_FUNC_RAND_GENERATE, generate),
	FUNCTION(OSSL_FUNC_RAND_RESEED, reseed),
	FUNCTION(OSSL_FUNC_RAND_GET_SEED, get_seed),
	FUNCTION(OSSL_FUNC_RAND_CLEAR_SEED, clear_seed),
	FUNCTION(OSSL_FUNC_RAND_VERIFY_ZEROIZATION, verify_zeroization),
	FUNCTION(OSSL_FUNC_RAND_ENABLE_LOCKING, enable_locking),
	FUNCTION(OSSL_FUNC_RAND_LOCK, lock),
	FUNCTION(OSSL_FUNC_RAND_UNLOCK, unlock),
	FUNCTION(OSSL_FUNC_RAND_GET_CTX_PARAMS, get_params),
	FUNCTION(OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, gettable_params),
	END_OF_FUNCTIONS,
};

const OSSL_ALGORITHM rand_algorithms[] = {
	ALGORITHM("HUFU-RAND", functions, "random numbers of a token's devices"),
	{NULL, NULL, NULL, NULL},
};
