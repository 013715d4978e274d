#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a program written only to GM/T 0018 runs on libhufu-sdf.so over a token
# that the tool set up, and gets nowhere without its password; over a token whose
# keys are in a card behind another vendor's library it runs the same.
. "$(dirname "$0")/lib.sh"
library=$top_builddir/.libs/libhufu-sdf.so
program=$top_builddir/examples/sdf
need nm
sdf() { $HUFU_WRAP "$program" <"$1"; }

init_token cards
for label in sign enc; do
	check "an SM2 pair \"$label\"" hufu_in key generate --type sm2 --label $label
done
check "an RSA pair" hufu_in key generate --type rsa:2048 --label rsa
check "a key encryption key" hufu_in key generate --type sm4 --label kek --use wrap,unwrap
(umask 077; echo "password of one" >"$work/index.pin"; echo "password of two" >"$work/other.pin")
check "a verifier of a password" hufu_core sdf password --new-pin-file "$work/index.pin"
verifier=$(cat "$work/out")
check "which does not tell it" absent "password of one" "$work/out"
check "another salt each time" test "$(hufu_core sdf password --new-pin-file "$work/index.pin")" != "$verifier"
(umask 077; echo "7 bytes" >"$work/short.pin")
check_status 1 "a password of seven bytes is refused: 1" hufu_core sdf password --new-pin-file "$work/short.pin"

cat >>"$HUFU_CONF" <<CONF
sdf { token = "cards" login = "file:$work/user.pin" vendor = "a vendor" model = "a card" serial = "2026112100100001" }
sdf_key "1" { sign = "sign" encrypt = "enc" rsa_sign = "rsa" $verifier }
sdf_kek "1" { key = "kek" }
CONF
check "the configuration is right" hufu_core config check
check "and is shown" hufu_core config show
check "with the index" contains 'sdf_key "1"' "$work/out"
hufu_core config show >"$work/shown.conf" 2>/dev/null
check "as it would be read again" hufu_core config check "$work/shown.conf"

check_claims "the program" sdf "$work/index.pin"
check "the emulator has ZUC" contains "128-EEA3 as its standard has it" "$work/claims"
check_not "with another password it gets no further" sdf "$work/other.pin"
check "than SDR_PRKRERR" contains 0x01000018 "$work/out"
mv "$HUFU_CONF" "$work/elsewhere.conf"
export HUFU_SDF_CONF=$work/elsewhere.conf HUFU_CONF=$work/none.conf
check_claims "with HUFU_SDF_CONF" sdf "$work/index.pin"
chmod 644 "$work/user.pin"
check_not "a PIN that others may read is not used" sdf "$work/index.pin"
check "and the log says what to do" contains "chmod 600" "$work/hufu.log"
chmod 600 "$work/user.pin"
sed -i "s|^token .*|device \"loop\" { driver = \"sdf\" library = \"$work/loop.so\" token = \"cards\" }\n&|" "$HUFU_SDF_CONF"
ln -s "$library" "$work/loop.so"
check_not "the library is no device of its own token" sdf "$work/index.pin"
check "and the log names the device" contains 'device "loop"' "$work/hufu.log"

# -- the same over a card: an emulated one, whose indexes are free for all ---------------
card=$work/card keys=$work/keys
export HUFU_CONF=$work/hufu.conf
unset HUFU_SDF_CONF
mkdir -m 700 "$keys"
check "a card is made" "$top_builddir/tests/cards/make_card" --rsa "$keys"
cp "$top_builddir/tests/cards/.libs/card_standard.so" "$card.so"
(umask 077; cp "$keys/card.conf" "$card.so.conf")
cat >"$HUFU_CONF" <<CONF
log { to = "file:$work/hufu.log" level = "info" }
token "behind" { store = "sqlite:$work/behind.db" host_secret = "file:$work/host.key" devices = { "card" } ${HUFU_WRAP:+deadline_ms = 600000} }
device "card" { driver = "sdf" library = "$card.so" profile = "$keys/card_standard.conf" domain = "cards" kek_index = 1 isk_index = 1 rsa_indexes = "1" }
sdf { token = "behind" login = "file:$work/user.pin" }
sdf_key "1" { sign = "cards sign 1" encrypt = "cards encrypt 1" rsa_sign = "cards rsa sign 1" $verifier }
sdf_kek "1" { key = "kek" }
CONF
check "a token over it" hufu token init --label behind --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
check "the card's keys are the token's" hufu_in key list
check "by their names" contains "cards sign 1" "$work/out"
check "a key encryption key in the card" hufu_in key generate --type sm4 --label kek --use wrap,unwrap
check_claims "over the card" sdf "$work/index.pin"
check "which has no ZUC" contains "no ZUC" "$work/claims"
echo 'device "soft" { driver = "soft" domain = "soft" }' >>"$HUFU_CONF"
sed -i 's/devices = { "card" }/devices = { "card", "soft" }/' "$HUFU_CONF"
check "software joins it" hufu domain enroll --so-pin-file "$work/so.pin"
check_claims "over the card, with software beside it" sdf "$work/index.pin"
check "which opens what the card's RSA pair signed" contains "an RSA signature of it that opens to it" "$work/claims"

nm -D --defined-only "$library" | awk '{print $3}' | grep -v '^SDF_' | grep -v '^_' >"$work/others"
check "the library exports nothing but SDF_ functions" is_equal "$(cat "$work/others")" ""
finish
