#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: with RSA, EC, EdDSA, AES and SHA the tool does on hufu's own module
# what the openssl command does, and says clearly what it does not do.
. "$(dirname "$0")/lib.sh"
need openssl
init_token demo
cd "$work" || exit 99
umask 077
head -c 300000 /dev/urandom >data
head -c 100 data >short
iv=000102030405060708090a0b0c0d0e0f

# -- keys made on the token ------------------------------------------------------
id=0
for type in rsa:2048 ec ec:P-384 ec:P-521 ed25519 ed448 x25519 x448 aes:128 aes:192 aes hmac-sha256 hmac-sha3-512:256 hmac-sha1; do
	id=$((id + 1))
	check "a key of type $type is made" hufu_in key generate --type $type --label "$type" --id "$(printf %02x $id)"
	check "and tested" hufu_in key test "$type"
done
check "a curve goes by SEC 2's name too" hufu_in key generate --type ec:secp256r1 --label agree --use sign,verify,derive
check "a key that agrees and signs is tested for both" hufu_in key test agree
contains "2 tests" out && ok "and that is said" || not_ok "and that is said"
hufu_in key list >list 2>last
for row in "ec:P-521 " "rsa:2048 " "ed448 " "aes:192 " "hmac-sha3-512:256 "; do
	contains "$row" list && ok "key list shows $row" || not_ok "key list shows $row"
done
check "key show knows the curve" hufu key show ec:P-384
contains "^curve  *P-384$" out && contains "^ec-params  *06052b81040022$" out && ok "by name and OID" || not_ok "by name and OID"
check_status 1 "AES of 100 bits: 1" hufu_in key generate --type aes:100
check_status 1 "no such curve: 1" hufu_in key generate --type ec:P-257
contains "ec:P-384" out && ok "others are named" || not_ok "others are named"
check_status 1 "a curve that the token has not: 1" hufu_in key generate --type ec:secp256k1
contains CKR_CURVE_NOT_SUPPORTED out && ok "by its CKR_ name" || not_ok "by its CKR_ name"
check_status 1 "RSA of 512 bits: 1" hufu_in key generate --type rsa:512
check_status 1 "a size for Ed25519: 1" hufu_in key generate --type ed25519:256
check_status 1 "an unknown type: 1" hufu_in key generate --type dsa
contains "x25519, x448, aes" out && ok "the known ones are named" || not_ok "the known ones are named"
check "help lists them" is_equal "$(hufu_core help --types | sed 's/\[.*//' | paste -sd ' ')" "$(sed -n 's/,//g; 2s/^ *//p' out)"
complete_type() {
	bash -c ". '$top_srcdir/tools/bash-completion/hufu'; PATH='$top_builddir':\$PATH COMP_WORDS=(hufu key generate --type $1) COMP_CWORD=4; _hufu; echo \"\${COMPREPLY[*]}\""
}
check "the shell completes a type" is_equal "$(complete_type ed2)" ed25519

# -- signatures ------------------------------------------------------------------
# signs KEY OPENSSL-DIGEST-OPTIONS -- OPTIONS: the tool signs, both verify, and neither what was changed.
signs() {
	local key=$1; shift
	local theirs=()
	while [ "$1" != -- ]; do theirs+=("$1"); shift; done
	shift
	check "$key signs${*:+ with $*}" hufu_in sign "$key" data "$@" --out sig
	check "it verifies" hufu verify "$key" data "$@" --signature sig
	check "openssl verifies it" openssl dgst "${theirs[@]}" -verify "$key.pem" -signature sig data
	check_status 6 "another file is refused: 6" hufu verify "$key" short "$@" --signature sig
}
for key in rsa:2048 ec ec:P-384 ec:P-521 ed25519 ed448; do
	check "the public key of $key is written" hufu key export-public $key --out $key.pem
done
signs rsa:2048 -sha256 --
signs rsa:2048 -sha512 -- --hash sha512
signs rsa:2048 -sha3-256 -- --hash sha3-256
signs rsa:2048 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -- --pss
signs rsa:2048 -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48 -- --pss --hash sha384
signs rsa:2048 -sha3-512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64 -- --mechanism sha3-512-rsa-pkcs-pss
for key in ec ec:P-384 ec:P-521; do
	signs $key -sha256 --
	signs $key -sha384 -- --hash sha384
done
check "ECDSA as r || s" hufu_in sign ec:P-521 data --raw --out sig.raw
check "132 bytes" is_equal "$(wc -c <sig.raw)" 132
check "it verifies" hufu verify ec:P-521 data --raw --signature sig.raw
check_status 6 "not as DER: 6" hufu verify ec:P-521 data --signature sig.raw
# openssl dgst does not know EdDSA.
for key in ed25519 ed448; do
	check "$key signs" hufu_in sign $key data --out sig
	check "it verifies" hufu verify $key data --signature sig
	check "openssl verifies it" openssl pkeyutl -verify -pubin -inkey $key.pem -rawin -in data -sigfile sig
	check_status 6 "another file is refused: 6" hufu verify $key short --signature sig
