#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: every command of the tool does its work on hufu's own module, the
# examples run, and nothing that was changed passes as good.
. "$(dirname "$0")/lib.sh"
init_token demo
cd "$work" || exit 99
umask 077
head -c 700000 /dev/urandom >data
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); exec("ok = " + sys.argv[2]); sys.exit(not ok)' "$@"; }

check "status shows module, token, configuration and log" hufu status
contains "demo, slot 0x" out && contains "$HUFU_CONF" out && ok "with their names" || not_ok "with their names"
check "token list" hufu token list
check "token show" hufu token show demo
check "token show by URI" hufu token show "$URI"
check "mech list" hufu mech list demo
contains CKM_HUFU_SM2_SM3_DER out && contains 0xc8554605 out && ok "SM2 with its number" || not_ok "SM2 with its number"
check "the known answers are right" hufu selftest
contains "SM4-GCM" out && contains "128-EIA3" out && contains "SM2 decryption" out && ok "of all algorithms" || not_ok "of all algorithms"

# -- keys ----------------------------------------------------------------------
id=0
for type in sm2 sm4 zuc hmac-sm3 generic:256; do
	id=$((id + 1))
	name=${type%:*}
	check "a key of type $type is made" hufu_in key generate --type $type --label "$name" --id 0$id
	check "and tested" hufu_in key test "$name"
done
check_status 1 "a size for a type that has one only: 1" hufu_in key generate --type sm4:256
check "uses can be narrowed" hufu_in key generate --type sm4 --label narrow --use encrypt
check_status 7 "and are kept to: 7" hufu_in decrypt narrow data --mode ctr --iv 000102030405060708090a0b0c0d0e0f
check "private keys need the PIN to be seen" sh -c "! '$HUFU' key list --module '$MODULE' 2>/dev/null | grep -q private"
check_status 3 "and to be used" setsid -w "$HUFU" sign sm2 data --module "$MODULE" </dev/null
check "key show" hufu_in key show sm2
contains "never-extractable  *yes" out && contains "sensitive  *yes" out && ok "a key made here is sensitive and stays" || not_ok "a key made here is sensitive and stays"

# -- signatures -----------------------------------------------------------------
check "SM2 signs, raw" hufu_in sign sm2 data --raw --out sig.raw
check "64 bytes" is_equal "$(wc -c <sig.raw)" 64
check "it verifies" hufu verify sm2 data --raw --signature sig.raw
check_status 6 "not as DER: 6" hufu verify sm2 data --signature sig.raw
check "an ID in hexadecimal is the same as in text" hufu_in sign sm2 data --id hex:616c696365 --out sig.id
check "it verifies" hufu verify sm2 data --id alice --signature sig.id
check_status 6 "not with the usual ID: 6" hufu verify sm2 data --signature sig.id
hufu digest data >digest 2>last
cut -d' ' -f1 digest | xxd -r -p >e 2>/dev/null || printf "$(cut -d' ' -f1 digest | sed 's/../\\x&/g')" >e
check "a digest is signed by mechanism number" hufu_in sign sm2 e -m 0xc8554603 --out sig.e
check "and verified by mechanism name" hufu verify sm2 e -m sm2-der --signature sig.e
check_status 1 "a digest of another length: 1" hufu_in sign sm2 data -m sm2
check "a MAC is made" hufu_in mac hmac-sm3 data
mac=$(hufu_in mac hmac-sm3 data 2>last | cut -d' ' -f1)
check "it verifies" hufu_in mac hmac-sm3 data --verify "$mac"
check_status 6 "another does not: 6" hufu_in mac hmac-sm3 e --verify "$mac"
check "EIA3" hufu_in mac zuc data --count 7 --bearer 3 --direction 1
check_status 1 "EIA3 without COUNT: 1" hufu_in mac zuc data

# -- encryption ------------------------------------------------------------------
check "chunks are written" hufu_in encrypt sm4 data --out data.hufu
check "the file says what it is" test "$(head -c 11 data.hufu)" = hufu-file/1
check "and is read" hufu_in decrypt sm4 data.hufu --out plain
check "to the same" same data plain
rm -f plain
cp data.hufu changed
printf '\377' | dd of=changed bs=1 seek=300000 conv=notrunc 2>/dev/null
cmp -s changed data.hufu && printf '\000' | dd of=changed bs=1 seek=300000 conv=notrunc 2>/dev/null
check_status 6 "a changed byte: 6" hufu_in decrypt sm4 changed --out plain
check "and no file" test ! -e plain
check "an empty file too is authenticated" sh -c ": >empty && '$HUFU' encrypt sm4 empty --module '$MODULE' --pin-file user.pin --out empty.hufu"
check_status 6 "cut to its header: 6" sh -c "head -c 32 empty.hufu >cut && '$HUFU' decrypt sm4 cut --module '$MODULE' --pin-file user.pin --out plain"
check "GCM of many megabytes" sh -c "head -c 3000000 /dev/zero >zero && '$HUFU' encrypt sm4 zero --module '$MODULE' --pin-file user.pin --mode ctr --iv 000102030405060708090a0b0c0d0e0f --out zero.enc && '$HUFU' decrypt sm4 zero.enc --module '$MODULE' --pin-file user.pin --mode ctr --iv 000102030405060708090a0b0c0d0e0f | cmp - zero"
check "GCM" hufu_in encrypt sm4 e --mode gcm --iv 000102030405060708090a0b --aad "to: front" --out e.gcm
check_status 6 "other additional data: 6" hufu_in decrypt sm4 e.gcm --mode gcm --iv 000102030405060708090a0b --aad "to: rear" --out plain
check "EEA3 there" hufu_in encrypt zuc data --count 9 --out data.zuc
check "and back" hufu_in decrypt zuc data.zuc --count 9 --out plain
check "to the same" same data plain
for format in der c1c3c2 c1c2c3; do
	check "SM2 $format there, without a PIN" hufu encrypt sm2 e --format $format --out e.$format
	check "and back" hufu_in decrypt sm2 e.$format --format $format --out plain
	check "to the same" same e plain
