/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the provider's ciphers, MACs, SM3 and random numbers are to a program what the
 * default provider's are, byte for byte and parameter for parameter, whether the
 * key is given by its bytes or lies in a token. SM4 in GCM and CCM, which OpenSSL 3.0 does not
 * have, are held against libgcrypt and RFC 8998.
 */
#include "tests/conformance/provider.h"

#include <gcrypt.h>
#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define OURS "provider=hufu"
#define LEN_MAX 70000u
#define OUT_MAX (LEN_MAX + 64)

static const uint8_t key_bytes[32] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
	0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00};
/* CTR's counter begins again soon */
static const uint8_t iv_bytes[16] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
static uint8_t text[LEN_MAX];

/* -- secret keys, made by the PKCS#11 module --------------------------------------------------- */

static const struct {
	const char *label;
	CK_KEY_TYPE type;
	CK_ULONG len;
} secrets[] = {
	{"sm4", CKK_HUFU_SM4, 16}, {"aes128", CKK_AES, 16}, {"aes192", CKK_AES, 24}, {"aes256", CKK_AES, 32},
	{"hmac", CKK_GENERIC_SECRET, 32}, {"twin", CKK_HUFU_SM4, 16}, {"twin", CKK_HUFU_SM4, 16},
};

static void make_secrets(void)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key;

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		CK_KEY_TYPE type = secrets[i].type;
		CK_BBOOL mac = type == CKK_GENERIC_SECRET ? yes : no, cipher = mac ? no : yes;
		void *label = (void *)(uintptr_t)secrets[i].label;
		CK_ATTRIBUTE templ[] = {
			ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes),
			BYTES(CKA_VALUE, (void *)(uintptr_t)key_bytes, secrets[i].len), BYTES(CKA_LABEL, label, strlen(label)),
			ATTR(CKA_ENCRYPT, cipher), ATTR(CKA_DECRYPT, cipher), ATTR(CKA_SIGN, yes), ATTR(CKA_VERIFY, yes),
		};
		NEED(p11->C_CreateObject(s, templ, sizeof templ / sizeof *templ, &key));
	}
	face_stop();
	for (size_t i = 0; i < LEN_MAX; i++)
		text[i] = (uint8_t)(i * 7 + i / 251);
}

static const char *secret_uri(const char *label)
{
	return provider_uri(label, "secret-key");
}

/* -- one text through a cipher --------------------------------------------------------------- */

struct job {
	OSSL_LIB_CTX *context;
	const char *properties, *cipher;
	const char *uri;                /* or NULL: the key's bytes */
	bool encrypts, padding;
	size_t step;                    /* of the text given at once */
	size_t iv_len, tag_len;         /* AEAD */
	const uint8_t *aad;
	size_t aad_len;
	uint8_t tag[16];
};

static bool begin(EVP_CIPHER_CTX *ctx, const struct job *job)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(job->context, job->cipher, job->properties);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)job->uri, 0), OSSL_PARAM_construct_end()};
	bool good = cipher && EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, job->encrypts, job->uri ? params : NULL);

	if (job->iv_len)
		good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)job->iv_len, NULL) > 0;
	if (job->tag_len && (!job->encrypts || EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CCM_MODE))
		good = good && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)job->tag_len,
		                                   job->encrypts ? NULL : (void *)(uintptr_t)job->tag) > 0;
	good = good && EVP_CipherInit_ex2(ctx, NULL, job->uri ? NULL : key_bytes, iv_bytes, job->encrypts, NULL);
	EVP_CIPHER_free(cipher);
	return good && EVP_CIPHER_CTX_set_padding(ctx, job->padding);
}

/* The length; -1: refused. */
static int run(struct job *job, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, total = 0;
	bool good = begin(ctx, job), ccm = good && EVP_CIPHER_CTX_get_mode(ctx) == EVP_CIPH_CCM_MODE;

	if (ccm)
		good = EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len);
	if (good && job->aad_len)
		good = EVP_CipherUpdate(ctx, NULL, &n, job->aad, (int)job->aad_len);
	for (size_t at = 0, m; good && at < len; at += m) {
		m = len - at < job->step ? len - at : job->step;
		good = EVP_CipherUpdate(ctx, out + total, &n, in + at, (int)m);
		total += n;
	}
	n = 0;
	good = good && EVP_CipherFinal_ex(ctx, out + total, &n);
	total += n;
	if (good && job->tag_len && job->encrypts)
		good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)job->tag_len, job->tag) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return good ? total : -1;
}

/* -- against the default provider -------------------------------------------------------------- */

static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 32, 33, 48, 100, 1000}, steps[] = {1, 7, 16, 33, LEN_MAX};

static void same_text(struct job ours, struct job theirs, size_t len)
{
	static uint8_t got[OUT_MAX], want[OUT_MAX], back[OUT_MAX];
	int n = run(&theirs, text, len, want), m = run(&ours, text, len, got);

	CU_ASSERT_EQUAL(m, n);
	if (n < 0 || m != n || !GOOD(memcmp(got, want, (size_t)n) == 0))
		return;
	ours.encrypts = false;
	CU_ASSERT_EQUAL(run(&ours, got, (size_t)n, back), (int)len);
	CU_ASSERT(memcmp(back, text, len) == 0);
}

