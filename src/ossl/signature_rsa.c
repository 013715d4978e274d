/* SPDX-License-Identifier: Apache-2.0 */
/* RSA: PKCS #1 v1.5 with a DigestInfo or without, PSS, and raw (RFC 8017; EVP_PKEY-RSA(7), EVP_SIGNATURE-RSA(7)). */
#include "ossl/signature.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/context.h"
#include "crypto/mechanism.h"
#include "ossl/param.h"
#include "token/digest_info.h"

/* Of OpenSSL 3.1: as long as the digest, or as there is room for. */
#ifndef RSA_PSS_SALTLEN_AUTO_DIGEST_MAX
#define RSA_PSS_SALTLEN_AUTO_DIGEST_MAX (-4)
#define SALTLEN_DEFAULT RSA_PSS_SALTLEN_AUTO
#else
#define SALTLEN_DEFAULT RSA_PSS_SALTLEN_AUTO_DIGEST_MAX
#endif

#define MODULUS_MAX (KEY_FORM_RSA_MAX / 8)
#define PSS_DEFAULT_SALT_LEN 20 /* RFC 8017 A.2.3 */

static void reset(struct signature *s)
{
	s->rsa.padding = RSA_PKCS1_PADDING;
	s->rsa.salt_len = SALTLEN_DEFAULT;
	s->rsa.mgf1 = (struct md_choice){0};
}

static struct md_choice mgf1_of(const struct signature *s)
{
	return s->rsa.mgf1.hash == HASH_NONE ? s->digest : s->rsa.mgf1;
}

/* RFC 8017 9.1.1: emLen - hLen - 2, where emBits is a bit less than the modulus has. Negative: no salt fits. */
static int max_salt_len(const struct signature *s)
{
	return ((int)key_size_nbits(s->key) + 6) / 8 - (int)md_len(s->digest) - 2;
}

static int salt_len(const struct signature *s)
{
	int most = max_salt_len(s), len = (int)md_len(s->digest);

	switch (s->rsa.salt_len) {
	case RSA_PSS_SALTLEN_DIGEST: return len;
	case RSA_PSS_SALTLEN_AUTO:
	case RSA_PSS_SALTLEN_MAX: return most;
	case RSA_PSS_SALTLEN_AUTO_DIGEST_MAX: return len < most ? len : most;
	default: return s->rsa.salt_len;
	}
}

/* -- parameters ------------------------------------------------------------------------ */

static const struct word {
	int number;
	const char *text;
} paddings[] = {
	{RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15},
	{RSA_NO_PADDING, OSSL_PKEY_RSA_PAD_MODE_NONE},
	{RSA_PKCS1_PSS_PADDING, OSSL_PKEY_RSA_PAD_MODE_PSS},
	{0, NULL},
}, salt_lens[] = {
	{RSA_PSS_SALTLEN_DIGEST, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST},
	{RSA_PSS_SALTLEN_MAX, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX},
	{RSA_PSS_SALTLEN_AUTO, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO},
	{RSA_PSS_SALTLEN_AUTO_DIGEST_MAX, "auto-digestmax"},
	{0, NULL},
};

static const struct word *word_of_text(const struct word *words, const char *text)
{
	while (words->text && strcmp(words->text, text) != 0)
		words++;
	return words->text ? words : NULL;
}

static const struct word *word_of_number(const struct word *words, int number)
{
	while (words->text && words->number != number)
		words++;
	return words->text ? words : NULL;
}

/* A parameter that is a number, or a word for one. *word: the text, if it is one that is not among them. */
static bool read_number(const OSSL_PARAM *p, const struct word *words, int *number, char word[32])
{
	char *to = word;

	word[0] = '\0';
	if (!p->data) /* libcrypto's functions look at it */
		return false;
	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return OSSL_PARAM_get_int(p, number);
	if (!OSSL_PARAM_get_utf8_string(p, &to, 32))
		return false;
	const struct word *found = word_of_text(words, word);
	if (found) {
		*number = found->number;
		word[0] = '\0';
	}
	return true;
}

static int set_padding(const struct signature *s, const OSSL_PARAM *p, int *padding)
{
	char word[32];

	if (!read_number(p, paddings, padding, word) || word[0] || !word_of_number(paddings, *padding))
		return fail(s->provider, REASON_PARAMETER, "%s: RSA signs with the paddings pkcs1, pss and none", p->key);
	return 1;
}

