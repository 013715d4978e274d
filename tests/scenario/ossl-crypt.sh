#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: with the provider the openssl command decrypts, agrees, makes MACs and draws
# random numbers with what is in a token, by the options that it has for files; and
# a program that prefers the provider for everything, or loads it first, loses nothing.
. "$(dirname "$0")/lib.sh"
need openssl
[ -e "$top_builddir/.libs/hufu.so" ] || { echo "1..0 # SKIP the provider is not built"; exit 0; }
init_token vault
head -c 100003 /dev/urandom >"$work/data"
printf 'a secret of some forty bytes, more or less' >"$work/short"
chmod 600 "$work/user.pin"

# conf NAME [TOKEN [more lines]]: default provider, then ours; the random numbers' section is [random].
conf() {
	cat >"$work/$1.cnf" <<CONF
openssl_conf = openssl_init
[openssl_init]
providers = providers
${3:+random = random}
[providers]
default = default_provider
hufu = hufu_provider
[default_provider]
activate = 1
[hufu_provider]
module = $top_builddir/.libs/hufu.so
activate = 1
pin-source = $work/user.pin
token = ${2:-vault}
[random]
${3:-}
CONF
}
conf plain
with() { local cnf=$1; shift; OPENSSL_CONF=$work/$cnf.cnf $HUFU_WRAP openssl "$@"; }
# openssl, with the provider; and as it is.
ours() { with plain "$@"; }
theirs() { OPENSSL_CONF=/dev/null openssl "$@"; }
key_of() { echo "$URI;object=$1;type=private"; }

# pair LABEL TYPE [USES]
pair() {
	check "a pair of $2 is made" hufu_in key generate "$URI" --type "$2" --label "$1" --id "$(printf %s "$1" | od -An -tx1 | tr -d ' \n')" ${3:+--use "$3"}
	check "its public key is exported" hufu key export-public "$URI;object=$1" --out "$work/$1.pub"
}
pair rsa rsa; pair p256 ec:P-256 sign,verify,derive; pair sm2 sm2; pair x25519 x25519
check "the provider is loaded" ours list -providers
check "beside the default one" contains hufu "$work/out"

# -- decryption
for opts in "" "-pkeyopt rsa_padding_mode:oaep" "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1" \
	"-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha384 -pkeyopt rsa_oaep_label:686166"; do
	theirs pkeyutl -encrypt -pubin -inkey "$work/rsa.pub" $opts -in "$work/short" -out "$work/rsa.enc"
	check "RSA: the token decrypts ${opts:-as openssl pads if not told otherwise}" ours pkeyutl -decrypt -inkey "$(key_of rsa)" $opts -in "$work/rsa.enc" -out "$work/rsa.dec"
	check "to the same" same "$work/short" "$work/rsa.dec"
done
check_not "RSA: with another hash it does not" ours pkeyutl -decrypt -inkey "$(key_of rsa)" -pkeyopt rsa_padding_mode:oaep -in "$work/rsa.enc" -out "$work/rsa.dec"
check "and says why" contains "does not decrypt" "$work/out"
theirs pkeyutl -encrypt -pubin -inkey "$work/sm2.pub" -in "$work/short" -out "$work/sm2.enc"
check "SM2: the token decrypts" ours pkeyutl -decrypt -inkey "$(key_of sm2)" -in "$work/sm2.enc" -out "$work/sm2.dec"
check "to the same" same "$work/short" "$work/sm2.dec"

# -- agreement
theirs genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/p256.peer" && theirs genpkey -algorithm X25519 -out "$work/x25519.peer"
for kind in p256 x25519; do
	theirs pkey -in "$work/$kind.peer" -pubout -out "$work/$kind.peer.pub"
	theirs pkeyutl -derive -inkey "$work/$kind.peer" -peerkey "$work/$kind.pub" -out "$work/$kind.theirs"
	check "$kind: the token agrees" ours pkeyutl -derive -inkey "$(key_of $kind)" -peerkey "$work/$kind.peer.pub" -out "$work/$kind.ours"
	check "on the same" same "$work/$kind.theirs" "$work/$kind.ours"
done

# -- enveloped data: RSA key transport, ECDH with X9.63
for kind in rsa p256; do
	check "$kind: a certificate is made with the token's key" ours req -new -x509 -key "$(key_of $kind)" -subj "/CN=$kind" -days 2 -out "$work/$kind.pem"
	theirs cms -encrypt -binary -aes256 -in "$work/data" -outform DER -out "$work/$kind.cms" "$work/$kind.pem"
	check "$kind: enveloped data are opened with it" ours cms -decrypt -binary -inform DER -in "$work/$kind.cms" -inkey "$(key_of $kind)" -recip "$work/$kind.pem" -out "$work/$kind.opened"
	check "to the same" same "$work/data" "$work/$kind.opened"
done

