/* SPDX-License-Identifier: Apache-2.0 */
/* Any PKCS#11 module; where it has no SM algorithm, what it has in its place. */
#include "base/clock.h"
#include "tools/bench/bench.h"
#include "tools/keykind.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/template.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct p11 {
	struct session s;
	const struct bench_place *place;
	CK_UTF8CHAR pin[32];        /* of a token made here and thrown away */
	CK_OBJECT_HANDLE sign_key, verify_key, cipher_key, zuc_key;
	CK_MECHANISM_TYPE sign, cbc, ctr, digest, zuc; /* CK_UNAVAILABLE_INFORMATION: none */
	CK_OBJECT_HANDLE signers[4], aes_key; /* international keys, by signer_of; 0: none */
	bool sha256;
	unsigned char e[64], sig[128];
	CK_ULONG sig_len;
	size_t objects;             /* made by prepare */
};

/* -- a token ----------------------------------------------------------------------- */

static bool bad(CK_RV rv, const char *what, const struct p11 *p)
{
	if (rv != CKR_OK)
		fail_rv(rv, "bench, %s: %s", p->s.module.path ? p->s.module.path : "hufu", what);
	return rv != CKR_OK;
}

/* The token "bench", or the slot that waits for one. */
static bool find_slot(struct p11 *p, bool initialised)
{
	struct slot *slots;
	CK_ULONG n;
	bool found = false;

	if (module_slots(&p->s.module, &slots, &n))
		return false;
	for (CK_ULONG i = 0; i < n && !found; i++) {
		found = slots[i].present && !(slots[i].token.flags & CKF_TOKEN_INITIALIZED) == !initialised &&
		        (!initialised || !memcmp(slots[i].token.label, "bench ", 6));
		if (found)
			p->s.slot = slots[i];
	}
	free(slots);
	if (!found)
		note("%s offers no spare slot; name a token of yours with --token", p->s.module.path);
	return found;
}

static bool login(struct p11 *p, CK_USER_TYPE role)
{
	CK_RV rv = p->s.f->C_OpenSession(p->s.slot.id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &p->s.handle);

	return !bad(rv, "opening a session", p) && !bad(p->s.f->C_Login(p->s.handle, role, p->pin, sizeof p->pin), "logging in", p);
}

static bool make_token(struct p11 *p)
{
	CK_UTF8CHAR label[32];
	unsigned char random[sizeof p->pin / 2];

	memset(label, ' ', sizeof label);
	memcpy(label, "bench", 5);
	if (RAND_bytes(random, sizeof random) != 1)
		return false;
	for (size_t i = 0; i < sizeof p->pin; i++)
		p->pin[i] = (CK_UTF8CHAR)"0123456789abcdef"[random[i / 2] >> 4 * (i % 2) & 15];
	if (!find_slot(p, false) || bad(p->s.f->C_InitToken(p->s.slot.id, p->pin, sizeof p->pin, label), "making a token", p) ||
	    !find_slot(p, true))
		return false;
	if (!login(p, CKU_SO) || bad(p->s.f->C_InitPIN(p->s.handle, p->pin, sizeof p->pin), "setting the PIN", p))
		return false;
	p->s.f->C_CloseSession(p->s.handle);
	return login(p, CKU_USER);
}

/* -- keys, of the session ---------------------------------------------------------- */

static CK_MECHANISM_TYPE first_of(const struct p11 *p, CK_FLAGS use, CK_MECHANISM_TYPE sm, CK_MECHANISM_TYPE other)
{
	const struct module *m = &p->s.module;

	return module_offers(m, p->s.slot.id, sm, use)      ? sm
	       : module_offers(m, p->s.slot.id, other, use) ? other
	                                                    : CK_UNAVAILABLE_INFORMATION;
}

static CK_RV secret_key(struct p11 *p, CK_MECHANISM_TYPE generate, CK_ULONG value_len, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM mech = {generate, NULL, 0};
	struct template t = {0};

	template_flag(&t, CKA_TOKEN, false);
	template_flag(&t, CKA_ENCRYPT, true);
	template_flag(&t, CKA_DECRYPT, true);
	if (value_len)
		template_add(&t, CKA_VALUE_LEN, &value_len, sizeof value_len);
	return p->s.f->C_GenerateKey(p->s.handle, &mech, t.attrs, t.n, h);
}

