/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Chinese SM algorithms through PKCS#11: parameters of the mechanisms that
 * <hufu/mechanisms.h> numbers, and the forms of their keys and results.
 *
 *	mechanism                parameter              input, output
 *	SM2_KEY_PAIR_GEN         none
 *	SM2                      none                   32-byte digest e -> r || s, 64 bytes
 *	SM2_DER                  none                   32-byte digest e -> SEQUENCE { r, s }, up to 72 bytes
 *	SM2_SM3, SM2_SM3_DER     CK_HUFU_SM2_SM3_PARAMS message -> as above; e = SM3(Z || message), GB/T 32918.2 5.5
 *	SM2_SM3_NO_Z(_DER)       none                   message -> as above; e = SM3(message)
 *	SM2_C1C3C2               none                   message -> 04 || x || y || C3 || C2, 97 bytes longer
 *	SM2_C1C2C3               none                   message -> 04 || x || y || C2 || C3, 97 bytes longer
 *	SM2_ENC_DER              none                   message -> SM2Cipher of GM/T 0009
 *	SM2_KEY_AGREEMENT        CK_HUFU_SM2_KEY_AGREEMENT_PARAMS -> a secret key of the template's type and length
 *	SM2_ENVELOPED_KEY        none                   a private SM2 key -> SM2EnvelopedKey of GB/T 35276, DER
 *	SM3                      none                   message -> 32 bytes
 *	SM3_HMAC                 none                   message -> 32 bytes
 *	SM3_HMAC_GENERAL         CK_MAC_GENERAL_PARAMS  message -> 1 to 32 bytes
 *	SM3_KEY_GEN              none                   CKK_HUFU_SM3_HMAC of CKA_VALUE_LEN bytes
 *	SM4_KEY_GEN, ZUC_KEY_GEN none                   16 bytes
 *	SM4_ECB                  none                   whole blocks
 *	SM4_CBC                  16-byte IV             whole blocks
 *	SM4_CBC_PAD              16-byte IV             any length; PKCS#7 padding
 *	SM4_CTR                  CK_AES_CTR_PARAMS      any length; ulCounterBits 1 to 128
 *	SM4_CFB128, SM4_OFB      16-byte IV             any length
 *	SM4_GCM                  CK_GCM_PARAMS          any length -> ciphertext || tag
 *	 message-based           CK_GCM_MESSAGE_PARAMS  the tag goes to, comes from pTag
 *	SM4_CCM                  CK_CCM_PARAMS          any length -> ciphertext || tag
 *	 message-based           CK_CCM_MESSAGE_PARAMS  the tag goes to, comes from pMAC
 *	SM4_CMAC                 none                   message -> 16 bytes
 *	SM4_CMAC_GENERAL         CK_MAC_GENERAL_PARAMS  message -> 1 to 16 bytes
 *	SM4_CBC_MAC              none                   whole blocks, one at least -> 16 bytes
 *	SM4_CBC_MAC_GENERAL      CK_MAC_GENERAL_PARAMS  whole blocks, one at least -> 1 to 16 bytes
 *	ZUC_EEA3                 CK_HUFU_ZUC_PARAMS     bits -> bits
 *	ZUC_EIA3                 CK_HUFU_ZUC_PARAMS     bits -> 4 bytes
 *
 * "None" is pParameter NULL with ulParameterLen 0.
 *
 * CBC-MAC is algorithm 1 of GB/T 15852.1 and adds no padding. It is a MAC only of
 * messages of one length: whoever sees the MACs of others can make up longer
 * ones. CMAC, algorithm 5, is one of any.
 *
 * Keys. CKK_HUFU_SM2, like CKK_EC: CKA_EC_PARAMS is HUFU_SM2_CURVE_OID,
 * CKA_EC_POINT the DER OCTET STRING of 04 || x || y, CKA_VALUE of a private key
 * the 32 bytes of d. CKK_HUFU_SM4, CKK_HUFU_ZUC: CKA_VALUE of 16 bytes.
 * CKK_HUFU_SM3_HMAC and CKK_GENERIC_SECRET: CKA_VALUE of 1 to 4096 bytes.
 */
#ifndef HUFU_PKCS11_SM_H
#define HUFU_PKCS11_SM_H

#include <hufu/mechanisms.h>
#include <hufu/pkcs11.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CKA_EC_PARAMS of an SM2 key: the DER of OBJECT IDENTIFIER 1.2.156.10197.1.301. */
#define HUFU_SM2_CURVE_OID     "\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d"
#define HUFU_SM2_CURVE_OID_LEN 10UL

/*
 * CKM_HUFU_SM2_SM3, CKM_HUFU_SM2_SM3_DER: the signer's distinguishing
 * identifier, of at most 8191 bytes (its length in bits fills 16).
 *
 * No parameter at all stands for the default of GM/T 0009 section 10,
 * "1234567812345678". A struct with pId NULL and ulIdLen 0 is the empty
 * identifier.
 */