# -- MACs
import() {
	local hex; hex=$(theirs rand -hex "$3")
	(umask 077; echo "$hex" >"$work/$1.hex")
	check "a key of $2 is imported" hufu_in key import "$URI" --type "$2" --label "$1" --id "$4" --use sign,verify "$work/$1.hex"
}
import sm4 sm4 16 51; import aes aes 32 52; import mac hmac-sm3 32 53
mac_as() {
	local name=$1 label=$2; shift 2
	check "$*: the token's key makes a MAC" ours mac -propquery provider=hufu "$@" -macopt "uri:$URI;object=$label;type=secret-key" -in "$work/data" "$name"
	is=$(theirs mac "$@" -macopt "hexkey:$(cat "$work/$label.hex")" -in "$work/data" "$name")
	check "as openssl does" contains "$is" "$work/out"
	check "$*: with bytes it is the same" ours mac -propquery provider=hufu "$@" -macopt "hexkey:$(cat "$work/$label.hex")" -in "$work/data" "$name"
	check "again" contains "$is" "$work/out"
}
mac_as HMAC mac -digest SM3
mac_as CMAC sm4 -cipher SM4-CBC
mac_as CMAC aes -cipher AES-256-CBC
check_not "a MAC with a key that is not there fails" ours mac -propquery provider=hufu -digest SM3 -macopt "uri:$URI;object=nobody" -in "$work/data" HMAC
check "and says so" contains "no such object" "$work/out"

# -- ciphers with a key's bytes, ours
iv=$(theirs rand -hex 16)
for cipher in sm4-cbc sm4-ctr sm4-ofb sm4-cfb sm4-ecb aes-128-cbc aes-128-ctr; do
	theirs enc -$cipher -K "$(cat "$work/sm4.hex")" -iv "$iv" -in "$work/data" -out "$work/enc.theirs" 2>/dev/null
	check "$cipher: ours encrypts" ours enc -propquery provider=hufu -$cipher -K "$(cat "$work/sm4.hex")" -iv "$iv" -in "$work/data" -out "$work/enc.ours"
	check "to the same" same "$work/enc.theirs" "$work/enc.ours"
	check "and decrypts" ours enc -d -propquery provider=hufu -$cipher -K "$(cat "$work/sm4.hex")" -iv "$iv" -in "$work/enc.ours" -out "$work/dec.ours"
	check "to the same" same "$work/data" "$work/dec.ours"
done
check "SM3: ours digests" ours dgst -propquery provider=hufu -sm3 -r "$work/data"
check "to the same" contains "$(theirs dgst -sm3 -r "$work/data" | cut -d' ' -f1)" "$work/out"

# -- random numbers
conf random vault "random = HUFU-RAND"
conf seed vault "seed = HUFU-RAND"
conf random-nobody nobody "random = HUFU-RAND"
conf seed-nobody nobody "seed = HUFU-RAND"
for use in random seed; do
	check "$use = HUFU-RAND: random numbers come from the token" with $use rand -hex 48
	first=$(cat "$work/out")
	check "others each time" with $use rand -hex 48
	check "indeed" absent "$first" "$work/out"
	check "a key is made of them" with $use genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/random.pem"
	check_not "$use = HUFU-RAND: without the token there are none" with $use-nobody rand -hex 48
	check "and the reason is told" contains "no such token" "$work/out"
done

# -- TLS by whatever comes first
port=$(free_port)
cat >"$work/first.cnf" <<CONF
openssl_conf = openssl_init
[openssl_init]
providers = providers
alg_section = algorithms
[algorithms]
default_properties = ?provider=hufu
[providers]
hufu = hufu_provider
default = default_provider
[default_provider]
activate = 1
[hufu_provider]
module = $top_builddir/.libs/hufu.so
activate = 1
pin-source = $work/user.pin
CONF
OPENSSL_CONF=$work/first.cnf background openssl s_server -accept "127.0.0.1:$port" -key "$(key_of rsa)" -cert "$work/rsa.pem" -quiet -www \
	-cipher ALL -ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384
check "a server whose properties prefer the provider for everything starts" wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
shake() { timeout 20 openssl s_client -connect "127.0.0.1:$port" -CAfile "$work/rsa.pem" -verify_return_error -brief "$@" </dev/null; }
for suite in AES128-SHA AES256-SHA256 AES128-GCM-SHA256 AES256-CCM ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES128-SHA; do
	check "TLS 1.2 with $suite" shake -tls1_2 -cipher "$suite"
done
check "TLS 1.3 with AES-128-GCM" shake -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256
check "TLS 1.3 with AES-128-CCM" shake -tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256
client_first() { OPENSSL_CONF=$work/first.cnf shake "$@"; }
check "a client that prefers the provider, TLS 1.2 with AES128-SHA" client_first -tls1_2 -cipher AES128-SHA
check "TLS 1.2 with AES256-GCM-SHA384" client_first -tls1_2 -cipher AES256-GCM-SHA384
for group in P-256 P-384 P-521 X25519 X448; do
	check "$group between two such" client_first -tls1_3 -groups $group
done
# -- openssl's own measurements: ours by the property, and what is left to the default provider
check "openssl speed measures our SM4" ours speed -propquery provider=hufu -seconds 1 -bytes 1024 -evp sm4-ctr
check "by its name" contains "SM4-CTR" "$work/out"
check "openssl speed measures our SM3" ours speed -propquery provider=hufu -seconds 1 -bytes 1024 -evp sm3
check "and the default provider's keys beside us" ours speed -seconds 1 ecdsap256
check "by their name" contains "nistp256" "$work/out"
finish
