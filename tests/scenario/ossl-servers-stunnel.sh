#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: stunnel, as the example has it, serves TLS with a key of a token through the provider, a thread a connection, and forks a
# program for each; reloads, and ends cleanly.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need stunnel pgrep
. "$(dirname "$0")/servers.sh"
prepare_servers

# The backend, a process a connection: it reads the request to its end.
cat >"$work/worker" <<'END'
#!/bin/bash
while IFS= read -r line && [ "$line" != $'\r' ]; do :; done
echo worker stunnel
END
chmod +x "$work/worker"
start() {
	from_example stunnel.conf
	sed -i "s#^connect = .*#exec = $work/worker#" "$work/stunnel.conf"
	$HUFU_WRAP stunnel "$work/stunnel.conf" >"$work/stunnel.out" 2>&1 &
	server=$!
}
reloaded() { is_equal "$(grep -c 'Configuration successful' "$work/stunnel.out")" 2; }

check "stunnel starts" start_server start
serves "by stunnel" rsa
asks_at_once 16 "by stunnel"
check "it is told to reload" kill -HUP "$server"
check "which it does" wait_for reloaded
serves "after the reload" rsa
asks_at_once 16 "after the reload"
check "it is told to stop" kill -TERM "$server"
check "it ends with 0" ends_with 0
check "hufu's log is clean" log_is_clean
check "the token's store is whole" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
