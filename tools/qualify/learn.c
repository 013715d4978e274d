/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of the examiner's, one by one, into the profile that is written in the end and works from now on. */
#include "tools/qualify/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct sdf_profile, member)

static const struct {
	const char *key;
	size_t offset;
	uint32_t min, max;
} numbers[] = {
	{"cipher_room", AT(cipher_room), 0, 1024},
	{"envelope_max", AT(envelope_max), 0, 1024},
	{"sessions_max", AT(sessions_max), 0, 100000},
	{"handles_max", AT(handles_max), 1, 1024},
	{"devices_max", AT(devices_max), 0, 1000},
	{"random_max", AT(random_max), 1, SDF_RANDOM_MAX},
	{"data_max", AT(data_max), 16, SDF_DATA_MAX},
	{"idle_s", AT(idle_s), 0, 86400},
};

/* One of two. */
static const struct {
	const char *key;
	size_t offset;
	uint32_t either, or;
} pairs[] = {
	{"edition", AT(edition), 2012, 2023},
	{"width", AT(width), 32, 64},
	{"rsa_bytes", AT(rsa_bytes), 256, 512},
};

static const struct {
	const char *key;
	size_t offset;
} flags[] = {
	{"open_exclusive", AT(open_exclusive)},   {"right_per_session", AT(right_per_session)}, {"right_stacks", AT(right_stacks)},
	{"iv_is_updated", AT(iv_is_updated)},     {"macs_in_device", AT(macs_in_device)},     {"late_writes", AT(late_writes)},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool number_of(const json_t *value, uint32_t min, uint32_t max, uint32_t *number)
{
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;

	*number = (uint32_t)n;
	return n >= min && n <= max;
}

static bool learn_choice(struct sdf_profile *profile, const char *key, const json_t *value)
{
	uint32_t n;

	if (!strcmp(key, "cipher") && number_of(value, SDF_CIPHER_STANDARD, SDF_CIPHER_LENGTH_FIRST, &n))
		profile->cipher = (enum sdf_cipher_layout)n;
	else if (!strcmp(key, "concurrency") && number_of(value, SDF_CONCURRENT_SESSIONS, SDF_CONCURRENT_NONE, &n))
		profile->concurrency = (enum sdf_concurrency)n;
	else if (!strcmp(key, "extra-missing") && number_of(value, 0, SDF_EXTRAS - 1, &n)) {
		free(profile->extra[n]);
		profile->extra[n] = NULL;
	} else
		return false;
	return true;
}

/* {"alg": 7, "id": 1025} */
static bool learn_alg(struct sdf_profile *profile, const json_t *value)
{
	uint32_t alg, id;

	if (!number_of(json_object_get(value, "alg"), 0, SDF_ALGS - 1, &alg) ||
	    !number_of(json_object_get(value, "id"), 0, UINT32_MAX, &id))
		return false;
	profile->alg[alg] = id;
	return true;
}

/* {"code": 4294967295, "means": 0x501}: a row before all others. */
static bool learn_code(struct sdf_profile *profile, const json_t *value)
{
	struct sdf_error *errors;
	uint32_t code, means;

	if (!number_of(json_object_get(value, "code"), 1, UINT32_MAX, &code) ||
	    !number_of(json_object_get(value, "means"), 1, HUFU_ERR_BUG - 1, &means))
		return false;
	for (size_t i = 0; i < profile->nerrors; i++)
		if (profile->errors[i].first == code && profile->errors[i].last == code)
			return true;
	errors = reallocarray(profile->errors, profile->nerrors + 1, sizeof *errors);
	if (!errors)
		return false;
	memmove(errors + 1, errors, profile->nerrors++ * sizeof *errors);
	errors[0] = (struct sdf_error){.first = code, .last = code, .err = (enum hufu_err)means};
	snprintf(errors[0].name, sizeof errors[0].name, "SEEN_%08X", code);
	profile->errors = errors;
	return true;
}

static bool set_number(struct sdf_profile *profile, size_t offset, uint32_t n)
{
	memcpy((char *)profile + offset, &n, sizeof n);
	return true;
}

bool learn(struct sdf_profile *profile, const char *key, const json_t *value)
{
	uint32_t n;

	for (size_t i = 0; i < COUNT(numbers); i++)
		if (!strcmp(key, numbers[i].key))
			return number_of(value, numbers[i].min, numbers[i].max, &n) && set_number(profile, numbers[i].offset, n);
	for (size_t i = 0; i < COUNT(pairs); i++)
		if (!strcmp(key, pairs[i].key))
			return number_of(value, pairs[i].either, pairs[i].or, &n) && (n == pairs[i].either || n == pairs[i].or) &&
			       set_number(profile, pairs[i].offset, n);
	for (size_t i = 0; i < COUNT(flags); i++)
		if (!strcmp(key, flags[i].key)) {
			*(bool *)((char *)profile + flags[i].offset) = json_is_true(value);
			return json_is_boolean(value);
		}
	if (!strcmp(key, "alg"))
		return learn_alg(profile, value);
	return !strcmp(key, "code") ? learn_code(profile, value) : learn_choice(profile, key, value);
}
