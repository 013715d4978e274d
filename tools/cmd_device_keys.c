/* SPDX-License-Identifier: Apache-2.0 */
/* hufu device keys: the keys that devices keep, made there by their vendors' tools. */
#include "base/clock.h"
#include "hufu/pkcs11-sm.h"
#include "tools/domains.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/table.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS (10 * NS_PER_S)
#define KEYS_MAX 4096

const struct opt device_keys_opts[] = {
	{"adopt", 0, NULL, "log in, so that they become objects of the token"},
	{0},
};

struct listing {
	struct domains domains;
	struct table table;
	json_t *list;
	bool known;                 /* whether they are objects */
	unsigned unable;            /* domains that could not be asked */
};

static const char *type_text(enum hufu_key_type type)
{
	switch (type) {
	case HUFU_KEY_SM2_PRIVATE: return "sm2";
	case HUFU_KEY_SM4: return "sm4";
	case HUFU_KEY_ZUC: return "zuc";
	case HUFU_KEY_SECRET: return "secret";
	case HUFU_KEY_AES: return "aes";
	case HUFU_KEY_DES3: return "3des";
	case HUFU_KEY_RSA_PRIVATE: return "rsa";
	case HUFU_KEY_EC_PRIVATE: return "ec";
	case HUFU_KEY_EDWARDS_PRIVATE: return "edwards";
	case HUFU_KEY_MONTGOMERY_PRIVATE: return "montgomery";
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PUBLIC: break;
	}
	return "?";
}

static const char *uses_text(uint32_t verbs, char out[80])
{
	static const struct {
		enum hufu_verb verb;
		const char *text;
	} uses[] = {{HUFU_VERB_SIGN, "sign"}, {HUFU_VERB_DECRYPT, "decrypt"}, {HUFU_VERB_ENCRYPT, "encrypt"}, {HUFU_VERB_WRAP, "wrap"},
	            {HUFU_VERB_UNWRAP, "unwrap"}, {HUFU_VERB_DERIVE, "derive"}};
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; i < sizeof uses / sizeof uses[0] && used < 70; i++)
		if (verbs & 1u << uses[i].verb)
			used += (size_t)snprintf(out + used, 80 - used, "%s%s", used ? "," : "", uses[i].text);
	return used ? out : "-";
}

/* -- objects of the token ---------------------------------------------------------- */

/* Is there a row of this copy, in this domain? After a login. */
static bool is_object(struct store *store, const char *domain, const struct hufu_resident *r)
{
	struct store_attr wanted = {.type = CKA_HUFU_RESIDENT, .value = (const uint8_t *)domain, .len = strlen(domain), .indexed = true};
	uint8_t (*uuids)[16];
	struct store_row *row;
	bool found = false;
	size_t n;

	if (store_find(store, &wanted, 1, true, &uuids, &n) != HUFU_OK)
		return false;
	for (size_t i = 0; i < n && !found; i++) {
		if (store_get(store, uuids[i], &row) != HUFU_OK)
			continue;
		found = row->ncopies == 1 && row->copies[0].len == r->copy_len && !memcmp(row->copies[0].data, r->copy, r->copy_len);
		store_row_free(row);
	}
	free(uuids);
	return found;
}

/* -- what devices tell ----------------------------------------------------------------- */

static void show(struct listing *l, const char *domain, const struct hufu_resident *r)
{
	bool object = l->known && is_object(l->domains.file.store, domain, r);
	char uses[80], id[2 * HUFU_RESIDENT_ID_MAX + 1] = "", size[16] = "";

	for (size_t i = 0; i < r->id_len; i++)
		snprintf(id + 2 * i, 3, "%02x", r->id[i]);
	if (r->nbits)
		snprintf(size, sizeof size, "-%u", r->nbits);
	char type[32];
	snprintf(type, sizeof type, "%s%s", type_text(r->type), size);
	table_row(&l->table, (const char *const[]){domain, r->label, type, uses_text(r->verbs, uses), id[0] ? id : "-",
	                                           !l->known ? "?" : object ? "yes" : "no"});
	json_array_append_new(l->list, json_pack("{s:o,s:o,s:s,s:s,s:s,s:o}", "domain", json_text(domain, strlen(domain)), "label",
	                                         json_text(r->label, strlen(r->label)), "type", type, "uses", uses_text(r->verbs, uses),
	                                         "id", id, "object", l->known ? json_boolean(object) : json_null()));
}