static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

static CK_RV key_pair(struct p11 *p)
{
	CK_MECHANISM mech = {p->sign == CKM_ECDSA ? CKM_EC_KEY_PAIR_GEN : CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	struct template pub = {0}, priv = {0};

	template_flag(&pub, CKA_TOKEN, false);
	template_flag(&pub, CKA_VERIFY, true);
	if (p->sign == CKM_ECDSA)
		template_add(&pub, CKA_EC_PARAMS, p256, sizeof p256);
	template_flag(&priv, CKA_TOKEN, false);
	template_flag(&priv, CKA_SIGN, true);
	return p->s.f->C_GenerateKeyPair(p->s.handle, &mech, pub.attrs, pub.n, priv.attrs, priv.n, &p->verify_key, &p->sign_key);
}

static CK_RV sign(struct p11 *p, CK_SESSION_HANDLE h, unsigned char *sig, CK_ULONG *len)
{
	CK_MECHANISM mech = {p->sign, NULL, 0};
	CK_RV rv = p->s.f->C_SignInit(h, &mech, p->sign_key);

	return rv == CKR_OK ? p->s.f->C_Sign(h, p->e, 32, sig, len) : rv;
}

/* -- international keys, beside libcrypto's ------------------------------------------ */

static const struct signer {
	enum bench_op op;
	CK_MECHANISM_TYPE generate, sign;
	bool on_token;
} signers[] = {
	{BENCH_ECDSA_SIGN, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, false},
	{BENCH_ECDSA_SIGN_TOKEN, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, true},
	{BENCH_RSA_SIGN, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, false},
	{BENCH_RSA_SIGN_TOKEN, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, true},
};
#define NSIGNERS (sizeof signers / sizeof *signers)

/* NSIGNERS: the op is no signature with an international key. */
static size_t signer_of(enum bench_op op)
{
	size_t i = 0;

	while (i < NSIGNERS && signers[i].op != op)
		i++;
	return i;
}

static CK_RV make_signer(struct p11 *p, const struct signer *s, CK_OBJECT_HANDLE *key)
{
	static const CK_ULONG nbits = 2048;
	CK_MECHANISM mech = {s->generate, NULL, 0};
	struct template pub = {0}, priv = {0};
	CK_OBJECT_HANDLE public;

	template_flag(&pub, CKA_TOKEN, s->on_token);
	if (s->sign == CKM_ECDSA)
		template_add(&pub, CKA_EC_PARAMS, p256, sizeof p256);
	else
		template_add(&pub, CKA_MODULUS_BITS, &nbits, sizeof nbits);
	template_flag(&priv, CKA_TOKEN, s->on_token);
	template_flag(&priv, CKA_PRIVATE, true);
	template_flag(&priv, CKA_SIGN, true);
	return p->s.f->C_GenerateKeyPair(p->s.handle, &mech, pub.attrs, pub.n, priv.attrs, priv.n, &public, key);
}

static bool offers_use(const struct p11 *p, CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	return module_offers(&p->s.module, p->s.slot.id, type, use);
}

/* Token keys belong on a token made for them. */
static bool make_international_keys(struct p11 *p)
{
	for (size_t i = 0; i < NSIGNERS; i++)
		if (offers_use(p, signers[i].sign, CKF_SIGN) && !(signers[i].on_token && p->place->args) &&
		    bad(make_signer(p, &signers[i], &p->signers[i]), "making a key pair", p))
			return false;
	p->sha256 = offers_use(p, CKM_SHA256, CKF_DIGEST);
	return !offers_use(p, CKM_AES_CBC, CKF_ENCRYPT) || !bad(secret_key(p, CKM_AES_KEY_GEN, 16, &p->aes_key), "making a key", p);
}

static CK_RV sign_with(struct p11 *p, CK_SESSION_HANDLE h, const struct bench_cell *cell)
{
	size_t i = signer_of(cell->op);
	CK_MECHANISM mech = {signers[i].sign, NULL, 0};
	unsigned char sig[512];
	CK_ULONG len = sizeof sig;
	CK_RV rv = p->s.f->C_SignInit(h, &mech, p->signers[i]);

	return rv == CKR_OK ? p->s.f->C_Sign(h, p->e, cell->size, sig, &len) : rv;
}

static bool make_keys(struct p11 *p)
{
	if (!make_international_keys(p))
		return false;
	p->sign = first_of(p, CKF_SIGN, CKM_HUFU_SM2, CKM_ECDSA);
	p->cbc = first_of(p, CKF_ENCRYPT, CKM_HUFU_SM4_CBC, CKM_AES_CBC);
	p->ctr = first_of(p, CKF_ENCRYPT, CKM_HUFU_SM4_CTR, CKM_AES_CTR);
	p->digest = first_of(p, CKF_DIGEST, CKM_HUFU_SM3, CKM_SHA256);
	p->zuc = first_of(p, CKF_ENCRYPT, CKM_HUFU_ZUC_EEA3, CKM_HUFU_ZUC_EEA3);
	p->sig_len = sizeof p->sig;
	if (p->sign != CK_UNAVAILABLE_INFORMATION) {
		RAND_bytes(p->e, sizeof p->e);
		if (bad(key_pair(p), "making a key pair", p) || bad(sign(p, p->s.handle, p->sig, &p->sig_len), "signing", p))
			return false;
	}
	bool aes = p->cbc == CKM_AES_CBC;
	if (p->cbc != CK_UNAVAILABLE_INFORMATION &&
	    bad(secret_key(p, aes ? CKM_AES_KEY_GEN : CKM_HUFU_SM4_KEY_GEN, aes ? 16 : 0, &p->cipher_key), "making a key", p))
		return false;
	return p->zuc == CK_UNAVAILABLE_INFORMATION || !bad(secret_key(p, CKM_HUFU_ZUC_KEY_GEN, 0, &p->zuc_key), "making a key", p);
}

static void close_p11(void *state)
{
	struct p11 *p = state;

	session_close(&p->s);
	free(p);
}

static void *open_p11(const struct bench_place *place)
{
	struct p11 *p = calloc(1, sizeof *p);
	bool good;

	if (!p)
		return NULL;
	p->place = place;
	if (place->args) {
		good = session_open(place->args, NULL, SELECT_TOKEN, true, LOGIN_USER, &p->s) == ST_OK;
	} else {
		good = place_configure(place->dir) && module_load(place->module, &p->s.module) == ST_OK;
		p->s.f = p->s.module.f;
		good = good && make_token(p);
	}
	if (good && make_keys(p))
		return p;
	close_p11(p);
	return NULL;
}

static bool offers(void *state, const struct bench_cell *cell)
{
	const struct p11 *p = state;
	bool none = false;

	switch (cell->op) {
	case BENCH_SM2_SIGN:
	case BENCH_SM2_VERIFY:
		none = p->sign == CK_UNAVAILABLE_INFORMATION;
		break;
	case BENCH_SM4_CBC:
		none = p->cbc == CK_UNAVAILABLE_INFORMATION;
		break;
	case BENCH_SM4_CTR:
		none = p->ctr == CK_UNAVAILABLE_INFORMATION || !p->cipher_key;
		break;
	case BENCH_SM3:
		none = p->digest == CK_UNAVAILABLE_INFORMATION;
		break;
	case BENCH_ZUC:
		none = p->zuc == CK_UNAVAILABLE_INFORMATION;
		break;
	case BENCH_ECDSA_SIGN:
	case BENCH_ECDSA_SIGN_TOKEN:
	case BENCH_RSA_SIGN:
	case BENCH_RSA_SIGN_TOKEN:
		none = !p->signers[signer_of(cell->op)];
		break;
	case BENCH_AES_CBC:
		none = !p->aes_key;
		break;
	case BENCH_AES_GCM:
		none = !p->aes_key || !offers_use(p, CKM_AES_GCM, CKF_ENCRYPT);
		break;
	case BENCH_SHA256:
		none = !p->sha256;
		break;
	case BENCH_CREATE:
	case BENCH_FIND:
	case BENCH_INITIALIZE:
		/* Thousands of objects belong on a token made for it. */
		return !p->place->args;
	case BENCH_RANDOM:
	case BENCH_SESSION:
		break;
	}
	return !none;
}

/* -- objects ------------------------------------------------------------------------- */

/* A private data object of 64 bytes: on the token, so that it is there after a power cut. */
static CK_RV create(struct p11 *p, CK_SESSION_HANDLE h, const char *label)
{
	static const CK_OBJECT_CLASS class = CKO_DATA;
	static const unsigned char value[64];
	struct template t = {0};
	CK_OBJECT_HANDLE object;

	template_add(&t, CKA_CLASS, &class, sizeof class);
	template_flag(&t, CKA_TOKEN, true);
	template_flag(&t, CKA_PRIVATE, true);
	template_add(&t, CKA_LABEL, label, strlen(label));
	template_add(&t, CKA_VALUE, value, sizeof value);
	return p->s.f->C_CreateObject(h, t.attrs, t.n, &object);
}

/* C_Finalize ends sessions and logins; SoftHSM gives the slot of a new token another id after it. */
static bool logged_in(struct p11 *p)
{
	CK_SESSION_INFO info;

	if (p->s.f->C_GetSessionInfo(p->s.handle, &info) == CKR_OK && info.state == CKS_RW_USER_FUNCTIONS)
		return true;
	return find_slot(p, true) && login(p, CKU_USER);
}

static bool prepare(void *state, const struct bench_cell *cell)
{
	struct p11 *p = state;
	bool objects = cell->op == BENCH_FIND || cell->op == BENCH_INITIALIZE;
	char label[32];

	if (objects && !logged_in(p))
		return false;
	while (objects && p->objects < cell->size) {
		snprintf(label, sizeof label, "object %zu", p->objects);
		if (bad(create(p, p->s.handle, label), "making an object", p))
			return false;
		p->objects++;
	}
	return true;
}

static CK_RV find(struct p11 *p, CK_SESSION_HANDLE h, uint64_t which)
{
	CK_OBJECT_HANDLE object;
	CK_ULONG found = 0;
	char label[32];

	snprintf(label, sizeof label, "object %zu", (size_t)(which % p->objects));
	CK_ATTRIBUTE attr = {CKA_LABEL, label, strlen(label)};
	CK_RV rv = p->s.f->C_FindObjectsInit(h, &attr, 1);
	if (rv == CKR_OK) {
		rv = p->s.f->C_FindObjects(h, &object, 1, &found);
		p->s.f->C_FindObjectsFinal(h);
	}
	return rv == CKR_OK && found != 1 ? CKR_OBJECT_HANDLE_INVALID : rv;
}

/* C_Initialize alone is timed; what goes before it, and the login after it, is not. */
static CK_RV initialize(struct p11 *p, uint64_t *aside_ns)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	uint64_t begin = clock_now_ns();
	CK_RV rv = p->s.f->C_Finalize(NULL);

	*aside_ns += clock_now_ns() - begin;
	return rv == CKR_OK ? p->s.f->C_Initialize(&args) : rv;
}

