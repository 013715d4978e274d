#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu cert makes requests and certificates that the openssl command
# agrees with, takes in what an authority answers, and says what is wrong.
. "$(dirname "$0")/lib.sh"
need openssl
init_token demo
cd "$work" || exit 99
umask 077
# GM/T 0009's, which this openssl takes only when it is told.
id=distid:1234567812345678
text() { grep -q -e "$1" text; }
keep_text() { "$@" >text 2>&1; }

# -- requests --------------------------------------------------------------------
for key in sm2 rsa:2048 ec:P-384 ed25519; do
	check "a key of type $key" hufu_in key generate --type "$key" --label "${key%:*}"
done
check "an SM2 key that is for decryption alone" hufu_in key generate --type sm2 --label sealed --use decrypt,derive
subject=/C=CN/O=Example/CN=gw.example.com
check "a request is made with the SM2 key" hufu_in cert request sm2 --subject $subject --san dns:gw.example.com,ip:10.0.0.7 --san ip:::1 --ext-key-usage serverAuth --out sm2.csr
check "openssl verifies it under GM/T 0009's identifier" openssl req -in sm2.csr -noout -verify -vfyopt $id
keep_text openssl req -in sm2.csr -noout -text
check "SM2 with SM3 is in it" text "Signature Algorithm: SM2-with-SM3"
check "and the subject" text "Subject: C = CN, O = Example, CN = gw.example.com"
check "and the names" text "DNS:gw.example.com, IP Address:10.0.0.7, IP Address:0:0:0:0:0:0:0:1"
check "and what it is for" text "TLS Web Server Authentication"
hufu key export-public sm2 --out sm2.pub >out 2>&1
openssl req -in sm2.csr -noout -pubkey >csr.pub 2>text
check "and the token's public key" same sm2.pub csr.pub
check "another identifier" hufu_in cert request sm2 --subject $subject --sm2-id alice --out alice.csr
check "openssl verifies it under that" openssl req -in alice.csr -noout -verify -vfyopt distid:alice
check "the empty one is what openssl takes by itself" hufu_in cert request sm2 --subject $subject --sm2-id "" --out empty.csr
check "and verifies" openssl req -in empty.csr -noout -verify
for key in rsa ec ed25519; do
	check "$key: a request" hufu_in cert request $key --subject "/CN=$key" --out $key.csr
	check "$key: openssl verifies it" openssl req -in $key.csr -noout -verify
done
check "RSA: PSS and another hash" hufu_in cert request rsa --pss --hash sha384 --subject /CN=rsa --out pss.csr
keep_text openssl req -in pss.csr -noout -text -verify
check "openssl verifies it" text "verify OK"
check "and sees both" sh -c "grep -q 'Signature Algorithm: rsassaPss' text && grep -q 'Hash Algorithm: sha384' text"
check "DER" hufu_in cert request sm2 --subject $subject --der --out sm2.der
check "is what openssl reads" openssl req -inform DER -in sm2.der -noout -verify -vfyopt $id
check "slashes and several attributes in one" hufu_in cert request ec --subject '/O=a\/b\+c/OU=x+CN=y' --out odd.csr
keep_text openssl req -in odd.csr -noout -subject -nameopt RFC2253
check "as they were meant" text 'subject=\(OU=x+CN=y\|CN=y+OU=x\),O=a/b\\+c'

