/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdf_fake.h. Built with
 *	FAKE_WIDTH         64 or 32, bytes of a number in a struct
 *	FAKE_LENGTH_FIRST  bytes of C where ECCCipher begins with its length; not defined: the standard's
 *	FAKE_ARGS          5 or 6, of SDF_InternalDecrypt_ECC
 *	FAKE_RSA_ARGS      6 or 7
 *	FAKE_IDS           what SM4's ids begin with: 0x400, 0x2000
 *	FAKE_BARE          the least of the edition of 2012, nothing else
 * Its structs are written down here once more, packed: it must not be hufu's code that agrees with itself.
 */
#include "sdf_fake.h"

#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define RICH __attribute__((unused)) /* in the bare one */
#define RSA_BYTES (FAKE_RSA_ARGS == 7 ? 512 : 256)

enum { OK = 0, BAD = 0x01000000, NO_RIGHT = BAD + 0x18, NO_KEY = BAD + 0x08, NO_ALG = BAD + 0x09, KEY_TYPE = BAD + 0x14,
       DECRYPTION = BAD + 0x0c, VERIFICATION = BAD + 0x0e, MAC = BAD + 0x19, ARGUMENT = BAD + 0x1d };

#pragma pack(push, 1)
struct number { unsigned char zero[FAKE_WIDTH - 32], value[32]; };
#if FAKE_WIDTH == 32
#define HIGH(n) ((void)0)
#else
#define HIGH(n) ((n).zero[FAKE_WIDTH - 33] = 1)
#endif
struct public { unsigned bits; struct number x, y; };
struct private { unsigned bits; struct number k; };
struct signature { struct number r, s; };
#ifdef FAKE_LENGTH_FIRST
struct cipher { unsigned len; struct number x, y; unsigned char c[FAKE_LENGTH_FIRST], m[32]; };
#define CIPHER_END(len) sizeof(struct cipher)
#else
struct cipher { struct number x, y; unsigned char m[32]; unsigned len; unsigned char c[]; };
#define CIPHER_END(len) (sizeof(struct cipher) + (len))
#endif
struct rsa_public { unsigned bits; unsigned char m[RSA_BYTES], e[RSA_BYTES]; };
struct info { char vendor[40], model[16], serial[16]; unsigned device, standard, asymmetric[2], symmetric, hash, buffer; };
#pragma pack(pop)

struct device { int unused; };
struct session { struct sm3_hmac hmac; struct sm3 hash; unsigned rights; };
struct key { unsigned char value[32]; unsigned len; };

EXPORT struct fake fake;
static atomic_uint devices, sessions, handles, calls;

/* -- what every call does ------------------------------------------------------------------- */

static int fill_random(void *arg, uint8_t *out, size_t len)
{
	static atomic_uint counter;
	uint8_t block[32];
	(void)arg;
	for (size_t i = 0; i < len; i += 32) {
		unsigned n = atomic_fetch_add(&counter, 1);
		sm3(&n, sizeof n, block);
		memcpy(out + i, block, len - i < 32 ? len - i : 32);
	}
	return 0;
}

static const struct sm2_random random_source = {fill_random, NULL};

static int begin(void)
{
	fake.calls = atomic_fetch_add(&calls, 1) + 1;
	return fake.code;
}

static void overrun(void *behind)
{
	memset(behind, 0x5c, fake.overrun);
}

RICH static void give_handle(void **slot, const void *value, unsigned len)
{
	struct key *key = calloc(1, sizeof *key);
	memcpy(key->value, value, len);
	key->len = len;
	*slot = fake.no_handle ? NULL : key;
	if (fake.no_handle)
		free(key);
	else
		fake.handles = atomic_fetch_add(&handles, 1) + 1;
}

RICH static void give_len(unsigned *len, size_t value)
{
	*len = (unsigned)((int)value + fake.len_off);
}

static void put(struct number *n, const unsigned char *value)
{
	memset(n, 0, sizeof *n);
	memcpy(n->value, value, 32);
	if (fake.high_half)
		HIGH(*n);
}

static void put_point(struct number *x, struct number *y, const unsigned char *point)
{
	put(x, point);
	put(y, point + 32);
	y->value[31] ^= (unsigned char)(fake.off_curve ? 1 : 0);
}