done
check_status 6 "SM2 in another order: 6" hufu_in decrypt sm2 e.c1c3c2 --format c1c2c3 --out plain
check_status 1 "no such mode: 1" hufu_in encrypt sm4 data --mode xts --out plain
check_status 4 "a full device: 4" hufu_in encrypt sm4 data --out /dev/full
check "progress is shown when asked for" sh -c "(head -c 100000 /dev/zero; sleep 1.2; head -c 500000 /dev/zero) | '$HUFU' digest --progress --module '$MODULE' 2>&1 | grep -q MiB"

# -- the store --------------------------------------------------------------------
check "the store is verified" hufu_core store verify demo --pin-file user.pin
check "and backed up while in use" hufu_core store backup demo copy.db
check_status 7 "a backup overwrites nothing: 7" hufu_core store backup demo copy.db
check "the copy is verified" hufu_core store verify --path copy.db --pin-file user.pin
check_status 3 "with a wrong PIN: 3" hufu_core store verify --path copy.db --pin-file so.pin
check_status 2 "there is no other store: 2" hufu_core store verify other
check "its state is told" sh -c "'$HUFU' store status demo >status && grep -q '^state  *ok' status"
cp copy.db older.db
hufu_core store verify --path older.db --pin-file user.pin >last 2>&1 # a login: older.db is newer than copy.db by now
rm -f older.db-wal older.db-shm && cp copy.db older.db
check_status 6 "an older state in a store's place is told: 6" hufu_core store status --path older.db
check_status 6 "and does not move to where nobody knows of it: 6" hufu_core store migrate "sqlite:$PWD/away.db" --path older.db
check "nothing of it is there" test ! -e away.db
check_status 3 "the user's PIN does not make it good: 3" hufu_core store accept-head --path older.db --so-pin-file user.pin
check "the officer's does" hufu_core store accept-head --path older.db --so-pin-file so.pin
check "and it is a store again" hufu_core store verify --path older.db --pin-file user.pin
# SQLite fills its pages from the end.
size=$(wc -c <copy.db)
for page in 3 4 5 6 7 8 9 10; do
	[ $((page * 4096)) -le "$size" ] && printf 'damaged by a hand that is not ours' | dd of=copy.db bs=1 seek=$((page * 4096 - 60)) conv=notrunc 2>/dev/null
done
check_status 6 "a damaged copy: 6" hufu_core store verify --path copy.db --pin-file user.pin

# -- for programs ------------------------------------------------------------------
if command -v python3 >/dev/null 2>&1; then
	hufu status -o json >j 2>last
	check "status -o json" json j 'd["schema"] == "hufu-status/1" and d["tokens"][0]["label"] == "demo" and d["configuration"]["usable"]'
	hufu_in key list -o json >j 2>last
	check "key list -o json" json j 'd["schema"] == "hufu-key-list/1" and len([k for k in d["keys"] if k["type"] == "sm2"]) == 2'
	hufu_in sign sm2 data -o json >j 2>last
	check "sign -o json" json j 'd["schema"] == "hufu-sign/1" and d["signature"].startswith("30")'
	hufu selftest -o json >j 2>last
	check "selftest -o json" json j 'd["schema"] == "hufu-selftest/1" and d["good"] and all(any(name in t["name"] for t in d["tests"]) for name in ("SM2 sig", "SM2 dec", "SM3", "HMAC-SM3", "SM4-GCM", "EEA3", "EIA3", "SHA-256", "HMAC-SHA-256", "AES-CBC"))'
	hufu_core config check -o json >j 2>last
	check "config check -o json" json j 'd["schema"] == "hufu-config-check/1" and d["good"]'
	hufu_core store verify demo -o json >j 2>last
	check "store verify -o json" json j 'd["schema"] == "hufu-store-verify/1" and d["good"] and d["rows_unchecked"] > 0'
	hufu_core store status demo -o json >j 2>last
	check "store status -o json" json j 'd["schema"] == "hufu-store-status/1" and d["state"] == "ok" and d["revision"] == d["remembered"] > 0'
	hufu_in key list --pin-file so.pin -o json >j 2>last
	check "a wrong PIN -o json" json j 'd["error"]["ckr"] == "CKR_PIN_INCORRECT" and d["error"]["status"] == 3'
fi

# -- examples ------------------------------------------------------------------------
for example in sm2_sign sm4_encrypt; do
	[ -x "$top_builddir/examples/$example" ] || { skip "examples/$example" "not built (make check builds it)"; continue; }
	check "examples/$example" sh -c "'$top_builddir/examples/$example' '$MODULE' demo <user.pin"
	contains "is refused" out && ok "it refuses what was changed" || not_ok "it refuses what was changed"
done

check "keys are destroyed" hufu_in key destroy sm2 --yes
check_status 2 "and gone: 2" hufu_in key show sm2
finish
