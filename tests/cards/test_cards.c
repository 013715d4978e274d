/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the emulated cards are three vendors' libraries at once in one process,
 * each in its own layout, with the keys of one domain, and fail when they are told to.
 */
#include "rig.h"
#include "unit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include "hufu/sdf.h"
#include "sm/sm2.h"


/* What the standard's types cannot say of all of them. */
typedef int points_fn(void *session, unsigned index, void *point);
typedef int sign_fn(void *session, unsigned index, unsigned char *e, unsigned len, void *signature);
typedef int decrypt6_fn(void *session, unsigned index, unsigned alg, void *in, unsigned char *out, unsigned *len);
typedef int decrypt5_fn(void *session, unsigned index, void *in, unsigned char *out, unsigned *len);

struct card {
	const char *kind;
	size_t width;
	unsigned ecb, sm2_encrypt, no_key;
	bool five;
	char path[RIG_PATH];
	void *so, *device, *session;
};
static struct card cards[] = {
	{.kind = "card_standard", .width = 64, .ecb = SGD_SM4_ECB, .sm2_encrypt = SGD_SM2_3, .no_key = SDR_KEYNOTEXIST},
	{.kind = "card_narrow", .width = 32, .ecb = 0x2001, .sm2_encrypt = 0x20400, .no_key = 0x01020008},
	{.kind = "card_2012", .width = 64, .ecb = SGD_SM4_ECB, .sm2_encrypt = SGD_SM2_3, .no_key = SDR_KEYNOTEXIST, .five = true},
};
#define NCARDS (sizeof(cards) / sizeof(cards[0]))
#define EACH(card) for (struct card *card = cards; card < cards + NCARDS; card++)

static unsigned char e[32] = "thirty-two bytes of some digest";

static void *symbol(const struct card *card, const char *name)
{
	return dlsym(card->so, name);
}
#define CALL(card, type, name) ((__typeof__(type) *)symbol((card), #name))
#define SDF(card, name) CALL(card, name, name)

static void open_card(struct card *card)
{
	rig_card(card->kind, card->kind, card->path);
	card->so = dlopen(card->path, RTLD_NOW | RTLD_LOCAL);
	if (!card->so) {
		printf("Bail out! %s\n", dlerror());
		exit(99);
	}
	if (SDF(card, SDF_OpenDevice)(&card->device) != SDR_OK || SDF(card, SDF_OpenSession)(card->device, &card->session) != SDR_OK) {
		printf("Bail out! %s does not open\n", card->kind);
		exit(99);
	}
}

/* x || y, or r || s, of a struct with as wide fields behind skip bytes. */
static void read_two(const struct card *card, const unsigned char *in, size_t skip, uint8_t out[64])
{
	memcpy(out, in + skip + card->width - 32, 32);
	memcpy(out + 32, in + skip + 2 * card->width - 32, 32);
}

static bool export_point(const struct card *card, unsigned index, const char *function, uint8_t point[64])
{
	unsigned char room[256];
	points_fn *export = (points_fn *)symbol(card, function);

	memset(room, 0xa5, sizeof(room));
	if (export(card->session, index, room) != SDR_OK)
		return false;
	CU_ASSERT(room[4 + 2 * card->width] == 0xa5);
	read_two(card, room, 4, point);
	return true;
}

static int sign(const struct card *card, void *session, unsigned index, uint8_t sig[64])
{
	unsigned char room[256];
	int code = CALL(card, sign_fn, SDF_InternalSign_ECC)(session, index, e, sizeof(e), room);

	if (code == SDR_OK)
		read_two(card, room, 0, sig);
	return code;
}

static bool signature_holds(const uint8_t point[64], const uint8_t sig[64])
{
	struct sm2_public key;

	return sm2_public_init(&key, point) == SM2_OK && sm2_verify(&key, e, sig) == SM2_OK;
}

/* -- cases ------------------------------------------------------------------------------------ */

static void test_one_domain(void)
{
	uint8_t first[64], point[64], sig[64];

	CU_ASSERT_FATAL(export_point(&cards[0], 1, "SDF_ExportSignPublicKey_ECC", first));
	EACH(card) {
		CU_ASSERT(export_point(card, 1, "SDF_ExportSignPublicKey_ECC", point) && memcmp(point, first, 64) == 0);
		CU_ASSERT(sign(card, card->session, 1, sig) == SDR_OK && signature_holds(first, sig));
		CU_ASSERT(export_point(card, 1, "SDF_ExportEncPublicKey_ECC", point) && memcmp(point, first, 64) != 0);
	}
}

static int decrypt(const struct card *card, void *in, unsigned char *out, unsigned *len)
{
	if (card->five)
		return CALL(card, decrypt5_fn, SDF_InternalDecrypt_ECC)(card->session, 1, in, out, len);
	return CALL(card, decrypt6_fn, SDF_InternalDecrypt_ECC)(card->session, 1, card->sm2_encrypt, in, out, len);
}

