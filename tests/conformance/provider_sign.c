/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what a token's key signs through the provider, the default provider verifies under the same
 * parameters, whichever way libcrypto asks; identifiers and parameters are those of the default provider; and
 * what cannot be signed is refused with the reason.
 */
#include "tests/conformance/provider.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <unistd.h>

#define SIG_MAX 1024
#define PSS "pss"

/* A key, and how it signs, in the parameters' own words; NULL: not set. */
struct scheme {
	const char *label, *md, *padding, *salt, *mgf1, *id;
};

static const struct scheme schemes[] = {
	{"rsa", "SHA1"}, {"rsa", "SHA2-224"}, {"rsa", "SHA256"}, {"rsa", "SHA-384"}, {"rsa", "SHA512"}, {"rsa", "SHA512-256"},
	{"rsa", "SHA3-256"}, {"rsa", "MD5-SHA1"},
	{"rsa", "SHA256", PSS}, {"rsa", "SHA256", PSS, "digest"}, {"rsa", "SHA384", PSS, "max"}, {"rsa", "SHA512", PSS, "auto"},
	{"rsa", "SHA256", PSS, "0"}, {"rsa", "SHA256", PSS, "20", "SHA1"}, {"rsa", "SHA1", PSS, "20"}, {"rsa", "SHA3-512", PSS, "64", "SHA256"},
	{"p256", "SHA256"}, {"p256", "SHA512"}, {"p256", "SHA1"}, {"p384", "SHA384"}, {"p384", "SHA3-384"}, {"p521", "SHA512"},
	{"p521", "SHA224"}, {"p256", "SHA512-224"}, {"p256", "SM3"},
	{"sm2", "SM3"}, {"sm2", "SM3", .id = "1234567812345678"}, {"sm2", "SM3", .id = "alice@example.com"},
	{"ed25519", NULL}, {"ed448", NULL},
};
#define NSCHEMES (sizeof schemes / sizeof *schemes)

static const uint8_t message[3000] = {0x4d, 0x53, 0x47};

/* -- libcrypto asked, with a key of either side ------------------------------------------- */

struct side {
	OSSL_LIB_CTX *context;
	EVP_PKEY *key;
};

static struct side token_side(const char *label)
{
	return (struct side){with_hufu, provider_private(label)};
}

static struct side default_side(const char *label)
{
	return (struct side){without_hufu, provider_public(label)};
}

#define TEXT(name, value) OSSL_PARAM_construct_utf8_string((name), (char *)(uintptr_t)(value), 0)

static int set_scheme(EVP_PKEY_CTX *ctx, const struct scheme *scheme)
{
	OSSL_PARAM params[5];
	size_t n = 0;

	if (scheme->padding)
		params[n++] = TEXT(OSSL_SIGNATURE_PARAM_PAD_MODE, scheme->padding);
	if (scheme->salt)
		params[n++] = TEXT(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, scheme->salt);
	if (scheme->mgf1)
		params[n++] = TEXT(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, scheme->mgf1);
	if (scheme->id)
		params[n++] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID, (void *)(uintptr_t)scheme->id, strlen(scheme->id));
	params[n] = OSSL_PARAM_construct_end();
	return n ? EVP_PKEY_CTX_set_params(ctx, params) : 1;
}

