#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: with a libssl that has them (Tongsuo's), a server whose SM2 keys are in a pool speaks TLCP, its signing key signing and
# its encryption key opening the pre-master secret, and TLS 1.3 with SM suites (RFC 8998), to clients that have nothing but files; and so
# does a client with a token's key.
. "$(dirname "$0")/lib.sh"
if ! grep -qs 'define HAVE_NTLS' "$top_builddir/config.h"; then
	echo "1..0 # SKIP this libssl has no TLCP: configure --with-openssl=PREFIX of Tongsuo"
	exit 0
fi
# The library's own command: no other openssl knows these protocols.
libssl=$(ldd "$top_builddir/hufu" | sed -n 's/.*libssl[^ ]* => \([^ ]*\) .*/\1/p')
PATH=$(dirname "$libssl")/../bin:$PATH
LD_LIBRARY_PATH=$(dirname "$libssl")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH LD_LIBRARY_PATH
if ! openssl s_server -help 2>&1 | grep -q -e -enable_ntls; then
	echo "1..0 # SKIP no openssl command beside $libssl"
	exit 0
fi
. "$(dirname "$0")/servers.sh"
need jq
cd "$work" || exit 99
ID=1234567812345678
init_token gateway
two_devices
write_openssl_conf
mkdir -m 700 run
export XDG_RUNTIME_DIR=$work/run

sm2() { check "an SM2 pair is made: $1" hufu_in key generate "$URI" --type sm2 --label "$1"; }
key_uri() { echo "$URI;object=$1;type=private"; }
OPENSSL_CONF=/dev/null openssl ecparam -genkey -name SM2 -out ca.key
OPENSSL_CONF=/dev/null openssl req -x509 -new -key ca.key -sm3 -sigopt distid:$ID -subj /CN=authority -days 30 -out ca.pem -config openssl.cnf
certify_sm2() {
	openssl req -new -key "$(key_uri "$1")" -sm3 -sigopt distid:$ID -subj "/CN=$SERVER_NAME" -out "$1.csr" &&
		OPENSSL_CONF=/dev/null openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -sm3 -sigopt distid:$ID -vfyopt distid:$ID -days 30 \
			-out "$1.crt" -extfile <(printf 'keyUsage=%s\nsubjectAltName=DNS:%s\n' "$2" "$SERVER_NAME")
}
sm2 sign; sm2 encrypt
check "the signing key is certified" certify_sm2 sign digitalSignature
check "and the encryption key, for the same holder" certify_sm2 encrypt keyEncipherment,dataEncipherment,keyAgreement

# -- the tool ---------------------------------------------------------------------------------------
pair=("$(key_uri sign)" "$(key_uri encrypt)" --cert sign.crt --cert encrypt.crt)
check "hufu gateway check tries both protocols" hufu gateway check "${pair[@]}"
for suite in 'RFC 8998 *TLS_SM4_GCM_SM3' 'TLCP *ECC-SM2-SM4-GCM-SM3' 'TLCP *ECC-SM2-SM4-CBC-SM3'; do
	check "and shows $suite" contains "$suite" out
done
check "it knows this library's limits" contains "ECC-SM2 suites only" out
check "one key of the pair will do for RFC 8998" hufu gateway check "$(key_uri sign)" --cert sign.crt
check "and TLCP wants both" contains "TLCP was not tried" out

# -- servers, and clients that know files -----------------------------------------------------------
start_tlcp() {
	openssl s_server -accept "127.0.0.1:$port" -enable_ntls -sign_key "$(key_uri sign)" -sign_cert sign.crt \
		-enc_key "$(key_uri encrypt)" -enc_cert encrypt.crt -cipher ECC-SM2-SM4-GCM-SM3:ECC-SM2-SM4-CBC-SM3 \
		-verify 1 -CAfile ca.pem -www >server.out 2>&1 &
	server=$!
}
start_rfc8998() {
	openssl s_server -accept "127.0.0.1:$port" -enable_sm_tls13_strict -tls1_3 -ciphersuites TLS_SM4_GCM_SM3 -groups SM2 \
		-key "$(key_uri sign)" -cert sign.crt -verify 1 -CAfile ca.pem -www >server.out 2>&1 &
	server=$!
}
stop_server() { kill "$server"; wait "$server" 2>/dev/null; true; }
# A request by Tongsuo's client; its own openssl.cnf knows no provider unless $client_conf says so.
client_conf=/dev/null
request() {
	(printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1) | OPENSSL_CONF=$client_conf timeout 60 openssl s_client -connect "127.0.0.1:$port" \
		-CAfile ca.pem -verify_return_error -ign_eof "$@" 2>&1
}
agreed() { check "$1: the chain is verified" contains "Verification: OK" out; check "$1: and data pass" contains "HTTP/1.0 200" out; }

check "a TLCP server starts with both keys in the pool" start_server start_tlcp
for suite in ECC-SM2-SM4-GCM-SM3 ECC-SM2-SM4-CBC-SM3; do
	check "TLCP: a client connects by $suite" request -enable_ntls -ntls -cipher $suite
	check "TLCP: that is what they agreed upon" contains "Cipher is $suite" out
	agreed TLCP
done
check_not "a client that wants the ECDHE suite is refused" request -enable_ntls -ntls -cipher ECDHE-SM2-SM4-GCM-SM3
check "and the next is served" request -enable_ntls -ntls -cipher ECC-SM2-SM4-GCM-SM3
client_conf=$work/openssl.cnf
check "TLCP: a client proves who it is with a token's key" request -enable_ntls -ntls -cipher ECC-SM2-SM4-GCM-SM3 \
	-sign_key "$(key_uri sign)" -sign_cert sign.crt -enc_key "$(key_uri encrypt)" -enc_cert encrypt.crt
agreed "TLCP, both with tokens"
check "as the holder of the certificate" contains "Client certificate" out
client_conf=/dev/null
stop_server

check "a server for RFC 8998 starts with its key in the pool" start_server start_rfc8998
check "RFC 8998: a client connects" request -enable_sm_tls13_strict -tls1_3 -ciphersuites TLS_SM4_GCM_SM3 -groups SM2
check "RFC 8998: by TLS_SM4_GCM_SM3" contains "Cipher is TLS_SM4_GCM_SM3" out
check "RFC 8998: with an SM2 signature" contains "Peer signature type: SM2" out
agreed "RFC 8998"
client_conf=$work/openssl.cnf
check "RFC 8998: a client proves who it is with a token's key" request -enable_sm_tls13_strict -tls1_3 -ciphersuites TLS_SM4_GCM_SM3 -groups SM2 \
	-key "$(key_uri sign)" -cert sign.crt
agreed "RFC 8998, both with tokens"
check "as the holder of the certificate" contains "Client certificate" out
stop_server
check "hufu's log is clean" log_is_clean
check "the token's store is whole" hufu_core store verify "$URI" --pin-file user.pin
finish
