#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: p11-kit lists the module from a module file, and its server carries
# objects and random numbers (it forwards no vendor mechanisms) to eight
# clients at once.
. "$(dirname "$0")/lib.sh"
need p11-kit pkcs11-tool
init_token demo
hufu_in key generate "$URI" --type sm2 --label signer --id 01 >/dev/null

# p11-kit reads module files from the user's own folder; root's it passes over,
# so root puts one over the system's folder, in a namespace.
export HOME=$work/home
unset XDG_CONFIG_HOME
mkdir -p "$HOME/.config/pkcs11/modules"
echo "module: $MODULE" >"$HOME/.config/pkcs11/modules/hufu.module"
list_modules() {
	if [ "$(id -u)" != 0 ]; then $HUFU_WRAP p11-kit list-modules; return; fi
	unshare -m sh -c "mount -t tmpfs tmpfs /usr/share/p11-kit/modules && cp '$HOME/.config/pkcs11/modules/hufu.module' /usr/share/p11-kit/modules && $HUFU_WRAP p11-kit list-modules"
}
if [ "$(id -u)" = 0 ] && ! unshare -m true 2>/dev/null; then
	skip "lists modules" "root may not make a mount namespace here"
else
	check "lists modules" list_modules
	check "ours by its file" contains '^hufu: ' "$work/out"
	check "with its token" contains 'token: demo' "$work/out"
fi

client=
for dir in "$(pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null)" /usr/lib/*/pkcs11 /usr/lib64/pkcs11 /usr/lib/pkcs11; do
	[ -n "$dir" ] && [ -e "$dir/p11-kit-client.so" ] && client=$dir/p11-kit-client.so
done
if [ -z "$client" ]; then
	skip "the server" "p11-kit-client.so is not installed (Debian: p11-kit-modules)"
	finish; exit 0
fi

$HUFU_WRAP p11-kit server --provider "$MODULE" --name "$work/p11.sock" --foreground "pkcs11:" >"$work/server.out" 2>&1 &
pids="$pids $!"
for _ in $(seq 100); do [ -S "$work/p11.sock" ] && break; sleep 0.1; done
export P11_KIT_SERVER_ADDRESS=unix:path=$work/p11.sock
remote() { pkcs11-tool --module "$client" "$@"; }
check "the server shows the token" remote --list-slots
check "by its label" contains demo "$work/out"
check "objects are listed through it" remote --token-label demo --login --pin "$PIN" --list-objects
check "random numbers come through it" remote --token-label demo --generate-random 32 -o "$work/random"
head -c 500 /dev/urandom >"$work/data"
check "an object is written through it" remote --token-label demo --login --pin "$PIN" --write-object "$work/data" --type data --label far
check "and read back" remote --token-label demo --login --pin "$PIN" --read-object --type data --label far -o "$work/far"
check "the same bytes" same "$work/data" "$work/far"

workers=
for i in 1 2 3 4 5 6 7 8; do
	(remote --token-label demo --login --pin "$PIN" --write-object "$work/data" --type data --label "client-$i" &&
	 remote --token-label demo --login --pin "$PIN" --read-object --type data --label "client-$i" -o "$work/client-$i") >"$work/client-$i.out" 2>&1 &
	workers="$workers $!"
done
failures=0
for pid in $workers; do wait "$pid" || failures=$((failures + 1)); done
check "eight clients at once, none failed" is_equal "$failures" 0
for i in 1 2 3 4 5 6 7 8; do cmp -s "$work/data" "$work/client-$i" || failures=$((failures + 1)); done
check "and each read what it wrote" is_equal "$failures" 0
finish
