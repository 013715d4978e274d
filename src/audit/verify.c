/* SPDX-License-Identifier: Apache-2.0 */
/* hufu audit verify: any change, cut or reordering is found, and where. */
#include "audit/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/trail.h"
#include "base/secret.h"

struct verifier {
	const char *file;
	uint64_t line;
	bool begun;                /* a line was seen: seq and head say what must come */
	uint64_t seq;
	uint8_t head[SM3_DIGEST_LEN];
	uint8_t *key;              /* of record key_seq; NULL: no seed was given */
	uint64_t key_seq;
	const struct sm2_public *signer;
	struct chain *end;         /* where the trail stood before its files were read; NULL: nobody says. Secret memory */
	void (*finding)(void *arg, const char *message);
	void *arg;
	struct audit_verdict *verdict;
};

static void found(struct verifier *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void found(struct verifier *v, const char *fmt, ...)
{
	char what[256], message[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(message, sizeof(message), "%s:%" PRIu64 ": %s", v->file, v->line, what);
	v->verdict->findings++;
	v->finding(v->arg, message);
}

#define KEY_REACH (1u << 26) /* records that a line may be ahead of the one before it */

/* Brings the key to record seq; the seed is that of record 1. */
static bool key_reach(struct verifier *v, uint64_t seq)
{
	if (seq < v->key_seq || seq - v->key_seq > KEY_REACH)
		return false;
	for (; v->key_seq < seq; v->key_seq++)
		chain_evolve(v->key);
	return true;
}

/* After a finding the chain is taken up again at this line, so that one change is one finding. */
static void check_place(struct verifier *v, const struct chain_line *line)
{
	static const uint8_t none[SM3_DIGEST_LEN];

	if (!v->begun && line->seq != 1)
		found(v, "the trail begins with record %" PRIu64 ": what was before it is not here", line->seq);
	else if (!v->begun && memcmp(line->prev, none, sizeof(none)) != 0)
		found(v, "record 1 names a record before it");
	else if (v->begun && line->seq != v->seq)
		found(v, "record %" PRIu64 " stands where %" PRIu64 " should: records were cut out, doubled or reordered", line->seq, v->seq);
	else if (v->begun && memcmp(line->prev, v->head, sizeof(v->head)) != 0)
		found(v, "record %" PRIu64 " does not follow the line before it: one of them was changed", line->seq);
}

static void check_mac(struct verifier *v, const struct chain_line *line, const char *text)
{
	if (!v->key)
		return;
	if (!key_reach(v, line->seq) || !chain_authentic(line, text, v->key))
		found(v, "the MAC of record %" PRIu64 " is wrong: it was changed or forged, or the seed is another trail's", line->seq);
}

static void check_line(struct verifier *v, const char *text, size_t len)
{
	struct chain_line line;

	if (!chain_parse(text, len, &line)) {
		found(v, "this is no audit record");
		return;
	}
	check_place(v, &line);
	check_mac(v, &line, text);
	if (line.checkpoint) {
		v->verdict->checkpoints++;
		if (v->signer && !chain_signed_by(&line, text, v->signer))
			found(v, "the signature of checkpoint %" PRIu64 " is wrong", line.seq);
	}
	v->verdict->records++;
	v->begun = true;
	v->seq = line.seq + 1;
	memcpy(v->head, line.hash, sizeof(v->head));
	chain_hex(line.hash, sizeof(line.hash), v->verdict->head);
}

/* Half a record, of which nobody was told: a machine writes it just now, or died of it. */
static bool is_being_written(const struct verifier *v)
{
	return v->end && v->seq >= v->end->seq;
}

static void check_file(struct verifier *v, FILE *file)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&text, &cap, file)) > 0) {
		v->line++;
		if (text[len - 1] == '\n')
			check_line(v, text, (size_t)len - 1);
		else if (!is_being_written(v))
			found(v, "the last line is cut off");
	}
	free(text);
}

/* The state beside the last file knows how far the trail went: read first, since a machine may be writing on. */
static enum hufu_err read_end(struct verifier *v, const char *file)
{
	v->end = secret_alloc(sizeof(*v->end));
	if (!v->end)
		return HUFU_ERR_NO_MEMORY;
	if (!trail_state(file, v->end)) {
		secret_free(v->end);
		v->end = NULL;
	}
	return HUFU_OK;
}

static void check_end(struct verifier *v)
{
	if (v->end->seq > v->seq || (!v->begun && v->end->seq > 1))
		found(v, "the trail went on to record %" PRIu64 ": what came after this line was cut off", v->end->seq - 1);
	else if (v->end->seq == v->seq && memcmp(v->end->head, v->head, sizeof(v->head)) != 0)
		found(v, "the last record was changed");
}

static bool begin_key(struct verifier *v, const uint8_t *seed)
{
	v->key_seq = 1;
	if (!seed)
		return true;
	v->key = secret_alloc(CHAIN_KEY_LEN);
	if (v->key)
		memcpy(v->key, seed, CHAIN_KEY_LEN);
	return v->key != NULL;
}

enum hufu_err audit_verify(const char *const *files, size_t n, const uint8_t *point, const uint8_t *seed,
                           void (*finding)(void *arg, const char *message), void *arg, struct audit_verdict *verdict)
{
	struct sm2_public signer;
	struct verifier v = {.finding = finding, .arg = arg, .verdict = verdict, .signer = point ? &signer : NULL};
	enum hufu_err err = HUFU_OK;

	memset(verdict, 0, sizeof(*verdict));
	if (point && sm2_public_init(&signer, point) != SM2_OK)
		return HUFU_ERR_KEY_VALUE;
	if (n)
		err = read_end(&v, files[n - 1]);
	if (!err && !begin_key(&v, seed))
		err = HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; !err && i < n; i++) {
		FILE *file = fopen(files[i], "re");
		v.file = files[i];
		v.line = 0;
		if (file)
			check_file(&v, file);
		else
			err = errno == ENOENT ? HUFU_ERR_NOT_FOUND : HUFU_ERR_STORE_IO;
		if (file)
			fclose(file);
	}
	if (!err && v.end)
		check_end(&v);
	secret_free(v.end);
	secret_free(v.key);
	return err ? err : verdict->findings ? HUFU_ERR_CORRUPT : HUFU_OK;
}
