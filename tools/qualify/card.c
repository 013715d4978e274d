/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/qualify/card.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* -- the board ------------------------------------------------------------------------- */

static struct board *board;
static _Atomic bool taken[BOARD_THREADS];
static _Thread_local uint32_t place;    /* from 1; 0: none yet */

void board_use(struct board *b)
{
	board = b;
}

static uint32_t take_place(void)
{
	for (uint32_t i = 0; i < BOARD_THREADS; i++)
		if (!atomic_exchange(&taken[i], true))
			return i + 1;
	return BOARD_THREADS;
}

/* The call is counted before it is named: the judge, who reads in the other order, never takes a new one for one that lasts. */
void board_enter(enum function function)
{
	if (!place)
		place = take_place();
	if (!board)
		return;
	atomic_fetch_add_explicit(&board->threads[place - 1].calls, 1, memory_order_relaxed);
	atomic_store_explicit(&board->threads[place - 1].function, function, memory_order_release);
}

uint32_t board_leave(int code)
{
	if (board)
		atomic_store_explicit(&board->threads[place - 1].function, FN_NONE, memory_order_relaxed);
	return (uint32_t)code;
}

void board_quit(void)
{
	if (place)
		atomic_store(&taken[place - 1], false);
	place = 0;
}

/* -- rooms ------------------------------------------------------------------------------- */

#define RING_BYTES (8u << 20)
#define PATTERN 0xa5

uint8_t *room_filled(size_t len, uint8_t pattern)
{
	static _Thread_local uint8_t *ring;
	static _Thread_local size_t at;
	size_t whole = (len + ROOM_SPARE + 63) & ~(size_t)63;

	/* Touched whole at once: it must not look as if the library's memory grew. */
	if (!ring && (ring = malloc(RING_BYTES)))
		memset(ring, pattern, RING_BYTES);
	if (!ring || whole > RING_BYTES)
		_exit(1); /* the judge sees the end */
	if (at + whole > RING_BYTES)
		at = 0;
	uint8_t *p = ring + at;
	at += whole;
	memset(p, pattern, len + ROOM_SPARE);
	return p;
}

uint8_t *room(size_t len)
{
	return room_filled(len, PATTERN);
}

size_t room_written(const uint8_t *p, size_t len, uint8_t pattern)
{
	while (len && p[len - 1] == pattern)
		len--;
	return len;
}

/* -- loading -------------------------------------------------------------------------------- */

static bool avoided(const struct request *request, const char *name)
{
	size_t i;
	json_t *value;

	json_array_foreach(json_object_get(request->doc, "avoid"), i, value)
		if (json_is_string(value) && !strcmp(json_string_value(value), name))
			return true;
	return false;
}

static void *symbol(const struct card *card, const char *name)
{
	return avoided(card->request, name) ? NULL : dlsym(card->handle, name);
}

struct card *card_load(const struct request *request, struct sdf_profile *profile)
{
	struct card *card = calloc(1, sizeof *card);

	if (!card)
		return NULL;
	card->request = request;
	card->profile = profile;
	card->handle = dlopen(request->library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!card->handle) {
		tell_not_loaded(request->library);
		free(card);
		return NULL;
	}
#define FIND(name) *(void **)&card->name = symbol(card, "SDF_" #name);
	CALLED_FUNCTIONS(FIND)
	if (profile->extra[SDF_EXTRA_OPEN])
		*(void **)&card->open_ex = symbol(card, profile->extra[SDF_EXTRA_OPEN]);
	if (!profile->extra[SDF_EXTRA_IMPORT_KEY])
		card->ImportKey = NULL;
	return card;
}

/* -- devices and sessions ----------------------------------------------------------------------- */

uint32_t card_open(struct card *card, void **device)
{
	*device = NULL;
	if (!card->request->open_config)
		return CALL(card, OpenDevice, device);
	if (!card->open_ex)
		return CARD_MISSING;
	board_enter(FN_OpenDeviceEx);
	return board_leave(card->open_ex(device, (char *)(size_t)card->request->open_config, NULL));
}

uint32_t card_session(struct card *card, void *device, void **session)
{
	*session = NULL;
	return CALL(card, OpenSession, device, session);
}

void card_close_session(struct card *card, void *session)
{
	if (session)
		(void)CALL(card, CloseSession, session);
}

uint32_t card_right(struct card *card, void *session, uint32_t index)
{
	const struct request *request = card->request;
	uint8_t *password = room(request->password_len);

	memcpy(password, request->password, request->password_len);
	uint32_t code = CALL(card, GetPrivateKeyAccessRight, session, index, password, (unsigned)request->password_len);
	explicit_bzero(password, request->password_len);
	return code;
}

