/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GCM and CCM. With a key's bytes GCM goes on in parts, and what is decrypted
 * comes out before its tag is known to be right, as with every provider. A token
 * gives nothing before: there a ciphertext comes whole, its tag before it. CCM is so in any case.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "ossl/cipher.h"
#include "token/operation.h"

#define PIECE 65536                     /* that a token is given at once, of what goes on in parts */

void cipher_aead_reset(struct cipher *c)
{
	seat_give(&c->seat);
	octets_clear(&c->aad);
	secret_wipe(&c->gcm, sizeof c->gcm);
	c->begun = c->done = false;
	c->text_len = SIZE_MAX;
}

static int refuse(const struct cipher *c, const char *why)
{
	return fail(c->provider, REASON_PARAMETER, "%s: %s", c->kind->name, why);
}

static int keep_aad(struct cipher *c, const uint8_t *in, size_t len)
{
	if (len > AAD_MAX - c->aad.len)
		return fail(c->provider, REASON_INPUT, "%s: more additional data than %zu bytes", c->kind->name, AAD_MAX);
	if (!len)
		return 1;
	uint8_t *more = realloc(c->aad.data, c->aad.len + len);
	if (!more)
		return fail(c->provider, REASON_INTERNAL, "no memory");
	memcpy(more + c->aad.len, in, len);
	c->aad = (struct octets){more, c->aad.len + len};
	return 1;
}

/* A wrong tag: one answer for whatever was wrong. */
static int bad_tag(const struct cipher *c)
{
	return fail(c->provider, REASON_DECRYPTION, "%s: the tag is not of this text, additional data, IV and key", c->kind->name);
}

/* -- GCM by src/sm ---------------------------------------------------------------------- */

static void gcm_begin(struct cipher *c)
{
	if (!c->begun)
		sm4_gcm_init(&c->gcm, &c->sm4, c->first_iv, c->iv_len);
	c->begun = true;
}

static int gcm_text(struct cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
	gcm_begin(c);
	bool good = (c->encrypts ? sm4_gcm_encrypt : sm4_gcm_decrypt)(&c->gcm, &c->sm4, in, out, len);
	return good ? 1 : fail(c->provider, REASON_INPUT, "%s: a text of 2^36 bytes or more", c->kind->name);
}

static int gcm_finish(struct cipher *c)
{
	uint8_t tag[TAG_MAX];

	gcm_begin(c);
	sm4_gcm_final(&c->gcm, &c->sm4, tag, TAG_MAX);
	bool good = c->encrypts || secret_equal(tag, c->tag, c->tag_len);
	if (c->encrypts) {
		memcpy(c->tag, tag, TAG_MAX);
		c->have_tag = true;
	}
	secret_wipe(tag, sizeof tag);
	return good ? 1 : bad_tag(c);
}

/* -- CCM by src/sm ---------------------------------------------------------------------- */

static int ccm_message(struct cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
	bool good = c->encrypts ? sm4_ccm_seal(&c->sm4, c->first_iv, c->iv_len, c->aad.data, c->aad.len, in, len, out, c->tag,
	                                       c->tag_len) :
	                          sm4_ccm_open(&c->sm4, c->first_iv, c->iv_len, c->aad.data, c->aad.len, in, len, out, c->tag,
	                                       c->tag_len);

	if (!good)
		return c->encrypts ? refuse(c, "a text longer than the IV leaves room to count") : bad_tag(c);
	if (c->encrypts)
		c->have_tag = true;
	return 1;
}

/* -- by a token ------------------------------------------------------------------------- */

static enum op_kind kind_of(const struct cipher *c)
{
	return c->encrypts ? OP_ENCRYPT : OP_DECRYPT;
}

static const char *verb_of(const struct cipher *c)
{
	return c->encrypts ? "encrypt" : "decrypt";
}

