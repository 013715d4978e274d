/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/checker.h"

#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"
#include "pool/internal.h"

/* The emulator, opened for this and nothing else. It keeps nothing a lease: one serves all threads. */
struct checker {
	struct hufu_device *device;
	struct hufu_lease *lease;
};

struct check_key {
	struct hufu_key view;
	uint8_t spki[];
};

static const char *no_setting(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	(void)key;
	return NULL;
}

static void close_checker(struct checker *checker)
{
	if (checker->lease)
		driver_soft.release(checker->lease);
	if (checker->device)
		driver_soft.close(checker->device, 0);
	free(checker);
}

static struct checker *open_checker(void)
{
	static const struct hufu_conf conf = {.size = sizeof(conf), .name = "checker", .get = no_setting};
	struct checker *checker = calloc(1, sizeof(*checker));

	if (!checker)
		return NULL;
	if (driver_soft.open(driver_host(), &conf, 0, &checker->device) == HUFU_OK &&
	    driver_soft.lease(checker->device, 0, &checker->lease) == HUFU_OK)
		return checker;
	close_checker(checker);
	return NULL;
}

/* NULL: memory is out. Of two that make one at once, the first stays. */
static struct checker *checker_of(struct pool *pool)
{
	struct checker *found = atomic_load_explicit(&pool->checker, memory_order_acquire);

	if (found)
		return found;
	struct checker *mine = open_checker();
	if (mine && !atomic_compare_exchange_strong(&pool->checker, &found, mine)) {
		close_checker(mine);
		return found;
	}
	return mine;
}

void checker_free(struct pool *pool)
{
	struct checker *checker = atomic_exchange(&pool->checker, NULL);

	if (checker)
		close_checker(checker);
}

static enum hufu_err run(struct pool *pool, struct hufu_op *op)
{
	struct checker *checker = checker_of(pool);

	if (!checker)
		return HUFU_ERR_NO_MEMORY;
	op->size = sizeof(*op);
	driver_soft.run(checker->lease, &op, 1);
	return op->outcome;
}

enum hufu_key_type check_public_type(enum hufu_key_type private_type)
{
	switch (private_type) {
	case HUFU_KEY_RSA_PRIVATE:
		return HUFU_KEY_RSA_PUBLIC;
	case HUFU_KEY_EC_PRIVATE:
		return HUFU_KEY_EC_PUBLIC;
	case HUFU_KEY_EDWARDS_PRIVATE:
		return HUFU_KEY_EDWARDS_PUBLIC;
	case HUFU_KEY_MONTGOMERY_PRIVATE:
		return HUFU_KEY_MONTGOMERY_PUBLIC;
	case HUFU_KEY_SM2_PRIVATE:
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_SM4:
	case HUFU_KEY_ZUC:
	case HUFU_KEY_SECRET:
	case HUFU_KEY_AES:
	case HUFU_KEY_DES3:
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PUBLIC:
		break;
	}
	return 0;
}

bool check_public(struct pool *pool, enum hufu_key_type private_type, const uint8_t *spki, size_t len)
{
	uint8_t copy[HUFU_PUB_MAX], pub[HUFU_PUB_MAX];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = check_public_type(private_type), .in = spki, .in_len = len,
	                     .out = copy, .out_cap = sizeof(copy), .pub = pub};

	return op.new_type && len && len <= HUFU_PUB_MAX && run(pool, &op) == HUFU_OK;
}

enum hufu_err check_key_new(enum hufu_key_type private_type, const uint8_t *spki, size_t len, struct check_key **out)
{
	enum hufu_key_type type = check_public_type(private_type);

	if (!type)
		return HUFU_ERR_KEY_TYPE;
	if (!len || len > HUFU_PUB_MAX)
		return HUFU_ERR_KEY_VALUE;
	struct check_key *key = malloc(sizeof(*key) + len);
	if (!key)
		return HUFU_ERR_NO_MEMORY;
	key->view = (struct hufu_key){.size = sizeof(key->view), .type = type, .copy_kind = HUFU_COPY_BLOB, .blob = key->spki,
	                              .blob_len = len};
	memcpy(key->spki, spki, len);
	*out = key;
	return HUFU_OK;
}

void check_key_free(struct pool *pool, struct check_key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT};

	if (!key)
		return;
	op.key = &key->view;
	if (key->view.loaded)
		(void)run(pool, &op); /* cannot fail */
	free(key);
}

bool check_signature(struct pool *pool, struct check_key *key, const struct hufu_op *sign)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = sign->mechanism, .key = &key->view, .param = sign->param,
	                     .in = sign->in, .in_len = sign->in_len, .in2 = sign->out, .in2_len = sign->out_len};

	return run(pool, &op) == HUFU_OK;
}
