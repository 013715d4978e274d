/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and sessions opened and closed. */
#include "driver/sdf/library_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define CLOSE_WAIT_NS NS_PER_S /* for the turn to close a session */

/* Opening has no effect that could be lost: another device is tried free of charge. */
static enum hufu_err opening_error(const struct sdf_library *library, uint32_t code)
{
	enum hufu_err err = sdf_profile_error(library->profile, code)->err;
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_NO_KEY:
		return HUFU_ERR_GONE;
	case HUFU_GROUP_OK:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_HOST:
	case HUFU_GROUP_BUG:
		break;
	}
	return err;
}

static enum turn_mode opening_mode(const struct sdf_profile *profile)
{
	bool alone = profile->open_exclusive || profile->concurrency == SDF_CONCURRENT_NONE;
	return alone ? TURN_EXCLUSIVE : TURN_NONE;
}

/* -- devices ---------------------------------------------------------------------------------- */

static bool same_config(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Where a process may have no more: one that was opened in the same way, and that somebody still holds. */
static struct sdf_device *find_shared_locked(const struct sdf_library *library, const char *open_config)
{
	for (struct sdf_device *device = library->image->devices; device; device = device->next)
		if (device->library == library && device->holders && same_config(device->open_config, open_config))
			return device;
	return NULL;
}

/* HUFU_OK with *device NULL: there is room for another, which is counted. */
static enum hufu_err reserve_device(struct sdf_library *library, const char *open_config, struct sdf_device **device)
{
	struct sdf_image *image = library->image;
	uint32_t most = library->profile->devices_max;
	enum hufu_err err = HUFU_OK;
	*device = NULL;
	pthread_mutex_lock(&image->lock);
	if (!most || image->ndevices < most) {
		image->ndevices++;
	} else {
		*device = find_shared_locked(library, open_config);
		if (*device)
			(*device)->holders++;
		else
			err = HUFU_ERR_BUSY;
	}
	pthread_mutex_unlock(&image->lock);
	return err;
}

static void free_device(struct sdf_device *device)
{
	free(device->open_config);
	free(device);
}

static struct sdf_device *new_device(struct sdf_library *library, const char *open_config)
{
	struct sdf_device *device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->library = library;
	device->holders = 1;
	turn_init(&device->turn);
	device->open_config = open_config ? strdup(open_config) : NULL;
	if (!open_config || device->open_config)
		return device;
	free_device(device);
	return NULL;
}

/* The path is the library's to read: it gets our own copy. */
static enum hufu_err open_handle(struct sdf_device *device, uint64_t deadline_ns, uint32_t *code)
{
	struct sdf_library *library = device->library;
	enum turn_mode mode = opening_mode(library->profile);
	if (!turn_take(&library->image->gate, mode, deadline_ns))
		return HUFU_ERR_BUSY;
	int rc = device->open_config ? library->fn.open(device->given, device->open_config, NULL) : library->fn.OpenDevice(device->given);
	turn_give(&library->image->gate, mode);
	*code = (uint32_t)rc;
	device->handle = device->given[0];
	if (rc == 0)
		return device->handle ? HUFU_OK : HUFU_ERR_GONE;
	return opening_error(library, *code);
}

enum hufu_err sdf_device_open(struct sdf_library *library, const char *open_config, uint64_t deadline_ns, struct sdf_device **out,
                              uint32_t *code)
{
	struct sdf_image *image = library->image;
	*code = 0;
	if (open_config && !library->fn.open)
		return HUFU_ERR_CONFIG;
	enum hufu_err err = reserve_device(library, open_config, out);
	if (err != HUFU_OK || *out)
		return err;
	struct sdf_device *device = new_device(library, open_config);
	err = device ? open_handle(device, deadline_ns, code) : HUFU_ERR_NO_MEMORY;
	pthread_mutex_lock(&image->lock);
	if (err == HUFU_OK) {
		device->next = image->devices;
		image->devices = device;
	} else {
		image->ndevices--;
	}
	pthread_mutex_unlock(&image->lock);
	if (err == HUFU_OK)
		*out = device;
	else if (device && !library->profile->late_writes) /* else it stays the library's */
		free_device(device);
	return err;
}

static void unlink_device_locked(struct sdf_device *device)
{
	struct sdf_device **at = &device->library->image->devices;
	while (*at != device)
		at = &(*at)->next;
	*at = device->next;
}

/* It counts until the library has closed it: a process that may have one must not open a second meanwhile. */
static void close_handle(struct sdf_device *device, uint64_t deadline_ns)
{
	struct sdf_library *library = device->library;
	struct sdf_image *image = library->image;
	enum turn_mode mode = opening_mode(library->profile);
	bool had = turn_take(&image->gate, mode, deadline_ns);
	if (had) {
		(void)library->fn.CloseDevice(device->handle);
		turn_give(&image->gate, mode);
	} else {
		log_warning("%s: a device stays open in this process, since calls of the library do not end", image->path);
	}
	pthread_mutex_lock(&image->lock);
	image->ndevices -= had;
	pthread_mutex_unlock(&image->lock);
	free_device(device);
}

/* Takes one count away; closes the device when that was the last. */
static void drop(struct sdf_device *device, unsigned *count, uint64_t deadline_ns)
{
	struct sdf_image *image = device->library->image;
	pthread_mutex_lock(&image->lock);
	--*count;
	bool last = !device->holders && !device->sessions;
	if (last)
		unlink_device_locked(device);
	pthread_mutex_unlock(&image->lock);
	if (last)
		close_handle(device, deadline_ns);
}

void sdf_device_close(struct sdf_device *device, uint64_t deadline_ns)
{
	drop(device, &device->holders, deadline_ns);
}

/* -- sessions ------------------------------------------------------------------------------------ */

static bool reserve_session(struct sdf_device *device)
{
	struct sdf_image *image = device->library->image;
	uint32_t most = device->library->profile->sessions_max;
	pthread_mutex_lock(&image->lock);
	bool room = !most || device->sessions < most;
	device->sessions += room;
	pthread_mutex_unlock(&image->lock);
	return room;
}

/* Both turns, as a call has them; opening may want the library for itself. */
static bool begin_opening(struct sdf_device *device, uint64_t deadline_ns)
{
	const struct sdf_profile *profile = device->library->profile;
	enum turn_mode own = profile->concurrency == SDF_CONCURRENT_DEVICES ? TURN_EXCLUSIVE : TURN_NONE;
	if (!turn_take(&device->turn, own, deadline_ns))
		return false;
	if (turn_take(&device->library->image->gate, opening_mode(profile), deadline_ns))
		return true;
	turn_give(&device->turn, own);
	return false;
}

static void end_opening(struct sdf_device *device)
{
	const struct sdf_profile *profile = device->library->profile;
	turn_give(&device->library->image->gate, opening_mode(profile));
	turn_give(&device->turn, profile->concurrency == SDF_CONCURRENT_DEVICES ? TURN_EXCLUSIVE : TURN_NONE);
}

static enum hufu_err open_session(struct sdf_session *s, uint64_t deadline_ns, uint32_t *code)
{
	struct sdf_device *device = s->device;
	void **handle = room_out(s, SDF_REGION_HANDLE, sizeof(*handle));
	if (!begin_opening(device, deadline_ns))
		return HUFU_ERR_BUSY;
	int rc = device->library->fn.OpenSession(device->handle, handle);
	end_opening(device);
	s->handle = room_handle(s);
	s->filled[SDF_REGION_HANDLE] = 0;
	*code = s->code = (uint32_t)rc;
	if (rc == 0)
		return s->handle ? HUFU_OK : HUFU_ERR_GONE;
	return opening_error(device->library, *code);
}

enum hufu_err sdf_session_open(struct sdf_device *device, uint64_t deadline_ns, struct sdf_session **out, uint32_t *code)
{
	*code = 0;
	if (!reserve_session(device))
		return HUFU_ERR_BUSY;
	struct sdf_session *s = calloc(1, sizeof(*s));
	enum hufu_err err = HUFU_ERR_NO_MEMORY;
	if (s) {
		s->device = device;
		if (room_new(s))
			err = open_session(s, deadline_ns, code);
	}
	if (err == HUFU_OK) {
		*out = s;
		return HUFU_OK;
	}
	if (s)
		room_free(s);
	free(s);
	drop(device, &device->sessions, deadline_ns);
	return err;
}

void sdf_session_close(struct sdf_session *s)
{
	struct sdf_device *device = s->device;
	uint64_t until = clock_now_ns() + CLOSE_WAIT_NS;
	if (begin_opening(device, until)) {
		(void)device->library->fn.CloseSession(s->handle);
		end_opening(device);
	} else {
		log_warning("%s: a session stays open in this process, since calls of the library do not end", device->library->image->path);
	}
	room_free(s);
	free(s);
	drop(device, &device->sessions, until);
}
