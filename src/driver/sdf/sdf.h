/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards and cipher machines through their vendors' GM/T 0018 libraries: struct
 * hufu_driver on top of library.h. A file a matter; what the device offers are
 * those rows whose needs its library and its profile meet.
 *
 * Locks: hufu_lease.lock is held while the lease's session is used;
 * hufu_device.lock guards its lists, is taken inside the former and never held over a call of
 * the library's, which may hang.
 */
#ifndef DRIVER_SDF_SDF_H
#define DRIVER_SDF_SDF_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "driver/sdf/library.h"
#include "driver/soft/soft.h"

#define SDF_INDEX_MAX 1023u
#define SDF_PASSWORD_MIN 8   /* GM/T 0018-2012 5.1.1: access passwords have no fewer characters */
#define SDF_PASSWORD_MAX 256
#define SDF_POINT_LEN 64
#define SDF_BLOCK_LEN 16
#define SDF_SCRATCH_LEN 4096 /* a multiple of two blocks */
#define SDF_KEY_MAX 256u     /* bytes of a symmetric key: no library is asked for more */
#define SDF_EVICTIONS 256    /* a power of two */

/* -- indexes ----------------------------------------------------------------- */

struct index_set {
	uint8_t bits[(SDF_INDEX_MAX + 8) / 8];
};

static inline bool index_in(const struct index_set *set, uint32_t index)
{
	return index <= SDF_INDEX_MAX && set->bits[index / 8] >> index % 8 & 1;
}

static inline void index_add(struct index_set *set, uint32_t index)
{
	set->bits[index / 8] |= (uint8_t)(1u << index % 8);
}

static inline void index_drop(struct index_set *set, uint32_t index)
{
	set->bits[index / 8] &= (uint8_t)~(1u << index % 8);
}

/* -- settings.c: the driver's own keys of a device's section ------------------- */

struct settings {
	const char *library, *profile, *open_config; /* the configuration's; good while open runs. open_config may be NULL */
	uint32_t kek_index, isk_index;               /* 0: none */
	struct index_set indexes, keks, rsa_indexes;
	bool gcm, cmac;                              /* composed of ECB, by opt_in */
};

/* HUFU_ERR_CONFIG, all mistakes logged. */
enum hufu_err settings_read(const struct hufu_host *, const struct hufu_conf *, struct settings *) MUST_CHECK;

/* -- the device ---------------------------------------------------------------- */

struct credential {
	uint32_t index;      /* 0: of every index that has none of its own */
	size_t len;
	uint8_t *value;      /* of secret_alloc */
};

/* Keys that were evicted, by their ids: a ring that each lease reads at its own pace. */
struct evictions {
	uint64_t ids[SDF_EVICTIONS];
	_Atomic uint64_t n;  /* ever */
};

struct sdf_row;

struct hufu_device {
	const struct hufu_host *host;
	char name[65];
	uint64_t id;                           /* of this opening, in this process */
	struct settings settings;
	struct sdf_library *library;
	const struct sdf_profile *profile;     /* the library's */
	struct sdf_device *device;
	struct sdf_device_info about;
	struct sm2_public isk;                 /* of the pair at isk_index */
	bool has_isk;
	const struct sdf_row **rows;           /* what is offered, NULL at the end */
	struct hufu_capability *caps;
	size_t ncaps;
	_Atomic(struct sdf_session *) spare;   /* for probes */
	_Atomic uint64_t spare_used_ns;
	_Atomic bool said_pairs, said_import, said_password; /* told once a device */
	_Atomic uint64_t logins;               /* how often credentials were forgotten: rights of before are not used */

	pthread_mutex_t lock;                  /* for what follows */
	struct hufu_lease *leases;
	struct evictions evictions;
	struct credential *credentials;
	_Atomic size_t ncredentials;
	struct index_set refused;              /* where what we have was refused: it is not presented there again */
	struct index_set taken, showing;       /* where it was taken; where it is presented for the first time right now */
	pthread_cond_t shown;                  /* there it was */
	struct index_set making;               /* pairs are being made there */
	struct hufu_resident *residents;       /* as FIND found them when it began */
	uint8_t (*resident_pubs)[HUFU_PUB_MAX];
	size_t *resident_pub_lens;
	size_t nresidents;
	bool looked;
};

struct held {
	uint64_t id;          /* of the key; 0: free */
	uint64_t used;
	void *handle;
};

