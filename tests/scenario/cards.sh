#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: two cards behind a vendor's GM/T 0018 library are one token to programs:
# the pairs that the vendor's tool made in them are objects, a password is given to
# hufu once, and no program notices that one card dies while it signs.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl python3
SM2_SM3_DER=0xC8554605
cards=$top_builddir/tests/cards
mkdir -m 700 "$work/keys" "$work/run"
"$cards/make_card" --pairs 3 --locked 1 "$work/keys" || { echo "Bail out! no keys for the cards"; exit 99; }
# Each is a copy, with a configuration and faults of its own beside it.
for card in card1 card2; do
	cp "$cards/.libs/card_standard.so" "$work/$card.so"
	(umask 077; cp "$work/keys/card.conf" "$work/$card.so.conf")
done
# break_card CARD SCRIPT: as driver/fault/fault.h has it; an empty one mends it.
break_card() { printf %s "$2" >"$work/faults.new" && mv "$work/faults.new" "$work/$1.so.faults"; }
device() {
	cat <<CONF
device "$1" { driver = sdf domain = card library = "$work/$1.so" profile = "$work/keys/card_standard.conf"
	indexes = "1-3" kek_index = 1 isk_index = 1 }
CONF
}
write_conf() {
	cat >"$HUFU_CONF" <<CONF
run_dir = "$work/run"
log { to = "file:$work/hufu.log" level = "info" }
token "$1" {
	store = "sqlite:$work/$1.db"
	host_secret = "file:$work/host.key"
	devices = { card1, card2 }
${HUFU_WRAP:+deadline_ms = 600000}
}
$(device card1)
$(device card2)
CONF
	chmod 600 "$HUFU_CONF"
}
init_token demo
cd "$work" || exit 99
echo "what is signed" >data
login="--login --pin $PIN --token-label demo"
id_of() { "$HUFU" device keys demo --pin-file user.pin -o json | python3 -c '
import json, sys
print(next(k["id"] for k in json.load(sys.stdin)["keys"] if k["label"] == sys.argv[1]))' "$1"; }
# shellcheck disable=SC2086
sign() { pkcs11_tool $login --sign -m $SM2_SM3_DER --id "$1" -i data -o sig; }
verifies() { openssl dgst -sm3 -verify "$1" -sigopt distid:1234567812345678 -signature sig data; }

# -- keys of the cards are objects -----------------------------------------------------
check "a card is probed" hufu_core device probe card1 --deep
# shellcheck disable=SC2086
check "the token's objects are listed" pkcs11_tool $login -O
check "the cards' pairs are among them, for signatures" contains "card sign 1" out
check "and for encryption" contains "card encrypt 2" out
first=$(id_of "sign 1") locked=$(id_of "sign 3")
check "a program signs with one" sign "$first"
check "its public key is taken out" hufu key export-public "$URI;object=card%20sign%201" --out one.pem
check "openssl verifies the signature" verifies one.pem
check "a key is made, in the cards" hufu_in key generate "$URI" --type sm4 --label made
check "and encrypts" hufu_in encrypt "$URI;object=made" data --out sealed
check "and decrypts" hufu_in decrypt "$URI;object=made" sealed --out opened
check "to the same" same data opened

# -- access passwords --------------------------------------------------------------------
check_not "a pair with a password signs for nobody" sign "$locked"
(umask 077; printf %s "card password" >access)
check "until hufu has its password" hufu_core device password set demo card --name 3 --password-file access --pin-file user.pin
check "then it signs" sign "$locked"
check "no password stands in the configuration" absent "card password" "$HUFU_CONF"
check "nor in the log" absent "card password" hufu.log

# -- a card dies ---------------------------------------------------------------------------
rounds() { for _ in $(seq 6); do sign "$first" && verifies one.pem || return 1; done; }
break_card card1 "any:device-gone"
check "with one card dead programs sign" rounds
break_card card1 ""
break_card card2 "run:lost%2; sign:flip-out%3"
check "with one that loses answers and lies, too" rounds
break_card card2 ""

# One program that works all the while, with a key that was made in a card.
mkfifo feed
background sh -c 'while :; do head -c 65536 /dev/zero || exit; sleep 0.02; done >feed'
feeder=${pids##* }
hufu_in encrypt "$URI;object=made" feed --mode cbc --iv 000102030405060708090a0b0c0d0e0f >encrypted 2>encrypt.err &
worker=$!; pids="$pids $worker"
grown() { [ "$(stat -c %s encrypted)" -gt "$1" ]; }
check "a program works" wait_for grown 0
for turn in 1 2 3 4; do
	card=card$((1 + turn % 2))
	break_card $card "any:device-gone"
	check "a card dies under a program ($turn), which works on" wait_for grown "$(stat -c %s encrypted)"
	break_card $card ""
	check "and is back" wait_for grown "$(stat -c %s encrypted)"
done
kill "$feeder" 2>/dev/null
wait "$worker"
check "the program ends well, nothing was lost" is_equal $? 0

# -- a card with keys of its own is none of the domain ----------------------------------------
mkdir -m 700 "$work/strange"
"$cards/make_card" --pairs 3 "$work/strange" || { echo "Bail out! no keys for a card"; exit 99; }
cp card1.so.conf mine
cp strange/card.conf card1.so.conf
check_status 6 "another KEK than the domain's is seen" hufu_core domain verify demo --pin-file user.pin
check "in that card alone" is_equal "$(grep -c ' wrong ' out)" 1
check "programs sign by the other" sign "$first"
check "openssl verifies" verifies one.pem
check "and decrypt what the two had made" hufu_in decrypt "$URI;object=made" sealed --out opened
check "to the same" same data opened
check "the stranger is quarantined" contains "device card1: .*quarantined" hufu.log
cp mine card1.so.conf

# -- its throughput beside straight calls: the shape alone ------------------------------------
echo "16 1ms" >card1.so.engines
check "a card is measured" "$HUFU" bench sdf "$work/card1.so" --profile "$work/keys/card_standard.conf" --seconds 3 -o json
cat >shape.py <<'PY'
import json
d = json.load(open("out"))
assert d["schema"] == "hufu-bench-sdf/1" and {"machine", "library", "call_us", "cpu_us", "sm2_sign"} <= set(d), d.keys()
rows = {(r["isolation"], r["verify"], r["threads"]) for r in d["sm2_sign"]}
assert rows == {(i, v, t) for i, v in (("direct", "never"), ("thread", "never"), ("thread", "always")) for t in (1, 4, 16)}, rows
assert all(r["straight_per_s"] > 0 and r["driver_per_s"] > 0 and r["ratio"] > 0 for r in d["sm2_sign"])
assert d["call_us"] >= 1000
PY
check "by the driver and the pool, with 1, 4 and 16 threads" python3 shape.py
check_status 4 "what is no library: 4" "$HUFU" bench sdf /etc/passwd
card1="$work/card1.so --profile $work/keys/card_standard.conf --index 3 --seconds 3"
# shellcheck disable=SC2086
check "a pair with a password is measured" "$HUFU" bench sdf $card1 --password-file access -o json
check "with all threads" is_equal "$(grep -o '"threads"' out | wc -l)" 9
(umask 077; printf %s "another password" >wrong)
# shellcheck disable=SC2086
check_status 4 "not with another password" "$HUFU" bench sdf $card1 --password-file wrong
check "which no message shows" absent "another password" out
chmod 644 wrong
# shellcheck disable=SC2086
check_status 3 "and a file that others may read is refused" "$HUFU" bench sdf $card1 --password-file wrong
finish
