/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the face share. */
#ifndef SDF_INTERNAL_H
#define SDF_INTERNAL_H

#include "base/conf.h"
#include "hufu/pkcs11-sm.h"
#include "sdf/face.h"
#include "sdf/table.h"
#include "token/object.h"
#include "token/operation.h"

#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ATTR(type, value) {(type), (void *)(uintptr_t)&(value), sizeof(value)}
#define ATTR_BYTES(type, p, len) {(type), (void *)(uintptr_t)(p), (len)}
#define MECH(type) ((CK_MECHANISM){(type), NULL, 0})

static const CK_BBOOL ck_true = CK_TRUE, ck_false = CK_FALSE;

/* -- device.c: one core, one token and one configuration, however many devices are open -------- */

struct device {
	void *handle;
	CK_SLOT_ID slot;
};

/* The sections of the configuration that is in force; stays while a device is open. */
const struct conf_sdf *face_conf(void);

/* -- session.c ------------------------------------------------------------------------------------ */

/*
 * The core runs one operation of a kind on a session; GM/T 0018 has more kinds,
 * and one-shot calls between the parts of others. So a session of the face is up
 * to three of the core's.
 */
enum lane {
	LANE_ONCE,
	LANE_PARTS,  /* in parts: encryption, decryption, MAC, hash */
	LANE_AUTH,   /* in parts: authenticated encryption and decryption, HMAC */
	LANES
};

struct key;

struct face_session {
	void *handle;
	const struct device *device;
	CK_SESSION_HANDLE core[LANES];  /* 0: not needed so far */
	uint8_t *rights;                /* a bit for each of the configuration's keys */
	struct key *keys;               /* that die with the session */
	struct mac_chain {
		uint8_t iv[16];
		size_t used;            /* bytes of it that have gone into the message */
	} mac;                          /* mac.c */
	struct {
		uint8_t tag[16];
		size_t len;             /* 0: it has been given to the core */
	} auth;                         /* aead.c: decryption in parts */
	struct {
		uint8_t point[64];
		CK_OBJECT_HANDLE object; /* 0: none so far */
	} known;                        /* external.c: the public key that was last brought */
};

/* The session, locked; leave it. SDR_INARGERR. */
int face_enter(void *handle, struct face_session **);
/* Gives result back. */
int face_leave(struct face_session *, int result);
/* The core's session of this lane, entered; session_leave it. */
CK_RV lane_enter(struct face_session *, enum lane, struct session **);
/* The usual beginning and end of a call: both of them. */
int face_begin(void *handle, enum lane, struct face_session **, struct session **);
int face_end(struct face_session *, struct session *, int result);

/* Of a device that is being closed. */
void sessions_close_of(const struct device *);

/* -- code.c: the one place where PKCS#11's codes become the standard's ------------------------------ */

/* otherwise: what the call says where the code says nothing more. */
int sdr_of(CK_RV, int otherwise);

/* -- arguments --------------------------------------------------------------------------------------- */

/* Room that the caller has, by the length that is to be written. */
static inline size_t room_of(const unsigned int *len)
{
	return face_conf()->lengths == CONF_SDF_LENGTHS_WRITTEN ? UINT32_MAX : *len;
}
/* SDR_NOBUFFER, and the length that it takes. */
int check_room(unsigned int *len, size_t needed);

/* -- index.c: indexes of the standard, objects of the token -------------------------------------------- */

enum role { ROLE_SIGN, ROLE_ENCRYPT, ROLE_RSA_SIGN, ROLE_RSA_ENCRYPT };
#define ROLES 4

enum use { USE_SIGN, USE_DECRYPT };

/* False: no memory. */
bool index_start(void);
void index_stop(void);
/* Its place among the configuration's keys; SDR_KEYNOTEXIST. */
int index_find(uint32_t index, size_t *at);
/* The private key; CKR_KEY_HANDLE_INVALID. Kept, until it is told that it was wrong. */
CK_RV index_private(struct session *, size_t at, enum role, CK_OBJECT_HANDLE *);
CK_RV index_kek(struct session *, uint32_t index, CK_OBJECT_HANDLE *);
/* The object under this handle is not there any more: look again. */
void index_forget(CK_OBJECT_HANDLE);
/* Of the private key if it can be seen, else of the public one. */
CK_RV index_attribute(struct session *, size_t at, enum role, CK_ATTRIBUTE_TYPE, void *value, size_t cap, size_t *len);
/* x || y */
CK_RV index_point(struct session *, size_t at, enum role, uint8_t point[64]);

/* -- right.c ---------------------------------------------------------------------------------------------- */

