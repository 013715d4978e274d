/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a vendor's profile is read over its base, every mistake is told with its line, and codes mean what GM/T 0018 says. */
#include "driver/sdf/profile.h"
#include "hufu/sdf.h"

#include "unit.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], told[8192];

static void tell(void *arg, const char *message)
{
	(void)arg;
	size_t len = strlen(told);
	snprintf(told + len, sizeof told - len, "%s\n", message);
}

static char *path_of(const char *name)
{
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(path_of(name), "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path_of(name), mode) != 0)
		abort();
}

static void make_dir(void)
{
	snprintf(dir, sizeof dir, "/tmp/test_profile.XXXXXX");
	if (!mkdtemp(dir))
		abort();
}

static struct sdf_profile *parse(const char *text)
{
	struct sdf_profile *profile = NULL;
	told[0] = 0;
	if (sdf_profile_parse(text, "p.conf", tell, NULL, &profile) != HUFU_OK)
		printf("# %s", told);
	CU_ASSERT_PTR_NOT_NULL_FATAL(profile);
	return profile;
}

static struct sdf_profile *load(const char *name)
{
	struct sdf_profile *profile = NULL;
	told[0] = 0;
	if (sdf_profile_load(name, tell, NULL, &profile) != HUFU_OK)
		printf("# %s", told);
	CU_ASSERT_PTR_NOT_NULL_FATAL(profile);
	return profile;
}

/* True: refused, and what was told has all of it. */
static bool refused(const char *text, const char *what)
{
	struct sdf_profile *profile = NULL;
	told[0] = 0;
	enum hufu_err err = sdf_profile_parse(text, "p.conf", tell, NULL, &profile);
	if (err == HUFU_ERR_CONFIG && strstr(told, what))
		return true;
	printf("# \"%s\" gave %x: %s", text, err, told);
	if (err == HUFU_OK)
		sdf_profile_free(profile);
	return false;
}

static void test_empty(void)
{
	struct sdf_profile *p = parse("");
	CU_ASSERT_EQUAL(p->edition, 2012);
	CU_ASSERT_EQUAL(p->width, 64);
	CU_ASSERT_EQUAL(p->cipher, SDF_CIPHER_STANDARD);
	CU_ASSERT_EQUAL(p->alg[SDF_ALG_SM4_CBC], SGD_SM4_CBC);
	CU_ASSERT_EQUAL(p->alg[SDF_ALG_SM4_GCM], 0);
	CU_ASSERT_EQUAL(p->decrypt_args, 0);
	CU_ASSERT(p->right_per_session && p->iv_is_updated && !p->open_exclusive && !p->right_stacks);
	CU_ASSERT_STRING_EQUAL(p->name, "p");
	sdf_profile_free(p);
}

/* The values of sm.md 1.5 to 1.7, by hand: GM/T 0006 and the header swsds.h. */
static void test_overrides(void)
{
	struct sdf_profile *p = parse("base = \"gmt0018-2023\"\nvendor = \"V\"\nstructs { field_bytes = 32 cipher = length-first "
	                              "cipher_room = 136 rsa_bytes = 512 }\nalgorithms { sm4_ecb = 0x2001 sm4_gcm = 1088 }\n"
	                              "calls { internal_decrypt_args = 5 open = SDF_OpenDeviceEx }\n"
	                              "limits { sessions_max = 9 idle_s = 30 }\nbehaviour { concurrency = none right_stacks = yes }\n");
	CU_ASSERT_EQUAL(p->edition, 2023);
	CU_ASSERT_EQUAL(p->width, 32);
	CU_ASSERT_EQUAL(p->cipher, SDF_CIPHER_LENGTH_FIRST);
	CU_ASSERT_EQUAL(p->cipher_room, 136);
	CU_ASSERT_EQUAL(p->rsa_bytes, 512);
	CU_ASSERT_EQUAL(p->alg[SDF_ALG_SM4_ECB], 0x2001);
	CU_ASSERT_EQUAL(p->alg[SDF_ALG_SM4_GCM], 0x440);
	CU_ASSERT_EQUAL(p->alg[SDF_ALG_SM4_CCM], SGD_SM4_CCM);
	CU_ASSERT_EQUAL(p->decrypt_args, 5);
	CU_ASSERT_EQUAL(p->encrypt_args, 0);
	CU_ASSERT_STRING_EQUAL(p->extra[SDF_EXTRA_OPEN], "SDF_OpenDeviceEx");
	CU_ASSERT_PTR_NULL(p->extra[SDF_EXTRA_IMPORT_KEY]);
	CU_ASSERT_EQUAL(p->sessions_max, 9);
	CU_ASSERT_EQUAL(p->idle_s, 30);
	CU_ASSERT_EQUAL(p->concurrency, SDF_CONCURRENT_NONE);
	CU_ASSERT(p->right_stacks && p->right_per_session);
	sdf_profile_free(p);
	p = parse("calls { import_key = none }");
	CU_ASSERT_PTR_NULL(p->extra[SDF_EXTRA_IMPORT_KEY]);
	CU_ASSERT_STRING_EQUAL(p->extra[SDF_EXTRA_GENERATE_PAIR], "SDF_GenerateKeyPair_ECC");
	sdf_profile_free(p);
}

static enum hufu_err means(const struct sdf_profile *p, uint32_t code)
{
	return sdf_profile_error(p, code)->err;
}

static void test_codes(void)
{
	static const struct {
		uint32_t code;
		enum hufu_group group;
		bool dead;
	} expected[] = {
		{SDR_UNKNOWERR, HUFU_GROUP_LOST, true}, {SDR_COMMFAIL, HUFU_GROUP_LOST, true}, {SDR_HARDFAIL, HUFU_GROUP_LOST, true},
		{SDR_OPENDEVICE, HUFU_GROUP_GONE, true}, {SDR_OPENSESSION, HUFU_GROUP_GONE, true},
		{SDR_PARDENY, HUFU_GROUP_EXPIRED, false}, {SDR_PRKRERR, HUFU_GROUP_EXPIRED, false},
		{SDR_KEYNOTEXIST, HUFU_GROUP_NO_KEY, false}, {SDR_NOTSUPPORT, HUFU_GROUP_UNSUPPORTED, false},
		{SDR_ALGMODNOTSUPPORT, HUFU_GROUP_UNSUPPORTED, false}, {SDR_NOBUFFER, HUFU_GROUP_BUSY, false},
		{SDR_INARGERR, HUFU_GROUP_CALLER, false}, {SDR_ENCDATAERR, HUFU_GROUP_CALLER, false},
		{SDR_VERIFYERR, HUFU_GROUP_CALLER, false}, {SDR_OK, HUFU_GROUP_OK, false},
		{UINT32_MAX, HUFU_GROUP_LOST, true}, {0x01000403, HUFU_GROUP_LOST, true}, {7, HUFU_GROUP_LOST, true},
	};
	struct sdf_profile *p = parse("");
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		const struct sdf_error *error = sdf_profile_error(p, expected[i].code);
		CU_ASSERT_EQUAL(hufu_err_group(error->err), expected[i].group);
		CU_ASSERT_EQUAL(error->session_dead, expected[i].dead);
	}
	for (uint32_t code = SDR_UNKNOWERR; code <= SDR_USERIDERR; code++)
		CU_ASSERT(sdf_code_name(p, code) != NULL);
	CU_ASSERT_STRING_EQUAL(sdf_code_name(p, 0x01000008), "SDR_KEYNOTEXIST");
	CU_ASSERT_STRING_EQUAL(sdf_code_name(p, 0), "SDR_OK");
	CU_ASSERT_PTR_NULL(sdf_code_name(p, UINT32_MAX));
	sdf_profile_free(p);
}

