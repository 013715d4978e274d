/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing here is cryptography: encryption adds one to every byte, a MAC and a
 * signature are made of the input's first bytes. What is tested is who is asked
 * what, and what becomes of the answers.
 */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "p11_fake.h"

#define EXPORT __attribute__((visibility("default")))
#define OBJECTS 64

static struct p11_fake fake;

EXPORT struct p11_fake *p11_fake(void);
EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **);

struct p11_fake *p11_fake(void)
{
	return &fake;
}

/* -- objects ----------------------------------------------------------------------- */

/* Handles 1 to 4 are the token's; those above were made, in a session that is named. */
enum { KEK = 1, DATA, SIGNER, SIGNER_PUB, FIRST_MADE };
static CK_SESSION_HANDLE made[OBJECTS];
static bool open_sessions[OBJECTS];
static CK_ULONG operation_key;
static CK_MECHANISM_TYPE operation;

/* The generator of the curve, GB/T 32918.5. */
static const CK_BYTE point[67] = {
	0x04, 0x41, 0x04, 0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94, 0x8f, 0xe3, 0x0b,
	0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7, 0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59,
	0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53, 0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0,
	0xa0,
};

static CK_RV told(enum fake_call call, bool *lie)
{
	fake.asked[call]++;
	*lie = false;
	if (!fake.next[call].times)
		return CKR_OK;
	fake.next[call].times--;
	*lie = fake.next[call].lie;
	return fake.next[call].rv;
}

/* A call at a time, or it is counted. */
static void enter(void)
{
	if (__atomic_exchange_n(&fake.inside, true, __ATOMIC_SEQ_CST))
		fake.overlaps++;
	usleep(20);
}

static CK_RV leave(CK_RV rv)
{
	__atomic_store_n(&fake.inside, false, __ATOMIC_SEQ_CST);
	return rv;
}

static bool is_open(CK_SESSION_HANDLE s)
{
	return s > 0 && s < OBJECTS && open_sessions[s];
}

static bool is_object(CK_OBJECT_HANDLE h)
{
	if (h >= FIRST_MADE)
		return h < OBJECTS && made[h] != 0;
	return h == SIGNER_PUB ? !fake.public_missing : h >= KEK && fake.logged_in;
}

static CK_RV make(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *h)
{
	for (CK_OBJECT_HANDLE i = FIRST_MADE; i < OBJECTS; i++)
		if (!made[i]) {
			made[i] = s;
			*h = i;
			return CKR_OK;
		}
	return CKR_DEVICE_MEMORY;
}

/* -- the library -------------------------------------------------------------------------- */

static CK_RV initialise(void *args)
{
	(void)args;
	if (fake.initialised > fake.finalised)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	fake.initialised++;
	return CKR_OK;
}

static CK_RV finalise(void *reserved)
{
	(void)reserved;
	if (fake.initialised == fake.finalised)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	fake.finalised++;
	fake.logged_in = false;
	fake.sessions = 0;
	memset(open_sessions, 0, sizeof open_sessions);
	memset(made, 0, sizeof made);
	return CKR_OK;
}

static void pad(CK_UTF8CHAR *to, size_t len, const char *text)
{
	memset(to, ' ', len);
	memcpy(to, text, strlen(text));
}

static CK_RV get_info(CK_INFO *info)
{
	memset(info, 0, sizeof *info);
	pad(info->manufacturerID, sizeof info->manufacturerID, "nobody");
	return fake.initialised > fake.finalised ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

static CK_RV slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	(void)present;
	*n = 1;
	if (slots)
		slots[0] = 77;
	return CKR_OK;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	memset(info, 0, sizeof *info);
	pad(info->label, sizeof info->label, FAKE_LABEL);
	pad(info->manufacturerID, sizeof info->manufacturerID, "nobody");
	pad(info->model, sizeof info->model, "none");
	pad(info->serialNumber, sizeof info->serialNumber, fake.another_token ? "2" : "1");
	info->flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | (fake.no_rng ? 0 : CKF_RNG);
	info->ulMaxSessionCount = fake.sessions_max;
	return slot == 77 ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static const struct {
	CK_MECHANISM_TYPE type;
	CK_FLAGS flags;
	bool sm;
} mechanisms[] = {
	{CKM_AES_ECB, CKF_ENCRYPT | CKF_DECRYPT, false}, {CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT, false},
	{CKM_AES_CCM, CKF_ENCRYPT | CKF_DECRYPT, false},
	{CKM_AES_KEY_GEN, CKF_GENERATE, false}, {CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP, false},
	{CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY, false},
	{0x80008001, CKF_GENERATE_KEY_PAIR, true}, {0x80008104, CKF_SIGN | CKF_VERIFY, true}, {0x80000108, CKF_ENCRYPT | CKF_DECRYPT, true},
	{0x80000107, CKF_GENERATE, true},
};
#define NMECHANISMS (sizeof mechanisms / sizeof mechanisms[0])

static CK_RV mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	(void)slot;
	for (size_t i = 0; list && i < NMECHANISMS; i++)
		list[i] = mechanisms[i].type;
	*n = NMECHANISMS;
	return CKR_OK;
}

