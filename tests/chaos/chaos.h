/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chaos harness: the PKCS#11 face, linked in, over devices of the fault
 * driver that change for the worse while threads work with the token.
 *
 * Everything is drawn from a seed and goes by the number of operations, so that
 * a run can be had again as nearly as threads allow: operation n of a seed is
 * the same one in every run, and the devices' scripts change at the same ones.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_states.h"
#include "hufu/pkcs11-sm.h"

#define WORKERS 8
#define DEVICES_MAX 5
#define LABEL_MAX 40
#define KEPT_MAX 24
#define DEADLINE_MS 30000      /* of a call: only one that hangs reaches it, on any machine */
#define SLACK_S 30.0           /* no call may take that much longer than its deadline, on any machine */
#define SO_PIN "the officer's pin"
#define USER_PIN "the user's pin"
#define PIN(text) (CK_UTF8CHAR_PTR)(uintptr_t)(text), sizeof(text) - 1
#define ATTR(type, variable) {(type), &(variable), sizeof(variable)}
#define BYTES(type, bytes, len) {(type), (void *)(uintptr_t)(bytes), (len)}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

extern CK_FUNCTION_LIST_3_2 *p11;
extern CK_BBOOL yes, no;

/* -- the module's lives in this process (life.c): what fails here ends it ---------- */

extern char life_dir[64];
void life_need(CK_RV, const char *what);
#define NEED(call) life_need((call), #call)
/* Directory, drivers, p11. Once. */
void life_begin(void);
/* A new configuration, to be written on; it takes the old one's place with life_conf_done. */
FILE *life_conf(void);
void life_conf_done(FILE *);
/* The administrator's, for a device of the configuration. */
void life_wish(const char *device, enum conf_wish);
/* C_Initialize; and with a session, the user logged in. */
void life_start(void);
CK_SESSION_HANDLE life_log_in(const char *token);
CK_SLOT_ID life_slot(const char *token);
CK_SESSION_HANDLE life_session(const char *token);
void life_make_token(const char *name);
double life_now_s(void);

/* -- chance, the same for the same seed on every machine (chance.c) ------------- */

struct chance {
	uint64_t state;
};
uint64_t chance_next(struct chance *);
size_t chance_below(struct chance *, size_t n);
void chance_fill(struct chance *, void *out, size_t len);
struct chance chance_of(uint64_t seed, uint64_t n);

/* -- what an independent library says (oracle.c) -------------------------------- */

struct evp_pkey_st;
/* Before threads start. */
void oracle_start(void);
/* d NULL: the public key. */
struct evp_pkey_st *oracle_sm2(const uint8_t point[65], const uint8_t d[32]);
void oracle_sm2_pair(struct evp_pkey_st **, uint8_t point[65], uint8_t d[32]);
/* Of 2048 bits, the same one each time. */
struct evp_pkey_st *oracle_rsa_pair(uint8_t n[256], uint8_t e[3], uint8_t d[256]);
struct evp_pkey_st *oracle_p256(const uint8_t point[65]);
struct evp_pkey_st *oracle_p256_pair(uint8_t point[65]);
void oracle_free(struct evp_pkey_st *);
/* Signatures r || s of 64 bytes. */
bool oracle_sm2_verify(struct evp_pkey_st *, const uint8_t *in, size_t len, const uint8_t sig[64]);
void oracle_sm2_sign(struct evp_pkey_st *, const uint8_t *in, size_t len, uint8_t sig[64]);
bool oracle_ecdsa_verify(struct evp_pkey_st *, const uint8_t digest[32], const uint8_t sig[64]);
bool oracle_rsa_verify(struct evp_pkey_st *, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len);
/* SM2Cipher of GM/T 0009; 0: it failed. */
size_t oracle_sm2_encrypt(struct evp_pkey_st *, const uint8_t *in, size_t len, uint8_t *out, size_t cap);
size_t oracle_sm2_decrypt(struct evp_pkey_st *, const uint8_t *in, size_t len, uint8_t *out, size_t cap);
void oracle_ecdh(struct evp_pkey_st *mine, struct evp_pkey_st *peer, uint8_t out[32]);
/* name: SM4-CBC, AES-128-CTR, ...; no padding. */
void oracle_cipher(const char *name, const uint8_t *key, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out);
void oracle_hmac_sm3(const uint8_t *key, size_t key_len, const uint8_t *in, size_t len, uint8_t out[32]);
void oracle_digest(const char *name, const uint8_t *in, size_t len, uint8_t *out);
/* ciphertext || tag of 16 bytes; false: there is no library for it. */
bool oracle_gcm_sm4(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                    uint8_t *out);
bool oracle_gcm_aes(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                    uint8_t *out);

/* -- workers and their operations (work.c, work_*.c) ------------------------------ */

enum kept_kind { KEPT_SM4, KEPT_SM2, KEPT_DATA };

/* A token object, or pair, that was acknowledged and not destroyed. */
struct kept {
	char label[LABEL_MAX];
	enum kept_kind kind;
	uint8_t value[65];         /* key, point, data */
	bool known;                /* the value was read */
	CK_OBJECT_HANDLE handle, pub;
};

