/* SPDX-License-Identifier: Apache-2.0 */
/* From what a device tells of a key that it keeps (hufu/driver.h, struct hufu_resident) to the rows of its objects. */
#ifndef TOKEN_RESIDENT_OBJECT_H
#define TOKEN_RESIDENT_OBJECT_H

#include "token/token.h"

/* A key that was found in a domain. */
struct resident {
	const char *domain;
	bool own_label;                 /* the device's label stands alone: it was given by people */
	struct hufu_resident told;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
};

/*
 * Both halves of a pair, or a secret key: made, or there already, and never twice, whoever else is at it.
 * HUFU_ERR_UNSUPPORTED: objects of such a key are not made here.
 */
enum hufu_err resident_store(struct token *, const struct resident *) MUST_CHECK;
/* CK_UNAVAILABLE_INFORMATION: as above. */
CK_KEY_TYPE resident_key_type(const struct resident *);
/* Its public half as CKA_PUBLIC_KEY_INFO has it; the length, 0: it has none. */
size_t resident_public_info(const struct resident *, uint8_t info[HUFU_PUB_MAX]);

#endif
