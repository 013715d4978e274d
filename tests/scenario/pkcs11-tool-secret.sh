#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: OpenSC's pkcs11-tool (0.23) makes, writes, reads, uses, wraps and
# unwraps AES and generic secret keys on the token, and digests data; openssl
# agrees with every result.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
init_token demo
login="--token-label demo --login --pin $PIN"
tool() { pkcs11_tool $login "$@"; }
hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }
head -c 999 /dev/urandom >"$work/short" # it signs and encrypts this in one call,
head -c 4000 /dev/urandom >"$work/long" # and this in parts
value_is() { rm -f "$work/value"; tool --read-object --type secrkey --id "$2" -o "$work/value" && same "$1" "$work/value"; }

# Made on the token.

for type in AES:16 AES:24 AES:32 GENERIC:20 GENERIC:64; do
	check "generates $type" tool --keygen --key-type $type --label "$type" --id "1$((made = ${made:-0} + 1))" --extractable
	tool --read-object --type secrkey --label "$type" -o "$work/value" >"$work/out" 2>&1
	check "of as many bytes" is_equal "$(stat -c %s "$work/value")" "${type#*:}"
done
check_not "refuses AES:17" tool --keygen --key-type AES:17 --label odd --id 19
check "generates a sensitive key" tool --keygen --key-type AES:32 --label hidden --id 1f --sensitive
check_not "which is not to be read" tool --read-object --type secrkey --id 1f -o "$work/value"

# Digests.

