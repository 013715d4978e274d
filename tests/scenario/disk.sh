#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: on a full or read-only disk nothing acknowledged is lost, the error is
# CKR_DEVICE_MEMORY or CKR_TOKEN_WRITE_PROTECTED, and the log says what to do.
# Runs itself again in a mount namespace of its own.
if [ -z "${HUFU_IN_NAMESPACE:-}" ]; then
	command -v unshare >/dev/null || { echo "1..0 # SKIP unshare is not installed"; exit 0; }
	unshare -rm true 2>/dev/null || { echo "1..0 # SKIP this user may not make a mount namespace"; exit 0; }
	HUFU_IN_NAMESPACE=1 exec unshare -rm "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
need pkcs11-tool
mkdir "$work/disk"
mount -t tmpfs -o size=800k,mode=700 tmpfs "$work/disk" || { echo "1..0 # SKIP no tmpfs here"; exit 0; }

head -c 400k /dev/zero >"$work/disk/filler"
LABEL=demo URI="pkcs11:token=demo"
(umask 077; echo "so-pin-123456" >"$work/so.pin"; echo "user-pin-123456" >"$work/user.pin")
cat >"$HUFU_CONF" <<CONF
log { to = "file:$work/hufu.log" level = "info" }
token "demo" { store = "sqlite:$work/disk/demo.db" host_secret = "file:$work/host.key" }
CONF
chmod 600 "$HUFU_CONF"
check "a token on a small disk" hufu token init --label demo --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
login="--token-label demo --login --pin user-pin-123456"

head -c 4000 /dev/urandom >"$work/data"
written=0
for i in $(seq 150); do
	pkcs11_tool $login --write-object "$work/data" --type data --label "d$i" >"$work/out" 2>&1 || break
	written=$i
done
cp "$work/out" "$work/full.out"
check "the disk takes some objects" test "$written" -gt 3
check "and then is full" test "$written" -lt 150
check "which is CKR_DEVICE_MEMORY" contains CKR_DEVICE_MEMORY "$work/full.out"
check "and stands in the log" contains -i 'full' "$work/hufu.log"
# A login counts its try durably before it looks at the PIN, so that too wants room.
check_not "a login is refused while no try can be counted" pkcs11_tool $login --list-objects
rm "$work/disk/filler"
missing=0
for i in $(seq "$written"); do
	pkcs11_tool $login --read-object --type data --label "d$i" -o "$work/back" >/dev/null 2>&1 && cmp -s "$work/data" "$work/back" || missing=$((missing + 1))
done
check "every object acknowledged is there" is_equal "$missing" 0
check "objects can be written again" pkcs11_tool $login --write-object "$work/data" --type data --label after
check "the store is sound" hufu_core store verify "$URI" --pin-file "$work/user.pin"

mount -o remount,bind,ro "$work/disk" || not_ok "the disk is made read-only"
check "a read-only disk: public objects can be listed" pkcs11_tool --token-label demo --list-objects
check_not "nothing can be written" pkcs11_tool $login --write-object "$work/data" --type data --label more
check "with CKR_TOKEN_WRITE_PROTECTED" contains CKR_TOKEN_WRITE_PROTECTED "$work/out"
umount "$work/disk"
finish
