/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/face.h"

#include <dlfcn.h>
#include <ftw.h>
#include <limits.h>
#include <unistd.h>

CK_FUNCTION_LIST_3_2 *p11;
CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void *module;
static char dir[64];
static pid_t owner;

/* -- codes ---------------------------------------------------------------------- */

#define CODE(name) {name, #name}
static const struct {
	CK_RV rv;
	const char *name;
} codes[] = {
	CODE(CKR_OK), CODE(CKR_CANCEL), CODE(CKR_HOST_MEMORY), CODE(CKR_SLOT_ID_INVALID), CODE(CKR_GENERAL_ERROR),
	CODE(CKR_FUNCTION_FAILED), CODE(CKR_ARGUMENTS_BAD), CODE(CKR_NO_EVENT), CODE(CKR_NEED_TO_CREATE_THREADS),
	CODE(CKR_CANT_LOCK), CODE(CKR_ATTRIBUTE_READ_ONLY), CODE(CKR_ATTRIBUTE_SENSITIVE),
	CODE(CKR_ATTRIBUTE_TYPE_INVALID), CODE(CKR_ATTRIBUTE_VALUE_INVALID), CODE(CKR_ACTION_PROHIBITED),
	CODE(CKR_DATA_INVALID), CODE(CKR_DATA_LEN_RANGE), CODE(CKR_DEVICE_ERROR), CODE(CKR_DEVICE_MEMORY),
	CODE(CKR_DEVICE_REMOVED), CODE(CKR_ENCRYPTED_DATA_INVALID), CODE(CKR_ENCRYPTED_DATA_LEN_RANGE),
	CODE(CKR_AEAD_DECRYPT_FAILED), CODE(CKR_FUNCTION_CANCELED), CODE(CKR_FUNCTION_NOT_PARALLEL),
	CODE(CKR_FUNCTION_NOT_SUPPORTED), CODE(CKR_KEY_HANDLE_INVALID), CODE(CKR_KEY_SIZE_RANGE),
	CODE(CKR_KEY_TYPE_INCONSISTENT), CODE(CKR_KEY_NOT_NEEDED), CODE(CKR_KEY_CHANGED), CODE(CKR_KEY_NEEDED),
	CODE(CKR_KEY_INDIGESTIBLE), CODE(CKR_KEY_FUNCTION_NOT_PERMITTED), CODE(CKR_KEY_NOT_WRAPPABLE),
	CODE(CKR_KEY_UNEXTRACTABLE), CODE(CKR_MECHANISM_INVALID), CODE(CKR_MECHANISM_PARAM_INVALID),
	CODE(CKR_OBJECT_HANDLE_INVALID), CODE(CKR_OPERATION_ACTIVE), CODE(CKR_OPERATION_NOT_INITIALIZED),
	CODE(CKR_PIN_INCORRECT), CODE(CKR_PIN_INVALID), CODE(CKR_PIN_LEN_RANGE), CODE(CKR_PIN_EXPIRED),
	CODE(CKR_PIN_LOCKED), CODE(CKR_SESSION_CLOSED), CODE(CKR_SESSION_COUNT), CODE(CKR_SESSION_HANDLE_INVALID),
	CODE(CKR_SESSION_PARALLEL_NOT_SUPPORTED), CODE(CKR_SESSION_READ_ONLY), CODE(CKR_SESSION_EXISTS),
	CODE(CKR_SESSION_READ_ONLY_EXISTS), CODE(CKR_SESSION_READ_WRITE_SO_EXISTS), CODE(CKR_SIGNATURE_INVALID),
	CODE(CKR_SIGNATURE_LEN_RANGE), CODE(CKR_TEMPLATE_INCOMPLETE), CODE(CKR_TEMPLATE_INCONSISTENT),
	CODE(CKR_TOKEN_NOT_PRESENT), CODE(CKR_TOKEN_NOT_RECOGNIZED), CODE(CKR_TOKEN_WRITE_PROTECTED),
	CODE(CKR_UNWRAPPING_KEY_HANDLE_INVALID), CODE(CKR_UNWRAPPING_KEY_SIZE_RANGE),
	CODE(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT), CODE(CKR_USER_ALREADY_LOGGED_IN), CODE(CKR_USER_NOT_LOGGED_IN),
	CODE(CKR_USER_PIN_NOT_INITIALIZED), CODE(CKR_USER_TYPE_INVALID), CODE(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
	CODE(CKR_USER_TOO_MANY_TYPES), CODE(CKR_WRAPPED_KEY_INVALID), CODE(CKR_WRAPPED_KEY_LEN_RANGE),
	CODE(CKR_WRAPPING_KEY_HANDLE_INVALID), CODE(CKR_WRAPPING_KEY_SIZE_RANGE),
	CODE(CKR_WRAPPING_KEY_TYPE_INCONSISTENT), CODE(CKR_RANDOM_SEED_NOT_SUPPORTED), CODE(CKR_RANDOM_NO_RNG),
	CODE(CKR_DOMAIN_PARAMS_INVALID), CODE(CKR_CURVE_NOT_SUPPORTED), CODE(CKR_BUFFER_TOO_SMALL),
	CODE(CKR_SAVED_STATE_INVALID), CODE(CKR_INFORMATION_SENSITIVE), CODE(CKR_STATE_UNSAVEABLE),
	CODE(CKR_CRYPTOKI_NOT_INITIALIZED), CODE(CKR_CRYPTOKI_ALREADY_INITIALIZED), CODE(CKR_MUTEX_BAD),
	CODE(CKR_MUTEX_NOT_LOCKED), CODE(CKR_PIN_TOO_WEAK), CODE(CKR_PUBLIC_KEY_INVALID), CODE(CKR_FUNCTION_REJECTED),
	CODE(CKR_TOKEN_RESOURCE_EXCEEDED), CODE(CKR_OPERATION_CANCEL_FAILED), CODE(CKR_KEY_EXHAUSTED),
	CODE(CKR_PENDING), CODE(CKR_SESSION_ASYNC_NOT_SUPPORTED), CODE(CKR_SEED_RANDOM_REQUIRED),
	CODE(CKR_OPERATION_NOT_VALIDATED), CODE(CKR_TOKEN_NOT_INITIALIZED), CODE(CKR_PARAMETER_SET_NOT_SUPPORTED),
};

static const char *find_name(CK_RV rv)
{
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i].rv == rv)
			return codes[i].name;
	return NULL;
}

