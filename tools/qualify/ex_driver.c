/* SPDX-License-Identifier: Apache-2.0 */
/* A driver of hufu's (hufu/driver.h) in place of a GM/T 0018 library: the same questions, asked through its ops. */
#include "base/clock.h"
#include "base/err.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "sm/sm3.h"
#include "sm/sm4.h"
#include "tools/qualify/examine.h"
#include "tools/qualify/randomness.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALL_S 10
#define OUT_MAX (HUFU_PUB_MAX + 65536)
#define ROUNDS 100
#define LEASES_TRIED 64

struct subject {
	const struct request *request;
	const struct hufu_driver *driver;
	struct hufu_device *device;
	struct hufu_device_info info;
};

/* ASK(s, probe, s->device, deadline), DO(s, release, lease): with the board told. */
#define DO(s, name, ...) (board_enter(FN_driver_##name), (s)->driver->name(__VA_ARGS__), (void)board_leave(0))
#define ASK(s, name, ...) \
	(board_enter(FN_driver_##name), (enum hufu_err)board_leave((int)(s)->driver->name(__VA_ARGS__)))

static uint64_t soon(void)
{
	return clock_now_ns() + CALL_S * NS_PER_S;
}

static const char *setting(const struct hufu_conf *conf, const char *key)
{
	return json_string_value(json_object_get(conf->priv, key));
}

/* -- loading ------------------------------------------------------------------------------- */

static const struct hufu_driver *load(const struct request *request)
{
	void *library = dlopen(request->library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	hufu_driver_entry_fn entry;
	void *symbol = library ? dlsym(library, HUFU_DRIVER_ENTRY) : NULL;

	memcpy(&entry, &symbol, sizeof entry);
	const struct hufu_driver *driver = symbol ? entry() : NULL;
	if (!library)
		tell_not_loaded(request->library);
	else if (!driver)
		tell(RESULT_fault, "load", "its " HUFU_DRIVER_ENTRY " gives no driver");
	return driver;
}

static bool fits(const struct hufu_driver *d)
{
	bool abi = d->size >= offsetof(struct hufu_driver, name) && d->abi == HUFU_DRIVER_ABI, size = abi && d->size >= sizeof *d;
	bool whole = size && d->name && d->open && d->close && d->info && d->probe && d->lease && d->release && d->run;

	if (!abi)
		tell(RESULT_fault, "abi", "it was built for driver ABI %u, this hufu has %u", d->abi, HUFU_DRIVER_ABI);
	else if (!size)
		tell(RESULT_fault, "size", "it describes itself in %zu bytes, the ABI has %zu", d->size, sizeof *d);
	else if (!whole)
		tell(RESULT_fault, "functions", "a function is missing: only cancel and forget may be NULL");
	return whole;
}

static void examine_symbols_of(const struct hufu_driver *d)
{
	tell(RESULT_pass, "abi", "driver \"%s\", ABI %u, all functions%s", d->name, d->abi, d->cancel ? ", cancel too" : "");
	tell(RESULT_info, "flags",
	     "returns by its deadline: %s; fork-safe: %s; leases stay on their thread: %s; keys in this host's "
	     "memory: %s",
	     d->flags & HUFU_DRIVER_RETURNS_BY_DEADLINE ? "yes" : "no", d->flags & HUFU_DRIVER_FORK_SAFE ? "yes" : "no",
	     d->flags & HUFU_DRIVER_THREAD_AFFINE ? "yes" : "no", d->flags & HUFU_DRIVER_SOFTWARE ? "yes" : "no");
}

static bool tell_err(const char *id, const char *what, enum hufu_err err)
{
	tell(err == HUFU_OK ? RESULT_pass : RESULT_fault, id, "%s: %s", what, err_text(err));
	return err == HUFU_OK;
}

static bool can(const struct subject *s, uint64_t mechanism, enum hufu_verb verb)
{
	for (size_t i = 0; i < s->info.ncaps; i++)
		if (s->info.caps[i].mechanism == mechanism && s->info.caps[i].verbs & 1u << verb)
			return true;
	return false;
}

static enum hufu_err run(struct subject *s, struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_op *ops[] = {op};

	op->size = sizeof *op;
	op->deadline_ns = soon();
	op->attempt = 1;
	op->outcome = HUFU_ERR_BUG;
	host_fill(op->op_id, sizeof op->op_id);
	DO(s, run, lease, ops, 1);
	if (op->outcome == HUFU_OK && op->out_len > op->out_cap)
		return HUFU_ERR_CORRUPT;
	return op->outcome;
}

/* As a token does when its user logs in, with the one name that all drivers know. False after a finding. */
static bool log_in(struct subject *s)
{
	static const char user[] = "user";
	const struct request *request = s->request;
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in = request->password, .in_len = request->password_len,
	                     .in2 = (const uint8_t *)user, .in2_len = sizeof user - 1};
	struct hufu_lease *lease;

	if (!request->password)
		return true;
	if (!can(s, 0, HUFU_VERB_LOGIN)) {
		tell(RESULT_skipped, "login", "the device takes no credential: the password is of no use");
		return true;
	}
	enum hufu_err err = ASK(s, lease, s->device, soon(), &lease);
	if (err != HUFU_OK)
		return tell_err("login", "a lease to log in on", err);
	err = run(s, lease, &op);
	DO(s, release, lease);
	return tell_err("login", "it takes the password of \"user\"", err);
}

static bool open_subject(struct subject *s)
{
	struct hufu_conf conf = {.size = sizeof conf, .name = "qualify", .get = setting,
	                         .priv = json_object_get(s->request->doc, "conf")};
	uint64_t begun = clock_now_ns();
	enum hufu_err err = ASK(s, open, driver_host(), &conf, soon(), &s->device);

	if (clock_now_ns() - begun > (CALL_S + 1) * NS_PER_S)
		tell(RESULT_fault, "deadline", "open came back after its deadline");
	if (err != HUFU_OK || !s->device)
		return tell(RESULT_fault, "open", "the device cannot be opened: %s; --set KEY=VALUE gives what its section would",
		            err_text(err)),
		       false;
	s->info = (struct hufu_device_info){.size = sizeof s->info};
	err = ASK(s, info, s->device, &s->info);
	return (err == HUFU_OK || tell_err("info", "the device tells of itself", err)) && log_in(s);
}

/* Made for a test, a key that stays for good would have to be taken away by the vendor's tool. */
static bool can_make(const struct subject *s, uint64_t mechanism, enum hufu_verb verb)
{
	for (size_t i = 0; i < s->info.ncaps; i++)
		if (s->info.caps[i].mechanism == mechanism && s->info.caps[i].verbs & 1u << verb && !s->info.caps[i].permanent)
			return true;
	return false;
}

/* -- ops -------------------------------------------------------------------------------------- */

struct made {
	struct hufu_key key;
	uint8_t blob[4096], pub[HUFU_PUB_MAX];
	size_t pub_len;
};

static enum hufu_err make(struct subject *s, struct hufu_lease *lease, struct hufu_op op, struct made *made)
{
	memset(made, 0, sizeof *made);
	op.out = made->blob;
	op.out_cap = sizeof made->blob;
	op.pub = made->pub;
	op.copy_kind = HUFU_COPY_BLOB;
	enum hufu_err err = run(s, lease, &op);
	made->pub_len = op.pub_len;
	made->key = (struct hufu_key){.size = sizeof made->key, .version = 1, .type = op.new_type, .copy_kind = op.copy_kind,
	                              .blob = made->blob, .blob_len = op.out_len};
	host_fill(made->key.uuid, sizeof made->key.uuid);
	return err;
}

static void evict(struct subject *s, struct hufu_lease *lease, struct made *made)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = &made->key};

	(void)run(s, lease, &op);
}

