/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: SM2 key exchange through C_DeriveKey gives the values of GB/T 32918.5
 * B.2 to both sides, whatever key is asked for; two sessions that know only each
 * other's points agree; what does not fit is refused with its own code, and
 * writes no confirmation.
 */
#include "face.h"

#include <string.h>

#define ID "1234567812345678"

/* Of B.2: A's, B's. */
static const char *const statics[] = {"81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029",
                                      "785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5"};
static const char *const ephemerals[] = {"d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3",
                                         "7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6"};
static const char *const static_points[] = {"160e12897df4edb61dd812feb96748fbd3ccf4ffe26aa6f6db9540af49c94232"
                                            "4a7dad08bb9a459531694beb20aa489d6649975e1bfcf8c4741b78b4b223007f",
                                            "6ae848c57c53c7b1b5fa99eb2286af078ba64c64591b8b566f7357d576f16dfb"
                                            "ee489d771621a27b36c5c7992062e9cd09a9264386f3fbea54dff69305621c4d"};
static const char *const ephemeral_points[] = {"64ced1bdbc99d590049b434d0fd73428cf608a5db8fe5ce07f15026940bae40e"
                                               "376629c7ab21e7db260922499ddb118f07ce8eaae3e7720afef6a5cc062070c0",
                                               "acc27688a6f7b706098bc91ff3ad1bff7dc2802cdb14ccccdb0a90471f9bd707"
                                               "2fedac0494b2ffc4d6853876c79b8f301c6573ad0aa50f39fc87181e1a1b46fe"};
#define KEY "6c89347354de2484c60b4ab1fde4c6e579391a21fa6cb72ae8754ec21ad8b703"
#define S1 "d3a0fe15dee185ceae907a6b595cc32a266ed7b3367e9983a896dc32fa20f8eb"
#define S2 "18c7894b3816df16cf07b05c5ec0bef5d655d58f779cc1b400a4f3884644db88"

static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY, secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE sm2_type = CKK_HUFU_SM2, sm4_type = CKK_HUFU_SM4, generic = CKK_GENERIC_SECRET;

static CK_OBJECT_HANDLE private_of(CK_SESSION_HANDLE s, const char *hex, CK_BBOOL *derives)
{
	CK_BYTE d[32];
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, private_class), ATTR(CKA_KEY_TYPE, sm2_type), BYTES(CKA_VALUE, d, 32),
	                        BYTES(CKA_EC_PARAMS, (CK_BYTE *)HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN), ATTR(CKA_DERIVE, *derives)};
	unit_hex(hex, d);
	NEED(p11->C_CreateObject(s, templ, 5, &h));
	return h;
}

/* One side of an exchange, and what its parameter points to. */
struct side {
	CK_OBJECT_HANDLE own;
	CK_BYTE fixed[65], ephemeral[65], s1[32], s2[32];
	CK_HUFU_SM2_KEY_AGREEMENT_PARAMS params;
	CK_MECHANISM mechanism;
};

static void side_set_up(CK_SESSION_HANDLE s, struct side *side, unsigned me)
{
	unsigned peer = !me;
	memset(side, 0, sizeof *side);
	side->own = private_of(s, statics[me], &yes);
	side->fixed[0] = side->ephemeral[0] = 4;
	unit_hex(static_points[peer], side->fixed + 1);
	unit_hex(ephemeral_points[peer], side->ephemeral + 1);
	side->params = (CK_HUFU_SM2_KEY_AGREEMENT_PARAMS){
		.ulRole = me ? HUFU_SM2_RESPONDER : HUFU_SM2_INITIATOR, .pOwnId = (CK_BYTE *)ID, .ulOwnIdLen = 16, .pPeerId = (CK_BYTE *)ID,
		.ulPeerIdLen = 16, .pPeerStatic = side->fixed, .ulPeerStaticLen = 65, .pPeerEphemeral = side->ephemeral,
		.ulPeerEphemeralLen = 65, .hOwnEphemeral = private_of(s, ephemerals[me], &yes), .pS1 = side->s1, .pS2 = side->s2};
	side->mechanism = (CK_MECHANISM){CKM_HUFU_SM2_KEY_AGREEMENT, &side->params, sizeof side->params};
}

/* len 0: not told. */
static CK_RV derive(CK_SESSION_HANDLE s, struct side *side, CK_KEY_TYPE *type, CK_ULONG len, CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, *type), ATTR(CKA_SENSITIVE, no),
	                        ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_VALUE_LEN, len)};
	return p11->C_DeriveKey(s, &side->mechanism, side->own, templ, len ? 5 : 4, key);
}

