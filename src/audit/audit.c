/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, lines out: order, chain, and who may go on while sinks fail. */
#include "audit/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/members.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"

/* Outside the lock. writer_clear. */
static bool describe(const struct audit_record *record, struct writer *members)
{
	writer_init(members, false);
	members_put(members, record);
	return !members->bad;
}

static const char *text_of(const struct writer *members)
{
	return (const char *)members->data;
}

/* -- the queue ------------------------------------------------------------------- */

static void queue_locked(struct audit *audit, struct entry *entry)
{
	if (audit->last)
		audit->last->next = entry;
	audit->last = entry;
	for (size_t i = 0; i < audit->nsinks; i++)
		if (!audit->sinks[i].first)
			audit->sinks[i].first = entry;
	audit->queued++;
	audit->records++;
	audit->since_checkpoint++;
	pthread_cond_broadcast(&audit->work);
}

/* Seals members as the next record and gives it to the sinks; *seq: its number. The chain goes on only with what is queued. */
static enum hufu_err enqueue_locked(struct audit *audit, const char *members, bool checkpoint, uint64_t *seq)
{
	struct writer line;
	struct entry *entry = NULL;

	writer_init(&line, false);
	*seq = audit->chain->seq;
	*audit->next = *audit->chain;
	enum hufu_err err = chain_append(audit->next, members, checkpoint ? audit->signer : NULL, &line);
	if (!err) {
		entry = secret_alloc(sizeof(*entry) + line.len);
		err = entry ? HUFU_OK : HUFU_ERR_NO_MEMORY;
	}
	if (entry) {
		*audit->chain = *audit->next;
		entry->sinks_left = (uint32_t)audit->nsinks;
		entry->after = *audit->chain;
		entry->len = line.len;
		memcpy(entry->line, line.data, line.len);
		queue_locked(audit, entry);
	}
	writer_clear(&line);
	return err;
}

static bool durable_locked(const struct audit *audit, uint64_t seq)
{
	for (size_t i = 0; i < audit->nsinks; i++)
		if (audit->sinks[i].done >= seq)
			return true;
	return false;
}

/* All of them, and since when the one that failed last does. */
static bool failing_locked(const struct audit *audit, uint64_t *since_ns)
{
	*since_ns = 0;
	for (size_t i = 0; i < audit->nsinks; i++) {
		if (!audit->sinks[i].failing_since_ns)
			return false;
		if (audit->sinks[i].failing_since_ns > *since_ns)
			*since_ns = audit->sinks[i].failing_since_ns;
	}
	return true;
}

/* May an op go on though its record is not written yet? */
static bool op_may_pass_locked(const struct audit *audit)
{
	uint64_t since_ns;
	const bool failing = failing_locked(audit, &since_ns);

	switch (audit->conf.when_full) {
	case CONF_AUDIT_OPEN:
		return true;
	case CONF_AUDIT_CLOSED:
		return !failing && audit->queued < audit->conf.buffer;
	case CONF_AUDIT_BUFFER:
		break;
	}
	return audit->queued < audit->conf.buffer &&
	       (!failing || clock_now_ns() - since_ns < (uint64_t)audit->conf.buffer_ms * NS_PER_MS);
}

static enum hufu_err write_op_locked(struct audit *audit, const char *members)
{
	uint64_t seq;

	if (!op_may_pass_locked(audit)) {
		audit->refused++;
		return HUFU_ERR_STORE_IO;
	}
	/* Only where the administrator said that ops go on unrecorded: told once, counted always. */
	if (audit->queued >= audit->conf.buffer) {
		if (audit->refused++ == 0)
			log_error("the audit queue is full: operations go on unrecorded, as when_full = \"open\" says");
		return HUFU_OK;
	}
	return enqueue_locked(audit, members, false, &seq);
}

/* Beyond the buffer of ops there is room for as many records again of what is refused rather than lost. */
static bool is_full_locked(const struct audit *audit)
{
	return audit->queued >= 2ull * audit->conf.buffer;
}

static enum hufu_err write_durably_locked(struct audit *audit, const char *members, uint64_t deadline_ns)
{
	uint64_t seq, since_ns;

	if (is_full_locked(audit))
		return HUFU_ERR_STORE_IO;
	enum hufu_err err = enqueue_locked(audit, members, false, &seq);
	while (!err && !durable_locked(audit, seq)) {
		if (failing_locked(audit, &since_ns))
			err = HUFU_ERR_STORE_IO;
		else if (!clock_wait(&audit->progress, &audit->lock, deadline_ns) && !durable_locked(audit, seq))
			err = HUFU_ERR_STORE_IO;
	}
	return err;
}

