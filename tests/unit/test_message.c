/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: message-based encryption and signatures (3.0) give what the others give, make IVs that never come
 * twice, and keep their process through errors.
 */
#include "token_util.h"

#include "pool/internal.h"

static uint8_t message[5000];
static const CK_MECHANISM gcm = {CKM_HUFU_SM4_GCM, NULL, 0};

static void up(void)
{
	rng_fill(message, sizeof message);
	token_up();
}

/* What C_Encrypt gives for the same: ciphertext || tag. */
static void reference(const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                      uint8_t *out)
{
	CK_GCM_PARAMS p = {.pIv = (CK_BYTE *)(uintptr_t)iv, .ulIvLen = iv_len, .pAAD = (CK_BYTE *)(uintptr_t)aad,
	                   .ulAADLen = aad_len, .ulTagBits = 128};
	CK_MECHANISM m = {CKM_HUFU_SM4_GCM, &p, sizeof p};
	CK_ULONG n = len + 16;
	OK(crypt_at_once(OP_ENCRYPT, &m, sm4_key, in, len, out, &n));
}

static CK_GCM_MESSAGE_PARAMS params(uint8_t *iv, CK_ULONG fixed_nbits, CK_GENERATOR_FUNCTION generator, uint8_t *tag)
{
	return (CK_GCM_MESSAGE_PARAMS){.pIv = iv, .ulIvLen = 12, .ulIvFixedBits = fixed_nbits, .ivGenerator = generator,
	                               .pTag = tag, .ulTagBits = 128};
}

static void test_whole(void)
{
	static const size_t lens[] = {0, 1, 16, 64, 1007, 1008, 1009, 5000};
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	OK(message_init(session, OP_MESSAGE_DECRYPT, &gcm, sm4_key));
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		static uint8_t want[5016], out[5000], back[5000];
		uint8_t iv[12], tag[16];
		CK_GCM_MESSAGE_PARAMS p = params(iv, 0, CKG_NO_GENERATE, tag);
		CK_ULONG n = 0;
		rng_fill(iv, 12);
		reference(iv, 12, message, 13, message, lens[i], want);
		OK(message_crypt(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 13, message, lens[i], NULL, &n));
		CU_ASSERT_EQUAL(n, lens[i]);
		if (lens[i]) {
			n = lens[i] - 1;
			IS(message_crypt(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 13, message, lens[i], out, &n),
			   CKR_BUFFER_TOO_SMALL);
		}
		OK(message_crypt(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 13, message, lens[i], out, &n));
		CU_ASSERT(n == lens[i] && memcmp(out, want, n) == 0 && memcmp(tag, want + n, 16) == 0);
		OK(message_crypt(session, OP_MESSAGE_DECRYPT, &p, sizeof p, message, 13, out, n, back, &n));
		CU_ASSERT_EQUAL(memcmp(back, message, n), 0);
		tag[3] ^= 1;
		memset(back, 0, n);
		IS(message_crypt(session, OP_MESSAGE_DECRYPT, &p, sizeof p, message, 13, out, n, back, &n),
		   CKR_AEAD_DECRYPT_FAILED);
		for (size_t j = 0; j < lens[i]; j++)
			CU_ASSERT_FATAL(back[j] == 0);
	}
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
	OK(message_final(session, OP_MESSAGE_DECRYPT));
	IS(message_final(session, OP_MESSAGE_ENCRYPT), CKR_OPERATION_NOT_INITIALIZED);
}

