#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: keys on the token sign for programs that reach them by way of p11-kit:
# through its proxy, through its server (eight clients at once), and through a
# module in another process that speaks p11-kit's protocol. Who loses the server
# gets an error, and does not wait for ever.
#
# p11-kit reads module files from the user's own folder; root's it passes over,
# so root puts one over the system's folder, in a namespace of its own.
if [ "$(id -u)" = 0 ] && [ -z "${HUFU_IN_NAMESPACE:-}" ] && unshare -m true 2>/dev/null; then
	HUFU_IN_NAMESPACE=1 exec unshare -m "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
need p11-kit pkcs11-tool p11tool openssl
init_token demo
export HOME=$work/home
unset XDG_CONFIG_HOME P11_KIT_SERVER_ADDRESS
modules=$HOME/.config/pkcs11/modules
mkdir -p "$modules"
if [ "$(id -u)" = 0 ]; then
	[ -n "${HUFU_IN_NAMESPACE:-}" ] && mount -t tmpfs tmpfs /usr/share/p11-kit/modules && modules=/usr/share/p11-kit/modules || modules=
fi

shared() { # NAME: a library or program of p11-kit's
	local dir
	for dir in /usr/lib/*/pkcs11 /usr/lib/* /usr/lib64/pkcs11 /usr/lib64 /usr/lib/pkcs11 /usr/lib /usr/libexec/p11-kit; do
		[ -e "$dir/$1" ] && { echo "$dir/$1"; return; }
	done
}
client=$(shared p11-kit-client.so) proxy=$(shared p11-kit-proxy.so) server=$(shared p11-kit-server) far=$(shared p11-kit-remote)
if [ -z "$client" ] || [ -z "$proxy" ] || [ -z "$server" ] || [ -z "$far" ]; then
	echo "1..0 # SKIP p11-kit's client, proxy, server and remote are not installed (Debian: p11-kit, p11-kit-modules)"
	exit 0
fi

# Signing, each signature held against openssl.

login="--token-label demo --login --pin $PIN"
via() { local module=$1; shift; timeout 300 pkcs11-tool --module "$module" $login "$@"; }
here() { timeout 300 $HUFU_WRAP pkcs11-tool --module "$@"; }
make_pair() { pkcs11_tool $login --keypairgen --key-type "$2" --usage-sign --label "$1" --id "$3"; }
export_public() { p11tool_ --export --outfile "$work/$1.pem" "$URI;id=%$2;type=public"; }
check "an RSA pair is made on the token" make_pair rsa rsa:2048 01
check "an ECDSA pair too" make_pair ecdsa EC:prime256v1 02
check "the RSA key's public half is read" export_public rsa 01
check "the ECDSA key's public half is read" export_public ecdsa 02
head -c 4096 /dev/urandom >"$work/data"
openssl dgst -sha256 -binary -out "$work/digest" "$work/data"

verify() { openssl dgst -sha256 -verify "$work/$1.pem" "${@:3}" -signature "$2" "$work/data"; }
rsa_signature() { via "$1" --sign -m SHA256-RSA-PKCS --id 01 -i "$work/data" -o "$2" && verify rsa "$2"; }
ecdsa_signature() { via "$1" --sign -m ECDSA --signature-format openssl --id 02 -i "$work/digest" -o "$2" && verify ecdsa "$2"; }
pss_signature() {
	via "$1" --sign -m RSA-PKCS-PSS --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 32 --id 01 -i "$work/digest" -o "$2" &&
		verify rsa "$2" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
}
signs() { # WAY MODULE
	check "$1: lists the keys" via "$2" --list-objects
	check "$1: shows both pairs" is_equal "$(grep -cE 'label: +(rsa|ecdsa)$' "$work/out")" 4
	check "$1: signs with RSA" rsa_signature "$2" "$work/$1.rsa"
	check "$1: signs with RSA-PSS, whose parameters it carries" pss_signature "$2" "$work/$1.pss"
	check "$1: signs with ECDSA" ecdsa_signature "$2" "$work/$1.ecdsa"
	check_not "$1: refuses a wrong PIN" timeout 300 pkcs11-tool --module "$2" --token-label demo --login --pin wrong-pin-000 --list-objects
	check "$1: with CKR_PIN_INCORRECT" contains CKR_PIN_INCORRECT "$work/out"
}

# The proxy: hufu among what p11-kit loads into the client.

if [ -z "$modules" ]; then
	skip "the proxy" "root may not make a mount namespace here"
else
	echo "module: $MODULE" >"$modules/hufu.module"
	signs proxy "$proxy"
	check "the proxy under the module's own process" here "$proxy" $login --list-objects

	# Remote: the same place in p11-kit, hufu in a child that it starts.
	cat >"$work/far" <<SCRIPT
#!/bin/sh
echo \$\$ >>"$work/far.pids"
exec $HUFU_WRAP "$far" "$MODULE"
SCRIPT
	chmod 700 "$work/far"
	echo "remote: |$work/far" >"$modules/hufu.module"
	signs remote "$proxy"
	check "in processes of its own" test -s "$work/far.pids"
	left=0
	while read -r pid; do wait_for gone "$pid" >/dev/null || { left=$((left + 1)); kill "$pid"; }; done <"$work/far.pids"
	check "which end with the clients that started them" is_equal "$left" 0
	rm "$modules/hufu.module"
fi

# The server: its clients hold no PIN file, no store and no module.

serve() {
	rm -f "$work/p11.sock"
	$HUFU_WRAP "$server" --provider "$MODULE" --name "$work/p11.sock" --foreground "pkcs11:" >"$work/server.out" 2>&1 &
	server_pid=$!; pids="$pids $server_pid"
	wait_for test -S "$work/p11.sock" || { cat "$work/server.out"; return 1; }
}
export P11_KIT_SERVER_ADDRESS=unix:path=$work/p11.sock
check "the server starts" serve
signs server "$client"

rounds=$((4 * ${HUFU_SOAK:-1}))
workers=
for i in 1 2 3 4 5 6 7 8; do
	[ $((i % 2)) = 0 ] && sign=rsa_signature || sign=ecdsa_signature
	(for r in $(seq $rounds); do $sign "$client" "$work/client-$i.sig" || exit 1; done) >"$work/client-$i.out" 2>&1 &
	workers="$workers $!"
done
failures=0
for pid in $workers; do wait "$pid" || failures=$((failures + 1)); done
[ $failures -eq 0 ] || cat "$work"/client-?.out >"$work/last"
check "eight clients sign at once, half with RSA, half with ECDSA, and openssl verifies every signature" is_equal "$failures" 0

# Killed while clients use it: each of them ends, by itself and with an error.
workers=
for i in 1 2 3 4 5 6 7 8; do
	(signed=0
	 while rsa_signature "$client" "$work/client-$i.sig"; do signed=$((signed + 1)); : >"$work/busy-$i"; done
	 via "$client" --list-objects; [ $? -ne 124 ]) >"$work/client-$i.out" 2>&1 &
	workers="$workers $!"
done
all_busy() { [ "$(ls "$work"/busy-? | wc -l)" = 8 ]; }
check "eight clients are at work" wait_for all_busy
kill -KILL "$server_pid"; wait "$server_pid" 2>/dev/null; pids=${pids% "$server_pid"}
failures=0
for pid in $workers; do wait "$pid" || failures=$((failures + 1)); done
check "the server is killed and no client waits for it" is_equal "$failures" 0
check_not "a client that comes later gets an error" rsa_signature "$client" "$work/late.sig"

check "another server takes its place" serve
check "and the keys sign again" rsa_signature "$client" "$work/again.sig"
check "both of them" ecdsa_signature "$client" "$work/again.sig"
kill "$server_pid"
check "it ends when told to" wait_for gone "$server_pid"
finish
