#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: Java's SunPKCS11 keeps its keys on the token by keytool, and computes
# with them what Java's own providers compute, from many threads and through
# one login after another.
#
# What it calls was recorded with pkcs11-spy: information on every mechanism;
# C_CreateObject for a secret key that is given by value, and for each public
# key that is to verify; a session closed after every digest in parts. A
# private key counts only beside a certificate with its CKA_ID.
. "$(dirname "$0")/lib.sh"
need java javac keytool jarsigner openssl
init_token demo
(umask 077; echo "$PIN" >"$work/java.pin"; echo "${PIN}x" >"$work/wrong.pin"; echo secret >"$work/p12.pin")

# SunPKCS11 creates public keys without CKA_WRAP, which is false unless asked for (PKCS#11 3.1 4.8 leaves it to the token).
provider_conf() {
	cat <<CONF
name = $1
library = $MODULE
slotListIndex = 0
attributes(*, CKO_SECRET_KEY, *) = { CKA_SENSITIVE = false CKA_EXTRACTABLE = true }
attributes(*, CKO_PUBLIC_KEY, CKK_RSA) = { CKA_WRAP = true }
CONF
}
provider_conf hufu >"$work/java.cfg"
provider_conf again >"$work/again.cfg"
on_token=(-addprovider SunPKCS11 -providerarg "$work/java.cfg" -keystore NONE -storetype PKCS11)
key_tool() { keytool "$1" "${on_token[@]}" -storepass:file "$work/java.pin" "${@:2}"; }

# keytool
check_status 1 "keytool with a wrong PIN" keytool -list -v "${on_token[@]}" -storepass:file "$work/wrong.pin"
check "is told why" contains CKR_PIN_INCORRECT "$work/out"
check "an RSA key pair" key_tool -genkeypair -alias rsa -keyalg RSA -keysize 2048 -dname CN=rsa -validity 30
for curve in 256 384 521; do
	alias=ec$curve; [ $curve = 256 ] && alias=ec
	check "an EC key pair of $curve bits" key_tool -genkeypair -alias $alias -keyalg EC -groupname secp${curve}r1 -dname CN=$alias -validity 30
done
check "the keys are listed" key_tool -list
check "the RSA key" contains -E '^rsa, .*PrivateKeyEntry' "$work/out"
check "the EC key" contains -E '^ec, .*PrivateKeyEntry' "$work/out"
for alias in rsa ec; do
	check "the certificate of $alias" key_tool -exportcert -rfc -alias $alias -file "$work/$alias.pem"
	check "openssl verifies it" openssl verify -CAfile "$work/$alias.pem" -check_ss_sig "$work/$alias.pem"
	check "a request of $alias" key_tool -certreq -alias $alias -file "$work/$alias.csr"
	check "openssl verifies it" openssl req -in "$work/$alias.csr" -noout -verify
done
check "a request by RSA-PSS" key_tool -certreq -alias rsa -sigalg RSASSA-PSS -file "$work/pss.csr"
check "openssl verifies it" openssl req -in "$work/pss.csr" -noout -verify
check "an authority's key" key_tool -genkeypair -alias authority -keyalg EC -groupname secp256r1 -dname CN=authority -ext bc:c
check "signs the request of another" key_tool -gencert -alias authority -infile "$work/ec.csr" -outfile "$work/issued.pem" -rfc
key_tool -exportcert -rfc -alias authority -file "$work/authority.pem" >"$work/last" 2>&1
check "as openssl verifies" openssl verify -CAfile "$work/authority.pem" "$work/issued.pem"
cat "$work/issued.pem" "$work/authority.pem" >"$work/chain.pem"
check "the answer takes the place of its own certificate" key_tool -importcert -noprompt -alias ec -file "$work/chain.pem"
check "as a chain" key_tool -list -v -alias ec
check "of two" contains 'Certificate chain length: 2' "$work/out"

openssl req -x509 -nodes -newkey rsa:2048 -keyout "$work/guest.key" -out "$work/guest.pem" -subj /CN=guest 2>/dev/null
openssl pkcs12 -export -inkey "$work/guest.key" -in "$work/guest.pem" -name guest -out "$work/guest.p12" -passout "file:$work/p12.pin"
check "a key from a PKCS#12 file" keytool -importkeystore -noprompt -srckeystore "$work/guest.p12" -srcstoretype PKCS12 -srcstorepass:file "$work/p12.pin" \
	-addprovider SunPKCS11 -providerarg "$work/java.cfg" -destkeystore NONE -deststoretype PKCS11 -deststorepass:file "$work/java.pin"
check "signs a request" key_tool -certreq -alias guest -file "$work/guest.csr"
check "as openssl verifies" openssl req -in "$work/guest.csr" -noout -verify
check "and is deleted" key_tool -delete -alias guest
check_status 1 "for good" key_tool -list -alias guest

# jarsigner
echo content >"$work/content"
check "a jar" jar --create --file "$work/a.jar" -C "$work" content
for alias in rsa ec; do
	check "is signed with $alias" jarsigner "${on_token[@]/-providerarg/-providerArg}" -storepass:file "$work/java.pin" -signedjar "$work/$alias.jar" "$work/a.jar" $alias
	check "and verified without the token" jarsigner -verify "$work/$alias.jar"
	check "as signed" contains '^jar verified' "$work/out"
done

# the programs
check "the programs compile" javac -Xlint:all -Werror -d "$work/classes" "$top_srcdir"/tests/scenario/java/*.java
program() { java -XX:TieredStopAtLevel=1 -cp "$work/classes" "$@"; }
check_claims "as software" program Crypto "$work/java.cfg" "$work/java.pin"
check_claims "at once" program Threads "$work/java.cfg" "$work/java.pin"
check_claims "TLS" program Tls "$work/java.cfg" "$work/java.pin"
check_claims "logins" program Logins "$work/java.cfg" "$work/java.pin" "$work/again.cfg"
finish
