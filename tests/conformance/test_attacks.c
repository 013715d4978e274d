/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the attacks on this interface that are known (Clulow 2003; Delaune,
 * Kremer, Steel 2010; Bortolozzo and others 2010) end at a refusal: under policy
 * "standard" as far as the specification allows, under "strict" all of them.
 */
#include "tests/conformance/face.h"

#include <sqlite3.h>

#define KEY_LEN 16

static CK_BYTE known[KEY_LEN] = "a value we know.", iv[16];

static CK_SESSION_HANDLE user_of(const char *token)
{
	CK_SESSION_HANDLE s = 0;
	CK_SLOT_ID slot = face_token(token);
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	return s;
}

/* An AES key that was made here: extractable and sensitive, and of the uses given besides. */
static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE other)
{
	CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0};
	CK_ULONG len = KEY_LEN;
	CK_BBOOL encrypts = use == CKA_ENCRYPT || other == CKA_ENCRYPT, decrypts = use == CKA_DECRYPT || other == CKA_DECRYPT;
	CK_BBOOL wraps = use == CKA_WRAP || other == CKA_WRAP, unwraps = use == CKA_UNWRAP || other == CKA_UNWRAP;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_VALUE_LEN, len), ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_ENCRYPT, encrypts),
		ATTR(CKA_DECRYPT, decrypts), ATTR(CKA_WRAP, wraps), ATTR(CKA_UNWRAP, unwraps), ATTR(CKA_DERIVE, yes),
	};
	CK_OBJECT_HANDLE key = 0;
	NEED(p11->C_GenerateKey(s, &m, templ, sizeof templ / sizeof templ[0], &key));
	return key;
}

static CK_RV wrap(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, CK_BYTE out[512],
                  CK_ULONG *len)
{
	bool has_iv = type == CKM_AES_CBC || type == CKM_AES_CBC_PAD;
	CK_MECHANISM m = {type, has_iv ? iv : NULL, has_iv ? sizeof iv : 0};
	*len = 512;
	return p11->C_WrapKey(s, &m, with, key, out, len);
}

static CK_RV unwrap(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE with, CK_BYTE *in, CK_ULONG len, CK_ATTRIBUTE *more, CK_ULONG nmore,
                    CK_OBJECT_HANDLE *key)
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE templ[8] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type)};
	for (CK_ULONG i = 0; i < nmore; i++)
		templ[2 + i] = more[i];
	return p11->C_UnwrapKey(s, &m, with, in, len, templ, 2 + nmore, key);
}

static CK_RV run(CK_SESSION_HANDLE s, bool encrypt, CK_OBJECT_HANDLE key, CK_BYTE *in, CK_ULONG len, CK_BYTE out[512], CK_ULONG *n)
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	*n = 512;
	CK_RV rv = encrypt ? p11->C_EncryptInit(s, &m, key) : p11->C_DecryptInit(s, &m, key);
	if (rv != CKR_OK)
		return rv;
	return encrypt ? p11->C_Encrypt(s, in, len, out, n) : p11->C_Decrypt(s, in, len, out, n);
}

/* -- wrap, then decrypt; unwrap, then encrypt ------------------------------------------ */

