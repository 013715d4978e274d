/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/cipher.h"
#include "ossl/param.h"

#include <openssl/core_names.h>
#include <string.h>

#include "base/secret.h"

#define TLS_PARAMS OSSL_CIPHER_PARAM_TLS_VERSION, OSSL_CIPHER_PARAM_TLS_MAC_SIZE, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, \
	OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV

/* -- what a cipher is ------------------------------------------------------------------ */

static size_t iv_len_of(const struct cipher_kind *kind)
{
	switch (kind->mode) {
	case MODE_ECB: return 0;
	case MODE_GCM:
	case MODE_CCM: return 12;
	case MODE_CBC:
	case MODE_CTR:
	case MODE_OFB:
	case MODE_CFB: break;
	}
	return BLOCK_LEN;
}

static unsigned mode_number(const struct cipher_kind *kind)
{
	static const unsigned numbers[] = {
		[MODE_ECB] = EVP_CIPH_ECB_MODE, [MODE_CBC] = EVP_CIPH_CBC_MODE, [MODE_CTR] = EVP_CIPH_CTR_MODE,
		[MODE_OFB] = EVP_CIPH_OFB_MODE, [MODE_CFB] = EVP_CIPH_CFB_MODE, [MODE_GCM] = EVP_CIPH_GCM_MODE,
		[MODE_CCM] = EVP_CIPH_CCM_MODE,
	};
	return numbers[kind->mode];
}

static bool put_size(OSSL_PARAM params[], const char *name, size_t value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || param_set_size(p, value);
}

static bool put_int(OSSL_PARAM params[], const char *name, int value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || param_set_int(p, value);
}

static int get_kind(const struct cipher_kind *kind, OSSL_PARAM params[])
{
	OSSL_PARAM *mode = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_MODE);

	return (!mode || param_set_uint(mode, mode_number(kind))) &&
	       put_size(params, OSSL_CIPHER_PARAM_KEYLEN, kind->key_len) &&
	       put_size(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, cipher_pads(kind) ? BLOCK_LEN : 1) &&
	       put_size(params, OSSL_CIPHER_PARAM_IVLEN, iv_len_of(kind)) &&
	       put_int(params, OSSL_CIPHER_PARAM_AEAD, cipher_is_aead(kind)) &&
	       put_int(params, OSSL_CIPHER_PARAM_CUSTOM_IV, cipher_is_aead(kind)) && put_int(params, OSSL_CIPHER_PARAM_CTS, 0) &&
	       put_int(params, OSSL_CIPHER_PARAM_TLS1_MULTIBLOCK, 0) && put_int(params, OSSL_CIPHER_PARAM_HAS_RAND_KEY, 0);
}

static const OSSL_PARAM *gettable_kind(void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_MODE, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_AEAD, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_CUSTOM_IV, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_CTS, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_TLS1_MULTIBLOCK, NULL),
		OSSL_PARAM_int(OSSL_CIPHER_PARAM_HAS_RAND_KEY, NULL),
		OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

/* -- its life ---------------------------------------------------------------------- */

static void *new_context(void *provider, const struct cipher_kind *kind)
{
	struct cipher *c = secret_alloc(sizeof *c);

	if (!c)
		return NULL;
	c->provider = provider;
	c->kind = kind;
	c->padding = true;
	c->iv_len = kind->mode == MODE_CCM ? 7 : iv_len_of(kind);
	c->tag_len = kind->mode == MODE_CCM ? 12 : TAG_MAX;
	c->text_len = SIZE_MAX;
	return c;
}

static void free_context(void *arg)
{
	struct cipher *c = arg;

	if (!c)
		return;
	cipher_aead_reset(c);
	cipher_host_close(c);
	token_key_rele(c->token);
	secret_free(c);
}