/* Both pairs of an index have one password: GM/T 0018-2023 6.2.7. */
static uint32_t take_rights(struct card *card, void *session)
{
	uint32_t code = SDR_OK;

	if (!card->request->password)
		return SDR_OK;
	if (card->sign_index)
		code = card_right(card, session, card->sign_index);
	if (code == SDR_OK && card->encrypt_index && card->encrypt_index != card->sign_index)
		code = card_right(card, session, card->encrypt_index);
	return code;
}

void *card_ready(struct card *card, const char *id)
{
	void *session;
	uint32_t code = card_session(card, card->device, &session);

	if (code == SDR_OK && session)
		code = take_rights(card, session);
	if (code == SDR_OK && session)
		return session;
	tell(RESULT_fault, id, "no session to work with: %s", code_text(card, code));
	card_close_session(card, session);
	return NULL;
}

/* -- structs --------------------------------------------------------------------------------------- */

#define SCALAR 32

/* A number of 32 bytes stands to the right of its field. */
static size_t pad(const struct card *card)
{
	return card->profile->width - SCALAR;
}

static void put_field(const struct card *card, const uint8_t number[SCALAR], uint8_t *field)
{
	memset(field, 0, pad(card));
	memcpy(field + pad(card), number, SCALAR);
}

static void put_u32(uint8_t *out, uint32_t value)
{
	memcpy(out, &value, sizeof value);
}

static uint32_t get_u32(const uint8_t *in)
{
	uint32_t value;

	memcpy(&value, in, sizeof value);
	return value;
}

size_t card_point_len(const struct card *card)
{
	return 4 + 2 * card->profile->width;
}

size_t card_signature_len(const struct card *card)
{
	return 2 * card->profile->width;
}

void card_put_point(const struct card *card, const uint8_t point[64], uint8_t *out)
{
	put_u32(out, 256);
	put_field(card, point, out + 4);
	put_field(card, point + SCALAR, out + 4 + card->profile->width);
}

bool card_get_point(const struct card *card, const uint8_t *in, uint8_t point[64])
{
	struct sm2_public key;

	memcpy(point, in + 4 + pad(card), SCALAR);
	memcpy(point + SCALAR, in + 4 + card->profile->width + pad(card), SCALAR);
	return get_u32(in) == 256 && sm2_public_init(&key, point) == SM2_OK;
}

/* Where the parts of an ECCCipher stand. */
struct cipher_places {
	size_t x, y, mac, len, text, end;
};

static struct cipher_places places(const struct card *card, size_t len)
{
	size_t w = card->profile->width, room_of_text = card->profile->cipher_room;

	if (card->profile->cipher == SDF_CIPHER_LENGTH_FIRST)
		return (struct cipher_places){4, 4 + w, 4 + 2 * w + room_of_text, 0, 4 + 2 * w, 4 + 2 * w + room_of_text + 32};
	return (struct cipher_places){0, w, 2 * w, 2 * w + 32, 2 * w + 36, 2 * w + 36 + len};
}

size_t card_cipher_len(const struct card *card, size_t len)
{
	return places(card, len).end;
}

void card_put_cipher(const struct card *card, const uint8_t *cipher, size_t len, uint8_t *out)
{
	struct cipher_places at = places(card, len);

	memset(out, 0, at.end);
	put_field(card, cipher, out + at.x);
	put_field(card, cipher + SCALAR, out + at.y);
	memcpy(out + at.mac, cipher + 64, 32);
	put_u32(out + at.len, (uint32_t)len);
	memcpy(out + at.text, cipher + 96, len);
}

bool card_get_cipher(const struct card *card, const uint8_t *in, size_t len, uint8_t *cipher)
{
	struct cipher_places at = places(card, len);

	memcpy(cipher, in + at.x + pad(card), SCALAR);
	memcpy(cipher + SCALAR, in + at.y + pad(card), SCALAR);
	memcpy(cipher + 64, in + at.mac, 32);
	memcpy(cipher + 96, in + at.text, len);
	return get_u32(in + at.len) == len;
}

void card_put_signature(const struct card *card, const uint8_t sig[64], uint8_t *out)
{
	put_field(card, sig, out);
	put_field(card, sig + SCALAR, out + card->profile->width);
}

void card_get_signature(const struct card *card, const uint8_t *in, uint8_t sig[64])
{
	memcpy(sig, in + pad(card), SCALAR);
	memcpy(sig + SCALAR, in + card->profile->width + pad(card), SCALAR);
}

/* -- asymmetric calls ---------------------------------------------------------------------------------- */

