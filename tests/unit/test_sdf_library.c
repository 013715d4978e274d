/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever a vendor's structs, ids, arity and locks are, callers see one
 * library; and one that lies, writes too much or hangs spoils nothing of theirs.
 */
#include "driver/sdf/library.h"

#include "unit.h"

#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "hufu/sdf.h"
#include "sdf_fake.h"
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"
#include "vclock.h"

#define EXTRAS "open = SDF_OpenDeviceEx make_pair = FAKE_MakePair import_pair = FAKE_ImportPair " \
	"generate_pair = SDF_GenerateKeyPair_ECC import_key = SDF_ImportKey "
#define LIMITS "limits { random_max = 100 data_max = 64 }\n"
#define NARROW_IDS "sm4_ecb = 0x2001 sm4_cbc = 0x2002 sm4_cfb = 0x2004 sm4_ofb = 0x2008 sm4_mac = 0x2010 sm4_ctr = 0x2020 " \
	"sm2_sign = 0x20100 sm2_encrypt = 0x20400 kek = 0x2001"

/* Vendors who differ in all that can differ. */
static const struct vendor {
	const char *name, *profile;
	uint32_t sm2_encrypt;
} vendors[] = {
	{"standard", "base = \"gmt0018-2023\"\ncalls { " EXTRAS "internal_decrypt_args = 5 }\n", SGD_SM2_3},
	{"narrow", "base = \"gmt0018-2023\"\nstructs { field_bytes = 32 cipher = length-first cipher_room = 136 rsa_bytes = 512 }\n"
	 "algorithms { " NARROW_IDS " }\ncalls { " EXTRAS "internal_decrypt_args = 6 internal_rsa_args = 7 }\n", 0x20400},
};
#define NVENDORS (sizeof vendors / sizeof vendors[0])
#define STANDARD (&vendors[0])

static char dir[] = "/tmp/hufu-sdf-library-XXXXXX";

/* What a case works with. */
static struct sdf_profile *profile;
static struct sdf_library *library;
static struct sdf_device *device;
static struct sdf_session *session;
static struct fake *fake;
static size_t secret_at_start;   /* what libraries that write late keep */

static void tell(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

/* A copy in a directory of our own: the build tree may be anybody's. */
static char *copy_fake(const char *name, const char *as)
{
	static char path[PATH_MAX];
	char from[PATH_MAX], bytes[4096];
	size_t n;

	snprintf(from, sizeof from, "tests/unit/.libs/sdf_fake_%s.so", name);
	snprintf(path, sizeof path, "%s/%s.so", dir, as);
	if (access(path, F_OK) == 0)
		return path; /* it is loaded */
	FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
	CU_ASSERT_FATAL(in && out);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		CU_ASSERT_FATAL(fwrite(bytes, 1, n, out) == n);
	fclose(in);
	fclose(out);
	chmod(path, 0700);
	return path;
}

static void load(const char *name, const char *as, const char *text)
{
	char why[512] = "";
	CU_ASSERT_FATAL(sdf_profile_parse(text, name, tell, NULL, &profile) == HUFU_OK);
	enum hufu_err err = sdf_library_open(copy_fake(name, as), profile, &library, why, sizeof why);
	if (err != HUFU_OK)
		printf("# %s\n", why);
	CU_ASSERT_FATAL(err == HUFU_OK);
	fake = sdf_library_symbol(library, "fake");
	CU_ASSERT_FATAL(fake != NULL);
	memset((void *)fake, 0, sizeof *fake);
}

static struct sdf_device *open_device(void)
{
	struct sdf_device *made = NULL;
	uint32_t code;
	CU_ASSERT_FATAL(sdf_device_open(library, NULL, 0, &made, &code) == HUFU_OK && code == 0);
	return made;
}

static struct sdf_session *open_session(struct sdf_device *of)
{
	struct sdf_session *made = NULL;
	uint32_t code;
	CU_ASSERT_FATAL(sdf_session_open(of, 0, &made, &code) == HUFU_OK && code == 0);
	return made;
}

static void setup_as(const struct vendor *vendor, const char *as, const char *more)
{
	char text[2048];
	snprintf(text, sizeof text, "%s%s%s", vendor->profile, strstr(more, "limits") ? "" : LIMITS, more);
	load(vendor->name, as, text);
	device = open_device();
	session = open_session(device);
}

static void setup(const struct vendor *vendor)
{
	setup_as(vendor, vendor->name, "");
}

static void teardown(void)
{
	sdf_session_close(session);
	sdf_device_close(device, 0);
	sdf_profile_free(profile);
	CU_ASSERT_EQUAL(fake->sessions, 0);
	CU_ASSERT_EQUAL(fake->devices, 0);
	CU_ASSERT_EQUAL(secret_in_use(), secret_at_start);
}

/* The card's key, computed here. */
static struct sm2_private pair(unsigned index, enum sdf_usage usage)
{
	struct sm2_private key;
	uint8_t d[32] = {0};
	d[31] = (uint8_t)(0x10 * index + usage);
	CU_ASSERT_FATAL(sm2_private_init(&key, d) == SM2_OK);
	return key;
}

static bool verifies(const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64])
{
	struct sm2_public key;
	return sm2_public_init(&key, point) == SM2_OK && sm2_verify(&key, e, sig) == SM2_OK;
}

static const uint8_t digest[32] = "a digest of thirty-two bytes ...";

/* -- what a good library does, in every layout --------------------------------------------------- */

static void test_symbols(void)
{
	for (size_t i = 0; i < NVENDORS; i++) {
		setup(&vendors[i]);
		for (unsigned call = SDF_CAN_RANDOM; call <= SDF_CAN_GENERATE_PAIR; call++)
			if (call != SDF_CAN_AGREE && call != SDF_CAN_FILES)
				CU_ASSERT(sdf_can(library, call));
		CU_ASSERT(!sdf_can(library, SDF_CAN_AGREE));
		CU_ASSERT_PTR_NULL(sdf_library_symbol(library, "SDF_CreateFile"));
		CU_ASSERT_EQUAL(sdf_library_profile(library)->width, profile->width);
		teardown();
	}
}

static void count(void *arg, const char *name, bool there)
{
	unsigned *counts = arg;
	CU_ASSERT(strncmp(name, "SDF_", 4) == 0);
	counts[there]++;
	CU_ASSERT_EQUAL(there, sdf_library_symbol(library, name) != NULL);
}

/* Seven functions: a device all the same. */
static void test_bare(void)
{
	unsigned counts[2] = {0};
	uint8_t out[256], point[64];
	size_t len;
	void *handle;
	load("bare", "bare", "calls { internal_decrypt_args = 5 }");
	device = open_device();
	session = open_session(device);
	sdf_library_symbols(library, count, counts);
	CU_ASSERT_EQUAL(counts[true], 7);
	CU_ASSERT(sdf_can(library, SDF_CAN_RANDOM) && sdf_can(library, SDF_CAN_SIGN_ECC) && sdf_can(library, SDF_CAN_EXPORT_ECC));
	for (unsigned call = SDF_CAN_VERIFY_ECC; call <= SDF_CAN_GENERATE_PAIR; call++)
		CU_ASSERT(!sdf_can(library, call));
	CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, out), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_SIGN, point), HUFU_OK);
	CU_ASSERT(verifies(point, digest, out));
	CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_ENCRYPT, point), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sdf_verify(session, point, digest, out), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sdf_generate_kek(session, 1, 128, out, sizeof out, &len, &handle), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sdf_import_clear(session, out, 16, &handle), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sdf_right_get(session, 1, out, 8), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sdf_hash(session, out, 8, out), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sdf_make_pair(session, 1, SDF_USAGE_SIGN, point), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT(!session->dead);
	teardown();
}

