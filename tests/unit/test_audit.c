/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: whatever is done to it is found, and what was acknowledged is there. */
#include "audit/audit.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "audit/chain.h"
#include "base/clock.h"
#include "base/log.h"
#include "rand/rand.h"

#include "unit.h"

#define LINES_MAX 64

struct bed {
	char dir[64], file[96];
	struct conf_audit conf;
	char *lines[LINES_MAX];    /* with their ends */
	size_t nlines;
};

static char *path_of(const struct bed *bed, const char *suffix)
{
	static char path[4][128];
	static unsigned turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof(path[0]), "%s%s", bed->file, suffix);
	return out;
}

static void bed_make(struct bed *bed)
{
	memset(bed, 0, sizeof(*bed));
	strcpy(bed->dir, "/tmp/hufu-audit-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(bed->dir));
	snprintf(bed->file, sizeof(bed->file), "%s/trail", bed->dir);
	bed->conf = (struct conf_audit){.given = true, .file = bed->file, .operations = true, .when_full = CONF_AUDIT_BUFFER,
	                                .buffer = 1000, .buffer_ms = 30000, .checkpoint_s = 3600, .checkpoint_records = 0};
}

static void bed_clear(struct bed *bed)
{
	char command[128];
	pid_t pid;

	for (size_t i = 0; i < bed->nlines; i++)
		free(bed->lines[i]);
	snprintf(command, sizeof(command), "%s", bed->dir);
	pid = fork();
	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", command, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static struct audit *open_trail(struct bed *bed)
{
	struct audit *audit = NULL;

	CU_ASSERT_EQUAL_FATAL(audit_open(&bed->conf, &audit), HUFU_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(audit);
	return audit;
}

static enum hufu_err write_one(struct audit *audit, enum audit_class class, const char *event)
{
	static const uint8_t uuid[16] = {1, 2, 3};
	const struct audit_record record = {.class = class, .event = event, .identity = "gate", .peer = "CN=gate,O=\"x\"", .token = "t",
	                                    .key_uuid = uuid, .mechanism = 0x1234, .attempts = 1, .device = "soft"};

	return audit_write(audit, &record, 0);
}

static void write_some(struct bed *bed, int n)
{
	struct audit *audit = open_trail(bed);

	for (int i = 0; i < n; i++)
		CU_ASSERT_EQUAL(write_one(audit, AUDIT_KEY, "generate"), HUFU_OK);
	audit_close(audit);
}

static void read_lines(struct bed *bed)
{
	FILE *file = fopen(bed->file, "r");
	size_t cap = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (bed->nlines = 0; bed->nlines < LINES_MAX; bed->nlines++, cap = 0)
		if (getline(&bed->lines[bed->nlines], &cap, file) <= 0)
			break;
	free(bed->lines[bed->nlines]);
	bed->lines[bed->nlines] = NULL;
	fclose(file);
}

/* Writes these of the lines, in this order, ended by -1. */
static void write_lines(const struct bed *bed, const int *order)
{
	FILE *file = fopen(bed->file, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (; *order >= 0; order++)
		fputs(bed->lines[*order], file);
	fclose(file);
}

static size_t read_file(const char *path, void *out, size_t cap)
{
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(out, 1, cap, file) : 0;

	if (file)
		fclose(file);
	return n;
}

/* There are thousands, as there should be. */
static void pass_over(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static enum hufu_err verify(const struct bed *bed, bool with_seed, struct audit_verdict *verdict)
{
	const char *files[] = {bed->file};
	uint8_t seed[33], point[64];
	char text[130];

	CU_ASSERT_EQUAL(read_file(path_of(bed, ".seed"), seed, sizeof(seed)), 32);
	CU_ASSERT_EQUAL(read_file(path_of(bed, ".key.pub"), text, sizeof(text)), 129);
	CU_ASSERT_TRUE(chain_unhex(text, 64, point));
	return audit_verify(files, 1, point, with_seed ? seed : NULL, pass_over, NULL, verdict);
}

/* Whatever a client calls itself, its record is there and is JSON; the expected text is what jansson reads. */
static void test_hostile_names(void)
{
	static const struct {
		const char *peer, *read;
	} rows[] = {
		{"CN=\"x\\y\"", "CN=\"x\\y\""}, {"a\nb\001\177", "a\nb\001\177"}, {"\xe9\x93\xb6\xe8\xa1\x8c", "\xe9\x93\xb6\xe8\xa1\x8c"},
		{"\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91"}, {"\xff", "\xef\xbf\xbd"}, {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"x\xe9\x93", "x\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"\",\"event\":\"start", "\",\"event\":\"start"}, {"", ""},
	};
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	struct bed bed;

	bed_make(&bed);
	struct audit *audit = open_trail(&bed);
	for (size_t i = 0; i < n; i++) {
		const struct audit_record record = {.class = AUDIT_LOGIN, .event = "login", .peer = rows[i].peer, .result = HUFU_ERR_PIN};
		CU_ASSERT_EQUAL(audit_write(audit, &record, 0), HUFU_OK);
	}
	audit_close(audit);
	read_lines(&bed);
	CU_ASSERT_FATAL(bed.nlines >= n);
	for (size_t i = 0; i < n; i++) {
		json_t *record = json_loads(bed.lines[i], JSON_REJECT_DUPLICATES, NULL);
		const char *peer = json_string_value(json_object_get(record, "peer"));
		CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
		CU_ASSERT_STRING_EQUAL(peer, rows[i].read);
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(record, "event")), "login");
		json_decref(record);
	}
	bed_clear(&bed);
}

/* Who writes that does not wait, and who asks before it begins: refused where there is no room, and counted. */
static void test_asked_before(void)
{
	struct bed bed;
	struct audit_state state;
	const struct audit_record record = {.class = AUDIT_KEY, .event = "generate"};

	CU_ASSERT_TRUE(audit_may(NULL, AUDIT_KEY));
	CU_ASSERT_EQUAL(audit_post(NULL, &record), HUFU_OK);
	bed_make(&bed);
	struct audit *audit = open_trail(&bed);
	CU_ASSERT_TRUE(audit_may(audit, AUDIT_KEY));
	CU_ASSERT_TRUE(audit_may(audit, AUDIT_OP));
	CU_ASSERT_EQUAL(audit_post(audit, &record), HUFU_OK);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_KEY, "generate"), HUFU_OK); /* durable behind it */
	audit_state(audit, &state);
	CU_ASSERT_EQUAL(state.records, 2);
	CU_ASSERT_EQUAL(state.refused, 0);
	audit_close(audit);
	bed_clear(&bed);
}

/* hufud may be writing while somebody verifies: what its state does not promise yet is no finding. */
static void test_verified_while_written(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	FILE *file;

	bed_make(&bed);
	write_some(&bed, 3);
	file = fopen(bed.file, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs("{\"seq\":5,\"ts\":\"2026", file);
	fclose(file);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_OK);
	CU_ASSERT_EQUAL(unlink(path_of(&bed, ".state")), 0);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_ERR_CORRUPT);
	CU_ASSERT_EQUAL(verdict.findings, 1);
	bed_clear(&bed);
}

