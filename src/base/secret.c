/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The secret arena.
 *
 * Regions are mmap'd between two guard pages, locked and kept out of core
 * dumps. Allocations up to SLOT_MAX are slots carved from a shared region and
 * kept, once freed, on the free list of their size; larger ones have a region
 * of their own that ends at the guard page and is unmapped when freed.
 *
 *	slot:  | head (16) | the caller's bytes | tail canary (8) | slack |
 *
 * Both canaries are checked by secret_free: an overrun ends the process, as the
 * C library's heap does, since what it hit may be another's key.
 */
#include "base/secret.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WITH_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, len) ((void)(p), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(p, len) ((void)(p), (void)(len))
#define __lsan_register_root_region(p, len) ((void)(p), (void)(len))
#define __lsan_unregister_root_region(p, len) ((void)(p), (void)(len))
#endif

#define SLOT_MIN 64u
#define SLOT_MAX 16384u
#define NCLASSES 9 /* 64, 128, ... 16384 */
#define CLASS_LARGE NCLASSES

/* Regions of slots grow with use, so that a busy process does not run out of mappings. */
#define REGION_FIRST ((size_t)64 << 10)
#define REGION_MOST ((size_t)4 << 20)

#define STATE_USED 0x5eedu
#define STATE_FREE 0xf4eeu

struct head {
	size_t len;
	uint16_t class, state;
	uint32_t canary;
};
_Static_assert(sizeof(struct head) == 16, "the caller's bytes are 16-byte aligned");
#define TAIL_LEN sizeof(uint64_t)

/* A free slot: the caller's bytes are zero but for the link. */
struct free_slot {
	struct head head;
	struct free_slot *next;
};

/* At the start of each mapping, behind the guard page. */
struct region {
	struct region *next, **link;
	size_t len; /* without guard pages */
	size_t used;
};
#define REGION_HEAD ((sizeof(struct region) + 15) & ~(size_t)15)

static struct {
	pthread_mutex_t lock;
	struct region *regions;   /* all, for locking again after fork */
	struct region *carving;   /* slots are cut from this one */
	struct free_slot *free[NCLASSES];
	size_t in_use;
	size_t page;
	uint64_t canary_key;
	bool unlocked;            /* mlock failed at least once */
	bool warned;
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static uint64_t canary_of(const struct head *head)
{
	return arena.canary_key ^ (uint64_t)(uintptr_t)head;
}

static size_t slot_size(unsigned class)
{
	return (size_t)SLOT_MIN << class;
}

static unsigned class_of(size_t len)
{
	size_t need = sizeof(struct head) + len + TAIL_LEN;
	unsigned class = 0;
	while (class < NCLASSES && slot_size(class) < need)
		class++;
	return class;
}

static void arena_init_locked(void)
{
	if (arena.page)
		return;
	/* Not a secret worth a wait: it only has to differ from what overruns write. */
	if (getrandom(&arena.canary_key, sizeof(arena.canary_key), GRND_NONBLOCK) < 0)
		arena.canary_key = 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)&arena ^ (uint64_t)getpid();
	arena.page = (size_t)sysconf(_SC_PAGESIZE);
}

static void region_lock(struct region *region)
{
	if (mlock(region, region->len) != 0)
		arena.unlocked = true;
}