bool audit_may(struct audit *audit, enum audit_class class)
{
	uint64_t since_ns;

	if (!audit || (class == AUDIT_OP && !audit->conf.operations))
		return true;
	pthread_mutex_lock(&audit->lock);
	bool may = class == AUDIT_OP ? op_may_pass_locked(audit) : !is_full_locked(audit) && !failing_locked(audit, &since_ns);
	audit->refused += !may;
	pthread_mutex_unlock(&audit->lock);
	return may;
}

enum hufu_err audit_post(struct audit *audit, const struct audit_record *record)
{
	uint64_t seq;

	if (!audit || (record->class == AUDIT_OP && !audit->conf.operations))
		return HUFU_OK;
	struct writer members;
	if (!describe(record, &members))
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_lock(&audit->lock);
	enum hufu_err err = is_full_locked(audit) ? HUFU_ERR_STORE_IO : enqueue_locked(audit, text_of(&members), false, &seq);
	audit->refused += err != HUFU_OK;
	pthread_mutex_unlock(&audit->lock);
	writer_clear(&members);
	return err;
}

enum hufu_err audit_write(struct audit *audit, const struct audit_record *record, uint64_t deadline_ns)
{
	if (!audit || (record->class == AUDIT_OP && !audit->conf.operations))
		return HUFU_OK;
	struct writer members;
	if (!describe(record, &members))
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_lock(&audit->lock);
	enum hufu_err err = record->class == AUDIT_OP ? write_op_locked(audit, text_of(&members))
	                                              : write_durably_locked(audit, text_of(&members), deadline_ns ? deadline_ns : CLOCK_NEVER);
	const bool full = audit->conf.checkpoint_records && audit->since_checkpoint >= audit->conf.checkpoint_records;
	pthread_mutex_unlock(&audit->lock);
	writer_clear(&members);
	if (full)
		audit_checkpoint_if_due(audit);
	return err;
}

/* -- checkpoints --------------------------------------------------------------------- */

static void checkpoint(struct audit *audit, bool last)
{
	const struct audit_record record = {.class = AUDIT_ADMIN, .event = "checkpoint", .detail = last ? "the end" : NULL};
	struct writer members;
	const bool described = describe(&record, &members);
	uint64_t seq;

	pthread_mutex_lock(&audit->lock);
	const uint64_t now = clock_now_ns();
	const bool due = audit->since_checkpoint && (last || now >= audit->checkpoint_due_ns ||
	                                             (audit->conf.checkpoint_records &&
	                                              audit->since_checkpoint >= audit->conf.checkpoint_records));
	if (described && audit->signer && due) {
		if (enqueue_locked(audit, text_of(&members), true, &seq))
			log_error("no audit checkpoint could be made: memory or random numbers are out");
		else
			audit->last_checkpoint = clock_wall_s();
		audit->since_checkpoint = 0;
		audit->checkpoint_due_ns = now + (uint64_t)audit->conf.checkpoint_s * NS_PER_S;
	}
	pthread_mutex_unlock(&audit->lock);
	writer_clear(&members);
}

void audit_checkpoint_if_due(struct audit *audit)
{
	pthread_mutex_lock(&audit->lock);
	const bool due = audit->since_checkpoint && (clock_now_ns() >= audit->checkpoint_due_ns ||
	                                             (audit->conf.checkpoint_records &&
	                                              audit->since_checkpoint >= audit->conf.checkpoint_records));
	pthread_mutex_unlock(&audit->lock);
	if (due)
		checkpoint(audit, false);
}

/* -- beginning and end ------------------------------------------------------------------ */

static enum hufu_err copy_conf(struct audit *audit, const struct conf_audit *conf)
{
	audit->conf = *conf;
	audit->conf.file = conf->file ? strdup(conf->file) : NULL;
	audit->conf.key = conf->key ? strdup(conf->key) : NULL;
	return (conf->file && !audit->conf.file) || (conf->key && !audit->conf.key) ? HUFU_ERR_NO_MEMORY : HUFU_OK;
}

static struct sink *add_sink(struct audit *audit, const char *name,
                             bool (*write)(struct sink *, const struct writer *, const struct chain *))
{
	struct sink *sink = &audit->sinks[audit->nsinks++];

	*sink = (struct sink){.name = name, .audit = audit, .write = write, .trail = {.fd = -1, .state_fd = -1}};
	return sink;
}

