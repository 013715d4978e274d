/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GM/T 0018-2023, the interface of cryptographic devices (SDF), and what of
 * GM/T 0018-2012 is no longer in it. libhufu-sdf.so has these functions; hufu's
 * sdf driver calls a vendor's.
 *
 * Structs, ids and return codes are the standard's. A function returns SDR_OK
 * or one of the SDR_ codes (GM/T 0018 annex A); lengths are bytes, uiKeyBits bits;
 * numbers in structs big-endian, to the right of their field, zeros before them. A length that a
 * pointer leads to is written; where the standard lets a caller say how much room there is, it is read first.
 */
#ifndef HUFU_SDF_H
#define HUFU_SDF_H

#ifdef __cplusplus
extern "C" {
#endif

/* Return codes, annex A */
#define SDR_OK               0x0
#define SDR_BASE             0x01000000
#define SDR_UNKNOWERR        (SDR_BASE + 0x01)
#define SDR_NOTSUPPORT       (SDR_BASE + 0x02)
#define SDR_COMMFAIL         (SDR_BASE + 0x03)
#define SDR_HARDFAIL         (SDR_BASE + 0x04)
#define SDR_OPENDEVICE       (SDR_BASE + 0x05)
#define SDR_OPENSESSION      (SDR_BASE + 0x06)
#define SDR_PARDENY          (SDR_BASE + 0x07)
#define SDR_KEYNOTEXIST      (SDR_BASE + 0x08)
#define SDR_ALGNOTSUPPORT    (SDR_BASE + 0x09)
#define SDR_ALGMODNOTSUPPORT (SDR_BASE + 0x0a)
#define SDR_PKOPERR          (SDR_BASE + 0x0b)
#define SDR_SKOPERR          (SDR_BASE + 0x0c)
#define SDR_SIGNERR          (SDR_BASE + 0x0d)
#define SDR_VERIFYERR        (SDR_BASE + 0x0e)
#define SDR_SYMOPERR         (SDR_BASE + 0x0f)
#define SDR_STEPERR          (SDR_BASE + 0x10)
#define SDR_FILESIZEERR      (SDR_BASE + 0x11)
#define SDR_FILENOEXIST      (SDR_BASE + 0x12)
#define SDR_FILEOFSERR       (SDR_BASE + 0x13)
#define SDR_KEYTYPEERR       (SDR_BASE + 0x14)
#define SDR_KEYERR           (SDR_BASE + 0x15)
#define SDR_ENCDATAERR       (SDR_BASE + 0x16)
#define SDR_RANDERR          (SDR_BASE + 0x17)
#define SDR_PRKRERR          (SDR_BASE + 0x18)
#define SDR_MACERR           (SDR_BASE + 0x19)
#define SDR_FILEEXISTS       (SDR_BASE + 0x1a)
#define SDR_FILEWERR         (SDR_BASE + 0x1b)
#define SDR_NOBUFFER         (SDR_BASE + 0x1c)
#define SDR_INARGERR         (SDR_BASE + 0x1d)
#define SDR_OUTARGERR        (SDR_BASE + 0x1e)
#define SDR_USERIDERR        (SDR_BASE + 0x1f)

/* Algorithm ids, GM/T 0006 */
#define SGD_SM1_ECB          0x00000101
#define SGD_SM4_ECB          0x00000401
#define SGD_SM4_CBC          0x00000402
#define SGD_SM4_CFB          0x00000404
#define SGD_SM4_OFB          0x00000408
#define SGD_SM4_MAC          0x00000410
#define SGD_SM4_CTR          0x00000420
#define SGD_ZUC_EEA3         0x00000801
#define SGD_ZUC_EIA3         0x00000802
#define SGD_SM4_XTS          0x01000400
#define SGD_SM4_GCM          0x02000400
#define SGD_SM4_CCM          0x04000400
#define SGD_RSA              0x00010000
#define SGD_SM2              0x00020100
#define SGD_SM2_1            0x00020200 /* signatures */
#define SGD_SM2_2            0x00020400 /* key agreement */
#define SGD_SM2_3            0x00020800 /* encryption */
#define SGD_SM3              0x00000001
#define SGD_SHA1             0x00000002
#define SGD_SHA256           0x00000004

typedef struct DeviceInfo_st {
	unsigned char IssuerName[40];
	unsigned char DeviceName[16];
	unsigned char DeviceSerial[16];  /* date (8), batch (3), number (5) */
	unsigned int DeviceVersion;
	unsigned int StandardVersion;
	unsigned int AsymAlgAbility[2];  /* ids or-ed; key lengths or-ed */
	unsigned int SymAlgAbility;
	unsigned int HashAlgAbility;
	unsigned int BufferSize;
} DEVICEINFO;

#define RSAref_MAX_BITS  2048
#define RSAref_MAX_LEN   ((RSAref_MAX_BITS + 7) / 8)
#define RSAref_MAX_PBITS ((RSAref_MAX_BITS + 1) / 2)
#define RSAref_MAX_PLEN  ((RSAref_MAX_PBITS + 7) / 8)

typedef struct RSArefPublicKey_st {
	unsigned int bits;
	unsigned char m[RSAref_MAX_LEN];
	unsigned char e[RSAref_MAX_LEN];
} RSArefPublicKey;

typedef struct RSArefPrivateKey_st {
	unsigned int bits;
	unsigned char m[RSAref_MAX_LEN];
	unsigned char e[RSAref_MAX_LEN];
	unsigned char d[RSAref_MAX_LEN];
	unsigned char prime[2][RSAref_MAX_PLEN];
	unsigned char pexp[2][RSAref_MAX_PLEN];
	unsigned char coef[RSAref_MAX_PLEN];
} RSArefPrivateKey;

#define ECCref_MAX_BITS 512
#define ECCref_MAX_LEN  ((ECCref_MAX_BITS + 7) / 8)

typedef struct ECCrefPublicKey_st {
	unsigned int bits;
	unsigned char x[ECCref_MAX_LEN];
	unsigned char y[ECCref_MAX_LEN];
} ECCrefPublicKey;

typedef struct ECCrefPrivateKey_st {
	unsigned int bits;
	unsigned char K[ECCref_MAX_LEN];
} ECCrefPrivateKey;

typedef struct ECCCipher_st {
	unsigned char x[ECCref_MAX_LEN];
	unsigned char y[ECCref_MAX_LEN];
	unsigned char M[32];             /* C3 */
	unsigned int L;                  /* bytes of C */
	unsigned char C[1];              /* C2, L bytes */
} ECCCipher;

typedef struct ECCSignature_st {
	unsigned char r[ECCref_MAX_LEN];
	unsigned char s[ECCref_MAX_LEN];
} ECCSignature;

/*
 * An SM2 encryption pair on its way to a device: the private key under a symmetric key (ECB), that key under the
 * device's SM2 key. (GB/T 35276 has the same as DER; older headers have other orders and longs.)
 */
typedef struct EnvelopedECCKey_st {
	unsigned int Version;            /* 1 */
	unsigned int ulSymmAlgID;        /* SGD_SM4_ECB */
	unsigned int ulBits;             /* 256 */
	unsigned char cbEncryptedPriKey[ECCref_MAX_LEN];
	ECCrefPublicKey PubKey;
	ECCCipher ECCCipherBlob;         /* of the symmetric key */
} EnvelopedECCKey;

/* 6.2, devices */
int SDF_OpenDevice(void **phDeviceHandle);
/* In no edition: the configuration at this path; reserved is not looked at. */
int SDF_OpenDeviceEx(void **phDeviceHandle, char *pcPath, void *pReserved);
int SDF_CloseDevice(void *hDeviceHandle);
int SDF_OpenSession(void *hDeviceHandle, void **phSessionHandle);
int SDF_CloseSession(void *hSessionHandle);
int SDF_GetDeviceInfo(void *hSessionHandle, DEVICEINFO *pstDeviceInfo);
int SDF_GenerateRandom(void *hSessionHandle, unsigned int uiLength, unsigned char *pucRandom);
int SDF_GetPrivateKeyAccessRight(void *hSessionHandle, unsigned int uiKeyIndex, unsigned char *pucPassword,
                                 unsigned int uiPwdLength);
int SDF_ReleasePrivateKeyAccessRight(void *hSessionHandle, unsigned int uiKeyIndex);

/* 6.3, keys */
int SDF_ExportSignPublicKey_RSA(void *hSessionHandle, unsigned int uiKeyIndex, RSArefPublicKey *pucPublicKey);
int SDF_ExportEncPublicKey_RSA(void *hSessionHandle, unsigned int uiKeyIndex, RSArefPublicKey *pucPublicKey);
int SDF_GenerateKeyWithIPK_RSA(void *hSessionHandle, unsigned int uiIPKIndex, unsigned int uiKeyBits, unsigned char *pucKey,
                               unsigned int *puiKeyLength, void **phKeyHandle);
int SDF_GenerateKeyWithEPK_RSA(void *hSessionHandle, unsigned int uiKeyBits, RSArefPublicKey *pucPublicKey,
                               unsigned char *pucKey, unsigned int *puiKeyLength, void **phKeyHandle);
int SDF_ImportKeyWithISK_RSA(void *hSessionHandle, unsigned int uiISKIndex, unsigned char *pucKey, unsigned int uiKeyLength,
                             void **phKeyHandle);
int SDF_ExportSignPublicKey_ECC(void *hSessionHandle, unsigned int uiKeyIndex, ECCrefPublicKey *pucPublicKey);
int SDF_ExportEncPublicKey_ECC(void *hSessionHandle, unsigned int uiKeyIndex, ECCrefPublicKey *pucPublicKey);
int SDF_GenerateKeyWithIPK_ECC(void *hSessionHandle, unsigned int uiIPKIndex, unsigned int uiKeyBits, ECCCipher *pucKey,
                               void **phKeyHandle);
int SDF_GenerateKeyWithEPK_ECC(void *hSessionHandle, unsigned int uiKeyBits, unsigned int uiAlgID, ECCrefPublicKey *pucPublicKey,
                               ECCCipher *pucKey, void **phKeyHandle);
int SDF_ImportKeyWithISK_ECC(void *hSessionHandle, unsigned int uiISKIndex, ECCCipher *pucKey, void **phKeyHandle);
int SDF_GenerateAgreementDataWithECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned int uiKeyBits,
                                     unsigned char *pucSponsorID, unsigned int uiSponsorIDLength,
                                     ECCrefPublicKey *pucSponsorPublicKey, ECCrefPublicKey *pucSponsorTmpPublicKey,
                                     void **phAgreementHandle);
