#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: without any configuration, a user gets a token of his own: nothing is
# made by looking, all of it by initialising, in a home that has nothing yet.
. "$(dirname "$0")/lib.sh"
unset HUFU_CONF HUFU_LOG XDG_DATA_HOME
if [ -e "$(sed -n 's/^sysconfdir = //p' "$top_builddir/Makefile" | sed "s|\${prefix}|$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")|")/hufu/hufu.conf" ]; then
	echo "1..0 # SKIP this machine has a hufu.conf"; exit 0
fi
export HOME=$work/home
mkdir "$HOME"
(umask 077; printf so-pin-1234 >"$work/so.pin"; printf 123456 >"$work/user.pin")
check "status" hufu status
check "makes nothing" is_equal "$(ls -A "$HOME")" ""
check "token init" hufu token init --label mine --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
check "makes the token's file" test -f "$HOME/.local/share/hufu/token-1.db"
check "that nobody else can read" is_equal "$(stat -c %a "$HOME/.local/share/hufu/token-1.db")" 600
check "and the host secret" is_equal "$(stat -c %a,%s "$HOME/.local/share/hufu/host.key")" 600,32
check "a key is made" hufu_in key generate mine --type sm4 --label first
check "and found again" hufu_in key list mine
check "by its label" contains first "$work/out"
check "a second token goes on the spare slot" hufu token init --label second --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
check "and does not disturb the first" hufu_in key list mine
check "still with its key" contains first "$work/out"
finish