/* NULL after an error, which stays on the queue. */
static EVP_MD_CTX *begin(const struct side *side, const struct scheme *scheme, bool verifies)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	int good = verifies ? EVP_DigestVerifyInit_ex(ctx, &pctx, scheme->md, side->context, NULL, side->key, NULL) :
	                      EVP_DigestSignInit_ex(ctx, &pctx, scheme->md, side->context, NULL, side->key, NULL);

	if (good == 1 && set_scheme(pctx, scheme) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static size_t sign_at_once(const struct side *side, const struct scheme *scheme, uint8_t sig[SIG_MAX])
{
	EVP_MD_CTX *ctx = begin(side, scheme, false);
	size_t len = SIG_MAX, most = 0;
	bool good = ctx && GOOD(EVP_DigestSign(ctx, NULL, &most, message, sizeof message)) &&
	            GOOD(EVP_DigestSign(ctx, sig, &len, message, sizeof message));

	CU_ASSERT(good && len <= most);
	EVP_MD_CTX_free(ctx);
	return good ? len : 0;
}

/* The context is copied amid the message, and both are finished: twice, since the first end leaves a context as it is. */
static size_t sign_in_parts(const struct side *side, const struct scheme *scheme, uint8_t sig[SIG_MAX])
{
	EVP_MD_CTX *ctx = begin(side, scheme, false), *copy = EVP_MD_CTX_new();
	size_t len = SIG_MAX, most = 0;
	bool good = ctx && GOOD(EVP_DigestSignUpdate(ctx, message, 1)) && GOOD(EVP_DigestSignUpdate(ctx, message + 1, 1000)) &&
	            GOOD(EVP_MD_CTX_copy_ex(copy, ctx)) && GOOD(EVP_DigestSignUpdate(ctx, "another end", 11)) &&
	            GOOD(EVP_DigestSignUpdate(copy, message + 1001, sizeof message - 1001)) &&
	            GOOD(EVP_DigestSignFinal(copy, NULL, &most)) && GOOD(EVP_DigestSignFinal(copy, sig, &len));

	CU_ASSERT(good && len <= most);
	len = SIG_MAX;
	good = good && GOOD(EVP_DigestSignFinal(copy, sig, &len));
	EVP_MD_CTX_free(ctx);
	EVP_MD_CTX_free(copy);
	return good ? len : 0;
}

static bool verify_at_once(const struct side *side, const struct scheme *scheme, const uint8_t *sig, size_t len, const uint8_t *m)
{
	EVP_MD_CTX *ctx = begin(side, scheme, true);
	bool good = ctx && EVP_DigestVerify(ctx, sig, len, m, sizeof message) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool verify_in_parts(const struct side *side, const struct scheme *scheme, const uint8_t *sig, size_t len)
{
	EVP_MD_CTX *ctx = begin(side, scheme, true);
	bool good = ctx && EVP_DigestVerifyUpdate(ctx, message, 100) == 1 &&
	            EVP_DigestVerifyUpdate(ctx, message + 100, sizeof message - 100) == 1 && EVP_DigestVerifyFinal(ctx, sig, len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static void name_scheme(const struct scheme *scheme, const char *what)
{
	char claim[200];

	snprintf(claim, sizeof claim, "%s: %s %s %s salt %s mgf1 %s id %s", what, scheme->label, scheme->md ? scheme->md : "-",
	         scheme->padding ? scheme->padding : "-", scheme->salt ? scheme->salt : "-", scheme->mgf1 ? scheme->mgf1 : "-",
	         scheme->id ? scheme->id : "-");
	CU_assertImplementation(CU_FALSE, __LINE__, claim, __FILE__, "", CU_FALSE);
}

/* -- messages ------------------------------------------------------------------------------- */

/* Both sides say yes to it, and no to the signature of another message, and to one that is short. */
static bool judged_well(const struct side *side, const struct scheme *scheme, const uint8_t *sig, size_t len)
{
	uint8_t other[sizeof message] = {1};
	bool good = len && verify_at_once(side, scheme, sig, len, message) && !verify_at_once(side, scheme, sig, len, other) &&
	            !verify_at_once(side, scheme, sig, len - 1, message);

	if (good && scheme->md)
		good = verify_in_parts(side, scheme, sig, len);
	ERR_clear_error();
	return good;
}

static void test_messages(void)
{
	for (size_t i = 0; i < NSCHEMES; i++) {
		struct side token = token_side(schemes[i].label), independent = default_side(schemes[i].label);
		uint8_t sig[SIG_MAX];
		size_t len = sign_at_once(&token, &schemes[i], sig);
		if (!judged_well(&independent, &schemes[i], sig, len))
			name_scheme(&schemes[i], "in one call, verified by the default provider");
		if (!judged_well(&token, &schemes[i], sig, len))
			name_scheme(&schemes[i], "in one call, verified by hufu");
		if (schemes[i].md) {
			len = sign_in_parts(&token, &schemes[i], sig);
			if (!judged_well(&independent, &schemes[i], sig, len))
				name_scheme(&schemes[i], "in parts, verified by the default provider");
		}
		EVP_PKEY_free(token.key);
		EVP_PKEY_free(independent.key);
	}
}

/* -- digests ---------------------------------------------------------------------------------- */

static EVP_PKEY_CTX *begin_digest(const struct side *side, const struct scheme *scheme, bool verifies)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(side->context, side->key, NULL);
	OSSL_PARAM md[] = {TEXT(OSSL_SIGNATURE_PARAM_DIGEST, scheme->md), OSSL_PARAM_END};
	int good = verifies ? EVP_PKEY_verify_init(ctx) : EVP_PKEY_sign_init(ctx);

	if (good == 1 && set_scheme(ctx, scheme) == 1 && (!scheme->md || EVP_PKEY_CTX_set_params(ctx, md) == 1))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static size_t sign_digest(const struct side *side, const struct scheme *scheme, const uint8_t *in, size_t in_len, uint8_t sig[SIG_MAX])
{
	EVP_PKEY_CTX *ctx = begin_digest(side, scheme, false);
	size_t len = SIG_MAX;

	if (!ctx || EVP_PKEY_sign(ctx, sig, &len, in, in_len) != 1)
		len = 0;
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static bool verify_digest(const struct side *side, const struct scheme *scheme, const uint8_t *in, size_t in_len, const uint8_t *sig,
                          size_t len)
{
	EVP_PKEY_CTX *ctx = begin_digest(side, scheme, true);
	bool good = ctx && EVP_PKEY_verify(ctx, sig, len, in, in_len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

/* The lengths are those of the digests; without one RSA signs up to 245 bytes padded, and 256 as they are. */
static const struct {
	struct scheme scheme;
	size_t len;
} digests[] = {
	{{"rsa", "SHA256"}, 32}, {{"rsa", "MD5-SHA1"}, 36}, {{"rsa", NULL}, 51}, {{"rsa", NULL}, 245}, {{"rsa", NULL, "none"}, 256},
	{{"rsa", "SHA256", PSS, "digest"}, 32}, {{"rsa", NULL, PSS}, 20},
	{{"p256", "SHA256"}, 32}, {{"p256", NULL}, 20}, {{"p256", NULL}, 64}, {{"p384", "SHA512"}, 64}, {{"p521", NULL}, 48},
	{{"sm2", "SM3"}, 32}, {{"sm2", NULL}, 32},
};

static void test_digests(void)
{
	uint8_t in[256] = {0, 1, 2, 3}, sig[SIG_MAX];

	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
		const struct scheme *scheme = &digests[i].scheme;
		struct side token = token_side(scheme->label), independent = default_side(scheme->label);
		size_t len = sign_digest(&token, scheme, in, digests[i].len, sig);
		GOOD(len > 0);
		if (!verify_digest(&independent, scheme, in, digests[i].len, sig, len))
			name_scheme(scheme, "a digest, verified by the default provider");
		if (!verify_digest(&token, scheme, in, digests[i].len, sig, len))
			name_scheme(scheme, "a digest, verified by hufu");
		in[5] ^= 1;
		if (verify_digest(&token, scheme, in, digests[i].len, sig, len))
			name_scheme(scheme, "another digest, verified by hufu");
		in[5] ^= 1;
		EVP_PKEY_free(token.key);
		EVP_PKEY_free(independent.key);
		ERR_clear_error();
	}
}

static void test_recovery(void)
{
	struct side token = token_side("rsa");
	const struct scheme scheme = {"rsa", NULL};
	uint8_t in[40] = {9}, sig[SIG_MAX], out[SIG_MAX];
	size_t len = sign_digest(&token, &scheme, in, sizeof in, sig), out_len = sizeof out;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(with_hufu, token.key, NULL);

	if (GOOD(EVP_PKEY_verify_recover_init(ctx)) && GOOD(EVP_PKEY_verify_recover(ctx, out, &out_len, sig, len)))
		CU_ASSERT(out_len == sizeof in && memcmp(in, out, sizeof in) == 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(token.key);
}

/* -- what a context says of itself --------------------------------------------------------- */

/* A key of the default provider's own, of the same kind: identifiers do not depend on the key, PSS's but on its size. */
static struct side like(const char *label)
{
	EVP_PKEY *public = provider_public(label);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(without_hufu, public, NULL);
	EVP_PKEY *key = NULL;

	if (strcmp(label, "rsa") == 0) {
		key = EVP_PKEY_Q_keygen(without_hufu, NULL, "RSA", (size_t)2048);
	} else {
		GOOD(EVP_PKEY_keygen_init(ctx));
		GOOD(EVP_PKEY_keygen(ctx, &key));
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(public);
	return (struct side){without_hufu, key};
}

static size_t algorithm_of(const struct side *side, const struct scheme *scheme, uint8_t der[256])
{
	EVP_MD_CTX *ctx = begin(side, scheme, false);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der, 256), OSSL_PARAM_END};
	bool good = ctx && EVP_PKEY_CTX_get_params(EVP_MD_CTX_get_pkey_ctx(ctx), params) == 1;

	EVP_MD_CTX_free(ctx);
	return good ? params[0].return_size : 0;
}

static void test_algorithms(void)
{
	for (size_t i = 0; i < NSCHEMES; i++) {
		struct side token = token_side(schemes[i].label), independent = like(schemes[i].label);
		uint8_t ours[256], theirs[256];
		size_t our_len = algorithm_of(&token, &schemes[i], ours), their_len = algorithm_of(&independent, &schemes[i], theirs);
		if (their_len && (our_len != their_len || memcmp(ours, theirs, our_len) != 0))
			name_scheme(&schemes[i], "the algorithm's identifier");
		EVP_PKEY_free(token.key);
		EVP_PKEY_free(independent.key);
		ERR_clear_error();
	}
}

struct answers {
	char padding[32], salt[32], md[64], mgf1[64];
	int padding_number, salt_number;
};

static bool ask(const struct side *side, const struct scheme *scheme, struct answers *a)
{
	EVP_PKEY_CTX *ctx = begin_digest(side, scheme, false);
	OSSL_PARAM texts[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, a->padding, sizeof a->padding),
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, a->salt, sizeof a->salt),
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, a->md, sizeof a->md),
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, a->mgf1, sizeof a->mgf1), OSSL_PARAM_END,
	};
	bool good = ctx && EVP_PKEY_CTX_get_params(ctx, texts) == 1 && EVP_PKEY_CTX_get_rsa_padding(ctx, &a->padding_number) > 0 &&
	            (!scheme->padding || EVP_PKEY_CTX_get_rsa_pss_saltlen(ctx, &a->salt_number) > 0);

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void test_answers(void)
{
	struct side token = token_side("rsa"), independent = like("rsa");

	for (size_t i = 0; i < NSCHEMES && strcmp(schemes[i].label, "rsa") == 0; i++) {
		struct answers ours = {0}, theirs = {0};
		GOOD(ask(&token, &schemes[i], &ours));
		GOOD(ask(&independent, &schemes[i], &theirs));
		bool same = strcmp(ours.padding, theirs.padding) == 0 && strcmp(ours.salt, theirs.salt) == 0 &&
		            ours.padding_number == theirs.padding_number && ours.salt_number == theirs.salt_number;
		EVP_MD *our_md = EVP_MD_fetch(without_hufu, ours.md, NULL), *our_mgf1 = EVP_MD_fetch(without_hufu, ours.mgf1, NULL);
		same = same && our_md && EVP_MD_is_a(our_md, theirs.md) && our_mgf1 && EVP_MD_is_a(our_mgf1, theirs.mgf1);
		if (!same)
			name_scheme(&schemes[i], "what a context says of its parameters");
		EVP_MD_free(our_md);
		EVP_MD_free(our_mgf1);
	}
	EVP_PKEY_free(token.key);
	EVP_PKEY_free(independent.key);
}

/* -- what is refused ------------------------------------------------------------------------- */

static int try_scheme(const struct scheme *scheme)
{
	struct side token = token_side(scheme->label);
	uint8_t sig[SIG_MAX];
	size_t len = sizeof sig;
	EVP_MD_CTX *ctx = begin(&token, scheme, false);
	int good = ctx && EVP_DigestSign(ctx, sig, &len, message, sizeof message) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(token.key);
	return good;
}

static int try_digest(const struct scheme *scheme, size_t len)
{
	struct side token = token_side(scheme->label);
	uint8_t in[300] = {0}, sig[SIG_MAX];
	int good = sign_digest(&token, scheme, in, len, sig) > 0;

	EVP_PKEY_free(token.key);
	return good;
}

static void test_parameters_refused(void)
{
	char long_id[9000];

	memset(long_id, 'x', sizeof long_id - 1);
	long_id[sizeof long_id - 1] = '\0';
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", "x931"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", "oaep"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", "nonsense"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", "none"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", NULL, "20"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", NULL, NULL, "SHA1"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", PSS, "223"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", PSS, "-5"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", PSS, "many"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SHA256", PSS, "20", "RIPEMD160"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "MD5-SHA1", PSS}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "RIPEMD160"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"rsa", "SM3"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"sm2", "SHA256"}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"sm2", "SM3", .id = long_id}), REASON_PARAMETER);
	FAILS(try_scheme(&(struct scheme){"ed25519", "SHA512"}), REASON_PARAMETER);
}