static void *copy_context(void *arg)
{
	const struct cipher *from = arg;

	if (seat_is_kept(&from->seat)) {
		fail(from->provider, REASON_PARAMETER,
		     "%s: an encryption that a token has begun is not copied: one IV would serve two texts",
		     from->kind->name);
		return NULL;
	}
	struct cipher *to = secret_alloc(sizeof *to);
	if (!to)
		return NULL;
	*to = *from;
	to->host = NULL;
	to->aad = (struct octets){0};
	token_key_hold(to->token);
	if ((from->host && !cipher_host_copy(to, from)) || !octets_copy(&to->aad, &from->aad)) {
		free_context(to);
		return NULL;
	}
	return to;
}

/* -- parameters -------------------------------------------------------------------- */

static int refuse(const struct cipher *c, const char *name, const char *why)
{
	return fail(c->provider, REASON_PARAMETER, "%s: %s: %s", c->kind->name, name, why);
}

static int set_padding(struct cipher *c, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_PADDING);
	unsigned padding = 0;

	if (!p)
		return 1;
	if (!param_uint(p, &padding))
		return refuse(c, p->key, "0 or 1 is wanted");
	c->padding = padding != 0;
	return 1;
}

static int set_iv_len(struct cipher *c, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_IVLEN);
	size_t len = 0;

	if (!p || !cipher_is_aead(c->kind))
		return 1;
	bool good = param_size(p, &len) && (c->kind->mode == MODE_CCM ? len >= 7 && len <= 13 : len >= 1 && len <= IV_MAX);
	if (!good)
		return refuse(c, p->key, "GCM takes an IV of 1 to 128 bytes, CCM of 7 to 13");
	if (len != c->iv_len)
		c->have_iv = false;
	c->iv_len = len;
	return 1;
}

static bool tag_len_good(const struct cipher *c, size_t len)
{
	if (c->kind->mode == MODE_CCM)
		return len >= 4 && len <= TAG_MAX && len % 2 == 0;
	return len == 4 || len == 8 || (len >= 12 && len <= TAG_MAX); /* SP 800-38D 5.2.1.2 */
}

/* Without bytes it tells CCM's length; with them, what decryption has to find. */
static int set_tag(struct cipher *c, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	if (!p || !cipher_is_aead(c->kind))
		return 1;
	if (p->data_type != OSSL_PARAM_OCTET_STRING || !tag_len_good(c, p->data_size))
		return refuse(c, p->key, "GCM takes a tag of 4, 8 or 12 to 16 bytes, CCM of 4, 6, ... 16");
	if (p->data && c->encrypts)
		return refuse(c, p->key, "encryption makes it");
	if (!p->data && c->kind->mode == MODE_GCM)
		return refuse(c, p->key, "its bytes are wanted");
	c->tag_len = p->data_size;
	if (p->data) {
		memcpy(c->tag, p->data, p->data_size);
		c->have_tag = true;
	}
	return 1;
}

/* Records are libcrypto's business: a cipher that ignored these would send what nobody can read. */
static int refuse_tls(const struct cipher *c, const OSSL_PARAM params[])
{
	static const char *const names[] = {TLS_PARAMS};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (OSSL_PARAM_locate_const(params, names[i]))
			return refuse(c, names[i], "for TLS's records load the default provider before this one");
	return 1;
}

static int set_own(struct cipher *c, const OSSL_PARAM params[])
{
	const OSSL_PARAM *key_len = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_KEYLEN);
	const OSSL_PARAM *num = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_NUM);
	size_t len = c->kind->key_len;
	unsigned at = 0;

	if (num && (!param_uint(num, &at) || at != (cipher_pads(c->kind) ? 0 : c->held)))
		return refuse(c, num->key, "a text is taken up where it was left, nowhere else");
	if (key_len && (!param_size(key_len, &len) || len != c->kind->key_len))
		return refuse(c, key_len->key, "it is fixed");
	return set_padding(c, params) && set_iv_len(c, params) && set_tag(c, params) && refuse_tls(c, params);
}

static bool is_sm4(const struct cipher *c)
{
	return c->kind->key_type == CKK_HUFU_SM4;
}

