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
# -- an authority of SM2, by openssl, with a root above it --------------------------------------
quiet() { "$@" >last 2>&1 || { not_ok "the test's own: $*"; }; }
signs="-sm3 -sigopt $id"
quiet openssl genpkey -algorithm SM2 -out root.key
quiet openssl req -x509 -new -key root.key -subj "/CN=root" -sm3 -sigopt $id -days 900 -out root.pem
quiet openssl genpkey -algorithm SM2 -out ca.key
quiet openssl req -new -key ca.key -subj "/CN=issuing authority" -sm3 -sigopt $id -out ca.csr
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >ca.ext
quiet openssl x509 -req -in ca.csr -CA root.pem -CAkey root.key $signs -vfyopt $id -days 800 -extfile ca.ext -out ca.pem
certify() { # NAME DAYS [EXTENSION]
	local verify=
	printf '%s\n' "subjectAltName=DNS:gw.example.com" ${3:+"$3"} >leaf.ext
	case $1 in sm2 | stranger) verify="-vfyopt $id" ;; esac
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial $signs $verify -days "$2" -extfile leaf.ext -out "$1.crt"
}
hufu_in cert request sm2 --subject $subject --out sm2.csr >last 2>&1
check "openssl's authority takes the SM2 request" certify sm2 300 keyUsage=critical,digitalSignature,nonRepudiation
check "and the RSA one" certify rsa 20
check "and the EC one, which is as good as over" certify ec 5
quiet openssl genpkey -algorithm SM2 -out stranger.key
quiet openssl req -new -key stranger.key -subj /CN=stranger -sm3 -sigopt $id -out stranger.csr
check "and a stranger's" certify stranger 300

# -- verification ---------------------------------------------------------------------------------
check "the chain verifies" hufu cert verify sm2.crt --ca root.pem --untrusted ca.pem
check "and is shown" contains "issuing authority" out
cat sm2.crt ca.pem >chain.pem
check "also with the authority in its own file" hufu cert verify chain.pem --ca root.pem --purpose server --host gw.example.com
check "an RSA certificate in an SM2 chain" hufu cert verify rsa.crt --ca root.pem --untrusted ca.pem
check "a self-signed one that is trusted" hufu cert verify ec.pem --ca ec.pem
check_status 6 "another host: 6" hufu cert verify chain.pem --ca root.pem --host www.example.com
check_status 6 "a purpose that it is not for: 6" hufu cert verify ca.pem --ca root.pem --purpose client
check_status 6 "without the authority between: 6" hufu cert verify sm2.crt --ca root.pem
check "with what to do" contains "untrusted" out
check_status 6 "another root: 6" hufu cert verify chain.pem --ca ec.pem
check_status 6 "another identifier: 6" hufu cert verify chain.pem --ca root.pem --sm2-id alice
check "with a hint" contains "sm2-id" out
quiet openssl x509 -req -in sm2.csr -CA ca.pem -CAkey ca.key -CAcreateserial -sm3 -vfyopt $id -days 9 -out plain.crt
check_status 6 "what openssl signed under no identifier: 6" hufu cert verify plain.crt --ca root.pem --untrusted ca.pem
quiet openssl req -x509 -new -key root.key -subj "/CN=plain root" -sm3 -days 9 -out plain.pem
quiet openssl x509 -req -in sm2.csr -CA plain.pem -CAkey root.key -CAcreateserial -sm3 -vfyopt $id -days 9 -out plain.crt
check "verifies under the empty one" hufu cert verify plain.crt --ca plain.pem --sm2-id ""
check "who is trusted need not have signed so" hufu cert verify plain.pem --ca plain.pem
openssl x509 -in sm2.crt -outform DER -out sm2.der
spoil() { head -c $(($(wc -c <"$1") - 3)) "$1"; printf 'xyz'; }
spoil sm2.der >spoilt.der
check_status 6 "a changed signature: 6" hufu cert verify spoilt.der --ca root.pem --untrusted ca.pem
quiet openssl x509 -req -in ec.csr -CA ca.pem -CAkey ca.key -CAcreateserial $signs -days -1 -out old.crt
check_status 6 "one that has expired: 6" hufu cert verify old.crt --ca root.pem --untrusted ca.pem
check "says so" contains "expired" out
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sm3\ndefault_crl_days=30\n' >ca.cnf
: >index.txt; echo 01 >crlnumber
gencrl() { openssl ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key -sigopt $id -out "$1"; }
quiet gencrl crl.pem
check "an SM2 revocation list that does not name it" hufu cert verify sm2.crt --ca root.pem --untrusted ca.pem --crl crl.pem
quiet openssl ca -config ca.cnf -revoke sm2.crt -cert ca.pem -keyfile ca.key
quiet gencrl revoked.pem
check_status 6 "one that does: 6" hufu cert verify sm2.crt --ca root.pem --untrusted ca.pem --crl revoked.pem
check "says so" contains "revoked" out
check_status 6 "a list signed under another identifier: 6" hufu cert verify rsa.crt --ca root.pem --untrusted ca.pem --crl crl.pem --sm2-id alice
check_status 6 "no list of the root: 6" hufu cert verify sm2.crt --ca root.pem --untrusted ca.pem --crl crl.pem --crl-all
openssl crl -in crl.pem -outform DER -out crl.der
spoil crl.der >spoilt.crl
check_status 6 "a changed list: 6" hufu cert verify rsa.crt --ca root.pem --untrusted ca.pem --crl spoilt.crl
check_status 1 "a list in place of a certificate: 1" hufu cert verify crl.pem --ca root.pem
check_status 1 "a certificate in place of a list: 1" hufu cert verify sm2.crt --ca root.pem --crl ca.pem
check_status 1 "nobody trusted: 1" hufu cert verify sm2.crt
check_status 1 "an unknown purpose: 1" hufu cert verify sm2.crt --ca root.pem --purpose joy
check_status 2 "a file that is not there: 2" hufu cert verify sm2.crt --ca none.pem

