/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a device is looked for where hufud hosts it, and only there where nobody else could listen; with isolation = process
 * it never runs in the program; left open, it does where nothing hosts it.
 */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "pool/pool.h"
#include "rand/rand.h"

static char dir[64];

static struct conf *conf_of(const char *before, const char *device)
{
	char text[1024];
	struct conf *conf;

	snprintf(text, sizeof(text), "%s device \"card\" { %s }\n token \"t\" { store = \"sqlite:/t.db\" devices = { card } }\n", before,
	         device);
	if (conf_parse(text, "t.conf", NULL, NULL, &conf) != HUFU_OK)
		abort();
	return conf;
}

static void path_is(const char *before, const char *want)
{
	struct conf *conf = conf_of(before, "driver = soft");
	char path[108];

	CU_ASSERT_TRUE_FATAL(conf_host_socket(&conf->devices[0], path, sizeof(path)));
	CU_ASSERT_STRING_EQUAL(path, want);
	conf_free(conf);
}

static void paths(void)
{
	char longer[200] = "run_dir = \"/", path[108];

	unsetenv("XDG_RUNTIME_DIR");
	path_is("", "/run/hufu/devices/card.sock");
	path_is("run_dir = \"/x/y\"", "/x/y/devices/card.sock");
	memset(longer + strlen(longer), 'a', 120);
	strncat(longer, "\"", 2);
	struct conf *conf = conf_of(longer, "driver = soft");
	CU_ASSERT_FALSE(conf_host_socket(&conf->devices[0], path, sizeof(path)));
	conf_free(conf);
}

static void which(void)
{
	static const struct {
		const char *device;
		bool hosted;
	} rows[] = {
		{"driver = soft", false}, {"driver = fault", false}, {"driver = sdf library = \"/l.so\" profile = \"/p\"", true},
		{"driver = p11 module = \"/m.so\"", true}, {"driver = \"/v.so\"", true}, {"driver = \"/v.so\" isolation = thread", false},
		{"driver = \"/v.so\" isolation = direct", false}, {"driver = soft isolation = process", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *conf = conf_of("", rows[i].device);
		CU_ASSERT_EQUAL(conf_device_is_hosted(&conf->devices[0]), rows[i].hosted);
		conf_free(conf);
	}
}

/* Of devices that hufud hosts for the programs of a host identities may say who may use them. */
static void guests(void)
{
	struct conf *conf = conf_of("identity web { user = www tokens = \"*\" roles = devices }", "driver = soft isolation = process");

	CU_ASSERT(conf->nidentities == 1 && !conf->machine.given);
	conf_free(conf);
	CU_ASSERT_NOT_EQUAL(conf_parse("identity web { user = www tokens = \"*\" roles = devices } device a { driver = soft }", "t.conf",
	                               NULL, NULL, &conf), HUFU_OK);
}

/* -- where somebody listens -------------------------------------------------------------- */

static int listen_in(const char *run)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/devices/card.sock", run);
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) != 0 || listen(fd, 8) != 0)
		abort();
	return fd;
}

static enum hufu_err find(const char *more)
{
	char before[128], why[512] = "";
	struct driver_host_address address;

	snprintf(before, sizeof(before), "run_dir = \"%s\"", dir);
	struct conf *conf = conf_of(before, more);
	enum hufu_err err = driver_host_find(&conf->devices[0], &address, why, sizeof(why));
	if (err == HUFU_OK) {
		const struct hufu_conf view = driver_hosted_conf(&conf->devices[0], &address);
		CU_ASSERT_EQUAL(strncmp(view.get(&view, "address"), "unix:/", 6), 0);
		CU_ASSERT_STRING_EQUAL(view.get(&view, "role"), "host");
		CU_ASSERT_EQUAL(strtoul(view.get(&view, "server_uid"), NULL, 10), geteuid());
		CU_ASSERT_PTR_NULL(view.get(&view, "library"));
	} else {
		CU_ASSERT_NOT_EQUAL(why[0], 0);
	}
	conf_free(conf);
	return err;
}

static void trusted_places(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/devices", dir);
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_ERR_GONE);
	int fd = listen_in(dir);
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_OK);
	chmod(path, 0777);
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_ERR_GONE);
	chmod(path, 01777); /* others might have been first */
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_ERR_GONE);
	chmod(path, 0755);
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_OK);
	close(fd);
	snprintf(path, sizeof(path), "%s/devices/card.sock", dir);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600); /* no socket */
	close(fd);
	CU_ASSERT_EQUAL(find("driver = soft"), HUFU_ERR_GONE);
	unlink(path);
}

/* -- in a pool -------------------------------------------------------------------------------- */

static enum hufu_err draw(const char *device, enum pool_state *state)
{
	char before[128];
	uint8_t out[16];
	struct pool *pool;
	struct pool_device_status status;

	snprintf(before, sizeof(before), "run_dir = \"%s\"", dir);
	struct conf *conf = conf_of(before, device);
	if (pool_new(conf, &conf->tokens[0], &pool) != HUFU_OK)
		abort();
	struct pool_request req = {.impatient = true, .op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out),
	                                                     .deadline_ns = clock_now_ns() + 10 * NS_PER_S}};
	enum hufu_err err = pool_run(pool, &req);
	CU_ASSERT_EQUAL(pool_status(pool, &status, 1), 1);
	*state = status.state;
	pool_free(pool);
	conf_free(conf);
	return err;
}

static void never_here(void)
{
	enum pool_state state;

	CU_ASSERT_EQUAL(draw("driver = soft", &state), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(draw("driver = soft isolation = process", &state), HUFU_OK);
	CU_ASSERT_EQUAL(state, POOL_EJECTED); /* and tried again later: nothing is wrong with it */
	CU_ASSERT_NOT_EQUAL(draw("driver = \"/nowhere/driver.so\" isolation = process", &state), HUFU_OK);
	CU_ASSERT_EQUAL(state, POOL_EJECTED); /* it was not looked for in this process */
	CU_ASSERT_NOT_EQUAL(draw("driver = \"/nowhere/driver.so\"", &state), HUFU_OK);
	CU_ASSERT_EQUAL(state, POOL_QUARANTINED); /* here it was */
}

static void as_what(void)
{
	CU_ASSERT_TRUE(driver_hosted(true)->flags & HUFU_DRIVER_SOFTWARE);
	CU_ASSERT_FALSE(driver_hosted(false)->flags & HUFU_DRIVER_SOFTWARE);
	CU_ASSERT_TRUE(driver_hosted(false)->flags & HUFU_DRIVER_RETURNS_BY_DEADLINE);
}

static const struct unit_case cases[] = {
	{"its socket is where the configuration has it, or the system", paths},
	{"vendors' libraries are hosted unless the section says otherwise", which},
	{"who may use it is said beside it, and nowhere else without a machine", guests},
	{"a socket counts only where nobody else could have made it", trusted_places},
	{"with isolation = process a device that nobody hosts is gone, and never runs here", never_here},
	{"software stays software to the pool in another process", as_what},
	{0},
};

int main(void)
{
	char why[128], devices[96];

	snprintf(dir, sizeof(dir), "/tmp/hufu-hosted-XXXXXX");
	if (log_configure("none", HUFU_LOG_ERROR, why, sizeof(why)) != HUFU_OK || fault_register() != HUFU_OK ||
	    rand_start() != HUFU_OK || !mkdtemp(dir))
		return 99;
	int status = unit_main("hosted", cases);
	snprintf(devices, sizeof(devices), "%s/devices", dir);
	rmdir(devices);
	rmdir(dir);
	return status;
}
