/* SPDX-License-Identifier: Apache-2.0 */
/* C_GenerateKey, C_GenerateKeyPair (PKCS#11 3.1 5.18.1, 5.18.2): templates are checked before a device makes anything. */
#include "base/log.h"
#include "rand/rand.h"
#include "token/check_value.h"
#include "token/derive.h"
#include "token/key_form.h"
#include "token/mech.h"
#include "token/operation.h"
#include "token/param.h"
#include "token/policy.h"
#include "token/rules.h"
#include "token/rv.h"

#include <string.h>

/* What a device is asked for. */
struct wanted {
	enum hufu_key_type type;
	uint64_t mechanism;
	size_t len;                     /* of HUFU_KEY_SECRET and HUFU_KEY_AES; else 0 */
	const void *param;
};

static CK_RV generate(struct token *token, const struct plan *plan, const struct wanted *wanted, uint8_t op_id[16],
                      struct copies *copies)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = wanted->mechanism, .new_type = wanted->type,
	                     .new_len = wanted->len, .param = wanted->param};
	*copies = (struct copies){.n = 0};
	enum hufu_err err = rand_bytes(op.op_id, sizeof op.op_id);
	memcpy(op_id, op.op_id, sizeof op.op_id);
	return err == HUFU_OK ? copies_generate(token, copy_policy_of(&plan->attrs), &op, copies) : rv_of(err);
}

