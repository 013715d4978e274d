/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor profile: how one vendor's GM/T 0018 library differs from the text of
 * the standard, as data. hufu-profile(5).
 *
 * profile = "NAME" is looked for as NAME.conf in $sysconfdir/hufu/profiles, then in
 * $pkgdatadir/profiles, then among the two that are built in, gmt0018-2012 and
 * gmt0018-2023; profile = "/PATH" is that file. A file is trusted as a configuration is
 * (conf_check_file). What it does not say is its base's: base = "NAME", or gmt0018-2012.
 */
#ifndef DRIVER_SDF_PROFILE_H
#define DRIVER_SDF_PROFILE_H

#include "base/conf.h"
#include "hufu/driver.h"

/* Neutral names of what a library numbers in its own way. */
enum sdf_alg {
	SDF_ALG_SM2, SDF_ALG_SM2_SIGN, SDF_ALG_SM2_EXCHANGE, SDF_ALG_SM2_ENCRYPT,
	SDF_ALG_SM3, SDF_ALG_SHA1, SDF_ALG_SHA256,
	SDF_ALG_SM4_ECB, SDF_ALG_SM4_CBC, SDF_ALG_SM4_CFB, SDF_ALG_SM4_OFB, SDF_ALG_SM4_CTR, SDF_ALG_SM4_MAC,
	SDF_ALG_SM4_GCM, SDF_ALG_SM4_CCM, SDF_ALG_ZUC_EEA3, SDF_ALG_ZUC_EIA3,
	SDF_ALG_KEK,            /* under which GenerateKeyWithKEK and ImportKeyWithKEK wrap */
	SDF_ALGS
};

enum sdf_cipher_layout {
	SDF_CIPHER_STANDARD,    /* x, y, M (C3), u32 L, C */
	SDF_CIPHER_LENGTH_FIRST /* u32 L, x, y, C[cipher_room], M: Sansec's */
};

#define SDF_RANDOM_MAX 4096   /* of random_max */
#define SDF_DATA_MAX 65536    /* of data_max */

/* Which calls may run at the same time. */
enum sdf_concurrency { SDF_CONCURRENT_SESSIONS, SDF_CONCURRENT_DEVICES, SDF_CONCURRENT_NONE };

#define SDF_CODE_NAME_MAX 32

/* Codes from first to last, and what they mean for failover. The profile's own rows come before the standard's. */
struct sdf_error {
	uint32_t first, last;
	enum hufu_err err;
	bool session_dead;      /* the session is of no further use */
	char name[SDF_CODE_NAME_MAX];
};

/* Calls that no edition of the standard has, in forms that we know. */
enum sdf_extra {
	SDF_EXTRA_OPEN,            /* (void **device, char *path, void *null): SDF_OpenDeviceEx and kin; open_config is the path */
	SDF_EXTRA_MAKE_PAIR,       /* (session, u32 index, u32 usage: 1 sign, 2 encrypt, ECCrefPublicKey *): refuses an index in use */
	SDF_EXTRA_IMPORT_PAIR,     /* (session, u32 index, u32 usage, ECCrefPrivateKey *): refuses an index in use */
	SDF_EXTRA_GENERATE_PAIR,   /* SDF_GenerateKeyPair_ECC where it is made for production: (session, alg, bits, pub *, priv *) */
	SDF_EXTRA_IMPORT_KEY,      /* SDF_ImportKey of 2012: (session, key, len, void **handle) */
	SDF_EXTRAS
};

struct sdf_profile {
	char *name, *vendor;       /* for messages */
	uint32_t edition;          /* 2012 or 2023: which functions are looked for; those that are not there are not missed */
	uint32_t width;            /* bytes of an ECC field in structs: 64 or 32 */
	enum sdf_cipher_layout cipher;
	uint32_t cipher_room;      /* LENGTH_FIRST: bytes of C, which is no array of the struct's end; else 0 */
	uint32_t envelope_max;     /* STANDARD: a library that always writes as much C (419 - 164 for one); else 0 */
	uint32_t alg[SDF_ALGS];    /* 0: not there */
	uint32_t encrypt_args, decrypt_args; /* of SDF_Internal{En,De}crypt_ECC: 5 or 6; 0: never called */
	uint32_t rsa_bytes;        /* of a field of RSAref structs: 256 or 512 */
	uint32_t rsa_args;         /* of SDF_InternalPrivateKeyOperation_RSA: 6, or 7 with the key's usage behind its index; 0: never */
	char *extra[SDF_EXTRAS];   /* symbol, or NULL */
	struct sdf_error *errors;  /* the profile's own, then the standard's; the first that fits holds */
	size_t nerrors;
	uint32_t sessions_max;     /* 0: no limit known */
	uint32_t handles_max;      /* key handles a session may hold: 1..1024, default 64 */
	uint32_t devices_max;      /* that one process may open with one library; 0 no limit */
	uint32_t random_max;       /* bytes of one SDF_GenerateRandom */
	uint32_t data_max;         /* bytes of one symmetric call, a multiple of 16 */
	uint32_t idle_s;           /* a session unused for so long is opened anew before it is used; 0: never */
	enum sdf_concurrency concurrency;
	bool open_exclusive;       /* opening and closing never run beside anything else of the library */
	bool right_per_session;    /* an access right counts for its session alone: taken on every new one. No: for the device */
	bool right_stacks;         /* every Get wants its Release */
	bool iv_is_updated;        /* the standard's; no: chaining is done from the ciphertext here (as it always is) */
	bool macs_in_device;       /* SGD_SM4_MAC is what GB/T 15852.1 says: offered */
	bool late_writes;          /* memory of a call may be written to when it has returned: it stays the library's for good */
};

/* Every mistake is reported with file and line: all of them. */
enum hufu_err sdf_profile_load(const char *name, conf_report_fn, void *arg, struct sdf_profile **) MUST_CHECK;
/* From text, nothing checked on disk: its base is one of the two that are built in. For tests and the fuzzer. */
enum hufu_err sdf_profile_parse(const char *text, const char *name, conf_report_fn, void *arg, struct sdf_profile **) MUST_CHECK;
void sdf_profile_free(struct sdf_profile *);
/* As a file that loads as what it was; for hufu driver qualify. */
void sdf_profile_print(const struct sdf_profile *, FILE *);
/* What a code of the library means. Codes that nobody knows are HUFU_ERR_LOST, and end the session. */
const struct sdf_error *sdf_profile_error(const struct sdf_profile *, uint32_t code);
/* "SDR_KEYNOTEXIST", "SWR_CONNECT_ERR"; NULL: nobody knows it. */
const char *sdf_code_name(const struct sdf_profile *, uint32_t code);

#endif
