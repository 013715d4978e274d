/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elliptic curves: the values of RFC 6979, RFC 8032, RFC 7748 and of NIST's
 * CAVP; libcrypto, in its default context, checks what the driver makes, and
 * the other way round.
 */
#include "driver_suite.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

const struct tried suite_ec_tried[] = {
	{CKM_EC_KEY_PAIR_GEN, VERB(GENERATE)},
	{CKM_ECDSA, VERB(SIGN) | VERB(VERIFY)},
	{CKM_ECDH1_DERIVE, VERB(DERIVE)},
	{CKM_ECDH1_COFACTOR_DERIVE, VERB(DERIVE)},
	{CKM_EC_EDWARDS_KEY_PAIR_GEN, VERB(GENERATE)},
	{CKM_EDDSA, VERB(SIGN) | VERB(VERIFY)},
	{CKM_EC_MONTGOMERY_KEY_PAIR_GEN, VERB(GENERATE)},
	{0, 0},
};

/* -- curves and the forms of their keys ------------------------------------------ */

struct curve {
	enum hufu_key_type type; /* of private keys; the next is that of public ones */
	uint64_t generate;
	const char *oid;
	const char *pkcs8, *spki; /* what stands before the private and the public value */
	size_t len, public_len;
};

#define EC "06072a8648ce3d0201"
#define P256 "06082a8648ce3d030107"
#define P384 "06052b81040022"
#define P521 "06052b81040023"

enum { ON_P256, ON_P384, ON_P521, ON_ED25519, ON_ED448, ON_X25519, ON_X448, NCURVES };

static const struct curve curves[NCURVES] = {
	{HUFU_KEY_EC_PRIVATE, CKM_EC_KEY_PAIR_GEN, P256,
	 "30410201003013" EC P256 "042730250201010420", "30593013" EC P256 "034200", 32, 65},
	{HUFU_KEY_EC_PRIVATE, CKM_EC_KEY_PAIR_GEN, P384,
	 "304e0201003010" EC P384 "043730350201010430", "30763010" EC P384 "036200", 48, 97},
	{HUFU_KEY_EC_PRIVATE, CKM_EC_KEY_PAIR_GEN, P521,
	 "30600201003010" EC P521 "044930470201010442", "30819b3010" EC P521 "03818600", 66, 133},
	{HUFU_KEY_EDWARDS_PRIVATE, CKM_EC_EDWARDS_KEY_PAIR_GEN, "06032b6570", "302e020100300506032b657004220420",
	 "302a300506032b6570032100", 32, 32},
	{HUFU_KEY_EDWARDS_PRIVATE, CKM_EC_EDWARDS_KEY_PAIR_GEN, "06032b6571", "3047020100300506032b6571043b0439",
	 "3043300506032b6571033a00", 57, 57},
	{HUFU_KEY_MONTGOMERY_PRIVATE, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "06032b656e", "302e020100300506032b656e04220420",
	 "302a300506032b656e032100", 32, 32},
	{HUFU_KEY_MONTGOMERY_PRIVATE, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "06032b656f", "3046020100300506032b656f043a0438",
	 "3042300506032b656f033900", 56, 56},
};

static enum hufu_key_type public_type(const struct curve *curve)
{
	return (enum hufu_key_type)(curve->type + 1);
}

struct bytes {
	uint8_t at[600];
	size_t len;
};

static struct bytes bytes_of(const char *first, const char *second)
{
	struct bytes b;

	b.len = unit_hex(first, b.at);
	b.len += unit_hex(second, b.at + b.len);
	return b;
}

static struct kit_key *private_key(const struct curve *curve, const char *hex)
{
	struct bytes der = bytes_of(curve->pkcs8, hex);

	return subject->key_new(curve->type, der.at, der.len);
}

static struct kit_key *public_key(const struct curve *curve, const char *hex)
{
	struct bytes der = bytes_of(curve->spki, hex);

	return subject->key_new(public_type(curve), der.at, der.len);
}

/* -- known keys ------------------------------------------------------------------------ */

