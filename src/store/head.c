/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head: which state of the store is the newest. Every transaction that
 * changes rows counts the revision up and carries a chain on,
 *
 *	chain[n] = SM3(chain[n-1] | u64 n | digest of what was asked | what changed),
 *
 * MACed by the host ring. Whoever sees a head remembers it in a file beside the
 * store, and a later one must follow from it by the journal. An older one, or one
 * of another branch, means that an old copy stands in the store's place: rows that
 * were deleted, PINs and counts of tries would be back. It can be read; to
 * change it takes the officer's word (sealed_accept_head).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "store/internal.h"

#define MEMORY_LEN 160

/* -- what a transaction changes --------------------------------------------------- */

static const uint8_t changes[ASK_COUNT] = {
	[ASK_TOKEN_WRITE] = CHANGED_TOKEN,
	[ASK_ROLE_WRITE] = CHANGED_ROLES,
	[ASK_OBJECT_INSERT] = CHANGED_OBJECT,
	[ASK_OBJECT_UPDATE] = CHANGED_OBJECT,
	[ASK_OBJECT_DELETE] = CHANGED_OBJECT,
	[ASK_CLEAR_OBJECTS] = CHANGED_ALL,
	[ASK_DOMAIN_WRITE] = CHANGED_DOMAINS,
	[ASK_CLEAR_DOMAINS] = CHANGED_DOMAINS,
	[ASK_CREDENTIAL_WRITE] = CHANGED_CREDENTIALS,
	[ASK_CREDENTIAL_DELETE] = CHANGED_CREDENTIALS,
	[ASK_CLEAR_CREDENTIALS] = CHANGED_CREDENTIALS,
};

static void digest_u64(struct sm3 *digest, uint64_t v)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> (56 - 8 * i));
	sm3_update(digest, be, sizeof(be));
}

/* With type and length, so that no two requests have one digest. */
static void digest_cell(struct sm3 *digest, const struct cell *cell)
{
	uint8_t type = (uint8_t)cell->type;

	sm3_update(digest, &type, 1);
	digest_u64(digest, cell->type == CELL_BYTES ? cell->bytes.len : (uint64_t)cell->number);
	if (cell->type == CELL_BYTES && cell->bytes.len)
		sm3_update(digest, cell->bytes.p, cell->bytes.len);
}

void change_begin(struct sealed *s)
{
	struct change *c = &s->change;

	sm3_init(&c->digest);
	writer_clear(&c->changed);
	writer_init(&c->changed, false);
	c->any = false;
}

/* An object's uuid is the first argument of all that changes it. */
void change_note(struct sealed *s, enum ask ask, const struct cell *args)
{
	struct change *c = &s->change;
	uint8_t name = (uint8_t)ask;

	if (!changes[ask])
		return;
	c->any = true;
	sm3_update(&c->digest, &name, 1);
	for (int i = 0; ask_shapes[ask].args[i]; i++)
		digest_cell(&c->digest, &args[i]);
	write_u8(&c->changed, changes[ask]);
	if (changes[ask] == CHANGED_OBJECT)
		write_bytes(&c->changed, args[0].bytes.p, UUID_LEN);
}

/* -- the row ------------------------------------------------------------------------ */

static void chain_on(uint8_t chain[SM3_DIGEST_LEN], uint64_t revision, struct view digest, struct view changed)
{
	struct sm3 h;

	sm3_init(&h);
	sm3_update(&h, chain, SM3_DIGEST_LEN);
	digest_u64(&h, revision);
	sm3_update(&h, digest.p, digest.len);
	if (changed.len)
		sm3_update(&h, changed.p, changed.len);
	sm3_final(&h, chain);
}

static void head_mac(const struct sealed *s, const struct head *head, uint8_t mac[MAC_LEN])
{
	uint8_t data[1 + TOKEN_ID_LEN + STORE_ID_LEN + 8 + 8 + SM3_DIGEST_LEN] = {USE_HEAD}, *p = data + 1;

	memcpy(p, s->token_id, TOKEN_ID_LEN);
	p += TOKEN_ID_LEN;
	memcpy(p, head->id, STORE_ID_LEN);
	p += STORE_ID_LEN;
	for (int i = 0; i < 8; i++)
		*p++ = (uint8_t)(head->revision >> (56 - 8 * i));
	for (int i = 0; i < 8; i++)
		*p++ = (uint8_t)(head->changed_s >> (56 - 8 * i));
	memcpy(p, head->chain, SM3_DIGEST_LEN);
	sm3_hmac(&s->keys->host.mac, data, sizeof(data), mac);
}