struct worker {
	unsigned number;
	struct chance chance;      /* of the running operation */
	uint64_t op;               /* its number */
	CK_SESSION_HANDLE session;
	struct kept kept[KEPT_MAX];
	size_t nkept;
	unsigned made;             /* labels given out */
	CK_RV rv;                  /* why the operation failed; CKR_OK: its answer was wrong */
	const char *why;
	double longest_s;          /* of its calls */
};

/* An operation: true, every answer was right. */
typedef bool work_fn(struct worker *);
struct work {
	const char *name;
	unsigned weight;
	work_fn *run;
};

bool work_failed(struct worker *, CK_RV, const char *why);
/* A call, or some, that began then, gave this: counts how long it took. */
CK_RV work_timed(struct worker *, double begun_s, CK_RV);
#define TRY(call) do { \
	double begun_s_ = life_now_s(); \
	CK_RV rv_ = (call); \
	if (work_timed(w, begun_s_, rv_) != CKR_OK) \
		return work_failed(w, rv_, #call); \
} while (0)
#define HOLDS(claim) do { if (!(claim)) return work_failed(w, CKR_OK, #claim); } while (0)

/* Keys that all workers use; made once, while every device is well. */
struct shared {
	CK_OBJECT_HANDLE card_sign, card_decrypt;
	struct evp_pkey_st *card_signer, *card_reader;
	CK_OBJECT_HANDLE sm2_pub, sm2_priv, sm4, hmac, rsa_priv, p256_priv, aes;
	struct evp_pkey_st *sm2, *rsa, *p256;
	uint8_t sm4_key[16], hmac_key[32], aes_key[16];
};
extern struct shared shared;
/* On a session with the user logged in. Ends the program when it fails. */
void shared_make(CK_SESSION_HANDLE, struct chance *);
/* Only sm4 and p256. */
void shared_make_few(CK_SESSION_HANDLE, struct chance *);
void shared_make_sm4(CK_SESSION_HANDLE, struct chance *);
/* sm4, and the pairs that the cards have. */
void shared_make_cards(CK_SESSION_HANDLE, struct chance *);
void shared_clear(void);

extern work_fn work_sm2_sign, work_sm2_verify, work_sm2_encrypt, work_sm2_decrypt, work_rsa_sign, work_ecdsa_sign, work_ecdh;
extern work_fn work_sm4_cbc, work_sm4_ctr, work_sm4_gcm, work_aes_cbc, work_aes_gcm, work_sm3, work_hmac, work_random;
extern work_fn work_new_sm4, work_new_sm2, work_new_data, work_session_pair, work_unwrap, work_destroy, work_rename, work_find,
	work_use_kept, work_other_login, work_fork;
extern work_fn work_card_sign, work_card_decrypt, work_card_sm4;

/* The kept object is there once, and its key answers as its value says. */
bool kept_is_right(struct worker *, const struct kept *);
extern const struct work works_mixed[], works_sign[], works_fork[], works_cards[];

/* -- the plan: devices and what befalls them (plan.c; plan_machines.c) -------------- */

struct profile {
	const char *name;
	const struct work *works;  /* ends with a name of NULL */
	/* Sets the scripts of this phase; 0 is the first. */
	void (*phase)(uint64_t seed, unsigned phase);
	const char *claim;
	uint64_t ops, seeds;       /* what ./check runs */
	unsigned deadline_ms;      /* of a call; 0: the default */
	bool cards;                /* devices are emulated cards of three vendors, and one that is none if soft */
	bool soft;
	bool may_fail;             /* with CKR_DEVICE_ERROR, while all devices are out */
	bool removes;              /* a device from the configuration, at last */
	bool forks;                /* ThreadSanitizer does not */
	bool must_complain;        /* of lies that only this harness sees */
	bool there;                /* the token lives on the machines, and not here */
};
extern const struct profile profiles[]; /* ends with a name of NULL */

#define PHASES 16
#define NOBODY SIZE_MAX
extern size_t plan_ndevices;
/* How many, and what they are. */
void plan_draw(const struct profile *, uint64_t seed);
/* False: there is nothing of what this needs. Once, before all. */
bool plan_begin(void);
/* Their sections, and what stands in a token's; but for this one, and with these weights. */
void plan_devices(FILE *conf, size_t without, unsigned weight);
void plan_token(FILE *conf, const char *token, uint64_t seed, size_t without);
void plan_enable_all(void);
void plan_all_well(void);
void plan_release(void);
/* Calls that hang in a driver now. */
uint32_t plan_hung(void);
/* Devices that were closed as often as opened. */
bool plan_is_closed(size_t device);
/* After the run. False: something did not end as it should. */
bool plan_end(void);
/* What the devices were told, for people. */
void plan_show(FILE *);

/* -- one run (run.c) -------------------------------------------------------------------- */

/* Also while it is in force: without this device, or NOBODY. */
void run_write_conf(size_t without, unsigned weight);
/* True: all claims hold. Says on stdout, as TAP comments, which do not. */
bool run_profile(const struct profile *, uint64_t seed, uint64_t ops);

#endif
