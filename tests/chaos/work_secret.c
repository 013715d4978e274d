/* SPDX-License-Identifier: Apache-2.0 */
/* Operations with secret keys and none, whole and in parts, checked by the oracle. */
#include "chaos.h"

#define TEXT_MAX 5000

struct text {
	uint8_t in[TEXT_MAX], out[TEXT_MAX + 64], want[TEXT_MAX + 64];
	CK_ULONG len, out_len;
};

static void draw_text(struct worker *w, struct text *text, size_t multiple)
{
	text->len = multiple * (1 + chance_below(&w->chance, TEXT_MAX / multiple));
	text->out_len = sizeof(text->out);
	chance_fill(&w->chance, text->in, text->len);
}

/* A part at a time; out_len says what came out of all. */
static CK_RV encrypt_parts(struct worker *w, struct text *text)
{
	CK_ULONG done = 0, out = 0;
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && done < text->len) {
		CK_ULONG part = 1 + chance_below(&w->chance, text->len - done), n = sizeof(text->out) - out;

		rv = p11->C_EncryptUpdate(w->session, text->in + done, part, text->out + out, &n);
		done += part;
		out += n;
	}
	text->out_len = sizeof(text->out) - out;
	if (rv == CKR_OK)
		rv = p11->C_EncryptFinal(w->session, text->out + out, &text->out_len);
	text->out_len += out;
	return rv;
}

static bool encrypt(struct worker *w, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct text *text)
{
	TRY(p11->C_EncryptInit(w->session, mechanism, key));
	if (chance_below(&w->chance, 2))
		TRY(p11->C_Encrypt(w->session, text->in, text->len, text->out, &text->out_len));
	else
		TRY(encrypt_parts(w, text));
	return true;
}

static bool decrypt_back(struct worker *w, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct text *text)
{
	CK_ULONG n = sizeof(text->out);

	TRY(p11->C_DecryptInit(w->session, mechanism, key));
	TRY(p11->C_Decrypt(w->session, text->want, text->out_len, text->out, &n));
	HOLDS(n == text->len && memcmp(text->out, text->in, n) == 0);
	return true;
}

static bool by_iv(struct worker *w, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, const char *name, const uint8_t *clear)
{
	struct text text;
	uint8_t iv[16];
	CK_MECHANISM mechanism = {type, iv, sizeof(iv)};

	draw_text(w, &text, 16);
	chance_fill(&w->chance, iv, sizeof(iv));
	oracle_cipher(name, clear, iv, text.in, text.len, text.want);
	if (!encrypt(w, &mechanism, key, &text))
		return false;
	HOLDS(text.out_len == text.len && memcmp(text.out, text.want, text.len) == 0);
	return decrypt_back(w, &mechanism, key, &text);
}

bool work_sm4_cbc(struct worker *w)
{
	return by_iv(w, CKM_HUFU_SM4_CBC, shared.sm4, "SM4-CBC", shared.sm4_key);
}

bool work_aes_cbc(struct worker *w)
{
	return by_iv(w, CKM_AES_CBC, shared.aes, "AES-128-CBC", shared.aes_key);
}

bool work_sm4_ctr(struct worker *w)
{
	struct text text;
	CK_AES_CTR_PARAMS params = {.ulCounterBits = 128};
	CK_MECHANISM mechanism = {CKM_HUFU_SM4_CTR, &params, sizeof(params)};

	draw_text(w, &text, 1);
	chance_fill(&w->chance, params.cb, 8);
	oracle_cipher("SM4-CTR", shared.sm4_key, params.cb, text.in, text.len, text.want);
	if (!encrypt(w, &mechanism, shared.sm4, &text))
		return false;
	HOLDS(text.out_len == text.len && memcmp(text.out, text.want, text.len) == 0);
	return decrypt_back(w, &mechanism, shared.sm4, &text);
}

typedef bool gcm_fn(const uint8_t key[16], const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
                    uint8_t *out);

static bool by_gcm(struct worker *w, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, gcm_fn *oracle, const uint8_t *clear)
{
	struct text text;
	uint8_t iv[12], aad[20];
	CK_GCM_PARAMS params = {.pIv = iv, .ulIvLen = sizeof(iv), .ulIvBits = 96, .pAAD = aad, .ulAADLen = sizeof(aad), .ulTagBits = 128};
	CK_MECHANISM mechanism = {type, &params, sizeof(params)};

	draw_text(w, &text, 1);
	chance_fill(&w->chance, iv, sizeof(iv));
	chance_fill(&w->chance, aad, sizeof(aad));
	if (!oracle(clear, iv, aad, sizeof(aad), text.in, text.len, text.want))
		return true;
	if (!encrypt(w, &mechanism, key, &text))
		return false;
	HOLDS(text.out_len == text.len + 16 && memcmp(text.out, text.want, text.out_len) == 0);
	return decrypt_back(w, &mechanism, key, &text);
}

bool work_sm4_gcm(struct worker *w)
{
	return by_gcm(w, CKM_HUFU_SM4_GCM, shared.sm4, oracle_gcm_sm4, shared.sm4_key);
}

bool work_aes_gcm(struct worker *w)
{
	return by_gcm(w, CKM_AES_GCM, shared.aes, oracle_gcm_aes, shared.aes_key);
}

bool work_sm3(struct worker *w)
{
	CK_MECHANISM mechanism = {CKM_HUFU_SM3, NULL, 0};
	struct text text;

	draw_text(w, &text, 1);
	oracle_digest("SM3", text.in, text.len, text.want);
	TRY(p11->C_DigestInit(w->session, &mechanism));
	CK_ULONG cut = chance_below(&w->chance, text.len);
	TRY(p11->C_DigestUpdate(w->session, text.in, cut));
	TRY(p11->C_DigestUpdate(w->session, text.in + cut, text.len - cut));
	TRY(p11->C_DigestFinal(w->session, text.out, &text.out_len));
	HOLDS(text.out_len == 32 && memcmp(text.out, text.want, 32) == 0);
	return true;
}

bool work_hmac(struct worker *w)
{
	CK_MECHANISM mechanism = {CKM_HUFU_SM3_HMAC, NULL, 0};
	struct text text;

	draw_text(w, &text, 1);
	oracle_hmac_sm3(shared.hmac_key, sizeof(shared.hmac_key), text.in, text.len, text.want);
	TRY(p11->C_SignInit(w->session, &mechanism, shared.hmac));
	for (CK_ULONG done = 0, part; done < text.len; done += part) {
		part = 1 + chance_below(&w->chance, text.len - done);
		TRY(p11->C_SignUpdate(w->session, text.in + done, part));
	}
	TRY(p11->C_SignFinal(w->session, text.out, &text.out_len));
	HOLDS(text.out_len == 32 && memcmp(text.out, text.want, 32) == 0);
	TRY(p11->C_VerifyInit(w->session, &mechanism, shared.hmac));
	TRY(p11->C_Verify(w->session, text.in, text.len, text.out, 32));
	return true;
}

/* No answer is checkable, but none may be empty or come twice. */
bool work_random(struct worker *w)
{
	uint8_t one[40] = {0}, two[40] = {0}, none[40] = {0};

	TRY(p11->C_GenerateRandom(w->session, one, sizeof(one)));
	TRY(p11->C_GenerateRandom(w->session, two, sizeof(two)));
	HOLDS(memcmp(one, none, sizeof(one)) != 0 && memcmp(one, two, sizeof(one)) != 0);
	return true;
}
