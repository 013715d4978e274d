#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: nginx, as the example has it, serves TLS with keys of a token through the provider: in each worker, which the master
# forked after it had loaded them, over reloads, a killed worker, and to a clean end.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need nginx pgrep
. "$(dirname "$0")/servers.sh"
prepare_servers
WORKERS=3

start() {
	from_example nginx.conf
	sed -i "1i daemon off;" "$work/nginx.conf"
	sed -i "s#^http {#http { client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi; uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi; ssl_session_cache off; ssl_session_tickets off;#" "$work/nginx.conf"
	$HUFU_WRAP nginx -e "$work/error.log" -p "$work" -c "$work/nginx.conf" >"$work/nginx.out" 2>&1 &
	server=$!
}
all_there() { is_equal "$(children | wc -l)" $WORKERS; }
# The kernel deals connections to workers by their ports: with 200 of them none is passed over.
asks_each() {
	local seen=
	for _ in $(seq 200); do
		seen=$(printf '%s\n' $seen "$(ask | sed -n 's/^worker //p')" | sort -nu)
		[ "$seen" = "$(children)" ] && { all_there; return; }
	done
	echo "answered: $seen; there are:" $(children)
	return 1
}

check "nginx starts" start_server start
check "with its workers" wait_for all_there
serves "by nginx"
check "each worker answers" asks_each
asks_at_once 16 "by nginx"

former=$(children)
check "it is told to reload" kill -HUP "$server"
check "other workers take over" wait_for replaced $former
check "each of which answers" asks_each
former=$(children)
mv "$work/rsa.key" "$work/rsa.away"
hufu_in key generate "$URI" --type rsa:2048 --label gone >/dev/null
openssl pkey -in "$URI;object=gone;type=private" -out "$work/rsa.key"
hufu_in key destroy "$URI;object=gone" --yes >/dev/null
check "it is told to reload with a key that is not there any more" kill -HUP "$server"
check "which it says" wait_for contains 'emerg.*rsa.key' "$work/error.log"
check "with our reason" contains 'emerg.*no object is what' "$work/error.log"
check "the workers stay" is_equal "$(children)" "$former"
check "and answer" asks_each
mv "$work/rsa.away" "$work/rsa.key"
check "it is told to reload with the right one" kill -HUP "$server"
check "other workers take over" wait_for replaced $former
victim=$(children | head -n 1)
check "a worker is killed" kill -9 "$victim"
check "another takes its place" wait_for replaced "$victim"
check "each worker answers" asks_each

former=$(children)
check "it is told to stop" kill -QUIT "$server"
check "it ends with 0" ends_with 0
for pid in $former; do check "and so did a worker" wait_for gone "$pid"; done
check "no worker died but the one that was killed" is_equal "$(grep -c 'exited on signal' "$work/error.log")" "$(grep -c "$victim exited on signal 9" "$work/error.log")"
check "hufu's log is clean" log_is_clean
check "the token's store is whole" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
