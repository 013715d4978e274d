/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that go away and come back (PKCS#11 3.1 5.5.4, C_WaitForSlotEvent). */
#include "token/core.h"
#include "token/slot_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static pthread_mutex_t events_lock = PTHREAD_MUTEX_INITIALIZER; /* told_present of all slots */

bool slot_present(struct slot *slot)
{
	if (slot->conf.engine != CONF_STORE_SQLITE || faccessat(AT_FDCWD, slot->conf.store, R_OK, AT_EACCESS) == 0) {
		atomic_store_explicit(&slot->seen, true, memory_order_relaxed);
		return true;
	}
	return errno == ENOENT && !atomic_load_explicit(&slot->seen, memory_order_relaxed);
}

void slot_event_begin(struct slot *slot)
{
	slot->told_present = slot_present(slot);
}

/* One slot that changed since it was last told; false: none. */
static bool take_event(CK_SLOT_ID *id)
{
	bool found = false;
	pthread_mutex_lock(&events_lock);
	for (size_t i = 0; i < atomic_load(&slots.n) && !found; i++) {
		struct slot *slot = slots.slot[i];
		bool present = slot_present(slot);
		found = present != slot->told_present;
		slot->told_present = present;
		if (found)
			*id = slot->id;
	}
	pthread_mutex_unlock(&events_lock);
	return found;
}

CK_RV slot_event(CK_SLOT_ID *id)
{
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	rv = take_event(id) ? CKR_OK : CKR_NO_EVENT;
	core_rele();
	return rv;
}

void slot_event_before_fork(void)
{
	pthread_mutex_lock(&events_lock);
}

void slot_event_after_fork_parent(void)
{
	pthread_mutex_unlock(&events_lock);
}

void slot_event_after_fork_child(void)
{
	pthread_mutex_init(&events_lock, NULL);
}
