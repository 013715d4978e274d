/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: whatever handles, pointers, lengths and ids a program gives, in whatever order, the face answers and goes on. */
#include "sdf_util.h"

#define ROUNDS 20000
#define ROOM 8192u

static unsigned char in[1024], out[ROOM], more[ROOM];
static void *keys[8], *other;
static unsigned int out_len, more_len;

static bool chance(size_t percent)
{
	return rng_below(100) < percent;
}

static void *any_session(void)
{
	return chance(90) ? session : chance(30) ? device : chance(30) ? NULL : chance(50) ? other : (void *)(uintptr_t)rng_next();
}

static void *any_key(void)
{
	return chance(90) ? keys[rng_below(8)] : (void *)(uintptr_t)rng_next();
}

static unsigned char *input(void)
{
	return chance(93) ? in : NULL;
}

static void *output(void)
{
	return chance(93) ? out : NULL;
}

static unsigned int *len_of(unsigned int *len)
{
	static const unsigned int lens[] = {0, 1, 15, 16, 31, 32, 64, 255, 256, ROOM};
	*len = lens[rng_below(sizeof lens / sizeof lens[0])];
	return chance(95) ? len : NULL;
}

static unsigned int any_len(void)
{
	static const unsigned int lens[] = {0, 1, 8, 12, 15, 16, 17, 20, 31, 32, 33, 48, 64, 128, 255, 256, 1024};
	return lens[rng_below(sizeof lens / sizeof lens[0])];
}

static unsigned int any_alg(void)
{
	static const unsigned int algs[] = {
		SGD_SM4_ECB, SGD_SM4_CBC, SGD_SM4_CFB, SGD_SM4_OFB, SGD_SM4_CTR, SGD_SM4_MAC, SGD_SM4_GCM, SGD_SM4_CCM, SGD_ZUC_EEA3,
		SGD_ZUC_EIA3, SGD_SM2, SGD_SM2_1, SGD_SM2_3, SGD_SM3, SGD_SHA256, SGD_SM4_XTS, 0, 0xffffffff,
	};
	return algs[rng_below(sizeof algs / sizeof algs[0])];
}

static unsigned int any_index(void)
{
	return (unsigned int)rng_below(5);
}

static unsigned int any_nbits(void)
{
	static const unsigned int nbits[] = {0, 1, 64, 128, 128, 128, 256, 384, 4096, 4104, 0xfffffff8};
	return nbits[rng_below(sizeof nbits / sizeof nbits[0])];
}

/* Half of them as the face itself would write them. */
static ECCCipher *any_cipher(void)
{
	ECCCipher *c = (ECCCipher *)(void *)more;
	rng_fill(more, sizeof more);
	if (chance(50))
		(void)sdf_face_internal_encrypt_ecc(session, 2, SGD_SM2_3, in, 16, c);
	else if (chance(50))
		c->L = (unsigned int)rng_below(4097);
	return chance(95) ? c : NULL;
}

static ECCrefPublicKey *any_point(void)
{
	static ECCrefPublicKey key;
	key = public_of(standard_point);
	if (chance(10))
		rng_fill(&key, sizeof key);
	return chance(95) ? &key : NULL;
}

static int call_key(void)
{
	void **h = chance(95) ? &keys[rng_below(8)] : NULL;
	switch (rng_below(8)) {
	case 0: return sdf_face_import_key(any_session(), input(), any_len(), h);
	case 1: return sdf_face_generate_key_with_kek(any_session(), any_nbits(), any_alg(), any_index(), output(), len_of(&out_len), h);
	case 2: return sdf_face_import_key_with_kek(any_session(), any_alg(), any_index(), input(), any_len(), h);
	case 3: return sdf_face_generate_key_with_ipk_ecc(any_session(), any_index(), any_nbits(), output(), h);
	case 4: return sdf_face_import_key_with_isk_ecc(any_session(), any_index(), any_cipher(), h);
	case 5: return sdf_face_generate_key_with_epk_ecc(any_session(), any_nbits(), any_alg(), any_point(), output(), h);
	case 6: return sdf_face_import_key_with_kek(any_session(), SGD_SM4_ECB, 1, in, 16, h);
	default: return sdf_face_destroy_key(any_session(), any_key());
	}
}