static void test_whole(void)
{
	struct bed bed;
	struct audit_verdict verdict;

	bed_make(&bed);
	write_some(&bed, 5);
	write_some(&bed, 4);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_OK);
	CU_ASSERT_EQUAL(verdict.records, 11);
	CU_ASSERT_EQUAL(verdict.checkpoints, 2);
	CU_ASSERT_EQUAL(verify(&bed, false, &verdict), HUFU_OK);
	bed_clear(&bed);
}

/* Every byte of every line, its end too. */
static void test_change(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	static const int all[] = {0, 1, 2, 3, -1};

	bed_make(&bed);
	write_some(&bed, 3);
	read_lines(&bed);
	CU_ASSERT_EQUAL_FATAL(bed.nlines, 4);
	for (size_t i = 0; i < bed.nlines; i++)
		for (size_t at = 0, len = strlen(bed.lines[i]); at < len; at++) {
			bed.lines[i][at] ^= 1;
			write_lines(&bed, all);
			if (verify(&bed, at % 2, &verdict) != HUFU_ERR_CORRUPT)
				CU_FAIL("a changed byte was not found");
			bed.lines[i][at] ^= 1;
		}
	write_lines(&bed, all);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_OK);
	bed_clear(&bed);
}

static void test_cut_and_reorder(void)
{
	static const int orders[][8] = {
		{1, 2, 3, 4, 5, -1}, {0, 1, 2, 3, 4, -1}, {0, 1, 2, -1}, {-1}, {0, 1, 3, 4, 5, -1}, {0, 2, 1, 3, 4, 5, -1},
		{0, 1, 1, 2, 3, 4, 5, -1}, {5, 4, 3, 2, 1, 0, -1},
	};
	struct bed bed;
	struct audit_verdict verdict;

	bed_make(&bed);
	write_some(&bed, 5);
	read_lines(&bed);
	CU_ASSERT_EQUAL_FATAL(bed.nlines, 6);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		write_lines(&bed, orders[i]);
		CU_ASSERT_EQUAL(verify(&bed, false, &verdict), HUFU_ERR_CORRUPT);
		CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_ERR_CORRUPT);
	}
	bed_clear(&bed);
}

