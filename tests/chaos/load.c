/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load TOKEN: work with a token of the configuration that HUFU_CONF names, for scenarios in which the devices are somebody
 * else's affair. Makes the token, then prints the number of right answers so far, a line each moment, until stdin ends;
 * then "errors N". Whatever goes wrong is said, as a comment.
 */
#include "chaos.h"

#include <poll.h>
#include <unistd.h>

#define MOMENT_MS 100

static atomic_bool stop;
static atomic_ulong answers, errors;

static void *labour(void *arg)
{
	static work_fn *const works[] = {work_sm2_sign, work_sm4_cbc, work_sm4_ctr, work_hmac, work_ecdsa_sign, work_new_sm4, work_destroy};
	struct worker *w = arg;

	while (!atomic_load(&stop)) {
		w->chance = chance_of(1 + w->number, w->op++);
		w->rv = CKR_OK;
		if (works[chance_below(&w->chance, COUNT(works))](w)) {
			atomic_fetch_add(&answers, 1);
		} else {
			atomic_fetch_add(&errors, 1);
			printf("# 0x%lx, %s\n", w->rv, w->why);
		}
	}
	return NULL;
}

static void tell_until_told(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char ignored[64];

	for (;;) {
		const int n = poll(&in, 1, MOMENT_MS);
		if (n > 0 && read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0)
			return;
		printf("%lu\n", atomic_load(&answers));
	}
}

int main(int argc, char **argv)
{
	struct chance chance = chance_of(1, 0);
	struct worker workers[WORKERS] = {{0}};
	pthread_t threads[WORKERS];

	if (argc != 2) {
		fprintf(stderr, "usage: load TOKEN\n");
		return 2;
	}
	life_begin();
	life_start();
	life_make_token(argv[1]);
	NEED(p11->C_Finalize(NULL));
	CK_SESSION_HANDLE s = life_log_in(argv[1]);
	shared_make(s, &chance);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.number = i, .session = life_session(argv[1])};
		if (pthread_create(&threads[i], NULL, labour, &workers[i]) != 0)
			life_need(CKR_HOST_MEMORY, "pthread_create");
	}
	tell_until_told();
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	NEED(p11->C_Finalize(NULL));
	shared_clear();
	printf("errors %lu\n", atomic_load(&errors));
	return atomic_load(&errors) ? 1 : 0;
}
