/* SPDX-License-Identifier: Apache-2.0 */
/* Key agreement (provider-keyexch(7)). */
#ifndef OSSL_KEYEXCH_H
#define OSSL_KEYEXCH_H

#include "ossl/work.h"

extern const OSSL_DISPATCH ecdh_keyexch_functions[], ecx_keyexch_functions[], sm2_keyexch_functions[];

/*
 * SM2's, GB/T 32918.3: four keys, two of each side. EVP_PKEY_derive_init is given one's own static key, and
 * EVP_PKEY_derive_set_peer the other side's; what else there is are parameters. Where Tongsuo has a name, it is that.
 *
 *	EVP_PKEY_derive_init(ctx);                              own static key, in a token
 *	set  sm2-initiator 1, self-id, peer-id, outlen
 *	get  self-ephemeral                                     -> sent to the other side
 *	set  peer-ephemeral                                     <- what it sent
 *	EVP_PKEY_derive_set_peer(ctx, its static key);
 *	EVP_PKEY_derive(ctx, key, &len);
 *	get  sm2-s1, sm2-s2                                     to be sent and compared, where confirmation is wanted
 */
#define SM2_PARAM_INITIATOR "sm2-initiator"     /* int: 1 (A) or 0 (B); 0 */
#define SM2_PARAM_SELF_ID "self-id"             /* octets, at most 8191; "1234567812345678" */
#define SM2_PARAM_PEER_ID "peer-id"
#define SM2_PARAM_OUTLEN "outlen"               /* size: of the key, 1 to 4096 bytes; 32 */
#define SM2_PARAM_DIGEST "digest"               /* SM3 */
/*
 * Read: 04 || x || y of a pair that is made in the token with the first reading, serves one derivation, and does not
 * outlive the context.
 */
#define SM2_PARAM_SELF_EPHEMERAL "self-ephemeral"
#define SM2_PARAM_PEER_EPHEMERAL "peer-ephemeral" /* octets: 04 || x || y */
/* Read, after the derivation, 32 bytes each: SB, which the responder sends, and SA, which the initiator does. */
#define SM2_PARAM_S1 "sm2-s1"
#define SM2_PARAM_S2 "sm2-s2"

#endif