/* RFC 6979 A.2.5 to A.2.7; digests are those of "sample". The second of P-384 is longer than the order. */
static const struct {
	int curve;
	const char *d, *point, *hash, *signature;
} ecdsa[] = {
	{ON_P256, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
	 "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
	 "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
	 "SHA256",
	 "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
	 "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
	{ON_P384, "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
	 "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13"
	 "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
	 "SHA384",
	 "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46"
	 "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8"},
	{ON_P384, "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
	 "04EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13"
	 "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
	 "SHA512",
	 "ED0959D5880AB2D869AE7F6C2915C6D60F96507F9CB3E047C0046861DA4A799CFE30F35CC900056D7C99CD7882433709"
	 "512C8CCEEE3890A84058CE1E22DBC2198F42323CE8ACA9135329F03C068E5112DC7CC3EF3446DEFCEB01A45C2667FDD5"},
	{ON_P521,
	 "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08"
	 "B0E996B83538",
	 "0401894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD371123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC"
	 "474B9A2F5023A400493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28A0DB25741B5B34A828008B22ACC23F924FAAFBD4"
	 "D33F81EA66956DFEAA2BFDFCF5",
	 "SHA512",
	 "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF"
	 "05EC36E377FA00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1"
	 "DCCC43997F1EE0E44DA4A67A"},
};

/* RFC 8032 7.1 TEST 1, TEST 3, 7.4 Blank, 1 octet. */
static const struct {
	int curve;
	const char *secret, *public, *message, *signature;
} eddsa[] = {
	{ON_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
	 "655141438e7a100b"},
	{ON_ED25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
	 "c027beceea1ec40a"},
	{ON_ED448,
	 "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b",
	 "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180", "",
	 "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd39"
	 "80ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e65"
	 "2600"},
	{ON_ED448,
	 "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
	 "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480", "03",
	 "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779"
	 "805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c0"
	 "3a00"},
};

/* CAVP KAS_ECC_CDH_PrimitiveTest, COUNT = 0 of each curve; RFC 7748 6.1 and 6.2, both ways. */
static const struct {
	int curve;
	const char *secret, *peer, *shared;
} agreements[] = {
	{ON_P256, "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
	 "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
	 "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
	 "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"},
	{ON_P384, "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf98a1",
	 "04a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0c50066"
	 "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c64766fc8437a",
	 "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1"},
	{ON_P521,
	 "017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4eac6564f6ee9974c5e6887a1fefee5743ae2241bfeb95d5c"
	 "e31ddcb6f9edb4d6fc47",
	 "0400685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a9490340854334b1e1b87fa395464c60626124a4e70d0f785601d37c0"
	 "9870ebf176666877a2046d01ba52c56fc8776d9e8f5db4f0cc27636d0b741bbe05400697942e80b739884a83bde99e0f6716939e632bc898"
	 "6fa18dccd443a348b6c3e522497955a4f3c302f676",
	 "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e136672d72cc770742d1711c3c3a4c334a0ad9759436a4d3c5b"
	 "f6e74b9578fac148c831"},
	{ON_X25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	 "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	 "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
	{ON_X25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	 "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
	{ON_X448,
	 "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
	 "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
	 "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"},
	{ON_X448,
	 "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
	 "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
	 "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"},
};

/* One private key a curve, of those above. */
static const char *secret_of(int curve)
{
	for (size_t i = 0; i < ARRAY_LEN(ecdsa); i++)
		if (ecdsa[i].curve == curve)
			return ecdsa[i].d;
	for (size_t i = 0; i < ARRAY_LEN(eddsa); i++)
		if (eddsa[i].curve == curve)
			return eddsa[i].secret;
	for (size_t i = 0; i < ARRAY_LEN(agreements); i++)
		if (agreements[i].curve == curve)
			return agreements[i].secret;
	return NULL;
}

/* -- operations ---------------------------------------------------------------------------- */

static uint64_t signs_with(const struct curve *curve)
{
	return curve->type == HUFU_KEY_EC_PRIVATE ? CKM_ECDSA : CKM_EDDSA;
}

static enum hufu_err verify(uint64_t mechanism, struct kit_key *key, const struct bytes *in, const struct bytes *signature)
{
	struct hufu_op op = {.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .in = in->at, .in_len = in->len,
	                     .in2 = signature->at, .in2_len = signature->len};

	return subject->run(&op, key);
}

static enum hufu_err sign(uint64_t mechanism, struct kit_key *key, const struct bytes *in, struct bytes *signature)
{
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .in = in->at, .in_len = in->len};
	struct output out;
	enum hufu_err err = run_checked(&op, key, &out);

	signature->len = op.out_len;
	memcpy(signature->at, out.bytes, op.out_len);
	return err;
}

static enum hufu_err agree(uint64_t mechanism, struct kit_key *key, const struct bytes *peer, struct bytes *shared)
{
	struct hufu_param_agree param = {.peer = peer->at, .peer_len = peer->len};
	struct hufu_op op = {.verb = HUFU_VERB_DERIVE, .mechanism = mechanism, .param = &param};
	struct output out;
	enum hufu_err err = run_checked(&op, key, &out);

	shared->len = op.out_len;
	memcpy(shared->at, out.bytes, op.out_len);
	return err;
}

static enum hufu_err generate(const struct curve *curve, struct bytes *private, struct bytes *public)
{
	struct bytes oid = bytes_of(curve->oid, "");
	struct hufu_param_curve param = {.oid = oid.at, .oid_len = oid.len};
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = curve->generate, .new_type = curve->type, .param = &param};
	struct output out;
	enum hufu_err err = run_checked(&op, NULL, &out);

	private->len = op.out_len;
	memcpy(private->at, out.bytes, op.out_len);
	public->len = op.pub_len;
	memcpy(public->at, out.pub, op.pub_len);
	return err;
}

/* Not run_checked: what is given back may be shorter than what was taken, and room is asked for both. */
static enum hufu_err import(enum hufu_key_type type, const struct bytes *der, struct bytes *copy, struct bytes *public)
{
	struct output out;
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = der->at, .in_len = der->len,
	                     .out = out.bytes, .out_cap = sizeof(out.bytes), .pub = out.pub};
	enum hufu_err err = subject->run(&op, NULL);

	copy->len = op.out_len;
	memcpy(copy->at, out.bytes, op.out_len);
	public->len = op.pub_len;
	memcpy(public->at, out.pub, op.pub_len);
	return err;
}

static enum hufu_err import_refused(enum hufu_key_type type, const char *first, const char *second)
{
	struct bytes der = bytes_of(first, second), copy, public;
	enum hufu_err err = import(type, &der, &copy, &public);

	CU_ASSERT(copy.len == 0 && public.len == 0);
	return err;
}

static bool same(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* -- libcrypto's view ------------------------------------------------------------------------ */

static EVP_PKEY *libcrypto_public(const struct bytes *spki)
{
	const uint8_t *p = spki->at;

	return d2i_PUBKEY(NULL, &p, (long)spki->len);
}

static EVP_PKEY *libcrypto_private(const struct bytes *pkcs8)
{
	const uint8_t *p = pkcs8->at;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)pkcs8->len);
	EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

static struct bytes pkcs8_by_libcrypto(EVP_PKEY *pkey)
{
	struct bytes b = {.len = 0};
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	uint8_t *p = b.at;

	b.len = (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &p);
	PKCS8_PRIV_KEY_INFO_free(info);
	return b;
}

