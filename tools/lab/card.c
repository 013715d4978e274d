/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's GM/T 0018 library: how many SM2 signatures a second hufu has of it,
 * and how many it makes when SDF_InternalSign_ECC is called straight away. Both in one
 * run, in turns that are short: what the machine does meanwhile befalls both.
 * Each thread has a session of its own for the straight calls, and for those of the
 * driver in the callers' threads (isolation=direct, which the pool grants no driver that may hang); else the pool has them.
 */
#include "tools/lab/lab.h"

#include "base/secret.h"
#include "driver/driver.h"
#include "driver/sdf/library.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64
#define ROUNDS 15
#define WARM_ROUNDS 2
#define LOOKS 50
#define SIGNATURE_ROOM 512 /* whatever its fields are */
#define DOMAIN "card"
#define UP_NS (10 * NS_PER_S)
#define PASSWORD_MAX 1024
#define CREDENTIAL "*" /* of all indexes: there is one */

enum side { STRAIGHT, BY_HUFU, SIDES };

typedef int open_device_fn(void **device);
typedef int open_device_ex_fn(void **device, char *path, void *reserved);
typedef int open_session_fn(void *device, void **session);
typedef int get_right_fn(void *session, unsigned index, unsigned char *password, unsigned len);
typedef int sign_fn(void *session, unsigned index, unsigned char *data, unsigned len, void *signature);

struct card {
	struct sdf_library *library;
	const char *path, *profile, *open_config;
	uint8_t *password;          /* secret memory; NULL: none */
	size_t password_len;
	unsigned index;
	void *device;
	sign_fn *sign;
	bool direct;
	struct pool *pool;          /* unless direct */
	struct pool_key *pool_key;
	struct hufu_device *driven; /* direct */
	struct hufu_key key;
	uint8_t copy[HUFU_RESIDENT_COPY_MAX];
};

static uint8_t e[32] = "the digest of some message, say";

/* -- straight calls -------------------------------------------------------------------------- */

static bool find_function(const struct card *card, const char *name, void *function)
{
	void *found = sdf_library_symbol(card->library, name);

	memcpy(function, &found, sizeof found);
	return found || lab_fail("%s has no %s", card->path, name);
}

static bool did(int code, const char *what)
{
	return code == 0 || lab_fail("%s: 0x%08x", what, (unsigned)code);
}

static bool open_straight(struct card *card)
{
	const char *extra = sdf_library_profile(card->library)->extra[SDF_EXTRA_OPEN];
	open_device_ex_fn *open_ex;
	open_device_fn *open;

	if (!card->open_config)
		return find_function(card, "SDF_OpenDevice", &open) && did(open(&card->device), "SDF_OpenDevice");
	if (!extra)
		return lab_fail("the profile %s names no function that takes a configuration", card->profile);
	char *path = strdup(card->open_config);
	bool good = path && find_function(card, extra, &open_ex) && did(open_ex(&card->device, path, NULL), extra);
	free(path);
	return good;
}

static bool open_session(const struct card *card, void **session)
{
	open_session_fn *open;
	get_right_fn *get_right;

	if (!find_function(card, "SDF_OpenSession", &open) || !did(open(card->device, session), "SDF_OpenSession"))
		return false;
	if (!card->password)
		return true;
	return find_function(card, "SDF_GetPrivateKeyAccessRight", &get_right) &&
	       did(get_right(*session, card->index, card->password, (unsigned)card->password_len), "the access right");
}

static bool sign_straight(const struct card *card, void *session)
{
	uint8_t signature[SIGNATURE_ROOM];

	return did(card->sign(session, card->index, e, sizeof e, signature), "SDF_InternalSign_ECC");
}

/* -- the pool ----------------------------------------------------------------------------------- */

static void say(void *arg, const char *message)
{
	(void)arg;
	lab_fail("%s", message);
}

