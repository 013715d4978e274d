/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: session keys arrive as they were sent: under SM2, RSA and key encryption keys, and agreed between two. */
#include "sdf_util.h"

/* Two handles are one key if what one encrypts the other decrypts. */
static bool same_key(void *a, void *b)
{
	unsigned char in[16] = "sixteen bytes..", out[16];
	unsigned int len = 16;
	OK(sdf_face_encrypt(session, a, SGD_SM4_ECB, NULL, in, 16, out, &len));
	OK(sdf_face_decrypt(session, b, SGD_SM4_ECB, NULL, out, 16, out, &len));
	return memcmp(in, out, 16) == 0;
}

static int get_right(unsigned index, const char *password)
{
	return sdf_face_get_private_key_access_right(session, index, (unsigned char *)(uintptr_t)password, (unsigned)strlen(password));
}

static void test_ecc(void)
{
	union big_cipher c, d;
	ECCrefPublicKey pub;
	void *made, *got;
	OK(sdf_face_generate_key_with_ipk_ecc(session, 1, 128, &c.c, &made));
	CU_ASSERT_EQUAL(c.c.L, 16);
	OK(sdf_face_import_key_with_isk_ecc(session, 1, &c.c, &got));
	CU_ASSERT(same_key(made, got));
	OK(sdf_face_destroy_key(session, got));
	OK(sdf_face_export_enc_public_key_ecc(session, 2, &pub));
	OK(sdf_face_exchange_digit_envelope_base_on_ecc(session, 1, SGD_SM2_3, &pub, &c.c, &d.c));
	IS(sdf_face_import_key_with_isk_ecc(session, 1, &d.c, &got), SDR_ENCDATAERR);
	OK(sdf_face_import_key_with_isk_ecc(session, 2, &d.c, &got));
	CU_ASSERT(same_key(made, got));
	OK(sdf_face_destroy_key(session, made));
	OK(sdf_face_generate_key_with_epk_ecc(session, 384, SGD_SM2_3, &pub, &c.c, &made)); /* a pre-master secret's size */
	CU_ASSERT_EQUAL(c.c.L, 48);
	OK(sdf_face_import_key_with_isk_ecc(session, 2, &c.c, &got));
}

static void test_ecc_refusals(void)
{
	union big_cipher c;
	ECCrefPublicKey pub = public_of(standard_point);
	void *h;
	IS(sdf_face_generate_key_with_ipk_ecc(session, 9, 128, &c.c, &h), SDR_KEYNOTEXIST);
	IS(sdf_face_generate_key_with_ipk_ecc(session, 1, 129, &c.c, &h), SDR_INARGERR);
	IS(sdf_face_generate_key_with_ipk_ecc(session, 1, 0, &c.c, &h), SDR_INARGERR);
	IS(sdf_face_generate_key_with_ipk_ecc(session, 1, UINT32_MAX - 7, &c.c, &h), SDR_INARGERR);
	IS(sdf_face_generate_key_with_ipk_ecc(session, 1, 128, NULL, &h), SDR_OUTARGERR);
	IS(sdf_face_generate_key_with_ipk_ecc(session, 1, 128, &c.c, NULL), SDR_OUTARGERR);
	IS(sdf_face_generate_key_with_epk_ecc(session, 128, SGD_SM2_1, &pub, &c.c, &h), SDR_ALGNOTSUPPORT);
	IS(sdf_face_generate_key_with_epk_ecc(session, 128, SGD_SM2_3, NULL, &c.c, &h), SDR_INARGERR);
	pub.x[63] ^= 1; /* not on the curve */
	IS(sdf_face_generate_key_with_epk_ecc(session, 128, SGD_SM2_3, &pub, &c.c, &h), SDR_KEYERR);
	OK(sdf_face_generate_key_with_ipk_ecc(session, 1, 128, &c.c, &h));
	OK(sdf_face_release_private_key_access_right(session, 1));
	IS(sdf_face_import_key_with_isk_ecc(session, 1, &c.c, &h), SDR_PARDENY);
	OK(get_right(1, PASSWORD_1));
}

