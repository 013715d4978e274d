/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between hufu and a device driver. A vendor builds on this file
 * and <hufu/mechanisms.h> alone: they include nothing of hufu, and a driver calls
 * nothing of hufu but what struct hufu_host hands it. docs/DRIVERS.md goes
 * through it, examples/driver keeps it.
 *
 * The ABI is unstable (HUFU_DRIVER_ABI changes with any change here) until
 * three unlike drivers stand on it.
 *
 * Defaults, unless an entry says otherwise
 *   lengths     bytes; sizes of keys in bits carry the name nbits
 *   integers    big-endian in every byte string (points, scalars, digests)
 *   time        nanoseconds of CLOCK_MONOTONIC, host->now_ns(); a deadline is
 *               absolute, 0 is "none". One that has passed before anything was
 *               sent to the device is HUFU_ERR_BUSY; after, HUFU_ERR_LOST
 *   ownership   pointers in a call belong to the caller and are valid until it
 *               returns; what a driver must keep, it copies
 *   secrets     key material is kept in host->secret_alloc memory only, and
 *               given back with host->secret_free, which wipes it
 *   threads     info, probe, lease and release of one device may come from
 *               several threads at once, and so may open and close of several
 *               devices; open is over before, and close begins after all other
 *               calls of its device. A lease is used by one thread at a time,
 *               not always the same (HUFU_DRIVER_THREAD_AFFINE); different leases
 *               run at the same time. Threads come and go: what a library keeps
 *               for each must not need the device any more when one ends
 *   structs     every struct begins with its size: a reader looks at no member
 *               beyond it
 */
#ifndef HUFU_DRIVER_H
#define HUFU_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HUFU_DRIVER_ABI 5u

/*
 * Error groups decide failover, nothing else does. The group of a code is its
 * high byte. After DENIED, EXPIRED, GONE, LOST, CORRUPT and BUG the lease is
 * released, and what the next op needs is a new one's.
 */
enum hufu_group {
	HUFU_GROUP_OK = 0,
	HUFU_GROUP_CALLER,      /* the request is wrong: returned, never tried elsewhere */
	HUFU_GROUP_UNSUPPORTED, /* this device cannot: capability corrected, another tried */
	HUFU_GROUP_NO_KEY,      /* key not on this device: one that has a copy is tried */
	HUFU_GROUP_DENIED,      /* our credential was refused: presented to nobody again */
	HUFU_GROUP_EXPIRED,     /* session, ticket or right ran out, nothing was done: once more, on a new lease */
	HUFU_GROUP_BUSY,        /* not now: another, or wait within the deadline */
	HUFU_GROUP_GONE,        /* not delivered, no effect: another, free of charge */
	HUFU_GROUP_LOST,        /* effect unknown: another only if repeatable */
	HUFU_GROUP_CORRUPT,     /* the answer failed a check: another only if repeatable */
	HUFU_GROUP_HOST,        /* this host's memory, store or configuration; no device's fault */
	HUFU_GROUP_BUG          /* cannot happen: logged with file and line */
};

#define HUFU_ERR(group, n) ((HUFU_GROUP_##group << 8) | (n))

enum hufu_err {
	HUFU_OK = 0,

