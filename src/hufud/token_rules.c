/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client may do to rows and with their keys. Its token layer checks all of
 * PKCS#11's rules and more; but a client that has a ticket need not run it, so
 * what protects keys is checked here again: that a restriction is never taken
 * back, and that a key is used as its attributes say.
 *
 * EXPORT: hufu's token layer wraps keys by taking their value and encrypting it. Under policy "standard" whoever has a user's
 * ticket could wrap an extractable key under one whose value he knows, so he has its value anyway; not that of a key which
 * wants a trusted wrapping key, and under "strict" not of a sensitive one.
 */
#include <string.h>

#include "hufu/pkcs11-sm.h"
#include "hufud/token_internal.h"

static bool is_strict(const struct conf_token *conf)
{
	return conf->policy == CONF_POLICY_STRICT;
}

/* -- attributes, as the token layer writes them: CK_BBOOL is a byte, CK_ULONG eight ------------------ */

struct attributes {
	const struct store_attr *list;
	size_t n;
};

static struct attributes of_row(const struct store_row *row)
{
	return (struct attributes){row->attrs, row->nattrs};
}

static struct attributes of_draft(const struct store_draft *draft)
{
	return (struct attributes){draft->attrs, draft->nattrs};
}

static const struct store_attr *find(struct attributes attrs, uint64_t type)
{
	for (size_t i = 0; i < attrs.n; i++)
		if (attrs.list[i].type == type)
			return &attrs.list[i];
	return NULL;
}

static bool is_true(struct attributes attrs, uint64_t type, bool fallback)
{
	const struct store_attr *a = find(attrs, type);

	return a && a->len == 1 ? a->value[0] != 0 : fallback;
}

static uint64_t number(struct attributes attrs, uint64_t type)
{
	const struct store_attr *a = find(attrs, type);
	struct reader r = reader_of(a ? a->value : NULL, a ? a->len : 0);
	uint64_t value = read_u64(&r);

	return reader_done(&r) ? value : UINT64_MAX;
}

static bool is_same(struct attributes a, struct attributes b, uint64_t type)
{
	const struct store_attr *x = find(a, type), *y = find(b, type);

	return x && y ? x->len == y->len && memcmp(x->value, y->value, x->len) == 0 : x == y;
}

/* Of two with one type the first would count here, the last there. */
static bool is_list(struct attributes attrs)
{
	for (size_t i = 1; i < attrs.n; i++)
		for (size_t k = 0; k < i; k++)
			if (attrs.list[i].type == attrs.list[k].type)
				return false;
	return true;
}

void rules_label(const struct store_attr *list, size_t nattrs, char label[CONF_RULE_LABEL_MAX + 1])
{
	const struct store_attr *a = find((struct attributes){list, nattrs}, CKA_LABEL);

	memset(label, 0, CONF_RULE_LABEL_MAX + 1);
	if (a && a->len <= CONF_RULE_LABEL_MAX && strnlen((const char *)a->value, a->len) == a->len)
		memcpy(label, a->value, a->len);
}

/* -- which keys ----------------------------------------------------------------------------------- */

static bool private_type(uint64_t key_type, enum hufu_key_type *type)
{
	static const struct {
		uint64_t key_type;
		enum hufu_key_type type;
	} rows[] = {
		{CKK_HUFU_SM2, HUFU_KEY_SM2_PRIVATE}, {CKK_RSA, HUFU_KEY_RSA_PRIVATE}, {CKK_EC, HUFU_KEY_EC_PRIVATE},
		{CKK_EC_EDWARDS, HUFU_KEY_EDWARDS_PRIVATE}, {CKK_EC_MONTGOMERY, HUFU_KEY_MONTGOMERY_PRIVATE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].key_type == key_type) {
			*type = rows[i].type;
			return true;
		}
	return false;
}