/* Whoever has the machine's present keys, but not the seed, rewrites a record and all hashes after it. */
static void test_rewritten_with_present_key(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	struct chain chain;
	struct writer w;
	FILE *file;

	bed_make(&bed);
	write_some(&bed, 3);
	memset(&chain, 0, sizeof(chain));
	chain.seq = 1;
	memset(chain.key, 7, sizeof(chain.key));
	writer_init(&w, false);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(chain_append(&chain, "\"event\":\"forged\"", NULL, &w), HUFU_OK);
	file = fopen(bed.file, "w");
	fwrite(w.data, 1, w.len, file);
	fclose(file);
	writer_clear(&w);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_ERR_CORRUPT);
	CU_ASSERT(verdict.findings >= 4);
	bed_clear(&bed);
}

/* The MAC and the hash of the first line, by libcrypto. */
static void test_known_forms(void)
{
	struct bed bed;
	uint8_t seed[32], mac[32], hash[32], expected[32];
	unsigned len;
	char *at;

	bed_make(&bed);
	write_some(&bed, 2);
	read_lines(&bed);
	CU_ASSERT_EQUAL(read_file(path_of(&bed, ".seed"), seed, sizeof(seed)), 32);
	at = strstr(bed.lines[0], "\",\"mac\":\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_PTR_NOT_NULL(HMAC(EVP_sm3(), seed, 32, (uint8_t *)bed.lines[0], (size_t)(at - bed.lines[0]), mac, &len));
	CU_ASSERT_TRUE(chain_unhex(at + 9, 32, expected));
	CU_ASSERT_EQUAL(memcmp(mac, expected, 32), 0);
	CU_ASSERT_EQUAL(EVP_Digest(bed.lines[0], strlen(bed.lines[0]) - 1, hash, &len, EVP_sm3(), NULL), 1);
	at = strstr(bed.lines[1], "\"prev\":\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_TRUE(chain_unhex(at + 8, 32, expected));
	CU_ASSERT_EQUAL(memcmp(hash, expected, 32), 0);
	bed_clear(&bed);
}

static void test_not_as_left(void)
{
	struct bed bed;
	struct audit *audit;
	static const int cut[] = {0, 1, -1}, changed[] = {0, 1, 2, 4, -1};
	char state[512];

	bed_make(&bed);
	write_some(&bed, 4);
	read_lines(&bed);
	write_lines(&bed, cut);
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	write_lines(&bed, changed);
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	CU_ASSERT(read_file(path_of(&bed, ".state"), state, sizeof(state)) > 0);
	unlink(path_of(&bed, ".state"));
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	bed_clear(&bed);
}

static void test_half_a_record(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	FILE *file;

	bed_make(&bed);
	write_some(&bed, 3);
	file = fopen(bed.file, "a");
	fputs("{\"seq\":5,\"ts\":\"20", file);
	fclose(file);
	write_some(&bed, 2);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_OK);
	CU_ASSERT_EQUAL(verdict.records, 7);
	bed_clear(&bed);
}

/* The child says each time that a record was acknowledged, and is killed. */
static void test_killed(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	int pipes[2], acknowledged = 0;
	char byte;

	UNIT_FORKS();
	bed_make(&bed);
	CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
	const pid_t pid = fork();
	if (pid == 0) {
		struct audit *audit;
		close(pipes[0]);
		if (audit_open(&bed.conf, &audit))
			_exit(1);
		while (write_one(audit, AUDIT_KEY, "generate") == HUFU_OK && write(pipes[1], "x", 1) == 1)
			;
		_exit(1);
	}
	close(pipes[1]);
	while (read(pipes[0], &byte, 1) == 1)
		if (++acknowledged == 50)
			kill(pid, SIGKILL);
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	CU_ASSERT(acknowledged >= 50);
	write_some(&bed, 1);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_OK);
	CU_ASSERT(verdict.records >= (uint64_t)acknowledged);
	bed_clear(&bed);
}