	HUFU_ERR_ARGUMENT = HUFU_ERR(CALLER, 1),       /* malformed call */
	HUFU_ERR_PARAM = HUFU_ERR(CALLER, 2),          /* mechanism parameter */
	HUFU_ERR_DATA = HUFU_ERR(CALLER, 3),           /* input data invalid */
	HUFU_ERR_DATA_LEN = HUFU_ERR(CALLER, 4),       /* input data length */
	HUFU_ERR_CIPHERTEXT = HUFU_ERR(CALLER, 5),     /* ciphertext or tag invalid */
	HUFU_ERR_CIPHERTEXT_LEN = HUFU_ERR(CALLER, 6), /* ciphertext length */
	HUFU_ERR_SIGNATURE = HUFU_ERR(CALLER, 7),      /* signature or MAC invalid */
	HUFU_ERR_SIGNATURE_LEN = HUFU_ERR(CALLER, 8),
	HUFU_ERR_KEY_TYPE = HUFU_ERR(CALLER, 9),       /* key does not fit the mechanism */
	HUFU_ERR_KEY_SIZE = HUFU_ERR(CALLER, 10),
	HUFU_ERR_KEY_VALUE = HUFU_ERR(CALLER, 11),     /* scalar out of range, point not on the curve */
	HUFU_ERR_PIN = HUFU_ERR(CALLER, 12),           /* wrong PIN */
	HUFU_ERR_PIN_LEN = HUFU_ERR(CALLER, 13),
	HUFU_ERR_PIN_LOCKED = HUFU_ERR(CALLER, 14),
	HUFU_ERR_PIN_UNSET = HUFU_ERR(CALLER, 15),     /* the role has no PIN */
	HUFU_ERR_BUFFER = HUFU_ERR(CALLER, 16),        /* output space too small; out_len says how much */
	HUFU_ERR_KEY_USE = HUFU_ERR(CALLER, 17),       /* the key may not be used so */
	HUFU_ERR_PIN_LAST = HUFU_ERR(CALLER, 18),      /* the last try before the lock, which was not to be spent: not looked at */

	HUFU_ERR_UNSUPPORTED = HUFU_ERR(UNSUPPORTED, 1),
	HUFU_ERR_NO_KEY = HUFU_ERR(NO_KEY, 1),
	HUFU_ERR_DENIED = HUFU_ERR(DENIED, 1),
	HUFU_ERR_EXPIRED = HUFU_ERR(EXPIRED, 1),
	HUFU_ERR_BUSY = HUFU_ERR(BUSY, 1),
	HUFU_ERR_GONE = HUFU_ERR(GONE, 1),
	HUFU_ERR_LOST = HUFU_ERR(LOST, 1),
	HUFU_ERR_CORRUPT = HUFU_ERR(CORRUPT, 1),

	/* Of this group a driver gives the first three. */
	HUFU_ERR_NO_MEMORY = HUFU_ERR(HOST, 1),
	HUFU_ERR_CONFIG = HUFU_ERR(HOST, 2),           /* already reported with file and line */
	HUFU_ERR_RANDOM = HUFU_ERR(HOST, 3),           /* generator unhealthy: no output */
	HUFU_ERR_DEADLINE = HUFU_ERR(HOST, 4),         /* ran out before any device could serve */
	HUFU_ERR_NO_DEVICE = HUFU_ERR(HOST, 5),        /* no device can serve this op */
	HUFU_ERR_STORE_IO = HUFU_ERR(HOST, 6),
	HUFU_ERR_STORE_FULL = HUFU_ERR(HOST, 7),
	HUFU_ERR_STORE_READ_ONLY = HUFU_ERR(HOST, 8),
	HUFU_ERR_STORE_BUSY = HUFU_ERR(HOST, 9),
	HUFU_ERR_STORE_CORRUPT = HUFU_ERR(HOST, 10),   /* not a store, damaged, or a row failed its MAC */
	HUFU_ERR_STORE_VERSION = HUFU_ERR(HOST, 11),   /* made by a newer hufu */
	HUFU_ERR_STORE_MISSING = HUFU_ERR(HOST, 12),   /* token not initialised yet */
	HUFU_ERR_NOT_FOUND = HUFU_ERR(HOST, 13),
	HUFU_ERR_EXISTS = HUFU_ERR(HOST, 14),
	HUFU_ERR_CONFLICT = HUFU_ERR(HOST, 15),        /* changed since it was read */
	HUFU_ERR_LOCKED = HUFU_ERR(HOST, 16),          /* needs a login: sealing key not at hand */
	HUFU_ERR_NEED_THREADS = HUFU_ERR(HOST, 17),    /* no device can run without threads of ours, which are forbidden */

	HUFU_ERR_BUG = HUFU_ERR(BUG, 1)
};

static inline enum hufu_group hufu_err_group(enum hufu_err err)
{
	return (enum hufu_group)((unsigned)err >> 8);
}

