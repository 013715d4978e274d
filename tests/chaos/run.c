/* SPDX-License-Identifier: Apache-2.0 */
/* One run: a token, workers, a plan; then the accounts. */
#include "chaos.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"

#define GROWTH_MAX_KIB (64 * 1024)
#define COMPLAINTS_MAX 12
#define RECOVERY_MAX_S 60.0
#define WORKER_STACK (1024 * 1024)

/* An operation as it went. */
struct record {
	uint16_t worker, work;
	bool right;
	CK_RV rv;
	double begun_s, took_s;
};

static struct {
	const struct profile *profile;
	uint64_t seed, ops, phase_len;
	unsigned deadline_ms;          /* of a call */
	_Atomic uint64_t next;
	struct record *records;
	struct worker workers[WORKERS];
	pthread_mutex_t plan_lock;
	_Atomic long early_kib;        /* resident, when the first quarter was done */
	unsigned complaints;
	bool good;
} run;

/* -- helpers --------------------------------------------------------------------------- */

#define COMPLAIN(...) do { \
	run.good = false; \
	if (run.complaints++ < COMPLAINTS_MAX && !run.profile->must_complain) { printf("# %s, seed %llu: ", run.profile->name, (unsigned long long)run.seed); \
		printf(__VA_ARGS__); printf("\n"); } \
} while (0)

static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static long resident_kib(void)
{
	long pages = 0, ignored;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld", &ignored, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* -- the token ---------------------------------------------------------------------------- */

void run_write_conf(size_t without, unsigned weight)
{
	FILE *f = life_conf();

	/*
	 * Most devices may be bad at once, and one may lose every op of a kind: the limits of attempts and retries, which
	 * would give up there so that a fleet is not drowned in retries, are wide here and tested on their own.
	 */
	fprintf(f, "defaults { deadline_ms = %u  generate_deadline_ms = %u  attempts = 8  retry_percent = 100  retry_floor = 1000 }\n",
	        run.deadline_ms, run.deadline_ms);
	plan_devices(f, without, weight);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "other" : "chaos";

		fprintf(f, "token \"%s\" { ", name);
		plan_token(f, name, run.seed, without);
		fprintf(f, " }\n");
	}
	life_conf_done(f);
}

/* -- the load ------------------------------------------------------------------------------ */

static const struct work *draw_work(struct chance *c)
{
	const struct work *works = run.profile->works;
	unsigned sum = 0;

	for (const struct work *work = works; work->name; work++)
		sum += work->weight;
	size_t at = chance_below(c, sum);
	while (at >= works->weight)
		at -= works++->weight;
	return works;
}

static void begin_phase(uint64_t n)
{
	pthread_mutex_lock(&run.plan_lock);
	run.profile->phase(run.seed, (unsigned)(n / run.phase_len));
	if (getenv("CHAOS_SHOW")) {
		printf("# seed %llu, operation %llu:\n", (unsigned long long)run.seed, (unsigned long long)n);
		plan_show(stdout);
	}
	pthread_mutex_unlock(&run.plan_lock);
	if (n == run.phase_len * (PHASES / 4))
		run.early_kib = resident_kib();
}

static void run_one(struct worker *w, uint64_t n)
{
	w->op = n;
	w->chance = chance_of(run.seed, 1000000 + n);
	w->rv = CKR_OK;
	w->why = NULL;
	const struct work *work = draw_work(&w->chance);
	double begun_s = life_now_s();
	bool right = work->run(w);
	run.records[n] = (struct record){(uint16_t)(w->number + 1), (uint16_t)(work - run.profile->works), right, w->rv, begun_s,
	                                 life_now_s() - begun_s};
	if (right || (run.profile->may_fail && w->rv == CKR_DEVICE_ERROR))
		return;
	pthread_mutex_lock(&run.plan_lock);
	if (w->rv == CKR_OK)
		COMPLAIN("operation %llu (%s): wrong: %s", (unsigned long long)n, work->name, w->why);
	else
		COMPLAIN("operation %llu (%s): 0x%lx after %.3f s from %s", (unsigned long long)n, work->name, w->rv,
		         life_now_s() - begun_s, w->why);
	if (run.complaints == 1 && !run.profile->must_complain)
		plan_show(stdout);
	pthread_mutex_unlock(&run.plan_lock);
}

static void *labour(void *arg)
{
	struct worker *w = arg;
	uint64_t n;

	while ((n = atomic_fetch_add(&run.next, 1)) < run.ops) {
		if (n % run.phase_len == 0)
			begin_phase(n);
		run_one(w, n);
	}
	return NULL;
}