static void test_rotation(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	struct audit *audit;
	uint8_t seed[32];
	struct stat st;

	bed_make(&bed);
	bed.conf.rotate_mb = 1;
	bed.conf.checkpoint_records = 500;
	audit = open_trail(&bed);
	for (int i = 0; i < 40 && stat(path_of(&bed, ".1"), &st); i++) {
		for (int k = 0; k < 100; k++)
			CU_ASSERT_EQUAL(write_one(audit, AUDIT_OP, "sign"), HUFU_OK);
		CU_ASSERT_EQUAL(write_one(audit, AUDIT_KEY, "generate"), HUFU_OK);
	}
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_KEY, "after"), HUFU_OK);
	audit_close(audit);
	const char *files[] = {path_of(&bed, ".1"), bed.file};
	CU_ASSERT_EQUAL(read_file(path_of(&bed, ".seed"), seed, sizeof(seed)), 32);
	CU_ASSERT_EQUAL(audit_verify(files, 2, NULL, seed, pass_over, NULL, &verdict), HUFU_OK);
	CU_ASSERT(verdict.checkpoints >= 2);
	CU_ASSERT_EQUAL(audit_verify(files + 1, 1, NULL, seed, pass_over, NULL, &verdict), HUFU_ERR_CORRUPT);
	write_some(&bed, 1);
	CU_ASSERT_EQUAL(audit_verify(files, 2, NULL, seed, pass_over, NULL, &verdict), HUFU_OK);
	bed_clear(&bed);
}

static void write_file(const char *path, const void *data, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
	close(fd);
}

/* As it stands after a death amid the rotation of a trail of four records and a checkpoint: with both names, or with the new one. */
static void test_killed_amid_rotation(void)
{
	struct bed bed;
	struct audit_verdict verdict;
	struct audit *audit;
	uint8_t seed[32];

	for (int renamed = 0; renamed < 2; renamed++) {
		bed_make(&bed);
		write_some(&bed, 4);
		CU_ASSERT_EQUAL(read_file(path_of(&bed, ".seed"), seed, sizeof(seed)), 32);
		CU_ASSERT_EQUAL(link(bed.file, path_of(&bed, ".1")), 0);
		write_file(path_of(&bed, ".new"), "", 0);
		if (renamed)
			CU_ASSERT_EQUAL(rename(path_of(&bed, ".new"), bed.file), 0);
		bed.conf.rotate_mb = 1;
		audit = open_trail(&bed);
		for (int i = 0; i < 4000 && !renamed; i++) /* until its turn comes again */
			CU_ASSERT_EQUAL(write_one(audit, i % 100 ? AUDIT_OP : AUDIT_KEY, "sign"), HUFU_OK);
		CU_ASSERT_EQUAL(write_one(audit, AUDIT_KEY, "generate"), HUFU_OK);
		audit_close(audit);
		write_some(&bed, 1);
		const char *files[] = {path_of(&bed, ".1"), bed.file};
		CU_ASSERT_EQUAL(audit_verify(files, 2, NULL, seed, pass_over, NULL, &verdict), HUFU_OK);
		CU_ASSERT(verdict.records >= 8);
		bed_clear(&bed);
	}
}