/* What an op asks for. A new algorithm is a mechanism, never a new verb. */
enum hufu_verb {
	HUFU_VERB_RANDOM = 1, /* fill out[0..out_cap) */
	HUFU_VERB_GENERATE,   /* a key or key pair: its copy -> out, public part -> pub */
	HUFU_VERB_IMPORT,     /* in = key material in the clear (see enum hufu_key_type): copy -> out, public -> pub */
	HUFU_VERB_EXPORT,     /* the clear material of key -> out; only where copies of the domain allow it */
	HUFU_VERB_ENCRYPT,
	HUFU_VERB_DECRYPT,    /* AEAD whole only: nothing is released before its tag, so the core buffers */
	HUFU_VERB_SIGN,       /* and MAC generation */
	HUFU_VERB_VERIFY,     /* in = data, in2 = signature or MAC */
	HUFU_VERB_WRAP,       /* key wraps subject -> out */
	HUFU_VERB_UNWRAP,     /* key opens in; the new key's copy -> out, public part -> pub; new_type says what it is */
	HUFU_VERB_DERIVE,     /* key agreement: the shared value in the clear -> out, in secret memory; the KDF is the core's */
	HUFU_VERB_EVICT,      /* forget key: free what key->loaded holds, and set it to NULL. Cannot fail. */
	HUFU_VERB_FIND,       /* param->nth of the keys that are kept in the device: struct hufu_resident -> out, public part -> pub.
	                         HUFU_ERR_NO_KEY: there are no more. Keys that cannot be used without a login may be left out before it */
	HUFU_VERB_LOGIN,      /* in2 = the name of a credential ("user", "sign:3"), in = its value, which the driver keeps in secret
	                         memory and presents on every lease that needs it from now on. HUFU_ERR_DENIED: it was refused;
	                         HUFU_ERR_UNSUPPORTED: no credential has this name here. An op whose key wants one that was not
	                         brought ends in HUFU_ERR_NO_KEY: DENIED would take the device out of service */
	HUFU_VERB_LOGOUT      /* forget the credentials, and what they opened. Cannot fail. */
};

/*
 * Key types as devices see them, with the clear form that IMPORT takes and
 * EXPORT gives.
 *
 * PKCS#8 is the DER of a PrivateKeyInfo (RFC 5958) without attributes: RSA by
 * RFC 8017 A.1.2, EC by RFC 5915, Edwards and Montgomery curves by RFC 8410.
 * SPKI is the DER of a SubjectPublicKeyInfo (RFC 5280 4.1.2.7), curves named by
 * their OID, points uncompressed. What IMPORT takes may leave out what follows
 * from the rest: RSA's primes, exponents and coefficient may be 0, an EC key's
 * public key absent; the copy it makes has all.
 */
enum hufu_key_type {
	HUFU_KEY_SM2_PRIVATE = 1, /* d, 32 bytes; pub: x || y, 64 bytes */
	HUFU_KEY_SM2_PUBLIC,      /* x || y, 64 bytes */
	HUFU_KEY_SM4,             /* 16 bytes */
	HUFU_KEY_ZUC,             /* 16 bytes */
	HUFU_KEY_SECRET,          /* HMAC and generic: 1 to 4096 bytes */
	HUFU_KEY_AES,             /* 16, 24 or 32 bytes */
	HUFU_KEY_DES3,            /* 24 bytes; only to open what is old */
	HUFU_KEY_RSA_PRIVATE,     /* PKCS#8; pub: SPKI */
	HUFU_KEY_RSA_PUBLIC,      /* SPKI; so are all that follow */
	HUFU_KEY_EC_PRIVATE,      /* P-256, P-384, P-521 */
	HUFU_KEY_EC_PUBLIC,
	HUFU_KEY_EDWARDS_PRIVATE, /* Ed25519, Ed448 */
	HUFU_KEY_EDWARDS_PUBLIC,
	HUFU_KEY_MONTGOMERY_PRIVATE, /* X25519, X448 */
	HUFU_KEY_MONTGOMERY_PUBLIC
};

/* The longest public part: an RSA key of 8192 bits as SPKI. */
#define HUFU_PUB_MAX 1152

enum hufu_copy_kind {
	HUFU_COPY_BLOB = 1, /* opaque to the core, usable by every device of the domain */
	HUFU_COPY_INDEX,    /* the driver's name of a key that is kept in every device of the domain; opaque to the core */
	HUFU_COPY_RECIPE,   /* ciphertext, opened by a resident key */
	HUFU_COPY_LIVE      /* exists in one lease only */
};

