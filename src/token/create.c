/* SPDX-License-Identifier: Apache-2.0 */
/* C_CreateObject (PKCS#11 3.1 5.7.1). */
#include "token/object.h"

static CK_RV create_key(struct session *s, const struct plan *plan, CK_OBJECT_HANDLE *handle)
{
	struct copies copies;
	struct material m;
	CK_RV rv = material_import(s, plan, &copies, &m);
	if (rv == CKR_OK)
		rv = object_commit(s, plan, &m, NULL, handle);
	copies_clear(&copies);
	return rv;
}

CK_RV object_create(struct session *s, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
	struct plan *plan;
	enum hufu_key_type type;
	CK_RV rv = object_plan(s, ORIGIN_CREATE, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, templ, n, &plan);
	if (rv != CKR_OK)
		return rv;
	if (object_material_type(plan->object_class, plan->key_type, &type))
		rv = create_key(s, plan, handle);
	else
		rv = object_commit(s, plan, NULL, NULL, handle);
	plan_free(plan);
	return rv;
}