static void test_wrap_then_decrypt(void)
{
	CK_SESSION_HANDLE s = user_of("strict");
	CK_OBJECT_HANDLE k = make_key(s, CKA_WRAP, CKA_DECRYPT), secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT);
	CK_BYTE wrapped[512], out[512];
	CK_ULONG len, n;
	OK(wrap(s, CKM_AES_KEY_WRAP, k, secret, wrapped, &len));
	IS(run(s, false, k, wrapped, len, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void test_encrypt_then_unwrap(void)
{
	CK_SESSION_HANDLE s = user_of("strict");
	CK_OBJECT_HANDLE k = make_key(s, CKA_ENCRYPT, CKA_UNWRAP), planted;
	CK_BYTE wrapped[512];
	CK_ULONG len;
	OK(run(s, true, k, known, sizeof known, wrapped, &len));
	IS(unwrap(s, k, wrapped, len, NULL, 0, &planted), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* The same key twice, out of one wrapping, with one use each: the second detour of the first attack. */
static void test_unwrapped_twice(void)
{
	CK_SESSION_HANDLE s = user_of("strict");
	CK_OBJECT_HANDLE k = make_key(s, CKA_WRAP, CKA_UNWRAP), inner = make_key(s, CKA_ENCRYPT, CKA_DECRYPT), secret = inner, twin;
	CK_BYTE wrapped[512], out[512];
	CK_ULONG len, n;
	CK_ATTRIBUTE wraps[] = {ATTR(CKA_WRAP, yes)};
	OK(wrap(s, CKM_AES_KEY_WRAP, k, inner, wrapped, &len));
	OK(unwrap(s, k, wrapped, len, wraps, 1, &twin));
	IS(wrap(s, CKM_AES_KEY_WRAP, twin, secret, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* A public key that the attacker brings, whose private half he has. */
static void test_foreign_public_key(void)
{
	CK_SESSION_HANDLE s = user_of("strict");
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_BYTE modulus[256], exponent[] = {1, 0, 1}, out[512];
	CK_ULONG n;
	CK_OBJECT_HANDLE pub = 0, secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT);
	CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = CKM_SHA256, .mgf = CKG_MGF1_SHA256, .source = CKZ_DATA_SPECIFIED};
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
	memset(modulus, 0xc5, sizeof modulus);
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_MODULUS, modulus),
	                        ATTR(CKA_PUBLIC_EXPONENT, exponent), ATTR(CKA_WRAP, yes)};
	NEED(p11->C_CreateObject(s, templ, 5, &pub));
	n = sizeof out;
	IS(p11->C_WrapKey(s, &m, pub, secret, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* -- both policies ------------------------------------------------------------------------ */

static const char *const tokens[] = {"test", "strict"};

/* A mode without integrity lets the wrapping be cut into blocks that are guessed one by one. */
static void test_weak_wrapping(void)
{
	static const CK_MECHANISM_TYPE weak[] = {CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD};
	for (size_t t = 0; t < 2; t++) {
		CK_SESSION_HANDLE s = user_of(tokens[t]);
		CK_OBJECT_HANDLE k = make_key(s, CKA_WRAP, CKA_WRAP), secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT);
		CK_BYTE out[512];
		CK_ULONG n;
		for (size_t i = 0; i < 3; i++)
			IS(wrap(s, weak[i], k, secret, out, &n), CKR_KEY_NOT_WRAPPABLE);
		OK(wrap(s, CKM_AES_KEY_WRAP, k, secret, out, &n));
	}
}

/* Its bytes one by one, or under bytes of one's choice. */
static void test_piecewise(void)
{
	CK_EXTRACT_PARAMS bit = 8;
	CK_ULONG one = 1;
	CK_KEY_DERIVATION_STRING_DATA data = {known, 1};
	CK_MECHANISM all[] = {{CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit}, {CKM_XOR_BASE_AND_DATA, &data, sizeof data},
	                      {CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof data}, {CKM_CONCATENATE_DATA_AND_BASE, &data, sizeof data}};
	CK_ATTRIBUTE readable[] = {ATTR(CKA_VALUE_LEN, one), ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	for (size_t t = 0; t < 2; t++) {
		CK_SESSION_HANDLE s = user_of(tokens[t]);
		CK_OBJECT_HANDLE secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT), key;
		for (size_t i = 0; i < 4; i++)
			IS(p11->C_DeriveKey(s, &all[i], secret, readable, 3, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

/* Sensitive by one entry and not by another; readable where the unwrapping key says sensitive. */
static void test_conflicting_templates(void)
{
	CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0};
	CK_ULONG len = KEY_LEN, n;
	CK_ATTRIBUTE twice[] = {ATTR(CKA_VALUE_LEN, len), ATTR(CKA_SENSITIVE, yes), ATTR(CKA_SENSITIVE, no)};
	CK_ATTRIBUTE inner[] = {ATTR(CKA_SENSITIVE, yes)};
	CK_ATTRIBUTE unwrapping[] = {ATTR(CKA_VALUE_LEN, len), ATTR(CKA_WRAP, yes), ATTR(CKA_UNWRAP, yes),
	                             BYTES(CKA_UNWRAP_TEMPLATE, inner, sizeof inner)};
	CK_ATTRIBUTE readable[] = {ATTR(CKA_SENSITIVE, no)};
	for (size_t t = 0; t < 2; t++) {
		CK_SESSION_HANDLE s = user_of(tokens[t]);
		CK_OBJECT_HANDLE key, secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT);
		CK_BYTE wrapped[512];
		IS(p11->C_GenerateKey(s, &m, twice, 3, &key), CKR_TEMPLATE_INCONSISTENT);
		OK(p11->C_GenerateKey(s, &m, unwrapping, 4, &key));
		OK(wrap(s, CKM_AES_KEY_WRAP, key, secret, wrapped, &n));
		IS(unwrap(s, key, wrapped, n, readable, 1, &secret), CKR_TEMPLATE_INCONSISTENT);
		OK(unwrap(s, key, wrapped, n, NULL, 0, &secret));
	}
}

/* What was made sensitive stays so: not by setting, not by copying. */
static void test_back_to_readable(void)
{
	CK_ATTRIBUTE readable[] = {ATTR(CKA_SENSITIVE, no)}, value[] = {BYTES(CKA_VALUE, known, sizeof known)};
	for (size_t t = 0; t < 2; t++) {
		CK_SESSION_HANDLE s = user_of(tokens[t]);
		CK_OBJECT_HANDLE secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT), copy;
		IS(p11->C_SetAttributeValue(s, secret, readable, 1), CKR_ATTRIBUTE_READ_ONLY);
		IS(p11->C_CopyObject(s, secret, readable, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
		IS(p11->C_GetAttributeValue(s, secret, value, 1), CKR_ATTRIBUTE_SENSITIVE);
	}
}

/* CKA_TRUSTED is the officer's word: the user cannot give it, and a key that asks for it goes under no other. */
static void test_trusted(void)
{
	CK_ATTRIBUTE trusted[] = {ATTR(CKA_TRUSTED, yes)}, only[] = {ATTR(CKA_WRAP_WITH_TRUSTED, yes)}, off[] = {ATTR(CKA_WRAP_WITH_TRUSTED, no)};
	CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0};
	CK_ULONG len = KEY_LEN, n;
	CK_ATTRIBUTE at_once[] = {ATTR(CKA_VALUE_LEN, len), ATTR(CKA_TRUSTED, yes)};
	for (size_t t = 0; t < 2; t++) {
		CK_SESSION_HANDLE s = user_of(tokens[t]);
		CK_OBJECT_HANDLE k = make_key(s, CKA_WRAP, CKA_WRAP), secret = make_key(s, CKA_ENCRYPT, CKA_DECRYPT), key;
		CK_BYTE out[512];
		IS(p11->C_SetAttributeValue(s, k, trusted, 1), CKR_ATTRIBUTE_READ_ONLY);
		IS(p11->C_GenerateKey(s, &m, at_once, 2, &key), CKR_ATTRIBUTE_READ_ONLY);
		OK(p11->C_SetAttributeValue(s, secret, only, 1));
		IS(wrap(s, CKM_AES_KEY_WRAP, k, secret, out, &n), CKR_KEY_NOT_WRAPPABLE);
		IS(p11->C_SetAttributeValue(s, secret, off, 1), CKR_ATTRIBUTE_READ_ONLY);
	}
}

/* -- the database, edited ---------------------------------------------------------------------- */

static void edit(const char *name, const char *sql)
{
	char path[256];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/%s.db", face_dir(), name);
	CU_ASSERT_FATAL(sqlite3_open(path, &db) == SQLITE_OK);
	CU_ASSERT(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	CU_ASSERT(sqlite3_changes(db) == 1);
	sqlite3_close(db);
}

static CK_ULONG count(CK_SESSION_HANDLE s, CK_BYTE *label, CK_ULONG len)
{
	CK_ATTRIBUTE wanted[] = {BYTES(CKA_LABEL, label, len)};
	CK_OBJECT_HANDLE found[4];
	CK_ULONG n = 0;
	NEED(p11->C_FindObjectsInit(s, wanted, 1));
	(void)p11->C_FindObjects(s, found, 4, &n);
	OK(p11->C_FindObjectsFinal(s));
	return n;
}

/* A row whose bytes were changed, or that was exchanged for another's, is not an object. */
static void test_edited_row(void)
{
	static const char *const edits[] = {
		"UPDATE object SET body = substr(body, 1, length(body) - 1)",
		"UPDATE object SET host_mac = zeroblob(length(host_mac))",
		"UPDATE object SET version = version + 1",
		"UPDATE object SET private = 1 - private",
		"UPDATE object SET uuid = randomblob(16)",
	};
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BYTE label[] = "edited";
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, no), BYTES(CKA_LABEL, label, 6),
	                        BYTES(CKA_VALUE, known, sizeof known)};
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		CK_SESSION_HANDLE s = user_of("strict");
		CK_OBJECT_HANDLE object;
		NEED(p11->C_CreateObject(s, templ, 5, &object));
		CU_ASSERT_EQUAL(count(s, label, 6), 1);
		NEED(p11->C_CloseAllSessions(face_slot("strict")));
		face_stop();
		edit("strict", edits[i]);
		CU_ASSERT_EQUAL(count(user_of("strict"), label, 6), 0);
		edit("strict", "DELETE FROM object");
	}
}

static const struct unit_case cases[] = {
	{"strict: what a key has wrapped it does not decrypt", test_wrap_then_decrypt},
	{"strict: what a key has encrypted it does not unwrap", test_encrypt_then_unwrap},
	{"strict: of a key that was unwrapped twice neither wraps", test_unwrapped_twice},
	{"strict: a public key that somebody brought does not wrap", test_foreign_public_key},
	{"a sensitive key goes under no mode without integrity", test_weak_wrapping},
	{"a sensitive key is not taken to pieces", test_piecewise},
	{"templates that contradict themselves or their key are refused", test_conflicting_templates},
	{"a sensitive key becomes readable neither by change nor by copy", test_back_to_readable},
	{"trust is not the user's to give", test_trusted},
	{"a row that was edited in the database is no object", test_edited_row},
	{0},
};
UNIT_MAIN("attacks", cases)
