/* SPDX-License-Identifier: Apache-2.0 */
/* hufu token list, hufu token show */
#include "tools/module.h"
#include "tools/report.h"
#include "tools/selector.h"
#include "tools/session.h"
#include "tools/table.h"
#include "tools/token_text.h"

#include <stdio.h>
#include <stdlib.h>

static enum status as_json(const struct slot *slots, CK_ULONG n)
{
	json_t *list = json_array();

	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(list, token_json(&slots[i]));
	return out_json(json_pack("{s:s,s:o}", "schema", "hufu-token-list/1", "tokens", list));
}

static enum status as_table(const struct slot *slots, CK_ULONG n)
{
	static const char *const titles[] = {"TOKEN", "SLOT", "MODEL", "SERIAL", "STATE", NULL};
	struct table table;

	table_init(&table, titles);
	for (CK_ULONG i = 0; i < n; i++) {
		const CK_TOKEN_INFO *t = &slots[i].token;
		char label[40], slot[24], model[20], serial[20], state[64];
		snprintf(slot, sizeof slot, "0x%lx", slots[i].id);
		table_row(&table, (const char *const[]){text_clean(t->label, sizeof t->label, label, sizeof label), slot,
		                                        text_clean(t->model, sizeof t->model, model, sizeof model),
		                                        text_clean(t->serialNumber, sizeof t->serialNumber, serial, sizeof serial),
		                                        token_state(&slots[i], state, sizeof state)});
	}
	enum status status = table_print(&table, stdout, "The module has no slot.");
	table_clear(&table);
	return status;
}

enum status cmd_token_list(const struct args *args)
{
	struct module m;
	struct slot *slots = NULL;
	CK_ULONG n = 0;
	enum status status = module_open(args, &m);

	if (status == ST_OK)
		status = module_slots(&m, &slots, &n);
	if (status == ST_OK)
		status = args->json ? as_json(slots, n) : as_table(slots, n);
	free(slots);
	module_close(&m);
	return status;
}

static void show_text(const struct slot *slot)
{
	const CK_TOKEN_INFO *t = &slot->token;
	char text[72], state[64];
	const char *names[33];
	char *uri = uri_of_token(t);

	field("Token", "%s", text_clean(t->label, sizeof t->label, text, sizeof text));
	field("URI", "%s", uri ? uri : "");
	field("State", "%s", token_state(slot, state, sizeof state));
	field("Slot", "0x%lx, %s", slot->id,
	      text_clean(slot->info.slotDescription, sizeof slot->info.slotDescription, text, sizeof text));
	field("Manufacturer", "%s", text_clean(t->manufacturerID, sizeof t->manufacturerID, text, sizeof text));
	field("Model", "%s", text_clean(t->model, sizeof t->model, text, sizeof text));
	field("Serial", "%s", text_clean(t->serialNumber, sizeof t->serialNumber, text, sizeof text));
	field("Versions", "hardware %u.%u, firmware %u.%u", t->hardwareVersion.major, t->hardwareVersion.minor,
	      t->firmwareVersion.major, t->firmwareVersion.minor);
	field("PIN length", "%lu to %lu", t->ulMinPinLen, t->ulMaxPinLen);
	printf("%-14s ", "Flags");
	token_flags(t->flags, names);
	for (size_t i = 0; names[i]; i++)
		printf("%s%s", i ? ", " : "", names[i]);
	putchar('\n');
	free(uri);
}

enum status cmd_token_show(const struct args *args)
{
	struct session s;
	enum status status = session_find_token(args, arg_target(args, 0), SELECT_TOKEN, &s);

	if (status == ST_OK && args->json) {
		json_t *doc = token_json(&s.slot);
		if (doc)
			json_object_set_new(doc, "schema", json_string("hufu-token/1"));
		status = out_json(doc);
	} else if (status == ST_OK) {
		show_text(&s.slot);
	}
	session_close(&s);
	return status;
}
