/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any profile is read or refused with a message, and what is read lies within the bounds that the marshalling counts on. */
#include "driver/sdf/profile.h"

#include "fuzz.h"

#include <string.h>

static void on_message(void *told, const char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < 0x20)
			abort(); /* the text forged a line of the log */
	*(unsigned *)told += 1;
}

static void check(const struct sdf_profile *p)
{
	if ((p->width != 32 && p->width != 64) || (p->rsa_bytes != 256 && p->rsa_bytes != 512))
		abort();
	if (p->cipher_room > 1024 || p->envelope_max > 1024 || p->random_max > SDF_RANDOM_MAX || p->data_max > SDF_DATA_MAX)
		abort();
	if (!p->random_max || !p->data_max || p->data_max % 16 || !p->name || !p->vendor)
		abort();
	for (size_t i = 0; i < p->nerrors; i++)
		if (!p->errors[i].first || p->errors[i].first > p->errors[i].last || !sdf_code_name(p, p->errors[i].first))
			abort();
}

/* What is printed loads as what it was, and so prints the same. */
static void print_and_read(const struct sdf_profile *profile)
{
	char *first = NULL, *second = NULL;
	size_t len;
	unsigned told = 0;
	struct sdf_profile *again;
	for (unsigned i = 0; i < 2; i++) {
		FILE *out = open_memstream(i ? &second : &first, &len);
		if (!out)
			abort();
		sdf_profile_print(i ? again : profile, out);
		fclose(out);
		if (!i && sdf_profile_parse(first, "fuzz", on_message, &told, &again) != HUFU_OK)
			abort();
	}
	if (strcmp(first, second) != 0)
		abort();
	sdf_profile_free(again);
	free(first);
	free(second);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct sdf_profile *profile;
	unsigned told = 0;
	char *text = strndup((const char *)data, len);
	if (!text)
		return;
	if (sdf_profile_parse(text, "fuzz", on_message, &told, &profile) == HUFU_OK) {
		check(profile);
		print_and_read(profile);
		sdf_profile_free(profile);
	} else if (told == 0) {
		abort();
	}
	free(text);
}
