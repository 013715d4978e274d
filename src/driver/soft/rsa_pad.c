/* SPDX-License-Identifier: Apache-2.0 */
/* The paddings of RFC 8017. What a private key opened is looked at in constant time. */
#include "driver/soft/rsa.h"

#include "crypto/mechanism.h"

/* -- masks: all ones or all zeros -------------------------------------------- */

#define TOP_BIT (8 * sizeof(size_t) - 1)

/* Keeps the compiler from seeing that there are but two values, and branching on them. */
static size_t opaque(size_t x)
{
	__asm__("" : "+r"(x));
	return x;
}

static size_t mask_zero(size_t x)
{
	return opaque((size_t)0 - ((~x & (x - 1)) >> TOP_BIT));
}

static size_t mask_equal(size_t a, size_t b)
{
	return mask_zero(a ^ b);
}

/* Both below half of what a size_t holds. */
static size_t mask_less(size_t a, size_t b)
{
	return opaque((size_t)0 - ((a - b) >> TOP_BIT));
}

static size_t choose(size_t mask, size_t a, size_t b)
{
	return (mask & a) | (~mask & b);
}

static size_t mask_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (size_t)(a[i] ^ b[i]);
	return mask_zero(differ);
}

/* -- PKCS #1 v1.5 ------------------------------------------------------------- */

#define PKCS1_OVERHEAD 11 /* 00, block type, eight bytes at least, 00 */

enum hufu_err rsa_pad_sign(const struct rsa_key *key, const uint8_t *in, size_t in_len, uint8_t *em)
{
	if (in_len > key->len - PKCS1_OVERHEAD)
		return HUFU_ERR_DATA_LEN;
	size_t start = key->len - in_len;
	memset(em, 0xff, start);
	em[0] = 0;
	em[1] = 1;
	em[start - 1] = 0;
	if (in_len)
		memcpy(em + start, in, in_len);
	return HUFU_OK;
}

static enum hufu_err random_nonzero(const struct hufu_host *host, uint8_t *out, size_t len)
{
	enum hufu_err err = host->random(out, len);

	for (size_t i = 0; i < len && err == HUFU_OK; i++)
		while (err == HUFU_OK && !out[i])
			err = host->random(out + i, 1);
	return err;
}

enum hufu_err rsa_pad_pkcs1(const struct hufu_host *host, const struct rsa_key *key, const uint8_t *in, size_t in_len, uint8_t *em)
{
	if (in_len > key->len - PKCS1_OVERHEAD)
		return HUFU_ERR_DATA_LEN;
	size_t start = key->len - in_len;
	em[0] = 0;
	em[1] = 2;
	em[start - 1] = 0;
	if (in_len)
		memcpy(em + start, in, in_len);
	return random_nonzero(host, em + 2, start - 3);
}

/* The draft's PRF: blocks of HMAC-SHA256 over a counter, the label, and the bits to come. */
static enum hufu_err rejection_bytes(const uint8_t kdk[32], const char *label, uint8_t *out, size_t len)
{
	size_t label_len = strlen(label);
	uint8_t info[16], block[32];
	enum hufu_err err = HUFU_OK;

	memcpy(info + 2, label, label_len);
	info[2 + label_len] = (uint8_t)(8 * len >> 8);
	info[3 + label_len] = (uint8_t)(8 * len);
	for (size_t i = 0; 32 * i < len && err == HUFU_OK; i++) {
		size_t n = len - 32 * i < 32 ? len - 32 * i : 32;

		info[0] = (uint8_t)(i >> 8);
		info[1] = (uint8_t)i;
		err = hmac_once(HASH_SHA256, kdk, 32, info, 4 + label_len, block);
		memcpy(out + 32 * i, block, n);
	}
	secret_wipe(block, sizeof(block));
	return err;
}

