/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers count. */
#include "hufud/server_internal.h"

#include <math.h>

/* Metrics of the field's usual bounds, 50 us to 10 s. */
const double server_bucket_s[SERVER_BUCKETS] = {
	50e-6, 100e-6, 200e-6, 300e-6, 500e-6, 750e-6, 1e-3, 2e-3, 3e-3, 5e-3,
	10e-3, 20e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 3, 10, INFINITY,
};

/* The wire's operations by name; store calls are one. */
enum { OP_INFO, OP_PROBE, OP_VERB, OP_STORE = OP_VERB + HUFU_VERB_LOGOUT, OP_OTHER };
_Static_assert(OP_OTHER < SERVER_OPS, "there is room for every operation");

const char *server_op_name(size_t op)
{
	static const char *const names[SERVER_OPS] = {
		[OP_INFO] = "info", [OP_PROBE] = "probe", [OP_STORE] = "store", [OP_OTHER] = "other",
		[OP_VERB + HUFU_VERB_RANDOM - 1] = "random", [OP_VERB + HUFU_VERB_GENERATE - 1] = "generate",
		[OP_VERB + HUFU_VERB_IMPORT - 1] = "import", [OP_VERB + HUFU_VERB_EXPORT - 1] = "export",
		[OP_VERB + HUFU_VERB_ENCRYPT - 1] = "encrypt", [OP_VERB + HUFU_VERB_DECRYPT - 1] = "decrypt",
		[OP_VERB + HUFU_VERB_SIGN - 1] = "sign", [OP_VERB + HUFU_VERB_VERIFY - 1] = "verify",
		[OP_VERB + HUFU_VERB_WRAP - 1] = "wrap", [OP_VERB + HUFU_VERB_UNWRAP - 1] = "unwrap",
		[OP_VERB + HUFU_VERB_DERIVE - 1] = "derive", [OP_VERB + HUFU_VERB_EVICT - 1] = "evict",
		[OP_VERB + HUFU_VERB_FIND - 1] = "find", [OP_VERB + HUFU_VERB_LOGIN - 1] = "login",
		[OP_VERB + HUFU_VERB_LOGOUT - 1] = "logout",
	};
	return op < SERVER_OPS ? names[op] : NULL;
}

const char *server_result_name(size_t group)
{
	static const char *const names[] = {"ok", "caller", "unsupported", "no_key", "denied", "expired", "busy", "gone", "lost",
	                                    "corrupt", "host", "bug"};
	return group < sizeof(names) / sizeof(names[0]) ? names[group] : NULL;
}

size_t server_op_index(uint16_t op)
{
	if (op == WIRE_OP_INFO || op == WIRE_OP_PROBE)
		return op == WIRE_OP_INFO ? OP_INFO : OP_PROBE;
	if (op > WIRE_OP_VERB && op <= WIRE_OP_VERB + HUFU_VERB_LOGOUT)
		return (size_t)OP_VERB + op - WIRE_OP_VERB - 1;
	return op >= WIRE_OP_STORE && op < WIRE_OP_STORE + 0x100 ? OP_STORE : OP_OTHER;
}

void metrics_op(struct worker *worker, uint16_t wire_op, uint64_t duration_ns)
{
	size_t op = server_op_index(wire_op), bucket = 0;
	double seconds = (double)duration_ns / 1e9;
	while (bucket < SERVER_BUCKETS - 1 && seconds > server_bucket_s[bucket])
		bucket++;
	count(&worker->counts.duration[op][bucket], 1);
	count(&worker->counts.duration_ns[op], duration_ns);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_ops(const struct worker_counts *from, size_t op, struct server_counts *to)
{
	for (size_t i = 0; i < SERVER_BUCKETS; i++)
		to->duration[op][i] += get(&from->duration[op][i]);
	to->duration_ns[op] += get(&from->duration_ns[op]);
}

void server_counts(struct server *server, struct server_counts *to)
{
	*to = (struct server_counts){0};
	for (size_t i = 0; i < server->nworkers; i++) {
		const struct worker_counts *from = &server->workers[i]->counts;
		to->accepted += get(&from->accepted);
		to->refused_handshakes += get(&from->refused_handshakes);
		to->refused_hellos += get(&from->refused_hellos);
		to->protocol_errors += get(&from->protocol_errors);
		to->timeouts += get(&from->timeouts);
		to->revoked += get(&from->revoked);
		to->bytes_in += get(&from->bytes_in);
		to->bytes_out += get(&from->bytes_out);
		to->wakeups += get(&from->wakeups);
		to->answers_posted += get(&from->answers_posted);
		to->progress += get(&from->progress);
		for (size_t op = 0; op < SERVER_OPS; op++)
			add_ops(from, op, to);
	}
}
