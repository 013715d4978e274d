/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: no argument makes any of the functions crash, hang or answer
 * nonsense: NULLs, lengths of 0 and of (CK_ULONG)-1, dead handles, mechanisms
 * and templates full of them, one at a time and two at a time, with and without
 * an operation under way.
 */
#include "tests/conformance/face.h"

/*
 * A kind of argument, or of two that belong together, by its letter in a row.
 * Form 0 is a sound one.
 *
 *	h  session             s  slot           k  object handle      f  a number
 *	p  input, its length   P  the same, but NULL says something    g  a GCM message's parameter, its length
 *	o  output, its length  Q  the same, but no length says something
 *	r  something to be written        x  the same, or NULL
 *	m  mechanism           M  the same, never NULL
 *	t  template, its count
 *	v  reserved            i  C_Initialize's         w  C_WaitForSlotEvent's flags
 *	c  a function's name   I  an interface's name    V  a version, or NULL
 */
struct form {
	CK_ULONG a, b;
	bool bad; /* alone among sound ones: CKR_ARGUMENTS_BAD */
};

#define MAX_ARGS 12

enum prepare { NOTHING, ENCRYPT, DECRYPT, DIGEST, SIGN, VERIFY, VERIFY_SIGNATURE, FIND, BOTH, MESSAGES };
enum which { CBC, GCM, HMAC, SM2, SM3, SM4_GEN, SM2_GEN };

struct row {
	const char *name, *kinds;
	CK_RV (*call)(const CK_ULONG *a);
	enum prepare prepare;
	enum which mechanism;
	bool slow; /* PINs and the library's end: one at a time is enough */
};

/* -- sound arguments -------------------------------------------------------------- */

static CK_SLOT_ID slot;
static CK_SESSION_HANDLE keeper, session, closed;
static CK_OBJECT_HANDLE sm4, mac, pub, priv;
static CK_BYTE input[256], output[8192], written[8192], iv[16], wide[64];
static CK_ULONG output_len;
static CK_OBJECT_CLASS class;
static CK_BBOOL flag;
static CK_BYTE label[16];
static CK_ATTRIBUTE templ[2], hostile[8], nested[1];
static CK_GCM_PARAMS gcm;
static CK_GCM_MESSAGE_PARAMS message, garbage_message;
static CK_MECHANISM mechanisms[7], garbage[4];
static CK_C_INITIALIZE_ARGS init_args[3];
static CK_VERSION version;

static CK_RV no_mutex(void **m)
{
	(void)m;
	return CKR_GENERAL_ERROR;
}

