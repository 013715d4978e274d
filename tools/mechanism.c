/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/mechanism.h"
#include "tools/report.h"

#include <string.h>

enum status bytes_option(const struct args *args, const char *name, bool hex_only, unsigned char *out, size_t cap, size_t *len)
{
	const char *text = arg_get(args, name);
	bool prefixed = text && !strncmp(text, "hex:", 4);

	*len = 0;
	if (!text)
		return ST_OK;
	if (hex_only || prefixed) {
		text += prefixed ? 4 : 0;
		return hex_decode(text, strlen(text), out, cap, len)
		               ? ST_OK
		               : fail(ST_USAGE, NULL, "--%s takes at most %zu bytes in hexadecimal", name, cap);
	}
	*len = strlen(text);
	if (*len > cap)
		return fail(ST_USAGE, NULL, "--%s is longer than %zu bytes", name, cap);
	memcpy(out, text, *len);
	return ST_OK;
}

static enum status override(const struct args *args, struct mechanism *m)
{
	const char *text = arg_get(args, "mechanism");

	if (text && !mech_parse(text, &m->ck.mechanism))
		return fail(ST_USAGE, "hufu mech list shows what the token offers; a number such as 0xc8554605 will do.",
		            "unknown mechanism \"%s\"", text);
	return ST_OK;
}

static void parameter(struct mechanism *m, void *param, CK_ULONG len)
{
	m->ck.pParameter = param;
	m->ck.ulParameterLen = len;
}

/* -- signatures ------------------------------------------------------------ */

static CK_MECHANISM_TYPE usual_signature(const struct session *s, const struct object *key, bool raw, struct mechanism *m)
{
	switch (key->kind ? key->kind->type : CK_UNAVAILABLE_INFORMATION) {
	case CKK_HUFU_SM2:
		return raw ? CKM_HUFU_SM2_SM3 : CKM_HUFU_SM2_SM3_DER;
	case CKK_RSA:
		return CKM_SHA256_RSA_PKCS;
	case CKK_EC:
		m->host_sha256 = !module_offers(&s->module, s->slot.id, CKM_ECDSA_SHA256, 0);
		return m->host_sha256 ? CKM_ECDSA : CKM_ECDSA_SHA256;
	default:
		return CK_UNAVAILABLE_INFORMATION;
	}
}

static enum status sm2_id(const struct args *args, struct mechanism *m)
{
	enum status status = bytes_option(args, "id", false, m->id, sizeof m->id, &m->id_len);

	if (status == ST_OK && arg_has(args, "id")) {
		m->param.sm2 = (CK_HUFU_SM2_SM3_PARAMS){m->id, m->id_len};
		parameter(m, &m->param.sm2, sizeof m->param.sm2);
	}
	return status;
}

static const struct {
	CK_MECHANISM_TYPE mech, hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_ULONG salt;
} pss[] = {
	{CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, 20},
	{CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32},
	{CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 48},
	{CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 64},
};

enum status mechanism_for_signature(const struct args *args, const struct session *s, const struct object *key, struct mechanism *m)
{
	bool raw = arg_has(args, "raw");

	*m = (struct mechanism){0};
	if (raw && arg_has(args, "der"))
		return fail(ST_USAGE, NULL, "give --raw or --der, not both");
	m->ck.mechanism = usual_signature(s, key, raw, m);
	enum status status = override(args, m);
	if (status)
		return status;
	if (m->ck.mechanism == CK_UNAVAILABLE_INFORMATION)
		return fail(ST_USAGE, "Name a mechanism with -m; for secret keys there is hufu mac.",
		            "the tool does not know how keys of this type sign");
	m->host_sha256 = m->host_sha256 && !arg_has(args, "mechanism");
	m->raw_ecdsa = !raw &&
	               (m->ck.mechanism == CKM_ECDSA || (m->ck.mechanism >= CKM_ECDSA_SHA1 && m->ck.mechanism <= CKM_ECDSA_SHA512));
	if (m->ck.mechanism == CKM_HUFU_SM2_SM3 || m->ck.mechanism == CKM_HUFU_SM2_SM3_DER)
		return sm2_id(args, m);
	for (size_t i = 0; i < sizeof pss / sizeof *pss; i++)
		if (pss[i].mech == m->ck.mechanism) {
			m->param.pss = (CK_RSA_PKCS_PSS_PARAMS){pss[i].hash, pss[i].mgf, pss[i].salt};
			parameter(m, &m->param.pss, sizeof m->param.pss);
		}
	return arg_has(args, "id") ? fail(ST_USAGE, NULL, "--id belongs to signatures of SM2 with SM3") : ST_OK;
}