bool face_rv_known(CK_RV rv)
{
	return find_name(rv) != NULL;
}

const char *face_rv_name(CK_RV rv)
{
	const char *name = find_name(rv);
	return name ? name : "an unknown code";
}

bool face_check(CK_RV got, CK_RV want, const char *call, const char *file, unsigned line, bool fatal)
{
	char text[512];
	snprintf(text, sizeof text, "%.300s gives %s (0x%lx), not %s", call, face_rv_name(got), got, face_rv_name(want));
	CU_assertImplementation(got == want, line, text, file, "", fatal);
	return got == want;
}

/* -- the module and its directory --------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	if (getpid() == owner)
		nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void fail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(99);
}

static const char *const tokens[] = {"test", "other", "strict"};
static const char *const options[] = {"des3 = \"read\"", "sm2_key_type = \"ec\"", "policy = \"strict\""};

static void write_conf(const char *path)
{
	FILE *f = fopen(path, "w");
	if (!f)
		fail("the private directory cannot be written");
	fprintf(f, "token_dir = \"%s/tokens\"\n", dir);
	fprintf(f, "log { to = \"none\" }\n");
	fprintf(f, "defaults { allow_short_pin = true }\n");
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
		if (face_machines())
			face_machines_print(f, dir, tokens[i], options[i]);
		else
			fprintf(f, "token \"%s\" { store = \"sqlite:%s/%s.db\" devices = {\"soft0\"} %s }\n", tokens[i], dir, tokens[i],
			        options[i]);
	fprintf(f, "device \"soft0\" { driver = \"soft\" domain = \"soft\" }\n");
	if (fclose(f) != 0)
		fail("the configuration cannot be written");
}

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[sizeof dir + 16];
	snprintf(dir, sizeof dir, "%.40s/hufu-face.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		fail("no private directory can be made");
	owner = getpid();
	atexit(remove_dir);
	snprintf(path, sizeof path, "%s/hufu.conf", dir);
	write_conf(path);
	if (face_machines() && !face_machines_start(dir, tokens, options, sizeof tokens / sizeof tokens[0]))
		fail("the machines do not start");
	setenv("HUFU_CONF", path, 1);
	setenv("HUFU_LOG", "none", 0);
}

void *face_symbol(const char *name)
{
	return dlsym(module, name);
}

void face_load(void)
{
	if (p11)
		return;
	const char *build = getenv("top_builddir");
	char path[PATH_MAX];
	make_dir();
	snprintf(path, sizeof path, "%s/.libs/hufu-pkcs11.so", build ? build : ".");
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		fail(dlerror());
	CK_INTERFACE_PTR interface = NULL;
	CK_VERSION version = {3, 2};
	CK_C_GetInterface get = (CK_C_GetInterface)(uintptr_t)face_symbol("C_GetInterface");
	if (!get || get((CK_UTF8CHAR_PTR)"PKCS 11", &version, &interface, 0) != CKR_OK)
		fail("the module has no 3.2 interface");
	p11 = interface->pFunctionList;
}

const char *face_dir(void)
{
	return dir;
}

/* -- tokens and sessions --------------------------------------------------------------- */