# -- import ---------------------------------------------------------------------------------------
check "the certificate is imported" hufu_in cert import sm2.crt
check "under its key's name" contains "object=sm2;type=cert" out
hufu key list -o json >keys.json 2>last; hufu cert list -o json >certs.json 2>last
check "and its id" python3 -c 'import json; key = [k for k in json.load(open("keys.json"))["keys"] if k["label"] == "sm2"][0]; assert key["id"] == json.load(open("certs.json"))["certificates"][0]["id"]'
check "once more changes nothing" hufu_in cert import sm2.crt
check "and says so" contains "already" out
hufu cert list >out 2>last
check "there is one" is_equal "$(grep -c gw.example.com out)" 1
check "a token by name, a label of its own, DER" sh -c "openssl x509 -in rsa.crt -outform DER -out rsa.der && '$HUFU' cert import demo rsa.der --label 'rsa of 2026' --pin-file user.pin --module '$MODULE'"
cat ec.crt ca.pem root.pem >ec-chain.pem
check "a chain" hufu_in cert import ec-chain.pem
check "its authorities get their own names" contains "object=issuing%20authority" out
check_status 2 "a certificate whose key is not there: 2" hufu_in cert import stranger.crt
check "says whose" contains "CN=stranger" out
cat sm2.crt stranger.crt >mixed.pem
check_status 2 "nor beside one whose is: 2" hufu_in cert import mixed.pem
check "but with --any" hufu_in cert import stranger.crt --any --label somebody --id 0badcafe
check "as it was told" sh -c "'$HUFU' cert list -o json --module '$MODULE' | grep -A1 somebody | grep -q 0badcafe"
check_status 1 "an id that is not the key's: 1" hufu_in cert import sm2.crt --id 99
check "an expired one is imported" hufu_in cert import old.crt
check "with a warning" contains "has expired" out
openssl crl2pkcs7 -nocrl -certfile chain.pem -out chain.p7b
check "PKCS#7 is understood" hufu_in cert import chain.p7b
openssl x509 -in ec.pem -outform DER | base64 -w0 >bare.b64
check "and bare base64" hufu_in cert import bare.b64
head -c 200 sm2.der >cut.der
sed 's/^M/!/' sm2.crt >spoilt.crt
cat sm2.der sm2.der >twice.der
for bad in cut.der spoilt.crt twice.der sm2.csr root.key /dev/null; do
	check_status 1 "$bad is refused: 1" hufu_in cert import $bad
