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

/* -- hashes of RSA and ECDSA ------------------------------------------------ */

struct pk_hash {
	const char *name;
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
	CK_ULONG len;
	CK_MECHANISM_TYPE pkcs1, pss, ecdsa;
};

#define HASH(text, digest, name, len) \
	{text, CKM_##digest, CKG_MGF1_##name, len, CKM_##name##_RSA_PKCS, CKM_##name##_RSA_PKCS_PSS, CKM_ECDSA_##name}

static const struct pk_hash pk_hashes[] = {
	HASH("sha256", SHA256, SHA256, 32),       HASH("sha1", SHA_1, SHA1, 20),
	HASH("sha224", SHA224, SHA224, 28),       HASH("sha384", SHA384, SHA384, 48),
	HASH("sha512", SHA512, SHA512, 64),       HASH("sha3-224", SHA3_224, SHA3_224, 28),
	HASH("sha3-256", SHA3_256, SHA3_256, 32), HASH("sha3-384", SHA3_384, SHA3_384, 48),
	HASH("sha3-512", SHA3_512, SHA3_512, 64),
};
#define NHASHES (sizeof pk_hashes / sizeof *pk_hashes)

/* SHA-256 unless --hash names another. */
static enum status pk_hash(const struct args *args, const struct pk_hash **hash)
{
	const char *name = arg_get(args, "hash");

	for (size_t i = 0; i < NHASHES; i++)
		if (!strcmp(name ? name : "sha256", pk_hashes[i].name)) {
			*hash = &pk_hashes[i];
			return ST_OK;
		}
	return fail(ST_USAGE, "sha1, sha224, sha256, sha384, sha512, sha3-224, sha3-256, sha3-384 or sha3-512",
	            "unknown hash \"%s\"", name);
}

/* -- signatures ------------------------------------------------------------ */

static enum status usual_ecdsa(const struct session *s, const struct pk_hash *hash, struct mechanism *m)
{
	m->host_sha256 = hash->hash == CKM_SHA256 && !module_offers(&s->module, s->slot.id, hash->ecdsa, 0);
	m->ck.mechanism = m->host_sha256 ? CKM_ECDSA : hash->ecdsa;
	return ST_OK;
}

static enum status usual_signature(const struct args *args, const struct session *s, const struct object *key, struct mechanism *m)
{
	CK_KEY_TYPE type = key->kind ? key->kind->type : CK_UNAVAILABLE_INFORMATION;
	const struct pk_hash *hash = NULL;
	enum status status = pk_hash(args, &hash);

	if (status)
		return status;
	if (arg_has(args, "pss") && type != CKK_RSA)
		return fail(ST_USAGE, NULL, "--pss belongs to RSA keys");
	if (arg_has(args, "hash") && type != CKK_RSA && type != CKK_EC)
		return fail(ST_USAGE, "Keys of other types have a hash of their own.", "--hash belongs to RSA and EC keys");
	if (type == CKK_EC)
		return usual_ecdsa(s, hash, m);
	m->ck.mechanism = type == CKK_HUFU_SM2     ? arg_has(args, "raw") ? CKM_HUFU_SM2_SM3 : CKM_HUFU_SM2_SM3_DER
	                  : type == CKK_RSA        ? arg_has(args, "pss") ? hash->pss : hash->pkcs1
	                  : type == CKK_EC_EDWARDS ? CKM_EDDSA
	                                           : CK_UNAVAILABLE_INFORMATION;
	return ST_OK;
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

static bool is_ecdsa(CK_MECHANISM_TYPE mech)
{
	for (size_t i = 0; i < NHASHES; i++)
		if (mech == pk_hashes[i].ecdsa)
			return true;
	return mech == CKM_ECDSA;
}

/* A salt as long as the hash, as TLS 1.3 and openssl's digest length have it. */
static void pss_parameter(struct mechanism *m)
{
	for (size_t i = 0; i < NHASHES; i++)
		if (pk_hashes[i].pss == m->ck.mechanism) {
			m->param.pss = (CK_RSA_PKCS_PSS_PARAMS){pk_hashes[i].hash, pk_hashes[i].mgf, pk_hashes[i].len};
			parameter(m, &m->param.pss, sizeof m->param.pss);
		}
}

static enum status signature_parameter(const struct args *args, struct mechanism *m)
{
	if (m->ck.mechanism == CKM_HUFU_SM2_SM3 || m->ck.mechanism == CKM_HUFU_SM2_SM3_DER)
		return sm2_id(args, m);
	if (arg_has(args, "id"))
		return fail(ST_USAGE, NULL, "--id belongs to signatures of SM2 with SM3");
	if (m->ck.mechanism == CKM_RSA_PKCS_PSS)
		return fail(ST_USAGE, "--pss, with --hash, signs files.", "CKM_RSA_PKCS_PSS signs digests and does not say whose");
	pss_parameter(m);
	return ST_OK;
}

enum status mechanism_for_signature(const struct args *args, const struct session *s, const struct object *key, struct mechanism *m)
{
	bool named = arg_has(args, "mechanism");

	*m = (struct mechanism){.ck.mechanism = CK_UNAVAILABLE_INFORMATION};
	if (arg_has(args, "raw") && arg_has(args, "der"))
		return fail(ST_USAGE, NULL, "give --raw or --der, not both");
	if (named && (arg_has(args, "pss") || arg_has(args, "hash")))
		return fail(ST_USAGE, NULL, "give --mechanism, or --pss and --hash, not both");
	enum status status = named ? override(args, m) : usual_signature(args, s, key, m);
	if (status)
		return status;
	if (m->ck.mechanism == CK_UNAVAILABLE_INFORMATION)
		return fail(ST_USAGE, "Name a mechanism with -m; for secret keys there is hufu mac.",
		            "the tool does not know how keys of this type sign");
	m->raw_ecdsa = !arg_has(args, "raw") && is_ecdsa(m->ck.mechanism);
	return signature_parameter(args, m);
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
	bool usual = key->kind && key->kind->mac;

	*m = (struct mechanism){.ck.mechanism = usual ? key->kind->mac : CK_UNAVAILABLE_INFORMATION};
	enum status status = override(args, m);
	if (status)
		return status;
	if (m->ck.mechanism == CK_UNAVAILABLE_INFORMATION)
		return fail(ST_USAGE, "Name a mechanism with -m.", "the tool does not know how keys of this type make MACs");
	return m->ck.mechanism == CKM_HUFU_ZUC_EIA3 ? zuc(args, m) : ST_OK;
}

/* -- ciphers --------------------------------------------------------------- */

enum shape { NO_IV, BLOCK_IV, COUNTER, GCM, EEA3, OAEP };

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
	{CKK_RSA, "oaep", CKM_RSA_PKCS_OAEP, OAEP},
	{CKK_RSA, "pkcs1", CKM_RSA_PKCS, NO_IV},
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

/* name NULL: the first. */
static const struct mode *find_mode(CK_KEY_TYPE type, const char *name)
{
	for (size_t i = 0; i < NMODES; i++)
		if (modes[i].type == type && (!name || !strcmp(modes[i].name, name)))
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

static enum status oaep(const struct args *args, struct mechanism *m)
{
	const struct pk_hash *hash = NULL;
	enum status status = pk_hash(args, &hash);

	if (status)
		return status;
	if (m->iv_len)
		return fail(ST_USAGE, NULL, "RSA takes no --iv");
	m->param.oaep = (CK_RSA_PKCS_OAEP_PARAMS){.hashAlg = hash->hash, .mgf = hash->mgf, .source = CKZ_DATA_SPECIFIED};
	parameter(m, &m->param.oaep, sizeof m->param.oaep);
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
	case OAEP:
		return oaep(args, m);
	}
	return ST_USAGE;
}

#define LISTED "hufu help encrypt lists the modes and formats."

/* Public keys have --format, secret ones --mode; the first that a type has is the usual one, if it needs no IV. */
static enum status usual_cipher(const struct args *args, const struct object *key, struct mechanism *m)
{
	CK_KEY_TYPE type = key->kind ? key->kind->type : key->key_type;
	bool pair = key->kind && key->kind->pair;
	const char *option = pair ? "format" : "mode", *other = pair ? "mode" : "format", *name = arg_get(args, option);
	const char *kind = key->kind ? key->kind->name : "unknown";
	const struct mode *mode = find_mode(type, name);

	if (!find_mode(type, NULL))
		return fail(ST_USAGE, "sm4, aes, zuc, sm2 and rsa keys do.", "keys of type %s do not encrypt", kind);
	if (arg_has(args, other))
		return fail(ST_USAGE, LISTED, "a key of type %s takes --%s, not --%s", kind, option, other);
	if (!mode)
		return fail(ST_USAGE, LISTED, "a key of type %s has no %s \"%s\"", kind, option, name);
	m->ck.mechanism = mode->mech;
	return ST_OK;
}

enum status mechanism_for_cipher(const struct args *args, const struct object *key, struct mechanism *m)
{
	*m = (struct mechanism){.ck.mechanism = CK_UNAVAILABLE_INFORMATION};
	enum status status = arg_has(args, "mechanism") ? override(args, m) : usual_cipher(args, key, m);
	if (status == ST_OK)
		status = bytes_option(args, "iv", true, m->iv, sizeof m->iv, &m->iv_len);
	const struct mode *mode = find_mechanism(m->ck.mechanism);
	if (status == ST_OK && arg_has(args, "hash") && (!mode || mode->shape != OAEP))
		return fail(ST_USAGE, NULL, "--hash belongs to RSA's OAEP");
	if (status == ST_OK && mode)
		return shape_parameter(args, mode->shape, m);
	/* A mechanism the tool does not know: the IV, if any, is its parameter. */
	if (m->iv_len)
		parameter(m, m->iv, m->iv_len);
	return status;
}
