/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a trail. */
#include "audit/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"

#define STATE_MAGIC 0x48465541u
#define STATE_VERSION 1u
#define STATE_SUMMED 104           /* bytes, before their SM3 */
#define STATE_LEN (STATE_SUMMED + SM3_DIGEST_LEN)
#define STATE_STRIDE 256           /* from one place to the other */
#define ROTATE_AGAIN (1u << 20)    /* bytes after which a rotation that failed is tried again */

static enum hufu_err refuse(const char *path, const char *what)
{
	log_error("the audit trail %s %s. Check it with hufu audit verify; to begin a new one, move it and what stands beside it away", path,
	          what);
	return HUFU_ERR_CONFIG;
}

static enum hufu_err fail(const char *path, const char *doing, int error)
{
	log_error("the audit trail: %s %s: %s. Look at the directory's owner, mode and space", doing, path, strerror(error));
	return HUFU_ERR_CONFIG;
}

static char *beside(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

static bool write_all(int fd, const void *data, size_t len, uint64_t at)
{
	for (size_t done = 0; done < len;) {
		const ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static ssize_t read_all(int fd, void *data, size_t len, uint64_t at)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* A file that holds exactly this, which was not there. */
static bool make_file(const char *path, const void *data, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	const bool good = fd >= 0 && write_all(fd, data, len, 0) && fdatasync(fd) == 0;
	const int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return good;
}

/* -- the state --------------------------------------------------------------- */

/* secret: STATE_LEN bytes. */
static void state_pack(const struct trail *trail, const struct chain *chain, struct writer *w)
{
	uint8_t sum[SM3_DIGEST_LEN] = {0};

	write_u32(w, STATE_MAGIC);
	write_u32(w, STATE_VERSION);
	write_u64(w, trail->generation);
	write_u64(w, chain->seq);
	write_u64(w, trail->size);
	write_u64(w, trail->first);
	write_bytes(w, chain->head, sizeof(chain->head));
	write_bytes(w, chain->key, sizeof(chain->key));
	if (!w->bad)
		sm3(w->data, w->len, sum);
	write_bytes(w, sum, sizeof(sum));
}

static bool state_unpack(const uint8_t bytes[STATE_LEN], struct trail *trail, struct chain *chain)
{
	struct reader r = reader_of(bytes, STATE_SUMMED);
	uint8_t sum[SM3_DIGEST_LEN];

	sm3(bytes, STATE_SUMMED, sum);
	if (memcmp(sum, bytes + STATE_SUMMED, sizeof(sum)) != 0 || read_u32(&r) != STATE_MAGIC || read_u32(&r) != STATE_VERSION)
		return false;
	trail->generation = read_u64(&r);
	chain->seq = read_u64(&r);
	trail->size = read_u64(&r);
	trail->first = read_u64(&r);
	read_copy(&r, chain->head, sizeof(chain->head));
	read_copy(&r, chain->key, sizeof(chain->key));
	return reader_done(&r);
}

/* The place of the newest state: of two that are whole, the one of the higher generation. */
static bool state_read(struct trail *trail, struct chain *chain)
{
	struct trail found[2] = {*trail, *trail};
	struct chain *chains = secret_alloc(2 * sizeof(*chains));
	uint8_t *bytes = secret_alloc(STATE_LEN);
	bool whole[2] = {false, false};

	for (size_t i = 0; chains && bytes && i < 2; i++)
		whole[i] = read_all(trail->state_fd, bytes, STATE_LEN, i * STATE_STRIDE) == STATE_LEN &&
		           state_unpack(bytes, &found[i], &chains[i]);
	const size_t newest = whole[1] && (!whole[0] || found[1].generation > found[0].generation);
	if (whole[newest]) {
		*trail = found[newest];
		*chain = chains[newest];
	}
	secret_free(bytes);
	secret_free(chains);
	return whole[newest];
}

static bool state_write(struct trail *trail, const struct chain *chain)
{
	static const uint8_t nothing[STATE_LEN];
	struct writer w;

	writer_init(&w, true);
	trail->generation++;
	state_pack(trail, chain, &w);
	const uint64_t at = trail->generation % 2 * STATE_STRIDE;
	const bool good = !w.bad && write_all(trail->state_fd, w.data, w.len, at) && fdatasync(trail->state_fd) == 0 &&
	                  write_all(trail->state_fd, nothing, sizeof(nothing), STATE_STRIDE - at);
	writer_clear(&w);
	return good;
}

/* FILE.N, what FILE becomes. */
static char *former_name(const struct trail *trail)
{
	char *name;

	return asprintf(&name, "%s.%" PRIu64, trail->path, trail->first) < 0 ? NULL : name;
}

/* -- going on where it was left -------------------------------------------------- */

/* Does the last line before the state's place hash to its head? The line of a rotated file is looked at by verify alone. */
static bool head_stands(const struct trail *trail, const struct chain *chain)
{
	const size_t len = trail->size < CHAIN_LINE_MAX ? (size_t)trail->size : CHAIN_LINE_MAX;
	uint8_t hash[SM3_DIGEST_LEN];
	char tail[CHAIN_LINE_MAX];

	if (!len)
		return true;
	if (read_all(trail->fd, tail, len, trail->size - len) != (ssize_t)len || tail[len - 1] != '\n')
		return false;
	size_t from = len - 1;
	while (from > 0 && tail[from - 1] != '\n')
		from--;
	sm3(tail + from, len - 1 - from, hash);
	return memcmp(hash, chain->head, sizeof(hash)) == 0;
}

/* One line behind the state's place; false: there is none that is whole. *bad: there is one that is not ours. */
static bool follow_line(struct trail *trail, struct chain *chain, bool *bad)
{
	char line[CHAIN_LINE_MAX + 1];
	const ssize_t n = read_all(trail->fd, line, sizeof(line), trail->size);
	const char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	struct chain_line parsed;

	if (!end) {
		*bad = n < 0 || n == (ssize_t)sizeof(line);
		return false;
	}
	*bad = !chain_parse(line, (size_t)(end - line), &parsed) || parsed.seq != chain->seq ||
	       memcmp(parsed.prev, chain->head, sizeof(chain->head)) != 0 || !chain_authentic(&parsed, line, chain->key);
	if (*bad)
		return false;
	chain_follow(chain, &parsed);
	trail->size += (uint64_t)(end - line) + 1;
	return true;
}

/*
 * A process that died in rotate, before the state: what the state knows is FILE.N, whole and as it was left, and FILE begins behind
 * it. Then the trail stands at the beginning of FILE.
 */
static bool was_rotated(struct trail *trail, struct chain *chain)
{
	struct trail former = *trail;
	struct stat st;
	bool bad = false;
	char *name = former_name(trail);

	former.fd = name ? open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	free(name);
	if (former.fd < 0)
		return false;
	bool good = fstat(former.fd, &st) == 0 && (uint64_t)st.st_size >= former.size && head_stands(&former, chain);
	while (good && follow_line(&former, chain, &bad))
		;
	good = good && !bad && former.size == (uint64_t)st.st_size;
	close(former.fd);
	if (!good)
		return false;
	trail->size = 0;
	trail->first = chain->seq;
	return true;
}

static enum hufu_err go_on(struct trail *trail, struct chain *chain)
{
	struct stat st;
	bool bad = false;

	if (!state_read(trail, chain))
		return refuse(trail->path, "has a .state that is damaged");
	const uint64_t known_first = trail->first, known = trail->size;
	if (fstat(trail->fd, &st) || ((uint64_t)st.st_size < trail->size && !was_rotated(trail, chain)))
		return refuse(trail->path, "is shorter than it was left: records were cut off");
	if (!head_stands(trail, chain))
		return refuse(trail->path, "is not as it was left: its last record was changed");
	while (follow_line(trail, chain, &bad))
		;
	if (bad)
		return refuse(trail->path, "holds records that are not its own, behind where it was left");
	if ((uint64_t)st.st_size > trail->size) {
		log_notice("the audit trail %s ended in half a record, of which nobody was told; it is cut off", trail->path);
		if (ftruncate(trail->fd, (off_t)trail->size) || fdatasync(trail->fd))
			return fail(trail->path, "cutting", errno);
	}
	if ((trail->size != known || trail->first != known_first) && !state_write(trail, chain))
		return fail(trail->path, "writing the state beside", errno);
	return HUFU_OK;
}

/* -- beginning -------------------------------------------------------------------- */

static enum hufu_err begin(struct trail *trail, struct chain *chain)
{
	uint8_t *seed = secret_alloc(CHAIN_KEY_LEN);
	char *seed_path = beside(trail->path, ".seed");
	enum hufu_err err = seed && seed_path ? rand_bytes(seed, CHAIN_KEY_LEN) : HUFU_ERR_NO_MEMORY;

	if (!err && !make_file(seed_path, seed, CHAIN_KEY_LEN))
		err = errno == EEXIST ? refuse(trail->path, "is to begin, and a .seed of another stands there") :
		                        fail(seed_path, "making", errno);
	if (!err) {
		chain_begin(chain, seed);
		trail->first = 1;
		if (!state_write(trail, chain))
			err = fail(trail->path, "writing the state beside", errno);
		else
			log_notice("a new audit trail begins in %s. Have its auditor take %s away: who has it can verify, and forge, all records",
			           trail->path, seed_path);
	}
	free(seed_path);
	secret_free(seed);
	return err;
}

static int open_own(const char *path)
{
	return path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
}

static bool is_empty(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == 0;
}

enum hufu_err trail_open(const struct conf_audit *conf, struct trail *trail, struct chain *chain)
{
	char *state_path = beside(conf->file, ".state");
	enum hufu_err err;

	*trail = (struct trail){.fd = open_own(conf->file), .state_fd = open_own(state_path),
	                        .path = strdup(conf->file), .rotate = (uint64_t)conf->rotate_mb << 20};
	if (trail->fd < 0 || trail->state_fd < 0 || !trail->path)
		err = fail(conf->file, "opening", errno);
	else if (flock(trail->state_fd, LOCK_EX | LOCK_NB))
		err = fail(conf->file, "locking (is another hufud writing it?)", errno);
	else if (is_empty(trail->state_fd))
		err = is_empty(trail->fd) ? begin(trail, chain) : refuse(conf->file, "stands without its .state");
	else
		err = go_on(trail, chain);
	free(state_path);
	if (err)
		trail_close(trail);
	return err;
}

void trail_close(struct trail *trail)
{
	if (trail->fd >= 0)
		close(trail->fd);
	if (trail->state_fd >= 0)
		close(trail->state_fd);
	free(trail->path);
	*trail = (struct trail){.fd = -1, .state_fd = -1};
}

bool trail_state(const char *file, struct chain *chain)
{
	char *path = beside(file, ".state");
	struct trail trail = {.state_fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1};
	const bool known = trail.state_fd >= 0 && state_read(&trail, chain);

	if (trail.state_fd >= 0)
		close(trail.state_fd);
	free(path);
	return known;
}

/* -- writing ------------------------------------------------------------------------ */

/* Is FILE.N this file already? A process that died in here before its rename has left it so. */
static bool is_linked(const struct trail *trail, const char *name)
{
	struct stat mine, other;

	return fstat(trail->fd, &mine) == 0 && lstat(name, &other) == 0 && mine.st_ino == other.st_ino && mine.st_dev == other.st_dev;
}

/* Names are durable before the state relies on them. */
static bool sync_names(const struct trail *trail)
{
	const char *slash = strrchr(trail->path, '/');
	char *dir = slash ? strndup(trail->path, (size_t)(slash - trail->path) + 1) : NULL;
	const int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(dir);
	return good;
}

static bool move_away(struct trail *trail, const char *name, const char *fresh)
{
	const int fd = open_own(fresh);

	if (fd >= 0 && (link(trail->path, name) == 0 || (errno == EEXIST && is_linked(trail, name))) &&
	    rename(fresh, trail->path) == 0) {
		close(trail->fd);
		trail->fd = fd;
		return true;
	}
	const int error = errno;
	if (fd >= 0)
		close(fd);
	unlink(fresh);
	errno = error;
	return false;
}

/* FILE becomes FILE.N, and a new one begins. Nothing is lost when it fails: FILE goes on, and it is tried again some records later. */
static void rotate(struct trail *trail, const struct chain *after)
{
	char *name = former_name(trail), *fresh = beside(trail->path, ".new");

	if (name && fresh && move_away(trail, name, fresh)) {
		trail->size = trail->put_off = 0;
		trail->first = after->seq;
		if (!sync_names(trail) || !state_write(trail, after))
			log_warning("the audit trail %s was begun anew, but its state could not be written", trail->path);
	} else {
		trail->put_off += ROTATE_AGAIN;
		log_warning("the audit trail %s cannot be rotated to %s: %s", trail->path, name ? name : "another name", strerror(errno));
	}
	free(name);
	free(fresh);
}

bool trail_write(struct trail *trail, const char *lines, size_t len, const struct chain *after)
{
	if (!write_all(trail->fd, lines, len, trail->size) || fdatasync(trail->fd)) {
		const int error = errno;
		if (ftruncate(trail->fd, (off_t)trail->size))
			log_error("the audit trail %s keeps half a record that cannot be cut off", trail->path);
		errno = error;
		return false;
	}
	trail->size += len;
	if (!state_write(trail, after)) {
		/* The lines are durable and prove themselves; the next state says where they end. */
		log_warning("the audit trail %s: its state could not be written: %s", trail->path, strerror(errno));
	}
	if (trail->rotate && trail->size >= trail->rotate + trail->put_off)
		rotate(trail, after);
	return true;
}

/* -- the signer ---------------------------------------------------------------------- */

static enum hufu_err signer_make(const char *path, const char *pub_path, struct sm2_private *signer)
{
	static const struct sm2_random random = {.fill = rand_for_sm2};
	uint8_t *d = secret_alloc(SM2_SCALAR_LEN), point[SM2_POINT_LEN];
	char text[2 * SM2_POINT_LEN + 2];
	enum hufu_err err = d && sm2_generate(&random, d, point) == SM2_OK ? HUFU_OK : HUFU_ERR_RANDOM;

	if (!err) {
		chain_hex(point, sizeof(point), text);
		memcpy(text + 2 * sizeof(point), "\n", 2);
		if (!make_file(path, d, SM2_SCALAR_LEN))
			err = fail(path, "making", errno);
		else if (!make_file(pub_path, text, strlen(text)))
			err = fail(pub_path, "making", errno);
	}
	if (!err && sm2_private_init(signer, d) != SM2_OK)
		err = HUFU_ERR_BUG;
	secret_free(d);
	return err;
}

static enum hufu_err signer_read(const char *path, struct sm2_private *signer)
{
	uint8_t *d = secret_alloc(SM2_SCALAR_LEN + 1);
	char why[256] = "";
	struct stat st;
	enum hufu_err err = d ? conf_check_file(path, why, sizeof(why)) : HUFU_ERR_NO_MEMORY;
	const int fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (err)
		log_error("the key of audit checkpoints: %s", why);
	else if (fd < 0)
		err = fail(path, "opening", errno);
	else if (fstat(fd, &st) || (st.st_mode & 077))
		err = refuse(path, "may be read by others than its owner");
	else if (read_all(fd, d, SM2_SCALAR_LEN + 1, 0) != SM2_SCALAR_LEN || sm2_private_init(signer, d) != SM2_OK)
		err = refuse(path, "is no SM2 key of 32 bytes");
	if (fd >= 0)
		close(fd);
	secret_free(d);
	return err;
}

enum hufu_err trail_signer(const struct conf_audit *conf, struct sm2_private *signer)
{
	char *path = conf->key ? strdup(conf->key) : beside(conf->file, ".key");
	char *pub_path = path ? beside(path, ".pub") : NULL;
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (path && pub_path)
		err = access(path, F_OK) ? signer_make(path, pub_path, signer) : signer_read(path, signer);
	free(pub_path);
	free(path);
	return err;
}
