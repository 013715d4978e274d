/* SPDX-License-Identifier: Apache-2.0 */
/* Known answers, each from the standard named beside it. */
#include "tools/selftest.h"

#define SM4_KEY "0123456789abcdeffedcba9876543210"
#define IV "000102030405060708090a0b0c0d0e0f"
/* draft-ribose-cfrg-sm4-10 A.2 */
#define TEXT "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffaaaaaaaabbbbbbbb"
#define CTR_TEXT \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd" \
	"eeeeeeeeeeeeeeeeffffffffffffffffaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb"
#define GCM_TEXT \
	"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd" \
	"eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
/* GB/T 32918.5-2017 A.2 and A.4 */
#define SM2_D "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
#define SM2_POINT \
	"044104" /* DER OCTET STRING of the uncompressed point */ \
	"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" \
	"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
#define SM2_SIG \
	"f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" \
	"b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
/* SP 800-38A F.2.1 */
#define AES_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define AES_TEXT "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"

const struct kat kats[] = {
	{"SM3, GB/T 32905 A.1", KAT_DIGEST, CKM_HUFU_SM3, .in = "616263",
	 .out = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"},
	{"SM3, GB/T 32905 A.2", KAT_DIGEST, CKM_HUFU_SM3,
	 .in = "616263646162636461626364616263646162636461626364616263646162636461626364616263646162636461626364"
	       "61626364616263646162636461626364",
	 .out = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"},
	{"HMAC-SM3, GM/T 0042 D.3", KAT_MAC, CKM_HUFU_SM3_HMAC, CKK_HUFU_SM3_HMAC,
	 .key = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
	 .in = "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071"
	       "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
	 .out = "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"},
	{"SM4, GB/T 32907 A.1", KAT_CIPHER, CKM_HUFU_SM4_ECB, CKK_HUFU_SM4, SM4_KEY, .in = SM4_KEY,
	 .out = "681edf34d206965e86b3e94f536e4246"},
	{"SM4-CBC, draft-ribose-cfrg-sm4 A.2", KAT_CIPHER, CKM_HUFU_SM4_CBC, CKK_HUFU_SM4, SM4_KEY, IV, .in = TEXT,
	 .out = "78ebb11cc40b0a48312aaeb2040244cb4cb7016951909226979b0d15dc6a8f6d"},
	{"SM4-CFB128, draft-ribose-cfrg-sm4 A.2", KAT_CIPHER, CKM_HUFU_SM4_CFB128, CKK_HUFU_SM4, SM4_KEY, IV, .in = TEXT,
	 .out = "ac3236cb861dd316e6413b4e3c7524b769d4c54ed433b9a0346009beb37b2b3f"},
	{"SM4-OFB, draft-ribose-cfrg-sm4 A.2", KAT_CIPHER, CKM_HUFU_SM4_OFB, CKK_HUFU_SM4, SM4_KEY, IV, .in = TEXT,
	 .out = "ac3236cb861dd316e6413b4e3c7524b71d01aca2487ca582cbf5463e6698539b"},
	{"SM4-CTR, draft-ribose-cfrg-sm4 A.2", KAT_CIPHER, CKM_HUFU_SM4_CTR, CKK_HUFU_SM4, SM4_KEY, IV, .in = CTR_TEXT,
	 .out = "ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7f234bc0e24c11980fd1286310ce37b92"
	        "6e02fcd0faa0baf38b2933851d824514"},
	{"SM4-GCM, RFC 8998 A.1", KAT_CIPHER, CKM_HUFU_SM4_GCM, CKK_HUFU_SM4, SM4_KEY, "00001234567800000000abcd",
	 "feedfacedeadbeeffeedfacedeadbeefabaddad2", GCM_TEXT,
	 "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15"
	 "a56834cbcf98c397b4024a2691233b8d"
	 "83de3541e4c2b58177e065a9bf7b62ec"},
	{"ZUC 128-EEA3, GM/T 0001.2 set 1", KAT_CIPHER, CKM_HUFU_ZUC_EEA3, CKK_HUFU_ZUC, "173d14ba5003731d7a60049470f00a29",
	 .zuc = {0x66035492, 0xf, 0, 193}, .in = "6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b200",
	 .out = "a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc800"},
	{"ZUC 128-EIA3, GM/T 0001.3 set 2", KAT_MAC, CKM_HUFU_ZUC_EIA3, CKK_HUFU_ZUC, "c9e6cec4607c72db000aefa88385ab0a",
	 .zuc = {0xa94059da, 0xa, 1, 0x241},
	 .in = "983b41d47d780c9e1ad11d7eb70391b1de0b35da2dc62f83e7b78d6306ca0ea07e941b7be91348f9fcb170e2217fecd9"
	       "7f9f68adb16e5d7d21e569d280ed775c"
	       "ebde3f4093c5388100",
	 .out = "fae8ff0b"},
	{"SM2 signature, GB/T 32918.5 A.2", KAT_VERIFY, CKM_HUFU_SM2_SM3, CKK_HUFU_SM2, .key = SM2_POINT,
	 .in = "6d65737361676520646967657374", .out = SM2_SIG},
	{"SM2 decryption, GB/T 32918.5 A.4", KAT_DECRYPT, CKM_HUFU_SM2_C1C3C2, CKK_HUFU_SM2, .key = SM2_D, .point = SM2_POINT,
	 .in = "656e6372797074696f6e207374616e64617264",
	 .out = "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a"
	        "3c64e6ee6a63094d99283aff767e124df0"
	        "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd876621886ca989ca9c7d58087307ca93092d651efa"},
	/* For the modules of others. */
	{"SHA-256, FIPS 180-4", KAT_DIGEST, CKM_SHA256, .in = "616263",
	 .out = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"HMAC-SHA-256, RFC 4231 case 6", KAT_MAC, CKM_SHA256_HMAC, CKK_GENERIC_SECRET,
	 .key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	        "aaaaaa",
	 .in = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
	 .out = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{"AES-CBC, SP 800-38A F.2.1", KAT_CIPHER, CKM_AES_CBC, CKK_AES, AES_KEY, IV, .in = AES_TEXT,
	 .out = "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"},
	{0},
};
