#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: NSS makes its RSA and EC keys, certificates, messages and TLS sessions
# on the token, and takes keys in from PKCS#12 files.
#
# What NSS 3.87 calls was recorded with pkcs11-spy: it asks C_GetInterface for
# two "Vendor NSS" interfaces, and forbids threads
# (CKF_LIBRARY_CANT_CREATE_OS_THREADS); each step has a session of its own, so
# handles from one session serve in the next; keys are made without CKA_ID,
# which C_SetAttributeValue sets afterwards.
. "$(dirname "$0")/lib.sh"
need certutil modutil pk12util cmsutil symkeyutil openssl
init_token demo

db=$work/nssdb
mkdir "$db"
head -c 64 /dev/urandom >"$work/noise"
# NSS takes the first line of a password file, so the line must end.
(umask 077
 echo "$PIN" >"$work/nss.pin"
 echo "${PIN}x" >"$work/wrong.pin"
 echo secret >"$work/p12.pin"
 echo wrong >"$work/p12.wrong")
on_token=(-d "sql:$db" -h demo -f "$work/nss.pin")
cert() { $HUFU_WRAP certutil "$1" "${on_token[@]}" "${@:2}"; }
make_key=(-z "$work/noise" -v 12 -Z SHA256)
certutil -N -d "sql:$db" --empty-password

# FRIENDLY: certificates are looked up without login, as "token:nickname".
check "modutil adds the module" $HUFU_WRAP modutil -force -dbdir "sql:$db" -add hufu -libfile "$MODULE" -mechanisms FRIENDLY
check "modutil lists it" $HUFU_WRAP modutil -dbdir "sql:$db" -list
check "as loaded" contains "library name: $MODULE" "$work/out"
check "with its token" contains 'token: demo' "$work/out"
check "modutil looks into it" $HUFU_WRAP modutil -dbdir "sql:$db" -list hufu
check "and is told of the login" contains 'Login Type: Login required' "$work/out"

cert -K >"$work/out" 2>&1
check "no keys at first" contains 'no keys found' "$work/out"
check_status 255 "a wrong PIN is refused" $HUFU_WRAP certutil -K -d "sql:$db" -h demo -f "$work/wrong.pin"
check "as a wrong password" contains SEC_ERROR_BAD_PASSWORD "$work/out"

# The authority: an RSA key signs its own certificate, by CKM_RSA_PKCS over a DigestInfo that NSS makes.
printf 'y\n0\ny\n' >"$work/basic" # an authority, of end entities only, critical
check "an RSA key and its certificate" cert -S -n ca -s "CN=Demo CA" -x -t CT,C,C -k rsa -g 2048 -2 "${make_key[@]}" <"$work/basic"
check "the certificate comes out" cert -L -n demo:ca -a
cp "$work/out" "$work/ca.pem"
check "openssl verifies it" openssl verify -CAfile "$work/ca.pem" -check_ss_sig "$work/ca.pem"
check "NSS verifies it" cert -V -n demo:ca -u L

# An EC key and its request, by CKM_ECDSA over a digest that NSS makes; the EC private template has CKA_DECRYPT and CKA_UNWRAP false.
check "an EC key and its request" cert -R -s CN=localhost -k ec -q nistp256 -z "$work/noise" -Z SHA256 --extSAN dns:localhost -o "$work/leaf.csr"
check "openssl verifies the request" openssl req -inform der -in "$work/leaf.csr" -noout -verify
check "the authority's key signs it" cert -C -c demo:ca -i "$work/leaf.csr" -o "$work/leaf.der" -m 77 -v 12 -Z SHA256
check "openssl verifies the certificate" openssl verify -CAfile "$work/ca.pem" "$work/leaf.der"
check "the certificate goes to the token" cert -A -n leaf -t ,, -i "$work/leaf.der"
check "where NSS verifies it for servers" cert -V -n demo:leaf -u V
check_status 255 "and not as an authority" cert -V -n demo:leaf -u L
check "the token's keys are listed" cert -K
check "the RSA key" contains -E '> rsa .*demo:ca$' "$work/out"
check "the EC key, joined with its certificate" contains -E '> ec .*demo:leaf$' "$work/out"
check "the certificates are listed" cert -L
check "as having their keys" contains -E '^demo:leaf +u,u,u' "$work/out"

