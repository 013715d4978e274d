#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: an administrator sees, drains, maintains, adds and removes devices under a
# program that works on them, and the program notices nothing; what he may not or
# cannot do is refused with a reason.
. "$(dirname "$0")/lib.sh"
need python3
init_token demo
cd "$work" || exit 99
mkdir -m 700 run
cat >"$HUFU_CONF" <<CONF
run_dir = "$work/run"
log { to = "file:$work/hufu.log" level = "info" }
token "demo" {
	store = "sqlite:$work/demo.db"
	host_secret = "file:$work/host.key"
	devices = { card1, card2 }
	slow_start_ms = 100
}
device "card1" { driver = soft domain = "soft" } # the first
device "card2" { driver = soft domain = "soft" }
CONF
chmod 600 "$HUFU_CONF"
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$@"; }
# of DEVICE EXPRESSION: what is reported of it, as x, with p the first program's.
of() {
	"$HUFU" device show "$1" -o json >show.json && python3 -c '
import json, sys
x = json.load(open("show.json"))["device"]
p = x["processes"][0] if x["processes"] else None
sys.exit(not eval(sys.argv[1]))' "$2"
}
ops() { "$HUFU" device show "$1" -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["device"]["ops"])'; }
works() { local before; before=$(ops "$1"); wait_for of "$1" "x['ops'] > $before"; }

# -- nothing runs --------------------------------------------------------------------
check "list, when nothing runs" hufu_core device list
check "says so" contains "not in use" out
check "show" hufu_core device show card1
check "explain says why" hufu_core device explain card1
check "in words" contains "No running program" out
check "a device is probed all the same" hufu_core device probe card1 --deep
check "and is well" contains "Result  *well" out
check_status 2 "one that there is not: 2" hufu_core device show card9
check "with what to do" contains "hufu device list" out
check_status 2 "nor is it probed: 2" hufu_core device probe card9
check_status 2 "nor drained: 2" hufu_core device drain card9
check_status 1 "a device without a name: 1" hufu_core device show

check "a device is drained" hufu_core device drain card1
check "while the other is left" absent "no device left" out
check "the last one may be drained too" hufu_core device drain card2
check "but it is said" contains 'token "demo" has no device left' out
check "undrain" hufu_core device undrain card2
check "and the other" hufu_core device undrain card1

# -- a program works -------------------------------------------------------------------
hufu_in key generate "$URI" --type sm4 --label k >out 2>&1 || diag "no key"
mkfifo feed
background sh -c 'while :; do head -c 65536 /dev/zero || exit; sleep 0.02; done >feed'
feeder=$!
$HUFU_WRAP "$HUFU" encrypt k feed --module "$MODULE" --pin-file user.pin >encrypted 2>encrypt.err &
worker=$!
pids="$pids $worker"
check "both devices work" wait_for of card1 "x['state'] == 'up' and x['ops'] > 0"
check "in the same program" works card2
check "list" hufu_core device list -o json
cp out list.json
check "has both, with a token, domain and driver" json list.json "[(x['device'], x['tokens'], x['domain'], x['driver']) for x in d['devices']] == [('card1', ['demo'], 'soft', 'soft'), ('card2', ['demo'], 'soft', 'soft')]"
check "their times are known" wait_for of card1 "x['p99_ns'] >= x['p50_ns'] > 0"
check "show names the program" of card1 "p['program'].endswith('hufu') and p['pid'] == $worker" || :
check "explain" hufu_core device explain card1
check "says that it serves" contains "It serves" out
check "pool status" hufu_core pool status -o json
cp out pool.json
check "two of two are up" json pool.json "[(x['token'], x['devices_up'], x['domains_up']) for x in d['tokens']] == [('demo', 2, 1)]"

# -- wishes ---------------------------------------------------------------------------------
check "drain and wait" hufu_core device drain card1 --why "new battery" --wait
check "nothing runs on it" of card1 "p['admin'] == 'draining' and p['in_flight'] == 0 and x['wish'] == 'draining' and x['wish_why'] == 'new battery'"
drained=$(ops card1)
check "the other works on" works card2
check "it does not" is_equal "$(ops card1)" "$drained"
check "undrain and wait" hufu_core device undrain card1 --wait -o json
cp out undrain.json
check "as JSON" json undrain.json "d['behind'] == [] and d['programs'] == 1"
check "it works again" works card1
check "maintain and wait" hufu_core device maintain card2 --wait
check "explain tells" hufu_core device explain card2
check "of it and the way back" contains "hufu device undrain card2" out
check "undrain" hufu_core device undrain card2 --wait
check "it is up again" wait_for of card2 "x['state'] == 'up'"
check "and works" works card2

