/* SPDX-License-Identifier: Apache-2.0 */
/* hufu selftest: known answers through the module, on session objects. */
#include "tools/hex.h"
#include "tools/report.h"
#include "tools/selftest.h"
#include "tools/session.h"
#include "tools/table.h"
#include "tools/template.h"

#include <stdio.h>
#include <string.h>

#define BYTES_MAX 512

struct bytes {
	unsigned char data[BYTES_MAX];
	size_t len;
};

/* A table of ours: it decodes. */
static struct bytes bytes_of(const char *hex)
{
	struct bytes b = {.len = 0};

	if (hex && !hex_decode(hex, strlen(hex), b.data, sizeof b.data, &b.len))
		b.len = 0;
	return b;
}

/* A KAT decoded, with its mechanism and key. */
struct run {
	const struct session *s;
	const struct kat *kat;
	struct bytes iv, aad, in, out;
	CK_GCM_PARAMS gcm;
	CK_CCM_PARAMS ccm;
	CK_AES_CTR_PARAMS ctr;
	CK_HUFU_ZUC_PARAMS zuc;
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_MECHANISM mech;
	CK_OBJECT_HANDLE key;
};

static void parameter(struct run *r)
{
	r->mech = (CK_MECHANISM){r->kat->mech, NULL, 0};
	if (r->kat->mech == CKM_HUFU_SM4_GCM || r->kat->mech == CKM_AES_GCM) {
		r->gcm = (CK_GCM_PARAMS){.pIv = r->iv.data,
		                         .ulIvLen = r->iv.len,
		                         .ulIvBits = 8 * r->iv.len,
		                         .pAAD = r->aad.data,
		                         .ulAADLen = r->aad.len,
		                         .ulTagBits = 128};
		r->mech = (CK_MECHANISM){r->kat->mech, &r->gcm, sizeof r->gcm};
	} else if (r->kat->mech == CKM_HUFU_SM4_CCM) {
		r->ccm = (CK_CCM_PARAMS){r->in.len, r->iv.data, r->iv.len, r->aad.data, r->aad.len, 16};
		r->mech = (CK_MECHANISM){r->kat->mech, &r->ccm, sizeof r->ccm};
	} else if (r->kat->mech == CKM_HUFU_SM4_CTR) {
		r->ctr.ulCounterBits = 128;
		memcpy(r->ctr.cb, r->iv.data, sizeof r->ctr.cb);
		r->mech = (CK_MECHANISM){r->kat->mech, &r->ctr, sizeof r->ctr};
	} else if (r->kat->key_type == CKK_HUFU_ZUC) {
		r->zuc = r->kat->zuc;
		r->mech = (CK_MECHANISM){r->kat->mech, &r->zuc, sizeof r->zuc};
	} else if (r->kat->pss.hashAlg) {
		r->pss = r->kat->pss;
		r->mech = (CK_MECHANISM){r->kat->mech, &r->pss, sizeof r->pss};
	} else if (r->iv.len) {
		r->mech = (CK_MECHANISM){r->kat->mech, r->iv.data, r->iv.len};
	}
}

/* The key itself: views into *key. */
struct key_values {
	struct bytes value, point, curve, exponent;
};

static void add_values(struct template *t, const struct kat *kat, struct key_values *key)
{
	bool public_key = kat->kind == KAT_VERIFY, rsa = kat->key_type == CKK_RSA;

	*key = (struct key_values){bytes_of(kat->key), bytes_of(kat->point), bytes_of(kat->curve), bytes_of(kat->exponent)};
	template_add(t, !public_key ? CKA_VALUE : rsa ? CKA_MODULUS : CKA_EC_POINT, key->value.data, key->value.len);
	if (kat->exponent)
		template_add(t, CKA_PUBLIC_EXPONENT, key->exponent.data, key->exponent.len);
	if (kat->curve)
		template_add(t, CKA_EC_PARAMS, key->curve.data, key->curve.len);
	if (kat->point)
		template_add(t, CKA_EC_POINT, key->point.data, key->point.len);
}

