/* SPDX-License-Identifier: Apache-2.0 */
/* hufu gateway check */
#include "tools/gateway/gateway.h"

#include "tools/fleet_text.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdlib.h>

const struct opt gateway_check_opts[] = {
	{"config", 0, "FILE", "the server's openssl.cnf, default $OPENSSL_CONF or the library's own"},
	{"provider-path", 0, "DIR", "look for the provider there, and load it where openssl.cnf does not"},
	{"cert", 0, "FILE", "certificates (PEM) for keys that have none in the token; may be repeated"},
	{"days", 0, "N", "say so where a certificate expires within N days, default 30"},
	{0},
};

struct check {
	const struct args *args;
	struct remarks remarks;
	struct road road;
	struct served served;
	struct identity *identities;
	size_t nidentities;
	struct {
		struct handshake handshake;
		char device[STATS_NAME * 2];
	} *tried;
	size_t ntried, nfailed;
};

/* -- which keys ------------------------------------------------------------------------ */

static enum status find(struct check *c, struct finder *finder, char *const *names, size_t n, bool quiet)
{
	c->identities = calloc(n + 1, sizeof *c->identities);
	if (!c->identities)
		return fail_memory();
	for (size_t i = 0; i < n; i++)
		if (identity_find(finder, names[i], quiet, &c->identities[c->nidentities]))
			c->nidentities++;
	if (finder->asked)
		advise(&c->remarks, "Let hufu's section of openssl.cnf have pin-source or credential, or the URI pin-source.",
		       "the PIN was asked for here: a server that starts by itself has nobody to ask");
	return ST_OK;
}

static enum status find_all(struct check *c, struct finder *finder)
{
	char **uris = NULL;
	size_t n = 0;
	enum status status = keys_with_certificate(c->args, &uris, &n);

	if (status == ST_OK)
		status = find(c, finder, uris, n, true);
	if (status == ST_OK && c->nidentities == 0 && c->remarks.status == ST_OK)
		status = fail(ST_NOT_FOUND, "Give the key's URI, and the server's certificate with --cert, or bring it into the token: hufu cert import.",
		              "no token has a private key and its certificate");
	for (size_t i = 0; i < n; i++)
		free(uris[i]);
	free(uris);
	return status;
}

static enum status find_identities(struct check *c)
{
	struct finder finder;
	enum status status = finder_init(&finder, c->args, &c->road, &c->remarks);

	if (status == ST_OK)
		status = c->args->ntargets ? find(c, &finder, c->args->targets, (size_t)c->args->ntargets, false) : find_all(c, &finder);
	finder_clear(&finder);
	return status;
}

/* -- which handshakes -------------------------------------------------------------------- */

/* TLCP's second certificate goes to the same holder as the first (GB/T 38636 6.4.5.3). */
static const struct identity *encryption_of(const struct check *c, const struct identity *sign)
{
	for (size_t i = 0; i < c->nidentities; i++) {
		const struct identity *id = &c->identities[i];
		if (identity_is_sm2(id) && identity_encrypts(id) && (id != sign) &&
		    X509_NAME_cmp(X509_get_subject_name(id->certificate), X509_get_subject_name(sign->certificate)) == 0)
			return id;
	}
	return NULL;
}

static enum status try_one(struct check *c, const struct protocol *p, const struct identity *id, const struct identity *encryption)
{
	void *more = reallocarray(c->tried, c->ntried + 1, sizeof *c->tried);

	if (!more)
		return fail_memory();
	c->tried = more;
	struct handshake *h = &c->tried[c->ntried].handshake;
	*h = (struct handshake){.protocol = p, .identity = id, .encryption = encryption};
	served_begin(&c->served);
	handshake_run(&c->road, h);
	served_end(&c->served, c->tried[c->ntried].device, sizeof c->tried[c->ntried].device);
	c->ntried++;
	if (h->status) {
		c->nfailed++;
		problem(&c->remarks, h->status, "A client would see the same. hufu key test tries the key alone, hufu device list shows who serves.",
		        "%s with %s failed: %s", p->name, id->name, h->error);
	}
	return ST_OK;
}

/* All protocols that the library has for the key. */
static enum status try_identity(struct check *c, const struct identity *id)
{
	enum status status = ST_OK;
	size_t before = c->ntried;
	bool alone = false;

