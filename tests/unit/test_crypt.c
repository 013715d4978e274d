/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: encryption through the token gives what the standards and libcrypto give, however it is cut, and
 * exact codes for what is wrong.
 */
#include "token_util.h"

#include "pool/internal.h"

#include <openssl/evp.h>
#include <openssl/provider.h>

#define LONGEST 5000

static OSSL_LIB_CTX *ctx;
static uint8_t message[LONGEST], iv[16];

static void fill(void)
{
	ctx = OSSL_LIB_CTX_new();
	rng_fill(message, sizeof message);
	rng_fill(iv, sizeof iv);
	iv[12] = 0; /* CTR with 32 counting bits: far from its end */
}

static void up(void)
{
	fill();
	token_up();
}

static void up_with_two(void)
{
	fill();
	token_up_with_two();
}

/* -- the chained modes, beside libcrypto --------------------------------------------- */

static CK_AES_CTR_PARAMS ctr_param(CK_ULONG nbits)
{
	CK_AES_CTR_PARAMS p = {.ulCounterBits = nbits};
	memcpy(p.cb, iv, 16);
	return p;
}

static const struct mode {
	CK_MECHANISM_TYPE type;
	const char *evp;
	bool pads, blocks;
} modes[] = {
	{CKM_HUFU_SM4_ECB, "SM4-ECB", false, true}, {CKM_HUFU_SM4_CBC, "SM4-CBC", false, true},
	{CKM_HUFU_SM4_CBC_PAD, "SM4-CBC", true, false}, {CKM_HUFU_SM4_CTR, "SM4-CTR", false, false},
	{CKM_HUFU_SM4_CFB128, "SM4-CFB", false, false}, {CKM_HUFU_SM4_OFB, "SM4-OFB", false, false},
};
#define NMODES (sizeof modes / sizeof modes[0])

static CK_MECHANISM mode_mechanism(const struct mode *mode)
{
	static CK_AES_CTR_PARAMS ctr;
	ctr = ctr_param(128);
	if (mode->type == CKM_HUFU_SM4_ECB)
		return mechanism(mode->type, NULL, 0);
	if (mode->type == CKM_HUFU_SM4_CTR)
		return mechanism(mode->type, &ctr, sizeof ctr);
	return mechanism(mode->type, iv, sizeof iv);
}

static size_t reference(const struct mode *mode, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(ctx, mode->evp, NULL);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, more = 0;
	EVP_EncryptInit_ex2(c, cipher, sm4_value, iv, NULL);
	EVP_CIPHER_CTX_set_padding(c, mode->pads);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(c, out, &n, in, (int)len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptFinal_ex(c, out + n, &more), 1);
	EVP_CIPHER_CTX_free(c);
	EVP_CIPHER_free(cipher);
	return (size_t)(n + more);
}

static const size_t lens[] = {0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 64, 100, 1008, 1023, 1024, 1025, 1040, 2048, 4999, 5000};
#define NLENS (sizeof lens / sizeof lens[0])

static void test_modes_at_once(void)
{
	static uint8_t want[LONGEST + 16], got[LONGEST + 16], back[LONGEST + 16];
	for (size_t m = 0; m < NMODES; m++)
		for (size_t i = 0; i < NLENS; i++) {
			size_t len = lens[i];
			if (modes[m].blocks)
				len -= len % 16;
			CK_MECHANISM mech = mode_mechanism(&modes[m]);
			size_t want_len = reference(&modes[m], message, len, want);
			CK_ULONG got_len = want_len, back_len = want_len;
			OK(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, len, got, &got_len));
			CU_ASSERT_FATAL(got_len == want_len && memcmp(got, want, want_len) == 0);
			OK(crypt_at_once(OP_DECRYPT, &mech, sm4_key, want, want_len, back, &back_len));
			CU_ASSERT(back_len == len && memcmp(back, message, len) == 0);
		}
}

static void check_parts(const struct mode *mode, size_t len, const size_t *cuts, size_t ncuts)
{
	static uint8_t want[LONGEST + 16], got[LONGEST + 16];
	CK_MECHANISM mech = mode_mechanism(mode);
	size_t want_len = reference(mode, message, len, want);
	CK_ULONG got_len = sizeof got;
	OK(crypt_in_parts(OP_ENCRYPT, &mech, sm4_key, message, len, cuts, ncuts, got, &got_len));
	CU_ASSERT(got_len == want_len && memcmp(got, want, want_len) == 0);
	got_len = sizeof got;
	OK(crypt_in_parts(OP_DECRYPT, &mech, sm4_key, want, want_len, cuts, ncuts, got, &got_len));
	CU_ASSERT(got_len == len && memcmp(got, message, len) == 0);
}

static void test_modes_every_split(void)
{
	for (size_t m = 0; m < NMODES; m++) {
		size_t len = modes[m].blocks ? 64 : 61;
		for (size_t a = 0; a <= len; a++)
			for (size_t b = a; b <= len; b += 1 + (b - a) / 8)
				check_parts(&modes[m], len, (const size_t[]){a, b}, 2);
	}
}

