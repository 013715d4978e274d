/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords that were refused, for as long as the process lives: a device that is
 * closed and opened anew counts its tries all the same. Kept are a few bytes of a MAC,
 * too few to find the password by. The list only grows, by what administrators get wrong, and is read without a lock: a
 * forked child may go on with it.
 */
#include "driver/sdf/sdf.h"

#include <stdlib.h>

#include "sm/bytes.h"
#include "sm/sm3.h"

#define KEY_LEN 32
#define KEPT_LEN 4

struct refusal {
	struct refusal *next;
	uint8_t mac[KEPT_LEN];
};

static _Atomic(struct refusal *) refusals;
static _Atomic(uint8_t *) mac_key; /* once there is a refusal */

static bool has_key(const struct hufu_host *host)
{
	uint8_t *mine, *none = NULL;

	if (atomic_load(&mac_key))
		return true;
	mine = malloc(KEY_LEN);
	if (!mine)
		return false;
	if (host->random(mine, KEY_LEN) == HUFU_OK && atomic_compare_exchange_strong(&mac_key, &none, mine))
		return true;
	free(mine);
	return atomic_load(&mac_key) != NULL;
}

static void mac_of(const struct hufu_device *device, uint32_t index, const uint8_t *password, size_t len, uint8_t mac[KEPT_LEN])
{
	uint8_t whole[SM3_DIGEST_LEN];
	struct sm3_hmac_key key;
	struct sm3_hmac ctx;
	uint8_t at[4];

	store_be32(at, index);
	sm3_hmac_key_init(&key, atomic_load(&mac_key), KEY_LEN);
	sm3_hmac_init(&ctx, &key);
	sm3_hmac_update(&ctx, (const uint8_t *)device->name, strlen(device->name) + 1);
	sm3_hmac_update(&ctx, (const uint8_t *)device->about.serial, strlen(device->about.serial) + 1);
	sm3_hmac_update(&ctx, at, sizeof(at));
	sm3_hmac_update(&ctx, password, len);
	sm3_hmac_final(&ctx, whole);
	memcpy(mac, whole, KEPT_LEN);
	secret_wipe(whole, sizeof(whole));
	secret_wipe(&key, sizeof(key));
	secret_wipe(&ctx, sizeof(ctx));
}

bool refusal_known(const struct hufu_device *device, uint32_t index, const uint8_t *password, size_t len)
{
	const struct refusal *refusal = atomic_load(&refusals);
	uint8_t mac[KEPT_LEN];

	if (!refusal)
		return false;
	mac_of(device, index, password, len, mac);
	while (refusal && !secret_equal(refusal->mac, mac, sizeof(mac)))
		refusal = refusal->next;
	return refusal;
}

/* Where memory is out, this opening of the device remembers. */
void refusal_note(const struct hufu_device *device, uint32_t index, const uint8_t *password, size_t len)
{
	struct refusal *refusal;

	if (!has_key(device->host) || refusal_known(device, index, password, len) || !(refusal = calloc(1, sizeof(*refusal))))
		return;
	mac_of(device, index, password, len, refusal->mac);
	refusal->next = atomic_load(&refusals);
	while (!atomic_compare_exchange_weak(&refusals, &refusal->next, refusal))
		;
}