/* A store of before there were heads has revision 0. *good: the MAC is right. */
static enum hufu_err head_read(struct sealed *s, struct head *head, bool *good)
{
	struct cell cells[ASK_CELLS_MAX];
	struct view id, chain, mac;
	uint8_t expected[MAC_LEN];
	bool found;
	enum hufu_err err = db_row(s, ASK_HEAD, NULL, cells, &found);

	*head = (struct head){0};
	*good = true;
	if (err || !found)
		return err;
	head->revision = (uint64_t)cells[0].number;
	head->changed_s = (uint64_t)cells[2].number;
	*good = cell_is(&cells[1], STORE_ID_LEN, STORE_ID_LEN, &id) && cell_is(&cells[5], SM3_DIGEST_LEN, SM3_DIGEST_LEN, &chain) &&
	        cell_is(&cells[6], MAC_LEN, MAC_LEN, &mac);
	if (!*good)
		return HUFU_OK;
	memcpy(head->id, id.p, STORE_ID_LEN);
	memcpy(head->chain, chain.p, SM3_DIGEST_LEN);
	head_mac(s, head, expected);
	*good = secret_equal(expected, mac.p, MAC_LEN);
	return HUFU_OK;
}

static enum hufu_err journal_write(struct sealed *s, const struct head *head, const uint8_t digest[SM3_DIGEST_LEN],
                                   struct view changed)
{
	uint8_t mac[MAC_LEN];

	head_mac(s, head, mac);
	const struct cell args[] = {
		cell_number((int64_t)head->revision), cell_bytes(head->id, STORE_ID_LEN), cell_number((int64_t)head->changed_s),
		cell_bytes(digest, SM3_DIGEST_LEN), cell_view(changed), cell_bytes(head->chain, SM3_DIGEST_LEN), cell_bytes(mac, MAC_LEN),
	};
	enum hufu_err err = db_run(s, ASK_JOURNAL_WRITE, args);
	if (err || head->revision <= JOURNAL_KEPT)
		return err;
	const struct cell oldest = cell_number((int64_t)(head->revision - JOURNAL_KEPT));
	return db_run(s, ASK_JOURNAL_TRIM, &oldest);
}

enum hufu_err change_end(struct sealed *s)
{
	struct change *c = &s->change;
	struct head next = s->head;
	struct view changed = {c->changed.data, c->changed.len};
	uint8_t digest[SM3_DIGEST_LEN];

	if (!c->any)
		return HUFU_OK;
	if (c->changed.bad)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = next.revision ? HUFU_OK : rand_bytes(next.id, STORE_ID_LEN);
	if (err)
		return err;
	sm3_final(&c->digest, digest);
	next.revision++;
	next.changed_s = (uint64_t)clock_wall_s();
	chain_on(next.chain, next.revision, (struct view){digest, sizeof(digest)}, changed);
	c->next = next;
	return journal_write(s, &next, digest, changed);
}

/* -- what this machine remembers ------------------------------------------------------ */

static void hex_of(const uint8_t *p, size_t len, char *text)
{
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
}

static bool hex_read(const char *text, uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (sscanf(text + 2 * i, "%2hhx", &p[i]) != 1)
			return false;
	return true;
}

/* "hufu-head 1 ID REVISION CHAIN", fields of fixed width: written over in place. */
static int memory_format(const struct head *head, char line[MEMORY_LEN])
{
	char id[2 * STORE_ID_LEN + 1], chain[2 * SM3_DIGEST_LEN + 1];

	hex_of(head->id, STORE_ID_LEN, id);
	hex_of(head->chain, SM3_DIGEST_LEN, chain);
	return snprintf(line, MEMORY_LEN, "hufu-head 1 %s %020" PRIu64 " %s\n", id, head->revision, chain);
}

static bool memory_parse(const char *line, struct head *head)
{
	char id[2 * STORE_ID_LEN + 1], chain[2 * SM3_DIGEST_LEN + 1];

	*head = (struct head){0};
	return sscanf(line, "hufu-head 1 %32[0-9a-f] %20" SCNu64 " %64[0-9a-f]", id, &head->revision, chain) == 3 &&
	       strlen(id) == 2 * STORE_ID_LEN && strlen(chain) == 2 * SM3_DIGEST_LEN && hex_read(id, head->id, STORE_ID_LEN) &&
	       hex_read(chain, head->chain, SM3_DIGEST_LEN);
}

