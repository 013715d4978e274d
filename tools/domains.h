/* SPDX-License-Identifier: Apache-2.0 */
/* What a token's store knows of domains. */
#ifndef DOMAINS_H
#define DOMAINS_H

#include "pool/pool.h"
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
/* The same, as the security officer where --so or one of his PIN's options was given. */
enum status domains_login_either(const struct args *, struct domains *) MUST_USE;
/* The domain that a word of the user's names: by its own name, or by that of one of its devices. ST_NOT_FOUND. */
enum status domains_find(const struct domains *, const char *word, const char **domain) MUST_USE;
/* A pool of this process's own, over the token's devices, which are told the credentials if there was a login. */
enum status domains_pool(struct domains *, struct pool **) MUST_USE;
/* Keeps which of them were refused. */
void domains_pool_free(struct domains *, struct pool *);
void domains_clear(struct domains *);

#endif
