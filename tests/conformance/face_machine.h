/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher machines for tests of the face: hufud as it was built, as children of the
 * test, over one store a token in the test's directory, on Unix sockets.
 */
#ifndef CONFORMANCE_FACE_MACHINE_H
#define CONFORMANCE_FACE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#define FACE_MACHINES_MAX 3

/* How many the environment asks for (HUFU_FACE_MACHINES); 0: the objects are this host's own. */
size_t face_machines(void);
/* Starts them, with tokens of these names and options, and waits until they serve. False: why was printed. */
bool face_machines_start(const char *dir, const char *const *tokens, const char *const *options, size_t n);
/* The sections of a token that lives on them, and of its devices. */
void face_machines_print(FILE *, const char *dir, const char *token, const char *options);
/* One of them, from 0: killed, and started (anew, if it still runs). */
void face_machine_kill(size_t);
bool face_machine_restart(size_t);
/* Ends them all; of the process that started them alone. */
void face_machines_stop(void);

#endif
