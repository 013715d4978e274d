/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/token_text.h"
#include "tools/report.h"
#include "tools/selector.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	CK_FLAGS flag;
	const char *name;
} flag_names[] = {
	{CKF_RNG, "rng"},
	{CKF_WRITE_PROTECTED, "write-protected"},
	{CKF_LOGIN_REQUIRED, "login-required"},
	{CKF_USER_PIN_INITIALIZED, "user-pin-set"},
	{CKF_PROTECTED_AUTHENTICATION_PATH, "pin-pad"},
	{CKF_TOKEN_INITIALIZED, "initialized"},
	{CKF_USER_PIN_COUNT_LOW, "user-pin-count-low"},
	{CKF_USER_PIN_FINAL_TRY, "user-pin-final-try"},
	{CKF_USER_PIN_LOCKED, "user-pin-locked"},
	{CKF_USER_PIN_TO_BE_CHANGED, "user-pin-to-be-changed"},
	{CKF_SO_PIN_COUNT_LOW, "so-pin-count-low"},
	{CKF_SO_PIN_FINAL_TRY, "so-pin-final-try"},
	{CKF_SO_PIN_LOCKED, "so-pin-locked"},
	{CKF_SO_PIN_TO_BE_CHANGED, "so-pin-to-be-changed"},
};

void token_flags(CK_FLAGS flags, const char *names[33])
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
		if (flags & flag_names[i].flag)
			names[n++] = flag_names[i].name;
	names[n] = NULL;
}

/* What a person must know first; the rest is in the flags. */
const char *token_state(const struct slot *slot, char *out, size_t len)
{
	CK_FLAGS f = slot->token.flags;
	const char *state = !slot->present                       ? "empty slot"
	                    : !(f & CKF_TOKEN_INITIALIZED)       ? "not initialised"
	                    : (f & CKF_USER_PIN_LOCKED)          ? "user PIN locked"
	                    : !(f & CKF_USER_PIN_INITIALIZED)    ? "no user PIN"
	                    : (f & CKF_USER_PIN_FINAL_TRY)       ? "ready, last try for the user PIN"
	                    : (f & CKF_USER_PIN_COUNT_LOW)       ? "ready, wrong PINs were tried"
	                    : (f & CKF_USER_PIN_TO_BE_CHANGED)   ? "ready, the user PIN must be changed"
	                                                         : "ready";

	snprintf(out, len, "%s%s", state, slot->present && (f & CKF_WRITE_PROTECTED) ? ", read-only" : "");
	return out;
}

json_t *token_json(const struct slot *slot)
{
	const char *names[33];
	char state[64], id[24];
	const CK_TOKEN_INFO *t = &slot->token;
	char *uri = slot->present ? uri_of_token(t) : NULL;
	json_t *flags = json_array();

	token_flags(slot->present ? t->flags : 0, names);
	for (size_t i = 0; names[i]; i++)
		json_array_append_new(flags, json_string(names[i]));
	snprintf(id, sizeof id, "0x%lx", slot->id);
	json_t *doc = json_pack("{s:s,s:o,s:s,s:o,s:s?}", "slot", id, "description",
	                        json_padded(slot->info.slotDescription, sizeof slot->info.slotDescription), "state",
	                        token_state(slot, state, sizeof state), "flags", flags, "uri", uri);
	free(uri);
	if (slot->present && doc)
		json_object_update_new(doc, json_pack("{s:o,s:o,s:o,s:o,s:I,s:I}", "label", json_padded(t->label, sizeof t->label),
		                                      "manufacturer", json_padded(t->manufacturerID, sizeof t->manufacturerID),
		                                      "model", json_padded(t->model, sizeof t->model), "serial",
		                                      json_padded(t->serialNumber, sizeof t->serialNumber), "pin_min",
		                                      (json_int_t)t->ulMinPinLen, "pin_max", (json_int_t)t->ulMaxPinLen));
	return doc;
}
