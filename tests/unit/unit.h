/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CUnit suites reported as TAP, a line a case, so that ./check counts cases.
 *
 *	static const struct unit_case cases[] = {
 *		{"SM3 gives the digest of GB/T 32905 A.1", test_sm3_abc},
 *		{0},
 *	};
 *	UNIT_MAIN("sm3", cases)
 */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/Basic.h>
#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit_case {
	const char *claim;
	void (*run)(void);
};

static unsigned unit_number;
__attribute__((weak)) const char *unit_skip_reason; /* one of them, where a program's cases are in several files */

/* Ends the running case as skipped, with the reason that ./check prints. */
#define UNIT_SKIP(reason) do { unit_skip_reason = (reason); return; } while (0)

__attribute__((unused)) /* For cases that fork: ThreadSanitizer cannot follow a child of a threaded process, so ./check --long tells them to stay away there. */
#define UNIT_FORKS() do { if (getenv("HUFU_TEST_NO_FORK")) UNIT_SKIP("told not to fork"); } while (0)

/* The same for cases whose other threads allocate meanwhile: gcc's AddressSanitizer takes none of its allocator's locks before a fork. */
#ifdef __SANITIZE_ADDRESS__
#define UNIT_FORKS_AMID_THREADS() UNIT_SKIP("under AddressSanitizer a child of busy threads may wait for its allocator for ever")
#else
#define UNIT_FORKS_AMID_THREADS() UNIT_FORKS()
#endif

static void unit_done(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	(void)suite;
	unit_number++;
	printf("%s %u - %s%s%s\n", failure ? "not ok" : "ok", unit_number, test->pName,
	       unit_skip_reason ? " # SKIP " : "", unit_skip_reason ? unit_skip_reason : "");
	for (CU_pFailureRecord f = failure; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName ? f->strFileName : "?", f->uiLineNumber, f->strCondition ? f->strCondition : "?");
	fflush(stdout);
	unit_skip_reason = NULL;
}

__attribute__((unused)) static int unit_main(const char *name, const struct unit_case *cases)
{
	unsigned n = 0;
	while (cases[n].claim)
		n++;
	printf("1..%u\n", n);
	fflush(stdout);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 99;
	CU_pSuite suite = CU_add_suite(name, NULL, NULL);
	for (unsigned i = 0; i < n; i++)
		if (!suite || !CU_add_test(suite, cases[i].claim, cases[i].run))
			return 99;
	CU_set_test_complete_handler(unit_done);
	CU_run_all_tests();
	unsigned failed = CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}

#define UNIT_MAIN(name, cases) int main(void) { return unit_main(name, cases); }

/* "00ff" -> bytes; gives the length. The caller's buffer holds it. */
__attribute__((unused)) static size_t unit_hex(const char *hex, unsigned char *out)
{
	size_t n = 0;
	for (; hex[0]; hex++) {
		unsigned byte;
		if (hex[0] == ' ')
			continue;
		if (!hex[1] || sscanf(hex, "%2x", &byte) != 1)
			abort();
		out[n++] = (unsigned char)byte;
		hex++;
	}
	return n;
}

#endif