static enum hufu_err make_pair(struct subject *s, struct hufu_lease *lease, struct made *made)
{
	enum hufu_err err = make(s, lease, (struct hufu_op){.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                                                    .new_type = HUFU_KEY_SM2_PRIVATE}, made);

	return err == HUFU_OK && made->pub_len != SM2_POINT_LEN ? HUFU_ERR_CORRUPT : err;
}

/* All of out: what a driver left as it was would be taken for random numbers. */
static enum hufu_err draw_all(struct subject *s, struct hufu_lease *lease, uint8_t *out, size_t len)
{
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = len};
	enum hufu_err err = run(s, lease, &op);

	return err == HUFU_OK && op.out_len != len ? HUFU_ERR_CORRUPT : err;
}

static bool sign_round(struct subject *s, struct hufu_lease *lease, struct made *pair, enum hufu_err *err)
{
	uint8_t e[32], sig[64];
	struct sm2_public key;
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &pair->key, .in = e, .in_len = sizeof e,
	                     .out = sig, .out_cap = sizeof sig, .repeatable = true};

	host_fill(e, sizeof e);
	*err = run(s, lease, &op);
	return *err == HUFU_OK && op.out_len == 64 && sm2_public_init(&key, pair->pub) == SM2_OK &&
	       sm2_verify(&key, e, sig) == SM2_OK;
}

