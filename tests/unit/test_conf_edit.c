/* SPDX-License-Identifier: Apache-2.0 */
/* A section is added to hufu.conf without a change to the rest; a file that would not load never takes its place. */
#include "base/conf_edit.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTION "device \"card2\" {\n\tdriver = soft\n\ttoken = \"demo\"\n}\n"

static char dir[64], path[96], told[4096], why[1024];

static void tell(void *arg, const char *message)
{
	size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%s\n", message);
}

static void put(const char *file, const char *text, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0)
		abort();
	close(fd);
}

static char *get(const char *file)
{
	static char text[65536];
	int fd = open(file, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		abort();
	close(fd);
	text[n] = '\0';
	return text;
}

static const char *base_text(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "# by hand:  two  blanks\r\ntoken \"demo\" { store = \"sqlite:%s/demo.db\" "
	         "allow_short_pin = true\n\tdevices = { card1 } }\ndevice \"card1\" {\n\tdriver = soft\n}", dir);
	return text;
}

static unsigned files(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static struct conf *begin(void)
{
	struct conf *conf = NULL;

	snprintf(dir, sizeof(dir), "/tmp/hufu-conf-edit-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/hufu.conf", dir);
	put(path, base_text(), 0640);
	told[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(conf_load_file(path, tell, NULL, &conf), HUFU_OK);
	return conf;
}

static void end(struct conf *conf)
{
	char link[96];

	conf_free(conf);
	snprintf(link, sizeof(link), "%s/link.conf", dir);
	unlink(link);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void test_append(void)
{
	struct conf *conf = begin(), *after = NULL;
	char expected[1024];
	struct stat st;

	CU_ASSERT_EQUAL(conf_append(conf, SECTION, tell, NULL, why, sizeof(why)), HUFU_OK);
	snprintf(expected, sizeof(expected), "%s\n" SECTION, base_text());
	CU_ASSERT_STRING_EQUAL(get(path), expected);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	CU_ASSERT_EQUAL(st.st_uid, geteuid());
	CU_ASSERT_EQUAL(files(), 1);
	CU_ASSERT_EQUAL_FATAL(conf_load_file(path, tell, NULL, &after), HUFU_OK);
	CU_ASSERT_EQUAL(after->tokens[0].ndevices, 2);
	conf_free(after);
	end(conf);
}

static void test_refused(void)
{
	struct conf *conf = begin();

	CU_ASSERT_EQUAL(conf_append(conf, "device \"card1\" { driver = soft }\n", tell, NULL, why, sizeof(why)), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(told, "card1"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "stays as it is"));
	CU_ASSERT_EQUAL(conf_append(conf, "device \"card2\" { driver = soft", tell, NULL, why, sizeof(why)), HUFU_ERR_CONFIG);
	CU_ASSERT_STRING_EQUAL(get(path), base_text());
	CU_ASSERT_EQUAL(files(), 1);
	end(conf);
}

static void test_untrusted(void)
{
	struct conf *conf = begin();

	CU_ASSERT_EQUAL(chmod(path, 0666), 0);
	CU_ASSERT_EQUAL(conf_append(conf, SECTION, tell, NULL, why, sizeof(why)), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "written by others"));
	CU_ASSERT_STRING_EQUAL(get(path), base_text());
	end(conf);
}

/* What was added by hand since it was read is kept. */
static void test_changed_since(void)
{
	struct conf *conf = begin();
	char more[1024];

	snprintf(more, sizeof(more), "%s\ndevice \"card3\" { driver = soft }\n", base_text());
	put(path, more, 0640);
	CU_ASSERT_EQUAL(conf_append(conf, SECTION, tell, NULL, why, sizeof(why)), HUFU_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(get(path), "card3"));
	CU_ASSERT_PTR_NOT_NULL(strstr(get(path), SECTION));
	end(conf);
}

static void test_link(void)
{
	struct conf *conf = begin(), *linked = NULL;
	char link[96];
	struct stat st;

	snprintf(link, sizeof(link), "%s/link.conf", dir);
	CU_ASSERT_EQUAL(symlink(path, link), 0);
	CU_ASSERT_EQUAL_FATAL(conf_load_file(link, tell, NULL, &linked), HUFU_OK);
	CU_ASSERT_EQUAL(conf_append(linked, SECTION, tell, NULL, why, sizeof(why)), HUFU_OK);
	CU_ASSERT_EQUAL(lstat(link, &st), 0);
	CU_ASSERT(S_ISLNK(st.st_mode));
	CU_ASSERT_PTR_NOT_NULL(strstr(get(path), SECTION));
	conf_free(linked);
	end(conf);
}

/* Eight programs add a device each: all are there. */
static void test_together(void)
{
	UNIT_FORKS();
	struct conf *conf = begin();
	pid_t pids[8];

	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			char text[128];
			snprintf(text, sizeof(text), "device \"new%d\" { driver = soft }\n", i);
			_exit(conf_append(conf, text, NULL, NULL, why, sizeof(why)) != HUFU_OK);
		}
	}
	for (int i = 0; i < 8; i++) {
		int status = -1;
		waitpid(pids[i], &status, 0);
		CU_ASSERT_EQUAL(status, 0);
	}
	for (int i = 0; i < 8; i++) {
		char text[128];
		snprintf(text, sizeof(text), "device \"new%d\" { driver = soft }\n", i);
		CU_ASSERT_PTR_NOT_NULL(strstr(get(path), text));
	}
	CU_ASSERT_EQUAL(files(), 1);
	end(conf);
}