static void test_kek(void)
{
	unsigned char blob[64];
	unsigned int len = sizeof blob;
	void *made, *got;
	OK(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_ECB, 1, blob, &len, &made));
	CU_ASSERT_EQUAL(len, 16);
	OK(sdf_face_import_key_with_kek(session, SGD_SM4_ECB, 1, blob, len, &got));
	CU_ASSERT(same_key(made, got));
	OK(sdf_face_import_key_with_kek(session, SGD_SM4_ECB, 2, blob, len, &got)); /* ECB: what comes of it is a key */
	CU_ASSERT_FALSE(same_key(made, got));
	len = 15;
	IS(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_ECB, 1, blob, &len, &made), SDR_NOBUFFER);
	CU_ASSERT_EQUAL(len, 16);
	IS(sdf_face_generate_key_with_kek(session, 192, SGD_SM4_ECB, 1, blob, &len, &made), SDR_INARGERR);
	IS(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_CBC, 1, blob, &len, &made), SDR_ALGMODNOTSUPPORT);
	IS(sdf_face_generate_key_with_kek(session, 128, SGD_SM1_ECB, 1, blob, &len, &made), SDR_ALGNOTSUPPORT);
	IS(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_ECB, 9, blob, &len, &made), SDR_KEYNOTEXIST);
	IS(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_ECB, 1, NULL, &len, &made), SDR_OUTARGERR);
	IS(sdf_face_import_key_with_kek(session, SGD_SM4_ECB, 1, blob, 15, &got), SDR_INARGERR);
	IS(sdf_face_import_key_with_kek(session, SGD_SM4_ECB, 1, NULL, 16, &got), SDR_INARGERR);
	len = sizeof blob;
	OK(sdf_face_generate_key_with_kek(session, 256, SGD_SM4_ECB, 1, blob, &len, &made));
	CU_ASSERT_EQUAL(len, 32);
	OK(sdf_face_import_key_with_kek(session, SGD_SM4_ECB, 1, blob, len, &got));
}

/* -- RSA --------------------------------------------------------------------------------- */

static void test_rsa_keys(void)
{
	RSArefPublicKey pub;
	unsigned char blob[256], other[256];
	unsigned int len = sizeof blob, other_len = sizeof other;
	void *made, *got;
	OK(get_right(3, USER_PIN));
	OK(sdf_face_export_enc_public_key_rsa(session, 3, &pub));
	CU_ASSERT_EQUAL(pub.bits, 2048);
	OK(sdf_face_generate_key_with_ipk_rsa(session, 3, 128, blob, &len, &made));
	CU_ASSERT_EQUAL(len, 256);
	OK(sdf_face_import_key_with_isk_rsa(session, 3, blob, len, &got));
	CU_ASSERT(same_key(made, got));
	OK(sdf_face_exchange_digit_envelope_base_on_rsa(session, 3, &pub, blob, len, other, &other_len));
	CU_ASSERT(memcmp(blob, other, 256) != 0);
	OK(sdf_face_import_key_with_isk_rsa(session, 3, other, other_len, &got));
	CU_ASSERT(same_key(made, got));
	OK(sdf_face_generate_key_with_epk_rsa(session, 128, &pub, blob, &len, &made));
	OK(sdf_face_import_key_with_isk_rsa(session, 3, blob, len, &got));
	CU_ASSERT(same_key(made, got));
	len = 255;
	IS(sdf_face_generate_key_with_ipk_rsa(session, 3, 128, blob, &len, &made), SDR_NOBUFFER);
	IS(sdf_face_import_key_with_isk_rsa(session, 3, blob, 255, &got), SDR_ENCDATAERR);
	IS(sdf_face_generate_key_with_ipk_rsa(session, 1, 128, blob, &len, &made), SDR_KEYNOTEXIST);
	pub.bits = 4096;
	IS(sdf_face_generate_key_with_epk_rsa(session, 128, &pub, blob, &len, &made), SDR_INARGERR);
}

static void test_rsa_raw(void)
{
	RSArefPublicKey pub;
	unsigned char in[256], mid[256], out[256];
	unsigned int len = sizeof mid;
	rng_fill(in, sizeof in);
	in[0] = 0; /* less than the modulus */
	OK(sdf_face_export_sign_public_key_rsa(session, 3, &pub));
	OK(sdf_face_internal_private_key_operation_rsa(session, 3, in, 256, mid, &len));
	OK(sdf_face_external_public_key_operation_rsa(session, &pub, mid, 256, out, &len));
	ASSERT_SAME(in, out, 256);
	OK(sdf_face_internal_public_key_operation_rsa(session, 3, in, 256, mid, &len));
	OK(sdf_face_internal_private_key_operation_rsa(session, 3, mid, 256, out, &len));
	ASSERT_SAME(in, out, 256);
	IS(sdf_face_internal_private_key_operation_rsa(session, 3, in, 255, out, &len), SDR_INARGERR);
	memset(in, 0xff, sizeof in); /* more than the modulus */
	CU_ASSERT(sdf_face_internal_private_key_operation_rsa(session, 3, in, 256, out, &len) != SDR_OK);
	OK(sdf_face_release_private_key_access_right(session, 3));
	IS(sdf_face_internal_private_key_operation_rsa(session, 3, in, 256, out, &len), SDR_PARDENY);
}

