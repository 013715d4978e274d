/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known answers: what a device offers it does once, with keys of the standards
 * or with such as it makes for this, and the host looks at what comes out. No
 * key is left behind.
 */
#include "pool/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

#define COPY_MAX 8192   /* no smaller than what the core lends for a new key */
#define BUSY_TRIES 3    /* for a moment's sake nobody is left out */

/* A key of the device's for one test. */
struct test_key {
	struct hufu_key key;
	uint8_t *copy;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
};

bool admit_offers(const struct admission *a, uint64_t mechanism, enum hufu_verb verb)
{
	return capabilities_find(a->caps, device_mechanism(mechanism, verb), verb, false) != NULL;
}

/* Keys that nothing takes away again are made for callers only. */
static bool makes_for_a_test(const struct admission *a, uint64_t mechanism, enum hufu_verb verb)
{
	const struct capability *cap = capabilities_find(a->caps, mechanism, verb, false);

	return cap && !cap->permanent;
}

static enum hufu_err wrong(struct admission *a, const char *what)
{
	snprintf(a->why, a->why_len, "it gave a wrong answer in the test of %s", what);
	return HUFU_ERR_CORRUPT;
}

enum hufu_err admit_lease(struct admission *a)
{
	return a->lease ? HUFU_OK : a->device->driver->lease(a->handle, a->deadline_ns, &a->lease);
}

enum hufu_err admit_run(struct admission *a, struct hufu_op *op)
{
	struct hufu_op *ops = op;

	op->size = sizeof(*op);
	op->deadline_ns = a->deadline_ns;
	op->attempt = 1;
	enum hufu_err err = admit_lease(a);
	if (err == HUFU_OK && (op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT))
		err = driver_host()->random(op->op_id, sizeof(op->op_id));
	if (err != HUFU_OK)
		return err;
	for (int i = 0; i < BUSY_TRIES && (i == 0 || hufu_err_group(op->outcome) == HUFU_GROUP_BUSY); i++) {
		op->copy_kind = HUFU_COPY_BLOB;
		op->outcome = HUFU_ERR_BUG; /* of a driver that forgets to say */
		op->out_len = op->pub_len = 0;
		a->device->driver->run(a->lease, &ops, 1);
	}
	err = op->outcome;
	if (err != HUFU_OK && ((unsigned)err >> 8 < HUFU_GROUP_CALLER || (unsigned)err >> 8 >= HUFU_GROUP_BUG))
		return HUFU_ERR_LOST;
	return hufu_err_group(err) == HUFU_GROUP_CORRUPT ? HUFU_ERR_LOST : err;
}

/* It does not do this after all, which is no wrong answer. */
static bool is_declined(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_CALLER || hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED ||
	       hufu_err_group(err) == HUFU_GROUP_NO_KEY;
}

/* -- keys ------------------------------------------------------------------- */

static enum hufu_err make_key(struct admission *a, struct hufu_op *op, struct test_key *t)
{
	*t = (struct test_key){.copy = secret_alloc(COPY_MAX)};
	if (!t->copy)
		return HUFU_ERR_NO_MEMORY;
	op->out = t->copy;
	op->out_cap = COPY_MAX;
	op->pub = t->pub;
	enum hufu_err err = admit_run(a, op);
	if (err == HUFU_OK && (op->out_len > COPY_MAX || op->pub_len > sizeof(t->pub) || !answer_copy_is_sound(op)))
		err = wrong(a, "making a key");
	if (err != HUFU_OK) {
		secret_free(t->copy);
		return err;
	}
	t->pub_len = op->pub_len;
	t->key = (struct hufu_key){
		.size = sizeof(t->key), .version = 1, .type = op->new_type, .blob = t->copy, .blob_len = op->out_len,
		.copy_kind = op->copy_kind,
	};
	memcpy(t->key.uuid, op->op_id, sizeof(t->key.uuid));
	return HUFU_OK;
}

static enum hufu_err import_key(struct admission *a, enum hufu_key_type type, const uint8_t *clear, size_t len, struct test_key *t)
{
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len};

	return make_key(a, &op, t);
}

void admit_forget(struct admission *a, struct hufu_key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = key};

	if (key->loaded)
		(void)!admit_run(a, &op); /* it cannot fail */
}

static void drop_key(struct admission *a, struct test_key *t)
{
	admit_forget(a, &t->key);
	secret_free(t->copy);
}

/* -- random ------------------------------------------------------------------ */

static bool is_constant(const uint8_t *bytes, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if (bytes[i] != bytes[0])
			return false;
	return true;
}

static enum hufu_err test_random(struct admission *a)
{
	uint8_t draws[2][32] = {{0}};

