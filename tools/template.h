/* SPDX-License-Identifier: Apache-2.0 */
/* Templates for new objects, from the options of key generate and key import. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "tools/keykind.h"
#include "tools/tool.h"

#define TEMPLATE_MAX 32

struct template {
	CK_ATTRIBUTE attrs[TEMPLATE_MAX];
	CK_ULONG n;
};

/* Views: the values stay the caller's. Sizes are ours, so there is always room. */
void template_add(struct template *, CK_ATTRIBUTE_TYPE, const void *value, CK_ULONG len);
void template_flag(struct template *, CK_ATTRIBUTE_TYPE, bool);

/* What the user wishes for a new key. */
struct key_wish {
	const char *label;
	unsigned char id[64];
	size_t id_len;
	CK_FLAGS uses;              /* CKF_ of the mechanisms' flags */
	bool extractable, sensitive;
	bool hardware_only, not_hardware_only; /* neither: as the token has it */
};

/* --label, --id, --use, --extractable, --not-sensitive, --hardware-only, --not-hardware-only; a random id unless one is given. */
enum status key_wish_init(const struct args *, const struct key_kind *, struct key_wish *) MUST_USE;

/* The attributes of one object of that wish, without the key itself. */
void template_of(struct template *, const struct key_wish *, CK_OBJECT_CLASS, const struct key_kind *);

#define OPTS_KEY_WISH \
	{"label", 'L', "LABEL", "the key's label"}, \
	{"id", 'i', "HEX", "the key's id, in hexadecimal; random by default"}, \
	{"use", 'u', "LIST", "uses in place of the type's own: sign, verify, encrypt, decrypt, wrap, unwrap, derive"}, \
	{"extractable", 0, NULL, "allow the key to leave the token wrapped"}, \
	{"not-sensitive", 0, NULL, "allow the key's value to be read in the clear"}, \
	{"hardware-only", 0, NULL, "keep the key out of software for good"}, \
	{"not-hardware-only", 0, NULL, "allow copies of the key in software"}

#endif