/* What the standard's fields hold, in the layout of 32 bytes with the length first. */
static void test_layouts(void)
{
	unsigned char narrow[4 + 64 + 136 + 32], key[256], out[136];
	union {
		ECCCipher cipher;
		unsigned char room[sizeof(ECCCipher) + 64];
	} wide;
	unsigned len = sizeof(out), n = sizeof(e);

	CU_ASSERT(SDF(&cards[0], SDF_ExportEncPublicKey_ECC)(cards[0].session, 1, (void *)key) == SDR_OK);
	CU_ASSERT(SDF(&cards[0], SDF_ExternalEncrypt_ECC)(cards[0].session, SGD_SM2_3, (void *)key, e, n, &wide.cipher) == SDR_OK);
	CU_ASSERT(wide.cipher.L == n);
	CU_ASSERT(decrypt(&cards[0], &wide, out, &len) == SDR_OK && len == n && memcmp(out, e, n) == 0);
	CU_ASSERT(decrypt(&cards[2], &wide, out, &len) == SDR_OK && len == n && memcmp(out, e, n) == 0);
	memcpy(narrow, &n, 4);
	memcpy(narrow + 4, wide.cipher.x + 32, 32);
	memcpy(narrow + 36, wide.cipher.y + 32, 32);
	memcpy(narrow + 68, wide.room + offsetof(ECCCipher, C), n);
	memcpy(narrow + 68 + 136, wide.cipher.M, 32);
	CU_ASSERT(decrypt(&cards[1], narrow, out, &len) == SDR_OK && len == n && memcmp(out, e, n) == 0);
}

/* Wrapped by one card, opened by the next. */
static void test_keks(void)
{
	unsigned char wrapped[64], in[32] = {1}, want[32], out[32];
	unsigned len = sizeof(wrapped), n = sizeof(want);
	void *key;

	CU_ASSERT_FATAL(SDF(&cards[0], SDF_GenerateKeyWithKEK)(cards[0].session, 128, cards[0].ecb, 1, wrapped, &len, &key) == SDR_OK);
	CU_ASSERT(SDF(&cards[0], SDF_Encrypt)(cards[0].session, key, cards[0].ecb, NULL, in, sizeof(in), want, &n) == SDR_OK && n == 32);
	EACH(card) {
		CU_ASSERT_FATAL(SDF(card, SDF_ImportKeyWithKEK)(card->session, card->ecb, 1, wrapped, len, &key) == SDR_OK);
		n = sizeof(out);
		CU_ASSERT(SDF(card, SDF_Encrypt)(card->session, key, card->ecb, NULL, in, sizeof(in), out, &n) == SDR_OK);
		CU_ASSERT(memcmp(out, want, sizeof(out)) == 0);
		CU_ASSERT(SDF(card, SDF_DestroyKey)(card->session, key) == SDR_OK);
	}
}

static void test_lacks(void)
{
	uint8_t point[256];

	EACH(card)
		CU_ASSERT((unsigned)CALL(card, points_fn, SDF_ExportSignPublicKey_ECC)(card->session, 9, point) == card->no_key);
	CU_ASSERT(symbol(&cards[0], "SDF_HMACInit") && !symbol(&cards[1], "SDF_HMACInit") && !symbol(&cards[2], "SDF_HMACInit"));
	CU_ASSERT(!symbol(&cards[0], "SDF_OpenDeviceEx") && symbol(&cards[1], "SDF_OpenDeviceEx"));
	EACH(card)
		CU_ASSERT(!symbol(card, "sdf_face_open_device") && !symbol(card, "C_GetFunctionList"));
}

static void test_rights(void)
{
	unsigned char right[] = RIG_PASSWORD, wrong[] = "card passw0rd";
	uint8_t sig[64];

	EACH(card) {
		CU_ASSERT(sign(card, card->session, 3, sig) != SDR_OK);
		CU_ASSERT(SDF(card, SDF_GetPrivateKeyAccessRight)(card->session, 3, wrong, sizeof(wrong) - 1) != SDR_OK);
		CU_ASSERT(SDF(card, SDF_GetPrivateKeyAccessRight)(card->session, 3, right, sizeof(right) - 1) == SDR_OK);
		CU_ASSERT(sign(card, card->session, 3, sig) == SDR_OK);
		CU_ASSERT(SDF(card, SDF_ReleasePrivateKeyAccessRight)(card->session, 3) == SDR_OK);
		CU_ASSERT(sign(card, card->session, 3, sig) != SDR_OK);
	}
}