static int call_pair(void)
{
	switch (rng_below(7)) {
	case 0: return sdf_face_export_sign_public_key_ecc(any_session(), any_index(), output());
	case 1: return sdf_face_internal_sign_ecc(any_session(), any_index(), input(), any_len(), output());
	case 2: return sdf_face_internal_verify_ecc(any_session(), any_index(), input(), any_len(), output());
	case 3: return sdf_face_external_verify_ecc(any_session(), any_alg(), any_point(), input(), any_len(), output());
	case 4: return sdf_face_external_encrypt_ecc(any_session(), any_alg(), any_point(), input(), any_len(), output());
	case 5: return sdf_face_internal_decrypt_ecc(any_session(), any_index(), SGD_SM2_3, any_cipher(), output(), len_of(&out_len));
	default: return sdf_face_release_private_key_access_right(any_session(), any_index() + 3);
	}
}

static int call_once(void)
{
	void *s = any_session(), *k = any_key();
	switch (rng_below(5)) {
	case 0: return sdf_face_encrypt(s, k, any_alg(), input(), input(), any_len(), output(), len_of(&out_len));
	case 1: return sdf_face_decrypt(s, k, any_alg(), input(), input(), any_len(), output(), len_of(&out_len));
	case 2: return sdf_face_calculate_mac(s, k, any_alg(), input(), input(), any_len(), output(), len_of(&out_len));
	case 3: return sdf_face_auth_enc(s, k, any_alg(), input(), any_len(), input(), any_len(), input(), any_len(), output(),
		                         len_of(&out_len), more, len_of(&more_len));
	default: return sdf_face_auth_dec(s, k, any_alg(), input(), any_len(), input(), any_len(), input(), len_of(&more_len), input(),
		                          any_len(), output(), len_of(&out_len));
	}
}

static int call_part(void)
{
	void *s = any_session(), *k = any_key();
	unsigned int alg = any_alg(), len = any_len();
	switch (rng_below(19)) {
	case 0: return sdf_face_encrypt_init(s, k, alg, input(), any_len());
	case 1: return sdf_face_encrypt_update(s, input(), len, output(), len_of(&out_len));
	case 2: return sdf_face_encrypt_final(s, output(), len_of(&out_len));
	case 3: return sdf_face_decrypt_init(s, k, alg, input(), any_len());
	case 4: return sdf_face_decrypt_update(s, input(), len, output(), len_of(&out_len));
	case 5: return sdf_face_decrypt_final(s, output(), len_of(&out_len));
	case 6: return sdf_face_calculate_mac_init(s, k, alg, input(), any_len());
	case 7: return sdf_face_calculate_mac_update(s, input(), len);
	case 8: return sdf_face_calculate_mac_final(s, output(), len_of(&out_len));
	case 9: return sdf_face_auth_enc_init(s, k, alg, input(), any_len(), input(), any_len(), any_len());
	case 10: return sdf_face_auth_enc_update(s, input(), len, output(), len_of(&out_len));
	case 11: return sdf_face_auth_enc_final(s, output(), len_of(&out_len), more, len_of(&more_len));
	case 12: return sdf_face_auth_dec_init(s, k, alg, input(), any_len(), input(), any_len(), input(), any_len(), any_len());
	case 13: return sdf_face_auth_dec_update(s, input(), len, output(), len_of(&out_len));
	case 14: return sdf_face_auth_dec_final(s, output(), len_of(&out_len));
	case 15: return sdf_face_hmac_init(s, k, alg);
	case 16: return sdf_face_hmac_final(s, output(), len_of(&out_len));
	case 17: return sdf_face_hash_init(s, alg, any_point(), input(), any_len());
	default: return sdf_face_hash_final(s, output(), len_of(&out_len));
	}
}