static CK_RV begin_gcm(struct session *session, CK_OBJECT_HANDLE handle, const struct cipher *c)
{
	CK_GCM_PARAMS params = {.pIv = (CK_BYTE *)(uintptr_t)c->first_iv, .ulIvLen = c->iv_len, .ulIvBits = 8 * c->iv_len,
	                        .pAAD = c->aad.data, .ulAADLen = c->aad.len, .ulTagBits = 8 * (c->encrypts ? TAG_MAX : c->tag_len)};
	CK_MECHANISM mechanism = {c->kind->mechanism, &params, sizeof params};

	return crypt_init(session, kind_of(c), &mechanism, handle);
}

static CK_RV begin_ccm(struct session *session, CK_OBJECT_HANDLE handle, const struct cipher *c)
{
	CK_CCM_PARAMS params = {.ulDataLen = c->text_len, .pNonce = (CK_BYTE *)(uintptr_t)c->first_iv, .ulNonceLen = c->iv_len,
	                        .pAAD = c->aad.data, .ulAADLen = c->aad.len, .ulMACLen = c->tag_len};
	CK_MECHANISM mechanism = {c->kind->mechanism, &params, sizeof params};

	return crypt_init(session, kind_of(c), &mechanism, handle);
}

/* In place, in memory that the operation may keep: text -> text || tag, or back, or a part of it. */
struct piece {
	struct cipher *c;
	uint8_t *data;
	size_t len;
	CK_ULONG wanted;                /* bytes that come of it */
};

static CK_RV begin(struct session *session, CK_OBJECT_HANDLE handle, void *arg)
{
	const struct cipher *c = ((struct piece *)arg)->c;

	return c->kind->mode == MODE_GCM ? begin_gcm(session, handle, c) : begin_ccm(session, handle, c);
}

static CK_RV run_message(struct session *session, void *arg)
{
	struct piece *piece = arg;
	CK_ULONG n = piece->len + TAG_MAX; /* a size that the core asks for beforehand may be a bound */
	CK_RV rv = crypt_once(session, kind_of(piece->c), piece->data, piece->len, piece->data, &n);

	return rv == CKR_OK && n != piece->wanted ? CKR_DEVICE_ERROR : rv;
}

static size_t tag_len_of(const struct cipher *c)
{
	return c->encrypts && c->kind->mode == MODE_GCM ? TAG_MAX : c->tag_len;
}

int cipher_token_message(struct cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
	size_t tag_len = tag_len_of(c), room = len + 2 * TAG_MAX;
	uint8_t *joined = malloc(room);
	struct piece piece = {c, joined, c->encrypts ? len : len + tag_len, c->encrypts ? len + tag_len : len};

	if (!joined)
		return fail(c->provider, REASON_INTERNAL, "no memory");
	c->text_len = len;
	if (len)
		memcpy(joined, in, len);
	if (!c->encrypts)
		memcpy(joined + len, c->tag, tag_len);
	int good = token_key_work(c->token, &(struct token_work){.begin = begin, .run = run_message, .arg = &piece,
	                                                         .what = verb_of(c)});
	if (good && len)
		memcpy(out, joined, len);
	if (good && c->encrypts) {
		memcpy(c->tag, joined + len, tag_len);
		c->have_tag = true;
	}
	secret_wipe(joined, room);
	free(joined);
	return good;
}

static CK_RV run_part(struct session *session, void *arg)
{
	struct piece *piece = arg;
	CK_ULONG n = piece->wanted;
	CK_RV rv = crypt_update(session, OP_ENCRYPT, piece->data, piece->len, piece->data, &n);

	return rv == CKR_OK && n != piece->wanted ? CKR_DEVICE_ERROR : rv;
}

static CK_RV run_end(struct session *session, void *arg)
{
	struct piece *piece = arg;
	CK_ULONG n = piece->wanted;
	CK_RV rv = crypt_final(session, OP_ENCRYPT, piece->data, &n);

	return rv == CKR_OK && n != piece->wanted ? CKR_DEVICE_ERROR : rv;
}

/* The session is kept from the first part to the tag. */
static int run_gcm(struct cipher *c, struct piece *piece, CK_RV (*run)(struct session *, void *))
{
	return token_key_work(c->token, &(struct token_work){.begin = begin, .run = run, .arg = piece, .seat = &c->seat,
	                                                     .what = "encrypt"});
}

