/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: drivers are found by name or trusted path, and what is none is refused with a reason and a remedy. */
#include "unit.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/driver.h"

static char dir[] = "/tmp/hufu-registry-XXXXXX";
static char why[512];

/* A copy of the built sample in a directory of our own: the build tree may be anybody's. Never onto one that is loaded. */
static void copy_sample(const char *name, const char *as, char path[PATH_MAX])
{
	char from[PATH_MAX], bytes[4096];
	size_t n;

	snprintf(from, sizeof(from), "tests/unit/.libs/sample_%s.so", name);
	snprintf(path, PATH_MAX, "%s/%s.so", dir, as);
	FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
	CU_ASSERT_FATAL(in && out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		CU_ASSERT_FATAL(fwrite(bytes, 1, n, out) == n);
	fclose(in);
	fclose(out);
	chmod(path, 0700);
}

static const struct hufu_driver *find(const char *name)
{
	why[0] = 0;
	return driver_find(name, why, sizeof(why));
}

static void test_built_in(void)
{
	const struct hufu_driver *soft = find("soft");

	CU_ASSERT_FATAL(soft == &driver_soft);
	CU_ASSERT(strcmp(soft->name, "soft") == 0 && soft->flags & HUFU_DRIVER_RETURNS_BY_DEADLINE);
	CU_ASSERT(!find("hard") && strstr(why, "no driver \"hard\"") && strstr(why, "Write soft"));
	CU_ASSERT(!find("") && why[0]);
	CU_ASSERT(!find("lib/driver.so") && why[0]);
}

static void test_good_object(void)
{
	char path[PATH_MAX];

	copy_sample("good", "good", path);
	const struct hufu_driver *driver = find(path);
	if (!driver)
		printf("# %s\n", why);
	CU_ASSERT_FATAL(driver != NULL);
	CU_ASSERT(strcmp(driver->name, "sample") == 0);
	CU_ASSERT(find(path) == driver); /* loaded once, never unloaded */
}

static void test_bad_objects(void)
{
	static const struct {
		const char *name, *reason;
	} bad[] = {
		{"old", "driver ABI"}, {"short", "bytes"}, {"incomplete", "leaves out a function"},
		{"nothing", "gave nothing"}, {"no_entry", "it has no hufu_driver_entry"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[PATH_MAX];

		copy_sample(bad[i].name, bad[i].name, path);
		CU_ASSERT(!find(path));
		if (!strstr(why, bad[i].reason) || !strstr(why, path))
			printf("# %s: %s\n", bad[i].name, why);
		CU_ASSERT(strstr(why, bad[i].reason) && strstr(why, path));
	}
}

static void test_untrusted(void)
{
	char path[PATH_MAX];

	copy_sample("good", "writable", path);
	chmod(path, 0722);
	CU_ASSERT(!find(path) && strstr(why, "not trusted") && strstr(why, "chmod go-w"));
	CU_ASSERT(!find("/nowhere/driver.so") && strstr(why, "not trusted"));
	CU_ASSERT(!find(dir) && why[0]);
	snprintf(path, sizeof(path), "%s/text.so", dir);
	FILE *out = fopen(path, "w");
	CU_ASSERT_FATAL(out != NULL);
	fputs("no shared object\n", out);
	fclose(out);
	CU_ASSERT(!find(path) && strstr(why, "cannot be loaded"));
	/* A message that does not fit is cut, not overrun. */
	char small[8];
	memset(small, 'x', sizeof(small));
	CU_ASSERT(!driver_find(path, small, 4) && small[3] == 0 && small[4] == 'x');
}

static void test_register(void)
{
	static struct hufu_driver mine;
	static char names[20][16];
	static struct hufu_driver many[20];
	enum hufu_err err = HUFU_OK;

	CU_ASSERT(driver_register(&mine) == HUFU_ERR_CONFIG);
	mine = driver_soft;
	CU_ASSERT(driver_register(&mine) == HUFU_ERR_EXISTS);
	mine.name = "mine";
	mine.abi++;
	CU_ASSERT(driver_register(&mine) == HUFU_ERR_CONFIG && !find("mine"));
	mine.abi--;
	CU_ASSERT(driver_register(&mine) == HUFU_OK && find("mine") == &mine);
	CU_ASSERT(driver_register(&mine) == HUFU_ERR_EXISTS);
	for (int i = 0; i < 20 && err == HUFU_OK; i++) {
		many[i] = driver_soft;
		snprintf(names[i], sizeof(names[i]), "many%d", i);
		many[i].name = names[i];
		err = driver_register(&many[i]);
	}
	CU_ASSERT(err == HUFU_ERR_NO_MEMORY);
}

static void test_host(void)
{
	const struct hufu_host *host = driver_host();
	uint8_t a[32] = {0}, b[32] = {0};

	CU_ASSERT(host->size == sizeof(*host) && host->abi == HUFU_DRIVER_ABI);
	uint8_t *secret = host->secret_alloc(100);
	CU_ASSERT_FATAL(secret != NULL);
	CU_ASSERT(secret[0] == 0 && secret[99] == 0);
	host->secret_free(secret);
	host->secret_free(NULL);
	CU_ASSERT(host->random(a, sizeof(a)) == HUFU_OK && host->random(b, sizeof(b)) == HUFU_OK && memcmp(a, b, sizeof(a)) != 0);
	CU_ASSERT(host->now_ns() > 0 && host->driver("soft") == &driver_soft && !host->driver("hard"));
}

static void test_conf(void)
{
	char *options[] = {(char *)(uintptr_t) "wraps", (char *)(uintptr_t) "soft", (char *)(uintptr_t) "script",
	                   (char *)(uintptr_t) "", NULL};
	struct conf_device device = {.name = (char *)(uintptr_t) "flaky", .options = options},
			   bare = {.name = (char *)(uintptr_t) "bare"};
	struct hufu_conf conf = driver_conf(&device), none = driver_conf(&bare);

	CU_ASSERT(conf.size == sizeof(conf) && strcmp(conf.name, "flaky") == 0);
	CU_ASSERT(strcmp(conf.get(&conf, "wraps"), "soft") == 0 && strcmp(conf.get(&conf, "script"), "") == 0);
	CU_ASSERT(!conf.get(&conf, "soft") && !conf.get(&conf, "") && !none.get(&none, "wraps"));
}

static const struct unit_case cases[] = {
	{"built-in drivers have names, others are named with a remedy", test_built_in},
	{"a vendor's shared object is loaded, once", test_good_object},
	{"an object of another ABI, incomplete or no driver is refused", test_bad_objects},
	{"a file that others may write, or none at all, is not loaded", test_untrusted},
	{"tests register drivers under names of their own", test_register},
	{"the host lends secret memory, random numbers, time and drivers", test_host},
	{"a driver sees the options of its section", test_conf},
	{0},
};

int main(void)
{
	char path[PATH_MAX];

	if (!mkdtemp(dir))
		return 99;
	int status = unit_main("driver registry", cases);
	static const char *const files[] = {"good", "old", "short", "incomplete", "nothing", "no_entry", "writable", "text"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s.so", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
	return status;
}