/*
 * A key as one device sees it.
 *
 * The core owns it, makes it before the first op that names it, and frees it
 * after HUFU_VERB_EVICT has run on the same device, or forget where the device
 * gives no lease any more, when no op names it any more. blob is the domain's
 * copy, unsealed, in secret memory.
 *
 * loaded is the driver's: the expanded or resident form, NULL at first, set in
 * run() by an atomic compare-and-exchange (several leases may load the same key
 * at once; the loser frees its own), freed in EVICT or forget: until then other
 * threads may be reading it. It belongs to the device and not to one connection of it: where
 * a device was closed and opened anew, ops and EVICT bring what was loaded
 * before. A driver that binds it to a connection notes in it which, and loads
 * again when that is gone. A forked child's keys have nothing loaded, unless the
 * driver is HUFU_DRIVER_FORK_SAFE.
 */
struct hufu_key {
	size_t size;
	uint8_t uuid[16];
	uint64_t version;
	enum hufu_key_type type;
	enum hufu_copy_kind copy_kind;
	const uint8_t *blob;
	size_t blob_len;
	void *loaded;
	bool hardware_only;            /* neither it nor what serves in its stead (GCM's H, CMAC's subkeys) comes into this host's memory:
	                                  a driver that would compose an op of such parts answers HUFU_ERR_NO_KEY */
};

/* A part of a multi-part operation whose state the driver makes and the core carries. */
enum hufu_phase {
	HUFU_PHASE_WHOLE = 0, /* one shot; no state */
	HUFU_PHASE_FIRST,     /* state_out is made */
	HUFU_PHASE_NEXT,      /* state_in -> state_out */
	HUFU_PHASE_LAST       /* state_in; the tag, MAC or last bytes come out */
};

/* What a driver's state may take at most (SM3 midstate, GCM, ZUC all fit). */
#define HUFU_STATE_MAX 512

/* Parameters, by mechanism. Ranges are checked above; a driver may rely on them. */
struct hufu_param_iv {       /* SM4 CBC, CFB128, OFB, CTR (the first counter block) */
	uint8_t iv[16];
	uint32_t counter_bits;  /* CTR: how many low bits count, 1..128; wrap is refused above */
};
struct hufu_param_gcm {      /* SM4 GCM: ENCRYPT gives ciphertext || tag, DECRYPT takes it */
	const uint8_t *iv;
	size_t iv_len;          /* 1 .. 2^16 */
	const uint8_t *aad;
	size_t aad_len;
	size_t tag_len;         /* 4, 8, 12..16 */
};
struct hufu_param_zuc {      /* ZUC-128 EEA3, EIA3 (GM/T 0001.2, 0001.3) */
	uint32_t count;
	uint32_t bearer;        /* 0..31 */
	uint32_t direction;     /* 0, 1 */
	uint64_t nbits;         /* of the whole message, <= 8 * length; 0: 8 * length. Output bits beyond it are zero */
};
struct hufu_param_mac {      /* HMAC, CMAC, CBC-MAC; no parameter: the whole */
	size_t mac_len;         /* 1..length of the hash, or of the block */
};
struct hufu_param_ccm {      /* AES CCM, SM4 CCM: ENCRYPT gives ciphertext || tag, DECRYPT takes it */
	const uint8_t *nonce;
	size_t nonce_len;       /* 7..13 */
	const uint8_t *aad;
	size_t aad_len;
	size_t tag_len;         /* 4, 6, .. 16 */
};
struct hufu_param_rsa_gen {  /* GENERATE of RSA */
	uint32_t nbits;         /* of the modulus: 2048, 3072, 4096 and between, in steps of 8 */
	const uint8_t *public_exponent; /* NULL: 65537 */
	size_t public_exponent_len;
};
struct hufu_param_curve {    /* GENERATE of EC, Edwards, Montgomery */
	const uint8_t *oid;     /* DER OBJECT IDENTIFIER */
	size_t oid_len;
};
struct hufu_param_pss {      /* RSA PSS; in = the hash of the message */
	uint64_t hash;          /* CKM_SHA256 and kin */
	uint64_t mgf_hash;
	size_t salt_len;
};
struct hufu_param_oaep {
	uint64_t hash, mgf_hash;
	const uint8_t *label;
	size_t label_len;
};
struct hufu_param_sm2_agree { /* DERIVE by SM2 key exchange, GB/T 32918.3: key = own static key, subject = own ephemeral key */
	bool initiator;         /* A of the standard: its Z goes first */
	const uint8_t *own_id, *peer_id; /* distinguishing identifiers, 0..8191 bytes */
	size_t own_id_len, peer_id_len;
	uint8_t own_static[64], own_ephemeral[64]; /* x || y of one's own keys */
	uint8_t peer_static[64], peer_ephemeral[64];
	size_t key_len;         /* 1..4096; out = K (key_len bytes) || S1 = SB (32) || SA = S2 (32), A's and B's confirmations */
};
struct hufu_param_find {
	uint32_t nth;           /* from 0; the order is the driver's, and stays while nothing is added or taken away */
};
struct hufu_param_agree {    /* DERIVE by ECDH, X25519, X448 */
	const uint8_t *peer;    /* 04 || x || y, or u */
	size_t peer_len;
	bool cofactor;
};

