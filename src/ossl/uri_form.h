/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that holds nothing but a URI, for programs that insist on a file name. Its form is that of the project
 * pkcs11-provider, whose users have such files:
 *
 *	SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String uri }
 *
 * in DER, within PEM labelled "PKCS#11 PROVIDER URI".
 */
#ifndef OSSL_URI_FORM_H
#define OSSL_URI_FORM_H

#include "ossl/uri.h"

#define URI_FORM_LABEL "PKCS#11 PROVIDER URI"
#define URI_FORM_STRUCTURE "pk11-uri"   /* among decoders */
#define URI_FORM_MAX (URI_MAX + 64)

/* The length; 0: longer than URI_MAX. */
size_t uri_form_write(const char *uri, uint8_t der[URI_FORM_MAX]);
/* False: not of this form. */
bool uri_form_read(const uint8_t *der, size_t len, char uri[URI_MAX + 1]);

#endif
