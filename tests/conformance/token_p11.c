/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: a token whose hardware is a PKCS#11 module (SoftHSM), with software beside it, is one token to its user: the PIN of
 * the module's token is kept sealed and presented at the login, keys that lie there appear and work, keys for hardware only
 * are made there, what it does not have software does, and all of it is still there after the next start.
 */
#include "softhsm.h"
#include "tests/unit/token_util.h"

#include <unistd.h>

#include "base/secret.h"
#include "store/store.h"
#include "token/slot.h"
#include "token/token.h"

static const uint8_t kek[32] = "the wrapping key of the domain..", data_key[32] = "a secret key that stays where is";
static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static char path[256];

static void start(void)
{
	static char sections[1024];
	softhsm_start();
	softhsm_token("card", path);
	CK_SESSION_HANDLE s = softhsm_session("card");
	softhsm_aes(s, "kek", 1, kek);
	softhsm_aes(s, "data", 2, data_key);
	softhsm_ec(s, "signer", 3, p256, sizeof p256);
	softhsm_rsa(s, "opener", 4);
	softhsm_stop();
	snprintf(sections, sizeof sections,
	         "device \"card\" { driver = \"p11\" module = \"%s\" label = \"card\" wrap_key = \"kek\" domain = \"hsm\" }\n", softhsm_module());
	token_up_on(sections, "\"card\", \"soft0\"");
}

static void log_in_again(void)
{
	OK(session_logout(session));
	OK(session_login(session, CKU_USER, (const CK_BYTE *)USER_PIN, strlen(USER_PIN), NULL, 0));
}

static void test_start(void)
{
	start();
	struct store_credential c = {.domain = "hsm", .name = "user", .set_s = 1, .value = (uint8_t *)(uintptr_t)SOFTHSM_PIN,
	                             .len = sizeof SOFTHSM_PIN - 1};
	CU_ASSERT_EQUAL_FATAL(store_credential_set(session->token->store, &c), HUFU_OK);
	log_in_again();
}