bool rules_key_type(uint64_t object_class, uint64_t key_type, enum hufu_key_type *type)
{
	if (object_class == CKO_PRIVATE_KEY)
		return private_type(key_type, type);
	*type = key_type == CKK_HUFU_SM4 ? HUFU_KEY_SM4 : key_type == CKK_HUFU_ZUC ? HUFU_KEY_ZUC :
	        key_type == CKK_AES ? HUFU_KEY_AES :
	        key_type == CKK_DES3 ? HUFU_KEY_DES3 : HUFU_KEY_SECRET; /* HMAC keys, generic ones */
	return object_class == CKO_SECRET_KEY;
}

/* -- rows ------------------------------------------------------------------------------------------ */

/* What follows from how a key came to be, and what keeps it apart from others: never changed. */
static bool keeps_history(struct attributes now, struct attributes later)
{
	static const uint64_t types[] = {
		CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_HUFU_HARDWARE_ONLY,
		CKA_HUFU_RESIDENT, CKA_EC_POINT, CKA_EC_PARAMS, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PUBLIC_KEY_INFO,
		CKA_VALUE_LEN, CKA_ALWAYS_AUTHENTICATE, CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!is_same(now, later, types[i]))
			return false;
	return true;
}

/* Restrictions go one way (PKCS#11 3.1 table 10, footnotes 11 and 12), and so do latches. */
static bool keeps_restrictions(struct attributes now, struct attributes later)
{
	static const uint64_t once_true[] = {CKA_SENSITIVE, CKA_WRAP_WITH_TRUSTED, CKA_HUFU_HAS_ENCRYPTED, CKA_HUFU_HAS_DECRYPTED,
	                                     CKA_HUFU_HAS_WRAPPED, CKA_HUFU_HAS_UNWRAPPED};
	static const uint64_t once_false[] = {CKA_EXTRACTABLE};

	for (size_t i = 0; i < sizeof(once_true) / sizeof(once_true[0]); i++)
		if (is_true(now, once_true[i], false) && !is_true(later, once_true[i], false))
			return false;
	for (size_t i = 0; i < sizeof(once_false) / sizeof(once_false[0]); i++)
		if (!is_true(now, once_false[i], false) && is_true(later, once_false[i], false))
			return false;
	return true;
}

/* Policy "strict" (token/policy.h): uses are taken away, never given, since a latch would come too late. */
static bool keeps_uses(struct attributes now, struct attributes later)
{
	static const uint64_t uses[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_SIGN, CKA_VERIFY};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (!is_true(now, uses[i], false) && is_true(later, uses[i], false))
			return false;
	return true;
}

/* Latches of which one shuts the other out. */
static bool latches_agree(struct attributes attrs)
{
	bool encrypted = is_true(attrs, CKA_HUFU_HAS_ENCRYPTED, false), wrapped = is_true(attrs, CKA_HUFU_HAS_WRAPPED, false);

	return !(wrapped && (encrypted || is_true(attrs, CKA_HUFU_HAS_DECRYPTED, false))) &&
	       !(encrypted && is_true(attrs, CKA_HUFU_HAS_UNWRAPPED, false));
}

enum hufu_err rules_new(const struct caller *caller, const struct conf_token *conf, const struct store_draft *draft)
{
	struct attributes attrs = of_draft(draft);
	bool trusted = is_true(attrs, CKA_TRUSTED, false);

	if (!is_list(attrs))
		return HUFU_ERR_ARGUMENT;
	if ((trusted && !caller->so) || (is_strict(conf) && !latches_agree(attrs)))
		return HUFU_ERR_KEY_USE;
	return HUFU_OK;
}

