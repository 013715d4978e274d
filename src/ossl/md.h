/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message digest of a signature: chosen by name, fed in parts, copied with
 * its context. The hash functions are the token's own, and MD5-SHA1, MD5 and SHA-1
 * one behind the other, which RSA signs in TLS 1.0 and 1.1 (RFC 4346 4.7).
 */
#ifndef OSSL_MD_H
#define OSSL_MD_H

#include <openssl/md5.h>

#include "ossl/hash_name.h"

#define MD_LEN_MAX HASH_LEN_MAX

struct md_choice {
	enum hash_id hash;      /* HASH_NONE: none was chosen */
	bool behind_md5;        /* MD5-SHA1, hash is SHA-1 */
};

/* 0 after an error: no such name. */
int md_choose(const struct provider *, const char *name, struct md_choice *);
bool md_same(struct md_choice, struct md_choice);
/* Bytes; 0: none was chosen. */
size_t md_len(struct md_choice);
/* "SHA256"; "": none was chosen. */
const char *md_name(struct md_choice);
/* As libcrypto's tables of object identifiers number it; NID_undef: none was chosen. */
int md_nid(struct md_choice);

/* Zero, or cleared, before it is begun. */
struct md {
	bool begun;
	struct md_choice choice;
	struct hash hash;
	MD5_CTX md5;
};

/* 0 after an error. */
int md_begin(const struct provider *, struct md *, struct md_choice);
void md_update(struct md *, const void *data, size_t len);
/* md_len bytes. Clears it. */
void md_final(struct md *, uint8_t digest[MD_LEN_MAX]);
void md_clear(struct md *);
/* to is zero or cleared. False: no memory. */
bool md_copy(struct md *to, const struct md *from);

#endif
