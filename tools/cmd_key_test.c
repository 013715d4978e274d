/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu key test: what the key does in the token must hold outside it. Public
 * keys are taken out and libcrypto judges; secret keys go there and back, and
 * their check value must agree with what they encrypt.
 */
#include "tools/mechanism.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char sm2_default_id[] = "1234567812345678";
#define MESSAGE_LEN 80

struct test {
	const struct session *s;
	const struct object *key;   /* private or secret */
	EVP_PKEY *public_key;       /* of a pair */
	unsigned char message[MESSAGE_LEN];
	unsigned ran;
};

static enum status differ(const struct test *t, const char *what)
{
	return fail(ST_INTEGRITY, "Do not use this key, and look at the module's log.", "%s of the key on token \"%s\"", what,
	            t->s->label);
}

static CK_RV sign(const struct test *t, CK_MECHANISM *mech, unsigned char *data, size_t len, unsigned char *sig, CK_ULONG *sig_len)
{
	CK_RV rv = t->s->f->C_SignInit(t->s->handle, mech, t->key->handle);

	return rv == CKR_OK ? t->s->f->C_Sign(t->s->handle, data, len, sig, sig_len) : rv;
}

/* The token signs, libcrypto verifies; a changed message must not. */
static enum status test_signature(struct test *t)
{
	CK_KEY_TYPE type = t->key->kind->type;
	CK_MECHANISM mech = {type == CKK_HUFU_SM2 ? CKM_HUFU_SM2_SM3_DER
	                     : type == CKK_RSA    ? CKM_SHA256_RSA_PKCS
	                                          : CKM_ECDSA,
	                     NULL, 0};
	unsigned char sig[2048], digest[32], *data = t->message, *der = NULL;
	CK_ULONG len = sizeof sig;
	size_t data_len = MESSAGE_LEN, der_len;
	bool sm2 = type == CKK_HUFU_SM2;

	if (object_flag(t->s, t->key->handle, CKA_SIGN) == 0)
		return ST_OK;
	if (type == CKK_EC) {
		EVP_Digest(t->message, MESSAGE_LEN, digest, NULL, EVP_sha256(), NULL);
		data = digest;
		data_len = sizeof digest;
	}
	CK_RV rv = sign(t, &mech, data, data_len, sig, &len);
	if (rv != CKR_OK)
		return fail_rv(rv, "signing with the key");
	if (type == CKK_EC && (der = signature_to_der(sig, len, &der_len))) {
		memcpy(sig, der, der_len);
		len = der_len;
	}
	OPENSSL_free(der);
	int good = pubkey_verify(t->public_key, sm2 ? "SM3" : "SHA256", sm2 ? sm2_default_id : NULL, sm2 ? 16 : 0, sig, len,
	                         t->message, MESSAGE_LEN);
	t->message[0] ^= 1;
	int bad = pubkey_verify(t->public_key, sm2 ? "SM3" : "SHA256", sm2 ? sm2_default_id : NULL, sm2 ? 16 : 0, sig, len,
	                        t->message, MESSAGE_LEN);
	t->message[0] ^= 1;
	t->ran++;
	return good == 1 && bad == 0 ? ST_OK : differ(t, "libcrypto does not accept the signature");
}

/* libcrypto encrypts to the public key, the token decrypts. */
static enum status test_decryption(struct test *t)
{
	CK_MECHANISM mech = {CKM_HUFU_SM2_ENC_DER, NULL, 0};
	unsigned char cipher[512], plain[512];
	size_t len = sizeof cipher;
	CK_ULONG plain_len = sizeof plain;
	EVP_PKEY_CTX *ctx;

	if (t->key->kind->type != CKK_HUFU_SM2 || object_flag(t->s, t->key->handle, CKA_DECRYPT) == 0)
		return ST_OK;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, t->public_key, NULL);
	bool made = ctx && EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_encrypt(ctx, cipher, &len, t->message, MESSAGE_LEN) > 0;
	EVP_PKEY_CTX_free(ctx);
	if (!made)
		return fail(ST_UNAVAILABLE, NULL, "libcrypto does not encrypt to the key: %s", libcrypto_error());
	CK_RV rv = t->s->f->C_DecryptInit(t->s->handle, &mech, t->key->handle);
	if (rv == CKR_OK)
		rv = t->s->f->C_Decrypt(t->s->handle, cipher, len, plain, &plain_len);
	if (rv != CKR_OK)
		return fail_rv(rv, "decrypting with the key");
	t->ran++;
	return plain_len == MESSAGE_LEN && !memcmp(plain, t->message, MESSAGE_LEN)
	               ? ST_OK
	               : differ(t, "libcrypto's ciphertext decrypts to something else");
}

static CK_RV there_and_back(struct test *t, CK_MECHANISM *mech, unsigned char *cipher, CK_ULONG *len, unsigned char *plain,
                            CK_ULONG *plain_len)
{
	CK_FUNCTION_LIST *f = t->s->f;
	CK_RV rv = f->C_EncryptInit(t->s->handle, mech, t->key->handle);

	if (rv == CKR_OK)
		rv = f->C_Encrypt(t->s->handle, t->message, MESSAGE_LEN, cipher, len);
	if (rv == CKR_OK)
		rv = f->C_DecryptInit(t->s->handle, mech, t->key->handle);
	return rv == CKR_OK ? f->C_Decrypt(t->s->handle, cipher, *len, plain, plain_len) : rv;
}

