#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a gateway whose keys are in a pool of two cipher machines makes every handshake while one machine after the other is killed
# and started again, and says why it makes none when both are gone, to go on once one is back; hufu gateway check tells beforehand what
# a server would find; and programs end well in whatever order they let go of keys, provider and libcrypto.
. "$(dirname "$0")/lib.sh"
need jq
. "$(dirname "$0")/servers.sh"
HUFUD=${HUFUD:-$top_builddir/hufud}
SERVER=$top_builddir/examples/gateway/server
CLIENTS=$top_builddir/tests/scenario/tls_clients
ORDERS=$top_builddir/tests/scenario/exit_orders
export XDG_RUNTIME_DIR=$work/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
cd "$work" || exit 99

prepare_servers
key_uri() { echo "$URI;object=$1;type=private"; }

# -- the tool -------------------------------------------------------------------------------------
gateway_check() { hufu gateway check "$@"; }
report() { hufu gateway check -o json "$@" >report.json; }
said() { jq -e "$@" report.json; }

check "the check finds the keys and their certificates" gateway_check "$(key_uri rsa)" "$(key_uri p256)" --cert rsa.crt --cert p256.crt
for suite in 'TLS 1.3 *TLS_AES_256_GCM_SHA384 .*object=rsa' 'TLS 1.2 *ECDHE-RSA-AES256-GCM-SHA384' 'TLS 1.2 *ECDHE-ECDSA-AES256-GCM-SHA384'; do
	check "and shows $suite" contains "$suite" out
done
check "it says the same to programs" report rsa.key --cert rsa.crt
check "each handshake" said '.handshakes | length == 2 and all(.done and .time_ns > 0)'
check "and the device that served" said '.handshakes[0].device | test("^soft[12]")'
check_status 2 "a key that has no certificate: 2" gateway_check "$(key_uri rsa)"
check "is told" contains "there is no certificate for" out
check_status 6 "a key and another's certificate: 6" gateway_check "$(key_uri rsa)" --cert p256.crt
check "are told" contains "do not belong together" out
check_status 2 "a key that is not there: 2" gateway_check "$(key_uri none)" --cert rsa.crt
check "is told" contains "no object is what" out
check_status 5 "one that is and one that is not: 5" gateway_check "$(key_uri rsa)" "$(key_uri none)" --cert rsa.crt
check_status 2 "tokens without certificates: 2" gateway_check
check "a certificate comes into the token" hufu cert import "$URI" rsa.crt --pin-file user.pin
check "then the check needs no names" gateway_check --days 40
check "and says what expires" contains "expires in" out
check_status 1 "a bad URI: 1" gateway_check "pkcs11:token=%zz" --cert rsa.crt
check "an SM2 pair is made" hufu_in key generate "$URI" --type sm2 --label sm2
check "with a certificate" hufu cert self-signed "$(key_uri sm2)" --subject /CN=gateway --out sm2.crt --pin-file user.pin
if grep -q 'define HAVE_NTLS' "$top_builddir/config.h"; then
	check "SM2 has a place in this library" gateway_check "$(key_uri sm2)" --cert sm2.crt
else
	check_status 4 "SM2 has no place in this library: 4" gateway_check "$(key_uri sm2)" --cert sm2.crt
	check "which says which has" contains "Tongsuo" out
fi

sed '/^default = /d' openssl.cnf >only.cnf
check_status 4 "an openssl.cnf without the default provider: 4" gateway_check --config only.cnf "$(key_uri rsa)" --cert rsa.crt
check "is told" contains "without the default provider" out
sed 's/^default = .*//; s/^hufu = .*/&\ndefault = default_provider/' openssl.cnf >turned.cnf
check "one with hufu before it" gateway_check --config turned.cnf "$(key_uri rsa)" --cert rsa.crt
check "too" contains "hufu before the default provider" out
check_status 4 "one without hufu: 4" gateway_check --config /dev/null "$(key_uri rsa)" --cert rsa.crt
check "the provider's directory will do, with the PIN" gateway_check --config /dev/null --provider-path "$OPENSSL_MODULES" --pin-file user.pin \
	"$(key_uri rsa)" --cert rsa.crt
check "but not for a server, which is told" contains "the PIN was asked for here" out
check_status 3 "without the PIN: 3" gateway_check --config /dev/null --provider-path "$OPENSSL_MODULES" "$(key_uri rsa)" --cert rsa.crt </dev/null
check_status 2 "an openssl.cnf that is not there: 2" gateway_check --config none.cnf

# -- ends -----------------------------------------------------------------------------------------
key_and_pin="$(key_uri p256)?pin-source=file:$work/user.pin"
for order in key-after-unload nothing-freed explicit-cleanup cleanup-with-key freed-at-exit several-contexts again-and-again \
	module-beside module-outlives module-alone children; do
	check "a program ends well: $order" timeout 120 $HUFU_WRAP "$ORDERS" $order "$key_and_pin" "$MODULE"