	for (int i = 0; i < 2; i++) {
		struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = draws[i], .out_cap = sizeof(draws[i])};
		enum hufu_err err = admit_run(a, &op);
		if (err != HUFU_OK)
			return err;
		if (op.out_len != sizeof(draws[i]) || is_constant(draws[i], sizeof(draws[i])))
			return wrong(a, "random numbers");
	}
	enum hufu_err err = memcmp(draws[0], draws[1], sizeof(draws[0])) == 0 ? wrong(a, "random numbers") : HUFU_OK;
	secret_wipe(draws, sizeof(draws));
	return err;
}

/* -- block ciphers ------------------------------------------------------------- */

/* Key and plaintext both of GB/T 32907-2016 A.1. */
#define SM4_KEY {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}

struct cipher_vector {
	const char *name;
	enum hufu_key_type type;
	uint64_t ecb, cbc;
	uint8_t key[16], plain[16], cipher[16];
};

static const struct cipher_vector vectors[] = {
	{"SM4", HUFU_KEY_SM4, CKM_HUFU_SM4_ECB, CKM_HUFU_SM4_CBC, SM4_KEY, SM4_KEY, /* GB/T 32907-2016 A.1 */
	 {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46}},
	{"AES", HUFU_KEY_AES, CKM_AES_ECB, CKM_AES_CBC, /* FIPS 197 C.1 */
	 {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f},
	 {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff},
	 {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a}},
};

static enum hufu_err test_mode(struct admission *a, struct test_key *t, uint64_t mechanism, enum hufu_verb verb,
                               const uint8_t *in, const uint8_t *want, size_t len, const char *what)
{
	struct hufu_param_iv zero = {{0}, 0};
	uint8_t out[32];
	struct hufu_op op = {.verb = verb, .mechanism = mechanism, .key = &t->key, .param = &zero, .in = in, .in_len = len,
	                     .out = out, .out_cap = len};

	if (!admit_offers(a, mechanism, verb))
		return HUFU_OK;
	enum hufu_err err = admit_run(a, &op);
	if (err != HUFU_OK)
		return is_declined(err) ? HUFU_OK : err;
	return op.out_len == len && memcmp(out, want, len) == 0 ? HUFU_OK : wrong(a, what);
}

/*
 * CBC with an IV of zero is ECB for the first block; a second block of plaintext xor
 * ciphertext of the first is the first once more, for the cipher.
 */
static enum hufu_err test_modes(struct admission *a, struct test_key *t, const struct cipher_vector *v)
{
	uint8_t plain[32], cipher[32];
	char what[32];
	enum hufu_err err = HUFU_OK;

	memcpy(plain, v->plain, 16);
	memcpy(cipher, v->cipher, 16);
	memcpy(cipher + 16, v->cipher, 16);
	for (int i = 0; i < 16; i++)
		plain[16 + i] = v->plain[i] ^ v->cipher[i];
	for (int verb = HUFU_VERB_ENCRYPT; verb <= HUFU_VERB_DECRYPT && err == HUFU_OK; verb++) {
		bool encrypts = verb == HUFU_VERB_ENCRYPT;

		snprintf(what, sizeof(what), "%s-ECB", v->name);
		err = test_mode(a, t, v->ecb, (enum hufu_verb)verb, encrypts ? plain : cipher, encrypts ? cipher : plain, 16, what);
		snprintf(what, sizeof(what), "%s-CBC", v->name);
		if (err == HUFU_OK)
			err = test_mode(a, t, v->cbc, (enum hufu_verb)verb, encrypts ? plain : cipher, encrypts ? cipher : plain,
			                32, what);
	}
	return err;
}

static enum hufu_err test_cipher(struct admission *a, const struct cipher_vector *v)
{
	struct test_key t;

	if (!makes_for_a_test(a, 0, HUFU_VERB_IMPORT) ||
	    (!admit_offers(a, v->ecb, HUFU_VERB_ENCRYPT) && !admit_offers(a, v->cbc, HUFU_VERB_ENCRYPT)))
		return HUFU_OK;
	enum hufu_err err = import_key(a, v->type, v->key, sizeof(v->key), &t);
	if (err != HUFU_OK)
		return is_declined(err) ? HUFU_OK : err;
	err = test_modes(a, &t, v);
	drop_key(a, &t);
	return err;
}

/* -- MACs -------------------------------------------------------------------------- */

