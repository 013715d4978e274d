/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections sdf, sdf_key and sdf_kek: what the GM/T 0018 face is over, and
 * which objects of its token stand behind the indexes of that standard.
 */
#ifndef BASE_CONF_SDF_H
#define BASE_CONF_SDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_SDF_INDEX_MAX 65535u
#define CONF_SDF_ITERATIONS_MIN 10000u
#define CONF_SDF_ITERATIONS_MAX 10000000u

/* How much room a caller has: told by the length that the function will overwrite, or, as 2012 had it, not at all. */
enum conf_sdf_lengths { CONF_SDF_LENGTHS_CHECKED, CONF_SDF_LENGTHS_WRITTEN };

/* Who may use the private keys of an index. */
enum conf_sdf_access {
	CONF_SDF_ACCESS_PIN,      /* who knows the token's user PIN */
	CONF_SDF_ACCESS_PASSWORD, /* who knows the password of the verifier */
	CONF_SDF_ACCESS_OPEN      /* whoever has a session */
};

struct conf_sdf_verifier {
	uint32_t iterations;
	uint8_t salt[16];
	uint8_t hash[32];         /* PBKDF2-HMAC-SM3(password, salt, iterations) */
};

/* Objects are named by their label, or by "id=" and their CKA_ID in hexadecimal; NULL: this index has none. */
struct conf_sdf_key {
	uint32_t index;           /* 0: the device's own */
	char *sign, *encrypt;     /* SM2 */
	char *rsa_sign, *rsa_encrypt;
	char *password;           /* as written; NULL: the user PIN */
	enum conf_sdf_access access;
	struct conf_sdf_verifier verifier;
	int line;
};

struct conf_sdf_kek {
	uint32_t index;           /* from 1 */
	char *key;                /* SM4 */
	int line;
};

struct conf_sdf {
	char *token;              /* the name of its section, or of its store in token_dir; NULL: the only one there is */
	char *login;              /* absolute path of a file with the user PIN; NULL: GetPrivateKeyAccessRight logs in */
	char *files;              /* absolute path of the directory of SDF_CreateFile; NULL: no files */
	char *vendor, *model, *serial; /* what SDF_GetDeviceInfo says; NULL: hufu's own */
	enum conf_sdf_lengths lengths;
	bool debug;               /* the functions of GM/T 0018-2023 6.8 */
	struct conf_sdf_key *keys;
	size_t nkeys;
	struct conf_sdf_kek *keks;
	size_t nkeks;
	int line;                 /* 0: there is no section sdf */
};

/* "open", or "pbkdf2-sm3:ITERATIONS:SALT:HASH". False: neither. */
bool conf_sdf_read_password(const char *text, enum conf_sdf_access *, struct conf_sdf_verifier *);
/* An id of "id=HEX": its length, at most cap. False: no hexadecimal of that form. */
bool conf_sdf_read_id(const char *text, uint8_t *id, size_t cap, size_t *len);

void conf_sdf_clear(struct conf_sdf *);

#endif
