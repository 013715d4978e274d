/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For programs that load the provider as an application does: LeakSanitizer of gcc 12 misreads where the thread-local memory of
 * libraries lies that were loaded later, and crashes in what it finds. Those that are linked with it need that memory
 * looked at: threads of the core hold their part of libcrypto's by nothing else.
 */
#ifdef __SANITIZE_ADDRESS__
const char *__lsan_default_options(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void)
{
	return "use_tls=0:print_suppressions=0";
}

/* So what the loader itself keeps for them is reached by nothing. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:ld-linux\n";
}
#else
typedef int no_sanitizer_here; /* ISO C wants a declaration */
#endif
