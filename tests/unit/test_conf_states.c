/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: what an administrator wishes for devices is kept, is lost by nobody, and takes devices away but never brings one in. */
#include "base/conf_states.h"

#include "unit.h"

#include <limits.h>
#include <sys/file.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], told[4096], err[PATH_MAX + 512];
static struct conf *conf;

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

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/test_states.XXXXXX");
	if (!mkdtemp(dir))
		abort();
	put("hufu.conf", "token \"t\" { store = \"sqlite:/t.db\" devices = { \"a\", \"b\" } }\n"
	    "device \"a\" { driver = soft }\ndevice \"b\" { driver = soft }\n", 0640);
	if (conf_load_file(path_of("hufu.conf"), tell, NULL, &conf) != HUFU_OK)
		abort();
}

static void teardown(void)
{
	static const char *const names[] = {"hufu.conf", "hufu.conf.states", "hufu.conf.states.lock", "hufu.conf.states.new"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)remove(path_of(names[i]));
	CU_ASSERT(rmdir(dir) == 0);
	conf_free(conf);
}

static struct conf_states parse(const char *text, enum hufu_err expected)
{
	struct conf_states states;
	told[0] = 0;
	CU_ASSERT_EQUAL(conf_states_parse(conf, text, "s", tell, NULL, &states), expected);
	return states;
}

static void test_read(void)
{
	setup();
	struct conf_states states = parse("# yes\ndevice \"a\" { wish = draining by = \"alice\" why = \"battery\" }\n"
	                                  "device \"b\" { wish = removed }\n", HUFU_OK);
	CU_ASSERT_EQUAL(states.n, 2);
	CU_ASSERT_EQUAL(conf_states_wish(&states, "a"), CONF_WISH_DRAINING);
	CU_ASSERT_EQUAL(conf_states_wish(&states, "b"), CONF_WISH_REMOVED);
	CU_ASSERT_EQUAL(conf_states_wish(&states, "c"), CONF_WISH_ENABLED);
	CU_ASSERT_STRING_EQUAL(states.states[0].by, "alice");
	CU_ASSERT_STRING_EQUAL(states.states[0].why, "battery");
	CU_ASSERT_PTR_NULL(states.states[1].why);
	conf_states_clear(&states);
	states = parse("device \"z\" { wish = draining }\ndevice \"b\" { wish = maintenance }\n", HUFU_OK);
	CU_ASSERT_EQUAL(states.n, 1);
	CU_ASSERT_STRING_EQUAL(told, "s:1: there is no device \"z\" in the configuration. What is wished for it does nothing\n");
	conf_states_clear(&states);
	teardown();
}

