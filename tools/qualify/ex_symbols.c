/* SPDX-License-Identifier: Apache-2.0 */
/* Which functions the library has. */
#include "tools/qualify/examine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum edition { IN_BOTH, ONLY_2012, ONLY_2023, DEBUGGING, SM9, VPN, EXTENSION, EDITIONS };

static const char *const edition_names[EDITIONS] = {
	"GM/T 0018-2012 and -2023", "GM/T 0018-2012 alone", "new in GM/T 0018-2023", "GM/T 0018-2023 6.8, debugging",
	"GM/T 0018-2023 annex B, SM9", "GM/T 0018-2023 annex C, VPN", "extensions"};

/* GM/T 0018-2023 6.2 to 6.8, annexes B and C; GM/T 0018-2012 for what was taken out; the rest is seen in vendors' headers. */
static const struct {
	enum edition edition;
	const char *names;
} symbols[] = {
	{IN_BOTH,
	 "OpenDevice CloseDevice OpenSession CloseSession GetDeviceInfo GenerateRandom GetPrivateKeyAccessRight "
	 "ReleasePrivateKeyAccessRight ExportSignPublicKey_RSA ExportEncPublicKey_RSA GenerateKeyWithIPK_RSA "
	 "GenerateKeyWithEPK_RSA ImportKeyWithISK_RSA ExportSignPublicKey_ECC ExportEncPublicKey_ECC GenerateKeyWithIPK_ECC "
	 "GenerateKeyWithEPK_ECC ImportKeyWithISK_ECC GenerateAgreementDataWithECC GenerateKeyWithECC "
	 "GenerateAgreementDataAndKeyWithECC GenerateKeyWithKEK ImportKeyWithKEK DestroyKey "
	 "ExternalPublicKeyOperation_RSA InternalPublicKeyOperation_RSA InternalPrivateKeyOperation_RSA ExternalVerify_ECC "
	 "InternalSign_ECC InternalVerify_ECC ExternalEncrypt_ECC Encrypt Decrypt CalculateMAC HashInit HashUpdate HashFinal "
	 "CreateFile ReadFile WriteFile DeleteFile"},
	{ONLY_2012, "ExchangeDigitEnvelopeBaseOnRSA ExchangeDigitEnvelopeBaseOnECC ImportKey"},
	{ONLY_2023,
	 "AuthEnc AuthDec EncryptInit EncryptUpdate EncryptFinal DecryptInit DecryptUpdate DecryptFinal CalculateMACInit "
	 "CalculateMACUpdate CalculateMACFinal AuthEncInit AuthEncUpdate AuthEncFinal AuthDecInit AuthDecUpdate AuthDecFinal "
	 "HMACInit HMACUpdate HMACFinal"},
	{DEBUGGING, "GenerateKeyPair_RSA GenerateKeyPair_ECC ExternalPrivateKeyOperation_RSA ExternalSign_ECC ExternalDecrypt_ECC "
		    "ExternalSign_SM9 ExternalDecrypt_SM9 ExternalKeyEncrypt ExternalKeyDecrypt ExternalKeyEncryptInit "
		    "ExternalKeyDecryptInit ExternalKeyHMACInit"},
	{SM9, "ExportUserID_SM9 GenerateEncMasterKeyPair_SM9 GenerateKeyWithEMK_SM9 GenerateKeyWithIMK_SM9 ImportKeyWithISK_SM9 "
	      "GenerateAgreementDataWithSM9 GenerateKeyWithSM9 GenerateAgreementDataAndKeyWithSM9 VerifyWithMasterEPK_SM9 "
	      "VerifyWithMasterIPK_SM9 InternalSignWithMasterEPK_SM9 InternalSignWithMasterIPK_SM9 EncryptWithMasterEPK_SM9 "
	      "EncryptWithMasterIPK_SM9 DecryptWithISK_SM9"},
	{VPN, "GenerateKeywithIKE GenerateKeywithEPK_IKE GenerateKeywithIPSEC GenerateKeywithEPK_IPSEC GenerateKeywithSSL "
	      "GenerateKeywithEPK_SSL"},
	{EXTENSION,
	 "OpenDeviceEx OpenDeviceWithConf OpenDeviceWithPath InternalEncrypt_ECC InternalDecrypt_ECC InternalSign_ECC_Ex "
	 "GetSymmKeyHandle GetKeyStatus GetDeviceRunStatus ImportKeyPair_ECC GenerateKeyPairWithIndex_ECC"},
};

