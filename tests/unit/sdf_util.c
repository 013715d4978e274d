/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf_util.h"

#include "base/secret.h"
#include "sm/sm3.h"
#include "token/core.h"
#include "token/object.h"
#include "token/operation.h"
#include "token/slot.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define SO_PIN "staple of the officer"

char sdf_dir[64], sdf_conf[96];
void *device, *session;

const unsigned char standard_d[32] = {
	0x39, 0x45, 0x20, 0x8f, 0x7b, 0x21, 0x44, 0xb1, 0x3f, 0x36, 0xe3, 0x8a, 0xc6, 0xd3, 0x9f, 0x95,
	0x88, 0x93, 0x93, 0x69, 0x28, 0x60, 0xb5, 0x1a, 0x42, 0xfb, 0x81, 0xef, 0x4d, 0xf7, 0xc5, 0xb8,
};
const unsigned char standard_point[64] = {
	0x09, 0xf9, 0xdf, 0x31, 0x1e, 0x54, 0x21, 0xa1, 0x50, 0xdd, 0x7d, 0x16, 0x1e, 0x4b, 0xc5, 0xc6,
	0x72, 0x17, 0x9f, 0xad, 0x18, 0x33, 0xfc, 0x07, 0x6b, 0xb0, 0x8f, 0xf3, 0x56, 0xf3, 0x50, 0x20,
	0xcc, 0xea, 0x49, 0x0c, 0xe2, 0x67, 0x75, 0xa5, 0x2d, 0xc6, 0xea, 0x71, 0x8c, 0xc1, 0xaa, 0x60,
	0x0a, 0xed, 0x05, 0xfb, 0xf3, 0x5e, 0x08, 0x4a, 0x66, 0x32, 0xf6, 0x07, 0x2d, 0xa9, 0xad, 0x13,
};
const unsigned char standard_e[32] = {
	0xf0, 0xb4, 0x3e, 0x94, 0xba, 0x45, 0xac, 0xca, 0xac, 0xe6, 0x92, 0xed, 0x53, 0x43, 0x82, 0xeb,
	0x17, 0xe6, 0xab, 0x5a, 0x19, 0xce, 0x7b, 0x31, 0xf4, 0x48, 0x6f, 0xdf, 0xc0, 0xd2, 0x86, 0x40,
};

bool sdf_is(int got, int want, const char *call, const char *file, unsigned line)
{
	char text[400];
	snprintf(text, sizeof text, "%.300s gives 0x%x, not 0x%x", call, (unsigned)got, (unsigned)want);
	CU_assertImplementation(got == want, line, text, file, "", CU_FALSE);
	return got == want;
}

ECCrefPublicKey public_of(const unsigned char point[64])
{
	ECCrefPublicKey key = {.bits = 256};
	memcpy(key.x + 32, point, 32);
	memcpy(key.y + 32, point + 32, 32);
	return key;
}

/* -- the configuration ------------------------------------------------------------------ */

static void print_verifier(FILE *f, const char *password)
{
	uint8_t salt[16] = "salt of the test", hash[32];
	sm3_pbkdf2(password, strlen(password), salt, sizeof salt, 10000, hash, sizeof hash);
	fprintf(f, "pbkdf2-sm3:10000:");
	for (size_t i = 0; i < sizeof salt; i++)
		fprintf(f, "%02x", salt[i]);
	fprintf(f, ":");
	for (size_t i = 0; i < sizeof hash; i++)
		fprintf(f, "%02x", hash[i]);
}

void sdf_write_conf(const char *path, const char *lines, const char *sections)
{
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "log { to = \"stderr\" level = \"error\" }\n"
	           "device \"soft0\" { driver = \"soft\" domain = \"soft\" }\n"
	           "token \"test\" { store = \"sqlite:%s/test.db\" devices = { \"soft0\" } hardware_only = no }\n"
	           "sdf { token = \"test\" login = \"file:%s/pin\" files = \"%s/files\" %s }\n"
	           "sdf_key \"1\" { sign = \"sign1\" encrypt = \"enc1\" password = \"", sdf_dir, sdf_dir, sdf_dir, lines);
	print_verifier(f, PASSWORD_1);
	fprintf(f, "\" }\n"
	           "sdf_key \"2\" { sign = \"id=0202\" encrypt = \"id=0202\" password = open }\n"
	           "sdf_key \"3\" { sign = \"sign1\" encrypt = \"enc1\" rsa_sign = \"rsa\" rsa_encrypt = \"rsa\" }\n"
	           "sdf_kek \"1\" { key = \"kek1\" }\nsdf_kek \"2\" { key = \"kek2\" }\n%s", sections);
	fclose(f);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", sdf_dir, name);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fchmod(fileno(f), 0600);
	fclose(f);
}

