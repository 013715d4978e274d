/* SPDX-License-Identifier: Apache-2.0 */
/* The card that is none: its keys lie in this process's heap. */
#include "card.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define NONCE_LEN 12
#define TAG_LEN 16
_Static_assert(CARD_SEAL_LEN == 1 + NONCE_LEN + TAG_LEN, "the parts of a copy");

struct card_key {
	struct card_key *next, **link; /* in card->keys */
	enum card_kind kind;
	uint8_t value[32];
	EVP_PKEY *pair;
};

struct card {
	OSSL_LIB_CTX *lib;
	EVP_CIPHER *seal, *ecb, *cbc;
	EC_GROUP *curve;
	uint8_t secret[CARD_SECRET_LEN];
	pthread_mutex_t lock;
	struct card_key *keys;
	unsigned sessions;
};

struct card_session {
	struct card *card;
	EVP_CIPHER_CTX *cipher;
};

static size_t value_len(enum card_kind kind)
{
	return kind == CARD_SM4 ? CARD_SM4_LEN : CARD_SM2_LEN;
}

/* -- connections and sessions ------------------------------------------------------- */

/*
 * A context of libcrypto's of our own: the process that we are loaded into has
 * settings in the usual one. Never freed, since libcrypto looks into it when a
 * thread ends that drew random numbers, whenever that is; and a forked child has
 * another one, since a thread that it does not have may have held its locks.
 */
static OSSL_LIB_CTX *library(void)
{
	struct library {
		pid_t owner;
		OSSL_LIB_CTX *lib;
	} *mine;
	static struct library *_Atomic shared;
	struct library *found = atomic_load(&shared);

	if (found && found->owner == getpid())
		return found->lib;
	mine = OPENSSL_zalloc(sizeof(*mine));
	if (!mine || !(mine->lib = OSSL_LIB_CTX_new())) {
		OPENSSL_free(mine);
		return NULL;
	}
	mine->owner = getpid();
	if (atomic_compare_exchange_strong(&shared, &found, mine))
		return mine->lib;
	OSSL_LIB_CTX_free(mine->lib);
	OPENSSL_free(mine);
	return found->lib;
}

static void key_free(struct card_key *key)
{
	EVP_PKEY_free(key->pair);
	OPENSSL_clear_free(key, sizeof(*key));
}

void card_disconnect(struct card *card)
{
	struct card_key *next;

	for (struct card_key *key = card->keys; key; key = next) {
		next = key->next;
		key_free(key);
	}
	EC_GROUP_free(card->curve);
	EVP_CIPHER_free(card->seal);
	EVP_CIPHER_free(card->ecb);
	EVP_CIPHER_free(card->cbc);
	pthread_mutex_destroy(&card->lock);
	OPENSSL_clear_free(card, sizeof(*card));
}

enum card_status card_connect(const uint8_t secret[CARD_SECRET_LEN], struct card **out)
{
	struct card *card = OPENSSL_zalloc(sizeof(*card));

	if (!card)
		return CARD_NO_MEMORY;
	pthread_mutex_init(&card->lock, NULL);
	memcpy(card->secret, secret, sizeof(card->secret));
	card->lib = library();
	if (!card->lib) {
		card_disconnect(card);
		return CARD_NO_MEMORY;
	}
	card->seal = EVP_CIPHER_fetch(card->lib, "AES-256-GCM", NULL);
	card->ecb = EVP_CIPHER_fetch(card->lib, "SM4-ECB", NULL);
	card->cbc = EVP_CIPHER_fetch(card->lib, "SM4-CBC", NULL);
	card->curve = EC_GROUP_new_by_curve_name_ex(card->lib, NULL, NID_sm2);
	if (!card->seal || !card->ecb || !card->cbc || !card->curve) {
		card_disconnect(card);
		return CARD_FAILED;
	}
	*out = card;
	return CARD_OK;
}

enum card_status card_group(struct card *card, uint8_t group[16])
{
	static const uint8_t label[] = "group of cards";
	uint8_t mac[32];
	size_t len;

	if (!EVP_Q_mac(card->lib, "HMAC", NULL, "SHA256", NULL, card->secret, sizeof(card->secret), label, sizeof(label), mac,
	               sizeof(mac), &len))
		return CARD_FAILED;
	memcpy(group, mac, 16);
	return CARD_OK;
}

