/* SPDX-License-Identifier: Apache-2.0 */
/* hufu token init */
#include "tools/confirm.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/token_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct opt token_init_opts[] = {
	{"label", 'L', "LABEL", "the token's label, 1 to 32 bytes"},
	OPT_YES,
	{0},
};

static enum status label_bytes(const struct args *args, const struct slot *slot, CK_UTF8CHAR label[32])
{
	const char *text = arg_get(args, "label");

	if (!text && slot->present && (slot->token.flags & CKF_TOKEN_INITIALIZED)) {
		memcpy(label, slot->token.label, 32);
		return ST_OK;
	}
	if (!text)
		return fail(ST_USAGE, "hufu token init --label LABEL", "a new token needs a label");
	size_t len = strlen(text);
	if (len == 0 || len > 32)
		return fail(ST_USAGE, NULL, "a token's label has 1 to 32 bytes: \"%s\"", text);
	memset(label, ' ', 32);
	memcpy(label, text, len);
	return ST_OK;
}

/* The token meant; without a name, the first slot whose token waits to be initialised. */
static enum status choose(struct session *s, const char *target, const struct slot *slots, CK_ULONG n)
{
	bool named = target || selector_names_token(&s->selector);
	const struct slot *found = NULL;
	CK_ULONG matches = 0;

	for (CK_ULONG i = 0; i < n; i++) {
		bool fits = named ? selector_match_slot(&s->selector, &s->module, &slots[i])
		                  : !(slots[i].token.flags & CKF_TOKEN_INITIALIZED);
		if (!slots[i].present || !fits || (found && !named))
			continue;
		found = &slots[i];
		matches++;
	}
	if (matches > 1)
		return fail(ST_USAGE, "Name one by its URI; hufu token list -o json prints them.", "%lu tokens fit", matches);
	if (!found)
		return fail(ST_NOT_FOUND, "hufu token list shows the slots.",
		            named ? "there is no such token" : "there is no spare slot for a new token");
	s->slot = *found;
	return ST_OK;
}

/* SO and user, before anything is changed. A renewed token keeps its SO's PIN, a new one's is asked twice. */
static enum status read_pins(const struct args *args, const struct session *s, struct pin *so, struct pin *user)
{
	bool renew = s->slot.token.flags & CKF_TOKEN_INITIALIZED;
	struct pin_wish so_wish = {
		.what = "so-pin", .prompt = renew ? "security officer's PIN" : "new security officer's PIN", .twice = !renew};
	struct pin_wish user_wish = {.what = "new-pin"};
	enum status status = pin_read(args, &so_wish, so);

	/* Without --new-pin-..., the user's PIN is left to hufu pin unlock. */
	if (status == ST_OK && pin_given(args, &user_wish))
		status = pin_read(args, &user_wish, user);
	return status;
}

static enum status set_user_pin(struct session *s, const struct pin *so, const struct pin *user)
{
	enum status status = session_begin(s, true);

	if (status)
		return status;
	CK_RV rv = s->f->C_Login(s->handle, CKU_SO, so->bytes, so->len);
	if (rv == CKR_OK)
		rv = s->f->C_InitPIN(s->handle, user->bytes, user->len);
	if (rv == CKR_OK)
		return ST_OK;
	fail_rv(rv, "setting the user's PIN of the new token \"%s\"", s->label);
	note("the token was initialised; hufu pin unlock sets the user's PIN");
	return ST_PARTIAL;
}

/* The slot may have a new id, if the module (SoftHSM) makes one from the new serial: found again by label. */
static enum status find_again(struct session *s, const CK_UTF8CHAR label[32])
{
	struct slot *slots;
	CK_ULONG n;
	enum status status = module_slots(&s->module, &slots, &n);
	bool same = false;

	if (status)
		return status;
	for (CK_ULONG i = 0; i < n && !same; i++)
		if (slots[i].present && (slots[i].token.flags & CKF_TOKEN_INITIALIZED) &&
		    !memcmp(slots[i].token.label, label, 32)) {
			same = slots[i].id == s->slot.id;
			s->slot = slots[i];
		}
	free(slots);
	return ST_OK;
}

static enum status initialise(struct session *s, CK_UTF8CHAR label[32], const struct pin *so, const struct pin *user)
{
	text_clean(label, 32, s->label, sizeof s->label);
	CK_RV rv = s->f->C_InitToken(s->slot.id, so->bytes, so->len, label);
	if (rv != CKR_OK)
		return fail_rv(rv, "initialising token \"%s\"", s->label);
	enum status status = find_again(s, label);
	return status || !user->bytes ? status : set_user_pin(s, so, user);
}

static enum status result(const struct args *args, struct session *s)
{
	char state[64];
	char *uri;

	/* What the token says of itself now, with the user's PIN set or not. */
	s->f->C_GetTokenInfo(s->slot.id, &s->slot.token);
	if (args->json) {
		json_t *doc = token_json(&s->slot);
		if (doc)
			json_object_set_new(doc, "schema", json_string("hufu-token/1"));
		return out_json(doc);
	}
	uri = uri_of_token(&s->slot.token);
	printf("Token \"%s\" is initialised (%s).\n%s\n", s->label, token_state(&s->slot, state, sizeof state), uri ? uri : "");
	free(uri);
	return ST_OK;
}

enum status cmd_token_init(const struct args *args)
{
	struct session s = {0};
	struct slot *slots = NULL;
	struct pin so = {0}, user = {0};
	CK_UTF8CHAR label[32];
	CK_ULONG n = 0;
	enum status status = selector_init(args, arg_target(args, 0), SELECT_TOKEN, &s.selector);

	if (status == ST_OK)
		status = module_open(args, &s.module);
	s.f = s.module.f;
	if (status == ST_OK)
		status = module_slots(&s.module, &slots, &n);
	if (status == ST_OK)
		status = choose(&s, arg_target(args, 0), slots, n);
	if (status == ST_OK)
		status = label_bytes(args, &s.slot, label);
	if (status == ST_OK && (s.slot.token.flags & CKF_TOKEN_INITIALIZED)) {
		text_clean(s.slot.token.label, 32, s.label, sizeof s.label);
		status = confirm(args, "This destroys every object on token \"%s\".", s.label);
	}
	if (status == ST_OK)
		status = read_pins(args, &s, &so, &user);
	if (status == ST_OK)
		status = initialise(&s, label, &so, &user);
	if (status == ST_OK)
		status = result(args, &s);
	pin_clear(&so);
	pin_clear(&user);
	free(slots);
	session_close(&s);
	return status;
}