static void get_point(const struct number *x, const struct number *y, unsigned char *point)
{
	memcpy(point, x->value, 32);
	memcpy(point + 32, y->value, 32);
}

/* -- keys ---------------------------------------------------------------------------------------- */

/* The pairs of an index: usage 1 signs, 2 encrypts. */
static int find_pair(unsigned index, unsigned usage, struct sm2_private *key)
{
	uint8_t d[32] = {0};
	if (index == 0 || index > 4)
		return ARGUMENT;
	if (index == 3)
		return KEY_TYPE;
	if (index == 4)
		return NO_KEY;
	d[31] = (uint8_t)(0x10 * index + usage);
	return sm2_private_init(key, d) == SM2_OK ? OK : BAD;
}

static int find_private(const struct session *s, unsigned index, unsigned usage, struct sm2_private *key)
{
	int rc = find_pair(index, usage, key);
	if (rc == OK && fake.needs_right && !(s->rights & 1u << index))
		return NO_RIGHT;
	return rc;
}

static int export(unsigned index, unsigned usage, struct public *out)
{
	struct sm2_private key;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = find_pair(index, usage, &key);
	if (rc != OK)
		return rc;
	out->bits = 256;
	put_point(&out->x, &out->y, key.point);
	overrun(out + 1);
	return OK;
}

RICH static void put_cipher(struct cipher *out, const unsigned char *raw, unsigned len)
{
	put_point(&out->x, &out->y, raw + 1);
	memcpy(out->m, raw + 65, 32);
	memcpy(out->c, raw + 97, len);
	out->len = (unsigned)((int)len + fake.len_off);
	overrun((unsigned char *)out + CIPHER_END(len));
}

RICH static void get_cipher(const struct cipher *in, unsigned char *raw)
{
	raw[0] = 4;
	get_point(&in->x, &in->y, raw + 1);
	memcpy(raw + 65, in->m, 32);
	memcpy(raw + 97, in->c, in->len);
}

/* -- 6.2 --------------------------------------------------------------------------------------------- */

EXPORT int SDF_OpenDevice(void **out);
EXPORT int SDF_OpenDevice(void **out)
{
	if (fake.open_code)
		return fake.open_code;
	*out = calloc(1, sizeof(struct device));
	fake.devices = atomic_fetch_add(&devices, 1) + 1;
	return OK;
}

EXPORT int SDF_CloseDevice(void *device);
EXPORT int SDF_CloseDevice(void *device)
{
	free(device);
	fake.devices = atomic_fetch_sub(&devices, 1) - 1;
	return OK;
}

EXPORT int SDF_OpenSession(void *device, void **out);
EXPORT int SDF_OpenSession(void *device, void **out)
{
	(void)device;
	if (fake.meet_opening)
		fake.meet_opening(fake.arg);
	if (fake.open_code)
		return fake.open_code;
	*out = calloc(1, sizeof(struct session));
	fake.sessions = atomic_fetch_add(&sessions, 1) + 1;
	return OK;
}

EXPORT int SDF_CloseSession(void *session);
EXPORT int SDF_CloseSession(void *session)
{
	free(session);
	fake.sessions = atomic_fetch_sub(&sessions, 1) - 1;
	return OK;
}

EXPORT int SDF_GenerateRandom(void *s, unsigned len, unsigned char *out);
EXPORT int SDF_GenerateRandom(void *s, unsigned len, unsigned char *out)
{
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	fake.longest_random = len > fake.longest_random ? len : fake.longest_random;
	fill_random(NULL, out, len);
	overrun(out + len);
	return OK;
}

EXPORT int SDF_ExportSignPublicKey_ECC(void *s, unsigned index, struct public *out);
EXPORT int SDF_ExportSignPublicKey_ECC(void *s, unsigned index, struct public *out)
{
	(void)s;
	return export(index, 1, out);
}

