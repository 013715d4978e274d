/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what hufu driver qualify takes from the process that holds the library
 * can spoil neither its profile nor its page, and a file that is no shared
 * library is seen through before anything is done with it.
 */
#include "tools/qualify/judge.h"
#include "unit.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

static struct sdf_profile *standard(void)
{
	struct sdf_profile *profile = NULL;

	CU_ASSERT_FATAL(sdf_profile_load("gmt0018-2012", report, NULL, &profile) == HUFU_OK);
	return profile;
}

static bool learn_text(struct sdf_profile *profile, const char *key, const char *json)
{
	json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	bool taken = learn(profile, key, value);

	json_decref(value);
	return taken;
}

static void test_learn(void)
{
	struct sdf_profile *p = standard();

	CU_ASSERT(learn_text(p, "width", "32") && p->width == 32);
	CU_ASSERT(learn_text(p, "cipher", "1") && p->cipher == SDF_CIPHER_LENGTH_FIRST);
	CU_ASSERT(learn_text(p, "cipher_room", "136") && p->cipher_room == 136);
	CU_ASSERT(learn_text(p, "open_exclusive", "true") && p->open_exclusive);
	CU_ASSERT(learn_text(p, "concurrency", "2") && p->concurrency == SDF_CONCURRENT_NONE);
	CU_ASSERT(learn_text(p, "sessions_max", "17") && p->sessions_max == 17);
	CU_ASSERT(learn_text(p, "alg", "{\"alg\": 7, \"id\": 8193}") && p->alg[7] == 8193);
	CU_ASSERT(learn_text(p, "extra-missing", "4") && !p->extra[4]);
	sdf_profile_free(p);
}

static void test_refuse(void)
{
	static const char *const facts[][2] = {
	        {"width", "33"},
	        {"width", "-32"},
	        {"width", "4294967328"},
	        {"width", "\"32\""},
	        {"width", "null"},
	        {"edition", "2018"},
	        {"cipher", "2"},
	        {"cipher_room", "1025"},
	        {"concurrency", "3"},
	        {"handles_max", "0"},
	        {"random_max", "0"},
	        {"data_max", "1e3"},
	        {"sessions_max", "18446744073709551616"},
	        {"alg", "{\"alg\": 99, \"id\": 1}"},
	        {"alg", "[]"},
	        {"alg", "{\"alg\": 1, \"id\": 4294967296}"},
	        {"extra-missing", "5"},
	        {"code", "{\"code\": 0, \"means\": 1281}"},
	        {"code", "{\"code\": 1, \"means\": 0}"},
	        {"code", "{\"code\": 1, \"means\": 99999}"},
	        {"open_exclusive", "1"},
	        {"name", "\"other\""},
	        {"", "1"},
	};
	struct sdf_profile *p = standard(), *same = standard();

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (learn_text(p, facts[i][0], facts[i][1]))
			CU_FAIL("taken");
	CU_ASSERT(p->width == same->width && p->edition == same->edition && p->nerrors == same->nerrors);
	CU_ASSERT(!memcmp(p->alg, same->alg, sizeof p->alg));
	sdf_profile_free(p);
	sdf_profile_free(same);
}

/* A code that was learnt is printed, read again, and means what it should. */
static void test_code(void)
{
	struct sdf_profile *p = standard(), *again = NULL;
	char *text = NULL;
	size_t len, n = p->nerrors;

	CU_ASSERT(learn_text(p, "code", "{\"code\": 2147483656, \"means\": 769}") && p->nerrors == n + 1);
	CU_ASSERT(learn_text(p, "code", "{\"code\": 2147483656, \"means\": 769}") && p->nerrors == n + 1);
	FILE *f = open_memstream(&text, &len);
	sdf_profile_print(p, f);
	fclose(f);
	CU_ASSERT_FATAL(sdf_profile_parse(text, "again", report, NULL, &again) == HUFU_OK);
	CU_ASSERT(sdf_profile_error(again, 0x80000008)->err == HUFU_ERR_NO_KEY);
	CU_ASSERT_STRING_EQUAL(sdf_code_name(again, 0x80000008), "SEEN_80000008");
	free(text);
	sdf_profile_free(p);
	sdf_profile_free(again);
}

/* Nothing that the library said becomes markup. */
static void test_page(void)
{
	json_t *doc = json_pack("{s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:s,s:f,s:[{s:s,s:s,s:s}],s:{s:[[s]]},s:s}]}", "name", "<b>",
	                        "library", "a\"b", "kind", "&", "chapters", "id", "x", "title", "T", "clause", "1", "result",
	                        "fault", "seconds", 1.0, "checks", "id", "<i>", "result", "fault", "text",
	                        "<script>alert(1)</script>", "tables", "<t>", "<td>", "printed", "</pre><script>");
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(doc);
	write_html(doc, f);
	fclose(f);
	CU_ASSERT_PTR_NULL(strstr(text, "<script"));
	CU_ASSERT_PTR_NULL(strstr(text, "<b>"));
	CU_ASSERT_PTR_NULL(strstr(text, "<i>"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "&lt;script&gt;alert(1)"));
	free(text);
	json_decref(doc);
}

/* CUnit's library: whole, cut anywhere, and with its numbers spoilt. */
static void test_elf(void)
{
	Dl_info info;
	FILE *f = dladdr((void *)(uintptr_t)CU_run_all_tests, &info) ? fopen(info.dli_fname, "re") : NULL;
	size_t len = 0, cap = 1u << 25;
	unsigned char *bytes = malloc(cap);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	len = fread(bytes, 1, cap, f);
	fclose(f);
	CU_ASSERT(elf_exports(bytes, len, "CU_run_all_tests"));
	CU_ASSERT(!elf_exports(bytes, len, "hufu_driver_entry"));
	for (size_t cut = 0; cut < len; cut += cut < 256 ? 1 : len / 97) {
		unsigned char *part = malloc(cut ? cut : 1);
		memcpy(part, bytes, cut);
		(void)elf_exports(part, cut, "CU_run_all_tests");
		free(part);
	}
	ElfW(Ehdr) *header = (void *)bytes;
	header->e_shoff = UINT64_MAX - 63;
	CU_ASSERT(!elf_exports(bytes, len, "CU_run_all_tests"));
	header->e_shoff = 0;
	header->e_shnum = UINT16_MAX;
	(void)elf_exports(bytes, len, "CU_run_all_tests");
	free(bytes);
}

static const struct unit_case cases[] = {
	{"facts within a profile's range are learnt", test_learn},
	{"facts out of it, or of another type, leave the profile as it was", test_refuse},
	{"a code that was learnt survives being written and read", test_code},
	{"a page holds no markup but its own", test_page},
	{"the symbols of a file are looked up within its bounds", test_elf},
	{0},
};

UNIT_MAIN("qualify", cases)