static void test_no_file(void)
{
	struct conf conf = {0};

	CU_ASSERT_EQUAL(conf_append(&conf, SECTION, tell, NULL, why, sizeof(why)), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no configuration file"));
	CU_ASSERT_PTR_NULL(conf_text(&conf, tell, NULL));
}

static void test_places(void)
{
	static const char text[] = "# device \"card1\" { }\n"
		"token \"demo\" {\n\tstore = \"sqlite:/d.db\"\n\tdevices = {\n\t\tcard1, \"card10\"\n\t}\n}\n"
		"device \"card10\" { driver = soft }\n"
		"device \"card1\" {\n\t/* } */\n\tdriver = soft\n}\n";
	struct conf_place places[4];

	CU_ASSERT_EQUAL_FATAL(conf_device_places(text, "card1", places, 4), 2);
	CU_ASSERT(places[0].section);
	CU_ASSERT_EQUAL(places[0].first, 9);
	CU_ASSERT_EQUAL(places[0].last, 12);
	CU_ASSERT(!places[1].section);
	CU_ASSERT_EQUAL(places[1].first, 4);
	CU_ASSERT_EQUAL(places[1].last, 6);
	CU_ASSERT_EQUAL(conf_device_places(text, "card1", places, 0), 2);
	CU_ASSERT_EQUAL(conf_device_places(text, "card", places, 4), 0);
	CU_ASSERT_EQUAL(conf_device_places("device \"card1\" {", "card1", places, 4), 0);
}

static void test_string(void)
{
	static const char *const values[] = {"plain", "two words", "a\"quote", "back\\slash", "${HOME}", "${a}'b\"", "}",
	                                     "# no comment"};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct conf *conf = NULL;
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		fputs("device \"d\" { driver = \"/d.so\" note = ", out);
		conf_print_string(out, values[i]);
		fputs(" }\n", out);
		fclose(out);
		CU_ASSERT_EQUAL_FATAL(conf_parse(text, "t", tell, NULL, &conf), HUFU_OK);
		CU_ASSERT_STRING_EQUAL(conf->devices[0].options[1], values[i]);
		conf_free(conf);
		free(text);
	}
}

static const struct unit_case cases[] = {
	{"text is added at the end; the rest, the mode and the owner stay", test_append},
	{"text with which it would not load is refused, and nothing changes", test_refused},
	{"a file that others may write is not touched", test_untrusted},
	{"what somebody wrote since it was read is kept", test_changed_since},
	{"a symbolic link stays one", test_link},
	{"programs that add at the same time lose nothing", test_together},
	{"without a file there is nothing to add to", test_no_file},
	{"a device's section and the lists that name it are found by line", test_places},
	{"a value is read back as it was", test_string},
	{0},
};
UNIT_MAIN("conf_edit", cases)