done
hufu_in sign rsa:2048 data --out sig >last 2>&1
check_status 6 "PKCS#1 v1.5 is not PSS: 6" hufu verify rsa:2048 data --pss --signature sig
check_status 6 "nor SHA-256 SHA-384: 6" hufu verify rsa:2048 data --hash sha384 --signature sig
check_status 6 "nor one key's signature another's: 6" hufu verify ed25519 data --signature sig
check_status 1 "PSS with an EC key: 1" hufu_in sign ec data --pss
check_status 1 "a hash with an Ed25519 key: 1" hufu_in sign ed25519 data --hash sha512
check_status 1 "an unknown hash: 1" hufu_in sign ec data --hash md5
contains "sha3-384" out && ok "the known ones are named" || not_ok "the known ones are named"
check_status 1 "a hash and a mechanism: 1" hufu_in sign ec data --hash sha256 -m ecdsa-sha256
check_status 1 "PSS of an unnamed hash: 1" hufu_in sign rsa:2048 data -m rsa-pkcs-pss
check_status 1 "an SM2 signer's ID with RSA: 1" hufu_in sign rsa:2048 data --id alice
check_status 1 "an X25519 key does not sign: 1" hufu_in sign x25519 data
check_status 1 "a mechanism of other keys: 1" hufu_in sign rsa:2048 data -m ecdsa-sha256

# -- encryption --------------------------------------------------------------------
for format in "oaep" "oaep --hash sha1" "oaep --hash sha3-256" "pkcs1"; do
	case $format in
	pkcs1) theirs=(-pkeyopt rsa_padding_mode:pkcs1) ;;
	*--hash*) theirs=(-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:"${format##* }") ;;
	*) theirs=(-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256) ;;
	esac
	check "RSA, $format, without a PIN" hufu encrypt rsa:2048 short --format $format --out cipher
	check "and back" hufu_in decrypt rsa:2048 cipher --format $format --out plain
	check "to the same" same short plain
	check "openssl encrypts" openssl pkeyutl -encrypt -pubin -inkey rsa:2048.pem "${theirs[@]}" -in short -out cipher
	check "the token decrypts" hufu_in decrypt rsa:2048 cipher --format $format --out plain
	check "to the same" same short plain
done
hufu encrypt rsa:2048 short --out cipher >last 2>&1
check_status 6 "OAEP with another hash: 6" hufu_in decrypt rsa:2048 cipher --hash sha1 --out none
check_status 1 "too much for RSA: 1" hufu encrypt rsa:2048 data --out none
check_status 1 "an EC key does not encrypt: 1" hufu encrypt ec short --out none
check_status 1 "RSA has no --mode: 1" hufu encrypt rsa:2048 short --mode gcm --out none
check_status 1 "nor such a format: 1" hufu encrypt rsa:2048 short --format der --out none
check_status 1 "AES has no --format: 1" hufu_in encrypt aes short --format oaep --out none
check_status 1 "the file format takes no IV: 1" hufu_in encrypt aes short --iv $iv --out none
check_status 1 "no such mode: 1" hufu_in encrypt aes short --mode xts --out none
check "and no file was made" test ! -e none
check "AES, in chunks" hufu_in encrypt aes data --out data.hufu
check "and back" hufu_in decrypt aes data.hufu --out plain
check "to the same" same data plain
check_status 6 "another AES key: 6" hufu_in decrypt aes:128 data.hufu --out none
check "AES-GCM" hufu_in encrypt aes data --mode gcm --iv 000102030405060708090a0b --aad front --out data.gcm
check "and back" hufu_in decrypt aes data.gcm --mode gcm --iv 000102030405060708090a0b --aad front --out plain
check "to the same" same data plain
check_status 6 "other additional data: 6" hufu_in decrypt aes data.gcm --mode gcm --iv 000102030405060708090a0b --aad rear --out none

# -- keys from outside ---------------------------------------------------------------
for bits in 128 192 256; do
	openssl rand $((bits / 8)) >aes.raw
	key=$(od -An -v -tx1 aes.raw | tr -d ' \n')
	check "an AES key of $bits bits is imported" hufu_in key import --type aes --raw --label raw-$bits aes.raw
	for mode in cbc ctr ecb; do
		[ $mode = ecb ] && args=() || args=(--iv $iv)
		[ $mode = ecb ] && { head -c 299008 data >blocks; plain=blocks; theirs=(-nopad); } || { plain=data; theirs=(-iv $iv); }
		check "AES-$bits-$mode encrypts" hufu_in encrypt raw-$bits $plain --mode $mode "${args[@]}" --out cipher
		openssl enc -d -aes-$bits-$mode -K "$key" "${theirs[@]}" -in cipher -out back 2>last
		check "openssl decrypts it" same $plain back
	done
done
check_status 4 "a mode that the token has not: 4" hufu_in encrypt raw-256 data --mode cfb --iv $iv --out none
check_status 1 "an AES key of 100 bytes: 1" hufu_in key import --type aes --raw --label odd short
check_status 1 "a size with import: 1" hufu_in key import --type aes:128 aes.raw
printf 'key of 22 bytes, hello' >hmac.raw
check "an HMAC key is imported" hufu_in key import --type hmac-sha256 --raw --label mac hmac.raw
check "its MAC is openssl's" is_equal "$(hufu_in mac mac data 2>last | cut -d' ' -f1)" \
	"$(openssl dgst -sha256 -mac HMAC -macopt key:"$(cat hmac.raw)" -r data | cut -d' ' -f1)"
