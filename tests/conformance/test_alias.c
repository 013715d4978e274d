/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: with alias = "VENDOR" a program that was written to that vendor's header makes keys, signs, encrypts and finds, in
 * the vendor's numbers; what comes out is what our own numbers give; and a token without it knows none of them.
 */
#include "face.h"

#include <unistd.h>

/* A program's view of its vendor: the numbers that it uses, 0 where it has none. */
static const struct vendor {
	const char *name;
	CK_KEY_TYPE sm2, sm4;
	CK_MECHANISM_TYPE pair, sign, sign_is, encrypt, sm3, keygen, cbc;
	CK_ULONG sig_min, sig_max;
} vendors[] = {
	{"sansec", 0x80000004, 0x80000106, 0x80008001, 0x80008102, CKM_HUFU_SM2_SM3, 0x80008200, 0x80009001, 0x80000107, 0x80000109,
	 64, 64},
	{"tass", 0x80000004, 0x80000002, 0x80008001, 0x80008100, CKM_HUFU_SM2_SM3_DER, 0x80008200, 0x80000005, 0x80000107, 0x80000109,
	 66, 72},
	{"koal", 0x80000004, 0x80000002, 0x80008001, 0x80008101, CKM_HUFU_SM2_SM3_NO_Z_DER, 0x80008200, 0x80000005, 0x80000107,
	 0x80000109, 66, 72},
	{"westone", 0x80000001, 0x80000005, 0x80000001, 0x80000002, CKM_HUFU_SM2, 0x80000002, 0x8000001f, 0x80000028, 0x8000002a, 64, 64},
	{"ibm", 0x80050002, 0x80050001, 0x8005000a, 0x8005000c, CKM_HUFU_SM2_SM3, 0x8005000d, 0x8005000e, 0x80050001, 0x80050002, 64, 64},
	{"luna", 0x80000016, 0x80000015, 0x80000b20, 0x80000b22, CKM_HUFU_SM2_SM3, 0, 0x80000b01, 0x80000b10, 0x80000b12, 64, 64},
	{"xipki", 0xfffff001, 0xfffff002, 0xfffff001, 0xfffff003, CKM_HUFU_SM2_SM3, 0xfffff004, 0xfffff005, 0xfffff006, 0xfffff008,
	 64, 64},
};
#define EACH_VENDOR(v) for (const struct vendor *v = vendors; v < vendors + sizeof vendors / sizeof vendors[0]; v++)

static CK_BYTE message[32] = "thirty-two bytes of one message.";

static void configure(void)
{
	char path[256];
	face_load();
	snprintf(path, sizeof path, "%s/alias.conf", face_dir());
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "log { to = \"none\" }\ndefaults { allow_short_pin = true }\n");
	EACH_VENDOR(v)
		fprintf(f, "token \"%s\" { store = \"sqlite:%s/%s.db\" devices = {\"soft0\"} alias = \"%s\" }\n", v->name, face_dir(),
		        v->name, v->name);
	fprintf(f, "token \"plain\" { store = \"sqlite:%s/plain.db\" devices = {\"soft0\"} }\n", face_dir());
	fprintf(f, "token \"ec\" { store = \"sqlite:%s/ec.db\" devices = {\"soft0\"} alias = \"sansec\" sm2_key_type = \"ec\" }\n",
	        face_dir());
	fprintf(f, "device \"soft0\" { driver = \"soft\" domain = \"soft\" }\n");
	fclose(f);
	setenv("HUFU_CONF", path, 1);
}

static CK_SESSION_HANDLE user_of(const char *token)
{
	CK_SESSION_HANDLE s = 0;
	configure();
	NEED(p11->C_OpenSession(face_token(token), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	return s;
}

static void make_pair(CK_SESSION_HANDLE s, const struct vendor *v, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM gen = {v->pair, NULL, 0};
	CK_KEY_TYPE type = v->sm2;
	CK_ATTRIBUTE of_pub[] = {ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VERIFY, yes), ATTR(CKA_ENCRYPT, yes)};
	CK_ATTRIBUTE of_priv[] = {ATTR(CKA_KEY_TYPE, type), ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes)};
	NEED(p11->C_GenerateKeyPair(s, &gen, of_pub, 3, of_priv, 3, pub, priv));
}