/* -- chapters ----------------------------------------------------------------------------------- */

static void examine_opening(struct subject *s)
{
	struct hufu_lease *leases[LEASES_TRIED];
	size_t n = 0, limit = s->info.max_leases ? s->info.max_leases : LEASES_TRIED;
	enum hufu_err err = HUFU_OK;

	tell(RESULT_info, "info",
	     "made by \"%.31s\", model \"%.31s\", serial number \"%.31s\", %zu kinds of operation, at most %u leases",
	     s->info.vendor, s->info.model, s->info.serial, s->info.ncaps, s->info.max_leases);
	(void)tell_err("probe", "it answers a probe", ASK(s, probe, s->device, soon()));
	while (n < LEASES_TRIED && n < limit && err == HUFU_OK) {
		err = ASK(s, lease, s->device, soon(), &leases[n]);
		n += err == HUFU_OK;
	}
	tell(err == HUFU_OK ? RESULT_pass : RESULT_fault, "leases", "%zu leases at a time%s%s", n, err ? ", then: " : "",
	     err ? err_text(err) : "");
	while (n)
		DO(s, release, leases[--n]);
	DO(s, close, s->device, soon());
	tell(open_subject(s) ? RESULT_pass : RESULT_fault, "again", "closed, and opened again");
}

static void answer_random(struct subject *s, struct hufu_lease *lease)
{
	uint8_t a[64] = {0}, b[64] = {0};

	if (can(s, 0, HUFU_VERB_RANDOM) && tell_err("random", "64 random bytes", draw_all(s, lease, a, sizeof a)) &&
	    tell_err("random", "and another 64", draw_all(s, lease, b, sizeof b)))
		tell(memcmp(a, b, sizeof a) ? RESULT_pass : RESULT_fault, "random", "two draws differ");
}

/* GB/T 32907 A.1: key and text are the same. */
static const uint8_t sm4_value[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};

static enum hufu_err import_sm4(struct subject *s, struct hufu_lease *lease, struct made *made)
{
	return make(s, lease, (struct hufu_op){.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM4, .in = sm4_value, .in_len = 16},
	            made);
}

static void answer_sm4(struct subject *s, struct hufu_lease *lease)
{
	static const uint8_t right[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e,
	                                  0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};
	struct made made;
	uint8_t out[32];
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT,
	                     .mechanism = CKM_HUFU_SM4_ECB,
	                     .key = &made.key,
	                     .in = sm4_value,
	                     .in_len = 16,
	                     .out = out,
	                     .out_cap = sizeof out,
	                     .repeatable = true};

	if (!can(s, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT) || !can_make(s, 0, HUFU_VERB_IMPORT)) {
		tell(RESULT_skipped, "sm4-ecb", "SM4: not offered for keys that we know");
		return;
	}
	if (!tell_err("import", "an SM4 key is imported", import_sm4(s, lease, &made)))
		return;
	enum hufu_err err = run(s, lease, &op);
	tell(err == HUFU_OK && op.out_len == 16 && !memcmp(out, right, 16) ? RESULT_pass : RESULT_fault, "sm4-ecb",
	     "SM4, GB/T 32907 A.1: %s", err_text(err));
	evict(s, lease, &made);
}

static void answer_sm2(struct subject *s, struct hufu_lease *lease, uint32_t rounds)
{
	struct made pair;
	uint32_t wrong = 0, i = 0;
	enum hufu_err err = HUFU_OK;

	if (!can_make(s, CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_VERB_GENERATE) || !can(s, CKM_HUFU_SM2, HUFU_VERB_SIGN)) {
		tell(RESULT_skipped, "sm2-sign", "SM2: pairs are not made here, or do not sign");
		return;
	}
	if (!tell_err("generate", "an SM2 pair is made", make_pair(s, lease, &pair)))
		return;
	for (; i < rounds && err == HUFU_OK; i++) {
		wrong += !sign_round(s, lease, &pair, &err);
		tell_at(i, rounds);
	}
	tell(wrong ? RESULT_fault : RESULT_pass, "sm2-sign", "SM2: the device signs, software verifies: %u of %u wrong%s%s", wrong,
	     i, err ? ", the last by " : "", err ? err_text(err) : "");
	evict(s, lease, &pair);
}

