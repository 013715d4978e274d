#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: under OpenSSL's pkcs11 engine (libp11) the token's keys sign, decrypt,
# certify and serve TLS; a wrong PIN is an error, not a crash; and no process
# falls over at its end, however it comes to it.
. "$(dirname "$0")/lib.sh"
need openssl pkcs11-tool
if ! openssl engine pkcs11 >/dev/null 2>&1; then
	echo "1..0 # SKIP OpenSSL's pkcs11 engine is not installed (Debian: libengine-pkcs11-openssl)"
	exit 0
fi
# Shown as keys on a curve, SM2's do not stop libp11, which gives up at a type it does not know.
init_token demo 'sm2_key_type = ec'
export USER_PIN=$PIN
login="--token-label demo --login --pin env:USER_PIN"

# engine_conf FILE [LINE]: what makes openssl load the engine with the module.
engine_conf() {
	(umask 077; cat >"$1") <<CONF
openssl_conf = start
[start]
engines = engines
[engines]
pkcs11 = token
[token]
engine_id = pkcs11
MODULE_PATH = $MODULE
${2:-}
init = 0
[req]
distinguished_name = name
[name]
CONF
}
engine_conf "$work/engine.cnf"
engine_conf "$work/pin.cnf" "PIN = $PIN"
engine_conf "$work/wrong.cnf" "PIN = not-the-pin-000"
echo 'not-the-pin-000' >"$work/wrong.pin"
export OPENSSL_CONF=$work/engine.cnf

openssl_() { $HUFU_WRAP openssl "$@"; }
private() { echo "$URI;object=$1;type=private?pin-source=file:$work/user.pin"; }
public() { echo "$URI;object=$1;type=public"; }
keygen() { pkcs11_tool $login --keypairgen --key-type "$1" --label "$2" --id "$3" --usage-sign ${4:-}; }
sign() { local key=$1; shift; openssl_ dgst -sha256 -engine pkcs11 -keyform engine -sign "$(private "$key")" -out "$work/sig" "$@" "$work/data"; }
verify() { local key=$1; shift; OPENSSL_CONF=/dev/null openssl dgst -sha256 -verify "$work/$key.pub" -signature "$work/sig" "$@" "$work/data"; }
verify_by_engine() { local key=$1; shift; openssl_ dgst -sha256 -engine pkcs11 -keyform engine -verify "$(public "$key")" -signature "$work/sig" "$@" "$work/data"; }

check "an SM2 key lives on the token, for all that follows" hufu_in key generate --type sm2 --label sm2 --id 09
check "an RSA key pair is generated" keygen rsa:2048 rsa 01 --usage-decrypt
check "one on P-256" keygen EC:prime256v1 p256 02
check "one on P-384" keygen EC:secp384r1 p384 03
keys="rsa p256 p384"
for key in $keys; do
	check "$key: the tool exports it" hufu key export-public "$(public $key)" --out "$work/$key.pub"
	check "$key: the engine reads it without the PIN" openssl_ pkey -engine pkcs11 -inform engine -in "$(public $key)" -pubin -pubout -out "$work/read.pub"
	check "$key: the same" same "$work/$key.pub" "$work/read.pub"
done

head -c 100003 /dev/urandom >"$work/data"
signs() {
	local claim=$1 key=$2; shift 2
	check "$claim: the engine signs" sign "$key" "$@"
	check "$claim: libcrypto verifies" verify "$key" "$@"
	check "$claim: and so does the engine" verify_by_engine "$key" "$@"
	printf x >>"$work/data"
	check_status 1 "$claim: neither for other data" verify_by_engine "$key" "$@"
}
signs "RSA PKCS #1" rsa
signs "RSA PSS" rsa -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
signs "RSA PSS, SHA-1 in the mask, longest salt" rsa -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max -sigopt rsa_mgf1_md:sha1
signs "ECDSA P-256" p256
signs "ECDSA P-384" p384

