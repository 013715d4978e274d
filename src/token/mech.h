/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mechanism table: data. A new mechanism is a row here and a case in the
 * drivers that offer it.
 */
#ifndef TOKEN_MECH_H
#define TOKEN_MECH_H

#include "crypto/mechanism.h"
#include "hufu/pkcs11-sm.h"
#include "token/object.h"
#include "token/vendor.h"

/* A parsed and checked mechanism parameter: copies, nothing of the caller's; param.h. May not be moved: it points into itself. */
struct param {
	union {
		struct hufu_param_iv iv;
		struct hufu_param_gcm gcm;  /* iv, aad point into bytes */
		struct hufu_param_zuc zuc;
		struct hufu_param_mac mac;
		struct hufu_param_ccm ccm;  /* nonce, aad point into bytes */
		struct hufu_param_pss pss;
		struct hufu_param_oaep oaep; /* label points into bytes */
		struct {
			const uint8_t *id;  /* into bytes, or SM2_DEFAULT_ID */
			size_t id_len;
		} sm2;
	};
	uint64_t data_len;                  /* CCM: of the text, told beforehand */
	size_t envelope_len;                /* RSA_AES_KEY_WRAP: of the AES key, bytes */
	bool for_device;                    /* the driver wants the union, too */
	uint8_t *bytes;                     /* inlined, or of secret_alloc, or NULL */
	size_t bytes_len;
	uint8_t inlined[96];                /* so that common parameters need no allocation */
};

/* How the core runs an operation of this mechanism; the engine of operation.h switches on it, exhaustively. */
enum mech_shape {
	SHAPE_KEYGEN,       /* C_GenerateKey, C_GenerateKeyPair */
	SHAPE_DIGEST,       /* on this host */
	SHAPE_BLOCK,        /* whole blocks, no padding: ECB, CBC */
	SHAPE_BLOCK_PAD,    /* PKCS#7 here: CBC-PAD */
	SHAPE_STREAM,       /* any length, IV chain kept here: CTR, CFB, OFB */
	SHAPE_STATE_STREAM, /* any length, state from the driver: EEA3 */
	SHAPE_AEAD,         /* GCM, CCM */
	SHAPE_MAC,          /* state from the driver: HMAC, EIA3, CMAC */
	SHAPE_SIGN_DIGEST,  /* one short input, as it is: SM2, ECDSA, PSS */
	SHAPE_SIGN_MESSAGE, /* hashed on this host (SM2: after Z), then as SIGN_DIGEST */
	SHAPE_SIGN_WHOLE,   /* the message itself, kept to the end: EdDSA */
	SHAPE_PK_CRYPT,     /* one shot: SM2 and RSA encryption; what RSA signs as it is, too */
	SHAPE_KEY_WRAP,     /* one shot: AES key wrap */
	SHAPE_DERIVE        /* C_DeriveKey only */
};

#define NO_KEY_TYPE CK_UNAVAILABLE_INFORMATION
#define ANY_KEY_TYPE (CK_UNAVAILABLE_INFORMATION - 1)

enum mech_encoding { ENC_NONE, ENC_RAW, ENC_DER, ENC_C1C2C3 };

/* Computed here, of what a device exports. (0 is a mechanism: making RSA pairs.) */
#define ON_HOST UINT64_MAX

struct mech {
	CK_MECHANISM_TYPE type;
	const char *name;               /* "CKM_HUFU_SM4_CBC" */
	CK_FLAGS flags;                 /* CKF_ENCRYPT and kin: what it is for */
	CK_ULONG min_nbits, max_nbits;  /* of keys; 0 where there are none */
	CK_ULONG unit_nbits;            /* in which C_GetMechanismInfo tells them: 1, or 8 where the specification counts bytes */
	CK_KEY_TYPE key_types[4];       /* accepted, or the one made; ends with NO_KEY_TYPE */
	enum mech_shape shape;
	enum mech_encoding encoding;
	uint64_t device_mechanism;      /* what a driver is asked for, or ON_HOST */
	CK_RV (*parse)(const CK_MECHANISM *, struct param *); /* of param.h; NULL: derive_value.c reads it */
	enum hash_id hash;              /* of digests, hash-and-sign, HMAC, derivations; else HASH_NONE */
};

/* NULL: not in the table. */
const struct mech *mech_find(CK_MECHANISM_TYPE);
/* All rows, for lists and documents. */
const struct mech *mech_table(size_t *n);
/*
 * What the application named, in whichever numbers the token takes, as own: it exists, some device of the token can do what it
 * needs (or could not be asked yet), and it has flag: else CKR_MECHANISM_INVALID. CKR_MECHANISM_PARAM_INVALID.
 */
CK_RV mech_check(struct token *, const CK_MECHANISM *, CK_FLAGS flag, struct own_mechanism *own, const struct mech **);
/* The token's configuration lets it, and some device of the pool can do what it needs. */
bool mech_offered(const struct conf_token *, struct pool *, const struct mech *);
/* C_GetMechanismInfo; hardware: CKF_HW. */
void mech_info(const struct mech *, bool hardware, CK_MECHANISM_INFO *);
/*
 * Does this key fit (key type, CKA_ALLOWED_MECHANISMS, size)? CKR_KEY_TYPE_INCONSISTENT,
 * CKR_MECHANISM_INVALID, CKR_KEY_SIZE_RANGE.
 */
CK_RV mech_fits_key(const struct mech *, const struct object *);
/* Its keys are pairs: one half does what the other takes back. */
bool mech_is_asymmetric(const struct mech *);
/* The SM2 view of the token: key type and point as C_GetAttributeValue shows them. */
bool mech_is_sm2(const struct object *);

#endif