static void same_cipher(const char *cipher, const char *uri)
{
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (size_t j = 0; j < sizeof steps / sizeof *steps; j++)
			for (int padding = 0; padding < 2; padding++) {
				struct job theirs = {.context = without_hufu, .cipher = cipher, .encrypts = true,
				                     .padding = padding, .step = steps[j]};
				struct job ours = theirs;
				ours.context = with_hufu;
				ours.properties = OURS;
				ours.uri = uri;
				same_text(ours, theirs, lengths[i]);
			}
	ERR_clear_error();
}

static void test_sm4_by_bytes(void)
{
	same_cipher("SM4-ECB", NULL);
	same_cipher("SM4-CBC", NULL);
	same_cipher("SM4-CTR", NULL);
	same_cipher("SM4-OFB", NULL);
	same_cipher("SM4-CFB", NULL);
}

static void test_sm4_by_token(void)
{
	const char *uri = secret_uri("sm4");

	same_cipher("SM4-ECB", uri);
	same_cipher("SM4-CBC", uri);
	same_cipher("SM4-CTR", uri);
	same_cipher("SM4-OFB", uri);
	same_cipher("SM4-CFB", uri);
}

static void test_aes(void)
{
	static const char *const ciphers[][2] = {{"AES-128-ECB", "aes128"}, {"AES-192-CBC", "aes192"}, {"AES-256-CBC", "aes256"},
	                                         {"AES-128-CTR", "aes128"}, {"AES-256-ECB", "aes256"}};

	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
		same_cipher(ciphers[i][0], NULL);
		same_cipher(ciphers[i][0], secret_uri(ciphers[i][1]));
	}
}

/* Longer than what a token is given at once. */
static void test_long(void)
{
	static const char *const ciphers[] = {"SM4-CBC", "SM4-CTR", "SM4-OFB", "SM4-CFB"};

	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
		struct job theirs = {.context = without_hufu, .cipher = ciphers[i], .encrypts = true, .padding = true,
		                     .step = LEN_MAX};
		struct job ours = theirs;
		ours.context = with_hufu;
		ours.properties = OURS;
		ours.uri = secret_uri("sm4");
		same_text(ours, theirs, LEN_MAX - 3);
	}
}

/* -- AEAD ------------------------------------------------------------------------------------ */

static void same_aead(const char *cipher, const char *uri, size_t iv_len, size_t tag_len, size_t len, size_t step)
{
	static uint8_t got[OUT_MAX], want[OUT_MAX];
	struct job theirs = {.context = without_hufu, .cipher = cipher, .encrypts = true, .step = LEN_MAX, .iv_len = iv_len,
	                     .tag_len = tag_len, .aad = text, .aad_len = len % 37};
	struct job ours = theirs;

	ours.context = with_hufu;
	ours.properties = OURS;
	ours.uri = uri;
	ours.step = step;
	int n = run(&theirs, text, len, want);
	GOOD(n == (int)len);
	if (!GOOD(run(&ours, text, len, got) == n))
		return;
	CU_ASSERT(memcmp(got, want, len) == 0 && memcmp(ours.tag, theirs.tag, tag_len) == 0);
	ours.encrypts = false;
	ours.step = LEN_MAX;
	GOOD(run(&ours, want, len, got) == n && memcmp(got, text, len) == 0);
	ours.tag[0] ^= 1;
	CU_ASSERT_EQUAL(run(&ours, want, len, got), -1);
	ERR_clear_error();
}

static void test_aes_aead(void)
{
	for (size_t i = 1; i < sizeof lengths / sizeof *lengths; i++) {
		same_aead("AES-128-GCM", NULL, 12, 16, lengths[i], 7);
		same_aead("AES-128-GCM", secret_uri("aes128"), 12, 16, lengths[i], 7);
		same_aead("AES-256-GCM", secret_uri("aes256"), 16, 12, lengths[i], LEN_MAX);
		same_aead("AES-256-CCM", NULL, 12, 16, lengths[i], LEN_MAX);
		same_aead("AES-192-CCM", secret_uri("aes192"), 7, 8, lengths[i], LEN_MAX);
	}
}

static void gcrypt(int mode, const struct job *job, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	uint64_t ccm[3] = {len, job->aad_len, job->tag_len};
	gcry_cipher_hd_t h;

	CU_ASSERT_EQUAL_FATAL(gcry_cipher_open(&h, GCRY_CIPHER_SM4, mode, 0), 0);
	CU_ASSERT_EQUAL(gcry_cipher_setkey(h, key_bytes, 16), 0);
	CU_ASSERT_EQUAL(gcry_cipher_setiv(h, iv_bytes, job->iv_len), 0);
	if (mode == GCRY_CIPHER_MODE_CCM)
		CU_ASSERT_EQUAL(gcry_cipher_ctl(h, GCRYCTL_SET_CCM_LENGTHS, ccm, sizeof ccm), 0);
	if (job->aad_len)
		CU_ASSERT_EQUAL(gcry_cipher_authenticate(h, job->aad, job->aad_len), 0);
	CU_ASSERT_EQUAL(gcry_cipher_encrypt(h, out, len, in, len), 0);
	CU_ASSERT_EQUAL(gcry_cipher_gettag(h, tag, job->tag_len), 0);
	gcry_cipher_close(h);
}

