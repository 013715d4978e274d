/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: an operation in parts goes on although the device that did the last
 * part has died and the only one alive is of another domain: what comes out is what comes out
 * at once.
 */
#include "token_util.h"

#include "base/log.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"

#include <stdlib.h>

#define LEN 5000

static const char sections[] =
	"device \"north\" { driver = \"fault\" domain = \"north\" }\n"
	"device \"south\" { driver = \"fault\" domain = \"south\" }\n"
	"defaults { backoff_min_ms = 1 backoff_max_ms = 2 retry_floor = 100000 slow_start_ms = 0 deadline_ms = 2000 }\n";

static uint8_t message[LEN], iv[16];

static void script(const char *device, const char *text)
{
	char why[256];
	CU_ASSERT_EQUAL_FATAL(fault_script(device, text, why, sizeof why), HUFU_OK);
}

/* One of the two is alive, the other one from now on. */
static void change_places(void)
{
	static bool north = true;
	north = !north;
	script(north ? "north" : "south", "");
	script(north ? "south" : "north", "any:gone");
}

static void up(void)
{
	setenv("HUFU_LOG", "none", 0);
	CU_ASSERT_EQUAL_FATAL(fault_register(), HUFU_OK);
	rng_fill(message, sizeof message);
	rng_fill(iv, sizeof iv);
	token_up_on(sections, "\"north\", \"south\"");
}

static void both_alive(void)
{
	script("north", "");
	script("south", "");
}

/* -- ciphers ------------------------------------------------------------------------------ */

static void check_cipher(const CK_MECHANISM *mech, CK_OBJECT_HANDLE key, enum op_kind kind)
{
	static uint8_t text[LEN + 64], want[LEN + 64], got[LEN + 64];
	CK_ULONG len = sizeof text, want_len = sizeof want, at = 0, n;
	both_alive();
	memcpy(text, message, LEN);
	if (kind == OP_DECRYPT)
		OK(crypt_at_once(OP_ENCRYPT, mech, key, message, 4992, text, &len));
	else
		len = 4992;
	OK(crypt_at_once(kind, mech, key, text, len, want, &want_len));

	OK(crypt_init(session, kind, mech, key));
	for (CK_ULONG from = 0, part = 1000; from < len; from += part) {
		change_places();
		if (part > len - from)
			part = len - from;
		n = sizeof got - at;
		OK(crypt_update(session, kind, text + from, part, got + at, &n));
		at += n;
	}
	change_places();
	n = sizeof got - at;
	OK(crypt_final(session, kind, got + at, &n));
	CU_ASSERT(at + n == want_len && memcmp(got, want, want_len) == 0);
}

static void test_ciphers(void)
{
	static CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 128};
	static CK_GCM_PARAMS gcm = {.pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128};
	memcpy(ctr.cb, iv, 16);
	const struct {
		CK_MECHANISM mech;
		CK_OBJECT_HANDLE key;
	} all[] = {
		{mechanism(CKM_HUFU_SM4_ECB, NULL, 0), sm4_key}, {mechanism(CKM_HUFU_SM4_CBC, iv, 16), sm4_key},
		{mechanism(CKM_HUFU_SM4_CBC_PAD, iv, 16), sm4_key}, {mechanism(CKM_HUFU_SM4_CFB128, iv, 16), sm4_key},
		{mechanism(CKM_HUFU_SM4_OFB, iv, 16), sm4_key}, {mechanism(CKM_HUFU_SM4_CTR, &ctr, sizeof ctr), sm4_key},
		{mechanism(CKM_HUFU_SM4_GCM, &gcm, sizeof gcm), sm4_key},
	};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		check_cipher(&all[i].mech, all[i].key, OP_ENCRYPT);
		check_cipher(&all[i].mech, all[i].key, OP_DECRYPT);
	}
}

