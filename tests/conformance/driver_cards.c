/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a token over cards of three vendors, which are one domain, and a
 * device that is none keeps the contract as one good device does, whoever of them runs an op.
 */
#include "driver_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hufu/mechanisms.h"
#include "pool/pool.h"
#include "rig.h"

static const char *const kinds[] = {"card_standard", "card_narrow", "card_2012"};
#define NCARDS (sizeof(kinds) / sizeof(kinds[0]))

static char configuration[4096];

static void wait_until_up(struct pool *pool)
{
	const struct timespec moment = {.tv_nsec = 10000000};

	for (unsigned i = 0; i < 3000 && !pooled_serves(pool, NCARDS + 1); i++) {
		(void)!pool_can(pool, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT);
		nanosleep(&moment, NULL);
	}
	if (!pooled_serves(pool, NCARDS + 1)) {
		printf("Bail out! the cards do not serve\n");
		exit(99);
	}
}

static void configure(void)
{
	char library[RIG_PATH], profile[RIG_PATH];
	size_t len = 0;

	rig_keys(1, 0, false);
	for (size_t i = 0; i < NCARDS; i++) {
		rig_card(kinds[i], kinds[i], library);
		rig_profile(kinds[i], profile);
		len += (size_t)snprintf(configuration + len, sizeof(configuration) - len,
		                        "device \"%s\" { driver = \"sdf\"  domain = \"card\"  library = \"%s\"  profile = \"%s\"  "
		                        "indexes = \"1\"  kek_index = 1  isk_index = 1 }\n", kinds[i], library, profile);
	}
	snprintf(configuration + len, sizeof(configuration) - len,
	         "device \"emulator\" { driver = \"soft\"  domain = \"soft\" }\n"
	         "token \"t\" { store = \"sqlite:/nowhere/t.db\"  devices = { \"%s\", \"%s\", \"%s\", \"emulator\" } }\n",
	         kinds[0], kinds[1], kinds[2]);
}

int main(void)
{
	static const struct pooled cards = {.configuration = configuration, .imports = "card", .opened = wait_until_up};

	configure();
	pooled_use(&cards);
	int status = driver_suite("pool of cards", &pooled_subject);
	printf("# the cards ran %lu operations\n", pooled_imports_served());
	return pooled_imports_served() ? status : 1;
}