done
check_status 3 "a wrong PIN: 3" hufu cert import sm2.crt --pin-file wrong.pin

# -- list, export, destroy ---------------------------------------------------------------------------
hufu_in cert list >list 2>last
check "the list has the key" contains "^sm2 .*CN=gw.example.com.* yes *$" list
check "or not" contains "^somebody .* no *$" list
check "and what is over" contains "^ec .* expired " list
hufu cert list >list 2>last
check "without a login nobody knows of somebody's key" contains "^somebody .* ? *$" list
hufu_in cert list --expiring 10 >list 2>last
check "what expires in ten days has a status of its own" is_equal $? 8
check "and is shown" contains "^ec " list
check "alone" absent "^sm2 " list
hufu_in cert list --expiring 10 -o json >list 2>last
check "for programs, too" is_equal $? 8
check "as JSON" python3 -c 'import json; d = json.load(open("list")); assert d["schema"] == "hufu-cert-list/1" and min(c["days_left"] for c in d["certificates"]) < 0 and all(c["days_left"] <= 10 for c in d["certificates"])'
check_status 1 "several fit a label: 1" hufu_in cert export ec
check_status 7 "destroying asks first: 7" setsid -w "$HUFU" cert destroy ec --module "$MODULE" --pin-file user.pin </dev/null
check "all of a label are destroyed" hufu_in cert destroy ec --yes
check "and their keys stay" hufu_in key show "pkcs11:object=ec;type=private"
check "nothing expires in a day" hufu_in cert list --expiring 1
check_status 2 "what is gone is gone: 2" hufu_in cert destroy ec --yes
check_status 1 "all of a token by its URI: 1" hufu_in cert destroy pkcs11:token=demo --yes
check "a certificate is exported" hufu cert export sm2 --out exported.pem
check "the same" sh -c "openssl x509 -in exported.pem -outform DER | cmp - sm2.der"
check "with its authority" hufu cert export sm2 --chain --out exported.pem
check "but not the root" is_equal "$(grep -c BEGIN exported.pem)" 2
check "openssl verifies it" openssl verify -vfyopt $id -partial_chain -trusted ca.pem exported.pem
check "DER" sh -c "'$HUFU' cert export 'pkcs11:object=sm2;type=cert' --der --module '$MODULE' | cmp - sm2.der"
check "verified where it is" hufu cert verify pkcs11:object=sm2 --ca root.pem --untrusted ca.pem
check_status 2 "no such certificate: 2" hufu cert export none

# -- the encryption key that an authority sends ----------------------------------------------------------
if ! command -v python3 >last; then
	skip "the encryption key that an authority sends" "python3 is not installed"
	finish
	exit 0
fi
check "a signing key that may unwrap" hufu_in key generate --type sm2 --label sign --use sign,verify,unwrap --id 51
check "its request says nothing of leave" sh -c "'$HUFU' cert request sign --pair --subject $subject --out sign.csr --pin-file user.pin --module '$MODULE' 2>&1 | { ! grep allow; }"
check "and verifies" openssl req -in sign.csr -noout -verify -vfyopt $id
hufu key export-public sign --out sign.pub >last 2>&1
send() { # a new key and what the authority makes of it
	rm -rf answer && mkdir answer && openssl genpkey -algorithm SM2 -out answer/enc.key &&
		openssl pkey -in answer/enc.key -pubout -out answer/enc.pub &&
		python3 "$top_srcdir/tests/scenario/python/enveloped.py" answer/enc.key "$1" answer
}
works() {
	hufu key export-public "$1" --out got.pub && cmp got.pub answer/enc.pub &&
		echo "a message to $1" >message && openssl pkeyutl -encrypt -pubin -inkey answer/enc.pub -in message -out sealed &&
		hufu_in decrypt "$1" sealed --out opened && cmp message opened
}
for form in plain.der plain.b64 plain.pem octets.der content.der null.der mode.der padded.der blob.bin blob.b64; do
	quiet send sign.pub
	check "$form: the key is taken in" hufu_in cert import-enveloped sign answer/$form --label "enc $form" --id e0
	check "$form: and decrypts what openssl encrypts to it" works "enc $form"
	hufu_in key destroy "enc $form" --yes >last 2>&1