/* A key that is kept in a device, made there by the vendor's tools; what FIND writes. */
#define HUFU_RESIDENT_ID_MAX 64
#define HUFU_RESIDENT_COPY_MAX 256
struct hufu_resident {
	size_t size;
	enum hufu_key_type type;       /* private, or secret; a pair is one resident */
	uint32_t verbs;                /* bits (1 << enum hufu_verb) that the device lets it be used for */
	uint32_t nbits;                /* RSA: of the modulus; else 0 */
	char label[64];                /* UTF-8, NUL-terminated: "sign 3"; the device's name is put before it above */
	uint8_t id[HUFU_RESIDENT_ID_MAX]; /* CKA_ID of both halves */
	size_t id_len;
	uint8_t copy[HUFU_RESIDENT_COPY_MAX]; /* HUFU_COPY_INDEX: how ops on any device of the domain name it */
	size_t copy_len;
};

/*
 * One operation. in and out never overlap (the pool copies where the caller's
 * do). A driver writes out, pub, state_out, their lengths, copy_kind and the
 * outcome and nothing else, and writes nothing after run() has returned. Where
 * the outcome is not HUFU_OK the lengths are 0, but for out_len with
 * HUFU_ERR_BUFFER, which comes before the op has had any effect. What is empty may
 * be NULL.
 *
 * What comes and goes, by mechanism; none but these reach a driver, since
 * hashing, padding (PKCS #7), DER and other orders of bytes are the core's:
 *   CKM_HUFU_SM2                  SIGN, VERIFY of e, 32 bytes: r || s, 64 bytes
 *   CKM_HUFU_SM2_C1C3C2           04 || x || y || C3 || C2; WRAP and UNWRAP: so
 *                                 encrypted, the subject in its clear form
 *   CKM_HUFU_SM4_ECB, _CBC        whole blocks; AES and DES3 likewise (DES3_CBC:
 *                                 the first 8 bytes of the IV)
 *   _CTR, _CFB128, _OFB           any length
 *   _GCM, _CCM                    ciphertext || tag
 *   MACs                          SIGN, VERIFY; struct hufu_param_mac, or NULL
 *   CKM_HUFU_ZUC_EEA3, _EIA3      EIA3: 4 bytes
 *   CKM_ECDSA                     SIGN, VERIFY of a hash of any length, of which
 *                                 the leftmost bits count: r || s, each as long as the order
 *   CKM_EDDSA                     the message itself, pure (RFC 8032)
 *   CKM_RSA_PKCS                  SIGN of a DigestInfo, or any bytes that fit; and encryption
 *   CKM_RSA_X_509, _PKCS_PSS, _PKCS_OAEP
 *   CKM_AES_KEY_WRAP, _KWP        ENCRYPT, DECRYPT with the usual initial value
 *   CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE  the shared x, or u
 *   CKM_..._KEY_GEN, _KEY_PAIR_GEN GENERATE; CKM_HUFU_SM3_KEY_GEN makes every
 *                                 HUFU_KEY_SECRET, of new_len bytes. Making RSA
 *                                 pairs is CKM_RSA_PKCS_KEY_PAIR_GEN, which is 0
 */