/* The first bytes of a zero block's encryption (4.10.2 of PKCS#11 3.1): a second opinion, made when the key was. */
static enum status test_check_value(struct test *t, CK_MECHANISM_TYPE ecb)
{
	CK_MECHANISM mech = {ecb, NULL, 0};
	unsigned char zero[16] = {0}, out[16];
	CK_ULONG len = sizeof out, kcv_len;
	unsigned char *kcv = object_attribute(t->s, t->key->handle, CKA_CHECK_VALUE, &kcv_len);
	CK_RV rv = kcv ? t->s->f->C_EncryptInit(t->s->handle, &mech, t->key->handle) : CKR_MECHANISM_INVALID;

	if (rv == CKR_OK)
		rv = t->s->f->C_Encrypt(t->s->handle, zero, sizeof zero, out, &len);
	bool same = rv == CKR_OK && kcv_len == 3 && !memcmp(out, kcv, 3);
	free(kcv);
	t->ran += rv == CKR_OK;
	return rv != CKR_OK || same ? ST_OK : differ(t, "the check value does not fit what is encrypted");
}

static enum status test_cipher(struct test *t)
{
	unsigned char iv[16] = {1}, cipher[MESSAGE_LEN + 32], plain[MESSAGE_LEN + 32];
	CK_HUFU_ZUC_PARAMS zuc = {0};
	CK_KEY_TYPE type = t->key->kind->type;
	CK_MECHANISM mech = {type == CKK_AES ? CKM_AES_CBC_PAD : CKM_HUFU_SM4_CBC_PAD, iv, sizeof iv};
	CK_ULONG len = sizeof cipher, plain_len = sizeof plain;

	if (object_flag(t->s, t->key->handle, CKA_ENCRYPT) != 1 || object_flag(t->s, t->key->handle, CKA_DECRYPT) != 1)
		return ST_OK;
	RAND_bytes((unsigned char *)&zuc.ulCount, 4);
	if (type == CKK_HUFU_ZUC)
		mech = (CK_MECHANISM){CKM_HUFU_ZUC_EEA3, &zuc, sizeof zuc};
	RAND_bytes(iv, sizeof iv);
	CK_RV rv = there_and_back(t, &mech, cipher, &len, plain, &plain_len);
	if (rv != CKR_OK)
		return fail_rv(rv, "encrypting and decrypting with the key");
	t->ran++;
	if (plain_len != MESSAGE_LEN || memcmp(plain, t->message, MESSAGE_LEN) || !memcmp(cipher, t->message, MESSAGE_LEN))
		return differ(t, "decryption does not give back what was encrypted");
	return type == CKK_HUFU_ZUC ? ST_OK : test_check_value(t, type == CKK_AES ? CKM_AES_ECB : CKM_HUFU_SM4_ECB);
}

static enum status test_mac(struct test *t)
{
	CK_MECHANISM mech = {t->key->kind->type == CKK_GENERIC_SECRET ? CKM_SHA256_HMAC : CKM_HUFU_SM3_HMAC, NULL, 0};
	unsigned char mac[64];
	CK_ULONG len = sizeof mac;
	CK_FUNCTION_LIST *f = t->s->f;

	if (object_flag(t->s, t->key->handle, CKA_SIGN) != 1 || object_flag(t->s, t->key->handle, CKA_VERIFY) != 1)
		return ST_OK;
	if (!module_offers(&t->s->module, t->s->slot.id, mech.mechanism, CKF_SIGN))
		mech.mechanism = CKM_HUFU_SM3_HMAC;
	CK_RV rv = sign(t, &mech, t->message, MESSAGE_LEN, mac, &len);
	if (rv == CKR_OK)
		rv = f->C_VerifyInit(t->s->handle, &mech, t->key->handle);
	if (rv == CKR_OK)
		rv = f->C_Verify(t->s->handle, t->message, MESSAGE_LEN, mac, len);
	if (rv != CKR_OK)
		return fail_rv(rv, "making and checking a MAC with the key");
	mac[0] ^= 1;
	rv = f->C_VerifyInit(t->s->handle, &mech, t->key->handle);
	if (rv == CKR_OK)
		rv = f->C_Verify(t->s->handle, t->message, MESSAGE_LEN, mac, len);
	t->ran++;
	return rv == CKR_SIGNATURE_INVALID ? ST_OK : differ(t, "a wrong MAC is accepted");
}

static enum status run(struct test *t)
{
	enum status status;

	RAND_bytes(t->message, sizeof t->message);
	if (!t->key->kind)
		return fail(ST_USAGE, NULL, "the tool has no test for keys of this type");
	if (t->key->kind->pair) {
		status = pubkey_of_object(t->s, t->key, &t->public_key);
		if (status == ST_OK)
			status = test_signature(t);
		return status ? status : test_decryption(t);
	}
	return t->key->kind->uses & CKF_ENCRYPT ? test_cipher(t) : test_mac(t);
}

static enum status result(const struct args *args, const struct test *t)
{
	if (t->ran == 0)
		return fail(ST_POLICY, "hufu key show prints what it may do.",
		            "the key's attributes allow nothing that could be tested");
	if (args->json)
		return out_json(json_pack("{s:s,s:b,s:i}", "schema", "hufu-key-test/1", "good", 1, "tests", (int)t->ran));
	printf("The key is good (%u test%s).\n", t->ran, t->ran == 1 ? "" : "s");
	return ST_OK;
}

enum status cmd_key_test(const struct args *args)
{
	struct session s;
	struct object key;
	enum status status = key_open(args, WANT_PRIVATE | WANT_SECRET, &s, &key);
	struct test t = {.s = &s, .key = &key};

	if (status == ST_OK)
		status = run(&t);
	if (status == ST_OK)
		status = result(args, &t);
	EVP_PKEY_free(t.public_key);
	object_clear(&key);
	session_close(&s);
	return status;
}