static enum hufu_err check_later(const struct caller *caller, const struct conf_token *conf, struct attributes now,
                                 const struct store_draft *draft)
{
	struct attributes later = of_draft(draft);
	bool is_key = draft->object_class == CKO_PRIVATE_KEY || draft->object_class == CKO_SECRET_KEY;

	if (!is_list(later))
		return HUFU_ERR_ARGUMENT;
	if (is_true(later, CKA_TRUSTED, false) && !is_true(now, CKA_TRUSTED, false) && !caller->so)
		return HUFU_ERR_KEY_USE;
	if (!is_key)
		return HUFU_OK;
	if (!keeps_history(now, later) || !keeps_restrictions(now, later))
		return HUFU_ERR_KEY_USE;
	return !is_strict(conf) || (keeps_uses(now, later) && latches_agree(later)) ? HUFU_OK : HUFU_ERR_KEY_USE;
}

enum hufu_err rules_change(const struct caller *caller, const struct conf_token *conf, const struct store_row *now,
                           const struct store_draft *later)
{
	return check_later(caller, conf, of_row(now), later);
}

/*
 * Under "strict" two keys of one value would be two of one use each: the token layer's policy_check_copy, for all keys of more than
 * one.
 */
enum hufu_err rules_copy(const struct caller *caller, const struct conf_token *conf, const struct store_row *from,
                         const struct store_draft *draft)
{
	struct attributes now = of_row(from);
	bool wraps = is_true(now, CKA_WRAP, false) || is_true(now, CKA_UNWRAP, false);

	if (from->object_class != draft->object_class || from->key_type != draft->key_type || !is_true(now, CKA_COPYABLE, true) ||
	    (from->private_object && !draft->private_object) || (from->policy & ~draft->policy) ||
	    (!from->by_login && !draft->unproven && !is_true(of_draft(draft), CKA_TRUSTED, false)))
		return HUFU_ERR_KEY_USE;
	if (is_strict(conf) && wraps && from->object_class == CKO_SECRET_KEY)
		return HUFU_ERR_KEY_USE;
	return check_later(caller, conf, now, draft);
}

/* -- uses ------------------------------------------------------------------------------------------- */

enum hufu_err facts_of(const struct store_row *row, struct facts *facts)
{
	static const struct {
		uint64_t type;
		uint32_t use;
	} uses[] = {
		{CKA_ENCRYPT, USE_ENCRYPT}, {CKA_DECRYPT, USE_DECRYPT}, {CKA_SIGN, USE_SIGN}, {CKA_SIGN_RECOVER, USE_RECOVER},
		{CKA_VERIFY, USE_VERIFY}, {CKA_WRAP, USE_WRAP}, {CKA_UNWRAP, USE_UNWRAP}, {CKA_DERIVE, USE_DERIVE},
		{CKA_HUFU_HAS_ENCRYPTED, HAS_ENCRYPTED}, {CKA_HUFU_HAS_DECRYPTED, HAS_DECRYPTED},
		{CKA_HUFU_HAS_WRAPPED, HAS_WRAPPED},
		{CKA_HUFU_HAS_UNWRAPPED, HAS_UNWRAPPED},
	};
	struct attributes attrs = of_row(row);

	*facts = (struct facts){
		.object_class = row->object_class, .private_object = row->private_object, .by_login = row->by_login,
		.sensitive = is_true(attrs, CKA_SENSITIVE, true), .extractable = is_true(attrs, CKA_EXTRACTABLE, false),
		.trusted = is_true(attrs, CKA_TRUSTED, false), .wrap_with_trusted = is_true(attrs, CKA_WRAP_WITH_TRUSTED, false),
		.hardware_only = is_true(attrs, CKA_HUFU_HARDWARE_ONLY, false), .local = is_true(attrs, CKA_LOCAL, false),
		.of_password = number(attrs, CKA_KEY_GEN_MECHANISM) == CKM_PKCS5_PBKD2,
		.templates = find(attrs, CKA_WRAP_TEMPLATE) || find(attrs, CKA_UNWRAP_TEMPLATE),
	};
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (is_true(attrs, uses[i].type, false))
			facts->uses |= uses[i].use;
	rules_label(row->attrs, row->nattrs, facts->label);
	return rules_key_type(row->object_class, row->key_type, &facts->type) ? HUFU_OK : HUFU_ERR_KEY_TYPE;
}

