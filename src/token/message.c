/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message-based encryption and signatures (PKCS#11 3.1 5.9, 5.11, 5.14, 5.16).
 * An error ends the message, not the process that Init began.
 */
#include "base/secret.h"
#include "rand/rand.h"
#include "token/operation_impl.h"
#include "token/rv.h"

#include <string.h>

/* The parameter comes with each message; what stands in the mechanism is looked at no further. */
static CK_RV parse_init(const CK_MECHANISM *m, struct param *param)
{
	const struct mech *mech = mech_find(m->mechanism);
	size_t size = mech && mech->parse == param_ccm ? sizeof(CK_CCM_MESSAGE_PARAMS) : sizeof(CK_GCM_MESSAGE_PARAMS);
	if (m->ulParameterLen == size && m->pParameter)
		return CKR_OK;
	return param_none(m, param);
}

CK_RV message_init(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct operation *op;
	bool crypt = kind == OP_MESSAGE_ENCRYPT || kind == OP_MESSAGE_DECRYPT;
	if (!m)
		return operation_cancel(s, kind);
	return operation_begin(s, kind, m, key, crypt ? parse_init : NULL, &op);
}

CK_RV message_final(struct session *s, enum op_kind kind)
{
	struct operation *op = s->ops[kind];
	if (!operation_active(op))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->in_message)
		return CKR_OPERATION_ACTIVE;
	operation_end(op);
	return CKR_OK;
}

/* in_message: begun, to go on; else a message of its own. */
static CK_RV current(struct session *s, enum op_kind kind, bool in_message, struct operation **op)
{
	CK_RV rv = operation_current(s, kind, op);
	if (rv == CKR_OK && (*op)->in_message != in_message)
		rv = in_message ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE;
	return rv;
}

/* -- encryption: parameters and IVs ------------------------------------------------------------- */

#define IV_MAX 16 /* of one made here */
/* Fewer random bits would meet again too soon (SP 800-38D 8.2.2 counts the chances). */
#define RANDOM_NBITS_MIN 64

/* CK_GCM_MESSAGE_PARAMS or CK_CCM_MESSAGE_PARAMS. */
struct message {
	CK_ULONG data_len;           /* CCM */
	CK_BYTE *iv;
	CK_ULONG iv_len, fixed_nbits;
	CK_GENERATOR_FUNCTION generator;
	CK_BYTE *tag;
	CK_ULONG tag_nbits;
};

static struct message of_gcm(const CK_GCM_MESSAGE_PARAMS *p)
{
	return (struct message){.iv = p->pIv, .iv_len = p->ulIvLen, .fixed_nbits = p->ulIvFixedBits, .generator = p->ivGenerator,
	                        .tag = p->pTag, .tag_nbits = p->ulTagBits};
}

static struct message of_ccm(const CK_CCM_MESSAGE_PARAMS *p)
{
	return (struct message){.data_len = p->ulDataLen, .iv = p->pNonce, .iv_len = p->ulNonceLen,
	                        .fixed_nbits = p->ulNonceFixedBits, .generator = p->nonceGenerator, .tag = p->pMAC,
	                        .tag_nbits = p->ulMACLen <= 16 ? 8 * p->ulMACLen : 0};
}

static CK_RV take_params(const struct operation *op, void *param, CK_ULONG param_len, struct message *message)
{
	union {
		CK_GCM_MESSAGE_PARAMS gcm;
		CK_CCM_MESSAGE_PARAMS ccm;
	} p;
	bool ccm = operation_is_ccm(op);
	if (!param || param_len != (ccm ? sizeof p.ccm : sizeof p.gcm))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&p, param, param_len);
	*message = ccm ? of_ccm(&p.ccm) : of_gcm(&p.gcm);
	return message->tag && message->iv ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* The caller's first nbits bits over ours. */
static void keep_fixed(uint8_t *iv, const uint8_t *theirs, size_t len, CK_ULONG nbits)
{
	for (size_t i = 0; i < len; i++) {
		CK_ULONG here = nbits <= 8 * i ? 0 : nbits - 8 * i;
		uint8_t mask = (uint8_t)(here >= 8 ? 0xff : 0xff00 >> here);
		iv[i] = (uint8_t)((theirs[i] & mask) | (iv[i] & ~mask));
	}
}

