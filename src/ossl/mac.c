/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC and CMAC (provider-mac(7)), with the parameters of the default provider and
 * one more: "uri" names a key of a token, which takes the place of a key's bytes.
 * With a key's bytes libcrypto's own MAC does it, in our own library context, so
 * that a program that prefers this provider for everything loses nothing.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "crypto/context.h"
#include "crypto/mechanism.h"
#include "ossl/hash_name.h"
#include "ossl/octets.h"
#include "ossl/param.h"
#include "ossl/seat.h"
#include "ossl/token_key.h"
#include "token/operation.h"

#define CMAC_LEN 16
#define PARAMS_MAX 16
#define STATE_MAX 4096
#define PIECE 65536                     /* that a token is given at once */

struct mac {
	const struct provider *provider;
	const char *name;               /* of the algorithm */
	EVP_MAC_CTX *host;              /* NULL once a token's key was named */
	struct token_key *token;
	enum hash_id hash;              /* HMAC's; HASH_NONE: not told, or none that a token has */
	char cipher[32];                /* CMAC's; or empty */
	struct seat seat;               /* where the token's operation is under way */
};

static bool is_hmac(const struct mac *mac)
{
	return strcmp(mac->name, OSSL_MAC_NAME_HMAC) == 0;
}

/* -- its life ---------------------------------------------------------------------- */

static EVP_MAC_CTX *new_host(const char *name)
{
	EVP_MAC *method = EVP_MAC_fetch(libcrypto_context(), name, NULL);
	EVP_MAC_CTX *host = method ? EVP_MAC_CTX_new(method) : NULL;

	EVP_MAC_free(method);
	return host;
}

static void free_context(void *arg)
{
	struct mac *mac = arg;

	if (!mac)
		return;
	seat_give(&mac->seat);
	EVP_MAC_CTX_free(mac->host);
	token_key_rele(mac->token);
	free(mac);
}

static void *new_context(void *provider, const char *name)
{
	struct mac *mac = calloc(1, sizeof *mac);

	if (!mac)
		return NULL;
	*mac = (struct mac){.provider = provider, .name = name, .host = new_host(name)};
	if (mac->host)
		return mac;
	free_context(mac);
	return NULL;
}

static void *new_hmac(void *provider)
{
	return new_context(provider, OSSL_MAC_NAME_HMAC);
}

static void *new_cmac(void *provider)
{
	return new_context(provider, OSSL_MAC_NAME_CMAC);
}

/* -- parameters -------------------------------------------------------------------- */

/* What the program's library context has to say of properties is nothing to ours; "uri" is ours alone. */
static int set_host(const struct mac *mac, const OSSL_PARAM params[])
{
	OSSL_PARAM some[PARAMS_MAX + 1];
	size_t n = 0;

	for (; params->key; params++)
		if (strcmp(params->key, OSSL_MAC_PARAM_PROPERTIES) != 0 && strcmp(params->key, PARAM_URI) != 0) {
			if (n == PARAMS_MAX)
				return fail(mac->provider, REASON_PARAMETER, "%s: more than %d parameters", mac->name, PARAMS_MAX);
			some[n++] = *params;
		}
	some[n] = OSSL_PARAM_construct_end();
	return EVP_MAC_CTX_set_params(mac->host, some) ? 1 : fail(mac->provider, REASON_PARAMETER, "%s: libcrypto's MAC refused",
	                                                          mac->name);
}

static int set_cipher(struct mac *mac, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_CIPHER);

	if (p && !param_text(p, mac->cipher, sizeof mac->cipher))
		return fail(mac->provider, REASON_PARAMETER, "%s: the name of a cipher is wanted", p->key);
	return 1;
}

/* A hash function that only libcrypto has is an error once a token is to use it. */
static int set_hash(struct mac *mac, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_DIGEST);
	char name[64];

	if (!p)
		return 1;
	if (!param_text(p, name, sizeof name))
		return fail(mac->provider, REASON_PARAMETER, "%s: the name of a hash function is wanted", p->key);
	mac->hash = hash_of_name(name);
	return 1;
}

static int set_params(void *arg, const OSSL_PARAM params[])
{
	struct mac *mac = arg;

	if (!params || !params->key)
		return 1;
	if (!token_key_param(mac->provider, params, &mac->token) || !set_cipher(mac, params) || !set_hash(mac, params))
		return 0;
	if (mac->token && OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_KEY))
		return fail(mac->provider, REASON_PARAMETER, "%s: a key's bytes, where " PARAM_URI " names a token's: begin anew with them", mac->name);
	return mac->token || set_host(mac, params);
}