static int call_agreement(void)
{
	static ECCrefPublicKey points[4];
	void **h = chance(95) ? &keys[rng_below(8)] : NULL;
	switch (rng_below(3)) {
	case 0: return sdf_face_generate_agreement_data_with_ecc(any_session(), any_index(), any_nbits(), input(), any_len(),
		                                                 chance(95) ? &points[0] : NULL, chance(95) ? &points[1] : NULL, h);
	case 1: return sdf_face_generate_key_with_ecc(any_session(), input(), any_len(), any_point(), any_point(), any_key(), h);
	default: return sdf_face_generate_agreement_data_and_key_with_ecc(any_session(), any_index(), any_nbits(), input(), any_len(), input(),
		                                                          any_len(), any_point(), any_point(),
		                                                          chance(95) ? &points[2] : NULL,
		                                                          chance(95) ? &points[3] : NULL, h);
	}
}

/* Of index 3, or one that is nobody's. */
static RSArefPublicKey *any_modulus(void)
{
	static RSArefPublicKey key;
	if (sdf_face_export_enc_public_key_rsa(session, 3, &key) != SDR_OK || chance(30))
		rng_fill(&key, sizeof key);
	if (chance(20))
		key.bits = (unsigned int)rng_below(4096);
	return chance(95) ? &key : NULL;
}

static int call_rsa(void)
{
	void **h = chance(95) ? &keys[rng_below(8)] : NULL;
	switch (rng_below(8)) {
	case 0: return sdf_face_export_sign_public_key_rsa(any_session(), any_index(), output());
	case 1: return sdf_face_external_public_key_operation_rsa(any_session(), any_modulus(), input(), any_len(), output(), len_of(&out_len));
	case 2: return sdf_face_internal_public_key_operation_rsa(any_session(), any_index(), input(), any_len(), output(), len_of(&out_len));
	case 3: return sdf_face_internal_private_key_operation_rsa(any_session(), any_index(), input(), any_len(), output(), len_of(&out_len));
	case 4: return sdf_face_generate_key_with_ipk_rsa(any_session(), any_index(), any_nbits(), output(), len_of(&out_len), h);
	case 5: return sdf_face_generate_key_with_epk_rsa(any_session(), any_nbits(), any_modulus(), output(), len_of(&out_len), h);
	case 6: return sdf_face_import_key_with_isk_rsa(any_session(), any_index(), input(), any_len(), h);
	default: return sdf_face_exchange_digit_envelope_base_on_rsa(any_session(), any_index(), any_modulus(), input(), any_len(), output(),
		                                                     len_of(&out_len));
	}
}

static int call_rest(void)
{
	void *s = any_session();
	switch (rng_below(8)) {
	case 0: return sdf_face_create_file(s, input(), any_len(), any_len());
	case 1: return sdf_face_read_file(s, input(), any_len(), any_len(), len_of(&out_len), output());
	case 2: return sdf_face_write_file(s, input(), any_len(), any_len(), any_len(), input());
	case 3: return sdf_face_delete_file(s, input(), any_len());
	case 4: return sdf_face_generate_random(s, any_len(), output());
	case 5: return sdf_face_get_device_info(s, output());
	case 6: return sdf_face_hmac_update(s, input(), any_len());
	default: return sdf_face_exchange_digit_envelope_base_on_ecc(s, any_index(), SGD_SM2_3, any_point(), any_cipher(), (void *)output());
	}
}

