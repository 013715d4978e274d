/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child of a process whose other threads are at work: it signs, verifies and
 * ends. It calls nothing but the module; libcrypto's locks may be held by a
 * thread that the child does not have, so the parent checks the signature.
 */
#include "chaos.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_MAX_S 60
#define TEXT_LEN 64

struct report {
	CK_RV rv;
	int step;
	uint8_t sig[64];
};

static CK_RV sign_and_verify(const struct worker *w, uint8_t *text, struct report *report)
{
	CK_MECHANISM sm2_sm3 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_ULONG n = sizeof(report->sig);
	CK_RV rv = p11->C_Initialize(&args);

	if (rv == CKR_OK && ++report->step)
		rv = p11->C_SignInit(w->session, &sm2_sm3, shared.sm2_priv);
	if (rv == CKR_OK && ++report->step)
		rv = p11->C_Sign(w->session, text, TEXT_LEN, report->sig, &n);
	if (rv == CKR_OK && ++report->step)
		rv = p11->C_VerifyInit(w->session, &sm2_sm3, shared.sm2_pub);
	if (rv == CKR_OK && ++report->step)
		rv = p11->C_Verify(w->session, text, TEXT_LEN, report->sig, n);
	if (rv == CKR_OK && ++report->step)
		rv = p11->C_Finalize(NULL);
	return rv;
}

static _Noreturn void be_child(const struct worker *w, uint8_t *text, int out)
{
	struct report report = {0};

	alarm(CHILD_MAX_S);
	report.rv = sign_and_verify(w, text, &report);
	_exit(write(out, &report, sizeof(report)) == sizeof(report) ? 0 : 1);
}

/* False: the child ended, or was ended, without a report. */
static bool hear(int in, pid_t child, struct report *report)
{
	bool heard = read(in, report, sizeof(*report)) == sizeof(*report);
	int status;

	return waitpid(child, &status, 0) == child && heard && status == 0;
}

bool work_fork(struct worker *w)
{
	static const char *const steps[] = {"C_Initialize in a child", "C_SignInit in a child", "C_Sign in a child",
	                                    "C_VerifyInit in a child", "C_Verify in a child", "C_Finalize in a child"};
	uint8_t text[TEXT_LEN];
	struct report report = {0};
	int ends[2];

	chance_fill(&w->chance, text, sizeof(text));
	HOLDS(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0)
		be_child(w, text, ends[1]);
	close(ends[1]);
	bool heard = child > 0 && hear(ends[0], child, &report);
	close(ends[0]);
	HOLDS(heard);
	if (report.rv != CKR_OK)
		return work_failed(w, report.rv, steps[report.step]);
	HOLDS(oracle_sm2_verify(shared.sm2, text, sizeof(text), report.sig));
	return true;
}
