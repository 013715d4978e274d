/* SPDX-License-Identifier: Apache-2.0 */
/* hufu mech list */
#include "tools/names.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/table.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	CK_FLAGS flag;
	const char *name;
} uses[] = {
	{CKF_ENCRYPT, "encrypt"},
	{CKF_DECRYPT, "decrypt"},
	{CKF_DIGEST, "digest"},
	{CKF_SIGN, "sign"},
	{CKF_SIGN_RECOVER, "sign-recover"},
	{CKF_VERIFY, "verify"},
	{CKF_VERIFY_RECOVER, "verify-recover"},
	{CKF_GENERATE, "generate"},
	{CKF_GENERATE_KEY_PAIR, "generate-pair"},
	{CKF_WRAP, "wrap"},
	{CKF_UNWRAP, "unwrap"},
	{CKF_DERIVE, "derive"},
};
#define NUSES (sizeof uses / sizeof *uses)

static void use_words(CK_FLAGS flags, char *out, size_t len)
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; i < NUSES; i++)
		if ((flags & uses[i].flag) && used < len)
			used += (size_t)snprintf(out + used, len - used, "%s%s", used ? "," : "", uses[i].name);
}

static void row(struct table *table, CK_MECHANISM_TYPE type, const CK_MECHANISM_INFO *info)
{
	char name[NAME_LEN], number[24], sizes[48] = "", words[160];

	snprintf(number, sizeof number, "0x%08lx", type);
	if (info->ulMaxKeySize)
		snprintf(sizes, sizeof sizes, "%lu-%lu", info->ulMinKeySize, info->ulMaxKeySize);
	use_words(info->flags, words, sizeof words);
	table_row(table, (const char *const[]){mech_name(type, name), number, sizes, words});
}

static json_t *entry(CK_MECHANISM_TYPE type, const CK_MECHANISM_INFO *info)
{
	char name[NAME_LEN], number[24];
	json_t *words = json_array();

	snprintf(number, sizeof number, "0x%08lx", type);
	for (size_t i = 0; i < NUSES; i++)
		if (info->flags & uses[i].flag)
			json_array_append_new(words, json_string(uses[i].name));
	return json_pack("{s:s,s:s,s:I,s:I,s:o}", "name", mech_name(type, name), "number", number, "min_key_size",
	                 (json_int_t)info->ulMinKeySize, "max_key_size", (json_int_t)info->ulMaxKeySize, "uses", words);
}

static enum status show(const struct args *args, const struct session *s, const CK_MECHANISM_TYPE *list, CK_ULONG n)
{
	static const char *const titles[] = {"MECHANISM", "NUMBER", "KEY SIZES", "USES", NULL};
	json_t *entries = json_array();
	struct table table;

	table_init(&table, titles);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_MECHANISM_INFO info = {0};
		CK_RV rv = s->f->C_GetMechanismInfo(s->slot.id, list[i], &info);
		if (rv != CKR_OK)
			note("mechanism 0x%lx is listed, but says nothing of itself (CKR 0x%lx)", list[i], rv);
		if (args->json)
			json_array_append_new(entries, entry(list[i], &info));
		else
			row(&table, list[i], &info);
	}
	enum status status = args->json ? out_json(json_pack("{s:s,s:s,s:O}", "schema", "hufu-mech-list/1", "token", s->label,
	                                                     "mechanisms", entries))
	                                : table_print(&table, stdout, "The token offers no mechanism.");
	json_decref(entries);
	table_clear(&table);
	return status;
}

enum status cmd_mech_list(const struct args *args)
{
	struct session s;
	CK_MECHANISM_TYPE *list = NULL;
	CK_ULONG n = 0;
	enum status status = session_find_token(args, arg_target(args, 0), SELECT_TOKEN, &s);

	if (status == ST_OK) {
		CK_RV rv = s.f->C_GetMechanismList(s.slot.id, NULL, &n);
		list = calloc(n + 1, sizeof *list);
		if (rv == CKR_OK && list)
			rv = s.f->C_GetMechanismList(s.slot.id, list, &n);
		status = !list          ? fail_memory()
		         : rv != CKR_OK ? fail_rv(rv, "listing the mechanisms of token \"%s\"", s.label)
		                        : ST_OK;
	}
	if (status == ST_OK)
		status = show(args, &s, list, n);
	free(list);
	session_close(&s);
	return status;
}