/* What is asked for and cannot be must be refused in its group, or a pool would take a caller's mistake for a dead device. */
static void answer_mistakes(struct subject *s, struct hufu_lease *lease)
{
	uint8_t in[32] = {1}, out[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = 0x7fffffff, .in = in, .in_len = sizeof in, .out = out,
	                     .out_cap = sizeof out};
	enum hufu_group group = hufu_err_group(run(s, lease, &op));

	tell(group == HUFU_GROUP_UNSUPPORTED || group == HUFU_GROUP_CALLER ? RESULT_pass : RESULT_fault, "unsupported",
	     "a mechanism that nobody has: %s", err_text(op.outcome));
}

static void with_lease(struct subject *s, void (*f)(struct subject *, struct hufu_lease *))
{
	struct hufu_lease *lease;
	enum hufu_err err = ASK(s, lease, s->device, soon(), &lease);

	if (err)
		tell(RESULT_fault, "lease", "no lease to work with: %s", err_text(err));
	else
		f(s, lease), DO(s, release, lease);
}

static void answers(struct subject *s, struct hufu_lease *lease)
{
	answer_random(s, lease);
	answer_sm4(s, lease);
	answer_sm2(s, lease, 1);
	answer_mistakes(s, lease);
}

static void cross(struct subject *s, struct hufu_lease *lease)
{
	answer_sm2(s, lease, s->request->full ? 50 * ROUNDS : ROUNDS);
}

/* -- threads, a lease each ----------------------------------------------------------------------- */

/* What all threads do at once, with one key: what the device offers first of these. */
struct job {
	const char *what;
	bool (*round)(struct subject *, struct hufu_lease *, struct made *, enum hufu_err *);
	struct made key;
};

static bool crypt_round(struct subject *s, struct hufu_lease *lease, struct made *made, enum hufu_err *err)
{
	uint8_t in[64], out[80], right[64];
	struct sm4_key key;
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT,
	                     .mechanism = CKM_HUFU_SM4_ECB,
	                     .key = &made->key,
	                     .in = in,
	                     .in_len = sizeof in,
	                     .out = out,
	                     .out_cap = sizeof out,
	                     .repeatable = true};

	host_fill(in, sizeof in);
	sm4_key_init(&key, sm4_value);
	sm4_ecb_encrypt(&key, in, right, sizeof in / 16);
	*err = run(s, lease, &op);
	return *err == HUFU_OK && op.out_len == sizeof right && !memcmp(out, right, sizeof right);
}

static bool random_round(struct subject *s, struct hufu_lease *lease, struct made *made, enum hufu_err *err)
{
	uint8_t out[32] = {0}, none[32] = {0};

	(void)made;
	*err = draw_all(s, lease, out, sizeof out);
	return *err == HUFU_OK && memcmp(out, none, sizeof out);
}

/* False after a finding. */
static bool find_job(struct subject *s, struct hufu_lease *lease, struct job *job)
{
	memset(job, 0, sizeof *job);
	if (can_make(s, CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_VERB_GENERATE) && can(s, CKM_HUFU_SM2, HUFU_VERB_SIGN) &&
	    make_pair(s, lease, &job->key) == HUFU_OK) {
		job->what = "SM2 signatures, verified here";
		job->round = sign_round;
	} else if (can_make(s, 0, HUFU_VERB_IMPORT) && can(s, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT) &&
	           import_sm4(s, lease, &job->key) == HUFU_OK) {
		job->what = "SM4-ECB encryptions of 64 bytes, compared here";
		job->round = crypt_round;
	} else if (can(s, 0, HUFU_VERB_RANDOM)) {
		job->what = "draws of 32 random bytes";
		job->round = random_round;
	} else {
		tell(RESULT_skipped, "job", "the device offers neither SM2 signatures nor SM4 nor random numbers");
	}
	return job->round;
}

static void end_job(struct subject *s, struct hufu_lease *lease, struct job *job)
{
	if (job->key.key.size)
		evict(s, lease, &job->key);
}

struct worker {
	struct subject *subject;
	struct job *job;
	pthread_t thread;
	uint32_t rounds, wrong, errors;
	_Atomic bool *stop;
	enum hufu_err err;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct hufu_lease *lease;

	w->err = ASK(w->subject, lease, w->subject->device, soon(), &lease);
	w->errors = w->err != HUFU_OK;
	if (w->err)
		goto out;
	for (; !atomic_load(w->stop); w->rounds++) {
		enum hufu_err err;
		bool good = w->job->round(w->subject, lease, &w->job->key, &err);
		w->errors += err != HUFU_OK;
		w->wrong += err == HUFU_OK && !good;
		w->err = err ? err : w->err;
		tell_at(w->rounds, 0);
	}
	DO(w->subject, release, lease);
out:
	board_quit();
	return NULL;
}