static void same_as_gcrypt(int mode, const char *cipher, const char *uri, size_t iv_len, size_t tag_len, size_t len, size_t step)
{
	static uint8_t got[OUT_MAX], want[OUT_MAX];
	uint8_t tag[16];
	struct job job = {.context = with_hufu, .properties = OURS, .cipher = cipher, .uri = uri, .encrypts = true, .step = step,
	                  .iv_len = iv_len, .tag_len = tag_len, .aad = text, .aad_len = len % 37};

	gcrypt(mode, &job, text, len, want, tag);
	if (!GOOD(run(&job, text, len, got) == (int)len))
		return;
	CU_ASSERT(memcmp(got, want, len) == 0 && memcmp(job.tag, tag, tag_len) == 0);
	job.encrypts = false;
	job.step = uri ? LEN_MAX : step;
	GOOD(run(&job, want, len, got) == (int)len && memcmp(got, text, len) == 0);
	job.tag[tag_len - 1] ^= 0x80;
	CU_ASSERT_EQUAL(run(&job, want, len, got), -1);
	ERR_clear_error();
}

static void test_sm4_gcm(void)
{
	for (size_t i = 1; i < sizeof lengths / sizeof *lengths; i++)
		for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
			same_as_gcrypt(GCRY_CIPHER_MODE_GCM, "SM4-GCM", NULL, 12, 16, lengths[i], steps[j]);
			same_as_gcrypt(GCRY_CIPHER_MODE_GCM, "SM4-GCM", secret_uri("sm4"), 12, 16, lengths[i], steps[j]);
		}
	same_as_gcrypt(GCRY_CIPHER_MODE_GCM, "SM4-GCM", NULL, 16, 12, 99, 10);
	same_as_gcrypt(GCRY_CIPHER_MODE_GCM, "SM4-GCM", secret_uri("sm4"), 16, 16, LEN_MAX, LEN_MAX);
}

static void test_sm4_ccm(void)
{
	for (size_t i = 1; i < sizeof lengths / sizeof *lengths; i++) {
		same_as_gcrypt(GCRY_CIPHER_MODE_CCM, "SM4-CCM", NULL, 12, 16, lengths[i], LEN_MAX);
		same_as_gcrypt(GCRY_CIPHER_MODE_CCM, "SM4-CCM", secret_uri("sm4"), 7, 8, lengths[i], LEN_MAX);
	}
}

/* RFC 8998 A.1 */
static void test_rfc8998(void)
{
	static const uint8_t nonce[12] = {0x00, 0x00, 0x12, 0x34, 0x56, 0x78, 0x00, 0x00, 0x00, 0x00, 0xab, 0xcd};
	static const uint8_t aad[20] = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce,
	                                0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
	static const uint8_t pattern[8] = {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0xee, 0xaa};
	static const uint8_t want[64] = {
		0x17, 0xf3, 0x99, 0xf0, 0x8c, 0x67, 0xd5, 0xee, 0x19, 0xd0, 0xdc, 0x99, 0x69, 0xc4, 0xbb, 0x7d,
		0x5f, 0xd4, 0x6f, 0xd3, 0x75, 0x64, 0x89, 0x06, 0x91, 0x57, 0xb2, 0x82, 0xbb, 0x20, 0x07, 0x35,
		0xd8, 0x27, 0x10, 0xca, 0x5c, 0x22, 0xf0, 0xcc, 0xfa, 0x7c, 0xbf, 0x93, 0xd4, 0x96, 0xac, 0x15,
		0xa5, 0x68, 0x34, 0xcb, 0xcf, 0x98, 0xc3, 0x97, 0xb4, 0x02, 0x4a, 0x26, 0x91, 0x23, 0x3b, 0x8d};
	static const uint8_t want_tag[16] = {0x83, 0xde, 0x35, 0x41, 0xe4, 0xc2, 0xb5, 0x81, 0x77, 0xe0, 0x65, 0xa9, 0xbf, 0x7b,
	                                     0x62, 0xec};
	uint8_t plain[64], got[64], tag[16];
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(with_hufu, "SM4-GCM", OURS);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = pattern[i / 8];
	GOOD(EVP_EncryptInit_ex2(ctx, cipher, key_bytes, nonce, NULL));
	GOOD(EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof aad));
	GOOD(EVP_EncryptUpdate(ctx, got, &n, plain, sizeof plain));
	GOOD(EVP_EncryptFinal_ex(ctx, got, &n));
	GOOD(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
	CU_ASSERT(memcmp(got, want, sizeof want) == 0 && memcmp(tag, want_tag, sizeof want_tag) == 0);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

/* -- contexts ---------------------------------------------------------------------------------- */

/* Copies go on each for themselves; IVs are told as the default provider tells them. */
static void same_context(const char *name, const char *uri)
{
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)uri, 0), OSSL_PARAM_construct_end()};
	EVP_CIPHER *ciphers[2] = {EVP_CIPHER_fetch(with_hufu, name, OURS), EVP_CIPHER_fetch(without_hufu, name, NULL)};
	uint8_t out[2][256], iv[2][16], updated[2][16], more[2][256];

	for (int i = 0; i < 2; i++) {
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new(), *copy = EVP_CIPHER_CTX_new();
		bool by_uri = uri && i == 0;
		int n, m;
		memset(out[i], 0, sizeof out[i]);
		memset(more[i], 0, sizeof more[i]);
		GOOD(EVP_EncryptInit_ex2(ctx, ciphers[i], by_uri ? NULL : key_bytes, iv_bytes, by_uri ? params : NULL));
		GOOD(EVP_EncryptUpdate(ctx, out[i], &n, text, 37));
		GOOD(EVP_CIPHER_CTX_copy(copy, ctx));
		GOOD(EVP_EncryptUpdate(copy, more[i], &m, text + 100, 50));
		GOOD(EVP_EncryptFinal_ex(copy, more[i] + m, &m));
		GOOD(EVP_EncryptUpdate(ctx, out[i] + n, &m, text + 37, 3));
		GOOD(EVP_CIPHER_CTX_get_original_iv(ctx, iv[i], 16));
		GOOD(EVP_CIPHER_CTX_get_updated_iv(ctx, updated[i], 16));
		GOOD(EVP_EncryptFinal_ex(ctx, out[i] + n + m, &m));
		EVP_CIPHER_CTX_free(ctx);
		EVP_CIPHER_CTX_free(copy);
	}
	CU_ASSERT(memcmp(out[0], out[1], sizeof out[0]) == 0 && memcmp(more[0], more[1], sizeof more[0]) == 0);
	CU_ASSERT(memcmp(iv[0], iv[1], 16) == 0 && memcmp(updated[0], updated[1], 16) == 0);
	EVP_CIPHER_free(ciphers[0]);
	EVP_CIPHER_free(ciphers[1]);
}

