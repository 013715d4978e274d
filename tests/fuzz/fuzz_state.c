/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever stands in a saved state once it is opened, reading it gives an
 * operation that writes the same state again, or is refused; all that was held
 * is given back.
 */
#include "base/secret.h"
#include "token/state_impl.h"

#include "fuzz.h"

#include <string.h>

static const char conf_text[] = "device \"soft0\" { driver = \"soft\" }\n"
                                "token \"t\" { store = \"sqlite:/nonexistent\" devices = { \"soft0\" } }\n";

static void quiet(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

/* What was read and written is read and written again: the same bytes. */
static void check_again(struct token *token, const struct writer *first)
{
	struct operation *op = secret_alloc(sizeof *op);
	struct reader r = reader_of(first->data, first->len);
	struct writer second;
	writer_init(&second, true);
	if (state_read(token, &r, op) != CKR_OK || !reader_done(&r))
		abort();
	state_write(op, &second);
	if (second.len != first->len || memcmp(second.data, first->data, first->len) != 0)
		abort();
	writer_clear(&second);
	operation_free(op);
}

static void read_one(struct token *token, struct reader *r)
{
	struct operation *op = secret_alloc(sizeof *op);
	struct writer first;
	if (!op)
		return;
	if (state_read(token, r, op) == CKR_OK) {
		writer_init(&first, true);
		state_write(op, &first);
		check_again(token, &first);
		writer_clear(&first);
	} else {
		r->bad = true;
	}
	operation_free(op);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct conf *conf;
	struct token token = {0};
	if (conf_parse(conf_text, "fuzz", quiet, NULL, &conf) != HUFU_OK ||
	    pool_new(conf, &conf->tokens[0], &token.pool) != HUFU_OK)
		abort();
	size_t before = secret_in_use();
	struct reader r = reader_of(data, len);
	while (r.left && !r.bad)
		read_one(&token, &r);
	if (secret_in_use() != before)
		abort();
	pool_free(token.pool);
	conf_free(conf);
}
