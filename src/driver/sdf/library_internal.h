/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the library's face share. */
#ifndef DRIVER_SDF_LIBRARY_INTERNAL_H
#define DRIVER_SDF_LIBRARY_INTERNAL_H

#include "driver/sdf/library.h"
#include "hufu/sdf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* -- library_turn.c: whose turn it is, where a library cannot take two calls at once ------ */

/* Any number of shared holders, or one exclusive one; who wants it for himself goes before those who share, for a while. */
struct turn {
	pthread_mutex_t lock;
	pthread_cond_t for_shared, for_exclusive;
	unsigned sharing;         /* holders */
	bool held;                /* by an exclusive one */
	unsigned waiting;         /* for it exclusively */
	uint64_t waits_since_ns;  /* when the first of those came */
};

enum turn_mode { TURN_NONE, TURN_SHARED, TURN_EXCLUSIVE };

/* Once; and again in a forked child, whatever state it is in. */
void turn_init(struct turn *);
/* False: the deadline came first. 0 is no deadline. TURN_NONE is always had. */
bool turn_take(struct turn *, enum turn_mode, uint64_t deadline_ns) MUST_CHECK;
void turn_give(struct turn *, enum turn_mode);

/* -- library.c ------------------------------------------------------------------------------- */

/* The functions that are called; those of the extension calls and of RSA are called in the form that the profile says. */
#define SDF_FUNCTIONS(_) \
	_(OpenDevice) _(CloseDevice) _(OpenSession) _(CloseSession) _(GetDeviceInfo) _(GenerateRandom) \
	_(GetPrivateKeyAccessRight) _(ReleasePrivateKeyAccessRight) \
	_(ExportSignPublicKey_RSA) _(ExportEncPublicKey_RSA) _(ExportSignPublicKey_ECC) _(ExportEncPublicKey_ECC) \
	_(GenerateKeyWithIPK_ECC) _(ImportKeyWithISK_ECC) _(GenerateKeyWithKEK) _(ImportKeyWithKEK) _(DestroyKey) \
	_(InternalPrivateKeyOperation_RSA) _(ExternalVerify_ECC) _(InternalSign_ECC) _(InternalVerify_ECC) _(ExternalEncrypt_ECC) \
	_(InternalDecrypt_ECC) _(Encrypt) _(Decrypt) _(CalculateMAC) _(AuthEnc) _(AuthDec) \
	_(HMACInit) _(HMACUpdate) _(HMACFinal) _(HashInit) _(HashUpdate) _(HashFinal)

struct sdf_functions {
#define FUNCTION(name) __typeof__(SDF_##name) *name;
	SDF_FUNCTIONS(FUNCTION)
#undef FUNCTION
	/* Forms that hufu/sdf.h has not. */
	int (*InternalDecrypt_ECC_5)(void *, unsigned index, ECCCipher *, unsigned char *out, unsigned *len);
	int (*InternalPrivateKeyOperation_RSA_7)(void *, unsigned index, unsigned usage, unsigned char *in, unsigned in_len,
	                                         unsigned char *out, unsigned *out_len);
	int (*open)(void **device, char *path, void *null);
	int (*make_pair)(void *, unsigned index, unsigned usage, ECCrefPublicKey *);
	int (*import_pair)(void *, unsigned index, unsigned usage, ECCrefPrivateKey *);
	__typeof__(SDF_GenerateKeyPair_ECC) *generate_pair;
	__typeof__(SDF_ImportKey) *import_key;
};

/* A file in this process. Never freed. */
struct sdf_image {
	struct sdf_image *next;
	char *path;
	dev_t dev;
	ino_t ino;
	void *dl;
	struct turn gate;          /* calls share it, opening and closing may want it alone */
	pthread_mutex_t lock;      /* of what follows */
	struct sdf_device *devices;
	unsigned ndevices;
	atomic_bool told_of_overrun;
};

/* Memory of a session that is closed, where a library may yet write to it. */
struct room {
	struct room *next;
	uint64_t rests_until_ns;   /* of a session that died: nobody uses it sooner */
	uint8_t *room, *bulk;
};

struct sdf_library {
	struct sdf_library *next;
	struct sdf_image *image;
	struct sdf_profile *profile;
	struct sdf_functions fn;
	uint32_t can;              /* bits 1 << enum sdf_call */
	struct room *rooms;        /* late_writes; the image's lock */
};

/* -- library_symbols.c ------------------------------------------------------------------------ */

/* Fills fn and can. False with a message: it lacks what nothing goes without. */
bool library_find_functions(struct sdf_library *, char *err, size_t err_len) MUST_CHECK;

/* -- library_device.c ---------------------------------------------------------------------------- */