static void test_contexts(void)
{
	static const char *const names[] = {"SM4-CBC", "SM4-CTR", "SM4-OFB", "SM4-CFB"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		same_context(names[i], NULL);
		same_context(names[i], secret_uri("sm4"));
	}
	same_context("AES-128-CBC", NULL);
	same_context("AES-128-CTR", secret_uri("aes128"));
}

/* Keys' and blocks' sizes, modes: as the default provider says. */
static void test_properties(void)
{
	static const char *const names[] = {"SM4-ECB", "SM4-CBC", "SM4-CTR", "SM4-OFB", "SM4-CFB", "AES-128-ECB", "AES-192-CBC",
	                                    "AES-256-CTR", "AES-256-GCM", "AES-128-CCM"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		EVP_CIPHER *ours = EVP_CIPHER_fetch(with_hufu, names[i], OURS);
		EVP_CIPHER *theirs = EVP_CIPHER_fetch(without_hufu, names[i], NULL);
		if (GOOD(ours && theirs)) {
			CU_ASSERT_EQUAL(EVP_CIPHER_get_key_length(ours), EVP_CIPHER_get_key_length(theirs));
			CU_ASSERT_EQUAL(EVP_CIPHER_get_iv_length(ours), EVP_CIPHER_get_iv_length(theirs));
			CU_ASSERT_EQUAL(EVP_CIPHER_get_block_size(ours), EVP_CIPHER_get_block_size(theirs));
			CU_ASSERT_EQUAL(EVP_CIPHER_get_mode(ours), EVP_CIPHER_get_mode(theirs));
			CU_ASSERT_EQUAL(EVP_CIPHER_get_nid(ours), EVP_CIPHER_get_nid(theirs));
		}
		EVP_CIPHER_free(ours);
		EVP_CIPHER_free(theirs);
	}
}

/* -- what is refused ---------------------------------------------------------------------------- */

static int init_with(const char *name, const char *uri, bool encrypts)
{
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)uri, 0), OSSL_PARAM_construct_end()};
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(with_hufu, name, OURS);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int good = EVP_CipherInit_ex2(ctx, cipher, NULL, iv_bytes, encrypts, params);

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return good;
}

static void test_wrong_keys(void)
{
	FAILS(init_with("SM4-CBC", secret_uri("nobody"), true), REASON_NO_OBJECT);
	FAILS(init_with("SM4-CBC", secret_uri("twin"), true), REASON_SEVERAL_OBJECTS);
	FAILS(init_with("SM4-CBC", secret_uri("aes128"), true), REASON_KEY_TYPE);
	FAILS(init_with("AES-128-CBC", secret_uri("aes256"), true), REASON_KEY_TYPE);
	FAILS(init_with("AES-128-CBC", "pkcs11:token=elsewhere", true), REASON_NO_TOKEN);
	FAILS(init_with("SM4-CBC", "file:/etc/passwd", true), REASON_URI);
	FAILS(init_with("SM4-CBC", provider_uri("sm2", "private"), true), REASON_NO_OBJECT);
}

/* Updates with what is there, and says what was missing. */
static int update_only(const char *name, bool key, bool iv, bool aad, const char *tls)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(with_hufu, name, OURS);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t out[64];
	unsigned version = 0x0303;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(tls ? tls : "", &version), OSSL_PARAM_construct_end()};
	int n, good = EVP_EncryptInit_ex2(ctx, cipher, key ? key_bytes : NULL, iv ? iv_bytes : NULL, NULL);

	if (good && tls)
		good = EVP_CIPHER_CTX_set_params(ctx, params);
	good = good && EVP_EncryptUpdate(ctx, aad ? NULL : out, &n, text, 16);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return good;
}

