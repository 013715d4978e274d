/* SPDX-License-Identifier: Apache-2.0 */
#include "sm_util.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "sm/sm2.h"
#include "sm/sm2_curve.h"
#include "sm/sm2_field.h"
#include "sm/sm2_table.h"
#include "sm/sm3.h"

#define N_HEX "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"
#define P_HEX "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff"
#define N_MINUS_1_HEX "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122"
#define N_MINUS_2_HEX "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54121"
#define N_PLUS_1_HEX "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54124"
#define ALL_ONES_HEX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ZERO_HEX "0000000000000000000000000000000000000000000000000000000000000000"

/* GB/T 32918.5-2017 annex A.2 and C.2. */
#define STANDARD_D "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
#define STANDARD_P "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020" \
	"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
#define STANDARD_K "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21"
#define STANDARD_Z "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
#define STANDARD_E "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
#define STANDARD_SIG "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3" \
	"b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
#define STANDARD_CIPHER "04" \
	"04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73" \
	"e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0" \
	"59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766" \
	"21886ca989ca9c7d58087307ca93092d651efa"

static OSSL_LIB_CTX *ctx;
static BN_CTX *bn_ctx;
static BIGNUM *bn_p, *bn_n, *bn_r; /* the moduli, and R = 2^256 */
static EC_GROUP *group;

/* -- numbers, ours and libcrypto's ---------------------------------------- */

static BIGNUM *bn_of(const uint64_t a[4])
{
	uint8_t bytes[32];

	num_to_bytes(bytes, a);
	return BN_bin2bn(bytes, 32, NULL);
}

static void num_of(uint64_t r[4], const BIGNUM *a)
{
	uint8_t bytes[32];

	CU_ASSERT_FATAL(BN_bn2binpad(a, bytes, 32) == 32);
	num_from_bytes(r, bytes);
}

static bool same(const uint64_t a[4], const BIGNUM *b)
{
	uint64_t n[4];

	num_of(n, b);
	return memcmp(a, n, sizeof(n)) == 0;
}

static void num_of_hex(uint64_t r[4], const char *hex)
{
	uint8_t bytes[32];

	CU_ASSERT_FATAL(unit_hex(hex, bytes) == 32);
	num_from_bytes(r, bytes);
}

static void bytes_of(uint8_t bytes[32], const BIGNUM *a)
{
	CU_ASSERT_FATAL(BN_bn2binpad(a, bytes, 32) == 32);
}

/* Edge values first, then numbers of random and of extreme words; all below 2^256. */
static void draw_number(uint64_t r[4], unsigned i)
{
	static const char *const edges[] = {
		ZERO_HEX, "0000000000000000000000000000000000000000000000000000000000000001",
		"0000000000000000000000000000000000000000000000000000000000000002",
		"fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffe", P_HEX,
		"fffffffeffffffffffffffffffffffffffffffff00000001" "0000000000000000", N_MINUS_2_HEX, N_MINUS_1_HEX, N_HEX,
		N_PLUS_1_HEX, ALL_ONES_HEX,
		"8000000000000000000000000000000000000000000000000000000000000000",
		"00000001000000000000000000000000" "00000000ffffffff0000000000000001",
		"ffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000",
		"0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff",
	};

	if (i < sizeof(edges) / sizeof(edges[0])) {
		num_of_hex(r, edges[i]);
		return;
	}
	for (int w = 0; w < 4; w++)
		switch (rng_below(4)) {
		case 0: r[w] = 0; break;
		case 1: r[w] = UINT64_MAX; break;
		default: r[w] = rng_next(); break;
		}
}

#define EDGES 15

struct modulus {
	const uint64_t *m;
	BIGNUM **bn;
	void (*add)(uint64_t r[4], const uint64_t a[4], const uint64_t b[4]);
	void (*sub)(uint64_t r[4], const uint64_t a[4], const uint64_t b[4]);
	void (*mul)(uint64_t r[4], const uint64_t a[4], const uint64_t b[4]);
	void (*to_mont)(uint64_t r[4], const uint64_t a[4]);
	void (*from_mont)(uint64_t r[4], const uint64_t a[4]);
	void (*invert)(uint64_t r[4], const uint64_t a[4]);
};

static const struct modulus moduli[2] = {
	{sm2_p, &bn_p, modp_add, modp_sub, modp_mul, modp_to_mont, modp_from_mont, modp_invert},
	{sm2_n, &bn_n, modn_add, modn_sub, modn_mul, modn_to_mont, modn_from_mont, modn_invert},
};

/* Numbers below the modulus: the edges that are, random ones reduced. */
static void draw_residue(uint64_t r[4], unsigned i, const struct modulus *m)
{
	draw_number(r, i);
	if (!num_less(r, m->m))
		CU_ASSERT_FATAL(num_sub(r, r, m->m) == 0);
}

static void check_pair(const struct modulus *m, const uint64_t a[4], const uint64_t b[4])
{
	BIGNUM *x = bn_of(a), *y = bn_of(b), *z = BN_new(), *modulus = *m->bn;
	uint64_t r[4], mont[4];

	m->add(r, a, b);
	BN_mod_add(z, x, y, modulus, bn_ctx);
	CU_ASSERT(same(r, z));
	m->sub(r, a, b);
	BN_mod_sub(z, x, y, modulus, bn_ctx);
	CU_ASSERT(same(r, z));
	/* A factor in Montgomery form makes the Montgomery product a plain one. */
	m->to_mont(mont, a);
	BN_mod_mul(z, x, bn_r, modulus, bn_ctx);
	CU_ASSERT(same(mont, z));
	m->mul(r, mont, b);
	BN_mod_mul(z, x, y, modulus, bn_ctx);
	CU_ASSERT(same(r, z));
	m->from_mont(r, mont);
	CU_ASSERT(same(r, x));
	/* r may be an operand, and both may be one. */
	memcpy(r, b, sizeof(r));
	m->mul(r, mont, r);
	CU_ASSERT(same(r, z));
	memcpy(r, a, sizeof(r));
	m->add(r, r, r);
	BN_mod_add(z, x, x, modulus, bn_ctx);
	CU_ASSERT(same(r, z));
	BN_free(x);
	BN_free(y);
	BN_free(z);
}

static void test_field(void)
{
	uint64_t a[4], b[4];

	for (int k = 0; k < 2; k++) {
		for (unsigned i = 0; i < EDGES; i++)
			for (unsigned j = 0; j < EDGES; j++) {
				draw_residue(a, i, &moduli[k]);
				draw_residue(b, j, &moduli[k]);
				check_pair(&moduli[k], a, b);
			}
		for (int i = 0; i < 20000; i++) {
			draw_residue(a, EDGES, &moduli[k]);
			draw_residue(b, EDGES, &moduli[k]);
			check_pair(&moduli[k], a, b);
		}
	}
}