struct hufu_op {
	size_t size;
	enum hufu_verb verb;
	uint64_t mechanism;            /* CKM_ number, <hufu/mechanisms.h>; 0 for RANDOM, IMPORT, EXPORT, EVICT */
	enum hufu_phase phase;         /* FIRST brings param; every phase may bring input */
	struct hufu_key *key;          /* NULL for keyless ops */
	struct hufu_key *subject;      /* WRAP: the key that leaves; DERIVE by SM2: the own ephemeral key */
	enum hufu_key_type new_type;   /* GENERATE, IMPORT, UNWRAP: what is made */
	size_t new_len;                /* GENERATE of HUFU_KEY_SECRET, HUFU_KEY_AES: bytes; else 0 */
	const void *param;             /* struct hufu_param_*, or NULL */
	const uint8_t *in;
	size_t in_len;
	const uint8_t *in2;            /* VERIFY: the signature */
	size_t in2_len;
	uint8_t *out;                  /* but for RANDOM, no verb gives more than in_len + 65536 bytes */
	size_t out_cap;
	size_t out_len;                /* written by the driver, <= out_cap */
	uint8_t *pub;                  /* GENERATE, IMPORT, UNWRAP: space for the public part, HUFU_PUB_MAX bytes; else NULL */
	size_t pub_len;
	enum hufu_copy_kind copy_kind; /* GENERATE, IMPORT, UNWRAP: what out holds; the caller sets HUFU_COPY_BLOB, a driver may change it */
	const uint8_t *state_in;
	size_t state_in_len;
	uint8_t *state_out;            /* HUFU_STATE_MAX bytes, adopted only from the attempt that won */
	size_t state_out_len;
	uint64_t deadline_ns;
	uint8_t op_id[16];             /* one per request, the same in every attempt */
	uint32_t attempt;              /* 1, 2, ... */
	bool repeatable;               /* may run again after LOST or CORRUPT */
	uint64_t tenant;               /* 0 inside one process */
	uint64_t auth;                 /* reference of the device login it may use, 0 none; no core gives one yet */
	enum hufu_err outcome;         /* written by the driver */
	bool hardware_only;            /* GENERATE, IMPORT, UNWRAP: as in struct hufu_key, of the key that is made; for drivers that pass ops on */
};

/*
 * One capability row: what a device can do, as data. A mechanism may have several rows, of different verbs. What no row
 * offers is not asked for, but for EVICT and LOGOUT, which cannot fail. GENERATE in a row of mechanism 0 offers RSA pairs.
 */
struct hufu_capability {
	uint64_t mechanism;            /* 0: the verbs that have none */
	uint32_t verbs;                /* bit (1 << enum hufu_verb) */
	uint32_t min_nbits, max_nbits; /* key size, 0 where it has no meaning; for information: HUFU_ERR_KEY_SIZE refuses others */
	uint32_t multi_part;           /* takes HUFU_PHASE_FIRST, NEXT, LAST */
	uint32_t permanent;            /* GENERATE, IMPORT, UNWRAP: a private key stays in the device for good. None is made there for a test,
	                                  and none a second time where an op ended in LOST or CORRUPT, or did not end */
	uint64_t max_in;               /* largest input of one op, 0 no limit; a driver that can, splits up what is larger */
	uint32_t cost_us;              /* rough, for routing; 0 unknown */
};

struct hufu_device_info {
	size_t size;
	char vendor[32], model[32], serial[32], firmware[16]; /* UTF-8, NUL-terminated */
	uint8_t domain_id[16];         /* equal on devices that can use the same copies; 0 unknown */
	uint32_t max_leases;           /* 0 no limit; without the session that probe needs while all these are in use */
	const struct hufu_capability *caps; /* owned by the device, constant until close */
	size_t ncaps;
	uint32_t key_cache;            /* keys it can hold loaded, 0 no limit; for information: the driver itself makes room */
};

/*
 * Driver flags: each is a promise, for all devices and whatever happens to them. Without any, calls are made in threads of
 * hufu's own, which are given up when one hangs, and a forked child opens the device anew and leaves the parent's alone:
 * neither release nor close is called for it there.
 */