/* -- running ------------------------------------------------------------------------- */

struct thread {
	struct p11 *p;
	CK_SESSION_HANDLE h;
	uint64_t turn;
	unsigned char in[BENCH_SIZE_MAX], out[BENCH_SIZE_MAX + 64];
};

static void thread_close(void *thread)
{
	struct thread *t = thread;

	if (t->h)
		t->p->s.f->C_CloseSession(t->h);
	free(t);
}

static void *thread_open(void *state, const struct bench_cell *cell)
{
	struct p11 *p = state;
	struct thread *t = calloc(1, sizeof *t);
	CK_FLAGS rw = cell->op == BENCH_CREATE ? CKF_RW_SESSION : 0;

	if (!t)
		return NULL;
	t->p = p;
	RAND_bytes((unsigned char *)&t->turn, sizeof t->turn);
	/* C_Initialize is measured without a session: it ends them all. */
	if (cell->op == BENCH_INITIALIZE)
		return t;
	if ((cell->op == BENCH_FIND && !logged_in(p)) ||
	    bad(p->s.f->C_OpenSession(p->s.slot.id, CKF_SERIAL_SESSION | rw, NULL, NULL, &t->h), "opening a session", p)) {
		free(t);
		return NULL;
	}
	return t;
}

static CK_RV encrypt(struct thread *t, CK_MECHANISM *mech, CK_OBJECT_HANDLE key, CK_ULONG size)
{
	CK_FUNCTION_LIST *f = t->p->s.f;
	CK_ULONG len = sizeof t->out;
	CK_RV rv = f->C_EncryptInit(t->h, mech, key);

	return rv == CKR_OK ? f->C_Encrypt(t->h, t->in, size, t->out, &len) : rv;
}

