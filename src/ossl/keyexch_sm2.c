/* SPDX-License-Identifier: Apache-2.0 */
/* SM2 key agreement, GB/T 32918.3; its parameters: keyexch.h. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "ossl/hash_name.h"
#include "ossl/keyexch.h"
#include "ossl/octets.h"
#include "ossl/param.h"
#include "ossl/pause.h"
#include "ossl/seat.h"
#include "sm/sm2.h"
#include "token/object.h"
#include "token/operation.h"
#include "token/point.h"

#define POINT_LEN (1 + SM2_POINT_LEN)
#define KEY_LEN_MAX 4096                /* CKK_GENERIC_SECRET's */
#define KEY_LEN_DEFAULT 32

/* Own, in the token, for one derivation. */
struct ephemeral {
	struct seat seat;               /* whose object it is */
	CK_OBJECT_HANDLE handle;        /* 0: there is none */
	uint8_t point[POINT_LEN];
};

struct agreement {
	const struct provider *provider;
	struct key *key, *peer;
	bool initiator;
	size_t len;
	struct octets self_id, peer_id, peer_ephemeral;
	struct ephemeral ephemeral;
	bool confirmed;                 /* s1 and s2 are there */
	uint8_t s1[SM3_DIGEST_LEN], s2[SM3_DIGEST_LEN];
};

/* -- its life ---------------------------------------------------------------------- */

static void ephemeral_drop(struct ephemeral *ephemeral)
{
	CK_RV rv;
	struct session *session = ephemeral->handle ? seat_enter(&ephemeral->seat, &rv) : NULL;

	if (session) {
		rv = object_destroy(session, ephemeral->handle); /* where it is gone already, so much the better */
		session_leave(session);
	}
	ephemeral->handle = 0;
	seat_give(&ephemeral->seat);
}

static void free_context(void *arg)
{
	struct agreement *ctx = arg;

	if (!ctx)
		return;
	ephemeral_drop(&ctx->ephemeral);
	key_rele(ctx->key);
	key_rele(ctx->peer);
	octets_clear(&ctx->self_id);
	octets_clear(&ctx->peer_id);
	octets_clear(&ctx->peer_ephemeral);
	free(ctx);
}

static void *new_context(void *provider)
{
	static const struct octets id = {(uint8_t *)(uintptr_t)SM2_DEFAULT_ID, SM2_DEFAULT_ID_LEN};
	struct agreement *ctx = calloc(1, sizeof *ctx);

	if (!ctx)
		return NULL;
	ctx->provider = provider;
	ctx->len = KEY_LEN_DEFAULT;
	if (octets_copy(&ctx->self_id, &id) && octets_copy(&ctx->peer_id, &id))
		return ctx;
	free_context(ctx);
	return NULL;
}

static struct agreement *copy(const struct agreement *from)
{
	struct agreement *to = calloc(1, sizeof *to);

	if (!to)
		return NULL;
	to->provider = from->provider;
	to->initiator = from->initiator;
	to->len = from->len;
	to->key = from->key ? key_hold(from->key) : NULL;
	to->peer = from->peer ? key_hold(from->peer) : NULL;
	if (octets_copy(&to->self_id, &from->self_id) && octets_copy(&to->peer_id, &from->peer_id) &&
	    octets_copy(&to->peer_ephemeral, &from->peer_ephemeral))
		return to;
	free_context(to);
	return NULL;
}

static void *copy_context(void *arg)
{
	const struct agreement *from = arg;

	if (!from->ephemeral.handle)
		return copy(from);
	fail(from->provider, REASON_PARAMETER,
	     "SM2 key agreement: a context whose " SM2_PARAM_SELF_EPHEMERAL " was read is not copied: the "
	     "pair is for one derivation");
	return NULL;
}

/* -- one's own ephemeral pair ------------------------------------------------------------ */

static CK_RV read_point(struct session *session, CK_OBJECT_HANDLE public, uint8_t point[POINT_LEN])
{
	uint8_t der[POINT_DER_LEN];
	CK_ATTRIBUTE attr = {CKA_EC_POINT, der, sizeof der};
	CK_RV rv = object_get_attributes(session, public, &attr, 1);

	if (rv == CKR_OK && !point_decode(der, attr.ulValueLen, point + 1))
		rv = CKR_DEVICE_ERROR;
	point[0] = 4;
	return rv;
}