for hash in SHA-1:sha1 SHA224:sha224 SHA256:sha256 SHA384:sha384 SHA512:sha512 SHA3-224:sha3-224 SHA3-256:sha3-256 SHA3-384:sha3-384 SHA3-512:sha3-512; do
	tool --hash -m "${hash%:*}" -i "$work/long" -o "$work/digest" >"$work/out" 2>&1
	check "digests with ${hash%:*}" is_equal "$(hex "$work/digest")" "$(openssl dgst -"${hash#*:}" -r "$work/long" | cut -d' ' -f1)"
done

# Secret keys written to the token, so that openssl has them too.

write_secret() { # NAME TYPE ID BYTES FLAG...
	openssl rand -out "$work/$1.raw" "$4"
	tool --write-object "$work/$1.raw" --type secrkey --key-type "$2" --label "$1" --id "$3" "${@:5}"
}
iv=$(openssl rand -hex 16)
for bytes in 16 24 32; do
	check "writes an AES key of $bytes bytes" write_secret aes$bytes AES:$bytes $bytes $bytes --usage-decrypt
	key=$(hex "$work/aes$bytes.raw")
	head -c 992 "$work/short" >"$work/blocks.short"; head -c 4000 "$work/long" >"$work/blocks.long"
	for size in short long; do
		for mode in ECB CBC CBC-PAD; do
			data=$work/blocks.$size cipher="-aes-$((8 * bytes))-cbc -iv $iv -nopad" token_iv="--iv $iv"
			[ $mode = CBC-PAD ] && data=$work/$size cipher="-aes-$((8 * bytes))-cbc -iv $iv"
			[ $mode = ECB ] && cipher="-aes-$((8 * bytes))-ecb -nopad" token_iv=
			# shellcheck disable=SC2086
			openssl enc $cipher -K "$key" -in "$data" -out "$work/enc"
			check "AES-$mode of $((8 * bytes)) bits encrypts, $size" tool --encrypt -m AES-$mode --id $bytes $token_iv -i "$data" -o "$work/enc2"
			check "as openssl does" same "$work/enc" "$work/enc2"
			check "and decrypts" tool --decrypt -m AES-$mode --id $bytes $token_iv -i "$work/enc" -o "$work/dec"
			check "to the same" same "$data" "$work/dec"
		done
	done
done
check_not "AES-CBC refuses a piece of a block" tool --encrypt -m AES-CBC --id 16 --iv "$iv" -i "$work/short" -o "$work/enc"
tail -c 500 "$work/enc2" >"$work/cut"
check_not "AES-CBC-PAD refuses to decrypt a piece of a block" tool --decrypt -m AES-CBC-PAD --id 16 --iv "$iv" -i "$work/cut" -o "$work/dec"

# Authentication codes.

sign() { rm -f "$work/sig"; tool --sign -m "$1" --id "$2" -i "$3" -o "$work/sig" "${@:4}"; }
valid() { tool --verify -m "$1" --id "$2" -i "$3" --signature-file "$work/sig" "${@:4}" >"$work/valid" 2>&1 && contains 'Signature is valid' "$work/valid"; }
invalid() { tool --verify -m "$1" --id "$2" -i "$3" --signature-file "$work/sig" "${@:4}" >"$work/valid" 2>&1; contains 'Invalid signature' "$work/valid"; }
check "writes a generic secret" tool --write-object "$work/aes32.raw" --type secrkey --label mac --id 40 --usage-sign
for hash in SHA-1:sha1 SHA224:sha224 SHA256:sha256 SHA384:sha384 SHA512:sha512 SHA3-256:sha3-256 SHA3-512:sha3-512; do
	check "${hash%:*}-HMAC" sign "${hash%:*}-HMAC" 40 "$work/long"
	check "as openssl computes it" is_equal "$(hex "$work/sig")" "$(openssl dgst -"${hash#*:}" -mac HMAC -macopt "hexkey:$(hex "$work/aes32.raw")" -r "$work/long" | cut -d' ' -f1)"
done
check "SHA256-HMAC of data in one call" sign SHA256-HMAC 40 "$work/short"
check "verifies" valid SHA256-HMAC 40 "$work/short"
check "not for other data" invalid SHA256-HMAC 40 "$work/long"

# Wrapping and unwrapping: openssl unwraps what the token wraps, and wraps what it unwraps.

check "writes a key to wrap with" write_secret kek AES:32 41 32 --usage-wrap
check "a key to be wrapped" write_secret payload AES:16 42 16 --usage-decrypt --extractable
check "and one that is not" write_secret fixed AES:16 43 16 --usage-decrypt
kek=$(hex "$work/kek.raw")
opens() { rm -f "$work/unwrapped"; openssl enc -d "$@" -K "$kek" -in "$work/wrapped" -out "$work/unwrapped" && same "$work/payload.raw" "$work/unwrapped"; }
check "AES-KEY-WRAP wraps" tool --wrap -m AES-KEY-WRAP --id 41 --application-id 42 -o "$work/wrapped"
check "openssl unwraps it" opens -id-aes256-wrap -iv a6a6a6a6a6a6a6a6
openssl enc -id-aes256-wrap -K "$kek" -iv a6a6a6a6a6a6a6a6 -in "$work/aes24.raw" -out "$work/wrapped" 2>"$work/out"
check "and unwraps openssl's" tool --unwrap -m AES-KEY-WRAP --id 41 -i "$work/wrapped" --key-type AES: --application-id 44 --extractable
check "to the same value" value_is "$work/aes24.raw" 44
printf '\0' | dd of="$work/wrapped" bs=1 seek=9 conv=notrunc 2>/dev/null
printf '\377' | dd of="$work/wrapped" bs=1 seek=10 conv=notrunc 2>/dev/null
check_not "not what has been changed" tool --unwrap -m AES-KEY-WRAP --id 41 -i "$work/wrapped" --key-type AES: --application-id 45
check "AES-KEY-WRAP-PAD wraps" tool --wrap -m 0x210A --id 41 --application-id 42 -o "$work/wrapped"
check "openssl unwraps it" opens -id-aes256-wrap-pad -iv a65959a6
check "and unwraps it" tool --unwrap -m 0x210A --id 41 -i "$work/wrapped" --key-type GENERIC: --application-id 46 --extractable
check "to the same value" value_is "$work/payload.raw" 46
check "AES-CBC-PAD wraps" tool --wrap -m AES-CBC-PAD --iv "$iv" --id 41 --application-id 42 -o "$work/wrapped"
check "openssl decrypts it" opens -aes-256-cbc -iv "$iv"
check_not "a key that is not extractable is not wrapped" tool --wrap -m AES-KEY-WRAP --id 41 --application-id 43 -o "$work/wrapped"
check "for that reason" contains CKR_KEY_UNEXTRACTABLE "$work/out"
check "deletes a secret key" tool --delete-object --type secrkey --id 44
check_not "after which it is gone" tool --delete-object --type secrkey --id 44
finish