EXPORT int SDF_InternalSign_ECC(void *s, unsigned index, unsigned char *e, unsigned len, struct signature *out);
EXPORT int SDF_InternalSign_ECC(void *s, unsigned index, unsigned char *e, unsigned len, struct signature *out)
{
	struct sm2_private key;
	uint8_t sig[64];
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK && fake.meet)
		fake.meet(fake.arg);
	if (rc == OK)
		rc = len == 32 ? find_private(s, index, 1, &key) : ARGUMENT;
	if (rc != OK)
		return rc;
	if (sm2_sign(&key, e, &random_source, sig) != SM2_OK)
		return BAD;
	put(&out->r, sig);
	put(&out->s, sig + 32);
	overrun(out + 1);
	return OK;
}

#ifndef FAKE_BARE

EXPORT int SDF_OpenDeviceEx(void **out, char *path, void *null);
EXPORT int SDF_OpenDeviceEx(void **out, char *path, void *null)
{
	strncpy(fake.config, path, sizeof fake.config - 1);
	return null ? ARGUMENT : SDF_OpenDevice(out);
}

EXPORT int SDF_GetDeviceInfo(void *s, struct info *out);
EXPORT int SDF_GetDeviceInfo(void *s, struct info *out)
{
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	memset(out, 0, sizeof *out);
	memcpy(out->vendor, "0123456789012345678901234567890123456789", 40); /* no zero at its end */
	memcpy(out->model, "Fake\x80 1   ", 10);
	memcpy(out->serial, "2026112100100042", 16);
	out->standard = 18;
	out->asymmetric[1] = 256;
	overrun(out + 1);
	return OK;
}

EXPORT int SDF_GetPrivateKeyAccessRight(void *s, unsigned index, unsigned char *password, unsigned len);
EXPORT int SDF_GetPrivateKeyAccessRight(void *s, unsigned index, unsigned char *password, unsigned len)
{
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	if (len != strlen(FAKE_PASSWORD) || memcmp(password, FAKE_PASSWORD, len) != 0)
		return NO_RIGHT;
	((struct session *)s)->rights |= 1u << index;
	memset(password, 0, len); /* it may: the standard does not say const */
	return OK;
}

EXPORT int SDF_ReleasePrivateKeyAccessRight(void *s, unsigned index);
EXPORT int SDF_ReleasePrivateKeyAccessRight(void *s, unsigned index)
{
	((struct session *)s)->rights &= ~(1u << index);
	return begin();
}

/* -- 6.3 --------------------------------------------------------------------------------------------- */

EXPORT int SDF_ExportEncPublicKey_ECC(void *s, unsigned index, struct public *out);
EXPORT int SDF_ExportEncPublicKey_ECC(void *s, unsigned index, struct public *out)
{
	(void)s;
	return export(index, 2, out);
}

EXPORT int SDF_ExportSignPublicKey_RSA(void *s, unsigned index, struct rsa_public *out);
EXPORT int SDF_ExportSignPublicKey_RSA(void *s, unsigned index, struct rsa_public *out)
{
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK && index != 3)
		rc = KEY_TYPE;
	if (rc != OK)
		return rc;
	memset(out, 0, sizeof *out);
	out->bits = 2048;
	memset(out->m + RSA_BYTES - 256, 0xc5, 256);
	memcpy(out->e + RSA_BYTES - 3, "\1\0\1", 3);
	if (fake.off_curve)
		out->m[RSA_BYTES - 256] = 0;
	overrun(out + 1);
	return OK;
}

static const unsigned char kek_value[16] = "a key of keys..";

EXPORT int SDF_GenerateKeyWithKEK(void *s, unsigned bits, unsigned alg, unsigned kek, unsigned char *out, unsigned *len,
                                  void **handle);
EXPORT int SDF_GenerateKeyWithKEK(void *s, unsigned bits, unsigned alg, unsigned kek, unsigned char *out, unsigned *len,
                                  void **handle)
{
	struct sm4_key key;
	unsigned char value[32];
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = alg != (FAKE_IDS | 1) ? NO_ALG : kek != 1 ? NO_KEY : bits % 128 || bits > 256 || *len < bits / 8 ? ARGUMENT : OK;
	if (rc != OK)
		return rc;
	fill_random(NULL, value, bits / 8);
	sm4_key_init(&key, kek_value);
	sm4_ecb_encrypt(&key, value, out, bits / 128);
	overrun(out + bits / 8);
	give_len(len, bits / 8);
	give_handle(handle, value, bits / 8);
	return OK;
}

