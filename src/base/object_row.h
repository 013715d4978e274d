/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store takes and gives (store/store.h), as data: it travels between a
 * client's store and a machine's, too (wire/store_op.h).
 */
#ifndef BASE_OBJECT_ROW_H
#define BASE_OBJECT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_LABEL_LEN 32
#define STORE_PIN_MAX 255
/* Bounds on what one row may hold, enforced on writing and on reading. */
#define STORE_ATTRS_MAX 256
#define STORE_VALUE_MAX (1u << 20)
#define STORE_COPIES_MAX 16
#define STORE_DOMAIN_MAX 64 /* bytes of a domain's name */

enum store_role { STORE_SO = 0, STORE_USER = 1 };

struct store_role_info {
	bool pin_set;
	uint32_t tries_left, tries_max; /* the SO is never locked: UINT32_MAX */
	uint32_t delay_s;               /* SO: seconds until the next try is looked at, 0 now */
};

struct store_token {
	uint8_t id[16];            /* random, anew at every store_init */
	char label[STORE_LABEL_LEN]; /* blank-padded, as C_InitToken takes it */
	struct store_role_info roles[2];
	bool read_only;            /* the file or its disk cannot be written */
};

struct store_attr {
	uint64_t type;
	const uint8_t *value;
	size_t len;
	bool indexed;              /* found by a keyed hash of the value */
};

struct store_copy {
	uint32_t kind;             /* enum hufu_copy_kind */
	const char *domain;        /* name, <= STORE_DOMAIN_MAX bytes */
	const uint8_t *data;       /* in the clear: sealed on its way to disk */
	size_t len;
};

/* What insert and update take: views into the caller's memory. */
struct store_draft {
	bool private_object;       /* sealed under the token ring: HUFU_ERR_LOCKED without a login */
	uint64_t object_class, key_type;
	uint32_t policy;           /* bound, with class and type, into the seal of the copies: never changes */
	const struct store_attr *attrs;
	size_t nattrs;
	const struct store_copy *copies;
	size_t ncopies;
	/* public: by_login shall be false, though there is a login: it comes from what was made without one */
	bool unproven;
	uint8_t op_id[16];         /* insert: unique; all zero: one is made */
	uint8_t request[32];       /* insert: digest of what was asked for, which the op id stands for */
};

/* What get gives: one block of secret memory, freed by store_row_free. */
struct store_row {
	uint8_t uuid[16];
	uint64_t version;          /* 1, 2, ...: every update */
	bool private_object;
	bool by_login;             /* made and last changed under a login */
	uint64_t object_class, key_type;
	uint32_t policy;
	struct store_attr *attrs;
	size_t nattrs;
	struct store_copy *copies; /* unsealed; ncopies 0 where the ring for them is not at hand */
	size_t ncopies;
};

#endif
