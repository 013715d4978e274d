/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: under policy "strict" the attacks on wrapping interfaces that are known
 * since Clulow (2003) and Delaune, Kremer, Steel (2010) end at a refusal: wrap
 * and decrypt, wrap and give the keystream, unwrap and encrypt, the same by two
 * copies of a key, by a key whose value is known, by an unwrapped key, by a key
 * pair.
 */
#include "token_util.h"
#include "unit.h"

#include "token/policy.h"

#include <sys/wait.h>
#include <unistd.h>

#define ATTR(type, value) {type, (void *)(uintptr_t)&(value), sizeof(value)}

static const uint8_t iv[12], text[16] = "sixteen bytes...";
static CK_GCM_PARAMS gcm;

static CK_MECHANISM gcm_mechanism(void)
{
	gcm = (CK_GCM_PARAMS){.pIv = (CK_BYTE_PTR)(uintptr_t)iv, .ulIvLen = sizeof iv, .ulTagBits = 128};
	return mechanism(CKM_HUFU_SM4_GCM, &gcm, sizeof gcm);
}

/* An SM4 key made here, with the uses given. */
static CK_OBJECT_HANDLE generate(CK_BBOOL on_token, CK_BBOOL wraps, CK_BBOOL unwraps, CK_BBOOL encrypts, CK_BBOOL decrypts)
{
	CK_MECHANISM m = mechanism(CKM_HUFU_SM4_KEY_GEN, NULL, 0);
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_TOKEN, on_token), ATTR(CKA_WRAP, wraps), ATTR(CKA_UNWRAP, unwraps), ATTR(CKA_ENCRYPT, encrypts),
		ATTR(CKA_DECRYPT, decrypts), ATTR(CKA_EXTRACTABLE, yes),
	};
	CK_OBJECT_HANDLE key = 0;
	OK(key_generate(session, &m, templ, 6, &key));
	return key;
}

static CK_RV wrap(CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, uint8_t out[64], CK_ULONG *len)
{
	CK_MECHANISM m = gcm_mechanism();
	*len = 64;
	return key_wrap(session, &m, with, key, out, len);
}

static CK_RV unwrap(CK_OBJECT_HANDLE with, const uint8_t *in, CK_ULONG len, const CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *key)
{
	CK_MECHANISM m = gcm_mechanism();
	const CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	const CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_ATTRIBUTE templ[3] = {ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type)};
	if (more)
		templ[2] = *more;
	return key_unwrap(session, &m, with, in, len, templ, more ? 3 : 2, key);
}

static CK_RV apply(enum op_kind kind, CK_OBJECT_HANDLE key, const uint8_t *in, CK_ULONG len, uint8_t out[64], CK_ULONG *out_len)
{
	CK_MECHANISM m = gcm_mechanism();
	*out_len = 64;
	return crypt_at_once(kind, &m, key, in, len, out, out_len);
}