done
# Where everything goes to hufu by openssl.cnf, its own libcrypto does not.
sed 's/^providers = providers$/&\nalg_section = algorithms/' openssl.cnf >all.cnf
printf '[algorithms]\ndefault_properties = provider=hufu\n' >>all.cnf
for order in module-alone module-beside children; do
	check "the same with default_properties for hufu: $order" env OPENSSL_CONF="$work/all.cnf" timeout 120 $HUFU_WRAP "$ORDERS" $order "$key_and_pin" "$MODULE"
done

# -- 64 connections at once, a machine killed ---------------------------------------------------------
[ -x "$HUFUD" ] || { skip "machines are killed while a gateway works" "hufud is not built"; finish; exit 0; }
head -c 32 /dev/urandom >master.key
machine() {
	cat >"$1.conf" <<-END
	log { to = "file:$work/$1.log" level = notice }
	machine { name = $1 listen = "unix:$work/$1" master = "file:$work/master.key" }
	device soft { driver = soft }
	token bank { devices = { soft } }
	identity me { user = $(id -u) tokens = bank roles = devices }
	END
	chmod 600 "$1.conf"
	rm -f "$1"
	HUFU_LOG= "$HUFUD" -c "$work/$1.conf" >"$1.out" 2>&1 &
	eval "$1=$!"
	pids="$pids $!"
	wait_for exists "$work/$1"
}
kill_it() { kill -KILL "$1" && wait "$1"; [ $? -eq 137 ]; }
chmod 600 master.key
machine north; machine south
two_devices() {
	sed -i -e 's/devices = { "soft" }/devices = { "north", "south" }/' -e '/^device "soft"/d' "$HUFU_CONF"
	for m in north south; do echo "device \"$m\" { driver = net domain = machines address = \"unix:$work/$m\" }" >>"$HUFU_CONF"; done
}
rm -f gateway.db*
: >hufu.log
write_conf gateway
two_devices
hufu token init --label gateway --so-pin-file so.pin --new-pin-file user.pin >out 2>&1 || { cat out; echo "Bail out! no token on the machines"; exit 99; }
for pair in rsa:2048 ec:P-256; do
	check "a pair of $pair is made by the machines" hufu_in key generate "$URI" --type $pair --label "$(case $pair in rsa*) echo rsa ;; *) echo p256 ;; esac)"
done
check "and certified" certify rsa
check "both" certify p256

start_example() {
	"$SERVER" "$port" rsa.crt "$(key_uri rsa)" p256.crt "$(key_uri p256)" >server.out 2>server.err &
	server=$!
}
served() { [ "$(grep -c . clients.out)" -gt "$1" ] || gone "$clients"; }
more_served() { wait_for served $(($(grep -c . clients.out) + ${1:-4})); }
begin_clients() {
	OPENSSL_CONF=/dev/null "$CLIENTS" "$port" ca.pem "$SERVER_NAME" 64 >clients.out 2>clients.err &
	clients=$!
	pids="$pids $clients"
}
is_back() { case $(grep "device $1: .* -> " hufu.log | tail -n 1) in *"-> slow start"* | *"-> up"*) ;; *) return 1 ;; esac; }
end_clients() { kill "$clients"; wait "$clients"; local status=$?; cat clients.out clients.err | tail -n 5; return $status; }
machines_killed_under() {
	begin_clients
	check "$1: 64 clients are served at once" more_served
	check "$1: a machine is killed" kill_it "$north"
	check "$1: they are served on" more_served 8
	machine north
	check "$1: it is back" wait_for is_back north
	check "$1: the other is killed" kill_it "$south"
	check "$1: they are served on" more_served 8
	machine south
	check "$1: it is back, too" wait_for is_back south
	check "$1: no handshake failed" end_clients
	check "$1: of $(tail -n 1 clients.out)" absent "failed [1-9]" clients.out
}

check "a server with one thread starts" start_server start_example
machines_killed_under "one thread"

begin_clients
check "64 clients again" more_served
kill -STOP "$north" "$south"
sleep 0.3
check "both machines are killed, amid handshakes" kill_it "$north"
check "both" kill_it "$south"
lost() { grep -q 'failed\|alert' clients.err; }
check "then handshakes fail" wait_for lost
check_not "which the clients say" end_clients
check "and the server says why, in our words" contains -E 'hufu:.*no device|device|CKR_DEVICE' server.err
check_not "another handshake fails, too" ask
machine north
check "until a machine is there again" wait_for asked
check "the same server serves on" asked -tls1_2
check "and ends" kill "$server"
check "with 0" ends_with 0
check "having had many handshakes in flight" contains 'at most [1-9][0-9]* in jobs' server.out
diag "$(cat server.out)"
finish
