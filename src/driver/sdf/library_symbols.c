/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions a library has, and what it can do by them. */
#include "driver/sdf/library_internal.h"

#include <dlfcn.h>
#include <string.h>

/* GM/T 0018-2023 6.2 to 6.8, then what only the edition of 2012 has, then what no edition has. */
static const char *const names[] = {
	"SDF_OpenDevice", "SDF_CloseDevice", "SDF_OpenSession", "SDF_CloseSession", "SDF_GetDeviceInfo", "SDF_GenerateRandom",
	"SDF_GetPrivateKeyAccessRight", "SDF_ReleasePrivateKeyAccessRight",
	"SDF_ExportSignPublicKey_RSA", "SDF_ExportEncPublicKey_RSA", "SDF_GenerateKeyWithIPK_RSA", "SDF_GenerateKeyWithEPK_RSA",
	"SDF_ImportKeyWithISK_RSA", "SDF_ExportSignPublicKey_ECC", "SDF_ExportEncPublicKey_ECC", "SDF_GenerateKeyWithIPK_ECC",
	"SDF_GenerateKeyWithEPK_ECC", "SDF_ImportKeyWithISK_ECC", "SDF_GenerateAgreementDataWithECC", "SDF_GenerateKeyWithECC",
	"SDF_GenerateAgreementDataAndKeyWithECC", "SDF_GenerateKeyWithKEK", "SDF_ImportKeyWithKEK", "SDF_DestroyKey",
	"SDF_ExternalPublicKeyOperation_RSA", "SDF_InternalPublicKeyOperation_RSA", "SDF_InternalPrivateKeyOperation_RSA",
	"SDF_ExternalVerify_ECC", "SDF_InternalSign_ECC", "SDF_InternalVerify_ECC", "SDF_ExternalEncrypt_ECC",
	"SDF_Encrypt", "SDF_Decrypt", "SDF_CalculateMAC", "SDF_AuthEnc", "SDF_AuthDec", "SDF_EncryptInit", "SDF_EncryptUpdate",
	"SDF_EncryptFinal", "SDF_DecryptInit", "SDF_DecryptUpdate", "SDF_DecryptFinal", "SDF_CalculateMACInit",
	"SDF_CalculateMACUpdate", "SDF_CalculateMACFinal", "SDF_AuthEncInit", "SDF_AuthEncUpdate", "SDF_AuthEncFinal",
	"SDF_AuthDecInit", "SDF_AuthDecUpdate", "SDF_AuthDecFinal", "SDF_HMACInit", "SDF_HMACUpdate", "SDF_HMACFinal",
	"SDF_HashInit", "SDF_HashUpdate", "SDF_HashFinal", "SDF_CreateFile", "SDF_ReadFile", "SDF_WriteFile", "SDF_DeleteFile",
	"SDF_GenerateKeyPair_RSA", "SDF_GenerateKeyPair_ECC", "SDF_ExternalPrivateKeyOperation_RSA", "SDF_ExternalSign_ECC",
	"SDF_ExternalDecrypt_ECC", "SDF_ExternalSign_SM9", "SDF_ExternalDecrypt_SM9", "SDF_ExternalKeyEncrypt",
	"SDF_ExternalKeyDecrypt", "SDF_ExternalKeyEncryptInit", "SDF_ExternalKeyDecryptInit", "SDF_ExternalKeyHMACInit",
	"SDF_ExchangeDigitEnvelopeBaseOnRSA", "SDF_ExchangeDigitEnvelopeBaseOnECC", "SDF_ImportKey",
	"SDF_InternalEncrypt_ECC", "SDF_InternalDecrypt_ECC",
};

void sdf_library_symbols(const struct sdf_library *library, void (*each)(void *arg, const char *name, bool there), void *arg)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		each(arg, names[i], sdf_library_symbol(library, names[i]) != NULL);
}

/* ISO C has no cast from an object's pointer to a function's. */
static void find(const struct sdf_library *library, const char *name, void *function)
{
	void *symbol = name ? sdf_library_symbol(library, name) : NULL;
	memcpy(function, &symbol, sizeof(symbol));
}

/* Functions that take another number of arguments than hufu/sdf.h says, or that nobody may call. */
static void choose_forms(struct sdf_library *library)
{
	const struct sdf_profile *p = library->profile;
	struct sdf_functions *fn = &library->fn;
	if (p->decrypt_args == 5)
		find(library, "SDF_InternalDecrypt_ECC", &fn->InternalDecrypt_ECC_5);
	if (p->decrypt_args != 6)
		fn->InternalDecrypt_ECC = NULL;
	if (p->rsa_args == 7)
		find(library, "SDF_InternalPrivateKeyOperation_RSA", &fn->InternalPrivateKeyOperation_RSA_7);
	if (p->rsa_args != 6)
		fn->InternalPrivateKeyOperation_RSA = NULL;
}

