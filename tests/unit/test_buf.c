/* SPDX-License-Identifier: Apache-2.0 */
/* Readers, writers, error names and the clock. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

#include "unit.h"

static void test_read_back(void)
{
	struct writer w;
	size_t len;
	writer_init(&w, false);
	write_u8(&w, 0x01);
	write_u16(&w, 0x0203);
	write_u32(&w, 0x04050607);
	write_u64(&w, 0x08090a0b0c0d0e0full);
	write_bytes(&w, "abc", 3);
	uint8_t *data = writer_take(&w, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'a', 'b', 'c'};
	CU_ASSERT_EQUAL_FATAL(len, sizeof(expected));
	CU_ASSERT_EQUAL(memcmp(data, expected, len), 0);

	struct reader r = reader_of(data, len);
	char text[3];
	CU_ASSERT_EQUAL(read_u8(&r), 0x01);
	CU_ASSERT_EQUAL(read_u16(&r), 0x0203);
	CU_ASSERT_EQUAL(read_u32(&r), 0x04050607);
	CU_ASSERT_EQUAL(read_u64(&r), 0x08090a0b0c0d0e0full);
	CU_ASSERT_FALSE(reader_done(&r));
	read_copy(&r, text, sizeof(text));
	CU_ASSERT_EQUAL(memcmp(text, "abc", 3), 0);
	CU_ASSERT_TRUE(reader_done(&r));
	free(data);
}

static void test_reader_sticks(void)
{
	static const uint8_t three[3] = {1, 2, 3};
	struct reader r = reader_of(three, sizeof(three));
	uint8_t out[2] = {0xff, 0xff};
	CU_ASSERT_EQUAL(read_u32(&r), 0);
	CU_ASSERT_TRUE(r.bad);
	CU_ASSERT_EQUAL(read_u8(&r), 0);
	CU_ASSERT_PTR_NULL(read_bytes(&r, 0));
	read_copy(&r, out, sizeof(out));
	CU_ASSERT_EQUAL(out[0] | out[1], 0);
	CU_ASSERT_FALSE(reader_done(&r));

	r = reader_of(three, sizeof(three));
	CU_ASSERT_PTR_NULL(read_bytes(&r, SIZE_MAX));
	CU_ASSERT_TRUE(r.bad);

	r = reader_of(NULL, 0);
	CU_ASSERT_TRUE(reader_done(&r));
}

static void test_writer_grows(void)
{
	size_t before = secret_in_use();
	for (int secret = 0; secret < 2; secret++) {
		struct writer w;
		size_t len;
		writer_init(&w, secret);
		for (uint32_t i = 0; i < 20000; i++)
			write_u32(&w, i);
		uint8_t *data = writer_take(&w, &len);
		CU_ASSERT_PTR_NOT_NULL_FATAL(data);
		CU_ASSERT_EQUAL(len, 80000);
		struct reader r = reader_of(data, len);
		bool same = true;
		for (uint32_t i = 0; i < 20000; i++)
			same &= read_u32(&r) == i;
		CU_ASSERT_TRUE(same && reader_done(&r));
		CU_ASSERT_PTR_NULL(w.data);
		if (secret)
			secret_free(data);
		else
			free(data);
	}
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static void test_writer_bad(void)
{
	struct writer w;
	size_t len = 7;
	writer_init(&w, true);
	write_u32(&w, 1);
	write_bytes(&w, &w, SIZE_MAX - 2);
	CU_ASSERT_TRUE(w.bad);
	write_u32(&w, 2);
	CU_ASSERT_EQUAL(w.len, 4);
	CU_ASSERT_PTR_NULL(writer_take(&w, &len));
	CU_ASSERT_EQUAL(len, 0);
	CU_ASSERT_EQUAL(secret_in_use(), 0);

	writer_init(&w, false);
	write_bytes(&w, NULL, 0);
	CU_ASSERT_PTR_NULL(writer_take(&w, &len));
	writer_clear(&w);
}

static void test_err_names(void)
{
	CU_ASSERT_STRING_EQUAL(err_name(HUFU_ERR_ARGUMENT), "caller/argument");
	CU_ASSERT_STRING_EQUAL(err_text(HUFU_ERR_STORE_FULL), "the store is full");
	CU_ASSERT_STRING_EQUAL(err_name((enum hufu_err)0x7fff), "unknown");
}

static uint64_t fake_now(void)
{
	return 42;
}

static void test_clock(void)
{
	uint64_t a = clock_now_ns(), b = clock_now_ns();
	CU_ASSERT_TRUE(a > 0 && b >= a);
	clock_inject(fake_now);
	CU_ASSERT_EQUAL(clock_now_ns(), 42);
	clock_inject(NULL);
	CU_ASSERT_TRUE(clock_now_ns() >= b);
	CU_ASSERT_TRUE(clock_wall_s() > 1577836800); /* 2020-01-01 */
}

static const struct unit_case cases[] = {
	{"what a writer writes, big-endian, a reader reads back", test_read_back},
	{"a reader that ran short stays bad and gives zeros", test_reader_sticks},
	{"a writer grows in ordinary and in secret memory without a leak", test_writer_grows},
	{"a writer that cannot grow is bad, writes nothing more and gives nothing", test_writer_bad},
	{"every error has a name and a text, an unknown number too", test_err_names},
	{"the clock is monotonic and can be injected", test_clock},
	{0},
};
UNIT_MAIN("buf", cases)