static struct conf *configure(const struct card *card, const struct lab_args *args)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct conf *conf = NULL;

	if (!f)
		return NULL;
	fprintf(f, "log { to = stderr level = warning }\n"
	           "device \"card\" { driver = \"sdf\" library = \"%s\" profile = \"%s\" domain = \"" DOMAIN "\" isolation = thread\n"
	           "indexes = \"%u\"", card->path, card->profile, card->index);
	if (card->open_config)
		fprintf(f, " open_config = \"%s\"", card->open_config);
	fprintf(f, " }\ntoken \"lab\" { store = \"sqlite:/nowhere\" devices = { \"card\" } verify_after = %s }\n",
	        lab_text(args, "verify", "never"));
	if (fclose(f) == 0 && conf_parse(text, "lab", say, NULL, &conf) != HUFU_OK)
		conf = NULL;
	free(text);
	return conf;
}

/* The pair for signatures at the index. */
static bool find_key(struct card *card)
{
	static const uint8_t uuid[16] = {1};
	struct hufu_resident found = {.size = sizeof found};
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
	enum hufu_err err = HUFU_OK;

	for (uint32_t nth = 0; err == HUFU_OK; nth++) {
		err = pool_resident(card->pool, DOMAIN, nth, clock_now_ns() + UP_NS, &found, pub, &pub_len);
		if (err != HUFU_OK || found.type != HUFU_KEY_SM2_PRIVATE || !(found.verbs & 1u << HUFU_VERB_SIGN))
			continue;
		const struct pool_copy copy = {HUFU_COPY_INDEX, DOMAIN, found.copy, found.copy_len};
		return pool_key_new(card->pool, uuid, 1, found.type, &copy, 1, &card->pool_key) == HUFU_OK &&
		       pool_key_set_point(card->pool_key, pub) == HUFU_OK;
	}
	return lab_fail("the device shows no SM2 pair for signatures at index %u (%#x)", card->index, (unsigned)err);
}

static bool open_pool(struct card *card, const struct lab_args *args)
{
	struct conf *conf = configure(card, args); /* the pool may look at it as long as it lives: to the end of the process */

	if (!conf || pool_new(conf, &conf->tokens[0], &card->pool) != HUFU_OK)
		return lab_fail("no pool to be had");
	if (card->password &&
	    pool_add_credential(card->pool, DOMAIN, CREDENTIAL, 0, card->password, card->password_len) != HUFU_OK)
		return lab_fail("the password could not be given");
	return find_key(card);
}

static bool sign_pooled(const struct card *card)
{
	uint8_t signature[64];
	struct pool_request req = {.key = card->pool_key,
	                           .op = {.verb = HUFU_VERB_SIGN,
	                                  .mechanism = CKM_HUFU_SM2,
	                                  .in = e,
	                                  .in_len = sizeof e,
	                                  .out = signature,
	                                  .out_cap = sizeof signature,
	                                  .repeatable = true}};
	enum hufu_err err = pool_run(card->pool, &req);

	return err == HUFU_OK || lab_fail("signing through the pool: %#x", (unsigned)err);
}

/* -- the driver alone ------------------------------------------------------------------------------- */

static const struct card *configured;
static char index_text[16];

static const char *get(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	if (!strcmp(key, "library"))
		return configured->path;
	if (!strcmp(key, "profile"))
		return configured->profile;
	if (!strcmp(key, "open_config"))
		return configured->open_config;
	return strcmp(key, "indexes") ? NULL : index_text;
}

static bool run_op(struct hufu_lease *lease, struct hufu_op *op)
{
	op->size = sizeof *op;
	op->outcome = HUFU_ERR_BUG;
	driver_sdf.run(lease, &op, 1);
	return op->outcome == HUFU_OK;
}

static bool find_copy(struct card *card, struct hufu_lease *lease)
{
	struct hufu_resident found;
	uint8_t pub[HUFU_PUB_MAX];

	for (uint32_t nth = 0;; nth++) {
		struct hufu_param_find param = {.nth = nth};
		struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)&found, .out_cap = sizeof found, .pub = pub};

		if (!run_op(lease, &op))
			return lab_fail("the device shows no SM2 pair for signatures at index %u", card->index);
		if (found.type != HUFU_KEY_SM2_PRIVATE || !(found.verbs & 1u << HUFU_VERB_SIGN))
			continue;
		memcpy(card->copy, found.copy, found.copy_len);
		card->key = (struct hufu_key){.size = sizeof card->key, .type = found.type, .copy_kind = HUFU_COPY_INDEX,
		                              .blob = card->copy, .blob_len = found.copy_len};
		return true;
	}
}

