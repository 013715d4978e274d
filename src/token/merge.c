/* SPDX-License-Identifier: Apache-2.0 */
#include "token/merge.h"

#include <stdlib.h>
#include <string.h>

static const CK_ATTRIBUTE *find(const CK_ATTRIBUTE *list, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (list[i].type == type)
			return &list[i];
	return NULL;
}

CK_RV merge_template(const struct object *key, CK_ATTRIBUTE_TYPE which, const CK_ATTRIBUTE *templ, CK_ULONG n,
                     struct merged *merged)
{
	const CK_ATTRIBUTE *attr = attrs_get(&key->attrs, which);
	const CK_ATTRIBUTE *more = attr ? attr->pValue : NULL;
	CK_ULONG nmore = attr ? attr->ulValueLen / sizeof *more : 0;
	*merged = (struct merged){0};
	CK_RV rv = vendor_take_template(key->token->conf, templ, n, &merged->own);
	if (rv != CKR_OK)
		return rv;
	templ = merged->own.list;
	n = merged->own.n;
	merged->list = calloc(n + nmore + 1, sizeof *merged->list);
	if (!merged->list)
		return CKR_HOST_MEMORY;
	merged->n = n;
	if (n)
		memcpy(merged->list, templ, n * sizeof *templ);
	for (CK_ULONG i = 0; i < nmore; i++) {
		const CK_ATTRIBUTE *theirs = find(templ, n, more[i].type);
		if (!theirs)
			merged->list[merged->n++] = more[i];
		else if (!attr_equal(theirs, &more[i]))
			return CKR_TEMPLATE_INCONSISTENT;
	}
	return CKR_OK;
}

void merged_clear(struct merged *merged)
{
	free(merged->list);
	own_template_clear(&merged->own);
	*merged = (struct merged){0};
}