/* Whatever a call may have written to is as it was. */
static void refresh(void)
{
	memset(input, 0, sizeof input);
	memcpy(input, USER_PIN, sizeof USER_PIN - 1);
	memset(written, 0, sizeof written);
	output_len = sizeof output;
	class = CKO_DATA;
	flag = CK_FALSE;
	version = (CK_VERSION){3, 0};
	templ[0] = (CK_ATTRIBUTE)ATTR(CKA_CLASS, class);
	templ[1] = (CK_ATTRIBUTE)ATTR(CKA_TOKEN, flag);
	nested[0] = (CK_ATTRIBUTE){CKA_LABEL, NULL, ~0UL};
	hostile[0] = (CK_ATTRIBUTE){CKA_LABEL, NULL, 4};
	hostile[1] = (CK_ATTRIBUTE){CKA_CLASS, label, ~0UL};
	hostile[2] = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, nested, sizeof nested};
	hostile[3] = (CK_ATTRIBUTE){CKA_UNWRAP_TEMPLATE, label, 5};
	hostile[4] = (CK_ATTRIBUTE){CKA_ALLOWED_MECHANISMS, label, 3};
	hostile[5] = (CK_ATTRIBUTE){CKA_START_DATE, label, 3};
	hostile[6] = (CK_ATTRIBUTE){~0UL, label, 0};
	hostile[7] = (CK_ATTRIBUTE){CKA_TOKEN, NULL, ~0UL};
	gcm = (CK_GCM_PARAMS){iv, 12, 96, NULL, 0, 128};
	message = (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, wide, 128};
	garbage_message = (CK_GCM_MESSAGE_PARAMS){NULL, ~0UL, ~0UL, ~0UL, NULL, ~0UL};
	mechanisms[CBC] = (CK_MECHANISM){CKM_HUFU_SM4_CBC, iv, 16};
	mechanisms[GCM] = (CK_MECHANISM){CKM_HUFU_SM4_GCM, &gcm, sizeof gcm};
	mechanisms[HMAC] = (CK_MECHANISM){CKM_HUFU_SM3_HMAC, NULL, 0};
	mechanisms[SM2] = (CK_MECHANISM){CKM_HUFU_SM2_SM3, NULL, 0};
	mechanisms[SM3] = (CK_MECHANISM){CKM_HUFU_SM3, NULL, 0};
	mechanisms[SM4_GEN] = (CK_MECHANISM){CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	mechanisms[SM2_GEN] = (CK_MECHANISM){CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	init_args[0] = (CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK};
	init_args[1] = (CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK, .pReserved = wide};
	init_args[2] = (CK_C_INITIALIZE_ARGS){.CreateMutex = no_mutex};
}

/* Sessions, login and keys, made anew where a call has ended them. */
static void ensure(void)
{
	CK_SESSION_INFO info;
	CK_ULONG size;
	if (p11->C_GetSessionInfo(keeper, &info) != CKR_OK) {
		face_start();
		slot = face_slot("test");
		NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &keeper));
		NEED(p11->C_GetSessionInfo(keeper, &info));
	}
	if (info.state != CKS_RW_USER_FUNCTIONS)
		NEED(p11->C_Login(keeper, CKU_USER, PIN(USER_PIN)));
	if (p11->C_GetSessionInfo(session, &info) != CKR_OK)
		NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	if (p11->C_GetObjectSize(keeper, sm4, &size) != CKR_OK)
		sm4 = face_secret(keeper, CKK_HUFU_SM4, iv, 16);
	if (p11->C_GetObjectSize(keeper, mac, &size) != CKR_OK)
		mac = face_secret(keeper, CKK_HUFU_SM3_HMAC, iv, 16);
	if (p11->C_GetObjectSize(keeper, priv, &size) != CKR_OK)
		face_sm2_pair(keeper, CK_FALSE, &pub, &priv);
}

static void prepare(enum prepare what)
{
	if (what != NOTHING)
		OK(p11->C_SessionCancel(session, ~0UL));
	switch (what) {
	case NOTHING: break;
	case ENCRYPT: OK(p11->C_EncryptInit(session, &mechanisms[CBC], sm4)); break;
	case DECRYPT: OK(p11->C_DecryptInit(session, &mechanisms[CBC], sm4)); break;
	case DIGEST: OK(p11->C_DigestInit(session, &mechanisms[SM3])); break;
	case SIGN: OK(p11->C_SignInit(session, &mechanisms[SM2], priv)); break;
	case VERIFY: OK(p11->C_VerifyInit(session, &mechanisms[SM2], pub)); break;
	case VERIFY_SIGNATURE: OK(p11->C_VerifySignatureInit(session, &mechanisms[SM2], pub, wide, 64)); break;
	case FIND: OK(p11->C_FindObjectsInit(session, NULL, 0)); break;
	case BOTH:
		OK(p11->C_EncryptInit(session, &mechanisms[CBC], sm4));
		OK(p11->C_DecryptInit(session, &mechanisms[CBC], sm4));
		OK(p11->C_DigestInit(session, &mechanisms[SM3]));
		OK(p11->C_SignInit(session, &mechanisms[HMAC], mac));
		OK(p11->C_VerifyInit(session, &mechanisms[HMAC], mac));
		break;
	case MESSAGES:
		OK(p11->C_MessageEncryptInit(session, &(CK_MECHANISM){CKM_HUFU_SM4_GCM, NULL, 0}, sm4));
		OK(p11->C_MessageDecryptInit(session, &(CK_MECHANISM){CKM_HUFU_SM4_GCM, NULL, 0}, sm4));
		OK(p11->C_MessageSignInit(session, &mechanisms[SM2], priv));
		OK(p11->C_MessageVerifyInit(session, &mechanisms[SM2], pub));
		OK(p11->C_EncryptMessageBegin(session, &message, sizeof message, NULL, 0));
		break;
	}
}

/* -- forms --------------------------------------------------------------------------------- */

#define A(pointer) ((CK_ULONG)(uintptr_t)(pointer))
#define PIN_LEN (sizeof USER_PIN - 1)