/* A device that takes GCM only whole: the parts come with the last. */
static void test_kept(void)
{
	struct capabilities *caps = atomic_load(&atomic_load(&session->token->pool->devices[0])->caps);
	static uint8_t want[5016], out[5000];
	uint8_t iv[12], tag[16];
	CK_GCM_MESSAGE_PARAMS p = params(iv, 0, CKG_NO_GENERATE, tag);
	CK_ULONG n = 0, last = sizeof out;
	for (size_t i = 0; i < caps->n; i++)
		caps->rows[i].multi_part &= caps->rows[i].mechanism != CKM_HUFU_SM4_GCM;
	rng_fill(iv, 12);
	reference(iv, 12, message, 13, message, 5000, want);
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	OK(message_crypt_begin(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 13));
	OK(message_crypt_next(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 3000, NULL, &n, 0));
	CU_ASSERT_EQUAL(n, 0);
	OK(message_crypt_next(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message + 3000, 2000, out, &last, CKF_END_OF_MESSAGE));
	CU_ASSERT(last == 5000 && memcmp(out, want, last) == 0 && memcmp(tag, want + last, 16) == 0);
	OK(message_crypt(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 13, message, 5000, out, &last));
	CU_ASSERT(last == 5000 && memcmp(out, want, last) == 0 && memcmp(tag, want + last, 16) == 0);
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
	for (size_t i = 0; i < caps->n; i++)
		caps->rows[i].multi_part |= caps->rows[i].mechanism == CKM_HUFU_SM4_GCM;
}

static void test_parts(void)
{
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	OK(message_init(session, OP_MESSAGE_DECRYPT, &gcm, sm4_key));
	for (size_t cut = 0; cut <= 100; cut += 4) {
		uint8_t want[116], out[100], back[100], iv[12], tag[16] = {0};
		CK_GCM_MESSAGE_PARAMS p = params(iv, 0, CKG_NO_GENERATE, tag);
		CK_ULONG a = cut, b = 100 - cut;
		rng_fill(iv, 12);
		reference(iv, 12, NULL, 0, message, 100, want);
		OK(message_crypt_begin(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, NULL, 0));
		IS(message_crypt_begin(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, NULL, 0), CKR_OPERATION_ACTIVE);
		IS(message_final(session, OP_MESSAGE_ENCRYPT), CKR_OPERATION_ACTIVE);
		OK(message_crypt_next(session, OP_MESSAGE_ENCRYPT, NULL, 0, message, cut, out, &a, 0));
		OK(message_crypt_next(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message + cut, 100 - cut, out + cut, &b,
		                      CKF_END_OF_MESSAGE));
		CU_ASSERT(a == cut && b == 100 - cut && memcmp(out, want, 100) == 0 && memcmp(tag, want + 100, 16) == 0);
		IS(message_crypt_next(session, OP_MESSAGE_ENCRYPT, &p, sizeof p, message, 1, out, &a, 0),
		   CKR_OPERATION_NOT_INITIALIZED);

		OK(message_crypt_begin(session, OP_MESSAGE_DECRYPT, &p, sizeof p, NULL, 0));
		a = sizeof back;
		OK(message_crypt_next(session, OP_MESSAGE_DECRYPT, &p, sizeof p, out, cut, back, &a, 0));
		CU_ASSERT_EQUAL(a, 0); /* nothing before the tag */
		b = 99;
		IS(message_crypt_next(session, OP_MESSAGE_DECRYPT, &p, sizeof p, out + cut, 100 - cut, back, &b,
		                      CKF_END_OF_MESSAGE), CKR_BUFFER_TOO_SMALL);
		OK(message_crypt_next(session, OP_MESSAGE_DECRYPT, &p, sizeof p, out + cut, 100 - cut, back, &b,
		                      CKF_END_OF_MESSAGE));
		CU_ASSERT(b == 100 && memcmp(back, message, 100) == 0);

		OK(message_crypt_begin(session, OP_MESSAGE_DECRYPT, &p, sizeof p, message, 1)); /* other AAD */
		OK(message_crypt_next(session, OP_MESSAGE_DECRYPT, &p, sizeof p, out, cut, back, &a, 0));
		b = 100;
		IS(message_crypt_next(session, OP_MESSAGE_DECRYPT, &p, sizeof p, out + cut, 100 - cut, back, &b,
		                      CKF_END_OF_MESSAGE), CKR_AEAD_DECRYPT_FAILED);
	}
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
	OK(message_final(session, OP_MESSAGE_DECRYPT));
}

