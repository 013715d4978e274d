/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's generator lies on a page of its own, which a fork fills with
 * zeros in the child (MADV_WIPEONFORK); so does what ties the threads together,
 * lock included. A child thus begins with nothing, whoever held what in the
 * parent, and no fork handler is needed. Kernels without it (before 4.14) are
 * asked for the process id at each call instead.
 */
#include "rand/rand.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/repeat.h"
#include "rand/source.h"
#include "sm/drbg.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* GM/T 0105-2021, reseeding level 1. */
#define RESEED_CALLS (1ull << 20)
#define RESEED_NS (600 * NS_PER_S)

#define START_SAMPLES 1024

/* One thread's generator, in a page of its own. */
struct generator {
	struct generator *next, **link; /* under the lock; what follows is the thread's own */
	bool listed;
	bool alive;                 /* listed and seeded; both false when new, or wiped by a fork */
	struct drbg drbg;
	struct repeat_test repeat;
	uint64_t seeded_ns;
	struct drbg_health health[SOURCES_MAX];
	uint8_t entropy[SOURCES_MAX * SOURCE_SEED_MAX];
};

/* What a fork wipes. A zero mutex is an unlocked one (PTHREAD_MUTEX_INITIALIZER of every Linux C library). */
struct shared {
	pthread_mutex_t lock;       /* the list, and starting */
	struct generator *all;
};

enum state { NEW, GOOD, FAILED };

static struct {
	_Atomic(struct shared *) shared;
	size_t page;
	bool wiped;                 /* by the kernel, on fork */
	pid_t pid;                  /* where it is not */
	pthread_key_t key;          /* its destructor frees a thread's generator */
	atomic_int state;           /* FAILED is for good */
	atomic_uint stops;          /* generators of threads from before a rand_stop are gone */
	atomic_uint_fast64_t seedings;
	struct rand_source sources[SOURCES_MAX]; /* those that this machine has */
	size_t nsources;
	atomic_bool dropped[SOURCES_MAX]; /* not required, and failed its continuous test */
	char names[64];
} module;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct rand_source *offered = rand_system_sources;

static _Thread_local struct {
	struct generator *generator;
	unsigned stops;
} mine;

/* -- pages ----------------------------------------------------------------------- */

