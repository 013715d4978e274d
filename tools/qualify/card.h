/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library under examination, called as it is: no mapping of codes, no
 * locks, nothing held back. Only its structs are made and read here, by the
 * widths and layouts of the profile, in memory with room to spare behind them.
 *
 * Codes are the library's own. CARD_MISSING: it lacks the function, or the
 * function hung or crashed before and is left alone. Points are x || y,
 * signatures r || s, ciphertexts x || y || C3 || C2.
 */
#ifndef QUALIFY_CARD_H
#define QUALIFY_CARD_H

#include "driver/sdf/profile.h"
#include "sm/sm2.h"
#include "tools/qualify/qualify.h"
#include "tools/qualify/tell.h"

#include <stdbool.h>

#define CARD_MISSING 0x7eee0001u
#define CARD_STRANGE 0x7eee0002u /* SDR_OK with a length that cannot be */

/* What the judge asks for. */
struct request {
	const char *library, *chapter, *open_config;
	uint32_t index;             /* of the pairs; 0: the first that is there */
	uint32_t kek;
	bool full;
	uint32_t threads, idle_s;
	const uint8_t *password;    /* secret memory; NULL: none */
	size_t password_len;
	json_t *doc;                /* all the rest */
};

#define FUNCTION_POINTER(name) __typeof__(SDF_##name) *name;
struct card {
	const struct request *request;
	struct sdf_profile *profile;
	void *handle;               /* of dlopen */
	void *device;               /* opened at the start, but for chapter open */
	uint32_t sign_index, encrypt_index; /* with a pair there; 0: none */
	uint8_t sign_point[64], encrypt_point[64];
	int (*open_ex)(void **, char *, void *);
	CALLED_FUNCTIONS(FUNCTION_POINTER)
};

/* The calling thread's place on the board, from its first call until it quits. Threads beyond its room share the last. */
void board_use(struct board *);
void board_enter(enum function);
uint32_t board_leave(int code);
void board_quit(void);

/* CALL(card, OpenDevice, &device): with the board told. */
#define CALL(card, name, ...) \
	((card)->name ? (board_enter(FN_##name), board_leave((card)->name(__VA_ARGS__))) : CARD_MISSING)

/* NULL after a finding: it cannot be loaded. */
struct card *card_load(const struct request *, struct sdf_profile *);

/* -- rooms: memory that a library writes to ----------------------------------------- */
/*
 * len bytes filled with a pattern, ROOM_SPARE more behind them. Taken from a
 * large ring of the thread's own that is never given back: whoever writes late
 * or too much hits nothing of ours.
 */
#define ROOM_SPARE 1024
#define ROOM_MAX (1u << 17)
uint8_t *room(size_t len);
uint8_t *room_filled(size_t len, uint8_t pattern);
/* How many bytes from its start were written to, with what lies between. */
size_t room_written(const uint8_t *room, size_t len, uint8_t pattern);

/* -- devices and sessions ------------------------------------------------------------ */
uint32_t card_open(struct card *, void **device);
uint32_t card_session(struct card *, void *device, void **session);
void card_close_session(struct card *, void *session);
/* A session on card->device with the access right where a password was given. NULL after a finding. */
void *card_ready(struct card *, const char *id);
uint32_t card_right(struct card *, void *session, uint32_t index);

/* -- calls ------------------------------------------------------------------------------ */
size_t card_point_len(const struct card *);
size_t card_signature_len(const struct card *);
/* Bytes of an ECCCipher with len bytes of C. */
size_t card_cipher_len(const struct card *, size_t len);
void card_put_point(const struct card *, const uint8_t point[64], uint8_t *out);
bool card_get_point(const struct card *, const uint8_t *in, uint8_t point[64]);
void card_put_cipher(const struct card *, const uint8_t *cipher, size_t len, uint8_t *out);
/* False: its length is not len. */
bool card_get_cipher(const struct card *, const uint8_t *in, size_t len, uint8_t *cipher);
void card_put_signature(const struct card *, const uint8_t sig[64], uint8_t *out);
void card_get_signature(const struct card *, const uint8_t *in, uint8_t sig[64]);

uint32_t card_export(struct card *, void *session, uint32_t index, bool sign, uint8_t point[64]);
uint32_t card_sign(struct card *, void *session, uint32_t index, const uint8_t e[32], uint8_t sig[64]);
uint32_t card_verify(struct card *, void *session, const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64]);
uint32_t card_encrypt_ecc(struct card *, void *session, const uint8_t point[64], const uint8_t *in, size_t len, uint8_t *out);
uint32_t card_decrypt_ecc(struct card *, void *session, uint32_t index, const uint8_t *in, size_t len, uint8_t *out);
/* A key that we know, by ImportKeyWithISK or ImportKey. */
uint32_t card_import(struct card *, void *session, const uint8_t *key, size_t len, void **handle);
bool card_can_import(const struct card *);
void card_destroy(struct card *, void *session, void *handle);
uint32_t card_crypt(struct card *, void *session, void *handle, uint32_t alg, bool encrypt, uint8_t iv[16], const uint8_t *in,
                    size_t len, uint8_t *out);
uint32_t card_mac(struct card *, void *session, void *handle, uint32_t alg, const uint8_t iv[16], const uint8_t *in, size_t len,
                  uint8_t mac[16]);
uint32_t card_hmac(struct card *, void *session, void *handle, const uint8_t *in, size_t len, uint8_t mac[32]);
/* point and id: NULL, or what Z is made of. */
uint32_t card_hash(struct card *, void *session, const uint8_t *point, const void *id, size_t id_len, const uint8_t *in,
                   size_t len, uint8_t digest[32]);
uint32_t card_random(struct card *, void *session, uint8_t *out, size_t len);

/* -- text --------------------------------------------------------------------------------- */
/* "SDR_KEYNOTEXIST (0x01000008)", "0xffffffff", "not there". A few at once, in memory of the thread's. */
const char *code_text(const struct card *, uint32_t code);

/* Random numbers of this host's, for inputs and for software's half. */
extern const struct sm2_random host_random;
void host_fill(uint8_t *out, size_t len);

#endif