static bool take_place(struct card *card)
{
	pthread_mutex_lock(&card->lock);
	bool had = card->sessions < CARD_SESSIONS;
	card->sessions += had;
	pthread_mutex_unlock(&card->lock);
	return had;
}

static void leave_place(struct card *card)
{
	pthread_mutex_lock(&card->lock);
	card->sessions--;
	pthread_mutex_unlock(&card->lock);
}

enum card_status card_begin(struct card *card, struct card_session **out)
{
	if (!take_place(card))
		return CARD_SESSIONS_USED_UP;
	struct card_session *session = OPENSSL_zalloc(sizeof(*session));
	if (session && (session->cipher = EVP_CIPHER_CTX_new()) != NULL) {
		session->card = card;
		*out = session;
		return CARD_OK;
	}
	OPENSSL_free(session);
	leave_place(card);
	return CARD_NO_MEMORY;
}

void card_end(struct card_session *session)
{
	leave_place(session->card);
	EVP_CIPHER_CTX_free(session->cipher);
	OPENSSL_free(session);
}

/* -- sealed: kind || nonce || ciphertext || tag; the kind is authenticated ----------- */

static bool seal(struct card_session *s, enum card_kind kind, const uint8_t *value, uint8_t *copy)
{
	uint8_t *nonce = copy + 1, *text = nonce + NONCE_LEN, *tag = text + value_len(kind);
	int n;

	copy[0] = (uint8_t)kind;
	return RAND_bytes_ex(s->card->lib, nonce, NONCE_LEN, 0) == 1 &&
	       EVP_EncryptInit_ex2(s->cipher, s->card->seal, s->card->secret, nonce, NULL) &&
	       EVP_EncryptUpdate(s->cipher, NULL, &n, copy, 1) &&
	       EVP_EncryptUpdate(s->cipher, text, &n, value, (int)value_len(kind)) && EVP_EncryptFinal_ex(s->cipher, tag, &n) &&
	       EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag);
}

static bool unseal(struct card_session *s, enum card_kind kind, const uint8_t *copy, size_t len, uint8_t *value)
{
	const uint8_t *nonce = copy + 1, *text = nonce + NONCE_LEN, *tag = text + value_len(kind);
	int n;

	return len == CARD_SEAL_LEN + value_len(kind) && copy[0] == kind &&
	       EVP_DecryptInit_ex2(s->cipher, s->card->seal, s->card->secret, nonce, NULL) &&
	       EVP_DecryptUpdate(s->cipher, NULL, &n, copy, 1) &&
	       EVP_DecryptUpdate(s->cipher, value, &n, text, (int)value_len(kind)) &&
	       EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, (void *)(uintptr_t)tag) &&
	       EVP_DecryptFinal_ex(s->cipher, value + value_len(kind), &n);
}

/* -- keys ------------------------------------------------------------------------------ */

/* GB/T 32918.1 6.1: 1 <= d <= n - 2. */
static bool is_private(struct card *card, const BIGNUM *d)
{
	BIGNUM *last = BN_dup(EC_GROUP_get0_order(card->curve));
	bool is = last && BN_sub_word(last, 1) && !BN_is_zero(d) && BN_cmp(d, last) < 0;

	BN_free(last);
	return is;
}

static enum card_status point_of(struct card *card, const uint8_t value[CARD_SM2_LEN], uint8_t point[CARD_POINT_LEN])
{
	BN_CTX *bn = BN_CTX_secure_new_ex(card->lib);
	BIGNUM *d = BN_secure_new();
	EC_POINT *p = EC_POINT_new(card->curve);
	uint8_t encoded[65];
	enum card_status status = CARD_FAILED;

	if (bn && d && p && BN_bin2bn(value, 32, d) && !is_private(card, d))
		status = CARD_WRONG_VALUE;
	else if (bn && d && p && EC_POINT_mul(card->curve, p, d, NULL, NULL, bn) &&
	         EC_POINT_point2oct(card->curve, p, POINT_CONVERSION_UNCOMPRESSED, encoded, sizeof(encoded), bn) == sizeof(encoded))
		status = CARD_OK;
	if (status == CARD_OK)
		memcpy(point, encoded + 1, CARD_POINT_LEN);
	EC_POINT_free(p);
	BN_clear_free(d);
	BN_CTX_free(bn);
	return status;
}