EXPORT int SDF_ImportKeyWithKEK(void *s, unsigned alg, unsigned kek, unsigned char *in, unsigned len, void **handle);
EXPORT int SDF_ImportKeyWithKEK(void *s, unsigned alg, unsigned kek, unsigned char *in, unsigned len, void **handle)
{
	struct sm4_key key;
	unsigned char value[32];
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = alg != (FAKE_IDS | 1) ? NO_ALG : kek != 1 ? NO_KEY : len % 16 || len > 32 ? ARGUMENT : OK;
	if (rc != OK)
		return rc;
	sm4_key_init(&key, kek_value);
	sm4_ecb_decrypt(&key, in, value, len / 16);
	give_handle(handle, value, len);
	return OK;
}

EXPORT int SDF_GenerateKeyWithIPK_ECC(void *s, unsigned index, unsigned bits, struct cipher *out, void **handle);
EXPORT int SDF_GenerateKeyWithIPK_ECC(void *s, unsigned index, unsigned bits, struct cipher *out, void **handle)
{
	struct sm2_private pair;
	struct sm2_public key;
	unsigned char value[32], raw[97 + 32];
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = find_pair(index, 2, &pair);
	if (rc != OK)
		return rc;
	fill_random(NULL, value, bits / 8);
	if (sm2_public_init(&key, pair.point) != SM2_OK || sm2_encrypt(&key, value, bits / 8, &random_source, raw) != SM2_OK)
		return BAD;
	put_cipher(out, raw, bits / 8);
	give_handle(handle, value, bits / 8);
	return OK;
}

static int decrypt(const struct session *s, unsigned index, const struct cipher *in, unsigned char *out)
{
	struct sm2_private key;
	unsigned char raw[97 + 1024];
	int rc = find_private(s, index, 2, &key);
	if (rc != OK)
		return rc;
	get_cipher(in, raw);
	return sm2_decrypt(&key, raw, 97 + in->len, out) == SM2_OK ? OK : DECRYPTION;
}

EXPORT int SDF_ImportKeyWithISK_ECC(void *s, unsigned index, struct cipher *in, void **handle);
EXPORT int SDF_ImportKeyWithISK_ECC(void *s, unsigned index, struct cipher *in, void **handle)
{
	unsigned char value[1024];
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = in->len <= 32 ? decrypt(s, index, in, value) : ARGUMENT;
	if (rc == OK)
		give_handle(handle, value, in->len);
	return rc;
}

EXPORT int SDF_ImportKey(void *s, unsigned char *in, unsigned len, void **handle);
EXPORT int SDF_ImportKey(void *s, unsigned char *in, unsigned len, void **handle)
{
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		give_handle(handle, in, len <= 32 ? len : 32);
	memset(in, 0xff, len);
	return rc;
}

EXPORT int SDF_DestroyKey(void *s, void *handle);
EXPORT int SDF_DestroyKey(void *s, void *handle)
{
	(void)s;
	free(handle);
	fake.handles = atomic_fetch_sub(&handles, 1) - 1;
	return OK;
}

EXPORT int SDF_GenerateKeyPair_ECC(void *s, unsigned alg, unsigned bits, struct public *public, struct private *private);
EXPORT int SDF_GenerateKeyPair_ECC(void *s, unsigned alg, unsigned bits, struct public *public, struct private *private)
{
	struct sm2_private key;
	uint8_t d[32] = {0};
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	d[31] = 77;
	if (bits != 256 || sm2_private_init(&key, d) != SM2_OK)
		return ARGUMENT;
	fake.alg = alg;
	public->bits = private->bits = 256;
	put_point(&public->x, &public->y, key.point);
	put(&private->k, d);
	overrun(public + 1);
	overrun(private + 1);
	return OK;
}

/* Of no edition: indexes 8 and 9 are free. */
EXPORT int FAKE_MakePair(void *s, unsigned index, unsigned usage, struct public *out);
EXPORT int FAKE_MakePair(void *s, unsigned index, unsigned usage, struct public *out)
{
	fake.usage = usage;
	if (index != 8)
		return BAD + 0x15;
	return SDF_ExportSignPublicKey_ECC(s, 1, out);
}

