/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/qualify/qualify.h"

#define BOTH (CHAPTER_SDF | CHAPTER_DRIVER)

/* In this order: what an early one learns (widths, ids, limits), the later ones work by. */
const struct chapter chapters[] = {
	{"symbols", "Symbols", "6.10", BOTH},
	{"layouts", "Struct layouts, by observation", "6.10", CHAPTER_SDF},
	{"open", "Opening devices and sessions", "6.10", BOTH},
	{"answers", "Known answers", "6.8", BOTH},
	{"cross", "Random inputs, compared with software", "6.8", BOTH},
	{"chaining", "IV chaining", "6.8", CHAPTER_SDF},
	{"rights", "Access rights", "6.12", CHAPTER_SDF},
	{"errors", "Error codes", "6.10", CHAPTER_SDF},
	{"sizes", "Sessions, handles and sizes", "6.10", CHAPTER_SDF},
	{"threads", "Threads, a session each", "6.10", BOTH | CHAPTER_CROWD},
	{"threads-devices", "Threads, a device each", "6.10", CHAPTER_SDF | CHAPTER_CROWD},
	{"reconnect", "Opening and closing under load", "6.16", CHAPTER_SDF | CHAPTER_CROWD},
	{"late", "Writes after the call has returned", "6.16", CHAPTER_SDF},
	{"leaks", "Memory and descriptors over many calls", "6.16", CHAPTER_SDF},
	{"random", "Random numbers, GM/T 0005", "6.9", BOTH},
	{"performance", "Performance", "6.14", BOTH | CHAPTER_CROWD},
	{"idle", "Sessions left idle", "6.16", CHAPTER_SDF | CHAPTER_FULL},
	{"misuse", "Handles that are none", "6.16", CHAPTER_SDF | CHAPTER_MAY_CRASH},
	{0},
};

#define NAME(name) [RESULT_##name] = #name,

const char *result_name(enum result result)
{
	static const char *const names[] = {RESULTS(NAME)};

	return names[result];
}

#define FUNCTION(name) [FN_##name] = "SDF_" #name,
#define DRIVER_FUNCTION(name) [FN_driver_##name] = "the driver's " #name,

const char *function_name(uint32_t function)
{
	static const char *const names[FUNCTIONS] = {
	        CALLED_FUNCTIONS(FUNCTION) DRIVER_FUNCTIONS(DRIVER_FUNCTION) [FN_OpenDeviceEx] = "SDF_OpenDeviceEx"};

	return function < FUNCTIONS ? names[function] : NULL;
}
