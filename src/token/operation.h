/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations of a session: encryption, digests, signatures, MACs, messages;
 * and the one-call key operations. A call becomes an op here and goes to the
 * pool.
 *
 * Rules common to all (PKCS#11 5.2): out = NULL asks for the size and keeps the
 * operation, so does CKR_BUFFER_TOO_SMALL; any other error ends it, and so does
 * success of the last step. Sizes asked may be upper bounds.
 */
#ifndef TOKEN_OPERATION_H
#define TOKEN_OPERATION_H

#include "token/session.h"

/* mechanism NULL with 3.0 or later: cancels the active one (5.9.1). */
CK_RV crypt_init(struct session *, enum op_kind, const CK_MECHANISM *, CK_OBJECT_HANDLE key);
CK_RV crypt_once(struct session *, enum op_kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV crypt_update(struct session *, enum op_kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV crypt_final(struct session *, enum op_kind, CK_BYTE *out, CK_ULONG *out_len);

CK_RV digest_init(struct session *, const CK_MECHANISM *);
CK_RV digest_once(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV digest_update(struct session *, const CK_BYTE *in, CK_ULONG len);
CK_RV digest_key(struct session *, CK_OBJECT_HANDLE);
CK_RV digest_final(struct session *, CK_BYTE *out, CK_ULONG *out_len);

CK_RV sign_init(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE key);
CK_RV sign_once(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV sign_update(struct session *, const CK_BYTE *in, CK_ULONG len);
CK_RV sign_final(struct session *, CK_BYTE *sig, CK_ULONG *sig_len);
/* signature != NULL: C_VerifySignatureInit of 3.2, the signature is given at once. */
CK_RV verify_init(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE key, const CK_BYTE *signature, CK_ULONG len);
CK_RV verify_once(struct session *, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len);
CK_RV verify_update(struct session *, const CK_BYTE *in, CK_ULONG len);
CK_RV verify_final(struct session *, const CK_BYTE *sig, CK_ULONG sig_len);
/* 3.2: with the signature of verify_init. */
CK_RV verify_signature_once(struct session *, const CK_BYTE *in, CK_ULONG len);
CK_RV verify_signature_update(struct session *, const CK_BYTE *in, CK_ULONG len);
CK_RV verify_signature_final(struct session *);

/* Signatures that carry their data (5.13.5, 5.15.5): RSA's. */
CK_RV sign_recover_init(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE key);
CK_RV sign_recover(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len);
CK_RV verify_recover_init(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE key);
CK_RV verify_recover(struct session *, const CK_BYTE *sig, CK_ULONG sig_len, CK_BYTE *out, CK_ULONG *out_len);

/* Dual functions (5.14). */
CK_RV dual_digest_encrypt(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV dual_decrypt_digest(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV dual_sign_encrypt(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV dual_decrypt_verify(struct session *, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);

/* Message-based functions of 3.0 (5.10 to 5.16). kind: OP_MESSAGE_*. */
CK_RV message_init(struct session *, enum op_kind, const CK_MECHANISM *, CK_OBJECT_HANDLE key);
CK_RV message_crypt(struct session *, enum op_kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len,
                    const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len);
CK_RV message_crypt_begin(struct session *, enum op_kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len);
CK_RV message_crypt_next(struct session *, enum op_kind, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len,
                         CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags);
CK_RV message_sign(struct session *, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig,
                   CK_ULONG *sig_len);
CK_RV message_sign_begin(struct session *, void *param, CK_ULONG param_len);
/* sig_len NULL: more parts follow. */
CK_RV message_sign_next(struct session *, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig,
                        CK_ULONG *sig_len);
CK_RV message_verify(struct session *, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig,
                     CK_ULONG sig_len);
CK_RV message_verify_begin(struct session *, void *param, CK_ULONG param_len);
/* sig NULL: more parts follow. */
CK_RV message_verify_next(struct session *, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig,
                          CK_ULONG sig_len);
CK_RV message_final(struct session *, enum op_kind);

/* Keys. */
CK_RV key_generate(struct session *, const CK_MECHANISM *, const CK_ATTRIBUTE *, CK_ULONG n, CK_OBJECT_HANDLE *);
CK_RV key_generate_pair(struct session *, const CK_MECHANISM *, const CK_ATTRIBUTE *pub, CK_ULONG npub, const CK_ATTRIBUTE *priv,
                        CK_ULONG npriv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv);
CK_RV key_wrap(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, CK_BYTE *out,
               CK_ULONG *out_len);
CK_RV key_unwrap(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
                 const CK_ATTRIBUTE *, CK_ULONG n, CK_OBJECT_HANDLE *);
/*
 * The same of bytes that are no object, for a face whose session keys are its own: what it wraps it knows, what it
 * unwraps nobody else will. Whole blocks, out as long as in. A key whose CKA_WRAP_TEMPLATE or CKA_UNWRAP_TEMPLATE says
 * what it may be used for is for objects only: CKR_KEY_FUNCTION_NOT_PERMITTED.
 */
CK_RV key_wrap_bytes(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE wrapping, const CK_BYTE *in, CK_ULONG len,
                     CK_BYTE *out);
CK_RV key_unwrap_bytes(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE unwrapping, const CK_BYTE *in, CK_ULONG len,
                       CK_BYTE *out);
CK_RV key_derive(struct session *, const CK_MECHANISM *, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *, CK_ULONG n,
                 CK_OBJECT_HANDLE *);

CK_RV random_fill(struct session *, CK_BYTE *out, CK_ULONG len);
CK_RV random_seed(struct session *, const CK_BYTE *seed, CK_ULONG len);

/* C_GetOperationState, C_SetOperationState: sealed under a key of this process, which its children share. */
CK_RV state_save(struct session *, CK_BYTE *out, CK_ULONG *out_len);
CK_RV state_restore(struct session *, const CK_BYTE *state, CK_ULONG len, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE auth_key);

/* -- for core.c ------------------------------------------------------------ */

/* C_Finalize: saved states can be restored no more. */
void state_forget(void);

/* -- for session.c --------------------------------------------------------- */

bool operation_active(const struct operation *);
/* Ends it and wipes it; the memory stays for the next one. NULL is ignored. */
void operation_end(struct operation *);
/* Ends it and frees it. */
void operation_free(struct operation *);
/* Uses a key that a logout takes away. */
bool operation_uses_private(const struct operation *);
/* Waits for C_Login(CKU_CONTEXT_SPECIFIC); authorises it for one use. */
bool operation_wants_login(const struct operation *);
/* Of two active operations of a session: was this one begun later? */
bool operation_is_later(const struct operation *, const struct operation *);
void operation_authorise(struct operation *);

#endif