/* What was set before the key was named goes on to be true. */
static void leave_host(struct cipher *c)
{
	unsigned padding = 1;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &padding), OSSL_PARAM_construct_end()};

	if (!c->host)
		return;
	c->iv_len = (size_t)EVP_CIPHER_CTX_get_iv_length(c->host);
	if (EVP_CIPHER_CTX_get_params(c->host, params))
		c->padding = padding != 0;
	cipher_host_close(c);
}

static int set_uri(struct cipher *c, const OSSL_PARAM params[])
{
	struct token_key *before = c->token;

	if (!token_key_param(c->provider, params, &c->token))
		return 0;
	if (c->token == before)
		return 1;
	size_t len = token_key_len(c->token);
	if (token_key_type(c->token) != c->kind->key_type || (len && len != c->kind->key_len)) {
		token_key_rele(c->token);
		c->token = NULL;
		return fail(c->provider, REASON_KEY_TYPE, "%s: the key that " PARAM_URI " names is of another type or length",
		            c->kind->name);
	}
	leave_host(c);
	c->have_key = false;
	secret_wipe(&c->sm4, sizeof c->sm4);
	return 1;
}

static int set_params(void *arg, const OSSL_PARAM params[])
{
	struct cipher *c = arg;

	if (!params || !params->key)
		return 1;
	if (!set_uri(c, params))
		return 0;
	if (c->token || is_sm4(c))
		return set_own(c, params);
	if (!c->host && !cipher_host_open(c))
		return 0;
	return EVP_CIPHER_CTX_set_params(c->host, params) ? 1 : refuse(c, params->key, "libcrypto's cipher refused");
}

static const OSSL_PARAM *settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(PARAM_URI, NULL, 0),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_USE_BITS, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_TLS_VERSION, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_TLS_MAC_SIZE, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static bool put_octets(OSSL_PARAM params[], const char *name, const uint8_t *octets, size_t len)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_octet_string(p, octets, len) || OSSL_PARAM_set_octet_ptr(p, octets, len);
}

/* As many bytes of it as are asked for; once an encryption has made it. */
static int get_tag(const struct cipher *c, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_AEAD_TAG);

	if (!p)
		return 1;
	if (!c->encrypts || !c->have_tag || !p->data_size || p->data_size > c->tag_len)
		return refuse(c, p->key,
		              "an encryption that is finished has one: 16 bytes of GCM's, as many of CCM's as were said before");
	return OSSL_PARAM_set_octet_string(p, c->tag, p->data_size);
}

static int get_own(const struct cipher *c, OSSL_PARAM params[])
{
	bool aead = cipher_is_aead(c->kind);
	OSSL_PARAM *padding = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_PADDING);
	OSSL_PARAM *num = OSSL_PARAM_locate(params, OSSL_CIPHER_PARAM_NUM);

	return put_size(params, OSSL_CIPHER_PARAM_KEYLEN, c->kind->key_len) &&
	       put_size(params, OSSL_CIPHER_PARAM_IVLEN, c->iv_len) &&
	       (!padding || param_set_uint(padding, c->padding)) &&
	       (!num || param_set_uint(num, cipher_pads(c->kind) ? 0 : (unsigned)c->held)) &&
	       put_octets(params, OSSL_CIPHER_PARAM_IV, c->first_iv, c->iv_len) &&
	       put_octets(params, OSSL_CIPHER_PARAM_UPDATED_IV, aead ? c->first_iv : c->iv, c->iv_len) &&
	       put_size(params, OSSL_CIPHER_PARAM_AEAD_TAGLEN, c->tag_len) && get_tag(c, params);
}

static int get_params(void *arg, OSSL_PARAM params[])
{
	const struct cipher *c = arg;

	return c->host ? EVP_CIPHER_CTX_get_params(c->host, params) : get_own(c, params);
}

static const OSSL_PARAM *gettable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
		OSSL_PARAM_uint(OSSL_CIPHER_PARAM_NUM, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_IV, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_UPDATED_IV, NULL, 0),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TAGLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, 0),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD, NULL),
		OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_GET_IV_GEN, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_CIPHER_PARAM_TLS_MAC, OSSL_PARAM_OCTET_PTR, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

