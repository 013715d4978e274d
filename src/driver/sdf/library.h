/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's library behind one neutral face: its functions with hufu's types,
 * whatever its structs, ids, arity and locks are. Above it nobody sees a struct of a vendor's.
 *
 * Forms: points x || y (64 bytes), scalars 32, signatures r || s (64), SM2 ciphertexts x || y || C3 || C2
 * (96 + len). Whatever a library fills lies in memory of the session's own with room to spare behind it, which is looked
 * at afterwards: a library that writes too much spoils nothing of ours, and is told of once in the log.
 *
 * SM2 plaintexts are 1 to SDF_SM2_MAX bytes, additional data of AEAD and passwords at most that many: HUFU_ERR_UNSUPPORTED
 * beyond it.
 *
 * A call that the library lacks, or the profile takes away, is HUFU_ERR_UNSUPPORTED. Every other code is mapped by the
 * profile (sdf_profile_error), and where the place of a code says more than the code, by the call: a refused password is
 * HUFU_ERR_DENIED, an operation that failed over somebody's ciphertext HUFU_ERR_CIPHERTEXT. session->code keeps what the library said, session->dead whether it is of use still.
 * A library that answers SDR_OK with lengths beyond what was asked for, or a point not on the curve, is HUFU_ERR_CORRUPT.
 *
 * One session is used by one thread at a time; how many sessions at once, the profile says, and is seen to here.
 * Waiting for a turn ends at session->deadline_ns with HUFU_ERR_BUSY.
 */
#ifndef DRIVER_SDF_LIBRARY_H
#define DRIVER_SDF_LIBRARY_H

#include "driver/sdf/profile.h"

#define SDF_SM2_MAX 1024

struct sdf_library;   /* a file, loaded once a process, and a profile; never unloaded */
struct sdf_device;    /* what an open of it gave; shared, and counted, where the profile's devices_max leaves no other way */

/* Places in a session's room that a library fills; each with a guard behind it. */
enum sdf_region { SDF_REGION_HANDLE, SDF_REGION_LEN, SDF_REGION_LEN2, SDF_REGION_OUT, SDF_REGION_OUT2, SDF_REGION_BULK, SDF_REGIONS };

struct sdf_session {
	struct sdf_device *device;
	void *handle;
	uint64_t deadline_ns;      /* of the call that runs; 0 never */
	uint32_t code;             /* the library's last */
	bool dead;                 /* set by the library's answers, or by who knows better; every call is HUFU_ERR_GONE then */
	uint8_t *room;             /* secret memory that structs lie in while the library has them */
	uint8_t *bulk;             /* and longer data, both ways; NULL until there is some */
	size_t filled[SDF_REGIONS]; /* bytes that the call that runs may fill */
	uint8_t mark[16];          /* random: what is found where an answer should be when there is none */
};

/* Bits: what a library can do by its symbols and profile. */
enum sdf_call {
	SDF_CAN_RANDOM, SDF_CAN_EXPORT_ECC, SDF_CAN_EXPORT_RSA, SDF_CAN_SIGN_ECC, SDF_CAN_VERIFY_ECC, SDF_CAN_ENCRYPT_ECC,
	SDF_CAN_DECRYPT_ECC,       /* SDF_InternalDecrypt_ECC, arity known */
	SDF_CAN_RSA, SDF_CAN_IMPORT_ISK, SDF_CAN_GENERATE_IPK, SDF_CAN_GENERATE_KEK, SDF_CAN_IMPORT_KEK, SDF_CAN_IMPORT_KEY,
	SDF_CAN_CRYPT, SDF_CAN_MAC, SDF_CAN_AUTH, SDF_CAN_HMAC, SDF_CAN_HASH, SDF_CAN_RIGHTS, SDF_CAN_AGREE, SDF_CAN_FILES,
	SDF_CAN_MAKE_PAIR, SDF_CAN_IMPORT_PAIR, SDF_CAN_GENERATE_PAIR
};

enum sdf_usage { SDF_USAGE_SIGN = 1, SDF_USAGE_ENCRYPT = 2 };

/*
 * Loads it (RTLD_LOCAL, never unloaded) and looks its symbols up, or gives the one that is loaded. The profile is copied.
 * HUFU_ERR_CONFIG with a message in err.
 */
enum hufu_err sdf_library_open(const char *path, const struct sdf_profile *, struct sdf_library **, char *err,
                               size_t err_len) MUST_CHECK;
bool sdf_can(const struct sdf_library *, enum sdf_call);
const struct sdf_profile *sdf_library_profile(const struct sdf_library *);
/* Symbols of the standard that it has and lacks, for qualify: name, there or not. */
void sdf_library_symbols(const struct sdf_library *, void (*each)(void *arg, const char *name, bool there), void *arg);
/* The function itself, for qualify's straight calls and benchmarks; NULL. */
void *sdf_library_symbol(const struct sdf_library *, const char *name);

/*
 * open_config: NULL, or what SDF_OpenDeviceEx is to read; HUFU_ERR_CONFIG where the profile has no such call. HUFU_ERR_BUSY: the
 * profile's devices_max are open, with another open_config.
 */
enum hufu_err sdf_device_open(struct sdf_library *, const char *open_config, uint64_t deadline_ns, struct sdf_device **,
                              uint32_t *code) MUST_CHECK;
/* Sessions that are still open (their calls hang) keep the library's device open until they are closed. */
void sdf_device_close(struct sdf_device *, uint64_t deadline_ns);
/* HUFU_ERR_BUSY: the profile's sessions_max are open. */
enum hufu_err sdf_session_open(struct sdf_device *, uint64_t deadline_ns, struct sdf_session **, uint32_t *code) MUST_CHECK;
void sdf_session_close(struct sdf_session *);