static CK_RV verify(struct thread *t)
{
	struct p11 *p = t->p;
	CK_MECHANISM mech = {p->sign, NULL, 0};
	CK_RV rv = p->s.f->C_VerifyInit(t->h, &mech, p->verify_key);

	return rv == CKR_OK ? p->s.f->C_Verify(t->h, p->e, 32, p->sig, p->sig_len) : rv;
}

static CK_RV digest(struct thread *t, CK_MECHANISM_TYPE type, CK_ULONG size)
{
	CK_MECHANISM mech = {type, NULL, 0};
	CK_ULONG len = sizeof t->out;
	CK_RV rv = t->p->s.f->C_DigestInit(t->h, &mech);

	return rv == CKR_OK ? t->p->s.f->C_Digest(t->h, t->in, size, t->out, &len) : rv;
}

static CK_RV open_close(struct p11 *p)
{
	CK_SESSION_HANDLE h;
	CK_RV rv = p->s.f->C_OpenSession(p->s.slot.id, CKF_SERIAL_SESSION, NULL, NULL, &h);

	return rv == CKR_OK ? p->s.f->C_CloseSession(h) : rv;
}

static CK_RV create_next(struct thread *t)
{
	char label[48];

	snprintf(label, sizeof label, "created %016llx", (unsigned long long)t->turn);
	return create(t->p, t->h, label);
}