encrypt() { OPENSSL_CONF=/dev/null openssl pkeyutl -encrypt -pubin -inkey "$work/rsa.pub" -in "$work/short" -out "$work/short.enc" "$@"; }
decrypt() { openssl_ pkeyutl -decrypt -engine pkcs11 -keyform engine -inkey "$(private rsa)" -in "$work/short.enc" -out "$work/short.dec" "$@"; }
printf 'forty-two bytes of a secret, more or less' >"$work/short"
decrypts() {
	local claim=$1; shift
	encrypt "$@" >"$work/out" 2>&1
	check "$claim: the engine decrypts" decrypt "$@"
	check "$claim: to the same" same "$work/short" "$work/short.dec"
}
decrypts "RSA PKCS #1"
decrypts "RSA OAEP" -pkeyopt rsa_padding_mode:oaep
decrypts "RSA OAEP, SHA-256" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
encrypt -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 >"$work/out" 2>&1
check_not "RSA OAEP: not under another hash" decrypt -pkeyopt rsa_padding_mode:oaep

# Requests, an authority, certificates, a signed and a sealed message.
request() { openssl_ req -new -engine pkcs11 -keyform engine -key "$(private "$1")" -subj "/CN=$1.example.com" -out "$work/$1.csr"; }
authority() { openssl_ req -new -x509 -engine pkcs11 -keyform engine -key "$(private p384)" -subj /CN=authority -addext basicConstraints=critical,CA:true -days 30 -out "$work/ca.pem"; }
certify() {
	openssl_ x509 -req -engine pkcs11 -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$(private p384)" -CAkeyform engine -set_serial "$2" -days 30 -out "$work/$1.pem" \
		-extfile <(echo "subjectAltName=DNS:$1.example.com")
}
check "P-384 certifies itself as an authority" authority
for key in rsa p256; do
	check "$key: a certificate request" request $key
	check "$key: which verifies" openssl req -in "$work/$key.csr" -noout -verify
	check "$key: the authority certifies it" certify $key 2
	check "$key: and its certificate verifies" openssl verify -CAfile "$work/ca.pem" "$work/$key.pem"
done
cms_sign() { openssl_ cms -sign -engine pkcs11 -keyform engine -inkey "$(private "$1")" -signer "$work/$1.pem" -binary -nodetach -in "$work/data" -out "$work/signed"; }
cms_verify() { openssl cms -verify -purpose any -CAfile "$work/ca.pem" -binary -in "$work/signed" -out "$work/verified"; }
for key in rsa p256; do
	check "$key: signs a CMS message" cms_sign $key
	check "$key: which verifies" cms_verify
	check "$key: and holds the data" same "$work/data" "$work/verified"
done
openssl cms -encrypt -aes-256-cbc -binary -in "$work/data" -out "$work/sealed" "$work/rsa.pem"
check "rsa: opens a CMS message" openssl_ cms -decrypt -engine pkcs11 -keyform engine -inkey "$(private rsa)" -recip "$work/rsa.pem" -binary -in "$work/sealed" -out "$work/opened"
check "rsa: which holds the data" same "$work/data" "$work/opened"