static CK_RV mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	(void)slot;
	for (size_t i = 0; i < NMECHANISMS; i++)
		if (mechanisms[i].type == type && (fake.sm || !mechanisms[i].sm)) {
			*info = (CK_MECHANISM_INFO){.flags = mechanisms[i].flags};
			return CKR_OK;
		}
	return CKR_MECHANISM_INVALID;
}

/* -- sessions -------------------------------------------------------------------------------- */

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *s)
{
	bool lie;
	CK_RV rv = told(FAKE_OPEN, &lie);
	(void)flags;
	(void)app;
	(void)notify;
	if (fake.initialised == fake.finalised)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (rv != CKR_OK || slot != 77)
		return rv != CKR_OK ? rv : CKR_SLOT_ID_INVALID;
	for (CK_SESSION_HANDLE i = 1; i < OBJECTS; i++)
		if (!open_sessions[i]) {
			open_sessions[*s = i] = true;
			fake.sessions++;
			return CKR_OK;
		}
	return CKR_SESSION_COUNT;
}

static CK_RV close_session(CK_SESSION_HANDLE s)
{
	if (!is_open(s))
		return CKR_SESSION_HANDLE_INVALID;
	open_sessions[s] = false;
	for (size_t i = 0; i < OBJECTS; i++)
		if (made[i] == s)
			made[i] = 0;
	if (--fake.sessions == 0)
		fake.logged_in = false;
	return CKR_OK;
}

static CK_RV session_info(CK_SESSION_HANDLE s, CK_SESSION_INFO *info)
{
	*info = (CK_SESSION_INFO){.state = fake.logged_in ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION};
	return is_open(s) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	bool lie;
	CK_RV rv = told(FAKE_LOGIN, &lie);
	if (!is_open(s) || user != CKU_USER)
		return CKR_SESSION_HANDLE_INVALID;
	if (rv != CKR_OK)
		return rv;
	if (fake.logged_in)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (len != strlen(FAKE_PIN) || memcmp(pin, FAKE_PIN, len) != 0)
		return CKR_PIN_INCORRECT;
	fake.logged_in = true;
	return CKR_OK;
}

static CK_RV logout(CK_SESSION_HANDLE s)
{
	(void)s;
	fake.logged_in = false;
	return CKR_OK;
}

/* -- objects ------------------------------------------------------------------------------------ */

static CK_RV create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *h)
{
	bool lie;
	CK_RV rv = told(FAKE_CREATE, &lie);
	(void)templ;
	(void)n;
	if (rv != CKR_OK)
		return rv;
	return is_open(s) ? make(s, h) : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV destroy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h)
{
	if (!is_open(s) || !is_object(h))
		return CKR_OBJECT_HANDLE_INVALID;
	if (h >= FIRST_MADE)
		made[h] = 0;
	return CKR_OK;
}

static const char *label_of(CK_OBJECT_HANDLE h)
{
	return h == KEK ? "kek" : h == DATA ? "data" : "signer";
}

/* The value of one attribute; NULL: there is none. */
static const void *value_of(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, size_t *len)
{
	static CK_ULONG number;
	static CK_BBOOL yes = CK_TRUE;
	static CK_BYTE shown[sizeof point];
	bool pair = h == SIGNER || h == SIGNER_PUB;
	*len = sizeof number;
	memcpy(shown, point, sizeof point);
	shown[66] ^= fake.another_signer;
	switch (type) {
	case CKA_CLASS: number = h == SIGNER ? CKO_PRIVATE_KEY : h == SIGNER_PUB ? CKO_PUBLIC_KEY : CKO_SECRET_KEY; return &number;
	case CKA_KEY_TYPE: number = pair ? 0x80000004 : CKK_AES; return &number;
	case CKA_TOKEN:
	case CKA_SIGN:
	case CKA_ENCRYPT: *len = sizeof yes; return &yes;
	case CKA_ALWAYS_AUTHENTICATE: *len = sizeof yes; return h == SIGNER && fake.for_persons ? &yes : NULL;
	case CKA_LABEL: *len = strlen(label_of(h)); return label_of(h);
	case CKA_ID: *len = 1; return pair ? "\3" : h == DATA ? "\2" : "\1";
	case CKA_EC_POINT: *len = pair ? sizeof point - (fake.point_bare ? 2 : 0) : 0; return pair ? shown + (fake.point_bare ? 2 : 0) : NULL;
	default: return NULL;
	}
}