static struct bytes spki_by_libcrypto(EVP_PKEY *pkey)
{
	struct bytes b = {.len = 0};
	uint8_t *p = b.at;

	b.len = (size_t)i2d_PUBKEY(pkey, &p);
	return b;
}

/* libcrypto reads both forms, finds them a pair, and would write them no other way. */
static void check_forms(const struct bytes *private, const struct bytes *public)
{
	EVP_PKEY *a = libcrypto_private(private), *b = libcrypto_public(public);

	CU_ASSERT_FATAL(a != NULL && b != NULL);
	CU_ASSERT(EVP_PKEY_eq(a, b) == 1);
	struct bytes want = pkcs8_by_libcrypto(a);
	CU_ASSERT(same(private, &want));
	want = spki_by_libcrypto(b);
	CU_ASSERT(same(public, &want));
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
}

static bool libcrypto_verifies(EVP_PKEY *pkey, const struct bytes *digest, const struct bytes *signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int half = (int)signature->len / 2;
	uint8_t *der = NULL;

	ECDSA_SIG_set0(pair, BN_bin2bn(signature->at, half, NULL), BN_bin2bn(signature->at + half, half, NULL));
	int len = i2d_ECDSA_SIG(pair, &der);
	bool good = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der, (size_t)len, digest->at, digest->len) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static struct bytes sign_by_libcrypto(EVP_PKEY *pkey, const struct bytes *digest, size_t half)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	uint8_t der[256];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	struct bytes signature = {.len = 2 * half};

	CU_ASSERT_FATAL(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &len, digest->at, digest->len) == 1);
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)len);
	CU_ASSERT_FATAL(pair != NULL);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature.at, (int)half);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature.at + half, (int)half);
	ECDSA_SIG_free(pair);
	EVP_PKEY_CTX_free(ctx);
	return signature;
}

/* -- ECDSA ------------------------------------------------------------------------------------- */

static struct bytes digest_of_sample(const char *hash)
{
	struct bytes digest;

	CU_ASSERT(EVP_Q_digest(NULL, hash, NULL, "sample", 6, digest.at, &digest.len) == 1);
	return digest;
}

void suite_ecdsa_known(void)
{
	for (size_t i = 0; i < ARRAY_LEN(ecdsa); i++) {
		const struct curve *curve = &curves[ecdsa[i].curve];
		struct kit_key *key = public_key(curve, ecdsa[i].point);
		struct bytes digest = digest_of_sample(ecdsa[i].hash), signature = bytes_of(ecdsa[i].signature, "");

		CU_ASSERT(verify(CKM_ECDSA, key, &digest, &signature) == HUFU_OK);
		for (size_t at = 0; at < signature.len; at += 5) {
			signature.at[at] ^= 0x40;
			CU_ASSERT(verify(CKM_ECDSA, key, &digest, &signature) == HUFU_ERR_SIGNATURE);
			signature.at[at] ^= 0x40;
		}
		digest.at[0] ^= 1;
		CU_ASSERT(verify(CKM_ECDSA, key, &digest, &signature) == HUFU_ERR_SIGNATURE);
		subject->key_free(key);
	}
}

void suite_ecdsa_sign(void)
{
	static const size_t lens[] = {1, 20, 32, 48, 64, 100};

	for (size_t i = 0; i < ARRAY_LEN(ecdsa); i++) {
		const struct curve *curve = &curves[ecdsa[i].curve];
		struct kit_key *private = private_key(curve, ecdsa[i].d), *public = public_key(curve, ecdsa[i].point);
		struct bytes spki = bytes_of(curve->spki, ecdsa[i].point), pkcs8 = bytes_of(curve->pkcs8, ecdsa[i].d);
		struct bytes first, second, in;
		EVP_PKEY *verifier = libcrypto_public(&spki), *signer = libcrypto_private(&pkcs8);

		for (size_t n = 0; n < ARRAY_LEN(lens); n++) {
			in.len = lens[n];
			fill_pattern(in.at, in.len, n);
			CU_ASSERT(sign(CKM_ECDSA, private, &in, &first) == HUFU_OK && first.len == 2 * curve->len);
			CU_ASSERT(libcrypto_verifies(verifier, &in, &first));
			CU_ASSERT(verify(CKM_ECDSA, public, &in, &first) == HUFU_OK);
			/* k is drawn anew. */
			CU_ASSERT(sign(CKM_ECDSA, private, &in, &second) == HUFU_OK && !same(&first, &second));
			second = sign_by_libcrypto(signer, &in, curve->len);
			CU_ASSERT(verify(CKM_ECDSA, public, &in, &second) == HUFU_OK);
		}
		in.len = 0;
		CU_ASSERT(sign(CKM_ECDSA, private, &in, &first) == HUFU_ERR_DATA_LEN);
		EVP_PKEY_free(verifier);
		EVP_PKEY_free(signer);
		subject->key_free(private);
		subject->key_free(public);
	}
}

#define P256_N "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define P256_N_MINUS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define ZERO_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE_32 "0000000000000000000000000000000000000000000000000000000000000001"

/* FIPS 186-5 6.4.2 step 6: with the key 1, the digest 1 and r = -1, what should be a point is the identity. */
static void refuse_identity(void)
{
	struct kit_key *key = public_key(&curves[ON_P256], "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
	                                                   "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5");
	struct bytes digest = bytes_of(ONE_32, ""), signature = bytes_of(P256_N_MINUS_1, ONE_32);

	CU_ASSERT(verify(CKM_ECDSA, key, &digest, &signature) == HUFU_ERR_SIGNATURE);
	subject->key_free(key);
}