static CK_RV check(struct session *s, const CK_MECHANISM *m, CK_FLAGS flag, struct own_mechanism *own, const struct mech **mech)
{
	struct param param = {0};
	CK_RV rv = mech_check(s->token, m, flag, own, mech);
	if (rv == CKR_MECHANISM_INVALID && m->mechanism == CKM_HUFU_SM2_KEY_PAIR_GEN && !pool_is_software(s->token->pool))
		log_notice("token \"%s\": no device of it makes SM2 pairs. A card's are made with its vendor's management tool, and are "
		           "objects from the next login on (hufu device keys)", s->token->conf->name ? s->token->conf->name : "");
	if (rv == CKR_OK && (*mech)->parse)
		rv = (*mech)->parse(&own->m, &param);
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

void material_ask_check_value(struct token *token, const uint8_t uuid[16], const struct plan *plan, struct material *material)
{
	const struct copies *copies = material->copies;
	struct copy_policy policy = copy_policy_of(&plan->attrs);
	struct pool_key *key;
	/* 4.9: a key that was never extractable does not leave its device for three bytes of it. */
	bool may_export = policy.extractable || copies->on_host || copies->left_device || pool_is_software(token->pool);
	if (pool_key_new(token->pool, uuid, 0, copies->type, copies->list, copies->n, &key) != HUFU_OK)
		return;
	pool_key_set_policy(key, policy.hardware_only, true);
	material->have_check_value = check_value_ask(token, plan->key_type, key, may_export, material->check_value);
	pool_key_rele(key);
}

static CK_RV generate_secret(struct session *s, const struct mech *mech, const struct plan *plan, CK_OBJECT_HANDLE *handle)
{
	struct copies copies;
	uint8_t op_id[16];
	size_t len = secret_len(plan);
	struct wanted wanted = {.mechanism = mech->device_mechanism};
	if (!object_material_type(plan->object_class, plan->key_type, &wanted.type))
		return CKR_TEMPLATE_INCONSISTENT;
	wanted.len = wanted.type == HUFU_KEY_SECRET || wanted.type == HUFU_KEY_AES ? len : 0;
	CK_RV rv = generate(s->token, plan, &wanted, op_id, &copies);
	if (rv == CKR_OK) {
		struct material material = {.copies = &copies, .value_len = len, .mechanism = mech->type};
		material_ask_check_value(s->token, op_id, plan, &material);
		rv = object_commit(s, plan, &material, op_id, handle);
	}
	copies_clear(&copies);
	return rv;
}

CK_RV key_generate(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	const struct mech *mech;
	struct own_mechanism own;
	struct plan *plan;
	CK_RV rv = check(s, m, CKF_GENERATE, &own, &mech);
	if (rv == CKR_OK)
		rv = object_plan(s, ORIGIN_GENERATE, CKO_SECRET_KEY, mech->key_types[0], templ, n, &plan);
	if (rv != CKR_OK)
		return rv;
	rv = mech->type == CKM_PKCS5_PBKD2 ? key_from_password(s, mech, &own.m, plan, handle) :
	                                     generate_secret(s, mech, plan, handle);
	plan_free(plan);
	return rv;
}

/* -- key pairs ---------------------------------------------------------------------------------- */

union pair_param {
	struct hufu_param_rsa_gen rsa;
	struct hufu_param_curve curve;
};

/* 6.1.4: the size is asked for, the public exponent may be; 6.1.2 has 65537 otherwise. */
static CK_RV rsa_param(const struct plan *pub, const struct mech *mech, struct hufu_param_rsa_gen *param)
{
	CK_ULONG nbits = attrs_ulong(&pub->attrs, CKA_MODULUS_BITS, 0);
	const CK_ATTRIBUTE *e = attrs_get(&pub->attrs, CKA_PUBLIC_EXPONENT);
	if (nbits < mech->min_nbits || nbits > mech->max_nbits || nbits % 8)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	*param = (struct hufu_param_rsa_gen){.nbits = (uint32_t)nbits};
	if (!e)
		return CKR_OK;
	param->public_exponent = e->pValue;
	param->public_exponent_len = e->ulValueLen;
	bool odd = param->public_exponent[e->ulValueLen - 1] & 1, one = e->ulValueLen == 1 && param->public_exponent[0] == 1;
	return odd && !one && e->ulValueLen <= KEY_FORM_EXPONENT_MAX ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* One mechanism makes keys of NIST's curves and, where the template names that one, of SM2; devices have two. */
static CK_RV pair_wanted(const struct mech *mech, const struct plan *pub, const struct plan *priv, union pair_param *param,
                         struct wanted *wanted)
{
	*wanted = (struct wanted){.mechanism = mech->device_mechanism, .param = param};
	if (!object_material_type(priv->object_class, priv->key_type, &wanted->type))
		return CKR_TEMPLATE_INCONSISTENT;
	if (wanted->type == HUFU_KEY_RSA_PRIVATE)
		return rsa_param(pub, mech, &param->rsa);
	if (wanted->type == HUFU_KEY_SM2_PRIVATE) {
		wanted->mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN;
		wanted->param = NULL;
		return CKR_OK;
	}
	param->curve = (struct hufu_param_curve){.oid = pub->curve->oid.p, .oid_len = pub->curve->oid.len};
	return CKR_OK;
}

static CK_RV generate_pair(struct session *s, const struct mech *mech, const struct plan *pub, const struct plan *priv,
                           CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	struct copies copies;
	struct wanted wanted;
	union pair_param param;
	uint8_t op_id[16];
	CK_RV rv = pair_wanted(mech, pub, priv, &param, &wanted);
	if (rv != CKR_OK)
		return rv;
	rv = generate(s->token, priv, &wanted, op_id, &copies);
	if (rv == CKR_OK) {
		struct material material = {.copies = &copies, .mechanism = mech->type};
		rv = object_commit_pair(s, pub, priv, &material, op_id, hpub, hpriv);
	}
	copies_clear(&copies);
	return rv;
}

CK_RV key_generate_pair(struct session *s, const CK_MECHANISM *m, const CK_ATTRIBUTE *pub, CK_ULONG npub,
                        const CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	const struct mech *mech;
	struct own_mechanism own;
	struct plan *pub_plan = NULL, *priv_plan = NULL;
	CK_RV rv = check(s, m, CKF_GENERATE_KEY_PAIR, &own, &mech);
	if (rv != CKR_OK)
		return rv;
	rv = object_plan(s, ORIGIN_GENERATE, CKO_PUBLIC_KEY, mech->key_types[0], pub, npub, &pub_plan);
	if (rv == CKR_OK)
		rv = object_plan(s, ORIGIN_GENERATE, CKO_PRIVATE_KEY, pub_plan->key_type, priv, npriv, &priv_plan);
	if (rv == CKR_OK)
		rv = policy_check_pair(s->token, pub_plan, priv_plan);
	if (rv == CKR_OK)
		rv = generate_pair(s, mech, pub_plan, priv_plan, hpub, hpriv);
	plan_free(pub_plan);
	plan_free(priv_plan);
	return rv;
}