static void test_inversion(void)
{
	uint64_t a[4], mont[4], r[4];

	for (int k = 0; k < 2; k++)
		for (unsigned i = 0; i < 500; i++) {
			draw_residue(a, i, &moduli[k]);
			moduli[k].to_mont(mont, a);
			moduli[k].invert(r, mont);
			moduli[k].from_mont(r, r);
			if (num_is_zero(a)) {
				CU_ASSERT(num_is_zero(r) == UINT64_MAX);
			} else {
				BIGNUM *x = bn_of(a), *y = BN_mod_inverse(NULL, x, *moduli[k].bn, bn_ctx);

				CU_ASSERT(same(r, y));
				BN_free(x);
				BN_free(y);
			}
		}
}

static void test_numbers(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t a[4], b[4], r[4];
		uint8_t bytes[32], back[32];
		BIGNUM *x, *y = BN_new();

		draw_number(a, i);
		draw_number(b, (unsigned)rng_below(EDGES + 5));
		num_to_bytes(bytes, a);
		num_from_bytes(r, bytes);
		num_to_bytes(back, r);
		ASSERT_SAME(bytes, back, 32);
		ASSERT_SAME(a, r, sizeof(r));
		CU_ASSERT(num_less(a, b) == (memcmp(bytes, (num_to_bytes(back, b), back), 32) < 0 ? UINT64_MAX : 0));
		CU_ASSERT(num_equal(a, b) == (memcmp(a, b, sizeof(a)) == 0 ? UINT64_MAX : 0));
		CU_ASSERT(num_equal(a, a) == UINT64_MAX);
		CU_ASSERT(num_is_zero(a) == ((a[0] | a[1] | a[2] | a[3]) == 0 ? UINT64_MAX : 0));
		modn_reduce(r, a);
		x = bn_of(a);
		BN_mod(y, x, bn_n, bn_ctx);
		CU_ASSERT(same(r, y));
		BN_free(x);
		BN_free(y);
	}
}

/* -- the curve ----------------------------------------------------------- */

/* k G or k P of libcrypto, as 04 || x || y; the length is 1 for infinity. */
static size_t ec_mul(uint8_t out[65], const uint64_t k[4], const uint8_t *point)
{
	BIGNUM *n = bn_of(k);
	EC_POINT *p = EC_POINT_new(group), *r = EC_POINT_new(group);
	uint8_t encoded[65] = {0x04};
	size_t len;

	if (point) {
		memcpy(encoded + 1, point, 64);
		CU_ASSERT_FATAL(EC_POINT_oct2point(group, p, encoded, 65, bn_ctx) == 1);
		EC_POINT_mul(group, r, NULL, p, n, bn_ctx);
	} else {
		EC_POINT_mul(group, r, n, NULL, NULL, bn_ctx);
	}
	len = EC_POINT_point2oct(group, r, POINT_CONVERSION_UNCOMPRESSED, out, 65, bn_ctx);
	EC_POINT_free(p);
	EC_POINT_free(r);
	BN_free(n);
	return len;
}

static bool point_is(const struct sm2_point *p, const uint8_t *encoded, size_t len)
{
	struct sm2_affine a;
	uint8_t bytes[64];

	if (!point_to_affine(&a, p))
		return len == 1;
	affine_to_bytes(bytes, &a);
	return len == 65 && affine_on_curve(&a) && memcmp(bytes, encoded + 1, 64) == 0;
}

static void base_point(struct sm2_affine *g)
{
	static const uint64_t one[4] = {1};
	struct sm2_point p;

	point_mul_base(&p, one);
	CU_ASSERT_FATAL(point_to_affine(g, &p));
}

static void test_multiples(void)
{
	uint8_t want[65], random_point[64];
	struct sm2_affine g, a;
	struct sm2_point p;
	uint64_t k[4];
	size_t len;

	base_point(&g);
	for (unsigned i = 0; i < 1000; i++) {
		draw_number(k, i);
		len = ec_mul(want, k, NULL);
		point_mul_base(&p, k);
		CU_ASSERT(point_is(&p, want, len));
		point_mul(&p, k, &g);
		CU_ASSERT(point_is(&p, want, len));
		if (i % 4 || len != 65)
			continue;
		memcpy(random_point, want + 1, 64);
		CU_ASSERT_FATAL(affine_from_bytes(&a, random_point));
		draw_number(k, i % 100);
		len = ec_mul(want, k, random_point);
		point_mul(&p, k, &a);
		CU_ASSERT(point_is(&p, want, len));
	}
}

static void test_table(void)
{
	struct sm2_affine g, a;
	struct sm2_point p;

	base_point(&g);
	for (unsigned block = 0; block < COMB_BLOCKS; block++)
		for (unsigned i = 1; i < 1 << COMB_TEETH; i++) {
			uint64_t k[4] = {0};

			for (unsigned tooth = 0; tooth < COMB_TEETH; tooth++) {
				unsigned bit = COMB_SPACING * tooth + COMB_STEPS * block;

				if (i >> tooth & 1)
					k[bit / 64] |= UINT64_C(1) << bit % 64;
			}
			point_mul(&p, k, &g);
			CU_ASSERT(point_to_affine(&a, &p));
			ASSERT_SAME(a.x, comb_table[block][i - 1], 32);
			ASSERT_SAME(a.y, comb_table[block][i - 1] + 4, 32);
		}
}

static void test_complete_addition(void)
{
	static const uint64_t zero[4];
	uint8_t want[65];
	size_t len;

	for (unsigned i = 0; i < 300; i++) {
		uint64_t k[4], m[4], sum[4];
		struct sm2_point a, b, r, nothing;

		draw_residue(k, i, &moduli[1]);
		/* The same point, the opposite one, infinity, another. */
		switch (i % 4) {
		case 0: memcpy(m, k, sizeof(m)); break;
		case 1: modn_sub(m, zero, k); break;
		case 2: memset(m, 0, sizeof(m)); break;
		default: draw_residue(m, EDGES, &moduli[1]); break;
		}
		modn_add(sum, k, m);
		len = ec_mul(want, sum, NULL);
		point_mul_base(&a, k);
		point_mul_base(&b, m);
		point_add(&r, &a, &b);
		CU_ASSERT(point_is(&r, want, len));
		point_add(&r, &b, &a);
		CU_ASSERT(point_is(&r, want, len));
		point_mul_base(&nothing, zero);
		point_add(&r, &r, &nothing);
		CU_ASSERT(point_is(&r, want, len));
		modn_add(sum, sum, sum);
		len = ec_mul(want, sum, NULL);
		point_double(&nothing, &r);
		CU_ASSERT(point_is(&nothing, want, len));
		point_add(&r, &r, &r);
		CU_ASSERT(point_is(&r, want, len));
	}
}