/* The edition of 2012 has no AEAD and no HMAC, and nobody calls what happens to have the name. */
static void test_edition(void)
{
	setup_as(STANDARD, "standard", "edition = 2012\n");
	CU_ASSERT(!sdf_can(library, SDF_CAN_AUTH) && !sdf_can(library, SDF_CAN_HMAC) && sdf_can(library, SDF_CAN_CRYPT));
	teardown();
	setup_as(STANDARD, "standard", "behaviour { macs_in_device = false }\n");
	CU_ASSERT(!sdf_can(library, SDF_CAN_MAC));
	teardown();
	load("standard", "standard", "");
	CU_ASSERT(!sdf_can(library, SDF_CAN_DECRYPT_ECC)); /* of which nobody knows the arguments */
	sdf_profile_free(profile);
}

static void test_info(void)
{
	struct sdf_device_info info;
	for (size_t i = 0; i < NVENDORS; i++) {
		setup(&vendors[i]);
		CU_ASSERT_EQUAL(sdf_info(session, &info), HUFU_OK);
		CU_ASSERT_STRING_EQUAL(info.vendor, "0123456789012345678901234567890123456789");
		CU_ASSERT_STRING_EQUAL(info.model, "Fake? 1");
		CU_ASSERT_STRING_EQUAL(info.serial, "2026112100100042");
		CU_ASSERT_EQUAL(info.standard_version, 18);
		CU_ASSERT_EQUAL(info.asymmetric[1], 256);
		teardown();
	}
}

static void test_random(void)
{
	uint8_t out[250] = {0};
	setup(STANDARD);
	CU_ASSERT_EQUAL(sdf_random(session, out, sizeof out), HUFU_OK);
	CU_ASSERT_EQUAL(fake->longest_random, 100);
	CU_ASSERT(memcmp(out, out + 100, 100) != 0 && memcmp(out + 100, out + 200, 50) != 0);
	CU_ASSERT(out[248] || out[249]);
	CU_ASSERT_EQUAL(sdf_random(session, out, 0), HUFU_OK);
	teardown();
}

static void test_sm2(void)
{
	uint8_t point[64], other[64], sig[64];
	for (size_t i = 0; i < NVENDORS; i++) {
		struct sm2_private key = pair(1, SDF_USAGE_SIGN);
		setup(&vendors[i]);
		CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_SIGN, point), HUFU_OK);
		CU_ASSERT(memcmp(point, key.point, 64) == 0);
		CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_ENCRYPT, other), HUFU_OK);
		key = pair(1, SDF_USAGE_ENCRYPT);
		CU_ASSERT(memcmp(other, key.point, 64) == 0);
		CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), HUFU_OK);
		CU_ASSERT(verifies(point, digest, sig));
		CU_ASSERT_EQUAL(sdf_verify(session, point, digest, sig), HUFU_OK);
		CU_ASSERT_EQUAL(fake->alg, sdf_library_profile(library)->alg[SDF_ALG_SM2_SIGN]);
		CU_ASSERT_EQUAL(sdf_verify_internal(session, 1, digest, sig), HUFU_OK);
		sig[40] ^= 1;
		CU_ASSERT_EQUAL(sdf_verify(session, point, digest, sig), HUFU_ERR_SIGNATURE);
		CU_ASSERT_EQUAL(session->code, SDR_VERIFYERR);
		CU_ASSERT_EQUAL(sdf_verify_internal(session, 1, digest, sig), HUFU_ERR_SIGNATURE);
		CU_ASSERT(!session->dead);
		teardown();
	}
}

static void test_no_key(void)
{
	uint8_t point[64], spki[HUFU_PUB_MAX];
	size_t len;
	setup(STANDARD);
	CU_ASSERT_EQUAL(sdf_export_ecc(session, 4, SDF_USAGE_SIGN, point), HUFU_ERR_NO_KEY);   /* SDR_KEYNOTEXIST */
	CU_ASSERT_EQUAL(sdf_export_ecc(session, 3, SDF_USAGE_SIGN, point), HUFU_ERR_NO_KEY);   /* one of RSA */
	CU_ASSERT_EQUAL(sdf_export_ecc(session, 900, SDF_USAGE_SIGN, point), HUFU_ERR_NO_KEY); /* out of range */
	CU_ASSERT_EQUAL(sdf_export_rsa(session, 1, SDF_USAGE_SIGN, spki, &len), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(sdf_sign(session, 4, digest, point), HUFU_ERR_NO_KEY);
	CU_ASSERT(!session->dead);
	teardown();
}

static void test_sm2_encryption(void)
{
	static const size_t lens[] = {1, 3, 19, 48, 136, 1024};
	uint8_t plain[1024], out[96 + 1024], back[1024], raw[97 + 1024];
	memset(plain, 'p', sizeof plain);
	for (size_t i = 0; i < NVENDORS * 6; i++) {
		struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
		size_t len = lens[i / NVENDORS];
		setup(&vendors[i % NVENDORS]);
		enum hufu_err err = sdf_encrypt_ecc(session, key.point, plain, len, out);
		if (len > 136 && i % NVENDORS == 1) { /* as much as that struct has room for */
			CU_ASSERT_EQUAL(err, HUFU_ERR_UNSUPPORTED);
			CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 96 + len, back), HUFU_ERR_UNSUPPORTED);
			teardown();
			continue;
		}
		CU_ASSERT_EQUAL(err, HUFU_OK);
		CU_ASSERT_EQUAL(fake->alg, vendors[i % NVENDORS].sm2_encrypt);
		raw[0] = 4;
		memcpy(raw + 1, out, 96 + len);
		CU_ASSERT(sm2_decrypt(&key, raw, 97 + len, back) == SM2_OK && memcmp(back, plain, len) == 0);
		memset(back, 0, sizeof back);
		fake->alg = 0;
		CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 96 + len, back), HUFU_OK);
		CU_ASSERT(memcmp(back, plain, len) == 0);
		CU_ASSERT_EQUAL(fake->alg, i % NVENDORS ? vendors[1].sm2_encrypt : 0); /* of five arguments, none is the id */
		teardown();
	}
}