struct sdf_device {
	struct sdf_device *next;   /* of the image's */
	struct sdf_library *library;
	void *handle;
	void *given[4];            /* where the library writes it, the first of these; perhaps late, and more */
	char *open_config;         /* NULL: none */
	struct turn turn;          /* SDF_CONCURRENT_DEVICES */
	unsigned holders;          /* sdf_device_open's; the image's lock, as all that follows */
	unsigned sessions;
};

/* -- library_call.c: one call of the library -------------------------------------------------------- */

/* The session's room. Regions that the library fills are guarded; what it reads lies in the first. */
#define ROOM_IN_BYTES 1536
#define ROOM_IV_AT 0               /* symmetric calls: what they read besides the data */
#define ROOM_TAG_AT 64
#define ROOM_AAD_AT 128
#define GUARD_BYTES 512            /* behind what is to be filled, where the region has as many left */
#define BULK_GUARD_BYTES 256

bool room_new(struct sdf_session *) MUST_CHECK;
void room_free(struct sdf_session *);
/* ROOM_IN_BYTES, zero. */
uint8_t *room_in(struct sdf_session *);
/*
 * len bytes, zero, with a guard behind them that the end of the call looks at: 4 or 8 of HANDLE, LEN and LEN2, SDF_RANDOM_MAX of
 * OUT, 128 of OUT2, data_max of BULK.
 */
void *room_out(struct sdf_session *, enum sdf_region, size_t len);
/*
 * SDR_OK is not always an answer. What begins with the mark after a call was not written; answers shorter than
 * MARK_MIN could begin so by chance.
 */
#define MARK_MIN 8
void room_mark(const struct sdf_session *, uint8_t *out, size_t len);
bool room_is_unwritten(const struct sdf_session *, const uint8_t *out, size_t len) MUST_CHECK;
/* Wipes what was read and filled. */
void room_wipe(struct sdf_session *);
/* Data of up to data_max bytes: where the library reads it; room_out(SDF_REGION_BULK) is where it writes. NULL: no memory. */
uint8_t *room_bulk_in(struct sdf_session *);

/* False: not now; library_refused says why. */
bool library_begin(struct sdf_session *) MUST_CHECK;
enum hufu_err library_refused(const struct sdf_session *) MUST_CHECK;
/* What the code means; looks at the guards. */
enum hufu_err library_end(struct sdf_session *, const char *function, int code) MUST_CHECK;

/* One call in the session: SDF_CALL(s, InternalSign_ECC, index, ...). */
#define SDF_CALL(s, name, ...) \
	(!(s)->device->library->fn.name ? HUFU_ERR_UNSUPPORTED : !library_begin(s) ? library_refused(s) : \
	 library_end((s), #name, (s)->device->library->fn.name((s)->handle, __VA_ARGS__)))

/* Inputs are const to us and not to the library, which gets copies. NULL: too long. */
void *room_put(struct sdf_session *, size_t at, const void *data, size_t len);
/* A key handle: what the region holds after the call. */
void *room_handle(struct sdf_session *);
uint32_t room_len(const struct sdf_session *, enum sdf_region);
unsigned *room_len_out(struct sdf_session *, enum sdf_region, uint32_t room);

static inline const struct sdf_profile *profile_of(const struct sdf_session *s)
{
	return s->device->library->profile;
}

static inline uint32_t alg_of(const struct sdf_session *s, enum sdf_alg alg)
{
	return profile_of(s)->alg[alg];
}

/* -- library_structs.c: structs of every width and layout, by offsets --------------------------------- */

size_t public_size(const struct sdf_profile *);
size_t private_size(const struct sdf_profile *);
size_t signature_size(const struct sdf_profile *);
size_t rsa_public_size(const struct sdf_profile *);
/* Of a cipher of len bytes; 0: the layout has no room for as many. */
size_t cipher_size(const struct sdf_profile *, size_t len);

void public_put(const struct sdf_profile *, void *to, const uint8_t point[64]);
void private_put(const struct sdf_profile *, void *to, const uint8_t d[32]);
void signature_put(const struct sdf_profile *, void *to, const uint8_t sig[64]);
/* in: x || y || C3 || C2, len bytes of it C2. */
void cipher_put(const struct sdf_profile *, void *to, const uint8_t *in, size_t len);

/* False: the struct is not what the profile says, or a number is none of the curve. */
bool public_get(const struct sdf_profile *, const void *from, uint8_t point[64]) MUST_CHECK;
bool private_get(const struct sdf_profile *, const void *from, uint8_t d[32]) MUST_CHECK;
bool signature_get(const struct sdf_profile *, const void *from, uint8_t sig[64]) MUST_CHECK;
/* len: of C2, exactly. */
bool cipher_get(const struct sdf_profile *, const void *from, size_t len, uint8_t *out) MUST_CHECK;
bool all_zero(const void *, size_t len) MUST_CHECK;
bool point_is_good(const uint8_t point[64]) MUST_CHECK;

#endif
