/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/session.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>

/* Exactly one token must be meant: a command never guesses. */
static enum status choose(const struct slot *slots, CK_ULONG n, struct session *s)
{
	const struct slot *found = NULL;
	CK_ULONG matches = 0;

	for (CK_ULONG i = 0; i < n; i++)
		if (slots[i].present && (slots[i].token.flags & CKF_TOKEN_INITIALIZED) &&
		    selector_match_slot(&s->selector, &s->module, &slots[i])) {
			found = &slots[i];
			matches++;
		}
	if (matches > 1)
		return fail(ST_USAGE, "Choose one with --token LABEL or a URI; hufu token list shows them.", "%lu tokens fit",
		            matches);
	if (!found)
		return fail(ST_NOT_FOUND, "hufu token list shows what is there; hufu token init makes one.",
		            selector_names_token(&s->selector) ? "there is no such token" : "there is no initialised token");
	s->slot = *found;
	text_clean(found->token.label, sizeof found->token.label, s->label, sizeof s->label);
	return ST_OK;
}

enum status session_find_token(const struct args *args, const char *target, enum selector_kind kind, struct session *s)
{
	struct slot *slots = NULL;
	CK_ULONG n;

	*s = (struct session){0};
	enum status status = selector_init(args, target, kind, &s->selector);
	if (status == ST_OK)
		status = module_open(args, &s->module);
	s->f = s->module.f;
	if (status == ST_OK)
		status = module_slots(&s->module, &slots, &n);
	if (status == ST_OK)
		status = choose(slots, n, s);
	free(slots);
	return status;
}

enum status session_begin(struct session *s, bool rw)
{
	CK_RV rv = s->f->C_OpenSession(s->slot.id, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), NULL, NULL, &s->handle);

	return rv == CKR_OK ? ST_OK : fail_rv(rv, "opening a session with token \"%s\"", s->label);
}

enum status session_login_keep(const struct args *args, struct session *s, enum login login, struct pin *pin)
{
	bool so = login == LOGIN_SO;
	char prompt[96];
	struct pin_wish wish = {.what = so ? "so-pin" : "pin", .uri_file = so ? NULL : s->selector.pin_source, .prompt = prompt};
	CK_RV rv;

	snprintf(prompt, sizeof prompt, "%s PIN of token \"%s\"", so ? "security officer's" : "user's", s->label);
	*pin = (struct pin){0};
	bool asked = pin_given(args, &wish) || (!so && arg_has(args, "login"));
	if (!asked && (login == LOGIN_WISH || (login == LOGIN_USER && !(s->slot.token.flags & CKF_LOGIN_REQUIRED))))
		return ST_OK;
	/* A PIN pad asks for itself (5.6.8 of PKCS#11 3.1). */
	if ((s->slot.token.flags & CKF_PROTECTED_AUTHENTICATION_PATH) && !pin_given(args, &wish)) {
		note("enter the %s on the token's own pad", prompt);
	} else {
		enum status status = pin_read(args, &wish, pin);
		if (status)
			return status;
	}
	rv = s->f->C_Login(s->handle, so ? CKU_SO : CKU_USER, pin->bytes, pin->len);
	s->logged_in = rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN;
	return s->logged_in ? ST_OK
	                    : fail_rv(rv, "logging in to token \"%s\" as %s", s->label, so ? "the security officer" : "the user");
}

enum status session_login(const struct args *args, struct session *s, enum login login)
{
	struct pin pin;
	enum status status = session_login_keep(args, s, login, &pin);

	pin_clear(&pin);
	return status;
}

enum status session_open(const struct args *args, const char *target, enum selector_kind kind, bool rw, enum login login,
                         struct session *s)
{
	enum status status = session_find_token(args, target, kind, s);

	if (status == ST_OK)
		status = session_begin(s, rw);
	return status ? status : session_login(args, s, login);
}

void session_close(struct session *s)
{
	if (s->handle)
		s->f->C_CloseSession(s->handle);
	selector_clear(&s->selector);
	module_close(&s->module);
	*s = (struct session){0};
}
