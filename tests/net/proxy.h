/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bad line between a client and a machine: a TCP (or Unix) proxy in user
 * space that breaks what passes, at a byte that is told. No privileges, and no
 * times but those that are asked for: tests can be repeated byte by byte.
 *
 * Commands, a line each; DIR is up (to the machine), down, or both. AFTER and
 * AT count the bytes of that direction on a connection: of those that there are
 * from the command on, of later ones from their beginning. A command is for all
 * connections, or, with "old" or "new" before it, for those that there are, or for those to come.
 *
 *	pass                   all faults are over
 *	refuse, listen         connections are refused; are taken again
 *	mute                   connections are taken, and nobody is behind them
 *	kill                   all connections are reset
 *	reset DIR AFTER        reset of both ends, as when a machine's kernel has forgotten it
 *	close DIR AFTER        a proper end, in the middle
 *	hole DIR AFTER         swallows all else, and says nothing
 *	stall DIR AFTER        takes nothing more: buffers fill up
 *	flip DIR AT BIT        one bit of one byte
 *	cut DIR AT N           N bytes are missing
 *	insert DIR AT N        N bytes of 0xff too many
 *	delay DIR MS           each read is passed on so much later
 *	trickle DIR US         one byte at a time, so many microseconds apart
 *	stats                  "connections N up N down N" since the beginning
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>

struct proxy;

/* Addresses as in wire/channel.h; port 0: any. NULL after a message to stderr. Runs in a thread of its own. */
struct proxy *proxy_start(const char *listen, const char *machine);
void proxy_stop(struct proxy *);
/* Where it listens. */
const char *proxy_address(const struct proxy *);
/* In force when it returns. False: it is not understood. answer: "" but for stats; NULL: unwanted. */
bool proxy_command(struct proxy *, const char *line, char *answer, size_t cap);

#endif
