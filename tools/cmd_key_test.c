/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu key test: what the key does in the token must hold outside it. Public
 * keys are taken out and libcrypto judges; secret keys go there and back, and
 * their check value must agree with what they encrypt.
 */
#include "tools/mechanism.h"
#include "tools/pubkey.h"
#include "tools/report.h"
#include "tools/template.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>
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

/* How a type of key signs, and libcrypto's words for that. */
static const struct scheme {
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE mech;
	const char *digest;
	const unsigned char *id;
	size_t id_len;
} schemes[] = {
	{CKK_HUFU_SM2, CKM_HUFU_SM2_SM3_DER, "SM3", sm2_default_id, sizeof sm2_default_id - 1},
	{CKK_RSA, CKM_SHA256_RSA_PKCS, "SHA256", NULL, 0},
	{CKK_EC, CKM_ECDSA, "SHA256", NULL, 0},
	{CKK_EC_EDWARDS, CKM_EDDSA, NULL, NULL, 0},
};

static const struct scheme *scheme_of(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (schemes[i].type == type)
			return &schemes[i];
	return NULL;
}

static int libcrypto_verifies(const struct test *t, const struct scheme *scheme, const unsigned char *sig, size_t len)
{
	return pubkey_verify(t->public_key, scheme->digest, scheme->id, scheme->id_len, sig, len, t->message, MESSAGE_LEN);
}

/* The token signs, libcrypto verifies; a changed message must not. */
static enum status test_signature(struct test *t)
{
	const struct scheme *scheme = scheme_of(t->key->kind->type);
	unsigned char sig[2048], digest[32], *data = t->message, *der = NULL;
	CK_ULONG len = sizeof sig;
	size_t data_len = MESSAGE_LEN, der_len;

	if (!scheme || object_flag(t->s, t->key->handle, CKA_SIGN) == 0)
		return ST_OK;
	CK_MECHANISM mech = {scheme->mech, NULL, 0};
	bool ecdsa = scheme->mech == CKM_ECDSA;
	if (ecdsa) {
		EVP_Digest(t->message, MESSAGE_LEN, digest, NULL, EVP_sha256(), NULL);
		data = digest;
		data_len = sizeof digest;
	}
	CK_RV rv = sign(t, &mech, data, data_len, sig, &len);
	if (rv != CKR_OK)
		return fail_rv(rv, "signing with the key");
	if (ecdsa && (der = signature_to_der(sig, len, &der_len))) {
		memcpy(sig, der, der_len);
		len = der_len;
	}
	OPENSSL_free(der);
	int good = libcrypto_verifies(t, scheme, sig, len);
	t->message[0] ^= 1;
	int bad = libcrypto_verifies(t, scheme, sig, len);
	t->message[0] ^= 1;
	t->ran++;
	return good == 1 && bad == 0 ? ST_OK : differ(t, "libcrypto does not accept the signature");
}

/* RSA by OAEP with SHA-1, which every module has. */
static bool libcrypto_encrypts(const struct test *t, unsigned char *cipher, size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, t->public_key, NULL);
	bool rsa = t->key->kind->type == CKK_RSA;
	bool made = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
	            (!rsa || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0) &&
	            EVP_PKEY_encrypt(ctx, cipher, len, t->message, MESSAGE_LEN) > 0;

	EVP_PKEY_CTX_free(ctx);
	return made;
}

