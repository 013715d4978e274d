/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices (GM/T 0018-2023 6.2.1, 6.2.2). The first one that is opened starts the
 * core over the configuration's token, the last one that is closed stops it.
 */
#include "base/log.h"
#include "sdf/login.h"
#include "sdf/self.h"
#include "token/core.h"
#include "token/slot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What all open devices share; under lock, and constant while one is open. */
static struct {
	pthread_mutex_t lock;
	unsigned ndevices;
	char *path;              /* that was asked for; NULL: none was */
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE anchor; /* keeps the token open and the user logged in */
} face = {.lock = PTHREAD_MUTEX_INITIALIZER};

const struct conf_sdf *face_conf(void)
{
	return &core_conf()->sdf;
}

/* -- fork: after the core's handlers were registered, so that ours run before them ------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&face.lock);
	table_before_fork();
	right_before_fork();
}

static void after_fork_parent(void)
{
	right_after_fork_parent();
	table_after_fork_parent();
	pthread_mutex_unlock(&face.lock);
}

static void after_fork_child(void)
{
	right_after_fork_child();
	table_after_fork_child();
	pthread_mutex_init(&face.lock, NULL);
}

static void register_fork_handlers(void)
{
	if (pthread_atfork(before_fork, after_fork_parent, after_fork_child) != 0)
		log_warning("no memory for fork handlers: do not fork while devices are open");
}

/* -- the token ------------------------------------------------------------------------------------ */

static bool is_initialised(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	return slot_token_info(slot, &info) == CKR_OK && info.flags & CKF_TOKEN_INITIALIZED;
}

/* Where the configuration names none: the only one that there is. */
static bool find_only_slot(CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = 0, found = 0;
	if (slot_list(false, NULL, &n) != CKR_OK || n > COUNT(slots) || slot_list(false, slots, &n) != CKR_OK)
		return false;
	for (CK_ULONG i = 0; i < n; i++) {
		if (!is_initialised(slots[i]))
			continue;
		*slot = slots[i];
		found++;
	}
	if (found != 1)
		log_error("there are %lu tokens, and the configuration does not say which one GM/T 0018 programs use. Add sdf { token = "
		          "\"name\" }", found);
	return found == 1;
}

static bool find_slot(CK_SLOT_ID *slot)
{
	const char *name = face_conf()->token;
	if (!name)
		return find_only_slot(slot);
	if (slot_by_name(name, slot) == CKR_OK)
		return true;
	log_error("there is no token \"%s\", which the section sdf names. Make it with hufu token init", name);
	return false;
}

static CK_RV open_anchor(CK_SLOT_ID slot)
{
	struct session *s;
	CK_RV rv = session_open(slot, CKF_SERIAL_SESSION, &face.anchor);
	if (rv != CKR_OK)
		return rv;
	rv = session_enter(face.anchor, &s);
	if (rv != CKR_OK)
		return rv;
	if (face_conf()->login)
		rv = login_from_file(s, face_conf()->login);
	session_leave(s);
	return rv;
}

static int use_token(void)
{
	if (!find_slot(&face.slot) || !self_is_no_device(core_conf(), face.slot))
		return SDR_OPENDEVICE;
	CK_RV rv = open_anchor(face.slot);
	if (rv == CKR_TOKEN_NOT_RECOGNIZED)
		log_error("the token of the section sdf is not initialised. Run hufu token init");
	return rv == CKR_OK ? SDR_OK : SDR_OPENDEVICE;
}

/* -- start and stop ----------------------------------------------------------------------------------- */

static const char *path_of(const char *conf_path)
{
	const char *path = conf_path ? conf_path : secure_getenv("HUFU_SDF_CONF");
	return path && *path ? path : NULL;
}

static void stop_locked(void)
{
	core_stop();
	index_stop();
	right_stop();
	free(face.path);
	face.path = NULL;
	face.anchor = 0;
}

static int start_locked(const char *path)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	face.path = path ? strdup(path) : NULL;
	if (path && !face.path)
		return SDR_NOBUFFER;
	if (core_start_with(path, false) != CKR_OK) { /* the log says why */
		free(face.path);
		face.path = NULL;
		return SDR_OPENDEVICE;
	}
	pthread_once(&once, register_fork_handlers);
	int result = index_start() && right_start() ? use_token() : SDR_NOBUFFER;
	if (result != SDR_OK)
		stop_locked();
	return result;
}

static bool same_path(const char *path)
{
	return path && face.path ? strcmp(path, face.path) == 0 : path == face.path;
}

/* There is one core; a second configuration has no place beside the first. */
static int join_locked(const char *path)
{
	if (face.ndevices == 0)
		return start_locked(path);
	if (same_path(path))
		return SDR_OK;
	log_error("%s cannot be used: a device of %s is open. Close that first", path ? path : "the ordinary configuration",
	          face.path ? face.path : "the ordinary configuration");
	return SDR_OPENDEVICE;
}

static void leave_locked(void)
{
	if (--face.ndevices == 0)
		stop_locked();
}

int sdf_face_open_device(void **device, const char *conf_path)
{
	if (!device)
		return SDR_OUTARGERR;
	struct device *d = calloc(1, sizeof *d);
	if (!d)
		return SDR_NOBUFFER;
	pthread_mutex_lock(&face.lock);
	int result = join_locked(path_of(conf_path));
	if (result == SDR_OK) {
		face.ndevices++;
		d->slot = face.slot;
		d->handle = table_new(HANDLE_DEVICE, d);
		if (!d->handle) {
			leave_locked();
			result = SDR_OPENDEVICE;
		}
	}
	if (result == SDR_OK)
		*device = d->handle;
	pthread_mutex_unlock(&face.lock);
	if (result != SDR_OK)
		free(d);
	return result;
}

/* Its sessions go with it. */
int sdf_face_close_device(void *device)
{
	pthread_mutex_lock(&face.lock);
	struct device *d = table_enter(HANDLE_DEVICE, device);
	if (d) {
		sessions_close_of(d);
		table_close(HANDLE_DEVICE, device);
		leave_locked();
	}
	pthread_mutex_unlock(&face.lock);
	free(d);
	return d ? SDR_OK : SDR_INARGERR;
}
