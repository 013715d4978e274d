#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: curl, as the example has it, proves who it is with a key of a token through the provider, RSA and P-256, in TLS 1.2 and 1.3,
# to a server whose own key is in a token, too; and says so when the key is not there.
. "$(dirname "$0")/lib.sh"
need curl
. "$(dirname "$0")/servers.sh"
prepare_servers

start() {
	openssl s_server -accept "127.0.0.1:$port" -key "$URI;object=rsa;type=private" -cert "$work/rsa.crt" -Verify 1 -verify_return_error \
		-CAfile "$work/ca.pem" -www >"$work/server.out" 2>&1 &
	server=$!
}
# curl with the client's files: those of the pair.
curl_as() {
	local pair=$1; shift
	sed "s#/etc/hufu/gateway/client#$work/$pair#g" "$top_srcdir/examples/gateway/curl.sh" >"$work/curl.sh"
	sh "$work/curl.sh" -sS --max-time 60 --cacert "$work/ca.pem" --resolve "$SERVER_NAME:$port:127.0.0.1" "$@" "https://$SERVER_NAME:$port/"
}

check "a server with a token's key starts" start_server start
check "curl is let in with the RSA key, TLS 1.3" curl_as rsa --tlsv1.3
check "as the holder of the certificate" contains "CN *= *$SERVER_NAME" "$work/out"
check "and with TLS 1.2" curl_as rsa --tlsv1.2 --tls-max 1.2
check "with the P-256 key, TLS 1.3" curl_as p256 --tlsv1.3
check "and with TLS 1.2" curl_as p256 --tlsv1.2 --tls-max 1.2
check_not "it is not let in without a certificate" curl -sS --max-time 60 --cacert "$work/ca.pem" --resolve "$SERVER_NAME:$port:127.0.0.1" "https://$SERVER_NAME:$port/"
check "a key is destroyed" hufu_in key destroy "$URI;object=p256" --yes
check_not "whoever still has its file is told" curl_as p256
check "that the key cannot be had" contains "unable to set private key file" "$work/out"
check "the server is told to stop" kill "$server"
wait "$server"
check "hufu's log is clean" log_is_clean
finish