static void put_counter(uint8_t *iv, size_t len, uint64_t counter)
{
	for (size_t i = len; i > 0; i--) {
		iv[i - 1] = (uint8_t)counter;
		counter >>= 8;
	}
}

static CK_RV random_iv(uint8_t *iv, const struct message *m, CK_ULONG free_nbits)
{
	if (free_nbits < RANDOM_NBITS_MIN)
		return CKR_MECHANISM_PARAM_INVALID;
	CK_RV rv = rv_of(rand_bytes(iv, m->iv_len));
	if (rv == CKR_OK)
		keep_fixed(iv, m->iv, m->iv_len, m->fixed_nbits);
	return rv;
}

/* 0, 1, ... in the bits that are not fixed. None comes twice in one process of messages. */
static CK_RV counted_iv(struct operation *op, uint8_t *iv, const struct message *m, CK_ULONG free_nbits, bool over_base)
{
	if (free_nbits < 64 && op->messages >> free_nbits)
		return CKR_TOKEN_RESOURCE_EXCEEDED;
	put_counter(iv, m->iv_len, op->messages);
	if (op->messages == 0)
		memcpy(op->base_iv, m->iv, m->iv_len);
	for (size_t i = 0; over_base && i < m->iv_len; i++)
		iv[i] ^= op->base_iv[i];
	keep_fixed(iv, over_base ? op->base_iv : m->iv, m->iv_len, m->fixed_nbits);
	op->messages++;
	return CKR_OK;
}

/* PKCS#11 3.1 6.13.2.3, 6.13.3.3: the first bits that are fixed stay, the generator makes the rest, pIv takes the result. */
static CK_RV make_iv(struct operation *op, const struct message *m)
{
	uint8_t iv[IV_MAX];
	CK_RV rv = CKR_MECHANISM_PARAM_INVALID;
	if (m->generator == CKG_NO_GENERATE)
		return CKR_OK;
	if (m->iv_len < 1 || m->iv_len > IV_MAX || m->fixed_nbits > 8 * m->iv_len)
		return rv;
	CK_ULONG free_nbits = 8 * m->iv_len - m->fixed_nbits;
	if (m->generator == CKG_GENERATE || m->generator == CKG_GENERATE_RANDOM)
		rv = random_iv(iv, m, free_nbits);
	else if (m->generator == CKG_GENERATE_COUNTER || m->generator == CKG_GENERATE_COUNTER_XOR)
		rv = counted_iv(op, iv, m, free_nbits, m->generator == CKG_GENERATE_COUNTER_XOR);
	if (rv == CKR_OK)
		memcpy(m->iv, iv, m->iv_len);
	return rv;
}

static CK_RV begin_crypt(struct operation *op, const struct message *m, const CK_BYTE *aad, CK_ULONG aad_len)
{
	CK_RV rv = operation_decrypts(op) ? CKR_OK : make_iv(op, m);
	if (rv != CKR_OK)
		return rv;
	if (operation_is_ccm(op))
		return param_set_ccm(&op->param, m->data_len, m->iv, m->iv_len, aad, aad_len, m->tag_nbits / 8);
	return param_set_gcm(&op->param, m->iv, m->iv_len, aad, aad_len, m->tag_nbits);
}

/* The message is over, well or not. */
static CK_RV end_crypt(struct operation *op, CK_RV rv)
{
	param_clear(&op->param);
	writer_clear(&op->held);
	secret_free(op->room);
	op->room = NULL;
	op->have_state = false;
	op->in_message = false;
	operation_used(op);
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_AEAD_DECRYPT_FAILED : rv;
}

/* -- encryption: messages ------------------------------------------------------------------------ */

static CK_RV part(struct operation *op, bool last, const uint8_t *in, size_t len, uint8_t *out, size_t out_len)
{
	return operation_part(op, operation_crypt_verb(op), last,
	                      &(struct part){.in = in, .len = len, .out = out, .out_len = out_len});
}

/* CCM needs all at once; so does GCM where no device takes parts. */
static bool keeps_all(const struct operation *op)
{
	return operation_decrypts(op) || operation_is_ccm(op) || !operation_in_parts(op, HUFU_VERB_ENCRYPT);
}

static CK_RV check_text_len(const struct operation *op, size_t len)
{
	return operation_is_ccm(op) && len != op->param.data_len ? operation_bad_len(op) : CKR_OK;
}