struct making {
	struct agreement *ctx;
	struct pause pause;
	int good;
};

static CK_RV generate(struct making *making, struct session *session, CK_OBJECT_HANDLE *hpublic, CK_OBJECT_HANDLE *hprivate)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static const CK_ATTRIBUTE public[] = {{CKA_TOKEN, &no, sizeof no}};
	static const CK_ATTRIBUTE private[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &yes, sizeof yes},
	                                       {CKA_DERIVE, &yes, sizeof yes},
	                                       {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no}};
	static const CK_MECHANISM mechanism = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};

	pause_begin(&making->pause, session);
	CK_RV rv = key_generate_pair(session, &mechanism, public, 1, private, sizeof private / sizeof *private, hpublic, hprivate);
	pause_end(&making->pause);
	return rv;
}

/* The public half is its point; the object is not wanted. */
static CK_RV make_pair(struct making *making, struct session *session)
{
	struct ephemeral *ephemeral = &making->ctx->ephemeral;
	CK_OBJECT_HANDLE hpublic, hprivate;
	CK_RV rv = generate(making, session, &hpublic, &hprivate);

	if (rv != CKR_OK)
		return rv;
	rv = read_point(session, hpublic, ephemeral->point);
	CK_RV destroyed = object_destroy(session, hpublic);
	if (rv == CKR_OK)
		rv = destroyed;
	if (rv == CKR_OK)
		ephemeral->handle = hprivate;
	else
		(void)object_destroy(session, hprivate);
	return rv;
}

static void make(void *arg)
{
	struct making *making = arg;
	struct agreement *ctx = making->ctx;
	CK_OBJECT_HANDLE handle;
	char title[160];
	struct session *session = key_enter(ctx->key, &handle);

	if (!session)
		return;
	CK_RV rv = make_pair(making, session);
	if (rv == CKR_OK) {
		seat_keep(&ctx->ephemeral.seat, ctx->key->desk, session);
		making->good = 1;
		return;
	}
	desk_give(ctx->key->desk, session);
	fail_rv(ctx->provider, rv, "make an ephemeral pair beside %s", key_title(ctx->key, title));
}

static int ephemeral_make(struct agreement *ctx)
{
	struct making making = {.ctx = ctx};

	if (ctx->ephemeral.handle)
		return 1;
	if (!ctx->key)
		return fail(ctx->provider, REASON_PARAMETER, SM2_PARAM_SELF_EPHEMERAL ": no key was given");
	return pause_run(&making.pause, make, &making) ? making.good : fail(ctx->provider, REASON_INTERNAL, "no memory");
}

/* -- parameters -------------------------------------------------------------------- */

static int set_role(struct agreement *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, SM2_PARAM_INITIATOR);
	int initiator = 0;

	if (!p)
		return 1;
	if (!param_int(p, &initiator))
		return fail(ctx->provider, REASON_PARAMETER, "%s: 0 or 1 is wanted", p->key);
	ctx->initiator = initiator != 0;
	return 1;
}

static int set_len(struct agreement *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, SM2_PARAM_OUTLEN);
	size_t len = 0;

	if (!p)
		return 1;
	if (!param_size(p, &len) || !len || len > KEY_LEN_MAX)
		return fail(ctx->provider, REASON_PARAMETER, "%s: from 1 to %d bytes", p->key, KEY_LEN_MAX);
	ctx->len = len;
	return 1;
}

static int set_hash(const struct agreement *ctx, const OSSL_PARAM params[])
{
	enum hash_id hash = HASH_SM3;

	if (!hash_param(ctx->provider, params, SM2_PARAM_DIGEST, &hash))
		return 0;
	return hash == HASH_SM3 ? 1 : fail(ctx->provider, REASON_PARAMETER,
	                                   SM2_PARAM_DIGEST ": SM2 key agreement is done with SM3");
}

