/* SPDX-License-Identifier: Apache-2.0 */
#include "store_util.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define DIE_UNLESS(x) do { if (!(x)) { printf("# %s:%d: %s\n", __FILE__, __LINE__, #x); fflush(stdout); abort(); } } while (0)

#ifdef STORE_OVER_POSTGRES
#include "store/postgres/register.h"

struct pg_server pg;

__attribute__((constructor)) static void need_server(void)
{
	if (pg_found())
		return;
	printf("1..0 # SKIP no PostgreSQL server is installed\n");
	fflush(stdout);
	_exit(0);
}

/* path is for messages, ask and tamper alone: it names the schema. */
static void over_postgres(struct place *p)
{
	static unsigned places;
	char sql[64];

	if (!places) {
		pg_make(&pg);
		store_postgres_register();
	}
	snprintf(p->schema, sizeof(p->schema), "place%u", ++places);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", p->schema);
	pg_sql(&pg, "public", sql);
	pg_conninfo(&pg, p->schema, p->conninfo, sizeof(p->conninfo));
	snprintf(p->path, sizeof(p->path), "%s", p->schema);
	p->conf.engine = CONF_STORE_POSTGRES;
	p->conf.path = NULL;
	p->conf.conninfo = p->conninfo;
}

/* Under the names that SQLite's tables have. */
static void make_views(const struct place *p)
{
	static const char *const tables[] = {"token", "role", "object", "lookup", "domain", "credential", "journal"};
	char sql[128];

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(sql, sizeof(sql), "CREATE OR REPLACE VIEW %s AS SELECT * FROM hufu_%s", tables[i], tables[i]);
		pg_sql(&pg, p->schema, sql);
	}
}
#endif

void place_empty(struct place *p)
{
	const char *tmp = getenv("TMPDIR");

	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "%.80s/hufu-store-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	DIE_UNLESS(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/token.db", p->dir);
	snprintf(p->secret, sizeof(p->secret), "%s/host.secret", p->dir);
	p->conf = (struct store_conf){
		.path = p->path, .host_secret = p->secret, .pin_min = 4, .user_tries = 5, .pin_iterations = 2, .deadline_ms = 5000};
#ifdef STORE_OVER_POSTGRES
	over_postgres(p);
#endif
	log_catch(p);
}

void place_init(struct place *p)
{
	place_empty(p);
	DIE_UNLESS(init(p, SO_PIN) == HUFU_OK);
	place_reopen(p);
	DIE_UNLESS(login(p->store, STORE_SO, SO_PIN) == HUFU_OK);
	DIE_UNLESS(store_init_pin(p->store, (const uint8_t *)USER_PIN, strlen(USER_PIN)) == HUFU_OK);
	store_logout(p->store);
}

void place_reopen(struct place *p)
{
	store_close(p->store);
	p->store = NULL;
	DIE_UNLESS(store_open(&p->conf, &p->store) == HUFU_OK);
}

void place_login(struct place *p)
{
	DIE_UNLESS(login(p->store, STORE_USER, USER_PIN) == HUFU_OK);
}

void forget_head(const struct place *p)
{
	char memory[256];

	snprintf(memory, sizeof(memory), "%s.head", p->path);
	unlink(memory);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void place_clear(struct place *p)
{
	store_close(p->store);
	log_close();
	nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum hufu_err login(struct store *s, enum store_role role, const char *pin)
{
	return store_login(s, role, (const uint8_t *)pin, strlen(pin));
}

enum hufu_err init(const struct place *p, const char *so_pin)
{
	enum hufu_err err = store_init(&p->conf, (const uint8_t *)so_pin, strlen(so_pin), LABEL);
#ifdef STORE_OVER_POSTGRES
	if (!err)
		make_views(p);
#endif
	return err;
}

/* -- samples ------------------------------------------------------------------------ */

static void fill(void *out, size_t len, unsigned number, unsigned salt)
{
	uint32_t x = number * 2654435761u ^ salt * 40503u ^ 0x9e3779b9u;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13, x ^= x >> 17, x ^= x << 5;
		((uint8_t *)out)[i] = (uint8_t)(x >> 11);
	}
}

void sample_init(struct sample *m, unsigned number, unsigned round, bool private_object)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->label, sizeof(m->label), "object %u round %u", number, round);
	fill(m->value, sizeof(m->value), number, 1 + round);
	fill(m->id, sizeof(m->id), number, 1000);
	fill(m->key, sizeof(m->key), number, 2000);
	fill(m->blob, sizeof(m->blob), number, 3000);
	m->class_value = 3;
	m->attrs[0] = (struct store_attr){ATTR_LABEL, (const uint8_t *)m->label, strlen(m->label), true};
	m->attrs[1] = (struct store_attr){ATTR_ID, m->id, sizeof(m->id), true};
	m->attrs[2] = (struct store_attr){ATTR_CLASS, (const uint8_t *)&m->class_value, sizeof(m->class_value), true};
	m->attrs[3] = (struct store_attr){ATTR_VALUE, (const uint8_t *)m->value, sizeof(m->value), false};
	m->copies[0] = (struct store_copy){HUFU_COPY_BLOB, "soft", m->key, sizeof(m->key)};
	m->copies[1] = (struct store_copy){HUFU_COPY_BLOB, "cards", m->blob, sizeof(m->blob)};
	m->draft = (struct store_draft){.private_object = private_object,
					.object_class = 3,
					.key_type = 0x80000001u + number,
					.policy = 5,
					.attrs = m->attrs,
					.nattrs = 4,
					.copies = m->copies,
					.ncopies = 2};
	fill(m->draft.op_id, sizeof(m->draft.op_id), number, 4000);
}

