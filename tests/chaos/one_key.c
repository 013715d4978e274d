/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever goes wrong with one device while a token object is made by
 * another's help, the call succeeds and makes it once: every fault at every
 * place that such a call passes, for each kind of call. Where a pair stays in
 * the device that made it, the devices together make one at most, and the call says whether it is known.
 */
#include "chaos.h"

#include "driver/fault/fault.h"
#include "hufu/driver.h"

/* The device that fails comes first, by its priority. Pairs stay in those of the second token. */
#define FAULTY "d0"
#define FAULTY_KEEPER "k0"
#define OTHER_KEEPER "k1"

static const char *const faults[] = {
	"gone", "busy", "denied", "expired", "no-key", "unsupported", "lost", "corrupt", "overlong", "session-lost", "device-gone",
	"device-gone=2", "code=0x7f01", "code=0x0701", "code=0x0801", "flip-pub", "delay=50ms",
};
/* Open and lease are passed while the device is new. */
static const struct {
	const char *place, *when;
	bool from_the_start;
} places[] = {{"run", "@1", false}, {"run", "", false}, {"lease", "", true}, {"open", "", true}};

static unsigned cases, wrong;
static char script_now[80];

static void expect(bool holds, const char *call, const char *what, unsigned long value)
{
	cases++;
	if (holds)
		return;
	if (wrong++ < 20)
		printf("# %s under \"%s\": %s 0x%lx\n", call, script_now, what, value);
}

/* -- calls that make token objects: by label ------------------------------------------- */

#define LABELLED(label) ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label))

static CK_RV generate_key(CK_SESSION_HANDLE s, const char *label)
{
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE templ[] = {LABELLED(label), ATTR(CKA_ENCRYPT, yes)};
	CK_OBJECT_HANDLE h;

	return p11->C_GenerateKey(s, &gen, templ, COUNT(templ), &h);
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, const char *label)
{
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub[] = {LABELLED(label), ATTR(CKA_VERIFY, yes)}, priv[] = {LABELLED(label), ATTR(CKA_SIGN, yes)};
	CK_OBJECT_HANDLE hp, hs;

	return p11->C_GenerateKeyPair(s, &gen, pub, COUNT(pub), priv, COUNT(priv), &hp, &hs);
}

static CK_RV unwrap(CK_SESSION_HANDLE s, const char *label)
{
	uint8_t iv[16] = {1}, padded[32], wrapped[32];
	CK_MECHANISM cbc_pad = {CKM_HUFU_SM4_CBC_PAD, iv, sizeof(iv)};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_ATTRIBUTE templ[] = {LABELLED(label), ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_ENCRYPT, yes)};
	CK_OBJECT_HANDLE h;

	memset(padded, 16, sizeof(padded));
	oracle_cipher("SM4-CBC", shared.sm4_key, iv, padded, sizeof(padded), wrapped);
	return p11->C_UnwrapKey(s, &cbc_pad, shared.sm4, wrapped, sizeof(wrapped), templ, COUNT(templ), &h);
}

static CK_RV create(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	uint8_t value[16] = {7};
	CK_ATTRIBUTE templ[] = {LABELLED(label), ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE, value),
	                        ATTR(CKA_ENCRYPT, yes)};
	CK_OBJECT_HANDLE h;

	return p11->C_CreateObject(s, templ, COUNT(templ), &h);
}

static CK_RV derive(CK_SESSION_HANDLE s, const char *label)
{
	uint8_t peer[65];
	CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, sizeof(peer), peer};
	CK_MECHANISM ecdh = {CKM_ECDH1_DERIVE, &params, sizeof(params)};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_ATTRIBUTE templ[] = {LABELLED(label), ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE_LEN, len)};
	CK_OBJECT_HANDLE h;

	oracle_free(oracle_p256_pair(peer));
	return p11->C_DeriveKey(s, &ecdh, shared.p256_priv, templ, COUNT(templ), &h);
}

static const struct {
	const char *name;
	CK_RV (*make)(CK_SESSION_HANDLE, const char *label);
	CK_ULONG objects;
} calls[] = {
	{"C_GenerateKey", generate_key, 1}, {"C_GenerateKeyPair", generate_pair, 2}, {"C_UnwrapKey", unwrap, 1},
	{"C_CreateObject", create, 1},      {"C_DeriveKey", derive, 1},
};

/* -- the loop ----------------------------------------------------------------------------- */

static void tell(const char *device, const char *script)
{
	char why[256];

	if (fault_script(device, script, why, sizeof(why)) == HUFU_OK)
		return;
	printf("# %s\n", why);
	life_need(CKR_ARGUMENTS_BAD, script);
}

static CK_ULONG count_labelled(CK_SESSION_HANDLE s, const char *label)
{
	CK_ATTRIBUTE templ = BYTES(CKA_LABEL, label, strlen(label));
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0;

	NEED(p11->C_FindObjectsInit(s, &templ, 1));
	NEED(p11->C_FindObjects(s, found, 8, &n));
	NEED(p11->C_FindObjectsFinal(s));
	return n;
}

