/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: while at least one device is well, no caller notices what befalls the
 * others: no error, no wrong answer, no operation without an end, no object
 * lost or made twice, no call beyond its deadline, no thread, descriptor or memory left over.
 *
 *	chaos [--profile NAME] [--seeds FIRST[-LAST]] [--ops N]
 *
 * Without arguments: what ./check runs. CHAOS_SHOW=1 shows what befalls whom.
 */
#include "chaos.h"

#include <getopt.h>

static const char *profile_name;
static uint64_t first_seed = 1, last_seed, ops;

static void read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{"profile", required_argument, NULL, 'p'}, {"seeds", required_argument, NULL, 's'}, {"ops", required_argument, NULL, 'o'}, {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *end = NULL;
		if (c == 'p')
			profile_name = optarg;
		else if (c == 's')
			last_seed = first_seed = strtoull(optarg, &end, 10);
		else if (c == 'o')
			ops = strtoull(optarg, &end, 10);
		else
			exit(2);
		if (c == 's' && *end == '-')
			last_seed = strtoull(end + 1, &end, 10);
		if (end && *end)
			life_need(CKR_ARGUMENTS_BAD, optarg);
	}
}

static bool run_seed(const struct profile *profile, uint64_t seed, unsigned number)
{
	double begun_s = life_now_s();
	bool held = run_profile(profile, seed, ops ? ops : profile->ops);

	printf("%s %u - %s, seed %llu: %s\n", held ? "ok" : "not ok", number, profile->name, (unsigned long long)seed, profile->claim);
	printf("# %.1f s\n", life_now_s() - begun_s);
	return held;
}

/*
 * Threads that are at work allocate memory. The C library takes its allocator's locks before a fork; the address sanitizer
 * puts one of its own there, and takes none: a child may find them held by nobody.
 */
static const char *why_not_fork(void)
{
#ifdef __SANITIZE_ADDRESS__
	return "the address sanitizer's allocator may stay locked in a child of threads at work";
#else
	return getenv("HUFU_TEST_NO_FORK") ? "told not to fork" : NULL;
#endif
}

/* A sanitizer looks at what is done, and the same is done in each seed: one of three will do. */
static uint64_t seeds_of(const struct profile *profile)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return (profile->seeds + 2) / 3;
#else
	return profile->seeds;
#endif
}

int main(int argc, char **argv)
{
	unsigned number = 0;
	bool good = true;

	read_arguments(argc, argv);
	life_begin();
	if (!plan_begin()) {
		printf("1..0 # SKIP hufud is not built\n");
		return 0;
	}
	for (const struct profile *profile = profiles; profile->name; profile++) {
		if (profile_name && strcmp(profile_name, profile->name) != 0)
			continue;
		const char *why_not = profile->forks ? why_not_fork() : NULL;
		if (why_not) {
			printf("ok %u - %s # SKIP %s\n", ++number, profile->name, why_not);
			continue;
		}
		uint64_t last = last_seed ? last_seed : first_seed + seeds_of(profile) - 1;
		for (uint64_t seed = first_seed; seed <= last; seed++)
			good &= run_seed(profile, seed, ++number);
	}
	printf("1..%u\n", number);
	if (number == 0)
		printf("# there is no profile \"%s\"\n", profile_name);
	return good && number > 0 ? 0 : 1;
}