bool right_held(const struct face_session *, size_t at);
/* SDR_KEYNOTEXIST, SDR_PARDENY. */
int right_check(const struct face_session *, uint32_t index, size_t *at);
/* False: no memory. */
bool right_start(void);
void right_stop(void);
void right_before_fork(void);
void right_after_fork_parent(void);
void right_after_fork_child(void);

/* -- ecc.c ---------------------------------------------------------------------------------------------------- */

/* sign_init, or crypt_init for decryption, with the private key. */
CK_RV index_begin(struct session *, size_t at, enum role, enum use, CK_MECHANISM_TYPE);
/* SGD_SM2 stands for all of it, SGD_SM2_1 and so on for one use. */
bool alg_is_sm2(unsigned int alg, unsigned int use);
/* Of the public key; SDR_KEYNOTEXIST. */
int point_of_index(struct session *, unsigned int index, enum role, uint8_t point[64]);
/* Opens what was encrypted to the index; the session must have the right. secret_free it. */
int index_decrypt(const struct face_session *, struct session *, unsigned int index, const ECCCipher *, uint8_t **out, size_t *len);

/* -- form.c: structs of the standard ------------------------------------------------------------------------ */

/* A number to the right of its field; false: it is larger than len bytes. */
bool field_read(const unsigned char *field, size_t field_len, uint8_t *out, size_t len);
void field_write(unsigned char *field, size_t field_len, const uint8_t *in, size_t len);
/* SDR_INARGERR. */
int point_read(const ECCrefPublicKey *, uint8_t point[64]);
void point_write(ECCrefPublicKey *, const uint8_t point[64]);
/* 04 || C1 || C3 || C2 of an ECCCipher: secret_free it. SDR_ENCDATAERR. */
int cipher_read(const ECCCipher *, uint8_t **bytes, size_t *len);
void cipher_write(ECCCipher *, const uint8_t *bytes, size_t len);
#define CIPHER_MAX 4096u /* of what is encrypted with SM2; more is no key, and nothing else has a place here */

/* -- external.c: public keys that the caller brings ---------------------------------------------------------- */

/* Of LANE_ONCE; the object is the session's. */
CK_RV external_point(struct face_session *, struct session *, const uint8_t point[64], CK_OBJECT_HANDLE *);
/* A number of a field, without the zeros before it. */
CK_ATTRIBUTE external_number(CK_ATTRIBUTE_TYPE, const unsigned char *field, size_t len);
/* The caller destroys it. */
CK_RV external_modulus(struct session *, const RSArefPublicKey *, CK_OBJECT_HANDLE *);
/* SM2 encryption to it; SDR_OK. */
int encrypt_to_point(struct face_session *, struct session *, const uint8_t point[64], const uint8_t *data, size_t len,
                     ECCCipher *out);

/* -- file.c --------------------------------------------------------------------------------------------------------- */

#define FILES_MAX (1u << 20) /* bytes of all files */

/* -- key.c: session keys ----------------------------------------------------------------------------------------- */

#define KEY_MAX 512u /* bytes */

enum key_kind { KEY_SECRET = 1, KEY_AGREEMENT = 2 };

struct key {
	enum key_kind kind;
	void *handle;
	const struct face_session *session;
	struct key *next;               /* among its session's; under that one's lock */
	uint8_t *value;                 /* of secret_alloc */
	size_t len;
	struct {
		CK_KEY_TYPE type;
		CK_OBJECT_HANDLE object;
	} objects[3];                   /* what the core has been given of it so far; of an agreement, the ephemeral key */
	struct agreement *agreement;    /* KEY_AGREEMENT: agree.c */
};

/* A new key of the session; copies value. SDR_KEYERR: no key has this length. */
int key_new(struct face_session *, const uint8_t *value, size_t len, void **handle);
/* The same of what was made elsewhere; takes it over, also when it fails. */
int key_add(struct face_session *, struct key *, void **handle);
/* The core's object of this type, of a key of this session; SDR_KEYNOTEXIST, SDR_KEYTYPEERR. */
int key_object(const struct face_session *, struct session *, void *handle, CK_KEY_TYPE, CK_OBJECT_HANDLE *);
/* One of these kinds, out of its session, the handle dead; key_end it. SDR_KEYNOTEXIST. */
int key_take(struct face_session *, void *handle, unsigned kinds, struct key **);
void key_end(struct session *, struct key *);
/* key_take of any kind, and key_end. */
int key_destroy(struct face_session *, struct session *, void *handle);
/* A session's, with it. */
void keys_drop(struct face_session *);
/* nbits of key from the token's generator; SDR_INARGERR where a key cannot have as many. */
int key_random(struct session *, unsigned int nbits, uint8_t **value, size_t *len);

#endif
