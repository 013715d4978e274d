/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encryption key that an authority sends, under the holder's signing key:
 * SM2EnvelopedKey (GB/T 35276-2017 7.4, GM/T 0009-2012 7.4), or ENVELOPEDKEYBLOB
 * (GM/T 0016-2012 6.4.10), which is the same in a C struct. Both come as they are, in base64,
 * in PEM, or within other ASN.1 values, such as an OCTET STRING or a ContentInfo.
 *
 * The key stays encrypted here: what is made is the form that the token unwraps.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "tools/tool.h"

#define ENVELOPE_POINT_LEN 65   /* 04 || x || y */

struct envelope {
	unsigned char *der;             /* SM2EnvelopedKey; OPENSSL_free */
	size_t der_len;
	unsigned char point[ENVELOPE_POINT_LEN]; /* the public half, as the sender says */
};

/* ST_USAGE after a message: there is none in the file, or it is of another cipher. */
enum status envelope_read(const char *path, struct envelope *) MUST_USE;
/* The same of a file's bytes; path: for messages. */
enum status envelope_decode(const char *path, const unsigned char *file, size_t len, struct envelope *) MUST_USE;
void envelope_clear(struct envelope *);

#endif