static void encrypt_one(CK_GCM_MESSAGE_PARAMS *p, CK_RV want)
{
	uint8_t out[16];
	CK_ULONG n = 16;
	IS(message_crypt(session, OP_MESSAGE_ENCRYPT, p, sizeof *p, NULL, 0, message, 16, out, &n), want);
}

static void test_counted_ivs(void)
{
	uint8_t iv[12], tag[16];
	CK_GCM_MESSAGE_PARAMS p = params(iv, 88, CKG_GENERATE_COUNTER, tag);
	unit_hex("a0a1a2a3a4a5a6a7a8a9aaab", iv);
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	for (unsigned i = 0; i < 256; i++) {
		encrypt_one(&p, CKR_OK);
		CU_ASSERT(memcmp(iv, "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa", 11) == 0 && iv[11] == i);
	}
	encrypt_one(&p, CKR_TOKEN_RESOURCE_EXCEEDED); /* eight bits have counted to their end */
	OK(message_final(session, OP_MESSAGE_ENCRYPT));

	/* 93 fixed bits: the last byte's five upper bits stay */
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	p.ulIvFixedBits = 91;
	iv[11] = 0xb5;
	encrypt_one(&p, CKR_OK);
	CU_ASSERT_EQUAL(iv[11], 0xa0);
	encrypt_one(&p, CKR_OK);
	CU_ASSERT_EQUAL(iv[11], 0xa1);
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
}

/* RFC 8446 5.3: the IV of record n is the first one XOR n. */
static void test_xored_ivs(void)
{
	uint8_t iv[12], base[12], tag[16];
	CK_GCM_MESSAGE_PARAMS p = params(iv, 32, CKG_GENERATE_COUNTER_XOR, tag);
	rng_fill(base, 12);
	memcpy(iv, base, 12);
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	for (unsigned i = 0; i < 300; i++) {
		encrypt_one(&p, CKR_OK);
		CU_ASSERT(memcmp(iv, base, 10) == 0 && iv[10] == (base[10] ^ i >> 8) && iv[11] == (uint8_t)(base[11] ^ i));
	}
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
}

static void test_random_ivs(void)
{
	uint8_t iv[12], before[12], tag[16];
	CK_GCM_MESSAGE_PARAMS p = params(iv, 32, CKG_GENERATE_RANDOM, tag);
	unit_hex("0102030405060708090a0b0c", iv);
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	for (int i = 0; i < 20; i++) {
		memcpy(before, iv, 12);
		encrypt_one(&p, CKR_OK);
		CU_ASSERT(memcmp(iv, "\1\2\3\4", 4) == 0 && memcmp(iv, before, 12) != 0);
	}
	p.ulIvFixedBits = 33; /* too few are left to chance */
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
}

static void test_bad_params(void)
{
	uint8_t iv[12] = {0}, tag[16], out[16];
	CK_GCM_MESSAGE_PARAMS good = params(iv, 0, CKG_NO_GENERATE, tag), p;
	CK_ULONG n = 16;
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	IS(message_crypt(session, OP_MESSAGE_ENCRYPT, NULL, 0, NULL, 0, message, 16, out, &n), CKR_MECHANISM_PARAM_INVALID);
	IS(message_crypt(session, OP_MESSAGE_ENCRYPT, &good, sizeof good - 1, NULL, 0, message, 16, out, &n),
	   CKR_MECHANISM_PARAM_INVALID);
	p = good, p.pTag = NULL;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.pIv = NULL;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.ulIvLen = 0;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.ulIvLen = (CK_ULONG)-1;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.ulTagBits = 136;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.ivGenerator = 77;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.ivGenerator = CKG_GENERATE_COUNTER, p.ulIvFixedBits = 97;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p.ulIvFixedBits = (CK_ULONG)-1;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	p = good, p.ivGenerator = CKG_GENERATE_COUNTER, p.ulIvLen = 17;
	encrypt_one(&p, CKR_MECHANISM_PARAM_INVALID);
	encrypt_one(&good, CKR_OK); /* the process went on through all of that */
	OK(message_final(session, OP_MESSAGE_ENCRYPT));
}

