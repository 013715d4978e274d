#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu domain shows what is enrolled, enrolls what is configured, and has
# each device prove that it belongs to its domain.
. "$(dirname "$0")/lib.sh"
need python3
init_token demo
cd "$work" || exit 99
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$@"; }

check "list, without a PIN" hufu_core domain list demo -o json
cp out list.json
check "initialising the token enrolled its domain, with a proof" json list.json "[(x['domain'], x['enrolled'], x['proof'], x['keys'], x['devices']) for x in d['domains']] == [('soft', True, True, 'software', ['soft'])]"
check "what keys have copies for is not known without a login" json list.json "d['domains'][0]['copies'] is None"
check "with one" hufu_core domain list demo --pin-file user.pin
check "no key has a copy yet" contains "^soft .* no  *soft$" out
hufu_in key generate "$URI" --type sm4 --label k >out 2>&1 || diag "no key"
check "list again" hufu_core domain list demo --pin-file user.pin
check "now one has" contains "^soft .* yes  *soft$" out

# -- one more domain, of two devices ----------------------------------------------------
sed 's/devices = { "soft" }/devices = { "soft", "a", "b" }/' "$HUFU_CONF" >more.conf
printf 'device "a" { driver = soft domain = "other" }\ndevice "b" { driver = soft domain = "other" }\n' >>more.conf
cp more.conf "$HUFU_CONF"
check "a domain that is only configured" hufu_core domain list demo
check "is not enrolled" contains "^other  *no  *-  *software  *?  *a,b" out
check_status 3 "enrolling needs the security officer's PIN: 3" sh -c "setsid -w '$HUFU' domain enroll demo --module '$MODULE' </dev/null"
check "enroll" hufu domain enroll demo --so-pin-file so.pin
check "now it is" contains "^other  *20[0-9-]*" out
check "the domains verify" hufu_core domain verify demo --pin-file user.pin -o json
cp out verify.json
check "each device by its own" json verify.json "sorted((x['device'], x['domain'], x['result']) for x in d['devices']) == [('a', 'other', 'proven'), ('b', 'other', 'proven'), ('soft', 'soft', 'proven')]"
check "one domain" hufu_core domain verify demo --domain other --pin-file user.pin
check "alone" absent "^soft" out
check_status 2 "one that there is not: 2" hufu_core domain verify demo --domain third --pin-file user.pin
check_status 3 "it needs the user's PIN: 3" sh -c "printf wrong >bad.pin; chmod 600 bad.pin; '$HUFU' domain verify demo --pin-file bad.pin"
check_status 2 "a token that there is not: 2" hufu_core domain list nowhere

# -- a domain whose devices are gone -------------------------------------------------------
write_conf demo
check "a domain that is only enrolled" hufu_core domain list demo
check "has no device" contains "^other  *20.*none configured" out
finish