/* Tongsuo's, for pairs that it made itself: the token cannot use an ephemeral key that is not in it. */
static int refuse_foreign(const struct agreement *ctx, const OSSL_PARAM params[])
{
	if (!OSSL_PARAM_locate_const(params, "self-enc-key") && !OSSL_PARAM_locate_const(params, "peer-enc-key"))
		return 1;
	return fail(ctx->provider, REASON_PARAMETER, "self-enc-key, peer-enc-key: the ephemeral pair has to be made in the token "
	            "(" SM2_PARAM_SELF_EPHEMERAL "); give derive_init one's own static key, and set_peer the other side's");
}

static int set_params(void *arg, const OSSL_PARAM params[])
{
	struct agreement *ctx = arg;

	if (!params)
		return 1;
	return refuse_foreign(ctx, params) && set_role(ctx, params) && set_len(ctx, params) && set_hash(ctx, params) &&
	       octets_param(ctx->provider, params, SM2_PARAM_SELF_ID, SM2_ID_MAX, &ctx->self_id) &&
	       octets_param(ctx->provider, params, SM2_PARAM_PEER_ID, SM2_ID_MAX, &ctx->peer_id) &&
	       octets_param(ctx->provider, params, SM2_PARAM_PEER_EPHEMERAL, POINT_LEN, &ctx->peer_ephemeral);
}

static const OSSL_PARAM *settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(SM2_PARAM_INITIATOR, NULL),
		OSSL_PARAM_octet_string(SM2_PARAM_SELF_ID, NULL, 0),
		OSSL_PARAM_octet_string(SM2_PARAM_PEER_ID, NULL, 0),
		OSSL_PARAM_octet_string(SM2_PARAM_PEER_EPHEMERAL, NULL, 0),
		OSSL_PARAM_utf8_string(SM2_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_size_t(SM2_PARAM_OUTLEN, NULL),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static int get_confirmation(const struct agreement *ctx, OSSL_PARAM params[], const char *name, const uint8_t s[SM3_DIGEST_LEN])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	if (!p)
		return 1;
	if (!ctx->confirmed)
		return fail(ctx->provider, REASON_PARAMETER, "%s: it comes of the derivation", name);
	return OSSL_PARAM_set_octet_string(p, s, SM3_DIGEST_LEN);
}

static int get_params(void *arg, OSSL_PARAM params[])
{
	struct agreement *ctx = arg;
	OSSL_PARAM *len = OSSL_PARAM_locate(params, SM2_PARAM_OUTLEN), *hash = OSSL_PARAM_locate(params, SM2_PARAM_DIGEST);
	OSSL_PARAM *point = OSSL_PARAM_locate(params, SM2_PARAM_SELF_EPHEMERAL);

	if (point && (!ephemeral_make(ctx) || !OSSL_PARAM_set_octet_string(point, ctx->ephemeral.point, POINT_LEN)))
		return 0;
	return (!len || param_set_size(len, ctx->len)) &&
	       (!hash || OSSL_PARAM_set_utf8_string(hash, hash_provider_name(HASH_SM3))) &&
	       get_confirmation(ctx, params, SM2_PARAM_S1, ctx->s1) && get_confirmation(ctx, params, SM2_PARAM_S2, ctx->s2);
}