/* The chance that a random value is none of a key is 2^-32. */
enum card_status card_make(struct card_session *s, enum card_kind kind, const uint8_t *value, uint8_t *copy,
                           uint8_t point[CARD_POINT_LEN])
{
	uint8_t own[32] = {0};
	enum card_status status = CARD_OK;

	if (value)
		memcpy(own, value, value_len(kind));
	else if (RAND_priv_bytes_ex(s->card->lib, own, value_len(kind), 0) != 1)
		status = CARD_FAILED;
	if (status == CARD_OK && kind == CARD_SM2)
		status = point_of(s->card, own, point);
	if (status == CARD_OK && !seal(s, kind, own, copy))
		status = CARD_FAILED;
	OPENSSL_cleanse(own, sizeof(own));
	return status;
}

static bool make_pair(struct card *card, struct card_key *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(card->lib, "SM2", NULL);
	char curve[] = "SM2";
	uint8_t native[32];
	/* Numbers of OSSL_PARAM are in this machine's order. */
	BIGNUM *d = BN_secure_new();
	bool made = ctx && d && BN_bin2bn(key->value, 32, d) && BN_bn2nativepad(d, native, 32) == 32;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve) - 1),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof(native)),
		OSSL_PARAM_END,
	};

	made = made && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key->pair, EVP_PKEY_KEYPAIR, params) == 1;
	OPENSSL_cleanse(native, sizeof(native));
	BN_clear_free(d);
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static void link_key(struct card *card, struct card_key *key)
{
	pthread_mutex_lock(&card->lock);
	key->next = card->keys;
	key->link = &card->keys;
	if (key->next)
		key->next->link = &key->next;
	card->keys = key;
	pthread_mutex_unlock(&card->lock);
}

enum card_status card_load(struct card_session *s, enum card_kind kind, const uint8_t *copy, size_t copy_len, struct card_key **out)
{
	struct card_key *key = OPENSSL_zalloc(sizeof(*key));

	if (!key)
		return CARD_NO_MEMORY;
	key->kind = kind;
	enum card_status status = unseal(s, kind, copy, copy_len, key->value) ? CARD_OK : CARD_WRONG_COPY;
	if (status == CARD_OK && kind == CARD_SM2 && !make_pair(s->card, key))
		status = CARD_FAILED;
	if (status != CARD_OK) {
		key_free(key);
		return status;
	}
	link_key(s->card, key);
	*out = key;
	return CARD_OK;
}

void card_unload(struct card_session *s, struct card_key *key)
{
	pthread_mutex_lock(&s->card->lock);
	*key->link = key->next;
	if (key->next)
		key->next->link = key->link;
	pthread_mutex_unlock(&s->card->lock);
	key_free(key);
}

/* -- operations --------------------------------------------------------------------------- */

enum card_status card_random(struct card_session *s, uint8_t *out, size_t len)
{
	return RAND_bytes_ex(s->card->lib, out, len, 0) == 1 ? CARD_OK : CARD_FAILED;
}

enum card_status card_sm4(struct card_session *s, struct card_key *key, bool encrypt, const uint8_t *iv, const uint8_t *in, size_t len,
                          uint8_t *out)
{
	int n;

	if (len > CARD_DATA_MAX || len % 16 || key->kind != CARD_SM4)
		return CARD_FAILED;
	return EVP_CipherInit_ex2(s->cipher, iv ? s->card->cbc : s->card->ecb, key->value, iv, encrypt, NULL) &&
	       EVP_CIPHER_CTX_set_padding(s->cipher, 0) && EVP_CipherUpdate(s->cipher, out, &n, in, (int)len) && (size_t)n == len ?
		CARD_OK : CARD_FAILED;
}

/* libcrypto signs what it is given, without Z, and gives the DER of r and s. */
enum card_status card_sign(struct card_session *s, struct card_key *key, const uint8_t e[32], uint8_t sig[64])
{
	EVP_PKEY_CTX *ctx = key->pair ? EVP_PKEY_CTX_new_from_pkey(s->card->lib, key->pair, NULL) : NULL;
	uint8_t der[80];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *rs = NULL;

	if (ctx && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &len, e, 32) == 1)
		rs = d2i_ECDSA_SIG(NULL, &p, (long)len);
	bool signed_it = rs && BN_bn2binpad(ECDSA_SIG_get0_r(rs), sig, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(rs), sig + 32, 32) == 32;
	ECDSA_SIG_free(rs);
	EVP_PKEY_CTX_free(ctx);
	return signed_it ? CARD_OK : CARD_FAILED;
}