/* The object of this class and label; 0: not there within the time that a module may take. */
static CK_OBJECT_HANDLE find(CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE templ[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE h = 0;
	for (int tries = 0; tries < 12000 && !h; tries++) {
		CK_ULONG n = 0;
		OK(find_init(session, templ, 2));
		OK(find_next(session, &h, 1, &n));
		OK(find_final(session));
		if (n == 0) {
			h = 0;
			usleep(5000);
		}
	}
	return h;
}

static CK_RV sign(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, uint8_t *sig, CK_ULONG *len)
{
	CK_MECHANISM m = mechanism(type, NULL, 0);
	CK_RV rv = sign_init(session, &m, key);
	return rv == CKR_OK ? sign_once(session, kek, 32, sig, len) : rv;
}

static CK_RV verify(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, const uint8_t *sig, CK_ULONG len)
{
	CK_MECHANISM m = mechanism(type, NULL, 0);
	CK_RV rv = verify_init(session, &m, key, NULL, 0);
	return rv == CKR_OK ? verify_once(session, kek, 32, sig, len) : rv;
}

static void try_pair(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE priv, CK_OBJECT_HANDLE pub)
{
	uint8_t sig[512];
	CK_ULONG len = sizeof sig;
	OK(sign(type, priv, sig, &len));
	OK(verify(type, pub, sig, len));
	sig[5] ^= 1;
	IS(verify(type, pub, sig, len), CKR_SIGNATURE_INVALID);
}

static void test_residents(void)
{
	static const struct {
		const char *label;
		CK_MECHANISM_TYPE type;
	} pairs[] = {{"signer", CKM_ECDSA_SHA256}, {"opener", CKM_SHA256_RSA_PKCS}};
	for (size_t i = 0; i < 2; i++) {
		CK_OBJECT_HANDLE priv = find(CKO_PRIVATE_KEY, pairs[i].label), pub = find(CKO_PUBLIC_KEY, pairs[i].label);
		CU_ASSERT(priv != 0 && pub != 0);
		if (priv && pub)
			try_pair(pairs[i].type, priv, pub);
	}
	CK_OBJECT_HANDLE data = find(CKO_SECRET_KEY, "data");
	CU_ASSERT(data != 0);
	CK_MECHANISM ecb = mechanism(CKM_AES_ECB, NULL, 0);
	uint8_t out[16];
	CK_ULONG len = 16;
	OK(crypt_at_once(OP_ENCRYPT, &ecb, data, kek, 16, out, &len));
}

static CK_RV make_aes(const char *label, bool on_token, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM gen = mechanism(CKM_AES_KEY_GEN, NULL, 0);
	CK_ULONG len = 32;
	const CK_BBOOL kept = on_token ? CK_TRUE : CK_FALSE;
	CK_ATTRIBUTE templ[] = {{CKA_VALUE_LEN, &len, sizeof len}, {CKA_HUFU_HARDWARE_ONLY, (void *)(uintptr_t)&yes, sizeof yes},
	                        {CKA_ENCRYPT, (void *)(uintptr_t)&yes, sizeof yes}, {CKA_DECRYPT, (void *)(uintptr_t)&yes, sizeof yes},
	                        {CKA_TOKEN, (void *)(uintptr_t)&kept, sizeof kept}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	return key_generate(session, &gen, templ, 6, h);
}

static void test_made(void)
{
	CK_OBJECT_HANDLE aes, pub, priv;
	CK_MECHANISM ecb = mechanism(CKM_AES_ECB, NULL, 0), pair = mechanism(CKM_EC_KEY_PAIR_GEN, NULL, 0);
	uint8_t out[16], back[16];
	char domains[32];
	CK_ULONG len = 16;
	OK(make_aes("made", true, &aes));
	CK_ATTRIBUTE where = {CKA_HUFU_DOMAINS, domains, sizeof domains};
	OK(object_get_attributes(session, aes, &where, 1));
	CU_ASSERT(where.ulValueLen == 3 && memcmp(domains, "hsm", 3) == 0);
	OK(crypt_at_once(OP_ENCRYPT, &ecb, aes, kek, 16, out, &len));
	OK(crypt_at_once(OP_DECRYPT, &ecb, aes, out, 16, back, &len));
	CU_ASSERT_EQUAL(memcmp(back, kek, 16), 0);
	CK_ATTRIBUTE of_pub[] = {{CKA_EC_PARAMS, (void *)(uintptr_t)p256, sizeof p256}};
	CK_ATTRIBUTE of_priv[] = {{CKA_HUFU_HARDWARE_ONLY, (void *)(uintptr_t)&yes, sizeof yes}};
	OK(key_generate_pair(session, &pair, of_pub, 1, of_priv, 1, &pub, &priv));
	try_pair(CKM_ECDSA_SHA256, priv, pub);
}

/* SM2 is nothing that the module has. */
static void test_beside(void)
{
	CK_MECHANISM pair = mechanism(CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0);
	CK_OBJECT_HANDLE pub, priv;
	OK(key_generate_pair(session, &pair, NULL, 0, NULL, 0, &pub, &priv));
	try_pair(CKM_HUFU_SM2_SM3, priv, pub);
}

static void test_kept(void)
{
	CK_MECHANISM ecb = mechanism(CKM_AES_ECB, NULL, 0);
	uint8_t out[16];
	CK_ULONG len = 16;
	log_in_again();
	CK_OBJECT_HANDLE made = find(CKO_SECRET_KEY, "made"), signer = find(CKO_PRIVATE_KEY, "signer"), pub = find(CKO_PUBLIC_KEY, "signer");
	CU_ASSERT_FATAL(made != 0 && signer != 0 && pub != 0);
	/* Its PIN comes beside the ops: until it is there the key is not. */
	CK_RV rv = CKR_DEVICE_ERROR;
	for (int tries = 0; tries < 12000 && rv != CKR_OK; tries++, usleep(5000))
		rv = crypt_at_once(OP_ENCRYPT, &ecb, made, kek, 16, out, &len);
	OK(rv);
	try_pair(CKM_ECDSA_SHA256, signer, pub);
}

static void test_stop(void)
{
	token_down();
}

static void test_missing(void)
{
	UNIT_SKIP("SoftHSM is not installed");
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"a token of a module and of software takes the module's PIN", test_start},
		{"the module's keys are objects, and work", test_residents},
		{"keys for hardware only are made by the module", test_made},
		{"what the module does not have software does", test_beside},
		{"all that is there after another login", test_kept},
		{"nothing is left behind", test_stop},
		{0},
	};
	static const struct unit_case none[] = {{"a token over SoftHSM", test_missing}, {0}};
	return unit_main("a token over a PKCS#11 module", softhsm_module() ? cases : none);
}