static void refused(const char *text, const char *words)
{
	struct conf_states states = parse(text, HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(states.n, 0);
	if (strcmp(told, words) != 0) {
		CU_FAIL("other words were expected");
		printf("# told: %s# expected: %s", told, words);
	}
}

static void test_refused(void)
{
	setup();
	refused("device \"a\" { wish = gone }\n",
	        "s:1: wish = \"gone\" is unknown. Write enabled, draining, maintenance or removed\n");
	refused("device \"a\" { by = \"x\" }\n",
	        "s:1: device \"a\" has no wish. Add wish = draining, maintenance, removed or enabled\n");
	refused("device \"a\" { wish = removed }\ndevice \"a\" { wish = draining }\n",
	        "s:2: device \"a\" stands in line 1 already. Merge the two, or rename one\n");
	refused("device \"a\" { wish = removed driver = soft }\n",
	        "s:1: unknown key \"driver\". The keys of a section device are wish, by, at, why\n");
	refused("token \"t\" { store = \"sqlite:/x\" }\n", "s:1: unknown section \"token\". The sections are device, and no other\n");
	refused("wish = draining\n", "s:1: the key \"wish\" stands in no section. Write device \"name\" { ... } around it\n");
	refused("device \"a\" { wish = gone }\ndevice \"b\" { wish = lost }\n",
	        "s:1: wish = \"gone\" is unknown. Write enabled, draining, maintenance or removed\n"
	        "s:2: wish = \"lost\" is unknown. Write enabled, draining, maintenance or removed\n");
	teardown();
}

static enum hufu_err set(const char *device, enum conf_wish wish, const char *why)
{
	return conf_states_set(conf, device, wish, why, err, sizeof err);
}

static enum conf_wish wish_now(const char *device)
{
	struct conf_states states;
	told[0] = 0;
	CU_ASSERT_EQUAL(conf_states_load(conf, tell, NULL, &states), HUFU_OK);
	enum conf_wish wish = conf_states_wish(&states, device);
	conf_states_clear(&states);
	return wish;
}

static void test_set(void)
{
	struct stat st;
	struct conf_states states;
	setup();
	CU_ASSERT_EQUAL(wish_now("a"), CONF_WISH_ENABLED);
	CU_ASSERT_EQUAL(set("a", CONF_WISH_DRAINING, "it \"beeps\" \\ ${HOME} since \xc3\xbc"), HUFU_OK);
	CU_ASSERT_EQUAL(set("b", CONF_WISH_REMOVED, NULL), HUFU_OK);
	CU_ASSERT_EQUAL(wish_now("a"), CONF_WISH_DRAINING);
	CU_ASSERT_EQUAL(wish_now("b"), CONF_WISH_REMOVED);
	CU_ASSERT_EQUAL(conf_states_load(conf, tell, NULL, &states), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(states.states[0].why, "it \"beeps\" \\ ${HOME} since \xc3\xbc");
	CU_ASSERT_EQUAL(strlen(states.states[0].at), strlen("2026-11-21T15:30:00Z"));
	CU_ASSERT(states.states[0].by[0] != 0);
	conf_states_clear(&states);
	CU_ASSERT(stat(path_of("hufu.conf.states"), &st) == 0 && (st.st_mode & 07777) == 0640);
	CU_ASSERT(stat(path_of("hufu.conf.states.lock"), &st) == 0 && (st.st_mode & 07777) == 0600);
	CU_ASSERT_EQUAL(set("a", CONF_WISH_ENABLED, NULL), HUFU_OK);
	CU_ASSERT_EQUAL(wish_now("a"), CONF_WISH_ENABLED);
	CU_ASSERT_EQUAL(wish_now("b"), CONF_WISH_REMOVED);
	teardown();
}

static void test_set_refused(void)
{
	setup();
	CU_ASSERT_EQUAL(set("z", CONF_WISH_DRAINING, NULL), HUFU_ERR_ARGUMENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "there is no device \"z\""));
	CU_ASSERT_EQUAL(set("a", CONF_WISH_DRAINING, "two\nlines"), HUFU_ERR_ARGUMENT);
	CU_ASSERT(access(path_of("hufu.conf.states"), F_OK) != 0);
	/* A file with mistakes is for its owner to repair, not for us to overwrite. */
	put("hufu.conf.states", "device \"a\" { wish = gone }\n", 0600);
	CU_ASSERT_EQUAL(set("b", CONF_WISH_DRAINING, NULL), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "hufu.conf.states:1: wish = \"gone\""));
	/* Whoever can write it could take devices away. */
	put("hufu.conf.states", "device \"a\" { wish = removed }\n", 0666);
	struct conf_states states;
	told[0] = 0;
	CU_ASSERT_EQUAL(conf_states_load(conf, tell, NULL, &states), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(told, "may be written by others than its owner"));
	CU_ASSERT_EQUAL(states.n, 0);
	/* What one that died left behind is in nobody's way. */
	put("hufu.conf.states", "", 0600);
	put("hufu.conf.states.new", "half", 0600);
	CU_ASSERT_EQUAL(set("b", CONF_WISH_DRAINING, NULL), HUFU_OK);
	CU_ASSERT_EQUAL(wish_now("b"), CONF_WISH_DRAINING);
	/* A second name of another file in the lock's place: that one keeps its mode. */
	struct stat st;
	put("other", "text", 0644);
	CU_ASSERT(unlink(path_of("hufu.conf.states.lock")) == 0);
	char lock[PATH_MAX];
	snprintf(lock, sizeof lock, "%s", path_of("hufu.conf.states.lock"));
	CU_ASSERT(link(path_of("other"), lock) == 0);
	CU_ASSERT_EQUAL(set("b", CONF_WISH_ENABLED, NULL), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "another name"));
	CU_ASSERT(stat(path_of("other"), &st) == 0 && (st.st_mode & 07777) == 0644);
	CU_ASSERT(unlink(path_of("other")) == 0 && unlink(lock) == 0);
	/* A directory where anybody may write: what is put there nobody would believe, so it is not put there. */
	CU_ASSERT_EQUAL(chmod(dir, 0777), 0);
	CU_ASSERT_EQUAL(set("a", CONF_WISH_ENABLED, NULL), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(unlink(path_of("hufu.conf.states")), 0);
	CU_ASSERT_EQUAL(set("a", CONF_WISH_DRAINING, NULL), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "written by others"));
	CU_ASSERT_NOT_EQUAL(access(path_of("hufu.conf.states"), F_OK), 0);
	CU_ASSERT_EQUAL(chmod(dir, 0700), 0);
	const struct conf embedded = {0};
	CU_ASSERT_EQUAL(conf_states_set(&embedded, "soft", CONF_WISH_DRAINING, NULL, err, sizeof err), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "hufu.conf"));
	teardown();
}

#define ROUNDS 20

/* Two administrators, each with a device: if one read before the other's rename, and wrote after it, a wish would be lost. */
static void test_two_administrators(void)
{
	UNIT_FORKS();
	setup();
	for (int i = 0; i < ROUNDS; i++) {
		enum conf_wish wish = i % 2 ? CONF_WISH_MAINTENANCE : CONF_WISH_DRAINING;
		pid_t pid = fork();
		if (pid == 0)
			_exit(set("a", wish, NULL) == HUFU_OK ? 0 : 1);
		int status = -1;
		CU_ASSERT_EQUAL(set("b", wish, NULL), HUFU_OK);
		waitpid(pid, &status, 0);
		CU_ASSERT_EQUAL(status, 0);
		CU_ASSERT_EQUAL(wish_now("a"), wish);
		CU_ASSERT_EQUAL(wish_now("b"), wish);
	}
	teardown();
}

static const struct unit_case cases[] = {
	{"wishes are read; those for devices that the configuration lost are told and left out", test_read},
	{"a file with mistakes is refused whole, each mistake told", test_refused},
	{"a wish that is set is kept with who, when and why, readable by who may read the configuration", test_set},
	{"what is no device, no line or no sound file is refused and overwrites nothing", test_set_refused},
	{"two administrators at the same time lose no wish", test_two_administrators},
	{0},
};
UNIT_MAIN("conf_states", cases)