/* -- the token ------------------------------------------------------------------------------ */

static const CK_BBOOL yes = CK_TRUE;
#define ATTR(type, value) {type, (void *)(uintptr_t)&(value), sizeof(value)}
#define BYTES(type, p, len) {type, (void *)(uintptr_t)(p), (len)}
#define MUST(call) CU_ASSERT_EQUAL_FATAL((call), CKR_OK)

static void make_pair(struct session *s, CK_MECHANISM_TYPE type, const char *label)
{
	CK_ULONG nbits = 2048;
	CK_MECHANISM m = {type, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;
	CK_ATTRIBUTE public[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_MODULUS_BITS, nbits)};
	CK_ATTRIBUTE private[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_SIGN, yes),
	                          ATTR(CKA_DECRYPT, yes), ATTR(CKA_DERIVE, yes)};
	MUST(key_generate_pair(s, &m, public, type == CKM_RSA_PKCS_KEY_PAIR_GEN ? 3 : 2, private, 5, &pub, &priv));
}

static void make_kek(struct session *s, const char *label)
{
	CK_MECHANISM m = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_BBOOL no = CK_FALSE;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_WRAP, yes), ATTR(CKA_UNWRAP, yes),
	                        ATTR(CKA_ENCRYPT, no), ATTR(CKA_DECRYPT, no)};
	MUST(key_generate(s, &m, templ, 6, &h));
}

static void make_standard_private(struct session *s)
{
	CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_TOKEN, yes),
	                        BYTES(CKA_ID, "\x02\x02", 2), BYTES(CKA_VALUE, standard_d, 32), ATTR(CKA_SIGN, yes),
	                        ATTR(CKA_DECRYPT, yes), ATTR(CKA_DERIVE, yes)};
	MUST(object_create(s, templ, sizeof templ / sizeof templ[0], &h));
}

static void with_session(CK_SLOT_ID slot, CK_USER_TYPE user, const char *pin, void (*f)(struct session *))
{
	CK_SESSION_HANDLE h;
	struct session *s;
	MUST(session_open(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &h));
	MUST(session_enter(h, &s));
	MUST(session_login(s, user, (const CK_BYTE *)pin, strlen(pin), NULL, 0));
	f(s);
	session_leave(s);
	MUST(session_close(h));
}

static void set_pin(struct session *s)
{
	MUST(session_init_pin(s, (const CK_BYTE *)USER_PIN, strlen(USER_PIN)));
}

static void make_keys(struct session *s)
{
	make_pair(s, CKM_HUFU_SM2_KEY_PAIR_GEN, "sign1");
	make_pair(s, CKM_HUFU_SM2_KEY_PAIR_GEN, "enc1");
	make_pair(s, CKM_RSA_PKCS_KEY_PAIR_GEN, "rsa");
	make_standard_private(s);
	make_kek(s, "kek1");
	make_kek(s, "kek2");
}

static void make_token(void)
{
	CK_SLOT_ID slot;
	CK_BYTE label[32];
	memset(label, ' ', sizeof label);
	MUST(core_start_with(sdf_conf, false));
	MUST(slot_by_name("test", &slot));
	MUST(slot_init_token(slot, (const CK_BYTE *)SO_PIN, strlen(SO_PIN), label));
	with_session(slot, CKU_SO, SO_PIN, set_pin);
	with_session(slot, CKU_USER, USER_PIN, make_keys);
	MUST(core_stop());
}

void sdf_up(void)
{
	char files[96];
	strncpy(sdf_dir, "/tmp/hufu-sdf-XXXXXX", sizeof sdf_dir - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(sdf_dir));
	snprintf(sdf_conf, sizeof sdf_conf, "%s/hufu.conf", sdf_dir);
	snprintf(files, sizeof files, "%s/files", sdf_dir);
	mkdir(files, 0700);
	write_file("pin", USER_PIN "\n");
	sdf_write_conf(sdf_conf, "", "");
	make_token();
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, sdf_conf), SDR_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
	OK(sdf_face_get_private_key_access_right(session, 1, (unsigned char *)PASSWORD_1, strlen(PASSWORD_1)));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void sdf_down(void)
{
	OK(sdf_face_close_session(session));
	OK(sdf_face_close_device(device));
	CU_ASSERT_EQUAL(secret_in_use(), 0);
	nftw(sdf_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
