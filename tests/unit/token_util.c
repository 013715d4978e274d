/* SPDX-License-Identifier: Apache-2.0 */
#include "token_util.h"

#include "base/secret.h"
#include "token/core.h"
#include "token/slot.h"

#include <ftw.h>
#include <unistd.h>

#define SO_PIN "staple of the officer"

struct session *session;
const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
CK_OBJECT_HANDLE sm4_key, zuc_key, hmac_key, sm2_private, sm2_public;

const uint8_t sm4_value[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
const uint8_t standard_d[32] = {
	0x39, 0x45, 0x20, 0x8f, 0x7b, 0x21, 0x44, 0xb1, 0x3f, 0x36, 0xe3, 0x8a, 0xc6, 0xd3, 0x9f, 0x95,
	0x88, 0x93, 0x93, 0x69, 0x28, 0x60, 0xb5, 0x1a, 0x42, 0xfb, 0x81, 0xef, 0x4d, 0xf7, 0xc5, 0xb8,
};
const uint8_t standard_point[64] = {
	0x09, 0xf9, 0xdf, 0x31, 0x1e, 0x54, 0x21, 0xa1, 0x50, 0xdd, 0x7d, 0x16, 0x1e, 0x4b, 0xc5, 0xc6,
	0x72, 0x17, 0x9f, 0xad, 0x18, 0x33, 0xfc, 0x07, 0x6b, 0xb0, 0x8f, 0xf3, 0x56, 0xf3, 0x50, 0x20,
	0xcc, 0xea, 0x49, 0x0c, 0xe2, 0x67, 0x75, 0xa5, 0x2d, 0xc6, 0xea, 0x71, 0x8c, 0xc1, 0xaa, 0x60,
	0x0a, 0xed, 0x05, 0xfb, 0xf3, 0x5e, 0x08, 0x4a, 0x66, 0x32, 0xf6, 0x07, 0x2d, 0xa9, 0xad, 0x13,
};

static char dir[32];
static bool strict, des3;
static const char *sections = "", *devices = "\"soft0\"";

/* -- codes ------------------------------------------------------------------------ */

bool rv_is(CK_RV got, CK_RV want, const char *call, const char *file, unsigned line)
{
	char text[400];
	snprintf(text, sizeof text, "%.300s gives 0x%lx, not 0x%lx", call, got, want);
	CU_assertImplementation(got == want, line, text, file, "", CU_FALSE);
	return got == want;
}

/* -- the token --------------------------------------------------------------------- */

static void write_conf(void)
{
	char path[64];
	snprintf(path, sizeof path, "%s/hufu.conf", dir);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "log { to = \"stderr\" level = \"error\" }\n"
	           "device \"soft0\" { driver = \"soft\" domain = \"soft\" }\n"
	           "device \"soft1\" { driver = \"soft\" domain = \"soft\" }\n"
	           "%s\n"
	           "token \"test\" { store = \"sqlite:%s/test.db\" devices = { %s } policy = %s des3 = %s hardware_only = no }\n",
	        sections, dir, devices, strict ? "strict" : "standard", des3 ? "read" : "off");
	fclose(f);
	setenv("HUFU_CONF", path, 1);
}

static CK_SLOT_ID the_slot(void)
{
	CK_SLOT_ID slots[4];
	CK_ULONG n = 4;
	OK(slot_list(false, slots, &n));
	CU_ASSERT_EQUAL_FATAL(n, 1);
	return slots[0];
}

static void init_token(CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE h;
	struct session *s;
	CK_BYTE label[32];
	memset(label, ' ', sizeof label);
	OK(slot_init_token(slot, (const CK_BYTE *)SO_PIN, strlen(SO_PIN), label));
	OK(session_open(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &h));
	CU_ASSERT_EQUAL_FATAL(session_enter(h, &s), CKR_OK);
	OK(session_login(s, CKU_SO, (const CK_BYTE *)SO_PIN, strlen(SO_PIN), NULL, 0));
	OK(session_init_pin(s, (const CK_BYTE *)USER_PIN, strlen(USER_PIN)));
	session_leave(s);
	OK(session_close(h));
}

static void make_keys(void)
{
	static const uint8_t zuc[16] = {0x17, 0x3d, 0x14, 0xba, 0x50, 0x03, 0x73, 0x1d, /* GM/T 0001.2, first set */
	                                0x7a, 0x60, 0x04, 0x94, 0x70, 0xf0, 0x0a, 0x29};
	uint8_t hmac[32];
	for (size_t i = 0; i < sizeof hmac; i++)
		hmac[i] = (uint8_t)(i + 1); /* GM/T 0042-2015 D.3 */
	sm4_key = make_secret(CKK_HUFU_SM4, sm4_value, sizeof sm4_value, NULL, 0);
	zuc_key = make_secret(CKK_HUFU_ZUC, zuc, sizeof zuc, NULL, 0);
	hmac_key = make_secret(CKK_HUFU_SM3_HMAC, hmac, sizeof hmac, NULL, 0);
	sm2_private = make_sm2_private(standard_d, NULL, 0);
	sm2_public = make_sm2_public(standard_point, NULL, 0);
}

void token_up_with_two(void)
{
	devices = "\"soft0\", \"soft1\"";
	token_up();
}

void token_up_on(const char *its_sections, const char *its_devices)
{
	sections = its_sections;
	devices = its_devices;
	token_up();
}

void token_up_strict(void)
{
	strict = true;
	token_up();
}

void token_up_des3(void)
{
	des3 = true;
	token_up();
}

