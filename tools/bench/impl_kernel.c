/* SPDX-License-Identifier: Apache-2.0 */
/* hufu's own kernels, straight: what the module takes beyond this is the layers' cost. */
#include "base/secret.h"
#include "rand/rand.h"
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"
#include "sm/zuc.h"
#include "tools/bench/bench.h"

#include <stdlib.h>
#include <string.h>

struct kernel {
	struct sm2_private private;
	struct sm2_public public;
	struct sm4_key sm4;
	uint8_t zuc_key[ZUC_KEY_LEN];
	uint8_t e[32], sig[SM2_SIG_LEN];
};

static const struct sm2_random rng = {rand_for_sm2, NULL};

static void *open_kernel(const struct bench_place *place)
{
	struct kernel *k = secret_alloc(sizeof *k);
	uint8_t d[SM2_SCALAR_LEN], point[SM2_POINT_LEN], key[SM4_KEY_LEN];

	(void)place;
	bool good = k && rand_start() == HUFU_OK && rand_bytes(key, sizeof key) == HUFU_OK &&
	            rand_bytes(k->zuc_key, sizeof k->zuc_key) == HUFU_OK && rand_bytes(k->e, sizeof k->e) == HUFU_OK &&
	            sm2_generate(&rng, d, point) == SM2_OK && sm2_private_init(&k->private, d) == SM2_OK &&
	            sm2_public_init(&k->public, point) == SM2_OK && sm2_sign(&k->private, k->e, &rng, k->sig) == SM2_OK;
	if (good)
		sm4_key_init(&k->sm4, key);
	secret_wipe(d, sizeof d);
	secret_wipe(key, sizeof key);
	if (good)
		return k;
	secret_free(k);
	return NULL;
}

static void close_kernel(void *state)
{
	secret_free(state);
}

static bool offers(void *state, const struct bench_cell *cell)
{
	(void)state;
	return cell->op <= BENCH_ZUC || cell->op == BENCH_RANDOM; /* in the order of enum bench_op, the SM algorithms come first */
}

struct thread {
	const struct kernel *k;
	uint8_t in[BENCH_SIZE_MAX], out[BENCH_SIZE_MAX];
};

static void *thread_open(void *state, const struct bench_cell *cell)
{
	struct thread *t = calloc(1, sizeof *t);

	(void)cell;
	if (t)
		t->k = state;
	return t;
}

static bool one(struct thread *t, const struct bench_cell *cell)
{
	const struct kernel *k = t->k;
	uint8_t iv[16] = {0}, sig[SM2_SIG_LEN];
	struct zuc_eea3 zuc;

	switch (cell->op) {
	case BENCH_SM2_SIGN:
		return sm2_sign(&k->private, k->e, &rng, sig) == SM2_OK;
	case BENCH_SM2_VERIFY:
		return sm2_verify(&k->public, k->e, k->sig) == SM2_OK;
	case BENCH_SM4_CBC:
		sm4_cbc_encrypt(&k->sm4, iv, t->in, t->out, cell->size / SM4_BLOCK_LEN);
		return true;
	case BENCH_SM4_CTR:
		sm4_ctr(&k->sm4, iv, 128, t->in, t->out, cell->size);
		return true;
	case BENCH_SM3:
		sm3(t->in, cell->size, t->out);
		return true;
	case BENCH_ZUC:
		zuc_eea3_init(&zuc, k->zuc_key, 1, 0, 0);
		zuc_eea3_update(&zuc, t->in, t->out, 8 * (uint64_t)cell->size);
		return true;
	case BENCH_RANDOM:
		return rand_bytes(t->out, cell->size) == HUFU_OK;
	case BENCH_ECDSA_SIGN:
	case BENCH_ECDSA_SIGN_TOKEN:
	case BENCH_RSA_SIGN:
	case BENCH_RSA_SIGN_TOKEN:
	case BENCH_AES_CBC:
	case BENCH_AES_GCM:
	case BENCH_SHA256:
	case BENCH_SESSION:
	case BENCH_CREATE:
	case BENCH_FIND:
	case BENCH_INITIALIZE:
		break;
	}
	return false;
}

static bool run(void *thread, const struct bench_cell *cell, uint64_t n, uint64_t *aside_ns)
{
	(void)aside_ns;
	while (n--)
		if (!one(thread, cell))
			return false;
	return true;
}

const struct bench_impl bench_kernel = {
	.open = open_kernel, .close = close_kernel, .offers = offers, .thread_open = thread_open, .run = run, .thread_close = free,
};
