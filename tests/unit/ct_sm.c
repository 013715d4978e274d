/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant time, shown by valgrind: secrets are marked undefined, and memcheck
 * reports every branch and every address that depends on one. What a function
 * declares public (sm/declassify.h) is marked defined again.
 *
 *	valgrind -q --log-file=valgrind.log tests/unit/ct_sm
 *
 * TAP; the kernels are compiled into this program with SM_TEST_CONSTANT_TIME.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_VALGRIND_MEMCHECK_H

#include <valgrind/memcheck.h>

#include "base/secret.h"
#include "sm/drbg.h"
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"
#include "sm/zuc.h"

#define SECRET(x) VALGRIND_MAKE_MEM_UNDEFINED(&(x), sizeof(x))
#define PUBLIC(x) VALGRIND_MAKE_MEM_DEFINED(&(x), sizeof(x))

static uint8_t text[1100], out[1300], iv[16], key[16], d[32], point[64];

static volatile unsigned sink;

static void branch_on_secret(void)
{
	SECRET(key);
	if (key[0] & 1)
		sink++;
}

static void index_by_secret(void)
{
	static const uint8_t table[256] = {1};

	SECRET(key);
	sink += table[key[0]];
}

static void hash(void)
{
	uint8_t digest[32];

	SECRET(text);
	sm3(text, 333, digest);
	sm3_kdf(text, 40, out, 100);
}

static void hmac(void)
{
	struct sm3_hmac_key k;

	SECRET(text);
	sm3_hmac_key_init(&k, text, 100);
	sm3_hmac(&k, text, 200, out);
	sm3_hmac_key_init(&k, text, 32);
	sm3_hmac(&k, text, 200, out);
	sm3_pbkdf2(text, 12, iv, sizeof(iv), 3, out, 48);
}

static void sm4_blocks(void)
{
	struct sm4_key k;

	SECRET(key);
	SECRET(text);
	sm4_key_init(&k, key);
	for (size_t n = 1; n < 68; n += 33) {
		sm4_ecb_encrypt(&k, text, out, n);
		sm4_ecb_decrypt(&k, text, out, n);
	}
}

static void sm4_modes(void)
{
	struct sm4_key k;

	SECRET(key);
	SECRET(text);
	sm4_key_init(&k, key);
	sm4_cbc_encrypt(&k, iv, text, out, 40);
	sm4_cbc_decrypt(&k, iv, text, out, 40);
	sm4_cfb128_encrypt(&k, iv, text, out, 777);
	sm4_cfb128_decrypt(&k, iv, text, out, 777);
	sm4_ofb(&k, iv, text, out, 777);
	PUBLIC(iv);
	sm4_ctr(&k, iv, 128, text, out, 777);
}

static void gcm(void)
{
	struct sm4_key k;
	uint8_t tag[16];

	SECRET(key);
	SECRET(text);
	sm4_key_init(&k, key);
	sm4_gcm_seal(&k, iv, 12, text, 33, text, 777, out, tag, 16);
	sm4_gcm_open(&k, iv, 12, text, 33, out, 777, out, tag, 16);
	tag[0] ^= 1;
	sm4_gcm_open(&k, iv, 12, text, 33, out, 777, out, tag, 16);
	/* An IV of another length is hashed under the key; the counter made of it stays secret. */
	sm4_gcm_seal(&k, iv, 16, text, 33, text, 777, out, tag, 16);
}

static void ccm(void)
{
	struct sm4_key k;
	uint8_t tag[16];

	SECRET(key);
	SECRET(text);
	sm4_key_init(&k, key);
	sm4_ccm_seal(&k, iv, 12, text, 33, text, 777, out, tag, 16);
	sm4_ccm_open(&k, iv, 12, text, 33, out, 777, out, tag, 16);
	tag[0] ^= 1;
	sm4_ccm_open(&k, iv, 12, text, 33, out, 777, out, tag, 16);
	sm4_cbc_mac(&k, tag, text, 20);
}

static void zuc(void)
{
	struct zuc_eea3 e;
	struct zuc_eia3 i;
	uint8_t mac[4];

	SECRET(key);
	SECRET(text);
	zuc_eea3_init(&e, key, 1, 2, 1);
	zuc_eea3_update(&e, text, out, 8001);
	zuc_eia3_init(&i, key, 1, 2, 1);
	zuc_eia3_update(&i, text, 8001);
	zuc_eia3_final(&i, mac);
}

static int secret_random(void *arg, uint8_t *bytes, size_t len)
{
	static uint8_t counter;

	(void)arg;
	memset(bytes, 0x5a, len);
	bytes[0] = ++counter;
	VALGRIND_MAKE_MEM_UNDEFINED(bytes, len);
	return 0;
}

static const struct sm2_random generator = {secret_random, NULL};

