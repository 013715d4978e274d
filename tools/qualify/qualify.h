/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu driver qualify, what both of its processes know.
 *
 * hufu (the judge) never loads the library. For every chapter it starts
 * hufu-qualify (the examiner), which gives up its privileges, loads the
 * library, does what the chapter asks and says what it saw, a JSON object a
 * line. The library runs in the examiner: what comes from there is distrusted.
 *
 * The examiner's descriptors
 *   0  a line of JSON, struct request; then the key's password to the end
 *   1  what it saw: lines of at most LINE_BYTES_MAX bytes
 *   2  what the library prints
 *   3  struct board, shared memory: which function each thread is in
 *
 * Lines, by their member "t"
 *   {"t":"check","id":"sm3","result":"pass","text":"..."}  one finding
 *   {"t":"fact","key":"width","value":32}                  what goes into a profile (learn.c)
 *   {"t":"row","table":"codes","cells":["...","..."]}      of a table
 *   {"t":"point","plot":"sign","series":"1 thread","x":1,"y":2.5}
 *   {"t":"at","done":3,"of":20}                            it is alive, and how far
 *   {"t":"end"}                                            the chapter is over
 */
#ifndef QUALIFY_H
#define QUALIFY_H

#include "hufu/sdf.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_FD 3
#define LINE_BYTES_MAX 65536
#define EXAMINER "hufu-qualify"

/* The functions of a GM/T 0018 library that the examiner calls. */
#define CALLED_FUNCTIONS(X)                                                                                                     \
	X(OpenDevice) X(CloseDevice) X(OpenSession) X(CloseSession) X(GetDeviceInfo) X(GenerateRandom)                         \
	X(GetPrivateKeyAccessRight) X(ReleasePrivateKeyAccessRight)                                                            \
	X(ExportSignPublicKey_RSA) X(ExportSignPublicKey_ECC) X(ExportEncPublicKey_ECC)                                        \
	X(GenerateKeyWithIPK_ECC) X(ImportKeyWithISK_ECC) X(GenerateKeyWithKEK) X(ImportKeyWithKEK) X(ImportKey) X(DestroyKey) \
	X(ExternalVerify_ECC) X(InternalSign_ECC) X(InternalVerify_ECC) X(ExternalEncrypt_ECC) X(InternalDecrypt_ECC)          \
	X(Encrypt) X(Decrypt) X(CalculateMAC) X(AuthEnc) X(AuthDec)                                                            \
	X(HMACInit) X(HMACUpdate) X(HMACFinal) X(HashInit) X(HashUpdate) X(HashFinal)

/* And those of a driver of hufu's. */
#define DRIVER_FUNCTIONS(X) X(open) X(close) X(info) X(probe) X(lease) X(release) X(run)

#define FUNCTION_NUMBER(name) FN_##name,
#define DRIVER_FUNCTION_NUMBER(name) FN_driver_##name,
enum function {
	FN_NONE,
	CALLED_FUNCTIONS(FUNCTION_NUMBER) FN_OpenDeviceEx,
	DRIVER_FUNCTIONS(DRIVER_FUNCTION_NUMBER) FUNCTIONS
};

/* "SDF_OpenDevice", "the driver's run"; NULL: no such number. */
const char *function_name(uint32_t function);

/*
 * A thread's place on the board: a cache line, so that threads do not disturb
 * each other. calls goes up with every call, which is how the judge knows that
 * a thread is still in the same one, however much the others have to tell.
 */
#define BOARD_THREADS 128       /* more than ever run at once */
struct board {
	struct {
		_Atomic uint32_t function, calls;
		uint32_t room[14];
	} threads[BOARD_THREADS];
};

/* What a finding is. */
#define RESULTS(X) X(pass) X(fault) X(quirk) X(info) X(skipped)
#define RESULT_NUMBER(name) RESULT_##name,
enum result { RESULTS(RESULT_NUMBER) RESULTS_COUNT };
/*
 * pass     as the standard and the profile say
 * fault    not so: a program written to them goes wrong, or hufu does
 * quirk    not as the standard says, but harmless, or told of in the profile
 * info     a number or a limit
 * skipped  could not be tried, and why
 */
const char *result_name(enum result);

struct chapter {
	const char *id, *title;
	const char *clause;     /* of GM/T 0059-2018 */
	unsigned flags;
};
#define CHAPTER_SDF    1u   /* of a GM/T 0018 library */
#define CHAPTER_DRIVER 2u   /* of a driver of hufu's */
#define CHAPTER_FULL   4u   /* only with --full, or when asked for */
#define CHAPTER_CROWD  8u   /* threads at once: a crash or a hang says nothing about one function */
#define CHAPTER_MAY_CRASH 16u /* a crash is no fault: it was asked for */
/* Ends with id NULL. */
extern const struct chapter chapters[];

#endif