/* Devices give the tag behind the ciphertext: it is put apart here. */
static CK_RV encrypt_at_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	size_t tag_len = operation_tag_len(op);
	uint8_t *all = operation_room(op, len + tag_len);
	CK_RV rv = check_text_len(op, len);
	if (!all)
		return CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = part(op, true, in, len, all, len + tag_len);
	if (rv != CKR_OK)
		return rv;
	if (len)
		memcpy(out, all, len);
	memcpy(tag, all + len, tag_len);
	return CKR_OK;
}

/* A long message comes in two parts where that spares a copy of it. */
static CK_RV encrypt_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag)
{
	size_t tag_len = operation_tag_len(op);
	if (len <= OP_SCRATCH - tag_len || keeps_all(op))
		return encrypt_at_once(op, in, len, out, tag);
	CK_RV rv = part(op, false, in, len, out, len);
	return rv == CKR_OK ? part(op, true, NULL, 0, tag, tag_len) : rv;
}

static CK_RV decrypt_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, const uint8_t *tag)
{
	size_t tag_len = operation_tag_len(op);
	uint8_t *all = operation_room(op, len + tag_len);
	CK_RV rv = check_text_len(op, len);
	if (!all)
		return CKR_HOST_MEMORY;
	if (rv != CKR_OK)
		return rv;
	if (len)
		memcpy(all, in, len);
	memcpy(all + len, tag, tag_len);
	return part(op, true, all, len + tag_len, out, len);
}

CK_RV message_crypt(struct session *s, enum op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *aad, CK_ULONG aad_len,
                    const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct message m;
	struct operation *op;
	size_t n = len;
	CK_RV rv = current(s, kind, false, &op);
	if (rv == CKR_OK)
		rv = take_params(op, param, param_len, &m);
	if (rv == CKR_OK && out)
		rv = operation_fits(len, *out_len, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = n;
	if (rv != CKR_OK || !out)
		return rv;
	rv = begin_crypt(op, &m, aad, aad_len);
	if (rv == CKR_OK && operation_decrypts(op))
		rv = decrypt_whole(op, in, len, out, m.tag);
	else if (rv == CKR_OK)
		rv = encrypt_whole(op, in, len, out, m.tag);
	return end_crypt(op, rv);
}

CK_RV message_crypt_begin(struct session *s, enum op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *aad,
                          CK_ULONG aad_len)
{
	struct message m;
	struct operation *op;
	CK_RV rv = current(s, kind, false, &op);
	if (rv == CKR_OK)
		rv = take_params(op, param, param_len, &m);
	if (rv != CKR_OK)
		return rv;
	rv = begin_crypt(op, &m, aad, aad_len);
	if (rv != CKR_OK)
		return end_crypt(op, rv);
	op->in_message = true;
	return CKR_OK;
}

/* tag NULL: more follows. */
static CK_RV encrypt_next(struct operation *op, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_BYTE *tag)
{
	CK_RV rv = len ? part(op, false, in, len, out, len) : CKR_OK;
	return rv == CKR_OK && tag ? part(op, true, NULL, 0, tag, operation_tag_len(op)) : rv;
}

/* All is kept until the tag comes, or can be made. */
static CK_RV keep_next(struct operation *op, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_BYTE *tag)
{
	size_t most = operation_decrypts(op) || operation_is_ccm(op) ? OP_AEAD_MAX : OP_REPLAY_MAX;
	if (len > most - op->held.len)
		return CKR_DATA_LEN_RANGE;
	CK_RV rv = operation_keep(op, in, len, most);
	size_t text_len = op->held.len;
	if (rv != CKR_OK || !tag)
		return rv;
	if (!operation_decrypts(op))
		return encrypt_at_once(op, op->held.data, text_len, out, tag);
	rv = check_text_len(op, text_len);
	if (rv == CKR_OK)
		rv = operation_keep(op, tag, operation_tag_len(op), most + operation_tag_len(op));
	return rv == CKR_OK ? part(op, true, op->held.data, op->held.len, out, text_len) : rv;
}

/* Encryption in parts gives each as it comes; what is kept comes with the last. */
CK_RV message_crypt_next(struct session *s, enum op_kind kind, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len,
                         CK_BYTE *out, CK_ULONG *out_len, CK_FLAGS flags)
{
	struct message m = {0};
	struct operation *op;
	bool last = flags & CKF_END_OF_MESSAGE;
	CK_RV rv = current(s, kind, true, &op);
	if (rv == CKR_OK && last)
		rv = take_params(op, param, param_len, &m);
	if (rv == CKR_OK && last && m.tag_nbits != 8 * operation_tag_len(op))
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv != CKR_OK)
		return rv;
	bool keeps = keeps_all(op);
	size_t need = !keeps ? len : last ? op->held.len + len : 0;
	if (!out && need) {
		*out_len = need;
		return CKR_OK;
	}
	rv = operation_fits(need, *out_len, &need);
	*out_len = need;
	if (rv != CKR_OK)
		return rv;
	rv = keeps ? keep_next(op, in, len, out, m.tag) : encrypt_next(op, in, len, out, m.tag);
	return rv != CKR_OK || last ? end_crypt(op, rv) : CKR_OK;
}

