/* SPDX-License-Identifier: Apache-2.0 */
/* Names of PKCS#11 numbers. A number without a name is written in hexadecimal to buf. */
#ifndef NAMES_H
#define NAMES_H

#include "hufu/pkcs11-sm.h"

#include <stdbool.h>

#define NAME_LEN 40

const char *mech_name(CK_MECHANISM_TYPE, char buf[NAME_LEN]);
const char *key_type_name(CK_KEY_TYPE, char buf[NAME_LEN]);
/* "private", "secret": the words the tool uses. */
const char *class_name(CK_OBJECT_CLASS, char buf[NAME_LEN]);
/* "CKM_AES_CBC", "aes-cbc", "sm4-cbc" (hufu's), "0xc8554622" or decimal. */
bool mech_parse(const char *text, CK_MECHANISM_TYPE *);

#endif
