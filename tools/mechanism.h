/* SPDX-License-Identifier: Apache-2.0 */
/* Which mechanism, with which parameter, for a key and the user's options. */
#ifndef MECHANISM_H
#define MECHANISM_H

#include "tools/object.h"

#define SM2_ID_MAX_LEN 8191
#define AAD_MAX_LEN 4096

struct mechanism {
	CK_MECHANISM ck;            /* its parameter points into this struct: it does not move */
	union {
		CK_HUFU_SM2_SM3_PARAMS sm2;
		CK_HUFU_ZUC_PARAMS zuc;
		CK_GCM_PARAMS gcm;
		CK_AES_CTR_PARAMS ctr;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
	} param;
	unsigned char iv[64], aad[AAD_MAX_LEN], id[SM2_ID_MAX_LEN];
	size_t iv_len, aad_len, id_len;
	bool host_sha256;           /* sign the SHA-256 of the input, made here: the token has no ECDSA with a digest */
	bool raw_ecdsa;             /* the token's signatures are r || s where the user wants DER */
};

/* "PLAIN TEXT" or "hex:00ff". ST_USAGE after a message. */
enum status bytes_option(const struct args *, const char *name, bool hex_only, unsigned char *out, size_t cap,
                         size_t *len) MUST_USE;

/* For sign and verify: -m, --id, --pss, --hash, --der or --raw. */
enum status mechanism_for_signature(const struct args *, const struct session *, const struct object *key,
                                    struct mechanism *) MUST_USE;
/* For mac: -m, --count, --bearer, --direction, --bits. */
enum status mechanism_for_mac(const struct args *, const struct object *key, struct mechanism *) MUST_USE;
/* For encrypt and decrypt with --mode or -m (all but the chunked file format). */
enum status mechanism_for_cipher(const struct args *, const struct object *key, struct mechanism *) MUST_USE;

/* AES or SM4, whichever the key is, in GCM. CK_UNAVAILABLE_INFORMATION: neither. */
CK_MECHANISM_TYPE mechanism_gcm(const struct object *key);

#define OPT_MECHANISM {"mechanism", 'm', "MECH", "PKCS#11 mechanism by name or number, in place of the usual one"}
#define OPTS_SIGNATURE \
	OPT_MECHANISM, \
	{"id", 'i', "ID", "SM2 signer's ID, text or hex:...; default 1234567812345678"}, \
	{"pss", 0, NULL, "RSA: PSS, in place of PKCS#1 v1.5"}, \
	{"hash", 0, "HASH", "RSA, EC: sha256 (default), sha1, sha224, sha384, sha512, sha3-256, ..."}, \
	{"der", 0, NULL, "SM2, EC: signature as DER SEQUENCE (default)"}, \
	{"raw", 0, NULL, "SM2, EC: signature as r || s"}
#define OPTS_ZUC \
	{"count", 0, "N", "ZUC: COUNT, 32 bits; never twice with one key, bearer and direction"}, \
	{"bearer", 0, "N", "ZUC: BEARER, 0 to 31"}, \
	{"direction", 0, "N", "ZUC: DIRECTION, 0 or 1"}, \
	{"bits", 0, "N", "ZUC: length of the message in bits, if its last byte is not full"}
#define OPTS_CIPHER \
	OPT_MECHANISM, \
	{"mode", 0, "MODE", "SM4, AES: file (authenticated chunks, default), gcm, cbc (padded), cbc-nopad, ctr, ecb, cfb, ofb"}, \
	{"iv", 0, "HEX", "initialisation vector of the mode"}, \
	{"aad", 0, "TEXT", "gcm: additional authenticated data, text or hex:..."}, \
	{"format", 0, "FORMAT", "SM2: der (default), c1c3c2 or c1c2c3; RSA: oaep (default) or pkcs1"}, \
	{"hash", 0, "HASH", "RSA's oaep: sha256 (default), sha1, sha384, ..."}, \
	OPTS_ZUC

#endif
