#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: OpenSC's pkcs11-tool (0.23) makes, writes, reads and uses RSA, EC and
# Edwards key pairs on the token, all of its --test options about keys pass, and
# openssl agrees with every result.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool p11tool openssl
init_token demo
login="--token-label demo --login --pin $PIN"
tool() { pkcs11_tool $login "$@"; }
head -c 999 /dev/urandom >"$work/short"  # it signs and encrypts this in one call,
head -c 4000 /dev/urandom >"$work/long"  # and this in parts
# Reading an EC public key it puts together memory that it has given back, so that it may fail: p11tool reads those.
export_public() { # NAME ID
	case $1 in
	p256 | p384 | p521 | *ec) GNUTLS_PIN=$PIN p11tool_ --export --outfile "$work/$1.read" "$URI;id=%$2;type=public" ;;
	*) tool --read-object --type pubkey --id "$2" -o "$work/$1.read" ;;
	esac && openssl pkey -pubin -in "$work/$1.read" -out "$work/$1.pub"
}

# Made on the token.

make_pair() { tool --keypairgen --key-type "$1" --label "$2" --id "$3" "${@:4}"; }
check "generates rsa:2048" make_pair rsa:2048 rsa2048 01
check "generates rsa:3072, to wrap keys with as well" make_pair rsa:3072 rsa3072 02 --usage-sign --usage-decrypt --usage-wrap
check "generates EC:prime256v1" make_pair EC:prime256v1 p256 03
check "generates EC:secp384r1" make_pair EC:secp384r1 p384 04
check "generates EC:secp521r1" make_pair EC:secp521r1 p521 05
check "generates EC:edwards25519" make_pair EC:edwards25519 ed25519 06
# 0.23 encodes this name with the wrong length, 13 0b and ten characters: it is understood all the same.
check "generates EC:curve25519" make_pair EC:curve25519 x25519 07
check_not "refuses rsa:64" make_pair rsa:64 tiny 08
for key in rsa2048:01 rsa3072:02 p256:03 p384:04 p521:05 ed25519:06; do
	check "openssl reads the public key of ${key%:*}" export_public "${key%:*}" "${key#*:}"
done
check "rsa:2048 has 2048 bits" is_equal "$(openssl pkey -pubin -in "$work/rsa2048.pub" -noout -text | sed -n 's/.*(\(.*\) bit).*/\1/p')" 2048
check "rsa:3072 has 3072" is_equal "$(openssl pkey -pubin -in "$work/rsa3072.pub" -noout -text | sed -n 's/.*(\(.*\) bit).*/\1/p')" 3072
check "lists all of them" tool --list-objects
for label in rsa2048 rsa3072 p256 p384 p521 ed25519; do
	check "the pair $label" is_equal "$(grep -cE "label: +$label\$" "$work/out")" 2
done
check "an Edwards key as such" contains EC_EDWARDS "$work/out"

# Signatures: the token's are verified by openssl and by the token, which must not take them for other data.

sign() { rm -f "$work/sig"; tool --sign -m "$1" --id "$2" -i "$3" -o "$work/sig" "${@:4}"; }
valid() { tool --verify -m "$1" --id "$2" -i "$3" --signature-file "$work/sig" "${@:4}" >"$work/valid" 2>&1 && contains 'Signature is valid' "$work/valid"; }
invalid() { tool --verify -m "$1" --id "$2" -i "$3" --signature-file "$work/sig" "${@:4}" >"$work/valid" 2>&1; contains 'Invalid signature' "$work/valid"; }
dgst() { openssl dgst "-$1" -verify "$work/$2.pub" "${@:4}" -signature "$work/sig" "$3"; }

