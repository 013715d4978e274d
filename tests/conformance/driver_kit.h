/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One suite over every driver: what differs is how an op gets there. A program
 * a driver (driver_soft.c, ...) names a subject and runs the suite on it.
 */
#ifndef DRIVER_KIT_H
#define DRIVER_KIT_H

#include "hufu/driver.h"

#include <stdbool.h>

struct kit_key;

struct subject {
	void (*open)(void);
	void (*close)(void);
	/* The op on the key: op->key is set here. */
	enum hufu_err (*run)(struct hufu_op *, struct kit_key *);
	struct kit_key *(*key_new)(enum hufu_key_type, const uint8_t *clear, size_t len);
	/* Evicts it. */
	void (*key_free)(struct kit_key *);
	/* What ops take for their subject from now on; NULL: none. */
	void (*set_subject)(struct kit_key *);
	/* Both NULL where there is a pool in between. */
	const struct hufu_driver *driver;
	struct hufu_device *(*device)(void);
};

/* Straight to the driver; options are names and values, NULL-terminated. */
extern const struct subject direct_subject;
void direct_use(const struct hufu_driver *, const char *const *options);
/* A key by its copy, as the driver gave it. */
struct kit_key *direct_key(enum hufu_key_type, enum hufu_copy_kind, const uint8_t *copy, size_t len);

/* Through a pool over the devices of the configuration's only token, whose domain is "soft". */
struct pool;
struct pooled {
	const char *configuration;
	const char *driver;            /* for all devices: a registered one that configurations may not name; or NULL */
	const char *imports;           /* a domain where keys have a copy by IMPORT, those that its devices take in; or NULL */
	void (*opened)(struct pool *); /* after each pool is made, or NULL */
	void (*closed)(void);          /* after each is freed, or NULL */
};
extern const struct subject pooled_subject;
void pooled_use(const struct pooled *);
/* Ops with a key that devices of that domain ran. */
unsigned long pooled_imports_served(void);
/* Do all its n devices serve? */
bool pooled_serves(struct pool *, size_t n);
/* From now on the fault devices do as told: names and scripts. All have shown that they are sound. */
void pooled_break(struct pool *, const char *const (*scripts)[2], size_t n);

int driver_suite(const char *name, const struct subject *);
/* Some of its cases, and others. */
struct unit_case;
int driver_suite_of(const char *name, const struct subject *, const struct unit_case *);

#endif