static void test_points_refused(void)
{
	uint8_t good[64], bytes[64];
	struct sm2_affine a;
	struct sm2_public key;

	unit_hex(STANDARD_P, good);
	CU_ASSERT(affine_from_bytes(&a, good));
	for (int bit = 0; bit < 512; bit++) {
		memcpy(bytes, good, 64);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(sm2_public_init(&key, bytes) == SM2_BAD_KEY);
	}
	memset(bytes, 0, sizeof(bytes));
	CU_ASSERT(sm2_public_init(&key, bytes) == SM2_BAD_KEY);
	memset(bytes, 0xff, sizeof(bytes));
	CU_ASSERT(sm2_public_init(&key, bytes) == SM2_BAD_KEY);
	for (int i = 0; i < 10000; i++) {
		rng_fill(bytes, sizeof(bytes));
		CU_ASSERT(sm2_public_init(&key, bytes) == SM2_BAD_KEY);
	}
}

/* Small x have a second name below 2^256: x + p. */
static void test_coordinates_below_p(void)
{
	BIGNUM *x = BN_new(), *y = BN_new();
	EC_POINT *p = EC_POINT_new(group);
	struct sm2_public key;
	uint8_t bytes[64];
	int found = 0;

	for (BN_ULONG i = 0; i < 50; i++) {
		BN_set_word(x, i);
		if (EC_POINT_set_compressed_coordinates(group, p, x, 0, bn_ctx) != 1)
			continue;
		found++;
		EC_POINT_get_affine_coordinates(group, p, x, y, bn_ctx);
		bytes_of(bytes, x);
		bytes_of(bytes + 32, y);
		CU_ASSERT(sm2_public_init(&key, bytes) == SM2_OK);
		BN_add(x, x, bn_p);
		bytes_of(bytes, x);
		CU_ASSERT(sm2_public_init(&key, bytes) == SM2_BAD_KEY);
	}
	CU_ASSERT(found > 10);
	EC_POINT_free(p);
	BN_free(x);
	BN_free(y);
}

/* -- keys ---------------------------------------------------------------- */

static void standard_private(struct sm2_private *key)
{
	uint8_t d[32];

	unit_hex(STANDARD_D, d);
	CU_ASSERT_FATAL(sm2_private_init(key, d) == SM2_OK);
}

static void standard_public(struct sm2_public *key)
{
	uint8_t point[64];

	unit_hex(STANDARD_P, point);
	CU_ASSERT_FATAL(sm2_public_init(key, point) == SM2_OK);
}

static void test_private_range(void)
{
	static const struct {
		const char *d;
		enum sm2_result result;
	} keys[] = {
		{ZERO_HEX, SM2_BAD_KEY},
		{"0000000000000000000000000000000000000000000000000000000000000001", SM2_OK},
		{N_MINUS_2_HEX, SM2_OK},
		{N_MINUS_1_HEX, SM2_BAD_KEY},
		{N_HEX, SM2_BAD_KEY},
		{N_PLUS_1_HEX, SM2_BAD_KEY},
		{ALL_ONES_HEX, SM2_BAD_KEY},
	};
	static const struct sm2_private zero;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		uint8_t d[32];
		struct sm2_private key;

		unit_hex(keys[i].d, d);
		CU_ASSERT(sm2_private_init(&key, d) == keys[i].result);
		if (keys[i].result == SM2_OK) {
			uint64_t k[4];
			uint8_t want[65];

			num_from_bytes(k, d);
			CU_ASSERT(ec_mul(want, k, NULL) == 65);
			ASSERT_SAME(key.point, want + 1, 64);
		} else {
			ASSERT_SAME(&key, &zero, sizeof(key));
		}
	}
}

/* A generator that plays back what it was given, then fails. */
struct tape {
	const uint8_t *bytes;
	size_t left;
};

static int play(void *arg, uint8_t *out, size_t len)
{
	struct tape *tape = arg;

	if (len > tape->left)
		return -1;
	memcpy(out, tape->bytes, len);
	tape->bytes += len;
	tape->left -= len;
	return 0;
}

static int random_bytes(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	rng_fill(out, len);
	return 0;
}

static const struct sm2_random lively = {random_bytes, NULL};

static void test_generate(void)
{
	static const uint8_t zero[32];
	uint8_t bytes[5 * 32], d[32], point[64], want[65];
	struct tape tape = {bytes, sizeof(bytes)};
	struct sm2_random random = {play, &tape};
	uint64_t k[4];

	unit_hex(ZERO_HEX N_MINUS_1_HEX N_HEX ALL_ONES_HEX STANDARD_D, bytes);
	CU_ASSERT(sm2_generate(&random, d, point) == SM2_OK);
	ASSERT_HEX(d, 32, STANDARD_D);
	ASSERT_HEX(point, 64, STANDARD_P);
	tape = (struct tape){bytes, 4 * 32};
	CU_ASSERT(sm2_generate(&random, d, point) == SM2_NO_RANDOM);
	ASSERT_SAME(d, zero, 32);
	for (int i = 0; i < 100; i++) {
		CU_ASSERT(sm2_generate(&lively, d, point) == SM2_OK);
		num_from_bytes(k, d);
		CU_ASSERT(ec_mul(want, k, NULL) == 65);
		ASSERT_SAME(point, want + 1, 64);
	}
}

static void test_z(void)
{
	uint8_t point[64], z[32], id[SM2_ID_MAX], want[32];
	struct sm3 s;

	unit_hex(STANDARD_P, point);
	sm2_z(point, (const uint8_t *)SM2_DEFAULT_ID, SM2_DEFAULT_ID_LEN, z);
	ASSERT_HEX(z, 32, STANDARD_Z);
	/* The longest ID: ENTL is 8191 * 8 = 0xfff8. The rest of the formula was proven above. */
	memset(id, 'i', sizeof(id));
	sm2_z(point, id, sizeof(id), z);
	sm3_init(&s);
	sm3_update(&s, "\xff\xf8", 2);
	sm3_update(&s, id, sizeof(id));
	unit_hex("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
	         "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93", id);
	sm3_update(&s, id, 64);
	unit_hex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
	         "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0", id);
	sm3_update(&s, id, 64);
	sm3_update(&s, point, 64);
	sm3_final(&s, want);
	ASSERT_SAME(z, want, 32);
}

/* -- signatures ---------------------------------------------------------- */

static void test_sign_standard(void)
{
	struct sm2_private key;
	struct sm2_public pub;
	uint8_t e[32], k[32], sig[64];

	standard_private(&key);
	standard_public(&pub);
	ASSERT_HEX(key.point, 64, STANDARD_P);
	unit_hex(STANDARD_E, e);
	unit_hex(STANDARD_K, k);
	CU_ASSERT(sm2_sign_with_k(&key, e, k, sig) == SM2_OK);
	ASSERT_HEX(sig, 64, STANDARD_SIG);
	CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_OK);
}

static void test_unusable_nonces(void)
{
	static const char *const bad[] = {ZERO_HEX, N_HEX, ALL_ONES_HEX};
	struct sm2_private key;
	uint8_t e[32], k[32], sig[64];

	standard_private(&key);
	unit_hex(STANDARD_E, e);
	for (int i = 0; i < 3; i++) {
		unit_hex(bad[i], k);
		CU_ASSERT(sm2_sign_with_k(&key, e, k, sig) == SM2_BAD_KEY);
	}
}