int SDF_GenerateKeyWithECC(void *hSessionHandle, unsigned char *pucResponseID, unsigned int uiResponseIDLength,
                           ECCrefPublicKey *pucResponsePublicKey, ECCrefPublicKey *pucResponseTmpPublicKey,
                           void *hAgreementHandle, void **phKeyHandle);
int SDF_GenerateAgreementDataAndKeyWithECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned int uiKeyBits,
                                           unsigned char *pucResponseID, unsigned int uiResponseIDLength,
                                           unsigned char *pucSponsorID, unsigned int uiSponsorIDLength,
                                           ECCrefPublicKey *pucSponsorPublicKey, ECCrefPublicKey *pucSponsorTmpPublicKey,
                                           ECCrefPublicKey *pucResponsePublicKey, ECCrefPublicKey *pucResponseTmpPublicKey,
                                           void **phKeyHandle);
int SDF_GenerateKeyWithKEK(void *hSessionHandle, unsigned int uiKeyBits, unsigned int uiAlgID, unsigned int uiKEKIndex,
                           unsigned char *pucKey, unsigned int *puiKeyLength, void **phKeyHandle);
int SDF_ImportKeyWithKEK(void *hSessionHandle, unsigned int uiAlgID, unsigned int uiKEKIndex, unsigned char *pucKey,
                         unsigned int uiKeyLength, void **phKeyHandle);
