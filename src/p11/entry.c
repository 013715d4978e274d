/* SPDX-License-Identifier: Apache-2.0 */
#include "p11/entry.h"
#include "token/core.h"
#include "token/operation.h"

#include <stdatomic.h>
#include <stdint.h>

/* More attributes than any template has; keeps n times the size of one from wrapping around. */
#define TEMPLATE_MAX 65535u

static struct app_mutex {
	CK_LOCKMUTEX lock;
	CK_UNLOCKMUTEX unlock;
	CK_DESTROYMUTEX destroy;
	void *mutex;
} app;

/* &app while it is in use. Changed only by C_Initialize and C_Finalize, which no other call may overlap in this case. */
static _Atomic(struct app_mutex *) in_use;

/* -- the application's mutex ------------------------------------------------- */

CK_RV entry_mutex_new(const CK_C_INITIALIZE_ARGS *args, void **mutex)
{
	return args->CreateMutex(mutex) == CKR_OK ? CKR_OK : CKR_CANT_LOCK;
}

void entry_mutex_free(const CK_C_INITIALIZE_ARGS *args, void *mutex)
{
	args->DestroyMutex(mutex);
}

void entry_mutex_use(const CK_C_INITIALIZE_ARGS *args, void *mutex)
{
	if (!mutex) {
		atomic_store(&in_use, NULL);
		return;
	}
	app = (struct app_mutex){args->LockMutex, args->UnlockMutex, args->DestroyMutex, mutex};
	atomic_store(&in_use, &app);
}

void entry_mutex_drop(void)
{
	struct app_mutex *m = atomic_exchange(&in_use, NULL);
	if (!m)
		return;
	m->unlock(m->mutex);
	m->destroy(m->mutex);
}

static CK_RV lock(void)
{
	struct app_mutex *m = atomic_load_explicit(&in_use, memory_order_acquire);
	return !m || m->lock(m->mutex) == CKR_OK ? CKR_OK : CKR_GENERAL_ERROR;
}

static void unlock(void)
{
	struct app_mutex *m = atomic_load_explicit(&in_use, memory_order_acquire);
	if (m)
		m->unlock(m->mutex);
}

/* -- in and out --------------------------------------------------------------- */

CK_RV entry_begin(void)
{
	if (!core_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return lock();
}

CK_RV entry_end(CK_RV rv)
{
	unlock();
	return rv;
}

CK_RV entry_session(CK_SESSION_HANDLE handle, struct session **s)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	rv = session_enter(handle, s);
	return rv == CKR_OK ? CKR_OK : entry_end(rv);
}

CK_RV entry_leave(struct session *s, CK_RV rv)
{
	session_leave(s);
	return entry_end(rv);
}

/* -- arguments ---------------------------------------------------------------- */

bool bad_input(const void *data, CK_ULONG len)
{
	return len > PTRDIFF_MAX || (len && !data);
}

bool bad_template(const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	return n > TEMPLATE_MAX || (n && !templ);
}

CK_RV bad_arguments(struct session *s, enum op_kind kind)
{
	operation_end(s->ops[kind]);
	return CKR_ARGUMENTS_BAD;
}

CK_RV entry_unsupported(CK_SESSION_HANDLE handle, bool bad)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad ? CKR_ARGUMENTS_BAD : CKR_FUNCTION_NOT_SUPPORTED);
}
