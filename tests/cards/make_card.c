/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vendor's management tool does: makes the keys of emulated cards.
 *
 *	make_card [--pairs N] [--locked N] [--rsa] DIR
 *
 * DIR gets a token with SM2 pairs for signatures and encryption at the indexes
 * 1 to N (default 3), the device's own at 0, a KEK at 1, with --rsa an RSA pair
 * at 1, and card.conf: copied beside a card's library, it makes that a card with
 * these keys. Cards of the same card.conf hold the same keys: one domain.
 * card_standard.conf and its like are the cards' profiles. The indexes are open
 * to everybody, but for the last ones (--locked), which want the password "card
 * password". 16 beyond N are free, for calls that make pairs.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hufu/pkcs11-sm.h"
#include "sm/sm3.h"

#define SO_PIN "the officer of the card"
#define USER_PIN "the user of the card"
#define PASSWORD "card password"
#define ITERATIONS 10000u
#define FREE_INDEXES 16u
#define PAIRS_MAX 1000u
#define PATH_ROOM 512
#define PIN(text) (CK_UTF8CHAR_PTR)(uintptr_t)(text), sizeof(text) - 1
#define ATTR(type, variable) {(type), &(variable), sizeof(variable)}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static CK_FUNCTION_LIST_3_2 *p11;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static const char *dir;
static unsigned npairs = 3, nlocked;
static bool rsa;

CK_RV C_GetInterface(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "make_card: %s\n", what);
	exit(1);
}
#define NEED(call) need((call) == CKR_OK, #call)

/* -- files ---------------------------------------------------------------------------------- */

static FILE *make_file(const char *name)
{
	char path[PATH_ROOM];

	need(snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path), "the path is too long");
	FILE *f = fopen(path, "w");
	need(f && fchmod(fileno(f), 0600) == 0, path);
	return f;
}

static void end_file(FILE *f)
{
	need(fclose(f) == 0, "a file could not be written");
}

static void print_hex(FILE *f, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(f, "%02x", bytes[i]);
}

static void print_password(FILE *f, unsigned index)
{
	uint8_t salt[16] = {(uint8_t)index, (uint8_t)(index >> 8), 0xca}, hash[32];

	if (index == 0 || index > npairs || index <= npairs - nlocked) {
		fprintf(f, "open");
		return;
	}
	sm3_pbkdf2(PASSWORD, strlen(PASSWORD), salt, sizeof(salt), ITERATIONS, hash, sizeof(hash));
	fprintf(f, "pbkdf2-sm3:%u:", ITERATIONS);
	print_hex(f, salt, sizeof(salt));
	fputc(':', f);
	print_hex(f, hash, sizeof(hash));
}

static void write_conf(void)
{
	FILE *f = make_file("card.conf");

	fprintf(f, "log { to = \"none\" }\n"
	           "token \"card\" { store = \"sqlite:%s/card.db\"  host_secret = \"file:%s/host.key\"  devices = { \"soft\" } }\n"
	           "device \"soft\" { driver = \"soft\"  domain = \"soft\" }\n"
	           "sdf { token = \"card\"  login = \"file:%s/user.pin\"  files = \"%s/files\"\n"
	           "\tvendor = \"emulated\"  model = \"card\"  serial = \"2026010100100001\" }\n", dir, dir, dir, dir);
	for (unsigned i = 0; i <= npairs + FREE_INDEXES; i++) {
		fprintf(f, "sdf_key \"%u\" { sign = \"sign %u\"  encrypt = \"encrypt %u\"", i, i, i);
		if (rsa && i == 1)
			fprintf(f, "  rsa_sign = \"rsa %u\"  rsa_encrypt = \"rsa %u\"", i, i);
		fprintf(f, "  password = \"");
		print_password(f, i);
		fprintf(f, "\" }\n");
	}
	fprintf(f, "sdf_kek \"1\" { key = \"kek 1\" }\n");
	end_file(f);
}

/* The narrow card is of Sansec's kind. A copy: a profile that others may write is not believed. */
static void copy_profile(const char *name)
{
	char path[PATH_ROOM], line[1024];
	FILE *in, *out = make_file(name);

	snprintf(path, sizeof(path), "%s/%s", PROFILES, name);
	in = fopen(path, "r");
	need(in != NULL, path);
	while (fgets(line, sizeof(line), in))
		fputs(line, out);
	fclose(in);
	end_file(out);
}