static CK_RV verify(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE pub, CK_BYTE *sig, CK_ULONG len)
{
	CK_RV rv = p11->C_VerifyInit(s, m, pub);
	return rv == CKR_OK ? p11->C_Verify(s, message, sizeof message, sig, len) : rv;
}

static void test_signs(void)
{
	EACH_VENDOR(v) {
		CK_SESSION_HANDLE s = user_of(v->name);
		CK_OBJECT_HANDLE pub, priv;
		CK_BYTE sig[72];
		CK_ULONG len = sizeof sig;
		CK_MECHANISM theirs = {v->sign, NULL, 0}, ours = {v->sign_is, NULL, 0};
		make_pair(s, v, &pub, &priv);
		NEED(p11->C_SignInit(s, &theirs, priv));
		OK(p11->C_Sign(s, message, sizeof message, sig, &len));
		CU_ASSERT(len >= v->sig_min && len <= v->sig_max);
		OK(verify(s, &theirs, pub, sig, len));
		OK(verify(s, &ours, pub, sig, len));
		sig[20] ^= 1;
		IS(verify(s, &theirs, pub, sig, len), CKR_SIGNATURE_INVALID);
	}
}

/* Sansec's: what is signed is SM3 of the message alone, or of Z before it; and each form as DER. */
static void test_z(void)
{
	CK_SESSION_HANDLE s = user_of("sansec");
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE e[32], sig[72], der[72];
	CK_ULONG e_len = sizeof e, len = sizeof sig, der_len = sizeof der;
	CK_MECHANISM sm3 = {0x80009001, NULL, 0}, no_z = {0x80008100, NULL, 0}, no_z_der = {0x80008101, NULL, 0};
	CK_MECHANISM raw_e = {0x80008105, NULL, 0}, der_e = {0x80008104, NULL, 0}, with_z = {0x80008102, NULL, 0};
	make_pair(s, &vendors[0], &pub, &priv);
	NEED(p11->C_DigestInit(s, &sm3));
	OK(p11->C_Digest(s, message, sizeof message, e, &e_len));
	NEED(p11->C_SignInit(s, &no_z, priv));
	OK(p11->C_SignUpdate(s, message, 10));
	OK(p11->C_SignUpdate(s, message + 10, sizeof message - 10));
	OK(p11->C_SignFinal(s, sig, &len));
	NEED(p11->C_SignInit(s, &no_z_der, priv));
	OK(p11->C_Sign(s, message, sizeof message, der, &der_len));
	NEED(p11->C_VerifyInit(s, &raw_e, pub));
	OK(p11->C_Verify(s, e, sizeof e, sig, len));
	NEED(p11->C_VerifyInit(s, &der_e, pub));
	OK(p11->C_Verify(s, e, sizeof e, der, der_len));
	IS(verify(s, &with_z, pub, sig, len), CKR_SIGNATURE_INVALID);
	CK_HUFU_SM2_SM3_PARAMS id = {message, 4};
	CK_MECHANISM no_z_with_id = {0x80008100, &id, sizeof id};
	IS(p11->C_SignInit(s, &no_z_with_id, priv), CKR_MECHANISM_PARAM_INVALID);
}

/* xipki and IBM hand over the identifier's bytes; without any it is the default, but not for IBM's SM2_SM3_RFC. */
static void test_id(void)
{
	static const char *const names[] = {"xipki", "ibm"};
	static const CK_MECHANISM_TYPE types[] = {0xfffff003, 0x8005000c};
	CK_BYTE id[] = "1234567812345678";
	for (size_t i = 0; i < 2; i++) {
		CK_SESSION_HANDLE s = user_of(names[i]);
		CK_OBJECT_HANDLE pub, priv;
		CK_BYTE sig[64];
		CK_ULONG len = sizeof sig;
		CK_MECHANISM given = {types[i], id, 16}, none = {types[i], NULL, 0}, other = {types[i], id, 15};
		face_standard_pair(s, &pub, &priv);
		NEED(p11->C_SignInit(s, &given, priv));
		OK(p11->C_Sign(s, message, sizeof message, sig, &len));
		OK(verify(s, &none, pub, sig, len));
		IS(verify(s, &other, pub, sig, len), CKR_SIGNATURE_INVALID);
	}
	CK_SESSION_HANDLE s = user_of("ibm");
	CK_OBJECT_HANDLE pub, priv;
	CK_MECHANISM rfc = {0x8005000f, NULL, 0};
	face_standard_pair(s, &pub, &priv);
	IS(p11->C_SignInit(s, &rfc, priv), CKR_MECHANISM_PARAM_INVALID);
	rfc.pParameter = id;
	rfc.ulParameterLen = 8;
	OK(p11->C_SignInit(s, &rfc, priv));
}

