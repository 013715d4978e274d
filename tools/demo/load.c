/* SPDX-License-Identifier: Apache-2.0 */
/* An application that knows one token and no machines: it signs. */
#include "tools/demo/demo.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/report.h"

static bool find_key(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *key)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE attrs[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, "signer", 6}};
	CK_ULONG n = 0;

	return f->C_FindObjectsInit(session, attrs, 2) == CKR_OK && f->C_FindObjects(session, key, 1, &n) == CKR_OK &&
	       f->C_FindObjectsFinal(session) == CKR_OK && n == 1;
}

static CK_RV sign_once(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	static CK_BYTE message[] = "two halves that must match before troops move";
	CK_MECHANISM mechanism = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_BYTE signature[128];
	CK_ULONG len = sizeof signature;
	CK_RV rv = f->C_SignInit(session, &mechanism, key);

	return rv == CKR_OK ? f->C_Sign(session, message, sizeof message - 1, signature, &len) : rv;
}

static void note_call(struct load *load, CK_RV rv, uint64_t took_ns)
{
	uint64_t slowest = atomic_load(&load->slowest_ns);
	unsigned long none = CKR_OK;

	atomic_fetch_add(&load->calls, 1);
	while (took_ns > slowest && !atomic_compare_exchange_weak(&load->slowest_ns, &slowest, took_ns))
		;
	if (rv == CKR_OK)
		return;
	atomic_fetch_add(&load->failed, 1);
	atomic_compare_exchange_strong(&load->first_failure, &none, rv);
}

static void *work(void *arg)
{
	struct load *load = arg;
	CK_FUNCTION_LIST *f = load->module->f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_RV rv = f->C_OpenSession(load->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);

	if (rv == CKR_OK && !find_key(f, session, &key))
		rv = CKR_KEY_HANDLE_INVALID;
	if (rv != CKR_OK) {
		note_call(load, rv, 0);
		return NULL;
	}
	while (!atomic_load(&load->stop)) {
		const uint64_t from = clock_now_ns();
		rv = sign_once(f, session, key);
		note_call(load, rv, clock_now_ns() - from);
	}
	return NULL;
}

enum status load_start(struct load *load, unsigned long nthreads)
{
	load->threads = calloc(nthreads, sizeof *load->threads);
	if (!load->threads)
		return fail_memory();
	for (; load->nthreads < nthreads; load->nthreads++)
		if (pthread_create(&load->threads[load->nthreads], NULL, work, load))
			return fail_errno(NULL, "starting thread %lu", load->nthreads + 1);
	return ST_OK;
}

void load_stop(struct load *load)
{
	atomic_store(&load->stop, true);
	for (unsigned long i = 0; i < load->nthreads; i++)
		pthread_join(load->threads[i], NULL);
	load->nthreads = 0;
	free(load->threads);
	load->threads = NULL;
}
