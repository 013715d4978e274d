/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: any text is read or refused with a message; what is read prints as text that reads back. */
#include "base/conf.h"

#include "fuzz.h"

#include <string.h>

static void on_message(void *told, const char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < 0x20)
			abort(); /* the text forged a line of the log */
	*(unsigned *)told += 1;
}

static void check_print(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	unsigned told = 0;
	struct conf *again = NULL;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return;
	conf_print(conf, f);
	fclose(f);
	if (conf_parse(text, "printed", on_message, &told, &again) != HUFU_OK)
		abort();
	if (again->ntokens != conf->ntokens || again->ndevices != conf->ndevices)
		abort();
	conf_free(again);
	free(text);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	unsigned told = 0;
	struct conf *conf = NULL;
	char *text = strndup((const char *)data, len);
	if (!text)
		return;
	enum hufu_err err = conf_parse(text, "fuzz", on_message, &told, &conf);
	if ((err == HUFU_OK) == (told > 0))
		abort();
	if (err == HUFU_OK)
		check_print(conf);
	if (err == HUFU_OK)
		conf_free(conf);
	free(text);
}