/* -- ZUC ------------------------------------------------------------------- */

static enum status zuc(const struct args *args, struct mechanism *m)
{
	unsigned long count, bearer, direction, bits;

	/* COUNT is the IV: there is no safe default (GM/T 0001.2 5.2). */
	if (!arg_has(args, "count"))
		return fail(ST_USAGE, "--count N [--bearer N] [--direction N]",
		            "ZUC needs a COUNT that was never used with this key");
	enum status status = arg_number(args, "count", 0, 0xffffffff, 0, &count);
	if (status == ST_OK)
		status = arg_number(args, "bearer", 0, 31, 0, &bearer);
	if (status == ST_OK)
		status = arg_number(args, "direction", 0, 1, 0, &direction);
	if (status == ST_OK)
		status = arg_number(args, "bits", 1, (unsigned long)-1, 0, &bits);
	if (status)
		return status;
	m->param.zuc = (CK_HUFU_ZUC_PARAMS){count, bearer, direction, bits};
	parameter(m, &m->param.zuc, sizeof m->param.zuc);
	return ST_OK;
}

enum status mechanism_for_mac(const struct args *args, const struct object *key, struct mechanism *m)
{
	static const struct {
		CK_KEY_TYPE type;
		CK_MECHANISM_TYPE mech;
	} usual[] = {
		{CKK_HUFU_SM3_HMAC, CKM_HUFU_SM3_HMAC},
		{CKK_HUFU_ZUC, CKM_HUFU_ZUC_EIA3},
		{CKK_GENERIC_SECRET, CKM_HUFU_SM3_HMAC},
		{CKK_AES, CKM_AES_CMAC},
	};

	*m = (struct mechanism){.ck.mechanism = CK_UNAVAILABLE_INFORMATION};
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (usual[i].type == key->key_type)
			m->ck.mechanism = usual[i].mech;
	enum status status = override(args, m);
	if (status)
		return status;
	if (m->ck.mechanism == CK_UNAVAILABLE_INFORMATION)
		return fail(ST_USAGE, "Name a mechanism with -m.", "the tool does not know how keys of this type make MACs");
	return m->ck.mechanism == CKM_HUFU_ZUC_EIA3 ? zuc(args, m) : ST_OK;
}

/* -- ciphers --------------------------------------------------------------- */

enum shape { NO_IV, BLOCK_IV, COUNTER, GCM, EEA3 };

static const struct mode {
	CK_KEY_TYPE type;
	const char *name;
	CK_MECHANISM_TYPE mech;
	enum shape shape;
} modes[] = {
	{CKK_HUFU_SM4, "gcm", CKM_HUFU_SM4_GCM, GCM},
	{CKK_HUFU_SM4, "cbc", CKM_HUFU_SM4_CBC_PAD, BLOCK_IV},
	{CKK_HUFU_SM4, "cbc-nopad", CKM_HUFU_SM4_CBC, BLOCK_IV},
	{CKK_HUFU_SM4, "ctr", CKM_HUFU_SM4_CTR, COUNTER},
	{CKK_HUFU_SM4, "cfb", CKM_HUFU_SM4_CFB128, BLOCK_IV},
	{CKK_HUFU_SM4, "ofb", CKM_HUFU_SM4_OFB, BLOCK_IV},
	{CKK_HUFU_SM4, "ecb", CKM_HUFU_SM4_ECB, NO_IV},
	{CKK_HUFU_ZUC, "eea3", CKM_HUFU_ZUC_EEA3, EEA3},
	{CKK_HUFU_SM2, "der", CKM_HUFU_SM2_ENC_DER, NO_IV},
	{CKK_HUFU_SM2, "c1c3c2", CKM_HUFU_SM2_C1C3C2, NO_IV},
	{CKK_HUFU_SM2, "c1c2c3", CKM_HUFU_SM2_C1C2C3, NO_IV},
	{CKK_AES, "gcm", CKM_AES_GCM, GCM},
	{CKK_AES, "cbc", CKM_AES_CBC_PAD, BLOCK_IV},
	{CKK_AES, "cbc-nopad", CKM_AES_CBC, BLOCK_IV},
	{CKK_AES, "ctr", CKM_AES_CTR, COUNTER},
	{CKK_AES, "cfb", CKM_AES_CFB128, BLOCK_IV},
	{CKK_AES, "ofb", CKM_AES_OFB, BLOCK_IV},
	{CKK_AES, "ecb", CKM_AES_ECB, NO_IV},
};
#define NMODES (sizeof modes / sizeof *modes)