EXPORT int FAKE_ImportPair(void *s, unsigned index, unsigned usage, struct private *in);
EXPORT int FAKE_ImportPair(void *s, unsigned index, unsigned usage, struct private *in)
{
	(void)s;
	fake.usage = usage;
	return index == 9 && in->bits == 256 && in->k.value[31] == 77 ? begin() : BAD + 0x15;
}

/* -- 6.4 --------------------------------------------------------------------------------------------- */

#if FAKE_RSA_ARGS == 7
EXPORT int SDF_InternalPrivateKeyOperation_RSA(void *s, unsigned index, unsigned usage, unsigned char *in, unsigned len,
                                               unsigned char *out, unsigned *out_len);
EXPORT int SDF_InternalPrivateKeyOperation_RSA(void *s, unsigned index, unsigned usage, unsigned char *in, unsigned len,
                                               unsigned char *out, unsigned *out_len)
#else
EXPORT int SDF_InternalPrivateKeyOperation_RSA(void *s, unsigned index, unsigned char *in, unsigned len, unsigned char *out,
                                               unsigned *out_len);
EXPORT int SDF_InternalPrivateKeyOperation_RSA(void *s, unsigned index, unsigned char *in, unsigned len, unsigned char *out,
                                               unsigned *out_len)
#endif
{
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK || index != 3)
		return rc ? rc : NO_KEY;
#if FAKE_RSA_ARGS == 7
	fake.usage = usage;
#endif
	for (unsigned i = 0; i < len; i++)
		out[i] = in[i] ^ 0xff; /* no RSA, but nothing else gives it */
	overrun(out + len);
	give_len(out_len, len);
	return OK;
}

static int verify(const uint8_t *point, const unsigned char *e, const struct signature *in)
{
	struct sm2_public key;
	uint8_t sig[64];
	get_point(&in->r, &in->s, sig);
	if (sm2_public_init(&key, point) != SM2_OK)
		return ARGUMENT;
	return sm2_verify(&key, e, sig) == SM2_OK ? OK : VERIFICATION;
}

EXPORT int SDF_ExternalVerify_ECC(void *s, unsigned alg, struct public *key, unsigned char *e, unsigned len, struct signature *sig);
EXPORT int SDF_ExternalVerify_ECC(void *s, unsigned alg, struct public *key, unsigned char *e, unsigned len, struct signature *sig)
{
	uint8_t point[64];
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK || len != 32 || key->bits != 256)
		return rc ? rc : ARGUMENT;
	fake.alg = alg;
	get_point(&key->x, &key->y, point);
	return verify(point, e, sig);
}

EXPORT int SDF_InternalVerify_ECC(void *s, unsigned index, unsigned char *e, unsigned len, struct signature *sig);
EXPORT int SDF_InternalVerify_ECC(void *s, unsigned index, unsigned char *e, unsigned len, struct signature *sig)
{
	struct sm2_private key;
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = len == 32 ? find_pair(index, 1, &key) : ARGUMENT;
	return rc ? rc : verify(key.point, e, sig);
}

EXPORT int SDF_ExternalEncrypt_ECC(void *s, unsigned alg, struct public *to, unsigned char *in, unsigned len, struct cipher *out);
EXPORT int SDF_ExternalEncrypt_ECC(void *s, unsigned alg, struct public *to, unsigned char *in, unsigned len, struct cipher *out)
{
	struct sm2_public key;
	uint8_t point[64], raw[97 + 1024];
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	fake.alg = alg;
	get_point(&to->x, &to->y, point);
	if (len > 1024 || sm2_public_init(&key, point) != SM2_OK || sm2_encrypt(&key, in, len, &random_source, raw) != SM2_OK)
		return ARGUMENT;
	put_cipher(out, raw, len);
	return OK;
}