struct hufu_lease {
	struct hufu_device *device;
	struct hufu_lease *prev, *next;        /* device->leases */
	pthread_mutex_t lock;
	struct sdf_session *session;           /* NULL: opened by the next op */
	uint64_t used_ns;                      /* when the session was last used */
	struct held *held;                     /* profile->handles_max: handles die with their session */
	uint64_t uses;
	uint64_t evictions;                    /* how many of the device's were carried out here */
	struct index_set rights;               /* taken on this session */
	bool has_rights;
	uint64_t login;                        /* device->logins when the first was */
	uint8_t *scratch;                      /* secret, SDF_SCRATCH_LEN */
};

/* -- lease.c: sessions ----------------------------------------------------------- */

enum hufu_err lease_new(struct hufu_device *, uint64_t deadline_ns, struct hufu_lease **) MUST_CHECK;
void lease_free(struct hufu_lease *);
/* Before each op: a session that lives, without handles of keys that were evicted. HUFU_ERR_GONE and what opening gives. */
enum hufu_err lease_ready(struct hufu_lease *, uint64_t deadline_ns) MUST_CHECK;
/* After credentials were forgotten: closes each session with rights, of leases at work when their op ends. */
void leases_drop_rights(struct hufu_device *);
/* What the lease's op left behind of such. Not locked. */
void lease_drop_rights_if_stale(struct hufu_lease *);
enum hufu_err device_probe(struct hufu_device *, uint64_t deadline_ns) MUST_CHECK;

/* -- rights.c: access passwords ----------------------------------------------------- */

typedef enum hufu_err (*index_fn)(struct hufu_lease *, uint32_t index, void *arg);
/*
 * A call that uses the private key at the index, with the right to it: taken where there is a password, renewed once
 * where the device has forgotten it. HUFU_ERR_NO_KEY: it was refused, or there is none and the device wants one; other keys are
 * served as before. HUFU_ERR_BUSY: another lease is still presenting it for the first time.
 */
enum hufu_err rights_run(struct hufu_lease *, uint32_t index, index_fn, void *arg) MUST_CHECK;
enum hufu_err rights_login(struct hufu_lease *, struct hufu_op *) MUST_CHECK;
enum hufu_err rights_logout(struct hufu_lease *, struct hufu_op *) MUST_CHECK;
void rights_forget(struct hufu_device *);

/* -- refusals.c: passwords that were refused at an index, in any opening of the device ---- */

bool refusal_known(const struct hufu_device *, uint32_t index, const uint8_t *password, size_t len) MUST_CHECK;
void refusal_note(const struct hufu_device *, uint32_t index, const uint8_t *password, size_t len);

/* -- copies.c: what copies hold ------------------------------------------------------ */

enum copy_form {
	COPY_SIGN = 1,     /* INDEX: a pair's point */
	COPY_ENCRYPT,
	COPY_PAIR,         /* the same pair in both places */
	COPY_KEK,          /* nothing */
	COPY_RSA_SIGN,     /* SM3 of the SPKI */
	COPY_RSA_ENCRYPT,
	COPY_UNDER_KEK,    /* BLOB: as GenerateKeyWithKEK gave it */
	COPY_UNDER_ISK     /* BLOB, RECIPE: x || y || C3 || C2 for the encryption pair at the index */
};

struct copy {
	enum copy_form form;
	uint32_t index;
	const uint8_t *bytes;
	size_t len;
};

/* Room in the op, then its copy: out, out_len, copy_kind. */
enum hufu_err copy_give(struct hufu_op *, const struct copy *) MUST_CHECK;
/* Returns its length; at most HUFU_RESIDENT_COPY_MAX for INDEX forms. */
size_t copy_write(const struct copy *, uint8_t *out);
size_t copy_len(const struct copy *);
/* HUFU_ERR_NO_KEY: it is none of this driver's. bytes lie in the key's. */
enum hufu_err copy_read(const struct hufu_key *, struct copy *) MUST_CHECK;

/* -- handles.c: keys as leases hold them ---------------------------------------------- */

