#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: OpenSC's pkcs11-tool, told a vendor's numbers, signs and digests on a token with that alias, and what it
# makes is what openssl makes of the same key.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl

head -c 1000 /dev/urandom >"$work/data"
openssl dgst -sm3 -binary "$work/data" >"$work/digest"
sign() { pkcs11_tool $login --sign -m "$1" --id 01 -i "$work/data" -o "$work/sig"; }
verifies() { pkcs11_tool $login --verify -m "$1" --id 01 -i "$work/data" --signature-file "$work/sig" && contains 'Signature is valid' "$work/last"; }
openssl_verifies() { openssl dgst -sm3 -verify "$work/pub.pem" -sigopt distid:1234567812345678 -signature "$work/sig" "$work/data"; }
# The digest itself, as e: no Z.
openssl_verifies_digest() { openssl pkeyutl -verify -pubin -inkey "$work/pub.pem" -in "$work/digest" -sigfile "$work/sig"; }
start() {
	rm -f "$work"/*.db*
	init_token demo "alias = $1"
	login="--token-label demo --login --pin $PIN"
	hufu_in key generate "$URI" --type sm2 --label signer --id 01 >/dev/null || not_ok "$1: an SM2 key is made"
	hufu key export-public "$URI;object=signer" --out "$work/pub.pem" >/dev/null
}
# vendor, SM2 with SM3 and Z, SM3
each() {
	start "$1"
	check "$1: lists its mechanisms" pkcs11_tool --token-label demo --list-mechanisms
	check "$1: SM3 among them" contains -i "${3#0x}" "$work/out"
	check "$1: signs" sign "$2"
	check "$1: verifies" verifies "$2"
	check "$1: digests" pkcs11_tool $login --hash -m "$3" -i "$work/data" -o "$work/hash"
	check "$1: as openssl does" same "$work/digest" "$work/hash"
	hufu_in key generate "$URI" --type sm4 --label cipher >/dev/null || not_ok "$1: an SM4 key is made"
	check "$1: hufu lists the keys" hufu_in key list "$URI"
	check "$1: by their types" contains -E 'cipher +secret +sm4' "$work/out"
	check "$1: hufu tests the SM2 key" hufu_in key test "$URI;object=signer"
	check "$1: and the SM4 key" hufu_in key test "$URI;object=cipher"
}

each sansec 0x80008100 0x80009001
check "sansec: CKM_SM3_SM2 gives r and s of 32 bytes each" is_equal "$(stat -c %s "$work/sig")" 64
check "sansec: CKM_SM3_SM2_DER signs" sign 0x80008101
check "sansec: the message's digest without Z, says openssl" openssl_verifies_digest
check "sansec: CKM_SM3_SM2_APPID1_DER signs" sign 0x80008103
check "sansec: the message with Z of the default identifier, says openssl" openssl_verifies
each tass 0x80008100 0x80000005
check "tass: signs with Z, in DER, says openssl" openssl_verifies
each koal 0x80008101 0x80000005
check "koal: signs the digest without Z, says openssl" openssl_verifies_digest
each ibm 0x8005000C 0x8005000E
each luna 0x80000B22 0x80000B01
each xipki 0xFFFFF003 0xFFFFF005

start westone
cp "$work/digest" "$work/data" # which is what its SM2 signs: 32 bytes
check "westone: signs a digest" sign 0x80000002
check "westone: verifies it" verifies 0x80000002

start none
check_not "without an alias the number is nobody's" sign 0x80008100
check "and the tool is told so" contains CKR_MECHANISM_INVALID "$work/out"
printf 'token "t" { store = "sqlite:%s/t.db" alias = "nobody" }\n' "$work" >"$work/bad.conf"
chmod 600 "$work/bad.conf"
HUFU_CONF=$work/bad.conf check_not "an unknown vendor is refused" "$HUFU" config check
check "and those that are known are named" contains 'alias = "nobody" is unknown. Write none, sansec, tass, koal, westone, ibm, luna or xipki' "$work/out"
finish