#if FAKE_ARGS == 6
EXPORT int SDF_InternalDecrypt_ECC(void *s, unsigned index, unsigned alg, struct cipher *in, unsigned char *out, unsigned *len);
EXPORT int SDF_InternalDecrypt_ECC(void *s, unsigned index, unsigned alg, struct cipher *in, unsigned char *out, unsigned *len)
#else
EXPORT int SDF_InternalDecrypt_ECC(void *s, unsigned index, struct cipher *in, unsigned char *out, unsigned *len);
EXPORT int SDF_InternalDecrypt_ECC(void *s, unsigned index, struct cipher *in, unsigned char *out, unsigned *len)
#endif
{
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc == OK)
		rc = in->len <= 1024 ? decrypt(s, index, in, out) : ARGUMENT;
	if (rc != OK)
		return rc;
#if FAKE_ARGS == 6
	fake.alg = alg;
#endif
	overrun(out + in->len);
	give_len(len, in->len);
	return OK;
}

/* -- 6.5 and 6.6 ----------------------------------------------------------------------------------------- */

static int crypt_data(const struct key *handle, unsigned alg, unsigned char *iv, const unsigned char *in, unsigned len, unsigned char *out,
                 bool encrypt)
{
	struct sm4_key key;
	sm4_key_init(&key, handle->value);
	if ((alg & 3) && len % 16)
		return ARGUMENT;
	switch (alg ^ FAKE_IDS) {
	case 1:
		(encrypt ? sm4_ecb_encrypt : sm4_ecb_decrypt)(&key, in, out, len / 16);
		return OK;
	case 2:
		(encrypt ? sm4_cbc_encrypt : sm4_cbc_decrypt)(&key, iv, in, out, len / 16);
		return OK;
	case 4:
		(encrypt ? sm4_cfb128_encrypt : sm4_cfb128_decrypt)(&key, iv, in, out, len);
		return OK;
	case 8:
		sm4_ofb(&key, iv, in, out, len);
		return OK;
	case 0x20:
		sm4_ctr(&key, iv, 128, in, out, len);
		return OK;
	default:
		return NO_ALG;
	}
}

static int crypt_call(void *handle, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len, unsigned char *out,
                      unsigned *out_len, bool encrypt)
{
	unsigned char kept[16] = {0};
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	if (iv)
		memcpy(kept, iv, 16);
	fake.longest_data = len > fake.longest_data ? len : fake.longest_data;
	rc = crypt_data(handle, alg, kept, in, len, out, encrypt);
	if (iv && !fake.keep_iv)
		memcpy(iv, kept, 16);
	memset(in, 0xee, len);
	overrun(out + len);
	give_len(out_len, len);
	return rc;
}

EXPORT int SDF_Encrypt(void *s, void *key, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len, unsigned char *out,
                       unsigned *out_len);
EXPORT int SDF_Encrypt(void *s, void *key, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len, unsigned char *out,
                       unsigned *out_len)
{
	(void)s;
	return crypt_call(key, alg, iv, in, len, out, out_len, true);
}

EXPORT int SDF_Decrypt(void *s, void *key, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len, unsigned char *out,
                       unsigned *out_len);
EXPORT int SDF_Decrypt(void *s, void *key, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len, unsigned char *out,
                       unsigned *out_len)
{
	(void)s;
	return crypt_call(key, alg, iv, in, len, out, out_len, false);
}

EXPORT int SDF_CalculateMAC(void *s, void *handle, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len,
                            unsigned char *mac, unsigned *mac_len);
EXPORT int SDF_CalculateMAC(void *s, void *handle, unsigned alg, unsigned char *iv, unsigned char *in, unsigned len,
                            unsigned char *mac, unsigned *mac_len)
{
	struct sm4_key key;
	(void)s;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK || alg != (FAKE_IDS | 0x10) || len % 16)
		return rc ? rc : NO_ALG;
	sm4_key_init(&key, ((struct key *)handle)->value);
	memcpy(mac, iv, 16);
	sm4_cbc_mac(&key, mac, in, len / 16);
	overrun(mac + 16);
	give_len(mac_len, 16);
	return OK;
}

EXPORT int SDF_AuthEnc(void *s, void *handle, unsigned alg, unsigned char *iv, unsigned iv_len, unsigned char *aad, unsigned aad_len,
                       unsigned char *in, unsigned len, unsigned char *out, unsigned *out_len, unsigned char *tag,
                       unsigned *tag_len);
