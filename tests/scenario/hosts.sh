#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: behind hufud a vendor's library runs in a process of its own: it crashes, hangs and is killed, and the programs
# that use its cards see no error; the device is back by itself. Without hufud it runs in the program, which is said.
. "$(dirname "$0")/lib.sh"
umask 077
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
need python3
cards=$top_builddir/tests/cards
mkdir -m 700 "$work/keys" "$work/run"
"$cards/make_card" --pairs 3 --locked 1 "$work/keys" || { echo "Bail out! no keys for the cards"; exit 99; }
for card in card1 card2; do
	cp "$cards/.libs/card_standard.so" "$work/$card.so"
	(umask 077; cp "$work/keys/card.conf" "$work/$card.so.conf")
done
# break_card CARD SCRIPT: as driver/fault/fault.h has it; an empty one mends it.
break_card() { printf %s "$2" >"$work/faults.new" && mv "$work/faults.new" "$work/$1.so.faults"; }
device() {
	cat <<CONF
device "$1" { driver = sdf domain = card library = "$work/$1.so" profile = "$work/keys/card_standard.conf"
	indexes = "1-3" kek_index = 1 isk_index = 1 $isolation }
CONF
}
isolation=
# Of a token with the cards, or of one on a machine.
write_conf() {
	if [ "$1" = far ]; then
		cat >"$HUFU_CONF" <<CONF
log { to = "file:$work/hufu.log" level = "info" }
token "$1" { store = "sqlite:$work/$1.db" host_secret = "file:$work/host.key" devices = { machine } }
device "machine" { driver = net address = "unix:$work/machine.sock" }
CONF
		return
	fi
	cat >"$HUFU_CONF" <<CONF
run_dir = "$work/run"
log { to = "file:$work/hufu.log" level = "info" }
token "$1" {
	store = "sqlite:$work/$1.db"
	host_secret = "file:$work/host.key"
	devices = { card1, card2 }
}
$(device card1)
$(device card2)
CONF
}
# The program's last word of a device that fell.
serves() { case $(grep "device $1: .* -> " hufu.log | tail -n 1) in *"-> slow start"* | *"-> up"*) ;; *) return 1 ;; esac; }
# The process of a device.
hosted_by=$HUFU_CONF
host_of() { pgrep -f "^hufud --host $1 --config $hosted_by\$"; }
is_hosted() { host_of "$1" >/dev/null; }
is_new() { local now; now=$(host_of "$1") && [ "$now" != "$2" ]; }
start_hufud() {
	"$HUFUD" --config "$HUFU_CONF" >"$work/hufud.out" 2>&1 &
	hufud=$!
	pids="$pids $hufud"
	wait_for is_hosted card1 && wait_for is_hosted card2
}

# -- without hufud ---------------------------------------------------------------------
init_token demo
cd "$work" || exit 99
echo "what is signed" >data
check "without hufud a vendor's library runs in the program" contains "device card1: its library runs within this program" hufu.log
check "which is said with what to do" contains "Start hufud" hufu.log

