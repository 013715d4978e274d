/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/provider.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <sys/stat.h>

OSSL_LIB_CTX *with_hufu, *without_hufu;
OSSL_provider_init_fn *provider_linked_in;
const char *const pairs[] = {PAIRS, NULL};

static OSSL_PROVIDER *loaded[3];
static char pin_file[PATH_MAX];

/* -- keys, made by the PKCS#11 module -------------------------------------------------- */

static const CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const CK_BYTE p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}, p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
static const CK_BYTE ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70}, ed448[] = {0x06, 0x03, 0x2b, 0x65, 0x71};
static const CK_BYTE x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e}, x448[] = {0x06, 0x03, 0x2b, 0x65, 0x6f};

enum use { SIGNS = 1, DECRYPTS = 2, DERIVES = 4 };

static const struct {
	const char *label;
	CK_MECHANISM_TYPE mechanism;
	const CK_BYTE *curve;
	CK_ULONG curve_len;
	unsigned uses;
} made[] = {
	{"rsa", CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0, SIGNS | DECRYPTS},
	{"p256", CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, SIGNS | DERIVES},
	{"p384", CKM_EC_KEY_PAIR_GEN, p384, sizeof p384, SIGNS | DERIVES},
	{"p521", CKM_EC_KEY_PAIR_GEN, p521, sizeof p521, SIGNS | DERIVES},
	{"sm2", CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0, SIGNS | DECRYPTS | DERIVES},
	{"ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, ed25519, sizeof ed25519, SIGNS},
	{"ed448", CKM_EC_EDWARDS_KEY_PAIR_GEN, ed448, sizeof ed448, SIGNS},
	{"x25519", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, x25519, sizeof x25519, DERIVES},
	{"x448", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, x448, sizeof x448, DERIVES},
};

static void make_pair(CK_SESSION_HANDLE s, size_t i)
{
	CK_MECHANISM mechanism = {made[i].mechanism, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;
	CK_ULONG nbits = 2048;
	CK_BBOOL signs = made[i].uses & SIGNS ? yes : no, decrypts = made[i].uses & DECRYPTS ? yes : no;
	CK_BBOOL derives = made[i].uses & DERIVES ? yes : no;
	void *label = (void *)(uintptr_t)made[i].label;
	CK_ULONG label_len = strlen(made[i].label);
	CK_ATTRIBUTE pub_templ[] = {
		ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, label_len), BYTES(CKA_ID, label, label_len), ATTR(CKA_VERIFY, signs),
		ATTR(CKA_ENCRYPT, decrypts), ATTR(CKA_MODULUS_BITS, nbits),
	};
	CK_ATTRIBUTE priv_templ[] = {
		ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, label_len), BYTES(CKA_ID, label, label_len), ATTR(CKA_SIGN, signs),
		ATTR(CKA_DECRYPT, decrypts), ATTR(CKA_DERIVE, derives),
	};
	CK_ULONG npub = made[i].mechanism == CKM_HUFU_SM2_KEY_PAIR_GEN ? 5 : 6;

	if (made[i].curve)
		pub_templ[5] = (CK_ATTRIBUTE)BYTES(CKA_EC_PARAMS, (void *)(uintptr_t)made[i].curve, made[i].curve_len);
	NEED(p11->C_GenerateKeyPair(s, &mechanism, pub_templ, npub, priv_templ, 6, &pub, &priv));
}

static void make_token(void)
{
	CK_SESSION_HANDLE s = face_user();

	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		make_pair(s, i);
	face_stop();
}

static void write_pin_file(void)
{
	snprintf(pin_file, sizeof pin_file, "%s/user.pin", face_dir());
	mode_t before = umask(077);
	FILE *f = fopen(pin_file, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "%s\n", USER_PIN);
	CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
	umask(before);
}

/* -- the provider ------------------------------------------------------------------------ */