check_status 6 "another is refused: 6" hufu_in mac mac data --verify 00
openssl rand 16 >cmac.raw
check "an AES key for MACs is imported" hufu_in key import --type aes --raw --use sign,verify --label cmac cmac.raw
check "its CMAC is openssl's" is_equal "$(hufu_in mac cmac data 2>last | cut -d' ' -f1)" \
	"$(openssl mac -cipher AES-128-CBC -macopt hexkey:"$(od -An -v -tx1 cmac.raw | tr -d ' \n')" -in data CMAC | tr A-F a-f)"
check_status 7 "it does not encrypt: 7" hufu_in encrypt cmac data --out none
check_status 7 "nor do others make MACs: 7" hufu_in mac raw-128 data

# imported FILE LABEL [TWIN]: a private key file, whose public half comes out again as openssl has that of it, or its twin.
imported() {
	check "$2 is imported" hufu_in key import --label "$2" "$1"
	openssl pkey -in "${3:-$1}" -pubout -outform der -out public.der 2>last
	check "its public key comes out the same" sh -c "'$HUFU' key export-public '$2' --module '$MODULE' --der | cmp - public.der"
	check "the key is good" hufu_in key test "$2"
}
openssl genrsa -traditional -out rsa.pkcs1.pem 2048 2>last
openssl pkey -in rsa.pkcs1.pem -outform der -out rsa.der
imported rsa.pkcs1.pem "RSA as PKCS#1"
imported rsa.der "RSA as PKCS#8 in DER" rsa.pkcs1.pem
openssl ecparam -name secp384r1 -genkey -noout -out ec.sec1.pem 2>last
imported ec.sec1.pem "P-384 as SEC 1"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem 2>last
openssl ec -in ec.pem -conv_form compressed -out ec.compressed.pem 2>last
imported ec.compressed.pem "P-256 with a compressed point" ec.pem
for algorithm in ED25519 ED448 X25519 X448; do
	openssl genpkey -algorithm $algorithm -out $algorithm.pem 2>last
	imported $algorithm.pem "$algorithm as PKCS#8"
done
openssl pkcs8 -topk8 -in ED25519.pem -out encrypted.pem -passout pass:hello 2>last
echo hello >pass
check "an encrypted Ed25519 key is imported" hufu_in key import --label encrypted --passphrase-file pass encrypted.pem
check "it signs as the one in the clear" hufu_in sign encrypted data --out sig
openssl pkeyutl -sign -inkey ED25519.pem -rawin -in data -out sig.theirs 2>last
check "to the byte, EdDSA being deterministic" same sig sig.theirs
openssl pkey -in ED448.pem -pubout -out public.pem
check "a public Ed448 key is imported alone" hufu_in key import --label peer public.pem
openssl pkeyutl -sign -inkey ED448.pem -rawin -in data -out sig.theirs 2>last
check "and verifies openssl's signature" hufu verify peer data --signature sig.theirs
for salt in digest max; do
	openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:$salt -sign rsa.pkcs1.pem -out sig.$salt data
done
check "openssl's PSS is verified" hufu verify "RSA as PKCS#1" data --pss --signature sig.digest
check_status 6 "but with a salt as long as the hash only: 6" hufu verify "RSA as PKCS#1" data --pss --signature sig.max
check_status 1 "a type that is not the file's: 1" hufu_in key import --type ec ED25519.pem
contains "type ed25519" out && ok "the file's is named" || not_ok "the file's is named"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out other.pem 2>last
check_status 1 "a curve that the token has not: 1" hufu_in key import other.pem
openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.pem 2>last
check_status 1 "a type that the tool has not: 1" hufu_in key import pss.pem
contains "Ed448" out && ok "those that it has are named" || not_ok "those that it has are named"

# -- digests ---------------------------------------------------------------------------
for hash in sha1 sha224 sha256 sha384 sha512 sha512-256 sha3-224 sha3-256 sha3-384 sha3-512; do
	check "$hash is openssl's" is_equal "$(hufu digest -m $hash data 2>last | cut -d' ' -f1)" "$(openssl dgst -$hash -r data | cut -d' ' -f1)"
done
check_status 1 "an unknown digest: 1" hufu digest -m sha257 data
check_status 4 "a mechanism that digests nothing: 4" hufu digest -m aes-gcm data
check "every mechanism of the token has a name" sh -c "'$HUFU' mech list --module '$MODULE' | tail -n +2 | { ! grep -v '^CKM_'; }"
check "the self-test knows these algorithms" hufu selftest
for name in "SHA3-256" "HMAC-SHA-256" "AES-GCM" "RSA-PSS" "ECDSA P-256" "Ed25519"; do
	contains "^good  *$name" out && ok "$name among them" || not_ok "$name among them"
done
finish