static void test_missing(void)
{
	GOOD(update_only("SM4-CBC", true, true, false, NULL));
	FAILS(update_only("SM4-CBC", false, true, false, NULL), REASON_PARAMETER);
	FAILS(update_only("SM4-CBC", true, false, false, NULL), REASON_PARAMETER);
	FAILS(update_only("SM4-GCM", true, false, true, NULL), REASON_PARAMETER);
	FAILS(update_only("SM4-CBC", true, true, false, OSSL_CIPHER_PARAM_TLS_VERSION), REASON_PARAMETER);
}

/* Nothing of a ciphertext comes out of a token before its tag was checked. */
static void test_token_gcm_decrypts_whole(void)
{
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)secret_uri("sm4"), 0),
	                       OSSL_PARAM_construct_end()};
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(with_hufu, "SM4-GCM", OURS);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t out[64] = {0}, zeros[64] = {0}, tag[16] = {1};
	int n;

	GOOD(EVP_DecryptInit_ex2(ctx, cipher, NULL, iv_bytes, params));
	FAILS(EVP_DecryptUpdate(ctx, out, &n, text, 32), REASON_PARAMETER);
	GOOD(EVP_DecryptInit_ex2(ctx, NULL, NULL, iv_bytes, NULL));
	GOOD(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag));
	FAILS(EVP_DecryptUpdate(ctx, out, &n, text, 32), REASON_DECRYPTION);
	CU_ASSERT(memcmp(out, zeros, sizeof out) == 0);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

/* Each parameter that can be set, in each type that it has not, and empty: refused or not, nothing breaks. */
static void set_everything(const OSSL_PARAM *settable, int (*set)(void *, const OSSL_PARAM[]), void *ctx)
{
	static const unsigned types[] = {OSSL_PARAM_INTEGER, OSSL_PARAM_UNSIGNED_INTEGER, OSSL_PARAM_REAL, OSSL_PARAM_UTF8_STRING,
	                                 OSSL_PARAM_OCTET_STRING, 77};
	static const size_t sizes[] = {0, 1, 3, 4, 8, 64};
	uint8_t data[65];

	for (; settable && settable->key; settable++)
		for (size_t i = 0; i < sizeof types / sizeof *types; i++)
			for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
				OSSL_PARAM params[] = {{settable->key, types[i], data, sizes[j], 0}, OSSL_PARAM_END};
				memset(data, 0xee, sizeof data);
				data[sizes[j]] = 0;
				set(ctx, params);
			}
	ERR_clear_error();
}

static int set_cipher(void *ctx, const OSSL_PARAM params[])
{
	return EVP_CIPHER_CTX_set_params(ctx, params);
}

static int set_mac(void *ctx, const OSSL_PARAM params[])
{
	return EVP_MAC_CTX_set_params(ctx, params);
}

static void test_hostile_parameters(void)
{
	static const char *const ciphers[] = {"SM4-CBC", "SM4-CTR", "SM4-GCM", "SM4-CCM", "AES-128-CTR"};
	static const char *const macs[] = {"HMAC", "CMAC"};

	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
		EVP_CIPHER *cipher = EVP_CIPHER_fetch(with_hufu, ciphers[i], OURS);
		for (int encrypts = 0; encrypts < 2; encrypts++) {
			EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
			GOOD(EVP_CipherInit_ex2(ctx, cipher, key_bytes, iv_bytes, encrypts, NULL));
			set_everything(EVP_CIPHER_settable_ctx_params(cipher), set_cipher, ctx);
			EVP_CIPHER_CTX_free(ctx);
		}
		EVP_CIPHER_free(cipher);
	}
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++) {
		EVP_MAC *mac = EVP_MAC_fetch(with_hufu, macs[i], OURS);
		EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
		set_everything(EVP_MAC_settable_ctx_params(mac), set_mac, ctx);
		EVP_MAC_CTX_free(ctx);
		EVP_MAC_free(mac);
	}
}

/* -- MACs ---------------------------------------------------------------------------------------- */

struct mac_job {
	OSSL_LIB_CTX *context;
	const char *properties, *name, *parameter, *value, *uri;
	size_t key_len, step;
	bool copies;                    /* half of it by a copy of the context */
};

static size_t make_mac(const struct mac_job *job, size_t len, uint8_t out[64])
{
	EVP_MAC *mac = EVP_MAC_fetch(job->context, job->name, job->properties);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(job->parameter, (char *)(uintptr_t)job->value, 0),
	                       OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)job->uri, 0), OSSL_PARAM_construct_end()};
	size_t n = 0;

	if (!job->uri)
		params[1] = OSSL_PARAM_construct_end();
	bool good = EVP_MAC_init(ctx, job->uri ? NULL : key_bytes, job->uri ? 0 : job->key_len, params);
	for (size_t at = 0, m; good && at < len; at += m) {
		m = len - at < job->step ? len - at : job->step;
		good = EVP_MAC_update(ctx, text + at, m);
		if (job->copies && good) {
			EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(ctx);
			EVP_MAC_CTX_free(ctx);
			ctx = copy;
			good = ctx != NULL;
		}
	}
	good = good && EVP_MAC_CTX_get_mac_size(ctx) <= 64 && EVP_MAC_final(ctx, out, &n, 64) && n == EVP_MAC_CTX_get_mac_size(ctx);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return good ? n : 0;
}