static void test_bad_ciphertexts(void)
{
	uint8_t plain[16] = "sixteen bytes ..", out[112], back[16];
	struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
	setup(STANDARD);
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, plain, 16, out), HUFU_OK);
	out[111] ^= 1;
	CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 112, back), HUFU_ERR_CIPHERTEXT); /* SDR_SKOPERR, and the device is well */
	CU_ASSERT_EQUAL(session->code, SDR_SKOPERR);
	out[63] ^= 1;
	unsigned calls = fake->calls;
	CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 112, back), HUFU_ERR_CIPHERTEXT); /* no card sees such a point */
	CU_ASSERT_EQUAL(fake->calls, calls);
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, out, plain, 16, out), HUFU_ERR_KEY_VALUE);
	CU_ASSERT_EQUAL(sdf_verify(session, out, digest, out), HUFU_ERR_KEY_VALUE);
	CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 96, back), HUFU_ERR_CIPHERTEXT_LEN);
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, plain, 0, out), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(fake->calls, calls);
	CU_ASSERT(!session->dead);
	teardown();
}

static void test_rights(void)
{
	uint8_t sig[64];
	setup(STANDARD);
	fake->needs_right = 1;
	CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), HUFU_ERR_EXPIRED); /* the right is missing: taken, and tried again */
	CU_ASSERT_EQUAL(sdf_right_get(session, 1, (const uint8_t *)"87654321", 8), HUFU_ERR_DENIED); /* never shown again */
	CU_ASSERT_EQUAL(sdf_right_get(session, 1, (const uint8_t *)FAKE_PASSWORD, 8), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_sign(session, 2, digest, sig), HUFU_ERR_EXPIRED);
	CU_ASSERT_EQUAL(sdf_right_release(session, 1), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), HUFU_ERR_EXPIRED);
	CU_ASSERT(!session->dead);
	teardown();
}

static void test_rsa(void)
{
	uint8_t spki[HUFU_PUB_MAX], in[256], out[256];
	size_t len = 0;
	/* RFC 5280 SubjectPublicKeyInfo, RFC 8017 A.1.1: what comes before and after the modulus of 256 bytes. */
	static const uint8_t head[] = {0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
	                               0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01,
	                               0x00, 0xc5};
	static const uint8_t tail[] = {0xc5, 0x02, 0x03, 0x01, 0x00, 0x01};
	memset(in, 7, sizeof in);
	for (size_t i = 0; i < NVENDORS; i++) {
		setup(&vendors[i]);
		CU_ASSERT_EQUAL(sdf_export_rsa(session, 3, SDF_USAGE_SIGN, spki, &len), HUFU_OK);
		CU_ASSERT(len == 294 && memcmp(spki, head, sizeof head) == 0 && memcmp(spki + len - sizeof tail, tail, sizeof tail) == 0);
		CU_ASSERT_EQUAL(sdf_export_rsa(session, 3, SDF_USAGE_ENCRYPT, spki, &len), HUFU_ERR_UNSUPPORTED);
		CU_ASSERT_EQUAL(sdf_rsa_private(session, 3, SDF_USAGE_SIGN, in, 256, out), HUFU_OK);
		CU_ASSERT(out[0] == 0xf8 && out[255] == 0xf8);
		/* The standard's form cannot say which pair is meant. */
		CU_ASSERT_EQUAL(sdf_rsa_private(session, 3, SDF_USAGE_ENCRYPT, in, 256, out), i ? HUFU_OK : HUFU_ERR_UNSUPPORTED);
		CU_ASSERT_EQUAL(fake->usage, i ? 0x10200 : 0);
		fake->len_off = -1;
		CU_ASSERT_EQUAL(sdf_rsa_private(session, 3, SDF_USAGE_SIGN, in, 256, out), HUFU_ERR_CORRUPT);
		fake->off_curve = 1; /* a modulus shorter than its bits */
		CU_ASSERT_EQUAL(sdf_export_rsa(session, 3, SDF_USAGE_SIGN, spki, &len), HUFU_ERR_CORRUPT);
		teardown();
	}
}

static void test_pairs(void)
{
	uint8_t point[64], d[32] = {0}, got[32];
	struct sm2_private key = pair(1, SDF_USAGE_SIGN);
	d[31] = 77;
	for (size_t i = 0; i < NVENDORS; i++) {
		setup(&vendors[i]);
		CU_ASSERT_EQUAL(sdf_make_pair(session, 8, SDF_USAGE_SIGN, point), HUFU_OK);
		CU_ASSERT(memcmp(point, key.point, 64) == 0 && fake->usage == 1);
		CU_ASSERT(sdf_make_pair(session, 1, SDF_USAGE_SIGN, point) != HUFU_OK);
		CU_ASSERT_EQUAL(sdf_import_pair(session, 9, SDF_USAGE_ENCRYPT, d), HUFU_OK);
		CU_ASSERT_EQUAL(fake->usage, 2);
		CU_ASSERT(sdf_import_pair(session, 1, SDF_USAGE_ENCRYPT, d) != HUFU_OK);
		CU_ASSERT_EQUAL(sdf_generate_pair(session, SDF_USAGE_ENCRYPT, got, point), HUFU_OK);
		CU_ASSERT(memcmp(got, d, 32) == 0 && fake->alg == vendors[i].sm2_encrypt);
		teardown();
	}
}

/* -- symmetric keys --------------------------------------------------------------------------------- */

/* GB/T 32907-2016 A.1. */
static const uint8_t vector[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t encrypted[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};

static void test_handles(void)
{
	uint8_t wrapped[256], out[16], again[16];
	size_t len = 0;
	void *handle, *other;
	for (size_t i = 0; i < NVENDORS; i++) {
		setup(&vendors[i]);
		CU_ASSERT_EQUAL(sdf_import_clear(session, vector, 16, &handle), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_ECB, true, NULL, vector, 16, out), HUFU_OK);
		CU_ASSERT(memcmp(out, encrypted, 16) == 0);
		sdf_destroy_key(session, handle);
		CU_ASSERT_EQUAL(sdf_generate_kek(session, 1, 128, wrapped, sizeof wrapped, &len, &handle), HUFU_OK);
		CU_ASSERT_EQUAL(len, 16);
		CU_ASSERT_EQUAL(sdf_import_kek(session, 1, wrapped, len, &other), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_ECB, true, NULL, vector, 16, out), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_crypt(session, other, SDF_ALG_SM4_ECB, false, NULL, out, 16, again), HUFU_OK);
		CU_ASSERT(memcmp(again, vector, 16) == 0);
		sdf_destroy_key(session, handle);
		sdf_destroy_key(session, other);
		CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, wrapped, sizeof wrapped, &len, &handle), HUFU_OK);
		CU_ASSERT_EQUAL(len, 96 + 16);
		CU_ASSERT_EQUAL(sdf_import_isk(session, 2, wrapped, len, &other), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_ECB, true, NULL, vector, 16, out), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_crypt(session, other, SDF_ALG_SM4_ECB, true, NULL, vector, 16, again), HUFU_OK);
		CU_ASSERT(memcmp(again, out, 16) == 0);
		sdf_destroy_key(session, other);
		CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, wrapped, 100, &len, &other), HUFU_ERR_BUFFER);
		wrapped[100] ^= 1;
		CU_ASSERT_EQUAL(sdf_import_isk(session, 2, wrapped, 112, &other), HUFU_ERR_CIPHERTEXT);
		CU_ASSERT_EQUAL(sdf_import_kek(session, 2, wrapped, 16, &other), HUFU_ERR_NO_KEY);
		sdf_destroy_key(session, handle);
		CU_ASSERT_EQUAL(fake->handles, 0);
		teardown();
	}
}