static int set_salt_len(const struct signature *s, const OSSL_PARAM *p, int padding, int *len)
{
	char word[32], *end = NULL;

	if (padding != RSA_PKCS1_PSS_PADDING)
		return fail(s->provider, REASON_PARAMETER, "%s: only the padding pss has a salt, and it must be set first", p->key);
	if (!read_number(p, salt_lens, len, word))
		return fail(s->provider, REASON_PARAMETER, "%s: a number is wanted, or digest, max or auto", p->key);
	if (word[0])
		*len = (int)strtol(word, &end, 10);
	if ((end && *end) || *len < RSA_PSS_SALTLEN_AUTO_DIGEST_MAX || *len > MODULUS_MAX)
		return fail(s->provider, REASON_PARAMETER, "%s: a salt has 0 to %d bytes, or as many as digest, max or auto says", p->key,
		            MODULUS_MAX);
	return 1;
}

static int set_mgf1(const struct signature *s, const OSSL_PARAM *p, int padding, struct md_choice *mgf1)
{
	char name[64], *text = name;

	if (padding != RSA_PKCS1_PSS_PADDING)
		return fail(s->provider, REASON_PARAMETER, "%s: only the padding pss has it, and it must be set first", p->key);
	if (!OSSL_PARAM_get_utf8_string(p, &text, sizeof name))
		return fail(s->provider, REASON_PARAMETER, "%s: the name of a message digest is wanted", p->key);
	return md_choose(s->provider, name, mgf1);
}

/* What PSS takes where no digest was named, as the default provider does: RFC 8017 A.2.3. */
static void settle_digest(struct signature *s)
{
	if (s->rsa.padding == RSA_PKCS1_PSS_PADDING && s->digest.hash == HASH_NONE)
		s->digest.hash = HASH_SHA1;
}

static int set_params(struct signature *s, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p;
	int padding = s->rsa.padding, len = s->rsa.salt_len;
	struct md_choice mgf1 = s->rsa.mgf1;

	if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE)) && !set_padding(s, p, &padding))
		return 0;
	if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) && !set_salt_len(s, p, padding, &len))
		return 0;
	if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST)) && !set_mgf1(s, p, padding, &mgf1))
		return 0;
	s->rsa.padding = padding;
	s->rsa.salt_len = len;
	s->rsa.mgf1 = mgf1;
	settle_digest(s);
	return 1;
}

static int give_number(OSSL_PARAM *p, const struct word *words, int number)
{
	const struct word *word = word_of_number(words, number);
	char digits[16];

	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return p->data && param_set_int(p, number);
	if (!word)
		snprintf(digits, sizeof digits, "%d", number);
	return OSSL_PARAM_set_utf8_string(p, word ? word->text : digits);
}

static int get_params(const struct signature *s, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);

	if (p && !give_number(p, paddings, s->rsa.padding))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (p && !give_number(p, salt_lens, s->rsa.salt_len))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
	return !p || OSSL_PARAM_set_utf8_string(p, md_name(mgf1_of(s)));
}

/* -- in the token ---------------------------------------------------------------------- */

static int set_pss(const struct signature *s, CK_RSA_PKCS_PSS_PARAMS *pss)
{
	int len = salt_len(s);

	if (len < 0 || len > max_salt_len(s))
		return fail(s->provider, REASON_PARAMETER, "%s and a salt of %d bytes do not fit into an RSA key of %u bits",
		            md_name(s->digest), len, key_size_nbits(s->key));
	*pss = (CK_RSA_PKCS_PSS_PARAMS){hash_mechanism(s->digest.hash), hash_mgf(mgf1_of(s).hash), (CK_ULONG)len};
	return 1;
}

static int sign_pss(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	CK_RSA_PKCS_PSS_PARAMS pss;
	const CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};

	if (s->digest.behind_md5)
		return fail(s->provider, REASON_PARAMETER, "PSS does not sign with MD5-SHA1");
	return set_pss(s, &pss) && work_sign(s->key, &mechanism, in, len, sig, sig_len);
}

/* RFC 8017 9.2; TLS 1.0's two digests stand there bare (RFC 4346 4.7). */
static int sign_pkcs1(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	static const CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS};
	uint8_t info[DIGEST_INFO_MAX];

	if (s->digest.hash == HASH_NONE || s->digest.behind_md5)
		return work_sign(s->key, &mechanism, in, len, sig, sig_len);
	size_t prefix = digest_info_prefix(s->digest.hash, info);
	if (!prefix)
		return fail(s->provider, REASON_PARAMETER, "PKCS #1 v1.5 has no form for %s", md_name(s->digest));
	memcpy(info + prefix, in, len);
	return work_sign(s->key, &mechanism, info, prefix + len, sig, sig_len);
}