uint32_t card_export(struct card *card, void *session, uint32_t index, bool sign, uint8_t point[64])
{
	uint8_t *out = room(card_point_len(card));
	uint32_t code = sign ? CALL(card, ExportSignPublicKey_ECC, session, index, (ECCrefPublicKey *)(void *)out)
	                     : CALL(card, ExportEncPublicKey_ECC, session, index, (ECCrefPublicKey *)(void *)out);

	return code == SDR_OK && !card_get_point(card, out, point) ? CARD_STRANGE : code;
}

uint32_t card_sign(struct card *card, void *session, uint32_t index, const uint8_t e[32], uint8_t sig[64])
{
	uint8_t *in = room(32), *out = room(card_signature_len(card));

	memcpy(in, e, 32);
	uint32_t code = CALL(card, InternalSign_ECC, session, index, in, 32, (ECCSignature *)(void *)out);
	card_get_signature(card, out, sig);
	return code;
}

uint32_t card_verify(struct card *card, void *session, const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64])
{
	uint8_t *key = room(card_point_len(card)), *in = room(32), *s = room(card_signature_len(card));

	card_put_point(card, point, key);
	memcpy(in, e, 32);
	card_put_signature(card, sig, s);
	return CALL(card, ExternalVerify_ECC, session, card->profile->alg[SDF_ALG_SM2_SIGN], (ECCrefPublicKey *)(void *)key, in, 32,
	            (ECCSignature *)(void *)s);
}

uint32_t card_encrypt_ecc(struct card *card, void *session, const uint8_t point[64], const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t *key = room(card_point_len(card)), *text = room(len), *cipher = room(card_cipher_len(card, len));

	card_put_point(card, point, key);
	memcpy(text, in, len);
	uint32_t code = CALL(card, ExternalEncrypt_ECC, session, card->profile->alg[SDF_ALG_SM2_ENCRYPT],
	                     (ECCrefPublicKey *)(void *)key, text, (unsigned)len, (ECCCipher *)(void *)cipher);
	return code == SDR_OK && !card_get_cipher(card, cipher, len, out) ? CARD_STRANGE : code;
}

typedef int decrypt_5(void *session, unsigned index, ECCCipher *, unsigned char *, unsigned *);

/* With as many arguments as the profile says: a wrong guess would have the library take a pointer for a length. */
static uint32_t decrypt_internal(struct card *card, void *session, uint32_t index, uint8_t *cipher, uint8_t *text, unsigned *len)
{
	decrypt_5 *five = (decrypt_5 *)(void *)card->InternalDecrypt_ECC;

	if (!card->InternalDecrypt_ECC || !card->profile->decrypt_args)
		return CARD_MISSING;
	board_enter(FN_InternalDecrypt_ECC);
	if (card->profile->decrypt_args == 5)
		return board_leave(five(session, index, (ECCCipher *)(void *)cipher, text, len));
	return board_leave(card->InternalDecrypt_ECC(session, index, card->profile->alg[SDF_ALG_SM2_ENCRYPT],
	                                             (ECCCipher *)(void *)cipher, text, len));
}

uint32_t card_decrypt_ecc(struct card *card, void *session, uint32_t index, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t *cipher = room(card_cipher_len(card, len)), *text = room(len);
	unsigned got = (unsigned)len;

	card_put_cipher(card, in, len, cipher);
	uint32_t code = decrypt_internal(card, session, index, cipher, text, &got);
	memcpy(out, text, len);
	return code == SDR_OK && got != len ? CARD_STRANGE : code;
}

/* -- symmetric calls ------------------------------------------------------------------------------------- */

bool card_can_import(const struct card *card)
{
	return (card->ImportKeyWithISK_ECC && card->encrypt_index) || card->ImportKey;
}

static uint32_t import_isk(struct card *card, void *session, const uint8_t *key, size_t len, void **handle)
{
	uint8_t whole[SM2_CIPHER_OVERHEAD + 64], *cipher = room(card_cipher_len(card, len));
	struct sm2_public to;

	if (len > 64 || sm2_public_init(&to, card->encrypt_point) != SM2_OK ||
	    sm2_encrypt(&to, key, len, &host_random, whole) != SM2_OK)
		return CARD_STRANGE;
	card_put_cipher(card, whole + 1, len, cipher);
	return CALL(card, ImportKeyWithISK_ECC, session, card->encrypt_index, (ECCCipher *)(void *)cipher, handle);
}

uint32_t card_import(struct card *card, void *session, const uint8_t *key, size_t len, void **handle)
{
	uint8_t *copy = room(len);

	*handle = NULL;
	if (card->ImportKeyWithISK_ECC && card->encrypt_index)
		return import_isk(card, session, key, len, handle);
	memcpy(copy, key, len);
	return CALL(card, ImportKey, session, copy, (unsigned)len, handle);
}

void card_destroy(struct card *card, void *session, void *handle)
{
	if (handle)
		(void)CALL(card, DestroyKey, session, handle);
}

