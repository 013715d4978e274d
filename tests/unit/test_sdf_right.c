/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: who guesses passwords of an index waits longer and longer, and nobody who knows one waits for him. */
#include "sdf_util.h"

#include "base/clock.h"
#include "vclock.h"

static void up(void)
{
	vclock_start(NS_PER_S);
	vclock_sleep_passes(true);
	sdf_up();
	OK(sdf_face_close_device(device)); /* forgets the password that sdf_up gave */
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, sdf_conf), SDR_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
}

static void down(void)
{
	sdf_down();
	vclock_stop();
}

static int get_right(void *s, unsigned index, const char *password)
{
	return sdf_face_get_private_key_access_right(s, index, (unsigned char *)(uintptr_t)password, (unsigned)strlen(password));
}

static void test_delays(void)
{
	static const unsigned delays_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	for (int i = 0; i < 3; i++)
		IS(get_right(session, 1, "a wrong one"), SDR_PRKRERR);
	for (size_t i = 0; i < sizeof delays_s / sizeof delays_s[0]; i++) {
		IS(get_right(session, 1, "a wrong one"), SDR_PRKRERR);
		vclock_advance(delays_s[i] * NS_PER_S - 1);
		IS(get_right(session, 1, PASSWORD_1), SDR_PRKRERR); /* not looked at, and so not counted */
		vclock_advance(1);
	}
	OK(get_right(session, 1, PASSWORD_1));
}

static void test_known(void)
{
	void *other;
	OK(sdf_face_open_session(device, &other));
	for (int i = 0; i < 4; i++)
		IS(get_right(other, 1, "a wrong one"), SDR_PRKRERR);
	IS(get_right(other, 1, "another one"), SDR_PRKRERR);
	OK(get_right(other, 1, PASSWORD_1)); /* was right before, so it is known at once */
	OK(get_right(session, 3, USER_PIN)); /* another index, another count */
	OK(sdf_face_close_session(other));
	vclock_advance(NS_PER_S);
}

/* To be known is no way around the waiting: what is compared while others wait counts, and soon all wait. */
static void test_known_is_counted(void)
{
	int guesses = 0;
	void *other;
	OK(sdf_face_open_session(device, &other));
	OK(get_right(other, 1, PASSWORD_1));
	for (; guesses < 20; guesses++)
		IS(get_right(other, 1, "one of many guesses"), SDR_PRKRERR);
	IS(get_right(other, 1, PASSWORD_1), SDR_PRKRERR); /* the guess that would have been right */
	vclock_advance(60 * NS_PER_S);
	OK(get_right(other, 1, PASSWORD_1));
	for (int i = 0; i < 4; i++)
		IS(get_right(other, 1, "a wrong one"), SDR_PRKRERR);
	OK(get_right(other, 1, PASSWORD_1)); /* counted from the beginning */
	OK(sdf_face_close_session(other));
	vclock_advance(NS_PER_S);
}

/* Wrong PINs are counted by the store, too, which locks the user after ten. */
static void test_pin(void)
{
	void *other;
	OK(sdf_face_open_session(device, &other));
	IS(get_right(other, 3, "no PIN of anybody"), SDR_PRKRERR);
	OK(get_right(other, 3, USER_PIN));
	OK(sdf_face_close_session(other));
}

/* Nobody logs in but who has the right to a key; what is public is so before. */
static void test_no_login(void)
{
	char path[128];
	unsigned char blob[16], e[32] = {1};
	unsigned int len = sizeof blob;
	ECCSignature signature;
	ECCrefPublicKey pub;
	union big_cipher c;
	void *key;
	snprintf(path, sizeof path, "%s/nologin.conf", sdf_dir);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "log { to = \"stderr\" level = \"error\" }\ndevice \"soft0\" { driver = \"soft\" domain = \"soft\" }\n"
	           "token \"test\" { store = \"sqlite:%s/test.db\" devices = { \"soft0\" } hardware_only = no }\n"
	           "sdf_key \"1\" { sign = \"sign1\" encrypt = \"enc1\" }\nsdf_kek \"1\" { key = \"kek1\" }\n", sdf_dir);
	fclose(f);
	OK(sdf_face_close_device(device));
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, path), SDR_OK); /* the only token there is */
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
	OK(sdf_face_export_sign_public_key_ecc(session, 1, &pub));
	OK(sdf_face_generate_key_with_ipk_ecc(session, 1, 128, &c.c, &key));
	IS(sdf_face_internal_sign_ecc(session, 1, e, 32, &signature), SDR_PARDENY);
	IS(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_ECB, 1, blob, &len, &key), SDR_KEYNOTEXIST);
	IS(get_right(session, 1, "no PIN of anybody"), SDR_PRKRERR);
	OK(get_right(session, 1, USER_PIN));
	OK(sdf_face_import_key_with_isk_ecc(session, 1, &c.c, &key));
	OK(sdf_face_generate_key_with_kek(session, 128, SGD_SM4_ECB, 1, blob, &len, &key));
	OK(sdf_face_internal_sign_ecc(session, 1, e, 32, &signature));
}

static const struct unit_case cases[] = {
	{"a token is made", up},
	{"from the fourth wrong password on the next waits, up to a minute", test_delays},
	{"a password that was right is known at once", test_known},
	{"which does not make guessing cheap", test_known_is_counted},
	{"the user PIN, where it is the password", test_pin},
	{"without a login of its own the first right logs in", test_no_login},
	{"all is closed, and no secret left", down},
	{0},
};
UNIT_MAIN("sdf rights", cases)