static void test_faults(void)
{
	uint8_t point[64], sig[64];
	void *session;

	CU_ASSERT_FATAL(export_point(&cards[0], 1, "SDF_ExportSignPublicKey_ECC", point));
	EACH(card) {
		rig_faults(card->path, "sign:lost@1; sign:code=0xf123@2; sign:flip-out@3; sign:session-lost@4");
		CU_ASSERT(sign(card, card->session, 1, sig) != SDR_OK);
		CU_ASSERT((sign(card, card->session, 1, sig) & 0xffff) == 0x123);
		CU_ASSERT(sign(card, card->session, 1, sig) == SDR_OK && !signature_holds(point, sig));
		CU_ASSERT(sign(card, card->session, 1, sig) != SDR_OK && sign(card, card->session, 1, sig) != SDR_OK);
		CU_ASSERT(SDF(card, SDF_OpenSession)(card->device, &session) == SDR_OK && sign(card, session, 1, sig) == SDR_OK);
		CU_ASSERT(SDF(card, SDF_CloseSession)(card->session) == SDR_OK && SDF(card, SDF_CloseSession)(card->session) != SDR_OK);
		card->session = session;
		rig_faults(card->path, "any:device-gone");
		CU_ASSERT(sign(card, card->session, 1, sig) != SDR_OK && SDF(card, SDF_OpenSession)(card->device, &session) != SDR_OK);
		rig_faults(card->path, "");
		/* What was open before is of no use any more. */
		CU_ASSERT(sign(card, card->session, 1, sig) != SDR_OK && SDF(card, SDF_CloseSession)(card->session) == SDR_OK);
		CU_ASSERT(SDF(card, SDF_OpenSession)(card->device, &card->session) == SDR_OK);
		CU_ASSERT(sign(card, card->session, 1, sig) == SDR_OK && signature_holds(point, sig));
	}
}

/* Seen in all cards of the domain, once, at a place that was free. */
static void test_pairs(void)
{
	int (*make)(void *session, unsigned index, unsigned usage, void *point) = symbol(&cards[1], "VENDOR_MakePair");
	unsigned char room[4 + 64];
	uint8_t point[64], sig[64];

	CU_ASSERT_FATAL(make != NULL);
	CU_ASSERT(make(cards[1].session, 1, 1, room) != SDR_OK && make(cards[1].session, 4, 3, room) != SDR_OK);
	CU_ASSERT(make(cards[1].session, 4, 1, room) == SDR_OK && make(cards[1].session, 4, 1, room) != SDR_OK);
	EACH(card) {
		CU_ASSERT(export_point(card, 4, "SDF_ExportSignPublicKey_ECC", point) && memcmp(point, room + 4, 64) == 0);
		CU_ASSERT(!export_point(card, 4, "SDF_ExportEncPublicKey_ECC", point));
		CU_ASSERT(sign(card, card->session, 4, sig) == SDR_OK && signature_holds(room + 4, sig));
	}
}

static void *open_in_vain(void *arg)
{
	const struct card *card = arg;
	void *device;

	for (unsigned i = 0; i < 300; i++)
		if (SDF(card, SDF_OpenDevice)(&device) == SDR_OK)
			return NULL;
	return arg;
}

/* Each is hufu, and reads configurations by a library whose scanner is one for all: here nothing but that, for long. */
static void test_opened_at_once(void)
{
	char text[8192] = "token \"t\" { store = \"sqlite:/nowhere/t.db\" }\n";
	pthread_t threads[NCARDS];
	void *refused;

	for (size_t len = strlen(text); len + 64 < sizeof(text); len = strlen(text))
		snprintf(text + len, sizeof(text) - len, "sdf_kek \"%zu\" { key = \"a \\\"key\\\" # of none\" }\n", len);
	EACH(card) {
		CU_ASSERT(SDF(card, SDF_CloseSession)(card->session) == SDR_OK && SDF(card, SDF_CloseDevice)(card->device) == SDR_OK);
		rig_beside(card->path, ".conf", text);
	}
	EACH(card)
		CU_ASSERT_FATAL(pthread_create(&threads[card - cards], NULL, open_in_vain, card) == 0);
	EACH(card)
		CU_ASSERT(pthread_join(threads[card - cards], &refused) == 0 && refused == card);
}

static _Atomic bool returned;

static void *sign_once(void *arg)
{
	const struct card *card = arg;
	uint8_t sig[64];
	int code = sign(card, card->session, 1, sig);

	atomic_store(&returned, true);
	return code == SDR_OK ? NULL : arg;
}

static void test_hang(void)
{
	EACH(card) {
		pthread_t thread;
		void *failed = NULL;

		atomic_store(&returned, false);
		rig_faults(card->path, "sign:hang");
		CU_ASSERT_FATAL(pthread_create(&thread, NULL, sign_once, card) == 0);
		CU_ASSERT(rig_wait_for_hang(card->path));
		CU_ASSERT(!atomic_load(&returned));
		rig_faults(card->path, "");
		CU_ASSERT(pthread_join(thread, &failed) == 0 && failed == card);
	}
}

static const struct unit_case cases[] = {
	{"three libraries hold the same pairs, in their own layouts", test_one_domain},
	{"a ciphertext of one opens in the others", test_layouts},
	{"a key that one wrapped under the KEK opens in the others", test_keks},
	{"each has its own codes, lacks what its edition lacks, and shows nothing else", test_lacks},
	{"an index wants its password, in its session", test_rights},
	{"the one that makes pairs makes them where none is, for all", test_pairs},
	{"errors, lies, lost sessions and devices that are gone", test_faults},
	{"a call hangs until there is another script", test_hang},
	{"all read their configurations at once", test_opened_at_once},
	{0},
};

int main(void)
{
	rig_keys(3, 1, false);
	EACH(card)
		open_card(card);
	return unit_main("cards", cases); /* the last of them closes all */
}