/* Zeroed, undumpable, locked where the limit allows it (the secret arena has warned where not). */
static void *page_new(bool *wiped)
{
	void *page = mmap(NULL, module.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	*wiped = madvise(page, module.page, MADV_WIPEONFORK) == 0;
	(void)madvise(page, module.page, MADV_DONTDUMP);
	(void)mlock(page, module.page);
	return page;
}

static void page_free(void *page)
{
	secret_wipe(page, module.page);
	munmap(page, module.page);
}

static void generator_free_locked(struct generator *g)
{
	if (g->link)
		*g->link = g->next;
	if (g->next)
		g->next->link = g->link;
	page_free(g);
}

/* At the end of a thread. */
static void on_thread_exit(void *arg)
{
	(void)arg;
	struct shared *shared = atomic_load(&module.shared);
	pthread_mutex_lock(&shared->lock);
	if (mine.generator && mine.stops == atomic_load(&module.stops))
		generator_free_locked(mine.generator);
	mine.generator = NULL;
	pthread_mutex_unlock(&shared->lock);
}

static void module_init(void)
{
	module.page = (size_t)sysconf(_SC_PAGESIZE);
	module.pid = getpid();
	if (pthread_key_create(&module.key, on_thread_exit) == 0)
		atomic_store(&module.shared, page_new(&module.wiped));
}

/* What the kernel does where it can. The child has one thread, and its first call comes by here. */
static void wipe_after_fork(struct shared *shared)
{
	for (struct generator *g = shared->all, *next; g; g = next) {
		next = g->next;
		secret_wipe(g, sizeof(*g));
	}
	memset(shared, 0, sizeof(*shared));
	module.pid = getpid();
}

/* NULL when memory is out. */
static struct shared *shared_get(void)
{
	pthread_once(&once, module_init);
	struct shared *shared = atomic_load(&module.shared);
	if (shared && !module.wiped && module.pid != getpid())
		wipe_after_fork(shared);
	return shared;
}

/* -- health --------------------------------------------------------------------------- */

/* For good: GM/T 0105-2021 asks for a new start of the process after a failure. */
static enum hufu_err fail(const char *what, const char *how)
{
	if (atomic_exchange(&module.state, FAILED) != FAILED)
		log_error("random numbers: %s %s. None are given until the process is started again; "
		          "have the machine looked at if it happens twice", what, how);
	return HUFU_ERR_RANDOM;
}

static bool source_starts_well(const struct rand_source *source)
{
	uint8_t samples[SOURCE_SEED_MAX];
	struct drbg_health health;
	bool good = true;
	drbg_health_init(&health);
	for (size_t n = 0; n < START_SAMPLES && good; n += sizeof(samples))
		good = source->gather(samples, sizeof(samples)) && drbg_health_feed(&health, samples, sizeof(samples));
	secret_wipe(samples, sizeof(samples)); /* tested, and not used */
	return good;
}

/* GM/T 0105-2021 Hash_DRBG with a reseed and additional input; the case of tests/unit/test_drbg.c. */
static bool known_answer_is_right(void)
{
	static const uint8_t entropy[32] = {
		0x9c, 0xfb, 0x7a, 0xd0, 0x3b, 0xe4, 0x87, 0xa3, 0xb4, 0x2b, 0xe0, 0x6e, 0x9a, 0xe4, 0x4f, 0x28,
		0x3c, 0x2b, 0x14, 0x58, 0xce, 0xc8, 0x01, 0xda, 0x2a, 0xe6, 0x53, 0x2f, 0xcb, 0x56, 0xcc, 0x4c,
	}, nonce[16] = {
		0xa2, 0x07, 0x65, 0x53, 0x8e, 0x8d, 0xb3, 0x12, 0x95, 0x74, 0x7e, 0xc9, 0x22, 0xc1, 0x3a, 0x69,
	}, reseed[32] = {
		0x96, 0xbc, 0x80, 0x14, 0xf9, 0x0e, 0xbd, 0xf6, 0x90, 0xdb, 0x0e, 0x17, 0x1b, 0x59, 0xcc, 0x46,
		0xc7, 0x5e, 0x2e, 0x9b, 0x8e, 0x1d, 0xc6, 0x99, 0xc6, 0x5c, 0x03, 0xce, 0xb2, 0xf4, 0xd7, 0xdc,
	}, additional[3][32] = {{
		0x6f, 0xea, 0x08, 0x94, 0x05, 0x2d, 0xab, 0x3c, 0x44, 0xd5, 0x03, 0x95, 0x0c, 0x7c, 0x72, 0xbd,
		0x7b, 0x87, 0xde, 0x87, 0xcb, 0x81, 0xd3, 0xbb, 0x51, 0xc3, 0x2a, 0x62, 0xf7, 0x42, 0x28, 0x6d,
	}, {
		0xd3, 0x46, 0x7c, 0x78, 0x56, 0x3b, 0x74, 0xc1, 0x3d, 0xb7, 0xaf, 0x36, 0xc2, 0xa9, 0x64, 0x82,
		0x0f, 0x2a, 0x9b, 0x1b, 0x16, 0x74, 0x74, 0x90, 0x65, 0x08, 0xfd, 0xac, 0x9b, 0x20, 0x49, 0xa6,
	}, {
		0x58, 0x40, 0xa1, 0x1c, 0xc9, 0xeb, 0xf7, 0x7b, 0x96, 0x38, 0x54, 0x72, 0x6a, 0x82, 0x63, 0x70,
		0xff, 0xdb, 0x2f, 0xc2, 0xb3, 0xd8, 0x47, 0x9e, 0x1d, 0xf5, 0xdc, 0xfa, 0x3d, 0xdd, 0xd1, 0x0b,
	}}, expected[32] = {
		0x48, 0x70, 0x9d, 0xb5, 0x50, 0x9a, 0x03, 0xd6, 0x13, 0x17, 0x75, 0xfb, 0xbf, 0xe7, 0x4f, 0xe5,
		0x26, 0x11, 0xe7, 0x60, 0xd2, 0x2f, 0xde, 0x61, 0xe2, 0x74, 0xa2, 0x95, 0xf4, 0x35, 0x4d, 0x67,
	};
	struct drbg d;
	uint8_t out[32];
	drbg_instantiate(&d, entropy, sizeof(entropy), nonce, sizeof(nonce), NULL, 0);
	drbg_reseed(&d, reseed, sizeof(reseed), additional[0], 32);
	drbg_generate(&d, additional[1], 32, out, sizeof(out));
	drbg_generate(&d, additional[2], 32, out, sizeof(out));
	return memcmp(out, expected, sizeof(out)) == 0;
}

/* Takes a source in that this machine has; false: a required one failed. One that counts as nothing is not worth an outage. */
static bool take_source_locked(const struct rand_source *source)
{
	if (!source->available())
		return true;
	if (source_starts_well(source)) {
		size_t len = strlen(module.names);
		snprintf(module.names + len, sizeof(module.names) - len, "%s%s", len ? " " : "", source->name);
		atomic_init(&module.dropped[module.nsources], false);
		module.sources[module.nsources++] = *source;
		return true;
	}
	if (!source->required) {
		log_warning("random numbers: %s failed its test at the start (stuck, biased or silent) and is left out", source->name);
		return true;
	}
	(void)fail(source->name, "failed its test at the start: stuck, biased or silent");
	return false;
}

/* Tests all; GOOD or FAILED. */
static void start_locked(void)
{
	bool has_required = false;
	module.nsources = 0;
	module.names[0] = '\0';
	for (const struct rand_source *source = offered; source->name; source++)
		if (!take_source_locked(source))
			return;
	for (size_t i = 0; i < module.nsources; i++)
		has_required |= module.sources[i].required;
	if (!has_required) {
		(void)fail("the system", "has no source of entropy");
	} else if (!known_answer_is_right()) {
		(void)fail("the generator", "gave a wrong known answer");
	} else {
		log_debug("random numbers are seeded from %s", module.names);
		atomic_store(&module.state, GOOD);
	}
}

enum hufu_err rand_start(void)
{
	struct shared *shared = shared_get();
	if (!shared)
		return HUFU_ERR_NO_MEMORY;
	if (atomic_load_explicit(&module.state, memory_order_acquire) == NEW) {
		pthread_mutex_lock(&shared->lock);
		if (atomic_load(&module.state) == NEW)
			start_locked();
		pthread_mutex_unlock(&shared->lock);
	}
	return atomic_load(&module.state) == GOOD ? HUFU_OK : HUFU_ERR_RANDOM;
}

/* -- a thread's generator -------------------------------------------------------------- */

static void generator_list(struct generator *g, struct shared *shared)
{
	pthread_mutex_lock(&shared->lock);
	g->next = shared->all;
	g->link = &shared->all;
	if (g->next)
		g->next->link = &g->next;
	shared->all = g;
	g->listed = true;
	pthread_mutex_unlock(&shared->lock);
}

static struct generator *generator_new(struct shared *shared)
{
	bool wiped;
	struct generator *g = page_new(&wiped);
	if (g && pthread_setspecific(module.key, shared) != 0) { /* any value but NULL has the destructor called */
		page_free(g);
		return NULL;
	}
	mine.generator = g;
	mine.stops = atomic_load(&module.stops);
	return g;
}

/* This thread's, made if there is none; NULL when memory is out. */
static struct generator *generator_get(struct shared *shared)
{
	bool is_ours = mine.generator && mine.stops == atomic_load_explicit(&module.stops, memory_order_relaxed);
	struct generator *g = is_ours ? mine.generator : generator_new(shared);
	if (g && !g->listed)
		generator_list(g, shared);
	return g;
}

/* A failed continuous test: the end for a required source's generator, and of use for another source. */
static bool source_failed(size_t i)
{
	const struct rand_source *source = &module.sources[i];
	if (source->required) {
		(void)fail(source->name, "failed its continuous test: stuck or biased");
		return true;
	}
	if (!atomic_exchange(&module.dropped[i], true))
		log_warning("random numbers: %s failed its continuous test (stuck or biased) and is left out from now on", source->name);
	return false;
}

/* One source's samples, *len more of them; false: the generator has failed. */
static bool gather_from(struct generator *g, size_t i, size_t *len)
{
	const struct rand_source *source = &module.sources[i];
	uint8_t *samples = g->entropy + *len;

	if (atomic_load(&module.dropped[i]))
		return true;
	if (!source->gather(samples, source->seed_len)) {
		if (source->required)
			(void)fail(source->name, "gave nothing");
		return !source->required; /* the processor's may run dry when all cores ask */
	}
	if (!drbg_health_feed(&g->health[i], samples, source->seed_len))
		return !source_failed(i);
	*len += source->seed_len;
	return true;
}

/* All sources' samples, one after the other; 0 after a failure. */
static size_t gather(struct generator *g)
{
	size_t len = 0;
	for (size_t i = 0; i < module.nsources; i++)
		if (!gather_from(g, i, &len))
			return 0;
	return len;
}

static void generator_begin(struct generator *g, size_t entropy_len)
{
	static const uint8_t personal[] = "hufu SM3 Hash_DRBG";
	/* Never twice the same on this machine: time, a count, and where the page lies. */
	uint64_t nonce[] = {clock_now_ns(), atomic_fetch_add(&module.seedings, 1), (uintptr_t)g, (uint64_t)getpid()};
	drbg_instantiate(&g->drbg, g->entropy, entropy_len, (const uint8_t *)nonce, sizeof(nonce), personal, sizeof(personal) - 1);
	(void)mlock(g, module.page); /* a child's memory is not locked (mlock(2)) */
	g->alive = true;
}

static enum hufu_err generator_seed(struct generator *g)
{
	if (!g->alive)
		for (size_t i = 0; i < SOURCES_MAX; i++)
			drbg_health_init(&g->health[i]);
	size_t len = gather(g);
	if (len) {
		if (g->alive)
			drbg_reseed(&g->drbg, g->entropy, len, NULL, 0);
		else
			generator_begin(g, len);
		g->seeded_ns = clock_now_ns();
	}
	secret_wipe(g->entropy, sizeof(g->entropy));
	return len ? HUFU_OK : HUFU_ERR_RANDOM;
}

/* This thread's generator, seeded and fresh. */
static enum hufu_err generator_ready(struct generator **out)
{
	enum hufu_err err = rand_start();
	if (err != HUFU_OK)
		return err;
	struct generator *g = generator_get(atomic_load(&module.shared));
	if (!g)
		return HUFU_ERR_NO_MEMORY;
	*out = g;
	if (g->alive && g->drbg.reseed_counter <= RESEED_CALLS && clock_now_ns() - g->seeded_ns < RESEED_NS)
		return HUFU_OK;
	return generator_seed(g);
}

/* At most one block, the most that GM/T 0105-2021 allows a call. */
static enum hufu_err generate(uint8_t *out, size_t len)
{
	struct generator *g;
	uint8_t block[DRBG_OUT_MAX];
	do {
		enum hufu_err err = generator_ready(&g);
		if (err != HUFU_OK)
			return err;
		drbg_generate(&g->drbg, NULL, 0, block, sizeof(block));
	} while (!*(volatile bool *)&g->alive); /* a signal handler forked: this is the child, and the state was half wiped */
	enum hufu_err err = repeat_test_feed(&g->repeat, block) ? HUFU_OK : fail("the generator", "repeated a block");
	if (err == HUFU_OK)
		memcpy(out, block, len);
	secret_wipe(block, sizeof(block));
	return err;
}

enum hufu_err rand_bytes(void *out, size_t len)
{
	enum hufu_err err = HUFU_OK;
	for (size_t at = 0, n; at < len && err == HUFU_OK; at += n) {
		n = len - at < DRBG_OUT_MAX ? len - at : DRBG_OUT_MAX;
		err = generate((uint8_t *)out + at, n);
	}
	if (err != HUFU_OK)
		secret_wipe(out, len);
	return err;
}

enum hufu_err rand_mix(const void *seed, size_t len)
{
	struct generator *g;
	uint8_t unused[DRBG_OUT_MAX];
	enum hufu_err err = generator_ready(&g);
	if (err != HUFU_OK || !len)
		return err;
	drbg_generate(&g->drbg, seed, len, unused, sizeof(unused));
	secret_wipe(unused, sizeof(unused));
	return HUFU_OK;
}

int rand_for_sm2(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	return rand_bytes(out, len) == HUFU_OK ? 0 : -1;
}

const char *rand_sources(void)
{
	return module.names;
}

void rand_stop(void)
{
	struct shared *shared = shared_get();
	if (!shared)
		return;
	pthread_mutex_lock(&shared->lock);
	while (shared->all)
		generator_free_locked(shared->all);
	atomic_fetch_add(&module.stops, 1);
	int good = GOOD;
	atomic_compare_exchange_strong(&module.state, &good, NEW);
	pthread_mutex_unlock(&shared->lock);
}

void rand_replace_sources(const struct rand_source *sources)
{
	offered = sources ? sources : rand_system_sources;
	atomic_store(&module.state, NEW);
}