int cipher_token_gcm_encrypt(struct cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
	size_t cap = len < PIECE ? len : PIECE;
	uint8_t *piece = malloc(cap);
	int good = piece ? 1 : fail(c->provider, REASON_INTERNAL, "no memory");

	c->begun = true;
	for (size_t n; len && good; in += n, out += n, len -= n) {
		n = len < cap ? len : cap;
		memcpy(piece, in, n);
		good = run_gcm(c, &(struct piece){c, piece, n, n}, run_part);
		if (!good)
			break;
		memcpy(out, piece, n);
	}
	if (piece)
		secret_wipe(piece, cap);
	free(piece);
	return good;
}

int cipher_token_gcm_finish(struct cipher *c)
{
	uint8_t tag[TAG_MAX];
	int good = run_gcm(c, &(struct piece){c, tag, 0, TAG_MAX}, run_end);

	seat_give(&c->seat);
	if (good)
		memcpy(c->tag, tag, TAG_MAX);
	c->have_tag = good;
	return good;
}

/* -- at work ---------------------------------------------------------------------------- */

static int gcm_aad(struct cipher *c, const uint8_t *in, size_t len)
{
	if (c->token)
		return c->begun ? refuse(c, "additional data come before the text") : keep_aad(c, in, len);
	gcm_begin(c);
	if (len)
		sm4_gcm_aad(&c->gcm, in, len);
	return 1;
}

static int token_gcm_text(struct cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
	if (c->encrypts)
		return cipher_token_gcm_encrypt(c, out, in, len);
	if (!c->have_tag)
		return refuse(c, "with a token's key the tag comes before the ciphertext: nothing comes out before it is checked");
	if (c->begun)
		return refuse(c, "with a token's key a ciphertext is given whole: nothing comes out before its tag is checked");
	c->begun = true;
	return cipher_token_message(c, out, in, len);
}

static int ccm_update(struct cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
	if (!out && !in) {
		c->text_len = len;
		return 1;
	}
	if (!out)
		return c->text_len == SIZE_MAX && len ? refuse(c, "the text's length is told before additional data") :
		                                        keep_aad(c, in, len);
	if (c->text_len != SIZE_MAX && c->text_len != len)
		return refuse(c, "the text has another length than was told, or comes in parts");
	if (!c->encrypts && !c->have_tag)
		return refuse(c, "the tag is given before the ciphertext");
	c->done = true;
	return c->token ? cipher_token_message(c, out, in, len) : ccm_message(c, out, in, len);
}

int cipher_aead_update(struct cipher *c, uint8_t *out, size_t *out_len, size_t room, const uint8_t *in, size_t len)
{
	*out_len = 0;
	if (!c->have_iv || c->done)
		return refuse(c, "an IV is wanted, another one for each text");
	if (out && room < len)
		return fail(c->provider, REASON_BUFFER, "%s: %zu bytes are wanted for the result", c->kind->name, len);
	int good;
	if (c->kind->mode == MODE_CCM)
		good = ccm_update(c, out, in, len);
	else if (!len)
		good = 1;
	else if (!out)
		good = gcm_aad(c, in, len);
	else
		good = c->token ? token_gcm_text(c, out, in, len) : gcm_text(c, out, in, len);
	if (good)
		*out_len = len;
	return good;
}

/* What a token decrypted was checked with its text; a message without one is still to be. */
static int token_gcm_final(struct cipher *c)
{
	if (c->encrypts)
		return cipher_token_gcm_finish(c);
	return c->begun ? 1 : cipher_token_message(c, NULL, NULL, 0);
}

int cipher_aead_final(struct cipher *c)
{
	if (c->kind->mode == MODE_CCM)
		return 1;               /* all was done with the text */
	if (!c->have_iv || c->done)
		return refuse(c, "an IV is wanted, another one for each text");
	if (!c->encrypts && !c->have_tag)
		return refuse(c, "the tag is wanted before the end");
	c->done = true;
	return c->token ? token_gcm_final(c) : gcm_finish(c);
}
