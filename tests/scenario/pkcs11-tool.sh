#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: OpenSC's pkcs11-tool initialises a token, keeps objects on it, and uses
# the SM mechanisms by number.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl

# Its --encrypt and --decrypt (0.23) take only mechanisms that they know, so they are not here.
SM2_SM3_DER=0xC8554605 SM3=0xC8554610

# A configuration with a token directory and no token yet: the spare slot.
cat >"$HUFU_CONF" <<CONF
token_dir = "$work/tokens"
log { to = "file:$work/hufu.log" }
CONF
chmod 600 "$HUFU_CONF"
mkdir -m 700 "$work/tokens"

check "lists the spare slot" pkcs11_tool --list-slots
check "says that its token waits" contains 'uninitialized' "$work/out"
check "listing slots made no file" is_equal "$(ls -A "$work/tokens")" ""
check "initialises the token on the spare slot" pkcs11_tool --init-token --slot-index 0 --label first --so-pin 1234567890123456
check "sets the user's PIN" pkcs11_tool --token-label first --login --login-type so --so-pin 1234567890123456 --init-pin --new-pin 123456789012
check "offers one more spare slot" pkcs11_tool --list-slots
check "and shows both" is_equal "$(grep -c '^Slot ' "$work/out")" 2

init_token demo
hufu_in key generate "$URI" --type sm2 --label signer --id 01 >/dev/null || not_ok "the tool makes an SM2 key"
login="--token-label demo --login --pin $PIN"

check "lists the mechanisms" pkcs11_tool --token-label demo --list-mechanisms
check "among them SM3 by its number" contains 'C8554610' "$work/out"
check "passes its own --test" pkcs11_tool $login --test
check "--test-fork: the child of a process that uses the token initialises the module anew" pkcs11_tool $login --test-fork --list-objects
check "--test-threads: eight threads initialise and list at once" pkcs11_tool $login --use-locking \
	--test-threads IL:SL:GI --test-threads IL:SL:T0:GI --test-threads IL:GI:SL:GI --test-threads IL:SL:SL:GI \
	--test-threads IL:SL:T0:GI --test-threads IL:SL:GI --test-threads IL:GI:GI --test-threads IL:SL:T0:T0:GI --list-objects
check "none with an error" contains 'all threads have ended with CKR_OK' "$work/out"
check "lists objects" pkcs11_tool $login --list-objects
check "shows the SM2 key's label" contains 'signer' "$work/out"

head -c 1000 /dev/urandom >"$work/data"
check "signs with SM2 and SM3" pkcs11_tool $login --sign -m $SM2_SM3_DER --id 01 -i "$work/data" -o "$work/sig"
hufu key export-public "$URI;object=signer" --out "$work/pub.pem" >/dev/null
check "openssl verifies the signature" openssl dgst -sm3 -verify "$work/pub.pem" -sigopt distid:1234567812345678 -signature "$work/sig" "$work/data"
check "verifies it itself" pkcs11_tool $login --verify -m $SM2_SM3_DER --id 01 -i "$work/data" --signature-file "$work/sig"
contains 'Signature is valid' "$work/out" && ok "and calls it valid" || not_ok "and calls it valid"
printf x >>"$work/data"
pkcs11_tool $login --verify -m $SM2_SM3_DER --id 01 -i "$work/data" --signature-file "$work/sig" >"$work/out" 2>&1
check "does not take it for other data" contains 'Invalid signature' "$work/out"

check "digests with SM3" pkcs11_tool $login --hash -m $SM3 -i "$work/data" -o "$work/digest"
check "as openssl does" is_equal "$(od -An -v -tx1 "$work/digest" | tr -d ' \n')" "$(openssl dgst -sm3 -r "$work/data" | cut -d' ' -f1)"

check "writes a data object" pkcs11_tool $login --write-object "$work/data" --type data --label notes --private
check "reads it back" pkcs11_tool $login --read-object --type data --label notes -o "$work/notes"
check "the same bytes" same "$work/data" "$work/notes"
pkcs11_tool --token-label demo --list-objects --type data >"$work/out" 2>&1
check "which are not to be seen without the PIN" absent notes "$work/out"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/rsa.key" -subj /CN=test -days 30 -outform DER -out "$work/cert.der" 2>/dev/null
check "writes a certificate" pkcs11_tool $login --write-object "$work/cert.der" --type cert --label cert --id 07
check "reads it without the PIN" pkcs11_tool --token-label demo --read-object --type cert --id 07 -o "$work/cert2.der"
check "the same bytes" same "$work/cert.der" "$work/cert2.der"
check "deletes it" pkcs11_tool $login --delete-object --type cert --id 07
check_not "after which it is not found" pkcs11_tool --token-label demo --read-object --type cert --id 07 -o "$work/cert3.der"
check "gives random bytes" pkcs11_tool --token-label demo --generate-random 64 -o "$work/random"
check "as many as asked" is_equal "$(stat -c %s "$work/random")" 64

check_not "refuses a wrong PIN" pkcs11_tool --token-label demo --login --pin wrong-pin-000 --list-objects
check "with CKR_PIN_INCORRECT" contains CKR_PIN_INCORRECT "$work/out"
check "changes the PIN" pkcs11_tool --token-label demo --login --pin "$PIN" --change-pin --new-pin another-pin-1234
check_not "after which the former is refused" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
check "and the new one works" pkcs11_tool --token-label demo --login --pin another-pin-1234 --list-objects
finish