/* The first row that fits holds, those of the file before those of the standard. */
static void test_error_order(void)
{
	struct sdf_profile *p = parse("error \"ONE\" { first = 0x01010101 means = gone session = dead }\n"
	                              "error \"ALL\" { first = 0x01010100 last = 0x010101ff means = lost }\n"
	                              "error \"MINE\" { first = 0x01000015 means = no-key }\n"
	                              "error \"MINUS\" { first = 0xffffffff means = busy }\n");
	CU_ASSERT_EQUAL(means(p, 0x01010101), HUFU_ERR_GONE);
	CU_ASSERT(sdf_profile_error(p, 0x01010101)->session_dead);
	CU_ASSERT_EQUAL(means(p, 0x01010102), HUFU_ERR_LOST);
	CU_ASSERT(!sdf_profile_error(p, 0x01010102)->session_dead);
	CU_ASSERT_EQUAL(means(p, 0x01010200), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(means(p, SDR_KEYERR), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(means(p, SDR_KEYNOTEXIST), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(means(p, UINT32_MAX), HUFU_ERR_BUSY);
	CU_ASSERT_STRING_EQUAL(sdf_code_name(p, 0x010101fe), "ALL");
	sdf_profile_free(p);
}

static void test_mistakes(void)
{
	CU_ASSERT(refused("\n\nwidth = 3\n", "p.conf:3: unknown key \"width\""));
	CU_ASSERT(refused("struct { field_bytes = 64 }\n", "p.conf:1: unknown section \"struct\". The sections are structs"));
	CU_ASSERT(refused("structs {\n field_bytes = 48 }\n", "p.conf:2: field_bytes = 48 is not possible. Write 32 or 64"));
	CU_ASSERT(refused("structs { field_bytes = 65 }\n", "p.conf:1: field_bytes = \"65\" is out of range"));
	CU_ASSERT(refused("calls {\n\n internal_decrypt_args = 4 }\n", "p.conf:3: internal_decrypt_args = 4 is not possible. Write 0, 5 or 6"));
	CU_ASSERT(refused("algorithms { sm4_ecb = 0x1ffffffff }\n", "p.conf:1: sm4_ecb"));
	CU_ASSERT(refused("algorithms { sm4_ecb = 0x }\n", "p.conf:1: sm4_ecb"));
	CU_ASSERT(refused("algorithms { sm4_ecb = 12ab }\n", "p.conf:1: sm4_ecb"));
	CU_ASSERT(refused("limits { data_max = 40 }\n", "p.conf:1: data_max = 40 is no multiple of 16"));
	CU_ASSERT(refused("structs { cipher_room = 136 }\n", "p.conf:1: cipher_room goes with cipher = length-first"));
	CU_ASSERT(refused("structs { cipher = length-first }\n", "p.conf:1: cipher = length-first needs cipher_room"));
	CU_ASSERT(refused("structs { cipher = middle }\n", "Write standard or length-first"));
	CU_ASSERT(refused("edition = 2017\n", "p.conf:1: edition = 2017 is not possible. Write 2012 or 2023"));
	CU_ASSERT(refused("calls { open = \"a b\" }\n", "p.conf:1: open = \"a b\" is no name"));
	CU_ASSERT(refused("base = \"nobody\"\n", "p.conf:1: base = \"nobody\" gives no profile"));
	CU_ASSERT(refused("error \"A\" { first = 1 }\n", "p.conf:1: error \"A\" needs first = CODE and means = WORD"));
	CU_ASSERT(refused("error \"A\" { first = 0 means = gone }\n", "0 is no error"));
	CU_ASSERT(refused("error \"A\" { first = 5 last = 4 means = gone }\n", "Write the smaller first"));
	CU_ASSERT(refused("error \"A\" { first = 5 means = broken }\n", "Write gone, lost, busy"));
	CU_ASSERT(refused("error \"A\" { first = 5 means = gone }\nerror \"A\" { first = 6 means = gone }\n", "p.conf:2: error \"A\""));
	CU_ASSERT(refused("error \"A23456789012345678901234567890123\" { first = 5 means = gone }\n", "too long"));
	CU_ASSERT(refused("structs { field_bytes = 1 }\nlimits { data_max = 40 }\nfoo = 1\n", "p.conf:3: unknown key \"foo\""));
	CU_ASSERT(strstr(told, "p.conf:1:") && strstr(told, "p.conf:2:")); /* all, not only the first */
}

static bool same_print(const struct sdf_profile *a, const struct sdf_profile *b)
{
	char *one = NULL, *two = NULL;
	size_t len;
	FILE *out = open_memstream(&one, &len);
	sdf_profile_print(a, out);
	fclose(out);
	out = open_memstream(&two, &len);
	sdf_profile_print(b, out);
	fclose(out);
	/* The first line has the name. */
	bool same = strcmp(strchr(one, '\n'), strchr(two, '\n')) == 0;
	if (!same)
		printf("# %s# against\n# %s", one, two);
	free(one);
	free(two);
	return same;
}

static struct sdf_profile *printed(const struct sdf_profile *profile)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	sdf_profile_print(profile, out);
	fclose(out);
	struct sdf_profile *again = parse(text);
	free(text);
	return again;
}

/* In the source tree; the suite runs in the build tree. */
static struct sdf_profile *shipped(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[PATH_MAX], text[16384];
	snprintf(path, sizeof path, "%s/profiles/%s.conf", top ? top : "..", name);
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	return parse(text);
}

static void test_shipped(void)
{
	struct sdf_profile *sansec = shipped("sansec"), *shudun = shipped("shudun");
	CU_ASSERT_EQUAL(sansec->width, 32);
	CU_ASSERT_EQUAL(sansec->cipher_room, 136);
	CU_ASSERT_EQUAL(sansec->alg[SDF_ALG_SM4_ECB], 0x2001);
	CU_ASSERT_EQUAL(sansec->alg[SDF_ALG_SM2_ENCRYPT], 0x20400);
	CU_ASSERT_EQUAL(sansec->alg[SDF_ALG_ZUC_EEA3], 0);
	CU_ASSERT(sansec->encrypt_args == 6 && sansec->decrypt_args == 6 && sansec->rsa_args == 7);
	CU_ASSERT_EQUAL(means(sansec, 0x01010201), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(means(sansec, 0x01010105), HUFU_ERR_LOST);
	CU_ASSERT(sdf_profile_error(sansec, 0x01021003)->session_dead);
	CU_ASSERT_EQUAL(means(sansec, SDR_KEYNOTEXIST), HUFU_ERR_NO_KEY);
	CU_ASSERT_STRING_EQUAL(shudun->extra[SDF_EXTRA_OPEN], "SDF_OpenDeviceEx");
	CU_ASSERT_EQUAL(means(shudun, 0x01000403), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(means(shudun, 0x01000015), HUFU_ERR_NO_KEY);
	sdf_profile_free(sansec);
	sdf_profile_free(shudun);
}

static void test_standard_files(void)
{
	static const char *const names[] = {"gmt0018-2012", "gmt0018-2023"};
	for (size_t i = 0; i < 2; i++) {
		struct sdf_profile *file = shipped(names[i]), *built_in = load(names[i]);
		CU_ASSERT(same_print(file, built_in));
		sdf_profile_free(file);
		sdf_profile_free(built_in);
	}
	/* The template says what holds when it is left out. */
	struct sdf_profile *template = shipped("template"), *empty = parse("");
	CU_ASSERT(same_print(template, empty));
	sdf_profile_free(template);
	sdf_profile_free(empty);
}

static bool same_error(const struct sdf_error *a, const struct sdf_error *b)
{
	return a->first == b->first && a->last == b->last && a->err == b->err && a->session_dead == b->session_dead &&
	       strcmp(a->name, b->name) == 0;
}

static void test_print(void)
{
	static const char *const names[] = {"gmt0018-2012", "gmt0018-2023", "sansec", "shudun"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct sdf_profile *profile = shipped(names[i]), *again = printed(profile);
		CU_ASSERT(same_print(profile, again));
		CU_ASSERT_EQUAL(profile->nerrors, again->nerrors);
		for (size_t j = 0; j < profile->nerrors && j < again->nerrors; j++)
			CU_ASSERT(same_error(&profile->errors[j], &again->errors[j]));
		CU_ASSERT(memcmp(profile->alg, again->alg, sizeof(profile->alg)) == 0);
		sdf_profile_free(profile);
		sdf_profile_free(again);
	}
}

static void test_files(void)
{
	struct sdf_profile *p = NULL;
	make_dir();
	put("card.conf", "vendor = \"V\"\nlimits { sessions_max = 7 }\nerror \"B\" { first = 0x01000100 means = gone }\n", 0644);
	p = load(path_of("card.conf"));
	CU_ASSERT_STRING_EQUAL(p->name, "card");
	CU_ASSERT_EQUAL(p->sessions_max, 7);
	sdf_profile_free(p);
	char text[PATH_MAX + 128];
	snprintf(text, sizeof text, "base = \"%s\"\nlimits { idle_s = 5 }\nerror \"A\" { first = 0x01000100 means = busy }\n",
	         path_of("card.conf"));
	put("more.conf", text, 0644);
	p = load(path_of("more.conf"));
	CU_ASSERT_EQUAL(p->sessions_max, 7);
	CU_ASSERT_EQUAL(p->idle_s, 5);
	CU_ASSERT_EQUAL(means(p, 0x01000100), HUFU_ERR_BUSY);
	CU_ASSERT_STRING_EQUAL(p->vendor, "V");
	CU_ASSERT_STRING_EQUAL(p->name, "more");
	sdf_profile_free(p);
	(void)unlink(path_of("card.conf"));
	(void)unlink(path_of("more.conf"));
	CU_ASSERT(rmdir(dir) == 0);
}

static bool load_fails(const char *name, const char *what)
{
	struct sdf_profile *p = NULL;
	told[0] = 0;
	return sdf_profile_load(name, tell, NULL, &p) == HUFU_ERR_CONFIG && strstr(told, what);
}

static void test_bad_files(void)
{
	char text[PATH_MAX + 128];
	make_dir();
	CU_ASSERT(load_fails("no-such-vendor", "there is no profile \"no-such-vendor\" in "));
	CU_ASSERT(load_fails("../etc/passwd", "is no name"));
	CU_ASSERT(load_fails("", "is no name"));
	CU_ASSERT(load_fails(path_of("none.conf"), "cannot be opened"));
	put("open.conf", "", 0666);
	CU_ASSERT(load_fails(path_of("open.conf"), "may be written by others"));
	snprintf(text, sizeof text, "base = \"%s\"\n", path_of("self.conf"));
	put("self.conf", text, 0644);
	CU_ASSERT(load_fails(path_of("self.conf"), "no profile is its own base"));
	put("bad.conf", "limits { foo = 1 }\n", 0644);
	CU_ASSERT(load_fails(path_of("bad.conf"), "bad.conf:1: unknown key \"foo\""));
	(void)unlink(path_of("open.conf"));
	(void)unlink(path_of("self.conf"));
	(void)unlink(path_of("bad.conf"));
	CU_ASSERT(rmdir(dir) == 0);
}

static const struct unit_case cases[] = {
	{"A profile that says nothing is GM/T 0018-2012", test_empty},
	{"What a profile says goes over its base", test_overrides},
	{"Codes of annex A decide failover by their meaning, unknown ones end the session", test_codes},
	{"A vendor's codes come before the standard's, in their order", test_error_order},
	{"Every mistake is told with its line and what to do", test_mistakes},
	{"The profiles of vendors that are shipped hold what is known of them", test_shipped},
	{"The standard's profiles are the same built in and as files, the template is what it says", test_standard_files},
	{"A printed profile loads as what it was", test_print},
	{"Profiles build on other files", test_files},
	{"Files that are missing, in a circle or anybody's are refused", test_bad_files},
	{0},
};
UNIT_MAIN("sdf_profile", cases)
