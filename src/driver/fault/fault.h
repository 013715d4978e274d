/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: wraps another driver and misbehaves by script. Tests and lab builds
 * only (configure --enable-fault-driver; tests register it).
 *
 *	device "flaky" { driver = "fault"  wraps = "soft"  script = "sign:lost@3; any:busy%10; open:gone*2" }
 *
 * wraps is another driver's name, default soft. script is a list of faults,
 * separated by semicolons:
 *
 *	PLACE:WHAT[WHEN]
 *
 * PLACE
 *	open  lease  probe           a call of the driver
 *	random  generate  import  export  encrypt  decrypt  sign  verify
 *	wrap  unwrap  derive         an op of this verb; evict never fails
 *	run                          any op
 *	any                          any call and any op
 * WHAT
 *	argument  unsupported  no-key  denied  expired  busy  gone  host  bug
 *	                             this error; nothing was done
 *	lost  corrupt                this error; the op ran, its output stands
 *	                             half-written
 *	flip-out  flip-pub  flip-state
 *	                             success, with a bit of it turned over
 *	wrong                        success: a well-formed answer to another
 *	                             question (one bit of the input turned over)
 *	overlong                     success, with more output than there was room
 *	delay=TIME                   waits first (on the injected clock): 20ms, 5s,
 *	                             300us; at the op's deadline it gives up: lost
 * WHEN
 *	@N                           the Nth time only (counted a fault, from 1)
 *	%N                           every Nth time
 *	*N                           the first N times
 *	nothing                      always
 *
 * Delays add up; of the other faults the first that is due takes effect. Blanks
 * between the parts are allowed. An empty script changes nothing.
 *
 * It does not claim HUFU_DRIVER_SOFTWARE: the pool treats it as a device that
 * may lie, whose signatures are verified.
 */
#ifndef DRIVER_FAULT_FAULT_H
#define DRIVER_FAULT_FAULT_H

#include "base/err.h"

extern const struct hufu_driver driver_fault;

/*
 * For tests. A device is known by its name from its first open or the first
 * call here on, whatever is closed meanwhile; scripts and counts last until
 * fault_reset. NULL: as configured, from the next open on. HUFU_ERR_CONFIG with a message in err.
 */
enum hufu_err fault_script(const char *device, const char *script, char *err, size_t err_len) MUST_CHECK;

struct fault_counts {
	uint64_t ops[16];          /* by enum hufu_verb: that the wrapped driver ran */
	uint64_t asked[16];        /* by enum hufu_verb: that came to this driver */
	uint64_t opens, closes, leases, releases, probes; /* that succeeded */
};
struct fault_counts fault_counts(const char *device);
/* Forgets all devices; none is open. */
void fault_reset(void);

#endif
