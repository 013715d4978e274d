/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 key exchange (GB/T 32918.3): the values of GB/T 32918.5-2017 B.2, and 48
 * bytes as TLCP takes them, keys and K as in emmansun/gmsm, the confirmations
 * from an independent implementation in Python.
 */
#include "driver_suite.h"

#define DEFAULT_ID "1234567812345678"

const struct tried suite_agree_tried[] = {{CKM_HUFU_SM2_KEY_AGREEMENT, VERB(DERIVE)}, {0, 0}};

static const struct exchange {
	struct {
		const char *id, *own, *point, *ephemeral, *ephemeral_point;
	} sides[2];                    /* A, B */
	const char *out;               /* K || S1 || S2 */
} exchanges[] = {
	{{{DEFAULT_ID, "81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029",
	   "160e12897df4edb61dd812feb96748fbd3ccf4ffe26aa6f6db9540af49c94232"
	   "4a7dad08bb9a459531694beb20aa489d6649975e1bfcf8c4741b78b4b223007f",
	   "d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3",
	   "64ced1bdbc99d590049b434d0fd73428cf608a5db8fe5ce07f15026940bae40e"
	   "376629c7ab21e7db260922499ddb118f07ce8eaae3e7720afef6a5cc062070c0"},
	  {DEFAULT_ID, "785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5",
	   "6ae848c57c53c7b1b5fa99eb2286af078ba64c64591b8b566f7357d576f16dfb"
	   "ee489d771621a27b36c5c7992062e9cd09a9264386f3fbea54dff69305621c4d",
	   "7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6",
	   "acc27688a6f7b706098bc91ff3ad1bff7dc2802cdb14ccccdb0a90471f9bd707"
	   "2fedac0494b2ffc4d6853876c79b8f301c6573ad0aa50f39fc87181e1a1b46fe"}},
	 "6c89347354de2484c60b4ab1fde4c6e5"
	 "d3a0fe15dee185ceae907a6b595cc32a266ed7b3367e9983a896dc32fa20f8eb"
	 "18c7894b3816df16cf07b05c5ec0bef5d655d58f779cc1b400a4f3884644db88"},
	{{{"Alice", "e04c3fd77408b56a648ad439f673511a2ae248def3bab26bdfc9cdbd0ae9607e",
	   "3e3c5750e1fce92b7d4ac9fb2f9dcbc70fc8da263e16205afd550c74a61be367"
	   "db287d477f14a1eed1170397e3a2eb7bdcc259fe9274c13d44c8f0d2b78e86ed",
	   "6fe0bac5b09d3ab10f724638811c34464790520e4604e71e6cb0e5310623b5b1",
	   "8d47233f429040d2039719ec7972fad4b20dd26db6dc12a21b1d435e99d48e51"
	   "f9a2e058c12de189bd08b040d9bf8887f6e0d04abdf80fa5b8005c8131069a99"},
	  {"Bob", "7a1136f60d2c5531447e5a3093078c2a505abf74f33aefed927ac0a5b27e7dd7",
	   "1ecdafec4c7ecf4f64d6721caeb0caba1f34836511b45b60cfc2e7f6c503753e"
	   "49f6d69d916e1ee11f0bd85cd4301347eb34537fa840b3cf5116d2ead0e1a250",
	   "d0233bdbb0b8a7bfe1aab66132ef06fc4efaedd5d5000692bc21185242a31f6f",
	   "4944390ed8f6f52b4303bae82017416236cfe010373c9c2dc5ad00abbfedc553"
	   "26b730baf840478b6621deccafc9aa4199a476bf7b58d23a270bfd8fce91ef31"}},
	 "1ad809ebc56ddda532020c352e1e60b121ebeb7b4e632db4dd90a362cf844f8bba85140e30984ddb581199bf5a9dda22"
	 "0227e5336ba948ff95372ce925c4d8ebdf1384ddf563374351e0053b5fbadc87"
	 "822dad808df9f31f6e1667ad372689f1b499841ceb36c4fa68c2ea69e9edfd88"},
};

/* One side's keys, and the parameter that names the other's. */
struct side {
	struct kit_key *own, *ephemeral;
	struct hufu_param_sm2_agree param;
	uint8_t want[112];
	size_t want_len;
};