/* Lengths that nobody has room for are refused before anything is read, or made. */
static void test_endless(void)
{
	unsigned char nonce[12] = {0};
	unsigned int len = 16;
	void *key;
	OK(sdf_face_import_key(session, in, 16, &key));
	IS(sdf_face_encrypt(session, key, SGD_SM4_ECB, NULL, in, 0xfffffff0, out, &len), SDR_NOBUFFER);
	CU_ASSERT_EQUAL(len, 0xfffffff0);
	len = 16;
	IS(sdf_face_auth_enc(session, key, SGD_SM4_GCM, nonce, 12, NULL, 0, in, 0xffffffff, out, &len, more, &len), SDR_NOBUFFER);
	IS(sdf_face_auth_enc_init(session, key, SGD_SM4_GCM, in, 0xffffffff, NULL, 0, 0), SDR_INARGERR);
	IS(sdf_face_auth_enc_init(session, key, SGD_SM4_CCM, in, 0xffffffff, NULL, 0, 16), SDR_INARGERR);
	IS(sdf_face_auth_dec_init(session, key, SGD_SM4_GCM, nonce, 12, NULL, 0, in, 0xffffffff, 0), SDR_INARGERR);
	(void)sdf_face_auth_enc_init(session, key, SGD_SM4_CCM, nonce, 12, NULL, 0, 0xffffffff);
	IS(sdf_face_encrypt_init(session, key, SGD_SM4_CBC, in, 0xffffffff), SDR_INARGERR);
	IS(sdf_face_hash_init(session, SGD_SM3, (ECCrefPublicKey[]){public_of(standard_point)}, in, 0xffffffff), SDR_INARGERR);
	IS(sdf_face_get_private_key_access_right(session, 1, in, 0xffffffff), SDR_INARGERR);
	IS(sdf_face_import_key(session, in, 0xffffffff, &key), SDR_KEYERR);
	IS(sdf_face_external_encrypt_ecc(session, SGD_SM2_3, (ECCrefPublicKey[]){public_of(standard_point)}, in, 0xffffffff,
	                                 (ECCCipher *)(void *)more), SDR_INARGERR);
	IS(sdf_face_internal_sign_ecc(session, 2, in, 0xffffffff, (ECCSignature *)(void *)more), SDR_INARGERR);
	IS(sdf_face_create_file(session, in, 0xffffffff, 8), SDR_INARGERR);
	IS(sdf_face_import_key_with_kek(session, SGD_SM4_ECB, 1, in, 0xfffffff0, &key), SDR_INARGERR);
	OK(sdf_face_destroy_key(session, key));
}

static void test_calls(void)
{
	unsigned ok = 0, strange = 0;
	OK(sdf_face_open_session(device, &other));
	OK(sdf_face_close_session(other));
	rng_fill(in, sizeof in);
	for (int i = 0; i < ROUNDS; i++) {
		int result = i % 32 == 9 ? call_agreement() : i % 32 == 17 ? call_rsa() : i % 32 == 25 ? call_rest() : i % 8 == 0 ? call_key() : i % 8 == 1 ? call_pair() : i % 8 < 4 ? call_once() : call_part();
		ok += result == SDR_OK;
		strange += result != SDR_OK && (result <= SDR_BASE || result > SDR_USERIDERR);
		strange += result == SDR_UNKNOWERR || result == SDR_HARDFAIL;
	}
	CU_ASSERT(ok > ROUNDS / 20); /* not all of it was nonsense */
	CU_ASSERT_EQUAL(strange, 0);
}

static void test_works(void)
{
	unsigned char e[32], hash[32];
	unsigned int len = sizeof hash;
	ECCSignature signature;
	memcpy(e, standard_e, sizeof e);
	OK(sdf_face_internal_sign_ecc(session, 2, e, 32, &signature));
	OK(sdf_face_internal_verify_ecc(session, 2, e, 32, &signature));
	OK(sdf_face_hash_init(session, SGD_SM3, NULL, NULL, 0));
	OK(sdf_face_hash_update(session, (unsigned char *)(uintptr_t)"abc", 3));
	OK(sdf_face_hash_final(session, hash, &len));
	ASSERT_HEX(hash, len, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
}

static const struct unit_case cases[] = {
	{"a token is made", sdf_up},
	{"calls without sense are answered with codes of the standard", test_calls},
	{"lengths without end are refused", test_endless},
	{"and calls with sense work as before", test_works},
	{"all is closed, and no secret left", sdf_down},
	{0},
};
UNIT_MAIN("sdf hostile", cases)
