/* SPDX-License-Identifier: Apache-2.0 */
/* Ways of opening: once, twice, several at a time, again; and what the device says of itself. */
#include "tools/qualify/examine.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define DEVICES_TRIED 8

/* A field of the standard's, blanks and NULs at its end cut off. */
static const char *text(char out[48], const unsigned char *field, size_t len)
{
	while (len && (field[len - 1] == 0 || field[len - 1] == ' '))
		len--;
	snprintf(out, 48, "%.*s", (int)len, (const char *)field);
	return out;
}

static void tell_info(struct card *card, void *session)
{
	DEVICEINFO *info = (DEVICEINFO *)(void *)room(sizeof *info);
	uint32_t code = CALL(card, GetDeviceInfo, session, info);
	char issuer[48], name[48], serial[48];

	if (!tell_code(card, "info", "the device tells of itself", code))
		return;
	tell(RESULT_info, "info", "made by \"%s\", model \"%s\", serial number \"%s\", version %u, standard %#x",
	     text(issuer, info->IssuerName, sizeof info->IssuerName), text(name, info->DeviceName, sizeof info->DeviceName),
	     text(serial, info->DeviceSerial, sizeof info->DeviceSerial), info->DeviceVersion, info->StandardVersion);
	if (room_written((uint8_t *)info, sizeof *info + 256, 0xa5) > sizeof *info)
		tell(RESULT_fault, "info-size", "more is written than DEVICEINFO's %zu bytes", sizeof *info);
}

/* Several handles of one device at a time; each has to serve. */
static uint32_t open_several(struct card *card, void *devices[DEVICES_TRIED])
{
	uint32_t n = 0, code = SDR_OK;

	while (n < DEVICES_TRIED && code == SDR_OK) {
		void *session = NULL;
		code = card_open(card, &devices[n]);
		if (code == SDR_OK)
			code = card_session(card, devices[n], &session);
		card_close_session(card, session);
		n += code == SDR_OK;
	}
	if (n == DEVICES_TRIED)
		tell(RESULT_pass, "several", "%u devices are open at a time in one process", n);
	else
		tell(n ? RESULT_info : RESULT_fault, "several", "%u device%s open at a time in one process, then: %s", n,
		     n == 1 ? "" : "s", code_text(card, code));
	if (n && n < DEVICES_TRIED)
		tell_number("devices_max", n);
	return n;
}

/* The last that was opened is closed; those opened before have to go on. */
static void close_one(struct card *card, void *const devices[DEVICES_TRIED], uint32_t n)
{
	void *session;

	if (n < 2)
		return;
	uint32_t code = CALL(card, CloseDevice, devices[n - 1]);
	(void)tell_code(card, "close", "one of them is closed", code);
	code = card_session(card, devices[0], &session);
	if (code == SDR_OK)
		code = CALL(card, GenerateRandom, session, 16, room(16));
	(void)tell_code(card, "others", "another serves after that", code);
	card_close_session(card, session);
}

static void open_again(struct card *card, void *const devices[DEVICES_TRIED], uint32_t n)
{
	void *device, *session = NULL;
	uint32_t code = SDR_OK;

	for (uint32_t i = 0; i + 1 < n && code == SDR_OK; i++)
		code = CALL(card, CloseDevice, devices[i]);
	if (n == 1)
		code = CALL(card, CloseDevice, devices[0]);
	if (code == SDR_OK)
		code = card_open(card, &device);
	if (code == SDR_OK)
		code = card_session(card, device, &session);
	(void)tell_code(card, "again", "all are closed, and one is opened again", code);
	card_close_session(card, session);
	card->device = code == SDR_OK ? device : NULL;
}

struct opener {
	struct card *card;
	uint32_t code;
};

static void *open_elsewhere(void *arg)
{
	struct opener *o = arg;
	void *session;

	o->code = card_session(o->card, o->card->device, &session);
	if (o->code == SDR_OK)
		o->code = CALL(o->card, GenerateRandom, session, 16, room(16));
	card_close_session(o->card, session);
	board_quit();
	return NULL;
}

/* A device opened by one thread serves another. */
static void from_a_thread(struct card *card)
{
	struct opener o = {.card = card};
	pthread_t thread;

	if (!card->device || pthread_create(&thread, NULL, open_elsewhere, &o))
		return;
	pthread_join(thread, NULL);
	(void)tell_code(card, "thread", "a session of another thread than the device's", o.code);
}

void examine_open(struct card *card)
{
	void *devices[DEVICES_TRIED], *session;
	uint32_t code = card_open(card, &devices[0]), n;

	if (card->request->open_config && !card->profile->extra[SDF_EXTRA_OPEN]) {
		tell(RESULT_fault, "device", "--open-config was given, but the profile names no call that takes it (calls { open })");
		return;
	}
	if (!tell_code(card, "device",
	               card->request->open_config ? "the device is opened, with its configuration" : "the device is opened", code))
		return;
	code = card_session(card, devices[0], &session);
	if (tell_code(card, "session", "a session is opened", code))
		tell_info(card, session);
	card_close_session(card, session);
	(void)tell_code(card, "close-device", "the device is closed", CALL(card, CloseDevice, devices[0]));
	n = open_several(card, devices);
	close_one(card, devices, n);
	if (n)
		open_again(card, devices, n);
	from_a_thread(card);
}