/* 200 bytes in calls of 64, against the same in one. */
static void one_mode(void *handle, const struct sm4_key *key, enum sdf_alg alg, size_t len)
{
	uint8_t in[200], out[200], expected[200], iv[16], ours[16];
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 7);
	memset(iv, 0xff, 16); /* a counter that overflows */
	memcpy(ours, iv, 16);
	if (alg == SDF_ALG_SM4_ECB)
		sm4_ecb_encrypt(key, in, expected, len / 16);
	else if (alg == SDF_ALG_SM4_CBC)
		sm4_cbc_encrypt(key, ours, in, expected, len / 16);
	else if (alg == SDF_ALG_SM4_CFB)
		sm4_cfb128_encrypt(key, ours, in, expected, len);
	else if (alg == SDF_ALG_SM4_OFB)
		sm4_ofb(key, ours, in, expected, len);
	else
		sm4_ctr(key, ours, 128, in, expected, len);
	uint8_t *vec = alg == SDF_ALG_SM4_ECB ? NULL : iv;
	CU_ASSERT_EQUAL(sdf_crypt(session, handle, alg, true, vec, in, len, out), HUFU_OK);
	CU_ASSERT(memcmp(out, expected, len) == 0);
	if (vec && len % 16 == 0)
		CU_ASSERT(memcmp(iv, ours, 16) == 0);
	memset(iv, 0xff, 16);
	CU_ASSERT_EQUAL(sdf_crypt(session, handle, alg, false, vec, out, len, out), HUFU_OK); /* in place */
	CU_ASSERT(memcmp(out, in, len) == 0);
	if (vec && len % 16 == 0)
		CU_ASSERT(memcmp(iv, ours, 16) == 0);
}

static void test_modes(void)
{
	static const enum sdf_alg algs[] = {SDF_ALG_SM4_ECB, SDF_ALG_SM4_CBC, SDF_ALG_SM4_CFB, SDF_ALG_SM4_OFB, SDF_ALG_SM4_CTR};
	struct sm4_key key;
	void *handle;
	sm4_key_init(&key, vector);
	for (size_t i = 0; i < NVENDORS * 2; i++) {
		setup(&vendors[i / 2]);
		fake->keep_iv = i % 2; /* whether the library writes the IV is all the same */
		CU_ASSERT_EQUAL_FATAL(sdf_import_clear(session, vector, 16, &handle), HUFU_OK);
		for (size_t j = 0; j < sizeof algs / sizeof algs[0]; j++) {
			one_mode(handle, &key, algs[j], 192);
			one_mode(handle, &key, algs[j], 16);
			if (j >= 2)
				one_mode(handle, &key, algs[j], 197);
		}
		CU_ASSERT_EQUAL(fake->longest_data, 64);
		uint8_t out[16];
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_ECB, true, NULL, vector, 15, out), HUFU_ERR_DATA_LEN);
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_ZUC_EEA3, true, out, vector, 16, out), HUFU_ERR_UNSUPPORTED);
		sdf_destroy_key(session, handle);
		teardown();
	}
}

static void test_macs(void)
{
	uint8_t data[160], mac[32], expected[32], iv[16] = {0};
	struct sm4_key key;
	struct sm3_hmac_key hmac;
	void *handle;
	memset(data, 'm', sizeof data);
	sm4_key_init(&key, vector);
	sm3_hmac_key_init(&hmac, vector, 16);
	for (size_t i = 0; i < NVENDORS; i++) {
		setup(&vendors[i]);
		CU_ASSERT_EQUAL_FATAL(sdf_import_clear(session, vector, 16, &handle), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_mac(session, handle, SDF_ALG_SM4_MAC, iv, data, 160, mac), HUFU_OK);
		memset(expected, 0, 16);
		sm4_cbc_mac(&key, expected, data, 10);
		CU_ASSERT(memcmp(mac, expected, 16) == 0);
		CU_ASSERT_EQUAL(sdf_mac(session, handle, SDF_ALG_SM4_MAC, iv, data, 15, mac), HUFU_ERR_DATA_LEN);
		CU_ASSERT_EQUAL(sdf_hmac(session, handle, data, 150, mac), HUFU_OK);
		sm3_hmac(&hmac, data, 150, expected);
		CU_ASSERT(memcmp(mac, expected, 32) == 0);
		CU_ASSERT_EQUAL(sdf_hash(session, data, 150, mac), HUFU_OK);
		sm3(data, 150, expected);
		CU_ASSERT(memcmp(mac, expected, 32) == 0);
		CU_ASSERT_EQUAL(sdf_hash(session, data, 0, mac), HUFU_OK);
		sm3(data, 0, expected);
		CU_ASSERT(memcmp(mac, expected, 32) == 0);
		CU_ASSERT_EQUAL(fake->longest_data, 64);
		sdf_destroy_key(session, handle);
		teardown();
	}
}

static void test_aead(void)
{
	uint8_t text[64], out[64], tag[16], iv[12] = {1}, aad[100] = {2}, expected[64], expected_tag[16];
	struct sm4_key key;
	void *handle;
	memset(text, 't', sizeof text);
	sm4_key_init(&key, vector);
	setup(STANDARD);
	CU_ASSERT_EQUAL_FATAL(sdf_import_clear(session, vector, 16, &handle), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_auth_encrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, aad, 100, text, 64, out, tag, 16), HUFU_OK);
	CU_ASSERT(sm4_gcm_seal(&key, iv, 12, aad, 100, text, 64, expected, expected_tag, 16));
	CU_ASSERT(memcmp(out, expected, 64) == 0 && memcmp(tag, expected_tag, 16) == 0 && fake->alg == SGD_SM4_GCM);
	CU_ASSERT_EQUAL(sdf_auth_decrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, aad, 100, out, 64, tag, 16, out), HUFU_OK);
	CU_ASSERT(memcmp(out, text, 64) == 0);
	tag[0] ^= 1;
	CU_ASSERT_EQUAL(sdf_auth_decrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, aad, 100, expected, 64, tag, 16, out),
	                HUFU_ERR_CIPHERTEXT); /* SDR_MACERR */
	CU_ASSERT(memcmp(out, text, 64) == 0); /* nothing was released */
	CU_ASSERT_EQUAL(sdf_auth_encrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, NULL, 0, NULL, 0, out, tag, 16), HUFU_OK);
	CU_ASSERT(sm4_gcm_seal(&key, iv, 12, NULL, 0, NULL, 0, expected, expected_tag, 16));
	CU_ASSERT(memcmp(tag, expected_tag, 16) == 0);
	CU_ASSERT_EQUAL(sdf_auth_encrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, aad, 100, text, 65, out, tag, 16),
	                HUFU_ERR_UNSUPPORTED);
	sdf_destroy_key(session, handle);
	teardown();
}

/* -- libraries that lie ------------------------------------------------------------------------------------ */

