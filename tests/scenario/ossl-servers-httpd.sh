#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: Apache httpd, as the example has it, serves TLS with keys of a token through the provider, from threads of children; over a
# graceful restart, in which it unloads its modules and loads them again, and to a clean end.
PATH=$PATH:/usr/sbin:/sbin
# It refuses to let its children be root, and those need the token: so all of this is somebody else's.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	if setpriv --reuid=nobody --regid=nogroup --clear-groups test -r "${top_builddir:-.}/.libs/hufu.so" -a -x "${top_builddir:-.}/hufu"; then
		exec setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent "$0" "$@"
	fi
	echo "1..0 # SKIP nobody but root can read the build tree"
	exit 0
fi
. "$(dirname "$0")/lib.sh"
need apache2 pgrep
. "$(dirname "$0")/servers.sh"
prepare_servers

start() {
	from_example httpd.conf
	$HUFU_WRAP apache2 -f "$work/httpd.conf" -DFOREGROUND >"$work/httpd.out" 2>&1 &
	server=$!
}

check "httpd starts" start_server start
serves "by httpd"
asks_at_once 16 "by httpd"
former=$(children)
check "it is told to restart gracefully" kill -USR1 "$server"
check "other children take over" wait_for replaced $former
serves "after the restart"
asks_at_once 16 "after the restart"
former=$(children)
check "it is told to stop" kill -TERM "$server"
check "it ends with 0" ends_with 0
for pid in $former; do check "and so did a child" wait_for gone "$pid"; done
check "no child died" absent -E 'exit signal|AH00052' "$work/error.log"
check "hufu's log is clean" log_is_clean
check "the token's store is whole" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