# TLS: openssl's own server, its key on the token.
start_server() {
	rm -f "$work/tls.sock"
	# By a short name: openssl has no room for more than 31 letters of it.
	(cd "$work" && exec $HUFU_WRAP openssl s_server -engine pkcs11 -keyform engine -key "$(private "$1")" -cert "$1.pem" -unix tls.sock -www >server.out 2>&1) &
	server=$!
	pids="$pids $server"
	wait_for exists "$work/tls.sock"
}
end_server() { kill -"$1" "$server"; wait "$server"; is_equal $? "$2"; }
ask() {
	local name=$1; shift
	printf 'GET / HTTP/1.0\r\n\r\n' | OPENSSL_CONF=/dev/null openssl s_client -unix "$work/tls.sock" -CAfile "$work/ca.pem" -verify_return_error \
		-verify_hostname "$name.example.com" -servername "$name.example.com" -ign_eof "$@"
}
serves() {
	local claim=$1; shift
	check "$claim: the server answers" ask "$@"
	check "$claim: a page" contains '^HTTP/1.0 200' "$work/out"
}
check "a server starts with the RSA key" start_server rsa
serves "RSA, TLS 1.3" rsa -tls1_3
check "signed with PSS" contains 'Peer signature type: RSA-PSS' "$work/out"
serves "RSA, TLS 1.2" rsa -tls1_2 -sigalgs rsa_pss_rsae_sha256
serves "RSA, TLS 1.2, PKCS #1" rsa -tls1_2 -sigalgs RSA+SHA256
check "it is ended by a signal" end_server TERM 143
check "one starts with the P-256 key" start_server p256
serves "P-256, TLS 1.3" p256 -tls1_3
serves "P-256, TLS 1.2" p256 -tls1_2
asks_at_once() {
	local clients= failures=0
	for i in 1 2 3 4 5 6 7 8; do
		ask p256 >"$work/client-$i" 2>&1 &
		clients="$clients $!"
	done
	for pid in $clients; do wait "$pid" || failures=$((failures + 1)); done
	is_equal $failures 0
}
check "eight clients at once are served" asks_at_once
check "it is killed" end_server KILL 137

# PINs: of the configuration, none, wrong ones. A terminal to ask at there is none.
with_conf() { local OPENSSL_CONF=$work/$1.cnf; shift; "$@"; }
sign_by() { openssl_ dgst -sha256 -engine pkcs11 -keyform engine -sign "$1" -out "$work/sig" "$work/data" </dev/null; }
check "the PIN is taken from the configuration" with_conf pin sign_by "$URI;object=rsa;type=private"
check_status 1 "a wrong one there is an error" with_conf wrong sign_by "$URI;object=rsa;type=private"
check_status 1 "a wrong one in a file is an error" sign_by "$URI;object=rsa;type=private?pin-source=file:$work/wrong.pin"
check_status 1 "a file that is not there is an error" sign_by "$URI;object=rsa;type=private?pin-source=file:$work/no.pin"
check_status 1 "a key that is not there is an error" sign_by "$(private none)"
check_status 1 "a token that is not there is an error" sign_by "pkcs11:token=none;object=rsa;type=private?pin-source=file:$work/user.pin"
check "after all of which the right one signs" sign p256
check "what verifies" verify p256

# The end of a process: libp11 may call the module when the program's exit
# handlers have run, or never say goodbye.
sixteen_times() {
	local failures=0
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		"$@" || { echo "exit $?"; failures=$((failures + 1)); }
	done
	is_equal $failures 0
}
refused() { sign_by "$(private none)"; is_equal $? 1; }
check "sixteen processes sign by RSA and end with 0" sixteen_times sign rsa
check "sixteen by ECDSA" sixteen_times sign p256
encrypt >"$work/out" 2>&1
check "sixteen decrypt" sixteen_times decrypt
check "sixteen find no key, and end with 1" sixteen_times refused
for spy in /usr/lib/*/pkcs11/pkcs11-spy.so /usr/lib/*/pkcs11-spy.so /usr/lib64/pkcs11-spy.so; do [ -e "$spy" ] && break; done
if [ -e "$spy" ]; then
	sed "s|^MODULE_PATH.*|MODULE_PATH = $spy|" "$work/engine.cnf" >"$work/spied.cnf"
	export PKCS11SPY=$MODULE PKCS11SPY_OUTPUT=$work/calls
	check "a process signs, its calls written down, and ends with 0" with_conf spied sign rsa
	check "it did sign on the token" contains ': C_Sign$' "$work/calls"
	check "and went without C_Finalize" absent ': C_Finalize$' "$work/calls"
else
	skip "that a process goes without C_Finalize" "pkcs11-spy.so is not installed (Debian: opensc-pkcs11)"
fi
check "the token's store is whole" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
