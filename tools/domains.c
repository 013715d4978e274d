/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/domains.h"
#include "base/log.h"
#include "tools/pin.h"
#include "tools/report.h"

enum status domains_load(const char *token, struct domains *d)
{
	char why[256];
	enum status status = storefile_find(token, NULL, NULL, &d->file);

	/* What the core has to say belongs to whoever sits here; HUFU_LOG still overrides. */
	if (log_configure("stderr", HUFU_LOG_WARNING, why, sizeof why))
		note("%s", why);
	if (status)
		return status;
	enum hufu_err err = store_open(&d->file.conf, &d->file.store);
	if (err == HUFU_OK)
		err = store_domains(d->file.store, &d->enrolled, &d->nenrolled);
	return err ? fail_err(err, "reading the store %s", d->file.conf.path) : ST_OK;
}

void domains_clear(struct domains *d)
{
	store_domains_free(d->enrolled, d->nenrolled);
	storefile_clear(&d->file);
}

enum status domains_login(const struct args *args, struct domains *d)
{
	struct pin_wish wish = {.what = "pin", .prompt = "user's PIN"};
	struct pin pin;
	enum status status = pin_read(args, &wish, &pin);

	if (status)
		return status;
	enum hufu_err err = store_login(d->file.store, STORE_USER, pin.bytes, pin.len);
	pin_clear(&pin);
	if (err)
		return fail_err(err, "logging in to %s", d->file.conf.path);
	store_domains_free(d->enrolled, d->nenrolled);
	d->enrolled = NULL;
	err = store_domains(d->file.store, &d->enrolled, &d->nenrolled);
	if (err == HUFU_OK)
		err = store_copy_domains(d->file.store, d->copies, STORE_DOMAINS_MAX, &d->ncopies);
	d->copies_known = err == HUFU_OK;
	return err ? fail_err(err, "reading the domains of %s", d->file.conf.path) : ST_OK;
}