int SDF_DestroyKey(void *hSessionHandle, void *hKeyHandle);

/* 6.4, asymmetric operations; what is signed is the 32-byte e */
int SDF_ExternalPublicKeyOperation_RSA(void *hSessionHandle, RSArefPublicKey *pucPublicKey, unsigned char *pucDataInput,
                                       unsigned int uiInputLength, unsigned char *pucDataOutput, unsigned int *puiOutputLength);
int SDF_InternalPublicKeyOperation_RSA(void *hSessionHandle, unsigned int uiKeyIndex, unsigned char *pucDataInput,
                                       unsigned int uiInputLength, unsigned char *pucDataOutput, unsigned int *puiOutputLength);
int SDF_InternalPrivateKeyOperation_RSA(void *hSessionHandle, unsigned int uiKeyIndex, unsigned char *pucDataInput,
                                        unsigned int uiInputLength, unsigned char *pucDataOutput, unsigned int *puiOutputLength);
int SDF_ExternalVerify_ECC(void *hSessionHandle, unsigned int uiAlgID, ECCrefPublicKey *pucPublicKey,
                           unsigned char *pucDataInput, unsigned int uiInputLength, ECCSignature *pucSignature);
int SDF_InternalSign_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned char *pucData, unsigned int uiDataLength,
                         ECCSignature *pucSignature);
int SDF_InternalVerify_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned char *pucData, unsigned int uiDataLength,
                           ECCSignature *pucSignature);
int SDF_ExternalEncrypt_ECC(void *hSessionHandle, unsigned int uiAlgID, ECCrefPublicKey *pucPublicKey, unsigned char *pucData,
                            unsigned int uiDataLength, ECCCipher *pucEncData);