/* The last of the candidates that a message can have as its length. */
static size_t rejection_len(const struct rsa_key *key, const uint8_t candidates[256])
{
	size_t limit = key->len - PKCS1_OVERHEAD + 1, bits = 1, len = 0;

	while (bits < limit)
		bits = bits << 1 | 1;
	for (size_t i = 0; i < 256; i += 2) {
		size_t candidate = ((size_t)candidates[i] << 8 | candidates[i + 1]) & bits;

		len = choose(mask_less(candidate, limit), candidate, len);
	}
	return len;
}

/* What a ciphertext opens to when it is none: the end of message, from *start on. */
static enum hufu_err rejection_message(const struct rsa_key *key, const uint8_t *ciphertext, uint8_t *message, size_t *start)
{
	uint8_t kdk[32], candidates[256];
	enum hufu_err err = hmac_once(HASH_SHA256, key->rejection, sizeof(key->rejection), ciphertext, key->len, kdk);

	if (err == HUFU_OK)
		err = rejection_bytes(kdk, "length", candidates, sizeof(candidates));
	if (err == HUFU_OK)
		err = rejection_bytes(kdk, "message", message, key->len);
	if (err == HUFU_OK)
		*start = key->len - rejection_len(key, candidates);
	secret_wipe(kdk, sizeof(kdk));
	secret_wipe(candidates, sizeof(candidates));
	return err;
}

enum hufu_err rsa_unpad_pkcs1(const struct rsa_key *key, const uint8_t *ciphertext, uint8_t *em, size_t *start)
{
	uint8_t message[RSA_MAX_LEN];
	size_t end = 0, looking = ~(size_t)0;
	enum hufu_err err = rejection_message(key, ciphertext, message, start);

	for (size_t i = 2; i < key->len; i++) {
		size_t zero = mask_zero(em[i]);

		end = choose(looking & zero, i, end);
		looking &= ~zero;
	}
	size_t good = mask_zero(em[0]) & mask_equal(em[1], 2) & ~mask_less(end, PKCS1_OVERHEAD - 1);
	for (size_t i = 0; i < key->len; i++)
		em[i] = (uint8_t)choose(good, em[i], message[i]);
	*start = choose(good, end + 1, *start);
	secret_wipe(message, sizeof(message));
	return err;
}

/* -- MGF1 (B.2.1) ------------------------------------------------------------- */

struct piece {
	const uint8_t *bytes;
	size_t len;
};

static enum hufu_err hash_pieces(enum hash_id id, const struct piece *pieces, size_t n, uint8_t *digest)
{
	struct hash h = {0};
	enum hufu_err err = hash_init(&h, id);

	if (err == HUFU_OK) {
		for (size_t i = 0; i < n; i++)
			hash_update(&h, pieces[i].bytes, pieces[i].len);
		hash_final(&h, digest);
	}
	hash_clear(&h);
	return err;
}

static enum hufu_err mask(enum hash_id id, const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len)
{
	uint8_t digest[HASH_LEN_MAX], counter[4] = {0};
	const struct piece pieces[] = {{seed, seed_len}, {counter, 4}};
	size_t h = hash_len(id);
	enum hufu_err err = HUFU_OK;

	for (size_t i = 0; i * h < len && err == HUFU_OK; i++) {
		counter[2] = (uint8_t)(i >> 8);
		counter[3] = (uint8_t)i;
		err = hash_pieces(id, pieces, 2, digest);
		for (size_t j = 0; j < h && i * h + j < len; j++)
			out[i * h + j] ^= digest[j];
	}
	secret_wipe(digest, sizeof(digest));
	return err;
}

/* -- PSS: em = maskedDB || H || bc, of emBits = modBits - 1 --------------------- */

struct pss {
	enum hash_id hash, mgf;
	size_t h_len, salt_len;
	size_t skip;           /* 1 where emLen is a byte less than the modulus */
	size_t db_len;
	uint8_t top;           /* the bits of DB's first byte that emBits leaves */
};