/* Parameters as no header would make them: each name with each type, long, short and without data. Refused or not, nothing breaks. */
static void test_strange_parameters(void)
{
	static const char *const names[] = {
		OSSL_SIGNATURE_PARAM_DIGEST, OSSL_SIGNATURE_PARAM_PROPERTIES, OSSL_SIGNATURE_PARAM_PAD_MODE, OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
		OSSL_SIGNATURE_PARAM_MGF1_DIGEST, OSSL_SIGNATURE_PARAM_DIGEST_SIZE, OSSL_PKEY_PARAM_DIST_ID, OSSL_SIGNATURE_PARAM_ALGORITHM_ID,
	};
	static const unsigned types[] = {
		OSSL_PARAM_INTEGER, OSSL_PARAM_UNSIGNED_INTEGER, OSSL_PARAM_REAL, OSSL_PARAM_UTF8_STRING, OSSL_PARAM_OCTET_STRING,
		OSSL_PARAM_UTF8_PTR, OSSL_PARAM_OCTET_PTR, 99,
	};
	static const size_t sizes[] = {0, 1, 4, 7, 8, 80};
	static char data[96], *const pointer = data;

	memset(data, 'x', sizeof data - 1);
	memcpy(data, &pointer, sizeof pointer);
	for (const char *const *label = pairs; strcmp(*label, "x25519") != 0; label++) {
		struct side token = token_side(*label);
		EVP_PKEY_CTX *ctx = begin_digest(&token, &(struct scheme){*label}, false);
		for (size_t n = 0; ctx && n < sizeof names / sizeof *names; n++)
			for (size_t t = 0; t < sizeof types / sizeof *types; t++)
				for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
					OSSL_PARAM params[] = {{names[n], types[t], i % 2 ? data : NULL, sizes[i / 2], 0}, OSSL_PARAM_END};
					(void)EVP_PKEY_CTX_set_params(ctx, params);
					(void)EVP_PKEY_CTX_get_params(ctx, params);
					memcpy(data, &pointer, sizeof pointer);
				}
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_free(token.key);
		ERR_clear_error();
		GOOD(try_scheme(&(struct scheme){*label, strcmp(*label, "sm2") == 0 ? "SM3" : **label == 'e' ? NULL : "SHA256"}));
	}
}