/* An answer at last, however often the device error is that nobody is back, or that this machine is slow. */
static void insist(struct worker *w, const char *name, work_fn *run_work, double until_s)
{
	while (!run_work(w))
		if (w->rv != CKR_DEVICE_ERROR || life_now_s() >= until_s) {
			COMPLAIN("%s after an outage: 0x%lx, %s", name, w->rv, w->why);
			return;
		}
}

/* After an outage: first one answer, then all of them. */
static void recover(CK_SESSION_HANDLE s)
{
	struct worker *w = &run.workers[0];
	double until_s = life_now_s() + RECOVERY_MAX_S;

	w->session = s;
	w->chance = chance_of(run.seed, 4);
	insist(w, "a signature", run.profile->cards ? work_card_sign : work_sm2_sign, until_s);
	for (int i = 0; i < 100; i++) {
		const struct work *work = draw_work(&w->chance);
		insist(w, work->name, work->run, until_s);
	}
}

/* A device that the configuration has no more is closed, while the module goes on. */
static void remove_last(CK_SESSION_HANDLE s)
{
	const struct timespec moment = {.tv_nsec = 10000000};
	struct worker *w = &run.workers[0];
	double begun_s = life_now_s();
	size_t last = plan_ndevices - 1;

	w->session = s;
	w->chance = chance_of(run.seed, 5);
	run_write_conf(last, 100);
	while (!plan_is_closed(last) && life_now_s() - begun_s < RECOVERY_MAX_S) {
		if (!work_sm4_cbc(w))
			COMPLAIN("while a device is removed: 0x%lx, %s", w->rv, w->why);
		nanosleep(&moment, NULL);
	}
	if (!plan_is_closed(last))
		COMPLAIN("a device that was removed was not closed");
	run_write_conf(NOBODY, 100);
}

static void work_all(void)
{
	pthread_t threads[WORKERS];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	for (unsigned i = 0; i < WORKERS; i++) {
		run.workers[i] = (struct worker){.number = i, .session = life_session("chaos")};
		if (pthread_create(&threads[i], &attr, labour, &run.workers[i]) != 0)
			life_need(CKR_HOST_MEMORY, "pthread_create");
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attr);
}

/* -- the accounts ---------------------------------------------------------------------------- */

/* Every operation was begun by one worker, and ended. */
static void check_records(void)
{
	uint64_t lost = 0;
	double longest_s = 0;

	for (uint64_t n = 0; n < run.ops; n++)
		lost += run.records[n].worker == 0;
	if (lost)
		COMPLAIN("%llu operations have no end", (unsigned long long)lost);
	for (unsigned i = 0; i < WORKERS; i++)
		if (run.workers[i].longest_s > longest_s)
			longest_s = run.workers[i].longest_s;
	if (longest_s > run.deadline_ms / 1000.0 + SLACK_S)
		COMPLAIN("a call took %.1f s", longest_s);
	if (getenv("CHAOS_SHOW"))
		printf("# longest call: %.3f s\n", longest_s);
}

/* What a card was made with: shown by its domain's name. */
static bool is_resident(const char *label, size_t len)
{
	static const char domain[] = "card ";

	return run.profile->cards && len > strlen(domain) && memcmp(label, domain, strlen(domain)) == 0;
}

static bool is_kept(const char *label, size_t len)
{
	for (unsigned i = 0; i < WORKERS; i++)
		for (size_t k = 0; k < run.workers[i].nkept; k++)
			if (strlen(run.workers[i].kept[k].label) == len && memcmp(run.workers[i].kept[k].label, label, len) == 0)
				return true;
	return false;
}

/* Nothing is in the store that was not acknowledged. */
static void check_no_strangers(CK_SESSION_HANDLE s)
{
	CK_ATTRIBUTE templ = ATTR(CKA_TOKEN, yes);
	CK_OBJECT_HANDLE h;
	CK_ULONG n = 1;

	NEED(p11->C_FindObjectsInit(s, &templ, 1));
	while (p11->C_FindObjects(s, &h, 1, &n) == CKR_OK && n == 1) {
		char label[LABEL_MAX];
		CK_ATTRIBUTE read = BYTES(CKA_LABEL, label, sizeof(label));

		NEED(p11->C_GetAttributeValue(s, h, &read, 1));
		if (!is_kept(label, read.ulValueLen) && !is_resident(label, read.ulValueLen))
			COMPLAIN("\"%.*s\" is in the store, and nobody made it", (int)read.ulValueLen, label);
	}
	NEED(p11->C_FindObjectsFinal(s));
}