/* 6.5, symmetric operations; nothing is padded, and one-shot calls update the IV that they are given */
int SDF_Encrypt(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned char *pucData,
                unsigned int uiDataLength, unsigned char *pucEncData, unsigned int *puiEncDataLength);
int SDF_Decrypt(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned char *pucEncData,
                unsigned int uiEncDataLength, unsigned char *pucData, unsigned int *puiDataLength);
int SDF_CalculateMAC(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned char *pucData,
                     unsigned int uiDataLength, unsigned char *pucMac, unsigned int *puiMacLength);
int SDF_AuthEnc(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucStartVar,
                unsigned int uiStartVarLength, unsigned char *pucAad, unsigned int uiAadLength, unsigned char *pucData,
                unsigned int uiDataLength, unsigned char *pucEncData, unsigned int *puiEncDataLength, unsigned char *pucAuthData,
                unsigned int *puiAuthDataLength);
int SDF_AuthDec(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucStartVar,
                unsigned int uiStartVarLength, unsigned char *pucAad, unsigned int uiAadLength, unsigned char *pucAuthData,
                unsigned int *uiAuthDataLength, unsigned char *pucEncData, unsigned int uiEncDataLength, unsigned char *pucData,
                unsigned int *puiDataLength);
int SDF_EncryptInit(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned int uiIVLength);
int SDF_EncryptUpdate(void *hSessionHandle, unsigned char *pucData, unsigned int uiDataLength, unsigned char *pucEncData,
                      unsigned int *puiEncDataLength);
int SDF_EncryptFinal(void *hSessionHandle, unsigned char *pucLastEncData, unsigned int *puiLastEncDataLength);
int SDF_DecryptInit(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned int uiIVLength);
int SDF_DecryptUpdate(void *hSessionHandle, unsigned char *pucEncData, unsigned int uiEncDataLength, unsigned char *pucData,
                      unsigned int *puiDataLength);
int SDF_DecryptFinal(void *hSessionHandle, unsigned char *pucLastData, unsigned int *puiLastDataLength);
int SDF_CalculateMACInit(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV,
                         unsigned int uiIVLength);
int SDF_CalculateMACUpdate(void *hSessionHandle, unsigned char *pucData, unsigned int uiDataLength);
int SDF_CalculateMACFinal(void *hSessionHandle, unsigned char *pucMac, unsigned int *puiMacLength);
int SDF_AuthEncInit(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucStartVar,
                    unsigned int uiStartVarLength, unsigned char *pucAad, unsigned int uiAadLength, unsigned int uiDataLength);
int SDF_AuthEncUpdate(void *hSessionHandle, unsigned char *pucData, unsigned int uiDataLength, unsigned char *pucEncData,
                      unsigned int *puiEncDataLength);
int SDF_AuthEncFinal(void *hSessionHandle, unsigned char *pucLastEncData, unsigned int *puiLastEncDataLength,
                     unsigned char *pucAuthData, unsigned int *puiAuthDataLength);
int SDF_AuthDecInit(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucStartVar,
                    unsigned int uiStartVarLength, unsigned char *pucAad, unsigned int uiAadLength, unsigned char *pucAuthData,
                    unsigned int uiAuthDataLength, unsigned int uiDataLength);
int SDF_AuthDecUpdate(void *hSessionHandle, unsigned char *pucEncData, unsigned int uiEncDataLength, unsigned char *pucData,
                      unsigned int *puiDataLength);
int SDF_AuthDecFinal(void *hSessionHandle, unsigned char *pucLastData, unsigned int *puiLastDataLength);

/* 6.6, HMAC and hash functions; their state is one a session */
int SDF_HMACInit(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID);
int SDF_HMACUpdate(void *hSessionHandle, unsigned char *pucData, unsigned int uiDataLength);
int SDF_HMACFinal(void *hSessionHandle, unsigned char *pucHMac, unsigned int *puiHMacLength);
int SDF_HashInit(void *hSessionHandle, unsigned int uiAlgID, ECCrefPublicKey *pucPublicKey, unsigned char *pucID,
                 unsigned int uiIDLength);
int SDF_HashUpdate(void *hSessionHandle, unsigned char *pucData, unsigned int uiDataLength);
int SDF_HashFinal(void *hSessionHandle, unsigned char *pucHash, unsigned int *puiHashLength);