static const struct mac_vector {
	const char *name;
	uint64_t mechanism;
	enum hufu_key_type type;
	size_t key_len, len, mac_len;
	uint8_t key[32];
	const char *text;
	uint8_t mac[32];
} macs[] = {
	{"HMAC-SM3", CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET, 32, 112, 32, /* GM/T 0042-2015 D.3 */
	 {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10,
	  0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20},
	 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopqabcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 {0xca, 0x05, 0xe1, 0x44, 0xed, 0x05, 0xd1, 0x85, 0x78, 0x40, 0xd1, 0xf3, 0x18, 0xa4, 0xa8, 0x66,
	  0x9e, 0x55, 0x9f, 0xc8, 0x39, 0x1f, 0x41, 0x44, 0x85, 0xbf, 0xdf, 0x7b, 0xb4, 0x08, 0x96, 0x3a}},
	{"SM4-CMAC", CKM_HUFU_SM4_CMAC, HUFU_KEY_SM4, 16, 25, 16, SM4_KEY, "This is the test message ", /* GB/T 15852.1-2020 B */
	 {0x47, 0x38, 0xa6, 0xc7, 0x60, 0xb2, 0x80, 0xfc, 0x0c, 0x8a, 0x8a, 0xf3, 0x88, 0x6e, 0x9f, 0x5d}},
	{"SM4-CBC-MAC", CKM_HUFU_SM4_CBC_MAC, HUFU_KEY_SM4, 16, 32, 16, SM4_KEY, "This is the test message \x80\0\0\0\0\0\0",
	 {0x42, 0x1a, 0xd1, 0x69, 0x0a, 0xa1, 0x52, 0xe2, 0x84, 0x6f, 0xa2, 0xa5, 0xd8, 0x34, 0x45, 0xa9}},
};

static enum hufu_err test_mac(struct admission *a, const struct mac_vector *v)
{
	uint8_t mac[32];
	struct test_key t;

	if (!makes_for_a_test(a, 0, HUFU_VERB_IMPORT) || !admit_offers(a, v->mechanism, HUFU_VERB_SIGN))
		return HUFU_OK;
	enum hufu_err err = import_key(a, v->type, v->key, v->key_len, &t);
	if (err != HUFU_OK)
		return is_declined(err) ? HUFU_OK : err;
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = v->mechanism, .key = &t.key, .in = (const uint8_t *)v->text,
	                     .in_len = v->len, .out = mac, .out_cap = v->mac_len};
	err = admit_run(a, &op);
	drop_key(a, &t);
	if (err != HUFU_OK)
		return is_declined(err) ? HUFU_OK : err;
	return op.out_len == v->mac_len && memcmp(mac, v->mac, v->mac_len) == 0 ? HUFU_OK : wrong(a, v->name);
}

/* -- SM2 --------------------------------------------------------------------------- */

enum hufu_err admit_signs(struct admission *a, struct hufu_key *key, const struct sm2_public *point, bool *signs)
{
	uint8_t e[32], sig[SM2_SIG_LEN];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = key, .in = e, .in_len = sizeof(e),
	                     .out = sig, .out_cap = sizeof(sig)};
	enum hufu_err err = driver_host()->random(e, sizeof(e));

	*signs = false;
	if (err == HUFU_OK)
		err = admit_run(a, &op);
	*signs = err == HUFU_OK && op.out_len == sizeof(sig) && sm2_verify(point, e, sig) == SM2_OK;
	return err;
}

enum hufu_err admit_encrypts(struct admission *a, struct hufu_key *key, const uint8_t in[16], const uint8_t want[16], bool *right)
{
	uint8_t out[16];
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .key = key, .in = in, .in_len = 16, .out = out, .out_cap = sizeof(out),
	                     .mechanism = key->type == HUFU_KEY_AES ? CKM_AES_ECB : CKM_HUFU_SM4_ECB};
	enum hufu_err err = admit_run(a, &op);

	*right = err == HUFU_OK && op.out_len == sizeof(out) && memcmp(out, want, sizeof(out)) == 0;
	return err;
}

static enum hufu_err test_sm2(struct admission *a)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE};
	struct sm2_public point;
	struct test_key t;
	bool signs;

	if (!makes_for_a_test(a, CKM_HUFU_SM2_KEY_PAIR_GEN, HUFU_VERB_GENERATE) || !admit_offers(a, CKM_HUFU_SM2, HUFU_VERB_SIGN))
		return HUFU_OK;
	enum hufu_err err = make_key(a, &op, &t);
	if (err != HUFU_OK)
		return is_declined(err) ? HUFU_OK : err;
	if (t.pub_len != SM2_POINT_LEN || sm2_public_init(&point, t.pub) != SM2_OK) {
		err = wrong(a, "making an SM2 key pair");
	} else {
		err = admit_signs(a, &t.key, &point, &signs);
		if (err == HUFU_OK && !signs)
			err = wrong(a, "SM2 signatures");
	}
	drop_key(a, &t);
	return is_declined(err) ? HUFU_OK : err;
}

/* -- all ----------------------------------------------------------------------------- */

enum hufu_err admit_known_answers(struct admission *a)
{
	enum hufu_err err = admit_offers(a, 0, HUFU_VERB_RANDOM) ? test_random(a) : HUFU_OK;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]) && err == HUFU_OK; i++)
		err = test_cipher(a, &vectors[i]);
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]) && err == HUFU_OK; i++)
		err = test_mac(a, &macs[i]);
	return err == HUFU_OK ? test_sm2(a) : err;
}
