/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny PKCS#11 module for tests of the driver: one token, the objects that
 * p11_fake.c lists, SM2 by Sansec's numbers with DER signatures, and whatever
 * misbehaviour it is told. Loaded as any module; the test gets at the same copy
 * by p11_fake(), its one symbol beside C_GetFunctionList.
 */
#ifndef P11_FAKE_H
#define P11_FAKE_H

#include "hufu/pkcs11-sm.h"

/* Calls that can be told something. */
enum fake_call { FAKE_OPEN, FAKE_LOGIN, FAKE_ENCRYPT, FAKE_DECRYPT, FAKE_SIGN, FAKE_VERIFY, FAKE_WRAP, FAKE_UNWRAP, FAKE_CREATE, FAKE_FIND,
                 FAKE_ATTRIBUTE, FAKE_RANDOM, FAKE_CALLS };

struct p11_fake {
	/* Answers the call with rv so many times, from now on; rv CKR_OK with lie: a length that cannot be. */
	struct {
		CK_RV rv;
		unsigned times;
		bool lie;
	} next[FAKE_CALLS];
	unsigned asked[FAKE_CALLS];
	unsigned sessions, sessions_max;  /* open; 0: any number */
	unsigned initialised, finalised;
	bool logged_in;
	bool no_rng;
	bool sm;                        /* offers SM2 and SM4 by Sansec's numbers */
	bool public_missing;            /* the signer's public half is not on the token */
	bool point_bare;                /* CKA_EC_POINT without its OCTET STRING */
	bool for_persons;               /* the signer wants a PIN at each use */
	bool another_signer;            /* in the place of the signer, by its label and ID */
	bool twice;                     /* every object is found twice */
	bool cut;                       /* ciphertexts and texts lack their last byte */
	bool another_token;             /* is in the slot */
	void (*after_init)(void);       /* called after the next Init that went well, once */
	CK_CCM_PARAMS ccm;              /* of the last Init with such a parameter */
	bool inside;                    /* a call is running */
	unsigned overlaps;              /* calls that came while one was running */
};

typedef struct p11_fake *(*p11_fake_fn)(void);

#define FAKE_PIN "1234"
#define FAKE_LABEL "fake token"

#endif