static void add_uses(struct template *t, enum kat_kind kind)
{
	if (kind == KAT_CIPHER)
		template_flag(t, CKA_ENCRYPT, true);
	if (kind == KAT_CIPHER || kind == KAT_DECRYPT)
		template_flag(t, CKA_DECRYPT, true);
	if (kind == KAT_MAC)
		template_flag(t, CKA_SIGN, true);
	if (kind == KAT_MAC || kind == KAT_VERIFY)
		template_flag(t, CKA_VERIFY, true);
}

/* A public session object, so that no login is needed; the values are public anyway. */
static CK_RV make_key(struct run *r)
{
	enum kat_kind kind = r->kat->kind;
	CK_OBJECT_CLASS class = kind == KAT_VERIFY ? CKO_PUBLIC_KEY : kind == KAT_DECRYPT ? CKO_PRIVATE_KEY : CKO_SECRET_KEY;
	struct key_values key;
	struct template t = {0};

	if (kind == KAT_DIGEST)
		return CKR_OK;
	template_add(&t, CKA_CLASS, &class, sizeof class);
	template_add(&t, CKA_KEY_TYPE, &r->kat->key_type, sizeof r->kat->key_type);
	template_flag(&t, CKA_TOKEN, false);
	template_flag(&t, CKA_PRIVATE, false);
	add_values(&t, r->kat, &key);
	if (class != CKO_PUBLIC_KEY) {
		template_flag(&t, CKA_SENSITIVE, false);
		template_flag(&t, CKA_EXTRACTABLE, true);
	}
	add_uses(&t, kind);
	return r->s->f->C_CreateObject(r->s->handle, t.attrs, t.n, &r->key);
}

static bool same(const struct bytes *want, const unsigned char *got, CK_ULONG len)
{
	return len == want->len && !memcmp(want->data, got, len);
}

static CK_RV verify(struct run *r, struct bytes *sig)
{
	CK_RV rv = r->s->f->C_VerifyInit(r->s->handle, &r->mech, r->key);

	return rv == CKR_OK ? r->s->f->C_Verify(r->s->handle, r->in.data, r->in.len, sig->data, sig->len) : rv;
}

static CK_RV decrypt(struct run *r, struct bytes *cipher, unsigned char *out, CK_ULONG *len)
{
	CK_RV rv = r->s->f->C_DecryptInit(r->s->handle, &r->mech, r->key);

	return rv == CKR_OK ? r->s->f->C_Decrypt(r->s->handle, cipher->data, cipher->len, out, len) : rv;
}

/* *good: the answer is right. */
static CK_RV answer(struct run *r, bool *good)
{
	CK_FUNCTION_LIST *f = r->s->f;
	CK_SESSION_HANDLE h = r->s->handle;
	unsigned char out[BYTES_MAX];
	CK_ULONG len = sizeof out;
	CK_RV rv = CKR_OK;

	switch (r->kat->kind) {
	case KAT_DIGEST:
		rv = f->C_DigestInit(h, &r->mech);
		if (rv == CKR_OK)
			rv = f->C_Digest(h, r->in.data, r->in.len, out, &len);
		*good = rv == CKR_OK && same(&r->out, out, len);
		return rv;
	case KAT_MAC:
		rv = f->C_SignInit(h, &r->mech, r->key);
		if (rv == CKR_OK)
			rv = f->C_Sign(h, r->in.data, r->in.len, out, &len);
		*good = rv == CKR_OK && same(&r->out, out, len);
		break;
	case KAT_CIPHER:
		rv = f->C_EncryptInit(h, &r->mech, r->key);
		if (rv == CKR_OK)
			rv = f->C_Encrypt(h, r->in.data, r->in.len, out, &len);
		*good = rv == CKR_OK && same(&r->out, out, len);
		len = sizeof out;
		if (*good)
			rv = decrypt(r, &r->out, out, &len);
		*good = *good && rv == CKR_OK && same(&r->in, out, len);
		return rv;
	case KAT_VERIFY:
		break;
	case KAT_DECRYPT:
		rv = decrypt(r, &r->out, out, &len);
		*good = rv == CKR_OK && same(&r->in, out, len);
		len = sizeof out;
		r->out.data[r->out.len - 1] ^= 1;
		*good = *good && decrypt(r, &r->out, out, &len) != CKR_OK;
		return rv;
	}
	/* Signatures and MACs: the right one holds, another does not. */
	if (rv == CKR_OK)
		rv = verify(r, &r->out);
	*good = rv == CKR_OK && (r->kat->kind == KAT_VERIFY || *good);
	r->out.data[0] ^= 1;
	*good = *good && verify(r, &r->out) == CKR_SIGNATURE_INVALID;
	return rv;
}

