#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: nginx's workers, forked after the master loaded the token's keys by the
# pkcs11 engine, serve TLS with them; reloads, a killed worker and the end leave
# neither a crash nor a worker without its key.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need nginx openssl pkcs11-tool pgrep ps timeout
if ! openssl engine pkcs11 >/dev/null 2>&1; then
	echo "1..0 # SKIP OpenSSL's pkcs11 engine is not installed (Debian: libengine-pkcs11-openssl)"
	exit 0
fi
init_token demo
export USER_PIN=$PIN
WORKERS=3

keygen() { pkcs11_tool --token-label demo --login --pin env:USER_PIN --keypairgen --key-type "$1" --label "$2" --id "$3" --usage-sign; }
# Certificates of an authority that is not on the token.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -subj /CN=authority -days 30 2>/dev/null
certify() {
	hufu key export-public "$URI;object=$1;type=public" --out "$work/$1.pub" &&
		openssl x509 -new -subj "/CN=$1" -force_pubkey "$work/$1.pub" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 30 -out "$work/$1.pem" \
			-extfile <(echo "subjectAltName=DNS:hufu.example.com")
}
check "an RSA key pair is generated" keygen rsa:2048 rsa 01
check "one on P-256" keygen EC:prime256v1 p256 02
check "the RSA key is certified" certify rsa
check "the P-256 key is certified" certify p256

# The engine and the PIN come from openssl.cnf. nginx empties its workers'
# environment, so what the module and the engine look for there is named.
(umask 077; cat >"$work/openssl.cnf") <<CONF
openssl_conf = start
[start]
engines = engines
[engines]
pkcs11 = token
[token]
engine_id = pkcs11
MODULE_PATH = $MODULE
PIN = $PIN
init = 1
CONF
write_nginx_conf() {
	local port=$1 rsa=$2
	cat >"$work/nginx.conf" <<CONF
$([ "$(id -u)" = 0 ] && echo "user root;")
daemon off;
worker_processes $WORKERS;
pid $work/nginx.pid;
error_log $work/error.log notice;
env OPENSSL_CONF;
env HUFU_CONF;
env HUFU_LOG;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path $work/body;
	proxy_temp_path $work/proxy;
	fastcgi_temp_path $work/fastcgi;
	uwsgi_temp_path $work/uwsgi;
	scgi_temp_path $work/scgi;
	server {
		listen 127.0.0.1:$port ssl reuseport;
		server_name hufu.example.com;
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_session_cache off;
		ssl_session_tickets off;
		ssl_certificate $work/rsa.pem;
		ssl_certificate_key "engine:pkcs11:$URI;object=$rsa;type=private";
		ssl_certificate $work/p256.pem;
		ssl_certificate_key "engine:pkcs11:$URI;object=p256;type=private?pin-source=file:$work/user.pin";
		location / { return 200 "worker \$pid\n"; }
	}
}
CONF
}
nginx_up_or_gone() { [ -s "$work/nginx.pid" ] || gone "$master"; }
# Somebody else may take the port before we do, so more than one is tried.
start_nginx() {
	for _ in 1 2 3 4 5; do
		port=$(free_port) && write_nginx_conf "$port" rsa || return 1
		OPENSSL_CONF=$work/openssl.cnf $HUFU_WRAP nginx -e "$work/error.log" -p "$work" -c "$work/nginx.conf" >"$work/nginx.out" 2>&1 &
		master=$!
		wait_for nginx_up_or_gone
		[ -s "$work/nginx.pid" ] && { pids="$pids $master"; return 0; }
	done
	cat "$work/nginx.out" "$work/error.log"
	return 1
}

# The workers in office, and those still finishing.
workers() { pgrep -P "$master" | sort -n; }
all_there() { is_equal "$(workers | wc -l)" $WORKERS; }
# As many as there should be, and none of those given.
replaced() { all_there >/dev/null && [ -z "$(comm -12 <(workers) <(printf '%s\n' "$@" | sort -n))" ]; }
ask() {
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 120 openssl s_client -connect "127.0.0.1:$port" -servername hufu.example.com -verify_hostname hufu.example.com \
		-CAfile "$work/ca.pem" -verify_return_error -quiet "$@" 2>&1
}
serves() {
	check "$1: nginx answers" ask "${@:2}"
	check "$1: by a worker" contains '^worker [0-9]' "$work/out"
}
# The kernel deals connections to workers by their ports: with 200 of them none is passed over.
asks_each() {
	local seen=
	for _ in $(seq 200); do
		seen=$(printf '%s\n' $seen "$(ask | sed -n 's/^worker //p')" | sort -nu)
		[ "$seen" = "$(workers)" ] && { all_there; return; }
	done
	echo "answered: $seen; there are:" $(workers)
	return 1
}
asks_at_once() {
	local clients= failures=0 pid i
	for i in $(seq 16); do
		ask >"$work/client-$i" &
		clients="$clients $!"
	done
	for pid in $clients; do wait "$pid" || failures=$((failures + 1)); done
	for i in $(seq 16); do grep -q '^worker' "$work/client-$i" || failures=$((failures + 1)); done
	is_equal $failures 0
}

check "nginx starts" start_nginx
[ -s "$work/nginx.pid" ] || { finish; exit 0; }
check "with its workers" wait_for all_there
serves "RSA, TLS 1.3" -tls1_3 -sigalgs rsa_pss_rsae_sha256
serves "RSA, TLS 1.2" -tls1_2 -sigalgs RSA+SHA256
serves "P-256, TLS 1.3" -tls1_3 -sigalgs ecdsa_secp256r1_sha256
serves "P-256, TLS 1.2" -tls1_2 -sigalgs ECDSA+SHA256
check "each worker answers" asks_each
check "sixteen clients at once are served" asks_at_once

former=$(workers)
check "it is told to reload" kill -HUP "$master"
check "other workers take over" wait_for replaced $former
check "each of which answers" asks_each
check "sixteen clients at once are served" asks_at_once

former=$(workers)
write_nginx_conf "$port" none
check "it is told to reload with a key that is not there" kill -HUP "$master"
check "which it says" wait_for contains 'emerg.*engine:pkcs11' "$work/error.log"
check "the workers stay" is_equal "$(workers)" "$former"
check "and answer" asks_each
write_nginx_conf "$port" rsa
check "it is told to reload with the right one" kill -HUP "$master"
check "other workers take over" wait_for replaced $former
check "each of which answers" asks_each

victim=$(workers | head -n 1)
check "a worker is killed" kill -9 "$victim"
check "another takes its place" wait_for replaced "$victim"
check "each worker answers" asks_each
check "sixteen clients at once are served" asks_at_once

former=$(workers)
check "it is told to stop" kill -QUIT "$master"
ended() { wait "$master"; is_equal $? 0; }
check "it ends with 0" ended
for pid in $former; do check "and so did a worker" wait_for gone "$pid"; done
check "no worker died but the one that was killed" is_equal "$(grep -c 'exited on signal' "$work/error.log")" "$(grep -c "$victim exited on signal 9" "$work/error.log")"
check "nothing critical was logged but the key that was not there" absent -E '\[(alert|crit)\]' <(grep -v "$victim exited on signal 9" "$work/error.log")
check "the token's store is whole" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