static bool log_in(const struct card *card, struct hufu_lease *lease)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in2 = (const uint8_t *)CREDENTIAL, .in2_len = sizeof CREDENTIAL - 1,
	                     .in = card->password, .in_len = card->password_len};

	return !card->password || run_op(lease, &op) || lab_fail("the password could not be given");
}

static bool open_driver(struct card *card)
{
	struct hufu_conf conf = {.size = sizeof conf, .name = "card", .get = get};
	struct hufu_lease *lease;

	configured = card;
	snprintf(index_text, sizeof index_text, "%u", card->index);
	if (driver_sdf.open(driver_host(), &conf, clock_now_ns() + UP_NS, &card->driven) != HUFU_OK ||
	    driver_sdf.lease(card->driven, clock_now_ns() + UP_NS, &lease) != HUFU_OK)
		return lab_fail("the driver does not open the device");
	bool good = log_in(card, lease) && find_copy(card, lease);
	driver_sdf.release(lease);
	return good;
}

static bool sign_driven(struct card *card, struct hufu_lease *lease)
{
	uint8_t signature[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &card->key, .in = e, .in_len = sizeof e,
	                     .out = signature, .out_cap = sizeof signature};

	return run_op(lease, &op) || lab_fail("signing by the driver: %#x", (unsigned)op.outcome);
}

/* -- turns ---------------------------------------------------------------------------------------- */

struct run {
	struct card *card;
	pthread_barrier_t barrier;      /* all threads, and who tells the time */
	enum side side;
	_Atomic bool over, failed;      /* the turn; the run */
	bool last;                      /* no turn follows: set between two barriers */
};

struct client {
	pthread_t thread;
	struct run *run;
	void *session;
	struct hufu_lease *lease;       /* direct */
	uint64_t calls;                 /* of the turn */
};

static bool sign(const struct client *c)
{
	struct card *card = c->run->card;

	if (c->run->side == STRAIGHT)
		return sign_straight(card, c->session);
	return card->direct ? sign_driven(card, c->lease) : sign_pooled(card);
}

static void *client_run(void *arg)
{
	struct client *c = arg;
	struct run *run = c->run;

	for (;;) {
		pthread_barrier_wait(&run->barrier);
		if (run->last)
			return NULL;
		for (c->calls = 0; !atomic_load(&run->over) && !atomic_load(&run->failed); c->calls++)
			if (!sign(c))
				atomic_store(&run->failed, true);
		pthread_barrier_wait(&run->barrier);
	}
}

/* Calls a second. */
static double turn(struct run *run, struct client *clients, unsigned n, enum side side, uint64_t ns)
{
	uint64_t calls = 0, begun = clock_now_ns();

	run->side = side;
	atomic_store(&run->over, false);
	pthread_barrier_wait(&run->barrier);
	clock_sleep_ns(ns);
	atomic_store(&run->over, true);
	pthread_barrier_wait(&run->barrier);
	double seconds = (double)(clock_now_ns() - begun) / 1e9;
	for (unsigned i = 0; i < n; i++)
		calls += clients[i].calls;
	return (double)calls / seconds;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, by_size);
	return values[ROUNDS / 2];
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* What a call costs, and how much of that is this processor's work: a card computes elsewhere, an emulated one here. */
static bool look_at_card(const struct card *card, double *call_us, double *cpu_us)
{
	uint64_t begun_ns = clock_now_ns();
	double begun_cpu_s = cpu_s();
	void *session;

	if (!open_session(card, &session))
		return false;
	for (unsigned i = 0; i < LOOKS; i++)
		if (!sign_straight(card, session))
			return false;
	*call_us = (double)(clock_now_ns() - begun_ns) / 1e3 / LOOKS;
	*cpu_us = (cpu_s() - begun_cpu_s) * 1e6 / LOOKS;
	return true;
}

