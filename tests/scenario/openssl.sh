#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: what hufu signs, encrypts, digests and MACs, the openssl command
# verifies, decrypts and recomputes; and the other way round.
. "$(dirname "$0")/lib.sh"
need openssl
init_token demo
head -c 100003 /dev/urandom >"$work/data"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out "$work/theirs.pem" 2>/dev/null
openssl pkey -in "$work/theirs.pem" -pubout -out "$work/theirs.pub"
chmod 600 "$work/theirs.pem"
verify() { openssl dgst -sm3 -verify "$1" -sigopt "distid:$2" -signature "$3" "$4"; }

check "an SM2 key pair is generated" hufu_in key generate "$URI" --type sm2 --label ours --id 01
check "its public key is exported" hufu key export-public "$URI;object=ours" --out "$work/ours.pub"
check "which openssl reads" openssl pkey -pubin -in "$work/ours.pub" -noout
check "hufu signs" hufu_in sign "$URI;object=ours" --der --out "$work/sig" "$work/data"
check "openssl verifies" verify "$work/ours.pub" 1234567812345678 "$work/sig" "$work/data"
check "hufu signs under another ID" hufu_in sign "$URI;object=ours" --der --id alice@example.com --out "$work/sig2" "$work/data"
check "openssl verifies under that" verify "$work/ours.pub" alice@example.com "$work/sig2" "$work/data"
check_not "and not under the default" verify "$work/ours.pub" 1234567812345678 "$work/sig2" "$work/data"

check "a key of openssl's is imported" hufu_in key import "$URI" --label theirs --id 02 "$work/theirs.pem"
openssl dgst -sm3 -sign "$work/theirs.pem" -sigopt distid:1234567812345678 -out "$work/sig3" "$work/data"
check "hufu verifies what openssl signed" hufu verify "$URI;object=theirs" --der --signature "$work/sig3" "$work/data"
check "hufu signs with the imported key" hufu_in sign "$URI;object=theirs" --der --out "$work/sig4" "$work/data"
check "openssl verifies it" verify "$work/theirs.pub" 1234567812345678 "$work/sig4" "$work/data"
printf x >>"$work/sig3"
check_status 6 "hufu refuses a signature with a byte too many" hufu verify "$URI;object=theirs" --der --signature "$work/sig3" "$work/data"

printf 'forty-two bytes of a secret, more or less' >"$work/short"
check "hufu encrypts with SM2" hufu encrypt "$URI;object=theirs;type=public" --format der --out "$work/short.enc" "$work/short"
check "openssl decrypts it" openssl pkeyutl -decrypt -inkey "$work/theirs.pem" -in "$work/short.enc" -out "$work/short.dec"
check "to the same" same "$work/short" "$work/short.dec"
openssl pkeyutl -encrypt -pubin -inkey "$work/ours.pub" -in "$work/short" -out "$work/short.enc2"
check "hufu decrypts what openssl encrypted" hufu_in decrypt "$URI;object=ours;type=private" --format der --out "$work/short.dec2" "$work/short.enc2"
check "to the same" same "$work/short" "$work/short.dec2"

key=$(openssl rand -hex 16) iv=$(openssl rand -hex 16)
(umask 077; echo "$key" >"$work/sm4.hex")
check "an SM4 key is imported" hufu_in key import "$URI" --type sm4 --label cipher --id 03 "$work/sm4.hex"
for mode in cbc ctr cfb ofb; do
	check "SM4-$mode: hufu encrypts" hufu_in encrypt "$URI;object=cipher" --mode $mode --iv "$iv" --out "$work/$mode.enc" "$work/data"
	openssl enc -d -sm4-$mode -K "$key" -iv "$iv" -in "$work/$mode.enc" -out "$work/$mode.dec" 2>"$work/out"
	check "SM4-$mode: openssl decrypts it to the same" same "$work/data" "$work/$mode.dec"
	openssl enc -sm4-$mode -K "$key" -iv "$iv" -in "$work/data" -out "$work/$mode.enc2"
	check "SM4-$mode: hufu decrypts openssl's" hufu_in decrypt "$URI;object=cipher" --mode $mode --iv "$iv" --out "$work/$mode.dec2" "$work/$mode.enc2"
	check "SM4-$mode: to the same" same "$work/data" "$work/$mode.dec2"
done

hufu digest "$work/data" >"$work/out" 2>&1
check "SM3 as openssl computes it" contains "$(openssl dgst -sm3 -r "$work/data" | cut -d' ' -f1)" "$work/out"
mackey=$(openssl rand -hex 32)
(umask 077; echo "$mackey" >"$work/mac.hex")
check "an HMAC-SM3 key is imported" hufu_in key import "$URI" --type hmac-sm3 --label mac --id 04 "$work/mac.hex"
hufu_in mac "$URI;object=mac" "$work/data" >"$work/out" 2>&1
check "HMAC-SM3 as openssl computes it" contains "$(openssl dgst -sm3 -mac HMAC -macopt "hexkey:$mackey" -r "$work/data" | cut -d' ' -f1)" "$work/out"
finish
