/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/chunkfile.h"
#include "base/secret.h"
#include "tools/report.h"

#include <stdlib.h>
#include <string.h>

static const char magic[12] = "hufu-file/1\n";
#define LOG2_PLAIN 16

/* Two chunks: the last one is known by there being no next. */
struct reader2 {
	struct input *in;
	size_t cap;
	unsigned char *now, *ahead;
	size_t now_len, ahead_len;
	uint64_t index;
	bool last;
};

static enum status reader2_open(struct reader2 *r, struct input *in, size_t cap)
{
	*r = (struct reader2){.in = in, .cap = cap, .now = malloc(cap), .ahead = malloc(cap)};
	if (!r->now || !r->ahead)
		return fail_memory();
	enum status status = input_read(in, r->now, cap, &r->now_len);
	if (status == ST_OK)
		status = input_read(in, r->ahead, cap, &r->ahead_len);
	r->last = r->ahead_len == 0;
	return status;
}

static enum status reader2_next(struct reader2 *r)
{
	unsigned char *spare = r->now;

	r->now = r->ahead;
	r->now_len = r->ahead_len;
	r->ahead = spare;
	r->index++;
	enum status status = input_read(r->in, r->ahead, r->cap, &r->ahead_len);
	r->last = r->ahead_len == 0;
	return status;
}

static void reader2_close(struct reader2 *r)
{
	secret_wipe(r->now, r->now ? r->cap : 0);
	secret_wipe(r->ahead, r->ahead ? r->cap : 0);
	free(r->now);
	free(r->ahead);
}

static void make_aad(unsigned char aad[CHUNKFILE_AAD_LEN], const unsigned char *header, uint64_t index, bool last)
{
	memcpy(aad, header, CHUNKFILE_HEADER_LEN);
	for (int i = 0; i < 8; i++)
		aad[CHUNKFILE_HEADER_LEN + i] = (unsigned char)(index >> (56 - 8 * i));
	aad[CHUNKFILE_HEADER_LEN + 8] = last;
}

/* Cards often do GCM for short messages, or not at all. */
static enum status cannot_seal(CK_RV rv, const char *name)
{
	if (rv != CKR_MECHANISM_INVALID)
		return fail_rv(rv, "encrypting %s", name);
	return fail(ST_UNAVAILABLE, "--mode cbc --iv or --mode ctr --iv encrypts with what they have; it does not notice changes.",
	            "encrypting %s as hufu's own file takes GCM of 64 KiB, which the devices that have the key do not do", name);
}

static enum status seal_all(const struct chunkfile_aead *aead, const unsigned char *header, struct reader2 *r,
                            unsigned char *sealed, struct output *out)
{
	unsigned char aad[CHUNKFILE_AAD_LEN];

	for (;;) {
		make_aad(aad, header, r->index, r->last);
		CK_RV rv = aead->random(aead->arg, sealed, CHUNKFILE_IV_LEN);
		if (rv == CKR_OK)
			rv = aead->seal(aead->arg, sealed, aad, r->now, r->now_len, sealed + CHUNKFILE_IV_LEN);
		if (rv != CKR_OK)
			return cannot_seal(rv, r->in->name);
		enum status status = output_write(out, sealed, CHUNKFILE_IV_LEN + r->now_len + CHUNKFILE_TAG_LEN);
		if (status || r->last)
			return status;
		status = reader2_next(r);
		if (status)
			return status;
	}
}

enum status chunkfile_encrypt(const struct chunkfile_aead *aead, struct input *in, struct output *out)
{
	unsigned char header[CHUNKFILE_HEADER_LEN] = {0};
	unsigned char *sealed = malloc(CHUNKFILE_SEALED);
	struct reader2 r = {0};

	memcpy(header, magic, sizeof magic);
	header[12] = (unsigned char)aead->cipher;
	header[13] = LOG2_PLAIN;
	CK_RV rv = aead->random(aead->arg, header + 16, 16);
	enum status status = !sealed ? fail_memory() : rv != CKR_OK ? fail_rv(rv, "drawing a salt") : ST_OK;
	if (status == ST_OK)
		status = output_write(out, header, sizeof header);
	if (status == ST_OK)
		status = reader2_open(&r, in, CHUNKFILE_PLAIN);
	if (status == ST_OK)
		status = seal_all(aead, header, &r, sealed, out);
	reader2_close(&r);
	free(sealed);
	return status;
}