void token_up(void)
{
	CK_SESSION_HANDLE h;
	strncpy(dir, "/tmp/hufu-token-XXXXXX", sizeof dir - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	write_conf();
	CU_ASSERT_EQUAL_FATAL(core_start(false), CKR_OK);
	CK_SLOT_ID slot = the_slot();
	init_token(slot);
	CU_ASSERT_EQUAL_FATAL(session_open(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &h), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(session_enter(h, &session), CKR_OK);
	OK(session_login(session, CKU_USER, (const CK_BYTE *)USER_PIN, strlen(USER_PIN), NULL, 0));
	make_keys();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void token_down(void)
{
	CK_SESSION_HANDLE h = session->handle;
	session_leave(session);
	OK(session_close(h));
	OK(core_stop());
	CU_ASSERT_EQUAL(secret_in_use(), 0);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* -- keys --------------------------------------------------------------------------- */

static CK_OBJECT_HANDLE make(const CK_ATTRIBUTE *list, CK_ULONG n, const CK_ATTRIBUTE *more, CK_ULONG nmore)
{
	CK_ATTRIBUTE all[32];
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG total = 0;
	for (CK_ULONG i = 0; i < n; i++) {
		bool replaced = false;
		for (CK_ULONG j = 0; j < nmore; j++)
			replaced |= more[j].type == list[i].type;
		if (!replaced)
			all[total++] = list[i];
	}
	for (CK_ULONG i = 0; i < nmore; i++)
		all[total++] = more[i];
	OK(object_create(session, all, total, &h));
	return h;
}

#define ATTR(type, value) {type, (void *)(uintptr_t)&(value), sizeof(value)}
#define BYTES(type, p, len) {type, (void *)(uintptr_t)(p), len}

CK_OBJECT_HANDLE make_secret(CK_KEY_TYPE type, const void *value, size_t len, const CK_ATTRIBUTE *more, CK_ULONG nmore)
{
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_ATTRIBUTE list[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_VALUE, value, len),
		ATTR(CKA_ENCRYPT, yes), ATTR(CKA_DECRYPT, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_VERIFY, yes), ATTR(CKA_WRAP, yes),
		ATTR(CKA_UNWRAP, yes), ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes),
	};
	return make(list, sizeof list / sizeof list[0], more, nmore);
}

CK_OBJECT_HANDLE make_sm2_private(const uint8_t d[32], const CK_ATTRIBUTE *more, CK_ULONG nmore)
{
	CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	CK_ATTRIBUTE list[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_VALUE, d, 32),
		ATTR(CKA_DECRYPT, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_UNWRAP, yes), ATTR(CKA_SENSITIVE, no),
		ATTR(CKA_EXTRACTABLE, yes),
	};
	return make(list, sizeof list / sizeof list[0], more, nmore);
}

CK_OBJECT_HANDLE make_sm2_public(const uint8_t point[64], const CK_ATTRIBUTE *more, CK_ULONG nmore)
{
	CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	uint8_t der[67] = {0x04, 0x41, 0x04};
	memcpy(der + 3, point, 64);
	CK_ATTRIBUTE list[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_EC_POINT, der),
		ATTR(CKA_ENCRYPT, yes), ATTR(CKA_VERIFY, yes), ATTR(CKA_WRAP, yes),
	};
	return make(list, sizeof list / sizeof list[0], more, nmore);
}

/* -- calls ----------------------------------------------------------------------------- */

CK_MECHANISM mechanism(CK_MECHANISM_TYPE type, const void *param, CK_ULONG len)
{
	return (CK_MECHANISM){type, (void *)(uintptr_t)param, len};
}

CK_RV crypt_at_once(enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, uint8_t *out,
                    CK_ULONG *out_len)
{
	CK_RV rv = crypt_init(session, kind, m, key);
	return rv == CKR_OK ? crypt_once(session, kind, in, len, out, out_len) : rv;
}

/* Each output in the space that a size query asked for, and not a byte more. */
static CK_RV give_part(enum op_kind kind, const uint8_t *in, size_t len, bool last, uint8_t **out, CK_ULONG *left)
{
	CK_ULONG need = 0;
	CK_RV rv = last ? crypt_final(session, kind, NULL, &need) : crypt_update(session, kind, in, len, NULL, &need);
	if (rv != CKR_OK)
		return rv;
	CU_ASSERT_FATAL(need <= *left);
	uint8_t *space = malloc(need ? need : 1);
	CK_ULONG n = need;
	rv = last ? crypt_final(session, kind, space, &n) : crypt_update(session, kind, in, len, space, &n);
	CU_ASSERT(rv != CKR_OK || n <= need);
	if (rv == CKR_OK && n) {
		memcpy(*out, space, n);
		*out += n;
		*left -= n;
	}
	free(space);
	return rv;
}

CK_RV crypt_in_parts(enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len,
                     const size_t *cuts, size_t ncuts,
                     uint8_t *out, CK_ULONG *out_len)
{
	uint8_t *end = out;
	CK_ULONG left = *out_len;
	size_t at = 0;
	CK_RV rv = crypt_init(session, kind, m, key);
	for (size_t i = 0; i <= ncuts && rv == CKR_OK; i++) {
		size_t to = i < ncuts ? cuts[i] : len;
		uint8_t *part = malloc(to - at ? to - at : 1); /* a sanitizer sees reads beyond it */
		if (to > at)
			memcpy(part, in + at, to - at);
		rv = give_part(kind, part, to - at, false, &end, &left);
		free(part);
		at = to;
	}
	if (rv == CKR_OK)
		rv = give_part(kind, NULL, 0, true, &end, &left);
	*out_len = (CK_ULONG)(end - out);
	return rv;
}