struct sdf_device_info {
	char vendor[41], model[17], serial[17];
	uint32_t device_version, standard_version, asymmetric[2], symmetric, hash, buffer_size;
};
enum hufu_err sdf_info(struct sdf_session *, struct sdf_device_info *) MUST_CHECK;
enum hufu_err sdf_random(struct sdf_session *, uint8_t *out, size_t len) MUST_CHECK;  /* in pieces of random_max */

/* -- access rights ---------------------------------------------------------- */
enum hufu_err sdf_right_get(struct sdf_session *, uint32_t index, const uint8_t *password, size_t len) MUST_CHECK;
enum hufu_err sdf_right_release(struct sdf_session *, uint32_t index) MUST_CHECK;

/* -- index keys ------------------------------------------------------------- */
/* HUFU_ERR_NO_KEY: none at this index. */
enum hufu_err sdf_export_ecc(struct sdf_session *, uint32_t index, enum sdf_usage, uint8_t point[64]) MUST_CHECK;
/* SPKI, at most HUFU_PUB_MAX bytes. */
enum hufu_err sdf_export_rsa(struct sdf_session *, uint32_t index, enum sdf_usage, uint8_t *spki, size_t *len) MUST_CHECK;
enum hufu_err sdf_sign(struct sdf_session *, uint32_t index, const uint8_t e[32], uint8_t sig[64]) MUST_CHECK;
enum hufu_err sdf_verify_internal(struct sdf_session *, uint32_t index, const uint8_t e[32], const uint8_t sig[64]) MUST_CHECK;
enum hufu_err sdf_verify(struct sdf_session *, const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64]) MUST_CHECK;
enum hufu_err sdf_encrypt_ecc(struct sdf_session *, const uint8_t point[64], const uint8_t *in, size_t len,
                              uint8_t *out) MUST_CHECK;
/* out: len - 96 bytes. C1 is validated first: HUFU_ERR_CIPHERTEXT. */
enum hufu_err sdf_decrypt_ecc(struct sdf_session *, uint32_t index, const uint8_t *in, size_t len, uint8_t *out) MUST_CHECK;
/* in and out of the modulus' length. */
enum hufu_err sdf_rsa_private(struct sdf_session *, uint32_t index, enum sdf_usage, const uint8_t *in, size_t len,
                              uint8_t *out) MUST_CHECK;

/* -- making pairs in the device, by the profile's extra calls ----------------- */
enum hufu_err sdf_make_pair(struct sdf_session *, uint32_t index, enum sdf_usage, uint8_t point[64]) MUST_CHECK;
enum hufu_err sdf_import_pair(struct sdf_session *, uint32_t index, enum sdf_usage, const uint8_t d[32]) MUST_CHECK;
/* A pair that the device keeps nothing of. */
enum hufu_err sdf_generate_pair(struct sdf_session *, enum sdf_usage, uint8_t d[32], uint8_t point[64]) MUST_CHECK;

/* -- symmetric keys: handles of one session ------------------------------------ */
enum hufu_err sdf_generate_kek(struct sdf_session *, uint32_t kek, uint32_t nbits, uint8_t *wrapped, size_t cap, size_t *len,
                               void **handle) MUST_CHECK;
enum hufu_err sdf_import_kek(struct sdf_session *, uint32_t kek, const uint8_t *wrapped, size_t len, void **handle) MUST_CHECK;
/* wrapped: x || y || C3 || C2 for the encryption key of the index. */
enum hufu_err sdf_generate_ipk(struct sdf_session *, uint32_t index, uint32_t nbits, uint8_t *wrapped, size_t cap, size_t *len,
                               void **handle) MUST_CHECK;
enum hufu_err sdf_import_isk(struct sdf_session *, uint32_t index, const uint8_t *wrapped, size_t len, void **handle) MUST_CHECK;
enum hufu_err sdf_import_clear(struct sdf_session *, const uint8_t *key, size_t len, void **handle) MUST_CHECK;
void sdf_destroy_key(struct sdf_session *, void *handle);

/*
 * -- symmetric operations ---------------------------------------------------
 * Whole blocks but for streams (CFB, OFB, CTR), whose last block may be part of one; cut into calls of data_max. iv NULL for
 * ECB, else updated here from the ciphertext. out may be in. What cannot be cut (AEAD, ZUC) is HUFU_ERR_UNSUPPORTED beyond data_max.
 */
enum hufu_err sdf_crypt(struct sdf_session *, void *handle, enum sdf_alg, bool encrypt, uint8_t iv[16], const uint8_t *in,
                        size_t len, uint8_t *out) MUST_CHECK;
enum hufu_err sdf_mac(struct sdf_session *, void *handle, enum sdf_alg, const uint8_t iv[16], const uint8_t *in, size_t len,
                      uint8_t mac[16]) MUST_CHECK;
enum hufu_err sdf_auth_encrypt(struct sdf_session *, void *handle, enum sdf_alg, const uint8_t *iv, size_t iv_len,
                               const uint8_t *aad, size_t aad_len,
                               const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag, size_t tag_len) MUST_CHECK;
enum hufu_err sdf_auth_decrypt(struct sdf_session *, void *handle, enum sdf_alg, const uint8_t *iv, size_t iv_len,
                               const uint8_t *aad, size_t aad_len,
                               const uint8_t *in, size_t len, const uint8_t *tag, size_t tag_len, uint8_t *out) MUST_CHECK;
enum hufu_err sdf_hmac(struct sdf_session *, void *handle, const uint8_t *in, size_t len, uint8_t mac[32]) MUST_CHECK;
/* SM3, nothing before the data. */
enum hufu_err sdf_hash(struct sdf_session *, const uint8_t *in, size_t len, uint8_t digest[32]) MUST_CHECK;

#endif