static int sign_raw(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	static const CK_MECHANISM mechanism = {.mechanism = CKM_RSA_X_509};

	if (s->digest.hash != HASH_NONE)
		return fail(s->provider, REASON_PARAMETER, "without padding there is no place for a message digest");
	if (len != key_octets(s->key))
		return fail(s->provider, REASON_INPUT, "without padding the input is as long as the key: %zu bytes, not %zu",
		            key_octets(s->key), len);
	return work_sign(s->key, &mechanism, in, len, sig, sig_len);
}

static int sign(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	switch (s->rsa.padding) {
	case RSA_PKCS1_PSS_PADDING: return sign_pss(s, in, len, sig, sig_len);
	case RSA_NO_PADDING: return sign_raw(s, in, len, sig, sig_len);
	default: return sign_pkcs1(s, in, len, sig, sig_len);
	}
}

/* The mechanisms that hash as well; 0 is another one's number, so no hash has it. */
static CK_MECHANISM_TYPE hashing_mechanism(const struct signature *s)
{
	static const struct {
		CK_MECHANISM_TYPE pkcs1, pss;
	} mechanisms[HASH_COUNT] = {
#define HASH(hash, name) [HASH_##hash] = {CKM_##name##_RSA_PKCS, CKM_##name##_RSA_PKCS_PSS}
		HASH(SHA1, SHA1), HASH(SHA224, SHA224), HASH(SHA256, SHA256), HASH(SHA384, SHA384), HASH(SHA512, SHA512),
		HASH(SHA3_224, SHA3_224), HASH(SHA3_256, SHA3_256), HASH(SHA3_384, SHA3_384), HASH(SHA3_512, SHA3_512),
#undef HASH
	};

	if (s->digest.behind_md5 || s->rsa.padding == RSA_NO_PADDING)
		return 0;
	return s->rsa.padding == RSA_PKCS1_PADDING ? mechanisms[s->digest.hash].pkcs1 : mechanisms[s->digest.hash].pss;
}

static CK_RV sign_message(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_MECHANISM mechanism = {.mechanism = hashing_mechanism(s)};

	if (!mechanism.mechanism)
		return CKR_MECHANISM_INVALID;
	if (s->rsa.padding == RSA_PKCS1_PSS_PADDING) {
		if (!set_pss(s, &pss))
			return CKR_MECHANISM_PARAM_INVALID;
		mechanism.pParameter = &pss;
		mechanism.ulParameterLen = sizeof pss;
	}
	return work_sign_silently(s->key, &mechanism, in, len, sig, sig_len);
}

/* -- on this host ---------------------------------------------------------------------- */

/* The same question to the default provider, in the same words. */
static void verify_params(struct signature *s, OSSL_PARAM params[5])
{
	const char *digest = md_name(s->digest), *mgf1 = md_name(mgf1_of(s));
	size_t n = 0;

	if (*digest)
		params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
	params[n++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &s->rsa.padding);
	if (s->rsa.padding == RSA_PKCS1_PSS_PADDING) {
		params[n++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &s->rsa.salt_len);
		params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, (char *)(uintptr_t)mgf1, 0);
	}
	params[n] = OSSL_PARAM_construct_end();
}

static int verify(struct signature *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	OSSL_PARAM params[5];

	verify_params(s, params);
	return signature_verify_public(s, params, in, len, sig, sig_len);
}

static int verify_recover(void *ctx, unsigned char *out, size_t *out_len, size_t room, const unsigned char *sig, size_t sig_len)
{
	struct signature *s = ctx;
	OSSL_PARAM params[5];

	if (!s->key)
		return fail(s->provider, REASON_INTERNAL, "no verification was begun");
	EVP_PKEY *public = key_public(s->key);
	EVP_PKEY_CTX *recovery = public ? EVP_PKEY_CTX_new_from_pkey(libcrypto_context(), public, NULL) : NULL;
	verify_params(s, params);
	*out_len = room;
	bool good = recovery && EVP_PKEY_verify_recover_init_ex(recovery, params) == 1 &&
	            EVP_PKEY_verify_recover(recovery, out, out_len, sig, sig_len) == 1;
	EVP_PKEY_CTX_free(recovery);
	EVP_PKEY_free(public);
	return good;
}

/* -- AlgorithmIdentifier --------------------------------------------------------------- */

static bool put_algorithm(X509_ALGOR **out, int nid, int type, void *parameter)
{
	*out = X509_ALGOR_new();
	return *out && X509_ALGOR_set0(*out, OBJ_nid2obj(nid), type, parameter);
}

static ASN1_STRING *pack(const void *value, const ASN1_ITEM *item)
{
	ASN1_STRING *packed = NULL;

	return ASN1_item_pack((void *)(uintptr_t)value, item, &packed);
}

