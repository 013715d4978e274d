/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which parameter an op takes (hufu/driver.h, struct hufu_param_*), and where
 * its pointers are: for those who copy one to elsewhere, a job's memory or
 * another host.
 */
#ifndef CRYPTO_OP_PARAM_H
#define CRYPTO_OP_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hufu/driver.h"

enum op_param {
	OP_PARAM_UNKNOWN = 0, /* which one is not known here */
	OP_PARAM_NONE,
	OP_PARAM_IV,
	OP_PARAM_GCM,
	OP_PARAM_CCM,
	OP_PARAM_ZUC,
	OP_PARAM_MAC,
	OP_PARAM_RSA_GEN,
	OP_PARAM_CURVE,
	OP_PARAM_PSS,
	OP_PARAM_OAEP,
	OP_PARAM_AGREE,
	OP_PARAM_SM2_AGREE,
	OP_PARAM_FIND
};

/* mechanism is looked at where the verb alone does not say. */
enum op_param op_param_of(enum hufu_verb verb, uint64_t mechanism);

/* A pointer in a parameter, and where its length is: offsets. */
struct op_param_reference {
	size_t pointer, len;
};

struct op_param_shape {
	size_t size; /* 0: UNKNOWN and NONE */
	size_t nreferences;
	struct op_param_reference references[2];
};
const struct op_param_shape *op_param_shape(enum op_param);

/*
 * Is each number in it as hufu/driver.h has it? What a driver relies on, for a parameter that the core did not make. Whether
 * it fits the input is the driver's to see. op->param: not NULL.
 */
bool op_param_is_sound(const struct hufu_op *);

#endif