/* e is chosen for the k of the standard so that r, r + k or s is 0 mod n: e = r - x1. */
static void test_unusable_results(void)
{
	struct sm2_private key;
	uint8_t e[32], k[32], sig[64], c1[65];
	uint64_t kn[4];
	BIGNUM *bk, *x1, *d, *r = BN_new(), *be = BN_new();

	standard_private(&key);
	unit_hex(STANDARD_K, k);
	num_from_bytes(kn, k);
	ec_mul(c1, kn, NULL);
	bk = BN_bin2bn(k, 32, NULL);
	x1 = BN_bin2bn(c1 + 1, 32, NULL);
	d = BN_bin2bn(key.d, 32, NULL);
	for (int i = 0; i < 4; i++) {
		if (i == 0)
			BN_zero(r);
		else if (i == 1)
			BN_sub(r, bn_n, bk);
		else if (i == 2)
			BN_mod_mul(r, bk, BN_mod_inverse(be, d, bn_n, bn_ctx), bn_n, bn_ctx); /* s = 0: k = r d */
		else
			BN_one(r);
		BN_mod_sub(be, r, x1, bn_n, bn_ctx);
		bytes_of(e, be);
		CU_ASSERT(sm2_sign_with_k(&key, e, k, sig) == (i < 3 ? SM2_BAD_KEY : SM2_OK));
	}
	BN_free(bk);
	BN_free(x1);
	BN_free(d);
	BN_free(r);
	BN_free(be);
}

static void test_sign_needs_random(void)
{
	struct tape empty = {NULL, 0};
	struct sm2_random random = {play, &empty};
	struct sm2_private key;
	struct sm2_public pub;
	uint8_t e[32] = {0}, buf[100 + SM2_CIPHER_OVERHEAD];

	standard_private(&key);
	standard_public(&pub);
	CU_ASSERT(sm2_sign(&key, e, &random, buf) == SM2_NO_RANDOM);
	CU_ASSERT(sm2_encrypt(&pub, e, sizeof(e), &random, buf) == SM2_NO_RANDOM);
}

/* A generator stuck on one value: were k that value, two signatures would give d away. */
static void test_stuck_generator(void)
{
	uint8_t stuck[32] = {7}, e1[32] = {1}, e2[32] = {2}, sig1[64], sig2[64], other[64];
	struct tape tape;
	struct sm2_random random = {play, &tape};
	struct sm2_private key;
	BIGNUM *x1 = BN_new(), *x2 = BN_new(), *r, *e;

	standard_private(&key);
	tape = (struct tape){stuck, 32};
	CU_ASSERT(sm2_sign(&key, e1, &random, sig1) == SM2_OK);
	tape = (struct tape){stuck, 32};
	CU_ASSERT(sm2_sign(&key, e2, &random, sig2) == SM2_OK);
	CU_ASSERT(sm2_sign_with_k(&key, e1, stuck, other) == SM2_OK);
	CU_ASSERT(memcmp(sig1, other, 64) != 0);
	r = BN_bin2bn(sig1, 32, NULL);
	e = BN_bin2bn(e1, 32, NULL);
	BN_mod_sub(x1, r, e, bn_n, bn_ctx);
	BN_bin2bn(sig2, 32, r);
	BN_bin2bn(e2, 32, e);
	BN_mod_sub(x2, r, e, bn_n, bn_ctx);
	CU_ASSERT(BN_cmp(x1, x2) != 0);
	BN_free(x1);
	BN_free(x2);
	BN_free(r);
	BN_free(e);
}

static void test_fault(void)
{
	uint8_t e[32] = {1}, sig[64];
	struct sm2_private key;

	for (int bit = 0; bit < 256; bit += 7) {
		standard_private(&key);
		key.inv_1d_mont[bit / 64] ^= UINT64_C(1) << bit % 64;
		memset(sig, 0x55, sizeof(sig));
		CU_ASSERT(sm2_sign(&key, e, &lively, sig) == SM2_FAULT);
		for (int i = 0; i < 64; i++)
			CU_ASSERT(sig[i] == 0x55);
	}
}

static void test_signatures_refused(void)
{
	static const char *const bad[] = {ZERO_HEX, N_HEX, N_PLUS_1_HEX, ALL_ONES_HEX};
	struct sm2_public pub;
	uint8_t e[32], sig[64];

	standard_public(&pub);
	unit_hex(STANDARD_E, e);
	for (int i = 0; i < 4; i++) {
		unit_hex(STANDARD_SIG, sig);
		unit_hex(bad[i], sig);
		CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
		unit_hex(STANDARD_SIG, sig);
		unit_hex(bad[i], sig + 32);
		CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
		unit_hex(bad[i], sig);
		CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
	}
	unit_hex(STANDARD_SIG, sig);
	for (int bit = 0; bit < 512; bit++) {
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
		sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (int bit = 0; bit < 256; bit++) {
		e[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
		e[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_OK);
	for (int i = 0; i < 2000; i++) {
		rng_fill(sig, sizeof(sig));
		CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
	}
}

/*
 * r + s = n makes t = 0: then the equation is r = e + x(s G), which anyone can
 * satisfy by choosing e. Likewise s G + t P infinite, with d known.
 */
static void test_forgeries_refused(void)
{
	uint8_t e[32], sig[64], point[65];
	uint64_t s[4];
	struct sm2_public pub;
	BIGNUM *bs, *r = BN_new(), *x, *be = BN_new(), *d = BN_new(), *t = BN_new();

	standard_public(&pub);
	num_of_hex(s, STANDARD_K);
	bs = bn_of(s);
	BN_sub(r, bn_n, bs);
	ec_mul(point, s, NULL);
	x = BN_bin2bn(point + 1, 32, NULL);
	BN_mod_sub(be, r, x, bn_n, bn_ctx);
	bytes_of(e, be);
	bytes_of(sig, r);
	bytes_of(sig + 32, bs);
	CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);

	/* s + t d = 0 with t = r + s: s = -r d / (1 + d). Infinity has no x; taken as 0 it would make e = r. */
	BN_hex2bn(&d, STANDARD_D);
	BN_one(t);
	BN_add(t, t, d);
	BN_mod_inverse(t, t, bn_n, bn_ctx);
	BN_mod_mul(t, t, d, bn_n, bn_ctx);
	BN_mod_mul(t, t, r, bn_n, bn_ctx);
	BN_mod_sub(bs, bn_n, t, bn_n, bn_ctx);
	bytes_of(e, r);
	bytes_of(sig + 32, bs);
	CU_ASSERT(sm2_verify(&pub, e, sig) == SM2_BAD_SIGNATURE);
	BN_free(bs);
	BN_free(r);
	BN_free(x);
	BN_free(be);
	BN_free(d);
	BN_free(t);
}

/* -- against libcrypto --------------------------------------------------- */

static EVP_PKEY *pkey_of(const uint8_t d[32], const uint8_t point[64])
{
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(ctx, "SM2", NULL);
	uint8_t encoded[65] = {0x04};
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;
	BIGNUM *bd = BN_bin2bn(d, 32, NULL);

	memcpy(encoded + 1, point, 64);
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof(encoded));
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, bd);
	params = OSSL_PARAM_BLD_to_param(b);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(c) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata(c, &pkey, EVP_PKEY_KEYPAIR, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(c);
	BN_free(bd);
	return pkey;
}

static EVP_MD_CTX *digest_ctx(EVP_PKEY *pkey, const char *id, bool verify)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(ctx, pkey, NULL);

	EVP_MD_CTX_set_pkey_ctx(m, c);
	CU_ASSERT_FATAL(EVP_PKEY_CTX_set1_id(c, id, (int)strlen(id)) == 1);
	CU_ASSERT_FATAL((verify ? EVP_DigestVerifyInit_ex : EVP_DigestSignInit_ex)(m, NULL, "SM3", ctx, NULL, pkey, NULL) == 1);
	return m;
}