EXPORT int SDF_AuthEnc(void *s, void *handle, unsigned alg, unsigned char *iv, unsigned iv_len, unsigned char *aad, unsigned aad_len,
                       unsigned char *in, unsigned len, unsigned char *out, unsigned *out_len, unsigned char *tag,
                       unsigned *tag_len)
{
	struct sm4_key key;
	(void)s;
	fake.alg = alg;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	sm4_key_init(&key, ((struct key *)handle)->value);
	if (!sm4_gcm_seal(&key, iv, iv_len, aad, aad_len, in, len, out, tag, *tag_len))
		return ARGUMENT;
	overrun(out + len);
	overrun(tag + *tag_len);
	give_len(out_len, len);
	return OK;
}

EXPORT int SDF_AuthDec(void *s, void *handle, unsigned alg, unsigned char *iv, unsigned iv_len, unsigned char *aad, unsigned aad_len,
                       unsigned char *tag, unsigned *tag_len, unsigned char *in, unsigned len, unsigned char *out,
                       unsigned *out_len);
EXPORT int SDF_AuthDec(void *s, void *handle, unsigned alg, unsigned char *iv, unsigned iv_len, unsigned char *aad, unsigned aad_len,
                       unsigned char *tag, unsigned *tag_len, unsigned char *in, unsigned len, unsigned char *out,
                       unsigned *out_len)
{
	struct sm4_key key;
	(void)s;
	fake.alg = alg;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK)
		return rc;
	sm4_key_init(&key, ((struct key *)handle)->value);
	if (!sm4_gcm_open(&key, iv, iv_len, aad, aad_len, in, len, out, tag, *tag_len))
		return MAC;
	give_len(out_len, len);
	return OK;
}

EXPORT int SDF_HMACInit(void *s, void *handle, unsigned alg);
EXPORT int SDF_HMACInit(void *s, void *handle, unsigned alg)
{
	struct sm3_hmac_key key;
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK || alg != 1)
		return rc ? rc : NO_ALG;
	sm3_hmac_key_init(&key, ((struct key *)handle)->value, ((struct key *)handle)->len);
	sm3_hmac_init(&((struct session *)s)->hmac, &key);
	return OK;
}

EXPORT int SDF_HMACUpdate(void *s, unsigned char *in, unsigned len);
EXPORT int SDF_HMACUpdate(void *s, unsigned char *in, unsigned len)
{
	fake.longest_data = len > fake.longest_data ? len : fake.longest_data;
	sm3_hmac_update(&((struct session *)s)->hmac, in, len);
	return begin();
}

EXPORT int SDF_HMACFinal(void *s, unsigned char *mac, unsigned *len);
EXPORT int SDF_HMACFinal(void *s, unsigned char *mac, unsigned *len)
{
	if (fake.mute)
		return begin();
	sm3_hmac_final(&((struct session *)s)->hmac, mac);
	overrun(mac + 32);
	give_len(len, 32);
	return begin();
}

EXPORT int SDF_HashInit(void *s, unsigned alg, struct public *key, unsigned char *id, unsigned id_len);
EXPORT int SDF_HashInit(void *s, unsigned alg, struct public *key, unsigned char *id, unsigned id_len)
{
	int rc = begin();
	if (rc == OK && fake.mute)
		return OK;
	if (rc != OK || alg != 1 || key || id || id_len)
		return rc ? rc : ARGUMENT;
	sm3_init(&((struct session *)s)->hash);
	return OK;
}

EXPORT int SDF_HashUpdate(void *s, unsigned char *in, unsigned len);
EXPORT int SDF_HashUpdate(void *s, unsigned char *in, unsigned len)
{
	sm3_update(&((struct session *)s)->hash, in, len);
	return begin();
}

EXPORT int SDF_HashFinal(void *s, unsigned char *digest, unsigned *len);
EXPORT int SDF_HashFinal(void *s, unsigned char *digest, unsigned *len)
{
	if (fake.mute)
		return begin();
	sm3_final(&((struct session *)s)->hash, digest);
	give_len(len, 32);
	return begin();
}

#endif