static void try_call(size_t i, bool from_the_start)
{
	struct chance chance = chance_of(1, 1);
	char label[LABEL_MAX] = "";

	tell(FAULTY, from_the_start ? script_now : "");
	CK_SESSION_HANDLE s = life_log_in("one");
	shared_make_few(s, &chance);
	tell(FAULTY, script_now);
	snprintf(label, sizeof(label), "%zu of %u", i, cases);
	CK_RV rv = calls[i].make(s, label);
	tell(FAULTY, "");
	expect(rv == CKR_OK, calls[i].name, "gives", rv);
	CK_ULONG n = count_labelled(s, label);
	expect(n == calls[i].objects, calls[i].name, "makes so many:", n);
	NEED(p11->C_Finalize(NULL));
	shared_clear();
}

static uint64_t pairs_made(void)
{
	return fault_counts(FAULTY_KEEPER).ops[HUFU_VERB_GENERATE] + fault_counts(OTHER_KEEPER).ops[HUFU_VERB_GENERATE];
}

/* Nothing was done, says the device: then the other makes it. */
static bool says_nothing_was_done(const char *fault)
{
	static const char *const these[] = {"gone", "busy", "no-key", "unsupported", "device-gone"};

	for (size_t i = 0; i < COUNT(these); i++)
		if (strcmp(fault, these[i]) == 0)
			return true;
	return false;
}

static void try_kept_pair(const char *fault)
{
	char label[LABEL_MAX] = "";

	snprintf(script_now, sizeof(script_now), "generate:%s", fault);
	tell(FAULTY_KEEPER, "");
	CK_SESSION_HANDLE s = life_log_in("two");
	tell(FAULTY_KEEPER, script_now);
	snprintf(label, sizeof(label), "kept %u", cases);
	uint64_t before = pairs_made();
	CK_RV rv = generate_pair(s, label);
	uint64_t made = pairs_made() - before;
	tell(FAULTY_KEEPER, "");
	expect(made <= 1, "C_GenerateKeyPair", "the devices keep so many pairs:", made);
	expect(rv == CKR_OK || !says_nothing_was_done(fault), "C_GenerateKeyPair", "gives", rv);
	CK_ULONG n = count_labelled(s, label);
	expect(n == (rv == CKR_OK ? 2 : 0), "C_GenerateKeyPair", "makes so many:", n);
	NEED(p11->C_Finalize(NULL));
	shared_clear();
}

/* What may stand at a place: open and lease have no output. */
static bool fits(const char *place, const char *fault)
{
	bool of_ops = strcmp(fault, "overlong") == 0 || strcmp(fault, "session-lost") == 0 || strcmp(fault, "flip-pub") == 0;

	return strcmp(place, "run") == 0 || !of_ops;
}

/* Under a sanitizer, which looks at what is done with memory, one call at each place: the next one each time. */
static bool has_turn(size_t call)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	static size_t turn, asked;

	if (asked++ % COUNT(calls) == 0)
		turn++;
	return turn % COUNT(calls) == call;
#else
	(void)call;
	return true;
#endif
}

/* A life of the module for each call: the device is not yet known for what it is. */
static void try_fault(const char *fault)
{
	for (size_t p = 0; p < COUNT(places); p++) {
		if (!fits(places[p].place, fault))
			continue;
		snprintf(script_now, sizeof(script_now), "%s:%s%s", places[p].place, fault, places[p].when);
		for (size_t i = 0; i < COUNT(calls); i++)
			if (has_turn(i))
				try_call(i, places[p].from_the_start);
	}
}

static void write_conf(void)
{
	FILE *f = life_conf();

	fprintf(f, "device \"d0\" { driver = \"fault\"  domain = \"soft\"  priority = 1 }\n");
	fprintf(f, "device \"d1\" { driver = \"fault\"  domain = \"soft\"  priority = 2 }\n");
	fprintf(f, "device \"" FAULTY_KEEPER "\" { driver = \"fault\"  domain = \"kept\"  priority = 1  permanent = \"yes\" }\n");
	fprintf(f, "device \"" OTHER_KEEPER "\" { driver = \"fault\"  domain = \"kept\"  priority = 2  permanent = \"yes\" }\n");
	fprintf(f, "token \"two\" { store = \"sqlite:%s/two.db\"  devices = { \"" FAULTY_KEEPER "\", \"" OTHER_KEEPER "\" } }\n", life_dir);
	fprintf(f, "token \"one\" { store = \"sqlite:%s/one.db\"  devices = { \"d0\", \"d1\" } }\n", life_dir);
	life_conf_done(f);
}

/* With a number: from that fault on. */
int main(int argc, char **argv)
{
	unsigned number = 0;

	life_begin();
	write_conf();
	life_start();
	life_make_token("one");
	life_make_token("two");
	NEED(p11->C_Finalize(NULL));
	for (size_t f = argc > 1 ? strtoul(argv[1], NULL, 10) : 0; f < COUNT(faults); f++) {
		unsigned before = wrong;

		try_fault(faults[f]);
		try_kept_pair(faults[f]);
		printf("%s %u - each call makes its objects once: %s\n", wrong == before ? "ok" : "not ok", ++number, faults[f]);
	}
	printf("1..%u\n", number);
	return wrong ? 1 : 0;
}
