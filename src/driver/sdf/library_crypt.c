/* SPDX-License-Identifier: Apache-2.0 */
/* GM/T 0018-2023 6.5 and 6.6: symmetric operations with a key of the session. Nothing is padded. */
#include "driver/sdf/library_internal.h"

#include "base/secret.h"

#include <string.h>

#define BLOCK 16

/* -- ciphers ------------------------------------------------------------------------------------------ */

enum chaining { CHAIN_NONE, CHAIN_CIPHERTEXT, CHAIN_KEYSTREAM, CHAIN_COUNTER, CHAIN_IMPOSSIBLE };

static enum chaining chaining_of(enum sdf_alg alg)
{
	if (alg == SDF_ALG_SM4_ECB)
		return CHAIN_NONE;
	if (alg == SDF_ALG_SM4_CBC || alg == SDF_ALG_SM4_CFB)
		return CHAIN_CIPHERTEXT;
	if (alg == SDF_ALG_SM4_OFB)
		return CHAIN_KEYSTREAM;
	return alg == SDF_ALG_SM4_CTR ? CHAIN_COUNTER : CHAIN_IMPOSSIBLE;
}

static void add_to_counter(uint8_t iv[BLOCK], size_t blocks)
{
	for (size_t i = BLOCK; i-- > 0 && blocks; blocks >>= 8) {
		blocks += iv[i];
		iv[i] = (uint8_t)blocks;
	}
}

/* GB/T 17964: the next IV follows from what went through, whatever the library wrote into the one it had. */
static void next_iv(enum chaining chaining, uint8_t iv[BLOCK], bool encrypt, const uint8_t *in, const uint8_t *out, size_t len)
{
	const uint8_t *ciphertext = encrypt ? out : in;
	size_t whole = len - len % BLOCK;
	if (chaining == CHAIN_COUNTER)
		add_to_counter(iv, whole / BLOCK);
	if (!whole || (chaining != CHAIN_CIPHERTEXT && chaining != CHAIN_KEYSTREAM))
		return;
	for (size_t i = 0; i < BLOCK; i++)
		iv[i] = (uint8_t)(chaining == CHAIN_CIPHERTEXT ? ciphertext[whole - BLOCK + i] :
		                                                 in[whole - BLOCK + i] ^ out[whole - BLOCK + i]);
}

struct piece {
	uint8_t *in, *out;        /* in the room of the session */
	size_t used, len;         /* what was asked for; what the library is given */
};

/*
 * Lays out the piece, copied, and where the library is to write as much. A library may want whole blocks of every
 * mode (GM/T 0018-2023 6.5.2: nothing is padded): it gets them, and what they add to a stream's end is left out.
 */
static bool lay_out(struct sdf_session *s, enum chaining chaining, const uint8_t *in, size_t used, struct piece *piece)
{
	size_t missing = chaining == CHAIN_IMPOSSIBLE ? 0 : (BLOCK - used % BLOCK) % BLOCK;
	*piece = (struct piece){.in = room_bulk_in(s), .used = used, .len = used + missing};
	if (!piece->in)
		return false;
	if (used)
		memcpy(piece->in, in, used);
	memset(piece->in + used, 0, missing);
	piece->out = room_out(s, SDF_REGION_BULK, piece->len);
	room_mark(s, piece->out, piece->len);
	return true;
}

static void wipe_piece(struct piece *piece)
{
	secret_wipe(piece->in, piece->len);
	secret_wipe(piece->out, piece->len);
}

static enum hufu_err crypt_piece(struct sdf_session *s, void *handle, uint32_t id, bool encrypt, const uint8_t *iv,
                                 const struct piece *piece)
{
	unsigned len = (unsigned)piece->len, *out_len = room_len_out(s, SDF_REGION_LEN, (uint32_t)piece->len);
	room_in(s);
	unsigned char *iv_copy = iv ? room_put(s, ROOM_IV_AT, iv, BLOCK) : NULL;
	enum hufu_err err = encrypt ? SDF_CALL(s, Encrypt, handle, id, iv_copy, piece->in, len, piece->out, out_len) :
	                              SDF_CALL(s, Decrypt, handle, id, iv_copy, piece->in, len, piece->out, out_len);
	if (err == HUFU_OK && (room_len(s, SDF_REGION_LEN) != piece->len || room_is_unwritten(s, piece->out, piece->len)))
		return HUFU_ERR_CORRUPT;
	return err;
}