hashes="SHA1:sha1 SHA224:sha224 SHA256:sha256 SHA384:sha384 SHA512:sha512 SHA3-224:sha3-224 SHA3-256:sha3-256 SHA3-384:sha3-384 SHA3-512:sha3-512"
for hash in $hashes; do
	md=${hash#*:} hash=${hash%:*}
	check "$hash-RSA-PKCS signs" sign "$hash-RSA-PKCS" 01 "$work/long"
	check "$hash-RSA-PKCS: openssl verifies" dgst $md rsa2048 "$work/long"
	check "$hash-RSA-PKCS-PSS signs" sign "$hash-RSA-PKCS-PSS" 02 "$work/long"
	check "$hash-RSA-PKCS-PSS: openssl verifies" dgst $md rsa3072 "$work/long" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sigopt rsa_mgf1_md:$md
	check "ECDSA-$hash signs" sign "ECDSA-$hash" 03 "$work/long" --signature-format openssl
	check "ECDSA-$hash: openssl verifies" dgst $md p256 "$work/long"
done
check "SHA256-RSA-PKCS signs in one call" sign SHA256-RSA-PKCS 01 "$work/short"
check "openssl verifies" dgst sha256 rsa2048 "$work/short"
check "the token verifies" valid SHA256-RSA-PKCS 01 "$work/short"
check "not for other data" invalid SHA256-RSA-PKCS 01 "$work/long"
check "SHA512-RSA-PKCS-PSS signs in one call" sign SHA512-RSA-PKCS-PSS 02 "$work/short"
check "the token verifies" valid SHA512-RSA-PKCS-PSS 02 "$work/short"
check "not for other data" invalid SHA512-RSA-PKCS-PSS 02 "$work/long"
for key in p256:03 p384:04 p521:05; do
	check "ECDSA-SHA384 signs with ${key%:*}" sign ECDSA-SHA384 "${key#*:}" "$work/short" --signature-format openssl
	check "openssl verifies" dgst sha384 "${key%:*}" "$work/short"
	check "the token verifies" valid ECDSA-SHA384 "${key#*:}" "$work/short" --signature-format openssl
	check "not for other data" invalid ECDSA-SHA384 "${key#*:}" "$work/long" --signature-format openssl
	openssl dgst -sha256 -binary -out "$work/digest" "$work/long"
	check "ECDSA signs a digest" sign ECDSA "${key#*:}" "$work/digest" --signature-format openssl
	check "openssl verifies" dgst sha256 "${key%:*}" "$work/long"
done
check "EDDSA signs" sign EDDSA 06 "$work/short"
check "openssl verifies" openssl pkeyutl -verify -rawin -pubin -inkey "$work/ed25519.pub" -sigfile "$work/sig" -in "$work/short"
check "the token verifies" valid EDDSA 06 "$work/short"

# PSS with its parameters given: hash, mask, salt of nothing, of the digest's length, and all that fits (384 - 32 - 2).
openssl dgst -sha256 -binary -out "$work/digest" "$work/long"
for pss in sha256:SHA256:0:0 sha256:SHA256:32:32 sha256:SHA256:-2:350 sha1:SHA1:20:20 sha512:SHA512:32:32; do
	IFS=: read -r mgf name salt salt_len <<<"$pss"
	check "RSA-PKCS-PSS signs with MGF1-$name and a salt of $salt" sign RSA-PKCS-PSS 02 "$work/digest" --hash-algorithm SHA256 --mgf "MGF1-$name" --salt-len "$salt"
	check "openssl verifies" dgst sha256 rsa3072 "$work/long" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:"$salt_len" -sigopt rsa_mgf1_md:"$mgf"
	check "the token verifies" valid RSA-PKCS-PSS 02 "$work/digest" --hash-algorithm SHA256 --mgf "MGF1-$name" --salt-len "$salt_len"
	check "not with another salt's length" invalid RSA-PKCS-PSS 02 "$work/digest" --hash-algorithm SHA256 --mgf "MGF1-$name" --salt-len 21
done

# RSA without a hash: a DigestInfo for RSA-PKCS, a whole block for RSA-X-509.
{ printf '\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20'; cat "$work/digest"; } >"$work/info"
check "RSA-PKCS signs a DigestInfo" sign RSA-PKCS 01 "$work/info"
check "openssl verifies" dgst sha256 rsa2048 "$work/long"
{ printf '\x00\x01'; head -c 202 /dev/zero | tr '\0' '\377'; printf '\x00'; cat "$work/info"; } >"$work/block"
check "RSA-X-509 signs a block" sign RSA-X-509 01 "$work/block"
check "openssl verifies what was padded by hand" dgst sha256 rsa2048 "$work/long"

head -c 40 /dev/urandom >"$work/clear"
decrypts() { # MECHANISM ID FILE CLEAR: the ciphertext is openssl's
	openssl pkeyutl -encrypt -pubin -inkey "$work/$3.pub" -in "$4" -out "$work/enc" "${@:5}" || return 1
	rm -f "$work/dec"
	# shellcheck disable=SC2086
	tool --decrypt -m "$1" --id "$2" $oaep -i "$work/enc" -o "$work/dec" && same "$4" "$work/dec"
}
oaep=
check "RSA-PKCS decrypts" decrypts RSA-PKCS 01 rsa2048 "$work/clear"
check "RSA-X-509 decrypts" decrypts RSA-X-509 01 rsa2048 "$work/block" -pkeyopt rsa_padding_mode:none
for pad in SHA-1:sha1:SHA1:sha1 SHA224:sha224:SHA224:sha224 SHA256:sha256:SHA256:sha256 SHA384:sha384:SHA384:sha384 SHA512:sha512:SHA512:sha512 SHA256:sha256:SHA1:sha1 SHA-1:sha1:SHA512:sha512; do
	IFS=: read -r hash md mgf mgf_md <<<"$pad"
	oaep="--hash-algorithm $hash --mgf MGF1-$mgf"
	check "RSA-PKCS-OAEP decrypts with $hash and MGF1-$mgf" decrypts RSA-PKCS-OAEP 02 rsa3072 "$work/clear" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:$md -pkeyopt rsa_mgf1_md:$mgf_md
done
oaep="--hash-algorithm SHA256 --mgf MGF1-SHA256"
check_not "and not what has been padded with another hash" decrypts RSA-PKCS-OAEP 02 rsa3072 "$work/clear" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha512
oaep=

# Wrapping secret keys with RSA.

openssl rand -out "$work/payload.raw" 32
check "writes a key to be wrapped" tool --write-object "$work/payload.raw" --type secrkey --key-type AES:32 --label payload --id 42 --usage-decrypt --extractable
check "RSA-PKCS wraps" tool --wrap -m RSA-PKCS --id 02 --application-id 42 -o "$work/wrapped"
check "and unwraps" tool --unwrap -m RSA-PKCS --id 02 -i "$work/wrapped" --key-type AES: --application-id 47 --extractable
check "to a key that is read" tool --read-object --type secrkey --id 47 -o "$work/unwrapped"
check "and is the same" same "$work/payload.raw" "$work/unwrapped"
openssl pkeyutl -encrypt -pubin -inkey "$work/rsa3072.pub" -in "$work/payload.raw" -out "$work/wrapped"
check "unwraps what openssl wrapped" tool --unwrap -m RSA-PKCS --id 02 -i "$work/wrapped" --key-type AES: --application-id 48 --usage-decrypt
head -c 992 "$work/short" >"$work/blocks"
openssl enc -aes-256-ecb -nopad -K "$(od -An -v -tx1 "$work/payload.raw" | tr -d ' \n')" -in "$work/blocks" -out "$work/enc"
check "to a key that encrypts" tool --encrypt -m AES-ECB --id 48 -i "$work/blocks" -o "$work/enc2"
check "as openssl does" same "$work/enc" "$work/enc2"

# Derivation.

for key in prime256v1:p256:03 secp384r1:p384:04 secp521r1:p521:05; do
	IFS=: read -r curve name id <<<"$key"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$curve -out "$work/peer.pem" 2>/dev/null
	openssl pkey -in "$work/peer.pem" -pubout -outform DER -out "$work/peer.der"
	openssl pkeyutl -derive -inkey "$work/peer.pem" -peerkey "$work/$name.pub" -out "$work/agreed"
	check "ECDH1-DERIVE on $curve" tool --derive -m ECDH1-DERIVE --id $id -i "$work/peer.der" -o "$work/derived"
	check "agrees with openssl" same "$work/agreed" "$work/derived"
	check "ECDH1-COFACTOR-DERIVE with a wrapped point" tool --derive --derive-pass-der -m ECDH1-COFACTOR-DERIVE --id $id -i "$work/peer.der" -o "$work/derived"
	check "agrees with openssl" same "$work/agreed" "$work/derived"
done
check_not "a point of another curve is refused" tool --derive -m ECDH1-DERIVE --id 03 -i "$work/peer.der" -o "$work/derived"

# Objects written.

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER -out "$work/in-rsa.der" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -outform DER -out "$work/in-ec.der" 2>/dev/null
for key in in-rsa:50 in-ec:51; do
	IFS=: read -r name id <<<"$key"
	openssl pkey -inform DER -in "$work/$name.der" -pubout -out "$work/$name.written"
	openssl pkey -pubin -in "$work/$name.written" -outform DER -out "$work/$name.written.der"
	check "writes the private key $name" tool --write-object "$work/$name.der" --type privkey --id $id --label $name --usage-sign --usage-derive
	check "writes its public key" tool --write-object "$work/$name.written.der" --type pubkey --id $id --label $name --usage-sign
	check "reads it back" export_public $name $id
	check "the same" same "$work/$name.written" "$work/$name.pub"
done
check "the RSA key written signs" sign SHA256-RSA-PKCS 50 "$work/long"
check "openssl verifies" dgst sha256 in-rsa "$work/long"
check "the EC key written signs" sign ECDSA-SHA256 51 "$work/long" --signature-format openssl
check "openssl verifies" dgst sha256 in-ec "$work/long"
openssl req -x509 -key "$work/in-rsa.der" -keyform DER -subj /CN=test -days 30 -outform DER -out "$work/cert.der" 2>/dev/null
check "writes a certificate that may not be destroyed" tool --write-object "$work/cert.der" --type cert --label cert --id 50 --undestroyable
check "reads it back" tool --read-object --type cert --id 50 -o "$work/back.der"
check "the same" same "$work/cert.der" "$work/back.der"
check_not "and cannot delete it" tool --delete-object --type cert --id 50
check "sets an ID" tool --set-id 5e --type privkey --id 50
check "under which the key signs" sign SHA256-RSA-PKCS 5e "$work/short"
for object in privkey:51 pubkey:51; do
	check "deletes a ${object%:*}" tool --delete-object --type "${object%:*}" --id "${object#*:}"
	check_not "after which it is gone" tool --delete-object --type "${object%:*}" --id "${object#*:}"
done

# Keys with conditions.

check "generates a key that always asks for the PIN" make_pair rsa:2048 always 60 --always-auth
check "signs with it, logging in for each" sign SHA256-RSA-PKCS 60 "$work/long"
check "its public key is exported" export_public always 60
check "openssl verifies" dgst sha256 always "$work/long"
check "generates a key for two mechanisms" make_pair rsa:2048 limited 61 --allowed-mechanisms SHA256-RSA-PKCS,SHA512-RSA-PKCS
check "which signs with one" sign SHA512-RSA-PKCS 61 "$work/short"
check_not "and not with a third" sign SHA384-RSA-PKCS 61 "$work/short"

# What it tests by itself. It exits with 0 whatever it finds, and says what that was.

check "--test" tool --session-rw --allow-sw --test
check "finds no errors" contains '^No errors' "$work/out"
check "having signed with RSA" contains 'Signatures (currently only for RSA)' "$work/out"
check "and decrypted" contains ' RSA-X-509: OK' "$work/out"
check "--test-ec" tool --session-rw --test-ec --key-type EC:prime256v1 --id 70
check "is content" contains '^==> OK' "$work/out"
# Here it signs memory that it has not written to, which valgrind would hold against us.
check "--moz-cert" pkcs11-tool --module "$MODULE" $login --session-rw --moz-cert "$work/cert.der" --key-type rsa:2048 --id 71
check "is content" contains '==> OK, successful' "$work/out"
finish
