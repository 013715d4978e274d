/* SPDX-License-Identifier: Apache-2.0 */
/*
 * declassify(p, len): these bytes came from secrets but may be known from here
 * on, so branches on them are no leak. It does nothing, except in the test
 * ct_sm, which runs under valgrind with every secret marked undefined.
 */
#ifndef SM_DECLASSIFY_H
#define SM_DECLASSIFY_H

#ifdef SM_TEST_CONSTANT_TIME
#include <valgrind/memcheck.h>
#define declassify(p, len) VALGRIND_MAKE_MEM_DEFINED(p, len)
#else
#define declassify(p, len) ((void)(p), (void)(len))
#endif

#endif
