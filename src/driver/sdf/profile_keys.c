/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of hufu-profile(5) as data. */
#include "driver/sdf/profile_internal.h"

#include <stddef.h>

#define AT(member) offsetof(struct sdf_profile, member)
#define NUMBER(name, member, least, most) {name, CONF_NUMBER, AT(member), .min = (least), .max = (most)}
#define ALG(name, id) {name, CONF_CODE, offsetof(struct sdf_profile, alg[id]), .max = UINT32_MAX}
#define CALL(name, id) {name, CONF_NAME, offsetof(struct sdf_profile, extra[id])}

/* base is read before all else, and fills no member. */
static const struct conf_key top_keys[] = {
	{"base", CONF_TEXT, 0},
	{"vendor", CONF_TEXT, AT(vendor)},
	NUMBER("edition", edition, 2012, 2023),
};

static const struct conf_key structs_keys[] = {
	NUMBER("field_bytes", width, 32, 64),
	{"cipher", CONF_CHOICE, AT(cipher), .choices = {"standard", "length-first"}},
	NUMBER("cipher_room", cipher_room, 0, 1024),
	NUMBER("envelope_max", envelope_max, 0, 1024),
	NUMBER("rsa_bytes", rsa_bytes, 256, 512),
};

static const struct conf_key algorithm_keys[] = {
	ALG("sm2", SDF_ALG_SM2), ALG("sm2_sign", SDF_ALG_SM2_SIGN), ALG("sm2_exchange", SDF_ALG_SM2_EXCHANGE),
	ALG("sm2_encrypt", SDF_ALG_SM2_ENCRYPT), ALG("sm3", SDF_ALG_SM3), ALG("sha1", SDF_ALG_SHA1),
	ALG("sha256", SDF_ALG_SHA256), ALG("sm4_ecb", SDF_ALG_SM4_ECB), ALG("sm4_cbc", SDF_ALG_SM4_CBC),
	ALG("sm4_cfb", SDF_ALG_SM4_CFB), ALG("sm4_ofb", SDF_ALG_SM4_OFB), ALG("sm4_ctr", SDF_ALG_SM4_CTR),
	ALG("sm4_mac", SDF_ALG_SM4_MAC), ALG("sm4_gcm", SDF_ALG_SM4_GCM), ALG("sm4_ccm", SDF_ALG_SM4_CCM),
	ALG("zuc_eea3", SDF_ALG_ZUC_EEA3), ALG("zuc_eia3", SDF_ALG_ZUC_EIA3), ALG("kek", SDF_ALG_KEK),
};

static const struct conf_key call_keys[] = {
	NUMBER("internal_encrypt_args", encrypt_args, 0, 6),
	NUMBER("internal_decrypt_args", decrypt_args, 0, 6),
	NUMBER("internal_rsa_args", rsa_args, 0, 7),
	CALL("open", SDF_EXTRA_OPEN),
	CALL("make_pair", SDF_EXTRA_MAKE_PAIR),
	CALL("import_pair", SDF_EXTRA_IMPORT_PAIR),
	CALL("generate_pair", SDF_EXTRA_GENERATE_PAIR),
	CALL("import_key", SDF_EXTRA_IMPORT_KEY),
};

static const struct conf_key limit_keys[] = {
	NUMBER("sessions_max", sessions_max, 0, 100000),
	NUMBER("handles_max", handles_max, 1, 1024),
	NUMBER("devices_max", devices_max, 0, 1000),
	NUMBER("random_max", random_max, 1, SDF_RANDOM_MAX),
	NUMBER("data_max", data_max, 16, SDF_DATA_MAX),
	NUMBER("idle_s", idle_s, 0, 86400),
};

static const struct conf_key behaviour_keys[] = {
	{"concurrency", CONF_CHOICE, AT(concurrency), .choices = {"sessions", "devices", "none"}},
	{"open_exclusive", CONF_BOOL, AT(open_exclusive)},
	{"right_per_session", CONF_BOOL, AT(right_per_session)},
	{"right_stacks", CONF_BOOL, AT(right_stacks)},
	{"iv_is_updated", CONF_BOOL, AT(iv_is_updated)},
	{"macs_in_device", CONF_BOOL, AT(macs_in_device)},
	{"late_writes", CONF_BOOL, AT(late_writes)},
};

#define MEANS "gone", "lost", "busy", "expired", "denied", "unsupported", "no-key", "argument", "data", "ciphertext", \
	"signature", "key-type", "key-value", "corrupt", "param"
static const struct conf_key error_keys[] = {
	{"first", CONF_CODE, offsetof(struct profile_error_text, first), .max = UINT32_MAX},
	{"last", CONF_CODE, offsetof(struct profile_error_text, last), .max = UINT32_MAX},
	{"means", CONF_CHOICE, offsetof(struct profile_error_text, means), .choices = {MEANS}},
	{"session", CONF_CHOICE, offsetof(struct profile_error_text, session), .choices = {"keep", "dead"}},
};

/* In the order of MEANS. */
const struct profile_meaning profile_meanings[PROFILE_MEANINGS] = {
	{"gone", HUFU_ERR_GONE}, {"lost", HUFU_ERR_LOST}, {"busy", HUFU_ERR_BUSY}, {"expired", HUFU_ERR_EXPIRED},
	{"denied", HUFU_ERR_DENIED}, {"unsupported", HUFU_ERR_UNSUPPORTED}, {"no-key", HUFU_ERR_NO_KEY},
	{"argument", HUFU_ERR_ARGUMENT}, {"data", HUFU_ERR_DATA}, {"ciphertext", HUFU_ERR_CIPHERTEXT},
	{"signature", HUFU_ERR_SIGNATURE}, {"key-type", HUFU_ERR_KEY_TYPE}, {"key-value", HUFU_ERR_KEY_VALUE},
	{"corrupt", HUFU_ERR_CORRUPT}, {"param", HUFU_ERR_PARAM},
};

#define KEYS(array) (array), sizeof(array) / sizeof((array)[0])
static const struct conf_section sections[PROFILE_SECTIONS] = {
	[PROFILE_TOP] = {"", false, KEYS(top_keys)},
	[PROFILE_STRUCTS] = {"structs", false, KEYS(structs_keys)},
	[PROFILE_ALGORITHMS] = {"algorithms", false, KEYS(algorithm_keys)},
	[PROFILE_CALLS] = {"calls", false, KEYS(call_keys)},
	[PROFILE_LIMITS] = {"limits", false, KEYS(limit_keys)},
	[PROFILE_BEHAVIOUR] = {"behaviour", false, KEYS(behaviour_keys)},
	[PROFILE_ERROR] = {"error", true, KEYS(error_keys)},
};

const struct conf_form profile_form = {
	.sections = sections, .nsections = PROFILE_SECTIONS,
	.names = "structs, algorithms, calls, limits, behaviour and error",
};

const struct profile_values profile_values[] = {
	{"edition", AT(edition), {2012, 2023, UINT32_MAX}},
	{"field_bytes", AT(width), {32, 64, UINT32_MAX}},
	{"rsa_bytes", AT(rsa_bytes), {256, 512, UINT32_MAX}},
	{"internal_encrypt_args", AT(encrypt_args), {0, 5, 6, UINT32_MAX}},
	{"internal_decrypt_args", AT(decrypt_args), {0, 5, 6, UINT32_MAX}},
	{"internal_rsa_args", AT(rsa_args), {0, 6, 7, UINT32_MAX}},
};
const size_t profile_nvalues = sizeof(profile_values) / sizeof(profile_values[0]);
