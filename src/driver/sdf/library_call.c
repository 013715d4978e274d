/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a vendor's library: its turn, its memory, and what its code means. */
#include "driver/sdf/library_internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"

#include <stdlib.h>
#include <string.h>

#define GUARD 0xa5

/* Handles and lengths have room for libraries that take them for wider than they are. */
static const struct {
	size_t at, size;
} regions[] = {
	[SDF_REGION_HANDLE] = {0, 32},
	[SDF_REGION_LEN] = {32, 32},
	[SDF_REGION_LEN2] = {64, 32},
	[SDF_REGION_OUT] = {128 + ROOM_IN_BYTES, SDF_RANDOM_MAX + GUARD_BYTES},
	[SDF_REGION_OUT2] = {128 + ROOM_IN_BYTES + SDF_RANDOM_MAX + GUARD_BYTES, 128 + GUARD_BYTES},
};
#define ROOM_IN_AT 128
#define ROOM_BYTES (128 + ROOM_IN_BYTES + SDF_RANDOM_MAX + GUARD_BYTES + 128 + GUARD_BYTES)

/* -- the session's memory ------------------------------------------------------------------ */

static size_t bulk_bytes(const struct sdf_session *s)
{
	return 2 * (size_t)profile_of(s)->data_max + BULK_GUARD_BYTES;
}

/* One that an earlier session left, if nothing is written there any more. */
static struct room *unlink_room(struct sdf_library *library)
{
	uint64_t now = library->rooms ? clock_now_ns() : 0;
	struct room **at = &library->rooms;
	while (*at && (*at)->rests_until_ns > now)
		at = &(*at)->next;
	struct room *left = *at;
	if (left)
		*at = left->next;
	return left;
}

static bool take_room(struct sdf_session *s)
{
	struct sdf_library *library = s->device->library;
	pthread_mutex_lock(&library->image->lock);
	struct room *left = unlink_room(library);
	pthread_mutex_unlock(&library->image->lock);
	if (!left)
		return false;
	s->room = left->room;
	s->bulk = left->bulk;
	free(left);
	return true;
}

bool room_new(struct sdf_session *s)
{
	if (!take_room(s))
		s->room = secret_alloc(ROOM_BYTES);
	return s->room && rand_bytes(s->mark, sizeof(s->mark)) == HUFU_OK;
}

/* What a call that timed out wrote late into another session's room would be taken for an answer. */
#define ROOM_RESTS_NS (10 * 60 * NS_PER_S)

/* Out of memory for the note, the memory itself is left alone for good: anything else might be written to. */
static void keep_room(struct sdf_session *s)
{
	struct sdf_library *library = s->device->library;
	struct room *left = malloc(sizeof(*left));
	room_wipe(s);
	if (s->bulk)
		secret_wipe(s->bulk, bulk_bytes(s));
	if (!left)
		return;
	*left = (struct room){.room = s->room, .bulk = s->bulk, .rests_until_ns = s->dead ? clock_now_ns() + ROOM_RESTS_NS : 0};
	pthread_mutex_lock(&library->image->lock);
	left->next = library->rooms;
	library->rooms = left;
	pthread_mutex_unlock(&library->image->lock);
}

void room_free(struct sdf_session *s)
{
	if (profile_of(s)->late_writes && s->room) {
		keep_room(s);
		return;
	}
	secret_free(s->room);
	secret_free(s->bulk);
}

uint8_t *room_in(struct sdf_session *s)
{
	return memset(s->room + ROOM_IN_AT, 0, ROOM_IN_BYTES);
}

void *room_put(struct sdf_session *s, size_t at, const void *data, size_t len)
{
	if (at > ROOM_IN_BYTES || len > ROOM_IN_BYTES - at)
		return NULL;
	if (len)
		memcpy(s->room + ROOM_IN_AT + at, data, len);
	return s->room + ROOM_IN_AT + at;
}

uint8_t *room_bulk_in(struct sdf_session *s)
{
	if (!s->bulk)
		s->bulk = secret_alloc(bulk_bytes(s));
	return s->bulk;
}

static uint8_t *region_at(const struct sdf_session *s, enum sdf_region region)
{
	return region == SDF_REGION_BULK ? s->bulk + profile_of(s)->data_max : s->room + regions[region].at;
}

static size_t guard_len(const struct sdf_session *s, enum sdf_region region, size_t len)
{
	size_t size = region == SDF_REGION_BULK ? profile_of(s)->data_max + BULK_GUARD_BYTES : regions[region].size;
	return size - len < GUARD_BYTES ? size - len : GUARD_BYTES;
}

