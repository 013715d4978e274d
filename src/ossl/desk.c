/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/desk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ossl/pause.h"
#include "token/core.h"
#include "token/operation.h"
#include "token/slot.h"

#define IDLE_MAX 64                     /* sessions that a desk keeps for the next operation */

/* Never freed: a key that outlives its provider may name it, and finds that the core has ended. */
struct desk {
	struct desk *next;
	CK_SLOT_ID slot;
	char token[33];
	_Atomic CK_SESSION_HANDLE anchor;   /* keeps the token open and the user logged in */
	_Atomic CK_SESSION_HANDLE idle[IDLE_MAX];
};

static struct {
	pthread_mutex_t lock;
	unsigned nproviders;
	bool started;
	char *conf;                         /* of whoever started the core; NULL: none was named */
	struct desk *desks;
	bool fork_handled;
} office = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* -- fork: the core has handlers of its own; the lock must not stay with a thread that a child lacks --- */

static void before_fork(void)
{
	pthread_mutex_lock(&office.lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&office.lock);
}

static void after_fork_child(void)
{
	pthread_mutex_init(&office.lock, NULL);
}

/* -- the core's life ----------------------------------------------------------------- */

void desks_join(void)
{
	pthread_mutex_lock(&office.lock);
	office.nproviders++;
	pthread_mutex_unlock(&office.lock);
}

static void stop_locked(void)
{
	for (struct desk *desk = office.desks; desk; desk = desk->next) {
		atomic_store(&desk->anchor, 0);
		for (size_t i = 0; i < IDLE_MAX; i++)
			atomic_store(&desk->idle[i], 0);
	}
	core_stop();
	free(office.conf);
	office.conf = NULL;
	office.started = false;
}

void desks_leave(void)
{
	pthread_mutex_lock(&office.lock);
	/* What jobs wait for goes on without them, and needs the core: it stays then, for whoever loads a provider next. */
	if (--office.nproviders == 0 && office.started && !pause_any())
		stop_locked();
	pthread_mutex_unlock(&office.lock);
}

static bool same_conf(const char *conf)
{
	return conf && office.conf ? strcmp(conf, office.conf) == 0 : conf == office.conf;
}

/* NULL means the same to whoever comes second: the one that is in force. */
static int join_running_locked(const struct provider *provider)
{
	const char *conf = provider->settings.conf;

	if (!conf || same_conf(conf))
		return 1;
	return fail(provider, REASON_CONFIGURATION, "this process uses %s already, and cannot use %s beside it: name the same file in "
	            "each section of openssl.cnf that loads hufu", office.conf ? office.conf : "the default configuration", conf);
}

static int start_locked(const struct provider *provider)
{
	const char *conf = provider->settings.conf;
	char *copy = conf ? strdup(conf) : NULL;

	if (conf && !copy)
		return fail(provider, REASON_INTERNAL, "no memory");
	CK_RV rv = core_start_with(conf, false);
	if (rv != CKR_OK) {
		free(copy);
		return fail_rv(provider, rv, "start with the configuration %s", conf ? conf : "that hufu.conf(5) finds");
	}
	if (!office.fork_handled)
		office.fork_handled = pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0;
	office.conf = copy;
	office.started = true;
	return 1;
}

int desks_start(const struct provider *provider)
{
	pthread_mutex_lock(&office.lock);
	int good = office.started ? join_running_locked(provider) : start_locked(provider);
	pthread_mutex_unlock(&office.lock);
	return good;
}

/* -- desks --------------------------------------------------------------------------- */

static struct desk *find_locked(CK_SLOT_ID slot)
{
	struct desk *desk = office.desks;

	while (desk && desk->slot != slot)
		desk = desk->next;
	return desk;
}

static void copy_label(char to[33], const CK_TOKEN_INFO *info)
{
	size_t len = sizeof info->label;

	while (len && info->label[len - 1] == ' ')
		len--;
	memcpy(to, info->label, len);
	to[len] = '\0';
}

static struct desk *make_locked(CK_SLOT_ID slot)
{
	struct desk *desk = calloc(1, sizeof *desk);

	if (desk) {
		desk->slot = slot;
		desk->next = office.desks;
		office.desks = desk;
	}
	return desk;
}

/* The anchor is opened by whoever comes first; a second one at the same moment is closed again. */
static CK_RV anchor(struct desk *desk)
{
	CK_SESSION_HANDLE opened, none = 0;

	if (atomic_load(&desk->anchor))
		return CKR_OK;
	CK_RV rv = session_open(desk->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &opened);
	if (rv == CKR_OK && !atomic_compare_exchange_strong(&desk->anchor, &none, opened))
		session_close(opened);
	return rv;
}

struct desk *desk_of(const struct provider *provider, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	CK_RV rv = slot_token_info(slot, &info);

	if (rv != CKR_OK)
		return fail_rv(provider, rv, "open the token of slot %lu", slot), NULL;
	pthread_mutex_lock(&office.lock);
	struct desk *desk = find_locked(slot);
	if (!desk)
		desk = make_locked(slot);
	if (desk)
		copy_label(desk->token, &info);
	pthread_mutex_unlock(&office.lock);
	rv = desk ? anchor(desk) : CKR_HOST_MEMORY;
	if (rv != CKR_OK)
		return fail_rv(provider, rv, "open a session on the token \"%.32s\"", info.label), NULL;
	return desk;
}

CK_SLOT_ID desk_slot(const struct desk *desk)
{
	return desk->slot;
}

const char *desk_token(const struct desk *desk)
{
	return desk->token;
}

/* -- sessions ------------------------------------------------------------------------ */

static CK_SESSION_HANDLE take_idle(struct desk *desk)
{
	for (size_t i = 0; i < IDLE_MAX; i++)
		if (atomic_load_explicit(&desk->idle[i], memory_order_relaxed)) {
			CK_SESSION_HANDLE handle = atomic_exchange(&desk->idle[i], 0);
			if (handle)
				return handle;
		}
	return 0;
}

static bool keep_idle(struct desk *desk, CK_SESSION_HANDLE handle)
{
	for (size_t i = 0; i < IDLE_MAX; i++) {
		CK_SESSION_HANDLE none = 0;
		if (atomic_compare_exchange_strong(&desk->idle[i], &none, handle))
			return true;
	}
	return false;
}

/* Sessions that were kept may have been closed with their token, which was initialised anew. */
struct session *desk_take(struct desk *desk, CK_RV *rv)
{
	struct session *session;
	CK_SESSION_HANDLE handle;

	while ((handle = take_idle(desk)))
		if ((*rv = session_enter(handle, &session)) == CKR_OK)
			return session;
	*rv = session_open(desk->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &handle);
	if (*rv == CKR_OK)
		*rv = session_enter(handle, &session);
	return *rv == CKR_OK ? session : NULL;
}

void desk_give(struct desk *desk, struct session *session)
{
	CK_SESSION_HANDLE handle = session->handle;

	for (int kind = 0; kind < OP_KINDS; kind++)
		if (session->ops[kind])
			operation_end(session->ops[kind]);
	session_leave(session);
	if (!keep_idle(desk, handle))
		session_close(handle);
}
