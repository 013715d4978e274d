/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triple DES (SP 800-67), withdrawn by SP 800-131A rev. 2: what was encrypted
 * with it can be read, and nothing more made.
 */
#include "driver/soft/cipher.h"

#define DES3_KEY_LEN 24
#define DES_BLOCK_LEN 8

const struct soft_kind soft_des3_kinds[] = {
	{HUFU_KEY_DES3, DES3_KEY_LEN, DES3_KEY_LEN, sizeof(struct cipher_key), cipher_expand, cipher_forget, NULL, true},
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

static enum hufu_err ecb(const struct hufu_host *host, struct hufu_op *op)
{
	return cipher_run(host, op, CIPHER_ECB_DECRYPT, NULL, DES_BLOCK_LEN);
}

static enum hufu_err cbc(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_iv *param = op->param;

	return param ? cipher_run(host, op, CIPHER_CBC_DECRYPT, param->iv, DES_BLOCK_LEN) : HUFU_ERR_PARAM;
}

const struct soft_row soft_des3_rows[] = {
	{CKM_DES3_ECB, HUFU_VERB_DECRYPT, HUFU_KEY_DES3, false, ecb, 192, 192},
	{CKM_DES3_CBC, HUFU_VERB_DECRYPT, HUFU_KEY_DES3, false, cbc, 192, 192},
	{0, 0, 0, false, NULL, 0, 0},
};
