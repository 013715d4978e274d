/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/template.h"
#include "tools/hex.h"
#include "tools/report.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_ID_LEN 8

static const CK_BBOOL ck_true = CK_TRUE, ck_false = CK_FALSE;

void template_add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG len)
{
	if (t->n == TEMPLATE_MAX)
		abort(); /* a template of ours has fewer */
	t->attrs[t->n++] = (CK_ATTRIBUTE){type, (void *)(size_t)value, len};
}

void template_flag(struct template *t, CK_ATTRIBUTE_TYPE type, bool on)
{
	template_add(t, type, on ? &ck_true : &ck_false, sizeof ck_true);
}

/* Which half of a pair has a use: bit 0 public, bit 1 private; a secret key has all. */
static const struct {
	const char *name;
	CK_FLAGS flag;
	CK_ATTRIBUTE_TYPE attribute;
	unsigned halves;
} uses[] = {
	{"sign", CKF_SIGN, CKA_SIGN, 2},       {"verify", CKF_VERIFY, CKA_VERIFY, 1}, {"encrypt", CKF_ENCRYPT, CKA_ENCRYPT, 1},
	{"decrypt", CKF_DECRYPT, CKA_DECRYPT, 2}, {"wrap", CKF_WRAP, CKA_WRAP, 1},    {"unwrap", CKF_UNWRAP, CKA_UNWRAP, 2},
	{"derive", CKF_DERIVE, CKA_DERIVE, 2},
};
#define NUSES (sizeof uses / sizeof *uses)

static enum status parse_uses(const char *list, CK_FLAGS *flags)
{
	*flags = 0;
	while (*list) {
		size_t len = strcspn(list, ","), i = 0;
		while (i < NUSES && (strlen(uses[i].name) != len || strncmp(uses[i].name, list, len)))
			i++;
		if (i == NUSES)
			return fail(ST_USAGE,
			            "Uses are sign, verify, encrypt, decrypt, wrap, unwrap and derive, with commas between.",
			            "\"%.*s\" is no use of a key", (int)len, list);
		*flags |= uses[i].flag;
		list += len + (list[len] == ',');
	}
	return ST_OK;
}

enum status key_wish_init(const struct args *args, const struct key_kind *kind, struct key_wish *wish)
{
	const char *id = arg_get(args, "id"), *use = arg_get(args, "use");

	*wish = (struct key_wish){
		.label = arg_get(args, "label"),
		.uses = kind->uses,
		.extractable = arg_has(args, "extractable"),
		.sensitive = !arg_has(args, "not-sensitive"),
		.hardware_only = arg_has(args, "hardware-only"),
		.not_hardware_only = arg_has(args, "not-hardware-only"),
	};
	if (wish->hardware_only && wish->not_hardware_only)
		return fail(ST_USAGE, NULL, "--hardware-only and --not-hardware-only exclude each other");
	if (use && parse_uses(use, &wish->uses))
		return ST_USAGE;
	if (!id) {
		wish->id_len = RANDOM_ID_LEN;
		return RAND_bytes(wish->id, RANDOM_ID_LEN) == 1 ? ST_OK
		                                                : fail(ST_UNAVAILABLE, NULL, "no random bytes for the key's id");
	}
	if (!hex_decode(id, strlen(id), wish->id, sizeof wish->id, &wish->id_len) || wish->id_len == 0)
		return fail(ST_USAGE, "--id 01a2", "--id takes 1 to %zu bytes in hexadecimal, not \"%s\"", sizeof wish->id, id);
	return ST_OK;
}

/*
 * Public keys are shown without a login: OpenSSH and others look for them
 * before they ask for the PIN.
 */
void template_of(struct template *t, const struct key_wish *wish, CK_OBJECT_CLASS class, const struct key_kind *kind)
{
	unsigned half = class == CKO_PUBLIC_KEY ? 1 : class == CKO_PRIVATE_KEY ? 2 : 3;
	static const CK_OBJECT_CLASS classes[] = {CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY};

	*t = (struct template){0};
	template_add(t, CKA_CLASS, &classes[half - 1], sizeof *classes);
	template_add(t, CKA_KEY_TYPE, &kind->type, sizeof kind->type);
	template_flag(t, CKA_TOKEN, true);
	template_flag(t, CKA_PRIVATE, class != CKO_PUBLIC_KEY);
	if (wish->label)
		template_add(t, CKA_LABEL, wish->label, strlen(wish->label));
	template_add(t, CKA_ID, wish->id, wish->id_len);
	for (size_t i = 0; i < NUSES; i++)
		if (uses[i].halves & half)
			template_flag(t, uses[i].attribute, wish->uses & uses[i].flag);
	if (class != CKO_PUBLIC_KEY) {
		template_flag(t, CKA_SENSITIVE, wish->sensitive);
		template_flag(t, CKA_EXTRACTABLE, wish->extractable || !wish->sensitive);
		if (wish->hardware_only || wish->not_hardware_only) /* hufu's own: another module need not know it */
			template_flag(t, CKA_HUFU_HARDWARE_ONLY, wish->hardware_only);
	}
}