#define HUFU_DRIVER_RETURNS_BY_DEADLINE 0x1u /* may run in the caller's thread */
#define HUFU_DRIVER_FORK_SAFE           0x2u /* open devices work in a forked child */
#define HUFU_DRIVER_THREAD_AFFINE       0x4u /* a lease stays on the thread that made it */
#define HUFU_DRIVER_SOFTWARE            0x8u /* keys live in this host's memory */

enum hufu_level { HUFU_LOG_ERROR = 0, HUFU_LOG_WARNING, HUFU_LOG_NOTICE, HUFU_LOG_INFO, HUFU_LOG_DEBUG };

struct hufu_device;
struct hufu_lease;
struct hufu_driver;

/*
 * A device's section of the configuration; get gives NULL where the key is not set. The names that hufu.conf(5) describes
 * for every device are hufu's own, all others the driver's. For open alone: it copies what it keeps.
 */
struct hufu_conf {
	size_t size;
	const char *name;              /* the section's title */
	const char *(*get)(const struct hufu_conf *, const char *key); /* as written, without its quotes */
	const void *priv;
};

/* What the host lends a driver. Valid until close has returned; every function is thread-safe. */
struct hufu_host {
	size_t size;
	uint32_t abi;
	void *(*secret_alloc)(size_t len);        /* zeroed, locked, undumpable; NULL: none left */
	void (*secret_free)(void *p);             /* wipes; NULL is ignored */
	enum hufu_err (*random)(uint8_t *out, size_t len);
	uint64_t (*now_ns)(void);
	/* device: the section's title. One line; ERROR and WARNING say what to do. Never a secret. */
	void (*log)(enum hufu_level, const char *device, const char *fmt, ...)
#ifdef __GNUC__
		__attribute__((format(printf, 3, 4)))
#endif
		;
	const struct hufu_driver *(*driver)(const char *name); /* for drivers that wrap another */
};

struct hufu_driver {
	size_t size;
	uint32_t abi;                  /* HUFU_DRIVER_ABI */
	const char *name;              /* as in driver = "..." */
	uint32_t flags;
	/*
	 * Connects. On success *dev is owned by the caller until close. HUFU_ERR_CONFIG after a logged message: not tried again
	 * before somebody mended it; HUFU_ERR_GONE: tried again later. The core then calls info, presents credentials, and
	 * has the device show that it can do what it offers, with keys for the test that it makes or imports, and evicts.
	 */
	enum hufu_err (*open)(const struct hufu_host *, const struct hufu_conf *, uint64_t deadline_ns, struct hufu_device **dev);
	/* All leases have been released. */
	void (*close)(struct hufu_device *, uint64_t deadline_ns);
	/* Fills info (its size set by the caller); never blocks. */
	enum hufu_err (*info)(struct hufu_device *, struct hufu_device_info *info);
	/* Is it alive? Cheap, needs no credential, no lease; asked of a device in trouble again and again. */
	enum hufu_err (*probe)(struct hufu_device *, uint64_t deadline_ns);
	/* A session on the device. HUFU_ERR_BUSY at its session limit. */
	enum hufu_err (*lease)(struct hufu_device *, uint64_t deadline_ns, struct hufu_lease **lease);
	void (*release)(struct hufu_lease *);
	/* Runs n ops; each gets its own outcome, in any order. Whatever it does not know it answers with HUFU_ERR_UNSUPPORTED. */
	void (*run)(struct hufu_lease *, struct hufu_op *const *ops, size_t n);
	/* From another thread, best effort: make run() return early with HUFU_ERR_LOST. May be NULL. */
	void (*cancel)(struct hufu_lease *);
	/*
	 * EVICT without a device: all is closed, and the device was gone before its keys could be evicted. Frees what
	 * key->loaded holds in this process, and sets it to NULL. May be NULL: then it is never freed.
	 */
	void (*forget)(struct hufu_key *);
};

/* The one symbol that a driver's shared object exports. What it gives stays valid: the object is never unloaded. */
#define HUFU_DRIVER_ENTRY "hufu_driver_entry"
typedef const struct hufu_driver *(*hufu_driver_entry_fn)(void);

#ifdef __cplusplus
}
#endif
#endif
