/* SPDX-License-Identifier: Apache-2.0 */
#include "sm_util.h"

#include "sm/drbg.h"

/* The GM/T 0105 cases of emmansun/gmsm, drbg/hash_drbg_test.go; v and c are checked at every step. */
static const struct {
	const char *entropy, *nonce, *v0, *c0;
	const char *reseed, *reseed_additional, *v1, *c1;
	const char *additional1, *v2, *additional2, *out2, *v3;
} vectors[] = {
	{"63363377e41e86468deb0ab4a8ed683f6a134e47e014c700454e81e95358a569", "808aa38f2a72a62359915a9f8a04ca68",
	 "7a070cb0c9806fe6a74c0396825642690fc458e76397b75b5977e8a5e693687a703b08c8fbb9e9a600d181c530e889336390818ca2c271",
	 "218bcd7e3a836cc2e275e660a29fab9c1b3e5596275d8f3141f8c7fb3b285b9edda112e7e85e8492c9b4ed9c1ea466b00cce3be9c10a03",
	 "e62b8a8ee8f141b6980566e3bfe3c04903dad4ac2cdf9f2280010a6739bc83d3", "",
	 "99ec25b65124082695c773d8ef03cc2b31a916956bb582752399c3951c9956d21a73a08091f47401e7133844ea6544361961c7cc4d7e6e",
	 "c7d8714c59bce8c8b033b99ce3577acd68a3b10151cc0a60c4b2790e56ce47592574d6909fab7fc551d33402f364aaa4d6fcc83989b9c7",
	 "", "61c49702aae0f0ef45fb2d75d25b46f89a4cc796bd818d0c7bd0a23a3938e9c81783160d900852f33241399b1a69f7c80bc9865e182676",
	 "", "00d98d35a2fab8df23e9e1fb9aad143d62c0759eb79e15c37e8f2bc5064e68da",
	 "299d084f049dd9b7f62ee712b5b2c1c602f078980f4d9816d8f2baf38765be984b6c493497af30f68a56072404f27e45af419d04eb9e35"},
	{"9cfb7ad03be487a3b42be06e9ae44f283c2b1458cec801da2ae6532fcb56cc4c", "a20765538e8db31295747ec922c13a69",
	 "997cd31a7032c8643ca56de1d34ff4f930b13192e17c8947bcaf9b9d010cf79805511255c7ea18b41cde77e491ca943861ec29780f3f36",
	 "4c5b167d27fa9d40cbc45d0d9f3c52504a1cb5aa2f37a3fa812037bd1e458412ecff0641dd5cb2785d0f8044151b42842777211547b457",
	 "96bc8014f90ebdf690db0e171b59cc46c75e2e9b8e1dc699c65c03ceb2f4d7dc",
	 "6fea0894052dab3c44d503950c7c72bd7b87de87cb81d3bb51c32a62f742286d",
	 "e3d804eda66df62f425c41047c5812fca471c8236395c92d4bd834c2e52d606be6ad3da8973df16e8567bcb16e45f2842ace91bf6dfeb3",
	 "1a1b2fffca26953626e0fa3afd377e14e63c5e81275b39f1436b707efb2c3059e6ced8fdb238a45bf05aae9f2417dbf5c4f89d3772f324",
	 "d3467c78563b74c13db7af36c2a964820f2a9b1b167474906508fdac9b2049a6",
	 "fdf334ed70948b65693d3b3f798f91118aae26a48af1045be386984b75695902870479c3c53593d332d195ee7f1bed45fc5069cc4f9948",
	 "5840a11cc9ebf77b963854726a826370ffdb2fc2b3d8479e1df5dcfa3dddd10b",
	 "48709db5509a03d6131775fbbfe74fe52611e760d22fde61e274a295f4354d67",
	 "180e64ed3abb209b901e357a76c70f2670ea8525b24c401d146b70b178e33d8fd10f7680c50bbe1f9773ba664dd14cd25d329c380bf399"},
};

static void test_vectors(void)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t entropy[32], nonce[16], additional[32], out[32];
		size_t len;
		struct drbg d;

		unit_hex(vectors[i].entropy, entropy);
		unit_hex(vectors[i].nonce, nonce);
		drbg_instantiate(&d, entropy, 32, nonce, 16, NULL, 0);
		ASSERT_HEX(d.v, sizeof(d.v), vectors[i].v0);
		ASSERT_HEX(d.c, sizeof(d.c), vectors[i].c0);
		unit_hex(vectors[i].reseed, entropy);
		len = unit_hex(vectors[i].reseed_additional, additional);
		drbg_reseed(&d, entropy, 32, additional, len);
		ASSERT_HEX(d.v, sizeof(d.v), vectors[i].v1);
		ASSERT_HEX(d.c, sizeof(d.c), vectors[i].c1);
		CU_ASSERT(d.reseed_counter == 1);
		len = unit_hex(vectors[i].additional1, additional);
		drbg_generate(&d, additional, len, out, sizeof(out));
		ASSERT_HEX(d.v, sizeof(d.v), vectors[i].v2);
		CU_ASSERT(d.reseed_counter == 2);
		len = unit_hex(vectors[i].additional2, additional);
		drbg_generate(&d, additional, len, out, sizeof(out));
		ASSERT_HEX(out, sizeof(out), vectors[i].out2);
		ASSERT_HEX(d.v, sizeof(d.v), vectors[i].v3);
		CU_ASSERT(d.reseed_counter == 3);
	}
}

