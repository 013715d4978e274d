#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: wrong PINs are counted in the store whoever makes them, the flags tell
# how many are left, the role locks, the security officer unlocks it, and no PIN
# ever stands in the log.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool
init_token demo '	user_tries = 3'
wrong() { pkcs11_tool --token-label demo --login --pin wrong-pin-0000 --list-objects; }
flags() { pkcs11_tool --list-token-slots; }

check_not "a wrong PIN is refused" wrong
check "with CKR_PIN_INCORRECT" contains CKR_PIN_INCORRECT "$work/out"
flags >"$work/out" 2>&1
check "the token says that the count is low" contains 'user PIN count low' "$work/out"
check_not "a second one too, by another process" wrong
flags >"$work/out" 2>&1
check "the token says that one try is left" contains 'final user PIN try' "$work/out"
check "the right PIN still works" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
flags >"$work/out" 2>&1
check "and clears the count" absent 'user PIN count low' "$work/out"
for _ in 1 2 3; do wrong >"$work/out" 2>&1; done
check_not "after three wrong ones the right one is refused" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
check "with CKR_PIN_LOCKED" contains CKR_PIN_LOCKED "$work/out"
flags >"$work/out" 2>&1
check "and the token says so" contains 'user PIN locked' "$work/out"
check_status 3 "the tool says so too" hufu_in key list "$URI"
(umask 077; printf new-user-pin-77 >"$work/new.pin")
check "the security officer unlocks it" hufu pin unlock "$URI" --so-pin-file "$work/so.pin" --new-pin-file "$work/new.pin"
check "with a new PIN" pkcs11_tool --token-label demo --login --pin new-user-pin-77 --list-objects
check "no PIN is in the log" absent -e "$PIN" -e "$SO_PIN" -e wrong-pin-0000 -e new-user-pin-77 "$work/hufu.log"
chmod 644 "$work/new.pin"
check_not "a PIN file that others can read is refused" hufu key list "$URI" --pin-file "$work/new.pin"
finish
