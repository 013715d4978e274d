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
	EVP_PKEY *sm2, *p256, *rsa;
	EVP_CIPHER *cbc, *ctr, *aes_cbc, *aes_gcm;
	EVP_MD *sm3, *sha256;
	unsigned char sig[80], e[64];
	size_t sig_len;
};

static EVP_PKEY *pkey_of(const struct lib *l, enum bench_op op)
{
	if (op == BENCH_SM2_SIGN || op == BENCH_SM2_VERIFY)
		return l->sm2;
	if (op == BENCH_ECDSA_SIGN || op == BENCH_ECDSA_SIGN_TOKEN)
		return l->p256;
	return op == BENCH_RSA_SIGN || op == BENCH_RSA_SIGN_TOKEN ? l->rsa : NULL;
}

static EVP_CIPHER *cipher_of(const struct lib *l, enum bench_op op)
{
	if (op == BENCH_SM4_CBC || op == BENCH_SM4_CTR)
		return op == BENCH_SM4_CBC ? l->cbc : l->ctr;
	return op == BENCH_AES_CBC ? l->aes_cbc : op == BENCH_AES_GCM ? l->aes_gcm : NULL;
}

static EVP_MD *md_of(const struct lib *l, enum bench_op op)
{
	return op == BENCH_SM3 ? l->sm3 : op == BENCH_SHA256 ? l->sha256 : NULL;
}

static bool first_signature(struct lib *l)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, l->sm2, NULL);
	bool good;

	l->sig_len = sizeof l->sig;
	good = ctx && RAND_bytes(l->e, sizeof l->e) == 1 && EVP_PKEY_sign_init(ctx) > 0 &&
	       EVP_PKEY_sign(ctx, l->sig, &l->sig_len, l->e, 32) > 0;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void close_lib(void *state)
{
	struct lib *l = state;

	EVP_PKEY_free(l->sm2);
	EVP_PKEY_free(l->p256);
	EVP_PKEY_free(l->rsa);
	EVP_CIPHER_free(l->cbc);
	EVP_CIPHER_free(l->ctr);
	EVP_CIPHER_free(l->aes_cbc);
	EVP_CIPHER_free(l->aes_gcm);
	EVP_MD_free(l->sm3);
	EVP_MD_free(l->sha256);
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
	l->p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	l->rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	l->aes_cbc = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	l->aes_gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	l->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
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

	return cell->op == BENCH_RANDOM || pkey_of(l, cell->op) || cipher_of(l, cell->op) || md_of(l, cell->op);
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
	EVP_PKEY *pkey = pkey_of(t->l, op);
	EVP_CIPHER *cipher = cipher_of(t->l, op);

	if (pkey) {
		t->pkey = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
		return t->pkey && (op == BENCH_SM2_VERIFY ? EVP_PKEY_verify_init(t->pkey) : EVP_PKEY_sign_init(t->pkey)) > 0;
	}
	if (cipher) {
		t->cipher = EVP_CIPHER_CTX_new();
		return t->cipher && EVP_EncryptInit_ex2(t->cipher, cipher, key, NULL, NULL) == 1 &&
		       EVP_CIPHER_CTX_set_padding(t->cipher, 0) == 1;
	}
	if (md_of(t->l, op))
		t->md = EVP_MD_CTX_new();
	return !md_of(t->l, op) || t->md;
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

static bool encrypt(struct thread *t, const struct bench_cell *cell)
{
	static const unsigned char iv[16];
	int n;

	if (EVP_EncryptInit_ex2(t->cipher, NULL, NULL, iv, NULL) != 1 ||
	    EVP_EncryptUpdate(t->cipher, t->out, &n, t->in, (int)cell->size) != 1)
		return false;
	return cell->op != BENCH_AES_GCM || (EVP_EncryptFinal_ex(t->cipher, t->out + n, &n) == 1 &&
	                                     EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_GET_TAG, 16, t->out + cell->size) == 1);
}

static bool digest(struct thread *t, const struct bench_cell *cell)
{
	return EVP_DigestInit_ex2(t->md, md_of(t->l, cell->op), NULL) == 1 && EVP_DigestUpdate(t->md, t->in, cell->size) == 1 &&
	       EVP_DigestFinal_ex(t->md, t->out, NULL) == 1;
}

static bool sign(struct thread *t, const struct bench_cell *cell)
{
	unsigned char sig[512];
	size_t len = sizeof sig;

	return EVP_PKEY_sign(t->pkey, sig, &len, t->l->e, cell->size) > 0;
}

static bool one(struct thread *t, const struct bench_cell *cell)
{
	const struct lib *l = t->l;

	if (cell->op == BENCH_SM2_VERIFY)
		return EVP_PKEY_verify(t->pkey, l->sig, l->sig_len, l->e, 32) == 1;
	if (cell->op == BENCH_RANDOM)
		return RAND_bytes(t->out, (int)cell->size) == 1;
	return t->pkey ? sign(t, cell) : t->cipher ? encrypt(t, cell) : digest(t, cell);
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
