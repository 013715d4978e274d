/* SPDX-License-Identifier: Apache-2.0 */
/* hufu digest, hufu mac */
#include "tools/mechanism.h"
#include "tools/report.h"
#include "tools/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct opt digest_opts[] = {
	OPT_MECHANISM,
	{0},
};
const struct opt mac_opts[] = {
	OPT_MECHANISM,
	{"verify", 0, "HEX", "compare with this MAC, in the token"},
	OPTS_ZUC,
	{0},
};

static enum status emit(const struct args *args, const char *schema, const char *field, const CK_MECHANISM *mech,
                        const struct input *in, const struct signature *value)
{
	char name[NAME_LEN];
	char *hex = hex_string(value->bytes, value->len);
	enum status status = ST_OK;

	if (!hex)
		status = fail_memory();
	else if (args->json)
		status = out_json(json_pack("{s:s,s:s,s:o,s:s}", "schema", schema, "mechanism", mech_name(mech->mechanism, name),
		                            "file", json_text(in->name, strlen(in->name)), field, hex));
	else
		printf("%s  %s\n", hex, in->fd == 0 ? "-" : in->name);
	free(hex);
	return status;
}

enum status cmd_digest(const struct args *args)
{
	const char *name = arg_get(args, "mechanism");
	CK_MECHANISM mech = {CKM_HUFU_SM3, NULL, 0};
	struct session s = {0};
	struct input in = {.fd = -1};
	struct signature digest;

	if (name && !mech_parse(name, &mech.mechanism))
		return fail(ST_USAGE, "hufu mech list shows what the token offers.", "unknown mechanism \"%s\"", name);
	enum status status = session_open(args, NULL, SELECT_TOKEN, false, LOGIN_WISH, &s);
	if (status == ST_OK)
		status = input_open(args, arg_target(args, 0), "digesting", &in);
	if (status == ST_OK)
		status = stream_digest(&s, &mech, &in, &digest);
	if (status == ST_OK)
		status = emit(args, "hufu-digest/1", "digest", &mech, &in, &digest);
	input_close(&in);
	session_close(&s);
	return status;
}

static enum status verify(const struct args *args, const struct session *s, struct mechanism *m, CK_OBJECT_HANDLE key,
                          struct input *in)
{
	const char *hex = arg_get(args, "verify");
	struct signature mac;
	size_t len;

	if (!hex_decode(hex, strlen(hex), mac.bytes, sizeof mac.bytes, &len) || len == 0)
		return fail(ST_USAGE, NULL, "--verify takes a MAC in hexadecimal");
	mac.len = len;
	enum status status = stream_verify(s, &m->ck, key, in, &mac);
	if (status)
		return status;
	if (args->json)
		return out_json(json_pack("{s:s,s:b}", "schema", "hufu-verify/1", "valid", 1));
	puts("The MAC is good.");
	return ST_OK;
}

enum status cmd_mac(const struct args *args)
{
	static struct mechanism m;
	struct session s;
	struct object key;
	struct input in = {.fd = -1};
	struct signature mac;
	enum status status = key_open(args, WANT_SECRET, &s, &key);

	if (status == ST_OK)
		status = mechanism_for_mac(args, &key, &m);
	if (status == ST_OK)
		status = input_open(args, arg_target(args, 1), "authenticating", &in);
	if (status == ST_OK && arg_has(args, "verify")) {
		status = verify(args, &s, &m, key.handle, &in);
	} else if (status == ST_OK) {
		status = stream_sign(&s, &m.ck, key.handle, &in, &mac);
		if (status == ST_OK)
			status = emit(args, "hufu-mac/1", "mac", &m.ck, &in, &mac);
	}
	input_close(&in);
	object_clear(&key);
	session_close(&s);
	return status;
}