static CK_OBJECT_HANDLE key_for(enum which mechanism)
{
	return mechanism == HMAC ? mac : mechanism == SM2 ? priv : sm4;
}

static unsigned forms_of(char kind, enum which which, struct form f[8])
{
	CK_MECHANISM *m = &mechanisms[which];
	garbage[0] = (CK_MECHANISM){0x7fffffff, NULL, 0};
	garbage[1] = (CK_MECHANISM){m->mechanism, NULL, ~0UL};
	garbage[2] = (CK_MECHANISM){m->mechanism, wide, ~0UL};
	garbage[3] = (CK_MECHANISM){m->mechanism, wide, 3};
	bool strict = kind != 'P' && kind != 'Q';
	switch (kind) {
	case 'h': f[0].a = session; f[1].a = 0; f[2].a = closed; f[3].a = ~0UL; return 4;
	case 's': f[0].a = slot; f[1].a = 0; f[2].a = ~0UL; return 3;
	case 'k': f[0].a = key_for(which); f[1].a = 0; f[2].a = ~0UL; return 3;
	case 'f': f[0].a = 0; f[1].a = 1; f[2].a = ~0UL; return 3;
	case 'w': f[0].a = CKF_DONT_BLOCK; f[1].a = ~0UL; return 2;
	case 'p': case 'P':
		f[0] = (struct form){A(input), PIN_LEN, false};
		f[1] = (struct form){A(input), 0, false};
		f[2] = (struct form){0, 16, strict};
		f[3] = (struct form){A(input), ~0UL, strict};
		f[4] = (struct form){0, ~0UL, strict};
		f[5] = (struct form){0, 0, false};
		return 6;
	case 'g':
		f[0] = (struct form){A(&message), sizeof message, false};
		f[1] = (struct form){A(&message), 0, false};
		f[2] = (struct form){0, sizeof message, true};
		f[3] = (struct form){A(&message), ~0UL, true};
		f[4] = (struct form){A(&garbage_message), sizeof message, false};
		f[5] = (struct form){0, 0, false};
		return 6;
	case 'o': case 'Q':
		f[0] = (struct form){A(output), A(&output_len), false};
		f[1] = (struct form){0, A(&output_len), false};
		f[2] = (struct form){A(output), 0, strict};
		f[3] = (struct form){0, 0, strict};
		return 4;
	case 'r': f[0].a = A(written); f[1] = (struct form){0, 0, true}; return 2;
	case 'x': f[0].a = A(written); f[1].a = 0; return 2;
	case 'm': case 'M':
		f[0].a = A(m);
		for (int i = 0; i < 4; i++)
			f[1 + i].a = A(&garbage[i]);
		f[5] = (struct form){0, 0, kind == 'M'};
		return 6;
	case 't':
		f[0] = (struct form){A(templ), 2, false};
		f[1] = (struct form){0, 0, false};
		f[2] = (struct form){0, 3, true};
		f[3] = (struct form){A(templ), ~0UL, true};
		f[4] = (struct form){A(hostile), 8, false};
		f[5] = (struct form){A(hostile + 2), 1, false};
		f[6] = (struct form){A(hostile + 3), 5, false};
		return 7;
	case 'v': f[0].a = 0; f[1] = (struct form){A(wide), 0, true}; return 2;
	case 'i':
		f[0].a = A(&init_args[0]);
		f[1].a = 0;
		f[2] = (struct form){A(&init_args[1]), 0, true};
		f[3] = (struct form){A(&init_args[2]), 0, true};
		return 4;
	case 'c': f[0].a = A("C_Sign"); f[1].a = A(""); f[2] = (struct form){0, 0, true}; return 3;
	case 'I': f[0].a = A("PKCS 11"); f[1] = (struct form){A(""), 0, true}; f[2].a = 0; return 3;
	case 'V': f[0].a = A(&version); f[1].a = 0; return 2;
	default: abort();
	}
}

static bool takes_two(char kind)
{
	return strchr("pPgoQt", kind) != NULL;
}

/* -- the functions ------------------------------------------------------------------------------ */

#define B(i) ((CK_BYTE_PTR)(uintptr_t)a[i])
#define V(i) ((void *)(uintptr_t)a[i])
#define CALL(name, ...) static CK_RV call_##name(const CK_ULONG *a) { return p11->name(__VA_ARGS__); }

