/* SPDX-License-Identifier: Apache-2.0 */
/* hufu domain verify: each device answers a challenge with the key that stands for its domain. */
#include "tools/domains.h"
#include "tools/report.h"
#include "tools/table.h"

#include <string.h>

const struct opt domain_verify_opts[] = {
	{"domain", 0, "DOMAIN", "only the devices of this domain"},
	{0},
};

struct proofs {
	struct table table;
	json_t *list;
	unsigned wrong, unable;
};

static void keep_proof(const char *device, const char *domain, enum hufu_err err, void *arg)
{
	struct proofs *p = arg;
	const char *result = err == HUFU_OK ? "proven" : err == HUFU_ERR_CORRUPT ? "wrong" : "could not be asked";

	p->wrong += err == HUFU_ERR_CORRUPT;
	p->unable += err != HUFU_OK && err != HUFU_ERR_CORRUPT;
	table_row(&p->table, (const char *const[]){device, domain, result, err ? err_text(err) : ""});
	json_array_append_new(p->list, json_pack("{s:s,s:s,s:s,s:s?}", "device", device, "domain", domain, "result", result,
	                                         "error", err ? err_name(err) : NULL));
}

static enum status give_proofs(struct pool *pool, const struct domains *d, const char *domain, unsigned *given)
{
	for (size_t i = 0; i < d->nenrolled; i++) {
		const struct store_domain *e = &d->enrolled[i];
		struct pool_copy copy = {.kind = (enum hufu_copy_kind)e->proof_kind, .domain = e->name, .data = e->proof,
		                         .len = e->proof_len};
		if (!e->proof || (domain && strcmp(domain, e->name)))
			continue;
		enum hufu_err err = e->secret ? pool_add_secret_proof(pool, (enum hufu_key_type)e->secret_type, &copy, e->challenge, e->answer) :
		                                pool_add_proof(pool, &copy, e->point);
		if (err)
			return fail_err(err, "taking the proof of domain \"%s\"", e->name);
		++*given;
	}
	return *given ? ST_OK
	              : fail(ST_NOT_FOUND, "hufu domain enroll makes it, with the security officer's PIN.",
	                     "there is no proof that a device could be asked for");
}

static enum status ask(struct domains *d, const char *domain, struct proofs *proofs)
{
	struct pool *pool;
	unsigned given = 0;
	enum status status = domains_pool(d, &pool);

	if (status)
		return status;
	status = give_proofs(pool, d, domain, &given);
	if (status == ST_OK) {
		enum hufu_err err = pool_verify_domain(pool, domain, keep_proof, proofs);
		/* what each device answered is in proofs */
		if (err && !proofs->wrong && !proofs->unable)
			status = fail_err(err, "asking the devices");
	}
	domains_pool_free(d, pool);
	return status;
}

static enum status judge(const struct args *args, const struct proofs *p)
{
	enum status status = args->json ? out_json(json_pack("{s:s,s:O}", "schema", "hufu-domain-verify/1", "devices", p->list))
	                                : table_print(&p->table, stdout, "The domain has no device.");

	if (status)
		return status;
	/* The document has been written: what remains to be said is no second one. */
	if (p->wrong)
		note("%u device%s not of the domain that the configuration says. Correct the domain in its section, or its "
		     "key-encryption key; running programs quarantine it.",
		     p->wrong, p->wrong == 1 ? " is" : "s are");
	if (p->unable)
		note("%u device%s could not be asked. hufu device probe says why.", p->unable, p->unable == 1 ? "" : "s");
	return p->wrong ? ST_INTEGRITY : p->unable ? ST_UNAVAILABLE : ST_OK;
}

enum status cmd_domain_verify(const struct args *args)
{
	static const char *const titles[] = {"DEVICE", "DOMAIN", "RESULT", "WHY", NULL};
	struct proofs proofs = {.list = json_array()};
	struct domains d = {0};
	enum status status = domains_load(arg_target(args, 0), &d);

	table_init(&proofs.table, titles);
	if (status == ST_OK)
		status = domains_login(args, &d);
	if (status == ST_OK)
		status = ask(&d, arg_get(args, "domain"), &proofs);
	if (status == ST_OK)
		status = judge(args, &proofs);
	table_clear(&proofs.table);
	json_decref(proofs.list);
	domains_clear(&d);
	return status;
}