static enum hufu_err pss_layout(const struct rsa_key *key, const struct hufu_param_pss *param, size_t in_len, struct pss *pss)
{
	size_t em_bits = key->nbits - 1, em_len = (em_bits + 7) / 8;

	if (!param)
		return HUFU_ERR_PARAM;
	*pss = (struct pss){.hash = hash_of_digest(param->hash), .mgf = hash_of_digest(param->mgf_hash),
	                    .salt_len = param->salt_len, .skip = key->len - em_len, .top = (uint8_t)(0xff >> (8 * em_len - em_bits))};
	pss->h_len = hash_len(pss->hash);
	if (!pss->h_len || !hash_len(pss->mgf))
		return HUFU_ERR_PARAM;
	if (in_len != pss->h_len)
		return HUFU_ERR_DATA_LEN;
	/* 9.1.1 step 3 */
	if (em_len < pss->h_len + 2 || param->salt_len > em_len - pss->h_len - 2)
		return HUFU_ERR_PARAM;
	pss->db_len = em_len - pss->h_len - 1;
	return HUFU_OK;
}

static enum hufu_err pss_hash(const struct pss *pss, const uint8_t *in, const uint8_t *salt, uint8_t *h)
{
	static const uint8_t padding1[8];
	const struct piece pieces[] = {{padding1, sizeof(padding1)}, {in, pss->h_len}, {salt, pss->salt_len}};

	return hash_pieces(pss->hash, pieces, 3, h);
}

enum hufu_err rsa_pad_pss(const struct hufu_host *host, const struct rsa_key *key, const struct hufu_param_pss *param,
                          const uint8_t *in, size_t in_len, uint8_t *em)
{
	struct pss pss;
	enum hufu_err err = pss_layout(key, param, in_len, &pss);

	if (err != HUFU_OK)
		return err;
	uint8_t *db = em + pss.skip, *h = db + pss.db_len, *salt = h - pss.salt_len;
	memset(em, 0, key->len);
	salt[-1] = 1;
	if (pss.salt_len)
		err = host->random(salt, pss.salt_len);
	if (err == HUFU_OK)
		err = pss_hash(&pss, in, salt, h);
	if (err == HUFU_OK)
		err = mask(pss.mgf, h, pss.h_len, db, pss.db_len);
	db[0] &= pss.top;
	h[pss.h_len] = 0xbc;
	return err;
}

/* All is public here. */
static bool pss_framed(const struct pss *pss, const uint8_t *em)
{
	const uint8_t *db = em + pss->skip;

	return (!pss->skip || !em[0]) && !(db[0] & (uint8_t)~pss->top) && db[pss->db_len + pss->h_len] == 0xbc;
}

static bool pss_padded(const struct pss *pss, const uint8_t *db)
{
	size_t zeros = pss->db_len - pss->salt_len - 1;

	for (size_t i = 0; i < zeros; i++)
		if (db[i])
			return false;
	return db[zeros] == 1;
}

enum hufu_err rsa_check_pss(const struct rsa_key *key, const struct hufu_param_pss *param, const uint8_t *in, size_t in_len,
                            uint8_t *em)
{
	uint8_t want[HASH_LEN_MAX];
	struct pss pss;
	enum hufu_err err = pss_layout(key, param, in_len, &pss);

	if (err != HUFU_OK)
		return err;
	uint8_t *db = em + pss.skip, *h = db + pss.db_len;
	if (!pss_framed(&pss, em))
		return HUFU_ERR_SIGNATURE;
	err = mask(pss.mgf, h, pss.h_len, db, pss.db_len);
	db[0] &= pss.top;
	if (err == HUFU_OK && !pss_padded(&pss, db))
		return HUFU_ERR_SIGNATURE;
	if (err == HUFU_OK)
		err = pss_hash(&pss, in, h - pss.salt_len, want);
	if (err == HUFU_OK && memcmp(want, h, pss.h_len) != 0)
		err = HUFU_ERR_SIGNATURE;
	return err;
}