static void test_lengths_refused(void)
{
	FAILS(try_digest(&(struct scheme){"rsa", "SHA256"}, 31), REASON_INPUT);
	FAILS(try_digest(&(struct scheme){"rsa", NULL}, 246), REASON_INPUT);
	FAILS(try_digest(&(struct scheme){"rsa", NULL, "none"}, 255), REASON_INPUT);
	FAILS(try_digest(&(struct scheme){"p256", "SHA256"}, 20), REASON_INPUT);
	FAILS(try_digest(&(struct scheme){"sm2", NULL}, 31), REASON_INPUT);
}

static void test_room(void)
{
	struct side token = token_side("p256");
	EVP_PKEY_CTX *ctx = begin_digest(&token, &(struct scheme){"p256", "SHA256"}, false);
	uint8_t in[32] = {0}, sig[SIG_MAX];
	size_t len = 71;

	memset(sig, 0xa5, sizeof sig);
	FAILS(EVP_PKEY_sign(ctx, sig, &len, in, sizeof in) == 1, REASON_BUFFER);
	CU_ASSERT(sig[0] == 0xa5);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(token.key);
}

/* Neither the digest nor the identifier can be another one once the message has begun. */
static void test_too_late(void)
{
	struct side rsa = token_side("rsa"), sm2 = token_side("sm2");
	OSSL_PARAM md[] = {TEXT(OSSL_SIGNATURE_PARAM_DIGEST, "SHA512"), OSSL_PARAM_END};
	EVP_MD_CTX *ctx = begin(&rsa, &(struct scheme){"rsa", "SHA256"}, false);

	FAILS(EVP_PKEY_CTX_set_params(EVP_MD_CTX_get_pkey_ctx(ctx), md) == 1, REASON_PARAMETER);
	EVP_MD_CTX_free(ctx);
	ctx = begin(&sm2, &(struct scheme){"sm2", "SM3"}, false);
	GOOD(EVP_DigestSignUpdate(ctx, message, 1));
	FAILS(set_scheme(EVP_MD_CTX_get_pkey_ctx(ctx), &(struct scheme){"sm2", .id = "late"}) == 1, REASON_PARAMETER);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(rsa.key);
	EVP_PKEY_free(sm2.key);
}

