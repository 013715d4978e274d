/* SPDX-License-Identifier: Apache-2.0 */
/* ECDH (SEC 1 6.1), X25519 and X448 (RFC 7748), with the parameters of the default provider. */
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/kdf.h"
#include "ossl/hash_name.h"
#include "ossl/keyexch.h"
#include "ossl/octets.h"
#include "ossl/param.h"

#define POINT_MAX (1 + 2 * 66)          /* P-521's */
#define UKM_MAX 65536
#define KDF_LEN_MAX 65536               /* of a derived key; the function itself could give 2^32 blocks */

struct ecdh {
	const struct provider *provider;
	struct key *key, *peer;
	int cofactor_mode;              /* without an effect: the curves' cofactors are 1 */
	bool x963;
	enum hash_id kdf_hash;
	size_t kdf_len;
	struct octets ukm;
};

/* -- its life ---------------------------------------------------------------------- */

static void *new_context(void *provider)
{
	struct ecdh *ctx = calloc(1, sizeof *ctx);

	if (ctx)
		ctx->provider = provider;
	return ctx;
}

static void free_context(void *arg)
{
	struct ecdh *ctx = arg;

	if (!ctx)
		return;
	key_rele(ctx->key);
	key_rele(ctx->peer);
	octets_clear(&ctx->ukm);
	free(ctx);
}

static void *copy_context(void *arg)
{
	const struct ecdh *from = arg;
	struct ecdh *to = malloc(sizeof *to);

	if (!to)
		return NULL;
	*to = *from;
	if (!octets_copy(&to->ukm, &from->ukm)) {
		free(to);
		return NULL;
	}
	if (to->key)
		key_hold(to->key);
	if (to->peer)
		key_hold(to->peer);
	return to;
}

/* -- parameters -------------------------------------------------------------------- */

static int set_cofactor_mode(struct ecdh *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
	int mode = 0;

	if (!p)
		return 1;
	if (!param_int(p, &mode) || mode < -1 || mode > 1)
		return fail(ctx->provider, REASON_PARAMETER, "%s: -1, 0 or 1 is wanted", p->key);
	ctx->cofactor_mode = mode == 1;
	return 1;
}

static int set_kdf(struct ecdh *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
	char name[32];

	if (!p)
		return 1;
	if (!param_text(p, name, sizeof name) || (*name && strcmp(name, OSSL_KDF_NAME_X963KDF) != 0))
		return fail(ctx->provider, REASON_PARAMETER, "%s: nothing or %s is wanted", p->key, OSSL_KDF_NAME_X963KDF);
	ctx->x963 = *name;
	return 1;
}

static int set_kdf_len(struct ecdh *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
	size_t len = 0;

	if (!p)
		return 1;
	if (!param_size(p, &len) || len > KDF_LEN_MAX)
		return fail(ctx->provider, REASON_PARAMETER, "%s: at most %d bytes", p->key, KDF_LEN_MAX);
	ctx->kdf_len = len;
	return 1;
}

static int set_params(void *arg, const OSSL_PARAM params[])
{
	struct ecdh *ctx = arg;

	if (!params)
		return 1;
	return set_cofactor_mode(ctx, params) && set_kdf(ctx, params) &&
	       hash_param(ctx->provider, params, OSSL_EXCHANGE_PARAM_KDF_DIGEST, &ctx->kdf_hash) && set_kdf_len(ctx, params) &&
	       octets_param(ctx->provider, params, OSSL_EXCHANGE_PARAM_KDF_UKM, UKM_MAX, &ctx->ukm);
}

static const OSSL_PARAM *settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
		OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static int get_params(void *arg, OSSL_PARAM params[])
{
	const struct ecdh *ctx = arg;
	OSSL_PARAM *mode = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
	OSSL_PARAM *kdf = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
	OSSL_PARAM *hash = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
	OSSL_PARAM *len = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
	OSSL_PARAM *ukm = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM);

	return (!mode || param_set_int(mode, ctx->cofactor_mode)) &&
	       (!kdf || OSSL_PARAM_set_utf8_string(kdf, ctx->x963 ? OSSL_KDF_NAME_X963KDF : "")) &&
	       (!hash || OSSL_PARAM_set_utf8_string(hash, hash_provider_name(ctx->kdf_hash))) &&
	       (!len || param_set_size(len, ctx->kdf_len)) &&
	       (!ukm || OSSL_PARAM_set_octet_ptr(ukm, ctx->ukm.data, ctx->ukm.len));
}