/* -- beginning ------------------------------------------------------------------------- */

static int take_iv(struct cipher *c, const uint8_t *iv, size_t len)
{
	if (c->kind->mode == MODE_ECB)
		return 1;
	if (!len || len > IV_MAX || (c->kind->mode != MODE_GCM && len != c->iv_len))
		return fail(c->provider, REASON_PARAMETER, "%s: an IV of %zu bytes", c->kind->name, len);
	c->iv_len = len;
	memcpy(c->first_iv, iv, len);
	c->have_iv = true;
	return 1;
}

/* Where none is given the first one comes again, as in the default provider; not with GCM and CCM, and not with CTR. */
static void start_over(struct cipher *c, bool new_iv)
{
	bool again = c->kind->mode == MODE_CBC || c->kind->mode == MODE_CFB || c->kind->mode == MODE_OFB;

	c->held = 0;
	if (c->have_iv && !cipher_is_aead(c->kind) && (new_iv || again))
		memcpy(c->iv, c->first_iv, BLOCK_LEN);
}

static int take_key(struct cipher *c, const uint8_t *key, size_t len)
{
	if (len != c->kind->key_len)
		return fail(c->provider, REASON_PARAMETER, "%s: a key of %zu bytes", c->kind->name, len);
	token_key_rele(c->token);
	c->token = NULL;
	if (!is_sm4(c))
		return c->host || cipher_host_open(c);
	sm4_key_init(&c->sm4, key);
	c->have_key = true;
	return 1;
}

static int init_own(struct cipher *c, const uint8_t *key, const uint8_t *iv, size_t iv_len, const OSSL_PARAM params[])
{
	if (cipher_is_aead(c->kind) && (key || iv)) {
		bool used = c->begun || c->done;

		cipher_aead_reset(c);
		if (used && !iv)
			c->have_iv = false;
		if (c->encrypts || used)
			c->have_tag = false;
	}
	/* before the IV, whose length they may tell */
	if ((params && !set_own(c, params)) || (iv && !take_iv(c, iv, iv_len)))
		return 0;
	start_over(c, iv != NULL);
	return 1;
}

static int init(struct cipher *c, bool encrypts, const uint8_t *key, size_t key_len, const uint8_t *iv, size_t iv_len,
                const OSSL_PARAM params[])
{
	c->encrypts = encrypts;
	if ((key && !take_key(c, key, key_len)) || !set_uri(c, params))
		return 0;
	if (c->token || is_sm4(c))
		return init_own(c, key, iv, iv_len, params);
	if (!c->host && !cipher_host_open(c))
		return 0;
	return cipher_host_init(c, key, iv, iv_len, params);
}

static int begin_encrypt(void *c, const unsigned char *key, size_t key_len, const unsigned char *iv, size_t iv_len,
                         const OSSL_PARAM params[])
{
	return init(c, true, key, key_len, iv, iv_len, params);
}

static int begin_decrypt(void *c, const unsigned char *key, size_t key_len, const unsigned char *iv, size_t iv_len,
                         const OSSL_PARAM params[])
{
	return init(c, false, key, key_len, iv, iv_len, params);
}

/* -- at work ------------------------------------------------------------------------- */

static int is_ready(const struct cipher *c)
{
	if (!c->token && !c->have_key)
		return fail(c->provider, REASON_PARAMETER, "%s: a key is wanted, or " PARAM_URI " of one in a token",
		            c->kind->name);
	if (c->iv_len && !c->have_iv)
		return fail(c->provider, REASON_PARAMETER, "%s: an IV is wanted, another one for each text", c->kind->name);
	return 1;
}