/* -- signatures: the identifier came with Init, a message brings no parameter ----------------------- */

static CK_RV begin_sign(struct session *s, enum op_kind kind, CK_ULONG param_len, struct operation **op)
{
	CK_RV rv = current(s, kind, false, op);
	if (rv == CKR_OK && param_len)
		rv = CKR_MECHANISM_PARAM_INVALID;
	return rv == CKR_OK ? sign_restart(*op) : rv;
}

static CK_RV end_sign(struct operation *op, CK_RV rv)
{
	op->in_message = false;
	operation_used(op);
	return rv;
}

/* The last part of a message and its signature; asking for the length, or too little room for it, leaves all as it was. */
static CK_RV finish_sign(struct operation *op, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
	size_t n = sign_len(op);
	CK_RV rv = sig ? operation_fits(n, *sig_len, &n) : CKR_OK;
	if (!sig || rv != CKR_OK) {
		*sig_len = n;
		return rv;
	}
	rv = sign_make(op, in, len, sig, &n);
	if (rv == CKR_OK)
		*sig_len = n;
	return end_sign(op, rv);
}

CK_RV message_sign(struct session *s, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig,
                   CK_ULONG *sig_len)
{
	(void)param;
	struct operation *op;
	CK_RV rv = begin_sign(s, OP_MESSAGE_SIGN, param_len, &op);
	return rv == CKR_OK ? finish_sign(op, in, len, sig, sig_len) : rv;
}

CK_RV message_sign_begin(struct session *s, void *param, CK_ULONG param_len)
{
	(void)param;
	struct operation *op;
	CK_RV rv = begin_sign(s, OP_MESSAGE_SIGN, param_len, &op);
	if (rv == CKR_OK)
		op->in_message = true;
	return rv;
}

CK_RV message_sign_next(struct session *s, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig,
                        CK_ULONG *sig_len)
{
	(void)param;
	struct operation *op;
	CK_RV rv = current(s, OP_MESSAGE_SIGN, true, &op);
	if (rv == CKR_OK && param_len)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv != CKR_OK)
		return rv;
	if (sig_len)
		return finish_sign(op, in, len, sig, sig_len);
	rv = sign_absorb(op, in, len);
	return rv == CKR_OK ? rv : end_sign(op, rv);
}

static CK_RV finish_verify(struct operation *op, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len)
{
	return end_sign(op, sign_check(op, in, len, sig, sig_len));
}

CK_RV message_verify(struct session *s, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig,
                     CK_ULONG sig_len)
{
	(void)param;
	struct operation *op;
	CK_RV rv = begin_sign(s, OP_MESSAGE_VERIFY, param_len, &op);
	return rv == CKR_OK ? finish_verify(op, in, len, sig, sig_len) : rv;
}

CK_RV message_verify_begin(struct session *s, void *param, CK_ULONG param_len)
{
	(void)param;
	struct operation *op;
	CK_RV rv = begin_sign(s, OP_MESSAGE_VERIFY, param_len, &op);
	if (rv == CKR_OK)
		op->in_message = true;
	return rv;
}

CK_RV message_verify_next(struct session *s, void *param, CK_ULONG param_len, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig,
                          CK_ULONG sig_len)
{
	(void)param;
	struct operation *op;
	CK_RV rv = current(s, OP_MESSAGE_VERIFY, true, &op);
	if (rv == CKR_OK && param_len)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv != CKR_OK)
		return rv;
	if (sig)
		return finish_verify(op, in, len, sig, sig_len);
	rv = sign_absorb(op, in, len);
	return rv == CKR_OK ? rv : end_sign(op, rv);
}