static void write_profiles(void)
{
	FILE *f = make_file("card_standard.conf");

	fprintf(f, "base = \"gmt0018-2023\"\nvendor = \"emulated\"\ncalls { internal_decrypt_args = 6 }\n");
	end_file(f);
	f = make_file("card_2012.conf");
	fprintf(f, "base = \"gmt0018-2012\"\nvendor = \"emulated\"\ncalls { internal_decrypt_args = 5  generate_pair = none }\n");
	end_file(f);
	copy_profile("sansec.conf");
	f = make_file("card_narrow.conf");
	fprintf(f, "base = \"%s/sansec.conf\"\nvendor = \"emulated\"\n"
	           "calls { open = \"SDF_OpenDeviceEx\"  make_pair = \"VENDOR_MakePair\"  generate_pair = none }\n", dir);
	end_file(f);
}

/* -- keys ------------------------------------------------------------------------------------ */

static CK_SLOT_ID find_slot(void)
{
	CK_SLOT_ID slots[4];
	CK_ULONG n = COUNT(slots);

	NEED(p11->C_GetSlotList(CK_FALSE, slots, &n));
	need(n > 0, "there is no slot");
	return slots[0];
}

static CK_SESSION_HANDLE make_token(void)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s;

	NEED(p11->C_Initialize(&args));
	CK_SLOT_ID slot = find_slot();
	memset(label, ' ', sizeof(label));
	memcpy(label, "card", 4);
	NEED(p11->C_InitToken(slot, PIN(SO_PIN), label));
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	NEED(p11->C_InitPIN(s, PIN(USER_PIN)));
	NEED(p11->C_Logout(s));
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	return s;
}

static void make_pair(CK_SESSION_HANDLE s, const char *label, CK_MECHANISM_TYPE mechanism)
{
	CK_MECHANISM how = {mechanism, NULL, 0};
	CK_ULONG nbits = 2048;
	CK_OBJECT_HANDLE pub, priv;
	CK_ATTRIBUTE for_pub[] = {ATTR(CKA_TOKEN, yes), {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
	                          ATTR(CKA_MODULUS_BITS, nbits)};
	CK_ATTRIBUTE for_priv[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes),
	                           ATTR(CKA_DERIVE, yes), ATTR(CKA_UNWRAP, yes), {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	bool is_rsa = mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN;

	if (is_rsa)
		for_priv[4].pValue = &no;
	NEED(p11->C_GenerateKeyPair(s, &how, for_pub, COUNT(for_pub) - !is_rsa, for_priv, COUNT(for_priv), &pub, &priv));
}

static void make_kek(CK_SESSION_HANDLE s, const char *label)
{
	CK_MECHANISM how = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE attrs[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes), ATTR(CKA_WRAP, yes), ATTR(CKA_UNWRAP, yes),
	                        ATTR(CKA_ENCRYPT, yes), ATTR(CKA_DECRYPT, yes), {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE key;

	NEED(p11->C_GenerateKey(s, &how, attrs, COUNT(attrs), &key));
}

static void make_keys(CK_SESSION_HANDLE s)
{
	char label[32];

	for (unsigned i = 0; i <= npairs; i++) {
		snprintf(label, sizeof(label), "sign %u", i);
		make_pair(s, label, CKM_HUFU_SM2_KEY_PAIR_GEN);
		snprintf(label, sizeof(label), "encrypt %u", i);
		make_pair(s, label, CKM_HUFU_SM2_KEY_PAIR_GEN);
	}
	make_kek(s, "kek 1");
	if (rsa)
		make_pair(s, "rsa 1", CKM_RSA_PKCS_KEY_PAIR_GEN);
}

/* -- the program ------------------------------------------------------------------------------- */

static void read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{"pairs", required_argument, NULL, 'p'}, {"locked", required_argument, NULL, 'l'}, {"rsa", no_argument, NULL, 'r'}, {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			npairs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			nlocked = (unsigned)strtoul(optarg, NULL, 10);
		else
			need(c == 'r', "usage: make_card [--pairs N] [--locked N] [--rsa] DIR");
		rsa |= c == 'r';
	}
	need(optind == argc - 1 && argv[optind][0] == '/', "DIR is an absolute path");
	need(npairs > 0 && npairs <= PAIRS_MAX && nlocked <= npairs, "the numbers are out of range");
	dir = argv[optind];
}

int main(int argc, char **argv)
{
	CK_INTERFACE *interface = NULL;
	CK_VERSION version = {3, 2};
	char path[PATH_ROOM];

	read_arguments(argc, argv);
	FILE *pin = make_file("user.pin");
	fputs(USER_PIN, pin);
	end_file(pin);
	snprintf(path, sizeof(path), "%s/files", dir);
	need(mkdir(path, 0700) == 0, path);
	write_conf();
	write_profiles();
	snprintf(path, sizeof(path), "%s/card.conf", dir);
	setenv("HUFU_CONF", path, 1);
	NEED(C_GetInterface((CK_UTF8CHAR *)(uintptr_t)"PKCS 11", &version, &interface, 0));
	p11 = interface->pFunctionList;
	make_keys(make_token());
	NEED(p11->C_Finalize(NULL));
	return 0;
}