static void digest_ctx_free(EVP_MD_CTX *m)
{
	EVP_PKEY_CTX *c = EVP_MD_CTX_get_pkey_ctx(m);

	EVP_MD_CTX_free(m);
	EVP_PKEY_CTX_free(c);
}

static void digest_of(uint8_t e[32], const uint8_t point[64], const char *id, const uint8_t *message, size_t len)
{
	uint8_t z[32];
	struct sm3 s;

	sm2_z(point, (const uint8_t *)id, strlen(id), z);
	sm3_init(&s);
	sm3_update(&s, z, sizeof(z));
	sm3_update(&s, message, len);
	sm3_final(&s, e);
}

static void sign_both_ways(const struct sm2_private *key, const struct sm2_public *pub, EVP_PKEY *pkey)
{
	uint8_t message[100], e[32], sig[64], der[80], *p = der;
	size_t len = rng_below(sizeof(message)), der_len = sizeof(der);
	const uint8_t *q = der;
	ECDSA_SIG *s = ECDSA_SIG_new();
	EVP_MD_CTX *m;

	rng_fill(message, len);
	digest_of(e, key->point, SM2_DEFAULT_ID, message, len);
	CU_ASSERT(sm2_sign(key, e, &lively, sig) == SM2_OK);
	ECDSA_SIG_set0(s, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL));
	m = digest_ctx(pkey, SM2_DEFAULT_ID, true);
	CU_ASSERT(EVP_DigestVerify(m, der, (size_t)i2d_ECDSA_SIG(s, &p), message, len) == 1);
	digest_ctx_free(m);
	ECDSA_SIG_free(s);
	CU_ASSERT(sm2_verify(pub, e, sig) == SM2_OK);

	m = digest_ctx(pkey, "ALICE123@YAHOO.COM", false);
	CU_ASSERT_FATAL(EVP_DigestSign(m, der, &der_len, message, len) == 1);
	digest_ctx_free(m);
	s = d2i_ECDSA_SIG(NULL, &q, (long)der_len);
	CU_ASSERT_FATAL(s != NULL);
	bytes_of(sig, ECDSA_SIG_get0_r(s));
	bytes_of(sig + 32, ECDSA_SIG_get0_s(s));
	ECDSA_SIG_free(s);
	digest_of(e, key->point, "ALICE123@YAHOO.COM", message, len);
	CU_ASSERT(sm2_verify(pub, e, sig) == SM2_OK);
}

static void test_sign_random(void)
{
	for (int i = 0; i < 100; i++) {
		uint8_t d[32], point[64];
		struct sm2_private key;
		struct sm2_public pub;
		EVP_PKEY *pkey;

		CU_ASSERT_FATAL(sm2_generate(&lively, d, point) == SM2_OK);
		CU_ASSERT_FATAL(sm2_private_init(&key, d) == SM2_OK);
		CU_ASSERT_FATAL(sm2_public_init(&pub, point) == SM2_OK);
		pkey = pkey_of(d, point);
		for (int j = 0; j < 10; j++)
			sign_both_ways(&key, &pub, pkey);
		EVP_PKEY_free(pkey);
	}
}

/* SM2Cipher of GM/T 0009: SEQUENCE { x, y INTEGER, C3, C2 OCTET STRING }. Short forms suffice here. */
static size_t der_integer(uint8_t *out, const uint8_t bytes[32])
{
	size_t skip = 0, pad;

	while (skip < 31 && !bytes[skip])
		skip++;
	pad = bytes[skip] >> 7;
	out[0] = 0x02;
	out[1] = (uint8_t)(32 - skip + pad);
	out[2] = 0;
	memcpy(out + 2 + pad, bytes + skip, 32 - skip);
	return 2 + pad + 32 - skip;
}

static size_t der_of_cipher(uint8_t *out, const uint8_t *in, size_t len)
{
	uint8_t body[300];
	size_t n = der_integer(body, in + 1), c2_len = len - 97;

	n += der_integer(body + n, in + 33);
	body[n++] = 0x04;
	body[n++] = 32;
	memcpy(body + n, in + 65, 32);
	n += 32;
	body[n++] = 0x04;
	CU_ASSERT_FATAL(c2_len < 128);
	body[n++] = (uint8_t)c2_len;
	memcpy(body + n, in + 97, c2_len);
	n += c2_len;
	out[0] = 0x30;
	if (n < 128) {
		out[1] = (uint8_t)n;
		memcpy(out + 2, body, n);
		return n + 2;
	}
	out[1] = 0x81;
	out[2] = (uint8_t)n;
	memcpy(out + 3, body, n);
	return n + 3;
}

static size_t cipher_of_der(uint8_t *out, const uint8_t *der)
{
	const uint8_t *p = der + (der[1] & 0x80 ? 3 : 2);

	out[0] = 0x04;
	for (int i = 0; i < 2; i++) {
		size_t n = p[1], pad = n > 32;

		memset(out + 1 + 32 * i, 0, 32);
		memcpy(out + 1 + 32 * i + 32 - (n - pad), p + 2 + pad, n - pad);
		p += 2 + n;
	}
	memcpy(out + 65, p + 2, 32);
	p += 34;
	memcpy(out + 97, p + 2, p[1]);
	return 97 + (size_t)p[1];
}

static void encrypt_both_ways(const struct sm2_private *key, const struct sm2_public *pub, EVP_PKEY *pkey)
{
	uint8_t message[100], cipher[200], der[300], plain[300];
	size_t len = 1 + rng_below(sizeof(message)), n = sizeof(plain);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(ctx, pkey, NULL);

	rng_fill(message, len);
	CU_ASSERT(sm2_encrypt(pub, message, len, &lively, cipher) == SM2_OK);
	CU_ASSERT_FATAL(EVP_PKEY_decrypt_init(c) == 1);
	CU_ASSERT(EVP_PKEY_decrypt(c, plain, &n, der, der_of_cipher(der, cipher, len + 97)) == 1);
	CU_ASSERT(n == len);
	ASSERT_SAME(plain, message, len);
	CU_ASSERT(sm2_decrypt(key, cipher, len + 97, plain) == SM2_OK);
	ASSERT_SAME(plain, message, len);

	n = sizeof(der);
	CU_ASSERT_FATAL(EVP_PKEY_encrypt_init(c) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_encrypt(c, der, &n, message, len) == 1);
	CU_ASSERT(cipher_of_der(cipher, der) == len + 97);
	/* In place. */
	CU_ASSERT(sm2_decrypt(key, cipher, len + 97, cipher) == SM2_OK);
	ASSERT_SAME(cipher, message, len);
	EVP_PKEY_CTX_free(c);
}