struct sums {
	uint32_t rounds, wrong, errors;
	enum hufu_err err;
	double seconds;
};

static struct sums together(struct subject *s, struct job *job, uint32_t threads, uint32_t ms)
{
	struct worker *w = calloc(threads, sizeof *w);
	_Atomic bool stop = false;
	struct sums sums = {0};
	uint64_t begun = clock_now_ns();

	if (!w)
		_exit(1);
	for (uint32_t i = 0; i < threads; i++) {
		w[i] = (struct worker){.subject = s, .job = job, .stop = &stop};
		if (pthread_create(&w[i].thread, NULL, work, &w[i]))
			_exit(1);
	}
	while (clock_now_ns() - begun < ms * NS_PER_MS)
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	atomic_store(&stop, true);
	for (uint32_t i = 0; i < threads; i++) {
		pthread_join(w[i].thread, NULL);
		sums.rounds += w[i].rounds;
		sums.wrong += w[i].wrong;
		sums.errors += w[i].errors;
		sums.err = w[i].err ? w[i].err : sums.err;
	}
	sums.seconds = (double)(clock_now_ns() - begun) / 1e9;
	free(w);
	return sums;
}

/* One lease is held here, and one must be left for it. */
static uint32_t most_threads(const struct subject *s)
{
	uint32_t n = s->request->threads, limit = s->info.max_leases;

	return limit && n >= limit ? (limit > 1 ? limit - 1 : 0) : n;
}

static void threads(struct subject *s, struct hufu_lease *lease)
{
	uint32_t n = most_threads(s);
	struct job job;

	if (n < 2)
		tell(RESULT_skipped, "job", "threads with a lease each: the device gives no more than %u leases", s->info.max_leases);
	if (n < 2 || !find_job(s, lease, &job))
		return;
	struct sums sums = together(s, &job, n, s->request->full ? 10000 : 500);
	tell(sums.wrong || sums.errors || !sums.rounds ? RESULT_fault : RESULT_pass, "job",
	     "%u threads, a lease each and one key: %u %s, %u wrong, %u errors (%s)", n, sums.rounds, job.what, sums.wrong,
	     sums.errors, err_text(sums.err));
	end_job(s, lease, &job);
}

static void performance(struct subject *s, struct hufu_lease *lease)
{
	struct job job;

	if (!find_job(s, lease, &job))
		return;
	for (uint32_t n = 1; n <= most_threads(s); n *= 2) {
		struct sums sums = together(s, &job, n, s->request->full ? 2000 : 150);
		if (sums.err != HUFU_OK)
			break;
		tell_point("Calls a second, by threads", job.what, n, sums.rounds / sums.seconds);
		if (n == 1)
			tell(RESULT_info, "calls", "%s: %.0f/s by one thread", job.what, sums.rounds / sums.seconds);
	}
	end_job(s, lease, &job);
}

struct draw {
	struct subject *subject;
	struct hufu_lease *lease;
};

static bool draw(void *arg, uint8_t *out, size_t len)
{
	struct draw *d = arg;

	for (size_t done = 0; done < len;) {
		size_t n = len - done < 4096 ? len - done : 4096;
		if (draw_all(d->subject, d->lease, out + done, n) != HUFU_OK)
			return false;
		done += n;
	}
	return true;
}

static void random_numbers(struct subject *s, struct hufu_lease *lease)
{
	if (can(s, 0, HUFU_VERB_RANDOM))
		examine_randomness(draw, &(struct draw){s, lease}, s->request->full);
	else
		tell(RESULT_skipped, "draw", "the device offers no random numbers");
}

static const struct {
	const char *chapter;
	void (*examine)(struct subject *, struct hufu_lease *);
} parts[] = {
	{"answers", answers}, {"cross", cross}, {"threads", threads}, {"performance", performance}, {"random", random_numbers}};

void examine_driver(const struct request *request)
{
	struct subject s = {.request = request, .driver = load(request)};

	if (!s.driver || !fits(s.driver))
		return;
	if (!strcmp(request->chapter, "symbols")) {
		examine_symbols_of(s.driver);
		return;
	}
	if (!open_subject(&s))
		return;
	if (!strcmp(request->chapter, "open"))
		examine_opening(&s);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strcmp(request->chapter, parts[i].chapter))
			with_lease(&s, parts[i].examine);
}