/* A region of len bytes (whole pages) between guard pages. */
static struct region *region_new_locked(size_t len)
{
	size_t page = arena.page;
	uint8_t *base = mmap(NULL, len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	struct region *region = (struct region *)(void *)(base + page);
	if (mprotect(region, len, PROT_READ | PROT_WRITE) != 0) {
		munmap(base, len + 2 * page);
		return NULL;
	}
	(void)madvise(region, len, MADV_DONTDUMP);
	region->len = len;
	region->used = REGION_HEAD;
	region->next = arena.regions;
	region->link = &arena.regions;
	if (region->next)
		region->next->link = &region->next;
	arena.regions = region;
	region_lock(region);
	__lsan_register_root_region(region, len);
	return region;
}

static void region_free_locked(struct region *region)
{
	*region->link = region->next;
	if (region->next)
		region->next->link = region->link;
	__lsan_unregister_root_region(region, region->len);
	munmap((uint8_t *)region - arena.page, region->len + 2 * arena.page);
}

static void carve_region_locked(void)
{
	size_t len = arena.carving ? arena.carving->len * 2 : REGION_FIRST;
	struct region *region = region_new_locked(len < REGION_MOST ? len : REGION_MOST);
	if (region)
		arena.carving = region;
}

/* A slot that was never used, zero as mmap gave it. */
static struct head *slot_carve_locked(unsigned class)
{
	size_t size = slot_size(class);
	if (!arena.carving || arena.carving->len - arena.carving->used < size)
		carve_region_locked();
	if (!arena.carving || arena.carving->len - arena.carving->used < size)
		return NULL;
	struct head *head = (struct head *)(void *)((uint8_t *)arena.carving + arena.carving->used);
	arena.carving->used += size;
	return head;
}

static struct head *slot_take_locked(unsigned class)
{
	struct free_slot *slot = arena.free[class];
	if (!slot)
		return slot_carve_locked(class);
	ASAN_UNPOISON_MEMORY_REGION(&slot->next, slot_size(class) - sizeof(slot->head));
	arena.free[class] = slot->next;
	slot->next = NULL;
	return &slot->head;
}

static size_t large_len(size_t len)
{
	return round_up(REGION_HEAD + sizeof(struct head) + round_up(len + TAIL_LEN, 16), arena.page);
}

/* The end of a large allocation touches the guard page. */
static struct head *large_take_locked(size_t len)
{
	struct region *region = region_new_locked(large_len(len));
	if (!region)
		return NULL;
	return (struct head *)(void *)((uint8_t *)region + region->len - round_up(len + TAIL_LEN, 16) - sizeof(struct head));
}

static struct region *large_region(const struct head *head)
{
	uint8_t *end = (uint8_t *)(uintptr_t)(head + 1) + round_up(head->len + TAIL_LEN, 16);
	return (struct region *)(void *)(end - large_len(head->len));
}

/* Outside the lock: the log is free to do as it likes. */
static void warn_if_unlocked(bool due)
{
	if (due)
		log_warning("secret memory cannot be locked and may be swapped to disk. "
		            "Raise RLIMIT_MEMLOCK (ulimit -l, LimitMEMLOCK=) of this process, or encrypt the swap");
}

static bool warning_due_locked(void)
{
	bool due = arena.unlocked && !arena.warned;
	arena.warned |= due;
	return due;
}

void *secret_alloc(size_t len)
{
	if (len > SIZE_MAX / 4)
		return NULL;
	unsigned class = class_of(len);
	pthread_mutex_lock(&arena.lock);
	arena_init_locked();
	struct head *head = class == CLASS_LARGE ? large_take_locked(len) : slot_take_locked(class);
	if (head) {
		*head = (struct head){.len = len, .class = (uint16_t)class, .state = STATE_USED};
		head->canary = (uint32_t)canary_of(head);
		arena.in_use += len;
	}
	bool due = warning_due_locked();
	pthread_mutex_unlock(&arena.lock);
	warn_if_unlocked(due);
	if (!head)
		return NULL;
	uint8_t *p = (uint8_t *)(head + 1);
	uint64_t canary = canary_of(head);
	memcpy(p + len, &canary, TAIL_LEN);
	if (class != CLASS_LARGE)
		ASAN_POISON_MEMORY_REGION(p + len, slot_size(class) - sizeof(*head) - len);
	return p;
}

__attribute__((noreturn)) static void damaged(const char *how)
{
	log_error("secret memory %s: a fault in hufu, in a driver or in the application. The process is ended", how);
	abort();
}

/* The length is used only after the head's canary has vouched for it. */
static void check_canaries(const struct head *head)
{
	if (head->state == STATE_FREE)
		damaged("was freed twice");
	if (head->state != STATE_USED || head->canary != (uint32_t)canary_of(head) || head->class > CLASS_LARGE)
		damaged("was overwritten before its start, or a pointer that is not its own was freed");
	const uint8_t *p = (const uint8_t *)(head + 1);
	if (head->class != CLASS_LARGE)
		ASAN_UNPOISON_MEMORY_REGION(p, slot_size(head->class) - sizeof(*head));
	uint64_t canary;
	memcpy(&canary, p + head->len, TAIL_LEN);
	if (canary != canary_of(head))
		damaged("was overwritten past its end");
}

void secret_free(void *p)
{
	if (!p)
		return;
	struct head *head = (struct head *)p - 1;
	check_canaries(head);
	size_t len = head->len;
	unsigned class = head->class;
	secret_wipe(p, len + TAIL_LEN);

	pthread_mutex_lock(&arena.lock);
	arena.in_use -= len;
	if (class == CLASS_LARGE) {
		region_free_locked(large_region(head));
	} else {
		struct free_slot *slot = (struct free_slot *)head;
		slot->head.state = STATE_FREE;
		slot->next = arena.free[class];
		arena.free[class] = slot;
		ASAN_POISON_MEMORY_REGION(&slot->next, slot_size(class) - sizeof(slot->head));
	}
	pthread_mutex_unlock(&arena.lock);
}

size_t secret_in_use(void)
{
	pthread_mutex_lock(&arena.lock);
	size_t n = arena.in_use;
	pthread_mutex_unlock(&arena.lock);
	return n;
}

void secret_before_fork(void)
{
	pthread_mutex_lock(&arena.lock);
}

void secret_after_fork_parent(void)
{
	pthread_mutex_unlock(&arena.lock);
}

/* Memory locks are not inherited (mlock(2)). A warning waits for the next allocation: the log may not be back yet. */
void secret_after_fork_child(void)
{
	pthread_mutex_init(&arena.lock, NULL);
	for (struct region *region = arena.regions; region; region = region->next)
		region_lock(region);
}