static bool attrs_equal(const struct store_attr *a, const struct store_attr *b)
{
	return a->type == b->type && a->len == b->len && a->indexed == b->indexed && memcmp(a->value, b->value, a->len) == 0;
}

static bool copies_equal(const struct store_copy *a, const struct store_copy *b)
{
	return a->kind == b->kind && a->len == b->len && strcmp(a->domain, b->domain) == 0 && memcmp(a->data, b->data, a->len) == 0;
}

bool sample_is(const struct sample *m, const struct store_row *row, bool with_copies)
{
	bool same = row->private_object == m->draft.private_object && row->object_class == m->draft.object_class &&
	            row->key_type == m->draft.key_type && row->policy == m->draft.policy && row->nattrs == m->draft.nattrs &&
	            row->ncopies == (with_copies ? m->draft.ncopies : 0);

	for (size_t i = 0; same && i < row->nattrs; i++)
		same = attrs_equal(&row->attrs[i], &m->attrs[i]);
	for (size_t i = 0; same && i < row->ncopies; i++)
		same = copies_equal(&row->copies[i], &m->copies[i]);
	return same;
}

enum hufu_err sample_insert(struct store *s, unsigned number, bool private_object, uint8_t uuid[16])
{
	struct sample m;

	sample_init(&m, number, 0, private_object);
	return store_insert(s, &m.draft, uuid);
}

enum hufu_err sample_check(struct store *s, unsigned number, unsigned round, bool private_object, const uint8_t uuid[16])
{
	struct sample m;
	struct store_row *row;
	enum hufu_err err = store_get(s, uuid, &row);

	if (err)
		return err;
	sample_init(&m, number, round, private_object);
	bool same = sample_is(&m, row, true);
	store_row_free(row);
	return same ? HUFU_OK : HUFU_ERR_BUG;
}

/* -- the enemy ----------------------------------------------------------------------- */

#ifdef STORE_OVER_POSTGRES
void tamper(const char *schema, const char *sql)
{
	pg_sql(&pg, schema, sql);
}

int64_t ask(const char *schema, const char *sql)
{
	return pg_ask(&pg, schema, sql);
}
#else
static sqlite3 *enemy_open(const char *path)
{
	sqlite3 *db;

	DIE_UNLESS(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

void tamper(const char *path, const char *sql)
{
	sqlite3 *db = enemy_open(path);
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
		printf("# %s: %s\n", sql, message);
		DIE_UNLESS(message == NULL);
	}
	sqlite3_close(db);
}

int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db = enemy_open(path);
	sqlite3_stmt *stmt;

	DIE_UNLESS(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	int64_t answer = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}
#endif

/* -- files ------------------------------------------------------------------------------ */

size_t read_file(const char *path, uint8_t *out, size_t cap)
{
	FILE *f = fopen(path, "rb");

	DIE_UNLESS(f);
	size_t n = fread(out, 1, cap, f);
	fclose(f);
	return n;
}

void write_file(const char *path, const uint8_t *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	DIE_UNLESS(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

void copy_file(const char *from, const char *to)
{
	static uint8_t bytes[4u << 20];

	write_file(to, bytes, read_file(from, bytes, sizeof(bytes)));
}

/* -- the log ------------------------------------------------------------------------------ */

static void log_path(const struct place *p, char *out, size_t cap)
{
	snprintf(out, cap, "%s/log", p->dir);
}

void log_catch(const struct place *p)
{
	char to[256] = "file:", err[256];

	log_path(p, to + 5, sizeof(to) - 5);
	unlink(to + 5);
	DIE_UNLESS(log_configure(to, HUFU_LOG_DEBUG, err, sizeof(err)) == HUFU_OK);
}

bool log_has(const struct place *p, const char *text)
{
	static char lines[1u << 20];
	char path[256];

	log_path(p, path, sizeof(path));
	if (access(path, F_OK) != 0)
		return false;
	lines[read_file(path, (uint8_t *)lines, sizeof(lines) - 1)] = '\0';
	return strstr(lines, text) != NULL;
}

/* -- processes ------------------------------------------------------------------------------ */

int in_child(int (*fn)(void *), void *arg)
{
	int status;

	fflush(stdout);
	pid_t pid = fork();
	DIE_UNLESS(pid >= 0);
	if (pid == 0)
		_exit(fn(arg));
	DIE_UNLESS(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