static CK_RV one(struct thread *t, const struct bench_cell *cell, uint64_t *aside_ns)
{
	struct p11 *p = t->p;
	CK_AES_CTR_PARAMS counter = {.ulCounterBits = 128};
	CK_HUFU_ZUC_PARAMS zuc = {.ulCount = 1};
	unsigned char iv[16] = {0}, sig[128];
	CK_GCM_PARAMS gcm = {.pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128};
	CK_ULONG len = sizeof sig;

	t->turn++;
	switch (cell->op) {
	case BENCH_SM2_SIGN:
		return sign(p, t->h, sig, &len);
	case BENCH_SM2_VERIFY:
		return verify(t);
	case BENCH_SM4_CBC:
		return encrypt(t, &(CK_MECHANISM){p->cbc, iv, sizeof iv}, p->cipher_key, cell->size);
	case BENCH_SM4_CTR:
		return encrypt(t, &(CK_MECHANISM){p->ctr, &counter, sizeof counter}, p->cipher_key, cell->size);
	case BENCH_SM3:
		return digest(t, p->digest, cell->size);
	case BENCH_ZUC:
		return encrypt(t, &(CK_MECHANISM){p->zuc, &zuc, sizeof zuc}, p->zuc_key, cell->size);
	case BENCH_ECDSA_SIGN:
	case BENCH_ECDSA_SIGN_TOKEN:
	case BENCH_RSA_SIGN:
	case BENCH_RSA_SIGN_TOKEN:
		return sign_with(p, t->h, cell);
	case BENCH_AES_CBC:
		return encrypt(t, &(CK_MECHANISM){CKM_AES_CBC, iv, sizeof iv}, p->aes_key, cell->size);
	case BENCH_AES_GCM:
		return encrypt(t, &(CK_MECHANISM){CKM_AES_GCM, &gcm, sizeof gcm}, p->aes_key, cell->size);
	case BENCH_SHA256:
		return digest(t, CKM_SHA256, cell->size);
	case BENCH_RANDOM:
		return p->s.f->C_GenerateRandom(t->h, t->out, cell->size);
	case BENCH_SESSION:
		return open_close(p);
	case BENCH_CREATE:
		return create_next(t);
	case BENCH_FIND:
		return find(p, t->h, t->turn);
	case BENCH_INITIALIZE:
		return initialize(p, aside_ns);
	}
	return CKR_FUNCTION_NOT_SUPPORTED;
}

static bool run(void *thread, const struct bench_cell *cell, uint64_t n, uint64_t *aside_ns)
{
	struct thread *t = thread;

	while (n--)
		if (bad(one(t, cell, aside_ns), cell->name, t->p))
			return false;
	return true;
}

const struct bench_impl bench_p11 = {
	.open = open_p11,
	.close = close_p11,
	.offers = offers,
	.prepare = prepare,
	.thread_open = thread_open,
	.run = run,
	.thread_close = thread_close,
};
