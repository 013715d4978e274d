/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: while the database behind two machines is dead, killed under load, keys that are in it go on to be used without an
 * error; what would change it is refused, and nothing that was acknowledged is lost or there twice.
 */
#include "chaos.h"

#include <signal.h>
#include <unistd.h>

#include "cluster.h"
#include "pg_server.h"

#define MACHINES 2
#define SIGNERS 4
#define MAKERS 2
#define OUTAGES 2
#define MADE_MAX 2000
#define CALL_MS 15000           /* what a full machine does not reach; a change that is refused takes as long */
#define PATIENCE_S 120.0       /* only a failure takes as long */
#define SIGNED_MIN 40          /* signatures, in each state of the database */

struct made {
	bool asked, acknowledged;
};

static struct {
	CK_OBJECT_HANDLE key;
	struct evp_pkey_st *signer;
	atomic_ulong signatures, refusals, keys;
	atomic_uint errors;
	_Atomic CK_RV refusal;
	atomic_bool stop;
	struct made made[MAKERS][MADE_MAX];
} load;

static struct pg_server server;
static unsigned number, failures;

static void check(bool holds, const char *claim)
{
	number++;
	failures += !holds;
	printf("%s %u - %s\n", holds ? "ok" : "not ok", number, claim);
}

/* -- the load ------------------------------------------------------------------------------------ */

static void *sign(void *arg)
{
	CK_MECHANISM sm2_sm3 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_SESSION_HANDLE s = life_session("chaos");
	uint8_t text[40] = {0}, sig[64];

	while (!atomic_load(&load.stop)) {
		CK_ULONG n = sizeof(sig);
		CK_RV rv = p11->C_SignInit(s, &sm2_sm3, load.key);

		text[0]++;
		if (rv == CKR_OK)
			rv = p11->C_Sign(s, text, sizeof(text), sig, &n);
		if (rv != CKR_OK || n != 64 || !oracle_sm2_verify(load.signer, text, sizeof(text), sig)) {
			printf("# a signature: 0x%lx\n", rv);
			atomic_fetch_add(&load.errors, 1);
		}
		atomic_fetch_add(&load.signatures, 1);
	}
	return arg;
}

static void label_of(char label[LABEL_MAX], size_t maker, size_t nth)
{
	snprintf(label, LABEL_MAX, "m%zu-%zu", maker, nth);
}

static CK_RV make_key(CK_SESSION_HANDLE s, const char *label)
{
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, strlen(label)), ATTR(CKA_ENCRYPT, yes)};
	CK_OBJECT_HANDLE h;

	return p11->C_GenerateKey(s, &gen, templ, COUNT(templ), &h);
}

static void *make(void *arg)
{
	struct made *made = arg;
	const size_t maker = (size_t)(made - load.made[0]) / MADE_MAX;
	CK_SESSION_HANDLE s = life_session("chaos");
	char label[LABEL_MAX];

	for (size_t i = 0; i < MADE_MAX && !atomic_load(&load.stop); i++) {
		label_of(label, maker, i);
		made[i].asked = true;
		const CK_RV rv = make_key(s, label);
		made[i].acknowledged = rv == CKR_OK;
		atomic_fetch_add(rv == CKR_OK ? &load.keys : &load.refusals, 1);
		if (rv != CKR_OK)
			atomic_store(&load.refusal, rv);
		usleep(20000); /* there are not more labels than these */
	}
	return arg;
}

/* Until the counter has gone up by n. */
static bool rises(atomic_ulong *counter, unsigned long n)
{
	const unsigned long wanted = atomic_load(counter) + n;
	const double begun_s = life_now_s();

	while (atomic_load(counter) < wanted && life_now_s() - begun_s < PATIENCE_S)
		usleep(10000);
	return atomic_load(counter) >= wanted;
}

/* -- the token ------------------------------------------------------------------------------------- */

static void make_signer(CK_SESSION_HANDLE s)
{
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE pub;
	uint8_t der[67];
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, yes)}, priv_templ[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_SIGN, yes)};
	CK_ATTRIBUTE read = ATTR(CKA_EC_POINT, der);

	NEED(p11->C_GenerateKeyPair(s, &gen, pub_templ, 1, priv_templ, 2, &pub, &load.key));
	NEED(p11->C_GetAttributeValue(s, pub, &read, 1));
	load.signer = oracle_sm2(der + 2, NULL);
}