/* -- keys that may not, or are there no more ------------------------------------------------- */

static CK_OBJECT_HANDLE make_p256(CK_SESSION_HANDLE s, const char *label, CK_BBOOL *signs, CK_MECHANISM_TYPE only)
{
	static CK_BYTE curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;
	void *name = (void *)(uintptr_t)label;
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_EC_PARAMS, curve)};
	CK_ATTRIBUTE priv_templ[] = {
		ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, name, strlen(label)), BYTES(CKA_ID, name, strlen(label)), {CKA_SIGN, signs, 1},
		ATTR(CKA_ALLOWED_MECHANISMS, only),
	};

	NEED(p11->C_GenerateKeyPair(s, &mechanism, pub_templ, 1, priv_templ, only ? 5 : 4, &pub, &priv));
	return priv;
}

static void test_uses(void)
{
	CK_SESSION_HANDLE s = face_user();
	const struct scheme no_use = {"no-use", "SHA256"}, hashing = {"hashing", "SHA256"}, raw = {"raw", "SHA256"};

	make_p256(s, "no-use", &no, 0);
	make_p256(s, "hashing", &yes, CKM_ECDSA_SHA256);
	make_p256(s, "raw", &yes, CKM_ECDSA);
	face_stop();
	FAILS(try_scheme(&no_use), REASON_KEY_USE);
	FAILS(try_digest(&no_use, 32), REASON_KEY_USE);
	GOOD(try_scheme(&hashing));
	FAILS(try_digest(&hashing, 32), REASON_MECHANISM);
	GOOD(try_scheme(&raw));
	GOOD(try_digest(&raw, 32));
}