static void test_wrap_then_decrypt(void)
{
	uint8_t wrapped[64], out[64];
	CK_ULONG len, n;
	for (int on_token = 0; on_token < 2; on_token++) {
		CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), k = generate((CK_BBOOL)on_token, yes, no, no, yes);
		OK(wrap(k, secret, wrapped, &len));
		IS(apply(OP_DECRYPT, k, wrapped, len, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
		OK(wrap(k, secret, wrapped, &len));

		CK_OBJECT_HANDLE other = generate((CK_BBOOL)on_token, yes, no, yes, yes);
		OK(apply(OP_ENCRYPT, other, text, sizeof text, wrapped, &len));
		OK(apply(OP_DECRYPT, other, wrapped, len, out, &n));
		IS(wrap(other, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

static void test_unwrap_then_encrypt(void)
{
	uint8_t wrapped[64], out[64];
	CK_ULONG len, n;
	CK_OBJECT_HANDLE k = generate(no, no, yes, yes, no), made;
	OK(apply(OP_ENCRYPT, k, text, sizeof text, wrapped, &len));
	IS(unwrap(k, wrapped, len, NULL, &made), CKR_KEY_FUNCTION_NOT_PERMITTED);

	CK_OBJECT_HANDLE both = generate(no, yes, yes, yes, no), secret = generate(no, no, no, yes, yes);
	OK(wrap(both, secret, wrapped, &len));
	OK(unwrap(both, wrapped, len, NULL, &made));
	IS(apply(OP_ENCRYPT, both, text, sizeof text, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* GCM under the IV that wrapped: what it encrypts is deciphered. */
static void test_wrap_then_encrypt(void)
{
	uint8_t wrapped[64], out[64];
	CK_ULONG len, n;
	for (int on_token = 0; on_token < 2; on_token++) {
		CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), k = generate((CK_BBOOL)on_token, yes, no, yes, no);
		OK(wrap(k, secret, wrapped, &len));
		IS(apply(OP_ENCRYPT, k, wrapped, 16, out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
		OK(wrap(k, secret, wrapped, &len));

		CK_OBJECT_HANDLE other = generate((CK_BBOOL)on_token, yes, no, yes, no);
		OK(apply(OP_ENCRYPT, other, text, sizeof text, out, &n));
		IS(wrap(other, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

/* The same by the value of a derived key: a counter block encrypted is the keystream. */
static void test_wrap_then_derive(void)
{
	static uint8_t block[16];
	CK_MECHANISM gen = mechanism(CKM_AES_KEY_GEN, NULL, 0), kw = mechanism(CKM_AES_KEY_WRAP, NULL, 0);
	CK_KEY_DERIVATION_STRING_DATA data = {block, sizeof block};
	CK_MECHANISM ecb = mechanism(CKM_AES_ECB_ENCRYPT_DATA, &data, sizeof data);
	const CK_ULONG bytes = 16;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_VALUE_LEN, bytes), ATTR(CKA_WRAP, yes), ATTR(CKA_DERIVE, yes), ATTR(CKA_ENCRYPT, no),
	                        ATTR(CKA_DECRYPT, no)};
	CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), wraps, derives, key;
	uint8_t wrapped[64];
	CK_ULONG len = sizeof wrapped;
	OK(key_generate(session, &gen, templ, 5, &wraps));
	OK(key_generate(session, &gen, templ, 5, &derives));
	IS(object_copy(session, wraps, NULL, 0, &key), CKR_ACTION_PROHIBITED);
	OK(key_wrap(session, &kw, wraps, secret, wrapped, &len));
	IS(key_derive(session, &ecb, wraps, NULL, 0, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(key_derive(session, &ecb, derives, NULL, 0, &key));
	len = sizeof wrapped;
	IS(key_wrap(session, &kw, derives, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* An SM4 key that makes and checks MACs, and has one use more. */
static CK_OBJECT_HANDLE generate_mac_key(CK_BBOOL on_token, CK_ATTRIBUTE_TYPE use)
{
	CK_MECHANISM m = mechanism(CKM_HUFU_SM4_KEY_GEN, NULL, 0);
	CK_ATTRIBUTE templ[] = {ATTR(CKA_TOKEN, on_token), ATTR(CKA_ENCRYPT, no), ATTR(CKA_DECRYPT, no), ATTR(CKA_SIGN, yes),
	                        ATTR(CKA_VERIFY, yes), ATTR(use, yes)};
	CK_OBJECT_HANDLE key = 0;
	OK(key_generate(session, &m, templ, 6, &key));
	return key;
}

static CK_RV mac(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM m = mechanism(type, NULL, 0);
	uint8_t out[16];
	CK_ULONG n = sizeof out;
	CK_RV rv = sign_init(session, &m, key);
	return rv == CKR_OK ? sign_once(session, text, sizeof text, out, &n) : rv;
}

/* A CBC-MAC of one block is that block encrypted: of GCM's counter block, the keystream. */
static void test_wrap_then_mac(void)
{
	CK_MAC_GENERAL_PARAMS one = 1;
	CK_MECHANISM guess = mechanism(CKM_HUFU_SM4_CBC_MAC_GENERAL, &one, sizeof one);
	CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), copy;
	uint8_t wrapped[64];
	CK_ULONG len;
	for (int on_token = 0; on_token < 2; on_token++) {
		CK_OBJECT_HANDLE wraps = generate_mac_key((CK_BBOOL)on_token, CKA_WRAP), macs = generate_mac_key((CK_BBOOL)on_token, CKA_WRAP);
		IS(object_copy(session, wraps, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
		OK(wrap(wraps, secret, wrapped, &len));
		IS(mac(CKM_HUFU_SM4_CBC_MAC, wraps), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(sign_init(session, &guess, wraps), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(verify_init(session, &guess, wraps, NULL, 0), CKR_KEY_FUNCTION_NOT_PERMITTED);
		OK(mac(CKM_HUFU_SM4_CMAC, wraps));
		OK(wrap(wraps, secret, wrapped, &len));
		OK(mac(CKM_HUFU_SM4_CBC_MAC, macs));
		IS(wrap(macs, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

/* The reverse of it: what such a MAC has made is unwrapped. */
static void test_mac_then_unwrap(void)
{
	CK_OBJECT_HANDLE other = generate(no, yes, yes, no, no), key = generate_mac_key(no, CKA_UNWRAP), made;
	CK_ATTRIBUTE sign = ATTR(CKA_SIGN, yes), verify = ATTR(CKA_VERIFY, yes);
	uint8_t bytes[64] = {0};
	OK(mac(CKM_HUFU_SM4_CBC_MAC, key));
	IS(unwrap(key, bytes, 32, NULL, &made), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(object_copy(session, generate_mac_key(no, CKA_UNWRAP), NULL, 0, &made), CKR_ACTION_PROHIBITED);
	IS(object_set_attributes(session, other, &sign, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(object_copy(session, other, &verify, 1, &made), CKR_ATTRIBUTE_READ_ONLY);
}

static bool flag_of(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL flag = CK_FALSE;
	CK_ATTRIBUTE a = ATTR(type, flag);
	OK(object_get_attributes(session, key, &a, 1));
	return flag;
}

/* A latch is told, kept, carried over, and nobody's to set. */
static void test_latches(void)
{
	uint8_t wrapped[64];
	CK_ULONG len;
	CK_OBJECT_HANDLE k = generate(yes, yes, no, no, no), secret = generate(no, no, no, yes, yes), copy = 0;
	const CK_BBOOL off = CK_FALSE;
	CK_ATTRIBUTE clear = ATTR(CKA_HUFU_HAS_WRAPPED, off);
	OK(wrap(k, secret, wrapped, &len));
	CU_ASSERT(flag_of(k, CKA_HUFU_HAS_WRAPPED));
	OK(object_copy(session, k, NULL, 0, &copy));
	CU_ASSERT(flag_of(copy, CKA_HUFU_HAS_WRAPPED));
	IS(object_set_attributes(session, k, &clear, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	OK(object_destroy(session, k));
}

static void test_copies(void)
{
	CK_OBJECT_HANDLE two = generate(no, yes, no, no, yes), one = generate(no, yes, no, no, no), copy;
	const CK_BBOOL on = CK_TRUE;
	CK_ATTRIBUTE decrypt = ATTR(CKA_DECRYPT, on), wraps = ATTR(CKA_WRAP, no);
	IS(object_copy(session, two, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
	IS(object_copy(session, one, &decrypt, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	IS(object_set_attributes(session, one, &decrypt, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(object_set_attributes(session, two, &wraps, 1));
	OK(object_copy(session, two, NULL, 0, &copy));
}

/* Whoever knows a wrapping key's value needs no decryption of the token's. */
static void test_known_value(void)
{
	uint8_t wrapped[64];
	CK_ULONG len;
	CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), k = generate(no, yes, yes, no, no), unwrapped;
	const CK_BBOOL on = CK_TRUE;
	CK_ATTRIBUTE wraps = ATTR(CKA_WRAP, on);
	IS(wrap(sm4_key, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(wrap(k, secret, wrapped, &len));
	OK(unwrap(k, wrapped, len, &wraps, &unwrapped));
	IS(wrap(unwrapped, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* Made here, but of a password: whoever has told it knows the key. */
static void test_password(void)
{
	static uint8_t password[] = "known", salt[8];
	CK_PKCS5_PBKD2_PARAMS2 p = {.saltSource = CKZ_SALT_SPECIFIED, .pSaltSourceData = salt, .ulSaltSourceDataLen = sizeof salt,
	                            .iterations = 1, .prf = CKP_PKCS5_PBKD2_HMAC_SHA256, .pPassword = password, .ulPasswordLen = 5};
	CK_MECHANISM m = mechanism(CKM_PKCS5_PBKD2, &p, sizeof p);
	const CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_KEY_TYPE, type), ATTR(CKA_WRAP, yes)};
	CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), k;
	uint8_t wrapped[64];
	CK_ULONG len;
	OK(key_generate(session, &m, templ, 2, &k));
	CU_ASSERT(flag_of(k, CKA_SENSITIVE) && !flag_of(k, CKA_ALWAYS_SENSITIVE) && !flag_of(k, CKA_NEVER_EXTRACTABLE));
	IS(wrap(k, secret, wrapped, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void test_unwrapped(void)
{
	uint8_t wrapped[64];
	CK_ULONG len;
	CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), k = generate(no, yes, yes, no, no), made;
	const CK_BBOOL on = CK_TRUE, off = CK_FALSE;
	CK_ATTRIBUTE readable = ATTR(CKA_SENSITIVE, off), extractable = ATTR(CKA_EXTRACTABLE, on);
	OK(wrap(k, secret, wrapped, &len));
	IS(unwrap(k, wrapped, len, &readable, &made), CKR_TEMPLATE_INCONSISTENT);
	IS(unwrap(k, wrapped, len, &extractable, &made), CKR_TEMPLATE_INCONSISTENT);
	OK(unwrap(k, wrapped, len, NULL, &made));
	CU_ASSERT(flag_of(made, CKA_SENSITIVE) && !flag_of(made, CKA_EXTRACTABLE));
}

/* Of chosen bytes, keys as short as one byte: their check values would tell what the unwrapping key decrypts. */
static void test_unwrapped_pieces(void)
{
	static uint8_t bytes[256], iv16[16];
	CK_MECHANISM rsa = mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0), raw = mechanism(CKM_RSA_X_509, NULL, 0);
	CK_MECHANISM modes[] = {mechanism(CKM_HUFU_SM4_ECB, NULL, 0), mechanism(CKM_HUFU_SM4_CBC, iv16, sizeof iv16),
	                        mechanism(CKM_HUFU_SM4_CBC_PAD, iv16, sizeof iv16)};
	const CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	const CK_ULONG one = 1, nbits = 2048;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE_LEN, one)};
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_MODULUS_BITS, nbits)}, unwraps[] = {ATTR(CKA_UNWRAP, yes)};
	CK_OBJECT_HANDLE k = generate(no, no, yes, no, no), pub, priv, made;
	for (size_t i = 0; i < 3; i++)
		IS(key_unwrap(session, &modes[i], k, bytes, 16, templ, 3, &made), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(key_generate_pair(session, &rsa, pub_templ, 1, unwraps, 1, &pub, &priv));
	bytes[255] = 2;
	IS(key_unwrap(session, &raw, priv, bytes, sizeof bytes, templ, 3, &made), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* In the child, session keys that could still go either way go neither. */
static void test_fork(void)
{
	UNIT_FORKS();
	uint8_t wrapped[64];
	CK_ULONG len;
	CK_OBJECT_HANDLE secret = generate(no, no, no, yes, yes), either = generate(no, yes, no, no, yes), one = generate(no, yes, no, no, no);
	CK_SESSION_HANDLE h = session->handle;
	int status = 1;
	session_leave(session); /* a fork waits for those who are in one */
	pid_t pid = fork();
	if (session_enter(h, &session) != CKR_OK)
		_exit(1);
	if (pid == 0) {
		bool kept = wrap(either, secret, wrapped, &len) == CKR_KEY_FUNCTION_NOT_PERMITTED;
		_exit(kept && wrap(one, secret, wrapped, &len) == CKR_OK ? 0 : 1);
	}
	CU_ASSERT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	OK(wrap(either, secret, wrapped, &len));
}

static void test_pairs(void)
{
	CK_MECHANISM m = mechanism(CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0);
	const CK_BBOOL on = CK_TRUE, off = CK_FALSE;
	CK_ATTRIBUTE wraps = ATTR(CKA_WRAP, on), decrypts[] = {ATTR(CKA_DECRYPT, on)}, only[] = {ATTR(CKA_DECRYPT, off), ATTR(CKA_UNWRAP, on)};
	CK_OBJECT_HANDLE pub, priv;
	IS(key_generate_pair(session, &m, &wraps, 1, decrypts, 1, &pub, &priv), CKR_TEMPLATE_INCONSISTENT);
	OK(key_generate_pair(session, &m, &wraps, 1, only, 2, &pub, &priv));
	IS(object_set_attributes(session, priv, decrypts, 1), CKR_ATTRIBUTE_READ_ONLY);
}

/* RFC 8017 5.2.1: the same power of the number, whether it is called signing or decrypting. */
static void test_raw_signatures(void)
{
	CK_MECHANISM m = mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0), raw = mechanism(CKM_RSA_X_509, NULL, 0);
	CK_MECHANISM pkcs = mechanism(CKM_RSA_PKCS, NULL, 0);
	const CK_ULONG nbits = 2048;
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_MODULUS_BITS, nbits), ATTR(CKA_WRAP, yes)}, plain[] = {ATTR(CKA_MODULUS_BITS, nbits)};
	CK_ATTRIBUTE unwraps[] = {ATTR(CKA_DECRYPT, no), ATTR(CKA_UNWRAP, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_SIGN_RECOVER, yes)};
	CK_OBJECT_HANDLE pub, priv;
	OK(key_generate_pair(session, &m, pub_templ, 2, unwraps, 4, &pub, &priv));
	IS(sign_init(session, &raw, priv), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(sign_recover_init(session, &raw, priv), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(sign_init(session, &pkcs, priv));
	OK(sign_init(session, NULL, 0));
	OK(key_generate_pair(session, &m, plain, 1, NULL, 0, &pub, &priv));
	OK(sign_init(session, &raw, priv));
	OK(sign_init(session, NULL, 0));
}

static const struct unit_case cases[] = {
	{"a strict token comes up", token_up_strict},
	{"a key that has wrapped never decrypts, and the reverse", test_wrap_then_decrypt},
	{"nor does it encrypt, and the reverse", test_wrap_then_encrypt},
	{"nor derive by encryption, and the reverse", test_wrap_then_derive},
	{"nor make CBC-MACs, which encrypt, and the reverse", test_wrap_then_mac},
	{"a key that has made such MACs never unwraps", test_mac_then_unwrap},
	{"a key that has unwrapped never encrypts, and the reverse", test_unwrap_then_encrypt},
	{"a latch is told, kept, carried over to copies, and nobody's to clear", test_latches},
	{"no two copies of a key have the uses that one may not have", test_copies},
	{"keys whose value somebody may know do not wrap", test_known_value},
	{"nor do keys that are made of a password", test_password},
	{"what is unwrapped is sensitive and not extractable", test_unwrapped},
	{"and is not taken to pieces", test_unwrapped_pieces},
	{"a fork does not make two keys of one", test_fork},
	{"a public key does not wrap what its private key decrypts", test_pairs},
	{"nor does a private key that may not decrypt sign raw", test_raw_signatures},
	{"everything is given back", token_down},
	{0},
};
UNIT_MAIN("policy", cases)
