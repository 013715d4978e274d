/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher machines for tests: hufud, as it was built, as a child of the test, with soft
 * devices, one token "bank" and one master key for all. What cannot be set up ends the program.
 */
#ifndef MACHINES_H
#define MACHINES_H

#include <stdbool.h>
#include <stddef.h>

#define MACHINES_MAX 4
#define MACHINES_TEXT 1024

/* Makes directory, master key and certificates. False: this build has no hufud. */
bool machines_begin(void);
/* Starts the nth, or starts it again: on a Unix socket, and by TLS at a port of 127.0.0.1 that stays its own. */
void machine_start(size_t nth);
/* SIGKILL. */
void machine_kill(size_t nth);
/* It stands still, once this has returned, until it goes on. */
void machine_stop(size_t nth);
void machine_go_on(size_t nth);
/* device "NAME" { ... } with more in it, for the configuration of a client. */
void machine_device(char out[MACHINES_TEXT], size_t nth, bool tls, const char *name, const char *more);
/* The options of driver net alone: names and values, NULL-terminated; valid until machines_end. */
const char *const *machine_options(size_t nth, bool tls);
/* Ends them all, and takes away what was made. */
void machines_end(void);

#endif