typedef struct CK_HUFU_SM2_SM3_PARAMS {
	CK_BYTE_PTR pId;
	CK_ULONG ulIdLen;
} CK_HUFU_SM2_SM3_PARAMS;
typedef CK_HUFU_SM2_SM3_PARAMS *CK_HUFU_SM2_SM3_PARAMS_PTR;

/*
 * CKM_HUFU_SM2_KEY_AGREEMENT with C_DeriveKey: GB/T 32918.3. The base key is
 * one's own static private key. Both it and the ephemeral private key, which is
 * made with CKM_HUFU_SM2_KEY_PAIR_GEN for one exchange and destroyed after it,
 * have CKA_DERIVE. The key has the length of CKA_VALUE_LEN or of its type, else
 * 32 bytes.
 *
 * Points are 04 || x || y, or the DER OCTET STRING of that. One that is not on
 * the curve, or that would make the agreed point infinite, is
 * CKR_MECHANISM_PARAM_INVALID.
 *
 * pS1 and pS2, unless NULL, take 32 bytes each: SB, which the responder sends
 * and the initiator compares with what it received, and SA, the other way
 * round. Who compares them knows that the other side has the key; who does not,
 * does not. TLCP, GB/T 38636 6.4.5, makes the server the initiator.
 */
#define HUFU_SM2_INITIATOR 0UL /* A: its identifier and its point are hashed first */
#define HUFU_SM2_RESPONDER 1UL /* B */
typedef struct CK_HUFU_SM2_KEY_AGREEMENT_PARAMS {
	CK_ULONG ulRole;
	CK_BYTE_PTR pOwnId;   /* distinguishing identifiers, of at most 8191 bytes; usually "1234567812345678" */
	CK_ULONG ulOwnIdLen;
	CK_BYTE_PTR pPeerId;
	CK_ULONG ulPeerIdLen;
	CK_BYTE_PTR pPeerStatic;
	CK_ULONG ulPeerStaticLen;
	CK_BYTE_PTR pPeerEphemeral;
	CK_ULONG ulPeerEphemeralLen;
	CK_OBJECT_HANDLE hOwnEphemeral;
	CK_BYTE_PTR pS1;
	CK_BYTE_PTR pS2;
} CK_HUFU_SM2_KEY_AGREEMENT_PARAMS;
typedef CK_HUFU_SM2_KEY_AGREEMENT_PARAMS *CK_HUFU_SM2_KEY_AGREEMENT_PARAMS_PTR;

/* CKM_HUFU_ZUC_EEA3, CKM_HUFU_ZUC_EIA3: the inputs of GM/T 0001.2 and 0001.3. */
typedef struct CK_HUFU_ZUC_PARAMS {
	CK_ULONG ulCount;     /* COUNT, 32 bits */
	CK_ULONG ulBearer;    /* BEARER, 0 to 31 */
	CK_ULONG ulDirection; /* DIRECTION, 0 or 1 */
	CK_ULONG ulBits;      /* LENGTH of the whole message in bits; 0: eight times its length in bytes */
} CK_HUFU_ZUC_PARAMS;
typedef CK_HUFU_ZUC_PARAMS *CK_HUFU_ZUC_PARAMS_PTR;

/*
 * Where a private or secret key lives. A token has one or more domains: sets of
 * devices that can use the same copies of keys.
 *
 * CKA_HUFU_HARDWARE_ONLY (CK_BBOOL), given when the key is made, or as the
 * token's configuration has it; never changed: no copy of the key is ever made
 * for a domain with a software device, nor was the key made by software.
 *
 * CKA_HUFU_SOFTWARE_FALLBACK (CK_BBOOL), otherwise the token's
 * software_fallback: may software serve it while all hardware is out?
 *
 * CKA_HUFU_DOMAINS, read-only: names of the domains that it has copies for,
 * separated by commas.
 *
 * CKA_HUFU_RESIDENT, read-only: the name of the domain whose devices keep the
 * key, which their vendor's tools made there, or they themselves for good; other keys do not have it.
 *
 * CKA_LOCAL is false for keys that software made outside the token's devices
 * (generate = host); CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE for keys whose value
 * has left hardware to become a copy for another domain.
 *
 * CKA_HUFU_HAS_ENCRYPTED and so on (CK_BBOOL), read-only: the latches of policy "strict", set before the first such use.
 */
#define CKA_HUFU_HAS_ENCRYPTED     (HUFU_VENDOR + 0x01)
#define CKA_HUFU_HAS_DECRYPTED     (HUFU_VENDOR + 0x02)
#define CKA_HUFU_HAS_WRAPPED       (HUFU_VENDOR + 0x03)
#define CKA_HUFU_HAS_UNWRAPPED     (HUFU_VENDOR + 0x04)
#define CKA_HUFU_HARDWARE_ONLY     (HUFU_VENDOR + 0x05)
#define CKA_HUFU_SOFTWARE_FALLBACK (HUFU_VENDOR + 0x06)
#define CKA_HUFU_DOMAINS           (HUFU_VENDOR + 0x07)
#define CKA_HUFU_RESIDENT          (HUFU_VENDOR + 0x08)

#ifdef __cplusplus
}
#endif
#endif