void face_start(void)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	face_load();
	CK_RV rv = p11->C_Initialize(&args);
	if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		NEED(rv);
}

void face_stop(void)
{
	face_load();
	CK_RV rv = p11->C_Finalize(NULL);
	if (rv != CKR_CRYPTOKI_NOT_INITIALIZED)
		OK(rv);
}

CK_SLOT_ID face_slot(const char *name)
{
	CK_SLOT_ID ids[16];
	CK_ULONG n = 16;
	char want[64];
	snprintf(want, sizeof want, "hufu: %s ", name);
	NEED(p11->C_GetSlotList(CK_FALSE, ids, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_SLOT_INFO info;
		NEED(p11->C_GetSlotInfo(ids[i], &info));
		if (memcmp(info.slotDescription, want, strlen(want)) == 0)
			return ids[i];
	}
	NEED(CKR_SLOT_ID_INVALID);
	return 0;
}

static void label_of(const char *name, CK_UTF8CHAR label[32])
{
	memset(label, ' ', 32);
	memcpy(label, name, strlen(name));
}

static void make_token(CK_SLOT_ID slot, const char *name)
{
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s;
	label_of(name, label);
	NEED(p11->C_InitToken(slot, PIN(SO_PIN), label));
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	NEED(p11->C_InitPIN(s, PIN(USER_PIN)));
	NEED(p11->C_CloseSession(s));
}

CK_SLOT_ID face_token(const char *name)
{
	CK_TOKEN_INFO info;
	face_start();
	CK_SLOT_ID slot = face_slot(name);
	NEED(p11->C_CloseAllSessions(slot));
	NEED(p11->C_GetTokenInfo(slot, &info));
	if (!(info.flags & CKF_USER_PIN_INITIALIZED))
		make_token(slot, name);
	return slot;
}

CK_SESSION_HANDLE face_public(CK_FLAGS flags)
{
	CK_SESSION_HANDLE s = 0;
	CK_SLOT_ID slot = face_token("test"); /* which sets p11 */
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &s));
	return s;
}

CK_SESSION_HANDLE face_user(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	return s;
}

/* -- keys --------------------------------------------------------------------------------- */

CK_OBJECT_HANDLE face_secret(CK_SESSION_HANDLE s, CK_KEY_TYPE type, const CK_BYTE *value, CK_ULONG len)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_VALUE, (void *)(uintptr_t)value, len),
		ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_ENCRYPT, yes), ATTR(CKA_DECRYPT, yes),
		ATTR(CKA_SIGN, yes), ATTR(CKA_VERIFY, yes), ATTR(CKA_WRAP, yes), ATTR(CKA_UNWRAP, yes),
	};
	NEED(p11->C_CreateObject(s, templ, sizeof templ / sizeof templ[0], &key));
	return key;
}

void face_sm2_pair(CK_SESSION_HANDLE s, CK_BBOOL token, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM mechanism = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, token), ATTR(CKA_VERIFY, yes), ATTR(CKA_ENCRYPT, yes)};
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_TOKEN, token), ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes)};
	NEED(p11->C_GenerateKeyPair(s, &mechanism, pub_templ, 3, priv_templ, 3, pub, priv));
}

void face_standard_pair(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_OBJECT_CLASS pub_class = CKO_PUBLIC_KEY, priv_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	CK_BYTE curve[] = HUFU_SM2_CURVE_OID, point[67] = {0x04, 0x41, 0x04}, d[32];
	CK_ULONG curve_len = HUFU_SM2_CURVE_OID_LEN;
	unit_hex(STANDARD_POINT, point + 3);
	unit_hex(STANDARD_D, d);
	CK_ATTRIBUTE pub_templ[] = {
		ATTR(CKA_CLASS, pub_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_EC_PARAMS, curve, curve_len),
		ATTR(CKA_EC_POINT, point), ATTR(CKA_VERIFY, yes), ATTR(CKA_ENCRYPT, yes),
	};
	CK_ATTRIBUTE priv_templ[] = {
		ATTR(CKA_CLASS, priv_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_EC_PARAMS, curve, curve_len),
		ATTR(CKA_VALUE, d), ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes),
	};
	NEED(p11->C_CreateObject(s, pub_templ, 6, pub));
	NEED(p11->C_CreateObject(s, priv_templ, 6, priv));
}