static void check_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, const char *hex, CK_ULONG len)
{
	CK_BYTE value[64], want[64];
	CK_ATTRIBUTE shown = BYTES(CKA_VALUE, value, sizeof value);
	unit_hex(hex, want);
	OK(p11->C_GetAttributeValue(s, key, &shown, 1));
	CU_ASSERT_EQUAL(shown.ulValueLen, len);
	CU_ASSERT_EQUAL(memcmp(value, want, len), 0);
}

static void check_confirmations(const struct side *side)
{
	CK_BYTE want[32];
	unit_hex(S1, want);
	CU_ASSERT_EQUAL(memcmp(side->s1, want, 32), 0);
	unit_hex(S2, want);
	CU_ASSERT_EQUAL(memcmp(side->s2, want, 32), 0);
}

static void test_standard(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key;
	struct side side;
	for (unsigned me = 0; me < 2; me++) {
		side_set_up(s, &side, me);
		NEED(derive(s, &side, &sm4_type, 0, &key));
		check_value(s, key, KEY, 16);
		check_confirmations(&side);
		NEED(derive(s, &side, &generic, 5, &key));
		check_value(s, key, KEY, 5);
		side.params.pS1 = side.params.pS2 = NULL;
		NEED(derive(s, &side, &generic, 0, &key));
		check_value(s, key, KEY, 32);
	}
}

/* The OCTET STRING of CKA_EC_POINT is as good as what is in it. */
static void test_point_forms(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE der[67] = {0x04, 0x41};
	CK_OBJECT_HANDLE key;
	struct side side;
	side_set_up(s, &side, 0);
	memcpy(der + 2, side.fixed, 65);
	side.params.pPeerStatic = der;
	side.params.ulPeerStaticLen = sizeof der;
	NEED(derive(s, &side, &sm4_type, 0, &key));
	check_value(s, key, KEY, 16);
}

static void point_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE point[67])
{
	CK_ATTRIBUTE shown = BYTES(CKA_EC_POINT, point, 67);
	NEED(p11->C_GetAttributeValue(s, key, &shown, 1));
	CU_ASSERT_EQUAL(shown.ulValueLen, 67);
}

/* Made, exchanged, agreed: as two programs would. */
static void test_fresh_pairs(void)
{
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE derives = ATTR(CKA_DERIVE, yes);
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv[4], keys[2];
	CK_BYTE points[4][67], s1[2][32], s2[2][32], values[2][100];
	for (int i = 0; i < 4; i++) {
		NEED(p11->C_GenerateKeyPair(s, &gen, NULL, 0, &derives, 1, &pub, &priv[i]));
		point_of(s, pub, points[i]);
	}
	for (unsigned me = 0; me < 2; me++) {
		unsigned peer = !me;
		CK_BYTE *ids[] = {(CK_BYTE *)"Alice", (CK_BYTE *)"Bo"};
		CK_ULONG len = 100, id_lens[] = {5, 2};
		CK_HUFU_SM2_KEY_AGREEMENT_PARAMS p = {me, ids[me], id_lens[me], ids[peer], id_lens[peer], points[2 * peer], 67,
		                                      points[2 * peer + 1], 67, priv[2 * me + 1], s1[me], s2[me]};
		CK_MECHANISM m = {CKM_HUFU_SM2_KEY_AGREEMENT, &p, sizeof p};
		CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_SENSITIVE, no),
		                        ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_VALUE_LEN, len)};
		CK_ATTRIBUTE shown = BYTES(CKA_VALUE, values[me], 100);
		NEED(p11->C_DeriveKey(s, &m, priv[2 * me], templ, 5, &keys[me]));
		OK(p11->C_GetAttributeValue(s, keys[me], &shown, 1));
	}
	CU_ASSERT(memcmp(values[0], values[1], 100) == 0 && memcmp(s1[0], s1[1], 32) == 0 && memcmp(s2[0], s2[1], 32) == 0);
	CU_ASSERT(memcmp(s1[0], s2[0], 32) != 0);
}

/* -- refusals ---------------------------------------------------------------------- */

#define REFUSED(what, code) do { \
		struct side side_; \
		side_set_up(s, &side_, 0); \
		struct side *side = &side_; \
		what; \
		IS(derive(s, side, &sm4_type, 0, &key), code); \
		CU_ASSERT(memcmp(side->s1, zeros, 32) == 0 && memcmp(side->s2, zeros, 32) == 0); \
	} while (0)

