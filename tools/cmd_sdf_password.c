/* SPDX-License-Identifier: Apache-2.0 */
/* hufu sdf password: what stands for a password in hufu.conf's sdf_key sections. */
#include "base/conf_sdf.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "sm/sm3.h"
#include "tools/hex.h"
#include "tools/pin.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>

#define PASSWORD_MIN 8 /* GM/T 0018-2023 6.2.7 */
#define ITERATIONS 100000ul

const struct opt sdf_password_opts[] = {
	{"iterations", 0, "N", "rounds of PBKDF2-HMAC-SM3, 10000 to 10000000; default 100000"},
	{0},
};

static enum status make(const struct pin *password, struct conf_sdf_verifier *v)
{
	if (password->len < PASSWORD_MIN)
		return fail(ST_USAGE, NULL, "the password is shorter than the %d bytes that GM/T 0018 asks for", PASSWORD_MIN);
	if (rand_bytes(v->salt, sizeof v->salt) != HUFU_OK)
		return fail(ST_UNAVAILABLE, NULL, "there are no random numbers");
	sm3_pbkdf2(password->bytes, password->len, v->salt, sizeof v->salt, v->iterations, v->hash, sizeof v->hash);
	return ST_OK;
}

static enum status print(const struct args *args, const struct conf_sdf_verifier *v)
{
	char *salt = hex_string(v->salt, sizeof v->salt), *hash = hex_string(v->hash, sizeof v->hash), *text = NULL;
	enum status status = ST_OK;

	if (!salt || !hash || asprintf(&text, "pbkdf2-sm3:%u:%s:%s", v->iterations, salt, hash) < 0)
		status = fail_memory();
	else if (args->json)
		status = out_json(json_pack("{s:s,s:s}", "schema", "hufu-sdf-password/1", "password", text));
	else
		printf("password = \"%s\"\n", text);
	free(salt);
	free(hash);
	free(text);
	return status;
}

enum status cmd_sdf_password(const struct args *args)
{
	struct pin_wish wish = {.what = "new-pin", .prompt = "password of the index", .twice = true};
	struct conf_sdf_verifier v;
	struct pin password = {0};
	unsigned long iterations;
	enum status status = arg_number(args, "iterations", CONF_SDF_ITERATIONS_MIN, CONF_SDF_ITERATIONS_MAX, ITERATIONS, &iterations);

	if (status == ST_OK)
		status = pin_read(args, &wish, &password);
	if (status == ST_OK) {
		v.iterations = (uint32_t)iterations;
		status = make(&password, &v);
	}
	pin_clear(&password);
	return status == ST_OK ? print(args, &v) : status;
}
