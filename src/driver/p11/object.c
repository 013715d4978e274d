/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes, templates, and public keys as either side writes them. What a module says of a length is held against the room. */
#include "driver/p11/p11.h"

#include <string.h>

#include "driver/soft/curve.h"
#include "driver/soft/rsa_der.h"

/* -- templates ------------------------------------------------------------------- */

void p11_add(struct p11_template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	t->list[t->n++] = (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

void p11_add_number(struct p11_template *t, CK_ATTRIBUTE_TYPE type, CK_ULONG number)
{
	CK_ULONG *place = &t->numbers[t->nnumbers++];

	*place = number;
	p11_add(t, type, place, sizeof(*place));
}

void p11_add_flag(struct p11_template *t, CK_ATTRIBUTE_TYPE type, bool flag)
{
	static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

	p11_add(t, type, flag ? &yes : &no, sizeof(yes));
}

/* -- key types --------------------------------------------------------------------- */

static const struct kind {
	enum hufu_key_type type;
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;           /* our number */
	CK_ATTRIBUTE_TYPE uses[2];
} kinds[] = {
	{HUFU_KEY_SM2_PRIVATE, CKO_PRIVATE_KEY, CKK_HUFU_SM2, {CKA_SIGN, CKA_DECRYPT}},
	{HUFU_KEY_SM2_PUBLIC, CKO_PUBLIC_KEY, CKK_HUFU_SM2, {CKA_VERIFY, CKA_ENCRYPT}},
	{HUFU_KEY_SM4, CKO_SECRET_KEY, CKK_HUFU_SM4, {CKA_ENCRYPT, CKA_DECRYPT}},
	{HUFU_KEY_SECRET, CKO_SECRET_KEY, CKK_GENERIC_SECRET, {CKA_SIGN, CKA_VERIFY}},
	{HUFU_KEY_AES, CKO_SECRET_KEY, CKK_AES, {CKA_ENCRYPT, CKA_DECRYPT}},
	{HUFU_KEY_RSA_PRIVATE, CKO_PRIVATE_KEY, CKK_RSA, {CKA_SIGN, CKA_DECRYPT}},
	{HUFU_KEY_RSA_PUBLIC, CKO_PUBLIC_KEY, CKK_RSA, {CKA_VERIFY, CKA_ENCRYPT}},
	{HUFU_KEY_EC_PRIVATE, CKO_PRIVATE_KEY, CKK_EC, {CKA_SIGN, CKA_SIGN}},
	{HUFU_KEY_EC_PUBLIC, CKO_PUBLIC_KEY, CKK_EC, {CKA_VERIFY, CKA_VERIFY}},
	{HUFU_KEY_EDWARDS_PRIVATE, CKO_PRIVATE_KEY, CKK_EC_EDWARDS, {CKA_SIGN, CKA_SIGN}},
	{HUFU_KEY_EDWARDS_PUBLIC, CKO_PUBLIC_KEY, CKK_EC_EDWARDS, {CKA_VERIFY, CKA_VERIFY}},
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(enum hufu_key_type type)
{
	for (size_t i = 0; i < NKINDS; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

/* Our own numbers mean something to us alone. */
static bool is_own(CK_KEY_TYPE type)
{
	return (type & ~0xffUL) == HUFU_VENDOR;
}

bool p11_key_kind(const struct hufu_device *device, enum hufu_key_type type, CK_OBJECT_CLASS *object_class, CK_KEY_TYPE *key_type)
{
	const struct kind *kind = kind_of(type);

	if (!kind)
		return false;
	*object_class = kind->object_class;
	*key_type = alias_key_type_vendor(device->alias, kind->key_type);
	return !is_own(*key_type);
}

enum hufu_key_type p11_key_type(const struct hufu_device *device, CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type)
{
	CK_KEY_TYPE own = alias_key_type_own(device->alias, key_type);

	for (size_t i = 0; i < NKINDS && !is_own(key_type); i++)
		if (kinds[i].object_class == object_class && kinds[i].key_type == own)
			return kinds[i].type;
	return 0;
}

/* CMAC: a block cipher's key that also signs. */
static bool makes_macs(const struct hufu_device *device, enum hufu_key_type type)
{
	return (type == HUFU_KEY_AES && p11_offer_find(device, CKM_AES_CMAC, HUFU_VERB_SIGN)) ||
	       (type == HUFU_KEY_SM4 && p11_offer_find(device, CKM_HUFU_SM4_CBC_MAC, HUFU_VERB_SIGN));
}

enum hufu_err p11_add_key(struct p11_template *t, const struct hufu_device *device, enum hufu_key_type type, bool extractable)
{
	const struct kind *kind = kind_of(type);
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;

	if (!p11_key_kind(device, type, &object_class, &key_type))
		return HUFU_ERR_UNSUPPORTED;
	p11_add_number(t, CKA_CLASS, object_class);
	p11_add_number(t, CKA_KEY_TYPE, key_type);
	p11_add_flag(t, CKA_TOKEN, false);
	p11_add_flag(t, kind->uses[0], true);
	if (kind->uses[1] != kind->uses[0])
		p11_add_flag(t, kind->uses[1], true);
	if (makes_macs(device, type)) {
		p11_add_flag(t, CKA_SIGN, true);
		p11_add_flag(t, CKA_VERIFY, true);
	}
	if (object_class == CKO_PUBLIC_KEY)
		return HUFU_OK;
	p11_add_flag(t, CKA_PRIVATE, atomic_load(&device->logged_in));
	p11_add_flag(t, CKA_SENSITIVE, true);
	p11_add_flag(t, CKA_EXTRACTABLE, extractable);
	return HUFU_OK;
}

/* -- reading ----------------------------------------------------------------------------- */

bool p11_get(struct hufu_device *device, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
             size_t cap, size_t *len)
{
	CK_ATTRIBUTE a = {type, out, cap};
	CK_RV rv = P11_CALL(device->module, C_GetAttributeValue, session, object, &a, 1);

	*len = rv == CKR_OK && a.ulValueLen <= cap ? a.ulValueLen : 0;
	return rv == CKR_OK && a.ulValueLen <= cap;
}

bool p11_get_number(struct hufu_device *device, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                    CK_ULONG *number)
{
	size_t len;

	return p11_get(device, session, object, type, number, sizeof(*number), &len) && len == sizeof(*number);
}

bool p11_get_flag(struct hufu_device *device, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL flag = CK_FALSE;
	size_t len;

	return p11_get(device, session, object, type, &flag, sizeof(flag), &len) && len == sizeof(flag) && flag != CK_FALSE;
}

/* Whose login is gone finds less, and is told nothing. */
static CK_RV check_login(struct hufu_device *device, CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info = {0};

	if (!atomic_load(&device->logged_in))
		return CKR_OK;
	CK_RV rv = P11_CALL(device->module, C_GetSessionInfo, session, &info);
	bool is_user = info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
	return rv == CKR_OK && !is_user ? CKR_USER_NOT_LOGGED_IN : rv;
}

CK_RV p11_search(struct hufu_device *device, CK_SESSION_HANDLE session, struct p11_template *t, CK_OBJECT_HANDLE *objects,
                 size_t max, size_t *n)
{
	CK_OBJECT_HANDLE one;
	CK_ULONG got = 1;
	CK_RV rv = check_login(device, session);

	*n = 0;
	if (rv == CKR_OK)
		rv = P11_CALL(device->module, C_FindObjectsInit, session, t->list, t->n);
	if (rv != CKR_OK)
		return rv;
	while (rv == CKR_OK && got == 1 && *n <= max) {
		got = 0;
		rv = P11_CALL(device->module, C_FindObjects, session, &one, 1, &got);
		if (rv == CKR_OK && got == 1 && *n < max)
			objects[*n] = one;
		*n += rv == CKR_OK && got == 1;
	}
	CK_RV end = P11_CALL(device->module, C_FindObjectsFinal, session);
	return rv == CKR_OK ? end : rv;
}

/* -- public keys in ---------------------------------------------------------------------------- */

/* DER OCTET STRING (PKCS#11 3.1 6.3.3); no point takes 256 bytes. */
static size_t put_point(uint8_t *out, const uint8_t *prefix, size_t prefix_len, const uint8_t *point, size_t len)
{
	size_t at = 0, content = prefix_len + len;

	out[at++] = 0x04;
	if (content >= 0x80)
		out[at++] = 0x81;
	out[at++] = (uint8_t)content;
	if (prefix_len)
		memcpy(out + at, prefix, prefix_len);
	memcpy(out + at + prefix_len, point, len);
	return at + content;
}

static enum hufu_err sm2_template(const uint8_t *pub, size_t len, struct p11_public *out)
{
	static const uint8_t uncompressed[] = {0x04};

	if (len != SM2_POINT_LEN)
		return HUFU_ERR_KEY_VALUE;
	p11_add(&out->templ, CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN);
	p11_add(&out->templ, CKA_EC_POINT, out->bytes[0], put_point(out->bytes[0], uncompressed, 1, pub, len));
	return HUFU_OK;
}

static enum hufu_err curve_template(enum hufu_key_type type, const uint8_t *pub, size_t len, struct p11_public *out)
{
	struct curve_key key;
	enum hufu_err err = curve_read(type, pub, len, &key);

	if (err != HUFU_OK || key.public_len > CURVE_POINT_MAX)
		return HUFU_ERR_KEY_VALUE;
	p11_add(&out->templ, CKA_EC_PARAMS, key.curve->algorithm + key.curve->algorithm_len - key.curve->oid_len, key.curve->oid_len);
	p11_add(&out->templ, CKA_EC_POINT, out->bytes[0], put_point(out->bytes[0], NULL, 0, key.public, key.public_len));
	return HUFU_OK;
}

static size_t put_number(const BIGNUM *number, uint8_t *out, size_t cap)
{
	int len = BN_num_bytes(number);

	return len > 0 && (size_t)len <= cap ? (size_t)BN_bn2bin(number, out) : 0;
}

static enum hufu_err rsa_template(const uint8_t *pub, size_t len, struct p11_public *out)
{
	struct rsa_numbers numbers = {.nparts = 0};

	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPUBLIC);
	if (err == HUFU_OK)
		err = rsa_numbers_read(&numbers, pub, len);
	for (size_t i = 0; i < 2 && err == HUFU_OK; i++) {
		size_t bytes = put_number(numbers.part[i], out->bytes[i], sizeof(out->bytes[i]));
		p11_add(&out->templ, i ? CKA_PUBLIC_EXPONENT : CKA_MODULUS, out->bytes[i], bytes);
		if (!bytes)
			err = HUFU_ERR_KEY_VALUE;
	}
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

enum hufu_err p11_public_template(const struct hufu_device *device, enum hufu_key_type type, const uint8_t *pub, size_t len,
                                  struct p11_public *out)
{
	out->templ = (struct p11_template){.n = 0};
	enum hufu_err err = p11_add_key(&out->templ, device, type, false);
	if (err != HUFU_OK)
		return err;
	if (type == HUFU_KEY_SM2_PUBLIC)
		return sm2_template(pub, len, out);
	return type == HUFU_KEY_RSA_PUBLIC ? rsa_template(pub, len, out) : curve_template(type, pub, len, out);
}

/* -- public keys out ------------------------------------------------------------------------------ */

struct shown {
	struct hufu_device *device;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
};

static bool show(const struct shown *s, CK_ATTRIBUTE_TYPE type, uint8_t *out, size_t cap, size_t *len)
{
	return p11_get(s->device, s->session, s->object, type, out, cap, len) && *len > 0;
}

/* As a DER OCTET STRING, or bare as some modules show it. want: of the point. */
static const uint8_t *point_in(const uint8_t *bytes, size_t len, size_t want)
{
	if (len == want)
		return bytes;
	if (len == want + 2 && bytes[0] == 0x04 && bytes[1] == want && want < 0x80)
		return bytes + 2;
	return len == want + 3 && bytes[0] == 0x04 && bytes[1] == 0x81 && bytes[2] == want ? bytes + 3 : NULL;
}

static enum hufu_err sm2_of(const struct shown *s, uint8_t *pub, size_t *len)
{
	uint8_t bytes[80];
	size_t have;

	if (!show(s, CKA_EC_POINT, bytes, sizeof(bytes), &have))
		return HUFU_ERR_NO_KEY;
	const uint8_t *point = point_in(bytes, have, 1 + SM2_POINT_LEN);
	if (!point || point[0] != 0x04)
		return HUFU_ERR_CORRUPT;
	memcpy(pub, point + 1, *len = SM2_POINT_LEN);
	return HUFU_OK;
}

/* The curve's OID, or of Ed25519 the name that PKCS#11 3.1 6.3.5 has, too. */
static const struct curve *curve_of(enum hufu_key_type type, const uint8_t *params, size_t len)
{
	static const uint8_t name[] = "\x13\x0c" "edwards25519", oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
	bool named = len == sizeof(name) - 1 && memcmp(params, name, len) == 0;
	struct hufu_param_curve param = {named ? oid : params, named ? sizeof(oid) : len};
	struct hufu_op op = {.param = &param};
	const struct curve *curve;

	return curve_of_param(&op, type, &curve) == HUFU_OK ? curve : NULL;
}

static enum hufu_err curve_pub_of(const struct shown *s, enum hufu_key_type type, uint8_t *pub, size_t *len)
{
	uint8_t params[64], bytes[160], unused[HUFU_PUB_MAX];
	size_t params_len, have;

	if (!show(s, CKA_EC_PARAMS, params, sizeof(params), &params_len) || !show(s, CKA_EC_POINT, bytes, sizeof(bytes), &have))
		return HUFU_ERR_NO_KEY;
	const struct curve *curve = curve_of(type, params, params_len);
	if (!curve)
		return HUFU_ERR_UNSUPPORTED;
	size_t want = type == HUFU_KEY_EC_PRIVATE ? 1 + 2 * curve->len : curve->len;
	struct curve_key key = {.curve = curve, .public = point_in(bytes, have, want), .public_len = want};
	struct hufu_op op = {.out = unused, .out_cap = sizeof(unused), .pub = pub};
	enum hufu_err err = key.public ? curve_give(&op, &key) : HUFU_ERR_CORRUPT;
	*len = op.pub_len;
	return err;
}

static enum hufu_err rsa_pub_of(const struct shown *s, uint8_t *pub, size_t *len)
{
	uint8_t bytes[2][1032];
	size_t lens[2];
	struct rsa_numbers numbers = {.nparts = 0};

	for (size_t i = 0; i < 2; i++)
		if (!show(s, i ? CKA_PUBLIC_EXPONENT : CKA_MODULUS, bytes[i], sizeof(bytes[i]), &lens[i]))
			return HUFU_ERR_NO_KEY;
	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPUBLIC);
	for (size_t i = 0; i < 2 && err == HUFU_OK; i++)
		if (!BN_bin2bn(bytes[i], (int)lens[i], numbers.part[i]))
			err = HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = rsa_spki_len(&numbers) <= HUFU_PUB_MAX ? HUFU_OK : HUFU_ERR_UNSUPPORTED;
	if (err == HUFU_OK) {
		rsa_spki_write(&numbers, pub);
		*len = rsa_spki_len(&numbers);
	}
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

enum hufu_err p11_public_of(struct hufu_device *device, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            enum hufu_key_type private_type, uint8_t pub[HUFU_PUB_MAX], size_t *len)
{
	const struct shown s = {device, session, object};

	*len = 0;
	if (private_type == HUFU_KEY_SM2_PRIVATE)
		return sm2_of(&s, pub, len);
	return private_type == HUFU_KEY_RSA_PRIVATE ? rsa_pub_of(&s, pub, len) : curve_pub_of(&s, private_type, pub, len);
}