static void same_mac(const char *name, const char *parameter, const char *value, const char *label, size_t key_len)
{
	static const size_t lens[] = {0, 1, 16, 64, 1000, 5000, LEN_MAX};

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
		for (int way = 0; way < 4; way++) {
			struct mac_job theirs = {without_hufu, NULL, name, parameter, value, NULL, key_len, 4096, false};
			struct mac_job ours = {with_hufu, OURS, name, parameter, value, way & 1 ? secret_uri(label) : NULL, key_len,
			                       1777, way & 2};
			uint8_t got[64], want[64];
			size_t n = make_mac(&theirs, lens[i], want), m = make_mac(&ours, lens[i], got);
			GOOD(m == n && n && memcmp(got, want, n) == 0);
		}
}

static void test_macs(void)
{
	same_mac("HMAC", "digest", "SM3", "hmac", 32);
	same_mac("HMAC", "digest", "SHA256", "hmac", 32);
	same_mac("HMAC", "digest", "SHA2-512", "hmac", 32);
	same_mac("CMAC", "cipher", "SM4-CBC", "sm4", 16);
	same_mac("CMAC", "cipher", "AES-256-CBC", "aes256", 32);
}

/* A MAC by the token's key would be taken for one by those bytes. */
static void test_mac_of_two_keys(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(with_hufu, "HMAC", OURS);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)"SM3", 0),
	                       OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)secret_uri("hmac"), 0),
	                       OSSL_PARAM_construct_end()};
	OSSL_PARAM bytes[] = {OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)text, 32), OSSL_PARAM_construct_end()};

	GOOD(EVP_MAC_init(ctx, NULL, 0, params));
	FAILS(EVP_MAC_CTX_set_params(ctx, bytes) == 1, REASON_PARAMETER);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

static void test_mac_refusals(void)
{
	uint8_t out[64];

	FAILS(make_mac(&(struct mac_job){with_hufu, OURS, "CMAC", "cipher", "AES-128-CBC", secret_uri("sm4"), 0, 99, false}, 99,
	               out),
	      REASON_KEY_TYPE);
	FAILS(make_mac(&(struct mac_job){with_hufu, OURS, "HMAC", "digest", "MD5", secret_uri("hmac"), 0, 99, false}, 99, out),
	      REASON_PARAMETER);
	FAILS(make_mac(&(struct mac_job){with_hufu, OURS, "HMAC", "digest", "SM3", secret_uri("aes128"), 0, 99, false}, 99, out),
	      REASON_KEY_TYPE);
	FAILS(make_mac(&(struct mac_job){with_hufu, OURS, "HMAC", "digest", "SM3", secret_uri("nobody"), 0, 99, false}, 99, out),
	      REASON_NO_OBJECT);
	CU_ASSERT_NOT_EQUAL(make_mac(&(struct mac_job){with_hufu, OURS, "HMAC", "digest", "MD5", NULL, 16, 99, false}, 99, out), 0);
}

/* -- SM3 ------------------------------------------------------------------------------------------ */

static void test_sm3(void)
{
	EVP_MD *ours = EVP_MD_fetch(with_hufu, "SM3", OURS), *theirs = EVP_MD_fetch(without_hufu, "SM3", NULL);

	CU_ASSERT_EQUAL(EVP_MD_get_size(ours), EVP_MD_get_size(theirs));
	CU_ASSERT_EQUAL(EVP_MD_get_block_size(ours), EVP_MD_get_block_size(theirs));
	CU_ASSERT_EQUAL(EVP_MD_get_flags(ours), EVP_MD_get_flags(theirs));
	for (size_t len = 0; len < 300; len++) {
		uint8_t got[32], want[32];
		EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
		GOOD(EVP_Digest(text, len, want, NULL, theirs, NULL));
		GOOD(EVP_DigestInit_ex2(ctx, ours, NULL) && EVP_DigestUpdate(ctx, text, len / 2));
		GOOD(EVP_MD_CTX_copy_ex(copy, ctx));
		GOOD(EVP_DigestUpdate(copy, text + len / 2, len - len / 2) && EVP_DigestFinal_ex(copy, got, NULL));
		CU_ASSERT(memcmp(got, want, 32) == 0);
		GOOD(EVP_Digest(text, len, got, NULL, ours, NULL));
		CU_ASSERT(memcmp(got, want, 32) == 0);
		EVP_MD_CTX_free(ctx);
		EVP_MD_CTX_free(copy);
	}
	EVP_MD_free(ours);
	EVP_MD_free(theirs);
}

/* -- random numbers ---------------------------------------------------------------------------------- */

