#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Claim: the openssl command finds, lists, makes, writes and reads keys of a token by URI, with nothing but the provider
# in openssl.cnf; and says what is wrong when it does not.
. "$(dirname "$0")/lib.sh"
need openssl
init_token gateway

export OPENSSL_MODULES=$top_builddir/.libs OPENSSL_CONF=$work/openssl.cnf
write_cnf() {
	cat >"$OPENSSL_CONF" <<-CNF
	openssl_conf = init
	[init]
	providers = providers
	[providers]
	default = default_provider
	hufu = hufu_provider
	[default_provider]
	activate = 1
	[hufu_provider]
	activate = 1
	$1
	[req]
	distinguished_name = name
	[name]
	CNF
}
write_cnf "pin-source = file:$work/user.pin"
openssl() { timeout 300 $HUFU_WRAP openssl "$@"; }
cd "$work" || exit 99

for type in rsa:2048 ec:P-256 ec:P-384 sm2 ed25519 x25519; do
	hufu_in key generate "$URI" --type $type --label "${type//:/-}" >/dev/null || exit 99
done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=someone -out cert.pem 2>/dev/null
openssl x509 -in cert.pem -outform DER -out cert.der
check "the tool's token takes a certificate" pkcs11_tool --login --pin "$PIN" --write-object cert.der --type cert --label someone

check "openssl lists the provider" openssl list -providers
check "by its name" contains hufu "$work/out"
check "storeutl lists the token" openssl storeutl -noout "$URI"
check "all of it" contains "Total found: 13" "$work/out"
check "storeutl lists keys" openssl storeutl -noout -keys "$URI"
check "the private ones" contains "Total found: 6" "$work/out"
check "storeutl lists certificates" openssl storeutl -certs "$URI"
check "as they are" contains "Total found: 1" "$work/out"
openssl x509 -in out -out got.pem
check "byte for byte" same cert.pem got.pem

for label in rsa-2048 ec-P-256 ec-P-384 sm2 ed25519 x25519; do
	check "the public half of $label" openssl pkey -in "$URI;object=$label;type=private" -pubout -out "$label.pub"
	hufu key export-public "$URI;object=$label;type=public" --out "$label.tool" >/dev/null
	check "is what the tool exports" same "$label.pub" "$label.tool"
	check "$label is written to a file" openssl pkey -in "$URI;object=$label;type=private" -out "$label.pem"
	check "which holds its URI" contains "BEGIN PKCS#11 PROVIDER URI" "$label.pem"
	check "and is read as the key" openssl pkey -in "$label.pem" -pubout -out "$label.again"
	check "with its public half" same "$label.pub" "$label.again"
	check "in words" openssl pkey -in "$label.pem" -noout -text
	check "as a key of the token" contains "Private key in the token \"gateway\"" "$work/out"
done
check "a file of several things is read through" openssl storeutl -noout <(cat cert.pem sm2.pem cert.pem)

hufu_pkeyopt() { openssl genpkey -propquery provider=hufu "$@"; }
check "genpkey makes an SM2 key in the token" hufu_pkeyopt -algorithm SM2 -pkeyopt "pkcs11_uri:$URI;object=made-sm2" -out made-sm2.pem
check "genpkey makes an RSA key for signatures" hufu_pkeyopt -algorithm RSA -pkeyopt rsa_keygen_bits:3072 \
	-pkeyopt pkcs11_key_usage:digitalSignature -pkeyopt "pkcs11_uri:$URI;object=made-rsa;id=%01%02" -out made-rsa.pem
check "the tool shows it" hufu_in key show "$URI;object=made-rsa;type=private"
check "as one that signs" contains sign "$work/out"
check "genpkey makes a key on P-521" hufu_pkeyopt -algorithm EC -pkeyopt group:P-521 -pkeyopt "pkcs11_uri:$URI;object=made-ec" -out made-ec.pem
for made in made-sm2 made-rsa made-ec; do
	check "the file that genpkey wrote is $made" openssl pkey -in $made.pem -pubcheck -noout
done

says() { local what=$1; shift; check_not "$what is an error" "$@"; }
says "a wrong attribute" openssl pkey -in "pkcs11:token=gateway;objekt=sm2" -noout
check "with its place" contains "at character 22, \"objekt\"" "$work/out"
says "another token" openssl pkey -in "pkcs11:token=nowhere;object=sm2" -noout
check "which is named" contains "no token is what pkcs11:token=nowhere" "$work/out"
says "an object that is not there" openssl pkey -in "$URI;object=nobody;type=private" -noout
check "which is named" contains "no object is what" "$work/out"
hufu_in key generate "$URI" --type sm2 --label sm2 >/dev/null
says "a name that two keys have" openssl pkey -in "$URI;object=sm2;type=private" -noout
check "and both are named" contains "means 2 keys" "$work/out"
says "a name that is taken" hufu_pkeyopt -algorithm ED25519 -pkeyopt "pkcs11_uri:$URI;object=made-ec" -out /dev/null
check "for a new key" contains "already: choose another" "$work/out"
chmod 644 user.pin
says "a PIN file that others may read" openssl pkey -in "$URI;object=made-ec;type=private" -noout
check "which is named" contains "others may read" "$work/out"
chmod 600 user.pin

write_cnf ""
says "a key without a PIN" openssl pkey -in "$URI;object=made-ec;type=private" -noout -passin pass:
check "which says where to put it" contains "give pin-source in the URI" "$work/out"
check "the PIN may come from the program's own way to ask" openssl pkey -in made-ec.pem -noout -passin "file:$work/user.pin"
check "or from the URI" openssl pkey -in "$URI;object=made-ec;type=private?pin-source=$work/user.pin" -noout
printf 'this is not the PIN' >wrong.pin
chmod 600 wrong.pin
for _ in $(seq 12); do openssl pkey -in "$URI;object=made-ec;type=private?pin-source=$work/wrong.pin" -noout 2>/dev/null; done
says "a program that starts again and again with a wrong PIN" openssl pkey -in "$URI;object=made-ec;type=private?pin-source=$work/wrong.pin" -noout
check "which leaves the last try to people" contains "one try is left" "$work/out"
check "who log in" hufu_in key list "$URI"
check "after which the right PIN serves as before" openssl pkey -in "$URI;object=made-ec;type=private?pin-source=$work/user.pin" -noout
finish
