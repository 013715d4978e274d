/* SPDX-License-Identifier: Apache-2.0 */
/* What a bench starts beside itself: a directory of files, and a cipher machine on the loopback. */
#ifndef BED_H
#define BED_H

#include "tools/demo/demo.h"

/* A file of dir, as pki_write makes them. */
enum status bed_write(const char *dir, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4))) MUST_USE;
/*
 * Starts a machine of one software device on a free port, its limits out of the way, and makes what a client of it needs:
 * ca.pem, client.pem and client.key in dir. It has the token "bench", without a store, and "remote", with one. The second of
 * machines is not started. machine_stop the first after success and failure alike.
 */
enum status bed_start_machine(const char *dir, struct machine machines[2]) MUST_USE;

#endif