static bool all_zeros(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

static void test_random(void)
{
	EVP_RAND *rand = EVP_RAND_fetch(with_hufu, "HUFU-RAND", NULL);
	EVP_RAND_CTX *ctx = EVP_RAND_CTX_new(rand, NULL);
	uint8_t a[64] = {0}, b[64] = {0};
	static uint8_t many[200000];

	CU_ASSERT_NOT_EQUAL(EVP_RAND_generate(ctx, a, sizeof a, 256, 0, NULL, 0), 1);
	ERR_clear_error();
	GOOD(EVP_RAND_instantiate(ctx, 256, 0, NULL, 0, NULL));
	GOOD(EVP_RAND_enable_locking(ctx));
	CU_ASSERT_EQUAL(EVP_RAND_get_strength(ctx), 256);
	CU_ASSERT_EQUAL(EVP_RAND_get_state(ctx), EVP_RAND_STATE_READY);
	GOOD(EVP_RAND_generate(ctx, a, sizeof a, 256, 0, text, 20));
	GOOD(EVP_RAND_reseed(ctx, 1, text, 100, text, 3));
	GOOD(EVP_RAND_generate(ctx, b, sizeof b, 0, 1, NULL, 0));
	CU_ASSERT(!all_zeros(a, sizeof a) && !all_zeros(b, sizeof b) && memcmp(a, b, sizeof a) != 0);
	GOOD(EVP_RAND_generate(ctx, many, sizeof many, 0, 0, NULL, 0));
	CU_ASSERT(!all_zeros(many + sizeof many - 64, 64));
	GOOD(EVP_RAND_uninstantiate(ctx));
	EVP_RAND_CTX_free(ctx);
	EVP_RAND_free(rand);
}

/* A DRBG of the default provider's, seeded from the token. */
static void test_seed(void)
{
	EVP_RAND *source = EVP_RAND_fetch(with_hufu, "HUFU-RAND", NULL), *drbg = EVP_RAND_fetch(with_hufu, "HASH-DRBG", NULL);
	EVP_RAND_CTX *parent = EVP_RAND_CTX_new(source, NULL), *ctx = EVP_RAND_CTX_new(drbg, parent);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_DRBG_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0),
	                       OSSL_PARAM_construct_end()};
	uint8_t out[64] = {0};

	GOOD(EVP_RAND_instantiate(parent, 0, 0, NULL, 0, NULL));
	GOOD(EVP_RAND_instantiate(ctx, 0, 0, NULL, 0, params));
	GOOD(EVP_RAND_generate(ctx, out, sizeof out, 0, 1, NULL, 0));
	CU_ASSERT(!all_zeros(out, sizeof out));
	EVP_RAND_CTX_free(ctx);
	EVP_RAND_CTX_free(parent);
	EVP_RAND_free(source);
	EVP_RAND_free(drbg);
}

/* What RAND_bytes gives, in a context that is told so: the token is opened only then. */
static void test_random_of_context(void)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
	OSSL_PROVIDER *base = OSSL_PROVIDER_load(context, "default"), *ours;
	uint8_t out[48] = {0};
	char modules[4096];
	const char *build = getenv("top_builddir");

	snprintf(modules, sizeof modules, "%s/.libs", build ? build : ".");
	GOOD(OSSL_PROVIDER_set_default_search_path(context, modules));
	ours = provider_load(context);
	GOOD(RAND_set_DRBG_type(context, "HUFU-RAND", NULL, NULL, NULL));
	GOOD(RAND_bytes_ex(context, out, sizeof out, 256));
	GOOD(RAND_priv_bytes_ex(context, out, sizeof out, 256));
	CU_ASSERT(!all_zeros(out, sizeof out));
	CU_ASSERT_STRING_EQUAL(EVP_RAND_get0_name(EVP_RAND_CTX_get0_rand(RAND_get0_primary(context))), "HUFU-RAND");
	OSSL_PROVIDER_unload(ours);
	OSSL_PROVIDER_unload(base);
	OSSL_LIB_CTX_free(context);
}

/* -- threads, forks, jobs ------------------------------------------------------------------------------ */

struct worker {
	pthread_t thread;
	char uri[4400];
	bool good;
};

/* Each with contexts of its own, over one key; random numbers of one generator. */
static void *work(void *arg)
{
	struct worker *worker = arg;
	struct mac_job theirs = {without_hufu, NULL, "CMAC", "cipher", "SM4-CBC", NULL, 16, 4096, false};
	struct mac_job ours = {with_hufu, OURS, "CMAC", "cipher", "SM4-CBC", worker->uri, 16, 100, true};
	struct job seals = {.context = without_hufu, .cipher = "SM4-CBC", .encrypts = true, .padding = true, .step = 48}, seals_too = seals;
	uint8_t mac[2][64], sealed[2][48];

	seals_too.context = with_hufu;
	seals_too.properties = OURS;
	seals_too.uri = worker->uri;
	worker->good = true;
	for (int i = 0; i < 20 && worker->good; i++) {
		worker->good = make_mac(&theirs, 1000, mac[0]) == 16 && make_mac(&ours, 1000, mac[1]) == 16 && !memcmp(mac[0], mac[1], 16);
		worker->good &= run(&seals, text, 40, sealed[0]) == 48 && run(&seals_too, text, 40, sealed[1]) == 48 &&
		                !memcmp(sealed[0], sealed[1], 48);
	}
	return NULL;
}