CALL(C_Initialize, V(0))
CALL(C_Finalize, V(0))
CALL(C_GetInfo, V(0))
CALL(C_GetFunctionList, V(0))
CALL(C_GetSlotList, (CK_BBOOL)a[0], V(1), V(2))
CALL(C_GetSlotInfo, a[0], V(1))
CALL(C_GetTokenInfo, a[0], V(1))
CALL(C_GetMechanismList, a[0], V(1), V(2))
CALL(C_GetMechanismInfo, a[0], a[1], V(2))
CALL(C_InitToken, a[0], B(1), a[2], B(3))
CALL(C_InitPIN, a[0], B(1), a[2])
CALL(C_SetPIN, a[0], B(1), a[2], B(3), a[4])
CALL(C_OpenSession, a[0], a[1], V(2), NULL, V(3))
CALL(C_CloseSession, a[0])
CALL(C_CloseAllSessions, a[0])
CALL(C_GetSessionInfo, a[0], V(1))
CALL(C_GetOperationState, a[0], B(1), V(2))
CALL(C_SetOperationState, a[0], B(1), a[2], a[3], a[4])
CALL(C_Login, a[0], a[1], B(2), a[3])
CALL(C_Logout, a[0])
CALL(C_CreateObject, a[0], V(1), a[2], V(3))
CALL(C_CopyObject, a[0], a[1], V(2), a[3], V(4))
CALL(C_DestroyObject, a[0], a[1])
CALL(C_GetObjectSize, a[0], a[1], V(2))
CALL(C_GetAttributeValue, a[0], a[1], V(2), a[3])
CALL(C_SetAttributeValue, a[0], a[1], V(2), a[3])
CALL(C_FindObjectsInit, a[0], V(1), a[2])
CALL(C_FindObjects, a[0], V(1), a[2], V(3))
CALL(C_FindObjectsFinal, a[0])
CALL(C_EncryptInit, a[0], V(1), a[2])
CALL(C_Encrypt, a[0], B(1), a[2], B(3), V(4))
CALL(C_EncryptUpdate, a[0], B(1), a[2], B(3), V(4))
CALL(C_EncryptFinal, a[0], B(1), V(2))
CALL(C_DecryptInit, a[0], V(1), a[2])
CALL(C_Decrypt, a[0], B(1), a[2], B(3), V(4))
CALL(C_DecryptUpdate, a[0], B(1), a[2], B(3), V(4))
CALL(C_DecryptFinal, a[0], B(1), V(2))
CALL(C_DigestInit, a[0], V(1))
CALL(C_Digest, a[0], B(1), a[2], B(3), V(4))
CALL(C_DigestUpdate, a[0], B(1), a[2])
CALL(C_DigestKey, a[0], a[1])
CALL(C_DigestFinal, a[0], B(1), V(2))
CALL(C_SignInit, a[0], V(1), a[2])
CALL(C_Sign, a[0], B(1), a[2], B(3), V(4))
CALL(C_SignUpdate, a[0], B(1), a[2])
CALL(C_SignFinal, a[0], B(1), V(2))
CALL(C_SignRecoverInit, a[0], V(1), a[2])
CALL(C_SignRecover, a[0], B(1), a[2], B(3), V(4))
CALL(C_VerifyInit, a[0], V(1), a[2])
CALL(C_Verify, a[0], B(1), a[2], B(3), a[4])
CALL(C_VerifyUpdate, a[0], B(1), a[2])
CALL(C_VerifyFinal, a[0], B(1), a[2])
CALL(C_VerifyRecoverInit, a[0], V(1), a[2])
CALL(C_VerifyRecover, a[0], B(1), a[2], B(3), V(4))
CALL(C_DigestEncryptUpdate, a[0], B(1), a[2], B(3), V(4))
CALL(C_DecryptDigestUpdate, a[0], B(1), a[2], B(3), V(4))
CALL(C_SignEncryptUpdate, a[0], B(1), a[2], B(3), V(4))
CALL(C_DecryptVerifyUpdate, a[0], B(1), a[2], B(3), V(4))
CALL(C_GenerateKey, a[0], V(1), V(2), a[3], V(4))
CALL(C_GenerateKeyPair, a[0], V(1), V(2), a[3], V(4), a[5], V(6), V(7))
CALL(C_WrapKey, a[0], V(1), a[2], a[3], B(4), V(5))
CALL(C_UnwrapKey, a[0], V(1), a[2], B(3), a[4], V(5), a[6], V(7))
CALL(C_DeriveKey, a[0], V(1), a[2], V(3), a[4], V(5))
CALL(C_SeedRandom, a[0], B(1), a[2])
CALL(C_GenerateRandom, a[0], B(1), a[2])
CALL(C_GetFunctionStatus, a[0])
CALL(C_CancelFunction, a[0])
CALL(C_WaitForSlotEvent, a[0], V(1), V(2))
CALL(C_GetInterfaceList, V(0), V(1))
CALL(C_GetInterface, B(0), V(1), V(2), a[3])
CALL(C_LoginUser, a[0], a[1], B(2), a[3], B(4), a[5])
CALL(C_SessionCancel, a[0], a[1])
CALL(C_MessageEncryptInit, a[0], V(1), a[2])
CALL(C_EncryptMessage, a[0], V(1), a[2], B(3), a[4], B(5), a[6], B(7), V(8))
CALL(C_EncryptMessageBegin, a[0], V(1), a[2], B(3), a[4])
CALL(C_EncryptMessageNext, a[0], V(1), a[2], B(3), a[4], B(5), V(6), a[7])
CALL(C_MessageEncryptFinal, a[0])
CALL(C_MessageDecryptInit, a[0], V(1), a[2])
CALL(C_DecryptMessage, a[0], V(1), a[2], B(3), a[4], B(5), a[6], B(7), V(8))
CALL(C_DecryptMessageBegin, a[0], V(1), a[2], B(3), a[4])
CALL(C_DecryptMessageNext, a[0], V(1), a[2], B(3), a[4], B(5), V(6), a[7])
CALL(C_MessageDecryptFinal, a[0])
CALL(C_MessageSignInit, a[0], V(1), a[2])
CALL(C_SignMessage, a[0], V(1), a[2], B(3), a[4], B(5), V(6))
CALL(C_SignMessageBegin, a[0], V(1), a[2])
CALL(C_SignMessageNext, a[0], V(1), a[2], B(3), a[4], B(5), V(6))
CALL(C_MessageSignFinal, a[0])
CALL(C_MessageVerifyInit, a[0], V(1), a[2])
CALL(C_VerifyMessage, a[0], V(1), a[2], B(3), a[4], B(5), a[6])
CALL(C_VerifyMessageBegin, a[0], V(1), a[2])
CALL(C_VerifyMessageNext, a[0], V(1), a[2], B(3), a[4], B(5), a[6])
CALL(C_MessageVerifyFinal, a[0])
CALL(C_EncapsulateKey, a[0], V(1), a[2], V(3), a[4], B(5), V(6), V(7))
CALL(C_DecapsulateKey, a[0], V(1), a[2], V(3), a[4], B(5), a[6], V(7))
CALL(C_VerifySignatureInit, a[0], V(1), a[2], B(3), a[4])
CALL(C_VerifySignature, a[0], B(1), a[2])
CALL(C_VerifySignatureUpdate, a[0], B(1), a[2])
CALL(C_VerifySignatureFinal, a[0])
CALL(C_GetSessionValidationFlags, a[0], a[1], V(2))
CALL(C_AsyncComplete, a[0], B(1), V(2))
CALL(C_AsyncGetID, a[0], B(1), V(2))
CALL(C_AsyncJoin, a[0], B(1), a[2], B(3), a[4])
CALL(C_WrapKeyAuthenticated, a[0], V(1), a[2], a[3], B(4), a[5], B(6), V(7))
CALL(C_UnwrapKeyAuthenticated, a[0], V(1), a[2], B(3), a[4], V(5), a[6], B(7), a[8], V(9))

