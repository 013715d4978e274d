/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's library as test_sdf_library wants it: a card in memory, built in several layouts. It has SM2 pairs at
 * the indexes 1 and 2 (FAKE_PASSWORD opens them), an RSA key at 3, nothing at 4, and a KEK at 1.
 */
#ifndef SDF_FAKE_H
#define SDF_FAKE_H

#include <stdint.h>

#define FAKE_PASSWORD "12345678"

/* What it does wrong, and what it saw: the symbol "fake". One per loaded library. */
struct fake {
	/* told by the test */
	int code;                 /* every call but opening and closing gives it, and has no effect */
	int open_code;            /* SDF_OpenDevice, SDF_OpenSession */
	int mute;                 /* SDR_OK, and nothing is written */
	unsigned overrun;         /* bytes written behind every struct that is filled */
	int len_off;              /* added to every length that is given */
	int off_curve;            /* points that are given are on no curve */
	int high_half;            /* a byte above every number of 32 bytes, where there is room */
	int no_handle;            /* calls that should give a handle give NULL */
	int keep_iv;              /* the IV is not updated */
	int needs_right;          /* private keys want the access right */
	void (*meet)(void *arg);  /* called in the middle of SDF_InternalSign_ECC */
	void (*meet_opening)(void *arg); /* and of SDF_OpenSession */
	void *arg;
	/* seen, by any thread */
	_Atomic unsigned devices, sessions, handles, calls;
	_Atomic unsigned longest_random, longest_data;
	char config[64];          /* that SDF_OpenDeviceEx was given */
	_Atomic unsigned alg, usage;   /* the last that it was given */
};

#endif