/* -- OAEP: em = 00 || maskedSeed || maskedDB, DB = lHash || zeros || 01 || M ----- */

struct oaep {
	enum hash_id hash, mgf;
	size_t h_len, db_len;
	uint8_t label[HASH_LEN_MAX];
};

static enum hufu_err oaep_layout(const struct rsa_key *key, const struct hufu_param_oaep *param, struct oaep *oaep)
{
	if (!param || (param->label_len && !param->label))
		return HUFU_ERR_PARAM;
	oaep->hash = hash_of_digest(param->hash);
	oaep->mgf = hash_of_digest(param->mgf_hash);
	oaep->h_len = hash_len(oaep->hash);
	if (!oaep->h_len || !hash_len(oaep->mgf))
		return HUFU_ERR_PARAM;
	if (key->len < 2 * oaep->h_len + 2)
		return HUFU_ERR_KEY_SIZE;
	oaep->db_len = key->len - oaep->h_len - 1;
	return hash_once(oaep->hash, param->label, param->label_len, oaep->label);
}

enum hufu_err rsa_pad_oaep(const struct hufu_host *host, const struct rsa_key *key, const struct hufu_param_oaep *param,
                           const uint8_t *in, size_t in_len, uint8_t *em)
{
	struct oaep oaep;
	enum hufu_err err = oaep_layout(key, param, &oaep);

	if (err != HUFU_OK)
		return err;
	if (in_len > oaep.db_len - oaep.h_len - 1)
		return HUFU_ERR_DATA_LEN;
	uint8_t *seed = em + 1, *db = seed + oaep.h_len;
	memset(em, 0, key->len);
	memcpy(db, oaep.label, oaep.h_len);
	db[oaep.db_len - in_len - 1] = 1;
	if (in_len)
		memcpy(db + oaep.db_len - in_len, in, in_len);
	err = host->random(seed, oaep.h_len);
	if (err == HUFU_OK)
		err = mask(oaep.mgf, seed, oaep.h_len, db, oaep.db_len);
	if (err == HUFU_OK)
		err = mask(oaep.mgf, db, oaep.db_len, seed, oaep.h_len);
	return err;
}

/* The place of the 01 that ends the zeros; 0: there is none, or something else before it. */
static size_t oaep_end(const struct oaep *oaep, const uint8_t *db)
{
	size_t end = 0, looking = ~(size_t)0;

	for (size_t i = oaep->h_len; i < oaep->db_len; i++) {
		end = choose(looking & mask_equal(db[i], 1), i, end);
		looking &= mask_zero(db[i]);
	}
	return end;
}

enum hufu_err rsa_unpad_oaep(const struct rsa_key *key, const struct hufu_param_oaep *param, uint8_t *em, size_t *start)
{
	struct oaep oaep;
	enum hufu_err err = oaep_layout(key, param, &oaep);

	if (err != HUFU_OK)
		return err;
	uint8_t *seed = em + 1, *db = seed + oaep.h_len;
	err = mask(oaep.mgf, db, oaep.db_len, seed, oaep.h_len);
	if (err == HUFU_OK)
		err = mask(oaep.mgf, seed, oaep.h_len, db, oaep.db_len);
	if (err != HUFU_OK)
		return err;
	size_t end = oaep_end(&oaep, db);
	size_t good = mask_zero(em[0]) & mask_same(db, oaep.label, oaep.h_len) & ~mask_zero(end);
	*start = key->len - oaep.db_len + end + 1;
	return good ? HUFU_OK : HUFU_ERR_CIPHERTEXT;
}

enum hufu_err rsa_pad_raw(const struct rsa_key *key, const uint8_t *in, size_t in_len, uint8_t *em)
{
	if (in_len > key->len)
		return HUFU_ERR_DATA_LEN;
	memset(em, 0, key->len - in_len);
	if (in_len)
		memcpy(em + key->len - in_len, in, in_len);
	return rsa_in_range(key, em) ? HUFU_OK : HUFU_ERR_DATA;
}
