# SPDX-License-Identifier: Apache-2.0
# Sourced behind lib.sh by scenarios with a cipher machine: one machine, one client, a token that lives on the machine.
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
need curl openssl

dir=$work/domain
machine_conf=$dir/machine1.conf
# Not under the client's name for its log: each process has its own.
machine_log=$work/hufud.log

# A machine with these sections (stdin), and the client "app" that it knows by the section $1 (without its name), or as
# hufu machine client writes it.
make_machine() {
	machine_port=$(free_port) && http_port=$(free_port) && [ "$machine_port" != "$http_port" ] || return 1
	"$HUFU" machine init "$dir" --host 127.0.0.1 --port "$machine_port" || return 1
	sed -i "s/^machine {/&\n\thttp = \"127.0.0.1:$http_port\"/" "$machine_conf"
	{ echo "log { to = \"file:$machine_log\" level = info }"; cat; } >>"$machine_conf"
	url=http://127.0.0.1:$http_port
	if [ $# -gt 0 ]; then
		"$HUFU" machine client "$dir" app --machine "machine1=127.0.0.1:$machine_port" &&
			echo "identity \"app\" { subject = \"CN=app\" tokens = { \"main\" } $1 }" >>"$machine_conf"
	else
		"$HUFU" machine client "$dir" app --machine "machine1=127.0.0.1:$machine_port" --grant "$machine_conf"
	fi || return 1
	{ cat "$dir/app.conf"; echo "log { to = \"file:$work/hufu.log\" level = info }"; } >"$HUFU_CONF"
	sed -i 's/^token "main" {/&\n\tdeadline_ms = 3000\n\tgenerate_deadline_ms = 3000/' "$HUFU_CONF"
	chmod 600 "$HUFU_CONF"
}
start_machine() {
	HUFU_LOG= "$HUFUD" -c "$machine_conf" >"$work/hufud.out" 2>&1 &
	machine_pid=$!
	pids="$pids $machine_pid"
	wait_for curl -sf "$url/readyz"
}
stop_machine() {
	kill "$machine_pid" && wait_for gone "$machine_pid" && wait "$machine_pid"
}
# As init_token of lib.sh, on the machine.
init_machine_token() {
	SO_PIN=so-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
	PIN=user-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
	(umask 077; printf %s "$SO_PIN" >"$work/so.pin"; printf %s "$PIN" >"$work/user.pin")
	URI="pkcs11:token=main"
	hufu token init --label main --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
}
sign_with() { hufu sign "$URI;object=$1;type=private" "$work/document" --pin-file "$work/user.pin" --out "$work/signature"; }
metric() { curl -sf "$url/metrics" | sed -n "s/^$1 //p"; }
