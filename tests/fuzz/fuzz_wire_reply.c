/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any answer claims no more than there is space for, and leaves nothing where it is none; any description is bounded. */
#include "wire/op.h"

#include "fuzz.h"

#include <stdalign.h>
#include <string.h>

static void fuzz_info(const uint8_t *data, size_t len)
{
	struct hufu_device_info info;
	struct hufu_capability *caps;
	struct wire_load load;
	uint32_t flags;

	if (wire_info_get_reply(data, len, &info, &caps, &flags, &load) != HUFU_OK)
		return;
	if (info.ncaps > 1024 || info.caps != caps || strlen(info.vendor) >= sizeof(info.vendor))
		abort();
	free(caps);
}

/* The first byte says to which verb, the second how much space there is. */
static void fuzz_one(const uint8_t *data, size_t len)
{
	static alignas(16) uint8_t out[1024], pub[HUFU_PUB_MAX], state[HUFU_STATE_MAX];
	struct hufu_op op = {.size = sizeof(op), .out = out, .pub = pub, .state_out = state};
	struct wire_load load;

	if (len < 2)
		return;
	op.verb = (enum hufu_verb)(data[0] % HUFU_VERB_LOGOUT + 1);
	op.out_cap = (size_t)data[1] * 4;
	wire_op_get_reply(&op, data + 2, len - 2, &load);
	if (op.outcome != HUFU_ERR_BUFFER && op.out_len > op.out_cap)
		abort();
	if (op.pub_len > sizeof(pub) || op.state_out_len > sizeof(state))
		abort();
	if (op.outcome != HUFU_OK && (op.pub_len || op.state_out_len || (op.out_len && op.outcome != HUFU_ERR_BUFFER)))
		abort();
	fuzz_info(data + 2, len - 2);
}