static const OSSL_PARAM *gettable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
		OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
		OSSL_PARAM_DEFN(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

/* -- at work ------------------------------------------------------------------------- */

static bool agrees(enum key_kind kind)
{
	return kind == KEY_EC || kind == KEY_X25519 || kind == KEY_X448;
}

static int begin(void *arg, void *key_arg, const OSSL_PARAM params[])
{
	struct ecdh *ctx = arg;
	struct key *key = key_arg;

	if (!key || !agrees(key->kind) || !key_is_private(key))
		return fail(ctx->provider, REASON_KEY_TYPE, "key agreement: a private key of EC, X25519 or X448 is wanted");
	key_rele(ctx->key);
	ctx->key = key_hold(key);
	return set_params(ctx, params);
}

static int set_peer(void *arg, void *key_arg)
{
	struct ecdh *ctx = arg;
	struct key *peer = key_arg;

	if (!ctx->key || !peer || !peer->spki || peer->kind != ctx->key->kind || peer->form.curve != ctx->key->form.curve)
		return fail(ctx->provider, REASON_KEY_MISMATCH, "key agreement: the other side's key is on another curve");
	key_rele(ctx->peer);
	ctx->peer = key_hold(peer);
	return 1;
}

/* Z: the field element x, of the field's length */
static size_t shared_len(const struct ecdh *ctx)
{
	return (ctx->key->form.curve->nbits + 7) / 8;
}

/* The point is copied: a job that is paused in it may be given up, and the other side's key freed (pause.h). */
static int agree(const struct ecdh *ctx, uint8_t *z)
{
	const struct der_view *given = &ctx->peer->form.point;
	uint8_t point[POINT_MAX];
	CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL, .pPublicData = point, .ulPublicDataLen = given->len};
	const CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};

	if (given->len > sizeof point)
		return fail(ctx->provider, REASON_KEY_TYPE, "key agreement: the other side's point is too long");
	memcpy(point, given->p, given->len);
	return work_derive(ctx->key, &mechanism, z, shared_len(ctx));
}

/* The default provider gives the beginning of ECDH's to whoever has less room; of the others' nothing. */
static int derive_plain(const struct ecdh *ctx, uint8_t *out, size_t *out_len, size_t room)
{
	uint8_t z[HASH_BLOCK_MAX];
	size_t len = shared_len(ctx);

	*out_len = len;
	if (!out)
		return 1;
	if (room < len && ctx->key->kind != KEY_EC)
		return fail(ctx->provider, REASON_BUFFER, "key agreement: %zu bytes are wanted for the result", len);
	int good = agree(ctx, z);
	*out_len = room < len ? room : len;
	if (good)
		memcpy(out, z, *out_len);
	secret_wipe(z, sizeof z);
	return good;
}

static int derive_x963(const struct ecdh *ctx, uint8_t *out, size_t *out_len, size_t room)
{
	uint8_t z[HASH_BLOCK_MAX];

	*out_len = ctx->kdf_len;
	if (!out)
		return 1;
	if (room < ctx->kdf_len || !ctx->kdf_len || ctx->kdf_hash == HASH_NONE)
		return fail(ctx->provider, REASON_PARAMETER,
		            "X9.63: a hash function, and a length that the buffer has room for, are wanted");
	int good = agree(ctx, z);
	if (good && kdf_x963(ctx->kdf_hash, (struct bytes_view){z, shared_len(ctx)},
	                     (struct bytes_view){ctx->ukm.data, ctx->ukm.len},
	                     out, ctx->kdf_len) != HUFU_OK)
		good = fail(ctx->provider, REASON_INTERNAL, "X9.63 with %s failed", hash_provider_name(ctx->kdf_hash));
	secret_wipe(z, sizeof z);
	return good;
}

static int derive(void *arg, unsigned char *out, size_t *out_len, size_t room)
{
	const struct ecdh *ctx = arg;

	if (!ctx->key || (out && !ctx->peer))
		return fail(ctx->provider, REASON_PARAMETER, "key agreement: the other side's key was not given");
	return ctx->x963 ? derive_x963(ctx, out, out_len, room) : derive_plain(ctx, out, out_len, room);
}

#define COMMON_FUNCTIONS \
	FUNCTION(OSSL_FUNC_KEYEXCH_NEWCTX, new_context), \
	FUNCTION(OSSL_FUNC_KEYEXCH_FREECTX, free_context), \
	FUNCTION(OSSL_FUNC_KEYEXCH_DUPCTX, copy_context), \
	FUNCTION(OSSL_FUNC_KEYEXCH_INIT, begin), \
	FUNCTION(OSSL_FUNC_KEYEXCH_SET_PEER, set_peer), \
	FUNCTION(OSSL_FUNC_KEYEXCH_DERIVE, derive)

const OSSL_DISPATCH ecdh_keyexch_functions[] = {
	COMMON_FUNCTIONS,
	FUNCTION(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, set_params),
	FUNCTION(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, settable_params),
	FUNCTION(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, get_params),
	FUNCTION(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, gettable_params),
	END_OF_FUNCTIONS,
};

const OSSL_DISPATCH ecx_keyexch_functions[] = {
	COMMON_FUNCTIONS,
	END_OF_FUNCTIONS,
};
