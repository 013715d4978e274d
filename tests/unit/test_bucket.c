/* SPDX-License-Identifier: Apache-2.0 */
/* The token bucket: its rate holds over any time, from any number of threads. */
#include "unit.h"

#include <pthread.h>

#include "base/clock.h"
#include "pool/bucket.h"

#define RATE 20
#define START (1000 * NS_PER_S)

static unsigned take_all(struct bucket *bucket, uint32_t rate, uint64_t now_ns)
{
	unsigned n = 0;

	while (n < 100000 && bucket_take(bucket, rate, now_ns, NULL))
		n++;
	return n;
}

static void test_burst(void)
{
	struct bucket bucket = {0};
	uint64_t wait;

	CU_ASSERT_EQUAL(take_all(&bucket, RATE, START), RATE);
	CU_ASSERT_FALSE(bucket_take(&bucket, RATE, START, &wait));
	CU_ASSERT_EQUAL(wait, NS_PER_S / RATE);
	CU_ASSERT_FALSE(bucket_take(&bucket, RATE, START + wait - 1, NULL));
	CU_ASSERT_TRUE(bucket_take(&bucket, RATE, START + wait, &wait));
	CU_ASSERT_EQUAL(wait, 0);
	CU_ASSERT_FALSE(bucket_take(&bucket, RATE, START + NS_PER_S / RATE, NULL));
}

static void test_refill(void)
{
	struct bucket bucket = {0};

	CU_ASSERT_EQUAL(take_all(&bucket, RATE, START), RATE);
	CU_ASSERT_EQUAL(take_all(&bucket, RATE, START + NS_PER_S / 2), RATE / 2);
	CU_ASSERT_EQUAL(take_all(&bucket, RATE, START + 3600 * NS_PER_S), RATE);
}

/* In any ten seconds not more than the burst and ten seconds' worth. */
static void test_rate(void)
{
	struct bucket bucket = {0};
	unsigned n = 0;

	for (uint64_t t = 0; t < 10 * NS_PER_S; t += 7 * NS_PER_MS)
		n += take_all(&bucket, RATE, START + t);
	CU_ASSERT_TRUE(n <= RATE + 10 * RATE);
	CU_ASSERT_TRUE(n >= RATE + 10 * RATE - 1);
}

static void test_edges(void)
{
	struct bucket none = {0}, one = {0}, many = {0}, early = {0};

	for (unsigned i = 0; i < 1000; i++)
		CU_ASSERT_TRUE(bucket_take(&none, 0, START, NULL));
	CU_ASSERT_EQUAL(take_all(&one, 1, START), 1);
	CU_ASSERT_EQUAL(take_all(&one, 1, START + NS_PER_S), 1);
	CU_ASSERT_EQUAL(take_all(&many, 50000, START), 50000);
	CU_ASSERT_EQUAL(take_all(&early, RATE, 0), RATE); /* the clock of a machine that has just started */
}

static struct bucket shared;

static void *take_shared(void *arg)
{
	*(unsigned *)arg = take_all(&shared, 1000, START);
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	unsigned n[4], sum = 0;

	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, take_shared, &n[i]), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum += n[i];
	}
	CU_ASSERT_EQUAL(sum, 1000);
}

static const struct unit_case cases[] = {
	{"a full bucket gives a second's worth at once, then none until one has dripped", test_burst},
	{"it fills with time and never beyond the burst", test_refill},
	{"the rate holds over a long time", test_rate},
	{"no limit, one a second, very many, and the clock's first second", test_edges},
	{"threads that take at once share what is there", test_threads},
	{0},
};
UNIT_MAIN("bucket", cases)
