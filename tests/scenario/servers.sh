# SPDX-License-Identifier: Apache-2.0
# Sourced by ossl-servers-*.sh after lib.sh: a token with an RSA and a P-256 pair over two devices, certificates of an authority
# that is not on it, an openssl.cnf with the provider, and clients that know the authority and nothing of hufu.
#
#	prepare_servers                # the above, in $work
#	from_example nginx.conf        # $work/nginx.conf: the example, with our paths and $port
#	serves "after it"              # both keys, both protocols
#	asks_at_once 16 "after it"
need openssl timeout ps
PROVIDER=$top_builddir/.libs/hufu.so
[ -r "$PROVIDER" ] || { echo "1..0 # SKIP the provider is not built"; exit 0; }
export OPENSSL_MODULES=$top_builddir/.libs OPENSSL_CONF=$work/openssl.cnf
SERVER_NAME=gateway.example.com

certify() {
	openssl req -new -key "$URI;object=$1;type=private" -subj "/CN=$SERVER_NAME" -out "$work/$1.csr" &&
		openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 30 -out "$work/$1.crt" \
			-extfile <(echo "subjectAltName=DNS:$SERVER_NAME") &&
		openssl pkey -in "$URI;object=$1;type=private" -out "$work/$1.key" &&
		cat "$work/$1.crt" "$work/$1.key" >"$work/$1.pem"
}
holds_no_key() { ! grep -l -e 'BEGIN .*PRIVATE KEY' "$work"/rsa.* "$work"/p256.*; }
two_devices() {
	sed -i 's/devices = { "soft" }/devices = { "soft1", "soft2" }/; /^device "soft"/d' "$HUFU_CONF"
	for device in soft1 soft2; do echo "device \"$device\" { driver = soft domain = soft }" >>"$HUFU_CONF"; done
}
# The example, with our places; the section [req] is what openssl req wants of any openssl.cnf.
write_openssl_conf() {
	sed "s#/etc/hufu/gateway.pin#$work/user.pin#" "$top_srcdir/examples/gateway/openssl.cnf" >"$OPENSSL_CONF"
	printf '[req]\ndistinguished_name = dn\n[dn]\n' >>"$OPENSSL_CONF"
}
prepare_servers() {
	init_token gateway
	two_devices
	write_openssl_conf
	OPENSSL_CONF=/dev/null openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -subj /CN=authority -days 30 \
		-config "$work/openssl.cnf" 2>/dev/null
	check "an RSA pair is made" hufu_in key generate "$URI" --type rsa:2048 --label rsa
	check "one on P-256" hufu_in key generate "$URI" --type ec:P-256 --label p256
	check "the RSA key is certified, and has a file with its URI" certify rsa
	check "the P-256 key, too" certify p256
	check "no file has a private key" holds_no_key
}
# An example with the places and the user of this scenario.
from_example() {
	sed -e "s#/etc/hufu/gateway/#$work/#g" -e "s#127.0.0.1:8443#127.0.0.1:$port#g" -e "s#/run/hufu-#$work/#" \
		-e "s#/var/log/[a-z0-9]*/hufu-#$work/#" -e "s#^DefaultRuntimeDir /run#DefaultRuntimeDir $work#" \
		-e "s#^\\(user\\|\\tuser\\|\\tgroup\\|set[ug]id =\\) hufu#\\1 $([ "$(id -u)" = 0 ] && echo root || id -un)#" \
		-e '/^User /d; /^Group /d' "$top_srcdir/examples/gateway/$1" >"$work/$1"
}

ask() {
	printf 'GET / HTTP/1.0\r\nHost: %s\r\n\r\n' "$SERVER_NAME" | OPENSSL_CONF=/dev/null timeout 120 openssl s_client -connect "127.0.0.1:$port" \
		-servername "$SERVER_NAME" -verify_hostname "$SERVER_NAME" -CAfile "$work/ca.pem" -verify_return_error -quiet "$@" 2>&1
}
asked() { ask "$@" | tee "$work/answer" && grep -q '^worker' "$work/answer"; }
serves() {
	check "RSA, TLS 1.3 $1" asked -tls1_3 -sigalgs rsa_pss_rsae_sha256:RSA+SHA256 # by the latter HAProxy knows that we take RSA
	check "RSA, TLS 1.2 $1" asked -tls1_2 -sigalgs RSA+SHA256
	[ "${2:-}" = rsa ] && return
	check "P-256, TLS 1.3 $1" asked -tls1_3 -sigalgs ecdsa_secp256r1_sha256
	check "P-256, TLS 1.2 $1" asked -tls1_2 -sigalgs ECDSA+SHA256
}
ask_in_parallel() {
	local clients= failures=0 pid i
	for i in $(seq "$1"); do
		ask >"$work/client-$i" &
		clients="$clients $!"
	done
	for pid in $clients; do wait "$pid" || failures=$((failures + 1)); done
	for i in $(seq "$1"); do grep -q '^worker' "$work/client-$i" || { cat "$work/client-$i"; failures=$((failures + 1)); }; done
	is_equal $failures 0
}
asks_at_once() { check "$1 clients at once are served $2" ask_in_parallel "$1"; }
# Somebody else may take the port before the server does, so more than one is tried: start is called with $port set, sets $server,
# its process, and listens sooner or later, or ends.
start_server() {
	for _ in 1 2 3 4 5; do
		port=$(free_port) || return 1
		"$1"
		wait_for up_or_gone
		gone "$server" || { pids="$pids $server"; return 0; }
	done
	return 1
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
up_or_gone() { listens || gone "$server"; }
ends_with() { wait "$server"; is_equal $? "$1"; }
# Children of the server, at work or finishing.
children() { pgrep -P "$server" | sort -n; }
# Whoever served before is gone, and others are there.
replaced() { [ -n "$(children)" ] && [ -z "$(comm -12 <(children) <(printf '%s\n' "$@" | sort -n))" ]; }
log_is_clean() { ! grep -iE 'error|ALARM|segv|assert' "$work/hufu.log"; }