void suite_ecdsa_refuses(void)
{
	/* FIPS 186-5 6.4.2: r and s lie in [1, n-1]. */
	static const char *const bad[] = {ZERO_32 ZERO_32, ZERO_32 ONE_32, ONE_32 ZERO_32, P256_N ONE_32, ONE_32 P256_N,
	                                  P256_N_MINUS_1 P256_N_MINUS_1};
	struct kit_key *key = public_key(&curves[ON_P256], ecdsa[0].point), *private = private_key(&curves[ON_P256], ecdsa[0].d);
	struct bytes digest = digest_of_sample("SHA256"), signature = bytes_of(ecdsa[0].signature, ""), out;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bytes tried = bytes_of(bad[i], "");
		CU_ASSERT(verify(CKM_ECDSA, key, &digest, &tried) == HUFU_ERR_SIGNATURE);
	}
	for (size_t len = 0; len <= 140; len++) {
		struct bytes tried = signature;
		tried.len = len;
		if (len != 64)
			CU_ASSERT(verify(CKM_ECDSA, key, &digest, &tried) == HUFU_ERR_SIGNATURE_LEN);
	}
	CU_ASSERT(sign(CKM_ECDSA, key, &digest, &out) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(verify(CKM_ECDSA, private, &digest, &signature) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(verify(CKM_EDDSA, key, &digest, &signature) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(sign(CKM_EDDSA, private, &digest, &out) == HUFU_ERR_KEY_TYPE);
	digest.len = 0;
	CU_ASSERT(verify(CKM_ECDSA, key, &digest, &signature) == HUFU_ERR_DATA_LEN);
	subject->key_free(key);
	subject->key_free(private);
	refuse_identity();
}

/* -- EdDSA ------------------------------------------------------------------------------------- */

void suite_eddsa_known(void)
{
	for (size_t i = 0; i < ARRAY_LEN(eddsa); i++) {
		const struct curve *curve = &curves[eddsa[i].curve];
		struct kit_key *private = private_key(curve, eddsa[i].secret), *public = public_key(curve, eddsa[i].public);
		struct bytes message = bytes_of(eddsa[i].message, ""), want = bytes_of(eddsa[i].signature, ""), made;

		CU_ASSERT(sign(CKM_EDDSA, private, &message, &made) == HUFU_OK && same(&made, &want));
		CU_ASSERT(verify(CKM_EDDSA, public, &message, &want) == HUFU_OK);
		for (size_t at = 0; at < want.len; at += 3) {
			want.at[at] ^= 0x04;
			CU_ASSERT(verify(CKM_EDDSA, public, &message, &want) == HUFU_ERR_SIGNATURE);
			want.at[at] ^= 0x04;
		}
		message.at[message.len++] = 0;
		CU_ASSERT(verify(CKM_EDDSA, public, &message, &want) == HUFU_ERR_SIGNATURE);
		want.len--;
		CU_ASSERT(verify(CKM_EDDSA, public, &message, &want) == HUFU_ERR_SIGNATURE_LEN);
		want.len = 0;
		CU_ASSERT(verify(CKM_EDDSA, public, &message, &want) == HUFU_ERR_SIGNATURE_LEN);
		CU_ASSERT(sign(CKM_EDDSA, public, &message, &made) == HUFU_ERR_KEY_TYPE);
		CU_ASSERT(sign(CKM_ECDSA, private, &message, &made) == HUFU_ERR_KEY_TYPE);
		subject->key_free(private);
		subject->key_free(public);
	}
}

void suite_eddsa_long(void)
{
	static uint8_t message[5000];
	struct output out;

	fill_pattern(message, sizeof(message), 5);
	for (int c = ON_ED25519; c <= ON_ED448; c++) {
		struct kit_key *private = private_key(&curves[c], secret_of(c));
		struct bytes pkcs8 = bytes_of(curves[c].pkcs8, secret_of(c));
		EVP_PKEY *pkey = libcrypto_private(&pkcs8);
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_EDDSA, .in = message, .in_len = sizeof(message)};

		CU_ASSERT(run_checked(&op, private, &out) == HUFU_OK);
		CU_ASSERT(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		          EVP_DigestVerify(ctx, out.bytes, op.out_len, message, sizeof(message)) == 1);
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_free(pkey);
		subject->key_free(private);
	}
}

/* -- agreement --------------------------------------------------------------------------------- */

void suite_ecdh_known(void)
{
	for (size_t i = 0; i < ARRAY_LEN(agreements); i++) {
		const struct curve *curve = &curves[agreements[i].curve];
		struct kit_key *key = private_key(curve, agreements[i].secret);
		struct bytes peer = bytes_of(agreements[i].peer, ""), want = bytes_of(agreements[i].shared, ""), shared;
		enum hufu_err cofactor = curve->type == HUFU_KEY_EC_PRIVATE ? HUFU_OK : HUFU_ERR_KEY_TYPE;

		CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &peer, &shared) == HUFU_OK && same(&shared, &want));
		CU_ASSERT(agree(CKM_ECDH1_COFACTOR_DERIVE, key, &peer, &shared) == cofactor);
		if (cofactor == HUFU_OK)
			CU_ASSERT(same(&shared, &want));
		for (size_t len = 0; len < 2 * curve->public_len; len += 1 + (len == curve->public_len)) {
			struct bytes tried = peer;
			tried.len = len;
			if (len != curve->public_len)
				CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &tried, &shared) == HUFU_ERR_PARAM);
		}
		subject->key_free(key);
	}
}