static void encrypt_with_pair(CK_SESSION_HANDLE s, const struct vendor *v)
{
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE sealed[200], opened[32];
	CK_ULONG len = sizeof sealed, opened_len = sizeof opened;
	CK_MECHANISM theirs = {v->encrypt, NULL, 0}, ours = {CKM_HUFU_SM2_C1C3C2, NULL, 0};
	make_pair(s, v, &pub, &priv);
	NEED(p11->C_EncryptInit(s, &theirs, pub));
	OK(p11->C_Encrypt(s, message, sizeof message, sealed, &len));
	NEED(p11->C_DecryptInit(s, &ours, priv));
	OK(p11->C_Decrypt(s, sealed, len, opened, &opened_len));
	CU_ASSERT(opened_len == 32 && memcmp(opened, message, 32) == 0);
}

static void encrypt_with_secret(CK_SESSION_HANDLE s, const struct vendor *v)
{
	CK_OBJECT_HANDLE key;
	CK_KEY_TYPE type = v->sm4, shown = 0;
	CK_MECHANISM_TYPE made_by = 0;
	CK_BYTE iv[16] = {1}, one[32], two[32];
	CK_ULONG len = 32;
	CK_MECHANISM gen = {v->keygen, NULL, 0}, theirs = {v->cbc, iv, 16}, ours = {CKM_HUFU_SM4_CBC, iv, 16};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_KEY_TYPE, type), ATTR(CKA_ENCRYPT, yes)};
	CK_ATTRIBUTE seen[] = {ATTR(CKA_KEY_TYPE, shown), ATTR(CKA_KEY_GEN_MECHANISM, made_by)};
	NEED(p11->C_GenerateKey(s, &gen, templ, 2, &key));
	OK(p11->C_GetAttributeValue(s, key, seen, 2));
	CU_ASSERT(shown == v->sm4 && made_by == v->keygen);
	NEED(p11->C_EncryptInit(s, &theirs, key));
	OK(p11->C_Encrypt(s, message, 32, one, &len));
	NEED(p11->C_EncryptInit(s, &ours, key));
	OK(p11->C_Encrypt(s, message, 32, two, &len));
	CU_ASSERT_EQUAL(memcmp(one, two, 32), 0);
}

static void test_encrypts(void)
{
	EACH_VENDOR(v) {
		CK_SESSION_HANDLE s = user_of(v->name);
		if (v->encrypt)
			encrypt_with_pair(s, v);
		encrypt_with_secret(s, v);
	}
}

static CK_ULONG count(CK_SESSION_HANDLE s, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	CK_OBJECT_HANDLE found[16];
	CK_ULONG nfound = 0;
	NEED(p11->C_FindObjectsInit(s, templ, n));
	OK(p11->C_FindObjects(s, found, 16, &nfound));
	OK(p11->C_FindObjectsFinal(s));
	return nfound;
}

/* In either number, kept in the store or the session. */
static void test_finds(void)
{
	EACH_VENDOR(v) {
		CK_SESSION_HANDLE s = user_of(v->name);
		CK_OBJECT_HANDLE pub, priv, copy;
		CK_KEY_TYPE theirs = v->sm2, ours = CKK_HUFU_SM2, other = v->sm4;
		CK_ATTRIBUTE find[] = {ATTR(CKA_KEY_TYPE, theirs), ATTR(CKA_TOKEN, yes)};
		CK_ATTRIBUTE find_ours[] = {ATTR(CKA_KEY_TYPE, ours), ATTR(CKA_TOKEN, yes)};
		CK_ATTRIBUTE find_other[] = {ATTR(CKA_KEY_TYPE, other)}, kept[] = {ATTR(CKA_TOKEN, yes)};
		make_pair(s, v, &pub, &priv);
		NEED(p11->C_CopyObject(s, pub, kept, 1, &copy));
		CU_ASSERT_EQUAL(count(s, find, 2), 1);
		CU_ASSERT_EQUAL(count(s, find, 1), 3);
		CU_ASSERT_EQUAL(count(s, find_ours, 2), 1);
		CU_ASSERT_EQUAL(count(s, find_other, 1), 0);
		OK(p11->C_DestroyObject(s, copy));
	}
}