static json_t *measure(struct run *run, struct client *clients, unsigned n, uint64_t turn_ns)
{
	double rates[SIDES][ROUNDS], ratios[ROUNDS], call_us, cpu_us;

	if (!look_at_card(run->card, &call_us, &cpu_us))
		return NULL;
	for (unsigned round = 0; round < WARM_ROUNDS + ROUNDS; round++) {
		unsigned at = round < WARM_ROUNDS ? 0 : round - WARM_ROUNDS;
		/* Who goes first takes turns, too. */
		for (unsigned i = 0; i < SIDES; i++) {
			enum side side = (enum side)((i + round) % SIDES);
			rates[side][at] = turn(run, clients, n, side, turn_ns);
		}
		ratios[at] = rates[STRAIGHT][at] > 0 ? rates[BY_HUFU][at] / rates[STRAIGHT][at] : 0;
	}
	return json_pack("{s:f,s:f,s:f,s:f,s:f}", "ratio", median(ratios), "straight_per_s", median(rates[STRAIGHT]),
	                 "driver_per_s", median(rates[BY_HUFU]), "call_us", call_us, "cpu_us", cpu_us);
}

static bool start(struct client *c, struct run *run)
{
	struct card *card = run->card;

	*c = (struct client){.run = run};
	if (!open_session(card, &c->session))
		return false;
	if (card->direct && driver_sdf.lease(card->driven, clock_now_ns() + UP_NS, &c->lease) != HUFU_OK)
		return lab_fail("the device has no session for every thread");
	return pthread_create(&c->thread, NULL, client_run, c) == 0 || lab_fail("no thread for a client");
}

static json_t *run_all(struct card *card, unsigned n, uint64_t turn_ns)
{
	static struct client clients[THREADS_MAX];
	struct run run = {.card = card};
	json_t *doc = NULL;

	if (pthread_barrier_init(&run.barrier, NULL, n + 1) != 0)
		return lab_fail("no barrier"), NULL;
	for (unsigned i = 0; i < n; i++)
		if (!start(&clients[i], &run))
			return NULL;
	doc = measure(&run, clients, n, turn_ns);
	run.last = true;
	pthread_barrier_wait(&run.barrier);
	for (unsigned i = 0; i < n; i++)
		pthread_join(clients[i].thread, NULL);
	return atomic_load(&run.failed) ? NULL : doc;
}

/* -- the verb ---------------------------------------------------------------------------------------- */

static bool load(struct card *card)
{
	struct sdf_profile *profile;
	char why[256] = "";

	if (sdf_profile_load(card->profile, say, NULL, &profile) != HUFU_OK)
		return false;
	if (sdf_library_open(card->path, profile, &card->library, why, sizeof why) != HUFU_OK)
		return lab_fail("%s", why);
	return find_function(card, "SDF_InternalSign_ECC", &card->sign) && open_straight(card);
}

/* All of standard input: what a command line or an environment holds others can see. */
static bool read_password(struct card *card)
{
	ssize_t got = 1;

	prctl(PR_SET_DUMPABLE, 0);
	card->password = secret_alloc(PASSWORD_MAX);
	if (!card->password)
		return lab_fail("no memory for the password");
	while (got > 0 && card->password_len < PASSWORD_MAX) {
		got = read(STDIN_FILENO, card->password + card->password_len, PASSWORD_MAX - card->password_len);
		card->password_len += got > 0 ? (size_t)got : 0;
	}
	return (got >= 0 && card->password_len > 0) || lab_fail("no password came");
}

json_t *lab_card(const struct lab_args *args)
{
	unsigned threads = (unsigned)lab_number(args, "threads", 1, THREADS_MAX, 1);
	uint64_t ns = lab_number(args, "ms", 100, 600000, 2000) * NS_PER_MS;
	struct card card = {
		.path = lab_text(args, "library", ""),
		.profile = lab_text(args, "profile", "gmt0018-2012"),
		.open_config = lab_text(args, "open_config", NULL),
		.index = (unsigned)lab_number(args, "index", 1, 1023, 1),
		.direct = !strcmp(lab_text(args, "isolation", "thread"), "direct"),
	};

	json_t *doc = NULL;

	if ((!lab_text(args, "password", NULL) || read_password(&card)) && load(&card) &&
	    (card.direct ? open_driver(&card) : open_pool(&card, args)))
		doc = run_all(&card, threads, ns / (SIDES * (WARM_ROUNDS + ROUNDS)));
	secret_free(card.password);
	return doc;
}