enum hufu_err sdf_crypt(struct sdf_session *s, void *handle, enum sdf_alg alg, bool encrypt, uint8_t iv[16], const uint8_t *in,
                        size_t len, uint8_t *out)
{
	enum chaining chaining = chaining_of(alg);
	size_t most = profile_of(s)->data_max;
	uint32_t id = alg_of(s, alg);
	if (!id || (chaining == CHAIN_IMPOSSIBLE && len > most))
		return HUFU_ERR_UNSUPPORTED;
	if (len % BLOCK && (alg == SDF_ALG_SM4_ECB || alg == SDF_ALG_SM4_CBC))
		return HUFU_ERR_DATA_LEN;
	for (size_t done = 0; done < len;) {
		struct piece piece;
		if (!lay_out(s, chaining, in + done, len - done < most ? len - done : most, &piece))
			return HUFU_ERR_NO_MEMORY;
		enum hufu_err err = crypt_piece(s, handle, id, encrypt, iv, &piece);
		if (err == HUFU_OK && iv) {
			/* The library had piece.in in its hands; out may be in. */
			next_iv(chaining, iv, encrypt, in + done, piece.out, piece.used);
		}
		if (err == HUFU_OK)
			memcpy(out + done, piece.out, piece.used);
		done += piece.used;
		wipe_piece(&piece);
		if (err != HUFU_OK)
			return err;
	}
	return HUFU_OK;
}

/* -- MACs: each piece goes on from the MAC of the one before it, GB/T 15852.1 ------------------------------ */

enum hufu_err sdf_mac(struct sdf_session *s, void *handle, enum sdf_alg alg, const uint8_t iv[16], const uint8_t *in, size_t len,
                      uint8_t mac[16])
{
	size_t most = profile_of(s)->data_max;
	uint32_t id = alg_of(s, alg);
	if (!id || alg != SDF_ALG_SM4_MAC || !profile_of(s)->macs_in_device)
		return HUFU_ERR_UNSUPPORTED;
	if (!len || len % BLOCK)
		return HUFU_ERR_DATA_LEN;
	memmove(mac, iv, BLOCK);
	for (size_t done = 0; done < len;) {
		size_t part = len - done < most ? len - done : most;
		uint8_t *data = room_bulk_in(s);
		if (!data)
			return HUFU_ERR_NO_MEMORY;
		memcpy(data, in + done, part);
		room_in(s);
		unsigned char *chain = room_put(s, ROOM_IV_AT, mac, BLOCK), *answer = room_out(s, SDF_REGION_OUT2, BLOCK);
		unsigned *answer_len = room_len_out(s, SDF_REGION_LEN, BLOCK);
		room_mark(s, answer, BLOCK);
		enum hufu_err err = SDF_CALL(s, CalculateMAC, handle, id, chain, data, (unsigned)part, answer, answer_len);
		secret_wipe(data, part);
		if (err != HUFU_OK)
			return err;
		if (room_len(s, SDF_REGION_LEN) != BLOCK || room_is_unwritten(s, answer, BLOCK))
			return HUFU_ERR_CORRUPT;
		memcpy(mac, answer, BLOCK);
		done += part;
	}
	return HUFU_OK;
}

/* -- AEAD -------------------------------------------------------------------------------------------------- */

#define IV_MAX (ROOM_TAG_AT - ROOM_IV_AT)
#define TAG_MAX 16
#define USUAL_IV 12

struct aead {
	struct piece piece;
	unsigned char *iv, *tag, *aad;
	unsigned *out_len, *tag_len;
};