void suite_ecdh_refuses(void)
{
	for (size_t i = 0; i < 3; i++) {
		const struct curve *curve = &curves[agreements[i].curve];
		struct kit_key *key = private_key(curve, agreements[i].secret);
		struct bytes peer = bytes_of(agreements[i].peer, ""), zero = {.len = peer.len}, shared;

		memset(zero.at, 0, sizeof(zero.at));
		peer.at[peer.len - 1] ^= 1; /* off the curve */
		CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &peer, &shared) == HUFU_ERR_PARAM);
		CU_ASSERT(agree(CKM_ECDH1_COFACTOR_DERIVE, key, &peer, &shared) == HUFU_ERR_PARAM);
		peer.at[peer.len - 1] ^= 1;
		for (int form = 0; form < 256; form++) {
			peer.at[0] = (uint8_t)form;
			if (form != 4)
				CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &peer, &shared) == HUFU_ERR_PARAM);
		}
		peer.at[0] = 4;
		memset(peer.at + 1, 0xff, curve->len); /* a coordinate is below p */
		CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &peer, &shared) == HUFU_ERR_PARAM);
		zero.at[0] = 4;
		CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &zero, &shared) == HUFU_ERR_PARAM);
		zero.at[0] = 0;
		zero.len = 1; /* infinity */
		CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &zero, &shared) == HUFU_ERR_PARAM);
		subject->key_free(key);
	}
}

