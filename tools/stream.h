/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input of any length through a PKCS#11 operation: one call where it fits a
 * chunk (some mechanisms know nothing else), parts beyond.
 */
#ifndef STREAM_H
#define STREAM_H

#include "tools/io.h"
#include "tools/session.h"

#define SIGNATURE_MAX 2048

struct signature {
	unsigned char bytes[SIGNATURE_MAX];
	CK_ULONG len;
};

/* C_Sign. */
enum status stream_sign(const struct session *, CK_MECHANISM *, CK_OBJECT_HANDLE key, struct input *, struct signature *) MUST_USE;
/* C_Verify; ST_INTEGRITY when it does not hold. */
enum status stream_verify(const struct session *, CK_MECHANISM *, CK_OBJECT_HANDLE key, struct input *,
                          const struct signature *) MUST_USE;
/* C_Digest. */
enum status stream_digest(const struct session *, CK_MECHANISM *, struct input *, struct signature *digest) MUST_USE;
/* C_Encrypt (or C_Decrypt), from input to output. */
enum status stream_crypt(const struct session *, bool encrypt, CK_MECHANISM *, CK_OBJECT_HANDLE key, struct input *,
                         struct output *) MUST_USE;

#endif