uint32_t card_crypt(struct card *card, void *session, void *handle, uint32_t alg, bool encrypt, uint8_t iv[16], const uint8_t *in,
		    size_t len, uint8_t *out)
{
	uint8_t *from = room(len), *to = room(len + 16), *chain = room(16);
	unsigned got = (unsigned)len + 16;

	memcpy(from, in, len);
	if (iv)
		memcpy(chain, iv, 16);
	uint32_t code = encrypt ? CALL(card, Encrypt, session, handle, alg, iv ? chain : NULL, from, (unsigned)len, to, &got)
	                        : CALL(card, Decrypt, session, handle, alg, iv ? chain : NULL, from, (unsigned)len, to, &got);
	memcpy(out, to, len);
	if (iv)
		memcpy(iv, chain, 16);
	return code == SDR_OK && got != len ? CARD_STRANGE : code;
}

uint32_t card_mac(struct card *card, void *session, void *handle, uint32_t alg, const uint8_t iv[16], const uint8_t *in, size_t len,
		  uint8_t mac[16])
{
	uint8_t *from = room(len), *to = room(32), *chain = room(16);
	unsigned got = 16;

	memcpy(from, in, len);
	memcpy(chain, iv, 16);
	uint32_t code = CALL(card, CalculateMAC, session, handle, alg, chain, from, (unsigned)len, to, &got);
	memcpy(mac, to, 16);
	return code == SDR_OK && got != 16 ? CARD_STRANGE : code;
}

uint32_t card_hmac(struct card *card, void *session, void *handle, const uint8_t *in, size_t len, uint8_t mac[32])
{
	uint8_t *from = room(len), *to = room(32);
	unsigned got = 32;

	memcpy(from, in, len);
	uint32_t code = CALL(card, HMACInit, session, handle, card->profile->alg[SDF_ALG_SM3]);
	if (code == SDR_OK)
		code = CALL(card, HMACUpdate, session, from, (unsigned)len);
	if (code == SDR_OK)
		code = CALL(card, HMACFinal, session, to, &got);
	memcpy(mac, to, 32);
	return code == SDR_OK && got != 32 ? CARD_STRANGE : code;
}

uint32_t card_hash(struct card *card, void *session, const uint8_t *point, const void *id, size_t id_len, const uint8_t *in,
		   size_t len, uint8_t digest[32])
{
	uint8_t *from = room(len), *to = room(32), *key = room(card_point_len(card)), *name = room(id_len);
	unsigned got = 32;

	memcpy(from, in, len);
	if (point) {
		card_put_point(card, point, key);
		memcpy(name, id, id_len);
	}
	uint32_t code = CALL(card, HashInit, session, card->profile->alg[SDF_ALG_SM3],
	                     point ? (ECCrefPublicKey *)(void *)key : NULL, point ? name : NULL, (unsigned)id_len);
	if (code == SDR_OK)
		code = CALL(card, HashUpdate, session, from, (unsigned)len);
	if (code == SDR_OK)
		code = CALL(card, HashFinal, session, to, &got);
	memcpy(digest, to, 32);
	return code == SDR_OK && got != 32 ? CARD_STRANGE : code;
}

uint32_t card_random(struct card *card, void *session, uint8_t *out, size_t len)
{
	size_t most = card->profile->random_max ? card->profile->random_max : 4096;
	uint32_t code = SDR_OK;

	while (len && code == SDR_OK) {
		size_t n = len < most ? len : most;
		uint8_t *to = room(n);
		code = CALL(card, GenerateRandom, session, (unsigned)n, to);
		memcpy(out, to, n);
		out += n;
		len -= n;
	}
	return code;
}

/* -- text -------------------------------------------------------------------------------------------------- */

const char *code_text(const struct card *card, uint32_t code)
{
	static _Thread_local char texts[8][64];
	static _Thread_local unsigned next;
	const char *name = sdf_code_name(card->profile, code);

	if (code == CARD_MISSING)
		return "no such function";
	if (code == CARD_STRANGE)
		return "SDR_OK, with an answer that cannot be";
	if (code == SDR_OK)
		return "SDR_OK";
	char *text = texts[next++ % 8];
	if (name)
		snprintf(text, sizeof texts[0], "%.40s (0x%08x)", name, code);
	else
		snprintf(text, sizeof texts[0], "0x%08x", code);
	return text;
}

/* -- this host's ---------------------------------------------------------------------------------------------- */

void host_fill(uint8_t *out, size_t len)
{
	while (len) {
		ssize_t n = getrandom(out, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			_exit(1);
		out += n;
		len -= (size_t)n;
	}
}

static int fill(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	host_fill(out, len);
	return 0;
}

const struct sm2_random host_random = {fill, NULL};
