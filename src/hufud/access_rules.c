/* SPDX-License-Identifier: Apache-2.0 */
/* What an identity may do: its lists allow and deny, hufud.conf(5). */
#include <string.h>

#include "hufud/access_internal.h"
#include "wire/store_op.h"

static const char *const verbs[] = {
	[HUFU_VERB_RANDOM] = "random", [HUFU_VERB_GENERATE] = "generate", [HUFU_VERB_IMPORT] = "import", [HUFU_VERB_EXPORT] = "export",
	[HUFU_VERB_ENCRYPT] = "encrypt", [HUFU_VERB_DECRYPT] = "decrypt", [HUFU_VERB_SIGN] = "sign", [HUFU_VERB_VERIFY] = "verify",
	[HUFU_VERB_WRAP] = "wrap", [HUFU_VERB_UNWRAP] = "unwrap", [HUFU_VERB_DERIVE] = "derive",
};

const char *access_operation(uint16_t wire_op)
{
	if (wire_op > WIRE_OP_VERB && wire_op < WIRE_OP_VERB + sizeof(verbs) / sizeof(verbs[0]))
		return verbs[wire_op - WIRE_OP_VERB];
	return wire_op == WIRE_STORE_INSERT || wire_op == WIRE_STORE_UPDATE || wire_op == WIRE_STORE_DELETE ? "store" : NULL;
}

/* "sign", "*", or with the key's label: "sign:LABEL". */
static bool names(char *const *list, const char *operation, const char *label)
{
	size_t len = strlen(operation);
	for (; list && *list; list++) {
		const char *text = *list, *colon = strchr(text, ':');
		size_t word = colon ? (size_t)(colon - text) : strlen(text);
		bool same = (word == 1 && *text == '*') || (word == len && strncmp(text, operation, len) == 0);
		if (same && (!colon || (label && strcmp(colon + 1, label) == 0)))
			return true;
	}
	return false;
}

static bool allows(const struct identity *identity, const char *operation, const char *label)
{
	return !names(identity->deny, operation, label) && (!identity->allow || names(identity->allow, operation, label));
}

bool access_allows(const struct identity *identity, uint16_t wire_op, const char *label)
{
	const char *operation = access_operation(wire_op);
	if (!operation || !identity || allows(identity, operation, label))
		return true;
	atomic_fetch_add_explicit(&identity->usage->refused, 1, memory_order_relaxed);
	return false;
}

bool access_keeps(const struct identity *identity, const char *from, const char *to)
{
	bool keeps = !identity || (allows(identity, "store", from) && allows(identity, "store", to));
	for (size_t i = 0; identity && keeps && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		keeps = !verbs[i] || allows(identity, verbs[i], from) || !allows(identity, verbs[i], to);
	if (!keeps)
		atomic_fetch_add_explicit(&identity->usage->refused, 1, memory_order_relaxed);
	return keeps;
}