/* Without a file there is no former record to go on from, and nobody who could verify MACs: the chain is all. */
static enum hufu_err chain_without_file(struct audit *audit)
{
	uint8_t *seed = secret_alloc(CHAIN_KEY_LEN);
	enum hufu_err err = seed ? rand_bytes(seed, CHAIN_KEY_LEN) : HUFU_ERR_NO_MEMORY;

	if (!err)
		chain_begin(audit->chain, seed);
	secret_free(seed);
	return err;
}

static enum hufu_err open_sinks(struct audit *audit)
{
	enum hufu_err err = HUFU_OK;

	if (audit->conf.file) {
		struct sink *sink = add_sink(audit, audit->conf.file, sink_file_write);
		err = trail_open(&audit->conf, &sink->trail, audit->chain);
		sink->done = err ? 0 : audit->chain->seq - 1;
	} else {
		err = chain_without_file(audit);
	}
	if (audit->conf.syslog)
		add_sink(audit, "syslog", sink_syslog_write)->done = audit->chain->seq - 1;
	if (!err && !audit->nsinks) {
		log_error("the section audit names neither file nor syslog. Say where records go");
		err = HUFU_ERR_CONFIG;
	}
	if (!err && (audit->conf.file || audit->conf.key)) {
		audit->signer = secret_alloc(sizeof(*audit->signer));
		err = audit->signer ? trail_signer(&audit->conf, audit->signer) : HUFU_ERR_NO_MEMORY;
	}
	return err;
}

static void free_audit(struct audit *audit)
{
	for (size_t i = 0; i < audit->nsinks; i++)
		trail_close(&audit->sinks[i].trail);
	secret_free(audit->signer);
	secret_free(audit->chain);
	secret_free(audit->next);
	free(audit->conf.file);
	free(audit->conf.key);
	free(audit);
}

static void end_sinks(struct audit *audit, size_t n)
{
	pthread_mutex_lock(&audit->lock);
	audit->ending = true;
	pthread_cond_broadcast(&audit->work);
	pthread_mutex_unlock(&audit->lock);
	for (size_t i = 0; i < n; i++)
		pthread_join(audit->sinks[i].thread, NULL);
}

enum hufu_err audit_open(const struct conf_audit *conf, struct audit **out)
{
	*out = NULL;
	if (!conf->given)
		return HUFU_OK;
	struct audit *audit = calloc(1, sizeof(*audit));
	if (!audit)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_init(&audit->lock, NULL);
	clock_cond_init(&audit->work);
	clock_cond_init(&audit->progress);
	audit->chain = secret_alloc(sizeof(*audit->chain));
	audit->next = secret_alloc(sizeof(*audit->next));
	enum hufu_err err = audit->chain && audit->next ? copy_conf(audit, conf) : HUFU_ERR_NO_MEMORY;
	if (!err)
		err = open_sinks(audit);
	audit->checkpoint_due_ns = clock_now_ns() + (uint64_t)audit->conf.checkpoint_s * NS_PER_S;
	for (size_t i = 0; !err && i < audit->nsinks; i++)
		if (pthread_create(&audit->sinks[i].thread, NULL, sink_main, &audit->sinks[i])) {
			end_sinks(audit, i);
			err = HUFU_ERR_NO_MEMORY;
		}
	if (err) {
		free_audit(audit);
		return err;
	}
	*out = audit;
	return HUFU_OK;
}

/* What no sink took is lost with the process, and said so. */
static void drop_rest(struct audit *audit)
{
	for (size_t i = 0; i < audit->nsinks; i++)
		while (audit->sinks[i].first) {
			struct entry *entry = audit->sinks[i].first;
			audit->sinks[i].first = entry->next;
			if (--entry->sinks_left == 0)
				secret_free(entry);
		}
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	checkpoint(audit, true);
	end_sinks(audit, audit->nsinks);
	if (audit->queued)
		log_error("%" PRIu64 " audit records could not be written everywhere before the end", audit->queued);
	drop_rest(audit);
	free_audit(audit);
}

void audit_state(struct audit *audit, struct audit_state *state)
{
	uint64_t since_ns;

	*state = (struct audit_state){.writable = true};
	if (!audit)
		return;
	pthread_mutex_lock(&audit->lock);
	state->records = audit->records;
	state->queued = audit->queued;
	state->failures = audit->failures;
	state->refused = audit->refused;
	state->last_checkpoint = audit->last_checkpoint;
	state->writable = !failing_locked(audit, &since_ns);
	pthread_mutex_unlock(&audit->lock);
}
