/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: a saved state goes on where it stood, in this session or another; what was not saved by this process is refused. */
#include "token_util.h"

#include "token/state_impl.h"

static uint8_t message[3000], iv[16], blob[1 << 16];
static CK_SESSION_HANDLE other_handle;
static struct session *other;

static void up(void)
{
	rng_fill(message, sizeof message);
	rng_fill(iv, sizeof iv);
	iv[0] = 0;
	token_up_with_two();
	OK(session_open(session->token->slot, CKF_SERIAL_SESSION, &other_handle));
	CU_ASSERT_EQUAL_FATAL(session_enter(other_handle, &other), CKR_OK);
}

static void down(void)
{
	session_leave(other);
	OK(session_close(other_handle));
	token_down();
}

static CK_ULONG save(struct session *s)
{
	CK_ULONG n = 0;
	OK(state_save(s, NULL, &n));
	CU_ASSERT_FATAL(n > 48 && n < sizeof blob);
	n--;
	IS(state_save(s, blob, &n), CKR_BUFFER_TOO_SMALL);
	OK(state_save(s, blob, &n));
	return n;
}

/* -- every kind of operation, cut anywhere ----------------------------------------------- */

static CK_GCM_PARAMS gcm;
static CK_AES_CTR_PARAMS ctr;
static CK_HUFU_ZUC_PARAMS zuc;
static CK_HUFU_SM2_SM3_PARAMS sm2_id;
static CK_MAC_GENERAL_PARAMS mac_len = 20;

static const struct crypt_row {
	CK_MECHANISM_TYPE type;
	void *param;
	CK_ULONG param_len;
	bool zuc;
} crypt_rows[] = {
	{CKM_HUFU_SM4_ECB, NULL, 0, false}, {CKM_HUFU_SM4_CBC, iv, 16, false}, {CKM_HUFU_SM4_CBC_PAD, iv, 16, false},
	{CKM_HUFU_SM4_CTR, &ctr, sizeof ctr, false}, {CKM_HUFU_SM4_CFB128, iv, 16, false}, {CKM_HUFU_SM4_OFB, iv, 16, false},
	{CKM_HUFU_SM4_GCM, &gcm, sizeof gcm, false}, {CKM_HUFU_ZUC_EEA3, &zuc, sizeof zuc, true},
};
#define NCRYPT (sizeof crypt_rows / sizeof crypt_rows[0])

static void set_params(void)
{
	gcm = (CK_GCM_PARAMS){.pIv = iv, .ulIvLen = 12, .pAAD = message, .ulAADLen = 200, .ulTagBits = 96};
	ctr.ulCounterBits = 64;
	memcpy(ctr.cb, iv, 16);
	zuc = (CK_HUFU_ZUC_PARAMS){.ulCount = 5, .ulBearer = 6, .ulDirection = 1};
	sm2_id = (CK_HUFU_SM2_SM3_PARAMS){.pId = message, .ulIdLen = 30};
}

/* Saved behind the cut; goes on in the other session. */
static void check_crypt(const struct crypt_row *row, enum op_kind kind, const uint8_t *in, size_t len, size_t cut,
                        const uint8_t *want, size_t want_len)
{
	CK_MECHANISM m = {row->type, row->param, row->param_len};
	CK_OBJECT_HANDLE key = row->zuc ? zuc_key : sm4_key;
	uint8_t out[256];
	CK_ULONG a = sizeof out, b, c;
	OK(crypt_init(session, kind, &m, key));
	OK(crypt_update(session, kind, in, cut, out, &a));
	CK_ULONG n = save(session);
	OK(crypt_init(session, kind, NULL, 0));
	OK(state_restore(other, blob, n, key, 0));
	b = sizeof out - a;
	OK(crypt_update(other, kind, in + cut, len - cut, out + a, &b));
	c = sizeof out - a - b;
	OK(crypt_final(other, kind, out + a + b, &c));
	CU_ASSERT(a + b + c == want_len && memcmp(out, want, want_len) == 0);
}

static void test_crypt(void)
{
	set_params();
	for (size_t i = 0; i < NCRYPT; i++) {
		CK_MECHANISM m = {crypt_rows[i].type, crypt_rows[i].param, crypt_rows[i].param_len};
		uint8_t cipher[256];
		CK_ULONG n = sizeof cipher;
		OK(crypt_at_once(OP_ENCRYPT, &m, crypt_rows[i].zuc ? zuc_key : sm4_key, message, 96, cipher, &n));
		for (size_t cut = 0; cut <= 96; cut += 5) {
			check_crypt(&crypt_rows[i], OP_ENCRYPT, message, 96, cut, cipher, n);
			check_crypt(&crypt_rows[i], OP_DECRYPT, cipher, n, cut, message, 96);
		}
	}
}