static void ask(struct listing *l, struct pool *pool, const char *domain)
{
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
	struct hufu_resident r;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
	enum hufu_err err = HUFU_OK;
	unsigned nonsense = 0;

	for (uint32_t nth = 0; nth < KEYS_MAX && (err == HUFU_OK || err == HUFU_ERR_KEY_VALUE); nth++) {
		err = pool_resident(pool, domain, nth, deadline_ns, &r, pub, &pub_len);
		nonsense += err == HUFU_ERR_KEY_VALUE;
		if (err == HUFU_OK)
			show(l, domain, &r);
	}
	if (nonsense)
		note("what the device tells of %u keys of domain \"%s\" makes no sense: they are not shown.", nonsense, domain);
	if (err == HUFU_OK || err == HUFU_ERR_KEY_VALUE || err == HUFU_ERR_NO_KEY || hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED)
		return;
	l->unable++;
	note("domain \"%s\" could not be asked: %s. hufu device probe says why.", domain, err_text(err));
}

static enum status ask_all(struct listing *l)
{
	const struct conf_token *token = l->domains.file.token;
	const struct conf_device *devices = l->domains.file.config->devices;
	struct pool *pool;
	enum status status = domains_pool(&l->domains, &pool);

	for (size_t i = 0; status == ST_OK && i < token->ndevices; i++) {
		size_t first = 0;
		while (strcmp(devices[token->devices[first]].domain, devices[token->devices[i]].domain))
			first++;
		if (first == i)
			ask(l, pool, devices[token->devices[i]].domain);
	}
	if (status == ST_OK)
		domains_pool_free(&l->domains, pool);
	return status;
}

/* -- all --------------------------------------------------------------------------------- */

/* The module takes them in when the user logs in. */
static enum status adopt(const struct args *args, char label[64])
{
	struct session s;
	enum status status = session_open(args, arg_target(args, 0), SELECT_TOKEN, true, LOGIN_USER, &s);

	snprintf(label, 64, "%s", s.label);
	session_close(&s);
	return status;
}

static enum status print(const struct args *args, const struct listing *l)
{
	enum status status = args->json ? out_json(json_pack("{s:s,s:O}", "schema", "hufu-device-keys/1", "keys", l->list)) :
	                                  table_print(&l->table, stdout, "The token's devices tell of no keys that they keep.");

	return status ? status : l->unable ? ST_PARTIAL : ST_OK;
}

enum status cmd_device_keys(const struct args *args)
{
	static const char *const titles[] = {"DOMAIN", "LABEL", "TYPE", "USES", "ID", "OBJECT", NULL};
	struct listing l = {.list = json_array()};
	char label[64];
	bool adopts = arg_has(args, "adopt"), logs_in = arg_has(args, "login") || pin_given(args, &(struct pin_wish){.what = "pin"});
	enum status status = adopts ? adopt(args, label) : ST_OK;

	table_init(&l.table, titles);
	if (status == ST_OK)
		status = domains_load(adopts ? label : arg_target(args, 0), &l.domains);
	if (status == ST_OK && logs_in && !(adopts && arg_has(args, "pin-fd"))) /* a descriptor is read once */
		status = domains_login(args, &l.domains);
	l.known = status == ST_OK && l.domains.copies_known;
	if (status == ST_OK)
		status = ask_all(&l);
	if (status == ST_OK)
		status = print(args, &l);
	table_clear(&l.table);
	json_decref(l.list);
	domains_clear(&l.domains);
	return status;
}