check "a request with the key that is there" cert -R -k demo:leaf -s CN=again -Z SHA256 -o "$work/again.csr"
check "verified" openssl req -inform der -in "$work/again.csr" -noout -verify
openssl x509 -inform der -in "$work/leaf.der" -noout -pubkey >"$work/leaf.pub"
openssl req -inform der -in "$work/again.csr" -noout -pubkey >"$work/again.pub"
check "it is the same key" same "$work/leaf.pub" "$work/again.pub"
check "a request by RSA-PSS" cert -R -k demo:ca -s CN=pss --pss -Z SHA256 -o "$work/pss.csr"
check "verified as that" openssl req -inform der -in "$work/pss.csr" -noout -verify -text
check "by its name" contains 'Signature Algorithm: rsassaPss' "$work/out"
for curve in nistp384 nistp521; do
	check "a key on $curve" cert -R -s "CN=$curve" -k ec -q "$curve" -z "$work/noise" -Z SHA384 -o "$work/$curve.csr"
	check "verified" openssl req -inform der -in "$work/$curve.csr" -noout -verify
done

# Messages. To decrypt, NSS has C_UnwrapKey make an AES session key from the
# RSA ciphertext, by CKM_RSA_PKCS without CKA_VALUE_LEN, and uses it in the next session.
cms() { $HUFU_WRAP cmsutil "$1" -d "sql:$db" -f "$work/nss.pin" "${@:2}"; }
echo "the tally matches" >"$work/message"
check "a key for mail" cert -S -n mail -s CN=mail -c demo:ca -t ,, -k rsa -g 2048 -7 mail@example.org "${make_key[@]}"
check "a message is signed" cms -S -N demo:mail -G -H SHA256 -i "$work/message" -o "$work/message.cms"
check "NSS verifies it" cms -D -i "$work/message.cms" -o "$work/message.out"
check "its content" same "$work/message" "$work/message.out"
check "openssl verifies it" openssl cms -verify -inform der -in "$work/message.cms" -CAfile "$work/ca.pem" -out "$work/message.out"
check "the same content" same "$work/message" "$work/message.out"
cert -L -n demo:mail -a >"$work/mail.pem" 2>/dev/null
openssl cms -encrypt -aes-256-cbc -binary -outform der -in "$work/message" -out "$work/message.enc" "$work/mail.pem"
check "a message enciphered by openssl is read" cms -D -i "$work/message.enc" -o "$work/message.out"
check "by what it said" same "$work/message" "$work/message.out"
head -c 100 "$work/message.enc" >"$work/message.cut"
check_not "a message cut short is not" cms -D -i "$work/message.cut"

# Imports. NSS has the token make a session key of the file's password (CKM_PKCS5_PBKD2, with the parameters of PKCS#11
# 2.40) and unwrap with it (CKM_AES_CBC_PAD).
pkcs12() { $HUFU_WRAP pk12util "$@" -d "sql:$db" -h demo -k "$work/nss.pin"; }
imported() {
	local name=$1; shift
	openssl req -x509 -nodes "$@" -keyout "$work/$name.key" -out "$work/$name.pem" -subj "/CN=$name" 2>/dev/null
	openssl pkcs12 -export -inkey "$work/$name.key" -in "$work/$name.pem" -name "$name" -out "$work/$name.p12" -passout "file:$work/p12.pin"
	check_not "the wrong password of $name's file" pkcs12 -i "$work/$name.p12" -w "$work/p12.wrong"
	check "$name is imported" pkcs12 -i "$work/$name.p12" -w "$work/p12.pin"
	check "it signs" cert -R -k "demo:$name" -s "CN=$name" -Z SHA256 -o "$work/$name.csr"
	check "verified" openssl req -inform der -in "$work/$name.csr" -noout -verify -pubkey
	openssl x509 -in "$work/$name.pem" -noout -pubkey >"$work/pub"
	openssl req -inform der -in "$work/$name.csr" -noout -pubkey >"$work/csr.pub"
	check "with the imported key" same "$work/pub" "$work/csr.pub"
}
imported guest-rsa -newkey rsa:2048
imported guest-ec -newkey ec -pkeyopt ec_paramgen_curve:P-256