static void check_sign(CK_MECHANISM m, CK_OBJECT_HANDLE signer, CK_OBJECT_HANDLE verifier, size_t len, size_t cut)
{
	uint8_t sig[80];
	CK_ULONG n = sizeof sig;
	OK(sign_init(session, &m, signer));
	OK(sign_update(session, message, cut));
	CK_ULONG state_len = save(session);
	OK(sign_init(session, NULL, 0));
	OK(state_restore(session, blob, state_len, 0, signer));
	OK(sign_update(session, message + cut, len - cut));
	OK(sign_final(session, sig, &n));

	OK(verify_init(session, &m, verifier, NULL, 0));
	OK(verify_update(session, message, cut));
	state_len = save(session);
	OK(verify_init(session, NULL, 0, NULL, 0));
	OK(state_restore(other, blob, state_len, 0, verifier));
	OK(verify_update(other, message + cut, len - cut));
	OK(verify_final(other, sig, n));

	OK(verify_init(session, &m, verifier, sig, n));
	OK(verify_signature_update(session, message, cut));
	state_len = save(session);
	OK(verify_init(session, NULL, 0, NULL, 0));
	OK(state_restore(other, blob, state_len, 0, verifier));
	OK(verify_signature_update(other, message + cut, len - cut));
	OK(verify_signature_final(other));
}

static void test_sign(void)
{
	set_params();
	for (size_t cut = 0; cut <= 2400; cut += 160) {
		check_sign((CK_MECHANISM){CKM_HUFU_SM3_HMAC, NULL, 0}, hmac_key, hmac_key, 2400, cut);
		check_sign((CK_MECHANISM){CKM_HUFU_SM3_HMAC_GENERAL, &mac_len, sizeof mac_len}, hmac_key, hmac_key, 2400, cut);
		check_sign((CK_MECHANISM){CKM_HUFU_ZUC_EIA3, &zuc, sizeof zuc}, zuc_key, zuc_key, 2400, cut);
		check_sign((CK_MECHANISM){CKM_HUFU_SM2_SM3, NULL, 0}, sm2_private, sm2_public, 2400, cut);
		check_sign((CK_MECHANISM){CKM_HUFU_SM2_SM3_DER, &sm2_id, sizeof sm2_id}, sm2_private, sm2_public, 2400, cut);
		check_sign((CK_MECHANISM){CKM_HUFU_SM2, NULL, 0}, sm2_private, sm2_public, 32, cut / 80);
	}
}

static void test_digest(void)
{
	CK_MECHANISM m = {CKM_HUFU_SM3, NULL, 0};
	uint8_t want[32], out[32];
	CK_ULONG n = 32;
	OK(digest_init(session, &m));
	OK(digest_once(session, message, 1000, want, &n));
	for (size_t cut = 0; cut <= 1000; cut += 50) {
		OK(digest_init(session, &m));
		OK(digest_update(session, message, cut));
		CK_ULONG len = save(session);
		OK(digest_update(session, message, 10)); /* goes astray */
		OK(state_restore(session, blob, len, 0, 0)); /* and is brought back */
		OK(digest_update(session, message + cut, 1000 - cut));
		OK(digest_final(session, out, &n));
		ASSERT_SAME(out, want, 32);
	}
}

