/* SPDX-License-Identifier: Apache-2.0 */
/* C_GenerateKey, C_GenerateKeyPair (PKCS#11 3.1 5.18.1, 5.18.2): templates are checked before a device makes anything. */
#include "base/secret.h"
#include "rand/rand.h"
#include "token/check_value.h"
#include "token/derive.h"
#include "token/mech.h"
#include "token/operation.h"
#include "token/param.h"
#include "token/policy.h"
#include "token/rules.h"
#include "token/rv.h"

#include <string.h>

/* A device's copy of a key: the key and whatever its domain puts around it. */
#define COPY_MAX 8192

/* The request, and the memory that its answer goes to. */
struct generation {
	struct pool_request req;
	uint8_t *copy;
	uint8_t pub[HUFU_PUB_MAX];
};

static CK_RV generate(struct token *token, const struct mech *mech, enum hufu_key_type type, size_t len, struct generation *g)
{
	struct pool_request *req = &g->req;
	*g = (struct generation){.copy = secret_alloc(COPY_MAX)};
	if (!g->copy)
		return CKR_HOST_MEMORY;
	req->op.verb = HUFU_VERB_GENERATE;
	req->op.mechanism = mech->device_mechanism;
	req->op.new_type = type;
	req->op.new_len = type == HUFU_KEY_SECRET || type == HUFU_KEY_AES ? len : 0;
	req->op.out = g->copy;
	req->op.out_cap = COPY_MAX;
	req->op.pub = g->pub;
	req->op.repeatable = true; /* one key is kept, whoever made how many: the op id is unique in the store */
	enum hufu_err err = rand_bytes(req->op.op_id, sizeof req->op.op_id);
	if (err == HUFU_OK)
		err = pool_run(token->pool, req);
	return rv_of(err);
}

static void generation_clear(struct generation *g)
{
	secret_free(g->copy);
	g->copy = NULL;
}

static struct material material_of(const struct generation *g, const struct mech *mech)
{
	return (struct material){
		.type = g->req.op.new_type, .domain = g->req.served_domain, .copy_kind = HUFU_COPY_BLOB,
		.data = g->copy, .len = g->req.op.out_len,
		.pub = g->req.op.pub_len ? g->pub : NULL, .pub_len = g->req.op.pub_len,
		.mechanism = mech->type,
	};
}

static CK_RV check(struct session *s, const CK_MECHANISM *m, CK_FLAGS flag, const struct mech **mech)
{
	struct param param = {0};
	CK_RV rv = mech_check(s->token, m, flag, mech);
	if (rv == CKR_OK && (*mech)->parse)
		rv = (*mech)->parse(m, &param);
	param_clear(&param);
	return rv;
}

/* -- secret keys ------------------------------------------------------------------------------ */

/* object_plan has checked a length that was asked for; where none need be said, there is one only. */
static size_t secret_len(const struct plan *plan)
{
	const struct rule_set *set = rules_find(plan->object_class, plan->key_type);
	return attrs_ulong(&plan->attrs, CKA_VALUE_LEN, set ? set->value_min : 0);
}

/* The check value needs the key in use for a moment, before it is stored. */
static void add_check_value(struct token *token, const struct generation *g, CK_KEY_TYPE key_type, struct material *material)
{
	struct pool_copy copy = {.kind = material->copy_kind, .domain = material->domain, .data = material->data,
	                         .len = material->len};
	struct pool_key *key;
	if (pool_key_new(token->pool, g->req.op.op_id, 0, material->type, &copy, 1, &key) != HUFU_OK)
		return;
	material->have_check_value = check_value_ask(token, key_type, key, material->check_value);
	pool_key_rele(key);
}

static CK_RV generate_secret(struct session *s, const struct mech *mech, const struct plan *plan, CK_OBJECT_HANDLE *handle)
{
	struct generation g;
	enum hufu_key_type type;
	size_t len = secret_len(plan);
	if (!object_material_type(plan->object_class, plan->key_type, &type))
		return CKR_TEMPLATE_INCONSISTENT;
	CK_RV rv = generate(s->token, mech, type, len, &g);
	if (rv == CKR_OK) {
		struct material material = material_of(&g, mech);
		material.value_len = len;
		add_check_value(s->token, &g, plan->key_type, &material);
		rv = object_commit(s, plan, &material, g.req.op.op_id, handle);
	}
	generation_clear(&g);
	return rv;
}

CK_RV key_generate(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	const struct mech *mech;
	struct plan *plan;
	CK_RV rv = check(s, m, CKF_GENERATE, &mech);
	if (rv == CKR_OK)
		rv = object_plan(s, ORIGIN_GENERATE, CKO_SECRET_KEY, mech->key_types[0], templ, n, &plan);
	if (rv != CKR_OK)
		return rv;
	rv = mech->type == CKM_PKCS5_PBKD2 ? key_from_password(s, mech, m, plan, handle) :
	                                     generate_secret(s, mech, plan, handle);
	plan_free(plan);
	return rv;
}

/* -- key pairs ---------------------------------------------------------------------------------- */

/* Each half is a row of its own, under an id of its own. */
static void other_op_id(const uint8_t op_id[16], uint8_t other[16])
{
	memcpy(other, op_id, 16);
	other[15] ^= 1;
}

/* Both or none. */
static CK_RV commit_pair(struct session *s, const struct generation *g, const struct mech *mech, const struct plan *pub,
                         const struct plan *priv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	uint8_t pub_op_id[16];
	struct material private = material_of(g, mech), public = private;
	public.type = HUFU_KEY_SM2_PUBLIC;
	public.domain = NULL;
	public.data = public.pub;
	public.len = public.pub_len;
	other_op_id(g->req.op.op_id, pub_op_id);

	CK_RV rv = object_commit(s, pub, &public, pub_op_id, hpub);
	if (rv != CKR_OK)
		return rv;
	rv = object_commit(s, priv, &private, g->req.op.op_id, hpriv);
	if (rv != CKR_OK)
		(void)object_undo(s, *hpub); /* the first error is the answer */
	return rv;
}

static CK_RV generate_pair(struct session *s, const struct mech *mech, const struct plan *pub, const struct plan *priv,
                           CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	struct generation g;
	CK_RV rv = generate(s->token, mech, HUFU_KEY_SM2_PRIVATE, 0, &g);
	if (rv == CKR_OK)
		rv = commit_pair(s, &g, mech, pub, priv, hpub, hpriv);
	generation_clear(&g);
	return rv;
}

CK_RV key_generate_pair(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *pub, CK_ULONG npub,
                        const CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	const struct mech *mech;
	struct plan *pub_plan = NULL, *priv_plan = NULL;
	CK_RV rv = check(s, m, CKF_GENERATE_KEY_PAIR, &mech);
	if (rv != CKR_OK)
		return rv;
	rv = object_plan(s, ORIGIN_GENERATE, CKO_PUBLIC_KEY, mech->key_types[0], pub, npub, &pub_plan);
	if (rv == CKR_OK)
		rv = object_plan(s, ORIGIN_GENERATE, CKO_PRIVATE_KEY, mech->key_types[0], priv, npriv, &priv_plan);
	if (rv == CKR_OK)
		rv = policy_check_pair(s->token, pub_plan, priv_plan);
	if (rv == CKR_OK)
		rv = generate_pair(s, mech, pub_plan, priv_plan, hpub, hpriv);
	plan_free(pub_plan);
	plan_free(priv_plan);
	return rv;
}