static enum hufu_err lay_out_aead(struct sdf_session *s, enum sdf_alg alg, const uint8_t *iv, size_t iv_len, const uint8_t *aad,
                                  size_t aad_len, const uint8_t *in, size_t len, size_t tag_len, struct aead *a)
{
	if (!alg_of(s, alg) || len > profile_of(s)->data_max || aad_len > SDF_SM2_MAX || iv_len > IV_MAX || tag_len > TAG_MAX)
		return HUFU_ERR_UNSUPPORTED;
	if (!lay_out(s, CHAIN_IMPOSSIBLE, in, len, &a->piece))
		return HUFU_ERR_NO_MEMORY;
	room_in(s);
	a->iv = room_put(s, ROOM_IV_AT, iv, iv_len);
	a->aad = room_put(s, ROOM_AAD_AT, aad, aad_len);
	a->out_len = room_len_out(s, SDF_REGION_LEN, (uint32_t)len);
	a->tag_len = room_len_out(s, SDF_REGION_LEN2, (uint32_t)tag_len);
	return HUFU_OK;
}

/*
 * An IV of 12 bytes and a tag of 16 are taken everywhere; a library need not take others. Such an op is another device's, and
 * no reason to think less of this one, nor of the caller: HUFU_ERR_NO_KEY.
 */
static enum hufu_err refused_length(enum hufu_err err, size_t iv_len, size_t tag_len)
{
	bool usual = iv_len == USUAL_IV && tag_len == TAG_MAX;
	return !usual && (err == HUFU_ERR_BUSY || err == HUFU_ERR_ARGUMENT || err == HUFU_ERR_UNSUPPORTED) ? HUFU_ERR_NO_KEY : err;
}

/* A whole tag where a shorter one was wanted begins with that in GCM (GB/T 36624 11), and has nothing of it in CCM. */
static enum hufu_err check_tag_len(enum sdf_alg alg, size_t got, size_t wanted)
{
	if (got == wanted || (got == TAG_MAX && alg == SDF_ALG_SM4_GCM))
		return HUFU_OK;
	return got == TAG_MAX ? HUFU_ERR_NO_KEY : HUFU_ERR_CORRUPT;
}

enum hufu_err sdf_auth_encrypt(struct sdf_session *s, void *handle, enum sdf_alg alg, const uint8_t *iv, size_t iv_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag,
                               size_t tag_len)
{
	struct aead a;
	enum hufu_err err = lay_out_aead(s, alg, iv, iv_len, aad, aad_len, in, len, tag_len, &a);
	if (err != HUFU_OK)
		return err;
	a.tag = room_out(s, SDF_REGION_OUT2, TAG_MAX);
	room_mark(s, a.tag, TAG_MAX);
	err = SDF_CALL(s, AuthEnc, handle, alg_of(s, alg), a.iv, (unsigned)iv_len, a.aad, (unsigned)aad_len, a.piece.in, (unsigned)len,
	               a.piece.out, a.out_len, a.tag, a.tag_len);
	err = refused_length(err, iv_len, tag_len);
	if (err == HUFU_OK && (room_len(s, SDF_REGION_LEN) != len || room_is_unwritten(s, a.piece.out, len) ||
	                       room_is_unwritten(s, a.tag, TAG_MAX)))
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK)
		err = check_tag_len(alg, room_len(s, SDF_REGION_LEN2), tag_len);
	if (err == HUFU_OK) {
		if (len)
			memcpy(out, a.piece.out, len);
		memcpy(tag, a.tag, tag_len);
	}
	wipe_piece(&a.piece);
	return err;
}

/* What fails here is the tag, by whatever name the library calls it (SDR_MACERR, SDR_SYMOPERR). */
static enum hufu_err refused_tag(enum hufu_err err)
{
	bool data = err == HUFU_ERR_SIGNATURE || err == HUFU_ERR_CORRUPT || err == HUFU_ERR_DATA;
	return data ? HUFU_ERR_CIPHERTEXT : err;
}