/* Beyond what fits the operation's own space, at places of no special kind. */
static void test_modes_long_parts(void)
{
	for (size_t m = 0; m < NMODES; m++)
		for (int round = 0; round < 40; round++) {
			size_t len = modes[m].blocks ? 4992 : LONGEST - (size_t)round, cuts[6];
			size_t at = 0;
			for (size_t i = 0; i < 6; i++)
				cuts[i] = at += rng_below((len - at) / (6 - i) + 1);
			check_parts(&modes[m], len, cuts, 6);
		}
}

/* The same bytes for input and output, and output shifted by a few against it. */
static void test_modes_in_place(void)
{
	static uint8_t want[LONGEST + 16], room[LONGEST + 64];
	static const int shifts[] = {0, 1, -1, 16, -16, 7};
	for (size_t m = 0; m < NMODES; m++)
		for (size_t i = 0; i < NLENS; i++)
			for (size_t s = 0; s < sizeof shifts / sizeof shifts[0]; s++) {
				size_t len = lens[i] - (modes[m].blocks ? lens[i] % 16 : 0);
				uint8_t *in = room + 20, *out = in + shifts[s];
				CK_MECHANISM mech = mode_mechanism(&modes[m]);
				size_t want_len = reference(&modes[m], message, len, want);
				CK_ULONG n = want_len;
				memcpy(in, message, len);
				OK(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, in, len, out, &n));
				CU_ASSERT(n == want_len && memcmp(out, want, want_len) == 0);
				memcpy(in, want, want_len);
				n = want_len;
				OK(crypt_at_once(OP_DECRYPT, &mech, sm4_key, in, want_len, out, &n));
				CU_ASSERT(n == len && memcmp(out, message, len) == 0);
			}
}

/* Parts in place: whatever residue shifts the output, no input is lost under it. */
static void test_parts_in_place(void)
{
	static uint8_t want[LONGEST + 16], room[LONGEST + 64];
	for (size_t m = 0; m < NMODES; m++)
		for (size_t first = 1; first < 40; first += 3)
			for (size_t second = 50; second < 3000; second *= 3) {
				size_t total = first + second;
				if (modes[m].blocks)
					second += 16 - total % 16;
				CK_MECHANISM mech = mode_mechanism(&modes[m]);
				size_t want_len = reference(&modes[m], message, first + second, want);
				CK_ULONG a = 64, b = sizeof room, c = 64;
				uint8_t head[64], end[64];
				OK(crypt_init(session, OP_ENCRYPT, &mech, sm4_key));
				OK(crypt_update(session, OP_ENCRYPT, message, first, head, &a));
				memcpy(room, message + first, second);
				OK(crypt_update(session, OP_ENCRYPT, room, second, room, &b));
				OK(crypt_final(session, OP_ENCRYPT, end, &c));
				CU_ASSERT(a + b + c == want_len && memcmp(head, want, a) == 0 && memcmp(room, want + a, b) == 0 &&
				          memcmp(end, want + a + b, c) == 0);
			}
}

/* -- lengths, spaces, codes ---------------------------------------------------------- */