static CK_RV get_attribute(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *a, CK_ULONG n)
{
	bool lie;
	size_t len;
	CK_RV rv = told(FAKE_ATTRIBUTE, &lie);
	if (!is_open(s) || !is_object(h) || n != 1)
		return CKR_OBJECT_HANDLE_INVALID;
	if (rv != CKR_OK)
		return rv;
	const void *value = value_of(h, a->type, &len);
	if (!value)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (a->ulValueLen < len)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(a->pValue, value, len);
	a->ulValueLen = lie ? 1 << 20 : len;
	return CKR_OK;
}

static CK_ATTRIBUTE wanted[8];
static CK_BYTE wanted_values[8][64];
static CK_ULONG nwanted, found_next;

static CK_RV find_init(CK_SESSION_HANDLE s, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	bool lie;
	CK_RV rv = told(FAKE_FIND, &lie);
	if (rv != CKR_OK || !is_open(s))
		return rv != CKR_OK ? rv : CKR_SESSION_HANDLE_INVALID;
	nwanted = n;
	for (CK_ULONG i = 0; i < n; i++) {
		if (templ[i].ulValueLen)
			memcpy(wanted_values[i], templ[i].pValue, templ[i].ulValueLen);
		wanted[i] = (CK_ATTRIBUTE){templ[i].type, wanted_values[i], templ[i].ulValueLen};
	}
	found_next = 2 * KEK;
	return CKR_OK;
}

static bool matches(CK_OBJECT_HANDLE h)
{
	for (CK_ULONG i = 0; i < nwanted; i++) {
		size_t len;
		const void *value = value_of(h, wanted[i].type, &len);
		if (!value || len != wanted[i].ulValueLen || memcmp(value, wanted[i].pValue, len) != 0)
			return false;
	}
	return true;
}

static CK_RV find(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *n)
{
	(void)s;
	*n = 0;
	for (; *n < max && found_next < 2 * FIRST_MADE; found_next++) {
		CK_OBJECT_HANDLE h = found_next / 2;
		if (is_object(h) && matches(h) && (fake.twice || found_next % 2 == 0))
			list[(*n)++] = h;
	}
	return CKR_OK;
}

static CK_RV find_final(CK_SESSION_HANDLE s)
{
	return is_open(s) ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

/* -- keys in use ----------------------------------------------------------------------------------- */

static CK_RV init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	enter();
	if (!is_open(s))
		return leave(CKR_SESSION_HANDLE_INVALID);
	if (!is_object(key))
		return leave(CKR_KEY_HANDLE_INVALID);
	operation = m->mechanism;
	if (operation == CKM_AES_CCM && m->ulParameterLen == sizeof fake.ccm)
		memcpy(&fake.ccm, m->pParameter, sizeof fake.ccm);
	operation_key = key;
	leave(CKR_OK);
	void (*then)(void) = fake.after_init;
	fake.after_init = NULL;
	if (then)
		then();
	return CKR_OK;
}

static CK_RV shift(enum fake_call call, CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len, int add)
{
	bool lie;
	CK_RV rv = told(call, &lie);
	if (rv != CKR_OK || !is_open(s))
		return rv != CKR_OK ? rv : CKR_SESSION_HANDLE_INVALID;
	CK_ULONG tag = operation == CKM_AES_CCM ? fake.ccm.ulMACLen : 0, text = add > 0 ? in_len : in_len - tag;
	CK_ULONG len = add > 0 ? in_len + tag : text;
	if (*out_len < len) {
		*out_len = lie ? 0 : len;
		return CKR_BUFFER_TOO_SMALL;
	}
	memset(out, 0, len);
	for (CK_ULONG i = 0; i < text; i++)
		out[i] = (CK_BYTE)(in[i] + add);
	*out_len = lie ? *out_len + 1 : len - fake.cut;
	return CKR_OK;
}

static CK_RV encrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	enter();
	return leave(shift(FAKE_ENCRYPT, s, in, in_len, out, out_len, 1));
}

static CK_RV decrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	enter();
	return leave(shift(FAKE_DECRYPT, s, in, in_len, out, out_len, -1));
}