#define TRY(function, kinds, ...) {#function, kinds, call_##function, ##__VA_ARGS__}
static const struct row rows[] = {
	TRY(C_Initialize, "i", .slow = true), TRY(C_Finalize, "v", .slow = true), TRY(C_GetInfo, "r"),
	TRY(C_GetFunctionList, "r"), TRY(C_GetSlotList, "fo"), TRY(C_GetSlotInfo, "sr"), TRY(C_GetTokenInfo, "sr"),
	TRY(C_GetMechanismList, "so"), TRY(C_GetMechanismInfo, "sfr"), TRY(C_InitToken, "spr", .slow = true),
	TRY(C_InitPIN, "hp", .slow = true), TRY(C_SetPIN, "hpp", .slow = true), TRY(C_OpenSession, "sfxr"),
	TRY(C_CloseSession, "h"), TRY(C_CloseAllSessions, "s", .slow = true), TRY(C_GetSessionInfo, "hr"),
	TRY(C_GetOperationState, "ho"), TRY(C_GetOperationState, "ho", DIGEST), TRY(C_SetOperationState, "hpkk"),
	TRY(C_Login, "hfp", .slow = true), TRY(C_Logout, "h", .slow = true), TRY(C_CreateObject, "htr"),
	TRY(C_CopyObject, "hktr"), TRY(C_DestroyObject, "hk"), TRY(C_GetObjectSize, "hkr"),
	TRY(C_GetAttributeValue, "hkt"), TRY(C_SetAttributeValue, "hkt"), TRY(C_FindObjectsInit, "ht"),
	TRY(C_FindObjects, "hxfr"), TRY(C_FindObjects, "hxfr", FIND), TRY(C_FindObjectsFinal, "h"),
	TRY(C_FindObjectsFinal, "h", FIND), TRY(C_EncryptInit, "hmk"), TRY(C_EncryptInit, "hmk", NOTHING, GCM),
	TRY(C_Encrypt, "hpo"), TRY(C_Encrypt, "hpo", ENCRYPT), TRY(C_EncryptUpdate, "hpo"),
	TRY(C_EncryptUpdate, "hpo", ENCRYPT), TRY(C_EncryptFinal, "ho"), TRY(C_EncryptFinal, "ho", ENCRYPT),
	TRY(C_DecryptInit, "hmk"), TRY(C_DecryptInit, "hmk", NOTHING, GCM), TRY(C_Decrypt, "hpo"),
	TRY(C_Decrypt, "hpo", DECRYPT), TRY(C_DecryptUpdate, "hpo"), TRY(C_DecryptUpdate, "hpo", DECRYPT),
	TRY(C_DecryptFinal, "ho"), TRY(C_DecryptFinal, "ho", DECRYPT), TRY(C_DigestInit, "hm", NOTHING, SM3),
	TRY(C_Digest, "hpo"), TRY(C_Digest, "hpo", DIGEST), TRY(C_DigestUpdate, "hp"),
	TRY(C_DigestUpdate, "hp", DIGEST), TRY(C_DigestKey, "hk", DIGEST), TRY(C_DigestFinal, "ho"),
	TRY(C_DigestFinal, "ho", DIGEST), TRY(C_SignInit, "hmk", NOTHING, SM2), TRY(C_SignInit, "hmk", NOTHING, HMAC),
	TRY(C_Sign, "hpo"), TRY(C_Sign, "hpo", SIGN), TRY(C_SignUpdate, "hp"), TRY(C_SignUpdate, "hp", SIGN),
	TRY(C_SignFinal, "ho"), TRY(C_SignFinal, "ho", SIGN), TRY(C_SignRecoverInit, "hmk"), TRY(C_SignRecover, "hpo"),
	TRY(C_VerifyInit, "hmk", NOTHING, SM2), TRY(C_VerifyInit, "hmk", NOTHING, HMAC), TRY(C_Verify, "hpp"),
	TRY(C_Verify, "hpp", VERIFY), TRY(C_VerifyUpdate, "hp"), TRY(C_VerifyUpdate, "hp", VERIFY),
	TRY(C_VerifyFinal, "hp"), TRY(C_VerifyFinal, "hp", VERIFY), TRY(C_VerifyRecoverInit, "hmk"),
	TRY(C_VerifyRecover, "hpo"), TRY(C_DigestEncryptUpdate, "hpo"), TRY(C_DigestEncryptUpdate, "hpo", BOTH),
	TRY(C_DecryptDigestUpdate, "hpo", BOTH), TRY(C_SignEncryptUpdate, "hpo", BOTH),
	TRY(C_DecryptVerifyUpdate, "hpo", BOTH), TRY(C_GenerateKey, "hMtr", NOTHING, SM4_GEN),
	TRY(C_GenerateKeyPair, "hMttrr", NOTHING, SM2_GEN), TRY(C_WrapKey, "hMkko"), TRY(C_UnwrapKey, "hMkptr"),
	TRY(C_DeriveKey, "hMktr"), TRY(C_SeedRandom, "hp"), TRY(C_GenerateRandom, "hp"), TRY(C_GetFunctionStatus, "h"),
	TRY(C_CancelFunction, "h"), TRY(C_WaitForSlotEvent, "wrv"), TRY(C_GetInterfaceList, "o"),
	TRY(C_GetInterface, "IVrf"), TRY(C_LoginUser, "hfpp", .slow = true), TRY(C_SessionCancel, "hf"),
	TRY(C_SessionCancel, "hf", BOTH), TRY(C_MessageEncryptInit, "hmk", NOTHING, GCM),
	TRY(C_EncryptMessage, "hgppo"), TRY(C_EncryptMessage, "hgppo", MESSAGES),
	TRY(C_EncryptMessageBegin, "hgp", MESSAGES), TRY(C_EncryptMessageNext, "hgpof", MESSAGES),
	TRY(C_MessageEncryptFinal, "h"), TRY(C_MessageEncryptFinal, "h", MESSAGES),
	TRY(C_MessageDecryptInit, "hmk", NOTHING, GCM), TRY(C_DecryptMessage, "hgppo", MESSAGES),
	TRY(C_DecryptMessageBegin, "hgp", MESSAGES), TRY(C_DecryptMessageNext, "hgpof", MESSAGES),
	TRY(C_MessageDecryptFinal, "h", MESSAGES), TRY(C_MessageSignInit, "hmk", NOTHING, SM2),
	TRY(C_SignMessage, "hPpo", MESSAGES), TRY(C_SignMessageBegin, "hP", MESSAGES),
	TRY(C_SignMessageNext, "hPpQ", MESSAGES), TRY(C_MessageSignFinal, "h", MESSAGES),
	TRY(C_MessageVerifyInit, "hmk", NOTHING, SM2), TRY(C_VerifyMessage, "hPpp", MESSAGES),
	TRY(C_VerifyMessageBegin, "hP", MESSAGES), TRY(C_VerifyMessageNext, "hPpP", MESSAGES),
	TRY(C_MessageVerifyFinal, "h", MESSAGES), TRY(C_EncapsulateKey, "hMktor"), TRY(C_DecapsulateKey, "hMktpr"),
	TRY(C_VerifySignatureInit, "hmkP", NOTHING, SM2), TRY(C_VerifySignature, "hp"),
	TRY(C_VerifySignature, "hp", VERIFY_SIGNATURE), TRY(C_VerifySignatureUpdate, "hp", VERIFY_SIGNATURE),
	TRY(C_VerifySignatureFinal, "h", VERIFY_SIGNATURE), TRY(C_GetSessionValidationFlags, "hfr"),
	TRY(C_AsyncComplete, "hcx"), TRY(C_AsyncGetID, "hcr"), TRY(C_AsyncJoin, "hcfp"),
	TRY(C_WrapKeyAuthenticated, "hMkkpo"), TRY(C_UnwrapKeyAuthenticated, "hMkptpr"),
};