	for (const struct protocol *p = protocols; p->name && status == ST_OK; p++) {
		if (!handshake_suits(&c->road, p, id))
			continue;
		const struct identity *encryption = p->version ? NULL : encryption_of(c, id);
		alone |= !p->version && !encryption;
		if (p->version || encryption)
			status = try_one(c, p, id, encryption);
	}
	if (alone)
		advise(&c->remarks, "Give both URIs: hufu cert request makes the requests of a pair.",
		       "TLCP was not tried with %s: there is no encryption key with a certificate for the same subject", id->name);
	if (status == ST_OK && c->ntried == before && !alone && identity_signs(id))
		problem(&c->remarks, ST_UNAVAILABLE, NULL, "no protocol of %s has a place for the key %s", library_name(), id->name);
	return status;
}

static enum status try_all(struct check *c)
{
	enum status status = ST_OK;

	for (size_t i = 0; status == ST_OK && i < c->nidentities; i++)
		status = try_identity(c, &c->identities[i]);
	if (status == ST_OK && c->ntried && !c->served.known)
		advise(&c->remarks, "They need /run/hufu/UID, XDG_RUNTIME_DIR, or run_dir in hufu.conf.",
		       "which device served is not known: this process has no place to publish its counters");
	return status;
}

/* -- what is shown ------------------------------------------------------------------------ */

static enum status show_text(const struct check *c)
{
	static const char *const titles[] = {"PROTOCOL", "SUITE", "KEY", "DEVICE", "TIME", NULL};
	struct table table;

	field("Library", "%s", library_name());
	field("Provider", "hufu %s", c->road.version);
	field("Configuration", "%s", c->road.config ? c->road.config : "none");
	putchar('\n');
	table_init(&table, titles);
	for (size_t i = 0; i < c->ntried; i++) {
		const struct handshake *h = &c->tried[i].handshake;
		char time[32];
		table_row(&table, (const char *const[]){h->protocol->name, h->status ? "failed" : h->suite, h->identity->name,
		                                        h->status ? "-" : c->tried[i].device,
		                                        h->status ? "-" : duration_text(h->ns, time, sizeof time)});
	}
	enum status status = table_print(&table, stdout, "No handshake could be tried.");
	table_clear(&table);
	if (json_array_size(c->remarks.list))
		putchar('\n');
	remarks_print(&c->remarks);
	return status;
}

static enum status show_json(const struct check *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->ntried; i++) {
		const struct handshake *h = &c->tried[i].handshake;
		json_array_append_new(list, json_pack("{s:s,s:s*,s:s,s:s*,s:s*,s:b,s:I,s:s*}", "protocol", h->protocol->name, "suite",
		                                      h->status ? NULL : h->suite, "key", h->identity->name, "encryption_key",
		                                      h->encryption ? h->encryption->name : NULL, "device",
		                                      h->status || c->tried[i].device[0] == '-' ? NULL : c->tried[i].device, "done", !h->status,
		                                      "time_ns", (json_int_t)h->ns, "error", h->status ? h->error : NULL));
	}
	return out_json(json_pack("{s:s,s:s,s:s,s:s*,s:o,s:O}", "schema", "hufu-gateway-check/1", "library",
	                          library_name(), "provider", c->road.version, "config", c->road.config, "handshakes", list,
	                          "remarks", c->remarks.list));
}

static void check_clear(struct check *c)
{
	for (size_t i = 0; i < c->nidentities; i++)
		identity_clear(&c->identities[i]);
	free(c->identities);
	free(c->tried);
	served_clear(&c->served);
	road_close(&c->road);
	remarks_clear(&c->remarks);
}

enum status cmd_gateway_check(const struct args *args)
{
	struct check c = {.args = args};
	unsigned long days;
	enum status status = arg_number(args, "days", 0, 36500, 30, &days);

	if (status == ST_OK && !remarks_init(&c.remarks))
		status = fail_memory();
	if (status == ST_OK)
		status = road_open(args, &c.road, &c.remarks);
	if (status == ST_OK)
		status = served_init(&c.served);
	if (status == ST_OK)
		status = find_identities(&c);
	if (status == ST_OK)
		status = try_all(&c);
	if (status == ST_OK) {
		library_limits(&c.road, &c.remarks);
		status = args->json ? show_json(&c) : show_text(&c);
	}
	if (status == ST_OK && c.remarks.status)
		status = c.nfailed < c.ntried ? ST_PARTIAL : c.remarks.status;
	check_clear(&c);
	return status;
}