/* revision 0: nothing is remembered. */
static void memory_load(struct sealed *s, struct head *head)
{
	char line[MEMORY_LEN] = "";
	int fd = s->memory ? open(s->memory, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

	*head = (struct head){0};
	if (fd < 0)
		return;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
	close(fd);
	if (n > 0 && !memory_parse(line, head)) {
		*head = (struct head){0};
		log_warning("store %s: %s cannot be read, so an older state of the store is not noticed this once. It is made anew",
		            s->engine->name, s->memory);
	}
}

/* A new one belongs to the store's owner, or the directory's, so that what root made is of use to him. */
static int memory_open(const struct sealed *s)
{
	int fd = open(s->memory, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open(s->memory, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		file_give(fd, s->memory, s->conf.path);
	return fd;
}

/*
 * Not synced: what is lost with the power was remembered for nothing, and the next look makes it good. force: also
 * where another process has remembered a later one.
 */
static void memory_store(struct sealed *s, const struct head *head, bool force)
{
	struct head there;
	char line[MEMORY_LEN] = "";
	int fd = s->memory ? memory_open(s) : -1;

	if (!s->memory)
		return;
	if (fd < 0) {
		log_info("store %s: %s cannot be written, so only this process remembers how new the store is", s->engine->name,
		         s->memory);
		return;
	}
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
	bool later = n > 0 && memory_parse(line, &there) && memcmp(there.id, head->id, STORE_ID_LEN) == 0 &&
	             there.revision >= head->revision;
	int len = memory_format(head, line);
	if ((force || !later) && pwrite(fd, line, (size_t)len, 0) != len)
		log_info("store %s: %s cannot be written", s->engine->name, s->memory);
	close(fd);
}

/* After the commit of what change_end wrote. */
void change_done(struct sealed *s)
{
	if (!s->change.any)
		return;
	s->head = s->change.next;
	if (s->accepting)
		return;
	s->newest = s->head;
	memory_store(s, &s->newest, false);
}

/*
 * Before a store is made where none is: what was remembered is of one that is gone, and would count against the new
 * one if whoever makes it died before head_made.
 */
void head_forget(const struct sealed *s)
{
	if (s->memory && unlink(s->memory) != 0 && errno != ENOENT)
		log_info("store %s: %s cannot be removed", s->engine->name, s->memory);
}

/* What stood here before is of no account. */
void head_made(struct sealed *s)
{
	s->head = s->newest = s->change.next;
	memory_store(s, &s->newest, true);
}

/* -- judging -------------------------------------------------------------------------- */

static bool same(const struct head *a, const struct head *b)
{
	return a->revision == b->revision && memcmp(a->chain, b->chain, SM3_DIGEST_LEN) == 0 && memcmp(a->id, b->id, STORE_ID_LEN) == 0;
}

/* Does now follow from what is known, by the journal? */
static enum hufu_err follows(struct sealed *s, const struct head *known, const struct head *now, bool *yes)
{
	struct cell cells[ASK_CELLS_MAX], after = cell_number((int64_t)known->revision);
	struct view digest, changed;
	uint8_t chain[SM3_DIGEST_LEN];
	uint64_t revision = known->revision;
	bool found;

	memcpy(chain, known->chain, sizeof(chain));
	*yes = false;
	enum hufu_err err = db_ask(s, ASK_JOURNAL_NEXT, &after);
	for (; !err && revision < now->revision; revision++) {
		err = db_next(s, ASK_JOURNAL_NEXT, cells, &found);
		if (err || !found || !cell_is(&cells[3], SM3_DIGEST_LEN, SM3_DIGEST_LEN, &digest) ||
		    !cell_is(&cells[4], 0, SIZE_MAX, &changed))
			return err;
		if ((uint64_t)cells[0].number != revision + 1) {
			/* Trimmed: this machine was away for long. Where nothing can have been trimmed, a part is missing. */
			*yes = revision == known->revision && now->revision - known->revision > JOURNAL_KEPT;
			return HUFU_OK;
		}
		chain_on(chain, revision + 1, digest, changed);
	}
	*yes = !err && memcmp(chain, now->chain, sizeof(chain)) == 0;
	return err;
}

static enum hufu_err judge(struct sealed *s, const struct head *now, bool *good)
{
	const struct head *known = &s->newest;

	if (!known->revision || same(known, now)) {
		*good = true;
		return HUFU_OK;
	}
	*good = false;
	if (now->revision <= known->revision || memcmp(now->id, known->id, STORE_ID_LEN) != 0)
		return HUFU_OK;
	return follows(s, known, now, good);
}

static void alarm_rollback(struct sealed *s, const struct head *now)
{
	if (!s->rolled_back)
		log_error("store %s: ALARM: an older state stands in its place (revision %" PRIu64 ", this machine has seen %" PRIu64
		          "), or one that does not follow from what was seen. Nothing is changed in it, and nobody can log in. If it "
		          "was restored from a backup on purpose: hufu store accept-head",
		          s->engine->name, now->revision, s->newest.revision);
	s->rolled_back = true;
}

/* Others of this machine may have seen a later one, and the officer may have accepted an older one in another process. */
static void take_remembered(struct sealed *s)
{
	struct head remembered;

	memory_load(s, &remembered);
	if (remembered.revision && (s->rolled_back || remembered.revision > s->newest.revision ||
	                            memcmp(remembered.id, s->newest.id, STORE_ID_LEN) != 0))
		s->newest = remembered;
}

/* The head is another than at the last look, or the last look was not good. */
static enum hufu_err look_closely(struct sealed *s, const struct head *now, bool authentic, bool *doubt)
{
	const bool again = *doubt;
	bool good = false;
	enum hufu_err err = HUFU_OK;

	if (!again)
		take_remembered(s);
	if (authentic)
		err = judge(s, now, &good);
	*doubt = !err && !good && !again;
	if (err || *doubt)
		return err;
	if (!good) {
		alarm_rollback(s, now);
		return HUFU_OK;
	}
	s->rolled_back = false;
	if (now->revision && !same(now, &s->newest)) {
		s->newest = *now;
		memory_store(s, now, false);
	}
	return HUFU_OK;
}

enum hufu_err head_look(struct sealed *s, enum tx tx, bool *doubt)
{
	struct head now;
	bool good;
	enum hufu_err err = head_read(s, &now, &good);
	if (err)
		return err;
	/* A copy may lag behind what its machine itself has written. */
	bool lags = s->engine->cached && good;
	if (!s->accepting && !lags && (!good || s->rolled_back || !s->looked || !same(&now, &s->head)))
		err = look_closely(s, &now, good, doubt);
	else
		*doubt = false;
	if (*doubt)
		return HUFU_OK;
	s->head = now;
	s->looked = true;
	return err || tx == TX_READ || s->accepting || !s->rolled_back ? err : HUFU_ERR_STORE_READ_ONLY;
}

/* -- the officer's word ------------------------------------------------------------------ */

static enum hufu_err accept_now(struct sealed *s)
{
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	s->newest = s->head;
	s->rolled_back = false;
	memory_store(s, &s->newest, true);
	log_warning("store %s: the officer accepts revision %" PRIu64 " as the newest", s->engine->name, s->head.revision);
	return sealed_leave(s, TX_READ, HUFU_OK);
}

static void set_accepting(struct sealed *s, bool accepting)
{
	pthread_mutex_lock(&s->lock);
	s->accepting = accepting;
	pthread_mutex_unlock(&s->lock);
}

/* The try is counted in the store as it is: without that its PIN could be guessed at leisure. */
enum hufu_err sealed_accept_head(struct store *base, const uint8_t *so_pin, size_t so_pin_len)
{
	struct sealed *s = sealed_of(base);
	struct pin_proof *proof = secret_alloc(sizeof(*proof));
	if (!proof)
		return HUFU_ERR_NO_MEMORY;
	set_accepting(s, true);
	enum hufu_err err = pin_prove(s, STORE_SO, so_pin, so_pin_len, proof);
	if (!err)
		err = accept_now(s);
	set_accepting(s, false);
	secret_free(proof);
	return err;
}

enum hufu_err sealed_status(struct store *base, struct store_status *status)
{
	struct sealed *s = sealed_of(base);

	*status = (struct store_status){0};
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	memcpy(status->id, s->head.id, STORE_ID_LEN);
	memcpy(status->chain, s->head.chain, SM3_DIGEST_LEN);
	status->revision = s->head.revision;
	status->changed_s = s->head.changed_s;
	status->remembered = s->newest.revision;
	status->rolled_back = s->rolled_back;
	status->read_only = s->engine->read_only || s->rolled_back;
	if (s->engine->kind->status)
		s->engine->kind->status(s->engine, status);
	return sealed_leave(s, TX_READ, HUFU_OK);
}
