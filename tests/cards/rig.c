/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <ftw.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[RIG_PATH / 2];
static pid_t owner;

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("Bail out! %s\n", what);
	exit(99);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	if (getpid() == owner && !getenv("KEEP"))
		nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *rig_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (*dir)
		return dir;
	need(snprintf(dir, sizeof(dir), "%s/hufu-cards.XXXXXX", tmp ? tmp : "/tmp") < (int)sizeof(dir), "TMPDIR is too long");
	need(mkdtemp(dir) != NULL, dir);
	owner = getpid();
	atexit(remove_dir);
	return dir;
}

static void copy(const char *from, const char *to)
{
	char buf[65536];
	size_t n;
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");

	need(in && out, from);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		need(fwrite(buf, 1, n, out) == n, to);
	need(!ferror(in) && fclose(out) == 0 && fclose(in) == 0, to);
}

/* A copy and no link: the loader takes files of one inode for one library. */
void rig_library(const char *kind, const char *name, char path[RIG_PATH])
{
	char from[RIG_PATH];

	snprintf(from, sizeof(from), "tests/cards/.libs/%s.so", kind);
	need(snprintf(path, RIG_PATH, "%s/%s.so", rig_dir(), name) < RIG_PATH, name);
	copy(from, path);
}

void rig_beside(const char *library, const char *suffix, const char *text)
{
	char path[RIG_PATH + 16], made[RIG_PATH + 24];

	snprintf(path, sizeof(path), "%s%s", library, suffix);
	snprintf(made, sizeof(made), "%s.new", path);
	FILE *f = fopen(made, "w");
	need(f && fputs(text, f) >= 0 && fchmod(fileno(f), 0600) == 0 && fclose(f) == 0, made);
	need(rename(made, path) == 0, path);
}

void rig_faults(const char *library, const char *script)
{
	rig_beside(library, ".faults", script);
}

bool rig_wait_for_hang(const char *library)
{
	char path[RIG_PATH + 16];

	snprintf(path, sizeof(path), "%s.hangs", library);
	for (unsigned i = 0; i < 12000; i++, usleep(5000))
		if (unlink(path) == 0)
			return true;
	return false;
}

/* -- emulated cards ---------------------------------------------------------------------- */

extern char **environ;
static char keys_dir[RIG_PATH];
static unsigned nkeys_dirs;

static void run(char *const *argv)
{
	pid_t pid;
	int status = -1;

	need(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == 0, argv[0]);
	need(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, argv[0]);
}

void rig_keys(unsigned npairs, unsigned nlocked, bool rsa)
{
	char tool[] = "tests/cards/make_card", with_pairs[] = "--pairs", with_locked[] = "--locked", with_rsa[] = "--rsa";
	char pairs[16], locked[16];
	char *argv[] = {tool, with_pairs, pairs, with_locked, locked, keys_dir, rsa ? with_rsa : NULL, NULL};

	need(snprintf(keys_dir, sizeof(keys_dir), "%s/keys%u", rig_dir(), nkeys_dirs++) < (int)sizeof(keys_dir), "TMPDIR is too long");
	need(mkdir(keys_dir, 0700) == 0, keys_dir);
	snprintf(pairs, sizeof(pairs), "%u", npairs);
	snprintf(locked, sizeof(locked), "%u", nlocked);
	run(argv);
}

void rig_card(const char *kind, const char *name, char path[RIG_PATH])
{
	char from[RIG_PATH + 16], to[RIG_PATH + 16];

	rig_library(kind, name, path);
	snprintf(from, sizeof(from), "%s/card.conf", keys_dir);
	snprintf(to, sizeof(to), "%s.conf", path);
	copy(from, to);
	need(chmod(to, 0600) == 0, to);
}

void rig_profile(const char *kind, char path[RIG_PATH])
{
	need(snprintf(path, RIG_PATH, "%s/%s.conf", keys_dir, kind) < RIG_PATH, kind);
}
