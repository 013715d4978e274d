/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients' copies of keys are to whoever runs ops on them: opened once, and
 * kept as long as they are used. Thread-safe.
 */
#ifndef HUFUD_KEY_CACHE_H
#define HUFUD_KEY_CACHE_H

#include "base/err.h"

#define KEY_CACHE_MAX 4096u

struct key_cache;

/* A value is counted by whoever made it: open gives it held once. rele may wait for a device; no lock is held then. */
struct key_cache_ops {
	enum hufu_err (*open)(void *arg, const struct hufu_key *, void **value);
	void (*hold)(void *value);
	void (*rele)(void *value);
	bool secret;                   /* the copies are: they are kept in secret memory */
};

enum hufu_err key_cache_new(const struct key_cache_ops *, void *arg, uint32_t max, struct key_cache **) MUST_CHECK;
/* NULL is ignored. */
void key_cache_free(struct key_cache *);
/*
 * The value of what a request brought, held for the caller. uuid and version only find it: that it is the same is told by
 * its type, its kind and all bytes of the copy.
 */
enum hufu_err key_cache_get(struct key_cache *, const struct hufu_key *, void **value) MUST_CHECK;
/* It is not needed any more, says a client. */
void key_cache_drop(struct key_cache *, const struct hufu_key *);

#endif