#define ROWS (sizeof rows / sizeof rows[0])

/* -- trying -------------------------------------------------------------------------------------- */

struct trial {
	const struct row *row;
	unsigned form[MAX_ARGS]; /* of each kind */
};

static void arguments(const struct trial *t, CK_ULONG a[MAX_ARGS], bool *bad_handle, bool *bad_slot, bool *bad)
{
	unsigned at = 0;
	*bad_handle = *bad_slot = *bad = false;
	for (unsigned i = 0; t->row->kinds[i]; i++) {
		struct form f[8] = {{0}};
		char kind = t->row->kinds[i];
		forms_of(kind, t->row->mechanism, f);
		const struct form *chosen = &f[t->form[i]];
		a[at++] = chosen->a;
		if (takes_two(kind))
			a[at++] = chosen->b;
		*bad_handle |= kind == 'h' && t->form[i];
		*bad_slot |= kind == 's' && t->form[i];
		*bad |= chosen->bad;
	}
}

/* What would mean that the library itself has failed. */
static bool sane(CK_RV rv)
{
	return face_rv_known(rv) && rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED && rv != CKR_HOST_MEMORY &&
	       rv != CKR_DEVICE_ERROR && rv != CKR_DEVICE_MEMORY;
}

static void report(const struct trial *t, CK_RV rv, const char *expected)
{
	char text[200], forms[MAX_ARGS + 1] = "";
	for (unsigned i = 0; t->row->kinds[i]; i++)
		forms[i] = (char)('0' + t->form[i]);
	snprintf(text, sizeof text, "%s (%s, forms %s, prepared %d) gives %s (0x%lx), not %s", t->row->name, t->row->kinds, forms,
	         (int)t->row->prepare, face_rv_name(rv), rv, expected);
	CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
}

