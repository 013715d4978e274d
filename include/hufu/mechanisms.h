/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of hufu's own mechanisms and key types, plain macros, so that a
 * driver needs no PKCS#11 header. PKCS#11 (to 3.2) defines no SM algorithm;
 * these lie in the vendor range at "HUF" (0x485546). Parameters:
 * <hufu/pkcs11-sm.h>.
 */
#ifndef HUFU_MECHANISMS_H
#define HUFU_MECHANISMS_H

#define HUFU_VENDOR 0xC8554600UL /* CKM_VENDOR_DEFINED | "HUF" << 8 */

/* SM2, GB/T 32918 */
#define CKM_HUFU_SM2_KEY_PAIR_GEN (HUFU_VENDOR + 0x01)
#define CKM_HUFU_SM2              (HUFU_VENDOR + 0x02) /* sign a 32-byte e; r || s */
#define CKM_HUFU_SM2_DER          (HUFU_VENDOR + 0x03) /* sign a 32-byte e; SEQUENCE { r, s } */
#define CKM_HUFU_SM2_SM3          (HUFU_VENDOR + 0x04) /* sign a message with ID; r || s */
#define CKM_HUFU_SM2_SM3_DER      (HUFU_VENDOR + 0x05) /* sign a message with ID; SEQUENCE { r, s } */
#define CKM_HUFU_SM2_C1C3C2       (HUFU_VENDOR + 0x06) /* encrypt; 04 || x || y || C3 || C2 */
#define CKM_HUFU_SM2_C1C2C3       (HUFU_VENDOR + 0x07) /* encrypt; 04 || x || y || C2 || C3 (2010 draft) */
#define CKM_HUFU_SM2_ENC_DER      (HUFU_VENDOR + 0x08) /* encrypt; GM/T 0009 SM2Cipher */
#define CKM_HUFU_SM2_KEY_AGREEMENT (HUFU_VENDOR + 0x09) /* derive; GB/T 32918.3, both roles */
#define CKM_HUFU_SM2_ENVELOPED_KEY (HUFU_VENDOR + 0x0a) /* wrap, unwrap an SM2 private key; GB/T 35276 SM2EnvelopedKey */

/*
 * Sign a message, e = SM3(message) without Z: not GB/T 32918, but what some vendors' mechanisms do. Only where the
 * configuration names such a vendor, alias in hufu.conf(5).
 */
#define CKM_HUFU_SM2_SM3_NO_Z     (HUFU_VENDOR + 0x0b) /* r || s */
#define CKM_HUFU_SM2_SM3_NO_Z_DER (HUFU_VENDOR + 0x0c) /* SEQUENCE { r, s } */

/* SM3, GB/T 32905; HMAC, GB/T 15852.2 */
#define CKM_HUFU_SM3              (HUFU_VENDOR + 0x10)
#define CKM_HUFU_SM3_HMAC         (HUFU_VENDOR + 0x11)
#define CKM_HUFU_SM3_HMAC_GENERAL (HUFU_VENDOR + 0x12)
#define CKM_HUFU_SM3_KEY_GEN      (HUFU_VENDOR + 0x13)

/* SM4, GB/T 32907; modes, GB/T 17964; GCM, GB/T 36624 */
#define CKM_HUFU_SM4_KEY_GEN      (HUFU_VENDOR + 0x20)
#define CKM_HUFU_SM4_ECB          (HUFU_VENDOR + 0x21)
#define CKM_HUFU_SM4_CBC          (HUFU_VENDOR + 0x22)
#define CKM_HUFU_SM4_CBC_PAD      (HUFU_VENDOR + 0x23)
#define CKM_HUFU_SM4_CTR          (HUFU_VENDOR + 0x24)
#define CKM_HUFU_SM4_CFB128       (HUFU_VENDOR + 0x25)
#define CKM_HUFU_SM4_OFB          (HUFU_VENDOR + 0x26)
#define CKM_HUFU_SM4_GCM          (HUFU_VENDOR + 0x27)
#define CKM_HUFU_SM4_CCM          (HUFU_VENDOR + 0x28)
#define CKM_HUFU_SM4_CMAC         (HUFU_VENDOR + 0x29)
#define CKM_HUFU_SM4_CMAC_GENERAL (HUFU_VENDOR + 0x2a)
#define CKM_HUFU_SM4_CBC_MAC      (HUFU_VENDOR + 0x2b) /* GB/T 15852.1 algorithm 1, whole blocks, IV of zero */
#define CKM_HUFU_SM4_CBC_MAC_GENERAL (HUFU_VENDOR + 0x2c)

/* ZUC-128, GM/T 0001 */
#define CKM_HUFU_ZUC_KEY_GEN      (HUFU_VENDOR + 0x30)
#define CKM_HUFU_ZUC_EEA3         (HUFU_VENDOR + 0x31)
#define CKM_HUFU_ZUC_EIA3         (HUFU_VENDOR + 0x32)

/* Key types */
#define CKK_HUFU_SM2              (HUFU_VENDOR + 0x01)
#define CKK_HUFU_SM4              (HUFU_VENDOR + 0x02)
#define CKK_HUFU_ZUC              (HUFU_VENDOR + 0x03)
#define CKK_HUFU_SM3_HMAC         (HUFU_VENDOR + 0x04)

#endif
