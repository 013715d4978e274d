/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL provider "hufu" (provider(7)): keys that never leave a token's
 * devices, under the names and parameters of the default provider.
 *
 * A struct provider is one load of it, in one library context. The core beneath
 * is one a process: it starts with the first key, random bytes or token that
 * anybody asks of any of them (desk.h), so a provider that is only loaded opens
 * no file, and ends with the last provider.
 *
 * All algorithms have the property "provider=hufu". Those that work without a
 * token (public halves, SM3 and SM4 with a given key) come second behind the default
 * provider's for whoever states no property.
 */
#ifndef OSSL_PROVIDER_H
#define OSSL_PROVIDER_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <stdbool.h>

#include "hufu/pkcs11-sm.h"

#define PROVIDER_NAME "hufu"
#define PROVIDER_PROPERTIES "provider=" PROVIDER_NAME

/* What the provider's section of openssl.cnf may say; strings are the core's, and live as long as the provider. */
struct settings {
	const char *conf;               /* "conf": the file in place of hufu.conf where the library looks for it */
	const char *pin_source;         /* "pin-source": of RFC 7512, for URIs that have none: a file's name or file: URI */
	const char *credential;         /* "credential": a systemd credential that holds the PIN */
	const char *token;              /* "token": the label of the token that random bytes come from, and whoever names none means */
	const char *sm2_id;             /* "sm2-id": the ID of SM2's signers who state none; NULL: what this libcrypto takes */
};

struct upcalls;                         /* error.c: libcrypto's functions for providers */

struct provider {
	const OSSL_CORE_HANDLE *handle;
	const struct upcalls *upcalls;
	struct settings settings;
};

/* -- what each file implements; each ends with a row of NULL ---------------------- */

extern const OSSL_ALGORITHM digest_algorithms[], cipher_algorithms[], mac_algorithms[], rand_algorithms[], keymgmt_algorithms[],
	keyexch_algorithms[], signature_algorithms[], asym_cipher_algorithms[], store_algorithms[], encoder_algorithms[],
	decoder_algorithms[];

/* A row of such a table. */
#define ALGORITHM(names, functions, text) {(names), PROVIDER_PROPERTIES, (functions), (text)}
/* A row of a dispatch table: the type of every function is checked by the cast's opposite, a call with the right one. */
#define FUNCTION(id, function) {(id), (void (*)(void))(function)}
#define END_OF_FUNCTIONS {0, NULL}

#endif