/* Two at once, as 5.6.6 wants it; what else the session was doing is over. */
static void test_two(void)
{
	CK_MECHANISM m = {CKM_HUFU_SM3, NULL, 0}, cbc = {CKM_HUFU_SM4_CBC_PAD, iv, 16};
	uint8_t out[64];
	CK_ULONG n = sizeof out;
	OK(digest_init(session, &m));
	OK(crypt_init(session, OP_ENCRYPT, &cbc, sm4_key));
	OK(dual_digest_encrypt(session, message, 20, out, &n));
	CK_ULONG len = save(session);
	OK(digest_init(session, NULL));
	OK(crypt_init(session, OP_ENCRYPT, NULL, 0));
	OK(crypt_init(other, OP_DECRYPT, &cbc, sm4_key));
	OK(state_restore(other, blob, len, sm4_key, 0));
	IS(crypt_final(other, OP_DECRYPT, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	n = sizeof out;
	OK(crypt_final(other, OP_ENCRYPT, out, &n));
	CU_ASSERT_EQUAL(n, 16);
	n = 32;
	OK(digest_final(other, out, &n));
}

/* -- codes ------------------------------------------------------------------------------------ */

static void test_keys_needed(void)
{
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, iv, 16}, digest = {CKM_HUFU_SM3, NULL, 0}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0};
	CK_OBJECT_HANDLE twin = make_secret(CKK_HUFU_SM4, sm4_value, 16, NULL, 0);
	uint8_t out[16];
	CK_ULONG n = 16;
	OK(crypt_init(session, OP_ENCRYPT, &cbc, sm4_key));
	OK(crypt_update(session, OP_ENCRYPT, message, 16, out, &n));
	CK_ULONG len = save(session);
	IS(state_restore(other, blob, len, 0, 0), CKR_KEY_NEEDED);
	IS(state_restore(other, blob, len, 0, sm4_key), CKR_KEY_NEEDED);
	IS(state_restore(other, blob, len, twin, 0), CKR_KEY_CHANGED);
	IS(state_restore(other, blob, len, 0x7ffffff0, 0), CKR_KEY_HANDLE_INVALID);
	IS(state_restore(other, blob, len, sm4_key, hmac_key), CKR_KEY_NOT_NEEDED);
	IS(crypt_final(other, OP_ENCRYPT, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(crypt_init(session, OP_ENCRYPT, NULL, 0));

	OK(digest_init(session, &digest));
	len = save(session);
	IS(state_restore(other, blob, len, sm4_key, 0), CKR_KEY_NOT_NEEDED);
	IS(state_restore(other, blob, len, 0, hmac_key), CKR_KEY_NOT_NEEDED);
	OK(digest_init(session, NULL));

	OK(sign_init(session, &hmac, hmac_key));
	len = save(session);
	IS(state_restore(other, blob, len, hmac_key, 0), CKR_KEY_NEEDED);
	OK(sign_init(session, NULL, 0));
}

static void test_unsaveable(void)
{
	CK_MECHANISM digest = {CKM_HUFU_SM3, NULL, 0}, gcm_mech = {CKM_HUFU_SM4_GCM, NULL, 0};
	CK_ULONG n = sizeof blob;
	IS(state_save(session, blob, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(digest_init(session, &digest));
	OK(find_init(session, NULL, 0));
	IS(state_save(session, blob, &n), CKR_STATE_UNSAVEABLE);
	OK(find_final(session));
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm_mech, sm4_key));
	IS(state_save(session, blob, &n), CKR_STATE_UNSAVEABLE);
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
	OK(state_save(session, blob, &n));
	OK(digest_init(session, NULL));

	set_params();
	CK_MECHANISM m = {CKM_HUFU_SM4_GCM, &gcm, sizeof gcm};
	uint8_t *big = calloc(1, STATE_HELD_MAX + 1), out[1];
	OK(crypt_init(session, OP_DECRYPT, &m, sm4_key));
	n = 0;
	OK(crypt_update(session, OP_DECRYPT, big, STATE_HELD_MAX, out, &n));
	OK(state_save(session, NULL, &n));
	n = 0;
	OK(crypt_update(session, OP_DECRYPT, big, 1, out, &n));
	IS(state_save(session, NULL, &n), CKR_STATE_UNSAVEABLE);
	OK(crypt_init(session, OP_DECRYPT, NULL, 0));
	free(big);
}

static void test_forged(void)
{
	CK_MECHANISM digest = {CKM_HUFU_SM3, NULL, 0};
	OK(digest_init(session, &digest));
	OK(digest_update(session, message, 100));
	CK_ULONG n = save(session);
	for (CK_ULONG i = 0; i < n; i++) {
		blob[i] ^= 0x04;
		IS(state_restore(other, blob, n, 0, 0), CKR_SAVED_STATE_INVALID);
		blob[i] ^= 0x04;
	}
	for (CK_ULONG len = 0; len < n; len++)
		IS(state_restore(other, blob, len, 0, 0), CKR_SAVED_STATE_INVALID);
	IS(state_restore(other, blob, n + 1, 0, 0), CKR_SAVED_STATE_INVALID);
	OK(state_restore(other, blob, n, 0, 0));
	OK(digest_init(other, NULL));
	state_forget(); /* as C_Finalize does */
	IS(state_restore(other, blob, n, 0, 0), CKR_SAVED_STATE_INVALID);
	OK(digest_init(session, NULL));
}

static const struct unit_case cases[] = {
	{"a token with two devices is made", up},
	{"encryption and decryption go on, cut anywhere", test_crypt},
	{"signatures and MACs go on, cut anywhere", test_sign},
	{"digests go on, and go back", test_digest},
	{"two operations are saved together", test_two},
	{"keys have to be given again, the right ones and no more", test_keys_needed},
	{"searches, messages and long buffers are not saved", test_unsaveable},
	{"a changed, cut or foreign state is refused", test_forged},
	{"nothing secret is left", down},
	{0},
};
UNIT_MAIN("state", cases)