CK_MECHANISM_TYPE mechanism_gcm(const struct object *key)
{
	return key->key_type == CKK_HUFU_SM4 ? CKM_HUFU_SM4_GCM
	       : key->key_type == CKK_AES    ? CKM_AES_GCM
	                                     : CK_UNAVAILABLE_INFORMATION;
}

static const struct mode *find_mode(CK_KEY_TYPE type, const char *name)
{
	for (size_t i = 0; i < NMODES; i++)
		if (modes[i].type == type && !strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

static const struct mode *find_mechanism(CK_MECHANISM_TYPE mech)
{
	for (size_t i = 0; i < NMODES; i++)
		if (modes[i].mech == mech)
			return &modes[i];
	return NULL;
}

static enum status block_iv(struct mechanism *m)
{
	if (m->iv_len != 16)
		return fail(ST_USAGE,
		            "For example --iv $(hufu random 16); keep it with the ciphertext, and never use it twice with one key.",
		            "this mode needs an IV of 16 bytes: --iv and 32 hexadecimal digits");
	parameter(m, m->iv, 16);
	return ST_OK;
}

static enum status counter(struct mechanism *m)
{
	enum status status = block_iv(m);

	m->param.ctr.ulCounterBits = 128; /* as openssl enc counts */
	memcpy(m->param.ctr.cb, m->iv, sizeof m->param.ctr.cb);
	parameter(m, &m->param.ctr, sizeof m->param.ctr);
	return status;
}

static enum status gcm(const struct args *args, struct mechanism *m)
{
	enum status status = bytes_option(args, "aad", false, m->aad, sizeof m->aad, &m->aad_len);

	if (status)
		return status;
	if (m->iv_len == 0)
		return fail(ST_USAGE,
		            "For example --iv $(hufu random 12); keep it with the ciphertext, and never use it twice with one key.",
		            "gcm needs an IV, best of 12 bytes: --iv and 24 hexadecimal digits");
	m->param.gcm = (CK_GCM_PARAMS){.pIv = m->iv,
	                               .ulIvLen = m->iv_len,
	                               .ulIvBits = 8 * m->iv_len,
	                               .pAAD = m->aad_len ? m->aad : NULL,
	                               .ulAADLen = m->aad_len,
	                               .ulTagBits = 128};
	parameter(m, &m->param.gcm, sizeof m->param.gcm);
	return ST_OK;
}

static enum status shape_parameter(const struct args *args, enum shape shape, struct mechanism *m)
{
	switch (shape) {
	case NO_IV:
		return m->iv_len ? fail(ST_USAGE, NULL, "this mode takes no --iv") : ST_OK;
	case BLOCK_IV:
		return block_iv(m);
	case COUNTER:
		return counter(m);
	case GCM:
		return gcm(args, m);
	case EEA3:
		return zuc(args, m);
	}
	return ST_USAGE;
}

enum status mechanism_for_cipher(const struct args *args, const struct object *key, struct mechanism *m)
{
	CK_KEY_TYPE type = key->kind ? key->kind->type : key->key_type;
	const char *name = arg_get(args, type == CKK_HUFU_SM2 ? "format" : "mode");

	*m = (struct mechanism){.ck.mechanism = CK_UNAVAILABLE_INFORMATION};
	if (!name)
		name = type == CKK_HUFU_SM2 ? "der" : type == CKK_HUFU_ZUC ? "eea3" : "";
	const struct mode *mode = find_mode(type, name);
	if (mode)
		m->ck.mechanism = mode->mech;
	enum status status = override(args, m);
	if (status == ST_OK && m->ck.mechanism == CK_UNAVAILABLE_INFORMATION)
		return fail(ST_USAGE, "hufu help encrypt lists the modes.", "a key of type %s has no mode \"%s\"",
		            key->kind ? key->kind->name : "unknown", name);
	if (status == ST_OK)
		status = bytes_option(args, "iv", true, m->iv, sizeof m->iv, &m->iv_len);
	mode = find_mechanism(m->ck.mechanism);
	if (status == ST_OK && mode)
		return shape_parameter(args, mode->shape, m);
	/* A mechanism the tool does not know: the IV, if any, is its parameter. */
	if (m->iv_len)
		parameter(m, m->iv, m->iv_len);
	return status;
}
