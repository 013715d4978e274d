/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy "strict" of a token, against the known attacks on the interface: a key
 * that is wrapped is read by whoever can decrypt with the wrapping key's value,
 * under whatever handle. Under "standard" every function here allows all.
 *
 *	a secret key that has wrapped neither decrypts nor encrypts, one that has
 *	unwrapped never encrypts, and the reverse: latches, kept with the object
 *	before the use; deriving by encryption and CBC-MACs count as such;
 *	keys whose value somebody else may know (created, unwrapped, derived, made
 *	of a password) do not wrap, unless the SO trusts them;
 *	what a private key may not decrypt it does not sign raw;
 *	unwrapped keys are sensitive and not extractable, and come by no mode that
 *	takes any bytes for a key (ECB, CBC, raw RSA);
 *	uses are taken away, never given, or a key of two uses would become two
 *	keys of one use each; for the same reason it is not copied.
 */
#ifndef TOKEN_POLICY_H
#define TOKEN_POLICY_H

#include "token/mech.h"

/*
 * A key is about to be used so (CKF_ENCRYPT, CKF_WRAP, CKF_SIGN and kin; others
 * are let by). CKR_KEY_FUNCTION_NOT_PERMITTED, or what keeping the latch failed
 * with.
 */
CK_RV policy_use(struct session *, const struct mech *, const struct object *key, CK_FLAGS use);
/* A new object. CKR_TEMPLATE_INCONSISTENT. */
CK_RV policy_check_new(const struct token *, const struct plan *);
/* Both halves of a pair. CKR_TEMPLATE_INCONSISTENT. */
CK_RV policy_check_pair(const struct token *, const struct plan *pub, const struct plan *priv);
/* Attributes of an object, or of a copy of it. CKR_ATTRIBUTE_READ_ONLY. */
CK_RV policy_check_change(const struct object *, const CK_ATTRIBUTE *, CK_ULONG n);
/* CKR_ACTION_PROHIBITED. */
CK_RV policy_check_copy(const struct object *);

/* -- attributes.c ------------------------------------------------------------ */

/* Latches, one of which keeps another from being set. */
struct barred {
	CK_ATTRIBUTE_TYPE by[2];
	size_t n;
};

/* Sets the latch of an object, durably, unless it is barred: CKR_KEY_FUNCTION_NOT_PERMITTED. */
CK_RV object_latch(struct session *, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE latch, const struct barred *);

#endif