/*
 * What an op may be part of: hufu's token layer wraps and unwraps by encrypting and decrypting, and derives by encrypting
 * (CKM_AES_ECB_ENCRYPT_DATA). latch: what "strict" wants to see set before, of secret keys; 0 nothing.
 */
static const struct part {
	enum hufu_verb verb;
	uint32_t use, latch;
} parts[] = {
	{HUFU_VERB_SIGN, USE_SIGN, 0}, {HUFU_VERB_SIGN, USE_RECOVER, 0}, {HUFU_VERB_VERIFY, USE_VERIFY, 0},
	{HUFU_VERB_ENCRYPT, USE_ENCRYPT, HAS_ENCRYPTED}, {HUFU_VERB_ENCRYPT, USE_WRAP, HAS_WRAPPED},
	{HUFU_VERB_ENCRYPT, USE_DERIVE, HAS_ENCRYPTED}, {HUFU_VERB_DECRYPT, USE_DECRYPT, HAS_DECRYPTED},
	{HUFU_VERB_DECRYPT, USE_UNWRAP, HAS_UNWRAPPED}, {HUFU_VERB_WRAP, USE_WRAP, HAS_WRAPPED},
	{HUFU_VERB_UNWRAP, USE_UNWRAP, HAS_UNWRAPPED}, {HUFU_VERB_DERIVE, USE_DERIVE, 0},
};

/* Generated here, but not of a password, which somebody knows; or vouched for by the SO under a login (token/policy.c). */
static bool may_wrap(const struct facts *facts)
{
	return (facts->local && !facts->of_password) || (facts->by_login && facts->trusted);
}

/* What "strict" adds; with a CBC-MAC one encrypts a block, with a raw RSA signature one decrypts. */
static bool strict_allows(const struct facts *facts, const struct hufu_op *op, const struct part *part)
{
	uint32_t latch = op->mechanism == CKM_HUFU_SM4_CBC_MAC ? HAS_ENCRYPTED : part->latch;

	if (op->verb == HUFU_VERB_SIGN && op->mechanism == CKM_RSA_X_509 && !(facts->uses & USE_DECRYPT))
		return false;
	if (part->use == USE_UNWRAP && op->verb == HUFU_VERB_DECRYPT)
		return false; /* its value would be in the client's hands: the machine unwraps, or nobody */
	if (part->use == USE_WRAP && !may_wrap(facts))
		return false;
	return !latch || facts->object_class != CKO_SECRET_KEY || facts->uses & latch;
}

static bool part_allows(const struct facts *facts, const struct conf_token *conf, const struct hufu_op *op)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].verb == op->verb && parts[i].use & facts->uses &&
		    (!is_strict(conf) || strict_allows(facts, op, &parts[i])))
			return true;
	return false;
}

static bool may_be_exported(const struct facts *facts, const struct conf_token *conf)
{
	if (!facts->extractable)
		return false;
	return !facts->sensitive || (!facts->wrap_with_trusted && !is_strict(conf));
}

enum hufu_err facts_allow(const struct facts *facts, const struct conf_token *conf, const struct hufu_op *op, bool is_subject)
{
	bool allowed;

	if (op->verb == HUFU_VERB_EVICT)
		return HUFU_OK;
	if (op->verb == HUFU_VERB_EXPORT || (is_subject && op->verb == HUFU_VERB_WRAP))
		allowed = may_be_exported(facts, conf);
	else if (op->verb == HUFU_VERB_WRAP) /* a row that anybody could have written is no wrapping key */
		allowed = facts->by_login && part_allows(facts, conf, op);
	else
		allowed = part_allows(facts, conf, op);
	return allowed ? HUFU_OK : HUFU_ERR_KEY_USE;
}
