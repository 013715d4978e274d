/* SPDX-License-Identifier: Apache-2.0 */
/* CKA_EC_POINT of SM2 keys: the DER OCTET STRING of 04 || x || y (PKCS#11 3.1 6.3.3). */
#ifndef TOKEN_POINT_H
#define TOKEN_POINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POINT_DER_LEN 67

/* The OCTET STRING, or the bare 04 || x || y that some clients send. */
bool point_decode(const uint8_t *value, size_t len, uint8_t point[64]);
void point_encode(const uint8_t point[64], uint8_t der[POINT_DER_LEN]);
bool point_on_curve(const uint8_t point[64]);

#endif