enum hufu_err sdf_auth_decrypt(struct sdf_session *s, void *handle, enum sdf_alg alg, const uint8_t *iv, size_t iv_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len, const uint8_t *tag,
                               size_t tag_len, uint8_t *out)
{
	struct aead a;
	enum hufu_err err = lay_out_aead(s, alg, iv, iv_len, aad, aad_len, in, len, tag_len, &a);
	if (err != HUFU_OK)
		return err;
	a.tag = room_put(s, ROOM_TAG_AT, tag, tag_len);
	err = refused_tag(SDF_CALL(s, AuthDec, handle, alg_of(s, alg), a.iv, (unsigned)iv_len, a.aad, (unsigned)aad_len, a.tag,
	                           a.tag_len, a.piece.in, (unsigned)len, a.piece.out, a.out_len));
	err = refused_length(err, iv_len, tag_len);
	if (err == HUFU_OK && (room_len(s, SDF_REGION_LEN) != len || room_is_unwritten(s, a.piece.out, len)))
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK && len)
		memcpy(out, a.piece.out, len);
	wipe_piece(&a.piece);
	return err;
}

/* -- HMAC and hash: one state a session, in parts -------------------------------------------------------------- */

/* A state that did not come to its end stays in the session, which is not used again. */
static enum hufu_err leave_state(struct sdf_session *s, enum hufu_err err)
{
	s->dead |= err != HUFU_OK;
	return err;
}

static enum hufu_err take_digest(struct sdf_session *s, enum hufu_err err, const uint8_t *answer, uint8_t digest[32])
{
	if (err == HUFU_OK && (room_len(s, SDF_REGION_LEN) != 32 || room_is_unwritten(s, answer, 32)))
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK)
		memcpy(digest, answer, 32);
	return err;
}

/* One part, copied; update says into which state. */
static enum hufu_err update_part(struct sdf_session *s, bool hmac, const uint8_t *in, size_t part)
{
	uint8_t *data = room_bulk_in(s);
	if (!data)
		return HUFU_ERR_NO_MEMORY;
	memcpy(data, in, part);
	enum hufu_err err = hmac ? SDF_CALL(s, HMACUpdate, data, (unsigned)part) : SDF_CALL(s, HashUpdate, data, (unsigned)part);
	secret_wipe(data, part);
	return err;
}

static enum hufu_err update(struct sdf_session *s, bool hmac, const uint8_t *in, size_t len)
{
	size_t most = profile_of(s)->data_max;
	enum hufu_err err = HUFU_OK;
	for (size_t done = 0; done < len && err == HUFU_OK; done += most)
		err = update_part(s, hmac, in + done, len - done < most ? len - done : most);
	return err;
}

enum hufu_err sdf_hmac(struct sdf_session *s, void *handle, const uint8_t *in, size_t len, uint8_t mac[32])
{
	if (!sdf_can(s->device->library, SDF_CAN_HMAC))
		return HUFU_ERR_UNSUPPORTED;
	enum hufu_err err = SDF_CALL(s, HMACInit, handle, alg_of(s, SDF_ALG_SM3));
	if (err != HUFU_OK)
		return err;
	err = update(s, true, in, len);
	unsigned char *answer = room_out(s, SDF_REGION_OUT2, 32);
	room_mark(s, answer, 32);
	unsigned *answer_len = room_len_out(s, SDF_REGION_LEN, 32);
	if (err == HUFU_OK)
		err = take_digest(s, SDF_CALL(s, HMACFinal, answer, answer_len), answer, mac);
	return leave_state(s, err);
}

enum hufu_err sdf_hash(struct sdf_session *s, const uint8_t *in, size_t len, uint8_t digest[32])
{
	if (!sdf_can(s->device->library, SDF_CAN_HASH))
		return HUFU_ERR_UNSUPPORTED;
	enum hufu_err err = SDF_CALL(s, HashInit, alg_of(s, SDF_ALG_SM3), NULL, NULL, 0);
	if (err != HUFU_OK)
		return err;
	err = update(s, false, in, len);
	unsigned char *answer = room_out(s, SDF_REGION_OUT2, 32);
	room_mark(s, answer, 32);
	unsigned *answer_len = room_len_out(s, SDF_REGION_LEN, 32);
	if (err == HUFU_OK)
		err = take_digest(s, SDF_CALL(s, HashFinal, answer, answer_len), answer, digest);
	return leave_state(s, err);
}