/* A key that may do one thing may do it in both numbers, and not the other. */
static void test_allowed(void)
{
	CK_SESSION_HANDLE s = user_of("westone");
	CK_OBJECT_HANDLE key;
	CK_BYTE value[16] = {7};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = 0x80000005;
	CK_MECHANISM_TYPE allowed[] = {0x80000029, CKM_HUFU_SM4_CTR}, shown[2];
	CK_MECHANISM ecb = {0x80000029, NULL, 0}, own_ecb = {CKM_HUFU_SM4_ECB, NULL, 0}, cbc = {0x8000002a, value, 16};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE, value), ATTR(CKA_ENCRYPT, yes),
	                        ATTR(CKA_ALLOWED_MECHANISMS, allowed)};
	CK_ATTRIBUTE seen = ATTR(CKA_ALLOWED_MECHANISMS, shown);
	NEED(p11->C_CreateObject(s, templ, 5, &key));
	OK(p11->C_EncryptInit(s, &ecb, key));
	OK(p11->C_SessionCancel(s, CKF_ENCRYPT));
	OK(p11->C_EncryptInit(s, &own_ecb, key));
	OK(p11->C_SessionCancel(s, CKF_ENCRYPT));
	IS(p11->C_EncryptInit(s, &cbc, key), CKR_MECHANISM_INVALID);
	OK(p11->C_GetAttributeValue(s, key, &seen, 1));
	CU_ASSERT_EQUAL(memcmp(shown, allowed, sizeof allowed), 0);
}

/* One number of the vendor's is two of ours: both are allowed, and one is shown. */
static void test_allowed_both(void)
{
	CK_SESSION_HANDLE s = user_of("westone");
	CK_OBJECT_HANDLE pub, priv;
	CK_MECHANISM_TYPE allowed[] = {0x80000002}, shown[2] = {0};
	CK_MECHANISM gen = {0x80000001, NULL, 0}, both = {0x80000002, NULL, 0}, der = {CKM_HUFU_SM2_DER, NULL, 0};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes), ATTR(CKA_ALLOWED_MECHANISMS, allowed)};
	CK_ATTRIBUTE seen = ATTR(CKA_ALLOWED_MECHANISMS, shown);
	NEED(p11->C_GenerateKeyPair(s, &gen, NULL, 0, templ, 3, &pub, &priv));
	OK(p11->C_SignInit(s, &both, priv));
	OK(p11->C_SessionCancel(s, CKF_SIGN));
	OK(p11->C_DecryptInit(s, &both, priv));
	OK(p11->C_SessionCancel(s, CKF_DECRYPT));
	IS(p11->C_SignInit(s, &der, priv), CKR_MECHANISM_INVALID);
	OK(p11->C_GetAttributeValue(s, priv, &seen, 1));
	CU_ASSERT(seen.ulValueLen == sizeof allowed && shown[0] == allowed[0]);
	OK(p11->C_FindObjectsInit(s, templ, 3));
	CK_ULONG n = 0;
	OK(p11->C_FindObjects(s, &pub, 1, &n));
	CU_ASSERT(n == 1 && pub == priv);
	OK(p11->C_FindObjectsFinal(s));
}

/* What a wrapping key demands of the others is kept, compared and shown likewise. */
static void test_nested(void)
{
	CK_SESSION_HANDLE s = user_of("tass");
	CK_OBJECT_HANDLE kek, key;
	CK_KEY_TYPE type = 0x80000002, shown = 0;
	CK_MECHANISM gen = {0x80000107, NULL, 0}, wrap = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_BYTE wrapped[16];
	CK_ULONG len = sizeof wrapped;
	CK_ATTRIBUTE inner[] = {ATTR(CKA_KEY_TYPE, type)}, inner_seen[] = {ATTR(CKA_KEY_TYPE, shown)};
	CK_ATTRIBUTE of_kek[] = {ATTR(CKA_WRAP, yes), ATTR(CKA_WRAP_TEMPLATE, inner)};
	CK_ATTRIBUTE of_key[] = {ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_SENSITIVE, no)}, seen[] = {ATTR(CKA_WRAP_TEMPLATE, inner_seen)};
	NEED(p11->C_GenerateKey(s, &gen, of_kek, 2, &kek));
	NEED(p11->C_GenerateKey(s, &gen, of_key, 2, &key));
	OK(p11->C_WrapKey(s, &wrap, kek, key, wrapped, &len));
	OK(p11->C_GetAttributeValue(s, kek, seen, 1));
	CU_ASSERT_EQUAL(shown, type);
}