static void test_threads(void)
{
	static struct worker workers[4];

	for (int i = 0; i < 4; i++) {
		snprintf(workers[i].uri, sizeof workers[i].uri, "%s", secret_uri("sm4"));
		CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(pthread_join(workers[i].thread, NULL), 0);
		CU_ASSERT(workers[i].good);
	}
}

/* A MAC that was begun before the fork goes on on both sides, each to its own end; the generator, too. */
static void test_fork(void)
{
	UNIT_FORKS();
	EVP_MAC *mac = EVP_MAC_fetch(with_hufu, "HMAC", OURS);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	EVP_RAND *rand = EVP_RAND_fetch(with_hufu, "HUFU-RAND", NULL);
	EVP_RAND_CTX *generator = EVP_RAND_CTX_new(rand, NULL);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)(uintptr_t)"SM3", 0),
	                       OSSL_PARAM_construct_utf8_string("uri", (char *)(uintptr_t)secret_uri("hmac"), 0),
	                       OSSL_PARAM_construct_end()};
	uint8_t want[64], got[64], random[32];
	size_t n;
	int status = -1;

	GOOD(make_mac(&(struct mac_job){without_hufu, NULL, "HMAC", "digest", "SM3", NULL, 32, 99, false}, 2000, want) == 32);
	GOOD(EVP_MAC_init(ctx, NULL, 0, params));
	GOOD(EVP_MAC_update(ctx, text, 1500));
	GOOD(EVP_RAND_instantiate(generator, 0, 0, NULL, 0, NULL) && EVP_RAND_generate(generator, random, 32, 0, 0, NULL, 0));
	pid_t child = fork();
	bool good = EVP_MAC_update(ctx, text + 1500, 500) && EVP_MAC_final(ctx, got, &n, sizeof got) && n == 32 &&
	            memcmp(got, want, 32) == 0 &&
	            EVP_RAND_generate(generator, random, 32, 0, 0, NULL, 0) && !all_zeros(random, 32);
	if (child == 0)
		_exit(good ? 0 : 1);
	CU_ASSERT(good && waitpid(child, &status, 0) == child && status == 0);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	EVP_RAND_CTX_free(generator);
	EVP_RAND_free(rand);
}

/* As an event-driven server calls: on a small stack of libcrypto's. */
static int job(void *arg)
{
	(void)arg;
	same_mac("HMAC", "digest", "SM3", "hmac", 32);
	same_cipher("SM4-CTR", secret_uri("sm4"));
	same_as_gcrypt(GCRY_CIPHER_MODE_GCM, "SM4-GCM", secret_uri("sm4"), 12, 16, 1000, 100);
	test_random();
	return 1;
}

static void test_job(void)
{
#ifdef __SANITIZE_ADDRESS__
	UNIT_SKIP("AddressSanitizer does not follow libcrypto from stack to stack");
#endif
	ASYNC_WAIT_CTX *wait = ASYNC_WAIT_CTX_new();
	ASYNC_JOB *running = NULL;
	int result = 0, state;

	do
		state = ASYNC_start_job(&running, wait, &result, job, NULL, 0);
	while (state == ASYNC_PAUSE);
	CU_ASSERT(state == ASYNC_FINISH && result == 1);
	ASYNC_WAIT_CTX_free(wait);
	ASYNC_cleanup_thread();
}

static const struct unit_case cases[] = {
	{"the provider is loaded", provider_up},
	{"secret keys are put into its token", make_secrets},
	{"ciphers tell of themselves what the default provider's do", test_properties},
	{"SM4 with a key's bytes encrypts as the default provider, whatever the parts", test_sm4_by_bytes},
	{"SM4 with a token's key does, too", test_sm4_by_token},
	{"AES does so either way", test_aes},
	{"texts longer than what a token is given at once are one text", test_long},
	{"SM4-GCM gives the vector of RFC 8998 A.1", test_rfc8998},
	{"SM4-GCM agrees with libgcrypt, and finds a wrong tag", test_sm4_gcm},
	{"SM4-CCM agrees with libgcrypt, and finds a wrong tag", test_sm4_ccm},
	{"AES in GCM and CCM agrees with the default provider", test_aes_aead},
	{"contexts are copied, and tell their IVs as the default provider's", test_contexts},
	{"a key that is not there, not alone or of another type is refused with its reason", test_wrong_keys},
	{"what is missing is said, and TLS's records are refused", test_missing},
	{"parameters of wrong types and sizes break nothing", test_hostile_parameters},
	{"a token's GCM gives nothing before its tag was checked", test_token_gcm_decrypts_whole},
	{"HMAC and CMAC agree with the default provider, in parts and in copies", test_macs},
	{"MACs that do not fit their key are refused with a reason", test_mac_refusals},
	{"bytes of a key are not taken beside a token's", test_mac_of_two_keys},
	{"SM3 agrees with the default provider", test_sm3},
	{"HUFU-RAND gives random numbers once it is instantiated", test_random},
	{"HUFU-RAND seeds a DRBG of the default provider", test_seed},
	{"a library context draws from HUFU-RAND", test_random_of_context},
	{"threads share a token's key", test_threads},
	{"a forked child goes on with what was begun", test_fork},
	{"in an ASYNC_JOB all is the same", test_job},
	{"it is unloaded", provider_down},
	{0},
};
UNIT_MAIN("provider ciphers", cases)
