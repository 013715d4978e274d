/* SPDX-License-Identifier: Apache-2.0 */
/* The two editions of GM/T 0018 as profiles, and the codes of its annex A. A missing data directory takes neither away. */
#include "driver/sdf/profile_internal.h"
#include "hufu/sdf.h"

#include <string.h>

#define ROW(code, means, dead) {code, code, means, dead, #code}

/*
 * LOST where nobody knows whether the call had an effect, CORRUPT where an
 * operation failed whose input was sound: another device is tried. What a
 * right that is missing is called differs: PARDENY and PRKRERR are both.
 */
const struct sdf_error profile_standard_errors[] = {
	ROW(SDR_UNKNOWERR, HUFU_ERR_LOST, true),
	ROW(SDR_NOTSUPPORT, HUFU_ERR_UNSUPPORTED, false),
	ROW(SDR_COMMFAIL, HUFU_ERR_LOST, true),
	ROW(SDR_HARDFAIL, HUFU_ERR_LOST, true),
	ROW(SDR_OPENDEVICE, HUFU_ERR_GONE, true),
	ROW(SDR_OPENSESSION, HUFU_ERR_GONE, true),
	ROW(SDR_PARDENY, HUFU_ERR_EXPIRED, false),
	ROW(SDR_KEYNOTEXIST, HUFU_ERR_NO_KEY, false),
	ROW(SDR_ALGNOTSUPPORT, HUFU_ERR_UNSUPPORTED, false),
	ROW(SDR_ALGMODNOTSUPPORT, HUFU_ERR_UNSUPPORTED, false),
	ROW(SDR_PKOPERR, HUFU_ERR_CORRUPT, false),
	ROW(SDR_SKOPERR, HUFU_ERR_CORRUPT, false),
	ROW(SDR_SIGNERR, HUFU_ERR_SIGNATURE, false),
	ROW(SDR_VERIFYERR, HUFU_ERR_SIGNATURE, false),
	ROW(SDR_SYMOPERR, HUFU_ERR_CORRUPT, false),
	ROW(SDR_STEPERR, HUFU_ERR_GONE, true), /* the session is in the middle of something else */
	ROW(SDR_FILESIZEERR, HUFU_ERR_DATA_LEN, false),
	ROW(SDR_FILENOEXIST, HUFU_ERR_ARGUMENT, false),
	ROW(SDR_FILEOFSERR, HUFU_ERR_ARGUMENT, false),
	ROW(SDR_KEYTYPEERR, HUFU_ERR_KEY_TYPE, false),
	ROW(SDR_KEYERR, HUFU_ERR_KEY_VALUE, false),
	ROW(SDR_ENCDATAERR, HUFU_ERR_CIPHERTEXT, false),
	ROW(SDR_RANDERR, HUFU_ERR_CORRUPT, false),
	ROW(SDR_PRKRERR, HUFU_ERR_EXPIRED, false),
	ROW(SDR_MACERR, HUFU_ERR_SIGNATURE, false),
	ROW(SDR_FILEEXISTS, HUFU_ERR_ARGUMENT, false),
	ROW(SDR_FILEWERR, HUFU_ERR_CORRUPT, false),
	ROW(SDR_NOBUFFER, HUFU_ERR_BUSY, false),
	ROW(SDR_INARGERR, HUFU_ERR_ARGUMENT, false),
	ROW(SDR_OUTARGERR, HUFU_ERR_ARGUMENT, false),
	ROW(SDR_USERIDERR, HUFU_ERR_PARAM, false),
};
const size_t profile_nstandard_errors = sizeof(profile_standard_errors) / sizeof(profile_standard_errors[0]);

/* Ids of GM/T 0006; GenerateKeyWithKEK wraps in ECB (GM/T 0018-2023 6.3; 2012 leaves it to the caller). */
#define STANDARD_ALGORITHMS \
	[SDF_ALG_SM2] = SGD_SM2, [SDF_ALG_SM2_SIGN] = SGD_SM2_1, [SDF_ALG_SM2_EXCHANGE] = SGD_SM2_2, \
	[SDF_ALG_SM2_ENCRYPT] = SGD_SM2_3, [SDF_ALG_SM3] = SGD_SM3, [SDF_ALG_SHA1] = SGD_SHA1, \
	[SDF_ALG_SHA256] = SGD_SHA256, [SDF_ALG_SM4_ECB] = SGD_SM4_ECB, [SDF_ALG_SM4_CBC] = SGD_SM4_CBC, \
	[SDF_ALG_SM4_CFB] = SGD_SM4_CFB, [SDF_ALG_SM4_OFB] = SGD_SM4_OFB, [SDF_ALG_SM4_MAC] = SGD_SM4_MAC, \
	[SDF_ALG_ZUC_EEA3] = SGD_ZUC_EEA3, [SDF_ALG_ZUC_EIA3] = SGD_ZUC_EIA3, [SDF_ALG_KEK] = SGD_SM4_ECB

#define STANDARD_REST \
	.width = 64, .cipher = SDF_CIPHER_STANDARD, .rsa_bytes = 256, .rsa_args = 6, \
	.handles_max = 64, .random_max = 1024, .data_max = 16384, \
	.concurrency = SDF_CONCURRENT_SESSIONS, .right_per_session = true, .iv_is_updated = true, .macs_in_device = true

static char name_2012[] = "gmt0018-2012", name_2023[] = "gmt0018-2023";
static char vendor_2012[] = "GM/T 0018-2012", vendor_2023[] = "GM/T 0018-2023";
static char import_key[] = "SDF_ImportKey", generate_pair[] = "SDF_GenerateKeyPair_ECC";

/* In the edition of 2012 these two were for production; that of 2023 took one away and keeps the other for tests (6.8). */
static const struct sdf_profile standard[] = {
	{
		.name = name_2012, .vendor = vendor_2012, .edition = 2012, STANDARD_REST, .alg = {STANDARD_ALGORITHMS},
		.extra = {[SDF_EXTRA_IMPORT_KEY] = import_key, [SDF_EXTRA_GENERATE_PAIR] = generate_pair},
	}, {
		.name = name_2023, .vendor = vendor_2023, .edition = 2023, STANDARD_REST,
		.alg = {STANDARD_ALGORITHMS, [SDF_ALG_SM4_CTR] = SGD_SM4_CTR, [SDF_ALG_SM4_GCM] = SGD_SM4_GCM,
		        [SDF_ALG_SM4_CCM] = SGD_SM4_CCM},
	},
};

const struct sdf_profile *profile_standard(const char *name)
{
	for (size_t i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
		if (strcmp(standard[i].name, name) == 0)
			return &standard[i];
	return NULL;
}