static void find_extras(struct sdf_library *library)
{
	char *const *extra = library->profile->extra;
	struct sdf_functions *fn = &library->fn;
	find(library, extra[SDF_EXTRA_OPEN], &fn->open);
	find(library, extra[SDF_EXTRA_MAKE_PAIR], &fn->make_pair);
	find(library, extra[SDF_EXTRA_IMPORT_PAIR], &fn->import_pair);
	find(library, extra[SDF_EXTRA_GENERATE_PAIR], &fn->generate_pair);
	find(library, extra[SDF_EXTRA_IMPORT_KEY], &fn->import_key);
}

static void set_can(struct sdf_library *library)
{
	const struct sdf_functions *fn = &library->fn;
	const uint32_t *alg = library->profile->alg;
	const bool can[] = {
		[SDF_CAN_RANDOM] = fn->GenerateRandom,
		[SDF_CAN_EXPORT_ECC] = fn->ExportSignPublicKey_ECC || fn->ExportEncPublicKey_ECC,
		[SDF_CAN_EXPORT_RSA] = fn->ExportSignPublicKey_RSA || fn->ExportEncPublicKey_RSA,
		[SDF_CAN_SIGN_ECC] = fn->InternalSign_ECC,
		[SDF_CAN_VERIFY_ECC] = fn->ExternalVerify_ECC && alg[SDF_ALG_SM2_SIGN],
		[SDF_CAN_ENCRYPT_ECC] = fn->ExternalEncrypt_ECC && alg[SDF_ALG_SM2_ENCRYPT],
		[SDF_CAN_DECRYPT_ECC] = fn->InternalDecrypt_ECC || fn->InternalDecrypt_ECC_5,
		[SDF_CAN_RSA] = fn->InternalPrivateKeyOperation_RSA || fn->InternalPrivateKeyOperation_RSA_7,
		[SDF_CAN_IMPORT_ISK] = fn->ImportKeyWithISK_ECC && fn->DestroyKey,
		[SDF_CAN_GENERATE_IPK] = fn->GenerateKeyWithIPK_ECC && fn->DestroyKey,
		[SDF_CAN_GENERATE_KEK] = fn->GenerateKeyWithKEK && alg[SDF_ALG_KEK] && fn->DestroyKey,
		[SDF_CAN_IMPORT_KEK] = fn->ImportKeyWithKEK && alg[SDF_ALG_KEK] && fn->DestroyKey,
		[SDF_CAN_IMPORT_KEY] = fn->import_key && fn->DestroyKey,
		[SDF_CAN_CRYPT] = fn->Encrypt && fn->Decrypt,
		[SDF_CAN_MAC] = fn->CalculateMAC && alg[SDF_ALG_SM4_MAC] && library->profile->macs_in_device,
		[SDF_CAN_AUTH] = fn->AuthEnc && fn->AuthDec && (alg[SDF_ALG_SM4_GCM] || alg[SDF_ALG_SM4_CCM]),
		[SDF_CAN_HMAC] = fn->HMACInit && fn->HMACUpdate && fn->HMACFinal && alg[SDF_ALG_SM3],
		[SDF_CAN_HASH] = fn->HashInit && fn->HashUpdate && fn->HashFinal && alg[SDF_ALG_SM3],
		[SDF_CAN_RIGHTS] = fn->GetPrivateKeyAccessRight && fn->ReleasePrivateKeyAccessRight,
		[SDF_CAN_AGREE] = sdf_library_symbol(library, "SDF_GenerateAgreementDataWithECC") &&
		                  sdf_library_symbol(library, "SDF_GenerateKeyWithECC"),
		[SDF_CAN_FILES] = sdf_library_symbol(library, "SDF_CreateFile") && sdf_library_symbol(library, "SDF_ReadFile"),
		[SDF_CAN_MAKE_PAIR] = fn->make_pair,
		[SDF_CAN_IMPORT_PAIR] = fn->import_pair,
		[SDF_CAN_GENERATE_PAIR] = fn->generate_pair,
	};
	for (size_t i = 0; i < sizeof(can) / sizeof(can[0]); i++)
		library->can |= (uint32_t)can[i] << i;
}

bool library_find_functions(struct sdf_library *library, char *err, size_t err_len)
{
	struct sdf_functions *fn = &library->fn;
#define FIND(name) find(library, "SDF_" #name, &fn->name);
	SDF_FUNCTIONS(FIND)
#undef FIND
	if (!fn->OpenDevice || !fn->CloseDevice || !fn->OpenSession || !fn->CloseSession) {
		snprintf(err, err_len, "%s is no library of GM/T 0018: it lacks SDF_OpenDevice, SDF_OpenSession or what closes them. Name "
		         "the vendor's library itself", library->image->path);
		return false;
	}
	choose_forms(library);
	find_extras(library);
	if (library->profile->edition < 2023)
		fn->AuthEnc = NULL, fn->AuthDec = NULL, fn->HMACInit = NULL;
	set_can(library);
	return true;
}
