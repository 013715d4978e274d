/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures (provider-signature(7)). What the algorithms have in common is here:
 * the life of a context, message digests, lengths; what each does is a struct
 * signature_type. Private halves work in the token, public ones on this host.
 */
#ifndef OSSL_SIGNATURE_H
#define OSSL_SIGNATURE_H

#include <openssl/x509.h>

#include "ossl/md.h"
#include "ossl/work.h"

struct signature;

struct signature_type {
	enum key_kind kind;
	enum hash_id only_hash;         /* the one message digest that it takes; HASH_NONE: any */
	/* Parameters as an init finds them. NULL: it has none. */
	void (*reset)(struct signature *);
	/* What it has beside the digest; all or nothing. 0 after an error. */
	int (*set_params)(struct signature *, const OSSL_PARAM params[]);
	int (*get_params)(const struct signature *, OSSL_PARAM params[]);
	/* Its AlgorithmIdentifier with the digest that was chosen; NULL: there is none. */
	X509_ALGOR *(*algorithm)(const struct signature *);
	/* What the digest takes in before the message; NULL: nothing. */
	int (*begin)(struct signature *);
	/* Of a digest, or of bytes as they are if none was chosen; NULL: it signs messages only. The room is key_max_size at least. */
	int (*sign)(struct signature *, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len);
	int (*verify)(struct signature *, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len);
	/* Of a message, in one call of the core. CKR_MECHANISM_INVALID: there is no mechanism for that here. Raises no error. */
	CK_RV (*sign_message)(struct signature *, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len);
};

struct signature {
	const struct provider *provider;
	const struct signature_type *type;
	struct key *key;                /* NULL before the first init */
	bool verifies;
	bool hashes;                    /* messages are signed, so the digest stays what it is */
	struct md_choice digest;
	struct md md;
	struct {
		int padding, salt_len;          /* as openssl/rsa.h numbers them */
		struct md_choice mgf1;          /* HASH_NONE: the digest's */
	} rsa;
	struct {
		uint8_t *id;                    /* malloc; NULL: the default */
		size_t id_len;
	} sm2;
};

extern const OSSL_DISPATCH signature_rsa_functions[], signature_ecdsa_functions[], signature_sm2_functions[],
	signature_ed25519_functions[], signature_ed448_functions[];

/* -- signature.c: what libcrypto calls --------------------------------------------------- */

void *signature_new(void *provider, const struct signature_type *);
OSSL_FUNC_signature_freectx_fn signature_free;
OSSL_FUNC_signature_dupctx_fn signature_dup;
OSSL_FUNC_signature_sign_init_fn signature_sign_init;
OSSL_FUNC_signature_sign_fn signature_sign;
OSSL_FUNC_signature_verify_init_fn signature_verify_init;
OSSL_FUNC_signature_verify_fn signature_verify;
OSSL_FUNC_signature_digest_sign_init_fn signature_digest_sign_init;
OSSL_FUNC_signature_digest_sign_update_fn signature_digest_update; /* and of verification */
OSSL_FUNC_signature_digest_sign_final_fn signature_digest_sign_final;
OSSL_FUNC_signature_digest_sign_fn signature_digest_sign;
OSSL_FUNC_signature_digest_verify_init_fn signature_digest_verify_init;
OSSL_FUNC_signature_digest_verify_final_fn signature_digest_verify_final;
OSSL_FUNC_signature_digest_verify_fn signature_digest_verify;
OSSL_FUNC_signature_get_ctx_params_fn signature_get_params;
OSSL_FUNC_signature_set_ctx_params_fn signature_set_params;

#define SIGNATURE_LIFE(newctx) \
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, newctx), \
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signature_free), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DUPCTX, signature_dup)
#define SIGNATURE_OF_DIGESTS \
	FUNCTION(OSSL_FUNC_SIGNATURE_SIGN_INIT, signature_sign_init), \
	FUNCTION(OSSL_FUNC_SIGNATURE_SIGN, signature_sign), \
	FUNCTION(OSSL_FUNC_SIGNATURE_VERIFY_INIT, signature_verify_init), \
	FUNCTION(OSSL_FUNC_SIGNATURE_VERIFY, signature_verify), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, signature_digest_update), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, signature_digest_sign_final), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, signature_digest_update), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, signature_digest_verify_final)
#define SIGNATURE_OF_MESSAGES \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signature_digest_sign_init), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signature_digest_sign), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, signature_digest_verify_init), \
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, signature_digest_verify)
#define SIGNATURE_PARAMS(gettable, settable) \
	FUNCTION(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, signature_get_params), \
	FUNCTION(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable), \
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signature_set_params), \
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable)

/* -- for the types ------------------------------------------------------------------------ */

/* With the public half, by libcrypto in our own context, under these parameters. 1: it verifies. */
int signature_verify_public(struct signature *, const OSSL_PARAM params[], const uint8_t *in, size_t len, const uint8_t *sig,
                            size_t sig_len);
/* AlgorithmIdentifier of this NID; with_null: its parameters are NULL, not none. NULL: NID_undef, or no memory. */
X509_ALGOR *signature_algorithm(int nid, bool with_null);

#endif