static int update(void *arg, unsigned char *out, size_t *out_len, size_t room, const unsigned char *in, size_t len)
{
	struct cipher *c = arg;

	if (c->host)
		return cipher_host_update(c, out, out_len, in, len);
	if (!is_ready(c))
		return 0;
	if (cipher_is_aead(c->kind))
		return cipher_aead_update(c, out, out_len, room, in, len);
	return cipher_pads(c->kind) ? cipher_block_update(c, out, out_len, room, in, len) :
	                              cipher_stream_update(c, out, out_len, room, in, len);
}

static int final(void *arg, unsigned char *out, size_t *out_len, size_t room)
{
	struct cipher *c = arg;

	if (c->host)
		return cipher_host_final(c, out, out_len);
	if (!is_ready(c))
		return 0;
	*out_len = 0;
	if (cipher_is_aead(c->kind))
		return cipher_aead_final(c);
	return cipher_pads(c->kind) ? cipher_block_final(c, out, out_len, room) : 1;
}

/* EVP_Cipher: without padding, whole blocks; for GCM and CCM as update, and final where in is NULL. */
static int once(void *arg, unsigned char *out, size_t *out_len, size_t room, const unsigned char *in, size_t len)
{
	struct cipher *c = arg;

	if (c->host)
		return cipher_host_once(c, out, out_len, in, len);
	if (!in && cipher_is_aead(c->kind))
		return final(c, out, out_len, room);
	if (!is_ready(c) || !cipher_pads(c->kind))
		return update(c, out, out_len, room, in, len);
	if (len % BLOCK_LEN || room < len)
		return fail(c->provider, REASON_INPUT, "%s: whole blocks, and room for as many, are wanted", c->kind->name);
	*out_len = len;
	return cipher_blocks(c, in, out, len / BLOCK_LEN);
}

/* -- the table ----------------------------------------------------------------------- */