static void test_init(void)
{
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, message, 16}, odd = {CKM_HUFU_SM4_GCM, message, 5};
	IS(message_init(session, OP_MESSAGE_ENCRYPT, &cbc, sm4_key), CKR_MECHANISM_INVALID);
	IS(message_init(session, OP_MESSAGE_ENCRYPT, &odd, sm4_key), CKR_MECHANISM_PARAM_INVALID);
	IS(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, zuc_key), CKR_KEY_TYPE_INCONSISTENT);
	IS(message_init(session, OP_MESSAGE_SIGN, &gcm, sm4_key), CKR_MECHANISM_INVALID);
	OK(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key));
	IS(message_init(session, OP_MESSAGE_ENCRYPT, &gcm, sm4_key), CKR_OPERATION_ACTIVE);
	OK(message_init(session, OP_MESSAGE_ENCRYPT, NULL, 0));
	IS(message_final(session, OP_MESSAGE_ENCRYPT), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_signatures(void)
{
	CK_MECHANISM mech = {CKM_HUFU_SM2_SM3, NULL, 0};
	OK(message_init(session, OP_MESSAGE_SIGN, &mech, sm2_private));
	OK(message_init(session, OP_MESSAGE_VERIFY, &mech, sm2_public));
	for (size_t i = 0; i < 5; i++) {
		uint8_t sig[64];
		CK_ULONG n = 0;
		OK(message_sign(session, NULL, 0, message, 100 * i, NULL, &n));
		CU_ASSERT_EQUAL(n, 64);
		OK(message_sign(session, NULL, 0, message, 100 * i, sig, &n));
		OK(message_verify(session, NULL, 0, message, 100 * i, sig, n));
		IS(message_verify(session, NULL, 0, message, 100 * i + 1, sig, n), CKR_SIGNATURE_INVALID);

		OK(message_sign_begin(session, NULL, 0));
		OK(message_sign_next(session, NULL, 0, message, 10 * i, NULL, NULL));
		OK(message_sign_next(session, NULL, 0, message + 10 * i, 10, NULL, &n)); /* asks, absorbs nothing */
		n = 63;
		IS(message_sign_next(session, NULL, 0, message + 10 * i, 10, sig, &n), CKR_BUFFER_TOO_SMALL);
		OK(message_sign_next(session, NULL, 0, message + 10 * i, 10, sig, &n));
		OK(message_verify_begin(session, NULL, 0));
		OK(message_verify_next(session, NULL, 0, message, 3, NULL, 0));
		OK(message_verify_next(session, NULL, 0, message + 3, 10 * i + 7, sig, n));
	}
	IS(message_verify_next(session, NULL, 0, message, 3, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	OK(message_final(session, OP_MESSAGE_SIGN));
	OK(message_final(session, OP_MESSAGE_VERIFY));
}

static const struct unit_case cases[] = {
	{"a token is made", up},
	{"whole messages are those of C_Encrypt, with the tag apart", test_whole},
	{"messages in parts are the same; nothing is released before the tag", test_parts},
	{"messages in parts are kept where the device takes them only whole", test_kept},
	{"counted IVs never come twice", test_counted_ivs},
	{"XORed IVs are those of TLS 1.3", test_xored_ivs},
	{"random IVs keep their fixed bits", test_random_ivs},
	{"a bad parameter is refused and the process goes on", test_bad_params},
	{"Init answers with the specification's codes", test_init},
	{"messages are signed and verified, at once and in parts", test_signatures},
	{"nothing secret is left", token_down},
	{0},
};
UNIT_MAIN("message", cases)