# -- the pair of GM/T 0015 ----------------------------------------------------------
check "the signing key's request of a pair" hufu_in cert request sm2 --pair --subject $subject --out sign.csr
check "says that the key cannot take in what the authority will send" contains "allow-unwrap" out
keep_text openssl req -in sign.csr -noout -text
check "it is for signatures" text "Digital Signature, Non Repudiation$"
check "an encryption key that may sign" hufu_in key generate --type sm2 --label both --use sign,decrypt,derive
check "both requests" hufu_in cert request sm2 --pair --encryption-key both --subject $subject --out sign.csr --encryption-out enc.csr
keep_text openssl req -in enc.csr -noout -text -verify -vfyopt $id
check "the second verifies" text "verify OK"
check "and is for encryption" text "Key Encipherment, Data Encipherment, Key Agreement$"
hufu_in cert request sm2 --pair --encryption-key both --subject $subject >two.pem 2>text
check "two on standard output" is_equal "$(grep -c BEGIN two.pem)" 2
check_status 5 "an encryption key that must not sign has none: 5" hufu_in cert request sm2 --pair --encryption-key sealed --subject $subject --out lone.csr
check "the signing key's is there" openssl req -in lone.csr -noout -verify -vfyopt $id
check_status 7 "nor has it one alone: 7" hufu_in cert request sealed --subject $subject
check_status 1 "a pair of one key: 1" hufu_in cert request sm2 --pair --encryption-key sm2 --subject $subject
check_status 1 "a pair of RSA: 1" hufu_in cert request rsa --pair --subject $subject
check_status 1 "--encryption-key without --pair: 1" hufu_in cert request sm2 --encryption-key both --subject $subject

# -- what is wrong with a request --------------------------------------------------------
check_status 1 "no subject: 1" hufu_in cert request sm2
for bad in CN=x / /CN /CN= /FOO=x /C=CHN "/CN=$(printf 'x%.0s' $(seq 65))"; do
	check_status 1 "the subject ${bad:0:20}: 1" hufu_in cert request sm2 --subject "$bad"
done
for bad in x foo:x ip:300.1.1.1 ip: dns: "dns:a b" dns:ä dns:a,; do
	check_status 1 "the name \"$bad\": 1" hufu_in cert request sm2 --subject $subject --san "$bad"
done
check_status 1 "a usage that there is not: 1" hufu_in cert request sm2 --subject $subject --key-usage digitalSignatur
check_status 1 "a usage that is a trick: 1" hufu_in cert request sm2 --subject $subject --key-usage DER:0500
check_status 1 "a hash for SM2: 1" hufu_in cert request sm2 --subject $subject --hash sha256
check_status 4 "a hash that there is not: 4" hufu_in cert request ec --subject $subject --hash sha999
check_status 2 "no such key: 2" hufu_in cert request none --subject $subject
check_status 1 "a URI that is none: 1" hufu_in cert request pkcs11:tokn=demo --subject $subject
check_status 1 "a URI that means several: 1" hufu_in cert request pkcs11:token=demo --subject $subject
check_status 3 "no PIN: 3" setsid -w "$HUFU" cert request sm2 --subject $subject --module "$MODULE" </dev/null
echo wrong-pin >wrong.pin
check_status 3 "a wrong PIN: 3" hufu cert request sm2 --subject $subject --pin-file wrong.pin

# -- self-signed ---------------------------------------------------------------------------
for key in rsa ec ed25519; do
	check "$key: a certificate of its own" hufu_in cert self-signed $key --subject "/CN=$key" --san dns:$key.example.com --days 30 --out $key.pem
	check "$key: openssl verifies it" openssl verify -check_ss_sig -CAfile $key.pem $key.pem
done
keep_text openssl x509 -in ec.pem -noout -text -checkend $((29 * 86400))
check "not an authority's, for signatures, for thirty days" sh -c "grep -q CA:FALSE text && grep -q 'Digital Signature$' text && grep -q 'will not expire' text"
check "an SM2 authority's" hufu_in cert self-signed sm2 --ca --subject "/CN=token's CA" --sm2-id "" --out own.pem
check "openssl verifies it" openssl verify -check_ss_sig -CAfile own.pem own.pem
keep_text openssl x509 -in own.pem -noout -text
check "it may sign certificates" sh -c "grep -q CA:TRUE text && grep -q 'Certificate Sign, CRL Sign' text"
serial() { hufu_in cert self-signed ec --subject /CN=x 2>text | openssl x509 -noout -serial; }
check_not "no two serial numbers are the same" is_equal "$(serial)" "$(serial)"
check_status 7 "a key that must not sign: 7" hufu_in cert self-signed sealed --subject /CN=x
check_status 1 "no days: 1" hufu_in cert self-signed ec --subject /CN=x --days 0
finish