static unsigned long trials;

static void try(const struct trial *t, unsigned changed)
{
	CK_ULONG a[MAX_ARGS] = {0};
	bool bad_handle, bad_slot, bad;
	refresh();
	ensure();
	prepare(t->row->prepare);
	arguments(t, a, &bad_handle, &bad_slot, &bad);
	CK_RV rv = t->row->call(a);
	trials++;
	if (!sane(rv))
		report(t, rv, "a sane code");
	else if (bad_handle && rv != CKR_SESSION_HANDLE_INVALID)
		report(t, rv, "CKR_SESSION_HANDLE_INVALID");
	else if (changed == 1 && bad_slot && rv != CKR_SLOT_ID_INVALID)
		report(t, rv, "CKR_SLOT_ID_INVALID");
	else if (changed == 1 && bad && rv != CKR_ARGUMENTS_BAD)
		report(t, rv, "CKR_ARGUMENTS_BAD");
}

static unsigned count(const struct row *row, unsigned i)
{
	struct form f[8];
	return forms_of(row->kinds[i], row->mechanism, f);
}

static void try_row(const struct row *row)
{
	struct trial t = {.row = row};
	unsigned n = (unsigned)strlen(row->kinds);
	ensure();
	try(&t, 0);
	for (unsigned i = 0; i < n; i++) {
		for (t.form[i] = 1; t.form[i] < count(row, i); t.form[i]++) {
			try(&t, 1);
			for (unsigned j = i + 1; j < n && !row->slow; j++) {
				for (t.form[j] = 1; t.form[j] < count(row, j); t.form[j]++)
					try(&t, 2);
				t.form[j] = 0;
			}
		}
		t.form[i] = 0;
	}
	p11->C_CloseSession(session);
}