/* The u of small order, on the curves and their twists: 0, 1, two of order 8, p - 1; then p and p + 1, which are not canonical. */
static const struct {
	int curve;
	const char *u;
} small[] = {
	{ON_X25519, ZERO_32},
	{ON_X25519, "0100000000000000000000000000000000000000000000000000000000000000"},
	{ON_X25519, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"},
	{ON_X25519, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"},
	{ON_X25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{ON_X25519, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{ON_X25519, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{ON_X448, ZERO_32 "000000000000000000000000000000000000000000000000"},
	{ON_X448, "01" ZERO_32 "0000000000000000000000000000000000000000000000"},
	{ON_X448,
	 "fefffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
};

void suite_montgomery_refuses(void)
{
	struct bytes shared;

	for (size_t i = 0; i < ARRAY_LEN(small); i++) {
		struct kit_key *key = private_key(&curves[small[i].curve], secret_of(small[i].curve));
		struct bytes peer = bytes_of(small[i].u, "");

		CU_ASSERT(peer.len == curves[small[i].curve].len);
		CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &peer, &shared) == HUFU_ERR_PARAM);
		subject->key_free(key);
	}
	struct kit_key *edwards = private_key(&curves[ON_ED25519], secret_of(ON_ED25519));
	struct kit_key *public = public_key(&curves[ON_X25519], agreements[3].peer);
	struct bytes peer = bytes_of(agreements[3].peer, "");
	struct hufu_op op = {.verb = HUFU_VERB_DERIVE, .mechanism = CKM_ECDH1_DERIVE};
	struct output out;
	CU_ASSERT(agree(CKM_ECDH1_DERIVE, edwards, &peer, &shared) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(agree(CKM_ECDH1_DERIVE, public, &peer, &shared) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(agree(CKM_ECDH1_DERIVE, NULL, &peer, &shared) == HUFU_ERR_ARGUMENT);
	CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_ERR_ARGUMENT);
	subject->key_free(edwards);
	subject->key_free(public);
}

/* -- pairs ------------------------------------------------------------------------------------- */

void suite_ec_generate(void)
{
	struct bytes before = {.len = 0}, private, public;

	for (int c = 0; c < NCURVES; c++)
		for (int i = 0; i < 3; i++) {
			CU_ASSERT(generate(&curves[c], &private, &public) == HUFU_OK);
			check_forms(&private, &public);
			CU_ASSERT(!same(&before, &private));
			before = private;
		}
}

void suite_ec_generate_refuses(void)
{
	static const char *const oids[] = {"",        "06",           "0600",        "06052b8104000a" /* secp256k1 */,
	                                   P256 "00", "06052b810400", "0a2b81040022"};
	struct bytes private, public;
	struct output out;

	for (size_t i = 0; i < ARRAY_LEN(oids); i++)
		for (int c = 0; c < NCURVES; c++) {
			struct curve tried = curves[c];
			tried.oid = oids[i];
			CU_ASSERT(generate(&tried, &private, &public) == HUFU_ERR_PARAM);
		}
	/* A curve of one family is none of another's. */
	struct curve mixed = curves[ON_P256];
	mixed.oid = curves[ON_ED25519].oid;
	CU_ASSERT(generate(&mixed, &private, &public) == HUFU_ERR_PARAM);
	mixed = curves[ON_ED25519];
	mixed.oid = curves[ON_X25519].oid;
	CU_ASSERT(generate(&mixed, &private, &public) == HUFU_ERR_PARAM);
	mixed = curves[ON_P256];
	mixed.type = HUFU_KEY_EDWARDS_PRIVATE;
	CU_ASSERT(generate(&mixed, &private, &public) == HUFU_ERR_KEY_TYPE);
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_EC_KEY_PAIR_GEN, .new_type = HUFU_KEY_EC_PRIVATE};
	CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_ERR_PARAM);
}

/* -- import ------------------------------------------------------------------------------------ */

void suite_ec_import(void)
{
	for (int c = 0; c < NCURVES; c++) {
		struct bytes der = bytes_of(curves[c].pkcs8, secret_of(c)), copy, public, again, same_public, spki;

		CU_ASSERT(import(curves[c].type, &der, &copy, &public) == HUFU_OK);
		check_forms(&copy, &public);
		/* What is complete is taken as it is. */
		CU_ASSERT(import(curves[c].type, &copy, &again, &same_public) == HUFU_OK);
		CU_ASSERT(same(&again, &copy) && same(&same_public, &public));
		CU_ASSERT(import(public_type(&curves[c]), &public, &spki, &same_public) == HUFU_OK);
		CU_ASSERT(same(&spki, &public) && same(&same_public, &public));
		/* Nothing may be missing, or behind. */
		for (size_t len = 0; len < copy.len; len++) {
			struct bytes cut = copy;
			cut.len = len;
			CU_ASSERT(import(curves[c].type, &cut, &again, &spki) != HUFU_OK);
		}
		copy.at[copy.len++] = 0;
		CU_ASSERT(import(curves[c].type, &copy, &again, &spki) == HUFU_ERR_KEY_VALUE);
		public.at[public.len++] = 0;
		CU_ASSERT(import(public_type(&curves[c]), &public, &again, &spki) == HUFU_ERR_KEY_VALUE);
	}
}

/* Every byte of a form matters, or is key: turned over, it is another key in the same form, or refused. */
void suite_ec_import_garbled(void)
{
	for (int c = 0; c < NCURVES; c++) {
		struct bytes der = bytes_of(curves[c].pkcs8, secret_of(c)), copy, public, again, other;

		CU_ASSERT_FATAL(import(curves[c].type, &der, &copy, &public) == HUFU_OK);
		for (size_t i = 0; i < der.len; i++) {
			der.at[i] ^= 0x81;
			enum hufu_err err = import(curves[c].type, &der, &again, &other);
			CU_ASSERT(err == HUFU_ERR_KEY_VALUE || (err == HUFU_OK && i >= der.len - curves[c].len));
			if (err == HUFU_OK)
				check_forms(&again, &other);
			der.at[i] ^= 0x81;
		}
		for (size_t i = 0; curves[c].type == HUFU_KEY_EC_PRIVATE && i < copy.len; i++) {
			copy.at[i] ^= 0x01;
			CU_ASSERT(import(curves[c].type, &copy, &again, &other) == HUFU_ERR_KEY_VALUE);
			copy.at[i] ^= 0x01;
		}
	}
}

void suite_ec_import_scalars(void)
{
	const struct curve *p256 = &curves[ON_P256];
	struct bytes der, copy, public;

	CU_ASSERT(import_refused(p256->type, p256->pkcs8, ZERO_32) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(p256->type, p256->pkcs8, P256_N) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(p256->type, p256->pkcs8, "ffffffff" "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff") ==
	          HUFU_ERR_KEY_VALUE);
	der = bytes_of(p256->pkcs8, P256_N_MINUS_1);
	CU_ASSERT(import(p256->type, &der, &copy, &public) == HUFU_OK);
	check_forms(&copy, &public);
	der = bytes_of(p256->pkcs8, ONE_32);
	CU_ASSERT(import(p256->type, &der, &copy, &public) == HUFU_OK);
	/* Written without its leading zeros, it is the same key. */
	struct bytes brief = bytes_of("30220201003013" EC P256 "0408300602010104" "01", "01"), full;
	CU_ASSERT(import(p256->type, &brief, &full, &public) == HUFU_OK && same(&full, &copy));
	/* A scalar of 0 bytes, or of 33. */
	CU_ASSERT(import_refused(p256->type, "30210201003013" EC P256 "04073005020101040000", "") == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(p256->type, "30420201003013" EC P256 "042830260201010421" "00", ONE_32) == HUFU_ERR_KEY_VALUE);
}

void suite_ec_import_forms(void)
{
	const struct curve *p256 = &curves[ON_P256], *ed = &curves[ON_ED25519];
	struct bytes der, copy, public;

	/* Lengths in more bytes than they take (X.690 10.1), or of no end (8.1.3.6). */
	CU_ASSERT(import_refused(ed->type, "30812e020100300506032b657004220420", eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(ed->type, "3082002e020100300506032b657004220420", eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(ed->type, "3080020100300506032b657004220420", eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	/* RFC 5958: version 0 and 1 only; RFC 8410 3: no parameters, not even NULL. */
	CU_ASSERT(import_refused(ed->type, "302e020102300506032b657004220420", eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(ed->type, "3030020100300706032b6570050004220420", eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	/* RFC 5958: attributes are dropped, a public key of version 1 is checked. */
	der = bytes_of("3050020101300506032b657004220420" "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60" "a000"
	               "812100", eddsa[0].public);
	der.at[1] = (uint8_t)(der.len - 2);
	CU_ASSERT(import(ed->type, &der, &copy, &public) == HUFU_OK);
	check_forms(&copy, &public);
	der.at[der.len - 1] ^= 1;
	CU_ASSERT(import(ed->type, &der, &copy, &public) == HUFU_ERR_KEY_VALUE);
	der.at[der.len - 1] ^= 1;
	der.at[4] = 0;
	CU_ASSERT(import(ed->type, &der, &copy, &public) == HUFU_ERR_KEY_VALUE);
	/* RFC 5915: the parameters inside name the same curve. */
	der = bytes_of("304d0201003013" EC P256 "04333031020101" "0420", ONE_32 "a00a" P256);
	CU_ASSERT(import(p256->type, &der, &copy, &public) == HUFU_OK);
	CU_ASSERT(import_refused(p256->type, "304a0201003013" EC P256 "0430302e020101" "0420", ONE_32 "a007" P384) ==
	          HUFU_ERR_KEY_VALUE);
	/* RFC 5480 2.1.1: curves are named; here the NULL of an implicit one. secp256k1 is no curve of ours. */
	CU_ASSERT(import_refused(p256->type, "3039020100300b" EC "0500" "042730250201010420", ONE_32) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(p256->type, "303e0201003010" EC "06052b8104000a" "042730250201010420", ONE_32) ==
	          HUFU_ERR_KEY_VALUE);
	/* A form of one family under the type of another. */
	CU_ASSERT(import_refused(HUFU_KEY_MONTGOMERY_PRIVATE, ed->pkcs8, eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(HUFU_KEY_EC_PRIVATE, ed->pkcs8, eddsa[0].secret) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(HUFU_KEY_EC_PUBLIC, p256->pkcs8, ONE_32) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(import_refused(HUFU_KEY_EDWARDS_PUBLIC, curves[ON_X25519].spki, eddsa[0].public) == HUFU_ERR_KEY_VALUE);
}

/* Parameters in full, as libcrypto writes them when asked: whoever chooses the generator owns the key. */
void suite_ec_import_explicit(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	struct bytes der, copy, public;

	CU_ASSERT_FATAL(pkey != NULL && EVP_PKEY_set_utf8_string_param(pkey, "encoding", "explicit") == 1);
	der = pkcs8_by_libcrypto(pkey);
	CU_ASSERT(der.len > 200 && import(HUFU_KEY_EC_PRIVATE, &der, &copy, &public) == HUFU_ERR_KEY_VALUE);
	der = spki_by_libcrypto(pkey);
	CU_ASSERT(der.len > 200 && import(HUFU_KEY_EC_PUBLIC, &der, &copy, &public) == HUFU_ERR_KEY_VALUE);
	EVP_PKEY_free(pkey);
}

void suite_ec_import_points(void)
{
	const struct curve *p256 = &curves[ON_P256];
	struct bytes want = bytes_of(p256->spki, ecdsa[0].point), copy, public, tried;

	/* The y of this point is odd. */
	tried = bytes_of("30393013" EC P256 "032200" "03", "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6");
	CU_ASSERT(import(HUFU_KEY_EC_PUBLIC, &tried, &copy, &public) == HUFU_OK && same(&copy, &want) && same(&public, &want));
	tried = want;
	tried.at[tried.len - 1] ^= 1;
	CU_ASSERT(import(HUFU_KEY_EC_PUBLIC, &tried, &copy, &public) == HUFU_ERR_KEY_VALUE);
	for (int form = 0; form < 256; form++) {
		tried = want;
		tried.at[tried.len - 65] = (uint8_t)form; /* X9.62's hybrid form, too, is refused */
		CU_ASSERT(import(HUFU_KEY_EC_PUBLIC, &tried, &copy, &public) == (form == 4 ? HUFU_OK : HUFU_ERR_KEY_VALUE));
	}
	CU_ASSERT(import_refused(HUFU_KEY_EC_PUBLIC, "30193013" EC P256 "030200" "00", "") != HUFU_OK); /* infinity */
	/* A BIT STRING of which 7 bits are unused. */
	CU_ASSERT(import_refused(HUFU_KEY_EC_PUBLIC, "30593013" EC P256 "034207", ecdsa[0].point) == HUFU_ERR_KEY_VALUE);
	struct kit_key *key = public_key(p256, "04" ONE_32 ONE_32);
	struct bytes digest = digest_of_sample("SHA256"), signature = bytes_of(ecdsa[0].signature, "");
	CU_ASSERT(verify(CKM_ECDSA, key, &digest, &signature) == HUFU_ERR_KEY_VALUE);
	subject->key_free(key);
}

/* RFC 8032 5.1.3, 5.2.3. */
void suite_edwards_points(void)
{
	static const struct {
		int curve;
		const char *y;
		enum hufu_err err;
	} points[] = {
		{ON_ED25519, "0200000000000000000000000000000000000000000000000000000000000000", HUFU_ERR_KEY_VALUE}, /* no x */
		{ON_ED25519, "0100000000000000000000000000000000000000000000000000000000000080", HUFU_ERR_KEY_VALUE}, /* -0 */
		{ON_ED25519, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", HUFU_ERR_KEY_VALUE}, /* p */
		{ON_ED25519, "5866666666666666666666666666666666666666666666666666666666666666", HUFU_OK}, /* the base point */
		{ON_ED448,
		 "14fa30f25b790898adc8d74e2c13bdfdc4397ce61cffd33ad7c2a0051e9c7887"
		 "4098a36c7373ea4b62c7c9563720768824bcb66e71463f6900", HUFU_OK},
		{ON_ED448,
		 "14fa30f25b790898adc8d74e2c13bdfdc4397ce61cffd33ad7c2a0051e9c7887"
		 "4098a36c7373ea4b62c7c9563720768824bcb66e71463f6901",
		 HUFU_ERR_KEY_VALUE},
		{ON_ED448, "01" ZERO_32 "0000000000000000000000000000000000000000000000" "80", HUFU_ERR_KEY_VALUE},
		{ON_ED448,
		 "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
		 "ffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
		 HUFU_ERR_KEY_VALUE},
	};
	struct bytes private, public, copy, other;

	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct bytes der = bytes_of(curves[points[i].curve].spki, points[i].y);
		CU_ASSERT(import(HUFU_KEY_EDWARDS_PUBLIC, &der, &copy, &other) == points[i].err);
	}
	/* Every public key that was made is a point; of other bytes about half are. */
	for (int c = ON_ED25519; c <= ON_ED448; c++) {
		unsigned none = 0;
		for (unsigned i = 0; i < 64; i++) {
			CU_ASSERT(generate(&curves[c], &private, &public) == HUFU_OK);
			CU_ASSERT(import(HUFU_KEY_EDWARDS_PUBLIC, &public, &copy, &other) == HUFU_OK && same(&public, &copy));
			public.at[public.len - curves[c].len] ^= 1;
			none += import(HUFU_KEY_EDWARDS_PUBLIC, &public, &copy, &other) == HUFU_ERR_KEY_VALUE;
		}
		CU_ASSERT(none > 4 && none < 60); /* seven standard deviations */
	}
}

/* -- keys in use ------------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	const struct curve *curve;
	struct kit_key *private, *public;
	unsigned wrong;
};

static unsigned sign_and_verify(uint64_t mechanism, struct kit_key *private, struct kit_key *public, uint8_t fill)
{
	uint8_t in[32], out[200];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = mechanism, .in = in, .in_len = 32,
	                     .out = out, .out_cap = sizeof(out)};

	memset(in, fill, sizeof(in));
	if (subject->run(&op, private) != HUFU_OK)
		return 1;
	op = (struct hufu_op){.verb = HUFU_VERB_VERIFY, .mechanism = mechanism, .in = in, .in_len = 32,
	                      .in2 = out, .in2_len = op.out_len};
	return subject->run(&op, public) != HUFU_OK;
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (uint8_t i = 0; i < 40; i++)
		worker->wrong += sign_and_verify(signs_with(worker->curve), worker->private, worker->public, i);
	return NULL;
}

static void make_pair(const struct curve *curve, struct kit_key **private, struct kit_key **public)
{
	struct bytes pkcs8, spki;

	CU_ASSERT_FATAL(generate(curve, &pkcs8, &spki) == HUFU_OK);
	*private = subject->key_new(curve->type, pkcs8.at, pkcs8.len);
	*public = subject->key_new(public_type(curve), spki.at, spki.len);
}

void suite_ec_threads(void)
{
	static const int tried[] = {ON_P256, ON_ED25519};
	struct worker workers[4];
	struct kit_key *private, *public;

	for (size_t c = 0; c < ARRAY_LEN(tried); c++) {
		make_pair(&curves[tried[c]], &private, &public);
		for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
			workers[i] = (struct worker){.curve = &curves[tried[c]], .private = private, .public = public};
			CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
		}
		for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
			pthread_join(workers[i].thread, NULL);
			CU_ASSERT(workers[i].wrong == 0);
		}
		subject->key_free(private);
		subject->key_free(public);
	}
}

static int use_in_child(struct kit_key *const *keys)
{
	struct bytes peer = bytes_of(agreements[3].peer, ""), want = bytes_of(agreements[3].shared, ""), shared;
	unsigned wrong = sign_and_verify(CKM_ECDSA, keys[0], keys[1], 1) + sign_and_verify(CKM_EDDSA, keys[2], keys[3], 1);

	wrong += agree(CKM_ECDH1_DERIVE, keys[4], &peer, &shared) != HUFU_OK || !same(&shared, &want);
	for (int i = 0; i < 5; i++)
		subject->key_free(keys[i]);
	return wrong != 0;
}

void suite_ec_fork(void)
{
	struct kit_key *keys[5];
	int status = -1;

	UNIT_FORKS();
	if (!subject->driver)
		UNIT_SKIP("a pool takes part in forks through the face");
	make_pair(&curves[ON_P256], &keys[0], &keys[1]);
	make_pair(&curves[ON_ED25519], &keys[2], &keys[3]);
	keys[4] = private_key(&curves[ON_X25519], agreements[3].secret);
	CU_ASSERT(sign_and_verify(CKM_ECDSA, keys[0], keys[1], 0) == 0 && sign_and_verify(CKM_EDDSA, keys[2], keys[3], 0) == 0);
	pid_t child = fork();
	if (child == 0)
		_exit(use_in_child(keys));
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CU_ASSERT(sign_and_verify(CKM_ECDSA, keys[0], keys[1], 2) == 0 && sign_and_verify(CKM_EDDSA, keys[2], keys[3], 2) == 0);
	for (int i = 0; i < 5; i++)
		subject->key_free(keys[i]);
}

static enum hufu_err use(struct kit_key *key, const struct curve *curve)
{
	struct bytes in = {.len = curve->len}, out;

	memset(in.at, 9, sizeof(in.at));
	if (curve->type == HUFU_KEY_MONTGOMERY_PRIVATE)
		return agree(CKM_ECDH1_DERIVE, key, &in, &out);
	return sign(signs_with(curve), key, &in, &out);
}

void suite_ec_evict(void)
{
	if (!subject->driver)
		UNIT_SKIP("a device that gives no lease is evicted from later");
	for (int c = 0; c < NCURVES; c++) {
		size_t before = secret_in_use();
		struct kit_key *key = private_key(&curves[c], secret_of(c));

		for (int round = 0; round < 2; round++) {
			struct hufu_op op = {.verb = HUFU_VERB_EVICT};
			CU_ASSERT(use(key, &curves[c]) == HUFU_OK);
			CU_ASSERT(subject->run(&op, key) == HUFU_OK);
		}
		subject->key_free(key);
		CU_ASSERT(secret_in_use() == before);
	}
}

/* The application's errors stand as they stood, whatever failed here. */
void suite_ec_errors(void)
{
	struct kit_key *key = private_key(&curves[ON_P256], secret_of(ON_P256));
	struct kit_key *montgomery = private_key(&curves[ON_X25519], secret_of(ON_X25519));
	struct bytes off = bytes_of("04" ONE_32 ONE_32, ""), zero = bytes_of(ZERO_32, ""), shared;

	ERR_clear_error();
	ERR_raise(ERR_LIB_USER, 77);
	CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &off, &shared) == HUFU_ERR_PARAM);
	CU_ASSERT(agree(CKM_ECDH1_DERIVE, montgomery, &zero, &shared) == HUFU_ERR_PARAM);
	CU_ASSERT(import_refused(HUFU_KEY_EC_PUBLIC, curves[ON_P256].spki, "04" ONE_32 ONE_32) == HUFU_ERR_KEY_VALUE);
	CU_ASSERT(ERR_GET_REASON(ERR_get_error()) == 77);
	CU_ASSERT(ERR_get_error() == 0);
	/* Nor do ours appear where there was none. */
	CU_ASSERT(agree(CKM_ECDH1_DERIVE, key, &off, &shared) == HUFU_ERR_PARAM);
	CU_ASSERT(ERR_get_error() == 0);
	subject->key_free(key);
	subject->key_free(montgomery);
}