static const OSSL_PARAM *gettable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(SM2_PARAM_SELF_EPHEMERAL, NULL, 0),
		OSSL_PARAM_octet_string(SM2_PARAM_S1, NULL, 0),
		OSSL_PARAM_octet_string(SM2_PARAM_S2, NULL, 0),
		OSSL_PARAM_utf8_string(SM2_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_size_t(SM2_PARAM_OUTLEN, NULL),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

/* -- at work ------------------------------------------------------------------------- */

static int begin(void *arg, void *key_arg, const OSSL_PARAM params[])
{
	struct agreement *ctx = arg;
	struct key *key = key_arg;

	if (!key || key->kind != KEY_SM2 || !key_is_private(key))
		return fail(ctx->provider, REASON_KEY_TYPE, "SM2 key agreement: one's own private SM2 key is wanted");
	ephemeral_drop(&ctx->ephemeral);
	ctx->confirmed = false;
	key_rele(ctx->key);
	ctx->key = key_hold(key);
	return set_params(ctx, params);
}

static int set_peer(void *arg, void *key_arg)
{
	struct agreement *ctx = arg;
	struct key *peer = key_arg;

	if (!ctx->key || !peer || !peer->spki || peer->kind != KEY_SM2)
		return fail(ctx->provider, REASON_KEY_MISMATCH, "SM2 key agreement: the other side's static SM2 key is wanted");
	key_rele(ctx->peer);
	ctx->peer = key_hold(peer);
	return 1;
}

/* What the call reads and writes is its own: a job that is paused in it may be given up, and the context freed (pause.h). */
static int agree_as(struct agreement *ctx, const struct octets *self_id, const struct octets *peer_id, uint8_t *out)
{
	const struct der_view *peer = &ctx->peer->form.point;
	uint8_t s1[SM3_DIGEST_LEN], s2[SM3_DIGEST_LEN];
	CK_HUFU_SM2_KEY_AGREEMENT_PARAMS params = {
		.ulRole = ctx->initiator ? HUFU_SM2_INITIATOR : HUFU_SM2_RESPONDER,
		.pOwnId = self_id->data, .ulOwnIdLen = self_id->len,
		.pPeerId = peer_id->data, .ulPeerIdLen = peer_id->len,
		.pPeerStatic = (CK_BYTE *)(uintptr_t)peer->p, .ulPeerStaticLen = peer->len,
		.pPeerEphemeral = ctx->peer_ephemeral.data, .ulPeerEphemeralLen = ctx->peer_ephemeral.len,
		.hOwnEphemeral = ctx->ephemeral.handle,
		.pS1 = s1, .pS2 = s2,
	};
	const CK_MECHANISM mechanism = {CKM_HUFU_SM2_KEY_AGREEMENT, &params, sizeof params};

	if (!work_derive(ctx->key, &mechanism, out, ctx->len))
		return 0;
	memcpy(ctx->s1, s1, sizeof s1);
	memcpy(ctx->s2, s2, sizeof s2);
	return 1;
}

static int agree(struct agreement *ctx, uint8_t *out)
{
	struct octets self_id = {0}, peer_id = {0};
	bool copied = octets_copy(&self_id, &ctx->self_id) && octets_copy(&peer_id, &ctx->peer_id);
	int good = copied ? agree_as(ctx, &self_id, &peer_id, out) : fail(ctx->provider, REASON_INTERNAL, "no memory");

	octets_clear(&self_id);
	octets_clear(&peer_id);
	return good;
}

static int derive(void *arg, unsigned char *out, size_t *out_len, size_t room)
{
	struct agreement *ctx = arg;

	*out_len = ctx->len;
	if (!out)
		return 1;
	if (!ctx->key || !ctx->peer || !ctx->peer_ephemeral.len || !ctx->ephemeral.handle)
		return fail(ctx->provider, REASON_PARAMETER,
		            "SM2 key agreement: four keys are wanted: one's own, with " SM2_PARAM_SELF_EPHEMERAL
		            " that was read, the other side's (EVP_PKEY_derive_set_peer), and " SM2_PARAM_PEER_EPHEMERAL);
	if (room < ctx->len)
		return fail(ctx->provider, REASON_BUFFER, "SM2 key agreement: %zu bytes are wanted for the key", ctx->len);
	ctx->confirmed = agree(ctx, out);
	ephemeral_drop(&ctx->ephemeral);
	return ctx->confirmed;
}

const OSSL_DISPATCH sm2_keyexch_functions[] = {
	FUNCTION(OSSL_FUNC_KEYEXCH_NEWCTX, new_context),
	FUNCTION(OSSL_FUNC_KEYEXCH_FREECTX, free_context),
	FUNCTION(OSSL_FUNC_KEYEXCH_DUPCTX, copy_context),
	FUNCTION(OSSL_FUNC_KEYEXCH_INIT, begin),
	FUNCTION(OSSL_FUNC_KEYEXCH_SET_PEER, set_peer),
	FUNCTION(OSSL_FUNC_KEYEXCH_DERIVE, derive),
	FUNCTION(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, set_params),
	FUNCTION(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, settable_params),
	FUNCTION(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, get_params),
	FUNCTION(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, gettable_params),
	END_OF_FUNCTIONS,
};