/* -- agreement ------------------------------------------------------------------------------- */

static unsigned char alice[] = "Alice", bob[] = "Bob";

static void test_agreement(void)
{
	ECCrefPublicKey a, a_tmp, b, b_tmp;
	void *agreement, *sponsor, *response;
	OK(sdf_face_generate_agreement_data_with_ecc(session, 1, 128, alice, 5, &a, &a_tmp, &agreement));
	OK(sdf_face_generate_agreement_data_and_key_with_ecc(session, 2, 128, bob, 3, alice, 5, &a, &a_tmp, &b, &b_tmp, &response));
	OK(sdf_face_generate_key_with_ecc(session, bob, 3, &b, &b_tmp, agreement, &sponsor));
	CU_ASSERT(same_key(sponsor, response));
	IS(sdf_face_generate_key_with_ecc(session, bob, 3, &b, &b_tmp, agreement, &sponsor), SDR_INARGERR); /* once */
	ECCrefPublicKey standard = public_of(standard_point);
	ASSERT_SAME(&b, &standard, sizeof b);
}

static void test_agreement_refusals(void)
{
	ECCrefPublicKey a, a_tmp, b, b_tmp;
	void *agreement, *sponsor, *response;
	OK(sdf_face_generate_agreement_data_with_ecc(session, 1, 128, alice, 5, &a, &a_tmp, &agreement));
	OK(sdf_face_generate_agreement_data_and_key_with_ecc(session, 2, 128, bob, 3, alice, 4, &a, &a_tmp, &b, &b_tmp, &response));
	IS(sdf_face_generate_key_with_ecc(session, bob, 3, NULL, &b_tmp, agreement, &sponsor), SDR_INARGERR);
	IS(sdf_face_generate_key_with_ecc(session, bob, 3, &b, &b_tmp, response, &sponsor), SDR_INARGERR);
	OK(sdf_face_generate_key_with_ecc(session, bob, 3, &b, &b_tmp, agreement, &sponsor));
	CU_ASSERT_FALSE(same_key(sponsor, response)); /* they did not mean the same names */
	a_tmp.y[63] ^= 1;
	IS(sdf_face_generate_agreement_data_and_key_with_ecc(session, 2, 128, bob, 3, alice, 5, &a, &a_tmp, &b, &b_tmp, &response),
	   SDR_INARGERR);
	IS(sdf_face_generate_agreement_data_with_ecc(session, 3, 128, alice, 5, &a, &a_tmp, &agreement), SDR_PARDENY);
	IS(sdf_face_generate_agreement_data_with_ecc(session, 1, 127, alice, 5, &a, &a_tmp, &agreement), SDR_INARGERR);
	IS(sdf_face_generate_agreement_data_with_ecc(session, 1, 128, alice, 0, &a, &a_tmp, &agreement), SDR_INARGERR);
	OK(sdf_face_generate_agreement_data_with_ecc(session, 1, 128, alice, 5, &a, &a_tmp, &agreement));
	OK(sdf_face_destroy_key(session, agreement));
	OK(sdf_face_generate_agreement_data_with_ecc(session, 1, 128, alice, 5, &a, &a_tmp, &agreement)); /* ends with the session */
}

static const struct unit_case cases[] = {
	{"a token is made", sdf_up},
	{"keys travel under SM2", test_ecc},
	{"but not without the right, nor to what is no key", test_ecc_refusals},
	{"keys travel under a key encryption key", test_kek},
	{"keys travel under RSA", test_rsa_keys},
	{"RSA is raw both ways", test_rsa_raw},
	{"two sides agree on a key, once", test_agreement},
	{"not with other names or points", test_agreement_refusals},
	{"all is closed, and no secret left", sdf_down},
	{0},
};
UNIT_MAIN("sdf keys", cases)