static void sm2_keys(void)
{
	struct sm2_private k;
	uint8_t fresh[32];

	SECRET(d);
	(void)sm2_private_init(&k, d);
	(void)sm2_generate(&generator, fresh, point);
	PUBLIC(fresh);
}

static void sm2_signing(void)
{
	struct sm2_private k;
	uint8_t e[32] = {1}, sig[64];

	SECRET(d);
	(void)sm2_private_init(&k, d);
	(void)sm2_sign(&k, e, &generator, sig);
	(void)sm2_sign_with_k(&k, e, d, sig);
}

static void sm2_encryption(void)
{
	struct sm2_private k;
	struct sm2_public p;

	PUBLIC(d);
	(void)sm2_private_init(&k, d);
	(void)sm2_public_init(&p, k.point);
	SECRET(text);
	SECRET(k.d);
	(void)sm2_encrypt(&p, text, 100, &generator, out);
	/* The ciphertext is what the other side sees. */
	PUBLIC(out);
	(void)sm2_decrypt(&k, out, 100 + SM2_CIPHER_OVERHEAD, text);
	out[70] ^= 1;
	(void)sm2_decrypt(&k, out, 100 + SM2_CIPHER_OVERHEAD, text);
}

static void sm2_exchange(void)
{
	struct sm2_private k, ephemeral;
	uint8_t r[32], s1[32], s2[32];
	struct sm2_agreement a = {.initiator = true, .peer_static = point, .peer_ephemeral = point};

	PUBLIC(d);
	(void)sm2_private_init(&k, d);
	memcpy(point, k.point, sizeof(point));
	memset(r, 0x35, sizeof(r));
	(void)sm2_private_init(&ephemeral, r);
	SECRET(k.d);
	SECRET(k.d_mont);
	SECRET(ephemeral.d);
	SECRET(ephemeral.d_mont);
	(void)sm2_agree(&k, &ephemeral, &a, out, 48, s1, s2);
}

static void drbg(void)
{
	struct drbg g;

	SECRET(text);
	drbg_instantiate(&g, text, 48, text, 16, NULL, 0);
	drbg_generate(&g, text, 20, out, 32);
	drbg_reseed(&g, text, 48, NULL, 0);
	drbg_generate(&g, NULL, 0, out, 32);
}

static void comparison(void)
{
	bool equal;

	SECRET(key);
	equal = secret_equal(key, iv, sizeof(key));
	PUBLIC(equal);
	sink += equal;
	secret_wipe(key, sizeof(key));
}

static const struct {
	const char *claim;
	void (*run)(void);
	int leaks;
} cases[] = {
	{"a branch on a secret is noticed", branch_on_secret, 1},
	{"a table index by a secret is noticed", index_by_secret, 1},
	{"SM3 and the KDF are constant time", hash, 0},
	{"HMAC-SM3 and PBKDF2 are constant time", hmac, 0},
	{"SM4's key schedule and blocks are constant time", sm4_blocks, 0},
	{"SM4's modes are constant time", sm4_modes, 0},
	{"SM4-GCM is constant time", gcm, 0},
	{"SM4-CCM and CBC-MAC are constant time", ccm, 0},
	{"ZUC, EEA3 and EIA3 are constant time", zuc, 0},
	{"SM2 key generation and loading are constant time", sm2_keys, 0},
	{"SM2 signing is constant time", sm2_signing, 0},
	{"SM2 encryption and decryption are constant time", sm2_encryption, 0},
	{"SM2 key exchange is constant time", sm2_exchange, 0},
	{"the DRBG is constant time", drbg, 0},
	{"secret_equal and secret_wipe are constant time", comparison, 0},
};

int main(void)
{
	const unsigned n = sizeof(cases) / sizeof(cases[0]);
	int status = 0;

	if (!RUNNING_ON_VALGRIND) {
		puts("1..0 # SKIP runs under valgrind only");
		return 77;
	}
	printf("1..%u\n", n);
	for (unsigned i = 0; i < n; i++) {
		unsigned before = VALGRIND_COUNT_ERRORS;
		bool good;

		memset(key, 0x11, sizeof(key));
		memset(iv, 0x22, sizeof(iv));
		memset(d, 0x33, sizeof(d));
		memset(text, 0x44, sizeof(text));
		cases[i].run();
		VALGRIND_MAKE_MEM_DEFINED(out, sizeof(out));
		good = (VALGRIND_COUNT_ERRORS > before) == cases[i].leaks;
		printf("%s %u - %s\n", good ? "ok" : "not ok", i + 1, cases[i].claim);
		fflush(stdout);
		status |= !good;
	}
	return status;
}

#else

int main(void)
{
	puts("1..0 # SKIP built without valgrind's headers");
	return 77;
}

#endif
