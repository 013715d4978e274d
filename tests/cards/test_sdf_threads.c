/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: leases of a card sign, encrypt, probe, find, log in and out and evict
 * beside one another: no answer is wrong, keys whose password is there are served,
 * and when the last login is gone no session has its right any more.
 */
#include "rig.h"
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/secret.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "sm/sm2.h"

#define NTHREADS 4
#define ROUNDS 60

static char library[RIG_PATH], profile[RIG_PATH];
static struct hufu_device *device;
static const uint8_t e[32] = "thirty-two bytes of some digest";
static const uint8_t standard_key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32,
                                         0x10};
static const uint8_t standard_cipher[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e,
                                            0x42, 0x46};

static const char *option(const struct hufu_conf *conf, const char *key)
{
	const char *const options[][2] = {{"library", library}, {"profile", profile}, {"indexes", "1-4"}, {"isk_index", "1"},
	                                  {"kek_index", "1"}};

	(void)conf;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i][0], key) == 0)
			return options[i][1];
	return NULL;
}

static enum hufu_err run(struct hufu_lease *lease, struct hufu_op *op)
{
	op->size = sizeof(*op);
	op->outcome = HUFU_ERR_BUG;
	driver_sdf.run(lease, &op, 1);
	return op->outcome;
}

static struct hufu_lease *new_lease(void)
{
	struct hufu_lease *lease = NULL;

	if (driver_sdf.lease(device, 0, &lease) != HUFU_OK) {
		printf("Bail out! no lease\n");
		exit(99);
	}
	return lease;
}

/* -- keys that all threads have ----------------------------------------------------------- */

struct resident {
	struct hufu_resident about;
	struct hufu_key key;
	struct sm2_public public;
};
static struct resident free_pair, locked_pair;

static bool find_pair(struct hufu_lease *lease, const char *label, struct resident *found)
{
	for (uint32_t nth = 0;; nth++) {
		const struct hufu_param_find param = {.nth = nth};
		uint8_t pub[HUFU_PUB_MAX];
		struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)&found->about,
		                     .out_cap = sizeof(found->about), .pub = pub};

		if (run(lease, &op) != HUFU_OK)
			return false;
		if (strcmp(found->about.label, label) != 0)
			continue;
		found->key = (struct hufu_key){.size = sizeof(found->key), .type = HUFU_KEY_SM2_PRIVATE,
		                               .copy_kind = HUFU_COPY_INDEX,
		                               .blob = found->about.copy, .blob_len = found->about.copy_len};
		return op.pub_len == 64 && sm2_public_init(&found->public, pub) == SM2_OK;
	}
}

static enum hufu_err sign(struct hufu_lease *lease, struct resident *pair, bool *holds)
{
	uint8_t sig[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &pair->key, .in = e, .in_len = 32,
	                     .out = sig,
	                     .out_cap = 64};
	enum hufu_err err = run(lease, &op);

	*holds = err == HUFU_OK && sm2_verify(&pair->public, e, sig) == SM2_OK;
	return err;
}

static void evict(struct hufu_lease *lease, struct hufu_key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = key};

	(void)!run(lease, &op);
}

static enum hufu_err log_in(struct hufu_lease *lease)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGIN, .in2 = (const uint8_t *)"3", .in2_len = 1,
	                     .in = (const uint8_t *)RIG_PASSWORD,
	                     .in_len = sizeof(RIG_PASSWORD) - 1};

	return run(lease, &op);
}

static void log_out(struct hufu_lease *lease)
{
	struct hufu_op op = {.verb = HUFU_VERB_LOGOUT};

	(void)!run(lease, &op);
}

/* -- the threads ----------------------------------------------------------------------------- */

static _Atomic unsigned wrong, unexpected;
static bool takes_keys;

static void note(enum hufu_err err, bool holds)
{
	wrong += err == HUFU_OK && !holds;
	unexpected += err != HUFU_OK && err != HUFU_ERR_NO_KEY;
}

