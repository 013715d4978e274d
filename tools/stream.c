/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/stream.h"
#include "base/secret.h"
#include "tools/names.h"
#include "tools/report.h"

#include <stdlib.h>
#include <string.h>

/* What padding, a tag or an SM2 ciphertext may add to one part. */
#define SLACK 512

/* What a mechanism is given that takes its input in one piece. */
#define WHOLE_MAX (256u << 20)

struct chunk {
	unsigned char *data;
	size_t cap, len;
	bool last;                  /* the input ends with it */
};

static enum status next(struct input *in, struct chunk *chunk)
{
	enum status status = input_read(in, chunk->data, IO_CHUNK, &chunk->len);

	chunk->last = chunk->len < IO_CHUNK;
	return status;
}

static enum status begin(struct input *in, struct chunk *chunk)
{
	*chunk = (struct chunk){.data = malloc(IO_CHUNK), .cap = IO_CHUNK};
	return chunk->data ? next(in, chunk) : fail_memory();
}

/* Inputs may be plaintext. */
static void end(struct chunk *chunk)
{
	secret_wipe(chunk->data, chunk->data ? chunk->cap : 0);
	free(chunk->data);
}

static bool widen(struct chunk *chunk)
{
	unsigned char *more = malloc(2 * chunk->cap);

	if (!more)
		return false;
	memcpy(more, chunk->data, chunk->len);
	secret_wipe(chunk->data, chunk->cap);
	free(chunk->data);
	chunk->data = more;
	chunk->cap *= 2;
	return true;
}

/* All of the input becomes the one chunk. */
static enum status gather(struct input *in, struct chunk *chunk)
{
	enum status status = ST_OK;
	size_t got = 0;

	while (status == ST_OK && !chunk->last) {
		if (chunk->cap - chunk->len < IO_CHUNK && chunk->cap >= WHOLE_MAX)
			return fail(ST_USAGE, "Sign a digest of it.", "%s is longer than %u MiB, the most that goes in one piece",
			            in->name, WHOLE_MAX >> 20);
		if (chunk->cap - chunk->len < IO_CHUNK && !widen(chunk))
			return fail_memory();
		status = input_read(in, chunk->data + chunk->len, IO_CHUNK, &got);
		chunk->len += status == ST_OK ? got : 0;
		chunk->last = got < IO_CHUNK;
	}
	return status;
}

/* EdDSA goes over its message twice (RFC 8032 5.1.6), so PKCS#11 has it in a single part (3.1, 6.3.16). */
static enum status begin_signature(const CK_MECHANISM *mech, struct input *in, struct chunk *chunk)
{
	enum status status = begin(in, chunk);

	return status == ST_OK && mech->mechanism == CKM_EDDSA ? gather(in, chunk) : status;
}

typedef CK_RV (*update_fn)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG);

/* Everything, beginning with the chunk that has been read. */
static enum status update_all(const struct session *s, update_fn update, struct input *in, struct chunk *chunk, CK_RV *rv)
{
	enum status status = ST_OK;

	for (;;) {
		*rv = chunk->len ? update(s->handle, chunk->data, chunk->len) : CKR_OK;
		if (*rv != CKR_OK || chunk->last)
			return ST_OK;
		status = next(in, chunk);
		if (status)
			return status;
	}
}

static enum status answer(CK_RV rv, const char *doing, const CK_MECHANISM *mech, const struct input *in)
{
	char name[NAME_LEN];

	return rv == CKR_OK ? ST_OK : fail_rv(rv, "%s %s with %s", doing, in->name, mech_name(mech->mechanism, name));
}

enum status stream_sign(const struct session *s, CK_MECHANISM *mech, CK_OBJECT_HANDLE key, struct input *in, struct signature *sig)
{
	struct chunk chunk;
	enum status status = begin_signature(mech, in, &chunk);
	CK_RV rv = CKR_OK;

	sig->len = sizeof sig->bytes;
	if (status == ST_OK) {
		rv = s->f->C_SignInit(s->handle, mech, key);
		if (rv == CKR_OK && chunk.last) {
			rv = s->f->C_Sign(s->handle, chunk.data, chunk.len, sig->bytes, &sig->len);
		} else if (rv == CKR_OK) {
			status = update_all(s, s->f->C_SignUpdate, in, &chunk, &rv);
			if (status == ST_OK && rv == CKR_OK)
				rv = s->f->C_SignFinal(s->handle, sig->bytes, &sig->len);
		}
	}
	end(&chunk);
	return status ? status : answer(rv, "signing", mech, in);
}

enum status stream_verify(const struct session *s, CK_MECHANISM *mech, CK_OBJECT_HANDLE key, struct input *in,
                          const struct signature *sig)
{
	unsigned char *bytes = (unsigned char *)(size_t)sig->bytes;
	struct chunk chunk;
	enum status status = begin_signature(mech, in, &chunk);
	CK_RV rv = CKR_OK;

	if (status == ST_OK) {
		rv = s->f->C_VerifyInit(s->handle, mech, key);
		if (rv == CKR_OK && chunk.last) {
			rv = s->f->C_Verify(s->handle, chunk.data, chunk.len, bytes, sig->len);
		} else if (rv == CKR_OK) {
			status = update_all(s, s->f->C_VerifyUpdate, in, &chunk, &rv);
			if (status == ST_OK && rv == CKR_OK)
				rv = s->f->C_VerifyFinal(s->handle, bytes, sig->len);
		}
	}
	end(&chunk);
	return status ? status : answer(rv, "verifying", mech, in);
}

