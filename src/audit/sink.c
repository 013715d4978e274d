/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that write: all that waits goes in one batch, and is made durable once. */
#include "audit/sink.h"

#include <string.h>
#include <syslog.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

#define BATCH_MAX ((size_t)1 << 20)
#define RETRY_NS (200 * NS_PER_MS)
#define LOOK_NS NS_PER_S           /* for checkpoints that are due */
#define LAST_NS NS_PER_S           /* at the end, for a sink that fails */

bool sink_file_write(struct sink *sink, const struct writer *lines, const struct chain *after)
{
	return trail_write(&sink->trail, (const char *)lines->data, lines->len, after);
}

bool sink_syslog_write(struct sink *sink, const struct writer *lines, const struct chain *after)
{
	const char *line = (const char *)lines->data, *end = line + lines->len;

	(void)sink;
	(void)after;
	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		syslog(LOG_AUTHPRIV | LOG_NOTICE, "hufud-audit: %.*s", (int)(stop - line), line);
		line = stop + 1;
	}
	return true;
}

/* Copies what waits into lines; the last entry of it, or NULL. */
static const struct entry *gather_locked(const struct sink *sink, struct writer *lines)
{
	const struct entry *last = NULL;

	for (const struct entry *entry = sink->first; entry && lines->len + entry->len <= BATCH_MAX; entry = entry->next) {
		write_bytes(lines, entry->line, entry->len);
		last = entry;
	}
	return lines->bad ? NULL : last;
}

static void pass_locked(struct sink *sink, const struct entry *last)
{
	struct audit *audit = sink->audit;
	bool more = true;

	while (more) {
		struct entry *entry = sink->first;
		more = entry != last;
		sink->first = entry->next;
		sink->done = entry->after.seq - 1;
		if (--entry->sinks_left)
			continue;
		if (audit->last == entry)
			audit->last = NULL;
		audit->queued--;
		secret_free(entry);
	}
}

static void note_failure_locked(struct sink *sink)
{
	sink->audit->failures++;
	if (sink->failing_since_ns)
		return;
	sink->failing_since_ns = clock_now_ns();
	log_error("audit records cannot be written to %s. Until they can, administration, logins and changes of keys are refused; look at "
	          "its space and mode", sink->name);
}

/* One batch; false: it failed. */
static bool write_batch_locked(struct sink *sink)
{
	struct audit *audit = sink->audit;
	struct writer lines;
	struct chain *after = secret_alloc(sizeof(*after));
	bool good = false;

	writer_init(&lines, false);
	const struct entry *last = after ? gather_locked(sink, &lines) : NULL;
	if (last) {
		*after = last->after;
		pthread_mutex_unlock(&audit->lock);
		good = sink->write(sink, &lines, after);
		pthread_mutex_lock(&audit->lock);
	}
	if (good) {
		if (sink->failing_since_ns)
			log_notice("audit records are written to %s again", sink->name);
		sink->failing_since_ns = 0;
		pass_locked(sink, last);
	} else {
		note_failure_locked(sink);
	}
	pthread_cond_broadcast(&audit->progress);
	secret_free(after);
	writer_clear(&lines);
	return good;
}

void *sink_main(void *arg)
{
	struct sink *sink = arg;
	struct audit *audit = sink->audit;
	uint64_t give_up = CLOCK_NEVER;

	pthread_mutex_lock(&audit->lock);
	for (;;) {
		if (audit->ending && give_up == CLOCK_NEVER)
			give_up = clock_now_ns() + LAST_NS;
		if (!sink->first && audit->ending)
			break;
		if (!sink->first)
			clock_wait(&audit->work, &audit->lock, clock_now_ns() + LOOK_NS);
		else if (!write_batch_locked(sink)) {
			if (clock_now_ns() >= give_up)
				break;
			clock_wait(&audit->work, &audit->lock, clock_now_ns() + RETRY_NS);
		}
		if (sink == &audit->sinks[0] && !audit->ending) {
			pthread_mutex_unlock(&audit->lock);
			audit_checkpoint_if_due(audit);
			pthread_mutex_lock(&audit->lock);
		}
	}
	pthread_mutex_unlock(&audit->lock);
	return NULL;
}
