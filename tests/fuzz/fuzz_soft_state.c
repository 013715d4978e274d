/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever comes as a state of the soft driver is continued or refused
 * as the caller's mistake, and what is continued gives a state that is taken
 * back. Input: a byte that picks the operation, a byte that says how much data
 * follows it, the state.
 */
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

#include "fuzz.h"

static const struct {
	enum hufu_verb verb;
	uint64_t mechanism;
	enum hufu_key_type type;
} picks[] = {
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, HUFU_KEY_SM4}, {HUFU_VERB_SIGN, CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET},
	{HUFU_VERB_VERIFY, CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET}, {HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, HUFU_KEY_ZUC},
	{HUFU_VERB_DECRYPT, CKM_HUFU_ZUC_EEA3, HUFU_KEY_ZUC}, {HUFU_VERB_SIGN, CKM_HUFU_ZUC_EIA3, HUFU_KEY_ZUC},
	{HUFU_VERB_VERIFY, CKM_HUFU_ZUC_EIA3, HUFU_KEY_ZUC},
	{HUFU_VERB_ENCRYPT, CKM_AES_GCM, HUFU_KEY_AES}, {HUFU_VERB_SIGN, CKM_AES_CMAC, HUFU_KEY_AES},
	{HUFU_VERB_VERIFY, CKM_AES_CMAC, HUFU_KEY_AES}, {HUFU_VERB_SIGN, CKM_HUFU_SM4_CMAC, HUFU_KEY_SM4},
	{HUFU_VERB_SIGN, CKM_HUFU_SM4_CBC_MAC, HUFU_KEY_SM4},
};

static enum hufu_err run(struct hufu_op *op)
{
	static struct hufu_device *device;
	static struct hufu_lease *lease;
	struct hufu_conf conf = {.size = sizeof(conf), .name = "fuzz"};

	if (!device &&
	    (driver_soft.open(driver_host(), &conf, 0, &device) != HUFU_OK || driver_soft.lease(device, 0, &lease) != HUFU_OK))
		abort();
	driver_soft.run(lease, &op, 1);
	return op->outcome;
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	static const uint8_t clear[16], in[256], mac[32];
	uint8_t next[HUFU_STATE_MAX], out[512];

	if (len < 2)
		return;
	size_t pick = data[0] % (sizeof(picks) / sizeof(picks[0]));
	struct hufu_key key = {
		.size = sizeof(key), .type = picks[pick].type, .copy_kind = HUFU_COPY_BLOB, .blob = clear, .blob_len = 16};
	struct hufu_op op = {.size = sizeof(op),
	                     .verb = picks[pick].verb,
	                     .mechanism = picks[pick].mechanism,
	                     .phase = HUFU_PHASE_NEXT,
	                     .key = &key,
	                     .in = in,
	                     .in_len = data[1],
	                     .in2 = mac,
	                     .in2_len = sizeof(mac),
	                     .out = out,
	                     .out_cap = sizeof(out),
	                     .state_in = data + 2,
	                     .state_in_len = len - 2,
	                     .state_out = next};

	if (run(&op) == HUFU_OK) {
		if (op.state_out_len == 0 || op.state_out_len > HUFU_STATE_MAX || op.out_len > sizeof(out))
			abort();
		op.phase = HUFU_PHASE_LAST;
		op.state_in = next;
		op.state_in_len = op.state_out_len;
		op.state_out = NULL;
		(void)run(&op);
	}
	if (op.outcome != HUFU_OK && hufu_err_group(op.outcome) != HUFU_GROUP_CALLER)
		abort();
	op.verb = HUFU_VERB_EVICT;
	op.mechanism = 0;
	op.phase = HUFU_PHASE_WHOLE;
	(void)run(&op);
}