enum status stream_digest(const struct session *s, CK_MECHANISM *mech, struct input *in, struct signature *digest)
{
	struct chunk chunk;
	enum status status = begin(in, &chunk);
	CK_RV rv = CKR_OK;

	digest->len = sizeof digest->bytes;
	if (status == ST_OK) {
		rv = s->f->C_DigestInit(s->handle, mech);
		if (rv == CKR_OK)
			status = update_all(s, s->f->C_DigestUpdate, in, &chunk, &rv);
		if (status == ST_OK && rv == CKR_OK)
			rv = s->f->C_DigestFinal(s->handle, digest->bytes, &digest->len);
	}
	end(&chunk);
	return status ? status : answer(rv, "digesting", mech, in);
}

/* -- encryption and decryption --------------------------------------------- */

struct crypt {
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	CK_RV (*once)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*update)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*final)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);
	unsigned char *out;
	CK_ULONG cap, len, fed;
};

static bool grow(struct crypt *c, CK_ULONG cap)
{
	unsigned char *more = malloc(cap);

	if (!more)
		return false;
	secret_wipe(c->out, c->cap);
	free(c->out);
	c->out = more;
	c->cap = cap;
	return true;
}

/*
 * AEAD decryption gives everything at its end, and SoftHSM wants room for it in
 * every update: the operation survives CKR_BUFFER_TOO_SMALL (5.2 of PKCS#11
 * 3.1), and is asked again with room for all that went in.
 */
static bool make_room(struct crypt *c, CK_RV rv)
{
	if (rv != CKR_BUFFER_TOO_SMALL || !grow(c, (c->len > c->fed ? c->len : c->fed) + SLACK))
		return false;
	c->len = c->cap;
	return true;
}

static CK_RV update(const struct session *s, struct crypt *c, const struct chunk *chunk)
{
	c->len = 0;
	if (chunk->len == 0)
		return CKR_OK;
	c->len = c->cap;
	c->fed += chunk->len;
	CK_RV rv = c->update(s->handle, chunk->data, chunk->len, c->out, &c->len);
	return make_room(c, rv) ? c->update(s->handle, chunk->data, chunk->len, c->out, &c->len) : rv;
}

static CK_RV finish(const struct session *s, struct crypt *c)
{
	c->len = c->cap;
	CK_RV rv = c->final(s->handle, c->out, &c->len);
	return make_room(c, rv) ? c->final(s->handle, c->out, &c->len) : rv;
}

static enum status parts(const struct session *s, struct crypt *c, struct input *in, struct chunk *chunk, struct output *out,
                         CK_RV *rv)
{
	enum status status;

	for (;;) {
		*rv = update(s, c, chunk);
		if (*rv != CKR_OK)
			return ST_OK;
		status = output_write(out, c->out, c->len);
		if (status || chunk->last)
			return status;
		status = next(in, chunk);
		if (status)
			return status;
	}
}

static enum status run(const struct session *s, struct crypt *c, CK_MECHANISM *mech, CK_OBJECT_HANDLE key, struct input *in,
                       struct chunk *chunk, struct output *out, CK_RV *rv)
{
	*rv = c->init(s->handle, mech, key);
	if (*rv != CKR_OK)
		return ST_OK;
	c->len = c->cap;
	if (chunk->last) {
		*rv = c->once(s->handle, chunk->data, chunk->len, c->out, &c->len);
		return *rv == CKR_OK ? output_write(out, c->out, c->len) : ST_OK;
	}
	enum status status = parts(s, c, in, chunk, out, rv);
	if (status || *rv != CKR_OK)
		return status;
	*rv = finish(s, c);
	return *rv == CKR_OK ? output_write(out, c->out, c->len) : ST_OK;
}

enum status stream_crypt(const struct session *s, bool encrypt, CK_MECHANISM *mech, CK_OBJECT_HANDLE key, struct input *in,
                         struct output *out)
{
	CK_FUNCTION_LIST *f = s->f;
	struct crypt c = encrypt ? (struct crypt){f->C_EncryptInit, f->C_Encrypt, f->C_EncryptUpdate, f->C_EncryptFinal}
	                         : (struct crypt){f->C_DecryptInit, f->C_Decrypt, f->C_DecryptUpdate, f->C_DecryptFinal};
	struct chunk chunk;
	enum status status = begin(in, &chunk);
	CK_RV rv = CKR_OK;

	if (status == ST_OK && !grow(&c, IO_CHUNK + SLACK))
		status = fail_memory();
	if (status == ST_OK)
		status = run(s, &c, mech, key, in, &chunk, out, &rv);
	end(&chunk);
	secret_wipe(c.out, c.cap);
	free(c.out);
	return status ? status : answer(rv, encrypt ? "encrypting" : "decrypting", mech, in);
}
