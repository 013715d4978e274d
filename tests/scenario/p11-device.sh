#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a token that somebody else's PKCS#11 module serves (SoftHSM, filled by OpenSC's pkcs11-tool) is a device of
# hufu's: its PIN is set once, its keys appear and sign what openssl verifies, and keys for hardware only are made on it.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool softhsm2-util openssl python3
hsm=
for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
	[ -r "$path" ] && hsm=$path
done
[ -n "$hsm" ] || { echo "1..0 # SKIP SoftHSM's module is not installed"; exit 0; }
cd "$work" || exit 99
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$@"; }

mkdir -m 700 hsm
printf 'directories.tokendir = %s/hsm\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >softhsm2.conf
export SOFTHSM2_CONF=$work/softhsm2.conf
hsm_tool() { pkcs11-tool --module "$hsm" --token-label card --login --pin 87654321 "$@"; }
softhsm2-util --init-token --free --label card --so-pin 12345678 --pin 87654321 >out 2>&1 || diag "no token"
hsm_tool --keygen --key-type AES:32 --label kek --usage-wrap --id 01 >out 2>&1 || diag "no wrapping key"
hsm_tool --keypairgen --key-type EC:prime256v1 --label signer --id 03 --usage-sign >out 2>&1 || diag "no pair"

cat >"$HUFU_CONF" <<CONF
log { to = "file:$work/hufu.log" level = "info" }
token "demo" { store = "sqlite:$work/demo.db" host_secret = "file:$work/host.key" devices = { "card", "soft" } hardware_only = no }
device "card" { driver = "p11" module = "$hsm" label = "card" wrap_key = "kek" domain = "hsm" }
device "soft" { driver = "soft" domain = "soft" }
CONF
chmod 600 "$HUFU_CONF"
(umask 077; printf 'the officer, at length' >so.pin; printf 'the user, at length' >user.pin; printf 87654321 >card.pin)
URI=pkcs11:token=demo
check "hufu config check knows the device's keys" hufu_core config check
check "a token over it is initialised" hufu token init --label demo --so-pin-file so.pin --new-pin-file user.pin
check "the device shows who it is" hufu_core device probe card
check "its PIN is set" hufu_core device password set demo hsm --pin-file user.pin --password-file card.pin
check "its keys become objects" hufu device keys demo --adopt --pin-file user.pin
check "the pair among them" contains signer out
hufu_in key list "$URI" -o json >keys.json 2>/dev/null
check "the wrapping key not among them" json keys.json "'kek' not in [k.get('label') for k in d['keys']]"
check "the pair is listed" json keys.json "'signer' in [k.get('label') for k in d['keys']]"

head -c 1000 /dev/urandom >data
check "it signs" pkcs11_tool --token-label demo --login --pin "$(cat user.pin)" --sign -m ECDSA-SHA256 --signature-format openssl \
	--label signer -i data -o sig
hufu key export-public "$URI;object=signer" --out pub.pem >/dev/null
check "what openssl verifies" openssl dgst -sha256 -verify pub.pem -signature sig data
hsm_tool --read-object --type pubkey --id 03 -o card.der >/dev/null 2>&1
check "with the key that the card shows" is_equal "$(openssl pkey -pubin -inform DER -in card.der -outform DER | sha256sum)" \
	"$(openssl pkey -pubin -in pub.pem -outform DER | sha256sum)"

check "a key is made" hufu_in key generate "$URI" --type ec --label made --id 07
check "and tried" hufu_in key test "$URI;object=made"
check "SM2, which the card has not, is made by software" hufu_in key generate "$URI" --type sm2 --label sm2
check "and tried" hufu_in key test "$URI;object=sm2"
before=$(hsm_tool --list-objects 2>/dev/null | grep -c Object)
check "nothing new is kept on the card" is_equal "$before" 3
finish
