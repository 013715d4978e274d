/* SPDX-License-Identifier: Apache-2.0 */
/* The card's structs, ids and codes, and the standard's. */
#include <string.h>

#include "card.h"

/* -- structs ------------------------------------------------------------------------------ */

static void field_out(unsigned char to[CARD_FIELD], const unsigned char from[ECCref_MAX_LEN])
{
	memcpy(to, from + ECCref_MAX_LEN - CARD_FIELD, CARD_FIELD);
}

static void field_in(unsigned char to[ECCref_MAX_LEN], const unsigned char from[CARD_FIELD])
{
	memset(to, 0, ECCref_MAX_LEN);
	memcpy(to + ECCref_MAX_LEN - CARD_FIELD, from, CARD_FIELD);
}

void card_point_out(struct card_point *to, const ECCrefPublicKey *from)
{
	to->bits = from->bits;
	field_out(to->x, from->x);
	field_out(to->y, from->y);
}

void card_point_in(ECCrefPublicKey *to, const struct card_point *from)
{
	to->bits = from->bits;
	field_in(to->x, from->x);
	field_in(to->y, from->y);
}

void card_signature_out(struct card_signature *to, const ECCSignature *from)
{
	field_out(to->r, from->r);
	field_out(to->s, from->s);
}

void card_signature_in(ECCSignature *to, const struct card_signature *from)
{
	field_in(to->r, from->r);
	field_in(to->s, from->s);
}

void card_cipher_out(struct card_cipher *to, const union standard_cipher *from)
{
	field_out(to->x, from->cipher.x);
	field_out(to->y, from->cipher.y);
	memcpy(to->c3, from->cipher.M, sizeof(to->c3));
	to->len = from->cipher.L;
	memcpy((unsigned char *)to + offsetof(struct card_cipher, c2), from->room + offsetof(ECCCipher, C), from->cipher.L);
}

bool card_cipher_in(union standard_cipher *to, const struct card_cipher *from)
{
	if (from->len > CARD_CIPHER_MAX)
		return false;
	field_in(to->cipher.x, from->x);
	field_in(to->cipher.y, from->y);
	memcpy(to->cipher.M, from->c3, sizeof(from->c3));
	to->cipher.L = from->len;
	memcpy(to->room + offsetof(ECCCipher, C), (const unsigned char *)from + offsetof(struct card_cipher, c2), from->len);
	return true;
}

void card_rsa_out(struct card_rsa_public *to, const RSArefPublicKey *from)
{
	memset(to, 0, sizeof(*to));
	to->bits = from->bits;
	memcpy(to->m + CARD_RSA_FIELD - RSAref_MAX_LEN, from->m, RSAref_MAX_LEN);
	memcpy(to->e + CARD_RSA_FIELD - RSAref_MAX_LEN, from->e, RSAref_MAX_LEN);
}

/* -- ids ----------------------------------------------------------------------------------- */

struct id {
	unsigned int card, standard;
};

#if defined(CARD_NARROW)
/* SM4 under another name, since AES came first there; no ids of their own for some of the rest. */
static const struct id ids[] = {
	{0x2001, SGD_SM4_ECB}, {0x2002, SGD_SM4_CBC}, {0x2004, SGD_SM4_CFB}, {0x2008, SGD_SM4_OFB}, {0x2010, SGD_SM4_MAC},
	{0x2020, SGD_SM4_CTR},
	{0x20100, SGD_SM2_1}, {0x20200, SGD_SM2_2}, {0x20400, SGD_SM2_3}, {0x1, SGD_SM3},
};
#elif defined(CARD_2012)
static const struct id ids[] = {
	{SGD_SM4_ECB, SGD_SM4_ECB}, {SGD_SM4_CBC, SGD_SM4_CBC}, {SGD_SM4_CFB, SGD_SM4_CFB}, {SGD_SM4_OFB, SGD_SM4_OFB},
	{SGD_SM4_MAC, SGD_SM4_MAC}, {SGD_SM2, SGD_SM2}, {SGD_SM2_1, SGD_SM2_1}, {SGD_SM2_2, SGD_SM2_2}, {SGD_SM2_3, SGD_SM2_3},
	{SGD_SM3, SGD_SM3}, {SGD_SHA1, SGD_SHA1}, {SGD_SHA256, SGD_SHA256},
};
#endif

unsigned int card_alg(unsigned int id)
{
#ifdef CARD_2023
	return id;
#else
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i].card == id)
			return ids[i].standard;
	return 0;
#endif
}

/* -- codes ---------------------------------------------------------------------------------- */

#ifdef CARD_NARROW
/* What the vendor numbers in its own way; the rest is the standard's. */
static const struct id codes[] = {
	{0x01020007, SDR_PARDENY}, {0x01020008, SDR_KEYNOTEXIST}, {0x01020009, SDR_ALGNOTSUPPORT}, {0x01020002, SDR_NOTSUPPORT},
};
static const int fault_codes[] = {
	[HUFU_GROUP_CALLER] = SDR_INARGERR, [HUFU_GROUP_UNSUPPORTED] = 0x01020002, [HUFU_GROUP_NO_KEY] = 0x01020008,
	[HUFU_GROUP_DENIED] = SDR_PRKRERR, [HUFU_GROUP_EXPIRED] = 0x01010106, [HUFU_GROUP_BUSY] = 0x01010200,
	[HUFU_GROUP_GONE] = 0x01010201, [HUFU_GROUP_LOST] = 0x01010105, [HUFU_GROUP_CORRUPT] = 0x01010104,
	[HUFU_GROUP_HOST] = SDR_UNKNOWERR, [HUFU_GROUP_BUG] = SDR_UNKNOWERR,
};
#else
static const struct id codes[] = {{SDR_OK, SDR_OK}};
static const int fault_codes[] = {
	[HUFU_GROUP_CALLER] = SDR_INARGERR, [HUFU_GROUP_UNSUPPORTED] = SDR_NOTSUPPORT, [HUFU_GROUP_NO_KEY] = SDR_KEYNOTEXIST,
	[HUFU_GROUP_DENIED] = SDR_PRKRERR, [HUFU_GROUP_EXPIRED] = SDR_OPENSESSION, [HUFU_GROUP_BUSY] = SDR_NOBUFFER,
	[HUFU_GROUP_GONE] = SDR_OPENDEVICE, [HUFU_GROUP_LOST] = SDR_COMMFAIL, [HUFU_GROUP_CORRUPT] = SDR_HARDFAIL,
	[HUFU_GROUP_HOST] = SDR_UNKNOWERR, [HUFU_GROUP_BUG] = SDR_UNKNOWERR,
};
#endif

int card_code(int standard)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].standard == (unsigned int)standard)
			return (int)codes[i].card;
	return standard;
}

/* An error by its group, unless the script gave a number. */
int card_code_of_fault(enum hufu_err err)
{
	size_t group = (size_t)hufu_err_group(err);

	if (group > 0 && group < sizeof(fault_codes) / sizeof(fault_codes[0]))
		return fault_codes[group];
	return (int)(CARD_CODES + ((unsigned int)err & 0xfff));
}
