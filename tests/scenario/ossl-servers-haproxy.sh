#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: HAProxy, as the example has it, serves TLS with keys of a token through the provider, from threads of a worker that its
# master forked; over a reload, in which the master executes itself anew, and to a clean end.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need haproxy pgrep
. "$(dirname "$0")/servers.sh"
prepare_servers

start() {
	from_example haproxy.cfg
	$HUFU_WRAP haproxy -W -db -f "$work/haproxy.cfg" >"$work/haproxy.out" 2>&1 &
	server=$!
}

check "HAProxy starts" start_server start
serves "by HAProxy"
asks_at_once 16 "by HAProxy"
former=$(children)
check "it is told to reload" kill -USR2 "$server"
check "another worker takes over" wait_for replaced $former
serves "after the reload"
asks_at_once 16 "after the reload"
former=$(children)
check "it is told to stop" kill -USR1 "$server"
check "it ends with 0" ends_with 0
for pid in $former; do check "and so did its worker" wait_for gone "$pid"; done
check "no worker died" absent -E 'signal|Segmentation|exited with code [1-9]' "$work/haproxy.out"
check "hufu's log is clean" log_is_clean
check "the token's store is whole" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