/* What was moved away in another state than it was left is no former part of the trail. */
static void test_no_rotation(void)
{
	struct bed bed;
	struct audit *audit;
	char lines[8192];

	bed_make(&bed);
	write_some(&bed, 4);
	const size_t len = read_file(bed.file, lines, sizeof(lines));
	write_file(bed.file, "", 0);
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	write_file(path_of(&bed, ".1"), lines, len - 1); /* cut off */
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	lines[len] = '{';
	write_file(path_of(&bed, ".1"), lines, len + 1); /* longer */
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	lines[len - 5] ^= 1;
	write_file(path_of(&bed, ".1"), lines, len); /* changed */
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &audit), HUFU_ERR_CONFIG);
	bed_clear(&bed);
}

/* A file that may grow no more stands for a full disk. */
static void test_full_disk(void)
{
	struct bed bed;
	struct audit *audit;
	struct audit_state state;
	struct audit_verdict verdict;
	struct rlimit was, tight;
	struct stat st;

	bed_make(&bed);
	signal(SIGXFSZ, SIG_IGN);
	bed.conf.buffer = 3;
	audit = open_trail(&bed);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_LOGIN, "login"), HUFU_OK);
	CU_ASSERT_EQUAL(stat(bed.file, &st), 0);
	getrlimit(RLIMIT_FSIZE, &was);
	tight = was;
	tight.rlim_cur = (rlim_t)st.st_size + 20;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &tight), 0);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_LOGIN, "login"), HUFU_ERR_STORE_IO);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_OP, "sign"), HUFU_OK);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_OP, "sign"), HUFU_OK);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_OP, "sign"), HUFU_ERR_STORE_IO);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_KEY, "generate"), HUFU_ERR_STORE_IO);
	audit_state(audit, &state);
	CU_ASSERT_FALSE(state.writable);
	CU_ASSERT_FALSE(audit_may(audit, AUDIT_KEY));
	CU_ASSERT_FALSE(audit_may(audit, AUDIT_OP));
	setrlimit(RLIMIT_FSIZE, &was);
	audit_close(audit);
	CU_ASSERT_EQUAL(verify(&bed, true, &verdict), HUFU_OK);
	CU_ASSERT_EQUAL(verdict.records, 6);
	bed_clear(&bed);
}

static void test_policies(void)
{
	struct bed bed;
	struct audit *audit;
	struct audit_state state;

	bed_make(&bed);
	bed.conf.operations = false;
	audit = open_trail(&bed);
	CU_ASSERT_EQUAL(write_one(audit, AUDIT_OP, "sign"), HUFU_OK);
	audit_state(audit, &state);
	CU_ASSERT_EQUAL(state.records, 0);
	audit_close(audit);
	CU_ASSERT_EQUAL(write_one(NULL, AUDIT_LOGIN, "login"), HUFU_OK);
	struct audit *second;
	audit = open_trail(&bed);
	CU_ASSERT_EQUAL(audit_open(&bed.conf, &second), HUFU_ERR_CONFIG);
	audit_close(audit);
	bed_clear(&bed);
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"a trail that nobody touched verifies, over a restart too", test_whole},
		{"every changed byte is found", test_change},
		{"a cut at either end or between, a doubled and a moved record are found", test_cut_and_reorder},
		{"a trail rewritten without the seed is found", test_rewritten_with_present_key},
		{"MAC and hash of a line are HMAC-SM3 and SM3, by libcrypto", test_known_forms},
		{"a trail that is not as it was left is not gone on with", test_not_as_left},
		{"half a record, which a power cut leaves, is cut off", test_half_a_record},
		{"what was acknowledged is there after kill -9", test_killed},
		{"a trail of several files is one chain", test_rotation},
		{"a trail whose machine died amid a rotation goes on", test_killed_amid_rotation},
		{"records that were moved away, and are not as they were, are no former part of a trail", test_no_rotation},
		{"whatever a client calls itself, its record is there", test_hostile_names},
		{"what does not wait, and what is asked before, is told of room", test_asked_before},
		{"a record that is being written is no finding, half a record elsewhere is", test_verified_while_written},
		{"with a full disk logins and keys are refused, ops as far as the buffer goes", test_full_disk},
		{"ops are left out where the configuration says so; a trail has one writer", test_policies},
		{0},
	};
	char err[128];

	if (log_configure("none", HUFU_LOG_ERROR, err, sizeof(err)) || rand_start())
		return 99;
	return unit_main("audit", cases);
}
