/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu-file/1: a file encrypted in authenticated chunks, so that decryption of
 * any length releases nothing before its tag, in constant memory.
 *
 *	header, 32 bytes
 *	  12  "hufu-file/1\n"
 *	   1  cipher: 1 SM4-GCM, 2 AES-GCM
 *	   1  16: log2 of a chunk's plaintext, 65536 bytes
 *	   2  0
 *	  16  random salt: what file a chunk belongs to
 *	chunks, all but the last of 65536 bytes of plaintext; the last 0 to 65536
 *	  12  IV, random for each chunk (NIST SP 800-38D 8.2.2)
 *	   n  ciphertext
 *	  16  tag, over header || 64-bit big-endian number of the chunk from 0 ||
 *	      one byte: 1 in the last chunk, 0 before
 *
 * Chunks changed, reordered, repeated, left out, taken from another file or cut
 * off fail their tag. A key may seal 2^32 chunks (2^48 bytes) before two random
 * IVs meet with a probability of 2^-32.
 */
#ifndef CHUNKFILE_H
#define CHUNKFILE_H

#include "hufu/pkcs11.h"
#include "tools/io.h"

#define CHUNKFILE_HEADER_LEN 32
#define CHUNKFILE_PLAIN 65536u
#define CHUNKFILE_IV_LEN 12
#define CHUNKFILE_TAG_LEN 16
#define CHUNKFILE_AAD_LEN (CHUNKFILE_HEADER_LEN + 9)
#define CHUNKFILE_SEALED (CHUNKFILE_IV_LEN + CHUNKFILE_PLAIN + CHUNKFILE_TAG_LEN)

enum chunkfile_cipher { CHUNKFILE_SM4 = 1, CHUNKFILE_AES = 2 };

/* One chunk through the token, or through anything else in tests. */
struct chunkfile_aead {
	enum chunkfile_cipher cipher;
	void *arg;
	/* out: ciphertext || tag, len + CHUNKFILE_TAG_LEN bytes. */
	CK_RV (*seal)
	(void *arg, const unsigned char *iv, const unsigned char *aad, const unsigned char *in, size_t len, unsigned char *out);
	/* in: ciphertext || tag. CKR_ENCRYPTED_DATA_INVALID when the tag is wrong; nothing is written then. */
	CK_RV (*open)
	(void *arg, const unsigned char *iv, const unsigned char *aad, const unsigned char *in, size_t len, unsigned char *out);
	CK_RV (*random)(void *arg, unsigned char *out, size_t len);
};

enum status chunkfile_encrypt(const struct chunkfile_aead *, struct input *, struct output *) MUST_USE;
/* ST_INTEGRITY: what was written so far is authentic, but it is not the whole file. */
enum status chunkfile_decrypt(const struct chunkfile_aead *, struct input *, struct output *) MUST_USE;

#endif