static void test_encrypt_random(void)
{
	for (int i = 0; i < 100; i++) {
		uint8_t d[32], point[64];
		struct sm2_private key;
		struct sm2_public pub;
		EVP_PKEY *pkey;

		CU_ASSERT_FATAL(sm2_generate(&lively, d, point) == SM2_OK);
		CU_ASSERT_FATAL(sm2_private_init(&key, d) == SM2_OK);
		CU_ASSERT_FATAL(sm2_public_init(&pub, point) == SM2_OK);
		pkey = pkey_of(d, point);
		for (int j = 0; j < 10; j++)
			encrypt_both_ways(&key, &pub, pkey);
		EVP_PKEY_free(pkey);
	}
}

/* -- encryption ---------------------------------------------------------- */

static void test_encrypt_standard(void)
{
	static const char message[] = "encryption standard";
	uint8_t k[32], cipher[19 + 97], plain[19];
	struct sm2_private key;
	struct sm2_public pub;

	standard_private(&key);
	standard_public(&pub);
	unit_hex(STANDARD_K, k);
	CU_ASSERT(sm2_encrypt_with_k(&pub, (const uint8_t *)message, 19, k, cipher) == SM2_OK);
	ASSERT_HEX(cipher, sizeof(cipher), STANDARD_CIPHER);
	CU_ASSERT(sm2_decrypt(&key, cipher, sizeof(cipher), plain) == SM2_OK);
	ASSERT_SAME(plain, message, 19);
}

static void test_every_message_length(void)
{
	uint8_t message[300], cipher[300 + 97], plain[300];
	struct sm2_private key;
	struct sm2_public pub;

	standard_private(&key);
	standard_public(&pub);
	rng_fill(message, sizeof(message));
	for (size_t len = 1; len <= sizeof(message); len++) {
		CU_ASSERT(sm2_encrypt(&pub, message, len, &lively, cipher) == SM2_OK);
		memset(plain, 0, sizeof(plain));
		CU_ASSERT(sm2_decrypt(&key, cipher, len + 97, plain) == SM2_OK);
		ASSERT_SAME(plain, message, len);
	}
	CU_ASSERT(sm2_encrypt(&pub, message, 0, &lively, cipher) == SM2_BAD_CIPHERTEXT);
	CU_ASSERT(sm2_encrypt(&pub, message, SIZE_MAX, &lively, cipher) == SM2_BAD_CIPHERTEXT);
}

/* A k for which the KDF's first byte is zero: one in 256. */
static void find_zero_mask(const struct sm2_public *pub, uint8_t k[32])
{
	uint8_t cipher[98];

	for (int tries = 0; tries < 10000; tries++) {
		rng_fill(k, 32);
		if (sm2_encrypt_with_k(pub, (const uint8_t *)"m", 1, k, cipher) == SM2_BAD_CIPHERTEXT)
			return;
	}
	CU_FAIL_FATAL("no k with a KDF of zeros");
}

static void test_zero_mask(void)
{
	uint8_t bytes[64], cipher[98], want[98], plain[1], shared[64];
	struct tape tape = {bytes, sizeof(bytes)};
	struct sm2_random random = {play, &tape};
	struct sm2_private key;
	struct sm2_public pub;
	struct sm2_affine a;
	struct sm2_point p;
	struct sm3 s;
	uint64_t k[4];

	standard_private(&key);
	standard_public(&pub);
	find_zero_mask(&pub, bytes);
	/* The KDF alone, to be sure that this is why. */
	num_from_bytes(k, bytes);
	CU_ASSERT_FATAL(affine_from_bytes(&a, pub.point));
	point_mul(&p, k, &a);
	CU_ASSERT_FATAL(point_to_affine(&a, &p));
	affine_to_bytes(shared, &a);
	sm3_kdf(shared, 64, plain, 1);
	CU_ASSERT(plain[0] == 0);
	/* Encryption draws again. */
	unit_hex(STANDARD_K, bytes + 32);
	CU_ASSERT(sm2_encrypt(&pub, (const uint8_t *)"m", 1, &random, cipher) == SM2_OK);
	CU_ASSERT(tape.left == 0);
	CU_ASSERT(sm2_encrypt_with_k(&pub, (const uint8_t *)"m", 1, bytes + 32, want) == SM2_OK);
	ASSERT_SAME(cipher, want, 98);
	/* Decryption refuses a message that went out in clear, though its C3 is right. */
	point_mul_base(&p, k);
	CU_ASSERT_FATAL(point_to_affine(&a, &p));
	cipher[0] = 0x04;
	affine_to_bytes(cipher + 1, &a);
	sm3_init(&s);
	sm3_update(&s, shared, 32);
	sm3_update(&s, "m", 1);
	sm3_update(&s, shared + 32, 32);
	sm3_final(&s, cipher + 65);
	cipher[97] = 'm';
	CU_ASSERT(sm2_decrypt(&key, cipher, 98, plain) == SM2_BAD_CIPHERTEXT);
}

static void test_zero_byte_in_longer_mask(void)
{
	uint8_t k[32], cipher[99], plain[2];
	struct sm2_private key;
	struct sm2_public pub;

	standard_private(&key);
	standard_public(&pub);
	find_zero_mask(&pub, k);
	CU_ASSERT(sm2_encrypt_with_k(&pub, (const uint8_t *)"mm", 2, k, cipher) == SM2_OK);
	CU_ASSERT(cipher[97] == 'm');
	CU_ASSERT(sm2_decrypt(&key, cipher, 99, plain) == SM2_OK);
	ASSERT_SAME(plain, "mm", 2);
}

static void refuse_cipher(const struct sm2_private *key, const uint8_t *cipher, size_t len)
{
	uint8_t plain[64];

	memset(plain, 0x55, sizeof(plain));
	CU_ASSERT(sm2_decrypt(key, cipher, len, plain) == SM2_BAD_CIPHERTEXT);
	for (size_t i = 0; i < sizeof(plain); i++)
		CU_ASSERT(plain[i] == 0x55);
}

