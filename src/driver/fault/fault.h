/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: wraps another driver and misbehaves by script. Tests and lab builds
 * only (configure --enable-fault-driver; tests register it).
 *
 *	device "flaky" { driver = "fault"  wraps = "soft"  script = "sign:lost@3; any:busy%10; open:gone*2" }
 *
 * It comes under three names. "fault" may run in the caller's thread, and is
 * hardware to the pool: a device that may lie, whose signatures are verified.
 * "fault-soft" is software (HUFU_DRIVER_SOFTWARE). "fault-hang" is hardware that
 * promises no return by the deadline, so the pool gives it lanes.
 *
 * Options, beside script
 *	wraps = DRIVER               another driver's name, default soft
 *	sessions_max = N             leases at once; BUSY beyond
 *	service = TIME               what each op takes, slept on the injected clock
 *	domain_id = 32 hex digits    in hufu_device_info
 *	split = yes                  it has another KEK (or, at a shelf's index, another key)
 *	                             than its domain
 *	shelf = NAME                 copies are indexes (4 bytes) of keys that
 *	                             stay in the memory of all devices of this shelf,
 *	                             for as long as the process lives
 *	permanent = yes              keys that it makes and takes in stay in the device,
 *	                             says its capability
 *
 *	resident = N                 N SM2 signing keys that are kept in the device:
 *	                             FIND shows them, ops name them by index. Devices of
 *	                             the same seed hold the same
 *	seed = TEXT                  of the resident keys
 *	password = TEXT              wanted by LOGIN before resident keys are found
 *	                             by ops that use them
 *
 * script is a list of faults, separated by semicolons:
 *
 *	PLACE:WHAT[WHEN]
 *
 * PLACE
 *	open  lease  probe           a call of the driver
 *	random  generate  import  export  encrypt  decrypt  sign  verify
 *	wrap  unwrap  derive  find  login
 *	                             an op of this verb; evict and logout never fail
 *	run                          any op
 *	any                          any call and any op
 * WHAT
 *	argument  unsupported  no-key  denied  expired  busy  gone  host  bug
 *	                             this error; nothing was done
 *	lost  corrupt                this error; the op ran, its output stands
 *	                             half-written
 *	code=0xN                     this number as outcome, 0x1 to 0xffff, whether
 *	                             or not it is an error's; its high byte is its group
 *	flip-out  flip-pub  flip-state
 *	                             success, with a bit of it turned over
 *	wrong                        success: a well-formed answer to another
 *	                             question (one bit of the input turned over)
 *	copy-live                    success, with a copy that is said to exist in its lease only
 *	overlong                     success, with more output than there was room
 *	session-lost                 expired, and so is all that comes after on this lease
 *	device-gone[=TIME|=N]        gone, with everything of this device: for that long; until
 *	                             N opens and probes have failed; for good. Leases
 *	                             made before never work again
 *	flap=UP/DOWN                 gone while it is down: alive for the time UP,
 *	                             dead for DOWN, in turn, from its start on
 *	hang[=TIME]                  does not return, whatever the deadline: until
 *	                             fault_release, or for that long. An op then
 *	                             writes late, over all the space it was given, and is lost
 *	crash                        hang, and device-gone=1
 *	delay=TIME                   waits first (on the injected clock): 20ms, 5s,
 *	                             300us; at the op's deadline it gives up: lost
 *	slow=N                       an op takes N times what it took; likewise
 * WHEN
 *	@N                           the Nth time only (counted a fault, from 1)
 *	%N                           every Nth time
 *	*N                           the first N times
 *	@TIME+TIME                   from this time after the start on, for that long
 *	~P/SEED                      P percent of the times, drawn from the seed and
 *	                             the count: the same ones in every run
 *	nothing                      always
 *
 * Delays add up, the largest slow holds; of the other faults the first that is
 * due takes effect. Blanks between the parts are allowed. An empty script changes nothing. A script
 * starts when the device is first opened, or with fault_script.
 *
 * hang and crash keep no promise: they belong on lanes (fault-hang, or isolation =
 * thread). A crash that ends its thread, or the process, is not played: no caller
 * in the same process survives the second, and the first leaves whatever the
 * library held locked for ever, which is what hang does. A real crash wants process isolation.
 */
#ifndef DRIVER_FAULT_FAULT_H
#define DRIVER_FAULT_FAULT_H

#include "base/err.h"

extern const struct hufu_driver driver_fault, driver_fault_soft, driver_fault_hang;

/* All three, for tests: driver_register's rules. OK if they are there already, as in a lab build. */
enum hufu_err fault_register(void) MUST_CHECK;

/*
 * For tests. A device is known by its name from its first open or the first
 * call here on, whatever is closed meanwhile; scripts and counts last until
 * fault_reset. NULL: as configured, from the next open on. HUFU_ERR_CONFIG with a message in err.
 * A device that was away is back, and follows its new script; what hangs goes on hanging.
 */
enum hufu_err fault_script(const char *device, const char *script, char *err, size_t err_len) MUST_CHECK;
/* What hangs now, without a time of its own, returns. A device that was away is back. */
void fault_release(const char *device);
/* Calls that hang now. */
uint32_t fault_hung(const char *device);

struct fault_counts {
	uint64_t ops[16];          /* by enum hufu_verb: that the wrapped driver ran */
	uint64_t asked[16];        /* by enum hufu_verb: that came to this driver */
	uint64_t opens, closes, leases, releases, probes; /* that succeeded */
};
struct fault_counts fault_counts(const char *device);
/* Forgets all devices and what is on shelves, and releases what hangs. Nothing is open but what hung. */
void fault_reset(void);

#endif