# -- add and remove ------------------------------------------------------------------------------
cp "$HUFU_CONF" before.conf
check "a new device's section is printed" hufu_core device add card3 driver=soft domain=soft --token demo
check "whole" contains 'device "card3" {' out
check "its domain is not new" absent "hufu domain enroll" out
check "of a new domain" hufu_core device add card3 driver=soft domain=other --token demo
check "it is said what follows" contains "hufu domain enroll" out
check "nothing is written" same "$HUFU_CONF" before.conf
check "until it is saved" hufu_core device add card3 driver=soft domain=soft weight=50 --token demo --save -o json
check "the rest stays" sh -c "head -c $(wc -c <before.conf) '$HUFU_CONF' | cmp - before.conf"
check "and the mode" is_equal "$(stat -c %a "$HUFU_CONF")" 600
check "the configuration is good" hufu_core config check
check "the running program takes it up" works card3
check "with its weight" of card3 "x['weight'] == 50 and p['weight'] == 50"
check_status 7 "the name is taken now: 7" hufu_core device add card3 driver=soft
check "remove and wait" hufu_core device remove card3 --wait
check "it says what to delete" contains 'delete the section device "card3"' out
check "programs have it no more" of card3 "not p or p['admin'] == 'removed' and p['in_flight'] == 0"
check "undrain brings it back" hufu_core device undrain card3 --wait
check "it works" works card3
check "remove" hufu_core device remove card3 --wait
cp before.conf "$HUFU_CONF"
check "its section is deleted, and it may be added anew" hufu_core device add card3 driver=soft domain=soft --token demo --save
check "and works" works card3

# -- refused ------------------------------------------------------------------------------------------
cp "$HUFU_CONF" before.conf
check_status 1 "a value out of range: 1" hufu_core device add card4 driver=soft weight=5000 --save
check "is named" contains "weight" out
check_status 1 "a key that there is not: 1" hufu_core device add card4 driver=soft colour=red --save
check_status 1 "a driver that there is not: 1" hufu_core device add card4 driver=hard --save
check_status 1 "no driver: 1" hufu_core device add card4 weight=5 --save
check_status 1 "a token that there is not: 1" hufu_core device add card4 driver=soft --token nowhere --save
check_status 1 "a key that is no word: 1" hufu_core device add card4 'driver=soft' 'x = 1 } device "evil" { driver=soft' --save
check_status 1 "a name that is none: 1" hufu_core device add 'a" { driver = soft } device "b' driver=soft --save
check_status 1 "a value of two lines: 1" hufu_core device add card4 driver=soft "domain=a
b" --save
check_status 4 "a driver that cannot be loaded: 4" hufu_core device add card4 driver=/nowhere/driver.so --save
check "none of it changed the configuration" same "$HUFU_CONF" before.conf
check "an odd value stays one value" hufu_core device add card4 driver=soft 'domain=d' --no-probe
mkdir open; chmod 777 open
sed "1i states = \"$work/open/states\"" before.conf >"$HUFU_CONF"
check_status 7 "wishes where anybody may write: 7" hufu_core device drain card1
check "says the directory" contains "$work/open" out
if [ "$(id -u)" != 0 ]; then
	mkdir closed; chmod 500 closed
	sed "1i states = \"$work/closed/states\"" before.conf >"$HUFU_CONF"
	check_status 7 "wishes where the user may not write: 7" hufu_core device drain card1
else
	skip "wishes where the user may not write" "root may write everywhere"
fi
cp before.conf "$HUFU_CONF"

# -- the program noticed nothing ------------------------------------------------------------------------
kill "$feeder" 2>/dev/null
wait "$feeder" 2>/dev/null
wait "$worker"
check "the program ended well" is_equal "$?" 0
check "and said nothing" test ! -s encrypt.err
check "what it encrypted is whole" sh -c "'$HUFU' decrypt k encrypted --module '$MODULE' --pin-file user.pin | tr -d '\\000' | wc -c | grep -qx 0"
check "its report is gone" sh -c "test -z \"\$(ls run)\""

# -- no configuration file ---------------------------------------------------------------------------------
unset HUFU_CONF
export HOME=$work XDG_DATA_HOME=$work/data
if [ -e /etc/hufu/hufu.conf ]; then
	skip "without a configuration file" "this machine has one"
else
	check "without a configuration file there is the device soft" hufu_core device list
	check "by name" contains "^soft  *soft" out
	check_status 4 "no wishes: 4" hufu_core device drain soft
	check "since there is no file" contains "there is no configuration file" out
	check "a section can be printed" hufu_core device add card1 driver=soft
	check_status 4 "not saved: 4" hufu_core device add card1 driver=soft --save
fi
finish