static void test_lying_lengths(void)
{
	static const int offs[] = {1, -1, 100000};
	uint8_t out[512], iv[16] = {0};
	size_t len;
	void *handle, *other;
	struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
	for (size_t i = 0; i < sizeof offs / sizeof offs[0]; i++) {
		setup(STANDARD);
		CU_ASSERT_EQUAL_FATAL(sdf_import_clear(session, vector, 16, &handle), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), HUFU_OK);
		fake->len_off = offs[i];
		CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 112, out + 256), HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_CBC, true, iv, vector, 16, out), HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(sdf_mac(session, handle, SDF_ALG_SM4_MAC, iv, vector, 16, out), HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(sdf_auth_encrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, NULL, 0, vector, 16, out, out + 32, 16),
		                HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, out, sizeof out, &len, &other), HUFU_ERR_CORRUPT);
		if (offs[i] != 1) { /* a byte more may be the vendor's way of wrapping */
			CU_ASSERT_EQUAL(sdf_generate_kek(session, 1, 128, out, sizeof out, &len, &other), HUFU_ERR_CORRUPT);
		}
		CU_ASSERT_EQUAL(fake->handles, 1); /* what came with the lie was given back */
		CU_ASSERT_EQUAL(sdf_hash(session, vector, 16, out), HUFU_ERR_CORRUPT);
		CU_ASSERT(session->dead); /* in the middle of something */
		session->dead = false;
		sdf_destroy_key(session, handle);
		teardown();
	}
}
/* SDR_OK, and not a byte of the answer: no zeros are passed off as random numbers, texts or tags. */
static void test_mute(void)
{
	uint8_t sealed[112], out[512], iv[16] = {0}, tag[16] = {0}, number[256] = {1};
	size_t len;
	void *handle, *other;
	struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
	setup(STANDARD);
	CU_ASSERT_EQUAL_FATAL(sdf_import_clear(session, vector, 16, &handle), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, sealed), HUFU_OK);
	fake->mute = 1;
	CU_ASSERT_EQUAL(sdf_random(session, out, 32), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_sign(session, 1, number, out), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, sealed, 112, out), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_rsa_private(session, 3, SDF_USAGE_SIGN, number, 256, out), HUFU_ERR_CORRUPT);
	for (int encrypt = 0; encrypt < 2; encrypt++) {
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_ECB, encrypt, NULL, vector, 16, out), HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_CFB, encrypt, iv, vector, 3, out), HUFU_ERR_CORRUPT);
	}
	CU_ASSERT_EQUAL(sdf_mac(session, handle, SDF_ALG_SM4_MAC, iv, vector, 16, out), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_auth_encrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, NULL, 0, vector, 16, out, tag, 16), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_auth_encrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, NULL, 0, NULL, 0, out, tag, 16), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_auth_decrypt(session, handle, SDF_ALG_SM4_GCM, iv, 12, NULL, 0, vector, 16, tag, 16, out),
	                HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_generate_kek(session, 1, 128, out, sizeof out, &len, &other), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, out, sizeof out, &len, &other), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_hmac(session, handle, vector, 16, out), HUFU_ERR_CORRUPT);
	session->dead = false;
	CU_ASSERT_EQUAL(sdf_hash(session, vector, 16, out), HUFU_ERR_CORRUPT);
	session->dead = false;
	fake->mute = 0;
	sdf_destroy_key(session, handle);
	teardown();
}

static void test_bad_points(void)
{
	uint8_t out[512];
	size_t len;
	void *handle;
	struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
	for (size_t i = 0; i < NVENDORS * 2; i++) {
		setup(&vendors[i / 2]);
		fake->off_curve = i % 2 == 0;
		fake->high_half = i % 2 == 1;
		bool harmless = i % 2 == 1 && i / 2 == 1; /* fields of 32 bytes have no upper half */
		enum hufu_err expected = harmless ? HUFU_OK : HUFU_ERR_CORRUPT;
		CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_SIGN, out), expected);
		CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), expected);
		CU_ASSERT_EQUAL(sdf_generate_pair(session, SDF_USAGE_SIGN, out, out + 32), expected);
		CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, out, sizeof out, &len, &handle), expected);
		CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, out), i % 2 ? expected : HUFU_OK);
		if (harmless)
			sdf_destroy_key(session, handle);
		CU_ASSERT_EQUAL(fake->handles, 0);
		CU_ASSERT(!session->dead);
		teardown();
	}
}

static void test_no_handles(void)
{
	uint8_t out[256];
	size_t len;
	void *handle;
	setup(STANDARD);
	fake->no_handle = 1;
	CU_ASSERT_EQUAL(sdf_import_clear(session, vector, 16, &handle), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_generate_kek(session, 1, 128, out, sizeof out, &len, &handle), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, out, sizeof out, &len, &handle), HUFU_ERR_CORRUPT);
	teardown();
}

static void test_codes(void)
{
	static const struct {
		int code;
		enum hufu_err err;
		bool dead;
	} cases[] = {
		{-1, HUFU_ERR_LOST, true}, {0x7fffffff, HUFU_ERR_LOST, true}, {5, HUFU_ERR_LOST, true},
		{SDR_COMMFAIL, HUFU_ERR_LOST, true}, {SDR_OPENSESSION, HUFU_ERR_GONE, true}, {SDR_NOBUFFER, HUFU_ERR_BUSY, false},
		{SDR_NOTSUPPORT, HUFU_ERR_UNSUPPORTED, false}, {SDR_SIGNERR, HUFU_ERR_CORRUPT, false},
		{SDR_SKOPERR, HUFU_ERR_CORRUPT, false}, {0x01010101, HUFU_ERR_GONE, true}, {0x01010102, HUFU_ERR_BUSY, false},
	};
	uint8_t sig[64];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setup_as(STANDARD, "standard", "error \"VENDOR_CONNECT\" { first = 0x01010101 means = gone session = dead }\n"
		         "error \"VENDOR_BUSY\" { first = 0x01010102 means = busy }\n");
		fake->code = cases[i].code;
		CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), cases[i].err);
		CU_ASSERT_EQUAL(session->code, (uint32_t)cases[i].code);
		CU_ASSERT_EQUAL(session->dead, cases[i].dead);
		unsigned calls = fake->calls;
		fake->code = 0;
		CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), cases[i].dead ? HUFU_ERR_GONE : HUFU_OK);
		CU_ASSERT_EQUAL(fake->calls, calls + !cases[i].dead); /* what is dead is not called */
		teardown();
	}
}