static enum status check_header(const struct chunkfile_aead *aead, const unsigned char *header, size_t len, const char *name)
{
	if (len < sizeof magic || memcmp(header, magic, sizeof magic))
		return fail(ST_INTEGRITY, "Plain ciphertexts are decrypted with --mode cbc, ctr, gcm, ...", "%s is no hufu-file/1",
		            name);
	if (len < CHUNKFILE_HEADER_LEN)
		return fail(ST_INTEGRITY, "Part of the file is missing: fetch it again.", "%s ends within its header", name);
	if (header[13] != LOG2_PLAIN || header[14] || header[15])
		return fail(ST_INTEGRITY, NULL, "the header of %s is damaged", name);
	if (header[12] != aead->cipher)
		return fail(ST_INTEGRITY, "Choose a key of the type that encrypted it.", "%s was encrypted with another cipher",
		            name);
	return ST_OK;
}

/* A wrong tag: would it be right if this were not the last chunk? Then the rest has been cut off. */
static enum status refuse(const struct chunkfile_aead *aead, const unsigned char *header, const struct reader2 *r,
                          unsigned char *plain, CK_RV rv)
{
	unsigned char aad[CHUNKFILE_AAD_LEN];

	if (rv != CKR_ENCRYPTED_DATA_INVALID)
		return fail_rv(rv, "decrypting %s", r->in->name);
	make_aad(aad, header, r->index, false);
	if (r->last && r->now_len == CHUNKFILE_SEALED &&
	    aead->open(aead->arg, r->now, aad, r->now + CHUNKFILE_IV_LEN, r->now_len - CHUNKFILE_IV_LEN, plain) == CKR_OK)
		return fail(ST_INTEGRITY, "Part of the file is missing: fetch it again.", "%s was cut off after %llu chunks",
		            r->in->name, (unsigned long long)r->index + 1);
	return fail(ST_INTEGRITY, "It was changed, cut off, or encrypted with another key.", "chunk %llu of %s has a wrong tag",
	            (unsigned long long)r->index, r->in->name);
}

static enum status open_all(const struct chunkfile_aead *aead, const unsigned char *header, struct reader2 *r, unsigned char *plain,
                            struct output *out)
{
	unsigned char aad[CHUNKFILE_AAD_LEN];

	for (;;) {
		if (r->now_len < CHUNKFILE_IV_LEN + CHUNKFILE_TAG_LEN)
			return fail(ST_INTEGRITY, "Part of the file is missing: fetch it again.",
			            "%s was cut off after %llu chunks", r->in->name, (unsigned long long)r->index);
		make_aad(aad, header, r->index, r->last);
		CK_RV rv = aead->open(aead->arg, r->now, aad, r->now + CHUNKFILE_IV_LEN, r->now_len - CHUNKFILE_IV_LEN, plain);
		if (rv != CKR_OK)
			return refuse(aead, header, r, plain, rv);
		enum status status = output_write(out, plain, r->now_len - CHUNKFILE_IV_LEN - CHUNKFILE_TAG_LEN);
		if (status || r->last)
			return status;
		status = reader2_next(r);
		if (status)
			return status;
	}
}

enum status chunkfile_decrypt(const struct chunkfile_aead *aead, struct input *in, struct output *out)
{
	unsigned char header[CHUNKFILE_HEADER_LEN];
	unsigned char *plain = malloc(CHUNKFILE_SEALED);
	struct reader2 r = {0};
	size_t len = 0;
	enum status status = plain ? input_read(in, header, sizeof header, &len) : fail_memory();

	if (status == ST_OK)
		status = check_header(aead, header, len, in->name);
	if (status == ST_OK)
		status = reader2_open(&r, in, CHUNKFILE_SEALED);
	if (status == ST_OK)
		status = open_all(aead, header, &r, plain, out);
	reader2_close(&r);
	secret_wipe(plain, plain ? CHUNKFILE_SEALED : 0);
	free(plain);
	return status;
}