OSSL_PROVIDER *provider_load(OSSL_LIB_CTX *context)
{
	OSSL_PROVIDER *provider = OSSL_PROVIDER_load(context, "hufu");

	GOOD(provider != NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(provider);
	return provider;
}

void provider_up(void)
{
	const char *build = getenv("top_builddir");
	char modules[PATH_MAX];

	snprintf(modules, sizeof modules, "%s/.libs", build ? build : ".");
	make_token();
	write_pin_file();
	with_hufu = OSSL_LIB_CTX_new();
	without_hufu = OSSL_LIB_CTX_new();
	GOOD(OSSL_PROVIDER_set_default_search_path(with_hufu, modules));
	if (provider_linked_in)
		GOOD(OSSL_PROVIDER_add_builtin(with_hufu, "hufu", provider_linked_in));
	loaded[0] = OSSL_PROVIDER_load(without_hufu, "default");
	loaded[1] = OSSL_PROVIDER_load(with_hufu, "default");
	loaded[2] = provider_load(with_hufu);
}

void provider_down(void)
{
	for (size_t i = 3; i-- > 0;)
		CU_ASSERT_EQUAL(OSSL_PROVIDER_unload(loaded[i]), 1);
	OSSL_LIB_CTX_free(with_hufu);
	OSSL_LIB_CTX_free(without_hufu);
}

/* -- what it has ------------------------------------------------------------------------- */

const char *provider_pin_file(void)
{
	return pin_file;
}

const char *provider_uri(const char *label, const char *type)
{
	static char uri[PATH_MAX + 256];

	snprintf(uri, sizeof uri, "pkcs11:token=test;object=%s%s%s?pin-source=file:%s", label, type ? ";type=" : "", type ? type : "",
	         pin_file);
	return uri;
}

static OSSL_STORE_INFO *first_at(const char *uri, int expect)
{
	OSSL_STORE_INFO *info = NULL;
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, with_hufu, NULL, NULL, NULL, NULL, NULL, NULL);

	if (!store)
		return NULL;
	if (OSSL_STORE_expect(store, expect))
		while (!info && !OSSL_STORE_eof(store))
			info = OSSL_STORE_load(store);
	OSSL_STORE_close(store);
	return info;
}

EVP_PKEY *provider_key_at(const char *uri, int expect)
{
	OSSL_STORE_INFO *info = first_at(uri, expect);
	EVP_PKEY *key = NULL;

	if (info)
		key = expect == OSSL_STORE_INFO_PUBKEY ? OSSL_STORE_INFO_get1_PUBKEY(info) : OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	return key;
}

X509 *provider_certificate_at(const char *uri)
{
	OSSL_STORE_INFO *info = first_at(uri, OSSL_STORE_INFO_CERT);
	X509 *certificate = info ? OSSL_STORE_INFO_get1_CERT(info) : NULL;

	OSSL_STORE_INFO_free(info);
	return certificate;
}

EVP_PKEY *provider_private(const char *label)
{
	EVP_PKEY *key = provider_key_at(provider_uri(label, "private"), OSSL_STORE_INFO_PKEY);

	GOOD(key != NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

EVP_PKEY *provider_public(const char *label)
{
	EVP_PKEY *key = provider_private(label);
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	const uint8_t *p = der;
	EVP_PKEY *public = len > 0 ? d2i_PUBKEY_ex(NULL, &p, len, without_hufu, NULL) : NULL;

	EVP_PKEY_free(key);
	OPENSSL_free(der);
	GOOD(public != NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(public);
	return public;
}

/* -- claims -------------------------------------------------------------------------------- */

static void add_error(char *text, size_t room, unsigned long code, const char *data)
{
	size_t len = strlen(text);

	snprintf(text + len, room - len, "; %s: %s", ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "?", data);
}

bool provider_reason_is(enum reason want, const char *call, const char *file, unsigned line)
{
	char text[2048] = "";
	const char *data;
	int flags;
	unsigned long code;
	bool seen = false;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		seen |= want && ERR_GET_LIB(code) >= ERR_LIB_USER && ERR_GET_REASON(code) == (int)want;
		add_error(text, sizeof text, code, flags & ERR_TXT_STRING ? data : "");
	}
	char claim[2400];
	snprintf(claim, sizeof claim, "%.200s fails with reason %d%s", call, (int)want, text);
	CU_assertImplementation(seen, line, claim, file, "", CU_FALSE);
	return seen;
}

bool provider_ok(int got, const char *call, const char *file, unsigned line)
{
	char text[2048] = "";
	const char *data;
	int flags;
	unsigned long code;

	while (got != 1 && (code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)))
		add_error(text, sizeof text, code, flags & ERR_TXT_STRING ? data : "");
	char claim[2400];
	snprintf(claim, sizeof claim, "%.200s gives %d%s", call, got, text);
	CU_assertImplementation(got == 1, line, claim, file, "", CU_FALSE);
	return got == 1;
}