/* Without these there is nothing to drive. */
static const char *const needed[] = {"SDF_OpenDevice", "SDF_CloseDevice", "SDF_OpenSession", "SDF_CloseSession"};

struct count {
	unsigned have, of;
	char missing[900];
};


static struct count count(const struct card *card, const char *names)
{
	struct count c = {0};
	char symbol[64];
	size_t used = 0;

	for (size_t len; *names; names += len + (names[len] == ' ')) {
		len = strcspn(names, " ");
		snprintf(symbol, sizeof symbol, "SDF_%.*s", (int)len, names);
		bool has = dlsym(card->handle, symbol) != NULL;
		c.of++;
		c.have += has;
		tell_row("Functions", has ? "yes" : "no", symbol, NULL);
		if (!has && used + len + 2 < sizeof c.missing)
			used += (size_t)snprintf(c.missing + used, sizeof c.missing - used, "%s%.*s", used ? ", " : "", (int)len,
			                         names);
	}
	return c;
}

static void tell_edition(enum edition edition, const struct count *c)
{
	if (c->have == c->of)
		tell(RESULT_pass, "edition", "%s: all %u functions", edition_names[edition], c->of);
	else if (edition == IN_BOTH)
		tell(RESULT_quirk, "edition", "%s: %u of %u functions; without %s", edition_names[edition], c->have, c->of,
		     c->missing);
	else
		tell(RESULT_info, "edition", "%s: %u of %u functions", edition_names[edition], c->have, c->of);
}

static void look_for_extras(const struct card *card)
{
	for (int i = 0; i < SDF_EXTRAS; i++) {
		const char *name = card->profile->extra[i];
		if (name && !dlsym(card->handle, name)) {
			tell(RESULT_quirk, "extra", "the profile names %s, which the library has not", name);
			tell_number("extra-missing", (uint32_t)i);
		}
	}
	if (dlsym(card->handle, "SDF_OpenDeviceEx") && !card->profile->extra[SDF_EXTRA_OPEN])
		tell(RESULT_info, "extra",
		     "SDF_OpenDeviceEx is there, but not in the profile: several devices may need it (open = ...)");
	if (dlsym(card->handle, "SDF_InternalDecrypt_ECC"))
		tell(RESULT_info, "arity",
		     "SDF_InternalDecrypt_ECC is there, which is in no standard and takes 5 or 6 arguments. A wrong guess "
		     "would have the library take a pointer for a length, so it cannot be tried out: the profile says %u. Look it "
		     "up "
		     "in the vendor's header",
		     card->profile->decrypt_args);
	else if (card->profile->decrypt_args)
		tell(RESULT_info, "arity", "SDF_InternalDecrypt_ECC is not there: SM2 decryption goes by ImportKeyWithISK alone");
}

void examine_symbols(struct card *card)
{
	bool edition_2023 = false;

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!dlsym(card->handle, needed[i]))
			tell(RESULT_fault, "needed", "%s is missing: this is no GM/T 0018 library", needed[i]);
	tell_row("Functions", "There", "Function", NULL);
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
		struct count c = count(card, symbols[i].names);
		tell_edition(symbols[i].edition, &c);
		edition_2023 |= symbols[i].edition == ONLY_2023 && c.have;
	}
	tell_number("edition", edition_2023 ? 2023 : 2012);
	look_for_extras(card);
}
