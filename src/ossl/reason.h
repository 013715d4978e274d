/* SPDX-License-Identifier: Apache-2.0 */
/* Why something failed, in numbers: what ERR_GET_REASON gives for errors of the provider. */
#ifndef OSSL_REASON_H
#define OSSL_REASON_H

/* Numbers stay: applications compare them (ERR_GET_REASON). */
enum reason {
	REASON_INTERNAL = 1,            /* no memory, a bug */
	REASON_CONFIGURATION,           /* hufu.conf, openssl.cnf */
	REASON_URI,                     /* it cannot be read, or says what no key has */
	REASON_NO_TOKEN,                /* none matches */
	REASON_NO_OBJECT,               /* none matches on the tokens that do */
	REASON_SEVERAL_OBJECTS,         /* one is wanted, and more match */
	REASON_PIN_SOURCE,              /* there is none, it cannot be read, or others may read it */
	REASON_PIN_WRONG,
	REASON_PIN_LOCKED,
	REASON_LOGIN,                   /* otherwise refused */
	REASON_KEY_TYPE,                /* not such an operation with such a key */
	REASON_KEY_USE,                 /* CKA_SIGN, CKA_DECRYPT, policy: the key must not */
	REASON_KEY_MISMATCH,            /* halves, or key and certificate, that do not belong together */
	REASON_NOT_EXPORTABLE,          /* the private half stays in the token */
	REASON_PARAMETER,
	REASON_INPUT,                   /* its length, or what it holds */
	REASON_BUFFER,
	REASON_SIGNATURE,               /* the device gave one that does not verify */
	REASON_DECRYPTION,
	REASON_MECHANISM,               /* no device of the token can */
	REASON_DEVICE,                  /* all are out, or the time was up */
	REASON_FORMAT,                  /* a PEM or DER that is none of ours */
	REASON_COUNT
};

#endif
