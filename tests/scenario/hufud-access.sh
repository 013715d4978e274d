#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: what an identity's rules deny it is refused, told, counted and recorded; and rules that are changed hold at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/machine.sh"

trail=$work/trail
echo "the document" >"$work/document"
found() { hufu_core audit search "$trail" -o json "$@" | wc -l; }
# The identity of the client, as the configuration has it from now on.
set_identity() {
	sed -i '/^identity "app"/d' "$machine_conf"
	[ -z "$1" ] || echo "identity \"app\" { subject = \"CN=app\" tokens = { \"main\" } $1 }" >>"$machine_conf"
}
reloads() { grep -c "was read again" "$machine_log"; }
reload() {
	local before; before=$(reloads)
	kill -HUP "$machine_pid" && wait_for eval "[ \$(reloads) -gt $before ]"
}
fits() { "$HUFUD" --check-config -c "$machine_conf"; }

check "a machine and a client are made" make_machine 'roles = { user, so }' <<END
audit { file = "$trail" operations = no }
END
check "it starts" start_machine
check "a token is made on it" init_machine_token
for label in root leaf; do
	check "a key is made: $label" hufu key generate main --type sm2 --label $label --pin-file "$work/user.pin"
done
check "both sign" eval "sign_with root && sign_with leaf"

set_identity 'roles = { user, so } deny = { "sign:root", export }'
check "a rule about one key is taken over" reload
check_not "that key does not sign" sign_with root
check "the other does" sign_with leaf
check "the refusal is recorded, though operations are not" test "$(found --event sign --identity app --result unsupported)" -ge 1
check "as what it is" contains "denied by the identity's rules" <(cat "$trail")
check "and nothing else of operations" is_equal "$(found --event sign --result ok)" 0
check "it is counted" test "$(metric 'hufu_access_refused_total{identity="app"}')" -ge 1

set_identity 'roles = { user, so } allow = { sign, verify, "export:leaf", import, random, encrypt, decrypt, wrap, unwrap, derive }'
check "what alone is allowed is taken over" reload
check "the key signs again" sign_with root
check_not "no key is made" hufu key generate main --type sm2 --label more --pin-file "$work/user.pin"
check_not "none destroyed" hufu key destroy "$URI;object=leaf" --pin-file "$work/user.pin"
check "that is recorded" test "$(found --identity app --result unsupported)" -ge 3
check "looking and logging in are no operations" hufu key list main --pin-file "$work/user.pin"

set_identity 'roles = { user }'
check "a role that is gone is taken over" reload
check_not "the officer's login is refused" hufu pin unlock main --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
check "the user's is not" sign_with leaf

set_identity ''
check "an identity that is gone is taken over" reload
check_not "nobody is let in by its certificate" sign_with leaf
check "that is recorded, with the certificate's subject" contains '"event":"refuse","peer":"CN=app"' "$trail"
check "and logged" contains "no identity is of the certificate CN=app" "$machine_log"
set_identity 'roles = { user }'
check "it comes back" reload
check "and is let in" sign_with leaf

check "reloads are recorded" test "$(found --event reload --result ok)" -ge 5
set_identity 'roles = { user } colour = red'
kill -HUP "$machine_pid"
check "a mistake is refused" wait_for grep -q "was not taken over" "$machine_log"
check "which is recorded too" test "$(found --event reload --result error)" -ge 1
check "and what was in force stays" sign_with leaf
set_identity 'roles = { devices, user } deny = { "sign:root" }'
check_status 78 "a rule that could not hold is refused" fits
check "in words" contains "cannot hold in the role devices" "$work/out"
set_identity 'roles = { user } deny = { "generate:root" }'
check_status 78 "so is one that would fit nothing" fits
set_identity 'roles = { user } rate = 100 burst = 5'
check "limits are taken over" reload
sign_with leaf >/dev/null 2>&1
check "what was too much is counted" test "$(metric 'hufu_access_limited_total{identity="app"}')" -ge 1
check "the trail verifies" hufu_core audit verify "$trail"
check "the machine stops" stop_machine
finish
