/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cipher machines to be ill-treated: hufud as it was built, children of the test, with one
 * authority, one master key and a soft device each, and before each of them a bad line (tests/net/proxy.h)
 * by which clients reach it with TLS. What cannot be set up ends the program.
 */
#ifndef CHAOS_CLUSTER_H
#define CHAOS_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tls_util.h"

#define MACHINES_MAX 3

/* Once: certificates, ports, lines, in a directory that is there. False: this build has no hufud. */
bool cluster_begin(const char *dir, size_t machines);
size_t cluster_size(void);
struct tls_ca *cluster_ca(void);
/* The address of the line, and of the machine behind it. */
const char *cluster_line(size_t);
const char *cluster_address(size_t);

/* What the machines are told when they start: more of the section machine, and sections token, and what else there is. */
void cluster_conf(const char *machine_more, const char *sections);
/* Starts it and waits until it listens. */
void cluster_start(size_t);
void cluster_start_all(void);
/* SIGSTOP, SIGCONT, SIGHUP, ...; SIGKILL and SIGTERM do not wait for its end. */
void cluster_signal(size_t, int signal);
/*
 * SIGSTOP, though not amid a change: machines that share a file share its lock, and who is stopped with it in his hands keeps all
 * others from changing anything. (A database server ends the transaction of one that is silent.)
 */
void cluster_freeze(size_t);
/* Waits for the end of one that was told to end. True: its status was 0. */
bool cluster_wait(size_t);
/* All have ended, with SIGTERM. True: well. */
bool cluster_stop_all(void);
/* The line: a command of proxy.h. */
void cluster_tell(size_t, const char *command);
/* Has this been logged? Looked for until it is, for as long as only a failure takes. */
bool cluster_logged(size_t, const char *text);

/* A device's section, for clients with the certificate "client"; or with another. */
void cluster_device(FILE *, size_t, const char *name, const char *tenant, const char *more);
void cluster_device_as(FILE *, size_t, const char *name, const char *tenant, const char *more, const char *certificate, const char *ca);

#endif