# -- with it -------------------------------------------------------------------------------
: >hufu.log
check "hufud with a plain hufu.conf hosts its devices" start_hufud
check "a key is made, in the cards" hufu_in key generate "$URI" --type sm4 --label made
check "and tested" hufu_in key test "$URI;object=made"
check "by way of their processes" contains "device card1: machine .* serves token card1 over unix" hufu.log
check "and the library is in no program" absent "its library runs within" hufu.log
check "devices tell how they are isolated" hufu_core device probe card1 --deep
check "a password is kept for a pair" sh -c 'umask 077; printf %s "card password" >access'
check "in the token" hufu_core device password set demo card --name 3 --password-file access --pin-file user.pin
id=$("$HUFU" device keys demo --pin-file user.pin -o json | python3 -c '
import json, sys
print(next(k["id"] for k in json.load(sys.stdin)["keys"] if k["label"] == "sign 3"))')
sign_locked() { hufu_in sign "$URI;id=%$(echo "$id" | sed 's/../&%/g; s/%$//');type=private" data --out sig; }
check "and opens it through the host, as in the program itself" sign_locked

# -- one program that works all the while ------------------------------------------------------
mkfifo feed
background sh -c 'while :; do head -c 65536 /dev/zero || exit; sleep 0.02; done >feed'
feeder=${pids##* }
hufu_in encrypt "$URI;object=made" feed --mode cbc --iv 000102030405060708090a0b0c0d0e0f >encrypted 2>encrypt.err &
worker=$!; pids="$pids $worker"
grown() { [ "$(stat -c %s encrypted)" -gt "$1" ]; }
check "a program works" wait_for grown 0
turn=0
for how in ABRT SEGV KILL ABRT; do
	turn=$((turn + 1)) card=card$((1 + turn % 2)) former=$(host_of "card$((1 + turn % 2))")
	kill -$how "$former"
	check "a library ends by SIG$how under a program, which works on" wait_for grown "$(stat -c %s encrypted)"
	check "and its process is started anew" wait_for is_new $card "$former"
	check "and serves the program" wait_for serves $card
done
former=$(host_of card1)
check "each card serves the program again" wait_for serves card2
break_card card1 "run:hang"
check "a library hangs under a program, which works on" wait_for grown "$(stat -c %s encrypted)"
check "its process is ended, and started anew" wait_for is_new card1 "$former"
break_card card1 ""
check "which the log says" contains "device card1: its library hangs in" hufu.log
check "the program works on" wait_for grown "$(stat -c %s encrypted)"
check "and the device is back" wait_for serves card1
kill "$feeder" 2>/dev/null
wait "$worker"
check "the program ends well, nothing was lost" is_equal $? 0

# -- hufud itself ------------------------------------------------------------------------------------
one=$(host_of card1) two=$(host_of card2)
kill -KILL "$hufud"
check "when hufud is killed its devices' processes end" wait_for gone "$one"
check "all of them" wait_for gone "$two"
check "it is started again" start_hufud
check "and programs go on" hufu_in key test "$URI;object=made"
one=$(host_of card1)
sed -i 's/indexes = "1-3"/indexes = "1-2"/' "$HUFU_CONF"
kill -HUP "$hufud"
check "a device whose section changed gets a new process" wait_for is_new card1 "$one"
one=$(host_of card1) two=$(host_of card2)
kill "$hufud"; wait "$hufud"
check "hufud ends well" is_equal $? 0
check "with its devices" gone "$one"
check "and their sockets" test ! -e run/devices/card1.sock

# -- never in the program ------------------------------------------------------------------------------
isolation="isolation = process"
write_conf demo
: >hufu.log
check_not "with isolation = process, and no hufud, a device serves nobody" hufu_in key test "$URI;object=made"
check "which says why" contains "isolation = process, but no hufud hosts it" hufu.log
check "until there is one" start_hufud
check "then it serves" hufu_in key test "$URI;object=made"
kill "$hufud"; wait "$hufud"

# -- a machine's own devices ---------------------------------------------------------------------------
head -c 32 /dev/urandom >master && chmod 600 master
(umask 077; cat >machine.conf <<CONF
log { to = "file:$work/machine.log" level = info }
machine { listen = "unix:$work/machine.sock" master = "file:$work/master" host_dir = "$work/hosts" }
identity "me" { user = "$(id -u)" tokens = bank roles = devices }
token "bank" { devices = { soft1, soft2 } }
device "soft1" { driver = soft domain = soft isolation = process }
device "soft2" { driver = soft domain = soft isolation = process }
CONF
)
hosted_by=$work/machine.conf
"$HUFUD" --config machine.conf >hufud.out 2>&1 &
hufud=$!
pids="$pids $hufud"
check "a machine hosts its own devices" wait_for exists machine.sock
init_token far
check "a pair is made on it" hufu_in key generate "$URI" --type sm2 --label pair
check "and tested" hufu_in key test "$URI;object=pair"
for card in soft1 soft2 soft1; do
	former=$(host_of $card)
	kill -ABRT "$former"
	check "the host of its $card crashes, and it goes on" hufu_in key test "$URI;object=pair"
	check "until it is there again" wait_for is_new $card "$former"
done
kill "$hufud"; wait "$hufud"
check "it ends well" is_equal $? 0
finish
