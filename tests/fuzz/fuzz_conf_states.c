/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any file of wishes is read or refused with a message, and what is read names devices of the configuration only. */
#include "base/conf_states.h"

#include "fuzz.h"

#include <string.h>

static void on_message(void *told, const char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < 0x20)
			abort(); /* the text forged a line of the log */
	*(unsigned *)told += 1;
}

static void check(const struct conf_states *states)
{
	for (size_t i = 0; i < states->n; i++) {
		const struct conf_state *state = &states->states[i];
		if (strcmp(state->device, "a") != 0 && strcmp(state->device, "b") != 0)
			abort();
		if (strcmp(conf_wish_name(state->wish), "?") == 0 || conf_states_wish(states, state->device) != state->wish)
			abort();
	}
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	char a[] = "a", b[] = "b";
	struct conf_device devices[] = {{.name = a}, {.name = b}};
	const struct conf conf = {.devices = devices, .ndevices = 2};
	struct conf_states states;
	unsigned told = 0;
	char *text = strndup((const char *)data, len);
	if (!text)
		return;
	enum hufu_err err = conf_states_parse(&conf, text, "fuzz", on_message, &told, &states);
	if (err != HUFU_OK && (told == 0 || states.n))
		abort();
	check(&states);
	conf_states_clear(&states);
	free(text);
}