static bool listed(CK_SLOT_ID slot, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_TYPE list[512];
	CK_ULONG n = 512, seen = 0;
	NEED(p11->C_GetMechanismList(slot, list, &n));
	for (CK_ULONG i = 0; i < n; i++)
		seen += list[i] == type;
	CU_ASSERT(seen <= 1);
	return seen == 1;
}

static void test_lists(void)
{
	configure();
	EACH_VENDOR(v) {
		CK_SLOT_ID slot = face_token(v->name);
		CK_MECHANISM_INFO info;
		CU_ASSERT(listed(slot, v->pair) && listed(slot, v->sign) && listed(slot, v->cbc) && listed(slot, CKM_HUFU_SM2));
		OK(p11->C_GetMechanismInfo(slot, v->sign, &info));
		CU_ASSERT((info.flags & (CKF_SIGN | CKF_VERIFY)) == (CKF_SIGN | CKF_VERIFY));
		if (v->encrypt) {
			OK(p11->C_GetMechanismInfo(slot, v->encrypt, &info));
			CU_ASSERT((info.flags & (CKF_ENCRYPT | CKF_DECRYPT)) == (CKF_ENCRYPT | CKF_DECRYPT));
		}
	}
}

static void test_not_asked_for(void)
{
	CK_SESSION_HANDLE s = user_of("plain");
	CK_OBJECT_HANDLE pub, priv;
	CK_MECHANISM_INFO info;
	CK_KEY_TYPE type = 0x80000004;
	CK_BYTE value[16] = {0};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_MECHANISM gen = {0x80008001, NULL, 0}, no_z = {CKM_HUFU_SM2_SM3_NO_Z, NULL, 0};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE, value)};
	IS(p11->C_GenerateKeyPair(s, &gen, NULL, 0, NULL, 0, &pub, &priv), CKR_MECHANISM_INVALID);
	IS(p11->C_CreateObject(s, templ, 3, &pub), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT(!listed(face_slot("plain"), 0x80008001));
	IS(p11->C_GetMechanismInfo(face_slot("plain"), 0x80008001, &info), CKR_MECHANISM_INVALID);
	IS(p11->C_GetMechanismInfo(face_slot("plain"), CKM_HUFU_SM2_SM3_NO_Z, &info), CKR_MECHANISM_INVALID);
	face_standard_pair(s, &pub, &priv);
	IS(p11->C_SignInit(s, &no_z, priv), CKR_MECHANISM_INVALID);
	s = user_of("luna"); /* a vendor that signs with Z */
	face_standard_pair(s, &pub, &priv);
	IS(p11->C_SignInit(s, &no_z, priv), CKR_MECHANISM_INVALID);
}

static void test_as_ec(void)
{
	CK_SESSION_HANDLE s = user_of("ec");
	CK_OBJECT_HANDLE pub, priv;
	CK_KEY_TYPE shown = 0;
	CK_ATTRIBUTE seen = ATTR(CKA_KEY_TYPE, shown);
	make_pair(s, &vendors[0], &pub, &priv);
	OK(p11->C_GetAttributeValue(s, priv, &seen, 1));
	CU_ASSERT_EQUAL(shown, CKK_EC);
}

static void test_stop(void)
{
	face_stop();
}

static const struct unit_case cases[] = {
	{"each vendor's program signs and verifies, and ours verifies it", test_signs},
	{"Sansec's mechanisms sign with Z and without it, as its header has them", test_z},
	{"the signer's identifier is given as its bytes where the vendor has it so", test_id},
	{"each vendor's program encrypts what ours decrypts", test_encrypts},
	{"keys are found and shown by the vendor's key types", test_finds},
	{"CKA_ALLOWED_MECHANISMS speaks either numbers", test_allowed},
	{"a number with two meanings allows both, and is shown once", test_allowed_both},
	{"a template in a template speaks either, too", test_nested},
	{"the vendor's mechanisms are listed, each once, with what they do", test_lists},
	{"a token without an alias knows none of them", test_not_asked_for},
	{"SM2 keys shown as CKK_EC are so under an alias, too", test_as_ec},
	{"the module finalises", test_stop},
	{0},
};
UNIT_MAIN("vendors' numbers", cases)