static void set_up(void)
{
	char sections[768], conninfo[256];

	pg_make(&server);
	pg_conninfo(&server, "public", conninfo, sizeof(conninfo));
	snprintf(sections, sizeof(sections),
	         "token \"chaos\" { devices = { soft } store = \"postgres:%s\" }\n"
	         "identity client { dns = client tokens = \"*\" roles = { user, so } }\n", conninfo);
	cluster_conf("", sections);
	cluster_start_all();
	FILE *f = life_conf();
	fprintf(f, "token \"chaos\" { store = \"net\"  hardware_only = no  deadline_ms = %d  devices = { \"m0\", \"m1\" } }\n", CALL_MS);
	cluster_device(f, 0, "m0", "chaos", "");
	cluster_device(f, 1, "m1", "chaos", "");
	life_conf_done(f);
	life_start();
	life_make_token("chaos");
	NEED(p11->C_Finalize(NULL));
}

static unsigned long count_of(CK_SESSION_HANDLE s, const char *label)
{
	CK_ATTRIBUTE templ = BYTES(CKA_LABEL, label, strlen(label));
	CK_OBJECT_HANDLE found[4];
	CK_ULONG n = 0;

	NEED(p11->C_FindObjectsInit(s, &templ, 1));
	NEED(p11->C_FindObjects(s, found, COUNT(found), &n));
	NEED(p11->C_FindObjectsFinal(s));
	return n;
}

/* What was refused may have been done all the same, when the answer was lost, but once. */
static void check_made(CK_SESSION_HANDLE s)
{
	unsigned lost = 0, doubled = 0;
	char label[LABEL_MAX];

	for (size_t m = 0; m < MAKERS; m++)
		for (size_t i = 0; i < MADE_MAX && load.made[m][i].asked; i++) {
			label_of(label, m, i);
			const unsigned long n = count_of(s, label);
			lost += load.made[m][i].acknowledged && n == 0;
			doubled += n > 1;
		}
	check(lost == 0, "no key that was acknowledged is lost");
	check(doubled == 0, "no key is there twice");
}

/* The store is out, reads only, or is held up. */
static bool is_clean(CK_RV rv)
{
	return rv == CKR_DEVICE_ERROR || rv == CKR_TOKEN_WRITE_PROTECTED || rv == CKR_TOKEN_RESOURCE_EXCEEDED;
}

static void outage(void)
{
	pg_stop(&server, SIGKILL);
	check(rises(&load.signatures, SIGNED_MIN), "the database is killed: signatures go on");
	check(rises(&load.refusals, 1), "changes are refused");
	check(is_clean(atomic_load(&load.refusal)), "as what cannot be done now");
	pg_start(&server);
	check(rises(&load.keys, 5), "it is back: keys are made again");
	check(rises(&load.signatures, SIGNED_MIN), "and signatures go on");
}

int main(void)
{
	pthread_t threads[SIGNERS + MAKERS];

	life_begin();
	if (!pg_found() || !cluster_begin(life_dir, MACHINES)) {
		printf("1..0 # SKIP there is no PostgreSQL to start, or hufud is not built\n");
		return 0;
	}
	set_up();
	CK_SESSION_HANDLE s = life_log_in("chaos");
	make_signer(s);
	for (size_t i = 0; i < COUNT(threads); i++)
		if (pthread_create(&threads[i], NULL, i < SIGNERS ? sign : make, i < SIGNERS ? NULL : load.made[i - SIGNERS]) != 0)
			life_need(CKR_HOST_MEMORY, "pthread_create");
	check(rises(&load.keys, 5) && rises(&load.signatures, SIGNED_MIN), "two machines over one database serve");
	for (int i = 0; i < OUTAGES; i++)
		outage();
	atomic_store(&load.stop, true);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	check(atomic_load(&load.errors) == 0, "no signature failed");
	check_made(s);
	printf("# %lu signatures, %lu keys made, %lu refused with 0x%lx\n", atomic_load(&load.signatures), atomic_load(&load.keys),
	       atomic_load(&load.refusals), atomic_load(&load.refusal));
	NEED(p11->C_Finalize(NULL));
	oracle_free(load.signer);
	check(cluster_stop_all(), "the machines end well");
	printf("1..%u\n", number);
	return failures ? 1 : 0;
}
