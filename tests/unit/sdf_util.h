/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token in a directory of its own for the tests of src/sdf, made through the
 * core and then given up: from there on it is GM/T 0018 only.
 *
 * Index 1: SM2 pairs "sign1" and "enc1", password "index-1-password". Index 2: the SM2
 * pair of GB/T 32918.5-2017 A.2 for both, free for all. Index 3: SM2 and RSA, whose
 * password is the user PIN. KEKs: 1 "kek1", 2 "kek2".
 */
#ifndef SDF_UTIL_H
#define SDF_UTIL_H

#include "sm_util.h"

#include "sdf/face.h"

#define USER_PIN "correct horse battery"
#define PASSWORD_1 "index-1-password"

/* As the first and the last case of a program. The configuration's path is in sdf_conf. */
void sdf_up(void);
void sdf_down(void);
extern char sdf_dir[64], sdf_conf[96];
/* The same token under another configuration: these lines in the section sdf, these sections beside it. */
void sdf_write_conf(const char *path, const char *lines, const char *sections);

/* A device and a session on it, with the rights of index 1; opened by sdf_up. */
extern void *device, *session;

/* The code, or a failure that names both. */
bool sdf_is(int got, int want, const char *call, const char *file, unsigned line);
#define IS(call, want) sdf_is((call), (want), #call, __FILE__, __LINE__)
#define OK(call) IS(call, SDR_OK)

extern const unsigned char standard_d[32], standard_point[64];
/* "message digest" under the default ID: GB/T 32918.5-2017 A.2. */
extern const unsigned char standard_e[32];
ECCrefPublicKey public_of(const unsigned char point[64]);
/* Room for C2 of up to 512 bytes behind it. */
union big_cipher {
	ECCCipher c;
	unsigned char bytes[sizeof(ECCCipher) + 512];
};

#endif