/* A key of its own: made, used, and evicted. */
static void use_own_key(struct hufu_lease *lease)
{
	uint8_t copy[512], out[16];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_SM4, .in = standard_key, .in_len = 16, .out = copy,
	                     .out_cap = sizeof(copy), .copy_kind = HUFU_COPY_BLOB};

	unexpected += run(lease, &op) != HUFU_OK;
	struct hufu_key key = {.size = sizeof(key), .type = HUFU_KEY_SM4, .copy_kind = op.copy_kind, .blob = copy,
	                       .blob_len = op.out_len};
	op = (struct hufu_op){.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key, .in = standard_key,
	                      .in_len = 16,
	                      .out = out, .out_cap = sizeof(out)};
	enum hufu_err err = run(lease, &op);
	note(err, memcmp(out, standard_cipher, 16) == 0);
	unexpected += err != HUFU_OK;
	evict(lease, &key);
}

static void *work(void *arg)
{
	struct hufu_lease *lease = new_lease();
	bool holds;

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		enum hufu_err err = sign(lease, &free_pair, &holds);

		note(err, holds);
		unexpected += err != HUFU_OK;
		err = sign(lease, &locked_pair, &holds);
		note(err, holds);
		if (takes_keys)
			use_own_key(lease);
		if (i % 16 == 15) {
			driver_sdf.release(lease);
			lease = new_lease();
		}
	}
	driver_sdf.release(lease);
	return NULL;
}

static bool can_import(void)
{
	struct hufu_device_info info = {.size = sizeof(info)};
	bool can = false;

	CU_ASSERT_FATAL(driver_sdf.info(device, &info) == HUFU_OK);
	for (size_t i = 0; i < info.ncaps; i++)
		can |= info.caps[i].verbs & 1u << HUFU_VERB_IMPORT;
	return can;
}

static void *come_and_go(void *arg)
{
	struct hufu_lease *lease = new_lease();

	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct resident found;

		unexpected += log_in(lease) != HUFU_OK;
		unexpected += driver_sdf.probe(device, 0) != HUFU_OK;
		unexpected += !find_pair(lease, "sign 2", &found);
		log_out(lease);
	}
	driver_sdf.release(lease);
	return NULL;
}

static void test_threads(void)
{
	const struct hufu_conf conf = {.size = sizeof(conf), .name = "card", .get = option};
	pthread_t threads[NTHREADS + 1];
	bool holds;

	rig_keys(3, 1, false);
	rig_card("card_standard", "threads", library);
	rig_profile("card_standard", profile);
	CU_ASSERT_FATAL(driver_sdf.open(driver_host(), &conf, 0, &device) == HUFU_OK);
	takes_keys = can_import();
	struct hufu_lease *lease = new_lease(), *idle = new_lease();
	CU_ASSERT_FATAL(find_pair(lease, "sign 1", &free_pair) && find_pair(lease, "sign 3", &locked_pair));
	CU_ASSERT_EQUAL(log_in(lease), HUFU_OK);
	CU_ASSERT(sign(idle, &locked_pair, &holds) == HUFU_OK && holds);
	log_out(lease);
	for (int i = 0; i <= NTHREADS; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, i < NTHREADS ? work : come_and_go, NULL) == 0);
	for (int i = 0; i <= NTHREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT(wrong == 0 && unexpected == 0);
	CU_ASSERT_EQUAL(sign(idle, &locked_pair, &holds), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(log_in(lease), HUFU_OK);
	CU_ASSERT(sign(idle, &locked_pair, &holds) == HUFU_OK && holds);
	evict(lease, &free_pair.key);
	evict(lease, &locked_pair.key);
	driver_sdf.release(idle);
	driver_sdf.release(lease);
	driver_sdf.close(device, 0);
	CU_ASSERT_EQUAL(secret_in_use(), 0);
}

static const struct unit_case cases[] = {
	{"leases of a card work beside one another, logins, evictions and probes", test_threads},
	{0},
};

UNIT_MAIN("sdf threads", cases)