static void test_bad_parameters(void)
{
	static const CK_BYTE zeros[32];
	static CK_BYTE long_id[8192];
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key;
	REFUSED(side->params.ulRole = 2, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->mechanism.ulParameterLen--, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->mechanism.pParameter = NULL, CKR_MECHANISM_PARAM_INVALID);
	REFUSED((side->params.pOwnId = long_id, side->params.ulOwnIdLen = sizeof long_id), CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->params.pPeerId = NULL, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->params.pPeerStatic = NULL, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->params.ulPeerStaticLen = 64, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->fixed[0] = 2, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->fixed[40] ^= 1, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(side->ephemeral[40] ^= 1, CKR_MECHANISM_PARAM_INVALID);
	REFUSED(memset(side->ephemeral + 1, 0, 64), CKR_MECHANISM_PARAM_INVALID);
	/* On the curve, but what would be agreed on is infinite. */
	REFUSED(unit_hex("da68ef84fe616d92438bbe69bcc52db9ce5cbea993944cbc331ba26d6082e912"
	                 "b7ce179c7674bca9cd27005fe796329a9ba7dd412c4b1620b943547a90fd0eef", side->fixed + 1),
	        CKR_MECHANISM_PARAM_INVALID);
}

static void test_bad_keys(void)
{
	static const CK_BYTE zeros[32];
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE value[16] = {1};
	CK_OBJECT_HANDLE key, pub, priv;
	face_standard_pair(s, &pub, &priv);
	REFUSED(side->params.hOwnEphemeral = 0, CKR_KEY_HANDLE_INVALID);
	REFUSED(side->params.hOwnEphemeral = face_secret(s, CKK_HUFU_SM4, value, 16), CKR_KEY_TYPE_INCONSISTENT);
	REFUSED(side->params.hOwnEphemeral = pub, CKR_KEY_TYPE_INCONSISTENT);
	REFUSED(side->params.hOwnEphemeral = private_of(s, ephemerals[0], &no), CKR_KEY_FUNCTION_NOT_PERMITTED);
	REFUSED(side->own = private_of(s, statics[0], &no), CKR_KEY_FUNCTION_NOT_PERMITTED);
	REFUSED(side->own = face_secret(s, CKK_AES, value, 16), CKR_KEY_TYPE_INCONSISTENT);
}

/* Other inputs, other keys: what a careless peer would get to see from its confirmation. */
static void test_everything_counts(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key;
	CK_BYTE want[32];
	unit_hex(S1, want);
	for (int i = 0; i < 4; i++) {
		struct side side;
		side_set_up(s, &side, 0);
		if (i == 0)
			side.params.ulRole = HUFU_SM2_RESPONDER;
		else if (i == 1)
			side.params.ulOwnIdLen = 0;
		else if (i == 2)
			side.params.pPeerId = (CK_BYTE *)"1234567812345679";
		else
			side.params.hOwnEphemeral = private_of(s, statics[1], &yes);
		NEED(derive(s, &side, &sm4_type, 0, &key));
		CU_ASSERT(memcmp(side.s1, want, 32) != 0);
	}
}

static void test_ancestors(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key;
	CK_BBOOL always = 7, local = 7;
	CK_ATTRIBUTE shown[] = {ATTR(CKA_ALWAYS_SENSITIVE, always), ATTR(CKA_LOCAL, local)};
	struct side side;
	side_set_up(s, &side, 0); /* created: somebody else may know them */
	NEED(derive(s, &side, &sm4_type, 0, &key));
	OK(p11->C_GetAttributeValue(s, key, shown, 2));
	CU_ASSERT(always == CK_FALSE && local == CK_FALSE);
}

static const struct unit_case cases[] = {
	{"both sides get the values of GB/T 32918.5 B.2, in keys of any type and length", test_standard},
	{"points come bare or as CKA_EC_POINT", test_point_forms},
	{"two sides that know each other's points agree", test_fresh_pairs},
	{"bad parameters are CKR_MECHANISM_PARAM_INVALID, points that are none among them", test_bad_parameters},
	{"keys that may not, and that are of another kind, are refused with their own codes", test_bad_keys},
	{"roles, identifiers and keys all count", test_everything_counts},
	{"the key is as its ancestors were", test_ancestors},
	{0},
};

UNIT_MAIN("agree", cases)