static void test_ciphertexts_refused(void)
{
	uint8_t cipher[19 + 97], plain[19];
	struct sm2_private key;

	standard_private(&key);
	unit_hex(STANDARD_CIPHER, cipher);
	for (size_t bit = 0; bit < 8 * sizeof(cipher); bit++) {
		cipher[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refuse_cipher(&key, cipher, sizeof(cipher));
		cipher[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof(cipher); len++)
		refuse_cipher(&key, cipher, len);
	CU_ASSERT(sm2_decrypt(&key, cipher, sizeof(cipher), plain) == SM2_OK);
	memset(cipher + 1, 0, 64);
	refuse_cipher(&key, cipher, sizeof(cipher));
	unit_hex(STANDARD_CIPHER, cipher);
	for (int i = 0; i < 3000; i++) {
		rng_fill(cipher + 1, sizeof(cipher) - 1);
		refuse_cipher(&key, cipher, sizeof(cipher));
	}
}

static void test_opposite_point_refused(void)
{
	uint8_t cipher[19 + 97];
	uint64_t y[4];
	struct sm2_private key;

	standard_private(&key);
	unit_hex(STANDARD_CIPHER, cipher);
	num_from_bytes(y, cipher + 33);
	CU_ASSERT(num_sub(y, sm2_p, y) == 0);
	num_to_bytes(cipher + 33, y);
	/* (x2, -y2): the KDF and C3 both come out otherwise. */
	refuse_cipher(&key, cipher, sizeof(cipher));
}

/* -- key exchange ---------------------------------------------------------- */

#define DEFAULT_ID "1234567812345678"

static const struct exchange {
	const char *keys[4];           /* static and ephemeral: A's, B's */
	const char *id[2], *key, *s1, *s2;
} exchanges[] = {
	/* GB/T 32918.5-2017 B.2: both with the default ID, K of 128 bits */
	{{"81eb26e941bb5af16df116495f90695272ae2cd63d6c4ae1678418be48230029",
	 "d4de15474db74d06491c440d305e012400990f3e390c7e87153c12db2ea60bb3",
	 "785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5",
	 "7e07124814b309489125eaed101113164ebf0f3458c5bd88335c1f9d596243d6"}, {DEFAULT_ID, DEFAULT_ID},
	 "6c89347354de2484c60b4ab1fde4c6e5", "d3a0fe15dee185ceae907a6b595cc32a266ed7b3367e9983a896dc32fa20f8eb",
	 "18c7894b3816df16cf07b05c5ec0bef5d655d58f779cc1b400a4f3884644db88"},
	/* 48 bytes, as TLCP takes them; keys and K as in emmansun/gmsm, S1 and S2 from an independent implementation in Python */
	{{"e04c3fd77408b56a648ad439f673511a2ae248def3bab26bdfc9cdbd0ae9607e",
	 "6fe0bac5b09d3ab10f724638811c34464790520e4604e71e6cb0e5310623b5b1",
	 "7a1136f60d2c5531447e5a3093078c2a505abf74f33aefed927ac0a5b27e7dd7",
	 "d0233bdbb0b8a7bfe1aab66132ef06fc4efaedd5d5000692bc21185242a31f6f"}, {"Alice", "Bob"},
	 "1ad809ebc56ddda532020c352e1e60b121ebeb7b4e632db4dd90a362cf844f8bba85140e30984ddb581199bf5a9dda22",
	 "0227e5336ba948ff95372ce925c4d8ebdf1384ddf563374351e0053b5fbadc87",
	 "822dad808df9f31f6e1667ad372689f1b499841ceb36c4fa68c2ea69e9edfd88"},
	{{"cb5ac204b38d0e5c9fc38a467075986754018f7dbb7cbbc5b4c78d56a88a8ad8",
	 "1681a66c02b67fdadfc53cba9b417b9499d0159435c86bb8760c3a03ae157539",
	 "4f54b10e0d8e9e2fe5cc79893e37fd0fd990762d1372197ed92dde464b2773ef",
	 "a2fe43dea141e9acc88226eaba8908ad17e81376c92102cb8186e8fef61a8700"}, {"Alice", "Bob"},
	 "7a103ae61a30ed9df573a5febb35a9609cbed5681bcb98a8545351bf7d6824cc4635df5203712ea506e2e3c4ec9b12e7",
	 "14fbc6203755cf19303b10bfb7af1a92cd6e2be354b4510c83434af7523e8fc4",
	 "c036bc3b1d403478d9e31f045dc30fd6504913b73c6b9a9da756f5851f0b9a43"},
	{{"ee690a34a779ab48227a2f68b062a80f92e26d82835608dd01b7452f1e4fb296",
	 "2046c6cee085665e9f3abeba41fd38e17a26c08f2f5e8f0e1007afc0bf6a2a5d",
	 "8ef49ea427b13cc31151e1c96ae8a48cb7919063f2d342560fb7eaaffb93d8fe",
	 "9baf8d602e43fbae83fedb7368f98c969d378b8a647318f8cafb265296ae37de"}, {"Alice", "Bob"},
	 "b18e78e5072f301399dc1f4baf2956c0ed2d5f52f19abb1705131b0865b079031259ee6c629b4faed528bcfa1c5d2cbc",
	 "28e0ae02e350866a269c85f45a922784aeac4c357e156a33bb4af1b2c58b4d46",
	 "471fee6a40eb7ffd1ae9ec14d50cf2ffdaeb8ff6d74a7d0b23cd2f329b20897f"},
};
#define EXCHANGES (sizeof(exchanges) / sizeof(exchanges[0]))

struct side {
	struct sm2_private own, ephemeral;
};

static void side_load(struct side *side, const char *d, const char *r)
{
	uint8_t bytes[32];

	unit_hex(d, bytes);
	CU_ASSERT_FATAL(sm2_private_init(&side->own, bytes) == SM2_OK);
	unit_hex(r, bytes);
	CU_ASSERT_FATAL(sm2_private_init(&side->ephemeral, bytes) == SM2_OK);
}

static struct sm2_agreement agreement_of(const struct exchange *x, const struct side *peer, unsigned me)
{
	return (struct sm2_agreement){.initiator = me == 0, .own_id = (const uint8_t *)x->id[me], .own_id_len = strlen(x->id[me]),
	                              .peer_id = (const uint8_t *)x->id[!me], .peer_id_len = strlen(x->id[!me]),
	                              .peer_static = peer->own.point, .peer_ephemeral = peer->ephemeral.point};
}

static void test_agree_vectors(void)
{
	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *x = &exchanges[i];
		struct side side[2];

		for (unsigned n = 0; n < 2; n++)
			side_load(&side[n], x->keys[2 * n], x->keys[2 * n + 1]);
		for (unsigned me = 0; me < 2; me++) {
			struct sm2_agreement a = agreement_of(x, &side[!me], me);
			uint8_t key[48], s1[32], s2[32];
			size_t len = strlen(x->key) / 2;

			CU_ASSERT(sm2_agree(&side[me].own, &side[me].ephemeral, &a, key, len, s1, s2) == SM2_OK);
			ASSERT_HEX(key, len, x->key);
			ASSERT_HEX(s1, 32, x->s1);
			ASSERT_HEX(s2, 32, x->s2);
		}
	}
}

/* From an independent implementation in Python: the keys of B.2. */
static void test_agree_extremes(void)
{
	static uint8_t key[4096], long_id[SM2_ID_MAX];
	struct side side[2];
	uint8_t s1[32], s2[32], digest[32];

	for (unsigned n = 0; n < 2; n++)
		side_load(&side[n], exchanges[0].keys[2 * n], exchanges[0].keys[2 * n + 1]);
	struct sm2_agreement a = agreement_of(&exchanges[0], &side[1], 0);
	CU_ASSERT(sm2_agree(&side[0].own, &side[0].ephemeral, &a, key, sizeof(key), s1, s2) == SM2_OK);
	sm3(key, sizeof(key), digest);
	ASSERT_HEX(digest, 32, "b3235cd09a6ea4cae46ba5c57210503c66c18c7794f4ab42bdd0f3479adaa4fe");
	memset(long_id, 'x', sizeof(long_id));
	a.own_id = NULL;
	a.own_id_len = 0;
	a.peer_id = long_id;
	a.peer_id_len = sizeof(long_id);
	CU_ASSERT(sm2_agree(&side[0].own, &side[0].ephemeral, &a, key, 16, s1, s2) == SM2_OK);
	ASSERT_HEX(key, 16, "57216c27afbfd5a421716f66269f3f9e");
	ASSERT_HEX(s1, 32, "9628f7008d161d6953cd2f834cc048e00c244c8c0f29253909317e70b62def0b");
	ASSERT_HEX(s2, 32, "ae5f548e3b64604a2c6e62352147fe6290d6584eac8cea3a378e930114623547");
}

static void refuse_peer(const struct side *me, const uint8_t fixed[64], const uint8_t ephemeral[64])
{
	struct sm2_agreement a = {.initiator = true, .peer_static = fixed, .peer_ephemeral = ephemeral};
	uint8_t out[80], untouched[80];

	memset(out, 0x5c, sizeof(out));
	memset(untouched, 0x5c, sizeof(untouched));
	CU_ASSERT(sm2_agree(&me->own, &me->ephemeral, &a, out, 16, out + 16, out + 48) == SM2_BAD_KEY);
	ASSERT_SAME(out, untouched, sizeof(out));
}

static void test_agree_refuses(void)
{
	/* -(x R) of R of B.2's B: a point of the curve, with which the sum is infinite. */
	static const char opposite[] = "da68ef84fe616d92438bbe69bcc52db9ce5cbea993944cbc331ba26d6082e912"
				       "b7ce179c7674bca9cd27005fe796329a9ba7dd412c4b1620b943547a90fd0eef";
	/* -(x r) mod n of B.2's A: t is 0. */
	static const char cancels[] = "44826628d3f74bd9b4131848cbbca86ddc0f5bc3f353cb38ba8120a00c113343";
	struct side side[2], zero;
	uint8_t bad[64];

	for (unsigned n = 0; n < 2; n++)
		side_load(&side[n], exchanges[0].keys[2 * n], exchanges[0].keys[2 * n + 1]);
	side_load(&zero, cancels, exchanges[0].keys[1]);
	refuse_peer(&zero, side[1].own.point, side[1].ephemeral.point);
	unit_hex(opposite, bad);
	refuse_peer(&side[0], bad, side[1].ephemeral.point);
	for (size_t i = 0; i < 64; i += 9) {
		memcpy(bad, side[1].own.point, 64);
		bad[i] ^= 1;
		refuse_peer(&side[0], bad, side[1].ephemeral.point);
		memcpy(bad, side[1].ephemeral.point, 64);
		bad[i] ^= 1;
		refuse_peer(&side[0], side[1].own.point, bad);
	}
	memset(bad, 0, sizeof(bad));
	refuse_peer(&side[0], bad, side[1].ephemeral.point);
	refuse_peer(&side[0], side[1].own.point, bad);
	memset(bad, 0xff, sizeof(bad));
	refuse_peer(&side[0], bad, side[1].ephemeral.point);
	refuse_peer(&side[0], side[1].own.point, bad);
}

static const struct unit_case cases[] = {
	{"numbers convert, compare and reduce like libcrypto's", test_numbers},
	{"sums, differences and products mod p and mod n agree with libcrypto", test_field},
	{"inverses mod p and mod n agree with libcrypto", test_inversion},
	{"multiples of G and of any point agree with libcrypto, edge scalars too", test_multiples},
	{"every entry of the base point's table is the multiple it should be", test_table},
	{"addition is right for equal, opposite and infinite points", test_complete_addition},
	{"points off the curve are refused", test_points_refused},
	{"coordinates that are not below p are refused", test_coordinates_below_p},
	{"a private key is in [1, n-2]", test_private_range},
	{"key generation draws again until the key is in range", test_generate},
	{"Z is GB/T 32918.5 A.2's, with IDs to 8191 bytes", test_z},
	{"signing gives the signature of GB/T 32918.5 A.2", test_sign_standard},
	{"signing refuses k outside [1, n-1]", test_unusable_nonces},
	{"signing gives no signature with r = 0, r + k = n or s = 0", test_unusable_results},
	{"without random numbers nothing is signed or encrypted", test_sign_needs_random},
	{"a stuck generator repeats no nonce for another digest", test_stuck_generator},
	{"a fault in a signature is caught before release", test_fault},
	{"wrong signatures are refused: out of range, any flipped bit, random ones", test_signatures_refused},
	{"forgeries by r + s = n and by an infinite point are refused", test_forgeries_refused},
	{"signatures agree with libcrypto both ways", test_sign_random},
	{"ciphertexts agree with libcrypto both ways, in place too", test_encrypt_random},
	{"encryption gives the ciphertext of GB/T 32918.5 C.2", test_encrypt_standard},
	{"messages of 1 to 300 bytes survive encryption; none has 0", test_every_message_length},
	{"a KDF output of zeros is drawn anew, and refused in decryption", test_zero_mask},
	{"a zero byte in a longer KDF output is no harm", test_zero_byte_in_longer_mask},
	{"wrong ciphertexts are refused and release nothing: any flipped bit, any cut, random ones", test_ciphertexts_refused},
	{"a ciphertext with the opposite point is refused", test_opposite_point_refused},
	{"key exchange gives the values of GB/T 32918.5 B.2 to both sides", test_agree_vectors},
	{"key exchange takes any identifier and gives keys of any length", test_agree_extremes},
	{"key exchange refuses points off the curve, and what would be infinite, and writes nothing then", test_agree_refuses},
	{0},
};

int main(void)
{
	int status = 99;

	ctx = OSSL_LIB_CTX_new();
	bn_ctx = BN_CTX_new_ex(ctx);
	group = EC_GROUP_new_by_curve_name_ex(ctx, NULL, NID_sm2);
	bn_r = BN_new();
	if (ctx && bn_ctx && group && bn_r && BN_hex2bn(&bn_p, P_HEX) && BN_hex2bn(&bn_n, N_HEX) && BN_set_bit(bn_r, 256))
		status = unit_main("sm2", cases);
	BN_free(bn_p);
	BN_free(bn_n);
	BN_free(bn_r);
	EC_GROUP_free(group);
	BN_CTX_free(bn_ctx);
	OSSL_LIB_CTX_free(ctx);
	return status;
}
