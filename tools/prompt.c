/* SPDX-License-Identifier: Apache-2.0 */
/* Asking on the terminal, without echo. */
#include "base/secret.h"
#include "tools/pin.h"
#include "tools/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void remember(int sig)
{
	interrupted = sig;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define NSIGNALS (sizeof signals / sizeof *signals)

/* No SA_RESTART: a signal ends the read, the terminal is put right, then the signal is let through. */
static void catch_signals(struct sigaction old[NSIGNALS])
{
	struct sigaction sa = {.sa_handler = remember};

	interrupted = 0;
	for (size_t i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &sa, &old[i]);
}

static void release_signals(const struct sigaction old[NSIGNALS])
{
	for (size_t i = 0; i < NSIGNALS; i++)
		sigaction(signals[i], &old[i], NULL);
	if (interrupted)
		raise(interrupted);
}

static void say(int tty, const char *text)
{
	while (*text) {
		ssize_t n = write(tty, text, strlen(text));
		if (n <= 0)
			return;
		text += n;
	}
}

static enum status read_line(int tty, struct pin *pin)
{
	char byte = 0;
	ssize_t got;

	*pin = (struct pin){.bytes = secret_alloc(PIN_MAX + 1)};
	if (!pin->bytes)
		return fail_memory();
	while ((got = read(tty, &byte, 1)) == 1 && byte != '\n')
		if (pin->len < PIN_MAX)
			pin->bytes[pin->len++] = (unsigned char)byte;
	secret_wipe(&byte, sizeof byte);
	if (got <= 0)
		return fail(ST_AUTH, NULL, "no PIN was given");
	return ST_OK;
}

static enum status ask(int tty, const char *before, const char *prompt, struct pin *pin)
{
	struct sigaction old[NSIGNALS];
	struct termios saved, quiet;

	if (tcgetattr(tty, &saved))
		return fail(ST_AUTH, NULL, "the terminal does not answer: %s", strerror(errno));
	quiet = saved;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	catch_signals(old);
	tcsetattr(tty, TCSAFLUSH, &quiet);
	say(tty, before);
	say(tty, prompt);
	say(tty, ": ");
	enum status status = read_line(tty, pin);
	tcsetattr(tty, TCSAFLUSH, &saved);
	say(tty, "\n");
	release_signals(old);
	return status;
}

enum status pin_prompt(const char *prompt, bool twice, struct pin *pin)
{
	struct pin again = {0};
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	*pin = (struct pin){0};
	if (tty < 0)
		return fail(ST_AUTH, "Give it by file, descriptor or credential; hufu help NOUN VERB lists the options.",
		            "there is no terminal to ask for the %s", prompt);
	enum status status = ask(tty, "", prompt, pin);
	if (status == ST_OK && twice)
		status = ask(tty, "Again, ", prompt, &again);
	if (status == ST_OK && twice && (pin->len != again.len || !secret_equal(pin->bytes, again.bytes, pin->len)))
		status = fail(ST_AUTH, "Nothing was changed. Try again.", "the two entries differ");
	close(tty);
	pin_clear(&again);
	if (status)
		pin_clear(pin);
	return status;
}