static void test_open_codes(void)
{
	struct sdf_device *none;
	struct sdf_session *no_session;
	uint32_t code;
	setup(STANDARD);
	fake->open_code = -1; /* nothing was done that could be lost */
	CU_ASSERT_EQUAL(sdf_device_open(library, NULL, 0, &none, &code), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(code, UINT32_MAX);
	CU_ASSERT_EQUAL(sdf_session_open(device, 0, &no_session, &code), HUFU_ERR_GONE);
	fake->open_code = SDR_NOBUFFER;
	CU_ASSERT_EQUAL(sdf_session_open(device, 0, &no_session, &code), HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(code, SDR_NOBUFFER);
	fake->open_code = 0;
	teardown();
}

static size_t log_lines(const char *path, const char *with)
{
	char line[1024];
	size_t n = 0;
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		n += strstr(line, with) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* A library that writes 300 bytes too many, everywhere: right answers, a whole heap, and one word in the log. */
static void test_overruns(void)
{
	char log[PATH_MAX], to[PATH_MAX + 8], why[256];
	uint8_t out[512], iv[16] = {0};
	size_t len;
	void *handle;
	struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
	struct sdf_device_info info;
	snprintf(log, sizeof log, "%s/log", dir);
	snprintf(to, sizeof to, "file:%s", log);
	CU_ASSERT_FATAL(log_configure(to, HUFU_LOG_NOTICE, why, sizeof why) == HUFU_OK);
	for (size_t i = 0; i < NVENDORS; i++) {
		char as[32];
		snprintf(as, sizeof as, "%s-overruns", vendors[i].name);
		setup_as(&vendors[i], as, "");
		fake->overrun = 300;
		CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_decrypt_ecc(session, 2, out, 112, out + 256), HUFU_OK);
		CU_ASSERT(memcmp(out + 256, vector, 16) == 0);
		CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_SIGN, out), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, out + 64), HUFU_OK);
		CU_ASSERT(verifies(out, digest, out + 64));
		CU_ASSERT_EQUAL(sdf_info(session, &info), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_random(session, out, 300), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_export_rsa(session, 3, SDF_USAGE_SIGN, (uint8_t[HUFU_PUB_MAX]){0}, &len), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_generate_pair(session, SDF_USAGE_SIGN, out, out + 32), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_generate_ipk(session, 2, 128, out, sizeof out, &len, &handle), HUFU_OK);
		fake->overrun = 200;
		CU_ASSERT_EQUAL(sdf_crypt(session, handle, SDF_ALG_SM4_CBC, true, iv, out, 64, out), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_mac(session, handle, SDF_ALG_SM4_MAC, iv, out, 64, out), HUFU_OK);
		sdf_destroy_key(session, handle);
		teardown();
		CU_ASSERT_EQUAL(log_lines(log, "behind the memory"), i + 1);
	}
	log_close();
	(void)unlink(log);
}

/* GmSSL's ECCCipher is written whole, 255 bytes of C: the profile says so, and nothing is said of it. */
static void test_envelope_max(void)
{
	char log[PATH_MAX], to[PATH_MAX + 8], why[256];
	uint8_t out[128];
	struct sm2_private key = pair(2, SDF_USAGE_ENCRYPT);
	snprintf(log, sizeof log, "%s/log", dir);
	snprintf(to, sizeof to, "file:%s", log);
	CU_ASSERT_FATAL(log_configure(to, HUFU_LOG_NOTICE, why, sizeof why) == HUFU_OK);
	setup_as(STANDARD, "standard-whole", "structs { envelope_max = 255 }\n");
	fake->overrun = 255 - 16;
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), HUFU_OK);
	CU_ASSERT_EQUAL(log_lines(log, "behind the memory"), 0);
	fake->overrun = 255 - 16 + 1;
	CU_ASSERT_EQUAL(sdf_encrypt_ecc(session, key.point, vector, 16, out), HUFU_OK);
	CU_ASSERT_EQUAL(log_lines(log, "behind the memory"), 1);
	teardown();
	log_close();
	(void)unlink(log);
}

/* Memory that such a library may write to yet is nobody else's: only its own sessions get it again, and find it empty. */
static void test_late_writes(void)
{
	uint8_t sig[64], *room;
	setup_as(STANDARD, "standard", "behaviour { late_writes = true }\n");
	CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), HUFU_OK);
	room = session->room;
	sdf_session_close(session);
	size_t kept = secret_in_use();
	CU_ASSERT(kept > 0);
	memset(room, 0x77, 256); /* late */
	session = open_session(device);
	CU_ASSERT_PTR_EQUAL(session->room, room);
	CU_ASSERT_EQUAL(secret_in_use(), kept);
	uint8_t point[64];
	CU_ASSERT_EQUAL(sdf_sign(session, 1, digest, sig), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_export_ecc(session, 1, SDF_USAGE_SIGN, point), HUFU_OK);
	CU_ASSERT(verifies(point, digest, sig));
	/* Of a session that died its library may yet write there: the next has memory of its own. */
	session->dead = true;
	sdf_session_close(session);
	session = open_session(device);
	CU_ASSERT_PTR_NOT_EQUAL(session->room, room);
	sdf_session_close(session);
	kept = secret_in_use();
	sdf_device_close(device, 0);
	sdf_profile_free(profile);
	CU_ASSERT_EQUAL(secret_in_use(), kept);
	secret_at_start = kept;
}

/* -- files, devices and sessions ---------------------------------------------------------------------------- */

static void test_loading(void)
{
	char why[512], path[PATH_MAX];
	struct sdf_library *again, *other;
	struct sdf_profile *changed;
	setup(STANDARD);
	snprintf(path, sizeof path, "%s/../%s/standard.so", dir, strrchr(dir, '/') + 1);
	CU_ASSERT_EQUAL(sdf_library_open(path, profile, &again, why, sizeof why), HUFU_OK);
	CU_ASSERT_PTR_EQUAL(again, library); /* the file, not its name */
	CU_ASSERT(sdf_profile_parse("calls { internal_decrypt_args = 6 }", "other", tell, NULL, &changed) == HUFU_OK);
	CU_ASSERT_EQUAL(sdf_library_open(path, changed, &other, why, sizeof why), HUFU_OK);
	CU_ASSERT(other != library);
	CU_ASSERT_PTR_EQUAL(sdf_library_symbol(other, "fake"), fake); /* loaded once */
	sdf_profile_free(changed);
	CU_ASSERT_EQUAL(sdf_library_profile(other)->decrypt_args, 6); /* a copy */
	CU_ASSERT(sdf_library_open("libsdf.so", profile, &other, why, sizeof why) == HUFU_ERR_CONFIG && strstr(why, "absolute"));
	CU_ASSERT(sdf_library_open("/nowhere/x.so", profile, &other, why, sizeof why) == HUFU_ERR_CONFIG && strstr(why, "not trusted"));
	chmod(copy_fake("standard", "writable"), 0777);
	CU_ASSERT(sdf_library_open(copy_fake("standard", "writable"), profile, &other, why, sizeof why) == HUFU_ERR_CONFIG &&
	          strstr(why, "may be written"));
	snprintf(path, sizeof path, "%s/text.so", dir);
	FILE *f = fopen(path, "w");
	CU_ASSERT(f && fputs("no library\n", f) > 0 && fclose(f) == 0 && chmod(path, 0600) == 0);
	CU_ASSERT(sdf_library_open(path, profile, &other, why, sizeof why) == HUFU_ERR_CONFIG && strstr(why, "cannot be loaded"));
	teardown();
}