# Exports: NSS wraps by CKM_AES_CBC_PAD under a session key that it has the token make of the password, by CKM_PKCS5_PBKD2
# of 600,000 rounds: under valgrind that would take minutes. Keys are sensitive and not extractable unless asked otherwise.
export_key() { pk12util -o "$@" -d "sql:$db" -h demo -k "$work/nss.pin" -w "$work/p12.pin"; }
check_not "an ordinary key cannot be exported" export_key "$work/no.p12" -n demo:mail
check_not "nor an imported one" export_key "$work/no.p12" -n demo:guest-rsa
for type in rsa ec; do
	size=(-g 2048); [ $type = ec ] && size=(-q nistp256)
	check "an $type key that may leave" cert -S -n "out-$type" -s "CN=out-$type" -x -t ,, -k $type "${size[@]}" --keyAttrFlags token,private,insensitive,extractable "${make_key[@]}"
	check "leaves" export_key "$work/out-$type.p12" -n "demo:out-$type"
	check "openssl reads it" openssl pkcs12 -in "$work/out-$type.p12" -nodes -passin "file:$work/p12.pin" -out "$work/out-$type.pem"
	openssl pkey -in "$work/out-$type.pem" -pubout -out "$work/key.pub" 2>/dev/null
	openssl x509 -in "$work/out-$type.pem" -noout -pubkey >"$work/cert.pub" 2>/dev/null
	check "as the key of its certificate" same "$work/key.pub" "$work/cert.pub"
done

sym() { $HUFU_WRAP symkeyutil "$1" "${on_token[@]}" "${@:2}"; }
check "an AES key" sym -K -n bulk -t AES -s 32
check "is listed" sym -L
check "with its size, and not shown" contains -E '^bulk +32 +256 +aes +<restricted>' "$work/out"
check "it is deleted" sym -D -n bulk
check "for good" sym -L
check "the list is empty of it" absent '^bulk' "$work/out"

# TLS, with the server's key on the token.
if command -v selfserv >/dev/null; then
	port=$(free_port)
	$HUFU_WRAP selfserv -d "sql:$db" -n demo:leaf -f "$work/nss.pin" -p "$port" -V tls1.2:tls1.3 >"$work/server.out" 2>&1 &
	server=$!
	pids="$pids $server"
	client() { openssl s_client -connect "127.0.0.1:$port" -CAfile "$work/ca.pem" -verify_return_error -verify_hostname localhost "$@" </dev/null; }
	answers_or_gone() { gone $server || client; }
	check "a TLS server with the token's key" wait_for answers_or_gone
	for version in 2 3; do
		check "TLS 1.$version is agreed" client -tls1_$version
		check "its certificate is good" contains 'Verify return code: 0' "$work/out"
		check "with the EC key's signature" contains 'Peer signature type: ECDSA' "$work/out"
	done
else
	skip "TLS" "selfserv is not installed"
fi

check "a key is deleted with its certificate" cert -F -n demo:mail
check "the token is listed again" cert -K
check "without it" absent 'demo:mail' "$work/out"
check "the others are left" contains 'demo:leaf' "$work/out"
check "a certificate is deleted" cert -D -n demo:guest-ec
check "the rest of the token is listed" cert -L
check "without that" absent 'guest-ec' "$work/out"
check "the module is taken out again" $HUFU_WRAP modutil -force -dbdir "sql:$db" -delete hufu
finish
