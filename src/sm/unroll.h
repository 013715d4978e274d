/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for a loop of constant count to be laid out flat, where -O2 by itself would not. */
#ifndef SM_UNROLL_H
#define SM_UNROLL_H

#define UNROLL_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define UNROLL(n) UNROLL_PRAGMA(clang loop unroll_count(n))
#elif defined(__GNUC__)
#define UNROLL(n) UNROLL_PRAGMA(GCC unroll n)
#else
#define UNROLL(n)
#endif

#endif