static void test_open_config(void)
{
	struct sdf_device *configured;
	struct sdf_library *plain;
	struct sdf_profile *without;
	char why[512];
	uint32_t code;
	setup(STANDARD);
	CU_ASSERT_EQUAL(sdf_device_open(library, "/etc/card.ini", 0, &configured, &code), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(fake->config, "/etc/card.ini");
	CU_ASSERT(configured != device && fake->devices == 2);
	sdf_device_close(configured, 0);
	CU_ASSERT(sdf_profile_parse("", "without", tell, NULL, &without) == HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_library_open(copy_fake("standard", "standard"), without, &plain, why, sizeof why), HUFU_OK);
	CU_ASSERT_EQUAL(sdf_device_open(plain, "/etc/card.ini", 0, &configured, &code), HUFU_ERR_CONFIG);
	sdf_profile_free(without);
	teardown();
}

static void test_device_limit(void)
{
	struct sdf_device *second, *third;
	uint32_t code;
	setup_as(STANDARD, "standard-one", "");
	teardown();
	load("standard", "standard-one", "calls { open = SDF_OpenDeviceEx }\nlimits { devices_max = 1 }\n");
	device = open_device();
	session = open_session(device);
	CU_ASSERT_EQUAL(sdf_device_open(library, NULL, 0, &second, &code), HUFU_OK);
	CU_ASSERT_PTR_EQUAL(second, device); /* shared */
	CU_ASSERT_EQUAL(fake->devices, 1);
	CU_ASSERT_EQUAL(sdf_device_open(library, "/etc/other.ini", 0, &third, &code), HUFU_ERR_BUSY);
	sdf_device_close(second, 0);
	CU_ASSERT_EQUAL(fake->devices, 1);
	sdf_device_close(device, 0); /* a session is open: so is the device, but nobody else gets it */
	CU_ASSERT_EQUAL(fake->devices, 1);
	CU_ASSERT_EQUAL(sdf_device_open(library, NULL, 0, &third, &code), HUFU_ERR_BUSY);
	sdf_session_close(session);
	CU_ASSERT_EQUAL(fake->devices, 0);
	CU_ASSERT_EQUAL(sdf_device_open(library, "/etc/other.ini", 0, &device, &code), HUFU_OK);
	session = open_session(device);
	teardown();
}

static void test_session_limit(void)
{
	struct sdf_session *sessions[3], *fourth;
	uint32_t code;
	setup_as(STANDARD, "standard", "limits { sessions_max = 4 }\n");
	for (size_t i = 0; i < 3; i++)
		sessions[i] = open_session(device);
	CU_ASSERT_EQUAL(sdf_session_open(device, 0, &fourth, &code), HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(fake->sessions, 4);
	sdf_session_close(sessions[2]);
	sessions[2] = open_session(device);
	for (size_t i = 0; i < 3; i++)
		sdf_session_close(sessions[i]);
	teardown();
}

/* -- turns --------------------------------------------------------------------------------------------------- */

static sem_t inside, go_on;

/* Generous: only a failure waits for so long. */
static bool await(sem_t *sem)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	return sem_timedwait(sem, &until) == 0;
}

static void meet(void *arg)
{
	(void)arg;
	sem_post(&inside);
	(void)!await(&go_on);
}

struct caller {
	pthread_t thread;
	struct sdf_session *session;
	enum hufu_err err;
	bool opens;               /* a session instead of signing in one */
};

static void *call(void *arg)
{
	struct caller *c = arg;
	uint8_t sig[64];
	uint32_t code;
	if (!c->opens) {
		c->err = sdf_sign(c->session, 1, digest, sig);
		return NULL;
	}
	c->err = sdf_session_open(device, c->session->deadline_ns, &c->session, &code);
	if (c->err == HUFU_OK)
		sdf_session_close(c->session);
	return NULL;
}

static void start(struct caller *c)
{
	CU_ASSERT_FATAL(pthread_create(&c->thread, NULL, call, c) == 0);
}

static enum hufu_err join(struct caller *c)
{
	pthread_join(c->thread, NULL);
	return c->err;
}

#define DEADLINE (5 * NS_PER_S)

/* One is inside the library; the other, until it leaves, waits for its turn, or does not have to. */
static enum hufu_err beside(struct sdf_session *first, struct sdf_session *second, bool opens, bool waits)
{
	struct caller one = {.session = first}, other = {.session = second, .opens = opens};
	sem_init(&inside, 0, 0);
	sem_init(&go_on, 0, 0);
	vclock_start(NS_PER_S);
	fake->meet = meet;
	start(&one);
	CU_ASSERT(await(&inside));
	fake->meet = NULL;
	second->deadline_ns = DEADLINE;
	start(&other);
	if (waits) {
		CU_ASSERT(vclock_await(DEADLINE));
		vclock_advance(DEADLINE);
	}
	enum hufu_err err = join(&other);
	sem_post(&go_on);
	CU_ASSERT_EQUAL(join(&one), HUFU_OK);
	second->deadline_ns = 0;
	vclock_stop();
	return err;
}

static void test_concurrency(void)
{
	static const struct {
		const char *behaviour;
		bool same_device, other_device, opening; /* may it run beside a call? */
	} cases[] = {
		{"concurrency = sessions", true, true, true},
		{"concurrency = devices", false, true, false},
		{"concurrency = none", false, false, false},
		{"open_exclusive = true", true, true, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[128];
		snprintf(text, sizeof text, "behaviour { %s }\n", cases[i].behaviour);
		setup_as(STANDARD, "standard", text);
		struct sdf_device *other = open_device();
		struct sdf_session *second = open_session(device), *third = open_session(other);
		CU_ASSERT_EQUAL(beside(session, second, false, !cases[i].same_device), cases[i].same_device ? HUFU_OK : HUFU_ERR_BUSY);
		CU_ASSERT_EQUAL(beside(session, third, false, !cases[i].other_device), cases[i].other_device ? HUFU_OK : HUFU_ERR_BUSY);
		CU_ASSERT_EQUAL(beside(session, second, true, !cases[i].opening), cases[i].opening ? HUFU_OK : HUFU_ERR_BUSY);
		CU_ASSERT(!second->dead); /* it did not reach the library */
		uint8_t sig[64];
		CU_ASSERT_EQUAL(sdf_sign(second, 1, digest, sig), HUFU_OK);
		CU_ASSERT_EQUAL(sdf_sign(third, 1, digest, sig), HUFU_OK);
		sdf_session_close(second);
		sdf_session_close(third);
		sdf_device_close(other, 0);
		teardown();
	}
}

/* A thread that wants the library alone is not kept waiting for ever by those who share it. */
static void test_turn_order(void)
{
	setup_as(STANDARD, "standard", "behaviour { open_exclusive = true }\n");
	struct sdf_session *second = open_session(device), *third = open_session(device);
	struct caller one = {.session = session}, opener = {.session = second, .opens = true}, late = {.session = third};
	sem_init(&inside, 0, 0);
	sem_init(&go_on, 0, 0);
	vclock_start(NS_PER_S);
	second->deadline_ns = 20 * NS_PER_S;
	third->deadline_ns = 10 * NS_PER_S;
	fake->meet = meet;
	start(&one);
	CU_ASSERT(await(&inside));
	fake->meet = NULL;
	start(&opener);
	CU_ASSERT(vclock_await(20 * NS_PER_S));
	start(&late);
	CU_ASSERT(vclock_await(NS_PER_S + NS_PER_S / 2)); /* behind the opener, although it could share: for a while */
	sem_post(&go_on);
	CU_ASSERT_EQUAL(join(&one), HUFU_OK);
	CU_ASSERT_EQUAL(join(&opener), HUFU_OK);
	CU_ASSERT_EQUAL(join(&late), HUFU_OK);
	vclock_stop();
	sdf_session_close(second);
	sdf_session_close(third);
	teardown();
}

/* One call hangs, and sessions are opened all the time, which want the library to themselves: the other sessions go on. */
static void test_hung_call(void)
{
	setup_as(STANDARD, "standard", "behaviour { open_exclusive = true }\n");
	struct sdf_session *second = open_session(device), *third = open_session(device);
	struct caller hangs = {.session = session}, opener = {.session = second, .opens = true}, other = {.session = third};
	sem_init(&inside, 0, 0);
	sem_init(&go_on, 0, 0);
	vclock_start(NS_PER_S);
	second->deadline_ns = 20 * NS_PER_S;
	third->deadline_ns = 10 * NS_PER_S;
	fake->meet = meet;
	start(&hangs);
	CU_ASSERT(await(&inside));
	fake->meet = NULL;
	start(&opener);
	CU_ASSERT(vclock_await(20 * NS_PER_S));
	start(&other);
	CU_ASSERT(vclock_await(NS_PER_S + NS_PER_S / 2));
	vclock_advance(NS_PER_S / 2);
	CU_ASSERT_EQUAL(join(&other), HUFU_OK);
	vclock_advance(20 * NS_PER_S);
	CU_ASSERT_EQUAL(join(&opener), HUFU_ERR_BUSY);
	sem_post(&go_on);
	CU_ASSERT_EQUAL(join(&hangs), HUFU_OK);
	vclock_stop();
	sdf_session_close(second);
	sdf_session_close(third);
	teardown();
}

static void *hammer(void *arg)
{
	struct caller *c = arg;
	uint8_t sig[64], point[64];
	c->err = HUFU_OK;
	for (unsigned i = 0; i < 40 && c->err == HUFU_OK; i++) {
		c->err = sdf_sign(c->session, 1, digest, sig);
		if (c->err == HUFU_OK)
			c->err = sdf_export_ecc(c->session, 1, SDF_USAGE_SIGN, point);
		if (c->err == HUFU_OK && !verifies(point, digest, sig))
			c->err = HUFU_ERR_CORRUPT;
	}
	return NULL;
}

/* Everybody gets his own answer, and his turn, whatever may run at once. */
static void test_many_threads(void)
{
	static const char *const behaviours[] = {"sessions", "devices", "none"};
	for (size_t i = 0; i < 3; i++) {
		struct caller callers[8];
		char text[128];
		snprintf(text, sizeof text, "behaviour { concurrency = %s open_exclusive = true }\n", behaviours[i]);
		setup_as(STANDARD, "standard", text);
		for (size_t j = 0; j < 8; j++) {
			callers[j].session = open_session(device);
			CU_ASSERT_FATAL(pthread_create(&callers[j].thread, NULL, hammer, &callers[j]) == 0);
		}
		for (size_t j = 0; j < 8; j++) {
			CU_ASSERT_EQUAL(join(&callers[j]), HUFU_OK);
			sdf_session_close(callers[j].session);
		}
		teardown();
	}
}

/* A child's devices are its own, whoever of the parent was in the library. */
static void test_fork(void)
{
	UNIT_FORKS();
	setup_as(STANDARD, "standard", "behaviour { concurrency = none }\nlimits { devices_max = 1 }\n");
	struct caller one = {.session = session};
	sem_init(&inside, 0, 0);
	sem_init(&go_on, 0, 0);
	fake->meet = meet;
	start(&one);
	CU_ASSERT(await(&inside));
	fake->meet = NULL;
	pid_t child = fork();
	if (child == 0) {
		char why[512];
		struct sdf_device *own;
		struct sdf_session *s;
		uint32_t code;
		uint8_t sig[64];
		alarm(60);
		bool good = sdf_library_open(copy_fake("standard", "standard"), profile, &library, why, sizeof why) == HUFU_OK &&
		            sdf_device_open(library, NULL, 0, &own, &code) == HUFU_OK && own != device &&
		            sdf_session_open(own, 0, &s, &code) == HUFU_OK && sdf_sign(s, 1, digest, sig) == HUFU_OK;
		_exit(good ? 0 : 1);
	}
	int status = -1;
	CU_ASSERT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	sem_post(&go_on);
	CU_ASSERT_EQUAL(join(&one), HUFU_OK);
	teardown();
}

static const struct unit_case cases[] = {
	{"What a library can do is known by its symbols", test_symbols},
	{"Seven functions make a device", test_bare},
	{"What an edition or a profile has not is never called", test_edition},
	{"What a device says of itself becomes text", test_info},
	{"Random numbers come in pieces", test_random},
	{"SM2 keys sign and verify in every layout", test_sm2},
	{"An index without a key says so, whatever the code", test_no_key},
	{"SM2 ciphertexts go through every layout and arity", test_sm2_encryption},
	{"Bad points reach no card, bad ciphertexts are nobody's fault but the sender's", test_bad_ciphertexts},
	{"A missing right is renewed, a refused password shown to nobody again", test_rights},
	{"RSA keys are exported as SPKI, in forms of six and seven arguments", test_rsa},
	{"Pairs are made by calls beyond the standard", test_pairs},
	{"Symmetric keys are wrapped under a KEK and under an encryption key", test_handles},
	{"Modes chain over calls, whether the library updates the IV or not", test_modes},
	{"MACs and digests chain over calls", test_macs},
	{"AEAD releases nothing before its tag", test_aead},
	{"Lengths that lie are found out, and the handles with them given back", test_lying_lengths},
	{"what says SDR_OK and writes nothing gives no answer", test_mute},
	{"Points off the curve and numbers too large are found out", test_bad_points},
	{"A handle that is none is found out", test_no_handles},
	{"-1, private and unknown codes end the session, known ones mean what the profile says", test_codes},
	{"Opening that fails has done nothing", test_open_codes},
	{"What is written behind the memory is caught and told once", test_overruns},
	{"A struct that is always written whole is the profile's to say", test_envelope_max},
	{"Memory that is written to late is nobody else's", test_late_writes},
	{"A trusted file is loaded once, by what it is", test_loading},
	{"A device is opened by its own configuration", test_open_config},
	{"Devices beyond what a process may have are shared, or busy", test_device_limit},
	{"Sessions beyond the limit are busy", test_session_limit},
	{"Only what the profile allows runs at once, and waiting ends at the deadline", test_concurrency},
	{"Who wants the library alone goes before who shares it", test_turn_order},
	{"a call that hangs keeps no other from the library", test_hung_call},
	{"Eight threads have their own answers", test_many_threads},
	{"A forked child opens devices of its own", test_fork},
	{0},
};

int main(void)
{
	if (!mkdtemp(dir))
		return 99;
	int status = unit_main("sdf_library", cases);
	char path[PATH_MAX];
	static const char *const files[] = {"standard", "narrow", "bare", "standard-overruns", "narrow-overruns", "standard-whole",
	                                    "standard-one", "writable", "text"};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s.so", dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
	return status;
}
