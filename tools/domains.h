/* SPDX-License-Identifier: Apache-2.0 */
/* What a token's store knows of domains. */
#ifndef DOMAINS_H
#define DOMAINS_H

#include "tools/storefile.h"

struct domains {
	struct storefile file;
	struct store_domain *enrolled;
	size_t nenrolled;
	bool copies_known;          /* after a login: most keys are private */
	char copies[STORE_DOMAINS_MAX][STORE_DOMAIN_MAX + 1]; /* domains that keys have copies for */
	size_t ncopies;
};

/* token as storefile_find takes it. The caller clears it, also after a failure. */
enum status domains_load(const char *token, struct domains *) MUST_USE;
/* Reads them again, under the user's PIN: with the proofs, and what keys have copies for. */
enum status domains_login(const struct args *, struct domains *) MUST_USE;
void domains_clear(struct domains *);

#endif
