/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated card: the SDF face over the soft driver in the shape of some
 * vendor's library. Three are built of the same files:
 *
 *	card_standard  GM/T 0018-2023 as it is written
 *	card_narrow    32-byte fields, the length first in ECCCipher, its own ids and
 *	               error codes, SDF_OpenDeviceEx, a call that makes pairs
 *	card_2012      GM/T 0018-2012 alone: no CTR, no HMAC, nothing in parts, five
 *	               arguments for SDF_InternalDecrypt_ECC
 *
 * LIBRARY.conf is the card's own hufu.conf; LIBRARY.faults a script (driver/fault/fault.h) that is looked at in every call and
 * starts when it changes: what hangs returns then, what was away is back. Places are
 * the verbs that a function serves; open, lease and probe are SDF_OpenDevice, SDF_OpenSession and
 * SDF_GetDeviceInfo. code=0xfNNN is NNN above the base of the card's own codes; crash ends the process.
 */
#ifndef CARDS_CARD_H
#define CARDS_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/fault/internal.h"
#include "sdf/face.h"

#if defined(CARD_NARROW)
#define CARD_FIELD 32
#define CARD_RSA_FIELD 512
#define CARD_CIPHER_MAX 136
#define CARD_CODES 0x01010000u
#else
#define CARD_FIELD ECCref_MAX_LEN
#define CARD_RSA_FIELD RSAref_MAX_LEN
#define CARD_CIPHER_MAX 4096
#define CARD_CODES SDR_BASE
#endif
#if !defined(CARD_NARROW) && !defined(CARD_2012)
#define CARD_2023
#endif

/* The functions have types of their own here, hence names of their own; the library's are what is seen of it. */
#define CARD_NAMED(name, symbol, ...) \
	__attribute__((visibility("default"))) int card_##name(__VA_ARGS__) __asm__(symbol); \
	int card_##name(__VA_ARGS__)
#define CARD(name, ...) CARD_NAMED(name, "SDF_" #name, __VA_ARGS__)

/* -- shapes (shape.c) --------------------------------------------------------------- */

struct card_point {
	unsigned int bits;
	unsigned char x[CARD_FIELD], y[CARD_FIELD];
};
struct card_scalar {
	unsigned int bits;
	unsigned char d[CARD_FIELD];
};
struct card_signature {
	unsigned char r[CARD_FIELD], s[CARD_FIELD];
};
#ifdef CARD_NARROW
struct card_cipher {
	unsigned int len;
	unsigned char x[CARD_FIELD], y[CARD_FIELD];
	unsigned char c2[CARD_CIPHER_MAX];
	unsigned char c3[32];
};
#else
struct card_cipher {
	unsigned char x[CARD_FIELD], y[CARD_FIELD];
	unsigned char c3[32];
	unsigned int len;
	unsigned char c2[1]; /* len bytes */
};
#endif
struct card_rsa_public {
	unsigned int bits;
	unsigned char m[CARD_RSA_FIELD], e[CARD_RSA_FIELD];
};

/* The standard's, with room for what the card takes. */
union standard_cipher {
	ECCCipher cipher;
	unsigned char room[sizeof(ECCCipher) + CARD_CIPHER_MAX];
};

void card_point_out(struct card_point *, const ECCrefPublicKey *);
void card_point_in(ECCrefPublicKey *, const struct card_point *);
void card_signature_out(struct card_signature *, const ECCSignature *);
void card_signature_in(ECCSignature *, const struct card_signature *);
void card_cipher_out(struct card_cipher *, const union standard_cipher *);
/* False: longer than the card takes. */
bool card_cipher_in(union standard_cipher *, const struct card_cipher *);
void card_rsa_out(struct card_rsa_public *, const RSArefPublicKey *);
/* The standard's id of the card's; 0: the card has none. */
unsigned int card_alg(unsigned int id);
/* The card's code of the standard's, and of a fault's. */
int card_code(int standard);
int card_code_of_fault(enum hufu_err);

/* -- calls (gate.c) ------------------------------------------------------------------- */

/* A call of the library, from entry to return. */
struct call {
	void *face;               /* the face's session */
	struct strike strike;
	uint64_t begun_ns;
	int code;                 /* why it is refused */
};

/* place: what a fault names, PLACE_RUN for what no verb stands for. session NULL: a call without one. False: return call->code. */
bool card_enter(struct call *, unsigned place, void *session);
/*
 * What the call returns: the face's code in the card's numbers, unless a fault
 * spoils it. out, len: what it wrote; out_len: where it said how much, or NULL.
 */
int card_leave(struct call *, int code, void *out, size_t len, unsigned int *out_len);

/* card_leave of a call that made a ciphertext. */
int card_leave_cipher(struct call *, int code, struct card_cipher *out, const union standard_cipher *made);

/* -- signatures (engine.c) ------------------------------------------------------------ */

typedef int card_sign_fn(void *face, unsigned index, unsigned char *data, unsigned len, struct card_signature *);
/* By sign, or as a card that computes elsewhere. */
int engine_sign(card_sign_fn *sign, void *face, unsigned index, unsigned char *data, unsigned len, struct card_signature *);

/* A session of the face as the card's; NULL: too many. */
void *card_session_new(void *face);
/* The face's; NULL: it is none, or is closed already. */
void *card_session_end(void *session);

#endif