/* SM2: SEQUENCE { INTEGER, INTEGER } of 31 bytes each, the input's first after a zero. HMAC: 32 bytes. */
static CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_BYTE der[68] = {0x30, 66, 0x02, 31};
	bool lie;
	CK_RV rv = told(FAKE_SIGN, &lie);
	if (rv != CKR_OK || !is_open(s))
		return rv != CKR_OK ? rv : CKR_SESSION_HANDLE_INVALID;
	memset(der + 4, 0x11, 31);
	der[35] = 0x02;
	der[36] = 31;
	memset(der + 37, 0x22, 31);
	bool mac = operation == CKM_SHA256_HMAC;
	CK_ULONG len = mac ? 32 : sizeof der;
	if (*out_len < len)
		return CKR_BUFFER_TOO_SMALL;
	memset(out, in_len ? in[0] : 0, 32);
	if (!mac)
		memcpy(out, der, sizeof der);
	*out_len = lie ? len - 1 : len;
	return CKR_OK;
}

static CK_RV verify(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *sig, CK_ULONG sig_len)
{
	CK_BYTE want[80];
	CK_ULONG len = sizeof want;
	bool lie;
	CK_RV rv = told(FAKE_VERIFY, &lie);
	if (rv == CKR_OK)
		rv = sign(s, in, in_len, want, &len);
	if (rv != CKR_OK)
		return rv;
	return sig_len == len && memcmp(sig, want, len) == 0 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

static CK_RV generate(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *h)
{
	(void)m;
	return create(s, templ, n, h);
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *pub, CK_ULONG npub, CK_ATTRIBUTE *priv, CK_ULONG npriv,
                           CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	(void)m;
	*hpub = SIGNER_PUB;
	CK_RV rv = create(s, pub, npub, hpriv);
	(void)priv;
	(void)npriv;
	return rv;
}

static CK_RV wrap(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *len)
{
	bool lie;
	CK_RV rv = told(FAKE_WRAP, &lie);
	(void)m;
	if (rv != CKR_OK || !is_open(s))
		return rv != CKR_OK ? rv : CKR_SESSION_HANDLE_INVALID;
	if (kek != KEK || !is_object(KEK))
		return CKR_WRAPPING_KEY_HANDLE_INVALID;
	if (!is_object(key))
		return CKR_KEY_HANDLE_INVALID;
	if (*len < 24)
		return *len = 24, CKR_BUFFER_TOO_SMALL;
	memset(out, 0x77, 24);
	*len = lie ? *len + 1 : 24;
	return CKR_OK;
}

static CK_RV unwrap(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE kek, CK_BYTE *in, CK_ULONG in_len, CK_ATTRIBUTE *templ,
                    CK_ULONG n, CK_OBJECT_HANDLE *h)
{
	bool lie;
	CK_RV rv = told(FAKE_UNWRAP, &lie);
	(void)m;
	(void)templ;
	(void)n;
	if (rv != CKR_OK || !is_open(s))
		return rv != CKR_OK ? rv : CKR_SESSION_HANDLE_INVALID;
	if (kek != KEK || !is_object(KEK))
		return CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	return in_len == 24 && in[0] == 0x77 ? make(s, h) : CKR_WRAPPED_KEY_INVALID;
}

static CK_RV random_bytes(CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG len)
{
	bool lie;
	CK_RV rv = told(FAKE_RANDOM, &lie);
	if (rv == CKR_OK && is_open(s))
		memset(out, 0x5a, len);
	return rv != CKR_OK || is_open(s) ? rv : CKR_SESSION_HANDLE_INVALID;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	static CK_FUNCTION_LIST functions = {
		.version = {2, 40}, .C_Initialize = initialise, .C_Finalize = finalise, .C_GetInfo = get_info,
		.C_GetFunctionList = C_GetFunctionList, .C_GetSlotList = slot_list, .C_GetTokenInfo = token_info,
		.C_GetMechanismList = mechanism_list, .C_GetMechanismInfo = mechanism_info, .C_OpenSession = open_session,
		.C_CloseSession = close_session, .C_GetSessionInfo = session_info, .C_Login = login, .C_Logout = logout,
		.C_CreateObject = create, .C_DestroyObject = destroy, .C_GetAttributeValue = get_attribute, .C_FindObjectsInit = find_init,
		.C_FindObjects = find, .C_FindObjectsFinal = find_final, .C_EncryptInit = init, .C_Encrypt = encrypt, .C_DecryptInit = init,
		.C_Decrypt = decrypt, .C_SignInit = init, .C_Sign = sign, .C_VerifyInit = init, .C_Verify = verify, .C_GenerateKey = generate,
		.C_GenerateKeyPair = generate_pair, .C_WrapKey = wrap, .C_UnwrapKey = unwrap, .C_GenerateRandom = random_bytes,
	};
	*list = &functions;
	return CKR_OK;
}