#define CIPHER(id, text, mode_, type, len, mechanism_) \
	static const struct cipher_kind id##_kind = {text, mode_, type, len, mechanism_}; \
	static void *new_##id(void *provider) { return new_context(provider, &id##_kind); } \
	static int get_##id(OSSL_PARAM params[]) { return get_kind(&id##_kind, params); } \
	static const OSSL_DISPATCH id##_functions[] = { \
		FUNCTION(OSSL_FUNC_CIPHER_NEWCTX, new_##id), \
		FUNCTION(OSSL_FUNC_CIPHER_FREECTX, free_context), \
		FUNCTION(OSSL_FUNC_CIPHER_DUPCTX, copy_context), \
		FUNCTION(OSSL_FUNC_CIPHER_ENCRYPT_INIT, begin_encrypt), \
		FUNCTION(OSSL_FUNC_CIPHER_DECRYPT_INIT, begin_decrypt), \
		FUNCTION(OSSL_FUNC_CIPHER_UPDATE, update), \
		FUNCTION(OSSL_FUNC_CIPHER_FINAL, final), \
		FUNCTION(OSSL_FUNC_CIPHER_CIPHER, once), \
		FUNCTION(OSSL_FUNC_CIPHER_GET_PARAMS, get_##id), \
		FUNCTION(OSSL_FUNC_CIPHER_GETTABLE_PARAMS, gettable_kind), \
		FUNCTION(OSSL_FUNC_CIPHER_SET_CTX_PARAMS, set_params), \
		FUNCTION(OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, settable_params), \
		FUNCTION(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, get_params), \
		FUNCTION(OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, gettable_params), \
		END_OF_FUNCTIONS, \
	};

#define SM4(id, text, mode, mechanism) CIPHER(sm4_##id, text, mode, CKK_HUFU_SM4, SM4_KEY_LEN, mechanism)
SM4(ecb, "SM4-ECB", MODE_ECB, CKM_HUFU_SM4_ECB)
SM4(cbc, "SM4-CBC", MODE_CBC, CKM_HUFU_SM4_CBC)
SM4(ctr, "SM4-CTR", MODE_CTR, CKM_HUFU_SM4_CTR)
SM4(ofb, "SM4-OFB", MODE_OFB, CKM_HUFU_SM4_OFB)
SM4(cfb, "SM4-CFB", MODE_CFB, CKM_HUFU_SM4_CFB128)
SM4(gcm, "SM4-GCM", MODE_GCM, CKM_HUFU_SM4_GCM)
SM4(ccm, "SM4-CCM", MODE_CCM, CKM_HUFU_SM4_CCM)

#define AES(bits) \
	CIPHER(aes##bits##_ecb, "AES-" #bits "-ECB", MODE_ECB, CKK_AES, bits / 8, CKM_AES_ECB) \
	CIPHER(aes##bits##_cbc, "AES-" #bits "-CBC", MODE_CBC, CKK_AES, bits / 8, CKM_AES_CBC) \
	CIPHER(aes##bits##_ctr, "AES-" #bits "-CTR", MODE_CTR, CKK_AES, bits / 8, CKM_AES_CTR) \
	CIPHER(aes##bits##_gcm, "AES-" #bits "-GCM", MODE_GCM, CKK_AES, bits / 8, CKM_AES_GCM) \
	CIPHER(aes##bits##_ccm, "AES-" #bits "-CCM", MODE_CCM, CKK_AES, bits / 8, CKM_AES_CCM)
AES(128)
AES(192)
AES(256)

#define ON_HOST_TEXT "SM4, on this host or with a token's key"
#define IN_TOKEN_TEXT "AES, with a token's key"
#define AES_ROWS(bits, ecb, cbc, gcm, ccm) \
	ALGORITHM("AES-" #bits "-ECB:" ecb, aes##bits##_ecb_functions, IN_TOKEN_TEXT), \
	ALGORITHM("AES-" #bits "-CBC:AES" #bits ":" cbc, aes##bits##_cbc_functions, IN_TOKEN_TEXT), \
	ALGORITHM("AES-" #bits "-CTR", aes##bits##_ctr_functions, IN_TOKEN_TEXT), \
	ALGORITHM("AES-" #bits "-GCM:id-aes" #bits "-GCM:" gcm, aes##bits##_gcm_functions, IN_TOKEN_TEXT), \
	ALGORITHM("AES-" #bits "-CCM:id-aes" #bits "-CCM:" ccm, aes##bits##_ccm_functions, IN_TOKEN_TEXT)

/* The names are the default provider's. */
const OSSL_ALGORITHM cipher_algorithms[] = {
	ALGORITHM("SM4-ECB:1.2.156.10197.1.104.1", sm4_ecb_functions, ON_HOST_TEXT),
	ALGORITHM("SM4-CBC:SM4:1.2.156.10197.1.104.2", sm4_cbc_functions, ON_HOST_TEXT),
	ALGORITHM("SM4-CTR:1.2.156.10197.1.104.7", sm4_ctr_functions, ON_HOST_TEXT),
	ALGORITHM("SM4-OFB:SM4-OFB128:1.2.156.10197.1.104.3", sm4_ofb_functions, ON_HOST_TEXT),
	ALGORITHM("SM4-CFB:SM4-CFB128:1.2.156.10197.1.104.4", sm4_cfb_functions, ON_HOST_TEXT),
	ALGORITHM("SM4-GCM:1.2.156.10197.1.104.8", sm4_gcm_functions, ON_HOST_TEXT),
	ALGORITHM("SM4-CCM:1.2.156.10197.1.104.9", sm4_ccm_functions, ON_HOST_TEXT),
	AES_ROWS(128, "2.16.840.1.101.3.4.1.1", "2.16.840.1.101.3.4.1.2", "2.16.840.1.101.3.4.1.6", "2.16.840.1.101.3.4.1.7"),
	AES_ROWS(192, "2.16.840.1.101.3.4.1.21", "2.16.840.1.101.3.4.1.22", "2.16.840.1.101.3.4.1.26", "2.16.840.1.101.3.4.1.27"),
	AES_ROWS(256, "2.16.840.1.101.3.4.1.41", "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.46", "2.16.840.1.101.3.4.1.47"),
	{NULL, NULL, NULL, NULL},
};
