/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ciphers (provider-cipher(7)), with the parameters of the default provider and
 * one more: "uri" names a key of a token, which takes the place of a key's bytes.
 *
 * A context works in one of three ways: SM4 with a key's bytes by src/sm; SM4 and
 * AES with a token's key by its devices; AES with a key's bytes by libcrypto's own
 * cipher, so that a program that prefers this provider for everything loses nothing.
 */
#ifndef OSSL_CIPHER_H
#define OSSL_CIPHER_H

#include <openssl/evp.h>

#include "ossl/octets.h"
#include "ossl/seat.h"
#include "ossl/token_key.h"
#include "sm/sm4.h"

#define BLOCK_LEN 16
#define TAG_MAX 16
#define IV_MAX 128                      /* of GCM, as in the default provider */
#define KEY_MAX 32
#define AAD_MAX ((size_t)1 << 20)

enum cipher_mode { MODE_ECB, MODE_CBC, MODE_CTR, MODE_OFB, MODE_CFB, MODE_GCM, MODE_CCM };

struct cipher_kind {
	const char *name;
	enum cipher_mode mode;
	CK_KEY_TYPE key_type;
	size_t key_len;
	CK_MECHANISM_TYPE mechanism;
};

static inline bool cipher_is_aead(const struct cipher_kind *kind)
{
	return kind->mode == MODE_GCM || kind->mode == MODE_CCM;
}
/* Pads its last block. */
static inline bool cipher_pads(const struct cipher_kind *kind)
{
	return kind->mode == MODE_ECB || kind->mode == MODE_CBC;
}

/* A context: secret memory. */
struct cipher {
	const struct provider *provider;
	const struct cipher_kind *kind;
	bool encrypts;

	EVP_CIPHER_CTX *host;           /* libcrypto's, that does it all; or NULL */
	struct token_key *token;        /* or NULL */
	bool have_key;                  /* sm4 is there */
	struct sm4_key sm4;

	size_t iv_len;
	bool have_iv;
	uint8_t first_iv[IV_MAX];       /* as it was given */
	uint8_t iv[BLOCK_LEN];          /* of the next block */

	bool padding;
	size_t held;                    /* of block: bytes that wait there (block modes), or are used up of a keystream (streams) */
	uint8_t block[BLOCK_LEN];

	size_t tag_len;
	bool have_tag;
	uint8_t tag[TAG_MAX];
	bool begun;                     /* AEAD: the IV is in use */
	bool done;                      /* AEAD: and used up; CCM: there was a text */
	size_t text_len;                /* CCM: told beforehand; SIZE_MAX: not told */
	struct octets aad;              /* CCM and a token's GCM: until the text comes */
	struct sm4_gcm gcm;
	struct seat seat;               /* a token's GCM encryption, begun */
};

/* -- ECB, CBC, CTR, OFB, CFB ------------------------------------------------------- */

/* With a key and, where the mode has one, an IV: from its beginning. */
int cipher_block_update(struct cipher *, uint8_t *out, size_t *out_len, size_t room, const uint8_t *in, size_t len);
int cipher_block_final(struct cipher *, uint8_t *out, size_t *out_len, size_t room);
int cipher_stream_update(struct cipher *, uint8_t *out, size_t *out_len, size_t room, const uint8_t *in, size_t len);

/* n whole blocks, by src/sm or the token; iv goes on. in and out are equal or do not overlap. */
int cipher_blocks(struct cipher *, const uint8_t *in, uint8_t *out, size_t n);

/* -- GCM, CCM ------------------------------------------------------------------------ */

/* out NULL: additional data; CCM: in NULL, too: the text's length. */
int cipher_aead_update(struct cipher *, uint8_t *out, size_t *out_len, size_t room, const uint8_t *in, size_t len);
int cipher_aead_final(struct cipher *);
/* What was under way ends; another IV is wanted, unless it has been given since. */
void cipher_aead_reset(struct cipher *);
/* By the token: encryption goes on in parts, what is decrypted comes in one. */
int cipher_token_gcm_encrypt(struct cipher *, uint8_t *out, const uint8_t *in, size_t len);
int cipher_token_gcm_finish(struct cipher *);
/* A whole message, the tag in cipher->tag. */
int cipher_token_message(struct cipher *, uint8_t *out, const uint8_t *in, size_t len);

/* -- by libcrypto, in our own context ------------------------------------------------- */

/* 0 after an error: libcrypto has no such cipher. */
int cipher_host_open(struct cipher *);
void cipher_host_close(struct cipher *);
int cipher_host_copy(struct cipher *to, const struct cipher *from);
int cipher_host_init(struct cipher *, const uint8_t *key, const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[]);
int cipher_host_update(struct cipher *, uint8_t *out, size_t *out_len, const uint8_t *in, size_t len);
int cipher_host_final(struct cipher *, uint8_t *out, size_t *out_len);
int cipher_host_once(struct cipher *, uint8_t *out, size_t *out_len, const uint8_t *in, size_t len);

#endif