static void side_set_up(struct side *side, const struct exchange *x, unsigned me)
{
	unsigned peer = !me;

	side->own = key_of_hex(HUFU_KEY_SM2_PRIVATE, x->sides[me].own);
	side->ephemeral = key_of_hex(HUFU_KEY_SM2_PRIVATE, x->sides[me].ephemeral);
	side->want_len = unit_hex(x->out, side->want);
	side->param = (struct hufu_param_sm2_agree){
		.initiator = me == 0, .key_len = side->want_len - 64,
		.own_id = (const uint8_t *)x->sides[me].id, .own_id_len = strlen(x->sides[me].id),
		.peer_id = (const uint8_t *)x->sides[peer].id, .peer_id_len = strlen(x->sides[peer].id),
	};
	unit_hex(x->sides[me].point, side->param.own_static);
	unit_hex(x->sides[me].ephemeral_point, side->param.own_ephemeral);
	unit_hex(x->sides[peer].point, side->param.peer_static);
	unit_hex(x->sides[peer].ephemeral_point, side->param.peer_ephemeral);
}

static void side_tear_down(struct side *side)
{
	subject->set_subject(NULL);
	subject->key_free(side->own);
	subject->key_free(side->ephemeral);
}

static enum hufu_err agree(struct kit_key *key, const struct hufu_param_sm2_agree *param, struct output *out, size_t *len)
{
	struct hufu_op op = {.verb = HUFU_VERB_DERIVE, .mechanism = CKM_HUFU_SM2_KEY_AGREEMENT, .param = param};
	enum hufu_err err = run_checked(&op, key, out);

	*len = op.out_len;
	return err;
}

void suite_agree_known(void)
{
	struct output out;
	struct side side;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(exchanges); i++)
		for (unsigned me = 0; me < 2; me++) {
			side_set_up(&side, &exchanges[i], me);
			subject->set_subject(side.ephemeral);
			CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_OK && len == side.want_len);
			ASSERT_SAME(out.bytes, side.want, side.want_len);
			side_tear_down(&side);
		}
}

/* A longer key begins with the shorter one: the KDF counts on. */
void suite_agree_lengths(void)
{
	static const size_t lens[] = {1, 16, 31, 32, 33, 48, 1000};
	struct output whole, out;
	struct side side;
	size_t len;

	side_set_up(&side, &exchanges[0], 0);
	subject->set_subject(side.ephemeral);
	side.param.key_len = 3000;
	CU_ASSERT(agree(side.own, &side.param, &whole, &len) == HUFU_OK && len == 3064);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		side.param.key_len = lens[i];
		CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_OK && len == lens[i] + 64);
		ASSERT_SAME(out.bytes, whole.bytes, lens[i]);
		ASSERT_SAME(out.bytes + lens[i], side.want + 16, 64);
	}
	side.param.key_len = 0;
	CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_PARAM);
	side.param.key_len = 4097;
	CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_PARAM);
	side_tear_down(&side);
}

void suite_agree_refuses_points(void)
{
	/* A point of the curve, with which what is agreed on would be infinite. */
	static const char opposite[] = "da68ef84fe616d92438bbe69bcc52db9ce5cbea993944cbc331ba26d6082e912"
	                               "b7ce179c7674bca9cd27005fe796329a9ba7dd412c4b1620b943547a90fd0eef";
	struct output out;
	struct side side;
	size_t len;

	side_set_up(&side, &exchanges[0], 0);
	subject->set_subject(side.ephemeral);
	for (size_t i = 0; i < 64; i += 7) {
		side.param.peer_static[i] ^= 4;
		CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_KEY_VALUE);
		side.param.peer_static[i] ^= 4;
		side.param.peer_ephemeral[i] ^= 4;
		CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_KEY_VALUE);
		side.param.peer_ephemeral[i] ^= 4;
	}
	unit_hex(opposite, side.param.peer_static);
	CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_KEY_VALUE);
	side_tear_down(&side);
}

void suite_agree_refuses(void)
{
	struct kit_key *sm4 = key_of_hex(HUFU_KEY_SM4, "00112233445566778899aabbccddeeff");
	struct output out;
	struct side side;
	size_t len;

	side_set_up(&side, &exchanges[0], 0);
	subject->set_subject(NULL);
	CU_ASSERT(hufu_err_group(agree(side.own, &side.param, &out, &len)) == HUFU_GROUP_CALLER);
	subject->set_subject(sm4);
	CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_KEY_TYPE);
	subject->set_subject(side.ephemeral);
	CU_ASSERT(agree(sm4, &side.param, &out, &len) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(agree(side.own, NULL, &out, &len) == HUFU_ERR_PARAM);
	/* Keys that are not those of the points. */
	CU_ASSERT(agree(side.ephemeral, &side.param, &out, &len) == HUFU_ERR_PARAM);
	side.param.own_ephemeral[0] ^= 1;
	CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_PARAM);
	side.param.own_ephemeral[0] ^= 1;
	side.param.own_id_len = 8192;
	side.param.own_id = NULL;
	CU_ASSERT(agree(side.own, &side.param, &out, &len) == HUFU_ERR_PARAM);
	side_tear_down(&side);
	subject->key_free(sm4);
}
