#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu device password keeps what devices want to be told, and never shows it; hufu device keys
# lists the keys that devices keep, and makes them objects of the token.
. "$(dirname "$0")/lib.sh"
need python3
init_token demo
cd "$work" || exit 99
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$@"; }
secret() { printf '%s\n' "$2" >"$1" && chmod 600 "$1"; }
secret right sesame
secret wrong open

# -- passwords ----------------------------------------------------------------------------
check "no password is kept at first" hufu_core device password list demo
check "and the list says so" contains "keeps no password" out
check "set one, as the user" hufu_core device password set demo soft --pin-file user.pin --password-file right
check "set another, as the security officer, from a descriptor" sh -c "'$HUFU' device password set demo soft --name sign:3 --so-pin-file so.pin --password-fd 4 4<wrong"
check "list them without a PIN" hufu_core device password list demo -o json
cp out list.json
check "both are there, by domain and name" json list.json "sorted((p['domain'], p['name'], p['refused']) for p in d['passwords']) == [('soft', 'sign:3', False), ('soft', 'user', False)]"
check_not "neither is shown" grep -q -e sesame -e open list.json
check_not "nor does the store hold it in the clear" grep -q -a sesame "$work"/*.db
check "remove one" hufu_core device password remove demo soft --name sign:3 --pin-file user.pin
check_status 2 "which is gone then: 2" hufu_core device password remove demo soft --name sign:3 --pin-file user.pin
check_status 2 "a domain that there is not: 2" hufu_core device password set demo nowhere --pin-file user.pin --password-file right
check_status 3 "a wrong PIN: 3" hufu_core device password set demo soft --pin-file wrong --password-file right
check_status 1 "another verb: 1" hufu_core device password show demo
check "devices of software keep no keys" hufu_core device keys demo
check "and the list says so" contains "tell of no keys" out

# -- keys that a device keeps, of a device that is played -----------------------------------------
sed 's/devices = { "soft" }/devices = { "card" }/' "$HUFU_CONF" >card.conf
printf 'device "card" { driver = "fault" domain = "cards" resident = 2 password = "sesame" }\n' >>card.conf
if ! "$HUFU" config check card.conf >/dev/null 2>&1 || ! HUFU_CONF=$work/card.conf "$HUFU" device probe card >/dev/null 2>&1; then
	skip "keys of a device that is played" "this build has no driver fault"
	finish
	exit
fi
cp card.conf "$HUFU_CONF"
check "list them without a PIN" hufu_core device keys demo -o json
cp out keys.json
check "two keys that sign; whether they are objects is not known" json keys.json "[(k['domain'], k['label'], k['type'], k['object']) for k in d['keys']] == [('cards', 'sign 0', 'sm2', None), ('cards', 'sign 1', 'sm2', None)]"
check "enroll the device's domain" hufu domain enroll demo --so-pin-file so.pin
check "a device's name stands for its domain" hufu_core device password set demo card --pin-file user.pin --password-file right
check "adopt them" hufu device keys demo --adopt --pin-file user.pin
check "now they are objects" contains "^cards  *sign 1  *sm2 .* yes" out
check "of the token" hufu key list demo --pin-file user.pin
check "by the domain's name and their own" contains "cards sign 1" out
check "and serve" sh -c "'$HUFU' sign --module '$MODULE' --token demo --pin-file user.pin -o json 'cards sign 1' '$HUFU_CONF' >sig.json"
check "nothing was wrong" absent ALARM hufu.log

# -- a wrong password ---------------------------------------------------------------------------------
check "a wrong one in its place" hufu_core device password set demo cards --pin-file user.pin --password-file wrong
"$HUFU" key test --module "$MODULE" --token demo --pin-file user.pin "cards sign 1" >/dev/null 2>&1
check "after a login it is marked as refused" hufu_core device password list demo
check "so that nobody presents it again" contains "^cards  *user  *refused" out
check "the right one again" hufu_core device password set demo cards --pin-file user.pin --password-file right
check "and the key serves again" hufu key test --token demo --pin-file user.pin "cards sign 1"
check "a wrong one once more" hufu_core device password set demo cards --pin-file user.pin --password-file wrong
"$HUFU" device keys demo --pin-file user.pin >/dev/null 2>err
check "the command that presented it says so" contains "refused credential \"user\" of domain \"cards\"" err
check "the list of them without a PIN" hufu_core device password list demo
check "and marks it, too" contains "^cards  *user  *refused" out
finish