typedef enum hufu_err (*handle_fn)(struct hufu_lease *, void *handle, struct hufu_op *);
/* The op with a handle of its symmetric key; once more with a new one where the device knows the old no more. */
enum hufu_err handles_run(struct hufu_lease *, struct hufu_op *, handle_fn) MUST_CHECK;
/* Opens what a copy holds, to see whether it opens. HUFU_ERR_CIPHERTEXT: it does not. */
enum hufu_err handles_try(struct hufu_lease *, const struct copy *) MUST_CHECK;
/* For one more handle, before a key is made or taken in that is not kept: a session holds handles_max of them, and this is one. */
void handles_make_room(struct hufu_lease *);
void handles_destroy(struct hufu_lease *, void *handle);
void handles_forget_all(struct hufu_lease *);
void handles_evict(struct hufu_lease *);
enum hufu_err handles_op_evict(struct hufu_lease *, struct hufu_op *) MUST_CHECK;
/* The handles have gone with their sessions. */
void handles_forget(struct hufu_key *);

/* The op's INDEX key, compared with what the device has at that index. HUFU_ERR_NO_KEY: it is another. */
enum hufu_err index_key(struct hufu_lease *, struct hufu_op *, struct copy *) MUST_CHECK;
/* Likewise of RSA; rsa_key's len, nbits and n only. */
struct rsa_key;
enum hufu_err index_rsa_key(struct hufu_lease *, struct hufu_op *, struct copy *, const struct rsa_key **) MUST_CHECK;

/* -- ops_rsa.c: what paddings want to know of a key, from its SPKI; libcrypto's part of it stays empty. HUFU_ERR_KEY_VALUE ----- */

enum hufu_err rsa_modulus(const uint8_t *spki, size_t len, struct rsa_key *) MUST_CHECK;

/* -- resident.c: FIND ------------------------------------------------------------------- */

enum hufu_err resident_find(struct hufu_lease *, struct hufu_op *) MUST_CHECK;
void residents_forget(struct hufu_device *);

/* -- keys.c: can SM4 keys come to be here at all? ------------------------------------------ */

bool offers_symmetric(const struct hufu_device *);

/* -- rows --------------------------------------------------------------------------------- */

typedef enum hufu_err (*row_fn)(struct hufu_lease *, struct hufu_op *);
struct sdf_row {
	uint64_t mechanism;
	enum hufu_verb verb;
	enum hufu_key_type key;                /* that op->key must have; 0: the op has none, or any */
	bool (*offered)(const struct hufu_device *); /* NULL: always */
	row_fn run;
	uint32_t min_nbits, max_nbits;
	uint64_t (*max_in)(const struct hufu_device *); /* NULL: no limit */
	bool (*permanent)(const struct hufu_device *);  /* NULL: no */
};

/* End with a row whose run is NULL. */
extern const struct sdf_row sdf_key_rows[], sdf_sm2_rows[], sdf_sm4_rows[], sdf_mac_rows[], sdf_aead_rows[], sdf_rsa_rows[];

static inline bool device_can(const struct hufu_device *device, enum sdf_call call)
{
	return sdf_can(device->library, call);
}

static inline bool device_has(const struct hufu_device *device, enum sdf_alg alg)
{
	return device->profile->alg[alg] != 0;
}

/* The longest text that the library's struct of an SM2 ciphertext has room for. */
static inline uint32_t device_cipher_max(const struct hufu_device *device)
{
	uint32_t room = device->profile->cipher_room;

	return room && room < SDF_SM2_MAX ? room : SDF_SM2_MAX;
}

/* -- ops_sm4.c: what MACs and AEAD are composed of ------------------------------------------ */

bool offers_ecb(const struct hufu_device *);
bool offers_cbc(const struct hufu_device *);
enum hufu_err sm4_block(struct hufu_lease *, void *handle, const uint8_t in[SDF_BLOCK_LEN], uint8_t out[SDF_BLOCK_LEN]) MUST_CHECK;
/* By ECB; counter is moved on; the low nbits of it count. */
enum hufu_err sm4_count(struct hufu_lease *, void *handle, uint8_t counter[SDF_BLOCK_LEN], uint32_t nbits, const uint8_t *in,
                        size_t len, uint8_t *out) MUST_CHECK;
/* The last block of a CBC encryption of whole blocks, from chain, into chain. */
enum hufu_err sm4_chain(struct hufu_lease *, void *handle, uint8_t chain[SDF_BLOCK_LEN], const uint8_t *in, size_t len) MUST_CHECK;
/* May an op be composed that brings parts of the key into this host's memory? HUFU_ERR_NO_KEY. */
enum hufu_err sm4_may_expose(const struct hufu_op *) MUST_CHECK;

#endif
