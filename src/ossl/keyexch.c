/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/keyexch.h"

/* Two rows for SM2's: Tongsuo's keys ask for the first, others for an agreement of their own name. */
const OSSL_ALGORITHM keyexch_algorithms[] = {
	ALGORITHM("ECDH", ecdh_keyexch_functions, "ECDH, with a key in a token"),
	ALGORITHM("X25519:1.3.101.110", ecx_keyexch_functions, "X25519, with a key in a token"),
	ALGORITHM("X448:1.3.101.111", ecx_keyexch_functions, "X448, with a key in a token"),
	ALGORITHM("SM2DH", sm2_keyexch_functions, "SM2 key agreement, with keys in a token"),
	ALGORITHM("SM2:1.2.156.10197.1.301", sm2_keyexch_functions, "SM2 key agreement, with keys in a token"),
	{NULL, NULL, NULL, NULL},
};