static void test_sizes_keep_the_operation(void)
{
	uint8_t out[64], back[64];
	CK_ULONG n = 0, back_len;
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_CBC_PAD, iv, 16);

	OK(crypt_init(session, OP_ENCRYPT, &mech, sm4_key));
	OK(crypt_once(session, OP_ENCRYPT, message, 20, NULL, &n));
	CU_ASSERT_EQUAL(n, 32);
	n = 31;
	IS(crypt_once(session, OP_ENCRYPT, message, 20, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 32);
	OK(crypt_once(session, OP_ENCRYPT, message, 20, out, &n));
	IS(crypt_once(session, OP_ENCRYPT, message, 20, out, &n), CKR_OPERATION_NOT_INITIALIZED);

	/* What decryption gives may be asked too little for: the exact length is then told. */
	OK(crypt_init(session, OP_DECRYPT, &mech, sm4_key));
	back_len = 0;
	IS(crypt_once(session, OP_DECRYPT, out, 32, back, &back_len), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(back_len, 20);
	OK(crypt_once(session, OP_DECRYPT, out, 32, back, &back_len));
	CU_ASSERT(back_len == 20 && memcmp(back, message, 20) == 0);

	OK(crypt_init(session, OP_DECRYPT, &mech, sm4_key));
	back_len = 15;
	IS(crypt_update(session, OP_DECRYPT, out, 32, back, &back_len), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(back_len, 16);
	OK(crypt_update(session, OP_DECRYPT, out, 32, back, &back_len));
	n = 3;
	IS(crypt_final(session, OP_DECRYPT, back + 16, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 4);
	OK(crypt_final(session, OP_DECRYPT, back + 16, &n));
	CU_ASSERT(n == 4 && memcmp(back, message, 20) == 0);
}

static void test_block_lengths(void)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_HUFU_SM4_ECB, CKM_HUFU_SM4_CBC};
	uint8_t out[64];
	for (size_t i = 0; i < 2; i++) {
		CK_MECHANISM mech = types[i] == CKM_HUFU_SM4_ECB ? mechanism(types[i], NULL, 0) : mechanism(types[i], iv, 16);
		CK_ULONG n = sizeof out;
		IS(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 17, out, &n), CKR_DATA_LEN_RANGE);
		IS(crypt_final(session, OP_ENCRYPT, out, &n), CKR_OPERATION_NOT_INITIALIZED);
		IS(crypt_at_once(OP_DECRYPT, &mech, sm4_key, message, 17, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
		n = sizeof out;
		IS(crypt_in_parts(OP_ENCRYPT, &mech, sm4_key, message, 33, NULL, 0, out, &n), CKR_DATA_LEN_RANGE);
		n = sizeof out;
		IS(crypt_in_parts(OP_DECRYPT, &mech, sm4_key, message, 33, NULL, 0, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	}
}

/* Every wrong last block of a padded text is refused, at once and in parts, and nothing of the last block comes out. */
static void test_padding(void)
{
	uint8_t plain[32], cipher[32], out[64];
	CK_MECHANISM cbc = mechanism(CKM_HUFU_SM4_CBC, iv, 16), pad = mechanism(CKM_HUFU_SM4_CBC_PAD, iv, 16);
	for (unsigned last = 0; last < 256; last++)
		for (unsigned other = 0; other < 2; other++) {
			CK_ULONG n = 32;
			bool good = last >= 1 && last <= 16 && !(other && last > 1);
			memcpy(plain, message, 32);
			memset(plain + 16, 0x5a, 16);
			memset(plain + 32 - (last <= 16 ? last : 16), (int)last, last <= 16 ? last : 16);
			plain[31] = (uint8_t)last;
			if (other && last > 1 && last <= 16)
				plain[32 - last] ^= 0x10;
			OK(crypt_at_once(OP_ENCRYPT, &cbc, sm4_key, plain, 32, cipher, &n));
			n = sizeof out;
			CK_RV want = good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
			IS(crypt_at_once(OP_DECRYPT, &pad, sm4_key, cipher, 32, out, &n), want);
			CU_ASSERT(!good || n == 32 - last);
			n = sizeof out;
			IS(crypt_in_parts(OP_DECRYPT, &pad, sm4_key, cipher, 32, NULL, 0, out, &n), want);
			CU_ASSERT_EQUAL(n, good ? 32 - last : 16);
		}
	CK_ULONG n = sizeof out;
	IS(crypt_at_once(OP_DECRYPT, &pad, sm4_key, cipher, 0, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	IS(crypt_at_once(OP_DECRYPT, &pad, sm4_key, cipher, 31, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	n = sizeof out;
	IS(crypt_in_parts(OP_DECRYPT, &pad, sm4_key, cipher, 31, NULL, 0, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void test_long_padding(void)
{
	static uint8_t cipher[LONGEST + 16], out[LONGEST + 16];
	CK_MECHANISM pad = mechanism(CKM_HUFU_SM4_CBC_PAD, iv, 16);
	CK_ULONG n = sizeof cipher, m;
	OK(crypt_at_once(OP_ENCRYPT, &pad, sm4_key, message, LONGEST, cipher, &n));
	cipher[n - 17] ^= 0xff; /* the last byte of the padding turns */
	memset(out, 0, sizeof out);
	m = sizeof out;
	IS(crypt_at_once(OP_DECRYPT, &pad, sm4_key, cipher, n, out, &m), CKR_ENCRYPTED_DATA_INVALID);
	for (size_t i = 0; i < sizeof out; i++)
		CU_ASSERT_FATAL(out[i] == 0);
}

static void test_ctr_end(void)
{
	uint8_t out[64];
	CK_AES_CTR_PARAMS p = {.ulCounterBits = 8};
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_CTR, &p, sizeof p);
	CK_ULONG n = 64;
	memset(p.cb, 0xff, 16);
	p.cb[15] = 0xfd; /* three blocks are left */
	OK(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 48, out, &n));
	n = 64;
	IS(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 49, out, &n), CKR_DATA_LEN_RANGE);
	IS(crypt_at_once(OP_DECRYPT, &mech, sm4_key, message, 49, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);

	OK(crypt_init(session, OP_ENCRYPT, &mech, sm4_key));
	n = 64;
	OK(crypt_update(session, OP_ENCRYPT, message, 47, out, &n));
	n = 64;
	OK(crypt_update(session, OP_ENCRYPT, message, 1, out, &n));
	n = 64;
	IS(crypt_update(session, OP_ENCRYPT, message, 1, out, &n), CKR_DATA_LEN_RANGE);

	p.ulCounterBits = 128;
	p.cb[15] = 0xff;
	n = 64;
	OK(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 16, out, &n));
	n = 64;
	IS(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 17, out, &n), CKR_DATA_LEN_RANGE);
	memset(p.cb, 0, 16);
	p.ulCounterBits = 1;
	n = 64;
	OK(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 32, out, &n));
	n = 64;
	IS(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, message, 33, out, &n), CKR_DATA_LEN_RANGE);
}

/* Few counting bits, not at their end: the same keystream as libcrypto's, which counts in all. */
static void test_ctr_bits(void)
{
	uint8_t want[128], out[128];
	for (CK_ULONG nbits = 4; nbits <= 128; nbits++) {
		CK_AES_CTR_PARAMS p = ctr_param(nbits);
		uint8_t keep = iv[15];
		iv[15] = p.cb[15] = (uint8_t)(iv[15] & 0xf0);
		CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_CTR, &p, sizeof p);
		CK_ULONG n = sizeof out;
		reference(&modes[3], message, 128, want);
		OK(crypt_in_parts(OP_ENCRYPT, &mech, sm4_key, message, 128, (const size_t[]){3, 70}, 2, out, &n));
		CU_ASSERT(n == 128 && memcmp(out, want, 128) == 0);
		iv[15] = keep;
	}
}

/* -- Init ------------------------------------------------------------------------------ */

static void test_init_codes(void)
{
	CK_MECHANISM ecb = mechanism(CKM_HUFU_SM4_ECB, NULL, 0), cbc = mechanism(CKM_HUFU_SM4_CBC, NULL, 0);
	CK_MECHANISM unknown = mechanism(0x80001234, NULL, 0), digest = mechanism(CKM_HUFU_SM3, NULL, 0);
	CK_MECHANISM sm2 = mechanism(CKM_HUFU_SM2_C1C3C2, NULL, 0);
	uint8_t out[32];
	CK_ULONG n = 32;

	IS(crypt_init(session, OP_ENCRYPT, &unknown, sm4_key), CKR_MECHANISM_INVALID);
	IS(crypt_init(session, OP_ENCRYPT, &digest, sm4_key), CKR_MECHANISM_INVALID);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, 0), CKR_KEY_HANDLE_INVALID);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, 0x7fffffff), CKR_KEY_HANDLE_INVALID);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, (CK_ULONG)-1), CKR_KEY_HANDLE_INVALID);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, zuc_key), CKR_KEY_TYPE_INCONSISTENT);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, sm2_public), CKR_KEY_TYPE_INCONSISTENT);
	IS(crypt_init(session, OP_ENCRYPT, &sm2, sm2_private), CKR_KEY_TYPE_INCONSISTENT);
	IS(crypt_init(session, OP_DECRYPT, &sm2, sm2_public), CKR_KEY_TYPE_INCONSISTENT);
	IS(crypt_init(session, OP_ENCRYPT, &cbc, sm4_key), CKR_MECHANISM_PARAM_INVALID);
	IS(crypt_once(session, OP_ENCRYPT, message, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(crypt_update(session, OP_ENCRYPT, message, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(crypt_final(session, OP_ENCRYPT, out, &n), CKR_OPERATION_NOT_INITIALIZED);

	OK(crypt_init(session, OP_ENCRYPT, &ecb, sm4_key));
	IS(crypt_init(session, OP_ENCRYPT, &ecb, sm4_key), CKR_OPERATION_ACTIVE);
	OK(crypt_init(session, OP_DECRYPT, &ecb, sm4_key)); /* the other direction is another operation */
	OK(crypt_init(session, OP_DECRYPT, NULL, 0));
	OK(crypt_update(session, OP_ENCRYPT, message, 16, out, &n));
	IS(crypt_once(session, OP_ENCRYPT, message, 16, out, &n), CKR_OPERATION_ACTIVE);
	n = 32;
	OK(crypt_final(session, OP_ENCRYPT, out, &n)); /* it went on */
	OK(crypt_init(session, OP_ENCRYPT, &ecb, sm4_key));
	OK(crypt_init(session, OP_ENCRYPT, NULL, 0));
	IS(crypt_final(session, OP_ENCRYPT, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(crypt_init(session, OP_ENCRYPT, NULL, 0));
}

static void test_key_limits(void)
{
	CK_MECHANISM ecb = mechanism(CKM_HUFU_SM4_ECB, NULL, 0), cbc = mechanism(CKM_HUFU_SM4_CBC, iv, 16);
	CK_ATTRIBUTE no_encrypt = {CKA_ENCRYPT, (void *)(uintptr_t)&no, sizeof no};
	CK_OBJECT_HANDLE key = make_secret(CKK_HUFU_SM4, sm4_value, 16, &no_encrypt, 1);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(crypt_init(session, OP_DECRYPT, &ecb, key));
	OK(crypt_init(session, OP_DECRYPT, NULL, 0));

	CK_MECHANISM_TYPE list[] = {CKM_HUFU_SM4_CTR, CKM_HUFU_SM4_CBC};
	CK_ATTRIBUTE only = {CKA_ALLOWED_MECHANISMS, list, sizeof list};
	key = make_secret(CKK_HUFU_SM4, sm4_value, 16, &only, 1);
	IS(crypt_init(session, OP_ENCRYPT, &ecb, key), CKR_MECHANISM_INVALID);
	OK(crypt_init(session, OP_ENCRYPT, &cbc, key));
	OK(crypt_init(session, OP_ENCRYPT, NULL, 0));
}

/* -- GCM ---------------------------------------------------------------------------------- */

static uint8_t gcm_iv[12], gcm_aad[20], gcm_plain[64], gcm_cipher[80];

/* RFC 8998 A.1 */
static CK_GCM_PARAMS gcm_standard(void)
{
	unit_hex("00001234567800000000ABCD", gcm_iv);
	unit_hex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2", gcm_aad);
	unit_hex("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
	         "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA", gcm_plain);
	unit_hex("17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
	         "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D83DE3541E4C2B58177E065A9BF7B62EC", gcm_cipher);
	return (CK_GCM_PARAMS){.pIv = gcm_iv, .ulIvLen = 12, .ulIvBits = 96, .pAAD = gcm_aad, .ulAADLen = 20, .ulTagBits = 128};
}

static void test_gcm_standard(void)
{
	CK_GCM_PARAMS p = gcm_standard();
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_GCM, &p, sizeof p);
	uint8_t out[96];
	CK_ULONG n = 80;
	OK(crypt_at_once(OP_ENCRYPT, &mech, sm4_key, gcm_plain, 64, out, &n));
	CU_ASSERT(n == 80 && memcmp(out, gcm_cipher, 80) == 0);
	n = 64;
	OK(crypt_at_once(OP_DECRYPT, &mech, sm4_key, gcm_cipher, 80, out, &n));
	CU_ASSERT(n == 64 && memcmp(out, gcm_plain, 64) == 0);
	for (size_t a = 0; a <= 64; a++)
		for (size_t b = a; b <= 64; b += 5) {
			n = sizeof out;
			OK(crypt_in_parts(OP_ENCRYPT, &mech, sm4_key, gcm_plain, 64, (const size_t[]){a, b}, 2, out, &n));
			CU_ASSERT(n == 80 && memcmp(out, gcm_cipher, 80) == 0);
			n = sizeof out;
			OK(crypt_in_parts(OP_DECRYPT, &mech, sm4_key, gcm_cipher, 80, (const size_t[]){a, b}, 2, out, &n));
			CU_ASSERT(n == 64 && memcmp(out, gcm_plain, 64) == 0);
		}
}

static void test_gcm_forgery(void)
{
	CK_GCM_PARAMS p = gcm_standard();
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_GCM, &p, sizeof p);
	uint8_t bad[80], out[80];
	CK_ULONG n;
	for (size_t i = 0; i < 80; i++) {
		memcpy(bad, gcm_cipher, 80);
		bad[i] ^= 1;
		memset(out, 0, sizeof out);
		n = 80;
		IS(crypt_at_once(OP_DECRYPT, &mech, sm4_key, bad, 80, out, &n), CKR_ENCRYPTED_DATA_INVALID);
		for (size_t j = 0; j < sizeof out; j++)
			CU_ASSERT_FATAL(out[j] == 0);
		n = 80;
		IS(crypt_in_parts(OP_DECRYPT, &mech, sm4_key, bad, 80, (const size_t[]){i}, 1, out, &n),
		   CKR_ENCRYPTED_DATA_INVALID);
		CU_ASSERT_EQUAL(n, 0); /* nothing before the tag */
	}
	n = 80;
	IS(crypt_at_once(OP_DECRYPT, &mech, sm4_key, bad, 15, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	n = 80;
	IS(crypt_in_parts(OP_DECRYPT, &mech, sm4_key, bad, 15, NULL, 0, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void test_gcm_small_space(void)
{
	CK_GCM_PARAMS p = gcm_standard();
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_GCM, &p, sizeof p);
	uint8_t out[80];
	CK_ULONG n = 79;
	OK(crypt_init(session, OP_ENCRYPT, &mech, sm4_key));
	IS(crypt_once(session, OP_ENCRYPT, gcm_plain, 64, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 80);
	OK(crypt_once(session, OP_ENCRYPT, gcm_plain, 64, out, &n));
	CU_ASSERT_EQUAL(memcmp(out, gcm_cipher, 80), 0);

	OK(crypt_init(session, OP_DECRYPT, &mech, sm4_key));
	OK(crypt_update(session, OP_DECRYPT, gcm_cipher, 80, out, &n));
	n = 63;
	IS(crypt_final(session, OP_DECRYPT, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 64);
	OK(crypt_final(session, OP_DECRYPT, out, &n));
	CU_ASSERT(n == 64 && memcmp(out, gcm_plain, 64) == 0);
}

/* 64 MiB are kept for the tag, not a byte more. */
/* As if no device took the mechanism in parts. */
static void take_parts(CK_MECHANISM_TYPE type, bool parts)
{
	struct pool *pool = session->token->pool;
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct capabilities *caps = atomic_load(&atomic_load(&pool->devices[i])->caps);
		for (size_t j = 0; caps && j < caps->n; j++)
			if (caps->rows[j].mechanism == type && caps->rows[j].verbs & 1u << HUFU_VERB_ENCRYPT)
				caps->rows[j].multi_part = parts;
	}
}

/* What devices take only whole is kept, up to a bound, and comes with the end. */
static void test_gcm_kept(void)
{
	static uint8_t large[1 << 20];
	CK_GCM_PARAMS p = gcm_standard();
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_GCM, &p, sizeof p);
	uint8_t out[80];
	CK_ULONG n = sizeof out;
	take_parts(CKM_HUFU_SM4_GCM, false);
	OK(crypt_in_parts(OP_ENCRYPT, &mech, sm4_key, gcm_plain, 64, (const size_t[]){5, 40}, 2, out, &n));
	CU_ASSERT(n == 80 && memcmp(out, gcm_cipher, 80) == 0);
	OK(crypt_init(session, OP_ENCRYPT, &mech, sm4_key));
	n = 0;
	OK(crypt_update(session, OP_ENCRYPT, gcm_plain, 64, out, &n)); /* gives nothing, and so needs no room */
	CU_ASSERT_EQUAL(n, 0);
	n = 79;
	IS(crypt_final(session, OP_ENCRYPT, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 80);
	OK(crypt_final(session, OP_ENCRYPT, out, &n));
	CU_ASSERT_EQUAL(memcmp(out, gcm_cipher, 80), 0);
	OK(crypt_init(session, OP_ENCRYPT, &mech, sm4_key));
	OK(crypt_update(session, OP_ENCRYPT, large, 1 << 20, out, &n));
	IS(crypt_update(session, OP_ENCRYPT, large, 1, out, &n), CKR_DATA_LEN_RANGE);
	IS(crypt_final(session, OP_ENCRYPT, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	take_parts(CKM_HUFU_SM4_GCM, true);
}

static void test_gcm_cap(void)
{
	CK_GCM_PARAMS p = gcm_standard();
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM4_GCM, &p, sizeof p);
	size_t cap = ((size_t)64 << 20) + 16;
	uint8_t *big = calloc(1, cap + 1), out[16];
	CK_ULONG n = 16;
	OK(crypt_init(session, OP_DECRYPT, &mech, sm4_key));
	OK(crypt_update(session, OP_DECRYPT, big, cap, out, &n));
	n = 16;
	IS(crypt_update(session, OP_DECRYPT, big, 1, out, &n), CKR_DATA_LEN_RANGE);
	OK(crypt_init(session, OP_DECRYPT, &mech, sm4_key));
	IS(crypt_update(session, OP_DECRYPT, big, cap + 1, out, &n), CKR_DATA_LEN_RANGE);
	free(big);
}

/* -- EEA3 ---------------------------------------------------------------------------------- */

/* GM/T 0001.2-2012, first set: 193 bits, the last of 7 words all but empty. */
static void test_eea3_standard(void)
{
	CK_HUFU_ZUC_PARAMS p = {.ulCount = 0x66035492, .ulBearer = 0xf, .ulDirection = 0, .ulBits = 193};
	CK_MECHANISM mech = mechanism(CKM_HUFU_ZUC_EEA3, &p, sizeof p);
	uint8_t plain[32] = {0}, want[32] = {0}, out[40];
	unit_hex("6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b200000000", plain);
	unit_hex("a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc800000000", want);
	for (size_t len = 25; len <= 28; len++) {
		CK_ULONG n = sizeof out;
		OK(crypt_at_once(OP_ENCRYPT, &mech, zuc_key, plain, len, out, &n));
		CU_ASSERT(n == len && memcmp(out, want, len) == 0);
		for (size_t a = 0; a <= len; a++)
			for (size_t b = a; b <= len; b++) {
				n = sizeof out;
				OK(crypt_in_parts(OP_ENCRYPT, &mech, zuc_key, plain, len, (const size_t[]){a, b}, 2, out, &n));
				CU_ASSERT(n == len && memcmp(out, want, len) == 0);
			}
	}
	CK_ULONG n = sizeof out;
	OK(crypt_at_once(OP_DECRYPT, &mech, zuc_key, want, 28, out, &n));
	CU_ASSERT(n == 28 && memcmp(out, plain, 28) == 0);
	IS(crypt_at_once(OP_ENCRYPT, &mech, zuc_key, plain, 24, out, &n), CKR_DATA_LEN_RANGE);
	IS(crypt_at_once(OP_DECRYPT, &mech, zuc_key, plain, 24, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	n = sizeof out;
	IS(crypt_in_parts(OP_ENCRYPT, &mech, zuc_key, plain, 24, NULL, 0, out, &n), CKR_DATA_LEN_RANGE);
}

/* No length told: all of what comes; in parts as at once. */
static void test_eea3_open_end(void)
{
	CK_HUFU_ZUC_PARAMS p = {.ulCount = 1, .ulBearer = 2, .ulDirection = 1, .ulBits = 0};
	CK_MECHANISM mech = mechanism(CKM_HUFU_ZUC_EEA3, &p, sizeof p);
	static uint8_t once[LONGEST], parts[LONGEST];
	for (size_t i = 0; i < NLENS; i++) {
		CK_ULONG n = sizeof once, m = sizeof parts;
		size_t third = lens[i] / 3;
		OK(crypt_at_once(OP_ENCRYPT, &mech, zuc_key, message, lens[i], once, &n));
		OK(crypt_in_parts(OP_ENCRYPT, &mech, zuc_key, message, lens[i],
		                  (const size_t[]){third, third + 1, 2 * third + 1 < lens[i] ? 2 * third + 1 : lens[i]},
		                  lens[i] ? 3 : 0, parts, &m));
		CU_ASSERT(n == lens[i] && m == n && memcmp(once, parts, n) == 0);
		m = sizeof parts;
		OK(crypt_at_once(OP_DECRYPT, &mech, zuc_key, once, n, parts, &m));
		CU_ASSERT(m == n && memcmp(parts, message, n) == 0);
	}
}

/* -- SM2 encryption --------------------------------------------------------------------------- */

static const CK_MECHANISM_TYPE sm2_types[] = {CKM_HUFU_SM2_C1C3C2, CKM_HUFU_SM2_C1C2C3, CKM_HUFU_SM2_ENC_DER};

/* GB/T 32918.5-2017 C.2, in all three forms. */
static void test_sm2_standard(void)
{
	static const char *const forms[] = {
		"0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
		"E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
		"59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766" "21886CA989CA9C7D58087307CA93092D651EFA",
		"0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
		"E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
		"21886CA989CA9C7D58087307CA93092D651EFA" "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766",
		"307C022004EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
		"022100E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
		"042059983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766" "041321886CA989CA9C7D58087307CA93092D651EFA",
	};
	for (size_t i = 0; i < 3; i++) {
		CK_MECHANISM mech = mechanism(sm2_types[i], NULL, 0);
		uint8_t cipher[160], out[160];
		size_t len = unit_hex(forms[i], cipher);
		CK_ULONG n = 19;
		OK(crypt_at_once(OP_DECRYPT, &mech, sm2_private, cipher, len, out, &n));
		CU_ASSERT(n == 19 && memcmp(out, "encryption standard", 19) == 0);
		for (size_t cut = 0; cut <= len; cut += 7) {
			n = sizeof out;
			OK(crypt_in_parts(OP_DECRYPT, &mech, sm2_private, cipher, len, (const size_t[]){cut}, 1, out, &n));
			CU_ASSERT(n == 19 && memcmp(out, "encryption standard", 19) == 0);
		}
		for (size_t byte = 0; byte < len; byte++) {
			cipher[byte] ^= 0x40;
			n = sizeof out;
			IS(crypt_at_once(OP_DECRYPT, &mech, sm2_private, cipher, len, out, &n), CKR_ENCRYPTED_DATA_INVALID);
			cipher[byte] ^= 0x40;
		}
	}
}

static void test_sm2_roundtrip(void)
{
	static const size_t text_lens[] = {1, 16, 31, 32, 33, 100, 900, 1000, 4096};
	static uint8_t cipher[8192], out[8192];
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < sizeof text_lens / sizeof text_lens[0]; j++) {
			CK_MECHANISM mech = mechanism(sm2_types[i], NULL, 0);
			CK_ULONG need = 0, n, m = text_lens[j];
			OK(crypt_init(session, OP_ENCRYPT, &mech, sm2_public));
			OK(crypt_once(session, OP_ENCRYPT, message, text_lens[j], NULL, &need));
			n = need - 1;
			IS(crypt_once(session, OP_ENCRYPT, message, text_lens[j], cipher, &n), CKR_BUFFER_TOO_SMALL);
			CU_ASSERT_EQUAL(n, need);
			OK(crypt_once(session, OP_ENCRYPT, message, text_lens[j], cipher, &n));
			CU_ASSERT(n <= need);
			OK(crypt_at_once(OP_DECRYPT, &mech, sm2_private, cipher, n, out, &m));
			CU_ASSERT(m == text_lens[j] && memcmp(out, message, m) == 0);
		}
}

static EVP_PKEY *evp_key(void)
{
	static const char *const pem_head = "308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420";
	uint8_t der[160];
	size_t n = unit_hex(pem_head, der);
	memcpy(der + n, standard_d, 32);
	n += 32;
	n += unit_hex("a14403420004", der + n);
	memcpy(der + n, standard_point, 64);
	n += 64;
	const unsigned char *p = der;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	return key;
}

static void test_sm2_libcrypto(void)
{
	EVP_PKEY *key = evp_key();
	CK_MECHANISM mech = mechanism(CKM_HUFU_SM2_ENC_DER, NULL, 0);
	for (int i = 0; i < 20; i++) {
		uint8_t cipher[512], out[512];
		CK_ULONG n = sizeof cipher;
		size_t len = 1 + rng_below(200), got = sizeof out, theirs = sizeof cipher;
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
		OK(crypt_at_once(OP_ENCRYPT, &mech, sm2_public, message, len, cipher, &n));
		CU_ASSERT_EQUAL(EVP_PKEY_decrypt_init(c), 1);
		CU_ASSERT_EQUAL(EVP_PKEY_decrypt(c, out, &got, cipher, n), 1);
		CU_ASSERT(got == len && memcmp(out, message, len) == 0);

		CU_ASSERT_EQUAL(EVP_PKEY_encrypt_init(c), 1);
		CU_ASSERT_EQUAL(EVP_PKEY_encrypt(c, cipher, &theirs, message, len), 1);
		n = sizeof out;
		OK(crypt_at_once(OP_DECRYPT, &mech, sm2_private, cipher, theirs, out, &n));
		CU_ASSERT(n == len && memcmp(out, message, len) == 0);
		EVP_PKEY_CTX_free(c);
	}
	EVP_PKEY_free(key);
}

static void test_sm2_lengths(void)
{
	static uint8_t in[70000];
	static uint8_t out[70000];
	for (size_t i = 0; i < 3; i++) {
		CK_MECHANISM mech = mechanism(sm2_types[i], NULL, 0);
		bool der = sm2_types[i] == CKM_HUFU_SM2_ENC_DER;
		CK_ULONG n = sizeof out;
		IS(crypt_at_once(OP_ENCRYPT, &mech, sm2_public, in, 0, out, &n), CKR_DATA_LEN_RANGE);
		IS(crypt_at_once(OP_ENCRYPT, &mech, sm2_public, in, 65537, out, &n), CKR_DATA_LEN_RANGE);
		IS(crypt_at_once(OP_DECRYPT, &mech, sm2_private, in, 97, out, &n),
		   der ? CKR_ENCRYPTED_DATA_INVALID : CKR_ENCRYPTED_DATA_LEN_RANGE);
		IS(crypt_at_once(OP_DECRYPT, &mech, sm2_private, in, 66000, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
		OK(crypt_init(session, OP_ENCRYPT, &mech, sm2_public));
		n = sizeof out;
		OK(crypt_update(session, OP_ENCRYPT, in, 65536, out, &n));
		CU_ASSERT_EQUAL(n, 0);
		n = sizeof out;
		IS(crypt_update(session, OP_ENCRYPT, in, 1, out, &n), CKR_DATA_LEN_RANGE);
	}
}

static void down(void)
{
	token_down();
	OSSL_LIB_CTX_free(ctx);
}

#define CASES(devices) \
	{"every mode gives what libcrypto gives, and back" devices, test_modes_at_once}, \
	{"every mode gives the same at every split" devices, test_modes_every_split}, \
	{"every mode gives the same in long parts" devices, test_modes_long_parts}, \
	{"output may lie over input in any way" devices, test_modes_in_place}, \
	{"parts may be encrypted in place" devices, test_parts_in_place}, \
	{"a size query and too small a buffer keep the operation" devices, test_sizes_keep_the_operation}, \
	{"ECB and CBC take whole blocks" devices, test_block_lengths}, \
	{"wrong padding is refused, and none of its block released" devices, test_padding}, \
	{"of a long text with wrong padding nothing is released at all" devices, test_long_padding}, \
	{"CTR ends where its counter would repeat" devices, test_ctr_end}, \
	{"CTR counts in the bits it is told" devices, test_ctr_bits}, \
	{"Init answers with the specification's codes; NULL cancels" devices, test_init_codes}, \
	{"CKA_ENCRYPT and CKA_ALLOWED_MECHANISMS are kept" devices, test_key_limits}, \
	{"GCM of RFC 8998 A.1, at once and in parts" devices, test_gcm_standard}, \
	{"GCM: a changed bit releases nothing" devices, test_gcm_forgery}, \
	{"GCM: too small a buffer keeps the operation" devices, test_gcm_small_space}, \
	{"GCM decryption in parts keeps 64 MiB" devices, test_gcm_cap}, \
	{"GCM encryption in parts keeps 1 MiB where devices take it only whole" devices, test_gcm_kept}, \
	{"EEA3 of GM/T 0001.2, at every split" devices, test_eea3_standard}, \
	{"EEA3 without a length takes what comes" devices, test_eea3_open_end}, \
	{"SM2 of GB/T 32918.5 C.2 in its three forms; a changed bit is one code" devices, test_sm2_standard}, \
	{"SM2 encryption comes back" devices, test_sm2_roundtrip}, \
	{"SM2 encryption goes to libcrypto and comes from it" devices, test_sm2_libcrypto}, \
	{"SM2 encryption takes 1 byte to 64 KiB" devices, test_sm2_lengths},

static const struct unit_case cases[] = {
	{"a token is made", up},
	CASES("")
	{"nothing secret is left", down},
	{"a token with two devices is made", up_with_two},
	CASES(", by two devices")
	{"nothing secret is left by two devices", down},
	{0},
};
UNIT_MAIN("crypt", cases)
