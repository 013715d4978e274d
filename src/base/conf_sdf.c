/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_internal.h"

#include <stdlib.h>
#include <string.h>

#define PASSWORD_PREFIX "pbkdf2-sm3:"
#define ID_PREFIX "id="
#define ID_MAX 255

/* GM/T 0018-2023 6.2.5: the fields of DEVICEINFO. */
#define VENDOR_MAX 40
#define MODEL_MAX 16
#define SERIAL_MAX 16

/* -- values ----------------------------------------------------------------------- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Of exactly 2n digits, however the text goes on. */
static bool read_hex(const char *text, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = nibble(text[2 * i]), low = high < 0 ? -1 : nibble(text[2 * i + 1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_iterations(const char **text, uint32_t *iterations)
{
	uint64_t n = 0;
	const char *p = *text;
	for (; *p >= '0' && *p <= '9' && n <= CONF_SDF_ITERATIONS_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (*p != ':' || n < CONF_SDF_ITERATIONS_MIN || n > CONF_SDF_ITERATIONS_MAX)
		return false;
	*iterations = (uint32_t)n;
	*text = p + 1;
	return true;
}

bool conf_sdf_read_password(const char *text, enum conf_sdf_access *access, struct conf_sdf_verifier *v)
{
	if (strcmp(text, "open") == 0) {
		*access = CONF_SDF_ACCESS_OPEN;
		return true;
	}
	if (strncmp(text, PASSWORD_PREFIX, strlen(PASSWORD_PREFIX)) != 0)
		return false;
	text += strlen(PASSWORD_PREFIX);
	if (!read_iterations(&text, &v->iterations))
		return false;
	size_t salt = 2 * sizeof(v->salt), hash = 2 * sizeof(v->hash);
	if (strlen(text) != salt + 1 + hash || text[salt] != ':')
		return false;
	*access = CONF_SDF_ACCESS_PASSWORD;
	return read_hex(text, v->salt, sizeof(v->salt)) && read_hex(text + salt + 1, v->hash, sizeof(v->hash));
}

bool conf_sdf_read_id(const char *text, uint8_t *id, size_t cap, size_t *len)
{
	if (strncmp(text, ID_PREFIX, strlen(ID_PREFIX)) != 0)
		return false;
	text += strlen(ID_PREFIX);
	size_t digits = strlen(text);
	*len = digits / 2;
	return digits && digits % 2 == 0 && *len <= cap && read_hex(text, id, *len);
}

/* -- adding and freeing -------------------------------------------------------------- */

/* A number without signs, spaces or leading zeros: two titles are never one index. */
static bool read_index(const char *title, uint32_t *index)
{
	uint32_t n = 0;
	for (const char *p = title; *p; p++) {
		if (*p < '0' || *p > '9' || n > CONF_SDF_INDEX_MAX)
			return false;
		n = n * 10 + (uint32_t)(*p - '0');
	}
	*index = n;
	return *title && n <= CONF_SDF_INDEX_MAX && (*title != '0' || !title[1]);
}

struct conf_sdf_key *conf_sdf_add_key(struct conf_sdf *sdf, const char *title, int line, struct conf_reporter *reporter)
{
	struct conf_sdf_key key = {.line = line};
	if (!read_index(title, &key.index))
		conf_problem(reporter, line, "sdf_key \"%s\" is no index. Give a number from 0 to %u", title, CONF_SDF_INDEX_MAX);
	struct conf_sdf_key *keys = reallocarray(sdf->keys, sdf->nkeys + 1, sizeof(*keys));
	if (!keys)
		return NULL;
	sdf->keys = keys;
	keys[sdf->nkeys] = key;
	return &keys[sdf->nkeys++];
}

struct conf_sdf_kek *conf_sdf_add_kek(struct conf_sdf *sdf, const char *title, int line, struct conf_reporter *reporter)
{
	struct conf_sdf_kek kek = {.line = line};
	if (!read_index(title, &kek.index) || kek.index == 0)
		conf_problem(reporter, line, "sdf_kek \"%s\" is no index. Give a number from 1 to %u", title, CONF_SDF_INDEX_MAX);
	struct conf_sdf_kek *keks = reallocarray(sdf->keks, sdf->nkeks + 1, sizeof(*keks));
	if (!keks)
		return NULL;
	sdf->keks = keks;
	keks[sdf->nkeks] = kek;
	return &keks[sdf->nkeks++];
}

void conf_sdf_clear(struct conf_sdf *sdf)
{
	for (size_t i = 0; i < sdf->nkeys; i++) {
		struct conf_sdf_key *key = &sdf->keys[i];
		free(key->sign);
		free(key->encrypt);
		free(key->rsa_sign);
		free(key->rsa_encrypt);
		free(key->password);
	}
	for (size_t i = 0; i < sdf->nkeks; i++)
		free(sdf->keks[i].key);
	free(sdf->keys);
	free(sdf->keks);
	free(sdf->token);
	free(sdf->login);
	free(sdf->files);
	free(sdf->vendor);
	free(sdf->model);
	free(sdf->serial);
	*sdf = (struct conf_sdf){0};
}

/* -- checking --------------------------------------------------------------------------- */

static void check_object(struct conf_reporter *reporter, int line, const char *key, const char *text)
{
	uint8_t id[ID_MAX];
	size_t len;
	if (!text)
		return;
	if (!*text)
		conf_problem(reporter, line, "%s names no object. Write a label, or id= and hexadecimal digits", key);
	else if (strncmp(text, ID_PREFIX, strlen(ID_PREFIX)) == 0 && !conf_sdf_read_id(text, id, sizeof(id), &len))
		conf_problem(reporter, line, "%s = \"%s\" is no identifier. Write id= and an even number of hexadecimal digits", key, text);
}

void conf_sdf_check_key(const struct conf_sdf *sdf, struct conf_sdf_key *key, struct conf_reporter *reporter)
{
	check_object(reporter, key->line, "sign", key->sign);
	check_object(reporter, key->line, "encrypt", key->encrypt);
	check_object(reporter, key->line, "rsa_sign", key->rsa_sign);
	check_object(reporter, key->line, "rsa_encrypt", key->rsa_encrypt);
	if (!key->sign && !key->encrypt && !key->rsa_sign && !key->rsa_encrypt)
		conf_problem(reporter, key->line, "sdf_key \"%u\" has no key. Add sign, encrypt, rsa_sign or rsa_encrypt = \"label\"",
		             key->index);
	if (!key->password)
		return;
	if (!conf_sdf_read_password(key->password, &key->access, &key->verifier))
		conf_problem(reporter, key->line, "the password of sdf_key \"%u\" is no verifier. Write open, or what hufu sdf password "
		             "prints", key->index);
	else if (!sdf->login) /* nobody else would give the PIN */
		conf_problem(reporter, key->line, "sdf_key \"%u\" has a password of its own, and nobody logs in. Add login = "
		             "\"file:/path\" to the section sdf", key->index);
}

void conf_sdf_check_kek(const struct conf_sdf_kek *kek, struct conf_reporter *reporter)
{
	if (!kek->key)
		conf_problem(reporter, kek->line, "sdf_kek \"%u\" has no key. Add key = \"label\"", kek->index);
	check_object(reporter, kek->line, "key", kek->key);
}

static void check_text(struct conf_reporter *reporter, int line, const char *key, const char *text, size_t max)
{
	if (text && strlen(text) > max)
		conf_problem(reporter, line, "%s = \"%s\" is too long. GM/T 0018 has room for %zu bytes", key, text, max);
}

static bool has_token(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ntokens; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return true;
	return false;
}

void conf_sdf_check(const struct conf *conf, bool cut, struct conf_reporter *reporter)
{
	const struct conf_sdf *sdf = &conf->sdf;
	check_text(reporter, sdf->line, "vendor", sdf->vendor, VENDOR_MAX);
	check_text(reporter, sdf->line, "model", sdf->model, MODEL_MAX);
	check_text(reporter, sdf->line, "serial", sdf->serial, SERIAL_MAX);
	/* A token of token_dir may still be made; a section that was not read may be the one. */
	if (sdf->token && !conf->token_dir && !cut && !has_token(conf, sdf->token))
		conf_problem(reporter, sdf->line, "there is no token \"%s\". Add token \"%s\" { ... }, or name another", sdf->token,
		             sdf->token);
}