/* 6.7, files */
int SDF_CreateFile(void *hSessionHandle, unsigned char *pucFileName, unsigned int uiNameLen, unsigned int uiFileSize);
int SDF_ReadFile(void *hSessionHandle, unsigned char *pucFileName, unsigned int uiNameLen, unsigned int uiOffset,
                 unsigned int *puiFileLength, unsigned char *pucBuffer);
int SDF_WriteFile(void *hSessionHandle, unsigned char *pucFileName, unsigned int uiNameLen, unsigned int uiOffset,
                  unsigned int uiFileLength, unsigned char *pucBuffer);
int SDF_DeleteFile(void *hSessionHandle, unsigned char *pucFileName, unsigned int uiNameLen);

/* 6.8, for debugging and tests: not for production, and not there unless configured */
int SDF_GenerateKeyPair_RSA(void *hSessionHandle, unsigned int uiKeyBits, RSArefPublicKey *pucPublicKey,
                            RSArefPrivateKey *pucPrivateKey);
int SDF_GenerateKeyPair_ECC(void *hSessionHandle, unsigned int uiAlgID, unsigned int uiKeyBits, ECCrefPublicKey *pucPublicKey,
                            ECCrefPrivateKey *pucPrivateKey);
int SDF_ExternalPrivateKeyOperation_RSA(void *hSessionHandle, RSArefPrivateKey *pucPrivateKey, unsigned char *pucDataInput,
                                        unsigned int uiInputLength, unsigned char *pucDataOutput, unsigned int *puiOutputLength);
int SDF_ExternalSign_ECC(void *hSessionHandle, unsigned int uiAlgID, ECCrefPrivateKey *pucPrivateKey,
                         unsigned char *pucDataInput, unsigned int uiInputLength, ECCSignature *pucSignature);
int SDF_ExternalDecrypt_ECC(void *hSessionHandle, unsigned int uiAlgID, ECCrefPrivateKey *pucPrivateKey, ECCCipher *pucEncData,
                            unsigned char *pucData, unsigned int *uiDataLength);
int SDF_ExternalKeyEncrypt(void *hSessionHandle, unsigned int uiAlgID, unsigned char *pucKey, unsigned int uiKeyLength,
                           unsigned char *pucIV, unsigned int uiIVLength, unsigned char *pucData, unsigned int uiDataLength,
                           unsigned char *pucEncData, unsigned int *puiEncDataLength);
int SDF_ExternalKeyDecrypt(void *hSessionHandle, unsigned int uiAlgID, unsigned char *pucKey, unsigned int uiKeyLength,
                           unsigned char *pucIV, unsigned int uiIVLength, unsigned char *pucEncData,
                           unsigned int uiEncDataLength, unsigned char *pucData, unsigned int *puiDataLength);
int SDF_ExternalKeyEncryptInit(void *hSessionHandle, unsigned int uiAlgID, unsigned char *pucKey, unsigned int uiKeyLength,
                               unsigned char *pucIV, unsigned int uiIVLength);
int SDF_ExternalKeyDecryptInit(void *hSessionHandle, unsigned int uiAlgID, unsigned char *pucKey, unsigned int uiKeyLength,
                               unsigned char *pucIV, unsigned int uiIVLength);
int SDF_ExternalKeyHMACInit(void *hSessionHandle, unsigned int uiAlgID, unsigned char *pucKey, unsigned int uiKeyLength);

/* GM/T 0018-2012, gone in 2023 */
int SDF_ExchangeDigitEnvelopeBaseOnRSA(void *hSessionHandle, unsigned int uiKeyIndex, RSArefPublicKey *pucPublicKey,
                                       unsigned char *pucDEInput, unsigned int uiDELength, unsigned char *pucDEOutput,
                                       unsigned int *puiDELength);
int SDF_ExchangeDigitEnvelopeBaseOnECC(void *hSessionHandle, unsigned int keyIndex, unsigned int uiAlgID,
                                       ECCrefPublicKey *pucPublicKey, ECCCipher *pucEncDataIn, ECCCipher *pucEncDataOut);
int SDF_ImportKey(void *hSessionHandle, unsigned char *pucKey, unsigned int uiKeyLength, void **phKeyHandle);
/* In no edition, and nearly everywhere: this is the form with six arguments; others have five (docs/DRIVERS.md). */
int SDF_InternalEncrypt_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned int uiAlgID, unsigned char *pucData,
                            unsigned int uiDataLength, ECCCipher *pucEncData);
int SDF_InternalDecrypt_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned int uiAlgID, ECCCipher *pucEncData,
                            unsigned char *pucData, unsigned int *puiDataLength);

#ifdef __cplusplus
}
#endif
#endif
