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

/* Wrong PINs are counted by the store, too, which locks the user after ten. */
static void test_pin(void)
{
	void *other;
	OK(sdf_face_open_session(device, &other));
	IS(get_right(other, 3, "no PIN of anybody"), SDR_PRKRERR);
	OK(get_right(other, 3, USER_PIN));
	OK(sdf_face_close_session(other));
}

static const struct unit_case cases[] = {
	{"a token is made", up},
	{"from the fourth wrong password on the next waits, up to a minute", test_delays},
	{"a password that was right is known at once", test_known},
	{"the user PIN, where it is the password", test_pin},
	{"all is closed, and no secret left", down},
	{0},
};
UNIT_MAIN("sdf rights", cases)
