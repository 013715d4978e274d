/* SPDX-License-Identifier: Apache-2.0 */
/* The same straight on libcrypto, by EVP. */
#include "tools/bench/bench.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct lib {
	EVP_PKEY *sm2;
	EVP_CIPHER *cbc, *ctr;
	EVP_MD *sm3;
	unsigned char sig[80], e[32];
	size_t sig_len;
};

static bool first_signature(struct lib *l)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, l->sm2, NULL);
	bool good;

	l->sig_len = sizeof l->sig;
	good = ctx && RAND_bytes(l->e, sizeof l->e) == 1 && EVP_PKEY_sign_init(ctx) > 0 &&
	       EVP_PKEY_sign(ctx, l->sig, &l->sig_len, l->e, sizeof l->e) > 0;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void close_lib(void *state)
{
	struct lib *l = state;

	EVP_PKEY_free(l->sm2);
	EVP_CIPHER_free(l->cbc);
	EVP_CIPHER_free(l->ctr);
	EVP_MD_free(l->sm3);
	free(l);
}

/* Builds without SM leave them out: what is there is measured. */
static void *open_lib(const struct bench_place *place)
{
	struct lib *l = calloc(1, sizeof *l);

	(void)place;
	if (!l)
		return NULL;
	l->sm2 = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	l->cbc = EVP_CIPHER_fetch(NULL, "SM4-CBC", NULL);
	l->ctr = EVP_CIPHER_fetch(NULL, "SM4-CTR", NULL);
	l->sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
	if (l->sm2 && !first_signature(l)) {
		note("libcrypto does not sign with SM2: %s", libcrypto_error());
		EVP_PKEY_free(l->sm2);
		l->sm2 = NULL;
	}
	return l;
}

static bool offers(void *state, const struct bench_cell *cell)
{
	const struct lib *l = state;

	switch (cell->op) {
	case BENCH_SM2_SIGN:
	case BENCH_SM2_VERIFY:
		return l->sm2;
	case BENCH_SM4_CBC:
		return l->cbc;
	case BENCH_SM4_CTR:
		return l->ctr;
	case BENCH_SM3:
		return l->sm3;
	case BENCH_RANDOM:
		return true;
	case BENCH_ZUC:
	case BENCH_SESSION:
	case BENCH_CREATE:
	case BENCH_FIND:
	case BENCH_INITIALIZE:
		break;
	}
	return false;
}

struct thread {
	struct lib *l;
	EVP_PKEY_CTX *pkey;
	EVP_CIPHER_CTX *cipher;
	EVP_MD_CTX *md;
	unsigned char in[BENCH_SIZE_MAX], out[BENCH_SIZE_MAX + 32];
};

static void thread_close(void *thread)
{
	struct thread *t = thread;

	EVP_PKEY_CTX_free(t->pkey);
	EVP_CIPHER_CTX_free(t->cipher);
	EVP_MD_CTX_free(t->md);
	free(t);
}

static bool thread_init(struct thread *t, enum bench_op op)
{
	static const unsigned char key[16] = "0123456789abcdef";

	if (op == BENCH_SM2_SIGN || op == BENCH_SM2_VERIFY) {
		t->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, t->l->sm2, NULL);
		return t->pkey && (op == BENCH_SM2_SIGN ? EVP_PKEY_sign_init(t->pkey) : EVP_PKEY_verify_init(t->pkey)) > 0;
	}
	if (op == BENCH_SM4_CBC || op == BENCH_SM4_CTR) {
		t->cipher = EVP_CIPHER_CTX_new();
		return t->cipher &&
		       EVP_EncryptInit_ex2(t->cipher, op == BENCH_SM4_CBC ? t->l->cbc : t->l->ctr, key, NULL, NULL) == 1 &&
		       EVP_CIPHER_CTX_set_padding(t->cipher, 0) == 1;
	}
	if (op == BENCH_SM3)
		t->md = EVP_MD_CTX_new();
	return op != BENCH_SM3 || t->md;
}

static void *thread_open(void *state, const struct bench_cell *cell)
{
	struct thread *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->l = state;
	if (thread_init(t, cell->op))
		return t;
	note("libcrypto, %s: %s", cell->name, libcrypto_error());
	thread_close(t);
	return NULL;
}

static bool one(struct thread *t, const struct bench_cell *cell)
{
	static const unsigned char iv[16];
	struct lib *l = t->l;
	size_t len = sizeof l->sig;
	unsigned char sig[80];
	int n;

	switch (cell->op) {
	case BENCH_SM2_SIGN:
		return EVP_PKEY_sign(t->pkey, sig, &len, l->e, sizeof l->e) > 0;
	case BENCH_SM2_VERIFY:
		return EVP_PKEY_verify(t->pkey, l->sig, l->sig_len, l->e, sizeof l->e) == 1;
	case BENCH_SM4_CBC:
	case BENCH_SM4_CTR:
		return EVP_EncryptInit_ex2(t->cipher, NULL, NULL, iv, NULL) == 1 &&
		       EVP_EncryptUpdate(t->cipher, t->out, &n, t->in, (int)cell->size) == 1;
	case BENCH_SM3:
		return EVP_DigestInit_ex2(t->md, l->sm3, NULL) == 1 && EVP_DigestUpdate(t->md, t->in, cell->size) == 1 &&
		       EVP_DigestFinal_ex(t->md, t->out, NULL) == 1;
	case BENCH_RANDOM:
		return RAND_bytes(t->out, (int)cell->size) == 1;
	case BENCH_ZUC:
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

const struct bench_impl bench_libcrypto = {
	.open = open_lib,
	.close = close_lib,
	.offers = offers,
	.thread_open = thread_open,
	.run = run,
	.thread_close = thread_close,
};
