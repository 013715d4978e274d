#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: whatever is wrong with the configuration or a store is refused with a
# message that says what, where and what to do; the tool's check and the
# module's log say the same.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool
conf() { cat >"$HUFU_CONF"; chmod 600 "$HUFU_CONF"; }
# refused CLAIM WORDS: both sides refuse, and say WORDS.
refused() {
	: >"$work/hufu.log"
	check_not "$1: hufu config check" hufu_check
	check "$1: and says so" contains "$2" "$work/out"
	check_not "$1: the module" pkcs11_tool --list-slots
	check "$1: and logs it" contains "$2" "$work/hufu.log"
}
hufu_check() { hufu_core config check; }

write_conf demo
check "a good configuration passes" hufu_check
printf 'colour = "red"\n' | conf
refused "an unknown key" 'colour'
printf 'token "demo" { store = "sqlite:demo.db" }\n' | conf
refused "a store whose path is not absolute" 'sqlite:/path'
printf 'token "demo" { store = "sqlite:%s/x.db" devices = { "nowhere" } }\n' "$work" | conf
refused "a device that is not there" 'nowhere'
printf 'token "demo" { store = "sqlite:%s/x.db" pin_min = 100000 }\n' "$work" | conf
refused "a value out of range" 'pin_min'
printf 'log { level = "loud" }\n' | conf
refused "a bad word" 'loud'
printf 'token "demo" {\n store = \n' | conf
refused "a broken line" 'hufu.conf:'
write_conf demo; chmod 666 "$HUFU_CONF"
refused "a file that others may write" 'may be written by others'
chmod 600 "$HUFU_CONF"
export HUFU_CONF=$work/none.conf
refused "a file that is not there" 'none.conf'
export HUFU_CONF=relative.conf
refused "a path that is not absolute" 'absolute'
export HUFU_CONF=$work/hufu.conf

init_token demo
printf 'this is not a database, it only looks like a file of some size %0600d' 0 >"$work/demo.db"; rm -f "$work"/demo.db-*
: >"$work/hufu.log"
check_not "a store that is no database is refused" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
check "and the log names it" contains demo.db "$work/hufu.log"
rm -f "$work"/demo.db*; init_token demo
hufu_in key generate "$URI" --type sm4 --label k >/dev/null
if command -v sqlite3 >/dev/null; then
	sqlite3 "$work/demo.db" 'PRAGMA user_version = 99;' >/dev/null
	: >"$work/hufu.log"
	check_not "a store of a newer version is refused" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
	check "and the log says newer" contains newer "$work/hufu.log"
	check "and it is left alone" is_equal "$(sqlite3 "$work/demo.db" 'PRAGMA user_version;')" 99
else
	skip "a store of a newer version" "sqlite3 is not installed"
fi
rm -f "$work"/demo.db*; init_token demo
if [ "$(id -u)" != 0 ]; then
	chmod 000 "$work/demo.db"
	check_not "a store that cannot be read is refused" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
	check "and the log names it" contains demo.db "$work/hufu.log"
	chmod 600 "$work/demo.db"
else
	skip "a store that cannot be read" "root can read everything"
fi
chmod 644 "$work/host.key"
check_not "a host secret that others can read is refused" pkcs11_tool --token-label demo --login --pin "$PIN" --list-objects
check "and the log names it" contains host.key "$work/hufu.log"
finish