/* Handles ended with the module's last life: objects are found by label again. */
static void find_again(struct worker *w, struct kept *kept)
{
	CK_OBJECT_CLASS class = kept->kind == KEPT_DATA ? CKO_DATA : kept->kind == KEPT_SM4 ? CKO_SECRET_KEY : CKO_PRIVATE_KEY;
	CK_ATTRIBUTE templ[] = {BYTES(CKA_LABEL, kept->label, strlen(kept->label)), ATTR(CKA_CLASS, class)};
	CK_ULONG n = 0;

	NEED(p11->C_FindObjectsInit(w->session, templ, 2));
	NEED(p11->C_FindObjects(w->session, &kept->handle, 1, &n));
	NEED(p11->C_FindObjectsFinal(w->session));
	if (n != 1)
		COMPLAIN("\"%s\" was acknowledged and is not in the store", kept->label);
}

/* All that was acknowledged is there, once, and works. */
static void check_kept(CK_SESSION_HANDLE s)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &run.workers[i];
		w->session = s;
		for (size_t k = 0; k < w->nkept; k++) {
			find_again(w, &w->kept[k]);
			if (!kept_is_right(w, &w->kept[k]))
				COMPLAIN("\"%s\": 0x%lx, %s", w->kept[k].label, w->rv, w->why);
		}
	}
}

static void check_store(void)
{
	CK_SESSION_HANDLE s = life_log_in("chaos");

	check_no_strangers(s);
	check_kept(s);
	NEED(p11->C_Finalize(NULL));
}

/* What the process holds: compared before and after. */
struct holdings {
	unsigned threads, descriptors;
	size_t secret;
};

static struct holdings holdings(void)
{
	return (struct holdings){entries("/proc/self/task"), entries("/proc/self/fd"), secret_in_use()};
}

/*
 * What hung was released: it needs a moment to end. A device that hung when the
 * module ended was given up with the keys that it had loaded.
 */
static void check_holdings(const struct holdings *before, bool hung)
{
	const struct timespec moment = {.tv_nsec = 10000000};
	struct holdings after = holdings();

	if (hung)
		after.secret = before->secret;
	for (int i = 0; i < 6000 && memcmp(&after, before, sizeof(after)) != 0; i++) {
		nanosleep(&moment, NULL);
		after = holdings();
		after.secret = hung ? before->secret : after.secret;
	}
	if (after.threads != before->threads)
		COMPLAIN("%u threads before, %u after C_Finalize", before->threads, after.threads);
	if (after.descriptors != before->descriptors)
		COMPLAIN("%u descriptors before, %u after C_Finalize", before->descriptors, after.descriptors);
	if (after.secret != before->secret)
		COMPLAIN("%zu bytes of secret memory before, %zu after C_Finalize", before->secret, after.secret);
}

static void check_growth(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	long kib = resident_kib();

	if (run.early_kib && kib > run.early_kib + GROWTH_MAX_KIB)
		COMPLAIN("%ld KiB resident after a quarter, %ld at the end", run.early_kib, kib);
#endif
}

/* -- a run ----------------------------------------------------------------------------------- */

/* Of the calls of the next life. */
static void set_deadline(unsigned deadline_ms)
{
	run.deadline_ms = deadline_ms;
	run_write_conf(NOBODY, 100);
}

static void set_up(const struct profile *profile, uint64_t seed, uint64_t ops)
{
	run.profile = profile;
	run.seed = seed;
	run.ops = ops;
	run.phase_len = ops / PHASES ? ops / PHASES : 1;
	run.next = 0;
	run.early_kib = 0;
	run.complaints = 0;
	run.good = true;
	run.records = calloc(ops, sizeof(*run.records));
	pthread_mutex_init(&run.plan_lock, NULL);
	if (!run.records)
		life_need(CKR_HOST_MEMORY, "calloc");
	plan_draw(profile, seed);
	set_deadline(DEADLINE_MS);
	plan_enable_all();
	plan_all_well();
}

bool run_profile(const struct profile *profile, uint64_t seed, uint64_t ops)
{
	struct chance chance = chance_of(seed, 3);

	set_up(profile, seed, ops);
	struct holdings before = holdings();
	life_start();
	life_make_token("chaos");
	life_make_token("other");
	NEED(p11->C_Finalize(NULL));
	set_deadline(profile->deadline_ms ? profile->deadline_ms : DEADLINE_MS);
	CK_SESSION_HANDLE s = life_log_in("chaos");
	(profile->cards ? shared_make_cards : shared_make)(s, &chance);
	work_all();
	check_growth();
	plan_all_well();
	if (profile->may_fail)
		recover(s);
	if (profile->removes)
		remove_last(s);
	bool hung = plan_hung() > 0;
	NEED(p11->C_Finalize(NULL));
	plan_release();
	check_holdings(&before, hung);
	check_records();
	set_deadline(DEADLINE_MS);
	before = holdings();
	check_store();
	check_holdings(&before, false);
	shared_clear();
	free(run.records);
	if (!plan_end())
		COMPLAIN("a machine that was told to end did not end well");
	return run.good != profile->must_complain;
}
