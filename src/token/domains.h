/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The domains of a token: enrolled by the security officer, proven by their
 * devices before they use a key, and where copies of keys go.
 *
 * Whoever initialises a token or logs in as its security officer enrols every
 * configured domain that can be reached and is not yet enrolled: the configuration
 * says which devices, the officer's login that it is meant. With it goes a proof,
 * an SM2 key that a device of the domain made; the store keeps it, sealed, and
 * it is lent to the pool while somebody is logged in. Devices that make no such pairs
 * prove themselves by a key of SM4 or AES; what was enrolled without a proof gets it at
 * a later login of the officer. What devices want to be told before they let their keys
 * be used (credentials) the store keeps likewise.
 *
 * A token that has none enrolled (an earlier version made it, or no device could be
 * reached) enrols at the next login whatever its keys have copies for, or, having
 * none, what is configured.
 */
#ifndef TOKEN_DOMAINS_H
#define TOKEN_DOMAINS_H

#include "token/token.h"

/* A domain that a key may have a copy for. */
struct target {
	char name[STORE_DOMAIN_MAX + 1];
	bool exposed;                   /* what a copy there holds can be read on this host */
	bool up;                        /* one of its devices can be used now */
};

struct targets {
	struct target list[STORE_DOMAINS_MAX];
	size_t n;
};

/*
 * The token key is at hand in the store: lends credentials to the pool, enrols what is missing (see above) and lends the
 * proofs. What fails is logged.
 */
void domains_login(struct token *, enum login);
/*
 * It still is: which credentials devices have refused is kept, for other processes. Once they were asked, since nobody
 * knows how this process ends; and before the login does.
 */
void domains_keep_refusals(struct token *);
/* It still is, and there are other credentials than before: those of machines are renewed from time to time (store = "net"). */
void domains_renew(struct token *);
/* The login has ended: takes them back. */
void domains_logout(struct token *);
/* A fresh token: as its security officer, for this once. */
void domains_init(struct token *, const CK_BYTE *pin, CK_ULONG pin_len);

/*
 * Enrolled and configured, as hardware_only allows: those that are up first, of
 * them hardware. CKR_DEVICE_ERROR, CKR_USER_NOT_LOGGED_IN, logged: there is none.
 */
CK_RV domains_targets(struct token *, bool hardware_only, struct targets *);
/* The names of the enrolled domains; how many. */
size_t domains_names(struct token *, char (*names)[STORE_DOMAIN_MAX + 1]);
/* Counts the changes of what is enrolled; 0: not known yet. */
uint64_t domains_generation(const struct token *);

#endif