done
quiet send sign.pub
check "its certificate is made" openssl req -x509 -new -key answer/enc.key -subj "/CN=gw encryption" -sm3 -sigopt $id -days 90 -addext keyUsage=critical,keyEncipherment,dataEncipherment,keyAgreement -out enc.crt
check "and comes in with the key" hufu_in cert import-enveloped sign answer/plain.der --label gw-enc --certificate enc.crt
hufu_in cert list >list 2>last
check "to which it belongs" contains "^gw-enc .*CN=gw encryption.* yes *$" list
check "it works" works gw-enc
check_status 7 "it does not sign: 7" hufu_in sign gw-enc message
check_status 7 "once more: 7" hufu_in cert import-enveloped sign answer/plain.der --label gw-enc
check "because it is there" contains "already" out
hufu_in key show "pkcs11:object=gw-enc;type=private" >shown 2>last
check "it is sensitive, and stays" sh -c "grep -q 'sensitive *yes' shown && grep -q 'extractable *no' shown"
quiet send sign.pub
quiet openssl req -x509 -new -key answer/enc.key -subj "/CN=early" -sm3 -days 90 -out early.crt
check "a certificate that came first" hufu_in cert import early.crt --any --label early --id ea71
check "gives the key its id" hufu_in cert import-enveloped sign answer/plain.der --label early --certificate early.crt
hufu_in cert list >list 2>last
check "so that it is its key" contains "^early .* yes *$" list
check_status 6 "another key's certificate: 6" hufu_in cert import-enveloped sign answer/plain.der --certificate enc.crt

# What is wrong.
quiet send sign.pub
for bad in public point scalar seal short; do
	check_not "bad-$bad.der is refused" hufu_in cert import-enveloped sign answer/bad-$bad.der --label bad
done
check_status 1 "a cipher that tokens do not have: 1" hufu_in cert import-enveloped sign answer/bad-cipher.der --label bad
check "is named" contains 1.2.156.10197.1.102 out
for bad in cut.der empty.der blob.bin nest.der; do
	check_status 1 "bad-$bad: 1" hufu_in cert import-enveloped sign answer/bad-$bad --label bad
done
check_status 1 "a certificate in its place: 1" hufu_in cert import-enveloped sign enc.crt --label bad
check_status 2 "nothing is left of them" hufu_in key show bad
check_not "another's envelope" hufu_in cert import-enveloped sm2 answer/plain.der --label bad --allow-unwrap
check_status 1 "an RSA key: 1" hufu_in cert import-enveloped rsa answer/plain.der
check_status 7 "a key that must not unwrap: 7" hufu_in cert import-enveloped sm2 answer/plain.der
check "with what to do" contains allow-unwrap out
quiet send sm2.pub
check "which it may, when told" hufu_in cert import-enveloped sm2 answer/plain.der --label leave --allow-unwrap
check "this once" sh -c "'$HUFU' key show 'pkcs11:object=sm2;type=private' --pin-file user.pin --module '$MODULE' | grep -q 'unwrap *no'"
check "it works" works leave
check_status 3 "a wrong PIN: 3" hufu cert import-enveloped sign answer/plain.der --pin-file wrong.pin

# -- PINs and stores ----------------------------------------------------------------------------------------
for _ in $(seq 20); do hufu cert import sm2.crt --pin-file wrong.pin >last 2>&1; grep -q LOCKED last && break; done
check_status 3 "a locked PIN: 3" hufu_in cert request sm2 --subject $subject
check "says who unlocks it" contains "pin unlock" out
check_status 3 "nor is anything imported: 3" hufu_in cert import sm2.crt
check "the list needs none" hufu cert list
check "the security officer unlocks it" hufu pin unlock demo --so-pin-file so.pin --new-pin-file user.pin
check "and it goes on" hufu_in cert request sm2 --subject $subject --out sm2.csr
finish
