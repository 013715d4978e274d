/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same calls of PKCS#11 through any module: hufu's in this process, hufu's over a cipher machine, hufu's behind p11-kit's server.
 * ECDSA with P-256 and random numbers, which p11-kit forwards; it has no words for the Chinese algorithms.
 */
#include "tools/lab/net.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64
#define SAMPLES_MAX 100000
#define WARM_NS (50 * NS_PER_MS)

static CK_UTF8CHAR pin[] = "a pin of the lab";

struct p11 {
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

static bool load(const char *path, struct p11 *p)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = module ? dlsym(module, "C_GetFunctionList") : NULL;

	if (!symbol)
		return lab_fail("%s", dlerror());
	memcpy(&get, &symbol, sizeof get);
	return lab_ok(get(&p->f), "C_GetFunctionList") && lab_ok(p->f->C_Initialize(&args), "C_Initialize");
}

/* The first token of this module's; one that is not initialised yet is. */
static bool make_token(struct p11 *p)
{
	CK_UTF8CHAR label[32] = "bench                           ";
	CK_ULONG n = 1;
	CK_TOKEN_INFO info;

	if (!lab_ok(p->f->C_GetSlotList(CK_TRUE, &p->slot, &n), "C_GetSlotList") || n == 0 ||
	    !lab_ok(p->f->C_GetTokenInfo(p->slot, &info), "C_GetTokenInfo"))
		return false;
	if (info.flags & CKF_USER_PIN_INITIALIZED)
		return true;
	CK_SESSION_HANDLE so;
	return lab_ok(p->f->C_InitToken(p->slot, pin, sizeof pin - 1, label), "C_InitToken") &&
	       lab_ok(p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &so), "C_OpenSession") &&
	       lab_ok(p->f->C_Login(so, CKU_SO, pin, sizeof pin - 1), "C_Login of the officer") &&
	       lab_ok(p->f->C_InitPIN(so, pin, sizeof pin - 1), "C_InitPIN") && lab_ok(p->f->C_CloseSession(so), "C_CloseSession");
}

static bool make_key(struct p11 *p)
{
	static CK_BBOOL yes = CK_TRUE;
	static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* prime256v1, RFC 5480 2.1.1.1 */
	CK_ATTRIBUTE pub[] = {{CKA_EC_PARAMS, p256, sizeof p256}, {CKA_VERIFY, &yes, sizeof yes}};
	CK_ATTRIBUTE priv[] = {{CKA_SIGN, &yes, sizeof yes}};
	CK_MECHANISM mech = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE public_key;

	return lab_ok(p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &p->session), "C_OpenSession") &&
	       lab_ok(p->f->C_Login(p->session, CKU_USER, pin, sizeof pin - 1), "C_Login") &&
	       lab_ok(p->f->C_GenerateKeyPair(p->session, &mech, pub, 2, priv, 1, &public_key, &p->key), "C_GenerateKeyPair");
}

/* -- callers ----------------------------------------------------------------------------- */

struct caller {
	pthread_t thread;
	const struct p11 *p;
	bool sign;
	struct net_samples *samples;
	CK_RV rv;
};

static CK_RV call(const struct caller *c, CK_SESSION_HANDLE session)
{
	static CK_BYTE digest[32] = "the digest of some message, say";
	CK_BYTE out[88];
	CK_ULONG len = sizeof out;
	CK_MECHANISM mech = {CKM_ECDSA, NULL, 0};

	if (!c->sign)
		return c->p->f->C_GenerateRandom(session, out, sizeof out);
	CK_RV rv = c->p->f->C_SignInit(session, &mech, c->p->key);
	return rv == CKR_OK ? c->p->f->C_Sign(session, digest, sizeof digest, out, &len) : rv;
}

static void *keep_calling(void *arg)
{
	struct caller *c = arg;
	CK_SESSION_HANDLE session;

	c->rv = c->p->f->C_OpenSession(c->p->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	uint64_t now = clock_now_ns();
	while ((now < c->samples->to_ns || !c->samples->done) && c->rv == CKR_OK) {
		const uint64_t begun = now;
		c->rv = call(c, session);
		now = clock_now_ns();
		samples_add(c->samples, begun, now);
	}
	return NULL;
}

static json_t *run(const struct p11 *p, bool sign, unsigned n, uint64_t ns)
{
	struct caller callers[THREADS_MAX];
	struct net_samples samples[THREADS_MAX];
	const uint64_t from = clock_now_ns() + WARM_NS;
	CK_RV rv = CKR_OK;

	for (unsigned i = 0; i < n; i++)
		if (!samples_make(&samples[i], from, from + ns, SAMPLES_MAX))
			return NULL;
	const struct net_cost before = cost_now(0);
	for (unsigned i = 0; i < n; i++) {
		callers[i] = (struct caller){.p = p, .sign = sign, .samples = &samples[i]};
		if (pthread_create(&callers[i].thread, NULL, keep_calling, &callers[i]))
			return lab_fail("no thread"), NULL;
	}
	for (unsigned i = 0; i < n; i++) {
		pthread_join(callers[i].thread, NULL);
		rv = callers[i].rv ? callers[i].rv : rv;
	}
	const struct net_cost after = cost_now(0);
	return lab_ok(rv, sign ? "C_Sign" : "C_GenerateRandom") ? samples_report(samples, n, &before, &after) : NULL;
}

json_t *lab_net_p11(const struct lab_args *args)
{
	const unsigned n = (unsigned)lab_number(args, "threads", 1, THREADS_MAX, 1);
	const uint64_t ns = lab_number(args, "ms", 10, 60000, 200) * NS_PER_MS;
	const char *conf = lab_text(args, "conf", NULL), *server = lab_text(args, "server", NULL);
	struct p11 p = {0};

	if ((conf && setenv("HUFU_CONF", conf, 1)) || (server && setenv("P11_KIT_SERVER_ADDRESS", server, 1)))
		return NULL;
	if (!load(lab_text(args, "module", ""), &p) || !make_token(&p) || !make_key(&p))
		return NULL;
	json_t *sign = run(&p, true, n, ns), *random = run(&p, false, n, ns);
	(void)p.f->C_Finalize(NULL);
	return sign && random ? json_pack("{s:o,s:o}", "ecdsa_p256", sign, "random", random) : NULL;
}