static const OSSL_PARAM *settable_hmac(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(PARAM_URI, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, NULL, 0),
		OSSL_PARAM_int(OSSL_MAC_PARAM_DIGEST_NOINIT, NULL),
		OSSL_PARAM_int(OSSL_MAC_PARAM_DIGEST_ONESHOT, NULL),
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_TLS_DATA_SIZE, NULL),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static const OSSL_PARAM *settable_cmac(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(PARAM_URI, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static size_t token_len(const struct mac *mac)
{
	return is_hmac(mac) ? hash_len(mac->hash) : CMAC_LEN;
}

static int get_params(void *arg, OSSL_PARAM params[])
{
	const struct mac *mac = arg;
	OSSL_PARAM *size = OSSL_PARAM_locate(params, OSSL_MAC_PARAM_SIZE);
	OSSL_PARAM *block = OSSL_PARAM_locate(params, OSSL_MAC_PARAM_BLOCK_SIZE);

	if (!mac->token)
		return EVP_MAC_CTX_get_params(mac->host, params);
	return (!size || param_set_size(size, token_len(mac))) &&
	       (!block || param_set_size(block, is_hmac(mac) ? hash_block_len(mac->hash) : CMAC_LEN));
}

static const OSSL_PARAM *gettable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, NULL),
		OSSL_PARAM_size_t(OSSL_MAC_PARAM_BLOCK_SIZE, NULL),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

/* -- by a token: begun with init, on a session that is kept until the end ------------------------ */

/* What one call of the core reads and writes; the memory is the operation's. */
struct piece {
	CK_MECHANISM_TYPE mechanism;
	uint8_t *data;                  /* in; of the end: out */
	CK_ULONG len;
};

static CK_RV begin_operation(struct session *session, CK_OBJECT_HANDLE handle, void *arg)
{
	CK_MECHANISM mechanism = {((struct piece *)arg)->mechanism, NULL, 0};

	return sign_init(session, &mechanism, handle);
}

static CK_RV run_part(struct session *session, void *arg)
{
	struct piece *piece = arg;

	return sign_update(session, piece->data, piece->len);
}

static CK_RV run_end(struct session *session, void *arg)
{
	struct piece *piece = arg;

	return sign_final(session, piece->data, &piece->len);
}

static int work(struct mac *mac, struct piece *piece, CK_RV (*run)(struct session *, void *))
{
	return token_key_work(mac->token, &(struct token_work){.begin = begin_operation, .run = run, .arg = piece,
	                                                       .seat = &mac->seat, .what = "make a MAC"});
}

/* The key's type says which block cipher; the parameter may say it, too. */
static int cmac_mechanism(const struct mac *mac, CK_MECHANISM_TYPE *type)
{
	bool sm4 = token_key_type(mac->token) == CKK_HUFU_SM4;
	const char *family = sm4 ? "SM4" : "AES";

	if (*mac->cipher && strncasecmp(mac->cipher, family, strlen(family)) != 0)
		return fail(mac->provider, REASON_KEY_TYPE, "CMAC with %s: the key that " PARAM_URI " names is of another type",
		            mac->cipher);
	*type = sm4 ? CKM_HUFU_SM4_CMAC : CKM_AES_CMAC;
	return 1;
}

static int find_mechanism(const struct mac *mac, CK_MECHANISM_TYPE *type)
{
	if (!is_hmac(mac))
		return cmac_mechanism(mac, type);
	*type = hash_hmac_mechanism(mac->hash);
	return mac->hash ? 1 : fail(mac->provider, REASON_PARAMETER, "HMAC: \"digest\" is wanted, one that tokens have");
}

static int begin_token(struct mac *mac)
{
	struct piece piece = {0};

	seat_give(&mac->seat);
	return find_mechanism(mac, &piece.mechanism) && work(mac, &piece, NULL);
}

static int is_begun(const struct mac *mac)
{
	return seat_is_kept(&mac->seat) ? 1 : fail(mac->provider, REASON_PARAMETER, "%s: it was not begun", mac->name);
}

static int update_token(struct mac *mac, const unsigned char *in, size_t len)
{
	size_t cap = len < PIECE ? len : PIECE;
	uint8_t *data = is_begun(mac) ? malloc(cap) : NULL;
	int good = data != NULL;

	for (size_t n; len && good; in += n, len -= n) {
		n = len < cap ? len : cap;
		memcpy(data, in, n);
		good = work(mac, &(struct piece){.data = data, .len = n}, run_part);
	}
	if (data)
		secret_wipe(data, cap);
	free(data);
	return good;
}

static int final_token(struct mac *mac, unsigned char *out, size_t *out_len, size_t room)
{
	uint8_t tag[HASH_LEN_MAX];
	struct piece piece = {.data = tag, .len = sizeof tag};

	if (room < token_len(mac))
		return fail(mac->provider, REASON_BUFFER, "%s: %zu bytes are wanted for it", mac->name, token_len(mac));
	int good = is_begun(mac) && work(mac, &piece, run_end);
	seat_give(&mac->seat);
	if (!good || piece.len > room)
		return 0;
	memcpy(out, tag, piece.len);
	*out_len = piece.len;
	return 1;
}

/* What is under way goes on twice: its state is saved, and restored on a session of the copy's own. */
static CK_RV restore(struct session *session, CK_OBJECT_HANDLE handle, void *arg)
{
	const struct octets *state = arg;

	return state_restore(session, state->data, state->len, 0, handle);
}

static int copy_operation(struct mac *to, const struct mac *from)
{
	uint8_t sealed[STATE_MAX];
	struct octets state = {sealed, 0};
	CK_ULONG len = sizeof sealed;
	CK_RV rv;
	struct session *session = seat_enter(&from->seat, &rv);

	if (session) {
		rv = state_save(session, sealed, &len);
		session_leave(session);
	}
	if (rv != CKR_OK)
		return token_key_fail(from->token, rv, "copy a MAC that is under way");
	state.len = len;
	return token_key_work(to->token, &(struct token_work){.begin = restore, .arg = &state, .seat = &to->seat,
	                                                      .what = "copy a MAC that is under way"});
}

/* -- at work ------------------------------------------------------------------------- */

static void *copy_context(void *arg)
{
	const struct mac *from = arg;
	struct mac *to = malloc(sizeof *to);

	if (!to)
		return NULL;
	*to = *from;
	to->seat = (struct seat){0};
	to->host = from->token ? new_host(from->name) : EVP_MAC_CTX_dup(from->host);
	token_key_hold(to->token);
	if (to->host && (!seat_is_kept(&from->seat) || copy_operation(to, from)))
		return to;
	free_context(to);
	return NULL;
}

static int begin(void *arg, const unsigned char *key, size_t len, const OSSL_PARAM params[])
{
	struct mac *mac = arg;

	if (key) {
		seat_give(&mac->seat);
		token_key_rele(mac->token);
		mac->token = NULL;
	}
	if (!set_params(mac, params))
		return 0;
	if (mac->token)
		return begin_token(mac);
	return EVP_MAC_init(mac->host, key, len, NULL) ? 1 : fail(mac->provider, REASON_PARAMETER,
	                                                          "%s: a key is wanted, or " PARAM_URI
	                                                          " of one in a token, and the hash function or cipher", mac->name);
}

static int update(void *arg, const unsigned char *in, size_t len)
{
	struct mac *mac = arg;

	if (!len)
		return 1;
	return mac->token ? update_token(mac, in, len) : EVP_MAC_update(mac->host, in, len);
}

static int final(void *arg, unsigned char *out, size_t *out_len, size_t room)
{
	struct mac *mac = arg;

	return mac->token ? final_token(mac, out, out_len, room) : EVP_MAC_final(mac->host, out, out_len, room);
}

#define COMMON_FUNCTIONS \
	FUNCTION(OSSL_FUNC_MAC_FREECTX, free_context), \
	FUNCTION(OSSL_FUNC_MAC_DUPCTX, copy_context), \
	FUNCTION(OSSL_FUNC_MAC_INIT, begin), \
	FUNCTION(OSSL_FUNC_MAC_UPDATE, update), \
	FUNCTION(OSSL_FUNC_MAC_FINAL, final), \
	FUNCTION(OSSL_FUNC_MAC_SET_CTX_PARAMS, set_params), \
	FUNCTION(OSSL_FUNC_MAC_GET_CTX_PARAMS, get_params), \
	FUNCTION(OSSL_FUNC_MAC_GETTABLE_CTX_PARAMS, gettable_params)

static const OSSL_DISPATCH hmac_functions[] = {
	FUNCTION(OSSL_FUNC_MAC_NEWCTX, new_hmac),
	FUNCTION(OSSL_FUNC_MAC_SETTABLE_CTX_PARAMS, settable_hmac),
	COMMON_FUNCTIONS,
	END_OF_FUNCTIONS,
};

static const OSSL_DISPATCH cmac_functions[] = {
	FUNCTION(OSSL_FUNC_MAC_NEWCTX, new_cmac),
	FUNCTION(OSSL_FUNC_MAC_SETTABLE_CTX_PARAMS, settable_cmac),
	COMMON_FUNCTIONS,
	END_OF_FUNCTIONS,
};

const OSSL_ALGORITHM mac_algorithms[] = {
	ALGORITHM("HMAC", hmac_functions, "HMAC, with a token's key"),
	ALGORITHM("CMAC", cmac_functions, "CMAC, with a token's key"),
	{NULL, NULL, NULL, NULL},
};