/* MaskGenAlgorithm: mgf1 of RFC 8017 A.2.1, whose parameter is a hash function. */
static bool put_mgf1(X509_ALGOR **out, int md_nid)
{
	X509_ALGOR *hash = NULL;
	ASN1_STRING *packed = put_algorithm(&hash, md_nid, V_ASN1_NULL, NULL) ? pack(hash, ASN1_ITEM_rptr(X509_ALGOR)) : NULL;

	X509_ALGOR_free(hash);
	if (packed && put_algorithm(out, NID_mgf1, V_ASN1_SEQUENCE, packed))
		return true;
	ASN1_STRING_free(packed);
	return false;
}

/* DER leaves defaults out: RFC 8017 A.2.3. */
static bool fill_pss(const struct signature *s, RSA_PSS_PARAMS *pss)
{
	int hash = md_nid(s->digest), mgf1 = md_nid(mgf1_of(s)), len = salt_len(s);

	if (hash != NID_sha1 && !put_algorithm(&pss->hashAlgorithm, hash, V_ASN1_NULL, NULL))
		return false;
	if (mgf1 != NID_sha1 && !put_mgf1(&pss->maskGenAlgorithm, mgf1))
		return false;
	if (len == PSS_DEFAULT_SALT_LEN)
		return true;
	pss->saltLength = ASN1_INTEGER_new();
	return len >= 0 && pss->saltLength && ASN1_INTEGER_set(pss->saltLength, len);
}

static X509_ALGOR *pss_algorithm(const struct signature *s)
{
	RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
	ASN1_STRING *packed = pss && fill_pss(s, pss) ? pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS)) : NULL;
	X509_ALGOR *algorithm = NULL;

	RSA_PSS_PARAMS_free(pss);
	if (packed && put_algorithm(&algorithm, NID_rsassaPss, V_ASN1_SEQUENCE, packed))
		return algorithm;
	ASN1_STRING_free(packed);
	X509_ALGOR_free(algorithm);
	return NULL;
}

/* RFC 8017 A.2.4 and, of SHA-3, what NIST registered beside it. */
static X509_ALGOR *pkcs1_algorithm(const struct signature *s)
{
	static const int nids[HASH_COUNT] = {
		[HASH_SHA1] = NID_sha1WithRSAEncryption, [HASH_SHA224] = NID_sha224WithRSAEncryption,
		[HASH_SHA256] = NID_sha256WithRSAEncryption, [HASH_SHA384] = NID_sha384WithRSAEncryption,
		[HASH_SHA512] = NID_sha512WithRSAEncryption, [HASH_SHA512_224] = NID_sha512_224WithRSAEncryption,
		[HASH_SHA512_256] = NID_sha512_256WithRSAEncryption, [HASH_SHA3_224] = NID_RSA_SHA3_224,
		[HASH_SHA3_256] = NID_RSA_SHA3_256, [HASH_SHA3_384] = NID_RSA_SHA3_384, [HASH_SHA3_512] = NID_RSA_SHA3_512,
	};

	return s->digest.behind_md5 ? NULL : signature_algorithm(nids[s->digest.hash], true);
}

static X509_ALGOR *algorithm(const struct signature *s)
{
	if (s->digest.hash == HASH_NONE || s->rsa.padding == RSA_NO_PADDING)
		return NULL;
	return s->rsa.padding == RSA_PKCS1_PSS_PADDING ? pss_algorithm(s) : pkcs1_algorithm(s);
}

/* -- the tables ------------------------------------------------------------------------ */

static const struct signature_type type = {
	.kind = KEY_RSA, .reset = reset, .set_params = set_params, .get_params = get_params, .algorithm = algorithm,
	.sign = sign, .verify = verify, .sign_message = sign_message,
};

static void *newctx(void *provider, const char *properties)
{
	(void)properties;
	return signature_new(provider, &type);
}

static const OSSL_PARAM *gettable(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

#define SETTABLE \
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0), \
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0), \
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0), \
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0), \
	OSSL_PARAM_END

static const OSSL_PARAM *settable(void *ctx, void *provider)
{
	static const OSSL_PARAM all[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0), SETTABLE,
	};
	static const OSSL_PARAM without_digest[] = {SETTABLE};
	const struct signature *s = ctx;

	(void)provider;
	return s && s->hashes ? without_digest : all;
}

const OSSL_DISPATCH signature_rsa_functions[] = {
	SIGNATURE_LIFE(newctx),
	SIGNATURE_OF_DIGESTS,
	SIGNATURE_OF_MESSAGES,
	FUNCTION(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, signature_verify_init),
	FUNCTION(OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, verify_recover),
	SIGNATURE_PARAMS(gettable, settable),
	END_OF_FUNCTIONS,
};
