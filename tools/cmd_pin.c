/* SPDX-License-Identifier: Apache-2.0 */
/* hufu pin set, hufu pin unlock */
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/session.h"

#include <stdio.h>

const struct opt pin_set_opts[] = {
	{"so", 0, NULL, "change the security officer's PIN"},
	{0},
};

static enum status done(const struct args *args, const struct session *s, const char *role)
{
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:s}", "schema", "hufu-pin/1", "token", s->label, "role", role));
	printf("The %s PIN of token \"%s\" is set.\n", role, s->label);
	return ST_OK;
}

static enum status read_new(const struct args *args, const char *role, const struct session *s, struct pin *pin)
{
	char prompt[96];
	struct pin_wish wish = {.what = "new-pin", .prompt = prompt, .twice = true};

	snprintf(prompt, sizeof prompt, "new %s PIN of token \"%s\"", role, s->label);
	return pin_read(args, &wish, pin);
}

/* C_SetPIN works for whoever is logged in, or for the user when nobody is (5.5.7 of PKCS#11 3.1). */
static enum status change(const struct args *args, struct session *s, bool so, struct pin *old, struct pin *new)
{
	const char *role = so ? "security officer's" : "user's";
	char prompt[96];
	struct pin_wish wish = {.what = so ? "so-pin" : "pin", .uri_file = so ? NULL : s->selector.pin_source, .prompt = prompt};
	CK_RV rv = CKR_OK;

	snprintf(prompt, sizeof prompt, "present %s PIN of token \"%s\"", role, s->label);
	enum status status = pin_read(args, &wish, old);
	if (status == ST_OK)
		status = read_new(args, role, s, new);
	if (status)
		return status;
	if (so)
		rv = s->f->C_Login(s->handle, CKU_SO, old->bytes, old->len);
	if (rv == CKR_OK)
		rv = s->f->C_SetPIN(s->handle, old->bytes, old->len, new->bytes, new->len);
	return rv == CKR_OK ? ST_OK : fail_rv(rv, "changing the %s PIN of token \"%s\"", role, s->label);
}

enum status cmd_pin_set(const struct args *args)
{
	bool so = arg_has(args, "so");
	struct pin old = {0}, new = {0};
	struct session s;
	enum status status = session_find_token(args, arg_target(args, 0), SELECT_TOKEN, &s);

	if (status == ST_OK)
		status = session_begin(&s, true);
	if (status == ST_OK)
		status = change(args, &s, so, &old, &new);
	if (status == ST_OK)
		status = done(args, &s, so ? "security officer's" : "user's");
	pin_clear(&old);
	pin_clear(&new);
	session_close(&s);
	return status;
}

enum status cmd_pin_unlock(const struct args *args)
{
	struct pin new = {0};
	struct session s;
	enum status status = session_open(args, arg_target(args, 0), SELECT_TOKEN, true, LOGIN_SO, &s);

	if (status == ST_OK)
		status = read_new(args, "user's", &s, &new);
	if (status == ST_OK) {
		CK_RV rv = s.f->C_InitPIN(s.handle, new.bytes, new.len);
		status = rv == CKR_OK ? done(args, &s, "user's") : fail_rv(rv, "setting the user's PIN of token \"%s\"", s.label);
	}
	pin_clear(&new);
	session_close(&s);
	return status;
}