/* 300 steps with carries through all of V, and a personalisation: from an independent implementation in Python. */
static void test_long_run(void)
{
	uint8_t entropy[48], nonce[24], personal[10], out[32];
	struct drbg d;

	memset(entropy, 0xa5, sizeof(entropy));
	memset(nonce, 0x3c, sizeof(nonce));
	memset(personal, 0x01, sizeof(personal));
	drbg_instantiate(&d, entropy, sizeof(entropy), nonce, sizeof(nonce), personal, sizeof(personal));
	for (int i = 0; i < 300; i++) {
		uint8_t additional = (uint8_t)i;

		drbg_generate(&d, &additional, i % 3 == 0, out, sizeof(out));
	}
	ASSERT_HEX(out, 32, "13880423ddf63b576e4f1c2826cc40c5a3b9903cfa04360f4a71298818c2bdf9");
	ASSERT_HEX(d.v, sizeof(d.v), "075574216ee9cb8e277049e8e3422a40671ef3c1fa9cc1d8a9ed666102d88a80faf9d694e68d8a55"
	 "40b8216d9e47a8513c6d101df843be");
}

static void test_carry(void)
{
	struct drbg d;
	uint8_t out[32], before[DRBG_SEED_LEN];

	/* V = -1, C = 1: V + C is zero, so that the new V is H + counter alone, which is short. */
	memset(&d, 0, sizeof(d));
	memset(d.v, 0xff, sizeof(d.v));
	d.c[DRBG_SEED_LEN - 1] = 1;
	d.reseed_counter = 1;
	memset(before, 0, sizeof(before));
	drbg_generate(&d, NULL, 0, out, sizeof(out));
	ASSERT_SAME(d.v, before, DRBG_SEED_LEN - 33);
}

static void test_short_output(void)
{
	uint8_t entropy[32] = {1}, nonce[16] = {2}, whole[32], part[33];
	struct drbg a, b;

	for (size_t len = 0; len <= 32; len++) {
		drbg_instantiate(&a, entropy, 32, nonce, 16, NULL, 0);
		b = a;
		memset(part, 0x77, sizeof(part));
		drbg_generate(&a, NULL, 0, whole, 32);
		drbg_generate(&b, NULL, 0, part, len);
		ASSERT_SAME(part, whole, len);
		CU_ASSERT(part[len] == 0x77);
		ASSERT_SAME(a.v, b.v, sizeof(a.v));
	}
}

/* -- health -------------------------------------------------------------- */

static bool feed(struct drbg_health *h, uint8_t sample, unsigned times)
{
	bool good = true;

	while (times--)
		good = drbg_health_feed(h, &sample, 1);
	return good;
}

static void test_repetition(void)
{
	struct drbg_health h;

	drbg_health_init(&h);
	CU_ASSERT(feed(&h, 0, 40));
	CU_ASSERT(feed(&h, 1, 40));
	CU_ASSERT(feed(&h, 0, 40));
	CU_ASSERT(!feed(&h, 0, 1));
	drbg_health_init(&h);
	CU_ASSERT(feed(&h, 7, 40));
	CU_ASSERT(!feed(&h, 7, 1));
}

static void test_sticky(void)
{
	uint8_t good[64];
	struct drbg_health h;

	for (size_t i = 0; i < sizeof(good); i++)
		good[i] = (uint8_t)i;
	drbg_health_init(&h);
	CU_ASSERT(drbg_health_feed(&h, good, sizeof(good)));
	CU_ASSERT(!feed(&h, 9, 41));
	for (int i = 0; i < 100; i++)
		CU_ASSERT(!drbg_health_feed(&h, good, sizeof(good)));
	CU_ASSERT(!drbg_health_feed(&h, good, 0));
}

/* A window that holds its first sample n times, never 41 in a row; the others differ among themselves. */
static bool window_passes(struct drbg_health *h, uint8_t sample, unsigned n)
{
	unsigned row = 0, others = 0;
	bool good = true;

	for (unsigned i = 0; i < 512; i++) {
		bool equal = n && row < 40;

		if (equal) {
			n--;
			row++;
		} else {
			row = 0;
		}
		good = feed(h, equal ? sample : (uint8_t)(sample + 1 + others++ % 100), 1);
	}
	return good;
}

static void test_proportion(void)
{
	struct drbg_health h;

	drbg_health_init(&h);
	for (int i = 0; i < 20; i++)
		CU_ASSERT(window_passes(&h, (uint8_t)(2 * i), 409));
	CU_ASSERT(!window_passes(&h, 200, 410));
	drbg_health_init(&h);
	CU_ASSERT(!window_passes(&h, 0, 410));
}

static void test_good_source(void)
{
	uint8_t samples[1024];
	struct drbg_health h;

	drbg_health_init(&h);
	for (int i = 0; i < 1000; i++) {
		rng_fill(samples, sizeof(samples));
		CU_ASSERT(drbg_health_feed(&h, samples, sizeof(samples)));
	}
}

static const struct unit_case cases[] = {
	{"the DRBG gives the states and outputs of published GM/T 0105 cases", test_vectors},
	{"the DRBG agrees with an independent implementation over 300 steps", test_long_run},
	{"the DRBG adds modulo 2^440", test_carry},
	{"a shorter output is the head of a block and moves the state the same way", test_short_output},
	{"41 equal samples fail the repetition count, 40 pass", test_repetition},
	{"a health test that has failed stays failed", test_sticky},
	{"410 of 512 fail the adaptive proportion, 409 pass, window after window", test_proportion},
	{"a million even samples pass", test_good_source},
	{0},
};

UNIT_MAIN("drbg", cases)