static void begin(void)
{
	refresh();
	slot = face_token("test");
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &closed));
	NEED(p11->C_CloseSession(closed));
}

static void test_all(void)
{
	begin();
	for (size_t i = 0; i < ROWS; i++)
		try_row(&rows[i]);
	printf("# %lu calls\n", trials);
}

#define LISTED(function) if (!tried(#function)) CU_FAIL(#function " is not tried");

static bool tried(const char *name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static void test_complete(void)
{
	HUFU_CK_FUNCTIONS_2_40(LISTED)
	HUFU_CK_FUNCTIONS_3_0(LISTED)
	HUFU_CK_FUNCTIONS_3_2(LISTED)
}

static bool before_initialize(const char *name)
{
	static const char *const free_of_it[] = {
		"C_Initialize", "C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface",
	};
	for (size_t i = 0; i < 4; i++)
		if (strcmp(name, free_of_it[i]) == 0)
			return true;
	return false;
}

static void test_not_initialised(void)
{
	begin();
	ensure();
	face_stop();
	for (size_t i = 0; i < ROWS; i++) {
		struct trial t = {.row = &rows[i]};
		CK_ULONG a[MAX_ARGS] = {0};
		bool unused[3];
		if (before_initialize(rows[i].name))
			continue;
		for (unsigned form = 0; form < 2; form++) {
			refresh();
			for (unsigned j = 0; rows[i].kinds[j]; j++)
				t.form[j] = form;
			arguments(&t, a, &unused[0], &unused[1], &unused[2]);
			CK_RV rv = rows[i].call(a);
			if (rv != CKR_CRYPTOKI_NOT_INITIALIZED)
				report(&t, rv, "CKR_CRYPTOKI_NOT_INITIALIZED");
		}
	}
}

static const struct unit_case cases[] = {
	{"every function of the three lists is tried", test_complete},
	{"hostile arguments, one and two at a time, get a sane code", test_all},
	{"a library that is not initialised says so before anything else", test_not_initialised},
	{0},
};

UNIT_MAIN("hostile", cases)