static void test_eea3(void)
{
	CK_HUFU_ZUC_PARAMS zuc = {.ulCount = 7, .ulBearer = 3, .ulDirection = 1};
	CK_MECHANISM mech = mechanism(CKM_HUFU_ZUC_EEA3, &zuc, sizeof zuc);
	check_cipher(&mech, zuc_key, OP_ENCRYPT);
	check_cipher(&mech, zuc_key, OP_DECRYPT);
}

/* -- signatures and MACs ---------------------------------------------------------------------- */

static void sign_in_parts(const CK_MECHANISM *mech, CK_OBJECT_HANDLE key, uint8_t *sig, CK_ULONG *len)
{
	OK(sign_init(session, mech, key));
	for (CK_ULONG from = 0; from < LEN; from += 1250) {
		change_places();
		OK(sign_update(session, message + from, 1250));
	}
	change_places();
	OK(sign_final(session, sig, len));
}

static void verify_in_parts(const CK_MECHANISM *mech, CK_OBJECT_HANDLE key, const uint8_t *sig, CK_ULONG len, CK_RV want)
{
	OK(verify_init(session, mech, key, NULL, 0));
	for (CK_ULONG from = 0; from < LEN; from += 2500) {
		change_places();
		OK(verify_update(session, message + from, 2500));
	}
	change_places();
	IS(verify_final(session, sig, len), want);
}

static void check_signature(const CK_MECHANISM *mech, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE verifier)
{
	uint8_t sig[128];
	CK_ULONG len = sizeof sig;
	sign_in_parts(mech, key, sig, &len);
	both_alive();
	OK(verify_init(session, mech, verifier, NULL, 0));
	OK(verify_once(session, message, LEN, sig, len));
	verify_in_parts(mech, verifier, sig, len, CKR_OK);
	sig[len - 1] ^= 1;
	verify_in_parts(mech, verifier, sig, len, CKR_SIGNATURE_INVALID);
}

static void test_signatures(void)
{
	CK_HUFU_ZUC_PARAMS zuc = {.ulCount = 7, .ulBearer = 3, .ulDirection = 1};
	CK_MECHANISM hmac = mechanism(CKM_HUFU_SM3_HMAC, NULL, 0), eia3 = mechanism(CKM_HUFU_ZUC_EIA3, &zuc, sizeof zuc);
	CK_MECHANISM sm2 = mechanism(CKM_HUFU_SM2_SM3, NULL, 0);
	check_signature(&hmac, hmac_key, hmac_key);
	check_signature(&eia3, zuc_key, zuc_key);
	check_signature(&sm2, sm2_private, sm2_public);
}

/* -- what is too long to be kept ---------------------------------------------------------------- */

/* Beyond the bound a state stays with its domain: a clear error where that is out, and the right MAC where it is back. */
static void test_bound(void)
{
	static uint8_t large[(1 << 20) + 1];
	CK_MECHANISM hmac = mechanism(CKM_HUFU_SM3_HMAC, NULL, 0);
	uint8_t want[32], got[32];
	CK_ULONG n = 32;
	both_alive();
	OK(sign_init(session, &hmac, hmac_key));
	OK(sign_once(session, large, sizeof large, want, &n));
	OK(sign_init(session, &hmac, hmac_key));
	OK(sign_update(session, large, 1 << 20));
	OK(sign_update(session, large, 1));
	OK(sign_final(session, got, &n));
	CU_ASSERT(memcmp(want, got, 32) == 0);

	script("north", "");
	script("south", "any:gone");
	OK(sign_init(session, &hmac, hmac_key));
	OK(sign_update(session, large, sizeof large));
	OK(sign_update(session, large, 2000));
	script("south", "");
	script("north", "any:gone");
	IS(sign_final(session, got, &n), CKR_DEVICE_ERROR);
	both_alive();
}

static const struct unit_case cases[] = {
	{"a token over two domains", up},
	{"ciphers go on in the other domain", test_ciphers},
	{"EEA3 goes on in the other domain", test_eea3},
	{"signatures and MACs go on in the other domain", test_signatures},
	{"what was too long to be kept is a clear error", test_bound},
	{"all is given back", token_down},
	{0},
};

int main(void)
{
	return unit_main("continuity", cases);
}