enum outcome { GOOD, BAD, NOT_OFFERED, NO_KEY };

/* Devices whose private keys are made in them, and nowhere else, take none in: that is no wrong answer. */
static bool is_refusal(CK_RV rv)
{
	return rv == CKR_MECHANISM_INVALID || rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ACTION_PROHIBITED;
}

static enum outcome run(const struct session *s, const struct kat *kat)
{
	static const CK_FLAGS use[] = {CKF_DIGEST, CKF_SIGN, CKF_ENCRYPT, CKF_VERIFY, CKF_DECRYPT};
	struct run r = {.s = s,
	                .kat = kat,
	                .iv = bytes_of(kat->iv),
	                .aad = bytes_of(kat->aad),
	                .in = bytes_of(kat->in),
	                .out = bytes_of(kat->out)};
	bool good = false;

	if (!module_offers(&s->module, s->slot.id, kat->mech, use[kat->kind]))
		return NOT_OFFERED;
	parameter(&r);
	CK_RV rv = make_key(&r);
	if (is_refusal(rv))
		return NO_KEY;
	if (rv == CKR_OK)
		rv = answer(&r, &good);
	if (rv != CKR_OK)
		fail_rv(rv, "%s", kat->name);
	if (r.key)
		s->f->C_DestroyObject(s->handle, r.key);
	return good ? GOOD : BAD;
}

static enum status verdict(unsigned good, unsigned bad)
{
	if (bad)
		return fail(ST_INTEGRITY, "Do not use this module.", "%u of %u known answers are wrong", bad, good + bad);
	return good ? ST_OK
	            : fail(ST_UNAVAILABLE, "hufu mech list shows what the token offers.",
	                   "the token offers nothing that could be tested");
}

static enum status test(const struct args *args, const struct session *s)
{
	static const char *const words[] = {"good", "WRONG", "not offered", "takes no key"};
	static const char *const titles[] = {"RESULT", "KNOWN ANSWER", NULL};
	unsigned count[4] = {0};
	json_t *list = json_array();
	struct table table;
	enum status status = ST_OK;

	table_init(&table, titles);
	for (const struct kat *kat = kats; kat->name; kat++) {
		enum outcome outcome = run(s, kat);
		count[outcome]++;
		/* What others' modules have need not be missed in hufu's, nor the reverse. */
		if (outcome == NOT_OFFERED)
			continue;
		table_row(&table, (const char *const[]){words[outcome], kat->name});
		json_array_append_new(list, json_pack("{s:s,s:o}", "name", kat->name, "good",
		                                      outcome == NO_KEY ? json_null() : json_boolean(outcome == GOOD)));
	}
	if (args->json)
		status = out_json(json_pack("{s:s,s:s,s:b,s:O}", "schema", "hufu-selftest/1", "token", s->label, "good",
		                            count[GOOD] && !count[BAD], "tests", list));
	else if (count[GOOD] + count[BAD])
		status = table_print(&table, stdout, "");
	json_decref(list);
	table_clear(&table);
	return status ? status : verdict(count[GOOD], count[BAD]);
}

enum status cmd_selftest(const struct args *args)
{
	struct session s;
	enum status status = session_open(args, arg_target(args, 0), SELECT_TOKEN, false, LOGIN_WISH, &s);

	if (status == ST_OK)
		status = test(args, &s);
	session_close(&s);
	return status;
}