void *room_out(struct sdf_session *s, enum sdf_region region, size_t len)
{
	uint8_t *at = region_at(s, region);
	memset(at, 0, len);
	memset(at + len, GUARD, guard_len(s, region, len));
	s->filled[region] = len;
	return at;
}

unsigned *room_len_out(struct sdf_session *s, enum sdf_region region, uint32_t room)
{
	unsigned *len = room_out(s, region, sizeof(*len));
	*len = room;
	return len;
}

uint32_t room_len(const struct sdf_session *s, enum sdf_region region)
{
	uint32_t len;
	memcpy(&len, region_at(s, region), sizeof(len));
	return len;
}

void *room_handle(struct sdf_session *s)
{
	void *handle;
	memcpy(&handle, region_at(s, SDF_REGION_HANDLE), sizeof(handle));
	return handle;
}

static size_t mark_len(const struct sdf_session *s, size_t len)
{
	return len < MARK_MIN ? 0 : len < sizeof(s->mark) ? len : sizeof(s->mark);
}

void room_mark(const struct sdf_session *s, uint8_t *out, size_t len)
{
	memcpy(out, s->mark, mark_len(s, len));
}

bool room_is_unwritten(const struct sdf_session *s, const uint8_t *out, size_t len)
{
	return mark_len(s, len) && memcmp(out, s->mark, mark_len(s, len)) == 0;
}

void room_wipe(struct sdf_session *s)
{
	secret_wipe(s->room, ROOM_BYTES);
	memset(s->filled, 0, sizeof(s->filled)); /* the guards are gone */
}

/* -- guards ------------------------------------------------------------------------------------ */

/* How many bytes behind what it was given a library has written. */
static size_t overrun(const struct sdf_session *s, enum sdf_region region)
{
	const uint8_t *guard = region_at(s, region) + s->filled[region];
	size_t len = guard_len(s, region, s->filled[region]);
	if (guard[0] == GUARD && memcmp(guard, guard + 1, len - 1) == 0)
		return 0; /* each byte like the one before it: every call comes by here */
	while (len && guard[len - 1] == GUARD)
		len--;
	return len;
}

/* Harmless here, and not in a program without this room: its vendor should hear of it. */
static void look_at_guards(struct sdf_session *s, const char *function)
{
	struct sdf_image *image = s->device->library->image;
	for (unsigned i = 0; i < SDF_REGIONS; i++) {
		if (!s->filled[i])
			continue;
		size_t len = overrun(s, i);
		if (len && !atomic_exchange(&image->told_of_overrun, true))
			log_warning("%s: SDF_%s writes at least %zu bytes behind the memory that it is given. Nothing was lost; tell its vendor, "
			            "and compare its structs with the profile %s", image->path, function, len, profile_of(s)->name);
		s->filled[i] = 0;
	}
}

/* -- calls ---------------------------------------------------------------------------------------- */

static enum turn_mode gate_mode(const struct sdf_profile *profile)
{
	if (profile->concurrency == SDF_CONCURRENT_NONE)
		return TURN_EXCLUSIVE;
	return profile->open_exclusive ? TURN_SHARED : TURN_NONE;
}

static enum turn_mode device_mode(const struct sdf_profile *profile)
{
	return profile->concurrency == SDF_CONCURRENT_DEVICES ? TURN_EXCLUSIVE : TURN_NONE;
}

/* The device's turn first: who waits for it must not keep openings of other devices waiting. */
bool library_begin(struct sdf_session *s)
{
	const struct sdf_profile *profile = profile_of(s);
	s->code = 0;
	if (s->dead || !turn_take(&s->device->turn, device_mode(profile), s->deadline_ns))
		return false;
	if (turn_take(&s->device->library->image->gate, gate_mode(profile), s->deadline_ns))
		return true;
	turn_give(&s->device->turn, device_mode(profile));
	return false;
}

enum hufu_err library_refused(const struct sdf_session *s)
{
	return s->dead ? HUFU_ERR_GONE : HUFU_ERR_BUSY;
}

enum hufu_err library_end(struct sdf_session *s, const char *function, int code)
{
	const struct sdf_profile *profile = profile_of(s);
	turn_give(&s->device->library->image->gate, gate_mode(profile));
	turn_give(&s->device->turn, device_mode(profile));
	look_at_guards(s, function);
	s->code = (uint32_t)code;
	const struct sdf_error *error = sdf_profile_error(profile, s->code);
	s->dead |= error->session_dead;
	return error->err;
}