/* libcrypto encrypts to the public key, the token decrypts. */
static enum status test_decryption(struct test *t)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = CKM_SHA_1, .mgf = CKG_MGF1_SHA1, .source = CKZ_DATA_SPECIFIED};
	CK_MECHANISM mech = {CKM_HUFU_SM2_ENC_DER, NULL, 0};
	CK_KEY_TYPE type = t->key->kind->type;
	unsigned char cipher[2048], plain[2048];
	size_t len = sizeof cipher;
	CK_ULONG plain_len = sizeof plain;

	if (type == CKK_RSA)
		mech = (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
	if ((type != CKK_HUFU_SM2 && type != CKK_RSA) || object_flag(t->s, t->key->handle, CKA_DECRYPT) == 0)
		return ST_OK;
	if (!libcrypto_encrypts(t, cipher, &len))
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

/* -- key agreement ------------------------------------------------------------ */

struct agreement {
	EVP_PKEY *peer;
	unsigned char *peer_point;      /* libcrypto's */
	size_t peer_point_len, secret_len;
	unsigned char secret[80];       /* what libcrypto computes; the peer lives for this test only */
};

/* A peer on the key's curve, and what the two have in common. */
static bool libcrypto_agrees(const struct test *t, struct agreement *a)
{
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_pkey(NULL, t->public_key, NULL), *derive = NULL;

	a->secret_len = sizeof a->secret;
	bool made = make && EVP_PKEY_keygen_init(make) > 0 && EVP_PKEY_keygen(make, &a->peer) > 0;
	derive = made ? EVP_PKEY_CTX_new_from_pkey(NULL, a->peer, NULL) : NULL;
	made = derive && EVP_PKEY_derive_init(derive) > 0 && EVP_PKEY_derive_set_peer(derive, t->public_key) > 0 &&
	       EVP_PKEY_derive(derive, a->secret, &a->secret_len) > 0;
	a->peer_point_len = made ? EVP_PKEY_get1_encoded_public_key(a->peer, &a->peer_point) : 0;
	EVP_PKEY_CTX_free(make);
	EVP_PKEY_CTX_free(derive);
	return a->peer_point_len > 0;
}

/* As a session object that may be read. */
static CK_RV token_agrees(const struct test *t, struct agreement *a, CK_OBJECT_HANDLE *h)
{
	CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, a->peer_point_len, a->peer_point};
	CK_MECHANISM mech = {CKM_ECDH1_DERIVE, &params, sizeof params};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = a->secret_len;
	struct template secret = {.n = 0};

	template_add(&secret, CKA_CLASS, &class, sizeof class);
	template_add(&secret, CKA_KEY_TYPE, &type, sizeof type);
	template_add(&secret, CKA_VALUE_LEN, &len, sizeof len);
	template_flag(&secret, CKA_TOKEN, false);
	template_flag(&secret, CKA_SENSITIVE, false);
	template_flag(&secret, CKA_EXTRACTABLE, true);
	return t->s->f->C_DeriveKey(t->s->handle, &mech, t->key->handle, secret.attrs, secret.n, h);
}

/* libcrypto makes the other side; both must come to the same secret. */
static enum status test_agreement(struct test *t)
{
	CK_KEY_TYPE type = t->key->kind->type;
	struct agreement a = {.peer = NULL};
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG len = 0;
	enum status status = ST_OK;

	if ((type != CKK_EC && type != CKK_EC_MONTGOMERY) || object_flag(t->s, t->key->handle, CKA_DERIVE) != 1)
		return ST_OK;
	if (!libcrypto_agrees(t, &a))
		status = fail(ST_UNAVAILABLE, NULL, "libcrypto makes no peer for the key: %s", libcrypto_error());
	CK_RV rv = status == ST_OK ? token_agrees(t, &a, &h) : CKR_OK;
	if (rv != CKR_OK)
		status = fail_rv(rv, "agreeing on a secret with the key");
	unsigned char *value = h ? object_attribute(t->s, h, CKA_VALUE, &len) : NULL;
	if (status == ST_OK && (!value || len != a.secret_len || memcmp(value, a.secret, len)))
		status = differ(t, "libcrypto's peer comes to another secret than that");
	t->ran += status == ST_OK;
	if (h)
		t->s->f->C_DestroyObject(t->s->handle, h);
	free(value);
	OPENSSL_free(a.peer_point);
	EVP_PKEY_free(a.peer);
	return status;
}

/* -- secret keys ---------------------------------------------------------------- */

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
	CK_MECHANISM mech = {t->key->kind->mac, NULL, 0};
	unsigned char mac[64];
	CK_ULONG len = sizeof mac;
	CK_FUNCTION_LIST *f = t->s->f;

	if (object_flag(t->s, t->key->handle, CKA_SIGN) != 1 || object_flag(t->s, t->key->handle, CKA_VERIFY) != 1)
		return ST_OK;
	if (t->key->kind->type == CKK_GENERIC_SECRET && !module_offers(&t->s->module, t->s->slot.id, mech.mechanism, CKF_SIGN))
		mech.mechanism = CKM_SHA256_HMAC;
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
		if (status == ST_OK)
			status = test_decryption(t);
		return status ? status : test_agreement(t);
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
