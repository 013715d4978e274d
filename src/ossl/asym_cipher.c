/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/asym_cipher.h"

const OSSL_ALGORITHM asym_cipher_algorithms[] = {
	ALGORITHM("RSA:rsaEncryption:1.2.840.113549.1.1.1", rsa_asym_cipher_functions, "RSA, with a key in a token"),
	ALGORITHM("SM2:1.2.156.10197.1.301", sm2_asym_cipher_functions, "SM2, with a key in a token"),
	{NULL, NULL, NULL, NULL},
};