static void test_destroyed(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = make_p256(s, "short-lived", &yes, 0);
	struct side token = token_side("short-lived");
	const struct scheme scheme = {"short-lived", "SHA256"};
	uint8_t in[32] = {0}, sig[SIG_MAX];

	GOOD(sign_digest(&token, &scheme, in, sizeof in, sig) > 0);
	OK(p11->C_DestroyObject(s, key));
	face_stop();
	/* Another core's change: noticed within 100 ms, and waited for much longer. */
	for (int i = 0; i < 1000 && sign_digest(&token, &scheme, in, sizeof in, sig) > 0; i++)
		usleep(10000);
	ERR_clear_error();
	FAILS(sign_digest(&token, &scheme, in, sizeof in, sig) > 0, REASON_NO_OBJECT);
	EVP_PKEY_free(token.key);
}

/* The public half, kept with hufu by a property, verifies there, and signs nowhere. */
static void test_public_half(void)
{
	EVP_PKEY *public = provider_public("p256");
	struct side token = token_side("p256");
	const struct scheme scheme = {"p256", "SHA256"};
	uint8_t *der = NULL, in[32] = {7}, sig[SIG_MAX];
	int der_len = i2d_PUBKEY(public, &der);
	const uint8_t *p = der;
	struct side ours = {with_hufu, d2i_PUBKEY_ex(NULL, &p, der_len, with_hufu, "provider=hufu")};
	size_t len = sign_digest(&token, &scheme, in, sizeof in, sig);

	if (ours.key) {
		GOOD(verify_digest(&ours, &scheme, in, sizeof in, sig, len));
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(with_hufu, ours.key, "provider=hufu");
		FAILS(EVP_PKEY_sign_init(ctx) == 1, REASON_KEY_USE);
		EVP_PKEY_CTX_free(ctx);
	}
	EVP_PKEY_free(ours.key);
	EVP_PKEY_free(token.key);
	EVP_PKEY_free(public);
	OPENSSL_free(der);
}

static const struct unit_case cases[] = {
	{"the provider is loaded, over a token with keys of all kinds", provider_up},
	{"messages are signed in one call and in parts, and contexts copied; the default provider verifies, and so does hufu", test_messages},
	{"digests are signed, and RSA signs bytes as they are", test_digests},
	{"RSA gives back what was signed", test_recovery},
	{"algorithms are identified as the default provider does", test_algorithms},
	{"a context says of its parameters what the default provider's says", test_answers},
	{"parameters that nothing can be signed with are refused, with the reason", test_parameters_refused},
	{"parameters of wrong types and sizes break nothing", test_strange_parameters},
	{"inputs of a wrong length are refused", test_lengths_refused},
	{"where a signature may not fit none is made", test_room},
	{"what a message was begun with stays", test_too_late},
	{"a key signs as its attributes allow, by the mechanism that hashes or the other", test_uses},
	{"a key that was destroyed is said to be gone", test_destroyed},
	{"a public half verifies and does not sign", test_public_half},
	{"it is unloaded", provider_down},
	{0},
};
UNIT_MAIN("provider sign", cases)
